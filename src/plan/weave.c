/* SPDX-License-Identifier: Apache-2.0
 * Groups at one set of sizes: those members that have the size of the result run as one tile
 * program, smaller ones (they are broadcast later) as steps before it. Where the reduction at the
 * end cannot be part of the pass, what comes before it still is one. */
#include <string.h>

#include "base/status.h"
#include "kernels/rows.h"
#include "ops/elementwise.h"
#include "plan/fuse.h"

/* Every member brings two operands and an attribute of its own at most. */
enum { MOST_OPERANDS = 3 * TW_GROUP_MEMBERS + 2 };

/* A tile program while it is woven: what is bound of it needs nothing of this. */
typedef struct tw_weaver {
    tw_variant *v;
    uint32_t index;             /* of the group */
    const tw_plan_group *group; /* perhaps without the reduction at its end */
    tw_shape shape;             /* of the pass */
    bool by_rows;               /* a group of rows, which its first `split` dims count */
    size_t split;
    tw_tile_program program;
    /* what is read by others as well: the program's numbers and the values */
    uint16_t stored[TW_GROUP_STORED];
    uint32_t stored_values[TW_GROUP_STORED];
    uint16_t stored_count, outputs[TW_GROUP_STORED + 1];
    tw_tile_instruction instructions[TW_GROUP_MEMBERS];
    tw_tile_operand operands[MOST_OPERANDS];
    tw_shape shapes[MOST_OPERANDS];         /* by operand */
    uint32_t operand_values[MOST_OPERANDS]; /* the same */
} tw_weaver;

/* What the step does when it runs: the context's inputs are the operands. */
static tw_status *run_tile(tw_compute *c)
{
    const void *in[2 * TW_GROUP_MEMBERS + 8];
    void *out[TW_GROUP_STORED + 2];
    for (uint32_t i = 0; i < c->input_count; i++)
        in[i] = c->inputs[i]->data;
    for (uint32_t k = 0; k < c->output_count; k++)
        out[k] = c->outputs[k]->data;
    return tw_tile_run(c->state, in, out, c->workspace, c->threads);
}

/* The same for a group of rows; there is nothing in it that fails. */
static tw_status *run_rows(tw_compute *c)
{
    const void *in[2 * TW_GROUP_MEMBERS + 8];
    void *out[TW_GROUP_STORED + 2];
    for (uint32_t i = 0; i < c->input_count; i++)
        in[i] = c->inputs[i]->data;
    for (uint32_t k = 0; k < c->output_count; k++)
        out[k] = c->outputs[k]->data;
    tw_rows_run(c->state, in, out, c->threads);
    return TW_OK;
}

/* Its value goes into the program itself: nothing to load, nothing to broadcast. */
static bool is_scalar_constant(const tw_variant *v, uint32_t value)
{
    const tw_array *array = v->values[value].constant;
    return array && array->count == 1 && array->rank == 0 && tw_dtype_is_plain(array->dtype);
}

/* The program's number of an outer value: an operand that is there, or a new one. */
static uint16_t operand_of(tw_weaver *w, uint32_t value)
{
    uint16_t n = w->program.operand_count;
    for (uint16_t i = 0; i < n; i++) {
        if (w->operand_values[i] == value)
            return i;
    }
    tw_tile_operand *operand = &w->operands[n];
    *operand = (tw_tile_operand){.dtype = w->v->plan->values.items[value].dtype};
    w->shapes[n] = w->v->values[value].shape;
    w->operand_values[n] = value;
    if (is_scalar_constant(w->v, value)) {
        operand->constant = true;
        memcpy(operand->value, w->v->values[value].constant->data, tw_dtype_size(operand->dtype));
    }
    w->program.operand_count++;
    return n;
}

/* One number for each row, with the rank of the whole: so it is repeated along its row where it
 * meets a value of the whole shape. */
static bool is_column(const tw_weaver *w, tw_shape shape)
{
    bool column = shape.rank == w->shape.rank;
    for (size_t d = 0; column && d < shape.rank; d++)
        column = shape.dims[d] == (d < w->split ? w->shape.dims[d] : 1);
    return column;
}

/* The reduction at the end and broadcasts are no instructions; smaller members are broadcast
 * operands. */
static bool takes_part(const tw_weaver *w, uint32_t m)
{
    const tw_plan_node *node = &w->v->plan->nodes.items[w->group->nodes[m]];
    if ((w->group->reduces && m + 1 == w->group->count) || tw_fuse_is_broadcast(node))
        return false;
    tw_shape shape = w->v->values[node->first_value].shape;
    return !w->v->values[node->first_value].constant &&
           (tw_shape_equal(shape, w->shape) ||
            (w->by_rows && (tw_fuse_reduction(node) || is_column(w, shape))));
}

