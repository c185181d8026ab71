/* SPDX-License-Identifier: Apache-2.0
 * Running: feeds, fetches, variables and their order, errors that leave the session well,
 * callables, saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "support/near.h"
#include "support/session.h"

static double run1(tw_tensor fetch)
{
    tw_array *out = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(fetch), .out = &out));
    double value = tw_array_item(out);
    tw_array_unref(out);
    return value;
}

static void initialize(void)
{
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
}

static void refused(tw_status *status, tw_code code, const char *part)
{
    assert_non_null(status);
    assert_int_equal(tw_status_code(status), code);
    if (!strstr(tw_status_message(status), part))
        fail_msg("'%s' is not in: %s", part, tw_status_message(status));
    tw_status_free(status);
}

static void any_tensor_can_be_fed(void **state)
{
    (void)state;
    tw_tensor a = tw_constant(2.0), b = tw_mul(a, 10.0), c = tw_add(b, 1.0);
    tw_array *fed = tw_array_scalar(TW_FLOAT32, 5), *out = NULL;
    assert_near(run1(c), 21, 0);
    TW_CHECK(tw_run(session, TW_FETCH(c), .feed = TW_FEED({b, fed}), .out = &out));
    assert_near(tw_array_item(out), 6, 0);
    tw_array_unref(out);
    tw_array_unref(fed);
}

static void a_wrong_feed_names_the_placeholder_and_both_shapes(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2, -1), .name = "x"),
              y = tw_square(x);
    tw_array *flat = tw_array_new(TW_FLOAT32, TW_SHAPE(3)),
             *whole = tw_array_new(TW_INT32, TW_SHAPE(2, 3));
    refused(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, flat})), TW_INVALID_ARGUMENT, "(3,)");
    refused(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, flat})), TW_INVALID_ARGUMENT,
            "(2, ?)");
    refused(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, whole})), TW_INVALID_ARGUMENT,
            "int32");
    refused(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, NULL})), TW_INVALID_ARGUMENT, "NULL");
    refused(tw_run(session, TW_FETCH(y)), TW_INVALID_ARGUMENT, "'x'");
    tw_array_unref(flat);
    tw_array_unref(whole);
}

static void foreign_and_invalid_tensors_are_refused(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    tw_tensor foreign = {NULL, 0}, none = {NULL, 0};
    TW_GRAPH(other) {
        foreign = tw_constant(1.0);
    }
    refused(tw_run(session, TW_FETCH(foreign)), TW_INVALID_ARGUMENT, "another graph");
    refused(tw_run(session, TW_FETCH(none)), TW_INVALID_ARGUMENT, "invalid");
    refused(tw_run(NULL, TW_FETCH(none)), TW_INVALID_ARGUMENT, "NULL");
    tw_graph_unref(other);
}

static void a_closed_session_refuses_to_run(void **state)
{
    (void)state;
    tw_tensor c = tw_constant(1.0);
    TW_CHECK(tw_session_close(session));
    refused(tw_run(session, TW_FETCH(c)), TW_FAILED_PRECONDITION, "closed");
}

static void a_failed_run_leaves_the_session_well(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(1.0, .name = "v"), x = tw_placeholder(TW_INT32, .shape = TW_SHAPE());
    tw_tensor q = tw_div(tw_constant(6), x);
    initialize();
    tw_array *zero = tw_array_scalar(TW_INT32, 0), *two = tw_array_scalar(TW_INT32, 2), *out = NULL;
    refused(tw_run(session, TW_FETCH(q), .feed = TW_FEED({x, zero}), .out = &out),
            TW_INVALID_ARGUMENT, "division by zero");
    assert_null(out);
    TW_CHECK(tw_run(session, TW_FETCH(q), .feed = TW_FEED({x, two}), .out = &out));
    assert_near(tw_array_item(out), 3, 0);
    assert_near(run1(v), 1, 0);
    tw_array_unref(zero);
    tw_array_unref(two);
    tw_array_unref(out);
}

static void a_read_that_depends_on_a_write_sees_it(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(1.0, .name = "v"), add = tw_assign_add(v, 10.0), r = {NULL, 0};
    TW_CONTROL_DEPENDENCIES(add) {
        r = tw_add(v, 0.0);
    }
    initialize();
    assert_near(run1(r), 11, 0);
}

static void a_read_made_before_a_write_does_not_see_it(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(1.0, .name = "v");
    tw_tensor before = tw_mul(tw_variable_read(v), 2.0), add = tw_assign_add(v, 10.0);
    tw_tensor after = tw_mul(tw_variable_read(v), 3.0);
    initialize();
    tw_array *out[3] = {NULL};
    TW_CHECK(tw_run(session, TW_FETCH(before, add, after), .out = out));
    assert_near(tw_array_item(out[0]), 2, 0);
    assert_near(tw_array_item(out[1]), 11, 0);
    /* through a read that was made before the write: a copy */
    assert_near(tw_array_item(out[2]), 3, 0);
    for (int i = 0; i < 3; i++)
        tw_array_unref(out[i]);
}

