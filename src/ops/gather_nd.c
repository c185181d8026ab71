/* SPDX-License-Identifier: Apache-2.0
 * GatherNd and ScatterNd: slices of an array named by coordinates. The last dimension of `indices`
 * holds a coordinate; with depth components it names a slice of shape params.shape[depth:]. */
#include <string.h>

#include "base/alloc.h"
#include "ops/arrays.h"
#include "ops/combine.h"

/* Rows of coordinates into an array of that shape. */
typedef struct coordinates {
    const tw_array *indices;
    const int64_t *dims;
    size_t rows, depth;
    size_t length; /* elements of a slice */
} coordinates;

/* `array` is what the coordinates go into: params for GatherNd, the result for ScatterNd. Ranks
 * were checked by the shape rule. */
static coordinates read_coordinates(const tw_array *indices, const tw_array *array)
{
    size_t outer = indices->rank - 1;
    coordinates s = {indices, array->dims, tw_span(indices->dims, 0, outer),
                     (size_t)indices->dims[outer], 0};
    s.length = tw_span(array->dims, s.depth, array->rank);
    return s;
}

/* The slice that row `i` names; false: a component is out of its dimension. */
static bool locate(const coordinates *s, size_t i, size_t *at)
{
    *at = 0;
    for (size_t k = 0; k < s->depth; k++) {
        int64_t component = tw_index_at(s->indices, i * s->depth + k);
        if (component < 0 || component >= s->dims[k])
            return false;
        *at = *at * (size_t)s->dims[k] + (size_t)component;
    }
    return true;
}

/* Names the row and the coordinate, as TensorFlow does, so that it is found in the data. */
static tw_status *refuse(const tw_compute *c, const coordinates *s, size_t i, const char *what,
                         const tw_array *array)
{
    return tw_compute_fail(c, "indices[%zu] = %s does not index into %s %s", i,
                           tw_index_row_text(s->indices, i, s->depth).s, what,
                           tw_brackets(array).s);
}

/* ---- GatherNd ---- */

/* indices.shape[:-1] followed by params.shape[depth:]; the depth must be known, otherwise
 * nothing is. */
static void infer_gather(tw_infer *in)
{
    tw_shape params = tw_infer_input(in, 0), indices = tw_infer_input(in, 1);
    int64_t depth = tw_infer_dim(indices, -1);
    if (indices.dims && indices.rank == 0)
        tw_infer_fail(in, "indices must be at least a vector");
    if (!params.dims || !indices.dims || depth < 0)
        return;
    if (depth > (int64_t)params.rank) {
        tw_infer_fail(
            in, "index innermost dimension length must be <= params rank; saw: %" PRId64 " vs. %zu",
            depth, params.rank);
        return;
    }
    tw_infer_output(in, 0,
                    tw_infer_concat(in, tw_infer_slice(in, indices, 0, indices.rank - 1),
                                    tw_infer_slice(in, params, (size_t)depth, SIZE_MAX)));
}

/* Coordinates of one component in a matrix are rows of params; else zeros with dy scattered in. */
static tw_status *gradient_gather(tw_gradient *g)
{
    tw_tensor indices = g->inputs[1], dy = tw_gradient_dy(g, 0);
    tw_tensor shape = tw_gradient_shape_like(g->inputs[0], indices);
    tw_shape known = tw_tensor_shape(indices);
    if (known.dims && known.rank == 2 && known.dims[1] == 1) {
        g->dx[0] = (tw_grad){.kind = TW_GRAD_SLICES, .values = dy, .dense_shape = shape};
        g->dx[0].indices = tw_squeeze(indices, .squeeze_dims = TW_INTS(-1));
    } else {
        g->dx[0] = tw_grad_of(tw_scatter_nd(indices, dy, shape));
    }
    return TW_OK;
}

/* Every coordinate is checked as it is met: the output is new, so a failure leaves nothing half
 * done that anyone could see. */
static tw_status *compute_gather(tw_compute *c)
{
    const tw_array *params = tw_input(c, 0), *indices = tw_input(c, 1);
    const tw_array *y = tw_output(c, 0);
    coordinates s = read_coordinates(indices, params);
    size_t at;
    if (y->count > 0 && params->count == 0)
        return tw_compute_fail(c,
                               "Requested more than 0 entries, but params is empty.  Params "
                               "shape: %s",
                               tw_brackets(params).s);
    bool plain = tw_dtype_is_plain(y->dtype);
    size_t bytes = s.length * tw_dtype_size(y->dtype);
    for (size_t i = 0; i < s.rows && y->count > 0; i++) {
        if (!locate(&s, i, &at))
            return refuse(c, &s, i, "param shape", params);
        char *to = (char *)y->data + i * bytes;
        const char *from = (const char *)params->data + at * bytes;
        /* A copy of a size that the compiler knows is one instruction. */
        if (plain && bytes == 4)
            memcpy(to, from, 4);
        else if (plain && bytes == 8)
            memcpy(to, from, 8);
        else if (plain)
            tw_copy_bytes(to, from, bytes);
        else
            TW_TRY(tw_elements_copy(y->dtype, tw_element_to(y, i * s.length),
                                    tw_element_at(params, at * s.length), s.length));
    }
    return TW_OK;
}

