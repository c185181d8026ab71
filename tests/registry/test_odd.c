/* SPDX-License-Identifier: Apache-2.0
 * Strange calls of every op give a status or a result, never a crash, and leak nothing: inputs and
 * attributes at random; and sensible calls of which one thing was spoiled (a number, a shape, an
 * attribute), computed by themselves and through graph, plan and gradient with unknown shapes. No
 * more than 64 MiB are to be had, so that large sizes are refused. */
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

#include "op/compute.h"
#include "support/failing_allocator.h"
#include "support/samples.h"
#include "tensor/array.h"

enum { MOST_BYTES = 1 << 26, SAMPLES = 12, LIST = 2 };

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice >> 33) % sides;
}

static tw_array *odd_array(tw_dtype dtype)
{
    static const double values[] = {0,   1,   2,        -1,  3,         -7,      1e30,
                                    127, 1e9, INFINITY, NAN, -INFINITY, -0x1p63, 0x1p62};
    enum { VALUES = sizeof values / sizeof *values };
    int64_t dims[4];
    size_t rank = roll(5);
    for (size_t d = 0; d < 4; d++)
        dims[d] = roll(8) == 0 ? 0 : 1 + roll(3);
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank});
    for (size_t i = 0; array && tw_dtype_is_plain(dtype) && i < array->count; i++) {
        double value = values[roll(VALUES)];
        if (dtype == TW_BOOL)
            value = roll(2);
        if (dtype == TW_COMPLEX64 || dtype == TW_COMPLEX128)
            break;
        tw_element_set(dtype, (char *)array->data + i * tw_dtype_size(dtype), value);
    }
    return array;
}

static tw_dtype odd_dtype(const tw_op *op, const tw_op_arg *arg)
{
    static const tw_dtype some[] = {TW_FLOAT32, TW_INT32,   TW_INT64,  TW_BOOL,
                                    TW_FLOAT64, TW_FLOAT16, TW_STRING, TW_UINT8};
    const tw_op_attr *attr = arg->type_attr ? tw_op_find_attr(op, arg->type_attr) : NULL;
    if (arg->type)
        return arg->type;
    if (attr && attr->allowed_type_count)
        return attr->allowed_types[roll((uint32_t)attr->allowed_type_count)];
    return some[roll(8)];
}

/* One type attribute has one dtype in all its inputs. */
static tw_dtype dtype_for(const tw_op *op, size_t input, const tw_array *const *inputs,
                          const size_t *first)
{
    for (size_t i = 0; i < input; i++) {
        const char *a = op->inputs[i].type_attr, *b = op->inputs[input].type_attr;
        if (a && b && !strcmp(a, b) && inputs[first[i]])
            return tw_array_dtype(inputs[first[i]]);
    }
    return odd_dtype(op, &op->inputs[input]);
}

static void odd_attr(const tw_op_attr *def, tw_attr *attr, tw_arena *arena)
{
    static const int64_t numbers[] = {0, 1, 2, -1, 3, 1000000000, -5, INT64_MIN, INT64_MAX};
    *attr = (tw_attr){.name = def->name, .kind = def->kind, .list = def->list};
    if (def->list && def->kind == TW_ATTR_INT) {
        int64_t *items = tw_arena_array(arena, 5, sizeof *items);
        attr->count = roll(6);
        for (size_t i = 0; i < 5; i++)
            items[i] = roll(10) ? 1 + roll(3) : numbers[roll(9)];
        attr->value.items = items;
    } else if (def->kind == TW_ATTR_INT) {
        attr->value.i = numbers[roll(9)];
    } else if (def->kind == TW_ATTR_FLOAT) {
        attr->value.f = (float)numbers[roll(9)];
    } else if (def->kind == TW_ATTR_BOOL) {
        attr->value.b = roll(2);
    } else if (def->kind == TW_ATTR_STRING) {
        const char *text = def->allowed_string_count
                               ? def->allowed_strings[roll((uint32_t)def->allowed_string_count)]
                               : "";
        attr->value.s = (tw_bytes){text, strlen(text)};
    } else if (def->kind == TW_ATTR_TYPE) {
        attr->value.type = def->allowed_type_count
                               ? def->allowed_types[roll((uint32_t)def->allowed_type_count)]
                               : TW_FLOAT32;
    } else if (def->kind == TW_ATTR_SHAPE) {
        attr->value.shape = (tw_shape){numbers, roll(3)};
    }
}

