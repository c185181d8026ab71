/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share: the path (the operations between xs and ys, and the
 * derivatives that came together at each output) and the seam to control flow.
 * A while loop is one node of the path: its derivative is a loop as well, made as a whole. */
#ifndef TW_AUTODIFF_GRADIENTS_H
#define TW_AUTODIFF_GRADIENTS_H

#include "base/arena.h"
#include "base/vec.h"
#include "graph/graph.h"
#include "thalweg/gradients.h"

typedef struct tw_path_node tw_path_node;

/* One use of a tensor: input `input` of `user`. */
typedef struct tw_path_edge {
    tw_tensor tensor;
    tw_path_node *from, *user;
    size_t output;                /* of `from`: what its outputs are counted by */
    struct tw_path_edge *sibling; /* another use of an output of `from` */
} tw_path_edge;

typedef struct tw_path_term {
    tw_grad grad;
    struct tw_path_term *next;
} tw_path_term;

/* The derivatives for one output, in the order in which they came. */
typedef struct tw_path_sum {
    tw_path_term *first, *last;
    size_t count;
    tw_grad total; /* once the node was visited */
} tw_path_sum;

struct tw_path_node {
    tw_operation *op;   /* NULL: a while loop */
    tw_region *loop;    /* its body; NULL: an operation */
    tw_tensor *outputs; /* a loop's: those of its Exits */
    tw_path_sum *sums;  /* one for each output */
    size_t output_count;
    tw_path_edge *inputs; /* a loop's: the inputs of its Enters, then what its LoopValues read */
    tw_operation **enters;
    size_t input_count, enter_count;
    bool wanted; /* a loop: derivatives for LoopValues inside are asked for */
    tw_path_edge *uses;
    size_t pending; /* uses between xs and ys that were not visited yet */
    bool reached;   /* from an x, through outputs that have derivatives */
    bool between;   /* reached, and what leads from it to a y is reached too */
    bool stops;     /* nothing flows on to its inputs */
};

typedef struct tw_path {
    tw_graph *graph;
    tw_region *base; /* the loop whose body is differentiated; NULL: no loop */
    bool body_only;  /* as a part of that loop's gradient, and not for a caller inside of it */
    tw_arena arena;
    TW_VEC(tw_path_node *) nodes;
    tw_path_node **by_operation; /* by id; NULL: y does not depend on it */
    size_t operation_count;
} tw_path;

/* Everything that ys depend on, with what lies between xs and ys marked and its pending uses
 * counted. Takes the graph's lock for as long as it reads. */
tw_status *tw_path_find(tw_path *path, tw_tensors ys, tw_tensors xs, tw_tensors stop);
void tw_path_clear(tw_path *path);
/* The node and output of a tensor; NULL: ys do not depend on it. */
tw_path_node *tw_path_node_of(const tw_path *path, tw_tensor tensor, size_t *output);
tw_status *tw_path_add(tw_path *path, tw_path_node *node, size_t output, tw_grad grad);

/* Whether tensors of that dtype have derivatives; those of whole numbers while this thread wants
 * them. Returns what was wanted before. */
bool tw_dtype_is_trainable(tw_dtype dtype);
bool tw_path_want_integers(bool want);

/* The sum of derivatives as one: slices if any are. Made by builders, whose errors go
 * to the build context. */
tw_grad tw_sum_grads(const tw_path_sum *sum, tw_arena *arena);

/* How many nodes TensorFlow makes where an operation's own gradient function is called; < 0: as
 * many as that function of ours. Takes the graph's lock. */
int64_t tw_gradient_node_count(tw_graph *graph, const tw_gradient *g);

/* ---- control flow ---- */

/* Switch, Merge, Enter, Exit ... outside of loops that are differentiated as a whole. *handled is
 * false for other operations: their own gradient function is called then. The build context and
 * the scopes are open. */
tw_status *tw_gradients_control(tw_gradient *g, bool *handled);

/* The Switch through which a tensor comes into a branch. */
bool tw_comes_into_branch(const tw_operation *op);
/* The place in gradient loop `back` for the derivatives of what is in `branch` of the loop that it
 * differentiates: a branch by the same predicate, made when it is first asked for. */
tw_status *tw_gradients_mirror(tw_region *back, tw_region *branch, tw_region **out);

/* A while loop: dy has one derivative for each output of `loop`, dx takes one for each input. */
tw_status *tw_gradients_loop(tw_path_node *loop, const tw_grad *dy, tw_grad *dx, bool colocate);

#endif
