/* SPDX-License-Identifier: Apache-2.0
 * Ops built on <thalweg/thalweg.h> alone work in every respect: derivatives of any order, shapes
 * known and found at run time, between fused steps, in loops and conditions, exported and imported
 * again, with state, variables and errors of their own. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"
#include "support/session.h"

/* ---- y = x^exponent ---- */

static void infer_same(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

/* Attributes are read once for each set of sizes. */
static tw_status *prepare_power(tw_compute *c, void *state)
{
    *(int64_t *)state = tw_compute_int(c, "exponent");
    return TW_OK;
}

static size_t power_workspace(const tw_compute *c)
{
    return tw_array_count(tw_compute_input(c, 0)) * sizeof(double);
}

/* In double, by way of the workspace, so that output and input may share memory. */
static tw_status *compute_power(tw_compute *c)
{
    const tw_array *x = tw_compute_input(c, 0);
    tw_array *y = tw_compute_output(c, 0);
    double *row = tw_compute_workspace(c);
    int64_t exponent = *(const int64_t *)tw_compute_state(c);
    bool wide = tw_compute_type(c, "T") == TW_FLOAT64;
    for (size_t i = 0; i < tw_array_count(x); i++)
        row[i] = wide ? ((const double *)tw_array_const_data(x))[i]
                      : (double)((const float *)tw_array_const_data(x))[i];
    for (size_t i = 0; i < tw_array_count(x); i++) {
        double value = pow(row[i], (double)exponent);
        if (wide)
            ((double *)tw_array_data(y))[i] = value;
        else
            ((float *)tw_array_data(y))[i] = (float)value;
    }
    return TW_OK;
}

static tw_tensor add_power(tw_graph *graph, tw_tensor x, int64_t exponent, tw_status **status)
{
    tw_operation *op = NULL;
    tw_attr attr = {.name = "exponent", .kind = TW_ATTR_INT, .value.i = exponent};
    *status = tw_graph_add(graph,
                           &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                                .where = TW_HERE,
                                                .type = "OutsidePower",
                                                .inputs = &x,
                                                .input_count = 1,
                                                .attrs = &attr,
                                                .attr_count = 1},
                           &op);
    return (tw_tensor){op, 0};
}

/* The derivative is made of the op itself, so that there is one of any order. */
static tw_status *gradient_power(tw_gradient *g)
{
    int64_t n = tw_gradient_int(g, "exponent");
    tw_status *status = NULL;
    if (n == 0)
        return TW_OK;
    tw_tensor lower = add_power(tw_operation_graph(g->op), g->inputs[0], n - 1, &status);
    if (!status)
        g->dx[0] = tw_grad_of(tw_mul(tw_gradient_dy(g, 0), tw_mul(lower, (double)n)));
    return status;
}

static const tw_op_definition power_op = {
    .size = sizeof(tw_op_definition),
    .name = "OutsidePower",
    .signature = "x: T -> y: T; exponent: int >= 0 = 2; T: {float, double}",
    .doc = "x to the power `exponent`, element by element.",
    .infer = infer_same,
    .gradient = gradient_power,
    .compute = compute_power,
    .prepare = prepare_power,
    .state_size = sizeof(int64_t),
    .workspace = power_workspace,
    .in_place = 1,
};

static tw_tensor power(tw_tensor x, int64_t exponent)
{
    tw_status *status = NULL;
    tw_tensor y = add_power(tw_operation_graph(x.op), x, exponent, &status);
    TW_CHECK(status);
    return y;
}

/* ---- the rule reads a value; the kernel refuses with words of its own ---- */

static void infer_repeat(tw_infer *in)
{
    tw_shape x = tw_infer_vector(in, 0);
    int64_t times, *dims = tw_infer_dims(in, 1);
    tw_infer_scalar(in, 1);
    if (tw_infer_int_value(in, 1, &times)) {
        if (times < 0)
            tw_infer_fail(in, "times must not be negative, but is %d", (int)times);
        else if (tw_infer_dim(x, 0) >= 0)
            dims[0] = tw_infer_dim(x, 0) * times;
    }
    tw_infer_output(in, 0, (tw_shape){dims, 1});
}

