/* SPDX-License-Identifier: Apache-2.0
 * CropAndResize and its gradients: parts of images, given by boxes, in one height and width.
 *
 * Points of a crop lie on a grid from one edge of its box to the other, or in its middle if there
 * is one alone; places are counted in float, as in TensorFlow, so that the same points are outside
 * of the image. Boxes may hold anything: what is not inside is never made a place in memory.
 *
 * One description of a crop's number (four pixels, their weights, how the edges move it) serves
 * the op and both of its gradients. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"

enum { BOX = 4, IMAGE_RANK = 4 };

/* Where a point lies along one axis, between pixels low and high; how its place follows from the
 * box's first and last edge. */
typedef struct point {
    bool inside;
    size_t low, high;
    double part, by_first, by_last;
} point;

/* `i` of `count` points between two edges, which are parts of `size` pixels. */
static point point_of(const float *box, size_t axis, int64_t size, int64_t count, int64_t i)
{
    /* Edges are multiplied out in TensorFlow's order. */
    float last = (float)(size - 1), first = box[axis], end = box[axis + 2];
    float step = count > 1 ? (end - first) * last / (float)(count - 1) : 0;
    float at = count > 1 ? first * last + (float)i * step : 0.5F * (first + end) * last;
    double ratio = count > 1 ? (double)i / (double)(count - 1) : 0.5;
    if (!(at >= 0 && (double)at <= (double)(size - 1)))
        return (point){.inside = false};
    double low = floor((double)at);
    return (point){true,
                   (size_t)low,
                   (size_t)ceil((double)at),
                   (double)at - low,
                   (1 - ratio) * (double)last,
                   ratio * (double)last};
}

/* What the three kernels go through: images, crops and the boxes between them. */
typedef struct crops {
    const tw_array *boxes, *owners;
    const int64_t *image, *crop; /* dims */
    bool nearest;
} crops;

/* Every box belongs to an image that is there. */
static tw_status *check(const crops *m)
{
    for (size_t b = 0; b < m->owners->count; b++) {
        int64_t owner = tw_index_at(m->owners, b);
        if (owner < 0 || owner >= m->image[0])
            return tw_status_new(TW_OUT_OF_RANGE,
                                 "box_index has values outside [0, batch_size): box %zu is of "
                                 "image %" PRId64 " of %" PRId64,
                                 b, owner, m->image[0]);
    }
    return TW_OK;
}

/* A number of a crop: its place, the four pixels around it in reading order, their weights. */
typedef struct sample {
    size_t box, at, pixel[4];
    double weight[4];
    point y, x;
    bool inside;
} sample;

/* The nearest pixel takes all. */
static sample sample_of(const crops *m, size_t box, int64_t row, int64_t column)
{
    const float *edges = (const float *)m->boxes->data + box * BOX;
    sample s = {.box = box, .y = point_of(edges, 0, m->image[1], m->crop[1], row)};
    s.x = point_of(edges, 1, m->image[2], m->crop[2], column);
    s.inside = s.y.inside && s.x.inside;
    s.at = (size_t)((((int64_t)box * m->crop[1] + row) * m->crop[2] + column) * m->crop[3]);
    if (!s.inside)
        return s;
    /* For each direction how far the lower pixel is. */
    double parts[2] = {m->nearest ? round(s.y.part) : s.y.part,
                       m->nearest ? round(s.x.part) : s.x.part};
    size_t first = (size_t)tw_index_at(m->owners, box) * (size_t)m->image[1];
    for (size_t k = 0; k < 4; k++) {
        size_t at = (first + (k / 2 ? s.y.high : s.y.low)) * (size_t)m->image[2];
        s.pixel[k] = (at + (k % 2 ? s.x.high : s.x.low)) * (size_t)m->image[3];
        s.weight[k] = (k / 2 ? parts[0] : 1 - parts[0]) * (k % 2 ? parts[1] : 1 - parts[1]);
    }
    return s;
}

/* Calls for every sample of all boxes. */
static void each(const tw_compute *c, const crops *m,
                 void (*use)(const tw_compute *c, const crops *m, const sample *s, double *sums),
                 double *sums)
{
    for (size_t box = 0; box < m->owners->count; box++) {
        for (int64_t i = 0; i < m->crop[1] * m->crop[2]; i++) {
            sample s = sample_of(m, box, i / m->crop[2], i % m->crop[2]);
            use(c, m, &s, sums);
        }
    }
}

/* ---- kernels ---- */

/* A weight of 0 keeps an infinite neighbour out. */
static void take(const tw_compute *c, const crops *m, const sample *s, double *unused)
{
    (void)unused;
    for (size_t d = 0; d < (size_t)m->crop[3]; d++) {
        double sum = 0;
        for (size_t k = 0; k < 4 && s->inside; k++)
            sum += s->weight[k] != 0 ? s->weight[k] * tw_number_at(tw_input(c, 0), s->pixel[k] + d)
                                     : 0;
        tw_number_put(tw_output(c, 0), s->at + d,
                      s->inside ? sum : tw_compute_float(c, "extrapolation_value"));
    }
}

