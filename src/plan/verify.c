/* SPDX-License-Identifier: Apache-2.0
 * The verifier, which tests run over every plan: a run is gone through without numbers. Whatever a
 * step writes destroys what lay in that memory before; whatever it reads must still be there. It
 * knows nothing of how places were chosen, only where they are. Nor of how sizes were found: the
 * ops' rules are asked again. */
#include "base/status.h"
#include "op/infer.h"
#include "plan/variant.h"

/* By operation that made it: values have no names of their own. */
static const char *value_name(const tw_variant *v, uint32_t value)
{
    return tw_plan_producer(v->plan, value)->origin->spec.name;
}

/* ---- the plan ---- */

/* Passes that ask how often a value is read rely on counts that a sweep made before. */
static tw_status *verify_uses(const tw_plan *plan)
{
    uint32_t *uses = tw_alloc_zero(plan->values.count + 1, sizeof *uses);
    tw_status *status = uses ? TW_OK : tw_no_memory();
    for (size_t i = 0; i < plan->nodes.count && !status; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        bool counts = !node->gone && !tw_node_reads_sizes_only(node);
        for (uint32_t k = 0; counts && k < node->input_count; k++)
            uses[node->inputs[k]]++;
    }
    for (size_t i = 0; i < plan->fetch_count && !status; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            uses[plan->fetches[i].value]++;
    }
    for (size_t i = 0; i < plan->values.count && !status; i++) {
        const tw_plan_value *value = &plan->values.items[i];
        uses[i] += value->saved != TW_NO_INDEX;
        if (uses[i] != value->uses)
            status = tw_status_new(TW_INTERNAL, "'%s' has %u uses, not %u",
                                   plan->nodes.items[value->node].origin->spec.name, uses[i],
                                   value->uses);
    }
    tw_free(uses);
    return status;
}

/* Each live node stands once in the order, after all that it needs. */
tw_status *tw_plan_verify(const tw_plan *plan)
{
    TW_TRY(verify_uses(plan));
    uint32_t live = 0;
    for (uint32_t i = 0; i < plan->nodes.count; i++)
        live += !plan->nodes.items[i].gone;
    if (live != plan->order_count)
        return tw_status_new(TW_INTERNAL, "%u nodes are in an order of %u", live,
                             plan->order_count);
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        if (node->gone || node->position != i)
            return tw_status_new(TW_INTERNAL, "'%s' is out of place in the order",
                                 node->origin->spec.name);
        for (uint32_t k = 0; k < node->input_count + node->control_count; k++) {
            uint32_t from = k < node->input_count ? plan->values.items[node->inputs[k]].node
                                                  : node->controls[k - node->input_count];
            if (plan->nodes.items[from].gone || plan->nodes.items[from].position >= i)
                return tw_status_new(TW_INTERNAL, "'%s' runs before '%s', which it needs",
                                     node->origin->spec.name,
                                     plan->nodes.items[from].origin->spec.name);
        }
    }
    return TW_OK;
}

/* ---- steps ---- */

/* By node: the step that it belongs to, counted from 1; 0: it has none. */
static void list_steps(const tw_variant *v, uint32_t *step_of)
{
    for (uint32_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        if (step->again)
            continue;
        step_of[step->node] = s + 1;
        for (uint32_t i = 0; step->group && i < step->group->count; i++)
            step_of[step->group->nodes[i]] = s + 1;
    }
}

/* Steps may stand in another order than the plan's nodes (delay.c), but each after all that its
 * nodes need by any edge, through nodes without a step too. */
static tw_status *verify_steps(const tw_variant *v)
{
    const tw_plan *plan = v->plan;
    uint32_t *step_of = tw_alloc_zero(plan->nodes.count + 1, sizeof *step_of);
    uint32_t *done = tw_alloc_zero(plan->nodes.count + 1, sizeof *done); /* after so many steps */
    tw_status *status = step_of && done ? TW_OK : tw_no_memory();
    if (!status)
        list_steps(v, step_of);
    for (uint32_t i = 0; i < plan->order_count && !status; i++) {
        uint32_t index = plan->order[i];
        const tw_plan_node *node = &plan->nodes.items[index];
        for (uint32_t k = 0; k < node->input_count + node->control_count && !status; k++) {
            uint32_t from = k < node->input_count ? plan->values.items[node->inputs[k]].node
                                                  : node->controls[k - node->input_count];
            if (step_of[index] && step_of[from] != step_of[index] && done[from] >= step_of[index])
                status = tw_status_new(TW_INTERNAL, "the step of '%s' is before '%s'",
                                       node->origin->spec.name,
                                       plan->nodes.items[from].origin->spec.name);
            done[index] = done[from] > done[index] ? done[from] : done[index];
        }
        done[index] = step_of[index] ? step_of[index] : done[index];
    }
    tw_free(step_of);
    tw_free(done);
    return status;
}

