/* SPDX-License-Identifier: Apache-2.0
 * What the open scopes add to an operation: control inputs, device, colocation, the name of its
 * gradient. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/scope.h"

/* What is gathered; room is bounded by what the scopes and arguments hold. */
typedef struct gatherer {
    const tw_graph *graph;
    const tw_tensor *inputs;
    size_t input_count;
    tw_arena *arena;
    tw_scope_effect *out;
    const char *colocated_device;
    bool has_refs; /* the operation changes an input */
} gatherer;

/* TensorFlow leaves out a control input that is a data input already. */
static bool is_input(const gatherer *g, const tw_operation *op)
{
    for (size_t i = 0; i < g->input_count; i++) {
        if (g->inputs[i].op == op)
            return true;
    }
    return false;
}

/* Once, in the order of first mention; lists are short. */
static void add_control(gatherer *g, tw_operation *op)
{
    for (size_t i = 0; i < g->out->control_count; i++) {
        if (g->out->controls[i] == op)
            return;
    }
    g->out->controls[g->out->control_count++] = op;
}

/* The position in the stack of the outermost control scope that counts. */
static size_t first_control(const tw_graph *graph)
{
    const tw_thread_state *thread = tw_thread_here();
    for (size_t i = thread->scopes.count; i-- > 0;) {
        const tw_scope *scope = thread->scopes.items[i];
        if (scope->graph == graph && scope->kinds & TW_SCOPE_CONTROL && scope->forgets)
            return i;
    }
    return 0;
}

/* An input that was made inside a control scope waits for it already: the operation need not. */
static bool is_implied(const gatherer *g, const tw_scope *scope)
{
    uint64_t unused;
    for (size_t i = 0; i < g->input_count; i++) {
        if (tw_int_map_get(&scope->seen, g->inputs[i].op->id, &unused))
            return true;
    }
    return false;
}

/* Scopes of other graphs, and of other kinds, lie in between. */
static bool is_control(const tw_scope *scope, const tw_graph *graph)
{
    return scope->graph == graph && scope->kinds & TW_SCOPE_CONTROL;
}

/* Those given with the call, then those of the scopes from the outside in. */
static tw_status *gather_controls(gatherer *g, const tw_graph_add_args *args)
{
    const tw_thread_state *thread = tw_thread_here();
    if (!args->control_input_count && !(thread->kinds & TW_SCOPE_CONTROL))
        return TW_OK;
    size_t first = first_control(g->graph), room = args->control_input_count;
    for (size_t i = first; i < thread->scopes.count; i++)
        room += thread->scopes.items[i]->control_count;
    g->out->controls = tw_arena_array(g->arena, room, sizeof(tw_operation *));
    if (!g->out->controls)
        return tw_no_memory();
    for (size_t i = 0; i < args->control_input_count; i++)
        add_control(g, args->control_inputs[i].op);
    for (size_t i = first; i < thread->scopes.count; i++) {
        const tw_scope *scope = thread->scopes.items[i];
        if (!is_control(scope, g->graph) || is_implied(g, scope))
            continue;
        for (size_t k = 0; k < scope->control_count; k++) {
            if (!is_input(g, scope->controls[k]))
                add_control(g, scope->controls[k]);
        }
    }
    return TW_OK;
}

/* Every control scope around has to know: any of them may be implied later. */
void tw_scope_saw(const tw_operation *op)
{
    const tw_thread_state *thread = tw_thread_here();
    if (!(thread->kinds & TW_SCOPE_CONTROL))
        return;
    /* Without memory to note it, later operations only get an edge that is not needed. */
    for (size_t i = first_control(op->graph); i < thread->scopes.count; i++) {
        if (is_control(thread->scopes.items[i], op->graph))
            tw_int_map_set(&thread->scopes.items[i]->seen, op->id, 1);
    }
}

/* ---- colocation ----
 * A colocation group is a text "loc:@NAME" in the attribute _class. Its members go to one device;
 * which one is for placement to say, unless one of them has it already. */

/* Groups are few, so a new list for each is good enough. */
static tw_status *add_group(gatherer *g, tw_bytes group)
{
    tw_scope_effect *out = g->out;
    tw_bytes *groups = tw_arena_array(g->arena, out->group_count + 1, sizeof *groups);
    if (!groups)
        return tw_no_memory();
    if (out->group_count)
        memcpy(groups, out->groups, out->group_count * sizeof *groups);
    groups[out->group_count++] = group;
    out->groups = groups;
    return TW_OK;
}

/* _class may hold other texts, which colocation does not look at. */
static bool is_location(tw_bytes text)
{
    return text.length > 5 && memcmp(text.data, "loc:@", 5) == 0;
}