static tw_status *compute_repeat(tw_compute *c)
{
    const tw_array *x = tw_compute_input(c, 0);
    size_t n = tw_array_count(x), total = tw_array_count(tw_compute_output(c, 0));
    const float *from = tw_array_const_data(x);
    float *to = tw_array_data(tw_compute_output(c, 0));
    for (size_t i = 0; i < total; i++) {
        if (from[i % n] < 0)
            return tw_compute_fail(c, "element %d is negative", (int)(i % n));
        to[i] = from[i % n];
    }
    return TW_OK;
}

static const tw_op_definition repeat_op = {
    .size = sizeof(tw_op_definition),
    .name = "OutsideRepeat",
    .signature = "x: float, times: int32 -> y: float",
    .doc = "The vector x so many times.",
    .shape_inputs = 2,
    .infer = infer_repeat,
    .gradient = tw_not_differentiable,
    .compute = compute_repeat,
};

/* ---- a size that only the kernel knows ---- */

static void infer_keep(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_output(in, 0, tw_infer_unknown(in, 1));
}

static tw_status *compute_keep(tw_compute *c)
{
    const tw_array *x = tw_compute_input(c, 0);
    const float *from = tw_array_const_data(x);
    int64_t kept = 0;
    tw_array *out;
    for (size_t i = 0; i < tw_array_count(x); i++)
        kept += from[i] > 0;
    tw_status *status = tw_compute_allocate(c, 0, TW_SHAPE(kept), &out);
    if (status)
        return status;
    float *to = tw_array_data(out);
    for (size_t i = 0; i < tw_array_count(x); i++)
        if (from[i] > 0)
            *to++ = from[i];
    return TW_OK;
}

static const tw_op_definition keep_op = {
    .size = sizeof(tw_op_definition),
    .name = "OutsideKeep",
    .signature = "x: float -> y: float",
    .doc = "What is positive.",
    .infer = infer_keep,
    .gradient = tw_not_differentiable,
    .compute = compute_keep,
};

/* ---- state of a session, and a variable ---- */

static tw_status *make_count(tw_compute *c, void **out)
{
    (void)c;
    *out = calloc(1, sizeof(int64_t));
    return TW_OK;
}

static size_t save_count(const void *object, void *out)
{
    if (out)
        memcpy(out, object, sizeof(int64_t));
    return sizeof(int64_t);
}

static tw_status *load_count(void *object, const void *bytes, size_t size)
{
    assert_int_equal(size, sizeof(int64_t));
    memcpy(object, bytes, size);
    return TW_OK;
}

static const tw_state_class count_class = {.size = sizeof(tw_state_class),
                                           .name = "count",
                                           .make = make_count,
                                           .free = free,
                                           .save = save_count,
                                           .load = load_count};

static tw_status *compute_count(tw_compute *c)
{
    void *count;
    tw_status *status = tw_compute_resource(c, &count_class, NULL, &count);
    if (!status)
        *(int64_t *)tw_array_data(tw_compute_output(c, 0)) = ++*(int64_t *)count;
    return status;
}

static void infer_scalar(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE());
}

static const tw_op_definition count_op = {
    .size = sizeof(tw_op_definition),
    .name = "OutsideCount",
    .signature = "-> n: int64",
    .doc = "How often it ran in this session.",
    .flags = TW_OP_STATEFUL,
    .infer = infer_scalar,
    .gradient = tw_not_differentiable,
    .compute = compute_count,
};

static tw_status *compute_bump(tw_compute *c)
{
    tw_array *value, *out;
    float by = *(const float *)tw_array_const_data(tw_compute_input(c, 1));
    tw_status *status = tw_compute_ref_get(c, 0, &value);
    if (status)
        return status;
    size_t count = tw_array_count(value);
    float *kept = malloc(count * sizeof *kept);
    memcpy(kept, tw_array_const_data(value), count * sizeof *kept);
    status = tw_compute_ref_assign(c, 0, tw_array_shape(value), &out);
    for (size_t i = 0; !status && i < count; i++)
        ((float *)tw_array_data(out))[i] = kept[i] + by;
    free(kept);
    return status;
}

