/* SPDX-License-Identifier: Apache-2.0
 * Assign, AssignAdd, AssignSub: a variable's new value, in place where nobody else holds the old
 * one. Everything is checked before anything is written. */
#include "ops/brackets.h"
#include "ops/combine.h"

static void infer_assign(tw_infer *in)
{
    tw_shape ref = tw_infer_input(in, 0), value = tw_infer_input(in, 1);
    if (tw_infer_bool(in, "validate_shape"))
        value = tw_infer_merge(in, ref, value);
    tw_infer_output(in, 0, value);
}

static tw_status *assign(tw_compute *c)
{
    const tw_array *value = tw_input(c, 1), *old = tw_input(c, 0);
    tw_array *var;
    bool same = old && tw_same_shape(old, value);
    if (!same && *(const bool *)tw_compute_state(c)) {
        TW_TRY(tw_compute_ref_get(c, 0, &var));
        if (var)
            return tw_compute_fail(c,
                                   "Assign requires shapes of both tensors to match. "
                                   "lhs shape= %s rhs shape= %s",
                                   tw_brackets(var).s, tw_brackets(value).s);
    }
    TW_TRY(tw_compute_ref_assign(c, 0, tw_shape_of(value), &var));
    if (var->data == value->data)
        return TW_OK;
    return tw_elements_copy(value->dtype, var->data, value->data, value->count);
}

static tw_status *prepare_assign(tw_compute *c, void *state)
{
    *(bool *)state = tw_compute_bool(c, "validate_shape");
    return TW_OK;
}

const tw_op_definition tw_op_Assign = {
    .signature = "ref: Ref(T), value: T -> output_ref: Ref(T); T: type; "
                 "validate_shape: bool = true; use_locking: bool = true",
    .doc = "Makes `value` the value of the variable `ref`, and gives the variable. With "
           "`validate_shape` false the variable takes the value's shape.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = infer_assign,
    .gradient = tw_not_differentiable,
    .compute = assign,
    .state_size = sizeof(bool),
    .prepare = prepare_assign,
};

static void infer_update(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_merge(in, tw_infer_input(in, 0), tw_infer_input(in, 1)));
}

static tw_status *update(tw_compute *c, tw_combination combination)
{
    const tw_array *value = tw_input(c, 1);
    tw_array *var;
    TW_TRY(tw_compute_ref_get(c, 0, &var));
    if (!tw_same_shape(var, value))
        return tw_compute_fail(c, "Parameters and update must be the same size, got %s and %s",
                               tw_brackets(var).s, tw_brackets(value).s);
    tw_combine_all(c, tw_combine_loop(combination, var->dtype), var, value);
    return TW_OK;
}

static tw_status *assign_add(tw_compute *c)
{
    return update(c, TW_COMBINE_ADD);
}

static tw_status *assign_sub(tw_compute *c)
{
    return update(c, TW_COMBINE_SUB);
}

static const tw_kernel assign_add_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = assign_add};
static const tw_kernel assign_sub_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = assign_sub};

const tw_op_definition tw_op_AssignAdd = {
    .signature = "ref: Ref(T), value: T -> output_ref: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "Adds `value` to the variable `ref`, and gives the variable.",
    .infer = infer_update,
    .gradient = tw_not_differentiable,
    .kernels = &assign_add_kernel,
    .kernel_count = 1,
};

const tw_op_definition tw_op_AssignSub = {
    .signature = "ref: Ref(T), value: T -> output_ref: Ref(T); T: numbertype; "
                 "use_locking: bool = false",
    .doc = "Subtracts `value` from the variable `ref`, and gives the variable.",
    .infer = infer_update,
    .gradient = tw_not_differentiable,
    .kernels = &assign_sub_kernel,
    .kernel_count = 1,
};
