/* SPDX-License-Identifier: Apache-2.0
 * The 16-bit floats: every value goes there and back, and every float near the middle of two of
 * them goes to the nearest, by the definition of rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "tensor/array.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void half_is_widened_by_its_definition(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000; i++) {
        int exponent = (int)(i >> 10 & 31), mantissa = (int)(i & 0x3ff);
        float value = tw_half_to_float((uint16_t)i);
        double expected = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
        assert_int_equal(signbit(value) != 0, i >> 15);
        if (exponent < 31)
            assert_true((double)fabsf(value) == expected);
        else
            assert_true(mantissa ? isnan(value) : isinf(value));
    }
}

static void every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint16_t back = tw_float_to_half(tw_half_to_float((uint16_t)i));
        if ((i & 0x7fff) <= 0x7c00)
            assert_int_equal(back, i);
        else /* a NaN stays one of its sign, and becomes quiet */
            assert_int_equal(back, i | 0x200);
    }
}

static void every_bfloat16_comes_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000; i++) {
        float value = tw_bfloat16_to_float((uint16_t)i);
        if (!isnan(value)) /* an x87 register, in which 32-bit calls return, makes a NaN quiet */
            assert_int_equal(bits_of(value), i << 16);
        uint16_t back = tw_float_to_bfloat16(value);
        assert_int_equal(back, (i & 0x7fff) <= 0x7f80 ? i : i | 0x40);
    }
}

/* Between neighbours low and high = low + 1 (magnitudes): the middle goes to the even one. */
static void check_middle(uint16_t (*narrow)(float), float low_value, float high_value, uint32_t low)
{
    float middle = (float)(((double)low_value + (double)high_value) / 2);
    uint32_t even = low & 1 ? low + 1 : low;
    assert_int_equal(narrow(middle), even);
    assert_int_equal(narrow(-middle), even | 0x8000);
    assert_int_equal(narrow(float_of(bits_of(middle) - 1)), low);
    assert_int_equal(narrow(float_of(bits_of(middle) + 1)), low + 1);
}

static void half_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x7c00; i++) {
        float high = i + 1 < 0x7c00 ? tw_half_to_float((uint16_t)(i + 1)) : 65536.0F;
        check_middle(tw_float_to_half, tw_half_to_float((uint16_t)i), high, i);
    }
}

static void bfloat16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t i = 0x80; i < 0x7f7f; i++)
        check_middle(tw_float_to_bfloat16, tw_bfloat16_to_float((uint16_t)i),
                     tw_bfloat16_to_float((uint16_t)(i + 1)), i);
    assert_int_equal(tw_float_to_bfloat16(float_of(0x7f7fffff)), 0x7f80);
    assert_int_equal(tw_float_to_bfloat16(float_of(0x00000001)), 0);
    assert_int_equal(tw_float_to_bfloat16(float_of(0x00018000)), 2);
}

static void known_halves(void **state)
{
    (void)state;
    assert_int_equal(tw_float_to_half(1.0F), 0x3c00);
    assert_int_equal(tw_float_to_half(-2.0F), 0xc000);
    assert_int_equal(tw_float_to_half(65504.0F), 0x7bff);
    assert_int_equal(tw_float_to_half(65519.996F), 0x7bff);
    assert_int_equal(tw_float_to_half(65520.0F), 0x7c00);
    assert_int_equal(tw_float_to_half(1e30F), 0x7c00);
    assert_int_equal(tw_float_to_half(-INFINITY), 0xfc00);
    assert_int_equal(tw_float_to_half(1e-30F), 0);
    assert_int_equal(tw_float_to_half(-1e-30F), 0x8000);
    assert_int_equal(tw_float_to_half(0x1p-25F), 0);
    assert_int_equal(tw_float_to_half(0x1.8p-25F), 1);
    assert_int_equal(tw_float_to_half(float_of(0x7f800001)) & 0x7fff, 0x7e00);
    assert_int_equal(tw_float_to_bfloat16(float_of(0xff800001)), 0xffc0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_is_widened_by_its_definition),
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(every_bfloat16_comes_back),
        cmocka_unit_test(half_rounds_to_nearest_even),
        cmocka_unit_test(bfloat16_rounds_to_nearest_even),
        cmocka_unit_test(known_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
