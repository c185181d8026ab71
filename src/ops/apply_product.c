/* SPDX-License-Identifier: Apache-2.0
 * _ApplyMatMul: what the planner makes of ApplyGradientDescent by a product. The step against the
 * gradient is added to the variable while the product's tiles are in registers: the gradient is
 * never written. */
#include "ops/product.h"

/* The product's own rule; it has the variable's shape, which comes out. */
static void infer(tw_infer *in)
{
    int64_t dims[2];
    tw_infer_scalar(in, 1);
    tw_infer_product(in, 2, 3, dims);
    tw_infer_output(in, 0, tw_infer_merge(in, tw_infer_matrix(in, 0), (tw_shape){dims, 2}));
}

/* Looked up once, not in every run. */
typedef struct flags {
    bool ta, tb;
} flags;

/* As MatMul's. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(flags *)state = (flags){tw_compute_bool(c, "transpose_a"), tw_compute_bool(c, "transpose_b")};
    return TW_OK;
}

/* var = 1 var - alpha op(a) op(b) */
static tw_status *compute(tw_compute *c)
{
    const flags *f = tw_compute_state(c);
    const tw_array *alpha = tw_input(c, 1), *a = tw_input(c, 2), *b = tw_input(c, 3);
    tw_array *var;
    TW_TRY(tw_compute_ref_get(c, 0, &var));
    if (alpha->rank != 0)
        return tw_compute_fail(c, "alpha is not a scalar");
    tw_gemm_shape shape = tw_product_shape(a, b, f->ta, f->tb);
    shape.alpha = -tw_element_get(alpha->dtype, alpha->data);
    shape.beta = 1;
    if (var->rank != 2 || (size_t)var->dims[0] != shape.m || (size_t)var->dims[1] != shape.n)
        return tw_compute_fail(c, "var and delta do not have the same shape");
    tw_par par = tw_compute_par(c);
    return tw_gemm(var->dtype, &shape, a->data, b->data, var->data, NULL, &par);
}

const tw_op_definition tw_op__ApplyMatMul = {
    .signature = "var: Ref(T), alpha: T, a: T, b: T -> out: Ref(T); transpose_a: bool = false; "
                 "transpose_b: bool = false; T: {float, double}",
    .doc = "var -= alpha * MatMul(a, b). The planner makes it.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
    .state_size = sizeof(flags),
    .prepare = prepare,
};
