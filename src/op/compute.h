/* SPDX-License-Identifier: Apache-2.0
 * The inside of a kernel's context. The engine keeps one for each step of a frame, filled once and
 * run many times, so everything that a kernel reads often is a plain member; what only the engine
 * can do goes through its table. */
#ifndef TW_OP_COMPUTE_H
#define TW_OP_COMPUTE_H

#include "op/op.h"
#include "tensor/array.h"

/* What an engine must be able to do for a kernel; a session and the evaluation of one operation
 * each have a table. */
typedef struct tw_engine {
    /* Output `output` becomes an array of `shape` (uninitialised for plain dtypes). */
    tw_status *(*allocate)(tw_compute *c, size_t output, tw_shape shape, tw_array **out);
    tw_status *(*forward)(tw_compute *c, size_t output, tw_array *array);
    tw_status *(*ref_get)(tw_compute *c, size_t input, tw_array **out);
    tw_status *(*ref_assign)(tw_compute *c, size_t input, tw_shape shape, tw_array **out);
    tw_status *(*resource)(tw_compute *c, const tw_state_class *type, const char *key, void **out);
    tw_status *(*waker)(tw_compute *c, tw_waker **out);
} tw_engine;

/* How a packed copy was made: copies of one array that have the same form are the same. */
typedef struct tw_pack_form {
    uint64_t kind, rows;
} tw_pack_form;

/* tw_op_definition.packing: an input that the kernel packs before it reads it. The engine may keep
 * the packed copy of a variable until it is written, and lends it as tw_compute.packed. */
struct tw_packing {
    uint32_t input;
    /* From shapes and attributes; 0: not worth keeping. */
    size_t (*bytes)(const tw_compute *c, tw_pack_form *form);
    void (*pack)(const tw_compute *c, void *to); /* 64-byte aligned */
};

/* tw_op_definition.batching: a kernel that adds to its input 0, a variable of a loop whose next
 * value is output 0, and may do so for several iterations at once. In between nobody reads the
 * variable. The workspace is the step's own while the loop goes on, and begins as TW_BATCH_HEAD
 * bytes of zeros. */
enum { TW_BATCH_HEAD = 64 };
struct tw_batching {
    /* Of the workspace, from shapes and attributes, and for how many iterations it is; 0: not worth
     * it. */
    size_t (*bytes)(const tw_compute *c, size_t *rounds);
    tw_status *(*compute)(tw_compute *c); /* in each iteration */
    tw_status *(*finish)(tw_compute *c);  /* after the last: adds what is left to input 0 */
};

struct tw_compute {
    const tw_spec *spec;
    const tw_engine *engine;
    /* inputs[i] of a reference input: the variable's array while the kernel runs */
    tw_array **inputs, **outputs;
    uint16_t input_count, output_count;
    int threads;
    /* set by `prepare`: inputs, a bit each, over which output 0 may be written at these sizes,
     * beside those of the kernel's in_place */
    uint32_t may_overwrite;
    void *workspace, *state;
    const void *packed; /* a copy of the input that the op's packing names, or NULL */
    void *frame;        /* the engine's own */
    uint32_t step;      /* the engine's own */
};

/* A static status that means "not yet" (tw_compute_wait). */
bool tw_status_is_wait(const tw_status *status);

/* Attributes, inputs' dtypes and shapes are put to a kernel's failure: what the user sees. */
tw_status *tw_compute_explain(const tw_compute *c, tw_status *status);

/* What tw_op_evaluate stands on: one kernel run by itself, with inputs borrowed. refs: bit i: input
 * i is a variable, whose array may be replaced in inputs[i] (a reference is taken over). Shape
 * rule, prepare, workspace and outputs are done here. */
tw_status *tw_evaluate(const tw_spec *spec, tw_array **inputs, size_t input_count, uint32_t refs,
                       int threads, tw_array **outputs, size_t output_count);

#endif
