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
