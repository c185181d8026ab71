/* SPDX-License-Identifier: Apache-2.0
 * Learning rates that fall with a step counter: scalars computed in the graph, with the names of
 * TensorFlow's learning_rate_schedule. */
#include <math.h>
#include <string.h>

#include "train/train.h"

/* What most of them share: the rate, its dtype and the step, as tensors. */
typedef struct decay {
    tw_composite_scope scope;
    tw_tensor rate, step;
    tw_dtype dtype;
} decay;

/* The defaults, and over them what the caller's struct has, which may be an older, shorter one. */
static struct tw_decay_args all_of(const struct tw_decay_args *given)
{
    struct tw_decay_args all = *(TW_DECAY_ARGS_());
    all.where = (tw_where){NULL, 0};
    if (given)
        memcpy(&all, given, given->size < sizeof all ? given->size : sizeof all);
    return all;
}

/* Settings take the dtype of the rate. */
static tw_tensor number(const decay *d, double value, const char *name)
{
    return tw_operand_tensor(tw_of_float(value), d->dtype, name);
}

/* Opens the scope on the graph of the step, which is a tensor nearly always. */
static void begin(decay *d, const struct tw_decay_args *args, tw_operand rate, tw_operand step,
                  const char *name)
{
    bool has_step = step.kind == TW_OPERAND_TENSOR;
    tw_composite_enter(&d->scope, args->where, has_step ? &step : &rate, args->name, name);
    d->rate = rate.kind == TW_OPERAND_TENSOR ? rate.tensor
                                             : tw_operand_tensor(rate, TW_FLOAT32, "learning_rate");
    d->dtype = tw_dtype_base(tw_tensor_dtype(d->rate));
    if (d->dtype && !tw_dtype_is_floating(d->dtype))
        tw_train_refuse("a learning rate is a floating number, not %s", tw_dtype_name(d->dtype));
    d->step = tw_operand_tensor(step, TW_INVALID_DTYPE, "global_step");
}

/* Closes the scope; the result was named by it. */
static tw_tensor end(decay *d, tw_tensor result)
{
    tw_composite_leave(&d->scope);
    return result;
}

/* step / decay_steps, in whole decays where `staircase`. */
static tw_tensor progress(const decay *d, double decay_steps, bool staircase)
{
    tw_tensor steps = number(d, decay_steps, "decay_steps");
    tw_tensor p = tw_real_div(tw_train_cast(d->step, d->dtype), steps, .name = "truediv");
    return staircase ? tw_floor(p) : p;
}

/* Both exponential forms: they differ in where the base comes from. */
static tw_tensor exponential(tw_operand rate, tw_operand step, double decay_steps,
                             const struct tw_decay_args *args, tw_operand decay_rate)
{
    decay d;
    begin(&d, args, rate, step, "ExponentialDecay");
    tw_tensor base = decay_rate.kind == TW_OPERAND_TENSOR
                         ? tw_train_cast(decay_rate.tensor, d.dtype)
                         : tw_operand_tensor(decay_rate, d.dtype, "decay_rate");
    tw_tensor p = progress(&d, decay_steps, args->staircase);
    return end(&d, tw_mul(d.rate, tw_pow(base, p), .name = d.scope.name));
}

/* learning_rate * decay_rate ^ (step / decay_steps) */
tw_tensor tw_exponential_decay_(tw_operand learning_rate, tw_operand global_step,
                                double decay_steps, const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    return exponential(learning_rate, global_step, decay_steps, &args,
                       tw_of_float(args.decay_rate));
}

/* learning_rate * exp(-decay_rate) ^ (step / decay_steps) */
tw_tensor tw_natural_exp_decay_(tw_operand learning_rate, tw_operand global_step,
                                double decay_steps, const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    tw_composite_scope scope;
    tw_train_enter(&scope, args.where,
                   global_step.kind == TW_OPERAND_TENSOR ? global_step.tensor
                                                         : learning_rate.tensor);
    tw_tensor base = tw_exp(tw_neg(tw_train_number(args.decay_rate, "decay_rate")));
    tw_tensor result = exponential(learning_rate, global_step, decay_steps, &args,
                                   tw_of_tensor(base));
    tw_composite_leave(&scope);
    return result;
}

/* learning_rate / (1 + decay_rate * step / decay_steps) */
tw_tensor tw_inverse_time_decay_(tw_operand learning_rate, tw_operand global_step,
                                 double decay_steps, const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    decay d;
    begin(&d, &args, learning_rate, global_step, "InverseTimeDecay");
    tw_tensor factor = number(&d, args.decay_rate, "decay_rate");
    tw_tensor p = progress(&d, decay_steps, args.staircase), one = number(&d, 1, "Const");
    tw_tensor below = tw_add(one, tw_mul(factor, p));
    return end(&d, tw_real_div(d.rate, below, .name = d.scope.name));
}

