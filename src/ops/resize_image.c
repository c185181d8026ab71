/* SPDX-License-Identifier: Apache-2.0
 * ResizeBilinear, ResizeNearestNeighbor and their gradients: images of another height and width.
 * Places are counted in float, as TensorFlow does, so that the same points are taken. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"
#include "tensor/array.h"

enum { IMAGE_RANK = 4 };

/* ---- places ---- */

/* One axis of the smaller or larger image: point `i` of `out` lies between two of `in`. */
typedef struct axis {
    int64_t in, out;
    bool align, half, nearest;
} axis;

/* Points low and high with weights 1 - part and part. */
typedef struct point {
    int64_t low, high;
    float part;
} point;

/* The pixel at a place, or the nearest one if it lies outside. */
static int64_t within(float at, int64_t size)
{
    return at < 0 ? 0 : at > (float)(size - 1) ? size - 1 : (int64_t)at;
}

/* Corners are aligned if both ends of the images are to meet; else pixels are squares of which
 * the corner, or with `half` the center, is the place. */
static point point_of(const axis *a, int64_t i)
{
    bool align = a->align && a->out > 1;
    float scale = align ? (float)(a->in - 1) / (float)(a->out - 1) : (float)a->in / (float)a->out;
    float at = a->half ? ((float)i + 0.5F) * scale : (float)i * scale;
    if (a->nearest) {
        int64_t place = within(a->align ? roundf(at) : floorf(at), a->in);
        return (point){place, place, 0};
    }
    at -= a->half ? 0.5F : 0;
    return (point){within(floorf(at), a->in), within(ceilf(at), a->in), at - floorf(at)};
}

/* The points of all columns are found once for all rows. */
static size_t points_workspace(const tw_compute *c)
{
    size_t most = 0;
    for (size_t i = 0; i < 2; i++) {
        const tw_array *array = i ? tw_output(c, 0) : tw_input(c, 0);
        size_t width = array->rank == IMAGE_RANK ? (size_t)array->dims[2] : 0;
        most = width > most ? width : most;
    }
    return most * sizeof(point);
}

/* ---- numbers ---- */

/* Whatever the dtype; floats, which most images are, without a detour. */
static float number_at(const tw_array *array, size_t i)
{
    return array->dtype == TW_FLOAT32
               ? ((const float *)array->data)[i]
               : (float)tw_element_get(array->dtype, tw_element_at(array, i));
}

/* The images that are small and large in turn: `in` is what points are taken from or given to. */
typedef struct images {
    int64_t count, depth;
    axis rows, columns;
    point *points;
} images;

/* The attributes, sizes, and the points of all columns. */
static images images_of(const tw_compute *c, const tw_array *in, const tw_array *out, bool nearest)
{
    bool align = tw_compute_bool(c, "align_corners"),
         half = tw_compute_bool(c, "half_pixel_centers");
    images m = {.count = in->dims[0],
                .depth = in->dims[3],
                .rows = {in->dims[1], out->dims[1], align, half, nearest},
                .columns = {in->dims[2], out->dims[2], align, half, nearest},
                .points = tw_compute_workspace(c)};
    for (int64_t x = 0; x < m.columns.out; x++)
        m.points[x] = point_of(&m.columns, x);
    return m;
}

/* Where the numbers of the pixel in a row and column begin. */
static size_t pixel(const images *m, int64_t image, int64_t row, int64_t column)
{
    return (size_t)(((image * m->rows.in + row) * m->columns.in + column) * m->depth);
}

/* The four pixels around a point, in reading order. */
static void corners(const images *m, int64_t image, point y, point x, size_t at[4])
{
    at[0] = pixel(m, image, y.low, x.low);
    at[1] = pixel(m, image, y.low, x.high);
    at[2] = pixel(m, image, y.high, x.low);
    at[3] = pixel(m, image, y.high, x.high);
}

/* First between the columns, then between the rows. */
static void blend(const images *m, const tw_array *in, float *out)
{
    for (int64_t i = 0, n = 0; i < m->count * m->rows.out; i++) {
        point y = point_of(&m->rows, i % m->rows.out);
        for (int64_t x = 0; x < m->columns.out; x++) {
            size_t at[4];
            corners(m, i / m->rows.out, y, m->points[x], at);
            for (size_t k = 0; k < (size_t)m->depth; k++) {
                float top = number_at(in, at[0] + k), bottom = number_at(in, at[2] + k);
                top += (number_at(in, at[1] + k) - top) * m->points[x].part;
                bottom += (number_at(in, at[3] + k) - bottom) * m->points[x].part;
                out[n++] = top + (bottom - top) * y.part;
            }
        }
    }
}

