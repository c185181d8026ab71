/* SPDX-License-Identifier: Apache-2.0
 * The rules of NumPy's float columns: exponents from 1e8 on, below 1e-4, or when the largest is
 * more than 1000 times the smallest; at most 8 digits after the point, fewer if they name the
 * number. */
#include "tensor/print_float.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensor/array.h"
#include "tensor/digits.h"

enum { PRECISION = 8 };

/* `value` as the nearest number of that dtype: NumPy compares in the dtype of the array. */
static double rounded_to(tw_dtype dtype, double value)
{
    switch (dtype) {
    case TW_FLOAT16: return (double)tw_half_to_float(tw_float_to_half((float)value));
    case TW_BFLOAT16: return (double)tw_bfloat16_to_float(tw_float_to_bfloat16((float)value));
    case TW_FLOAT32: return (double)(float)value;
    default: return value;
    }
}

/* Two digits of exponent are the least that is ever printed; the pass over the values can only
 * raise that. */
void tw_float_format_init(tw_float_format *format, tw_dtype dtype, bool plus)
{
    *format = (tw_float_format){.dtype = dtype, .plus = plus, .exponent_digits = 2};
}

/* Infinities and NaN count only for the width. */
void tw_float_range(tw_float_format *format, double value)
{
    double magnitude = fabs(value);
    if (!isfinite(value)) {
        format->non_finite = true;
        format->minus_inf |= value < 0;
        return;
    }
    format->finite = true;
    if (!(magnitude > 0))
        return;
    if (!(format->most > 0) || magnitude < format->least)
        format->least = magnitude;
    if (magnitude > format->most)
        format->most = magnitude;
}

/* All zeros, or nothing finite: positional. */
void tw_float_settle(tw_float_format *format)
{
    if (!(format->most > 0))
        return;
    format->exponents = format->most >= 1e8 || format->least < rounded_to(format->dtype, 1e-4) ||
                        rounded_to(format->dtype, format->most / format->least) > 1000;
}

/* The widths are the largest over all elements that will be seen, so every pass over them ends
 * in this. */
static void raise_to(int *most, int value)
{
    if (value > *most)
        *most = value;
}

/* Shortest digits, but at most 8 after the point; zeros at the end dropped. */
static void digits_of(const tw_float_format *format, double value, tw_digits *digits)
{
    tw_digits_shortest(format->dtype, value, digits);
    int after = digits->count - 1 - (format->exponents ? 0 : digits->exponent);
    if (after > PRECISION) {
        tw_digits_rounded(value, digits->count - (after - PRECISION), digits);
        tw_digits_trim(digits);
    }
}

/* NumPy writes at least two digits of an exponent. */
static int decimal_width(int value)
{
    return value >= 100 ? 3 : 2;
}

/* The number of columns that the digits of this value need on either side of the point. */
void tw_float_measure(tw_float_format *format, double value)
{
    tw_digits digits;
    if (!isfinite(value))
        return;
    digits_of(format, value, &digits);
    int sign = digits.negative || format->plus ? 1 : 0;
    if (format->exponents) {
        raise_to(&format->left, sign + 1);
        raise_to(&format->digits, digits.count - 1);
        raise_to(&format->exponent_digits, decimal_width(abs(digits.exponent)));
    } else {
        raise_to(&format->left, sign + (digits.exponent > 0 ? digits.exponent + 1 : 1));
        raise_to(&format->right, digits.count - 1 - digits.exponent);
    }
}

/* NumPy counts "e+XX" and the digits as what stands right of the point, and makes room for the
 * words inf and nan by widening the left side. */
void tw_float_finish(tw_float_format *format)
{
    if (format->exponents)
        format->right = format->exponent_digits + 2 + format->digits;
    if (format->non_finite) {
        int infinity = format->plus || format->minus_inf ? 4 : 3;
        raise_to(&format->left, infinity - format->right - 1);
    }
}

static void add_spaces(tw_buffer *out, int count)
{
    for (int i = 0; i < count; i++)
        tw_buffer_add_char(out, ' ');
}

/* A plus is shown only before imaginary parts, where it stands between the two numbers of a
 * complex one. */
