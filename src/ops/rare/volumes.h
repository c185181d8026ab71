/* SPDX-License-Identifier: Apache-2.0
 * Windows that slide over volumes (batch, planes, rows, columns, channels): what convolutions and
 * poolings in three dims share. */
#ifndef TW_OPS_RARE_VOLUMES_H
#define TW_OPS_RARE_VOLUMES_H

#include "kernels/window.h"
#include "ops/arrays.h"

enum { TW_VOLUME_RANK = 5, TW_VOLUME_AXES = 3 };

/* Attributes as an operation has them; `ksize` NULL: windows are a filter's first dims. */
typedef struct tw_volume_attrs {
    tw_ints ksize, strides, dilations;
    const char *format, *padding;
} tw_volume_attrs;

/* A volume of `image` dims under windows. */
typedef struct tw_volume {
    tw_window axis[TW_VOLUME_AXES];
    size_t batch, depth;   /* depth: channels */
    size_t cells, windows; /* in one window; over one volume */
} tw_volume;

/* The output `output` of sliding over a volume of `image` dims, with `depth` channels; filter: its
 * dims, or an unknown shape where the attribute ksize says the windows. */
void tw_infer_volume(tw_infer *in, size_t output, tw_shape image, tw_shape filter, int64_t depth);
/* The sizes for a kernel; filter: NULL or rank 5 dims. */
tw_status *tw_volume_make(const tw_compute *c, const int64_t *image, const int64_t *filter,
                          tw_volume *out);
/* `y` must have the windows' shape with `depth` channels. */
tw_status *tw_volume_check(const tw_compute *c, const tw_volume *v, const tw_array *y,
                           size_t depth);
/* Which pixel (not channel) of the volumes cell `cell` of window `window` of all is; SIZE_MAX:
 * none, but padding. */
size_t tw_volume_pixel(const tw_volume *v, size_t window, size_t cell);

#endif
