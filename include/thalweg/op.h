/* SPDX-License-Identifier: Apache-2.0
 * The contract of an operation type: signature, shape rule, gradient, kernels. Built-in ops and ops
 * from outside are defined by the same structure; tw_register_op adds one at run time. See
 * docs/adding-an-op.md.
 *
 * The signature language (TensorFlow's):
 *     "a: T, b: T -> product: T; transpose_a: bool = false; transpose_b: bool = false; T: {float,
 * double, int32}" inputs -> outputs; attributes. An argument is `name: type`, where type is a
 * dtype, a type attribute, Ref(type), `N * type` (a list of N) or a list(type) attribute. An
 * attribute is `name: kind [>= minimum] [= default]` with kind int, float, bool, string, type,
 * shape, tensor, func, list(kind), {allowed, types} or {"allowed", "strings"}. */
#ifndef THALWEG_OP_H
#define THALWEG_OP_H

#include "gradients.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- shapes: called while building (little may be known) and while planning (all may be known)
 * ---- */

typedef struct tw_infer tw_infer;

TW_API size_t tw_infer_input_count(const tw_infer *in);
TW_API size_t tw_infer_output_count(const tw_infer *in);
TW_API tw_shape tw_infer_input(const tw_infer *in, size_t input);
TW_API tw_dtype tw_infer_dtype(const tw_infer *in, size_t input);
/* Input `input` with `rank` dims, unknown ones -1; another rank fails (the shape returned is then
 * all unknown). */
TW_API tw_shape tw_infer_rank(tw_infer *in, size_t input, size_t rank);
TW_API tw_shape tw_infer_matrix(tw_infer *in, size_t input);
TW_API tw_shape tw_infer_vector(tw_infer *in, size_t input);
TW_API void tw_infer_scalar(tw_infer *in, size_t input);
/* The value of an input where it is known (reads are allowed only for inputs marked in
 * `shape_inputs`); borrowed, or NULL. */
TW_API const tw_array *tw_infer_value(tw_infer *in, size_t input);
/* An integer scalar's value; false: not known. */
TW_API bool tw_infer_int_value(tw_infer *in, size_t input, int64_t *out);
/* An integer vector's value as a shape: entries that are not known (or -1) are -1; unknown rank if
 * nothing is known. */
TW_API tw_shape tw_infer_shape_value(tw_infer *in, size_t input);
/* The same of a vector of sizes, none of which may be negative: one that is known to be fails. */
TW_API tw_shape tw_infer_size_value(tw_infer *in, size_t input);
/* `rank` dims to write, all -1, valid until the rule returns (never NULL: a scratch area if memory
 * is short). */
TW_API int64_t *tw_infer_dims(tw_infer *in, size_t rank);
/* `rank` unknown dims */
TW_API tw_shape tw_infer_unknown(tw_infer *in, size_t rank);
/* one array's; fails on a contradiction */
TW_API tw_shape tw_infer_merge(tw_infer *in, tw_shape a, tw_shape b);
/* NumPy's rule; fails likewise */
TW_API tw_shape tw_infer_broadcast(tw_infer *in, tw_shape a, tw_shape b);
/* dims of a, then of b */
TW_API tw_shape tw_infer_concat(tw_infer *in, tw_shape a, tw_shape b);
/* dims from .. to - 1, to SIZE_MAX: the end */
TW_API tw_shape tw_infer_slice(tw_infer *in, tw_shape a, size_t from, size_t to);
/* -1: unknown; axis may be negative */
TW_API int64_t tw_infer_dim(tw_shape shape, int64_t axis);
/* into 0 .. rank - 1, or fails */
TW_API int64_t tw_infer_axis(tw_infer *in, int64_t axis, size_t rank);
/* What is not set is of unknown shape. */
TW_API void tw_infer_output(tw_infer *in, size_t output, tw_shape shape);
TW_API void tw_infer_fail(tw_infer *in, const char *format, ...) TW_PRINTF(2, 3) TW_COLD;
TW_API bool tw_infer_failed(const tw_infer *in);
TW_API const tw_attr *tw_infer_attr(const tw_infer *in, const char *name);
TW_API bool tw_infer_bool(const tw_infer *in, const char *name);
TW_API int64_t tw_infer_int(const tw_infer *in, const char *name);
TW_API tw_dtype tw_infer_type(const tw_infer *in, const char *name);
TW_API const char *tw_infer_string(const tw_infer *in, const char *name);
TW_API tw_ints tw_infer_ints(const tw_infer *in, const char *name);

