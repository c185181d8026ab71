/* SPDX-License-Identifier: Apache-2.0
 * ResizeArea, ResizeBicubic and its gradient: a number of the new image is a sum of weighted ones
 * of the old, by rows and by columns. Of an area the weights are how much of a pixel it covers; of
 * a cubic (Keys 1981) they depend on how far four neighbours are, in steps of 1/1024 as in
 * TensorFlow. Places are counted in float, so that the same pixels are taken.
 *
 * Sums are made in double. */
#include <math.h>

#include "ops/arrays.h"

enum { IMAGE_RANK = 4, NEIGHBOURS = 4, STEPS = 1024 };

/* One direction: `out` numbers are made of `in`. */
typedef struct axis {
    int64_t in, out;
    float scale;
    bool half, area;
} axis;

/* What one number is made of: pixels from `first` on, of which those outside are the nearest ones
 * inside. from, to: the area that is covered. */
typedef struct taps {
    int64_t first, count;
    float from, to;
    float weights[NEIGHBOURS];
} taps;

/* From one pixel no scale can be told, so one output pixel takes the plain ratio. */
static axis axis_of(const tw_compute *c, int64_t in, int64_t out, bool area)
{
    bool align = tw_compute_bool(c, "align_corners") && out > 1;
    bool half = !area && tw_compute_bool(c, "half_pixel_centers");
    float scale = align ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    return (axis){in, out, scale, half, area};
}

