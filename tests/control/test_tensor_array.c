/* SPDX-License-Identifier: Apache-2.0
 * TensorArrays: what a loop reads row by row and collects, derivatives through both, errors. */
#include "control/control.h"

/* A recurrent net: h[t] = tanh(x[t] w + h[t - 1] u), all h collected. */
typedef struct net {
    tw_tensor n, w, u;
    tw_tensor_array inputs, outputs;
} net;

static tw_tensor below(const tw_tensor *vars, size_t count, void *user)
{
    (void)count;
    return tw_less(vars[0], ((net *)user)->n);
}

static void step(const tw_tensor *vars, tw_tensor *next, size_t count, void *user)
{
    net *n = user;
    (void)count;
    tw_tensor_array outputs = {n->outputs.handle, vars[2], TW_FLOAT64};
    tw_tensor x = tw_tensor_array_take(n->inputs, tw_of_tensor(vars[0]));
    next[0] = tw_add(vars[0], 1);
    next[1] = tw_tanh(tw_add(tw_matmul(x, n->w), tw_matmul(vars[1], n->u)));
    next[2] = tw_tensor_array_put(outputs, tw_of_tensor(vars[0]), next[1]).flow;
}

/* x: (time, batch, 3). */
static tw_tensor run_net(net *n, tw_tensor x)
{
    tw_tensor out[3], length = n->n;
    n->inputs = tw_tensor_array_unstack(tw_tensor_array_new(TW_FLOAT64, length), x);
    n->outputs = tw_tensor_array_new(TW_FLOAT64, length);
    tw_while_loop(.cond = below, .body = step,
                  .vars = TW_LIST(tw_constant(0), tw_zeros(TW_SHAPE(2, 3), .dtype = TW_FLOAT64),
                                  n->outputs.flow),
                  .user = n, .out = out);
    n->outputs.flow = out[2];
    return tw_tensor_array_stack(n->outputs);
}

static double wave(int i)
{
    return sin(i * 0.83 + 0.2) / 2;
}

static tw_array *waves(tw_shape shape, int from)
{
    tw_array *array = tw_array_new(TW_FLOAT64, shape);
    for (size_t i = 0; i < tw_array_count(array); i++)
        ((double *)tw_array_data(array))[i] = wave(from + (int)i);
    return array;
}

enum { TIME = 4, ROWS = 2, WIDTH = 3 };

static void a_recurrent_net_reads_rows_and_collects_states(void **state)
{
    (void)state;
    net n = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(-1, ROWS, WIDTH));
    tw_array *w = waves(TW_SHAPE(WIDTH, WIDTH), 50), *u = waves(TW_SHAPE(WIDTH, WIDTH), 90);
    n.w = tw_constant(w);
    n.u = tw_constant(u);
    tw_tensor all = run_net(&n, x);
    check_graph();
    tw_array *xs = waves(TW_SHAPE(TIME, ROWS, WIDTH), 0), *time = tw_array_scalar(TW_INT32, TIME);
    tw_array *out[1] = {NULL};
    expect_ok(tw_run(session, TW_FETCH(all), .feed = TW_FEED({x, xs}, {n.n, time}), .out = out));
    assert_true(tw_shape_equal(tw_array_shape(out[0]), TW_SHAPE(TIME, ROWS, WIDTH)));
    double h[ROWS][WIDTH] = {{0}};
    for (int t = 0; t < TIME; t++) {
        double now[ROWS][WIDTH];
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < WIDTH; c++) {
                double sum = 0;
                for (int k = 0; k < WIDTH; k++)
                    sum += wave((t * ROWS + r) * WIDTH + k) * wave(50 + k * WIDTH + c) +
                           h[r][k] * wave(90 + k * WIDTH + c);
                now[r][c] = tanh(sum);
                double got = tw_array_get(out[0], (size_t)((t * ROWS + r) * WIDTH + c));
                assert_true(fabs(got - now[r][c]) < 1e-12);
            }
        }
        memcpy(h, now, sizeof h);
    }
    tw_array *const arrays[] = {w, u, xs, time, out[0]};
    for (size_t i = 0; i < 5; i++)
        tw_array_unref(arrays[i]);
}

