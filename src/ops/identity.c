/* SPDX-License-Identifier: Apache-2.0
 * Operations that give what they get: Identity and its kin, which differ in what they mean for
 * derivatives, for variables and for memory. */
#include "op/define.h"

/* Passed on as it came: slices stay slices, and none stays none. */
static tw_status *gradient(tw_gradient *g)
{
    g->dx[0] = g->dy[0];
    return TW_OK;
}

const tw_op_definition tw_op_Identity = {
    .signature = "input: T -> output: T; T: type",
    .doc = "The tensor itself. Of a variable: its value at this point of the run.",
    .examples = {"identity([1., 2.]) -> [1., 2.]"},
    .flags = TW_OP_ALIAS,
    .infer = tw_infer_same,
    .gradient = gradient,
    .compute = tw_compute_alias,
    .in_place = 1,
};

const tw_op_definition tw_op_Snapshot = {
    .signature = "input: T -> output: T; T: type",
    .doc = "A copy of the tensor.",
    .since = "0.12",
    .examples = {"snapshot([1, 2]) -> [1, 2]"},
    .infer = tw_infer_same,
    .gradient = gradient,
    .compute = tw_compute_alias,
};

const tw_op_definition tw_op_StopGradient = {
    .signature = "input: T -> output: T; T: type",
    .doc = "The tensor itself, taken as a constant by derivatives.",
    .examples = {"stop_gradient([1., 2.]) -> [1., 2.]"},
    .flags = TW_OP_ALIAS,
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = tw_compute_alias,
    .in_place = 1,
};

/* PreventGradient exists to fail here; the reason is the message of the one who built the graph. */
static tw_status *refuse_gradient(tw_gradient *g)
{
    return tw_status_new(TW_UNIMPLEMENTED, "Gradient explicitly disabled. Reason: %s",
                         tw_gradient_string(g, "message"));
}

const tw_op_definition tw_op_PreventGradient = {
    .signature = "input: T -> output: T; T: type; message: string = \"\"",
    .doc = "The tensor itself; a derivative that would flow through it is an error that says "
           "`message`.",
    .since = "0.12",
    .examples = {"prevent_gradient([1., 2.]) -> [1., 2.]"},
    .flags = TW_OP_ALIAS,
    .infer = tw_infer_same,
    .gradient = refuse_gradient,
    .compute = tw_compute_alias,
    .in_place = 1,
};

/* Each output has the shape of the input at its place; the definition gives them the same
 * number. */
static void infer_list(tw_infer *in)
{
    for (size_t i = 0; i < tw_infer_output_count(in); i++)
        tw_infer_output(in, i, tw_infer_input(in, i));
}

/* The derivatives go straight through, each to its own input; one that is missing stays so. */
static tw_status *list_gradient(tw_gradient *g)
{
    for (size_t i = 0; i < g->input_count; i++)
        g->dx[i] = g->dy[i];
    return TW_OK;
}

/* Where an output took over its input there is nothing to copy, which tw_elements_copy sees from
 * the addresses. */
static tw_status *compute_list(tw_compute *c)
{
    for (size_t i = 0; i < c->input_count; i++) {
        const tw_array *x = tw_input(c, i);
        TW_TRY(tw_elements_copy(x->dtype, tw_output_data(c, i), x->data, x->count));
    }
    return TW_OK;
}

const tw_op_definition tw_op_IdentityN = {
    .signature = "input: T -> output: T; T: list(type) >= 1",
    .doc = "The tensors themselves; each output waits for all of the inputs.",
    .builder = "identity_n",
    .since = "1.4",
    .examples = {"identity_n([[1.], [2.]]) -> [1.], [2.]"},
    .infer = infer_list,
    .gradient = list_gradient,
    .compute = compute_list,
};
