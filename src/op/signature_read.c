/* SPDX-License-Identifier: Apache-2.0
 * The words and values of the signature language. Each function reads one thing and answers false
 * once the first error is kept. */
#include "op/signature_read.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"
#include "tensor/array.h"

/* Keeps an error with the op, the place and what follows there; false, so that a reader can
 * return it. */
bool tw_reader_fail(tw_reader *p, const char *format, ...)
{
    if (p->status)
        return false;
    tw_buffer text = {0};
    va_list args;
    va_start(args, format);
    tw_buffer_vprintf(&text, format, args);
    va_end(args);
    char *what = tw_buffer_take(&text);
    p->status = tw_value_error("signature of op %s: %s at character %zu, before \"%.20s\"",
                               p->op->name, what ? what : "error", (size_t)(p->at - p->text),
                               p->at);
    tw_free(what);
    return false;
}

/* The first error is kept: what follows from it would only mislead. */
bool tw_reader_fail_memory(tw_reader *p)
{
    if (!p->status)
        p->status = tw_no_memory();
    return false;
}

/* ---- words ---- */

/* Line breaks count as space, so that long signatures can be written over several lines in an
 * op's definition. */
void tw_reader_skip(tw_reader *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')
        p->at++;
}

/* Reads `mark` if it comes next. Marks are punctuation: a word has its own function, which also
 * looks where the word ends. */
bool tw_reader_accept(tw_reader *p, const char *mark)
{
    tw_reader_skip(p);
    if (!tw_text_starts(p->at, mark))
        return false;
    p->at += strlen(mark);
    return true;
}

/* Where nothing else can come. */
bool tw_reader_expect(tw_reader *p, const char *mark)
{
    return tw_reader_accept(p, mark) || tw_reader_fail(p, "expected \"%s\"", mark);
}

/* Not isalnum, which asks the locale: a signature must be read alike in every program that it is
 * linked into. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of the word that comes next; 0: there is none. */
size_t tw_reader_peek(tw_reader *p)
{
    tw_reader_skip(p);
    size_t length = 0;
    while (is_word_char(p->at[length]))
        length++;
    return length;
}

/* Reads `word` if it is the whole of the next word: "list" is none in "list_of". */
bool tw_reader_accept_word(tw_reader *p, const char *word)
{
    size_t length = tw_reader_peek(p);
    if (length != strlen(word) || memcmp(p->at, word, length) != 0)
        return false;
    p->at += length;
    return true;
}

/* A name of an argument, attribute or type, copied. A digit cannot begin one. */
bool tw_reader_word(tw_reader *p, const char **out)
{
    size_t length = tw_reader_peek(p);
    if (length == 0 || (p->at[0] >= '0' && p->at[0] <= '9'))
        return tw_reader_fail(p, "expected a name");
    *out = tw_arena_strndup(p->arena, p->at, length);
    p->at += length;
    return *out || tw_reader_fail_memory(p);
}

/* TensorFlow's names and NumPy's; at an error the place is that of the word, not behind it. */
bool tw_reader_dtype(tw_reader *p, tw_dtype *out)
{
    const char *start = p->at, *word;
    if (!tw_reader_word(p, &word))
        return false;
    *out = tw_dtype_from_name(word);
    if (*out != TW_INVALID_DTYPE)
        return true;
    p->at = start;
    return tw_reader_fail(p, "%s is no dtype", word);
}

/* ---- values ---- */

/* Decimal, with a sign; what does not fit in 64 bits is an error rather than another number. */
bool tw_reader_int(tw_reader *p, int64_t *out)
{
    bool negative = tw_reader_accept(p, "-");
    size_t length = tw_reader_peek(p);
    if (length == 0)
        return tw_reader_fail(p, "expected an integer");
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = p->at[i] - '0';
        if (digit < 0 || digit > 9 || !tw_int64_mul(value, 10, &value) || value > INT64_MAX - digit)
            return tw_reader_fail(p, "expected an integer");
        value += digit;
    }
    p->at += length;
    *out = negative ? -value : value;
    return true;
}

/* Products of ten are exact up to 10^22. */
static double power_of_ten(int exponent)
{
    double power = 1;
    for (int i = 0; i < abs(exponent); i++)
        power *= 10;
    return power;
}

/* Decimal, independent of the locale: exact for up to 15 digits and exponents up to 22, which is
 * more than a default needs. */
static bool read_number(tw_reader *p, double *out)
{
    tw_reader_skip(p);
    bool negative = tw_reader_accept(p, "-");
    double mantissa = 0;
    int digits = 0, exponent = 0;
    bool fraction = false;
    if (tw_reader_accept_word(p, "inf")) {
        *out = negative ? -1 / 0.0 : 1 / 0.0;
        return true;
    }
    for (;; p->at++) {
        if (*p->at == '.' && !fraction) {
            fraction = true;
        } else if (*p->at >= '0' && *p->at <= '9') {
            mantissa = mantissa * 10 + (*p->at - '0');
            digits++;
            exponent -= fraction;
        } else {
            break;
        }
    }
    if (digits == 0 || digits > 15)
        return tw_reader_fail(p, "expected a number of at most 15 digits");
    if (*p->at == 'e' || *p->at == 'E') {
        int64_t given;
        p->at++;
        tw_reader_accept(p, "+");
        if (!tw_reader_int(p, &given))
            return false;
        exponent += given < -100 ? -100 : given > 100 ? 100 : (int)given;
    }
    if (exponent < -22 || exponent > 22)
        return tw_reader_fail(p, "expected an exponent from -22 to 22");
    double value = exponent < 0 ? mantissa / power_of_ten(exponent)
                                : mantissa * power_of_ten(exponent);
    *out = negative ? -value : value;
    return true;
}

