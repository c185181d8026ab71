/* SPDX-License-Identifier: Apache-2.0
 * tw_shape: a borrowed view of dimensions. A dimension of -1 is unknown; `dims` NULL means that
 * not even the rank is known (an option that was not given is such a shape). */
#ifndef THALWEG_SHAPE_H
#define THALWEG_SHAPE_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TW_MAX_RANK = 16 };

typedef struct tw_shape {
    const int64_t *dims;
    size_t rank; /* meaningless when dims is NULL */
} tw_shape;

/* TW_SHAPE() is the scalar, TW_SHAPE(2, 3) a matrix; the dims live until the end of the enclosing
 * block. */
#define TW_SHAPE(...)                                  \
    ((tw_shape){(const int64_t[]){0, __VA_ARGS__} + 1, \
                sizeof((const int64_t[]){0, __VA_ARGS__}) / sizeof(int64_t) - 1})
#define TW_UNKNOWN_SHAPE ((tw_shape){NULL, 0})

/* A list of integers (axes, strides ...); `items` NULL means "not given", TW_INTS() is the empty
 * list. */
typedef struct tw_ints {
    const int64_t *items;
    size_t count;
} tw_ints;
#define TW_INTS(...)                                  \
    ((tw_ints){(const int64_t[]){0, __VA_ARGS__} + 1, \
               sizeof((const int64_t[]){0, __VA_ARGS__}) / sizeof(int64_t) - 1})
#define TW_AXES TW_INTS

/* A printable form by value, nothing to free. One that is too long ends in "...". */
typedef struct tw_text {
    char s[256];
} tw_text;

TW_API tw_text tw_shape_text(tw_shape shape); /* "(2, ?)", "<unknown>", "(3,)", "()" */
TW_API bool tw_shape_known_rank(tw_shape shape);
TW_API bool tw_shape_fully_known(tw_shape shape);
/* The product of the dims, or -1 if one is unknown or the product overflows int64 (else a dim of 0
 * gives 0). */
TW_API int64_t tw_shape_elements(tw_shape shape);
TW_API bool tw_shape_equal(tw_shape a, tw_shape b);      /* the same dims, unknown ones included */
TW_API bool tw_shape_compatible(tw_shape a, tw_shape b); /* could both describe one array */
TW_API bool tw_dims_agree(int64_t a, int64_t b);         /* equal, or one of them unknown */

/* NumPy's text for slices, "::-2, ..., newaxis, 1:3", as StridedSlice's inputs and masks. */
typedef struct tw_slices {
    size_t count; /* entries, "..." and "newaxis" included */
    int64_t begin[TW_MAX_RANK], end[TW_MAX_RANK], stride[TW_MAX_RANK];
    /* bit: entry */
    int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
} tw_slices;

TW_API tw_status *tw_slices_parse(const char *text, tw_slices *out);

#ifdef __cplusplus
}
#endif
#endif
