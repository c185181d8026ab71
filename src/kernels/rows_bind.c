/* SPDX-License-Identifier: Apache-2.0
 * Binds a program of rows to shapes: what kind each operand is of, steps in the order of the
 * instructions (values of rows are repeated where somebody needs them along the row), registers,
 * the size of a tile and the grid of cells. */
#include <limits.h>
#include <string.h>

#include "kernels/rows_inside.h"

enum {
    NO_VALUE = 0xffff,
    FOR_EVER = INT_MAX,
    TILE_ELEMENTS = 512, /* short rows are taken together up to so many */
    SHORTEST_ROW = 16,   /* shorter ones are worth it only where there is little work at all */
    LITTLE_WORK = 2048,
    PAST_CACHES = 16 << 20,
    MOST_CELLS = 64,
    CELL_NANOSECONDS = 10000,
    COST_OF_REDUCING = 60 /* picoseconds an element */
};

/* While binding: what is known of a value. */
typedef struct rows_value {
    int last_use;    /* the last step that reads it */
    uint16_t slot;   /* NO_VALUE: not yet */
    uint16_t spread; /* of a value of rows: the value that is this one repeated along the row */
    uint8_t size;
    bool by_row;
    bool inside; /* of a norm's step: nobody else reads it */
} rows_value;

typedef struct rows_binder {
    const tw_tile_program *program;
    tw_rows_bound *b;
    rows_value *values;
    size_t value_count, widest; /* widest: bytes of an element */
    uint16_t full_registers;
    double cost; /* picoseconds an element */
} rows_binder;

/* Parts of the block begin at multiples of 16. */
static size_t rounded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

/* Elements, or rows, in whole blocks. */
static size_t in_blocks(size_t n)
{
    return (n + TW_TILE_BLOCK - 1) & ~(size_t)(TW_TILE_BLOCK - 1);
}

/* Each value once, and once more repeated along the rows. */
static size_t most_values(const tw_tile_program *program)
{
    return 2 * ((size_t)program->operand_count + program->instruction_count);
}

/* An instruction each, and a step for each value that is repeated. */
size_t tw_rows_bound_size(const tw_tile_program *program)
{
    size_t values = most_values(program);
    return rounded(sizeof(tw_rows_bound)) + program->operand_count * sizeof(rows_operand) +
           rounded(values * sizeof(rows_step)) +
           rounded(program->output_count * sizeof(rows_output)) +
           rounded(values * sizeof(uint32_t)) + values * sizeof(rows_value);
}

/* The values come last: nothing reads them once binding is done. */
static void lay_out(rows_binder *w)
{
    tw_rows_bound *b = w->b;
    size_t values = most_values(w->program);
    char *at = (char *)b + rounded(sizeof *b);
    memset(b, 0, tw_rows_bound_size(w->program));
    b->operands = (rows_operand *)(void *)at;
    at += w->program->operand_count * sizeof(rows_operand);
    b->steps = (rows_step *)(void *)at;
    at += rounded(values * sizeof(rows_step));
    b->outputs = (rows_output *)(void *)at;
    at += rounded(w->program->output_count * sizeof(rows_output));
    b->places = (uint32_t *)(void *)at;
    at += rounded(values * sizeof(uint32_t));
    w->values = (rows_value *)(void *)at;
    b->operand_count = w->program->operand_count;
    b->output_count = w->program->output_count;
}

/* ---- shapes ---- */

/* Products of dims first .. last - 1. */
static size_t product(tw_shape shape, size_t first, size_t last)
{
    size_t n = 1;
    for (size_t d = first; d < last; d++)
        n *= (size_t)shape.dims[d];
    return n;
}

/* Counts are small enough to be multiplied: the shape's own was checked, and operands broadcast to
 * it. */
static bool find_access(const rows_binder *w, tw_shape operand, tw_shape shape, size_t split,
                        rows_operand *out)
{
    if (operand.rank > shape.rank)
        return false;
    size_t missing = shape.rank - operand.rank, inner = split > missing ? split - missing : 0;
    for (size_t d = 0; d < operand.rank; d++) {
        if (operand.dims[d] != 1 && operand.dims[d] != shape.dims[d + missing])
            return false;
    }
    size_t outside = product(operand, 0, inner), inside = product(operand, inner, operand.rank);
    if (outside == w->b->rows && inside == w->b->length)
        out->access = ROWS_FULL;
    else if (outside == 1 && inside == 1)
        out->access = ROWS_NUMBER;
    else if (outside == 1 && inside == w->b->length)
        out->access = ROWS_PATTERN;
    else if (outside == w->b->rows && inside == 1)
        out->access = ROWS_COLUMN;
    else
        return false;
    return true;
}

