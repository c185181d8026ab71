/* SPDX-License-Identifier: Apache-2.0
 * Fuse: elementwise nodes become one pass over memory, together with the reduction that ends them.
 * What only the group reads never gets to memory; what is read later as well is stored on the way.
 * Here it is found out which nodes belong together; weave.c makes steps of them. */
#include <string.h>

#include "base/status.h"
#include "ops/elementwise.h"
#include "plan/fuse.h"

enum { MANY_READERS = 64 };

/* A control input would tie the node to a time that the group does not keep. */
static bool is_elementwise(const tw_plan_node *node)
{
    tw_tile_instruction instruction;
    return tw_node_is_pure(node) && node->spec.op->definition.elementwise &&
           node->output_count == 1 && node->real_controls == 0 &&
           tw_elementwise_instruction(&node->spec, node->input_dtypes, &instruction);
}

/* A broadcast that only elementwise nodes read is no work: their operands broadcast anyway. */
static bool is_broadcast(const tw_plan_node *node)
{
    return tw_node_is_type(node, "BroadcastTo") && tw_node_is_pure(node) &&
           node->real_controls == 0;
}

static const struct {
    const char *type;
    tw_tile_reduce kind;
} reductions[] = {{"Sum", TW_TILE_SUM},
                  {"Mean", TW_TILE_MEAN},
                  {"Prod", TW_TILE_PROD},
                  {"Max", TW_TILE_MAX},
                  {"Min", TW_TILE_MIN}};

/* Of floats. */
static tw_tile_reduce reduction_of(const tw_plan_node *node)
{
    if (node->kind != TW_NODE_OP || node->input_count != 2 || node->real_controls ||
        (node->input_dtypes[0] != TW_FLOAT32 && node->input_dtypes[0] != TW_FLOAT64))
        return TW_TILE_NO_REDUCTION;
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++) {
        if (tw_name_is(node->spec.op->name, reductions[i].type))
            return reductions[i].kind;
    }
    return TW_TILE_NO_REDUCTION;
}

/* Asked often, by each reader and for each set of sizes. */
static void look_at(tw_plan_node *node)
{
    node->elementwise = is_elementwise(node);
    node->broadcast = is_broadcast(node);
    node->reduction = (uint8_t)reduction_of(node);
}

/* May `node` run as late as `root`? Nobody may wait for it who runs before the root. */
bool tw_fuse_can_wait(const tw_fuser *f, uint32_t node, uint32_t root)
{
    const tw_plan_node *n = &f->plan->nodes.items[node];
    if (n->target || n->waited_for || f->sized[node] <= f->place[root])
        return false;
    for (uint32_t k = f->after.offsets[node]; k < f->after.offsets[node + 1]; k++) {
        if (f->place[f->after.nodes[k]] <= f->place[root])
            return false;
    }
    return true;
}

/* Reads of a value up to the root's turn: all of the group's must be among them. */
static uint32_t early_reads(const tw_fuser *f, uint32_t value, uint32_t root)
{
    uint32_t count = 0, from = f->starts[value], to = f->starts[value + 1];
    if (to - from > MANY_READERS)
        return UINT32_MAX;
    for (uint32_t i = from; i < to; i++)
        count += f->reads[i] <= f->place[root];
    return count;
}

/* May what makes the value join a group that reads it now for the `used`-th time? Either nobody
 * else reads it, or all others do after the group's turn: then it is stored on the way. */
bool tw_fuse_may_join(const tw_fuser *f, uint32_t value, uint32_t root, bool *stored)
{
    const tw_plan_value *v = &f->plan->values.items[value];
    *stored = f->used[value] != v->uses;
    if (!*stored)
        return true;
    return f->stored_count < TW_GROUP_STORED && f->used[value] == early_reads(f, value, root);
}

/* An unknown size is given the benefit of the doubt here; each variant looks again with all
 * sizes. */
static bool known_to_differ(const tw_plan *plan, uint32_t a, uint32_t b)
{
    tw_shape x = plan->values.items[a].shape, y = plan->values.items[b].shape;
    return tw_shape_fully_known(x) && tw_shape_fully_known(y) && !tw_shape_equal(x, y);
}

/* Takes in what the group reads, as far back as it goes. `shaped`: the value whose size the
 * group has. */
static void grow(tw_fuser *f, uint32_t root, uint32_t shaped)
{
    const tw_plan *plan = f->plan;
    for (uint32_t m = 0; m < f->member_count; m++) {
        const tw_plan_node *node = &plan->nodes.items[f->members[m]];
        bool first_only = (f->members[m] == root && shaped != node->first_value) ||
                          tw_fuse_is_broadcast(node);
        uint32_t inputs = first_only ? 1 : node->input_count;
        for (uint32_t i = 0; i < inputs; i++) {
            uint32_t value = node->inputs[i];
            const tw_plan_value *v = &plan->values.items[value];
            const tw_plan_node *from = &plan->nodes.items[v->node];
            bool stored;
            f->used[value]++;
            if (!tw_fuse_may_join(f, value, root, &stored) || f->member_count == TW_GROUP_MEMBERS ||
                from->group != TW_NO_INDEX || from->gone ||
                !(tw_fuse_is_elementwise(from) || (tw_fuse_is_broadcast(from) && !stored)) ||
                !tw_fuse_can_wait(f, v->node, root) || known_to_differ(plan, value, shaped) ||
                tw_fuse_is_broadcast(node))
                continue;
            f->stored_count += stored;
            f->members[f->member_count++] = v->node;
        }
    }
    for (uint32_t m = 0; m < f->member_count; m++) {
        const tw_plan_node *node = &plan->nodes.items[f->members[m]];
        for (uint32_t i = 0; i < node->input_count; i++)
            f->used[node->inputs[i]] = 0;
    }
}

