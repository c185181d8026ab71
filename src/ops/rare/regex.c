/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions are run: a search keeps a list of threads in order of preference, in which
 * each instruction stands at most once (Thompson 1968, in Pike's form with places of groups). */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "ops/rare/regex_code.h"

/* ---- characters ---- */

int32_t tw_utf8_at(const char *text, size_t length, size_t at, size_t *bytes)
{
    const uint8_t *t = (const uint8_t *)text + at;
    static const int32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = t[0] < 0x80 ? 1 : t[0] >= 0xf0 ? 4 : t[0] >= 0xe0 ? 3 : 2;
    *bytes = 1;
    if (n == 1)
        return t[0];
    if (t[0] < 0xc2 || t[0] > 0xf4 || length - at < n)
        return -1;
    int32_t c = t[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((t[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | (t[i] & 0x3f);
    }
    if (c < least[n] || c > LAST_CHARACTER || (c >= 0xd800 && c < 0xe000))
        return -1;
    *bytes = n;
    return c;
}

/* ---- the expression ---- */

/* For the search: as many threads as there are instructions, and a stack twice as deep. */
static bool make_room(tw_regex *regex)
{
    size_t n = regex->code.count;
    for (size_t i = 0; i < 2; i++)
        regex->threads[i] = tw_alloc_array(n, sizeof *regex->threads[i]);
    regex->seen = tw_alloc_zero(n, 1);
    regex->stack = tw_alloc_array(2 * n + 2, sizeof *regex->stack);
    return regex->threads[0] && regex->threads[1] && regex->seen && regex->stack;
}

tw_status *tw_regex_new(const char *pattern, size_t length, tw_regex **out)
{
    tw_regex *regex = *out = TW_NEW(tw_regex);
    if (!regex)
        return tw_no_memory();
    tw_status *status = tw_regex_read(regex, pattern, length);
    if (!status && !make_room(regex))
        status = tw_no_memory();
    if (!status)
        return TW_OK;
    tw_regex_free(regex);
    *out = NULL;
    return status;
}

void tw_regex_free(tw_regex *regex)
{
    if (!regex)
        return;
    tw_vec_clear(&regex->code);
    tw_vec_clear(&regex->ranges);
    tw_free(regex->threads[0]);
    tw_free(regex->threads[1]);
    tw_free(regex->seen);
    tw_free(regex->stack);
    tw_free(regex);
}

/* ---- the search ---- */

typedef struct searching {
    tw_regex *regex;
    const char *text;
    size_t length, at;
    thread *list; /* that is filled */
    size_t count;
} searching;

static bool looks_right(const searching *s, look what)
{
    bool first = s->at == 0, last = s->at == s->length;
    bool before = !first && tw_regex_is_word((uint8_t)s->text[s->at - 1]);
    bool after = !last && tw_regex_is_word((uint8_t)s->text[s->at]);
    switch (what) {
    case TEXT_BEGIN: return first;
    case TEXT_END: return last;
    case LINE_BEGIN: return first || s->text[s->at - 1] == '\n';
    case LINE_END: return last || s->text[s->at] == '\n';
    case WORD:
    case NO_WORD: break;
    }
    return (before != after) == (what == WORD);
}

/* A thread stands before a character or at the end; on the way there it goes through all that takes
 * none. Ways that come second wait on the stack, and so do places that have to be set back. */
static void add_thread(searching *s, uint32_t at, tw_regex_match *match)
{
    tw_regex *regex = s->regex;
    size_t depth = 0;
    regex->stack[depth++] = (pending){at, 0, 0};
    while (depth) {
        pending next = regex->stack[--depth];
        if (next.at == UINT32_MAX) {
            match->at[next.slot] = next.before;
            continue;
        }
        for (uint32_t pc = next.at; !regex->seen[pc];) {
            const instruction *i = &regex->code.items[pc];
            regex->seen[pc] = 1;
            if (i->kind == SPLIT) {
                regex->stack[depth++] = (pending){(uint32_t)((int32_t)pc + i->b), 0, 0};
                pc = (uint32_t)((int32_t)pc + i->a);
            } else if (i->kind == JUMP) {
                pc = (uint32_t)((int32_t)pc + i->a);
            } else if (i->kind == SAVE) {
                uint32_t slot = (uint32_t)i->a;
                regex->stack[depth++] = (pending){UINT32_MAX, slot, match->at[slot]};
                match->at[slot] = s->at;
                pc++;
            } else if (i->kind == LOOK && looks_right(s, (look)i->a)) {
                pc++;
            } else if (i->kind == RANGES || i->kind == DONE) {
                s->list[s->count++] = (thread){pc, *match};
            }
        }
    }
}

static bool accepts(const tw_regex *regex, const instruction *i, int32_t c)
{
    bool found = false;
    if (c < 0)
        return false;
    for (int32_t k = 0; k < i->b && !found; k++) {
        const range *r = &regex->ranges.items[i->a + k];
        found = c >= r->low && c <= r->high;
    }
    return found != i->negated;
}

/* All threads over one character, in order. One that is done is better than those behind it, which
 * go. */
static bool step(searching *s, const thread *list, size_t count, bool whole, tw_regex_match *match)
{
    size_t bytes = 0;
    int32_t c = s->at < s->length ? tw_utf8_at(s->text, s->length, s->at, &bytes) : -1;
    size_t here = s->at;
    bool found = false;
    s->count = 0;
    memset(s->regex->seen, 0, s->regex->code.count);
    for (size_t k = 0; k < count && !found; k++) {
        const instruction *i = &s->regex->code.items[list[k].at];
        if (i->kind == DONE) {
            found = !whole || here == s->length;
            if (found)
                *match = list[k].match;
        } else if (accepts(s->regex, i, c)) {
            tw_regex_match own = list[k].match;
            s->at = here + bytes;
            add_thread(s, list[k].at + 1, &own);
        }
    }
    s->at = here + (bytes ? bytes : 1);
    return found;
}

bool tw_regex_search(tw_regex *regex, const char *text, size_t length, size_t from, bool whole,
                     tw_regex_match *match)
{
    searching s = {regex, text, length, from, regex->threads[0], 0};
    bool found = false;
    memset(regex->seen, 0, regex->code.count);
    for (size_t round = 0; s.at <= length; round++) {
        if (!found && (!whole || round == 0)) { /* later beginnings come behind earlier ones */
            tw_regex_match fresh;
            memset(&fresh, 0xff, sizeof fresh);
            add_thread(&s, 0, &fresh);
        }
        if (!s.count && (found || whole))
            break;
        const thread *list = s.list;
        size_t count = s.count;
        s.list = regex->threads[(round + 1) % 2];
        found = step(&s, list, count, whole, match) || found;
    }
    return found;
}
