/* SPDX-License-Identifier: Apache-2.0
 * TensorArrayV3 and what is done with one. */
#include "ops/tensor_array.h"

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
    .gradient = tw_array_list_write_gradient,
    .compute = tw_array_list_do_write,
};

const tw_op_definition tw_op_TensorArrayReadV3 = {
    .signature = "handle: resource, index: int32, flow_in: float -> value: dtype; dtype: type",
    .doc = "The array at `index`; it is forgotten if the list was made with clear_after_read.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .gradient = tw_array_list_read_gradient,
    .compute = tw_array_list_do_read,
};

const tw_op_definition tw_op_TensorArrayGatherV3 = {
    .signature = "handle: resource, indices: int32, flow_in: float -> value: dtype; dtype: "
                 "type; element_shape: shape = ?",
    .doc = "The arrays at `indices`, stacked along a new first dimension.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_gather,
    .gradient = tw_array_list_gather_gradient,
    .compute = tw_array_list_do_gather,
};

const tw_op_definition tw_op_TensorArrayScatterV3 = {
    .signature = "handle: resource, indices: int32, value: T, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Splits `value` along its first dimension and puts the parts at `indices`.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_array_list_infer_scatter,
    .gradient = tw_array_list_scatter_gradient,
    .compute = tw_array_list_do_scatter,
};

const tw_op_definition tw_op_TensorArrayConcatV3 = {
    .signature = "handle: resource, flow_in: float -> value: dtype, lengths: int64; dtype: "
                 "type; element_shape_except0: shape = ?",
    .doc = "All arrays one after the other along their first dimension, and how long each was.",
    .since = "TensorArray*V3: 0.12",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_concat,
    .gradient = tw_array_list_concat_gradient,
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
    .gradient = tw_array_list_split_gradient,
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
