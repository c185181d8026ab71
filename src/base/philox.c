/* SPDX-License-Identifier: Apache-2.0
 * Ten rounds of two 32 by 32 bit products, the key raised by Weyl constants between rounds; the
 * constants are those of the paper (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3").
 */
#include "base/philox.h"

static const uint32_t PRODUCT_0 = 0xd2511f53, PRODUCT_1 = 0xcd9e8d57;
static const uint32_t WEYL_0 = 0x9e3779b9, WEYL_1 = 0xbb67ae85;
enum { ROUNDS = 10 };

/* The layout of TensorFlow's GuardedPhiloxRandom: the first seed is the key, the second the
 * upper half of the counter. */
tw_philox tw_philox_seeded(uint64_t seed_lo, uint64_t seed_hi)
{
    return (tw_philox){.counter = {0, 0, (uint32_t)seed_hi, (uint32_t)(seed_hi >> 32)},
                       .key = {(uint32_t)seed_lo, (uint32_t)(seed_lo >> 32)}};
}

/* The key is raised in copies, so the generator keeps it: a block depends on key and counter
 * alone and can be made in any order. */
void tw_philox_next(tw_philox *p, uint32_t out[4])
{
    uint32_t c0 = p->counter[0], c1 = p->counter[1], c2 = p->counter[2], c3 = p->counter[3];
    uint32_t k0 = p->key[0], k1 = p->key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = (uint64_t)PRODUCT_0 * c0, b = (uint64_t)PRODUCT_1 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
    tw_philox_skip(p, 1);
}

/* Skipping costs the same for any count, which is how each cell of a parallel job starts at its
 * own place in one stream. */
void tw_philox_skip(tw_philox *p, uint64_t blocks)
{
    /* One number of 128 bits, lowest word first. */
    uint64_t low = (uint64_t)p->counter[1] << 32 | p->counter[0];
    uint64_t high = (uint64_t)p->counter[3] << 32 | p->counter[2];
    low += blocks;
    high += low < blocks;
    p->counter[0] = (uint32_t)low;
    p->counter[1] = (uint32_t)(low >> 32);
    p->counter[2] = (uint32_t)high;
    p->counter[3] = (uint32_t)(high >> 32);
}
