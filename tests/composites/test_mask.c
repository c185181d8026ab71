/* SPDX-License-Identifier: Apache-2.0
 * Masks of sequences, what masks leave, and sums of many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

/* What builders make of a number, a list or an array. */
#define constant(value) tw_operand_tensor(TW_OPERAND(value), TW_INVALID_DTYPE, "value")

static int start(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

static void expect(tw_tensor tensor, tw_shape shape, const double *values)
{
    tw_array *got = NULL;
    assert_null(tw_graph_status(tw_default_graph()));
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tensor), .out = &got));
    assert_string_equal(tw_shape_text(tw_array_shape(got)).s, tw_shape_text(shape).s);
    for (size_t i = 0; i < tw_array_count(got); i++)
        assert_true(tw_array_get(got, i) == values[i]);
    tw_array_unref(got);
    tw_session_free(session);
}
#define EXPECT(tensor, shape, ...) expect(tensor, shape, (const double[]){0, __VA_ARGS__} + 1)

static void expect_error(const char *part)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    assert_non_null(status);
    if (!strstr(tw_status_message(status), part))
        fail_msg("\"%s\" says nothing of \"%s\"", tw_status_message(status), part);
    tw_graph_clear_status(tw_default_graph());
}

static tw_tensor numbers(tw_dtype dtype, tw_shape shape)
{
    tw_array *array = tw_array_new(dtype, shape);
    for (size_t i = 0; i < tw_array_count(array); i++)
        ((float *)tw_array_data(array))[i] = (float)i;
    tw_tensor tensor = constant(array);
    tw_array_unref(array);
    return tensor;
}

static tw_tensor truths(tw_shape shape, const bool *values)
{
    tw_array *array = tw_array_copy_of(TW_BOOL, shape, values);
    tw_tensor tensor = constant(array);
    tw_array_unref(array);
    return tensor;
}
#define TRUTHS(shape, ...) truths(shape, (const bool[]){__VA_ARGS__})

static void a_sequence_mask_is_true_up_to_each_length(void **state)
{
    (void)state;
    EXPECT(tw_sequence_mask(TW_INTS(1, 3, 0)), TW_SHAPE(3, 3), 1, 0, 0, 1, 1, 1, 0, 0, 0);
    tw_tensor most = constant(2);
    tw_tensor mask = tw_sequence_mask(TW_INTS(1, 3), .maxlen = most, .dtype = TW_FLOAT32);
    assert_int_equal(tw_tensor_dtype(mask), TW_FLOAT32);
    EXPECT(mask, TW_SHAPE(2, 2), 1, 0, 1, 1);
}

static void lengths_of_any_rank_get_one_dimension_more(void **state)
{
    (void)state;
    tw_tensor lengths = tw_reshape(TW_INTS(1, 2, 0, 2), TW_INTS(2, 2));
    EXPECT(tw_sequence_mask(lengths), TW_SHAPE(2, 2, 2), 1, 0, 1, 1, 0, 0, 1, 1);
    EXPECT(tw_sequence_mask(2), TW_SHAPE(2), 1, 1);
    EXPECT(tw_sequence_mask(TW_INTS(-3)), TW_SHAPE(1, 0), 0);
}

static void the_greatest_length_is_a_scalar(void **state)
{
    (void)state;
    tw_sequence_mask(TW_INTS(1, 2), .maxlen = constant(TW_INTS(1, 2)));
    expect_error("maxlen must be scalar for sequence_mask");
}

static void a_boolean_mask_picks_as_numpy_does(void **state)
{
    (void)state;
    tw_tensor matrix = numbers(TW_FLOAT32, TW_SHAPE(2, 3));
    EXPECT(tw_boolean_mask(matrix, TRUTHS(TW_SHAPE(2), false, true)), TW_SHAPE(1, 3), 3, 4, 5);
    tw_tensor all = TRUTHS(TW_SHAPE(2, 3), true, false, true, false, false, true);
    EXPECT(tw_boolean_mask(matrix, all), TW_SHAPE(3), 0, 2, 5);
    tw_tensor nothing = TRUTHS(TW_SHAPE(2), false, false);
    EXPECT(tw_boolean_mask(matrix, nothing), TW_SHAPE(0, 3), 0);
}

