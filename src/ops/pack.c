/* SPDX-License-Identifier: Apache-2.0
 * Pack, Unpack (tf.stack, tf.unstack): arrays of one shape become one array with one more
 * dimension, and the way back. */
#include "ops/arrays.h"

/* Shared by both ways, so the larger number of parts counts; pointers come before lengths, which
 * keeps both aligned. */
static size_t workspace(const tw_compute *c)
{
    size_t count = c->input_count > c->output_count ? c->input_count : c->output_count;
    return count * (sizeof(size_t) + sizeof(void *));
}

/* The attribute `axis` among `rank` dimensions. */
static size_t axis_of(const tw_compute *c, size_t rank)
{
    int64_t axis = tw_compute_int(c, "axis");
    return (size_t)(axis < 0 ? axis + (int64_t)rank : axis);
}

/* Negative axes count from the end; `rank` is that of the array which has the axis. */
static bool infer_axis(tw_infer *in, size_t rank, size_t *out)
{
    int64_t axis = tw_infer_int(in, "axis"), n = (int64_t)rank;
    *out = (size_t)(axis < 0 ? axis + n : axis);
    if (axis >= -n && axis < n)
        return true;
    tw_infer_fail(in, "Invalid axis: %" PRId64 "; must be in [%" PRId64 ",%" PRId64 ")", axis, -n,
                  n);
    return false;
}

/* ---- Pack ---- */

/* All shapes are merged, so that what one input knows is known of all; the new axis has as many
 * elements as there are inputs. */
static void infer_pack(tw_infer *in)
{
    size_t count = tw_infer_input_count(in), axis;
    tw_shape shape = tw_infer_input(in, 0);
    for (size_t i = 1; i < count; i++)
        shape = tw_infer_merge(in, shape, tw_infer_input(in, i));
    if (!shape.dims || !infer_axis(in, shape.rank + 1, &axis))
        return;
    tw_shape head = tw_infer_slice(in, shape, 0, axis),
             tail = tw_infer_slice(in, shape, axis, SIZE_MAX);
    head = tw_infer_concat(in, head, TW_SHAPE((int64_t)count));
    tw_infer_output(in, 0, tw_infer_concat(in, head, tail));
}

/* Taking dy apart along the same axis gives each input its part. */
static tw_status *gradient_pack(tw_gradient *g)
{
    tw_tensors parts = tw_unstack(tw_gradient_dy(g, 0), (int64_t)g->input_count,
                                  .axis = tw_gradient_int(g, "axis"));
    for (size_t i = 0; i < parts.count; i++)
        g->dx[i] = tw_grad_of(parts.items[i]);
    return TW_OK;
}

/* Each input is one part of length `inner` in each of `outer` rows, so stacking is a Concat of
 * arrays without the new axis. */
static tw_status *compute_pack(tw_compute *c)
{
    const tw_array *y = tw_output(c, 0);
    size_t count = c->input_count, axis = axis_of(c, y->rank);
    const void **parts = c->workspace;
    size_t *lengths = (size_t *)(parts + count);
    if (y->count == 0)
        return TW_OK;
    for (size_t i = 0; i < count; i++) {
        parts[i] = tw_input(c, i)->data;
        lengths[i] = tw_span(y->dims, axis + 1, y->rank);
    }
    tw_par par = tw_compute_par(c);
    par.workspace = NULL;
    return (tw_concat)(y->dtype, tw_span(y->dims, 0, axis), count, lengths, parts, y->data, &par);
}

const tw_op_definition tw_op_Pack = {
    .signature = "values: N * T -> output: T; N: int >= 1; T: type; axis: int = 0",
    .doc = "Arrays of one shape side by side along a new dimension, which is number `axis` of the "
           "result.",
    .builder = "pack",
    .since = "axis: 0.11",
    .examples = {"pack([[1, 4], [2, 5], [3, 6]]) -> [[1, 4], [2, 5], [3, 6]]",
                 "pack([[1, 4], [2, 5], [3, 6]], axis=1) -> [[1, 2, 3], [4, 5, 6]]"},
    .infer = infer_pack,
    .gradient = gradient_pack,
    .compute = compute_pack,
    .workspace = workspace,
};

/* ---- Unpack ---- */

/* The number of outputs is an attribute and must be the size of the axis, as far as that is
 * known. */
static void infer_unpack(tw_infer *in)
{
    tw_shape shape = tw_infer_input(in, 0);
    size_t count = tw_infer_output_count(in), axis;
    if (!shape.dims || !infer_axis(in, shape.rank, &axis))
        return;
    if (!tw_dims_agree(shape.dims[axis], (int64_t)count))
        tw_infer_fail(in, "Dimension must be %zu but is %" PRId64, count, shape.dims[axis]);
    for (size_t i = 0; i < count; i++)
        tw_infer_output(in, i, tw_infer_without(in, shape, axis));
}

/* Without outputs there is nothing to put together and no derivative; an output that is not used
 * counts as zeros. */
static tw_status *gradient_unpack(tw_gradient *g)
{
    tw_tensors dys;
    if (g->output_count == 0)
        return TW_OK;
    TW_TRY(tw_gradient_dys(g, g->output_count, &dys));
    g->dx[0] = tw_grad_of(tw_stack(dys, .axis = tw_gradient_int(g, "axis")));
    tw_free((void *)(uintptr_t)dys.items);
    return TW_OK;
}

/* A Split into as many parts as there are outputs; the workspace holds their pointers. */
static tw_status *compute_unpack(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    size_t count = c->output_count, axis = axis_of(c, x->rank);
    void **parts = c->workspace;
    size_t *lengths = (size_t *)(parts + count);
    if (x->count == 0)
        return TW_OK;
    for (size_t i = 0; i < count; i++) {
        parts[i] = tw_output_data(c, i);
        lengths[i] = tw_span(x->dims, axis + 1, x->rank);
    }
    tw_par par = tw_compute_par(c);
    par.workspace = NULL;
    return (tw_split)(x->dtype, tw_span(x->dims, 0, axis), count, lengths, x->data, parts, &par);
}

const tw_op_definition tw_op_Unpack = {
    .signature = "value: T -> output: num * T; num: int >= 0; T: type; axis: int = 0",
    .doc = "The `num` arrays that lie side by side along the dimension `axis`, which they lose.",
    .builder = "unpack",
    .since = "axis: 0.11",
    .examples = {"unpack([[1, 4], [2, 5]], 2) -> [1, 4], [2, 5]",
                 "unpack([[1, 4], [2, 5]], 2, axis=1) -> [1, 2], [4, 5]"},
    .infer = infer_unpack,
    .gradient = gradient_unpack,
    .compute = compute_unpack,
    .workspace = workspace,
};
