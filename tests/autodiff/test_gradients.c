/* SPDX-License-Identifier: Apache-2.0
 * tw_gradients: which operations are differentiated, how derivatives come together, where the new
 * operations stand, what callers' functions get and give, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

/* The value of a tensor that needs no feeds. */
static tw_array *value_of(tw_tensor tensor)
{
    tw_session *session = tw_session_new(NULL);
    tw_array *out = NULL;
    if (tw_graph_status(tw_default_graph()))
        fail_msg("%s", tw_status_message(tw_graph_status(tw_default_graph())));
    if (tw_global_variables().count)
        TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    TW_CHECK(tw_run(session, TW_FETCH(tensor), .out = &out));
    tw_session_free(session);
    return out;
}

static void check_text(tw_tensor tensor, const char *want)
{
    tw_array *value = value_of(tensor);
    char *text = tw_array_text(value);
    assert_string_equal(text, want);
    tw_free(text);
    tw_array_unref(value);
}

static tw_grad gradient(tw_tensor y, tw_tensor x)
{
    return tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0];
}

static int fresh(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

/* ---- values ---- */

static void derivatives_of_any_order(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(3.0), y = tw_mul(x, tw_mul(x, x));
    static const char *const want[] = {"27.0", "18.0", "6.0", "0.0"};
    for (size_t i = 0; i < 3; i++) {
        y = tw_grad_tensor(gradient(y, x));
        check_text(y, want[i]);
    }
}

static void uses_of_a_tensor_add_up(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(2.0), y = tw_add(tw_add(tw_mul(x, 3), tw_mul(x, x)), x);
    tw_tensor dx = tw_grad_tensor(gradient(y, x));
    check_text(dx, "8.0");
    assert_string_equal(tw_operation_type(dx.op), "AddN");
    assert_int_equal(tw_operation_input_count(dx.op), 4);
}

static void several_ys_and_xs_are_one_sum(void **state)
{
    (void)state;
    tw_tensor a = tw_constant(2.0), b = tw_constant(5.0);
    tw_tensor y1 = tw_mul(a, b), y2 = tw_mul(a, a);
    tw_grads grads = tw_gradients(TW_LIST(y1, y2), TW_LIST(a, b));
    assert_int_equal(grads.count, 2);
    check_text(tw_grad_tensor(grads.grads[0]), "9.0");
    check_text(tw_grad_tensor(grads.grads[1]), "2.0");
}

static void a_y_that_is_an_x_has_gradient_one(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(7.0), y = tw_mul(x, 2);
    check_text(tw_grad_tensor(gradient(x, x)), "1.0");
    check_text(tw_grad_tensor(tw_gradients(TW_LIST(y, x), TW_LIST(x)).grads[0]), "3.0");
}

static void an_x_on_the_way_to_another_passes_on(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(3.0), u = tw_mul(x, x), y = tw_mul(u, 5);
    tw_grads grads = tw_gradients(TW_LIST(y), TW_LIST(x, u));
    check_text(tw_grad_tensor(grads.grads[0]), "30.0");
    check_text(tw_grad_tensor(grads.grads[1]), "5.0");
}

static void what_is_not_connected_or_an_integer_has_none(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(1.0), n = tw_constant(1);
    assert_int_equal(gradient(tw_constant(2.0), x).kind, TW_GRAD_NONE);
    assert_int_equal(gradient(tw_mul(n, 2), n).kind, TW_GRAD_NONE);
    assert_int_equal(gradient(tw_cast(x, TW_INT32), x).kind, TW_GRAD_NONE);
    assert_int_equal(gradient(tw_stop_gradient(x), x).kind, TW_GRAD_NONE);
    assert_false(tw_tensor_valid(tw_grad_tensor(tw_grad_none())));
    assert_null(tw_graph_status(tw_default_graph()));
}

static void stop_gradient_holds_one_way_only(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(3.0);
    check_text(tw_grad_tensor(gradient(tw_mul(tw_stop_gradient(x), x), x)), "3.0");
}

static void nothing_flows_through_stop_tensors(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(3.0), u = tw_mul(x, x), y = tw_add(u, x);
    check_text(tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0]), "7.0");
    check_text(tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x), .stop = TW_LIST(u)).grads[0]),
               "1.0");
}

