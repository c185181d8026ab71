/* SPDX-License-Identifier: Apache-2.0
 * Records of loops that were imported or made node by node, found when derivatives are asked for:
 * an operation is in the innermost frame that anything it needs is in; an Enter opens one, an Exit
 * leads out of it. A frame that is not well formed gets no record and stays as it is. Conditions
 * need none: their Switches and Merges say by themselves which way a derivative flows. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/graph.h"

typedef struct raw_frame {
    struct raw_frame *parent; /* NULL: not in a frame of this search */
    tw_region *around;        /* of one without parent: the recorded loop that it is in, or NULL */
    const char *name;
    tw_operation *cond, *enter;
    tw_region *region; /* its record */
    bool broken;
    TW_VEC(tw_loop_var) vars;
} raw_frame;

/* By operation id: the frame found for it, and the loop that was recorded before. */
typedef struct finder {
    tw_graph *graph;
    size_t count;
    raw_frame **frames;
    tw_operation **order;
    tw_arena arena;
    TW_VEC(raw_frame *) all; /* outer ones first */
} finder;

/* The one edge that leads backwards in a loop. */
static bool is_back_edge(const tw_operation *op, size_t input)
{
    return tw_type_is(op->spec.type, "Merge") &&
           tw_type_is(op->inputs[input].op->spec.type, "NextIteration");
}

/* The k-th operation that `op` needs; NULL for a back edge. */
static tw_operation *needed(const tw_operation *op, size_t k)
{
    if (k >= op->input_count)
        return op->controls[k - op->input_count];
    return is_back_edge(op, k) ? NULL : op->inputs[k].op;
}

/* Those of tw_while_loop are in the region that has their name. */
static bool is_recorded(const tw_operation *enter)
{
    const tw_attr *name = tw_spec_attr(&enter->spec, "frame_name");
    return enter->region && enter->region->kind == TW_REGION_LOOP && name &&
           name->kind == TW_ATTR_STRING && !strcmp(name->value.s.data, enter->region->name);
}

/* Most graphs have no such Enter, and are done. */
static bool has_raw_frames(const tw_graph *graph)
{
    for (size_t i = 0; i < graph->operations.count; i++) {
        const tw_operation *op = graph->operations.items[i];
        if (tw_type_is(op->spec.type, "Enter") && op->input_count && !is_recorded(op))
            return true;
    }
    return false;
}

/* ---- which frame ---- */

/* Depth first, what is needed before who needs it; cycles without a back edge come anyhow. */
static tw_status *find_order(finder *f)
{
    enum { NEW, OPEN };
    uint8_t *state = tw_arena_array(&f->arena, f->count + 1, 1);
    tw_operation **stack = tw_arena_array(&f->arena, f->count + 1, sizeof(tw_operation *));
    uint32_t *next = tw_arena_array(&f->arena, f->count + 1, sizeof *next);
    size_t done = 0, depth = 0;
    if (!state || !stack || !next)
        return tw_no_memory();
    for (size_t root = 0; root < f->count; root++) {
        if (state[root] == NEW)
            state[root] = OPEN, stack[depth++] = f->graph->operations.items[root];
        while (depth) {
            tw_operation *op = stack[depth - 1], *up = NULL;
            while (next[op->id] < op->input_count + op->control_count && !up) {
                up = needed(op, next[op->id]++);
                if (up && state[up->id] != NEW)
                    up = NULL;
            }
            if (up)
                state[up->id] = OPEN, stack[depth++] = up;
            else
                f->order[done++] = op, depth--;
        }
    }
    return TW_OK;
}

/* Where the outputs of an operation can be read: its frame, and the recorded loop around it. */
typedef struct raw_home {
    raw_frame *frame;
    tw_region *loop;
} raw_home;

/* What was recorded before stays as it is: its operations have no raw frame. */
static raw_home home_of(const finder *f, const tw_operation *op)
{
    bool leaves = tw_type_is(op->spec.type, "Exit");
    raw_frame *frame = f->frames[op->id];
    if (frame && leaves)
        return (raw_home){frame->parent, frame->parent ? NULL : frame->around};
    if (frame)
        return (raw_home){frame, NULL};
    tw_region *loop = tw_region_loop(op->region);
    return (raw_home){NULL, loop && leaves ? tw_region_loop(loop->outer) : loop};
}

