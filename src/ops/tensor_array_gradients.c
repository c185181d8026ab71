/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of what is done with a TensorArray, in all forms of the handle: a gradient is made of
 * operations of the form that it differentiates. It reads and writes the list of gradients of the
 * same call of tw_gradients (`source`), so that what several operations send to one element adds
 * up there. */
#include <stdio.h>
#include <string.h>

#include "ops/tensor_array.h"

/* "a/gradients_1" of "a/gradients_1/b/c:0": which call of tw_gradients made the tensor. */
static tw_text source_of(tw_tensor dy)
{
    tw_text name = tw_tensor_name(dy);
    size_t end = strlen(name.s), last = 0;
    for (size_t i = 0; i < end; i++) {
        bool begins = i == 0 || name.s[i - 1] == '/';
        if (begins && strncmp(name.s + i, "gradients", strlen("gradients")) == 0)
            last = i + strcspn(name.s + i, "/:");
    }
    snprintf(name.s + last, sizeof name.s - last, "%s", last ? "" : "gradients");
    return name;
}

/* "V3" of TensorArrayReadV3, "" of TensorArrayRead. */
static const char *form_of(const tw_gradient *g)
{
    const char *type = tw_operation_type(g->op), *end = strrchr(type, 'V');
    return end && end[1] && !end[2] ? end : "";
}

/* Adds the operation `base` of the form that is differentiated; invalid after a failure, which is
 * reported. */
static tw_tensor add(const tw_gradient *g, const char *base, tw_tensors inputs, tw_attr attr)
{
    char type[64];
    snprintf(type, sizeof type, "%s%s", base, form_of(g));
    tw_graph_add_args args = {.size = sizeof args,
                              .type = type,
                              .inputs = inputs.items,
                              .input_count = inputs.count,
                              .attrs = &attr,
                              .attr_count = attr.name ? 1 : 0};
    tw_operation *op;
    tw_status *status = tw_graph_add(tw_operation_graph(g->op), &args, &op);
    return status ? tw_build_fail(status) : (tw_tensor){op, 0};
}

/* Attributes that the inputs say are left out. */
static const tw_attr no_attr = {.name = NULL};

static tw_attr dtype_attr(const tw_gradient *g)
{
    tw_attr attr = {.name = "dtype", .kind = TW_ATTR_TYPE};
    attr.value.type = tw_gradient_type(g, "T");
    return attr;
}

/* The list of gradients of this call and the flow that orders what is done with it. */
typedef struct gradient_array {
    tw_tensor handle, flow;
} gradient_array;

/* A list of gradients has none itself: the lists of two calls of tw_gradients could not be told
 * apart, and parts of the derivative would be lost. */
static tw_status *check_first_order(tw_gradient *g)
{
    const char *maker = tw_operation_type(g->inputs[0].op);
    if (strncmp(maker, "TensorArrayGrad", strlen("TensorArrayGrad")) != 0 ||
        g->dy[0].kind == TW_GRAD_NONE)
        return TW_OK;
    return tw_gradient_fail(g, "Second-order gradient through a TensorArray (so of map_fn, scan, "
                               "fold and dynamic_rnn) is not supported");
}

/* The list of gradients of the TensorArray, placed with it; its flow waits for it to be made. */
static gradient_array gradient_of(const tw_gradient *g, tw_tensor flow, tw_tensor dy)
{
    gradient_array out = {{NULL, 0}, {NULL, 0}};
    tw_text source = source_of(dy);
    tw_attr attr = {.name = "source", .kind = TW_ATTR_STRING};
    attr.value.s = (tw_bytes){source.s, strlen(source.s)};
    TW_NAME_SCOPE("TensorArrayGrad") {
        TW_COLOCATE_WITH(g->inputs[0]) {
            out.handle = add(g, "TensorArrayGrad", TW_LIST(g->inputs[0], flow), attr);
            if (!out.handle.op)
                continue;
            TW_CONTROL_DEPENDENCIES(out.handle)
                out.flow = tw_identity(flow, .name = "gradient_flow");
        }
    }
    return out;
}

