/* SPDX-License-Identifier: Apache-2.0
 * TensorArray and TensorArrayV2, the forms before TensorArrayV3: their handles are names. Graphs of
 * the years before 1.0 hold them; new ones are made of V3. */
#include "ops/tensor_array.h"

const tw_op_definition tw_op_TensorArray = {
    .signature = "size: int32 -> handle: Ref(string); dtype: type; element_shape: shape = "
                 "?; dynamic_size: bool = false; clear_after_read: bool = "
                 "true; tensor_array_name: string = \"\"",
    .doc = "A list of `size` arrays of one dtype, which operations of one run fill and read. "
           "`flow` orders them.",
    .builder = "tensor_array_v1",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_make,
};

const tw_op_definition tw_op_TensorArrayGrad = {
    .signature = "handle: string, flow_in: float -> grad_handle: Ref(string); source: string",
    .doc = "The list of gradients for `source` that belongs to a TensorArray: as long as it, "
           "and values written to one place add up.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_gradient,
};

const tw_op_definition tw_op_TensorArrayWrite = {
    .signature = "handle: Ref(string), index: int32, value: T, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Puts `value` at `index`, which must not have been written before.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = tw_array_list_write_gradient,
    .compute = tw_array_list_do_write,
};

const tw_op_definition tw_op_TensorArrayRead = {
    .signature = "handle: Ref(string), index: int32, flow_in: float -> value: dtype; dtype: "
                 "type",
    .doc = "The array at `index`; it is forgotten if the list was made with clear_after_read.",
    .flags = TW_OP_STATEFUL,
    .gradient = tw_array_list_read_gradient,
    .compute = tw_array_list_do_read,
};

const tw_op_definition tw_op_TensorArrayGather = {
    .signature = "handle: Ref(string), indices: int32, flow_in: float -> value: dtype; dtype: "
                 "type; element_shape: shape = ?",
    .doc = "The arrays at `indices`, stacked along a new first dimension.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_gather,
    .gradient = tw_array_list_gather_gradient,
    .compute = tw_array_list_do_gather,
};

const tw_op_definition tw_op_TensorArrayScatter = {
    .signature = "handle: Ref(string), indices: int32, value: T, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Splits `value` along its first dimension and puts the parts at `indices`.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_array_list_infer_scatter,
    .gradient = tw_array_list_scatter_gradient,
    .compute = tw_array_list_do_scatter,
};

const tw_op_definition tw_op_TensorArrayConcat = {
    .signature = "handle: Ref(string), flow_in: float -> value: dtype, lengths: int64; dtype: "
                 "type; element_shape_except0: shape = ?",
    .doc = "All arrays one after the other along their first dimension, and how long each was.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_concat,
    .gradient = tw_array_list_concat_gradient,
    .compute = tw_array_list_do_concat,
};

const tw_op_definition tw_op_TensorArraySplit = {
    .signature = "handle: Ref(string), value: T, lengths: int64, flow_in: float -> flow_out: "
                 "float; T: type",
    .doc = "Splits `value` along its first dimension into parts of `lengths`, which become the"
           " elements.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = tw_array_list_split_gradient,
    .compute = tw_array_list_do_split,
};

const tw_op_definition tw_op_TensorArraySize = {
    .signature = "handle: Ref(string), flow_in: float -> size: int32",
    .doc = "The number of elements.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_size,
};

const tw_op_definition tw_op_TensorArrayClose = {
    .signature = "handle: Ref(string) ->",
    .doc = "Forgets all elements; the list cannot be used any more.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_close,
};

const tw_op_definition tw_op_TensorArrayPack = {
    .signature = "handle: Ref(string), flow_in: float -> value: dtype; dtype: type; "
                 "element_shape: shape = ?",
    .doc = "All arrays, stacked along a new first dimension.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_pack,
    .gradient = tw_array_list_pack_gradient,
    .compute = tw_array_list_do_pack,
};

const tw_op_definition tw_op_TensorArrayUnpack = {
    .signature = "handle: Ref(string), value: T, flow_in: float -> flow_out: float; T: type",
    .doc = "Splits `value` along its first dimension; the parts become the elements.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = tw_array_list_unpack_gradient,
    .compute = tw_array_list_do_unpack,
};

const tw_op_definition tw_op_TensorArrayV2 = {
    .signature = "size: int32 -> handle: string; dtype: type; element_shape: shape = "
                 "?; dynamic_size: bool = false; clear_after_read: bool = "
                 "true; tensor_array_name: string = \"\"",
    .doc = "A list of `size` arrays of one dtype, which operations of one run fill and read. "
           "`flow` orders them.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_make,
};

const tw_op_definition tw_op_TensorArrayGradV2 = {
    .signature = "handle: string, flow_in: float -> grad_handle: string; source: string",
    .doc = "The list of gradients for `source` that belongs to a TensorArray: as long as it, "
           "and values written to one place add up.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_make,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_gradient,
};

const tw_op_definition tw_op_TensorArrayWriteV2 = {
    .signature = "handle: string, index: int32, value: T, flow_in: float -> flow_out: float; "
                 "T: type",
    .doc = "Puts `value` at `index`, which must not have been written before.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = tw_array_list_write_gradient,
    .compute = tw_array_list_do_write,
};

const tw_op_definition tw_op_TensorArrayReadV2 = {
    .signature = "handle: string, index: int32, flow_in: float -> value: dtype; dtype: type",
    .doc = "The array at `index`; it is forgotten if the list was made with clear_after_read.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .gradient = tw_array_list_read_gradient,
    .compute = tw_array_list_do_read,
};

const tw_op_definition tw_op_TensorArrayGatherV2 = {
    .signature = "handle: string, indices: int32, flow_in: float -> value: dtype; dtype: type;"
                 " element_shape: shape = ?",
    .doc = "The arrays at `indices`, stacked along a new first dimension.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_gather,
    .gradient = tw_array_list_gather_gradient,
    .compute = tw_array_list_do_gather,
};

const tw_op_definition tw_op_TensorArrayScatterV2 = {
    .signature = "handle: string, indices: int32, value: T, flow_in: float -> flow_out: float;"
                 " T: type",
    .doc = "Splits `value` along its first dimension and puts the parts at `indices`.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_array_list_infer_scatter,
    .gradient = tw_array_list_scatter_gradient,
    .compute = tw_array_list_do_scatter,
};

const tw_op_definition tw_op_TensorArrayConcatV2 = {
    .signature = "handle: string, flow_in: float -> value: dtype, lengths: int64; dtype: type;"
                 " element_shape_except0: shape = ?",
    .doc = "All arrays one after the other along their first dimension, and how long each was.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = tw_array_list_infer_concat,
    .gradient = tw_array_list_concat_gradient,
    .compute = tw_array_list_do_concat,
};

const tw_op_definition tw_op_TensorArraySplitV2 = {
    .signature = "handle: string, value: T, lengths: int64, flow_in: float -> flow_out: float;"
                 " T: type",
    .doc = "Splits `value` along its first dimension into parts of `lengths`, which become the"
           " elements.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = tw_infer_scalar_output,
    .gradient = tw_array_list_split_gradient,
    .compute = tw_array_list_do_split,
};

const tw_op_definition tw_op_TensorArraySizeV2 = {
    .signature = "handle: string, flow_in: float -> size: int32",
    .doc = "The number of elements.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_size,
};

const tw_op_definition tw_op_TensorArrayCloseV2 = {
    .signature = "handle: string ->",
    .doc = "Forgets all elements; the list cannot be used any more.",
    .since = "TensorArray*V2: 0.10, removed in 1.0",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = tw_array_list_do_close,
};
