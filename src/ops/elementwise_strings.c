/* SPDX-License-Identifier: Apache-2.0
 * Elements that are no plain numbers: Add, Equal and NotEqual of strings, with broadcasting, and
 * Conj of variants, which are as they were. */
#include <string.h>

#include "ops/elementwise.h"

/* From the last dimension on, as in an odometer. */
size_t tw_broadcast_index(tw_shape from, tw_shape to, size_t index)
{
    size_t at = 0, stride = 1, missing = to.rank - from.rank;
    for (size_t d = to.rank; d-- > missing;) {
        size_t size = (size_t)from.dims[d - missing], position = index % (size_t)to.dims[d];
        index /= (size_t)to.dims[d];
        at += size == 1 ? 0 : position * stride;
        stride *= size;
    }
    return at;
}

/* The bytes of x, then those of y. */
static tw_status *join(tw_string *z, const tw_string *x, const tw_string *y)
{
    size_t x_length, y_length, length;
    const char *x_bytes = tw_string_get(x, &x_length), *y_bytes = tw_string_get(y, &y_length);
    if (!tw_size_add(x_length, y_length, &length))
        return tw_no_memory();
    char *bytes = tw_alloc(length);
    if (!bytes)
        return tw_no_memory();
    if (x_length)
        memcpy(bytes, x_bytes, x_length);
    if (y_length)
        memcpy(bytes + x_length, y_bytes, y_length);
    tw_status *status = tw_string_set(z, bytes, length);
    tw_free(bytes);
    return status;
}

/* Not split among threads: strings are few, and each takes memory of its own. */
tw_status *tw_strings_compute(tw_compute *c)
{
    if (c->input_count == 1)
        return tw_compute_forward(c, 0, c->inputs[0]);
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1);
    tw_array *z = tw_output(c, 0);
    bool differ = strcmp(c->spec->op->name, "NotEqual") == 0;
    for (size_t i = 0; i < z->count; i++) {
        tw_shape shape = tw_shape_of(z);
        const tw_string *a = (const tw_string *)x->data;
        const tw_string *b = (const tw_string *)y->data;
        a += tw_broadcast_index(tw_shape_of(x), shape, i);
        b += tw_broadcast_index(tw_shape_of(y), shape, i);
        if (z->dtype == TW_BOOL)
            ((bool *)z->data)[i] = tw_string_equal(a, b) != differ;
        else
            TW_TRY(join((tw_string *)z->data + i, a, b));
    }
    return TW_OK;
}
