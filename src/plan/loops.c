/* SPDX-License-Identifier: Apache-2.0
 * Frames become loop nodes: the nodes of each frame move to a plan of their own, the loop's body.
 * What the body reads of outside comes in as a feed; a constant or a variable of the session is
 * there itself. Values go from their home frame inwards, one frame after the other. */
#include "plan/loops.h"

#include <string.h>

#include "base/status.h"

/* Short, as it is asked everywhere. */
static bool has_role(const tw_framer *f, uint32_t node, tw_loop_role role)
{
    return f->roles[node] == role;
}

/* ---- copies of nodes ---- */

/* Dtypes, references and shapes go along; who reads them is found again in the new plan. */
static tw_status *copy_outputs(tw_plan *to, uint32_t index, const tw_plan *from,
                               const tw_plan_node *node)
{
    TW_TRY(tw_plan_add_outputs(to, index, node->output_count));
    for (uint32_t k = 0; k < node->output_count; k++) {
        const tw_plan_value *old = &from->values.items[node->first_value + k];
        tw_plan_value *value = &to->values.items[to->nodes.items[index].first_value + k];
        value->dtype = old->dtype;
        value->is_ref = old->is_ref;
        value->shape = old->shape;
    }
    return TW_OK;
}

/* Without inputs and controls. */
static tw_status *copy_node(tw_plan *to, const tw_plan *from, const tw_plan_node *node,
                            uint32_t *out)
{
    TW_TRY(tw_plan_add_node(to, node->kind, node->origin, out));
    tw_plan_node *copy = &to->nodes.items[*out];
    copy->spec = node->spec;
    copy->is_variable = node->is_variable;
    copy->loose_shape = node->loose_shape;
    copy->ref_inputs = node->ref_inputs;
    copy->target = node->target;
    return copy_outputs(to, *out, from, node);
}

/* What comes in is a feed of the body, whatever made it outside. */
static tw_status *add_feed(tw_plan *plan, const tw_operation *origin, const tw_plan_value *like,
                           uint32_t *out)
{
    uint32_t node;
    TW_TRY(tw_plan_add_node(plan, TW_NODE_FEED, origin, &node));
    TW_TRY(tw_plan_add_outputs(plan, node, 1));
    *out = plan->nodes.items[node].first_value;
    plan->values.items[*out].dtype = like->dtype;
    plan->values.items[*out].shape = like->shape;
    return TW_OK;
}

/* ---- values come in ---- */

/* Cheaper to copy than to bring in: the body then folds with it. */
static bool is_constant_source(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->input_count == 0 && node->output_count == 1 &&
           !node->control_count && tw_spec_attr(&node->spec, "value") && tw_node_is_pure(node);
}

/* A reference comes in as the session's variable, whichever operation gave it. */
static tw_status *bring_reference(tw_framer *f, tw_loop_frame *frame, uint32_t outside,
                                  uint32_t variable, uint32_t *out)
{
    uint32_t node;
    tw_frame_constant constant = {.outside = outside, .is_ref = true, .variable = variable};
    TW_TRY(copy_node(frame->plan, f->plan, tw_frame_node(f, variable), &node));
    *out = constant.inside = frame->plan->nodes.items[node].first_value;
    return tw_vec_push(&frame->constants, constant) ? TW_OK : tw_no_memory();
}

/* Value `outside` of the plan around `frame` as its body sees it. `flat`: what it is in the flat
 * plan, for references. */
static tw_status *bring_one(tw_framer *f, tw_loop_frame *frame, uint32_t outside, bool as_ref,
                            uint32_t flat, uint32_t *out)
{
    const tw_plan *around = frame->parent->plan;
    const tw_plan_value *value = &around->values.items[outside];
    const tw_plan_node *from = &around->nodes.items[value->node];
    uint64_t key = (uint64_t)outside << 1 | as_ref, there;
    if (tw_int_map_get(&frame->brought, key, &there)) {
        *out = (uint32_t)there;
        return TW_OK;
    }
    if (as_ref) {
        uint32_t variable = tw_frame_variable(f, flat);
        if (variable == TW_NO_INDEX)
            return tw_frame_refuse(from,
                                   "its reference goes into the while loop '%s', but means "
                                   "no variable",
                                   frame->name);
        TW_TRY(bring_reference(f, frame, outside, variable, out));
    } else if (is_constant_source(from)) {
        uint32_t node;
        TW_TRY(copy_node(frame->plan, around, from, &node));
        *out = frame->plan->nodes.items[node].first_value;
    } else {
        tw_frame_constant constant = {.outside = outside};
        TW_TRY(add_feed(frame->plan, from->origin, value, out));
        constant.inside = *out;
        if (!tw_vec_push(&frame->constants, constant))
            return tw_no_memory();
    }
    return tw_int_map_set(&frame->brought, key, *out) ? TW_OK : tw_no_memory();
}

