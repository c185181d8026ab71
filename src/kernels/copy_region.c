/* SPDX-License-Identifier: Apache-2.0
 * Axes of one element go, neighbours that lie evenly in both arrays become one axis, and the axes
 * are ordered by their stride in the destination. If an axis is contiguous in the source alone, it
 * comes second to last, so that a plane is a transpose of two axes. */
#include "kernels/copy_region.h"

#include <stdlib.h>

#include "base/alloc.h"

/* Strides are signed, for a region may be read backwards; a stride of 0 in the source repeats an
 * element. */
typedef struct axis {
    size_t n;
    ptrdiff_t to, from;
} axis;

/* The two innermost axes make a plane that one function copies; grains cut rows and columns so
 * that large planes are shared among threads too. */
typedef struct walk {
    tw_dtype dtype;
    size_t size, rank;
    axis axes[TW_REGION_RANK + 2];
    size_t outer; /* planes */
    size_t row_cells, col_cells;
    size_t row_grain, col_grain;
    char *to;
    const char *from;
    tw_plane_fn fn;
} walk;

/* Of PTRDIFF_MIN too. */
static size_t magnitude(ptrdiff_t x)
{
    return x < 0 ? (size_t)0 - (size_t)x : (size_t)x;
}

/* By insertion: there are a handful, and equal ones keep their order. What is contiguous in the
 * destination ends up innermost, because half-written lines cost more than half-read ones. */
static void sort_axes(axis *axes, size_t rank)
{
    for (size_t i = 1; i < rank; i++) {
        axis a = axes[i];
        size_t j = i;
        for (; j > 0 && magnitude(axes[j - 1].to) < magnitude(a.to); j--)
            axes[j] = axes[j - 1];
        axes[j] = a;
    }
}

/* One step of the outer axis is the same in both arrays as running through the inner one. */
static bool merges(axis outer, axis inner)
{
    ptrdiff_t n = (ptrdiff_t)inner.n;
    return outer.to == inner.to * n && outer.from == inner.from * n;
}

/* Fewer, longer axes mean longer runs and fewer planes: a whole contiguous copy ends as one row. */
static void take_axes(walk *w, const tw_region *region)
{
    axis axes[TW_REGION_RANK];
    size_t rank = 0;
    for (size_t i = 0; i < region->rank; i++) {
        if (region->dims[i] != 1)
            axes[rank++] = (axis){region->dims[i], region->to[i], region->from[i]};
    }
    sort_axes(axes, rank);
    w->rank = 0;
    for (size_t i = 0; i < rank; i++) {
        axis *last = w->rank ? &w->axes[w->rank - 1] : NULL;
        if (last && merges(*last, axes[i]))
            *last = (axis){last->n * axes[i].n, axes[i].to, axes[i].from};
        else
            w->axes[w->rank++] = axes[i];
    }
    for (; w->rank < 2; w->rank++) { /* rows of one element in front */
        w->axes[w->rank] = w->rank ? w->axes[0] : (axis){1, 1, 1};
        w->axes[0] = (axis){1, 0, 0};
    }
}

/* Then a block of the plane has whole cache lines in both arrays. */
static void bring_source_axis(walk *w)
{
    size_t last = w->rank - 1;
    if (w->axes[last].from == 1 || w->axes[last].from == 0)
        return;
    for (size_t i = 0; i + 1 < last; i++) {
        if (w->axes[i].from == 1) {
            axis a = w->axes[i];
            for (size_t j = i; j + 1 < last; j++)
                w->axes[j] = w->axes[j + 1];
            w->axes[last - 1] = a;
            return;
        }
    }
}

/* Rows are counted over all planes. A cell takes a run of them and a run of columns, and hands out
 * one plane for each stretch within the same outer index. */
