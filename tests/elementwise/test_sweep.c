/* SPDX-License-Identifier: Apache-2.0
 * The loops of float that have functions of their own, at every instruction set level of this
 * machine, over a sweep of all floats and at the ends, against the C library in double. Levels with
 * fused multiply-adds give the same bits. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "kernels/isa.h"
#include "kernels/vmath.h"
#include "ops/elementwise_rows.h"

enum { BLOCK = 1024, STEP = 9973, MOST_LEVELS = 5 };

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

typedef struct function {
    int row;
    double (*exact)(double x);
    double bound; /* in ULP */
} function;

static const function functions[] = {
    {TW_ROW_Exp, exp, 2.5},     {TW_ROW_Expm1, expm1, 2.5},     {TW_ROW_Log, log, 2.5},
    {TW_ROW_Log1p, log1p, 2.5}, {TW_ROW_Sin, sin, 2.5},         {TW_ROW_Cos, cos, 2.5},
    {TW_ROW_Tan, tan, 2.5},     {TW_ROW_Asin, asin, 2.1},       {TW_ROW_Acos, acos, 2},
    {TW_ROW_Atan, atan, 2},     {TW_ROW_Sinh, sinh, 2.1},       {TW_ROW_Cosh, cosh, 2},
    {TW_ROW_Tanh, tanh, 4},     {TW_ROW_Asinh, asinh, 2.1},     {TW_ROW_Acosh, acosh, 2.1},
    {TW_ROW_Atanh, atanh, 2},   {TW_ROW_Sigmoid, sigmoid, 2.5}, {TW_ROW_Softplus, softplus, 2.5},
    {TW_ROW_Erf, erf, 2.5},
};

typedef struct function_of_two {
    int row;
    double (*exact)(double x, double y);
    double bound;
} function_of_two;

static const function_of_two functions_of_two[] = {{TW_ROW_Atan2, atan2, 2}, {TW_ROW_Pow, pow, 2}};

/* What a level runs: as find_loop of elementwise.c, but for what v4 takes from v3. */
static tw_tile_loop loop_of(int row)
{
    const tw_fast_table *fast = TW_ISA_TABLE(tw_fast_table);
    for (size_t i = 0; i < fast->count; i++) {
        if (fast->loops[i].row == row && fast->loops[i].dtype == TW_FLOAT32)
            return fast->loops[i].loop;
    }
    return TW_ISA_TABLE(tw_loop_table)->loops[TW_FLOAT32][row];
}

static double ulp_of(double x)
{
    int exponent;
    frexp(x, &exponent);
    return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static bool is_right(double exact, float got, double bound)
{
    float want = (float)exact;
    bool same = isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want);
    bool near = isfinite(want) && want != 0 && fabs(got - exact) <= bound * ulp_of(exact);
    bool edge = fabs(exact) > 0.9999999 * (double)FLT_MAX && fabsf(got) >= FLT_MAX;
    return same || near || edge;
}

/* Calls `visit` at every level that this machine has. */
static void at_every_level(void (*visit)(void))
{
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (tw_isa_force(forced))
            visit();
    }
    assert_true(tw_isa_force(level));
}

static void check_block_in(const function *f, const float *x, bool in_run)
{
    static float y[BLOCK];
    uint64_t mode = in_run ? tw_os_float_enter() : 0;
    loop_of(f->row)(BLOCK, y, x, x, NULL);
    if (in_run)
        tw_os_float_restore(mode);
    for (size_t i = 0; i < BLOCK; i++) {
        double exact = f->exact((double)x[i]);
        /* some processors take for denormal what rounding makes the least number */
        bool flushed = in_run && y[i] == 0.0f && fabs(exact) <= (double)FLT_MIN;
        if (!flushed && !is_right(exact, y[i], f->bound))
            fail_msg("row %d, level %d: of %a it is %a, not %a", f->row, tw_isa_level(),
                     (double)x[i], (double)y[i], exact);
    }
}

static void check_block(const function *f, const float *x)
{
    check_block_in(f, x, false);
}

static void sweep(void)
{
    static float x[BLOCK];
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        uint64_t bits = k;
        while (bits <= UINT32_MAX) {
            for (size_t i = 0; i < BLOCK; i++, bits += STEP)
                x[i] = tw_float_of_bits((uint32_t)bits);
            check_block(&functions[k], x);
        }
    }
}

static void every_loop_is_within_its_bound_on_all_floats(void **state)
{
    (void)state;
    at_every_level(sweep);
}

/* Around these, in units of the last place, functions change their ways or end. */
static const float ends[] = {0.0f,    0x1p-149f, FLT_MIN,    0x1p-24f,  0x1p-13f, 0.17157288f,
                             0.5f,    0.92f,     1.0f,       4.0f,      9.012f,   20000.0f,
                             0x1p30f, 88.72284f, 103.97208f, 89.41599f, 17.0f,    INFINITY};

static void check_ends(void)
{
    static float x[BLOCK];
    for (size_t i = 0; i < BLOCK; i++) {
        size_t end = i / 16 % (sizeof ends / sizeof *ends);
        uint32_t bits = tw_float_bits(ends[end]) + (uint32_t)(i % 16 / 2) - 4;
        bits = bits > 0x7fffffffu ? 0 : bits; /* before the zero */
        x[i] = tw_float_of_bits(bits | (i % 2 ? 0x80000000u : 0));
    }
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        check_block(&functions[k], x);
}

static void every_loop_is_right_at_the_ends(void **state)
{
    (void)state;
    at_every_level(check_ends);
}

