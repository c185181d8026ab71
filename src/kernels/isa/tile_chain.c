/* SPDX-License-Identifier: Apache-2.0
 * A chain of sums, products and their like over a tile: for a few blocks at a time, which stay in
 * registers, all links are gone through. So a link costs a jump, and a load and an operation for
 * each vector, but no store; and enough vectors stand side by side that none waits for itself. */
#include <string.h>

#include "kernels/isa.h"
#include "kernels/isa/vectors.h"
#include "kernels/tile_inside.h"

/* The plain level of a build with others keeps to the loops that there are anyway. */
#if TW_ISA_LEVEL >= 3 || !defined(TW_ISA_LEVELS_X86)

/* Labels have addresses in gcc and clang only. */
#pragma GCC diagnostic ignored "-Wpedantic"

enum { PART = TW_VECTOR_BYTES / sizeof(float), PARTS = TW_TILE_BLOCK / PART };
enum { BLOCK_BYTES = TW_TILE_BLOCK * sizeof(float) };

typedef float vec __attribute__((vector_size(TW_VECTOR_BYTES)));
typedef float anywhere __attribute__((vector_size(TW_VECTOR_BYTES), aligned(4), may_alias));
typedef float number __attribute__((may_alias));

/* Block k of what a link reads is k times `step` from the first one. */
typedef struct source {
    const char *first;
    size_t step;
} source;

static ALWAYS_INLINE source source_of(const char *slot, tile_link link, int bit, size_t at)
{
    size_t goes_on = (size_t) - (link >> bit & 1);
    return (source){slot + (at & goes_on), goes_on & BLOCK_BYTES};
}

/* Vector i of a source. */
static ALWAYS_INLINE const char *part_of(source s, size_t i)
{
    return s.first + i / PARTS * s.step + i % PARTS * TW_VECTOR_BYTES;
}

#define LABEL(op, by) link_##op##_##by
#define PLACE(op, by)                                                                      \
    [TILE_LINK_CODE(TILE_LINK_##op, TW_TILE_##by)] = (int)((const char *)&&LABEL(op, by) - \
                                                           (const char *)&&LABEL(SET, ADD)),
/* At the end of each link, so that what follows what is foretold. */
#define NEXT                                                             \
    do {                                                                 \
        if (++l == end)                                                  \
            goto done;                                                   \
        memcpy(&link, l, sizeof link);                                   \
        goto *(void *)((char *)&&LABEL(SET, ADD) + labels[link & 0xff]); \
    } while (0)
/* Compilers that unroll no loops between such labels. */
#define EACH_1(DO, i, op, by) DO((i), op, by)
#define EACH_2(DO, i, op, by) EACH_1(DO, i, op, by) EACH_1(DO, i + 1, op, by)
#define EACH_4(DO, i, op, by) EACH_2(DO, i, op, by) EACH_2(DO, i + 2, op, by)
#define EACH_8(DO, i, op, by) EACH_4(DO, i, op, by) EACH_4(DO, i + 4, op, by)
#define EACH_16(DO, i, op, by) EACH_8(DO, i, op, by) EACH_8(DO, i + 8, op, by)

/* To vector i of a. */
#define CLEAR(i, op, by) a[i] = (VECTOR){0};
#define STORE(i, op, by) *(ANYWHERE *)(void *)(z + at + (i)*TW_VECTOR_BYTES) = a[i];
#define DO_LINK(i, op, by)                    \
    a[i] = NAME(linked)(TILE_LINK_##op, a[i], \
                        NAME(value)(TW_TILE_##by, NAME(load)(part_of(x, i)), part_of(y, i)));
#define LINK(op, by)                                                                              \
    LABEL(op, by) :                                                                               \
    {                                                                                             \
        source x = source_of(slots[link >> TILE_LINK_X & 0xffff], link, TILE_LINK_X_GOES_ON, at); \
        source y = x;                                                                             \
        if (TW_TILE_##by != TW_TILE_OTHER)                                                        \
            y = source_of(slots[link >> TILE_LINK_Y], link, TILE_LINK_Y_GOES_ON, at);             \
        EACH(DO_LINK, 0, op, by)                                                                  \
        NEXT;                                                                                     \
    }

#define VECTOR vec
#define ANYWHERE anywhere
#if TW_ISA_LEVEL >= 4
#define NAME(part) eight_##part
#define BLOCKS 8
#include "kernels/isa/tile_chain_body.h"
const tw_chain_loops TW_ISA_NAME(tw_chain_loops) = {.eight = eight_loop};
#else
#define NAME(part) four_##part
#define BLOCKS 4
#include "kernels/isa/tile_chain_body.h"
#define NAME(part) one_##part
#define BLOCKS 1
#include "kernels/isa/tile_chain_body.h"
#undef VECTOR
#undef ANYWHERE
#define VECTOR float
#define ANYWHERE number
#define NAME(part) number_##part
#define BLOCKS 0
#include "kernels/isa/tile_chain_body.h"
const tw_chain_loops TW_ISA_NAME(tw_chain_loops) = {
    .four = four_loop, .one = one_loop, .number = number_loop};
#endif
#else
const tw_chain_loops TW_ISA_NAME(tw_chain_loops) = {.four = NULL};
#endif