/* ---- numbers: a kernel's view of one step ---- */

typedef struct tw_compute tw_compute;

TW_API size_t tw_compute_input_count(const tw_compute *c);
TW_API size_t tw_compute_output_count(const tw_compute *c);
TW_API const tw_array *tw_compute_input(const tw_compute *c, size_t input); /* never NULL */
/* The output's memory, planned from the shape rule. */
TW_API tw_array *tw_compute_output(tw_compute *c, size_t output);
/* For outputs whose size the rule cannot know: makes output `output` an array of that shape (its
 * memory is kept if it fits). */
TW_API tw_status *tw_compute_allocate(tw_compute *c, size_t output, tw_shape shape, tw_array **out);
/* Makes the output the given array (a reference is taken): for pass-through and handles. */
TW_API tw_status *tw_compute_forward(tw_compute *c, size_t output, tw_array *array);
/* A reference input: the variable itself. Its value may be read and written until the kernel
 * returns; *out is NULL while it is not initialised. */
TW_API tw_status *tw_compute_ref_get(tw_compute *c, size_t input, tw_array **out);
/* Fresh or reused memory of that shape for it, contents undefined; from then on it is
 * initialised. */
TW_API tw_status *tw_compute_ref_assign(tw_compute *c, size_t input, tw_shape shape,
                                        tw_array **out);
TW_API int tw_compute_threads(const tw_compute *c);
/* what the kernel's `workspace` asked for, 64-byte aligned */
TW_API void *tw_compute_workspace(const tw_compute *c);
TW_API void *tw_compute_state(const tw_compute *c); /* what `prepare` filled in */
TW_API const tw_attr *tw_compute_attr(const tw_compute *c, const char *name);
TW_API bool tw_compute_bool(const tw_compute *c, const char *name);
TW_API int64_t tw_compute_int(const tw_compute *c, const char *name);
TW_API double tw_compute_float(const tw_compute *c, const char *name);
TW_API tw_dtype tw_compute_type(const tw_compute *c, const char *name);
TW_API const char *tw_compute_string(const tw_compute *c, const char *name);
TW_API tw_ints tw_compute_ints(const tw_compute *c, const char *name);
TW_API const char *tw_compute_name(const tw_compute *c); /* the operation's name */
/* INVALID_ARGUMENT with the operation's name, its inputs' dtypes and shapes and the user's line
 * added by the engine. */
TW_API tw_status *tw_compute_fail(const tw_compute *c, const char *format, ...)
    TW_PRINTF(2, 3) TW_COLD;

/* State of one session, made when first asked for: an object of class `type` under `key` (NULL:
 * this node's name). */
typedef struct tw_state_class {
    size_t size;
    const char *name;
    tw_status *(*make)(tw_compute *c, void **out);
    void (*free)(void *object);
    bool per_run; /* lives for one run only (TensorArrays, stacks) */
    /* For tw_save and tw_restore; NULL: it is not saved. `save` gives the size and, where `out` is
     * not NULL, writes so many bytes there; `load` sets a fresh object. */
    size_t (*save)(const void *object, void *out);
    tw_status *(*load)(void *object, const void *bytes, size_t size);
} tw_state_class;
TW_API tw_status *tw_compute_resource(tw_compute *c, const tw_state_class *type, const char *key,
                                      void **out);

/* Steps that wait: return tw_compute_wait(c) instead of a result after having kept the waker of
 * this step; the step runs again once somebody calls tw_waker_wake (any thread; a waker is freed by
 * waking or by tw_waker_free). */
typedef struct tw_waker tw_waker;
TW_API tw_status *tw_compute_waker(tw_compute *c, tw_waker **out);
TW_API tw_status *tw_compute_wait(tw_compute *c);
TW_API void tw_waker_wake(tw_waker *waker);
TW_API void tw_waker_free(tw_waker *waker);

/* ---- derivatives ---- */

/* A gradient function reads dy (one for each output, kind none where nothing flows) and fills dx
 * (one for each input, none at first) by calling the builders of <thalweg/ops.h>; their errors are
 * reported to it, and come back by themselves. */
typedef struct tw_gradient {
    size_t size;
    tw_operation *op;
    const tw_tensor *inputs, *outputs;
    size_t input_count, output_count;
    const tw_grad *dy;
    tw_grad *dx;
    void *user; /* what the override was registered with */
} tw_gradient;

