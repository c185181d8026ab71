/* SPDX-License-Identifier: Apache-2.0
 * Random parts of images: RandomCrop, SampleDistortedBoundingBox and its V2. Seeded ones are
 * TensorFlow's, word by word and with its rounding, so sizes are computed in float here.
 *
 * A number that is not in the range that an op can use is refused before anything is drawn; sizes
 * are bounded so that sums of them fit into 32 bits. */
#include <math.h>
#include <string.h>

#include "kernels/distributions.h"
#include "ops/arrays.h"
#include "ops/random.h"

/* ---- RandomCrop ---- */

/* Only the channels are the image's own. */
static void infer_crop(tw_infer *in)
{
    tw_shape image = tw_infer_rank(in, 0, 3), size = tw_infer_vector(in, 1);
    int64_t entries = tw_infer_dim(size, 0);
    if (!tw_dims_agree(entries, 2))
        tw_infer_fail(in, "Dimension must be 2 but is %" PRId64, entries);
    size = tw_infer_size_value(in, 1);
    tw_infer_output(in, 0,
                    TW_SHAPE(tw_infer_dim(size, 0), tw_infer_dim(size, 1), tw_infer_dim(image, 2)));
}

/* A word for each direction in which there is a choice. What is as large as the image uses up no
 * numbers. */
static tw_status *compute_crop(tw_compute *c)
{
    static const char *const names[] = {"height", "width"};
    const tw_array *x = tw_input(c, 0), *y = tw_output(c, 0);
    int64_t at[2] = {0, 0};
    if (tw_same_shape(x, y))
        return tw_elements_copy(x->dtype, y->data, x->data, x->count);
    for (size_t k = 0; k < 2; k++)
        /* No part of the image is as large. */
        if (y->dims[k] > x->dims[k])
            return tw_status_new(TW_FAILED_PRECONDITION,
                                 "%s must be >= target_%s: %s = %" PRId64 ", target_%s = %" PRId64,
                                 names[k], names[k], names[k], x->dims[k], names[k], y->dims[k]);
    tw_philox stream;
    TW_TRY(tw_random_take(c, 1, &stream));
    tw_random_words words = tw_random_words_of(stream);
    for (size_t k = 2; k-- > 0;) /* columns first */
        if (y->dims[k] < x->dims[k])
            /* Not quite even, as in TensorFlow. */
            at[k] = tw_random_word(&words) % (x->dims[k] - y->dims[k] + 1);
    size_t row = (size_t)(y->dims[1] * y->dims[2]);
    for (int64_t i = 0; i < y->dims[0] && row; i++)
        memcpy(tw_element_to(y, (size_t)i * row),
               tw_element_at(x, (size_t)(((at[0] + i) * x->dims[1] + at[1]) * x->dims[2])),
               row * tw_dtype_size(x->dtype));
    return TW_OK;
}

const tw_op_definition tw_op_RandomCrop = {
    .signature = "image: T, size: int64 -> output: T; T: {uint8, int8, int16, int32, int64, float, "
                 "double}; seed: int = 0; seed2: int = 0",
    .doc = "A part of `size` (rows, columns) at a random place of the image (rows, columns, "
           "channels).",
    .builder = "raw_random_crop",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1 << 1,
    .infer = infer_crop,
    .gradient = tw_not_differentiable,
    .compute = compute_crop,
};

/* ---- SampleDistortedBoundingBox ---- */

enum { BOX = 4 };

/* A place, a size, and one box: their shapes do not depend on anything. */
static void infer_sample(tw_infer *in)
{
    tw_shape size = tw_infer_vector(in, 0), boxes = tw_infer_rank(in, 1, 3);
    int64_t entries = tw_infer_dim(size, 0), numbers = tw_infer_dim(boxes, 2);
    if (tw_infer_input_count(in) > 2)
        tw_infer_scalar(in, 2);
    if (!tw_dims_agree(entries, 3))
        tw_infer_fail(in, "Dimension must be 3 but is %" PRId64, entries);
    if (!tw_dims_agree(numbers, BOX))
        tw_infer_fail(in, "Dimension must be 4 but is %" PRId64, numbers);
    tw_infer_output(in, 0, TW_SHAPE(3));
    tw_infer_output(in, 1, TW_SHAPE(3));
    tw_infer_output(in, 2, TW_SHAPE(1, 1, BOX));
}

/* Edges in pixels: ymin, xmin, ymax, xmax. */
typedef struct box {
    int32_t edge[BOX];
} box;

/* What the image, its boxes and the attributes ask for. */
typedef struct request {
    int32_t size[2]; /* rows, columns */
    float ratio[2], area[2], covered;
    const box *boxes;
    size_t count;
} request;

/* Pixels of a rectangle; what is turned round has none. */
static float area_of(const box *b)
{
    int64_t rows = (int64_t)b->edge[2] - b->edge[0], columns = (int64_t)b->edge[3] - b->edge[1];
    return rows > 0 && columns > 0 ? (float)(rows * columns) : 0;
}

