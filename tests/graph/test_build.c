/* SPDX-License-Identifier: Apache-2.0
 * The typed builders: constants beside operations, dtypes of numbers, errors and build contexts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"
#include "support/failing_allocator.h"
#include "thalweg/thalweg.h"

static int reset(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

static tw_tensor placeholder(tw_dtype dtype, tw_shape shape)
{
    return add_placeholder(tw_default_graph(), "x", dtype, shape);
}

/* The operations of the current graph after the first: "Const Mul/y, Mul Mul". */
static void assert_operations(const char *expected)
{
    char text[1024] = "";
    for (size_t i = 1; i < tw_graph_operation_count(tw_default_graph()); i++) {
        const tw_operation *op = tw_graph_operation_at(tw_default_graph(), i);
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s %s", i > 1 ? ", " : "", tw_operation_type(op),
                 tw_operation_name(op));
    }
    assert_string_equal(text, expected);
}

static void a_number_becomes_a_constant_in_the_operations_scope(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_FLOAT64, TW_SHAPE(2));
    tw_tensor y = tw_mul(x, 3), z = tw_mul(2.5, x);
    assert_operations("Const Mul/y, Mul Mul, Const Mul_1/x, Mul Mul_1");
    assert_null(tw_graph_status(tw_default_graph()));
    assert_int_equal(tw_tensor_dtype(y), TW_FLOAT64);
    assert_shape(z, "(2,)");
    tw_array *three = tw_tensor_constant_value(tw_operation_input(y.op, 1));
    assert_int_equal(tw_array_dtype(three), TW_FLOAT64);
    assert_true(tw_array_item(three) == 3);
    tw_array_unref(three);
}

static void names_and_scopes_hold_for_constants_too(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE(2));
    TW_NAME_SCOPE("s")
        tw_mul(x, 3, .name = "m");
    tw_mul(x, 3, .name = "t/");
    tw_mul(x, x, .name = "m");
    assert_operations("Const s/m/y, Mul s/m, Const t/y, Mul t, Mul m");
}

static void shapes_become_int32_vectors_or_int64_where_needed(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE(2, 6));
    tw_tensor y = tw_reshape(x, TW_SHAPE(-1, 4));
    assert_operations("Const Reshape/shape, Reshape Reshape");
    assert_shape(y, "(3, 4)");
    assert_int_equal(tw_tensor_dtype(tw_operation_input(y.op, 1)), TW_INT32);
    tw_operand big = tw_of_shape(TW_SHAPE(INT64_C(1) << 40));
    tw_tensor wide = tw_operand_tensor(big, TW_INVALID_DTYPE, "wide");
    assert_int_equal(tw_tensor_dtype(wide), TW_INT64);
}

static void numbers_alone_have_their_own_dtype(void **state)
{
    (void)state;
    placeholder(TW_FLOAT32, TW_SHAPE());
    assert_int_equal(tw_tensor_dtype(tw_mul(2, 3)), TW_INT32);
    assert_int_equal(tw_tensor_dtype(tw_mul(2, 3.0)), TW_FLOAT32);
    assert_int_equal(tw_tensor_dtype(tw_mul(2, INT64_C(3))), TW_INT64);
    assert_int_equal(tw_tensor_dtype(tw_mul(2.0f, 3)), TW_FLOAT32);
    assert_int_equal(tw_tensor_dtype(tw_logical_and(true, (bool)false)), TW_BOOL);
    tw_array *array = tw_array_scalar(TW_FLOAT16, 1);
    assert_int_equal(tw_tensor_dtype(tw_mul(2, array)), TW_FLOAT16);
    tw_array_unref(array);
    assert_null(tw_graph_status(tw_default_graph()));
}