static const tw_op_definition bump_op = {
    .size = sizeof(tw_op_definition),
    .name = "OutsideBump",
    .signature = "ref: Ref(float), by: float -> out: Ref(float)",
    .doc = "Adds `by` to a variable.",
    .infer = infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_bump,
};

/* ---- what tests share ---- */

static tw_tensor add(const char *type, tw_tensors inputs)
{
    tw_operation *op = NULL;
    TW_CHECK(tw_graph_add(tw_default_graph(),
                          &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                               .where = TW_HERE,
                                               .type = type,
                                               .inputs = inputs.items,
                                               .input_count = inputs.count},
                          &op));
    return (tw_tensor){op, 0};
}

static tw_array *value_of(tw_tensor y, tw_feeds feed)
{
    tw_array *out = NULL;
    assert_null(tw_graph_status(tw_default_graph()));
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = feed, .out = &out));
    return out;
}

static double number_of(tw_tensor y, tw_tensor x, double value)
{
    tw_array *in = tw_array_scalar(tw_tensor_dtype(x), value), *out = value_of(y, TW_FEED({x, in}));
    double number = tw_array_item(out);
    tw_array_unref(in);
    tw_array_unref(out);
    return number;
}

static tw_tensor derivative(tw_tensor y, tw_tensor x)
{
    tw_grads grads = tw_gradients(TW_LIST(y), TW_LIST(x));
    assert_int_equal(grads.count, 1);
    return tw_grad_tensor(grads.grads[0]);
}

static tw_tensor pair(float a, float b)
{
    return tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(2), ((float[]){a, b}));
}

/* ---- tests ---- */

static void it_has_derivatives_of_any_order(void **state)
{
    (void)state;
    const tw_dtype dtypes[] = {TW_FLOAT32, TW_FLOAT64};
    for (size_t i = 0; i < 2; i++) {
        tw_tensor x = tw_placeholder(dtypes[i], .shape = TW_SHAPE()), y = power(x, 4);
        const double want[] = {16, 32, 48, 48, 24};
        for (size_t order = 0; order < 5; order++, y = order < 5 ? derivative(y, x) : y)
            assert_near(number_of(y, x, 2), want[order], 1e-4);
    }
}

static void steps_around_it_are_fused(void **state)
{
    (void)state;
    tw_plan_counts counts;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor before = tw_tanh(tw_add(tw_mul(x, 2.0), 1.0));
    tw_tensor y = tw_sub(tw_exp(power(before, 3)), 1.0);
    assert_near(number_of(y, x, 0.25), exp(pow(tanh(1.5), 3)) - 1, 1e-5);
    TW_CHECK(
        tw_session_plan_counts(session, TW_FETCH(y), (tw_tensors){NULL, 0}, TW_LIST(x), &counts));
    assert_int_equal(counts.steps, 3);
    assert_int_equal(counts.fused, 2);
}

static tw_tensor fewer_than_three(const tw_tensor *vars, size_t count, void *user)
{
    (void)count, (void)user;
    return tw_less(vars[0], 3);
}

static void square_it(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    (void)count, (void)user;
    next[0] = tw_add(vars[0], 1);
    next[1] = power(vars[1], 2);
}

/* x^(2^3), and 8 x^7. */
static void it_runs_and_is_differentiated_in_a_loop(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE()), out[2];
    tw_while_loop(.cond = fewer_than_three, .body = square_it, .vars = TW_LIST(tw_constant(0), x),
                  .out = out);
    assert_near(number_of(out[1], x, 1.1), pow(1.1, 8), 1e-12);
    tw_tensor dx = derivative(out[1], x);
    assert_near(number_of(dx, x, 1.1), 8 * pow(1.1, 7), 1e-12);
    assert_near(number_of(derivative(dx, x), x, 1.1), 56 * pow(1.1, 6), 1e-10);
}

static void cube(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = power(*(const tw_tensor *)user, 3);
}

