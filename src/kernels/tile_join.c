/* SPDX-License-Identifier: Apache-2.0
 * Makes one instruction of two. Each instruction of a tile program reads its sources from the first
 * cache and writes its result there, which takes longer than a sum or a product; so neighbours that
 * are no more than that are done in one loop, with the roundings of both. */
#include <string.h>

#include "kernels/isa.h"
#include "kernels/tile_inside.h"

TW_ISA_TABLES(tw_tile_loops, tw_tile_loops);
TW_ISA_TABLES(tw_row_loops, tw_row_loops);

/* Asked for at each use, so that a test that forces another level is heard; so are these. */
const tw_tile_loops *tw_tile_loops_now(void)
{
    return TW_ISA_TABLE(tw_tile_loops);
}

const tw_row_loops *tw_row_loops_now(void)
{
    return TW_ISA_TABLE(tw_row_loops);
}

bool tw_tile_count_reads(const tw_tile_program *program, uint16_t reads[TILE_MOST_VALUES])
{
    size_t values = (size_t)program->operand_count + program->instruction_count;
    if (values > TILE_MOST_VALUES)
        return false;
    memset(reads, 0, values * sizeof *reads);
    for (size_t i = 0; i < program->instruction_count; i++) {
        for (size_t k = 0; k < program->instructions[i].source_count; k++)
            reads[program->instructions[i].sources[k]]++;
    }
    for (size_t i = 0; i < program->output_count; i++)
        reads[program->outputs[i]]++;
    if (program->reduction.kind)
        reads[program->reduction.value]++;
    return true;
}

/* A sum or product that nobody but the next instruction reads, and of the same kind of values. */
static tw_tile_instruction *joinable(const tw_tile_program *program,
                                     tw_tile_instruction *instructions, const uint16_t *reads,
                                     const tw_tile_instruction *by, uint16_t value)
{
    if (value < program->operand_count || reads[value] != 1)
        return NULL;
    tw_tile_instruction *from = &instructions[value - program->operand_count];
    return from->simple && !from->then && !from->reduce &&
                   from->by_row == (by->by_row && !by->reduce)
               ? from
               : NULL;
}

/* The sum of squares, products or distances: what is summed need not be stored first. */
static bool join_reduction(tw_tile_instruction *to, const tw_tile_instruction *from)
{
    if (!tw_row_loops_now()->products ||
        (to->reduce != TW_TILE_SUM && to->reduce != TW_TILE_MEAN) ||
        (from->simple != TW_TILE_SQUARE && from->simple != TW_TILE_DISTANCE &&
         from->simple != TW_TILE_MUL))
        return false;
    bool square = from->simple == TW_TILE_SQUARE;
    to->simple = square ? TW_TILE_MUL : from->simple;
    to->source_count = 2;
    to->sources[0] = from->sources[0];
    to->sources[1] = from->sources[square ? 0 : 1];
    return true;
}

/* from = x first y; to = from then w, or w - from. */
static bool join_maps(tw_tile_instruction *to, const tw_tile_instruction *from, size_t place)
{
    tw_tile_simple then = place && to->simple == TW_TILE_SUB ? TW_TILE_TAKEN_FROM
                                                             : (tw_tile_simple)to->simple;
    if (to->simple == TW_TILE_OTHER || to->then || to->source_count != 2 ||
        !tw_row_loops_now()->joined[from->simple][then])
        return false;
    uint16_t other = to->sources[1 - place];
    to->simple = from->simple;
    to->then = (uint8_t)then;
    to->source_count = 3;
    to->sources[0] = from->sources[0];
    to->sources[1] = from->sources[1];
    to->sources[2] = other;
    to->cost = (uint16_t)(to->cost + from->cost);
    return true;
}

/* The values that are left get new numbers. */
static void close_gaps(tw_tile_program *program, tw_tile_instruction *instructions,
                       uint16_t *outputs, const bool *gone)
{
    uint16_t number[TILE_MOST_VALUES], kept = 0, operands = program->operand_count;
    for (uint16_t i = 0; i < operands; i++)
        number[i] = i;
    for (uint16_t i = 0; i < program->instruction_count; i++) {
        number[operands + i] = (uint16_t)(operands + kept);
        if (gone[i])
            continue;
        instructions[kept] = instructions[i];
        for (size_t k = 0; k < instructions[kept].source_count; k++)
            instructions[kept].sources[k] = number[instructions[kept].sources[k]];
        kept++;
    }
    for (size_t i = 0; i < program->output_count; i++)
        outputs[i] = number[outputs[i]];
    if (program->reduction.kind)
        program->reduction.value = number[program->reduction.value];
    program->instruction_count = kept;
}

void tw_tile_join(tw_tile_program *program, tw_tile_instruction *instructions, uint16_t *outputs)
{
    uint16_t reads[TILE_MOST_VALUES];
    bool gone[TILE_MOST_VALUES] = {false};
    if (!tw_tile_count_reads(program, reads))
        return;
    for (size_t i = 0; i < program->instruction_count; i++) {
        tw_tile_instruction *to = &instructions[i];
        bool joined = false;
        for (size_t k = 0; !joined && k < to->source_count && (to->reduce || to->simple); k++) {
            uint16_t value = to->sources[k];
            const tw_tile_instruction *from = joinable(program, instructions, reads, to, value);
            joined = from && (to->reduce ? join_reduction(to, from) : join_maps(to, from, k));
            if (joined)
                gone[value - program->operand_count] = true;
        }
    }
    close_gaps(program, instructions, outputs, gone);
}
