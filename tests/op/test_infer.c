/* SPDX-License-Identifier: Apache-2.0
 * What shape rules are written with: shapes known in full, in part and not at all, values, and the
 * first failure, which is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "op/infer.h"
#include "op/shapes.h"
#include "support/failing_allocator.h"

enum { INPUTS = 3, OUTPUTS = 2 };

/* A rule under test: what it is given, and the context that it runs in. */
static struct {
    struct tw_op op;
    tw_spec spec;
    tw_arena arena;
    tw_shape inputs[INPUTS], outputs[OUTPUTS], value_shapes[INPUTS];
    tw_array *values[INPUTS];
    tw_infer in;
} t;

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    static const tw_dtype dtypes[INPUTS] = {TW_FLOAT32, TW_INT32, TW_INT64};
    t.op.name = "Test";
    t.op.definition.shape_inputs = 1u << 1 | 1u << 2;
    t.spec = (tw_spec){.op = &t.op, .type = "Test", .name = "test"};
    t.in = (tw_infer){.spec = &t.spec,
                      .arena = &t.arena,
                      .input_count = INPUTS,
                      .output_count = OUTPUTS,
                      .dtypes = dtypes,
                      .shapes = t.inputs,
                      .values = (const tw_array *const *)t.values,
                      .value_shapes = t.value_shapes,
                      .outputs = t.outputs};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < INPUTS; i++)
        tw_array_unref(t.values[i]);
    tw_status_free(t.in.status);
    tw_arena_clear(&t.arena);
    return 0;
}

static void expect_shape(tw_shape got, const char *wanted)
{
    assert_string_equal(tw_shape_text(got).s, wanted);
}

static void expect_failure(const char *wanted)
{
    assert_non_null(t.in.status);
    assert_string_equal(tw_status_message(t.in.status), wanted);
    assert_int_equal(tw_status_kind(t.in.status), TW_KIND_VALUE);
    tw_status_free(t.in.status);
    t.in.status = NULL;
}

static void ranks_are_checked_where_they_are_known(void **state)
{
    (void)state;
    t.inputs[0] = TW_SHAPE(2, 3);
    t.inputs[2] = TW_SHAPE();
    expect_shape(tw_infer_matrix(&t.in, 0), "(2, 3)");
    expect_shape(tw_infer_matrix(&t.in, 1), "(?, ?)");
    expect_shape(tw_infer_vector(&t.in, 1), "(?,)");
    tw_infer_scalar(&t.in, 2);
    assert_false(tw_infer_failed(&t.in));
    expect_shape(tw_infer_vector(&t.in, 0), "(?,)");
    assert_true(tw_infer_failed(&t.in));
    tw_infer_scalar(&t.in, 0);
    expect_failure("Shape must be rank 1 but is rank 2");
    assert_int_equal(tw_infer_input_count(&t.in), INPUTS);
    assert_int_equal(tw_infer_output_count(&t.in), OUTPUTS);
    assert_int_equal(tw_infer_dtype(&t.in, 1), TW_INT32);
    assert_int_equal(tw_infer_dtype(&t.in, 99), TW_INVALID_DTYPE);
    expect_shape(tw_infer_input(&t.in, 99), "<unknown>");
}

static void shapes_of_one_array_are_merged(void **state)
{
    (void)state;
    expect_shape(tw_infer_merge(&t.in, TW_SHAPE(-1, 3), TW_SHAPE(2, -1)), "(2, 3)");
    expect_shape(tw_infer_merge(&t.in, TW_UNKNOWN_SHAPE, TW_SHAPE(2)), "(2,)");
    expect_shape(tw_infer_merge(&t.in, TW_SHAPE(2), TW_UNKNOWN_SHAPE), "(2,)");
    tw_infer_merge(&t.in, TW_SHAPE(2), TW_SHAPE(2, 2));
    expect_failure("Shapes must be equal rank, but are 1 and 2");
    tw_infer_merge(&t.in, TW_SHAPE(2, 3), TW_SHAPE(2, 4));
    expect_failure("Dimension 1 in both shapes must be equal, but are 3 and 4. "
                   "Shapes are (2, 3) and (2, 4).");
}

