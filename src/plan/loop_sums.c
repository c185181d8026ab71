/* SPDX-License-Identifier: Apache-2.0
 * Sums of products over a loop's iterations, as gradients of weights are. Where nothing but the sum
 * itself reads it before the loop has ended, it need not be right before: the step may gather what
 * it is given and add it up for several iterations at once. The op says when that gains. */
#include "plan/variant.h"

/* What the step gives is nothing but the next value of what it adds to. */
static bool is_sum(const tw_plan *plan, const tw_step *step)
{
    uint32_t next = step->outputs[0];
    return tw_value_is_summed(plan, step->inputs[0], next) && plan->values.items[next].uses == 1;
}

/* Also not where a step may be dead, or has to be asked again. */
void tw_variant_batch_sums(tw_variant *v, tw_array **pointers)
{
    for (size_t s = 0; v->plan->loop && !v->plan->has_waits && s < v->steps.count; s++) {
        tw_step *step = &v->steps.items[s];
        const tw_plan_node *node = &v->plan->nodes.items[step->node];
        const struct tw_batching *batching = node->spec.op ? node->spec.op->definition.batching
                                                           : NULL;
        if (!batching || !step->kernel || step->flags || !is_sum(v->plan, step))
            continue;
        tw_compute c;
        tw_variant_context(v, step, pointers, &c);
        size_t bytes = batching->bytes(&c, &step->rounds);
        if (!bytes)
            continue;
        step->batching = batching;
        step->compute = batching->compute;
        step->workspace_bytes = bytes;
        v->batches = true;
    }
}
