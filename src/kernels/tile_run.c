/* SPDX-License-Identifier: Apache-2.0
 * Runs a bound tile program: cells on threads, tiles in a cell, steps on a tile. The last elements
 * of a tile that are no whole block are copied to blocks of their own, so that neither loops nor
 * memory ever see more than there is. */
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "kernels/tile_inside.h"

/* The least failing step is kept, so that the reported failure is the same whichever thread
 * found one first. */
typedef struct tile_run {
    const tw_tile_bound *b;
    const void *const *in;
    void *const *out;
    double *partial;   /* the workspace */
    bool past;         /* no output lies over an operand */
    atomic_int failed; /* the first step whose check failed, or step_count */
} tile_run;

/* The reduction of a cell: a position in the rectangle, and what the current row has come to. */
typedef struct tile_fold {
    size_t row, column, start, end; /* start, end: the columns of the cell */
    tile_lanes lanes;
    double *columns;
} tile_fold;

/* The registers of one cell lie on the stack of the thread that runs it, so that tiles stay in
 * its first cache. */
typedef struct tile_cell {
    const tile_run *run;
    size_t row_start, row_end, start, end; /* the rectangle */
    char *slots[TILE_MANY];
    tile_fold fold;
    _Alignas(64) char file[TILE_FILE];
} tile_cell;

/* ---- operands ---- */

/* Sixteen bytes of copies of one element. */
typedef struct tile_pattern {
    _Alignas(16) unsigned char bytes[16];
} tile_pattern;

/* Sizes are the compiler's to see: a copy of a known size is a move. */
static tile_pattern pattern_of(const void *from, size_t size)
{
    tile_pattern p;
    switch (size) {
    case 1: memset(p.bytes, *(const unsigned char *)from, 16); break;
    case 2:
        for (size_t i = 0; i < 16; i += 2)
            memcpy(p.bytes + i, from, 2);
        break;
    case 4:
        for (size_t i = 0; i < 16; i += 4)
            memcpy(p.bytes + i, from, 4);
        break;
    case 8:
        memcpy(p.bytes, from, 8);
        memcpy(p.bytes + 8, from, 8);
        break;
    default: memcpy(p.bytes, from, 16); break;
    }
    return p;
}

/* n copies of one element. */
void tw_tile_spread(void *to, const void *from, size_t size, size_t n)
{
    tile_pattern p = pattern_of(from, size);
    char *at = to;
    size_t whole = n * size;
    for (; whole >= 64; whole -= 64, at += 64) {
        memcpy(at, p.bytes, 16);
        memcpy(at + 16, p.bytes, 16);
        memcpy(at + 32, p.bytes, 16);
        memcpy(at + 48, p.bytes, 16);
    }
    for (; whole >= 16; whole -= 16, at += 16)
        memcpy(at, p.bytes, 16);
    for (size_t i = 0; i < whole; i++)
        at[i] = (char)p.bytes[i];
}

/* n elements at stride 0 or 1; short runs are frequent and not worth a call of memcpy. */
static void copy_run(char *to, const char *from, size_t size, size_t n, int64_t stride)
{
    if (stride == 0) {
        tw_tile_spread(to, from, size, n);
    } else if (size == 4 && n < 64) {
        const uint32_t *x = (const uint32_t *)(const void *)from;
        uint32_t *z = (uint32_t *)(void *)to;
        for (size_t i = 0; i < n; i++)
            z[i] = x[i];
    } else {
        memcpy(to, from, n * size);
    }
}

