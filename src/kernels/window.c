/* SPDX-License-Identifier: Apache-2.0
 * Sizes and padding of sliding windows. */
#include "kernels/window.h"

#include "base/alloc.h"

/* Sizes up to a quarter of what size_t holds are let in, so that no sum below overflows. */
tw_status *tw_window_fit(size_t in, size_t window, size_t stride, size_t dilation, bool same,
                         tw_window *out)
{
    if (!window || !stride || !dilation)
        return tw_status_new(TW_INVALID_ARGUMENT,
                             "window, stride and dilation must be positive, not %zu, %zu and %zu",
                             window, stride, dilation);
    size_t reach, last; /* of the dilated window; where the last output starts */
    if (!tw_size_mul(window - 1, dilation, &reach) || !tw_size_add(reach, 1, &reach) ||
        reach > SIZE_MAX / 4 || in > SIZE_MAX / 4 || stride > SIZE_MAX / 4)
        return tw_status_new(TW_INVALID_ARGUMENT, "a window of %zu by dilation %zu is too large",
                             window, dilation);
    *out = (tw_window){.in = in, .window = window, .stride = stride, .dilation = dilation};
    if (!same) {
        if (reach > in)
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "a window of %zu does not fit in %zu without padding", reach, in);
        out->out = (in - reach) / stride + 1;
        return TW_OK;
    }
    out->out = (in + stride - 1) / stride;
    last = out->out ? (out->out - 1) * stride + reach : 0;
    out->pad = last > in ? (last - in) / 2 : 0;
    return TW_OK;
}

/* Kernels that walk tap by tap clip once for each tap, instead of testing each place. */
void tw_window_inside(const tw_window *w, size_t cell, size_t *first, size_t *last)
{
    size_t offset = cell * w->dilation; /* input = o * stride + offset - pad */
    *first = offset >= w->pad ? 0 : (w->pad - offset + w->stride - 1) / w->stride;
    size_t end = w->in + w->pad; /* outputs with o * stride + offset < end */
    *last = end > offset ? (end - offset + w->stride - 1) / w->stride : 0;
    if (*last > w->out)
        *last = w->out;
    if (*first > *last)
        *first = *last;
}
