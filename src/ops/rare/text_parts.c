/* SPDX-License-Identifier: Apache-2.0
 * Texts as bytes: StringJoin, StringSplit, StringStrip, StringLower, StringUpper, StringLength,
 * Substr. What is a letter or a blank is ASCII's, whatever the locale says.
 *
 * Texts are bytes of any value and any number, zeros among them, which no op here takes for an
 * end. Nothing is cut to a length that a program might not expect, and memory is asked for by
 * checked sizes. */
#include <string.h>

#include "ops/arrays.h"

/* Space, and the five controls that C's own locale takes for blanks. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

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

/* ---- StringJoin ---- */

/* Scalars go with every shape; the others are of one. */
static void infer_join(tw_infer *in)
{
    tw_shape all = TW_SHAPE();
    bool unknown = false;
    for (size_t i = 0; i < tw_infer_input_count(in); i++) {
        tw_shape one = tw_infer_input(in, i);
        unknown |= !one.dims;
        if (one.dims && one.rank)
            all = all.rank ? tw_infer_merge(in, all, one) : one;
    }
    if (!unknown || all.rank)
        tw_infer_output(in, 0, all);
}

/* One text of all inputs, in memory that holds the longest. */
static tw_status *join(const tw_compute *c, size_t k, tw_array *out)
{
    const char *separator = tw_compute_string(c, "separator");
    size_t between = strlen(separator), size = 0, length, at = 0;
    for (size_t i = 0; i < c->input_count; i++) {
        text_at(tw_input(c, i), tw_input(c, i)->rank ? k : 0, &length);
        if (!tw_size_add(size, length, &size) || !tw_size_add(size, between, &size))
            return tw_no_memory();
    }
    char *bytes = tw_alloc(size);
    if (!bytes)
        return tw_no_memory();
    for (size_t i = 0; i < c->input_count; i++) {
        const char *text = text_at(tw_input(c, i), tw_input(c, i)->rank ? k : 0, &length);
        memcpy(bytes + at, text, length);
        memcpy(bytes + at + length, separator, between);
        at += length + between;
    }
    tw_status *status = set_text(out, k, bytes, at ? at - between : 0);
    tw_free(bytes);
    return status;
}

/* The shape rule agreed where it knew; here all is known. */
static tw_status *compute_join(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    for (size_t i = 0; i < c->input_count; i++) {
        if (tw_input(c, i)->rank && !tw_same_shape(tw_input(c, i), out))
            return tw_compute_fail(c, "Input shapes do not match: %s vs. %s", tw_brackets(out).s,
                                   tw_brackets(tw_input(c, i)).s);
    }
    for (size_t k = 0; k < out->count; k++)
        TW_TRY(join(c, k, out));
    return TW_OK;
}

const tw_op_definition tw_op_StringJoin = {
    .signature = "inputs: N * string -> output: string; N: int >= 1; separator: string = \"\"",
    .doc = "Texts put together one behind the other, with `separator` between; scalars go with "
           "every element.",
    .since = "StringJoin: 0.8",
    .examples = {"string_join([[\"a\", \"b\"], [\"c\", \"d\"]], separator=\"-\") -> "
                 "[\"a-c\", \"b-d\"]"},
    .infer = infer_join,
    .gradient = tw_not_differentiable,
    .compute = compute_join,
};

/* ---- StringSplit ---- */

/* How many parts there are is known from the texts alone; the shape is always one of a matrix. */
static void infer_split(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_scalar(in, 1);
    tw_infer_output(in, 0, TW_SHAPE(-1, 2));
    tw_infer_output(in, 1, TW_SHAPE(-1));
    tw_infer_output(in, 2, TW_SHAPE(2));
}

/* The part of a text that begins at or after *at, up to a delimiter; false: there is none. No
 * delimiter at all makes every byte a part. Empty parts are left out if `skip` says so. */
static bool next_part(const char *text, size_t length, const char *delimiters, size_t count,
                      bool skip, size_t *at, size_t *from, size_t *to)
{
    while (*at < length + (count && !skip)) {
        size_t end = *at;
        while (count && end < length && !memchr(delimiters, text[end], count))
            end++;
        end += !count;
        *from = *at;
        *to = end;
        *at = count ? end + 1 : end;
        if (!skip || *to > *from)
            return true;
    }
    return false;
}

