/* SPDX-License-Identifier: Apache-2.0
 * tw_while_loop: many variables, swaps, nesting, growing shapes, side effects, errors, memory. */
#include <thalweg/callable.h>

#include "base/os.h"
#include "base/status.h"
#include "control/control.h"
#include "support/failing_allocator.h"

typedef struct limits {
    tw_tensor n, w;
} limits;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((limits *)user)->n);
}

/* ---- values ---- */

static void affine(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(tw_mul(vars[1], 3.0), 1.0);
}

static void a_loop_runs_as_often_as_its_condition_holds(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[2];
    tw_while_loop(.cond = below, .body = affine, .vars = TW_LIST(tw_constant(0), x), .user = &l,
                  .out = out);
    double want = 2;
    for (int n = 0; n < 6; n++, want = 3 * want + 1) {
        assert_true(number_with(out[1], (number_feed[]){{l.n, n}, {x, 2}}, 2) == want);
        assert_true(number_with(out[0], (number_feed[]){{l.n, n}, {x, 2}}, 2) == n);
    }
    assert_true(number_with(out[1], (number_feed[]){{l.n, -3}, {x, 2}}, 2) == 2);
}

static void nodes_and_names_are_tensorflow_s(void **state)
{
    static const char *const names[] = {"n",
                                        "x",
                                        "Const",
                                        "while/Enter",
                                        "while/Enter_1",
                                        "while/Merge",
                                        "while/Merge_1",
                                        "while/Less/Enter",
                                        "while/Less",
                                        "while/LoopCond",
                                        "while/Switch",
                                        "while/Switch_1",
                                        "while/Identity",
                                        "while/Identity_1",
                                        "while/Add/y",
                                        "while/Add",
                                        "while/Mul/y",
                                        "while/Mul",
                                        "while/Add_1/y",
                                        "while/Add_1",
                                        "while/NextIteration",
                                        "while/NextIteration_1",
                                        "while/Exit",
                                        "while/Exit_1"};
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[2];
    tw_while_loop(.cond = below, .body = affine, .vars = TW_LIST(tw_constant(0), x), .user = &l,
                  .out = out);
    check_graph();
    tw_graph *graph = tw_default_graph();
    assert_int_equal(tw_graph_operation_count(graph), sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, i)), names[i]);
    tw_operation *enter = tw_graph_operation(graph, "while/Less/Enter");
    assert_true(tw_operation_attr(enter, "is_constant")->value.b);
    assert_memory_equal(tw_operation_attr(enter, "frame_name")->value.s.data, "while/while_context",
                        19);
    tw_operation *constant = tw_graph_operation(graph, "while/Mul/y");
    assert_string_equal(tw_operation_name(tw_operation_control_input(constant, 0)),
                        "while/Identity");
}

enum { MANY = 40 };

/* Each variable becomes what its neighbour was. */
static void rotate(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)user;
    next[0] = tw_add(vars[0], 1);
    for (size_t i = 1; i < count; i++)
        next[i] = vars[i + 1 < count ? i + 1 : 1];
}

static void many_variables_may_change_places(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor vars[MANY + 1], out[MANY + 1];
    vars[0] = tw_constant(0);
    for (int i = 1; i <= MANY; i++)
        vars[i] = tw_constant((double)i);
    struct tw_while_loop_args args = {.parallel_iterations = 10,
                                      .size = sizeof args,
                                      .cond = below,
                                      .body = rotate,
                                      .vars = {vars, MANY + 1},
                                      .out = out,
                                      .user = &l};
    tw_while_loop_(&args);
    for (int n = 0; n < 3; n++) {
        for (int i = 1; i <= MANY; i += 7) {
            double got = number_with(out[i], (number_feed[]){{l.n, n}}, 1);
            assert_true(got == (i - 1 + n) % MANY + 1);
        }
    }
    assert_true(number_with(out[3], (number_feed[]){{l.n, MANY}}, 1) == 3);
}

static void swap_and_mix(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = vars[2];
    next[2] = vars[1];
    next[3] = tw_add(vars[3], vars[1]);
    next[4] = vars[4]; /* goes on as it came */
}

static void a_swap_beside_a_sum_keeps_both_right(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor out[5];
    tw_while_loop(.cond = below, .body = swap_and_mix,
                  .vars = TW_LIST(tw_constant(0), tw_constant(1.0), tw_constant(10.0),
                                  tw_constant(0.0), tw_constant(7.0)),
                  .user = &l, .out = out);
    static const double sums[] = {0, 1, 11, 12, 22};
    for (int n = 0; n < 5; n++) {
        number_feed at[] = {{l.n, n}};
        assert_true(number_with(out[1], at, 1) == (n % 2 ? 10 : 1));
        assert_true(number_with(out[2], at, 1) == (n % 2 ? 1 : 10));
        assert_true(number_with(out[3], at, 1) == sums[n]);
        assert_true(number_with(out[4], at, 1) == 7);
    }
}