/* No pixels: nothing is inside. */
static tw_status *compute(tw_compute *c)
{
    crops m = {tw_input(c, 1), tw_input(c, 2), tw_input(c, 0)->dims, tw_output(c, 0)->dims,
               strcmp(tw_compute_string(c, "method"), "nearest") == 0};
    if (m.image[1] <= 0 || m.image[2] <= 0)
        return tw_compute_fail(c, "image dimensions must be positive");
    TW_TRY(check(&m));
    if (tw_output(c, 0)->count)
        each(c, &m, take, NULL);
    return TW_OK;
}

/* What a pixel gave to a crop it gets back by the same weight. */
static void give(const tw_compute *c, const crops *m, const sample *s, double *sums)
{
    for (size_t d = 0; d < (size_t)m->crop[3] && s->inside; d++) {
        for (size_t k = 0; k < 4; k++)
            sums[s->pixel[k] + d] += s->weight[k] * tw_number_at(tw_input(c, 0), s->at + d);
    }
}

/* An edge moves the point, the point the number by the slope of the image there. */
static void move(const tw_compute *c, const crops *m, const sample *s, double *sums)
{
    for (size_t d = 0; d < (size_t)m->crop[3] && s->inside; d++) {
        double v[4], dy = tw_number_at(tw_input(c, 0), s->at + d);
        for (size_t k = 0; k < 4; k++)
            v[k] = tw_number_at(tw_input(c, 1), s->pixel[k] + d);
        /* The slope of the image between the four pixels. */
        double down = (1 - s->x.part) * (v[2] - v[0]) + s->x.part * (v[3] - v[1]);
        double right = (1 - s->y.part) * (v[1] - v[0]) + s->y.part * (v[3] - v[2]);
        double *sum = sums + s->box * BOX;
        sum[0] += dy * down * s->y.by_first;
        sum[1] += dy * right * s->x.by_first;
        sum[2] += dy * down * s->y.by_last;
        sum[3] += dy * right * s->x.by_last;
    }
}

/* Sums in double beside the result, for a pixel may get very many small parts. */
static tw_status *compute_sums(tw_compute *c, const crops *m,
                               void (*use)(const tw_compute *c, const crops *m, const sample *s,
                                           double *sums))
{
    tw_array *out = tw_output(c, 0);
    if (m->crop[0] != (int64_t)m->owners->count || m->crop[3] != m->image[3])
        return tw_compute_fail(c, "crops %s do not fit to %zu boxes and images of depth %" PRId64,
                               tw_brackets(tw_input(c, 0)).s, m->owners->count, m->image[3]);
    TW_TRY(check(m));
    double *sums = tw_alloc_zero(out->count + 1, sizeof *sums);
    if (!sums)
        return tw_no_memory();
    if (tw_input(c, 0)->count)
        each(c, m, use, sums);
    for (size_t i = 0; i < out->count; i++)
        tw_number_put(out, i, sums[i]);
    tw_free(sums);
    return TW_OK;
}

/* The output is the image here, whatever its dtype ... */
static tw_status *compute_grad_image(tw_compute *c)
{
    crops m = {tw_input(c, 1), tw_input(c, 2), tw_output(c, 0)->dims, tw_input(c, 0)->dims,
               strcmp(tw_compute_string(c, "method"), "nearest") == 0};
    return compute_sums(c, &m, give);
}
/* ... and here four numbers for each box. */
static tw_status *compute_grad_boxes(tw_compute *c)
{
    crops m = {tw_input(c, 2), tw_input(c, 3), tw_input(c, 1)->dims, tw_input(c, 0)->dims, false};
    return compute_sums(c, &m, move);
}

/* ---- shapes ---- */

/* How many boxes there are, from the boxes (n, 4) at `input` and the images' numbers after it. */
static int64_t infer_boxes(tw_infer *in, size_t input)
{
    tw_shape boxes = tw_infer_matrix(in, input), owners = tw_infer_vector(in, input + 1);
    int64_t n = tw_infer_dim(boxes, 0), m = tw_infer_dim(owners, 0);
    if (!tw_dims_agree(tw_infer_dim(boxes, 1), BOX))
        tw_infer_fail(in, "Dimension must be 4 but is %" PRId64, tw_infer_dim(boxes, 1));
    if (!tw_dims_agree(n, m))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, n, m);
    return n < 0 ? m : n;
}

/* A vector of `count` sizes, where they may be known. */
static tw_shape infer_sizes(tw_infer *in, size_t input, int64_t count)
{
    int64_t entries = tw_infer_dim(tw_infer_vector(in, input), 0);
    if (!tw_dims_agree(entries, count))
        tw_infer_fail(in, "Dimension must be %" PRId64 " but is %" PRId64, count, entries);
    return tw_infer_size_value(in, input);
}

