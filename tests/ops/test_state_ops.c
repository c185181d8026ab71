/* SPDX-License-Identifier: Apache-2.0
 * Ops that change variables: odd shapes, bad indices, numbers at their ends; and nothing is written
 * where one refuses. */
#include "ops/ops_test.h"

/* ---- Assign ---- */

static void assign_gives_an_empty_variable_its_first_value(void **state)
{
    (void)state;
    op_call k = {"Assign", .inputs = {NULL, FLOATS(TW_SHAPE(2), 1, 2)}, .input_count = 2};
    call_good(&k);
    assert_holds(k.outputs[0], 1, 2);
    call_end(&k);
}

static void assign_takes_arrays_without_elements_and_without_dimensions(void **state)
{
    (void)state;
    op_call none = {"Assign",
                    .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(0, 3)),
                               tw_array_new(TW_FLOAT32, TW_SHAPE(0, 3))},
                    .input_count = 2};
    call_good(&none);
    assert_shape(none.outputs[0], TW_SHAPE(0, 3));
    call_end(&none);
    op_call scalar = {"Assign", .inputs = {FLOATS(TW_SHAPE(), 1), FLOATS(TW_SHAPE(), 5)},
                      .input_count = 2};
    call_good(&scalar);
    assert_holds(scalar.inputs[0], 5);
    call_end(&scalar);
}

static void assign_of_another_shape_is_refused_unless_told_otherwise(void **state)
{
    (void)state;
    op_call k = {"Assign", .inputs = {FLOATS(TW_SHAPE(2), 1, 2), FLOATS(TW_SHAPE(3), 3, 4, 5)},
                 .input_count = 2};
    call_refused(&k, TW_INVALID_ARGUMENT, "Shapes are (2,) and (3,)");
    op_call loose = {"Assign", .attrs = {bool_attr("validate_shape", false)}, .attr_count = 1,
                     .inputs = {FLOATS(TW_SHAPE(2), 1, 2), FLOATS(TW_SHAPE(3), 3, 4, 5)},
                     .input_count = 2};
    call_good(&loose);
    assert_holds(loose.inputs[0], 3, 4, 5);
    call_end(&loose);
}

static void assign_sub_of_integers_wraps(void **state)
{
    (void)state;
    op_call k = {"AssignSub", .inputs = {INTS(TW_SHAPE(2), INT32_MIN, 5), INTS(TW_SHAPE(2), 1, 7)},
                 .input_count = 2};
    call_good(&k);
    assert_holds(k.inputs[0], INT32_MAX, -2);
    call_end(&k);
}

static void an_update_of_a_variable_without_value_says_so(void **state)
{
    (void)state;
    op_call k = {"AssignAdd", .inputs = {NULL, FLOATS(TW_SHAPE(1), 1)}, .input_count = 2};
    call_refused(&k, TW_FAILED_PRECONDITION, "uninitialized value");
}

static void a_temporary_variable_hands_its_value_out(void **state)
{
    (void)state;
    op_call k = {"DestroyTemporaryVariable", .attrs = {string_attr("var_name", "t")},
                 .attr_count = 1, .inputs = {FLOATS(TW_SHAPE(2), 3, 4)}, .input_count = 1};
    call_good(&k);
    assert_holds(k.outputs[0], 3, 4);
    call_end(&k);
}

static void a_counter_stops_at_its_limit_and_never_wraps(void **state)
{
    (void)state;
    op_call k = {"CountUpTo", .attrs = {int_attr("limit", INT64_MAX)}, .attr_count = 1,
                 .inputs = {INTS(TW_SHAPE(), INT32_MAX)}, .input_count = 1};
    call_refused(&k, TW_OUT_OF_RANGE, "Reached limit of 2147483647");
}

/* ---- Scatter ---- */

static op_call scatter(const char *type, tw_array *var, tw_array *indices, tw_array *updates)
{
    return (op_call){type, .inputs = {var, indices, updates}, .input_count = 3};
}

static void a_bad_index_leaves_the_variable_as_it_was(void **state)
{
    (void)state;
    op_call k = scatter("ScatterAdd", FLOATS(TW_SHAPE(2, 1), 1, 2), INTS(TW_SHAPE(2), 0, 2),
                        FLOATS(TW_SHAPE(2, 1), 5, 6));
    call_run(&k);
    assert_int_equal(tw_status_code(k.status), TW_INVALID_ARGUMENT);
    assert_non_null(strstr(tw_status_message(k.status), "indices[1] = 2 is not in [0, 2)"));
    assert_holds(k.inputs[0], 1, 2);
    call_end(&k);
}

static void a_scatter_without_indices_does_nothing(void **state)
{
    (void)state;
    op_call k = scatter("ScatterUpdate", FLOATS(TW_SHAPE(2), 1, 2),
                        tw_array_new(TW_INT64, TW_SHAPE(0)), tw_array_new(TW_FLOAT32, TW_SHAPE(0)));
    call_good(&k);
    assert_holds(k.inputs[0], 1, 2);
    call_end(&k);
}