/* Consumers of one plain read: of the first value, of the value after one write, and of that after
 * both. Each is right in any company. */
static void consumers_of_one_read_see_the_writes_that_they_depend_on(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(1.0), read = tw_variable_read(v), middle = read, last = read;
    tw_tensor first = tw_assign_add(v, 10.0), second = tw_assign_add(v, 20.0);
    TW_CONTROL_DEPENDENCIES(first)
        middle = tw_add(read, 0.5);
    TW_CONTROL_DEPENDENCIES(second)
        last = tw_add(read, 0.25);
    const tw_tensor all[] = {tw_mul(read, 3.0), middle, last, first, second};
    for (unsigned set = 1; set < 32; set++) {
        tw_tensor fetches[5];
        tw_array *out[5] = {NULL};
        size_t count = 0, at = 0;
        for (unsigned i = 0; i < 5; i++) {
            if (set >> i & 1)
                fetches[count++] = all[i];
        }
        initialize();
        TW_CHECK(tw_run(session, .fetch = {fetches, count}, .out = out));
        double written = (set & 0xa ? 10 : 0) + (set & 0x14 ? 20 : 0);
        const double wanted[] = {3, 11.5, written + 1.25, written + 1, written + 1};
        for (unsigned i = 0; i < 5; i++) {
            if (set >> i & 1)
                assert_near(tw_array_item(out[at++]), wanted[i], 0);
        }
        while (count--)
            tw_array_unref(out[count]);
    }
}

static void fetched_arrays_never_alias_a_variable(void **state)
{
    (void)state;
    tw_tensor v = tw_variable(tw_zeros(TW_SHAPE(4)), .name = "v"),
              add = tw_assign_add(v, tw_ones(TW_SHAPE(4)));
    initialize();
    tw_array *first = NULL, *second = NULL;
    TW_CHECK(tw_run(session, TW_FETCH(v), .out = &first));
    TW_CHECK(tw_run(session, TW_FETCH(add), .out = &second));
    assert_near(tw_array_item(first), 0, 0);
    assert_near(tw_array_item(second), 1, 0);
    tw_array_unref(first);
    tw_array_unref(second);
}

static void a_fed_array_that_is_kept_is_copied(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2)),
              v = tw_variable(tw_zeros(TW_SHAPE(2)), .name = "v");
    tw_tensor set = tw_assign(v, x);
    float numbers[2] = {1, 2};
    tw_array *fed = tw_array_borrow(TW_FLOAT32, TW_SHAPE(2), numbers), *out = NULL;
    initialize();
    TW_CHECK(tw_run(session, TW_FETCH(x), .target = TW_FETCH(set), .feed = TW_FEED({x, fed}),
                    .out = &out));
    numbers[0] = 9;
    assert_near(run1(v), 1, 0);
    assert_near(tw_array_item(out), 1, 0);
    tw_array_unref(fed);
    tw_array_unref(out);
}

