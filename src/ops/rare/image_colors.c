/* SPDX-License-Identifier: Apache-2.0
 * Colours of images: RGBToHSV, HSVToRGB, AdjustHue, AdjustSaturation, AdjustContrast and
 * AdjustContrastv2. Numbers are computed in double precision whatever their dtype, and rounded
 * once.
 *
 * A colour is three numbers, the last dimension: red, green, blue, or hue, saturation, value. Red
 * is hue 0, green 1/3, blue 2/3; value is the largest of the three, saturation how far the smallest
 * is below it, as a part of it (Smith 1978).
 *
 * Hues are computed in sixths of the circle. */
#include <math.h>

#include "ops/arrays.h"

enum { COLOR = 3, ROWS_FROM_END = 3 };

/* A colour by its hue, 0 .. 6, and its smallest and largest number. */
typedef struct color {
    double hue, low, high;
} color;

/* Where two are largest, red goes before green before blue. Greys have hue 0. */
static color color_of(const double *rgb)
{
    double r = rgb[0], g = rgb[1], b = rgb[2];
    color c = {0, fmin(fmin(r, g), b), fmax(fmax(r, g), b)};
    double range = c.high - c.low;
    if (range > 0)
        c.hue = r == c.high   ? (g - b) / range
                : g == c.high ? (b - r) / range + 2
                              : (r - g) / range + 4;
    c.hue += c.hue < 0 ? 6 : 0;
    return c;
}

/* Black, and what is below it, has none. */
static double saturation_of(color c)
{
    return c.high > 0 ? (c.high - c.low) / c.high : 0;
}

/* The smallest number that goes with a saturation and a value. */
static double low_of(double saturation, double value)
{
    return value - saturation * value;
}

/* Each number is high for a third of the circle, low for another, and goes straight between. */
static void rgb_of(color c, double *out)
{
    const double rise[COLOR] = {fabs(c.hue - 3) - 1, 2 - fabs(c.hue - 2), 2 - fabs(c.hue - 4)};
    for (size_t i = 0; i < COLOR; i++)
        out[i] = c.low + (c.high - c.low) * fmin(fmax(rise[i], 0), 1);
}

/* ---- what is done to one pixel ---- */

/* A hue counts to 1 outside. */
static void rgb_to_hsv(double *pixel, double unused)
{
    color c = color_of(pixel);
    (void)unused;
    pixel[0] = c.hue / 6;
    pixel[1] = saturation_of(c);
    pixel[2] = c.high;
}

/* Nothing is checked: any three numbers give a colour of some kind. */
static void hsv_to_rgb(double *pixel, double unused)
{
    (void)unused;
    rgb_of((color){pixel[0] * 6, low_of(pixel[1], pixel[2]), pixel[2]}, pixel);
}

/* Hues go round. */
static void turn_hue(double *pixel, double delta)
{
    color c = color_of(pixel);
    c.hue += delta * 6;
    c.hue -= 6 * floor(c.hue / 6);
    rgb_of(c, pixel);
}

/* A saturation stays within 0 .. 1. */
static void scale_saturation(double *pixel, double scale)
{
    color c = color_of(pixel);
    c.low = low_of(fmin(fmax(saturation_of(c) * scale, 0), 1), c.high);
    rgb_of(c, pixel);
}

/* ---- kernels ---- */

/* Input 1, where there is one, is a number for all pixels. */
static tw_status *each_pixel(tw_compute *c, void (*change)(double *pixel, double amount))
{
    const tw_array *x = tw_input(c, 0);
    bool has_amount = c->input_count > 1;
    int64_t channels = x->rank ? x->dims[x->rank - 1] : 0;
    if (channels != COLOR)
        return tw_status_new(has_amount ? TW_INVALID_ARGUMENT : TW_FAILED_PRECONDITION,
                             "input must have 3 channels but %s has %" PRId64 " channels.",
                             has_amount ? "instead" : "input only", channels);
    double pixel[COLOR], amount = has_amount ? tw_number_at(tw_input(c, 1), 0) : 0;
    for (size_t i = 0; i < x->count; i += COLOR) {
        for (size_t k = 0; k < COLOR; k++)
            pixel[k] = tw_number_at(x, i + k);
        change(pixel, amount);
        for (size_t k = 0; k < COLOR; k++)
            tw_number_put(tw_output(c, 0), i + k, pixel[k]);
    }
    return TW_OK;
}

