/* SPDX-License-Identifier: Apache-2.0
 * Conditions and loops inside a graph, made of TensorFlow's own Switch, Merge, Enter ...
 * operations; and TensorArray for what a loop collects. Branches and bodies are C functions that
 * build operations and are called once, while building. */
#ifndef THALWEG_CONTROL_FLOW_H
#define THALWEG_CONTROL_FLOW_H

#include "operand.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills out[0 .. count - 1] (already invalid) with the branch's results. */
typedef void (*tw_branch_fn)(tw_tensor *out, size_t count, void *user);

struct tw_cond_args {
    size_t size;
    tw_where where;
    tw_operand pred; /* a bool scalar */
    tw_branch_fn on_true, on_false;
    size_t count;   /* results of each branch; default (0) means 1 */
    tw_tensor *out; /* the results; may be NULL for one result, which is returned */
    void *user;
    const char *name; /* "cond" */
};
/* Only the operations made inside the branch that is taken are run. Gives the first result. */
TW_API tw_tensor tw_cond_(const struct tw_cond_args *args);
#define tw_cond(...) TW_COND_CALL_(__VA_ARGS__, )
#define TW_COND_CALL_(pred, ...)     \
    tw_cond_(&(struct tw_cond_args){ \
        .size = sizeof(struct tw_cond_args), .where = TW_HERE, TW_OPERAND(pred), __VA_ARGS__})

typedef tw_tensor (*tw_loop_cond_fn)(const tw_tensor *vars, size_t count, void *user);
typedef void (*tw_loop_body_fn)(const tw_tensor *vars, tw_tensor *next, size_t count, void *user);

struct tw_while_loop_args {
    int64_t parallel_iterations; /* default 10; kept for export */
    bool back_prop;              /* default true */
    size_t size;
    tw_where where;
    tw_loop_cond_fn cond;
    tw_loop_body_fn body;
    tw_tensors vars; /* first values */
    tw_tensor *out;  /* one for each variable; may be NULL for one variable */
    /* one for each variable; NULL: the shapes of the first values */
    const tw_shape *shape_invariants;
    void *user;
    const char *name; /* "while" */
};
/* Gives the first variable's last value. */
TW_API tw_tensor tw_while_loop_(const struct tw_while_loop_args *args);
#define tw_while_loop(...)                                                                 \
    tw_while_loop_(&(struct tw_while_loop_args){.parallel_iterations = 10,                 \
                                                .back_prop = true,                         \
                                                .size = sizeof(struct tw_while_loop_args), \
                                                .where = TW_HERE,                          \
                                                __VA_ARGS__})

/* ---- step by step ----
 * What tw_cond and tw_while_loop are made of, for front ends whose branches and bodies are not C
 * functions: what is built between two calls goes into the branch or loop that is open. A builder
 * belongs to the thread that began it. Each step gives its own error; after one, the only thing
 * left to do is to end. Scopes that were opened inside are closed by the step that leaves. */

typedef struct tw_cond_builder tw_cond_builder;

struct tw_cond_begin_args {
    size_t size;
    tw_where where;
    tw_operand pred;
    const char *name; /* "cond"; "a/cond/" takes the scope as it is */
};
/* Opens the name scope and makes the Switch and the pivots. *out is NULL after an error. */
TW_API tw_status *tw_cond_begin(const struct tw_cond_begin_args *args, tw_cond_builder **out);
/* Enters the branch taken if the predicate is `side`. TensorFlow's order is true, then false. */
TW_API tw_status *tw_cond_enter(tw_cond_builder *builder, bool side);
/* Leaves it. seen[i] (may be the same memory) is results.items[i] as a tensor of the branch: an
 * outer tensor comes in through a Switch, an operation is the pivot after it has run. */
TW_API tw_status *tw_cond_leave(tw_cond_builder *builder, tw_tensors results, tw_tensor *seen);
/* One result out of what both branches gave, whose dtypes must agree. */
TW_API tw_status *tw_cond_merge(tw_cond_builder *builder, tw_tensor on_true, tw_tensor on_false,
                                tw_tensor *out);
/* Closes what is open and frees the builder. NULL is allowed. */
TW_API void tw_cond_end(tw_cond_builder *builder);

typedef struct tw_while_builder tw_while_builder;

struct tw_while_begin_args {
    int64_t parallel_iterations; /* 1 or more */
    bool back_prop;
    size_t size;
    tw_where where;
    tw_tensors vars;                  /* first values, of one graph */
    const tw_shape *shape_invariants; /* NULL, or one for each variable */
    /* A variable that comes back with another shape is no error: where its dimensions differ they
     * are unknown then. */
    bool any_shape;
    const char *name; /* "while"; "a/while/" takes the scope as it is */
};
/* Opens the name scope and the loop and makes the Enters and Merges. *out is NULL after an error.
 */