/* Through one frame after the other, so that each body gets it from the one around. */
static tw_status *bring(tw_framer *f, tw_loop_frame *from, tw_loop_frame *to, uint32_t value,
                        bool as_ref, uint32_t flat, uint32_t *out)
{
    *out = value;
    if (from == to)
        return TW_OK;
    TW_TRY(bring(f, from, to->parent, value, as_ref, flat, out));
    return bring_one(f, to, *out, as_ref, flat, out);
}

/* The plain read of a variable behind constant Enters, or TW_NO_INDEX. */
static uint32_t plain_read(const tw_framer *f, uint32_t value)
{
    uint32_t node = tw_frame_source(f, tw_frame_resolve(f, value));
    while (has_role(f, node, TW_ROLE_ENTER) && f->var[node] == TW_NO_INDEX)
        node = tw_frame_source(f, tw_frame_resolve(f, tw_frame_node(f, node)->inputs[0]));
    const tw_plan_node *n = tw_frame_node(f, node);
    bool reads = n->kind == TW_NODE_OP && !f->frames[node]->parent && n->input_count == 1 &&
                 n->output_count == 1 && !strcmp(n->spec.op->name, "Identity") &&
                 f->plan->values.items[n->inputs[0]].is_ref && !n->control_count;
    return reads ? node : TW_NO_INDEX;
}

static bool is_written_inside(const tw_framer *f, const tw_loop_frame *frame, uint32_t variable)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const tw_plan_node *n = tw_frame_node(f, i);
        bool may = n->ref_inputs && has_role(f, i, TW_ROLE_PLAIN) &&
                   tw_frame_is_around(frame, f->frames[i]);
        for (uint32_t k = 0; may && k < n->input_count && k < 32; k++) {
            if (n->ref_inputs >> k & 1 && tw_frame_variable(f, n->inputs[k]) == variable)
                return true;
        }
    }
    return false;
}

/* Where a loop writes a variable, what was read of it outside is read anew in every iteration: in
 * TensorFlow such a read is the variable's own memory, which its writes change. *out is TW_NO_INDEX
 * for other values. */
static tw_status *read_inside(tw_framer *f, tw_loop_frame *frame, const tw_plan_node *reader,
                              uint32_t value, uint32_t *out)
{
    uint32_t read = frame->effects ? plain_read(f, value) : TW_NO_INDEX, node, input;
    uint64_t key = 1ull << 63 | read, there;
    *out = TW_NO_INDEX;
    if (read == TW_NO_INDEX ||
        !is_written_inside(f, frame, tw_frame_variable(f, tw_frame_node(f, read)->inputs[0])))
        return TW_OK;
    if (tw_int_map_get(&frame->brought, key, &there)) {
        *out = (uint32_t)there;
        return TW_OK;
    }
    TW_TRY(tw_frame_value_in(f, frame, reader, tw_frame_node(f, read)->inputs[0], &input));
    TW_TRY(copy_node(frame->plan, f->plan, tw_frame_node(f, read), &node));
    tw_plan_node *copy = &frame->plan->nodes.items[node];
    copy->target = false;
    copy->inputs = tw_arena_copy(&frame->plan->arena, &input, sizeof input);
    copy->input_dtypes = tw_arena_copy(&frame->plan->arena, tw_frame_node(f, read)->input_dtypes,
                                       sizeof *copy->input_dtypes);
    if (!copy->inputs || !copy->input_dtypes)
        return tw_no_memory();
    copy->input_count = 1;
    *out = copy->first_value;
    return tw_int_map_set(&frame->brought, key, *out) ? TW_OK : tw_no_memory();
}

/* A value of an inner frame is never seen outside but through an Exit; that is checked here,
 * for every reader. */
