/* SPDX-License-Identifier: Apache-2.0
 * What the files about variables share. */
#ifndef TW_GRAPH_VARIABLES_H
#define TW_GRAPH_VARIABLES_H

#include "graph/operand.h"
#include "thalweg/variables.h"

/* A variable that tw_get_variable made, by its full name; in the graph's arena. */
typedef struct tw_variable_record {
    tw_tensor tensor;
    tw_where where;
} tw_variable_record;

/* The first value where no initializer was given: glorot_uniform for floating dtypes, zeros for
 * integers, bool and string. Made in the scopes of this thread. */
tw_status *tw_default_initializer(tw_graph *graph, tw_shape shape, tw_dtype dtype, tw_where where,
                                  tw_tensor *out);

#endif
