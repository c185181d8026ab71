/* SPDX-License-Identifier: Apache-2.0
 * Cuts a bound tile program into cells, which threads share out. The grid follows from shapes and
 * dtypes alone, so that results are the same at any number of threads. */
#include "kernels/tile_inside.h"

enum {
    MOST_CELLS = 64,
    CELL_NANOSECONDS = 10000,
    LONGEST = 1 << 16, /* elements of a tile of one loop from memory to memory */
    LONG = 1 << 12     /* bytes of each number that joins it */
};

/* ---- tiles ---- */

/* Euclid's way; from it follows how many rows make whole blocks, so that a tile of many short rows
 * has no short block at its end. */
static size_t greatest_divisor(size_t a, size_t b)
{
    return b ? greatest_divisor(b, a % b) : a;
}

/* A reduction says what a row is. Without one, rows matter only to operands that are repeated: a
 * row is then the last joined dim. */
void tw_tile_find_rows(tw_tile_bound *b, tw_shape shape)
{
    bool strided = false;
    size_t outer = 1;
    for (size_t i = 0; i < b->operand_count; i++)
        strided = strided || b->operands[i].access == TILE_STRIDED;
    b->rows = 1;
    b->length = b->count;
    if (b->reduction.kind) {
        for (size_t d = 0; d < b->reduction.split; d++)
            outer *= (size_t)shape.dims[d];
        size_t inner = 1;
        for (size_t d = b->reduction.split; d < shape.rank; d++)
            inner *= (size_t)shape.dims[d];
        b->rows = outer;
        b->length = inner;
        b->result_count = b->reduction.outer ? inner : outer;
    } else if (strided && b->count) {
        b->length = (size_t)b->dims[b->rank - 1];
        b->rows = b->count / b->length;
    }
}

/* A tile of whole rows is a multiple of 16 elements long where it can be. */
void tw_tile_choose(tw_tile_bound *b, size_t most)
{
    b->tile_rows = 1;
    b->tile_length = (uint32_t)(b->length < most ? b->length : most);
    if (b->length >= most || b->length == 0)
        return;
    size_t rows = most / b->length;
    size_t step = TW_TILE_BLOCK / greatest_divisor(b->length, TW_TILE_BLOCK);
    if (rows > step)
        rows -= rows % step;
    rows = rows < b->rows ? rows : b->rows;
    b->tile_rows = (uint32_t)(rows ? rows : 1);
    b->tile_length = (uint32_t)(b->tile_rows * b->length);
}

/* Nothing goes through registers: tiles may be as long as they like. */
bool tw_tile_stands_alone(const tw_tile_bound *b)
{
    return b->step_count == 1 && b->steps[0].kind == TILE_SCALED && b->output_count == 1 &&
           b->outputs[0].direct && b->operands[b->steps[0].sources[0]].access == TILE_FULL &&
           !b->reduction.kind;
}

/* Of one loop between arrays, beside which what a tile costs by itself must be little: it is a
 * tenth where tiles have 16 KiB. Numbers fill registers, so that tiles are shorter then: 4 KiB of
 * each, two of which leave the first cache room for what streams by. */
size_t tw_tile_longest(const tw_tile_bound *b)
{
    size_t length = LONGEST;
    if (b->alone)
        return LONGEST;
    if (b->step_count != 1 || b->output_count != 1 || !b->outputs[0].direct || b->outputs[0].past ||
        b->reduction.kind)
        return TW_TILE_LENGTH;
    for (size_t i = 0; i < b->operand_count; i++) {
        if (b->operands[i].access == TILE_SCALAR)
            length = LONG / b->operands[i].size;
        else if (b->operands[i].access != TILE_FULL)
            return TW_TILE_LENGTH;
    }
    return length;
}

/* The pattern of an operand repeats from dim j on, where it has no stride in the dims before. */
void tw_tile_find_periods(tw_tile_bound *b)
{
    for (size_t i = 0; i < b->operand_count && b->count; i++) {
        tile_operand *operand = &b->operands[i];
        size_t j = 0, period = 1;
        while (j < b->rank && operand->strides[j] == 0)
            j++;
        for (size_t d = j; d < b->rank; d++)
            period *= (size_t)b->dims[d];
        if (operand->access != TILE_STRIDED || b->grid != TILE_BY_ROWS ||
            b->tile_length != b->tile_rows * b->length || b->tile_length % period != 0)
            continue;
        operand->access = TILE_PERIODIC;
    }
}

/* ---- cells ---- */

/* a / b, rounded up, without overflow. */
static size_t divided_up(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* Whole rows for each cell, in multiples of what a tile holds. */
static void cut_rows(tw_tile_bound *b, size_t cells)
{
    b->grid = TILE_BY_ROWS;
    b->share = divided_up(divided_up(b->rows, cells), b->tile_rows) * b->tile_rows;
    b->share = b->share ? b->share : 1;
    b->cells = divided_up(b->rows, b->share);
}

/* Pieces of a row that are multiples of the longest tile. */
static void cut_length(tw_tile_bound *b, size_t pieces, size_t grain)
{
    b->share = divided_up(divided_up(b->length, pieces), grain) * grain;
    b->pieces = divided_up(b->length, b->share);
}

/* About as many cells as there are tens of microseconds of work, by an estimate that does not
 * depend on the machine, so that the grid is the same everywhere. Columns that are summed over
 * few rows are cut across; else each cell sums its rows, and the sums are put together at the
 * end. */
void tw_tile_cut(tw_tile_bound *b, double cost)
{
    b->time = (double)b->count * cost / 1000;
    double wanted = b->time / CELL_NANOSECONDS;
    size_t cells = wanted < 2 ? 1 : wanted < MOST_CELLS ? (size_t)wanted : MOST_CELLS;
    b->pieces = 1;
    if (b->count == 0) {
        b->cells = 0;
    } else if (cells == 1 || (b->rows >= cells && !b->reduction.outer)) {
        cut_rows(b, cells);
    } else if (!b->reduction.outer) {
        cut_length(b, divided_up(cells, b->rows), TW_TILE_LENGTH);
        b->grid = TILE_BY_PIECES;
        b->cells = b->rows * b->pieces;
    } else if (b->length >= cells * TW_TILE_LENGTH) {
        cut_length(b, cells, TW_TILE_LENGTH);
        b->grid = TILE_BY_COLUMNS;
        b->cells = b->pieces;
    } else {
        cut_rows(b, cells < 16 ? cells : 16);
    }
}
