/* SPDX-License-Identifier: Apache-2.0
 * The inside of graphs and operations, for the layers above (autodiff, plan). One lock a graph;
 * what it protects is said beside each member. Readers that plan or differentiate take the lock
 * once and work on what they copied. A function that takes the lock must not be called while it is
 * held: of the public ones these are all that touch inputs, shapes, attributes, collections or
 * names; a tensor's dtype, an operation's name, type and place never change and need no lock. */
#ifndef TW_GRAPH_GRAPH_H
#define TW_GRAPH_GRAPH_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/os.h"
#include "base/vec.h"
#include "graph/name_table.h"
#include "op/op.h"
#include "thalweg/control_flow.h"
#include "thalweg/graph.h"

/* Shapes only become more precise with time, so a reader's older copy is still true. */
typedef struct tw_output_info {
    tw_dtype dtype; /* reference types included */
    tw_shape shape; /* static; dims in the graph's arena; replaced as a whole under the lock */
} tw_output_info;

/* What an imported node had that is none of the members of an operation, to be written back. */
typedef struct tw_import_rest {
    const void *node; /* a NodeDef of the other fields */
    size_t node_size;
    tw_bytes *attrs; /* by attribute: its AttrValue where ours would read otherwise */
    size_t attr_count;
} tw_import_rest;

struct tw_operation {
    tw_graph *graph;
    size_t id;
    tw_spec spec; /* op NULL: a type that the registry does not know; attrs in the graph's arena */
    const char *device;
    tw_tensor *inputs;
    tw_operation **controls;
    tw_output_info *outputs;
    uint32_t input_count, control_count, output_count;
    uint32_t exported_attrs; /* so many of spec.attrs are written; those after them are defaults */
    uint64_t constant_version; /* the graph's `changes` when `constant` was found */
    tw_region *region;         /* innermost branch or loop that it was made in; NULL: none */
    tw_tensor forward;         /* of a LoopValue: what it reads; invalid otherwise */
    tw_array *constant;        /* the value of a Const, or folded while building; NULL: not known */
    const tw_import_rest *import; /* NULL: not imported, or nothing left over */
};

/* What control flow builders note beside TensorFlow's nodes; export never sees it. */
struct tw_region {
    tw_region_kind kind;
    tw_region *outer;
    const char *name; /* frame name of a loop, scope of a cond */
    tw_graph *graph;
    /* branch */
    tw_tensor pred, pivot; /* the outer predicate; the Identity that is alive in this branch */
    bool branch;           /* true or false side */
    tw_region *other;      /* the other side of the same cond */
    /* loop */
    tw_operation *cond;   /* LoopCond */
    tw_tensor pivot_body; /* control dependency of sources in the body */
    tw_operation *pivot_cond;
    TW_VEC(tw_loop_var) vars;
    bool back_prop;
    int64_t parallel_iterations;
    /* of a gradient loop: the loop that it differentiates; of a mirrored branch: the one that it
     * is taken with, in that loop or outside of the loop in which somebody differentiates */
    tw_region *forward;
    TW_VEC(tw_region *) mirrors; /* the branches in it that have `forward` */
    tw_tensor counter;           /* the iteration number inside the body, where one was made, */
    tw_tensor trips;             /* and how many iterations there are, seen from around the loop */
    /* both: outer tensor (by operation id << 8 | output) -> the tensor that stands for it inside
     * (pointer to tw_tensor) */
    tw_int_map captured;
};

/* A function of the caller's that replaces one of the registry's, in one graph. */
typedef struct tw_override {
    tw_gradient_fn gradient;
    tw_infer_fn shape;
    void *user;
} tw_override;

struct tw_graph {
    atomic_int refs;
    tw_mutex lock; /* recursive use is an error: functions ending in _locked expect it held */
    tw_arena arena;
    TW_VEC(tw_arena) imports;          /* the memory of imported operations */
    TW_VEC(tw_operation *) operations; /* the items array may move: read it under the lock */
    tw_name_table names;               /* of operations and scopes */
    tw_map files;                      /* source files that `where` of an operation names */
    const char *last_file;
    tw_map collections;       /* name -> tw_collection * */
    tw_map variables;         /* full name -> tw_variable_record *, see variables.c */
    tw_map gradients, shapes; /* overrides of this graph: name -> tw_override * */
    TW_VEC(tw_region *) regions;
    TW_VEC(tw_attr) retired; /* replaced attributes, which somebody may still read */
    _Atomic uint64_t version;
    /* of finished operations: what was folded or planned before is stale; under the lock, but read
     * without it where a call asks whether its plan is still good */
    _Atomic uint64_t changes;
    bool has_seed, finalized;
    bool exact_names;          /* see tw_graph_set_exact_names */
    atomic_bool reuse_at_root; /* tw_reuse_variables outside of every variable scope */
    int64_t seed;
    int64_t extra_nodes;       /* that TensorFlow would have made besides: for op seeds */
    tw_map worked_out;         /* what makes it so many: texts, see autodiff/nodes.c */
    tw_status *_Atomic status; /* the first error of the macro face */
    void *_Atomic user;        /* a front end's */
    int32_t producer, min_consumer;
    const void *rest; /* an imported GraphDef without its nodes: library, versions ... */
    size_t rest_size;
};