/* Elements start .. start + n - 1 of the output's order: where they lie, or in `place`. */
static char *fetch(const tw_tile_bound *b, const tile_operand *operand, const char *in,
                   size_t start, size_t n, char *place)
{
    size_t last = (size_t)b->rank - 1, index[TW_MAX_RANK], rest = start;
    int64_t offset = 0, stride = operand->strides[last];
    for (size_t d = last + 1; d-- > 0;) {
        index[d] = rest % (size_t)b->dims[d];
        rest /= (size_t)b->dims[d];
        offset += (int64_t)index[d] * operand->strides[d];
    }
    size_t inner = (size_t)b->dims[last], position = index[last], size = operand->size;
    if (stride == 1 && n <= inner - position)
        return (char *)(uintptr_t)in + (size_t)offset * size;
    int64_t row = offset - (int64_t)position * stride;
    for (size_t done = 0; done < n;) {
        size_t run = inner - position < n - done ? inner - position : n - done;
        copy_run(place + done * size, in + (size_t)(row + (int64_t)position * stride) * size, size,
                 run, stride);
        done += run;
        position = 0;
        for (size_t d = last; d-- > 0;) {
            row += operand->strides[d];
            if (++index[d] < (size_t)b->dims[d])
                break;
            row -= (int64_t)index[d] * operand->strides[d];
            index[d] = 0;
        }
    }
    return place;
}

/* What stays the same for all tiles of a cell. */
static void start_operands(tile_cell *cell)
{
    const tw_tile_bound *b = cell->run->b;
    size_t n = (b->tile_length + b->grain - 1u) & ~(size_t)(b->grain - 1u);
    for (size_t i = 0; i < b->operand_count; i++) {
        const tile_operand *operand = &b->operands[i];
        const char *in = cell->run->in[i];
        char *place = cell->file + operand->place;
        if (operand->access == TILE_SCALAR) {
            const char *from = operand->constant ? (const char *)operand->value : in;
            if (operand->block)
                tw_tile_spread_block(place, from, operand->size);
            else
                tw_tile_spread(place, from, operand->size, n);
        } else if (operand->access == TILE_COPIED) {
            size_t used = b->count * operand->size;
            memcpy(place, in, used);
            memset(place + used, 0, n * operand->size - used);
        } else if (operand->access == TILE_PERIODIC) {
            /* A copy even where it lies in one piece: blocks are read whole. */
            size_t used = b->tile_length * operand->size;
            const char *from = fetch(b, operand, in, cell->row_start * b->length, b->tile_length,
                                     place);
            memmove(place, from, used);
            memset(place + used, 0, (n - b->tile_length) * operand->size);
        } else {
            continue;
        }
        cell->slots[i] = place;
    }
}

/* Where this tile's elements of the other operands are. */
static void tile_operands(tile_cell *cell, size_t start, size_t n)
{
    const tw_tile_bound *b = cell->run->b;
    for (size_t i = 0; i < b->operand_count; i++) {
        const tile_operand *operand = &b->operands[i];
        const char *in = cell->run->in[i];
        if (operand->access == TILE_FULL)
            cell->slots[i] = (char *)(uintptr_t)in + start * operand->size;
        else if (operand->access == TILE_STRIDED)
            cell->slots[i] = fetch(b, operand, in, start, n, cell->file + operand->place);
    }
}

/* ---- steps ---- */

/* Keeps the first step that fails, whichever cell finds out, so that the error is the same at
 * any number of threads. The loop runs all the same: it must not trap. */
static void check_step(tile_cell *cell, const tile_step *step, int number, size_t n)
{
    atomic_int *failed = (atomic_int *)(uintptr_t)&cell->run->failed;
    if (!step->check ||
        step->check(n, cell->slots[step->sources[0]], cell->slots[step->sources[1]]))
        return;
    int before = atomic_load(failed);
    while (number < before && !atomic_compare_exchange_weak(failed, &before, number))
        continue;
}

/* Does the step store past the caches itself, whole lines? A last block goes through the file. */
static bool stores_itself(const tile_cell *cell, const tile_step *step, size_t n)
{
    return cell->run->past && cell->run->b->alone && n > TW_TILE_BLOCK &&
           (uintptr_t)cell->slots[step->target] % 64 == 0;
}

/* n of the elements count, the blocks that hold them are computed. */
static void run_steps(tile_cell *cell, size_t n)
{
    const tw_tile_bound *b = cell->run->b;
    char **slots = cell->slots;
    size_t blocks = (n + b->grain - 1u) & ~(size_t)(b->grain - 1u);
    for (int i = 0; i < b->step_count; i++) {
        const tile_step *step = &b->steps[i];
        if (b->checks)
            check_step(cell, step, i, n);
        if (step->kind == TILE_CHAIN)
            tw_tile_do_chain(step, slots, blocks);
        else if (step->kind == TILE_SCALED)
            tw_tile_do_scaled(step, slots, blocks, stores_itself(cell, step, n));
        else
            tw_tile_do(step, blocks, slots[step->target], slots[step->sources[0]],
                       slots[step->sources[1]], slots[step->sources[2]]);
    }
}

