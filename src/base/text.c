/* SPDX-License-Identifier: Apache-2.0
 * The growing text, and numbers as text. A number's shortest digits are found by trying each
 * precision until the text reads back as the same value; sign, point and exponent are then laid out
 * by hand, so that the locale has no say. */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Room for `more` bytes and a NUL. */
/* Grows by doubling; `failed` stays set until the buffer is taken or cleared. */
static bool buffer_room(tw_buffer *b, size_t more)
{
    size_t need;
    if (b->failed || !tw_size_add(b->length, more, &need) || !tw_size_add(need, 1, &need)) {
        b->failed = true;
        return false;
    }
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : 32;
    while (capacity < need && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    capacity = capacity < need ? need : capacity;
    char *data = tw_realloc_array(b->data, capacity, 1);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

/* The byte after the end is always NUL, so that data can be handed to C functions at any time
 * between two additions. */
void tw_buffer_add(tw_buffer *b, const void *data, size_t size)
{
    if (!buffer_room(b, size))
        return;
    if (size)
        memcpy(b->data + b->length, data, size);
    b->length += size;
    b->data[b->length] = '\0';
}

void tw_buffer_add_text(tw_buffer *b, const char *text)
{
    tw_buffer_add(b, text, strlen(text));
}

void tw_buffer_add_char(tw_buffer *b, char c)
{
    tw_buffer_add(b, &c, 1);
}

/* Formats twice, first only to measure: the arguments are copied for that, since a va_list can
 * be walked through only once. */
void tw_buffer_vprintf(tw_buffer *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        b->failed = true;
    } else if (buffer_room(b, (size_t)length)) {
        vsnprintf(b->data + b->length, (size_t)length + 1, format, again);
        b->length += (size_t)length;
    }
    va_end(again);
}

void tw_buffer_printf(tw_buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_buffer_vprintf(b, format, args);
    va_end(args);
}

/* NULL if anything failed on the way, so that a writer checks once; the buffer is empty
 * afterwards. */
char *tw_buffer_take(tw_buffer *b)
{
    /* An empty buffer has no data yet, and the caller is owed a text. */
    tw_buffer_add(b, "", 0);
    char *text = b->data;
    if (b->failed) {
        tw_free(text);
        text = NULL;
    }
    *b = (tw_buffer){0};
    return text;
}

/* Clears the mark of failure as well, so that the buffer can be used again for another text
 * after one that was too long. */
void tw_buffer_clear(tw_buffer *b)
{
    tw_free(b->data);
    *b = (tw_buffer){0};
}

bool tw_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Only ASCII letters change, whatever the locale, so that names from files compare alike on
 * every machine. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Stops at the first NUL of either, and the last comparison tells whether both ended there or
 * one is longer. */
bool tw_text_equal_nocase(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

/* A positive number as 0.DIGITS times ten to the `point`. */
typedef struct digits {
    char text[24];
    int count, point;
} digits;

/* Not isdigit, which asks the locale and is undefined for negative chars; texts here are bytes
 * of any value. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads what "%.*e" wrote; anything that is no digit before the e is the locale's decimal point. */
static digits digits_of(const char *scientific)
{
    digits d = {{0}, 0, 0};
    const char *p = scientific;
    for (; *p && *p != 'e'; p++) {
        if (is_digit(*p) && d.count < (int)sizeof d.text - 1)
            d.text[d.count++] = *p;
    }
    d.point = *p ? (int)strtol(p + 1, NULL, 10) + 1 : 1;
    return d;
}

/* The digits with the last one up by one. */
static digits digits_up(digits d)
{
    int i = d.count - 1;
    for (; i >= 0 && d.text[i] == '9'; i--)
        d.text[i] = '0';
    if (i >= 0) {
        d.text[i]++;
    } else {
        d.text[0] = '1';
        d.point++;
    }
    return d;
}

/* A float is read by strtof and not rounded from a double, for rounding twice can give its
 * neighbour. */
static bool reads_back(const digits *d, double value, bool single)
{
    char text[40]; /* without a point, so that it reads in every locale */
    snprintf(text, sizeof text, "%.*se%d", d->count, d->text, d->point - d->count);
    return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* A normal number keeps any DBL_DIG digits, so that no fewer need be tried: zeros at the end are
 * cut. Just above a power of two the nearest text of a precision may miss while its upper neighbour
 * reads back. */
static digits shortest(double value, bool single)
{
    digits d = {{0}, 0, 0};
    bool normal = value >= (single ? (double)FLT_MIN : DBL_MIN);
    int least = !normal ? 1 : single ? FLT_DIG : DBL_DIG;
    for (int precision = least; precision <= 17; precision++) {
        char text[64];
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        d = digits_of(text);
        if (reads_back(&d, value, single))
            break;
        digits up = digits_up(d);
        if (reads_back(&up, value, single)) {
            d = up;
            break;
        }
    }
    while (d.count > 1 && d.text[d.count - 1] == '0')
        d.text[--d.count] = '\0';
    return d;
}

/* d.ddde+XX, at least two digits of exponent. */
static int layout_scientific(char *out, size_t room, const digits *d)
{
    int exponent = d->point - 1;
    return snprintf(out, room, "%c%s%.*se%c%02d", d->text[0], d->count > 1 ? "." : "", d->count - 1,
                    d->text + 1, exponent < 0 ? '-' : '+', abs(exponent));
}

/* The zeros suffice because numbers with larger exponents are laid out with one; as in Python, a
 * point always shows that it is a float. */
static int layout_plain(char *out, size_t room, const digits *d)
{
    static const char zeros[] = "0000000000000000";
    if (d->point <= 0)
        return snprintf(out, room, "0.%.*s%.*s", -d->point, zeros, d->count, d->text);
    if (d->point >= d->count)
        return snprintf(out, room, "%.*s%.*s.0", d->count, d->text, d->point - d->count, zeros);
    return snprintf(out, room, "%.*s.%.*s", d->point, d->text, d->count - d->point,
                    d->text + d->point);
}

/* The text of Python's repr, whose point and exponent do not depend on the locale. */
static size_t number_text(char out[40], double value, bool single)
{
    /* Comparisons and not isnan: the macros convert, with a warning, on some systems. */
    if (value != value)
        return (size_t)snprintf(out, 40, "nan");
    const char *sign = copysign(1.0, value) < 0 ? "-" : "";
    if (fabs(value) > DBL_MAX)
        return (size_t)snprintf(out, 40, "%sinf", sign);
    if (value == 0)
        return (size_t)snprintf(out, 40, "%s0.0", sign);
    digits d = shortest(fabs(value), single);
    size_t length = strlen(sign);
    memcpy(out, sign, length);
    /* Where repr changes to an exponent. */
    bool scientific = d.point > 16 || d.point < -3;
    int rest = (scientific ? layout_scientific : layout_plain)(out + length, 40 - length, &d);
    return length + (size_t)rest;
}

/* Forty bytes hold the longest text of any double with its sign, point and exponent, so no
 * caller checks for room. */
size_t tw_double_text(char out[40], double value)
{
    return number_text(out, value, false);
}

/* Shortest for a float: digits that a double would need in addition are left out, though the
 * value is widened on the way. */
size_t tw_float_text(char out[40], float value)
{
    return number_text(out, (double)value, true);
}