TW_API const tw_attr *tw_gradient_attr(const tw_gradient *g, const char *name);
TW_API bool tw_gradient_bool(const tw_gradient *g, const char *name);
TW_API int64_t tw_gradient_int(const tw_gradient *g, const char *name);
TW_API tw_dtype tw_gradient_type(const tw_gradient *g, const char *name);
TW_API const char *tw_gradient_string(const tw_gradient *g, const char *name);
TW_API tw_ints tw_gradient_ints(const tw_gradient *g, const char *name);
/* The complex conjugate of a complex tensor; other tensors as they are. */
TW_API tw_tensor tw_gradient_conj(tw_gradient *g, tw_tensor tensor);
/* dy[output] as a dense tensor; zeros like the output where nothing flows. */
TW_API tw_tensor tw_gradient_dy(tw_gradient *g, size_t output);
/* `grad` summed over what broadcasting `input` to the shape of `grad` added: of input's shape. */
TW_API tw_tensor tw_gradient_unbroadcast(tw_gradient *g, tw_tensor grad, tw_tensor input,
                                         tw_tensor other);
TW_API tw_status *tw_gradient_fail(tw_gradient *g, const char *format, ...) TW_PRINTF(2, 3) TW_COLD;

typedef tw_status *(*tw_gradient_fn)(tw_gradient *g);
/* "This op has no gradient, on purpose": all dx stay none. An op without any gradient function is
 * an error when reached. */
TW_API tw_status *tw_not_differentiable(tw_gradient *g);

/* ---- the definition ---- */

enum { TW_DEFINITION_EXAMPLES = 12, TW_DEFINITION_KERNELS = 16 };

typedef enum tw_op_flags {
    /* never folded, shared or dropped twice: random numbers, variables, queues, prints */
    TW_OP_STATEFUL = 1,
    /* output 0 is input 0's memory under its own shape (Identity, Reshape ...) */
    TW_OP_ALIAS = 2,
    /* reads only its inputs' shapes, never their values (Shape, Rank, Size, ZerosLike) */
    TW_OP_SHAPE_ONLY = 4,
    TW_OP_COMMUTATIVE = 8,
    TW_OP_AGGREGATE = 16,
    TW_OP_WAITS = 32,               /* may answer tw_compute_wait */
    TW_OP_READS_UNINITIALIZED = 64, /* takes a reference that holds nothing yet */
    /* kept even if its outputs are not used, once it is reached (Assert, Print are run only
     * then) */
    TW_OP_SIDE_EFFECT = 128
} tw_op_flags;

/* A kernel for some dtypes. The first that fits is taken; NULL dtypes fits all. */
typedef struct tw_kernel {
    const char *device; /* NULL: "CPU" */
    /* "T: {float, double}": constraints on type attributes; NULL: none */
    const char *dtypes;
    const char *label; /* chosen by the attribute _kernel; NULL */
    /* bit i: that one lives in host memory (for devices) */
    uint32_t host_inputs, host_outputs;
    /* bit i: output in_place_output may share input i's memory when sizes agree and nobody reads it
     * later */
    uint32_t in_place;
    uint32_t in_place_output;
    size_t (*workspace)(const tw_compute *c); /* bytes, from shapes and attributes alone */
    /* of what `prepare` fills: once for each set of sizes, zeroed first */
    size_t state_size;
    /* shapes and attributes are there, memory is not */
    tw_status *(*prepare)(tw_compute *c, void *state);
    tw_status *(*compute)(tw_compute *c);
} tw_kernel;

struct tw_elementwise; /* op/define.h */

typedef struct tw_op_definition {
    /* sizeof(tw_op_definition); 0 only inside the library */
    size_t size;
    /* "MatMul"; NULL inside the library: the list says it */
    const char *name;
    const char *signature;
    const char *doc;
    /* the C builder without tw_; NULL: the name in snake case; "": no builder */
    const char *builder;
    /* what differs by TensorFlow version: "half: 1.0; int64: 1.2"; may be NULL */
    const char *since;
    /* "matmul([[1., 2.]], [[3.], [4.]]) -> [[11.]]" */
    const char *examples[TW_DEFINITION_EXAMPLES];
    uint32_t flags;
    /* bit i: the shape rule reads input i's value; bit 31: that of 31 and later ones */
    uint32_t shape_inputs;
    void (*infer)(tw_infer *in);          /* NULL: unknown shapes */
    tw_gradient_fn gradient;              /* NULL: none was written, reaching it is an error */
    tw_status *(*compute)(tw_compute *c); /* shorthand for one CPU kernel of all dtypes */
    uint32_t in_place;                    /* the shorthand kernel's, as in tw_kernel */
    uint32_t in_place_output;
    size_t (*workspace)(const tw_compute *c);
    size_t state_size;
    tw_status *(*prepare)(tw_compute *c, void *state);
    const tw_kernel *kernels; /* or a list */
    size_t kernel_count;
    /* inside the library: the row of the expression table */
    const struct tw_elementwise *elementwise;
    /* inside the library: how an input is packed where it stays the same for many steps */
    const struct tw_packing *packing;
    /* inside the library: how a loop adds up several iterations at once */
    const struct tw_batching *batching;
} tw_op_definition;

