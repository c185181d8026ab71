/* SPDX-License-Identifier: Apache-2.0
 * How many floating-point operations a step takes, and how long a plan, roughly: for traces and
 * plans shown to people, and for front ends that have something to do while a run takes long; never
 * for decisions of the plan. Products and convolutions by their inner sizes, all else one an
 * element. */
#include <math.h>
#include <string.h>

#include "plan/variant.h"

/* What is not known before the run counts as nothing: an estimate must not pretend. */
static double elements(const tw_variant *v, uint32_t value)
{
    int64_t n = v->values[value].dynamic ? 0 : tw_shape_elements(v->values[value].shape);
    return n > 0 ? (double)n : 0;
}

/* The inner size of a product: a's other dim than the one that the result has. */
static double inner_size(const tw_variant *v, const tw_plan_node *node)
{
    static const char *const flags[] = {"transpose_a", "adj_x"};
    tw_shape a = v->values[node->inputs[0]].shape;
    bool turned = false;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const tw_attr *attr = tw_spec_attr(&node->spec, flags[i]);
        turned = turned || (attr && attr->kind == TW_ATTR_BOOL && attr->value.b);
    }
    if (!a.dims || a.rank < 2)
        return 1;
    int64_t k = a.dims[a.rank - (turned ? 2 : 1)];
    return k > 0 ? (double)k : 0;
}

/* Of a convolution and its gradients: each element of the images that come out (forward) meets
 * the filter once. */
static double convolution(const tw_variant *v, uint32_t filter, uint32_t images)
{
    tw_shape f = v->values[filter].shape;
    if (!f.dims || f.rank != 4 || f.dims[3] <= 0)
        return elements(v, images);
    return 2 * elements(v, images) * elements(v, filter) / (double)f.dims[3];
}

/* One that is pooled too: its result before that is not there, but for the strides of both. */
static double pooled_convolution(const tw_variant *v, const tw_plan_node *node, uint32_t out)
{
    const tw_attr *strides = tw_spec_attr(&node->spec, "pool_strides");
    const int64_t *items = strides->value.items;
    return convolution(v, node->inputs[1], out) * (double)items[1] * (double)items[2];
}

/* MatMul, BatchMatMul, _FusedMatMul ... */
static bool is_product(const char *type)
{
    bool found = false;
    while (!found && (type = strchr(type, 'M')))
        found = !strncmp(type++, "MatMul", 6);
    return found;
}

/* A fused step counts each of its members once an element; kernels without a formula of their
 * own count one an element of the first result. */
double tw_step_flops(const tw_variant *v, const tw_step *step)
{
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    const char *type = node->spec.op ? node->spec.op->name : "";
    if (!step->output_count)
        return 0;
    double out = elements(v, step->outputs[0]);
    if (!step->kernel)
        return out * (step->group ? step->group->count : 1);
    if (is_product(type))
        return 2 * out * inner_size(v, node);
    if (tw_name_is(type, "Conv2D") || tw_name_is(type, "_FusedConv2D"))
        return convolution(v, node->inputs[1], step->outputs[0]);
    if (tw_name_is(type, "_FusedConv2DMaxPool"))
        return pooled_convolution(v, node, step->outputs[0]);
    if (tw_name_is(type, "Conv2DBackpropInput"))
        return convolution(v, node->inputs[1], node->inputs[2]);
    if (tw_name_is(type, "Conv2DBackpropFilter"))
        return convolution(v, step->outputs[0], node->inputs[2]);
    return out;
}

/* What a step reads and writes; an output of unknown size counts as large as all inputs. */
static double step_bytes(const tw_variant *v, const tw_step *step)
{
    double read = 0, written = 0;
    for (uint32_t i = 0; i < step->input_count; i++) {
        const tw_sized *sized = &v->values[step->inputs[i]];
        read += sized->dynamic ? 0 : (double)sized->bytes;
    }
    for (uint32_t k = 0; k < step->output_count; k++) {
        const tw_sized *sized = &v->values[step->outputs[k]];
        written += sized->dynamic ? read : (double)sized->bytes;
    }
    return read + written;
}

/* A caller's kernel may do anything. */
static bool may_wait(const tw_step *step)
{
    return step->flags & (TW_STEP_WAITS | TW_STEP_FOREIGN | TW_STEP_LOOP);
}

/* 20 ns to start a step, 10 bytes and 10 operations in a nanosecond. */
double tw_variant_cost(const tw_variant *v)
{
    double cost = 0;
    for (size_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        if (may_wait(step))
            return (double)INFINITY;
        cost += 20 + step_bytes(v, step) / 10 + step->flops / 10;
    }
    return v->plan->has_waits ? (double)INFINITY : cost;
}
