/* SPDX-License-Identifier: Apache-2.0
 * Reads "::-2, ..., newaxis, 1:3" as Python does, entry by entry: an integer i becomes i:i+1 and a
 * bit of the shrink mask, a missing bound a bit of its mask, as TensorFlow's own front end makes
 * them. Refusals name the text and the position, counted from 0. */
#include "tensor/slices.h"

#include <string.h>

#include "base/status.h"

/* The beginning is kept beside the place, so that a refusal can quote the text and count its
 * position. */
typedef struct reader {
    const char *text, *at;
} reader;

/* ASCII's six spaces only, as the locale must not decide which texts are taken; Python's others
 * never occur here. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(reader *r)
{
    while (is_space(*r->at))
        r->at++;
}

/* Long texts are cut in the message; the position still counts in the whole. */
static tw_status *refuse(const reader *r, const char *at, const char *what)
{
    return tw_value_error("%s at position %td of the slices \"%.200s\"", what, at - r->text,
                          r->text);
}

/* Takes a word of the text if it stands here. */
static bool take(reader *r, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    skip_space(r);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An integer if one stands here: *found. */
static tw_status *read_integer(reader *r, int64_t *value, bool *found)
{
    const char *start = r->at;
    bool negative = *r->at == '-';
    const char *at = r->at + (negative || *r->at == '+');
    *found = is_digit(*at);
    if (!*found)
        return at == start ? TW_OK : refuse(r, start, "a sign without a number");
    uint64_t magnitude = 0, limit = (uint64_t)INT64_MAX + negative;
    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (magnitude > (limit - digit) / 10)
            return refuse(r, start, "a number beyond 64 bits");
        magnitude = magnitude * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    r->at = at;
    skip_space(r);
    return TW_OK;
}

/* ":end:stride" after a begin that may be missing. */
static tw_status *read_range(reader *r, tw_slices *out, size_t i, bool has_begin)
{
    bool found;
    if (!has_begin)
        out->begin_mask |= INT64_C(1) << i;
    TW_TRY(read_integer(r, &out->end[i], &found));
    if (!found)
        out->end_mask |= INT64_C(1) << i;
    if (!take(r, ":"))
        return TW_OK;
    const char *start = r->at;
    TW_TRY(read_integer(r, &out->stride[i], &found));
    return found && out->stride[i] == 0 ? refuse(r, start, "a stride of 0") : TW_OK;
}

/* Entry i: "...", a new axis, an integer or a range. What is not set stays 0, the stride 1. */
static tw_status *read_entry(reader *r, tw_slices *out, size_t i)
{
    const char *start = r->at;
    bool found;
    out->stride[i] = 1;
    if (take(r, "...")) {
        if (out->ellipsis_mask)
            return refuse(r, start, "a second \"...\"");
        out->ellipsis_mask |= INT64_C(1) << i;
        return TW_OK;
    }
    if (take(r, "newaxis") || take(r, "tf.newaxis") || take(r, "np.newaxis") || take(r, "None")) {
        out->new_axis_mask |= INT64_C(1) << i;
        return TW_OK;
    }
    TW_TRY(read_integer(r, &out->begin[i], &found));
    if (take(r, ":"))
        return read_range(r, out, i, found);
    if (!found)
        return refuse(r, start, *start ? "an unexpected character" : "an entry is missing");
    if (out->begin[i] == INT64_MAX)
        return refuse(r, start, "an index beyond 64 bits");
    /* -1 gives the range -1:0, which TensorFlow reads as the last element because of the bit. */
    out->end[i] = out->begin[i] + 1;
    out->shrink_axis_mask |= INT64_C(1) << i;
    return TW_OK;
}

/* After a refusal *out is unspecified but initialised. */
tw_status *tw_slices_parse(const char *text, tw_slices *out)
{
    if (!out)
        return tw_value_error("tw_slices_parse needs a place for the slices");
    memset(out, 0, sizeof *out);
    if (!text)
        return tw_value_error("the text of the slices is NULL");
    reader r = {text, text};
    skip_space(&r);
    do {
        if (out->count == TW_MAX_RANK)
            return refuse(&r, r.at, "too many entries (at most 16)");
        TW_TRY(read_entry(&r, out, out->count));
        out->count++;
        if (!*r.at)
            return TW_OK;
        if (!take(&r, ","))
            return refuse(&r, r.at, "an unexpected character");
    } while (*r.at); /* a comma at the end is allowed, as in Python */
    return TW_OK;
}
