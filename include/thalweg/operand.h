/* SPDX-License-Identifier: Apache-2.0
 * What a builder takes by position: a tensor, or something that becomes a constant beside the
 * operation - a number, a shape, a list of integers, an array, a text. A number takes the dtype of
 * the other operand, or else: float and double float32, int int32, 64-bit integers int64. Builders
 * copy all they are given. */
#ifndef THALWEG_OPERAND_H
#define THALWEG_OPERAND_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_operand_kind {
    TW_OPERAND_NONE, /* not given */
    TW_OPERAND_TENSOR,
    TW_OPERAND_INT, /* a number written as int */
    TW_OPERAND_INT64,
    TW_OPERAND_FLOAT,
    TW_OPERAND_BOOL,
    TW_OPERAND_INTS, /* shapes and lists: an int32 vector (int64 where the value needs it) */
    TW_OPERAND_ARRAY,
    TW_OPERAND_TEXT
} tw_operand_kind;

typedef struct tw_operand {
    tw_operand_kind kind;
    tw_tensor tensor;
    union {
        int64_t i;
        double f;
        tw_ints ints;
        tw_array *array;
        const char *text;
    } value;
} tw_operand;

TW_API tw_operand tw_of_tensor(tw_tensor tensor);
TW_API tw_operand tw_of_int(int value);
TW_API tw_operand tw_of_int64(int64_t value);
TW_API tw_operand tw_of_float(double value);
TW_API tw_operand tw_of_bool(bool value);
TW_API tw_operand tw_of_shape(tw_shape shape);
TW_API tw_operand tw_of_ints(tw_ints ints);
TW_API tw_operand tw_of_array(tw_array *array);
TW_API tw_operand tw_of_text(const char *text);
static inline tw_operand tw_of_operand(tw_operand operand)
{
    return operand;
}
static inline tw_operand tw_of_uint64(uint64_t value)
{
    return tw_of_int64((int64_t)value);
}

#ifndef __cplusplus
/* clang-format off */
#define TW_OPERAND(x) _Generic((x), \
    tw_operand: tw_of_operand, tw_tensor: tw_of_tensor, tw_shape: tw_of_shape, \
    tw_ints: tw_of_ints, \
    tw_array *: tw_of_array, char *: tw_of_text, const char *: tw_of_text, bool: tw_of_bool, \
    signed char: tw_of_int, unsigned char: tw_of_int, short: tw_of_int, \
    unsigned short: tw_of_int, int: tw_of_int, \
    unsigned: tw_of_int64, long: tw_of_int64, unsigned long: tw_of_uint64, long long: tw_of_int64, \
    unsigned long long: tw_of_uint64, float: tw_of_float, double: tw_of_float)(x)
/* clang-format on */

/* Options override defaults on purpose. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#elif defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#endif

/* ---- what generated builders stand on (also for builders written by hand outside the library)
 * ---- */

typedef enum tw_field_kind {                  /* how a member of an args struct is read */
                             TW_FIELD_INPUT,  /* tw_operand: one tensor input */
                             TW_FIELD_INPUTS, /* tw_tensors: a list input */
                             TW_FIELD_INT,    /* int64_t */
                             TW_FIELD_FLOAT,  /* double */
                             TW_FIELD_BOOL,
                             TW_FIELD_STRING,  /* const char *; NULL: the default */
                             TW_FIELD_TYPE,    /* tw_dtype; 0: inferred or the default */
                             TW_FIELD_SHAPE,   /* tw_shape */
                             TW_FIELD_TENSOR,  /* tw_array * */
                             TW_FIELD_FUNC,    /* const tw_func * */
                             TW_FIELD_INTS,    /* tw_ints */
                             TW_FIELD_FLOATS,  /* tw_doubles */
                             TW_FIELD_TYPES,   /* tw_dtypes */
                             TW_FIELD_SHAPES,  /* tw_shapes */
                             TW_FIELD_STRINGS, /* tw_strings */
                             TW_FIELD_BOOLS,   /* tw_ints, 0 or 1 */
                             /* const int64_t *: NULL not given; becomes the attributes seed and
                              * seed2 by the graph's rule */
                             TW_FIELD_SEED,
                             /* tw_tensor: an invalid one is not given */
                             TW_FIELD_OPTIONAL
} tw_field_kind;

typedef struct tw_doubles {
    const double *items;
    size_t count;
} tw_doubles;
typedef struct tw_dtypes {
    const tw_dtype *items;
    size_t count;
} tw_dtypes;
typedef struct tw_shapes {
    const tw_shape *items;
    size_t count;
} tw_shapes;
typedef struct tw_strings {
    const char *const *items;
    size_t count;
} tw_strings;
#define TW_DOUBLES(...)                                 \
    ((tw_doubles){(const double[]){0, __VA_ARGS__} + 1, \
                  sizeof((const double[]){0, __VA_ARGS__}) / sizeof(double) - 1})