/* ---- nesting ---- */

static tw_tensor below_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_less(vars[0], 3);
}

static void times_w(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_sin(tw_mul(vars[1], ((limits *)user)->w));
}

static void with_inner_loop(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    tw_tensor inner[2];
    (void)count;
    tw_while_loop(.cond = below_three, .body = times_w, .vars = TW_LIST(tw_constant(0), vars[1]),
                  .user = user, .out = inner);
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_add(inner[1], tw_mul(vars[1], 0.5));
}

static void loops_nest(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n"), .w = scalar_of(TW_FLOAT64, "w")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[2];
    tw_while_loop(.cond = below, .body = with_inner_loop, .vars = TW_LIST(tw_constant(0), x),
                  .user = &l, .out = out);
    double want = 0.8;
    for (int n = 0; n < 4; n++) {
        number_feed at[] = {{l.n, n}, {x, 0.8}, {l.w, 1.1}};
        assert_true(fabs(number_with(out[1], at, 3) - want) < 1e-12);
        double inner = want;
        for (int i = 0; i < 3; i++)
            inner = sin(inner * 1.1);
        want = inner + 0.5 * want;
    }
}

/* ---- shapes ---- */

static void grow(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_concat(TW_LIST(vars[1], vars[1]), 0);
}

static void a_variable_may_grow_where_its_invariant_says_so(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor out[2];
    const tw_shape invariants[] = {TW_SHAPE(), TW_SHAPE(-1)};
    tw_while_loop(.cond = below, .body = grow,
                  .vars = TW_LIST(tw_constant(0), tw_ones(TW_SHAPE(1))), .user = &l, .out = out,
                  .shape_invariants = invariants);
    for (int n = 0; n < 5; n++) {
        tw_array *array = run_with(out[1], (number_feed[]){{l.n, n}}, 1);
        assert_int_equal(tw_array_count(array), 1 << n);
        assert_true(tw_array_get(array, ((size_t)1 << n) - 1) == 1);
        tw_array_unref(array);
    }
}

static void a_variable_that_changes_its_shape_is_refused(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor out[2];
    tw_while_loop(.cond = below, .body = grow,
                  .vars = TW_LIST(tw_constant(0), tw_ones(TW_SHAPE(1))), .user = &l, .out = out);
    assert_false(tw_tensor_valid(out[1]));
    expect_graph_error("The shape for while/Merge_1:0 is not an invariant for the loop. It enters "
                       "the loop with shape (1,), but has shape (2,) after one iteration.");
}

static void to_integer(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_cast(vars[1], .DstT = TW_INT32);
}

static void too_little(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
}

static void a_variable_that_changes_its_dtype_or_is_forgotten_is_refused(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = scalar_of(TW_FLOAT32, "x"), out[2];
    tw_while_loop(.cond = below, .body = to_integer, .vars = TW_LIST(tw_constant(0), x), .user = &l,
                  .out = out);
    expect_graph_error("'x:0' enters the loop with dtype float32, but has dtype int32");
    tw_while_loop(.cond = below, .body = too_little, .vars = TW_LIST(tw_constant(0), x), .user = &l,
                  .out = out);
    expect_graph_error("gives no value for variable 1, 'x:0'");
    tw_while_loop(.cond = below, .body = affine, .vars = {NULL, 0}, .user = &l);
    expect_graph_error("No loop variables provided");
}

/* ---- what comes in and what goes out ---- */

static void what_is_inside_of_a_loop_cannot_be_used_outside(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), out[2], inside;
    tw_while_loop(.cond = below, .body = affine, .vars = TW_LIST(tw_constant(0), x), .user = &l,
                  .out = out);
    expect_ok(tw_graph_tensor(tw_default_graph(), "while/Mul:0", &inside));
    tw_array *three = tw_array_scalar(TW_INT32, 3), *one = tw_array_scalar(TW_FLOAT64, 1);
    tw_array *got[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(inside), .feed = TW_FEED({l.n, three}, {x, one}),
                               .out = got);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_non_null(strstr(tw_status_message(status), "cannot be fetched"));
    tw_status_free(status);
    tw_neg(inside);
    expect_graph_error("is in a while loop: use what the loop returns");
    tw_array_unref(three);
    tw_array_unref(one);
}