const tw_op_definition tw_op_GatherNd = {
    .signature = "params: Tparams, indices: Tindices -> output: Tparams; Tparams: type; "
                 "Tindices: {int32, int64}",
    .doc = "Slices of `params` named by coordinates, which lie along the last dimension of "
           "`indices`: output[i] = params[indices[i, 0], indices[i, 1], ...].",
    .since = "slices (fewer components than dimensions): 0.10",
    .examples = {"gather_nd([[1, 2], [3, 4]], [[0, 0], [1, 1]]) -> [1, 4]",
                 "gather_nd([[1, 2], [3, 4]], [[1], [0]]) -> [[3, 4], [1, 2]]"},
    .infer = infer_gather,
    .gradient = gradient_gather,
    .compute = compute_gather,
};

/* ---- ScatterNd ---- */

/* updates.shape = indices.shape[:-1] + shape[depth:] */
static void check_updates(tw_infer *in, tw_shape shape)
{
    tw_shape indices = tw_infer_input(in, 0), updates = tw_infer_input(in, 1);
    int64_t depth = tw_infer_dim(indices, -1);
    if (indices.dims && indices.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    if (!shape.dims || !indices.dims || !updates.dims || depth < 0)
        return;
    if (depth > (int64_t)shape.rank) {
        tw_infer_fail(in,
                      "The inner dimension of indices, %" PRId64 ", is greater than the rank %zu "
                      "of the output",
                      depth, shape.rank);
        return;
    }
    tw_shape wanted = tw_infer_concat(in, tw_infer_slice(in, indices, 0, indices.rank - 1),
                                      tw_infer_slice(in, shape, (size_t)depth, SIZE_MAX));
    if (wanted.dims && !tw_shape_compatible(wanted, updates))
        tw_infer_fail(in,
                      "Outer dimensions of indices and update must match. Indices shape: %s, "
                      "updates shape:%s",
                      tw_shape_tf_text(indices).s, tw_shape_tf_text(updates).s);
}

/* Updates for an empty result can never fit, so they are refused while building as TensorFlow
 * does. */
static void infer_scatter(tw_infer *in)
{
    tw_shape shape = tw_infer_size_value(in, 2);
    check_updates(in, shape);
    int64_t rows = tw_shape_elements(tw_infer_input(in, 0)),
            updates = tw_shape_elements(tw_infer_input(in, 1));
    if (shape.dims && tw_shape_elements(shape) == 0 && (rows > 0 || updates > 0))
        tw_infer_fail(in, "Indices and updates specified for empty output shape");
    tw_infer_output(in, 0, shape);
}

/* Each update went to one place, so its derivative is what stands there in dy. */
static tw_status *gradient_scatter(tw_gradient *g)
{
    g->dx[1] = tw_grad_of(tw_gather_nd(tw_gradient_dy(g, 0), g->inputs[0]));
    return TW_OK;
}

/* Adding strings is joining them. The new bytes are built apart, so a failure leaves the old
 * string whole. */
static tw_status *append(tw_string *to, const tw_string *more)
{
    size_t head, tail, length;
    const char *first = tw_string_get(to, &head), *second = tw_string_get(more, &tail);
    if (tail == 0)
        return TW_OK;
    char *bytes = tw_size_add(head, tail, &length) ? tw_alloc(length) : NULL;
    if (!bytes)
        return tw_no_memory();
    memcpy(bytes, first, head);
    memcpy(bytes + head, second, tail);
    tw_status *status = tw_string_set(to, bytes, length);
    tw_free(bytes);
    return status;
}

/* Texts are put together, bools are or-ed, numbers added. */
static tw_status *add_slice(const tw_array *y, size_t to, const tw_array *updates, size_t from,
                            size_t length)
{
    tw_combine add = tw_combine_loop(TW_COMBINE_ADD, y->dtype);
    if (add) {
        add(length, tw_element_to(y, to), tw_element_at(updates, from), 1);
        return TW_OK;
    }
    for (size_t i = 0; i < length && y->dtype == TW_BOOL; i++)
        *(bool *)tw_element_to(y, to + i) |= *(const bool *)tw_element_at(updates, from + i);
    for (size_t i = 0; i < length && y->dtype == TW_STRING; i++)
        TW_TRY(append((tw_string *)tw_element_to(y, to + i),
                      (const tw_string *)tw_element_at(updates, from + i)));
    return TW_OK;
}

/* Starts from zeros and adds: coordinates that stand twice add up, which is TensorFlow's rule
 * for ScatterNd. */
static tw_status *compute_scatter(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 0), *updates = tw_input(c, 1);
    tw_array *y = tw_output(c, 0);
    coordinates s = read_coordinates(indices, y);
    size_t at;
    if (!tw_combine_loop(TW_COMBINE_ADD, y->dtype) && y->dtype != TW_BOOL && y->dtype != TW_STRING)
        return tw_compute_fail(c, "%s cannot be added", tw_dtype_name(y->dtype));
    tw_zero_array(y);
    for (size_t i = 0; i < s.rows && y->count > 0; i++) {
        if (!locate(&s, i, &at))
            return refuse(c, &s, i, "shape", y);
        TW_TRY(add_slice(y, at * s.length, updates, i * s.length, s.length));
    }
    return TW_OK;
}

const tw_op_definition tw_op_ScatterNd = {
    .signature = "indices: Tindices, updates: T, shape: Tindices -> output: T; T: type; "
                 "Tindices: {int32, int64}",
    .doc = "Zeros of shape `shape` with slices of `updates` added in the places that `indices` "
           "names, which lie along its last dimension.",
    .since = "ScatterNd: 0.10; updates of equal indices are added: 0.12; bool: 1.15",
    .examples = {"scatter_nd([[4], [1], [4]], [9., 10., 1.], [6]) -> [0., 10., 0., 0., 10., 0.]"},
    .shape_inputs = 1 << 2,
    .infer = infer_scatter,
    .gradient = gradient_scatter,
    .compute = compute_scatter,
};
