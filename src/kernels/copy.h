/* SPDX-License-Identifier: Apache-2.0
 * Moving elements of any dtype from place to place: everything that reads or writes a strided n-d
 * region. Plain dtypes are moved by their size, strings and handles through tw_elements_copy (the
 * destination is initialised). Strides are in elements and may be 0 (broadcast) or negative
 * (reverse). */
#ifndef TW_KERNELS_COPY_H
#define TW_KERNELS_COPY_H

#include "kernels/par.h"
#include "thalweg/dtype.h"
#include "thalweg/shape.h"

enum { TW_REGION_RANK = 2 * TW_MAX_RANK };

/* A strided region: element i lies at sum i[d] * strides[d] from the base pointer. */
typedef struct tw_region {
    size_t rank;
    const size_t *dims;         /* [rank] */
    const ptrdiff_t *to, *from; /* strides [rank] */
} tw_region;

/* to[...] = from[...]; they must not overlap. Rank at most TW_REGION_RANK. */
tw_status *tw_copy_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                          const tw_par *par);
/* to[...] += from[...], for numbers; where `to` repeats an element (stride 0) all are added in
 * order. Runs on one thread then. */
tw_status *tw_add_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                         const tw_par *par);

/* count elements become *value. */
tw_status *tw_fill(tw_dtype dtype, const void *value, size_t count, void *out, const tw_par *par);
/* Output axis i is input axis perm[i]. */
tw_status *tw_transpose(tw_dtype dtype, tw_shape shape, const size_t *perm, const void *in,
                        void *out, const tw_par *par);
/* Numpy's broadcasting of `in` to a shape it is compatible with. */
tw_status *tw_broadcast_to(tw_dtype dtype, tw_shape in_shape, const void *in, tw_shape out_shape,
                           void *out, const tw_par *par);
/* The box begin .. begin + size of `in`. size.dims: all known; it must lie inside. */
tw_status *tw_slice_box(tw_dtype dtype, tw_shape shape, const int64_t *begin, tw_shape size,
                        const void *in, void *out, const tw_par *par);
/* before[i] and after[i] elements of *value (NULL: zero or empty) around axis i. */
tw_status *tw_pad(tw_dtype dtype, tw_shape shape, const int64_t *before, const int64_t *after,
                  const void *value, const void *in, void *out, const tw_par *par);
/* The same with reflected elements; symmetric: the border is repeated. A reflection reaches at most
 * over the whole axis (without symmetric: all but one). */
tw_status *tw_mirror_pad(tw_dtype dtype, tw_shape shape, const int64_t *before,
                         const int64_t *after, bool symmetric, const void *in, void *out,
                         const tw_par *par);
/* `in` repeated multiples[i] times along axis i. */
tw_status *tw_tile(tw_dtype dtype, tw_shape shape, const int64_t *multiples, const void *in,
                   void *out, const tw_par *par);
tw_status *tw_reverse(tw_dtype dtype, tw_shape shape, const bool *reversed, const void *in,
                      void *out, const tw_par *par);

/* Concatenation: each of `rows` output rows is the runs of lengths[i] elements of all parts in
 * order; part i is (rows, lengths[i]). With one row the parts just follow each other. */
tw_status *tw_concat(tw_dtype dtype, size_t rows, size_t count, const size_t *lengths,
                     const void *const *parts, void *out, const tw_par *par);
/* The way back. A part may be NULL: it is left out. */
tw_status *tw_split(tw_dtype dtype, size_t rows, size_t count, const size_t *lengths,
                    const void *in, void *const *parts, const tw_par *par);

/* For each of `outer` blocks of (limit, inner) elements, out's (count, inner) block takes the rows
 * that `indices` (TW_INT32 or TW_INT64, [count]) name. Error: INVALID_ARGUMENT "indices[%] = % is
 * not in [0, %)". */
tw_status *tw_gather_rows(tw_dtype dtype, size_t outer, size_t limit, size_t inner, const void *in,
                          tw_dtype index_dtype, const void *indices, size_t count, void *out,
                          const tw_par *par);

#endif