static void as_it_is(tw_tensor *out, size_t count, void *user)
{
    (void)count;
    out[0] = tw_identity(*(const tw_tensor *)user);
}

static void it_runs_in_the_branch_that_is_taken(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor y = tw_cond(tw_greater(x, 1.0), .on_true = cube, .on_false = as_it_is, .user = &x);
    assert_near(number_of(y, x, 2), 8, 1e-6);
    assert_near(number_of(y, x, 0.5), 0.5, 1e-6);
    tw_tensor dx = derivative(y, x);
    assert_near(number_of(dx, x, 2), 12, 1e-5);
    assert_near(number_of(dx, x, 0.5), 1, 1e-6);
}

static void expect_shape(tw_tensor y, const char *text)
{
    assert_string_equal(tw_shape_text(tw_tensor_shape(y)).s, text);
}

static void its_shape_is_known_as_far_as_its_rule_knows(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1));
    tw_tensor times = tw_placeholder(TW_INT32, .shape = TW_SHAPE());
    expect_shape(add("OutsideRepeat", TW_LIST(pair(1, 2), tw_constant(3))), "(6,)");
    tw_tensor y = add("OutsideRepeat", TW_LIST(x, times)), sum = tw_reduce_sum(y);
    expect_shape(y, "(?,)");
    for (int n = 0; n < 4; n++) {
        tw_array *in = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2), (const float[]){1, 2});
        tw_array *count = tw_array_scalar(TW_INT32, n);
        tw_array *out = value_of(sum, TW_FEED({x, in}, {times, count}));
        assert_near(tw_array_item(out), 3 * n, 0);
        tw_array_unref(in);
        tw_array_unref(count);
        tw_array_unref(out);
    }
}

static void a_size_that_it_finds_goes_on(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(4));
    tw_tensor y = tw_mul(add("OutsideKeep", TW_LIST(x)), 2.0);
    tw_array *in = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(4), (const float[]){1, -2, 3, -4});
    tw_array *out = value_of(y, TW_FEED({x, in}));
    assert_int_equal(tw_array_count(out), 2);
    assert_memory_equal(tw_array_const_data(out), ((const float[]){2, 6}), 8);
    tw_array_unref(in);
    tw_array_unref(out);
}

static void it_crosses_a_graph_def(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t size = 0;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(), .name = "x");
    tw_tensor y = tw_identity(power(x, 5), .name = "y");
    assert_near(number_of(y, x, 2), 32, 1e-5);
    TW_CHECK(tw_graph_export(tw_default_graph(), &bytes, &size));
    teardown(NULL);
    setup(NULL);
    TW_CHECK(tw_graph_import(tw_default_graph(), bytes, size, ""));
    tw_free(bytes);
    TW_CHECK(tw_graph_tensor(tw_default_graph(), "x:0", &x));
    TW_CHECK(tw_graph_tensor(tw_default_graph(), "y:0", &y));
    assert_near(number_of(y, x, 2), 32, 1e-5);
    assert_near(number_of(derivative(y, x), x, 2), 80, 1e-4);
}

static void expect_refusal(tw_status *status, const char *const *parts)
{
    assert_non_null(status);
    for (; *parts; parts++)
        if (!strstr(tw_status_message(status), *parts))
            fail_msg("'%s' is not in '%s'", *parts, tw_status_message(status));
    tw_status_free(status);
}
#define REFUSAL(status, ...) expect_refusal(status, (const char *const[]){__VA_ARGS__, NULL})

static void its_errors_say_what_and_where(void **state)
{
    (void)state;
    tw_status *status = NULL;
    tw_array *out = NULL;
    add_power(tw_default_graph(), tw_constant(1.0), -1, &status);
    REFUSAL(status, "OutsidePower", "exponent", "-1", "test_outside.c");
    add_power(tw_default_graph(), tw_constant(1), 2, &status);
    REFUSAL(status, "OutsidePower", "int32", "test_outside.c");
    tw_tensor y = add("OutsideRepeat", TW_LIST(pair(1, -2), tw_constant(2)));
    REFUSAL(tw_run(session, TW_FETCH(y), .out = &out), "OutsideRepeat", "element 1 is negative",
            "float32 (2,)", "test_outside.c");
    assert_near(number_of(power(tw_constant(3.0), 2), tw_placeholder(TW_FLOAT32), 0), 9, 1e-6);
}