/* The groups that an operation is in itself, or else the one that it leads. */
static tw_status *add_groups_of(gatherer *g, const tw_operation *op)
{
    const tw_attr *attr = tw_operation_attr(op, "_class");
    size_t before = g->out->group_count;
    bool texts = attr && attr->kind == TW_ATTR_STRING && attr->list;
    const tw_bytes *items = texts ? attr->value.items : NULL;
    for (size_t i = 0; texts && i < attr->count; i++) {
        if (is_location(items[i]))
            TW_TRY(add_group(g, items[i]));
    }
    if (*tw_operation_device(op))
        g->colocated_device = tw_operation_device(op);
    if (g->out->group_count > before)
        return TW_OK;
    char *own = tw_arena_printf(g->arena, "loc:@%s", op->spec.name);
    return own ? add_group(g, (tw_bytes){own, strlen(own)}) : tw_no_memory();
}

/* By bytes, as Python sorts them. */
static int compare_groups(const void *a, const void *b)
{
    const tw_bytes *x = a, *y = b;
    size_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->data, y->data, shorter);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Sorted and once each: TensorFlow writes a set. */
static void sort_groups(tw_scope_effect *out)
{
    size_t kept = 0;
    qsort(out->groups, out->group_count, sizeof *out->groups, compare_groups);
    for (size_t i = 0; i < out->group_count; i++) {
        if (!kept || compare_groups(&out->groups[kept - 1], &out->groups[i]) != 0)
            out->groups[kept++] = out->groups[i];
    }
    out->group_count = kept;
}

/* Variables that the operation changes go first: they are the innermost scope, as it were. */
static tw_status *gather_groups(gatherer *g, const tw_op *op)
{
    const tw_thread_state *thread = tw_thread_here();
    for (size_t i = 0; op && i < op->input_count && i < g->input_count; i++) {
        if (!op->inputs[i].is_ref)
            continue;
        g->has_refs = true;
        TW_TRY(add_groups_of(g, g->inputs[i].op));
    }
    for (size_t i = thread->kinds & TW_SCOPE_COLOCATE ? thread->scopes.count : 0; i-- > 0;) {
        const tw_scope *scope = thread->scopes.items[i];
        if (scope->graph != g->graph || !(scope->kinds & TW_SCOPE_COLOCATE))
            continue;
        if (!scope->colocated && !scope->group)
            break;
        if (scope->colocated)
            TW_TRY(add_groups_of(g, scope->colocated));
        else
            TW_TRY(add_group(g, (tw_bytes){scope->group, strlen(scope->group)}));
    }
    if (g->out->group_count)
        sort_groups(g->out);
    return TW_OK;
}

/* What is colocated goes where the others are, whatever the device scopes around say. */
static tw_status *gather_device(gatherer *g, const char *given)
{
    const tw_scope *scope = tw_scope_find(g->graph, TW_SCOPE_DEVICE | TW_SCOPE_COLOCATE);
    const char *around = scope && scope->device && !g->has_refs ? scope->device : "";
    if (g->colocated_device)
        around = g->colocated_device;
    g->out->device = around;
    if (!given || !*given)
        return TW_OK;
    char *merged = NULL;
    TW_TRY(tw_device_merge(given, around, &merged));
    g->out->device = tw_arena_strdup(g->arena, merged);
    tw_free(merged);
    return g->out->device ? TW_OK : tw_no_memory();
}

/* The innermost scope for that type. */
static const char *find_override(const tw_graph *graph, const char *type)
{
    const tw_thread_state *thread = tw_thread_here();
    for (size_t i = thread->kinds & TW_SCOPE_OVERRIDE ? thread->scopes.count : 0; i-- > 0;) {
        const tw_scope *scope = thread->scopes.items[i];
        bool is_override = scope->graph == graph && scope->kinds & TW_SCOPE_OVERRIDE;
        if (is_override && strcmp(scope->type, type) == 0)
            return scope->gradient;
    }
    return NULL;
}

/* Whether nothing but names says anything, as of most operations. */
static bool is_plain(const tw_graph_add_args *args, const tw_op *op)
{
    unsigned said = TW_SCOPE_CONTROL | TW_SCOPE_DEVICE | TW_SCOPE_COLOCATE | TW_SCOPE_OVERRIDE;
    bool plain = !(tw_thread_here()->kinds & said) && !args->control_input_count &&
                 !(args->device && *args->device);
    for (size_t i = 0; plain && op && i < op->input_count; i++)
        plain = !op->inputs[i].is_ref;
    return plain;
}

/* Devices after groups, since colocation decides whether device scopes count. */
tw_status *tw_scope_apply(const tw_graph_add_args *args, tw_graph *graph, const tw_op *op,
                          const tw_tensor *inputs, size_t input_count, tw_arena *arena,
                          tw_scope_effect *out)
{
    *out = (tw_scope_effect){.device = ""};
    if (is_plain(args, op))
        return TW_OK;
    gatherer g = {graph, inputs, input_count, arena, out, NULL, false};
    TW_TRY(gather_controls(&g, args));
    TW_TRY(gather_groups(&g, op));
    TW_TRY(gather_device(&g, args->device));
    out->gradient = find_override(graph, args->type);
    return TW_OK;
}
