/* SPDX-License-Identifier: Apache-2.0
 * Random numbers of a distribution with parameters: the generator's numbers, scaled and shifted. */
#include "composites/composite.h"

/* The generator `type` for a shape; `bounds` are further inputs. */
static tw_tensor draw(const char *type, const char *name, tw_tensors inputs, const int64_t *seed,
                      tw_dtype dtype)
{
    int64_t of_graph, of_op;
    for (size_t i = 0; i < inputs.count; i++) {
        if (!tw_tensor_valid(inputs.items[i]))
            return (tw_tensor){NULL, 0};
    }
    tw_graph_seeds(tw_operation_graph(inputs.items[0].op), seed, &of_graph, &of_op);
    tw_attr attrs[] = {tw_attr_of_int("seed", of_graph), tw_attr_of_int("seed2", of_op),
                       tw_attr_of_type("dtype", dtype)};
    return tw_make(type, name, inputs, attrs, dtype ? 3 : 2);
}

/* A shape given as a list is int32; the empty one is the scalar's. */
static tw_tensor shape_of(tw_operand shape)
{
    return tw_as_tensor(shape, "shape");
}

/* Integers have a generator of their own, without the bias that scaling would bring. */
tw_tensor tw_random_uniform_build(const struct tw_random_uniform_args *args)
{
    tw_composite_scope scope;
    tw_dtype dtype = args->dtype;
    tw_composite_enter(&scope, args->where, &args->shape, args->name, "random_uniform");
    tw_tensor result, shape = shape_of(args->shape);
    tw_tensor low = tw_number(args->minval, dtype, "min");
    tw_tensor high = tw_number(args->maxval, dtype, "max");
    if (tw_dtype_is_integer(dtype)) {
        result = draw("RandomUniformInt", scope.name, TW_LIST(shape, low, high), args->seed,
                      TW_INVALID_DTYPE);
    } else {
        tw_tensor numbers = draw("RandomUniform", NULL, TW_LIST(shape), args->seed, dtype);
        tw_tensor range = tw_sub(high, low, .name = "sub");
        tw_tensor scaled = tw_mul(numbers, range, .name = "mul");
        result = tw_add(scaled, low, .name = scope.name);
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_random_uniform = {
    .signature = "shape: tensor; minval: float = 0; maxval: float = 1; dtype: type = float32; "
                 "seed: seed -> output: tensor",
    .doc = "Random numbers between `minval` and `maxval`, the former included, all equally likely. "
           "For integers `maxval` must be given.",
};

/* mean + stddev * draws */
static tw_tensor normal(const char *type, const tw_composite_scope *scope, tw_operand shape,
                        const double parameters[2], tw_dtype dtype, const int64_t *seed)
{
    tw_tensor sizes = shape_of(shape);
    tw_tensor mean = tw_number(parameters[0], dtype, "mean");
    tw_tensor stddev = tw_number(parameters[1], dtype, "stddev");
    tw_tensor numbers = draw(type, NULL, TW_LIST(sizes), seed, dtype);
    tw_tensor scaled = tw_mul(numbers, stddev, .name = "mul");
    return tw_add(scaled, mean, .name = scope->name);
}

/* The bounds are constants, not attributes: TensorFlow's nodes, which can be fed. */
tw_tensor tw_random_normal_build(const struct tw_random_normal_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->shape, args->name, "random_normal");
    tw_tensor result = normal("RandomStandardNormal", &scope, args->shape,
                              (double[]){args->mean, args->stddev}, args->dtype, args->seed);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_random_normal = {
    .signature = "shape: tensor; mean: float = 0; stddev: float = 1; dtype: type = float32; "
                 "seed: seed -> output: tensor",
    .doc = "Random numbers of a normal distribution.",
};

/* The truncation is at two standard deviations of the result as well. */
tw_tensor tw_truncated_normal_build(const struct tw_truncated_normal_args *args)
{
    tw_composite_scope scope;
    tw_composite_enter(&scope, args->where, &args->shape, args->name, "truncated_normal");
    tw_tensor result = normal("TruncatedNormal", &scope, args->shape,
                              (double[]){args->mean, args->stddev}, args->dtype, args->seed);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_truncated_normal = {
    .signature = "shape: tensor; mean: float = 0; stddev: float = 1; dtype: type = float32; "
                 "seed: seed -> output: tensor",
    .doc = "Random numbers of a normal distribution; those more than two standard deviations from "
           "the mean are drawn again.",
};
