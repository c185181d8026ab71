/* SPDX-License-Identifier: Apache-2.0
 * DynamicPartition and DynamicStitch: slices of an array dealt out to several by number, and put
 * together again by index. */
#include "base/alloc.h"
#include "ops/arrays.h"

/* ---- DynamicPartition ---- */

/* data.shape must begin with partitions.shape; what follows is the shape of a slice, while the
 * number of slices depends on values. */
static void infer_partition(tw_infer *in)
{
    tw_shape data = tw_infer_input(in, 0), partitions = tw_infer_input(in, 1);
    if (!partitions.dims)
        return;
    if (data.dims && data.rank < partitions.rank)
        tw_infer_fail(in, "Shape must be at least rank %zu but is rank %zu", partitions.rank,
                      data.rank);
    tw_shape head = tw_infer_slice(in, data, 0, partitions.rank);
    if (data.dims && !tw_shape_compatible(head, partitions))
        tw_infer_fail(in,
                      "data.shape must start with partitions.shape, got data.shape = %s, "
                      "partitions.shape = %s",
                      tw_shape_tf_text(data).s, tw_shape_tf_text(partitions).s);
    if (!data.dims)
        return;
    tw_shape tail = tw_infer_slice(in, data, partitions.rank, SIZE_MAX);
    for (size_t i = 0; i < tw_infer_output_count(in); i++)
        tw_infer_output(in, i, tw_infer_concat(in, TW_SHAPE(-1), tail));
}

/* The numbers of all slices are dealt out in the same way; they say where dy goes back. */
static tw_status *gradient_partition(tw_gradient *g)
{
    tw_tensor data = g->inputs[0], partitions = g->inputs[1];
    tw_tensor prefix = tw_shape(partitions);
    tw_tensor numbers = tw_reshape(tw_range(0, tw_prod(prefix, 0), 1), prefix);
    tw_tensors places = tw_dynamic_partition(numbers, partitions, (int64_t)g->output_count);
    tw_tensors dys;
    TW_TRY(tw_gradient_dys(g, g->output_count, &dys));
    tw_tensor together = tw_parallel_dynamic_stitch(places, dys);
    g->dx[0] = tw_grad_of(tw_reshape(together, tw_shape(data)));
    tw_free((void *)(uintptr_t)dys.items);
    return TW_OK;
}

/* One size for each output, then one place for the next slice. */
static size_t workspace_partition(const tw_compute *c)
{
    return 2u * c->output_count * sizeof(size_t);
}

/* Sets sizes and the fill positions behind them to zero. A number out of range is found before
 * any output is allocated. */
static tw_status *count_partitions(const tw_compute *c, size_t *sizes)
{
    const int32_t *partitions = tw_input_data(c, 1);
    for (size_t i = 0; i < 2u * c->output_count; i++)
        sizes[i] = 0;
    for (size_t i = 0; i < tw_input(c, 1)->count; i++) {
        if (partitions[i] < 0 || partitions[i] >= c->output_count)
            return tw_compute_fail(c, "partitions[%zu] = %" PRId32 " is not in [0, %d)", i,
                                   partitions[i], c->output_count);
        sizes[partitions[i]]++;
    }
    return TW_OK;
}

/* Counting first gives each part its exact size; the second pass then fills them in order, so
 * that elements keep their order within a part. */
static tw_status *compute_partition(tw_compute *c)
{
    const tw_array *data = tw_input(c, 0), *partitions = tw_input(c, 1);
    size_t *sizes = c->workspace, *next = sizes + c->output_count;
    size_t rank = data->rank - partitions->rank;
    size_t slice = tw_span(data->dims, partitions->rank, data->rank);
    int64_t dims[TW_MAX_RANK + 1];
    TW_TRY(count_partitions(c, sizes));
    for (size_t i = 0; i < rank; i++)
        dims[i + 1] = data->dims[partitions->rank + i];
    for (size_t i = 0; i < c->output_count; i++) {
        tw_array *out;
        dims[0] = (int64_t)sizes[i];
        TW_TRY(tw_compute_allocate(c, i, (tw_shape){dims, rank + 1}, &out));
    }
    for (size_t i = 0; i < partitions->count && slice > 0; i++) {
        size_t to = (size_t)((const int32_t *)partitions->data)[i];
        TW_TRY(tw_elements_copy(data->dtype, tw_element_to(tw_output(c, to), next[to]++ * slice),
                                tw_element_at(data, i * slice), slice));
    }
    return TW_OK;
}

const tw_op_definition tw_op_DynamicPartition = {
    .signature = "data: T, partitions: int32 -> outputs: num_partitions * T; "
                 "num_partitions: int >= 1; T: type",
    .doc = "Deals the slices of `data` out to `num_partitions` arrays: slice i goes to the array "
           "number partitions[i], behind those that are there.",
    .examples = {"dynamic_partition([10, 20, 30, 40], [0, 1, 1, 0], 2) -> [10, 40], [20, 30]"},
    .infer = infer_partition,
    .gradient = gradient_partition,
    .compute = compute_partition,
    .workspace = workspace_partition,
};

/* ---- DynamicStitch ---- */

/* data[i].shape = indices[i].shape + one tail for all, which is merged into what is known of it. */
static tw_shape merge_tail(tw_infer *in, tw_shape tail, tw_shape indices, tw_shape data)
{
    if (!indices.dims || !data.dims)
        return tail;
    tw_shape head = tw_infer_slice(in, data, 0, indices.rank);
    if (data.rank < indices.rank || !tw_shape_compatible(head, indices)) {
        tw_infer_fail(in, "data.shape = %s does not start with indices.shape = %s",
                      tw_shape_tf_text(data).s, tw_shape_tf_text(indices).s);
        return tail;
    }
    return tw_infer_merge(in, tail, tw_infer_slice(in, data, indices.rank, SIZE_MAX));
}