static void fold_values(tile_cell *cell, size_t n);

/* What lies over an operand is in the caches already. */
static bool goes_past(const tile_run *run, size_t output)
{
    return run->past && run->b->outputs[output].past && !run->b->alone;
}

/* Whole blocks, read and written where they lie. */
static void run_blocks(tile_cell *cell, size_t start, size_t n)
{
    const tile_run *run = cell->run;
    const tw_tile_bound *b = run->b;
    for (size_t i = 0; i < b->output_count; i++) {
        if (b->outputs[i].direct)
            cell->slots[b->operand_count + i] = goes_past(run, i) ? cell->file + b->outputs[i].tail
                                                                  : (char *)run->out[i] +
                                                                        start * b->outputs[i].size;
    }
    run_steps(cell, n);
    for (size_t i = 0; i < b->output_count; i++) {
        const tile_output *output = &b->outputs[i];
        char *to = (char *)run->out[i] + start * output->size;
        if (goes_past(run, i))
            tw_tile_loops_now()->store_past(to, cell->slots[output->value_slot], n * output->size);
        else if (!output->direct)
            memmove(to, cell->slots[output->value_slot], n * output->size);
    }
    fold_values(cell, n);
}

/* The n elements after the first `done` ones of the tile, by way of blocks in the file. */
static void run_tail(tile_cell *cell, size_t start, size_t done, size_t n)
{
    const tile_run *run = cell->run;
    const tw_tile_bound *b = run->b;
    char *kept[TILE_MANY];
    for (size_t i = 0; i < b->operand_count; i++) {
        const tile_operand *operand = &b->operands[i];
        kept[i] = cell->slots[i];
        if (operand->access == TILE_SCALAR)
            continue;
        char *from = cell->slots[i] + done * operand->size, *place = cell->file + operand->place;
        if (operand->access == TILE_PERIODIC) { /* its register is needed again */
            cell->slots[i] = from;
            continue;
        }
        memmove(place, from, n * operand->size);
        memset(place + n * operand->size, 0, (TW_TILE_BLOCK - n) * operand->size);
        cell->slots[i] = place;
    }
    for (size_t i = 0; i < b->output_count; i++) {
        if (b->outputs[i].direct)
            cell->slots[b->operand_count + i] = cell->file + b->outputs[i].tail;
    }
    run_steps(cell, n);
    for (size_t i = 0; i < b->output_count; i++) {
        const tile_output *output = &b->outputs[i];
        memcpy((char *)run->out[i] + (start + done) * output->size, cell->slots[output->value_slot],
               n * output->size);
    }
    fold_values(cell, n);
    memcpy(cell->slots, kept, b->operand_count * sizeof *kept);
}

/* Into the second cache: the first is full of registers. */
static void prefetch(const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(from + i, 0, 2);
}

/* While a tile is computed the next one comes from memory, and its outputs' lines too. The address
 * may lie beyond the arrays: a prefetch of what is not there does nothing. */
static void prefetch_next(const tile_cell *cell, size_t start)
{
    const tile_run *run = cell->run;
    const tw_tile_bound *b = run->b;
    size_t next = start + b->tile_length;
    for (size_t i = 0; i < b->operand_count; i++) {
        size_t size = b->operands[i].size;
        if (b->operands[i].access == TILE_FULL)
            prefetch((const char *)run->in[i] + next * size, b->tile_length * size);
    }
    for (size_t i = 0; i < b->output_count && !run->past; i++)
        prefetch((const char *)run->out[i] + next * b->outputs[i].size,
                 b->tile_length * b->outputs[i].size);
}

