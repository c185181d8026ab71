/* SPDX-License-Identifier: Apache-2.0
 * Sum, Mean, Prod, Max, Min, EuclideanNorm, All, Any: reductions over the axes that the second
 * input names, in any order; negative ones count from the end, one that stands twice counts once.
 * All share one shape rule. */
#include "kernels/reduce.h"

#include "ops/brackets.h"
#include "ops/combine.h"

/* ---- shapes ---- */

/* Which axes of x go; false: one is out of range, in *axis. */
static bool mark(const tw_array *axes, size_t rank, bool *reduced, int64_t *axis)
{
    int64_t n = (int64_t)rank;
    for (size_t i = 0; i < rank; i++)
        reduced[i] = false;
    for (size_t i = 0; i < axes->count; i++) {
        *axis = tw_index_at(axes, i);
        if (*axis < -n || *axis >= n)
            return false;
        reduced[*axis < 0 ? *axis + n : *axis] = true;
    }
    return true;
}

/* The rank; the dims themselves into `dims`, which has room for all of x. */
static size_t reduced_dims(tw_shape x, const bool *reduced, bool keep, int64_t *dims)
{
    size_t rank = 0;
    for (size_t i = 0; i < x.rank; i++)
        if (!reduced[i] || keep)
            dims[rank++] = reduced[i] ? 1 : x.dims[i];
    return rank;
}

/* Axes that are not known leave the rank where all axes are kept, and nothing else. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0), of_axes = tw_infer_input(in, 1);
    bool keep = tw_infer_bool(in, "keep_dims"), reduced[TW_MAX_RANK];
    const tw_array *axes = tw_infer_value(in, 1);
    if (of_axes.dims && of_axes.rank > 1)
        tw_infer_fail(in, "Shape must be at most rank 1 but is rank %zu", of_axes.rank);
    if (!x.dims || (!axes && !keep) || tw_infer_failed(in))
        return;
    int64_t axis, *dims = tw_infer_dims(in, x.rank);
    size_t rank = x.rank;
    if (axes && !mark(axes, x.rank, reduced, &axis))
        tw_infer_fail(in, "Invalid reduction dimension %" PRId64 " for input with %zu dimensions.",
                      axis, x.rank);
    else if (axes)
        rank = reduced_dims(x, reduced, keep, dims);
    tw_infer_output(in, 0, (tw_shape){dims, rank});
}

/* ---- kernels ---- */

/* `keep_dims`, which changes only the shape. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(bool *)state = tw_compute_bool(c, "keep_dims");
    return TW_OK;
}

/* The axes are read at each run: they may be fed. */
static tw_status *reduce(tw_compute *c, tw_reduction reduction)
{
    const tw_array *x = tw_input(c, 0);
    bool reduced[TW_MAX_RANK], keep = *(const bool *)tw_compute_state(c);
    int64_t axis, dims[TW_MAX_RANK];
    tw_array *out;
    if (!mark(tw_input(c, 1), x->rank, reduced, &axis))
        return tw_compute_fail(
            c, "Invalid reduction dimension (%" PRId64 " for input with %zu dimension(s)", axis,
            x->rank);
    size_t rank = reduced_dims(tw_shape_of(x), reduced, keep, dims);
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, rank}, &out));
    tw_par par = tw_compute_par(c);
    return tw_reduce(reduction, x->dtype, tw_shape_of(x), reduced, x->data, out->data, &par);
}

/* The sum of no elements is zero. */
static tw_status *compute_sum(tw_compute *c)
{
    return reduce(c, TW_REDUCE_SUM);
}

/* Integers are divided with truncation; the mean of no floats is NaN, as TensorFlow has it. */
static tw_status *compute_mean(tw_compute *c)
{
    return reduce(c, TW_REDUCE_MEAN);
}

/* The product of no elements is one. */
static tw_status *compute_prod(tw_compute *c)
{
    return reduce(c, TW_REDUCE_PROD);
}

