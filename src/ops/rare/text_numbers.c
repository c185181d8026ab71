/* SPDX-License-Identifier: Apache-2.0
 * Numbers out of texts: StringToNumber reads them as people write them, DecodeRaw as they lie in
 * memory.
 *
 * What comes in may be anything, as it often does from files of other people: a text that is no
 * number is refused with its own words, one of the wrong length with both lengths, and nothing is
 * read behind the end. */
#include "ops/rare/text_numbers.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* The digits of the smallest double are more, but nobody writes them; what is longer is refused. */
enum { LONGEST = 400 };

/* ---- StringToNumber ---- */

/* A text without blanks around it, ended by 0; false: none, or too long for a number. */
static bool trim(const char *text, size_t length, char *out)
{
    while (length && strchr(" \t\n\v\f\r", *text) && *text)
        text++, length--;
    while (length && strchr(" \t\n\v\f\r", text[length - 1]) && text[length - 1])
        length--;
    if (!length || length >= LONGEST || memchr(text, 0, length))
        return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

/* A point is a point whatever the locale writes. */
static bool read_real(char *text, double *out)
{
    const char *point = localeconv()->decimal_point;
    char *end, *dot = strchr(text, '.');
    if (strchr(text, ','))
        return false;
    if (dot && point && *point)
        *dot = *point;
    *out = strtod(text, &end);
    return *end == 0 && end != text;
}

/* Digits and a minus sign alone, as TensorFlow reads integers. */
static bool read_whole(const char *text, int64_t *out)
{
    /* strtoll would take blanks and a plus sign too. */
    const char *digits = text + (*text == '-');
    char *end;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return *end == 0 && errno != ERANGE;
}

/* A float is rounded from the double, which strtod rounded before; beyond its range it becomes
 * infinite. Integers beyond theirs are refused. */
static bool convert(tw_array *out, size_t i, char *text)
{
    double real;
    int64_t whole;
    switch (out->dtype) {
    case TW_FLOAT32:
        if (!read_real(text, &real))
            return false;
        ((float *)out->data)[i] = (float)real;
        return true;
    case TW_FLOAT64: return read_real(text, (double *)out->data + i);
    case TW_INT64: return read_whole(text, (int64_t *)out->data + i);
    default:
        if (!read_whole(text, &whole) || whole < INT32_MIN || whole > INT32_MAX)
            return false;
        ((int32_t *)out->data)[i] = (int32_t)whole;
        return true;
    }
}

bool tw_text_to_number(const char *bytes, size_t length, tw_array *out, size_t i)
{
    char text[LONGEST];
    return trim(bytes, length, text) && convert(out, i, text);
}

/* The first text that is no number stops it, and is shown as far as a line allows. */
static tw_status *compute_number(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    for (size_t i = 0; i < x->count; i++) {
        size_t length;
        const char *bytes = tw_string_get((const tw_string *)x->data + i, &length);
        if (!tw_text_to_number(bytes, length, tw_output(c, 0), i))
            return tw_compute_fail(c, "StringToNumberOp could not correctly convert string: %.*s",
                                   length < 80 ? (int)length : 80, bytes);
    }
    return TW_OK;
}

const tw_op_definition tw_op_StringToNumber = {
    .signature = "string_tensor: string -> output: out_type; "
                 "out_type: {float, double, int32, int64} = float",
    .doc = "The numbers that texts are; blanks around them do not count. A text that is none, or "
           "one that an integer cannot hold, is an error.",
    .since = "double, int64: 1.1",
    .examples = {"string_to_number([\"1.5\", \" -2\"]) -> [1.5, -2.]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_number,
};

/* ---- DecodeRaw ---- */

/* One more dimension, whose size only the texts tell. */
/* A rank that is not known leaves everything open. */
static void infer_raw(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    if (x.dims)
        tw_infer_output(in, 0, tw_infer_concat(in, x, TW_SHAPE(-1)));
}

/* Asked while running: no macro for it is common to all compilers. */
static bool machine_is_little(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

/* Elements of `size` bytes, from last byte to first. */
static void turn(char *bytes, size_t length, size_t size)
{
    for (size_t at = 0; at + size <= length; at += size) {
        for (size_t k = 0; k < size / 2; k++) {
            char kept = bytes[at + k];
            bytes[at + k] = bytes[at + size - 1 - k];
            bytes[at + size - 1 - k] = kept;
        }
    }
}

/* All texts have the length of the first, which holds whole elements. Without texts there is
 * nothing to tell it, and it is 0. */
static tw_status *check_lengths(const tw_compute *c, size_t size, size_t *length)
{
    const tw_array *x = tw_input(c, 0);
    *length = 0;
    for (size_t i = 0; i < x->count; i++) {
        size_t here;
        tw_string_get((const tw_string *)x->data + i, &here);
        if (i && here != *length)
            return tw_compute_fail(c,
                                   "DecodeRaw requires input strings to all be the same size, but "
                                   "element %zu has size %zu != %zu",
                                   i, here, *length);
        *length = here;
    }
    if (*length % size)
        return tw_compute_fail(c,
                               "Input to DecodeRaw has length %zu that is not a multiple of %zu, "
                               "the size of %s",
                               *length, size, tw_dtype_name(tw_compute_type(c, "out_type")));
    return TW_OK;
}

/* Bytes are copied as they are, and turned in place where the machine has the other order. */
static tw_status *compute_raw(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_dtype dtype = tw_compute_type(c, "out_type");
    size_t size = tw_dtype_size(dtype), length, ignored;
    int64_t dims[TW_MAX_RANK];
    tw_array *out;
    TW_TRY(check_lengths(c, size, &length));
    if (x->rank >= TW_MAX_RANK)
        return tw_compute_fail(c, "rank %zu is too high", x->rank);
    for (size_t k = 0; k < x->rank; k++)
        dims[k] = x->dims[k];
    dims[x->rank] = (int64_t)(length / size);
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, x->rank + 1}, &out));
    for (size_t i = 0; i < x->count && length; i++) {
        char *to = (char *)out->data + i * length;
        memcpy(to, tw_string_get((const tw_string *)x->data + i, &ignored), length);
        if (size > 1 && tw_compute_bool(c, "little_endian") != machine_is_little())
            turn(to, length, size);
    }
    return TW_OK;
}

const tw_op_definition tw_op_DecodeRaw = {
    .signature = "bytes: string -> output: out_type; out_type: {half, float, double, int32, "
                 "uint16, uint8, int16, int8, int64}; little_endian: bool = true",
    .doc = "The bytes of texts as numbers of dtype `out_type`, along one more dimension; all texts "
           "have the same length.",
    .since = "half: 0.10; big endian: 1.0; uint16: 1.6",
    .examples = {"decode_raw([\"AB\", \"ab\"], out_type=uint8) -> [[65, 66], [97, 98]]"},
    .infer = infer_raw,
    .gradient = tw_not_differentiable,
    .compute = compute_raw,
};
