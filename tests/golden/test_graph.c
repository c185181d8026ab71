/* SPDX-License-Identifier: Apache-2.0
 * Every golden case of every op that exists, the whole way: built into a graph, planned, run and
 * differentiated; outputs, variables afterwards, refusals and gradients (d sum(w * outputs) / d
 * input) are compared with TensorFlow's, once with all shapes and integers known while building
 * and once with none. A case is compared or stands in exceptions.txt by name with its reason; at
 * most one in a hundred may stand there, and none that agrees. Where 0.12.1 answers otherwise than
 * 1.15.5 there are two records of one case, side by side, and the newer one holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "plan/variant.h"
#include "support/golden_cases.h"
#include "support/golden_exceptions.h"
#include "support/golden_files.h"

static struct {
    size_t cases, compared, gradients, bad;
    char older[100]; /* the record just read is 0.12.1's: the next one must be this case's */
} tally;

/* What is known while building: shapes and integers, or nothing. */
typedef enum knowledge { KNOWN, UNKNOWN } knowledge;

typedef struct built {
    tw_graph *graph;
    tw_session *session;
    tw_operation *op;
    tw_tensor inputs[GOLDEN_MANY], outputs[GOLDEN_MANY];
    tw_feed feeds[GOLDEN_MANY];
    size_t feed_count;
    tw_tensor inits[GOLDEN_MANY];
    size_t init_count;
    knowledge known;
} built;

/* A gradient may stand under "grad:x" or, where the value differs likewise, under "x". */
static bool excused(const golden_case *one, const char *name)
{
    return golden_excused(one->name, name) ||
           (!strncmp(name, "grad:", 5) && golden_excused(one->name, name + 5));
}

static void differs(const golden_case *one, const built *b, const char *name, const char *what)
{
    if (excused(one, name))
        return;
    tally.bad++;
    printf("    %s %s%s: %s\n", one->name, name, b->known == KNOWN ? "" : " (shapes unknown)",
           what);
}

/* A gradient is made of several operations: their errors add up, relative to its largest number,
 * and the sign of a zero depends on their order. */
static golden_tolerance gradient_tolerance(const golden_case *one, const tw_array *want)
{
    golden_tolerance t = golden_tolerance_for(one, want);
    double largest = golden_largest(want);
    t.relative *= 10;
    t.scale = (t.scale > largest ? t.scale : largest) + 1e-30;
    return t;
}

/* ---- building ---- */

static tw_tensor make_variable(built *b, const golden_tensor *input, size_t i)
{
    tw_operation *op = NULL;
    char name[24];
    snprintf(name, sizeof name, "ref%zu", i);
    tw_attr attrs[2] = {{.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = input->dtype},
                        {.name = "shape", .kind = TW_ATTR_SHAPE, .value.shape = input->shape}};
    TW_CHECK(tw_graph_add(b->graph,
                          &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                               .type = "VariableV2",
                                               .name = name,
                                               .attrs = attrs,
                                               .attr_count = 2},
                          &op));
    tw_tensor variable = tw_operation_output(op, 0);
    if (input->array)
        b->inits[b->init_count++] = tw_assign(variable, input->array);
    return variable;
}

/* Integers (also bools and strings) are constants, as in the cases' own making; all else is fed. */
static void make_input(built *b, const golden_case *one, size_t i)
{
    const golden_tensor *input = &one->inputs[i];
    if (input->is_ref) {
        b->inputs[i] = make_variable(b, input, i);
    } else if (b->known == KNOWN && golden_is_constant(input)) {
        b->inputs[i] = tw_operand_tensor(tw_of_array(input->array), input->dtype, "input");
    } else {
        tw_shape shape = b->known == KNOWN ? tw_array_shape(input->array) : TW_UNKNOWN_SHAPE;
        b->inputs[i] = tw_placeholder(input->dtype, .shape = shape);
        b->feeds[b->feed_count++] = (tw_feed){b->inputs[i], input->array};
    }
}

