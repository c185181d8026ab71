/* SPDX-License-Identifier: Apache-2.0
 * Graphs of operations. A tensor is a small value {operation, output index}: it has no number until
 * a session runs it. Functions that add operations here are the stable core: they return a status
 * and leave the graph as it was when they fail. The typed builders of <thalweg/ops.h> stand on
 * tw_graph_add. A graph may be built by several threads at once and while others run it; what a
 * function returns as borrowed lives as long as the graph. */
#ifndef THALWEG_GRAPH_H
#define THALWEG_GRAPH_H

#include "array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_graph tw_graph;
typedef struct tw_operation tw_operation;

/* Output `index` of an operation; index -1: the operation itself (one without outputs, a target).
 * op NULL: invalid. */
typedef struct tw_tensor {
    tw_operation *op;
    int32_t index;
} tw_tensor;

typedef struct tw_tensors {
    const tw_tensor *items;
    size_t count;
} tw_tensors;
#define TW_LIST(...)                                               \
    ((tw_tensors){(const tw_tensor[]){{NULL, 0}, __VA_ARGS__} + 1, \
                  sizeof((const tw_tensor[]){{NULL, 0}, __VA_ARGS__}) / sizeof(tw_tensor) - 1})
#define TW_FETCH TW_LIST

/* ---- attributes ---- */

typedef enum tw_attr_kind {
    TW_ATTR_NONE,
    TW_ATTR_INT,
    TW_ATTR_FLOAT,
    TW_ATTR_BOOL,
    TW_ATTR_STRING,
    TW_ATTR_TYPE,
    TW_ATTR_SHAPE,
    TW_ATTR_TENSOR,
    TW_ATTR_FUNC,
    TW_ATTR_PLACEHOLDER /* the name of a function's attribute that stands here */
} tw_attr_kind;

typedef struct tw_bytes {
    const char *data;
    size_t length;
} tw_bytes;

struct tw_attr;
/* A function by name with values for its attributes. */
typedef struct tw_func {
    const char *name;
    const struct tw_attr *attrs;
    size_t attr_count;
} tw_func;

/* A named value. Scalars: `value`; lists: `list` is true and `items` points at `count` elements of
 * the kind's C type (int64_t, float, bool, tw_bytes, tw_dtype, tw_shape, tw_array *, tw_func).
 * Whatever keeps one copies it. */
typedef struct tw_attr {
    const char *name;
    tw_attr_kind kind;
    bool list;
    size_t count;
    union {
        int64_t i;
        float f;
        bool b;
        tw_bytes s;
        tw_dtype type;
        tw_shape shape;
        tw_array *tensor;
        tw_func func;
        const void *items;
    } value;
} tw_attr;

/* ---- operations ---- */

/* What tw_graph_add needs. Inputs are flat: the elements of list arguments one after the other in
 * the order of the signature. `input_counts` (one for each argument of the signature; 1 where it is
 * no list) may be NULL where the lengths follow from attributes or there is one list only.
 * Attributes that inputs imply, and those with a default, may be left out. A type that the registry
 * does not know takes `output_dtypes` (and gives unknown shapes); it can be held, not run. */
typedef struct tw_graph_add_args {
    size_t size; /* sizeof(tw_graph_add_args) */
    tw_where where;
    const char *type;
    /* NULL: the type; made unique; scopes are put before it; "a/b/" is taken as it is, without the
     * slash */
    const char *name;
    const tw_tensor *inputs;
    size_t input_count;
    const size_t *input_counts;
    const tw_attr *attrs;
    size_t attr_count;
    const tw_tensor *control_inputs; /* besides those of the scopes */
    size_t control_input_count;
    const char *device; /* NULL: the scope's */
    const tw_dtype *output_dtypes;
    size_t output_count;
    bool is_import; /* the name is taken as it is, scopes are ignored */
} tw_graph_add_args;

TW_API tw_status *tw_graph_add(tw_graph *graph, const tw_graph_add_args *args, tw_operation **out);

TW_API const char *tw_operation_name(const tw_operation *op); /* borrowed */
TW_API const char *tw_operation_type(const tw_operation *op);
TW_API const char *tw_operation_device(const tw_operation *op); /* "" for none */
TW_API tw_graph *tw_operation_graph(const tw_operation *op);
/* its place in the order of adding */
TW_API size_t tw_operation_id(const tw_operation *op);
TW_API tw_where tw_operation_where(const tw_operation *op);
TW_API size_t tw_operation_input_count(const tw_operation *op);
TW_API tw_tensor tw_operation_input(const tw_operation *op, size_t index);
TW_API size_t tw_operation_output_count(const tw_operation *op);
TW_API tw_tensor tw_operation_output(tw_operation *op, size_t index);
TW_API size_t tw_operation_control_input_count(const tw_operation *op);
TW_API tw_operation *tw_operation_control_input(const tw_operation *op, size_t index);
TW_API size_t tw_operation_attr_count(const tw_operation *op);
TW_API const tw_attr *tw_operation_attr_at(const tw_operation *op, size_t index);
/* NULL: none; borrowed */
TW_API const tw_attr *tw_operation_attr(const tw_operation *op, const char *name);

