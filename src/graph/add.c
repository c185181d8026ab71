/* SPDX-License-Identifier: Apache-2.0
 * tw_graph_add, the one way in which operations come into a graph one by one. Everything that can
 * call foreign code or fail for what the caller gave is done on a draft; then the graph is locked,
 * the name taken and the operation put in, all or nothing. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/draft.h"
#include "graph/scope.h"

/* One call of tw_graph_add. */
typedef struct addition {
    tw_graph_add_args args; /* whole, whatever the caller knew of them */
    tw_draft draft;
    tw_scope_effect effect;
    tw_region *region;
    const tw_op *known; /* NULL: to be looked up */
    const char *prefix; /* of the name; NULL: what the scopes say */
    tw_name_text *full; /* the wanted name with scopes */
    bool exact;         /* it is taken as it is */
} addition;

/* Of what an operation needs until it is in the graph, for nearly every one. */
enum { ROOM = 2048 };

/* ---- checks ---- */

/* The input's number is kept with the error, so that a front end can point at the argument. */
static tw_status *check_input(const tw_graph *graph, tw_tensor tensor, size_t i)
{
    if (!tensor.op)
        return tw_status_with_input(tw_value_error("input %zu is an invalid tensor", i), (int)i);
    if (tensor.op->graph != graph)
        return tw_status_with_input(tw_value_error("input %zu, '%s', must be from the same graph "
                                                   "as the operation",
                                                   i, tensor.op->spec.name),
                                    (int)i);
    if (tensor.index < 0 || (uint32_t)tensor.index >= tensor.op->output_count)
        return tw_status_with_input(
            tw_type_error("input %zu is the operation '%s', not a tensor: it has %u outputs", i,
                          tensor.op->spec.name, tensor.op->output_count),
            (int)i);
    return TW_OK;
}

/* What a caller in any language can get wrong before the signature is looked at. Control inputs
 * may be given as any tensor of their operation. */
static tw_status *check_args(const addition *a)
{
    const tw_graph_add_args *args = &a->args;
    bool lists = (args->inputs || !args->input_count) && (args->attrs || !args->attr_count) &&
                 (args->control_inputs || !args->control_input_count) &&
                 (args->output_dtypes || !args->output_count);
    if (!args->type || !*args->type || !lists)
        return tw_value_error("an operation needs a type, and no list of it may be NULL");
    for (size_t i = 0; i < args->input_count; i++)
        TW_TRY(check_input(a->draft.graph, args->inputs[i], i));
    for (size_t i = 0; i < args->control_input_count; i++) {
        const tw_operation *op = args->control_inputs[i].op;
        if (!op || op->graph != a->draft.graph)
            return tw_value_error("control input %zu is no operation of the same graph", i);
    }
    return TW_OK;
}

/* ---- the name ---- */

/* The wanted name, not yet unique. It is known this early so that every later error can name the
 * operation. An empty name counts as none, as front ends pass one on. What scopes are called was
 * looked at when they were opened. */
static tw_status *set_name(addition *a)
{
    bool of_scope = a->prefix && !a->args.name;
    const char *name = a->args.name && *a->args.name ? a->args.name : a->args.type;
    name = of_scope ? a->prefix : name;
    size_t length = strlen(name);
    bool slash = length > 1 && name[length - 1] == '/';
    a->exact = slash || a->args.is_import;
    const char *prefix = a->exact ? "" : a->prefix ? a->prefix : tw_scope_prefix(a->draft.graph);
    if (!tw_name_begin(a->full, prefix, name, length - (slash && !a->args.is_import)))
        return tw_no_memory();
    a->draft.name = a->full->text; /* gets its suffix when it is taken */
    if (!of_scope && !tw_name_is_valid(a->full->text + a->full->prefix, !*prefix))
        return tw_value_error("'%s' is not a valid node name", a->full->text);
    return TW_OK;
}

/* ---- scopes ---- */

/* What the caller says of an attribute goes before what scopes would add. */
static bool is_given(const addition *a, const char *attr)
{
    for (size_t i = 0; i < a->args.attr_count; i++) {
        if (a->args.attrs[i].name && strcmp(a->args.attrs[i].name, attr) == 0)
            return true;
    }
    return false;
}

