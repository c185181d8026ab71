/* SPDX-License-Identifier: Apache-2.0
 * The usual rearrangements, each one or a few strided regions. */
#include "base/alloc.h"
#include "kernels/copy.h"
#include "tensor/array.h"

/* A region under construction. */
typedef struct form {
    size_t rank, dims[TW_REGION_RANK];
    ptrdiff_t to[TW_REGION_RANK], from[TW_REGION_RANK];
    ptrdiff_t to_start, from_start; /* elements from the base pointers */
} form;

/* Row-major strides in elements. An axis of size 0 counts as 1, so that none overflows; nothing is
 * moved then. */
static void dense_strides(tw_shape shape, ptrdiff_t *out)
{
    ptrdiff_t stride = 1;
    for (size_t i = shape.rank; i-- > 0;) {
        out[i] = stride;
        stride *= shape.dims[i] ? (ptrdiff_t)shape.dims[i] : 1;
    }
}

/* A region without elements may have no memory behind it: pointers are not even formed. */
static tw_status *run(tw_dtype dtype, const form *f, void *out, const void *in, const tw_par *par)
{
    ptrdiff_t size = (ptrdiff_t)tw_dtype_size(dtype);
    for (size_t i = 0; i < f->rank; i++) {
        if (f->dims[i] == 0)
            return TW_OK;
    }
    return tw_copy_region(dtype, &(tw_region){f->rank, f->dims, f->to, f->from},
                          (char *)out + f->to_start * size, (const char *)in + f->from_start * size,
                          par);
}

/* All forms check what they are given, since sizes come from inputs of the graph. */
static tw_status *check(tw_dtype dtype, tw_shape shape)
{
    size_t count;
    return tw_shape_check(dtype, shape, &count);
}

/* Output axes in order; each steps through the input by the stride of the axis it is made of. */
tw_status *tw_transpose(tw_dtype dtype, tw_shape shape, const size_t *perm, const void *in,
                        void *out, const tw_par *par)
{
    TW_TRY(check(dtype, shape));
    form f = {.rank = shape.rank};
    ptrdiff_t from[TW_MAX_RANK];
    int64_t dims[TW_MAX_RANK];
    bool seen[TW_MAX_RANK] = {false};
    dense_strides(shape, from);
    for (size_t i = 0; i < shape.rank; i++) {
        if (perm[i] >= shape.rank || seen[perm[i]])
            return tw_status_new(TW_INVALID_ARGUMENT, "axis %zu of %zu is no part of a permutation",
                                 perm[i], shape.rank);
        seen[perm[i]] = true;
        dims[i] = shape.dims[perm[i]];
        f.dims[i] = (size_t)dims[i];
        f.from[i] = from[perm[i]];
    }
    dense_strides((tw_shape){dims, shape.rank}, f.to);
    return run(dtype, &f, out, in, par);
}

/* Axes are aligned at the right; missing ones and those of one element stand still in the input. */
tw_status *tw_broadcast_to(tw_dtype dtype, tw_shape in_shape, const void *in, tw_shape out_shape,
                           void *out, const tw_par *par)
{
    TW_TRY(check(dtype, in_shape));
    TW_TRY(check(dtype, out_shape));
    form f = {.rank = out_shape.rank};
    ptrdiff_t from[TW_MAX_RANK];
    dense_strides(in_shape, from);
    dense_strides(out_shape, f.to);
    bool fits = in_shape.rank <= out_shape.rank;
    size_t missing = fits ? out_shape.rank - in_shape.rank : 0;
    for (size_t i = 0; fits && i < out_shape.rank; i++) {
        int64_t n = i < missing ? 1 : in_shape.dims[i - missing];
        f.dims[i] = (size_t)out_shape.dims[i];
        f.from[i] = n == 1 ? 0 : from[i - missing];
        fits = n == 1 || n == out_shape.dims[i];
    }
    if (!fits)
        return tw_status_new(TW_INVALID_ARGUMENT, "shape %s cannot be broadcast to %s",
                             tw_shape_text(in_shape).s, tw_shape_text(out_shape).s);
    return run(dtype, &f, out, in, par);
}

