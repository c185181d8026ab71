/* SPDX-License-Identifier: Apache-2.0
 * Sparse tensors beside dense ones: SparseTensorDenseMatMul, SparseTensorDenseAdd, and
 * SparseDenseCwiseAdd, -Mul, -Div.
 *
 * Places are read in the order in which they come, and nothing requires that they ascend. All of
 * them are checked before the first is used as an address. */
#include <complex.h>
#include <string.h>

#include "ops/arrays.h"
#include "ops/combine.h"
#include "ops/sparse.h"

/* ---- SparseTensorDenseMatMul ---- */

/* The sizes of a are a value, which may be known while building; then the inner sizes can be
 * compared there, where the user's line is. */
static void infer_product(tw_infer *in)
{
    bool adjoint_a = tw_infer_bool(in, "adjoint_a"), adjoint_b = tw_infer_bool(in, "adjoint_b");
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    tw_shape sizes = tw_infer_shape_value(in, 2), b = tw_infer_matrix(in, 3);
    int64_t inner = tw_infer_dim(b, adjoint_b);
    if (!tw_dims_agree(s.rank, 2))
        tw_infer_fail(in, "Shape must be rank 2 but is rank %" PRId64, s.rank);
    if (tw_infer_failed(in))
        return;
    if (sizes.dims && sizes.rank == 2 && !tw_dims_agree(sizes.dims[!adjoint_a], inner))
        tw_infer_fail(in,
                      "Cannot multiply A and B because inner dimension does not match: %" PRId64
                      " vs. %" PRId64 ".  Did you forget a transpose?  Dimensions of A: [%" PRId64
                      ", %" PRId64 ").  Dimensions of B: %s",
                      sizes.dims[!adjoint_a], inner, sizes.dims[0], sizes.dims[1],
                      tw_shape_tf_text(b).s);
    int64_t rows = sizes.dims && sizes.rank == 2 ? sizes.dims[adjoint_a] : -1;
    tw_infer_output(in, 0, TW_SHAPE(rows, tw_infer_dim(b, !adjoint_b)));
}

/* y += a x: `step` elements lie between those of x; with `conjugate` both are conjugated as the
 * flags for a and x say. */
typedef void (*add_row)(size_t n, const void *a, bool conj_a, const void *x, size_t step,
                        bool conj_x, void *y);

/* Integers are multiplied as unsigned ones, which wrap where signed ones would overflow. A flag
 * that a real dtype has no use for is not looked at. */
#define ADD_ROW(name, type, product)                                                   \
    static void name(size_t n, const void *a, bool conj_a, const void *x, size_t step, \
                     bool conj_x, void *y)                                             \
    {                                                                                  \
        type by = *(const type *)a, *to = y;                                           \
        const type *from = x;                                                          \
        (void)conj_a, (void)conj_x;                                                    \
        for (size_t i = 0; i < n; i++)                                                 \
            to[i] += product;                                                          \
    }
ADD_ROW(add_float, float, by *from[i * step])
ADD_ROW(add_double, double, by *from[i * step])
ADD_ROW(add_int, uint32_t, by *from[i * step])
ADD_ROW(add_complex, float complex,
        (conj_a ? conjf(by) : by) * (conj_x ? conjf(from[i * step]) : from[i * step]))
ADD_ROW(add_complex_double, double complex,
        (conj_a ? conj(by) : by) * (conj_x ? conj(from[i * step]) : from[i * step]))

/* The kernel's list of dtypes lets no other through. */
static add_row find_loop(tw_dtype dtype)
{
    switch (dtype) {
    case TW_FLOAT32: return add_float;
    case TW_FLOAT64: return add_double;
    case TW_INT32: return add_int;
    case TW_COMPLEX64: return add_complex;
    default: return add_complex_double;
    }
}

