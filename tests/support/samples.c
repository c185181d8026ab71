/* SPDX-License-Identifier: Apache-2.0
 * Samples are lent from what was read: a golden case or an example lives until `use` returns. */
#include "support/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "op/compute.h"
#include "support/examples.h"
#include "tensor/array.h"

typedef struct walk {
    const tw_op *op;
    void (*use)(const sample *one, void *user);
    void *user;
    size_t count;
} walk;

/* ---- where they come from ---- */

static void use_golden(const golden_case *one, void *user)
{
    walk *w = user;
    tw_arena arena = {0};
    /* A file of our own holds the cases of many ops. */
    if (strcmp(one->op, w->op->name) != 0)
        return;
    sample s = {.op = w->op,
                .name = one->name,
                .attr_count = one->attr_count,
                .input_count = one->input_count,
                .counts = one->count_count ? one->counts : NULL,
                .arena = &arena};
    memcpy(s.attrs, one->attrs, sizeof s.attrs);
    for (size_t i = 0; i < one->input_count; i++) {
        const golden_tensor *input = &one->inputs[i];
        s.inputs[i] = input->array;
        s.dtypes[i] = input->is_ref ? tw_dtype_ref(input->dtype) : input->dtype;
    }
    w->use(&s, w->user);
    w->count++;
    tw_arena_clear(&arena);
}

static void use_example(walk *w, const char *text)
{
    example_call call;
    const char *wrong = example_read(w->op, text, &call);
    if (wrong) {
        fprintf(stderr, "%s: %s: %s\n", w->op->name, text, wrong);
        exit(2);
    }
    tw_arena arena = {0};
    sample s = {.op = w->op,
                .name = text,
                .attr_count = call.attr_count,
                .input_count = call.input_count,
                .arena = &arena};
    memcpy(s.attrs, call.attrs, call.attr_count * sizeof *call.attrs);
    for (size_t i = 0; i < call.input_count; i++) {
        const tw_op_arg *arg = sample_arg(&s, i);
        s.inputs[i] = call.inputs[i];
        s.dtypes[i] = arg && arg->is_ref ? tw_dtype_ref(call.inputs[i]->dtype)
                                         : call.inputs[i]->dtype;
    }
    w->use(&s, w->user);
    w->count++;
    tw_arena_clear(&arena);
    example_clear(&call);
}

size_t samples_each(const tw_op *op, void (*use)(const sample *one, void *user), void *user)
{
    walk w = {op, use, user, 0};
    char path[600];
    snprintf(path, sizeof path, TW_SOURCE_ROOT "/tests/golden/ops/%s.txt", op->name);
    (void)golden_cases_each(path, use_golden, &w);
    for (size_t i = 0; i < TW_DEFINITION_EXAMPLES && op->definition.examples[i]; i++)
        use_example(&w, op->definition.examples[i]);
    if (!w.count)
        (void)golden_cases_each(TW_SOURCE_ROOT "/tests/registry/samples.txt", use_golden, &w);
    return w.count;
}

uint64_t sample_seed(const tw_op *op)
{
    uint64_t seed = 14695981039346656037u; /* FNV-1a */
    for (const char *at = op->name; *at; at++)
        seed = (seed ^ (unsigned char)*at) * 1099511628211u;
    return seed;
}

const tw_op_arg *sample_arg(const sample *one, size_t input)
{
    const tw_op *op = one->op;
    size_t lists = 0, single = 0;
    for (size_t i = 0; i < op->input_count; i++) {
        bool list = op->inputs[i].number_attr || op->inputs[i].type_list_attr;
        lists += list;
        single += !list;
    }
    for (size_t i = 0, first = 0; i < op->input_count; i++) {
        bool list = op->inputs[i].number_attr || op->inputs[i].type_list_attr;
        size_t even = lists && one->input_count > single ? (one->input_count - single) / lists : 0;
        size_t count = one->counts ? one->counts[i] : list ? even : 1;
        if (input < first + count)
            return &op->inputs[i];
        first += count;
    }
    return NULL;
}