static void try_odd(const tw_op *op)
{
    tw_array *inputs[GOLDEN_MANY] = {NULL}, *outputs[GOLDEN_MANY] = {NULL};
    size_t first[GOLDEN_MANY], count = 0, attr_count = 0;
    tw_attr attrs[GOLDEN_MANY];
    tw_arena arena = {0};
    for (size_t i = 0; i < op->input_count && count + LIST < GOLDEN_MANY; i++) {
        bool list = op->inputs[i].number_attr || op->inputs[i].type_list_attr;
        first[i] = count;
        for (int k = 0; k < (list ? LIST : 1); k++, count++)
            inputs[count] = odd_array(dtype_for(op, i, (const tw_array *const *)inputs, first));
    }
    for (size_t i = 0; i < op->attr_count && attr_count < GOLDEN_MANY; i++) {
        const tw_op_attr *def = &op->attrs[i];
        if (!def->inferred && (!def->has_default || roll(2)) && def->kind != TW_ATTR_TENSOR &&
            def->kind != TW_ATTR_FUNC && (!def->list || def->kind == TW_ATTR_INT))
            odd_attr(def, &attrs[attr_count++], &arena);
    }
    tw_status *status = tw_op_evaluate(tw_op_name(op), attrs, attr_count, inputs, count, outputs,
                                       4);
    tw_status_free(status);
    for (size_t i = 0; i < count; i++)
        tw_array_unref(inputs[i]);
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(outputs[i]);
    tw_arena_clear(&arena);
}

static bool asked(const tw_op *op)
{
    const char *only = getenv("TW_TEST_ODD_OP");
    return strcmp(op->name, "Print") != 0 && (!only || !strcmp(only, op->name));
}

/* Twice the same: what the first time left alive was made once for good, the second leaves nothing
 * more. */
static void twice(const tw_op *op, uint64_t seed, void (*body)(const tw_op *op))
{
    size_t live = 0;
    for (int time = 0; time < 2; time++) {
        live = failing_allocator_live();
        dice = seed;
        body(op);
    }
    if (failing_allocator_live() != live)
        fail_msg("%s: %d blocks were not released", op->name,
                 (int)(failing_allocator_live() - live));
}

/* For longer hunts: TW_TEST_ODD_SEED gives other calls. */
static uint64_t seed(void)
{
    const char *text = getenv("TW_TEST_ODD_SEED");
    return text ? strtoull(text, NULL, 10) * 1000 : 0;
}

static void odd_rounds(const tw_op *op)
{
    const char *rounds = getenv("TW_TEST_ODD_ROUNDS");
    for (int n = rounds ? atoi(rounds) : 60; n > 0; n--)
        try_odd(op);
}

static void odd_inputs_give_a_status_and_no_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < tw_op_count(); i++)
        if (asked(tw_op_at(i)))
            twice(tw_op_at(i), sample_seed(tw_op_at(i)) + seed(), odd_rounds);
}

/* ---- spoiled samples ---- */

static size_t samples;

static void compute_alone(const sample *one)
{
    tw_array *outputs[GOLDEN_MANY];
    size_t count = 0;
    tw_status *status = sample_evaluate(one, 1, outputs, &count);
    for (size_t k = 0; !status && k < count; k++)
        tw_array_unref(outputs[k]);
    tw_status_free(status);
}

/* A fed tensor of unknown shape, or a variable with the value. */
static tw_tensor graph_input(const sample *one, size_t i, tw_feed *feeds, size_t *feed_count,
                             tw_tensor *inits, size_t *init_count)
{
    tw_array *array = one->inputs[i];
    if (tw_dtype_is_ref(one->dtypes[i])) {
        tw_tensor variable = tw_variable_v2(TW_UNKNOWN_SHAPE, tw_dtype_base(one->dtypes[i]));
        if (array)
            inits[(*init_count)++] = tw_assign(variable, array, .validate_shape = false);
        return variable;
    }
    tw_tensor x = tw_placeholder(array->dtype);
    feeds[(*feed_count)++] = (tw_feed){x, array};
    return x;
}

