/* SPDX-License-Identifier: Apache-2.0
 * Conditions, loops, TensorArrays and stacks made of raw nodes do what TensorFlow's do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/golden_files.h"
#include "support/golden_programs.h"
#include "thalweg/thalweg.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void raw_switches_and_loops_do_what_tensorflow_s_do(void **state)
{
    (void)state;
    static const golden_program_exception exceptions[] = {
        {"control/cycle@0.12.1", -1, "a cycle is refused when it is imported, not when it is run"},
    };
    assert_true(golden_programs_run("control.txt", exceptions, COUNT(exceptions)) > 8);
}

static void tensor_arrays_of_all_three_forms_do_what_tensorflow_s_do(void **state)
{
    static const char why[] = "the old forms run whatever the graph's version says";
    static const golden_program_exception exceptions[] = {
        {"tensor_array/okV2@1.15.5", -1, why},
        {"tensor_array/dynamicV2@1.15.5", -1, why},
        {"tensor_array/errorsV2@1.15.5", -1, why},
        {"tensor_array/grad_addsV2@1.15.5", -1, why},
    };
    (void)state;
    assert_true(golden_programs_run("tensor_array.txt", exceptions, COUNT(exceptions)) > 40);
}

static void stacks_do_what_tensorflow_s_do(void **state)
{
    (void)state;
    assert_true(golden_programs_run("stack.txt", NULL, 0) > 6);
}

static void variables_of_raw_nodes_do_what_tensorflow_s_do(void **state)
{
    static const char why[] = "resource variables are not there yet";
    static const golden_program_exception exceptions[] = {
        {"variables/resource@0.12.1", -1, why},
        {"variables/resource@1.15.5", -1, why},
    };
    (void)state;
    assert_true(golden_programs_run("variables.txt", exceptions, COUNT(exceptions)) > 10);
}

static void graphs_with_loops_that_tensorflow_wrote_run_here(void **state)
{
    static const char *const names[] = {
        "tf-0.12.1/graphs/cond",  "tf-1.15.5/graphs/cond",         "tf-0.12.1/graphs/while",
        "tf-1.15.5/graphs/while", "tf-0.12.1/graphs/while_nested", "tf-1.15.5/graphs/while_nested",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(golden_graph_run(names[i]) > 0);
}

/* map_fn(x * x), scan(a + x) and foldl(a * x) over the rows of x. */
static void tensor_arrays_in_loops_that_tensorflow_wrote_run_here(void **state)
{
    static const char *const names[] = {"map_1:0", "scan_1:0", "foldl_1:0"};
    static const float rows[] = {1, 2, 3, 4, 5, 6};
    static const float want[3][6] = {{1, 4, 9, 16, 25, 36}, {1, 2, 4, 6, 9, 12}, {15, 48}};
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/functional.pb", &size);
    tw_graph *graph = tw_graph_new();
    assert_null(tw_graph_import(graph, bytes, size, NULL));
    struct tw_session_options options = {.size = sizeof options, .graph = graph};
    tw_session *session = tw_session_new(&options);
    tw_array *x = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(3, 2), rows), *out[3] = {NULL};
    tw_tensor fetches[3], input;
    assert_null(tw_graph_tensor(graph, "x:0", &input));
    for (size_t i = 0; i < 3; i++)
        assert_null(tw_graph_tensor(graph, names[i], &fetches[i]));
    assert_null(tw_run(session, .fetch = {fetches, 3}, .feed = TW_FEED({input, x}), .out = out));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tw_array_count(out[i]), i < 2 ? 6 : 2);
        for (size_t k = 0; k < tw_array_count(out[i]); k++)
            assert_true(tw_array_get(out[i], k) == want[i][k]);
        tw_array_unref(out[i]);
    }
    tw_array_unref(x);
    tw_session_free(session);
    tw_graph_unref(graph);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_switches_and_loops_do_what_tensorflow_s_do),
        cmocka_unit_test(tensor_arrays_of_all_three_forms_do_what_tensorflow_s_do),
        cmocka_unit_test(variables_of_raw_nodes_do_what_tensorflow_s_do),
        cmocka_unit_test(graphs_with_loops_that_tensorflow_wrote_run_here),
        cmocka_unit_test(tensor_arrays_in_loops_that_tensorflow_wrote_run_here),
        cmocka_unit_test(stacks_do_what_tensorflow_s_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