static void count_up(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    tw_tensor v = ((limits *)user)->w, added = tw_assign_add(v, 2.0f);
    next[0] = tw_add(vars[0], 1);
    TW_CONTROL_DEPENDENCIES(added)
        next[1] = tw_add(vars[1], tw_identity(v));
}

static void a_loop_writes_a_variable_in_each_iteration(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    l.w = tw_variable_v2(.shape = TW_SHAPE(), .dtype = TW_FLOAT32, .name = "v");
    tw_tensor first = tw_assign(l.w, 1.0f), out[2];
    tw_while_loop(.cond = below, .body = count_up,
                  .vars = TW_LIST(tw_constant(0), tw_constant(0.0f)), .user = &l, .out = out);
    check_graph();
    number(first);
    assert_true(number_with(out[1], (number_feed[]){{l.n, 3}}, 1) == 3 + 5 + 7);
    assert_true(number(l.w) == 7);
    assert_true(number_with(out[1], (number_feed[]){{l.n, 0}}, 1) == 0);
    assert_true(number(l.w) == 7);
}

static tw_tensor is_small(const tw_tensor *vars, size_t count, void *user)
{
    (void)vars;
    (void)count;
    return tw_less(((limits *)user)->n, 10.0f);
}

static void add_what_was_read(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    limits *l = user;
    tw_tensor added = tw_assign_add(l->w, 2.0f);
    TW_CONTROL_DEPENDENCIES(added)
        next[0] = tw_add(vars[0], l->n);
}

/* As TensorFlow's read, which is the variable's memory, does. */
static void what_was_read_outside_follows_the_writes_of_a_loop(void **state)
{
    (void)state;
    limits l;
    l.w = tw_variable_v2(.shape = TW_SHAPE(), .dtype = TW_FLOAT32, .name = "v");
    l.n = tw_identity(l.w);
    tw_tensor first = tw_assign(l.w, 3.0f), out[1];
    tw_while_loop(.cond = is_small, .body = add_what_was_read, .vars = TW_LIST(tw_constant(0.0f)),
                  .user = &l, .out = out);
    check_graph();
    number(first);
    assert_true(number(out[0]) == 5 + 7 + 9 + 11);
    assert_true(number(l.w) == 11);
    assert_true(number(out[0]) == 0);
}

static void append(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = vars[2];
    next[2] = tw_add(vars[1], "!");
}

