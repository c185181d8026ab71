/* SPDX-License-Identifier: Apache-2.0
 * The reader of golden cases: a line is words, the first says what the others are. */
#include "support/golden_cases.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/array.h"

typedef struct word {
    char *text;
    size_t length;
    bool quoted;
} word;

typedef struct line {
    const char *path;
    int number;
    word *words;
    size_t count;
} line;

static void broken(const line *l, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", l->path, l->number, what);
    exit(2);
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A quoted word in place; the end of it. */
static char *unquote(char *from, word *out)
{
    char *to = out->text = from;
    for (from++; *from && *from != '"'; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        if (*from == 'x') {
            *to++ = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
            from += 2;
        } else {
            *to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from == 'r' ? '\r' : *from;
        }
    }
    out->length = (size_t)(to - out->text);
    char *end = *from ? from + 1 : from;
    *to = '\0';
    return end;
}

static void split(line *l, char *text)
{
    l->count = 0;
    while (*text) {
        word *w = &l->words[l->count++];
        w->quoted = *text == '"';
        if (w->quoted) {
            bool at_end;
            text = unquote(text, w);
            at_end = *text == '\0';
            text += !at_end;
            continue;
        }
        w->text = text;
        w->length = strcspn(text, " ");
        text += w->length;
        if (*text)
            *text++ = '\0';
    }
}

static const char *text_at(const line *l, size_t index)
{
    if (index >= l->count)
        broken(l, "a word is missing");
    return l->words[index].text;
}

static tw_shape read_shape(golden_case *one, const char *text)
{
    if (*text != '[')
        return TW_UNKNOWN_SHAPE;
    int64_t *dims = tw_arena_array(&one->arena, TW_MAX_RANK, sizeof *dims);
    size_t rank = 0;
    for (text++; *text && *text != ']'; rank++) {
        char *end = NULL;
        dims[rank] = *text == '?' ? -1 : strtoll(text, &end, 10);
        text = end ? end : text + 1;
        text += *text == ',';
    }
    return (tw_shape){dims, rank};
}

static void put_float(tw_dtype dtype, void *element, const char *text, char **end)
{
    bool wide = dtype == TW_FLOAT64;
    tw_element_set(dtype, element, wide ? strtod(text, end) : (double)strtof(text, end));
}

static void put_element(const line *l, tw_array *array, size_t index, const word *w)
{
    size_t size = tw_dtype_size(array->dtype);
    char *element = (char *)array->data + index * size, *end;
    if (array->dtype == TW_STRING) {
        tw_array_set_string(array, index, w->text, w->length);
    } else if (tw_dtype_is_complex(array->dtype)) {
        tw_dtype part = array->dtype == TW_COMPLEX64 ? TW_FLOAT32 : TW_FLOAT64;
        put_float(part, element, w->text, &end);
        put_float(part, element + size / 2, end + 1, &end);
    } else if (tw_dtype_is_floating(array->dtype)) {
        put_float(array->dtype, element, w->text, &end);
    } else {
        bool negative = w->text[0] == '-';
        uint64_t value = negative ? (uint64_t)strtoll(w->text, &end, 10)
                                  : (uint64_t)strtoull(w->text, &end, 10);
        memcpy(element, &value, size); /* low bytes first, on every machine that runs this */
        if (*end)
            broken(l, "no integer");
    }
}

/* DTYPE SHAPE VALUES from word `at` on. */
static tw_array *read_tensor(golden_case *one, const line *l, size_t at)
{
    tw_dtype dtype = tw_dtype_from_name(text_at(l, at));
    tw_array *array = tw_array_new(dtype, read_shape(one, text_at(l, at + 1)));
    if (!array || l->count != at + 2 + array->count)
        broken(l, "a tensor with other than its number of values");
    for (size_t i = 0; i < array->count; i++)
        put_element(l, array, i, &l->words[at + 2 + i]);
    return array;
}

static golden_tensor *add_tensor(golden_case *one, const line *l, golden_tensor *list,
                                 size_t *count)
{
    if (*count == GOLDEN_MANY)
        broken(l, "too many");
    golden_tensor *t = &list[(*count)++];
    *t = (golden_tensor){.name = tw_arena_strdup(&one->arena, text_at(l, 1))};
    if (strcmp(text_at(l, 2), "none") == 0)
        return t;
    t->dtype = tw_dtype_from_name(text_at(l, 2));
    t->shape = read_shape(one, text_at(l, 3));
    if (l->count < 5 || strcmp(l->words[4].text, "uninitialized") != 0 || l->words[4].quoted)
        t->array = read_tensor(one, l, 2);
    return t;
}

static void read_input(golden_case *one, const line *l, bool is_ref)
{
    add_tensor(one, l, one->inputs, &one->input_count)->is_ref = is_ref;
    if (one->list_left)
        one->list_left--;
    else
        one->counts[one->count_count++] = 1;
}

static void read_list(golden_case *one, const line *l)
{
    one->list_left = strtoul(text_at(l, 2), NULL, 10);
    one->counts[one->count_count++] = one->list_left;
}

/* ---- attributes ---- */

static const struct {
    const char *word;
    tw_attr_kind kind;
    bool list;
    size_t size;
} attr_kinds[] = {
    {"int", TW_ATTR_INT, false, sizeof(int64_t)},
    {"float", TW_ATTR_FLOAT, false, sizeof(float)},
    {"bool", TW_ATTR_BOOL, false, sizeof(bool)},
    {"string", TW_ATTR_STRING, false, 0},
    {"type", TW_ATTR_TYPE, false, 0},
    {"shape", TW_ATTR_SHAPE, false, 0},
    {"tensor", TW_ATTR_TENSOR, false, 0},
    {"ints", TW_ATTR_INT, true, sizeof(int64_t)},
    {"floats", TW_ATTR_FLOAT, true, sizeof(float)},
    {"bools", TW_ATTR_BOOL, true, sizeof(bool)},
    {"strings", TW_ATTR_STRING, true, sizeof(tw_bytes)},
    {"types", TW_ATTR_TYPE, true, sizeof(tw_dtype)},
    {"shapes", TW_ATTR_SHAPE, true, sizeof(tw_shape)},
};

static void read_value(golden_case *one, const line *l, size_t at, tw_attr_kind kind, void *out)
{
    const char *text = text_at(l, at);
    switch (kind) {
    case TW_ATTR_INT: *(int64_t *)out = strtoll(text, NULL, 10); break;
    case TW_ATTR_FLOAT: *(float *)out = strtof(text, NULL); break;
    case TW_ATTR_BOOL: *(bool *)out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0; break;
    case TW_ATTR_STRING:
        *(tw_bytes *)out = (tw_bytes){tw_arena_strndup(&one->arena, text, l->words[at].length),
                                      l->words[at].length};
        break;
    case TW_ATTR_TYPE: *(tw_dtype *)out = tw_dtype_from_name(text); break;
    case TW_ATTR_SHAPE: *(tw_shape *)out = read_shape(one, text); break;
    case TW_ATTR_TENSOR: *(tw_array **)out = read_tensor(one, l, at); break;
    default: broken(l, "no such kind of attribute");
    }
}

static void read_attr(golden_case *one, const line *l)
{
    for (size_t k = 0; k < sizeof attr_kinds / sizeof *attr_kinds; k++) {
        if (strcmp(attr_kinds[k].word, text_at(l, 2)) != 0)
            continue;
        tw_attr *attr = &one->attrs[one->attr_count++];
        *attr = (tw_attr){.name = tw_arena_strdup(&one->arena, l->words[1].text),
                          .kind = attr_kinds[k].kind,
                          .list = attr_kinds[k].list};
        if (!attr->list) {
            read_value(one, l, 3, attr->kind, &attr->value);
            return;
        }
        attr->count = l->count - 3;
        char *items = tw_arena_array(&one->arena, attr->count, attr_kinds[k].size);
        attr->value.items = items;
        for (size_t i = 0; i < attr->count; i++)
            read_value(one, l, 3 + i, attr->kind, items + i * attr_kinds[k].size);
        return;
    }
    broken(l, "no such kind of attribute");
}

/* ---- the other lines ---- */

static tw_code code_of(const line *l, const char *name)
{
    static const char *const names[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (tw_code)i;
    broken(l, "no such code");
    return TW_UNKNOWN;
}

static void read_error(golden_case *one, const line *l)
{
    golden_error *error = &one->errors[one->error_count++];
    error->phase = tw_arena_strdup(&one->arena, text_at(l, 1));
    error->code = code_of(l, text_at(l, 2));
    error->text = tw_arena_strdup(&one->arena, text_at(l, 3));
    error->version = tw_arena_strdup(&one->arena, l->count > 4 ? l->words[4].text : "");
}

static void add_shape(golden_case *one, const line *l, golden_shape *list, size_t *count)
{
    list[*count].name = tw_arena_strdup(&one->arena, text_at(l, 1));
    list[(*count)++].shape = read_shape(one, text_at(l, 2));
}

static void read_line(golden_case *one, const line *l)
{
    const char *what = l->words[0].text;
    if (strcmp(what, "op") == 0)
        one->op = tw_arena_strdup(&one->arena, text_at(l, 1));
    else if (strcmp(what, "tf") == 0)
        for (size_t i = 1; i < l->count; i++)
            *(strcmp(l->words[i].text, "1.15.5") == 0 ? &one->new : &one->old) = true;
    else if (strcmp(what, "attr") == 0)
        read_attr(one, l);
    else if (strcmp(what, "in") == 0 || strcmp(what, "ref") == 0)
        read_input(one, l, what[0] == 'r');
    else if (strcmp(what, "list") == 0)
        read_list(one, l);
    else if (strcmp(what, "out") == 0)
        add_tensor(one, l, one->outs, &one->out_count);
    else if (strcmp(what, "after") == 0)
        add_tensor(one, l, one->afters, &one->after_count);
    else if (strcmp(what, "w") == 0)
        add_tensor(one, l, one->ws, &one->w_count);
    else if (strcmp(what, "grad") == 0)
        add_tensor(one, l, one->grads, &one->grad_count);
    else if (strcmp(what, "static") == 0)
        add_shape(one, l, one->statics, &one->static_count);
    else if (strcmp(what, "partial") == 0)
        add_shape(one, l, one->partials, &one->partial_count);
    else if (strcmp(what, "error") == 0)
        read_error(one, l);
    else if (strcmp(what, "gradient") == 0)
        *(strcmp(text_at(l, 1), "none") == 0 ? &one->gradient_none
                                             : &one->gradient_unregistered) = true;
    else if (strcmp(what, "note") != 0)
        broken(l, "an unknown line");
}

static void drop(golden_tensor *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tw_array_unref(list[i].array);
}

static void clear(golden_case *one)
{
    drop(one->inputs, one->input_count);
    drop(one->outs, one->out_count);
    drop(one->afters, one->after_count);
    drop(one->ws, one->w_count);
    drop(one->grads, one->grad_count);
    for (size_t i = 0; i < one->attr_count; i++)
        if (one->attrs[i].kind == TW_ATTR_TENSOR)
            tw_array_unref(one->attrs[i].value.tensor);
    tw_arena_clear(&one->arena);
    memset(one, 0, sizeof *one);
}

static void use_line(golden_case *one, line *l, void (*use)(const golden_case *, void *),
                     void *user)
{
    if (l->count == 0)
        return;
    if (strcmp(l->words[0].text, "case") == 0) {
        clear(one);
        one->name = tw_arena_strdup(&one->arena, text_at(l, 1));
    } else if (strcmp(l->words[0].text, "end") == 0) {
        use(one, user);
    } else {
        read_line(one, l);
    }
}

bool golden_cases_each(const char *path, void (*use)(const golden_case *one, void *user),
                       void *user)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    enum { LONGEST = 1 << 17 };
    char *text = malloc(LONGEST);
    line l = {.path = path, .words = malloc(LONGEST * sizeof(word))};
    golden_case *one = calloc(1, sizeof *one);
    while (text && l.words && one && fgets(text, LONGEST, file)) {
        l.number++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '#')
            continue;
        split(&l, text);
        use_line(one, &l, use, user);
    }
    clear(one);
    free(one);
    free(l.words);
    free(text);
    fclose(file);
    return true;
}

bool golden_is_constant(const golden_tensor *input)
{
    tw_dtype d = input->dtype;
    return !input->is_ref && (d == TW_INT32 || d == TW_INT64 || d == TW_BOOL || d == TW_STRING);
}

const golden_error *golden_error_of(const golden_case *one, const char *phase)
{
    const char *version = one->new ? "1.15.5" : "0.12.1";
    const golden_error *found = NULL;
    for (size_t i = 0; i < one->error_count; i++) {
        const golden_error *error = &one->errors[i];
        if (strcmp(error->phase, phase) == 0 &&
            (!*error->version || strcmp(error->version, version) == 0))
            found = error;
    }
    return found;
}
