/* SPDX-License-Identifier: Apache-2.0
 * Texts made of other things: AsString of numbers, EncodeBase64 and DecodeBase64 (RFC 4648, the
 * alphabet for URLs), ReduceJoin of many texts. Texts are bytes of any value and any number.
 *
 * What an attribute of AsString asks for goes into a format of printf; it is checked first, so
 * that no format but the known ones is ever made, and nothing is longer than the buffer that it is
 * written to. Base64 is read strictly: a blank or a letter of another alphabet is an error, bits
 * that are left over are not looked at. ReduceJoin reads its texts in place, by strides. */
#include <complex.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "ops/arrays.h"

/* Bytes and their number: a text may hold zeros. */
static const char *text_at(const tw_array *x, size_t i, size_t *length)
{
    return tw_string_get((const tw_string *)x->data + i, length);
}
/* A copy, so that the input may go away. */
static tw_status *set_text(tw_array *x, size_t i, const char *bytes, size_t length)
{
    return tw_string_set((tw_string *)x->data + i, bytes, length);
}

/* ---- AsString ---- */

enum { WIDEST = 4096, FORMAT = 32 };

/* How printf writes one number: "%" fill, width, precision, and the letter. */
static tw_status *read_format(const tw_compute *c, char format[FORMAT])
{
    tw_dtype dtype = tw_input(c, 0)->dtype;
    bool whole = dtype == TW_BOOL || tw_dtype_is_integer(dtype);
    bool scientific = tw_compute_bool(c, "scientific"), shortest = tw_compute_bool(c, "shortest");
    const char *fill = tw_compute_string(c, "fill"), *letter = scientific ? "e"
                                                               : shortest ? "g"
                                                                          : "f";
    int64_t width = tw_compute_int(c, "width"), precision = tw_compute_int(c, "precision");
    if (whole && precision >= 0)
        return tw_compute_fail(c, "precision not supported for datatype %s", tw_dtype_name(dtype));
    if (scientific && shortest)
        return tw_compute_fail(c, "Cannot select both scientific and shortest notation");
    if (whole && (scientific || shortest))
        return tw_compute_fail(c, "scientific and shortest format not supported for datatype %s",
                               tw_dtype_name(dtype));
    if (*fill && fill[1])
        return tw_compute_fail(c, "Fill string must be one or fewer characters");
    if (*fill && !strchr(" +-0#", *fill))
        return tw_compute_fail(c, "Fill argument not supported: \"%s\"", fill);
    /* TensorFlow has no bound, and asks for as much memory as an attribute says. */
    if (width > WIDEST || precision > WIDEST)
        return tw_compute_fail(c, "width and precision may be at most %d", WIDEST);
    /* Numbers that were not asked for leave nothing behind in the format. */
    char digits[2][FORMAT / 4] = {"", ""};
    if (width >= 0)
        snprintf(digits[0], sizeof digits[0], "%d", (int)width);
    if (precision >= 0)
        snprintf(digits[1], sizeof digits[1], ".%d", (int)precision);
    snprintf(format, FORMAT, "%%%s%s%s%s", fill, digits[0], digits[1], whole ? "lld" : letter);
    return TW_OK;
}

/* The formats below are made by read_format, of checked parts. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* A point is a point whatever the locale writes. */
static int write_real(char *out, size_t room, const char *format, double value)
{
    int size = snprintf(out, room, format, value);
    const char *point = localeconv()->decimal_point;
    char *at = *point == '.' ? NULL : strchr(out, *point);
    if (at)
        *at = '.';
    return size;
}
/* Of one type for all dtypes, which hold no more. */
static int write_whole(char *out, size_t room, const char *format, long long value)
{
    return snprintf(out, room, format, value);
}
#pragma GCC diagnostic pop