tw_status *tw_frame_value_in(tw_framer *f, tw_loop_frame *frame, const tw_plan_node *reader,
                             uint32_t value, uint32_t *out)
{
    value = tw_frame_resolve(f, value);
    uint32_t node = tw_frame_source(f, value), flat = value;
    const tw_plan_node *from = tw_frame_node(f, node);
    tw_loop_frame *home = tw_frame_home(f, node);
    uint32_t output = f->plan->values.items[value].output;
    bool as_ref = f->plan->values.items[value].is_ref;
    if (!tw_frame_is_around(home, frame))
        return tw_frame_refuse(reader,
                               "it needs '%s', which is inside of the while loop '%s': "
                               "outside there is only what an Exit gives",
                               from->origin->spec.name, home->name);
    if (has_role(f, node, TW_ROLE_SWITCH) || (has_role(f, node, TW_ROLE_MERGE) && output))
        return tw_frame_refuse(reader,
                               "it needs output %u of '%s', which only the while loop "
                               "'%s' itself may use",
                               output, from->origin->spec.name, home->name);
    bool enters = has_role(f, node, TW_ROLE_ENTER);
    if (has_role(f, node, TW_ROLE_MERGE)) {
        const tw_frame_var *var = &home->vars.items[f->var[node]];
        if (!var->constant && !as_ref)
            return bring(f, home, frame, var->value, false, flat, out);
        from = tw_frame_node(f, var->enter);
        enters = true;
    }
    if (!enters)
        return bring(f, home, frame, f->placed[value], as_ref, flat, out);
    if (!as_ref && has_role(f, node, TW_ROLE_ENTER) && f->var[node] == TW_NO_INDEX) {
        uint32_t inside;
        TW_TRY(read_inside(f, home, reader, from->inputs[0], &inside));
        if (inside != TW_NO_INDEX)
            return bring(f, home, frame, inside, false, flat, out);
        from = tw_frame_node(f, node);
    }
    TW_TRY(tw_frame_value_in(f, home->parent, reader, from->inputs[0], out));
    TW_TRY(bring_one(f, home, *out, as_ref, from->inputs[0], out));
    return bring(f, home, frame, *out, as_ref, flat, out);
}

/* ---- plans and their nodes ---- */

/* The node stands for the whole loop in the plan around; inputs and outputs come later, when it
 * is known what the body reads. */
static tw_status *make_plan(tw_framer *f, tw_loop_frame *frame)
{
    tw_plan *outer = frame->parent->plan;
    tw_plan *body = TW_NEW(tw_plan);
    if (!body)
        return tw_no_memory();
    atomic_init(&body->refs, 1);
    frame->plan = body;
    body->graph = outer->graph;
    body->outer = outer;
    tw_status *status = tw_plan_add_node(outer, TW_NODE_LOOP, tw_frame_node(f, frame->cond)->origin,
                                         &frame->node);
    tw_plan_loop *loop = status ? NULL : TW_ARENA_NEW(&outer->arena, tw_plan_loop);
    if (!loop) { /* nobody has it yet */
        tw_plan_unref(body);
        frame->plan = NULL;
        return status ? status : tw_no_memory();
    }
    *loop = (tw_plan_loop){.body = body, .owner = outer, .node = frame->node, .name = frame->name};
    frame->loop = body->loop = loop;
    outer->nodes.items[frame->node].loop = loop;
    outer->nodes.items[frame->node].target = frame->effects;
    if (frame->parent->parent && frame->effects && !frame->after_test)
        outer->nodes.items[frame->node].before_test = true;
    return TW_OK;
}

/* One output for each Exit, and a feed for each variable that changes. */
static tw_status *make_ends(tw_framer *f, tw_loop_frame *frame)
{
    tw_plan *outer = frame->parent->plan;
    TW_TRY(tw_plan_add_outputs(outer, frame->node, (uint32_t)frame->exits.count));
    for (uint32_t i = 0; i < frame->exits.count; i++) {
        uint32_t exit = frame->exits.items[i];
        const tw_plan_value *old = &f->plan->values.items[tw_frame_node(f, exit)->first_value];
        uint32_t value = outer->nodes.items[frame->node].first_value + i;
        outer->values.items[value].dtype = old->dtype;
        outer->values.items[value].is_ref = old->is_ref;
        outer->values.items[value].shape = old->shape;
        f->placed[tw_frame_node(f, exit)->first_value] = value;
        f->at[exit] = frame->node;
        outer->nodes.items[frame->node].target |= tw_frame_node(f, exit)->target;
    }
    for (size_t i = 0; i < frame->vars.count; i++) {
        tw_frame_var *var = &frame->vars.items[i];
        const tw_plan_node *merge = tw_frame_node(f, var->merge);
        const tw_plan_value *like = &f->plan->values.items[merge->first_value];
        if (!var->constant && !like->is_ref)
            TW_TRY(add_feed(frame->plan, merge->origin, like, &var->value));
    }
    return TW_OK;
}

