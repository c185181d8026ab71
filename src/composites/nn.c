/* SPDX-License-Identifier: Apache-2.0
 * Building blocks of networks: moments and normalizations, dropout, embeddings. */
#include "composites/composite.h"

/* ---- moments ---- */

/* The mean that the differences are taken from passes no gradient on: that part is zero anyway,
 * since differences to the mean sum to zero. */
struct tw_moments_result tw_moments_build(const struct tw_moments_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->x, args->name, "moments");
    tw_tensor x = tw_as_tensor(args->x, "x");
    bool half = tw_plain_dtype(x) == TW_FLOAT16;
    tw_tensor y = half ? tw_cast(x, TW_FLOAT32) : x; /* squares leave the range of half soon */
    tw_tensor mean = tw_reduce_mean(y, .axis = args->axes, .keep_dims = true, .name = "mean");
    tw_tensor squares = tw_squared_difference(y, tw_stop_gradient(mean));
    tw_tensor variance = tw_reduce_mean(squares, .axis = args->axes, .keep_dims = true,
                                        .name = "variance");
    if (!args->keep_dims) {
        mean = tw_squeeze(mean, .squeeze_dims = args->axes);
        variance = tw_squeeze(variance, .squeeze_dims = args->axes);
    }
    struct tw_moments_result result = {half ? tw_cast(mean, TW_FLOAT16) : mean,
                                       half ? tw_cast(variance, TW_FLOAT16) : variance};
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_moments = {
    .signature = "x: tensor, axes: ints; keep_dims: bool = false -> mean: tensor, variance: tensor",
    .doc = "Mean and variance over `axes`.",
    .examples = {"moments([1., 3.], [0]) -> 2., 1."},
};

/* ---- normalization ---- */

