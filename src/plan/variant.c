/* SPDX-License-Identifier: Apache-2.0
 * Making and freeing variants. */
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
    TW_TRY(tw_variant_delay(v));
    tw_variant_packs_here(v);
    tw_variant_into(v);
    TW_TRY(tw_variant_place(v));
    TW_TRY(tw_variant_direct(v));
    v->cost = tw_variant_cost(v);
    if (!v->plan->loop)
        return TW_OK;
    tw_variant_count_loop(v);
    return tw_variant_plan_moves(v);
}

bool tw_value_is_viewed(const tw_variant *v, uint32_t value)
{
    for (uint32_t k = 0; k < v->plan->values.count; k++) {
        if (k != value && v->values[k].root == value)
            return true;
    }
    return false;
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
    tw_free(atomic_load(&v->slots));
    tw_vec_clear(&v->steps);
    tw_vec_clear(&v->moves);
    tw_mutex_free(&v->lock);
    tw_plan_unref(v->plan);
    tw_arena_clear(&v->arena);
    tw_free(v);
}
