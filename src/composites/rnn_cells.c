/* SPDX-License-Identifier: Apache-2.0
 * The mathematics of recurrent cells. x is (batch, inputs), h and c are (batch, units); the weights
 * of all gates stand side by side in one kernel (inputs + units, gates * units), so that a step is
 * one product. */
#include "composites/rnn_cell.h"

#include <stdio.h>

/* One step of one cell: what it gets, and where its new states go. */
typedef struct step {
    const tw_rnn_cell *cell;
    tw_tensor x;
    const tw_tensor *state;
    tw_tensor *next;
    const char *outer;     /* the name scope in which the outermost cell was called */
    int64_t inputs, units; /* columns of x; columns of c */
    tw_dtype dtype;
} step;

static tw_tensor advance(const step *of_layers, const tw_rnn_cell *cell, tw_tensor input,
                         const tw_tensor *state, tw_tensor *next);

/* ---- weights: all of a cell's are made before its operations ---- */

/* The weights of one product: kernel (inputs + units, columns) and bias (columns). */
typedef struct dense {
    tw_tensor kernel, bias;
} dense;

/* Found again by name in the open variable scope, so that the steps of an unrolled network share
 * them. */
static tw_tensor weights(const step *s, const char *name, tw_shape shape)
{
    return tw_get_variable(name, shape, .dtype = s->dtype, .initializer = s->cell->initializer);
}

/* The caller's initializer comes before `start`, which is 1 for the gates of a GRU cell, so that
 * a fresh cell keeps its state. */
static tw_tensor biases(const step *s, const char *name, int64_t count, double start)
{
    tw_initializer given = s->cell->bias_initializer;
    if (!given.make)
        given = start != 0 ? tw_constant_initializer(start) : tw_zeros_initializer();
    return tw_get_variable(name, TW_SHAPE(count), .dtype = s->dtype, .initializer = given);
}

/* For [x, h] with h of `h_size` columns, into `columns`. */
static dense dense_of(const step *s, int64_t h_size, int64_t columns)
{
    tw_tensor kernel = weights(s, "kernel", TW_SHAPE(s->inputs + h_size, columns));
    return (dense){kernel, biases(s, "bias", columns, 0)};
}

/* [x, h] * kernel + bias */
static tw_tensor apply(const step *s, dense d, tw_tensor h)
{
    tw_tensor both = tw_concat(TW_LIST(s->x, h), 1);
    return tw_bias_add(tw_matmul(both, d.kernel), d.bias);
}

/* Without a function of the caller's, tanh, the default of all cells but for their gates, which
 * are sigmoids. */
static tw_tensor activate(const step *s, tw_tensor x)
{
    const tw_rnn_cell *cell = s->cell;
    return cell->activation ? cell->activation(x, cell->activation_user) : tw_tanh(x);
}

/* `count` gates side by side along `axis` 1, each of its own; false: an error was reported. */
static bool split(tw_tensor all, tw_operand axis, size_t count, tw_tensor *gates)
{
    tw_number((double)count, TW_INT32, "Const"); /* TensorFlow's, for the sake of later seeds */
    tw_tensors parts = tw_split(axis, all, (int64_t)count, .name = "split");
    for (size_t i = 0; i < count && parts.count == count; i++)
        gates[i] = parts.items[i];
    return parts.count == count;
}

/* Named as TensorFlow's sums in cells are, since names of nodes are compared. */
static tw_tensor add(tw_tensor a, tw_tensor b)
{
    return tw_add(a, b, .name = "add");
}

/* Named as TensorFlow's products in cells are. */
static tw_tensor mul(tw_tensor a, tw_tensor b)
{
    return tw_mul(a, b, .name = "mul");
}

/* A bound of zero means none, and then no node is added. */
static tw_tensor clip(tw_tensor x, double bound)
{
    return bound != 0 ? tw_clip_by_value(x, -bound, bound, .name = "clip_by_value") : x;
}

/* ---- the kinds ---- */

/* h' = act([x, h] W + b): output and state are one tensor. */
static tw_tensor basic_rnn(const step *s)
{
    dense d = dense_of(s, s->units, s->units);
    s->next[0] = activate(s, apply(s, d, s->state[0]));
    return s->next[0];
}

/* i, j, f, o = split([c, h] * kernel + bias); c' = c sigmoid(f + forget_bias) + sigmoid(i) tanh(j);
 * h' = tanh(c') sigmoid(o). */
