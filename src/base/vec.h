/* SPDX-License-Identifier: Apache-2.0
 * A growing array of one plain type: declare TW_VEC(type) as a struct member or variable, all zero
 * is empty. A push that finds no memory leaves the vector unchanged. */
#ifndef TW_BASE_VEC_H
#define TW_BASE_VEC_H

#include "base/alloc.h"

#define TW_VEC(type)     \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

/* Grows *items to hold at least `need` elements of `size` bytes; false: no memory. */
bool tw_vec_reserve_(void **items, size_t *capacity, size_t need, size_t size);

/* Gives back what there is room for beyond `count` elements. */
void tw_vec_fit_(void **items, size_t *capacity, size_t count, size_t size);

#define tw_vec_fit(v) \
    tw_vec_fit_((void **)&(v)->items, &(v)->capacity, (v)->count, sizeof(*(v)->items))
#define tw_vec_reserve(v, need) \
    tw_vec_reserve_((void **)&(v)->items, &(v)->capacity, (need), sizeof(*(v)->items))
/* false: no memory. */
#define tw_vec_push(v, value) \
    (tw_vec_reserve((v), (v)->count + 1) ? ((v)->items[(v)->count++] = (value), true) : false)
#define tw_vec_clear(v) (tw_free((v)->items), (v)->items = NULL, (v)->count = (v)->capacity = 0)

#endif
