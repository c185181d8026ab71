/* SPDX-License-Identifier: Apache-2.0
 * Derivatives through Merge, the Switch of a loop and LoopValue: what no gradient function of one
 * operation can say, as it asks for the branch or loop that the operation belongs to. */
#include <string.h>

#include "autodiff/gradients.h"
#include "autodiff/loop_terms.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/control_flow.h"
#include "graph/scope.h"
#include "thalweg/ops.h"

/* The branch just inside of `around` that an operation is in; NULL: none. */
static tw_region *branch_below(const tw_operation *op, const tw_region *around)
{
    tw_region *region = op->region;
    while (region && region->outer != around)
        region = region->outer;
    return region && region->kind == TW_REGION_BRANCH ? region : NULL;
}

/* One part of a derivative; slices have more than one. */
static void switch_part(tw_tensor part, tw_tensor pred, tw_tensor *if_false, tw_tensor *if_true)
{
    if (!part.op)
        return;
    struct tw_switch_result sides = tw_switch(part, pred, .name = "cond_grad");
    *if_false = sides.output_false;
    *if_true = sides.output_true;
}

/* Both results of one cond come together: the derivative goes where the predicate says. */
static bool merge_of_cond(tw_gradient *g)
{
    tw_region *sides[2];
    if (g->input_count != 2 || g->dy[0].kind == TW_GRAD_NONE)
        return false;
    for (size_t i = 0; i < 2; i++)
        sides[i] = branch_below(g->inputs[i].op, g->op->region);
    if (!sides[0] || sides[0]->branch || sides[0]->other != sides[1])
        return false;
    g->dx[0] = g->dx[1] = g->dy[0];
    switch_part(g->dy[0].values, sides[0]->pred, &g->dx[0].values, &g->dx[1].values);
    switch_part(g->dy[0].indices, sides[0]->pred, &g->dx[0].indices, &g->dx[1].indices);
    switch_part(g->dy[0].dense_shape, sides[0]->pred, &g->dx[0].dense_shape, &g->dx[1].dense_shape);
    return true;
}

bool tw_comes_into_branch(const tw_operation *op)
{
    const tw_region *region = op->region;
    bool switches = region && tw_type_is(op->spec.type, "Switch");
    return switches && region->kind == TW_REGION_BRANCH && op->inputs[1].op == region->pred.op;
}

/* In the order of the branches: what came from number `from`, and the other side's. */
static tw_tensor merge(int from, tw_tensor came, tw_tensor other)
{
    return from ? tw_merge(TW_LIST(other, came), .name = "cond_grad").output
                : tw_merge(TW_LIST(came, other), .name = "cond_grad").output;
}

/* Slices of zeros for all rows stand for the side that was not taken. Their indices come from the
 * switched zeros, so that they are dead where those are. */
static tw_grad merge_slices(int from, tw_grad dy, tw_tensor zeros, tw_tensor whole)
{
    tw_tensor rows = tw_getitem(tw_shape(zeros), "0");
    tw_tensor indices = tw_range(0, rows, 1);
    if (tw_dtype_base(tw_tensor_dtype(dy.indices)) == TW_INT64)
        indices = tw_cast(indices, TW_INT64);
    tw_grad out = {.kind = TW_GRAD_SLICES};
    out.values = merge(from, dy.values, zeros);
    out.indices = merge(from, dy.indices, indices);
    out.dense_shape = tw_shape(whole);
    return out;
}

/* Who asks inside of a branch asks only about when it is taken. */
static bool is_here(const tw_region *branch)
{
    const tw_region *region = tw_scope_region(branch->graph);
    while (region && region != branch)
        region = region->outer;
    return region != NULL;
}

/* What comes back from a branch is dead if that was not taken; the other side gives zeros then. */
static bool switch_into_branch(tw_gradient *g)
{
    if (!tw_comes_into_branch(g->op) ||
        (g->dy[0].kind != TW_GRAD_NONE && g->dy[1].kind != TW_GRAD_NONE))
        return false;
    int from = g->dy[0].kind == TW_GRAD_NONE;
    if (is_here(g->op->region)) {
        g->dx[0] = g->dy[from];
        return true;
    }
    tw_tensor zeros = tw_zeros_like(g->inputs[0]);
    struct tw_switch_result sides = tw_switch(zeros, g->inputs[1]);
    tw_tensor other = from ? sides.output_false : sides.output_true;
    if (g->dy[from].kind == TW_GRAD_SLICES)
        g->dx[0] = merge_slices(from, g->dy[from], other, g->inputs[0]);
    else
        g->dx[0] = tw_grad_of(merge(from, tw_grad_tensor(g->dy[from]), other));
    return true;
}

