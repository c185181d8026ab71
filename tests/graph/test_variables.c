/* SPDX-License-Identifier: Apache-2.0
 * Variables: TensorFlow's nodes and names, scopes, sharing and its refusals. */
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

static void assert_names(const char *expected)
{
    char text[2048] = "";
    for (size_t i = 0; i < tw_graph_operation_count(tw_default_graph()); i++) {
        strcat(text, i ? " " : "");
        strcat(text, tw_operation_name(tw_graph_operation_at(tw_default_graph(), i)));
    }
    assert_string_equal(text, expected);
}

static tw_tensor half(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    (void)initializer;
    tw_array *array = tw_array_new(dtype, shape);
    tw_array_set(array, 0.5);
    tw_tensor out = tw_operand_tensor(tw_of_array(array), dtype, "Const");
    tw_array_unref(array);
    return out;
}
static const tw_initializer half_initializer = {.make = half};

static void a_variable_has_tensorflows_nodes(void **state)
{
    (void)state;
    tw_variable(1.0);
    tw_tensor second = tw_variable(2.0);
    assert_names("Variable/initial_value Variable Variable/Assign Variable/read "
                 "Variable_1/initial_value Variable_1 Variable_1/Assign Variable_1/read");
    assert_string_equal(tw_tensor_text(second).s,
                        "Tensor(\"Variable_1:0\", shape=(), dtype=float32_ref)");
    assert_string_equal(name_of(tw_variable_read(second)), "Variable_1/read");
    assert_string_equal(name_of(tw_variable_initializer(second)), "Variable_1/Assign");
    assert_string_equal(name_of(tw_variable_initial_value(second)), "Variable_1/initial_value");
    assert_string_equal(tw_operation_type(second.op), "VariableV2");
    assert_null(tw_graph_status(tw_default_graph()));
}

static void a_variable_of_a_tensor_needs_no_constant(void **state)
{
    (void)state;
    tw_tensor x = tw_fill(TW_SHAPE(2), 1.0f, .name = "x");
    tw_tensor w = tw_variable(x, .name = "w", .trainable = false);
    assert_names("x/dims x/value x w w/Assign w/read");
    assert_shape(w, "(2,)");
    assert_int_equal(tw_global_variables().count, 1);
    assert_int_equal(tw_trainable_variables().count, 0);
}

static void the_default_initializer_is_glorot_uniform(void **state)
{
    (void)state;
    tw_tensor w = tw_get_variable("w", TW_SHAPE(2, 3));
    assert_names("w/Initializer/random_uniform/shape w/Initializer/random_uniform/min "
                 "w/Initializer/random_uniform/max w/Initializer/random_uniform/RandomUniform "
                 "w/Initializer/random_uniform/sub w/Initializer/random_uniform/mul "
                 "w/Initializer/random_uniform w w/Assign w/read");
    tw_tensor max;
    must(tw_graph_tensor(tw_default_graph(), "w/Initializer/random_uniform/max:0", &max));
    tw_array *limit = tw_tensor_constant_value(max);
    assert_float_equal(tw_array_item(limit), 1.0954451, 1e-6); /* sqrt(6 / 5) */
    tw_array_unref(limit);
    assert_shape(w, "(2, 3)");
}

static void integers_begin_as_zeros(void **state)
{
    (void)state;
    tw_get_variable("i", TW_SHAPE(2), .dtype = TW_INT32);
    tw_get_variable("big", TW_SHAPE(40, 50), .dtype = TW_INT64);
    assert_names("i/Initializer/zeros i i/Assign i/read big/Initializer/zeros/shape_as_tensor "
                 "big/Initializer/zeros/Const big/Initializer/zeros big big/Assign big/read");
    assert_null(tw_get_variable("c", TW_SHAPE(2), .dtype = TW_COMPLEX64).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "complex64", "test_variables.c");
}

