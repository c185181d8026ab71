/* SPDX-License-Identifier: Apache-2.0
 * BroadcastTo, BroadcastArgs, BroadcastGradientArgs, and how gradients of broadcast operands are
 * summed back to their shapes. */
#include <string.h>

#include "ops/elementwise.h"

/* ---- nodes of gradients ---- */

/* The context in which a gradient runs has the region, scope and device; the place is the
 * forward operation's. */
tw_tensor tw_gradient_add(tw_gradient *g, const char *type, const tw_tensor *inputs, size_t count,
                          const tw_attr *attrs, size_t attr_count)
{
    tw_tensor invalid = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (!tw_tensor_valid(inputs[i]))
            return invalid; /* it failed, and was reported, before */
    }
    tw_graph_add_args args = {
        .size = sizeof args,
        .where = tw_operation_where(g->op),
        .type = type,
        .inputs = inputs,
        .input_count = count,
        .attrs = attrs,
        .attr_count = attr_count,
    };
    tw_operation *op;
    tw_status *status = tw_graph_add(tw_operation_graph(g->op), &args, &op);
    return status ? tw_build_fail(status) : tw_operation_output(op, 0);
}

/* A constant of the gradient's dtype, named Const, as TensorFlow's functions make them for
 * literals. */
tw_tensor tw_gradient_number(tw_gradient *g, tw_dtype dtype, double value)
{
    (void)g; /* a gradient's context says the graph */
    return tw_operand_tensor(tw_of_float(value), dtype, "Const");
}

/* A node with two inputs and nothing else to say. */
static tw_tensor add2(tw_gradient *g, const char *type, tw_tensor x, tw_tensor y)
{
    tw_tensor inputs[] = {x, y};
    return tw_gradient_add(g, type, inputs, 2, NULL, 0);
}

/* Known while building, so that no node is needed. */
static bool known_equal(tw_tensor a, tw_tensor b)
{
    tw_shape x = tw_tensor_shape(a), y = tw_tensor_shape(b);
    bool same = a.op == b.op && a.index == b.index;
    return same || (tw_shape_fully_known(x) && tw_shape_fully_known(y) && tw_shape_equal(x, y));
}

/* The axes of the result along which x was repeated. */
typedef struct repeats {
    size_t count;
    int64_t axes[TW_MAX_RANK];
    bool ones, missing; /* x has such an axis, of size 1; it has it not */
} repeats;

/* False: dims decide that are not known yet. An axis that turns out to have size 1 in both may be
 * among them. */
static bool find_repeats(tw_shape x, tw_shape y, repeats *out)
{
    size_t rank = x.rank > y.rank ? x.rank : y.rank;
    *out = (repeats){.count = 0};
    if (!x.dims || !y.dims || rank > TW_MAX_RANK)
        return false;
    for (size_t d = 0; d < rank; d++) {
        int64_t b = d + y.rank < rank ? 1 : y.dims[d + y.rank - rank];
        int64_t a = d + x.rank < rank ? 1 : x.dims[d + x.rank - rank];
        if (d + x.rank >= rank && b == 1)
            continue;
        if (a < 0)
            return false;
        if (a != 1)
            continue;
        out->axes[out->count++] = (int64_t)d;
        *(d + x.rank < rank ? &out->missing : &out->ones) = true;
    }
    return true;
}

/* TensorFlow's nodes: the axes from both shapes, Sum over them, and Reshape for the dims of 1
 * that Sum took away. What the dims that are known tell needs none, or Sum alone. */
tw_tensor tw_gradient_unbroadcast(tw_gradient *g, tw_tensor grad, tw_tensor input, tw_tensor other)
{
    repeats r;
    if (!tw_tensor_valid(grad) || known_equal(input, other) || known_equal(input, grad))
        return grad;
    bool found = find_repeats(tw_tensor_shape(input), tw_tensor_shape(other), &r);
    if (found && !r.count)
        return grad;
    tw_ints known = {r.axes, r.count};
    if (found && !(r.ones && r.missing))
        return tw_sum(grad, known, .keep_dims = r.ones);
    tw_tensor shape = tw_gradient_add(g, "Shape", &input, 1, NULL, 0);
    if (found)
        return add2(g, "Reshape", tw_sum(grad, known), shape);
    tw_tensor other_shape = tw_gradient_add(g, "Shape", &other, 1, NULL, 0);
    tw_tensor axes = add2(g, "BroadcastGradientArgs", shape, other_shape);
    return add2(g, "Reshape", add2(g, "Sum", grad, axes), shape);
}

/* ---- shapes as values ---- */

/* Two ranks' worth of dims, so that shapes that come as vectors longer than TW_MAX_RANK are
 * refused by a check rather than by an overflow. */
