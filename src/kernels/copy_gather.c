/* SPDX-License-Identifier: Apache-2.0
 * Concatenation and its way back as runs of rows, and the gathering of rows by indices. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/copy.h"
#include "kernels/copy_lines.h"
#include "tensor/array.h"

enum { AHEAD = 8, LINE = 64, MOST_LINES = 16, NEAR_BLOCK = 16384 };

/* Elements of any dtype of the size. */
typedef uint32_t element_4 __attribute__((may_alias));
typedef uint64_t element_8 __attribute__((may_alias));

#define T unsigned char
#define NAME(f) f##_1
#include "kernels/copy_gather_body.h"
#define T element_4
#define NAME(f) f##_4
#include "kernels/copy_gather_body.h"
#define T element_8
#define NAME(f) f##_8
#include "kernels/copy_gather_body.h"

/* The length of an output row, checked with everything behind it. */
static tw_status *row_length(tw_dtype dtype, size_t rows, size_t count, const size_t *lengths,
                             size_t *out)
{
    size_t total = 0, elements, bytes;
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits = fits && tw_size_add(total, lengths[i], &total);
    fits = fits && tw_size_mul(total, rows, &elements) &&
           tw_size_mul(elements, tw_dtype_size(dtype), &bytes) && bytes <= PTRDIFF_MAX;
    if (!fits)
        return tw_status_new(TW_INVALID_ARGUMENT, "the parts are too large together");
    *out = total;
    return TW_OK;
}

/* Parts that are each one piece of the result, shared out by where they lie in it. */
typedef struct pieces {
    size_t count, bytes, cells; /* of all */
    const size_t *lengths;
    size_t size;
    const void *const *parts;
    char *out;
    size_t rows; /* where there are several: then `bytes` is a row's */
} pieces;

/* Bytes first .. last - 1 of the result, whatever parts they are of. */
static void copy_pieces(size_t cell, void *arg)
{
    const pieces *p = arg;
    size_t first = tw_par_bound(p->bytes, LINE, p->cells, cell), start = 0;
    size_t last = tw_par_bound(p->bytes, LINE, p->cells, cell + 1);
    for (size_t i = 0; i < p->count && start < last; i++) {
        size_t bytes = p->lengths[i] * p->size, end = start + bytes;
        size_t from = first > start ? first : start, to = last < end ? last : end;
        if (from < to)
            tw_copy_bytes(p->out + from, (const char *)p->parts[i] + (from - start), to - from);
        start = end;
    }
}

/* Row by row, so that the result is written from its beginning to its end. */
static void copy_rows(size_t cell, void *arg)
{
    const pieces *p = arg;
    size_t row = tw_par_bound(p->rows, 1, p->cells, cell);
    size_t last = tw_par_bound(p->rows, 1, p->cells, cell + 1);
    for (char *out = p->out + row * p->bytes; row < last; row++) {
        for (size_t i = 0; i < p->count; i++) {
            size_t bytes = p->lengths[i] * p->size;
            tw_copy_bytes(out, (const char *)p->parts[i] + row * bytes, bytes);
            out += bytes;
        }
    }
}

/* Two parts whose elements alternate. */
typedef struct weave {
    size_t rows, cells, log;
    const char *a, *b;
    char *out;
} weave;

static void weave_cell(size_t cell, void *arg)
{
    const weave *w = arg;
    size_t first = tw_par_bound(w->rows, LINE, w->cells, cell);
    size_t last = tw_par_bound(w->rows, LINE, w->cells, cell + 1);
    TW_ISA_TABLE_OF_NARROW(tw_copy_lines)
        ->woven[w->log](last - first, w->out + (2 * first << w->log), w->a + (first << w->log),
                        w->b + (first << w->log));
}

/* A part is a region whose rows lie a whole output row apart. Of one row all parts are copied
 * together, for each by itself may be too small for threads. */