static tw_tensor basic_lstm(const step *s)
{
    dense d = dense_of(s, s->units, 4 * s->units);
    tw_tensor c = s->state[0], gates[4], axis = tw_number(1, TW_INT32, "Const");
    if (!split(apply(s, d, s->state[1]), tw_of_tensor(axis), 4, gates))
        return (tw_tensor){NULL, 0};
    tw_tensor bias = tw_number(s->cell->forget_bias, s->dtype, "Const");
    tw_tensor kept = tw_mul(c, tw_sigmoid(tw_add(gates[2], bias)));
    tw_tensor open = tw_sigmoid(gates[0]);
    s->next[0] = tw_add(kept, tw_mul(open, activate(s, gates[1])));
    tw_tensor shown = activate(s, s->next[0]);
    s->next[1] = tw_mul(shown, tw_sigmoid(gates[3]));
    return s->next[1];
}

/* A gate that sees c through its diagonal weights, where there are any. */
static tw_tensor peep(tw_tensor gate, tw_tensor diagonal, tw_tensor c)
{
    return tw_tensor_valid(diagonal) ? add(gate, mul(diagonal, c)) : gate;
}

/* As basic_lstm, with w * c in the gates, bounds, and h' = projection of it. */
static tw_tensor lstm(const step *s)
{
    const tw_rnn_cell *cell = s->cell;
    tw_tensor c = s->state[0], gates[4], f_diag = {NULL, 0}, i_diag = f_diag, o_diag = f_diag;
    tw_tensor projection = f_diag;
    dense d = dense_of(s, cell->num_proj ? cell->num_proj : s->units, 4 * s->units);
    if (cell->use_peepholes) {
        f_diag = weights(s, "w_f_diag", TW_SHAPE(s->units));
        i_diag = weights(s, "w_i_diag", TW_SHAPE(s->units));
        o_diag = weights(s, "w_o_diag", TW_SHAPE(s->units));
    }
    if (cell->num_proj)
        projection = weights(s, "projection/kernel", TW_SHAPE(s->units, cell->num_proj));
    if (!split(apply(s, d, s->state[1]), tw_of_int(1), 4, gates))
        return (tw_tensor){NULL, 0};
    tw_tensor forget = peep(tw_add(gates[2], cell->forget_bias, .name = "add"), f_diag, c);
    tw_tensor kept = mul(tw_sigmoid(forget), c);
    tw_tensor open = tw_sigmoid(peep(gates[0], i_diag, c));
    s->next[0] = clip(add(kept, mul(open, activate(s, gates[1]))), cell->cell_clip);
    open = tw_sigmoid(peep(gates[3], o_diag, s->next[0]));
    tw_tensor m = mul(open, activate(s, s->next[0]));
    s->next[1] = cell->num_proj ? clip(tw_matmul(m, projection), cell->proj_clip) : m;
    return s->next[1];
}

/* r, u = split(sigmoid([x, h] * gates)); h' = u h + (1 - u) tanh([x, r h] * candidate). */
static tw_tensor gru(const step *s)
{
    tw_tensor h = s->state[0], parts[2];
    dense gates, candidate;
    gates.kernel = weights(s, "gates/kernel", TW_SHAPE(s->inputs + s->units, 2 * s->units));
    gates.bias = biases(s, "gates/bias", 2 * s->units, 1);
    candidate.kernel = weights(s, "candidate/kernel", TW_SHAPE(s->inputs + s->units, s->units));
    candidate.bias = biases(s, "candidate/bias", s->units, 0);
    if (!split(tw_sigmoid(apply(s, gates, h)), tw_of_int(1), 2, parts))
        return (tw_tensor){NULL, 0};
    tw_tensor fresh = activate(s, apply(s, candidate, mul(parts[0], h)));
    tw_tensor kept = mul(parts[1], h);
    tw_tensor rest = tw_sub(1, parts[1], .name = "sub");
    s->next[0] = add(kept, mul(rest, fresh));
    return s->next[0];
}

/* The output of each layer is the input of the next; states stand side by side, in the order of
 * the layers. */
static tw_tensor layers(const step *s)
{
    tw_tensor x = s->x;
    size_t at = 0;
    for (size_t i = 0; i < s->cell->cell_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "cell_%zu", i);
        TW_VARIABLE_SCOPE(name) {
            x = advance(s, &s->cell->cells[i], x, s->state + at, s->next + at);
        }
        at += tw_rnn_cell_state_count(s->cell->cells[i]);
    }
    return x;
}

