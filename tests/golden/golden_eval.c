/* SPDX-License-Identifier: Apache-2.0
 * golden_eval [-q] [OP ...]: computes TensorFlow's cases of ops (all registered ones) by
 * themselves, without a graph, and compares outputs, variables, refusals and static shapes. Prints
 * what fails, a line for each op and totals; exit status 1 if anything failed. Elements in which we
 * mean to differ stand in tests/golden/exceptions.txt: CASE NAME "why". */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "op/compute.h"
#include "op/infer.h"
#include "support/golden_cases.h"
#include "support/golden_exceptions.h"

#ifndef TW_SOURCE_ROOT
#define TW_SOURCE_ROOT "."
#endif
#define GOLDEN TW_SOURCE_ROOT "/tests/golden/"

typedef struct tally {
    size_t passed, failed, shapes_passed, shapes_failed, excused;
} tally;

static struct {
    tally op, total;
    bool quiet;
} run;

static void say(const golden_case *one, const char *name, const char *what)
{
    if (!run.quiet)
        printf("  %s %s: %s\n", one->name, name, what);
}

static bool excused(const golden_case *one, const char *name)
{
    bool found = golden_excused(one->name, name);
    run.op.excused += found;
    return found;
}

/* ---- shapes ---- */

/* Everything that `want` knows is known, and what `out` is fits. */
static bool shape_suits(tw_shape got, tw_shape want, tw_shape out)
{
    if (!tw_shape_compatible(got, out))
        return false;
    if (!want.dims)
        return true;
    if (!got.dims || got.rank != want.rank)
        return false;
    for (size_t i = 0; i < want.rank; i++)
        if (want.dims[i] >= 0 && got.dims[i] != want.dims[i])
            return false;
    return true;
}

