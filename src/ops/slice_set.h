/* SPDX-License-Identifier: Apache-2.0
 * A set of slices of an array along one axis (for a vector: of its elements), numbered in the order
 * in which they came. Slices are equal where their elements are: 0 equals -0, NaN equals
 * nothing. */
#ifndef TW_OPS_SLICE_SET_H
#define TW_OPS_SLICE_SET_H

#include "ops/arrays.h"

typedef struct tw_slice_set {
    const tw_array *array;
    size_t outer, dim, inner; /* the array as (outer, dim, inner): slices along dim */
    size_t *table;            /* open addressing: a member's number + 1, or 0 */
    size_t mask;
    int64_t *members; /* [dim]: which slice each member is */
    size_t count;
} tw_slice_set;

/* An empty set with room for all slices. */
tw_status *tw_slice_set_init(tw_slice_set *set, const tw_array *array, size_t axis);
void tw_slice_set_clear(tw_slice_set *set);
/* The number of the member that equals slice `i`, which becomes one if there is none. */
size_t tw_slice_set_add(tw_slice_set *set, size_t i);
/* Is element `i` of another vector of that dtype in a set of a vector's elements? */
bool tw_slice_set_has(const tw_slice_set *set, const tw_array *vector, size_t i);

#endif
