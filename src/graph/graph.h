/* SPDX-License-Identifier: Apache-2.0
 * The inside of graphs and operations, for the layers above (autodiff, plan). One lock a graph; what it protects is said
 * beside each member. Readers that plan or differentiate take the lock once and work on what they copied. */
#ifndef TW_GRAPH_GRAPH_H
#define TW_GRAPH_GRAPH_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/os.h"
#include "base/vec.h"
#include "op/op.h"
#include "thalweg/graph.h"

typedef struct tw_region tw_region;

typedef struct tw_output_info {
    tw_dtype dtype;             /* reference types included */
    tw_shape shape;             /* static; dims in the graph's arena; replaced as a whole under the lock */
} tw_output_info;

struct tw_operation {
    tw_graph *graph;
    size_t id;
    tw_spec spec;               /* op NULL: a type that the registry does not know; attrs in the graph's arena */
    const char *device;
    tw_tensor *inputs;
    tw_operation **controls;
    tw_output_info *outputs;
    uint32_t input_count, control_count, output_count;
    tw_region *region;          /* innermost branch or loop that it was made in; NULL: none */
    tw_tensor forward;          /* of a LoopValue: what it reads; invalid otherwise */
    tw_array *constant;         /* the value of a Const or of what was folded while building; NULL: not known */
    const void *unknown_fields; /* of an imported NodeDef, written back */
    size_t unknown_size;
};

typedef enum tw_region_kind { TW_REGION_BRANCH, TW_REGION_LOOP } tw_region_kind;

typedef struct tw_loop_var {
    tw_operation *enter, *merge, *switch_, *next, *exit; /* exit may be NULL */
} tw_loop_var;

/* What control flow builders note beside TensorFlow's nodes; export never sees it. */
struct tw_region {
    tw_region_kind kind;
    tw_region *outer;
    const char *name;           /* frame name of a loop, scope of a cond */
    tw_graph *graph;
    /* branch */
    tw_tensor pred, pivot;      /* the outer predicate; the Identity that is alive in this branch */
    bool branch;                /* true or false side */
    tw_region *other;           /* the other side of the same cond */
    /* loop */
    tw_operation *cond;         /* LoopCond */
    tw_tensor pivot_body;       /* control dependency of sources in the body */
    tw_operation *pivot_cond;
    TW_VEC(tw_loop_var) vars;
    bool back_prop;
    int64_t parallel_iterations;
    tw_region *forward;         /* of a gradient loop: the loop that it differentiates */
    tw_tensor counter;          /* the iteration number inside the body, where one was made */
    /* both: outer tensor (by operation id << 8 | output) -> the tensor that stands for it inside (pointer to tw_tensor) */
    tw_int_map captured;
};

struct tw_graph {
    atomic_int refs;
    tw_mutex lock;              /* recursive use is an error: functions ending in _locked expect it held */
    tw_arena arena;
    TW_VEC(tw_operation *) operations; /* the items array may move: read it under the lock */
    tw_map by_name;             /* operation names, exact */
    tw_map names;               /* names in use in lower case -> next suffix (as intptr) */
    tw_map collections;         /* name -> tw_collection * */
    tw_map variables;           /* full name -> tw_variable_record *, see variables.c */
    tw_map gradients, shapes;   /* overrides of this graph: name -> tw_override * */
    TW_VEC(tw_region *) regions;
    _Atomic uint64_t version;
    bool has_seed, finalized;
    int64_t seed;
    int64_t extra_nodes;        /* how many more nodes TensorFlow would have made: for op seeds */
    tw_status *status;          /* the first error of the macro face */
    int32_t producer, min_consumer;
    const void *library;        /* the FunctionDefLibrary as imported, binary */
    size_t library_size;
    const void *unknown_fields; /* of an imported GraphDef */
    size_t unknown_size;
};

typedef struct tw_override {
    tw_gradient_fn gradient;
    tw_infer_fn shape;
    void *user;
} tw_override;

void tw_graph_lock(const tw_graph *graph);
void tw_graph_unlock(const tw_graph *graph);

/* The thread's state: stack of scopes and build contexts. */
tw_region *tw_current_region(void);          /* of the current graph in this thread */
int tw_scope_push_region(tw_region *region); /* sets it until popped; the depth to pop back to */
tw_where tw_current_where(tw_where given);   /* that of the build context, or `given` */

/* A tensor of an outer region as it is seen in `region` (Switch or Enter are made when needed). Called by tw_graph_add for
 * every input when a region is current; see control_flow.c. */
tw_status *tw_region_capture(tw_region *region, tw_tensor tensor, tw_tensor *out);

/* Decorates a status about an operation to be: type, name, inputs' dtypes, shapes, sources and lines, and where. */
tw_status *tw_graph_explain(tw_status *status, const char *type, const char *name, const tw_tensor *inputs,
                            size_t input_count, const char *const *input_names, tw_where where);

/* The function that differentiates `op`: the graph's override, the global one, the op's own; NULL: none. */
tw_gradient_fn tw_operation_gradient(const tw_operation *op, void **user);

#endif
