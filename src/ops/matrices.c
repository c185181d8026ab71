/* SPDX-License-Identifier: Apache-2.0
 * Matrices in the last two dims of an array. */
#include "ops/matrices.h"

/* A complex number lies as its real and its imaginary part. */
void tw_read_complex(const tw_array *array, size_t from, size_t count, double complex *out)
{
    const float *f = array->data;
    const double *d = array->data;
    for (size_t i = 0, at = from; i < count; i++, at++) {
        switch (array->dtype) {
        case TW_FLOAT32: out[i] = f[at]; break;
        case TW_FLOAT64: out[i] = d[at]; break;
        case TW_COMPLEX64: out[i] = f[2 * at] + I * f[2 * at + 1]; break;
        default: out[i] = d[2 * at] + I * d[2 * at + 1];
        }
    }
}

/* The imaginary part of what is written into real numbers is zero, but for nothing. */
void tw_write_complex(tw_array *array, size_t from, size_t count, const double complex *in)
{
    float *f = array->data;
    double *d = array->data;
    for (size_t i = 0, at = from; i < count; i++, at++) {
        switch (array->dtype) {
        case TW_FLOAT32: f[at] = (float)creal(in[i]); break;
        case TW_FLOAT64: d[at] = creal(in[i]); break;
        case TW_COMPLEX64:
            f[2 * at] = (float)creal(in[i]);
            f[2 * at + 1] = (float)cimag(in[i]);
            break;
        default: d[2 * at] = creal(in[i]), d[2 * at + 1] = cimag(in[i]);
        }
    }
}

/* Any rank of 2 or more, or an unknown shape; after a failure the unknown shape keeps what
 * follows from indexing past the end. */
tw_shape tw_infer_matrices(tw_infer *in, size_t input)
{
    tw_shape shape = tw_infer_input(in, input);
    if (shape.dims && shape.rank < 2) {
        tw_infer_fail(in, "Shape must be at least rank 2 but is rank %zu", shape.rank);
        return TW_UNKNOWN_SHAPE;
    }
    return shape;
}