static double loss_at(tw_tensor loss, const tw_feed *feeds)
{
    tw_array *out[1] = {NULL};
    struct tw_run_args args = {.size = sizeof args,
                               .session = session,
                               .fetch = {&loss, 1},
                               .feed = {feeds, 4},
                               .out = out};
    expect_ok(tw_run_(&args));
    double value = tw_array_item(out[0]);
    tw_array_unref(out[0]);
    return value;
}

static void check_entries(tw_tensor loss, const tw_array *got, double *entries,
                          const tw_feed *feeds)
{
    for (size_t i = 0; i < tw_array_count(got); i++) {
        double kept = entries[i], side[2];
        for (int sign = 0; sign < 2; sign++) {
            entries[i] = kept + (sign ? 1e-5 : -1e-5);
            side[sign] = loss_at(loss, feeds);
        }
        entries[i] = kept;
        assert_true(fabs(tw_array_get(got, i) - (side[1] - side[0]) / 2e-5) < 1e-7);
    }
}

static void derivatives_flow_through_what_was_read_and_collected(void **state)
{
    (void)state;
    net n = {.n = scalar_of(TW_INT32, "n")};
    tw_tensor x = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(-1, ROWS, WIDTH));
    n.w = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(WIDTH, WIDTH));
    n.u = tw_placeholder(TW_FLOAT64, .shape = TW_SHAPE(WIDTH, WIDTH));
    tw_tensor loss = tw_reduce_sum(tw_square(run_net(&n, x)));
    tw_grads grads = tw_gradients(TW_LIST(loss), TW_LIST(x, n.w, n.u));
    check_graph();
    tw_feed feeds[] = {{x, waves(TW_SHAPE(TIME, ROWS, WIDTH), 0)},
                       {n.w, waves(TW_SHAPE(WIDTH, WIDTH), 50)},
                       {n.u, waves(TW_SHAPE(WIDTH, WIDTH), 90)},
                       {n.n, tw_array_scalar(TW_INT32, TIME)}};
    for (size_t k = 0; k < 3; k++) {
        tw_tensor fetch = tw_grad_tensor(grads.grads[k]);
        tw_array *out[1] = {NULL};
        struct tw_run_args args = {.size = sizeof args,
                                   .session = session,
                                   .fetch = {&fetch, 1},
                                   .feed = {feeds, 4},
                                   .out = out};
        expect_ok(tw_run_(&args));
        assert_true(tw_shape_equal(tw_array_shape(out[0]), tw_array_shape(feeds[k].array)));
        check_entries(loss, out[0], tw_array_data(feeds[k].array), feeds);
        tw_array_unref(out[0]);
    }
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(feeds[i].array);
}

static void elements_come_back_as_they_were_put(void **state)
{
    (void)state;
    tw_tensor x = scalar_of(TW_FLOAT64, "x");
    tw_tensor_array a = tw_tensor_array_new(TW_FLOAT64, 3, .keep_after_read = true);
    for (int i = 0; i < 3; i++)
        a = tw_tensor_array_put(a, tw_of_int(i), tw_add(x, (double)i));
    number_feed at[] = {{x, 5}};
    assert_true(number_with(tw_tensor_array_take(a, tw_of_int(2)), at, 1) == 7);
    assert_true(number_with(tw_tensor_array_length(a), at, 1) == 3);
    tw_array *all = run_with(tw_tensor_array_stack(a), at, 1);
    for (size_t i = 0; i < 3; i++)
        assert_true(tw_array_get(all, i) == 5 + (double)i);
    tw_array_unref(all);
}

static void expect_run_error(tw_tensor fetch, const char *part)
{
    tw_array *out[1] = {NULL};
    check_graph();
    tw_status *status = tw_run(session, TW_FETCH(fetch), .out = out);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_status_free(status);
}

