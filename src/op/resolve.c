/* SPDX-License-Identifier: Apache-2.0
 * Completing what a builder gave: how many elements each list has, what the inputs' dtypes say of
 * the attributes, defaults, and the outputs' dtypes. Error texts are those of TensorFlow's Python
 * layer, whose tests look for them. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"

/* One call: what it was given, and the values of the signature's attributes, filled first from what
 * the caller says, then from the inputs in their order, then from defaults. That order decides whom
 * an error blames. */
typedef struct resolver {
    const tw_op *op;
    const tw_dtype *inputs;
    size_t input_count;
    tw_arena *arena;
    const tw_attr *attrs; /* as given */
    size_t attr_count;
    tw_attr *values;      /* given, inferred or default; kind NONE: not known yet */
    const size_t *counts; /* one for each input argument */
    bool others;          /* attributes were given that the signature lacks */
} resolver;

/* The input that a value was inferred from: the first that says it; NULL: it was given. Only errors
 * ask. */
static const char *source_of(const resolver *r, int16_t place)
{
    for (size_t i = 0; i < r->attr_count; i++) {
        if (tw_op_find_attr(r->op, r->attrs[i].name) == &r->op->attrs[place])
            return NULL;
    }
    for (size_t i = 0; i < r->op->input_count; i++) {
        const tw_arg_attrs *places = &r->op->input_attrs[i];
        if (places->number == place || places->type_list == place ||
            (places->type == place && r->counts[i]))
            return r->op->inputs[i].name;
    }
    return NULL;
}

/* What is known of an attribute of an argument, if it has one. */
static const tw_attr *value_at(const resolver *r, int16_t place)
{
    return place < 0 ? NULL : &r->values[place];
}

/* Values that the caller gives are checked before anything is inferred. Attributes whose name
 * begins with an underscore are the graph's business (_class, _kernel ...) and pass through. */
static tw_status *take_given(resolver *r)
{
    for (size_t i = 0; i < r->attr_count; i++) {
        const tw_attr *attr = &r->attrs[i];
        if (!attr->name)
            return tw_value_error("an attribute of '%s' Op has no name", r->op->name);
        const tw_op_attr *wanted = tw_op_find_attr(r->op, attr->name);
        r->others |= !wanted;
        if (!wanted && attr->name[0] == '_')
            continue;
        if (!wanted)
            return tw_value_error("NodeDef mentions attr '%s' not in Op '%s'", attr->name,
                                  r->op->name);
        TW_TRY(tw_op_check_attr(r->op, wanted, attr));
        tw_attr *value = &r->values[wanted - r->op->attrs];
        *value = *attr;
        value->name = wanted->name;
        /* An empty list takes the kind of the signature. */
        if (attr->kind != TW_ATTR_PLACEHOLDER)
            value->kind = wanted->kind;
    }
    return TW_OK;
}

/* ---- how many elements each argument has ---- */

/* Does the argument stand for any number of inputs? */
static bool is_list(const tw_op_arg *arg)
{
    return arg->number_attr || arg->type_list_attr;
}

/* The attribute whose value is that number, or whose list is so long. */
static const char *length_attr(const tw_op_arg *arg)
{
    return arg->number_attr ? arg->number_attr : arg->type_list_attr;
}

static int16_t length_place(const tw_arg_attrs *places)
{
    return places->number >= 0 ? places->number : places->type_list;
}

/* Names the inputs, because a number alone would not tell which one is missing. */
static tw_status *wrong_count(const resolver *r)
{
    const tw_op *op = r->op;
    tw_buffer names = {0};
    for (size_t i = 0; i < op->input_count; i++)
        tw_buffer_printf(&names, "%s%s%s", i ? ", " : "", op->inputs[i].name,
                         is_list(&op->inputs[i]) ? " ..." : "");
    char *text = tw_buffer_take(&names);
    tw_status *status = tw_type_error("'%s' Op takes the inputs (%s), got %zu of them", op->name,
                                      text ? text : "", r->input_count);
    tw_free(text);
    return status;
}

