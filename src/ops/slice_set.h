/* SPDX-License-Identifier: Apache-2.0
 * A set of slices of an array along one axis (for a vector: of its elements), numbered in the order
 * in which they came. Slices are equal where their elements are: 0 equals -0, NaN equals
 * nothing. */
#ifndef TW_OPS_SLICE_SET_H
#define TW_OPS_SLICE_SET_H

#include "ops/number_set.h"

typedef struct tw_slice_set {
    const tw_array *array;
    size_t outer, dim, inner; /* the array as (outer, dim, inner): slices along dim */
    bool of_numbers;          /* a vector of them: `numbers` is used, there is no table */
    tw_number_set numbers;
    size_t *table; /* open addressing: a member's number + 1, or 0 */
    size_t mask;
    int64_t *members; /* [dim + 1]: which slice each member is; the last is for waste */
    size_t count;
} tw_slice_set;

/* An empty set with room for all slices. */
tw_status *tw_slice_set_init(tw_slice_set *set, const tw_array *array, size_t axis);
void tw_slice_set_clear(tw_slice_set *set);
/* All slices become members; idx[i], of int32 or int64, is the number of the one that equals slice
 * i. NULL: nobody asks. */
tw_status *tw_slice_set_fill(tw_slice_set *set, tw_array *idx);
/* there[i]: is element i of another vector of that dtype in a set of a vector's elements? */
tw_status *tw_slice_set_look(tw_slice_set *set, const tw_array *vector, bool *there);

#endif