static void everything_of_a_variable_is_colocated_with_it(void **state)
{
    (void)state;
    TW_VARIABLE_SCOPE("a")
        tw_get_variable("w", TW_SHAPE(2), .initializer = half_initializer);
    assert_names("a/w/Initializer/Const a/w a/w/Assign a/w/read");
    for (size_t i = 0; i < 4; i++) {
        const tw_attr *class = tw_operation_attr(tw_graph_operation_at(tw_default_graph(), i),
                                                 "_class");
        const tw_bytes *group = class->value.items;
        assert_int_equal(class->count, 1);
        assert_int_equal(group->length, 8);
        assert_memory_equal(group->data, "loc:@a/w", 8);
    }
}

static void variable_scopes_open_name_scopes(void **state)
{
    (void)state;
    tw_tensor a, b, c, d, e;
    TW_NAME_SCOPE("n") {
        a = tw_fill(TW_SHAPE(), 1, .name = "Const");
        TW_VARIABLE_SCOPE("v") {
            b = tw_fill(TW_SHAPE(), 1, .name = "Const");
            c = tw_get_variable("w", TW_SHAPE(1));
            d = tw_variable(1);
            assert_string_equal(tw_variable_scope_name(), "v");
        }
    }
    TW_VARIABLE_SCOPE("v", .reuse = true)
        e = tw_neg(tw_get_variable("w", TW_SHAPE(1)));
    assert_string_equal(name_of(a), "n/Const");
    assert_string_equal(name_of(b), "n/v/Const");
    assert_string_equal(name_of(c), "v/w");
    assert_string_equal(name_of(d), "n/v/Variable");
    assert_string_equal(name_of(e), "v/Neg");
    assert_string_equal(tw_variable_scope_name(), "");
}

static void a_variable_scope_entered_again_gives_other_names_to_operations(void **state)
{
    (void)state;
    tw_tensor x[2], y[2];
    for (int i = 0; i < 2; i++) {
        TW_VARIABLE_SCOPE("a", .reuse = i ? TW_REUSE : TW_REUSE_INHERIT) {
            x[i] = tw_get_variable("w", TW_SHAPE(2));
            y[i] = tw_add(x[i], x[i]);
        }
    }
    assert_true(tw_same(x[0], x[1]));
    assert_string_equal(name_of(y[0]), "a/Add");
    assert_string_equal(name_of(y[1]), "a_1/Add");
}

static void reuse_shares_and_goes_down_into_inner_scopes(void **state)
{
    (void)state;
    tw_tensor v, shared, inner;
    TW_VARIABLE_SCOPE("foo") {
        TW_VARIABLE_SCOPE("bar")
            v = tw_get_variable("v", TW_SHAPE(1));
    }
    TW_VARIABLE_SCOPE("foo", .reuse = true) {
        TW_VARIABLE_SCOPE("bar")
            shared = tw_get_variable("v", TW_SHAPE(1));
    }
    TW_VARIABLE_SCOPE("foo/bar") {
        tw_reuse_variables();
        inner = tw_get_variable("v", TW_SHAPE(-1));
    }
    assert_string_equal(tw_tensor_name(v).s, "foo/bar/v:0");
    assert_true(tw_same(v, shared));
    assert_true(tw_same(v, inner));
    assert_int_equal(tw_global_variables().count, 1);
}

static void auto_reuse_makes_once_and_shares_then(void **state)
{
    (void)state;
    tw_tensor v[2];
    for (int i = 0; i < 2; i++) {
        TW_VARIABLE_SCOPE("s", .reuse = TW_REUSE_AUTO)
            v[i] = tw_get_variable("v", TW_SHAPE(1));
    }
    assert_true(tw_same(v[0], v[1]));
    tw_reuse_variables();
    tw_get_variable("none", TW_SHAPE(1));
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Variable none does not exist");
}

