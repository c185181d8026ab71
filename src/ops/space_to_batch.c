/* SPDX-License-Identifier: Apache-2.0
 * SpaceToBatch(ND) and BatchToSpace(ND): every block[0] x block[1] ... -th pixel goes to an image
 * of its own, and the way back. Dimension 0 is the batch, 1 .. M are space, with M = block.count.
 * Image (k, n) of the result, where k counts the offsets (k_0, k_1 ...) into a block, has at place
 * p the padded pixel p * block + offset of image n. */
#include "ops/arrays.h"

typedef struct blocks {
    size_t count; /* spatial dimensions */
    int64_t size[TW_MAX_RANK], before[TW_MAX_RANK], after[TW_MAX_RANK];
    int64_t product; /* of the sizes: images for each one */
} blocks;

/* ---- reading the block shape and the paddings (or crops) ---- */

/* block_shape NULL: the two dimensions of an image have `size`. */
static bool read_blocks(const tw_array *block_shape, int64_t size, const tw_array *paddings,
                        blocks *out, tw_text *why)
{
    out->count = block_shape ? block_shape->count : 2;
    out->product = 1;
    if (out->count + 1 > TW_MAX_RANK || paddings->count != 2 * out->count) {
        snprintf(why->s, sizeof why->s, "%zu block sizes do not fit %zu paddings", out->count,
                 paddings->count / 2);
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        out->size[i] = block_shape ? tw_index_at(block_shape, i) : size;
        out->before[i] = tw_index_at(paddings, 2 * i);
        out->after[i] = tw_index_at(paddings, 2 * i + 1);
        if (out->size[i] < 1 || !tw_int64_mul(out->product, out->size[i], &out->product)) {
            snprintf(why->s, sizeof why->s, "block_shape[%zu] must be positive, got %" PRId64, i,
                     out->size[i]);
            return false;
        }
        if (out->before[i] < 0 || out->after[i] < 0) {
            snprintf(why->s, sizeof why->s, "paddings cannot be negative: %" PRId64 " %" PRId64,
                     out->before[i], out->after[i]);
            return false;
        }
    }
    return true;
}

/* The inputs of the ND forms are input, block_shape, paddings; of the others input, paddings. */
static bool is_nd(size_t inputs)
{
    return inputs == 3;
}

/* The kernel reads values that no rule need have seen. */
static tw_status *blocks_of_step(const tw_compute *c, blocks *out)
{
    bool nd = is_nd(c->input_count);
    tw_text why;
    int64_t size = nd ? 0 : tw_compute_int(c, "block_size");
    if (!read_blocks(nd ? tw_input(c, 1) : NULL, size, tw_input(c, nd ? 2 : 1), out, &why))
        return tw_compute_fail(c, "%s", why.s);
    return TW_OK;
}

/* ---- shapes ---- */

/* How many spatial dimensions there are, by the shapes of block_shape and paddings; -1: not
 * known. */
static int64_t infer_count(tw_infer *in, bool nd)
{
    tw_shape block = nd ? tw_infer_input(in, 1) : TW_SHAPE(2),
             pairs = tw_infer_matrix(in, nd ? 2 : 1);
    if (block.dims && block.rank != 1)
        tw_infer_fail(in, "block_shape must have rank 1.");
    int64_t count = tw_infer_dim(block, 0), given = tw_infer_dim(pairs, 0);
    if (!tw_dims_agree(count, given) || !tw_dims_agree(tw_infer_dim(pairs, 1), 2))
        tw_infer_fail(in, "paddings should have shape [%" PRId64 ", 2]", count);
    return count >= 0 ? count : given;
}

/* The blocks where all of their values are known. */
static bool infer_blocks(tw_infer *in, bool nd, blocks *out)
{
    const tw_array *paddings = tw_infer_value(in, nd ? 2 : 1);
    const tw_array *block = nd ? tw_infer_value(in, 1) : NULL;
    tw_text why;
    if (!paddings || (nd && !block))
        return false;
    if (read_blocks(block, nd ? 0 : tw_infer_int(in, "block_size"), paddings, out, &why))
        return true;
    tw_infer_fail(in, "%s", why.s);
    return false;
}

/* One spatial dimension of the result; -1: not known. */
static int64_t infer_space(tw_infer *in, const blocks *b, size_t i, int64_t dim, bool to_batch)
{
    int64_t size;
    if (dim < 0)
        return -1;
    if (to_batch) {
        if (!tw_dim_add(dim, b->before[i], &size) || !tw_dim_add(size, b->after[i], &size))
            tw_infer_fail(in, "the size of the result is out of range");
        else if (size % b->size[i] != 0)
            tw_infer_fail(
                in, "padded_shape[%zu]=%" PRId64 " is not divisible by block_shape[%zu]=%" PRId64,
                i, size, i, b->size[i]);
        return tw_infer_failed(in) ? -1 : size / b->size[i];
    }
    if (!tw_int64_mul(dim, b->size[i], &size) || b->before[i] > size ||
        b->after[i] > size - b->before[i])
        tw_infer_fail(in,
                      "cropped_shape[%zu]: %" PRId64 " x %" PRId64 " does not hold crops %" PRId64
                      " and %" PRId64,
                      i, dim, b->size[i], b->before[i], b->after[i]);
    return tw_infer_failed(in) ? -1 : size - b->before[i] - b->after[i];
}