static void run_and_drop(tw_session *session, tw_tensors fetch, tw_tensors target, tw_feeds feed)
{
    tw_array *out[GOLDEN_MANY] = {NULL};
    tw_status *status = tw_run(session, .fetch = fetch, .target = target, .feed = feed,
                               .out = fetch.count ? out : NULL);
    for (size_t k = 0; !status && k < fetch.count; k++)
        tw_array_unref(out[k]);
    tw_status_free(status);
}

/* The operation, then gradients by all that is fed. */
static void compute_in_graph(const sample *one)
{
    tw_graph *graph = tw_graph_new();
    struct tw_session_options options = {.size = sizeof options, .graph = graph, .threads = 1};
    tw_session *session = tw_session_new(&options);
    tw_tensor in[GOLDEN_MANY], inits[GOLDEN_MANY], xs[GOLDEN_MANY], ys[GOLDEN_MANY];
    tw_feed feeds[GOLDEN_MANY];
    size_t feed_count = 0, init_count = 0, y_count = 0, dense_count = 0;
    tw_operation *op = NULL;
    TW_GRAPH(graph) {
        for (size_t i = 0; i < one->input_count; i++)
            in[i] = graph_input(one, i, feeds, &feed_count, inits, &init_count);
        tw_graph_add_args args = {.size = sizeof args,
                                  .where = TW_HERE,
                                  .type = one->op->name,
                                  .inputs = in,
                                  .input_count = one->input_count,
                                  .input_counts = one->counts,
                                  .attrs = one->attrs,
                                  .attr_count = one->attr_count};
        tw_status *status = tw_graph_add(graph, &args, &op);
        tw_status_free(status);
    }
    for (size_t k = 0; op && k < tw_operation_output_count(op) && k < GOLDEN_MANY; k++)
        ys[y_count++] = tw_operation_output(op, k);
    tw_feeds feed = {feeds, feed_count};
    if (op) {
        run_and_drop(session, (tw_tensors){NULL, 0}, (tw_tensors){inits, init_count}, feed);
        run_and_drop(session, (tw_tensors){ys, y_count}, TW_FETCH({op, -1}), feed);
    }
    for (size_t i = 0; i < feed_count; i++)
        xs[i] = feeds[i].tensor;
    tw_grads grads = {NULL, 0};
    struct tw_gradients_args args = {
        .size = sizeof args, .ys = {ys, y_count}, .xs = {xs, feed_count}};
    tw_status *status = y_count && feed_count ? tw_gradients_add(&args, &grads) : TW_OK;
    TW_GRAPH(graph) {
        for (size_t i = 0; !status && i < grads.count; i++)
            if (grads.grads[i].kind != TW_GRAD_NONE)
                ys[dense_count++] = tw_grad_tensor(grads.grads[i]);
    }
    if (dense_count)
        run_and_drop(session, (tw_tensors){ys, dense_count}, (tw_tensors){NULL, 0}, feed);
    tw_status_free(status);
    tw_session_free(session);
    tw_graph_unref(graph);
}

static bool can_be_fed(const sample *one)
{
    for (size_t i = 0; i < one->input_count; i++)
        if (!tw_dtype_is_ref(one->dtypes[i]) && !one->inputs[i])
            return false;
    return true;
}

static void use_spoiled(const sample *one)
{
    compute_alone(one);
    if (can_be_fed(one) && roll(3) == 0)
        compute_in_graph(one);
}

/* One number, or all of them, that no call would have. */
static void spoil_numbers(tw_array *array)
{
    static const double values[] = {-1,  0,      1,       100,      2147483647, -2147483648.0,
                                    NAN, 0x1p62, -0x1p63, INFINITY, -INFINITY,  1e-310};
    double value = values[roll(sizeof values / sizeof *values)];
    size_t part = array->dtype == TW_COMPLEX64 ? 4 : tw_dtype_size(array->dtype);
    bool all = roll(3) == 0;
    size_t at = array->count ? roll((uint32_t)array->count) : 0;
    if (!tw_dtype_is_plain(array->dtype) || array->dtype == TW_BOOL ||
        tw_dtype_is_complex(array->dtype))
        return;
    for (size_t i = 0; i < array->count; i++)
        if (all || i == at)
            tw_element_set(array->dtype, (char *)array->data + i * part, value);
}

