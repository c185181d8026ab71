/* SPDX-License-Identifier: Apache-2.0
 * Completing what a builder gave: how many elements each list has, what the inputs' dtypes say of
 * the attributes, defaults, and the outputs' dtypes. Error texts are those of TensorFlow's Python
 * layer, whose tests look for them. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/attr.h"

/* What is known so far of one attribute of the signature. */
typedef struct slot {
    const tw_attr *given;
    tw_attr value;      /* given, inferred or default; kind NONE: not known yet */
    const char *source; /* the input that its value was inferred from; NULL: given */
} slot;

/* One call: what it was given, and a slot for each attribute, filled first from what the caller
 * says, then from the inputs in their order, then from defaults. That order decides whom an
 * error blames. */
typedef struct resolver {
    const tw_op *op;
    const tw_dtype *inputs;
    size_t input_count;
    tw_arena *arena;
    slot *slots;    /* one for each attribute of the signature */
    size_t *counts; /* one for each input argument */
} resolver;

/* NULL for a NULL name too, so that callers can ask for "the attribute of this argument, if it
 * has one". */
static slot *slot_of(resolver *r, const char *name)
{
    const tw_op_attr *attr = name ? tw_op_find_attr(r->op, name) : NULL;
    return attr ? &r->slots[attr - r->op->attrs] : NULL;
}

/* Values that the caller gives are checked before anything is inferred. Attributes whose name
 * begins with an underscore are the graph's business (_class, _kernel ...) and pass through. */
