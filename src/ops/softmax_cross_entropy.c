/* SPDX-License-Identifier: Apache-2.0
 * The cross entropy of softmax(features) and labels, for each row, together with its derivative by
 * the features. */
#include "kernels/copy.h"
#include "kernels/softmax.h"

#include "ops/brackets.h"

/* ---- SoftmaxCrossEntropyWithLogits ---- */

/* Operands are broadcast as in TensorFlow since 1.5; before they had to be of one shape. */
static void infer_dense(tw_infer *in)
{
    tw_shape x = tw_infer_input(in, 0), labels = tw_infer_input(in, 1);
    tw_shape both = tw_infer_broadcast(in, x, labels);
    if (!both.dims) {
        both = tw_infer_unknown(in, 2);
    } else if (both.rank != 2) {
        tw_infer_fail(in, "Shape must be broadcasted with rank 2, but is rank %zu", both.rank);
        return;
    }
    tw_infer_output(in, 0, tw_infer_slice(in, both, 0, 1));
    tw_infer_output(in, 1, both);
}

/* One dimension of two that are broadcast; -1: they do not fit. */
static int64_t broadcast_dim(int64_t a, int64_t b)
{
    return a == 1 || a == b ? b : b == 1 ? a : -1;
}

/* An operand's axis, counted from the last. */
static int64_t dim_from_end(const tw_array *x, size_t i)
{
    return i < x->rank ? x->dims[x->rank - 1 - i] : 1;
}

/* An operand with too few columns is spread over rows of memory of its own. */
static bool is_narrow(const tw_array *x, int64_t cols)
{
    return dim_from_end(x, 0) != cols;
}

/* Room for each operand that must be widened to full rows; zero for shapes that compute refuses. */
static size_t workspace(const tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *labels = tw_input(c, 1);
    int64_t cols = broadcast_dim(dim_from_end(x, 0), dim_from_end(labels, 0));
    int64_t rows = broadcast_dim(dim_from_end(x, 1), dim_from_end(labels, 1)), count;
    size_t operands = (size_t)is_narrow(x, cols) + is_narrow(labels, cols), bytes;
    if (rows < 0 || cols < 0 || !tw_int64_mul(rows, cols, &count) ||
        !tw_size_mul((size_t)count, operands * tw_dtype_size(x->dtype), &bytes))
        return 0;
    return bytes;
}

/* The operand as rows of `cols` elements, and how far one is from the next. */
static tw_status *as_rows(const tw_compute *c, const tw_array *x, int64_t rows, int64_t cols,
                          char **room, const void **data, size_t *stride)
{
    *data = x->data;
    *stride = dim_from_end(x, 1) == rows ? (size_t)cols : 0;
    if (!is_narrow(x, cols))
        return TW_OK;
    int64_t dims[2] = {rows, cols};
    *data = *room;
    *stride = (size_t)cols;
    tw_par par = tw_compute_par(c);
    TW_TRY((tw_broadcast_to)(x->dtype, tw_shape_of(x), x->data, (tw_shape){dims, 2}, *room, &par));
    *room += (size_t)rows * (size_t)cols * tw_dtype_size(x->dtype);
    return TW_OK;
}

/* What the planner's forms multiply the derivative by. */
static tw_status *factor_of(const tw_compute *c, double *out)
{
    *out = 1;
    if (c->input_count < 3)
        return TW_OK;
    const tw_array *factor = tw_input(c, 2);
    if (factor->rank != 0)
        return tw_compute_fail(c, "factor must be a scalar, got shape %s", tw_brackets(factor).s);
    *out = tw_element_get(factor->dtype, factor->data);
    return TW_OK;
}

/* A row that is broadcast is read again and again; a column has to be written out first. */
static tw_status *compute_dense(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *labels = tw_input(c, 1);
    int64_t cols = broadcast_dim(dim_from_end(x, 0), dim_from_end(labels, 0));
    int64_t rows = broadcast_dim(dim_from_end(x, 1), dim_from_end(labels, 1));
    if (rows < 0 || cols < 0)
        return tw_compute_fail(
            c, "logits and labels must be broadcastable: logits_size=%s labels_size=%s",
            tw_brackets(x).s, tw_brackets(labels).s);
    if ((x->rank > labels->rank ? x->rank : labels->rank) != 2)
        return tw_compute_fail(
            c,
            "logits and labels must be either 2-dimensional, or broadcasted to be 2-dimensional");
    char *room = tw_compute_workspace(c);
    const void *logit_rows, *label_rows;
    size_t logit_stride, label_stride;
    TW_TRY(as_rows(c, x, rows, cols, &room, &logit_rows, &logit_stride));
    TW_TRY(as_rows(c, labels, rows, cols, &room, &label_rows, &label_stride));
    tw_array *loss, *backprop;
    TW_TRY(tw_compute_allocate(c, 0, TW_SHAPE(rows), &loss));
    TW_TRY(tw_compute_allocate(c, 1, TW_SHAPE(rows, cols), &backprop));
    double factor;
    TW_TRY(factor_of(c, &factor));
    tw_par par = tw_compute_par(c);
    return tw_softmax_xent(x->dtype, (size_t)rows, (size_t)cols, logit_rows, logit_stride,
                           label_rows, label_stride, factor, loss->data, backprop->data, &par);
}