/* With a cycle the end is put off to the next multiple of decay_steps, the first one at step 0. */
static tw_tensor cycled(const decay *d, tw_tensor step, tw_tensor steps)
{
    tw_tensor one = number(d, 1, "one"), zero = number(d, 0, "zero");
    tw_tensor multiple = tw_ceil(tw_real_div(step, steps));
    return tw_mul(steps, tw_select(tw_equal(step, zero), one, multiple));
}

/* (learning_rate - end) * (1 - step / decay_steps) ^ power + end */
tw_tensor tw_polynomial_decay_(tw_operand learning_rate, tw_operand global_step, double decay_steps,
                               const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    decay d;
    begin(&d, &args, learning_rate, global_step, "PolynomialDecay");
    tw_tensor last = number(&d, args.end_learning_rate, "end_learning_rate");
    tw_tensor power = number(&d, args.power, "power");
    tw_tensor steps = number(&d, decay_steps, "decay_steps");
    tw_tensor step = tw_train_cast(d.step, d.dtype);
    if (args.cycle)
        steps = cycled(&d, step, steps);
    else
        step = tw_minimum(step, steps);
    tw_tensor left = tw_sub(1, tw_real_div(step, steps));
    tw_tensor fallen = tw_mul(tw_sub(d.rate, last), tw_pow(left, power));
    return end(&d, tw_add(fallen, last, .name = d.scope.name));
}

/* learning_rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha) */
tw_tensor tw_cosine_decay_(tw_operand learning_rate, tw_operand global_step, double decay_steps,
                           const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    decay d;
    begin(&d, &args, learning_rate, global_step, "CosineDecay");
    tw_tensor steps = number(&d, decay_steps, "decay_steps");
    tw_tensor step = tw_minimum(tw_train_cast(d.step, d.dtype), steps);
    tw_tensor angle = tw_mul(number(&d, acos(-1), "pi"), tw_real_div(step, steps));
    tw_tensor half = tw_mul(0.5, tw_add(1.0, tw_cos(angle)));
    tw_tensor fallen = tw_add(tw_mul(1 - args.alpha, half), args.alpha);
    return end(&d, tw_mul(d.rate, fallen, .name = d.scope.name));
}

/* ---- piecewise_constant ---- */

/* A boundary that the dtype of x cannot hold would never be met exactly. */
static bool check_pieces(tw_dtype dtype, tw_doubles boundaries, tw_doubles values)
{
    if (values.count != boundaries.count + 1) {
        tw_train_refuse("The length of boundaries should be 1 less than the length of values, got "
                        "%zu and %zu",
                        boundaries.count, values.count);
        return false;
    }
    for (size_t i = 0; i < boundaries.count; i++) {
        double b = boundaries.items[i];
        bool whole = b == floor(b) && fabs(b) < 0x1p63;
        if (!tw_dtype_is_floating(dtype) && !whole) {
            tw_train_refuse("Boundaries (%g) must have dtype %s consistent with x.", b,
                            tw_dtype_name(dtype));
            return false;
        }
    }
    return true;
}

/* From the last value back: each boundary chooses between its value and all later ones. */
static tw_tensor pieces(tw_tensor x, tw_doubles boundaries, tw_doubles values, const char *name)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(x));
    if (!check_pieces(dtype, boundaries, values))
        return (tw_tensor){NULL, 0};
    tw_tensor result = tw_train_number(values.items[boundaries.count], "Const");
    for (size_t i = boundaries.count; i-- > 0;) {
        double b = boundaries.items[i];
        tw_operand bound = tw_dtype_is_floating(dtype) ? tw_of_float(b) : tw_of_int64((int64_t)b);
        tw_tensor edge = tw_operand_tensor(bound, dtype, "Const");
        tw_tensor value = tw_train_number(values.items[i], "Const");
        result = tw_select(tw_less_equal(x, edge), value, result);
    }
    return tw_identity(result, .name = name);
}

/* values[i] up to boundaries[i] (included), the last value after them. */
tw_tensor tw_piecewise_constant_(tw_operand x, tw_doubles boundaries, tw_doubles values,
                                 const struct tw_decay_args *given)
{
    struct tw_decay_args args = all_of(given);
    tw_composite_scope scope;
    tw_composite_enter(&scope, args.where, &x, args.name, "PiecewiseConstant");
    tw_tensor at = tw_operand_tensor(x, TW_INVALID_DTYPE, "x"), result = {NULL, 0};
    if (tw_tensor_valid(at))
        result = pieces(at, boundaries, values, scope.name);
    tw_composite_leave(&scope);
    return result;
}
