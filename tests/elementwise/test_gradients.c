/* SPDX-License-Identifier: Apache-2.0
 * Gradients of elementwise operations, through graphs and sessions, against TensorFlow's: every
 * case of tests/golden/ops that has one, but for what tests/golden/exceptions.txt names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_cases.h"
#include "support/golden_exceptions.h"
#include "thalweg/thalweg.h"

static struct {
    size_t compared, excused, failed;
} count;

static bool excused(const golden_case *one, const char *name)
{
    char gradient[100];
    snprintf(gradient, sizeof gradient, "grad:%.90s", name);
    bool found = golden_excused(one->name, name) || golden_excused(one->name, gradient);
    count.excused += found;
    return found;
}

static tw_tensor placeholder(tw_graph *graph, tw_dtype dtype, tw_shape shape)
{
    tw_attr attrs[] = {{.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = dtype},
                       {.name = "shape", .kind = TW_ATTR_SHAPE, .value.shape = shape}};
    tw_graph_add_args args = {
        .size = sizeof args, .type = "Placeholder", .attrs = attrs, .attr_count = 2};
    tw_operation *op;
    tw_status *status = tw_graph_add(graph, &args, &op);
    if (status)
        fail_msg("Placeholder: %s", tw_status_message(status));
    return tw_operation_output(op, 0);
}

static void complain(const golden_case *one, const char *name, const char *what)
{
    if (excused(one, name))
        return;
    count.failed++;
    print_error("%s %s: %s\n", one->name, name, what);
}

static void compare(const golden_case *one, const golden_tensor *want, const tw_array *got)
{
    tw_text why;
    golden_tolerance tolerance = {.relative = golden_relative(want->dtype)};
    tolerance.scale = golden_largest(want->array) * 0.05 + 1e-30; /* differences of near numbers */
    count.compared++;
    if (!golden_same(got, want->array, tolerance, &why))
        complain(one, want->name, why.s);
}

/* The gradients of a case whose operation was added with the inputs `in`. known: are the inputs'
 * shapes known while building? */
static void run_case(const golden_case *one, tw_graph *graph, bool known)
{
    tw_tensor in[GOLDEN_MANY], ys[GOLDEN_MANY], ws[GOLDEN_MANY], fetch[GOLDEN_MANY];
    tw_feed feeds[2 * GOLDEN_MANY];
    size_t feed_count = 0, fetch_count = 0;
    for (size_t i = 0; i < one->input_count; i++) {
        tw_array *array = one->inputs[i].array;
        in[i] = placeholder(graph, one->inputs[i].dtype,
                            known ? tw_array_shape(array) : TW_UNKNOWN_SHAPE);
        feeds[feed_count++] = (tw_feed){in[i], array};
    }
    tw_graph_add_args args = {.size = sizeof args,
                              .type = one->op,
                              .inputs = in,
                              .input_count = one->input_count,
                              .attrs = one->attrs,
                              .attr_count = one->attr_count};
    tw_operation *op;
    tw_status *status = tw_graph_add(graph, &args, &op);
    if (status)
        fail_msg("%s: %s", one->name, tw_status_message(status));
    for (size_t i = 0; i < one->w_count; i++) {
        tw_array *array = one->ws[i].array;
        ys[i] = tw_operation_output(op, i);
        ws[i] = placeholder(graph, one->ws[i].dtype, tw_array_shape(array));
        feeds[feed_count++] = (tw_feed){ws[i], array};
    }
    struct tw_gradients_args gradients = {.size = sizeof gradients,
                                          .ys = {ys, one->w_count},
                                          .xs = {in, one->input_count},
                                          .grad_ys = {ws, one->w_count}};
    tw_grads grads;
    status = tw_gradients_add(&gradients, &grads);
    if (status) {
        complain(one, "gradient", tw_status_message(status));
        tw_status_free(status);
        return;
    }
    const golden_tensor *wanted[GOLDEN_MANY];
    for (size_t k = 0; k < one->grad_count; k++) {
        const golden_tensor *want = &one->grads[k];
        for (size_t i = 0; i < one->input_count; i++) {
            if (strcmp(one->inputs[i].name, want->name) != 0)
                continue;
            if ((want->array == NULL) != (grads.grads[i].kind == TW_GRAD_NONE))
                complain(one, want->name, want->array ? "none" : "not none");
            else if (want->array) {
                wanted[fetch_count] = want;
                fetch[fetch_count++] = grads.grads[i].values;
            }
        }
    }
    struct tw_session_options options = {.size = sizeof options, .graph = graph, .threads = 1};
    tw_session *session = tw_session_new(&options);
    tw_array *out[GOLDEN_MANY];
    status = tw_run(session, .fetch = {fetch, fetch_count}, .feed = {feeds, feed_count},
                    .out = out);
    if (status) {
        complain(one, "gradient", tw_status_message(status));
        tw_status_free(status);
    } else {
        for (size_t i = 0; i < fetch_count; i++) {
            compare(one, wanted[i], out[i]);
            tw_array_unref(out[i]);
        }
    }
    tw_session_free(session);
}

static void use_case(const golden_case *one, void *user)
{
    (void)user;
    if (strstr(one->name, "@0.12.1") || one->grad_count == 0 || !one->new)
        return;
    for (int known = 0; known < 2; known++) {
        tw_graph *graph = tw_graph_new();
        run_case(one, graph, known != 0);
        tw_graph_unref(graph);
    }
}

static void gradients_are_those_of_tensorflow(void **s)
{
    (void)s;
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        char path[500];
        snprintf(path, sizeof path, TW_SOURCE_ROOT "/tests/golden/ops/%s.txt", tw_op_name(op));
        if (tw_op_get_definition(op)->elementwise || strcmp(tw_op_name(op), "BroadcastTo") == 0)
            golden_cases_each(path, use_case, NULL);
    }
    golden_exceptions_clear();
    print_message("%zu gradients compared, %zu excused\n", count.compared, count.excused);
    assert_true(count.compared > 1000);
    assert_int_equal(count.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_are_those_of_tensorflow)};
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
