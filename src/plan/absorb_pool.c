/* SPDX-License-Identifier: Apache-2.0
 * A largest number of windows over what a fused convolution gives to nobody else: one step does
 * both, and what is pooled is never all there (ops/conv2d_pool.c). */
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"

enum { BATCH = 0, DEPTH = 3, RANK = 4 };

/* One at the batch and at the depth, so that an image's channels are pooled for themselves. */
static bool stays_in_image(const tw_attr *list)
{
    const int64_t *items = list && list->list ? list->value.items : NULL;
    return items && list->count == RANK && items[BATCH] == 1 && items[DEPTH] == 1;
}

static bool is_text(const tw_attr *attr, const char *text)
{
    return attr && attr->kind == TW_ATTR_STRING && attr->value.s.length == strlen(text) &&
           !memcmp(attr->value.s.data, text, strlen(text));
}

/* The convolution that the pooling can take along, or NULL. */
static const tw_plan_node *convolution_of(const tw_plan *plan, const tw_plan_node *node)
{
    const tw_attr *format = tw_spec_attr(&node->spec, "data_format");
    if (!tw_node_is_type(node, "MaxPool") || node->control_count ||
        !stays_in_image(tw_spec_attr(&node->spec, "ksize")) ||
        !stays_in_image(tw_spec_attr(&node->spec, "strides")) ||
        (format && !is_text(format, "NHWC")) || !tw_value_is_private(plan, node->inputs[0]))
        return NULL;
    const tw_plan_node *conv = tw_plan_producer(plan, node->inputs[0]);
    bool fits = tw_node_is_type(conv, "_FusedConv2D") && !conv->gone && !conv->control_count &&
                !conv->target && conv->guarded == node->guarded &&
                is_text(tw_spec_attr(&conv->spec, "data_format"), "NHWC");
    return fits ? conv : NULL;
}

/* The pooling's attributes go behind the convolution's, under names of their own. */
tw_status *tw_plan_absorb_pool(tw_plan *plan, uint32_t index)
{
    static const char *const names[][2] = {
        {"ksize", "pool_ksize"}, {"strides", "pool_strides"}, {"padding", "pool_padding"}};
    enum { MORE = sizeof names / sizeof *names };
    tw_plan_node *node = &plan->nodes.items[index];
    const tw_plan_node *conv = convolution_of(plan, node);
    const tw_op *op = conv ? tw_op_find("_FusedConv2DMaxPool") : NULL;
    if (!op || tw_plan_is_written_between(plan, conv, conv->inputs[0], index))
        return TW_OK;
    size_t count = conv->spec.attr_count;
    tw_attr *attrs = tw_arena_array(&plan->arena, count + MORE, sizeof *attrs);
    if (!attrs)
        return tw_no_memory();
    memcpy(attrs, conv->spec.attrs, count * sizeof *attrs);
    for (size_t i = 0; i < MORE; i++) {
        attrs[count + i] = *tw_spec_attr(&node->spec, names[i][0]);
        attrs[count + i].name = names[i][1];
    }
    tw_plan_node made = *node;
    made.spec = conv->spec;
    made.spec.name = node->spec.name;
    made.spec.op = op;
    made.spec.type = op->name;
    made.spec.attrs = attrs;
    made.spec.attr_count = count + MORE;
    made.inputs = conv->inputs;
    made.input_dtypes = conv->input_dtypes;
    made.input_count = conv->input_count;
    *node = made;
    plan->counts.simplified++;
    return TW_OK;
}