/* Members that do not take part at these sizes are read from memory like any other operand. */
static bool is_member(const tw_weaver *w, uint32_t value, uint32_t *which)
{
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &w->v->plan->nodes.items[w->group->nodes[m]];
        if (node->first_value == value && takes_part(w, m)) {
            *which = m;
            return true;
        }
    }
    return false;
}

/* What a member reads, without the broadcasts of the group in between. */
static uint32_t source_of(const tw_weaver *w, uint32_t value)
{
    const tw_plan_node *node = tw_plan_producer(w->v->plan, value);
    bool inside = (w->by_rows ? node->row_group : node->group) == w->index;
    return inside && tw_fuse_is_broadcast(node) ? node->inputs[0] : value;
}

/* A Select whose condition chooses rows does not broadcast as the others do. */
static bool all_fit(const tw_weaver *w)
{
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &w->v->plan->nodes.items[w->group->nodes[m]];
        tw_shape shapes[TW_TILE_SOURCES];
        if (!takes_part(w, m) || tw_fuse_reduction(node))
            continue;
        for (uint32_t i = 0; i < node->input_count; i++)
            shapes[i] = w->v->values[node->inputs[i]].shape;
        if (!tw_elementwise_fits(node->spec.op->definition.elementwise, shapes))
            return false;
    }
    return true;
}

/* Does anybody beside the group read what a member makes? The last member's value is the group's
 * result, which is looked after apart. */
static bool is_read_outside(const tw_weaver *w, uint32_t m)
{
    const tw_plan *plan = w->v->plan;
    uint32_t value = plan->nodes.items[w->group->nodes[m]].first_value, inside = 0;
    if (m + 1 == w->group->count || !w->v->values[value].needed)
        return false;
    for (uint32_t n = 0; n < w->group->count; n++) {
        const tw_plan_node *node = &plan->nodes.items[w->group->nodes[n]];
        for (uint32_t i = 0; i < node->input_count; i++)
            inside += node->inputs[i] == value;
    }
    return inside < plan->values.items[value].uses;
}

/* At most as many as the plan let join, since all others have no reader outside. */
static void store(tw_weaver *w, uint32_t value, uint16_t made)
{
    w->stored[w->stored_count] = made;
    w->stored_values[w->stored_count++] = value;
}

/* A reduction's axes are none of the numbers that it reads. */
static uint32_t number_inputs(const tw_plan_node *node)
{
    return tw_fuse_reduction(node) ? 1 : node->input_count;
}

/* Has the member a step before the pass? A broadcast, only where such a step reads it: the pass
 * looks through it. */
static bool has_own_step(const tw_weaver *w, uint32_t m)
{
    const tw_plan_node *nodes = w->v->plan->nodes.items, *node = &nodes[w->group->nodes[m]];
    bool broadcast = tw_fuse_is_broadcast(node), own = !takes_part(w, m);
    if (!own || !broadcast)
        return own;
    for (uint32_t n = m + 1; n < w->group->count; n++) {
        const tw_plan_node *reader = &nodes[w->group->nodes[n]];
        for (uint32_t i = 0; i < number_inputs(reader); i++) {
            if (reader->inputs[i] == node->first_value && !takes_part(w, n))
                return true;
        }
    }
    return false;
}

/* In a group of rows, what has another shape than the whole is one number for each row. */
static bool make_instruction(const tw_weaver *w, const tw_plan_node *node, tw_tile_instruction *out)
{
    tw_tile_reduce reduce = tw_fuse_reduction(node);
    if (!reduce && !tw_elementwise_instruction(&node->spec, node->input_dtypes, out))
        return false;
    if (reduce)
        *out = (tw_tile_instruction){.dtype = node->input_dtypes[0], .source_count = 1};
    out->reduce = reduce;
    out->by_row = reduce ||
                  (w->by_rows && !tw_shape_equal(w->v->values[node->first_value].shape, w->shape));
    return true;
}

