/* SPDX-License-Identifier: Apache-2.0
 * Shortest digits by trial: what a dtype surely keeps is tried first, so that two or three trials
 * do. At a power of two the interval of numbers that read back is lopsided, and the shortest text
 * may be the neighbour of the rounded one. */
#include "tensor/digits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/array.h"

/* Between `kept` and `enough` digits decide by trial; outside of that range the answer is known
 * without one. */
typedef struct precision {
    int kept, enough;    /* decimal digits that survive the dtype, and that name each number */
    double least_normal; /* below, digits that survive are fewer */
} precision;

/* The usual FLT_DIG and FLT_DECIMAL_DIG, for all four dtypes. */
static precision precision_of(tw_dtype dtype)
{
    switch (dtype) {
    case TW_FLOAT16: return (precision){3, 5, 0x1p-14};
    case TW_BFLOAT16: return (precision){2, 4, 0x1p-126};
    case TW_FLOAT32: return (precision){6, 9, 0x1p-126};
    default: return (precision){15, TW_DIGITS_MAX, 0x1p-1022};
    }
}

/* strtof and strtod round correctly and use the locale that snprintf wrote in. */
static bool reads_back(tw_dtype dtype, const char *text, double value)
{
    switch (dtype) {
    case TW_FLOAT16: return tw_float_to_half(strtof(text, NULL)) == tw_float_to_half((float)value);
    case TW_BFLOAT16:
        return tw_float_to_bfloat16(strtof(text, NULL)) == tw_float_to_bfloat16((float)value);
    case TW_FLOAT32:
        return !(strtof(text, NULL) < (float)value) && !(strtof(text, NULL) > (float)value);
    default: return !(strtod(text, NULL) < value) && !(strtod(text, NULL) > value);
    }
}

/* One more in the last digit of "d.ddde+XX"; false: all are nines. */
static bool next_up(char *text)
{
    for (char *c = strchr(text, 'e'); c-- > text;) {
        if (*c >= '0' && *c < '9') {
            ++*c;
            return true;
        }
        if (*c == '9')
            *c = '0';
    }
    return false;
}

/* Takes "d.ddde+XX" apart; whatever stands for the point is skipped. */
static void read_digits(const char *text, tw_digits *out)
{
    out->count = 0;
    for (; *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && out->count < TW_DIGITS_MAX)
            out->text[out->count++] = *text;
    out->text[out->count] = '\0';
    out->exponent = (int)strtol(text + 1, NULL, 10);
}

/* The C library rounds exactly: every finite number is a finite decimal. */
void tw_digits_rounded(double value, int count, tw_digits *out)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, fabs(value));
    read_digits(text, out);
    out->negative = signbit(value) != 0;
}

/* One digit always stays, so that zero is "0"; the exponent belongs to the first digit and does
 * not change. */
void tw_digits_trim(tw_digits *digits)
{
    while (digits->count > 1 && digits->text[digits->count - 1] == '0')
        digits->text[--digits->count] = '\0';
}

/* A dtype keeps `kept` digits, so that two texts of that many never name the same number: the
 * rounded one, without its zeros, is then the shortest. Beyond, and among denormals, the first
 * count that reads back is. */
void tw_digits_shortest(tw_dtype dtype, double value, tw_digits *out)
{
    char text[40];
    precision p = precision_of(dtype);
    double magnitude = fabs(value);
    int exponent;
    bool lopsided = !(frexp(magnitude, &exponent) > 0.5);
    int count = magnitude < p.least_normal ? 1 : p.kept;
    for (; count <= p.enough; count++) {
        snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
        if (reads_back(dtype, text, magnitude))
            break;
        if (lopsided && next_up(text) && reads_back(dtype, text, magnitude))
            break;
    }
    read_digits(text, out);
    out->negative = signbit(value) != 0;
    tw_digits_trim(out);
}
