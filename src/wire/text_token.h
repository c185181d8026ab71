/* SPDX-License-Identifier: Apache-2.0
 * The tokens of protobuf's text format: names, numbers, quoted strings and single characters, with
 * their places. */
#ifndef TW_WIRE_TEXT_TOKEN_H
#define TW_WIRE_TEXT_TOKEN_H

#include "base/text.h"
#include "thalweg/status.h"

typedef enum tw_token_kind {
    TW_TOKEN_END,
    TW_TOKEN_NAME,
    TW_TOKEN_NUMBER,
    TW_TOKEN_STRING,
    TW_TOKEN_CHAR
} tw_token_kind;

/* Borrows its bytes from the text, so that cutting allocates nothing; line and column are kept
 * for refusals alone. */
typedef struct tw_token {
    tw_token_kind kind;
    const char *text; /* a string's quotes are part of it */
    size_t length;
    size_t line, column; /* from 1 */
    bool closed;         /* a string: has its second quote */
} tw_token;

/* The token used last is kept because a closing brace that is missing is reported at the place
 * where it was expected, not at what came after. */
typedef struct tw_tokens {
    tw_token now, before; /* the token to be used next, and the one used last */
    const char *next, *end, *line_start;
    size_t line;
} tw_tokens;

/* Stands at the first token. */
void tw_tokens_start(tw_tokens *t, const char *text, size_t length);
void tw_tokens_next(tw_tokens *t);
bool tw_tokens_at(const tw_tokens *t, char c);
/* Passes over this character if it is next. */
bool tw_tokens_try(tw_tokens *t, char c);
/* A status "LINE:COLUMN : ..." for a token. */
tw_status *tw_token_refuse(const tw_token *token, const char *format, ...) TW_PRINTF(2, 3);
/* A token as an error may show it: cut short, and only printable characters. */
const char *tw_token_show(const tw_token *token, char out[48]);

/* The value of a token; each refuses with the token's place. Integers are decimal, 0x hexadecimal
 * or 0 octal. */
tw_status *tw_token_integer(const tw_token *token, bool *negative, uint64_t *magnitude);
tw_status *tw_token_double(const tw_token *token, double *value);
/* Appends the bytes of a string. */
tw_status *tw_token_string(const tw_token *token, tw_buffer *out);

#endif