/* Operands are values whose slot has their own number. */
static bool bind_operands(rows_binder *w, const tw_shape *shapes, tw_shape shape, size_t split)
{
    for (size_t i = 0; i < w->b->operand_count; i++) {
        const tw_tile_operand *from = &w->program->operands[i];
        rows_operand *operand = &w->b->operands[i];
        operand->size = (uint8_t)tw_dtype_size(from->dtype);
        operand->constant = from->constant;
        operand->access = ROWS_NUMBER;
        memcpy(operand->value, from->value, sizeof operand->value);
        if (from->dtype == TW_FLOAT16 || from->dtype == TW_BFLOAT16 ||
            (!from->constant && !find_access(w, shapes[i], shape, split, operand)))
            return false;
        w->values[i] = (rows_value){.last_use = FOR_EVER,
                                    .slot = (uint16_t)i,
                                    .spread = NO_VALUE,
                                    .size = operand->size,
                                    .by_row = operand->access == ROWS_COLUMN};
        w->widest = operand->size > w->widest ? operand->size : w->widest;
        w->cost += operand->access == ROWS_FULL ? 30 * operand->size : 0;
    }
    return true;
}

/* ---- steps ---- */

/* Sources that an instruction does not have repeat the first one. */
static rows_step *add_step(rows_binder *w, rows_kind kind, uint16_t target, const uint16_t *sources,
                           size_t source_count)
{
    int number = w->b->step_count++;
    rows_step *step = &w->b->steps[number];
    step->kind = (uint8_t)kind;
    step->target = target;
    step->size = w->values[sources[0]].size;
    for (size_t i = 0; i < ROWS_SOURCES; i++) {
        step->sources[i] = sources[i < source_count ? i : 0];
        rows_value *source = &w->values[step->sources[i]];
        source->last_use = source->last_use < number ? number : source->last_use;
    }
    return step;
}

/* A value along the row: repeated by a step at its first use, and shared by later ones. */
static uint16_t along_row(rows_binder *w, uint16_t value)
{
    if (!w->values[value].by_row)
        return value;
    if (w->values[value].spread == NO_VALUE) {
        uint16_t wide = (uint16_t)w->value_count++;
        w->values[wide] = (rows_value){
            .last_use = -1, .slot = NO_VALUE, .spread = NO_VALUE, .size = w->values[value].size};
        w->values[value].spread = wide;
        add_step(w, ROWS_SPREAD, wide, &value, 1);
    }
    return w->values[value].spread;
}

/* Once for each row; a single number serves all rows. */
static bool is_for_rows(const rows_binder *w, uint16_t value)
{
    return w->values[value].by_row ||
           (value < w->b->operand_count && w->b->operands[value].access == ROWS_NUMBER);
}

/* The loops that take a source as one block, which they repeat. Loops of extremes skip NaN, which
 * those of one number do not. */
static void find_loops(const rows_binder *w, const tw_tile_instruction *from, rows_step *step)
{
    const tw_row_loops *loops = tw_row_loops_now();
    step->loop = from->loop;
    step->reduce = (uint8_t)from->reduce;
    if (!from->reduce)
        step->joined = loops->joined[from->simple][from->then];
    else if (from->source_count == 2)
        step->row = from->simple == TW_TILE_MUL ? loops->products : loops->distances;
    else if (from->dtype == TW_FLOAT32 && w->b->length > 1)
        step->row = loops->reduce[from->reduce];
}

/* Is a value one block that a loop which can may repeat along the row? */
static bool is_block(const rows_binder *w, uint16_t value)
{
    bool number = value < w->b->operand_count && w->b->operands[value].access == ROWS_NUMBER;
    return number || (w->b->single && w->values[value].by_row);
}

/* Is source i of the instruction such a block? */
static bool is_repeated(const rows_binder *w, const tw_tile_instruction *from,
                        const rows_step *loops, size_t i, uint16_t value)
{
    bool able = loops->joined || (loops->row && i == 1);
    return able && is_block(w, value) && (!from->by_row || from->reduce);
}

/* The instruction that makes a value of floats of the whole shape by these two operations, or
 * NULL. */
