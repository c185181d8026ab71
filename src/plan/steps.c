/* SPDX-License-Identifier: Apache-2.0
 * The flat list of steps: which nodes run at these sizes, with which kernels, and which are only
 * other views of memory. */
#include <string.h>

#include "base/status.h"
#include "ops/elementwise.h"
#include "plan/variant.h"

/* By name: Switch, Merge and NoOp are the engine's own business. */
static bool is_type(const tw_plan_node *node, const char *type)
{
    return node->spec.op && tw_name_is(node->spec.op->name, type);
}

/* Read from a variable's own buffer when the step runs. */
static bool from_variable(const tw_variant *v, uint32_t value)
{
    const tw_plan_value *p = &v->plan->values.items[value];
    return p->is_ref || p->reads || v->values[v->values[value].root].place == TW_PLACE_VARIABLE;
}

/* ---- what must run ---- */

/* An operation without outputs has nothing to be known. */
static bool all_known(const tw_variant *v, const tw_plan_node *node)
{
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (!v->values[node->first_value + k].constant)
            return false;
    }
    return node->output_count > 0;
}

/* Asked again after more is known: a node whose numbers nobody reads at these sizes costs
 * nothing. */
bool tw_variant_must_run(const tw_variant *v, const tw_plan_node *node)
{
    if (node->kind == TW_NODE_FEED || node->kind == TW_NODE_CONSTANT || node->is_variable)
        return false;
    if (node->target || node->waited_for || node->ref_inputs || node->output_count == 0)
        return true;
    if (node->spec.op && node->spec.op->definition.flags & TW_OP_SIDE_EFFECT)
        return true;
    if (all_known(v, node) && !node->guarded)
        return false;
    for (uint32_t k = 0; k < node->output_count; k++) {
        uint32_t value = node->first_value + k;
        if (v->values[value].needed || v->plan->values.items[value].saved != TW_NO_INDEX)
            return true;
    }
    return false;
}

/* From the end: a value is needed if a fetch or a node that runs reads its numbers. */
static void mark_needed(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    for (size_t i = 0; i < plan->fetch_count; i++) {
        if (plan->fetches[i].value != TW_NO_INDEX)
            v->values[plan->fetches[i].value].needed = true;
    }
    for (uint32_t i = plan->order_count; i-- > 0;) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        if (!tw_variant_must_run(v, node))
            continue;
        bool sizes_only = tw_node_reads_sizes_only(node);
        for (uint32_t k = 0; k < node->input_count; k++)
            v->values[node->inputs[k]].needed = v->values[node->inputs[k]].needed || !sizes_only ||
                                                v->values[node->inputs[k]].dynamic || node->guarded;
    }
}

/* ---- steps ---- */

/* Flags are completed here, in one place, for all kinds of steps. */
tw_status *tw_variant_add_step(tw_variant *v, tw_step step)
{
    const tw_plan_node *node = &v->plan->nodes.items[step.node];
    TW_TRY(tw_variant_make_again(v, &step));
    if (node->guarded)
        step.flags |= TW_STEP_GUARDED;
    for (uint32_t i = 0; i < step.input_count; i++) {
        bool ref = node->kind == TW_NODE_LOOP ? node->loop->vars[i].is_ref
                                              : i < 32 && node->ref_inputs >> i & 1;
        if (from_variable(v, step.inputs[i]) && !ref)
            step.flags |= TW_STEP_READS;
    }
    if (node->ref_inputs)
        step.flags |= TW_STEP_WRITES;
    v->has_heap = v->has_heap || step.flags & (TW_STEP_HEAP | TW_STEP_DYNAMIC);
    v->input_total += step.input_count + step.output_count;
    return tw_vec_push(&v->steps, step) ? TW_OK : tw_no_memory();
}

/* Strings and handles never live in the arena: their elements own memory and must be dropped one
 * by one. */
