/* SPDX-License-Identifier: Apache-2.0
 * _FusedMatMul: what the planner makes of MatMul, a bias and an activation. The bias is added and
 * the activation taken while the product's tiles are still in the first cache. */
#include "ops/activation.h"
#include "ops/brackets.h"
#include "ops/packing.h"
#include "ops/product.h"

/* The inner sizes must agree, and the bias is as long as the product is wide, so that an unknown
 * width is known from it. */
static void infer(tw_infer *in)
{
    int64_t dims[2], biases = tw_infer_dim(tw_infer_vector(in, 2), 0);
    tw_infer_product(in, 0, 1, dims);
    if (!tw_dims_agree(dims[1], biases))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, dims[1],
                      biases);
    tw_infer_output(in, 0, TW_SHAPE(dims[0], dims[1] < 0 ? biases : dims[1]));
}

/* How the operands are to be read, and what is done to a tile before it leaves the cache. */
typedef struct options {
    bool ta, tb;
    tw_activation activation;
} options;

/* An activation that is not known fails here, before the first run. */
static tw_status *prepare(tw_compute *c, void *state)
{
    options *o = state;
    o->ta = tw_compute_bool(c, "transpose_a");
    o->tb = tw_compute_bool(c, "transpose_b");
    return tw_activation_read(c, &o->activation);
}

/* Only the planner makes this node, from shapes that MatMul's rule has checked; the bias is what
 * may still be wrong in a run. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1), *bias = tw_input(c, 2);
    const options *o = tw_compute_state(c);
    tw_gemm_shape shape = tw_product_shape(a, b, o->ta, o->tb);
    shape.packed = c->packed;
    if (bias->rank != 1 || (size_t)bias->dims[0] != shape.n)
        return tw_compute_fail(c,
                               "Must provide as many biases as the last dimension of the input "
                               "tensor: %s vs. %zu",
                               tw_brackets(bias).s, shape.n);
    tw_gemm_epilogue epilogue = {bias->data, o->activation};
    tw_par par = tw_compute_par(c);
    return tw_gemm(a->dtype, &shape, a->data, b->data, tw_output_data(c, 0), &epilogue, &par);
}

const tw_op_definition tw_op__FusedMatMul = {
    .signature = "a: T, b: T, bias: T -> product: T; transpose_a: bool = false; "
                 "transpose_b: bool = false; T: {float, double}; "
                 "activation: {\"\", \"Relu\", \"Relu6\", \"Sigmoid\", \"Tanh\"} = \"\"",
    .doc = "activation(MatMul(a, b) + bias). The planner makes it.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
    .packing = &tw_matmul_packing,
    .state_size = sizeof(options),
    .prepare = prepare,
};
