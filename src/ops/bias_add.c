/* SPDX-License-Identifier: Apache-2.0
 * BiasAdd: one number for each channel, which is the last axis (NHWC) or the second (NCHW); and its
 * gradient by the bias, a sum over all other axes. */
#include <string.h>

#include "kernels/reduce.h"

#include "ops/brackets.h"
#include "ops/combine.h"

/* The attribute's allowed values are checked by the definition, so that everything else is NHWC. */
static bool is_nchw(const char *format)
{
    return strcmp(format, "NCHW") == 0;
}

/* Comparing the format's text once keeps strings out of the kernel. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(bool *)state = is_nchw(tw_compute_string(c, "data_format"));
    return TW_OK;
}

/* ---- BiasAdd ---- */

/* The bias's length tells the channels where the value's shape does not; where both are known
 * they must be the same. */
static void infer_add(tw_infer *in, bool nchw)
{
    tw_shape value = tw_infer_input(in, 0), bias = tw_infer_vector(in, 1);
    size_t least = nchw ? 3 : 2;
    tw_infer_output(in, 0, value);
    if (!value.dims)
        return;
    if (value.rank < least) {
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", least, value.rank);
        return;
    }
    size_t axis = nchw ? 1 : value.rank - 1;
    int64_t channels = value.dims[axis], count = tw_infer_dim(bias, 0);
    if (!tw_dims_agree(channels, count))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, channels,
                      count);
    int64_t *dims = tw_infer_dims(in, value.rank);
    for (size_t i = 0; i < value.rank; i++)
        dims[i] = i == axis && channels < 0 ? count : value.dims[i];
    tw_infer_output(in, 0, (tw_shape){dims, value.rank});
}

/* NCHW needs rank 3 at least while the rule runs, as TensorFlow has it; the kernel is content
 * with 2. */
static void infer(tw_infer *in)
{
    infer_add(in, is_nchw(tw_infer_string(in, "data_format")));
}

/* The rule of NHWC: channels are last, a matrix is the least that is taken. */
static void infer_v1(tw_infer *in)
{
    infer_add(in, false);
}

/* The work of all cells: rows of `length` elements, each with the vector of biases or, if
 * channels is set, with one of them. */
typedef struct rows {
    const tw_compute *c;
    tw_combine add;
    tw_sum_loop add_both; /* or NULL */
    size_t count, length; /* rows, and elements of one */
    size_t bytes, cells;  /* of a row */
    size_t channels;      /* NCHW: row i has one bias, that of channel i % channels; else 0 */
} rows;

/* In one pass where the dtype has such a loop. Else copying first and adding in place keeps one
 * loop; where the output took over the input's memory there is nothing to copy. */
static void add_rows(size_t cell, void *arg)
{
    const rows *r = arg;
    const char *value = tw_input_data(r->c, 0), *bias = tw_input_data(r->c, 1);
    char *out = tw_output_data(r->c, 0);
    size_t size = r->length ? r->bytes / r->length : 0;
    size_t last = tw_par_bound(r->count, 1, r->cells, cell + 1);
    for (size_t i = tw_par_bound(r->count, 1, r->cells, cell); i < last; i++) {
        if (r->add_both && !r->channels) {
            const void *both[] = {value + i * r->bytes, bias};
            r->add_both(r->length, out + i * r->bytes, both, 2);
            continue;
        }
        if (out != value)
            memcpy(out + i * r->bytes, value + i * r->bytes, r->bytes);
        r->add(r->length, out + i * r->bytes, r->channels ? bias + i % r->channels * size : bias,
               !r->channels);
    }
}

/* NHWC is rows of `channels` elements to which the same vector is added; NCHW is planes, to each
 * of which one number is added. One loop does both. */
static tw_status *add_bias(tw_compute *c, bool nchw)
{
    const tw_array *value = tw_input(c, 0), *bias = tw_input(c, 1);
    size_t axis = nchw ? 1 : value->rank - 1;
    if (value->rank < 2)
        return tw_compute_fail(c, "Input tensor must be at least 2D: %s", tw_brackets(value).s);
    if (bias->rank != 1)
        return tw_compute_fail(c, "Biases must be 1D: %s", tw_brackets(bias).s);
    if (bias->dims[0] != value->dims[axis])
        return tw_compute_fail(c,
                               "Must provide as many biases as the %s dimension of the input "
                               "tensor: %s vs. %s",
                               nchw ? "channel" : "last", tw_brackets(bias).s,
                               tw_brackets(value).s);
    if (value->count == 0)
        return TW_OK;
    rows r = {.c = c, .length = bias->count};
    r.add = tw_combine_loop(TW_COMBINE_ADD, value->dtype);
    r.add_both = tw_sum_loop_of(value->dtype);
    if (nchw) {
        r.channels = bias->count;
        r.length = value->count / ((size_t)value->dims[0] * bias->count);
    }
    r.count = value->count / r.length;
    r.bytes = r.length * tw_dtype_size(value->dtype);
    r.cells = tw_par_cells(r.count, 1, 3.0 + 0.3 * (double)r.length);
    tw_par par = tw_compute_par(c);
    tw_par_run(&par, r.cells, add_rows, &r);
    return TW_OK;
}