/* Lengths that attributes say; the rest of the inputs belongs to the lists of one more
 * attribute. */
static tw_status *guess_counts(resolver *r)
{
    size_t known = 0, sharing = 0;
    const char *open = NULL;
    size_t *counts = tw_arena_room(r->arena, r->op->input_count, sizeof *counts);
    if (!counts)
        return tw_no_memory();
    r->counts = counts;
    for (size_t i = 0; i < r->op->input_count; i++) {
        const tw_op_arg *arg = &r->op->inputs[i];
        const tw_attr *length = value_at(r, length_place(&r->op->input_attrs[i]));
        counts[i] = 1;
        bool given = length && length->kind != TW_ATTR_NONE && length->kind != TW_ATTR_PLACEHOLDER;
        if (given && arg->number_attr)
            counts[i] = (size_t)length->value.i;
        else if (given)
            counts[i] = length->count;
        else if (length && (!open || strcmp(open, length_attr(arg)) == 0)) {
            open = length_attr(arg);
            sharing++;
            counts[i] = 0;
        } else if (length)
            return tw_value_error("'%s' Op has several lists of inputs: their lengths must be "
                                  "given",
                                  r->op->name);
        /* Compared first, so that a huge or negative number in an attribute cannot wrap the sum. */
        if (counts[i] > r->input_count || known + counts[i] > r->input_count)
            return wrong_count(r);
        known += counts[i];
    }
    size_t rest = r->input_count - known;
    if (sharing ? rest % sharing != 0 : rest != 0)
        return wrong_count(r);
    for (size_t i = 0; i < r->op->input_count && sharing; i++) {
        const char *name = length_attr(&r->op->inputs[i]);
        if (name && strcmp(name, open) == 0)
            counts[i] = rest / sharing;
    }
    return TW_OK;
}

/* Lengths from a caller are only believed if they add up to the inputs that there are. */
static tw_status *settle_counts(resolver *r, const size_t *given)
{
    if (!given)
        return guess_counts(r);
    size_t sum = 0;
    r->counts = given;
    for (size_t i = 0; i < r->op->input_count; i++) {
        if ((!is_list(&r->op->inputs[i]) && given[i] != 1) || given[i] > r->input_count)
            return wrong_count(r);
        sum += given[i];
    }
    return sum == r->input_count ? TW_OK : wrong_count(r);
}

/* ---- what the inputs say ---- */

/* What an error says that a length was fixed by. */
static const char *source_or(const resolver *r, int16_t place)
{
    const char *source = source_of(r, place);
    return source ? source : r->op->attrs[place].name;
}

/* The length of an `N * T` list says N, unless another list or the caller said it before. */
static tw_status *infer_number(resolver *r, const tw_op_arg *arg, int16_t place, size_t count)
{
    tw_attr *value = &r->values[place];
    const tw_op_attr *attr = &r->op->attrs[place];
    if (value->kind == TW_ATTR_INT && value->value.i != (int64_t)count)
        return tw_value_error("List argument '%s' to '%s' Op with length %zu must match length "
                              "%lld of argument '%s'.",
                              arg->name, r->op->name, count, (long long)value->value.i,
                              source_or(r, place));
    if (attr->has_minimum && (int64_t)count < attr->minimum)
        return tw_value_error("List argument '%s' to '%s' Op with length %zu shorter than minimum "
                              "length %lld.",
                              arg->name, r->op->name, count, (long long)attr->minimum);
    if (value->kind == TW_ATTR_NONE) {
        *value = (tw_attr){.name = attr->name, .kind = TW_ATTR_INT};
        value->value.i = (int64_t)count;
    }
    return TW_OK;
}

/* "Input 'y' of 'Add' Op has type int32", or for a list "Tensors in list passed to 'inputs' of
 * 'AddN' Op have types [float32, int32]"; the caller's to tw_free. */