static void grad_ys_weigh_the_ys(void **state)
{
    (void)state;
    const float two[] = {1, 2}, weights[] = {1, 10};
    tw_tensor x = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(2), two);
    tw_tensor w = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(2), weights);
    tw_tensor y = tw_mul(x, x), none = {NULL, 0};
    check_text(tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x), .grad_ys = TW_LIST(w)).grads[0]),
               "[ 2. 40.]");
    check_text(tw_grad_tensor(
                   tw_gradients(TW_LIST(y, x), TW_LIST(x), .grad_ys = TW_LIST(w, none)).grads[0]),
               "[ 3. 41.]");
}

static void one_output_of_many_gets_its_gradient(void **state)
{
    (void)state;
    const float four[] = {1, 2, 3, 4};
    tw_tensor x = tw_convert_to_tensor(TW_FLOAT32, TW_SHAPE(4), four);
    tw_tensors parts = tw_split(0, x, 2);
    tw_tensor y = tw_mul(parts.items[1], parts.items[1]);
    check_text(tw_grad_tensor(gradient(y, x)), "[0. 0. 6. 8.]");
    check_text(tw_grad_tensor(gradient(y, parts.items[1])), "[6. 8.]");
    assert_int_equal(gradient(y, parts.items[0]).kind, TW_GRAD_NONE);
}

static void a_variable_gets_what_flows_to_its_reads(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(4.0, .name = "v");
    tw_tensor y = tw_add(tw_mul(v, v), tw_variable_read(v));
    check_text(tw_grad_tensor(gradient(y, v)), "9.0");
}

static void shapes_that_only_a_run_knows(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 2));
    tw_tensor row = tw_constant(3.0), y = tw_mul(x, row);
    tw_grads grads = tw_gradients(TW_LIST(y), TW_LIST(x, row));
    assert_null(tw_graph_status(tw_default_graph()));
    tw_tensor dx = tw_grad_tensor(grads.grads[0]), drow = tw_grad_tensor(grads.grads[1]);
    assert_string_equal(tw_shape_text(tw_tensor_shape(dx)).s, "(?, 2)");
    float data[] = {1, 2, 3, 4, 5, 6};
    tw_array *fed = tw_array_borrow(TW_FLOAT32, TW_SHAPE(3, 2), data), *out[2] = {NULL, NULL};
    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(dx, drow), .feed = TW_FEED({x, fed}), .out = out));
    assert_int_equal(tw_array_count(out[0]), 6);
    assert_true(tw_array_get(out[0], 5) == 3 && tw_array_item(out[1]) == 21);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(fed);
    tw_session_free(session);
}

/* ---- slices ---- */

static void gather_gives_slices_that_become_dense(void **state)
{
    (void)state;
    tw_tensor table = tw_variable(tw_ones(TW_SHAPE(3, 2)));
    tw_grad dx = gradient(tw_gather(table, TW_INTS(0, 2, 0)), table);
    assert_int_equal(dx.kind, TW_GRAD_SLICES);
    check_text(dx.indices, "[0 2 0]");
    check_text(dx.values, "[[1. 1.]\n [1. 1.]\n [1. 1.]]");
    check_text(tw_grad_tensor(dx), "[[2. 2.]\n [0. 0.]\n [1. 1.]]");
}

static void slices_with_slices_stay_slices(void **state)
{
    (void)state;
    tw_tensor table = tw_variable(tw_ones(TW_SHAPE(3, 2)));
    tw_tensor first = tw_gather(table, TW_INTS(0));
    tw_tensor more = tw_gather(table, tw_constant(TW_INTS(1, 0), .dtype = TW_INT64));
    tw_grad dx = tw_gradients(TW_LIST(first, more), TW_LIST(table)).grads[0];
    assert_int_equal(dx.kind, TW_GRAD_SLICES);
    assert_int_equal(tw_tensor_dtype(dx.indices), TW_INT64);
    check_text(tw_grad_tensor(dx), "[[2. 2.]\n [1. 1.]\n [0. 0.]]");
}

static void a_tensor_among_slices_counts_as_all_rows(void **state)
{
    (void)state;
    tw_tensor table = tw_variable(tw_ones(TW_SHAPE(3, 2)));
    tw_tensor rows = tw_gather(table, TW_INTS(0)), all = tw_mul(table, 5);
    tw_grad dx = tw_gradients(TW_LIST(rows, all), TW_LIST(table)).grads[0];
    assert_int_equal(dx.kind, TW_GRAD_SLICES);
    check_text(dx.indices, "[0 0 1 2]");
    check_text(tw_grad_tensor(dx), "[[6. 6.]\n [5. 5.]\n [5. 5.]]");
}