static void a_scatter_into_no_rows_refuses_any_index(void **state)
{
    (void)state;
    op_call k = scatter("ScatterUpdate", tw_array_new(TW_FLOAT32, TW_SHAPE(0, 2)),
                        INTS(TW_SHAPE(1), 0), tw_array_new(TW_FLOAT32, TW_SHAPE(1, 2)));
    call_refused(&k, TW_INVALID_ARGUMENT, "indices[0] = 0 is not in [0, 0)");
}

static void a_scatter_into_a_scalar_is_refused(void **state)
{
    (void)state;
    op_call k = scatter("ScatterAdd", FLOATS(TW_SHAPE(), 1), INTS(TW_SHAPE(1), 0),
                        FLOATS(TW_SHAPE(1), 1));
    call_refused(&k, TW_INVALID_ARGUMENT, "rank");
}

static void a_scatter_replaces_strings(void **state)
{
    (void)state;
    const char *const old[] = {"first", "a string that is not short"}, *const one[] = {"new"};
    op_call k = scatter("ScatterUpdate", tw_array_strings(TW_SHAPE(2), old, NULL),
                        INTS(TW_SHAPE(1), 1), tw_array_strings(TW_SHAPE(1), one, NULL));
    call_good(&k);
    size_t length;
    assert_memory_equal(tw_array_string(k.inputs[0], 1, &length), "new", 3);
    assert_int_equal(length, 3);
    call_end(&k);
}

static void a_zero_among_divisors_is_refused_before_the_first_write(void **state)
{
    (void)state;
    op_call k = scatter("ScatterDiv", INTS(TW_SHAPE(2), 8, 8), INTS(TW_SHAPE(2), 0, 1),
                        INTS(TW_SHAPE(2), 2, 0));
    call_run(&k);
    assert_non_null(strstr(tw_status_message(k.status), "division by zero"));
    assert_holds(k.inputs[0], 8, 8);
    call_end(&k);
    op_call lowest = scatter("ScatterDiv", LONGS(TW_SHAPE(1), INT64_MIN), INTS(TW_SHAPE(1), 0),
                             LONGS(TW_SHAPE(), -1));
    call_good(&lowest);
    assert_true(*(const int64_t *)tw_array_const_data(lowest.inputs[0]) == INT64_MIN);
    call_end(&lowest);
}

static void scattered_slices_are_named_by_coordinates(void **state)
{
    (void)state;
    op_call k = scatter("ScatterNdAdd", FLOATS(TW_SHAPE(2, 2), 1, 2, 3, 4),
                        INTS(TW_SHAPE(2, 2), 0, 1, 0, 1), FLOATS(TW_SHAPE(2), 10, 100));
    call_good(&k);
    assert_holds(k.inputs[0], 1, 112, 3, 4);
    call_end(&k);
    op_call whole = scatter("ScatterNdUpdate", FLOATS(TW_SHAPE(2), 1, 2),
                            tw_array_new(TW_INT32, TW_SHAPE(1, 0)), FLOATS(TW_SHAPE(1, 2), 7, 8));
    call_good(&whole);
    assert_holds(whole.inputs[0], 7, 8);
    call_end(&whole);
}

static void coordinates_deeper_than_the_variable_are_refused(void **state)
{
    (void)state;
    op_call k = scatter("ScatterNdUpdate", FLOATS(TW_SHAPE(2), 1, 2), INTS(TW_SHAPE(1, 2), 0, 0),
                        FLOATS(TW_SHAPE(1), 1));
    call_refused(&k, TW_INVALID_ARGUMENT, "must be <= ref.rank");
    op_call negative = scatter("ScatterNdUpdate", FLOATS(TW_SHAPE(2), 1, 2),
                               INTS(TW_SHAPE(1, 1), -1), FLOATS(TW_SHAPE(1), 1));
    call_refused(&negative, TW_INVALID_ARGUMENT, "indices[0] = [-1] does not index into shape [2]");
}

/* ---- training ---- */

static tw_array *number(float value)
{
    return FLOATS(TW_SHAPE(), value);
}

static void a_slot_of_another_shape_is_refused(void **state)
{
    (void)state;
    op_call k = {"ApplyMomentum",
                 .inputs = {FLOATS(TW_SHAPE(2), 1, 2), FLOATS(TW_SHAPE(1), 1), number(1),
                            FLOATS(TW_SHAPE(2), 1, 1), number(1)},
                 .input_count = 5};
    call_refused(&k, TW_INVALID_ARGUMENT, "must be equal, but are 2 and 1");
}

static void a_rate_that_is_no_scalar_is_refused(void **state)
{
    (void)state;
    op_call k = {"ApplyGradientDescent",
                 .inputs = {FLOATS(TW_SHAPE(1), 1), FLOATS(TW_SHAPE(1), 1), FLOATS(TW_SHAPE(1), 1)},
                 .input_count = 3};
    call_refused(&k, TW_INVALID_ARGUMENT, "rank 0");
}

