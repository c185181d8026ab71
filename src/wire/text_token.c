/* SPDX-License-Identifier: Apache-2.0
 * Cutting text into tokens, and what a single token means. No token crosses a line. Nothing here
 * depends on the locale but strtod, which is given the locale's own decimal point. */
#include "wire/text_token.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* Not isdigit, which asks the locale and is undefined for negative chars, as bytes of UTF-8 may
 * be here. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Not isalpha, which asks the locale. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The value of a digit in bases up to 16, or 16. */
static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

/* Comments are space, and the only way to a new line. */
static void skip_space(tw_tokens *t)
{
    for (; t->next < t->end; t->next++) {
        char c = *t->next;
        if (c == '\n') {
            t->line++;
            t->line_start = t->next + 1;
        } else if (c == '#') {
            while (t->next + 1 < t->end && t->next[1] != '\n')
                t->next++;
        } else if (c != ' ' && !(c >= '\t' && c <= '\r')) {
            return;
        }
    }
}

/* From a quote to its partner, or to the end of the line. */
static const char *string_end(const char *p, const char *end, bool *closed)
{
    char quote = *p++;
    while (p < end && *p != '\n' && *p != quote)
        p += *p == '\\' && p + 1 < end && p[1] != '\n' ? 2 : 1;
    *closed = p < end && *p == quote;
    return *closed ? p + 1 : p;
}

/* Signs and points belong to a number, so that 1e-5 and -inf are one token, as in Python. */
static const char *word_end(const char *p, const char *end, bool points)
{
    while (p < end &&
           (is_letter(*p) || is_digit(*p) || *p == '+' || *p == '-' || (points && *p == '.')))
        p++;
    return p;
}

/* A sign belongs to the number token, and a point begins one only before a digit; what is no
 * token is a single character. */
void tw_tokens_next(tw_tokens *t)
{
    t->before = t->now;
    skip_space(t);
    const char *p = t->next, *end = t->end;
    tw_token token = {TW_TOKEN_END, p, 0, t->line, (size_t)(p - t->line_start) + 1, false};
    if (p == end) {
        t->now = token;
        return;
    }
    if (*p == '"' || *p == '\'') {
        token.kind = TW_TOKEN_STRING;
        t->next = string_end(p, end, &token.closed);
    } else if (is_letter(*p)) {
        token.kind = TW_TOKEN_NAME;
        t->next = word_end(p, end, false);
    } else if (is_digit(*p) || *p == '-' || *p == '+' ||
               (*p == '.' && p + 1 < end && is_digit(p[1]))) {
        token.kind = TW_TOKEN_NUMBER;
        t->next = word_end(p + 1, end, true);
    } else {
        token.kind = TW_TOKEN_CHAR;
        t->next = p + 1;
    }
    token.length = (size_t)(t->next - p);
    t->now = token;
}

/* The first token is read at once, so `now` is always valid; `before` starts equal to it, so
 * that places can be told. */
void tw_tokens_start(tw_tokens *t, const char *text, size_t length)
{
    *t = (tw_tokens){.next = text, .end = text + length, .line_start = text, .line = 1};
    tw_tokens_next(t);
    t->before = t->now;
}

/* A character within quotes is part of a string token, so a brace or colon in a text is never
 * taken for one. */
bool tw_tokens_at(const tw_tokens *t, char c)
{
    return t->now.kind == TW_TOKEN_CHAR && *t->now.text == c;
}

/* For optional punctuation: what is not there costs nothing and leaves the token for whoever
 * reads next. */
bool tw_tokens_try(tw_tokens *t, char c)
{
    bool there = tw_tokens_at(t, c);
    if (there)
        tw_tokens_next(t);
    return there;
}

/* Line and column stand in front in the form that Python's parser gives them, so that editors
 * and users know it. */
tw_status *tw_token_refuse(const tw_token *token, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return tw_value_error("%zu:%zu : %s", token->line, token->column, text);
}

/* Forty bytes are shown at most and unprintable ones as question marks, so that a binary file
 * cannot spoil a terminal. */
const char *tw_token_show(const tw_token *token, char out[48])
{
    size_t n = token->length < 40 ? token->length : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = token->text[i] >= ' ' && token->text[i] < 0x7F ? token->text[i] : '?';
    snprintf(out + n, 48 - n, "%s", n < token->length ? "..." : "");
    return out;
}

/* Decimal, 0x and octal as in C; the sign is kept apart, so that the full range of uint64 fits. */
tw_status *tw_token_integer(const tw_token *token, bool *negative, uint64_t *magnitude)
{
    const char *p = token->text, *end = p + token->length;
    char shown[48];
    uint64_t value = 0;
    unsigned base = 10;
    *negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (end - p > 1 && *p == '0') {
        base = p[1] == 'x' || p[1] == 'X' ? 16 : 8;
        p += base == 16 ? 2 : 1;
    }
    bool any = p < end;
    for (; p < end; p++) {
        unsigned digit = digit_value(*p);
        if (digit >= base)
            break;
        if (value > (UINT64_MAX - digit) / base)
            return tw_token_refuse(token, "Value out of range: %s", tw_token_show(token, shown));
        value = value * base + digit;
    }
    if (!any || p < end || token->kind != TW_TOKEN_NUMBER)
        return tw_token_refuse(token, "Couldn't parse integer: %s", tw_token_show(token, shown));
    *magnitude = value;
    return TW_OK;
}