/* Rounded errors of a sigmoid add up most here, in one number of a hundred thousand. */
static void check_sigmoids(void)
{
    static const function sigmoids = {TW_ROW_Sigmoid, sigmoid, 2.5};
    static float x[BLOCK];
    for (uint32_t bits = tw_float_bits(-1.9f); bits < tw_float_bits(-2.0f); bits += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++)
            x[i] = tw_float_of_bits(bits + (uint32_t)i);
        check_block(&sigmoids, x);
    }
}

static void the_sigmoid_is_within_its_bound_where_it_errs_most(void **state)
{
    (void)state;
    at_every_level(check_sigmoids);
}

/* While a graph runs a denormal is 0, also one that is part of a result that is none. */
static void check_least(void)
{
    static float x[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        x[i] = (i % 2 ? -FLT_MIN : FLT_MIN) * (1 + (float)(i / 2) / 32);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        check_block_in(&functions[k], x, true);
}

static void every_loop_is_right_of_the_least_numbers_in_a_run(void **state)
{
    (void)state;
    at_every_level(check_least);
}

/* Each of 128 numbers with each other: every kind of operand, and neighbours of 1. */
static float kind_of_number(size_t i)
{
    static const float kinds[] = {0.0f,  0x1p-149f, 0x1p-130f, FLT_MIN, 0x1p-80f, 0.25f,   0.3f,
                                  0.5f,  0.75f,     1.0f,      1.5f,    2.0f,     3.0f,    5.0f,
                                  10.7f, 127.0f,    1e10f,     0x1p24f, FLT_MAX,  INFINITY};
    const size_t count = sizeof kinds / sizeof *kinds;
    float x = i / 2 < count ? kinds[i / 2] : ldexpf(1.0f, (int)(i / 2) - 40);
    if (i >= 100)
        x = tw_float_of_bits(0x3f800000u + (uint32_t)(i / 2 - 50) * (i % 4 < 2 ? 1 : 30001));
    return i == 99 ? NAN : i % 2 ? -x : x;
}

static void check_block_of_two(const function_of_two *f, const float *x, const float *y)
{
    static float z[BLOCK];
    loop_of(f->row)(BLOCK, z, x, y, NULL);
    for (size_t i = 0; i < BLOCK; i++) {
        double exact = f->exact((double)x[i], (double)y[i]);
        if (!is_right(exact, z[i], f->bound))
            fail_msg("row %d, level %d: of %a and %a it is %a, not %a", f->row, tw_isa_level(),
                     (double)x[i], (double)y[i], (double)z[i], exact);
    }
}

static void check_pairs(void)
{
    static float x[BLOCK], y[BLOCK];
    for (size_t k = 0; k < 2 * 128 * 128; k += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            x[i] = kind_of_number((k + i) / 128 % 128);
            y[i] = kind_of_number((k + i) % 128);
        }
        check_block_of_two(&functions_of_two[k / (128 * 128)], x, y);
    }
}

/* Bits of any number, and of powers that neither vanish nor overflow. */
static void check_random_pairs(void)
{
    static float x[BLOCK], y[BLOCK];
    uint64_t seed = 7;
    for (size_t k = 0; k < 400; k++) {
        for (size_t i = 0; i < BLOCK; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            uint32_t high = (uint32_t)(seed >> 32), low = (uint32_t)(seed >> 8);
            x[i] = tw_float_of_bits(k % 4 < 2 ? high : high >> 1);
            y[i] = tw_float_of_bits(low);
            if (k % 8 >= 4) /* x^y = 2^t, |t| <= 160 */
                y[i] = ((float)low * 0x1p-31f - 1) * 160 / log2f(fabsf(x[i]));
        }
        check_block_of_two(&functions_of_two[k % 2], x, y);
    }
}

static void functions_of_two_are_within_their_bounds(void **state)
{
    (void)state;
    at_every_level(check_pairs);
    at_every_level(check_random_pairs);
}

/* A mixture of all functions but the logarithm and tanh, of which v4 has its own. */
static uint32_t results[MOST_LEVELS][BLOCK];

static void keep_results(void)
{
    static float x[BLOCK];
    uint32_t *kept = results[tw_isa_level()];
    for (size_t i = 0; i < BLOCK; i++)
        x[i] = ldexpf((float)(i * 2654435761u % 65536) / 32768 - 1, (int)(i % 24) - 16);
    memset(kept, 0, sizeof results[0]);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        float part[BLOCK];
        if (functions[k].row == TW_ROW_Log || functions[k].row == TW_ROW_Tanh)
            continue;
        loop_of(functions[k].row)(BLOCK, part, x, x, NULL);
        for (size_t i = 0; i < BLOCK; i++)
            kept[i] = kept[i] * 31 + tw_float_bits(isnan(part[i]) ? 0.0f : part[i]);
    }
}

static void levels_with_fused_products_agree_to_the_bit(void **state)
{
    (void)state;
    int level = tw_isa_level();
    at_every_level(keep_results);
    if (level == TW_ISA_V4)
        assert_memory_equal(results[TW_ISA_V4], results[TW_ISA_V3], sizeof results[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loop_is_within_its_bound_on_all_floats),
        cmocka_unit_test(every_loop_is_right_at_the_ends),
        cmocka_unit_test(the_sigmoid_is_within_its_bound_where_it_errs_most),
        cmocka_unit_test(every_loop_is_right_of_the_least_numbers_in_a_run),
        cmocka_unit_test(functions_of_two_are_within_their_bounds),
        cmocka_unit_test(levels_with_fused_products_agree_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