/* Nothing but a start and the input's own strides. */
tw_status *tw_slice_box(tw_dtype dtype, tw_shape shape, const int64_t *begin, tw_shape size,
                        const void *in, void *out, const tw_par *par)
{
    TW_TRY(check(dtype, shape));
    form f = {.rank = shape.rank};
    dense_strides(shape, f.from);
    dense_strides(size, f.to);
    if (size.rank != shape.rank)
        return tw_status_new(TW_INVALID_ARGUMENT, "a box of rank %zu in an array of rank %zu",
                             size.rank, shape.rank);
    for (size_t i = 0; i < shape.rank; i++) {
        if (begin[i] < 0 || begin[i] > shape.dims[i] || size.dims[i] < 0 ||
            size.dims[i] > shape.dims[i] - begin[i])
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "a box of %s does not lie inside %s along axis %zu",
                                 tw_shape_text(size).s, tw_shape_text(shape).s, i);
        f.dims[i] = (size_t)size.dims[i];
        f.from_start += (ptrdiff_t)begin[i] * f.from[i];
    }
    return run(dtype, &f, out, in, par);
}

/* The shape after padding, and the region that copies `shape` into its middle. */
static tw_status *pad_shape(tw_dtype dtype, tw_shape shape, const int64_t *before,
                            const int64_t *after, int64_t *dims, form *f)
{
    TW_TRY(check(dtype, shape));
    for (size_t i = 0; i < shape.rank; i++) {
        if (before[i] < 0 || after[i] < 0 || before[i] > INT64_MAX - shape.dims[i] ||
            after[i] > INT64_MAX - shape.dims[i] - before[i])
            return tw_status_new(TW_INVALID_ARGUMENT, "paddings must be non-negative: %lld %lld",
                                 (long long)before[i], (long long)after[i]);
        dims[i] = before[i] + shape.dims[i] + after[i];
    }
    TW_TRY(check(dtype, (tw_shape){dims, shape.rank}));
    f->rank = shape.rank;
    dense_strides(shape, f->from);
    dense_strides((tw_shape){dims, shape.rank}, f->to);
    for (size_t i = 0; i < shape.rank; i++) {
        f->dims[i] = (size_t)shape.dims[i];
        f->to_start += (ptrdiff_t)before[i] * f->to[i];
    }
    return TW_OK;
}

/* The slabs on both sides of axis i, over the whole width of later axes and the middle of earlier
 * ones, so that no element is written twice. */
static tw_status *pad_axis(tw_dtype dtype, const form *middle, const int64_t *dims, size_t i,
                           int64_t before, const void *value, void *out, const tw_par *par)
{
    form f = *middle;
    for (size_t d = 0; d < f.rank; d++)
        f.from[d] = 0;
    for (size_t d = i; d < f.rank; d++)
        f.to_start -= d == i ? (ptrdiff_t)before * f.to[d] : 0;
    for (size_t d = i + 1; d < f.rank; d++)
        f.dims[d] = (size_t)dims[d];
    size_t inside = f.dims[i];
    f.dims[i] = (size_t)before;
    TW_TRY(run(dtype, &f, out, value, par));
    f.to_start += ((ptrdiff_t)before + (ptrdiff_t)inside) * f.to[i];
    f.dims[i] = (size_t)dims[i] - (size_t)before - inside;
    return run(dtype, &f, out, value, par);
}

/* First the middle, then slabs from the innermost axis outwards: each element is written once. */
tw_status *tw_pad(tw_dtype dtype, tw_shape shape, const int64_t *before, const int64_t *after,
                  const void *value, const void *in, void *out, const tw_par *par)
{
    static const _Alignas(16) char zero[16] = {0};
    int64_t dims[TW_MAX_RANK];
    form f = {0};
    TW_TRY(pad_shape(dtype, shape, before, after, dims, &f));
    TW_TRY(run(dtype, &f, out, in, par));
    form middle = f;
    for (size_t i = shape.rank; i-- > 0;) {
        TW_TRY(pad_axis(dtype, &middle, dims, i, before[i], value ? value : zero, out, par));
        middle.to_start -= (ptrdiff_t)before[i] * f.to[i];
    }
    return TW_OK;
}

