/* SPDX-License-Identifier: Apache-2.0
 * Operands that are no tensors yet: which dtype they would have by themselves, and the constants
 * that they become. */
#ifndef TW_GRAPH_OPERAND_H
#define TW_GRAPH_OPERAND_H

#include "graph/graph.h"
#include "thalweg/operand.h"

/* float32 for numbers with a point, int32 or int64 for integers, else bool or string;
 * TW_INVALID_DTYPE for nothing. An array has its own. */
tw_dtype tw_operand_dtype(const tw_operand *operand);
/* A new array; a value that `dtype` does not hold is a TYPE error. */
tw_status *tw_operand_array(const tw_operand *operand, tw_dtype dtype, tw_array **out);
/* A Const of it, in the scopes of this thread but for its name, which stands behind `prefix` (NULL:
 * in these scopes too). A tensor comes back as it is. */
tw_status *tw_operand_add(tw_graph *graph, const char *prefix, const tw_operand *operand,
                          tw_dtype dtype, const char *name, tw_where where, tw_tensor *out);
/* A Const that takes a reference of the array. */
tw_status *tw_constant_add(tw_graph *graph, const char *prefix, tw_array *array, const char *name,
                           tw_where where, tw_tensor *out);

#endif