static const char *sign_text(bool negative, bool plus)
{
    return negative ? "-" : plus ? "+" : "";
}

/* The sign of a NaN is never shown. */
static const char *non_finite_text(double value, bool plus)
{
    if (isnan(value))
        return plus ? "+nan" : "nan";
    return value < 0 ? "-inf" : plus ? "+inf" : "inf";
}

/* The digits at places first .. last of the number, counted from the point: -1 is the units', 0 the
 * first after it. Places without a digit are zeros. */
static void add_places(tw_buffer *out, const tw_digits *digits, int first, int last)
{
    for (int place = first; place <= last; place++) {
        int at = place + 1 + digits->exponent;
        tw_buffer_add_char(out, at >= 0 && at < digits->count ? digits->text[at] : '0');
    }
}

/* "ddd.ddd", the fraction without padding; its digits in *after. */
static void add_positional(tw_buffer *out, const tw_digits *digits, bool plus, int *after)
{
    tw_buffer_add_text(out, sign_text(digits->negative, plus));
    add_places(out, digits, digits->exponent > 0 ? -1 - digits->exponent : -1, -1);
    tw_buffer_add_char(out, '.');
    *after = digits->count - 1 - digits->exponent;
    add_places(out, digits, 0, *after - 1);
    if (*after < 0)
        *after = 0;
}

/* Two digits at the least, as in NumPy, and three for the whole array as soon as one element
 * needs them. */
static void add_exponent(tw_buffer *out, const tw_digits *digits, int width)
{
    tw_buffer_printf(out, "e%c%0*d", digits->exponent < 0 ? '-' : '+', width,
                     abs(digits->exponent));
}

/* Two regimes, as settled; both write left + 1 + right columns. */
void tw_float_add(const tw_float_format *format, tw_buffer *out, double value)
{
    tw_digits digits;
    if (!isfinite(value)) {
        tw_buffer_printf(out, "%*s", format->left + format->right + 1,
                         non_finite_text(value, format->plus));
        return;
    }
    if (format->exponents) {
        /* Beyond the shortest digits NumPy goes on with those of the exact value. */
        tw_digits_shortest(format->dtype, value, &digits);
        if (digits.count != format->digits + 1)
            tw_digits_rounded(value, format->digits + 1, &digits);
        int sign = digits.negative || format->plus ? 1 : 0;
        add_spaces(out, format->left - sign - 1);
        tw_buffer_printf(out, "%s%c.%s", sign_text(digits.negative, format->plus), digits.text[0],
                         digits.text + 1);
        add_exponent(out, &digits, format->exponent_digits);
        return;
    }
    digits_of(format, value, &digits);
    if (digits.count <= digits.exponent) { /* before the point NumPy shows the exact value */
        tw_digits_rounded(value, digits.exponent + 1, &digits);
        tw_digits_trim(&digits);
    }
    int sign = digits.negative || format->plus ? 1 : 0, after;
    add_spaces(out, format->left - sign - (digits.exponent > 0 ? digits.exponent + 1 : 1));
    add_positional(out, &digits, format->plus, &after);
    add_spaces(out, format->right - after);
}

/* Python's rule for repr() of a float: positional from 1e-4 up to 1e16. */
void tw_float_scalar(tw_buffer *out, tw_dtype dtype, double value, bool plus, bool point)
{
    tw_digits digits;
    if (!isfinite(value)) {
        tw_buffer_add_text(out, non_finite_text(value, plus));
        return;
    }
    tw_digits_shortest(dtype, value, &digits);
    double magnitude = fabs(value);
    if (magnitude > 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
        tw_buffer_printf(out, "%s%c%s%s", sign_text(digits.negative, plus), digits.text[0],
                         digits.count > 1 ? "." : "", digits.text + 1);
        add_exponent(out, &digits, 2);
        return;
    }
    int after;
    add_positional(out, &digits, plus, &after);
    if (after == 0 && point)
        tw_buffer_add_char(out, '0');
    else if (after == 0 && !out->failed)
        out->data[--out->length] = '\0'; /* the point */
}