/* Changes to a finished operation, for raw loops and front ends. Each bumps the graph's version. */
TW_API tw_status *tw_operation_set_input(tw_operation *op, size_t index, tw_tensor tensor);
TW_API tw_status *tw_operation_add_control_input(tw_operation *op, tw_operation *input);
TW_API tw_status *tw_operation_clear_control_inputs(tw_operation *op);
TW_API tw_status *tw_operation_set_attr(tw_operation *op, const tw_attr *attr);
TW_API tw_status *tw_operation_set_device(tw_operation *op, const char *device);
/* What is known of the shape is merged with `shape`; a contradiction is an error. */
TW_API tw_status *tw_tensor_set_shape(tw_tensor tensor, tw_shape shape);

TW_API bool tw_tensor_valid(tw_tensor tensor);
TW_API bool tw_same(tw_tensor a, tw_tensor b);
/* reference types included; TW_INVALID_DTYPE if invalid */
TW_API tw_dtype tw_tensor_dtype(tw_tensor tensor);
TW_API tw_shape tw_tensor_shape(tw_tensor tensor); /* the static shape, borrowed */
TW_API tw_text tw_tensor_name(tw_tensor tensor);   /* "foo/bar/v:0" */
/* Tensor("zeros:0", shape=(2, 2), dtype=float32) */
TW_API tw_text tw_tensor_text(tw_tensor tensor);
/* The value of a tensor that is known while building (constants and what follows from them and from
 * static shapes); NULL: not known. The caller's to tw_array_unref. */
TW_API tw_array *tw_tensor_constant_value(tw_tensor tensor);
/* The value of a vector of integers as the dims of a shape, as far as building knows it: -1 for
 * those that it does not know or that are -1. Gives the rank, or -1 where it does not know that. */
TW_API int tw_tensor_value_dims(tw_tensor tensor, int64_t dims[TW_MAX_RANK]);

/* ---- graphs ---- */

TW_API tw_graph *tw_graph_new(void); /* NULL: no memory. One reference, the caller's. */
TW_API tw_graph *tw_graph_ref(tw_graph *graph);
TW_API void tw_graph_unref(tw_graph *graph);
/* A pointer of the front end's that stays with the graph; NULL until it is set. */
TW_API void tw_graph_set_user(tw_graph *graph, void *user);
TW_API void *tw_graph_user(const tw_graph *graph);
/* The innermost TW_GRAPH of this thread, or else the thread's default graph (made when first asked
 * for). Borrowed. */
TW_API tw_graph *tw_default_graph(void);
/* drops the slot's reference, and the thread's default session and scopes */
TW_API void tw_reset_default_graph(void);

/* The first error of the macro face, borrowed from the graph; NULL: none. */
TW_API const tw_status *tw_graph_status(const tw_graph *graph);
TW_API void tw_graph_clear_status(tw_graph *graph);
/* Keeps `status` (taken) as the graph's error if there is none yet. */
TW_API void tw_graph_fail(tw_graph *graph, tw_status *status) TW_COLD;

TW_API size_t tw_graph_operation_count(const tw_graph *graph);
TW_API tw_operation *tw_graph_operation_at(const tw_graph *graph, size_t id);
TW_API tw_operation *tw_graph_operation(const tw_graph *graph, const char *name); /* NULL: none */
/* "a/b:0" */
TW_API tw_status *tw_graph_tensor(const tw_graph *graph, const char *name, tw_tensor *out);
/* Whether names that differ only in case are two, as they were before TensorFlow 1.0: "a" and "A"
 * then stand side by side instead of "a" and "A_1". Set before operations are added. */
TW_API void tw_graph_set_exact_names(tw_graph *graph, bool exact);
TW_API void tw_graph_set_seed(tw_graph *graph, int64_t seed);
TW_API void tw_graph_clear_seed(tw_graph *graph);
TW_API bool tw_graph_seed(const tw_graph *graph, int64_t *seed); /* false: not set */
/* TensorFlow's rule for op seeds (op_seed NULL: not given): the attrs `seed` and `seed2`. */
TW_API void tw_graph_seeds(tw_graph *graph, const int64_t *op_seed, int64_t *seed, int64_t *seed2);
/* So many nodes as op seeds count: those that are there, and those that TensorFlow would have made
 * besides. `more` (or fewer) are counted from now on. Of NULL it is 0. */
TW_API int64_t tw_graph_count_nodes(tw_graph *graph, int64_t more);
TW_API uint64_t tw_graph_version(const tw_graph *graph); /* grows with every addition and change */
TW_API tw_status *tw_graph_finalize(tw_graph *graph);    /* further additions are errors */
TW_API void tw_graph_unfinalize(tw_graph *graph);        /* they are allowed again */
/* `name` under this thread's name scopes, made one that is not taken yet, without regard to case;
 * it is taken from now on if `mark`. Borrowed. */
TW_API const char *tw_graph_unique_name(tw_graph *graph, const char *name, bool mark);

