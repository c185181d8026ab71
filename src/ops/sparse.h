/* SPDX-License-Identifier: Apache-2.0
 * Sparse tensors as three arrays: rows of indices (n, rank), n values, the sizes of the rank. */
#ifndef TW_OPS_SPARSE_H
#define TW_OPS_SPARSE_H

#include "ops/arrays.h"

/* What is known of a sparse tensor in inputs first .. first + 2; -1: not. A contradiction fails. */
typedef struct tw_sparse_sizes {
    int64_t count, rank;
} tw_sparse_sizes;
tw_sparse_sizes tw_infer_sparse(tw_infer *in, size_t first);
/* The same of parts of lists: where the indices, the values and the sizes stand. */
tw_sparse_sizes tw_infer_sparse_at(tw_infer *in, size_t indices, size_t values, size_t sizes);

/* Every index is inside of `sizes`; with `ordered` the rows ascend and none comes twice. */
tw_status *tw_sparse_check(const tw_compute *c, const tw_array *indices, const int64_t *sizes,
                           bool ordered);
/* Below 0, 0 or above 0 as the rows of `rank` numbers are ordered. */
/* Numbers are compared as they are, without sizes. */
int tw_compare_rows(const int64_t *a, const int64_t *b, size_t rank);
/* The order of `count` rows, those that are equal as they came; order has room for 2 count. */
void tw_sort_rows(const int64_t *rows, size_t count, size_t rank, size_t *order);
/* The product of sizes in *out; false: one is negative or it overflows. */
bool tw_sparse_volume(const tw_array *sizes, int64_t *out);

#endif
