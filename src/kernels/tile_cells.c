/* SPDX-License-Identifier: Apache-2.0
 * Cuts a bound tile program into cells, which threads share out. The grid follows from shapes and
 * dtypes alone, so that results are the same at any number of threads. */
#include "kernels/tile_inside.h"

enum { MOST_CELLS = 64, CELL_NANOSECONDS = 10000 };

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