static void sizes_known_only_at_run_time_go_on(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1));
    tw_tensor where = tw_where(tw_greater(x, 0.0));
    tw_tensor n = tw_shape(where), sum = tw_reduce_sum(tw_cast(where, TW_FLOAT32));
    float numbers[5] = {1, -1, 2, -2, 3};
    tw_array *fed = tw_array_borrow(TW_FLOAT32, TW_SHAPE(5), numbers), *out[2] = {NULL};
    for (int i = 0; i < 2; i++) {
        TW_CHECK(tw_run(session, TW_FETCH(n, sum), .feed = TW_FEED({x, fed}), .out = out));
        assert_near(tw_array_item(out[0]), i ? 2 : 3, 0);
        assert_near(tw_array_item(out[1]), i ? 6 : 6, 0);
        tw_array_unref(out[0]);
        tw_array_unref(out[1]);
        out[0] = out[1] = NULL;
        numbers[0] = -1;
    }
    tw_array_unref(fed);
}

static void a_callable_writes_into_given_arrays(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1)), y = tw_add(x, 1.0);
    tw_callable *callable = NULL;
    TW_CHECK(tw_make_callable(session, TW_FETCH(y), .feed = TW_FETCH(x), .callable = &callable));
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(3)),
             *out = tw_array_new(TW_FLOAT32, TW_SHAPE(3)), *made = NULL;
    tw_array *wrong = tw_array_new(TW_FLOAT32, TW_SHAPE(4));
    tw_array_set(in, 4);
    TW_CHECK(tw_call(callable, &in, &out));
    assert_near(tw_array_get(out, 2), 5, 0);
    TW_CHECK(tw_call(callable, &wrong, &made));
    assert_int_equal(tw_array_count(made), 4);
    refused(tw_call(callable, &in, &wrong), TW_INVALID_ARGUMENT, "(4,)");
    tw_session_free(session);
    session = NULL;
    refused(tw_call(callable, &in, &out), TW_FAILED_PRECONDITION, "closed");
    tw_callable_free(callable);
    tw_array_unref(in);
    tw_array_unref(out);
    tw_array_unref(made);
    tw_array_unref(wrong);
}

static void state_is_saved_and_restored_and_a_damaged_file_changes_nothing(void **state)
{
    (void)state;
    char path[] = "runtime-state-XXXXXX";
    close(mkstemp(path));
    tw_tensor v = tw_variable(tw_constant(1.5), .name = "v"),
              r = tw_random_uniform(TW_SHAPE(3), .seed = TW_SEED(7));
    tw_tensor add = tw_assign_add(v, 1.0);
    initialize();
    run1(r);
    TW_CHECK(tw_save(session, path));
    run1(add);
    double second = run1(r);
    TW_CHECK(tw_restore(session, path));
    assert_near(run1(v), 1.5, 0);
    assert_true(run1(r) == second);
    FILE *file = fopen(path, "r+b");
    fseek(file, 40, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 40, SEEK_SET);
    fputc(byte ^ 4, file);
    fclose(file);
    run1(add);
    refused(tw_restore(session, path), TW_DATA_LOSS, "damaged");
    assert_near(run1(v), 2.5, 0);
    remove(path);
}

static void a_trace_has_an_entry_for_each_step(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(2, 2)),
              y = tw_matmul(tw_matmul(x, x), x);
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(2, 2));
    tw_trace *trace = tw_trace_new();
    TW_CHECK(tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .trace = trace));
    assert_int_equal(tw_trace_count(trace), 2);
    char *json = tw_trace_json(trace);
    assert_non_null(strstr(json, "\"cat\":\"MatMul\""));
    tw_free(json);
    tw_trace_free(trace);
    tw_array_unref(in);
}

