/* SPDX-License-Identifier: Apache-2.0
 * Philox 4x32-10 (Salmon et al., SC 2011), with the key and counter layout of TensorFlow's random
 * ops. */
#ifndef TW_BASE_PHILOX_H
#define TW_BASE_PHILOX_H

#include <stdint.h>

/* All of the state there is: a copy continues the same stream, and two copies with different
 * counters never share a block. */
typedef struct tw_philox {
    uint32_t counter[4];
    uint32_t key[2];
} tw_philox;

/* seed_lo is the key, seed_hi the upper half of the counter, as TensorFlow's PhiloxRandom(seed,
 * seed2). */
tw_philox tw_philox_seeded(uint64_t seed_lo, uint64_t seed_hi);
void tw_philox_next(tw_philox *p, uint32_t out[4]); /* one block of four, and on by one */
void tw_philox_skip(tw_philox *p, uint64_t blocks);

#endif
