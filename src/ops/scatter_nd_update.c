/* SPDX-License-Identifier: Apache-2.0
 * ScatterNdUpdate, -Add, -Sub: slices of a variable, named by rows of indices, are replaced by or
 * combined with slices of updates, in order. The last axis of indices is a coordinate: with `depth`
 * components it names a slice of shape ref.shape[depth:]. All are checked before the first
 * write. */
#include "ops/brackets.h"
#include "ops/combine.h"

/* Without the depth of a coordinate only the variable's own shape is known. */
static void infer(tw_infer *in)
{
    tw_shape ref = tw_infer_input(in, 0), indices = tw_infer_input(in, 1);
    tw_shape updates = tw_infer_input(in, 2);
    int64_t depth = tw_infer_dim(indices, -1);
    tw_infer_output(in, 0, ref);
    if (!ref.dims || !indices.dims || !updates.dims || depth < 0 || indices.rank == 0)
        return;
    if (depth > (int64_t)ref.rank) {
        tw_infer_fail(in, "indices.shape[-1] must be <= ref.rank, but saw %" PRId64 " and rank %zu",
                      depth, ref.rank);
        return;
    }
    tw_shape wanted = tw_infer_concat(in, tw_infer_slice(in, indices, 0, indices.rank - 1),
                                      tw_infer_slice(in, ref, (size_t)depth, SIZE_MAX));
    tw_infer_merge(in, updates, wanted);
}

/* What a row of indices names. */
typedef struct slices {
    size_t count, depth;
    size_t length; /* elements of a slice */
} slices;

/* The updates' shape: an element for each coordinate, then what the coordinate leaves open. */
static tw_status *measure(const tw_compute *c, const tw_array *var, const tw_array *indices,
                          const tw_array *updates, slices *out)
{
    size_t outer = indices->rank - 1, depth = (size_t)indices->dims[outer];
    bool fits = depth <= var->rank && updates->rank == outer + var->rank - depth;
    for (size_t i = 0; fits && i < updates->rank; i++)
        fits = updates->dims[i] == (i < outer ? indices->dims[i] : var->dims[i - outer + depth]);
    if (!fits)
        return tw_compute_fail(c,
                               "Must have updates.shape = indices.shape[:-1] + "
                               "params.shape[indices.shape[-1]:], got updates.shape %s, "
                               "indices.shape %s, params.shape %s",
                               tw_brackets(updates).s, tw_brackets(indices).s, tw_brackets(var).s);
    *out = (slices){1, depth, 1};
    for (size_t i = 0; i < outer; i++)
        out->count *= (size_t)indices->dims[i];
    for (size_t i = depth; i < var->rank; i++)
        out->length *= (size_t)var->dims[i];
    return TW_OK;
}

/* The slice that row `i` of the indices names; false: a component is out of its axis. */
static bool locate(const tw_array *var, const tw_array *indices, const slices *s, size_t i,
                   size_t *at)
{
    *at = 0;
    for (size_t k = 0; k < s->depth; k++) {
        int64_t component = tw_index_at(indices, i * s->depth + k);
        if (component < 0 || component >= var->dims[k])
            return false;
        *at = *at * (size_t)var->dims[k] + (size_t)component;
    }
    return true;
}

/* The whole coordinate is shown: which component is wrong can be seen. */
static tw_status *refuse(const tw_compute *c, const tw_array *var, const tw_array *indices,
                         const slices *s, size_t i)
{
    tw_text row = {""};
    size_t at = 0;
    for (size_t k = 0; k < s->depth && at + 24 < sizeof row.s; k++)
        at += (size_t)snprintf(row.s + at, sizeof row.s - at, "%s%" PRId64, k ? ", " : "",
                               tw_index_at(indices, i * s->depth + k));
    return tw_compute_fail(c, "indices[%zu] = [%s] does not index into shape %s", i, row.s,
                           tw_brackets(var).s);
}

/* First all are looked at, then the caller writes. */
static tw_status *begin(tw_compute *c, tw_array **var, slices *s)
{
    const tw_array *indices = tw_input(c, 1);
    size_t at;
    TW_TRY(tw_compute_ref_get(c, 0, var));
    if (indices->rank == 0)
        return tw_compute_fail(c, "Indices shape must have rank at least one. Found: []");
    TW_TRY(measure(c, *var, indices, tw_input(c, 2), s));
    for (size_t i = 0; i < s->count; i++)
        if (!locate(*var, indices, s, i, &at))
            return refuse(c, *var, indices, s, i);
    return TW_OK;
}

/* In order, since a slice may be named twice. */
static tw_status *scatter_nd(tw_compute *c, tw_combination combination)
{
    const tw_array *indices = tw_input(c, 1), *updates = tw_input(c, 2);
    tw_array *var;
    slices s;
    TW_TRY(begin(c, &var, &s));
    tw_combine loop = tw_combine_loop(combination, var->dtype);
    size_t bytes = s.length * tw_dtype_size(var->dtype), at;
    for (size_t i = 0; i < s.count && bytes; i++)
        if (locate(var, indices, &s, i, &at))
            loop(s.length, (char *)var->data + at * bytes, (const char *)updates->data + i * bytes,
                 1);
    return TW_OK;
}

/* Copies by elements, so that strings work; among equal coordinates the last one wins. */
static tw_status *scatter_nd_update(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 1), *updates = tw_input(c, 2);
    tw_array *var;
    slices s;
    TW_TRY(begin(c, &var, &s));
    size_t bytes = s.length * tw_dtype_size(var->dtype), at;
    for (size_t i = 0; i < s.count && bytes; i++)
        if (locate(var, indices, &s, i, &at))
            TW_TRY(tw_elements_copy(var->dtype, (char *)var->data + at * bytes,
                                    (const char *)updates->data + i * bytes, s.length));
    return TW_OK;
}

/* Coordinates that stand twice add twice. */
static tw_status *scatter_nd_add(tw_compute *c)
{
    return scatter_nd(c, TW_COMBINE_ADD);
}

/* As scatter_nd_add; there is no mul or div of this kind in TensorFlow 1. */
static tw_status *scatter_nd_sub(tw_compute *c)
{
    return scatter_nd(c, TW_COMBINE_SUB);
}

static const tw_kernel add_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_nd_add};
static const tw_kernel sub_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_nd_sub};

const tw_op_definition tw_op_ScatterNdUpdate = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: type; "
                 "Tindices: {int32, int64}; use_locking: bool = true",
    .doc = "Slices of the variable become slices of updates: ref[indices[i, :]] = updates[i].",
    .since = "ScatterNdUpdate: 0.11",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = scatter_nd_update,
};

const tw_op_definition tw_op_ScatterNdAdd = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Adds slices of updates to slices of the variable: ref[indices[i, :]] += updates[i].",
    .since = "ScatterNdAdd: 0.11",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &add_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ScatterNdSub = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Subtracts slices of updates from slices of the variable: "
           "ref[indices[i, :]] -= updates[i].",
    .since = "ScatterNdSub: 0.11",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &sub_kernel,
    .kernel_count = 1,
};