/* Operands first (numbers of instructions follow them), then the instructions. */
static bool weave(tw_weaver *w)
{
    const tw_plan *plan = w->v->plan;
    uint16_t made[TW_GROUP_MEMBERS];
    uint32_t which;
    if (!all_fit(w))
        return false;
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &plan->nodes.items[w->group->nodes[m]];
        for (uint32_t i = 0; takes_part(w, m) && i < number_inputs(node); i++) {
            uint32_t source = source_of(w, node->inputs[i]);
            if (!is_member(w, source, &which))
                operand_of(w, source);
        }
    }
    uint16_t extra = w->program.operand_count; /* float attributes become constant operands */
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &plan->nodes.items[w->group->nodes[m]];
        if (takes_part(w, m) && !tw_fuse_reduction(node) &&
            tw_elementwise_constant(&node->spec, node->input_dtypes, &w->operands[extra])) {
            w->operand_values[extra] = TW_NO_INDEX;
            w->shapes[extra++] = TW_SHAPE();
        }
    }
    uint16_t next_extra = w->program.operand_count;
    w->program.operand_count = extra;
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &plan->nodes.items[w->group->nodes[m]];
        if (!takes_part(w, m))
            continue;
        tw_tile_instruction *instruction = &w->instructions[w->program.instruction_count];
        if (!make_instruction(w, node, instruction))
            return false;
        for (uint32_t i = 0; i < number_inputs(node); i++) {
            uint32_t source = source_of(w, node->inputs[i]);
            instruction->sources[i] = is_member(w, source, &which) ? made[which]
                                                                   : operand_of(w, source);
        }
        if (instruction->source_count > number_inputs(node))
            instruction->sources[node->input_count] = next_extra++;
        made[m] = (uint16_t)(extra + w->program.instruction_count++);
        bool again = w->v->again && w->v->again[node->first_value];
        bool stored = !again && is_read_outside(w, m);
        if (stored && w->stored_count == TW_GROUP_STORED)
            return false;
        if (stored)
            store(w, node->first_value, made[m]);
    }
    return w->program.instruction_count > 0;
}

/* Axes as one run of dims at the end or the beginning; false: neither. */
bool tw_fuse_split_axes(const tw_array *axes, size_t rank, tw_tile_reduction *out)
{
    bool reduced[TW_MAX_RANK] = {false};
    size_t count = 0;
    for (size_t i = 0; i < axes->count; i++) {
        int64_t axis = tw_index_at(axes, i);
        axis += axis < 0 ? (int64_t)rank : 0;
        if (axis < 0 || axis >= (int64_t)rank || reduced[axis])
            return false;
        reduced[axis] = true;
        count++;
    }
    bool inner = true, outer = true;
    for (size_t d = 0; d < rank; d++) {
        inner = inner && reduced[d] == (d >= rank - count);
        outer = outer && reduced[d] == (d < count);
    }
    out->outer = !inner;
    out->split = (uint16_t)(inner ? rank - count : count);
    return (inner || outer) && count > 0;
}

/* All but what the program counts is written before it is read. */
static void weaver_init(tw_weaver *w, tw_variant *v, uint32_t index, const tw_plan_group *group)
{
    w->v = v;
    w->index = index;
    w->group = group;
    w->by_rows = false;
    w->stored_count = 0;
    w->program = (tw_tile_program){
        .operands = w->operands, .instructions = w->instructions, .outputs = w->outputs};
}

/* The result of a pass comes first, as it may lie over an operand; that of a reduction last, as the
 * tile engine has it. */
static tw_status *put_outputs(tw_weaver *w, const tw_plan_node *last, tw_step *step)
{
    uint32_t count = w->stored_count + 1u, first = w->group->reduces ? 0 : 1;
    uint32_t *values = tw_arena_array(&w->v->arena, count, sizeof *values);
    if (!values)
        return tw_no_memory();
    uint16_t result = (uint16_t)(w->program.operand_count + w->program.instruction_count - 1);
    values[first ? 0 : count - 1] = last->first_value;
    w->outputs[0] = result;
    for (uint32_t i = 0; i < w->stored_count; i++) {
        values[first + i] = w->stored_values[i];
        w->outputs[first + i] = w->stored[i];
    }
    w->program.output_count = (uint16_t)(w->stored_count + first);
    if (w->group->reduces)
        w->program.reduction.value = result;
    tw_tile_join(&w->program, w->instructions, w->outputs);
    for (uint32_t i = 0; i < count; i++)
        w->v->values[values[i]].place = TW_PLACE_ARENA;
    step->in_place = w->program.output_count ? UINT32_MAX : 0;
    step->outputs = values;
    step->output_count = count;
    return TW_OK;
}

/* Operands that stand for attributes have no value: the engine does not read them, so the first
 * one's stands there. */