static const tw_tile_instruction *made_by(const rows_binder *w, uint16_t value,
                                          tw_tile_simple simple, tw_tile_simple then)
{
    if (value < w->b->operand_count)
        return NULL;
    const tw_tile_instruction *by = &w->program->instructions[value - w->b->operand_count];
    bool fits = by->simple == simple && by->then == then && !by->by_row && !by->reduce;
    return fits && by->dtype == TW_FLOAT32 ? by : NULL;
}

/* Does instruction `index` end a norm: x t + (shift - mean t) with t = scale gain, of which nobody
 * else reads t and the difference? Then its sources, and those two as `inside`. */
static bool find_norm(const rows_binder *w, const uint16_t *reads, size_t index,
                      uint16_t from[TW_NORM_SOURCES], uint16_t inside[2])
{
    uint16_t value = (uint16_t)(w->b->operand_count + index);
    const tw_tile_instruction *last = made_by(w, value, TW_TILE_MUL, TW_TILE_ADD);
    const tw_tile_instruction *moved =
        last ? made_by(w, last->sources[2], TW_TILE_MUL, TW_TILE_TAKEN_FROM) : NULL;
    if (!moved || !tw_row_loops_now()->norm)
        return false;
    for (size_t k = 0; k < 4; k++) {
        uint16_t t = last->sources[k & 1];
        const tw_tile_instruction *scaled = made_by(w, t, TW_TILE_MUL, TW_TILE_OTHER);
        if (!scaled || moved->sources[k >> 1] != t || reads[t] != 2 || reads[last->sources[2]] != 1)
            continue;
        from[TW_NORM_SCALE] = scaled->sources[0];
        from[TW_NORM_GAIN] = scaled->sources[1];
        from[TW_NORM_MEAN] = moved->sources[1 - (k >> 1)];
        from[TW_NORM_SHIFT] = moved->sources[2];
        from[TW_NORM_X] = last->sources[1 - (k & 1)];
        inside[0] = t;
        inside[1] = last->sources[2];
        return true;
    }
    return false;
}

/* The step of a norm. What it reads was made before what is inside of it, and so stands there. */
static void add_norm(rows_binder *w, size_t index, uint16_t from[TW_NORM_SOURCES])
{
    uint16_t target = (uint16_t)(w->b->operand_count + index);
    uint8_t repeated = 0;
    for (size_t k = 0; k < TW_NORM_SOURCES; k++) {
        if (is_block(w, from[k]))
            repeated |= (uint8_t)(1 << k);
        else
            from[k] = along_row(w, from[k]);
    }
    w->values[target] = (rows_value){
        .last_use = -1, .slot = NO_VALUE, .spread = NO_VALUE, .size = sizeof(float)};
    w->widest = w->widest > sizeof(float) ? w->widest : sizeof(float);
    rows_step *step = add_step(w, ROWS_MAP, target, from, TW_NORM_SOURCES);
    step->norm = tw_row_loops_now()->norm;
    step->repeated = repeated;
    w->cost += w->program->instructions[index].cost;
}

/* One step, and those before it that repeat what it reads. */
static bool add_instruction(rows_binder *w, size_t index)
{
    const tw_tile_instruction *from = &w->program->instructions[index];
    uint16_t target = (uint16_t)(w->program->operand_count + index), sources[TW_TILE_SOURCES];
    bool rows = from->by_row && !from->reduce;
    rows_step loops = {.repeated = 0};
    find_loops(w, from, &loops);
    for (size_t i = 0; i < from->source_count; i++) {
        /* products and squared differences are the same the other way round */
        bool turn = from->reduce && from->source_count == 2 && is_for_rows(w, from->sources[0]);
        uint16_t value = from->sources[turn ? 1 - i : i];
        bool repeated = is_repeated(w, from, &loops, i, value);
        loops.repeated |= (uint8_t)(repeated << i);
        sources[i] = rows || repeated ? value : along_row(w, value);
        if (rows && !is_for_rows(w, sources[i]))
            return false;
    }
    w->values[target] = (rows_value){.last_use = -1,
                                     .slot = NO_VALUE,
                                     .spread = NO_VALUE,
                                     .size = (uint8_t)tw_dtype_size(from->dtype),
                                     .by_row = from->by_row};
    w->widest = w->values[target].size > w->widest ? w->values[target].size : w->widest;
    rows_step *step = add_step(w,
                               from->reduce ? ROWS_REDUCE
                               : rows       ? ROWS_MAP_ROWS
                                            : ROWS_MAP,
                               target, sources, from->source_count);
    step->loop = loops.loop;
    step->joined = loops.joined;
    step->row = loops.row;
    step->reduce = loops.reduce;
    step->repeated = loops.repeated;
    w->cost += from->reduce ? COST_OF_REDUCING : rows ? 0 : from->cost;
    return !from->check && from->dtype != TW_FLOAT16 && from->dtype != TW_BFLOAT16;
}

