/* SPDX-License-Identifier: Apache-2.0
 * LoopValues: what the gradient of a loop reads of the loop that it differentiates. The plan gives
 * each value that is read a slot in the store of its loop, says for how many loops around it is
 * kept, and makes the reading loop wait. */
#include <string.h>

#include "base/status.h"
#include "plan/loops.h"

/* Only gradients make them, and they always know what they read. */
static bool is_loop_value(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->origin->forward.op != NULL;
}

/* The flat value that a LoopValue reads, or TW_NO_INDEX. */
static uint32_t forward_value(const tw_framer *f, const tw_plan_node *node)
{
    tw_tensor forward = node->origin->forward;
    uint32_t low = (uint32_t)f->plan->feed_count, high = f->count;
    while (low < high) { /* operations stand in the order of their ids */
        uint32_t middle = low + (high - low) / 2;
        if (tw_frame_node(f, middle)->origin->id < forward.op->id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == f->count || tw_frame_node(f, low)->origin != forward.op)
        return TW_NO_INDEX;
    return tw_frame_resolve(f, tw_frame_node(f, low)->first_value + (uint32_t)forward.index);
}

/* What is the same in every iteration need not be kept: it is read where it comes from. */
void tw_loop_values_alias(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const tw_plan_node *node = tw_frame_node(f, i);
        uint32_t value = is_loop_value(node) ? forward_value(f, node) : TW_NO_INDEX;
        if (value == TW_NO_INDEX)
            continue;
        uint32_t from = tw_frame_source(f, value), enter = TW_NO_INDEX;
        if (f->roles[from] == TW_ROLE_ENTER)
            enter = from;
        else if (f->roles[from] == TW_ROLE_MERGE &&
                 f->frames[from]->vars.items[f->var[from]].constant)
            enter = f->frames[from]->vars.items[f->var[from]].enter;
        if (enter == TW_NO_INDEX)
            continue;
        f->roles[i] = TW_ROLE_ALIAS;
        f->alias[node->first_value] = tw_frame_node(f, enter)->inputs[0];
    }
}

/* There always is one: the root is around everything. */
static const tw_loop_frame *ancestor(const tw_loop_frame *a, const tw_loop_frame *b)
{
    while (!tw_frame_is_around(a, b))
        a = a->parent;
    return a;
}

/* The node in the plan of `outer` that stands for the way down to `frame`. */
static uint32_t loop_below(const tw_loop_frame *outer, const tw_loop_frame *frame)
{
    while (frame->parent != outer)
        frame = frame->parent;
    return frame->node;
}

/* Each loop keeps values for as many loops around as somebody asks for. */
static void keep_for(tw_loop_frame *frame, uint32_t levels)
{
    for (; frame->parent && levels; frame = frame->parent, levels--) {
        if (frame->loop->levels < levels)
            frame->loop->levels = levels;
    }
}

/* The reader waits for the loop that keeps, at the level where both stand side by side. */
static tw_status *link_value(tw_framer *f, uint32_t i)
{
    const tw_plan_node *flat = tw_frame_node(f, i);
    tw_loop_frame *reader = f->frames[i];
    uint32_t value = forward_value(f, flat), inside;
    if (value == TW_NO_INDEX)
        return tw_frame_refuse(flat, "the value that it reads is not in the plan");
    tw_loop_frame *home = tw_frame_home(f, tw_frame_source(f, value));
    const tw_loop_frame *common = ancestor(reader, home);
    if (home->depth - common->depth < flat->input_count)
        return tw_frame_refuse(flat, "it counts iterations of %u loops where there are %u",
                               flat->input_count, home->depth - common->depth);
    TW_TRY(tw_frame_value_in(f, home, flat, value, &inside));
    tw_plan_value *kept = &home->plan->values.items[inside];
    if (kept->is_ref)
        return tw_frame_refuse(flat, "a reference to a variable is not kept for iterations");
    if (kept->saved == TW_NO_INDEX)
        kept->saved = home->loop->saved_count++;
    keep_for(home, flat->input_count);
    tw_plan_node *node = &reader->plan->nodes.items[f->at[i]];
    node->forward = home->loop;
    node->slot = kept->saved;
    reader->plan->values.items[node->first_value].dtype = kept->dtype;
    uint32_t waits = reader == common ? f->at[i] : loop_below(common, reader);
    return tw_plan_add_control(common->plan, waits, loop_below(common, home));
}

/* By slot, so that a run walks exactly what is kept. */
static tw_status *list_saved(const tw_loop_frame *frame)
{
    tw_plan_loop *loop = frame->loop;
    const tw_plan *body = frame->plan;
    loop->saved = tw_arena_array(&loop->owner->arena, loop->saved_count + 1u, sizeof *loop->saved);
    if (!loop->saved)
        return tw_no_memory();
    for (uint32_t i = 0; i < body->values.count; i++) {
        if (body->values.items[i].saved != TW_NO_INDEX)
            loop->saved[body->values.items[i].saved] = i;
    }
    return TW_OK;
}

tw_status *tw_loop_values_link(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (is_loop_value(tw_frame_node(f, i)) && f->roles[i] == TW_ROLE_PLAIN)
            TW_TRY(link_value(f, i));
    }
    for (size_t i = 1; i < f->all.count; i++)
        TW_TRY(list_saved(f->all.items[i]));
    return TW_OK;
}

/* ---- what may be dead ---- */

/* Inner plans first: a loop with a dead value inside is no reason for the loop itself to be
 * dead. */
static tw_status *guard_all(tw_plan *plan)
{
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (!node->gone && node->kind == TW_NODE_LOOP)
            TW_TRY(guard_all(node->loop->body));
    }
    return tw_plan_guard(plan);
}

/* A LoopValue may be dead where what it reads may be; says whether that was news. */
static bool guard_values(tw_plan *plan)
{
    bool news = false;
    for (size_t i = 0; i < plan->nodes.count; i++) {
        tw_plan_node *node = &plan->nodes.items[i];
        if (node->gone)
            continue;
        if (node->kind == TW_NODE_LOOP)
            news = guard_values(node->loop->body) || news;
        if (!node->forward || node->guarded)
            continue;
        const tw_plan *from = node->forward->body;
        const tw_plan_node *source = tw_plan_producer(from, node->forward->saved[node->slot]);
        node->guarded = source->guarded;
        news = news || node->guarded;
    }
    return news;
}

/* A value that may be dead makes its reader so, in another body, whose values may be kept in
 * turn. */
tw_status *tw_loop_values_guard(tw_plan *plan)
{
    do
        TW_TRY(guard_all(plan));
    while (guard_values(plan));
    return TW_OK;
}
