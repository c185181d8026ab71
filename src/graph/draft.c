/* SPDX-License-Identifier: Apache-2.0
 * From what a builder or a file says of an operation to a complete one: attributes and dtypes by
 * the signature, shapes by the shape rule, then a copy in lasting memory. */
#include "graph/draft.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "op/infer.h"

/* ---- completing ----
 * All this lies in the draft's own arena and goes with it. The values of attributes are the
 * caller's and the registry's, which last longer. */

/* Without a signature the attributes stay as given, and outputs are what the caller says. */
static tw_status *resolve_unknown(tw_draft *d)
{
    tw_resolved *r = &d->resolved;
    r->attrs = tw_arena_array(&d->arena, d->attr_count, sizeof *r->attrs);
    r->outputs = tw_arena_copy(&d->arena, d->output_dtypes, d->output_count * sizeof *r->outputs);
    if (!r->attrs || !r->outputs)
        return tw_no_memory();
    r->output_count = d->output_count;
    for (size_t i = 0; i < d->attr_count; i++) {
        if (!d->attrs[i].name)
            return tw_value_error("attribute %zu has no name", i);
        r->attrs[r->attr_count++] = d->attrs[i];
    }
    return TW_OK;
}

/* Dtypes of inputs never change once an operation is there, so they are read without the lock.
 * Those of back edges were set before. */
static tw_status *resolve(tw_draft *d)
{
    d->dtypes = d->dtypes ? d->dtypes
                          : tw_arena_array(&d->arena, d->input_count, sizeof *d->dtypes);
    if (!d->dtypes)
        return tw_no_memory();
    for (size_t i = 0; i < d->input_count; i++) {
        if (d->inputs[i].op)
            d->dtypes[i] = d->inputs[i].op->outputs[d->inputs[i].index].dtype;
    }
    if (!d->op)
        return resolve_unknown(d);
    return tw_op_resolve_borrowed(d->op, d->dtypes, d->input_count, d->input_counts, d->attrs,
                                  d->attr_count, &d->arena, &d->resolved);
}

/* What a shape rule reads. */
typedef struct facts {
    const tw_dtype *dtypes;
    tw_shape *shapes, *partial;
    tw_array **values;
    bool rules; /* the graph has rules of its own */
} facts;

/* Whether the rule may ask for the value of an input. */
static bool is_wanted(const tw_draft *d, size_t i)
{
    uint32_t wanted = d->op ? d->op->definition.shape_inputs : 0;
    return wanted >> (i < 31 ? i : 31) & 1 && d->inputs[i].op;
}

/* Those of the inputs without references: mostly what is there. NULL: no memory. */
static const tw_dtype *base_dtypes(tw_draft *d)
{
    bool refs = false;
    for (size_t i = 0; i < d->input_count; i++)
        refs |= tw_dtype_is_ref(d->dtypes[i]);
    if (!refs)
        return d->dtypes;
    tw_dtype *base = tw_arena_array(&d->arena, d->input_count, sizeof *base);
    for (size_t i = 0; base && i < d->input_count; i++)
        base[i] = tw_dtype_base(d->dtypes[i]);
    return base;
}

/* Shapes are replaced as a whole and their dims live as long as the graph: a copy made under the
 * lock can be read after it. Most values that are wanted are those of constants. */
static tw_status *gather(tw_draft *d, facts *k)
{
    size_t n = d->input_count, outputs = d->resolved.output_count;
    bool any = n && d->op && d->op->definition.shape_inputs;
    d->shapes = tw_arena_array(&d->arena, outputs + (any ? 2 * n : n), sizeof *d->shapes);
    k->values = any ? tw_arena_array(&d->arena, n, sizeof *k->values) : NULL;
    k->dtypes = base_dtypes(d);
    if (!d->shapes || (any && !k->values) || !k->dtypes)
        return tw_no_memory();
    k->shapes = d->shapes + outputs;
    k->partial = any ? k->shapes + n : NULL;
    tw_graph_lock(d->graph);
    for (size_t i = 0; i < n; i++) {
        if (d->inputs[i].op)
            k->shapes[i] = d->inputs[i].op->outputs[d->inputs[i].index].shape;
        if (any && is_wanted(d, i))
            k->values[i] = tw_fold_remembered_locked(d->inputs[i]);
    }
    k->rules = d->graph->shapes.count > 0;
    tw_graph_unlock(d->graph);
    return TW_OK;
}

