/* SPDX-License-Identifier: Apache-2.0
 * Boxes on images: DrawBoundingBoxes, DrawBoundingBoxesV2 and NonMaxSuppression to V4.
 *
 * A box is (ymin, xmin, ymax, xmax). Numbers of boxes may be anything, NaN and infinities among
 * them: they are compared as floats before they become places in memory.
 *
 * Boxes that are chosen are found in order of score: one sort, and then each box against those
 * that were chosen before. That is TensorFlow's order too, with the first of several that have one
 * score before the others. */
#include <math.h>
#include <string.h>

#include "ops/sparse.h"

enum { BOX = 4, IMAGE_RANK = 4, COLORS = 10, CHANNELS = 4 };

/* Input `input` has boxes of four numbers as its last dimension. */
static tw_shape infer_boxes(tw_infer *in, size_t input, size_t rank)
{
    tw_shape boxes = tw_infer_rank(in, input, rank);
    int64_t size = tw_infer_dim(boxes, -1);
    if (!tw_dims_agree(size, BOX))
        tw_infer_fail(in, "Dimension must be 4 but is %" PRId64, size);
    return boxes;
}

/* ---- DrawBoundingBoxes ---- */

/* As many lists of boxes as images. */
static void infer_draw(tw_infer *in)
{
    tw_shape images = tw_infer_rank(in, 0, IMAGE_RANK), boxes = infer_boxes(in, 1, 3);
    int64_t of_images = tw_infer_dim(images, 0), of_boxes = tw_infer_dim(boxes, 0);
    if (tw_infer_input_count(in) > 2)
        tw_infer_matrix(in, 2);
    if (!tw_dims_agree(of_images, of_boxes))
        tw_infer_fail(in, "The batch sizes should be the same, not %" PRId64 " and %" PRId64,
                      of_images, of_boxes);
    tw_infer_output(in, 0, images);
}

/* Yellow, blue, red, lime, purple, olive, maroon, navy, aqua, fuchsia: TensorFlow's order. */
static const float colors[COLORS][CHANNELS] = {
    {1, 1, 0, 1},       {0, 0, 1, 1},    {1, 0, 0, 1},    {0, 1, 0, 1}, {0.5F, 0, 0.5F, 1},
    {0.5F, 0.5F, 0, 1}, {0.5F, 0, 0, 1}, {0, 0, 0.5F, 1}, {0, 1, 1, 1}, {1, 0, 1, 1}};

/* Number k of the colour of box `i`: a row of input 2, if it has any. Grey boxes are white. */
static double color_of(const tw_compute *c, size_t i, size_t k, size_t depth)
{
    const tw_array *own = c->input_count > 2 ? tw_input(c, 2) : NULL;
    if (own && own->dims[0])
        return tw_number_at(own, i % (size_t)own->dims[0] * (size_t)own->dims[1] + k);
    return depth == 1 ? 1 : (double)colors[i % COLORS][k];
}

/* The frame of one box, as far as it is inside of the image; a box upside down is none. */
static void draw(const tw_compute *c, size_t image, size_t box, size_t each)
{
    const tw_array *x = tw_input(c, 0);
    const float *at = (const float *)tw_input_data(c, 1) + (image * each + box) * BOX;
    const int64_t *size = x->dims + 1; /* rows, columns */
    size_t depth = (size_t)x->dims[3];
    double edge[BOX];
    int64_t part[BOX];
    for (size_t k = 0; k < BOX; k++) {
        double last = (double)(size[k % 2] - 1);
        /* In float, as in TensorFlow, which decides between two pixels. */
        edge[k] = (double)truncf(at[k] * (float)(size[k % 2] - 1));
        /* Now they fit into an integer, and into the image. */
        part[k] = (int64_t)fmin(fmax(edge[k], k < 2 ? 0 : -1), k < 2 ? last + 1 : last);
    }
    if (!(edge[0] <= edge[2] && edge[1] <= edge[3]))
        return;
    for (int64_t row = part[0]; row <= part[2]; row++) {
        bool line = (double)row == edge[0] || (double)row == edge[2];
        for (int64_t column = part[1]; column <= part[3]; column++) {
            if (!line && (double)column != edge[1] && (double)column != edge[3])
                continue;
            size_t pixel = ((image * (size_t)size[0] + (size_t)row) * (size_t)size[1] +
                            (size_t)column) *
                           depth;
            for (size_t k = 0; k < depth; k++)
                tw_number_put(tw_output(c, 0), pixel + k, color_of(c, box, k, depth));
        }
    }
}

