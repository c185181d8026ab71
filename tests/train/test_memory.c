/* SPDX-License-Identifier: Apache-2.0
 * Gradients and optimizers while any allocation fails: always a status with the graph, never a
 * crash or a leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/failing_allocator.h"
#include "thalweg/thalweg.h"

/* Runs `body` on a fresh graph with the 1st, 2nd, ... allocation failing. */
static void fail_each(void (*body)(void))
{
    tw_reset_default_graph();
    body();
    assert_null(tw_graph_status(tw_default_graph()));
    tw_reset_default_graph();
    size_t live = failing_allocator_live(), n = 1;
    for (; failing_allocator_next(n); n++) {
        body();
        tw_graph *graph = tw_default_graph();
        const tw_status *status = graph ? tw_graph_status(graph) : NULL;
        if (status && tw_status_code(status) != TW_RESOURCE_EXHAUSTED)
            fail_msg("allocation %zu failed: %s", n, tw_status_message(status));
        tw_reset_default_graph();
        if (failing_allocator_live() != live)
            fail_msg("allocation %zu failed, and %zu blocks are left", n,
                     failing_allocator_live() - live);
    }
    assert_true(n > 20);
}

static void differentiate(void)
{
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 3), .name = "x");
    tw_tensor w = tw_ones(TW_SHAPE(3, 2)), y = tw_tanh(tw_matmul(x, w));
    tw_tensor rows = tw_gather(y, TW_INTS(0, 0));
    tw_grads grads = tw_gradients(TW_LIST(y, rows), TW_LIST(x, w));
    for (size_t i = 0; i < grads.count; i++)
        tw_grad_tensor(grads.grads[i]);
}

static void optimize(void)
{
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_tensor step = tw_variable(0, .name = "step", .trainable = false);
    tw_tensor rate = tw_exponential_decay(0.1, step, 10);
    tw_minimize(tw_adam(.learning_rate_tensor = rate), tw_mul(v, v), .global_step = step);
    tw_average_apply((tw_exponential_moving_average){.decay = 0.9}, TW_LIST(v));
}

static void initialize(void)
{
    tw_get_variable("a", TW_SHAPE(4, 3), .initializer = tw_xavier_initializer(.seed = TW_SEED(1)));
    tw_get_variable("b", TW_SHAPE(2, 3), .initializer = tw_orthogonal_initializer());
}

static void compose(void)
{
    tw_tensor x = tw_ones(TW_SHAPE(4, 2));
    tw_moments(x, TW_AXES(0));
    tw_dropout(x, 0.5, .seed = TW_SEED(1));
    tw_embedding_lookup(TW_LIST(x, x), TW_INTS(1, 2));
    tw_clip_by_global_norm(TW_LIST(x, x), 1);
    tw_getitem(tw_reduce_logsumexp(x, .axis = TW_AXES(1)), "1:");
}

static void gradients_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(differentiate);
}

static void optimizers_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(optimize);
}

static void initializers_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(initialize);
}

static void composites_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(compose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_survive_every_failed_allocation),
        cmocka_unit_test(optimizers_survive_every_failed_allocation),
        cmocka_unit_test(initializers_survive_every_failed_allocation),
        cmocka_unit_test(composites_survive_every_failed_allocation),
    };
    failing_allocator_install();
    int failed = cmocka_run_group_tests_name("memory", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
