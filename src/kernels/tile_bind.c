/* SPDX-License-Identifier: Apache-2.0
 * Binds a tile program to shapes: joins dims, turns instructions into steps on registers, chooses
 * the tile's size and the grid of cells. All memory is the one block that tw_tile_bound_size
 * says. */
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "kernels/tile_inside.h"

enum {
    REGISTERS = 112, /* alive at once, at most */
    NO_VALUE = 0xffff,
    FOR_EVER = INT_MAX,
    WARM_BYTES = 24 << 10, /* of registers: leaves the first cache some room for what streams by */
    SHORTEST = 64,         /* elements of a tile that many registers may cut it down to */
    SECOND_CACHE = 1 << 19,
    PAST_CACHES = 16 << 20
};

/* While binding: what is known of a value. Extra ones are made where 16-bit floats are widened. */
typedef struct tile_value {
    int last_use;        /* the last step that reads it */
    int made_by;         /* the step, or -1 for operands */
    uint16_t slot, wide; /* wide: the value that is this one as float */
    uint8_t size;
} tile_value;

/* What binding knows only while it goes on; whatever a run needs is moved to `b`. */
typedef struct binder {
    const tw_tile_program *program;
    tw_tile_bound *b;
    tile_value *values;
    tile_link *links, *links_end; /* of all chains */
    size_t value_count;
    size_t joined; /* instructions that chains saved */
    size_t widest; /* bytes of an element */
    double cost;   /* picoseconds an element */
    tw_status *status;
} binder;

/* Such values are computed in float: sources are widened, results narrowed, by steps of their
 * own. */
static bool is_short_float(tw_dtype dtype)
{
    return dtype == TW_FLOAT16 || dtype == TW_BFLOAT16;
}

/* Three widened sources, the loop and a narrowed result at most. */
static size_t most_steps(const tw_tile_program *program)
{
    size_t steps = 0;
    for (size_t i = 0; i < program->instruction_count; i++)
        steps += program->instructions[i].in_float ? TW_TILE_SOURCES + 2 : 1;
    return steps;
}