static void refusals_say_what_tensorflow_says_and_where(void **state)
{
    (void)state;
    int first = __LINE__ + 1;
    tw_get_variable("w", TW_SHAPE(2, 3));
    char place[64];
    snprintf(place, sizeof place, "first made at %s:%d", __FILE__, first);
    assert_null(tw_get_variable("w", TW_SHAPE(2, 3)).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT,
                           "Variable w already exists, disallowed. Did you "
                           "mean to set reuse=True",
                           place, "made at", "test_variables.c");
    TW_VARIABLE_SCOPE("", .reuse = true) {
        assert_null(tw_get_variable("w", TW_SHAPE(3, 3)).op);
        GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Trying to share variable w, but specified "
                                                    "shape (3, 3) and found shape (2, 3).");
        assert_null(tw_get_variable("w", TW_SHAPE(2, 3), .dtype = TW_INT32).op);
        GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "specified dtype int32 and found dtype "
                                                    "float32.");
        assert_null(tw_get_variable("x", TW_SHAPE(2)).op);
        GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "Variable x does not exist");
    }
    assert_null(tw_get_variable("v", TW_SHAPE(-1)).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "'v'", "shape", "must be fully defined", "(?,)",
                           "test_variables.c");
    assert_null(tw_get_variable("", TW_SHAPE(1)).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "needs a name");
    assert_null(tw_get_variable("a b", TW_SHAPE(1)).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "'a b' is not a valid scope name");
    TW_VARIABLE_SCOPE(NULL)
        tw_get_variable("z", TW_SHAPE(1));
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "needs a name");
}

static tw_tensor wrong(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    if (initializer->mode == 0)
        return (tw_tensor){NULL, 0};
    if (initializer->mode == 1)
        return tw_operand_tensor(tw_of_int(1), TW_INT32, "one");
    if (initializer->mode == 2)
        return tw_operand_tensor(tw_of_ints(TW_INTS(1, 2, 3)), TW_INVALID_DTYPE, "three");
    return tw_matmul(half(initializer, shape, dtype), 1.0f);
}

static void an_initializer_that_fails_fails_the_variable(void **state)
{
    (void)state;
    const char *words[] = {"no tensor", "gives int32", "gives int32", "MatMul 'v"};
    for (int mode = 0; mode < 4; mode++) {
        tw_initializer initializer = {.make = wrong, .mode = mode};
        assert_null(tw_get_variable("v", TW_SHAPE(2), .initializer = initializer).op);
        GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, words[mode], "test_variables.c");
    }
    assert_int_equal(tw_global_variables().count, 0);
    assert_string_equal(tw_scope_name(), "");
}

static void a_scope_gives_its_initializer_and_dtype(void **state)
{
    (void)state;
    tw_tensor v, w;
    TW_VARIABLE_SCOPE("s", .initializer = half_initializer, .dtype = TW_FLOAT64) {
        TW_VARIABLE_SCOPE("t")
            v = tw_get_variable("v", TW_SHAPE(2));
        w = tw_get_variable("w", TW_SHAPE(2), .dtype = TW_FLOAT32);
    }
    assert_int_equal(tw_tensor_dtype(v), tw_dtype_ref(TW_FLOAT64));
    assert_int_equal(tw_tensor_dtype(w), tw_dtype_ref(TW_FLOAT32));
    tw_array *array = tw_tensor_constant_value(tw_variable_initial_value(v));
    assert_true(tw_array_item(array) == 0.5);
    tw_array_unref(array);
}

static void the_initializer_waits_for_every_assign(void **state)
{
    (void)state;
    tw_variable(1.0, .name = "a", .collection = "mine");
    tw_get_variable("b", TW_SHAPE(1));
    tw_tensor init = tw_global_variables_initializer();
    assert_string_equal(name_of(init), "init");
    assert_int_equal(init.index, -1);
    assert_int_equal(tw_operation_control_input_count(init.op), 2);
    assert_string_equal(tw_operation_name(tw_operation_control_input(init.op, 1)), "b/Assign");
    assert_int_equal(tw_graph_collection(tw_default_graph(), "mine").count, 1);
    tw_tensor some = tw_variables_initializer(tw_global_variables(), "some");
    assert_string_equal(name_of(some), "some");
    tw_tensor x = tw_fill(TW_SHAPE(), 1);
    assert_null(tw_variables_initializer(TW_LIST(x), NULL).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "is no variable");
}