/* Collections: lists of tensors by name ("variables", "trainable_variables" ...). */
TW_API tw_status *tw_graph_collect(tw_graph *graph, const char *collection, tw_tensor tensor);
/* borrowed until it grows */
TW_API tw_tensors tw_graph_collection(const tw_graph *graph, const char *collection);
TW_API size_t tw_graph_collection_count(const tw_graph *graph);
TW_API const char *tw_graph_collection_name(const tw_graph *graph, size_t index);

/* GraphDef, binary and text. */
TW_API tw_status *tw_graph_export(const tw_graph *graph, char **bytes, size_t *size);
TW_API tw_status *tw_graph_export_text(const tw_graph *graph, char **text);
/* One operation as a binary NodeDef, one attribute as an AttrValue; tw_free. */
TW_API tw_status *tw_operation_export(const tw_operation *op, char **bytes, size_t *size);
TW_API tw_status *tw_operation_export_attr(const tw_operation *op, const char *name, char **bytes,
                                           size_t *size);
/* Adds the nodes of a GraphDef under `prefix` (NULL or "": none). On an error nothing was added. */
TW_API tw_status *tw_graph_import(tw_graph *graph, const void *bytes, size_t size,
                                  const char *prefix);
TW_API tw_status *tw_graph_import_text(tw_graph *graph, const char *text, const char *prefix);
/* a file, binary or text by content */
TW_API tw_status *tw_graph_load(const char *path, tw_graph **out);
TW_API tw_status *tw_graph_save(const tw_graph *graph, const char *path); /* text for .pbtxt */

/* ---- scopes of the calling thread ---- */

/* Each push is undone by one tw_scope_pop, innermost first; the blocks below do that however they
 * are left. */
TW_API tw_status *tw_scope_push_graph(tw_graph *graph);
/* "name_1" if taken; "a/" as it is; "" the root */
TW_API tw_status *tw_scope_push_name(const char *name);
/* added to those around; items NULL: forgets those around */
TW_API tw_status *tw_scope_push_control(tw_tensors inputs);
TW_API tw_status *tw_scope_push_device(const char *device); /* merged with the one around */
TW_API tw_status *tw_scope_push_colocate(tw_tensor tensor);
/* Operations of type `type` made inside get the attribute _gradient_op_type = `gradient`. */
TW_API tw_status *tw_scope_push_gradient_override(const char *type, const char *gradient);
TW_API void tw_scope_pop(void);
/* "a/b/", "" at the root; borrowed until it closes */
TW_API const char *tw_scope_name(void);

/* The same for a graph that need not be the current one. */
TW_API tw_status *tw_graph_push_name(tw_graph *graph, const char *name);
TW_API tw_status *tw_graph_push_control(tw_graph *graph, tw_tensors inputs);
TW_API tw_status *tw_graph_push_device(tw_graph *graph, const char *device);
TW_API tw_status *tw_graph_push_colocate(tw_graph *graph, tw_tensor tensor);
TW_API tw_status *tw_graph_push_gradient_override(tw_graph *graph, const char *type,
                                                  const char *gradient);
TW_API const char *tw_graph_scope_name(const tw_graph *graph);
/* A number of the innermost scope, which no other scope of this thread had; 0: none is open. */
TW_API uint64_t tw_scope_mark(void);
/* Closes the scope of that number, wherever it stands; those opened later stay open. False: it is
 * closed already. */
TW_API bool tw_scope_close(uint64_t mark);

typedef struct tw_scope_guard {
    int depth; /* what to pop back to */
} tw_scope_guard;
TW_API tw_scope_guard tw_scope_enter_graph_(tw_graph *graph);
TW_API tw_scope_guard tw_scope_enter_name_(const char *name);
TW_API tw_scope_guard tw_scope_enter_control_(tw_tensors inputs);
TW_API tw_scope_guard tw_scope_enter_device_(const char *device);
TW_API tw_scope_guard tw_scope_enter_colocate_(tw_tensor tensor);
TW_API tw_scope_guard tw_scope_enter_override_(const char *type, const char *gradient);
TW_API void tw_scope_leave_(tw_scope_guard *guard);

#ifndef __cplusplus
#define TW_CAT_(a, b) a##b
#define TW_CAT(a, b) TW_CAT_(a, b)
#define TW_BLOCK_(g, p, guard)                                                                   \
    for (tw_scope_guard g __attribute__((unused, cleanup(tw_scope_leave_))) = guard, *p = &g; p; \
         p = NULL)
/* Blocks: TW_NAME_SCOPE("layer") { ... } */
#define TW_GRAPH(graph) \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), tw_scope_enter_graph_(graph))
#define TW_NAME_SCOPE(name) \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), tw_scope_enter_name_(name))
#define TW_CONTROL_DEPENDENCIES(...)                                   \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), \
              tw_scope_enter_control_(TW_LIST(__VA_ARGS__)))
#define TW_DEVICE(device)                                              \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), \
              tw_scope_enter_device_(device))
#define TW_COLOCATE_WITH(tensor)                                       \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), \
              tw_scope_enter_colocate_(tensor))
#define TW_GRADIENT_OVERRIDE(type, gradient)                           \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__), \
              tw_scope_enter_override_(type, gradient))
#endif

#ifdef __cplusplus
}
#endif
#endif
