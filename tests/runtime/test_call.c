/* SPDX-License-Identifier: Apache-2.0
 * Calls for front ends: borrowed memory in and out, hooks of long and waiting runs, stale plans,
 * runs in parts. The op that waits comes from outside, through <thalweg/op.h>. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"

static tw_session *session;

/* What the hooks of a call saw. */
typedef struct seen {
    int long_runs, polls, fetches;
    int stop_at; /* the poll that ends the run; 0: none */
    double first[4];
    size_t rank[4];
    const void *data[4];
    tw_session *closes;
} seen;

/* TestNever waits for ever; TestCloses closes the session that runs it. */
static tw_waker *waiting[16];
static int waiting_count;
static tw_session *to_close;

static tw_status *never(tw_compute *c)
{
    TW_TRY(tw_compute_waker(c, &waiting[waiting_count++ % 16]));
    return tw_compute_wait(c);
}

static tw_status *closes(tw_compute *c)
{
    *(float *)tw_array_data(tw_compute_output(c, 0)) = 3;
    return tw_session_close(to_close);
}

static void scalar(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE());
}

static int register_ops(void **state)
{
    (void)state;
    const tw_op_definition definitions[] = {{.size = sizeof(tw_op_definition),
                                             .name = "TestNever",
                                             .signature = "-> out: float",
                                             .infer = scalar,
                                             .doc = "Waits.",
                                             .flags = TW_OP_STATEFUL | TW_OP_WAITS,
                                             .compute = never,
                                             .gradient = tw_not_differentiable},
                                            {.size = sizeof(tw_op_definition),
                                             .name = "TestCloses",
                                             .signature = "-> out: float",
                                             .infer = scalar,
                                             .doc = "Closes the session.",
                                             .flags = TW_OP_STATEFUL,
                                             .compute = closes,
                                             .gradient = tw_not_differentiable}};
    TW_CHECK(tw_register_op(&definitions[0]));
    TW_CHECK(tw_register_op(&definitions[1]));
    return 0;
}

static int setup(void **state)
{
    (void)state;
    tw_reset_default_graph();
    session = tw_session_new(NULL);
    return session ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tw_session_free(session);
    while (waiting_count)
        tw_waker_free(waiting[--waiting_count]);
    tw_reset_default_graph();
    return 0;
}

static tw_tensor add(const char *type)
{
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args, .type = type};
    TW_CHECK(tw_graph_add(tw_default_graph(), &args, &op));
    return tw_operation_output(op, 0);
}

static void refused(tw_status *status, tw_code code, const char *part)
{
    assert_non_null(status);
    assert_int_equal(tw_status_code(status), code);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in: %s", part, tw_status_message(status));
    tw_status_free(status);
}

static void long_run(void *user)
{
    ((seen *)user)->long_runs++;
}

static tw_status *poll(void *user)
{
    seen *s = user;
    if (++s->polls == s->stop_at)
        return tw_status_new(TW_UNKNOWN, "stopped by the poll");
    return TW_OK;
}

static tw_status *fetch(size_t index, const tw_view *value, void *user)
{
    seen *s = user;
    assert_true(index < 4);
    s->fetches++;
    s->rank[index] = value->shape.rank;
    s->data[index] = value->data;
    s->first[index] = value->dtype == TW_FLOAT32 ? (double)*(const float *)value->data
                                                 : (double)*(const int32_t *)value->data;
    return s->stop_at < 0 ? tw_status_new(TW_UNKNOWN, "the fetch failed") : TW_OK;
}

static struct tw_call_options options_of(seen *s)
{
    return (struct tw_call_options){.size = sizeof(struct tw_call_options),
                                    .long_run = long_run,
                                    .poll = poll,
                                    .fetch = fetch,
                                    .user = s};
}

static tw_callable *callable_of(tw_tensors fetches, tw_tensors feeds)
{
    tw_callable *callable = NULL;
    TW_CHECK(tw_make_callable(session, .fetch = fetches, .feed = feeds, .callable = &callable));
    return callable;
}

