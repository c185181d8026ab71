/* SPDX-License-Identifier: Apache-2.0
 * Cross entropies of logits, one loss for each row. The softmax ones take logits of any rank: rows
 * are put under each other for the kernel, and the losses back into the shape of the rows. The
 * sigmoid ones use the forms that do not overflow. */
#include "composites/composite.h"

/* ---- rows of any rank ---- */

/* The sizes of all dims of `tensor` but the last: of the losses. */
static tw_tensor row_sizes(tw_tensor tensor)
{
    tw_tensor rows = tw_sub(tw_rank_of(tensor), 1);
    return tw_slice(tw_sizes_of(tensor), TW_INTS(0), tw_expand_dims(rows, 0));
}

/* (rows, classes); a matrix is one already. */
static tw_tensor as_rows(tw_tensor tensor)
{
    tw_shape shape = tw_tensor_shape(tensor);
    if (shape.dims && shape.rank == 2)
        return tensor;
    tw_tensor classes = tw_slice(tw_sizes_of(tensor),
                                 tw_expand_dims(tw_sub(tw_rank_of(tensor), 1), 0), TW_INTS(1));
    return tw_reshape(tensor, tw_concat(TW_LIST(tw_numbers(TW_INTS(-1), "values_0"), classes), 0));
}

/* Output 0 of the kernel; output 1, the derivative, is used by the gradient. Invalid `sizes`
 * mean that rows need no shape. */
static tw_tensor loss_of(const char *type, tw_tensor logits, tw_tensor labels, tw_tensor sizes)
{
    tw_tensor loss = tw_make(type, NULL, TW_LIST(logits, labels), NULL, 0);
    return tw_tensor_valid(sizes) ? tw_reshape(loss, sizes) : loss;
}

/* The first version of this function: nothing flows into labels, hence the stop_gradient and the
 * scope's name with _sg. */
tw_tensor tw_softmax_cross_entropy_with_logits_build(
    const struct tw_softmax_cross_entropy_with_logits_args *a)
{
    tw_composite_scope scope;
    tw_operand logits = tw_of_tensor(a->logits);
    tw_composite_enter(&scope, a->where, &logits, a->name, "softmax_cross_entropy_with_logits_sg");
    tw_tensor labels = tw_stop_gradient(a->labels, .name = "labels_stop_gradient");
    tw_shape shape = tw_tensor_shape(a->logits);
    bool matrix = shape.dims && shape.rank == 2;
    tw_tensor sizes = matrix ? (tw_tensor){NULL, 0} : row_sizes(a->logits);
    tw_tensor loss = loss_of("SoftmaxCrossEntropyWithLogits", as_rows(a->logits), as_rows(labels),
                             sizes);
    tw_composite_leave(&scope);
    return loss;
}

const tw_composite tw_composite_softmax_cross_entropy_with_logits = {
    .signature = "; labels: tensor?; logits: tensor? -> loss: tensor",
    .doc = "The cross entropy of softmax(logits) to the distribution `labels`, over the last dim; "
           "no gradient flows into the labels.",
};

/* Labels must be of one rank less than logits. */
static bool ranks_agree(tw_tensor labels, tw_tensor logits)
{
    tw_shape x = tw_tensor_shape(labels), y = tw_tensor_shape(logits);
    return !x.dims || !y.dims || x.rank + 1 == y.rank;
}

/* A matrix goes to the kernel as it is; logits of other ranks are put into rows first, which
 * TensorFlow does with the same nodes. */