static void broadcasting_is_numpys(void **state)
{
    (void)state;
    expect_shape(tw_infer_broadcast(&t.in, TW_SHAPE(2, 1), TW_SHAPE(3)), "(2, 3)");
    expect_shape(tw_infer_broadcast(&t.in, TW_SHAPE(), TW_SHAPE(0, 1)), "(0, 1)");
    expect_shape(tw_infer_broadcast(&t.in, TW_SHAPE(-1), TW_SHAPE(5)), "(5,)");
    expect_shape(tw_infer_broadcast(&t.in, TW_SHAPE(-1), TW_SHAPE(1)), "(?,)");
    expect_shape(tw_infer_broadcast(&t.in, TW_SHAPE(-1), TW_SHAPE(-1)), "(?,)");
    expect_shape(tw_infer_broadcast(&t.in, TW_UNKNOWN_SHAPE, TW_SHAPE(2)), "<unknown>");
    assert_false(tw_infer_failed(&t.in));
    tw_infer_broadcast(&t.in, TW_SHAPE(2, 3), TW_SHAPE(3, 2));
    expect_failure("Incompatible shapes: Dimensions must be equal, but are 3 and 2");
}

static void shapes_are_joined_cut_and_asked(void **state)
{
    (void)state;
    tw_shape shape = tw_infer_concat(&t.in, TW_SHAPE(2), TW_SHAPE(3, -1));
    expect_shape(shape, "(2, 3, ?)");
    expect_shape(tw_infer_concat(&t.in, TW_UNKNOWN_SHAPE, TW_SHAPE(3)), "<unknown>");
    expect_shape(tw_infer_slice(&t.in, shape, 1, SIZE_MAX), "(3, ?)");
    expect_shape(tw_infer_slice(&t.in, shape, 9, 2), "()");
    expect_shape(tw_infer_slice(&t.in, TW_UNKNOWN_SHAPE, 0, 1), "<unknown>");
    assert_int_equal(tw_infer_dim(shape, -2), 3);
    assert_int_equal(tw_infer_dim(shape, 5), -1);
    assert_int_equal(tw_infer_dim(TW_UNKNOWN_SHAPE, 0), -1);
    assert_int_equal(tw_infer_axis(&t.in, -1, 3), 2);
    assert_int_equal(tw_infer_axis(&t.in, 3, 3), 0);
    expect_failure("Expected dimension in the range [-3, 3), but got 3");
    expect_shape(tw_infer_unknown(&t.in, 17), "<unknown>");
    expect_failure("a shape has at most 16 dimensions, got 17");
}

static void values_are_read_where_the_op_says_so(void **state)
{
    (void)state;
    int64_t value;
    t.values[0] = tw_array_scalar(TW_INT32, 1);
    t.values[1] = tw_array_scalar(TW_INT32, -4);
    assert_null(tw_infer_value(&t.in, 0));
    assert_ptr_equal(tw_infer_value(&t.in, 1), t.values[1]);
    assert_true(tw_infer_int_value(&t.in, 1, &value));
    assert_int_equal(value, -4);
    assert_false(tw_infer_int_value(&t.in, 2, &value));
    assert_int_equal(t.in.read, 1u << 1 | 1u << 2);
    t.in.values = NULL;
    assert_null(tw_infer_value(&t.in, 1));
}

static void a_vector_of_integers_is_a_shape(void **state)
{
    (void)state;
    t.inputs[1] = TW_SHAPE(3);
    expect_shape(tw_infer_shape_value(&t.in, 1), "(?, ?, ?)");
    t.value_shapes[1] = TW_SHAPE(4, -1, 5);
    expect_shape(tw_infer_shape_value(&t.in, 1), "(4, ?, 5)");
    t.values[1] = tw_array_copy_of(TW_INT32, TW_SHAPE(3), (int32_t[]){2, -1, 7});
    expect_shape(tw_infer_shape_value(&t.in, 1), "(2, ?, 7)");
    expect_shape(tw_infer_shape_value(&t.in, 2), "<unknown>");
    assert_false(tw_infer_failed(&t.in));
    t.values[2] = tw_array_copy_of(TW_INT64, TW_SHAPE(1), (int64_t[]){-2});
    tw_infer_shape_value(&t.in, 2);
    expect_failure("Invalid value in tensor used for shape: -2");
    t.inputs[1] = TW_SHAPE();
    tw_infer_shape_value(&t.in, 1);
    expect_failure("Shape must be rank 1 but is rank 0");
    t.inputs[2] = TW_SHAPE(INT64_C(1) << 40);
    tw_array_unref(t.values[2]);
    t.values[2] = NULL;
    expect_shape(tw_infer_shape_value(&t.in, 2), "<unknown>");
    expect_failure("a shape has at most 16 dimensions, got 1099511627776");
}

static void two_outputs(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE(2, 3));
    tw_infer_output(in, 5, TW_SHAPE(2));
}

static void failing(tw_infer *in, void *user)
{
    tw_infer_output(in, 0, TW_SHAPE(2));
    tw_infer_fail(in, "first %d", *(int *)user);
    tw_infer_fail(in, "second");
    tw_infer_output(in, 1, TW_SHAPE(2));
}

