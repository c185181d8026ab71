/* SPDX-License-Identifier: Apache-2.0
 * Decimal digits of a floating point number: the fewest that read back as the same number of its
 * dtype, or a given count of exactly rounded ones. Independent of the locale. */
#ifndef TW_TENSOR_DIGITS_H
#define TW_TENSOR_DIGITS_H

#include "thalweg/dtype.h"

enum { TW_DIGITS_MAX = 17 };

/* The magnitude is d.ddd x 10^exponent; the text is NUL-terminated. Zero is "0", exponent 0. */
typedef struct tw_digits {
    char text[TW_DIGITS_MAX + 1];
    int count;
    int exponent;
    bool negative; /* also of -0 */
} tw_digits;

/* dtype: a floating one; value: finite, and one of that dtype. No zeros at the end. */
void tw_digits_shortest(tw_dtype dtype, double value, tw_digits *out);
/* 1 .. TW_DIGITS_MAX digits of the exact value, rounded to nearest even, zeros at the end kept. */
void tw_digits_rounded(double value, int count, tw_digits *out);
/* Drops zeros at the end, down to one digit. */
void tw_digits_trim(tw_digits *digits);

#endif
