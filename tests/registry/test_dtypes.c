/* SPDX-License-Identifier: Apache-2.0
 * Every op in every dtype that its signature takes: it gives what it gives in the widest dtype of
 * the kind, rounded or wrapped, or says that no kernel serves it. A dtype that the signature does
 * not take is refused while building, with its name, and so are two dtypes for one attribute. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "op/attr.h"
#include "support/samples.h"
#include "tensor/array.h"

static const tw_dtype all_dtypes[] = {TW_FLOAT32, TW_FLOAT64, TW_FLOAT16, TW_BFLOAT16,  TW_INT8,
                                      TW_INT16,   TW_INT32,   TW_INT64,   TW_UINT8,     TW_UINT16,
                                      TW_UINT32,  TW_UINT64,  TW_BOOL,    TW_COMPLEX64, TW_STRING,
                                      TW_QINT8,   TW_QUINT8,  TW_QINT32,  TW_COMPLEX128};
enum { DTYPES = sizeof all_dtypes / sizeof *all_dtypes, SAMPLES = 6 };

/* Ops whose numbers depend on the width of their dtype, or on a draw. */
static const char *const of_own_width[] = {"Bitcast",
                                           "Cast",
                                           "DecodeRaw",
                                           "LeftShift",
                                           "RightShift",
                                           "StatelessRandomNormal",
                                           "StatelessRandomUniform",
                                           "StatelessRandomUniformInt",
                                           "StatelessTruncatedNormal",
                                           "UnsortedSegmentMax",
                                           "UnsortedSegmentMin"};

/* Ops that are no calls of numbers: loops and what lives in a session. Their own tests run them in
 * several dtypes. */
static const char *const elsewhere[] = {"Const",
                                        "Enter",
                                        "Exit",
                                        "LoopValue",
                                        "Merge",
                                        "Switch",
                                        "RefEnter",
                                        "RefExit",
                                        "RefMerge",
                                        "RefNextIteration",
                                        "RefSwitch",
                                        "RefSelect",
                                        "RefIdentity",
                                        "Stack",
                                        "NextIteration",
                                        "Placeholder",
                                        "TemporaryVariable",
                                        "TensorArray",
                                        "Variable",
                                        "Print",
                                        "DestroyTemporaryVariable"};

static struct {
    const tw_op *op;
    const tw_op_attr *attr;
    size_t samples, bad, all;
    bool ran[TW_DTYPE_COUNT], refused[TW_DTYPE_COUNT];
} now;

static bool is_among(const char *const *list, size_t count, const char *name, bool prefix)
{
    for (size_t i = 0; i < count; i++)
        if (prefix ? !strncmp(list[i], name, strlen(list[i])) : !strcmp(list[i], name))
            return true;
    return false;
}
#define AMONG(list, name, prefix) is_among(list, sizeof(list) / sizeof *(list), name, prefix)

static void complain(const sample *one, tw_dtype dtype, const char *what)
{
    now.bad++;
    printf("    %s %s=%s: %s (%s)\n", now.op->name, now.attr->name, tw_dtype_name(dtype), what,
           one->name);
}

static bool allows(const tw_op_attr *attr, tw_dtype dtype)
{
    return !attr->allowed_types || tw_op_allows_type(attr, dtype);
}

/* The dtype whose numbers this one's are part of. */
static tw_dtype widest(tw_dtype dtype)
{
    if (tw_dtype_is_complex(dtype))
        return TW_COMPLEX128;
    if (tw_dtype_is_floating(dtype))
        return TW_FLOAT64;
    return tw_dtype_is_integer(dtype) ? TW_INT64 : dtype;
}

/* Small whole numbers that every dtype holds, where the attribute speaks of values: indices, sizes
 * and scalar settings stay. */
static void fill(sample *one, const tw_op_attr *attr)
{
    for (size_t i = 0; i < one->input_count; i++) {
        const tw_op_arg *arg = sample_arg(one, i);
        tw_array *array = one->inputs[i];
        if (!array || !arg || !arg->type_attr || strcmp(arg->type_attr, attr->name) ||
            !allows(attr, TW_FLOAT32) || !tw_dtype_is_plain(array->dtype) || !array->rank ||
            array->dtype == TW_BOOL)
            continue;
        for (size_t k = 0; k < array->count; k++) {
            char *at = (char *)array->data + k * tw_dtype_size(array->dtype);
            double value = 1 + (double)((k + i) % 3);
            if (array->dtype == TW_COMPLEX64)
                memcpy(at, (float[]){(float)value, 0}, 8);
            else if (array->dtype == TW_COMPLEX128)
                memcpy(at, (double[]){value, 0}, 16);
            else
                tw_element_set(array->dtype, at, value);
        }
    }
}