static void views_go_in_and_come_out(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1)), y = tw_mul(x, 2.0),
              n = tw_size(x);
    tw_tensor nothing = {tw_no_op().op, -1};
    tw_callable *callable = callable_of(TW_FETCH(y, nothing, n), TW_LIST(x));
    float numbers[3] = {1, 2, 3};
    tw_view view = {TW_FLOAT32, TW_SHAPE(3), numbers};
    for (int i = 0; i < 3; i++) {
        seen s = {0};
        struct tw_call_options options = options_of(&s);
        assert_true(i || tw_callable_estimate(callable) < 0);
        TW_CHECK(tw_call_views(callable, &view, &options));
        assert_int_equal(s.fetches, 2); /* none for the operation */
        assert_near(s.first[0], 2, 0);
        assert_near(s.first[2], 3, 0);
        assert_int_equal(s.rank[0], 1);
        assert_int_equal(s.long_runs, i == 0); /* planning */
        assert_true(tw_callable_estimate(callable) > 0 && tw_callable_estimate(callable) < 20);
    }
    numbers[0] = 21;
    seen s = {0};
    struct tw_call_options options = options_of(&s);
    TW_CHECK(tw_call_views(callable, &view, &options));
    assert_near(s.first[0], 42, 0);
    s.stop_at = -1;
    refused(tw_call_views(callable, &view, &options), TW_UNKNOWN, "fetch failed");
    TW_CHECK(tw_call_views(callable, &view, NULL));
    tw_callable_free(callable);
}

static void wrong_views_are_refused(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2)), y = tw_square(x);
    tw_callable *callable = callable_of(TW_FETCH(y), TW_LIST(x)), *loose = NULL;
    float numbers[3] = {1, 2, 3};
    tw_view view = {TW_FLOAT32, TW_SHAPE(3), numbers};
    refused(tw_call_views(NULL, &view, NULL), TW_INVALID_ARGUMENT, "NULL");
    refused(tw_call_views(callable, NULL, NULL), TW_INVALID_ARGUMENT, "feeds");
    refused(tw_call_views(callable, &view, NULL), TW_INVALID_ARGUMENT, "(3,)");
    view.dtype = TW_INT32;
    refused(tw_call_views(callable, &view, NULL), TW_INVALID_ARGUMENT, "int32");
    view = (tw_view){TW_FLOAT32, TW_SHAPE(2), NULL};
    refused(tw_call_views(callable, &view, NULL), TW_INVALID_ARGUMENT, "NULL");
    view = (tw_view){TW_FLOAT32, TW_SHAPE(-2), numbers};
    refused(tw_call_views(callable, &view, NULL), TW_INVALID_ARGUMENT, "-2");
    TW_CHECK(tw_make_callable(session, .fetch = TW_FETCH(y), .feed = TW_LIST(x), .callable = &loose,
                              .any_shapes = true));
    seen s = {0};
    struct tw_call_options options = options_of(&s);
    view = (tw_view){TW_FLOAT32, TW_SHAPE(1, 3), numbers};
    TW_CHECK(tw_call_views(loose, &view, &options));
    assert_int_equal(s.rank[0], 2);
    tw_callable_free(callable);
    tw_callable_free(loose);
}

static void a_variable_is_shown_where_it_is(void **state)
{
    (void)state;
    tw_tensor v = tw_get_variable("v", TW_SHAPE(2), .initializer = tw_constant_initializer(7));
    tw_callable *callable = callable_of(TW_FETCH(v), TW_LIST());
    refused(tw_call_views(callable, NULL, NULL), TW_FAILED_PRECONDITION, "uninitialized");
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    seen s = {0};
    struct tw_call_options options = options_of(&s);
    TW_CHECK(tw_call_views(callable, NULL, &options));
    assert_near(s.first[0], 7, 0);
    tw_callable_free(callable);
}

static void many_feeds_need_room(void **state)
{
    (void)state;
    tw_tensor x[20], sum = tw_constant(0.0);
    tw_view views[20];
    float numbers[20];
    for (int i = 0; i < 20; i++) {
        x[i] = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
        sum = tw_add(sum, x[i]);
        numbers[i] = (float)i;
        views[i] = (tw_view){TW_FLOAT32, TW_SHAPE(), &numbers[i]};
    }
    tw_callable *callable = callable_of(TW_FETCH(sum), (tw_tensors){x, 20});
    seen s = {0};
    struct tw_call_options options = options_of(&s);
    TW_CHECK(tw_call_views(callable, views, &options));
    assert_near(s.first[0], 190, 0);
    tw_callable_free(callable);
}

