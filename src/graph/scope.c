/* SPDX-License-Identifier: Apache-2.0
 * The thread's stack of scopes: pushing and popping each kind, and the blocks of the macro face,
 * whose errors go where those of builders go. */
#include "graph/scope.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"

/* A scope holds its graph: the caller's own reference may go while a block is open. */
tw_scope *tw_scope_new(unsigned kinds, tw_graph *graph)
{
    tw_scope *scope = TW_NEW(tw_scope);
    if (!scope)
        return NULL;
    scope->kinds = kinds;
    scope->graph = tw_graph_ref(graph);
    return scope;
}

/* NULL is allowed, and members that were not set are. */
void tw_scope_free(tw_scope *scope)
{
    if (!scope)
        return;
    if (!(scope->kinds & ~(unsigned)(TW_SCOPE_GRAPH | TW_SCOPE_NAME | TW_SCOPE_REGION))) {
        tw_graph_unref(scope->graph); /* all that such a scope holds */
        tw_free(scope);
        return;
    }
    char *const texts[] = {scope->device, scope->group, scope->type, scope->gradient,
                           scope->variable_name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        tw_free(texts[i]);
    tw_free(scope->controls);
    tw_int_map_clear(&scope->seen);
    if (scope->initializer.constant.kind == TW_OPERAND_ARRAY)
        tw_array_unref(scope->initializer.constant.value.array);
    tw_graph_unref(scope->graph);
    tw_free(scope);
}

/* Scopes are held by pointer, so that what was borrowed from one stays when the stack grows. */
tw_status *tw_scope_push(tw_scope *scope)
{
    tw_thread_state *thread = tw_thread_here();
    scope->mark = ++thread->marks;
    if (tw_vec_push(&thread->scopes, scope)) {
        thread->kinds |= scope->kinds;
        return TW_OK;
    }
    tw_scope_free(scope);
    return tw_no_memory();
}

/* More pops than pushes do nothing: a reset may have closed what a guard still knows. */
void tw_scope_pop(void)
{
    tw_thread_state *thread = tw_thread_here();
    if (!thread->scopes.count)
        return;
    tw_scope_free(thread->scopes.items[--thread->scopes.count]);
    thread->kinds = 0;
    for (size_t i = 0; i < thread->scopes.count; i++)
        thread->kinds |= thread->scopes.items[i]->kinds;
    if (!thread->scopes.count)
        tw_vec_clear(&thread->scopes); /* so that a thread that ends leaves nothing */
}

/* Numbers grow from the outermost scope to the innermost one, so that one scope can be told from
 * another that was opened later in its place. */
uint64_t tw_scope_mark(void)
{
    const tw_thread_state *thread = tw_thread_here();
    size_t count = thread->scopes.count;
    return count ? thread->scopes.items[count - 1]->mark : 0;
}

/* A front end's blocks may end in another order than they began (an interactive session closed
 * inside of a block). */
bool tw_scope_close(uint64_t mark)
{
    tw_thread_state *thread = tw_thread_here();
    for (size_t i = thread->scopes.count; i-- > 0;) {
        tw_scope *scope = thread->scopes.items[i];
        if (scope->mark != mark)
            continue;
        size_t above = thread->scopes.count - i - 1;
        memmove(&thread->scopes.items[i], &thread->scopes.items[i + 1],
                above * sizeof *thread->scopes.items);
        thread->scopes.items[thread->scopes.count - 1] = scope;
        tw_scope_pop();
        return true;
    }
    return false;
}

/* A depth below 0 comes from a push that failed and must not empty the stack further than there
 * is. */
void tw_scope_pop_to(int depth)
{
    while ((int)tw_thread_here()->scopes.count > (depth > 0 ? depth : 0))
        tw_scope_pop();
}

/* Remembered before a push, so that a guard pops back to it whatever was opened inside and not
 * closed. */
static int depth_now(void)
{
    return (int)tw_thread_here()->scopes.count;
}

/* A thread has few scopes open; walking them is faster than any table. */
tw_scope *tw_scope_find(const tw_graph *graph, unsigned kinds)
{
    const tw_thread_state *thread = tw_thread_here();
    for (size_t i = thread->kinds & kinds ? thread->scopes.count : 0; i-- > 0;) {
        tw_scope *scope = thread->scopes.items[i];
        if (scope->graph == graph && scope->kinds & kinds)
            return scope;
    }
    return NULL;
}

/* Ends in a slash, so that a name can be put behind it as it is. */
const char *tw_scope_prefix(const tw_graph *graph)
{
    const tw_scope *scope = tw_scope_find(graph, TW_SCOPE_NAME);
    return scope ? scope->name : "";
}

/* With the slash at its end, or empty at the root, so that a name can be put right behind it. */
const char *tw_scope_name(void)
{
    return tw_scope_prefix(tw_default_graph());
}

const char *tw_graph_scope_name(const tw_graph *graph)
{
    return tw_scope_prefix(graph);
}

/* Forgetting the control dependencies around leaves the region around too. */
tw_region *tw_scope_region(const tw_graph *graph)
{
    const tw_thread_state *thread = tw_thread_here();
    for (size_t i = thread->kinds & TW_SCOPE_REGION ? thread->scopes.count : 0; i-- > 0;) {
        const tw_scope *scope = thread->scopes.items[i];
        if (scope->graph != graph)
            continue;
        if (scope->kinds & TW_SCOPE_REGION)
            return scope->region;
        if (scope->kinds & TW_SCOPE_CONTROL && scope->forgets)
            return NULL;
    }
    return NULL;
}

tw_region *tw_graph_region(const tw_graph *graph)
{
    return tw_scope_region(graph);
}

/* Of the current graph only: in another graph one stands outside. */
tw_region *tw_current_region(void)
{
    return tw_scope_region(tw_default_graph());
}

/* ---- one function for each kind ----
 * Every kind is made whole before it is pushed, so that a failure leaves the stack as it was. */

/* A scope of a graph; what NULL is for is said where the current one is asked for. */
static tw_status *start(unsigned kinds, tw_graph *graph, tw_scope **out)
{
    *out = graph ? tw_scope_new(kinds, graph) : NULL;
    return *out ? TW_OK : tw_no_memory();
}

/* Name and other scopes of that graph which are open further out count again. */
tw_status *tw_scope_push_graph(tw_graph *graph)
{
    if (!graph)
        return tw_value_error("the graph of a scope is NULL");
    tw_scope *scope = tw_scope_new(TW_SCOPE_GRAPH, graph);
    return scope ? tw_scope_push(scope) : tw_no_memory();
}

/* NULL and "" both leave all scopes, as None does in Python. */
tw_status *tw_graph_push_name(tw_graph *graph, const char *name)
{
    tw_scope *scope;
    TW_TRY(start(TW_SCOPE_NAME, graph, &scope));
    tw_status *status = tw_scope_open_name(scope->graph, name ? name : "", &scope->name);
    if (!status)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return status;
}

/* Tensors stand for their operations. */
static tw_status *copy_controls(tw_scope *scope, tw_tensors inputs)
{
    scope->controls = tw_alloc_array(inputs.count, sizeof(tw_operation *));
    if (!scope->controls)
        return tw_no_memory();
    for (size_t i = 0; i < inputs.count; i++) {
        tw_operation *op = inputs.items[i].op;
        if (!op)
            return tw_value_error("control input %zu is an invalid tensor", i);
        if (op->graph != scope->graph)
            return tw_value_error("control input '%s' belongs to another graph", op->spec.name);
        scope->controls[i] = op;
    }
    scope->control_count = inputs.count;
    return TW_OK;
}

/* A list without elements is a scope that adds nothing, but forgets nothing either. */
tw_status *tw_graph_push_control(tw_graph *graph, tw_tensors inputs)
{
    tw_scope *scope;
    TW_TRY(start(TW_SCOPE_CONTROL, graph, &scope));
    scope->forgets = !inputs.items;
    tw_status *status = inputs.items ? copy_controls(scope, inputs) : TW_OK;
    if (!status)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return status;
}

/* Merged when the scope opens, so that operations only copy a text. A colocation in between hides
 * the devices around it. */
tw_status *tw_graph_push_device(tw_graph *graph, const char *device)
{
    tw_scope *scope;
    TW_TRY(start(TW_SCOPE_DEVICE, graph, &scope));
    const tw_scope *around = tw_scope_find(scope->graph, TW_SCOPE_DEVICE | TW_SCOPE_COLOCATE);
    const char *outer = device && around && around->device ? around->device : "";
    tw_status *status = tw_device_merge(device ? device : "", outer, &scope->device);
    if (!status)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return status;
}

/* An invalid tensor opens a scope in which nothing around counts. */
tw_status *tw_graph_push_colocate(tw_graph *graph, tw_tensor tensor)
{
    tw_scope *scope;
    TW_TRY(start(TW_SCOPE_COLOCATE, graph, &scope));
    if (tensor.op && tensor.op->graph != scope->graph) {
        tw_scope_free(scope);
        return tw_value_error("'%s', to be colocated with, belongs to another graph",
                              tensor.op->spec.name);
    }
    scope->colocated = tensor.op;
    return tw_scope_push(scope);
}

/* For what is made before the operation that it is to stand with: a variable's first value. */
tw_status *tw_scope_push_group(tw_graph *graph, const char *operation)
{
    tw_scope *scope = tw_scope_new(TW_SCOPE_COLOCATE, graph);
    if (!scope)
        return tw_no_memory();
    tw_buffer b = {0};
    tw_buffer_printf(&b, "loc:@%s", operation);
    scope->group = tw_buffer_take(&b);
    if (scope->group)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return tw_no_memory();
}

/* One type each; scopes of several types are nested. */
tw_status *tw_graph_push_gradient_override(tw_graph *graph, const char *type, const char *gradient)
{
    if (!type || !gradient)
        return tw_value_error("a gradient override needs an op type and a name");
    tw_scope *scope;
    TW_TRY(start(TW_SCOPE_OVERRIDE, graph, &scope));
    scope->type = tw_strdup(type);
    scope->gradient = tw_strdup(gradient);
    if (scope->type && scope->gradient)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return tw_no_memory();
}

/* ---- the same of the current graph ---- */

/* In the current graph, as all that follow. */
tw_status *tw_scope_push_name(const char *name)
{
    return tw_graph_push_name(tw_default_graph(), name);
}

/* What is made inside runs after all of these; an empty list forgets those around. */
tw_status *tw_scope_push_control(tw_tensors inputs)
{
    return tw_graph_push_control(tw_default_graph(), inputs);
}

/* Merged with the devices around, part by part, when an operation is made. */
tw_status *tw_scope_push_device(const char *device)
{
    return tw_graph_push_device(tw_default_graph(), device);
}

tw_status *tw_scope_push_colocate(tw_tensor tensor)
{
    return tw_graph_push_colocate(tw_default_graph(), tensor);
}

tw_status *tw_scope_push_gradient_override(const char *type, const char *gradient)
{
    return tw_graph_push_gradient_override(tw_default_graph(), type, gradient);
}

/* Leaving a region for a while is a scope as well, with no region. */
int tw_scope_push_region(tw_region *region)
{
    int depth = depth_now();
    tw_graph *graph = region ? region->graph : tw_default_graph();
    tw_scope *scope = graph ? tw_scope_new(TW_SCOPE_REGION, graph) : NULL;
    if (!scope)
        return -1;
    scope->region = region;
    tw_status *status = tw_scope_push(scope);
    tw_status_free(status);
    return status ? -1 : depth;
}

/* ---- blocks ----
 * The macros of the public header open a block with these. C has no exceptions to unwind by; what
 * takes their place is an attribute of the guard that calls tw_scope_leave_ however the block
 * ends. */

/* The guard of a scope that was pushed at `depth`, or not: then the error is reported. */
static tw_scope_guard guard(int depth, tw_status *status)
{
    if (status)
        tw_build_fail(status);
    return (tw_scope_guard){depth};
}

/* The blocks cannot give a status: a scope that could not open is reported to the graph. */
tw_scope_guard tw_scope_enter_graph_(tw_graph *graph)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_graph(graph));
}

tw_scope_guard tw_scope_enter_name_(const char *name)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_name(name));
}

tw_scope_guard tw_scope_enter_control_(tw_tensors inputs)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_control(inputs));
}

tw_scope_guard tw_scope_enter_device_(const char *device)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_device(device));
}

/* The depth is taken first: even a push that failed has a guard, whose end does no harm. */
tw_scope_guard tw_scope_enter_colocate_(tw_tensor tensor)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_colocate(tensor));
}

tw_scope_guard tw_scope_enter_override_(const char *type, const char *gradient)
{
    int depth = depth_now();
    return guard(depth, tw_scope_push_gradient_override(type, gradient));
}

/* Pops whatever is above, so that a block which is left by a jump closes what was opened in it. */
void tw_scope_leave_(tw_scope_guard *guard_)
{
    tw_scope_pop_to(guard_->depth);
}
