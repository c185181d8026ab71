/* SPDX-License-Identifier: Apache-2.0
 * Text to a message tree. What Python's parser takes is taken: braces or angle brackets, an
 * optional colon before a message, commas or semicolons after any field, strings in pieces, lists
 * in brackets, comments. A singular field that comes twice keeps the later value. Errors stand at
 * the token that Python names and have its words. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "wire/text_format.h"
#include "wire/text_token.h"

/* The scratch text is kept between strings, so that a file of many short ones does not allocate
 * for each. */
typedef struct reader {
    tw_tokens tokens;
    tw_buffer scratch; /* the string that is being put together */
} reader;

/* Compares the whole token, length first, for tokens are pieces of the text and do not end in
 * NUL. */
static bool token_is(const tw_token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

/* One or more strings side by side are one. */
static tw_status *read_string(reader *r, tw_message *m, const tw_pb_field *field)
{
    tw_token first = r->tokens.now;
    r->scratch.length = 0;
    do {
        TW_TRY(tw_token_string(&r->tokens.now, &r->scratch));
        tw_tokens_next(&r->tokens);
    } while (r->tokens.now.kind == TW_TOKEN_STRING);
    tw_span span = {r->scratch.length ? r->scratch.data : "", r->scratch.length};
    if (field->kind == TW_PB_STRING && !tw_span_is_utf8(span))
        return tw_token_refuse(&first, "The text of field \"%s\" is not UTF-8.", field->name);
    return tw_message_add_span(m, field->number, span.data, span.size) ? TW_OK : tw_no_memory();
}

/* A minus may stand apart from its number; *negative then says so, and the token is the number. */
static tw_token take_number(reader *r, bool *negative)
{
    tw_token token = r->tokens.now;
    *negative = token.kind == TW_TOKEN_NUMBER && token_is(&token, "-");
    if (*negative) {
        tw_tokens_next(&r->tokens);
        token = r->tokens.now;
    }
    return token;
}

/* The sign may be a token of its own, set off by a space, and is then applied after the number
 * was read. */
static tw_status *read_double(reader *r, tw_message *m, const tw_pb_field *field)
{
    bool negative;
    double value;
    tw_token token = take_number(r, &negative);
    TW_TRY(tw_token_double(&token, &value));
    tw_tokens_next(&r->tokens);
    return tw_message_add_number(m, field->number, negative ? -value : value) ? TW_OK
                                                                              : tw_no_memory();
}

/* The largest number of a kind and the size of its most negative one. */
static void range_of(uint8_t kind, uint64_t *positive, uint64_t *negative)
{
    bool is_signed = kind == TW_PB_INT32 || kind == TW_PB_INT64 || kind == TW_PB_ENUM;
    bool wide = kind == TW_PB_INT64 || kind == TW_PB_UINT64;
    uint64_t all = wide ? UINT64_MAX : UINT32_MAX;
    *positive = is_signed ? all / 2 : all;
    *negative = is_signed ? all / 2 + 1 : 0;
}

/* The sign is kept apart from the magnitude, so that every number of 64 bits fits. */
static tw_status *read_integer(reader *r, const tw_pb_field *field, int64_t *value)
{
    bool apart, negative;
    uint64_t magnitude, positive_limit, negative_limit;
    char shown[48];
    tw_token token = take_number(r, &apart);
    TW_TRY(tw_token_integer(&token, &negative, &magnitude));
    if (apart && negative)
        return tw_token_refuse(&token, "Couldn't parse integer: -%s", tw_token_show(&token, shown));
    negative = negative || apart;
    range_of(field->kind, &positive_limit, &negative_limit);
    if (magnitude > (negative ? negative_limit : positive_limit))
        return tw_token_refuse(&token, "Value out of range: %s", tw_token_show(&token, shown));
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    tw_tokens_next(&r->tokens);
    return TW_OK;
}

/* The words that Python takes. */
static tw_status *read_bool(reader *r, int64_t *value)
{
    static const char *const words[] = {"false", "f", "0", "False", "true", "t", "1", "True"};
    char shown[48];
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (r->tokens.now.kind != TW_TOKEN_END && token_is(&r->tokens.now, words[i])) {
            *value = i >= 4;
            tw_tokens_next(&r->tokens);
            return TW_OK;
        }
    }
    return tw_token_refuse(&r->tokens.now, "Expected \"true\" or \"false\", found \"%s\".",
                           tw_token_show(&r->tokens.now, shown));
}

/* A name, or any number: enums of proto3 are open. */
static tw_status *read_enum(reader *r, const tw_pb_field *field, int64_t *value)
{
    const tw_token *token = &r->tokens.now;
    char shown[48];
    if (token->kind != TW_TOKEN_NAME)
        return read_integer(r, field, value);
    if (!tw_pb_choice_number(field->choices, token->text, token->length, value))
        return tw_token_refuse(token, "Enum type \"%s\" has no value named %s.",
                               field->choices->name, tw_token_show(token, shown));
    tw_tokens_next(&r->tokens);
    return TW_OK;
}