static void a_variable_waits_for_nothing_and_stands_in_no_branch(void **state)
{
    (void)state;
    tw_graph *graph = tw_default_graph();
    tw_tensor a = add_named(graph, "NoOp", "a", NULL, 0);
    tw_region *branch;
    must(tw_region_new(graph, TW_REGION_BRANCH, NULL, "cond", &branch));
    branch->pivot = add_placeholder(graph, "pivot", TW_BOOL, TW_SHAPE());
    tw_tensor v, inside;
    TW_CONTROL_DEPENDENCIES(a) {
        int depth = tw_scope_push_region(branch);
        v = tw_variable(1.0, .name = "v");
        inside = add_placeholder(graph, "i", TW_FLOAT32, TW_SHAPE());
        tw_scope_pop_to(depth);
    }
    tw_operation *assign = tw_variable_initializer(v).op;
    assert_int_equal(tw_operation_control_input_count(assign), 0);
    assert_null(assign->region);
    assert_null(tw_variable(inside).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "inside a control-flow construct");
}

static void an_initial_value_must_have_a_shape_unless_told_otherwise(void **state)
{
    (void)state;
    tw_tensor x = add_placeholder(tw_default_graph(), "x", TW_FLOAT32, TW_SHAPE(-1));
    assert_null(tw_variable(x).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "must have a shape specified",
                           "Tensor(\"x:0\", shape=(?,)");
    tw_tensor v = tw_variable(x, .validate_shape = false);
    assert_shape(v, "<unknown>");
    assert_false(tw_operation_attr(tw_variable_initializer(v).op, "validate_shape")->value.b);
    assert_null(tw_variable(x, .dtype = TW_INT32).op);
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "requested dtype int32");
    assert_int_equal(tw_tensor_dtype(tw_variable(1, .dtype = TW_FLOAT64)),
                     tw_dtype_ref(TW_FLOAT64));
}

static void variables_without_memory_leak_nothing(void **state)
{
    (void)state;
    tw_get_variable("warm", TW_SHAPE(2));
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_tensor v = {NULL, 0};
        TW_VARIABLE_SCOPE("s", .reuse = TW_REUSE_AUTO)
            v = tw_get_variable("v", TW_SHAPE(2));
        if (!v.op && tw_graph_status(tw_default_graph()))
            assert_int_equal(tw_status_code(tw_graph_status(tw_default_graph())),
                             TW_RESOURCE_EXHAUSTED);
        tw_graph_clear_status(tw_default_graph());
        assert_string_equal(tw_variable_scope_name(), "");
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_variable_has_tensorflows_nodes, reset),
        cmocka_unit_test_teardown(a_variable_of_a_tensor_needs_no_constant, reset),
        cmocka_unit_test_teardown(the_default_initializer_is_glorot_uniform, reset),
        cmocka_unit_test_teardown(integers_begin_as_zeros, reset),
        cmocka_unit_test_teardown(everything_of_a_variable_is_colocated_with_it, reset),
        cmocka_unit_test_teardown(variable_scopes_open_name_scopes, reset),
        cmocka_unit_test_teardown(a_variable_scope_entered_again_gives_other_names_to_operations,
                                  reset),
        cmocka_unit_test_teardown(reuse_shares_and_goes_down_into_inner_scopes, reset),
        cmocka_unit_test_teardown(auto_reuse_makes_once_and_shares_then, reset),
        cmocka_unit_test_teardown(refusals_say_what_tensorflow_says_and_where, reset),
        cmocka_unit_test_teardown(an_initializer_that_fails_fails_the_variable, reset),
        cmocka_unit_test_teardown(a_scope_gives_its_initializer_and_dtype, reset),
        cmocka_unit_test_teardown(the_initializer_waits_for_every_assign, reset),
        cmocka_unit_test_teardown(a_variable_waits_for_nothing_and_stands_in_no_branch, reset),
        cmocka_unit_test_teardown(an_initial_value_must_have_a_shape_unless_told_otherwise, reset),
        cmocka_unit_test_teardown(variables_without_memory_leak_nothing, reset),
    };
    return cmocka_run_group_tests_name("variables", tests, NULL, NULL);
}
