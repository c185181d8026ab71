/* SPDX-License-Identifier: Apache-2.0
 * Philox 4x32-10 against the known answers of its authors, and the layout of key and counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/philox.h"

typedef struct answer {
    tw_philox start;
    uint32_t block[4];
} answer;

static void blocks_are_the_known_answers(void **state)
{
    (void)state;
    const answer all[] = {
        {{{0, 0, 0, 0}, {0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tw_philox p = all[i].start;
        uint32_t block[4];
        tw_philox_next(&p, block);
        assert_memory_equal(block, all[i].block, sizeof block);
    }
}

static void seeds_are_the_key_and_the_upper_counter(void **state)
{
    (void)state;
    tw_philox p = tw_philox_seeded(UINT64_C(0x1111111122222222), UINT64_C(0x3333333344444444));
    assert_int_equal(p.key[0], 0x22222222);
    assert_int_equal(p.key[1], 0x11111111);
    assert_int_equal(p.counter[0], 0);
    assert_int_equal(p.counter[1], 0);
    assert_int_equal(p.counter[2], 0x44444444);
    assert_int_equal(p.counter[3], 0x33333333);
}

static void skipping_is_the_same_as_drawing(void **state)
{
    (void)state;
    tw_philox drawn = tw_philox_seeded(87654321, 42), skipped = drawn;
    uint32_t a[4], b[4];
    for (int i = 0; i < 1000; i++)
        tw_philox_next(&drawn, a);
    tw_philox_skip(&skipped, 999);
    tw_philox_next(&skipped, b);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(&drawn, &skipped, sizeof drawn);
}

static void the_counter_carries_over_all_128_bits(void **state)
{
    (void)state;
    tw_philox p = {{UINT32_MAX, UINT32_MAX, UINT32_MAX, 5}, {0, 0}};
    uint32_t block[4];
    tw_philox_next(&p, block);
    const uint32_t carried[4] = {0, 0, 0, 6};
    assert_memory_equal(p.counter, carried, sizeof carried);
    tw_philox_skip(&p, UINT64_MAX);
    tw_philox_skip(&p, 2);
    const uint32_t far[4] = {1, 0, 1, 6};
    assert_memory_equal(p.counter, far, sizeof far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_known_answers),
        cmocka_unit_test(seeds_are_the_key_and_the_upper_counter),
        cmocka_unit_test(skipping_is_the_same_as_drawing),
        cmocka_unit_test(the_counter_carries_over_all_128_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