static char *describe_types(const resolver *r, const tw_op_arg *arg, const tw_dtype *types,
                            size_t count)
{
    tw_buffer b = {0};
    if (!is_list(arg)) {
        tw_buffer_printf(&b, "Input '%s' of '%s' Op has type %s that does", arg->name, r->op->name,
                         tw_dtype_name(tw_dtype_base(types[0])));
        return tw_buffer_take(&b);
    }
    tw_buffer_printf(&b, "Tensors in list passed to '%s' of '%s' Op have types [", arg->name,
                     r->op->name);
    for (size_t i = 0; i < count; i++)
        tw_buffer_printf(&b, "%s%s", i ? ", " : "", tw_dtype_name(tw_dtype_base(types[i])));
    tw_buffer_add_text(&b, "] that do");
    return tw_buffer_take(&b);
}

/* The four ways in which TensorFlow's Python layer says this: within one list, against an
 * earlier argument (of a list or not), and against a dtype that is fixed. `source` is the
 * argument that fixed the dtype; NULL if none did. */
static tw_status *refuse_mismatch(const resolver *r, const tw_op_arg *arg, const tw_dtype *types,
                                  size_t count, tw_dtype wanted, const char *source)
{
    char *what = describe_types(r, arg, types, count);
    tw_status *status;
    if (source && strcmp(source, arg->name) == 0)
        status = tw_type_error("%sn't all match.", what ? what : "");
    else if (source && is_list(arg))
        status = tw_type_error("%s not match type %s inferred from earlier arguments.",
                               what ? what : "", tw_dtype_name(wanted));
    else if (source)
        status = tw_type_error("%s not match type %s of argument '%s'.", what ? what : "",
                               tw_dtype_name(wanted), source);
    else
        status = tw_type_error("%s not match expected type%s %s.", what ? what : "",
                               is_list(arg) ? "" : " of", tw_dtype_name(wanted));
    tw_free(what);
    return status;
}

/* One element of an argument whose dtype an attribute says: the first one says it. */
static tw_status *infer_type(resolver *r, const tw_op_arg *arg, int16_t place,
                             const tw_dtype *types, size_t count, size_t element)
{
    tw_attr *value = &r->values[place];
    const tw_op_attr *attr = &r->op->attrs[place];
    tw_dtype type = tw_dtype_base(types[element]);
    /* Inside a function's body the type may be the function's own attribute: anything fits. */
    if (value->kind == TW_ATTR_PLACEHOLDER)
        return TW_OK;
    if (value->kind == TW_ATTR_TYPE) {
        tw_dtype wanted = tw_dtype_base(value->value.type);
        return type == wanted ? TW_OK
                              : refuse_mismatch(r, arg, types, count, wanted, source_of(r, place));
    }
    if (!tw_op_allows_type(attr, type))
        return tw_op_refuse_type(attr, arg->name, type);
    *value = (tw_attr){.name = attr->name, .kind = TW_ATTR_TYPE};
    value->value.type = type;
    return TW_OK;
}

/* A list(type) attribute takes a dtype from each element, or checks each against the given list. */
static tw_status *infer_types(resolver *r, const tw_op_arg *arg, int16_t place,
                              const tw_dtype *types, size_t count)
{
    tw_attr *value = &r->values[place];
    const tw_op_attr *attr = &r->op->attrs[place];
    if (value->kind == TW_ATTR_PLACEHOLDER)
        return TW_OK;
    if (value->kind == TW_ATTR_TYPE) {
        if (value->count != count)
            return tw_value_error("List argument '%s' to '%s' Op with length %zu must match "
                                  "length %zu of argument '%s'.",
                                  arg->name, r->op->name, count, value->count, source_or(r, place));
        for (size_t i = 0; i < count; i++) {
            tw_dtype wanted = ((const tw_dtype *)value->value.items)[i];
            if (tw_dtype_base(types[i]) != tw_dtype_base(wanted))
                return refuse_mismatch(r, arg, types, count, wanted, source_of(r, place));
        }
        return TW_OK;
    }
    tw_dtype *items = tw_arena_array(r->arena, count, sizeof *items);
    if (!items)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        items[i] = tw_dtype_base(types[i]);
    *value = (tw_attr){.name = attr->name, .kind = TW_ATTR_TYPE, .list = true, .count = count};
    value->value.items = items;
    if (attr->has_minimum && (int64_t)count < attr->minimum)
        return tw_value_error("List argument '%s' to '%s' Op with length %zu shorter than minimum "
                              "length %lld.",
                              arg->name, r->op->name, count, (long long)attr->minimum);
    for (size_t i = 0; i < count; i++)
        if (!tw_op_allows_type(attr, items[i]))
            return tw_op_refuse_type(attr, arg->name, items[i]);
    return TW_OK;
}