/* The level of GraphDef that operations built here are written at: 1.15's. */
enum { TW_GRAPH_PRODUCER = 134 };

void tw_graph_lock(const tw_graph *graph);
void tw_graph_unlock(const tw_graph *graph);

/* The thread's state: stack of scopes and build contexts. */
/* Sets the current region (NULL: none) until popped. The depth to pop back to; < 0: no memory. */
int tw_scope_push_region(tw_region *region);
void tw_scope_pop_to(int depth);
tw_where tw_current_where(tw_where given); /* that of the build context, or `given` */
/* What tw_reset_default_graph and the end of this thread call: the default session's end. */
void tw_on_reset(void (*fn)(void));

/* A new record in the graph's list; its memory is the graph's. */
tw_status *tw_region_new(tw_graph *graph, tw_region_kind kind, tw_region *outer, const char *name,
                         tw_region **out);
tw_status *tw_region_new_locked(tw_graph *graph, tw_region_kind kind, tw_region *outer,
                                const char *name, tw_region **out);
/* Makes the records of well formed loops that have none: what was imported or made node by node.
 * Takes the lock. */
tw_status *tw_graph_find_regions(tw_graph *graph);
/* Whether a type is `plain` or its reference form: "Enter" and "RefEnter". */
bool tw_type_is(const char *type, const char *plain);
/* The innermost loop that is `region` or around it; NULL: none. */
tw_region *tw_region_loop(tw_region *region);

/* Decorates a status about an operation to be: type, name, inputs' dtypes, shapes, sources and
 * lines, and where. Gives its argument. input_names may be NULL. */
tw_status *tw_graph_explain(tw_status *status, const char *type, const char *name,
                            const tw_tensor *inputs, size_t input_count,
                            const char *const *input_names, tw_where where);

/* The function that differentiates `op`: the graph's override, the global one, the op's own; NULL:
 * none. What _gradient_op_type names is looked for before the type. */
tw_gradient_fn tw_operation_gradient(const tw_operation *op, void **user);
/* The caller's shape rule for a type: of the graph or of all graphs; NULL: none. */
tw_infer_fn tw_operation_shape_rule(const tw_graph *graph, const char *type, void **user);

/* ---- what the files of this folder share ---- */

/* names.c */
bool tw_name_is_valid(const char *name, bool root); /* root false: as a scope inside another */
/* A name that is wanted: `length` bytes, behind which a suffix or a slash has room. */
typedef struct tw_name_text {
    char *text;
    size_t length, prefix; /* of the prefix */
    char small[232];
} tw_name_text;
/* `prefix` and the first `length` bytes of `name`; false: no memory. tw_name_end in any case. */
bool tw_name_begin(tw_name_text *t, const char *prefix, const char *name, size_t length);
void tw_name_end(tw_name_text *t);
void tw_name_restore(tw_name_text *t); /* without the suffix that it was given */
/* A name that was chosen, until the lock is given back. */
typedef struct tw_name_claim {
    size_t length;
    /* positions in the table: of the name, of what was wanted; 0: none */
    uint32_t hash, own, asked;
    bool marked; /* it counts as taken already */
} tw_name_claim;
/* Puts the suffix that makes it unique behind the text. Makes room for the entry and changes
 * nothing else; false: no memory. */
bool tw_name_choose_locked(tw_graph *graph, tw_name_text *t, tw_name_claim *claim);
/* The name as it is; refused where an operation has it. */
tw_status *tw_name_choose_exact_locked(tw_graph *graph, const char *name, size_t length,
                                       tw_name_claim *claim);
/* Takes it, for `op` or (NULL) for a scope. `text` is the chosen name in the graph's memory. */
void tw_name_enter_locked(tw_graph *graph, const tw_name_claim *claim, const char *text,
                          tw_operation *op);
/* Of exactly this name; NULL: none. */
tw_operation *tw_name_operation_locked(const tw_graph *graph, const char *name, size_t length);

/* add.c: tw_graph_add of an op that was looked up (NULL: not yet) under a name that stands behind
 * `prefix` (NULL: in the scopes of this thread), the name of a scope with its slash; without a name
 * in `args` it has this scope's. */
tw_status *tw_graph_add_known(tw_graph *graph, const tw_graph_add_args *args, const tw_op *op,
                              const char *prefix, tw_operation **out);
/* A copy of a text that lives with the graph. NULL text gives "". */
const char *tw_graph_keep_file_locked(tw_graph *graph, const char *file);
void tw_graph_changed_locked(tw_graph *graph); /* a finished operation changed */

/* fold.c. Its value where it is known while building: a new reference, or NULL. Takes the lock. */
tw_array *tw_fold_value(tw_tensor tensor);
/* The same where it need not be worked out. */
tw_array *tw_fold_remembered_locked(tw_tensor tensor);
/* What is known of an integer vector, as a shape whose unknown entries are -1; dims in the arena.
 * dims NULL: nothing. */
tw_shape tw_fold_partial(tw_tensor tensor, tw_arena *arena);

/* Reports an error as a builder does: to the innermost context, or else `graph`. Takes it. */
void tw_build_report(tw_graph *graph, tw_status *status);
/* Leaves a context that a function of the stable core has entered; `status` (taken) or else the
 * first error that builders reported to it. */
tw_status *tw_build_end(tw_build_context *ctx, tw_status *status);

#endif