/* What is asked for outlives the last step. */
static bool bind_steps(rows_binder *w)
{
    const tw_tile_program *program = w->program;
    w->value_count = (size_t)program->operand_count + program->instruction_count;
    uint16_t reads[TILE_MOST_VALUES], from[TW_NORM_SOURCES], inside[2];
    bool counted = tw_tile_count_reads(program, reads);
    for (size_t i = 0; counted && i < program->instruction_count; i++) {
        if (find_norm(w, reads, i, from, inside))
            w->values[inside[0]].inside = w->values[inside[1]].inside = true;
    }
    for (size_t i = 0; i < program->instruction_count; i++) {
        if (w->values[program->operand_count + i].inside)
            continue;
        if (counted && find_norm(w, reads, i, from, inside))
            add_norm(w, i, from);
        else if (!add_instruction(w, i))
            return false;
    }
    for (size_t i = 0; i < program->output_count; i++)
        w->values[program->outputs[i]].last_use = FOR_EVER;
    return true;
}

/* ---- registers ---- */

/* Frees the registers of sources that step `number` is the last to read; size: only those with
 * elements of that size (0: all). */
static void free_dying(rows_binder *w, int number, bool *used, size_t size)
{
    const rows_step *step = &w->b->steps[number];
    for (size_t i = 0; i < ROWS_SOURCES; i++) {
        const rows_value *source = &w->values[step->sources[i]];
        if (source->last_use == number && !source->by_row && (!size || source->size == size))
            used[source->slot - w->b->operand_count] = false;
    }
}

/* Values along rows take turns in few registers, which come first; each value of rows has one of
 * its own. A result may take the place of a source that dies, where their elements are of one
 * size. */
static bool bind_registers(rows_binder *w)
{
    tw_rows_bound *b = w->b;
    bool used[ROWS_MANY] = {false};
    size_t room = ROWS_MANY - b->operand_count;
    for (int number = 0; number < b->step_count; number++) {
        rows_value *target = &w->values[b->steps[number].target];
        if (target->by_row)
            continue;
        size_t r = 0;
        free_dying(w, number, used, target->size);
        while (r < room && used[r])
            r++;
        if (r == room)
            return false;
        target->slot = (uint16_t)(b->operand_count + r);
        used[r] = true;
        w->full_registers = (uint16_t)(r + 1 > w->full_registers ? r + 1 : w->full_registers);
        free_dying(w, number, used, 0);
        used[r] = target->last_use > number;
    }
    b->slot_count = (uint16_t)(b->operand_count + w->full_registers);
    for (int number = 0; number < b->step_count; number++) {
        rows_value *target = &w->values[b->steps[number].target];
        if (target->by_row && b->slot_count == ROWS_MANY)
            return false;
        if (target->by_row)
            target->slot = b->slot_count++;
    }
    return true;
}

/* Steps and outputs know slots from here on. */
static void use_slots(rows_binder *w)
{
    tw_rows_bound *b = w->b;
    for (size_t number = 0; number < b->step_count; number++) {
        rows_step *step = &b->steps[number];
        step->target = w->values[step->target].slot;
        for (size_t i = 0; i < ROWS_SOURCES; i++)
            step->sources[i] = w->values[step->sources[i]].slot;
    }
    for (size_t i = 0; i < b->output_count; i++) {
        const rows_value *value = &w->values[w->program->outputs[i]];
        b->outputs[i] = (rows_output){
            .slot = value->slot,
            .size = value->size,
            .by_row = value->by_row,
            .past = !value->by_row && b->rows * b->length >= (size_t)PAST_CACHES / value->size};
    }
}

/* While a step goes along the rows its part of the next tile comes from memory. A long row's first
 * step asks for nothing if there are others: meanwhile the last row's results leave. */
static void part_next_tile(tw_rows_bound *b)
{
    size_t along = 0, seen = 0;
    for (size_t i = 0; i < b->step_count; i++)
        along += b->steps[i].kind != ROWS_MAP_ROWS;
    bool waits = b->single && along > 1;
    for (size_t i = 0; i < b->step_count; i++) {
        rows_step *step = &b->steps[i];
        bool goes_along = step->kind != ROWS_MAP_ROWS;
        step->asks_from = b->parts;
        if (goes_along && (seen > 0 || !waits))
            b->parts++;
        step->asks_to = b->parts;
        seen += goes_along;
    }
}

