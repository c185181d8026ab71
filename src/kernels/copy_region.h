/* SPDX-License-Identifier: Apache-2.0
 * The walk over a strided region that copying and adding share: axes merged and put into a good
 * order, the two innermost handed out as planes, and all of it cut for threads. */
#ifndef TW_KERNELS_COPY_REGION_H
#define TW_KERNELS_COPY_REGION_H

#include "kernels/copy.h"

/* Strides in elements. */
typedef struct tw_plane {
    size_t rows, cols;
    ptrdiff_t to_row, to_col, from_row, from_col;
} tw_plane;

typedef tw_status *(*tw_plane_fn)(tw_dtype dtype, const tw_plane *plane, void *to,
                                  const void *from);

/* Calls fn for planes that cover the region once; by several threads if `parallel`, when fn must
 * not fail. */
tw_status *tw_walk_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                          tw_plane_fn fn, bool parallel, const tw_par *par);

#endif