static void a_value_never_changes_its_kind(void **state)
{
    (void)state;
    tw_tensor i = placeholder(TW_INT32, TW_SHAPE()), b = placeholder(TW_UINT8, TW_SHAPE());
    assert_null(tw_mul(i, 2.5).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Mul", "Expected int32, got 2.5", "test_build.c");
    assert_null(tw_mul(b, 300).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "300 is out of the range of uint8");
    assert_null(tw_mul(b, (bool)true).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Expected uint8, got a bool");
    assert_null(tw_mul(i, "two").op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Expected int32, got a text");
    assert_null(tw_mul(i, (tw_array *)NULL).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "array is NULL");
}

static void arrays_are_copied(void **state)
{
    (void)state;
    tw_array *array = tw_array_scalar(TW_FLOAT32, 1);
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE()), y = tw_mul(x, array);
    tw_array_set(array, 2);
    tw_array *kept = tw_tensor_constant_value(tw_operation_input(y.op, 1));
    assert_true(tw_array_item(kept) == 1);
    tw_array_unref(kept);
    tw_array_unref(array);
}

static void only_the_first_error_stays_and_what_follows_is_invalid(void **state)
{
    (void)state;
    tw_tensor a = placeholder(TW_FLOAT32, TW_SHAPE(2, 3));
    tw_tensor bad = tw_matmul(a, a), after = tw_neg(bad), more = tw_mul(after, 2);
    assert_null(bad.op);
    assert_null(after.op);
    assert_null(more.op);
    assert_false(tw_tensor_valid(more));
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "MatMul 'MatMul'", "3", "2", "test_build.c");
    assert_null(tw_graph_status(tw_default_graph()));
    tw_neg(bad);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Neg", "invalid tensor");
}

static void an_operation_goes_to_the_graph_of_its_operands(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    tw_tensor x = add_placeholder(other, "x", TW_FLOAT32, TW_SHAPE());
    tw_tensor y = tw_mul(2, x);
    assert_ptr_equal(y.op->graph, other);
    assert_int_equal(tw_graph_operation_count(other), 3);
    tw_tensor z = placeholder(TW_FLOAT32, TW_SHAPE());
    assert_null(tw_mul(x, z).op);
    assert_null(tw_graph_status(tw_default_graph()));
    MUST_FAIL(tw_status_copy(tw_graph_status(other)), TW_INVALID_ARGUMENT, "same graph");
    tw_graph_unref(other);
}

static void a_caller_with_a_smaller_struct_gets_the_defaults_of_the_rest(void **state)
{
    (void)state;
    tw_tensor a = placeholder(TW_FLOAT32, TW_SHAPE(2, 3)), b = placeholder(TW_FLOAT32, TW_SHAPE(3));
    struct tw_mul_args args = {.size = offsetof(struct tw_mul_args, name),
                               .where = TW_HERE,
                               .x = tw_of_tensor(a),
                               .y = tw_of_tensor(b)};
    args.name = (const char *)-1; /* not looked at */
    tw_tensor y = tw_mul_(&args);
    assert_string_equal(name_of(y), "Mul");
    args.size = 3;
    assert_null(tw_mul_(&args).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "size");
}

static void results_of_what_was_not_built_can_be_indexed(void **state)
{
    (void)state;
    tw_tensors none = tw_build_results(NULL, 0, 3);
    assert_int_equal(none.count, 3);
    assert_null(none.items[2].op);
    assert_null(tw_build_result(NULL).op);
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE(4));
    tw_tensor parts = add_named(tw_default_graph(), "Identity", NULL, &x, 1);
    assert_int_equal(tw_build_results(parts.op, 0, SIZE_MAX).count, 1);
    assert_int_equal(tw_build_results(parts.op, 5, 1).count, 0);
    assert_null(tw_build(NULL, NULL));
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "without arguments");
}

static void a_context_keeps_errors_and_gives_its_place(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    tw_build_context outer, inner;
    tw_build_enter(&outer, other, (tw_where){"forward.c", 11});
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE(2, 3));
    assert_ptr_equal(x.op->graph, other);
    assert_string_equal(tw_operation_where(x.op).file, "forward.c");
    tw_build_enter(&inner, NULL, (tw_where){NULL, 0});
    tw_matmul(x, x);
    tw_neg(((tw_tensor){NULL, 0}));
    tw_status *status = tw_build_leave(&inner);
    MUST_FAIL(status, TW_INVALID_ARGUMENT, "MatMul", "test_build.c");
    tw_matmul(x, x);
    MUST_FAIL(tw_build_leave(&outer), TW_INVALID_ARGUMENT, "MatMul", "forward.c:11");
    assert_null(tw_graph_status(other));
    assert_null(tw_graph_status(tw_default_graph()));
    tw_graph_unref(other);
}

