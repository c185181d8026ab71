/* SPDX-License-Identifier: Apache-2.0
 * ScatterUpdate and its relatives: rows of a variable, named by indices, are replaced by or
 * combined with rows of updates, in the order of the indices. All indices are checked before the
 * first row is written. */
#include "ops/brackets.h"
#include "ops/combine.h"

/* An update of rank 0 stands for all elements: nothing follows from it. */
static void infer(tw_infer *in)
{
    tw_shape ref = tw_infer_input(in, 0), updates = tw_infer_input(in, 2);
    tw_infer_output(in, 0, ref);
    if (!ref.dims || !updates.dims)
        return;
    if (ref.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    if (ref.rank == 0 || updates.rank == 0)
        return;
    tw_shape wanted = tw_infer_concat(in, tw_infer_input(in, 1),
                                      tw_infer_slice(in, ref, 1, SIZE_MAX));
    tw_infer_merge(in, updates, wanted);
}

/* updates.shape = indices.shape + ref.shape[1:] */
static bool shapes_fit(const tw_array *var, const tw_array *indices, const tw_array *updates)
{
    if (updates->rank == 0)
        return true;
    if (updates->rank != indices->rank + var->rank - 1)
        return false;
    for (size_t i = 0; i < updates->rank; i++) {
        int64_t wanted = i < indices->rank ? indices->dims[i] : var->dims[i - indices->rank + 1];
        if (updates->dims[i] != wanted)
            return false;
    }
    return true;
}

/* All that can be wrong, in the order in which TensorFlow looks. */
static tw_status *check(const tw_compute *c, const tw_array *var, const tw_array *indices,
                        const tw_array *updates)
{
    if (var->rank == 0)
        return tw_compute_fail(c, "params must be at least 1-D, got shape %s", tw_brackets(var).s);
    if (!shapes_fit(var, indices, updates))
        return tw_compute_fail(c,
                               "Must have updates.shape = indices.shape + params.shape[1:] or "
                               "updates.shape = [], got updates.shape %s, indices.shape %s, "
                               "params.shape %s",
                               tw_brackets(updates).s, tw_brackets(indices).s, tw_brackets(var).s);
    for (size_t i = 0; i < indices->count; i++) {
        int64_t at = tw_index_at(indices, i);
        if (at < 0 || at >= var->dims[0])
            return tw_compute_fail(c, "indices[%zu] = %" PRId64 " is not in [0, %" PRId64 ")", i,
                                   at, var->dims[0]);
    }
    return TW_OK;
}

/* The variable, once everything that refers to it is known to be right. */
static tw_status *begin(tw_compute *c, tw_array **var)
{
    TW_TRY(tw_compute_ref_get(c, 0, var));
    return check(c, *var, tw_input(c, 1), tw_input(c, 2));
}

/* Row by row, since an index that stands twice has to see what the first one did. */
static tw_status *scatter(tw_compute *c, tw_combination combination)
{
    const tw_array *indices = tw_input(c, 1), *updates = tw_input(c, 2);
    tw_array *var;
    TW_TRY(begin(c, &var));
    if (var->count == 0)
        return TW_OK;
    if (combination == TW_COMBINE_DIV && tw_has_integer_zero(updates))
        return tw_compute_fail(c, "Integer division by zero");
    tw_combine loop = tw_combine_loop(combination, var->dtype);
    size_t size = tw_dtype_size(var->dtype), row = var->count / (size_t)var->dims[0];
    size_t step = updates->rank > 0;
    for (size_t i = 0; i < indices->count; i++) {
        size_t at = (size_t)tw_index_at(indices, i);
        loop(row, (char *)var->data + at * row * size,
             (const char *)updates->data + i * row * size * step, step);
    }
    return TW_OK;
}

/* Elements of any kind, strings too: copied, never combined. */
static tw_status *scatter_update(tw_compute *c)
{
    const tw_array *indices = tw_input(c, 1), *updates = tw_input(c, 2);
    tw_array *var;
    TW_TRY(begin(c, &var));
    if (var->count == 0)
        return TW_OK;
    size_t size = tw_dtype_size(var->dtype), row = var->count / (size_t)var->dims[0];
    size_t run = updates->rank > 0 ? row : 1; /* elements that are copied at a time */
    for (size_t i = 0; i < indices->count; i++) {
        char *to = (char *)var->data + (size_t)tw_index_at(indices, i) * row * size;
        const char *from = (const char *)updates->data + (updates->rank > 0 ? i * row * size : 0);
        for (size_t k = 0; k < row; k += run)
            TW_TRY(tw_elements_copy(var->dtype, to + k * size, from, run));
    }
    return TW_OK;
}

/* Repeated indices add up, since rows are taken one by one. */
static tw_status *scatter_add(tw_compute *c)
{
    return scatter(c, TW_COMBINE_ADD);
}

/* Used for sparse steps of descent: rows that are not named are not touched. */
static tw_status *scatter_sub(tw_compute *c)
{
    return scatter(c, TW_COMBINE_SUB);
}

/* A repeated index multiplies its row repeatedly. */
static tw_status *scatter_mul(tw_compute *c)
{
    return scatter(c, TW_COMBINE_MUL);
}

/* Integer zeros among the updates are refused before the first row is divided. */
static tw_status *scatter_div(tw_compute *c)
{
    return scatter(c, TW_COMBINE_DIV);
}

/* As scatter_max with the order turned round. */
static tw_status *scatter_min(tw_compute *c)
{
    return scatter(c, TW_COMBINE_MIN);
}

/* NaN handling is that of the combining loop, which keeps the first operand where neither is
 * larger. */
static tw_status *scatter_max(tw_compute *c)
{
    return scatter(c, TW_COMBINE_MAX);
}

/* What T allows beyond these (quantized numbers) has no kernel, as in TensorFlow. */
static const tw_kernel add_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_add};
static const tw_kernel sub_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_sub};
static const tw_kernel mul_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_mul};
static const tw_kernel div_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = scatter_div};

