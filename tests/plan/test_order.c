/* SPDX-License-Identifier: Apache-2.0
 * Accesses to a variable have the order of adding, whatever a plan makes of what is around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/session.h"

/* Folded constants have the turn of what they were folded from. */
static void a_write_of_a_folded_value_is_read_by_what_was_added_later(void **state)
{
    (void)state;
    tw_tensor w = tw_variable(tw_constant(1.0));
    tw_tensor six = tw_mul(tw_add(tw_constant(1.0), 1.0), 3.0), add = tw_assign_add(w, six);
    tw_tensor y = tw_mul(w, 1.0);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 1; i <= 2; i++) {
        tw_array *out = NULL;
        TW_CHECK(tw_run(session, TW_FETCH(y), .target = TW_FETCH(add), .out = &out));
        assert_true(tw_array_item(out) == 1 + 6 * i);
        tw_array_unref(out);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_of_a_folded_value_is_read_by_what_was_added_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
