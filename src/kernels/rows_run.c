/* SPDX-License-Identifier: Apache-2.0
 * Runs a bound program of rows: cells on threads, tiles in a cell, steps on a tile. Loops work on
 * whole blocks. What stands behind the last row of a tile is computed along and never stored; it is
 * the next row's beginning, or, at a cell's end, a copy. */
#include <string.h>

#include "base/pool.h"
#include "kernels/rows_inside.h"

typedef struct rows_run {
    const tw_rows_bound *b;
    const void *const *in;
    void *const *out;
    const tw_tile_loops *loops;
    bool past; /* no output lies over an operand */
} rows_run;

/* On the stack of the thread that runs it, so that tiles stay in its first cache. */
typedef struct rows_cell {
    const rows_run *run;
    size_t end; /* the row after its last one */
    char *slots[ROWS_MANY];
    _Alignas(64) char file[ROWS_FILE];
} rows_cell;

/* ---- operands ---- */

/* One row for all, as often as a tile has rows; the rest of its last block is zeros. */
static void repeat(char *to, const char *row, size_t bytes, size_t rows, size_t all)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * bytes, row, bytes);
    memset(to + rows * bytes, 0, all - rows * bytes);
}

/* What stays the same for all tiles of a cell. Registers of rows are used in whole blocks and so
 * are cleared once. */
static void start_cell(rows_cell *cell)
{
    const tw_rows_bound *b = cell->run->b;
    for (size_t slot = 0; slot < b->slot_count; slot++)
        cell->slots[slot] = cell->file + b->places[slot];
    for (size_t i = 0; i < b->operand_count; i++) {
        const rows_operand *operand = &b->operands[i];
        const char *in = operand->constant ? (const char *)operand->value : cell->run->in[i];
        if (operand->access == ROWS_NUMBER)
            tw_tile_spread(cell->slots[i], in, operand->size, b->tile);
        else if (operand->access == ROWS_PATTERN)
            repeat(cell->slots[i], in, b->length * operand->size, b->tile_rows,
                   b->tile * operand->size);
        else if (operand->access == ROWS_ROW)
            cell->slots[i] = (char *)(uintptr_t)in;
        else if (operand->access == ROWS_COLUMN)
            memset(cell->slots[i], 0, b->row_block * operand->size);
    }
    for (size_t i = 0; i < b->step_count; i++) {
        const rows_step *step = &b->steps[i];
        if (step->kind == ROWS_REDUCE || step->kind == ROWS_MAP_ROWS)
            memset(cell->slots[step->target], 0, b->row_block * 8);
    }
}

/* Where this tile's rows of the other operands are. */
static void tile_operands(rows_cell *cell, size_t row, size_t rows)
{
    const tw_rows_bound *b = cell->run->b;
    size_t n = rows * b->length, blocks = (n + TW_TILE_BLOCK - 1) & ~(size_t)(TW_TILE_BLOCK - 1);
    for (size_t i = 0; i < b->operand_count; i++) {
        const rows_operand *operand = &b->operands[i];
        const char *in = cell->run->in[i];
        if (operand->access == ROWS_COLUMN && b->single) {
            tw_tile_spread(cell->slots[i], in + row * operand->size, operand->size, TW_TILE_BLOCK);
        } else if (operand->access == ROWS_COLUMN) {
            memcpy(cell->slots[i], in + row * operand->size, rows * operand->size);
        } else if (operand->access == ROWS_FULL) {
            const char *from = in + row * b->length * operand->size;
            if (row * b->length + blocks <= cell->end * b->length) {
                cell->slots[i] = (char *)(uintptr_t)from;
                continue;
            }
            cell->slots[i] = cell->file + b->places[i];
            memcpy(cell->slots[i], from, n * operand->size);
            memset(cell->slots[i] + n * operand->size, 0, (blocks - n) * operand->size);
        }
    }
}

/* ---- steps ---- */

/* Rounds once, from double. What is made for a single row fills a block, so that loops can repeat
 * it. */
static void reduce(const rows_cell *cell, const rows_step *step, size_t rows)
{
    const tw_rows_bound *b = cell->run->b;
    char *to = cell->slots[step->target];
    const char *x = cell->slots[step->sources[0]], *y = cell->slots[step->sources[1]];
    bool repeated = step->repeated & 2;
    for (size_t i = 0; i < rows; i++, x += b->length * step->size) {
        double value = step->row ? step->row(b->length, (const float *)(const void *)x,
                                             (const float *)(const void *)y, repeated)
                                 : tw_tile_fold_row(step->reduce, step->size, b->length, x);
        value = step->reduce == TW_TILE_MEAN ? value / (double)b->length : value;
        y += repeated ? 0 : b->length * step->size;
        float single = (float)value;
        const void *from = step->size == sizeof(float) ? (const void *)&single : &value;
        tw_tile_spread(to + i * step->size, from, step->size, b->single ? TW_TILE_BLOCK : 1);
    }
}

