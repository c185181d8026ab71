/* SPDX-License-Identifier: Apache-2.0
 * TensorArrayV3 and what is done with one. A gradient reads and writes the list of gradients of the
 * same call of tw_gradients (`source`), so that what several operations send to one element adds
 * up there. */
#include <string.h>

#include "ops/tensor_array.h"

/* ---- derivatives ---- */

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

/* The list of gradients of this call and the flow that orders what is done with it. */
typedef struct gradient_array {
    tw_tensor handle, flow;
} gradient_array;

/* The list of gradients of the TensorArray `handle`; its flow waits for it to be made. */
static gradient_array gradient_of(tw_tensor handle, tw_tensor flow, tw_tensor dy)
{
    gradient_array out = {{NULL, 0}, {NULL, 0}};
    TW_NAME_SCOPE("TensorArrayGrad") {
        out.handle = tw_tensor_array_grad_v3(handle, flow, .source = source_of(dy).s).grad_handle;
        TW_CONTROL_DEPENDENCIES(out.handle)
            out.flow = tw_identity(flow, .name = "gradient_flow");
    }
    return out;
}

/* Where nothing flows into the output there is nothing to write, and no list of gradients need
 * be made. */
static bool has_gradient(const tw_gradient *g)
{
    return g->dy[0].kind != TW_GRAD_NONE;
}

/* A write becomes a read of the same place, after all later uses have added their part, which
 * the flow sees to. */
static tw_status *write_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor flow = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], flow, flow);
    g->dx[2] = tw_grad_of(
        tw_tensor_array_read_v3(a.handle, g->inputs[1], a.flow, .dtype = tw_gradient_type(g, "T")));
    g->dx[3] = tw_grad_of(flow);
    return TW_OK;
}

/* A read becomes a write: if an element was read several times its derivatives add up in the
 * list. */
static tw_status *read_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], g->inputs[2], dy);
    g->dx[2] = tw_grad_of(tw_tensor_array_write_v3(a.handle, g->inputs[1], dy, a.flow));
    return TW_OK;
}

/* What was read from places is written to the same places of the list of gradients. */
static tw_status *gather_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], g->inputs[2], dy);
    g->dx[2] = tw_grad_of(tw_tensor_array_scatter_v3(a.handle, g->inputs[1], dy, a.flow));
    return TW_OK;
}

/* The derivative of what was written is gathered from the same places; the flow's derivative
 * goes on to earlier uses. */
static tw_status *scatter_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor flow = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], flow, flow);
    g->dx[2] = tw_grad_of(tw_tensor_array_gather_v3(a.handle, g->inputs[1], a.flow,
                                                    .dtype = tw_gradient_type(g, "T")));
    g->dx[3] = tw_grad_of(flow);
    return TW_OK;
}

/* A concatenation is taken apart again by the lengths that it gave, output 1. */
static tw_status *concat_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], g->inputs[1], dy);
    g->dx[1] = tw_grad_of(tw_tensor_array_split_v3(a.handle, dy, g->outputs[1], a.flow));
    return TW_OK;
}

/* The parts are concatenated again. Their order in the list is that of the value. */
static tw_status *split_gradient(tw_gradient *g)
{
    if (!has_gradient(g))
        return TW_OK;
    tw_tensor flow = tw_grad_tensor(g->dy[0]);
    gradient_array a = gradient_of(g->inputs[0], flow, flow);
    tw_dtype dtype = tw_gradient_type(g, "T");
    g->dx[1] = tw_grad_of(tw_tensor_array_concat_v3(a.handle, a.flow, .dtype = dtype).value);
    g->dx[3] = tw_grad_of(flow);
    return TW_OK;
}

/* ---- definitions ---- */

const tw_op_definition tw_op_TensorArrayV3 = {
    .signature = "size: int32 -> handle: resource, flow: float; dtype: type; element_shape: "
                 "shape = ?; dynamic_size: bool = false; clear_after_read: "
                 "bool = true; identical_element_shapes: bool = false; tensor_array_name: "
                 "string = \"\"",
    .doc = "A list of `size` arrays of one dtype, which operations of one run fill and read. "
           "`flow` orders them.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_make,
};

const tw_op_definition tw_op_TensorArrayGradV3 = {
    .signature = "handle: resource, flow_in: float -> grad_handle: resource, flow_out: float; "
                 "source: string",
    .doc = "The list of gradients for `source` that belongs to a TensorArray: as long as it, "
           "and values written to one place add up.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_gradient,
};

const tw_op_definition tw_op_TensorArrayWriteV3 = {
    .signature = "handle: resource, index: int32, value: T, flow_in: float -> flow_out: float;"
                 " T: type",
    .doc = "Puts `value` at `index`, which must not have been written before.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = write_gradient,
    .compute = tw_array_list_do_write,
};

const tw_op_definition tw_op_TensorArrayReadV3 = {
    .signature = "handle: resource, index: int32, flow_in: float -> value: dtype; dtype: type",
    .doc = "The array at `index`; it is forgotten if the list was made with clear_after_read.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .gradient = read_gradient,
    .compute = tw_array_list_do_read,
};

const tw_op_definition tw_op_TensorArrayGatherV3 = {
    .signature = "handle: resource, indices: int32, flow_in: float -> value: dtype; dtype: "
                 "type; element_shape: shape = ?",
    .doc = "The arrays at `indices`, stacked along a new first dimension.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_gather,
    .gradient = gather_gradient,
    .compute = tw_array_list_do_gather,
};

const tw_op_definition tw_op_TensorArrayScatterV3 = {
    .signature = "handle: resource, indices: int32, value: T, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Splits `value` along its first dimension and puts the parts at `indices`.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_array_list_infer_scatter,
    .gradient = scatter_gradient,
    .compute = tw_array_list_do_scatter,
};

const tw_op_definition tw_op_TensorArrayConcatV3 = {
    .signature = "handle: resource, flow_in: float -> value: dtype, lengths: int64; dtype: "
                 "type; element_shape_except0: shape = ?",
    .doc = "All arrays one after the other along their first dimension, and how long each was.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_concat,
    .gradient = concat_gradient,
    .compute = tw_array_list_do_concat,
};

const tw_op_definition tw_op_TensorArraySplitV3 = {
    .signature = "handle: resource, value: T, lengths: int64, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Splits `value` along its first dimension into parts of `lengths`, which become the"
           " elements.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = split_gradient,
    .compute = tw_array_list_do_split,
};

const tw_op_definition tw_op_TensorArraySizeV3 = {
    .signature = "handle: resource, flow_in: float -> size: int32",
    .doc = "The number of elements.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_size,
};

const tw_op_definition tw_op_TensorArrayCloseV3 = {
    .signature = "handle: resource ->",
    .doc = "Forgets all elements; the list cannot be used any more.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_close,
};
