/* SPDX-License-Identifier: Apache-2.0
 * SparseMatMul: a matrix product in float of operands in float or bfloat16. The flags that promise
 * many zeros change nothing here: dense products are faster than looking for zeros. */
#include "kernels/half.h"

#include "ops/brackets.h"
#include "ops/product.h"

/* The rule of MatMul; the dtype is float whatever the operands are. */
static void infer(tw_infer *in)
{
    int64_t dims[2];
    tw_infer_product(in, 0, 1, dims);
    tw_infer_output(in, 0, (tw_shape){dims, 2});
}

/* Whether each operand is to be read transposed; the promises of sparsity are not kept at all. */
typedef struct flags {
    bool a, b;
} flags;

/* Only what changes the product. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(flags *)state = (flags){tw_compute_bool(c, "transpose_a"), tw_compute_bool(c, "transpose_b")};
    return TW_OK;
}

/* bfloat16 operands are widened first. */
static size_t workspace(const tw_compute *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < 2; i++)
        if (tw_input(c, i)->dtype == TW_BFLOAT16)
            bytes += tw_input(c, i)->count * sizeof(float);
    return bytes;
}

/* *room moves behind what was taken. */
static const float *widened(const tw_array *x, float **room)
{
    if (x->dtype == TW_FLOAT32)
        return x->data;
    float *to = *room;
    for (size_t i = 0; i < x->count; i++)
        to[i] = tw_widen_bfloat16(((const uint16_t *)x->data)[i]);
    *room += x->count;
    return to;
}

static tw_status *compute(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    const flags *transposed = tw_compute_state(c);
    if (a->rank != 2 || b->rank != 2)
        return tw_compute_fail(c, "%s is not a matrix", a->rank != 2 ? "a" : "b");
    if (a->dims[!transposed->a] != b->dims[transposed->b])
        return tw_compute_fail(c, "Matrix size incompatible: a: %s, b: %s", tw_brackets(a).s,
                               tw_brackets(b).s);
    float *room = tw_compute_workspace(c);
    const float *wide_a = widened(a, &room), *wide_b = widened(b, &room);
    tw_gemm_shape shape = tw_product_shape(a, b, transposed->a, transposed->b);
    tw_par par = tw_compute_par(c);
    return tw_gemm(TW_FLOAT32, &shape, wide_a, wide_b, tw_output_data(c, 0), NULL, &par);
}

/* d op(a) = dc op(b)^T,  d op(b) = op(a)^T dc; each of its operand's dtype. */
static tw_grad of_dtype(tw_tensor gradient, tw_dtype dtype)
{
    return tw_grad_of(dtype == TW_FLOAT32 ? gradient : tw_cast(gradient, .DstT = dtype));
}

/* The promise of zeros goes with the operand; a gradient is taken to be dense. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor a = g->inputs[0], b = g->inputs[1], dc = tw_gradient_dy(g, 0);
    bool ta = tw_gradient_bool(g, "transpose_a"), tb = tw_gradient_bool(g, "transpose_b");
    bool sa = tw_gradient_bool(g, "a_is_sparse"), sb = tw_gradient_bool(g, "b_is_sparse");
    tw_tensor da = ta ? tw_sparse_matmul(b, dc, .transpose_a = tb, .transpose_b = true,
                                         .a_is_sparse = sb)
                      : tw_sparse_matmul(dc, b, .transpose_b = !tb, .b_is_sparse = sb);
    tw_tensor db = tb ? tw_sparse_matmul(dc, a, .transpose_a = true, .transpose_b = ta,
                                         .b_is_sparse = sa)
                      : tw_sparse_matmul(a, dc, .transpose_a = !ta, .a_is_sparse = sa);
    g->dx[0] = of_dtype(da, tw_gradient_type(g, "Ta"));
    g->dx[1] = of_dtype(db, tw_gradient_type(g, "Tb"));
    return TW_OK;
}

const tw_op_definition tw_op_SparseMatMul = {
    .signature = "a: Ta, b: Tb -> product: float; transpose_a: bool = false; "
                 "transpose_b: bool = false; a_is_sparse: bool = false; b_is_sparse: bool = false; "
                 "Ta: {float, bfloat16} = float; Tb: {float, bfloat16} = float",
    .doc = "Multiplies matrix `a` by matrix `b`, for operands with many zeros.",
    .builder = "sparse_matmul",
    .examples = {"sparse_matmul([[1., 2.]], [[3.], [4.]]) -> [[11.]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .workspace = workspace,
    .state_size = sizeof(flags),
    .prepare = prepare,
};
