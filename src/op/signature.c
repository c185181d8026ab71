/* SPDX-License-Identifier: Apache-2.0
 * The parser of the signature language (see thalweg/op.h): "inputs -> outputs; attributes".
 * Recursive descent over the text; each function reads one thing and answers false once the first
 * error is kept in the parser. Arguments may name attributes that come later, so names are linked
 * at the end. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"
#include "tensor/array.h"

typedef struct parser {
    const char *text, *at;
    tw_arena *arena;
    struct tw_op *op;
    tw_status *status;
} parser;

static bool fail(parser *p, const char *format, ...) TW_PRINTF(2, 3);

static bool fail(parser *p, const char *format, ...)
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

static bool fail_memory(parser *p)
{
    if (!p->status)
        p->status = tw_no_memory();
    return false;
}

/* ---- words ---- */

static void skip_spaces(parser *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')
        p->at++;
}

static bool accept(parser *p, const char *mark)
{
    skip_spaces(p);
    if (!tw_text_starts(p->at, mark))
        return false;
    p->at += strlen(mark);
    return true;
}

static bool expect(parser *p, const char *mark)
{
    return accept(p, mark) || fail(p, "expected \"%s\"", mark);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of the word that comes next; 0: there is none. */
static size_t peek_word(parser *p)
{
    skip_spaces(p);
    size_t length = 0;
    while (is_word_char(p->at[length]))
        length++;
    return length;
}

static bool accept_word(parser *p, const char *word)
{
    size_t length = peek_word(p);
    if (length != strlen(word) || memcmp(p->at, word, length) != 0)
        return false;
    p->at += length;
    return true;
}

static bool read_word(parser *p, const char **out)
{
    size_t length = peek_word(p);
    if (length == 0 || (p->at[0] >= '0' && p->at[0] <= '9'))
        return fail(p, "expected a name");
    *out = tw_arena_strndup(p->arena, p->at, length);
    p->at += length;
    return *out || fail_memory(p);
}

static bool read_dtype(parser *p, tw_dtype *out)
{
    const char *start = p->at, *word;
    if (!read_word(p, &word))
        return false;
    *out = tw_dtype_from_name(word);
    if (*out != TW_INVALID_DTYPE)
        return true;
    p->at = start;
    return fail(p, "%s is no dtype", word);
}

/* ---- values ---- */

static bool read_int(parser *p, int64_t *out)
{
    bool negative = accept(p, "-");
    size_t length = peek_word(p);
    if (length == 0)
        return fail(p, "expected an integer");
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = p->at[i] - '0';
        if (digit < 0 || digit > 9 || !tw_int64_mul(value, 10, &value) || value > INT64_MAX - digit)
            return fail(p, "expected an integer");
        value += digit;
    }
    p->at += length;
    *out = negative ? -value : value;
    return true;
}

static double power_of_ten(int exponent)
{
    double power = 1;
    for (int i = 0; i < abs(exponent); i++)
        power *= 10;
    return power;
}

/* Decimal, independent of the locale: exact for up to 15 digits and exponents up to 22, which is
 * more than a default needs. */
