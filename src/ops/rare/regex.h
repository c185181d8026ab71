/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions over UTF-8, as RE2 reads them: all threads of an automaton go through the
 * text together, so that time is at most the text's length times the pattern's. */
#ifndef TW_OPS_REGEX_H
#define TW_OPS_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "thalweg/status.h"

enum { TW_REGEX_GROUPS = 10 }; /* what is kept of a match: all of it, and groups 1 to 9 */

typedef struct tw_regex tw_regex;

/* Where groups begin and end in the text; SIZE_MAX: a group had no part in the match. */
typedef struct tw_regex_match {
    size_t at[2 * TW_REGEX_GROUPS];
} tw_regex_match;

/* INVALID_ARGUMENT for what is no pattern, or one that is not served (classes of Unicode); the
 * caller's to free. */
tw_status *tw_regex_new(const char *pattern, size_t length, tw_regex **out);
void tw_regex_free(tw_regex *regex);
/* The leftmost match from `from` on, the first of several as Perl would find them; `whole`: only
 * one of all the text. Not for several threads at once, as it works in the expression's memory. */
bool tw_regex_search(tw_regex *regex, const char *text, size_t length, size_t from, bool whole,
                     tw_regex_match *match);
/* The character that begins at text[at], and its bytes; -1 and one byte for what is no UTF-8. */
int32_t tw_utf8_at(const char *text, size_t length, size_t at, size_t *bytes);

#endif
