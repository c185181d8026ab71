/* SPDX-License-Identifier: Apache-2.0
 * Names as TensorFlow 1.15 gives them. */
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

static void assert_names(tw_graph *graph, const char *const *names)
{
    size_t count = 0;
    for (; names[count]; count++)
        assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, count)), names[count]);
    assert_int_equal(tw_graph_operation_count(graph), count);
}
#define ASSERT_NAMES(graph, ...) assert_names((graph), (const char *const[]){__VA_ARGS__, NULL})

static void no_op(tw_graph *graph, const char *name)
{
    add_named(graph, "NoOp", name, NULL, 0);
}

static void the_second_of_a_name_gets_a_suffix(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    no_op(graph, NULL);
    no_op(graph, "c");
    no_op(graph, "c");
    no_op(graph, NULL);
    no_op(graph, "c");
    ASSERT_NAMES(graph, "NoOp", "c", "c_1", "NoOp_1", "c_2");
    tw_graph_unref(graph);
}

static void case_does_not_count(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    no_op(graph, "Foo");
    no_op(graph, "foo");
    no_op(graph, "FOO");
    ASSERT_NAMES(graph, "Foo", "foo_1", "FOO_2");
    assert_null(tw_graph_operation(graph, "FOO"));
    tw_graph_unref(graph);
}

static void case_counts_where_a_graph_is_told_so(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_graph_set_exact_names(graph, true);
    no_op(graph, "Foo");
    no_op(graph, "foo");
    no_op(graph, "Foo");
    ASSERT_NAMES(graph, "Foo", "foo", "Foo_1");
    tw_graph_unref(graph);
    tw_graph_set_exact_names(NULL, true);
}

static void a_suffix_that_is_taken_is_passed_over(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    no_op(graph, "a_1");
    no_op(graph, "a");
    no_op(graph, "a");
    no_op(graph, "a_1");
    ASSERT_NAMES(graph, "a_1", "a", "a_2", "a_1_1");
    tw_graph_unref(graph);
}

static void a_name_that_ends_in_a_slash_is_taken_as_it_is(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        TW_NAME_SCOPE("s") {
            no_op(graph, "x/y/");
            no_op(graph, "y");
        }
    }
    ASSERT_NAMES(graph, "x/y", "s/y");
    tw_operation *op = NULL;
    tw_graph_add_args args = {
        .size = sizeof args, .where = TW_HERE, .type = "NoOp", .name = "x/y/"};
    MUST_FAIL(tw_graph_add(graph, &args, &op), TW_INVALID_ARGUMENT, "Duplicate node name", "'x/y'",
              "test_names.c");
    assert_null(op);
    tw_graph_unref(graph);
}

static void names_with_other_letters_are_refused(void **state)
{
    (void)state;
    const char *wrong[] = {"a b", "_a", "-a", "/a", "a:0", "a\\b", "\xc3\xa4"};
    const char *right[] = {".a", "0", "a_-./B"};
    tw_graph *graph = tw_graph_new();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tw_operation *op = NULL;
        tw_graph_add_args args = {.size = sizeof args, .type = "NoOp", .name = wrong[i]};
        tw_status *status = tw_graph_add(graph, &args, &op);
        assert_int_equal(tw_status_kind(status), TW_KIND_VALUE);
        MUST_FAIL(status, TW_INVALID_ARGUMENT, "is not a valid node name");
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        no_op(graph, right[i]);
    ASSERT_NAMES(graph, ".a", "0", "a_-./B");
    tw_graph_unref(graph);
}

static void a_scope_may_begin_with_an_underscore_only_inside_another(void **state)
{
    (void)state;
    MUST_FAIL(tw_scope_push_name("_x"), TW_INVALID_ARGUMENT, "'_x' is not a valid scope name");
    MUST_FAIL(tw_scope_push_name("a b"), TW_INVALID_ARGUMENT, "'a b' is not a valid scope name");
    must(tw_scope_push_name("a"));
    must(tw_scope_push_name("_x"));
    assert_string_equal(tw_scope_name(), "a/_x/");
    tw_scope_pop();
    tw_scope_pop();
    tw_reset_default_graph();
}

static void a_scope_opened_again_gets_a_suffix_and_its_name_with_a_slash_none(void **state)
{
    (void)state;
    TW_NAME_SCOPE("n") {
        no_op(tw_default_graph(), "a");
        TW_NAME_SCOPE("m")
            no_op(tw_default_graph(), "a");
    }
    TW_NAME_SCOPE("n")
        no_op(tw_default_graph(), "a");
    TW_NAME_SCOPE("n/")
        no_op(tw_default_graph(), "a");
    TW_NAME_SCOPE("n") {
        TW_NAME_SCOPE("")
            no_op(tw_default_graph(), "r");
        TW_NAME_SCOPE(NULL)
            no_op(tw_default_graph(), "n");
    }
    ASSERT_NAMES(tw_default_graph(), "n/a", "n/m/a", "n_1/a", "n/a_1", "r", "n_3");
    assert_string_equal(tw_scope_name(), "");
    tw_reset_default_graph();
}

static void operations_and_scopes_share_their_names(void **state)
{
    (void)state;
    no_op(tw_default_graph(), "x");
    TW_NAME_SCOPE("x")
        no_op(tw_default_graph(), "y");
    no_op(tw_default_graph(), "x_1");
    ASSERT_NAMES(tw_default_graph(), "x", "x_1/y", "x_1_1");
    tw_reset_default_graph();
}

static void a_unique_name_is_taken_only_if_asked(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    assert_string_equal(tw_graph_unique_name(graph, "u", false), "u");
    assert_string_equal(tw_graph_unique_name(graph, "u", true), "u");
    assert_string_equal(tw_graph_unique_name(graph, "U", true), "U_1");
    no_op(graph, "u");
    ASSERT_NAMES(graph, "u_2");
    assert_null(tw_graph_unique_name(NULL, "u", true));
    tw_graph_unref(graph);
}

