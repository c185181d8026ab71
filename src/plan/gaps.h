/* SPDX-License-Identifier: Apache-2.0
 * Memory that is given and taken back: where a block goes is the smallest gap that holds it, the
 * lowest of equal ones, or else behind all that is in use. Each of both takes time that grows as
 * the logarithm of how many gaps there are. */
#ifndef TW_PLAN_GAPS_H
#define TW_PLAN_GAPS_H

#include "base/vec.h"

enum { TW_NO_STRETCH = 0 }; /* the first of all is none */

/* In use, or a gap: two gaps never meet, and none is the last of all. */
typedef struct tw_stretch {
    size_t offset, bytes;
    uint32_t before, after;   /* neighbours in memory */
    uint32_t smaller, larger; /* in the tree of gaps */
    bool used;
} tw_stretch;

/* All zero is empty memory without end. */
typedef struct tw_gaps {
    TW_VEC(tw_stretch) all;
    uint32_t root, last, spare; /* `spare`: stretches to be used again, by `after` */
} tw_gaps;

/* The stretch that holds so many bytes (at least 1), or TW_NO_STRETCH: there is no memory for
 * it. */
uint32_t tw_gaps_take(tw_gaps *gaps, size_t bytes);
/* What tw_gaps_take gave becomes a gap. */
void tw_gaps_give(tw_gaps *gaps, uint32_t stretch);
void tw_gaps_clear(tw_gaps *gaps);

#endif
