/* SPDX-License-Identifier: Apache-2.0
 * The elementary functions of double over random numbers of every size, against the C library in
 * long double: within 2 ULP, expm1 and what is built on several roundings within 2.5, tanh and the
 * sigmoid within 3, and right at the ends. Without fused multiply-adds, as this file is
 * compiled. */
#include "kernel_test.h"

#include "kernels/vmath_double.h"
#include "kernels/vmath_inverse.h"

enum { BLOCK = 1024, BLOCKS = 100 };

static long double sigmoid(long double x)
{
    return 1 / (1 + expl(-x));
}

static long double softplus(long double x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

/* With the bound of each in ULP. */
#define FUNCTIONS(X)         \
    X(exp, expl, 1.5L)       \
    X(expm1, expm1l, 2.5L)   \
    X(log, logl, 1.5L)       \
    X(log1p, log1pl, 1.5L)   \
    X(tanh, tanhl, 3)        \
    X(sigmoid, sigmoid, 3)   \
    X(softplus, softplus, 2) \
    X(sinh, sinhl, 2.5L)     \
    X(cosh, coshl, 2)        \
    X(asin, asinl, 2)        \
    X(acos, acosl, 2)        \
    X(atan, atanl, 2)        \
    X(asinh, asinhl, 2)      \
    X(acosh, acoshl, 2)      \
    X(atanh, atanhl, 2.5L)

/* Loops over blocks, as kernels have them. */
#define LOOP(name, exact, bound)                        \
    static void loop_##name(const double *x, double *y) \
    {                                                   \
        for (size_t i = 0; i < BLOCK; i++)              \
            y[i] = tw_##name(x[i]);                     \
    }
FUNCTIONS(LOOP)

typedef struct function {
    const char *name;
    void (*loop)(const double *x, double *y);
    long double (*exact)(long double x);
    long double bound;
} function;

#define ENTRY(name, exact, bound) {#name, loop_##name, exact, bound},
static const function functions[] = {FUNCTIONS(ENTRY)};

static long double ulp_of(long double x)
{
    int exponent;
    frexpl(x, &exponent);
    return ldexpl(1, (exponent < -1021 ? -1021 : exponent) - 53);
}

static void compare(const function *f, double x, double got)
{
    long double exact = f->exact((long double)x);
    double want = (double)exact;
    /* where long double is no wider, the other side may err as much */
    long double bound = f->bound + (LDBL_MANT_DIG > DBL_MANT_DIG ? 0 : 1);
    bool same = isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want);
    bool near = isfinite(want) && want != 0 && fabsl(got - exact) <= bound * ulp_of(exact);
    bool edge = fabsl(exact) > 0.999999999999999L * DBL_MAX && fabs(got) >= DBL_MAX;
    if (!same && !near && !edge)
        fail_msg("%s(%a) is %a, not %a: %Lg ULP", f->name, x, got, want,
                 fabsl(got - exact) / ulp_of(exact));
}

/* Any bits, or a number whose function is neither its limit nor itself. */
static double random_double(uint64_t *seed)
{
    uint64_t bits = next_random(seed) << 33 ^ next_random(seed) << 11 ^ next_random(seed);
    if (next_random(seed) & 1)
        return tw_double_of_bits(bits);
    double scale = ldexp(1, (int)(next_random(seed) % 32) - 21);
    return ((double)(bits >> 11) * 0x1p-52 - 1) * scale;
}

static void every_function_is_within_its_bound(void **state)
{
    (void)state;
    static double x[BLOCK], y[BLOCK];
    uint64_t seed = 1;
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        for (size_t block = 0; block < BLOCKS; block++) {
            for (size_t i = 0; i < BLOCK; i++)
                x[i] = random_double(&seed);
            functions[k].loop(x, y);
            for (size_t i = 0; i < BLOCK; i++)
                compare(&functions[k], x[i], y[i]);
        }
    }
}

static void every_function_is_right_at_the_ends(void **state)
{
    (void)state;
    static const double ends[] = {
        0.0,      -0.0,     1.0,     -1.0,    INFINITY, -INFINITY, NAN,      DBL_MIN,
        -DBL_MIN, 5e-324,   -5e-324, DBL_MAX, -DBL_MAX, 709.7827,  709.7828, -745.1,
        -745.2,   -0x1p-53, 0x1p-53, 1e300,   0x1p128,  0x1p129,   -37.5,    -0x1.fffffffffffffp-1};
    static double x[BLOCK], y[BLOCK];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        x[i] = ends[i];
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        functions[k].loop(x, y);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            compare(&functions[k], x[i], y[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_within_its_bound),
        cmocka_unit_test(every_function_is_right_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