static tw_status *build(const golden_case *one, built *b, knowledge known)
{
    *b = (built){.graph = tw_graph_new(), .known = known};
    b->session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .graph = b->graph});
    tw_status *status = TW_OK;
    TW_GRAPH(b->graph) {
        for (size_t i = 0; i < one->input_count; i++)
            make_input(b, one, i);
        tw_graph_add_args args = {.size = sizeof args,
                                  .where = TW_HERE,
                                  .type = one->op,
                                  .inputs = b->inputs,
                                  .input_count = one->input_count,
                                  .input_counts = one->count_count ? one->counts : NULL,
                                  .attrs = one->attrs,
                                  .attr_count = one->attr_count};
        status = tw_graph_add(b->graph, &args, &b->op);
    }
    for (size_t i = 0; !status && i < tw_operation_output_count(b->op); i++)
        b->outputs[i] = tw_operation_output(b->op, i);
    return status;
}

static void clear(built *b)
{
    tw_session_free(b->session);
    tw_graph_unref(b->graph);
}

/* ---- running ---- */

static bool suits(const golden_case *one, const tw_status *status, const char *phase)
{
    const golden_error *wanted = golden_error_of(one, phase);
    return wanted && wanted->code == tw_status_code(status);
}

static void refused(const golden_case *one, const built *b, tw_status *status)
{
    char what[500];
    snprintf(what, sizeof what, "refused: %.450s", tw_status_message(status));
    if (!suits(one, status, "build") && !suits(one, status, "run"))
        differs(one, b, "error", what);
    tw_status_free(status);
}

static tw_status *initialize(built *b)
{
    struct tw_run_args args = {
        .size = sizeof args, .session = b->session, .target = {b->inits, b->init_count}};
    return tw_run_(&args);
}

/* The name of output `index` in the files: those of lists are numbered. */
static const golden_tensor *wanted_output(const golden_case *one, size_t index)
{
    return index < one->out_count ? &one->outs[index] : NULL;
}

static void compare(const golden_case *one, const built *b, const char *name, const tw_array *got,
                    const tw_array *want, golden_tolerance tolerance)
{
    tw_text why;
    if (!golden_same(got, want, tolerance, &why))
        differs(one, b, name, why.s);
}

static void compare_run(const golden_case *one, built *b)
{
    tw_array *out[GOLDEN_MANY] = {NULL};
    size_t count = tw_operation_output_count(b->op);
    tw_tensor operation = {b->op, -1};
    struct tw_run_args args = {.size = sizeof args,
                               .session = b->session,
                               .fetch = {b->outputs, count},
                               .target = {&operation, 1},
                               .feed = {b->feeds, b->feed_count},
                               .out = out};
    tw_status *status = initialize(b);
    if (!status)
        status = tw_run_(&args);
    if (status) {
        refused(one, b, status);
        return;
    }
    if (golden_error_of(one, "run") || golden_error_of(one, "build"))
        differs(one, b, "error", "not refused");
    for (size_t i = 0; i < count; i++) {
        const golden_tensor *want = wanted_output(one, i);
        if (want && want->array)
            compare(one, b, want->name, out[i], want->array,
                    golden_tolerance_for(one, want->array));
        tw_array_unref(out[i]);
    }
    for (size_t i = 0; i < one->after_count; i++) {
        for (size_t k = 0; k < one->input_count; k++) {
            tw_array *value = NULL;
            if (strcmp(one->afters[i].name, one->inputs[k].name) || !one->afters[i].array)
                continue;
            TW_CHECK(tw_session_get(b->session, b->inputs[k], &value));
            compare(one, b, one->afters[i].name, value, one->afters[i].array,
                    golden_tolerance_for(one, one->afters[i].array));
            tw_array_unref(value);
        }
    }
}

/* ---- gradients ---- */

static const golden_tensor *find(const golden_tensor *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(list[i].name, name))
            return &list[i];
    }
    return NULL;
}

static void compare_gradient(const golden_case *one, built *b, const golden_tensor *want,
                             tw_grad grad)
{
    tw_array *got = NULL;
    char name[100];
    snprintf(name, sizeof name, "grad:%s", want->name);
    if (!want->array) {
        if (grad.kind != TW_GRAD_NONE)
            differs(one, b, name, "a gradient where TensorFlow has none");
        return;
    }
    if (grad.kind == TW_GRAD_NONE) {
        differs(one, b, name, "no gradient");
        return;
    }
    tw_tensor dense = {NULL, 0};
    TW_GRAPH(b->graph) {
        dense = tw_grad_tensor(grad);
    }
    struct tw_run_args args = {.size = sizeof args,
                               .session = b->session,
                               .fetch = {&dense, 1},
                               .feed = {b->feeds, b->feed_count},
                               .out = &got};
    tw_status *status = tw_run_(&args);
    if (status)
        differs(one, b, name, tw_status_message(status));
    else
        compare(one, b, name, got, want->array, gradient_tolerance(one, want->array));
    tw_status_free(status);
    tw_array_unref(got);
    tally.gradients++;
}

