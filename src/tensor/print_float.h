/* SPDX-License-Identifier: Apache-2.0
 * One column format for many floats, by NumPy's rules for precision 8: positional or with
 * exponents, settled in two passes over the values. */
#ifndef TW_TENSOR_PRINT_FLOAT_H
#define TW_TENSOR_PRINT_FLOAT_H

#include "base/text.h"
#include "thalweg/dtype.h"

typedef struct tw_float_format {
    tw_dtype dtype;
    bool plus;                          /* "+" before positive numbers: the imaginary part */
    bool finite, non_finite, minus_inf; /* seen */
    double least, most;                 /* magnitudes of the non-zero finite values; most 0: none */
    bool exponents;
    int left, right; /* columns before and after the point */
    int digits;      /* after the point, where there are exponents */
    int exponent_digits;
} tw_float_format;

void tw_float_format_init(tw_float_format *format, tw_dtype dtype, bool plus);
void tw_float_range(tw_float_format *format, double value); /* first pass, every value */
void tw_float_settle(tw_float_format *format);
void tw_float_measure(tw_float_format *format, double value); /* second pass, every value */
void tw_float_finish(tw_float_format *format);
/* The value's text, as wide as all others of this format. */
void tw_float_add(const tw_float_format *format, tw_buffer *out, double value);
/* Alone, with all its digits; `point`: "27.0" rather than "27". */
void tw_float_scalar(tw_buffer *out, tw_dtype dtype, double value, bool plus, bool point);

#endif