/* The flow after the operation `base`, in a scope of that name, has put `dy` into the list of
 * gradients; index: where, or (invalid) at all places. The lists' lengths stand behind `dy`. */
static tw_grad put(const tw_gradient *g, const char *base, tw_tensor index, tw_tensor flow,
                   bool index_last)
{
    tw_tensor dy = tw_grad_tensor(g->dy[0]), out = {NULL, 0}, inputs[4];
    gradient_array a = gradient_of(g, flow, dy);
    size_t count = 0;
    inputs[count++] = a.handle;
    if (index.op && !index_last)
        inputs[count++] = index;
    inputs[count++] = dy;
    if (index.op && index_last)
        inputs[count++] = index;
    inputs[count++] = a.flow;
    TW_NAME_SCOPE(base)
        out = add(g, base, (tw_tensors){inputs, count}, no_attr);
    return tw_grad_of(out);
}

/* What the operation `base` reads of the list of gradients, after all later uses have added their
 * part, which the flow sees to; and the flow's derivative goes on to earlier uses. */
static tw_status *take(tw_gradient *g, const char *base, tw_tensor index, size_t value)
{
    TW_TRY(check_first_order(g));
    if (g->dy[0].kind == TW_GRAD_NONE)
        return TW_OK;
    tw_tensor flow = tw_grad_tensor(g->dy[0]), inputs[3];
    gradient_array a = gradient_of(g, flow, flow);
    size_t count = 0;
    inputs[count++] = a.handle;
    if (index.op)
        inputs[count++] = index;
    inputs[count++] = a.flow;
    g->dx[value] = tw_grad_of(add(g, base, (tw_tensors){inputs, count}, dtype_attr(g)));
    g->dx[g->input_count - 1] = g->dy[0];
    return TW_OK;
}

/* Where nothing flows into the output there is nothing to write, and no list of gradients need
 * be made. */
static bool has_gradient(const tw_gradient *g)
{
    return g->dy[0].kind != TW_GRAD_NONE;
}

static const tw_tensor everywhere = {NULL, 0};

/* A write becomes a read of the same place. */
tw_status *tw_array_list_write_gradient(tw_gradient *g)
{
    return take(g, "TensorArrayRead", g->inputs[1], 2);
}

/* A read becomes a write: if an element was read several times its derivatives add up in the
 * list. */
tw_status *tw_array_list_read_gradient(tw_gradient *g)
{
    TW_TRY(check_first_order(g));
    if (has_gradient(g))
        g->dx[2] = put(g, "TensorArrayWrite", g->inputs[1], g->inputs[2], false);
    return TW_OK;
}

/* What was read from places is written to the same places of the list of gradients. */
tw_status *tw_array_list_gather_gradient(tw_gradient *g)
{
    TW_TRY(check_first_order(g));
    if (has_gradient(g))
        g->dx[2] = put(g, "TensorArrayScatter", g->inputs[1], g->inputs[2], false);
    return TW_OK;
}

/* The derivative of what was written is gathered from the same places. */
tw_status *tw_array_list_scatter_gradient(tw_gradient *g)
{
    return take(g, "TensorArrayGather", g->inputs[1], 2);
}

/* All elements, stacked, get what flows into the stack. */
tw_status *tw_array_list_pack_gradient(tw_gradient *g)
{
    TW_TRY(check_first_order(g));
    if (has_gradient(g))
        g->dx[1] = put(g, "TensorArrayUnpack", everywhere, g->inputs[1], false);
    return TW_OK;
}

/* And the other way round. */
tw_status *tw_array_list_unpack_gradient(tw_gradient *g)
{
    return take(g, "TensorArrayPack", everywhere, 1);
}

/* A concatenation is taken apart again by the lengths that it gave, output 1. */
tw_status *tw_array_list_concat_gradient(tw_gradient *g)
{
    TW_TRY(check_first_order(g));
    if (has_gradient(g))
        g->dx[1] = put(g, "TensorArraySplit", g->outputs[1], g->inputs[1], true);
    return TW_OK;
}

/* The parts are concatenated again. Their order in the list is that of the value. */
tw_status *tw_array_list_split_gradient(tw_gradient *g)
{
    return take(g, "TensorArrayConcat", everywhere, 1);
}
