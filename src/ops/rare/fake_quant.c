/* SPDX-License-Identifier: Apache-2.0
 * FakeQuantWithMinMaxArgs, ...Vars and ...VarsPerChannel: numbers put on the steps of a range, as
 * if they were whole numbers of a few bits, and their derivatives, which are those of clipping.
 *
 * The range is moved a little so that 0 is on a step (Jacob et al. 2017). */
#include <math.h>

#include "ops/arrays.h"

/* Steps from `low` to `high`. A range of nothing gives zeros. */
typedef struct steps {
    float low, high, size;
    bool empty;
} steps;

static steps make_steps(float min, float max, int64_t bits, bool narrow)
{
    float first = narrow ? 1.0f : 0.0f, last = (float)((1 << bits) - 1);
    float size = (max - min) / (last - first), at = first - min / size;
    float zero = at < first ? first : at > last ? last : roundf(at);
    return (steps){(first - zero) * size, (last - zero) * size, size, min == 0 && max == 0};
}

static float on_step(const steps *s, float x)
{
    if (s->empty)
        return 0;
    float clipped = x < s->high ? x : s->high;
    clipped = clipped > s->low ? clipped : s->low;
    return floorf((clipped - s->low) / s->size + 0.5f) * s->size + s->low;
}

static bool is_inside(const steps *s, float x)
{
    return s->empty || (x >= s->low && x <= s->high);
}

/* ---- ranges ---- */

/* From inputs `at` and `at` + 1, number `channel` of each; at 0: from the attributes. */
static steps steps_of(const tw_compute *c, size_t at, size_t channel)
{
    int64_t bits = tw_compute_int(c, "num_bits");
    bool narrow = tw_compute_bool(c, "narrow_range");
    if (!at)
        return make_steps((float)tw_compute_float(c, "min"), (float)tw_compute_float(c, "max"),
                          bits, narrow);
    return make_steps(((const float *)tw_input(c, at)->data)[channel],
                      ((const float *)tw_input(c, at + 1)->data)[channel], bits, narrow);
}

/* How many ranges there are, one for each number of the last axis or one for all. */
static tw_status *count_ranges(const tw_compute *c, const tw_array *x, size_t at, bool channels,
                               size_t *out)
{
    *out = channels && x->rank ? (size_t)x->dims[x->rank - 1] : 1;
    int64_t bits = tw_compute_int(c, "num_bits");
    if (bits < 2 || bits > 16)
        return tw_compute_fail(c, "num_bits must be between 2 and 16 inclusive, got %" PRId64,
                               bits);
    if (!at && !(tw_compute_float(c, "min") < tw_compute_float(c, "max")))
        return tw_compute_fail(c, "min has to be smaller than max, was: %g >= %g",
                               tw_compute_float(c, "min"), tw_compute_float(c, "max"));
    for (size_t k = 0; at && k < 2; k++) {
        if (tw_input(c, at + k)->count != *out)
            return tw_compute_fail(c, "%s has shape %s, but there are %zu ranges",
                                   k ? "max" : "min", tw_brackets(tw_input(c, at + k)).s, *out);
    }
    return TW_OK;
}

/* ---- forwards ---- */

static tw_status *quantize(tw_compute *c, size_t at, bool channels)
{
    const tw_array *x = tw_input(c, 0);
    const float *in = x->data;
    float *out = tw_output_data(c, 0);
    size_t ranges;
    TW_TRY(count_ranges(c, x, at, channels, &ranges));
    for (size_t k = 0; k < ranges; k++) {
        steps s = steps_of(c, at, k);
        for (size_t i = k; i < x->count; i += ranges)
            out[i] = on_step(&s, in[i]);
    }
    return TW_OK;
}

static tw_status *compute_args(tw_compute *c)
{
    return quantize(c, 0, false);
}
static tw_status *compute_vars(tw_compute *c)
{
    return quantize(c, 1, false);
}
static tw_status *compute_channels(tw_compute *c)
{
    return quantize(c, 1, true);
}

/* ---- back ---- */

/* What came for numbers inside of a range goes on; the rest goes to the end that they are
 * beyond. */