/* In the order of a's rows of indices, whatever the number of threads. */
static tw_status *compute_product(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1), *b = tw_input(c, 3);
    tw_array *y = tw_output(c, 0);
    bool adjoint_a = tw_compute_bool(c, "adjoint_a"), adjoint_b = tw_compute_bool(c, "adjoint_b");
    size_t n = (size_t)y->dims[1], columns = (size_t)b->dims[1];
    TW_TRY(tw_sparse_check(c, indices, tw_input_data(c, 2), false));
    tw_zero_array(y);
    for (size_t i = 0; i < values->count; i++) {
        size_t row = (size_t)tw_index_at(indices, 2 * i + adjoint_a);
        size_t inner = (size_t)tw_index_at(indices, 2 * i + !adjoint_a);
        const char *x = tw_element_at(b, adjoint_b ? inner : inner * columns);
        find_loop(y->dtype)(n, tw_element_at(values, i), adjoint_a, x, adjoint_b ? columns : 1,
                            adjoint_b, tw_element_to(y, row * n));
    }
    return TW_OK;
}

/* Column `which` of the indices. */
static tw_tensor index_column(tw_tensor indices, int64_t which)
{
    return tw_squeeze(tw_slice(indices, TW_INTS(0, which), TW_INTS(-1, 1)),
                      .squeeze_dims = TW_INTS(1));
}

/* With p = a b:  da = dp b^* where a has values,  db = a^* dp. */
static tw_status *gradient_product(tw_gradient *g)
{
    tw_tensor indices = g->inputs[0], a = g->inputs[1], b = g->inputs[3], dp = tw_gradient_dy(g, 0);
    bool adjoint_a = tw_gradient_bool(g, "adjoint_a"), adjoint_b = tw_gradient_bool(g, "adjoint_b");
    tw_tensor db = tw_sparse_tensor_dense_mat_mul(indices, a, g->inputs[2], dp,
                                                  .adjoint_a = !adjoint_a);
    tw_tensor turned = adjoint_b ? tw_transpose(b, TW_INTS(1, 0)) : tw_gradient_conj(g, b);
    g->dx[3] = tw_grad_of(adjoint_b ? tw_gradient_conj(g, tw_transpose(db, TW_INTS(1, 0))) : db);
    tw_tensor rows = tw_gather(dp, index_column(indices, adjoint_a));
    tw_tensor da = tw_sum(tw_mul(rows, tw_gather(turned, index_column(indices, !adjoint_a))), 1);
    g->dx[1] = tw_grad_of(adjoint_a ? tw_gradient_conj(g, da) : da);
    return TW_OK;
}

/* Any type may stand in the signature, which is TensorFlow's; these have a product. */
static const tw_kernel product_kernel = {
    .dtypes = "T: {float, double, int32, complex64, complex128}",
    .compute = compute_product,
};

const tw_op_definition tw_op_SparseTensorDenseMatMul = {
    .signature = "a_indices: Tindices, a_values: T, a_shape: int64, b: T -> product: T; "
                 "adjoint_a: bool = false; adjoint_b: bool = false; T: type; "
                 "Tindices: {int32, int64} = int64",
    .doc = "The product of a sparse matrix and a dense one, each transposed and conjugated first "
           "if its flag says so.",
    .since = "SparseTensorDenseMatMul: 0.8; int32 indices: 0.12",
    .examples = {"sparse_tensor_dense_mat_mul([[0, 1], [1, 0]], [2., 3.], [2, 2], [[1.], [10.]]) "
                 "-> [[20.], [3.]]"},
    .shape_inputs = 1 << 2,
    .infer = infer_product,
    .gradient = gradient_product,
    .kernels = &product_kernel,
    .kernel_count = 1,
};

/* ---- SparseTensorDenseAdd ---- */

/* No side is broadcast, so the dense one has the result's shape. */
static void infer_add(tw_infer *in)
{
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    tw_shape b = tw_infer_input(in, 3);
    if (b.dims && !tw_dims_agree(s.rank, (int64_t)b.rank))
        tw_infer_fail(in, "a has %" PRId64 " dimensions, b has %zu", s.rank, b.rank);
    tw_infer_output(in, 0, b);
}

/* The dense side's memory is taken over where nobody else reads it. A place that comes twice is
 * added to twice, as in TensorFlow. */