/* A node with an effect that does not wait for the condition runs once more than the body does. */
static bool must_not_stay(const tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    return !tw_node_is_pure(n) && !f->after_test[node] && n->kind == TW_NODE_OP && !n->is_variable;
}

/* Nodes of the root stay where they are; those of frames are copied, and the loop's own
 * machinery is not needed any more. Reads stand before what uses them, for that is the order of
 * accesses. */
static tw_status *copy_nodes(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const tw_plan_node *node = tw_frame_node(f, i);
        for (uint32_t k = 0; !f->frames[i]->parent && k < node->output_count; k++)
            f->placed[node->first_value + k] = node->first_value + k;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        tw_loop_frame *frame = f->frames[i];
        const tw_plan_node *node = tw_frame_node(f, i);
        f->at[i] = has_role(f, i, TW_ROLE_EXIT) ? f->at[i] : i;
        if (frame->parent && node->target && !has_role(f, i, TW_ROLE_EXIT))
            return tw_frame_refuse(node,
                                   "it is inside of the while loop '%s': it cannot be run "
                                   "by itself",
                                   frame->name);
        if (has_role(f, i, TW_ROLE_ENTER) && f->var[i] == TW_NO_INDEX) {
            uint32_t unused;
            TW_TRY(read_inside(f, frame, node, node->inputs[0], &unused));
        }
        if (!frame->parent || !has_role(f, i, TW_ROLE_PLAIN))
            continue;
        node = tw_frame_node(f, i);
        TW_TRY(copy_node(frame->plan, f->plan, node, &f->at[i]));
        tw_plan_node *copy = &frame->plan->nodes.items[f->at[i]];
        copy->before_test = must_not_stay(f, i);
        node = tw_frame_node(f, i);
        for (uint32_t k = 0; k < node->output_count; k++)
            f->placed[node->first_value + k] = copy->first_value + k;
    }
    return TW_OK;
}

/* ---- edges ---- */

/* By the time a node is linked all nodes are copied, so that inputs may come from later ones. */
static tw_status *link_inputs(tw_framer *f, tw_loop_frame *frame, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    uint32_t *inputs = tw_arena_array(&frame->plan->arena, n->input_count + 1u, sizeof *inputs);
    if (!inputs)
        return tw_no_memory();
    for (uint32_t k = 0; k < n->input_count; k++)
        TW_TRY(tw_frame_value_in(f, frame, n, tw_frame_node(f, node)->inputs[k], &inputs[k]));
    n = tw_frame_node(f, node);
    tw_plan_node *to = &frame->plan->nodes.items[f->at[node]];
    to->inputs = inputs;
    to->input_count = n->input_count;
    to->input_dtypes = tw_arena_copy(&frame->plan->arena, n->input_dtypes,
                                     n->input_count * sizeof *n->input_dtypes);
    return to->input_dtypes ? TW_OK : tw_no_memory();
}

/* A pivot: to wait for it means to be in the body. */
static bool is_pivot(const tw_framer *f, uint32_t node)
{
    if (!has_role(f, node, TW_ROLE_PLAIN))
        return !has_role(f, node, TW_ROLE_EXIT);
    const tw_plan_node *n = tw_frame_node(f, node);
    if (n->kind != TW_NODE_OP || n->input_count != 1 || strcmp(n->spec.op->name, "Identity"))
        return false;
    uint32_t from = tw_frame_source(f, tw_frame_resolve(f, n->inputs[0]));
    return has_role(f, from, TW_ROLE_MERGE) || has_role(f, from, TW_ROLE_ENTER);
}

/* The loop in `outer` that `frame` is in. */
static const tw_loop_frame *loop_towards(const tw_loop_frame *outer, const tw_loop_frame *frame)
{
    while (frame->parent != outer)
        frame = frame->parent;
    return frame;
}