static tw_status *output_places(tw_variant *v, const tw_plan_node *node, tw_step *step)
{
    uint32_t *outputs = tw_arena_array(&v->arena, node->output_count + 1, sizeof *outputs);
    if (!outputs)
        return tw_no_memory();
    for (uint32_t k = 0; k < node->output_count; k++) {
        uint32_t value = outputs[k] = node->first_value + k;
        tw_sized *sized = &v->values[value];
        if (v->plan->values.items[value].is_ref) {
            sized->place = TW_PLACE_VARIABLE;
            continue;
        }
        bool heap = sized->dynamic || !tw_dtype_is_plain(v->plan->values.items[value].dtype);
        sized->place = heap ? TW_PLACE_HEAP : TW_PLACE_ARENA;
        if (heap)
            step->flags |= TW_STEP_HEAP;
        if (sized->dynamic)
            step->flags |= TW_STEP_DYNAMIC;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (v->values[node->inputs[i]].dynamic)
            step->flags |= TW_STEP_DYNAMIC;
    }
    step->outputs = outputs;
    step->output_count = node->output_count;
    step->inputs = node->inputs;
    step->input_count = node->input_count;
    return TW_OK;
}

/* The dtypes are named, since they are nearly always what is wrong. */
static tw_status *no_kernel(const tw_plan_node *node)
{
    tw_text dtypes = {""};
    size_t at = 0;
    for (size_t i = 0; i < node->spec.attr_count && at < sizeof dtypes.s - 1; i++) {
        const tw_attr *attr = &node->spec.attrs[i];
        if (attr->kind == TW_ATTR_TYPE && !attr->list && attr->name[0] != '_')
            at += (size_t)snprintf(dtypes.s + at, sizeof dtypes.s - at, "%s%s=%s", at ? ", " : "",
                                   attr->name, tw_dtype_name(attr->value.type));
    }
    tw_status *status = tw_status_new(TW_INVALID_ARGUMENT,
                                      "No OpKernel was registered to support Op '%s' with these "
                                      "attrs: %s",
                                      node->spec.op->name, dtypes.s);
    status = tw_status_with_operation(status, node->spec.type, node->origin->spec.name);
    return tw_status_with_where(tw_status_with_phase(status, TW_PHASE_RUN),
                                node->origin->spec.where);
}

/* The kernel is chosen once for these attributes; the run calls it without asking again. */
static tw_status *kernel_step(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    tw_step step = {.node = index};
    step.kernel = tw_op_kernel(node->spec.op, NULL, node->spec.attrs, node->spec.attr_count);
    if (!step.kernel || !step.kernel->compute)
        return no_kernel(node);
    step.compute = step.kernel->compute;
    if (node->spec.op->definition.flags & TW_OP_WAITS)
        step.flags |= TW_STEP_WAITS;
    if (atomic_load_explicit(&node->spec.op->foreign, memory_order_relaxed))
        step.flags |= TW_STEP_FOREIGN;
    TW_TRY(output_places(v, node, &step));
    return tw_variant_add_step(v, step);
}

/* The same bytes under another shape or dtype. */
static tw_status *copy_bytes(tw_compute *c)
{
    if (c->outputs[0]->count)
        memcpy(c->outputs[0]->data, c->inputs[0]->data, tw_array_bytes(c->inputs[0]));
    return TW_OK;
}

/* An unknown variable counts as written: views of it would be unsafe. */
static bool variable_is_written(const tw_variant *v, uint32_t value)
{
    uint32_t variable = v->plan->values.items[v->values[value].root].variable;
    return variable == TW_NO_INDEX || v->plan->nodes.items[variable].written;
}

/* The memory of `input` may be that of `value` too, which has another dtype (Bitcast): a fetched
 * variable is seen under its own dtype, and numbers must not lie less aligned than theirs are. */
static bool may_reread(const tw_variant *v, uint32_t value, uint32_t input, tw_place place)
{
    const tw_plan_value *values = v->plan->values.items;
    size_t to = tw_dtype_size(values[value].dtype), from = tw_dtype_size(values[input].dtype);
    return tw_dtype_base(values[value].dtype) == tw_dtype_base(values[input].dtype) ||
           (place != TW_PLACE_VARIABLE && (place != TW_PLACE_FEED || to <= from));
}

