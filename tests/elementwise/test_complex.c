/* SPDX-License-Identifier: Apache-2.0
 * Products, conjugates and absolute values of complex numbers at every instruction set level, of
 * what is plain and of what is not: zeros, infinities, NaN, squares that overflow or vanish. */
#include "kernels/isa.h"
#include "ops/ops_test.h"
#include "tensor/array.h"

enum { COUNT = 8 * 37 };

static const double odd[] = {0,     -0.0, 1,       -3,    INFINITY, -INFINITY, NAN,   1e-30,
                             1e-36, 1e38, -3.4e38, 1e160, 1e-170,   2e-300,    1e300, 0.5};
enum { ODD = sizeof odd / sizeof *odd };

/* `plain`: ordinary numbers in most groups of eight, else all pairs of odd ones. */
static tw_array *numbers(tw_dtype dtype, bool plain)
{
    tw_array *x = tw_array_new(dtype, TW_SHAPE(COUNT));
    tw_dtype part = dtype == TW_COMPLEX64 ? TW_FLOAT32 : TW_FLOAT64;
    size_t size = tw_dtype_size(part);
    assert_non_null(x);
    for (size_t i = 0; i < COUNT; i++) {
        bool is_odd = !plain || i % 40 == 7;
        double re = is_odd ? odd[i % ODD] : (double)(i % 23) - 11.25;
        double im = is_odd ? odd[i / ODD % ODD] : (double)(i % 7) * 0.37 - 1;
        tw_element_set(part, (char *)tw_array_data(x) + 2 * i * size, re);
        tw_element_set(part, (char *)tw_array_data(x) + (2 * i + 1) * size, im);
    }
    return x;
}

static double part_of(tw_array *x, size_t i)
{
    if (tw_array_dtype(x) == TW_COMPLEX64 || tw_array_dtype(x) == TW_FLOAT32)
        return ((const float *)tw_array_data(x))[i];
    return ((const double *)tw_array_data(x))[i];
}

static void check(const char *type, tw_dtype dtype, bool plain)
{
    op_call k = {.type = type, .inputs = {numbers(dtype, plain)}, .input_count = 1};
    bool single = dtype == TW_COMPLEX64, is_abs = !strcmp(type, "ComplexAbs");
    bool is_part = is_abs || !strcmp(type, "Real") || !strcmp(type, "Imag");
    if (is_part) {
        tw_dtype out = single ? TW_FLOAT32 : TW_FLOAT64;
        k.attrs[k.attr_count++] = (tw_attr){
            .name = "Tout", .kind = TW_ATTR_TYPE, .value.type = out};
    }
    if (!strcmp(type, "Mul"))
        k.inputs[k.input_count++] = numbers(dtype, !plain);
    call_good(&k);
    for (size_t i = 0; i < COUNT; i++) {
        double a = part_of(k.inputs[0], 2 * i), b = part_of(k.inputs[0], 2 * i + 1), want[2];
        if (is_abs) {
            want[0] = single ? (float)hypot(a, b) : hypot(a, b);
        } else if (is_part) {
            want[0] = *type == 'R' ? a : b;
        } else if (k.input_count == 1) {
            want[0] = a;
            want[1] = -b;
        } else {
            double c = part_of(k.inputs[1], 2 * i), d = part_of(k.inputs[1], 2 * i + 1);
            want[0] = single ? (float)a * (float)c - (float)b * (float)d : a * c - b * d;
            want[1] = single ? (float)a * (float)d + (float)b * (float)c : a * d + b * c;
        }
        for (size_t p = 0; p < (is_part ? 1 : 2); p++) {
            double got = part_of(k.outputs[0], is_part ? i : 2 * i + p);
            double least = single ? 0x1p-126 : 0x1p-1022; /* less is flushed */
            double bound = least + (is_abs ? fabs(want[p]) * (single ? 1.2e-7 : 2.3e-16) : 0);
            bool same = got == want[p] || (isnan(got) && isnan(want[p])) ||
                        fabs(got - want[p]) <= bound;
            if (!same)
                fail_msg("%s %zu at %s: %.17g instead of %.17g", type, i,
                         tw_isa_level_name(tw_isa_level()), got, want[p]);
        }
    }
    call_end(&k);
}

static void every_level_computes_the_same(void **state)
{
    (void)state;
    int highest = tw_isa_level();
    for (int level = 0; level <= highest; level++) {
        if (!tw_isa_force(level))
            continue;
        for (int kind = 0; kind < 4; kind++) {
            tw_dtype dtype = kind & 1 ? TW_COMPLEX64 : TW_COMPLEX128;
            check("ComplexAbs", dtype, kind & 2);
            check("Conj", dtype, kind & 2);
            check("Real", dtype, kind & 2);
            check("Imag", dtype, kind & 2);
            check("Mul", dtype, kind & 2);
        }
    }
    assert_true(tw_isa_force(highest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_level_computes_the_same)};
    return cmocka_run_group_tests_name("complex", tests, NULL, NULL);
}
