/* SPDX-License-Identifier: Apache-2.0
 * Updates that wait for memory. A gradient of weights is as large as these; one that only its
 * update reads, if it is made as soon as it can be, is live beside all the values that other
 * derivatives still need. So the two steps go as late as edges allow, to where those values have
 * been let go, if that makes the largest sum of what is live less. Numbers do not change, as edges
 * say who reads what. */
#include <string.h>

#include "base/status.h"
#include "plan/variant.h"

/* Bytes below which nothing is tried; a gradient is worth it that is an eighth of the peak, and all
 * moves together are if they lower it by a sixteenth; so many pairs are tried at most, as each
 * costs a walk over the plan. */
enum { LEAST_BYTES = 1 << 18, LEAST_SHARE = 8, LEAST_GAIN = 16, MOST_MOVES = 16 };

/* Tables for the time of the pass. */
typedef struct tw_delayer {
    tw_variant *v;
    int64_t *live; /* by step: bytes */
    bool *after;   /* by node: needs what is moved */
} tw_delayer;

/* Bytes of the values that are live at each step, and the step at which they are most. */
static uint32_t find_peak(tw_delayer *d)
{
    tw_variant *v = d->v;
    uint32_t steps = (uint32_t)v->steps.count, peak = 0;
    tw_variant_lives(v);
    memset(d->live, 0, (steps + 2) * sizeof *d->live);
    for (size_t i = 0; i < v->plan->values.count; i++) {
        const tw_sized *sized = &v->values[i];
        if (sized->place != TW_PLACE_ARENA || sized->root != i)
            continue;
        d->live[sized->born] += (int64_t)sized->bytes;
        d->live[(sized->dies < steps ? sized->dies : steps) + 1] -= (int64_t)sized->bytes;
    }
    int64_t sum = 0;
    for (uint32_t s = 0; s < steps; s++) {
        sum += d->live[s];
        d->live[s] = sum + (int64_t)v->steps.items[s].workspace_bytes;
        peak = d->live[s] > d->live[peak] ? s : peak;
    }
    return peak;
}

/* An update does nothing but write its variable. */
static bool is_update(const tw_variant *v, const tw_step *step)
{
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    for (uint32_t k = 0; k < node->output_count; k++) {
        if (!v->plan->values.items[node->first_value + k].is_ref ||
            v->plan->values.items[node->first_value + k].fetched)
            return false;
    }
    return step->kernel && (step->flags | TW_STEP_READS) == (TW_STEP_READS | TW_STEP_WRITES);
}

/* Does the step make `value` and nothing else, and may it run at another time? */
static bool makes_alone(const tw_variant *v, const tw_step *step, uint32_t value)
{
    return step->output_count == 1 && step->outputs[0] == value &&
           !(step->flags & ~(uint32_t)TW_STEP_READS) &&
           (step->group || tw_node_is_pure(&v->plan->nodes.items[step->node]));
}

/* Nobody but the step reads the value, under any name. */
static bool is_private(const tw_variant *v, uint32_t value, uint32_t reader)
{
    return !tw_value_is_viewed(v, value) && v->values[value].dies == reader &&
           tw_value_is_private(v->plan, value);
}

/* Is it live at step `peak` for the sake of an update alone, and may both its steps wait? */
static bool may_wait(const tw_variant *v, uint32_t value, uint32_t peak)
{
    const tw_sized *sized = &v->values[value];
    uint32_t maker = sized->born, reader = sized->dies;
    if (sized->place != TW_PLACE_ARENA || sized->root != value || maker > peak || reader < peak ||
        reader >= v->steps.count || maker >= reader)
        return false;
    return is_update(v, &v->steps.items[reader]) && is_private(v, value, reader) &&
           makes_alone(v, &v->steps.items[maker], value);
}

/* The steps that make and read the largest such value. False: there is none. */
static bool find_pair(const tw_delayer *d, uint32_t peak, uint32_t *maker, uint32_t *update)
{
    const tw_variant *v = d->v;
    size_t largest = (size_t)d->live[peak] / LEAST_SHARE;
    bool found = false;
    largest = largest > LEAST_BYTES ? largest : LEAST_BYTES;
    for (uint32_t i = 0; i < v->plan->values.count; i++) {
        const tw_sized *sized = &v->values[i];
        if (sized->bytes < largest || !may_wait(v, i, peak))
            continue;
        largest = sized->bytes;
        *maker = sized->born;
        *update = sized->dies;
        found = true;
    }
    return found;
}