/* Counts raw frames and the recorded loops around them alike. */
static size_t depth_of(raw_home home)
{
    size_t depth = 0;
    for (; home.frame; home = (raw_home){home.frame->parent, home.frame->around})
        depth++;
    for (; home.loop; home.loop = tw_region_loop(home.loop->outer))
        depth++;
    return depth;
}

/* Of a graph that makes sense all homes lie inside of each other, so the deepest is the one. */
static raw_home deepest_home(const finder *f, const tw_operation *op)
{
    raw_home deepest = {NULL, tw_region_loop(op->region)};
    for (size_t k = 0; k < op->input_count + op->control_count; k++) {
        const tw_operation *up = needed(op, k);
        raw_home home = up ? home_of(f, up) : deepest;
        if (depth_of(home) > depth_of(deepest))
            deepest = home;
    }
    return deepest;
}

/* All Enters of one name in the same place open the same frame. */
static tw_status *child_frame(finder *f, raw_home around, tw_operation *enter, raw_frame **out)
{
    const tw_attr *attr = tw_spec_attr(&enter->spec, "frame_name");
    const char *name = attr && attr->kind == TW_ATTR_STRING ? attr->value.s.data : "";
    for (size_t i = 0; i < f->all.count; i++) {
        *out = f->all.items[i];
        if ((*out)->parent == around.frame && (around.frame || (*out)->around == around.loop) &&
            !strcmp((*out)->name, name))
            return TW_OK;
    }
    raw_frame *made = *out = TW_ARENA_NEW(&f->arena, raw_frame);
    if (!made || !tw_vec_push(&f->all, made))
        return tw_no_memory();
    made->parent = around.frame;
    made->around = around.loop;
    made->name = name;
    made->enter = enter;
    return TW_OK;
}

/* A source without control inputs is in no loop: it runs once. */
static tw_status *assign_frames(finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        tw_operation *op = f->order[i];
        bool enters = tw_type_is(op->spec.type, "Enter") && op->input_count;
        if (enters ? is_recorded(op) : !op->input_count && !op->control_count)
            continue;
        raw_home home = deepest_home(f, op);
        if (enters)
            TW_TRY(child_frame(f, home, op, &home.frame));
        f->frames[op->id] = home.frame;
    }
    return TW_OK;
}

/* ---- what a frame consists of ---- */

/* NULL: it merges the branches of a condition. */
static tw_loop_var *var_of_merge(raw_frame *frame, const tw_operation *merge)
{
    for (size_t i = 0; i < frame->vars.count; i++) {
        if (frame->vars.items[i].merge == merge)
            return &frame->vars.items[i];
    }
    return NULL;
}

/* A loop variable's Merge takes an Enter and a NextIteration of its own frame. */
static bool add_var(const finder *f, raw_frame *frame, tw_operation *merge)
{
    tw_loop_var var = {.merge = merge};
    for (size_t i = 0; i < merge->input_count; i++) {
        tw_operation *from = merge->inputs[i].op;
        if (f->frames[from->id] != frame)
            continue;
        if (tw_type_is(from->spec.type, "NextIteration"))
            var.next = from;
        else if (tw_type_is(from->spec.type, "Enter"))
            var.enter = from;
    }
    if (!var.next)
        return true; /* of a condition inside */
    frame->broken = frame->broken || !var.enter || merge->input_count != 2;
    return tw_vec_push(&frame->vars, var);
}

/* A frame has one LoopCond; a second one breaks it. */
static tw_status *find_vars(finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        tw_operation *op = f->graph->operations.items[i];
        raw_frame *frame = f->frames[i];
        if (!frame)
            continue;
        if (tw_type_is(op->spec.type, "Merge") && !add_var(f, frame, op))
            return tw_no_memory();
        if (strcmp(op->spec.type, "LoopCond"))
            continue;
        frame->broken = frame->broken || frame->cond;
        frame->cond = op;
    }
    return TW_OK;
}