static tw_status *spread(tw_compute *c, size_t at, bool channels)
{
    const tw_array *dy = tw_input(c, 0), *x = tw_input(c, 1);
    const float *from = dy->data, *in = x->data;
    float *dx = tw_output_data(c, 0);
    size_t ranges;
    if (!tw_shape_equal(tw_array_shape(dy), tw_array_shape(x)))
        return tw_compute_fail(c, "gradient and input must be the same size");
    TW_TRY(count_ranges(c, x, at, channels, &ranges));
    for (size_t k = 0; k < ranges; k++) {
        steps s = steps_of(c, at, k);
        double below = 0, above = 0;
        for (size_t i = k; i < x->count; i += ranges) {
            bool inside = is_inside(&s, in[i]);
            dx[i] = inside ? from[i] : 0;
            below += !inside && in[i] < s.low ? from[i] : 0;
            above += !inside && in[i] > s.high ? from[i] : 0;
        }
        if (at) {
            ((float *)tw_output_data(c, 1))[k] = (float)below;
            ((float *)tw_output_data(c, 2))[k] = (float)above;
        }
    }
    return TW_OK;
}

static tw_status *spread_args(tw_compute *c)
{
    return spread(c, 0, false);
}
static tw_status *spread_vars(tw_compute *c)
{
    return spread(c, 2, false);
}
static tw_status *spread_channels(tw_compute *c)
{
    return spread(c, 2, true);
}

/* ---- shapes ---- */

static void infer_args(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 0));
}

static void infer_vars(tw_infer *in)
{
    tw_infer_scalar(in, 1);
    tw_infer_scalar(in, 2);
    infer_args(in);
}

/* One range for each number of the last axis. */
static void infer_channels(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    for (size_t i = 1; i < 3; i++) {
        tw_shape range = tw_infer_rank(in, i, 1);
        int64_t own = tw_infer_dim(range, 0), last = x.dims ? tw_infer_dim(x, -1) : -1;
        if (!tw_dims_agree(own, last))
            tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, last,
                          own);
    }
    infer_args(in);
}

static void infer_back(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_merge(in, tw_infer_input(in, 0), tw_infer_input(in, 1)));
}

static void infer_vars_back(tw_infer *in)
{
    infer_back(in);
    tw_infer_output(in, 1, TW_SHAPE());
    tw_infer_output(in, 2, TW_SHAPE());
}

static void infer_channels_back(tw_infer *in)
{
    infer_back(in);
    tw_infer_output(in, 1, tw_infer_rank(in, 2, 1));
    tw_infer_output(in, 2, tw_infer_rank(in, 3, 1));
}

/* ---- gradients ---- */

static tw_status *gradient_args(tw_gradient *g)
{
    const tw_attr *min = tw_gradient_attr(g, "min"), *max = tw_gradient_attr(g, "max");
    g->dx[0] = tw_grad_of(tw_fake_quant_with_min_max_args_gradient(
        tw_gradient_dy(g, 0), g->inputs[0], .min = min->value.f, .max = max->value.f,
        .num_bits = tw_gradient_int(g, "num_bits"),
        .narrow_range = tw_gradient_bool(g, "narrow_range")));
    return TW_OK;
}

static tw_status *gradient_vars(tw_gradient *g)
{
    struct tw_fake_quant_with_min_max_vars_gradient_result d =
        tw_fake_quant_with_min_max_vars_gradient(
            tw_gradient_dy(g, 0), g->inputs[0], g->inputs[1], g->inputs[2],
            .num_bits = tw_gradient_int(g, "num_bits"),
            .narrow_range = tw_gradient_bool(g, "narrow_range"));
    g->dx[0] = tw_grad_of(d.backprops_wrt_input);
    g->dx[1] = tw_grad_of(d.backprop_wrt_min);
    g->dx[2] = tw_grad_of(d.backprop_wrt_max);
    return TW_OK;
}

static tw_status *gradient_channels(tw_gradient *g)
{
    struct tw_fake_quant_with_min_max_vars_per_channel_gradient_result d =
        tw_fake_quant_with_min_max_vars_per_channel_gradient(
            tw_gradient_dy(g, 0), g->inputs[0], g->inputs[1], g->inputs[2],
            .num_bits = tw_gradient_int(g, "num_bits"),
            .narrow_range = tw_gradient_bool(g, "narrow_range"));
    g->dx[0] = tw_grad_of(d.backprops_wrt_input);
    g->dx[1] = tw_grad_of(d.backprop_wrt_min);
    g->dx[2] = tw_grad_of(d.backprop_wrt_max);
    return TW_OK;
}

