/* SPDX-License-Identifier: Apache-2.0
 * Shapes as borrowed views: their text, comparison, and the one place where the size of an array
 * is checked. */
#include "thalweg/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "tensor/array.h"

/* Room for "...)" is kept at each step, so that the dots always fit. */
tw_text tw_shape_text(tw_shape shape)
{
    tw_text text = {"<unknown>"};
    if (!shape.dims)
        return text;
    size_t used = 1;
    memcpy(text.s, "(", 2);
    for (size_t i = 0; i < shape.rank; i++) {
        char dim[32] = "?";
        if (shape.dims[i] != -1)
            snprintf(dim, sizeof dim, "%lld", (long long)shape.dims[i]);
        const char *after = i + 1 < shape.rank ? ", " : shape.rank == 1 ? "," : "";
        size_t need = strlen(dim) + strlen(after);
        if (used + need + sizeof "...)" > sizeof text.s) {
            memcpy(text.s + used, "...", 4);
            return text;
        }
        snprintf(text.s + used, sizeof text.s - used, "%s%s", dim, after);
        used += need;
    }
    memcpy(text.s + used, ")", 2);
    return text;
}

/* NULL stands for an unknown rank, so a shape of rank zero must carry some address, which
 * TW_SHAPE sees to. */
bool tw_shape_known_rank(tw_shape shape)
{
    return shape.dims != NULL;
}

/* A scalar is fully known, since its dims are none but not NULL; only then may the elements be
 * counted. */
bool tw_shape_fully_known(tw_shape shape)
{
    if (!shape.dims)
        return false;
    for (size_t i = 0; i < shape.rank; i++)
        if (shape.dims[i] < 0)
            return false;
    return true;
}

/* -1 for what is not known and for a product that overflows: neither can be allocated. */
int64_t tw_shape_elements(tw_shape shape)
{
    if (!tw_shape_fully_known(shape))
        return -1;
    /* A zero may stand after a product that overflows, so it is looked for first. */
    for (size_t i = 0; i < shape.rank; i++)
        if (shape.dims[i] == 0)
            return 0;
    int64_t product = 1;
    for (size_t i = 0; i < shape.rank; i++)
        if (!tw_int64_mul(product, shape.dims[i], &product))
            return -1;
    return product;
}

/* Two unknown shapes are equal: this compares what is known, not what will be. */
bool tw_shape_equal(tw_shape a, tw_shape b)
{
    if (!a.dims || !b.dims)
        return !a.dims && !b.dims;
    if (a.rank != b.rank)
        return false;
    for (size_t i = 0; i < a.rank; i++)
        if (a.dims[i] != b.dims[i])
            return false;
    return true;
}

/* Unknown agrees with everything, so that two shapes may both agree with a third and not with
 * each other. */
bool tw_shape_compatible(tw_shape a, tw_shape b)
{
    if (!a.dims || !b.dims)
        return true;
    if (a.rank != b.rank)
        return false;
    for (size_t i = 0; i < a.rank; i++)
        if (!tw_dims_agree(a.dims[i], b.dims[i]))
            return false;
    return true;
}

/* Only -1 is unknown; other negative numbers are mistakes and agree with themselves alone. */
bool tw_dims_agree(int64_t a, int64_t b)
{
    return a == b || a == -1 || b == -1;
}

/* Everything but the size; the message has the shape as it was given. */
static tw_status *dims_check(tw_shape shape)
{
    if (!shape.dims)
        return tw_value_error("an array needs a known shape, got %s", tw_shape_text(shape).s);
    if (shape.rank > TW_MAX_RANK)
        return tw_value_error("an array has at most %d dimensions, got %zu: %s", TW_MAX_RANK,
                              shape.rank, tw_shape_text(shape).s);
    for (size_t i = 0; i < shape.rank; i++) {
        if (shape.dims[i] == -1)
            return tw_value_error("an array needs a fully known shape, got %s",
                                  tw_shape_text(shape).s);
        if (shape.dims[i] < 0)
            return tw_value_error("dimension %zu of shape %s is negative", i,
                                  tw_shape_text(shape).s);
    }
    return TW_OK;
}

/* The one gate in front of all memory of arrays: whatever passes here may be multiplied freely. */
tw_status *tw_shape_check(tw_dtype dtype, tw_shape shape, size_t *count)
{
    *count = 0;
    size_t size = tw_dtype_is_ref(dtype) ? 0 : tw_dtype_size(dtype);
    if (size == 0)
        return tw_type_error("%s (%d) is no dtype of an array", tw_dtype_name(dtype), (int)dtype);
    TW_TRY(dims_check(shape));
    /* Zero dims are left out of the product, so that any partial product is safe. */
    int64_t product = 1;
    bool empty = false, fits = true;
    for (size_t i = 0; i < shape.rank && fits; i++) {
        if (shape.dims[i] == 0)
            empty = true;
        else
            fits = tw_int64_mul(product, shape.dims[i], &product);
    }
    if (!fits || (uint64_t)product > (uint64_t)(PTRDIFF_MAX - 4096) / size)
        return tw_status_with_kind(tw_status_new(TW_RESOURCE_EXHAUSTED,
                                                 "an array of %s and shape %s is too large",
                                                 tw_dtype_name(dtype), tw_shape_text(shape).s),
                                   TW_KIND_MEMORY);
    *count = empty ? 0 : (size_t)product;
    return TW_OK;
}
