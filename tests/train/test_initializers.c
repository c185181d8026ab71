/* SPDX-License-Identifier: Apache-2.0
 * Initializers against TensorFlow's: nodes by name and type, and numbers from the same seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_records.h"
#include "thalweg/thalweg.h"

static tw_initializer find(const char *python)
{
    const int64_t *seed = TW_SEED(7);
    if (strstr(python, "random_normal_initializer(seed=7)"))
        return tw_random_normal_initializer(.seed = seed);
    if (strstr(python, "random_normal_initializer(1.0, 0.5"))
        return tw_random_normal_initializer(.mean = 1, .stddev = 0.5, .seed = seed);
    if (strstr(python, "truncated_normal_initializer(0.0, 0.1"))
        return tw_truncated_normal_initializer(.stddev = 0.1, .seed = seed);
    if (strstr(python, "random_uniform_initializer(-0.5, 0.25"))
        return tw_random_uniform_initializer(.minval = -0.5, .maxval = 0.25, .seed = seed);
    if (strstr(python, "unit_scaling_initializer(factor=1.0"))
        return tw_uniform_unit_scaling_initializer(.seed = seed);
    if (strstr(python, "unit_scaling_initializer(factor=1.15"))
        return tw_uniform_unit_scaling_initializer(.factor = 1.15, .seed = seed);
    if (strstr(python, "constant_initializer(0.5)"))
        return tw_constant_initializer(0.5);
    if (strstr(python, "zeros_initializer"))
        return tw_zeros_initializer();
    if (strstr(python, "ones_initializer"))
        return tw_ones_initializer();
    if (strstr(python, "orthogonal_initializer"))
        return tw_orthogonal_initializer(.seed = seed);
    if (strstr(python, "glorot_uniform_initializer"))
        return tw_glorot_uniform_initializer(.seed = seed);
    if (strstr(python, "xavier_initializer(seed=7)"))
        return tw_xavier_initializer(.seed = seed);
    if (strstr(python, "xavier_initializer(uniform=False"))
        return tw_xavier_initializer(.uniform = false, .seed = seed);
    if (!strstr(python, "None (the default"))
        fail_msg("no initializer %s is known here", python);
    tw_graph_set_seed(tw_default_graph(), 7);
    return (tw_initializer){.make = NULL};
}

/* "w/Initializer/random_uniform/shape:Const ...": every node there and of that type. */
static void check_nodes(const char *nodes)
{
    char name[256], type[64];
    int used;
    while (sscanf(nodes, " %255[^: ]:%63s%n", name, type, &used) == 2) {
        nodes += used;
        if (strcmp(name, "init") == 0)
            continue;
        tw_operation *op = tw_graph_operation(tw_default_graph(), name);
        if (!op || strcmp(tw_operation_type(op), type) != 0)
            fail_msg("'%s' of type %s is %s", name, type, op ? tw_operation_type(op) : "missing");
    }
}

/* The first eight numbers, each within a few roundings of TensorFlow's. */
static void check_first(const char *name, const tw_array *got, const char *first)
{
    double scale = 0;
    for (size_t i = 0; i < tw_array_count(got); i++)
        scale = scale < tw_array_get(got, i) ? tw_array_get(got, i) : scale;
    for (size_t i = 0; i < 8; i++) {
        double want = strtod(first, (char **)&first), is = tw_array_get(got, i);
        double off = is > want ? is - want : want - is;
        if (off > 1e-5 * scale)
            fail_msg("%s: element %zu is %g, not %g", name, i, is, want);
    }
}

static void check_initializer(const golden_record *record, void *user)
{
    int64_t dims[TW_MAX_RANK];
    size_t rank = 0;
    tw_reset_default_graph();
    const char *at = golden_find(record, "shape") + 1;
    while (*at && *at != ']') {
        dims[rank++] = strtoll(at, (char **)&at, 10);
        at += *at == ',';
    }
    tw_tensor w = tw_get_variable("w", ((tw_shape){dims, rank}),
                                  .initializer = find(golden_find(record, "python")));
    if (tw_graph_status(tw_default_graph()))
        fail_msg("%s: %s", record->lines[0],
                 tw_status_message(tw_graph_status(tw_default_graph())));
    if (golden_find(record, "nodes"))
        check_nodes(golden_find(record, "nodes"));
    tw_session *session = tw_session_new(NULL);
    tw_array *got = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(w))));
    TW_CHECK(tw_session_get(session, w, &got));
    if (golden_find(record, "value")) {
        tw_array *want = golden_array(golden_find(record, "value"));
        golden_check(record->lines[0], got, want, 2e-6);
        tw_array_unref(want);
    }
    check_first(record->lines[0], got, golden_find(record, "first"));
    tw_array_unref(got);
    tw_session_free(session);
    ++*(int *)user;
}

static void initializers_are_tensorflows(void **state)
{
    (void)state;
    int checked = 0;
    golden_records_each("train/initializers.txt", check_initializer, &checked);
    assert_int_equal(checked, 42);
}

static void an_orthogonal_matrix_keeps_lengths(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor w = tw_get_variable(
        "w", TW_SHAPE(3, 5),
        .initializer = tw_orthogonal_initializer(.gain = 2, .seed = TW_SEED(1)));
    tw_tensor product = tw_matmul(w, w, .transpose_b = true);
    tw_session *session = tw_session_new(NULL);
    tw_array *got = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(w))));
    TW_CHECK(tw_run(session, TW_FETCH(product), .out = &got));
    for (size_t i = 0; i < 9; i++)
        assert_true(fabs(tw_array_get(got, i) - (i % 4 == 0 ? 4 : 0)) < 1e-5);
    tw_array_unref(got);
    tw_session_free(session);
}

static void the_scope_gives_its_initializer(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_tensor v;
    TW_VARIABLE_SCOPE("a", .initializer = tw_constant_initializer(3)) {
        v = tw_get_variable("v", TW_SHAPE(2));
    }
    tw_session *session = tw_session_new(NULL);
    tw_array *got = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(v))));
    TW_CHECK(tw_session_get(session, v, &got));
    assert_true(tw_array_get(got, 0) == 3 && tw_array_get(got, 1) == 3);
    tw_array_unref(got);
    tw_session_free(session);
}

/* A graph does not hold megabytes of one number; the bound is 2^20 elements. */
static void a_large_constant_is_a_fill(void **state)
{
    (void)state;
    tw_reset_default_graph();
    tw_initializer tenth = tw_constant_initializer(0.1);
    tw_tensor small = tw_get_variable("small", TW_SHAPE(1 << 10, 1 << 10), .initializer = tenth),
              large = tw_get_variable("large", TW_SHAPE((1 << 20) + 1), .initializer = tenth);
    (void)small;
    check_nodes("small/Initializer/Const:Const large/Initializer/Const:Fill "
                "large/Initializer/value:Const ");
    tw_session *session = tw_session_new(NULL);
    tw_array *got = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(tw_variable_initializer(large))));
    TW_CHECK(tw_session_get(session, large, &got));
    assert_true(tw_array_get(got, 0) == 0.1f && tw_array_get(got, 1 << 20) == 0.1f);
    tw_array_unref(got);
    tw_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initializers_are_tensorflows),
        cmocka_unit_test(an_orthogonal_matrix_keeps_lengths),
        cmocka_unit_test(the_scope_gives_its_initializer),
        cmocka_unit_test(a_large_constant_is_a_fill),
    };
    int failed = cmocka_run_group_tests_name("initializers", tests, NULL, NULL);
    tw_reset_default_graph();
    return failed;
}