TW_API tw_status *tw_while_begin(const struct tw_while_begin_args *args, tw_while_builder **out);
/* What the condition reads of the variables; after tw_while_condition, what the body reads.
 * Borrowed. */
TW_API tw_tensors tw_while_vars(const tw_while_builder *builder);
/* Ends the condition and begins the body. */
TW_API tw_status *tw_while_condition(tw_while_builder *builder, tw_tensor go_on);
/* Ends the body; out[i] (may be the same memory) is the last value of variable i. */
TW_API tw_status *tw_while_body(tw_while_builder *builder, tw_tensors next, tw_tensor *out);
/* Closes what is open and frees the builder. NULL is allowed. */
TW_API void tw_while_end(tw_while_builder *builder);

/* ---- regions ----
 * A branch or a loop as the graph remembers it, with what is inside. It lives with the graph. */

typedef struct tw_region tw_region;

typedef enum tw_region_kind { TW_REGION_BRANCH, TW_REGION_LOOP } tw_region_kind;

/* The five nodes of one loop variable in the order in which they are made. */
typedef struct tw_loop_var {
    tw_operation *enter, *merge, *switch_, *next, *exit; /* NULL: not made (yet) */
} tw_loop_var;

typedef struct tw_region_info {
    size_t size; /* sizeof(tw_region_info), set by the caller */
    tw_region_kind kind;
    tw_graph *graph;
    tw_region *outer; /* NULL: none */
    const char *name; /* the frame of a loop, the name scope of a condition */
    tw_tensor pivot;  /* what waits for nothing else inside waits for this; invalid: nothing yet */
    /* of a branch */
    tw_tensor pred;
    bool branch;      /* which value of the predicate takes it */
    tw_region *other; /* the branch for the other value */
    /* of a loop */
    tw_operation *cond; /* LoopCond */
    int64_t parallel_iterations;
    bool back_prop;
    size_t var_count;
    tw_region *forward; /* of a loop of derivatives: the loop that it differentiates */
} tw_region_info;

/* The innermost one that an operation was made in, or that this thread builds in (in `graph`, or
 * the current one); NULL: none. */
TW_API tw_region *tw_operation_region(const tw_operation *op);
TW_API tw_region *tw_graph_region(const tw_graph *graph);
TW_API tw_region *tw_current_region(void);
TW_API void tw_region_get_info(const tw_region *region, tw_region_info *info);
/* All NULL beyond the last. */
TW_API tw_loop_var tw_region_var(const tw_region *region, size_t index);
/* What is made in `graph` until the tw_scope_pop that belongs to this is inside `region`, of that
 * graph; NULL: inside of none. */
TW_API tw_status *tw_graph_push_region(tw_graph *graph, tw_region *region);
/* An outer tensor as it is seen in `region`; its Switch or Enter is made when first needed. */
TW_API tw_status *tw_region_capture(tw_region *region, tw_tensor tensor, tw_tensor *out);

/* ---- TensorArray ---- */

/* A list of tensors of one dtype that a run fills: a handle and the flow that orders its reads and
 * writes. */
typedef struct tw_tensor_array {
    tw_tensor handle, flow;
    tw_dtype dtype;
} tw_tensor_array;

struct tw_tensor_array_args {
    size_t size;
    tw_where where;
    tw_dtype dtype;
    tw_operand length;
    bool dynamic_size;      /* a write behind the end makes it longer */
    bool keep_after_read;   /* elements may be read again */
    tw_shape element_shape; /* default: that of the first element written */
    const char *name;       /* "TensorArray" */
};
TW_API tw_tensor_array tw_tensor_array_new_(const struct tw_tensor_array_args *args);
#define tw_tensor_array_new(...) TW_TENSOR_ARRAY_CALL_(__VA_ARGS__, )
#define TW_TENSOR_ARRAY_CALL_(type, count, ...)                                     \
    tw_tensor_array_new_(                                                           \
        &(struct tw_tensor_array_args){.size = sizeof(struct tw_tensor_array_args), \
                                       .where = TW_HERE,                            \
                                       .dtype = type,                               \
                                       .length = TW_OPERAND(count),                 \
                                       __VA_ARGS__})
/* The array with `value` as its element `index`; each element is written once. */
TW_API tw_tensor_array tw_tensor_array_put(tw_tensor_array array, tw_operand index,
                                           tw_tensor value);
TW_API tw_tensor tw_tensor_array_take(tw_tensor_array array, tw_operand index);
/* All elements along a new first dimension, and back. */
TW_API tw_tensor tw_tensor_array_stack(tw_tensor_array array);
TW_API tw_tensor_array tw_tensor_array_unstack(tw_tensor_array array, tw_tensor value);
TW_API tw_tensor tw_tensor_array_length(tw_tensor_array array); /* an int32 scalar */

#ifdef __cplusplus
}
#endif
#endif
