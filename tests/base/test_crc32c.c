/* SPDX-License-Identifier: Apache-2.0
 * CRC-32C against published sums (RFC 3720, B.4) and against one bit at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static uint32_t bit_by_bit(uint32_t crc, const unsigned char *p, size_t size)
{
    crc = ~crc;
    for (; size; size--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void published_sums_come_out(void **state)
{
    (void)state;
    unsigned char data[32];
    assert_int_equal(tw_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(tw_crc32c(0, "", 0), 0);
    memset(data, 0, sizeof data);
    assert_int_equal(tw_crc32c(0, data, sizeof data), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_int_equal(tw_crc32c(0, data, sizeof data), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)i;
    assert_int_equal(tw_crc32c(0, data, sizeof data), 0x46dd794e);
}

static void every_length_and_cut_agrees_with_the_sum_by_bits(void **state)
{
    (void)state;
    unsigned char data[100];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i * 7 + 3);
    for (size_t size = 0; size <= sizeof data; size++) {
        uint32_t whole = bit_by_bit(0, data, size);
        assert_int_equal(tw_crc32c(0, data, size), whole);
        for (size_t cut = 0; cut <= size; cut += 5)
            assert_int_equal(tw_crc32c(tw_crc32c(0, data, cut), data + cut, size - cut), whole);
    }
}

static void a_masked_sum_is_rotated_and_offset(void **state)
{
    (void)state;
    assert_int_equal(tw_crc32c_mask(0), 0xa282ead8);
    assert_int_equal(tw_crc32c_mask(0x8000), 0xa282ead9);
    assert_int_equal(tw_crc32c_mask(1), 0xa284ead8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sums_come_out),
        cmocka_unit_test(every_length_and_cut_agrees_with_the_sum_by_bits),
        cmocka_unit_test(a_masked_sum_is_rotated_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
