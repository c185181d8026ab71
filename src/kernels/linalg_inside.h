/* SPDX-License-Identifier: Apache-2.0
 * What the files of linear algebra share: the product as they call it. */
#ifndef TW_KERNELS_LINALG_INSIDE_H
#define TW_KERNELS_LINALG_INSIDE_H

#include "kernels/linalg_loops.h"

/* Element (i, j) is x[i * row + j * column], so that a transpose is a pair of strides. */
typedef struct tw_linalg_operand {
    const double *x;
    size_t row, column;
} tw_linalg_operand;

/* c = alpha a b + beta c for a (m, k), b (k, n), on this thread; c overlaps neither. */
void tw_linalg_product(const tw_linalg_operand *a, const tw_linalg_operand *b, size_t m, size_t n,
                       size_t k, double alpha, double beta, double *c, size_t ldc);

/* The reflection that sends x to beta (1, 0, 0 ...), which is returned: x becomes its vector. */
double tw_find_reflection(size_t n, double *x, double *tau);

/* Rotations that were found and wait: they are done when there are enough to pay for bringing the
 * rows into the first cache. */
enum { TW_TURN_RUNS = 64 };
typedef struct tw_turning {
    double *a; /* NULL: nobody wants the vectors, nothing is kept */
    size_t lda, width, room, used, count;
    double *pairs; /* `room` of them */
    tw_turns runs[TW_TURN_RUNS];
} tw_turning;

/* How many pairs n rows wait for, and the width of rows of n numbers in whole groups. */
size_t tw_turn_room(size_t n);
size_t tw_turn_width(size_t n);
/* The pairs of a new run of `count` rotations. */
double *tw_turn_run(tw_turning *t, size_t first, ptrdiff_t step, size_t count);
void tw_turn_all(tw_turning *t);

#endif