/* Vectors are fixed up to sign: weights go with the sign that ours have beside TensorFlow's. */
static tw_tensor with_our_sign(const golden_case *one, size_t output, tw_tensor y, tw_tensor w)
{
    bool vectors = !strcmp(one->op, "Svd") || !strcmp(one->op, "SelfAdjointEigV2");
    if (!vectors || !output)
        return w;
    tw_array *theirs = one->outs[output].array;
    tw_tensor both = tw_mul(y, tw_operand_tensor(tw_of_array(theirs), theirs->dtype, "theirs"));
    return tw_mul(w, tw_sign(tw_sum(both, TW_INTS(-2), .keep_dims = true)));
}

static void differentiate(const golden_case *one, built *b)
{
    tw_tensor ys[GOLDEN_MANY], weights[GOLDEN_MANY], xs[GOLDEN_MANY];
    const golden_tensor *wanted[GOLDEN_MANY];
    size_t y_count = 0, x_count = 0;
    TW_GRAPH(b->graph) {
        for (size_t i = 0; i < tw_operation_output_count(b->op) && i < one->out_count; i++) {
            const golden_tensor *w = find(one->ws, one->w_count, one->outs[i].name);
            if (!w)
                continue;
            weights[y_count] = tw_operand_tensor(tw_of_array(w->array), w->dtype, "w");
            weights[y_count] = with_our_sign(one, i, b->outputs[i], weights[y_count]);
            ys[y_count++] = b->outputs[i];
        }
    }
    for (size_t i = 0; i < one->input_count; i++) {
        const golden_tensor *want = find(one->grads, one->grad_count, one->inputs[i].name);
        if (want) {
            wanted[x_count] = want;
            xs[x_count++] = b->inputs[i];
        }
    }
    if (!y_count || !x_count)
        return;
    tw_grads grads;
    struct tw_gradients_args args = {.size = sizeof args,
                                     .where = TW_HERE,
                                     .ys = {ys, y_count},
                                     .xs = {xs, x_count},
                                     .grad_ys = {weights, y_count}};
    tw_status *status = tw_gradients_add(&args, &grads);
    if (status) {
        if (!golden_error_of(one, "gradient"))
            differs(one, b, "gradient", tw_status_message(status));
        tw_status_free(status);
        return;
    }
    for (size_t i = 0; i < x_count; i++)
        compare_gradient(one, b, wanted[i], grads.grads[i]);
}

/* An op that TensorFlow has no gradient for is an error here that names it, or has one here: it is
 * not passed over in silence. */
static void differentiate_nothing(const golden_case *one, built *b)
{
    tw_tensor y = {NULL, 0}, xs[GOLDEN_MANY];
    size_t x_count = 0;
    tw_grads grads;
    for (size_t k = 0; k < tw_operation_output_count(b->op) && !y.op; k++)
        if (tw_dtype_is_floating(tw_dtype_base(tw_tensor_dtype(b->outputs[k]))))
            y = b->outputs[k];
    for (size_t i = 0; i < one->input_count; i++)
        if (tw_dtype_is_floating(one->inputs[i].dtype))
            xs[x_count++] = b->inputs[i];
    if (!y.op || !x_count)
        return;
    struct tw_gradients_args args = {.size = sizeof args, .ys = {&y, 1}, .xs = {xs, x_count}};
    tw_status *status = tw_gradients_add(&args, &grads);
    bool any = false;
    for (size_t i = 0; !status && i < x_count; i++)
        any |= grads.grads[i].kind != TW_GRAD_NONE;
    if (status && (one->gradient_none || !strstr(tw_status_message(status), one->op)))
        differs(one, b, "gradient", tw_status_message(status));
    else if (!status && any == one->gradient_none)
        differs(one, b, "gradient", any ? "not none" : "none, and no error");
    tw_status_free(status);
}