/* Later boxes lie over earlier ones. */
static tw_status *compute_draw(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *boxes = tw_input(c, 1);
    int64_t depth = x->dims[3];
    if (depth != 1 && depth != 3 && depth != CHANNELS)
        return tw_compute_fail(c, "Channel depth should be either 1 (GRY), 3 (RGB), or 4 (RGBA)");
    if (c->input_count > 2 && tw_input(c, 2)->dims[0] && tw_input(c, 2)->dims[1] < depth)
        return tw_compute_fail(c, "colors must have %" PRId64 " numbers for each channel", depth);
    /* What no line covers stays as it was. */
    TW_TRY(tw_elements_copy(x->dtype, tw_output_data(c, 0), x->data, x->count));
    size_t each = (size_t)boxes->dims[1];
    for (size_t image = 0; image < (size_t)x->dims[0] && x->count; image++)
        for (size_t box = 0; box < each; box++)
            draw(c, image, box, each);
    return TW_OK;
}

const tw_op_definition tw_op_DrawBoundingBoxes = {
    .signature = "images: T, boxes: float -> output: T; T: {float, half} = float",
    .doc = "Images (batch, rows, columns, channels) with the frames of `boxes` (batch, boxes, 4), "
           "each ymin, xmin, ymax, xmax as parts of the image's size, drawn in turning colours.",
    .since = "half: 0.9",
    .examples = {"draw_bounding_boxes([[[[0.], [0.]], [[0.], [0.]]]], [[[0., 0., 0., 1.]]]) -> "
                 "[[[[1.], [1.]], [[0.], [0.]]]]"},
    .infer = infer_draw,
    .gradient = tw_not_differentiable,
    .compute = compute_draw,
};

const tw_op_definition tw_op_DrawBoundingBoxesV2 = {
    .signature = "images: T, boxes: float, colors: float -> output: T; T: {float, half} = float",
    .doc = "DrawBoundingBoxes in the colours that are the rows of `colors`, in turn.",
    .since = "DrawBoundingBoxesV2: 1.15",
    .examples = {"draw_bounding_boxes_v2([[[[0.], [0.]], [[0.], [0.]]]], [[[0., 0., 0., 1.]]], "
                 "[[0.5]]) -> [[[[0.5], [0.5]], [[0.], [0.]]]]"},
    .infer = infer_draw,
    .gradient = tw_gradient_undefined,
    .compute = compute_draw,
};

/* ---- NonMaxSuppression ---- */

/* Padded to the size asked for, or as many as are left. */
/* Scores and boxes are as many; how many are left only the numbers tell. */
static void infer_suppress(tw_infer *in)
{
    bool alike = !tw_infer_attr(in, "T") && !tw_infer_attr(in, "iou_threshold");
    tw_shape boxes = alike ? tw_infer_matrix(in, 0) : infer_boxes(in, 0, 2);
    tw_shape scores = tw_infer_vector(in, 1);
    int64_t most = -1, count = tw_infer_dim(boxes, 0), of_scores = tw_infer_dim(scores, 0);
    for (size_t i = 2; i < tw_infer_input_count(in); i++)
        tw_infer_scalar(in, i);
    if (!tw_dims_agree(count, of_scores))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, count,
                      of_scores);
    bool pad = tw_infer_attr(in, "pad_to_max_output_size") &&
               tw_infer_bool(in, "pad_to_max_output_size");
    if (pad && tw_infer_int_value(in, 2, &most) && most < 0)
        tw_infer_fail(in, "max_output_size must not be negative, but is %" PRId64, most);
    if (alike && !tw_dims_agree(count, tw_infer_dim(boxes, 1)))
        tw_infer_fail(in, "overlaps must be a square matrix");
    size_t last = tw_infer_output_count(in) - 1;
    for (size_t k = 0; k < last || k == 0; k++) /* indices, scores */
        tw_infer_output(in, k, TW_SHAPE(pad ? most : -1));
    if (last)
        tw_infer_output(in, last, TW_SHAPE());
}