static void a_changed_operation_is_planned_anew(void **state)
{
    (void)state;
    tw_tensor a = tw_constant(1.0), b = tw_constant(5.0), c = tw_identity(a), d = tw_neg(c);
    tw_callable *callable = callable_of(TW_FETCH(d), TW_LIST());
    seen s = {0};
    struct tw_call_options options = options_of(&s);
    TW_CHECK(tw_call_views(callable, NULL, &options));
    assert_near(s.first[0], -1, 0);
    TW_CHECK(tw_operation_set_input(c.op, 0, b));
    TW_CHECK(tw_call_views(callable, NULL, &options));
    assert_near(s.first[0], -5, 0);
    tw_array *out = NULL;
    TW_CHECK(tw_operation_set_input(c.op, 0, a));
    TW_CHECK(tw_call(callable, NULL, &out));
    assert_near(tw_array_item(out), -1, 0);
    tw_array_unref(out);
    tw_callable_free(callable);
}

static void a_waiting_run_polls(void **state)
{
    (void)state;
    tw_callable *callable = callable_of(TW_FETCH(add("TestNever")), TW_LIST());
    seen s = {.stop_at = 2};
    struct tw_call_options options = options_of(&s);
    refused(tw_call_views(callable, NULL, &options), TW_UNKNOWN, "stopped by the poll");
    assert_int_equal(s.polls, 2);
    assert_int_equal(s.long_runs, 1);
    assert_true(tw_callable_estimate(callable) > 1e30);
    s = (seen){0};
    options.timeout_ms = 50;
    refused(tw_call_views(callable, NULL, &options), TW_DEADLINE_EXCEEDED, "Timed out");
    assert_true(s.polls >= 1);
    tw_callable_free(callable);
}

/* A loop that never ends by itself. */
static tw_tensor go_on(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    (void)user;
    return tw_greater(vars[0], -1.0);
}

static void one_more(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count;
    (void)user;
    next[0] = tw_mod(tw_add(vars[0], 1.0), 5.0);
}

static void an_endless_loop_polls_and_times_out(void **state)
{
    (void)state;
    tw_tensor last = tw_while_loop(.cond = go_on, .body = one_more,
                                   .vars = TW_LIST(tw_constant(0.0)));
    tw_callable *callable = callable_of(TW_FETCH(last), TW_LIST());
    seen s = {.stop_at = 3};
    struct tw_call_options options = options_of(&s);
    refused(tw_call_views(callable, NULL, &options), TW_UNKNOWN, "stopped by the poll");
    options.timeout_ms = 30;
    s = (seen){0};
    refused(tw_call_views(callable, NULL, &options), TW_DEADLINE_EXCEEDED, "Timed out");
    refused(tw_run(session, TW_FETCH(last), .timeout_ms = 30), TW_DEADLINE_EXCEEDED, "Timed out");
    tw_callable_free(callable);
}

static void a_kernel_may_close_its_own_session(void **state)
{
    (void)state;
    tw_tensor closing = add("TestCloses");
    to_close = session;
    tw_status *status = tw_run(session, TW_FETCH(closing));
    refused(status, TW_CANCELLED, "closed");
    refused(tw_run(session, TW_FETCH(closing)), TW_FAILED_PRECONDITION, "closed");
}

static tw_array *number(double value)
{
    return tw_array_scalar(TW_FLOAT32, value);
}

static double take(tw_array *array)
{
    double value = tw_array_item(array);
    tw_array_unref(array);
    return value;
}