tw_status *tw_concat(tw_dtype dtype, size_t rows, size_t count, const size_t *lengths,
                     const void *const *parts, void *out, const tw_par *par)
{
    size_t total, size = tw_dtype_size(dtype), start = 0;
    TW_TRY(row_length(dtype, rows, count, lengths, &total));
    if (rows == 1 && tw_dtype_is_plain(dtype)) {
        pieces p = {count, total * size, 1, lengths, size, parts, out, rows};
        p.cells = tw_par_cells(p.bytes, LINE, 0.1);
        tw_par_run(par, p.cells, copy_pieces, &p);
        return TW_OK;
    }
    bool alternate = count == 2 && lengths[0] == 1 && lengths[1] == 1;
    if (alternate && tw_dtype_is_plain(dtype) && size <= 8) {
        weave w = {.rows = rows, .cells = 1, .a = parts[0], .b = parts[1], .out = out};
        w.log = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
        w.cells = tw_par_cells(rows, LINE, 0.1 * (double)size);
        tw_par_run(par, w.cells, weave_cell, &w);
        return TW_OK;
    }
    if (tw_dtype_is_plain(dtype) && total * size >= count * LINE) {
        pieces p = {count, total * size, 1, lengths, size, parts, out, rows};
        p.cells = tw_par_cells(rows, 1, 0.1 * (double)p.bytes);
        tw_par_run(par, p.cells, copy_rows, &p);
        return TW_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t dims[2] = {rows, lengths[i]};
        const ptrdiff_t to[2] = {(ptrdiff_t)total, 1}, from[2] = {(ptrdiff_t)lengths[i], 1};
        if (rows && lengths[i])
            TW_TRY(tw_copy_region(dtype, &(tw_region){2, dims, to, from},
                                  (char *)out + start * size, parts[i], par));
        start += lengths[i];
    }
    return TW_OK;
}

/* The same regions with source and destination exchanged. */
tw_status *tw_split(tw_dtype dtype, size_t rows, size_t count, const size_t *lengths,
                    const void *in, void *const *parts, const tw_par *par)
{
    size_t total, size = tw_dtype_size(dtype), start = 0;
    TW_TRY(row_length(dtype, rows, count, lengths, &total));
    for (size_t i = 0; i < count; i++) {
        const size_t dims[2] = {rows, lengths[i]};
        const ptrdiff_t to[2] = {(ptrdiff_t)lengths[i], 1}, from[2] = {(ptrdiff_t)total, 1};
        if (parts[i] && rows && lengths[i])
            TW_TRY(tw_copy_region(dtype, &(tw_region){2, dims, to, from}, parts[i],
                                  (const char *)in + start * size, par));
        start += lengths[i];
    }
    return TW_OK;
}

/* `limit` is the size of the gathered axis: every index is held against it, since indices come
 * from data and may be anything. */
typedef struct gather {
    tw_dtype dtype, index_dtype;
    size_t outer, limit, count, bytes, cells; /* bytes of a row */
    const char *in;
    const void *indices;
    char *out;
} gather;

/* Indices were checked: their values fit. */
static int64_t index_at(const gather *g, size_t i)
{
    return g->index_dtype == TW_INT32 ? ((const int32_t *)g->indices)[i]
                                      : ((const int64_t *)g->indices)[i];
}

/* Rows lie anywhere in memory: those that come soon are asked for now. */
static void prefetch_row(const gather *g, size_t row)
{
    for (size_t line = 0; line < g->bytes && line < MOST_LINES * LINE; line += LINE)
        __builtin_prefetch(g->in + row * g->bytes + line, 0);
}

/* The elements of a block lie anywhere in it, which no processor foresees: those of the next block
 * are asked for while this one is gone through. */
static void prefetch_block(const gather *g, size_t block)
{
    size_t bytes = g->limit * g->bytes;
    const char *next = g->in + (block + 1) * bytes;
    for (size_t line = 0; line < bytes && bytes <= NEAR_BLOCK && block + 1 < g->outer; line += LINE)
        __builtin_prefetch(next + line, 0);
}

