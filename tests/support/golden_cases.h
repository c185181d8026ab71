/* SPDX-License-Identifier: Apache-2.0
 * What TensorFlow answered for one operation at a time: reads tests/golden/ops/OP.txt (the format
 * is in tests/golden/README.md) and compares arrays as that page says. */
#ifndef TW_TESTS_GOLDEN_CASES_H
#define TW_TESTS_GOLDEN_CASES_H

#include "base/arena.h"
#include "thalweg/graph.h"

typedef struct golden_tensor {
    const char *name;
    tw_dtype dtype;
    tw_array *array; /* NULL: an uninitialized variable, or the gradient "none" */
    tw_shape shape;  /* also where there is no array */
    bool is_ref;
} golden_tensor;

typedef struct golden_shape {
    const char *name;
    tw_shape shape;
} golden_shape;

typedef struct golden_error {
    const char *phase; /* "build", "run", "gradient" */
    tw_code code;
    const char *text;
    const char *version; /* "": both */
} golden_error;

enum { GOLDEN_MANY = 64 };

typedef struct golden_case {
    const char *name, *op; /* "Add/3@1.15.5", "Add" */
    bool old, new;         /* 0.12.1, 1.15.5 answered so */
    size_t attr_count, input_count, count_count, out_count, after_count, w_count, grad_count;
    size_t static_count, partial_count, error_count;
    tw_attr attrs[GOLDEN_MANY];
    golden_tensor inputs[GOLDEN_MANY];
    size_t counts[GOLDEN_MANY]; /* the number of inputs of each argument, in order */
    golden_tensor outs[GOLDEN_MANY], afters[GOLDEN_MANY], ws[GOLDEN_MANY], grads[GOLDEN_MANY];
    golden_shape statics[GOLDEN_MANY], partials[GOLDEN_MANY];
    golden_error errors[GOLDEN_MANY];
    bool gradient_none, gradient_unregistered;
    tw_arena arena;
    size_t list_left; /* while it is read: inputs of the list begun */
} golden_case;

/* Is it a constant while building where the case says that integers are? */
bool golden_is_constant(const golden_tensor *input);

/* Calls `use` for each case of a file; false: there is no such file. A file that breaks the format
 * ends the program with a message. */
bool golden_cases_each(const char *path, void (*use)(const golden_case *one, void *user),
                       void *user);

/* The error that the case has in `phase` for 1.15.5, or for the version that answered; or NULL. */
const golden_error *golden_error_of(const golden_case *one, const char *phase);

/* How two arrays may differ: relative to each value, or to `scale` (0: not) where that is
 * larger. */
typedef struct golden_tolerance {
    double relative, scale;
    bool up_to_sign;
} golden_tolerance;
golden_tolerance golden_tolerance_for(const golden_case *one, const tw_array *want);
double golden_relative(tw_dtype dtype); /* what is right for most ops */
/* false: they differ, and `why` says where. */
bool golden_same(const tw_array *got, const tw_array *want, golden_tolerance tolerance,
                 tw_text *why);
double golden_largest(const tw_array *array); /* the largest finite magnitude; 0 for no numbers */

#endif