/* The Switches by the loop's condition, and the Exits behind them. */
static void find_switches(finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        tw_operation *op = f->order[i];
        raw_frame *frame = f->frames[op->id];
        if (!frame || !op->input_count)
            continue;
        tw_loop_var *var = NULL;
        if (tw_type_is(op->spec.type, "Switch") && op->inputs[1].op == frame->cond) {
            var = var_of_merge(frame, op->inputs[0].op);
            frame->broken = frame->broken || !var || (var->switch_ && var->switch_ != op);
            if (var)
                var->switch_ = op;
        } else if (tw_type_is(op->spec.type, "Exit")) {
            const tw_operation *by = op->inputs[0].op;
            var = by->input_count ? var_of_merge(frame, by->inputs[0].op) : NULL;
            frame->broken = frame->broken || !var || var->switch_ != by || op->inputs[0].index;
            if (var)
                var->exit = op;
        }
    }
}

/* ---- records ---- */

/* A good frame in a broken one has nowhere to be. */
static bool is_good(const raw_frame *frame)
{
    for (; frame; frame = frame->parent) {
        if (frame->broken || !frame->cond)
            return false;
    }
    return true;
}

/* Outer frames were found first, so their records are there. */
static tw_status *record(finder *f, raw_frame *frame)
{
    tw_region *outer = frame->parent ? frame->parent->region : frame->around;
    TW_TRY(tw_region_new_locked(f->graph, TW_REGION_LOOP, outer, frame->name, &frame->region));
    tw_region *region = frame->region;
    const tw_attr *parallel = tw_spec_attr(&frame->enter->spec, "parallel_iterations");
    region->parallel_iterations = parallel && parallel->kind == TW_ATTR_INT ? parallel->value.i
                                                                            : 10;
    region->back_prop = true;
    region->cond = frame->cond;
    for (size_t i = 0; i < frame->vars.count; i++) {
        if (!tw_vec_push(&region->vars, frame->vars.items[i]))
            return tw_no_memory();
    }
    region->pivot_cond = frame->vars.count ? frame->vars.items[0].merge : NULL;
    return TW_OK;
}

/* What sources of the body wait for, as tw_while_loop makes it. */
static void note_pivot(tw_region *region, tw_operation *op)
{
    bool identity = !strcmp(op->spec.type, "Identity") && op->inputs[0].index == 1;
    for (size_t i = 0; identity && !region->pivot_body.op && i < region->vars.count; i++) {
        if (region->vars.items[i].switch_ == op->inputs[0].op)
            region->pivot_body = (tw_tensor){op, 0};
    }
}

/* Operations are put into their regions once no record can fail any more. */
static tw_status *record_all(finder *f)
{
    for (size_t i = 0; i < f->all.count; i++) {
        if (is_good(f->all.items[i]))
            TW_TRY(record(f, f->all.items[i]));
    }
    for (size_t i = 0; i < f->count; i++) {
        tw_operation *op = f->graph->operations.items[i];
        if (!f->frames[i] || !f->frames[i]->region)
            continue;
        op->region = f->frames[i]->region;
        note_pivot(op->region, op);
    }
    return TW_OK;
}

/* Each step needs what the one before found. */
static tw_status *find(finder *f)
{
    f->count = f->graph->operations.count;
    f->frames = tw_arena_array(&f->arena, f->count + 1, sizeof(raw_frame *));
    f->order = tw_arena_array(&f->arena, f->count + 1, sizeof(tw_operation *));
    if (!f->frames || !f->order)
        return tw_no_memory();
    TW_TRY(find_order(f));
    TW_TRY(assign_frames(f));
    TW_TRY(find_vars(f));
    find_switches(f);
    return record_all(f);
}

/* The frames are only needed for the search; records lie in the graph. */
tw_status *tw_graph_find_regions(tw_graph *graph)
{
    finder f = {.graph = graph};
    tw_graph_lock(graph);
    tw_status *status = has_raw_frames(graph) ? find(&f) : TW_OK;
    tw_graph_unlock(graph);
    for (size_t i = 0; i < f.all.count; i++)
        tw_vec_clear(&f.all.items[i]->vars);
    tw_vec_clear(&f.all);
    tw_arena_clear(&f.arena);
    return status;
}