static void what_cannot_be_written_or_read_is_refused(void **state)
{
    (void)state;
    tw_tensor one = tw_constant(1.0, .dtype = TW_FLOAT64), many = tw_constant(TW_INTS(1, 2));
    tw_tensor_array a = tw_tensor_array_new(TW_FLOAT64, 2);
    tw_tensor_array full = tw_tensor_array_put(a, tw_of_int(0), one);
    expect_run_error(tw_tensor_array_put(full, tw_of_int(0), one).flow, "already been written to");
    expect_run_error(tw_tensor_array_put(a, tw_of_int(2), one).flow, "array is not resizeable");
    expect_run_error(tw_tensor_array_put(a, tw_of_int(-1), one).flow, "Tried to write to index -1");
    expect_run_error(tw_tensor_array_put(a, tw_of_int(1), many).flow,
                     "trying to write dtype int32");
    expect_run_error(tw_tensor_array_take(full, tw_of_int(7)), "but array size is: 2");
    expect_run_error(tw_tensor_array_take(a, tw_of_int(1)), "Could not read");
    expect_run_error(tw_tensor_array_new(TW_FLOAT64, -1).flow, "Size should be >= 0.");
    tw_tensor wide = tw_constant(TW_INTS(1, 2, 3));
    tw_tensor_array ints = tw_tensor_array_put(tw_tensor_array_new(TW_INT32, 2), tw_of_int(0),
                                               many);
    expect_run_error(tw_tensor_array_put(ints, tw_of_int(1), wide).flow, "incompatible");
}

static void an_array_may_grow_if_it_says_so(void **state)
{
    (void)state;
    tw_tensor_array a = tw_tensor_array_new(TW_FLOAT32, 0, .dynamic_size = true);
    a = tw_tensor_array_put(a, tw_of_int(1), tw_constant(1.0));
    a = tw_tensor_array_put(a, tw_of_int(0), tw_constant(2.0));
    assert_true(number(tw_tensor_array_length(a)) == 2);
}

/* ---- the older forms, by their nodes ---- */

static const char *form; /* "", "V2" or "V3", behind the names of types */

static tw_tensor node(const char *base, tw_tensors inputs, const tw_attr *attr)
{
    char type[64];
    snprintf(type, sizeof type, "%s%s", base, form);
    tw_graph_add_args args = {.size = sizeof args,
                              .type = type,
                              .inputs = inputs.items,
                              .input_count = inputs.count,
                              .attrs = attr,
                              .attr_count = attr ? 1 : 0};
    tw_operation *op = NULL;
    expect_ok(tw_graph_add(tw_default_graph(), &args, &op));
    return (tw_tensor){op, 0};
}

static const tw_attr of_doubles = {.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT64};

/* A new list of two elements, written by `base` as `index` says. */
static tw_tensor list(const char *base, tw_tensor index, tw_tensor value, tw_tensor *flow)
{
    tw_tensor handle = node("TensorArray", TW_LIST(tw_constant(2)), &of_doubles);
    tw_tensor none = tw_constant(0.0f);
    if (strcmp(base, "TensorArraySplit") == 0)
        *flow = node(base, TW_LIST(handle, value, index, none), NULL);
    else if (index.op)
        *flow = node(base, TW_LIST(handle, index, value, none), NULL);
    else
        *flow = node(base, TW_LIST(handle, value, none), NULL);
    return handle;
}

/* Every way in and every way out, each squared. */
static tw_tensor through_lists(tw_tensor x)
{
    tw_tensor zero = tw_constant(0), both = tw_constant(TW_INTS(1, 0)), none = {NULL, 0};
    tw_tensor pair = tw_pack(TW_LIST(x, tw_mul(x, 3.0))), flow;
    tw_tensor lengths = tw_constant(TW_INTS(1, 1), .dtype = TW_INT64);
    tw_tensor handle = list("TensorArrayWrite", zero, tw_sin(x), &flow);
    tw_tensor y = tw_square(node("TensorArrayRead", TW_LIST(handle, zero, flow), &of_doubles));
    handle = list("TensorArrayScatter", both, pair, &flow);
    tw_tensor z = node("TensorArrayGather", TW_LIST(handle, both, flow), &of_doubles);
    y = tw_add(y, tw_reduce_sum(tw_square(z)));
    handle = list("TensorArraySplit", lengths, tw_square(pair), &flow);
    z = node("TensorArrayConcat", TW_LIST(handle, flow), &of_doubles);
    y = tw_add(y, tw_reduce_sum(tw_square(z)));
    if (*form)
        return y;
    handle = list("TensorArrayUnpack", none, pair, &flow);
    z = node("TensorArrayPack", TW_LIST(handle, flow), &of_doubles);
    return tw_add(y, tw_reduce_sum(tw_square(z)));
}