static void a_length_without_a_list_is_refused(void **state)
{
    (void)state;
    const tw_tensors none = {NULL, 3}, one = {NULL, 1};
    tw_callable *callable = NULL;
    tw_partial *partial = NULL;
    char *text = NULL;
    refused(tw_run(session, none), TW_INVALID_ARGUMENT, "list of 3 fetches is NULL");
    refused(tw_run(session, .target = none), TW_INVALID_ARGUMENT, "list of 3 targets is NULL");
    refused(tw_run(session, .feed = (tw_feeds){NULL, 2}), TW_INVALID_ARGUMENT,
            "list of 2 feeds is NULL");
    refused(tw_make_callable(session, .feed = none, .callable = &callable), TW_INVALID_ARGUMENT,
            "list of 3 feeds is NULL");
    refused(tw_explain(session, none, none, none, &text), TW_INVALID_ARGUMENT, "is NULL");
    refused(tw_partial_new(session, none, none, none, &partial), TW_INVALID_ARGUMENT, "is NULL");
    const tw_tensor built[] = {tw_add_n(none),        tw_pack(none),  tw_concat(none, 0),
                               tw_accumulate_n(none), tw_stack(none), tw_embedding_lookup(none, 0),
                               tw_concat(one, 0)};
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        assert_null(built[i].op);
    assert_non_null(
        strstr(tw_status_message(tw_graph_status(tw_default_graph())), "a NULL list of 3"));
    tw_graph_clear_status(tw_default_graph());
}

/* While planning, too: which operation wanted it, of what, and where it was made. */
static void a_size_beyond_memory_names_its_operation(void **state)
{
    (void)state;
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(1, 1));
    tw_tensor y = tw_tile(x, TW_INTS(INT64_C(1) << 31, INT64_C(1) << 31), .name = "huge");
    tw_array *in = tw_array_new(TW_FLOAT32, TW_SHAPE(1, 1)), *out = NULL;
    tw_status *status = tw_run(session, TW_FETCH(y), .feed = TW_FEED({x, in}), .out = &out);
    assert_non_null(status);
    assert_non_null(strstr(tw_status_message(status), "is too large"));
    assert_non_null(strstr(tw_status_message(status), "huge"));
    assert_non_null(strstr(tw_status_message(status), "test_run.c:"));
    tw_status_free(status);
    tw_array_unref(in);
}

static void forget(tw_infer *in, void *user)
{
    (void)user;
    tw_infer_output(in, 0, tw_infer_unknown(in, 2));
}

/* What another says of a shape is for the graph: our kernels get their memory by our rules. */
static void a_rule_that_is_overridden_does_not_size_our_kernels(void **state)
{
    (void)state;
    TW_CHECK(tw_override_shape(NULL, "Square", forget, NULL));
    tw_tensor x = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, 4));
    tw_tensor y = tw_square(tw_reduce_mean(x)), z = tw_square(x);
    assert_int_equal(tw_tensor_shape(y).rank, 2);
    tw_array *fed = tw_array_new(TW_FLOAT32, TW_SHAPE(3, 4)), *out[2] = {NULL};
    tw_array_set(fed, 2);
    TW_CHECK(tw_run(session, TW_FETCH(y, z), .feed = TW_FEED({x, fed}), .out = out));
    assert_true(tw_array_item(out[0]) == 4);
    assert_true(tw_shape_equal(tw_array_shape(out[1]), TW_SHAPE(3, 4)));
    assert_true(tw_array_get(out[1], 11) == 4);
    TW_CHECK(tw_override_shape(NULL, "Square", NULL, NULL));
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(fed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rule_that_is_overridden_does_not_size_our_kernels, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_tensor_can_be_fed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_feed_names_the_placeholder_and_both_shapes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(foreign_and_invalid_tensors_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_session_refuses_to_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_run_leaves_the_session_well, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_that_depends_on_a_write_sees_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_made_before_a_write_does_not_see_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(consumers_of_one_read_see_the_writes_that_they_depend_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(fetched_arrays_never_alias_a_variable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fed_array_that_is_kept_is_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_known_only_at_run_time_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callable_writes_into_given_arrays, setup, teardown),
        cmocka_unit_test_setup_teardown(
            state_is_saved_and_restored_and_a_damaged_file_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trace_has_an_entry_for_each_step, setup, teardown),
        cmocka_unit_test_setup_teardown(a_length_without_a_list_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_size_beyond_memory_names_its_operation, setup, teardown),
    };
    return cmocka_run_group_tests_name("runtime: runs", tests, NULL, NULL);
}
