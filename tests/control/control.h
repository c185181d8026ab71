/* SPDX-License-Identifier: Apache-2.0
 * What the tests of control flow share: a session, and one number out of a run. */
#ifndef TW_TESTS_CONTROL_H
#define TW_TESTS_CONTROL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/session.h"
#include "thalweg/thalweg.h"

static inline void check_graph(void)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    if (status)
        fail_msg("%s", tw_status_message(status));
}

static inline void expect_ok(tw_status *status)
{
    if (status)
        fail_msg("%s", tw_status_message(status));
}

/* The graph has this error; it is forgotten. */
static inline void expect_graph_error(const char *part)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    assert_non_null(status);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in '%s'", part, tw_status_message(status));
    tw_graph_clear_status(tw_default_graph());
}

typedef struct number_feed {
    tw_tensor tensor;
    double value;
} number_feed;

/* Runs `fetch` with scalars fed; the caller's to unref. */
static inline tw_array *run_with(tw_tensor fetch, const number_feed *feeds, size_t count)
{
    tw_feed given[8];
    tw_array *out[1] = {NULL};
    for (size_t i = 0; i < count; i++) {
        tw_dtype dtype = tw_tensor_dtype(feeds[i].tensor);
        given[i] = (tw_feed){feeds[i].tensor, tw_array_scalar(dtype, feeds[i].value)};
    }
    struct tw_run_args args = {.size = sizeof args,
                               .session = session,
                               .fetch = {&fetch, 1},
                               .feed = {given, count},
                               .out = out};
    check_graph();
    expect_ok(tw_run_(&args));
    for (size_t i = 0; i < count; i++)
        tw_array_unref(given[i].array);
    return out[0];
}

static inline double number_with(tw_tensor fetch, const number_feed *feeds, size_t count)
{
    tw_array *array = run_with(fetch, feeds, count);
    assert_int_equal(tw_array_count(array), 1);
    double value = tw_array_item(array);
    tw_array_unref(array);
    return value;
}

/* What a loop gives that goes round `rounds` times, which is fed as n, is what `want` gives. */
static inline void expect_near(tw_tensor got, tw_tensor n, int rounds, tw_tensor want)
{
    tw_array *a = run_with(got, (number_feed[]){{n, rounds}}, 1), *b = run_with(want, NULL, 0);
    assert_int_equal(tw_array_count(a), tw_array_count(b));
    for (size_t i = 0; i < tw_array_count(a); i++)
        assert_float_equal(tw_array_get(a, i), tw_array_get(b, i), 1e-5);
    tw_array_unref(a);
    tw_array_unref(b);
}

static inline double number(tw_tensor fetch)
{
    return number_with(fetch, NULL, 0);
}

static inline tw_tensor same_in(tw_graph *graph, tw_tensor tensor)
{
    tw_tensor found = {NULL, 0};
    expect_ok(tw_graph_tensor(graph, tw_tensor_name(tensor).s, &found));
    return found;
}

/* The graph as a file: it holds nothing that TensorFlow has not, and gives the same number. */
static inline void check_file(tw_tensor y, const number_feed *feeds, size_t count, double want)
{
    char *bytes, *text;
    size_t size;
    tw_session *of_graph = session;
    tw_graph *file = tw_graph_new();
    expect_ok(tw_graph_export(tw_default_graph(), &bytes, &size));
    expect_ok(tw_graph_export_text(tw_default_graph(), &text));
    assert_null(strstr(text, "op: \"LoopValue\""));
    expect_ok(tw_graph_import(file, bytes, size, NULL));
    number_feed there[8];
    for (size_t i = 0; i < count; i++)
        there[i] = (number_feed){same_in(file, feeds[i].tensor), feeds[i].value};
    session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .graph = file});
    double got = number_with(same_in(file, y), there, count);
    if (fabs(got - want) > 1e-12 * (1 + fabs(want)))
        fail_msg("the file says %.15g, the graph says %.15g", got, want);
    tw_session_free(session);
    session = of_graph;
    tw_graph_unref(file);
    tw_free(bytes);
    tw_free(text);
}

/* d y / d xs[k] against central differences, at the point that `feeds` says. */
static inline void check_derivatives(tw_tensor y, const number_feed *feeds, size_t count,
                                     tw_tensors xs, double tolerance)
{
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = xs};
    tw_grads grads;
    expect_ok(tw_gradients_add(&args, &grads));
    for (size_t k = 0; k < xs.count; k++) {
        assert_int_not_equal(grads.grads[k].kind, TW_GRAD_NONE);
        tw_tensor dx = tw_grad_tensor(grads.grads[k]);
        double got = number_with(dx, feeds, count), side[2];
        check_file(dx, feeds, count, got);
        const double step = 1e-5;
        for (int sign = 0; sign < 2; sign++) {
            number_feed moved[8];
            memcpy(moved, feeds, count * sizeof *feeds);
            for (size_t i = 0; i < count; i++) {
                if (tw_same(moved[i].tensor, xs.items[k]))
                    moved[i].value += sign ? step : -step;
            }
            side[sign] = number_with(y, moved, count);
        }
        double want = (side[1] - side[0]) / (2 * step);
        if (fabs(got - want) > tolerance * (1 + fabs(want)))
            fail_msg("derivative %zu is %.12g, differences say %.12g", k, got, want);
    }
}

static inline tw_tensor scalar_of(tw_dtype dtype, const char *name)
{
    return tw_placeholder(dtype, .shape = TW_SHAPE(), .name = name);
}

#endif