/* Each row of `matrix` times its element of `vector`. */
static tw_tensor scale_rows(tw_tensor vector, tw_tensor matrix)
{
    return tw_mul(tw_expand_dims(vector, -1), matrix);
}

/* A gradient of the broadcast shape becomes one of the input's. */
static tw_tensor as_input(tw_gradient *g, tw_tensor gradient, size_t input)
{
    tw_shape shape = tw_tensor_shape(g->inputs[input]);
    tw_shape other = tw_tensor_shape(g->inputs[1 - input]);
    if (!tw_shape_fully_known(shape) || !tw_shape_fully_known(other) ||
        tw_shape_equal(shape, other))
        return gradient;
    return tw_gradient_unbroadcast(g, gradient, g->inputs[input], g->inputs[1 - input]);
}

/* The second output is the derivative by the features; where something flows back into it, the
 * softmax's own derivative is added. */
static tw_status *gradient_dense(tw_gradient *g)
{
    tw_tensor logits = g->inputs[0], dloss = tw_gradient_dy(g, 0);
    tw_tensor dlogits = scale_rows(dloss, g->outputs[1]);
    if (g->dy[1].kind != TW_GRAD_NONE) {
        tw_tensor dback = tw_gradient_dy(g, 1), softmax = tw_softmax(logits);
        tw_tensor mean = tw_sum(tw_mul(dback, softmax), TW_INTS(1), .keep_dims = true);
        dlogits = tw_add(dlogits, tw_mul(tw_sub(dback, mean), softmax));
    }
    tw_tensor dlabels = scale_rows(dloss, tw_neg(tw_log_softmax(logits)));
    g->dx[0] = tw_grad_of(as_input(g, dlogits, 0));
    g->dx[1] = tw_grad_of(as_input(g, dlabels, 1));
    return TW_OK;
}

const tw_op_definition tw_op_SoftmaxCrossEntropyWithLogits = {
    .builder = "",
    .signature = "features: T, labels: T -> loss: T, backprop: T; T: {half, bfloat16, float, "
                 "double}",
    .doc = "For each row of `features`: the cross entropy of its softmax and the row of `labels`, "
           "a distribution; and its derivative by the features, softmax - labels.",
    .since = "half: 0.9; broadcast operands and the gradient of labels: 1.5; bfloat16: 1.7",
    .examples = {"softmax_cross_entropy_with_logits([[0., 0.]], [[1., 0.]]) -> "
                 "[0.6931472], [[-0.5, 0.5]]"},
    .infer = infer_dense,
    .gradient = gradient_dense,
    .compute = compute_dense,
    .in_place = 1,
    .in_place_output = 1,
    .workspace = workspace,
};

const tw_op_definition tw_op__ScaledSoftmaxCrossEntropy = {
    .builder = "",
    .signature = "features: T, labels: T, factor: T -> loss: T, backprop: T; T: {float, double}",
    .doc = "SoftmaxCrossEntropyWithLogits, whose backprop is multiplied by `factor`. The planner "
           "makes it.",
    .infer = infer_dense,
    .gradient = tw_not_differentiable,
    .compute = compute_dense,
    .in_place = 1,
    .in_place_output = 1,
    .workspace = workspace,
};

/* ---- SparseSoftmaxCrossEntropyWithLogits ---- */

/* One label a row: either says how many there are. */
static void infer_sparse(tw_infer *in)
{
    tw_shape x = tw_infer_matrix(in, 0), labels = tw_infer_vector(in, 1);
    int64_t rows = tw_infer_dim(x, 0), count = tw_infer_dim(labels, 0);
    if (!tw_dims_agree(rows, count))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, rows,
                      count);
    rows = rows < 0 ? count : rows;
    tw_infer_output(in, 0, TW_SHAPE(rows));
    tw_infer_output(in, 1, TW_SHAPE(rows, tw_infer_dim(x, 1)));
}

