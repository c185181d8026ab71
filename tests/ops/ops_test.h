/* SPDX-License-Identifier: Apache-2.0
 * What tests of ops share: small arrays, one operation computed by itself, and comparisons. */
#ifndef TW_TESTS_OPS_TEST_H
#define TW_TESTS_OPS_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "op/compute.h"
#include "op/op.h"
#include "thalweg/array.h"
#include "thalweg/op.h"

#define FLOATS(shape, ...) tw_array_copy_of(TW_FLOAT32, shape, (const float[]){__VA_ARGS__})
#define INTS(shape, ...) tw_array_copy_of(TW_INT32, shape, (const int32_t[]){__VA_ARGS__})
#define LONGS(shape, ...) tw_array_copy_of(TW_INT64, shape, (const int64_t[]){__VA_ARGS__})

static inline tw_attr int_attr(const char *name, int64_t value)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_INT, .value.i = value};
}
static inline tw_attr bool_attr(const char *name, bool value)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_BOOL, .value.b = value};
}
static inline tw_attr string_attr(const char *name, const char *text)
{
    return (tw_attr){.name = name, .kind = TW_ATTR_STRING, .value.s = {text, strlen(text)}};
}
static inline tw_attr ints_attr(const char *name, const int64_t *items, size_t count)
{
    return (tw_attr){
        .name = name, .kind = TW_ATTR_INT, .list = true, .count = count, .value.items = items};
}

enum { CALL_MANY = 12 };

/* One operation: what goes in and what comes out, all let go by call_end. */
typedef struct op_call {
    const char *type;
    tw_attr attrs[CALL_MANY];
    tw_array *inputs[CALL_MANY], *outputs[CALL_MANY];
    size_t attr_count, input_count, output_count;
    tw_status *status;
} op_call;

/* Runs it with reference inputs being the arrays themselves: what they hold afterwards stands in
 * `inputs`. A NULL input of a reference is a variable without a value, of float. */
static inline void call_run(op_call *k)
{
    tw_arena arena = {0};
    tw_dtype dtypes[CALL_MANY];
    uint32_t refs = 0;
    tw_spec spec = {.op = tw_op_find(k->type), .type = k->type, .name = "op"};
    assert_non_null(spec.op);
    for (size_t i = 0; i < k->input_count; i++) {
        bool ref = i < spec.op->input_count && spec.op->inputs[i].is_ref;
        tw_dtype dtype = k->inputs[i] ? tw_array_dtype(k->inputs[i]) : TW_FLOAT32;
        dtypes[i] = ref ? tw_dtype_ref(dtype) : dtype;
        refs |= (uint32_t)ref << i;
    }
    tw_resolved resolved = {0};
    k->status = tw_op_resolve(spec.op, dtypes, k->input_count, NULL, k->attrs, k->attr_count,
                              &arena, &resolved);
    if (!k->status) {
        spec.attrs = resolved.attrs;
        spec.attr_count = resolved.attr_count;
        k->output_count = resolved.output_count;
        k->status = tw_evaluate(&spec, k->inputs, k->input_count, refs, 1, k->outputs,
                                k->output_count);
    }
    for (size_t i = 0; i < resolved.attr_count; i++)
        tw_attr_release(&resolved.attrs[i]);
    tw_arena_clear(&arena);
}

static inline void call_end(op_call *k)
{
    for (size_t i = 0; i < k->input_count; i++)
        tw_array_unref(k->inputs[i]);
    for (size_t i = 0; i < k->output_count && !k->status; i++)
        tw_array_unref(k->outputs[i]);
    tw_status_free(k->status);
}

static inline void call_good(op_call *k)
{
    call_run(k);
    if (k->status)
        fail_msg("%s", tw_status_message(k->status));
}

/* It is refused with `code`, and `text` stands in the message. Ends the call. */
static inline void call_refused(op_call *k, tw_code code, const char *text)
{
    call_run(k);
    assert_non_null(k->status);
    assert_int_equal(tw_status_code(k->status), code);
    if (!strstr(tw_status_message(k->status), text))
        fail_msg("'%s' is not in '%s'", text, tw_status_message(k->status));
    call_end(k);
}

static inline void assert_shape(const tw_array *array, tw_shape shape)
{
    if (!tw_shape_equal(tw_array_shape(array), shape))
        fail_msg("the shape is %s, not %s", tw_shape_text(tw_array_shape(array)).s,
                 tw_shape_text(shape).s);
}

static inline void assert_values(const tw_array *array, const double *values, size_t count)
{
    assert_int_equal(tw_array_count(array), count);
    for (size_t i = 0; i < count; i++) {
        double got = tw_array_get(array, i);
        bool same = got == values[i] || (isnan(got) && isnan(values[i])) ||
                    fabs(got - values[i]) <= 1e-5 * (1 + fabs(values[i]));
        if (!same)
            fail_msg("element %zu is %.9g, not %.9g", i, got, values[i]);
    }
}
#define assert_holds(array, ...)                        \
    assert_values(array, (const double[]){__VA_ARGS__}, \
                  sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

#endif