/* Parts of the block begin at multiples of 16, which operands need for their constants. */
static size_t rounded(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

/* The program's values, and one more for each step that widens or narrows. */
static size_t most_values(const tw_tile_program *program)
{
    return program->operand_count + program->instruction_count + most_steps(program);
}

/* Steps from the beginning on, links from the end: a chain of n instructions has up to 2 n of
 * these, and n - 1 steps less. */
static size_t bytes_of_steps(const tw_tile_program *program)
{
    _Static_assert(sizeof(tile_step) >= 2 * sizeof(tile_link), "links lie where steps are saved");
    return rounded(most_steps(program) * sizeof(tile_step) + 2 * sizeof(tile_link));
}

/* An upper bound from counts alone: how many sources are shared is not looked at. */
size_t tw_tile_bound_size(const tw_tile_program *program)
{
    return rounded(sizeof(tw_tile_bound)) + program->operand_count * sizeof(tile_operand) +
           bytes_of_steps(program) + rounded(program->output_count * sizeof(tile_output)) +
           program->operand_count * TW_MAX_RANK * sizeof(int64_t) +
           most_values(program) * sizeof(tile_value);
}

static int64_t *strides_of(const tw_tile_bound *b)
{
    return (int64_t *)(void *)((char *)b->outputs + rounded(b->output_count * sizeof(tile_output)));
}

size_t tw_tile_bound_used(const tw_tile_bound *b)
{
    if (!b->outputs)
        return sizeof *b;
    return (size_t)((char *)(strides_of(b) + (size_t)b->operand_count * b->rank) - (const char *)b);
}

/* There was room for the highest rank. */
static void keep_strides(tw_tile_bound *b)
{
    int64_t *to = strides_of(b);
    for (size_t i = 0; i < b->operand_count; i++, to += b->rank) {
        memmove(to, b->operands[i].strides, b->rank * sizeof *to);
        b->operands[i].strides = to;
    }
}

/* Sets the pointers into the block. The values come last: nothing reads them once binding is
 * done. */
static void lay_out(binder *w)
{
    tw_tile_bound *b = w->b;
    char *at = (char *)b + rounded(sizeof *b);
    memset(b, 0, sizeof *b);
    b->operands = (tile_operand *)(void *)at;
    at += w->program->operand_count * sizeof(tile_operand);
    b->steps = (tile_step *)(void *)at;
    at += bytes_of_steps(w->program);
    w->links = w->links_end = (tile_link *)(void *)at;
    b->outputs = (tile_output *)(void *)at;
    b->operand_count = w->program->operand_count;
    b->output_count = w->program->output_count;
    b->reduction = w->program->reduction;
    int64_t *strides = strides_of(b);
    w->values = (tile_value *)(void *)(strides + (size_t)b->operand_count * TW_MAX_RANK);
    memset(b->operands, 0, (size_t)((char *)w->values - (char *)b->operands));
    for (size_t i = 0; i < b->operand_count; i++)
        b->operands[i].strides = strides + i * TW_MAX_RANK;
}

/* ---- shapes ---- */

/* The operand's strides over the output's dims, 0 where it is repeated. */
static bool find_strides(tw_shape operand, tw_shape shape, int64_t strides[TW_MAX_RANK])
{
    int64_t stride = 1;
    if (operand.rank > shape.rank)
        return false;
    for (size_t d = shape.rank; d-- > 0;) {
        size_t missing = shape.rank - operand.rank;
        int64_t size = d < missing ? 1 : operand.dims[d - missing];
        if (size != 1 && size != shape.dims[d])
            return false;
        strides[d] = size == 1 ? 0 : stride;
        stride *= size;
    }
    return true;
}

/* Dims d and d + 1 are one dim of every operand where a step along d is as long as all of d + 1.
 * Repeated dims (stride 0) join too. */
static bool can_join(const tw_tile_bound *b, size_t d, int64_t inner)
{
    for (size_t i = 0; i < b->operand_count; i++) {
        const int64_t *strides = b->operands[i].strides;
        if (strides[d] != strides[d + 1] * inner)
            return false;
    }
    return true;
}

/* Dim `from`, of the output and of every operand's strides, becomes dim `to`. */
static void move_dim(tw_tile_bound *b, size_t from, size_t to)
{
    b->dims[to] = b->dims[from];
    for (size_t i = 0; i < b->operand_count; i++)
        b->operands[i].strides[to] = b->operands[i].strides[from];
}

/* Dims of 1 go; neighbours that every operand walks as if they were one are joined. */
static void join_dims(tw_tile_bound *b)
{
    size_t rank = 0;
    for (size_t d = 0; d < b->rank; d++) {
        if (b->dims[d] == 1)
            continue;
        move_dim(b, d, rank++);
        if (rank > 1 && can_join(b, rank - 2, b->dims[rank - 1])) {
            int64_t outer = b->dims[rank - 2];
            move_dim(b, rank - 1, rank - 2);
            rank--;
            b->dims[rank - 1] *= outer;
        }
    }
    if (rank == 0) {
        b->dims[0] = 1;
        for (size_t i = 0; i < b->operand_count; i++)
            b->operands[i].strides[0] = 0;
        rank = 1;
    }
    b->rank = (uint16_t)rank;
}

/* Full or scalar where that is all there is; what is left may still turn out periodic. */
static void find_access(const tw_tile_bound *b, tile_operand *operand)
{
    bool full = true, scalar = true;
    int64_t stride = 1;
    for (size_t d = b->rank; d-- > 0;) {
        full = full && operand->strides[d] == stride;
        scalar = scalar && operand->strides[d] == 0;
        stride *= b->dims[d];
    }
    operand->access = scalar ? TILE_SCALAR : full ? TILE_FULL : TILE_STRIDED;
}

/* Checks every operand against the output's shape and keeps strides over as few dims as will do.
 * Counts stay below SIZE_MAX / 16, so that sizes in bytes never overflow. */
static tw_status *bind_shapes(binder *w, const tw_shape *shapes, tw_shape shape)
{
    tw_tile_bound *b = w->b;
    int64_t count = tw_shape_elements(shape);
    if (count < 0 || (uint64_t)count > SIZE_MAX / 16)
        return tw_value_error("%s is no shape to compute in", tw_shape_text(shape).s);
    b->count = (size_t)count;
    b->rank = (uint16_t)shape.rank;
    memcpy(b->dims, shape.dims, shape.rank * sizeof *b->dims);
    for (size_t i = 0; i < b->operand_count; i++) {
        const tw_tile_operand *from = &w->program->operands[i];
        tile_operand *operand = &b->operands[i];
        operand->size = (uint8_t)tw_dtype_size(from->dtype);
        operand->constant = from->constant;
        memcpy(operand->value, from->value, sizeof operand->value);
        if (!from->constant && !find_strides(shapes[i], shape, operand->strides))
            return tw_value_error("%s does not broadcast to %s", tw_shape_text(shapes[i]).s,
                                  tw_shape_text(shape).s);
    }
    join_dims(b);
    for (size_t i = 0; i < b->operand_count; i++)
        find_access(b, &b->operands[i]);
    return TW_OK;
}

/* ---- steps ---- */

/* A new value, not yet read by anybody. */
static uint16_t add_value(binder *w, size_t number, size_t size, int made_by)
{
    w->values[number] = (tile_value){.last_use = -1,
                                     .made_by = made_by,
                                     .slot = NO_VALUE,
                                     .wide = NO_VALUE,
                                     .size = (uint8_t)size};
    w->widest = size > w->widest ? size : w->widest;
    return (uint16_t)number;
}

/* Sources that an instruction does not have repeat the first one: a loop ignores them, but every
 * slot of a step is a valid pointer. */
static tile_step *add_step(binder *w, tw_tile_loop loop, uint16_t target, const uint16_t *sources,
                           size_t source_count)
{
    int number = w->b->step_count++;
    tile_step *step = &w->b->steps[number];
    step->loop = loop;
    step->target = target;
    w->values[target].made_by = number;
    for (size_t i = 0; i < TW_TILE_SOURCES; i++) {
        step->sources[i] = sources[i < source_count ? i : 0];
        w->values[step->sources[i]].last_use = number;
    }
    return step;
}

/* The value as float: made by a step at its first use, and shared by later ones. Rounding has
 * happened before, so sharing changes nothing. */
static uint16_t widened(binder *w, uint16_t value, tw_dtype dtype)
{
    const tw_tile_loops *loops = tw_tile_loops_now();
    if (w->values[value].wide == NO_VALUE) {
        uint16_t wide = add_value(w, w->value_count++, sizeof(float), 0);
        add_step(w, dtype == TW_FLOAT16 ? loops->widen_half : loops->widen_bfloat16, wide, &value,
                 1);
        w->values[value].wide = wide;
    }
    return w->values[value].wide;
}

/* Of one of the program's own values. */
static tw_dtype dtype_of(const tw_tile_program *program, uint16_t value)
{
    return value < program->operand_count
               ? program->operands[value].dtype
               : program->instructions[value - program->operand_count].dtype;
}

/* An instruction becomes one step, or with 16-bit floats up to five: widen each source, compute
 * in float, narrow the result. */
static void add_instruction(binder *w, size_t index)
{
    const tw_tile_program *program = w->program;
    const tw_tile_instruction *from = &program->instructions[index];
    const tw_tile_loops *loops = tw_tile_loops_now();
    uint16_t target = (uint16_t)(program->operand_count + index), sources[TW_TILE_SOURCES];
    bool narrow = from->in_float && is_short_float(from->dtype);
    for (size_t i = 0; i < from->source_count; i++) {
        tw_dtype dtype = dtype_of(program, from->sources[i]);
        sources[i] = from->sources[i];
        if (from->in_float && is_short_float(dtype))
            sources[i] = widened(w, sources[i], dtype);
    }
    add_value(w, target, tw_dtype_size(from->dtype), 0);
    uint16_t made = narrow ? add_value(w, w->value_count++, sizeof(float), 0) : target;
    tile_step *step = add_step(w, from->loop, made, sources, from->source_count);
    if (from->simple)
        step->joined = tw_row_loops_now()->joined[from->simple][from->then];
    step->by_number = step->joined && !from->then;
    for (size_t i = 0; i < from->source_count; i++) {
        bool number = sources[i] < program->operand_count &&
                      w->b->operands[sources[i]].access == TILE_SCALAR;
        step->repeated |= (uint8_t)(number << i);
    }
    step->check = from->check;
    step->failure = from->failure;
    w->b->checks |= from->check != NULL;
    w->cost += from->cost;
    if (narrow)
        add_step(w, from->dtype == TW_FLOAT16 ? loops->narrow_half : loops->narrow_bfloat16, target,
                 &made, 1);
}

/* A loop that is not joined reads a scalar as often as it reads anything. */
static void find_blocks(const binder *w)
{
    for (size_t i = 0; i < w->b->operand_count; i++)
        w->b->operands[i].block = w->values[i].last_use != FOR_EVER;
    for (const tile_step *step = w->b->steps; step < w->b->steps + w->b->step_count; step++) {
        for (size_t i = 0; i < TW_TILE_SOURCES && !step->joined && step->kind != TILE_CHAIN; i++)
            if (step->sources[i] < w->b->operand_count)
                w->b->operands[step->sources[i]].block = false;
    }
}

/* Instructions from `index` on that are one step; 0: the first of them is one by itself. */
static size_t add_scaled(binder *w, size_t index)
{
    const tw_tile_program *program = w->program;
    const scale_search search = {.program = program, .operands = w->b->operands};
    tile_step found = {.kind = TILE_SCALED};
    uint16_t x, target = 0;
    size_t taken = tw_tile_find_scaled(&search, index, &x, &found);
    for (size_t i = index; i < index + taken; i++) {
        target = add_value(w, program->operand_count + i, sizeof(float), 0);
        w->cost += program->instructions[i].cost;
    }
    if (!taken)
        return 0;
    tile_step *step = add_step(w, NULL, target, &x, 1);
    step->kind = found.kind, step->of = found.of, step->negative = found.negative;
    return taken;
}

/* The same. Links lie where the steps that they save would have been, which
 * were larger. */
static size_t add_chain(binder *w, size_t index, const uint16_t *reads)
{
    const tw_tile_program *program = w->program;
    const scale_search search = {.program = program, .operands = w->b->operands};
    tile_link links[TILE_MOST_LINKS];
    uint16_t target = 0;
    size_t count, taken = tw_tile_find_chain(&search, reads, index, links, &count);
    if (!taken ||
        !tw_tile_chain_gains(taken, links, count, w->b->count, taken == program->instruction_count))
        return 0;
    w->joined += taken - 1;
    for (size_t i = index; i < index + taken; i++) {
        target = add_value(w, program->operand_count + i, sizeof(float), 0);
        w->cost += program->instructions[i].cost;
    }
    w->links -= count;
    memcpy(w->links, links, count * sizeof *links);
    int number = w->b->step_count;
    uint16_t first = tw_tile_link_x(links[0]);
    tile_step *step = add_step(w, NULL, target, &first, 1);
    tw_tile_set_chain(step, w->links, count);
    for (size_t i = 0; i < count; i++) {
        w->values[tw_tile_link_x(links[i])].last_use = number;
        w->values[tw_tile_link_y(links[i])].last_use = number;
    }
    return taken;
}

/* Operands count with their traffic, about 30 picoseconds a byte. Values that are asked for
 * outlive the last step. */
static void bind_steps(binder *w)
{
    const tw_tile_program *program = w->program;
    for (size_t i = 0; i < program->operand_count; i++) {
        add_value(w, i, w->b->operands[i].size, -1);
        w->values[i].slot = (uint16_t)i;
        w->cost += 30 * w->b->operands[i].size;
    }
    w->value_count = (size_t)program->operand_count + program->instruction_count;
    uint16_t reads[TILE_MOST_VALUES];
    bool counted = tw_tile_count_reads(program, reads);
    for (size_t i = 0, taken; i < program->instruction_count; i += taken) {
        taken = add_scaled(w, i);
        taken = !taken && counted ? add_chain(w, i, reads) : taken;
        if (!taken)
            add_instruction(w, i);
        taken = taken ? taken : 1;
    }
    for (size_t i = 0; i < program->output_count; i++)
        w->values[program->outputs[i]].last_use = FOR_EVER;
    if (program->reduction.kind)
        w->values[program->reduction.value].last_use = FOR_EVER;
    find_blocks(w);
}

/* ---- registers ---- */

/* An output may be an operand's memory: its value goes there at once only if no later step reads
 * operands where they lie. */
static int last_read_of_memory(const binder *w)
{
    int last = -1;
    for (size_t i = 0; i < w->b->operand_count; i++) {
        if (w->b->operands[i].access == TILE_FULL && w->values[i].last_use > last)
            last = w->values[i].last_use;
    }
    return last;
}

/* A value that is an operand itself, or stored twice, or made too early, is copied at the end of
 * each tile. */
static void bind_outputs(binder *w)
{
    int last = last_read_of_memory(w);
    for (uint16_t i = 0; i < w->b->output_count; i++) {
        tile_value *value = &w->values[w->program->outputs[i]];
        tile_output *output = &w->b->outputs[i];
        output->size = value->size;
        output->direct = value->slot == NO_VALUE && value->made_by >= last;
        output->past = output->direct && value->size >= 4 &&
                       w->b->count >= (size_t)PAST_CACHES / value->size;
        if (output->direct)
            value->slot = (uint16_t)(w->b->operand_count + i);
    }
}

static void free_value(const binder *w, uint16_t value, int number, bool *used, size_t first,
                       size_t size)
{
    const tile_value *source = &w->values[value];
    if (source->last_use == number && source->slot >= first && (!size || source->size == size))
        used[source->slot - first] = false;
}

/* Frees the registers of sources that step `number` is the last to read; size: only those with
 * elements of that size (0: all). */
static void free_dying(binder *w, int number, bool *used, size_t first, size_t size)
{
    const tile_step *step = &w->b->steps[number];
    const tile_link *links = step->of.chain.links;
    for (size_t i = 0; i < TW_TILE_SOURCES; i++)
        free_value(w, step->sources[i], number, used, first, size);
    for (size_t i = 0; i < step->link_count; i++) {
        free_value(w, tw_tile_link_x(links[i]), number, used, first, size);
        free_value(w, tw_tile_link_y(links[i]), number, used, first, size);
    }
}

/* Registers in the order of the steps. A result may take the place of a source that dies, where
 * their elements are of one size. */
static tw_status *bind_registers(binder *w)
{
    tw_tile_bound *b = w->b;
    bool used[REGISTERS] = {false};
    size_t first = (size_t)b->operand_count + b->output_count;
    for (int number = 0; number < b->step_count; number++) {
        tile_value *target = &w->values[b->steps[number].target];
        free_dying(w, number, used, first, target->size);
        size_t r = 0;
        while (target->slot == NO_VALUE && r < REGISTERS && used[r])
            r++;
        if (r == REGISTERS || first + r >= TILE_MANY)
            return tw_status_new(TW_INTERNAL, "too many values alive in one elementwise program");
        if (target->slot == NO_VALUE) {
            target->slot = (uint16_t)(first + r);
            used[r] = target->last_use > number;
            b->register_count = (uint16_t)(r + 1 > b->register_count ? r + 1 : b->register_count);
        }
        free_dying(w, number, used, first, 0);
        if (target->slot >= first)
            used[target->slot - first] = target->last_use > number;
    }
    b->slot_count = (uint16_t)(first + b->register_count);
    for (int number = 0; number < b->step_count; number++) {
        tile_step *step = &b->steps[number];
        step->target = w->values[step->target].slot;
        for (size_t i = 0; i < TW_TILE_SOURCES; i++)
            step->sources[i] = w->values[step->sources[i]].slot;
    }
    for (tile_link *link = w->links; link < w->links_end; link++) {
        tile_link x = w->values[tw_tile_link_x(*link)].slot;
        tile_link y = w->values[tw_tile_link_y(*link)].slot;
        *link = (*link & UINT32_MAX) | x << TILE_LINK_X | y << TILE_LINK_Y;
    }
    for (size_t i = 0; i < b->output_count; i++)
        b->outputs[i].value_slot = w->values[w->program->outputs[i]].slot;
    if (b->reduction.kind) {
        b->reduced_slot = w->values[b->reduction.value].slot;
        b->reduced_size = w->values[b->reduction.value].size;
    }
    return TW_OK;
}

/* ---- tiles ---- */

/* Bytes of the file for tiles of `elements`, with the places of all registers. */
static size_t place_registers(binder *w, size_t elements)
{
    tw_tile_bound *b = w->b;
    size_t blocks = (elements + b->grain - 1u) / b->grain * b->grain, at = 0;
    for (size_t i = 0; i < b->operand_count; i++) {
        tile_operand *operand = &b->operands[i];
        bool block = operand->access == TILE_FULL || b->alone ||
                     (operand->access == TILE_SCALAR && operand->block);
        size_t held = block ? TW_TILE_BLOCK : blocks;
        operand->place = (uint32_t)at;
        at += (held * operand->size + 127) & ~(size_t)63; /* never a multiple of 4096 apart */
    }
    b->registers_place = (uint32_t)at;
    b->register_bytes = (uint32_t)((blocks * w->widest + 127) & ~(size_t)63);
    at += (size_t)b->register_count * b->register_bytes;
    for (size_t i = 0; i < b->output_count; i++) {
        bool whole = b->padded || (b->outputs[i].past && !b->alone);
        b->outputs[i].tail = (uint32_t)at;
        at += whole ? (blocks * b->outputs[i].size + 63) & ~(size_t)63 : TW_TILE_BLOCK * 16;
    }
    return at;
}

/* A chain on a few elements that are no whole blocks: operands and outputs are copied, so that each
 * step runs once and not once more for the end. */
static void pad_small(binder *w)
{
    tw_tile_bound *b = w->b;
    size_t held = b->count + 4 * TW_TILE_BLOCK, all = b->register_count + b->output_count;
    all *= held;
    for (size_t i = 0; i < b->operand_count; i++)
        all += b->operands[i].access == TILE_SCALAR && b->operands[i].block ? TW_TILE_BLOCK : held;
    bool rows = b->reduction.kind && (b->reduction.outer || b->result_count != 1);
    size_t passes = b->step_count + w->joined + (b->reduction.kind ? 1u : 0u);
    b->grain = TW_TILE_BLOCK;
    b->padded = passes >= 3 && !rows && b->count % TW_TILE_BLOCK != 0 &&
                b->count <= TW_TILE_LENGTH && all * w->widest <= WARM_BYTES / 2;
    if (!b->padded)
        return;
    if (b->steps[0].kind == TILE_CHAIN && b->step_count == 1 && b->count > TW_TILE_BLOCK)
        b->grain = 4 * TW_TILE_BLOCK;
    b->rows = 1, b->length = b->count;
    for (size_t i = 0; i < b->operand_count; i++) {
        uint8_t access = b->operands[i].access;
        if (access != TILE_SCALAR)
            b->operands[i].access = access == TILE_FULL ? TILE_COPIED : TILE_PERIODIC;
    }
}

/* The longest tiles whose registers stay in the first cache; of a padded program there is only one.
 * If even short ones do not fit on the stack, the program is refused. */
static tw_status *bind_tiles(binder *w, tw_shape shape)
{
    tw_tile_bound *b = w->b;
    b->alone = tw_tile_stands_alone(b);
    size_t most = tw_tile_longest(b);
    tw_tile_find_rows(b, shape);
    pad_small(w);
    tw_tile_choose(b, most);
    while (!b->padded && place_registers(w, b->tile_length) > WARM_BYTES && most > SHORTEST) {
        most /= 2;
        tw_tile_choose(b, most);
    }
    if (place_registers(w, b->tile_length) > TILE_FILE)
        return tw_status_new(TW_INTERNAL, "too many values alive in one elementwise program");
    return TW_OK;
}

/* ---- all of it ---- */

/* Steps before shapes would do as well, but outputs need to know which operands are read where
 * they lie. */
tw_status *tw_tile_bind(const tw_tile_program *program, const tw_shape *shapes, tw_shape shape,
                        tw_tile_bound *out)
{
    binder w = {.program = program, .b = out, .widest = 1};
    lay_out(&w);
    TW_TRY(bind_shapes(&w, shapes, shape));
    bind_steps(&w);
    bind_outputs(&w);
    TW_TRY(bind_registers(&w));
    TW_TRY(bind_tiles(&w, shape));
    tw_tile_cut(out, w.cost);
    tw_tile_find_periods(out);
    tw_tile_find_small(out);
    keep_strides(out);
    out->streams = (out->step_count > 1 || out->alone) && out->count > SECOND_CACHE / w.widest;
    return TW_OK;
}
