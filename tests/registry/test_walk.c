/* SPDX-License-Identifier: Apache-2.0
 * The registry walk: what must hold of every op, whoever wrote it. It is documented, its examples
 * are true, it says what its gradient is; shape rules agree with kernels; threads do not change a
 * bit; and odd inputs give a status, never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "base/pool.h"
#include "op/compute.h"
#include "op/infer.h"
#include "support/golden_cases.h"

static size_t bad;

static void complain(const tw_op *op, const char *what, const char *more)
{
    bad++;
    printf("    %s: %s %s\n", tw_op_name(op), what, more);
}

static void none_is_bad(size_t before)
{
    if (bad != before)
        fail_msg("%zu complaints", bad - before);
}

/* ---- documents ---- */

static bool has_refs_or_handles(const tw_op *op)
{
    for (size_t i = 0; i < op->input_count + op->output_count; i++) {
        const tw_op_arg *arg = i < op->input_count ? &op->inputs[i]
                                                   : &op->outputs[i - op->input_count];
        if (arg->is_ref || arg->type == TW_RESOURCE || arg->type == TW_VARIANT)
            return true;
    }
    return false;
}

static void every_op_is_documented(void **state)
{
    (void)state;
    size_t before = bad;
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        const tw_op_definition *d = tw_op_get_definition(op);
        size_t length = d->doc ? strlen(d->doc) : 0;
        bool inner = tw_op_name(op)[0] == '_', stateful = d->flags & TW_OP_STATEFUL;
        if (length < 10)
            complain(op, "no documentation", "");
        if (!d->gradient)
            complain(op, "does not say what its gradient is", "(tw_not_differentiable?)");
        if (!d->examples[0] && !inner && !stateful && !has_refs_or_handles(op) && op->input_count &&
            op->output_count && strcmp(tw_op_name(op), "LoopValue") &&
            !strstr("Enter Exit Merge Switch NextIteration LoopCond", tw_op_name(op)))
            complain(op, "no example", "");
    }
    none_is_bad(before);
}

/* ---- golden inputs, as inputs that make sense ---- */

typedef struct plain_case {
    const golden_case *golden;
    tw_spec spec;
    tw_resolved resolved;
    tw_array *inputs[GOLDEN_MANY], *outputs[GOLDEN_MANY];
} plain_case;

/* The case computed on so many threads; false: it is refused, stateful, or takes variables. */
static bool compute_case(const golden_case *one, int threads, tw_arena *arena, plain_case *p)
{
    const tw_op *op = tw_op_find(one->op);
    tw_dtype dtypes[GOLDEN_MANY];
    *p = (plain_case){.golden = one};
    if (!op || op->definition.flags & (TW_OP_STATEFUL | TW_OP_SIDE_EFFECT) || !one->out_count)
        return false;
    for (size_t i = 0; i < one->input_count; i++) {
        if (one->inputs[i].is_ref || !one->inputs[i].array)
            return false;
        dtypes[i] = one->inputs[i].dtype;
        p->inputs[i] = one->inputs[i].array;
    }
    tw_status *status = tw_op_resolve(op, dtypes, one->input_count,
                                      one->count_count ? one->counts : NULL, one->attrs,
                                      one->attr_count, arena, &p->resolved);
    p->spec = (tw_spec){.op = op,
                        .type = one->op,
                        .name = one->op,
                        .attrs = p->resolved.attrs,
                        .attr_count = p->resolved.attr_count};
    if (!status)
        status = tw_evaluate(&p->spec, p->inputs, one->input_count, 0, threads, p->outputs,
                             p->resolved.output_count);
    bool good = !status;
    tw_status_free(status);
    return good;
}

static void drop_outputs(plain_case *p)
{
    for (size_t i = 0; i < p->resolved.output_count; i++)
        tw_array_unref(p->outputs[i]);
}

/* With the dims of `hide` (a bit for each) unknown, or the ranks too, the rule may know less but
 * nothing else. */
static void check_rule(plain_case *p, tw_arena *arena, uint32_t hide, bool ranks)
{
    tw_dtype dtypes[GOLDEN_MANY];
    tw_shape shapes[GOLDEN_MANY], outputs[GOLDEN_MANY] = {{0}};
    size_t n = p->golden->input_count, m = p->resolved.output_count;
    for (size_t i = 0; i < n; i++) {
        tw_shape shape = tw_array_shape(p->inputs[i]);
        int64_t *dims = tw_arena_array(arena, shape.rank + 1, sizeof *dims);
        for (size_t d = 0; d < shape.rank; d++)
            dims[d] = hide >> (d & 31) & 1 ? -1 : shape.dims[d];
        shapes[i] = ranks && i % 2 == (hide & 1) ? TW_UNKNOWN_SHAPE : (tw_shape){dims, shape.rank};
        dtypes[i] = p->golden->inputs[i].dtype;
    }
    tw_infer in = {.spec = &p->spec,
                   .arena = arena,
                   .input_count = n,
                   .output_count = m,
                   .dtypes = dtypes,
                   .shapes = shapes,
                   .outputs = outputs};
    tw_status *status = tw_infer_run(&in, NULL, NULL);
    for (size_t k = 0; k < m && !status; k++) {
        if (!tw_shape_compatible(outputs[k], tw_array_shape(p->outputs[k])))
            complain(p->spec.op, p->golden->name, "the rule's shape is not that of the result");
    }
    if (status)
        complain(p->spec.op, p->golden->name, tw_status_message(status));
    tw_status_free(status);
}

