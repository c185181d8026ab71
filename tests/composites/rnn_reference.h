/* SPDX-License-Identifier: Apache-2.0
 * Recurrent networks for tests: one in a session whose weights are known, in float64, and the same
 * mathematics in plain loops. */
#ifndef TW_TESTS_RNN_REFERENCE_H
#define TW_TESTS_RNN_REFERENCE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

enum { STEPS = 3, BATCH = 2, INPUTS = 3, MOST = 8 };

/* What builders make of a number, a list or an array. */
#define constant(value) tw_operand_tensor(TW_OPERAND(value), TW_INVALID_DTYPE, "value")

/* ---- a network in a session ---- */

typedef struct net {
    tw_tensor x[STEPS];
    struct tw_static_rnn_result rnn;
    tw_session *session;
} net;

static inline int start(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

static inline double number(size_t i, double phase)
{
    return 0.8 * sin(1.7 * (double)i + phase);
}

static inline tw_array *numbers(tw_shape shape, double phase)
{
    tw_array *array = tw_array_new(TW_FLOAT64, shape);
    for (size_t i = 0; i < tw_array_count(array); i++)
        ((double *)tw_array_data(array))[i] = number(i, phase);
    return array;
}

static inline tw_tensor input(size_t step)
{
    tw_array *array = numbers(TW_SHAPE(BATCH, INPUTS), (double)step);
    tw_tensor tensor = constant(array);
    tw_array_unref(array);
    return tensor;
}

/* Sets every variable to numbers of its own. */
static inline tw_session *session_with_weights(void)
{
    const tw_status *status = tw_graph_status(tw_default_graph());
    if (status)
        fail_msg("%s", tw_status_message(status));
    tw_session *session = tw_session_new(NULL);
    tw_tensors variables = tw_global_variables();
    for (size_t i = 0; i < variables.count; i++) {
        tw_array *value = numbers(tw_tensor_shape(variables.items[i]), 10 + (double)i);
        TW_CHECK(tw_session_set(session, variables.items[i], value));
        tw_array_unref(value);
    }
    return session;
}

static inline net run_net(tw_rnn_cell cell, tw_tensor lengths)
{
    net n;
    for (size_t i = 0; i < STEPS; i++)
        n.x[i] = input(i);
    tw_tensors inputs = {n.x, STEPS};
    n.rnn = tw_static_rnn(cell, inputs, .sequence_length = lengths);
    n.session = session_with_weights();
    return n;
}

/* Of the variable whose name ends so. */
static inline double *weights(const net *n, const char *end, double *out)
{
    tw_tensors variables = tw_global_variables();
    for (size_t i = 0; i < variables.count; i++) {
        tw_array *value = NULL;
        const char *name = tw_operation_name(variables.items[i].op);
        size_t length = strlen(name), tail = strlen(end);
        if (length < tail || strcmp(name + length - tail, end) != 0)
            continue;
        TW_CHECK(tw_session_get(n->session, variables.items[i], &value));
        memcpy(out, tw_array_const_data(value), tw_array_bytes(value));
        tw_array_unref(value);
        return out;
    }
    fail_msg("no variable ...%s", end);
    return out;
}

static inline void check(const net *n, tw_tensor tensor, size_t columns, double want[BATCH][MOST])
{
    tw_array *got = NULL;
    TW_CHECK(tw_run(n->session, TW_FETCH(tensor), .out = &got));
    assert_int_equal(tw_array_dtype(got), TW_FLOAT64);
    assert_int_equal(tw_array_count(got), BATCH * columns);
    for (size_t b = 0; b < BATCH; b++) {
        for (size_t i = 0; i < columns; i++) {
            double is = tw_array_get(got, b * columns + i);
            if (!(fabs(is - want[b][i]) < 1e-12))
                fail_msg("row %zu column %zu: %.17g, not %.17g", b, i, is, want[b][i]);
        }
    }
    tw_array_unref(got);
}

/* ---- the same in loops ---- */

static inline double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static inline double clipped(double x, double bound)
{
    return fmin(fmax(x, -bound), bound);
}

/* out = [x, h] * kernel + bias for one row */
static inline void dense(const double *x, size_t nx, const double *h, size_t nh,
                         const double *kernel, const double *bias, size_t columns, double *out)
{
    for (size_t k = 0; k < columns; k++) {
        out[k] = bias[k];
        for (size_t i = 0; i < nx; i++)
            out[k] += x[i] * kernel[i * columns + k];
        for (size_t i = 0; i < nh; i++)
            out[k] += h[i] * kernel[(nx + i) * columns + k];
    }
}

static inline void x_row(size_t step, size_t row, double *out)
{
    for (size_t i = 0; i < INPUTS; i++)
        out[i] = number(row * INPUTS + i, (double)step);
}

/* h' of one row */
static inline void gru_row(const net *n, const char *scope, const double *x, size_t nx, double *h,
                           size_t units)
{
    double kernel[512], bias[32], gates[2 * MOST], reset[MOST], fresh[MOST];
    char name[64];
    snprintf(name, sizeof name, "%s/gates/kernel", scope);
    weights(n, name, kernel);
    snprintf(name, sizeof name, "%s/gates/bias", scope);
    dense(x, nx, h, units, kernel, weights(n, name, bias), 2 * units, gates);
    for (size_t i = 0; i < units; i++)
        reset[i] = sigmoid(gates[i]) * h[i];
    snprintf(name, sizeof name, "%s/candidate/kernel", scope);
    weights(n, name, kernel);
    snprintf(name, sizeof name, "%s/candidate/bias", scope);
    dense(x, nx, reset, units, kernel, weights(n, name, bias), units, fresh);
    for (size_t i = 0; i < units; i++) {
        double u = sigmoid(gates[units + i]);
        h[i] = u * h[i] + (1 - u) * tanh(fresh[i]);
    }
}

static inline void basic_row(const net *n, const double *x, size_t nx, double *h, size_t units)
{
    double kernel[512], bias[32], sum[MOST];
    weights(n, "basic_rnn_cell/kernel", kernel);
    dense(x, nx, h, units, kernel, weights(n, "basic_rnn_cell/bias", bias), units, sum);
    for (size_t i = 0; i < units; i++)
        h[i] = tanh(sum[i]);
}

/* c, h of one row without peepholes and projection */
static inline void lstm_row(const net *n, const double *x, double *c, double *h, size_t units,
                            double forget_bias)
{
    double kernel[512], bias[32], g[4 * MOST];
    weights(n, "lstm_cell/kernel", kernel);
    dense(x, INPUTS, h, units, kernel, weights(n, "lstm_cell/bias", bias), 4 * units, g);
    for (size_t i = 0; i < units; i++) {
        c[i] = c[i] * sigmoid(g[2 * units + i] + forget_bias) + sigmoid(g[i]) * tanh(g[units + i]);
        h[i] = tanh(c[i]) * sigmoid(g[3 * units + i]);
    }
}

typedef struct bounds {
    double cell, projection;
} bounds;

static inline void whole_lstm_row(const net *n, const double *x, double *c, double *h, size_t units,
                                  size_t projected, bounds most)
{
    double kernel[512], bias[32], g[4 * MOST], f[MOST], in[MOST], o[MOST], m[MOST];
    weights(n, "lstm_cell/kernel", kernel);
    dense(x, INPUTS, h, projected, kernel, weights(n, "lstm_cell/bias", bias), 4 * units, g);
    weights(n, "w_f_diag", f);
    weights(n, "w_i_diag", in);
    weights(n, "w_o_diag", o);
    weights(n, "projection/kernel", kernel);
    for (size_t i = 0; i < units; i++) {
        double kept = sigmoid(g[2 * units + i] + 1 + f[i] * c[i]) * c[i];
        double open = sigmoid(g[i] + in[i] * c[i]);
        c[i] = clipped(kept + open * tanh(g[units + i]), most.cell);
        m[i] = sigmoid(g[3 * units + i] + o[i] * c[i]) * tanh(c[i]);
    }
    for (size_t k = 0; k < projected; k++) {
        h[k] = 0;
        for (size_t i = 0; i < units; i++)
            h[k] += m[i] * kernel[i * projected + k];
        h[k] = clipped(h[k], most.projection);
    }
}

#endif
