/* SPDX-License-Identifier: Apache-2.0
 * The loops of random numbers at every instruction set level of this machine against one number at
 * a time: blocks of a stream, remainders, normal numbers of all words by the C library's functions,
 * and fills of odd lengths where the counter's lower half runs over. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/distributions.h"
#include "kernels/distributions_inside.h"
#include "kernels/vmath.h"

enum { BATCH = 4 * TW_RANDOM_BATCH };

static float uniform(uint32_t word)
{
    return tw_float_of_bits(0x3f800000u | (word & 0x7fffffu)) - 1;
}

/* As TensorFlow does it. */
static void normal_pair(const uint32_t words[2], float out[2])
{
    float u = uniform(words[0]), v = uniform(words[1]);
    float radius = sqrtf(-2 * logf(u < 1.0e-7F ? 1.0e-7F : u));
    float angle = (float)(2 * 3.14159265358979323846 * (double)v);
    out[0] = sinf(angle) * radius;
    out[1] = cosf(angle) * radius;
}

/* Other libraries' functions of float are not those whose errors the loops know. */
static bool is_same(float a, float b)
{
#ifdef __GLIBC__
    return a == b;
#else
    return fabsf(a - b) <= 4e-7F * fabsf(b);
#endif
}

static void for_every_level(void (*check)(const tw_random_loops *loops))
{
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (tw_isa_force(forced))
            check(TW_ISA_TABLE(tw_random_loops));
    }
    assert_true(tw_isa_force(level));
}

static void check_blocks(const tw_random_loops *loops)
{
    for (uint64_t step = 1; step < 600; step += 255) {
        tw_philox stream = tw_philox_seeded(0x123456789abcdef0, 0xfedcba9876543210);
        tw_philox_skip(&stream, 0xffffff00);
        uint32_t got[BATCH];
        loops->blocks(&stream, step, TW_RANDOM_BATCH, got);
        for (size_t i = 0; i < TW_RANDOM_BATCH; i++) {
            tw_philox one = stream;
            uint32_t want[4];
            tw_philox_skip(&one, i * step);
            tw_philox_next(&one, want);
            assert_memory_equal(got + 4 * i, want, sizeof want);
        }
    }
}

static void blocks_are_those_of_the_stream(void **state)
{
    (void)state;
    for_every_level(check_blocks);
}

static void check_remainders(const tw_random_loops *loops)
{
    static const uint32_t ranges[] = {1, 2, 3, 7, 100, 65536, 1000003, 0x7fffffff, 0x80000000};
    tw_philox stream = tw_philox_seeded(3, 4);
    uint32_t words[BATCH], got[BATCH];
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        for (int turn = 0; turn < 50; turn++) {
            loops->blocks(&stream, 1, TW_RANDOM_BATCH, words);
            tw_philox_skip(&stream, TW_RANDOM_BATCH);
            for (uint32_t i = 0; i < 64; i++) /* multiples and what is next to them */
                words[i] = ranges[r] * (words[i] / ranges[r]) + i % 3 - 1;
            words[64] = 0, words[65] = UINT32_MAX;
            loops->remainders_32(BATCH, got, words, 5, ranges[r]);
            for (size_t i = 0; i < BATCH; i++)
                assert_int_equal(got[i], 5 + words[i] % ranges[r]);
        }
    }
}

static void remainders_are_exact(void **state)
{
    (void)state;
    for_every_level(check_remainders);
}

/* Every 23rd of the 2^23 values of both words, each with some other. */
static void check_normals(const tw_random_loops *loops)
{
    uint32_t words[BATCH];
    float got[BATCH], want[2];
    for (uint32_t at = 0; at < 1u << 23;) {
        for (size_t i = 0; i < BATCH; i += 2, at += 23) {
            words[i] = at;
            words[i + 1] = at * 5 + 1;
        }
        loops->normal_f32(BATCH, got, words);
        for (size_t i = 0; i < BATCH; i += 2) {
            normal_pair(words + i, want);
            assert_true(is_same(got[i], want[0]) && is_same(got[i + 1], want[1]));
        }
    }
}

static void normal_numbers_are_the_c_librarys(void **state)
{
    (void)state;
    for_every_level(check_normals);
}

/* Word by word, as the header of distributions.c says. */
static void expect_normals(tw_philox stream, const float *got, size_t count)
{
    for (size_t i = 0; i < count; i += 4) {
        uint32_t words[4];
        float want[4];
        tw_philox_next(&stream, words);
        normal_pair(words, want);
        normal_pair(words + 2, want + 2);
        for (size_t j = 0; j < 4 && i + j < count; j++)
            assert_true(is_same(got[i + j], want[j]));
    }
}

static void expect_truncated(tw_philox start, const float *got, size_t count)
{
    for (size_t i = 0; i < count; i += 4) {
        tw_philox stream = start;
        tw_philox_skip(&stream, i / 4 * 256);
        for (size_t found = 0; found < 4;) {
            uint32_t words[4];
            float drawn[4];
            tw_philox_next(&stream, words);
            normal_pair(words, drawn);
            normal_pair(words + 2, drawn + 2);
            for (size_t j = 0; j < 4 && found < 4; j++) {
                if (fabsf(drawn[j]) >= 2)
                    continue;
                if (i + found < count)
                    assert_true(is_same(got[i + found], drawn[j]));
                found++;
            }
        }
    }
}

static void check_fills(const tw_random_loops *loops)
{
    static const size_t counts[] = {1, 3, 5, 255, 257, 1023, 1025, 3001};
    static float got[3001];
    (void)loops;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        tw_philox stream = tw_philox_seeded(77, 88);
        tw_philox_skip(&stream, c % 2 ? UINT64_MAX - 300 : 12);
        tw_random_fill(stream, TW_DISTRIBUTION_NORMAL, TW_FLOAT32, got, counts[c], 1);
        expect_normals(stream, got, counts[c]);
        tw_random_fill(stream, TW_DISTRIBUTION_TRUNCATED, TW_FLOAT32, got, counts[c], 1);
        expect_truncated(stream, got, counts[c]);
    }
}

static void fills_of_any_length_follow_the_stream(void **state)
{
    (void)state;
    for_every_level(check_fills);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_those_of_the_stream),
        cmocka_unit_test(remainders_are_exact),
        cmocka_unit_test(normal_numbers_are_the_c_librarys),
        cmocka_unit_test(fills_of_any_length_follow_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
