/* SPDX-License-Identifier: Apache-2.0
 * Where values lie in the arena (src/plan/place.c): how much of it is never used at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/near.h"
#include "support/session.h"
#include "thalweg/thalweg.h"

enum { ROWS = 160, SIZE = 64, LONG = 512, KEPT = 16 };

static tw_tensor filled(int64_t rows, int64_t cols, double value)
{
    return tw_variable(tw_fill(TW_SHAPE(rows, cols), tw_constant(value)));
}

/* `first`, of 40 KB, is gone before something of 1 MB is made, and lies below values that are read
 * after that. All matrices but the sums are of one number each, 4.096 if nothing else is said. */
static void what_a_large_value_leaves_free_is_used(void **state)
{
    (void)state;
    tw_tensor first = tw_matmul(filled(ROWS, 8, 0.1), filled(8, SIZE, 0.2)); /* 0.16 */
    tw_tensor mean = filled(SIZE, SIZE, 1.0 / SIZE), kept[KEPT];
    kept[0] = tw_matmul(first, first, .transpose_a = true);
    for (int i = 1; i < KEPT; i++)
        kept[i] = tw_matmul(kept[i - 1], mean);
    tw_tensor last = tw_mul(tw_reduce_sum(tw_matmul(first, kept[KEPT - 1])), 1e-12);
    tw_tensor rows = tw_matmul(filled(LONG, SIZE, 1.0 / SIZE), tw_add(kept[KEPT - 1], last));
    tw_tensor large = tw_matmul(rows, filled(SIZE, LONG, 1.0 / SIZE));
    tw_tensor few = tw_matmul(filled(SIZE, LONG, 1.0 / LONG), large);
    tw_tensor after = tw_matmul(few, filled(LONG, SIZE, 1.0 / LONG));
    tw_tensor sum = tw_constant(0.0);
    for (int i = 0; i < KEPT; i++)
        sum = tw_add(sum, tw_reduce_sum(tw_matmul(kept[i], after)));
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(sum), .out = &out));
    assert_near(tw_array_item(out) / (KEPT * SIZE * SIZE * SIZE * 4.096 * 4.096), 1, 1e-4);
    tw_array_unref(out);
    tw_plan_counts counts;
    TW_CHECK(tw_session_plan_counts(session, TW_FETCH(sum), TW_LIST(), TW_LIST(), &counts));
    assert_true(counts.live_bytes > LONG * LONG * sizeof(float));
    assert_true(counts.arena_bytes <= counts.live_bytes + counts.live_bytes / 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_large_value_leaves_free_is_used, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