/* `epsilon` keeps a row of zeros from dividing by zero. */
tw_tensor tw_l2_normalize_build(const struct tw_l2_normalize_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->x, args->name, "l2_normalize");
    tw_tensor x = tw_as_tensor(args->x, "x");
    tw_tensor sum = tw_reduce_sum(tw_square(x), .axis = args->axis, .keep_dims = true);
    tw_tensor inverse = tw_rsqrt(tw_maximum(sum, args->epsilon));
    tw_tensor result = tw_mul(x, inverse, .name = scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_l2_normalize = {
    .signature = "x: tensor, axis: ints; epsilon: float = 1e-12 -> output: tensor",
    .doc = "x / sqrt(max(sum(x^2), epsilon)) over `axis`.",
    .examples = {"l2_normalize([3., 4.], [0]) -> [0.6, 0.8]"},
};

/* x * inv + (offset - mean * inv) with inv = scale / sqrt(variance + epsilon) (Ioffe and Szegedy
 * 2015). */
tw_tensor tw_batch_normalization_build(const struct tw_batch_normalization_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->x, args->name, "batchnorm");
    tw_tensor x = tw_as_tensor(args->x, "x");
    tw_tensor mean = tw_as_tensor(args->mean, "mean");
    tw_tensor variance = tw_as_tensor(args->variance, "variance");
    tw_dtype dtype = tw_plain_dtype(x);
    tw_tensor inverse = tw_rsqrt(tw_add(variance, args->variance_epsilon, .name = "add"));
    if (args->scale.op)
        inverse = tw_mul(inverse, args->scale, .name = "mul");
    tw_tensor same = tw_plain_dtype(inverse) == dtype ? inverse : tw_cast(inverse, dtype);
    tw_tensor scaled = tw_mul(x, same, .name = "mul");
    tw_tensor shift;
    if (args->offset.op)
        shift = tw_sub(args->offset, tw_mul(mean, inverse, .name = "mul"), .name = "sub");
    else
        shift = tw_mul(tw_neg(mean), inverse, .name = "mul");
    shift = tw_plain_dtype(shift) == dtype ? shift : tw_cast(shift, dtype);
    tw_tensor result = tw_add(scaled, shift, .name = "add");
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_batch_normalization = {
    .signature = "x: tensor, mean: tensor, variance: tensor; offset: tensor; scale: tensor; "
                 "variance_epsilon: float = 0.001 -> output: tensor",
    .doc = "scale * (x - mean) / sqrt(variance + variance_epsilon) + offset; scale and offset may "
           "be left out.",
    .examples = {"batch_normalization([1., 3.], 2., 1., variance_epsilon=0.) -> [-1., 1.]"},
};

/* ---- dropout ---- */

/* The part that is dropped, a number or a tensor. */
static tw_operand rate_of(tw_operand keep)
{
    switch (keep.kind) {
    case TW_OPERAND_FLOAT: return tw_of_float(1 - keep.value.f);
    case TW_OPERAND_INT:
    case TW_OPERAND_INT64: return tw_of_float(1 - (double)keep.value.i);
    case TW_OPERAND_TENSOR: return tw_of_tensor(tw_sub(1.0, keep, .name = "sub"));
    default: return keep;
    }
}

/* TensorFlow 1.15's nodes. The noise is compared with the rate, not with what is kept, so that
 * the same seed drops the same elements as there. */
static tw_tensor drop(tw_tensor x, tw_operand rate, const struct tw_dropout_args *args)
{
    tw_dtype dtype = tw_plain_dtype(x);
    if (!tw_dtype_is_floating(dtype))
        return tw_refuse("x has to be a floating point tensor since it will be scaled. Got a %s "
                         "tensor instead.",
                         tw_dtype_name(dtype));
    bool number = rate.kind == TW_OPERAND_FLOAT;
    if (number && (rate.value.f < 0 || rate.value.f >= 1))
        return tw_refuse("keep_prob must be a number in the range (0, 1], got %g",
                         1 - rate.value.f);
    if (number && rate.value.f == 0)
        return x;
    tw_tensor part = tw_operand_tensor(rate, dtype, "rate");
    tw_tensor sizes = tw_shape_known_rank(args->noise_shape)
                          ? tw_operand_tensor(tw_of_shape(args->noise_shape), TW_INVALID_DTYPE,
                                              "noise_shape")
                          : tw_sizes_of(x);
    tw_tensor noise = tw_random_uniform(sizes, .dtype = dtype, .seed = args->seed);
    tw_tensor kept = tw_sub(1, part, .name = "sub");
    tw_tensor scale = tw_real_div(1, kept, .name = "truediv");
    tw_tensor mask = tw_greater_equal(noise, part);
    tw_tensor scaled = tw_mul(x, scale, .name = "mul");
    return tw_mul(scaled, tw_cast(mask, dtype), .name = "mul");
}

/* A keep_prob that is a tensor becomes a rate before the scope of dropout is opened. */
tw_tensor tw_dropout_build(const struct tw_dropout_args *args)
{
    tw_composite_scope place, scope;
    tw_place_enter(&place, args->where, &args->x);
    tw_operand rate = rate_of(args->keep_prob);
    tw_composite_enter(&scope, args->where, &args->x, args->name, "dropout");
    tw_tensor x = tw_as_tensor(args->x, "x"), result = {NULL, 0};
    if (tw_tensor_valid(x))
        result = drop(x, rate, args);
    tw_composite_leave(&scope);
    tw_composite_leave(&place);
    return result;
}

const tw_composite tw_composite_dropout = {
    .signature = "x: tensor, keep_prob: tensor; noise_shape: shape; seed: seed -> output: tensor",
    .doc = "Each element is kept with probability `keep_prob` and divided by it, or else 0. With "
           "`noise_shape`, which broadcasts to x's, elements share their fate along dims of 1.",
    .examples = {"dropout([1., 2.], 1.) -> [1., 2.]"},
};

/* ---- embedding_lookup ---- */

/* The rows are found where the table lives. */
static tw_tensor gather_from(tw_tensor params, tw_tensor ids, const char *name)
{
    tw_status *status = tw_scope_push_colocate(params);
    if (status)
        return tw_build_fail(status);
    tw_tensor rows = tw_gather_v2(params, ids, 0, .name = name);
    tw_scope_pop();
    return rows;
}

/* What follows the first dim of the parameters. */
static tw_tensor element_sizes(tw_tensors params)
{
    tw_shape shape = {NULL, 0};
    for (size_t i = 0; i < params.count; i++) {
        tw_shape one = tw_tensor_shape(params.items[i]);
        if (one.dims && one.rank && tw_shape_fully_known((tw_shape){one.dims + 1, one.rank - 1}))
            shape = (tw_shape){one.dims + 1, one.rank - 1};
    }
    if (shape.dims)
        return tw_numbers((tw_ints){shape.dims, shape.rank}, "concat/values_1");
    return tw_getitem(tw_shape(params.items[0]), "1:");
}

/* Id i is row i / n of partition i % n: ids are dealt to the partitions, and rows put back. */
static tw_tensor gather_from_many(tw_tensors params, tw_tensor ids, const char *name)
{
    int64_t n = (int64_t)params.count;
    tw_tensor *rows = tw_build_tensors(NULL, params.count);
    tw_tensor flat = tw_reshape(ids, TW_INTS(-1));
    tw_tensor places = tw_range(0, tw_size(flat), 1);
    tw_tensor part = tw_floor_mod(flat, n, .name = "mod");
    tw_tensor within = tw_floor_div(flat, n, .name = "floordiv");
    if (tw_plain_dtype(part) != TW_INT32)
        part = tw_cast(part, TW_INT32);
    tw_tensors dealt = tw_dynamic_partition(within, part, n);
    tw_tensors origins = tw_dynamic_partition(places, part, n);
    bool good = rows && dealt.count == params.count && origins.count == params.count;
    if (!good)
        return (tw_tensor){NULL, 0};
    for (size_t i = 0; i < params.count; i++)
        rows[i] = gather_from(params.items[i], dealt.items[i], "GatherV2");
    tw_tensor stitched = tw_dynamic_stitch(origins, ((tw_tensors){rows, params.count}),
                                           .name = name);
    tw_tensor sizes = tw_concat(TW_LIST(tw_shape(ids), element_sizes(params)), 0);
    return tw_reshape(stitched, sizes);
}

/* The Identity at the end is not bound to the table's device, as in TensorFlow. */
tw_tensor tw_embedding_lookup_build(const struct tw_embedding_lookup_args *args)
{
    tw_composite_scope scope;
    tw_operand place = args->ids;
    bool none = !args->params.count || !args->params.items;
    if (!none)
        place = tw_of_tensor(args->params.items[0]);
    tw_composite_enter(&scope, args->where, &place, args->name, "embedding_lookup");
    tw_tensor ids = tw_as_tensor(args->ids, "ids"), result;
    if (none)
        result = tw_refuse("Need at least one param");
    else if (args->params.count == 1)
        result = tw_identity(gather_from(args->params.items[0], ids, scope.name));
    else
        result = gather_from_many(args->params, ids, scope.name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_embedding_lookup = {
    .signature = "params: tensors, ids: tensor -> output: tensor",
    .doc = "Row `ids[i]` of a table for each i. A table in several parts has row i in part "
           "i % parts.",
    .examples = {"embedding_lookup([[[1., 2.], [3., 4.]]], [1, 0]) -> [[3., 4.], [1., 2.]]",
                 "embedding_lookup([[[1.], [3.]], [[2.], [4.]]], [2, 1]) -> [[3.], [2.]]"},
};