/* Node `node` of `frame` waits for flat node `control`: in the innermost frame that holds both. */
static tw_status *link_control(tw_framer *f, tw_loop_frame *frame, uint32_t node, uint32_t control,
                               const tw_plan_node *reader)
{
    tw_loop_frame *home = tw_frame_home(f, control);
    if (home->parent && home == frame && is_pivot(f, control))
        return TW_OK;
    if (!tw_frame_is_around(home, frame))
        return tw_frame_refuse(reader, "it waits for '%s', which is inside of the while loop '%s'",
                               tw_frame_node(f, control)->origin->spec.name, home->name);
    if (home != frame)
        node = loop_towards(home, frame)->node;
    return f->at[control] == node ? TW_OK : tw_plan_add_control(home->plan, node, f->at[control]);
}

/* What a node of the loop itself waits for must run in each iteration. */
static tw_status *need_controls(tw_framer *f, tw_loop_frame *frame, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    for (uint32_t k = 0; k < n->control_count; k++) {
        uint32_t control = n->controls[k];
        tw_loop_frame *home = tw_frame_home(f, control);
        if (home != frame) {
            TW_TRY(link_control(f, frame, TW_NO_INDEX, control, n));
            continue;
        }
        if (is_pivot(f, control))
            continue;
        tw_plan_node *needed = &frame->plan->nodes.items[f->at[control]];
        needed->target = true;
        needed->before_test = needed->before_test || !f->after_test[control];
    }
    return TW_OK;
}

/* In the root a node's controls stay, but that an Exit means its loop. */
static tw_status *link_root_controls(tw_framer *f, uint32_t node)
{
    tw_plan_node *n = tw_frame_node(f, node);
    for (uint32_t k = 0; k < n->control_count; k++) {
        uint32_t control = n->controls[k];
        const tw_loop_frame *home = tw_frame_home(f, control);
        if (home->parent)
            return tw_frame_refuse(n, "it waits for '%s', which is inside of the while loop '%s'",
                                   tw_frame_node(f, control)->origin->spec.name, home->name);
        n->controls[k] = f->at[control];
    }
    return TW_OK;
}

/* An Enter reads in the frame around; of the rest of the machinery only control inputs matter. */
static tw_status *link_node(tw_framer *f, uint32_t node)
{
    tw_loop_frame *frame = f->frames[node];
    switch ((tw_loop_role)f->roles[node]) {
    case TW_ROLE_PLAIN: break;
    case TW_ROLE_ENTER:
        frame = frame->parent;
        for (uint32_t k = 0; k < tw_frame_node(f, node)->control_count; k++)
            TW_TRY(link_control(f, frame, f->frames[node]->node,
                                tw_frame_node(f, node)->controls[k], tw_frame_node(f, node)));
        return TW_OK;
    default: return need_controls(f, frame, node);
    }
    TW_TRY(link_inputs(f, frame, node));
    if (!frame->parent)
        return link_root_controls(f, node);
    for (uint32_t k = 0; k < tw_frame_node(f, node)->control_count; k++)
        TW_TRY(link_control(f, frame, f->at[node], tw_frame_node(f, node)->controls[k],
                            tw_frame_node(f, node)));
    return TW_OK;
}

/* ---- the pass ---- */

/* A fed tensor inside of a loop would have to be another one in every iteration. */
static tw_status *check_feeds(const tw_framer *f)
{
    for (size_t i = 0; i < f->plan->feed_count; i++) {
        const tw_operation *op = f->plan->feed_tensors[i].op;
        const tw_region *loop = tw_region_loop(op->region);
        if (loop && strcmp(op->spec.type, "Exit") && strcmp(op->spec.type, "RefExit"))
            return tw_frame_refuse(tw_plan_producer(f->plan, f->plan->feeds[i]),
                                   "it is inside of the while loop '%s': it cannot be fed",
                                   loop->name);
    }
    return TW_OK;
}

/* Only what a loop gives can be fetched: inside there is a value for every iteration. */
static tw_status *link_fetches(tw_framer *f)
{
    for (size_t i = 0; i < f->plan->fetch_count; i++) {
        uint32_t value = f->plan->fetches[i].value;
        if (value == TW_NO_INDEX)
            continue;
        uint32_t node = tw_frame_source(f, value);
        const tw_loop_frame *home = tw_frame_home(f, node);
        if (home->parent)
            return tw_frame_refuse(tw_frame_node(f, node),
                                   "it is inside of the while loop '%s': it cannot be fetched, "
                                   "only what the loop returns",
                                   home->name);
        f->plan->fetches[i].value = f->placed[value];
    }
    return TW_OK;
}

