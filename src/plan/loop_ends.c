/* SPDX-License-Identifier: Apache-2.0
 * The ends of a loop: its variables in order, what each begins with and goes on as, and what its
 * Exits give. */
#include <string.h>

#include "base/status.h"
#include "plan/loops.h"

/* The body has one node for a variable of the session, so a reference cannot wander from one to
 * another. */
static tw_status *check_reference(tw_framer *f, const tw_frame_var *var)
{
    const tw_plan_node *next = tw_frame_node(f, var->next);
    uint32_t before = tw_frame_variable(f, tw_frame_node(f, var->merge)->first_value);
    if (tw_frame_variable(f, next->inputs[0]) != before || before == TW_NO_INDEX)
        return tw_frame_refuse(next, "a loop variable that is a reference must go on meaning the "
                                     "same variable");
    return TW_OK;
}

/* The variable is in the body by itself, so nothing reads what gives its reference to the next
 * iteration (an AssignAdd ...): it runs in each of them all the same. */
static void need_way_back(tw_framer *f, tw_loop_frame *frame, const tw_frame_var *var)
{
    uint32_t value = tw_frame_resolve(f, tw_frame_node(f, var->next)->inputs[0]);
    uint32_t node = tw_frame_source(f, value);
    if (f->frames[node] != frame || f->roles[node] != TW_ROLE_PLAIN)
        return;
    tw_plan_node *needed = &frame->plan->nodes.items[f->at[node]];
    needed->target = true;
    needed->before_test = needed->before_test || !f->after_test[node];
}

typedef struct tw_ends {
    uint32_t *inputs; /* values of the plan around */
    uint32_t *next;   /* values of the body */
    uint32_t *var_of; /* by frame variable: its place among the loop's */
    uint32_t count;
} tw_ends;

/* Those that change come first, which is how a step knows them later. */
static tw_status *put_carried(tw_framer *f, tw_loop_frame *frame, tw_ends *ends)
{
    for (size_t i = 0; i < frame->vars.count; i++) {
        const tw_frame_var *var = &frame->vars.items[i];
        const tw_plan_node *enter = tw_frame_node(f, var->enter);
        bool is_ref = f->plan->values.items[tw_frame_node(f, var->merge)->first_value].is_ref;
        if (is_ref) {
            TW_TRY(check_reference(f, var));
            need_way_back(f, frame, var);
        }
        if (var->constant || is_ref)
            continue;
        uint32_t n = ends->count++;
        ends->var_of[i] = n;
        frame->loop->vars[n].inside = var->value;
        TW_TRY(tw_frame_value_in(f, frame->parent, enter, enter->inputs[0], &ends->inputs[n]));
        const tw_plan_node *next = tw_frame_node(f, var->next);
        TW_TRY(tw_frame_value_in(f, frame, next, next->inputs[0], &ends->next[n]));
    }
    frame->loop->carried = ends->count;
    return TW_OK;
}

/* Values before references: the feeds of the body are the values. */
static void put_constants(tw_loop_frame *frame, tw_ends *ends, bool refs)
{
    for (size_t i = 0; i < frame->constants.count; i++) {
        const tw_frame_constant *constant = &frame->constants.items[i];
        if (constant->is_ref != refs)
            continue;
        frame->loop->vars[ends->count] = (tw_plan_loop_var){constant->inside, constant->is_ref,
                                                            constant->writes};
        ends->inputs[ends->count++] = constant->outside;
    }
}

/* The place among the loop's variables of what an Exit gives. */
static tw_status *find_exit(tw_framer *f, tw_loop_frame *frame, const tw_ends *ends, uint32_t exit,
                            uint32_t *out)
{
    const tw_plan_node *node = tw_frame_node(f, exit);
    const tw_plan_node *by = tw_frame_node(f, tw_frame_source(f, node->inputs[0]));
    uint32_t from = tw_frame_source(f, by->inputs[0]), inside;
    uint32_t var = f->var[from];
    if (f->roles[from] == TW_ROLE_MERGE && ends->var_of[var] != TW_NO_INDEX) {
        *out = ends->var_of[var];
        return TW_OK;
    }
    TW_TRY(tw_frame_value_in(f, frame, node, by->inputs[0], &inside));
    for (*out = 0; *out < frame->loop->var_count; ++*out) {
        if (frame->loop->vars[*out].inside == inside)
            return TW_OK;
    }
    *out = TW_NO_INDEX; /* a constant, which was copied into the body */
    return TW_OK;
}

/* What an Exit gives that is a constant of the plan around. */
static tw_status *replace_exit(tw_framer *f, tw_loop_frame *frame, uint32_t i)
{
    const tw_plan_node *exit = tw_frame_node(f, frame->exits.items[i]);
    const tw_plan_node *by = tw_frame_node(f, tw_frame_source(f, exit->inputs[0]));
    uint32_t from = tw_frame_source(f, by->inputs[0]), value;
    const tw_plan_node *enter = tw_frame_node(f, from);
    if (f->roles[from] == TW_ROLE_MERGE)
        enter = tw_frame_node(f, frame->vars.items[f->var[from]].enter);
    TW_TRY(tw_frame_value_in(f, frame->parent, exit, enter->inputs[0], &value));
    tw_plan *outer = frame->parent->plan;
    tw_plan_replace_value(outer, outer->nodes.items[frame->node].first_value + i, value);
    return TW_OK;
}