static const struct {
    const char *scope, *class_name; /* of the weights; in the name of the zero state's scope */
    tw_tensor (*step)(const step *s);
    size_t states;
} kinds[] = {
    [TW_BASIC_RNN_CELL] = {"basic_rnn_cell", "BasicRNNCell", basic_rnn, 1},
    [TW_BASIC_LSTM_CELL] = {"basic_lstm_cell", "BasicLSTMCell", basic_lstm, 2},
    [TW_LSTM_CELL] = {"lstm_cell", "LSTMCell", lstm, 2},
    [TW_GRU_CELL] = {"gru_cell", "GRUCell", gru, 1},
    [TW_MULTI_RNN_CELL] = {"multi_rnn_cell", "MultiRNNCell", layers, 0},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* All steps of a cell build in one name scope: that of the caller with the cell's name, and in
 * layers with the whole name of the variable scope, as TensorFlow's do. */
static tw_tensor advance_inside(step *s, const step *of_layers, const char *scope)
{
    char name[1024], outer[512];
    snprintf(outer, sizeof outer, "%s", of_layers ? of_layers->outer : tw_scope_name());
    s->outer = outer;
    tw_tensor output = {NULL, 0};
    TW_VARIABLE_SCOPE(scope, .reuse = s->cell->reuse) {
        const char *inner = of_layers ? tw_variable_scope_name() : scope;
        int length = snprintf(name, sizeof name, "%s%s/", outer, inner);
        if (length < 0 || (size_t)length >= sizeof name)
            name[sizeof name - 2] = '/';
        TW_NAME_SCOPE(name) {
            output = kinds[s->cell->kind].step(s);
        }
    }
    return output;
}

/* Checks the input once for each layer: its columns size the kernel, so they must be known while
 * building. The bound keeps inputs + units from overflowing. */
static tw_tensor advance(const step *of_layers, const tw_rnn_cell *cell, tw_tensor input,
                         const tw_tensor *state, tw_tensor *next)
{
    tw_shape shape = tw_tensor_shape(input);
    if (!tw_tensor_valid(input))
        return input; /* reported when it was made */
    if (!tw_shape_known_rank(shape) || shape.rank != 2 || shape.dims[1] < 0)
        return tw_refuse("a cell's input must be a matrix with a known number of columns, not of "
                         "shape %s",
                         tw_shape_text(shape).s);
    if (shape.dims[1] > INT64_MAX / 2)
        return tw_refuse("a cell's input of shape %s is too large", tw_shape_text(shape).s);
    step s = {cell, input,         state,           next,
              NULL, shape.dims[1], cell->num_units, tw_plain_dtype(input)};
    return advance_inside(&s, of_layers, cell->name ? cell->name : kinds[cell->kind].scope);
}

/* `next` has room for as many tensors as the cell has states; cell and state were checked by the
 * caller. */
tw_tensor tw_rnn_advance(const tw_rnn_cell *cell, tw_tensor input, const tw_tensor *state,
                         tw_tensor *next)
{
    return advance(NULL, cell, input, state, next);
}

/* The name of TensorFlow's class, which scopes of zero states begin with. */
const char *tw_rnn_cell_class(const tw_rnn_cell *cell)
{
    return kinds[cell->kind].class_name;
}

/* ---- sizes ---- */

/* Everything that is not named is zero, which means the default; `size` tells which fields the
 * caller's version knows. */
tw_rnn_cell tw_rnn_cell_default(tw_rnn_kind kind, int64_t num_units)
{
    return (tw_rnn_cell){
        .forget_bias = 1, .size = sizeof(tw_rnn_cell), .kind = kind, .num_units = num_units};
}

/* Layers have no units of their own; everything that asks for sizes must ask their cells. */
static bool is_layers(const tw_rnn_cell *cell)
{
    return cell->kind == TW_MULTI_RNN_CELL;
}

/* Depth is bounded here too, since cells may be asked for sizes before they are checked. */
static size_t state_count(const tw_rnn_cell *cell, int depth)
{
    size_t count = 0;
    if (!is_layers(cell))
        return (size_t)cell->kind < KINDS ? kinds[cell->kind].states : 0;
    for (size_t i = 0; depth < TW_RNN_MAX_DEPTH && cell->cells && i < cell->cell_count; i++)
        count += state_count(&cell->cells[i], depth + 1);
    return count;
}

/* 2 for LSTM cells (c, h), 1 for others, and the sum of them for layers. */
size_t tw_rnn_cell_state_count(tw_rnn_cell cell)
{
    return state_count(&cell, 0);
}

/* A projection makes the output of an LSTM cell smaller than its c; layers give what their last
 * one gives. */
static int64_t output_size(const tw_rnn_cell *cell, int depth)
{
    if (!is_layers(cell))
        return cell->kind == TW_LSTM_CELL && cell->num_proj ? cell->num_proj : cell->num_units;
    if (!cell->cells || !cell->cell_count || depth >= TW_RNN_MAX_DEPTH)
        return 0;
    return output_size(&cell->cells[cell->cell_count - 1], depth + 1);
}

/* 0 for a cell that is not valid; the number of columns of what a step gives. */
int64_t tw_rnn_cell_output_size(tw_rnn_cell cell)
{
    return output_size(&cell, 0);
}

/* The last state of a cell is its h, which is as wide as the output; what comes before it is c. */
static int64_t state_size(const tw_rnn_cell *cell, size_t index, int depth)
{
    if (index >= state_count(cell, depth))
        return 0;
    if (!is_layers(cell))
        return index + 1 == kinds[cell->kind].states ? output_size(cell, depth) : cell->num_units;
    for (size_t i = 0; i < cell->cell_count; i++) {
        size_t count = state_count(&cell->cells[i], depth + 1);
        if (index < count)
            return state_size(&cell->cells[i], index, depth + 1);
        index -= count;
    }
    return 0;
}

/* 0 for an index past the last state, so that a loop may ask until then. */
int64_t tw_rnn_cell_state_size(tw_rnn_cell cell, size_t index)
{
    return state_size(&cell, index, 0);
}

/* ---- checks ---- */

/* Always false, so that a check can return it at once. */
static bool refuse(const char *what, const char *scope)
{
    tw_refuse("%s: %s", scope, what);
    return false;
}

/* Reports the first thing that is wrong. Bounds on units keep the widths of kernels (four gates)
 * from overflowing; depth bounds the recursion. */
static bool check(const tw_rnn_cell *cell, int depth)
{
    if ((size_t)cell->kind >= KINDS)
        return refuse("must be made by a constructor: its kind is unknown", "a cell");
    const char *scope = kinds[cell->kind].scope;
    if (!is_layers(cell)) {
        if (cell->num_units <= 0 || cell->num_proj < 0)
            return refuse("the number of units must be positive", scope);
        if (cell->num_units > INT64_MAX / 8 || cell->num_proj > INT64_MAX / 8)
            return refuse("the number of units is too large", scope);
        if (!(cell->cell_clip >= 0) || !(cell->proj_clip >= 0))
            return refuse("a bound to clip at cannot be negative", scope);
        return true;
    }
    if (!cell->cells || !cell->cell_count)
        return refuse("Must specify at least one cell for MultiRNNCell.", scope);
    if (depth + 1 >= TW_RNN_MAX_DEPTH)
        return refuse("layers are nested too deep", scope);
    for (size_t i = 0; i < cell->cell_count; i++) {
        if (!check(&cell->cells[i], depth + 1))
            return false;
    }
    return true;
}

/* Must come before any other use of a cell that a caller made, as its pointers and sizes are
 * trusted afterwards. */
bool tw_rnn_cell_check(const tw_rnn_cell *cell)
{
    return check(cell, 0);
}

/* Each state must be (batch, size) as far as its shape is known; the batch is not compared, the
 * run will do so. */
bool tw_rnn_state_check(const tw_rnn_cell *cell, tw_tensors state)
{
    size_t count = state_count(cell, 0);
    if (state.count != count) {
        tw_refuse("the state of this cell has %zu tensors, not %zu", count, state.count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        tw_shape shape = tw_tensor_shape(state.items[i]);
        int64_t size = state_size(cell, i, 0), dims[] = {-1, size};
        if (!tw_tensor_valid(state.items[i]))
            return false; /* reported when it was made */
        if (!tw_shape_compatible(shape, (tw_shape){dims, 2})) {
            tw_refuse("tensor %zu of the state must have the shape (?, %lld), not %s", i,
                      (long long)size, tw_shape_text(shape).s);
            return false;
        }
    }
    return true;
}
