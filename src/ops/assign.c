/* SPDX-License-Identifier: Apache-2.0
 * Assign, AssignAdd, AssignSub and the planner's _AssignMul: a variable's new value, in place where
 * nobody else holds the old one. Everything is checked before anything is written. */
#include "ops/brackets.h"
#include "ops/combine.h"

/* Without validate_shape the variable takes on the value's shape, whatever was declared, so
 * nothing is merged. */
static void infer_assign(tw_infer *in)
{
    tw_shape ref = tw_infer_input(in, 0), value = tw_infer_input(in, 1);
    if (tw_infer_bool(in, "validate_shape"))
        value = tw_infer_merge(in, ref, value);
    tw_infer_output(in, 0, value);
}

/* With validate_shape a variable that has a value keeps its shape. The value may be the
 * variable's own memory (x = assign(x, x)): then there is nothing to copy. */
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

/* Tells in every run whether a value of another shape is refused or takes the place of the old
 * one. */
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

/* Neither operand is broadcast: both shapes are one, and what either knows of it the result
 * knows. */
static void infer_update(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_merge(in, tw_infer_input(in, 0), tw_infer_input(in, 1)));
}

/* The old value is combined in place: nothing is copied, and equal shapes let one loop run over
 * both arrays. */
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

/* The value must have the variable's shape exactly, and a variable without a value cannot be
 * added to; both fail before the first write. */
static tw_status *assign_add(tw_compute *c)
{
    return update(c, TW_COMBINE_ADD);
}

/* As assign_add; a loop of its own rather than a negated copy, which unsigned and string dtypes
 * would not have. */
static tw_status *assign_sub(tw_compute *c)
{
    return update(c, TW_COMBINE_SUB);
}

/* As assign_add. */
static tw_status *assign_mul(tw_compute *c)
{
    return update(c, TW_COMBINE_MUL);
}

static const tw_kernel assign_mul_kernel = {.dtypes = TW_COMBINED_TYPES, .compute = assign_mul};
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

const tw_op_definition tw_op__AssignMul = {
    .signature = "ref: Ref(T), value: T -> output_ref: Ref(T); T: numbertype",
    .doc = "Multiplies the variable `ref` by `value`. The planner makes it.",
    .builder = "",
    .infer = infer_update,
    .gradient = tw_not_differentiable,
    .kernels = &assign_mul_kernel,
    .kernel_count = 1,
};