/* As C writes it, and OpDefs do. */
static bool read_bool(tw_reader *p, bool *out)
{
    *out = tw_reader_accept_word(p, "true");
    return *out || tw_reader_accept_word(p, "false") || tw_reader_fail(p, "expected true or false");
}

/* A text in " or ' with the escapes \n \t \\ \" \'. */
bool tw_reader_string(tw_reader *p, tw_bytes *out)
{
    tw_reader_skip(p);
    char quote = *p->at;
    if (quote != '"' && quote != '\'')
        return tw_reader_fail(p, "expected a text in quotes");
    const char *end = p->at + 1;
    while (*end && *end != quote)
        end += end[0] == '\\' && end[1] ? 2 : 1;
    if (!*end)
        return tw_reader_fail(p, "a text without an end");
    char *bytes = tw_arena_alloc(p->arena, (size_t)(end - p->at));
    if (!bytes)
        return tw_reader_fail_memory(p);
    size_t length = 0;
    /* An escape keeps the byte after the backslash, but for the two that stand for control
 * characters. */
    for (const char *c = p->at + 1; c < end; c++) {
        char plain = *c;
        if (plain == '\\') {
            c++;
            plain = *c == 'n' ? '\n' : *c == 't' ? '\t' : *c;
        }
        bytes[length++] = plain;
    }
    *out = (tw_bytes){bytes, length};
    p->at = end + 1;
    return true;
}

/* How many elements a list that starts here can have at most. */
size_t tw_reader_list_bound(const tw_reader *p)
{
    size_t bound = 1;
    for (const char *c = p->at; *c; c++)
        bound += *c == ',';
    return bound;
}

/* "[2, -1]", or "?" for a shape of unknown rank. */
static bool read_shape(tw_reader *p, tw_shape *out)
{
    if (tw_reader_accept(p, "?")) {
        *out = TW_UNKNOWN_SHAPE;
        return true;
    }
    int64_t *dims = tw_arena_array(p->arena, tw_reader_list_bound(p), sizeof *dims);
    if (!dims)
        return tw_reader_fail_memory(p);
    size_t rank = 0;
    if (!tw_reader_expect(p, "["))
        return false;
    while (!tw_reader_accept(p, "]")) {
        if (rank && !tw_reader_expect(p, ","))
            return false;
        dims[rank] = -1;
        if (!tw_reader_accept(p, "?") && !tw_reader_int(p, &dims[rank]))
            return false;
        rank++;
    }
    *out = (tw_shape){dims, rank};
    return rank <= TW_MAX_RANK || tw_reader_fail(p, "at most %d dimensions", TW_MAX_RANK);
}

/* "uint8 [4] (255, 0, 0, 255)". */
static bool read_tensor(tw_reader *p, tw_array **out)
{
    tw_dtype dtype;
    tw_shape shape;
    if (!tw_reader_dtype(p, &dtype) || !read_shape(p, &shape) || !tw_reader_expect(p, "("))
        return false;
    if (!tw_dtype_is_plain(dtype))
        return tw_reader_fail(p, "a tensor of numbers");
    tw_array *array;
    tw_status *status = tw_array_create(dtype, shape, &array);
    if (status) {
        p->status = p->status ? p->status : status;
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < array->count && good; i++) {
        double value;
        good = (i == 0 || tw_reader_expect(p, ",")) && read_number(p, &value);
        if (good)
            tw_element_set(dtype, (char *)array->data + i * tw_dtype_size(dtype), value);
    }
    good = good && tw_reader_expect(p, ")");
    if (good)
        *out = array;
    else
        tw_array_unref(array);
    return good;
}

/* One value of `kind`, written to `out` as that kind's C type. */
bool tw_reader_value(tw_reader *p, tw_attr_kind kind, void *out)
{
    double number;
    switch (kind) {
    case TW_ATTR_INT: return tw_reader_int(p, out);
    case TW_ATTR_FLOAT:
        if (!read_number(p, &number))
            return false;
        *(float *)out = (float)number;
        return true;
    case TW_ATTR_BOOL: return read_bool(p, out);
    case TW_ATTR_STRING: return tw_reader_string(p, out);
    case TW_ATTR_TYPE: return tw_reader_dtype(p, out);
    case TW_ATTR_SHAPE: return read_shape(p, out);
    case TW_ATTR_TENSOR: return read_tensor(p, out);
    default: return tw_reader_fail(p, "a %s has no default", tw_attr_kind_name(kind));
    }
}

/* The elements stand one after the other as the kind's C type. `count` grows with what was read,
 * so that it is right even where the next element fails. */
bool tw_reader_list(tw_reader *p, tw_attr *out)
{
    size_t size = tw_attr_item_size(out->kind);
    char *items = tw_arena_array(p->arena, tw_reader_list_bound(p), size);
    if (!items)
        return tw_reader_fail_memory(p);
    out->value.items = items;
    if (!tw_reader_expect(p, "["))
        return false;
    while (!tw_reader_accept(p, "]")) {
        if (out->count && !tw_reader_expect(p, ","))
            return false;
        if (!tw_reader_value(p, out->kind, items + out->count * size))
            return false;
        out->count++;
    }
    return true;
}
