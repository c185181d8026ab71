/* SPDX-License-Identifier: Apache-2.0
 * What a regular expression is inside: a program of instructions whose jumps are relative, so that
 * a part of it can be moved and copied as it stands. regex_read.c makes it, regex.c runs it. */
#ifndef TW_OPS_REGEX_CODE_H
#define TW_OPS_REGEX_CODE_H

#include <stdint.h>

#include "base/vec.h"
#include "ops/rare/regex.h"

enum { LAST_CHARACTER = 0x10ffff };

typedef enum code_kind { RANGES, SPLIT, JUMP, SAVE, LOOK, DONE } code_kind;
typedef enum look { TEXT_BEGIN, TEXT_END, LINE_BEGIN, LINE_END, WORD, NO_WORD } look;

/* RANGES: `count` pairs from `first` on, or all but these. SPLIT: both ways, a first. JUMP: a. SAVE
 * and LOOK: a says what. */
typedef struct instruction {
    code_kind kind;
    bool negated;
    int32_t a, b;
} instruction;

typedef struct range {
    int32_t low, high;
} range;

typedef struct thread {
    uint32_t at;
    tw_regex_match match;
} thread;

/* A thread that is still to be added, or (at is UINT32_MAX) a place to be set back. */
typedef struct pending {
    uint32_t at, slot;
    size_t before;
} pending;

struct tw_regex {
    TW_VEC(instruction) code;
    TW_VEC(range) ranges;
    size_t groups;
    /* of a search: two lists, which instructions are in the one that is filled, and a stack */
    thread *threads[2];
    uint8_t *seen;
    pending *stack;
};

/* ASCII's alone, as in RE2. */
static inline bool tw_regex_is_word(int32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The program of a pattern, into a regex that has none yet; what a failure leaves is freed with
 * it. */
tw_status *tw_regex_read(tw_regex *regex, const char *pattern, size_t length);

#endif
