/* SPDX-License-Identifier: Apache-2.0
 * The parser of the signature language (see thalweg/op.h): "inputs -> outputs; attributes".
 * Recursive descent over the text; each function reads one thing and answers false once the first
 * error is kept in the parser. Arguments may name attributes that come later, so names are linked
 * at the end. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"
#include "op/signature_read.h"
#include "tensor/array.h"

/* ---- attributes ---- */

static const tw_dtype number_types[] = {
    TW_FLOAT32, TW_FLOAT64, TW_INT64,     TW_INT32,      TW_UINT8,   TW_UINT16,
    TW_INT16,   TW_INT8,    TW_COMPLEX64, TW_COMPLEX128, TW_QINT8,   TW_QUINT8,
    TW_QINT32,  TW_FLOAT16, TW_UINT32,    TW_UINT64,     TW_BFLOAT16};
static const tw_dtype real_types[] = {TW_FLOAT32, TW_FLOAT64, TW_INT32,  TW_UINT8,
                                      TW_INT16,   TW_INT8,    TW_INT64,  TW_BFLOAT16,
                                      TW_UINT16,  TW_FLOAT16, TW_UINT32, TW_UINT64};
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

/* Sets may overlap ("realnumber, float"): a dtype stands once, where it came first, which is the
 * order that error texts list. */
static void add_type(tw_dtype *types, size_t *count, tw_dtype type)
{
    for (size_t i = 0; i < *count; i++)
        if (types[i] == type)
            return;
    types[(*count)++] = type;
}

/* A set name's dtypes; false: the next word is none. */
static bool accept_type_set(tw_reader *p, tw_dtype *types, size_t *count)
{
    for (size_t i = 0; i < sizeof type_sets / sizeof *type_sets; i++) {
        if (!tw_reader_accept_word(p, type_sets[i].name))
            continue;
        for (size_t k = 0; k < type_sets[i].count; k++)
            add_type(types, count, type_sets[i].types[k]);
        return true;
    }
    return false;
}

/* The dtypes of `{...}`, whose opening brace was read, or of one set name without braces. There
 * are fewer dtypes than the room taken. */
static bool read_type_set(tw_reader *p, tw_op_attr *attr, bool braces)
{
    tw_dtype *types = tw_arena_array(p->arena, TW_DTYPE_COUNT, sizeof *types);
    if (!types)
        return tw_reader_fail_memory(p);
    attr->kind = TW_ATTR_TYPE;
    attr->allowed_types = types;
    do {
        tw_dtype type;
        if (accept_type_set(p, types, &attr->allowed_type_count))
            continue;
        if (!tw_reader_dtype(p, &type))
            return false;
        add_type(types, &attr->allowed_type_count, type);
    } while (braces && tw_reader_accept(p, ","));
    return !braces || tw_reader_expect(p, "}");
}

/* The texts of `{...}`; the allowed values of a padding or a mode. */
static bool read_string_set(tw_reader *p, tw_op_attr *attr)
{
    const char **strings = tw_arena_array(p->arena, tw_reader_list_bound(p), sizeof *strings);
    if (!strings)
        return tw_reader_fail_memory(p);
    attr->kind = TW_ATTR_STRING;
    attr->allowed_strings = strings;
    do {
        tw_bytes bytes;
        if (!tw_reader_string(p, &bytes))
            return false;
        strings[attr->allowed_string_count] = tw_arena_strndup(p->arena, bytes.data, bytes.length);
        if (!strings[attr->allowed_string_count++])
            return tw_reader_fail_memory(p);
    } while (tw_reader_accept(p, ","));
    return tw_reader_expect(p, "}");
}

/* A set of values, one of the kinds by its name, or the name of a set of dtypes. */
static bool read_kind(tw_reader *p, tw_op_attr *attr)
{
    if (tw_reader_accept(p, "{")) {
        tw_reader_skip(p);
        return *p->at == '"' || *p->at == '\'' ? read_string_set(p, attr)
                                               : read_type_set(p, attr, true);
    }
    for (tw_attr_kind kind = TW_ATTR_INT; kind <= TW_ATTR_FUNC; kind++) {
        if (tw_reader_accept_word(p, tw_attr_kind_name(kind))) {
            attr->kind = kind;
            return true;
        }
    }
    size_t length = tw_reader_peek(p);
    for (size_t i = 0; i < sizeof type_sets / sizeof *type_sets; i++)
        if (strlen(type_sets[i].name) == length && memcmp(p->at, type_sets[i].name, length) == 0)
            return read_type_set(p, attr, false);
    return tw_reader_fail(p, "expected the kind of an attribute");
}