static tw_tensor twice(tw_tensor x, const char *name, tw_where where)
{
    tw_composite_scope scope;
    tw_operand operand = tw_of_tensor(x);
    tw_composite_enter(&scope, where, &operand, name, "twice");
    tw_tensor y = tw_mul(tw_add(x, 1, .name = scope.name), 2);
    y = tw_matmul(y, y);
    tw_composite_leave(&scope);
    return y;
}

static void a_composite_has_a_scope_and_passes_its_error_on(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    tw_tensor x = add_placeholder(other, "x", TW_FLOAT32, TW_SHAPE(2, 2));
    tw_tensor z = add_placeholder(other, "z", TW_FLOAT32, TW_SHAPE(2, 3));
    tw_tensor y = twice(x, NULL, (tw_where){"user.c", 5});
    assert_string_equal(name_of(y), "twice/MatMul");
    assert_non_null(tw_graph_operation(other, "twice"));
    assert_non_null(tw_graph_operation(other, "twice/y"));
    assert_string_equal(tw_operation_where(y.op).file, "user.c");
    assert_null(twice(z, "again", (tw_where){"user.c", 6}).op);
    MUST_FAIL(tw_status_copy(tw_graph_status(other)), TW_INVALID_ARGUMENT, "MatMul 'again/MatMul'",
              "user.c:6");
    tw_graph_clear_status(other);
    twice(x, "no good", (tw_where){"user.c", 7});
    MUST_FAIL(tw_status_copy(tw_graph_status(other)), TW_INVALID_ARGUMENT, "'no good'", "user.c:7");
    assert_string_equal(tw_scope_name(), "");
    tw_graph_unref(other);
}

static void an_operand_can_be_made_a_tensor(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE());
    assert_true(tw_same(tw_operand_tensor(tw_of_tensor(x), TW_FLOAT32, NULL), x));
    tw_tensor c = tw_operand_tensor(tw_of_int(5), TW_FLOAT64, "five");
    assert_string_equal(name_of(c), "five");
    assert_int_equal(tw_tensor_dtype(c), TW_FLOAT64);
    assert_int_equal(tw_tensor_dtype(tw_operand_tensor(tw_of_text("s"), 0, NULL)), TW_STRING);
    assert_null(tw_operand_tensor(tw_of_tensor(x), TW_INT32, NULL).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT,
                           "Tensor conversion requested dtype int32 for Tensor with dtype float32");
    assert_null(tw_operand_tensor((tw_operand){0}, TW_INT32, "axis").op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "'axis' is missing");
}

static void building_without_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_FLOAT32, TW_SHAPE(2, 6));
    tw_reshape(tw_mul(x, 3), TW_SHAPE(3, 4));
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_tensor y = tw_reshape(tw_mul(x, 3, .name = "a/b"), TW_SHAPE(3, 4));
        const tw_status *status = tw_graph_status(tw_default_graph());
        if (!y.op)
            assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
        tw_graph_clear_status(tw_default_graph());
        assert_string_equal(tw_scope_name(), "");
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_number_becomes_a_constant_in_the_operations_scope, reset),
        cmocka_unit_test_teardown(names_and_scopes_hold_for_constants_too, reset),
        cmocka_unit_test_teardown(shapes_become_int32_vectors_or_int64_where_needed, reset),
        cmocka_unit_test_teardown(numbers_alone_have_their_own_dtype, reset),
        cmocka_unit_test_teardown(a_value_never_changes_its_kind, reset),
        cmocka_unit_test_teardown(arrays_are_copied, reset),
        cmocka_unit_test_teardown(only_the_first_error_stays_and_what_follows_is_invalid, reset),
        cmocka_unit_test_teardown(an_operation_goes_to_the_graph_of_its_operands, reset),
        cmocka_unit_test_teardown(a_caller_with_a_smaller_struct_gets_the_defaults_of_the_rest,
                                  reset),
        cmocka_unit_test_teardown(results_of_what_was_not_built_can_be_indexed, reset),
        cmocka_unit_test_teardown(a_context_keeps_errors_and_gives_its_place, reset),
        cmocka_unit_test_teardown(a_composite_has_a_scope_and_passes_its_error_on, reset),
        cmocka_unit_test_teardown(an_operand_can_be_made_a_tensor, reset),
        cmocka_unit_test_teardown(building_without_memory_is_an_error_and_leaks_nothing, reset),
    };
    return cmocka_run_group_tests_name("builders", tests, NULL, NULL);
}