static tw_status *compute_add(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1), *sizes = tw_input(c, 2);
    const tw_array *b = tw_input(c, 3);
    tw_array *y = tw_output(c, 0);
    size_t rank = b->rank;
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, y->dtype);
    for (size_t k = 0; k < rank; k++) {
        if (tw_index_at(sizes, k) != b->dims[k])
            return tw_compute_fail(c,
                                   "Dimension %zu does not equal (no broadcasting is "
                                   "supported): sparse side %" PRId64 " vs dense side %" PRId64,
                                   k, tw_index_at(sizes, k), b->dims[k]);
    }
    TW_TRY(tw_sparse_check(c, indices, b->dims, false));
    if (y->data != b->data)
        TW_TRY(tw_elements_copy(y->dtype, y->data, b->data, b->count));
    for (size_t i = 0; i < values->count; i++) {
        size_t at = 0;
        for (size_t k = 0; k < rank; k++)
            at = at * (size_t)b->dims[k] + (size_t)tw_index_at(indices, i * rank + k);
        add(1, tw_element_to(y, at), tw_element_at(values, i), 1);
    }
    return TW_OK;
}

/* A sum hands its gradient on; the sparse side gets what stands at its places. */
static tw_status *gradient_add(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[1] = tw_grad_of(tw_gather_nd(dy, g->inputs[0]));
    g->dx[3] = tw_grad_of(dy);
    return TW_OK;
}

/* The dense side's memory may become the result's. */
static const tw_kernel add_kernel = {
    .dtypes = TW_COMBINED_TYPES,
    .in_place = 1 << 3,
    .compute = compute_add,
};

const tw_op_definition tw_op_SparseTensorDenseAdd = {
    .signature = "a_indices: Tindices, a_values: T, a_shape: Tindices, b: T -> output: T; "
                 "T: numbertype; Tindices: {int32, int64}",
    .doc = "A dense tensor with the values of a sparse one of the same shape added.",
    .since = "SparseTensorDenseAdd: 0.10",
    .examples = {"sparse_tensor_dense_add([[0, 1]], [5.], [1, 2], [[1., 2.]]) -> [[1., 7.]]"},
    .infer = infer_add,
    .gradient = gradient_add,
    .kernels = &add_kernel,
    .kernel_count = 1,
};

/* ---- with a dense tensor that is broadcast ---- */

/* The result has the places of the sparse side. */
static void infer_cwise(tw_infer *in)
{
    tw_sparse_sizes s = tw_infer_sparse(in, 0);
    tw_infer_output(in, 0, TW_SHAPE(s.count));
}

/* The dense side has as many dimensions as the sparse one, or fewer, each equal or 1. */
static bool fits(const tw_array *sizes, const tw_array *dense)
{
    size_t skipped = sizes->count - dense->rank;
    if (dense->rank > sizes->count)
        return false;
    for (size_t k = 0; k < dense->rank; k++) {
        if (dense->dims[k] != 1 && dense->dims[k] != tw_index_at(sizes, skipped + k))
            return false;
    }
    return true;
}

/* Index arithmetic for a dense side of fewer dimensions: they are aligned at the end as in
 * NumPy, and sizes of 1 stand still. */
static tw_status *cwise(tw_compute *c, tw_combination how)
{
    const tw_array *indices = tw_input(c, 0), *values = tw_input(c, 1), *sizes = tw_input(c, 2);
    const tw_array *dense = tw_input(c, 3);
    tw_array *y = tw_output(c, 0);
    tw_combine loop = tw_combine_loop(how, y->dtype);
    size_t rank = sizes->count, skipped = rank - dense->rank;
    if (!fits(sizes, dense))
        return tw_compute_fail(c,
                               "SparseDenseBinaryOpShared broadcasts dense to sparse only; got "
                               "incompatible shapes: a sparse one of %zu dims vs. %s",
                               rank, tw_brackets(dense).s);
    if (how == TW_COMBINE_DIV && tw_has_integer_zero(dense))
        return tw_compute_fail(c, "Integer division by zero");
    TW_TRY(tw_sparse_check(c, indices, sizes->data, false));
    if (y->data != values->data)
        TW_TRY(tw_elements_copy(y->dtype, y->data, values->data, values->count));
    for (size_t i = 0; i < values->count; i++) {
        size_t at = 0;
        for (size_t k = 0; k < dense->rank; k++) {
            int64_t here = tw_index_at(indices, i * rank + skipped + k);
            at = at * (size_t)dense->dims[k] + (dense->dims[k] == 1 ? 0 : (size_t)here);
        }
        loop(1, tw_element_to(y, i), tw_element_at(dense, at), 1);
    }
    return TW_OK;
}