static int64_t count_in(tw_session *in, tw_tensor n)
{
    tw_array *out = NULL;
    TW_CHECK(tw_run(in, TW_FETCH(n), .out = &out));
    int64_t count = (int64_t)tw_array_item(out);
    tw_array_unref(out);
    return count;
}

static void its_state_is_the_session_s_and_is_saved(void **state)
{
    (void)state;
    const char *path = TW_BUILD_ROOT "/outside.state";
    tw_tensor n = add("OutsideCount", (tw_tensors){NULL, 0});
    assert_int_equal(count_in(session, n), 1);
    assert_int_equal(count_in(session, n), 2);
    TW_CHECK(tw_save(session, path));
    assert_int_equal(count_in(session, n), 3);
    tw_session *other = tw_session_new(NULL);
    assert_int_equal(count_in(other, n), 1);
    TW_CHECK(tw_restore(other, path));
    assert_int_equal(count_in(other, n), 3);
    tw_session_free(other);
    remove(path);
}

static void it_writes_a_variable(void **state)
{
    (void)state;
    tw_array *value = NULL;
    tw_tensor v = tw_variable(pair(1, 2), .name = "v");
    tw_tensor bumped = add("OutsideBump", TW_LIST(v, tw_constant(10.0)));
    tw_array *out = NULL;
    tw_status *status = tw_run(session, TW_FETCH(bumped), .out = &out);
    assert_int_equal(tw_status_code(status), TW_FAILED_PRECONDITION);
    tw_status_free(status);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    for (int i = 0; i < 2; i++)
        TW_CHECK(tw_run(session, .target = TW_FETCH(bumped)));
    TW_CHECK(tw_session_get(session, v, &value));
    assert_memory_equal(tw_array_const_data(value), ((const float[]){21, 22}), 8);
    tw_array_unref(value);
}

typedef struct many_runs {
    tw_tensor x, y;
    int wrong;
} many_runs;

static void *run_many(void *arg)
{
    many_runs *m = arg;
    for (int i = 0; i < 200; i++) {
        tw_array *in = tw_array_scalar(TW_FLOAT32, i % 7), *out = NULL;
        tw_status *status = tw_run(session, TW_FETCH(m->y), .feed = TW_FEED({m->x, in}),
                                   .out = &out);
        m->wrong += status || tw_array_item(out) != (double)((i % 7) * (i % 7) + 1);
        tw_status_free(status);
        tw_array_unref(in);
        tw_array_unref(out);
    }
    return NULL;
}

static void several_threads_run_it(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    many_runs runs[THREADS];
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE());
    tw_tensor y = tw_add(power(x, 2), 1.0);
    for (int i = 0; i < THREADS; i++) {
        runs[i] = (many_runs){x, y, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &runs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(runs[i].wrong, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_has_derivatives_of_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_around_it_are_fused, setup, teardown),
        cmocka_unit_test_setup_teardown(it_runs_and_is_differentiated_in_a_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(it_runs_in_the_branch_that_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(its_shape_is_known_as_far_as_its_rule_knows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_size_that_it_finds_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(it_crosses_a_graph_def, setup, teardown),
        cmocka_unit_test_setup_teardown(its_errors_say_what_and_where, setup, teardown),
        cmocka_unit_test_setup_teardown(its_state_is_the_session_s_and_is_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(it_writes_a_variable, setup, teardown),
        cmocka_unit_test_setup_teardown(several_threads_run_it, setup, teardown),
    };
    const tw_op_definition *const ops[] = {&power_op, &repeat_op, &keep_op, &count_op, &bump_op};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        TW_CHECK(tw_register_op(ops[i]));
    return cmocka_run_group_tests_name("ops from outside", tests, NULL, NULL);
}
