/* SPDX-License-Identifier: Apache-2.0
 * The elementary functions over a sweep of all floats, against the C library in double: at most 2.5
 * ULP (tanh: 4), and right at the ends. Here the functions run as they stand; the loops of the
 * instruction set levels are swept in tests/elementwise/test_sweep.c. */
#include "kernel_test.h"

#include "kernels/half.h"
#include "kernels/vmath_float.h"

enum { BLOCK = 1024, STEP = 9973 };

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* With the bound of each in ULP. */
#define FUNCTIONS(X)            \
    X(expf, exp, 2.5)           \
    X(expm1f, expm1, 2.5)       \
    X(logf, log, 2.5)           \
    X(log1pf, log1p, 2.5)       \
    X(tanhf, tanh, 4)           \
    X(sigmoidf, sigmoid, 2.5)   \
    X(softplusf, softplus, 2.5) \
    X(erff, erf, 2.5)           \
    X(sinf, sin, 2.5)           \
    X(cosf, cos, 2.5)           \
    X(tanf, tan, 2.5)           \
    X(sinhf, sinh, 2.1)         \
    X(coshf, cosh, 2)           \
    X(asinf, asin, 2.1)         \
    X(acosf, acos, 2)           \
    X(atanf, atan, 2)           \
    X(asinhf, asinh, 2)         \
    X(acoshf, acosh, 2.1)       \
    X(atanhf, atanh, 2)

/* Loops over blocks, as kernels have them. */
#define LOOP(name, exact, bound)                      \
    static void loop_##name(const float *x, float *y) \
    {                                                 \
        for (size_t i = 0; i < BLOCK; i++)            \
            y[i] = tw_##name(x[i]);                   \
    }
FUNCTIONS(LOOP)

typedef struct function {
    const char *name;
    void (*loop)(const float *x, float *y);
    double (*exact)(double x);
    double bound;
} function;

#define ENTRY(name, exact, bound) {#name, loop_##name, exact, bound},
static const function functions[] = {FUNCTIONS(ENTRY)};

static double ulp_of(double x)
{
    int exponent;
    frexp(x, &exponent);
    return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static void compare(const function *f, float x, float got)
{
    double exact = f->exact((double)x);
    float want = (float)exact;
    bool same = isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want);
    bool near = isfinite(want) && want != 0 && fabs(got - exact) <= f->bound * ulp_of(exact);
    bool edge = fabs(exact) > 0.9999999 * (double)FLT_MAX && fabsf(got) >= FLT_MAX;
    if (!same && !near && !edge)
        fail_msg("%s(%a) is %a, not %a", f->name, (double)x, (double)got, exact);
}

static void every_function_is_within_its_bound_on_all_floats(void **state)
{
    (void)state;
    static float x[BLOCK], y[BLOCK];
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        uint64_t bits = k;
        while (bits <= UINT32_MAX) {
            for (size_t i = 0; i < BLOCK; i++, bits += STEP)
                x[i] = tw_float_of_bits((uint32_t)bits);
            functions[k].loop(x, y);
            for (size_t i = 0; i < BLOCK; i++)
                compare(&functions[k], x[i], y[i]);
        }
    }
}

static void every_function_is_right_at_the_ends(void **state)
{
    (void)state;
    static const float ends[] = {0.0f,      -0.0f,   1.0f,     -1.0f,       INFINITY,
                                 -INFINITY, NAN,     FLT_MIN,  -FLT_MIN,    1e-45f,
                                 -1e-45f,   FLT_MAX, -FLT_MAX, 1e20f,       -0x1p-24f,
                                 88.72284f, -103.9f, 0.5f,     -0.99999994f};
    static float x[BLOCK], y[BLOCK];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        x[i] = ends[i];
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        functions[k].loop(x, y);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            compare(&functions[k], x[i], y[i]);
    }
}

/* A 32-bit call returns in an x87 register, which makes a NaN quiet. */
static uint32_t quiet_bits(float x)
{
    return tw_float_bits(x) | (isnan(x) ? 0x400000 : 0);
}

static void sixteen_bit_floats_convert_as_the_scalar_functions_do(void **state)
{
    (void)state;
    for (uint32_t h = 0; h <= UINT16_MAX; h++) {
        assert_int_equal(quiet_bits(tw_widen_half((uint16_t)h)),
                         quiet_bits(tw_half_to_float((uint16_t)h)));
        assert_int_equal(quiet_bits(tw_widen_bfloat16((uint16_t)h)),
                         quiet_bits(tw_bfloat16_to_float((uint16_t)h)));
    }
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 997) {
        float x = tw_float_of_bits((uint32_t)bits);
        assert_int_equal(tw_narrow_half(x), tw_float_to_half(x));
        assert_int_equal(tw_narrow_bfloat16(x), tw_float_to_bfloat16(x));
    }
}

static void levels_are_forced_by_number(void **state)
{
    (void)state;
    assert_true(tw_isa_force(TW_ISA_PLAIN));
    assert_int_equal(tw_isa_level(), TW_ISA_PLAIN);
    assert_false(tw_isa_force(1));
    assert_false(tw_isa_force(9));
    assert_string_equal(tw_isa_level_name(TW_ISA_V3), "v3");
    assert_null(tw_isa_level_name(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_within_its_bound_on_all_floats),
        cmocka_unit_test(every_function_is_right_at_the_ends),
        cmocka_unit_test(sixteen_bit_floats_convert_as_the_scalar_functions_do),
        cmocka_unit_test(levels_are_forced_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
