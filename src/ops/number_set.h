/* SPDX-License-Identifier: Apache-2.0
 * A set of numbers of up to 8 bytes, numbered in the order in which they came: integers of a small
 * range are marked in an array, others stand in a hash table by their bits. 0 equals -0, NaN equals
 * nothing. */
#ifndef TW_OPS_NUMBER_SET_H
#define TW_OPS_NUMBER_SET_H

#include "ops/arrays.h"

/* A number and 1 + which it is among those that came; 0: the place is free. */
typedef struct tw_number_place {
    uint64_t bits;
    size_t member;
} tw_number_place;

typedef struct tw_number_set {
    tw_dtype dtype;
    uint32_t *marks; /* of integers from `low` on; or NULL */
    uint64_t low, range;
    tw_number_place *places; /* 1 << bits of them: open addressing, at most half full */
    unsigned bits;
    size_t count;
} tw_number_set;

/* Is a vector of it a vector of such numbers? */
bool tw_number_set_serves(tw_dtype dtype);
/* An empty set for the numbers of a vector, which are looked through for their range. */
tw_status *tw_number_set_init(tw_number_set *set, const tw_array *vector);
void tw_number_set_clear(tw_number_set *set);

enum { TW_NUMBER_BLOCK = 256 };
/* Which members the numbers [first, first + n) of a vector are, n <= TW_NUMBER_BLOCK. `adds`: it is
 * the vector that the set was made for, and new ones become members; else SIZE_MAX stands for what
 * is none. */
tw_status *tw_number_set_find(tw_number_set *set, const tw_array *vector, size_t first, size_t n,
                              bool adds, size_t *members);

#endif