static bool read_number(parser *p, double *out)
{
    skip_spaces(p);
    bool negative = accept(p, "-");
    double mantissa = 0;
    int digits = 0, exponent = 0;
    bool fraction = false;
    if (accept_word(p, "inf")) {
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
        return fail(p, "expected a number of at most 15 digits");
    if (*p->at == 'e' || *p->at == 'E') {
        int64_t given;
        p->at++;
        accept(p, "+");
        if (!read_int(p, &given))
            return false;
        exponent += given < -100 ? -100 : given > 100 ? 100 : (int)given;
    }
    if (exponent < -22 || exponent > 22)
        return fail(p, "expected an exponent from -22 to 22");
    double value = exponent < 0 ? mantissa / power_of_ten(exponent)
                                : mantissa * power_of_ten(exponent);
    *out = negative ? -value : value;
    return true;
}

static bool read_bool(parser *p, bool *out)
{
    *out = accept_word(p, "true");
    return *out || accept_word(p, "false") || fail(p, "expected true or false");
}

/* A text in " or ' with the escapes \n \t \\ \" \'. */
static bool read_string(parser *p, tw_bytes *out)
{
    skip_spaces(p);
    char quote = *p->at;
    if (quote != '"' && quote != '\'')
        return fail(p, "expected a text in quotes");
    const char *end = p->at + 1;
    while (*end && *end != quote)
        end += end[0] == '\\' && end[1] ? 2 : 1;
    if (!*end)
        return fail(p, "a text without an end");
    char *bytes = tw_arena_alloc(p->arena, (size_t)(end - p->at));
    if (!bytes)
        return fail_memory(p);
    size_t length = 0;
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
static size_t list_bound(const parser *p)
{
    size_t bound = 1;
    for (const char *c = p->at; *c; c++)
        bound += *c == ',';
    return bound;
}

/* "[2, -1]", or "?" for a shape of unknown rank. */
static bool read_shape(parser *p, tw_shape *out)
{
    if (accept(p, "?")) {
        *out = TW_UNKNOWN_SHAPE;
        return true;
    }
    int64_t *dims = tw_arena_array(p->arena, list_bound(p), sizeof *dims);
    if (!dims)
        return fail_memory(p);
    size_t rank = 0;
    if (!expect(p, "["))
        return false;
    while (!accept(p, "]")) {
        if (rank && !expect(p, ","))
            return false;
        dims[rank] = -1;
        if (!accept(p, "?") && !read_int(p, &dims[rank]))
            return false;
        rank++;
    }
    *out = (tw_shape){dims, rank};
    return rank <= TW_MAX_RANK || fail(p, "at most %d dimensions", TW_MAX_RANK);
}

/* "uint8 [4] (255, 0, 0, 255)". */
static bool read_tensor(parser *p, tw_array **out)
{
    tw_dtype dtype;
    tw_shape shape;
    if (!read_dtype(p, &dtype) || !read_shape(p, &shape) || !expect(p, "("))
        return false;
    if (!tw_dtype_is_plain(dtype))
        return fail(p, "a tensor of numbers");
    tw_array *array;
    tw_status *status = tw_array_create(dtype, shape, &array);
    if (status) {
        p->status = p->status ? p->status : status;
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < array->count && good; i++) {
        double value;
        good = (i == 0 || expect(p, ",")) && read_number(p, &value);
        if (good)
            tw_element_set(dtype, (char *)array->data + i * tw_dtype_size(dtype), value);
    }
    good = good && expect(p, ")");
    if (good)
        *out = array;
    else
        tw_array_unref(array);
    return good;
}

/* One value of `kind`, written to `out` as that kind's C type. */
static bool read_value(parser *p, tw_attr_kind kind, void *out)
{
    double number;
    switch (kind) {
    case TW_ATTR_INT: return read_int(p, out);
    case TW_ATTR_FLOAT:
        if (!read_number(p, &number))
            return false;
        *(float *)out = (float)number;
        return true;
    case TW_ATTR_BOOL: return read_bool(p, out);
    case TW_ATTR_STRING: return read_string(p, out);
    case TW_ATTR_TYPE: return read_dtype(p, out);
    case TW_ATTR_SHAPE: return read_shape(p, out);
    case TW_ATTR_TENSOR: return read_tensor(p, out);
    default: return fail(p, "a %s has no default", tw_attr_kind_name(kind));
    }
}

static bool read_list(parser *p, tw_attr *out)
{
    size_t size = tw_attr_item_size(out->kind);
    char *items = tw_arena_array(p->arena, list_bound(p), size);
    if (!items)
        return fail_memory(p);
    out->value.items = items;
    if (!expect(p, "["))
        return false;
    while (!accept(p, "]")) {
        if (out->count && !expect(p, ","))
            return false;
        if (!read_value(p, out->kind, items + out->count * size))
            return false;
        out->count++;
    }
    return true;
}

/* ---- attributes ---- */

#define REAL_TYPES                                                                        \
    TW_FLOAT32, TW_FLOAT64, TW_INT32, TW_UINT8, TW_INT16, TW_INT8, TW_INT64, TW_BFLOAT16, \
        TW_UINT16, TW_FLOAT16, TW_UINT32, TW_UINT64
static const tw_dtype number_types[] = {
    TW_FLOAT32, TW_FLOAT64, TW_INT64,     TW_INT32,      TW_UINT8,   TW_UINT16,
    TW_INT16,   TW_INT8,    TW_COMPLEX64, TW_COMPLEX128, TW_QINT8,   TW_QUINT8,
    TW_QINT32,  TW_FLOAT16, TW_UINT32,    TW_UINT64,     TW_BFLOAT16};
static const tw_dtype real_types[] = {REAL_TYPES};
static const tw_dtype quantized_types[] = {TW_QINT8, TW_QUINT8, TW_QINT32, TW_QINT16, TW_QUINT16};

/* Names for many dtypes, TensorFlow's too. */
static const struct {
    const char *name;
    const tw_dtype *types;
    size_t count;
} type_sets[] = {
    {"number", number_types, sizeof number_types / sizeof *number_types},
    {"numbertype", number_types, sizeof number_types / sizeof *number_types},
    {"realnumber", real_types, sizeof real_types / sizeof *real_types},
    {"realnumbertype", real_types, sizeof real_types / sizeof *real_types},
    {"quantizedtype", quantized_types, sizeof quantized_types / sizeof *quantized_types},
};

static void add_type(tw_dtype *types, size_t *count, tw_dtype type)
{
    for (size_t i = 0; i < *count; i++)
        if (types[i] == type)
            return;
    types[(*count)++] = type;
}

/* A set name's dtypes; false: the next word is none. */
static bool accept_type_set(parser *p, tw_dtype *types, size_t *count)
{
    for (size_t i = 0; i < sizeof type_sets / sizeof *type_sets; i++) {
        if (!accept_word(p, type_sets[i].name))
            continue;
        for (size_t k = 0; k < type_sets[i].count; k++)
            add_type(types, count, type_sets[i].types[k]);
        return true;
    }
    return false;
}

static bool read_type_set(parser *p, tw_op_attr *attr, bool braces)
{
    tw_dtype *types = tw_arena_array(p->arena, TW_DTYPE_COUNT, sizeof *types);
    if (!types)
        return fail_memory(p);
    attr->kind = TW_ATTR_TYPE;
    attr->allowed_types = types;
    do {
        tw_dtype type;
        if (accept_type_set(p, types, &attr->allowed_type_count))
            continue;
        if (!read_dtype(p, &type))
            return false;
        add_type(types, &attr->allowed_type_count, type);
    } while (braces && accept(p, ","));
    return !braces || expect(p, "}");
}

static bool read_string_set(parser *p, tw_op_attr *attr)
{
    const char **strings = tw_arena_array(p->arena, list_bound(p), sizeof *strings);
    if (!strings)
        return fail_memory(p);
    attr->kind = TW_ATTR_STRING;
    attr->allowed_strings = strings;
    do {
        tw_bytes bytes;
        if (!read_string(p, &bytes))
            return false;
        strings[attr->allowed_string_count] = tw_arena_strndup(p->arena, bytes.data, bytes.length);
        if (!strings[attr->allowed_string_count++])
            return fail_memory(p);
    } while (accept(p, ","));
    return expect(p, "}");
}

static bool read_kind(parser *p, tw_op_attr *attr)
{
    if (accept(p, "{")) {
        skip_spaces(p);
        return *p->at == '"' || *p->at == '\'' ? read_string_set(p, attr)
                                               : read_type_set(p, attr, true);
    }
    for (tw_attr_kind kind = TW_ATTR_INT; kind <= TW_ATTR_FUNC; kind++) {
        if (accept_word(p, tw_attr_kind_name(kind))) {
            attr->kind = kind;
            return true;
        }
    }
    size_t length = peek_word(p);
    for (size_t i = 0; i < sizeof type_sets / sizeof *type_sets; i++)
        if (strlen(type_sets[i].name) == length && memcmp(p->at, type_sets[i].name, length) == 0)
            return read_type_set(p, attr, false);
    return fail(p, "expected the kind of an attribute");
}

static bool read_attr(parser *p, tw_op_attr *attr)
{
    if (!read_word(p, &attr->name) || !expect(p, ":"))
        return false;
    attr->list = accept_word(p, "list");
    if (attr->list && !expect(p, "("))
        return false;
    if (!read_kind(p, attr) || (attr->list && !expect(p, ")")))
        return false;
    attr->has_minimum = accept(p, ">=");
    if (attr->has_minimum && !attr->list && attr->kind != TW_ATTR_INT)
        return fail(p, "a minimum is for int and list");
    if (attr->has_minimum && !read_int(p, &attr->minimum))
        return false;
    attr->has_default = accept(p, "=");
    tw_attr *value = &attr->default_value;
    *value = (tw_attr){.name = attr->name, .kind = attr->kind, .list = attr->list};
    if (!attr->has_default)
        return true;
    return attr->list ? read_list(p, value) : read_value(p, attr->kind, &value->value);
}

/* ---- arguments ---- */

static bool read_arg(parser *p, tw_op_arg *arg)
{
    if (!read_word(p, &arg->name) || !expect(p, ":"))
        return false;
    arg->is_ref = accept_word(p, "Ref");
    if (arg->is_ref && !expect(p, "("))
        return false;
    if (!read_word(p, &arg->type_attr))
        return false;
    if (accept(p, "*")) {
        arg->number_attr = arg->type_attr;
        if (!read_word(p, &arg->type_attr))
            return false;
    }
    return !arg->is_ref || expect(p, ")");
}

/* Arguments up to `stop`, or to what follows the last one. */
static bool read_args(parser *p, tw_op_arg *args, size_t *count, const char *stop)
{
    skip_spaces(p);
    while (*p->at && *p->at != ';' && !tw_text_starts(p->at, stop)) {
        if (*count && !expect(p, ","))
            return false;
        if (!read_arg(p, &args[(*count)++]))
            return false;
        skip_spaces(p);
    }
    return true;
}

/* Now that the attributes are known: is the word a type attribute, a list of types, or a dtype? */
static bool link_arg(parser *p, tw_op_arg *arg, bool is_input)
{
    const char *word = arg->type_attr;
    tw_op_attr *attr = (tw_op_attr *)(uintptr_t)tw_op_find_attr(p->op, word);
    tw_op_attr *number = arg->number_attr
                             ? (tw_op_attr *)(uintptr_t)tw_op_find_attr(p->op, arg->number_attr)
                             : NULL;
    if (arg->number_attr && (!number || number->kind != TW_ATTR_INT || number->list))
        return fail(p, "%s: %s is no int attribute", arg->name, arg->number_attr);
    if (number)
        number->inferred |= is_input;
    if (!attr) {
        arg->type_attr = NULL;
        arg->type = tw_dtype_from_name(word);
        return arg->type != TW_INVALID_DTYPE ||
               fail(p, "%s: %s is neither a dtype nor an attribute", arg->name, word);
    }
    if (attr->kind != TW_ATTR_TYPE || (attr->list && arg->number_attr))
        return fail(p, "%s: %s is no type attribute", arg->name, word);
    attr->inferred |= is_input;
    if (attr->list) {
        arg->type_list_attr = word;
        arg->type_attr = NULL;
    }
    return true;
}

static bool link_all(parser *p)
{
    struct tw_op *op = p->op;
    for (size_t i = 0; i < op->attr_count; i++)
        if (tw_op_find_attr(op, op->attrs[i].name) != &op->attrs[i])
            return fail(p, "attribute %s stands twice", op->attrs[i].name);
    for (size_t i = 0; i < op->input_count; i++)
        if (!link_arg(p, &op->inputs[i], true))
            return false;
    for (size_t i = 0; i < op->output_count; i++)
        if (!link_arg(p, &op->outputs[i], false))
            return false;
    for (size_t i = 0; i < op->attr_count; i++) {
        const tw_op_attr *attr = &op->attrs[i];
        if (attr->has_default && !p->status)
            p->status = tw_op_check_attr(op, attr, &attr->default_value);
    }
    return !p->status;
}

static bool read_signature(parser *p)
{
    struct tw_op *op = p->op;
    if (!read_args(p, op->inputs, &op->input_count, "->"))
        return false;
    if (accept(p, "->")) {
        if (!read_args(p, op->outputs, &op->output_count, ";"))
            return false;
    } else if (op->input_count) {
        return fail(p, "expected \"->\"");
    }
    while (accept(p, ";")) {
        skip_spaces(p);
        if (*p->at && !read_attr(p, &op->attrs[op->attr_count++]))
            return false;
    }
    skip_spaces(p);
    return (!*p->at || fail(p, "expected \";\" or the end")) && link_all(p);
}

/* How often `c` stands in `text` before `end`: more than the arguments or attributes there. */
static size_t count_char(const char *text, const char *end, char c)
{
    size_t count = 0;
    for (; text < end; text++)
        count += *text == c;
    return count;
}

tw_status *tw_signature_parse(const char *text, tw_arena *arena, struct tw_op *op)
{
    if (!text)
        return tw_value_error("op %s has no signature", op->name);
    parser p = {.text = text, .at = text, .arena = arena, .op = op};
    const char *end = text + strlen(text), *attrs = text + strcspn(text, ";");
    size_t args = count_char(text, attrs, ':');
    op->inputs = tw_arena_array(arena, args, sizeof *op->inputs);
    op->outputs = tw_arena_array(arena, args, sizeof *op->outputs);
    op->attrs = tw_arena_array(arena, count_char(attrs, end, ';'), sizeof *op->attrs);
    op->input_count = op->output_count = op->attr_count = 0;
    if (!op->inputs || !op->outputs || !op->attrs)
        return tw_no_memory();
    if (read_signature(&p))
        return TW_OK;
    for (size_t i = 0; i < op->attr_count; i++)
        tw_attr_release(&op->attrs[i].default_value);
    return p.status;
}

const tw_op_attr *tw_op_find_attr(const tw_op *op, const char *name)
{
    for (size_t i = 0; i < op->attr_count; i++)
        if (op->attrs[i].name && strcmp(op->attrs[i].name, name) == 0)
            return &op->attrs[i];
    return NULL;
}
