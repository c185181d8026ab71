/* SPDX-License-Identifier: Apache-2.0
 * The fast loops of the expression table against the plain ones, at every instruction set level of
 * this machine: numbers that the fast way takes, numbers that it leaves to the plain one, both in
 * one stretch, in place, and what is strange. Those that go by whole numbers give the same bits. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "kernels/isa.h"
#include "kernels/vmath.h"
#include "ops/elementwise_rows.h"

enum { COUNT = 16 * 61, TURNS = 40 };

static uint64_t seed = 5;

static uint64_t random_bits(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 16 ^ seed << 40;
}

/* `turn` says how wild: tame ones first, then every size, then any bits. */
static double random_number(int turn, bool wide)
{
    static const double strange[] = {0.0,     -0.0,  INFINITY, -INFINITY, NAN,
                                     FLT_MIN, 1e-40, -1e-44,   FLT_MAX,   -FLT_MAX,
                                     20000.5, 5e5,   1.0,      -1.0,      1e-310};
    double tame = (double)(int64_t)random_bits() * 0x1p-60;
    if (turn % 4 == 0)
        return turn % 8 ? tame : tame / 64; /* a power of it is large, but no overflow */
    if (turn % 4 == 1)
        return ldexp(tame, (int)(random_bits() % 60) - 40);
    if (random_bits() % 16 == 0)
        return strange[random_bits() % (sizeof strange / sizeof *strange)];
    if (turn % 4 == 2)
        return tame * 1000;
    return wide ? tw_double_of_bits(random_bits())
                : (double)tw_float_of_bits((uint32_t)random_bits());
}

/* Of every size, and what divides ill; the low half is looked at for 32 bits. */
static int64_t whole_number(void)
{
    static const int64_t ends[] = {
        INT64_MIN,           INT64_MAX, INT32_MIN,        INT32_MAX,           -1, 1,
        INT64_MIN,           2,         INT64_C(1) << 50, -(INT64_C(1) << 50), 3,  -3,
        INT64_C(1) << 50 | 1};
    int64_t bits = (int64_t)random_bits() >> (random_bits() % 64);
    return random_bits() % 8 ? bits : ends[random_bits() % (sizeof ends / sizeof *ends)];
}

/* Complex numbers are their parts, one after the other. */
static tw_dtype part_of(tw_dtype dtype)
{
    return dtype == TW_COMPLEX64 ? TW_FLOAT32 : dtype == TW_COMPLEX128 ? TW_FLOAT64 : dtype;
}

static size_t parts_in(tw_dtype dtype)
{
    return part_of(dtype) == dtype ? COUNT : 2 * COUNT;
}

/* Divisors are not zero, as they are checked beforehand. */
static void fill(tw_dtype all, int turn, bool divisors, void *out)
{
    tw_dtype dtype = part_of(all);
    for (size_t i = 0; i < parts_in(all); i++) {
        double x = random_number(turn, dtype == TW_FLOAT64);
        int64_t bits = whole_number();
        int64_t whole = divisors && bits == 0 ? 1 : bits;
        int32_t half = (int32_t)whole;
        switch (dtype) {
        case TW_FLOAT32: ((float *)out)[i] = (float)x; break;
        case TW_FLOAT64: ((double *)out)[i] = x; break;
        case TW_INT32: ((int32_t *)out)[i] = divisors && half == 0 ? -1 : half; break;
        default: ((int64_t *)out)[i] = whole; break;
        }
    }
}

/* Numbers in their order, the zeros side by side. */
static int64_t place_of(tw_dtype dtype, const void *numbers, size_t i)
{
    int64_t x = 0;
    if (dtype == TW_INT64)
        return ((const int64_t *)numbers)[i];
    if (dtype == TW_INT32)
        return ((const int32_t *)numbers)[i];
    if (dtype == TW_FLOAT32)
        x = (int64_t)((uint64_t)tw_float_bits(((const float *)numbers)[i]) << 32);
    else
        memcpy(&x, (const double *)numbers + i, sizeof x);
    return (x < 0 ? INT64_MIN - x - 1 : x) >> (dtype == TW_FLOAT32 ? 32 : 0);
}

static bool is_nan(tw_dtype dtype, const void *numbers, size_t i)
{
    return (dtype == TW_FLOAT32 && isnan(((const float *)numbers)[i])) ||
           (dtype == TW_FLOAT64 && isnan(((const double *)numbers)[i]));
}

/* How far apart in units of the last place the two ways may be: each errs by so much on its own. */
static uint64_t bound_of(const tw_fast_loop *f)
{
    switch (f->row) {
    case TW_ROW_Mod:
    case TW_ROW_TruncateMod:
    case TW_ROW_FloorMod:
    case TW_ROW_FloorDiv: return 0;
    case TW_ROW_Asin:
    case TW_ROW_Acos:
    case TW_ROW_Atan:
    case TW_ROW_Atan2:
    case TW_ROW_Angle: return part_of((tw_dtype)f->dtype) == TW_FLOAT32 ? 2 : 3;
    case TW_ROW_Asinh:
    case TW_ROW_Acosh:
    case TW_ROW_Atanh: return 3; /* the C library's err by 2 */
    case TW_ROW_Pow: return f->dtype == TW_FLOAT32 ? 3 : 2;
    case TW_ROW_SoftplusGrad: return 5;
    default: return 4;
    }
}