/* ---- memory ---- */

/* What the arena holds while the run is gone through. */
typedef struct tw_ghost_run {
    const tw_variant *v;
    uint8_t *there;  /* by value: its numbers are in its memory */
    uint32_t *roots; /* of those that are there or were */
    uint32_t count;
    uint8_t *packed;     /* by the step that makes it: the packed copy is there */
    uint32_t *packs;     /* those steps, */
    uint32_t pack_count; /* as far as the run has come */
    bool keeps;          /* steps may go out of order: what was written stays */
} tw_ghost_run;

/* A view has no memory of its own. */
static uint32_t root_of(const tw_variant *v, uint32_t value)
{
    return v->values[value].root;
}

/* By the root, since a view has no place of its own. */
static bool in_arena(const tw_variant *v, uint32_t value)
{
    const tw_sized *root = &v->values[root_of(v, value)];
    return root->place == TW_PLACE_ARENA && root->bytes > 0;
}

/* `bytes` at `offset` are written by step s: what else lies there is lost. */
static tw_status *destroy(tw_ghost_run *g, size_t offset, size_t bytes, uint32_t by)
{
    if (offset + bytes > g->v->arena_bytes)
        return tw_status_new(TW_INTERNAL, "%zu bytes at %zu are outside of the arena of %zu", bytes,
                             offset, g->v->arena_bytes);
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t root = g->roots[i];
        const tw_sized *other = &g->v->values[root];
        if (root == by || !g->there[root] ||
            !tw_bytes_meet(offset, bytes, other->offset, other->bytes))
            continue;
        if (g->keeps)
            return tw_status_new(TW_INTERNAL, "'%s' shares memory though steps may go in any order",
                                 value_name(g->v, root));
        g->there[root] = false;
    }
    for (uint32_t i = 0; i < g->pack_count; i++) {
        const tw_step *step = &g->v->steps.items[g->packs[i]];
        if (tw_bytes_meet(offset, bytes, step->pack_offset, step->pack_bytes))
            g->packed[g->packs[i]] = false;
    }
    return TW_OK;
}

/* A root is written by one step only, so it is listed once. */
static tw_status *put(tw_ghost_run *g, uint32_t root)
{
    const tw_sized *sized = &g->v->values[root];
    TW_TRY(destroy(g, sized->offset, sized->bytes, root));
    g->there[root] = true;
    g->roots[g->count++] = root;
    return TW_OK;
}

/* What stands for an attribute in a pass repeats an operand that may. */
static bool may_be_over(const tw_step *step, uint32_t allowed, uint32_t i)
{
    bool may = i < 32 && (allowed >> i & 1);
    for (uint32_t j = 0; i >= 32 && step->group && j < 32; j++)
        may = may || ((allowed >> j & 1) && step->inputs[j] == step->inputs[i]);
    return may;
}

/* A step may write over an input only from the same place on, and where its kernel allows it. */
static tw_status *check_overwriting(const tw_variant *v, uint32_t s, uint32_t k)
{
    const tw_step *step = &v->steps.items[s];
    const tw_sized *out = &v->values[root_of(v, step->outputs[k])];
    uint32_t allowed = tw_step_in_place(step, k);
    for (uint32_t i = 0; i < step->input_count; i++) {
        uint32_t root = root_of(v, step->inputs[i]);
        const tw_sized *in = &v->values[root];
        if (!in_arena(v, root) || !tw_bytes_meet(in->offset, in->bytes, out->offset, out->bytes))
            continue;
        if (!may_be_over(step, allowed, i) || in->offset != out->offset || in->bytes != out->bytes)
            return tw_status_new(TW_INTERNAL, "step %u, '%s', writes over its input '%s'", s,
                                 value_name(v, step->outputs[k]), value_name(v, root));
    }
    return TW_OK;
}