static tw_status *put_inputs(const tw_weaver *w, tw_step *step)
{
    uint16_t count = w->program.operand_count;
    uint32_t *inputs = tw_arena_array(&w->v->arena, count + 1u, sizeof *inputs);
    for (uint16_t i = 0; inputs && i < count; i++)
        inputs[i] = w->operand_values[w->operand_values[i] == TW_NO_INDEX ? 0 : i];
    step->inputs = inputs;
    step->input_count = count;
    return inputs ? TW_OK : tw_no_memory();
}

/* One pass over the operands. */
static tw_status *add_tile_step(tw_weaver *w, uint32_t root)
{
    tw_variant *v = w->v;
    tw_step step = {.node = root, .compute = run_tile, .group = &v->plan->groups.items[w->index]};
    TW_TRY(put_outputs(w, &v->plan->nodes.items[root], &step));
    TW_TRY(put_inputs(w, &step));
    step.state = tw_arena_alloc(&v->arena, tw_tile_bound_size(&w->program));
    if (!step.state)
        return tw_no_memory();
    TW_TRY(tw_tile_bind(&w->program, w->shapes, w->shape, step.state));
    tw_arena_shorten(&v->arena, step.state, tw_tile_bound_size(&w->program),
                     tw_tile_bound_used(step.state));
    step.workspace_bytes = tw_tile_workspace(step.state);
    step.cannot_fail = true;
    for (uint16_t i = 0; i < w->program.instruction_count; i++)
        step.cannot_fail = step.cannot_fail && !w->instructions[i].check;
    v->fused_steps++;
    return tw_variant_add_step(v, step);
}

/* A result may have a known size where an operand has none: it is broadcast then, or fails. */
static bool has_unknown_size(const tw_variant *v, const tw_plan_node *node)
{
    bool unknown = v->values[node->first_value].dynamic;
    for (uint32_t i = 0; i < node->input_count && !unknown; i++)
        unknown = v->values[node->inputs[i]].dynamic;
    return unknown;
}

/* Members that nobody reads at these sizes are done with. */
static bool nothing_runs(const tw_variant *v, const tw_plan_group *group)
{
    bool runs = false;
    for (uint32_t m = 0; m < group->count; m++)
        runs = runs || tw_variant_must_run(v, &v->plan->nodes.items[group->nodes[m]]);
    return !runs;
}

/* Axes that are unknown, scattered or none cannot end a pass. One column is summed as a row is. */
static bool find_reduction(const tw_weaver *w, const tw_plan_node *last, tw_tile_reduction *out)
{
    const tw_sized *axes = &w->v->values[last->inputs[1]];
    const tw_sized *reduced = &w->v->values[last->inputs[0]];
    out->kind = tw_fuse_reduction(last);
    if (!axes->constant || reduced->dynamic ||
        !tw_fuse_split_axes(axes->constant, reduced->shape.rank, out))
        return false;
    bool column = out->outer;
    for (size_t d = out->split; d < reduced->shape.rank; d++)
        column = column && reduced->shape.dims[d] == 1;
    if (column)
        *out = (tw_tile_reduction){.kind = out->kind};
    return true;
}

/* The extreme of one element is that element, which a pass's, skipping NaN, may not be. */
static bool is_extreme_of_one(const tw_weaver *w, const tw_plan_node *last,
                              const tw_tile_reduction *reduction)
{
    tw_shape shape = w->v->values[last->inputs[0]].shape;
    bool one = reduction->kind == TW_TILE_MAX || reduction->kind == TW_TILE_MIN;
    for (size_t d = 0; d < shape.rank; d++)
        one = one && ((d < reduction->split) != reduction->outer || shape.dims[d] == 1);
    return one;
}

/* Nothing is made where a size is known only at run time: then the members run one by one. */
static tw_status *fuse_members(tw_weaver *w, tw_tile_reduction reduction, bool *made)
{
    tw_variant *v = w->v;
    uint32_t root = w->group->nodes[w->group->count - 1];
    const tw_plan_node *last = &v->plan->nodes.items[root];
    uint32_t shaped = w->group->reduces ? last->inputs[0] : last->first_value;
    if (!tw_variant_must_run(v, last)) { /* what others read of the group is made by itself */
        *made = nothing_runs(v, w->group);
        return TW_OK;
    }
    for (uint32_t m = 0; m < w->group->count; m++) {
        if (has_unknown_size(v, &v->plan->nodes.items[w->group->nodes[m]]))
            return TW_OK;
    }
    if (v->values[last->first_value].constant || v->values[shaped].constant)
        return TW_OK;
    w->shape = v->values[shaped].shape;
    if (!weave(w))
        return TW_OK;
    w->program.reduction = reduction;
    for (uint32_t m = 0; m < w->group->count; m++) {
        if (w->group->nodes[m] != root && has_own_step(w, m))
            TW_TRY(tw_variant_node_step(v, w->group->nodes[m]));
    }
    *made = true;
    return add_tile_step(w, root);
}

