/* SPDX-License-Identifier: Apache-2.0
 * Comparing with what TensorFlow answered. Denormal numbers count as zero: 1.15.5 flushes them in
 * many kernels, and so do we. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/golden_cases.h"
#include "tensor/array.h"

double golden_relative(tw_dtype dtype)
{
    switch (dtype) {
    case TW_FLOAT16: return 2e-3;
    case TW_BFLOAT16: return 1e-2;
    case TW_FLOAT64:
    case TW_COMPLEX128: return 1e-12;
    default: return 1e-5;
    }
}

/* One number, or a part of a complex one. */
static double part_of(const tw_array *array, size_t index, size_t part)
{
    bool complex = tw_dtype_is_complex(array->dtype);
    tw_dtype dtype = array->dtype == TW_COMPLEX64    ? TW_FLOAT32
                     : array->dtype == TW_COMPLEX128 ? TW_FLOAT64
                                                     : array->dtype;
    const char *at = (const char *)array->data + index * tw_dtype_size(array->dtype);
    return tw_element_get(dtype, at + (complex ? part * tw_dtype_size(dtype) : 0));
}

static double smallest_normal(tw_dtype dtype)
{
    return dtype == TW_FLOAT64 || dtype == TW_COMPLEX128 ? DBL_MIN
           : dtype == TW_FLOAT16                         ? 6.2e-5
                                                         : (double)FLT_MIN;
}

static bool same_number(double got, double want, double magnitude, golden_tolerance tolerance,
                        double least)
{
    if (tolerance.up_to_sign) {
        got = fabs(got);
        want = fabs(want);
    }
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    if (isinf(got) || isinf(want))
        return got == want;
    if (fabs(got) < least && fabs(want) < least)
        return tolerance.scale > 0 || (got != 0 || want != 0) || !signbit(got) == !signbit(want);
    double base = magnitude > tolerance.scale ? magnitude : tolerance.scale;
    return fabs(got - want) <= tolerance.relative * base + least;
}

static bool same_numbers(const tw_array *got, const tw_array *want, golden_tolerance tolerance,
                         tw_text *why)
{
    size_t parts = tw_dtype_is_complex(want->dtype) ? 2 : 1;
    double least = smallest_normal(want->dtype);
    for (size_t i = 0; i < want->count; i++) {
        double magnitude = 0;
        for (size_t k = 0; k < parts; k++)
            magnitude = fmax(magnitude, fabs(part_of(want, i, k)));
        for (size_t k = 0; k < parts; k++) {
            double a = part_of(got, i, k), b = part_of(want, i, k);
            /* The sign of a zero in a complex number depends on the order of its operations. */
            if (parts == 2 && a == 0 && b == 0)
                continue;
            if (!same_number(a, b, magnitude, tolerance, least)) {
                snprintf(why->s, sizeof why->s, "element %zu is %.9g, not %.9g", i, a, b);
                return false;
            }
        }
    }
    return true;
}

static bool same_strings(const tw_array *got, const tw_array *want, tw_text *why)
{
    const tw_string *a = got->data, *b = want->data;
    for (size_t i = 0; i < want->count; i++) {
        if (!tw_string_equal(&a[i], &b[i])) {
            size_t m, n;
            const char *x = tw_string_get(&a[i], &m), *y = tw_string_get(&b[i], &n);
            snprintf(why->s, sizeof why->s, "element %zu is '%.*s', not '%.*s'", i,
                     (int)(m < 80 ? m : 80), x, (int)(n < 80 ? n : 80), y);
            return false;
        }
    }
    return true;
}

bool golden_same(const tw_array *got, const tw_array *want, golden_tolerance tolerance,
                 tw_text *why)
{
    if (!got || !want || got->dtype != want->dtype) {
        snprintf(why->s, sizeof why->s, "is %s, not %s",
                 got ? tw_dtype_name(got->dtype) : "nothing",
                 want ? tw_dtype_name(want->dtype) : "nothing");
        return got == want;
    }
    if (!tw_shape_equal(tw_array_shape(got), tw_array_shape(want))) {
        snprintf(why->s, sizeof why->s, "has shape %.100s, not %.100s",
                 tw_shape_text(tw_array_shape(got)).s, tw_shape_text(tw_array_shape(want)).s);
        return false;
    }
    if (want->dtype == TW_STRING)
        return same_strings(got, want, why);
    if (tw_dtype_is_floating(want->dtype) || tw_dtype_is_complex(want->dtype))
        return same_numbers(got, want, tolerance, why);
    for (size_t i = 0; i < want->count; i++) {
        size_t size = tw_dtype_size(want->dtype);
        const char *a = (const char *)got->data + i * size,
                   *b = (const char *)want->data + i * size;
        if (memcmp(a, b, size) != 0) {
            snprintf(why->s, sizeof why->s, "element %zu is %lld, not %lld", i,
                     (long long)tw_element_get_int(want->dtype, a),
                     (long long)tw_element_get_int(want->dtype, b));
            return false;
        }
    }
    return true;
}

double golden_largest(const tw_array *array)
{
    double largest = 0;
    if (!array || !(tw_dtype_is_floating(array->dtype) || tw_dtype_is_complex(array->dtype)))
        return 0;
    size_t parts = tw_dtype_is_complex(array->dtype) ? 2 : 1;
    for (size_t i = 0; i < array->count; i++)
        for (size_t k = 0; k < parts; k++) {
            double value = fabs(part_of(array, i, k));
            if (isfinite(value) && value > largest)
                largest = value;
        }
    return largest;
}
