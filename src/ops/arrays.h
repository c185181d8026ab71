/* SPDX-License-Identifier: Apache-2.0
 * What ops that rearrange elements share: sizes of runs of axes, strides, axes given as values, and
 * lists of gradients. */
#ifndef TW_OPS_ARRAYS_H
#define TW_OPS_ARRAYS_H

#include "kernels/copy.h"
#include "op/define.h"
#include "ops/brackets.h"

/* The number of elements that dims from .. to - 1 span. They are those of an array that exists, so
 * that it fits unless another of its dims is 0; then nobody uses it. */
static inline size_t tw_span(const int64_t *dims, size_t from, size_t to)
{
    size_t product = 1;
    for (size_t i = from; i < to; i++)
        product *= (size_t)dims[i];
    return product;
}

/* Row-major strides in elements; those of an empty array are not used. */
void tw_row_major(const int64_t *dims, size_t rank, ptrdiff_t *strides);

/* a + b of dimensions, neither negative; false: it overflows. */
static inline bool tw_dim_add(int64_t a, int64_t b, int64_t *out)
{
    *out = a <= INT64_MAX - b ? a + b : -1;
    return *out >= 0;
}

/* Element i of an array as memory. */
static inline const char *tw_element_at(const tw_array *array, size_t i)
{
    return (const char *)array->data + i * tw_dtype_size(array->dtype);
}
/* For writing: takes a const array because an output's header is not changed by what its
 * elements become. */
static inline char *tw_element_to(const tw_array *array, size_t i)
{
    return (char *)array->data + i * tw_dtype_size(array->dtype);
}

/* Element i of a plain real array of any dtype as a double, and rounded from one: what kernels read
 * and write through that are written once for all dtypes, because they are seldom run. */
double tw_number_at(const tw_array *array, size_t i);
void tw_number_put(tw_array *array, size_t i, double value);

/* `shape` with another dimension at `axis`. */
tw_shape tw_infer_replace(tw_infer *in, tw_shape shape, size_t axis, int64_t dim);
/* The shape without its dimension `axis`. */
tw_shape tw_infer_without(tw_infer *in, tw_shape shape, size_t axis);
/* Input `input` is a vector of one entry for each dimension of input 0; the rank that follows (-1:
 * not known). */
int64_t tw_infer_vector_of_rank(tw_infer *in, size_t input);

/* Images (batch, rows, columns, depth) in another size: that of input 1, or input 1's own. */
void tw_infer_resized(tw_infer *in);
void tw_infer_resized_grad(tw_infer *in);

/* The scalar input `input` as an axis of `rank` dimensions, from -rank to rank - 1. */
tw_status *tw_compute_axis(const tw_compute *c, size_t input, size_t rank, size_t *out);
/* Every element becomes zero, false or an empty text. */
void tw_zero_array(tw_array *array);
/* A row of indices, as in "[0, 3]". */
tw_text tw_index_row_text(const tw_array *indices, size_t row, size_t depth);

/* dy of outputs 0 .. count - 1, all of them dense. The items are the caller's to tw_free. */
tw_status *tw_gradient_dys(tw_gradient *g, size_t count, tw_tensors *out);
/* The gradient of an op that TensorFlow has none for: reaching it is an error. */
tw_status *tw_gradient_undefined(tw_gradient *g);
/* The shape of a tensor as integers of the dtype of `like`. */
tw_tensor tw_gradient_shape_like(tw_tensor tensor, tw_tensor like);
/* int64 for a tensor of int64, or else int32. */
tw_dtype tw_gradient_index_dtype(tw_tensor tensor);

#endif
