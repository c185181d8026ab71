/* SPDX-License-Identifier: Apache-2.0
 * Of a plan that is shown: what the planner's own operations are made of, and why a step that might
 * have been part of another, or might have read a packed copy, is or does not. */
#include <string.h>

#include "plan/fuse.h"
#include "runtime/explain.h"

/* One text of `list`, in which spaces are between them. */
static bool is_one_of(const char *name, const char *list)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    }
    return false;
}

/* What the planner's own operations are made of: each name, then what is shown; "" ends it. */
const char *tw_explain_made_of(const char *name)
{
    static const char made[] = "_FusedMatMul\0MatMul+bias\0"
                               "_FusedConv2D\0Conv2D+bias\0"
                               "_FusedConv2DMaxPool\0Conv2D+bias\0"
                               "_ApplyMatMul\0MatMul+ApplyGradientDescent\0"
                               "_AddMatMul\0MatMul+Add\0"
                               "_AssignMul\0Mul+Assign\0"
                               "_ScaledSoftmaxCrossEntropy\0SoftmaxCrossEntropyWithLogits+Mul\0"
                               "_ScaledSparseSoftmaxCrossEntropy\0"
                               "SparseSoftmaxCrossEntropyWithLogits+Mul\0"
                               "_SummedSparseSoftmaxCrossEntropy\0"
                               "SparseSoftmaxCrossEntropyWithLogits+Mul+Sum\0"
                               "_StridedSliceAdd\0StridedSliceGrad+AddN\0";
    for (const char *at = made; *at; at += strlen(at) + 1) {
        const char *shown = at + strlen(at) + 1;
        if (!strcmp(at, name))
            return shown;
        at = shown;
    }
    return NULL;
}

/* What a node is to its neighbours. */
typedef enum kinship {
    STRANGER,
    PASS,    /* part of passes: elementwise, or a reduction */
    NO_PASS, /* the same, but not with this dtype or these edges */
    PRODUCT, /* a bias and an activation may ride in it */
    KERNEL   /* goes through rows or images by itself */
} kinship;

static kinship kinship_of(const tw_plan_node *node)
{
    if (node->gone || !tw_node_is_pure(node))
        return STRANGER;
    if (tw_fuse_is_elementwise(node) || tw_fuse_is_broadcast(node) || tw_fuse_reduction(node))
        return PASS;
    if (node->spec.op->definition.elementwise || tw_spec_attr(&node->spec, "keep_dims"))
        return NO_PASS;
    if (node->spec.op->definition.packing)
        return PRODUCT;
    return is_one_of(node->spec.op->name,
                     "AddN Softmax LogSoftmax BiasAdd MaxPool L2Loss SoftmaxCrossEntropyWithLogits "
                     "SparseSoftmaxCrossEntropyWithLogits _ScaledSoftmaxCrossEntropy "
                     "_ScaledSparseSoftmaxCrossEntropy _SummedSparseSoftmaxCrossEntropy")
               ? KERNEL
               : STRANGER;
}

/* Axes and sizes are no numbers. */
static uint32_t number_inputs(const tw_plan_node *node)
{
    bool first_only = tw_fuse_is_broadcast(node) || tw_spec_attr(&node->spec, "keep_dims");
    return first_only && node->input_count ? 1 : node->input_count;
}

/* Of a product whose value `to` reads. What rides must be known to fit before sizes are. */
static const char *why_not_ridden(const tw_plan *plan, uint32_t value, const tw_plan_node *to)
{
    const tw_plan_node *from = tw_plan_producer(plan, value);
    const char *name = to->spec.op->name;
    bool made = tw_explain_made_of(from->spec.op->name) != NULL,
         sum = is_one_of(name, "Add AddV2 BiasAdd");
    if (!is_one_of(name, "Add AddV2 BiasAdd Relu Relu6 Sigmoid Tanh MaxPool") || (made && sum))
        return "only a bias and an activation ride in a product";
    if (!tw_value_is_private(plan, value))
        return "the product is read in several places";
    const tw_attr *activation = tw_spec_attr(&from->spec, "activation");
    if (activation && activation->value.s.length && !is_one_of(name, "MaxPool"))
        return "there is one in the product";
    if (!sum && !made)
        return "rides only behind a bias";
    tw_shape p = plan->values.items[value].shape;
    tw_shape bias = plan->values.items[to->inputs[sum && to->inputs[0] == value]].shape;
    int64_t wide = bias.rank == 1 ? bias.dims[0] : 0, columns = p.rank ? p.dims[p.rank - 1] : -1;
    if (sum && (!bias.dims || wide < 0 || columns < 0))
        return "a bias of unknown shape";
    return sum && wide != columns ? "what is added is no bias"
                                  : "the order of other steps, a dtype or layout";
}