static tw_status *take_given(resolver *r, const tw_attr *attrs, size_t attr_count)
{
    for (size_t i = 0; i < attr_count; i++) {
        const tw_attr *attr = &attrs[i];
        if (!attr->name)
            return tw_value_error("an attribute of '%s' Op has no name", r->op->name);
        slot *s = slot_of(r, attr->name);
        if (!s && attr->name[0] == '_')
            continue;
        if (!s)
            return tw_value_error("NodeDef mentions attr '%s' not in Op '%s'", attr->name,
                                  r->op->name);
        const tw_op_attr *wanted = &r->op->attrs[s - r->slots];
        TW_TRY(tw_op_check_attr(r->op, wanted, attr));
        s->given = attr;
        s->value = *attr;
        /* An empty list takes the kind of the signature. */
        if (attr->kind != TW_ATTR_PLACEHOLDER)
            s->value.kind = wanted->kind;
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
    for (size_t i = 0; i < r->op->input_count; i++) {
        const tw_op_arg *arg = &r->op->inputs[i];
        slot *s = slot_of(r, length_attr(arg));
        r->counts[i] = 1;
        bool given = s && s->given && s->given->kind != TW_ATTR_PLACEHOLDER;
        if (given && arg->number_attr)
            r->counts[i] = (size_t)s->value.value.i;
        else if (given)
            r->counts[i] = s->value.count;
        else if (s && (!open || strcmp(open, length_attr(arg)) == 0)) {
            open = length_attr(arg);
            sharing++;
            r->counts[i] = 0;
        } else if (s)
            return tw_value_error("'%s' Op has several lists of inputs: their lengths must be "
                                  "given",
                                  r->op->name);
        /* Compared first, so that a huge or negative number in an attribute cannot wrap the sum. */
        if (r->counts[i] > r->input_count || known + r->counts[i] > r->input_count)
            return wrong_count(r);
        known += r->counts[i];
    }
    size_t rest = r->input_count - known;
    if (sharing ? rest % sharing != 0 : rest != 0)
        return wrong_count(r);
    for (size_t i = 0; i < r->op->input_count && sharing; i++) {
        const char *name = length_attr(&r->op->inputs[i]);
        if (name && strcmp(name, open) == 0)
            r->counts[i] = rest / sharing;
    }
    return TW_OK;
}

/* Lengths from a caller are only believed if they add up to the inputs that there are. */
static tw_status *settle_counts(resolver *r, const size_t *given)
{
    if (!given)
        return guess_counts(r);
    size_t sum = 0;
    for (size_t i = 0; i < r->op->input_count; i++) {
        r->counts[i] = given[i];
        if ((!is_list(&r->op->inputs[i]) && given[i] != 1) || given[i] > r->input_count)
            return wrong_count(r);
        sum += given[i];
    }
    return sum == r->input_count ? TW_OK : wrong_count(r);
}

/* ---- what the inputs say ---- */

/* The length of an `N * T` list says N, unless another list or the caller said it before. */
static tw_status *infer_number(resolver *r, const tw_op_arg *arg, size_t count)
{
    slot *s = slot_of(r, arg->number_attr);
    const tw_op_attr *attr = &r->op->attrs[s - r->slots];
    if (s->value.kind == TW_ATTR_INT && s->value.value.i != (int64_t)count)
        return tw_value_error("List argument '%s' to '%s' Op with length %zu must match length "
                              "%lld of argument '%s'.",
                              arg->name, r->op->name, count, (long long)s->value.value.i,
                              s->source ? s->source : attr->name);
    if (attr->has_minimum && (int64_t)count < attr->minimum)
        return tw_value_error("List argument '%s' to '%s' Op with length %zu shorter than minimum "
                              "length %lld.",
                              arg->name, r->op->name, count, (long long)attr->minimum);
    if (s->value.kind == TW_ATTR_NONE) {
        s->source = arg->name;
        s->value = (tw_attr){.name = attr->name, .kind = TW_ATTR_INT};
        s->value.value.i = (int64_t)count;
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
static tw_status *infer_type(resolver *r, const tw_op_arg *arg, const tw_dtype *types, size_t count,
                             size_t element)
{
    slot *s = slot_of(r, arg->type_attr);
    const tw_op_attr *attr = &r->op->attrs[s - r->slots];
    tw_dtype type = tw_dtype_base(types[element]);
    /* Inside a function's body the type may be the function's own attribute: anything fits. */
    if (s->value.kind == TW_ATTR_PLACEHOLDER)
        return TW_OK;
    if (s->value.kind == TW_ATTR_TYPE) {
        tw_dtype wanted = tw_dtype_base(s->value.value.type);
        return type == wanted ? TW_OK : refuse_mismatch(r, arg, types, count, wanted, s->source);
    }
    if (!tw_op_allows_type(attr, type))
        return tw_op_refuse_type(attr, arg->name, type);
    s->source = arg->name;
    s->value = (tw_attr){.name = attr->name, .kind = TW_ATTR_TYPE};
    s->value.value.type = type;
    return TW_OK;
}

/* A list(type) attribute takes a dtype from each element, or checks each against the given list. */
static tw_status *infer_types(resolver *r, const tw_op_arg *arg, const tw_dtype *types,
                              size_t count)
{
    slot *s = slot_of(r, arg->type_list_attr);
    const tw_op_attr *attr = &r->op->attrs[s - r->slots];
    if (s->value.kind == TW_ATTR_PLACEHOLDER)
        return TW_OK;
    if (s->value.kind == TW_ATTR_TYPE) {
        if (s->value.count != count)
            return tw_value_error("List argument '%s' to '%s' Op with length %zu must match "
                                  "length %zu of argument '%s'.",
                                  arg->name, r->op->name, count, s->value.count,
                                  s->source ? s->source : attr->name);
        for (size_t i = 0; i < count; i++) {
            tw_dtype wanted = ((const tw_dtype *)s->value.value.items)[i];
            if (tw_dtype_base(types[i]) != tw_dtype_base(wanted))
                return refuse_mismatch(r, arg, types, count, wanted, s->source);
        }
        return TW_OK;
    }
    tw_dtype *items = tw_arena_array(r->arena, count, sizeof *items);
    if (!items)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        items[i] = tw_dtype_base(types[i]);
    s->source = arg->name;
    s->value = (tw_attr){.name = attr->name, .kind = TW_ATTR_TYPE, .list = true, .count = count};
    s->value.value.items = items;
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
static tw_status *check_element(resolver *r, const tw_op_arg *arg, const tw_dtype *types,
                                size_t count, size_t element)
{
    if (tw_dtype_size(tw_dtype_base(types[element])) == 0)
        return tw_type_error("Input '%s' of '%s' Op has no type.", arg->name, r->op->name);
    if (arg->is_ref && !tw_dtype_is_ref(types[element]))
        return tw_type_error("'%s' Op requires that input '%s' be a mutable tensor (e.g.: a "
                             "tf.Variable)",
                             r->op->name, arg->name);
    if (arg->type_attr)
        return infer_type(r, arg, types, count, element);
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
        const tw_dtype *types = r->inputs + first;
        tw_status *status = TW_OK;
        if (arg->number_attr)
            status = infer_number(r, arg, r->counts[i]);
        if (!status && arg->type_list_attr)
            status = infer_types(r, arg, types, r->counts[i]);
        for (size_t k = 0; k < r->counts[i] && !status; k++) {
            status = check_element(r, arg, types, r->counts[i], k);
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

/* Results are copies, so that they outlive the caller's and the inferred ones. */
static tw_status *put_attr(resolver *r, const tw_attr *value, tw_resolved *out)
{
    TW_TRY(tw_attr_copy(r->arena, value, &out->attrs[out->attr_count]));
    out->attr_count++;
    return TW_OK;
}

/* First those of the signature in its order, which makes equal nodes compare equal, then the
 * others. */
static tw_status *put_attrs(resolver *r, const tw_attr *attrs, size_t attr_count, tw_resolved *out)
{
    const tw_op *op = r->op;
    out->attrs = tw_arena_array(r->arena, op->attr_count + attr_count, sizeof *out->attrs);
    if (!out->attrs)
        return tw_no_memory();
    for (size_t i = 0; i < op->attr_count; i++) {
        slot *s = &r->slots[i];
        if (s->value.kind == TW_ATTR_NONE && !op->attrs[i].has_default)
            return tw_type_error("No argument for attr %s of '%s' Op", op->attrs[i].name, op->name);
        if (s->value.kind == TW_ATTR_NONE)
            s->value = op->attrs[i].default_value;
        TW_TRY(put_attr(r, &s->value, out));
    }
    for (size_t i = 0; i < attr_count; i++)
        if (!slot_of(r, attrs[i].name))
            TW_TRY(put_attr(r, &attrs[i], out));
    return TW_OK;
}

/* The number of outputs of an argument; false: an attribute stands for it that is not known. */
static bool output_length(resolver *r, const tw_op_arg *arg, size_t *count)
{
    slot *s = slot_of(r, length_attr(arg));
    *count = 1;
    if (!s)
        return true;
    if (s->value.kind == TW_ATTR_PLACEHOLDER)
        return false;
    *count = arg->number_attr ? (size_t)s->value.value.i : s->value.count;
    return !arg->number_attr || (s->value.value.i >= 0 && s->value.value.i <= UINT16_MAX);
}

/* Unknown (invalid) where a function's attribute stands for the type. */
static tw_dtype output_type(resolver *r, const tw_op_arg *arg, size_t index)
{
    slot *s = slot_of(r, arg->type_attr ? arg->type_attr : arg->type_list_attr);
    tw_dtype type = arg->type;
    if (s && s->value.kind == TW_ATTR_PLACEHOLDER)
        return TW_INVALID_DTYPE;
    if (s)
        type = *(const tw_dtype *)tw_attr_item(&s->value, index);
    return arg->is_ref ? tw_dtype_ref(type) : type;
}

/* Counts first: an attribute of 10^9 outputs is refused before it costs memory. */
static tw_status *put_outputs(resolver *r, tw_resolved *out)
{
    const tw_op *op = r->op;
    size_t total = 0, count;
    for (size_t i = 0; i < op->output_count; i++) {
        if (!output_length(r, &op->outputs[i], &count))
            return tw_value_error("output '%s' of '%s' Op has no known or too large a length",
                                  op->outputs[i].name, op->name);
        total += count;
    }
    if (total > UINT16_MAX)
        return tw_value_error("'%s' Op would have %zu outputs, at most %d are possible", op->name,
                              total, UINT16_MAX);
    out->outputs = tw_arena_array(r->arena, total, sizeof *out->outputs);
    if (!out->outputs)
        return tw_no_memory();
    for (size_t i = 0; i < op->output_count; i++) {
        output_length(r, &op->outputs[i], &count);
        for (size_t k = 0; k < count; k++)
            out->outputs[out->output_count++] = output_type(r, &op->outputs[i], k);
    }
    return TW_OK;
}

/* What was put into `out` when this fails is released by the caller. */
static tw_status *resolve(resolver *r, const size_t *input_counts, const tw_attr *attrs,
                          size_t attr_count, tw_resolved *out)
{
    TW_TRY(take_given(r, attrs, attr_count));
    TW_TRY(settle_counts(r, input_counts));
    TW_TRY(infer_attrs(r));
    TW_TRY(put_attrs(r, attrs, attr_count, out));
    return put_outputs(r, out);
}

/* After a failure `out` is empty and holds no references; memory remains with the arena until
 * that is cleared. */
tw_status *tw_op_resolve(const tw_op *op, const tw_dtype *inputs, size_t input_count,
                         const size_t *input_counts, const tw_attr *attrs, size_t attr_count,
                         tw_arena *arena, tw_resolved *out)
{
    resolver r = {.op = op, .inputs = inputs, .input_count = input_count, .arena = arena};
    *out = (tw_resolved){0};
    r.slots = tw_arena_array(arena, op->attr_count, sizeof *r.slots);
    r.counts = tw_arena_array(arena, op->input_count, sizeof *r.counts);
    if (!r.slots || !r.counts)
        return tw_no_memory();
    out->input_counts = r.counts;
    tw_status *status = resolve(&r, input_counts, attrs, attr_count, out);
    if (status) {
        for (size_t i = 0; i < out->attr_count; i++)
            tw_attr_release(&out->attrs[i]);
        *out = (tw_resolved){0};
    }
    return status;
}