/* Inner loops first where ends are made, since what they read of far outside comes through the
 * bodies around them. */
static tw_status *move_frames(tw_framer *f)
{
    TW_TRY(check_feeds(f));
    TW_TRY(tw_frames_find(f));
    tw_loop_values_alias(f);
    for (size_t i = 1; i < f->all.count; i++)
        TW_TRY(make_plan(f, f->all.items[i]));
    for (size_t i = 1; i < f->all.count; i++)
        TW_TRY(make_ends(f, f->all.items[i]));
    TW_TRY(copy_nodes(f));
    for (uint32_t i = 0; i < f->count; i++)
        TW_TRY(link_node(f, i));
    for (size_t i = f->all.count; i-- > 1;)
        TW_TRY(tw_frame_prepare_ends(f, f->all.items[i]));
    tw_frames_note_writes(f);
    for (size_t i = f->all.count; i-- > 1;)
        TW_TRY(tw_frame_finish(f, f->all.items[i]));
    TW_TRY(link_fetches(f));
    for (uint32_t i = 0; i < f->count; i++)
        tw_frame_node(f, i)->gone = f->frames[i]->parent != NULL;
    tw_plan_count_uses(f->plan);
    return tw_loop_values_link(f);
}

/* All tables at once; what a failure leaves is cleared by the same function as what is done. */
static tw_status *framer_init(tw_framer *f)
{
    size_t n = (size_t)f->count + 1, values = f->plan->values.count + 1;
    tw_loop_frame *root = TW_ARENA_NEW(&f->plan->arena, tw_loop_frame);
    f->roles = tw_alloc_zero(n, 1);
    f->after_test = tw_alloc_zero(n, 1);
    f->frames = tw_alloc_zero(n, sizeof(tw_loop_frame *));
    f->order = tw_alloc_zero(n, sizeof(uint32_t));
    f->var = tw_alloc_array(n, sizeof(uint32_t));
    f->at = tw_alloc_zero(n, sizeof(uint32_t));
    f->placed = tw_alloc_zero(values, sizeof(uint32_t));
    f->alias = tw_alloc_array(values, sizeof(uint32_t));
    if (!root || !f->roles || !f->after_test || !f->frames || !f->order || !f->var || !f->at ||
        !f->placed || !f->alias || !tw_vec_push(&f->all, root))
        return tw_no_memory();
    memset(f->var, 0xff, n * sizeof *f->var);
    memset(f->alias, 0xff, values * sizeof *f->alias);
    root->name = "";
    root->cond = TW_NO_INDEX;
    root->plan = f->plan;
    return TW_OK;
}

/* Frames lie in the arena of the plan, but their lists do not. */
static void framer_clear(tw_framer *f)
{
    for (size_t i = 0; i < f->all.count; i++) {
        tw_loop_frame *frame = f->all.items[i];
        tw_vec_clear(&frame->vars);
        tw_vec_clear(&frame->exits);
        tw_vec_clear(&frame->constants);
        tw_int_map_clear(&frame->brought);
    }
    tw_vec_clear(&f->all);
    void *const lists[] = {f->roles, f->after_test, f->frames, f->order,
                           f->var,   f->at,         f->placed, f->alias};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        tw_free(lists[i]);
}

/* Most plans have none and skip all tables. */
static bool has_loops(const tw_plan *plan)
{
    static const char *const types[] = {"Enter",         "RefEnter",         "Exit",    "RefExit",
                                        "NextIteration", "RefNextIteration", "LoopCond"};
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        for (size_t k = 0; node->kind == TW_NODE_OP && k < sizeof types / sizeof *types; k++) {
            if (tw_name_is(node->spec.op->name, types[k]))
                return true;
        }
    }
    return false;
}

/* Deadness is marked afterwards: a loop as a whole may be dead, and so may values that it
 * keeps. */
tw_status *tw_plan_loops(tw_plan *plan)
{
    tw_framer f = {.plan = plan, .count = (uint32_t)plan->nodes.count};
    if (!has_loops(plan))
        return tw_plan_guard(plan);
    tw_status *status = framer_init(&f);
    if (!status)
        status = move_frames(&f);
    framer_clear(&f);
    return status ? status : tw_loop_values_guard(plan);
}