/* Fills `n` places before or after the middle of axis i from the middle, going backwards. */
static tw_status *mirror(tw_dtype dtype, form f, size_t i, size_t n, ptrdiff_t first,
                         ptrdiff_t source, void *out, const tw_par *par)
{
    ptrdiff_t base = f.to_start, stride = f.to[i];
    for (size_t d = 0; d < f.rank; d++)
        f.from[d] = f.to[d];
    f.from[i] = -stride;
    f.dims[i] = n;
    f.to_start = base + first * stride;
    f.from_start = base + source * stride;
    return run(dtype, &f, out, out, par);
}

/* Axis by axis, each reading what the axes before it have completed, so that corners come out
 * reflected in both directions. */
tw_status *tw_mirror_pad(tw_dtype dtype, tw_shape shape, const int64_t *before,
                         const int64_t *after, bool symmetric, const void *in, void *out,
                         const tw_par *par)
{
    int64_t dims[TW_MAX_RANK], edge = symmetric ? 0 : 1;
    form f = {0};
    TW_TRY(pad_shape(dtype, shape, before, after, dims, &f));
    for (size_t i = 0; i < shape.rank; i++) {
        int64_t most = shape.dims[i] - edge;
        if ((before[i] || after[i]) && (before[i] > most || after[i] > most))
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "paddings must be no greater than the dimension size%s: "
                                 "%lld, %lld > %lld",
                                 symmetric ? "" : " - 1", (long long)before[i], (long long)after[i],
                                 (long long)most);
    }
    TW_TRY(run(dtype, &f, out, in, par));
    for (size_t i = 0; i < shape.rank; i++) { /* earlier axes are whole by now */
        ptrdiff_t n = (ptrdiff_t)shape.dims[i], b = (ptrdiff_t)before[i], e = (ptrdiff_t)edge;
        TW_TRY(mirror(dtype, f, i, (size_t)before[i], -b, b - 1 + e, out, par));
        TW_TRY(mirror(dtype, f, i, (size_t)after[i], n, n - 1 - e, out, par));
        f.to_start -= b * f.to[i];
        f.dims[i] = (size_t)dims[i];
    }
    return TW_OK;
}

/* Every axis becomes two: the copies, which stand still in the input, and the axis itself. */
tw_status *tw_tile(tw_dtype dtype, tw_shape shape, const int64_t *multiples, const void *in,
                   void *out, const tw_par *par)
{
    TW_TRY(check(dtype, shape));
    form f = {.rank = 2 * shape.rank};
    int64_t dims[TW_MAX_RANK];
    ptrdiff_t from[TW_MAX_RANK], to[TW_MAX_RANK];
    for (size_t i = 0; i < shape.rank; i++) {
        if (multiples[i] < 0 || !tw_int64_mul(multiples[i], shape.dims[i], &dims[i]))
            return tw_status_new(TW_INVALID_ARGUMENT, "multiples[%zu] = %lld is out of range", i,
                                 (long long)multiples[i]);
    }
    TW_TRY(check(dtype, (tw_shape){dims, shape.rank}));
    dense_strides(shape, from);
    dense_strides((tw_shape){dims, shape.rank}, to);
    for (size_t i = 0; i < shape.rank; i++) {
        f.dims[2 * i] = (size_t)multiples[i];
        f.to[2 * i] = to[i] * (ptrdiff_t)shape.dims[i];
        f.dims[2 * i + 1] = (size_t)shape.dims[i];
        f.to[2 * i + 1] = to[i];
        f.from[2 * i + 1] = from[i];
    }
    return run(dtype, &f, out, in, par);
}

/* A reversed axis starts at its last element and has a negative stride. */
tw_status *tw_reverse(tw_dtype dtype, tw_shape shape, const bool *reversed, const void *in,
                      void *out, const tw_par *par)
{
    TW_TRY(check(dtype, shape));
    form f = {.rank = shape.rank};
    dense_strides(shape, f.to);
    for (size_t i = 0; i < shape.rank; i++) {
        f.dims[i] = (size_t)shape.dims[i];
        f.from[i] = reversed[i] ? -f.to[i] : f.to[i];
        if (reversed[i] && shape.dims[i])
            f.from_start += ((ptrdiff_t)shape.dims[i] - 1) * f.to[i];
    }
    return run(dtype, &f, out, in, par);
}
