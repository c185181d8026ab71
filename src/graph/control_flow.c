/* SPDX-License-Identifier: Apache-2.0
 * How the inside of a branch or a loop sees tensors of the outside, and tw_cond. An outer tensor
 * comes into a branch through a Switch, into a loop through an Enter, through one region after the
 * other; what a gradient loop needs of the loop that it differentiates is a LoopValue. Each is made
 * once for a region. */
#include "graph/control_flow.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/operand.h"
#include "graph/scope.h"
#include "thalweg/control_flow.h"

/* For nodes that the library itself makes: it goes the way of all others, so that scopes and
 * checks apply to them too. */
tw_status *tw_node_add(tw_graph *graph, const char *type, const char *name, tw_tensors inputs,
                       const tw_attr *attrs, size_t attr_count, tw_where where, tw_operation **out)
{
    tw_graph_add_args args = {.size = sizeof args,
                              .where = where,
                              .type = type,
                              .name = name,
                              .inputs = inputs.items,
                              .input_count = inputs.count,
                              .attrs = attrs,
                              .attr_count = attr_count};
    return tw_graph_add(graph, &args, out);
}

/* An Exit is made inside its loop but its output belongs outside; this is how both kinds are
 * told. */
static bool is_exit(const tw_operation *op)
{
    return !strcmp(op->spec.type, "Exit") || !strcmp(op->spec.type, "RefExit");
}

/* Exits count to the region around their loop, since that is where their value can be used. */
bool tw_region_holds(const tw_region *region, const tw_operation *op)
{
    const tw_region *r = op->region && is_exit(op) ? op->region->outer : op->region;
    while (r && r != region)
        r = r->outer;
    return r == region;
}

/* The depth to pop to afterwards, or -1, with nothing left pushed, when memory is short. */
int tw_region_step_into(tw_region *region)
{
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_graph(region->graph);
    if (!status)
        status = tw_scope_push_control((tw_tensors){NULL, 0});
    if (!status && tw_scope_push_region(region) >= 0)
        return depth;
    tw_status_free(status);
    tw_scope_pop_to(depth);
    return -1;
}

/* ---- what was captured ---- */

/* Eight bits for the output's index; the few tensors with greater ones are captured anew each
 * time instead of being mixed up. */
static uint64_t capture_key(tw_tensor tensor)
{
    return (uint64_t)tensor.op->id << 8 | (uint8_t)tensor.index;
}

/* A tensor is captured once a region: the second use gets the same Switch or Enter, as in
 * TensorFlow. */
static bool known(const tw_region *region, tw_tensor tensor, tw_tensor *out)
{
    uint64_t place;
    tw_graph_lock(region->graph);
    bool found = tensor.index < 256 &&
                 tw_int_map_get(&region->captured, capture_key(tensor), &place);
    if (found)
        *out = *(const tw_tensor *)(uintptr_t)place;
    tw_graph_unlock(region->graph);
    return found;
}

/* Notes what stands for `tensor` inside; without memory it is only made again next time. */
static void note(tw_region *region, tw_tensor tensor, tw_tensor inside)
{
    tw_graph_lock(region->graph);
    tw_tensor *kept = tw_arena_copy(&region->graph->arena, &inside, sizeof inside);
    if (kept && tensor.index < 256)
        tw_int_map_set(&region->captured, capture_key(tensor), (uint64_t)(uintptr_t)kept);
    tw_graph_unlock(region->graph);
}

/* A branch's pivot is alive when the branch is, so it needs no Switch; the predicate is the
 * Switch's own input. */
void tw_region_sees(tw_region *region, tw_tensor tensor)
{
    note(region, tensor, tensor);
}

/* Under the lock, because the operation already is in the graph, where other threads may look at
 * it. */
static void put_into(tw_operation *op, tw_region *region)
{
    tw_graph_lock(op->graph);
    op->region = region;
    tw_graph_unlock(op->graph);
}

/* ---- into a branch ---- */

/* Placed with its data and with nothing else, as in TensorFlow; an empty colocation first drops
 * what is open around. */
/* A Switch by the predicate has brought it here already. */
static bool is_switched(const tw_region *region, tw_tensor tensor)
{
    return !strcmp(tensor.op->spec.type, "Switch") && tensor.index == region->branch &&
           tw_same(tw_operation_input(tensor.op, 1), region->pred);
}

