/* SPDX-License-Identifier: Apache-2.0
 * Values and parts of shapes that are known while building. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"
#include "thalweg/thalweg.h"

static int reset(void **state)
{
    (void)state;
    assert_null(tw_graph_status(tw_default_graph()));
    tw_reset_default_graph();
    return 0;
}

static tw_tensor placeholder(tw_shape shape)
{
    return add_placeholder(tw_default_graph(), "x", TW_FLOAT32, shape);
}

static tw_tensor ints(tw_ints values)
{
    return tw_operand_tensor(tw_of_ints(values), TW_INVALID_DTYPE, "c");
}

static tw_tensor number(int value)
{
    return tw_operand_tensor(tw_of_int(value), TW_INVALID_DTYPE, "n");
}

/* "[2 3]", or "unknown". */
static void assert_value(tw_tensor tensor, const char *expected)
{
    tw_array *value = tw_tensor_constant_value(tensor);
    char *text = value ? tw_array_text(value) : NULL;
    assert_string_equal(text ? text : "unknown", expected);
    tw_free(text);
    tw_array_unref(value);
}

/* What a reshape to `sizes` is known to give: shows partly known values. */
static void assert_partial(tw_tensor sizes, const char *expected)
{
    tw_arena arena = {0};
    assert_string_equal(tw_shape_text(tw_fold_partial(sizes, &arena)).s, expected);
    tw_arena_clear(&arena);
}

static tw_tensor slice(tw_tensor x, int begin, int end, int step, int64_t shrink)
{
    return tw_strided_slice(x, ints(TW_INTS(begin)), ints(TW_INTS(end)), ints(TW_INTS(step)),
                            .shrink_axis_mask = shrink);
}

static void constants_are_known_and_what_is_fed_is_not(void **state)
{
    (void)state;
    assert_value(ints(TW_INTS(1, -2)), "[ 1 -2]");
    assert_value(tw_operand_tensor(tw_of_float(2.5), TW_INVALID_DTYPE, NULL), "2.5");
    assert_value(placeholder(TW_SHAPE(2)), "unknown");
    assert_value((tw_tensor){NULL, 0}, "unknown");
    assert_value(tw_placeholder_with_default(ints(TW_INTS(1)), .shape = TW_SHAPE(1)), "unknown");
}

static void small_integers_follow_from_known_ones(void **state)
{
    (void)state;
    tw_tensor sum = tw_add(tw_mul(ints(TW_INTS(1, 2)), 3), number(1));
    assert_value(sum, "[4 7]");
    assert_value(tw_less(sum, 5), "[ True False]");
    assert_value(tw_cast(tw_operand_tensor(tw_of_float(2.9), 0, NULL), .DstT = TW_INT32), "2");
    assert_value(tw_mul(tw_operand_tensor(tw_of_float(2), 0, NULL), 2.0f), "unknown");
    assert_value(tw_fill(TW_SHAPE(2000), 1), "unknown");
    assert_value(tw_fill(TW_SHAPE(2), 1), "[1 1]");
}

static void shapes_that_are_known_are_values(void **state)
{
    (void)state;
    tw_tensor x = placeholder(TW_SHAPE(1000000, 784)), y = placeholder(TW_SHAPE(-1, 3));
    tw_tensor u = placeholder(TW_UNKNOWN_SHAPE);
    assert_value(tw_shape(x), "[1000000     784]");
    assert_value(tw_size(x), "784000000");
    assert_value(tw_rank(y), "2");
    assert_value(tw_shape(y), "unknown");
    assert_value(tw_rank(u), "unknown");
    assert_partial(tw_shape(y), "(?, 3)");
    assert_partial(tw_shape(u), "<unknown>");
}

