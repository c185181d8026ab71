/* SPDX-License-Identifier: Apache-2.0
 * The sizes of a product of two matrices, for all ops that compute one. */
#ifndef TW_OPS_PRODUCT_H
#define TW_OPS_PRODUCT_H

#include "kernels/gemm.h"
#include "op/define.h"

/* Of op(a) op(b), as it is. m, n and k are those of the transposed matrices: the flags choose the
 * dim to read. Whether the inner sizes agree is for the shape rule to say; k is b's. */
static inline tw_gemm_shape tw_product_shape(const tw_array *a, const tw_array *b, bool transpose_a,
                                             bool transpose_b)
{
    return (tw_gemm_shape){.m = (size_t)a->dims[transpose_a],
                           .n = (size_t)b->dims[!transpose_b],
                           .k = (size_t)b->dims[transpose_b],
                           .transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .alpha = 1};
}

/* The rule of inputs a and b, transposed as the attributes say: two matrices whose inner sizes
 * agree. dims: those of the product. */
static inline void tw_infer_product(tw_infer *in, size_t a, size_t b, int64_t dims[2])
{
    bool ta = tw_infer_bool(in, "transpose_a"), tb = tw_infer_bool(in, "transpose_b");
    tw_shape x = tw_infer_matrix(in, a), y = tw_infer_matrix(in, b);
    int64_t k = tw_infer_dim(x, !ta), l = tw_infer_dim(y, tb);
    if (!tw_dims_agree(k, l))
        tw_infer_fail(in, "inner sizes differ, %" PRId64 " and %" PRId64, k, l);
    dims[0] = tw_infer_dim(x, ta);
    dims[1] = tw_infer_dim(y, !tb);
}

#endif
