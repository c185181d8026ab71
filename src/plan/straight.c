/* SPDX-License-Identifier: Apache-2.0
 * Frames that are left but never gone round: without a LoopCond each of their nodes runs once, so
 * they belong to the frame around, and what leads in and out of them hands its input on. */
#include <string.h>

#include "plan/loops.h"
#include "thalweg/op.h"

/* Of a variable that a Switch by a value of the first iteration hands on: later iterations lack
 * that value, so there is no second round. */
static bool ends_by_itself(const tw_framer *f, const tw_loop_frame *frame, uint32_t next)
{
    const tw_plan_node *n = tw_frame_node(f, next);
    uint32_t from = tw_frame_source(f, n->inputs[0]);
    if (f->roles[from] != TW_ROLE_SWITCH)
        return false;
    uint32_t by = tw_frame_source(f, tw_frame_node(f, from)->inputs[1]);
    const tw_attr *constant = tw_spec_attr(&tw_frame_node(f, by)->spec, "is_constant");
    return f->roles[by] == TW_ROLE_ENTER && f->frames[by] == frame &&
           !(constant && constant->value.b);
}

/* Whether anything leads back in it that could come again. */
static bool is_straight(const tw_framer *f, const tw_loop_frame *frame)
{
    if (frame->cond != TW_NO_INDEX || !frame->exits.count)
        return false;
    for (uint32_t i = 0; i < f->count; i++) {
        const tw_plan_node *n = tw_frame_node(f, i);
        for (uint32_t k = 0; f->roles[i] == TW_ROLE_MERGE && k < n->input_count; k++) {
            uint32_t from = tw_frame_source(f, n->inputs[k]);
            bool back = f->roles[from] == TW_ROLE_NEXT && f->frames[from] == frame;
            if (back && (n->input_count != 2 || !ends_by_itself(f, frame, from)))
                return false;
        }
    }
    return true;
}

/* In the one iteration there is, a variable is what came in. */
static void cut_back_edges(tw_framer *f, const tw_loop_frame *frame)
{
    for (uint32_t i = 0; i < f->count; i++) {
        tw_plan_node *n = tw_frame_node(f, i);
        for (uint32_t k = 0; f->roles[i] == TW_ROLE_MERGE && k < n->input_count; k++) {
            uint32_t from = tw_frame_source(f, n->inputs[k]);
            if (f->roles[from] == TW_ROLE_NEXT && f->frames[from] == frame)
                n->inputs[k] = n->inputs[1 - k];
        }
    }
}

/* A reference stays one. */
static void hand_on(tw_plan_node *node)
{
    const tw_op *op = tw_op_find(node->ref_inputs ? "RefIdentity" : "Identity");
    if (!op)
        return;
    node->spec.op = op;
    node->spec.type = op->name;
}

/* Its nodes, and the frames inside of it, come one level up. */
static void dissolve(tw_framer *f, const tw_loop_frame *frame)
{
    cut_back_edges(f, frame);
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->frames[i] != frame)
            continue;
        if (f->roles[i] == TW_ROLE_ENTER || f->roles[i] == TW_ROLE_EXIT ||
            f->roles[i] == TW_ROLE_NEXT) {
            f->roles[i] = TW_ROLE_PLAIN;
            hand_on(tw_frame_node(f, i));
        }
        f->frames[i] = frame->parent;
    }
    for (size_t i = 1; i < f->all.count; i++) {
        tw_loop_frame *inner = f->all.items[i];
        if (inner->parent == frame)
            inner->parent = frame->parent;
    }
}

/* Outer frames stand before inner ones, so a parent's depth is known first. */
void tw_frames_dissolve(tw_framer *f)
{
    size_t kept = 1;
    for (size_t i = 1; i < f->all.count; i++) {
        tw_loop_frame *frame = f->all.items[i];
        if (!is_straight(f, frame)) {
            f->all.items[kept++] = frame;
            continue;
        }
        dissolve(f, frame);
        tw_vec_clear(&frame->exits);
    }
    f->all.count = kept;
    for (size_t i = 1; i < kept; i++)
        f->all.items[i]->depth = f->all.items[i]->parent->depth + 1;
}