static void parts_of_shapes_pass_through_what_rearranges_them(void **state)
{
    (void)state;
    tw_tensor y = placeholder(TW_SHAPE(-1, 3, 4)), sizes = tw_shape(y);
    assert_value(slice(sizes, 1, 2, 1, 1), "3");
    assert_value(slice(sizes, 0, 1, 1, 1), "unknown");
    assert_value(slice(sizes, 1, 3, 1, 0), "[3 4]");
    assert_partial(slice(sizes, -1, -4, -2, 0), "(4, ?)");
    assert_partial(slice(sizes, 0, 2, 1, 0), "(?, 3)");
    tw_tensor first = slice(sizes, 0, 1, 1, 1), last = slice(sizes, -1, 0, 1, 1);
    assert_value(last, "4");
    assert_partial(tw_stack(TW_LIST(first, last, number(-1))), "(?, 4, ?)");
    assert_value(tw_stack(TW_LIST(last, number(-1))), "[ 4 -1]");
    assert_partial(tw_concat(TW_LIST(sizes, ints(TW_INTS(7, 8))), 0), "(?, 3, 4, 7, 8)");
    assert_partial(tw_gather(sizes, ints(TW_INTS(2, 0))), "(4, ?)");
    assert_partial(tw_slice(sizes, ints(TW_INTS(1)), ints(TW_INTS(-1))), "(3, 4)");
    assert_partial(tw_identity(tw_cast(sizes, .DstT = TW_INT64)), "(?, 3, 4)");
}

static void parts_can_be_asked_for(void **state)
{
    (void)state;
    int64_t dims[TW_MAX_RANK];
    tw_tensor x = placeholder((tw_shape){(const int64_t[]){-1, 3}, 2});
    assert_int_equal(tw_tensor_value_dims(tw_shape(x), dims), 2);
    assert_true(dims[0] == -1 && dims[1] == 3);
    assert_int_equal(tw_tensor_value_dims(ints(TW_INTS(2, -1)), dims), 2);
    assert_true(dims[0] == 2 && dims[1] == -1);
    assert_int_equal(tw_tensor_value_dims(x, dims), -1);
    assert_int_equal(tw_tensor_value_dims((tw_tensor){NULL, 0}, dims), -1);
}

static void the_ends_of_a_range_of_floats_may_be_cast(void **state)
{
    (void)state;
    tw_tensor end = tw_cast(number(3), .DstT = TW_FLOAT32);
    assert_value(end, "3.0");
    assert_value(tw_cast(ints(TW_INTS(3, 4)), .DstT = TW_FLOAT32), "unknown");
}

static void shape_rules_see_parts(void **state)
{
    (void)state;
    tw_tensor y = placeholder(TW_SHAPE(-1, 3, 4)), sizes = tw_shape(y);
    tw_tensor rows = slice(sizes, 0, 1, 1, 1);
    assert_shape(tw_reshape(y, tw_stack(TW_LIST(rows, number(12)))), "(?, 12)");
    assert_shape(tw_fill(sizes, 1.0f), "(?, 3, 4)");
}

static void a_long_chain_is_given_up_and_never_hangs(void **state)
{
    (void)state;
    tw_tensor x = number(1);
    for (int i = 0; i < 40; i++)
        x = tw_add(x, x);
    tw_array *value = tw_tensor_constant_value(x);
    tw_array_unref(value);
    tw_tensor y = tw_size(placeholder(TW_SHAPE(-1)));
    for (int i = 0; i < 200; i++)
        y = tw_add(y, y);
    assert_value(y, "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(constants_are_known_and_what_is_fed_is_not, reset),
        cmocka_unit_test_teardown(small_integers_follow_from_known_ones, reset),
        cmocka_unit_test_teardown(shapes_that_are_known_are_values, reset),
        cmocka_unit_test_teardown(parts_of_shapes_pass_through_what_rearranges_them, reset),
        cmocka_unit_test_teardown(parts_can_be_asked_for, reset),
        cmocka_unit_test_teardown(the_ends_of_a_range_of_floats_may_be_cast, reset),
        cmocka_unit_test_teardown(shape_rules_see_parts, reset),
        cmocka_unit_test_teardown(a_long_chain_is_given_up_and_never_hangs, reset),
    };
    return cmocka_run_group_tests_name("values while building", tests, NULL, NULL);
}
