/* SPDX-License-Identifier: Apache-2.0
 * Conv3D and its gradients, by matrix products: a row for each window, its cells side by side
 * (cells * channels numbers), times the filter as a matrix (cells * channels, outputs).
 *
 * Rows are made in pieces of bounded memory whose number follows from the sizes alone.
 *
 * Half and bfloat16 are summed up in float by the products, and rounded where pieces meet. A
 * padded cell is a zero in its row on the way forward, and dropped on the way back; so padding
 * costs time, but no second set of loops. Convolutions over images have faster ones
 * (kernels/conv.h). */
#include <string.h>

#include "kernels/gemm.h"
#include "ops/rare/volumes.h"

enum { PIECE = 1 << 18 }; /* numbers in a piece, unless a row has more */

/* A convolution: sizes, and the matrices' dims. */
typedef struct conv {
    tw_volume v;
    size_t rows, row, outputs, piece;
    tw_dtype dtype;
    char *buffer; /* piece rows */
} conv;

/* filter: (planes, rows, columns, channels, outputs). */
/* A piece has the same rows whatever the number of threads, so sums have one order. The buffer is
 * the caller's to free, also after an error. */
static tw_status *prepare(const tw_compute *c, const int64_t *image, const int64_t *filter, conv *m)
{
    if (image[TW_VOLUME_RANK - 1] != filter[3])
        return tw_compute_fail(
            c, "input depth must be equal to the filter's: %" PRId64 " and %" PRId64,
            image[TW_VOLUME_RANK - 1], filter[3]);
    TW_TRY(tw_volume_make(c, image, filter, &m->v));
    m->outputs = (size_t)filter[4];
    m->row = m->v.cells * m->v.depth;
    m->rows = m->v.batch * m->v.windows;
    m->piece = m->row < PIECE ? PIECE / (m->row ? m->row : 1) : 1;
    m->piece = m->piece < m->rows ? m->piece : m->rows;
    m->buffer = tw_alloc_array(m->piece * m->row + 1, tw_dtype_size(m->dtype));
    return m->buffer ? TW_OK : tw_no_memory();
}

/* Rows from `first` on out of the volumes, zeros where there is padding. */
static void take(const conv *m, const tw_array *x, size_t first, size_t count)
{
    size_t size = m->v.depth * tw_dtype_size(m->dtype);
    char *to = m->buffer;
    for (size_t i = 0; i < count; i++) {
        for (size_t cell = 0; cell < m->v.cells; cell++, to += size) {
            size_t pixel = tw_volume_pixel(&m->v, first + i, cell);
            if (pixel == SIZE_MAX)
                memset(to, 0, size);
            else
                memcpy(to, (const char *)x->data + pixel * size, size);
        }
    }
}

/* The way back: rows are added to the volumes. Float and double are added by themselves. */
static void give(const conv *m, tw_array *x, size_t first, size_t count)
{
    /* Windows overlap, so this goes by one thread, in order. */
    size_t depth = m->v.depth;
    tw_array rows = {.dtype = m->dtype, .data = m->buffer};
    for (size_t i = 0; i < count * m->v.cells; i++) {
        size_t pixel = tw_volume_pixel(&m->v, first + i / m->v.cells, i % m->v.cells);
        for (size_t d = 0; d < depth && pixel != SIZE_MAX; d++) {
            size_t to = pixel * depth + d;
            if (m->dtype == TW_FLOAT32)
                ((float *)x->data)[to] += ((const float *)(void *)m->buffer)[i * depth + d];
            else
                tw_number_put(x, to, tw_number_at(x, to) + tw_number_at(&rows, i * depth + d));
        }
    }
}

/* What is computed for each piece: y = rows filter, filter += rows^T dy, or rows = dy filter^T. */
/* Which of the three operands is the result. */
typedef enum part { FORWARD, FILTER, INPUT } part;