/* An image without pixels has nothing to take points from. */
static tw_status *compute_bilinear(tw_compute *c)
{
    const tw_array *in = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    if (in->dims[1] == 0 || in->dims[2] == 0)
        return tw_compute_fail(c, "input image must be of non-zero size");
    images m = images_of(c, in, out, false);
    blend(&m, in, out->data);
    return TW_OK;
}

/* Whole pixels are copied, whatever their dtype. */
static tw_status *compute_nearest(tw_compute *c)
{
    const tw_array *in = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    if (in->dims[1] == 0 || in->dims[2] == 0)
        return tw_compute_fail(c, "input image must be of non-zero size");
    images m = images_of(c, in, out, true);
    size_t depth = (size_t)m.depth, n = 0;
    for (int64_t i = 0; i < m.count * m.rows.out; i++) {
        int64_t row = point_of(&m.rows, i % m.rows.out).low;
        for (int64_t x = 0; x < m.columns.out; x++, n += depth)
            memcpy(tw_element_to(out, n),
                   tw_element_at(in, pixel(&m, i / m.rows.out, row, m.points[x].low)),
                   depth * tw_dtype_size(in->dtype));
    }
    return TW_OK;
}

/* ---- gradients ---- */

/* Floats are multiplied in float and in this order, as TensorFlow does, so that images of doubles
 * get the same numbers too. */
static double times(const tw_array *dy, size_t i, float y, float x)
{
    if (dy->dtype == TW_FLOAT32)
        return (double)(((const float *)dy->data)[i] * y * x);
    return tw_element_get(dy->dtype, tw_element_at(dy, i)) * (double)y * (double)x;
}

/* Each number of dy goes to the pixels that it was blended of, by their weights. */
static void spread(const images *m, const tw_array *dy, double *sums)
{
    for (int64_t i = 0, n = 0; i < m->count * m->rows.out; i++) {
        point y = point_of(&m->rows, i % m->rows.out);
        for (int64_t x = 0; x < m->columns.out; x++) {
            const float ys[] = {1 - y.part, y.part};
            const float xs[] = {1 - m->points[x].part, m->points[x].part};
            size_t at[4];
            corners(m, i / m->rows.out, y, m->points[x], at);
            for (size_t k = 0; k < (size_t)m->depth; k++, n++)
                for (size_t j = 0; j < 4; j++)
                    sums[at[j] + k] += times(dy, (size_t)n, ys[j / 2], xs[j % 2]);
        }
    }
}

/* Sums are kept in double beside the result: a pixel may get very many small parts. */
static tw_status *compute_gradient(tw_compute *c, bool nearest)
{
    const tw_array *dy = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    double *sums = tw_alloc_zero(out->count + 1, sizeof *sums);
    if (!sums)
        return tw_no_memory();
    images m = images_of(c, out, dy, nearest);
    if (out->count > 0)
        spread(&m, dy, sums);
    for (size_t i = 0; i < out->count; i++)
        tw_number_put(out, i, sums[i]);
    tw_free(sums);
    return TW_OK;
}

/* dy is float whatever the images are. */
static tw_status *compute_bilinear_grad(tw_compute *c)
{
    return compute_gradient(c, false);
}

/* All of a number goes to one pixel: the other weights are 0. */
static tw_status *compute_nearest_grad(tw_compute *c)
{
    return compute_gradient(c, true);
}

/* Height and width of a tensor of images, as a vector. */
static tw_tensor space_of(tw_tensor x)
{
    return tw_slice(tw_shape(x), TW_INTS(1), TW_INTS(2));
}