/* Rows first .. last - 1 of one block, of a single element each: a call of memcpy would cost more
 * than the element. */
static bool gather_elements(const gather *g, size_t block, size_t first, size_t last)
{
    const void *in = g->in + block * g->limit * g->bytes;
    void *out = g->out + block * g->count * g->bytes;
    if (g->bytes != 1 && g->bytes != 4 && g->bytes != 8)
        return false;
    prefetch_block(g, block);
    if (g->bytes == 1)
        pick_1(out, in, g->index_dtype, g->indices, first, last);
    else if (g->bytes == 4)
        pick_4(out, in, g->index_dtype, g->indices, first, last);
    else
        pick_8(out, in, g->index_dtype, g->indices, first, last);
    return true;
}

/* The same of rows of any length. */
static void gather_rows(const gather *g, size_t block, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        if (i + AHEAD < g->count)
            prefetch_row(g, block * g->limit + (size_t)index_at(g, i + AHEAD));
        size_t from = block * g->limit + (size_t)index_at(g, i);
        tw_copy_bytes(g->out + (block * g->count + i) * g->bytes, g->in + from * g->bytes,
                      g->bytes);
    }
}

/* Rows of all blocks, counted through: many short ones and few long ones share out alike. */
static void gather_cell(size_t cell, void *arg)
{
    const gather *g = arg;
    size_t all = g->outer * g->count, last = tw_par_bound(all, 1, g->cells, cell + 1), end;
    for (size_t row = tw_par_bound(all, 1, g->cells, cell); row < last; row = end) {
        size_t block = row / g->count, start = block * g->count;
        end = last - start < g->count ? last : start + g->count;
        if (!gather_elements(g, block, row - start, end - start))
            gather_rows(g, block, row - start, end - start);
    }
}

/* Strings and handles. */
static tw_status *gather_owned(const gather *g, size_t inner)
{
    for (size_t row = 0; row < g->outer * g->count; row++) {
        size_t from = row / g->count * g->limit + (size_t)index_at(g, row % g->count);
        TW_TRY(tw_elements_copy(g->dtype, g->out + row * g->bytes, g->in + from * g->bytes, inner));
    }
    return TW_OK;
}

/* All indices are checked before anything is written, so that a refusal leaves no half result. */
tw_status *tw_gather_rows(tw_dtype dtype, size_t outer, size_t limit, size_t inner, const void *in,
                          tw_dtype index_dtype, const void *indices, size_t count, void *out,
                          const tw_par *par)
{
    gather g = {.dtype = dtype,
                .index_dtype = index_dtype,
                .outer = outer,
                .limit = limit,
                .count = count,
                .in = in,
                .indices = indices,
                .out = out};
    size_t rows, bytes;
    if (index_dtype != TW_INT32 && index_dtype != TW_INT64)
        return tw_status_new(TW_UNIMPLEMENTED, "an index is int32 or int64, not %s",
                             tw_dtype_name(index_dtype));
    if (!tw_size_mul(inner, tw_dtype_size(dtype), &g.bytes) || !tw_size_mul(outer, count, &rows) ||
        !tw_size_mul(rows, g.bytes, &bytes) || bytes > PTRDIFF_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "%zu rows of %zu elements are too large", count,
                             inner);
    for (size_t i = 0; i < count; i++) {
        int64_t index = index_at(&g, i);
        if (index < 0 || (uint64_t)index >= limit)
            return tw_status_new(TW_INVALID_ARGUMENT,
                                 "indices[%zu] = %" PRId64 " is not in [0, %zu)", i, index, limit);
    }
    if (bytes == 0)
        return TW_OK;
    if (!tw_dtype_is_plain(dtype))
        return gather_owned(&g, inner);
    g.cells = tw_par_cells(rows, 1, 3 + 0.15 * (double)g.bytes);
    tw_par_run(par, g.cells, gather_cell, &g);
    return TW_OK;
}