static void all_forms_have_derivatives(void **state)
{
    static const char *const forms[] = {"", "V2", "V3"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        form = forms[i];
        tw_tensor x = scalar_of(TW_FLOAT64, NULL);
        number_feed at[] = {{x, 0.6}};
        check_derivatives(through_lists(x), at, 1, TW_LIST(x), 1e-6);
    }
}

static void a_derivative_is_made_of_the_same_form(void **state)
{
    (void)state;
    form = "V2";
    tw_tensor x = scalar_of(TW_FLOAT64, "x"), flow, zero = tw_constant(0);
    tw_tensor handle = list("TensorArrayWrite", zero, x, &flow);
    tw_tensor y = node("TensorArrayRead", TW_LIST(handle, zero, flow), &of_doubles);
    tw_gradients(TW_LIST(y), TW_LIST(x));
    check_graph();
    tw_operation *made = tw_graph_operation(tw_default_graph(),
                                            "gradients/TensorArrayReadV2_grad/TensorArrayGrad/"
                                            "TensorArrayGradV2");
    assert_non_null(made);
    const tw_attr *placed = tw_operation_attr(made, "_class");
    assert_memory_equal(((const tw_bytes *)placed->value.items)->data, "loc:@TensorArrayV2", 18);
    assert_non_null(tw_graph_operation(tw_default_graph(),
                                       "gradients/TensorArrayReadV2_grad/TensorArrayWrite/"
                                       "TensorArrayWriteV2"));
}

/* The size of a list called "foo", by the name as it is if `exact`. */
static tw_tensor named_list(bool exact, bool close)
{
    tw_tensor size = tw_constant(1);
    tw_attr attrs[] = {of_doubles,
                       {.name = "tensor_array_name", .kind = TW_ATTR_STRING},
                       {.name = "_exact_name", .kind = TW_ATTR_BOOL, .value.b = true}};
    attrs[1].value.s = (tw_bytes){"foo", 3};
    tw_graph_add_args args = {.size = sizeof args,
                              .type = "TensorArray",
                              .inputs = &size,
                              .input_count = 1,
                              .attrs = attrs,
                              .attr_count = exact ? 3 : 2};
    tw_operation *op = NULL;
    expect_ok(tw_graph_add(tw_default_graph(), &args, &op));
    tw_tensor handle = {op, 0}, flow = tw_constant(0.0f);
    form = "";
    if (!close)
        return node("TensorArraySize", TW_LIST(handle, flow), NULL);
    tw_tensor closed = node("TensorArrayClose", TW_LIST(handle), NULL);
    TW_CONTROL_DEPENDENCIES({closed.op, -1})
        flow = node("TensorArraySize", TW_LIST(handle, flow), NULL);
    return flow;
}

static void names_are_numbered_or_exact(void **state)
{
    (void)state;
    expect_run_error(named_list(false, true), "TensorArray foo_0 has already been closed.");
    expect_run_error(named_list(true, true), "TensorArray foo has already been closed.");
    assert_true(number(tw_add(named_list(true, false), named_list(false, false))) == 2);
    tw_tensor both = tw_add(named_list(true, false), named_list(true, false));
    tw_array *out[1] = {NULL};
    tw_status *status = tw_run(session, TW_FETCH(both), .out = out);
    assert_int_equal(tw_status_code(status), TW_ALREADY_EXISTS);
    assert_non_null(strstr(tw_status_message(status), "TensorArray foo exists already"));
    tw_status_free(status);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_recurrent_net_reads_rows_and_collects_states),
        TEST(derivatives_flow_through_what_was_read_and_collected),
        TEST(elements_come_back_as_they_were_put),
        TEST(what_cannot_be_written_or_read_is_refused),
        TEST(an_array_may_grow_if_it_says_so),
        TEST(all_forms_have_derivatives),
        TEST(a_derivative_is_made_of_the_same_form),
        TEST(names_are_numbered_or_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