/* Each image becomes one for each place in a block, or so many become one. */
static int64_t infer_batch(tw_infer *in, const blocks *b, int64_t batch, bool to_batch)
{
    int64_t result = -1;
    if (batch >= 0 && to_batch && !tw_int64_mul(batch, b->product, &result))
        tw_infer_fail(in, "the size of the result is out of range");
    if (batch >= 0 && !to_batch && batch % b->product != 0)
        tw_infer_fail(in,
                      "Input batch dimension (%" PRId64
                      ") is not divisible by product of block sizes (%" PRId64 ")",
                      batch, b->product);
    return to_batch || batch < 0 ? result : batch / b->product;
}

/* What comes after the spatial dimensions stays as it is, known or not. */
static void infer(tw_infer *in, bool to_batch)
{
    bool nd = is_nd(tw_infer_input_count(in));
    tw_shape x = tw_infer_input(in, 0);
    int64_t count = infer_count(in, nd);
    blocks b;
    if (x.dims && !nd && x.rank != 4)
        tw_infer_fail(in, "Shape must be rank 4 but is rank %zu", x.rank);
    if (x.dims && count >= 0 && (int64_t)x.rank < count + 1)
        tw_infer_fail(in, "input rank should be >= %" PRId64 " instead of %zu", count + 1, x.rank);
    if (tw_infer_failed(in) || (!x.dims && nd))
        return;
    if (!x.dims)
        x = tw_infer_unknown(in, 4);
    int64_t *dims = tw_infer_dims(in, x.rank);
    bool known = infer_blocks(in, nd, &b);
    for (size_t i = count < 0 ? x.rank : (size_t)count + 1; i < x.rank; i++)
        dims[i] = x.dims[i];
    if (known && !tw_infer_failed(in)) {
        dims[0] = infer_batch(in, &b, x.dims[0], to_batch);
        for (size_t i = 0; i < b.count; i++)
            dims[i + 1] = infer_space(in, &b, i, x.dims[i + 1], to_batch);
    }
    tw_infer_output(in, 0, (tw_shape){dims, x.rank});
}

static void infer_to_batch(tw_infer *in)
{
    infer(in, true);
}

static void infer_to_space(tw_infer *in)
{
    infer(in, false);
}

/* ---- numbers ---- */

/* The pixels of one offset: a copy between a part of space and one image of the batch. false: the
 * offset has none. `start` is where they begin in space and in the image. */
static bool region_of_offset(const blocks *b, const tw_array *space, const tw_array *batch,
                             const int64_t *offset, size_t *dims, ptrdiff_t *in_space,
                             ptrdiff_t *in_batch, ptrdiff_t *space_start, ptrdiff_t *batch_start)
{
    *space_start = 0;
    for (size_t i = 0; i < b->count; i++) {
        /* Place p shows pixel p * size + offset - before of the dimension. */
        int64_t shift = offset[i] - b->before[i], size = b->size[i], dim = space->dims[i + 1];
        int64_t first = shift >= 0 ? 0 : (-shift - 1) / size + 1;
        int64_t past = dim > shift ? (dim - shift - 1) / size + 1 : 0;
        past = past < batch->dims[i + 1] ? past : batch->dims[i + 1];
        if (first >= past)
            return false;
        dims[i + 1] = (size_t)(past - first);
        *space_start += (ptrdiff_t)(first * size + shift) * in_space[i + 1];
        *batch_start += (ptrdiff_t)first * in_batch[i + 1];
        in_space[i + 1] *= (ptrdiff_t)size;
    }
    return true;
}

/* One offset into a block: a strided part of space against one image of the batch. */
static tw_status *move_offset(const tw_compute *c, const blocks *b, const int64_t *offset,
                              size_t image, bool to_batch)
{
    const tw_array *space = to_batch ? tw_input(c, 0) : tw_output(c, 0),
                   *batch = to_batch ? tw_output(c, 0) : tw_input(c, 0);
    size_t dims[TW_MAX_RANK], rank = space->rank;
    ptrdiff_t in_space[TW_MAX_RANK], in_batch[TW_MAX_RANK];
    tw_row_major(space->dims, rank, in_space);
    tw_row_major(batch->dims, rank, in_batch);
    for (size_t i = 0; i < rank; i++)
        dims[i] = (size_t)space->dims[i];
    ptrdiff_t from, to = (ptrdiff_t)(image * (size_t)space->dims[0]) * in_batch[0];
    if (!region_of_offset(b, space, batch, offset, dims, in_space, in_batch, &from, &to))
        return TW_OK;
    char *pixels = tw_element_to(space, (size_t)from), *packed = tw_element_to(batch, (size_t)to);
    tw_region region = {rank, dims, to_batch ? in_batch : in_space, to_batch ? in_space : in_batch};
    tw_par par = tw_compute_par(c);
    return tw_copy_region(space->dtype, &region, to_batch ? packed : pixels,
                          to_batch ? pixels : packed, &par);
}

