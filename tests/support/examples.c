/* SPDX-License-Identifier: Apache-2.0
 * A reader of Python's literals, and the rules by which positional and named arguments meet a
 * signature. */
#include "support/examples.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/array.h"

typedef enum literal_kind {
    LITERAL_INT,
    LITERAL_FLOAT,
    LITERAL_COMPLEX,
    LITERAL_BOOL,
    LITERAL_TEXT,
    LITERAL_NAME,
    LITERAL_LIST
} literal_kind;

typedef struct literal {
    literal_kind kind;
    double re, im;
    int64_t integer;
    const char *text;
    size_t length; /* of the text, or of the list */
    struct literal *items;
} literal;

typedef struct reader {
    const char *at;
    tw_arena *arena;
    bool bad;
} reader;

static void skip(reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static bool take(reader *r, char c)
{
    skip(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static literal read_literal(reader *r);

static literal read_list(reader *r)
{
    literal list = {.kind = LITERAL_LIST};
    list.items = tw_arena_array(r->arena, 256, sizeof *list.items);
    skip(r);
    while (list.items && *r->at && *r->at != ']' && list.length < 256 && !r->bad) {
        list.items[list.length++] = read_literal(r);
        if (!take(r, ','))
            break;
    }
    r->bad = r->bad || !list.items || !take(r, ']');
    return list;
}

static literal read_text(reader *r, char quote)
{
    literal text = {.kind = LITERAL_TEXT, .text = r->at};
    while (*r->at && *r->at != quote)
        r->at++;
    text.length = (size_t)(r->at - text.text);
    r->bad = r->bad || *r->at != quote;
    r->at += *r->at == quote;
    return text;
}

static literal read_name(reader *r)
{
    literal name = {.kind = LITERAL_NAME, .text = r->at};
    while (isalnum((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    name.length = (size_t)(r->at - name.text);
    if (!strncmp(name.text, "True", 4) || !strncmp(name.text, "False", 5))
        name = (literal){
            .kind = LITERAL_BOOL, .integer = *name.text == 'T', .re = *name.text == 'T'};
    else if (!strncmp(name.text, "nan", 3) || !strncmp(name.text, "inf", 3))
        name = (literal){.kind = LITERAL_FLOAT,
                         .re = *name.text == 'n' ? (double)NAN : (double)INFINITY};
    r->bad = r->bad || (name.kind == LITERAL_NAME && !name.length);
    return name;
}

static literal read_number(reader *r)
{
    char *end;
    literal number = {.kind = LITERAL_INT, .re = strtod(r->at, &end)};
    for (const char *c = r->at; c < end; c++) {
        if (strchr(".eEnf", *c))
            number.kind = LITERAL_FLOAT;
    }
    if (number.kind == LITERAL_INT)
        number.integer = strtoll(r->at, NULL, 10);
    r->bad = r->bad || end == r->at;
    r->at = end;
    if (*r->at == 'j') {
        r->at++;
        return (literal){.kind = LITERAL_COMPLEX, .im = number.re};
    }
    if ((*r->at == '+' || *r->at == '-') && !r->bad) {
        number.kind = LITERAL_COMPLEX;
        number.im = strtod(r->at, &end);
        r->at = end;
        r->bad = !take(r, 'j');
    }
    return number;
}

static literal read_literal(reader *r)
{
    skip(r);
    if (take(r, '['))
        return read_list(r);
    if (*r->at == '\'' || *r->at == '"') {
        char quote = *r->at++;
        return read_text(r, quote);
    }
    if (*r->at == 'b' && (r->at[1] == '\'' || r->at[1] == '"')) {
        char quote = r->at[1];
        r->at += 2;
        return read_text(r, quote);
    }
    if (isalpha((unsigned char)*r->at))
        return read_name(r);
    return read_number(r);
}

/* ---- literals as arrays ---- */

static literal_kind kind_of(const literal *l)
{
    if (l->kind != LITERAL_LIST)
        return l->kind;
    literal_kind kind = l->length ? kind_of(&l->items[0]) : LITERAL_FLOAT;
    for (size_t i = 1; i < l->length; i++) {
        literal_kind other = kind_of(&l->items[i]);
        kind = other > kind ? other : kind;
    }
    return kind;
}

static size_t shape_of(const literal *l, int64_t *dims)
{
    size_t rank = 0;
    for (; l->kind == LITERAL_LIST && rank < TW_MAX_RANK; l = l->items) {
        dims[rank++] = (int64_t)l->length;
        if (!l->length)
            break;
    }
    return rank;
}

static bool fill(const literal *l, tw_array *array, size_t *at)
{
    if (l->kind == LITERAL_LIST) {
        bool ok = true;
        for (size_t i = 0; i < l->length && ok; i++)
            ok = fill(&l->items[i], array, at);
        return ok;
    }
    if (*at >= array->count)
        return false;
    size_t i = (*at)++;
    char *element = (char *)array->data + i * tw_dtype_size(array->dtype);
    if (array->dtype == TW_STRING)
        return l->kind == LITERAL_TEXT && !tw_array_set_string(array, i, l->text, l->length);
    if (array->dtype == TW_INT64)
        *(int64_t *)(void *)element = l->integer;
    else if (array->dtype == TW_COMPLEX64)
        ((float *)(void *)element)[0] = (float)l->re, ((float *)(void *)element)[1] = (float)l->im;
    else if (array->dtype == TW_COMPLEX128)
        ((double *)(void *)element)[0] = l->re, ((double *)(void *)element)[1] = l->im;
    else
        tw_element_set(array->dtype, element, l->re);
    return true;
}

static tw_array *to_array(const literal *l, tw_dtype dtype)
{
    int64_t dims[TW_MAX_RANK];
    size_t rank = shape_of(l, dims), at = 0;
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank});
    if (array && (!fill(l, array, &at) || at != array->count)) {
        tw_array_unref(array);
        return NULL;
    }
    return array;
}

/* ---- arguments ---- */

typedef struct binder {
    const tw_op *op;
    example_call *call;
    literal inputs[EXAMPLE_MANY];
    bool given[EXAMPLE_MANY];
    tw_dtype types[EXAMPLE_MANY]; /* by attribute: what a type attribute was found to be */
} binder;

static size_t attr_index(const tw_op *op, const char *name, size_t length)
{
    for (size_t i = 0; i < op->attr_count; i++) {
        if (strlen(op->attrs[i].name) == length && !strncmp(op->attrs[i].name, name, length))
            return i;
    }
    return SIZE_MAX;
}

static bool allows(const tw_op_attr *attr, tw_dtype dtype)
{
    for (size_t i = 0; i < attr->allowed_type_count; i++) {
        if (attr->allowed_types[i] == dtype)
            return true;
    }
    return !attr->allowed_types;
}

/* The usual dtype of a literal among those that the attribute allows. */
static tw_dtype natural(const tw_op_attr *attr, literal_kind kind)
{
    static const tw_dtype choices[][4] = {
        [LITERAL_INT] = {TW_INT32, TW_INT64, TW_FLOAT32, TW_UINT8},
        [LITERAL_FLOAT] = {TW_FLOAT32, TW_FLOAT64, TW_COMPLEX64},
        [LITERAL_COMPLEX] = {TW_COMPLEX64, TW_COMPLEX128},
        [LITERAL_BOOL] = {TW_BOOL},
        [LITERAL_TEXT] = {TW_STRING}};
    if (kind > LITERAL_TEXT)
        return TW_INVALID_DTYPE;
    for (size_t i = 0; i < 4 && choices[kind][i]; i++) {
        if (allows(attr, choices[kind][i]))
            return choices[kind][i];
    }
    return attr->allowed_type_count ? attr->allowed_types[0] : TW_INVALID_DTYPE;
}

static bool set_attr(binder *b, const tw_op_attr *def, const literal *l)
{
    tw_attr *attr = &b->call->attrs[b->call->attr_count++];
    *attr = (tw_attr){.name = def->name, .kind = def->kind, .list = def->list};
    char *text = tw_arena_strndup(&b->call->arena, l->text ? l->text : "", l->text ? l->length : 0);
    if (def->kind == TW_ATTR_SHAPE || (def->list && def->kind == TW_ATTR_INT)) {
        int64_t *items = tw_arena_array(&b->call->arena, l->length + 1, sizeof *items);
        for (size_t i = 0; i < l->length; i++)
            items[i] = l->items[i].integer;
        attr->count = l->length;
        if (def->kind == TW_ATTR_SHAPE)
            attr->value.shape = (tw_shape){items, l->length};
        else
            attr->value.items = items;
        return l->kind == LITERAL_LIST;
    }
    if (def->list && def->kind == TW_ATTR_FLOAT && l->kind == LITERAL_LIST) {
        float *items = tw_arena_array(&b->call->arena, l->length + 1, sizeof *items);
        for (size_t i = 0; i < l->length; i++)
            items[i] = (float)l->items[i].re;
        attr->count = l->length;
        attr->value.items = items;
        return true;
    }
    if (def->list)
        return false;
    if (def->kind == TW_ATTR_INT)
        attr->value.i = l->integer;
    else if (def->kind == TW_ATTR_FLOAT)
        attr->value.f = (float)l->re;
    else if (def->kind == TW_ATTR_BOOL)
        attr->value.b = l->integer != 0;
    else if (def->kind == TW_ATTR_STRING)
        attr->value.s = (tw_bytes){text, l->length};
    else if (def->kind == TW_ATTR_TYPE)
        attr->value.type = tw_dtype_from_name(text);
    return def->kind != TW_ATTR_TYPE || attr->value.type != TW_INVALID_DTYPE;
}

static const char *bind_positional(binder *b, size_t position, const literal *l)
{
    if (position < b->op->input_count) {
        b->inputs[position] = *l;
        b->given[position] = true;
        return NULL;
    }
    position -= b->op->input_count;
    for (size_t i = 0; i < b->op->attr_count; i++) {
        const tw_op_attr *def = &b->op->attrs[i];
        if (def->inferred || def->has_default)
            continue;
        if (position-- == 0)
            return set_attr(b, def, l) ? NULL : "an attribute's value is of another kind";
    }
    return "more arguments than the op has";
}

static const char *bind_named(binder *b, const literal *name, const literal *l)
{
    for (size_t i = 0; i < b->op->input_count; i++) {
        if (strlen(b->op->inputs[i].name) == name->length &&
            !strncmp(b->op->inputs[i].name, name->text, name->length)) {
            b->inputs[i] = *l;
            b->given[i] = true;
            return NULL;
        }
    }
    size_t attr = attr_index(b->op, name->text, name->length);
    if (attr == SIZE_MAX)
        return "there is no such argument";
    return set_attr(b, &b->op->attrs[attr], l) ? NULL : "an attribute's value is of another kind";
}

/* A type attribute is what its inputs' literals are together: an int beside a float is a float. */
static void find_types(binder *b)
{
    literal_kind kinds[EXAMPLE_MANY] = {0};
    bool seen[EXAMPLE_MANY] = {false};
    for (size_t i = 0; i < b->op->input_count; i++) {
        const char *name = b->op->inputs[i].type_attr;
        size_t attr = name ? attr_index(b->op, name, strlen(name)) : SIZE_MAX;
        if (attr == SIZE_MAX || !b->given[i])
            continue;
        literal_kind kind = kind_of(&b->inputs[i]);
        kinds[attr] = !seen[attr] || kind > kinds[attr] ? kind : kinds[attr];
        seen[attr] = true;
    }
    for (size_t a = 0; a < b->op->attr_count && a < EXAMPLE_MANY; a++)
        b->types[a] = seen[a] ? natural(&b->op->attrs[a], kinds[a]) : TW_INVALID_DTYPE;
}

static tw_dtype dtype_of(binder *b, const tw_op_arg *arg, const literal *l)
{
    static const tw_op_attr any = {.name = ""};
    if (arg->type)
        return arg->type;
    if (!arg->type_attr)
        return natural(&any, kind_of(l));
    for (size_t k = 0; k < b->call->attr_count; k++) { /* given by name: cast(..., SrcT=double) */
        if (!strcmp(b->call->attrs[k].name, arg->type_attr))
            return b->call->attrs[k].value.type;
    }
    return b->types[attr_index(b->op, arg->type_attr, strlen(arg->type_attr))];
}

static const char *make_inputs(binder *b)
{
    find_types(b);
    for (size_t i = 0; i < b->op->input_count; i++) {
        const tw_op_arg *arg = &b->op->inputs[i];
        bool list = arg->number_attr || arg->type_list_attr;
        if (!b->given[i])
            return "an input is missing";
        size_t count = list ? b->inputs[i].length : 1;
        for (size_t k = 0; k < count && b->call->input_count < EXAMPLE_MANY; k++) {
            const literal *l = list ? &b->inputs[i].items[k] : &b->inputs[i];
            tw_array *array = to_array(l, dtype_of(b, arg, l));
            if (!array)
                return "an input is no array";
            b->call->inputs[b->call->input_count++] = array;
        }
        size_t number = list && arg->number_attr
                            ? attr_index(b->op, arg->number_attr, strlen(arg->number_attr))
                            : SIZE_MAX;
        bool there = false;
        for (size_t k = 0; number != SIZE_MAX && k < b->call->attr_count; k++)
            there = there || !strcmp(b->call->attrs[k].name, arg->number_attr);
        if (number != SIZE_MAX && !there)
            set_attr(b, &b->op->attrs[number],
                     &(literal){.kind = LITERAL_INT, .integer = (int64_t)count});
    }
    return NULL;
}

const char *example_read(const tw_op *op, const char *text, example_call *out)
{
    *out = (example_call){.input_count = 0};
    reader r = {.at = text, .arena = &out->arena};
    binder b = {.op = op, .call = out};
    const char *wrong = NULL;
    (void)read_name(&r);
    if (!take(&r, '('))
        return "no call";
    for (size_t position = 0; !take(&r, ')') && !wrong;) {
        literal l = read_literal(&r);
        if (l.kind == LITERAL_NAME && take(&r, '=')) {
            literal value = read_literal(&r);
            wrong = bind_named(&b, &l, &value);
        } else {
            wrong = bind_positional(&b, position++, &l);
        }
        (void)take(&r, ',');
        if (r.bad || !*r.at)
            return "cannot be read";
    }
    if (!take(&r, '-') || !take(&r, '>'))
        return wrong ? wrong : "no result";
    out->results = r.at;
    return wrong ? wrong : make_inputs(&b);
}

void example_clear(example_call *call)
{
    for (size_t i = 0; i < call->input_count; i++)
        tw_array_unref(call->inputs[i]);
    tw_arena_clear(&call->arena);
}

tw_array *example_result(tw_arena *arena, const char **at, tw_dtype dtype)
{
    reader r = {.at = *at, .arena = arena};
    skip(&r);
    if (!*r.at)
        return NULL;
    literal l = read_literal(&r);
    (void)take(&r, ',');
    *at = r.at;
    return r.bad ? NULL : to_array(&l, dtype);
}