/* ---- tiles and cells ---- */

/* Bytes of the file with tiles of `rows` rows. Registers lie 64 bytes more than their size apart,
 * so that no two of them meet in the same lines of a cache. */
static size_t place_slots(rows_binder *w, size_t rows)
{
    tw_rows_bound *b = w->b;
    size_t at = 0, full = (size_t)b->operand_count + w->full_registers;
    b->tile_rows = rows;
    b->tile = in_blocks(rows * b->length);
    b->row_block = in_blocks(rows);
    b->ragged = b->length % TW_TILE_BLOCK != 0;
    for (size_t slot = 0; slot < b->slot_count; slot++) {
        const rows_operand *operand = slot < b->operand_count ? &b->operands[slot] : NULL;
        size_t size = operand ? operand->size : slot < full ? w->widest : 8;
        bool by_row = operand ? operand->access == ROWS_COLUMN : slot >= full;
        bool none = operand && !b->ragged &&
                    (operand->access == ROWS_FULL ||
                     (operand->access == ROWS_PATTERN && rows == 1));
        b->places[slot] = (uint32_t)at;
        at += none ? 0 : ((by_row ? b->row_block : b->tile) * size + 127) & ~(size_t)63;
    }
    return at;
}

/* For how many rows make whole blocks. */
static size_t greatest_divisor(size_t a, size_t b)
{
    return b ? greatest_divisor(b, a % b) : a;
}

/* One long row, or as many short ones as fill a tile. A row for all that is whole blocks is then
 * read where it lies. */
static bool bind_tiles(rows_binder *w)
{
    tw_rows_bound *b = w->b;
    size_t step = TW_TILE_BLOCK / greatest_divisor(b->length, TW_TILE_BLOCK);
    size_t rows = TILE_ELEMENTS / b->length;
    rows = rows > step ? rows - rows % step : rows;
    rows = rows < b->rows ? rows : b->rows;
    rows = rows ? rows : 1;
    while (place_slots(w, rows) > ROWS_FILE) {
        if (rows == 1)
            return false;
        rows /= 2;
    }
    for (size_t i = 0; i < b->operand_count && rows == 1 && !b->ragged; i++) {
        if (b->operands[i].access == ROWS_PATTERN)
            b->operands[i].access = ROWS_ROW;
    }
    return true;
}

/* As many as there are tens of microseconds of work, by an estimate that is the same
 * everywhere. */
static void bind_cells(rows_binder *w)
{
    tw_rows_bound *b = w->b;
    double wanted = (double)b->rows * (double)b->length * w->cost / 1000 / CELL_NANOSECONDS;
    size_t cells = wanted < 2 ? 1 : wanted < MOST_CELLS ? (size_t)wanted : MOST_CELLS;
    size_t tiles = (b->rows + b->tile_rows - 1) / b->tile_rows;
    b->share = (tiles + cells - 1) / cells * b->tile_rows;
    b->cells = (b->rows + b->share - 1) / b->share;
}

/* A row that does not fit on the stack with all that is alive at once is left to others. */
bool tw_rows_bind(const tw_tile_program *program, const tw_shape *shapes, tw_shape shape,
                  size_t split, tw_rows_bound *out)
{
    rows_binder w = {.program = program, .b = out, .widest = 1};
    lay_out(&w);
    out->rows = product(shape, 0, split);
    out->length = product(shape, split, shape.rank);
    if (out->rows == 0 || out->length == 0 || out->length > ROWS_FILE / 4 ||
        program->operand_count >= ROWS_MANY ||
        (out->length < SHORTEST_ROW && out->rows > (size_t)LITTLE_WORK / out->length))
        return false;
    out->single = out->rows == 1 || out->length > TILE_ELEMENTS / 2;
    if (!bind_operands(&w, shapes, shape, split) || !bind_steps(&w) || !bind_registers(&w))
        return false;
    use_slots(&w);
    part_next_tile(out);
    if (!bind_tiles(&w))
        return false;
    bind_cells(&w);
    return true;
}

/* A tile reads its part of such an operand before it writes the same part of the output. */
uint32_t tw_rows_in_place(const tw_rows_bound *b)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < b->operand_count && i < 32 && b->output_count; i++) {
        rows_access same = b->outputs[0].by_row ? ROWS_COLUMN : ROWS_FULL;
        if (b->operands[i].access == same && b->operands[i].size == b->outputs[0].size)
            mask |= (uint32_t)1 << i;
    }
    return mask;
}
