/* SPDX-License-Identifier: Apache-2.0
 * Whatever allocation fails while conditions, loops and their derivatives are built, planned or
 * run: there is a status, and nothing is left behind. */
#include "control/control.h"
#include "support/failing_allocator.h"

static tw_tensor limit, weight, now;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], limit);
}

static void square(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    (void)user;
    out[0] = tw_mul(tw_square(now), weight);
}

static void itself(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    (void)user;
    out[0] = tw_identity(now);
}

static void body(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    tw_tensor_array rows = {*(tw_tensor *)user, vars[2], TW_FLOAT64};
    (void)count;
    now = vars[1];
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_cond(tw_less(vars[0], 1), .on_true = square, .on_false = itself);
    next[2] = tw_tensor_array_put(rows, tw_of_tensor(vars[0]), next[1]).flow;
}

static tw_tensor build(tw_tensor x)
{
    tw_tensor_array rows = tw_tensor_array_new(TW_FLOAT64, limit);
    tw_tensor out[3] = {{NULL, 0}};
    tw_while_loop(.cond = below, .body = body, .vars = TW_LIST(tw_constant(0), x, rows.flow),
                  .user = &rows.handle, .out = out);
    rows.flow = out[2];
    tw_tensor sum = tw_add(tw_reduce_sum(tw_tensor_array_stack(rows)), out[1]);
    tw_grads grads = tw_gradients(TW_LIST(sum), TW_LIST(weight));
    return grads.count ? tw_grad_tensor(grads.grads[0]) : (tw_tensor){NULL, 0};
}

/* true: the whole way was gone. */
static bool whole_way(double *value)
{
    bool done = false;
    tw_graph *graph = tw_graph_new();
    if (!graph)
        return false;
    if (!tw_scope_push_graph(graph)) {
        limit = scalar_of(TW_INT32, "n");
        weight = scalar_of(TW_FLOAT64, "w");
        tw_tensor x = scalar_of(TW_FLOAT64, "x"), y = build(x);
        tw_scope_pop();
        char *bytes = NULL; /* a file of it has nodes that the graph has not */
        size_t size = 0;
        tw_status_free(tw_graph_export(graph, &bytes, &size));
        tw_free(bytes);
        struct tw_session_options options = {.size = sizeof options, .graph = graph};
        tw_session *own = tw_graph_status(graph) ? NULL : tw_session_new(&options);
        tw_feed feeds[] = {{limit, tw_array_scalar(TW_INT32, 2)},
                           {weight, tw_array_scalar(TW_FLOAT64, 0.5)},
                           {x, tw_array_scalar(TW_FLOAT64, 3)}};
        tw_array *out[1] = {NULL};
        bool fed = feeds[0].array && feeds[1].array && feeds[2].array;
        for (int i = 0; i < 2 && own && fed && tw_tensor_valid(y); i++) {
            struct tw_run_args args = {.size = sizeof args,
                                       .session = own,
                                       .fetch = {&y, 1},
                                       .feed = {feeds, 3},
                                       .out = out};
            tw_status *status = tw_run_(&args);
            done = !status;
            tw_status_free(status);
            *value = done ? tw_array_item(out[0]) : 0;
            tw_array_unref(out[0]);
            out[0] = NULL;
        }
        for (size_t i = 0; i < 3; i++)
            tw_array_unref(feeds[i].array);
        tw_session_free(own);
    }
    tw_graph_unref(graph);
    return done;
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    double want, got;
    assert_true(whole_way(&want));
    size_t live = failing_allocator_live();
    assert_true(whole_way(&want));
    assert_int_equal(failing_allocator_live(), live);
    assert_true(want == 27); /* 9 w twice in the rows, once in the last value */
    for (size_t n = 1; failing_allocator_next(n); n++) {
        if (whole_way(&got))
            assert_true(got == want);
        assert_int_equal(failing_allocator_live(), live);
    }
    assert_true(whole_way(&got));
    assert_true(got == want);
}

static void grow(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_concat(TW_LIST(vars[1], vars[1]), 0);
}

/* Its body is sized a second time, with what is not known. */
static void memory_ends_while_a_growing_loop_is_sized(void **state)
{
    (void)state;
    limit = tw_constant(3);
    tw_tensor out[2];
    tw_while_loop(.cond = below, .body = grow,
                  .vars = TW_LIST(tw_constant(0), tw_ones(TW_SHAPE(1), TW_FLOAT64)),
                  .shape_invariants = (tw_shape[]){TW_SHAPE(), TW_SHAPE(-1)}, .out = out);
    check_graph();
    bool done = false;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_array *last = NULL;
        tw_session *own = tw_session_new(NULL);
        tw_status *status = own ? tw_run(own, TW_FETCH(out[1]), .out = &last) : NULL;
        done = last && tw_array_count(last) == 8;
        tw_status_free(status);
        tw_array_unref(last);
        tw_session_free(own);
    }
    assert_true(done);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
        cmocka_unit_test(memory_ends_while_a_growing_loop_is_sized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