/* ---- other dtypes ---- */

/* The number in `from`, as the real part where only one of both is complex. */
static void convert_element(tw_dtype from, const char *a, tw_dtype to, char *b)
{
    tw_dtype from_part = from == TW_COMPLEX64 ? TW_FLOAT32 : TW_FLOAT64;
    tw_dtype to_part = to == TW_COMPLEX64 ? TW_FLOAT32 : TW_FLOAT64;
    double re = tw_element_get(tw_dtype_is_complex(from) ? from_part : from, a), im = 0;
    if (tw_dtype_is_complex(from))
        im = tw_element_get(from_part, a + tw_dtype_size(from_part));
    if (tw_dtype_is_integer(to) && !(re > -1e9 && re < 1e9))
        re = 1;
    if (tw_dtype_name(to)[0] == 'u')
        re = fabs(re);
    if (to == TW_BOOL)
        *(bool *)(void *)b = re != 0;
    else
        tw_element_set(tw_dtype_is_complex(to) ? to_part : to, b, re);
    if (tw_dtype_is_complex(to))
        tw_element_set(to_part, b + tw_dtype_size(to_part), im);
}

static tw_array *convert(const tw_array *from, tw_dtype to)
{
    tw_array *out = tw_array_new(to, tw_array_shape(from));
    size_t a = tw_dtype_size(from->dtype), b = tw_dtype_size(to);
    for (size_t i = 0; out && i < from->count; i++) {
        const char *at = (const char *)from->data + i * a;
        char text[2] = {(char)('a' + i % 26), 0};
        if (to == TW_STRING)
            (void)tw_array_set_string(out, i, text, 1);
        else if (from->dtype == TW_STRING)
            convert_element(TW_INT64, (const char *)&(int64_t){(int64_t)i}, to,
                            (char *)out->data + i * b);
        else
            convert_element(from->dtype, at, to, (char *)out->data + i * b);
    }
    return out;
}

static bool holds_numbers(tw_dtype dtype)
{
    return tw_dtype_is_plain(dtype) || dtype == TW_STRING;
}

static void own_inputs(const sample *one, sample *out)
{
    *out = *one;
    out->owned = true;
    for (size_t i = 0; i < one->input_count; i++)
        out->inputs[i] = one->inputs[i] ? tw_array_copy(one->inputs[i]) : NULL;
}

void sample_copy(const sample *one, sample *out)
{
    own_inputs(one, out);
}

void sample_clear(sample *one)
{
    for (size_t i = 0; one->owned && i < one->input_count; i++)
        tw_array_unref(one->inputs[i]);
    *one = (sample){.owned = false};
}

static bool gives(const sample *one, const char *attr)
{
    for (size_t k = 0; k < one->attr_count; k++)
        if (strcmp(one->attrs[k].name, attr) == 0)
            return true;
    return false;
}

/* The attribute itself; what has a tensor beside it (Const's value) is left alone, and a list of
 * dtypes is what the inputs are. */
static bool convert_attrs(sample *out, const tw_op_attr *def, tw_dtype dtype)
{
    bool given = gives(out, def->name);
    if (def->list)
        return def->inferred && !given;
    for (size_t k = 0; k < out->attr_count; k++) {
        if (strcmp(out->attrs[k].name, def->name) == 0)
            out->attrs[k].value.type = dtype;
        if (out->attrs[k].kind == TW_ATTR_TENSOR)
            return false;
    }
    if (!given && !def->inferred)
        out->attrs[out->attr_count++] = (tw_attr){
            .name = def->name, .kind = TW_ATTR_TYPE, .value.type = dtype};
    return true;
}

