/* SPDX-License-Identifier: Apache-2.0
 * Values that are made again. What a pass makes and others read later, it stores. But where this is
 * one operation of something that it stores too, as the hyperbolic tangent of an LSTM's state is,
 * and both would be there while memory is at its peak, the value need not be: a step of its own
 * makes it before its first reader. That costs little more than to write and read it, and so is
 * done where such values are a good part of all memory. Numbers are the same. */
#include "base/status.h"
#include "plan/fuse.h"

/* All of them together, bytes and share of the peak. */
enum { LEAST_BYTES = 1 << 18, LEAST_SHARE = 64 };

/* By value: places in the plan's order. */
typedef struct tw_reads {
    uint32_t first; /* outside of its group; UINT32_MAX: there is none */
    uint32_t last;
    bool plain; /* those outside are elementwise */
} tw_reads;

/* Tables for the time of the search. */
typedef struct tw_again {
    tw_variant *v;
    tw_reads *reads;
    int64_t *live; /* by place: bytes */
    uint32_t peak; /* the place where they are most */
} tw_again;

static void find_reads(const tw_again *a)
{
    const tw_plan *plan = a->v->plan;
    for (size_t i = 0; i < plan->values.count; i++) {
        const tw_plan_value *value = &plan->values.items[i];
        a->reads[i] = (tw_reads){.first = UINT32_MAX, .plain = !value->fetched};
        a->reads[i].last = value->fetched ? plan->order_count : 0;
    }
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        for (uint32_t k = 0; !tw_node_reads_sizes_only(node) && k < node->input_count; k++) {
            tw_reads *reads = &a->reads[node->inputs[k]];
            uint32_t group = tw_plan_producer(plan, node->inputs[k])->group;
            reads->last = i > reads->last ? i : reads->last;
            if (group != TW_NO_INDEX && group == node->group)
                continue;
            reads->first = i < reads->first ? i : reads->first;
            reads->plain = reads->plain && tw_fuse_is_elementwise(node);
        }
    }
}

/* As if each value had memory of its own that is read outside of its group. */
static void find_peak(tw_again *a)
{
    const tw_plan *plan = a->v->plan;
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        bool own = node->kind == TW_NODE_OP && !node->is_variable && node->spec.op &&
                   !(node->spec.op->definition.flags & TW_OP_ALIAS);
        for (uint32_t k = 0; own && k < node->output_count; k++) {
            uint32_t value = node->first_value + k;
            if (a->reads[value].first == UINT32_MAX || plan->values.items[value].is_ref)
                continue;
            a->live[i] += (int64_t)a->v->values[value].bytes;
            a->live[a->reads[value].last + 1] -= (int64_t)a->v->values[value].bytes;
        }
    }
    for (uint32_t i = 1; i < plan->order_count; i++) {
        a->live[i] += a->live[i - 1];
        a->peak = a->live[i] > a->live[a->peak] ? i : a->peak;
    }
}

static bool is_across(const tw_again *a, uint32_t value)
{
    return a->reads[value].first != UINT32_MAX && a->reads[value].last > a->peak &&
           tw_plan_producer(a->v->plan, value)->position < a->peak;
}

/* Its source is one of the group's, too, and stays for others. */
static bool is_worth(const tw_again *a, const tw_plan_node *node)
{
    const tw_variant *v = a->v;
    uint32_t value = node->first_value, source = node->inputs[0];
    const tw_plan_node *from = tw_plan_producer(v->plan, source);
    return node->input_count == 1 && tw_fuse_is_elementwise(node) && from->group == node->group &&
           tw_fuse_is_elementwise(from) && v->values[value].needed && !v->values[value].dynamic &&
           v->values[value].bytes == v->values[source].bytes && a->reads[value].plain &&
           is_across(a, value) && a->reads[value].first > a->peak && is_across(a, source) &&
           !v->again[source];
}

/* Those of all groups; returns their bytes. */
static size_t mark(const tw_again *a)
{
    const tw_plan *plan = a->v->plan;
    size_t bytes = 0;
    for (size_t g = 0; g < plan->groups.count; g++) {
        const tw_plan_group *group = &plan->groups.items[g];
        for (uint32_t m = 0; m + 1 < group->count; m++) {
            const tw_plan_node *node = &plan->nodes.items[group->nodes[m]];
            if (!is_worth(a, node))
                continue;
            a->v->again[node->first_value] = true;
            bytes += a->v->values[node->first_value].bytes;
        }
    }
    return bytes;
}

/* Where steps go in the plan's order, and once. */
tw_status *tw_variant_find_again(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    size_t bytes = 0;
    for (size_t i = 0; i < plan->values.count; i++)
        bytes += v->values[i].bytes;
    if (plan->loop || plan->has_loops || plan->has_waits || plan->has_guards || bytes < LEAST_BYTES)
        return TW_OK;
    tw_again a = {.v = v,
                  .reads = tw_alloc_array(plan->values.count + 1, sizeof *a.reads),
                  .live = tw_alloc_zero((size_t)plan->order_count + 2, sizeof *a.live)};
    v->again = tw_arena_array(&v->arena, plan->values.count + 1, sizeof *v->again);
    tw_status *status = a.reads && a.live && v->again ? TW_OK : tw_no_memory();
    if (!status) {
        find_reads(&a);
        find_peak(&a);
        bytes = mark(&a);
        if (bytes < LEAST_BYTES || bytes < (size_t)a.live[a.peak] / LEAST_SHARE)
            v->again = NULL;
    }
    tw_free(a.reads);
    tw_free(a.live);
    return status;
}

/* Before a step is added: of what it reads, that which is still to be made. */
tw_status *tw_variant_make_again(tw_variant *v, const tw_step *step)
{
    for (uint32_t i = 0; v->again && i < step->input_count; i++) {
        uint32_t value = step->inputs[i];
        if (!v->again[value])
            continue;
        v->again[value] = false;
        TW_TRY(tw_variant_node_step(v, v->plan->values.items[value].node));
        v->steps.items[v->steps.count - 1].again = true;
    }
    for (uint32_t k = 0; v->again && k < step->output_count; k++)
        v->again[step->outputs[k]] = false;
    return TW_OK;
}