/* Inside of its loop the Switch of a variable always gives its true side. */
static bool switch_of_loop(tw_gradient *g)
{
    const tw_region *loop = g->op->region;
    for (size_t i = 0; loop && i < loop->vars.count; i++) {
        if (loop->vars.items[i].switch_ != g->op)
            continue;
        g->dx[0] = g->dy[1];
        return true;
    }
    return false;
}

/* What is the same in every iteration, for a caller inside of the body: one of them is all that is
 * asked about. */
static bool constant_of_loop(tw_gradient *g)
{
    if (!g->op->region)
        return false;
    g->dx[0] = g->dy[0];
    return true;
}

/* ---- branches that are mirrored in a loop ---- */

/* Both sides of a condition are mirrored at once, so the first question makes both. */
static tw_region *known_mirror(const tw_region *back, const tw_region *branch)
{
    for (size_t i = 0; i < back->mirrors.count; i++) {
        if (back->mirrors.items[i]->forward == branch)
            return back->mirrors.items[i];
    }
    return NULL;
}

/* As tw_cond makes them, by the predicate of the iteration that is counted. */
static tw_status *make_pivots(tw_region *outer, tw_tensor pred, tw_operation **pivots)
{
    tw_operation *op;
    tw_where where = tw_current_where(pred.op->spec.where);
    int depth = tw_scope_push_region(outer);
    if (depth < 0)
        return tw_no_memory();
    tw_status *status = tw_node_add(outer->graph, "Switch", NULL, TW_LIST(pred, pred), NULL, 0,
                                    where, &op);
    for (int side = 0; side < 2 && !status; side++)
        status = tw_node_add(outer->graph, "Identity", side ? "switch_t" : "switch_f",
                             TW_LIST({op, side}), NULL, 0, where, &pivots[side]);
    tw_scope_pop_to(depth);
    return status;
}

/* Around both of them nothing is to be mirrored. */
static bool is_around(const tw_region *region, const tw_region *outer)
{
    while (region && region != outer)
        region = region->outer;
    return region == outer;
}

/* Conditions inside of each other are mirrored from the outside in. */
tw_status *tw_gradients_mirror(tw_region *back, tw_region *branch, tw_region **out)
{
    tw_region *outer, *sides[2];
    tw_operation *pivots[2];
    tw_tensor pred;
    bool whole = branch == back->forward || is_around(back, branch);
    *out = whole ? back : known_mirror(back, branch);
    if (*out)
        return TW_OK;
    TW_TRY(tw_gradients_mirror(back, branch->outer, &outer));
    TW_TRY(tw_region_capture(outer, branch->pred, &pred));
    TW_TRY(make_pivots(outer, pred, pivots));
    tw_region *const forward[2] = {branch->branch ? branch->other : branch,
                                   branch->branch ? branch : branch->other};
    for (int side = 0; side < 2; side++) {
        TW_TRY(tw_region_new(back->graph, TW_REGION_BRANCH, outer, branch->name, &sides[side]));
        sides[side]->pred = pred;
        sides[side]->pivot = (tw_tensor){pivots[side], 0};
        sides[side]->branch = side == 1;
        sides[side]->forward = forward[side];
        if (!tw_vec_push(&back->mirrors, sides[side]))
            return tw_no_memory();
    }
    sides[0]->other = sides[1];
    sides[1]->other = sides[0];
    *out = sides[branch->branch];
    return TW_OK;
}

/* ---- */

/* A LoopValue sends what arrives back to the loop that it reads. */
tw_status *tw_gradients_control(tw_gradient *g, bool *handled)
{
    const char *type = g->op->spec.type;
    *handled = false;
    if (tw_text_equal(type, "Merge"))
        *handled = merge_of_cond(g);
    else if (tw_type_is(type, "Switch"))
        *handled = switch_of_loop(g) || switch_into_branch(g);
    else if (tw_type_is(type, "Enter"))
        *handled = constant_of_loop(g);
    else if (!g->op->forward.op || !tw_text_equal(type, "LoopValue"))
        return TW_OK;
    else
        *handled = true;
    if (!*handled || !g->op->forward.op || g->dy[0].kind == TW_GRAD_NONE)
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    return dy.op ? tw_loop_terms_add(g->op->forward, dy) : TW_OK;
}