static void a_scope_that_is_gone_back_into_has_one_text(void **state)
{
    (void)state;
    const char *first[] = {"s/", "never/", "op/"}, *texts[3];
    TW_NAME_SCOPE("s")
        texts[0] = tw_scope_name();
    no_op(tw_default_graph(), "op");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            TW_NAME_SCOPE(first[i]) {
                assert_string_equal(tw_scope_name(), first[i]);
                if (round + !i)
                    assert_ptr_equal(tw_scope_name(), texts[i]);
                texts[i] = tw_scope_name();
            }
        }
    }
    /* To go into a scope by its name takes no name. */
    no_op(tw_default_graph(), "never");
    no_op(tw_default_graph(), "Never");
    no_op(tw_default_graph(), "op");
    ASSERT_NAMES(tw_default_graph(), "op", "never", "Never_1", "op_1");
    assert_non_null(tw_graph_operation(tw_default_graph(), "never"));
    tw_reset_default_graph();
}

static void a_name_in_another_case_may_be_given_as_a_whole(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    no_op(graph, "Foo");
    no_op(graph, "foo/");
    no_op(graph, "foo");
    ASSERT_NAMES(graph, "Foo", "foo", "foo_1");
    assert_ptr_equal(tw_graph_operation(graph, "foo"), tw_graph_operation_at(graph, 1));
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args, .type = "NoOp", .name = "foo/"};
    MUST_FAIL(tw_graph_add(graph, &args, &op), TW_INVALID_ARGUMENT, "Duplicate node name");
    tw_graph_unref(graph);
}

static void a_failed_addition_takes_no_name(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args, .type = "MatMul", .name = "m"};
    for (int i = 0; i < 2; i++)
        MUST_FAIL(tw_graph_add(graph, &args, &op), TW_INVALID_ARGUMENT, "MatMul 'm'");
    no_op(graph, "m");
    ASSERT_NAMES(graph, "m");
    tw_graph_unref(graph);
}

static void very_long_names_work(void **state)
{
    (void)state;
    char name[301];
    memset(name, 'A', 300);
    name[300] = '\0';
    tw_graph *graph = tw_graph_new();
    no_op(graph, name);
    no_op(graph, name);
    assert_non_null(tw_graph_operation(graph, name));
    assert_int_equal(strlen(tw_operation_name(tw_graph_operation_at(graph, 1))), 302);
    tw_graph_unref(graph);
}

static void an_allocation_that_fails_leaves_the_graph_as_it_was(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    no_op(graph, "a");
    size_t live = failing_allocator_live();
    size_t count = 1;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_operation *op = NULL;
        tw_graph_add_args args = {
            .size = sizeof args, .where = TW_HERE, .type = "NoOp", .name = "a"};
        uint64_t version = tw_graph_version(graph);
        tw_status *status = tw_graph_add(graph, &args, &op);
        if (status) {
            assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
            assert_null(op);
            assert_int_equal(tw_graph_version(graph), version);
        }
        count += !status;
        tw_status_free(status);
        assert_int_equal(tw_graph_operation_count(graph), count);
    }
    assert_int_equal(count, 2);
    assert_true(failing_allocator_live() >= live);
    ASSERT_NAMES(graph, "a", "a_1");
    tw_graph_unref(graph);
}

static void a_graph_without_memory_for_more_names_takes_none(void **state)
{
    (void)state;
    char name[16];
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_graph *graph = tw_graph_new();
        size_t made = 0;
        for (int i = 0; graph && i < 100; i++) {
            tw_operation *op = NULL;
            snprintf(name, sizeof name, "x%d", i % 70);
            tw_graph_add_args args = {.size = sizeof args, .type = "NoOp", .name = name};
            tw_status *status = tw_graph_add(graph, &args, &op);
            made += !status;
            assert_true(status ? !op : tw_graph_operation_at(graph, made - 1) == op);
            /* A name that could not be had is free: the next to ask gets it. */
            if (status)
                no_op(graph, name), made++;
            tw_status_free(status);
            assert_non_null(tw_graph_operation(graph, name));
        }
        assert_int_equal(graph ? tw_graph_operation_count(graph) : 0, made);
        if (graph) {
            assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, 69)), "x69");
            assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, 70)), "x0_1");
        }
        tw_graph_unref(graph);
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_of_a_name_gets_a_suffix),
        cmocka_unit_test(case_does_not_count),
        cmocka_unit_test(case_counts_where_a_graph_is_told_so),
        cmocka_unit_test(a_suffix_that_is_taken_is_passed_over),
        cmocka_unit_test(a_name_that_ends_in_a_slash_is_taken_as_it_is),
        cmocka_unit_test(names_with_other_letters_are_refused),
        cmocka_unit_test(a_scope_may_begin_with_an_underscore_only_inside_another),
        cmocka_unit_test(a_scope_opened_again_gets_a_suffix_and_its_name_with_a_slash_none),
        cmocka_unit_test(operations_and_scopes_share_their_names),
        cmocka_unit_test(a_unique_name_is_taken_only_if_asked),
        cmocka_unit_test(a_scope_that_is_gone_back_into_has_one_text),
        cmocka_unit_test(a_name_in_another_case_may_be_given_as_a_whole),
        cmocka_unit_test(a_failed_addition_takes_no_name),
        cmocka_unit_test(very_long_names_work),
        cmocka_unit_test(an_allocation_that_fails_leaves_the_graph_as_it_was),
        cmocka_unit_test(a_graph_without_memory_for_more_names_takes_none),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
