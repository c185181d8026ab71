/* SPDX-License-Identifier: Apache-2.0
 * The examples in the ops' definitions hold: "sum([[1., 2.], [3., 4.]], [0]) -> [4., 6.]" is read,
 * computed and compared. A list with a point in it is of float32, one without of int32, unless the
 * signature wants another dtype; a list for a list input has one tensor an element; after the
 * inputs come attributes that have no default, then others by name. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "op/attr.h"
#include "op/compute.h"
#include "support/golden_cases.h"
#include "tensor/array.h"

typedef enum value_kind { LIST, INT, FLOAT, COMPLEX, BOOL, TEXT, WORD } value_kind;

typedef struct value {
    value_kind kind;
    double re, im;
    char text[64];
    struct value *items, *next; /* of a list; the next one of the list around */
    size_t count;
} value;

static struct {
    const char *op, *example, *at;
    tw_arena arena;
} now;

static void fault(const char *what)
{
    fail_msg("%s: %s: %s, before \"%s\"", now.op, now.example, what, now.at);
}

/* ---- reading ---- */

static bool peek(char c)
{
    now.at += strspn(now.at, " ");
    return *now.at == c;
}

static bool take(char c)
{
    if (!peek(c))
        return false;
    now.at++;
    return true;
}

static void read_number(value *v)
{
    char *end;
    size_t length = strspn(now.at, "+-0123456789.e");
    v->re = strtod(now.at, &end);
    v->kind = memchr(now.at, '.', length) || memchr(now.at, 'e', length) ? FLOAT : INT;
    if (*end == 'j') {
        *v = (value){.kind = COMPLEX, .im = v->re};
        end++;
    } else if (*end == '+' || *end == '-') {
        v->kind = COMPLEX;
        v->im = strtod(end, &end);
        end += *end == 'j';
    }
    if (end == now.at)
        fault("expected a value");
    now.at = end;
}

static void read_word(value *v, size_t length)
{
    snprintf(v->text, sizeof v->text, "%.*s", (int)length, now.at);
    now.at += length;
    v->kind = WORD;
    if (strcmp(v->text, "True") == 0 || strcmp(v->text, "False") == 0) {
        v->kind = BOOL;
        v->re = v->text[0] == 'T';
    } else if (strcmp(v->text, "inf") == 0 || strcmp(v->text, "nan") == 0) {
        v->kind = FLOAT;
        v->re = strtod(v->text, NULL);
    }
}

static value *read_value(void)
{
    value *v = TW_ARENA_NEW(&now.arena, value), **last = &v->items;
    if (take('[')) {
        v->kind = LIST;
        while (!take(']')) {
            if (v->count && !take(','))
                fault("expected a comma");
            *last = read_value();
            last = &(*last)->next;
            v->count++;
        }
        return v;
    }
    size_t letters = strspn(now.at,
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    if (take('"') || take('\'')) {
        v->kind = TEXT;
        size_t length = strcspn(now.at, "\"'");
        snprintf(v->text, sizeof v->text, "%.*s", (int)length, now.at);
        now.at += length + 1;
    } else if (letters && (*now.at < '0' || *now.at > '9')) {
        read_word(v, letters);
    } else {
        read_number(v);
    }
    return v;
}

/* ---- arrays ---- */

/* The richest kind inside: FLOAT among INTs makes floats. */
static value_kind leaf_kind(const value *v)
{
    if (v->kind != LIST)
        return v->kind;
    value_kind kind = LIST;
    for (const value *item = v->items; item; item = item->next) {
        value_kind inner = leaf_kind(item);
        kind = inner > kind ? inner : kind;
    }
    return kind;
}

static tw_dtype own_dtype(const value *v)
{
    static const tw_dtype dtypes[] = {
        [LIST] = TW_INT32, [INT] = TW_INT32,   [FLOAT] = TW_FLOAT32, [COMPLEX] = TW_COMPLEX64,
        [BOOL] = TW_BOOL,  [TEXT] = TW_STRING, [WORD] = TW_STRING};
    return dtypes[leaf_kind(v)];
}

static void put(tw_array *array, size_t *index, const value *v)
{
    if (v->kind == LIST) {
        for (const value *item = v->items; item; item = item->next)
            put(array, index, item);
        return;
    }
    if (*index >= array->count)
        fault("a ragged list");
    char *element = (char *)array->data + *index * tw_dtype_size(array->dtype);
    if (array->dtype == TW_STRING)
        tw_array_set_string(array, *index, v->text, strlen(v->text));
    else if (array->dtype == TW_COMPLEX64)
        memcpy(element, (float[]){(float)v->re, (float)v->im}, 2 * sizeof(float));
    else if (array->dtype == TW_COMPLEX128)
        memcpy(element, (double[]){v->re, v->im}, 2 * sizeof(double));
    else
        tw_element_set(array->dtype, element, v->re);
    ++*index;
}

static tw_array *make_array(const value *v, tw_dtype dtype)
{
    int64_t dims[TW_MAX_RANK];
    size_t rank = 0, index = 0;
    for (const value *at = v; at && at->kind == LIST; at = at->items)
        dims[rank++] = (int64_t)at->count;
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank});
    if (!array)
        fault("no such array");
    put(array, &index, v);
    if (index != array->count)
        fault("a ragged list");
    return array;
}