static bool same_integers(const tw_array *got, const tw_array *want)
{
    size_t bits = tw_dtype_size(got->dtype) * 8;
    uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    for (size_t i = 0; i < want->count; i++) {
        int64_t a = tw_element_get_int(got->dtype, (char *)got->data + i * bits / 8);
        int64_t b = tw_element_get_int(want->dtype,
                                       (char *)want->data + i * tw_dtype_size(want->dtype));
        if (((uint64_t)a & mask) != ((uint64_t)b & mask))
            return false;
    }
    return true;
}

static double part(const tw_array *array, size_t i)
{
    tw_dtype dtype = array->dtype == TW_COMPLEX64    ? TW_FLOAT32
                     : array->dtype == TW_COMPLEX128 ? TW_FLOAT64
                                                     : array->dtype;
    return tw_element_get(dtype, (char *)array->data + i * tw_dtype_size(dtype));
}

static bool same_floats(const tw_array *got, const tw_array *want)
{
    double scale = golden_largest(want), relative = golden_relative(got->dtype) * 2;
    size_t parts = tw_dtype_is_complex(got->dtype) ? 2 : 1;
    for (size_t i = 0; i < want->count * parts; i++) {
        double a = part(got, i), b = part(want, i);
        if (isnan(a) != isnan(b) || fabs(a - b) > relative * fmax(scale, 1e-3))
            return isnan(a) && isnan(b);
    }
    return true;
}

static bool same(const tw_array *got, const tw_array *want)
{
    if (!tw_shape_equal(tw_array_shape(got), tw_array_shape(want)))
        return false;
    if (tw_dtype_is_integer(got->dtype) && tw_dtype_is_integer(want->dtype))
        return same_integers(got, want);
    if (tw_dtype_is_complex(got->dtype) != tw_dtype_is_complex(want->dtype))
        return false;
    if (tw_dtype_is_floating(got->dtype) || tw_dtype_is_complex(got->dtype))
        return same_floats(got, want);
    return true;
}

static void drop(tw_array **arrays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tw_array_unref(arrays[i]);
}

static bool stateful(const tw_op *op)
{
    return op->definition.flags & (TW_OP_STATEFUL | TW_OP_SIDE_EFFECT);
}

/* With the same numbers, in the widest dtype. */
static void compare(const sample *one, tw_dtype dtype, tw_array **outputs, size_t count)
{
    tw_array *wanted[GOLDEN_MANY];
    size_t wanted_count = 0;
    sample wide;
    if (widest(dtype) == dtype || !allows(now.attr, widest(dtype)) || stateful(now.op) ||
        AMONG(of_own_width, now.op->name, false))
        return;
    if (!sample_convert(one, now.attr->name, widest(dtype), &wide))
        return;
    tw_status *status = sample_evaluate(&wide, 1, wanted, &wanted_count);
    if (status)
        tw_status_free(status);
    else {
        for (size_t k = 0; k < count; k++)
            if (!same(outputs[k], wanted[k]))
                complain(one, dtype, "other numbers than in the widest dtype");
        drop(wanted, wanted_count);
    }
    sample_clear(&wide);
}

static void use_dtype(const sample *one, tw_dtype dtype)
{
    sample s;
    tw_array *outputs[GOLDEN_MANY];
    size_t count = 0;
    if (!sample_convert(one, now.attr->name, dtype, &s))
        return;
    fill(&s, now.attr);
    tw_status *status = sample_evaluate(&s, 1, outputs, &count);
    if (!status) {
        now.ran[dtype] = true;
        now.all++;
        compare(&s, dtype, outputs, count);
        drop(outputs, count);
    } else if (strstr(tw_status_message(status), tw_dtype_name(dtype))) {
        now.refused[dtype] = true;
    }
    tw_status_free(status);
    sample_clear(&s);
}