#define TW_DTYPES(...)                                             \
    ((tw_dtypes){(const tw_dtype[]){(tw_dtype)0, __VA_ARGS__} + 1, \
                 sizeof((const tw_dtype[]){(tw_dtype)0, __VA_ARGS__}) / sizeof(tw_dtype) - 1})
#define TW_SHAPES(...)                                           \
    ((tw_shapes){(const tw_shape[]){{NULL, 0}, __VA_ARGS__} + 1, \
                 sizeof((const tw_shape[]){{NULL, 0}, __VA_ARGS__}) / sizeof(tw_shape) - 1})
#define TW_STRINGS(...)                                         \
    ((tw_strings){(const char *const[]){NULL, __VA_ARGS__} + 1, \
                  sizeof((const char *const[]){NULL, __VA_ARGS__}) / sizeof(char *) - 1})
/* A seed option: .seed = TW_SEED(42). */
#define TW_SEED(n) (&(const int64_t){n})

typedef struct tw_field {
    const char *name; /* the input's or attribute's */
    uint16_t offset;  /* in the args struct */
    uint8_t kind;     /* tw_field_kind */
    uint8_t place;    /* of the attribute in the signature, counted from one; 0: found by name */
} tw_field;

typedef struct tw_builder {
    const char *type; /* the op */
    size_t args_size; /* of the struct that `defaults` is */
    const void *defaults;
    const tw_field *fields;
    uint8_t field_count;
    uint16_t name_offset;   /* of `const char *name` */
    uint16_t device_offset; /* of `const char *device`; 0: there is none */
    uint16_t place;         /* of the op among those of the library; 0: found by type */
} tw_builder;

/* A composite as front ends call it: its struct of arguments, field by field. `call` writes
 * result_size bytes, in which each of `results` is a tw_tensor (kind OPTIONAL) or tw_tensors. */
typedef struct tw_composite_face {
    const char *name;
    size_t args_size;
    const void *defaults; /* args to begin with: size first, then where */
    const tw_field *fields;
    size_t field_count, name_offset;
    const tw_field *results;
    size_t result_count, result_size;
    void (*call)(const void *args, void *out);
} tw_composite_face;
/* NULL: there is none of that name, or it takes what no table can describe. */
TW_API const tw_composite_face *tw_composite_find(const char *name);

/* Adds the operation that `args` (size and where first) describes to its operands' graph, or the
 * current one. Errors go to the innermost build context, or else the graph; NULL then. */
TW_API tw_operation *tw_build(const tw_builder *builder, const void *args);
/* Its first output, or the operation itself if it has none; invalid for NULL. */
TW_API tw_tensor tw_build_result(tw_operation *op);
/* Outputs from .. from + count - 1 as a list, borrowed from the graph. */
TW_API tw_tensors tw_build_results(tw_operation *op, size_t from, size_t count);
/* Room for `count` tensors (invalid ones) that lives with the graph (NULL: the current one), for
 * lists to give back. NULL: no memory, which was reported. */
TW_API tw_tensor *tw_build_tensors(tw_graph *graph, size_t count);
/* Makes an operand a tensor: a constant named `name` of `dtype` (TW_INVALID_DTYPE: its own) where
 * it is none. */
TW_API tw_tensor tw_operand_tensor(tw_operand operand, tw_dtype dtype, const char *name);

/* ---- build contexts: composites and gradients ---- */

/* From enter to leave, errors of builders of this thread are kept here (the first one), `where`
 * stands for the place of everything made inside, and sources go to `graph` (NULL: the current
 * one). */
typedef struct tw_build_context {
    struct tw_build_context *outer;
    tw_graph *graph;
    tw_where where;
    tw_status *status;
    bool pushed_graph;
} tw_build_context;
TW_API void tw_build_enter(tw_build_context *ctx, tw_graph *graph, tw_where where);
/* The first error (owned by the caller), or NULL. */
TW_API tw_status *tw_build_leave(tw_build_context *ctx);
/* Reports an error as a builder does: to the innermost context or the current graph. Takes it.
 * Gives an invalid tensor. */
TW_API tw_tensor tw_build_fail(tw_status *status) TW_COLD;
/* Opens a composite called at `where` on `graph_of`'s graph (NULL: the current one): place, and the
 * name scope `name` (NULL: `default_name`); closed by tw_composite_leave. TensorFlow's `with
 * ops.op_scope(...)`. */
typedef struct tw_composite_scope {
    tw_build_context ctx;
    int depth;
    /* "a/b/" of the scope, to name the last operation by (tw_graph_add takes the slash off) */
    const char *name;
} tw_composite_scope;
TW_API void tw_composite_enter(tw_composite_scope *scope, tw_where where,
                               const tw_operand *graph_of, const char *name,
                               const char *default_name);
/* a pending error goes on to the context around */
TW_API void tw_composite_leave(tw_composite_scope *scope);

#ifdef __cplusplus
}
#endif
#endif