/* One copy for each place in a block; zeros stay where space was padded. */
static tw_status *compute(tw_compute *c, bool to_batch)
{
    tw_array *y = tw_output(c, 0);
    int64_t offset[TW_MAX_RANK] = {0};
    blocks b;
    TW_TRY(blocks_of_step(c, &b));
    if (y->count == 0)
        return TW_OK;
    tw_zero_array(y);
    if (tw_input(c, 0)->count == 0)
        return TW_OK;
    for (int64_t image = 0; image < b.product; image++) {
        TW_TRY(move_offset(c, &b, offset, (size_t)image, to_batch));
        for (size_t i = b.count; i-- > 0 && ++offset[i] == b.size[i];)
            offset[i] = 0;
    }
    return TW_OK;
}

static tw_status *compute_to_batch(tw_compute *c)
{
    return compute(c, true);
}

static tw_status *compute_to_space(tw_compute *c)
{
    return compute(c, false);
}

/* ---- the ops ---- */

static tw_status *gradient_to_batch_nd(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_batch_to_space_nd(tw_gradient_dy(g, 0), g->inputs[1], g->inputs[2]));
    return TW_OK;
}

static tw_status *gradient_to_space_nd(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_space_to_batch_nd(tw_gradient_dy(g, 0), g->inputs[1], g->inputs[2]));
    return TW_OK;
}

static tw_status *gradient_to_batch(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_batch_to_space(tw_gradient_dy(g, 0), g->inputs[1], tw_gradient_int(g, "block_size")));
    return TW_OK;
}

static tw_status *gradient_to_space(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(
        tw_space_to_batch(tw_gradient_dy(g, 0), g->inputs[1], tw_gradient_int(g, "block_size")));
    return TW_OK;
}

const tw_op_definition tw_op_SpaceToBatchND = {
    .signature = "input: T, block_shape: Tblock_shape, paddings: Tpaddings -> output: T; T: type; "
                 "Tblock_shape: {int32, int64} = int32; Tpaddings: {int32, int64} = int32",
    .doc = "Pads the spatial dimensions (those after the first, as many as `block_shape` has "
           "entries) with zeros, and gives each place in a block an image of its own: the batch "
           "grows by the product of the block sizes.",
    .builder = "space_to_batch_nd",
    .since = "SpaceToBatchND: 0.11",
    .examples = {"space_to_batch_nd([[1, 2, 3, 4]], [2], [[0, 0]]) -> [[1, 3], [2, 4]]"},
    .shape_inputs = 1 << 1 | 1 << 2,
    .infer = infer_to_batch,
    .gradient = gradient_to_batch_nd,
    .compute = compute_to_batch,
};

const tw_op_definition tw_op_BatchToSpaceND = {
    .signature = "input: T, block_shape: Tblock_shape, crops: Tcrops -> output: T; T: type; "
                 "Tblock_shape: {int32, int64} = int32; Tcrops: {int32, int64} = int32",
    .doc =
        "The way back from SpaceToBatchND: puts the images of a block's places together and cuts "
        "`crops` off the ends of the spatial dimensions.",
    .builder = "batch_to_space_nd",
    .since = "BatchToSpaceND: 0.11",
    .examples = {"batch_to_space_nd([[1, 3], [2, 4]], [2], [[0, 1]]) -> [[1, 2, 3]]"},
    .shape_inputs = 1 << 1 | 1 << 2,
    .infer = infer_to_space,
    .gradient = gradient_to_space_nd,
    .compute = compute_to_space,
};

const tw_op_definition tw_op_SpaceToBatch = {
    .signature = "input: T, paddings: Tpaddings -> output: T; T: type; "
                 "Tpaddings: {int32, int64} = int32; block_size: int >= 2",
    .doc = "SpaceToBatchND of images (batch, height, width, depth) with square blocks.",
    .since = "Tpaddings: 0.12",
    .examples = {"space_to_batch([[[[1], [2]], [[3], [4]]]], [[0, 0], [0, 0]], 2) -> "
                 "[[[[1]]], [[[2]]], [[[3]]], [[[4]]]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_to_batch,
    .gradient = gradient_to_batch,
    .compute = compute_to_batch,
};

const tw_op_definition tw_op_BatchToSpace = {
    .signature = "input: T, crops: Tidx -> output: T; T: type; block_size: int >= 2; "
                 "Tidx: {int32, int64} = int32",
    .doc = "BatchToSpaceND of images (batch, height, width, depth) with square blocks.",
    .since = "Tidx: 0.12",
    .examples = {"batch_to_space([[[[1]]], [[[2]]], [[[3]]], [[[4]]]], [[0, 0], [0, 0]], 2) -> "
                 "[[[[1], [2]], [[3], [4]]]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_to_space,
    .gradient = gradient_to_space,
    .compute = compute_to_space,
};
