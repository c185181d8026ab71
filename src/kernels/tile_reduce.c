/* SPDX-License-Identifier: Apache-2.0
 * The reductions that end a tile program: 16 partial results in double for a row, or one for each
 * column, put together in an order that the shape alone fixes. */
#include <math.h>

#include "kernels/tile_inside.h"

/* What a reduction of nothing gives; a mean of nothing is 0 / 0, NaN. */
double tw_tile_identity(tw_tile_reduce kind)
{
    switch (kind) {
    case TW_TILE_PROD: return 1;
    case TW_TILE_MAX: return -INFINITY;
    case TW_TILE_MIN: return INFINITY;
    default: return 0;
    }
}

/* Comparisons with NaN are false, so Max and Min skip it. */
static double combine(tw_tile_reduce kind, double a, double b)
{
    switch (kind) {
    case TW_TILE_PROD: return a * b;
    case TW_TILE_MAX: return b > a ? b : a;
    case TW_TILE_MIN: return b < a ? b : a;
    default: return a + b;
    }
}

/* The order of combine_all for as many sums as a row has, which is asked often. */
static double add_lanes(const double *x)
{
    double sums[TW_TILE_BLOCK / 4];
    for (size_t i = 0; i < TW_TILE_BLOCK / 4; i++)
        sums[i] = (x[4 * i] + x[4 * i + 1]) + (x[4 * i + 2] + x[4 * i + 3]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* n values, in pairs: their order follows from n. values is used up. */
static double combine_all(tw_tile_reduce kind, double *values, size_t n)
{
    for (; n > 1; n = (n + 1) / 2) {
        for (size_t i = 0; i < n / 2; i++)
            values[i] = combine(kind, values[2 * i], values[2 * i + 1]);
        if (n % 2)
            values[n / 2] = values[n - 1];
    }
    return n ? values[0] : tw_tile_identity(kind);
}

/* A row begins. */
void tw_tile_fold_start(const tw_tile_bound *b, tile_lanes *lanes)
{
    double identity = tw_tile_identity(b->reduction.kind);
    for (size_t i = 0; i < TW_TILE_BLOCK; i++)
        lanes->lane[i] = identity;
}

/* A tile's elements, or fewer. */
void tw_tile_fold(const tw_tile_bound *b, tile_lanes *lanes, size_t n, const void *x)
{
    const tw_tile_loops *loops = tw_tile_loops_now();
    if (b->reduced_size == sizeof(float))
        loops->fold_f32[b->reduction.kind](n, lanes->lane, x);
    else
        loops->fold_f64[b->reduction.kind](n, lanes->lane, x);
}

/* The row's result, before the division of a mean. The lanes stay as they are. */
double tw_tile_fold_end(const tw_tile_bound *b, const tile_lanes *lanes)
{
    if (b->reduction.kind == TW_TILE_SUM || b->reduction.kind == TW_TILE_MEAN)
        return add_lanes(lanes->lane);
    tile_lanes copy = *lanes;
    return combine_all(b->reduction.kind, copy.lane, TW_TILE_BLOCK);
}

/* fold_f32 adds up in float and so gets a tile at a time. One number stays as it is, NaN too. */
double tw_tile_fold_row(tw_tile_reduce kind, size_t size, size_t n, const void *x)
{
    if (n == 1)
        return size == sizeof(float) ? (double)*(const float *)x : *(const double *)x;
    const tw_tile_loops *loops = tw_tile_loops_now();
    tile_lanes lanes;
    for (size_t i = 0; i < TW_TILE_BLOCK; i++)
        lanes.lane[i] = tw_tile_identity(kind);
    for (size_t at = 0; at < n; at += TW_TILE_LENGTH) {
        size_t m = n - at < TW_TILE_LENGTH ? n - at : TW_TILE_LENGTH;
        if (size == sizeof(float))
            loops->fold_f32[kind](m, lanes.lane, (const float *)x + at);
        else
            loops->fold_f64[kind](m, lanes.lane, (const double *)x + at);
    }
    return combine_all(kind == TW_TILE_MEAN ? TW_TILE_SUM : kind, lanes.lane, TW_TILE_BLOCK);
}

/* The next n columns of one row. */
void tw_tile_columns(const tw_tile_bound *b, double *sums, size_t n, const void *x)
{
    const tw_tile_loops *loops = tw_tile_loops_now();
    if (b->reduced_size == sizeof(float))
        loops->column_f32[b->reduction.kind](n, sums, x);
    else
        loops->column_f64[b->reduction.kind](n, sums, x);
}

/* Rounds once, from double. */
void tw_tile_result(const tw_tile_bound *b, void *out, size_t index, double value)
{
    if (b->reduction.kind == TW_TILE_MEAN)
        value /= (double)(b->reduction.outer ? b->rows : b->length);
    if (b->reduced_size == sizeof(float))
        ((float *)out)[index] = (float)value;
    else
        ((double *)out)[index] = value;
}

/* The parts of a column are few: at most one a cell. */
static void finish_columns(const tw_tile_bound *b, void *out, double *sums)
{
    size_t parts = b->grid == TILE_BY_ROWS ? b->cells : 1;
    double values[64];
    for (size_t i = 0; i < b->length; i++) {
        for (size_t p = 0; p < parts; p++)
            values[p] = sums[p * b->length + i];
        tw_tile_result(b, out, i, combine_all(b->reduction.kind, values, parts));
    }
}

/* On the calling thread, after all cells. */
void tw_tile_finish(const tw_tile_bound *b, void *out, void *workspace)
{
    double *partial = workspace;
    if (b->count == 0) {
        double identity = tw_tile_identity(b->reduction.kind);
        for (size_t i = 0; i < b->result_count; i++)
            tw_tile_result(b, out, i, identity);
    } else if (b->reduction.outer) {
        finish_columns(b, out, partial);
    } else if (b->grid == TILE_BY_PIECES) {
        for (size_t row = 0; row < b->rows; row++)
            tw_tile_result(b, out, row,
                           combine_all(b->reduction.kind, partial + row * b->pieces, b->pieces));
    }
}