/* The operations differ in their loop. */
static tw_status *compute_cwise_add(tw_compute *c)
{
    return cwise(c, TW_COMBINE_ADD);
}
/* A place that the dense side multiplies by zero stays a value of zero. */
static tw_status *compute_cwise_mul(tw_compute *c)
{
    return cwise(c, TW_COMBINE_MUL);
}
/* A dense zero among integers is refused, even where the sparse side has nothing. */
static tw_status *compute_cwise_div(tw_compute *c)
{
    return cwise(c, TW_COMBINE_DIV);
}

/* Derivatives of the values and, from those of what the dense side was there, of that. */
static void set_cwise(tw_gradient *g, tw_tensor values, tw_tensor dense)
{
    tw_tensor all = tw_scatter_nd(g->inputs[0], dense, g->inputs[2]);
    g->dx[1] = tw_grad_of(values);
    g->dx[3] = tw_grad_of(tw_gradient_unbroadcast(g, all, g->inputs[3], all));
}

/* The dense side at the places of the values. */
static tw_tensor dense_values(tw_gradient *g)
{
    return tw_gradient_conj(g, tw_sparse_dense_cwise_add(g->inputs[0], tw_zeros_like(g->inputs[1]),
                                                         g->inputs[2], g->inputs[3]));
}

/* d(x + y) = dx + dy */
static tw_status *gradient_cwise_add(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    set_cwise(g, dy, dy);
    return TW_OK;
}
/* d(x y) = y dx + x dy */
static tw_status *gradient_cwise_mul(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    set_cwise(g, tw_mul(dy, dense_values(g)), tw_mul(dy, tw_gradient_conj(g, g->inputs[1])));
    return TW_OK;
}
/* d(x / y) = dx / y - (x / y) dy / y */
static tw_status *gradient_cwise_div(tw_gradient *g)
{
    tw_tensor dx = tw_div(tw_gradient_dy(g, 0), dense_values(g));
    set_cwise(g, dx, tw_neg(tw_mul(dx, tw_gradient_conj(g, g->outputs[0]))));
    return TW_OK;
}

/* The signature that the three ops share; the list of dtypes of their kernels leaves out those that
 * no loop adds. */
#define CWISE \
    "sp_indices: int64, sp_values: T, sp_shape: int64, dense: T -> output: T; T: numbertype"

static const tw_kernel cwise_kernels[] = {
    {.dtypes = TW_COMBINED_TYPES, .in_place = 1 << 1, .compute = compute_cwise_add},
    {.dtypes = TW_COMBINED_TYPES, .in_place = 1 << 1, .compute = compute_cwise_mul},
    {.dtypes = TW_COMBINED_TYPES, .in_place = 1 << 1, .compute = compute_cwise_div},
};

const tw_op_definition tw_op_SparseDenseCwiseAdd = {
    .signature = CWISE,
    .doc = "The values of a sparse tensor plus a dense one that is broadcast to its shape; what is "
           "not there stays so.",
    .since = "SparseDenseCwiseAdd: 0.10",
    .examples = {"sparse_dense_cwise_add([[0, 1], [1, 0]], [1., 2.], [2, 2], [10., 20.]) -> "
                 "[21., 12.]"},
    .infer = infer_cwise,
    .gradient = gradient_cwise_add,
    .kernels = cwise_kernels,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseDenseCwiseMul = {
    .signature = CWISE,
    .doc = "The values of a sparse tensor times a dense one that is broadcast to its shape.",
    .since = "SparseDenseCwiseMul: 0.9",
    .examples = {"sparse_dense_cwise_mul([[0, 1], [1, 0]], [1., 2.], [2, 2], [10., 20.]) -> "
                 "[20., 20.]"},
    .infer = infer_cwise,
    .gradient = gradient_cwise_mul,
    .kernels = cwise_kernels + 1,
    .kernel_count = 1,
};

const tw_op_definition tw_op_SparseDenseCwiseDiv = {
    .signature = CWISE,
    .doc = "The values of a sparse tensor by a dense one that is broadcast to its shape.",
    .since = "SparseDenseCwiseDiv: 0.9",
    .examples = {"sparse_dense_cwise_div([[0, 1], [1, 0]], [10., 20.], [2, 2], [4., 5.]) -> "
                 "[2., 5.]"},
    .infer = infer_cwise,
    .gradient = gradient_cwise_div,
    .kernels = cwise_kernels + 2,
    .kernel_count = 1,
};