static void a_run_in_parts(void **state)
{
    (void)state;
    tw_tensor a = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE()),
              b = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE()),
              c = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor r1 = tw_add(a, b), r2 = tw_mul(r1, c);
    tw_array *one = number(1), *two = number(2), *many = number(51), *out = NULL;
    tw_partial *parts = NULL;
    TW_CHECK(tw_partial_new(session, TW_FETCH(r1, r2), TW_LIST(), TW_LIST(a, b, c), &parts));
    TW_CHECK(tw_partial_run(parts, TW_FETCH(r1), .feed = TW_FEED({a, one}, {b, two}), .out = &out));
    assert_near(take(out), 3, 0);
    TW_CHECK(tw_partial_run(parts, TW_FETCH(r2), .feed = TW_FEED({c, many}), .out = &out));
    assert_near(take(out), 153, 0);
    refused(tw_partial_run(parts, TW_FETCH(r2), .out = &out), TW_INVALID_ARGUMENT, "before");
    refused(tw_partial_run(parts, TW_FETCH(r2), .out = &out), TW_FAILED_PRECONDITION, "failed");
    tw_partial_free(parts);
    tw_array_unref(one);
    tw_array_unref(two);
    tw_array_unref(many);
}

static void parts_run_each_operation_once(void **state)
{
    (void)state;
    tw_tensor v = tw_get_variable("v", TW_SHAPE(), .initializer = tw_constant_initializer(0));
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor up = tw_assign_add(v, 1.0), first = tw_add(up, 0.0);
    tw_tensor random = tw_random_uniform(TW_SHAPE(), .seed = TW_SEED(3)), after = {NULL, 0};
    TW_CONTROL_DEPENDENCIES(up) {
        after = tw_add(x, random);
    }
    tw_tensor last = tw_add(after, first), twice = tw_sub(random, tw_sub(after, x));
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_partial *parts = NULL;
    tw_tensor target = {up.op, -1};
    TW_CHECK(tw_partial_new(session, TW_FETCH(first, random, last, twice), TW_LIST(target),
                            TW_LIST(x), &parts));
    tw_array *ten = number(10), *out[2] = {NULL};
    TW_CHECK(tw_partial_run(parts, TW_FETCH(first, random), .target = TW_LIST(target), .out = out));
    assert_near(take(out[0]), 1, 0);
    double drawn = take(out[1]);
    TW_CHECK(tw_partial_run(parts, TW_FETCH(last, twice), .feed = TW_FEED({x, ten}), .out = out));
    assert_near(take(out[0]), 11 + drawn, 1e-5);
    assert_near(take(out[1]), 0, 1e-5);
    TW_CHECK(tw_run(session, TW_FETCH(v), .out = out));
    assert_near(take(out[0]), 1, 0);
    tw_partial_free(parts);
    tw_array_unref(ten);
}

static void parts_refuse_what_they_were_not_told(void **state)
{
    (void)state;
    tw_tensor a = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE()),
              b = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE()), c = tw_add(a, b), d = tw_neg(a);
    tw_array *one = number(1), *out = NULL;
    tw_partial *parts = NULL;
    tw_tensor none = {NULL, 0}, operation = {a.op, -1};
    refused(tw_partial_new(session, TW_LIST(), TW_LIST(), TW_LIST(a), &parts), TW_INVALID_ARGUMENT,
            "at least one");
    refused(tw_partial_new(session, TW_LIST(none), TW_LIST(), TW_LIST(a), &parts),
            TW_INVALID_ARGUMENT, "graph");
    refused(tw_partial_new(session, TW_LIST(c), TW_LIST(), TW_LIST(operation), &parts),
            TW_INVALID_ARGUMENT, "no output");
    refused(tw_partial_run(NULL, TW_LIST(c), .out = &out), TW_INVALID_ARGUMENT, "part");
    const struct {
        tw_tensor fetch, feed;
        const char *part;
    } cases[] = {{d, a, "fetch"}, {c, c, "feed"}, {c, a, "has not been fed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TW_CHECK(tw_partial_new(session, TW_FETCH(c), TW_LIST(), TW_LIST(a, b), &parts));
        refused(tw_partial_run(parts, TW_FETCH(cases[i].fetch),
                               .feed = TW_FEED({cases[i].feed, one}), .out = &out),
                TW_INVALID_ARGUMENT, cases[i].part);
        tw_partial_free(parts);
    }
    tw_partial_free(NULL);
    tw_array_unref(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(views_go_in_and_come_out, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_views_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_variable_is_shown_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(many_feeds_need_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_operation_is_planned_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_waiting_run_polls, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endless_loop_polls_and_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kernel_may_close_its_own_session, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_run_each_operation_once, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_refuse_what_they_were_not_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, register_ops, NULL);
}
