/* SPDX-License-Identifier: Apache-2.0
 * How variables get their first values. An initializer is a function with its settings, called with
 * the variable's shape and dtype inside NAME/Initializer. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* NULL: the graph's rule for seeds. */
static const int64_t *seed_of(const tw_initializer *initializer)
{
    return initializer->has_seed ? &initializer->seed_value : NULL;
}

/* The initializer's own dtype comes before that of the variable, as in TensorFlow, where a wrong
 * one is then refused. */
static tw_dtype dtype_of(const tw_initializer *initializer, tw_dtype dtype)
{
    return initializer->dtype ? initializer->dtype : dtype;
}

/* The defaults, and over them what the caller's struct has, which may be an older, shorter one. */
static struct tw_initializer_args all_of(const struct tw_initializer_args *given)
{
    struct tw_initializer_args all = *(TW_INITIALIZER_ARGS_());
    all.where = (tw_where){NULL, 0};
    if (given)
        memcpy(&all, given, given->size < sizeof all ? given->size : sizeof all);
    return all;
}

/* One with the settings that all share. */
static tw_initializer make(const struct tw_initializer_args *args,
                           tw_tensor (*fn)(const tw_initializer *, tw_shape, tw_dtype), double a,
                           double b)
{
    tw_initializer out = {.make = fn, .a = a, .b = b, .dtype = args->dtype};
    out.has_seed = args->seed != NULL;
    out.seed_value = args->seed ? *args->seed : 0;
    return out;
}

/* ---- constants ---- */

/* A graph should not hold as much as its variable for ever, only to fill it once. Int and float
 * alone: they are what the accumulators of large embeddings start from. */
static bool is_large(tw_operand value, tw_shape shape)
{
    const int64_t most = 1 << 20; /* elements of a Const that is one number everywhere */
    return (value.kind == TW_OPERAND_INT || value.kind == TW_OPERAND_FLOAT) &&
           tw_shape_elements(shape) > most;
}

/* One Const of the full shape, as TensorFlow 1.15 makes it whatever its size; a large one is a
 * Fill of that name. */
static tw_tensor constant(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    dtype = dtype_of(initializer, dtype);
    if (is_large(initializer->constant, shape))
        return tw_fill(shape, tw_constant(initializer->constant, .dtype = dtype, .name = "value"),
                       .name = "Const");
    return tw_constant(initializer->constant, .dtype = dtype, .shape = shape);
}

/* The value may be a number or a list; a number fills the shape of the variable. */
tw_initializer tw_constant_initializer_(tw_operand value)
{
    return (tw_initializer){.make = constant, .constant = value};
}

/* A Const or a Fill, by the size of the shape. */
static tw_tensor zeros(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    return tw_zeros(shape, .dtype = dtype_of(initializer, dtype));
}

/* What biases and most slots start from. */
tw_initializer tw_zeros_initializer(void)
{
    return (tw_initializer){.make = zeros};
}

/* The shape is fully known here: a variable without one has no initializer of this kind. */
static tw_tensor ones(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    return tw_ones(shape, .dtype = dtype_of(initializer, dtype));
}

/* Has no settings, so the value needs nothing but its function. */
tw_initializer tw_ones_initializer(void)
{
    return (tw_initializer){.make = ones};
}

/* ---- random numbers ---- */

/* a and b are the bounds. */
static tw_tensor uniform(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    return tw_random_uniform(shape, .minval = initializer->a, .maxval = initializer->b,
                             .dtype = dtype_of(initializer, dtype), .seed = seed_of(initializer));
}

/* The numbers are in [minval, maxval), kept in the initializer's two numbers. */
tw_initializer tw_random_uniform_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, uniform, args.minval, args.maxval);
}

/* a is the mean, b the standard deviation. */
static tw_tensor normal(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    return tw_random_normal(shape, .mean = initializer->a, .stddev = initializer->b,
                            .dtype = dtype_of(initializer, dtype), .seed = seed_of(initializer));
}

/* Mean and deviation are kept in the two numbers that every initializer has. */
tw_initializer tw_random_normal_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, normal, args.mean, args.stddev);
}