/* Over no elements the result is the lowest value of the dtype, -inf for floats. */
static tw_status *compute_max(tw_compute *c)
{
    return reduce(c, TW_REDUCE_MAX);
}

/* Over no elements the result is the highest value of the dtype, inf for floats. */
static tw_status *compute_min(tw_compute *c)
{
    return reduce(c, TW_REDUCE_MIN);
}

/* The root of the sum of squares; for complex numbers of the squares of their magnitudes. */
static tw_status *compute_norm(tw_compute *c)
{
    return reduce(c, TW_REDUCE_EUCLIDEAN);
}

/* Over no elements All is true, the neutral element of and; an empty list of axes copies the
 * input. */
static tw_status *compute_all(tw_compute *c)
{
    return reduce(c, TW_REDUCE_ALL);
}

/* Over no elements Any is false. */
static tw_status *compute_any(tw_compute *c)
{
    return reduce(c, TW_REDUCE_ANY);
}

#define ORDERED_TYPES \
    "T: {half, bfloat16, float, double, int8, int16, int32, int64, uint8, uint16, uint32, uint64}"

/* The kernels of one reduction: TYPES are those that it serves. */
#define REDUCE_KERNEL(types, function)                                                       \
    {                                                                                        \
        .dtypes = types, .state_size = sizeof(bool), .prepare = prepare, .compute = function \
    }

static const tw_kernel sum_kernel = REDUCE_KERNEL(TW_COMBINED_TYPES, compute_sum);
static const tw_kernel mean_kernel = REDUCE_KERNEL(TW_COMBINED_TYPES, compute_mean);
static const tw_kernel prod_kernel = REDUCE_KERNEL(TW_COMBINED_TYPES, compute_prod);
static const tw_kernel norm_kernel = REDUCE_KERNEL(TW_COMBINED_TYPES, compute_norm);
static const tw_kernel max_kernel = REDUCE_KERNEL(ORDERED_TYPES, compute_max);
static const tw_kernel min_kernel = REDUCE_KERNEL(ORDERED_TYPES, compute_min);

/* ---- gradients ---- */

/* The shape of x with 1 for each reduced axis. Only the sizes of this Sum are ever looked at, so it
 * is not computed where they are known beforehand. */
static tw_tensor kept_shape(tw_gradient *g)
{
    return tw_shape(tw_sum(g->inputs[0], g->inputs[1], .keep_dims = true));
}

/* A tensor of the output's shape as one that broadcasts to x. */
static tw_tensor with_axes(tw_gradient *g, tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(g->outputs[0]);
    if (tw_gradient_bool(g, "keep_dims") || (shape.dims && shape.rank == 0))
        return tensor;
    return tw_reshape(tensor, kept_shape(g));
}

/* The fewest numbers are touched: they are repeated last, and a reader that broadcasts needs no
 * copy. */
static tw_tensor spread(tw_gradient *g, tw_tensor tensor)
{
    return tw_broadcast_to(with_axes(g, tensor), tw_shape(g->inputs[0]));
}

/* Each element of a sum has the gradient of the sum. */
static tw_status *gradient_sum(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(spread(g, tw_gradient_dy(g, 0)));
    return TW_OK;
}

/* How many elements of x go into one of the output, as a number or a scalar tensor. */
static tw_operand element_ratio(tw_gradient *g)
{
    int64_t x = tw_shape_elements(tw_tensor_shape(g->inputs[0]));
    int64_t y = tw_shape_elements(tw_tensor_shape(g->outputs[0]));
    if (x >= 0 && y >= 0)
        return tw_of_float((double)(y > 0 ? x / y : x));
    tw_tensor count = tw_div(tw_size(g->inputs[0]), tw_maximum(tw_size(g->outputs[0]), 1));
    return tw_of_tensor(tw_cast(count, .DstT = tw_gradient_type(g, "T")));
}

/* The smaller tensor is divided: one quotient for all elements of a mean. */
static tw_status *gradient_mean(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(spread(g, tw_real_div(dy, element_ratio(g))));
    return TW_OK;
}

