/* SPDX-License-Identifier: Apache-2.0
 * The reading of a strided slice's spec, in two passes: entries are spread over the dimensions,
 * then each dimension gets its range. */
#include "ops/strided.h"

#include <stdarg.h>
#include <stdio.h>

enum { MOST_ENTRIES = 62, NEW_AXIS = -1 };

/* What the entries say of one dimension. */
typedef struct range {
    int64_t begin, end, stride;
    bool from_start, to_end, shrink;
} range;

typedef struct reader {
    tw_shape shape;
    const tw_strided_masks *masks;
    const tw_array *begin, *end, *strides;
    size_t count;
    range ranges[TW_MAX_RANK];
    int kept[TW_MAX_RANK]; /* the result's dimensions: which of the array's, or NEW_AXIS */
    size_t kept_count;
    tw_text *why;
} reader;

static bool fail(reader *r, const char *format, ...) TW_PRINTF(2, 3);

static bool fail(reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why->s, sizeof r->why->s, format, args);
    va_end(args);
    return false;
}

/* Entries beyond the masks' bits do not occur: MOST_ENTRIES sees to it. */
static bool has_bit(int64_t mask, size_t i)
{
    return mask >> i & 1;
}

/* One more dimension of the result. */
static bool keep(reader *r, int dim)
{
    if (r->kept_count == TW_MAX_RANK)
        return fail(r, "the result has more than %d dimensions", TW_MAX_RANK);
    r->kept[r->kept_count++] = dim;
    return true;
}

/* How many new axes follow the ellipsis; false: there are two of those. */
static bool count_after_ellipsis(reader *r, size_t *new_axes, bool *found)
{
    *found = false;
    *new_axes = 0;
    for (size_t i = 0; i < r->count; i++) {
        bool here = has_bit(r->masks->ellipsis, i);
        if (here && *found)
            return fail(r, "Multiple ellipses in slice spec not allowed");
        *found |= here;
        *new_axes += *found && !here && has_bit(r->masks->new_axis, i);
    }
    return true;
}

/* Whole dimensions up to `to`. */
static bool pass_whole(reader *r, size_t *dim, size_t to)
{
    for (; *dim < to && *dim < r->shape.rank; ++*dim) {
        r->ranges[*dim] = (range){.stride = 1, .from_start = true, .to_end = true};
        if (!keep(r, (int)*dim))
            return false;
    }
    return true;
}

/* An entry that is no ellipsis: a new dimension, or the next one of the array. The new axis wins
 * where both bits are set. */
static bool take_entry(reader *r, size_t i, size_t *dim)
{
    const tw_strided_masks *m = r->masks;
    if (has_bit(m->new_axis, i))
        return keep(r, NEW_AXIS);
    if (*dim == r->shape.rank)
        return fail(r, "Index out of range using input dim %zu; input has only %zu dims", *dim,
                    r->shape.rank);
    r->ranges[*dim] = (range){.begin = r->begin ? tw_index_at(r->begin, i) : 0,
                              .end = r->end ? tw_index_at(r->end, i) : 0,
                              .stride = tw_index_at(r->strides, i),
                              .from_start = has_bit(m->begin, i),
                              .to_end = has_bit(m->end, i),
                              .shrink = has_bit(m->shrink, i)};
    if (!r->ranges[*dim].shrink && !keep(r, (int)*dim))
        return false;
    ++*dim;
    return true;
}

/* The ellipsis takes what the entries behind it leave; without one, what the entries leave at
 * the end is whole. */
static bool spread(reader *r)
{
    size_t dim = 0, new_axes;
    bool found;
    if (!count_after_ellipsis(r, &new_axes, &found))
        return false;
    for (size_t i = 0; i < r->count; i++) {
        if (!has_bit(r->masks->ellipsis, i)) {
            if (!take_entry(r, i, &dim))
                return false;
            continue;
        }
        size_t named = r->count - i - 1 - new_axes; /* dimensions that the entries after it name */
        size_t to = r->shape.rank > named ? r->shape.rank - named : 0;
        if (!pass_whole(r, &dim, to))
            return false;
    }
    return pass_whole(r, &dim, r->shape.rank);
}

/* A begin or end as a place in the dimension, held inside it. */
static int64_t place(int64_t at, bool left_out, int64_t least, int64_t most, int64_t open,
                     int64_t dim)
{
    if (left_out)
        return open;
    at += at < 0 ? dim : 0; /* at < 0 <= dim: no overflow */
    return at < least ? least : at > most ? most : at;
}

/* A place, not a range: it must exist. It counts from the end if it is negative, once. */
static bool take_one(reader *r, size_t i, tw_strided *out)
{
    const range *g = &r->ranges[i];
    int64_t dim = r->shape.dims[i];
    out->size[i] = 1;
    if (g->stride <= 0)
        return fail(r, "only stride 1 allowed on non-range indexing.");
    if (dim < 0 || !r->begin)
        return true;
    int64_t at = g->from_start ? 0 : g->begin;
    out->begin[i] = at < 0 ? at + dim : at;
    if (out->begin[i] < 0 || out->begin[i] >= dim)
        return fail(r, "slice index %" PRId64 " of dimension %zu out of bounds.", at, i);
    return true;
}

/* How many of from, from + stride ... lie before `to`. */
static int64_t steps(int64_t from, int64_t to, int64_t stride)
{
    if (stride > 0)
        return to > from ? (to - from - 1) / stride + 1 : 0;
    /* from - to is at most the dimension, but -stride may not fit */
    return from > to ? (int64_t)((uint64_t)(from - to - 1) / (0 - (uint64_t)stride)) + 1 : 0;
}

/* What is not known of a dimension, or of its begin and end where the masks do not leave them
 * out, makes its size unknown. */
static bool measure(reader *r, size_t i, tw_strided *out)
{
    const range *g = &r->ranges[i];
    int64_t dim = r->shape.dims[i];
    out->stride[i] = g->stride;
    out->begin[i] = 0;
    out->size[i] = -1;
    if (g->stride == 0)
        return fail(r, "strides[%zu] must be non-zero", i);
    if (g->shrink)
        return take_one(r, i, out);
    if (dim < 0 || (!r->begin && !g->from_start) || (!r->end && !g->to_end))
        return true;
    bool forward = g->stride > 0;
    int64_t least = forward ? 0 : -1, most = forward ? dim : dim - 1;
    int64_t from = place(g->begin, g->from_start, least, most, forward ? least : most, dim);
    int64_t to = place(g->end, g->to_end, least, most, forward ? most : least, dim);
    out->begin[i] = from;
    out->size[i] = steps(from, to, g->stride);
    return true;
}

bool tw_strided_read(tw_shape shape, const tw_strided_masks *masks, size_t count,
                     const tw_array *begin, const tw_array *end, const tw_array *strides,
                     tw_strided *out, tw_text *why)
{
    reader r = {.shape = shape,
                .masks = masks,
                .begin = begin,
                .end = end,
                .strides = strides,
                .count = count,
                .why = why};
    if (count > MOST_ENTRIES)
        return fail(&r, "a slice spec has at most %d entries, not %zu", MOST_ENTRIES, count);
    if (!spread(&r))
        return false;
    out->rank = shape.rank;
    for (size_t i = 0; i < shape.rank; i++)
        if (!measure(&r, i, out))
            return false;
    out->final_rank = r.kept_count;
    for (size_t i = 0; i < r.kept_count; i++)
        out->final_dims[i] = r.kept[i] == NEW_AXIS ? 1 : out->size[r.kept[i]];
    return true;
}
