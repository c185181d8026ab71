/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of operands that were broadcast, with more or less known of their sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

static size_t count_type(const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < tw_graph_operation_count(tw_default_graph()); i++)
        count += !strcmp(tw_operation_type(tw_graph_operation_at(tw_default_graph(), i)), type);
    return count;
}

/* The derivatives of sum(x y) are y and x, summed over what was broadcast: `args` nodes find out at
 * run time what that was. */
static void check_broadcast(tw_shape x_known, tw_shape x_shape, tw_shape y_known, tw_shape y_shape,
                            size_t args)
{
    tw_reset_default_graph();
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = x_known);
    tw_tensor y = tw_placeholder(TW_FLOAT32, .shape = y_known);
    tw_grads grads = tw_gradients(TW_LIST(tw_mul(x, y)), TW_LIST(x, y));
    tw_tensor dx = tw_grad_tensor(grads.grads[0]), dy = tw_grad_tensor(grads.grads[1]);
    assert_int_equal(count_type("BroadcastGradientArgs"), args);
    tw_tensor to = tw_shape(tw_mul(x, y)); /* by hand */
    tw_array *fed[2] = {tw_array_new(TW_FLOAT32, x_shape), tw_array_new(TW_FLOAT32, y_shape)};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < tw_array_count(fed[k]); i++)
            ((float *)tw_array_data(fed[k]))[i] = (float)(i + 3 * k + 1);
    tw_array *out[4] = {NULL};
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(dx, dy, tw_broadcast_to(x, to), tw_broadcast_to(y, to)),
                    .feed = TW_FEED({x, fed[0]}, {y, fed[1]}), .out = out));
    for (size_t k = 0; k < 2; k++) {
        double got = 0, want = 0;
        assert_true(tw_shape_equal(tw_array_shape(out[k]), tw_array_shape(fed[k])));
        for (size_t i = 0; i < tw_array_count(out[k]); i++)
            got += tw_array_get(out[k], i) * tw_array_get(fed[k], i);
        for (size_t i = 0; i < tw_array_count(out[2]); i++)
            want += tw_array_get(out[2], i) * tw_array_get(out[3], i);
        assert_true(got == want);
    }
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(out[i]);
    tw_array_unref(fed[0]);
    tw_array_unref(fed[1]);
    tw_session_free(session);
}

static void what_is_known_of_sizes_tells_what_was_broadcast(void **state)
{
    (void)state;
    tw_shape rows = TW_SHAPE(3, 2), row = TW_SHAPE(2), one_row = TW_SHAPE(1, 2);
    check_broadcast(TW_SHAPE(-1, 2), rows, row, row, 0);
    check_broadcast(TW_SHAPE(-1, 2), one_row, row, row, 0);
    check_broadcast(TW_SHAPE(-1, 2), rows, one_row, one_row, 0);
    check_broadcast(TW_SHAPE(-1, 2), one_row, one_row, one_row, 0);
    check_broadcast(TW_SHAPE(-1, -1), rows, TW_SHAPE(), TW_SHAPE(), 0);
    check_broadcast(TW_SHAPE(-1, 1), TW_SHAPE(3, 1), row, row, 0);
    check_broadcast(TW_SHAPE(4, -1, 2), TW_SHAPE(4, 3, 2), one_row, one_row, 0);
    check_broadcast(TW_SHAPE(-1, 2), TW_SHAPE(0, 2), row, row, 0);
    /* y may have one row, or x */
    check_broadcast(TW_SHAPE(-1, 2), rows, TW_SHAPE(-1, 2), one_row, 2);
    check_broadcast(TW_SHAPE(3, 2), rows, TW_SHAPE(-1, 2), one_row, 1);
    check_broadcast(TW_UNKNOWN_SHAPE, rows, row, row, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_of_sizes_tells_what_was_broadcast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