static void a_rule_fills_outputs_and_a_failing_one_leaves_them_unknown(void **state)
{
    (void)state;
    t.op.definition.infer = two_outputs;
    assert_null(tw_infer_run(&t.in, NULL, NULL));
    expect_shape(t.outputs[0], "(2, 3)");
    expect_shape(t.outputs[1], "<unknown>");
    int number = 7;
    tw_status *status = tw_infer_run(&t.in, failing, &number);
    assert_string_equal(tw_status_message(status), "first 7");
    expect_shape(t.outputs[0], "<unknown>");
    tw_status_free(status);
    t.op.definition.infer = NULL;
    assert_null(tw_infer_run(&t.in, NULL, NULL));
    expect_shape(t.outputs[0], "<unknown>");
}

static void outputs_that_no_array_can_have_are_refused(void **state)
{
    (void)state;
    static const int64_t dims[17] = {0};
    tw_infer_output(&t.in, 0, (tw_shape){dims, 17});
    expect_failure("a shape has at most 16 dimensions, got 17");
    tw_infer_output(&t.in, 0, TW_SHAPE(3, -5));
    expect_failure("Dimension -5 must be >= 0");
}

static void common_rules(void **state)
{
    (void)state;
    t.inputs[0] = TW_SHAPE(2, 1);
    t.inputs[1] = TW_SHAPE(3);
    t.inputs[2] = TW_SHAPE();
    tw_infer_same(&t.in);
    expect_shape(t.outputs[1], "(2, 1)");
    tw_infer_scalar_output(&t.in);
    expect_shape(t.outputs[1], "()");
    tw_infer_broadcast_all(&t.in);
    expect_shape(t.outputs[0], "(2, 3)");
    assert_string_equal(tw_shape_tf_text(TW_SHAPE(2, -1)).s, "[2,?]");
    assert_string_equal(tw_shape_tf_text(TW_SHAPE(2)).s, "[2]");
    assert_string_equal(tw_shape_tf_text(TW_SHAPE()).s, "[]");
    assert_string_equal(tw_shape_tf_text(TW_UNKNOWN_SHAPE).s, "<unknown>");
}

static void attributes_are_read_by_name(void **state)
{
    (void)state;
    static const int64_t items[] = {4, 5};
    const tw_attr attrs[] = {
        {.name = "b", .kind = TW_ATTR_BOOL, .value.b = true},
        {.name = "i", .kind = TW_ATTR_INT, .value.i = 6},
        {.name = "t", .kind = TW_ATTR_TYPE, .value.type = TW_BOOL},
        {.name = "s", .kind = TW_ATTR_STRING, .value.s = {"SAME", 4}},
        {.name = "l", .kind = TW_ATTR_INT, .list = true, .count = 2, .value.items = items},
    };
    t.spec.attrs = attrs;
    t.spec.attr_count = 5;
    assert_true(tw_infer_bool(&t.in, "b"));
    assert_int_equal(tw_infer_int(&t.in, "i"), 6);
    assert_int_equal(tw_infer_type(&t.in, "t"), TW_BOOL);
    assert_string_equal(tw_infer_string(&t.in, "s"), "SAME");
    assert_int_equal(tw_infer_ints(&t.in, "l").items[1], 5);
    assert_ptr_equal(tw_infer_attr(&t.in, "i"), &attrs[1]);
    assert_null(tw_infer_attr(&t.in, "none"));
    assert_false(tw_infer_bool(&t.in, "none"));
    assert_string_equal(tw_infer_string(&t.in, "i"), "");
    assert_null(tw_infer_ints(&t.in, "i").items);
}

static void short_memory_is_kept_as_the_failure(void **state)
{
    (void)state;
    t.inputs[0] = TW_SHAPE(2, 1);
    t.inputs[1] = TW_SHAPE(3);
    t.inputs[2] = TW_SHAPE();
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        t.op.definition.infer = tw_infer_broadcast_all;
        tw_status *status = tw_infer_run(&t.in, NULL, NULL);
        if (status)
            assert_int_equal(tw_status_kind(status), TW_KIND_MEMORY);
        tw_status_free(status);
        tw_arena_clear(&t.arena);
        assert_int_equal(failing_allocator_live(), live);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        TEST(ranks_are_checked_where_they_are_known),
        TEST(shapes_of_one_array_are_merged),
        TEST(broadcasting_is_numpys),
        TEST(shapes_are_joined_cut_and_asked),
        TEST(values_are_read_where_the_op_says_so),
        TEST(a_vector_of_integers_is_a_shape),
        TEST(a_rule_fills_outputs_and_a_failing_one_leaves_them_unknown),
        TEST(outputs_that_no_array_can_have_are_refused),
        TEST(common_rules),
        TEST(attributes_are_read_by_name),
        TEST(short_memory_is_kept_as_the_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
