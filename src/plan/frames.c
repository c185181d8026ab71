/* SPDX-License-Identifier: Apache-2.0
 * Which nodes belong to which frame. A node is in the innermost frame that anything it needs is in;
 * an Enter opens one, an Exit leads out of it. A frame that is a loop has one LoopCond, and each
 * variable is Merge(Enter, NextIteration), then Switch by the condition, then Exit. */
#include "plan/loops.h"

#include <string.h>

#include "base/status.h"

/* Every refusal names the node and the line that made it: a frame has no place of its own. */
tw_status *tw_frame_refuse(const tw_plan_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *status = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    status = tw_status_with_operation(tw_status_with_kind(status, TW_KIND_VALUE),
                                      node->origin->spec.type, node->origin->spec.name);
    return tw_status_with_where(status, node->origin->spec.where);
}

/* ---- roles ---- */

static const struct {
    const char *type;
    tw_loop_role role;
} roles[] = {{"Enter", TW_ROLE_ENTER}, {"Exit", TW_ROLE_EXIT},     {"NextIteration", TW_ROLE_NEXT},
             {"Merge", TW_ROLE_MERGE}, {"Switch", TW_ROLE_SWITCH}, {"LoopCond", TW_ROLE_COND}};

/* What the type may mean; Merge and Switch are looked at again when frames are known. */
static tw_loop_role role_of(const tw_plan_node *node)
{
    if (node->kind != TW_NODE_OP)
        return TW_ROLE_PLAIN;
    const char *type = node->spec.op->name;
    if (strncmp(type, "Ref", 3) == 0)
        type += 3;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (!strcmp(type, roles[i].type))
            return roles[i].role;
    }
    return TW_ROLE_PLAIN;
}

/* The one edge that may lead backwards; all walks in this file leave it out. */
static bool is_back_edge(const tw_framer *f, uint32_t node, uint32_t input)
{
    uint32_t from = tw_frame_source(f, tw_frame_node(f, node)->inputs[input]);
    return f->roles[node] == TW_ROLE_MERGE && f->roles[from] == TW_ROLE_NEXT;
}

/* ---- an order without back edges ---- */

/* The k-th node that `node` needs, or TW_NO_INDEX for a back edge. */
static uint32_t needed(const tw_framer *f, uint32_t node, uint32_t k)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    if (k >= n->input_count)
        return n->controls[k - n->input_count];
    return is_back_edge(f, node, k) ? TW_NO_INDEX : tw_frame_source(f, n->inputs[k]);
}

/* Depth first; what is on a cycle of other edges comes anyhow, and is refused later. */
static tw_status *find_order(tw_framer *f)
{
    enum { NEW, OPEN, DONE };
    uint8_t *state = tw_alloc_zero((size_t)f->count + 1, 1);
    uint32_t *stack = tw_alloc_array((size_t)f->count + 1, sizeof *stack);
    uint32_t *next = tw_alloc_zero((size_t)f->count + 1, sizeof *next);
    uint32_t depth = 0, done = 0;
    bool good = state && stack && next;
    for (uint32_t root = 0; good && root < f->count; root++) {
        if (state[root] == NEW)
            state[root] = OPEN, stack[depth++] = root;
        while (depth) {
            uint32_t node = stack[depth - 1];
            const tw_plan_node *n = tw_frame_node(f, node);
            uint32_t up = TW_NO_INDEX;
            while (next[node] < n->input_count + n->control_count && up == TW_NO_INDEX) {
                up = needed(f, node, next[node]++);
                if (up != TW_NO_INDEX && state[up] != NEW)
                    up = TW_NO_INDEX;
            }
            if (up != TW_NO_INDEX)
                state[up] = OPEN, stack[depth++] = up;
            else
                state[node] = DONE, f->order[done++] = node, depth--;
        }
    }
    tw_free(state);
    tw_free(stack);
    tw_free(next);
    return good ? TW_OK : tw_no_memory();
}

/* ---- frames ---- */

/* An Exit is made in its loop, but what it gives can be read only around it. */
tw_loop_frame *tw_frame_home(const tw_framer *f, uint32_t node)
{
    return f->roles[node] == TW_ROLE_EXIT && f->frames[node]->parent ? f->frames[node]->parent
                                                                     : f->frames[node];
}