bool sample_convert(const sample *one, const char *attr, tw_dtype dtype, sample *out)
{
    const tw_op_attr *def = tw_op_find_attr(one->op, attr);
    own_inputs(one, out);
    bool good = def && holds_numbers(dtype) && convert_attrs(out, def, dtype);
    for (size_t i = 0; good && i < one->input_count; i++) {
        const tw_op_arg *arg = sample_arg(one, i);
        const char *by = arg ? def->list ? arg->type_list_attr : arg->type_attr : NULL;
        if (!by || strcmp(by, attr) != 0)
            continue;
        good = holds_numbers(tw_dtype_base(one->dtypes[i])) && one->inputs[i];
        if (!good)
            break;
        tw_array_unref(out->inputs[i]);
        out->inputs[i] = convert(one->inputs[i], dtype);
        out->dtypes[i] = arg->is_ref ? tw_dtype_ref(dtype) : dtype;
        good = out->inputs[i] != NULL;
    }
    if (!good)
        sample_clear(out);
    return good;
}

/* ---- other sizes ---- */

/* `from` with one axis `times` as long: (before, axis * behind) becomes (before, times, axis *
 * behind). */
static tw_array *repeat(const tw_array *from, size_t axis, size_t times)
{
    int64_t dims[TW_MAX_RANK];
    size_t before = 1, inner = tw_dtype_size(from->dtype);
    for (size_t d = 0; d < from->rank; d++) {
        dims[d] = d == axis ? from->dims[d] * (int64_t)times : from->dims[d];
        *(d < axis ? &before : &inner) *= (size_t)from->dims[d];
    }
    tw_array *out = tw_array_new(from->dtype, (tw_shape){dims, from->rank});
    for (size_t b = 0; out && b < before; b++)
        for (size_t t = 0; t < times; t++)
            memcpy((char *)out->data + (b * times + t) * inner,
                   (const char *)from->data + b * inner, inner);
    return out;
}

bool sample_repeat(const sample *one, uint32_t inputs, int axis, size_t times, sample *out)
{
    bool any = false;
    own_inputs(one, out);
    for (size_t i = 0; i < one->input_count && i < 32; i++) {
        const tw_array *from = one->inputs[i];
        if (!(inputs >> i & 1) || !from || !tw_dtype_is_plain(from->dtype))
            continue;
        size_t at = (size_t)(axis < 0 ? axis + (int)from->rank : axis);
        if (at >= from->rank)
            continue;
        tw_array_unref(out->inputs[i]);
        out->inputs[i] = repeat(from, at, times);
        any = true;
    }
    if (!any)
        sample_clear(out);
    return any;
}

/* ---- running one ---- */

tw_status *sample_evaluate(const sample *one, int threads, tw_array **outputs, size_t *count)
{
    tw_resolved resolved;
    tw_array *inputs[GOLDEN_MANY];
    uint32_t refs = 0;
    tw_status *status = tw_op_resolve(one->op, one->dtypes, one->input_count, one->counts,
                                      one->attrs, one->attr_count, one->arena, &resolved);
    if (status)
        return status;
    for (size_t i = 0; i < one->input_count; i++) {
        bool ref = tw_dtype_is_ref(one->dtypes[i]);
        inputs[i] = ref && one->inputs[i] ? tw_array_copy(one->inputs[i])
                                          : tw_array_ref(one->inputs[i]);
        refs |= (uint32_t)ref << (i & 31);
    }
    tw_spec spec = {.op = one->op,
                    .type = one->op->name,
                    .name = one->op->name,
                    .attrs = resolved.attrs,
                    .attr_count = resolved.attr_count};
    *count = resolved.output_count;
    status = tw_evaluate(&spec, inputs, one->input_count, refs, threads, outputs, *count);
    for (size_t i = 0; i < one->input_count; i++)
        tw_array_unref(inputs[i]);
    for (size_t i = 0; i < resolved.attr_count; i++)
        tw_attr_release(&resolved.attrs[i]);
    return status;
}