/* Identity, Reshape ...: no step, but where the memory cannot be shared or deadness must go on. */
static tw_status *alias_step(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    uint32_t value = node->first_value, input = node->inputs[0];
    tw_sized *sized = &v->values[value];
    tw_place place = v->values[v->values[input].root].place;
    tw_step step = {.node = index};
    if (v->plan->values.items[value].reads) {
        sized->place = TW_PLACE_VARIABLE;
        sized->root = value;
    } else if (!sized->dynamic && !from_variable(v, input) && place != TW_PLACE_HEAP &&
               may_reread(v, value, input, place)) {
        sized->root = v->values[input].root;
        sized->place = place;
    } else if (!sized->dynamic && from_variable(v, input) && !v->values[input].dynamic &&
               !variable_is_written(v, input) && may_reread(v, value, input, TW_PLACE_VARIABLE)) {
        sized->root = v->values[input].root;
        sized->place = TW_PLACE_VARIABLE;
    } else {
        step.compute = copy_bytes;
        TW_TRY(output_places(v, node, &step));
        if (step.flags & TW_STEP_HEAP)
            step.flags |= TW_STEP_ALIAS;
        return tw_variant_add_step(v, step);
    }
    if (!node->guarded)
        return TW_OK;
    step.inputs = node->inputs;
    step.input_count = 1;
    return tw_variant_add_step(v, step);
}

/* A reduction over no axes, as the gradient of a sum has it where nothing was broadcast. */
static bool reduces_nothing(const tw_variant *v, const tw_plan_node *node)
{
    static const char *const types[] = {"Sum", "Mean", "Prod", "Max", "Min", "Any", "All"};
    if (node->input_count != 2 || !v->values[node->inputs[1]].constant ||
        v->values[node->inputs[1]].constant->count || v->values[node->inputs[0]].dynamic)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (is_type(node, types[i]))
            return true;
    }
    return false;
}

/* Both outputs view the input: only one of them will be alive, and neither is written. */
static tw_status *switch_step(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    tw_step step = {.node = index, .flags = TW_STEP_SWITCH};
    TW_TRY(output_places(v, node, &step));
    uint32_t root = v->values[node->inputs[0]].root;
    tw_place place = v->values[root].place;
    for (uint32_t k = 0; k < node->output_count; k++) {
        tw_sized *sized = &v->values[node->first_value + k];
        if (sized->place == TW_PLACE_ARENA &&
            (place == TW_PLACE_ARENA || place == TW_PLACE_FEED || place == TW_PLACE_CONSTANT)) {
            sized->root = root;
            sized->place = place;
        }
    }
    return tw_variant_add_step(v, step);
}

/* Its result has memory of its own, since at planning time nobody knows which input it will be. */
static tw_status *merge_step(tw_variant *v, uint32_t index)
{
    tw_step step = {.node = index, .flags = TW_STEP_MERGE};
    TW_TRY(output_places(v, &v->plan->nodes.items[index], &step));
    return tw_variant_add_step(v, step);
}

/* What a loop kept is read where it is, unless it has storage of its own. */
static tw_status *value_step(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    tw_step step = {.node = index, .flags = TW_STEP_VALUE};
    TW_TRY(output_places(v, node, &step));
    tw_sized *sized = &v->values[node->first_value];
    if (sized->place == TW_PLACE_ARENA)
        sized->place = TW_PLACE_FEED;
    tw_variant_of_loop(v, node->forward)->wanted[node->slot] = true;
    return tw_variant_add_step(v, step);
}

/* One decision for each kind of node; all but kernels mostly end without a step. */
tw_status *tw_variant_node_step(tw_variant *v, uint32_t index)
{
    const tw_plan_node *node = &v->plan->nodes.items[index];
    if (!tw_variant_must_run(v, node))
        return TW_OK;
    if (node->kind == TW_NODE_LOOP) {
        tw_step step = {.node = index, .flags = TW_STEP_LOOP, .body = v->bodies[index]};
        TW_TRY(output_places(v, node, &step));
        return tw_variant_add_step(v, step);
    }
    if (node->forward)
        return value_step(v, index);
    if (is_type(node, "RefSelect")) {
        tw_step step = {.node = index, .flags = TW_STEP_SELECT};
        TW_TRY(output_places(v, node, &step));
        return tw_variant_add_step(v, step);
    }
    if (is_type(node, "Switch") || is_type(node, "RefSwitch"))
        return switch_step(v, index);
    if (is_type(node, "Merge") || is_type(node, "RefMerge"))
        return merge_step(v, index);
    if (node->spec.op->definition.flags & TW_OP_ALIAS || reduces_nothing(v, node))
        return alias_step(v, index);
    if (node->output_count == 0 && node->input_count == 0 && !node->guarded &&
        is_type(node, "NoOp"))
        return TW_OK;
    return kernel_step(v, index);
}