/* The attributes given and those that scopes add. */
static tw_status *set_attrs(addition *a)
{
    size_t count = a->args.attr_count;
    tw_draft *d = &a->draft;
    d->attrs = a->args.attrs;
    d->attr_count = count;
    bool class = a->effect.group_count && !is_given(a, "_class");
    bool gradient = a->effect.gradient && !is_given(a, "_gradient_op_type");
    if (!class && !gradient)
        return TW_OK;
    tw_attr *attrs = tw_arena_array(&d->arena, count + 2, sizeof *attrs);
    if (!attrs)
        return tw_no_memory();
    if (count)
        memcpy(attrs, a->args.attrs, count * sizeof *attrs);
    if (class) {
        attrs[count] = (tw_attr){
            .name = "_class", .kind = TW_ATTR_STRING, .list = true, .count = a->effect.group_count};
        attrs[count++].value.items = a->effect.groups;
    }
    if (gradient) {
        attrs[count] = (tw_attr){.name = "_gradient_op_type", .kind = TW_ATTR_STRING};
        attrs[count++].value.s = (tw_bytes){a->effect.gradient, strlen(a->effect.gradient)};
    }
    d->attrs = attrs;
    d->attr_count = count;
    return TW_OK;
}

/* Scopes first change the inputs (a branch or loop sees outer tensors through operations of its
 * own), then add what depends on these. An import takes its nodes as they stand. */
static tw_status *apply_scopes(addition *a)
{
    tw_draft *d = &a->draft;
    a->effect.device = a->args.device ? a->args.device : "";
    if (!a->args.is_import) {
        a->region = tw_scope_region(d->graph);
        TW_TRY(tw_region_enter(a->region, d->type, d->name, a->exact, d->inputs, d->input_count));
        TW_TRY(tw_scope_apply(&a->args, d->graph, d->op, d->inputs, d->input_count, &d->arena,
                              &a->effect));
        if (a->region)
            TW_TRY(tw_region_controls(a->region, d->type, d->inputs, d->input_count, &a->effect,
                                      &d->arena));
    } else if (a->args.control_input_count) {
        size_t count = a->args.control_input_count;
        a->effect.controls = tw_arena_array(&d->arena, count, sizeof(tw_operation *));
        if (!a->effect.controls)
            return tw_no_memory();
        for (size_t i = 0; i < count; i++)
            a->effect.controls[i] = a->args.control_inputs[i].op;
        a->effect.control_count = count;
    }
    return set_attrs(a);
}

/* ---- the draft ---- */

/* A type that nobody knows is no error if its outputs are given: graphs of other programs can be
 * held and written back. */
static tw_status *look_up(addition *a)
{
    tw_draft *d = &a->draft;
    d->op = a->known;
    if (d->op)
        return TW_OK;
    tw_status *status = tw_op_lookup(a->args.type, &d->op);
    if (tw_status_code(status) != TW_NOT_FOUND || !a->args.output_dtypes)
        return status;
    tw_status_free(status);
    d->output_dtypes = a->args.output_dtypes;
    d->output_count = a->args.output_count;
    return TW_OK;
}

/* Everything that may fail for what the caller gave, in the order in which TensorFlow would
 * complain. */
static tw_status *prepare(addition *a)
{
    tw_draft *d = &a->draft;
    TW_TRY(check_args(a));
    d->type = a->args.type;
    d->inputs = tw_arena_copy(&d->arena, a->args.inputs, a->args.input_count * sizeof *d->inputs);
    if (!d->inputs)
        return tw_no_memory();
    d->input_count = a->args.input_count;
    d->input_counts = a->args.input_counts;
    TW_TRY(set_name(a));
    TW_TRY(look_up(a));
    TW_TRY(apply_scopes(a));
    return tw_draft_complete(d);
}

/* ---- into the graph ----
 * From here on the graph is locked, and no function of a caller's is called. */

/* Most operations come from the same file as the one before, so the last one is compared first.
 * Texts are kept once for the graph: a front end's strings do not outlive its call. */
const char *tw_graph_keep_file_locked(tw_graph *graph, const char *file)
{
    if (!file)
        return NULL;
    if (graph->last_file && strcmp(graph->last_file, file) == 0)
        return graph->last_file;
    const char *kept = tw_map_get(&graph->files, file);
    if (!kept) {
        char *copy = tw_arena_strdup(&graph->arena, file);
        if (!copy || !tw_map_set(&graph->files, file, copy))
            return NULL;
        kept = copy;
    }
    return graph->last_file = kept;
}