static void a_mask_may_begin_at_a_later_axis(void **state)
{
    (void)state;
    tw_tensor cube = numbers(TW_FLOAT32, TW_SHAPE(2, 2, 2));
    tw_tensor mask = TRUTHS(TW_SHAPE(2), false, true);
    EXPECT(tw_boolean_mask(cube, mask, .axis = 1), TW_SHAPE(2, 1, 2), 2, 3, 6, 7);
    EXPECT(tw_boolean_mask(cube, mask, .axis = -1), TW_SHAPE(2, 2, 1), 1, 3, 5, 7);
}

static void a_mask_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    tw_tensor matrix = numbers(TW_FLOAT32, TW_SHAPE(2, 3));
    tw_boolean_mask(matrix, TRUTHS(TW_SHAPE(), true));
    expect_error("mask cannot be scalar.");
    tw_boolean_mask(matrix, TRUTHS(TW_SHAPE(3), true, true, true));
    expect_error("a mask of shape (3,) does not fit dimension 0 of a tensor of shape (2, 3)");
    tw_boolean_mask(matrix, TRUTHS(TW_SHAPE(2), true, true), .axis = 3);
    expect_error("does not fit");
    tw_boolean_mask(matrix, TRUTHS(TW_SHAPE(2), true, true), .axis = -3);
    expect_error("axis -3 does not fit");
    tw_boolean_mask(matrix, tw_placeholder(TW_BOOL));
    expect_error("Number of mask dimensions must be specified");
}

/* d sum(mask(x)^2) / dx = 2 x where the mask is true. */
static void a_gradient_flows_only_where_the_mask_is_true(void **state)
{
    (void)state;
    tw_tensor matrix = numbers(TW_FLOAT32, TW_SHAPE(2, 3));
    tw_tensor all = TRUTHS(TW_SHAPE(2, 3), true, true, true, false, false, true);
    tw_tensor sum = tw_reduce_sum(tw_square(tw_boolean_mask(matrix, all)));
    tw_grads grads = tw_gradients(TW_LIST(sum), TW_LIST(matrix));
    assert_int_equal(grads.count, 1);
    EXPECT(tw_grad_tensor(grads.grads[0]), TW_SHAPE(2, 3), 0, 2, 4, 0, 0, 10);
}

static void many_tensors_are_summed_up(void **state)
{
    (void)state;
    tw_tensor a = numbers(TW_FLOAT32, TW_SHAPE(3)), b = tw_mul(a, 10);
    EXPECT(tw_accumulate_n(TW_LIST(a, b, a)), TW_SHAPE(3), 0, 12, 24);
    assert_true(tw_same(tw_accumulate_n(TW_LIST(a)), a));
    tw_tensor named = tw_accumulate_n(TW_LIST(a), .name = "sum");
    assert_string_equal(tw_tensor_name(named).s, "sum:0");
    EXPECT(named, TW_SHAPE(3), 0, 1, 2);
}

static void what_is_summed_up_has_one_shape(void **state)
{
    (void)state;
    tw_tensor a = numbers(TW_FLOAT32, TW_SHAPE(3)), b = numbers(TW_FLOAT32, TW_SHAPE(2));
    tw_accumulate_n(TW_LIST(a, b));
    expect_error("shapes differ");
    tw_accumulate_n(TW_LIST(a, a), .shape = TW_SHAPE(2));
    expect_error("shapes differ, or are not (2,)");
    tw_accumulate_n((tw_tensors){NULL, 0});
    expect_error("a list of at least one Tensor");
    tw_tensor any = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1));
    tw_tensor sum = tw_accumulate_n(TW_LIST(any, a));
    assert_null(tw_graph_status(tw_default_graph()));
    assert_string_equal(tw_shape_text(tw_tensor_shape(sum)).s, "(3,)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_sequence_mask_is_true_up_to_each_length, start),
        cmocka_unit_test_setup(lengths_of_any_rank_get_one_dimension_more, start),
        cmocka_unit_test_setup(the_greatest_length_is_a_scalar, start),
        cmocka_unit_test_setup(a_boolean_mask_picks_as_numpy_does, start),
        cmocka_unit_test_setup(a_mask_may_begin_at_a_later_axis, start),
        cmocka_unit_test_setup(a_mask_that_does_not_fit_is_refused, start),
        cmocka_unit_test_setup(a_gradient_flows_only_where_the_mask_is_true, start),
        cmocka_unit_test_setup(many_tensors_are_summed_up, start),
        cmocka_unit_test_setup(what_is_summed_up_has_one_shape, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
