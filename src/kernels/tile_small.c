/* SPDX-License-Identifier: Apache-2.0
 * One operation on a few elements: a step of a net's size is nothing but its set-up, and here there
 * is next to none. Whole blocks are computed where they lie; the last one, if it is none, goes
 * through the stack. */
#include <string.h>

#include "kernels/tile_inside.h"

enum { MOST = TW_TILE_SOURCES, BLOCK_BYTES = 16 * TW_TILE_BLOCK };

/* n elements, not more than a block. What has a size that the compiler sees is a few moves; single
 * numbers are met most, then floats. */
static void put(void *to, const char *from, size_t size, size_t n)
{
    if (size != sizeof(uint32_t)) {
        memcpy(to, from, n * size);
    } else if (n == TW_TILE_BLOCK) {
        memcpy(to, from, sizeof(uint32_t) * TW_TILE_BLOCK);
    } else {
        for (size_t i = 0; i < n; i++)
            memcpy((char *)to + i * sizeof(uint32_t), from + i * sizeof(uint32_t),
                   sizeof(uint32_t));
    }
}

/* Is a bound program such an operation, or a chain of them on single numbers? */
static bool is_small(const tw_tile_bound *b)
{
    if (!b->count || b->count > TW_TILE_LENGTH || b->step_count != 1 || b->output_count != 1 ||
        b->checks || b->reduction.kind || !b->outputs[0].direct)
        return false;
    if (b->steps[0].kind == TILE_CHAIN)
        return b->count == 1;
    if (b->steps[0].kind != TILE_LOOP || b->operand_count > MOST)
        return false;
    for (size_t i = 0; i < b->operand_count; i++) {
        const tile_operand *operand = &b->operands[i];
        if (b->count > 1 && operand->access != TILE_SCALAR && operand->access != TILE_FULL)
            return false;
    }
    return true;
}

/* Sources that an operation does not have are its first once more; so is the second of a square. */
static inline bool is_first_again(const tile_step *step, size_t i)
{
    return i && step->sources[i] == step->sources[0];
}

/* Asked once, and what follows from the count alone is found then. */
void tw_tile_find_small(tw_tile_bound *b)
{
    b->small = is_small(b);
    for (size_t i = 0; b->small && b->count >= TW_TILE_BLOCK && i < MOST; i++) {
        const tile_operand *operand = &b->operands[b->steps->sources[i]];
        if (operand->access != TILE_SCALAR)
            b->shifts[i] = (uint32_t)((b->count - TW_TILE_BLOCK) * operand->size);
    }
}

/* Nothing is spread: numbers are read where they are. */
static void run_chain(const tw_tile_bound *b, const void *const *in, void *out)
{
    char *numbers[TILE_MANY];
    for (size_t i = 0; i < b->operand_count; i++)
        numbers[i] = b->operands[i].constant ? (char *)b->operands[i].value : (char *)in[i];
    tw_tile_do_chain_of_numbers(b->steps, out, numbers);
}

/* The counters and conditions of loops: every operand is a scalar. */
static void run_single(const tw_tile_bound *b, const void *const *in, void *out)
{
    _Alignas(64) char file[MOST + 1][BLOCK_BYTES];
    const tile_step *step = b->steps;
    const char *sources[MOST] = {NULL};
    for (size_t i = 0; i < MOST; i++) {
        sources[i] = sources[0];
        if (is_first_again(step, i))
            continue;
        const tile_operand *operand = &b->operands[step->sources[i]];
        const char *from = operand->constant ? (const char *)operand->value : in[step->sources[i]];
        tw_tile_spread_block(file[i], from, operand->size);
        sources[i] = file[i];
    }
    tw_tile_do(step, TW_TILE_BLOCK, file[MOST], sources[0], sources[1], sources[2]);
    put(out, file[MOST], b->outputs[0].size, 1);
}

/* Where the step's operands lie: arrays as they are, and numbers where its loop reads no more of a
 * scalar; any other is spread over as many blocks as are read of it. */
static void find_sources(const tw_tile_bound *b, const void *const *in, size_t blocks,
                         char (*file)[16 * TW_TILE_LENGTH], const char **sources)
{
    const tile_step *step = b->steps;
    for (size_t i = 0; i < MOST; i++) {
        sources[i] = sources[0];
        if (is_first_again(step, i))
            continue;
        const tile_operand *operand = &b->operands[step->sources[i]];
        sources[i] = operand->constant ? (const char *)operand->value : in[step->sources[i]];
        if (operand->access != TILE_SCALAR || (operand->block && step->by_number))
            continue;
        if (operand->block)
            tw_tile_spread_block(file[i], sources[i], operand->size);
        else
            tw_tile_spread(file[i], sources[i], operand->size, blocks);
        sources[i] = file[i];
    }
}

/* Fewer elements than a block, into `made`; the others are zeros, as a loop may be slow on what it
 * finds by chance. */
static void run_few(const tw_tile_bound *b, const char *const *sources, char *made)
{
    _Alignas(64) char file[MOST][BLOCK_BYTES];
    const tile_step *step = b->steps;
    const char *few[MOST] = {NULL};
    for (size_t i = 0; i < MOST; i++) {
        const tile_operand *operand = &b->operands[step->sources[i]];
        few[i] = is_first_again(step, i) ? few[0] : sources[i];
        if (is_first_again(step, i) || operand->access == TILE_SCALAR)
            continue;
        memset(file[i], 0, (size_t)operand->size * TW_TILE_BLOCK);
        memcpy(file[i], sources[i], b->count * operand->size);
        few[i] = file[i];
    }
    tw_tile_do(step, TW_TILE_BLOCK, made, few[0], few[1], few[2]);
}

/* The last block is made first, but stored last: an output may lie over an operand. Its elements
 * that belong to the one before are the same there. */
void tw_tile_run_small(const tw_tile_bound *b, const void *const *in, void *out)
{
    _Alignas(64) char file[MOST][16 * TW_TILE_LENGTH], made[BLOCK_BYTES];
    const char *sources[MOST] = {NULL};
    const tile_step *step = b->steps;
    if (b->count == 1) {
        if (step->kind == TILE_CHAIN)
            run_chain(b, in, out);
        else
            run_single(b, in, out);
        return;
    }
    size_t rest = b->count % TW_TILE_BLOCK, whole = b->count - rest, size = b->outputs[0].size;
    find_sources(b, in, whole ? whole : TW_TILE_BLOCK, file, sources);
    if (whole && step->by_number) { /* it takes all as it is */
        step->joined(b->count, out, (const void *)sources[0], (const void *)sources[1],
                     (const void *)sources[2], step->repeated);
        return;
    }
    if (!whole) {
        run_few(b, sources, made);
        put(out, made, size, rest);
        return;
    }
    if (rest)
        tw_tile_do(step, TW_TILE_BLOCK, made, sources[0] + b->shifts[0], sources[1] + b->shifts[1],
                   sources[2] + b->shifts[2]);
    tw_tile_do(step, whole, out, sources[0], sources[1], sources[2]);
    if (rest)
        put((char *)out + (b->count - TW_TILE_BLOCK) * size, made, size, TW_TILE_BLOCK);
}