/* ---- a call ---- */

typedef struct call {
    const tw_op *op;
    tw_array *inputs[32], *outputs[32];
    tw_dtype dtypes[32];
    size_t counts[24], argument_count, input_count, attr_count;
    tw_attr attrs[16];
} call;

/* The dtype for an argument: the signature's, or the value's own where that is allowed. */
static tw_dtype dtype_for(const call *c, const tw_op_arg *arg, const value *v)
{
    tw_dtype own = own_dtype(v);
    if (!arg->type_attr)
        return arg->type_list_attr ? own : arg->type;
    for (size_t i = 0; i < c->input_count; i++) {
        /* Another argument of the same type attribute came first. */
        size_t argument = 0, before = 0;
        while (argument + 1 < c->argument_count && i >= before + c->counts[argument])
            before += c->counts[argument++];
        const char *other = c->op->inputs[argument].type_attr;
        if (other && strcmp(other, arg->type_attr) == 0)
            return tw_dtype_base(c->dtypes[i]);
    }
    const tw_op_attr *attr = tw_op_find_attr(c->op, arg->type_attr);
    if (tw_op_allows_type(attr, own) || !attr->allowed_types)
        return own;
    return attr->allowed_types[0];
}

static void add_input(call *c, const tw_op_arg *arg, const value *v)
{
    tw_dtype dtype = dtype_for(c, arg, v);
    c->inputs[c->input_count] = make_array(v, dtype);
    c->dtypes[c->input_count++] = arg->is_ref ? tw_dtype_ref(dtype) : dtype;
}

static void add_argument(call *c, const value *v)
{
    const tw_op_arg *arg = &c->op->inputs[c->argument_count];
    size_t first = c->input_count;
    c->counts[c->argument_count] = 1;
    if (!arg->number_attr && !arg->type_list_attr)
        add_input(c, arg, v);
    for (const value *item = v->items; item && (arg->number_attr || arg->type_list_attr);
         item = item->next)
        add_input(c, arg, item);
    c->counts[c->argument_count++] = c->input_count - first;
}

static void set_attr(tw_attr_kind kind, const value *v, void *out)
{
    tw_shape shape;
    switch (kind) {
    case TW_ATTR_INT: *(int64_t *)out = (int64_t)v->re; break;
    case TW_ATTR_FLOAT: *(float *)out = (float)v->re; break;
    case TW_ATTR_BOOL: *(bool *)out = v->re != 0; break;
    case TW_ATTR_STRING: *(tw_bytes *)out = (tw_bytes){v->text, strlen(v->text)}; break;
    case TW_ATTR_TYPE: *(tw_dtype *)out = tw_dtype_from_name(v->text); break;
    case TW_ATTR_SHAPE:
        shape.dims = tw_arena_array(&now.arena, v->count, sizeof *shape.dims);
        shape.rank = 0;
        for (const value *item = v->items; item; item = item->next)
            ((int64_t *)(uintptr_t)shape.dims)[shape.rank++] = (int64_t)item->re;
        *(tw_shape *)out = shape;
        break;
    default: fault("an attribute of a kind that examples do not know");
    }
}

static void add_attr(call *c, const tw_op_attr *attr, const value *v)
{
    tw_attr *out = &c->attrs[c->attr_count++];
    *out = (tw_attr){.name = attr->name, .kind = attr->kind, .list = attr->list};
    if (!attr->list) {
        set_attr(attr->kind, v, &out->value);
        return;
    }
    size_t size = tw_attr_item_size(attr->kind);
    char *items = tw_arena_array(&now.arena, v->count, size);
    for (const value *item = v->items; item; item = item->next)
        set_attr(attr->kind, item, items + out->count++ * size);
    out->value.items = items;
}

/* The next attribute that must be given by position. */
static const tw_op_attr *next_required(const call *c)
{
    for (size_t i = 0; i < c->op->attr_count; i++) {
        const tw_op_attr *attr = &c->op->attrs[i];
        bool given = attr->inferred || attr->has_default;
        for (size_t k = 0; k < c->attr_count; k++)
            given |= strcmp(c->attrs[k].name, attr->name) == 0;
        if (!given)
            return attr;
    }
    fault("too many arguments");
    return NULL;
}

static void read_arguments(call *c)
{
    while (!take(')')) {
        if ((c->argument_count || c->attr_count) && !take(','))
            fault("expected a comma");
        value *v = read_value();
        if (v->kind == WORD && take('=')) {
            const tw_op_attr *attr = tw_op_find_attr(c->op, v->text);
            if (!attr)
                fault("no such attribute");
            add_attr(c, attr, read_value());
        } else if (c->argument_count < c->op->input_count) {
            add_argument(c, v);
        } else {
            add_attr(c, next_required(c), v);
        }
    }
}

