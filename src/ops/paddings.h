/* SPDX-License-Identifier: Apache-2.0
 * A (rank, 2) array of how much is added before and after each dimension. */
#ifndef TW_OPS_PADDINGS_H
#define TW_OPS_PADDINGS_H

#include "ops/arrays.h"

/* Output 0 is input 0 with the paddings of input `input` added to its dimensions. */
void tw_infer_paddings(tw_infer *in, size_t input);
/* The two columns for input 0's dimensions, none negative, no sum out of range. */
tw_status *tw_read_paddings(const tw_compute *c, size_t input, int64_t *before, int64_t *after);
/* A matrix of `rows` (-1: not known) by 2. */
int64_t tw_infer_pairs(tw_infer *in, size_t input, int64_t rows);

#endif