/* A group is all of its members: any of them may be what others name. */
static void mark_nodes(const tw_delayer *d, const tw_step *step)
{
    d->after[step->node] = true;
    for (uint32_t i = 0; step->group && i < step->group->count; i++)
        d->after[step->group->nodes[i]] = true;
}

/* Nodes without a step pass on what they wait for. */
static void mark_after(const tw_delayer *d, uint32_t maker, uint32_t update)
{
    const tw_plan *plan = d->v->plan;
    memset(d->after, 0, plan->nodes.count * sizeof *d->after);
    mark_nodes(d, &d->v->steps.items[maker]);
    mark_nodes(d, &d->v->steps.items[update]);
    for (uint32_t i = 0; i < plan->order_count; i++) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        bool after = d->after[plan->order[i]];
        for (uint32_t k = 0; !after && k < node->input_count; k++)
            after = d->after[plan->values.items[node->inputs[k]].node];
        for (uint32_t k = 0; !after && k < node->control_count; k++)
            after = d->after[node->controls[k]];
        d->after[plan->order[i]] = after;
    }
}

/* Steps of groups wait for whatever one of their members needs. */
static bool is_after(const tw_delayer *d, const tw_step *step)
{
    bool after = d->after[step->node];
    for (uint32_t i = 0; step->group && !after && i < step->group->count; i++)
        after = d->after[step->group->nodes[i]];
    return after;
}

/* Both go to just before the first step that needs one of them, or to the end; what lies between
 * comes earlier by one or two places, in the order that it had. False: they stay. */
static bool move(const tw_delayer *d, uint32_t maker, uint32_t update)
{
    tw_step *steps = d->v->steps.items, first = steps[maker], second = steps[update];
    uint32_t end = maker + 1, at = maker;
    mark_after(d, maker, update);
    while (end < d->v->steps.count && (end == update || !is_after(d, &steps[end])))
        end++;
    if (end <= update + 1)
        return false;
    for (uint32_t s = maker + 1; s < end; s++) {
        if (s != update)
            steps[at++] = steps[s];
    }
    steps[at] = first;
    steps[at + 1] = second;
    return true;
}

/* One pair after the other, as long as there is less at the peak each time: of two gradients of one
 * size the first alone may gain next to nothing, as the other is the peak then. What gains too
 * little in the end is undone, so that most plans keep the order that they had. */
static tw_status *move_all(tw_delayer *d)
{
    tw_variant *v = d->v;
    size_t bytes = v->steps.count * sizeof *v->steps.items;
    uint32_t maker, update, peak = find_peak(d);
    int64_t first = d->live[peak], most = first;
    if (!find_pair(d, peak, &maker, &update))
        return TW_OK;
    tw_step *old = tw_alloc(bytes);
    if (!old)
        return tw_no_memory();
    memcpy(old, v->steps.items, bytes);
    for (int i = 0; i < MOST_MOVES && find_pair(d, peak, &maker, &update); i++) {
        if (!move(d, maker, update))
            break;
        peak = find_peak(d);
        if (d->live[peak] >= most)
            break;
        most = d->live[peak];
    }
    if (d->live[peak] > first - first / LEAST_GAIN)
        memcpy(v->steps.items, old, bytes);
    tw_free(old);
    return TW_OK;
}

/* Most variants have no value that is worth a look. */
static bool has_large(const tw_variant *v)
{
    bool large = false;
    for (size_t i = 0; !large && i < v->plan->values.count; i++)
        large = v->values[i].bytes >= LEAST_BYTES && v->values[i].place == TW_PLACE_ARENA;
    return large;
}

/* Where steps go in this order, and once. An order of the variant's alone: which values are large
 * is not known before there are sizes, and the plan serves all of them. */
tw_status *tw_variant_delay(tw_variant *v)
{
    if (v->plan->loop || v->plan->has_waits || v->plan->has_guards || !has_large(v))
        return TW_OK;
    tw_delayer d = {.v = v,
                    .live = tw_alloc_array(v->steps.count + 2, sizeof *d.live),
                    .after = tw_alloc_array(v->plan->nodes.count + 1, sizeof *d.after)};
    tw_status *status = d.live && d.after ? TW_OK : tw_no_memory();
    if (!status)
        status = move_all(&d);
    tw_free(d.live);
    tw_free(d.after);
    return status;
}