/* A workspace that any step may have come before meets no value. */
static tw_status *check_all_values(const tw_variant *v, uint32_t s)
{
    const tw_step *step = &v->steps.items[s];
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        const tw_sized *sized = &v->values[root_of(v, i)];
        if (in_arena(v, i) &&
            tw_bytes_meet(step->workspace, step->workspace_bytes, sized->offset, sized->bytes))
            return tw_status_new(TW_INTERNAL, "the lasting workspace of step %u meets '%s'", s,
                                 value_name(v, i));
    }
    return TW_OK;
}

/* One that lasts as long as the loop meets nothing at all. */
static tw_status *check_lasting(const tw_variant *v, uint32_t s)
{
    const tw_step *step = &v->steps.items[s];
    TW_TRY(check_all_values(v, s));
    for (uint32_t i = 0; i < v->steps.count; i++) {
        const tw_step *other = &v->steps.items[i];
        if (i != s && other->workspace_bytes &&
            tw_bytes_meet(step->workspace, step->workspace_bytes, other->workspace,
                          other->workspace_bytes))
            return tw_status_new(TW_INTERNAL, "the lasting workspace of step %u meets that of %u",
                                 s, i);
    }
    return TW_OK;
}

/* The workspace must meet neither what the step reads nor what it writes. */
static tw_status *check_workspace(tw_ghost_run *g, uint32_t s)
{
    const tw_step *step = &g->v->steps.items[s];
    if (!step->workspace_bytes)
        return TW_OK;
    if (step->batching)
        TW_TRY(check_lasting(g->v, s));
    else if (g->keeps)
        TW_TRY(check_all_values(g->v, s));
    for (uint32_t i = 0; i < step->input_count + step->output_count; i++) {
        uint32_t value = i < step->input_count ? step->inputs[i]
                                               : step->outputs[i - step->input_count];
        const tw_sized *sized = &g->v->values[root_of(g->v, value)];
        if (in_arena(g->v, value) &&
            tw_bytes_meet(step->workspace, step->workspace_bytes, sized->offset, sized->bytes))
            return tw_status_new(TW_INTERNAL, "the workspace of step %u meets '%s'", s,
                                 value_name(g->v, value));
    }
    return destroy(g, step->workspace, step->workspace_bytes, TW_NO_INDEX);
}

/* The first that reads a copy in the arena has made it. */
static tw_status *put_packed(tw_ghost_run *g, uint32_t s)
{
    const tw_step *step = &g->v->steps.items[s];
    if (!step->packs_here || step->pack_first != s)
        return TW_OK;
    TW_TRY(destroy(g, step->pack_offset, step->pack_bytes, TW_NO_INDEX));
    g->packed[s] = true;
    g->packs[g->pack_count++] = s;
    return TW_OK;
}

/* Neither the step nor any between the two has written over it. */
static tw_status *check_packed(const tw_ghost_run *g, uint32_t s)
{
    const tw_step *step = &g->v->steps.items[s];
    if (!step->packs_here || g->packed[step->pack_first])
        return TW_OK;
    return tw_status_new(TW_INTERNAL,
                         "step %u needs the packed copy of step %u, which is not there", s,
                         step->pack_first);
}

/* Constants, feeds and variables lie elsewhere and are always there. */
static tw_status *check_there(const tw_ghost_run *g, uint32_t value, const char *what, uint32_t s)
{
    uint32_t root = root_of(g->v, value);
    const tw_sized *sized = &g->v->values[root];
    bool nowhere = sized->needed && sized->place == TW_PLACE_NONE && !sized->constant;
    if (!nowhere && (!in_arena(g->v, root) || g->there[root]))
        return TW_OK;
    return tw_status_new(TW_INTERNAL, "%s %u needs '%s', which is not there (any more)", what, s,
                         value_name(g->v, root));
}

/* A Switch gives views of its input, and of those only one is used. A size that is known before the
 * run needs no numbers. */
static tw_status *go_through(tw_ghost_run *g, uint32_t s)
{
    const tw_variant *v = g->v;
    const tw_step *step = &v->steps.items[s];
    TW_TRY(put_packed(g, s));
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    for (uint32_t i = 0; i < step->input_count; i++) {
        bool sized = tw_node_reads_sizes_only(node) && !v->values[step->inputs[i]].dynamic;
        if (!sized || node->guarded)
            TW_TRY(check_there(g, step->inputs[i], "step", s));
    }
    TW_TRY(check_workspace(g, s));
    for (uint32_t k = 0; k < step->output_count; k++) {
        if (!in_arena(v, step->outputs[k]) || root_of(v, step->outputs[k]) != step->outputs[k])
            continue;
        TW_TRY(check_overwriting(v, s, k));
        TW_TRY(put(g, step->outputs[k]));
    }
    return check_packed(g, s);
}

