/* SPDX-License-Identifier: Apache-2.0
 * The gradient of Gather: rows and their numbers are the same whatever is known of shapes while
 * building, and what is known costs no operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thalweg/thalweg.h"

static int fresh(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

/* Two tensors as text, "indices of values". */
static char *both_of(tw_grad dx, tw_feeds feeds)
{
    tw_session *session = tw_session_new(NULL);
    tw_array *out[2] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(dx.indices, dx.values), .feed = feeds, .out = out));
    char *indices = tw_array_text(out[0]), *values = tw_array_text(out[1]);
    size_t room = strlen(indices) + strlen(values) + 5;
    char *text = malloc(room);
    assert_non_null(text);
    snprintf(text, room, "%s of %s", indices, values);
    tw_free(indices);
    tw_free(values);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_session_free(session);
    return text;
}

typedef struct gathered {
    tw_shape indices; /* of numbers 0, 1, 0, 1 ... */
    const char *want;
    size_t operations; /* that the gradient adds where all is known */
} gathered;

/* The table is fed too, so that a shape that is not declared is not known either. */
static void check(const gathered *g, tw_shape table_shape, tw_shape indices_shape, bool counted)
{
    tw_reset_default_graph();
    tw_tensor table = tw_placeholder(TW_FLOAT32, .shape = table_shape);
    tw_tensor indices = tw_placeholder(TW_INT32, .shape = indices_shape);
    tw_tensor y = tw_gather(table, indices), dy = tw_mul(tw_ones_like(y), 3);
    size_t before = tw_graph_operation_count(tw_default_graph());
    tw_grad dx = tw_gradients(TW_LIST(y), TW_LIST(table), TW_LIST(dy)).grads[0];
    if (counted)
        assert_int_equal(tw_graph_operation_count(tw_default_graph()) - before, g->operations);
    assert_int_equal(dx.kind, TW_GRAD_SLICES);
    float rows[4] = {1, 2, 3, 4};
    int32_t numbers[4] = {0, 1, 0, 1};
    tw_array *fed[] = {tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2, 2), rows),
                       tw_array_copy_of(TW_INT32, g->indices, numbers)};
    tw_feed feeds[] = {{table, fed[0]}, {indices, fed[1]}};
    char *text = both_of(dx, (tw_feeds){feeds, 2});
    assert_string_equal(text, g->want);
    free(text);
    tw_array_unref(fed[0]);
    tw_array_unref(fed[1]);
}

static void slices_are_the_same_whatever_is_known_of_shapes(void **state)
{
    (void)state;
    const gathered cases[] = {
        {{(const int64_t[]){2}, 1}, "[0 1] of [[3. 3.]\n [3. 3.]]", 7},
        {{(const int64_t[]){0}, 0}, "[0] of [[3. 3.]]", 7},
        {{(const int64_t[]){2, 2}, 2}, "[0 1 0 1] of [[3. 3.]\n [3. 3.]\n [3. 3.]\n [3. 3.]]", 7},
        {{(const int64_t[]){0}, 1}, "[] of []", 7},
        {{(const int64_t[]){3, 0}, 2}, "[] of []", 7},
    };
    tw_shape unknown = {NULL, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const gathered *g = &cases[i];
        int64_t open[] = {-1, -1};
        tw_shape ranked = {open, g->indices.rank};
        check(g, TW_SHAPE(2, 2), g->indices, true);
        check(g, TW_SHAPE(-1, 2), g->indices, true);
        check(g, TW_SHAPE(2, -1), g->indices, false);
        check(g, TW_SHAPE(2, 2), ranked, false);
        check(g, TW_SHAPE(2, 2), unknown, false);
        check(g, unknown, g->indices, false);
        check(g, unknown, unknown, false);
    }
}

/* A random op's seed counts the operations before it, of which TensorFlow's gradient makes 13
 * whatever ours needs. */
static void seeds_count_what_tensorflow_adds(void **state)
{
    (void)state;
    const tw_shape of_indices[] = {TW_SHAPE(2), TW_SHAPE(2, 2), {NULL, 0}};
    static const int64_t want[] = {28, 28, 43}; /* an unknown shape's Sum needs more */
    for (size_t i = 0; i < sizeof of_indices / sizeof *of_indices; i++) {
        tw_reset_default_graph();
        tw_graph_set_seed(tw_default_graph(), 3);
        tw_tensor table = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 4));
        tw_tensor indices = tw_placeholder(TW_INT32, .shape = of_indices[i]);
        tw_tensor y = tw_reduce_sum(tw_gather(table, indices));
        tw_gradients(TW_LIST(y), TW_LIST(table));
        tw_tensor random = tw_random_uniform(TW_SHAPE(2));
        const tw_attr *seed = NULL;
        for (size_t k = 0; k < tw_graph_operation_count(tw_default_graph()) && !seed; k++)
            seed = tw_operation_attr(tw_graph_operation_at(tw_default_graph(), k), "seed2");
        assert_true(tw_tensor_valid(random) && seed);
        assert_int_equal(seed->value.i, want[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slices_are_the_same_whatever_is_known_of_shapes, fresh),
        cmocka_unit_test_setup(seeds_count_what_tensorflow_adds, fresh),
    };
    return cmocka_run_group_tests_name("slices", tests, NULL, NULL);
}
