/* SPDX-License-Identifier: Apache-2.0
 * Recurrent networks: a cell's first state, one step of it, and as many steps as there are
 * inputs. */
#include "composites/rnn_cell.h"

#include <stdio.h>

static const tw_tensors none = {NULL, 0};

/* ---- the first state ---- */

static bool is_number(tw_operand operand)
{
    return operand.kind == TW_OPERAND_INT || operand.kind == TW_OPERAND_INT64;
}

/* The batch size as a vector: a number that is known, or a tensor that says it. */
static tw_tensor batch_vector(tw_operand batch)
{
    if (is_number(batch))
        return tw_numbers(TW_INTS(batch.value.i), "Const");
    tw_tensor size = tw_operand_tensor(batch, TW_INVALID_DTYPE, "batch_size");
    if (tw_plain_dtype(size) != TW_INT32)
        size = tw_cast(size, TW_INT32);
    return tw_expand_dims(size, 0);
}

/* (batch, units). TensorFlow makes the two sizes once more, which counts for later seeds. */
static tw_tensor zeros_of(tw_operand batch, int64_t units, tw_dtype dtype)
{
    tw_tensor rows = batch_vector(batch), columns = tw_numbers(TW_INTS(units), "Const");
    tw_tensor sizes = tw_concat(TW_LIST(rows, columns), 0), result = {NULL, 0};
    TW_NAME_SCOPE("zeros") {
        tw_tensor zero = tw_number(0, dtype, "Const");
        result = tw_make("Fill", tw_scope_name(), TW_LIST(sizes, zero), NULL, 0);
    }
    batch_vector(batch);
    tw_numbers(TW_INTS(units), "Const");
    return result;
}

/* Fills state[0 .. state count - 1]. */
static void zero_state(const tw_rnn_cell *cell, tw_operand batch, tw_dtype dtype, tw_tensor *state)
{
    char name[64];
    size_t at = 0, count = tw_rnn_cell_state_count(*cell);
    snprintf(name, sizeof name, "%sZeroState", tw_rnn_cell_class(cell));
    TW_NAME_SCOPE(name) {
        for (size_t i = 0; cell->kind == TW_MULTI_RNN_CELL && i < cell->cell_count; i++) {
            zero_state(&cell->cells[i], batch, dtype, state + at);
            at += tw_rnn_cell_state_count(cell->cells[i]);
        }
        for (; at < count; at++)
            state[at] = zeros_of(batch, tw_rnn_cell_state_size(*cell, at), dtype);
    }
}

