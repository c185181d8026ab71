/* SPDX-License-Identifier: Apache-2.0
 * The fast loops of double at every instruction set level of this machine against the C library in
 * long double: each within its bound in units of the last place, over numbers near 0, near 1, of
 * every size, and any bits. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/isa.h"
#include "kernels/vmath.h"
#include "ops/elementwise_rows.h"

enum { COUNT = 16 * 128, TURNS = 60 };

static uint64_t seed = 3;

static uint64_t random_bits(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return seed >> 16 ^ seed << 40;
}

/* Near 0, of middle size, of every size, next to 1 from below and from above, and any bits. */
static double random_number(int turn)
{
    double part = (double)(int64_t)random_bits() * 0x1p-63;
    switch (turn % 6) {
    case 0: return part;
    case 1: return 20 * part;
    case 2: return ldexp(part, (int)(random_bits() % 80) - 60);
    case 3: return copysign(1 - ldexp(fabs(part), -(int)(random_bits() % 50)), part);
    case 4: return copysign(1 + ldexp(fabs(part), -(int)(random_bits() % 50)), part);
    default: return tw_double_of_bits(random_bits());
    }
}

static long double of_softplus(long double x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

typedef struct function {
    uint16_t row;
    long double bound;
    long double (*exact)(long double x);
    long double (*exact_of_two)(long double x, long double y);
} function;

static const function functions[] = {
    {TW_ROW_Exp, 1.5L, expl, NULL},     {TW_ROW_Expm1, 2.5L, expm1l, NULL},
    {TW_ROW_Log, 1.5L, logl, NULL},     {TW_ROW_Log1p, 1.5L, log1pl, NULL},
    {TW_ROW_Tanh, 3, tanhl, NULL},      {TW_ROW_Softplus, 2, of_softplus, NULL},
    {TW_ROW_Sinh, 2, sinhl, NULL},      {TW_ROW_Cosh, 1.5L, coshl, NULL},
    {TW_ROW_Asin, 2, asinl, NULL},      {TW_ROW_Acos, 1.5L, acosl, NULL},
    {TW_ROW_Atan, 1.5L, atanl, NULL},   {TW_ROW_Atan2, 2, NULL, atan2l},
    {TW_ROW_Asinh, 2, asinhl, NULL},    {TW_ROW_Acosh, 2, acoshl, NULL},
    {TW_ROW_Atanh, 2.5L, atanhl, NULL}, {TW_ROW_Pow, 2.5L, NULL, powl},
};

static long double ulp_of(long double x)
{
    int exponent;
    frexpl(x, &exponent);
    return ldexpl(1, (exponent < -1021 ? -1021 : exponent) - 53);
}

/* The same, or near enough, or both beyond the largest number. */
static void compare(const function *f, double x, double y, double got)
{
    long double exact = f->exact ? f->exact((long double)x)
                                 : f->exact_of_two((long double)x, (long double)y);
    double want = (double)exact;
    /* where long double is no wider, the other side may err as much */
    long double bound = f->bound + (LDBL_MANT_DIG > DBL_MANT_DIG ? 0 : 1);
    bool same = isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want);
    bool near = isfinite(want) && want != 0 && fabsl(got - exact) <= bound * ulp_of(exact);
    bool edge = fabsl(exact) > 0.999999999999999L * DBL_MAX && fabs(got) >= DBL_MAX;
    if (!same && !near && !edge)
        fail_msg("row %d at level %d: of %a and %a is %a, not %a: %Lg ULP", f->row, tw_isa_level(),
                 x, y, got, want, fabsl(got - exact) / ulp_of(exact));
}

/* Both operands wander through all kinds of numbers, at different speeds. */
static void check(const function *f, tw_tile_loop loop)
{
    static double x[COUNT], y[COUNT], got[COUNT];
    for (int turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < COUNT; i++) {
            x[i] = random_number(turn);
            y[i] = random_number(turn / 6 + turn);
        }
        loop(COUNT, got, x, y, NULL);
        for (size_t i = 0; i < COUNT; i++)
            compare(f, x[i], y[i], got[i]);
    }
}

static void fast_loops_of_double_are_within_their_bounds(void **state)
{
    (void)state;
    int level = tw_isa_level();
    for (int forced = 0; forced <= level; forced++) {
        if (!tw_isa_force(forced))
            continue;
        const tw_fast_table *table = TW_ISA_TABLE(tw_fast_table);
        for (size_t i = 0; i < table->count; i++) {
            const tw_fast_loop *fast = &table->loops[i];
            for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
                if (fast->dtype == TW_FLOAT64 && fast->row == functions[k].row)
                    check(&functions[k], fast->loop);
            }
        }
    }
    assert_true(tw_isa_force(level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_loops_of_double_are_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