tw_tensor tw_sparse_softmax_cross_entropy_with_logits_build(
    const struct tw_sparse_softmax_cross_entropy_with_logits_args *a)
{
    tw_composite_scope scope;
    tw_tensor loss = {NULL, 0};
    tw_operand logits = tw_of_tensor(a->logits);
    tw_composite_enter(&scope, a->where, &logits, a->name, "SparseSoftmaxCrossEntropyWithLogits");
    tw_shape shape = tw_tensor_shape(a->logits);
    if (!ranks_agree(a->labels, a->logits)) {
        loss = tw_refuse("Rank mismatch: Rank of labels (received %zu) should equal rank of logits "
                         "minus 1 (received %zu).",
                         tw_tensor_shape(a->labels).rank, shape.rank);
    } else if (shape.dims && shape.rank == 2) {
        loss = loss_of("SparseSoftmaxCrossEntropyWithLogits", a->logits, a->labels,
                       (tw_tensor){NULL, 0});
    } else {
        tw_tensor flat = tw_reshape(a->labels, TW_INTS(-1));
        loss = loss_of("SparseSoftmaxCrossEntropyWithLogits", as_rows(a->logits), flat,
                       tw_sizes_of(a->labels));
    }
    tw_composite_leave(&scope);
    return loss;
}

const tw_composite tw_composite_sparse_softmax_cross_entropy_with_logits = {
    .signature = "; labels: tensor?; logits: tensor? -> loss: tensor",
    .doc =
        "The cross entropy of softmax(logits) to the classes `labels` (int32 or int64, of one rank "
        "less), over the last dim.",
};

/* ---- sigmoids ---- */

/* max(x, 0) - x z + log(1 + exp(-|x|)), the form that does not overflow. */
tw_tensor tw_sigmoid_cross_entropy_with_logits_build(
    const struct tw_sigmoid_cross_entropy_with_logits_args *a)
{
    tw_composite_scope scope;
    tw_operand operand = tw_of_tensor(a->logits);
    tw_composite_enter(&scope, a->where, &operand, a->name, "logistic_loss");
    tw_tensor x = a->logits, zeros = tw_zeros_like(x);
    tw_tensor positive = tw_greater_equal(x, zeros);
    tw_tensor relu = tw_select(positive, x, zeros), minus_abs = tw_select(positive, tw_neg(x), x);
    tw_tensor linear = tw_sub(relu, tw_mul(x, a->labels, .name = "mul"), .name = "sub");
    tw_tensor loss = tw_add(linear, tw_log1p(tw_exp(minus_abs)), .name = scope.name);
    tw_composite_leave(&scope);
    return loss;
}

const tw_composite tw_composite_sigmoid_cross_entropy_with_logits = {
    .signature = "; labels: tensor?; logits: tensor? -> loss: tensor",
    .doc =
        "The cross entropy of sigmoid(logits) to `labels` between 0 and 1, element by element, in "
        "the form that does not overflow.",
};

/* (1 - z) x + (1 + (q - 1) z) (log(1 + exp(-|x|)) + max(-x, 0)) */
tw_tensor tw_weighted_cross_entropy_with_logits_build(
    const struct tw_weighted_cross_entropy_with_logits_args *a)
{
    tw_composite_scope scope;
    tw_operand operand = tw_of_tensor(a->logits);
    tw_composite_enter(&scope, a->where, &operand, a->name, "logistic_loss");
    tw_tensor x = a->logits, z = a->targets;
    tw_tensor weight = tw_mul(a->pos_weight - 1, z, .name = "mul");
    weight = tw_add(1, weight, .name = "add");
    tw_tensor linear = tw_mul(tw_sub(1, z, .name = "sub"), x, .name = "mul");
    tw_tensor soft = tw_log1p(tw_exp(tw_neg(tw_abs(x))));
    soft = tw_add(soft, tw_relu(tw_neg(x)), .name = "add");
    tw_tensor loss = tw_add(linear, tw_mul(weight, soft, .name = "mul"), .name = scope.name);
    tw_composite_leave(&scope);
    return loss;
}

const tw_composite tw_composite_weighted_cross_entropy_with_logits = {
    .signature = "; targets: tensor?; logits: tensor?; pos_weight: float = 1.0 -> loss: tensor",
    .doc =
        "sigmoid_cross_entropy_with_logits with the loss of positive targets times `pos_weight`.",
};
