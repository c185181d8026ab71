/* SPDX-License-Identifier: Apache-2.0
 * Gradients clipped between computing and applying them. */
#include "train/train.h"

/* Slices are clipped by their values, as in TensorFlow: rows that stand twice count twice. */
tw_grads tw_clip_gradients(tw_grads grads, double clip_norm, tw_tensor *norm)
{
    tw_tensor first = {NULL, 0};
    for (size_t i = 0; i < grads.count && !first.op; i++)
        first = grads.grads[i].values;
    if (norm)
        *norm = (tw_tensor){NULL, 0};
    tw_graph *graph = first.op ? tw_operation_graph(first.op) : NULL;
    tw_tensor *values = tw_build_tensors(graph, grads.count);
    tw_grad *out = tw_build_grads(graph, grads.count);
    if (!values || !out)
        return grads;
    for (size_t i = 0; i < grads.count; i++)
        values[i] = grads.grads[i].values;
    struct tw_clip_by_global_norm_result clipped = tw_clip_by_global_norm(
        ((tw_tensors){values, grads.count}), clip_norm);
    for (size_t i = 0; i < grads.count; i++) {
        out[i] = grads.grads[i];
        if (i < clipped.clipped.count)
            out[i].values = clipped.clipped.items[i];
    }
    if (norm)
        *norm = clipped.norm;
    return (tw_grads){out, grads.count};
}
