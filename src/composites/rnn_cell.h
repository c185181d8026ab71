/* SPDX-License-Identifier: Apache-2.0
 * One step of each kind of cell. Callers have entered a composite; errors were reported by who
 * found them, and what came of them is invalid. */
#ifndef TW_COMPOSITES_RNN_CELL_H
#define TW_COMPOSITES_RNN_CELL_H

#include "composites/composite.h"

/* Layers in layers end here, so that no list can be followed for ever. */
enum { TW_RNN_MAX_DEPTH = 8 };

/* False: the cell, the input or the state is unfit, which was reported. */
bool tw_rnn_cell_check(const tw_rnn_cell *cell);
bool tw_rnn_state_check(const tw_rnn_cell *cell, tw_tensors state);
/* "BasicLSTMCell" */
const char *tw_rnn_cell_class(const tw_rnn_cell *cell);
/* Opens the cell's variable scope and fills next[0 .. state count - 1]; gives the output. */
tw_tensor tw_rnn_advance(const tw_rnn_cell *cell, tw_tensor input, const tw_tensor *state,
                         tw_tensor *next);

#endif
