/* SPDX-License-Identifier: Apache-2.0
 * Cells of recurrent networks, by value: what kind, how large, which options. Their weights are
 * variables (tw_get_variable) under the cell's scope with TensorFlow 1.15's names, such as
 * "rnn/basic_lstm_cell/kernel". tw_rnn_cell_step (one step), tw_rnn_cell_zero_state and
 * tw_static_rnn (a list of steps) are builders of <thalweg/ops.h>.
 *
 * A cell's state is a flat list of tensors, each (batch, size): {h} for the basic cell and the GRU,
 * {c, h} for the LSTMs, and for layers the states of all of them, one after the other. */
#ifndef THALWEG_RNN_H
#define THALWEG_RNN_H

#include "variables.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_rnn_kind {
    TW_BASIC_RNN_CELL,  /* h' = f(W [x, h] + b) */
    TW_BASIC_LSTM_CELL, /* Zaremba, Sutskever, Vinyals 2014 */
    TW_LSTM_CELL,       /* Hochreiter, Schmidhuber 1997; Sak, Senior, Beaufays 2014 */
    TW_GRU_CELL,        /* Cho et al. 2014 */
    TW_MULTI_RNN_CELL   /* layers: each one's output is the next one's input */
} tw_rnn_kind;

/* Such as tw_sigmoid: NULL as a cell's means tanh. */
typedef tw_tensor (*tw_rnn_activation)(tw_tensor x, void *user);

typedef struct tw_rnn_cell {
    double forget_bias; /* LSTMs: added to the forget gate; default 1 */
    double cell_clip;   /* LSTM: c is kept in -cell_clip .. cell_clip; 0: it is not clipped */
    double proj_clip;   /* LSTM: the same for what is projected */
    size_t size;
    tw_where where;
    tw_rnn_kind kind;
    int64_t num_units;
    int64_t num_proj;   /* LSTM: h is projected to so many units; 0: it is not */
    bool use_peepholes; /* LSTM: the gates see c */
    tw_rnn_activation activation;
    void *activation_user;
    tw_initializer initializer;      /* of all weights; none: the scope's */
    tw_initializer bias_initializer; /* none: zeros, ones for the gates of a GRU */
    tw_reuse reuse;                  /* TW_REUSE_AUTO: every step shares one set of weights */
    const char *name;                /* of the scope: "basic_lstm_cell" ... */
    const struct tw_rnn_cell *cells; /* layers; borrowed while the cell is used */
    size_t cell_count;
} tw_rnn_cell;

/* The number of units goes first, options by name:
 * tw_lstm_cell(128, .use_peepholes = true, .num_proj = 64). */
#ifndef __cplusplus
#define TW_RNN_CELL_(k, units, ...)             \
    ((tw_rnn_cell){.forget_bias = 1,            \
                   .size = sizeof(tw_rnn_cell), \
                   .where = TW_HERE,            \
                   .kind = k,                   \
                   .num_units = units,          \
                   __VA_ARGS__})
#define TW_RNN_CELL_OF_(k, ...) TW_RNN_CELL_(k, __VA_ARGS__)
#define tw_basic_rnn_cell(...) TW_RNN_CELL_OF_(TW_BASIC_RNN_CELL, __VA_ARGS__, )
#define tw_basic_lstm_cell(...) TW_RNN_CELL_OF_(TW_BASIC_LSTM_CELL, __VA_ARGS__, )
#define tw_lstm_cell(...) TW_RNN_CELL_OF_(TW_LSTM_CELL, __VA_ARGS__, )
#define tw_gru_cell(...) TW_RNN_CELL_OF_(TW_GRU_CELL, __VA_ARGS__, )
/* Layers: an array of cells and their number. */
#define tw_multi_rnn_cell(layers, ...) TW_MULTI_RNN_CELL_(layers, __VA_ARGS__, )
#define TW_MULTI_RNN_CELL_(layers, n, ...)      \
    ((tw_rnn_cell){.forget_bias = 1,            \
                   .size = sizeof(tw_rnn_cell), \
                   .where = TW_HERE,            \
                   .kind = TW_MULTI_RNN_CELL,   \
                   .cells = layers,             \
                   .cell_count = n,             \
                   __VA_ARGS__})
#endif
/* A cell with its defaults, for C++ and other languages. */
TW_API tw_rnn_cell tw_rnn_cell_default(tw_rnn_kind kind, int64_t num_units);

/* Units of the output; 0 for a cell that is none (a cell without layers). */
TW_API int64_t tw_rnn_cell_output_size(tw_rnn_cell cell);
/* How many tensors the state has, and the units of one of them (0: there is no such tensor). */
TW_API size_t tw_rnn_cell_state_count(tw_rnn_cell cell);
TW_API int64_t tw_rnn_cell_state_size(tw_rnn_cell cell, size_t index);

#ifdef __cplusplus
}
#endif
#endif