/* Copied; texts and functions must stay valid. An op of that name is an error. */
TW_API tw_status *tw_register_op(const tw_op_definition *definition);
/* One more kernel for a registered op; later ones win. */
TW_API tw_status *tw_register_kernel(const char *op, const tw_kernel *kernel);

/* Gradient and shape functions supplied or replaced by the caller; graph NULL: for all graphs.
 * `name` is an op type, or what the attribute _gradient_op_type says. NULL fn takes it away. */
TW_API tw_status *tw_override_gradient(tw_graph *graph, const char *name, tw_gradient_fn fn,
                                       void *user);
typedef void (*tw_infer_fn)(tw_infer *in, void *user);
TW_API tw_status *tw_override_shape(tw_graph *graph, const char *name, tw_infer_fn fn, void *user);

/* ---- the registry ---- */

typedef struct tw_op tw_op;                       /* a registered op, with its signature parsed */
TW_API const tw_op *tw_op_find(const char *name); /* NULL: not known */
TW_API size_t tw_op_count(void);
/* in order of name for built-in ones, then in order of registration */
TW_API const tw_op *tw_op_at(size_t index);
TW_API const char *tw_op_name(const tw_op *op);
TW_API const tw_op_definition *tw_op_get_definition(const tw_op *op);

/* One input or output of a signature. Exactly one of `type`, `type_attr`, `type_list_attr` says the
 * dtype. */
typedef struct tw_op_arg {
    const char *name;
    tw_dtype type;
    const char *type_attr;      /* "T" */
    const char *number_attr;    /* "N" of `N * T`; NULL: no such list */
    const char *type_list_attr; /* a list(type) attribute: one element each */
    bool is_ref;
} tw_op_arg;

/* What a signature says of one attribute; where the inputs say its value, a node that gives it
 * too must agree. */
typedef struct tw_op_attr {
    const char *name;
    tw_attr_kind kind;
    bool list;
    bool has_minimum, has_default;
    int64_t minimum; /* of an int, or of a list's length */
    tw_attr default_value;
    const tw_dtype *allowed_types; /* NULL: any */
    size_t allowed_type_count;
    const char *const *allowed_strings;
    size_t allowed_string_count;
    bool inferred; /* some input says its value */
} tw_op_attr;

/* In the order of the signature; NULL behind the last one. Borrowed for ever. */
TW_API const tw_op_arg *tw_op_input(const tw_op *op, size_t index);
TW_API const tw_op_arg *tw_op_output(const tw_op *op, size_t index);
TW_API const tw_op_attr *tw_op_attribute(const tw_op *op, size_t index);

/* A function of many ops, described as an op is: what the reference and front ends read. Arguments
 * before the first `;` go by position, the others by name. */
typedef struct tw_composite {
    /* NULL in a definition of the library: the list says it: "reduce_mean" */
    const char *name;
    /* "input_tensor: tensor; axis: ints; keep_dims: bool = false -> output: tensor" */
    const char *signature;
    const char *doc;
    const char *examples[TW_DEFINITION_EXAMPLES];
} tw_composite;
TW_API size_t tw_composite_count(void);
/* In order of name, which is given apart; NULL: there is none. */
TW_API const tw_composite *tw_composite_at(size_t index, const char **name);

/* Computes an op without a graph: inputs flat as in tw_graph_add; outputs are new arrays, the
 * caller's to unref. */
TW_API tw_status *tw_op_evaluate(const char *type, const tw_attr *attrs, size_t attr_count,
                                 tw_array *const *inputs, size_t input_count, tw_array **outputs,
                                 size_t output_count);

#ifdef __cplusplus
}
#endif
#endif
