/* SPDX-License-Identifier: Apache-2.0
 * Variables and the scopes that name and share them. A variable is the tensor of its reference
 * output and can be used wherever a tensor can. Scopes belong to a thread's work on a graph. */
#ifndef THALWEG_VARIABLES_H
#define THALWEG_VARIABLES_H

#include "operand.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a variable's first value is made: a function of shape and dtype with its settings, by
 * value. */
typedef struct tw_initializer {
    /* NULL: the default (glorot uniform for floating, zeros otherwise). Called inside the scope
     * NAME/Initializer. */
    tw_tensor (*make)(const struct tw_initializer *initializer, tw_shape shape, tw_dtype dtype);
    double a, b; /* value | minval, maxval | mean, stddev | gain, factor ... */
    tw_dtype dtype;
    const int64_t *seed; /* copied into seed_value by the constructor */
    int64_t seed_value;
    bool has_seed;
    int mode;
    tw_operand constant;
    void *user;
} tw_initializer;

typedef enum tw_reuse { TW_REUSE_INHERIT = 0, TW_REUSE = 1, TW_REUSE_AUTO = 2 } tw_reuse;

struct tw_variable_scope_args {
    size_t size;
    tw_where where;
    const char *name;
    tw_reuse reuse;
    tw_initializer initializer; /* make NULL: that of the scope around */
    tw_dtype dtype;             /* 0: that of the scope around, float32 at the root */
};
TW_API tw_scope_guard tw_scope_enter_variable_(const struct tw_variable_scope_args *args);
TW_API tw_status *tw_scope_push_variable(const struct tw_variable_scope_args *args);
/* "foo/bar", "" at the root; borrowed until it closes */
TW_API const char *tw_variable_scope_name(void);
TW_API void tw_reuse_variables(void); /* the innermost scope shares from now on */
/* Members go by position too: TW_VARIABLE_SCOPE("foo", .reuse = true) { ... } */
#ifndef __cplusplus
#define TW_VARIABLE_SCOPE(...)                                           \
    TW_BLOCK_(TW_CAT(tw_scope_, __LINE__), TW_CAT(tw_once_, __LINE__),   \
              tw_scope_enter_variable_(&(struct tw_variable_scope_args){ \
                  .size = sizeof(struct tw_variable_scope_args), .where = TW_HERE, __VA_ARGS__}))
#endif

struct tw_get_variable_args {
    bool trainable; /* default true */
    size_t size;
    tw_where where;
    const char *variable_name;
    tw_shape shape;
    tw_dtype dtype; /* 0: the scope's */
    tw_initializer initializer;
    const char *collection; /* one more than TensorFlow's own; NULL */
};
/* The variable of that name under the scope: a new one, or under reuse the one that is there. */
TW_API tw_tensor tw_get_variable_(const struct tw_get_variable_args *args);
#define tw_get_variable(...)                                                                     \
    tw_get_variable_(&(struct tw_get_variable_args){.trainable = true,                           \
                                                    .size = sizeof(struct tw_get_variable_args), \
                                                    .where = TW_HERE,                            \
                                                    __VA_ARGS__})

struct tw_variable_args {
    bool trainable, validate_shape; /* default true */
    size_t size;
    tw_where where;
    tw_operand initial_value;
    const char *name;
    tw_dtype dtype; /* 0: the value's */
    const char *collection;
};
TW_API tw_tensor tw_variable_(const struct tw_variable_args *args);
#define tw_variable(...) TW_VARIABLE_CALL_(__VA_ARGS__, )
#define TW_VARIABLE_CALL_(value, ...)                                                \
    tw_variable_(&(struct tw_variable_args){.trainable = true,                       \
                                            .validate_shape = true,                  \
                                            .size = sizeof(struct tw_variable_args), \
                                            .where = TW_HERE,                        \
                                            TW_OPERAND(value),                       \
                                            __VA_ARGS__})

/* of the current graph; borrowed until one is added */
TW_API tw_tensors tw_global_variables(void);
TW_API tw_tensors tw_trainable_variables(void);
TW_API tw_tensor tw_global_variables_initializer(void); /* an operation named "init" */
TW_API tw_tensor tw_variables_initializer(tw_tensors variables, const char *name);
TW_API tw_tensor tw_variable_read(tw_tensor variable);        /* its NAME/read Identity */
TW_API tw_tensor tw_variable_initializer(tw_tensor variable); /* its Assign operation */
TW_API tw_tensor tw_variable_initial_value(tw_tensor variable);

#ifdef __cplusplus
}
#endif
#endif