/* Members in topological order. */
static void sort_members(tw_fuser *f)
{
    for (uint32_t i = 1; i < f->member_count; i++) {
        uint32_t member = f->members[i], at = i;
        while (at && f->place[f->members[at - 1]] > f->place[member]) {
            f->members[at] = f->members[at - 1];
            at--;
        }
        f->members[at] = member;
    }
}

/* The group's nodes point at it, so that the schedule keeps them together and a second root
 * cannot take them. */
static tw_status *make_group(tw_fuser *f, bool reduces)
{
    tw_plan *plan = f->plan;
    sort_members(f);
    tw_plan_group group = {.count = f->member_count, .reduces = reduces};
    group.nodes = tw_arena_copy(&plan->arena, f->members, f->member_count * sizeof *f->members);
    if (!group.nodes || !tw_vec_push(&plan->groups, group))
        return tw_no_memory();
    for (uint32_t m = 0; m < f->member_count; m++)
        plan->nodes.items[f->members[m]].group = (uint32_t)plan->groups.count - 1;
    plan->counts.fused += f->member_count - 1;
    return TW_OK;
}

/* Roots are tried from the end of the order, so that a chain is taken from its last node on and
 * no part of it forms a group of its own. */
static tw_status *fuse_at(tw_fuser *f, uint32_t root)
{
    tw_plan *plan = f->plan;
    const tw_plan_node *node = &plan->nodes.items[root];
    bool reduces = tw_fuse_reduction(node) != TW_TILE_NO_REDUCTION;
    if (node->gone || node->group != TW_NO_INDEX || (!reduces && !tw_fuse_is_elementwise(node)))
        return TW_OK;
    f->member_count = f->stored_count = 0;
    f->members[f->member_count++] = root;
    grow(f, root, reduces ? node->inputs[0] : node->first_value);
    return f->member_count > 1 ? make_group(f, reduces) : TW_OK;
}

/* Counted first and then written, so that each value's reads stand together. */
static tw_status *find_reads(tw_fuser *f)
{
    const tw_plan *plan = f->plan;
    size_t values = plan->values.count;
    f->starts = tw_alloc_zero(values + 2, sizeof *f->starts);
    if (!f->starts)
        return tw_no_memory();
    for (int fill = 0; fill < 2; fill++) {
        for (uint32_t i = 0; i < f->count; i++) {
            const tw_plan_node *node = &plan->nodes.items[f->order[i]];
            for (uint32_t k = 0; !tw_node_reads_sizes_only(node) && k < node->input_count; k++) {
                if (fill)
                    f->reads[f->starts[node->inputs[k] + 1]++] = i;
                else
                    f->starts[node->inputs[k] + 2]++;
            }
        }
        for (size_t v = 0; !fill && v < values; v++)
            f->starts[v + 2] += f->starts[v + 1];
        if (!fill)
            f->reads = tw_alloc_array((size_t)f->starts[values + 1] + 1, sizeof *f->reads);
        if (!f->reads)
            return tw_no_memory();
    }
    return TW_OK;
}

/* Who asks only for a size is no reader, but stands behind the node all the same. */
static void find_sized(tw_fuser *f)
{
    const tw_plan *plan = f->plan;
    for (size_t i = 0; i < plan->nodes.count; i++)
        f->sized[i] = UINT32_MAX;
    for (uint32_t i = f->count; i-- > 0;) {
        const tw_plan_node *node = &plan->nodes.items[f->order[i]];
        for (uint32_t k = 0; tw_node_reads_sizes_only(node) && k < node->input_count; k++)
            f->sized[plan->values.items[node->inputs[k]].node] = i;
    }
}

/* Runs after the accesses to variables were ordered, since those edges decide what may wait for
 * the group's turn. */
tw_status *tw_plan_fuse(tw_plan *plan)
{
    tw_fuser f = {.plan = plan};
    TW_TRY(tw_plan_topological(plan, &f.order, &f.count));
    f.place = tw_alloc_zero(plan->nodes.count + 1, sizeof *f.place);
    f.used = tw_alloc_zero(plan->values.count + 1, sizeof *f.used);
    f.sized = tw_alloc_array(plan->nodes.count + 1, sizeof *f.sized);
    tw_status *status = f.place && f.used && f.sized ? tw_plan_control_dependents(plan, &f.after)
                                                     : tw_no_memory();
    for (uint32_t i = 0; !status && i < f.count; i++) {
        f.place[f.order[i]] = i;
        look_at(&plan->nodes.items[f.order[i]]);
    }
    if (!status) {
        find_sized(&f);
        status = find_reads(&f);
    }
    for (uint32_t i = f.count; !status && i-- > 0;)
        status = fuse_at(&f, f.order[i]);
    if (!status)
        status = tw_fuse_rows(&f);
    tw_plan_dependents_clear(&f.after);
    tw_free(f.place);
    tw_free(f.used);
    tw_free(f.sized);
    tw_free(f.starts);
    tw_free(f.reads);
    return status;
}
