/* SPDX-License-Identifier: Apache-2.0
 * Variables and what looks at them without reading their numbers. A variable's value lives in the
 * session, which knows these operations; an operation that takes a reference gets the variable
 * itself. */
#include "op/define.h"

/* What was declared; the value may be of any shape where assignments are not checked. */
static void infer_declared(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_attr(in, "shape")->value.shape);
}

/* Only a session holds values: evaluated by itself, a variable has none. */
static tw_status *no_session(tw_compute *c)
{
    tw_status *status = tw_status_new(
        TW_FAILED_PRECONDITION, "Attempting to use uninitialized value %s", tw_compute_name(c));
    return tw_status_with_kind(status, TW_KIND_STATE);
}

const tw_op_definition tw_op_Variable = {
    .signature = "-> ref: Ref(dtype); shape: shape; dtype: type; container: string = \"\"; "
                 "shared_name: string = \"\"",
    .doc = "A variable: an array that a session keeps from run to run, in the slot (`container`, "
           "`shared_name` or else the operation's name). The old name of VariableV2.",
    .builder = "variable_v1",
    .flags = TW_OP_STATEFUL,
    .infer = infer_declared,
    .gradient = tw_not_differentiable,
    .compute = no_session,
};

const tw_op_definition tw_op_VariableV2 = {
    .signature = "-> ref: Ref(dtype); shape: shape; dtype: type; container: string = \"\"; "
                 "shared_name: string = \"\"",
    .doc = "A variable: an array that a session keeps from run to run, in the slot (`container`, "
           "`shared_name` or else the operation's name). It has no value before the first Assign.",
    .since = "VariableV2: 1.0",
    .flags = TW_OP_STATEFUL,
    .infer = infer_declared,
    .gradient = tw_not_differentiable,
    .compute = no_session,
};

const tw_op_definition tw_op_TemporaryVariable = {
    .signature = "-> ref: Ref(dtype); shape: shape; dtype: type; var_name: string = \"\"",
    .doc =
        "A variable for the time of one run: its value is taken by DestroyTemporaryVariable with "
        "the same `var_name`.",
    .flags = TW_OP_STATEFUL,
    .infer = infer_declared,
    .gradient = tw_not_differentiable,
    .compute = no_session,
};

/* The value goes out with the memory: the next write to the variable finds it shared, and takes
 * other memory. */
static tw_status *take_value(tw_compute *c)
{
    tw_array *value;
    TW_TRY(tw_compute_ref_get(c, 0, &value));
    return tw_compute_forward(c, 0, value);
}

const tw_op_definition tw_op_DestroyTemporaryVariable = {
    .signature = "ref: Ref(T) -> value: T; T: type; var_name: string",
    .doc = "The last value of the temporary variable `ref`, which is not used any more.",
    .flags = TW_OP_STATEFUL, /* two are an error, not one */
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = take_value,
};

/* The only question that may be asked of a variable without a value, besides Assign. */
static tw_status *is_initialized(tw_compute *c)
{
    tw_array *value;
    TW_TRY(tw_compute_ref_get(c, 0, &value));
    *(bool *)tw_output_data(c, 0) = value != NULL;
    return TW_OK;
}

const tw_op_definition tw_op_IsVariableInitialized = {
    .signature = "ref: Ref(dtype) -> is_initialized: bool; dtype: type",
    .doc = "Has the variable `ref` been assigned a value?",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = tw_infer_scalar_output,
    .gradient = tw_not_differentiable,
    .compute = is_initialized,
};

/* The reference that comes out means the same variable: nothing moves. */
static tw_status *pass_reference(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

/* Looking at a variable changes nothing. */
static tw_status *pass_gradient(tw_gradient *g)
{
    g->dx[0] = g->dy[0];
    return TW_OK;
}

const tw_op_definition tw_op_RefIdentity = {
    .signature = "input: Ref(T) -> output: Ref(T); T: type",
    .doc = "The variable `input` itself, under another name.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = tw_infer_same,
    .gradient = pass_gradient,
    .compute = pass_reference,
};

/* Never shared with x, as a plain Identity would be. */
static tw_status *copy_value(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    return tw_elements_copy(x->dtype, tw_output_data(c, 0), x->data, x->count);
}

const tw_op_definition tw_op_DeepCopy = {
    .signature = "x: T -> y: T; T: type",
    .doc = "A copy of `x` in memory of its own, which later writes to `x` do not reach.",
    .examples = {"deep_copy([1., 2.]) -> [1., 2.]"},
    .since = "DeepCopy: 1.8",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_same,
    .gradient = pass_gradient,
    .compute = copy_value,
};