/* The value is read in full before the field is touched, so a refusal never leaves a field set
 * to a part of it. */
static tw_status *read_scalar(reader *r, tw_message *m, const tw_pb_field *field)
{
    int64_t value = 0;
    switch (field->kind) {
    case TW_PB_STRING:
    case TW_PB_BYTES: return read_string(r, m, field);
    case TW_PB_FLOAT:
    case TW_PB_DOUBLE: return read_double(r, m, field);
    case TW_PB_BOOL: TW_TRY(read_bool(r, &value)); break;
    case TW_PB_ENUM: TW_TRY(read_enum(r, field, &value)); break;
    default: TW_TRY(read_integer(r, field, &value));
    }
    return tw_message_add_int(m, field->number, value) ? TW_OK : tw_no_memory();
}

static tw_status *read_fields(reader *r, tw_message *m, char close, int depth);

/* `{ ... }` or `< ... >`; each must end as it began. */
static tw_status *read_child(reader *r, tw_message *m, const tw_pb_field *field, int depth)
{
    if (!tw_tokens_at(&r->tokens, '{') && !tw_tokens_at(&r->tokens, '<'))
        return tw_token_refuse(&r->tokens.now, "Expected \"{\".");
    if (depth >= TW_PB_MAX_DEPTH)
        return tw_token_refuse(&r->tokens.now, "Nested in more than %d levels.", TW_PB_MAX_DEPTH);
    char close = tw_tokens_at(&r->tokens, '{') ? '}' : '>';
    tw_tokens_next(&r->tokens);
    tw_message *child = tw_message_add_child(m, field->number);
    return child ? read_fields(r, child, close, depth + 1) : tw_no_memory();
}

/* Only messages add to the depth; a scalar ends the recursion, so it does not need to know how
 * deep it stands. */
static tw_status *read_value(reader *r, tw_message *m, const tw_pb_field *field, int depth)
{
    return field->kind == TW_PB_MESSAGE ? read_child(r, m, field, depth) : read_scalar(r, m, field);
}

/* What follows the name of a field. */
static tw_status *read_field(reader *r, tw_message *m, const tw_pb_field *field, int depth)
{
    if (!tw_tokens_try(&r->tokens, ':') && field->kind != TW_PB_MESSAGE)
        return tw_token_refuse(&r->tokens.now, "Expected \":\".");
    if (field->label == TW_PB_SINGLE || !tw_tokens_try(&r->tokens, '['))
        return read_value(r, m, field, depth);
    if (tw_tokens_try(&r->tokens, ']'))
        return TW_OK;
    do {
        TW_TRY(read_value(r, m, field, depth));
    } while (tw_tokens_try(&r->tokens, ','));
    return tw_tokens_try(&r->tokens, ']') ? TW_OK
                                          : tw_token_refuse(&r->tokens.now, "Expected \"]\".");
}

/* Fields up to `close`, or up to the end of the text where that is 0. */
static tw_status *read_fields(reader *r, tw_message *m, char close, int depth)
{
    tw_tokens *tokens = &r->tokens;
    char shown[48];
    while (!(close && tw_tokens_try(tokens, close))) {
        if (tokens->now.kind == TW_TOKEN_END && !close)
            break;
        if (tokens->now.kind == TW_TOKEN_END)
            return tw_token_refuse(&tokens->before, "Expected \"%c\".", close);
        if (tokens->now.kind != TW_TOKEN_NAME)
            return tw_token_refuse(&tokens->now, "Expected identifier, got %s.",
                                   tw_token_show(&tokens->now, shown));
        const tw_pb_field *field = tw_pb_field_by_name(m->type, tokens->now.text,
                                                       tokens->now.length);
        if (!field)
            return tw_token_refuse(&tokens->now, "Message type \"%s\" has no field named \"%s\".",
                                   m->type->name, tw_token_show(&tokens->now, shown));
        tw_tokens_next(tokens);
        TW_TRY(read_field(r, m, field, depth));
        if (!tw_tokens_try(tokens, ','))
            tw_tokens_try(tokens, ';');
    }
    return tw_message_settle(m) ? TW_OK : tw_no_memory();
}

/* A tree that was read in part stays in the arena but is not handed out; *out is NULL after
 * every failure. */
tw_status *tw_text_read(tw_arena *arena, const tw_pb_type *type, const char *text, size_t length,
                        tw_message **out)
{
    *out = NULL;
    if (length > INT32_MAX)
        return tw_value_error("%s: %zu bytes of text, where 2^31 - 1 are the most", type->name,
                              length);
    reader r = {.scratch = {0}};
    tw_tokens_start(&r.tokens, length ? text : "", length);
    tw_message *m = tw_message_new(arena, type);
    tw_status *status = m ? read_fields(&r, m, 0, 0) : tw_no_memory();
    tw_buffer_clear(&r.scratch);
    if (!status)
        *out = m;
    return status;
}