/* Why `to`, which reads the value, is not one with what makes it. `alone` is one of the two. NULL:
 * they are no neighbours. */
static const char *why_apart(const tw_variant *v, uint32_t value, const tw_plan_node *to,
                             const tw_plan_node *alone)
{
    const tw_plan *plan = v->plan;
    const tw_plan_node *from = tw_plan_producer(plan, value);
    kinship a = kinship_of(from), b = kinship_of(to);
    bool bare = a != PASS && a != NO_PASS && b != PASS && b != NO_PASS;
    if (a == STRANGER || b == STRANGER ||
        (bare && (a != PRODUCT || !is_one_of(to->spec.op->name, "BiasAdd MaxPool"))))
        return NULL;
    uint32_t shaped = tw_fuse_reduction(to) ? to->inputs[0] : to->first_value;
    if (a == NO_PASS || b == NO_PASS)
        return (a == NO_PASS ? from : to)->real_controls ? "waits for others"
                                                         : "no pass for this dtype";
    if (a == PRODUCT)
        return why_not_ridden(plan, value, to);
    if (v->values[value].dynamic || v->values[shaped].dynamic)
        return "sizes known at run time";
    if (b == PRODUCT)
        return alone == to ? "its operands are read many times" : "a product reads it many times";
    if (a == KERNEL || b == KERNEL)
        return alone == (a == KERNEL ? from : to) ? "a kernel of its own"
                                                  : "next to a kernel of its own";
    if (from->row_group != TW_NO_INDEX && from->row_group == to->row_group)
        return "rows of this size are no pass";
    if (tw_fuse_reduction(from))
        return "a reduction ends a pass";
    if (!tw_shape_equal(v->values[value].shape, v->values[shaped].shape))
        return "another size";
    if (from->target || from->waited_for)
        return "others wait for it";
    if (plan->values.items[value].uses > 1)
        return alone == to ? "reads what others read before" : "read in several places";
    return from->group != TW_NO_INDEX && from->group == to->group && tw_fuse_reduction(to)
               ? "such axes end no pass"
               : "the order of other steps";
}

/* NULL where nothing was near, or where it holds something. */
const char *tw_explain_alone(const tw_variant *v, const tw_step *step, const uint32_t *readers)
{
    const tw_plan *plan = v->plan;
    const tw_plan_node *node = &plan->nodes.items[step->node];
    const char *why = NULL;
    if (step->group || kinship_of(node) == STRANGER || tw_explain_made_of(node->spec.op->name))
        return NULL;
    uint32_t reader = readers[node->first_value];
    if (reader)
        why = why_apart(v, node->first_value, &plan->nodes.items[reader - 1], node);
    for (uint32_t i = 0; !why && i < number_inputs(node); i++)
        why = why_apart(v, node->inputs[i], node, node);
    return why;
}

/* The first in the order, from the last one back. */
void tw_explain_readers(const tw_plan *plan, uint32_t *readers)
{
    for (uint32_t i = plan->order_count; i-- > 0;) {
        const tw_plan_node *node = &plan->nodes.items[plan->order[i]];
        for (uint32_t k = 0; kinship_of(node) != STRANGER && k < number_inputs(node); k++)
            readers[node->inputs[k]] = plan->order[i] + 1;
    }
}

/* A copy that is packed would be old before it was read again. NULL: such a step reads none. */
const char *tw_explain_unpacked(const tw_variant *v, const tw_step *step)
{
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    const struct tw_packing *packing = node->spec.op ? node->spec.op->definition.packing : NULL;
    if (!step->kernel || !packing || step->flags & TW_STEP_FOREIGN ||
        packing->input >= step->input_count)
        return NULL;
    if (step->flags & TW_STEP_DYNAMIC)
        return "sizes known at run time";
    if (step->packing)
        return step->pack_bytes ? "written in each run" : "would not repay";
    tw_place place = v->values[v->values[step->inputs[packing->input]].root].place;
    return place == TW_PLACE_FEED       ? "fed in each run"
           : place == TW_PLACE_CONSTANT ? "a constant"
                                        : "made in each run";
}
