/* SPDX-License-Identifier: Apache-2.0
 * _FusedConv2DMaxPool: a convolution whose result nobody reads but a pooling. It pools itself where
 * it can; else some images are convolved at a time, so that what is pooled is in the second cache
 * yet and never all there at once. */
#include "kernels/pool2d.h"

#include "base/alloc.h"
#include "ops/activation.h"
#include "ops/brackets.h"
#include "ops/conv2d.h"
#include "ops/packing.h"
#include "ops/pool.h"

enum {
    IMAGE_RANK = 4,
    GROUP_BYTES = 800000, /* of what is pooled, as long as an image is smaller */
    LINE = 64
};

/* `conv` comes first: functions of all convolutions look at it. */
typedef struct pooled_state {
    tw_conv_state conv;
    tw_spatial pool;
} pooled_state;

/* ---- shapes ---- */

/* The pooling's attributes under its own names here. */
static tw_spatial_attrs pool_attrs(const tw_attr *ksize, const tw_attr *strides,
                                   const char *padding)
{
    return (tw_spatial_attrs){.op = "MaxPool",
                              .format = "NHWC",
                              .padding = padding,
                              .strides = tw_spatial_list(strides),
                              .ksize = tw_spatial_list(ksize)};
}

/* Windows over windows; both operations' own rules looked at everything else while building. */
static void infer(tw_infer *in)
{
    tw_spatial conv, pool;
    tw_spatial_attrs attrs = pool_attrs(tw_infer_attr(in, "pool_ksize"),
                                        tw_infer_attr(in, "pool_strides"),
                                        tw_infer_string(in, "pool_padding"));
    tw_shape image = tw_infer_rank(in, 0, IMAGE_RANK), filter = tw_infer_rank(in, 1, IMAGE_RANK);
    if (!tw_infer_spatial(in, "_FusedConv2D", &conv) || tw_infer_failed(in) ||
        !tw_infer_spatial_of(in, &attrs, &pool))
        return;
    int64_t sizes[2];
    for (size_t k = 0; k < 2; k++) {
        int64_t size = tw_infer_windowed(in, &conv, k, image.dims[k + 1], filter.dims[k]);
        sizes[k] = tw_infer_windowed(in, &pool, k, size, pool.ksize[k]);
    }
    tw_infer_output(in, 0,
                    tw_infer_image(in, false, image.dims[0], sizes[0], sizes[1], filter.dims[3]));
}

/* ---- kernel ---- */

/* All that attributes say is refused before the first run, as by the two operations. */
static tw_status *prepare(tw_compute *c, void *state)
{
    pooled_state *s = state;
    tw_spatial_attrs attrs = pool_attrs(tw_compute_attr(c, "pool_ksize"),
                                        tw_compute_attr(c, "pool_strides"),
                                        tw_compute_string(c, "pool_padding"));
    TW_TRY(tw_conv2d_prepare(c, &s->conv, "Conv2D"));
    TW_TRY(tw_activation_read(c, &s->conv.activation));
    TW_TRY(tw_spatial_read(&attrs, &s->pool));
    return tw_pool_check(&s->pool, false);
}

/* Bytes of an image of the convolution's result; their number fits a size, as all of them do. */
static size_t image_bytes(const tw_compute *c, const tw_conv *conv)
{
    return conv->rows.out * conv->cols.out * conv->out_depth * tw_dtype_size(tw_input(c, 0)->dtype);
}

/* The pooling of what the convolution gives. */
static tw_status *make_pool(const tw_compute *c, const tw_conv *conv, tw_pool2d *out)
{
    const pooled_state *s = tw_compute_state(c);
    const int64_t dims[IMAGE_RANK] = {(int64_t)conv->batch, (int64_t)conv->rows.out,
                                      (int64_t)conv->cols.out, (int64_t)conv->out_depth};
    return tw_pool_make(c, &s->pool, dims, NULL, out);
}