static tw_status *add_switch(const tw_region *region, tw_tensor data, tw_operation **out)
{
    bool ref = tw_dtype_is_ref(tw_tensor_dtype(data));
    tw_tensor inputs[] = {data, region->pred};
    TW_TRY(tw_scope_push_colocate((tw_tensor){NULL, 0}));
    tw_status *status = tw_scope_push_colocate(data);
    if (!status)
        status = tw_node_add(region->graph, ref ? "RefSwitch" : "Switch", "Switch",
                             (tw_tensors){inputs, 2}, NULL, 0, data.op->spec.where, out);
    return status;
}

/* The Switch is made in the outer region and without control inputs, and only then counted to
 * the branch that it feeds. */
static tw_status *capture_in_branch(tw_region *region, tw_tensor tensor, tw_tensor *out)
{
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_graph(region->graph);
    tw_operation *op = NULL;
    if (!status)
        status = tw_scope_push_control((tw_tensors){NULL, 0});
    if (!status && region->outer && tw_scope_push_region(region->outer) < 0)
        status = tw_no_memory();
    if (!status)
        status = add_switch(region, tensor, &op);
    tw_scope_pop_to(depth);
    TW_TRY(status);
    put_into(op, region);
    *out = (tw_tensor){op, region->branch ? 1 : 0};
    return TW_OK;
}

/* ---- into a loop ---- */

/* Identities and Switches only hand a value on, so they are followed back; the search starts
 * anew after every step. */
tw_operation *tw_loop_constant_enter(tw_tensor tensor)
{
    static const char *const same[] = {"Switch", "RefSwitch", "Identity", "RefIdentity"};
    tw_operation *op = tensor.op;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (strcmp(op->spec.type, same[i]))
            continue;
        op = tw_operation_input(op, 0).op;
        i = (size_t)-1;
    }
    bool enter = !strcmp(op->spec.type, "Enter") || !strcmp(op->spec.type, "RefEnter");
    const tw_attr *constant = enter ? tw_operation_attr(op, "is_constant") : NULL;
    return constant && constant->value.b ? op : NULL;
}

/* The loops around `op`'s outputs, the innermost first, up to one that is around `region` too. */
static size_t loops_apart(const tw_region *region, const tw_operation *op, size_t most)
{
    tw_region *loop = tw_region_loop(op->region && is_exit(op) ? op->region->outer : op->region);
    size_t count = 0;
    for (; loop && count < most; loop = tw_region_loop(loop->outer), count++) {
        const tw_region *around = region;
        while (around && around != loop)
            around = around->outer;
        if (around)
            break;
    }
    return count;
}

enum { MOST_LOOPS = 32 };

/* The counters of the gradient loops, the outermost first, as `region` sees them. */
static tw_status *gather_indices(tw_region *region, size_t count, tw_tensor *out)
{
    tw_region *loop = tw_region_loop(region);
    for (size_t i = count; i-- > 0; loop = tw_region_loop(loop->outer)) {
        if (!loop || !loop->counter.op)
            return tw_status_new(TW_INTERNAL,
                                 "a value of a loop is wanted outside of its gradient");
        out[i] = loop->counter;
        if (loop != tw_region_loop(region))
            TW_TRY(tw_region_capture(region, loop->counter, &out[i]));
    }
    return TW_OK;
}

/* A LoopValue reads what a forward loop computed by the indices of the loops between; its shape
 * is that of the forward tensor. */
tw_status *tw_loop_value(tw_region *region, tw_tensor forward, tw_tensor *out)
{
    tw_tensor indices[MOST_LOOPS];
    size_t count = loops_apart(region, forward.op, MOST_LOOPS);
    if (!count || count == MOST_LOOPS)
        return tw_value_error("%zu nested loops are more than a gradient can follow", count);
    TW_TRY(gather_indices(region, count, indices));
    tw_attr attr = {.name = "T", .kind = TW_ATTR_TYPE};
    attr.value.type = tw_dtype_base(tw_tensor_dtype(forward));
    tw_operation *op;
    int depth = tw_region_step_into(region);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = tw_node_add(region->graph, "LoopValue", NULL, (tw_tensors){indices, count},
                                    &attr, 1, forward.op->spec.where, &op);
    tw_scope_pop_to(depth);
    TW_TRY(status);
    tw_graph_lock(op->graph);
    op->forward = forward;
    op->outputs[0].shape = forward.op->outputs[forward.index].shape;
    tw_graph_unlock(op->graph);
    *out = (tw_tensor){op, 0};
    return TW_OK;
}

