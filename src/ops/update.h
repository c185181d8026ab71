/* SPDX-License-Identifier: Apache-2.0
 * What the operations that train a variable share: the variable and its slots come first, then
 * scalars and the gradient in any order. A sparse update has indices too: row i of the gradient
 * belongs to row indices[i] of the variable, and rows are updated in that order. Shapes, scalars
 * and indices are checked before anything is written. */
#ifndef TW_OPS_UPDATE_H
#define TW_OPS_UPDATE_H

#include "op/define.h"

enum { TW_UPDATE_VARIABLES = 4, TW_UPDATE_SCALARS = 8 };

typedef struct tw_update {
    uint8_t variables; /* how many of the first inputs: the variable itself and its slots */
    uint8_t gradient;  /* which input */
    uint8_t indices;   /* which input; 0: the update is dense */
} tw_update;

/* One step for n elements; v: the variables in order of the inputs, g: the gradient, s: the scalars
 * in order of the inputs. */
typedef void (*tw_update_step)(size_t n, double *const *v, const double *g, const double *s);

/* The checked operands of one update. */
typedef struct tw_updated {
    tw_array *v[TW_UPDATE_VARIABLES];
    const tw_array *gradient;
    double s[TW_UPDATE_SCALARS];
} tw_updated;

void tw_infer_update(tw_infer *in, const tw_update *update);
tw_status *tw_update_begin(tw_compute *c, const tw_update *update, tw_updated *out);
/* Steps over all elements, or the rows that the indices name, computed in double: for rules that
 * have no kernel of their own. */
tw_status *tw_update_run(const tw_compute *c, const tw_update *update, const tw_updated *updated,
                         tw_update_step step);

/* Where element i of a variable or of the gradient is. */
static inline char *tw_update_at(const tw_array *array, size_t i)
{
    return (char *)array->data + i * tw_dtype_size(array->dtype);
}

/* One row of a sparse update by the kernel of the dense one: elements at .. at + n - 1 of the
 * variables, from .. from + n - 1 of the gradient. */
typedef void (*tw_update_row)(const tw_compute *c, const tw_updated *u, size_t at, size_t from,
                              size_t n);
/* All rows that the indices name. A row that comes twice is updated twice, in order; or once by the
 * sum, where the plan took the summing of rows into the update (plan/equal_rows.c) and says so by
 * this attribute. */
#define TW_UPDATE_SUMS "_sum_rows"
tw_status *tw_update_rows(const tw_compute *c, const tw_update *update, const tw_updated *updated,
                          tw_update_row row);

/* The dtypes of kernels. */
#define TW_UPDATE_TYPES "T: {half, bfloat16, float, double}"
#define TW_UPDATE_WIDE_TYPES "T: {float, double}"

#endif