/* The last one goes on to the end of its block. */
static void spread_rows(const rows_cell *cell, const rows_step *step, size_t rows, size_t blocks)
{
    size_t length = cell->run->b->length, size = step->size;
    char *to = cell->slots[step->target];
    const char *from = cell->slots[step->sources[0]];
    for (size_t i = 0; i < rows; i++) {
        size_t n = i + 1 == rows ? blocks - i * length : length;
        tw_tile_spread(to + i * length * size, from + i * size, size, n);
    }
}

/* While a step is computed its parts of the next tile come from memory, into the first cache: all
 * at once would be waited for. A prefetch of what is not there does nothing. */
static void prefetch(const rows_cell *cell, size_t next_row, const rows_step *step)
{
    const tw_rows_bound *b = cell->run->b;
    for (size_t i = 0; i < b->operand_count; i++) {
        if (b->operands[i].access != ROWS_FULL)
            continue;
        size_t row = b->length * b->operands[i].size, lines = (b->tile_rows * row + 63) / 64;
        const char *next = (const char *)cell->run->in[i] + next_row * row;
        size_t last = step->asks_to * lines / b->parts;
        for (size_t line = step->asks_from * lines / b->parts; line < last; line++)
            __builtin_prefetch(next + line * 64, 0, 3);
    }
}

/* One operation, or some joined. */
static void map(const rows_step *step, size_t n, char *const *slots)
{
    void *z = slots[step->target];
    if (step->norm) {
        const float *from[TW_NORM_SOURCES];
        for (size_t k = 0; k < TW_NORM_SOURCES; k++)
            from[k] = (const float *)(const void *)slots[step->sources[k]];
        step->norm(n, z, from, step->repeated);
        return;
    }
    const void *x = slots[step->sources[0]], *y = slots[step->sources[1]],
               *w = slots[step->sources[2]];
    if (step->joined)
        step->joined(n, z, x, y, w, step->repeated);
    else
        step->loop(n, z, x, y, w);
}

static void run_steps(const rows_cell *cell, size_t row, size_t rows)
{
    const tw_rows_bound *b = cell->run->b;
    char *const *slots = cell->slots;
    size_t blocks = (rows * b->length + TW_TILE_BLOCK - 1) & ~(size_t)(TW_TILE_BLOCK - 1);
    for (size_t i = 0; i < b->step_count; i++) {
        const rows_step *step = &b->steps[i];
        if (row + rows < cell->end && step->asks_from < step->asks_to)
            prefetch(cell, row + rows, step);
        if (step->kind == ROWS_REDUCE)
            reduce(cell, step, rows);
        else if (step->kind == ROWS_SPREAD)
            spread_rows(cell, step, rows, blocks);
        else
            map(step, step->kind == ROWS_MAP ? blocks : b->row_block, slots);
    }
}

/* Only what belongs to the tile's rows. */
static void store(const rows_cell *cell, size_t row, size_t rows)
{
    const rows_run *run = cell->run;
    const tw_rows_bound *b = run->b;
    for (size_t i = 0; i < b->output_count; i++) {
        const rows_output *output = &b->outputs[i];
        size_t one = (output->by_row ? 1 : b->length) * output->size;
        char *to = (char *)run->out[i] + row * one;
        if (run->past && output->past)
            run->loops->store_past(to, cell->slots[output->slot], rows * one);
        else
            memcpy(to, cell->slots[output->slot], rows * one);
    }
}

/* The body of the pool: cells write different rows. */
static void run_cell(size_t number, void *arg)
{
    rows_cell cell;
    const rows_run *run = cell.run = arg;
    const tw_rows_bound *b = run->b;
    size_t first = number * b->share;
    cell.end = b->rows - first < b->share ? b->rows : first + b->share;
    start_cell(&cell);
    for (size_t row = first; row < cell.end; row += b->tile_rows) {
        size_t rows = cell.end - row < b->tile_rows ? cell.end - row : b->tile_rows;
        tile_operands(&cell, row, rows);
        run_steps(&cell, row, rows);
        store(&cell, row, rows);
    }
    if (run->past)
        run->loops->fence();
}

/* Is an output stored past the caches, and none over an operand? */
static bool stores_past(const tw_rows_bound *b, const void *const *in, void *const *out)
{
    bool past = false;
    for (size_t k = 0; k < b->output_count; k++)
        past = past || b->outputs[k].past;
    return past && !tw_tile_lies_over(out, b->output_count, in, b->operand_count);
}

/* Nothing in it can fail. */
void tw_rows_run(const tw_rows_bound *bound, const void *const *in, void *const *out, int threads)
{
    rows_run run = {.b = bound, .in = in, .out = out, .loops = tw_tile_loops_now()};
    run.past = stores_past(bound, in, out);
    if (bound->cells > 1 && threads != 1)
        tw_pool_run(threads, bound->cells, run_cell, &run);
    else
        for (size_t cell = 0; cell < bound->cells; cell++)
            run_cell(cell, &run);
}