/* A constant inside a gradient loop is copied, since to capture it would take a stack or an
 * Enter for a value known now. */
static tw_status *copy_constant(tw_region *region, const tw_operation *constant, tw_tensor *out)
{
    tw_operation *op;
    TW_TRY(tw_node_add(region->graph, "Const", NULL, (tw_tensors){NULL, 0}, constant->spec.attrs,
                       constant->spec.attr_count, constant->spec.where, &op));
    *out = (tw_tensor){op, 0};
    return TW_OK;
}

/* A tensor of the loop that `region` differentiates: what is the same in every iteration comes from
 * outside, the rest is looked up. */
static tw_status *capture_forward(tw_region *region, tw_tensor tensor, tw_tensor *out)
{
    tw_operation *enter = tw_loop_constant_enter(tensor);
    if (enter)
        return tw_region_capture(region, tw_operation_input(enter, 0), out);
    if (strcmp(tensor.op->spec.type, "Const") == 0) {
        int depth = tw_scope_push_region(region);
        if (depth < 0)
            return tw_no_memory();
        tw_status *status = copy_constant(region, tensor.op, out);
        tw_scope_pop_to(depth);
        return status;
    }
    return tw_loop_value(region, tensor, out);
}

/* Constant or not, all Enters of a loop carry the same frame name: this is what binds them to
 * one frame. */
static tw_status *add_enter(const tw_region *region, tw_tensor data, bool constant,
                            const char *name, tw_where where, tw_operation **out)
{
    bool ref = tw_dtype_is_ref(tw_tensor_dtype(data));
    tw_attr attrs[] = {{.name = "frame_name", .kind = TW_ATTR_STRING},
                       {.name = "is_constant", .kind = TW_ATTR_BOOL},
                       {.name = "parallel_iterations", .kind = TW_ATTR_INT}};
    attrs[0].value.s = (tw_bytes){region->name, strlen(region->name)};
    attrs[1].value.b = constant;
    attrs[2].value.i = region->parallel_iterations;
    return tw_node_add(region->graph, ref ? "RefEnter" : "Enter", name ? name : "Enter",
                       (tw_tensors){&data, 1}, attrs, 3, where, out);
}

/* An Enter with is_constant: its value is there in every iteration without going round the loop. */
tw_status *tw_loop_constant(tw_region *region, tw_tensor tensor, tw_tensor *out)
{
    tw_operation *op = NULL;
    int depth = tw_region_step_into(region);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = add_enter(region, tensor, true, NULL, tensor.op->spec.where, &op);
    tw_scope_pop_to(depth);
    *out = (tw_tensor){op, 0};
    return status;
}

/* ---- out of a branch ---- */

/* A branch of the same condition outside of the loop: derivatives are built in a loop's body by
 * what lies in it. A gradient loop reads its forward branch through LoopValues instead. */
static bool is_mirror_of(tw_region *region, const tw_operation *op)
{
    const tw_region *loop = tw_region_loop(region), *branch = region->forward;
    if (region->kind != TW_REGION_BRANCH || !branch || !loop || !tw_region_holds(branch, op))
        return false;
    for (; branch && branch != loop->forward; branch = branch->outer)
        ;
    return !branch || !loop->forward;
}

/* A zero that is dead where the other side was taken. */
static tw_status *add_zero(tw_region *side, tw_tensor like, tw_operation **out)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(like));
    tw_array *zero = tw_array_new(dtype, (tw_shape){(const int64_t[]){0}, 0});
    if (!zero)
        return tw_no_memory();
    tw_attr attrs[] = {{.name = "dtype", .kind = TW_ATTR_TYPE},
                       {.name = "value", .kind = TW_ATTR_TENSOR}};
    attrs[0].value.type = dtype;
    attrs[1].value.tensor = zero;
    int depth = tw_region_step_into(side);
    tw_status *status = depth < 0 ? tw_no_memory()
                                  : tw_node_add(side->graph, "Const", NULL, (tw_tensors){NULL, 0},
                                                attrs, 2, like.op->spec.where, out);
    if (depth >= 0)
        tw_scope_pop_to(depth);
    tw_array_unref(zero);
    return status;
}

