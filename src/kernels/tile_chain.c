/* SPDX-License-Identifier: Apache-2.0
 * Finds chains in a tile program: sums, products and their like of which each reads what the one
 * before made, and nobody else does. A chain is one step, whose value stays in registers from its
 * first operation to its last. Roundings are those of the operations one by one. */
#include "kernels/isa.h"
#include "kernels/tile_inside.h"

TW_ISA_TABLES(tw_chain_loops, tw_chain_loops);

/* Asked for at each use, so that a test that forces another level is heard. Half of v4's registers
 * hold what v3's do. */
static const tw_chain_loops *narrow_loops(void)
{
    return TW_ISA_TABLE_OF_NARROW(tw_chain_loops);
}

void tw_tile_set_chain(tile_step *step, const tile_link *links, size_t count)
{
    step->kind = TILE_CHAIN;
    step->of.chain.wide = TW_ISA_TABLE(tw_chain_loops);
    step->of.chain.narrow = narrow_loops();
    step->of.chain.links = links;
    step->link_count = (uint16_t)count;
}

enum {
    LARGE = 1 << 10, /* blocks that no first cache holds */
    PADDED = 3       /* instructions from which on few elements are copied to whole blocks */
};

static size_t divided_up(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* What an operation does whose first source, or whose second one, is the chain's value. */
static const struct {
    bool fits;
    uint8_t first, second;
} links_of[TW_TILE_SIMPLE_COUNT] = {
    [TW_TILE_ADD] = {true, TILE_LINK_ADD, TILE_LINK_ADD},
    [TW_TILE_SUB] = {true, TILE_LINK_SUB, TILE_LINK_TAKEN_FROM},
    [TW_TILE_MUL] = {true, TILE_LINK_MUL, TILE_LINK_MUL},
    [TW_TILE_DIV] = {true, TILE_LINK_DIV, TILE_LINK_DIVIDES},
    [TW_TILE_TAKEN_FROM] = {true, TILE_LINK_TAKEN_FROM, TILE_LINK_SUB},
    [TW_TILE_SQUARE] = {true, TILE_LINK_SQUARE, TILE_LINK_SQUARE},
};

typedef struct chain_maker {
    const scale_search *s;
    tile_link *links;
    size_t count;
} chain_maker;

/* Of a number there is one block. */
static tile_link goes_on(const scale_search *s, uint16_t value, int bit)
{
    bool number = value < s->program->operand_count && s->operands[value].access == TILE_SCALAR;
    return (tile_link)!number << bit;
}

static const bool exists[TILE_LINK_CODE(TILE_LINK_SQUARE, TW_TILE_OTHER) + 1] = {
#define EXISTS(op, by) [TILE_LINK_CODE(TILE_LINK_##op, TW_TILE_##by)] = true,
    TILE_LINKS(EXISTS)};

/* False: there is none of this kind. */
static bool add_link(chain_maker *c, unsigned op, unsigned by, uint16_t x, uint16_t y)
{
    unsigned code = TILE_LINK_CODE(op, by);
    if (!exists[code])
        return false;
    c->links[c->count++] = code | goes_on(c->s, x, TILE_LINK_X_GOES_ON) |
                           goes_on(c->s, y, TILE_LINK_Y_GOES_ON) | (tile_link)x << TILE_LINK_X |
                           (tile_link)y << TILE_LINK_Y;
    return true;
}

static bool fits(const tw_tile_instruction *from)
{
    return links_of[from->simple].fits && !from->reduce && !from->by_row && !from->check;
}

/* The second of two operations that were joined. */
static bool add_then(chain_maker *c, const tw_tile_instruction *from)
{
    uint16_t other = from->sources[2];
    return !from->then || add_link(c, links_of[from->then].first, TW_TILE_OTHER, other, other);
}

static void start(chain_maker *c, const tw_tile_instruction *from)
{
    bool square = from->simple == TW_TILE_SQUARE;
    add_link(c, TILE_LINK_SET, square ? TW_TILE_MUL : from->simple, from->sources[0],
             from->sources[square ? 0 : 1]);
    add_then(c, from);
}

/* False: the instruction does not read the chain's value, or in a way that there is no link for. */
static bool extend(chain_maker *c, const tw_tile_instruction *from, uint16_t value)
{
    const uint16_t *sources = from->sources;
    uint16_t first = sources[0], some = tw_tile_link_x(c->links[0]);
    if (from->source_count == 1)
        return first == value &&
               add_link(c, links_of[from->simple].first, TW_TILE_OTHER, some, some);
    if (first == value)
        return add_link(c, links_of[from->simple].first, TW_TILE_OTHER, sources[1], sources[1]) &&
               add_then(c, from);
    if (sources[1] == value)
        return add_link(c, links_of[from->simple].second, TW_TILE_OTHER, first, first) &&
               add_then(c, from);
    return from->then && sources[2] == value &&
           add_link(c, links_of[from->then].second, from->simple, first, sources[1]);
}

/* What becomes a step with a function in it is left to that. */
static bool is_scaled(const scale_search *s, size_t index)
{
    uint16_t x;
    tile_step step;
    return tw_tile_find_scaled(s, index, &x, &step) != 0;
}

size_t tw_tile_find_chain(const scale_search *s, const uint16_t *reads, size_t index,
                          tile_link links[TILE_MOST_LINKS], size_t *count)
{
    const tw_tile_program *program = s->program;
    const tw_tile_instruction *all = program->instructions;
    chain_maker c = {.s = s, .links = links};
    size_t end = index + 1;
    if (!narrow_loops()->four || !fits(&all[index]))
        return 0;
    start(&c, &all[index]);
    for (; end < program->instruction_count && c.count + 2 <= TILE_MOST_LINKS; end++) {
        uint16_t value = (uint16_t)(program->operand_count + end - 1);
        if (reads[value] != 1 || !fits(&all[end]) || is_scaled(s, end) ||
            !extend(&c, &all[end], value))
            break;
    }
    *count = c.count;
    return end - index;
}

/* Of its links more read arrays than numbers. */
static bool reads_arrays(const tile_link *links, size_t count)
{
    size_t arrays = 0;
    for (size_t i = 0; i < count; i++)
        arrays += links[i] >> TILE_LINK_X_GOES_ON & 1;
    return 2 * arrays > count;
}

/* By cycles, as a Zen 4 takes them: a chain's are those of its loops over so many blocks, the
 * others' those of a loop for each instruction. Arrays that no first cache holds come faster to a
 * chain, which is one long tile. */
bool tw_tile_chain_gains(size_t instructions, const tile_link *links, size_t count, size_t elements,
                         bool whole)
{
    const size_t most = TW_TILE_LENGTH / TW_TILE_BLOCK;
    size_t blocks = divided_up(elements, TW_TILE_BLOCK), rest;
    if (instructions == 1)
        return whole && elements == 1;
    if (whole && (blocks <= 1 || (blocks > LARGE && reads_arrays(links, count))))
        return true;
    blocks = blocks < most ? blocks : most;
    if (whole && instructions >= PADDED && elements % TW_TILE_BLOCK)
        blocks = divided_up(blocks, 4) * 4;
    size_t apart = instructions * (15 * blocks / 4 + 8), chain = 0;
    rest = blocks;
    if (TW_ISA_TABLE(tw_chain_loops)->eight) {
        chain = blocks / 8 * (16 + 10 * count);
        rest %= 8;
    }
    chain += rest / 4 * (22 + 13 * count / 2) + rest % 4 * (8 + 4 * count);
    return chain <= apart;
}

void tw_tile_do_chain(const tile_step *step, char *const *slots, size_t n)
{
    enum { BLOCK = TW_TILE_BLOCK * sizeof(float) };
    const tw_chain_loops *wide = step->of.chain.wide, *narrow = step->of.chain.narrow;
    const tile_link *links = step->of.chain.links, *end = links + step->link_count;
    size_t bytes = n * sizeof(float), at = 0;
    char *z = slots[step->target];
    for (; wide->eight && bytes - at >= 8 * BLOCK; at += 8 * BLOCK)
        wide->eight(z, links, end, slots, at);
    for (; bytes - at >= 4 * BLOCK; at += 4 * BLOCK)
        narrow->four(z, links, end, slots, at);
    for (; at < bytes; at += BLOCK)
        narrow->one(z, links, end, slots, at);
}

void tw_tile_do_chain_of_numbers(const tile_step *step, char *z, char *const *numbers)
{
    const tile_link *links = step->of.chain.links;
    step->of.chain.narrow->number(z, links, links + step->link_count, numbers, 0);
}