static void a_step_over_nothing_succeeds(void **state)
{
    (void)state;
    op_call k = {"ApplyAdagrad",
                 .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(0)),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(0)), number(1),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(0))},
                 .input_count = 4};
    call_good(&k);
    assert_shape(k.outputs[0], TW_SHAPE(0));
    call_end(&k);
}

static void a_row_that_occurs_twice_is_stepped_twice(void **state)
{
    (void)state;
    op_call k = {"SparseApplyMomentum",
                 .inputs = {FLOATS(TW_SHAPE(2, 1), 1, 1), FLOATS(TW_SHAPE(2, 1), 0, 0), number(0.5),
                            FLOATS(TW_SHAPE(2, 1), 2, 4), LONGS(TW_SHAPE(2), 1, 1), number(0.5)},
                 .input_count = 6};
    call_good(&k);
    assert_holds(k.inputs[1], 0, 5); /* 2, then 2 / 2 + 4 */
    assert_holds(k.inputs[0], 1, 1 - 0.5 * 2 - 0.5 * 5);
    call_end(&k);
}

static void a_bad_row_leaves_variable_and_slot_as_they_were(void **state)
{
    (void)state;
    op_call k = {"SparseApplyAdagrad",
                 .inputs = {FLOATS(TW_SHAPE(2), 1, 1), FLOATS(TW_SHAPE(2), 3, 3), number(0.5),
                            FLOATS(TW_SHAPE(2), 2, 4), INTS(TW_SHAPE(2), 0, -1)},
                 .input_count = 5};
    call_run(&k);
    assert_non_null(
        strstr(tw_status_message(k.status), "Index -1 at offset 1 in indices is out of range"));
    assert_holds(k.inputs[0], 1, 1);
    assert_holds(k.inputs[1], 3, 3);
    call_end(&k);
}

static void ftrl_refuses_rates_that_make_no_sense(void **state)
{
    (void)state;
    op_call k = {"ApplyFtrl",
                 .inputs = {number(1), number(1), number(1), number(1), number(0), number(0),
                            number(0), number(-0.5f)},
                 .input_count = 8};
    call_refused(&k, TW_INVALID_ARGUMENT, "lr is not a positive scalar");
    op_call power = {"ApplyFtrl",
                     .inputs = {number(1), number(1), number(1), number(1), number(1), number(0),
                                number(0), number(0.5f)},
                     .input_count = 8};
    call_refused(&power, TW_INVALID_ARGUMENT, "lr_power is not a non-positive scalar");
}

static void long_variables_pass_through_blocks(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    op_call k = {"ApplyAdaMax",
                 .inputs = {tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT)),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT)),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT)), number(0.5), number(1),
                            number(0.5), number(0.5), number(0),
                            tw_array_new(TW_FLOAT32, TW_SHAPE(COUNT))},
                 .input_count = 9};
    float *grad = tw_array_data(k.inputs[8]);
    for (size_t i = 0; i < COUNT; i++)
        grad[i] = (float)(i + 1);
    call_good(&k);
    for (size_t i = 0; i < COUNT; i++) /* m = g / 2, v = g, the rate 1 / (1 - 1/2) */
        assert_float_equal(tw_array_get(k.inputs[0], i), -1, 1e-6);
    call_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assign_gives_an_empty_variable_its_first_value),
        cmocka_unit_test(assign_takes_arrays_without_elements_and_without_dimensions),
        cmocka_unit_test(assign_of_another_shape_is_refused_unless_told_otherwise),
        cmocka_unit_test(assign_sub_of_integers_wraps),
        cmocka_unit_test(an_update_of_a_variable_without_value_says_so),
        cmocka_unit_test(a_temporary_variable_hands_its_value_out),
        cmocka_unit_test(a_counter_stops_at_its_limit_and_never_wraps),
        cmocka_unit_test(a_bad_index_leaves_the_variable_as_it_was),
        cmocka_unit_test(a_scatter_without_indices_does_nothing),
        cmocka_unit_test(a_scatter_into_no_rows_refuses_any_index),
        cmocka_unit_test(a_scatter_into_a_scalar_is_refused),
        cmocka_unit_test(a_scatter_replaces_strings),
        cmocka_unit_test(a_zero_among_divisors_is_refused_before_the_first_write),
        cmocka_unit_test(scattered_slices_are_named_by_coordinates),
        cmocka_unit_test(coordinates_deeper_than_the_variable_are_refused),
        cmocka_unit_test(a_slot_of_another_shape_is_refused),
        cmocka_unit_test(a_rate_that_is_no_scalar_is_refused),
        cmocka_unit_test(a_step_over_nothing_succeeds),
        cmocka_unit_test(a_row_that_occurs_twice_is_stepped_twice),
        cmocka_unit_test(a_bad_row_leaves_variable_and_slot_as_they_were),
        cmocka_unit_test(ftrl_refuses_rates_that_make_no_sense),
        cmocka_unit_test(long_variables_pass_through_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
