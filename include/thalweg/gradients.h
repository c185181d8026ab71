/* SPDX-License-Identifier: Apache-2.0
 * Derivatives: operations that compute d sum(ys) / d xs are added to the graph. */
#ifndef THALWEG_GRADIENTS_H
#define THALWEG_GRADIENTS_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_grad_kind { TW_GRAD_NONE, TW_GRAD_TENSOR, TW_GRAD_SLICES } tw_grad_kind;

/* The gradient for one tensor: none (not connected), a tensor, or slices: row indices[i] of a
 * tensor of shape `dense_shape` (may be invalid: unknown) gets values[i]; repeated rows add up.
 * TensorFlow's IndexedSlices. */
typedef struct tw_grad {
    tw_grad_kind kind;
    tw_tensor values, indices, dense_shape;
} tw_grad;

typedef struct tw_grads {
    const tw_grad *grads; /* one for each x; borrowed from the graph */
    size_t count;
} tw_grads;

static inline tw_grad tw_grad_none(void)
{
    tw_grad none = {TW_GRAD_NONE, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    return none;
}
static inline tw_grad tw_grad_of(tw_tensor tensor)
{
    tw_grad grad = {TW_GRAD_TENSOR, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    grad.values = tensor;
    return grad;
}
/* As one tensor: slices become dense; none gives an invalid tensor. */
TW_API tw_tensor tw_grad_tensor(tw_grad grad);

struct tw_gradients_args {
    size_t size;
    tw_where where;
    tw_tensors ys, xs;
    tw_tensors grad_ys; /* one for each y, or none: ones; an invalid tensor among them: ones */
    tw_tensors stop;    /* nothing flows back through these */
    const char *name;   /* the name scope, default "gradients" */
    bool colocate;      /* with the forward operations */
    /* an optimizer asks: the nodes that TensorFlow makes for that count for later seeds */
    bool gate;
    bool integers; /* derivatives of whole numbers flow too, as before TensorFlow 0.9 */
};
TW_API tw_grads tw_gradients_(const struct tw_gradients_args *args);
/* The same with a status; on an error the graph keeps no error. */
TW_API tw_status *tw_gradients_add(const struct tw_gradients_args *args, tw_grads *out);
#define tw_gradients(...)                      \
    tw_gradients_(&(struct tw_gradients_args){ \
        .size = sizeof(struct tw_gradients_args), .where = TW_HERE, __VA_ARGS__})

/* Calls the gradient function of one operation: dy has one for each output (kind none: nothing
 * flows), *out gets one for each input, borrowed from the graph. No scope is opened. */
TW_API tw_status *tw_gradient_of(tw_operation *op, tw_grads dy, tw_grads *out);

/* Room for `count` gradients (none) that lives with the graph (NULL: the current one), for lists to
 * give back. NULL: no memory, which was reported. */
TW_API tw_grad *tw_build_grads(tw_graph *graph, size_t count);

#ifdef __cplusplus
}
#endif
#endif