/* Twice: to count, and to write. */
static tw_status *compute_split(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool skip = !tw_compute_attr(c, "skip_empty") || tw_compute_bool(c, "skip_empty");
    size_t count, length, at, from, to, parts = 0, most = 0, written = 0;
    const char *delimiters = text_at(tw_input(c, 1), 0, &count);
    tw_array *indices, *values;
    for (size_t i = 0; i < x->count; i++) {
        const char *text = text_at(x, i, &length);
        size_t before = parts;
        for (at = 0; next_part(text, length, delimiters, count, skip, &at, &from, &to);)
            parts++;
        most = parts - before > most ? parts - before : most;
    }
    /* The outputs are made once, in their sizes; the second pass meets the same parts in the same
     * order, for nothing changes the texts in between. */
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)parts, 2), &indices));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)parts), &values));
    for (size_t i = 0; i < x->count; i++) {
        const char *text = text_at(x, i, &length);
        int64_t column = 0;
        for (at = 0; next_part(text, length, delimiters, count, skip, &at, &from, &to);) {
            ((int64_t *)indices->data)[2 * written] = (int64_t)i;
            ((int64_t *)indices->data)[2 * written + 1] = column++;
            TW_TRY(set_text(values, written++, text + from, to - from));
        }
    }
    ((int64_t *)tw_output_data(c, 2))[0] = (int64_t)x->count;
    ((int64_t *)tw_output_data(c, 2))[1] = (int64_t)most;
    return TW_OK;
}

const tw_op_definition tw_op_StringSplit = {
    .signature = "input: string, delimiter: string -> indices: int64, values: string, "
                 "shape: int64; skip_empty: bool = true",
    .doc = "The parts of texts between delimiters, each byte of `delimiter` being one, as a sparse "
           "matrix with a row for each text. An empty `delimiter` takes bytes apart.",
    .since = "StringSplit: 0.9; skip_empty: 1.5",
    .examples = {"string_split([\"a b\", \"c\"], \" \") -> [[0, 0], [0, 1], [1, 0]], "
                 "[\"a\", \"b\", \"c\"], [2, 2]"},
    .infer = infer_split,
    .gradient = tw_not_differentiable,
    .compute = compute_split,
};

/* ---- one text for one ---- */

/* Nothing is copied but what remains. */
static tw_status *compute_strip(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    for (size_t i = 0; i < x->count; i++) {
        size_t length;
        const char *text = text_at(x, i, &length);
        while (length && is_blank(*text))
            text++, length--;
        while (length && is_blank(text[length - 1]))
            length--;
        TW_TRY(set_text(tw_output(c, 0), i, text, length));
    }
    return TW_OK;
}

/* Letters from `first` on become those from `to` on. */
/* The new text is made apart, since a short one lies inside of its element. */
static tw_status *change_case(tw_compute *c, char first, char to)
{
    const tw_array *x = tw_input(c, 0);
    tw_status *status = TW_OK;
    for (size_t i = 0; i < x->count && !status; i++) {
        size_t length;
        const char *text = text_at(x, i, &length);
        char *bytes = tw_alloc(length);
        if (!bytes)
            return tw_no_memory();
        for (size_t k = 0; k < length; k++) {
            bool letter = text[k] >= first && text[k] <= first + 25;
            bytes[k] = (char)(letter ? text[k] - first + to : text[k]);
        }
        status = set_text(tw_output(c, 0), i, bytes, length);
        tw_free(bytes);
    }
    return status;
}

/* Letters beyond ASCII are left alone whatever the encoding says, which is TensorFlow's rule
 * for the empty encoding. */
static tw_status *compute_lower(tw_compute *c)
{
    return change_case(c, 'A', 'a');
}
/* As for small ones. */
static tw_status *compute_upper(tw_compute *c)
{
    return change_case(c, 'a', 'A');
}