static void whole_numbers_have_derivatives_if_they_are_asked_for(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(3), y = tw_mul(x, x);
    tw_tensor seven = tw_constant(7);
    assert_int_equal(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0].kind, TW_GRAD_NONE);
    tw_grads all = tw_gradients(TW_LIST(y), TW_LIST(x), TW_LIST(seven), .integers = true);
    check_text(tw_grad_tensor(all.grads[0]), "42");
    assert_int_equal(tw_gradients(TW_LIST(y), TW_LIST(x)).grads[0].kind, TW_GRAD_NONE);
}

static void a_gradient_of_gradients_through_gather(void **state)
{
    (void)state;
    tw_tensor table = tw_variable(tw_mul(tw_ones(TW_SHAPE(2, 1)), 3));
    tw_tensor rows = tw_gather(table, TW_INTS(1, 1));
    tw_tensor first = tw_grad_tensor(gradient(tw_mul(rows, tw_mul(rows, rows)), table));
    check_text(first, "[[ 0.]\n [54.]]");
    check_text(tw_grad_tensor(gradient(first, table)), "[[ 0.]\n [36.]]");
}

/* ---- where the new operations stand ---- */

static void names_are_tensorflows(void **state)
{
    (void)state;
    static const char *const names[] = {"gradients/Shape", "gradients/grad_ys_0", "gradients/Fill",
                                        "gradients/AddN",  "gradients_1/AddN",    "mine/AddN"};
    tw_tensor x = tw_constant(2.0), y = tw_mul(x, x, .name = "mul");
    gradient(y, x);
    gradient(y, x);
    tw_gradients(TW_LIST(y), TW_LIST(x), .name = "mine");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(tw_graph_operation(tw_default_graph(), names[i]));
    bool found = false;
    for (size_t i = 0; i < tw_graph_operation_count(tw_default_graph()); i++) {
        const char *name = tw_operation_name(tw_graph_operation_at(tw_default_graph(), i));
        found |= strncmp(name, "gradients/mul_grad/", 19) == 0;
    }
    assert_true(found);
}

/* The device is TensorFlow's: that of the forward operation only where both are colocated. */
static void new_operations_have_the_place_of_the_forward_one_and_its_device_if_asked(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(2.0), y;
    int line = __LINE__ + 2;
    TW_DEVICE("/cpu:1") {
        y = tw_sin(x);
    }
    tw_tensor dx = tw_grad_tensor(gradient(y, x));
    assert_int_equal(tw_operation_where(dx.op).line, line);
    assert_string_equal(tw_operation_device(dx.op), "");
    dx = tw_grad_tensor(tw_gradients(TW_LIST(y), TW_LIST(x), .colocate = true).grads[0]);
    assert_string_equal(tw_operation_device(dx.op), tw_operation_device(y.op));
    const tw_attr *class = tw_operation_attr(dx.op, "_class");
    assert_non_null(class);
    assert_string_equal(((const tw_bytes *)class->value.items)[0].data, "loc:@Sin");
}

static void the_nodes_of_tensorflows_gradient_count_for_seeds(void **state)
{
    (void)state;
    int64_t graph_seed, before, after;
    tw_graph *graph = tw_default_graph();
    tw_graph_set_seed(graph, 1);
    tw_tensor x = tw_constant(2.0), y = tw_add(tw_mul(x, 3), 1);
    tw_gradients(TW_LIST(y), TW_LIST(x));
    int64_t nodes = (int64_t)tw_graph_operation_count(graph);
    tw_graph_seeds(graph, NULL, &graph_seed, &before);
    assert_true(before >= nodes);
    tw_tensor z = tw_mul(tw_constant(1.0), x);
    tw_gradients(TW_LIST(z), TW_LIST(x, z.op ? tw_operation_input(z.op, 0) : x), .gate = true);
    int64_t made = (int64_t)tw_graph_operation_count(graph) - nodes;
    tw_graph_seeds(graph, NULL, &graph_seed, &after);
    assert_true(after - before >= made + 3);
}

/* ---- functions of the caller ---- */

