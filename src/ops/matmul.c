/* SPDX-License-Identifier: Apache-2.0
 * MatMul: the product of two matrices, either of them transposed first. */
#include "ops/packing.h"
#include "ops/product.h"

/* With unknown shapes the result still has two dims. */
static void infer(tw_infer *in)
{
    int64_t dims[2];
    tw_infer_product(in, 0, 1, dims);
    tw_infer_output(in, 0, (tw_shape){dims, 2});
}

/* With c = op(a) op(b):  d op(a) = dc op(b)^H,  d op(b) = op(a)^H dc  (for real numbers ^H is
 * ^T). */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor a = tw_gradient_conj(g, g->inputs[0]), b = tw_gradient_conj(g, g->inputs[1]);
    tw_tensor dc = tw_gradient_dy(g, 0);
    bool ta = tw_gradient_bool(g, "transpose_a"), tb = tw_gradient_bool(g, "transpose_b");
    g->dx[0] = tw_grad_of(ta ? tw_matmul(b, dc, .transpose_a = tb, .transpose_b = true)
                             : tw_matmul(dc, b, .transpose_b = !tb));
    g->dx[1] = tw_grad_of(tb ? tw_matmul(dc, a, .transpose_a = true, .transpose_b = ta)
                             : tw_matmul(a, dc, .transpose_a = !ta));
    return TW_OK;
}

typedef struct product {
    tw_gemm_shape shape;
    tw_gemm_few few; /* NULL: larger ones */
} product;

/* Looked up once, not in every run. */
static tw_status *prepare(tw_compute *c, void *state)
{
    bool ta = tw_compute_bool(c, "transpose_a"), tb = tw_compute_bool(c, "transpose_b");
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    product *p = state;
    p->shape = tw_product_shape(a, b, ta, tb);
    p->few = tw_gemm_few_of(a->dtype, &p->shape);
    c->may_overwrite = p->few ? 3 : 0;
    return TW_OK;
}

/* Apart, so that few numbers are multiplied without its frame. */
static __attribute__((noinline)) tw_status *multiply(tw_compute *c)
{
    const product *p = c->state;
    const void *a = tw_input_data(c, 0), *b = tw_input_data(c, 1);
    tw_gemm_shape shape = p->shape;
    shape.packed = c->packed;
    tw_par par = tw_compute_par(c);
    return tw_gemm(tw_input(c, 0)->dtype, &shape, a, b, tw_output_data(c, 0), NULL, &par);
}

static tw_status *compute(tw_compute *c)
{
    const product *p = c->state;
    if (!p->few || c->packed)
        return multiply(c);
    p->few(&p->shape, tw_input_data(c, 0), tw_input_data(c, 1), tw_output_data(c, 0));
    return TW_OK;
}

const tw_op_definition tw_op_MatMul = {
    .signature = "a: T, b: T -> product: T; transpose_a: bool = false; transpose_b: bool = false; "
                 "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}",
    .doc =
        "Multiplies matrix `a` (m, k) by matrix `b` (k, n) into (m, n); each is transposed first "
        "if its flag says so.",
    .builder = "matmul",
    .since =
        "half, complex128: 0.8; bfloat16: 1.3; int64: 1.13; the gradient of complex numbers is "
        "conjugated: 1.0",
    .examples = {"matmul([[1., 2.], [3., 4.]], [[5.], [6.]]) -> [[17.], [39.]]",
                 "matmul([[1, 2]], [[3, 4]], transpose_b=True) -> [[11]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .packing = &tw_matmul_packing,
    .state_size = sizeof(product),
    .prepare = prepare,
};