/* A frame is around itself. */
bool tw_frame_is_around(const tw_loop_frame *outer, const tw_loop_frame *inner)
{
    while (inner && inner->depth > outer->depth)
        inner = inner->parent;
    return inner == outer;
}

/* Frames of one name are one frame only inside the same parent: a loop that is imported twice
 * keeps its name under another loop. */
static tw_status *child_frame(tw_framer *f, tw_loop_frame *parent, const char *name,
                              tw_loop_frame **out)
{
    for (size_t i = 1; i < f->all.count; i++) {
        *out = f->all.items[i];
        if ((*out)->parent == parent && !strcmp((*out)->name, name))
            return TW_OK;
    }
    tw_loop_frame *made = TW_ARENA_NEW(&f->plan->arena, tw_loop_frame);
    if (!made || !tw_vec_push(&f->all, made))
        return tw_no_memory();
    made->parent = parent;
    made->name = name;
    made->depth = parent->depth + 1;
    made->cond = TW_NO_INDEX;
    *out = made;
    return TW_OK;
}

/* Two loops beside each other have no common iteration, so a node cannot be in both. */
static tw_status *deepest_frame(tw_framer *f, uint32_t node, tw_loop_frame **out)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    tw_loop_frame *deepest = f->all.items[0];
    for (uint32_t k = 0; k < n->input_count + n->control_count; k++) {
        uint32_t up = needed(f, node, k);
        if (up == TW_NO_INDEX || !f->frames[up]) /* a back edge; another cycle */
            continue;
        tw_loop_frame *frame = tw_frame_home(f, up);
        if (!tw_frame_is_around(frame, deepest) && !tw_frame_is_around(deepest, frame))
            return tw_frame_refuse(n, "it needs values of two while loops, '%s' and '%s'",
                                   frame->name, deepest->name);
        deepest = frame->depth > deepest->depth ? frame : deepest;
    }
    *out = deepest;
    return TW_OK;
}

/* An imported node may lack the attribute; all such Enters are of one frame then. */
static const char *frame_name(const tw_plan_node *node)
{
    const tw_attr *name = tw_spec_attr(&node->spec, "frame_name");
    return name && name->kind == TW_ATTR_STRING && name->value.s.data ? name->value.s.data : "";
}

/* In the order without back edges, so that what a node needs has its frame already. */
static tw_status *assign_frame(tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    tw_loop_frame *root = f->all.items[0], *frame = root;
    if (n->kind == TW_NODE_OP && !n->is_variable)
        TW_TRY(deepest_frame(f, node, &frame));
    if (f->roles[node] == TW_ROLE_ENTER)
        TW_TRY(child_frame(f, frame, frame_name(n), &frame));
    f->frames[node] = frame;
    if (f->roles[node] == TW_ROLE_COND && frame == root)
        f->roles[node] = TW_ROLE_PLAIN; /* nothing loops by it: it hands its input on */
    if ((f->roles[node] == TW_ROLE_EXIT || f->roles[node] == TW_ROLE_NEXT) && frame == root)
        return tw_frame_refuse(n, "it is in no while loop: nothing that it needs comes through "
                                  "an Enter");
    if (f->roles[node] == TW_ROLE_EXIT && !tw_vec_push(&frame->exits, node))
        return tw_no_memory();
    if (f->roles[node] != TW_ROLE_COND)
        return TW_OK;
    if (frame->cond != TW_NO_INDEX)
        return tw_frame_refuse(n, "the while loop '%s' has two conditions; the other one is '%s'",
                               frame->name, tw_frame_node(f, frame->cond)->origin->spec.name);
    frame->cond = node;
    return TW_OK;
}

/* ---- variables ---- */