static tw_status *ten_times(tw_gradient *g)
{
    assert_int_equal(g->input_count, 1);
    assert_int_equal(g->output_count, 1);
    ++*(int *)g->user;
    g->dx[0] = tw_grad_of(tw_mul(tw_gradient_dy(g, 0), 10));
    return TW_OK;
}

static void an_override_replaces_the_gradient_of_a_type(void **state)
{
    (void)state;
    int calls = 0;
    tw_graph *graph = tw_default_graph();
    tw_tensor x = tw_constant(2.0), y = tw_sin(x);
    TW_CHECK(tw_override_gradient(graph, "Sin", ten_times, &calls));
    check_text(tw_grad_tensor(gradient(y, x)), "10.0");
    assert_int_equal(calls, 1);
    TW_CHECK(tw_override_gradient(graph, "Sin", NULL, NULL));
    check_text(tw_grad_tensor(gradient(y, x)), "-0.41614684");
    assert_int_equal(calls, 1);
}

static void an_operation_may_name_its_gradient(void **state)
{
    (void)state;
    int calls = 0;
    tw_tensor x = tw_constant(2.0), y;
    TW_CHECK(tw_override_gradient(tw_default_graph(), "Tenfold", ten_times, &calls));
    TW_GRADIENT_OVERRIDE("Sin", "Tenfold") {
        y = tw_sin(x);
    }
    check_text(tw_grad_tensor(gradient(y, x)), "10.0");
    check_text(tw_grad_tensor(gradient(tw_sin(x), x)), "-0.41614684");
    assert_int_equal(calls, 1);
}

static void release_payload(void *payload)
{
    ++*(int *)payload;
}

static tw_status *refuse(tw_gradient *g)
{
    tw_status *status = tw_status_new(TW_ABORTED, "as I say");
    tw_status_set_payload(status, g->user, release_payload);
    return status;
}

static void the_status_of_a_callers_function_comes_back_unchanged(void **state)
{
    (void)state;
    int released = 0;
    tw_grads grads;
    tw_tensor x = tw_constant(2.0), y = tw_sin(x);
    TW_CHECK(tw_override_gradient(tw_default_graph(), "Sin", refuse, &released));
    struct tw_gradients_args args = {.size = sizeof args, .ys = TW_LIST(y), .xs = TW_LIST(x)};
    tw_status *status = tw_gradients_add(&args, &grads);
    assert_int_equal(tw_status_code(status), TW_ABORTED);
    assert_string_equal(tw_status_message(status), "as I say");
    assert_ptr_equal(tw_status_payload(status), &released);
    assert_null(tw_graph_status(tw_default_graph()));
    tw_status_free(status);
    assert_int_equal(released, 1);
}

static tw_status *gives_a_wrong_shape(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_zeros(TW_SHAPE(3)));
    return TW_OK;
}

static tw_status *fails(tw_gradient *g)
{
    return tw_gradient_fail(g, "never of %s", "this");
}

static tw_status *builds_nonsense(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_matmul(g->inputs[0], g->inputs[0]));
    return TW_OK;
}

static tw_status *gives_an_invalid_tensor(tw_gradient *g)
{
    g->dx[0] = tw_grad_of((tw_tensor){NULL, 0});
    return TW_OK;
}

