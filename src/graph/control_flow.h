/* SPDX-License-Identifier: Apache-2.0
 * How loops are made of nodes: what tw_while_loop and the gradients of loops share. A loop is
 * opened, its variables enter and merge, the condition is set, the variables are switched, the body
 * is built in the region, and each variable goes on and exits. Names are under the scopes of the
 * thread. */
#ifndef TW_GRAPH_CONTROL_FLOW_H
#define TW_GRAPH_CONTROL_FLOW_H

#include "graph/graph.h"

/* Adds one operation in the scopes of this thread. name NULL: its type. */
tw_status *tw_node_add(tw_graph *graph, const char *type, const char *name, tw_tensors inputs,
                       const tw_attr *attrs, size_t attr_count, tw_where where, tw_operation **out);

/* A loop around which the current region is; `frame` is made unique. */
tw_status *tw_loop_open(tw_graph *graph, const char *frame, int64_t parallel_iterations,
                        tw_region **out);
/* All of these want the loop's region to be the current one. A variable is known by its index in
 * region->vars. Invariant NULL: the first value's shape. */
tw_status *tw_loop_enter(tw_region *region, tw_tensor first, const tw_shape *invariant,
                         const char *name, tw_where where);
tw_status *tw_loop_merge(tw_region *region, size_t var, const char *name, tw_where where);
tw_status *tw_loop_condition(tw_region *region, tw_tensor go_on, const char *name, tw_where where);
tw_status *tw_loop_switch(tw_region *region, size_t var, const char *name, tw_where where);
/* The value of the next iteration: the back edge. */
tw_status *tw_loop_next(tw_region *region, size_t var, tw_tensor value, const char *name,
                        tw_where where);
tw_status *tw_loop_exit(tw_region *region, size_t var, const char *name, tw_where where);
/* What the body reads of a variable (of an operation Switch). */
static inline tw_tensor tw_loop_inside(const tw_region *region, size_t var)
{
    return (tw_tensor){region->vars.items[var].switch_, 1};
}

/* An Enter of `tensor`, seen as it is in `region->outer`, for all iterations. */
tw_status *tw_loop_constant(tw_region *region, tw_tensor tensor, tw_tensor *out);
/* In a gradient loop: the value that `forward`, of the loop that it differentiates (or another loop
 * of as many iterations), had in the iteration that the gradient loop's counter names. */
tw_status *tw_loop_value(tw_region *region, tw_tensor forward, tw_tensor *out);
/* The constant Enter that a tensor of a loop plainly is; NULL: it is another thing. */
tw_operation *tw_loop_constant_enter(tw_tensor tensor);

/* Inside, `tensor` of the outside is used as it is. */
void tw_region_sees(tw_region *region, tw_tensor tensor);
/* Depth to pop back to, with the region current and no control dependency of outside; < 0: no
 * memory. */
int tw_region_step_into(tw_region *region);
bool tw_region_holds(const tw_region *region, const tw_operation *op); /* its outputs, that is */

#endif