/* As many crops as boxes, of the size that is a value. */
static void infer(tw_infer *in)
{
    tw_shape image = tw_infer_rank(in, 0, IMAGE_RANK), size = infer_sizes(in, 3, 2);
    int64_t n = infer_boxes(in, 1), high = tw_infer_dim(size, 0), wide = tw_infer_dim(size, 1);
    if (high == 0 || wide == 0)
        tw_infer_fail(in, "crop dimensions must be positive");
    tw_infer_output(in, 0, TW_SHAPE(n, high, wide, tw_infer_dim(image, 3)));
}

/* All of the shape is a value. */
static void infer_grad_image(tw_infer *in)
{
    tw_shape size = infer_sizes(in, 3, IMAGE_RANK);
    tw_infer_rank(in, 0, IMAGE_RANK);
    infer_boxes(in, 1);
    tw_infer_output(in, 0, tw_infer_merge(in, size, tw_infer_unknown(in, IMAGE_RANK)));
}

/* Four numbers for each box. */
static void infer_grad_boxes(tw_infer *in)
{
    tw_infer_rank(in, 0, IMAGE_RANK);
    tw_infer_rank(in, 1, IMAGE_RANK);
    tw_infer_output(in, 0, TW_SHAPE(infer_boxes(in, 2), BOX));
}

/* ---- gradients ---- */

/* Images of whole numbers have none. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor image = g->inputs[0], boxes = g->inputs[1], owners = g->inputs[2];
    tw_tensor dy = tw_gradient_dy(g, 0);
    /* Boxes have a gradient all the same. */
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(image));
    if (tw_dtype_is_floating(dtype))
        g->dx[0] = tw_grad_of(
            tw_crop_and_resize_grad_image(dy, boxes, owners, tw_shape(image), .T = dtype,
                                          .method = tw_gradient_string(g, "method")));
    g->dx[1] = tw_grad_of(tw_crop_and_resize_grad_boxes(dy, image, boxes, owners));
    return TW_OK;
}

/* Giving is linear in dy: its derivative takes. */
static tw_status *gradient_grad_image(tw_gradient *g)
{
    tw_tensor size = tw_slice(tw_shape(g->inputs[0]), TW_INTS(1), TW_INTS(2));
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_crop_and_resize(dy, g->inputs[1], g->inputs[2], size,
                                             .method = tw_gradient_string(g, "method")));
    g->dx[1] = tw_grad_of(
        tw_crop_and_resize_grad_boxes(g->inputs[0], dy, g->inputs[1], g->inputs[2]));
    return TW_OK;
}

#define IMAGE_TYPES "T: {uint8, uint16, int8, int16, int32, int64, half, float, double}"

const tw_op_definition tw_op_CropAndResize = {
    .signature = "image: T, boxes: float, box_ind: int32, crop_size: int32 -> crops: float; "
                 "" IMAGE_TYPES "; method: {\"bilinear\", \"nearest\"} = \"bilinear\"; "
                 "extrapolation_value: float = 0",
    .doc = "Parts of images (batch, rows, columns, depth), each resized to `crop_size`: box k "
           "(ymin, xmin, ymax, xmax, where 1 is the last pixel) is of image `box_ind[k]`. Points "
           "outside of it get `extrapolation_value`.",
    .since = "CropAndResize: 0.9; nearest: 1.13; uint16: 1.8",
    .examples = {"crop_and_resize([[[[1.], [2.]], [[3.], [4.]]]], [[0., 0., 1., 0.5]], [0], "
                 "[1, 2]) -> [[[[2.], [2.5]]]]"},
    .shape_inputs = 1 << 3,
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};

const tw_op_definition tw_op_CropAndResizeGradImage = {
    .signature = "grads: float, boxes: float, box_ind: int32, image_size: int32 -> output: T; "
                 "T: {float, half, double}; method: {\"bilinear\", \"nearest\"} = \"bilinear\"",
    .doc = "The gradient of CropAndResize for its images, whose shape is `image_size`.",
    .since = "CropAndResizeGradImage: 0.9; nearest: 1.13",
    .examples = {"crop_and_resize_grad_image([[[[1.], [2.]]]], [[0., 0., 0., 1.]], [0], "
                 "[1, 1, 3, 1], T=float32) -> [[[[1.], [0.], [2.]]]]"},
    .shape_inputs = 1 << 3,
    .infer = infer_grad_image,
    .gradient = gradient_grad_image,
    .compute = compute_grad_image,
};

const tw_op_definition tw_op_CropAndResizeGradBoxes = {
    .signature = "grads: float, image: T, boxes: float, box_ind: int32 -> output: float; "
                 "" IMAGE_TYPES "; method: {\"bilinear\"} = \"bilinear\"",
    .doc = "The gradient of CropAndResize for its boxes.",
    .since = "CropAndResizeGradBoxes: 0.9; uint16: 1.8",
    .examples = {"crop_and_resize_grad_boxes([[[[1.]]]], [[[[2.], [4.]], [[2.], [4.]]]], "
                 "[[0., 0., 1., 1.]], [0]) -> [[0., 1., 0., 1.]]"},
    .infer = infer_grad_boxes,
    .gradient = tw_gradient_undefined,
    .compute = compute_grad_boxes,
};