/* Equal shares for all that equal the extreme. */
static tw_status *gradient_extreme(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], dy = with_axes(g, tw_gradient_dy(g, 0));
    tw_tensor chosen = tw_cast(tw_equal(with_axes(g, g->outputs[0]), x),
                               .DstT = tw_gradient_type(g, "T"));
    tw_tensor count = tw_sum(chosen, g->inputs[1], .keep_dims = true);
    g->dx[0] = tw_grad_of(tw_mul(tw_div(chosen, count), dy));
    return TW_OK;
}

/* d |x| = x / |x| */
static tw_status *gradient_norm(tw_gradient *g)
{
    tw_tensor y = with_axes(g, g->outputs[0]), dy = with_axes(g, tw_gradient_dy(g, 0));
    g->dx[0] = tw_grad_of(tw_real_div(g->inputs[0], tw_real_div(y, dy)));
    return TW_OK;
}

/* The product of all other elements along an axis: those before times those behind, so that zeros
 * do no harm. */
static tw_tensor product_of_others(tw_gradient *g, tw_tensor x, int64_t axis)
{
    tw_tensor before = tw_cumprod(x, (int)axis, .exclusive = true);
    tw_tensor behind = tw_cumprod(x, (int)axis, .exclusive = true, .reverse = true);
    return tw_mul(tw_gradient_conj(g, before), tw_gradient_conj(g, behind));
}

/* Modulo the rank, so that -1 and rank - 1 are seen as the same axis; counting it twice would
 * make sizes wrong. */
static bool stands_before(const tw_array *axes, size_t i, int64_t rank)
{
    int64_t axis = tw_index_at(axes, i);
    for (size_t k = 0; k < i; k++)
        if ((tw_index_at(axes, k) + rank) % rank == (axis + rank) % rank)
            return true;
    return false;
}

/* One axis after the other: what is left of the first is an element of the next. */
static tw_tensor prod_by_known_axes(tw_gradient *g, const tw_array *axes)
{
    tw_tensor left = g->inputs[0], others = {NULL, 0};
    tw_shape x = tw_tensor_shape(left);
    int64_t rank = x.dims && x.rank ? (int64_t)x.rank : TW_MAX_RANK;
    for (size_t i = 0; i < axes->count; i++) {
        if (stands_before(axes, i, rank))
            continue;
        int64_t axis = tw_index_at(axes, i);
        tw_tensor along = product_of_others(g, left, axis);
        others = others.op ? tw_mul(others, along) : along;
        if (i + 1 < axes->count)
            left = tw_prod(left, TW_INTS(axis), .keep_dims = true);
    }
    return others;
}

/* Axes that only a run knows are brought to the front and made one: (reduced, kept). */
static tw_tensor prod_by_any_axes(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], rank = tw_rank(x), sizes = tw_shape(x);
    tw_tensor flat = tw_cast(tw_reshape(g->inputs[1], TW_INTS(-1)), .DstT = TW_INT32);
    tw_tensor named = tw_floor_mod(tw_add(flat, rank), tw_maximum(rank, 1));
    tw_tensor axes = tw_unique(named).y;
    tw_tensor kept = tw_setdiff1d(tw_raw_range(0, rank, 1), axes).out;
    tw_tensor order = tw_concat_v2(TW_LIST(axes, kept), 0);
    tw_tensor in_front = tw_raw_transpose(x, order);
    tw_tensor many = tw_prod(tw_gather(sizes, axes), TW_INTS(0));
    tw_tensor few = tw_prod(tw_gather(sizes, kept), TW_INTS(0));
    tw_tensor plane = tw_reshape(in_front, tw_pack(TW_LIST(many, few)));
    tw_tensor others = tw_reshape(product_of_others(g, plane, 0), tw_shape(in_front));
    return tw_raw_transpose(others, tw_invert_permutation(order));
}

