/* SPDX-License-Identifier: Apache-2.0
 * The part of distributions.c that exists once for each instruction set level. */
#ifndef TW_KERNELS_DISTRIBUTIONS_INSIDE_H
#define TW_KERNELS_DISTRIBUTIONS_INSIDE_H

#include <stddef.h>

#include "base/philox.h"
#include "kernels/isa.h"

enum { TW_RANDOM_BATCH = 64 }; /* blocks that are made at once */

/* Only what profits from wide vectors is compiled for each level; all levels give the same words
 * and the same floats, bit for bit. n is a multiple of 32, and
 * of normal numbers at most a batch; `count` is one of 16. */
typedef struct tw_random_loops {
    /* `count` blocks, each `step` after the one before; the counter's lower half must not run
     * over. */
    void (*blocks)(const tw_philox *stream, uint64_t step, size_t count, uint32_t *out);
    void (*uniform_f32)(size_t n, float *out, const uint32_t *words);
    void (*normal_f32)(size_t n, float *out, const uint32_t *words);
    /* low + word % range, for a range of 1 to 2^31 */
    void (*remainders_32)(size_t n, uint32_t *out, const uint32_t *words, uint32_t low,
                          uint32_t range);
} tw_random_loops;
TW_ISA_TABLES(tw_random_loops, tw_random_loops);

#endif
