/* SPDX-License-Identifier: Apache-2.0
 * Fill, ZerosLike, OnesLike: arrays of one value. */
#include "kernels/copy.h"
#include "op/define.h"

/* One value, so only the sizes matter. */
static void infer_fill(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_scalar(in, 1);
    tw_infer_output(in, 0, tw_infer_size_value(in, 0));
}

/* The value's dtype is that of the output, so the loop copies bytes and needs no case for
 * numbers; strings are handled inside it. */
static tw_status *compute_fill(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    tw_par par = tw_compute_par(c);
    return (tw_fill)(out->dtype, tw_input_data(c, 1), out->count, out->data, &par);
}

/* Every element is the value, so its derivative is the sum of all. */
static tw_status *fill_gradient(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    tw_shape shape = tw_tensor_shape(dy);
    int64_t axes[TW_MAX_RANK];
    for (size_t i = 0; shape.dims && i < shape.rank; i++)
        axes[i] = (int64_t)i;
    if (shape.dims)
        g->dx[1] = tw_grad_of(tw_sum(dy, ((tw_ints){axes, shape.rank})));
    else
        g->dx[1] = tw_grad_of(tw_sum(tw_reshape(dy, TW_INTS(-1)), 0));
    return TW_OK;
}

const tw_op_definition tw_op_Fill = {
    .signature = "dims: index_type, value: T -> output: T; T: type; "
                 "index_type: {int32, int64} = int32",
    .doc = "An array of shape `dims` with the scalar `value` in every element.",
    .since = "index_type: 1.7",
    .examples = {"fill([2, 3], 9) -> [[9, 9, 9], [9, 9, 9]]"},
    .shape_inputs = 1,
    .infer = infer_fill,
    .gradient = fill_gradient,
    .compute = compute_fill,
};

/* Elements of any dtype: what a string or handle held is dropped first. */
static tw_status *compute_zeros(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    tw_elements_drop(out->dtype, out->data, out->count);
    tw_elements_init(out->dtype, out->data, out->count);
    return TW_OK;
}

const tw_op_definition tw_op_ZerosLike = {
    .signature = "x: T -> y: T; T: type",
    .builder = "raw_zeros_like",
    .doc = "Zeros (false, empty texts) of the shape and dtype of `x`.",
    .examples = {"raw_zeros_like([1., 2.]) -> [0., 0.]"},
    .flags = TW_OP_SHAPE_ONLY,
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_zeros,
    .in_place = 1,
};

/* The one is made once in the dtype's own form and then repeated; 16 bytes hold the widest
 * element. */
static tw_status *compute_ones(tw_compute *c)
{
    _Alignas(16) unsigned char one[16] = {0};
    tw_array *out = tw_output(c, 0);
    /* A complex number starts with its real part. */
    tw_dtype part = out->dtype == TW_COMPLEX64    ? TW_FLOAT32
                    : out->dtype == TW_COMPLEX128 ? TW_FLOAT64
                                                  : out->dtype;
    tw_element_set(part, one, 1);
    tw_par par = tw_compute_par(c);
    return (tw_fill)(out->dtype, one, out->count, out->data, &par);
}

const tw_op_definition tw_op_OnesLike = {
    .signature = "x: T -> y: T; T: {bfloat16, half, float, double, int8, uint8, int16, uint16, "
                 "int32, int64, complex64, complex128, bool}",
    .builder = "raw_ones_like",
    .doc = "Ones (true) of the shape and dtype of `x`.",
    .since = "1.1",
    .examples = {"raw_ones_like([3., 2.]) -> [1., 1.]"},
    .flags = TW_OP_SHAPE_ONLY,
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_ones,
    .in_place = 1,
};