/* The batch size may be a tensor; then it is known in the run only, and zeros are a Fill. */
tw_tensors tw_rnn_cell_zero_state_build(const struct tw_rnn_cell_zero_state_args *args)
{
    tw_composite_scope scope;
    tw_tensors result = none;
    tw_place_enter(&scope, args->where, &args->batch_size);
    if (is_number(args->batch_size) && args->batch_size.value.i < 0) {
        tw_refuse("the batch size cannot be %lld", (long long)args->batch_size.value.i);
    } else if (tw_rnn_cell_check(&args->cell)) {
        size_t count = tw_rnn_cell_state_count(args->cell);
        tw_tensor *state = tw_build_tensors(tw_graph_of(&scope), count);
        if (state) {
            zero_state(&args->cell, args->batch_size, args->dtype, state);
            result = (tw_tensors){state, count};
        }
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_rnn_cell_zero_state = {
    .signature = "cell: c:tw_rnn_cell, batch_size: tensor; dtype: type = float32 -> state: tensors",
    .doc = "The state of a recurrent cell before its first step: zeros, each part (batch_size, "
           "its units).",
};

/* ---- one step ---- */

/* The states live in the graph's arena, so the caller has nothing to free. After a failure the
 * result is empty. */
struct tw_rnn_cell_step_result tw_rnn_cell_step_build(const struct tw_rnn_cell_step_args *args)
{
    struct tw_rnn_cell_step_result result = {{NULL, 0}, none};
    tw_composite_scope scope;
    tw_place_enter(&scope, args->where, &args->input);
    tw_tensor input = tw_as_tensor(args->input, "input");
    if (tw_rnn_cell_check(&args->cell) && tw_rnn_state_check(&args->cell, args->state)) {
        tw_tensor *next = tw_build_tensors(tw_graph_of(&scope), args->state.count);
        if (next) {
            result.output = tw_rnn_advance(&args->cell, input, args->state.items, next);
            result.new_state = (tw_tensors){next, args->state.count};
        }
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_rnn_cell_step = {
    .signature = "cell: c:tw_rnn_cell, input: tensor, state: tensors -> "
                 "output: tensor, new_state: tensors",
    .doc = "One step of a recurrent cell: `input` (batch, inputs) and the state before give the "
           "output and the state after. The first step makes the weights, in a variable scope "
           "named after the cell; further ones share them under tw_reuse_variables or a cell with "
           ".reuse = TW_REUSE_AUTO.",
};

/* ---- a list of steps ---- */

/* A network of as many steps as there are inputs; `state` is what the step that is being built
 * begins with. */
typedef struct unrolled {
    tw_rnn_cell cell;
    tw_tensors inputs;
    tw_tensor lengths, zero; /* (batch) and (batch, units); invalid: all sequences are whole */
    tw_tensor *outputs, *state;
    size_t state_count;
} unrolled;

/* How many rows an input has: a number, or a tensor where that is not known. */
static tw_operand batch_of(tw_tensors inputs)
{
    for (size_t i = 0; i < inputs.count; i++) {
        tw_shape shape = tw_tensor_shape(inputs.items[i]);
        if (tw_shape_known_rank(shape) && shape.rank > 0 && shape.dims[0] >= 0)
            return tw_of_int64(shape.dims[0]);
    }
    tw_tensor sizes = tw_shape(inputs.items[0]);
    return tw_of_tensor(tw_getitem(sizes, "0"));
}

/* Step `time`, and for the sequences that have ended: zeros as output, and the state stays. */
static void advance(unrolled *u, size_t time, tw_tensor *next)
{
    tw_tensor ended = {NULL, 0};
    if (tw_tensor_valid(u->lengths))
        ended = tw_less_equal(u->lengths, tw_number((double)time, tw_plain_dtype(u->lengths), "y"));
    tw_tensor output = tw_rnn_advance(&u->cell, u->inputs.items[time], u->state, next);
    if (tw_tensor_valid(ended))
        output = tw_select(ended, u->zero, output);
    for (size_t i = 0; i < u->state_count; i++)
        u->state[i] = tw_tensor_valid(ended) ? tw_select(ended, u->state[i], next[i]) : next[i];
    u->outputs[time] = output;
}

/* Inside the network's scope: the state before, then all steps. */
static void unroll(unrolled *u, const struct tw_static_rnn_args *args, tw_tensor *next)
{
    tw_dtype dtype = tw_plain_dtype(u->inputs.items[0]);
    tw_operand batch = batch_of(u->inputs);
    if (!args->initial_state.count)
        zero_state(&u->cell, batch, dtype, u->state);
    for (size_t i = 0; i < args->initial_state.count; i++)
        u->state[i] = args->initial_state.items[i];
    if (tw_tensor_valid(u->lengths))
        u->zero = zeros_of(batch, tw_rnn_cell_output_size(u->cell), dtype);
    for (size_t time = 0; time < u->inputs.count; time++) {
        if (time > 0)
            tw_reuse_variables();
        advance(u, time, next);
    }
}

/* Everything is checked before the first variable is made, so that a refused call leaves none
 * behind. */
static bool fit(const struct tw_static_rnn_args *args)
{
    if (!args->inputs.count || !args->inputs.items) {
        tw_refuse("inputs must not be empty");
        return false;
    }
    if (args->initial_state.count && !args->initial_state.items) {
        tw_refuse("the list of %zu initial states is NULL", args->initial_state.count);
        return false;
    }
    for (size_t i = 0; i < args->inputs.count; i++) {
        if (!tw_tensor_valid(args->inputs.items[i]))
            return false; /* reported when it was made */
    }
    if (!tw_rnn_cell_check(&args->cell))
        return false;
    return !args->initial_state.count || tw_rnn_state_check(&args->cell, args->initial_state);
}

/* Room for all tensors is made before the first step. The weights lie in the variable scope
 * `scope`, "rnn" by default. */
struct tw_static_rnn_result tw_static_rnn_build(const struct tw_static_rnn_args *args)
{
    struct tw_static_rnn_result result = {none, none};
    tw_composite_scope scope;
    tw_tensor nothing = {NULL, 0};
    tw_operand first = tw_of_tensor(args->inputs.count && args->inputs.items ? args->inputs.items[0]
                                                                             : nothing);
    tw_place_enter(&scope, args->where, &first);
    if (fit(args)) {
        tw_graph *graph = tw_graph_of(&scope);
        size_t count = tw_rnn_cell_state_count(args->cell);
        unrolled u = {.cell = args->cell, .inputs = args->inputs, .state_count = count};
        u.lengths = args->sequence_length;
        u.outputs = tw_build_tensors(graph, args->inputs.count);
        u.state = tw_build_tensors(graph, count);
        tw_tensor *next = tw_build_tensors(graph, count);
        if (u.outputs && u.state && next) {
            TW_VARIABLE_SCOPE(args->scope ? args->scope : "rnn") {
                unroll(&u, args, next);
            }
            result.outputs = (tw_tensors){u.outputs, args->inputs.count};
            result.state = (tw_tensors){u.state, count};
        }
    }
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_static_rnn = {
    .signature = "cell: c:tw_rnn_cell, inputs: tensors; initial_state: tensors; "
                 "sequence_length: tensor; scope: string = \"rnn\" -> "
                 "outputs: tensors, state: tensors",
    .doc = "A recurrent network of one step for each of `inputs`, (batch, inputs) each, which "
           "share the cell's weights: the outputs of all steps and the last state. The first "
           "state is zeros if it is not given. Rows whose `sequence_length` (batch) is reached "
           "give zeros and keep their state.",
};