/* 0 .. n - 1, all equally likely: words that would favour small ones are passed over. */
static int32_t below(tw_random_words *words, int32_t n)
{
    uint32_t sides = (uint32_t)n, word = tw_random_word(words);
    if (n <= 0)
        return 0;
    if ((sides & (sides - 1)) == 0)
        return (int32_t)(word & (sides - 1));
    /* A whole number of times `sides` is left above. */
    while (word < UINT32_MAX % sides + 1)
        word = tw_random_word(words);
    return (int32_t)(word % sides);
}

/* Rounded half to even, by the mode that all of the library runs in. */
static int32_t width_of(int32_t height, float ratio)
{
    return (int32_t)lrintf((float)height * ratio);
}

/* The largest height whose width, by the ratio, still fits, and which fits itself. */
static int32_t most_rows(const request *r, float largest, float ratio)
{
    float high = fminf(sqrtf(largest / ratio), 0x1p30F);
    int32_t most = (int32_t)lrintf(high);
    if (fminf((float)most * ratio, 0x1p30F) + 0.5F > (float)r->size[1] &&
        lrintf(fminf((float)most * ratio, 0x1p30F)) > r->size[1]) {
        most = (int32_t)fmin(((double)r->size[1] + 0.5 - 1e-7) / (double)ratio, 0x1p30);
        most -= lrintf((float)most * ratio) > r->size[1];
    }
    return most < r->size[0] ? most : r->size[0];
}

/* A rectangle of a random size and place; false: none of this ratio is as large or small as asked.
 */
static bool propose(const request *r, float ratio, tw_random_words *words, box *out)
{
    /* Areas are floats, so that a try near a bound is judged as there. */
    float whole[2] = {(float)r->size[0], (float)r->size[1]};
    if (!(r->area[1] > 0 && ratio > 0 && r->area[0] <= r->area[1] && whole[0] > 0 && whole[1] > 0))
        return false;
    float least = r->area[0] * whole[1] * whole[0], most = r->area[1] * whole[1] * whole[0];
    int32_t limit = most_rows(r, most, ratio);
    int32_t rows = (int32_t)lrintf(fminf(sqrtf(fmaxf(least, 0) / ratio), 0x1p30F));
    rows = rows < limit ? rows + below(words, limit - rows + 1) : limit;
    int32_t columns = width_of(rows, ratio);
    /* One row more or less makes good for rounding. */
    if ((float)rows * (float)columns < least)
        columns = width_of(++rows, ratio);
    if ((float)rows * (float)columns > most)
        columns = width_of(--rows, ratio);
    float area = (float)rows * (float)columns;
    if (area < least || area > most || columns > r->size[1] || rows > r->size[0] || columns <= 0 ||
        rows <= 0)
        return false;
    int32_t y = rows < r->size[0] ? below(words, r->size[0] - rows) : 0;
    int32_t x = columns < r->size[1] ? below(words, r->size[1] - columns) : 0;
    *out = (box){{y, x, y + rows, x + columns}};
    return true;
}

/* Enough of one of the boxes is inside. */
static bool covers(const request *r, const box *crop)
{
    for (size_t i = 0; i < r->count; i++) {
        const int32_t *a = crop->edge, *b = r->boxes[i].edge;
        box shared = {{a[0] > b[0] ? a[0] : b[0], a[1] > b[1] ? a[1] : b[1],
                       a[2] < b[2] ? a[2] : b[2], a[3] < b[3] ? a[3] : b[3]}};
        float all = area_of(&r->boxes[i]);
        if (all >= 1 && area_of(crop) >= 1 && area_of(&shared) / all >= r->covered)
            return true;
    }
    return false;
}

/* Boxes come as parts of the image's size; each number must be one. No box at all means all of the
 * image, where that is allowed. */
static tw_status *read_boxes(tw_compute *c, const request *r, box *boxes)
{
    const float *at = tw_input_data(c, 1);
    for (size_t i = 0; i < r->count * BOX; i++) {
        /* The box that stands for the whole image. */
        float part = tw_input(c, 1)->count ? at[i] : i % BOX < 2 ? 0 : 1;
        if (!(part >= 0 && part <= 1))
            return tw_compute_fail(
                c, "All bounding box coordinates must be in [0.0, 1.0]: %g of box %zu",
                (double)part, i / BOX);
        boxes[i / BOX].edge[i % BOX] = (int32_t)(part * (float)r->size[i % 2]);
    }
    return TW_OK;
}

/* Two numbers of an attribute, the first one not above the second. */
static tw_status *read_range(const tw_compute *c, const char *name, float out[2])
{
    const tw_attr *attr = tw_compute_attr(c, name);
    if (attr->count != 2)
        return tw_compute_fail(c, "%s field must specify 2 dimensions, not %zu", name, attr->count);
    memcpy(out, attr->value.items, 2 * sizeof *out);
    if (!(out[0] > 0 && out[0] <= out[1] && out[1] <= 0x1p20F))
        return tw_compute_fail(c, "%s [%g, %g] must be positive and in order", name, (double)out[0],
                               (double)out[1]);
    return TW_OK;
}