/* One input against its argument. A reference is as good as its value, but only a reference can
 * stand where one is wanted. */
static tw_status *check_element(resolver *r, size_t at, const tw_dtype *types, size_t element)
{
    const tw_op_arg *arg = &r->op->inputs[at];
    size_t count = r->counts[at];
    if (tw_dtype_size(tw_dtype_base(types[element])) == 0)
        return tw_type_error("Input '%s' of '%s' Op has no type.", arg->name, r->op->name);
    if (arg->is_ref && !tw_dtype_is_ref(types[element]))
        return tw_type_error("'%s' Op requires that input '%s' be a mutable tensor (e.g.: a "
                             "tf.Variable)",
                             r->op->name, arg->name);
    if (arg->type_attr)
        return infer_type(r, arg, r->op->input_attrs[at].type, types, count, element);
    if (!arg->type_list_attr && tw_dtype_base(types[element]) != arg->type)
        return refuse_mismatch(r, arg, types, count, arg->type, NULL);
    return TW_OK;
}

/* Goes through arguments and inputs side by side; an error is marked with the input at fault. */
static tw_status *infer_attrs(resolver *r)
{
    size_t first = 0;
    for (size_t i = 0; i < r->op->input_count; i++) {
        const tw_op_arg *arg = &r->op->inputs[i];
        const tw_arg_attrs *places = &r->op->input_attrs[i];
        const tw_dtype *types = r->inputs + first;
        tw_status *status = TW_OK;
        if (arg->number_attr)
            status = infer_number(r, arg, places->number, r->counts[i]);
        if (!status && arg->type_list_attr)
            status = infer_types(r, arg, places->type_list, types, r->counts[i]);
        for (size_t k = 0; k < r->counts[i] && !status; k++) {
            status = check_element(r, i, types, k);
            if (status)
                status = tw_status_with_input(status, (int)(first + k));
        }
        if (status)
            return status;
        first += r->counts[i];
    }
    return TW_OK;
}

/* ---- results ---- */

/* First those of the signature in its order, which makes equal nodes compare equal, then the
 * others. */
static tw_status *put_attrs(resolver *r, tw_resolved *out)
{
    const tw_op *op = r->op;
    for (size_t i = 0; i < op->attr_count; i++) {
        if (r->values[i].kind != TW_ATTR_NONE)
            continue;
        if (!op->attrs[i].has_default)
            return tw_type_error("No argument for attr %s of '%s' Op", op->attrs[i].name, op->name);
        r->values[i] = op->attrs[i].default_value;
    }
    out->attrs = r->values;
    out->attr_count = op->attr_count;
    for (size_t i = 0; i < r->attr_count && r->others; i++)
        if (!tw_op_find_attr(op, r->attrs[i].name))
            out->attrs[out->attr_count++] = r->attrs[i];
    return TW_OK;
}

/* The number of outputs of an argument; false: an attribute stands for it that is not known. */
static bool output_length(const resolver *r, size_t at, size_t *count)
{
    bool number = r->op->outputs[at].number_attr;
    const tw_attr *length = value_at(r, length_place(&r->op->output_attrs[at]));
    *count = 1;
    if (!length)
        return true;
    if (length->kind == TW_ATTR_PLACEHOLDER)
        return false;
    *count = number ? (size_t)length->value.i : length->count;
    return !number || (length->value.i >= 0 && length->value.i <= UINT16_MAX);
}