/* Those, and a vector as long as a row. */
static void infer_summed(tw_infer *in)
{
    infer_sparse(in);
    tw_infer_output(in, 2, TW_SHAPE(tw_infer_dim(tw_infer_matrix(in, 0), 1)));
}

/* For sums of parts of the rows, where these are many enough to go into several cells; a rank that
 * the kernel will refuse needs none. */
static size_t summed_workspace(const tw_compute *c)
{
    const tw_array *x = tw_input(c, 0);
    if (x->rank != 2)
        return 0;
    return tw_sparse_softmax_xent_room(x->dtype, (size_t)x->dims[0], (size_t)x->dims[1]);
}

/* The kernel looks at the labels before it writes. */
static tw_status *compute_sparse(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *labels = tw_input(c, 1);
    if (x->rank != 2)
        return tw_compute_fail(c, "logits must be 2-D, but got shape %s", tw_brackets(x).s);
    if (labels->rank != 1)
        return tw_compute_fail(c, "labels must be 1-D, but got shape %s", tw_brackets(labels).s);
    if (labels->dims[0] != x->dims[0])
        return tw_compute_fail(c,
                               "logits and labels must have the same first dimension, got logits "
                               "shape %s and labels shape %s",
                               tw_brackets(x).s, tw_brackets(labels).s);
    if (x->dims[1] == 0)
        return tw_compute_fail(c, "Must have at least one class, but got logits shape %s",
                               tw_brackets(x).s);
    double factor;
    TW_TRY(factor_of(c, &factor));
    tw_par par = tw_compute_par(c);
    return tw_sparse_softmax_xent(x->dtype, (size_t)x->dims[0], (size_t)x->dims[1], x->data,
                                  labels->dtype, labels->data, factor, tw_output_data(c, 0),
                                  tw_output_data(c, 1),
                                  c->output_count > 2 ? tw_output_data(c, 2) : NULL, &par);
}

/* As TensorFlow, without a second derivative: the first one does not know the features. */
static tw_status *gradient_sparse(tw_gradient *g)
{
    tw_tensor backprop = tw_prevent_gradient(
        g->outputs[1], .message = "Currently there is no way to take the second derivative of "
                                  "sparse_softmax_cross_entropy_with_logits due to the fused "
                                  "implementation's interaction with tf.gradients()");
    g->dx[0] = tw_grad_of(scale_rows(tw_gradient_dy(g, 0), backprop));
    return TW_OK;
}

const tw_op_definition tw_op_SparseSoftmaxCrossEntropyWithLogits = {
    .builder = "",
    .signature = "features: T, labels: Tlabels -> loss: T, backprop: T; "
                 "T: {half, bfloat16, float, double}; Tlabels: {int32, int64} = int64",
    .doc = "SoftmaxCrossEntropyWithLogits where each row has one class, whose number `labels` "
           "says.",
    .since = "half: 0.9; bfloat16: 1.7",
    .examples = {"sparse_softmax_cross_entropy_with_logits([[0., 0.]], [0]) -> "
                 "[0.6931472], [[-0.5, 0.5]]"},
    .infer = infer_sparse,
    .gradient = gradient_sparse,
    .compute = compute_sparse,
    .in_place = 1,
    .in_place_output = 1,
};

const tw_op_definition tw_op__ScaledSparseSoftmaxCrossEntropy = {
    .builder = "",
    .signature = "features: T, labels: Tlabels, factor: T -> loss: T, backprop: T; "
                 "T: {float, double}; Tlabels: {int32, int64} = int64",
    .doc = "SparseSoftmaxCrossEntropyWithLogits, whose backprop is multiplied by `factor`. The "
           "planner makes it.",
    .infer = infer_sparse,
    .gradient = tw_not_differentiable,
    .compute = compute_sparse,
    .in_place = 1,
    .in_place_output = 1,
};

const tw_op_definition tw_op__SummedSparseSoftmaxCrossEntropy = {
    .builder = "",
    .signature = "features: T, labels: Tlabels, factor: T -> loss: T, backprop: T, sums: T; "
                 "T: {float, double}; Tlabels: {int32, int64} = int64",
    .doc = "_ScaledSparseSoftmaxCrossEntropy and the sums of backprop's rows, which are the "
           "derivative of a bias. The planner makes it.",
    .infer = infer_summed,
    .gradient = tw_not_differentiable,
    .compute = compute_sparse,
    .in_place = 1,
    .in_place_output = 1,
    .workspace = summed_workspace,
};