/* Everything is checked before a number is drawn, so that a refused run uses none up. */
static tw_status *read_request(const tw_compute *c, request *r)
{
    const tw_array *size = tw_input(c, 0), *boxes = tw_input(c, 1);
    for (size_t k = 0; k < 2; k++) {
        double pixels = tw_number_at(size, k);
        if (!(pixels > 0 && pixels <= 0x1p28))
            return tw_compute_fail(c,
                                   "Image height and width must be positive, and not above 2^28: "
                                   "%g",
                                   pixels);
        r->size[k] = (int32_t)pixels;
    }
    if (!boxes->count && !tw_compute_bool(c, "use_image_if_no_bounding_boxes"))
        return tw_compute_fail(c, "No bounding boxes provided as input. One must enable "
                                  "use_image_if_no_bounding_boxes if you wish to not provide any "
                                  "bounding boxes.");
    r->count = boxes->count ? boxes->count / BOX : 1;
    r->covered = (float)(c->input_count > 2 ? tw_number_at(tw_input(c, 2), 0)
                                            : tw_compute_float(c, "min_object_covered"));
    if (!(r->covered >= 0))
        return tw_compute_fail(c, "Min object covered must be non-negative: %g",
                               (double)r->covered);
    TW_TRY(read_range(c, "aspect_ratio_range", r->ratio));
    return read_range(c, "area_range", r->area);
}

/* All of the image, if no try was good enough. */
static tw_status *sample(tw_compute *c, const request *r, box *crop)
{
    int64_t tries = tw_compute_int(c, "max_attempts");
    tw_philox stream;
    if (tries <= 0 || tries > INT32_MAX)
        return tw_compute_fail(c, "Max attempts must be positive and an int32: %" PRId64, tries);
    TW_TRY(tw_random_take(c, (uint64_t)tries, &stream));
    tw_random_words words = tw_random_words_of(stream);
    for (int64_t i = 0; i < tries; i++) {
        /* A try that is not good enough has used up its numbers all the same. */
        float ratio = tw_random_float(&words) * (r->ratio[1] - r->ratio[0]) + r->ratio[0];
        if (propose(r, ratio, &words, crop) && covers(r, crop))
            return TW_OK;
    }
    *crop = (box){{0, 0, r->size[0], r->size[1]}};
    return TW_OK;
}

/* The place, the size, where -1 stands for all channels, and both as parts of the image. */
static tw_status *compute_sample(tw_compute *c)
{
    request r;
    TW_TRY(read_request(c, &r));
    box crop, *boxes = tw_alloc_array(r.count, sizeof *boxes);
    if (!boxes)
        return tw_no_memory();
    r.boxes = boxes;
    tw_status *status = read_boxes(c, &r, boxes);
    status = status ? status : sample(c, &r, &crop);
    tw_free(boxes);
    if (status)
        return status;
    for (size_t k = 0; k < 3; k++) {
        int64_t begin = k < 2 ? crop.edge[k] : 0, size = k < 2 ? crop.edge[k + 2] - begin : -1;
        /* The low bytes: narrower dtypes wrap around as TensorFlow's do. */
        memcpy(tw_element_to(tw_output(c, 0), k), &begin, tw_dtype_size(tw_output(c, 0)->dtype));
        memcpy(tw_element_to(tw_output(c, 1), k), &size, tw_dtype_size(tw_output(c, 1)->dtype));
    }
    for (size_t k = 0; k < BOX; k++)
        ((float *)tw_output_data(c, 2))[k] = (float)crop.edge[k] / (float)r.size[k % 2];
    return TW_OK;
}

/* The two ops differ in whether what must be covered is an attribute. */
#define SAMPLE_OUTPUTS "begin: T, size: T, bboxes: float; T: {uint8, int8, int16, int32, int64}; "
#define SAMPLE_ATTRS                                                                        \
    "aspect_ratio_range: list(float) = [0.75, 1.33]; area_range: list(float) = [0.05, 1]; " \
    "max_attempts: int = 100; use_image_if_no_bounding_boxes: bool = false"
#define SAMPLE                                                                         \
    .flags = TW_OP_STATEFUL, .infer = infer_sample, .gradient = tw_not_differentiable, \
    .compute = compute_sample

const tw_op_definition tw_op_SampleDistortedBoundingBox = {
    .signature = "image_size: T, bounding_boxes: float -> " SAMPLE_OUTPUTS
                 "seed: int = 0; seed2: int = 0; min_object_covered: float = 0.1; " SAMPLE_ATTRS,
    .doc = "A random part of an image of `image_size` (rows, columns, channels) which holds "
           "`min_object_covered` of one of the boxes (1, n, 4), with bounds for its width by its "
           "height and for its part of the image's area; the whole image if `max_attempts` find "
           "none. `begin` and `size` are for a slice.",
    SAMPLE,
};

const tw_op_definition tw_op_SampleDistortedBoundingBoxV2 = {
    .signature =
        "image_size: T, bounding_boxes: float, min_object_covered: float -> " SAMPLE_OUTPUTS
        "seed: int = 0; seed2: int = 0; " SAMPLE_ATTRS,
    .doc = "SampleDistortedBoundingBox with the part of a box that is to be held as an input.",
    .since = "SampleDistortedBoundingBoxV2: 1.5",
    SAMPLE,
};
