/* SPDX-License-Identifier: Apache-2.0
 * Groups of rows: what reduces the rows of a matrix and what goes on with the same rows (norms,
 * softmax as users write it) become one pass. They are made of whole units, which are the groups of
 * fuse.c and single nodes, so that each variant may still take these where the rows are too long.
 * Here shapes may be known in part only; a variant looks again. */
#include <string.h>

#include "base/status.h"
#include "plan/fuse.h"

/* The group that grows: units from the last one, `root`, back to what it reads. */
typedef struct row_grower {
    tw_fuser *f;
    uint32_t root;
    tw_shape full;    /* of what is reduced, and of what goes on with it */
    size_t split;     /* dims that count the rows; 0: not known yet */
    uint32_t reduced; /* units that reduce and whose result the group reads */
    uint32_t roots[TW_GROUP_MEMBERS];
    uint32_t unit_count;
} row_grower;

/* The last node of the group that the node is in. */
static uint32_t unit_root(const tw_plan *plan, uint32_t index)
{
    uint32_t group = plan->nodes.items[index].group;
    const tw_plan_group *g = group == TW_NO_INDEX ? NULL : &plan->groups.items[group];
    return g ? g->nodes[g->count - 1] : index;
}

/* One node for a unit that is no group. */
static tw_plan_group unit_of(tw_plan *plan, uint32_t *root)
{
    uint32_t group = plan->nodes.items[*root].group;
    return group == TW_NO_INDEX ? (tw_plan_group){.nodes = root, .count = 1}
                                : plan->groups.items[group];
}

/* Inputs that are numbers: not axes, and not the size of a broadcast. */
static uint32_t number_inputs(const tw_plan_node *node)
{
    bool first_only = tw_fuse_is_broadcast(node) || tw_fuse_reduction(node);
    return first_only ? 1 : node->input_count;
}

/* Adds (by = 1) or takes back (by = -1) what the unit reads. */
static void count_reads(row_grower *g, uint32_t root, int by)
{
    const tw_plan *plan = g->f->plan;
    tw_plan_group unit = unit_of(g->f->plan, &root);
    for (uint32_t m = 0; m < unit.count; m++) {
        const tw_plan_node *node = &plan->nodes.items[unit.nodes[m]];
        for (uint32_t i = 0; i < number_inputs(node); i++)
            g->f->used[node->inputs[i]] += (uint32_t)by;
    }
}

/* Could the two sizes be one? -1 is any. */
static bool may_be(int64_t a, int64_t b)
{
    return a == b || a < 0 || b < 0;
}

/* The whole shape, as far as is known. */
static bool may_be_full(const row_grower *g, tw_shape shape)
{
    bool same = shape.dims && shape.rank == g->full.rank;
    for (size_t d = 0; same && d < shape.rank; d++)
        same = may_be(shape.dims[d], g->full.dims[d]);
    return same;
}

/* One for each row: the dims of a row are 1. */
static bool may_be_column(const row_grower *g, tw_shape shape)
{
    if (!shape.dims || shape.rank != g->full.rank || shape.dims[shape.rank - 1] != 1)
        return false;
    bool column = true;
    for (size_t d = 0; column && d < shape.rank; d++) {
        bool one = shape.dims[d] == 1, same = may_be(shape.dims[d], g->full.dims[d]);
        column = g->split == 0 ? one || same : d < g->split ? same : one;
    }
    return column;
}

/* The rows of a reduction over the last axes; 0: something else. */
static size_t find_split(const tw_plan *plan, const tw_plan_node *node)
{
    const tw_plan_node *axes = tw_plan_producer(plan, node->inputs[1]);
    tw_shape shape = plan->values.items[node->inputs[0]].shape;
    tw_tile_reduction reduction;
    if (axes->kind != TW_NODE_CONSTANT || !shape.dims || shape.rank == 0 ||
        !tw_fuse_split_axes(axes->constant, shape.rank, &reduction) || reduction.outer)
        return 0;
    return reduction.split;
}

/* Does the unit belong to these rows? A reduction settles what a row is. */
static bool fits(row_grower *g, uint32_t root, size_t *split)
{
    const tw_plan *plan = g->f->plan;
    const tw_plan_node *node = &plan->nodes.items[root];
    *split = g->split;
    if (!tw_fuse_reduction(node)) {
        tw_shape shape = plan->values.items[node->first_value].shape;
        return (node->group != TW_NO_INDEX || tw_fuse_is_elementwise(node)) &&
               (may_be_full(g, shape) || may_be_column(g, shape));
    }
    size_t own = find_split(plan, node);
    *split = own;
    return own && (!g->split || g->split == own) &&
           may_be_full(g, plan->values.items[node->inputs[0]].shape);
}

/* All that the unit makes must be read by the group, or after the group's turn. */
static bool may_join(row_grower *g, uint32_t root)
{
    tw_fuser *f = g->f;
    const tw_plan *plan = f->plan;
    tw_plan_group unit = unit_of(f->plan, &root);
    uint32_t stored_before = f->stored_count;
    bool good = f->member_count + unit.count <= TW_GROUP_MEMBERS;
    for (uint32_t m = 0; good && m < unit.count; m++) {
        const tw_plan_node *node = &plan->nodes.items[unit.nodes[m]];
        bool stored;
        good = node->row_group == TW_NO_INDEX && !node->gone &&
               node->guarded == plan->nodes.items[g->root].guarded &&
               tw_fuse_can_wait(f, unit.nodes[m], g->root) &&
               tw_fuse_may_join(f, node->first_value, g->root, &stored) &&
               !(stored && tw_fuse_is_broadcast(node));
        f->stored_count += good && stored;
    }
    if (!good)
        f->stored_count = stored_before;
    return good;
}