/* Does the convolution pool itself? */
static bool joins(const tw_compute *c, tw_conv *conv, const tw_pool2d *pool)
{
    const pooled_state *s = tw_compute_state(c);
    return tw_conv_pools(tw_input(c, 0)->dtype, conv, &pool->rows, &pool->cols, s->conv.activation);
}

/* The shape alone says it, so that any number of threads gives the same bits. Groups are equal, or
 * nearly, since all of them go the same way. */
static size_t group_of(const tw_compute *c, const tw_conv *conv)
{
    size_t image = image_bytes(c, conv), most = image ? GROUP_BYTES / image : conv->batch;
    most = most ? most : 1;
    size_t groups = (conv->batch + most - 1) / most;
    return groups ? (conv->batch + groups - 1) / groups : conv->batch;
}

/* All images, where nothing is stored before it is pooled. */
size_t tw_conv2d_group(const tw_compute *c, const tw_conv *conv)
{
    tw_conv tried = *conv;
    tw_pool2d pool;
    tw_status *status = make_pool(c, conv, &pool);
    bool all = !status && joins(c, &tried, &pool);
    tw_status_free(status);
    return all ? conv->batch : group_of(c, conv);
}

/* The convolution of a group, and how much is asked for it. */
typedef struct pooled {
    tw_conv conv;
    tw_pool2d pool;
    size_t batch, scratch_bytes, loop_bytes; /* scratch: the group's result; loop: the workspace */
    bool joined;                             /* there is one group, without a result */
} pooled;

/* How many images are convolved at a time, and what that takes. */
static void set_group(const tw_compute *c, pooled *p, size_t group)
{
    tw_dtype dtype = tw_input(c, 0)->dtype;
    p->conv.batch = p->pool.batch = group;
    p->scratch_bytes = (group * image_bytes(c, &p->conv) + LINE - 1) / LINE * LINE;
    p->loop_bytes = tw_conv_workspace(dtype, &p->conv, TW_CONV_FORWARD);
}

static tw_status *make(const tw_compute *c, pooled *out)
{
    const tw_array *image = tw_input(c, 0), *filter = tw_input(c, 1);
    TW_TRY(tw_conv2d_make(c, image->dims, filter->dims, NULL, false, &out->conv));
    TW_TRY(make_pool(c, &out->conv, &out->pool));
    const int64_t dims[IMAGE_RANK] = {image->dims[0], (int64_t)out->conv.rows.out,
                                      (int64_t)out->conv.cols.out, filter->dims[3]};
    size_t images;
    TW_TRY(tw_shape_check(image->dtype, (tw_shape){dims, IMAGE_RANK}, &images));
    out->batch = out->conv.batch;
    out->joined = joins(c, &out->conv, &out->pool);
    set_group(c, out, out->joined ? out->batch : group_of(c, &out->conv));
    if (out->joined) {
        out->scratch_bytes = 0;
        out->loop_bytes = tw_conv_pooled_workspace(&out->conv);
    }
    return TW_OK;
}

static bool has_ranks(const tw_compute *c)
{
    return tw_input(c, 0)->rank == IMAGE_RANK && tw_input(c, 1)->rank == IMAGE_RANK;
}

/* Where sizes are wrong there is none, and the kernel says so. */
static size_t workspace(const tw_compute *c)
{
    pooled p;
    size_t bytes;
    if (!has_ranks(c))
        return 0;
    tw_status *status = make(c, &p);
    bool fits = !status && tw_size_add(p.scratch_bytes, p.loop_bytes, &bytes);
    tw_status_free(status);
    return fits ? bytes : 0;
}

