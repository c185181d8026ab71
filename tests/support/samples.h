/* SPDX-License-Identifier: Apache-2.0
 * Sensible calls of every op, for tests that ask what must hold of all of them: the golden cases
 * that TensorFlow computes, the examples of the definition, and for ops that have neither the
 * cases of tests/registry/samples.txt (in the golden form, inputs alone). */
#ifndef TW_TESTS_SAMPLES_H
#define TW_TESTS_SAMPLES_H

#include "op/op.h"
#include "support/golden_cases.h"

typedef struct sample {
    const tw_op *op;
    const char *name; /* "Add/3", or the example */
    tw_attr attrs[GOLDEN_MANY];
    size_t attr_count;
    tw_array *inputs[GOLDEN_MANY]; /* NULL: a variable without a value */
    tw_dtype dtypes[GOLDEN_MANY];  /* reference types of variables included */
    size_t input_count;
    const size_t *counts; /* of inputs in each argument; NULL: as the signature says */
    bool owned;           /* the inputs are the sample's own */
    tw_arena *arena;      /* lives as long as `use` runs */
} sample;

/* Calls `use` with every sample of an op; their number. */
size_t samples_each(const tw_op *op, void (*use)(const sample *one, void *user), void *user);

/* A number of the op's own to begin random draws with, so that a new op changes nothing for the
 * others. */
uint64_t sample_seed(const tw_op *op);
/* The argument of the signature that input `input` belongs to. */
const tw_op_arg *sample_arg(const sample *one, size_t input);
/* The sample with everything that the type attribute `attr` speaks of converted to `dtype`; false:
 * a value or attribute cannot be. Clear it with sample_clear. */
bool sample_convert(const sample *one, const char *attr, tw_dtype dtype, sample *out);
/* The sample with axis `axis` (from the end where negative) of some inputs (a bit for each)
 * repeated so many times, 0 times included; false: none of them has that axis, or holds numbers. */
bool sample_repeat(const sample *one, uint32_t inputs, int axis, size_t times, sample *out);
/* A copy whose inputs are its own and may be written to. */
void sample_copy(const sample *one, sample *out);
void sample_clear(sample *one);

/* Resolved, evaluated on `threads` threads; outputs (GOLDEN_MANY of them at most, the caller's to
 * unref) are written only where it succeeds. */
tw_status *sample_evaluate(const sample *one, int threads, tw_array **outputs, size_t *count);

#endif