/* What a branch computed, or 0 where it was not taken: a dead value would end a loop that it
 * comes into. What came in is there outside. */
static tw_status *bring_out(tw_region *branch, tw_tensor tensor, tw_tensor *out)
{
    tw_operation *zero, *merge;
    tw_graph *graph = branch->graph;
    if (is_switched(branch, tensor)) {
        *out = tw_operation_input(tensor.op, 0);
        return TW_OK;
    }
    TW_TRY(add_zero(branch->other, tensor, &zero));
    tw_tensor sides[] = {tensor, tensor};
    sides[!branch->branch] = (tw_tensor){zero, 0};
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_graph(graph);
    if (!status)
        status = tw_scope_push_control((tw_tensors){NULL, 0});
    if (!status && tw_scope_push_region(branch->outer) < 0)
        status = tw_no_memory();
    if (!status)
        status = tw_node_add(graph, "Merge", NULL, (tw_tensors){sides, 2}, NULL, 0,
                             tensor.op->spec.where, &merge);
    tw_scope_pop_to(depth);
    if (!status)
        *out = (tw_tensor){merge, 0};
    return status;
}

/* Regions are crossed from the outside in, one after the other; both the tensor and its outer
 * stand-in are noted. */
tw_status *tw_region_capture(tw_region *region, tw_tensor tensor, tw_tensor *out)
{
    if (!region || !tw_tensor_valid(tensor) || !out)
        return tw_value_error("a capture needs a region, a tensor and a place for what it becomes");
    if (tw_region_holds(region, tensor.op)) {
        *out = tensor;
        return TW_OK;
    }
    if (known(region, tensor, out))
        return TW_OK;
    if (region->kind == TW_REGION_BRANCH && is_switched(region, tensor)) {
        *out = tensor;
        return TW_OK;
    }
    tw_tensor outer = tensor;
    const tw_region *forward = region->kind == TW_REGION_LOOP ? region->forward : NULL;
    if (forward && tw_region_holds(forward, tensor.op)) {
        TW_TRY(capture_forward(region, tensor, out));
    } else {
        if (is_mirror_of(region, tensor.op))
            TW_TRY(bring_out(region->forward, tensor, &outer));
        if (region->outer)
            TW_TRY(tw_region_capture(region->outer, outer, &outer));
        TW_TRY(region->kind == TW_REGION_LOOP ? tw_loop_constant(region, outer, out)
                                              : capture_in_branch(region, outer, out));
        if (!tw_same(outer, tensor))
            note(region, outer, *out);
    }
    note(region, tensor, *out);
    return TW_OK;
}

/* ---- the nodes of a loop ---- */

/* The frame's name is made unique in the graph, as two loops of one name would share frames. */
tw_status *tw_loop_open(tw_graph *graph, const char *frame, int64_t parallel_iterations,
                        tw_region **out)
{
    const char *name = tw_graph_unique_name(graph, frame, true);
    if (!name)
        return tw_no_memory();
    TW_TRY(tw_region_new(graph, TW_REGION_LOOP, tw_scope_region(graph), name, out));
    (*out)->parallel_iterations = parallel_iterations;
    return TW_OK;
}

/* A variable's first value is not to be fixed where the loop may change its shape. */
static tw_status *set_invariant(tw_operation *enter, tw_shape invariant)
{
    tw_graph *graph = enter->graph;
    tw_shape first = tw_tensor_shape((tw_tensor){enter, 0});
    if (!tw_shape_compatible(first, invariant))
        return tw_value_error("The shape invariant specified for %s is not compatible with the "
                              "initial shape of the loop variable. It enters the loop with shape "
                              "%s, but the specified shape invariant is %s.",
                              tw_tensor_name(tw_operation_input(enter, 0)).s,
                              tw_shape_text(first).s, tw_shape_text(invariant).s);
    tw_graph_lock(graph);
    tw_shape kept = TW_UNKNOWN_SHAPE;
    if (invariant.dims) {
        int64_t *dims = tw_arena_array(&graph->arena, invariant.rank + 1, sizeof *dims);
        if (dims && invariant.rank)
            memcpy(dims, invariant.dims, invariant.rank * sizeof *dims);
        kept = (tw_shape){dims, invariant.rank};
    }
    enter->outputs[0].shape = kept;
    tw_graph_unlock(graph);
    return kept.dims || !invariant.dims ? TW_OK : tw_no_memory();
}

