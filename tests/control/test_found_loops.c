/* SPDX-License-Identifier: Apache-2.0
 * Loops without a record, made node by node or imported, have the same derivatives as those of
 * tw_while_loop. */
#include "control/control.h"
#include "support/failing_allocator.h"
#include "support/golden_files.h"

/* x becomes sin(x * x), n times. Like many graphs that were pruned, without an Exit of the
 * counter. */
static tw_tensor raw_loop(tw_tensor n, tw_tensor x)
{
    tw_tensor i0 = tw_constant(0), one = {NULL, 0};
    tw_tensor ei = tw_enter(i0, .frame_name = "f"), ex = tw_enter(x, .frame_name = "f"),
              en = tw_enter(n, .frame_name = "f", .is_constant = true);
    tw_tensor mi = tw_merge(TW_LIST(ei, ei)).output, mx = tw_merge(TW_LIST(ex, ex)).output;
    tw_tensor cond = tw_loop_cond(tw_less(mi, en));
    tw_tensor bi = tw_identity(tw_switch(mi, cond).output_true);
    struct tw_switch_result sx = tw_switch(mx, cond);
    TW_CONTROL_DEPENDENCIES(bi) {
        one = tw_constant(1);
    }
    tw_tensor ni = tw_next_iteration(tw_add(bi, one));
    tw_tensor nx = tw_next_iteration(tw_sin(tw_square(sx.output_true)));
    expect_ok(tw_operation_set_input(mi.op, 1, ni));
    expect_ok(tw_operation_set_input(mx.op, 1, nx));
    return tw_exit(sx.output_false);
}

static void a_loop_made_node_by_node_has_derivatives_of_two_orders(void **state)
{
    (void)state;
    tw_tensor n = scalar_of(TW_INT32, "n"), x = scalar_of(TW_FLOAT64, "x"), y = raw_loop(n, x);
    check_graph();
    tw_tensor dy = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
    for (int i = 0; i < 4; i++) {
        number_feed at[] = {{n, i}, {x, 0.9}};
        check_derivatives(y, at, 2, TW_LIST(x), 1e-7);
        if (i)
            check_derivatives(dy, at, 2, TW_LIST(x), 1e-6);
    }
}

static void a_frame_that_is_no_loop_is_not_differentiated(void **state)
{
    (void)state;
    tw_tensor n = scalar_of(TW_INT32, "n"), x = scalar_of(TW_FLOAT64, "x"), y = raw_loop(n, x);
    tw_tensor en = tw_enter(n, .frame_name = "f", .is_constant = true);
    tw_loop_cond(tw_less(en, 3)); /* a second condition */
    check_graph();
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = {&x, 1}};
    tw_grads grads;
    tw_status *status = tw_gradients_add(&args, &grads);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), "no while loop that can be"));
    tw_status_free(status);
}

/* ---- a loop in a loop with a condition inside, written out and read back ---- */

typedef struct outer_tensors {
    tw_tensor n, w, now;
} outer_tensors;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((outer_tensors *)user)->n);
}

static tw_tensor below_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 3);
}

static void twice(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_mul(((outer_tensors *)user)->now, 2.0);
}

static void minus_square(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_neg(tw_square(((outer_tensors *)user)->now));
}

static void by_size(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    (void)count;
    o->now = vars[1];
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_cond(tw_less(vars[1], 1.0), .on_true = twice, .on_false = minus_square,
                      .user = user);
}

static void nested(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    outer_tensors *o = user;
    tw_tensor inner[2];
    (void)count;
    next[0] = tw_add(vars[0], 1);
    tw_while_loop(.cond = below_three, .body = by_size,
                  .vars = TW_LIST(tw_constant(0), tw_mul(vars[1], o->w)), .user = user,
                  .out = inner);
    next[1] = inner[1];
}

static void an_imported_loop_in_a_loop_has_derivatives_of_two_orders(void **state)
{
    (void)state;
    outer_tensors o = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[2];
    tw_while_loop(.cond = below, .body = nested, .vars = TW_LIST(tw_constant(0), x), .user = &o,
                  .out = out);
    check_graph();
    char *bytes;
    size_t size;
    expect_ok(tw_graph_export(tw_default_graph(), &bytes, &size));
    tw_tensor y = out[1], n, w;
    const char *name = tw_operation_name(y.op);
    expect_ok(tw_graph_import(tw_default_graph(), bytes, size, "copy"));
    tw_free(bytes);
    char copy[64];
    snprintf(copy, sizeof copy, "copy/%.50s:0", name);
    expect_ok(tw_graph_tensor(tw_default_graph(), copy, &y));
    expect_ok(tw_graph_tensor(tw_default_graph(), "copy/n:0", &n));
    expect_ok(tw_graph_tensor(tw_default_graph(), "copy/w:0", &w));
    expect_ok(tw_graph_tensor(tw_default_graph(), "copy/x:0", &x));
    tw_tensor dy = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
    for (int i = 1; i < 4; i++) {
        number_feed at[] = {{n, i}, {w, 0.8}, {x, 0.3}};
        check_derivatives(y, at, 3, TW_LIST(x, w), 1e-6);
        check_derivatives(dy, at, 3, TW_LIST(x, w), 1e-5);
    }
}