/* Blocks where they lie, then what is left over. */
static void run_one_tile(tile_cell *cell, size_t start, size_t n)
{
    size_t blocks = n & ~(size_t)(TW_TILE_BLOCK - 1);
    if (cell->run->b->streams && !cell->run->b->alone)
        prefetch_next(cell, start);
    tile_operands(cell, start, n);
    if (blocks)
        run_blocks(cell, start, blocks);
    if (blocks < n)
        run_tail(cell, start, blocks, n - blocks);
}

/* ---- reductions ---- */

/* A piece of a row is not finished here: its part waits in the workspace. */
static void end_row(tile_cell *cell)
{
    const tile_run *run = cell->run;
    tile_fold *fold = &cell->fold;
    if (run->b->reduction.outer || run->b->grid == TILE_BY_PIECES)
        return;
    tw_tile_result(run->b, run->out[run->b->output_count], fold->row,
                   tw_tile_fold_end(run->b, &fold->lanes));
    tw_tile_fold_start(run->b, &fold->lanes);
}

/* The next n values of the reduced one, row after row. */
static void fold_values(tile_cell *cell, size_t n)
{
    const tw_tile_bound *b = cell->run->b;
    tile_fold *fold = &cell->fold;
    if (!b->reduction.kind)
        return;
    const char *x = cell->slots[b->reduced_slot];
    while (n > 0) {
        size_t left = fold->end - fold->column, run = left < n ? left : n;
        if (b->reduction.outer)
            tw_tile_columns(b, fold->columns + fold->column, run, x);
        else
            tw_tile_fold(b, &fold->lanes, run, x);
        fold->column += run;
        x += run * b->reduced_size;
        n -= run;
        if (fold->column == fold->end) {
            end_row(cell);
            fold->row++;
            fold->column = fold->start;
        }
    }
}

/* Column sums live in the workspace, a row of them for each cell that has rows of its own; cells
 * that share the columns out use their own part of one row. */
static void start_fold(tile_cell *cell, size_t number)
{
    const tw_tile_bound *b = cell->run->b;
    tile_fold *fold = &cell->fold;
    fold->row = cell->row_start;
    fold->column = fold->start = cell->start;
    fold->end = cell->end;
    if (!b->reduction.outer) {
        tw_tile_fold_start(b, &fold->lanes);
        return;
    }
    fold->columns = cell->run->partial + (b->grid == TILE_BY_ROWS ? number * b->length : 0);
    double identity = tw_tile_identity(b->reduction.kind);
    for (size_t i = cell->start; i < cell->end; i++)
        fold->columns[i] = identity;
}

/* ---- cells ---- */

/* The part of the output that is cell `number`. */
static void find_rectangle(const tw_tile_bound *b, size_t number, tile_cell *cell)
{
    cell->row_start = cell->start = 0;
    cell->row_end = b->rows;
    cell->end = b->length;
    if (b->grid == TILE_BY_ROWS) {
        cell->row_start = number * b->share;
        if (b->rows - cell->row_start > b->share)
            cell->row_end = cell->row_start + b->share;
        return;
    }
    if (b->grid == TILE_BY_PIECES) {
        cell->row_start = number / b->pieces;
        cell->row_end = cell->row_start + 1;
    }
    cell->start = number % b->pieces * b->share;
    if (b->length - cell->start > b->share)
        cell->end = cell->start + b->share;
}

/* Registers have their places once the cell has a stack. */
static void place_registers(tile_cell *cell)
{
    const tw_tile_bound *b = cell->run->b;
    char **slots = cell->slots + b->operand_count + b->output_count;
    char *place = cell->file + b->registers_place;
    for (size_t r = 0; r < b->register_count; r++, place += b->register_bytes)
        slots[r] = place;
}