/* Beyond two standard deviations numbers are drawn again, so that no weight starts far out. */
static tw_tensor truncated(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    return tw_truncated_normal(shape, .mean = initializer->a, .stddev = initializer->b,
                               .dtype = dtype_of(initializer, dtype), .seed = seed_of(initializer));
}

/* As the normal one with its tails cut at two standard deviations. */
tw_initializer tw_truncated_normal_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, truncated, args.mean, args.stddev);
}

/* ---- by the number of inputs and outputs ---- */

/* The elements that go into one of the result: all dims but the last. */
static double inputs_of(tw_shape shape)
{
    double count = 1;
    for (size_t i = 0; i + 1 < shape.rank; i++)
        count *= (double)shape.dims[i];
    return count > 1 ? count : 1;
}

/* The mean of inputs and outputs of an element; dims before the last two are a window. */
static double mean_fan(tw_shape shape)
{
    double window = 1;
    if (shape.rank < 2)
        return shape.rank ? fmax(1, (double)shape.dims[0]) : 1;
    for (size_t i = 0; i + 2 < shape.rank; i++)
        window *= (double)shape.dims[i];
    double fan = window * (double)(shape.dims[shape.rank - 2] + shape.dims[shape.rank - 1]) / 2;
    return fan > 1 ? fan : 1;
}

/* Glorot and Bengio 2010: the variance is 1 / mean_fan. */
static tw_tensor glorot(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    tw_initializer scaled = *initializer;
    scaled.b = sqrt(3 / mean_fan(shape));
    scaled.a = -scaled.b;
    return uniform(&scaled, shape, dtype);
}

/* Limits sqrt(6 / (fan_in + fan_out)); both fans are found from the variable's shape. */
tw_initializer tw_glorot_uniform_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, glorot, 0, 0);
}

/* The same variance; what a truncated normal loses is made good by 1.3. */
static tw_tensor glorot_normal(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    tw_initializer scaled = *initializer;
    scaled.a = 0;
    scaled.b = sqrt(1.3 / mean_fan(shape));
    return truncated(&scaled, shape, dtype);
}

/* The older name of Glorot's initializers, uniform or normal. */
tw_initializer tw_xavier_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, args.uniform ? glorot : glorot_normal, 0, 0);
}

/* Keeps the scale of the inputs: factor * sqrt(3 / inputs). */
static tw_tensor unit_scaling(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    tw_initializer scaled = *initializer;
    scaled.b = sqrt(3 / inputs_of(shape)) * initializer->a;
    scaled.a = -scaled.b;
    return uniform(&scaled, shape, dtype);
}

/* Keeps the scale of what passes through: limits sqrt(3 / inputs) * factor. */
tw_initializer tw_uniform_unit_scaling_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, unit_scaling, args.factor, 0);
}

/* ---- orthogonal (Saxe, McClelland, Ganguli 2013) ---- */

/* q of random numbers, with signs that make every orthogonal matrix equally likely. All dims but
 * the last count as rows; where there are fewer rows than columns, rows are orthonormal. */
static tw_tensor orthogonal(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    if (shape.rank < 2)
        return tw_train_refuse("The tensor to initialize must be at least two-dimensional");
    int64_t rows = (int64_t)inputs_of(shape), columns = shape.dims[shape.rank - 1];
    bool wide = rows < columns;
    tw_dtype own = dtype_of(initializer, dtype);
    tw_tensor numbers = tw_random_normal(TW_SHAPE(wide ? columns : rows, wide ? rows : columns),
                                         .dtype = own, .seed = seed_of(initializer));
    struct tw_qr_result qr = tw_qr(numbers);
    tw_tensor signs = tw_sign(tw_diag_part(qr.r));
    tw_tensor q = tw_mul(qr.q, signs, .name = "mul");
    if (wide)
        q = tw_transpose(q, TW_INTS(1, 0), .name = "matrix_transpose/transpose");
    return tw_mul(initializer->a, tw_reshape(q, shape), .name = "mul");
}

/* The gain multiplies the orthogonal matrix; the shape must have two dims at least, which is
 * checked when it is used. */
tw_initializer tw_orthogonal_initializer_(const struct tw_initializer_args *given)
{
    struct tw_initializer_args args = all_of(given);
    return make(&args, orthogonal, args.gain, 0);
}