static tw_status *run(const tw_compute *c, const conv *m, part which, tw_array *x, tw_array *filter,
                      tw_array *y)
{
    tw_par par = tw_compute_par(c);
    for (size_t first = 0; first < m->rows; first += m->piece) {
        size_t count = m->rows - first < m->piece ? m->rows - first : m->piece;
        tw_gemm_shape s = {.m = count, .n = m->outputs, .k = m->row, .alpha = 1};
        /* The windows of this piece, whichever way numbers go. */
        void *dy = tw_element_to(y, first * m->outputs);
        if (which != INPUT)
            take(m, x, first, count);
        if (which == FORWARD) {
            TW_TRY(tw_gemm(m->dtype, &s, m->buffer, filter->data, dy, NULL, &par));
        } else if (which == FILTER) {
            s = (tw_gemm_shape){.m = m->row,
                                .n = m->outputs,
                                .k = count,
                                .transpose_a = true,
                                .alpha = 1,
                                .beta = 1};
            TW_TRY(tw_gemm(m->dtype, &s, m->buffer, dy, filter->data, NULL, &par));
        } else {
            s = (tw_gemm_shape){
                .m = count, .n = m->row, .k = m->outputs, .transpose_b = true, .alpha = 1};
            TW_TRY(tw_gemm(m->dtype, &s, dy, filter->data, m->buffer, NULL, &par));
            give(m, x, first, count);
        }
    }
    return TW_OK;
}

/* Each of the three is an input or the output; on the way back the latter begins as zeros. */
static tw_status *convolve(tw_compute *c, part which, tw_array *x, tw_array *filter, tw_array *y)
{
    conv m = {.dtype = y->dtype};
    tw_status *status = prepare(c, x->dims, filter->dims, &m);
    status = status ? status : tw_volume_check(c, &m.v, y, m.outputs);
    /* Pieces are added to it. */
    if (which != FORWARD && !status)
        tw_zero_array(tw_output(c, 0));
    /* Without channels or windows there is nothing to multiply, and sums of nothing are zeros. */
    if (x->count && y->count && !status)
        status = run(c, &m, which, x, filter, y);
    else if (!status)
        tw_zero_array(tw_output(c, 0));
    tw_free(m.buffer);
    return status;
}

/* The volumes, the filter and the windows, in this order, whatever is input and what output. */
static tw_status *compute(tw_compute *c)
{
    return convolve(c, FORWARD, c->inputs[0], c->inputs[1], tw_output(c, 0));
}
static tw_status *compute_filter(tw_compute *c)
{
    return convolve(c, FILTER, c->inputs[0], tw_output(c, 0), c->inputs[2]);
}
static tw_status *compute_input(tw_compute *c)
{
    return convolve(c, INPUT, tw_output(c, 0), c->inputs[1], c->inputs[2]);
}

/* ---- shapes ---- */

/* Channels are the filter's business: all of them are summed up. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, TW_VOLUME_RANK),
             filter = tw_infer_rank(in, 1, TW_VOLUME_RANK);
    if (!tw_dims_agree(tw_infer_dim(x, 4), tw_infer_dim(filter, 3)))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64,
                      tw_infer_dim(x, 4), tw_infer_dim(filter, 3));
    if (!tw_infer_failed(in))
        tw_infer_volume(in, 0, x, filter, tw_infer_dim(filter, 4));
}

/* Five sizes, at input `sizes`; the other operands are of rank 5. */
static void infer_sizes(tw_infer *in, size_t sizes)
{
    int64_t entries = tw_infer_dim(tw_infer_vector(in, sizes), 0);
    for (size_t i = 0; i < tw_infer_input_count(in); i++)
        if (i != sizes)
            tw_infer_rank(in, i, TW_VOLUME_RANK);
    if (!tw_dims_agree(entries, TW_VOLUME_RANK))
        tw_infer_fail(in, "Dimension must be 5 but is %" PRId64, entries);
    tw_shape shape = tw_infer_size_value(in, sizes);
    tw_infer_output(in, 0, tw_infer_merge(in, shape, tw_infer_unknown(in, TW_VOLUME_RANK)));
}

/* The two ways back know the shape of their result from a value. */
static void infer_filter(tw_infer *in)
{
    infer_sizes(in, 1);
}
static void infer_input(tw_infer *in)
{
    infer_sizes(in, 0);
}

/* ---- gradients: each of the three is linear in both of its operands ---- */