/* ---- definitions ---- */

#define BITS "num_bits: int = 8; narrow_range: bool = false"
#define RANGE "min: float = -6.0; max: float = 6.0; " BITS

const tw_op_definition tw_op_FakeQuantWithMinMaxArgs = {
    .signature = "inputs: float -> outputs: float; " RANGE,
    .doc = "`inputs` on the nearest of the steps that `num_bits` bits make of min to max.",
    .builder = "fake_quant_with_min_max_args",
    .examples = {"fake_quant_with_min_max_args([-1., 0.25, 9.], min=0., max=3., num_bits=2) -> "
                 "[0., 0., 3.]"},
    .infer = infer_args,
    .gradient = gradient_args,
    .compute = compute_args,
};

const tw_op_definition tw_op_FakeQuantWithMinMaxArgsGradient = {
    .signature = "gradients: float, inputs: float -> backprops: float; " RANGE,
    .doc = "The derivative of FakeQuantWithMinMaxArgs: that of clipping.",
    .builder = "fake_quant_with_min_max_args_gradient",
    .examples = {"fake_quant_with_min_max_args_gradient([1., 2., 3.], [-1., 0.25, 9.], min=0., "
                 "max=3., num_bits=2) -> [0., 2., 0.]"},
    .infer = infer_back,
    .gradient = tw_gradient_undefined,
    .compute = spread_args,
};

const tw_op_definition tw_op_FakeQuantWithMinMaxVars = {
    .signature = "inputs: float, min: float, max: float -> outputs: float; " BITS,
    .doc = "FakeQuantWithMinMaxArgs with a range that is computed.",
    .builder = "fake_quant_with_min_max_vars",
    .examples = {"fake_quant_with_min_max_vars([-1., 0.25, 9.], 0., 3., num_bits=2) -> "
                 "[0., 0., 3.]"},
    .infer = infer_vars,
    .gradient = gradient_vars,
    .compute = compute_vars,
};

const tw_op_definition tw_op_FakeQuantWithMinMaxVarsGradient = {
    .signature =
        "gradients: float, inputs: float, min: float, max: float -> "
        "backprops_wrt_input: float, backprop_wrt_min: float, backprop_wrt_max: float; " BITS,
    .doc = "The derivatives of FakeQuantWithMinMaxVars for its inputs and the ends of the range.",
    .builder = "fake_quant_with_min_max_vars_gradient",
    .examples = {"fake_quant_with_min_max_vars_gradient([1., 2., 3.], [-1., 0.25, 9.], 0., 3., "
                 "num_bits=2) -> [0., 2., 0.], 1., 3."},
    .infer = infer_vars_back,
    .gradient = tw_gradient_undefined,
    .compute = spread_vars,
};

const tw_op_definition tw_op_FakeQuantWithMinMaxVarsPerChannel = {
    .signature = "inputs: float, min: float, max: float -> outputs: float; " BITS,
    .doc = "FakeQuantWithMinMaxVars with a range for each number of the last axis.",
    .builder = "fake_quant_with_min_max_vars_per_channel",
    .examples = {"fake_quant_with_min_max_vars_per_channel([[-1., 9.]], [0., 0.], [3., 6.], "
                 "num_bits=2) -> [[0., 6.]]"},
    .infer = infer_channels,
    .gradient = gradient_channels,
    .compute = compute_channels,
};

const tw_op_definition tw_op_FakeQuantWithMinMaxVarsPerChannelGradient = {
    .signature =
        "gradients: float, inputs: float, min: float, max: float -> "
        "backprops_wrt_input: float, backprop_wrt_min: float, backprop_wrt_max: float; " BITS,
    .doc = "The derivatives of FakeQuantWithMinMaxVarsPerChannel.",
    .builder = "fake_quant_with_min_max_vars_per_channel_gradient",
    .examples = {"fake_quant_with_min_max_vars_per_channel_gradient([[1., 2.]], [[-1., 9.]], "
                 "[0., 0.], [3., 6.], num_bits=2) -> [[0., 0.]], [1., 0.], [0., 2.]"},
    .infer = infer_channels_back,
    .gradient = tw_gradient_undefined,
    .compute = spread_channels,
};
