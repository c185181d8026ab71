/* SPDX-License-Identifier: Apache-2.0
 * How a graph's and an op's seed become the two attributes: the table that TensorFlow 1.15.5
 * answered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graphs.h"
#include "thalweg/thalweg.h"

typedef struct row {
    const char *graph, *op; /* NULL: not given */
    int64_t seed, seed2;
} row;

static void seeds_follow_tensorflows_table(void **state)
{
    (void)state;
    static const row rows[] = {
        {NULL, NULL, 0, 0},
        {NULL, "0", 87654321, 0},
        {NULL, "1", 87654321, 1},
        {NULL, "2147483648", 87654321, 1},
        {NULL, "1099511627776", 87654321, 512},
        {"0", NULL, 0, 4},
        {"0", "0", 0, 2147483647},
        {"0", "1", 0, 1},
        {"1", NULL, 1, 4},
        {"42", NULL, 42, 4},
        {"42", "0", 42, 0},
        {"42", "7", 42, 7},
        {"-3", NULL, 2147483644, 4},
        {"-3", "1099511627776", 2147483644, 512},
        {"2147483648", "2147483648", 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tw_graph *graph = tw_graph_new();
        int64_t seed, seed2, op_seed = rows[i].op ? atoll(rows[i].op) : 0, found;
        assert_false(tw_graph_seed(graph, &found));
        if (rows[i].graph)
            tw_graph_set_seed(graph, atoll(rows[i].graph));
        assert_int_equal(tw_graph_seed(graph, &found), rows[i].graph != NULL);
        for (int k = 0; k < 4; k++)
            add_named(graph, "NoOp", NULL, NULL, 0);
        tw_graph_seeds(graph, rows[i].op ? &op_seed : NULL, &seed, &seed2);
        assert_int_equal(seed, rows[i].seed);
        assert_int_equal(seed2, rows[i].seed2);
        tw_graph_unref(graph);
    }
}

static void nodes_that_tensorflow_makes_besides_count(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    int64_t seed, seed2;
    tw_graph_set_seed(graph, 5);
    graph->extra_nodes = 3;
    add_named(graph, "NoOp", NULL, NULL, 0);
    tw_graph_seeds(graph, NULL, &seed, &seed2);
    assert_int_equal(seed2, 4);
    tw_graph_unref(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_follow_tensorflows_table),
        cmocka_unit_test(nodes_that_tensorflow_makes_besides_count),
    };
    return cmocka_run_group_tests_name("seeds", tests, NULL, NULL);
}