/* Group by group; the last one ends with the last image, and so may begin within the one before. */
static tw_status *run(tw_compute *c, const pooled *p, char *scratch, const tw_par *par)
{
    const pooled_state *s = tw_compute_state(c);
    const tw_array *image = tw_input(c, 0), *out = tw_output(c, 0);
    size_t size = tw_dtype_size(image->dtype), group = p->conv.batch;
    size_t in_bytes = image->count / p->batch * size, out_bytes = out->count / p->batch * size;
    tw_gemm_epilogue epilogue = {tw_input(c, 2)->data, s->conv.activation};
    tw_par pooling = {.threads = par->threads};
    for (size_t done = 0; done < p->batch; done += group) {
        size_t first = p->batch - done < group ? p->batch - group : done;
        TW_TRY(tw_conv_forward(image->dtype, &p->conv, (const char *)image->data + first * in_bytes,
                               tw_input(c, 1)->data, scratch, &epilogue, par));
        TW_TRY((tw_max_pool)(image->dtype, &p->pool, scratch,
                             (char *)tw_output_data(c, 0) + first * out_bytes, NULL, false,
                             &pooling));
    }
    return TW_OK;
}

/* Room for a group's result comes before that of the loop. */
static tw_status *run_groups(tw_compute *c, const pooled *p)
{
    char *room = tw_compute_workspace(c), *own = room ? NULL : tw_alloc_aligned(p->scratch_bytes);
    if (!room && !own)
        return tw_no_memory();
    tw_par par = {c->threads, room ? room + p->scratch_bytes : NULL, room ? p->loop_bytes : 0};
    tw_status *status = run(c, p, room ? room : own, &par);
    tw_free_aligned(own);
    return status;
}

/* Where a number is not finite, image by image, in memory of their own: the room is too small, and
 * what was packed may be of another form. */
static tw_status *run_joined(tw_compute *c, pooled *p)
{
    const pooled_state *s = tw_compute_state(c);
    tw_gemm_epilogue epilogue = {tw_input(c, 2)->data, s->conv.activation};
    tw_par par = {c->threads, tw_compute_workspace(c), tw_compute_workspace(c) ? p->loop_bytes : 0};
    bool done;
    TW_TRY(tw_conv_forward_pooled(&p->conv, tw_input(c, 0)->data, tw_input(c, 1)->data,
                                  tw_output_data(c, 0), &epilogue, &par, &done));
    if (done)
        return TW_OK;
    p->conv.packed = NULL;
    p->conv.pooled_rows = p->conv.pooled_cols = 0;
    set_group(c, p, 1);
    char *own = tw_alloc_aligned(p->scratch_bytes);
    if (!own)
        return tw_no_memory();
    tw_status *status = run(c, p, own, &(tw_par){.threads = c->threads});
    tw_free_aligned(own);
    return status;
}

/* The same checks in the same order as by the two operations. */
static tw_status *compute(tw_compute *c)
{
    pooled p;
    TW_TRY(tw_conv2d_check_rank(c, 0, "input"));
    TW_TRY(tw_conv2d_check_rank(c, 1, "filter"));
    TW_TRY(tw_conv2d_check_bias(c));
    TW_TRY(make(c, &p));
    if (tw_output(c, 0)->count == 0)
        return TW_OK;
    p.conv.packed = c->packed;
    return p.joined ? run_joined(c, &p) : run_groups(c, &p);
}

const tw_op_definition tw_op__FusedConv2DMaxPool = {
    .signature = "input: T, filter: T, bias: T -> output: T; T: {float, double}; "
                 "strides: list(int); use_cudnn_on_gpu: bool = true; "
                 "padding: {\"SAME\", \"VALID\", \"EXPLICIT\"}; "
                 "explicit_paddings: list(int) = []; "
                 "data_format: {\"NHWC\"} = \"NHWC\"; dilations: list(int) = [1, 1, 1, 1]; "
                 "activation: {\"\", \"Relu\", \"Relu6\", \"Sigmoid\", \"Tanh\"} = \"\"; "
                 "pool_ksize: list(int) >= 4; pool_strides: list(int) >= 4; "
                 "pool_padding: {\"SAME\", \"VALID\"}",
    .doc = "MaxPool(activation(Conv2D(input, filter) + bias)). The planner makes it.",
    .builder = "",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
    .packing = &tw_conv2d_pool_packing,
    .workspace = workspace,
    .state_size = sizeof(pooled_state),
    .prepare = prepare,
};
