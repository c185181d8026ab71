/* SPDX-License-Identifier: Apache-2.0
 * Temporary variables in a run: memory from the beginning, one of a name, one end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/session.h"
#include "thalweg/thalweg.h"

static tw_tensor temporary(const char *name)
{
    return tw_temporary_variable(.shape = TW_SHAPE(2), .dtype = TW_FLOAT32, .var_name = name);
}

static tw_tensor end(tw_tensor variable, const char *name)
{
    return tw_destroy_temporary_variable(variable, .var_name = name);
}

static void check_refused(tw_tensor tensor, tw_code code, const char *text)
{
    tw_array *out = NULL;
    assert_null(tw_graph_status(tw_default_graph()));
    tw_status *status = tw_run(session, TW_FETCH(tensor), .out = &out);
    assert_int_equal(tw_status_code(status), code);
    assert_non_null(strstr(tw_status_message(status), text));
    tw_status_free(status);
    assert_null(out);
}

static void it_may_be_read_before_it_is_written(void **state)
{
    (void)state;
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_add(temporary("a"), temporary("b"))), .out = &out));
    assert_int_equal(tw_array_count(out), 2);
    tw_array_unref(out);
}

/* Twice: the second run finds memory that the first one left shared with its result. */
static void it_hands_its_value_out(void **state)
{
    (void)state;
    tw_array *out = NULL;
    tw_tensor v = tw_assign(temporary("t"), tw_constant(2.0, .shape = TW_SHAPE(2)));
    tw_tensor last = end(tw_assign_add(v, tw_constant(3.0, .shape = TW_SHAPE(2))), "t");
    for (int run = 0; run < 2; run++) {
        TW_CHECK(tw_run(session, TW_FETCH(last), .out = &out));
        assert_float_equal(tw_array_get(out, 1), 5, 0);
        tw_array_unref(out);
        out = NULL;
    }
}

/* TensorFlow says so when the second one runs; here the run does not begin. */
static void two_of_one_name_are_refused(void **state)
{
    (void)state;
    check_refused(tw_add(temporary("t"), temporary("t")), TW_ALREADY_EXISTS, "t/exists already");
}

static void the_end_of_one_that_is_not_there_is_refused(void **state)
{
    (void)state;
    check_refused(end(temporary("t"), "other"), TW_NOT_FOUND, "other/does not exist");
    tw_tensor v = temporary("u");
    check_refused(tw_add(end(v, "u"), end(v, "u")), TW_NOT_FOUND, "u/does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_may_be_read_before_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(it_hands_its_value_out, setup, teardown),
        cmocka_unit_test_setup_teardown(two_of_one_name_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_one_that_is_not_there_is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