/* One kernel for each op, since a kernel is not told which op it is for. */
static tw_status *compute_rgb_to_hsv(tw_compute *c)
{
    return each_pixel(c, rgb_to_hsv);
}
static tw_status *compute_hsv_to_rgb(tw_compute *c)
{
    return each_pixel(c, hsv_to_rgb);
}
static tw_status *compute_hue(tw_compute *c)
{
    return each_pixel(c, turn_hue);
}
static tw_status *compute_saturation(tw_compute *c)
{
    return each_pixel(c, scale_saturation);
}

/* One channel of one image, from element `at` on: its pixels go away from their mean by a
 * factor. */
static void spread(const tw_compute *c, size_t at, size_t pixels, size_t depth)
{
    const tw_array *x = tw_input(c, 0);
    double mean = 0, factor = tw_number_at(tw_input(c, 1), 0);
    for (size_t i = 0; i < pixels; i++)
        mean += tw_number_at(x, at + i * depth) / (double)pixels;
    for (size_t i = 0; i < pixels; i++) {
        double y = mean + (tw_number_at(x, at + i * depth) - mean) * factor;
        if (c->input_count > 2) /* the older op has bounds */
            y = fmin(fmax(y, tw_number_at(tw_input(c, 2), 0)), tw_number_at(tw_input(c, 3), 0));
        tw_number_put(tw_output(c, 0), at + i * depth, y);
    }
}

/* Images are the last three dims. */
static tw_status *compute_contrast(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t depth = (size_t)x->dims[x->rank - 1];
    size_t pixels = tw_span(x->dims, x->rank - ROWS_FROM_END, x->rank - 1);
    for (size_t image = 0; image < x->count; image += pixels * depth)
        for (size_t k = 0; k < depth; k++)
            spread(c, image + k, pixels, depth);
    return TW_OK;
}

/* ---- shapes ---- */

/* Colours alone may be of any shape; what else is adjusted is an image or more of them. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0);
    bool alone = tw_infer_input_count(in) == 1;
    size_t least = alone ? 1 : ROWS_FROM_END;
    for (size_t i = 1; i < tw_infer_input_count(in); i++)
        tw_infer_scalar(in, i);
    if (x.dims && x.rank < least)
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", least, x.rank);
    else if (x.dims && alone && !tw_dims_agree(tw_infer_dim(x, -1), COLOR))
        tw_infer_fail(in, "Dimension must be 3 but is %" PRId64, tw_infer_dim(x, -1));
    tw_infer_output(in, 0, x.dims && alone ? tw_infer_replace(in, x, x.rank - 1, COLOR) : x);
}

/* ---- the gradient ---- */

/* Number k of each row of three in `table`, which stands for a colour's largest or smallest. */
static tw_tensor rows_of(tw_ints table, tw_tensor k, tw_dtype dtype)
{
    tw_tensor rows = tw_reshape(tw_constant(table), TW_INTS(COLOR, COLOR));
    return tw_gather(tw_cast(rows, dtype), k);
}

/* By the masks B and S of the largest and smallest number (the first of several, the last of
 * several), with D = high - low:
 *     d value = B,   d saturation = low / high^2 B - 1 / high S  for numbers above 0,
 *     d hue = (C - (x . C) / D (B - S)) / 6 D,  where hue = (x . C) / 6 D + a constant. */
