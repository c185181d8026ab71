/* SPDX-License-Identifier: Apache-2.0
 * The part of distributions.c that exists once for each instruction set level. */
#ifndef TW_KERNELS_DISTRIBUTIONS_INSIDE_H
#define TW_KERNELS_DISTRIBUTIONS_INSIDE_H

#include <stddef.h>

#include "base/philox.h"
#include "kernels/isa.h"

enum { TW_RANDOM_BATCH = 64 }; /* blocks that are made at once */

/* Only what profits from wide vectors is compiled for each level; all levels give the same words
 * and the same floats, bit for bit. */
typedef struct tw_random_loops {
    /* The next TW_RANDOM_BATCH blocks, one after the other; the stream goes on. */
    void (*blocks)(tw_philox *stream, uint32_t *out);
    /* n words, a multiple of 16, as uniform floats. */
    void (*uniform_f32)(size_t n, float *out, const uint32_t *words);
} tw_random_loops;
TW_ISA_TABLES(tw_random_loops, tw_random_loops);

#endif
