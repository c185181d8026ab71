/* SPDX-License-Identifier: Apache-2.0
 * The operations that conditions and loops are made of. A session runs Switch and Merge itself (a
 * value that is not taken is dead) and plans a frame, Enter ... Exit, as one loop; evaluated by
 * themselves they have no meaning, but for those that give what they get. */
#include <string.h>

#include "op/define.h"

/* ---- shapes ---- */

/* Both outputs have the input's shape: one of them is dead in a run, but nobody knows which. */
static void infer_switch(tw_infer *in)
{
    tw_infer_scalar(in, 1);
    tw_infer_output(in, 0, tw_infer_input(in, 0));
    tw_infer_output(in, 1, tw_infer_input(in, 0));
}

/* What holds of all inputs from `first` on. */
static tw_shape common_shape(tw_infer *in, size_t first)
{
    tw_shape shape = tw_infer_input(in, first);
    for (size_t i = first + 1; i < tw_infer_input_count(in) && shape.dims; i++) {
        tw_shape other = tw_infer_input(in, i);
        if (!other.dims || other.rank != shape.rank)
            return TW_UNKNOWN_SHAPE;
        int64_t *dims = tw_infer_dims(in, shape.rank);
        for (size_t d = 0; d < shape.rank; d++)
            dims[d] = shape.dims[d] == other.dims[d] ? shape.dims[d] : -1;
        shape = (tw_shape){dims, shape.rank};
    }
    return shape;
}

/* Only one of the inputs will be alive, so just what all shapes have in common is known. Output
 * 1 is the index of the one that came. */
static void infer_merge(tw_infer *in)
{
    tw_infer_output(in, 0, common_shape(in, 0));
    tw_infer_output(in, 1, TW_SHAPE());
}

/* The index picks one of the inputs in the run: something is known only if all are of one known
 * shape. */
static void infer_select(tw_infer *in)
{
    tw_shape shape = common_shape(in, 1);
    tw_infer_scalar(in, 0);
    tw_infer_output(in, 0, tw_shape_fully_known(shape) ? shape : TW_UNKNOWN_SHAPE);
}

/* The condition of a loop is one bool for the whole frame; anything with a shape is refused
 * while building. */
static void infer_loop_cond(tw_infer *in)
{
    tw_infer_scalar(in, 0);
    tw_infer_output(in, 0, TW_SHAPE());
}

/* ---- by itself ---- */

/* Evaluated by itself such an operation has no dead values and no frame, so an honest refusal is
 * given instead of a wrong result. */
static tw_status *only_session(tw_compute *c)
{
    return tw_status_new(TW_UNIMPLEMENTED, "only a session can run '%s'", c->spec->type);
}

/* Outside of a loop the condition is handed on; inside of one the loop's own step reads it. */
static tw_status *hand_on(tw_compute *c)
{
    memcpy(tw_output_data(c, 0), tw_input_data(c, 0), sizeof(bool));
    return TW_OK;
}

/* For operations that only order others: that they were reached is all their effect. */
static tw_status *nothing(tw_compute *c)
{
    (void)c;
    return TW_OK;
}

/* ---- derivatives of nodes that belong to no cond ---- */

/* What flows back is taken from the side that was, zeros where nothing does. */
static tw_status *switch_gradient(tw_gradient *g)
{
    tw_tensor sides[2];
    for (size_t k = 0; k < 2; k++) {
        bool none = g->dy[k].kind == TW_GRAD_NONE;
        tw_tensor back = none ? tw_zeros_like(g->inputs[0]) : tw_grad_tensor(g->dy[k]);
        struct tw_switch_result both = tw_switch(back, g->inputs[1]);
        sides[k] = k ? both.output_true : both.output_false;
    }
    g->dx[0] = tw_grad_of(tw_merge(TW_LIST(sides[0], sides[1]), .name = "cond_grad").output);
    return TW_OK;
}

static tw_status *merge_gradient(tw_gradient *g)
{
    if (g->dy[0].kind == TW_GRAD_NONE)
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    for (size_t i = 0; i < g->input_count; i++) {
        tw_tensor taken = tw_equal(g->outputs[1], (int)i);
        g->dx[i] = tw_grad_of(tw_switch(dy, taken).output_true);
    }
    return TW_OK;
}