/* Corners of box i, whichever two are given: low and high in both directions. */
static void corners(const tw_array *boxes, size_t i, double low[2], double high[2])
{
    for (size_t k = 0; k < 2; k++) {
        double a = tw_number_at(boxes, i * BOX + k), b = tw_number_at(boxes, i * BOX + 2 + k);
        low[k] = fmin(a, b);
        high[k] = fmax(a, b);
    }
}

/* What two boxes share as a part of what they cover together; 0 if one of them covers nothing. */
static double overlap(const tw_array *boxes, size_t i, size_t j)
{
    double low[2][2], high[2][2], area[2], shared = 1;
    corners(boxes, i, low[0], high[0]);
    corners(boxes, j, low[1], high[1]);
    for (size_t n = 0; n < 2; n++)
        area[n] = (high[n][0] - low[n][0]) * (high[n][1] - low[n][1]);
    for (size_t k = 0; k < 2; k++)
        shared *= fmax(fmin(high[0][k], high[1][k]) - fmax(low[0][k], low[1][k]), 0);
    return area[0] > 0 && area[1] > 0 ? shared / (area[0] + area[1] - shared) : 0;
}

/* The same of the op that is told it: input 0 is the matrix then. */
static double overlap_of(const tw_compute *c, size_t i, size_t j)
{
    const tw_array *x = tw_input(c, 0);
    bool told = !tw_compute_attr(c, "T") && !tw_compute_attr(c, "iou_threshold");
    return told ? tw_number_at(x, i * (size_t)x->dims[1] + j) : overlap(x, i, j);
}

/* Whole numbers in the order of floating ones turned round: what sorts rows puts the best first. */
static int64_t key_of(double score)
{
    int64_t bits;
    memcpy(&bits, &score, sizeof bits);
    return ~(bits < 0 ? INT64_MIN - bits : bits);
}

/* Boxes in order of score, the first of several that are alike, without those that overlap too much
 * with one that was chosen. */
static size_t choose(const tw_compute *c, double limit, size_t most, const size_t *order,
                     int32_t *chosen)
{
    const tw_array *scores = tw_input(c, 1);
    /* Without that input every score will do, but NaN. */
    double least = c->input_count > 4 ? tw_number_at(tw_input(c, 4), 0) : -INFINITY;
    size_t count = 0;
    for (size_t i = 0; i < scores->count && count < most; i++) {
        bool good = tw_number_at(scores, order[i]) > least;
        for (size_t k = 0; k < count && good; k++)
            good = overlap_of(c, order[i], (size_t)chosen[k]) < limit;
        /* Boxes that are left out do not hinder others. */
        if (good)
            chosen[count++] = (int32_t)order[i];
    }
    return count;
}

/* Chosen boxes, and boxes 0 up to the size that is wanted. */
static tw_status *give(tw_compute *c, const int32_t *chosen, size_t count, size_t size)
{
    tw_array *out;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)size), &out));
    for (size_t i = 0; i < size; i++)
        ((int32_t *)out->data)[i] = i < count ? chosen[i] : 0;
    if (c->output_count > 1)
        *(int32_t *)tw_output_data(c, 1) = (int32_t)count;
    return TW_OK;
}

/* Where there is no input for it, the attribute is the limit. */
static tw_status *compute_suppress(tw_compute *c)
{
    const tw_array *scores = tw_input(c, 1);
    double limit = c->input_count > 3 ? tw_number_at(tw_input(c, 3), 0)
                                      : tw_compute_float(c, "iou_threshold");
    /* A negative number of boxes is none. */
    size_t n = scores->count, most = (size_t)tw_index_at(tw_input(c, 2), 0);
    most = tw_index_at(tw_input(c, 2), 0) < 0 ? 0 : most;
    bool pad = tw_compute_attr(c, "pad_to_max_output_size") &&
               tw_compute_bool(c, "pad_to_max_output_size");
    if (!(limit >= 0 && limit <= 1) && tw_compute_attr(c, "T"))
        return tw_compute_fail(c, "iou_threshold must be in [0, 1]");
    /* Keys, their order with room for sorting, and the numbers of the chosen ones. */
    int64_t *keys = n <= INT32_MAX ? tw_alloc_array(n + 1, 4 * sizeof *keys) : NULL;
    if (!keys)
        return tw_no_memory();
    size_t *order = (size_t *)(void *)(keys + n);
    int32_t *chosen = (int32_t *)(void *)(order + 2 * n);
    for (size_t i = 0; i < n; i++)
        keys[i] = key_of(tw_number_at(scores, i));
    tw_sort_rows(keys, n, 1, order);
    size_t count = choose(c, limit, most, order, chosen);
    tw_status *status = give(c, chosen, count, pad ? most : count);
    tw_free(keys);
    return status;
}