/* A Merge is a loop variable's if a NextIteration comes into it. */
static tw_status *look_at_merge(tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    tw_loop_frame *frame = f->frames[node];
    tw_frame_var var = {.merge = node, .enter = TW_NO_INDEX, .next = TW_NO_INDEX};
    f->roles[node] = TW_ROLE_PLAIN;
    for (uint32_t i = 0; i < n->input_count; i++) {
        uint32_t from = tw_frame_source(f, n->inputs[i]);
        if (f->roles[from] == TW_ROLE_NEXT)
            var.next = from;
        else if (f->roles[from] == TW_ROLE_ENTER && f->frames[from] == frame)
            var.enter = from;
    }
    if (var.next == TW_NO_INDEX)
        return TW_OK;
    if (var.enter == TW_NO_INDEX || n->input_count != 2)
        return tw_frame_refuse(n, "a loop variable is merged from an Enter and a NextIteration; "
                                  "this is another thing");
    if (f->frames[var.next] != frame)
        return tw_frame_refuse(n, "its NextIteration belongs to another while loop");
    f->roles[node] = TW_ROLE_MERGE;
    f->var[node] = f->var[var.enter] = (uint32_t)frame->vars.count;
    return tw_vec_push(&frame->vars, var) ? TW_OK : tw_no_memory();
}

/* A Switch by another predicate is a condition inside of the loop, and runs as it stands. */
static void look_at_switch(tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    uint32_t cond = f->frames[node]->cond;
    bool by_loop = f->frames[node]->parent && cond != TW_NO_INDEX &&
                   tw_frame_source(f, n->inputs[1]) == cond;
    if (!by_loop)
        f->roles[node] = TW_ROLE_PLAIN;
}

/* In a body the true side of the loop's Switch is the variable itself: a body runs only while
 * the condition holds. */
uint32_t tw_frame_resolve(const tw_framer *f, uint32_t value)
{
    for (;;) {
        uint32_t node = tw_frame_source(f, value);
        if (f->alias[value] != TW_NO_INDEX)
            value = f->alias[value];
        else if (f->roles[node] == TW_ROLE_COND ||
                 (f->roles[node] == TW_ROLE_SWITCH && f->plan->values.items[value].output == 1))
            value = tw_frame_node(f, node)->inputs[0];
        else
            return value;
    }
}

static bool is_identity(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->output_count == 1 && node->input_count == 1 &&
           (!strcmp(node->spec.op->name, "Identity") ||
            !strcmp(node->spec.op->name, "RefIdentity"));
}

/* The next iteration's value is this one's: such a variable is a constant of the loop. */
static bool stays(const tw_framer *f, const tw_frame_var *var)
{
    uint32_t value = tw_frame_resolve(f, tw_frame_node(f, var->next)->inputs[0]);
    while (is_identity(tw_frame_node(f, tw_frame_source(f, value))))
        value = tw_frame_resolve(f, tw_frame_node(f, tw_frame_source(f, value))->inputs[0]);
    return value == tw_frame_node(f, var->merge)->first_value;
}

/* Which variables stay is known only once all nodes have their roles. */
static tw_status *check_frame(tw_framer *f, tw_loop_frame *frame)
{
    for (size_t i = 0; i < frame->exits.count; i++) {
        const tw_plan_node *exit = tw_frame_node(f, frame->exits.items[i]);
        uint32_t from = tw_frame_source(f, exit->inputs[0]);
        if (f->roles[from] != TW_ROLE_SWITCH || f->plan->values.items[exit->inputs[0]].output)
            return tw_frame_refuse(exit,
                                   "it must take the false side of a Switch by the "
                                   "condition of the while loop '%s'",
                                   frame->name);
    }
    for (size_t i = 0; i < frame->vars.count; i++)
        frame->vars.items[i].constant = stays(f, &frame->vars.items[i]);
    return TW_OK;
}

/* An Enter is a variable's, or the same in all iterations. */
static tw_status *check_node(tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    const tw_attr *constant = tw_spec_attr(&n->spec, "is_constant");
    tw_loop_frame *frame = f->frames[node];
    if (frame->parent && frame->cond == TW_NO_INDEX)
        return tw_frame_refuse(n, "the while loop '%s' has no LoopCond", frame->name);
    if (f->roles[node] == TW_ROLE_ENTER && !(constant && constant->value.b) &&
        f->var[node] == TW_NO_INDEX)
        return tw_frame_refuse(n, "it begins no loop variable, and is no constant of the loop");
    if (f->roles[node] != TW_ROLE_SWITCH)
        return TW_OK;
    uint32_t from = tw_frame_source(f, n->inputs[0]);
    if (f->frames[from] != frame ||
        (f->roles[from] != TW_ROLE_MERGE && f->roles[from] != TW_ROLE_ENTER))
        return tw_frame_refuse(n,
                               "what the condition of the while loop '%s' switches must be a "
                               "loop variable",
                               frame->name);
    return TW_OK;
}

