/* SPDX-License-Identifier: Apache-2.0
 * Sizes and places of windows over volumes. Channels come last, as in TensorFlow's CPU kernels,
 * which refuse the other order.
 *
 * Sizes are checked once, by rule or kernel; places are then counted in size_t, where a cell
 * before the first pixel is a very large number. */
#include "ops/rare/volumes.h"

#include <string.h>

/* Every list has an entry for each axis, which is positive, and 1 for batch and channels. */
static tw_status *check_list(const char *name, tw_ints list)
{
    if (!list.items)
        return TW_OK;
    if (list.count != TW_VOLUME_RANK)
        return tw_value_error("%s must have 5 entries, not %zu", name, list.count);
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i] <= 0)
            return tw_value_error("%s must be positive, not %" PRId64, name, list.items[i]);
    if (list.items[0] == 1 && list.items[TW_VOLUME_RANK - 1] == 1)
        return TW_OK;
    return tw_status_new(TW_INVALID_ARGUMENT,
                         "Current implementation does not yet support %s in the batch and depth "
                         "dimensions.",
                         name);
}

/* The same for rule and kernel, so that what a graph may hold is what can be run. */
static tw_status *check(const tw_volume_attrs *a)
{
    if (strcmp(a->format, "NDHWC") != 0)
        return tw_status_new(TW_UNIMPLEMENTED, "data_format %s is not served, only NDHWC is",
                             a->format);
    TW_TRY(check_list("ksize", a->ksize));
    TW_TRY(check_list("strides", a->strides));
    return check_list("dilations", a->dilations);
}

/* One axis; a window that is not known is of size 1 for a moment, if padding makes it no matter. */
static tw_status *fit(const tw_volume_attrs *a, size_t k, int64_t size, int64_t window,
                      tw_window *out)
{
    if (window < 0)
        return tw_value_error("a window of %" PRId64, window);
    return tw_window_fit((size_t)size, (size_t)window, (size_t)a->strides.items[k + 1],
                         a->dilations.items ? (size_t)a->dilations.items[k + 1] : 1,
                         strcmp(a->padding, "SAME") == 0, out);
}

/* Each axis by itself: one that is not known leaves the others known. Under SAME padding a window's
 * size does not matter for that of the result. */
void tw_infer_volume(tw_infer *in, size_t output, tw_shape image, tw_shape filter, int64_t depth)
{
    tw_volume_attrs a = {.strides = tw_infer_ints(in, "strides"),
                         .format = tw_infer_string(in, "data_format"),
                         .padding = tw_infer_string(in, "padding")};
    bool pools = tw_infer_attr(in, "ksize"), same = strcmp(a.padding, "SAME") == 0;
    if (pools)
        a.ksize = tw_infer_ints(in, "ksize");
    if (tw_infer_attr(in, "dilations"))
        a.dilations = tw_infer_ints(in, "dilations");
    tw_status *status = check(&a);
    int64_t *dims = tw_infer_dims(in, TW_VOLUME_RANK);
    dims[0] = tw_infer_dim(image, 0);
    dims[TW_VOLUME_RANK - 1] = depth;
    for (size_t k = 0; k < TW_VOLUME_AXES && !status; k++) {
        int64_t size = tw_infer_dim(image, (int64_t)k + 1);
        int64_t window = pools ? a.ksize.items[k + 1] : tw_infer_dim(filter, (int64_t)k);
        tw_window w = {0};
        /* Left unknown, as it was made. */
        if (size < 0 || (window < 0 && !same))
            continue;
        status = fit(&a, k, size, window < 0 ? 1 : window, &w);
        dims[k + 1] = (int64_t)w.out;
    }
    if (status)
        tw_infer_fail(in, "%s", tw_status_message(status));
    else
        tw_infer_output(in, output, (tw_shape){dims, TW_VOLUME_RANK});
    tw_status_free(status);
}

/* The products are checked because a window may be larger than what it slides over, and its size is
 * a number of the caller's. */
tw_status *tw_volume_make(const tw_compute *c, const int64_t *image, const int64_t *filter,
                          tw_volume *out)
{
    tw_volume_attrs a = {.strides = tw_compute_ints(c, "strides"),
                         .format = tw_compute_string(c, "data_format"),
                         .padding = tw_compute_string(c, "padding")};
    if (!filter)
        a.ksize = tw_compute_ints(c, "ksize");
    if (tw_compute_attr(c, "dilations"))
        a.dilations = tw_compute_ints(c, "dilations");
    TW_TRY(check(&a));
    *out = (tw_volume){.batch = (size_t)image[0],
                       .depth = (size_t)image[TW_VOLUME_RANK - 1],
                       .cells = 1,
                       .windows = 1};
    for (size_t k = 0; k < TW_VOLUME_AXES; k++) {
        tw_window *w = &out->axis[k];
        TW_TRY(fit(&a, k, image[k + 1], filter ? filter[k] : a.ksize.items[k + 1], w));
        if (!tw_size_mul(out->cells, w->window, &out->cells) ||
            !tw_size_mul(out->windows, w->out, &out->windows))
            return tw_value_error("windows are too large");
    }
    return TW_OK;
}

/* What flows back has been through a graph of the caller's: nothing says that it fits. */
tw_status *tw_volume_check(const tw_compute *c, const tw_volume *v, const tw_array *y, size_t depth)
{
    const int64_t wanted[] = {(int64_t)v->batch, (int64_t)v->axis[0].out, (int64_t)v->axis[1].out,
                              (int64_t)v->axis[2].out, (int64_t)depth};
    if (tw_shape_equal(tw_shape_of(y), (tw_shape){wanted, TW_VOLUME_RANK}))
        return TW_OK;
    return tw_compute_fail(c, "Expected a gradient of shape %s, but got %s",
                           tw_shape_text((tw_shape){wanted, TW_VOLUME_RANK}).s, tw_brackets(y).s);
}

/* What is before the first pixel has wrapped around, and so is beyond the last. */
size_t tw_volume_pixel(const tw_volume *v, size_t window, size_t cell)
{
    size_t place = 0, at[TW_VOLUME_AXES];
    for (size_t k = TW_VOLUME_AXES; k-- > 0;) {
        const tw_window *w = &v->axis[k];
        at[k] = window % w->out * w->stride + cell % w->window * w->dilation - w->pad;
        window /= w->out;
        cell /= w->window;
        if (at[k] >= w->in)
            return SIZE_MAX;
    }
    for (size_t k = 0; k < TW_VOLUME_AXES; k++)
        place = (k ? place : window) * v->axis[k].in + at[k];
    return place;
}