/* Bounded by `end` and not by a NUL, since the text is given with its length and may lie in
 * mapped memory. */
static const char *digits_end(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

/* Whether this is digits, a point and digits, an exponent, each part optional but not all digits.
 */
static bool is_decimal(const char *p, const char *end)
{
    const char *whole = digits_end(p, end), *fraction = whole;
    size_t digits = (size_t)(whole - p);
    if (whole < end && *whole == '.') {
        fraction = digits_end(whole + 1, end);
        digits += (size_t)(fraction - whole - 1);
    }
    p = fraction;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (digits_end(p, end) == p)
            return false;
        p = digits_end(p, end);
    }
    return digits > 0 && p == end;
}

/* Ignores case; `word` is in lower case. */
static bool is_word(const char *p, const char *end, const char *word)
{
    for (; p < end && *word; p++, word++)
        if ((*p | 0x20) != *word)
            return false;
    return p == end && !*word;
}

/* strtod on a copy with the locale's decimal point in place of '.'. */
static bool decimal_value(const char *p, const char *end, double *value)
{
    tw_buffer copy = {0};
    for (; p < end; p++) {
        if (*p == '.')
            tw_buffer_add_text(&copy, localeconv()->decimal_point);
        else
            tw_buffer_add_char(&copy, *p);
    }
    bool ok = !copy.failed;
    if (ok)
        *value = strtod(copy.data, NULL);
    tw_buffer_clear(&copy);
    return ok;
}

/* Words are tried before digits, because "inf" with C's mark of a float would else lose its last
 * letter and be refused. */
tw_status *tw_token_double(const tw_token *token, double *value)
{
    const char *p = token->text, *end = p + token->length;
    char shown[48];
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (token->kind == TW_TOKEN_NAME || token->kind == TW_TOKEN_NUMBER) {
        /* A final f is C's mark of a float, allowed even on infinities. */
        const char *bare = end > p && (end[-1] == 'f' || end[-1] == 'F') ? end - 1 : end;
        double size = 0;
        if (is_word(p, end, "inf") || is_word(p, bare, "inf") || is_word(p, bare, "infinity"))
            size = HUGE_VAL;
        else if (is_word(p, bare, "nan"))
            size = (double)NAN;
        else if (!is_decimal(p, bare))
            return tw_token_refuse(token, "Couldn't parse float: %s", tw_token_show(token, shown));
        else if (!decimal_value(p, bare, &size))
            return tw_no_memory();
        *value = negative ? -size : size;
        return TW_OK;
    }
    return tw_token_refuse(token, "Couldn't parse float: %s", tw_token_show(token, shown));
}

/* One escape at *p, behind its backslash: its byte, and *p behind it. -1: none. */
static int escape_value(const char **p, const char *end)
{
    static const char letters[] = "abfnrtv\\'\"?", values[] = "\a\b\f\n\r\t\v\\'\"?";
    const char *letter = **p ? strchr(letters, **p) : NULL;
    if (letter) {
        (*p)++;
        return values[letter - letters];
    }
    bool hex = **p == 'x' || **p == 'X';
    unsigned base = hex ? 16 : 8, value = 0;
    int n = 0;
    for (*p += hex; n < (hex ? 2 : 3) && *p < end && digit_value(**p) < base; n++)
        value = value * base + digit_value(*(*p)++);
    return n && value < 256 ? (int)value : -1;
}

/* Adds to the buffer and does not clear it, since several strings in a row are pieces of one
 * value. */
tw_status *tw_token_string(const tw_token *token, tw_buffer *out)
{
    char shown[48];
    if (token->kind != TW_TOKEN_STRING)
        return tw_token_refuse(token, "Expected string but found: %s", tw_token_show(token, shown));
    if (!token->closed)
        return tw_token_refuse(token, "String missing ending quote: %s",
                               tw_token_show(token, shown));
    const char *p = token->text + 1, *end = token->text + token->length - 1;
    while (p < end) {
        const char *plain = p;
        while (p < end && *p != '\\')
            p++;
        tw_buffer_add(out, plain, (size_t)(p - plain));
        if (p == end)
            break;
        tw_token escape = *token;
        escape.column += (size_t)(p - token->text);
        p++;
        int value = escape_value(&p, end);
        if (value < 0)
            return tw_token_refuse(&escape, "Invalid escape sequence in string.");
        tw_buffer_add_char(out, (char)value);
    }
    return out->failed ? tw_no_memory() : TW_OK;
}
