/* SPDX-License-Identifier: Apache-2.0
 * golden_grad [-q] [OP ...]: builds each of TensorFlow's cases as a graph, differentiates
 * sum(w * outputs) by its inputs, runs that in a session and compares. Prints what fails, a line
 * for each op and totals; exit status 1 if anything failed. Exceptions as for golden_eval:
 * "CASE grad:INPUT". */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thalweg/thalweg.h>

#include "support/golden_cases.h"

#define GOLDEN TW_SOURCE_ROOT "/tests/golden/"

static struct {
    size_t passed, failed, excused, total_passed, total_failed;
    bool quiet;
    char *exceptions;
} run;

static bool excused(const golden_case *one, const char *input)
{
    char key[200];
    snprintf(key, sizeof key, "\n%s grad:%s ", one->name, input);
    if (!run.exceptions || !strstr(run.exceptions, key))
        return false;
    run.excused++;
    return true;
}

static void judge(const golden_case *one, const char *input, bool good, const char *what)
{
    good = good || excused(one, input);
    *(good ? &run.passed : &run.failed) += 1;
    if (!good && !run.quiet)
        printf("  %s %s: %s\n", one->name, input, what);
}

/* ---- the graph of a case ---- */

typedef struct model {
    tw_graph *graph;
    tw_tensor inputs[GOLDEN_MANY], weights[GOLDEN_MANY], outputs[GOLDEN_MANY], by[GOLDEN_MANY];
    tw_feed feeds[GOLDEN_MANY];
    size_t feed_count, y_count, x_count;
    tw_operation *op;
} model;

static tw_status *add_constant(model *m, tw_array *array, tw_tensor *out)
{
    tw_attr attrs[] = {{.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = tw_array_dtype(array)},
                       {.name = "value", .kind = TW_ATTR_TENSOR, .value.tensor = array}};
    tw_operation *op;
    TW_TRY(tw_graph_add(
        m->graph,
        &(tw_graph_add_args){
            .size = sizeof(tw_graph_add_args), .type = "Const", .attrs = attrs, .attr_count = 2},
        &op));
    *out = tw_operation_output(op, 0);
    return TW_OK;
}

static tw_status *add_placeholder(model *m, tw_array *array, tw_tensor *out)
{
    tw_attr attrs[] = {
        {.name = "dtype", .kind = TW_ATTR_TYPE, .value.type = tw_array_dtype(array)},
        {.name = "shape", .kind = TW_ATTR_SHAPE, .value.shape = tw_array_shape(array)}};
    tw_operation *op;
    TW_TRY(tw_graph_add(m->graph,
                        &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                             .type = "Placeholder",
                                             .attrs = attrs,
                                             .attr_count = 2},
                        &op));
    *out = tw_operation_output(op, 0);
    m->feeds[m->feed_count++] = (tw_feed){*out, array};
    return TW_OK;
}

static bool is_fed(tw_dtype dtype)
{
    return tw_dtype_is_floating(dtype) || tw_dtype_is_complex(dtype);
}

static tw_status *add_op(model *m, const golden_case *one)
{
    for (size_t i = 0; i < one->input_count; i++) {
        tw_array *array = one->inputs[i].array;
        if (is_fed(one->inputs[i].dtype))
            TW_TRY(add_placeholder(m, array, &m->inputs[i]));
        else
            TW_TRY(add_constant(m, array, &m->inputs[i]));
    }
    return tw_graph_add(m->graph,
                        &(tw_graph_add_args){.size = sizeof(tw_graph_add_args),
                                             .type = one->op,
                                             .name = "op",
                                             .inputs = m->inputs,
                                             .input_count = one->input_count,
                                             .input_counts = one->counts,
                                             .attrs = one->attrs,
                                             .attr_count = one->attr_count},
                        &m->op);
}

/* Outputs that have weights: the files name them in the order of the operation's. */
static tw_status *add_weights(model *m, const golden_case *one)
{
    for (size_t i = 0; i < one->w_count; i++) {
        size_t k = 0;
        while (k < one->out_count && strcmp(one->outs[k].name, one->ws[i].name) != 0)
            k++;
        if (k >= tw_operation_output_count(m->op))
            continue;
        m->outputs[m->y_count] = tw_operation_output(m->op, k);
        TW_TRY(add_constant(m, one->ws[i].array, &m->weights[m->y_count]));
        m->y_count++;
    }
    return TW_OK;
}

static tw_tensor input_named(const model *m, const golden_case *one, const char *name)
{
    for (size_t i = 0; i < one->input_count; i++)
        if (strcmp(one->inputs[i].name, name) == 0)
            return m->inputs[i];
    return (tw_tensor){NULL, 0};
}

/* ---- the comparison ---- */

