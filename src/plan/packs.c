/* SPDX-License-Identifier: Apache-2.0
 * Which steps read a packed copy of a variable that is kept from step to step: where the plan
 * leaves the variable as it is, so that the copy serves every run, or where several steps read the
 * same form of it before the next write, as the steps of a recurrent net do. What is written in
 * each run is copied in each, into the arena: there only from the first of these steps to the last.
 * In a loop also copies of whatever comes in and stays the same, which all iterations read. */
#include "plan/variant.h"

enum { LEAST_USES = 3 };

/* The variable's node, or TW_NO_INDEX where the input is no plain read of one. */
static uint32_t variable_of(const tw_variant *v, uint32_t value)
{
    const tw_sized *sized = &v->values[value];
    if (sized->dynamic || v->values[sized->root].place != TW_PLACE_VARIABLE)
        return TW_NO_INDEX;
    return v->plan->values.items[sized->root].variable;
}

/* Does it come into a loop's body and stay the same there? */
static bool stays(const tw_variant *v, uint32_t value)
{
    uint32_t root = v->values[value].root;
    return tw_plan_staying_feed(v->plan, root) < v->plan->feed_count && !v->values[value].dynamic &&
           v->values[root].place == TW_PLACE_FEED;
}

/* Sizes and form are asked of the op; a caller's kernel packs nothing. */
static void ask(const tw_variant *v, tw_step *step, tw_array **pointers)
{
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    const struct tw_packing *packing = node->spec.op ? node->spec.op->definition.packing : NULL;
    tw_compute c;
    step->pack_bytes = 0;
    if (!step->kernel || !packing || step->flags & (TW_STEP_DYNAMIC | TW_STEP_FOREIGN) ||
        packing->input >= step->input_count)
        return;
    uint32_t input = step->inputs[packing->input];
    step->packs_feed = stays(v, input);
    if (!step->packs_feed && variable_of(v, input) == TW_NO_INDEX)
        return;
    step->packing = packing;
    tw_variant_context(v, step, pointers, &c);
    c.state = step->state;
    step->pack_bytes = packing->bytes(&c, &step->pack_form);
}

static bool has_same_form(const tw_step *a, const tw_step *b)
{
    return b->pack_bytes == a->pack_bytes && b->packing == a->packing &&
           b->pack_form.kind == a->pack_form.kind && b->pack_form.rows == a->pack_form.rows;
}

/* Do both steps want the same copy of a variable? */
static bool is_same(const tw_variant *v, const tw_step *a, const tw_step *b)
{
    return has_same_form(a, b) && variable_of(v, a->inputs[a->packing->input]) ==
                                      variable_of(v, b->inputs[b->packing->input]);
}

/* A loop's body runs many times. */
static bool is_worth(const tw_variant *v, const tw_step *step)
{
    uint32_t variable = variable_of(v, step->inputs[step->packing->input]), uses = 0;
    if (v->plan->loop || !v->plan->nodes.items[variable].written)
        return true;
    for (size_t s = 0; s < v->steps.count && uses < LEAST_USES; s++)
        uses += is_same(v, step, &v->steps.items[s]);
    return uses >= LEAST_USES;
}

/* A place for the copy of step s among those that are made when the loop begins: that of an earlier
 * step which wants the same. */
static void place_copy(tw_variant *v, size_t s)
{
    tw_step *step = &v->steps.items[s];
    for (size_t i = 0; i < s; i++) {
        const tw_step *other = &v->steps.items[i];
        if (!other->packs_feed || !has_same_form(other, step) ||
            v->values[other->inputs[step->packing->input]].root !=
                v->values[step->inputs[step->packing->input]].root)
            continue;
        step->pack_offset = other->pack_offset;
        return;
    }
    step->pack_offset = v->pack_total;
    v->pack_total += (step->pack_bytes + 63) / 64 * 64;
}

/* First all are asked, then those that do not repay a copy are let go. */
void tw_variant_packs(tw_variant *v, tw_array **pointers)
{
    for (size_t s = 0; s < v->steps.count; s++)
        ask(v, &v->steps.items[s], pointers);
    for (size_t s = 0; s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        step->packs_feed = step->packs_feed && step->pack_bytes;
        if (step->packs_feed)
            place_copy(v, s);
        step->packs = step->pack_bytes && !step->packs_feed && is_worth(v, step);
    }
}

/* Where steps go in this order, and none is left out. */
void tw_variant_packs_here(tw_variant *v)
{
    if (v->plan->loop || v->plan->has_waits || v->plan->has_guards)
        return;
    for (uint32_t s = 0; s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        if (!step->packs ||
            !v->plan->nodes.items[variable_of(v, step->inputs[step->packing->input])].written)
            continue;
        uint32_t first = 0;
        while (first < s &&
               !(v->steps.items[first].packs_here && v->steps.items[first].pack_first == first &&
                 is_same(v, step, &v->steps.items[first])))
            first++;
        step->packs_here = true;
        step->pack_first = first;
    }
}