typedef struct broadcast {
    size_t rank;
    int64_t dims[2 * TW_MAX_RANK];
} broadcast;

/* Dim d (of `rank`) of a shape that is a vector, 1 where it has none. */
static int64_t dim_of(const tw_array *shape, size_t rank, size_t d)
{
    size_t missing = rank - shape->count;
    return d < missing ? 1 : tw_index_at(shape, d - missing);
}

/* Both shapes aligned at their ends; a 1 takes the other size, 0 included. */
static tw_status *broadcast_shapes(const tw_compute *c, broadcast *out)
{
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1);
    out->rank = x->count > y->count ? x->count : y->count;
    if (out->rank > TW_MAX_RANK)
        return tw_compute_fail(c, "shapes of rank %zu, at most %d", out->rank, TW_MAX_RANK);
    for (size_t d = 0; d < out->rank; d++) {
        int64_t a = dim_of(x, out->rank, d), b = dim_of(y, out->rank, d);
        if (a != b && a != 1 && b != 1)
            return tw_compute_fail(c,
                                   "Incompatible shapes: dimension %zu is %" PRId64
                                   " in one, %" PRId64 " in the other",
                                   d, a, b);
        out->dims[d] = a == 1 ? b : a;
    }
    return TW_OK;
}

/* A result whose length is known only now. */
static tw_status *put_vector(tw_compute *c, size_t output, const int64_t *values, size_t count)
{
    tw_array *array;
    int64_t dims[] = {(int64_t)count};
    TW_TRY(tw_compute_allocate(c, output, (tw_shape){dims, 1}, &array));
    for (size_t i = 0; i < count; i++) {
        if (array->dtype == TW_INT64)
            ((int64_t *)array->data)[i] = values[i];
        else
            ((int32_t *)array->data)[i] = (int32_t)values[i];
    }
    return TW_OK;
}

/* Shapes here are values, vectors of int32 or int64; the result has the dtype of the inputs. */
static tw_status *compute_args(tw_compute *c)
{
    broadcast shape;
    TW_TRY(broadcast_shapes(c, &shape));
    return put_vector(c, 0, shape.dims, shape.rank);
}

/* The axes along which an operand was repeated; where both are 1, both list the axis, unless the
 * shapes are equal. */
static tw_status *compute_gradient_args(tw_compute *c)
{
    broadcast shape;
    TW_TRY(broadcast_shapes(c, &shape));
    const tw_array *x = tw_input(c, 0), *y = tw_input(c, 1);
    bool equal = x->count == y->count;
    for (size_t d = 0; d < shape.rank; d++)
        equal = equal && dim_of(x, shape.rank, d) == dim_of(y, shape.rank, d);
    for (size_t i = 0; i < 2; i++) {
        int64_t axes[TW_MAX_RANK];
        size_t count = 0;
        for (size_t d = 0; d < shape.rank && !equal; d++) {
            if (dim_of(tw_input(c, i), shape.rank, d) == 1)
                axes[count++] = (int64_t)d;
        }
        TW_TRY(put_vector(c, i, axes, count));
    }
    return TW_OK;
}

/* How many axes there are depends on values. */
static void infer_vectors(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_vector(in, 1);
    for (size_t i = 0; i < tw_infer_output_count(in); i++)
        tw_infer_output(in, i, tw_infer_unknown(in, 1));
}

/* The longer of two shapes says the rank of the result. */
static void infer_args(tw_infer *in)
{
    tw_shape x = tw_infer_vector(in, 0), y = tw_infer_vector(in, 1);
    int64_t *dims = tw_infer_dims(in, 1);
    if (x.dims && y.dims && x.dims[0] >= 0 && y.dims[0] >= 0)
        dims[0] = x.dims[0] > y.dims[0] ? x.dims[0] : y.dims[0];
    tw_infer_output(in, 0, (tw_shape){dims, 1});
}

const tw_op_definition tw_op_BroadcastArgs = {
    .signature = "s0: T, s1: T -> r0: T; T: {int32, int64} = int32",
    .doc = "The shape that arrays of shapes `s0` and `s1` broadcast to.",
    .examples = {"broadcast_args([2, 1], [3]) -> [2, 3]"},
    .infer = infer_args,
    .gradient = tw_not_differentiable,
    .compute = compute_args,
};

const tw_op_definition tw_op_BroadcastGradientArgs = {
    .signature = "s0: T, s1: T -> r0: T, r1: T; T: {int32, int64} = int32",
    .doc = "The axes over which the gradients of two operands of shapes `s0` and `s1` that were "
           "broadcast must be summed.",
    .examples = {"broadcast_gradient_args([2, 3], [3]) -> [], [0]"},
    .infer = infer_vectors,
    .gradient = tw_not_differentiable,
    .compute = compute_gradient_args,
};