/* What a loop goes on with, keeps, or a run gives. */
static tw_status *check_ends(const tw_ghost_run *g)
{
    const tw_plan *plan = g->v->plan;
    for (uint32_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            TW_TRY(check_there(g, plan->fetches[i].value, "fetch", i));
    }
    for (uint32_t i = 0; plan->loop && i < plan->loop->saved_count; i++) {
        if (g->v->wanted[i])
            TW_TRY(check_there(g, plan->loop->saved[i], "kept value", i));
    }
    return TW_OK;
}

/* Of a loop the body is gone through once: an iteration begins as the one before did. */
static tw_status *verify_memory(const tw_variant *v)
{
    size_t count = v->plan->values.count + 1;
    tw_ghost_run g = {.v = v,
                      .there = tw_alloc_zero(count, 1),
                      .roots = tw_alloc_array(count, sizeof *g.roots),
                      .packed = tw_alloc_zero(v->steps.count + 1, 1),
                      .packs = tw_alloc_array(v->steps.count + 1, sizeof *g.packs),
                      .keeps = v->plan->has_waits};
    tw_status *status = g.there && g.roots && g.packed && g.packs ? TW_OK : tw_no_memory();
    for (size_t i = 0; !status && v->plan->loop && i < v->plan->feed_count; i++) {
        if (in_arena(v, v->plan->feeds[i]))
            status = put(&g, v->plan->feeds[i]);
    }
    for (uint32_t s = 0; !status && s < v->steps.count; s++)
        status = go_through(&g, s);
    if (!status)
        status = check_ends(&g);
    tw_free(g.there);
    tw_free(g.roots);
    tw_free(g.packed);
    tw_free(g.packs);
    return status;
}

/* ---- sizes ---- */

/* The node's rule finds what the variant has, also where it was not asked (size.c). */
static tw_status *verify_sizes(const tw_variant *v, const tw_plan_node *node, tw_arena *scratch)
{
    size_t m = node->output_count;
    tw_shape *found = tw_arena_array(scratch, m + 1, sizeof *found);
    if (!found)
        return tw_no_memory();
    tw_status *status = tw_variant_infer(v, node, scratch, found);
    bool failed = status != NULL;
    tw_status_free(status);
    if (failed && !node->guarded)
        return tw_status_new(TW_INTERNAL, "the sizes of '%s' do not fit", node->origin->spec.name);
    for (size_t k = 0; k < m; k++) {
        const tw_sized *sized = &v->values[node->first_value + k];
        if (!failed && tw_shape_fully_known(found[k]) &&
            (sized->dynamic || !tw_shape_equal(found[k], sized->shape)))
            return tw_status_new(TW_INTERNAL, "'%s' has the shape %s, not %s",
                                 node->origin->spec.name, tw_shape_text(found[k]).s,
                                 tw_shape_text(sized->shape).s);
    }
    return TW_OK;
}

static tw_status *verify_all_sizes(const tw_variant *v)
{
    tw_arena scratch = {0};
    tw_status *status = TW_OK;
    for (uint32_t i = 0; i < v->plan->order_count && !status; i++) {
        const tw_plan_node *node = &v->plan->nodes.items[v->plan->order[i]];
        if (node->kind == TW_NODE_OP && !node->is_variable && !node->forward &&
            !tw_plan_shape_is_foreign(node))
            status = verify_sizes(v, node, &scratch);
        tw_arena_rewind(&scratch);
    }
    tw_arena_clear(&scratch);
    return status;
}

/* For tests; a run never pays for it. */
tw_status *tw_variant_verify(const tw_variant *v)
{
    TW_TRY(tw_plan_verify(v->plan));
    TW_TRY(verify_all_sizes(v));
    TW_TRY(verify_memory(v));
    TW_TRY(verify_steps(v));
    for (size_t i = 0; i < v->plan->nodes.count; i++) {
        if (v->bodies[i])
            TW_TRY(tw_variant_verify(v->bodies[i]));
    }
    return TW_OK;
}