/* UTF-8 characters are counted by the bytes that begin one. */
static tw_status *compute_length(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool characters = !strcmp(tw_compute_string(c, "unit"), "UTF8_CHAR");
    for (size_t i = 0; i < x->count; i++) {
        size_t length, count = 0;
        const char *text = text_at(x, i, &length);
        for (size_t k = 0; k < length; k++)
            count += !characters || (text[k] & 0xc0) != 0x80;
        ((int32_t *)tw_output_data(c, 0))[i] = (int32_t)count;
    }
    return TW_OK;
}

const tw_op_definition tw_op_StringStrip = {
    .signature = "input: string -> output: string",
    .doc = "Texts without the blanks at their ends.",
    .since = "StringStrip: 1.8",
    .examples = {"string_strip([\" a \", \"b\"]) -> [\"a\", \"b\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_strip,
};

const tw_op_definition tw_op_StringLower = {
    .signature = "input: string -> output: string; encoding: string = \"\"",
    .doc = "Texts with the letters A to Z made small; other bytes stay as they are.",
    .since = "StringLower: 1.15",
    .examples = {"string_lower([\"aBc\"]) -> [\"abc\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_lower,
};

const tw_op_definition tw_op_StringUpper = {
    .signature = "input: string -> output: string; encoding: string = \"\"",
    .doc = "Texts with the letters a to z made large; other bytes stay as they are.",
    .since = "StringUpper: 1.15",
    .examples = {"string_upper([\"aBc\"]) -> [\"ABC\"]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_upper,
};

const tw_op_definition tw_op_StringLength = {
    .signature = "input: string -> output: int32; unit: {\"BYTE\", \"UTF8_CHAR\"} = \"BYTE\"",
    .doc = "How many bytes texts have, or characters in UTF-8.",
    .since = "StringLength: 1.8; unit: 1.12",
    .examples = {"string_length([\"\", \"abc\"]) -> [0, 3]"},
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_length,
};

/* ---- Substr ---- */

/* One position and length for all texts, or one for each. */
static void infer_substr(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    tw_shape both = tw_infer_merge(in, tw_infer_input(in, 1), tw_infer_input(in, 2));
    if (tw_infer_failed(in))
        return;
    tw_infer_output(in, 0, both.dims && both.rank == 0 ? x : tw_infer_merge(in, x, both));
}

/* A position may count from the end, as one behind it. */
static tw_status *compute_substr(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *pos = tw_input(c, 1), *len = tw_input(c, 2);
    if (pos->rank && (!tw_same_shape(x, pos) || !tw_same_shape(pos, len)))
        return tw_compute_fail(c,
                               "pos and len must be scalars or have the input's shape %s, not %s",
                               tw_brackets(x).s, tw_brackets(pos).s);
    for (size_t i = 0; i < x->count; i++) {
        size_t length;
        const char *text = text_at(x, i, &length);
        int64_t from = tw_index_at(pos, pos->rank ? i : 0),
                size = tw_index_at(len, len->rank ? i : 0);
        int64_t end = (int64_t)length;
        /* The very end is a position too: what is there is empty. */
        if (from < -end || from > end)
            return tw_compute_fail(c,
                                   "pos %" PRId64 " out of range for string b'%.*s' at index %zu",
                                   from, length < 80 ? (int)length : 80, text, i);
        from = from < 0 ? from + end : from;
        size = size < 0 ? 0 : size > end - from ? end - from : size;
        TW_TRY(set_text(tw_output(c, 0), i, text + from, (size_t)size));
    }
    return TW_OK;
}

const tw_op_definition tw_op_Substr = {
    .signature = "input: string, pos: T, len: T -> output: string; "
                 "unit: {\"BYTE\"} = \"BYTE\"; T: {int32, int64}",
    .doc = "The part of texts that begins at byte `pos`, which may be negative to count from the "
           "end, and has `len` bytes or what there is.",
    .since = "Substr: 0.11; negative pos: 1.10",
    .examples = {"substr([\"hello\", \"world\"], 1, 3) -> [\"ell\", \"orl\"]",
                 "substr([\"hello\", \"world\"], [0, -2], [2, 2]) -> [\"he\", \"ld\"]"},
    .infer = infer_substr,
    .gradient = tw_not_differentiable,
    .compute = compute_substr,
};
