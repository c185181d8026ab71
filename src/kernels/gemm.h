/* SPDX-License-Identifier: Apache-2.0
 * C = alpha op(A) op(B) + beta C for row-major matrices, for float, double, half, bfloat16 (these
 * two accumulate in float), int32, int64, complex64 and complex128. Small products go straight to
 * plain loops; the rest runs over register tiles, with panels of B packed on the stack, so no
 * workspace is wanted. Cells are cut by shape: the same bits at any number of threads. */
#ifndef TW_KERNELS_GEMM_H
#define TW_KERNELS_GEMM_H

#include "kernels/par.h"
#include "thalweg/dtype.h"
#include "thalweg/status.h"

typedef enum tw_activation {
    TW_ACTIVATION_NONE,
    TW_ACTIVATION_RELU,
    TW_ACTIVATION_RELU6,
    TW_ACTIVATION_SIGMOID,
    TW_ACTIVATION_TANH
} tw_activation;

/* Transposes are said, never carried out: the operands are packed on the way, in the order in
 * which the loops read them. */
typedef struct tw_gemm_shape {
    size_t m, n, k;                /* op(A) is (m, k), op(B) (k, n), C (m, n) */
    bool transpose_a, transpose_b; /* A is stored (k, m), B (n, k) */
    bool conjugate_a, conjugate_b; /* of complex dtypes; others ignore it */
    size_t lda, ldb, ldc;          /* elements from row to row as stored; 0: dense rows */
    double alpha, beta;            /* beta 0: C is only written */
    /* what tw_gemm_pack made of B, or of its first columns, which are not read then; or NULL */
    const void *packed;
} tw_gemm_shape;

/* What is done to C when it is finished, for float, double, half and bfloat16: c = act(c + bias).
 * An activation keeps NaN. */
typedef struct tw_gemm_epilogue {
    const void *bias; /* [n] of the dtype, or NULL */
    tw_activation activation;
} tw_gemm_epilogue;

/* A, B and C must not overlap. epilogue may be NULL. Errors: a dtype without a product, a row
 * stride below the row, sizes that no memory has. k = 0 gives beta C. */
tw_status *tw_gemm(tw_dtype dtype, const tw_gemm_shape *shape, const void *a, const void *b,
                   void *c, const tw_gemm_epilogue *epilogue, const tw_par *par);

/* B, kept as the loops read it, for many products of float or double with the same k and n. Bytes;
 * 0: packing it each time costs next to nothing (few numbers, or many rows), or sizes overflow. Of
 * a large B for many rows it is the first columns alone: copies of the same number of `panels` (0:
 * all of B) are the same. */
size_t tw_gemm_keep_bytes(tw_dtype dtype, const tw_gemm_shape *shape, size_t *panels);
void tw_gemm_pack(tw_dtype dtype, const tw_gemm_shape *shape, const void *b, void *to,
                  const tw_par *par);

/* A product for each index of an n-d grid of batches; C's matrices follow each other densely in
 * row-major order of the grid. Strides are in elements, 0 where a batch is broadcast. */
typedef struct tw_gemm_batches {
    size_t rank;
    const size_t *dims;                  /* [rank] */
    const size_t *a_strides, *b_strides; /* [rank] */
} tw_gemm_batches;
tw_status *tw_gemm_batch(tw_dtype dtype, const tw_gemm_shape *shape, const tw_gemm_batches *batches,
                         const void *a, const void *b, void *c, const tw_par *par);

/* Float matrices of at most 4 rows and columns, for callers that ask once and multiply often: dense
 * rows, alpha 1, beta 0. The same bits as tw_gemm's. c may be a or b: both are read first. */
typedef void (*tw_gemm_few)(const tw_gemm_shape *shape, const float *a, const float *b, float *c);
tw_gemm_few tw_gemm_few_of(tw_dtype dtype, const tw_gemm_shape *shape); /* NULL: other matrices */

#endif