/* `name: kind [>= minimum] [= default]`. The default takes the attribute's name, so that it can
 * be put into a node as it is. */
static bool read_attr(tw_reader *p, tw_op_attr *attr)
{
    if (!tw_reader_word(p, &attr->name) || !tw_reader_expect(p, ":"))
        return false;
    attr->list = tw_reader_accept_word(p, "list");
    if (attr->list && !tw_reader_expect(p, "("))
        return false;
    if (!read_kind(p, attr) || (attr->list && !tw_reader_expect(p, ")")))
        return false;
    attr->has_minimum = tw_reader_accept(p, ">=");
    if (attr->has_minimum && !attr->list && attr->kind != TW_ATTR_INT)
        return tw_reader_fail(p, "a minimum is for int and list");
    if (attr->has_minimum && !tw_reader_int(p, &attr->minimum))
        return false;
    attr->has_default = tw_reader_accept(p, "=");
    tw_attr *value = &attr->default_value;
    *value = (tw_attr){.name = attr->name, .kind = attr->kind, .list = attr->list};
    if (!attr->has_default)
        return true;
    return attr->list ? tw_reader_list(p, value) : tw_reader_value(p, attr->kind, &value->value);
}

/* ---- arguments ---- */

/* `name: type`. Until everything is read, `type_attr` holds whatever word says the dtype:
 * whether it names an attribute is known only later. */
static bool read_arg(tw_reader *p, tw_op_arg *arg)
{
    if (!tw_reader_word(p, &arg->name) || !tw_reader_expect(p, ":"))
        return false;
    arg->is_ref = tw_reader_accept_word(p, "Ref");
    if (arg->is_ref && !tw_reader_expect(p, "("))
        return false;
    if (!tw_reader_word(p, &arg->type_attr))
        return false;
    if (tw_reader_accept(p, "*")) {
        arg->number_attr = arg->type_attr;
        if (!tw_reader_word(p, &arg->type_attr))
            return false;
    }
    return !arg->is_ref || tw_reader_expect(p, ")");
}

/* Arguments up to `stop`, or to what follows the last one. */
static bool read_args(tw_reader *p, tw_op_arg *args, size_t *count, const char *stop)
{
    tw_reader_skip(p);
    while (*p->at && *p->at != ';' && !tw_text_starts(p->at, stop)) {
        if (*count && !tw_reader_expect(p, ","))
            return false;
        if (!read_arg(p, &args[(*count)++]))
            return false;
        tw_reader_skip(p);
    }
    return true;
}

/* The place of an attribute; -1 for NULL. */
static int16_t place_of(const tw_op *op, const tw_op_attr *attr)
{
    return (int16_t)(attr ? attr - op->attrs : -1);
}

/* Now that the attributes are known: is the word a type attribute, a list of types, or a dtype? */
static bool link_arg(tw_reader *p, tw_op_arg *arg, tw_arg_attrs *places, bool is_input)
{
    const char *word = arg->type_attr;
    tw_op_attr *attr = (tw_op_attr *)(uintptr_t)tw_op_find_attr(p->op, word);
    tw_op_attr *number = arg->number_attr
                             ? (tw_op_attr *)(uintptr_t)tw_op_find_attr(p->op, arg->number_attr)
                             : NULL;
    if (arg->number_attr && (!number || number->kind != TW_ATTR_INT || number->list))
        return tw_reader_fail(p, "%s: %s is no int attribute", arg->name, arg->number_attr);
    if (number)
        number->inferred |= is_input;
    *places = (tw_arg_attrs){-1, place_of(p->op, number), -1};
    if (!attr) {
        arg->type_attr = NULL;
        arg->type = tw_dtype_from_name(word);
        return arg->type != TW_INVALID_DTYPE ||
               tw_reader_fail(p, "%s: %s is neither a dtype nor an attribute", arg->name, word);
    }
    if (attr->kind != TW_ATTR_TYPE || (attr->list && arg->number_attr))
        return tw_reader_fail(p, "%s: %s is no type attribute", arg->name, word);
    attr->inferred |= is_input;
    *(attr->list ? &places->type_list : &places->type) = place_of(p->op, attr);
    if (attr->list) {
        arg->type_list_attr = word;
        arg->type_attr = NULL;
    }
    return true;
}