/* What the three have in common, handed on to the derivative. */
#define OPTIONS(g)                                                                            \
    .strides = tw_gradient_ints(g, "strides"), .dilations = tw_gradient_ints(g, "dilations"), \
    .padding = tw_gradient_string(g, "padding"),                                              \
    .data_format = tw_gradient_string(g, "data_format")

/* By windows dy is with the filter, by the filter it is with the volumes. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], filter = g->inputs[1], dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_conv3d_backprop_input_v2(tw_shape(x), filter, dy, OPTIONS(g)));
    g->dx[1] = tw_grad_of(tw_conv3d_backprop_filter_v2(x, tw_shape(filter), dy, OPTIONS(g)));
    return TW_OK;
}
static tw_status *gradient_filter(tw_gradient *g)
{
    tw_tensor x = g->inputs[0], dy = g->inputs[2], filter = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_conv3d_backprop_input_v2(tw_shape(x), filter, dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_conv3d(x, filter, OPTIONS(g)));
    return TW_OK;
}
static tw_status *gradient_input(tw_gradient *g)
{
    tw_tensor x = tw_gradient_dy(g, 0), filter = g->inputs[1], dy = g->inputs[2];
    g->dx[1] = tw_grad_of(tw_conv3d_backprop_filter_v2(x, tw_shape(filter), dy, OPTIONS(g)));
    g->dx[2] = tw_grad_of(tw_conv3d(x, filter, OPTIONS(g)));
    return TW_OK;
}

#define WINDOW                                                                          \
    "T: {half, bfloat16, float, double}; strides: list(int) >= 5; "                     \
    "padding: {\"SAME\", \"VALID\"}; data_format: {\"NDHWC\", \"NCDHW\"} = \"NDHWC\"; " \
    "dilations: list(int) = [1, 1, 1, 1, 1]"

const tw_op_definition tw_op_Conv3D = {
    .signature = "input: T, filter: T -> output: T; " WINDOW,
    .doc =
        "Slides `filter` (planes, rows, columns, channels, outputs) over volumes (batch, planes, "
        "rows, columns, channels). `strides` and `dilations` have an entry for each axis.",
    .builder = "conv3d",
    .since = "Conv3D: 0.8; data_format: 1.0; bfloat16, dilations: 1.6",
    .examples = {"conv3d([[[[[1.], [2.], [4.]]]]], [[[[[1.]], [[10.]]]]], strides=[1, 1, 1, 1, 1], "
                 "padding=\"VALID\") -> [[[[[21.], [42.]]]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};

const tw_op_definition tw_op_Conv3DBackpropFilterV2 = {
    .signature = "input: T, filter_sizes: int32, out_backprop: T -> output: T; " WINDOW,
    .doc = "The gradient of Conv3D for its filter, whose shape is `filter_sizes`.",
    .builder = "conv3d_backprop_filter_v2",
    .since = "Conv3DBackpropFilterV2: 0.8; data_format: 1.0; bfloat16, dilations: 1.6",
    .examples = {"conv3d_backprop_filter_v2([[[[[1.], [2.]]]]], [1, 1, 1, 1, 1], "
                 "[[[[[10.], [1.]]]]], strides=[1, 1, 1, 1, 1], padding=\"VALID\") -> "
                 "[[[[[12.]]]]]"},
    .shape_inputs = 1 << 1,
    .infer = infer_filter,
    .gradient = gradient_filter,
    .compute = compute_filter,
};

const tw_op_definition tw_op_Conv3DBackpropInputV2 = {
    .signature = "input_sizes: Tshape, filter: T, out_backprop: T -> output: T; " WINDOW
                 "; Tshape: {int32, int64} = int32",
    .doc = "The gradient of Conv3D for its volumes, whose shape is `input_sizes`.",
    .builder = "conv3d_backprop_input_v2",
    .since = "Conv3DBackpropInputV2: 0.8; data_format: 1.0; bfloat16, dilations: 1.6",
    .examples = {"conv3d_backprop_input_v2([1, 1, 1, 2, 1], [[[[[3.]]]]], [[[[[10.], [1.]]]]], "
                 "strides=[1, 1, 1, 1, 1], padding=\"VALID\") -> [[[[[30.], [3.]]]]]"},
    .shape_inputs = 1 << 0,
    .infer = infer_input,
    .gradient = gradient_input,
    .compute = compute_input,
};