const tw_op_definition tw_op_ScatterUpdate = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: type; "
                 "Tindices: {int32, int64}; use_locking: bool = true",
    .doc = "Rows of the variable become rows of updates: ref[indices[i]] = updates[i]. Scalar "
           "updates are taken for every element. An index may occur twice: the last one stays.",
    .since = "scalar updates: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = scatter_update,
};

const tw_op_definition tw_op_ScatterAdd = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Adds rows of updates to rows of the variable: ref[indices[i]] += updates[i]. Scalar "
           "updates are taken for every element; an index that occurs twice adds twice.",
    .since = "scalar updates: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &add_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ScatterSub = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Subtracts rows of updates from rows of the variable: ref[indices[i]] -= updates[i]. "
           "Scalar updates are taken for every element; an index that occurs twice counts twice.",
    .since = "scalar updates: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &sub_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ScatterMul = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Multiplies rows of the variable by rows of updates: ref[indices[i]] *= updates[i]. "
           "Scalar updates are taken for every element.",
    .since = "ScatterMul: 0.11; scalar updates: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &mul_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ScatterDiv = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); T: numbertype; "
                 "Tindices: {int32, int64}; use_locking: bool = false",
    .doc = "Divides rows of the variable by rows of updates: ref[indices[i]] /= updates[i]. Scalar "
           "updates are taken for every element; a zero among integers is an error.",
    .since = "ScatterDiv: 0.11; scalar updates: 1.5",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .kernels = &div_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_ScatterMin = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); "
                 "T: {half, bfloat16, float, double, int32, int64}; Tindices: {int32, int64}; "
                 "use_locking: bool = false",
    .doc = "The smaller of the variable's rows and rows of updates, element by element: "
           "ref[indices[i]] = min(ref[indices[i]], updates[i]).",
    .since = "ScatterMin: 1.7",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = scatter_min,
};

const tw_op_definition tw_op_ScatterMax = {
    .signature = "ref: Ref(T), indices: Tindices, updates: T -> output_ref: Ref(T); "
                 "T: {half, bfloat16, float, double, int32, int64}; Tindices: {int32, int64}; "
                 "use_locking: bool = false",
    .doc = "The larger of the variable's rows and rows of updates, element by element: "
           "ref[indices[i]] = max(ref[indices[i]], updates[i]).",
    .since = "ScatterMax: 1.7",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = scatter_max,
};