/* Checks that need all of the signature: names that stand twice, what words mean, defaults that
 * the op itself would refuse. */
static bool link_all(tw_reader *p)
{
    struct tw_op *op = p->op;
    for (size_t i = 0; i < op->attr_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(op->attrs[k].name, op->attrs[i].name) == 0)
                return tw_reader_fail(p, "attribute %s stands twice", op->attrs[i].name);
    for (size_t i = 0; i < op->input_count; i++)
        if (!link_arg(p, &op->inputs[i], &op->input_attrs[i], true))
            return false;
    for (size_t i = 0; i < op->output_count; i++)
        if (!link_arg(p, &op->outputs[i], &op->output_attrs[i], false))
            return false;
    for (size_t i = 0; i < op->attr_count; i++) {
        const tw_op_attr *attr = &op->attrs[i];
        if (attr->has_default && !p->status)
            p->status = tw_op_check_attr(op, attr, &attr->default_value);
    }
    return !p->status;
}

/* A signature may lack any part: "->" is NoOp, and constraints of kernels are attributes alone. */
static bool read_signature(tw_reader *p)
{
    struct tw_op *op = p->op;
    if (!read_args(p, op->inputs, &op->input_count, "->"))
        return false;
    if (tw_reader_accept(p, "->")) {
        if (!read_args(p, op->outputs, &op->output_count, ";"))
            return false;
    } else if (op->input_count) {
        return tw_reader_fail(p, "expected \"->\"");
    }
    while (tw_reader_accept(p, ";")) {
        tw_reader_skip(p);
        if (*p->at && !read_attr(p, &op->attrs[op->attr_count++]))
            return false;
    }
    tw_reader_skip(p);
    return (!*p->at || tw_reader_fail(p, "expected \";\" or the end")) && link_all(p);
}

/* How often `c` stands in `text` before `end`: more than the arguments or attributes there. */
static size_t count_char(const char *text, const char *end, char c)
{
    size_t count = 0;
    for (; text < end; text++)
        count += *text == c;
    return count;
}

/* Default values own memory outside the arena, so a failure releases those that were read; the
 * rest goes with the arena. */
tw_status *tw_signature_parse(const char *text, tw_arena *arena, struct tw_op *op)
{
    if (!text)
        return tw_value_error("op %s has no signature", op->name);
    /* The places are counted before anything is read: every argument has a colon before the first
 * semicolon, every attribute a semicolon. A text that breaks this is found while it is read,
 * within the room that was taken. */
    tw_reader p = {.text = text, .at = text, .arena = arena, .op = op};
    const char *end = text + strlen(text), *attrs = text + strcspn(text, ";");
    size_t args = count_char(text, attrs, ':');
    op->inputs = tw_arena_array(arena, args, sizeof *op->inputs);
    op->outputs = tw_arena_array(arena, args, sizeof *op->outputs);
    op->attrs = tw_arena_array(arena, count_char(attrs, end, ';'), sizeof *op->attrs);
    op->input_attrs = tw_arena_array(arena, args, sizeof *op->input_attrs);
    op->output_attrs = tw_arena_array(arena, args, sizeof *op->output_attrs);
    op->input_count = op->output_count = op->attr_count = 0;
    if (!op->inputs || !op->outputs || !op->attrs || !op->input_attrs || !op->output_attrs)
        return tw_no_memory();
    if (read_signature(&p))
        return TW_OK;
    for (size_t i = 0; i < op->attr_count; i++)
        tw_attr_release(&op->attrs[i].default_value);
    return p.status;
}

/* Names may still be NULL: during parsing, room is taken for all attributes before the later
 * ones are read. */
const tw_op_attr *tw_op_find_attr(const tw_op *op, const char *name)
{
    for (size_t i = 0; i < op->attr_count; i++)
        if (op->attrs[i].name == name) /* who has looked it up before */
            return &op->attrs[i];
    for (size_t i = 0; i < op->attr_count; i++)
        if (op->attrs[i].name && tw_text_equal(op->attrs[i].name, name))
            return &op->attrs[i];
    return NULL;
}