static void variables_may_be_strings(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor out[3];
    tw_while_loop(.cond = below, .body = append,
                  .vars = TW_LIST(tw_constant(0), tw_constant("a"), tw_constant("b")), .user = &l,
                  .out = out);
    tw_array *array = run_with(out[1], (number_feed[]){{l.n, 4}}, 1);
    size_t length;
    const char *text = tw_array_string(array, 0, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(text, "a!!", 3);
    tw_array_unref(array);
}

/* ---- memory ---- */

static void matrix_body(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_tanh(tw_matmul(vars[1], ((limits *)user)->w));
    next[2] = tw_add(vars[2], vars[1]);
}

static void an_iteration_allocates_nothing(void **state)
{
    (void)state;
    limits l = {.n = scalar_of(TW_INT32, "n"), .w = tw_zeros(TW_SHAPE(8, 8))};
    tw_tensor x = tw_ones(TW_SHAPE(4, 8)), out[3];
    tw_while_loop(.cond = below, .body = matrix_body, .vars = TW_LIST(tw_constant(0), x, x),
                  .user = &l, .out = out);
    tw_tensor loss = tw_reduce_sum(tw_mul(out[1], out[2]));
    tw_tensor back = tw_grad_tensor(tw_gradients(TW_LIST(loss), TW_LIST(x)).grads[0]);
    check_graph();
    tw_array *few = tw_array_scalar(TW_INT32, 20);
    for (int i = 0; i < 3; i++)
        expect_ok(tw_run(session, .target = TW_LIST(back), .feed = TW_FEED({l.n, few})));
    failing_allocator_limit(1); /* whoever asks for memory gets none */
    tw_status *status = tw_run(session, .target = TW_LIST(back), .feed = TW_FEED({l.n, few}));
    failing_allocator_limit(0);
    expect_ok(status);
    tw_array_unref(few);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static tw_tensor always(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_greater_equal(vars[0], 0.0);
}

static void stays(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_mul(vars[0], 1.0);
}

static void a_loop_without_end_is_stopped_when_its_time_is_over(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x");
    tw_tensor out = tw_while_loop(.cond = always, .body = stays, .vars = TW_LIST(x));
    tw_array *one = tw_array_scalar(TW_FLOAT32, 1);
    check_graph();
    tw_status *status = tw_run(session, TW_FETCH(out), .feed = TW_FEED({x, one}), .timeout_ms = 20);
    assert_int_equal(tw_status_code(status), TW_DEADLINE_EXCEEDED);
    tw_status_free(status);
    tw_array_unref(one);
}

static void cancel_later(void *arg)
{
    for (int64_t end = tw_os_now() + 10000000; tw_os_now() < end;)
        tw_thread_yield();
    tw_cancel_now(arg);
}

static void a_loop_without_end_is_stopped_by_another_thread(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x");
    tw_tensor out = tw_while_loop(.cond = always, .body = stays, .vars = TW_LIST(x));
    tw_array *one = tw_array_scalar(TW_FLOAT32, 1);
    tw_cancel *cancel = tw_cancel_new();
    tw_thread thread;
    check_graph();
    assert_true(tw_thread_start(&thread, cancel_later, cancel));
    tw_status *status = tw_run(session, TW_FETCH(out), .feed = TW_FEED({x, one}), .cancel = cancel);
    tw_thread_join(&thread);
    assert_int_equal(tw_status_code(status), TW_CANCELLED);
    tw_status_free(status);
    tw_cancel_free(cancel);
    tw_array_unref(one);
}

static tw_status *refuse(void *user)
{
    ++*(int *)user;
    return tw_value_error("the caller has had enough");
}

static void a_loop_without_end_asks_its_caller_now_and_then(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT32, "x");
    tw_tensor out = tw_while_loop(.cond = always, .body = stays, .vars = TW_LIST(x));
    tw_callable *callable;
    float one = 1;
    int asked = 0;
    tw_view view = {TW_FLOAT32, TW_SHAPE(), &one};
    struct tw_call_options options = {.size = sizeof options, .poll = refuse, .user = &asked};
    check_graph();
    TW_CHECK(tw_make_callable(.session = session, .fetch = TW_LIST(out), .feed = TW_LIST(x),
                              .callable = &callable));
    tw_status *status = tw_call_views(callable, &view, &options);
    assert_non_null(strstr(tw_status_message(status), "has had enough"));
    assert_int_equal(asked, 1);
    tw_status_free(status);
    tw_callable_free(callable);
}

static void one_more(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_add(vars[0], 1);
}

/* A trace wants every step of every iteration; the numbers are those of a run without one. */
static void a_trace_sees_every_step_of_every_iteration(void **state)
{
    (void)state;
    tw_tensor i = tw_constant(0);
    limits l = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor out = tw_while_loop(.cond = below, .body = one_more, .vars = TW_LIST(i), .user = &l);
    tw_array *seven = tw_array_scalar(TW_INT32, 7), *plain = NULL, *traced = NULL;
    tw_trace *trace = tw_trace_new();
    check_graph();
    expect_ok(tw_run(session, TW_FETCH(out), .feed = TW_FEED({l.n, seven}), .out = &plain));
    expect_ok(tw_run(session, TW_FETCH(out), .feed = TW_FEED({l.n, seven}), .out = &traced,
                     .trace = trace));
    assert_int_equal(tw_array_item(plain), 7);
    assert_int_equal(tw_array_item(traced), 7);
    /* eight conditions, seven sums, and the loop */
    assert_int_equal(tw_trace_count(trace), 16);
    tw_trace_free(trace);
    tw_array_unref(seven), tw_array_unref(plain), tw_array_unref(traced);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        TEST(a_loop_runs_as_often_as_its_condition_holds),
        TEST(nodes_and_names_are_tensorflow_s),
        TEST(many_variables_may_change_places),
        TEST(a_swap_beside_a_sum_keeps_both_right),
        TEST(loops_nest),
        TEST(a_variable_may_grow_where_its_invariant_says_so),
        TEST(a_variable_that_changes_its_shape_is_refused),
        TEST(a_variable_that_changes_its_dtype_or_is_forgotten_is_refused),
        TEST(what_is_inside_of_a_loop_cannot_be_used_outside),
        TEST(a_loop_writes_a_variable_in_each_iteration),
        TEST(what_was_read_outside_follows_the_writes_of_a_loop),
        TEST(variables_may_be_strings),
        TEST(an_iteration_allocates_nothing),
        TEST(a_loop_without_end_is_stopped_when_its_time_is_over),
        TEST(a_loop_without_end_is_stopped_by_another_thread),
        TEST(a_loop_without_end_asks_its_caller_now_and_then),
        TEST(a_trace_sees_every_step_of_every_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