/* ---- NonMaxSuppressionV5 ---- */

/* A box that may still be chosen: its score, made smaller by so many of the boxes that were. */
typedef struct candidate {
    float score;
    int32_t index;
    size_t seen;
} candidate;

/* The best one out of the list; false: there is none. */
static bool take_best(candidate *list, size_t *count, candidate *out)
{
    size_t best = 0;
    for (size_t i = 1; i < *count; i++) {
        if (list[i].score > list[best].score)
            best = i;
    }
    if (!*count)
        return false;
    *out = list[best];
    --*count; /* in order, so that of equal ones the first goes first */
    memmove(list + best, list + best + 1, (*count - best) * sizeof *list);
    return true;
}

/* Scores fall with what a box shares with those chosen before; from the limit on it is out. One
 * whose score fell has to wait until it is the best again. */
static size_t choose_softly(const tw_compute *c, size_t most, candidate *list, size_t count,
                            candidate *chosen)
{
    double limit = tw_number_at(tw_input(c, 3), 0), sigma = tw_number_at(tw_input(c, 5), 0);
    double scale = sigma > 0 ? -0.5 / sigma : 0;
    float least = (float)tw_number_at(tw_input(c, 4), 0);
    size_t done = 0;
    candidate next;
    while (done < most && take_best(list, &count, &next)) {
        float before = next.score;
        bool out = false;
        for (size_t k = done; k > next.seen && next.score > least && !out; k--) {
            double shared = overlap(tw_input(c, 0), (size_t)next.index,
                                    (size_t)chosen[k - 1].index);
            next.score *= (float)exp(scale * shared * shared);
            out = !(shared < limit);
        }
        next.seen = done;
        if (out)
            continue;
        if (next.score == before)
            chosen[done++] = next;
        else if (next.score > least)
            list[count++] = next;
    }
    return done;
}

static tw_status *give_scored(tw_compute *c, const candidate *chosen, size_t count, size_t size)
{
    tw_array *indices, *scores;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE((int64_t)size), &indices));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE((int64_t)size), &scores));
    for (size_t i = 0; i < size; i++) {
        ((int32_t *)indices->data)[i] = i < count ? chosen[i].index : 0;
        tw_number_put(scores, i, i < count ? (double)chosen[i].score : 0);
    }
    *(int32_t *)tw_output_data(c, 2) = (int32_t)count;
    return TW_OK;
}

static tw_status *compute_soft(tw_compute *c)
{
    const tw_array *scores = tw_input(c, 1);
    double limit = tw_number_at(tw_input(c, 3), 0), least = tw_number_at(tw_input(c, 4), 0);
    int64_t wanted = tw_index_at(tw_input(c, 2), 0);
    size_t n = scores->count, most = wanted < 0 ? 0 : (size_t)wanted, count = 0;
    if (!(limit >= 0 && limit <= 1))
        return tw_compute_fail(c, "iou_threshold must be in [0, 1]");
    if (!(tw_number_at(tw_input(c, 5), 0) >= 0))
        return tw_compute_fail(c, "soft_nms_sigma_val must be >= 0");
    candidate *list = n <= INT32_MAX ? tw_alloc_array(n + 1, 2 * sizeof *list) : NULL;
    if (!list)
        return tw_no_memory();
    for (size_t i = 0; i < n; i++) {
        double score = tw_number_at(scores, i);
        if (score > least)
            list[count++] = (candidate){(float)score, (int32_t)i, 0};
    }
    count = choose_softly(c, most, list, count, list + n);
    size_t size = tw_compute_bool(c, "pad_to_max_output_size") ? most : count;
    tw_status *status = give_scored(c, list + n, count, size);
    tw_free(list);
    return status;
}

/* ---- the ops ---- */

/* The newer ops differ in what became an input. */
#define BOXES "boxes: T, scores: T, max_output_size: int32, iou_threshold: T_threshold"
#define TYPES "T: {half, float} = float; T_threshold: {half, float} = float"
#define SUPPRESS                                                                             \
    .infer = infer_suppress, .gradient = tw_not_differentiable, .compute = compute_suppress, \
    .shape_inputs = 1 << 2

