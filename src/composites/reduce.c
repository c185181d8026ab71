/* SPDX-License-Identifier: Apache-2.0
 * reduce_sum and its kin: the reductions of src/ops with `axis` as a list, all axes if it is not
 * given. */
#include "composites/composite.h"

/* The tensor and the axes, as constants beside the operation. */
typedef struct reduction {
    tw_composite_scope scope;
    tw_tensor input;
    tw_operand axes;
} reduction;

/* The axes stand beside the operation (`Sum/reduction_indices`) if they were given, or else
 * before it (`Const`), as in TensorFlow. */
static void begin(reduction *r, tw_where where, tw_operand input, tw_ints axis)
{
    tw_place_enter(&r->scope, where, &input);
    r->input = tw_as_tensor(input, "input_tensor");
    r->axes = tw_of_ints(axis);
    if (!axis.items && tw_tensor_valid(r->input))
        r->axes = tw_of_tensor(tw_all_axes(r->input));
}

/* Gives the result on, with the place closed. */
static tw_tensor end(reduction *r, tw_tensor result)
{
    tw_composite_leave(&r->scope);
    return result;
}

/* The commonest of them: begin makes the constant of axes, end closes the place that begin
 * opened. */
tw_tensor tw_reduce_sum_build(const struct tw_reduce_sum_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_sum(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_sum = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "The sum over `axis`, or over everything; what is summed over goes, or stays with size "
           "1 where `keep_dims`.",
    .examples = {"reduce_sum([[1, 2], [3, 4]]) -> 10",
                 "reduce_sum([[1, 2], [3, 4]], axis=[1]) -> [3, 7]"},
};

/* Integers are divided with truncation, as in TensorFlow; cast first where that is not wanted. */
tw_tensor tw_reduce_mean_build(const struct tw_reduce_mean_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_mean(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_mean = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "The mean over `axis`, or over everything.",
    .examples = {"reduce_mean([[1., 2.], [3., 4.]]) -> 2.5",
                 "reduce_mean([[1., 2.], [3., 4.]], axis=[0]) -> [2., 3.]"},
};

/* The derivative is also right where elements are zero, since it is not made by dividing. */
tw_tensor tw_reduce_prod_build(const struct tw_reduce_prod_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_prod(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_prod = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "The product over `axis`, or over everything.",
    .examples = {"reduce_prod([[1, 2], [3, 4]]) -> 24",
                 "reduce_prod([[1, 2], [3, 4]], axis=[1], keep_dims=True) -> [[2], [12]]"},
};

/* The derivative goes to all elements that are equal to the largest, shared equally. */
tw_tensor tw_reduce_max_build(const struct tw_reduce_max_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_max(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_max = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "The greatest element over `axis`, or of everything.",
    .examples = {"reduce_max([[1, 2], [3, 4]]) -> 4",
                 "reduce_max([[1, 5], [3, 4]], axis=[1]) -> [5, 4]"},
};

/* As for the maximum, elements that tie share the derivative. */
tw_tensor tw_reduce_min_build(const struct tw_reduce_min_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_min(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_min = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "The least element over `axis`, or of everything.",
    .examples = {"reduce_min([[1, 2], [3, 4]]) -> 1",
                 "reduce_min([[1, 5], [3, 4]], axis=[1]) -> [1, 3]"},
};

/* Without axes the reduction is over all of them, and the result a scalar. */
tw_tensor tw_reduce_all_build(const struct tw_reduce_all_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_all(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_all = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "Whether all elements over `axis`, or of everything, are true.",
    .examples = {"reduce_all([[True, True], [False, True]]) -> False",
                 "reduce_all([[True, True], [False, True]], axis=[1]) -> [True, False]"},
};

/* Axes are given as a list or as a tensor; begin turns both into one. */
tw_tensor tw_reduce_any_build(const struct tw_reduce_any_args *a)
{
    reduction r;
    begin(&r, a->where, a->input_tensor, a->axis);
    return end(&r, tw_any(r.input, r.axes, .keep_dims = a->keep_dims, .name = a->name));
}

const tw_composite tw_composite_reduce_any = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "Whether an element over `axis`, or of everything, is true.",
    .examples = {"reduce_any([[True, True], [False, True]]) -> True",
                 "reduce_any([[True, True], [False, False]], axis=[1]) -> [True, False]"},
};

/* log(sum(exp(x))) = m + log(sum(exp(x - m))) with the greatest element m, so that nothing
 * overflows; where that is infinite, 0 in its place. */
tw_tensor tw_reduce_logsumexp_build(const struct tw_reduce_logsumexp_args *a)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, a->where, &a->input_tensor, a->name, "ReduceLogSumExp");
    tw_tensor x = tw_as_tensor(a->input_tensor, "input_tensor");
    tw_tensor greatest = tw_reduce_max(x, .axis = a->axis, .keep_dims = true);
    tw_tensor shift = tw_stop_gradient(
        tw_select(tw_is_finite(greatest), greatest, tw_zeros_like(greatest)));
    tw_tensor sum = tw_reduce_sum(tw_exp(tw_sub(x, shift)), .axis = a->axis,
                                  .keep_dims = a->keep_dims);
    tw_tensor result = tw_log(sum);
    if (!a->keep_dims)
        shift = tw_reshape(shift, tw_shape(result));
    result = tw_add(result, shift);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_reduce_logsumexp = {
    .signature = "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor",
    .doc = "log(sum(exp(x))) over `axis`, or over everything, without overflow.",
    .examples = {"reduce_logsumexp([0., 0.]) -> 0.6931472",
                 "reduce_logsumexp([[1000., 1000.]], axis=[1]) -> [1000.6931]"},
};