static golden_tolerance tolerance_of(const golden_case *one, const tw_array *want)
{
    golden_tolerance t = {.relative = 4 * golden_relative(tw_array_dtype(want))};
    t.scale = golden_largest(want);
    for (size_t i = 0; i < one->input_count; i++) {
        double largest = one->inputs[i].array ? golden_largest(one->inputs[i].array) : 0;
        t.scale = largest > t.scale ? largest : t.scale;
    }
    return t;
}

static void compare(const golden_case *one, model *m, const tw_grad *grads, tw_session *session)
{
    for (size_t i = 0; i < one->grad_count; i++) {
        const golden_tensor *want = &one->grads[i];
        tw_array *got = NULL;
        tw_text why = {"a gradient where TensorFlow has none"};
        if (grads[i].kind == TW_GRAD_NONE || !want->array) {
            bool none = grads[i].kind == TW_GRAD_NONE;
            judge(one, want->name, none == (want->array == NULL), none ? "no gradient" : why.s);
            continue;
        }
        tw_tensor fetch = tw_grad_tensor(grads[i]);
        tw_status *status = tw_run(session, .fetch = TW_LIST(fetch),
                                   .feed = {m->feeds, m->feed_count}, .out = &got);
        bool good = !status && golden_same(got, want->array, tolerance_of(one, want->array), &why);
        judge(one, want->name, good, status ? tw_status_message(status) : why.s);
        tw_status_free(status);
        tw_array_unref(got);
    }
}

static void differentiate(const golden_case *one, model *m)
{
    tw_grads grads;
    for (size_t i = 0; i < one->grad_count; i++)
        m->by[i] = input_named(m, one, one->grads[i].name);
    struct tw_gradients_args args = {.size = sizeof args,
                                     .where = TW_HERE,
                                     .ys = {m->outputs, m->y_count},
                                     .xs = {m->by, one->grad_count},
                                     .grad_ys = {m->weights, m->y_count}};
    tw_status *status = tw_gradients_add(&args, &grads);
    if (status) {
        judge(one, "all", false, tw_status_message(status));
        tw_status_free(status);
        return;
    }
    tw_session *session = tw_session_new(
        &(struct tw_session_options){.size = sizeof(struct tw_session_options), .graph = m->graph});
    compare(one, m, grads.grads, session);
    tw_session_free(session);
}

static bool is_wanted(const golden_case *one)
{
    if (strstr(one->name, "@0.12.1") || !one->w_count || !one->grad_count ||
        golden_error_of(one, "gradient"))
        return false;
    for (size_t i = 0; i < one->input_count; i++)
        if (one->inputs[i].is_ref || !one->inputs[i].array)
            return false;
    return true;
}

static void use_case(const golden_case *one, void *user)
{
    (void)user;
    if (!is_wanted(one))
        return;
    model m = {.graph = tw_graph_new()};
    tw_status *status = add_op(&m, one);
    if (!status)
        status = add_weights(&m, one);
    if (status)
        judge(one, "all", false, tw_status_message(status));
    else
        differentiate(one, &m);
    tw_status_free(status);
    tw_graph_unref(m.graph);
}

static void use_op(const char *op)
{
    char path[500];
    snprintf(path, sizeof path, GOLDEN "ops/%s.txt", op);
    run.passed = run.failed = 0;
    if (!tw_op_find(op) || !golden_cases_each(path, use_case, NULL))
        return;
    if (run.passed + run.failed)
        printf("%s: %zu of %zu gradients\n", op, run.passed, run.passed + run.failed);
    run.total_passed += run.passed;
    run.total_failed += run.failed;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void use_all(void)
{
    char *names[2000];
    size_t count = 0;
    DIR *folder = opendir(GOLDEN "ops");
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".txt") == 0 && count < 2000) {
            names[count] = strdup(entry->d_name);
            names[count++][dot - entry->d_name] = '\0';
        }
    }
    if (folder)
        closedir(folder);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        use_op(names[i]);
        free(names[i]);
    }
}

/* The exceptions with a newline before each, so that a whole line's start can be looked for. */
static char *read_exceptions(void)
{
    enum { LONGEST = 1 << 20 };
    FILE *file = fopen(GOLDEN "exceptions.txt", "rb");
    char *text = file ? calloc(1, LONGEST) : NULL;
    if (text) {
        text[0] = '\n';
        text[1 + fread(text + 1, 1, LONGEST - 2, file)] = '\0';
    }
    if (file)
        fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    int first = 1;
    run.quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
    first += run.quiet;
    run.exceptions = read_exceptions();
    for (int i = first; i < argc; i++)
        use_op(argv[i]);
    if (first == argc)
        use_all();
    printf("total: %zu of %zu gradients; %zu exceptions\n", run.total_passed,
           run.total_passed + run.total_failed, run.excused);
    free(run.exceptions);
    return run.total_failed != 0;
}
