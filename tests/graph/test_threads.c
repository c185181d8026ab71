/* SPDX-License-Identifier: Apache-2.0
 * One graph built, imported into, exported and read by several threads at once; and what belongs to
 * a thread alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"
#include "support/failing_allocator.h"
#include "thalweg/thalweg.h"

enum { ROUNDS = 300, IMPORTS = 20 };

/* Assertions end a test from its own thread only, so the others count what went wrong. */
typedef struct work {
    tw_graph *graph;
    atomic_int wrong, done;
} work;

static void expect(work *w, bool good)
{
    if (!good)
        atomic_fetch_add(&w->wrong, 1);
}

static void build_part(void *arg)
{
    work *w = arg;
    tw_tensor x;
    must(tw_graph_tensor(w->graph, "x:0", &x));
    TW_GRAPH(w->graph) {
        for (int i = 0; i < ROUNDS; i++) {
            TW_NAME_SCOPE("part") {
                tw_tensor y = tw_reshape(tw_add(x, x, .name = "same"), TW_SHAPE(6));
                expect(w, y.op && tw_shape_elements(tw_tensor_shape(y)) == 6);
                TW_CONTROL_DEPENDENCIES(y)
                    expect(w, tw_operation_control_input_count(tw_neg(x).op) == 1);
            }
        }
    }
    atomic_fetch_add(&w->done, 1);
}

static void import_parts(void *arg)
{
    work *w = arg;
    for (int i = 0; i < IMPORTS; i++) {
        char prefix[32], *text;
        snprintf(prefix, sizeof prefix, "import%d", i);
        tw_status *status = tw_graph_import_text(
            w->graph,
            "node { name: 'b' op: 'Neg' input: 'a' attr { key: 'T' value { type: DT_FLOAT } } }"
            "node { name: 'a' op: 'Placeholder' attr { key: 'dtype' value { type: DT_FLOAT } } }",
            prefix);
        expect(w, !status);
        tw_status_free(status);
        status = tw_graph_export_text(w->graph, &text);
        expect(w, !status && strstr(text, prefix));
        tw_status_free(status);
        tw_free(text);
    }
    atomic_fetch_add(&w->done, 1);
}

/* Every operation that can be seen is whole. */
static void read_all(void *arg)
{
    work *w = arg;
    while (atomic_load(&w->done) < 3) {
        size_t count = tw_graph_operation_count(w->graph);
        for (size_t i = count > 50 ? count - 50 : 0; i < count; i++) {
            tw_operation *op = tw_graph_operation_at(w->graph, i);
            expect(w, tw_operation_id(op) == i);
            expect(w, tw_graph_operation(w->graph, tw_operation_name(op)) == op);
            for (size_t k = 0; k < tw_operation_input_count(op); k++)
                expect(w, tw_tensor_valid(tw_operation_input(op, k)));
            tw_tensor_text((tw_tensor){op, 0});
            tw_array_unref(tw_tensor_constant_value(tw_operation_output(op, 0)));
        }
    }
}

static void change_one(void *arg)
{
    work *w = arg;
    tw_tensor x = {tw_graph_operation(w->graph, "x"), 0};
    tw_operation *y = tw_graph_operation(w->graph, "y");
    tw_attr attr = {.name = "_k", .kind = TW_ATTR_INT};
    while (atomic_load(&w->done) < 3) {
        attr.value.i++;
        expect(w, !tw_operation_set_attr(y, &attr));
        expect(w, !tw_operation_set_input(y, 0, x));
        expect(w, !tw_tensor_set_shape((tw_tensor){y, 0}, TW_SHAPE(2, 3)));
        tw_thread_yield();
        if (attr.value.i > 1000)
            return;
    }
}

static void building_importing_changing_and_reading_at_once_is_safe(void **state)
{
    (void)state;
    work w = {.graph = tw_graph_new()};
    tw_tensor x = add_placeholder(w.graph, "x", TW_FLOAT32, TW_SHAPE(2, 3));
    add_named(w.graph, "Neg", "y", &x, 1);
    void (*const jobs[])(void *) = {build_part, build_part, import_parts, read_all, change_one};
    enum { JOBS = sizeof jobs / sizeof *jobs };
    tw_thread threads[JOBS];
    for (int i = 0; i < JOBS; i++)
        assert_true(tw_thread_start(&threads[i], jobs[i], &w));
    for (int i = 0; i < JOBS; i++)
        tw_thread_join(&threads[i]);
    assert_int_equal(atomic_load(&w.wrong), 0);
    size_t count = tw_graph_operation_count(w.graph);
    assert_int_equal(count, 2 + 2 * ROUNDS * 4 + 2 * IMPORTS);
    for (size_t i = 0; i < count; i++) {
        const tw_operation *op = tw_graph_operation_at(w.graph, i);
        assert_ptr_equal(tw_graph_operation(w.graph, tw_operation_name(op)), op);
    }
    tw_graph_unref(w.graph);
}

static void use_own_default(void *arg)
{
    tw_graph **seen = arg;
    *seen = tw_default_graph();
    tw_scope_push_name("left/open");
    tw_matmul(1, 2);
}

static void a_thread_has_a_default_graph_of_its_own_which_goes_with_it(void **state)
{
    (void)state;
    tw_graph *seen = NULL;
    tw_thread thread;
    tw_matmul(1, 2); /* the registry has all that it keeps */
    tw_reset_default_graph();
    size_t live = failing_allocator_live();
    tw_graph *own = tw_default_graph();
    assert_true(tw_thread_start(&thread, use_own_default, &seen));
    tw_thread_join(&thread);
    assert_non_null(seen);
    assert_ptr_not_equal(seen, own);
    assert_string_equal(tw_scope_name(), "");
    tw_reset_default_graph();
    assert_int_equal(failing_allocator_live(), live);
}

static void fail_some(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        tw_graph_fail(arg, tw_status_new(TW_ABORTED, "one of many"));
        tw_graph_clear_status(NULL);
    }
}

static void of_many_errors_at_once_one_stays(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_thread threads[2];
    for (int i = 0; i < 2; i++)
        assert_true(tw_thread_start(&threads[i], fail_some, graph));
    for (int i = 0; i < 2; i++)
        tw_thread_join(&threads[i]);
    assert_int_equal(tw_status_code(tw_graph_status(graph)), TW_ABORTED);
    tw_graph_unref(graph);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_importing_changing_and_reading_at_once_is_safe),
        cmocka_unit_test(a_thread_has_a_default_graph_of_its_own_which_goes_with_it),
        cmocka_unit_test(of_many_errors_at_once_one_stays),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