/* Without shapes a refusal while building cannot come; only what the kernel refuses is asked. */
static bool asks_unknown(const golden_case *one)
{
    return golden_error_of(one, "run") || !golden_error_of(one, "build");
}

/* TensorFlow's own gradients of these are refused without a shape, in the words that ours have. */
static bool needs_shape(const golden_case *one, knowledge known)
{
    return known == UNKNOWN && (!strcmp(one->op, "Qr") || !strcmp(one->op, "Svd"));
}

static void use_way(const golden_case *one, knowledge known)
{
    built b;
    tw_status *status = build(one, &b, known);
    if (status) {
        refused(one, &b, status);
    } else {
        compare_run(one, &b);
        if (one->gradient_none || one->gradient_unregistered)
            differentiate_nothing(one, &b);
        else if (!golden_error_of(one, "gradient") && !needs_shape(one, known))
            differentiate(one, &b);
    }
    clear(&b);
}

/* 0.12.1's record of a case that 1.15.5 answers otherwise is not asked: the next one is. */
static bool superseded(const golden_case *one)
{
    const char *at = strchr(one->name, '@');
    if (*tally.older && (!at || strncmp(one->name, tally.older, (size_t)(at - one->name)) != 0)) {
        tally.bad++;
        printf("    %s: no record of 1.15.5 follows\n", tally.older);
    }
    *tally.older = 0;
    if (!at || one->new)
        return false;
    snprintf(tally.older, sizeof tally.older, "%s", one->name);
    return true;
}

static void use_case(const golden_case *one, void *user)
{
    (void)user;
    if (superseded(one))
        return;
    tally.cases++;
    use_way(one, KNOWN);
    if (asks_unknown(one))
        use_way(one, UNKNOWN);
    tally.compared++;
}

/* ---- the tests, one for each op ---- */

static void an_op_agrees_with_tensorflow(void **state)
{
    char path[600];
    size_t before = tally.bad;
    snprintf(path, sizeof path, TW_SOURCE_ROOT "/tests/golden/ops/%s.txt", (const char *)*state);
    assert_true(golden_cases_each(path, use_case, NULL));
    if (tally.bad != before)
        fail_msg("%zu differences in %s", tally.bad - before, (const char *)*state);
}

/* golden_eval asks what is known of shapes while building. */
static bool asked_elsewhere(const char *one, const char *name)
{
    (void)one;
    return !strcmp(name, "static") || !strcmp(name, "partial");
}

static void few_cases_are_excused_and_none_that_agrees(void **state)
{
    (void)state;
    printf("note: golden ops: %zu cases compared, %zu gradients, %zu excused by name\n",
           tally.compared, tally.gradients, golden_excused_cases());
    assert_int_equal(tally.cases, tally.compared);
    assert_true(golden_excused_cases() * 100 <= tally.compared);
    assert_int_equal(golden_unused_exceptions(asked_elsewhere), 0);
}

enum { MOST_OPS = 2000 };

static struct {
    size_t count;
    const char *only;
    char names[MOST_OPS][64];
    struct CMUnitTest tests[MOST_OPS + 1];
} plan;

/* "ops/NAME.txt" is a test if the op exists (and no other was asked for). */
static void add_test(const char *path, void *arg)
{
    (void)arg;
    char *name = plan.names[plan.count];
    int length = (int)strlen(path) - (int)strlen("ops/.txt");
    if (plan.count == MOST_OPS || snprintf(name, 64, "%.*s", length, path + strlen("ops/")) >= 64 ||
        !tw_op_find(name) || (plan.only && strcmp(plan.only, name)))
        return;
    plan.tests[plan.count++] = (struct CMUnitTest){
        .name = name, .test_func = an_op_agrees_with_tensorflow, .initial_state = name};
}

int main(int argc, char **argv)
{
    plan.only = argc > 1 ? argv[1] : NULL;
    golden_each("ops", ".txt", add_test, NULL);
    size_t count = plan.count;
    if (!plan.only)
        plan.tests[count++] = (struct CMUnitTest)cmocka_unit_test(
            few_cases_are_excused_and_none_that_agrees);
    int failed = count ? _cmocka_run_group_tests("golden: ops through the graph", plan.tests, count,
                                                 NULL, NULL)
                       : 0;
    golden_exceptions_clear();
    return failed;
}
