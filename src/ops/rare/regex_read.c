/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions are read: recursive descent, which writes instructions as it goes. What comes
 * before a part that is there already (a way round it, a choice) is put in front of it. */
#include <string.h>

#include "base/status.h"
#include "ops/rare/regex_code.h"

enum { MOST_INSTRUCTIONS = 20000, MOST_REPEATS = 1000, MOST_DEPTH = 200 };

typedef struct parser {
    tw_regex *regex;
    const char *text;
    size_t length, at;
    int depth;
    bool any_case, dot_all, lines, lazy; /* flags i, s, m, U */
    bool quoted;                         /* between \Q and \E */
    tw_status *status;
} parser;

/* The first error stays. */
static bool fail(parser *p, const char *what)
{
    if (!p->status)
        p->status = tw_status_new(TW_INVALID_ARGUMENT, "%s at byte %zu", what, p->at);
    return false;
}

static bool no_memory(parser *p)
{
    if (!p->status)
        p->status = tw_no_memory();
    return false;
}

static int32_t peek(const parser *p)
{
    return p->at < p->length ? (uint8_t)p->text[p->at] : -1;
}

static bool take(parser *p, const char *word)
{
    size_t n = strlen(word);
    if (p->length - p->at < n || memcmp(p->text + p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool emit(parser *p, code_kind kind, int32_t a, int32_t b)
{
    instruction made = {kind, false, a, b};
    if (p->regex->code.count >= MOST_INSTRUCTIONS)
        return fail(p, "the pattern is too large");
    return tw_vec_push(&p->regex->code, made) || no_memory(p);
}

/* Before what was made since `from`, which moves by one. */
static bool insert(parser *p, size_t from, code_kind kind, int32_t a, int32_t b)
{
    if (!emit(p, kind, a, b))
        return false;
    instruction *code = p->regex->code.items, made = code[p->regex->code.count - 1];
    memmove(code + from + 1, code + from, (p->regex->code.count - 1 - from) * sizeof *code);
    code[from] = made;
    return true;
}

/* Letters of both cases if the flag says so. */
static bool add_range(parser *p, int32_t low, int32_t high)
{
    bool good = tw_vec_push(&p->regex->ranges, ((range){low, high}));
    for (int32_t from = 'A'; p->any_case && good && from <= 'a'; from += 'a' - 'A') {
        int32_t other = from == 'A' ? 'a' - 'A' : 'A' - 'a';
        int32_t first = low > from ? low : from, last = high < from + 25 ? high : from + 25;
        if (first <= last)
            good = tw_vec_push(&p->regex->ranges, ((range){first + other, last + other}));
    }
    return good || no_memory(p);
}

/* All ranges since `first` as one instruction. */
static bool emit_ranges(parser *p, size_t first, bool negated)
{
    if (!emit(p, RANGES, (int32_t)first, (int32_t)(p->regex->ranges.count - first)))
        return false;
    p->regex->code.items[p->regex->code.count - 1].negated = negated;
    return true;
}

typedef struct named_class {
    const char *name, *pairs; /* of bytes: low, high, low, high ... */
} named_class;

static const named_class letter_classes[] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};
static const named_class word_classes[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"blank", "\t\t  "},  {"digit", "09"},
    {"graph", "!~"},     {"lower", "az"},   {"print", " ~"},      {"punct", "!/:@[`{~"},
    {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZ__az"}, {"xdigit", "09AFaf"}};

static bool add_class(parser *p, const char *pairs, bool negated)
{
    int32_t next = 0;
    for (; *pairs; pairs += 2) {
        if (!negated && !add_range(p, pairs[0], pairs[1]))
            return false;
        if (negated && next < pairs[0] && !add_range(p, next, pairs[0] - 1))
            return false;
        next = pairs[1] + 1;
    }
    return !negated || add_range(p, next, LAST_CHARACTER);
}

/* \d, \W ... behind the backslash; *known is false for another letter. */
static bool take_letter_class(parser *p, bool *known)
{
    int32_t c = peek(p);
    for (size_t i = 0; i < sizeof letter_classes / sizeof *letter_classes; i++) {
        bool negated = c == letter_classes[i].name[0] - 'a' + 'A';
        *known = negated || c == letter_classes[i].name[0];
        if (!*known)
            continue;
        p->at++;
        return add_class(p, letter_classes[i].pairs, negated);
    }
    return true;
}

static int digit_of(int32_t c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : 16;
}

/* xHH or x{H...}, with the x taken. */
static bool take_hex(parser *p, int32_t *out)
{
    bool braces = take(p, "{");
    *out = 0;
    for (int i = 0; braces ? peek(p) != '}' : i < 2; i++) {
        int digit = digit_of(peek(p));
        if (digit == 16 || i == 6)
            return fail(p, "invalid escape sequence");
        *out = *out * 16 + digit;
        p->at++;
    }
    p->at += braces;
    return *out <= LAST_CHARACTER || fail(p, "invalid escape sequence");
}

/* One character of the pattern, the backslash before it taken. */
static bool take_escaped(parser *p, int32_t *out)
{
    static const char letters[] = "a\af\fn\nr\rt\tv\v";
    int32_t c = peek(p);
    if (c < 0)
        return fail(p, "trailing \\");
    p->at++;
    for (size_t i = 0; letters[i]; i += 2) {
        if (letters[i] == c)
            return *out = letters[i + 1], true;
    }
    if (c == 'x')
        return take_hex(p, out);
    if (c >= '0' && c <= '7' && (c == '0' || digit_of(peek(p)) < 8)) {
        *out = c - '0';
        for (int i = 0; i < 2 && digit_of(peek(p)) < 8; i++, p->at++)
            *out = *out * 8 + digit_of(peek(p));
        return true;
    }
    *out = c; /* a sign stands for itself; letters and digits have meanings that are not served */
    return (c < 0x80 && !tw_regex_is_word(c)) || c == '_' || fail(p, "invalid escape sequence");
}

/* What is written as itself. */
static bool take_plain(parser *p, int32_t *out)
{
    size_t bytes;
    *out = tw_utf8_at(p->text, p->length, p->at, &bytes);
    if (*out < 0)
        return fail(p, "invalid UTF-8");
    p->at += bytes;
    return true;
}

/* One character of a class, escaped or not. */
static bool take_member(parser *p, int32_t *out)
{
    return take(p, "\\") ? take_escaped(p, out) : take_plain(p, out);
}

/* [:alpha:] or [:^alpha:]; *known is false where it is nothing of the kind. */
static bool take_word_class(parser *p, bool *known)
{
    const char *name = p->text + p->at + 2;
    size_t rest = p->length - p->at, length = 0;
    bool begins = rest > 3 && name[-2] == '[' && name[-1] == ':';
    while (begins && length + 3 < rest && memcmp(name + length, ":]", 2) != 0)
        length++;
    *known = begins && length + 3 < rest;
    if (!*known)
        return true;
    bool negated = length && *name == '^';
    for (size_t i = 0; i < sizeof word_classes / sizeof *word_classes; i++) {
        const char *word = word_classes[i].name;
        if (strlen(word) != length - negated || memcmp(word, name + negated, length - negated) != 0)
            continue;
        p->at += length + 4;
        return add_class(p, word_classes[i].pairs, negated);
    }
    return fail(p, "invalid character class range");
}

/* [:alpha:], \d, a or a-z. */
static bool take_item(parser *p)
{
    int32_t low, high;
    bool known = false;
    if (!take_word_class(p, &known) || known)
        return !p->status;
    if (peek(p) == '\\') {
        p->at++;
        if (!take_letter_class(p, &known) || known)
            return known && !p->status;
        p->at--;
    }
    if (!take_member(p, &low))
        return false;
    high = low;
    bool spans = peek(p) == '-' && p->at + 1 < p->length && p->text[p->at + 1] != ']';
    p->at += spans;
    if (spans && !take_member(p, &high))
        return false;
    return high < low ? fail(p, "invalid character class range") : add_range(p, low, high);
}

/* The bracket before it is taken. One that closes is a member where it is the first. */
static bool take_brackets(parser *p)
{
    size_t first = p->regex->ranges.count;
    bool negated = take(p, "^"), begun = false;
    for (; peek(p) != ']' || !begun; begun = true) {
        if (peek(p) < 0)
            return fail(p, "missing ]");
        if (!take_item(p))
            return false;
    }
    p->at++;
    return emit_ranges(p, first, negated);
}

static bool take_choice(parser *p);

/* (?i), (?i: and (?P<name> with the question mark taken. *only: flags for what follows. */
static bool take_flags(parser *p, bool *captures, bool *only)
{
    bool value = true;
    *captures = take(p, "P<");
    if (*captures) {
        while (tw_regex_is_word(peek(p)))
            p->at++;
        return take(p, ">") || fail(p, "invalid named capture group");
    }
    for (;;) {
        int32_t c = peek(p);
        p->at += c >= 0;
        if (c == '-' && value)
            value = false;
        else if (c == 'i')
            p->any_case = value;
        else if (c == 's')
            p->dot_all = value;
        else if (c == 'm')
            p->lines = value;
        else if (c == 'U')
            p->lazy = value;
        else if (c == ')' || c == ':')
            return *only = c == ')', true;
        else
            return fail(p, "invalid or unsupported perl operator (?");
    }
}

/* The parenthesis before it is taken. Flags that are set inside hold to its end. */
static bool take_group(parser *p)
{
    bool captures = true, only = false;
    const parser outer = *p;
    if (take(p, "?") && !take_flags(p, &captures, &only))
        return false;
    if (only)
        return true;
    size_t group = captures ? ++p->regex->groups : 0;
    bool kept = captures && group < TW_REGEX_GROUPS;
    if (++p->depth > MOST_DEPTH)
        return fail(p, "the pattern nests too deeply");
    if ((kept && !emit(p, SAVE, (int32_t)(2 * group), 0)) || !take_choice(p))
        return false;
    if (!take(p, ")"))
        return fail(p, "missing )");
    p->depth--;
    p->any_case = outer.any_case;
    p->dot_all = outer.dot_all;
    p->lines = outer.lines;
    p->lazy = outer.lazy;
    return !kept || emit(p, SAVE, (int32_t)(2 * group + 1), 0);
}

/* Behind a backslash: a place, a class or a character. */
static bool take_escape(parser *p)
{
    static const char places[] = "AzbB";
    static const look looks[] = {TEXT_BEGIN, TEXT_END, WORD, NO_WORD};
    size_t first = p->regex->ranges.count;
    const char *place = peek(p) > 0 ? strchr(places, peek(p)) : NULL;
    bool known = false;
    int32_t c;
    if (place) {
        p->at++;
        return emit(p, LOOK, (int32_t)looks[place - places], 0);
    }
    if (!take_letter_class(p, &known) || (!known && (!take_escaped(p, &c) || !add_range(p, c, c))))
        return false;
    return emit_ranges(p, first, false);
}

/* What repeats are of. */
static bool take_atom(parser *p)
{
    size_t first = p->regex->ranges.count;
    int32_t c = peek(p);
    if (p->quoted)
        return take_plain(p, &c) && add_range(p, c, c) && emit_ranges(p, first, false);
    if (strchr("*+?", c) && c)
        return fail(p, "no argument for repetition operator");
    if (take(p, "("))
        return take_group(p);
    if (take(p, "["))
        return take_brackets(p);
    if (take(p, "\\"))
        return take_escape(p);
    if (take(p, "^"))
        return emit(p, LOOK, p->lines ? LINE_BEGIN : TEXT_BEGIN, 0);
    if (take(p, "$"))
        return emit(p, LOOK, p->lines ? LINE_END : TEXT_END, 0);
    if (take(p, "."))
        return (p->dot_all || add_range(p, '\n', '\n')) && emit_ranges(p, first, true);
    return take_plain(p, &c) && add_range(p, c, c) && emit_ranges(p, first, false);
}

/* {n}, {n,} or {n,m}; false: these are plain characters. most -1: no end. */
static bool take_counts(parser *p, int *least, int *most)
{
    size_t before = p->at;
    int numbers[2] = {-1, -1}, which = 0;
    if (!take(p, "{"))
        return false;
    for (; peek(p) != '}'; p->at++) {
        int digit = peek(p) >= 0 ? digit_of(peek(p)) : 16;
        if (peek(p) == ',' && which == 0 && numbers[0] >= 0) {
            which = 1;
            continue;
        }
        if (digit > 9)
            return p->at = before, false;
        numbers[which] = (numbers[which] < 0 ? 0 : numbers[which]) * 10 + digit;
        if (numbers[which] > MOST_REPEATS)
            return fail(p, "invalid repetition size");
    }
    if (numbers[0] < 0)
        return p->at = before, false;
    p->at++;
    *least = numbers[0];
    *most = which ? numbers[1] : numbers[0];
    return *most < 0 || *most >= *least || fail(p, "invalid repetition size");
}

/* A copy of `count` instructions from `from` on. */
static bool copy(parser *p, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        instruction made = p->regex->code.items[from + i];
        if (!emit(p, made.kind, made.a, made.b))
            return false;
        p->regex->code.items[p->regex->code.count - 1].negated = made.negated;
    }
    return true;
}

/* Instructions from..end are passed by or done; lazily: passed by first. */
static bool make_optional(parser *p, size_t from, int32_t over, bool lazy)
{
    return insert(p, from, SPLIT, lazy ? over : 1, lazy ? 1 : over);
}

/* What was made since `from`, so many times. Each copy that may be left out leads to the end of
 * all. */
static bool repeat(parser *p, size_t from, int least, int most, bool lazy)
{
    size_t size = p->regex->code.count - from;
    if (most == 0) {
        p->regex->code.count = from;
        return true;
    }
    /* One is there: the others are put behind it. */
    for (int i = 1; i < (most < 0 && least == 0 ? 1 : most < 0 ? least : most); i++) {
        if (!copy(p, from, size))
            return false;
    }
    if (most < 0) { /* the last one goes round */
        int32_t back = -(int32_t)size;
        if (least == 0)
            return make_optional(p, from, (int32_t)size + 2, lazy) &&
                   emit(p, JUMP, -(int32_t)size - 1, 0);
        return emit(p, SPLIT, lazy ? 1 : back, lazy ? back : 1);
    }
    for (int i = most; i > least; i--) { /* from the last one on, so that those before stay */
        size_t at = from + (size_t)(i - 1) * size;
        if (!make_optional(p, at, (int32_t)(p->regex->code.count - at) + 1, lazy))
            return false;
    }
    return true;
}

/* An atom and what is said of how often. */
static bool take_piece(parser *p)
{
    size_t from = p->regex->code.count;
    if (!take_atom(p))
        return false;
    if (p->quoted && !take(p, "\\E"))
        return true;
    p->quoted = false;
    for (bool again = false;; again = true) {
        int least = 0, most = -1;
        if (take(p, "+"))
            least = 1;
        else if (take(p, "?"))
            most = 1;
        else if (!take(p, "*") && !take_counts(p, &least, &most))
            return !p->status;
        if (again)
            return fail(p, "bad repetition operator");
        if (!repeat(p, from, least, most, take(p, "?") != p->lazy))
            return false;
    }
}

/* One way of a choice: until the next one, or the end of the group. */
static bool take_way(parser *p)
{
    while (peek(p) >= 0 && (p->quoted || (peek(p) != '|' && peek(p) != ')'))) {
        if (take(p, "\\Q"))
            p->quoted = !take(p, "\\E");
        else if (!take_piece(p))
            return false;
    }
    return true;
}

/* Ways are made one behind the other, and each jumps to the end of the one behind it. */
static bool take_choice(parser *p)
{
    size_t from = p->regex->code.count;
    if (!take_way(p))
        return false;
    while (take(p, "|")) {
        int32_t size = (int32_t)(p->regex->code.count - from);
        if (!insert(p, from, SPLIT, 1, size + 2) || !emit(p, JUMP, 0, 0))
            return false;
        size_t jump = p->regex->code.count - 1;
        if (!take_way(p))
            return false;
        p->regex->code.items[jump].a = (int32_t)(p->regex->code.count - jump);
    }
    return true;
}

/* Around it all the places of the match itself are kept. */
tw_status *tw_regex_read(tw_regex *regex, const char *pattern, size_t length)
{
    parser p = {.regex = regex, .text = pattern, .length = length};
    if (emit(&p, SAVE, 0, 0) && take_choice(&p) && emit(&p, SAVE, 1, 0) && emit(&p, DONE, 0, 0) &&
        p.at < length)
        fail(&p, "unexpected )");
    return p.status;
}