/* A loop is differentiated as a whole; a frame that is none cannot be. */
static tw_status *loop_gradient(tw_gradient *g)
{
    return tw_gradient_fail(g, "it belongs to no while loop that can be differentiated");
}

/* ---- Switch and Merge ---- */

const tw_op_definition tw_op_Switch = {
    .signature = "data: T, pred: bool -> output_false: T, output_true: T; T: type",
    .doc = "Gives `data` to one of its outputs, as `pred` says. The other one is dead: operations "
           "that need it are not run.",
    .infer = infer_switch,
    .gradient = switch_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefSwitch = {
    .signature = "data: Ref(T), pred: bool -> output_false: Ref(T), output_true: Ref(T); T: type",
    .doc = "Switch for a variable: the output that is taken is the variable itself.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = infer_switch,
    .gradient = switch_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_Merge = {
    .signature = "inputs: N * T -> output: T, value_index: int32; T: type; N: int >= 1",
    .doc = "The first of `inputs` that is not dead, and its index.",
    .infer = infer_merge,
    .gradient = merge_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefMerge = {
    .signature = "inputs: Ref(N * T) -> output: Ref(T), value_index: int32; T: type; N: int >= 1",
    .doc = "Merge for variables: the one that is not dead, itself.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = infer_merge,
    .gradient = merge_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefSelect = {
    .signature = "index: int32, inputs: Ref(N * T) -> output: Ref(T); T: type; N: int >= 1",
    .doc = "The variable `inputs[index]` itself.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = infer_select,
    .gradient = tw_not_differentiable,
    .compute = only_session,
};

/* ---- frames ---- */

#define FRAME_ATTRS                                              \
    "; T: type; frame_name: string; is_constant: bool = false; " \
    "parallel_iterations: int = 10"

const tw_op_definition tw_op_Enter = {
    .signature = "data: T -> output: T" FRAME_ATTRS,
    .doc = "Brings a tensor into the frame `frame_name`: the first value of a loop variable or, "
           "with `is_constant`, the same value in every iteration.",
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefEnter = {
    .signature = "data: Ref(T) -> output: Ref(T)" FRAME_ATTRS,
    .doc = "Enter for a variable.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_Exit = {
    .signature = "data: T -> output: T; T: type",
    .doc = "The value that a loop variable has once the loop has ended, in the frame around.",
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefExit = {
    .signature = "data: Ref(T) -> output: Ref(T); T: type",
    .doc = "Exit for a variable.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_NextIteration = {
    .signature = "data: T -> output: T; T: type",
    .doc = "What a loop variable is in the next iteration.",
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_RefNextIteration = {
    .signature = "data: Ref(T) -> output: Ref(T); T: type",
    .doc = "NextIteration for a variable.",
    .flags = TW_OP_READS_UNINITIALIZED,
    .infer = tw_infer_same,
    .gradient = loop_gradient,
    .compute = only_session,
};

const tw_op_definition tw_op_LoopCond = {
    .signature = "input: bool -> output: bool",
    .doc = "Says of a loop whether it goes on; outside of a loop it hands its input on.",
    .infer = infer_loop_cond,
    .gradient = tw_not_differentiable,
    .compute = hand_on,
};

const tw_op_definition tw_op_ControlTrigger = {
    .signature = "->",
    .doc = "Does nothing, after its control inputs, even if they are dead.",
    .gradient = tw_not_differentiable,
    .compute = nothing,
};

/* ---- what the gradient of a loop reads ---- */

const tw_op_definition tw_op_LoopValue = {
    .signature = "iteration: N * int32 -> output: T; T: type; N: int >= 1",
    .doc = "The value that a tensor inside of a while loop had in an iteration, counted from 0; of "
           "nested loops one index each, the outermost first. Gradients of loops are made of it; "
           "the tensor is noted beside the operation.",
    .builder = "",
    .flags = TW_OP_STATEFUL,
    .gradient = loop_gradient,
    .compute = only_session,
};
