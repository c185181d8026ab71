/* SPDX-License-Identifier: Apache-2.0
 * A registered op: its definition with the signature parsed, and its kernels. Entries are never
 * freed, so pointers to them stay good; the registry is locked while it grows. */
#ifndef TW_OP_OP_H
#define TW_OP_OP_H

#include <stdatomic.h>

#include "base/arena.h"
#include "thalweg/op.h"

/* Entries are only ever put in front, so that a reader walks the list without a lock from
 * whichever head it saw. */
typedef struct tw_kernel_entry {
    tw_kernel kernel;
    const struct tw_op *constraints; /* the kernel's `dtypes`, parsed; NULL: none */
    struct tw_kernel_entry *next;    /* the newest first, definition's own last in their order */
} tw_kernel_entry;

/* Where the attributes that an argument names stand in the signature; -1: it names none. */
typedef struct tw_arg_attrs {
    int16_t type, number, type_list;
} tw_arg_attrs;

struct tw_op {
    const char *name;
    tw_op_definition definition;
    tw_op_arg *inputs, *outputs;
    tw_op_attr *attrs;
    tw_arg_attrs *input_attrs, *output_attrs;
    size_t input_count, output_count, attr_count;
    tw_kernel_entry *_Atomic kernels;
    atomic_bool foreign; /* it has a caller's kernel, which runs only where a session runs */
};

/* Parses a signature into op (name set already); errors name the op and the place in the text.
 * Memory from `arena`. */
tw_status *tw_signature_parse(const char *text, tw_arena *arena, struct tw_op *op);
const tw_op_attr *tw_op_find_attr(const tw_op *op, const char *name);

/* The values of a node's attributes and everything else that its contexts read. */
typedef struct tw_spec {
    const tw_op *op;
    const char *type, *name;
    const tw_attr *attrs;
    size_t attr_count;
    tw_where where;
} tw_spec;
const tw_attr *tw_spec_attr(const tw_spec *spec, const char *name); /* NULL: none */
/* What the signature calls input `input` of the flat list: "a", or "values[2]" of a list. */
tw_text tw_spec_input_name(const tw_spec *spec, size_t input);

/* Completes and checks what a builder gave: infers type, number and type-list attributes from the
 * inputs' dtypes, puts defaults in, checks kinds, minima and allowed values, input dtypes, and
 * gives the outputs' dtypes (reference types included). All results live in `arena`. A reference
 * may stand for a plain input, not the other way round. */
typedef struct tw_resolved {
    tw_attr *attrs; /* in the order of the signature, unknown ones after them */
    size_t attr_count;
    tw_dtype *outputs;
    size_t output_count;
    const size_t *input_counts; /* one for each argument of the signature */
} tw_resolved;
tw_status *tw_op_resolve(const tw_op *op, const tw_dtype *inputs, size_t input_count,
                         const size_t *input_counts, const tw_attr *attrs, size_t attr_count,
                         tw_arena *arena, tw_resolved *out);
/* The same, but values point at what was given (and at the registry), and arrays are not
 * referenced: for as long as the caller keeps what it gave. */
tw_status *tw_op_resolve_borrowed(const tw_op *op, const tw_dtype *inputs, size_t input_count,
                                  const size_t *input_counts, const tw_attr *attrs,
                                  size_t attr_count, tw_arena *arena, tw_resolved *out);
/* Copies an attribute with all that it points at; arrays are referenced and must be released by
 * tw_attr_release. */
tw_status *tw_attr_copy(tw_arena *arena, const tw_attr *from, tw_attr *to);
/* The same but for the name, which stays as it is. */
tw_status *tw_attr_copy_value(tw_arena *arena, const tw_attr *from, tw_attr *to);
void tw_attr_release(const tw_attr *attr);
bool tw_attr_equal(const tw_attr *a, const tw_attr *b); /* same name and value; floats by bits */
uint64_t tw_attr_hash(const tw_attr *attr, uint64_t seed);
/* "float32", "[1, 2]", "'SAME'", "(2, ?)": a value for people. */
tw_text tw_attr_text(const tw_attr *attr);

/* The kernel for a node's attributes on a device (NULL: "CPU"); NULL: none. */
const tw_kernel *tw_op_kernel(const tw_op *op, const char *device, const tw_attr *attrs,
                              size_t attr_count);
/* The error for a node that no kernel serves: NOT_FOUND, with its dtypes. */
tw_status *tw_op_no_kernel(const tw_spec *spec, const char *device);
/* As tw_op_find, but with a status that tells "not registered" (NOT_FOUND) from "no memory". */
tw_status *tw_op_lookup(const char *name, const tw_op **out);
/* The same where the op stands at `place` of the built-in ones, counted from one; 0: not known. */
tw_status *tw_op_lookup_at(size_t place, const char *name, const tw_op **out);

/* Overrides for all graphs (those of one graph are kept with it). NULL fn takes one away. */
tw_status *tw_set_global_gradient(const char *name, tw_gradient_fn fn, void *user);
tw_status *tw_set_global_shape(const char *name, tw_infer_fn fn, void *user);
tw_gradient_fn tw_global_gradient(const char *name, void **user);
tw_infer_fn tw_global_shape(const char *name, void **user);

/* The table that the build generates from src/ops/list.def. */
typedef struct tw_builtin_op {
    const char *name;
    const tw_op_definition *definition;
} tw_builtin_op;
struct tw_builder;
/* The builders that the build generates, one for each op that has one; ends with NULL. */
extern const struct tw_builder *const tw_builtin_builders[];
extern const tw_builtin_op tw_builtin_ops[]; /* sorted by name, ends with name NULL */

/* The same for composites (src/composites). */
extern const struct tw_composite_face *const tw_builtin_composite_faces[]; /* ends with NULL */
extern const tw_composite *const tw_builtin_composites[]; /* sorted by name, ends with NULL */
extern const char *const tw_builtin_composite_names[];

#endif