static tw_status *run_cell(const walk *w, size_t cell)
{
    const axis *rows = &w->axes[w->rank - 2], *cols = &w->axes[w->rank - 1];
    size_t col_cell = cell % w->col_cells, all = w->outer * rows->n;
    size_t col = tw_par_bound(cols->n, w->col_grain, w->col_cells, col_cell);
    size_t end = tw_par_bound(cols->n, w->col_grain, w->col_cells, col_cell + 1);
    size_t row = tw_par_bound(all, w->row_grain, w->row_cells, cell / w->col_cells);
    size_t last = tw_par_bound(all, w->row_grain, w->row_cells, cell / w->col_cells + 1);
    while (row < last) {
        size_t inner = row % rows->n, n = rows->n - inner, rest = row / rows->n;
        n = n < last - row ? n : last - row;
        ptrdiff_t to = (ptrdiff_t)inner * rows->to + (ptrdiff_t)col * cols->to;
        ptrdiff_t from = (ptrdiff_t)inner * rows->from + (ptrdiff_t)col * cols->from;
        for (size_t i = w->rank - 2; i-- > 0; rest /= w->axes[i].n) {
            to += (ptrdiff_t)(rest % w->axes[i].n) * w->axes[i].to;
            from += (ptrdiff_t)(rest % w->axes[i].n) * w->axes[i].from;
        }
        tw_plane plane = {n, end - col, rows->to, cols->to, rows->from, cols->from};
        TW_TRY(w->fn(w->dtype, &plane, w->to + to * (ptrdiff_t)w->size,
                     w->from + from * (ptrdiff_t)w->size));
        row += n;
    }
    return TW_OK;
}

/* Functions that may fail run on one thread. */
static void run_parallel_cell(size_t cell, void *arg)
{
    (void)run_cell(arg, cell);
}

/* About a third of a nanosecond for 4 bytes, three times that where a line is not used at once. */
static void cut(walk *w)
{
    const axis *rows = &w->axes[w->rank - 2], *cols = &w->axes[w->rank - 1];
    size_t all = w->outer * rows->n;
    bool even = cols->to == 1 && (cols->from == 1 || cols->from == 0);
    double cost = (even ? 0.08 : 0.25) * (double)w->size + (even ? 0 : 0.3);
    w->row_grain = even ? 1 : 16;
    w->col_grain = 1024;
    size_t wanted = tw_par_cells(all, 1, cost * (double)cols->n);
    size_t total = (double)all * (double)cols->n * cost >= 64e4
                       ? 64
                       : (size_t)((double)all * (double)cols->n * cost / 1e4);
    size_t most = (all + w->row_grain - 1) / w->row_grain;
    w->row_cells = wanted < most ? wanted : most;
    size_t cols_most = (cols->n + w->col_grain - 1) / w->col_grain;
    w->col_cells = total / w->row_cells < cols_most ? total / w->row_cells : cols_most;
    w->col_cells = w->col_cells > 1 ? w->col_cells : 1;
}

/* An empty region is done before its size is formed, since one axis may be 0 and another huge. */
tw_status *tw_walk_region(tw_dtype dtype, const tw_region *region, void *to, const void *from,
                          tw_plane_fn fn, bool parallel, const tw_par *par)
{
    walk w = {.dtype = dtype, .size = tw_dtype_size(dtype), .to = to, .from = from, .fn = fn};
    size_t count = 1, bytes;
    if (!w.size)
        return tw_status_new(TW_UNIMPLEMENTED, "%s is no dtype of arrays", tw_dtype_name(dtype));
    if (region->rank > TW_REGION_RANK)
        return tw_status_new(TW_INVALID_ARGUMENT, "a region of rank %zu", region->rank);
    for (size_t i = 0; i < region->rank; i++) {
        if (region->dims[i] == 0)
            return TW_OK;
    }
    for (size_t i = 0; i < region->rank; i++) {
        if (!tw_size_mul(count, region->dims[i], &count))
            return tw_status_new(TW_INVALID_ARGUMENT, "a region of too many elements");
    }
    if (!tw_size_mul(count, w.size, &bytes))
        return tw_status_new(TW_INVALID_ARGUMENT, "a region of too many elements");
    take_axes(&w, region);
    bring_source_axis(&w);
    w.outer = 1;
    for (size_t i = 0; i + 2 < w.rank; i++)
        w.outer *= w.axes[i].n;
    w.row_grain = w.col_grain = w.row_cells = w.col_cells = 1;
    if (!parallel)
        return run_cell(&w, 0);
    cut(&w);
    tw_par_run(par, w.row_cells * w.col_cells, run_parallel_cell, &w);
    return TW_OK;
}