/* A complex number is two real ones in brackets. */
static int write_complex(const tw_array *x, size_t i, char *out, size_t room, const char *format)
{
    /* Its parts lie one behind the other. */
    bool wide = x->dtype == TW_COMPLEX128;
    int size = 0;
    for (size_t k = 0; k < 2; k++) {
        double part = wide ? ((const double *)x->data)[2 * i + k]
                           : (double)((const float *)x->data)[2 * i + k];
        out[size++] = k ? ',' : '(';
        size += write_real(out + size, room - (size_t)size, format, part);
    }
    out[size++] = ')';
    return size;
}

/* Room for the largest double with all of its digits, twice. */
static tw_status *compute_as_string(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    char format[FORMAT], text[4 * WIDEST];
    TW_TRY(read_format(c, format));
    for (size_t i = 0; i < x->count; i++) {
        int size;
        if (x->dtype == TW_BOOL)
            size = snprintf(text, sizeof text, "%s", ((const bool *)x->data)[i] ? "true" : "false");
        /* Whole numbers as such: a double would not hold all of them. */
        else if (tw_dtype_is_integer(x->dtype))
            size = write_whole(text, sizeof text, format,
                               tw_element_get_int(x->dtype, tw_element_at(x, i)));
        else if (tw_dtype_is_floating(x->dtype))
            size = write_real(text, sizeof text, format, tw_number_at(x, i));
        else
            size = write_complex(x, i, text, sizeof text, format);
        TW_TRY(set_text(tw_output(c, 0), i, text, (size_t)size));
    }
    return TW_OK;
}

const tw_op_definition tw_op_AsString = {
    .signature = "input: T -> output: string; T: {int8, int16, int32, int64, complex64, "
                 "complex128, float, double, bool}; precision: int = -1; scientific: bool = false; "
                 "shortest: bool = false; width: int = -1; fill: string = \"\"",
    .doc = "Numbers as texts, as C's printf writes them: `precision` digits behind the point, at "
           "least `width` characters, filled with \" \", \"+\", \"-\", \"0\" or \"#\" as there.",
    .since = "AsString: 0.9; complex128: 1.15",
    .examples = {"as_string([1, -20]) -> [\"1\", \"-20\"]",
                 "as_string([0.5, 2.], precision=2) -> [\"0.50\", \"2.00\"]",
                 "as_string([True]) -> [\"true\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_as_string,
};

/* ---- Base64 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Three bytes become four letters; what is left over fewer, and padding if asked for. */
static size_t encode(const char *text, size_t length, bool pad, char *out)
{
    /* Bits of a last, shorter group are filled up with zeros. */
    size_t at = 0;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t bits = 0;
        size_t count = length - i < 3 ? length - i : 3;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < count ? (uint8_t)text[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            if (k <= count)
                out[at++] = alphabet[bits >> (18 - 6 * k) & 63];
            else if (pad)
                out[at++] = '=';
        }
    }
    return at;
}

/* SIZE_MAX: something is no letter of the alphabet. */
static size_t decode(const char *text, size_t length, char *out)
{
    size_t at = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < length; i++) {
        /* The end of the alphabet is no letter of it. */
        const char *letter = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!letter)
            return SIZE_MAX;
        bits = bits << 6 | (uint32_t)(letter - alphabet);
        if (i % 4)
            out[at++] = (char)(bits >> (6 - 2 * (i % 4)) & 255);
    }
    return at;
}

/* Each text in memory of its own that holds twice as much and more. */
static tw_status *code(tw_compute *c, bool back)
{
    /* The attribute is one of the encoder's alone. */
    bool pad = !back && tw_compute_bool(c, "pad");
    for (size_t i = 0; i < tw_input(c, 0)->count; i++) {
        size_t length, size;
        const char *text = text_at(tw_input(c, 0), i, &length);
        /* At most two signs of padding, and only where they fill up a group of four. */
        for (int k = 0; back && k < 2 && length % 4 == (k ? 3 : 0) && length; k++)
            length -= text[length - 1] == '=';
        if (back && length % 4 == 1)
            return tw_compute_fail(c, "Base64 string length cannot be 1 modulo 4.");
        char *out = length <= SIZE_MAX / 2 - 4 ? tw_alloc(2 * length + 4) : NULL;
        if (!out)
            return tw_no_memory();
        size = back ? decode(text, length, out) : encode(text, length, pad, out);
        tw_status *status = size == SIZE_MAX
                                ? tw_compute_fail(c, "Invalid character found in base64.")
                                : set_text(tw_output(c, 0), i, out, size);
        tw_free(out);
        if (status)
            return status;
    }
    return TW_OK;
}

