/* SPDX-License-Identifier: Apache-2.0
 * Sizes of loops. A variable has the shape of its first value unless the body gives it another one;
 * what differs is unknown then, and the body is sized again, until nothing changes. */
#include <string.h>

#include "base/status.h"
#include "plan/variant.h"

/* ---- which variant ---- */

/* The loop is around the reader or beside one that is, since a gradient stands where its loop
 * stands. */
tw_variant *tw_variant_of_loop(tw_variant *v, const tw_plan_loop *loop)
{
    tw_variant *around = v;
    while (around && around->plan != loop->owner)
        around = around->outer;
    if (!around)
        around = tw_variant_of_loop(v, loop->owner->loop);
    return around->bodies[loop->node];
}

/* What stays is read where it lies outside; what changes has a place in the body's own arena. */
tw_place tw_variant_feed_place(const tw_variant *v, size_t feed)
{
    const tw_plan *plan = v->plan;
    uint32_t value = plan->feeds[feed];
    if (!plan->loop || feed >= plan->loop->carried)
        return TW_PLACE_FEED;
    bool plain = tw_dtype_is_plain(plan->values.items[value].dtype);
    return plain && !v->values[value].dynamic ? TW_PLACE_ARENA : TW_PLACE_HEAP;
}

/* ---- the shapes of variables ---- */

/* Dims that differ are unknown; says whether that was news. dims: room for TW_MAX_RANK. */
static bool widen(tw_shape *shape, tw_shape next, int64_t *dims)
{
    if (!shape->dims || tw_shape_equal(*shape, next))
        return false;
    if (!next.dims || next.rank != shape->rank) {
        *shape = TW_UNKNOWN_SHAPE;
        return true;
    }
    bool news = false;
    for (size_t d = 0; d < shape->rank; d++) {
        bool same = shape->dims[d] < 0 || shape->dims[d] == next.dims[d];
        dims[d] = same ? shape->dims[d] : -1;
        news = news || !same;
    }
    if (news)
        shape->dims = dims;
    return news;
}

typedef struct tw_loop_sizes {
    tw_feed_size *feeds;
    int64_t *dims; /* by variable, TW_MAX_RANK each */
} tw_loop_sizes;

/* Only what changes from iteration to iteration can change its shape. */
static bool widen_all(const tw_plan_loop *loop, const tw_variant *body, tw_loop_sizes *sizes)
{
    bool news = false;
    for (uint32_t i = 0; i < loop->carried; i++) {
        tw_shape next = body->values[body->plan->fetches[i + 1].value].shape;
        news = widen(&sizes->feeds[i].shape, next, sizes->dims + (size_t)i * TW_MAX_RANK) || news;
    }
    return news;
}

/* Ends, since each round makes at least one dimension unknown for good. */
static tw_status *size_body(tw_variant *v, const tw_plan_node *node, tw_loop_sizes *sizes,
                            tw_variant **out)
{
    const tw_plan_loop *loop = node->loop;
    for (uint32_t i = 0; i < loop->body->feed_count; i++) {
        const tw_sized *outside = &v->values[node->inputs[i]];
        sizes->feeds[i].shape = outside->shape;
        sizes->feeds[i].value = i < loop->carried ? NULL : outside->constant;
    }
    for (;;) {
        TW_TRY(tw_variant_build_inside(v, loop->body, sizes->feeds, out));
        if (!widen_all(loop, *out, sizes))
            return TW_OK;
        tw_variant_unref(*out);
        *out = NULL;
    }
}

/* What an Exit gives has the widest shape that its variable ever had. */
tw_status *tw_variant_size_loop(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    const tw_plan_loop *loop = node->loop;
    tw_loop_sizes sizes = {
        .feeds = tw_alloc_zero(loop->var_count + 1u, sizeof *sizes.feeds),
        .dims = tw_alloc_array((loop->carried + 1u) * (size_t)TW_MAX_RANK, sizeof *sizes.dims)};
    tw_variant *body = NULL;
    tw_status *status = sizes.feeds && sizes.dims ? size_body(v, node, &sizes, &body)
                                                  : tw_no_memory();
    for (uint32_t k = 0; !status && k < node->output_count; k++) {
        uint32_t var = loop->exits[k];
        if (var == TW_NO_INDEX) /* nobody reads it here */
            continue;
        tw_shape shape = var < loop->body->feed_count ? sizes.feeds[var].shape
                                                      : v->values[node->inputs[var]].shape;
        status = tw_variant_set_shape(v, node->first_value + k, shape);
    }
    tw_free(sizes.feeds);
    tw_free(sizes.dims);
    if (status) {
        tw_variant_unref(body);
        return status;
    }
    v->bodies[index] = body;
    return TW_OK;
}

/* As it was when the loop kept it. */
tw_status *tw_variant_size_value(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    const tw_variant *kept = tw_variant_of_loop(v, node->forward);
    const tw_sized *sized = &kept->values[node->forward->saved[node->slot]];
    return tw_variant_set_shape(v, node->first_value, sized->shape);
}