/* What comes before a reduction that takes no part at these sizes is still one pass. */
tw_status *tw_variant_fuse(tw_variant *v, uint32_t index, bool *made)
{
    tw_plan_group group = v->plan->groups.items[index];
    tw_weaver w;
    tw_tile_reduction reduction = {.kind = TW_TILE_NO_REDUCTION};
    uint32_t last = group.nodes[group.count - 1];
    weaver_init(&w, v, index, &group);
    *made = false;
    const tw_plan_node *end = &v->plan->nodes.items[last];
    if (!group.reduces ||
        (find_reduction(&w, end, &reduction) && !is_extreme_of_one(&w, end, &reduction)))
        return fuse_members(&w, reduction, made);
    group.reduces = false;
    reduction.kind = TW_TILE_NO_REDUCTION;
    if (--group.count > 1)
        TW_TRY(fuse_members(&w, reduction, made));
    return *made ? tw_variant_node_step(v, last) : TW_OK;
}

/* ---- rows ---- */

/* All reductions go over the same rows of the same shape, which becomes the pass's. */
static bool find_rows(tw_weaver *w)
{
    const tw_plan *plan = w->v->plan;
    w->split = 0;
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &plan->nodes.items[w->group->nodes[m]];
        tw_tile_reduction reduction;
        if (!tw_fuse_reduction(node))
            continue;
        if (!find_reduction(w, node, &reduction) || reduction.outer || !reduction.split ||
            (w->split && w->split != reduction.split))
            return false;
        tw_shape shape = w->v->values[node->inputs[0]].shape;
        if (w->split && !tw_shape_equal(shape, w->shape))
            return false;
        w->split = reduction.split;
        w->shape = shape;
    }
    return w->split > 0;
}

/* Sizes are known and every member runs. A reduction that drops its dims may only be a result, and
 * what has a step before the rows reads nothing of them. */
static bool rows_agree(const tw_weaver *w)
{
    const tw_variant *v = w->v;
    for (uint32_t m = 0; m < w->group->count; m++) {
        const tw_plan_node *node = &v->plan->nodes.items[w->group->nodes[m]];
        bool part = takes_part(w, m), broadcast = tw_fuse_is_broadcast(node);
        uint32_t which;
        if (has_unknown_size(v, node) || (part && !tw_variant_must_run(v, node)))
            return false;
        for (uint32_t i = 0; !broadcast && i < number_inputs(node); i++) {
            uint32_t source = source_of(w, node->inputs[i]);
            bool inside = is_member(w, source, &which);
            if (inside && (!part || (tw_fuse_reduction(tw_plan_producer(v->plan, source)) &&
                                     !is_column(w, v->values[source].shape))))
                return false;
        }
    }
    return true;
}

/* What the kernel cannot do as one pass is left to the groups that this one is made of. */
tw_status *tw_variant_fuse_rows(tw_variant *v, uint32_t index, bool *made)
{
    const tw_plan_group *group = &v->plan->row_groups.items[index];
    tw_weaver w;
    tw_step step = {.node = group->nodes[group->count - 1], .compute = run_rows, .group = group};
    weaver_init(&w, v, index, group);
    w.by_rows = true;
    *made = false;
    if (!find_rows(&w) || !rows_agree(&w))
        return TW_OK;
    if (!weave(&w))
        return TW_OK;
    TW_TRY(put_outputs(&w, &v->plan->nodes.items[step.node], &step));
    TW_TRY(put_inputs(&w, &step));
    step.state = tw_arena_alloc(&v->arena, tw_rows_bound_size(&w.program));
    if (!step.state)
        return tw_no_memory();
    if (!tw_rows_bind(&w.program, w.shapes, w.shape, w.split, step.state))
        return TW_OK;
    for (uint32_t m = 0; m < group->count; m++) {
        if (has_own_step(&w, m))
            TW_TRY(tw_variant_node_step(v, group->nodes[m]));
    }
    step.in_place = tw_rows_in_place(step.state);
    step.cannot_fail = true;
    *made = true;
    v->fused_steps++;
    return tw_variant_add_step(v, step);
}