/* ---- BroadcastTo ---- */

/* Every dim of the input is 1 or the same as the new one. */
static void infer_to(tw_infer *in)
{
    tw_shape from = tw_infer_input(in, 0), to = tw_infer_size_value(in, 1);
    tw_infer_vector(in, 1);
    if (from.dims && to.dims) {
        if (from.rank > to.rank) {
            tw_infer_fail(in, "Incompatible shapes: %s has more dimensions than %s",
                          tw_shape_text(from).s, tw_shape_text(to).s);
            return;
        }
        for (size_t d = 0; d < from.rank; d++) {
            int64_t a = from.dims[d], b = to.dims[d + to.rank - from.rank];
            if (a != 1 && !tw_dims_agree(a, b))
                tw_infer_fail(in, "Incompatible shapes: %s vs. %s", tw_shape_text(from).s,
                              tw_shape_text(to).s);
        }
    }
    tw_infer_output(in, 0, to);
}

/* A program without instructions: the engine copies the operand, repeated, to the output. */
static tw_status *prepare_to(tw_compute *c, void *state)
{
    tw_dtype dtype = tw_input(c, 0)->dtype;
    tw_tile_operand operand = {.dtype = dtype};
    tw_shape shape = tw_shape_of(tw_input(c, 0));
    uint16_t output = 0;
    tw_tile_program program = {
        .operands = &operand, .operand_count = 1, .outputs = &output, .output_count = 1};
    if (!tw_dtype_is_plain(dtype))
        return TW_OK;
    return tw_tile_bind(&program, &shape, tw_shape_of(tw_output(c, 0)), state);
}

/* Whether y is x again and again, as a whole, and one thread is there or enough. */
static bool is_whole(const tw_array *x, const tw_array *y, int threads)
{
    enum { SMALL = 1 << 20 };
    size_t skipped = 0;
    while (skipped < x->rank && x->dims[skipped] == 1)
        skipped++;
    size_t rank = x->rank - skipped;
    bool small = threads == 1 || y->count * tw_dtype_size(y->dtype) <= SMALL;
    return small && y->count && rank <= y->rank &&
           !memcmp(x->dims + skipped, y->dims + y->rank - rank, rank * sizeof *x->dims);
}

/* What is there is copied behind itself, in parts that stay in the first cache. */
static void repeat(const tw_array *x, tw_array *y)
{
    enum { PART = 1 << 13 };
    size_t size = tw_dtype_size(x->dtype), done = x->count * size, all = y->count * size;
    size_t part = done;
    char *out = y->data;
    memcpy(out, x->data, done);
    for (; done < all; done += part) {
        part = done < PART ? done : part;
        part = all - done < part ? all - done : part;
        memcpy(out + done, out, part);
    }
}

/* Numbers in tiles, strings one by one. */
static tw_status *compute_to(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    tw_array *y = tw_output(c, 0);
    const void *in = x->data;
    void *out = y->data;
    if (tw_dtype_is_plain(x->dtype) && is_whole(x, y, c->threads)) {
        repeat(x, y);
        return TW_OK;
    }
    if (tw_dtype_is_plain(x->dtype))
        return tw_tile_run(c->state, &in, &out, NULL, c->threads);
    size_t size = tw_dtype_size(x->dtype);
    for (size_t i = 0; i < y->count; i++) {
        size_t at = tw_broadcast_index(tw_shape_of(x), tw_shape_of(y), i);
        TW_TRY(tw_elements_copy(x->dtype, (char *)y->data + i * size,
                                (const char *)x->data + at * size, 1));
    }
    return TW_OK;
}

/* What each element was copied to is summed. */
static tw_status *gradient_to(tw_gradient *g)
{
    tw_tensor dy = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_gradient_unbroadcast(g, dy, g->inputs[0], g->outputs[0]));
    return TW_OK;
}

const tw_op_definition tw_op_BroadcastTo = {
    .signature = "input: T, shape: Tidx -> output: T; T: type; Tidx: {int32, int64} = int32",
    .doc = "`input` repeated along its dimensions of size 1, and new ones before them, to `shape`.",
    .examples = {"broadcast_to([1, 2], [2, 2]) -> [[1, 2], [1, 2]]"},
    .since = "1.13",
    .shape_inputs = 2,
    .infer = infer_to,
    .gradient = gradient_to,
    .compute = compute_to,
    .prepare = prepare_to,
    .state_size = TW_TILE_SINGLE_SIZE,
};