/* ---- results ---- */

static void expect_output(const tw_array *got, const value *wanted)
{
    tw_text why;
    tw_array *want = make_array(wanted, got->dtype);
    golden_tolerance tolerance = {.relative = 1e-6, .scale = golden_largest(want)};
    if (got->dtype == TW_FLOAT16 || got->dtype == TW_BFLOAT16)
        tolerance.relative = 1e-2;
    if (!golden_same(got, want, tolerance, &why))
        fail_msg("%s: %s: %s", now.op, now.example, why.s);
    tw_array_unref(want);
}

static void expect_outputs(call *c, size_t count)
{
    value *results[32] = {NULL};
    size_t given = 0;
    while (*now.at && given < 32) {
        if (given && !take(','))
            fault("expected a comma or the end");
        results[given++] = read_value();
        now.at += strspn(now.at, " ");
    }
    if (given == 1 && count > 1 && results[0]->count == count) {
        value *item = results[0]->items;
        for (size_t i = 0; i < count; i++, item = item->next)
            results[i] = item;
        given = count;
    }
    if (given != count)
        fault("the number of results differs");
    for (size_t i = 0; i < count; i++)
        expect_output(c->outputs[i], results[i]);
}

static void evaluate(call *c)
{
    tw_resolved resolved;
    uint32_t refs = 0;
    tw_status *status = tw_op_resolve(c->op, c->dtypes, c->input_count, c->counts, c->attrs,
                                      c->attr_count, &now.arena, &resolved);
    if (status)
        fail_msg("%s: %s: %s", now.op, now.example, tw_status_message(status));
    for (size_t i = 0; i < c->input_count; i++)
        refs |= (uint32_t)tw_dtype_is_ref(c->dtypes[i]) << i;
    tw_spec spec = {.op = c->op,
                    .type = now.op,
                    .name = now.op,
                    .attrs = resolved.attrs,
                    .attr_count = resolved.attr_count};
    status = tw_evaluate(&spec, c->inputs, c->input_count, refs, 1, c->outputs,
                         resolved.output_count);
    if (status)
        fail_msg("%s: %s: %s", now.op, now.example, tw_status_message(status));
    now.at += strspn(now.at, " ");
    if (strncmp(now.at, "->", 2) != 0)
        fault("expected \"->\"");
    now.at += 2;
    expect_outputs(c, resolved.output_count);
    for (size_t i = 0; i < resolved.output_count; i++)
        tw_array_unref(c->outputs[i]);
    for (size_t i = 0; i < resolved.attr_count; i++)
        tw_attr_release(&resolved.attrs[i]);
}

/* A definition that says no name has the type's in snake case, as tools/generate.py makes it. */
static bool calls_builder(const tw_op *op, const char *example, size_t length)
{
    char snake[128];
    size_t n = 0;
    const char *builder = op->definition.builder;
    for (const char *c = op->name; !builder && *c && n + 2 < sizeof snake; c++) {
        if (isupper((unsigned char)*c) && c > op->name &&
            (islower((unsigned char)c[-1]) || islower((unsigned char)c[1])))
            snake[n++] = '_';
        snake[n++] = (char)tolower((unsigned char)*c);
    }
    snake[n] = 0;
    builder = builder ? builder : snake;
    return !*builder || (strlen(builder) == length && !memcmp(builder, example, length));
}

static void check_example(const tw_op *op, const char *example)
{
    call c = {.op = op};
    now.op = op->name;
    now.example = now.at = example;
    size_t length = strcspn(example, "(");
    if (!calls_builder(op, example, length))
        fault("an example calls its builder");
    now.at += length + (example[length] == '(');
    read_arguments(&c);
    evaluate(&c);
    for (size_t i = 0; i < c.input_count; i++)
        tw_array_unref(c.inputs[i]);
    tw_arena_clear(&now.arena);
}

static char **only; /* names of ops, from the command line; NULL: all */

static bool wanted(const char *op)
{
    for (char **name = only; name && *name; name++)
        if (strcmp(*name, op) == 0)
            return true;
    return !only;
}

static void every_example_of_every_op_holds(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; tw_builtin_ops[i].name; i++) {
        if (!wanted(tw_builtin_ops[i].name))
            continue;
        const tw_op *op;
        tw_status *status = tw_op_lookup(tw_builtin_ops[i].name, &op);
        if (status)
            fail_msg("%s", tw_status_message(status));
        for (size_t k = 0; k < TW_DEFINITION_EXAMPLES && op->definition.examples[k]; k++, count++)
            check_example(op, op->definition.examples[k]);
    }
    assert_true(only || count > 15);
}

int main(int argc, char **argv)
{
    only = argc > 1 ? argv + 1 : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_of_every_op_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