/* Unknown (invalid) where a function's attribute stands for the type. */
static tw_dtype output_type(const resolver *r, size_t at, size_t index)
{
    const tw_op_arg *arg = &r->op->outputs[at];
    const tw_arg_attrs *places = &r->op->output_attrs[at];
    const tw_attr *value = value_at(r, places->type >= 0 ? places->type : places->type_list);
    tw_dtype type = arg->type;
    if (value && value->kind == TW_ATTR_PLACEHOLDER)
        return TW_INVALID_DTYPE;
    if (value)
        type = *(const tw_dtype *)tw_attr_item(value, index);
    return arg->is_ref ? tw_dtype_ref(type) : type;
}

/* Counts first: an attribute of 10^9 outputs is refused before it costs memory. */
static tw_status *put_outputs(resolver *r, tw_resolved *out)
{
    const tw_op *op = r->op;
    size_t total = 0, count;
    for (size_t i = 0; i < op->output_count; i++) {
        if (!output_length(r, i, &count))
            return tw_value_error("output '%s' of '%s' Op has no known or too large a length",
                                  op->outputs[i].name, op->name);
        total += count;
    }
    if (total > UINT16_MAX)
        return tw_value_error("'%s' Op would have %zu outputs, at most %d are possible", op->name,
                              total, UINT16_MAX);
    out->outputs = tw_arena_room(r->arena, total, sizeof *out->outputs);
    if (!out->outputs)
        return tw_no_memory();
    for (size_t i = 0; i < op->output_count; i++) {
        output_length(r, i, &count);
        for (size_t k = 0; k < count; k++)
            out->outputs[out->output_count++] = output_type(r, i, k);
    }
    return TW_OK;
}

static tw_status *resolve(resolver *r, const size_t *input_counts, tw_resolved *out)
{
    TW_TRY(take_given(r));
    TW_TRY(settle_counts(r, input_counts));
    TW_TRY(infer_attrs(r));
    TW_TRY(put_attrs(r, out));
    out->input_counts = r->counts;
    return put_outputs(r, out);
}

/* After a failure `out` is empty; memory remains with the arena until that is cleared. */
tw_status *tw_op_resolve_borrowed(const tw_op *op, const tw_dtype *inputs, size_t input_count,
                                  const size_t *input_counts, const tw_attr *attrs,
                                  size_t attr_count, tw_arena *arena, tw_resolved *out)
{
    resolver r = {.op = op,
                  .inputs = inputs,
                  .input_count = input_count,
                  .arena = arena,
                  .attrs = attrs,
                  .attr_count = attr_count};
    *out = (tw_resolved){0};
    r.values = tw_arena_room(arena, op->attr_count + attr_count, sizeof *r.values);
    if (!r.values)
        return tw_no_memory();
    for (size_t i = 0; i < op->attr_count; i++)
        r.values[i].kind = TW_ATTR_NONE;
    tw_status *status = resolve(&r, input_counts, out);
    if (status)
        *out = (tw_resolved){0};
    return status;
}

/* Results are copies, so that they outlive the caller's. After a failure `out` holds no
 * references. */
tw_status *tw_op_resolve(const tw_op *op, const tw_dtype *inputs, size_t input_count,
                         const size_t *input_counts, const tw_attr *attrs, size_t attr_count,
                         tw_arena *arena, tw_resolved *out)
{
    TW_TRY(tw_op_resolve_borrowed(op, inputs, input_count, input_counts, attrs, attr_count, arena,
                                  out));
    for (size_t i = 0; i < out->attr_count; i++) {
        tw_status *status = tw_attr_copy(arena, &out->attrs[i], &out->attrs[i]);
        if (!status)
            continue;
        while (i-- > 0)
            tw_attr_release(&out->attrs[i]);
        *out = (tw_resolved){0};
        return status;
    }
    return TW_OK;
}