/* The values that the rule may ask for and that are not there yet. */
static void work_out(tw_draft *d, facts *k)
{
    for (size_t i = 0; k->values && i < d->input_count; i++) {
        if (k->values[i] || !is_wanted(d, i))
            continue;
        k->values[i] = tw_fold_value(d->inputs[i]);
        if (!k->values[i])
            k->partial[i] = tw_fold_partial(d->inputs[i], &d->arena);
    }
}

static tw_status *run_rule(tw_draft *d, facts *k, tw_infer_fn rule, void *user)
{
    work_out(d, k);
    tw_spec spec = {d->op, d->type, d->name, d->resolved.attrs, d->resolved.attr_count, d->where};
    tw_infer in = {.spec = &spec,
                   .arena = &d->arena,
                   .input_count = d->input_count,
                   .output_count = d->resolved.output_count,
                   .dtypes = k->dtypes,
                   .shapes = k->shapes,
                   .values = (const tw_array *const *)k->values,
                   .value_shapes = k->partial,
                   .outputs = d->shapes};
    return tw_infer_run(&in, rule, user);
}

/* A caller's rule goes before the definition's, also for types that are not registered. The
 * inputs' arrays are held for the time of the rule: they may be replaced meanwhile. */
static tw_status *infer(tw_draft *d)
{
    facts k = {0};
    void *user = NULL;
    tw_status *status = TW_OK;
    TW_TRY(gather(d, &k));
    tw_infer_fn rule = k.rules ? tw_operation_shape_rule(d->graph, d->type, &user)
                               : tw_global_shape(d->type, &user);
    if (rule || (d->op && d->op->definition.infer))
        status = run_rule(d, &k, rule, user);
    for (size_t i = 0; k.values && i < d->input_count; i++)
        tw_array_unref(k.values[i]);
    return status;
}

/* Dtypes first, since a rule may ask for them. */
tw_status *tw_draft_complete(tw_draft *d)
{
    TW_TRY(resolve(d));
    return infer(d);
}

void tw_draft_clear(tw_draft *d)
{
    tw_arena_clear(&d->arena);
}

/* Inputs are called what the signature calls them; of long lists only the first few are shown, so
 * that names are looked up for no more. */
tw_status *tw_draft_explain(const tw_draft *d, tw_status *status)
{
    enum { NAMED = 16 };
    tw_text texts[NAMED];
    const char *names[NAMED] = {NULL};
    /* Resolved attributes say how long each list is; those given may not. */
    const tw_resolved *r = &d->resolved;
    tw_spec spec = {.op = d->op,
                    .attrs = r->attr_count ? r->attrs : d->attrs,
                    .attr_count = r->attr_count ? r->attr_count : d->attr_count};
    bool named = d->op && d->input_count <= NAMED;
    for (size_t i = 0; named && i < d->input_count; i++) {
        texts[i] = tw_spec_input_name(&spec, i);
        names[i] = texts[i].s;
    }
    return tw_graph_explain(status, d->type, d->name, d->inputs, d->input_count,
                            named ? names : NULL, d->where);
}

/* ---- lasting memory ----
 * What an operation keeps is packed tightly, since graphs hold many of them: plain values stand
 * in the attribute itself, names are the registry's, dims that equal an input's are shared. */

/* A default that is a list, a text or a shape: what it points at is the registry's, which keeps it.
 * Texts and shapes begin with a pointer and a length. */
static bool is_default(const tw_op_attr *known, const tw_attr *value)
{
    const tw_attr *own = &known->default_value;
    bool points = value->list || value->kind == TW_ATTR_STRING || value->kind == TW_ATTR_SHAPE;
    bool same = value->list ? value->count == own->count
                            : value->value.s.length == own->value.s.length;
    return points && known->has_default && value->kind < TW_ATTR_TENSOR && same &&
           value->value.items == own->value.items;
}