/* ---- what waits for the condition ---- */

/* Of the Switch of a loop only the true side is inside of the body proper. */
static bool comes_after(const tw_framer *f, uint32_t node, uint32_t output)
{
    if (f->roles[node] == TW_ROLE_SWITCH)
        return output == 1;
    return f->roles[node] == TW_ROLE_EXIT ? f->frames[node]->after_test : f->after_test[node];
}

/* In its own frame; an Enter in the frame around, where its input is. */
static bool waits_for_test(const tw_framer *f, uint32_t node)
{
    const tw_plan_node *n = tw_frame_node(f, node);
    const tw_loop_frame *here = f->frames[node];
    if (f->roles[node] == TW_ROLE_ENTER)
        here = here->parent;
    for (uint32_t k = 0; k < n->input_count + n->control_count; k++) {
        uint32_t up = needed(f, node, k);
        uint32_t output = k < n->input_count ? f->plan->values.items[n->inputs[k]].output : 1;
        if (up != TW_NO_INDEX && tw_frame_home(f, up) == here && comes_after(f, up, output))
            return true;
    }
    return false;
}

/* A loop inside waits as a whole, which may make nodes after it wait too: so until nothing
 * changes. */
static void find_after_test(tw_framer *f)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < f->count; i++) {
            uint32_t node = f->order[i];
            tw_loop_frame *frame = f->frames[node];
            if (f->after_test[node] || !waits_for_test(f, node))
                continue;
            f->after_test[node] = changed = true;
            if (f->roles[node] == TW_ROLE_ENTER)
                frame->after_test = true;
        }
    }
}

/* ---- */

/* What others can see: variables written, things printed. */
static bool has_effect(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP &&
           (node->ref_inputs || node->spec.op->definition.flags & TW_OP_SIDE_EFFECT);
}

/* A loop that changes something runs although nobody reads what it gives, and so do the loops
 * around it. */
static void find_effects(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->roles[i] != TW_ROLE_PLAIN || !has_effect(tw_frame_node(f, i)))
            continue;
        for (tw_loop_frame *frame = f->frames[i]; frame; frame = frame->parent)
            frame->effects = true;
    }
}

/* Back through whatever passes references on; the bound is for rings of them. */
uint32_t tw_frame_variable(const tw_framer *f, uint32_t value)
{
    for (uint32_t steps = 0; steps <= f->count; steps++) {
        value = tw_frame_resolve(f, value);
        uint32_t node = tw_frame_source(f, value), input = 0;
        const tw_plan_node *n = tw_frame_node(f, node);
        if (n->is_variable)
            return node;
        if (f->roles[node] == TW_ROLE_MERGE) {
            node = f->frames[node]->vars.items[f->var[node]].enter;
            n = tw_frame_node(f, node);
        }
        while (input < n->input_count && input < 32 && !(n->ref_inputs >> input & 1))
            input++;
        if (input == n->input_count || input == 32)
            return TW_NO_INDEX;
        value = n->inputs[input];
    }
    return TW_NO_INDEX;
}

/* Roles by type first, then frames, then what only whole frames can tell. */
tw_status *tw_frames_find(tw_framer *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        f->roles[i] = (uint8_t)role_of(tw_frame_node(f, i));
    TW_TRY(find_order(f));
    for (uint32_t i = 0; i < f->count; i++)
        TW_TRY(assign_frame(f, f->order[i]));
    tw_frames_dissolve(f);
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->roles[i] == TW_ROLE_MERGE)
            TW_TRY(look_at_merge(f, i));
        else if (f->roles[i] == TW_ROLE_SWITCH)
            look_at_switch(f, i);
    }
    for (uint32_t i = 0; i < f->count; i++)
        TW_TRY(check_node(f, i));
    for (size_t i = 1; i < f->all.count; i++)
        TW_TRY(check_frame(f, f->all.items[i]));
    find_after_test(f);
    find_effects(f);
    return TW_OK;
}