/* Nested in a loop, an Enter of a constant waits for the outer body's pivot, or it would run
 * once and not in every outer iteration. */
tw_status *tw_loop_enter(tw_region *region, tw_tensor first, const tw_shape *invariant,
                         const char *name, tw_where where)
{
    tw_loop_var var = {NULL, NULL, NULL, NULL, NULL};
    tw_tensor seen = first;
    if (region->outer)
        TW_TRY(tw_region_capture(region->outer, first, &seen));
    int depth = tw_region_step_into(region);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = add_enter(region, seen, false, name, where, &var.enter);
    tw_scope_pop_to(depth);
    TW_TRY(status);
    tw_region *around = region->outer ? tw_region_loop(region->outer) : NULL;
    if (around && around->pivot_body.op && tw_loop_constant_enter(seen))
        TW_TRY(tw_operation_add_control_input(var.enter, around->pivot_body.op));
    if (invariant)
        TW_TRY(set_invariant(var.enter, *invariant));
    return tw_vec_push(&region->vars, var) ? TW_OK : tw_no_memory();
}

/* Whether a node of control flow is of the Ref kind follows from what goes through it. */
static const char *typed(const tw_operation *op, const char *plain, const char *ref)
{
    return tw_dtype_is_ref(op->outputs[0].dtype) ? ref : plain;
}

/* The Enter stands in for the back edge, which does not exist yet; tw_loop_next puts the real
 * one in its place. */
tw_status *tw_loop_merge(tw_region *region, size_t var, const char *name, tw_where where)
{
    tw_loop_var *v = &region->vars.items[var];
    tw_tensor twice[] = {{v->enter, 0}, {v->enter, 0}};
    TW_TRY(tw_node_add(region->graph, typed(v->enter, "Merge", "RefMerge"), name ? name : "Merge",
                       (tw_tensors){twice, 2}, NULL, 0, where, &v->merge));
    if (!region->pivot_cond)
        region->pivot_cond = v->merge;
    return TW_OK;
}

/* There is one LoopCond a loop; all Switches take it as their predicate, so it must stand before
 * them. */
tw_status *tw_loop_condition(tw_region *region, tw_tensor go_on, const char *name, tw_where where)
{
    return tw_node_add(region->graph, "LoopCond", name, (tw_tensors){&go_on, 1}, NULL, 0, where,
                       &region->cond);
}

/* Placed with its Merge and nothing else, so that no scope open around the loop tears the two
 * apart. */
tw_status *tw_loop_switch(tw_region *region, size_t var, const char *name, tw_where where)
{
    tw_loop_var *v = &region->vars.items[var];
    tw_tensor inputs[] = {{v->merge, 0}, {region->cond, 0}};
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = tw_scope_push_colocate((tw_tensor){NULL, 0});
    if (!status)
        status = tw_scope_push_colocate(inputs[0]);
    if (!status)
        status = tw_node_add(region->graph, typed(v->merge, "Switch", "RefSwitch"),
                             name ? name : "Switch", (tw_tensors){inputs, 2}, NULL, 0, where,
                             &v->switch_);
    tw_scope_pop_to(depth);
    return status;
}

/* Closes the cycle: only now does the Merge's second input become the value of the iteration
 * before. */
tw_status *tw_loop_next(tw_region *region, size_t var, tw_tensor value, const char *name,
                        tw_where where)
{
    tw_loop_var *v = &region->vars.items[var];
    bool ref = tw_dtype_is_ref(tw_tensor_dtype(value)) &&
               tw_dtype_is_ref(v->merge->outputs[0].dtype);
    TW_TRY(tw_node_add(region->graph, ref ? "RefNextIteration" : "NextIteration",
                       name ? name : "NextIteration", (tw_tensors){&value, 1}, NULL, 0, where,
                       &v->next));
    return tw_operation_set_input(v->merge, 1, (tw_tensor){v->next, 0});
}

/* The exit takes the Switch's false side, which is alive once only, after the last iteration. */
tw_status *tw_loop_exit(tw_region *region, size_t var, const char *name, tw_where where)
{
    tw_loop_var *v = &region->vars.items[var];
    tw_tensor input = {v->switch_, 0};
    return tw_node_add(region->graph, typed(v->switch_, "Exit", "RefExit"), name ? name : "Exit",
                       (tw_tensors){&input, 1}, NULL, 0, where, &v->exit);
}