/* The unit that stands last among those that the group reads and that were not looked at yet (they
 * stand before `below`): by then all its readers that may be in the group are. */
static uint32_t next_unit(const row_grower *g, uint32_t below)
{
    const tw_plan *plan = g->f->plan;
    uint32_t best = TW_NO_INDEX;
    for (uint32_t u = 0; u < g->unit_count; u++) {
        uint32_t root = g->roots[u];
        tw_plan_group unit = unit_of(g->f->plan, &root);
        for (uint32_t m = 0; m < unit.count; m++) {
            const tw_plan_node *node = &plan->nodes.items[unit.nodes[m]];
            for (uint32_t i = 0; i < number_inputs(node); i++) {
                uint32_t from = unit_root(plan, plan->values.items[node->inputs[i]].node);
                uint32_t place = g->f->place[from];
                if (from != root && place < below &&
                    (best == TW_NO_INDEX || place > g->f->place[best]))
                    best = from;
            }
        }
    }
    return best;
}

/* Takes in what the group reads, the nearest first. */
static void grow(row_grower *g)
{
    tw_fuser *f = g->f;
    uint32_t below = f->place[g->root];
    for (uint32_t from; (from = next_unit(g, below)) != TW_NO_INDEX; below = f->place[from]) {
        size_t split;
        if (g->unit_count == TW_GROUP_MEMBERS || !fits(g, from, &split))
            continue;
        count_reads(g, from, 1);
        if (!may_join(g, from)) {
            count_reads(g, from, -1);
            continue;
        }
        g->split = split;
        g->reduced += tw_fuse_reduction(&f->plan->nodes.items[from]) != TW_TILE_NO_REDUCTION;
        f->member_count += unit_of(f->plan, &from).count;
        g->roots[g->unit_count++] = from;
    }
}

/* Units were found from the last one back; their nodes stay together. */
static tw_status *make_group(row_grower *g)
{
    tw_plan *plan = g->f->plan;
    tw_plan_group group = {
        .nodes = tw_arena_array(&plan->arena, g->f->member_count, sizeof *group.nodes)};
    if (!group.nodes)
        return tw_no_memory();
    for (uint32_t u = g->unit_count; u-- > 0;) {
        tw_plan_group unit = unit_of(plan, &g->roots[u]);
        for (uint32_t m = 0; m < unit.count; m++) {
            plan->nodes.items[unit.nodes[m]].row_group = (uint32_t)plan->row_groups.count;
            group.nodes[group.count++] = unit.nodes[m];
        }
    }
    plan->counts.fused += g->unit_count - 1;
    return tw_vec_push(&plan->row_groups, group) ? TW_OK : tw_no_memory();
}

/* Worth it where rows are reduced and what goes on with them is in the group too. */
static tw_status *fuse_at(tw_fuser *f, uint32_t root)
{
    const tw_plan *plan = f->plan;
    const tw_plan_node *node = &plan->nodes.items[root];
    row_grower g = {.f = f, .root = root, .roots = {root}, .unit_count = 1};
    bool reduces = tw_fuse_reduction(node) != TW_TILE_NO_REDUCTION;
    if (node->gone || node->row_group != TW_NO_INDEX || unit_root(plan, root) != root ||
        (!reduces && node->group == TW_NO_INDEX && !tw_fuse_is_elementwise(node)))
        return TW_OK;
    g.full = plan->values.items[reduces ? node->inputs[0] : node->first_value].shape;
    g.split = reduces ? find_split(plan, node) : 0;
    if (!g.full.dims || g.full.rank < 2 || (reduces && !g.split))
        return TW_OK;
    f->member_count = f->stored_count = 0;
    count_reads(&g, root, 1);
    tw_plan_group unit = unit_of(f->plan, &root);
    bool good = true;
    for (uint32_t m = 0; m + 1 < unit.count; m++) {
        bool stored;
        good = good &&
               tw_fuse_may_join(f, plan->nodes.items[unit.nodes[m]].first_value, root, &stored);
        f->stored_count += good && stored;
    }
    f->member_count = unit.count;
    if (good)
        grow(&g);
    for (uint32_t u = 0; u < g.unit_count; u++)
        count_reads(&g, g.roots[u], -1);
    return g.reduced ? make_group(&g) : TW_OK;
}

/* Which nodes read a reduction of rows, perhaps through others: only they are worth a look. */
static bool *find_after(const tw_fuser *f)
{
    const tw_plan *plan = f->plan;
    bool *after = tw_alloc_zero(plan->nodes.count + 1, sizeof *after);
    for (uint32_t i = 0; after && i < f->count; i++) {
        const tw_plan_node *node = &plan->nodes.items[f->order[i]];
        bool reduces = tw_fuse_reduction(node) != TW_TILE_NO_REDUCTION;
        if (!reduces && !tw_fuse_is_elementwise(node) && !tw_fuse_is_broadcast(node))
            continue;
        for (uint32_t k = 0; k < number_inputs(node); k++) {
            uint32_t from = plan->values.items[node->inputs[k]].node;
            const tw_plan_node *n = &plan->nodes.items[from];
            after[f->order[i]] |= after[from] || (tw_fuse_reduction(n) && find_split(plan, n));
        }
    }
    return after;
}

/* From the end of the order, as groups are. */
tw_status *tw_fuse_rows(tw_fuser *f)
{
    bool *after = find_after(f);
    tw_status *status = after ? TW_OK : tw_no_memory();
    for (uint32_t i = f->count; !status && i-- > 0;) {
        if (after[f->order[i]])
            status = fuse_at(f, f->order[i]);
    }
    tw_free(after);
    return status;
}