static const golden_shape *find_shape(const golden_shape *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* What outputs are called in the files: "output", or "outputs_1" of a list. */
static void output_name(const tw_spec *spec, size_t index, char *name, size_t size)
{
    snprintf(name, size, "?");
    for (size_t i = 0; i < spec->op->output_count; i++) {
        const tw_op_arg *arg = &spec->op->outputs[i];
        bool list = arg->number_attr || arg->type_list_attr;
        const tw_attr *length = list ? tw_spec_attr(spec, arg->number_attr ? arg->number_attr
                                                                           : arg->type_list_attr)
                                     : NULL;
        size_t count = !length ? 1 : length->list ? length->count : (size_t)length->value.i;
        if (index < count) {
            snprintf(name, size, list ? "%s_%zu" : "%s", arg->name, index);
            return;
        }
        index -= count;
    }
}

static const golden_tensor *find_tensor(const golden_tensor *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* One run of the rule: with all that is known, or with the first dimension of what is fed left
 * open. */
static void check_shapes(const golden_case *one, const tw_spec *spec, size_t output_count,
                         bool partial)
{
    tw_arena arena = {0};
    tw_dtype dtypes[GOLDEN_MANY];
    tw_shape shapes[GOLDEN_MANY], outputs[GOLDEN_MANY];
    const tw_array *values[GOLDEN_MANY] = {NULL};
    for (size_t i = 0; i < one->input_count; i++) {
        tw_array *array = one->inputs[i].array;
        dtypes[i] = one->inputs[i].dtype;
        shapes[i] = one->inputs[i].shape;
        if (golden_is_constant(&one->inputs[i])) {
            values[i] = array;
        } else if (partial && shapes[i].dims && shapes[i].rank > 0 && !one->inputs[i].is_ref) {
            int64_t *dims = tw_arena_copy(&arena, shapes[i].dims, shapes[i].rank * sizeof *dims);
            dims[0] = -1;
            shapes[i].dims = dims;
        }
    }
    tw_infer in = {.spec = spec,
                   .arena = &arena,
                   .input_count = one->input_count,
                   .output_count = output_count,
                   .dtypes = dtypes,
                   .shapes = shapes,
                   .values = values,
                   .outputs = outputs};
    tw_status *status = tw_infer_run(&in, NULL, NULL);
    for (size_t i = 0; i < output_count; i++) {
        char name[100], what[600];
        output_name(spec, i, name, sizeof name);
        const golden_tensor *out = find_tensor(one->outs, one->out_count, name);
        const golden_shape *known = find_shape(partial ? one->partials : one->statics,
                                               partial ? one->partial_count : one->static_count,
                                               name);
        if (!out || (partial && !known))
            continue;
        tw_shape actual = tw_array_shape(out->array), want = known ? known->shape : actual;
        if (!status && shape_suits(outputs[i], want, actual)) {
            run.op.shapes_passed++;
        } else if (!excused(one, partial ? "partial" : "static")) {
            run.op.shapes_failed++;
            snprintf(what, sizeof what, "%s shape is %.100s, not %.100s %.200s",
                     partial ? "partial" : "static", tw_shape_text(outputs[i]).s,
                     tw_shape_text(want).s, status ? tw_status_message(status) : "");
            say(one, name, what);
        }
    }
    tw_status_free(status);
    tw_arena_clear(&arena);
}

/* ---- values ---- */

static bool compare(const golden_case *one, const char *name, const tw_array *got,
                    const tw_array *want)
{
    tw_text why;
    if (golden_same(got, want, golden_tolerance_for(one, want), &why) || excused(one, name))
        return true;
    say(one, name, why.s);
    return false;
}

static bool compare_all(const golden_case *one, const tw_spec *spec, tw_array **inputs,
                        tw_array **outputs, size_t output_count)
{
    bool good = true;
    for (size_t i = 0; i < output_count; i++) {
        char name[100];
        output_name(spec, i, name, sizeof name);
        const golden_tensor *want = find_tensor(one->outs, one->out_count, name);
        if (want)
            good &= compare(one, name, outputs[i], want->array);
    }
    for (size_t i = 0; i < one->input_count; i++) {
        const golden_tensor *want = find_tensor(one->afters, one->after_count, one->inputs[i].name);
        if (want && one->inputs[i].is_ref && want->array)
            good &= compare(one, want->name, inputs[i], want->array);
    }
    return good;
}

/* The codes of a refusal: TensorFlow's while building or while running. */
static bool refusal_suits(const golden_case *one, const tw_status *status)
{
    const golden_error *build = golden_error_of(one, "build"), *late = golden_error_of(one, "run");
    char what[600];
    if (!build && !late) {
        snprintf(what, sizeof what, "refused: %.500s", tw_status_message(status));
    } else {
        tw_code code = tw_status_code(status);
        if ((build && build->code == code) || (late && late->code == code))
            return true;
        snprintf(what, sizeof what, "code %d, not %d: %.400s", (int)code,
                 (int)(late ? late->code : build->code), tw_status_message(status));
    }
    if (excused(one, "error"))
        return true;
    say(one, "error", what);
    return false;
}

static bool evaluate(const golden_case *one, const tw_spec *spec, size_t output_count)
{
    tw_array *inputs[GOLDEN_MANY], *outputs[GOLDEN_MANY];
    uint32_t refs = 0;
    for (size_t i = 0; i < one->input_count; i++) {
        bool ref = one->inputs[i].is_ref;
        inputs[i] = ref ? one->inputs[i].array ? tw_array_copy(one->inputs[i].array) : NULL
                        : tw_array_ref(one->inputs[i].array);
        refs |= (uint32_t)ref << (i & 31);
    }
    tw_status *status = tw_evaluate(spec, inputs, one->input_count, refs, 1, outputs, output_count);
    bool wanted = golden_error_of(one, "build") || golden_error_of(one, "run"), good;
    if (status) {
        good = refusal_suits(one, status);
    } else if (wanted) {
        good = excused(one, "error");
        if (!good)
            say(one, "error", "not refused");
    } else {
        good = compare_all(one, spec, inputs, outputs, output_count);
    }
    tw_status_free(status);
    for (size_t i = 0; i < output_count; i++)
        tw_array_unref(outputs[i]);
    for (size_t i = 0; i < one->input_count; i++)
        tw_array_unref(inputs[i]);
    return good;
}

static void use_case(const golden_case *one, void *user)
{
    (void)user;
    if (strstr(one->name, "@0.12.1"))
        return;
    tw_arena arena = {0};
    tw_dtype dtypes[GOLDEN_MANY];
    for (size_t i = 0; i < one->input_count; i++)
        dtypes[i] = one->inputs[i].is_ref ? tw_dtype_ref(one->inputs[i].dtype)
                                          : one->inputs[i].dtype;
    const tw_op *op = tw_op_find(one->op);
    tw_resolved resolved;
    tw_status *status = tw_op_resolve(op, dtypes, one->input_count, one->counts, one->attrs,
                                      one->attr_count, &arena, &resolved);
    bool good;
    if (status) {
        good = refusal_suits(one, status);
        tw_status_free(status);
    } else {
        tw_spec spec = {.op = op,
                        .type = one->op,
                        .name = "op",
                        .attrs = resolved.attrs,
                        .attr_count = resolved.attr_count};
        if (!golden_error_of(one, "build") && !golden_error_of(one, "run")) {
            check_shapes(one, &spec, resolved.output_count, false);
            check_shapes(one, &spec, resolved.output_count, true);
        }
        good = evaluate(one, &spec, resolved.output_count);
        for (size_t i = 0; i < resolved.attr_count; i++)
            tw_attr_release(&resolved.attrs[i]);
    }
    *(good ? &run.op.passed : &run.op.failed) += 1;
    tw_arena_clear(&arena);
}

static void use_op(const char *op)
{
    char path[500];
    snprintf(path, sizeof path, GOLDEN "ops/%s.txt", op);
    run.op = (tally){0};
    if (!tw_op_find(op)) {
        printf("%s: no such op\n", op);
        return;
    }
    if (!golden_cases_each(path, use_case, NULL)) {
        printf("%s: no cases\n", op);
        return;
    }
    printf("%s: %zu of %zu cases, %zu of %zu shapes\n", op, run.op.passed,
           run.op.passed + run.op.failed, run.op.shapes_passed,
           run.op.shapes_passed + run.op.shapes_failed);
    run.total.passed += run.op.passed;
    run.total.failed += run.op.failed;
    run.total.shapes_passed += run.op.shapes_passed;
    run.total.shapes_failed += run.op.shapes_failed;
    run.total.excused += run.op.excused;
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
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0 && count < 2000) {
            names[count] = strdup(entry->d_name);
            names[count++][length - 4] = '\0';
        }
    }
    if (folder)
        closedir(folder);
    qsort(names, count, sizeof *names, compare_names);
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        if (tw_op_find(names[i]))
            use_op(names[i]);
        else
            missing++;
        free(names[i]);
    }
    printf("%zu ops with cases are not registered\n", missing);
}

/* test_graph.c asks for all else. */
static bool asked_elsewhere(const char *one, const char *name)
{
    (void)one;
    return strcmp(name, "static") != 0 && strcmp(name, "partial") != 0;
}

int main(int argc, char **argv)
{
    int first = 1;
    run.quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
    first += run.quiet;
    for (int i = first; i < argc; i++)
        use_op(argv[i]);
    if (first == argc)
        use_all();
    printf("total: %zu of %zu cases, %zu of %zu shapes; %zu exceptions\n", run.total.passed,
           run.total.passed + run.total.failed, run.total.shapes_passed,
           run.total.shapes_passed + run.total.shapes_failed, run.total.excused);
    size_t unused = first == argc ? golden_unused_exceptions(asked_elsewhere) : 0;
    golden_exceptions_clear();
    return run.total.failed || run.total.shapes_failed || unused;
}