/* Attributes of the signature come first, in its order and under the registry's names. */
static tw_status *keep_attr(const tw_draft *d, tw_arena *arena, size_t i, tw_attr *to)
{
    const tw_attr *from = &d->resolved.attrs[i];
    if (!d->op || i >= d->op->attr_count)
        return tw_attr_copy(arena, from, to);
    if (!is_default(&d->op->attrs[i], from))
        return tw_attr_copy_value(arena, from, to);
    *to = *from;
    return TW_OK;
}

/* Counted one by one, so that after a failure exactly those that were copied are released. */
static tw_status *keep_attrs(const tw_draft *d, tw_arena *arena, tw_operation *op)
{
    size_t count = d->resolved.attr_count;
    tw_attr *attrs = tw_arena_room(arena, count, sizeof *attrs);
    if (!attrs)
        return tw_no_memory();
    op->spec.attrs = attrs;
    for (size_t i = 0; i < count; i++) {
        TW_TRY(keep_attr(d, arena, i, &attrs[i]));
        op->spec.attr_count++;
    }
    op->exported_attrs = (uint32_t)count;
    return TW_OK;
}

/* A copy, or an input's own dims where they are equal: they never change. */
static tw_status *keep_shape(const tw_draft *d, tw_arena *arena, tw_shape shape, tw_shape *out)
{
    *out = shape;
    if (!shape.dims)
        return TW_OK;
    for (size_t i = 0; i < d->input_count && i < 2; i++) {
        if (!d->inputs[i].op)
            continue;
        tw_shape of_input = d->inputs[i].op->outputs[d->inputs[i].index].shape;
        if (of_input.dims && tw_shape_equal(of_input, shape)) {
            out->dims = of_input.dims;
            return TW_OK;
        }
    }
    out->dims = tw_arena_copy(arena, shape.dims, shape.rank * sizeof *shape.dims);
    return out->dims ? TW_OK : tw_no_memory();
}

/* Shapes that the rule did not say stay unknown. */
static tw_status *keep_outputs(const tw_draft *d, tw_arena *arena, tw_operation *op)
{
    size_t count = d->resolved.output_count;
    op->outputs = tw_arena_room(arena, count, sizeof *op->outputs);
    if (!op->outputs)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++) {
        op->outputs[i].dtype = d->resolved.outputs[i];
        TW_TRY(keep_shape(d, arena, d->shapes[i], &op->outputs[i].shape));
    }
    op->output_count = (uint32_t)count;
    return TW_OK;
}

/* The value of a constant is remembered, so that folding need not look for the attribute. */
static void keep_constant(tw_operation *op)
{
    if (!tw_text_equal(op->spec.type, "Const"))
        return;
    const tw_attr *value = tw_spec_attr(&op->spec, "value");
    if (value && value->kind == TW_ATTR_TENSOR && !value->list && value->value.tensor)
        op->constant = tw_array_ref(value->value.tensor);
}

/* On a failure the arrays are released; the memory stays with the arena. */
tw_status *tw_draft_make(const tw_draft *d, tw_arena *arena, tw_operation **out)
{
    tw_operation *op = TW_ARENA_NEW(arena, tw_operation);
    if (!op)
        return tw_no_memory();
    op->graph = d->graph;
    op->spec.op = d->op;
    op->spec.type = d->op ? d->op->name : tw_arena_strdup(arena, d->type);
    op->spec.name = tw_arena_strdup(arena, d->name);
    op->spec.where = d->where;
    op->device = "";
    op->input_count = (uint32_t)d->input_count;
    op->inputs = tw_arena_copy(arena, d->inputs, d->input_count * sizeof *d->inputs);
    if (!op->spec.type || !op->spec.name || !op->inputs)
        return tw_no_memory();
    tw_status *status = keep_attrs(d, arena, op);
    if (!status)
        status = keep_outputs(d, arena, op);
    if (status) {
        tw_draft_unmake(op);
        return status;
    }
    keep_constant(op);
    *out = op;
    return TW_OK;
}

/* For operations that nobody has seen. Those of a graph go with it. */
void tw_draft_unmake(tw_operation *op)
{
    for (size_t i = 0; i < op->spec.attr_count; i++)
        tw_attr_release(&op->spec.attrs[i]);
    op->spec.attr_count = 0;
    tw_array_unref(op->constant);
    op->constant = NULL;
}
