/* SPDX-License-Identifier: Apache-2.0
 * Loops that count: a scalar integer goes on by the same number until it reaches a limit, both of
 * which no iteration changes. How often such a loop goes round is known when it begins, so that
 * neither the condition nor, where nothing else reads it, the counter is computed each time. */
#include "plan/variant.h"

/* Through views: an Identity of the counter is the counter. */
static uint32_t root_of(const tw_variant *v, uint32_t value)
{
    return v->values[value].root;
}

/* Made outside of the loop, so that it is the same in every iteration. */
static bool is_steady(const tw_variant *v, uint32_t value)
{
    const tw_plan *plan = v->plan;
    uint32_t root = root_of(v, value);
    if (v->values[root].place == TW_PLACE_CONSTANT)
        return v->values[root].constant != NULL;
    return tw_plan_staying_feed(plan, root) < plan->feed_count;
}

/* The one operation of a step that is nothing else; NULL: it is more, or a caller's kernel. */
static const tw_plan_node *single(const tw_variant *v, const tw_step *step)
{
    if (step->flags || (step->group && step->group->count != 1))
        return NULL;
    return &v->plan->nodes.items[step->node];
}

/* var < limit, in any of the ways in which that can be written. */
static bool read_condition(const tw_variant *v, tw_counter *out)
{
    const tw_plan_node *test = single(v, &v->steps.items[0]);
    static const struct {
        const char *op;
        int8_t sign;
        bool equal;
    } ways[] = {{"Less", 1, false},
                {"LessEqual", 1, true},
                {"Greater", -1, false},
                {"GreaterEqual", -1, true}};
    for (size_t i = 0; test && i < sizeof ways / sizeof *ways; i++) {
        if (!tw_node_is_type(test, ways[i].op))
            continue;
        bool turned = is_steady(v, test->inputs[0]);
        *out = (tw_counter){.var = root_of(v, test->inputs[turned]),
                            .limit = test->inputs[!turned],
                            .sign = (int8_t)(turned ? -ways[i].sign : ways[i].sign),
                            .equal = ways[i].equal};
        return is_steady(v, out->limit);
    }
    return false;
}

/* The step that makes the counter's next value out of it and a steady one. */
static bool find_next(const tw_variant *v, uint32_t next, tw_counter *counter)
{
    for (size_t s = v->test_steps; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        if (step->output_count != 1 || step->outputs[0] != next)
            continue;
        const tw_plan_node *add = single(v, step);
        if (!add || (!tw_node_is_type(add, "Add") && !tw_node_is_type(add, "AddV2")))
            return false;
        bool turned = root_of(v, add->inputs[0]) != counter->var;
        counter->by = add->inputs[!turned];
        counter->next = next;
        counter->next_step = (uint32_t)s;
        return root_of(v, add->inputs[turned]) == counter->var && is_steady(v, counter->by);
    }
    return false;
}

/* Does nothing but the condition and the next value read it? */
static bool is_alone(const tw_variant *v, const tw_counter *counter)
{
    const tw_plan *plan = v->plan;
    for (size_t s = v->test_steps; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        for (uint32_t i = 0; i < step->input_count && s != counter->next_step; i++) {
            uint32_t root = root_of(v, step->inputs[i]);
            if (root == counter->var || root == counter->next)
                return false;
        }
    }
    for (uint32_t i = 0; i < plan->loop->carried; i++) {
        uint32_t root = root_of(v, plan->fetches[i + 1].value);
        if (plan->feeds[i] != counter->var && (root == counter->var || root == counter->next))
            return false;
    }
    return true;
}

/* A scalar of the body's own memory. */
static bool is_number(const tw_variant *v, uint32_t value, tw_dtype dtype)
{
    const tw_sized *sized = &v->values[value];
    return !sized->dynamic && sized->shape.rank == 0 && sized->place == TW_PLACE_ARENA &&
           v->plan->values.items[value].dtype == dtype;
}

/* After steps and places are known. */
void tw_variant_count_loop(tw_variant *v)
{
    const tw_plan *plan = v->plan;
    tw_counter counter;
    if (v->test_steps != 1 || plan->has_guards || plan->has_waits || plan->loop->levels ||
        v->steps.items[0].outputs[0] != plan->fetches[0].value || !read_condition(v, &counter))
        return;
    uint32_t i = 0;
    while (i < plan->loop->carried && plan->feeds[i] != counter.var)
        i++;
    tw_dtype dtype = plan->values.items[counter.var].dtype;
    if (i == plan->loop->carried || (dtype != TW_INT32 && dtype != TW_INT64))
        return;
    uint32_t next = plan->fetches[i + 1].value;
    if (!is_number(v, counter.var, dtype) || !is_number(v, next, dtype) ||
        !find_next(v, next, &counter))
        return;
    counter.known = true;
    counter.alone = is_alone(v, &counter);
    v->counter = counter;
}
