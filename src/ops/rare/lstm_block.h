/* SPDX-License-Identifier: Apache-2.0
 * One step of an LSTM whose gates are one product: what the op of a cell and the op of a whole
 * sequence share. Gates stand in the order i, ci, f, o. */
#ifndef TW_OPS_LSTM_BLOCK_H
#define TW_OPS_LSTM_BLOCK_H

#include "ops/arrays.h"

/* Sizes and parameters, which are the same in every step. Matrices are dense rows. */
typedef struct tw_lstm {
    size_t batch, inputs, units;
    const float *w, *b;           /* (inputs + units, 4 units); 4 units */
    const float *wci, *wcf, *wco; /* units: peepholes; NULL: none */
    float forget_bias, clip;      /* clip 0: none */
    tw_par par;
} tw_lstm;

/* What a step makes, (batch, units) each. */
typedef struct tw_lstm_step {
    float *i, *cs, *f, *o, *ci, *co, *h;
} tw_lstm_step;

/* Derivatives of parameters, which steps add to; peepholes' NULL: not asked for. */
typedef struct tw_lstm_grads {
    float *w, *b, *wci, *wcf, *wco;
} tw_lstm_grads;

/* gates: room for (batch, 4 units). */
tw_status *tw_lstm_forward(const tw_lstm *l, const float *x, const float *cs_prev,
                           const float *h_prev, float *gates, const tw_lstm_step *out);
/* The gates' derivatives dicfo (batch, 4 units) and that of cs_prev, from those of cs and h; those
 * of peepholes are added to. */
void tw_lstm_gates_back(const tw_lstm *l, const tw_lstm_step *made, const float *cs_prev,
                        const float *cs_grad, const float *h_grad, float *dicfo,
                        float *cs_prev_grad, const tw_lstm_grads *grads);
/* x and h go into one product: c = [x, h] w. */
tw_status *tw_lstm_product(const tw_par *par, size_t batch, size_t inputs, size_t units,
                           size_t columns, const float *x, const float *h, const float *w,
                           float *c);
/* The way back of the product: x_grad and h_grad, which are written. */
tw_status *tw_lstm_product_back(const tw_par *par, size_t batch, size_t inputs, size_t units,
                                size_t columns, const float *dc, const float *w, float *x_grad,
                                float *h_grad);

#endif