static void rules_case(const golden_case *one, void *user)
{
    plain_case p;
    tw_arena arena = {0};
    (void)user;
    if (compute_case(one, 1, &arena, &p)) {
        for (uint32_t hide = 0; hide < 16; hide += 5)
            check_rule(&p, &arena, hide, false);
        check_rule(&p, &arena, 0, true);
        check_rule(&p, &arena, 1, true);
        check_rule(&p, &arena, UINT32_MAX, false);
    }
    drop_outputs(&p);
    tw_arena_clear(&arena);
}

static bool same_bits(const tw_array *a, const tw_array *b)
{
    if (!tw_dtype_is_plain(a->dtype))
        return true;
    return tw_shape_equal(tw_array_shape(a), tw_array_shape(b)) &&
           (!a->count || !memcmp(a->data, b->data, tw_array_bytes(a)));
}

static void threads_case(const golden_case *one, void *user)
{
    plain_case p, q;
    tw_arena arena = {0};
    (void)user;
    bool alone = compute_case(one, 1, &arena, &p), shared = compute_case(one, 3, &arena, &q);
    bool good = alone && shared;
    for (size_t k = 0; good && k < p.resolved.output_count; k++) {
        if (!same_bits(p.outputs[k], q.outputs[k]))
            complain(p.spec.op, one->name, "other bits on three threads");
    }
    drop_outputs(&p);
    drop_outputs(&q);
    tw_arena_clear(&arena);
}

static void each_golden(void (*use)(const golden_case *one, void *user))
{
    for (size_t i = 0; i < tw_op_count(); i++) {
        char path[600];
        snprintf(path, sizeof path, TW_SOURCE_ROOT "/tests/golden/ops/%s.txt",
                 tw_op_name(tw_op_at(i)));
        (void)golden_cases_each(path, use, NULL);
    }
}

static void shape_rules_agree_with_kernels_however_little_is_known(void **state)
{
    (void)state;
    size_t before = bad;
    each_golden(rules_case);
    none_is_bad(before);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    size_t before = bad;
    tw_pool_set_threads(3);
    each_golden(threads_case);
    tw_pool_set_threads(0);
    none_is_bad(before);
}

/* ---- odd inputs ---- */

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice >> 33) % sides;
}

static tw_array *odd_array(tw_dtype dtype)
{
    static const double values[] = {0, 1, 2, -1, 3, -7, 1e30, -0.5, 127, 1e9};
    int64_t dims[4];
    size_t rank = roll(5);
    for (size_t d = 0; d < 4; d++)
        dims[d] = roll(8) == 0 ? 0 : 1 + roll(3);
    tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank});
    for (size_t i = 0; array && tw_dtype_is_plain(dtype) && i < array->count; i++) {
        double value = values[roll(10)];
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
    static const int64_t numbers[] = {0, 1, 2, -1, 3, 1000000000, -5};
    *attr = (tw_attr){.name = def->name, .kind = def->kind, .list = def->list};
    if (def->list && def->kind == TW_ATTR_INT) {
        int64_t *items = tw_arena_array(arena, 5, sizeof *items);
        attr->count = roll(6);
        for (size_t i = 0; i < 5; i++)
            items[i] = 1 + roll(3);
        attr->value.items = items;
    } else if (def->kind == TW_ATTR_INT) {
        attr->value.i = numbers[roll(7)];
    } else if (def->kind == TW_ATTR_FLOAT) {
        attr->value.f = (float)numbers[roll(7)];
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
    enum { LIST = 2 };
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

static void odd_inputs_give_a_status_and_no_crash(void **state)
{
    (void)state;
    const char *rounds = getenv("TW_TEST_ODD_ROUNDS"), *only = getenv("TW_TEST_ODD_OP");
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        if (only && strcmp(only, tw_op_name(op)))
            continue;
        dice = i + 1;
        for (int n = rounds ? atoi(rounds) : 60; n > 0 && strcmp(tw_op_name(op), "Print"); n--)
            try_odd(op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_is_documented),
        cmocka_unit_test(shape_rules_agree_with_kernels_however_little_is_known),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(odd_inputs_give_a_status_and_no_crash),
    };
    return cmocka_run_group_tests_name("registry walk", tests, NULL, NULL);
}