/* Those outside count as the nearest one inside. */
static int64_t within(int64_t at, int64_t size)
{
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* Keys' cubic at a distance of 0 .. 2; `a` is its slope at 1. */
static double cubic(double x, double a)
{
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Where pixels have centers, those outside do not count, and the others make up for them. */
static void weigh_cubic(const axis *a, taps *t, float part)
{
    double step = (double)lrintf(part * STEPS) / STEPS, sum = 0, slope = a->half ? -0.5 : -0.75;
    for (int k = 0; k < NEIGHBOURS; k++) {
        bool inside = within(t->first + k, a->in) == t->first + k;
        t->weights[k] = inside || !a->half ? (float)cubic(fabs(step + 1 - k), slope) : 0;
        sum += (double)t->weights[k];
    }
    for (int k = 0; k < NEIGHBOURS && a->half && fabs(sum) >= 1e-35; k++)
        t->weights[k] /= (float)sum;
}

/* What is at a place between two pixels: its area, or its neighbours and how far they are. */
static taps taps_of(const axis *a, int64_t i)
{
    taps t = {.from = a->half ? ((float)i + 0.5F) * a->scale - 0.5F : (float)i * a->scale};
    t.first = (int64_t)floorf(t.from);
    if (a->area) {
        t.to = (float)(i + 1) * a->scale;
        t.count = a->scale > 0 ? (int64_t)ceilf(t.to) - t.first : 1;
        return t;
    }
    float part = t.from - floorf(t.from);
    t.count = NEIGHBOURS;
    t.first--;
    weigh_cubic(a, &t, part);
    return t;
}

/* The weight of tap k. An area is all of a pixel but at its ends; what is covered is one whole.
 * Where both corners of one pixel are aligned, areas have no width and are that pixel. */
static double weight(const axis *a, const taps *t, int64_t k)
{
    if (!a->area)
        return (double)t->weights[k];
    if (!(a->scale > 0))
        return 1;
    float low = (float)(t->first + k), high = (float)(t->first + k + 1);
    return (double)((high < t->to ? high : t->to) - (low > t->from ? low : t->from)) /
           (double)a->scale;
}

/* ---- kernels ---- */

/* Images that are resized, from the axes' `in` to their `out`. */
typedef struct images {
    int64_t count, depth;
    axis rows, columns;
} images;

/* The op's name is not asked: rules and kernels say what they are for. */
static images images_of(const tw_compute *c, const int64_t *in, const int64_t *out, bool area)
{
    return (images){in[0], in[3], axis_of(c, in[1], out[1], area), axis_of(c, in[2], out[2], area)};
}

/* Pixel i of the new image: it is summed up of the old ones or, on the way back, gives to them. */
static void visit(const images *m, const tw_array *x, int64_t i, double *sums, bool back)
{
    int64_t column = i % m->columns.out, row = i / m->columns.out % m->rows.out;
    int64_t image = i / m->columns.out / m->rows.out;
    taps ys = taps_of(&m->rows, row), xs = taps_of(&m->columns, column);
    for (int64_t y = 0; y < ys.count; y++) {
        int64_t line = image * m->rows.in + within(ys.first + y, m->rows.in);
        double by_row = weight(&m->rows, &ys, y);
        for (int64_t z = 0; z < xs.count; z++) {
            int64_t old = line * m->columns.in + within(xs.first + z, m->columns.in);
            double by_column = weight(&m->columns, &xs, z);
            for (int64_t d = 0; d < m->depth; d++) {
                int64_t to = (back ? old : i) * m->depth + d,
                        from = (back ? i : old) * m->depth + d;
                sums[to] += tw_number_at(x, (size_t)from) * by_row * by_column;
            }
        }
    }
}

/* Sums are kept in double beside the result, and rounded once. */
static tw_status *resize(tw_compute *c, const images *m, bool back)
{
    tw_array *out = tw_output(c, 0);
    if (m->rows.in == 0 || m->columns.in == 0)
        return tw_compute_fail(c, "input image must be of non-zero size");
    double *sums = tw_alloc_zero(out->count + 1, sizeof *sums);
    if (!sums)
        return tw_no_memory();
    for (int64_t i = 0; i < m->count * m->rows.out * m->columns.out && m->depth; i++)
        visit(m, tw_input(c, 0), i, sums, back);
    for (size_t i = 0; i < out->count; i++)
        tw_number_put(out, i, sums[i]);
    tw_free(sums);
    return TW_OK;
}

/* Old and new sizes are those of input and output ... */
static tw_status *compute_area(tw_compute *c)
{
    images m = images_of(c, tw_input(c, 0)->dims, tw_output(c, 0)->dims, true);
    return resize(c, &m, false);
}
/* ... for the cubic too. */
static tw_status *compute_bicubic(tw_compute *c)
{
    images m = images_of(c, tw_input(c, 0)->dims, tw_output(c, 0)->dims, false);
    return resize(c, &m, false);
}

/* The old image is the output here. */
static tw_status *compute_gradient(tw_compute *c)
{
    images m = images_of(c, tw_output(c, 0)->dims, tw_input(c, 0)->dims, false);
    return resize(c, &m, true);
}

/* ---- gradients ---- */

/* Images of whole numbers have none, nor has TensorFlow one for half. */
static tw_status *gradient(tw_gradient *g)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(g->inputs[0]));
    if (dtype == TW_FLOAT32 || dtype == TW_FLOAT64)
        g->dx[0] = tw_grad_of(tw_resize_bicubic_grad(
            tw_gradient_dy(g, 0), g->inputs[0],
            .align_corners = tw_gradient_bool(g, "align_corners"),
            .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

/* The gradient is linear in dy: its derivative is the resizing itself. */
static tw_status *gradient_of_gradient(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_resize_bicubic(
        tw_gradient_dy(g, 0), tw_slice(tw_shape(g->inputs[0]), TW_INTS(1), TW_INTS(2)),
        .align_corners = tw_gradient_bool(g, "align_corners"),
        .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

#define PIXELS                                                                          \
    "images: T, size: int32 -> resized_images: float; T: {int8, uint8, int16, uint16, " \
    "int32, int64, half, float, double}; align_corners: bool = false"

const tw_op_definition tw_op_ResizeArea = {
    .signature = PIXELS,
    .doc = "Images (batch, rows, columns, channels) in the height and width `size`: each pixel is "
           "the mean of the area that it covers.",
    .since = "half: 1.3",
    .examples = {"resize_area([[[[1.], [3.], [5.]]]], [1, 2]) -> [[[[1.6666667], [4.3333333]]]]"},
    .shape_inputs = 1 << 1,
    .infer = tw_infer_resized,
    .gradient = tw_gradient_undefined,
    .compute = compute_area,
};

const tw_op_definition tw_op_ResizeBicubic = {
    .signature = PIXELS "; half_pixel_centers: bool = false",
    .doc = "Images (batch, rows, columns, channels) in the height and width `size`, by cubics "
           "through four neighbours in each direction. With `align_corners` the outer pixels of "
           "both images meet; with `half_pixel_centers` a pixel's place is its center.",
    .since = "half: 1.3; half_pixel_centers: 1.13",
    .examples = {"resize_bicubic([[[[1.], [3.]]]], [1, 4]) -> [[[[1.], [2.], [3.], [3.1875]]]]"},
    .shape_inputs = 1 << 1,
    .infer = tw_infer_resized,
    .gradient = gradient,
    .compute = compute_bicubic,
};

const tw_op_definition tw_op_ResizeBicubicGrad = {
    .signature = "grads: float, original_image: T -> output: T; T: {float, double}; "
                 "align_corners: bool = false; half_pixel_centers: bool = false",
    .doc = "The gradient of ResizeBicubic for its images.",
    .since = "ResizeBicubicGrad: 1.1; half_pixel_centers: 1.13",
    .examples = {"resize_bicubic_grad([[[[1.], [2.]]]], [[[[0.]]]]) -> [[[[3.]]]]"},
    .infer = tw_infer_resized_grad,
    .gradient = gradient_of_gradient,
    .compute = compute_gradient,
};