static void compare(const tw_fast_loop *f, const void *got, const void *want, const void *x,
                    const void *y)
{
    tw_dtype dtype = part_of((tw_dtype)f->dtype); /* an angle is one too */
    for (size_t i = 0; i < COUNT; i++) {
        int64_t a = place_of(dtype, got, i), b = place_of(dtype, want, i);
        uint64_t apart = a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
        bool nan = is_nan(dtype, want, i);
        if (nan != is_nan(dtype, got, i) || (!nan && apart > bound_of(f)))
            fail_msg("row %d of %s, level %d: number %zu is %llu apart; places %lld, %lld", f->row,
                     tw_dtype_name(dtype), tw_isa_level(), i, (unsigned long long)apart,
                     (long long)place_of(dtype, x, i), (long long)place_of(dtype, y, i));
    }
}

static void check(const tw_fast_loop *f)
{
    static double x[2 * COUNT], y[2 * COUNT], got[COUNT], want[COUNT], kept[2 * COUNT];
    tw_dtype dtype = (tw_dtype)f->dtype;
    size_t bytes = COUNT * tw_dtype_size(part_of(dtype));
    tw_tile_loop plain = tw_loop_table_plain.loops[dtype][f->row];
    assert_non_null(plain);
    for (int turn = 0; turn < TURNS; turn++) {
        fill(dtype, turn, false, x);
        fill(dtype, turn / 4 + turn, true, y);
        plain(COUNT, want, x, y, NULL);
        f->loop(COUNT, got, x, y, NULL);
        compare(f, got, want, x, y);
        memcpy(kept, x, sizeof x);
        f->loop(COUNT, x, x, y, NULL);
        assert_memory_equal(x, got, bytes);
        f->loop(COUNT, y, kept, y, NULL);
        assert_memory_equal(y, got, bytes);
    }
}

static void fast_loops_compute_what_plain_ones_do(void **state)
{
    (void)state;
    int level = tw_isa_level();
    size_t checked = 0;
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        const tw_fast_table *table = TW_ISA_TABLE(tw_fast_table);
        for (size_t i = 0; i < table->count; i++, checked++)
            check(&table->loops[i]);
    }
    assert_true(tw_isa_force(level));
    assert_true(level == TW_ISA_PLAIN || checked > 20);
}

/* A search ends behind those of its dtype: a loop that stood elsewhere would never be taken. */
static void fast_loops_of_a_dtype_stand_together(void **state)
{
    (void)state;
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        const tw_fast_table *table = TW_ISA_TABLE(tw_fast_table);
        for (size_t i = 1; i < table->count; i++) {
            for (size_t k = 0; k + 1 < i && table->loops[i].dtype != table->loops[i - 1].dtype; k++)
                assert_int_not_equal(table->loops[k].dtype, table->loops[i].dtype);
        }
    }
    assert_true(tw_isa_force(level));
}

/* What a run takes for zero gives what zero gives, or what it gives itself. */
static bool is_one_of(double got, double itself, double of_zero)
{
    return got == of_zero || fabs(got - itself) <= 1e-6 * fabs(itself);
}

/* The loop of the table, and the one before it. */
static void check_denormals(tw_tile_loop loop, enum tw_row row)
{
    static const double least[] = {5e-324, 1e-310, 0x0.fffffffffffffp-1022, 1e-320};
    double x[16], y[16], z[16];
    for (int turn = 0; turn < 16; turn++) {
        for (size_t i = 0; i < 16; i++) {
            x[i] = least[i % 4] * (row == TW_ROW_Pow || i < 8 ? 1 : -1);
            y[i] = row == TW_ROW_Pow && turn % 4 ? 0.3 * turn - 2
                                                 : least[turn / 4] * (turn < 8 ? 1 : -1);
        }
        uint64_t mode = tw_os_float_enter();
        loop(16, z, x, y, NULL);
        tw_os_float_restore(mode);
        for (size_t i = 0; i < 16; i++) {
            double a = copysign(0, x[i]), b = fabs(y[i]) < DBL_MIN ? copysign(0, y[i]) : y[i];
            if (row == TW_ROW_Pow)
                assert_true(is_one_of(z[i], pow(x[i], y[i]), pow(a, b)));
            else
                assert_true(is_one_of(z[i], atan2(x[i], y[i]), atan2(a, b)));
        }
    }
}

/* Also of a function that halves the least normal numbers on its way. */
static void denormals_are_zeros_while_graphs_run(void **state)
{
    (void)state;
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        const tw_fast_table *table = TW_ISA_TABLE(tw_fast_table);
        for (size_t i = 0; i < table->count; i++) {
            const tw_fast_loop *f = &table->loops[i];
            if (f->dtype == TW_FLOAT64 && (f->row == TW_ROW_Pow || f->row == TW_ROW_Atan2))
                check_denormals(f->loop, (enum tw_row)f->row);
        }
        float few[16], got[16];
        for (size_t i = 0; i < 16; i++)
            few[i] = (i < 8 ? FLT_MIN : -FLT_MIN) * (1 + (float)(i % 8) / 8);
        uint64_t mode = tw_os_float_enter();
        TW_ISA_TABLE(tw_loop_table)->loops[TW_FLOAT32][TW_ROW_Expm1](16, got, few, few, NULL);
        tw_os_float_restore(mode);
        assert_memory_equal(got, few, sizeof few);
    }
    assert_true(tw_isa_force(level));
    check_denormals(tw_loop_table_plain.loops[TW_FLOAT64][TW_ROW_Pow], TW_ROW_Pow);
    check_denormals(tw_loop_table_plain.loops[TW_FLOAT64][TW_ROW_Atan2], TW_ROW_Atan2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_loops_compute_what_plain_ones_do),
        cmocka_unit_test(fast_loops_of_a_dtype_stand_together),
        cmocka_unit_test(denormals_are_zeros_while_graphs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
