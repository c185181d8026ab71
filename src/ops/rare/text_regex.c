/* SPDX-License-Identifier: Apache-2.0
 * Texts and regular expressions: RegexReplace and RegexFullMatch, and their kin whose pattern is an
 * attribute.
 *
 * What a pattern means is RE2's. An empty match right behind the match before is none, so that
 * each part of a text is replaced once. */
#include <string.h>

#include "ops/arrays.h"
#include "ops/rare/regex.h"

/* The parts of a text that grows. */
typedef struct text {
    char *bytes;
    size_t count, room;
} text;

static bool append(text *t, const char *bytes, size_t count)
{
    size_t need;
    if (!tw_size_add(t->count, count, &need))
        return false;
    if (need > t->room) {
        size_t room = need < 64 ? 64 : need + need / 2;
        char *more = tw_realloc_array(t->bytes, room, 1);
        if (!more)
            return false;
        t->bytes = more;
        t->room = room;
    }
    if (count)
        memcpy(t->bytes + t->count, bytes, count);
    t->count = need;
    return true;
}

/* Bytes of an attribute or of a scalar. */
typedef struct argument {
    const char *s;
    size_t count;
} argument;

static argument get(const tw_compute *c, size_t input, const char *attr)
{
    argument out = {NULL, 0};
    if (c->input_count > 1) {
        out.s = tw_string_get(tw_input_data(c, input), &out.count);
        return out;
    }
    out.s = tw_compute_string(c, attr);
    out.count = strlen(out.s);
    return out;
}

static tw_status *compile(const tw_compute *c, tw_regex **out)
{
    argument pattern = get(c, 1, "pattern");
    tw_status *status = tw_regex_new(pattern.s, pattern.count, out);
    if (!status || tw_status_code(status) != TW_INVALID_ARGUMENT)
        return status;
    tw_status *told = tw_compute_fail(c, "Invalid pattern: %.*s, error: %s",
                                      pattern.count < 200 ? (int)pattern.count : 200, pattern.s,
                                      tw_status_message(status));
    tw_status_free(status);
    return told;
}

/* ---- RegexReplace ---- */

/* \0 to \9 are the match's groups, nothing where there is none, \\ is a backslash; at anything
 * else it ends, as in RE2. */
static bool rewrite_match(text *out, argument rewrite, const char *s, const tw_regex_match *m)
{
    bool good = true;
    for (size_t i = 0; i < rewrite.count && good; i++) {
        if (rewrite.s[i] != '\\') {
            good = append(out, rewrite.s + i, 1);
            continue;
        }
        char next = i + 1 < rewrite.count ? rewrite.s[i + 1] : ' ';
        size_t group = (size_t)(next - '0');
        if (next == '\\')
            good = append(out, "\\", 1);
        else if (group >= TW_REGEX_GROUPS)
            break;
        else if (m->at[2 * group] != SIZE_MAX)
            good = append(out, s + m->at[2 * group], m->at[2 * group + 1] - m->at[2 * group]);
        i++;
    }
    return good;
}

/* The first match, or all of them. False: no memory. */
static bool replace(tw_regex *regex, const char *s, size_t length, argument rewrite, bool all,
                    text *out)
{
    size_t at = 0, last = SIZE_MAX, bytes;
    tw_regex_match m;
    bool good = true;
    while (good && at <= length && tw_regex_search(regex, s, length, at, false, &m)) {
        good = append(out, s + at, m.at[0] - at);
        if (m.at[0] == m.at[1] && m.at[0] == last) { /* on by one character */
            at = m.at[0];
            if (at == length)
                return good;
            tw_utf8_at(s, length, at, &bytes);
            good = good && append(out, s + at, bytes);
            at += bytes;
            continue;
        }
        good = good && rewrite_match(out, rewrite, s, &m);
        at = last = m.at[1];
        if (!all)
            break;
    }
    return good && (at >= length || append(out, s + at, length - at));
}

/* One expression and one growing text serve all elements. */
static tw_status *compute_replace(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    argument rewrite = get(c, 2, "rewrite");
    bool all = tw_compute_bool(c, "replace_global");
    tw_regex *regex;
    text out = {NULL, 0, 0};
    TW_TRY(compile(c, &regex));
    tw_status *status = TW_OK;
    for (size_t i = 0; i < x->count && !status; i++) {
        size_t length;
        const char *s = tw_string_get((const tw_string *)x->data + i, &length);
        out.count = 0;
        bool good = replace(regex, s, length, rewrite, all, &out);
        status = good ? tw_string_set((tw_string *)tw_output_data(c, 0) + i, out.bytes, out.count)
                      : tw_no_memory();
    }
    tw_free(out.bytes);
    tw_regex_free(regex);
    return status;
}

/* Pattern and replacement are one for all texts. */
static void infer(tw_infer *in)
{
    for (size_t i = 1; i < tw_infer_input_count(in); i++)
        tw_infer_scalar(in, i);
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

const tw_op_definition tw_op_RegexReplace = {
    .signature = "input: string, pattern: string, rewrite: string -> output: string; "
                 "replace_global: bool = true",
    .doc = "Texts in which each match of the regular expression `pattern` (RE2's syntax), or the "
           "first one, is replaced by `rewrite`, where \\0 is the match and \\1 to \\9 its groups.",
    .since = "RegexReplace: 1.7",
    .examples = {"regex_replace([\"ab12\", \"c3\"], \"[0-9]+\", \"<\\0>\") -> "
                 "[\"ab<12>\", \"c<3>\"]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_replace,
};

const tw_op_definition tw_op_StaticRegexReplace = {
    .signature = "input: string -> output: string; pattern: string; rewrite: string; "
                 "replace_global: bool = true",
    .doc = "RegexReplace of a pattern and a replacement that are known while building.",
    .since = "StaticRegexReplace: 1.11",
    .examples = {"static_regex_replace([\"aXbX\"], pattern=\"X\", rewrite=\"-\") -> [\"a-b-\"]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_replace,
};

/* ---- RegexFullMatch ---- */

static tw_status *compute_match(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool *out = tw_output_data(c, 0);
    tw_regex *regex;
    tw_regex_match m;
    TW_TRY(compile(c, &regex));
    for (size_t i = 0; i < x->count; i++) {
        size_t length;
        const char *s = tw_string_get((const tw_string *)x->data + i, &length);
        out[i] = tw_regex_search(regex, s, length, 0, true, &m);
    }
    tw_regex_free(regex);
    return TW_OK;
}

const tw_op_definition tw_op_RegexFullMatch = {
    .signature = "input: string, pattern: string -> output: bool",
    .doc = "Whether the regular expression `pattern` (RE2's syntax) matches all of each text.",
    .since = "RegexFullMatch: 1.10",
    .examples = {"regex_full_match([\"ab\", \"abc\"], \"a.\") -> [True, False]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_match,
};

const tw_op_definition tw_op_StaticRegexFullMatch = {
    .signature = "input: string -> output: bool; pattern: string",
    .doc = "RegexFullMatch of a pattern that is known while building.",
    .since = "StaticRegexFullMatch: 1.11",
    .examples = {"static_regex_full_match([\"ab\", \"abc\"], pattern=\"a.\") -> [True, False]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_match,
};