const tw_op_definition tw_op_NonMaxSuppression = {
    .signature = "boxes: float, scores: float, max_output_size: int32 -> selected_indices: int32; "
                 "iou_threshold: float = 0.5",
    .doc = "The numbers of at most `max_output_size` boxes (n, 4), those of the highest scores "
           "first, without boxes of which `iou_threshold` or more is shared with one before.",
    .since = "NonMaxSuppression: 0.9",
    .examples = {"non_max_suppression([[0., 0., 1., 1.], [0., 0., 1., 0.9], [2., 2., 3., 3.]], "
                 "[0.5, 0.75, 0.25], 3) -> [1, 2]"},
    SUPPRESS,
};

const tw_op_definition tw_op_NonMaxSuppressionV2 = {
    .signature = BOXES " -> selected_indices: int32; " TYPES,
    .doc = "NonMaxSuppression with the threshold as an input.",
    .since = "NonMaxSuppressionV2: 1.4; half: 1.14",
    .examples = {"non_max_suppression_v2([[0., 0., 1., 1.], [0., 0., 1., 0.9]], [0.5, 0.75], 3, "
                 "0.95) -> [1, 0]",
                 "non_max_suppression_v2([[0., 0., 1., 1.], [2., 2., 3., 3.]], [0.5, 0.75], 3, 0.) "
                 "-> [1]"},
    SUPPRESS,
};

const tw_op_definition tw_op_NonMaxSuppressionV3 = {
    .signature = BOXES ", score_threshold: T_threshold -> selected_indices: int32; " TYPES,
    .doc = "NonMaxSuppressionV2 without boxes whose score is not above `score_threshold`.",
    .since = "NonMaxSuppressionV3: 1.6; half: 1.14",
    .examples = {"non_max_suppression_v3([[0., 0., 1., 1.], [0., 0., 1., 0.9]], [0.5, 0.75], 3, "
                 "0.95, 0.6) -> [1]"},
    SUPPRESS,
};

const tw_op_definition tw_op_NonMaxSuppressionV4 = {
    .signature = BOXES ", score_threshold: T_threshold -> selected_indices: int32, "
                       "valid_outputs: int32; pad_to_max_output_size: bool = false; " TYPES,
    .doc = "NonMaxSuppressionV3 and how many boxes were chosen; the rest of `max_output_size` is "
           "filled with 0 if asked for.",
    .since = "NonMaxSuppressionV4: 1.9; half: 1.14",
    .examples = {"non_max_suppression_v4([[0., 0., 1., 1.]], [0.5], 3, 0.5, 0., "
                 "pad_to_max_output_size=True) -> [0, 0, 0], 1"},
    SUPPRESS,
};

const tw_op_definition tw_op_NonMaxSuppressionV5 = {
    .signature = "boxes: T, scores: T, max_output_size: int32, iou_threshold: T, "
                 "score_threshold: T, soft_nms_sigma: T -> selected_indices: int32, "
                 "selected_scores: T, valid_outputs: int32; "
                 "pad_to_max_output_size: bool = false; T: {half, float} = float",
    .doc = "NonMaxSuppressionV4, and the scores. With a `soft_nms_sigma` above 0 scores fall with "
           "what a box shares with better ones: by exp(-shared^2 / (2 sigma)).",
    .since = "NonMaxSuppressionV5: 1.15",
    .examples = {"non_max_suppression_v5([[0., 0., 1., 1.], [0., 0., 1., 0.5]], [0.5, 0.75], 3, "
                 "0.75, 0., 0.5) -> [1, 0], [0.75, 0.3894004], 2"},
    .infer = infer_suppress,
    .gradient = tw_gradient_undefined,
    .compute = compute_soft,
    .shape_inputs = 1 << 2,
};

const tw_op_definition tw_op_NonMaxSuppressionWithOverlaps = {
    .signature = "overlaps: float, scores: float, max_output_size: int32, "
                 "overlap_threshold: float, score_threshold: float -> selected_indices: int32",
    .doc = "NonMaxSuppressionV3 of things of which `overlaps` (n, n) says how alike two are.",
    .since = "NonMaxSuppressionWithOverlaps: 1.9",
    .examples = {"non_max_suppression_with_overlaps([[1., 0.5], [0.5, 1.]], [0.5, 0.75], 3, 0.25, "
                 "0.) -> [1]"},
    SUPPRESS,
};
