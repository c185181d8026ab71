/* SPDX-License-Identifier: Apache-2.0
 * Finds f(x a + b) c + d in a tile program: a function with numbers before and after it becomes one
 * step, which keeps everything in registers. What is missing is a product by 1 or a sum with -0,
 * and these change nothing; so the roundings, and the bits, are those of the steps one by one. */
#include <string.h>

#include "kernels/isa.h"
#include "kernels/tile_inside.h"

TW_ISA_TABLES(tw_scaled_loops, tw_scaled_loops);

/* Asked for at each use, so that a test that forces another level is heard. */
const tw_scaled_loops *tw_scaled_loops_now(void)
{
    return TW_ISA_TABLE(tw_scaled_loops);
}

/* x, the operands that it is multiplied by and that are added, and whether they are taken away. */
typedef struct line {
    uint16_t x, factor, summand;
    bool negative;
} line;

static bool is_number(const scale_search *s, uint16_t value)
{
    return value < s->program->operand_count && s->operands[value].access == TILE_SCALAR;
}

/* Is the instruction x a + b, with numbers a and b or one of them? */
static bool find_line(const scale_search *s, const tw_tile_instruction *from, line *out)
{
    bool product = from->simple == TW_TILE_MUL;
    uint16_t left = from->sources[0], right = from->sources[1];
    if (from->reduce || from->by_row || from->source_count < 2 ||
        (!product &&
         (from->then || (from->simple != TW_TILE_ADD && from->simple != TW_TILE_SUB))) ||
        (from->then && from->then != TW_TILE_ADD && from->then != TW_TILE_SUB))
        return false;
    bool turned = from->simple != TW_TILE_SUB && is_number(s, left);
    uint16_t number = turned ? left : right;
    *out = (line){.x = turned ? right : left,
                  .factor = product ? number : TW_NO_SLOT,
                  .summand = product ? TW_NO_SLOT : number,
                  .negative = from->simple == TW_TILE_SUB || from->then == TW_TILE_SUB};
    if (from->then)
        out->summand = from->sources[2];
    return is_number(s, number) && !is_number(s, out->x) &&
           (!from->then || is_number(s, out->summand));
}

/* Nobody but the next instruction reads it, so that it need not be stored. */
static bool is_passed_on(const scale_search *s, size_t index)
{
    const tw_tile_program *program = s->program;
    size_t value = program->operand_count + index, reads = 0;
    if (index + 1 >= program->instruction_count)
        return false;
    for (size_t i = 0; i < program->instruction_count; i++) {
        for (size_t k = 0; k < program->instructions[i].source_count; k++)
            reads += program->instructions[i].sources[k] == value;
    }
    for (size_t i = 0; i < program->output_count; i++)
        reads += program->outputs[i] == value;
    reads += program->reduction.kind && program->reduction.value == value;
    return reads == 1;
}

/* A function of x that has such loops at this level. */
static bool has_loop(const tw_tile_instruction *from)
{
    return from->source_count == 1 && !from->reduce && !from->by_row &&
           tw_scaled_loops_now()->near[from->simple] != NULL;
}

/* The numbers' slots are those of operands, and so are known before registers are given out. */
size_t tw_tile_find_scaled(const scale_search *s, size_t index, uint16_t *x, tile_step *step)
{
    const tw_tile_instruction *all = s->program->instructions;
    uint16_t operands = s->program->operand_count;
    line before = {.factor = TW_NO_SLOT, .summand = TW_NO_SLOT}, after = before;
    size_t at = index;
    if (!has_loop(&all[at])) {
        if (!find_line(s, &all[at], &before) || !is_passed_on(s, at) || !has_loop(&all[at + 1]) ||
            all[at + 1].sources[0] != operands + at)
            return 0;
        at++;
    }
    *x = at == index ? all[at].sources[0] : before.x;
    size_t end = at + 1;
    line found;
    if (is_passed_on(s, at) && find_line(s, &all[end], &found) && found.x == operands + at) {
        after = found;
        end++;
    }
    if (end - index < 2 || is_number(s, *x))
        return 0;
    step->kind = TILE_SCALED;
    step->of.scaled.near = tw_scaled_loops_now()->near[all[at].simple];
    step->of.scaled.past = tw_scaled_loops_now()->past[all[at].simple];
    const uint16_t factors[4] = {before.factor, before.summand, after.factor, after.summand};
    for (size_t k = 0; k < 4; k++)
        step->of.scaled.factors[k] = factors[k];
    step->negative = (uint8_t)(before.negative << 1 | after.negative << 3);
    return end - index;
}

void tw_tile_do_scaled(const tile_step *step, char *const *slots, size_t n, bool past)
{
    float factors[4];
    for (size_t k = 0; k < 4; k++) {
        factors[k] = k & 1 ? -0.0F : 1.0F;
        if (step->of.scaled.factors[k] == TW_NO_SLOT)
            continue;
        memcpy(&factors[k], slots[step->of.scaled.factors[k]], sizeof factors[k]);
        factors[k] = step->negative >> k & 1 ? -factors[k] : factors[k];
    }
    tw_scaled_loop loop = past ? step->of.scaled.past : step->of.scaled.near;
    loop(n, (float *)(void *)slots[step->target], (const float *)(void *)slots[step->sources[0]],
         factors);
}