/* Nothing can be wrong with what is encoded. */
static tw_status *compute_encode(tw_compute *c)
{
    return code(c, false);
}
/* Padding may be there or not: its number follows from the length, and it is taken away first. */
static tw_status *compute_decode(tw_compute *c)
{
    return code(c, true);
}

const tw_op_definition tw_op_EncodeBase64 = {
    .signature = "input: string -> output: string; pad: bool = false",
    .doc = "Bytes as letters, digits, - and _, three as four; with `pad` the last ones are filled "
           "up with =.",
    .builder = "encode_base64",
    .since = "EncodeBase64: 0.11",
    .examples = {"encode_base64([\"abc\", \"a\"]) -> [\"YWJj\", \"YQ\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_encode,
};

const tw_op_definition tw_op_DecodeBase64 = {
    .signature = "input: string -> output: string",
    .doc = "The bytes that EncodeBase64 was given.",
    .builder = "decode_base64",
    .since = "DecodeBase64: 0.11",
    .examples = {"decode_base64([\"YWJj\", \"YQ\", \"YQ==\"]) -> [\"abc\", \"a\", \"a\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_decode,
};

/* ---- ReduceJoin ---- */

/* Which axes are joined, as numbers from 0 on; false: *axis is none, or stands there twice. */
static bool read_axes(const tw_array *axes, size_t rank, bool *joined, int64_t *axis)
{
    int64_t n = (int64_t)rank;
    memset(joined, 0, rank * sizeof *joined);
    for (size_t i = 0; i < axes->count; i++) {
        *axis = tw_index_at(axes, i);
        if (*axis < -n || *axis >= n || joined[*axis < 0 ? *axis + n : *axis])
            return false;
        joined[*axis < 0 ? *axis + n : *axis] = true;
    }
    return true;
}

/* Which axes go is a value. Where it is not known, `keep_dims` tells the rank at least, and no axis
 * is known to stay as it is. */
static void infer_join(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0), of_axes = tw_infer_input(in, 1);
    bool keep = tw_infer_bool(in, "keep_dims"), joined[TW_MAX_RANK];
    const tw_array *axes = tw_infer_value(in, 1);
    if (of_axes.dims && of_axes.rank > 1)
        tw_infer_fail(in, "Shape must be at most rank 1 but is rank %zu", of_axes.rank);
    if (!x.dims || (!axes && !keep) || tw_infer_failed(in))
        return;
    int64_t axis, *dims = tw_infer_dims(in, x.rank);
    size_t rank = axes ? 0 : x.rank;
    if (axes && !read_axes(axes, x.rank, joined, &axis)) {
        tw_infer_fail(
            in,
            axis >= -(int64_t)x.rank && axis < (int64_t)x.rank
                ? "Duplicate reduction dimension %" PRId64 " for input with %zu dimensions."
                : "Invalid reduction dimension %" PRId64 " for input with %zu dimensions.",
            axis, x.rank);
        return;
    }
    for (size_t i = 0; axes && i < x.rank; i++)
        if (!joined[i] || keep)
            dims[rank++] = joined[i] ? 1 : x.dims[i];
    tw_infer_output(in, 0, (tw_shape){dims, rank});
}

/* The places of what is joined into one text: `first`, and steps along the axes, the first of which
 * goes fastest. */
typedef struct parts {
    size_t count, axes;
    int64_t sizes[TW_MAX_RANK];
    ptrdiff_t strides[TW_MAX_RANK];
} parts;

/* The digits of i in the sizes are the places along the axes. */
static size_t place(const parts *p, size_t first, size_t i)
{
    for (size_t k = 0; k < p->axes; k++) {
        first += i % (size_t)p->sizes[k] * (size_t)p->strides[k];
        i /= (size_t)p->sizes[k];
    }
    return first;
}

/* Twice over the parts: how long they are, and their bytes. */
static tw_status *join(const tw_compute *c, const parts *p, size_t first, size_t to)
{
    const tw_array *x = tw_input(c, 0);
    /* The sum of lengths is checked: many texts of a few bytes can be joined many times over. */
    const char *separator = tw_compute_string(c, "separator");
    size_t between = strlen(separator), size = 0, length, at = 0;
    for (size_t i = 0; i < p->count; i++) {
        text_at(x, place(p, first, i), &length);
        if (!tw_size_add(size, length, &size) || !tw_size_add(size, between, &size))
            return tw_no_memory();
    }
    char *bytes = tw_alloc(size + 1);
    if (!bytes)
        return tw_no_memory();
    for (size_t i = 0; i < p->count; i++) {
        const char *text = text_at(x, place(p, first, i), &length);
        memcpy(bytes + at, text, length);
        memcpy(bytes + at + length, separator, between);
        at += length + between;
    }
    tw_status *status = set_text(tw_output(c, 0), to, bytes, at ? at - between : 0);
    tw_free(bytes);
    return status;
}

/* What is not joined stays in its order. */
static tw_status *compute_join(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *axes = tw_input(c, 1);
    parts inner = {.count = 1}, outer = {.count = 1};
    ptrdiff_t strides[TW_MAX_RANK];
    bool joined[TW_MAX_RANK];
    int64_t axis = 0;
    if (!read_axes(axes, x->rank, joined, &axis))
        return tw_compute_fail(c, "Invalid reduction dimension %" PRId64, axis);
    tw_row_major(x->dims, x->rank, strides);
    /* Axes in the order in which they were named: the first is joined first. */
    for (size_t i = 0; i < axes->count; i++) {
        size_t k = (size_t)(tw_index_at(axes, i) +
                            (tw_index_at(axes, i) < 0 ? (int64_t)x->rank : 0));
        inner.sizes[inner.axes] = x->dims[k];
        inner.strides[inner.axes++] = strides[k];
        inner.count *= (size_t)x->dims[k];
    }
    /* Axes that stay are counted from the last one, so that outputs come in order. */
    for (size_t k = x->rank; k-- > 0;) {
        outer.sizes[outer.axes] = x->dims[k];
        outer.strides[outer.axes] = strides[k];
        outer.axes += !joined[k];
    }
    for (size_t i = 0; i < tw_output(c, 0)->count; i++)
        TW_TRY(join(c, &inner, place(&outer, 0, i), i));
    return TW_OK;
}

const tw_op_definition tw_op_ReduceJoin = {
    .signature = "inputs: string, reduction_indices: int32 -> output: string; "
                 "keep_dims: bool = false; separator: string = \"\"",
    .doc = "Texts joined along the axes `reduction_indices`, first along the first of them, with "
           "`separator` between.",
    .since = "ReduceJoin: 0.8; no axes: 1.0 (before, that meant all)",
    .examples = {"reduce_join([[\"a\", \"b\"], [\"c\", \"d\"]], 0) -> [\"ac\", \"bd\"]",
                 "reduce_join([[\"a\", \"b\"], [\"c\", \"d\"]], [1, 0], separator=\"-\") -> "
                 "\"a-b-c-d\""},
    .shape_inputs = 1 << 1,
    .infer = infer_join,
    .gradient = tw_not_differentiable,
    .compute = compute_join,
};