/* The dtypes are those of the plan around, without references. */
static tw_status *fill_loop_node(tw_framer *f, tw_loop_frame *frame, const tw_ends *ends)
{
    tw_plan *outer = frame->parent->plan;
    tw_plan_loop *loop = frame->loop;
    loop->exits = tw_arena_array(&outer->arena, frame->exits.count + 1, sizeof *loop->exits);
    tw_dtype *dtypes = tw_arena_array(&outer->arena, ends->count + 1u, sizeof *dtypes);
    if (!loop->exits || !dtypes)
        return tw_no_memory();
    for (uint32_t i = 0; i < frame->exits.count; i++) {
        TW_TRY(find_exit(f, frame, ends, frame->exits.items[i], &loop->exits[i]));
        if (loop->exits[i] == TW_NO_INDEX)
            TW_TRY(replace_exit(f, frame, i));
    }
    for (uint32_t i = 0; i < ends->count; i++)
        dtypes[i] = outer->values.items[ends->inputs[i]].dtype;
    tw_plan_node *node = &outer->nodes.items[frame->node];
    node->inputs = ends->inputs;
    node->input_dtypes = dtypes;
    node->input_count = ends->count;
    return TW_OK;
}

/* From here on the body is a plan like any other: feeds, fetches, and nodes in between. */
static tw_status *fill_body(tw_framer *f, tw_loop_frame *frame, const tw_ends *ends)
{
    tw_plan *body = frame->plan;
    tw_plan_loop *loop = frame->loop;
    const tw_plan_node *cond = tw_frame_node(f, frame->cond);
    body->fetch_count = loop->carried + 1u;
    body->fetches = tw_arena_array(&body->arena, body->fetch_count, sizeof *body->fetches);
    body->feeds = tw_arena_array(&body->arena, loop->var_count + 1u, sizeof *body->feeds);
    body->feed_tensors = tw_arena_array(&body->arena, loop->var_count + 1u,
                                        sizeof *body->feed_tensors);
    if (!body->fetches || !body->feeds || !body->feed_tensors)
        return tw_no_memory();
    body->fetches[0].tensor = (tw_tensor){(tw_operation *)cond->origin, 0};
    TW_TRY(tw_frame_value_in(f, frame, cond, cond->inputs[0], &body->fetches[0].value));
    for (uint32_t i = 0; i < loop->carried; i++) {
        tw_operation *origin = (tw_operation *)tw_plan_producer(body, loop->vars[i].inside)->origin;
        body->fetches[i + 1] = (tw_plan_fetch){ends->next[i], {origin, 0}};
    }
    for (uint32_t i = 0; i < loop->var_count && !loop->vars[i].is_ref; i++) {
        body->feeds[i] = loop->vars[i].inside;
        body->feed_tensors[i].op =
            (tw_operation *)tw_plan_producer(body, loop->vars[i].inside)->origin;
        body->feed_count++;
    }
    tw_plan_count_uses(body);
    return TW_OK;
}

/* All that the loop itself reads, so that the variables can be counted. */
tw_status *tw_frame_prepare_ends(tw_framer *f, tw_loop_frame *frame)
{
    const tw_plan_node *cond = tw_frame_node(f, frame->cond);
    uint32_t unused;
    TW_TRY(tw_frame_value_in(f, frame, cond, cond->inputs[0], &unused));
    for (size_t i = 0; i < frame->vars.count; i++) {
        const tw_plan_node *enter = tw_frame_node(f, frame->vars.items[i].enter);
        const tw_plan_node *next = tw_frame_node(f, frame->vars.items[i].next);
        TW_TRY(tw_frame_value_in(f, frame->parent, enter, enter->inputs[0], &unused));
        TW_TRY(tw_frame_value_in(f, frame, next, next->inputs[0], &unused));
    }
    for (size_t i = 0; i < frame->exits.count; i++) {
        const tw_plan_node *exit = tw_frame_node(f, frame->exits.items[i]);
        const tw_plan_node *by = tw_frame_node(f, tw_frame_source(f, exit->inputs[0]));
        TW_TRY(tw_frame_value_in(f, frame, exit, by->inputs[0], &unused));
    }
    return TW_OK;
}

/* Which loops write which of the session's variables. */
void tw_frames_note_writes(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const tw_plan_node *node = tw_frame_node(f, i);
        for (uint32_t k = 0; f->roles[i] == TW_ROLE_PLAIN && k < node->input_count && k < 32; k++) {
            if (!(node->ref_inputs >> k & 1))
                continue;
            uint32_t variable = tw_frame_variable(f, node->inputs[k]);
            for (tw_loop_frame *frame = f->frames[i]; frame; frame = frame->parent) {
                for (size_t c = 0; c < frame->constants.count; c++) {
                    if (frame->constants.items[c].is_ref &&
                        frame->constants.items[c].variable == variable)
                        frame->constants.items[c].writes = true;
                }
            }
        }
    }
}

/* After all frames know what they write: a reference that only an inner loop writes is written
 * by the outer one too. */
tw_status *tw_frame_finish(tw_framer *f, tw_loop_frame *frame)
{
    tw_arena *arena = &frame->parent->plan->arena;
    tw_ends ends = {.count = 0};
    size_t most = frame->vars.count + frame->constants.count + 1;
    frame->loop->vars = tw_arena_array(arena, most, sizeof *frame->loop->vars);
    ends.inputs = tw_arena_array(arena, most, sizeof *ends.inputs);
    ends.next = tw_arena_array(arena, most, sizeof *ends.next);
    ends.var_of = tw_arena_array(arena, most, sizeof *ends.var_of);
    if (!frame->loop->vars || !ends.inputs || !ends.next || !ends.var_of)
        return tw_no_memory();
    memset(ends.var_of, 0xff, most * sizeof *ends.var_of);
    TW_TRY(put_carried(f, frame, &ends));
    put_constants(frame, &ends, false);
    put_constants(frame, &ends, true);
    frame->loop->var_count = ends.count;
    TW_TRY(fill_loop_node(f, frame, &ends));
    return fill_body(f, frame, &ends);
}