/* Without any axes each element is its own product. */
static tw_status *gradient_prod(tw_gradient *g)
{
    tw_tensor dy = with_axes(g, tw_gradient_dy(g, 0));
    tw_array *axes = tw_tensor_constant_value(g->inputs[1]);
    tw_tensor others = axes ? prod_by_known_axes(g, axes) : prod_by_any_axes(g);
    g->dx[0] = tw_grad_of(axes && !axes->count ? dy : tw_mul(dy, others));
    tw_array_unref(axes);
    return TW_OK;
}

/* ---- definitions ---- */

const tw_op_definition tw_op_Sum = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc = "The sum of elements over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. Over nothing: 0.",
    .since = "uint32, uint64: 1.5; int64 axes: 0.11",
    .examples = {"sum([[1., 2.], [3., 4.]], [0]) -> [4., 6.]",
                 "sum([[1., 2.], [3., 4.]], [1], keep_dims=True) -> [[3.], [7.]]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_sum,
    .kernels = &sum_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_Mean = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc = "The mean of elements over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. That of "
           "integers is truncated. Over nothing: NaN.",
    .since = "uint32, uint64: 1.5; int64 axes: 0.11",
    .examples = {"mean([[1., 2.], [3., 4.]], [0]) -> [2., 3.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_mean,
    .kernels = &mean_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_Prod = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc = "The product of elements over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. Over "
           "nothing: 1.",
    .since = "uint32, uint64: 1.5; int64 axes: 0.11",
    .examples = {"prod([[1., 2.], [3., 4.]], [0]) -> [3., 8.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_prod,
    .kernels = &prod_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_Max = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc = "The largest element over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. NaN is "
           "skipped. Over nothing: -inf, or the lowest integer. Equal ones share the gradient.",
    .since = "uint32, uint64: 1.5; int64 axes: 0.11",
    .examples = {"max([[1., 4.], [3., 2.]], [0]) -> [3., 4.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_extreme,
    .kernels = &max_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_Min = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc = "The smallest element over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. NaN is "
           "skipped. Over nothing: inf, or the highest integer. Equal ones share the gradient.",
    .since = "uint32, uint64: 1.5; int64 axes: 0.11",
    .examples = {"min([[1., 4.], [3., 2.]], [0]) -> [1., 2.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_extreme,
    .kernels = &min_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_EuclideanNorm = {
    .signature =
        "input: T, reduction_indices: Tidx -> output: T; keep_dims: bool = false; T: numbertype; "
        "Tidx: {int32, int64} = int32",
    .doc =
        "The square root of the sum of squares over the axes that `reduction_indices` names, which "
        "go, or stay with size 1 where `keep_dims`.",
    .since = "EuclideanNorm: 1.14",
    .examples = {"euclidean_norm([[3., 0.], [4., 2.]], [0]) -> [5., 2.]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = gradient_norm,
    .kernels = &norm_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_All = {
    .signature = "input: bool, reduction_indices: Tidx -> output: bool; keep_dims: bool = false; "
                 "Tidx: {int32, int64} = int32",
    .doc = "Are all elements true? Taken over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. Over "
           "nothing: true.",
    .since = "int64 axes: 0.11",
    .examples = {"all([[True, False], [True, True]], [0]) -> [True, False]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_all,
    .state_size = sizeof(bool),
    .prepare = prepare,
};

const tw_op_definition tw_op_Any = {
    .signature = "input: bool, reduction_indices: Tidx -> output: bool; keep_dims: bool = false; "
                 "Tidx: {int32, int64} = int32",
    .doc = "Is any element true? Taken over the axes that `reduction_indices` names, which "
           "go, or stay with size 1 where `keep_dims`. Over "
           "nothing: false.",
    .since = "int64 axes: 0.11",
    .examples = {"any([[True, False], [False, False]], [0]) -> [True, False]"},
    .shape_inputs = 1 << 1,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_any,
    .state_size = sizeof(bool),
    .prepare = prepare,
};
