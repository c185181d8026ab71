/* SPDX-License-Identifier: Apache-2.0
 * Arrays of one value with the shape of another tensor: a Const where that shape is known. */
#include "composites/composite.h"

/* The values are never read, so a known shape is all that is needed; else the operation looks at
 * it. */
tw_tensor tw_zeros_like_build(const struct tw_zeros_like_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->tensor, args->name, "zeros_like");
    tw_tensor tensor = tw_as_tensor(args->tensor, "tensor"), result;
    tw_dtype own = tw_plain_dtype(tensor), dtype = args->dtype ? args->dtype : own;
    tw_shape shape = tw_tensor_shape(tensor);
    if (tw_shape_fully_known(shape) && dtype != TW_VARIANT && dtype != TW_RESOURCE)
        result = tw_zeros(shape, .dtype = dtype, .name = scope.name);
    else if (dtype != own)
        result = tw_zeros(tw_shape(tensor), .dtype = dtype, .name = scope.name);
    else
        result = tw_raw_zeros_like(tensor, .name = scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_zeros_like = {
    .signature = "tensor: tensor; dtype: type -> output: tensor",
    .doc =
        "Zeros (false, empty texts) of the shape and, unless it is given, the dtype of a tensor.",
    .examples = {"zeros_like([1., 2.]) -> [0., 0.]", "zeros_like([1., 2.], dtype=int32) -> [0, 0]"},
};

/* There is an operation OnesLike too, but TensorFlow's function fills the shape. */
tw_tensor tw_ones_like_build(const struct tw_ones_like_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->tensor, args->name, "ones_like");
    tw_tensor tensor = tw_as_tensor(args->tensor, "tensor");
    tw_dtype dtype = args->dtype ? args->dtype : tw_plain_dtype(tensor);
    tw_tensor result = tw_ones(tw_sizes_of(tensor), .dtype = dtype, .name = scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_ones_like = {
    .signature = "tensor: tensor; dtype: type -> output: tensor",
    .doc = "Ones (true) of the shape and, unless it is given, the dtype of a tensor.",
    .examples = {"ones_like([3., 2.]) -> [1., 1.]", "ones_like([3., 2.], dtype=int32) -> [1, 1]"},
};