static void what_is_wrong_with_a_gradient_function_is_said(void **state)
{
    (void)state;
    static const struct {
        tw_gradient_fn fn;
        const char *text;
    } cases[] = {
        {gives_a_wrong_shape, "Incompatible shapes between op input and calculated input gradient. "
                              "Forward operation: Sin. Input index: 0. Original input shape: (2,). "
                              "Calculated input gradient shape: (3,)"},
        {fails, "Sin 'Sin': never of this"},
        {builds_nonsense, "MatMul 'gradients"},
        {gives_an_invalid_tensor, "gave an invalid tensor for input 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_reset_default_graph();
        tw_grads grads;
        tw_tensor x = tw_zeros(TW_SHAPE(2)), y = tw_sin(x);
        TW_CHECK(tw_override_gradient(tw_default_graph(), "Sin", cases[i].fn, NULL));
        struct tw_gradients_args args = {.size = sizeof args, .ys = TW_LIST(y), .xs = TW_LIST(x)};
        tw_status *status = tw_gradients_add(&args, &grads);
        if (!strstr(tw_status_message(status), cases[i].text))
            fail_msg("'%s' does not say '%s'", tw_status_message(status), cases[i].text);
        assert_non_null(strstr(tw_status_message(status), "test_gradients.c"));
        assert_null(tw_graph_status(tw_default_graph()));
        tw_status_free(status);
    }
}

/* ---- refusals ---- */

static void infer_one(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

static void register_without_gradient(void)
{
    static bool done;
    tw_op_definition definition = {.size = sizeof definition,
                                   .name = "TestOneWay",
                                   .signature = "x: T -> y: T; T: {float}",
                                   .infer = infer_one};
    if (!done)
        TW_CHECK(tw_register_op(&definition));
    done = true;
}

static tw_tensor one_way(tw_tensor x, const char *name)
{
    tw_operation *op = NULL;
    register_without_gradient();
    tw_graph_add_args args = {.size = sizeof args,
                              .where = TW_HERE,
                              .type = "TestOneWay",
                              .name = name,
                              .inputs = &x,
                              .input_count = 1};
    TW_CHECK(tw_graph_add(tw_default_graph(), &args, &op));
    return (tw_tensor){op, 0};
}

static void an_op_without_gradient_is_named(void **state)
{
    (void)state;
    tw_grads grads;
    tw_tensor x = tw_constant(1.0), y = tw_mul(one_way(x, "there"), 2);
    struct tw_gradients_args args = {.size = sizeof args, .ys = TW_LIST(y), .xs = TW_LIST(x)};
    tw_status *status = tw_gradients_add(&args, &grads);
    assert_int_equal(tw_status_code(status), TW_NOT_FOUND);
    assert_non_null(strstr(tw_status_message(status),
                           "No gradient defined for operation 'there' (op type: TestOneWay)"));
    assert_string_equal(tw_status_operation(status), "there");
    assert_null(tw_graph_status(tw_default_graph()));
    tw_status_free(status);
    tw_tensor beside = tw_add(tw_mul(x, 2), one_way(tw_constant(1.0), "beside"));
    check_text(tw_reduce_sum(tw_grad_tensor(gradient(tw_mul(x, 2), x))), "2.0");
    assert_int_equal(gradient(beside, x).kind, TW_GRAD_TENSOR);
}

static void the_graph_keeps_the_error_of_the_macro(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(1.0), y = one_way(x, "there");
    tw_grads grads = tw_gradients(TW_LIST(y), TW_LIST(x, x));
    assert_int_equal(grads.count, 2);
    assert_int_equal(grads.grads[1].kind, TW_GRAD_NONE);
    const char *message = tw_status_message(tw_graph_status(tw_default_graph()));
    assert_non_null(strstr(message, "No gradient defined"));
}

static void check_refused(const struct tw_gradients_args *args, const char *text)
{
    tw_grads grads;
    tw_status *status = tw_gradients_add(args, &grads);
    if (!strstr(tw_status_message(status), text))
        fail_msg("'%s' does not say '%s'", tw_status_message(status), text);
    tw_status_free(status);
}

#define REFUSED(text, ...) \
    check_refused(         \
        &(struct tw_gradients_args){.size = sizeof(struct tw_gradients_args), __VA_ARGS__}, text)

static void bad_arguments_are_said(void **state)
{
    (void)state;
    tw_grads grads;
    tw_graph *other = tw_graph_new();
    tw_tensor x = tw_constant(1.0), y = tw_mul(x, 2), none = {NULL, 0}, far;
    TW_GRAPH(other) {
        far = tw_constant(1.0);
    }
    tw_tensor op = {x.op, -1}, n = tw_constant(1), text = tw_constant("a");
    tw_tensor c = tw_cast(x, TW_COMPLEX64);
    REFUSED("ys[1] is an invalid tensor", .ys = TW_LIST(y, none), .xs = TW_LIST(x));
    REFUSED("xs[0], 'Const', is of another graph", .ys = TW_LIST(y), .xs = TW_LIST(far));
    REFUSED("xs[0], 'Const', is an operation", .ys = TW_LIST(y), .xs = TW_LIST(op));
    REFUSED("2 grad_ys for 1 ys", .ys = TW_LIST(y), .xs = TW_LIST(x), .grad_ys = TW_LIST(x, x));
    REFUSED("Gradients of complex tensors must set grad_ys", .ys = TW_LIST(c), .xs = TW_LIST(x));
    REFUSED("Gradient type string generated for real or integer-valued tensor", .ys = TW_LIST(y),
            .xs = TW_LIST(x), .grad_ys = TW_LIST(text));
    REFUSED("Gradient type int32 generated for complex-valued tensor", .ys = TW_LIST(c),
            .xs = TW_LIST(x), .grad_ys = TW_LIST(n));
    REFUSED("xs is a NULL list of 2", .ys = TW_LIST(y), .xs = {NULL, 2});
    tw_status *status = tw_gradients_add(NULL, &grads);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    assert_null(tw_graph_status(tw_default_graph()));
    tw_graph_unref(other);
}

static void slices_without_a_dense_shape_stay_slices(void **state)
{
    (void)state;
    tw_tensor x = tw_constant(1.0), none = {NULL, 0};
    tw_grad slices = {TW_GRAD_SLICES, x, tw_constant(0), none};
    assert_false(tw_tensor_valid(tw_grad_tensor(slices)));
    const char *message = tw_status_message(tw_graph_status(tw_default_graph()));
    assert_non_null(strstr(message, "without a dense shape"));
}

static void one_operations_gradient_by_itself(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2), .name = "x");
    tw_tensor y = tw_square(x), dy = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2));
    tw_grad given = tw_grad_of(dy);
    tw_grads dx;
    tw_status *status = tw_gradient_of(y.op, (tw_grads){&given, 1}, &dx);
    assert_null(status);
    assert_int_equal(dx.count, 1);
    assert_int_equal(dx.grads[0].kind, TW_GRAD_TENSOR);
    assert_true(tw_tensor_valid(dx.grads[0].values));
    status = tw_gradient_of(y.op, (tw_grads){NULL, 0}, &dx);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    tw_reset_default_graph();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_operations_gradient_by_itself),
        cmocka_unit_test_setup(derivatives_of_any_order, fresh),
        cmocka_unit_test_setup(uses_of_a_tensor_add_up, fresh),
        cmocka_unit_test_setup(several_ys_and_xs_are_one_sum, fresh),
        cmocka_unit_test_setup(a_y_that_is_an_x_has_gradient_one, fresh),
        cmocka_unit_test_setup(an_x_on_the_way_to_another_passes_on, fresh),
        cmocka_unit_test_setup(what_is_not_connected_or_an_integer_has_none, fresh),
        cmocka_unit_test_setup(stop_gradient_holds_one_way_only, fresh),
        cmocka_unit_test_setup(nothing_flows_through_stop_tensors, fresh),
        cmocka_unit_test_setup(grad_ys_weigh_the_ys, fresh),
        cmocka_unit_test_setup(one_output_of_many_gets_its_gradient, fresh),
        cmocka_unit_test_setup(a_variable_gets_what_flows_to_its_reads, fresh),
        cmocka_unit_test_setup(shapes_that_only_a_run_knows, fresh),
        cmocka_unit_test_setup(gather_gives_slices_that_become_dense, fresh),
        cmocka_unit_test_setup(slices_with_slices_stay_slices, fresh),
        cmocka_unit_test_setup(a_tensor_among_slices_counts_as_all_rows, fresh),
        cmocka_unit_test_setup(whole_numbers_have_derivatives_if_they_are_asked_for, fresh),
        cmocka_unit_test_setup(a_gradient_of_gradients_through_gather, fresh),
        cmocka_unit_test_setup(names_are_tensorflows, fresh),
        cmocka_unit_test_setup(
            new_operations_have_the_place_of_the_forward_one_and_its_device_if_asked, fresh),
        cmocka_unit_test_setup(the_nodes_of_tensorflows_gradient_count_for_seeds, fresh),
        cmocka_unit_test_setup(an_override_replaces_the_gradient_of_a_type, fresh),
        cmocka_unit_test_setup(an_operation_may_name_its_gradient, fresh),
        cmocka_unit_test_setup(the_status_of_a_callers_function_comes_back_unchanged, fresh),
        cmocka_unit_test_setup(what_is_wrong_with_a_gradient_function_is_said, fresh),
        cmocka_unit_test_setup(an_op_without_gradient_is_named, fresh),
        cmocka_unit_test_setup(the_graph_keeps_the_error_of_the_macro, fresh),
        cmocka_unit_test_setup(bad_arguments_are_said, fresh),
        cmocka_unit_test_setup(slices_without_a_dense_shape_stay_slices, fresh),
    };
    int failed = cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