static tw_status *gradient(tw_gradient *g)
{
    const tw_ints last = TW_INTS(-1);
    tw_tensor x = g->inputs[0];
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(x));
    tw_tensors dy = tw_split(-1, tw_gradient_dy(g, 0), COLOR);
    if (dy.count != COLOR)
        return TW_OK; /* building failed, which is reported by itself */
    tw_tensor first = tw_arg_max(x, -1), final = tw_arg_min(tw_reverse(x, last), -1);
    tw_tensor large = rows_of(TW_INTS(1, 0, 0, 0, 1, 0, 0, 0, 1), first, dtype);
    tw_tensor small = rows_of(TW_INTS(0, 0, 1, 0, 1, 0, 1, 0, 0), final, dtype);
    tw_tensor turns = rows_of(TW_INTS(0, 1, -1, -1, 0, 1, 1, -1, 0), first, dtype);
    tw_tensor high = tw_reduce_max(x, last, .keep_dims = true);
    tw_tensor low = tw_reduce_min(x, last, .keep_dims = true), range = tw_sub(high, low);
    tw_tensor distance = tw_reduce_sum(tw_mul(x, turns), last, .keep_dims = true);
    tw_tensor both = tw_mul(tw_div_no_nan(distance, range), tw_sub(large, small));
    tw_tensor hue = tw_div_no_nan(tw_sub(turns, both), tw_mul(range, 6));
    tw_tensor saturation = tw_sub(tw_mul(tw_div_no_nan(low, tw_square(high)), large),
                                  tw_div_no_nan(small, high));
    saturation = tw_mul(saturation, tw_cast(tw_greater(x, tw_zeros_like(x)), dtype));
    tw_tensor sum = tw_add(tw_mul(dy.items[0], hue), tw_mul(dy.items[1], saturation));
    g->dx[0] = tw_grad_of(tw_add(sum, tw_mul(dy.items[2], large)));
    return TW_OK;
}

#define COLORS "images: T -> output: T; T: {half, bfloat16, float, double} = float"

const tw_op_definition tw_op_RGBToHSV = {
    .signature = COLORS,
    .doc = "Hue, saturation and value, each in 0 .. 1, of colours given by red, green and blue.",
    .builder = "rgb_to_hsv",
    .since = "double: 0.8; half, bfloat16: 1.13",
    .examples = {"rgb_to_hsv([0.25, 0.5, 0.25]) -> [0.33333333, 0.5, 0.5]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute_rgb_to_hsv,
};

const tw_op_definition tw_op_HSVToRGB = {
    .signature = COLORS,
    .doc = "Red, green and blue of colours given by hue, saturation and value.",
    .builder = "hsv_to_rgb",
    .since = "double: 0.8; half, bfloat16: 1.13",
    .examples = {"hsv_to_rgb([[0., 0., 0.5], [0.5, 1., 1.]]) -> [[0.5, 0.5, 0.5], [0., 1., 1.]]"},
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute_hsv_to_rgb,
};

const tw_op_definition tw_op_AdjustHue = {
    .signature = "images: T, delta: float -> output: T; T: {half, float} = float",
    .doc = "Colours with `delta` added to their hues, where 1 is the whole circle.",
    .since = "AdjustHue: 0.11; half: 1.14",
    .examples = {"adjust_hue([[[1., 0., 0.5]]], 0.5) -> [[[0., 1., 0.5]]]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute_hue,
};

const tw_op_definition tw_op_AdjustSaturation = {
    .signature = "images: T, scale: float -> output: T; T: {half, float} = float",
    .doc = "Colours with their saturation times `scale`.",
    .since = "AdjustSaturation: 1.0; half: 1.14",
    .examples = {"adjust_saturation([[[1., 0., 0.5]]], 0.5) -> [[[1., 0.5, 0.75]]]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute_saturation,
};

const tw_op_definition tw_op_AdjustContrastv2 = {
    .signature = "images: T, contrast_factor: float -> output: T; T: {half, float} = float",
    .doc = "Images (.., rows, columns, channels) whose pixels are `contrast_factor` times as far "
           "from the mean of their channel.",
    .builder = "adjust_contrastv2",
    .since = "half: 1.14",
    .examples = {"adjust_contrastv2([[[1.], [3.]]], 2.) -> [[[0.], [4.]]]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute_contrast,
};

const tw_op_definition tw_op_AdjustContrast = {
    .signature = "images: T, contrast_factor: float, min_value: float, max_value: float -> "
                 "output: float; T: {uint8, int8, int16, int32, int64, float, double}",
    .doc = "AdjustContrastv2 in its older form: the result lies between two bounds.",
    .examples = {"adjust_contrast([[[1], [3]]], 2., 1., 9.) -> [[[1.], [4.]]]"},
    .infer = infer,
    .gradient = tw_gradient_undefined,
    .compute = compute_contrast,
};