static void use_sample(const sample *one, void *user)
{
    (void)user;
    tw_array *outputs[GOLDEN_MANY];
    size_t count = 0;
    if (now.samples >= SAMPLES || strstr(one->name, "@0.12.1"))
        return;
    tw_status *status = sample_evaluate(one, 1, outputs, &count);
    bool good = !status;
    tw_status_free(status);
    if (!good)
        return;
    drop(outputs, count);
    now.samples++;
    for (size_t i = 0; i < DTYPES; i++)
        if (allows(now.attr, all_dtypes[i]))
            use_dtype(one, all_dtypes[i]);
}

/* A dtype that the signature takes and no call of which ran was refused by its name. */
static void check_attr(const tw_op *op, const tw_op_attr *attr)
{
    size_t bad = now.bad, all = now.all;
    memset(&now, 0, sizeof now);
    now.op = op;
    now.attr = attr;
    samples_each(op, use_sample, NULL);
    for (size_t i = 0; i < DTYPES; i++) {
        tw_dtype dtype = all_dtypes[i];
        if (!allows(attr, dtype) || now.ran[dtype] || now.refused[dtype])
            continue;
        now.bad++;
        printf("    %s %s=%s: was never run, nor refused by its name\n", op->name, attr->name,
               tw_dtype_name(dtype));
    }
    now.bad += bad;
    now.all += all;
}

static void each_dtype_gives_what_the_widest_does(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        for (size_t k = 0; k < op->attr_count && !AMONG(elsewhere, op->name, true); k++)
            if (op->attrs[k].kind == TW_ATTR_TYPE && !op->attrs[k].list)
                check_attr(op, &op->attrs[k]);
    }
    print_message("%zu calls\n", now.all);
    if (now.bad)
        fail_msg("%zu complaints", now.bad);
}

/* ---- wrong ones ---- */

/* Input `input` of the sample with another dtype than its own. */
static void use_wrong(const sample *one, size_t input, tw_dtype dtype)
{
    tw_dtype dtypes[GOLDEN_MANY];
    tw_resolved resolved;
    memcpy(dtypes, one->dtypes, sizeof dtypes);
    dtypes[input] = tw_dtype_is_ref(dtypes[input]) ? tw_dtype_ref(dtype) : dtype;
    tw_status *status = tw_op_resolve(one->op, dtypes, one->input_count, one->counts, one->attrs,
                                      one->attr_count, one->arena, &resolved);
    now.all++;
    if (tw_status_code(status) != TW_INVALID_ARGUMENT ||
        !strstr(tw_status_message(status), tw_dtype_name(dtype))) {
        now.bad++;
        printf("    %s: %s for input %zu gives: %s\n", one->op->name, tw_dtype_name(dtype), input,
               status ? tw_status_message(status) : "no error");
    }
    tw_status_free(status);
}

static void use_wrong_dtypes(const sample *one, void *user)
{
    (void)user;
    if (now.samples++)
        return;
    for (size_t i = 0; i < one->input_count; i++) {
        const tw_op_arg *arg = sample_arg(one, i);
        const tw_op_attr *attr = arg->type_attr ? tw_op_find_attr(one->op, arg->type_attr) : NULL;
        tw_dtype own = tw_dtype_base(one->dtypes[i]);
        bool shared = false;
        for (size_t k = 0; k < one->input_count && attr; k++) {
            const tw_op_arg *other = sample_arg(one, k);
            shared |= k != i && other->type_attr && !strcmp(other->type_attr, attr->name);
        }
        for (size_t k = 0; k < DTYPES && !arg->type_list_attr; k++)
            if (all_dtypes[k] != own && (!attr || shared || !allows(attr, all_dtypes[k])))
                use_wrong(one, i, all_dtypes[k]);
    }
}

static void a_dtype_that_the_signature_does_not_take_is_refused_by_name(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    for (size_t i = 0; i < tw_op_count(); i++) {
        now.samples = 0;
        samples_each(tw_op_at(i), use_wrong_dtypes, NULL);
    }
    print_message("%zu refusals\n", now.all);
    if (now.bad)
        fail_msg("%zu complaints", now.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dtype_gives_what_the_widest_does),
        cmocka_unit_test(a_dtype_that_the_signature_does_not_take_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("registry: dtypes", tests, NULL, NULL);
}