/* The format was read when the node was prepared; the rank is checked at run time, when it is
 * sure. */
static tw_status *compute(tw_compute *c)
{
    return add_bias(c, *(const bool *)tw_compute_state(c));
}

/* BiasAddV1 knows no formats: the channels are the last axis. */
static tw_status *compute_v1(tw_compute *c)
{
    return add_bias(c, false);
}

/* The value's derivative is dy itself; the format goes along, since the bias gradient must sum
 * over the other axes. */
static tw_status *gradient(tw_gradient *g)
{
    const char *format = tw_gradient_string(g, "data_format");
    g->dx[0] = g->dy[0];
    g->dx[1] = tw_grad_of(tw_bias_add_grad(tw_gradient_dy(g, 0), .data_format = format));
    return TW_OK;
}

/* As for BiasAdd with the default format; there is no BiasAddGradV1 in TensorFlow either. */
static tw_status *gradient_v1(tw_gradient *g)
{
    g->dx[0] = g->dy[0];
    g->dx[1] = tw_grad_of(tw_bias_add_grad(tw_gradient_dy(g, 0)));
    return TW_OK;
}

static const tw_kernel kernel = {.dtypes = TW_COMBINED_TYPES,
                                 .in_place = 1,
                                 .state_size = sizeof(bool),
                                 .prepare = prepare,
                                 .compute = compute};
static const tw_kernel v1_kernel = {
    .dtypes = TW_COMBINED_TYPES, .in_place = 1, .compute = compute_v1};

const tw_op_definition tw_op_BiasAdd = {
    .signature = "value: T, bias: T -> output: T; T: numbertype; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"",
    .doc = "Adds the vector `bias` along the axis of channels: the last one, or with "
           "`data_format` \"NCHW\" the second.",
    .since = "data_format: 0.8; NCHW on the CPU: 1.14",
    .examples = {"bias_add([[1., 2.], [3., 4.]], [10., 20.]) -> [[11., 22.], [13., 24.]]"},
    .infer = infer,
    .gradient = gradient,
    .kernels = &kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_BiasAddV1 = {
    .signature = "value: T, bias: T -> output: T; T: numbertype",
    .doc = "Adds the vector `bias` along the last axis; the old form of BiasAdd.",
    .builder = "bias_add_v1",
    .since = "BiasAddV1: 0.8",
    .examples = {"bias_add_v1([[1., 2.]], [10., 20.]) -> [[11., 22.]]"},
    .infer = infer_v1,
    .gradient = gradient_v1,
    .kernels = &v1_kernel,
    .kernel_count = 1,
};

/* ---- BiasAddGrad ---- */

/* The gradient is a vector as long as dy has channels, -1 where that is not known. */
static void infer_grad(tw_infer *in)
{
    bool nchw = is_nchw(tw_infer_string(in, "data_format"));
    tw_shape x = tw_infer_input(in, 0);
    size_t least = nchw ? 3 : 2;
    if (x.dims && x.rank < least)
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", least, x.rank);
    tw_infer_output(in, 0, TW_SHAPE(tw_infer_dim(x, nchw ? 1 : -1)));
}

/* A sum over all axes but the channels', which the general reduction does with pairwise sums and
 * threads. */
static tw_status *compute_grad(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    bool reduced[TW_MAX_RANK], nchw = *(const bool *)tw_compute_state(c);
    if (x->rank < 2)
        return tw_compute_fail(c, "Input tensor must be at least 2D: %s", tw_brackets(x).s);
    for (size_t i = 0; i < x->rank; i++)
        reduced[i] = i != (nchw ? 1 : x->rank - 1);
    tw_par par = tw_compute_par(c);
    return tw_reduce(TW_REDUCE_SUM, x->dtype, tw_shape_of(x), reduced, x->data,
                     tw_output_data(c, 0), &par);
}

/* A bias gradient is linear in what it sums: each channel's number goes to all its elements. */
static tw_status *gradient_grad(tw_gradient *g)
{
    g->dx[0] = tw_grad_of(tw_bias_add(tw_zeros_like(g->inputs[0]), tw_gradient_dy(g, 0),
                                      .data_format = tw_gradient_string(g, "data_format")));
    return TW_OK;
}

static const tw_kernel grad_kernel = {.dtypes = TW_COMBINED_TYPES,
                                      .state_size = sizeof(bool),
                                      .prepare = prepare,
                                      .compute = compute_grad};

const tw_op_definition tw_op_BiasAddGrad = {
    .signature = "out_backprop: T -> output: T; T: numbertype; "
                 "data_format: {\"NHWC\", \"NCHW\"} = \"NHWC\"",
    .doc = "The gradient of BiasAdd by its bias: the sum over all axes but that of channels.",
    .since = "BiasAddGrad: 0.8",
    .examples = {"bias_add_grad([[1., 2.], [3., 4.]]) -> [4., 6.]"},
    .infer = infer_grad,
    .gradient = gradient_grad,
    .kernels = &grad_kernel,
    .kernel_count = 1,
};
