/* SPDX-License-Identifier: Apache-2.0
 * The examples of ops, "matmul([[1., 2.]], [[3.], [4.]]) -> [[11.]]", as calls: Python's literals
 * become arrays of the dtypes that the signature asks for, and attributes. */
#ifndef TW_TESTS_EXAMPLES_H
#define TW_TESTS_EXAMPLES_H

#include "base/arena.h"
#include "op/op.h"

enum { EXAMPLE_MANY = 32 };

typedef struct example_call {
    tw_arena arena;
    tw_array *inputs[EXAMPLE_MANY];
    size_t input_count;
    tw_attr attrs[EXAMPLE_MANY];
    size_t attr_count;
    const char *results; /* the text after "->" */
} example_call;

/* NULL, or what is wrong with the text. Clear with example_clear in any case. */
const char *example_read(const tw_op *op, const char *text, example_call *out);
void example_clear(example_call *call);
/* The next result as an array of that dtype; moves *at on. NULL: there is none, or it is no such
 * array. */
tw_array *example_result(tw_arena *arena, const char **at, tw_dtype dtype);

#endif