/* All of a small program at once: operands and outputs pass through registers. */
static void run_padded(const tile_run *run)
{
    tile_cell cell;
    const tw_tile_bound *b = run->b;
    cell.run = run;
    cell.row_start = 0;
    place_registers(&cell);
    start_operands(&cell);
    for (size_t i = 0; i < b->output_count; i++)
        cell.slots[b->operand_count + i] = cell.file + b->outputs[i].tail;
    run_steps(&cell, b->count);
    for (size_t i = 0; i < b->output_count; i++)
        memcpy(run->out[i], cell.slots[b->outputs[i].value_slot], b->count * b->outputs[i].size);
    if (!b->reduction.kind)
        return;
    tw_tile_fold_start(b, &cell.fold.lanes);
    tw_tile_fold(b, &cell.fold.lanes, b->count, cell.slots[b->reduced_slot]);
    tw_tile_result(b, run->out[b->output_count], 0, tw_tile_fold_end(b, &cell.fold.lanes));
}

/* The body of the pool: everything a cell needs is on its stack. Cells write to different parts
 * of the outputs and of the workspace. */
static void run_cell(size_t number, void *arg)
{
    tile_cell cell;
    const tw_tile_bound *b = ((tile_run *)arg)->b;
    cell.run = arg;
    find_rectangle(b, number, &cell);
    place_registers(&cell);
    start_operands(&cell);
    if (b->reduction.kind)
        start_fold(&cell, number);
    bool whole_rows = cell.end - cell.start == b->length && b->tile_length >= b->length;
    for (size_t row = cell.row_start; row < cell.row_end; row += whole_rows ? b->tile_rows : 1) {
        size_t left = (cell.row_end - row) * b->length;
        if (whole_rows) {
            run_one_tile(&cell, row * b->length, left < b->tile_length ? left : b->tile_length);
            continue;
        }
        for (size_t column = cell.start; column < cell.end; column += b->tile_length) {
            size_t n = cell.end - column;
            run_one_tile(&cell, row * b->length + column, n < b->tile_length ? n : b->tile_length);
        }
    }
    if (cell.run->past)
        tw_tile_loops_now()->fence();
    if (b->reduction.kind && !b->reduction.outer && b->grid == TILE_BY_PIECES)
        cell.run->partial[number] = tw_tile_fold_end(b, &cell.fold.lanes);
}

/* Is an output stored past the caches, and none over an operand? */
static bool stores_past(const tw_tile_bound *b, const void *const *in, void *const *out)
{
    bool past = false;
    for (size_t k = 0; k < b->output_count; k++)
        past = past || b->outputs[k].past;
    return past && !tw_tile_lies_over(out, b->output_count, in, b->operand_count);
}

/* A failed check is told only at the end, when the outputs hold what the loops made of it. */
tw_status *tw_tile_run(const tw_tile_bound *bound, const void *const *in, void *const *out,
                       void *workspace, int threads)
{
    if (bound->small) {
        tw_tile_run_small(bound, in, out[0]);
        return TW_OK;
    }
    tile_run run = {.b = bound, .in = in, .out = out, .partial = workspace};
    run.past = bound->streams && stores_past(bound, in, out);
    atomic_init(&run.failed, bound->step_count);
    if (bound->padded)
        run_padded(&run);
    else if (bound->cells > 1 && threads != 1)
        tw_pool_run(threads, bound->cells, run_cell, &run);
    else
        for (size_t cell = 0; cell < bound->cells; cell++)
            run_cell(cell, &run);
    if (bound->reduction.kind)
        tw_tile_finish(bound, out[bound->output_count], workspace);
    int failed = bound->checks ? atomic_load(&run.failed) : bound->step_count;
    if (failed == bound->step_count)
        return TW_OK;
    const tile_step *step = &bound->steps[failed];
    return tw_status_with_kind(tw_status_new(step->failure.code, "%s", step->failure.text),
                               TW_KIND_VALUE);
}

/* One double for each piece of a row, or for each column and cell. */
size_t tw_tile_workspace(const tw_tile_bound *bound)
{
    if (!bound->reduction.kind || bound->count == 0)
        return 0;
    if (!bound->reduction.outer)
        return bound->grid == TILE_BY_PIECES ? bound->cells * sizeof(double) : 0;
    size_t parts = bound->grid == TILE_BY_ROWS ? bound->cells : 1;
    return parts * bound->length * sizeof(double);
}

/* Nanoseconds, estimated; planners compare it with the price of waking threads. */
double tw_tile_time(const tw_tile_bound *bound)
{
    return bound->time;
}
