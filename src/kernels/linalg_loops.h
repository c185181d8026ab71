/* SPDX-License-Identifier: Apache-2.0
 * The inside of linear algebra in double: what each instruction set level gives. Rows of matrices
 * that are worked on are whole groups of 8 numbers (tw_linalg_stride), so that most loops have no
 * rest; what stands in the padding is never looked at. */
#ifndef TW_KERNELS_LINALG_LOOPS_H
#define TW_KERNELS_LINALG_LOOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/isa.h"
#include "kernels/linalg.h"

enum {
    TW_LINALG_GROUP = 8,    /* rows are padded to a multiple of it */
    TW_LINALG_CHOLESKY = 16 /* what cholesky below takes */
};

/* a -= p q^T + r s^T for an (m, n) matrix, unless p is NULL; out = x^T a in the same pass. */
typedef struct tw_linalg_update {
    size_t m, n, lda;
    double *a;
    const double *p, *q, *r, *s, *x;
    double *out;
} tw_linalg_update;

/* A run of rotations of neighbouring rows, first, first + step, ...: each turns the row that the
 * one before it left with the next one. Their cosines and sines are pairs from `at` on. */
typedef struct tw_turns {
    size_t first, count, at;
    ptrdiff_t step; /* 1 or -1 */
} tw_turns;

typedef struct tw_linalg_loops {
    double (*dot)(size_t n, const double *x, const double *y);
    void (*add)(size_t n, double factor, const double *x, double *y); /* y += factor x */
    void (*update)(const tw_linalg_update *u);
    /* All runs, one after the other, of the first `width` columns, whole groups. */
    void (*turn)(const tw_turns *turns, size_t count, const double *pairs, double *a, size_t lda,
                 size_t width);
    /* As their namesakes in linalg.h, for n <= TW_LINALG_GROUP, or of cholesky more. */
    bool (*eliminate)(size_t m, size_t n, double *a, size_t lda, size_t *swaps);
    bool (*cholesky)(size_t n, double *a, size_t lda);
    void (*solve)(const tw_triangle *t, size_t n, size_t k, double *x, size_t ldx);
} tw_linalg_loops;

TW_ISA_TABLES(tw_linalg_loops, tw_linalg_loops);

#endif