/* Images of whole numbers have no gradient. */
static tw_status *gradient_bilinear(tw_gradient *g)
{
    if (tw_dtype_is_floating(tw_tensor_dtype(g->inputs[0])))
        g->dx[0] = tw_grad_of(tw_resize_bilinear_grad(
            tw_gradient_dy(g, 0), g->inputs[0],
            .align_corners = tw_gradient_bool(g, "align_corners"),
            .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

/* The sizes that were left are found by the shape of the images, which may be known only when
 * run. */
static tw_status *gradient_nearest(tw_gradient *g)
{
    if (tw_dtype_is_floating(tw_tensor_dtype(g->inputs[0])))
        g->dx[0] = tw_grad_of(tw_resize_nearest_neighbor_grad(
            tw_gradient_dy(g, 0), space_of(g->inputs[0]),
            .align_corners = tw_gradient_bool(g, "align_corners"),
            .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

/* The gradients are linear in dy: theirs are the resizing itself. */
static tw_status *gradient_bilinear_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_resize_bilinear(tw_gradient_dy(g, 0), space_of(g->inputs[0]),
                           .align_corners = tw_gradient_bool(g, "align_corners"),
                           .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

/* As above: what a pixel gave, it gets. */
static tw_status *gradient_nearest_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_resize_nearest_neighbor(
        tw_gradient_dy(g, 0), space_of(g->inputs[0]),
        .align_corners = tw_gradient_bool(g, "align_corners"),
        .half_pixel_centers = tw_gradient_bool(g, "half_pixel_centers")));
    return TW_OK;
}

/* ---- shapes ---- */

/* Not every op has both. */
static bool is_set(const tw_infer *in, const char *name)
{
    return tw_infer_attr(in, name) && tw_infer_bool(in, name);
}

/* Input 1 is the height and width of the result, where it may be known. */
void tw_infer_resized(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, IMAGE_RANK), size = tw_infer_vector(in, 1);
    int64_t two = tw_infer_dim(size, 0);
    if (!tw_dims_agree(two, 2))
        tw_infer_fail(in, "shape_t must have two elements: Dimension must be 2 but is %" PRId64,
                      two);
    tw_shape space = tw_infer_size_value(in, 1);
    int64_t high = tw_infer_dim(space, 0), wide = tw_infer_dim(space, 1);
    if (high == 0 || wide == 0)
        tw_infer_fail(in, "output dimensions must be positive");
    if (is_set(in, "align_corners") && is_set(in, "half_pixel_centers"))
        tw_infer_fail(in, "If half_pixel_centers is True, align_corners must be False.");
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(x, 0), high, wide, tw_infer_dim(x, 3)));
}

/* The shape of the image that was resized; batch and depth are those of dy too. */
void tw_infer_resized_grad(tw_infer *in)
{
    tw_shape dy = tw_infer_rank(in, 0, IMAGE_RANK), x = tw_infer_rank(in, 1, IMAGE_RANK);
    tw_shape outer = TW_SHAPE(tw_infer_dim(dy, 0), -1, -1, tw_infer_dim(dy, 3));
    tw_infer_output(in, 0, tw_infer_merge(in, outer, x));
}

#define CORNERS "align_corners: bool = false; half_pixel_centers: bool = false"
#define CORNERS_DOC                                                     \
    " With `align_corners` the outer pixels of both images meet; with " \
    "`half_pixel_centers` a pixel's place is its center, not its corner."

const tw_op_definition tw_op_ResizeBilinear = {
    .signature = "images: T, size: int32 -> resized_images: float; T: {int8, uint8, int16, uint16, "
                 "int32, int64, bfloat16, half, float, double}; " CORNERS,
    .doc = "Images [batch, height, width, channels] in the height and width `size`; points between "
           "pixels are found by straight lines." CORNERS_DOC,
    .since = "half_pixel_centers: 1.13",
    .examples = {"resize_bilinear([[[[1.], [3.]]]], [1, 4]) -> [[[[1.], [2.], [3.], [3.]]]]"},
    .shape_inputs = 1 << 1,
    .infer = tw_infer_resized,
    .gradient = gradient_bilinear,
    .compute = compute_bilinear,
    .workspace = points_workspace,
};

const tw_op_definition tw_op_ResizeNearestNeighbor = {
    .signature = "images: T, size: int32 -> resized_images: T; T: {int8, uint8, int16, uint16, "
                 "int32, int64, half, float, double}; " CORNERS,
    .doc = "Images [batch, height, width, channels] in the height and width `size`, made of the "
           "nearest pixels." CORNERS_DOC,
    .since = "half_pixel_centers: 1.13",
    .examples = {"resize_nearest_neighbor([[[[1], [3]]]], [1, 4]) -> [[[[1], [1], [3], [3]]]]"},
    .shape_inputs = 1 << 1,
    .infer = tw_infer_resized,
    .gradient = gradient_nearest,
    .compute = compute_nearest,
    .workspace = points_workspace,
};

const tw_op_definition tw_op_ResizeBilinearGrad = {
    .signature = "grads: float, original_image: T -> output: T; T: {float, half, double}; " CORNERS,
    .doc = "The gradient of ResizeBilinear for its images.",
    .since = "half: 1.13; half_pixel_centers: 1.13",
    .examples = {"resize_bilinear_grad([[[[1.], [2.]]]], [[[[0.]]]]) -> [[[[3.]]]]"},
    .infer = tw_infer_resized_grad,
    .gradient = gradient_bilinear_grad,
    .compute = compute_bilinear_grad,
    .workspace = points_workspace,
};

const tw_op_definition tw_op_ResizeNearestNeighborGrad = {
    .signature = "grads: T, size: int32 -> output: T; T: {uint8, int8, int32, half, float, "
                 "double}; " CORNERS,
    .doc = "The gradient of ResizeNearestNeighbor for its images, whose height and width are "
           "`size`.",
    .since = "half_pixel_centers: 1.13",
    .examples = {"resize_nearest_neighbor_grad([[[[1.], [2.]]]], [1, 1]) -> [[[[3.]]]]"},
    .shape_inputs = 1 << 1,
    .infer = tw_infer_resized,
    .gradient = gradient_nearest_grad,
    .compute = compute_nearest_grad,
    .workspace = points_workspace,
};