/* ---- TensorFlow's own ---- */

/* The graph holds TensorFlow's derivative dx too, by stacks. */
static void a_loop_that_tensorflow_wrote_has_the_derivative_that_it_gives(void **state)
{
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/while.pb", &size);
    tw_graph *graph = tw_default_graph();
    expect_ok(tw_graph_import(graph, bytes, size, NULL));
    free(bytes);
    tw_tensor x, n, y, dx;
    expect_ok(tw_graph_tensor(graph, "x:0", &x));
    expect_ok(tw_graph_tensor(graph, "n:0", &n));
    expect_ok(tw_graph_tensor(graph, "y:0", &y));
    expect_ok(tw_graph_tensor(graph, "dx:0", &dx));
    tw_tensor ours = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
    check_graph();
    static const float at[] = {2, -0.5f};
    tw_array *xs = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2), at);
    for (int i = 0; i < 5; i++) {
        tw_array *count = tw_array_scalar(TW_INT32, i), *out[2] = {NULL};
        expect_ok(
            tw_run(session, TW_FETCH(dx, ours), .feed = TW_FEED({x, xs}, {n, count}), .out = out));
        for (size_t k = 0; k < 2; k++)
            assert_true(tw_array_get(out[0], k) == tw_array_get(out[1], k));
        tw_array_unref(out[0]);
        tw_array_unref(out[1]);
        tw_array_unref(count);
    }
    tw_array_unref(xs);
}

/* Sums of the derivatives of map_fn(x * x), scan(a + x) and foldl(a * x) over the rows of x. */
static void loops_over_rows_that_tensorflow_wrote_have_derivatives(void **state)
{
    static const char *const names[] = {"map_1:0", "scan_1:0", "foldl_1:0"};
    static const float rows[] = {1, 2, 3, 4, 5, 6};
    static const float want[3][6] = {
        {2, 4, 6, 8, 10, 12}, {3, 3, 2, 2, 1, 1}, {15, 24, 5, 12, 3, 8}};
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/functional.pb", &size);
    tw_graph *graph = tw_default_graph();
    expect_ok(tw_graph_import(graph, bytes, size, NULL));
    free(bytes);
    tw_array *xs = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(3, 2), rows);
    tw_tensor x, y;
    expect_ok(tw_graph_tensor(graph, "x:0", &x));
    for (size_t i = 0; i < 3; i++) {
        tw_array *out = NULL;
        expect_ok(tw_graph_tensor(graph, names[i], &y));
        tw_tensor dx = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]);
        check_graph();
        expect_ok(tw_run(session, TW_FETCH(dx), .feed = TW_FEED({x, xs}), .out = &out));
        for (size_t k = 0; k < 6; k++)
            assert_true(tw_array_get(out, k) == want[i][k]);
        tw_array_unref(out);
    }
    tw_array_unref(xs);
}

/* ---- memory ---- */

/* Of a graph of its own; false: something failed. */
static bool differentiate(const char *bytes, size_t size)
{
    tw_graph *graph = tw_graph_new();
    if (!graph)
        return false;
    tw_tensor x, y;
    tw_grads grads;
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = {&x, 1}};
    tw_status *status = tw_graph_import(graph, bytes, size, NULL);
    if (!status)
        status = tw_graph_tensor(graph, "x:0", &x);
    if (!status)
        status = tw_graph_tensor(graph, "y:0", &y);
    if (!status)
        status = tw_gradients_add(&args, &grads);
    bool good = !status;
    tw_status_free(status);
    tw_graph_unref(graph);
    return good;
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/while.pb", &size);
    assert_true(differentiate(bytes, size) && differentiate(bytes, size));
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        bool good = differentiate(bytes, size);
        assert_true(good || failing_allocator_failed());
        assert_int_equal(failing_allocator_live(), live);
    }
    free(bytes);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        TEST(a_loop_made_node_by_node_has_derivatives_of_two_orders),
        TEST(a_frame_that_is_no_loop_is_not_differentiated),
        TEST(an_imported_loop_in_a_loop_has_derivatives_of_two_orders),
        TEST(a_loop_that_tensorflow_wrote_has_the_derivative_that_it_gives),
        TEST(loops_over_rows_that_tensorflow_wrote_have_derivatives),
        TEST(a_failed_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
