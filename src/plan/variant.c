/* SPDX-License-Identifier: Apache-2.0
 * Making and freeing variants, and the verifier that tests run over every one of them. */
#include "plan/variant.h"

#include "base/status.h"

/* Sizes, then steps, then places: each needs all of the one before. */
static tw_status *build(tw_variant *v, const tw_feed_size *feeds)
{
    size_t values = v->plan->values.count, nodes = v->plan->nodes.count;
    v->values = tw_arena_array(&v->arena, values + 1, sizeof *v->values);
    v->bodies = tw_arena_array(&v->arena, nodes + 1, sizeof *v->bodies);
    size_t slots = v->plan->loop ? v->plan->loop->saved_count : 0;
    v->wanted = tw_arena_array(&v->arena, slots + 1, sizeof *v->wanted);
    if (!v->values || !v->bodies || !v->wanted)
        return tw_no_memory();
    for (size_t i = 0; i < values; i++)
        v->values[i].dynamic = true;
    TW_TRY(tw_variant_size(v, feeds));
    TW_TRY(tw_variant_steps(v));
    TW_TRY(tw_variant_place(v));
    return v->plan->loop ? tw_variant_plan_moves(v) : TW_OK;
}

/* On an error nothing is left of it. */
tw_status *tw_variant_build(tw_plan *plan, const tw_feed_size *feeds, tw_variant **out)
{
    return tw_variant_build_inside(NULL, plan, feeds, out);
}

tw_status *tw_variant_build_inside(tw_variant *outer, tw_plan *plan, const tw_feed_size *feeds,
                                   tw_variant **out)
{
    tw_variant *v = TW_NEW(tw_variant);
    if (!v)
        return tw_no_memory();
    atomic_init(&v->refs, 1);
    tw_mutex_init(&v->lock);
    v->plan = tw_plan_ref(plan);
    v->outer = outer;
    tw_status *status = build(v, feeds);
    if (status) {
        tw_variant_unref(v);
        return status;
    }
    *out = v;
    return TW_OK;
}

/* Held by the cache, by callables and by each run that uses it. */
tw_variant *tw_variant_ref(tw_variant *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

/* Idle frames go first: they point into what is freed next. */
void tw_variant_unref(tw_variant *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (v->free_frames)
        v->free_frames(v);
    for (size_t i = 0; v->values && i < v->plan->values.count; i++)
        tw_array_unref(v->values[i].constant);
    for (size_t i = 0; v->bodies && i < v->plan->nodes.count; i++)
        tw_variant_unref(v->bodies[i]);
    tw_vec_clear(&v->steps);
    tw_vec_clear(&v->moves);
    tw_mutex_free(&v->lock);
    tw_plan_unref(v->plan);
    tw_arena_clear(&v->arena);
    tw_free(v);
}

/* ---- the verifier ---- */

/* By the operation that made it: values have no names of their own. */
static const char *value_name(const tw_variant *v, uint32_t value)
{
    return tw_plan_producer(v->plan, value)->origin->spec.name;
}

/* By the root, since a view has no place of its own. */
static bool in_arena(const tw_variant *v, uint32_t value)
{
    return v->values[v->values[value].root].place == TW_PLACE_ARENA;
}

/* Every arena value that a step reads was written by a step before it. */
static tw_status *verify_order(const tw_variant *v, uint32_t *made_at)
{
    for (uint32_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        for (uint32_t i = 0; i < step->input_count; i++) {
            uint32_t root = v->values[step->inputs[i]].root;
            bool carried = tw_plan_producer(v->plan, root)->kind == TW_NODE_FEED;
            if (in_arena(v, root) && !carried && (!made_at[root] || made_at[root] > s))
                return tw_status_new(TW_INTERNAL, "step %u reads '%s' before it is made", s,
                                     value_name(v, root));
        }
        for (uint32_t k = 0; k < step->output_count; k++) {
            if (v->values[step->outputs[k]].root == step->outputs[k])
                made_at[step->outputs[k]] = s + 1;
        }
    }
    return TW_OK;
}

/* Two roots that live at the same time share no byte, but where one takes over the memory of the
 * other at its death. */
static tw_status *verify_memory(const tw_variant *v)
{
    size_t n = v->plan->values.count;
    for (uint32_t a = 0; a < n; a++) {
        const tw_sized *x = &v->values[a];
        if (x->place != TW_PLACE_ARENA || x->root != a || !x->bytes ||
            x->offset + x->bytes > v->arena_bytes + 63)
            continue;
        for (uint32_t b = a + 1; b < n; b++) {
            const tw_sized *y = &v->values[b];
            bool takes_over = x->dies == y->born || y->dies == x->born;
            if (y->place != TW_PLACE_ARENA || y->root != b || !y->bytes || x->born > y->dies ||
                y->born > x->dies)
                continue;
            bool meets = x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes;
            if (meets && !(takes_over && x->offset == y->offset && x->bytes == y->bytes))
                return tw_status_new(TW_INTERNAL, "'%s' and '%s' live in the same memory",
                                     value_name(v, a), value_name(v, b));
        }
    }
    return TW_OK;
}

/* For tests; a run never pays for it. */
tw_status *tw_variant_verify(const tw_variant *v)
{
    TW_TRY(tw_plan_verify(v->plan));
    uint32_t *made_at = tw_alloc_zero(v->plan->values.count + 1, sizeof *made_at);
    if (!made_at)
        return tw_no_memory();
    tw_status *status = verify_order(v, made_at);
    tw_free(made_at);
    if (!status)
        status = verify_memory(v);
    for (size_t i = 0; i < v->plan->nodes.count && !status; i++) {
        if (v->bodies[i])
            status = tw_variant_verify(v->bodies[i]);
    }
    return status;
}

/* Of a plan: each live node stands once in the order, after all that it needs. */
tw_status *tw_plan_verify(const tw_plan *plan)
{
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