/* Constant indices tell the length. The shape of data behind that of its indices is the same for
 * all parts. */
static void infer_stitch(tw_infer *in)
{
    size_t count = tw_infer_input_count(in) / 2;
    int64_t most = -1;
    bool known = true;
    tw_shape tail = TW_UNKNOWN_SHAPE;
    for (size_t i = 0; i < count; i++) {
        const tw_array *indices = tw_infer_value(in, i);
        known = known && indices;
        for (size_t k = 0; known && k < indices->count; k++)
            most = tw_index_at(indices, k) > most ? tw_index_at(indices, k) : most;
        tail = merge_tail(in, tail, tw_infer_input(in, i), tw_infer_input(in, count + i));
    }
    tw_infer_output(in, 0, tw_infer_concat(in, TW_SHAPE(known ? most + 1 : -1), tail));
}

/* Each part gets the rows of dy that its indices name; indices have no derivative. Where an
 * index stands twice both get it, as in TensorFlow. */
static tw_status *gradient_stitch(tw_gradient *g)
{
    size_t count = g->input_count / 2;
    tw_tensor dy = tw_gradient_dy(g, 0);
    for (size_t i = 0; i < count; i++)
        g->dx[count + i] = tw_grad_of(tw_gather(dy, g->inputs[i]));
    return TW_OK;
}

/* All indices are looked at before anything is allocated; the largest tells the length of the
 * result. */
static tw_status *check_stitch(const tw_compute *c, size_t part, int64_t *most)
{
    const tw_array *indices = tw_input(c, part);
    for (size_t i = 0; i < indices->count; i++) {
        int64_t at = tw_index_at(indices, i);
        if (at < 0)
            return tw_compute_fail(c, "indices[%zu] is out of range", part);
        *most = at > *most ? at : *most;
    }
    return TW_OK;
}

/* Rows that no index names are zero. */
static tw_status *zero_others(const tw_compute *c, tw_array *y, size_t parts, size_t slice)
{
    size_t rows = (size_t)y->dims[0];
    bool *named = tw_alloc_zero(rows, sizeof *named);
    if (!named)
        return tw_no_memory();
    for (size_t i = 0; i < parts; i++) {
        const tw_array *indices = tw_input(c, i);
        for (size_t k = 0; k < indices->count; k++)
            named[tw_index_at(indices, k)] = true;
    }
    for (size_t row = 0; row < rows; row++) {
        if (named[row])
            continue;
        tw_elements_drop(y->dtype, tw_element_to(y, row * slice), slice);
        tw_elements_init(y->dtype, tw_element_to(y, row * slice), slice);
    }
    tw_free(named);
    return TW_OK;
}

/* Later inputs overwrite earlier ones where an index stands twice, as TensorFlow has it, since
 * they are copied in order. */
static tw_status *compute_stitch(tw_compute *c)
{
    size_t count = c->input_count / 2u, first = tw_input(c, 0)->rank;
    const tw_array *data = tw_input(c, count);
    int64_t dims[TW_MAX_RANK + 1], most = -1;
    size_t slice = tw_span(data->dims, first, data->rank);
    tw_array *y;
    for (size_t i = 0; i < count; i++)
        TW_TRY(check_stitch(c, i, &most));
    dims[0] = most + 1;
    for (size_t i = first; i < data->rank; i++)
        dims[i - first + 1] = data->dims[i];
    TW_TRY(tw_compute_allocate(c, 0, (tw_shape){dims, data->rank - first + 1}, &y));
    if (y->count == 0) /* of however many rows */
        return TW_OK;
    TW_TRY(zero_others(c, y, count, slice));
    for (size_t i = 0; i < count; i++) {
        const tw_array *indices = tw_input(c, i), *part = tw_input(c, count + i);
        for (size_t k = 0; k < indices->count; k++) {
            size_t to = (size_t)tw_index_at(indices, k) * slice;
            TW_TRY(tw_elements_copy(y->dtype, tw_element_to(y, to), tw_element_at(part, k * slice),
                                    slice));
        }
    }
    return TW_OK;
}

#define STITCH_SIGNATURE "indices: N * int32, data: N * T -> merged: T; N: int >= 1; T: type"

const tw_op_definition tw_op_DynamicStitch = {
    .signature = STITCH_SIGNATURE,
    .doc = "Puts slices together by index: merged[indices[m][i]] = data[m][i]. Where an index "
           "occurs twice the later slice stays; rows that none names are zero.",
    .examples = {"dynamic_stitch([[0, 2], [1]], [[10, 30], [20]]) -> [10, 20, 30]"},
    /* Only indices are read, which come before all data. */
    .shape_inputs = UINT32_MAX,
    .infer = infer_stitch,
    .gradient = gradient_stitch,
    .compute = compute_stitch,
};

const tw_op_definition tw_op_ParallelDynamicStitch = {
    .signature = STITCH_SIGNATURE,
    .doc = "As DynamicStitch. (Here too the later slice stays where an index occurs twice.)",
    .since = "ParallelDynamicStitch: 1.4",
    .examples = {"parallel_dynamic_stitch([[0], [1]], [[5], [6]]) -> [5, 6]"},
    .shape_inputs = UINT32_MAX,
    .infer = infer_stitch,
    .gradient = gradient_stitch,
    .compute = compute_stitch,
};