/* Kernels see shapes and attributes and fill their state; workspaces are measured. */
static tw_status *prepare_step(tw_variant *v, tw_step *step, tw_array **pointers)
{
    tw_compute c;
    const tw_kernel *kernel = step->kernel;
    step->flops = tw_step_flops(v, step);
    if (!kernel || step->flags & TW_STEP_DYNAMIC)
        return TW_OK;
    tw_variant_context(v, step, pointers, &c);
    if (kernel->state_size) {
        step->state = tw_arena_alloc(&v->arena, kernel->state_size);
        if (!step->state)
            return tw_no_memory();
        c.state = step->state;
    }
    tw_status *status = kernel->prepare ? kernel->prepare(&c, step->state) : TW_OK;
    if (status) {
        status = tw_compute_explain(&c, status);
        return status;
    }
    if (kernel->prepare == tw_elementwise_prepare)
        tw_arena_shorten(&v->arena, step->state, kernel->state_size,
                         tw_tile_bound_used(step->state));
    step->in_place = c.may_overwrite;
    step->workspace_bytes = kernel->workspace ? kernel->workspace(&c) : 0;
    return TW_OK;
}

/* For prepare and workspace, which may look at shapes and attributes only. */
void tw_variant_context(const tw_variant *v, const tw_step *step, tw_array **pointers,
                        tw_compute *c)
{
    *c = (tw_compute){.spec = &v->plan->nodes.items[step->node].spec, .threads = 1};
    c->inputs = pointers;
    c->input_count = (uint16_t)step->input_count;
    c->outputs = pointers + step->input_count;
    c->output_count = (uint16_t)step->output_count;
    tw_array *slots = atomic_load_explicit(&v->slots, memory_order_relaxed);
    for (uint32_t i = 0; i < step->input_count; i++)
        pointers[i] = &slots[step->inputs[i]];
    for (uint32_t k = 0; k < step->output_count; k++)
        c->outputs[k] = &slots[step->outputs[k]];
}

/* Shapes are checked against what memory can hold before any product of them is used. */
static tw_status *measure(tw_variant *v)
{
    for (size_t i = 0; i < v->plan->values.count; i++) {
        tw_dtype dtype = v->plan->values.items[i].dtype;
        tw_sized *sized = &v->values[i];
        size_t count;
        sized->root = (uint32_t)i;
        if (sized->dynamic || !sized->shape.dims)
            continue;
        tw_status *status = tw_shape_check(dtype, sized->shape, &count);
        if (status)
            return tw_variant_explain(v, &v->plan->nodes.items[v->plan->values.items[i].node],
                                      status);
        sized->bytes = count * tw_dtype_size(dtype);
    }
    return TW_OK;
}

/* Sizes were checked. */
tw_array *tw_variant_new_slots(const tw_variant *v)
{
    tw_array *slots = tw_alloc_array(v->plan->values.count + 1, sizeof *slots);
    for (size_t i = 0; slots && i < v->plan->values.count; i++) {
        tw_array *slot = &slots[i];
        const tw_sized *sized = &v->values[i];
        bool known = !sized->dynamic && sized->shape.dims;
        atomic_init(&slot->refs, 1);
        slot->dtype = v->plan->values.items[i].dtype;
        slot->rank = known ? sized->shape.rank : 0;
        slot->count = known;
        slot->storage = NULL;
        slot->data = NULL;
        for (size_t d = 0; d < slot->rank; d++) {
            slot->dims[d] = sized->shape.dims[d];
            slot->count *= (size_t)sized->shape.dims[d];
        }
    }
    return slots;
}

