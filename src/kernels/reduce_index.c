/* SPDX-License-Identifier: Apache-2.0
 * Where the largest or smallest elements stand. Along a contiguous axis the value is found first,
 * by the loops of reductions, and then looked for; along others, columns go side by side. */
#include <math.h>

#include "kernels/half.h"
#include "kernels/reduce.h"
#include "kernels/reduce_loops.h"
#include "tensor/array.h"

enum { LANES = 64 };

/* `combine` joins what vectors found; the place is looked for afterwards, so that the search for
 * the value needs no indices. */
typedef struct indexer {
    tw_dtype dtype, acc_dtype, index_dtype;
    bool largest;
    tw_reduce_loops loops, combine;
    size_t (*line)(const void *x, size_t n, bool largest); /* NULL: by loops and combine */
    size_t n, inner, blocks; /* the axis, what is inside it, in blocks of columns */
    size_t tasks, cells, size;
    const char *in;
    void *out;
} indexer;

/* The length of the axis was checked against the index's dtype. */
static void put(const indexer *x, size_t place, int64_t index)
{
    if (x->index_dtype == TW_INT32)
        ((int32_t *)x->out)[place] = (int32_t)index;
    else
        ((int64_t *)x->out)[place] = index;
}

/* The accumulators begin as the first elements; for floating ones, where a NaN would stay, as the
 * number that loses against all. */
static void set_lanes(const indexer *x, const char *row, void *acc)
{
    double worst = x->largest ? -INFINITY : INFINITY;
    if (!tw_dtype_is_floating(x->dtype))
        memcpy(acc, row, LANES * x->size);
    else if (x->dtype == TW_FLOAT64)
        for (size_t j = 0; j < LANES; j++)
            ((double *)acc)[j] = worst;
    else
        for (size_t j = 0; j < LANES; j++)
            ((float *)acc)[j] = (float)worst;
}

/* Lanes are joined by halves while that is done by vectors. If all is NaN, nothing equals what was
 * found, and the search answers 0. */
static size_t index_of_row(const indexer *x, const char *row)
{
    _Alignas(64) char acc[LANES * sizeof(double)];
    size_t whole = x->n / LANES, tail = x->n % LANES, lanes = LANES / 2;
    size_t first = tw_dtype_is_floating(x->dtype) ? 0 : 1;
    set_lanes(x, row, acc);
    x->loops.rows(acc, row + first * LANES * x->size, whole - first, LANES, LANES);
    x->loops.rows(acc, row + whole * LANES * x->size, 1, 0, tail);
    for (; lanes >= 8; lanes /= 2)
        x->combine.rows(acc, acc + lanes * tw_dtype_size(x->acc_dtype), 1, 0, lanes);
    x->combine.groups(acc, 2 * lanes, 1);
    return tw_reduce_strided.find[x->dtype](row, x->n, acc);
}

/* Short rows are a column each: they are not worth the lanes. */
static void run_task(const indexer *x, size_t task)
{
    int64_t index[TW_INDEX_WIDTH];
    size_t outer = task / x->blocks, column = task % x->blocks * TW_INDEX_WIDTH;
    size_t width = x->inner - column < TW_INDEX_WIDTH ? x->inner - column : TW_INDEX_WIDTH;
    const char *at = x->in + (outer * x->n * x->inner + column) * x->size;
    if (x->inner == 1 && x->line)
        index[0] = (int64_t)x->line(at, x->n, x->largest);
    else if (x->inner == 1 && x->n >= LANES)
        index[0] = (int64_t)index_of_row(x, at);
    else
        tw_reduce_strided.index_columns[x->dtype][x->largest](at, x->n, x->inner, width, index);
    for (size_t j = 0; j < width; j++)
        put(x, outer * x->inner + column + j, index[j]);
}

/* A run of tasks; a task is a row or a block of columns. */
static void run_cell(size_t cell, void *arg)
{
    const indexer *x = arg;
    size_t last = tw_par_bound(x->tasks, 1, x->cells, cell + 1);
    for (size_t task = tw_par_bound(x->tasks, 1, x->cells, cell); task < last; task++)
        run_task(x, task);
}

/* Quantized numbers are ordered as their integers are, and false before true. */
static tw_dtype dtype_of_loops(tw_dtype dtype)
{
    switch (dtype) {
    case TW_QINT8: return TW_INT8;
    case TW_QUINT8: return TW_UINT8;
    case TW_BOOL: return TW_UINT8;
    case TW_QINT16: return TW_INT16;
    case TW_QUINT16: return TW_UINT16;
    case TW_QINT32: return TW_INT32;
    default: return dtype;
    }
}

/* An empty axis is refused only where an output would need an element of it. */
tw_status *tw_reduce_index(bool largest, tw_dtype dtype, tw_shape shape, size_t axis,
                           const void *in, tw_dtype index_dtype, void *out, const tw_par *par)
{
    tw_dtype as = dtype_of_loops(dtype);
    if (!tw_dtype_is_floating(as) && !tw_dtype_is_integer(as))
        return tw_status_new(TW_UNIMPLEMENTED, "%s arrays have no largest element",
                             tw_dtype_name(dtype));
    if (index_dtype != TW_INT32 && index_dtype != TW_INT64)
        return tw_status_new(TW_UNIMPLEMENTED, "an index is int32 or int64, not %s",
                             tw_dtype_name(index_dtype));
    size_t count, outer = 1;
    TW_TRY(tw_shape_check(dtype, shape, &count));
    if (axis >= shape.rank)
        return tw_status_new(TW_INVALID_ARGUMENT, "axis %zu of an array of rank %zu", axis,
                             shape.rank);
    indexer x = {.dtype = as,
                 .index_dtype = index_dtype,
                 .largest = largest,
                 .n = (size_t)shape.dims[axis],
                 .inner = 1,
                 .size = tw_dtype_size(as),
                 .in = in,
                 .out = out};
    for (size_t i = 0; i < axis; i++)
        outer *= (size_t)shape.dims[i];
    for (size_t i = axis + 1; i < shape.rank; i++)
        x.inner *= (size_t)shape.dims[i];
    if (outer == 0 || x.inner == 0)
        return TW_OK;
    if (x.n == 0)
        return tw_status_new(TW_INVALID_ARGUMENT, "Reduction axis %zu is empty in shape %s", axis,
                             tw_shape_text(shape).s);
    if (index_dtype == TW_INT32 && x.n > INT32_MAX)
        return tw_status_new(TW_INVALID_ARGUMENT, "an axis of %zu is too long for int32", x.n);
    tw_fold fold = largest ? TW_FOLD_MAX : TW_FOLD_MIN;
    x.line = TW_ISA_TABLE_OF_NARROW(tw_reduce_table)->index_line[as];
    x.loops = tw_reduce_loops_of(as, fold);
    x.acc_dtype = as == TW_FLOAT16 || as == TW_BFLOAT16 ? TW_FLOAT32 : as;
    x.combine = tw_reduce_loops_of(x.acc_dtype, fold);
    x.blocks = (x.inner + TW_INDEX_WIDTH - 1) / TW_INDEX_WIDTH;
    x.tasks = outer * x.blocks;
    x.cells = tw_par_cells(x.tasks, 1, 0.5 * (double)count / (double)x.tasks);
    tw_par_run(par, x.cells, run_cell, &x);
    return TW_OK;
}