/* The same numbers as far as they go, in another shape. */
static tw_array *spoil_shape(const tw_array *from)
{
    int64_t dims[TW_MAX_RANK + 1];
    size_t rank = from->rank, axis = rank ? roll((uint32_t)rank) : 0;
    memcpy(dims, from->dims, rank * sizeof *dims);
    uint32_t way = roll(6);
    if (way == 0)
        rank = 0;
    else if (way == 1 && rank < 10)
        dims[rank++] = 1 + roll(2);
    else if (way == 2 && rank)
        dims[axis] = 0;
    else if (way == 3 && rank)
        dims[axis]++;
    else if (way == 4 && rank && dims[axis] > 0)
        dims[axis]--;
    else if (rank)
        rank--;
    tw_array *out = tw_array_new(from->dtype, (tw_shape){dims, rank});
    size_t size = tw_dtype_size(from->dtype);
    for (size_t i = 0; out && tw_dtype_is_plain(from->dtype) && i < out->count && from->count; i++)
        memcpy((char *)out->data + i * size, (char *)from->data + i % from->count * size, size);
    return out;
}

static void spoil_attr(sample *one)
{
    static const int64_t numbers[] = {-1, 0, 1, 5, INT32_MAX, INT64_MIN, INT64_MAX, 1 << 20};
    static int64_t items[GOLDEN_MANY];
    if (!one->attr_count)
        return;
    tw_attr *attr = &one->attrs[roll((uint32_t)one->attr_count)];
    int64_t number = numbers[roll(8)];
    if (attr->list && attr->kind == TW_ATTR_INT && attr->count < GOLDEN_MANY - 1) {
        if (attr->count)
            memcpy(items, attr->value.items, attr->count * sizeof *items);
        uint32_t way = roll(3);
        attr->count += way == 0;
        attr->count -= way == 1 && attr->count;
        items[attr->count ? roll((uint32_t)attr->count) : 0] = number;
        attr->value.items = items;
    } else if (attr->kind == TW_ATTR_INT && !attr->list) {
        attr->value.i = number;
    } else if (attr->kind == TW_ATTR_FLOAT && !attr->list) {
        attr->value.f = roll(2) ? NAN : (float)number;
    } else if (attr->kind == TW_ATTR_STRING && !attr->list) {
        attr->value.s = (tw_bytes){"odd", roll(2) ? 3 : 0};
    } else if (attr->kind == TW_ATTR_BOOL && !attr->list) {
        attr->value.b = !attr->value.b;
    }
}

static void spoil_sample(const sample *one, void *user)
{
    (void)user;
    if (samples++ >= SAMPLES)
        return;
    for (int n = 0; n < 8; n++) {
        sample spoiled;
        sample_copy(one, &spoiled);
        size_t i = one->input_count ? roll((uint32_t)one->input_count) : 0;
        uint32_t way = roll(5);
        if (way < 2 && one->input_count && spoiled.inputs[i]) {
            spoil_numbers(spoiled.inputs[i]);
        } else if (way < 4 && one->input_count && spoiled.inputs[i]) {
            tw_array *other = spoil_shape(spoiled.inputs[i]);
            tw_array_unref(spoiled.inputs[i]);
            spoiled.inputs[i] = other;
        } else {
            spoil_attr(&spoiled);
        }
        use_spoiled(&spoiled);
        sample_clear(&spoiled);
    }
}

static void spoil_op(const tw_op *op)
{
    samples = 0;
    samples_each(op, spoil_sample, NULL);
}

static void spoiled_calls_give_a_status_and_no_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < tw_op_count(); i++)
        if (asked(tw_op_at(i)))
            twice(tw_op_at(i), sample_seed(tw_op_at(i)) + seed(), spoil_op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_inputs_give_a_status_and_no_crash),
        cmocka_unit_test(spoiled_calls_give_a_status_and_no_crash),
    };
    failing_allocator_install();
    failing_allocator_limit(MOST_BYTES);
    return cmocka_run_group_tests_name("registry: odd calls", tests, NULL, NULL);
}