/* The values that view the memory of `root`, then TW_NO_INDEX; NULL: no memory. */
static uint32_t *list_views(tw_variant *v, uint32_t root)
{
    size_t count = 0, at = 0;
    for (uint32_t k = 0; k < v->plan->values.count; k++)
        count += v->values[k].root == root;
    uint32_t *views = tw_arena_array(&v->arena, count + 1, sizeof *views);
    for (uint32_t k = 0; views && k < v->plan->values.count; k++) {
        if (v->values[k].root == root)
            views[at++] = k;
    }
    if (views)
        views[at] = TW_NO_INDEX;
    return views;
}

/* A run points the views of a feed at the caller's array, those of a LoopValue at what a loop
 * kept. */
static tw_status *list_feed_views(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    v->feed_views = tw_arena_array(&v->arena, plan->feed_count + 1, sizeof *v->feed_views);
    bool good = v->feed_views != NULL;
    for (size_t i = 0; good && i < plan->feed_count; i++) {
        v->feed_views[i] = list_views(v, plan->feeds[i]);
        good = v->feed_views[i] != NULL;
    }
    for (size_t s = 0; good && s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        if (!(step->flags & TW_STEP_VALUE))
            continue;
        step->state = list_views(v, step->outputs[0]);
        good = step->state != NULL;
    }
    return good ? TW_OK : tw_no_memory();
}

/* That there can be at most. */
static size_t count_steps(const tw_plan *plan)
{
    size_t count = 0;
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        count += (node->kind == TW_NODE_OP && !node->is_variable) || node->kind == TW_NODE_LOOP;
    }
    return count;
}

/* A group is met at its first node and takes the places of all its members; a group of rows that
 * is none at these sizes leaves them to the groups that it is made of. */
tw_status *tw_variant_steps(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    TW_TRY(measure(v));
    tw_array *slots = tw_variant_new_slots(v);
    atomic_store_explicit(&v->slots, slots, memory_order_relaxed);
    if (!slots || !tw_vec_reserve(&v->steps, count_steps(plan)))
        return tw_no_memory();
    for (size_t i = 0; i < plan->nodes.count; i++) {
        if (plan->nodes.items[i].is_variable)
            v->values[plan->nodes.items[i].first_value].place = TW_PLACE_VARIABLE;
    }
    mark_needed(v);
    TW_TRY(tw_variant_find_again(v));
    for (uint32_t i = 0; i < plan->order_count; i++) {
        uint32_t index = plan->order[i], group = plan->nodes.items[index].group;
        uint32_t rows = plan->nodes.items[index].row_group;
        if (i == plan->test_count)
            v->test_steps = (uint32_t)v->steps.count;
        if (rows != TW_NO_INDEX && index == plan->row_groups.items[rows].nodes[0]) {
            bool made = false;
            TW_TRY(tw_variant_fuse_rows(v, rows, &made));
            if (made) {
                i += plan->row_groups.items[rows].count - 1;
                continue;
            }
        }
        if (group != TW_NO_INDEX && index == plan->groups.items[group].nodes[0]) {
            bool made = false;
            TW_TRY(tw_variant_fuse(v, group, &made));
            if (made) {
                i += plan->groups.items[group].count - 1;
                continue;
            }
        }
        TW_TRY(tw_variant_node_step(v, index));
    }
    if (plan->test_count >= plan->order_count)
        v->test_steps = (uint32_t)v->steps.count;
    size_t most = 1;
    for (size_t s = 0; s < v->steps.count; s++) {
        size_t n = v->steps.items[s].input_count + v->steps.items[s].output_count;
        most = n > most ? n : most;
    }
    tw_vec_fit(&v->steps);
    tw_array **pointers = tw_alloc_array(most, sizeof *pointers);
    tw_status *status = pointers ? TW_OK : tw_no_memory();
    for (size_t s = 0; s < v->steps.count && !status; s++)
        status = prepare_step(v, &v->steps.items[s], pointers);
    if (!status) {
        tw_variant_packs(v, pointers);
        tw_variant_batch_sums(v, pointers);
    }
    tw_free(pointers);
    return status ? status : list_feed_views(v);
}