static tw_status *choose_name_locked(const addition *a, tw_name_claim *claim)
{
    tw_graph *graph = a->draft.graph;
    if (a->exact)
        return tw_name_choose_exact_locked(graph, a->full->text, a->full->length, claim);
    return tw_name_choose_locked(graph, a->full, claim) ? TW_OK : tw_no_memory();
}

/* What is not part of the draft because it belongs to the place in the graph. */
static tw_status *finish_operation(addition *a, tw_operation *op)
{
    tw_graph *graph = a->draft.graph;
    const char *file = a->draft.where.file;
    op->spec.where.file = tw_graph_keep_file_locked(graph, file);
    op->region = a->region;
    op->device = *a->effect.device ? tw_arena_strdup(&graph->arena, a->effect.device) : "";
    op->control_count = (uint32_t)a->effect.control_count;
    if (op->control_count)
        op->controls = tw_arena_copy(&graph->arena, a->effect.controls,
                                     op->control_count * sizeof *op->controls);
    bool good = op->device && (op->controls || !op->control_count) &&
                (op->spec.where.file || !file);
    return good ? TW_OK : tw_no_memory();
}

/* The steps that can fail come first, so that nothing has to be undone. From here on the operation
 * is there for all threads. */
static tw_status *enter_locked(addition *a, const tw_name_claim *claim, tw_operation *op)
{
    tw_graph *graph = a->draft.graph;
    TW_TRY(finish_operation(a, op));
    if (!tw_vec_reserve(&graph->operations, graph->operations.count + 1))
        return tw_no_memory();
    tw_name_enter_locked(graph, claim, op->spec.name, op);
    op->id = graph->operations.count;
    graph->operations.items[graph->operations.count++] = op;
    atomic_fetch_add(&graph->version, 1);
    return TW_OK;
}

/* The operation is made under the lock, since the arena is the graph's. Memory of a failed attempt
 * stays in the arena until the graph goes. */
static tw_status *commit_locked(addition *a, tw_operation **out)
{
    tw_graph *graph = a->draft.graph;
    tw_name_claim claim;
    tw_operation *op = NULL;
    if (graph->finalized)
        return tw_status_with_kind(
            tw_status_new(TW_FAILED_PRECONDITION, "Graph is finalized and cannot be modified."),
            TW_KIND_STATE);
    TW_TRY(choose_name_locked(a, &claim));
    tw_status *status = tw_draft_make(&a->draft, &graph->arena, &op);
    if (!status) {
        status = enter_locked(a, &claim, op);
        if (status)
            tw_draft_unmake(op);
    }
    *out = status ? NULL : op;
    return status;
}

/* The status with what the user needs to find the place; the name is the one that it would get. */
static tw_status *explain(addition *a, tw_status *status)
{
    tw_name_claim claim;
    if (a->full->text && !a->exact) {
        tw_name_restore(a->full);
        tw_graph_lock(a->draft.graph);
        (void)tw_name_choose_locked(a->draft.graph, a->full, &claim); /* or without a suffix */
        tw_graph_unlock(a->draft.graph);
    }
    return tw_draft_explain(&a->draft, status);
}

/* No lock is held while shape rules of callers run or while inputs are captured, both of which may
 * add operations; so another thread may take the name meanwhile, and it is chosen last. */
tw_status *tw_graph_add_known(tw_graph *graph, const tw_graph_add_args *args, const tw_op *op,
                              const char *prefix, tw_operation **out)
{
    if (!graph || !args || !out || args->size < offsetof(tw_graph_add_args, inputs))
        return tw_value_error("tw_graph_add needs a graph, arguments with their size, and a place "
                              "for the operation");
    *out = NULL;
    char room[ROOM];
    tw_name_text full;
    full.text = NULL;
    addition a = {.draft.graph = graph, .known = op, .prefix = prefix, .full = &full};
    tw_arena_begin(&a.draft.arena, room, sizeof room);
    memcpy(&a.args, args, args->size < sizeof a.args ? args->size : sizeof a.args);
    a.draft.where = tw_current_where(args->where);
    tw_status *status = prepare(&a);
    if (!status) {
        tw_graph_lock(graph);
        status = commit_locked(&a, out);
        tw_graph_unlock(graph);
    }
    if (status)
        status = explain(&a, status);
    else if (!args->is_import)
        tw_scope_saw(*out);
    tw_draft_clear(&a.draft);
    tw_name_end(&full);
    return status;
}

tw_status *tw_graph_add(tw_graph *graph, const tw_graph_add_args *args, tw_operation **out)
{
    return tw_graph_add_known(graph, args, NULL, NULL, out);
}
