/* SPDX-License-Identifier: Apache-2.0
 * What scopes add to operations: graph, control inputs, device, colocation, gradient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/scope.h"
#include "graphs.h"
#include "thalweg/thalweg.h"

static tw_tensor no_op(const char *name)
{
    return add_named(tw_default_graph(), "NoOp", name, NULL, 0);
}

static tw_tensor neg(tw_tensor x)
{
    return add_named(x.op->graph, "Neg", NULL, &x, 1);
}

/* "a b": the control inputs of an operation. */
static void assert_controls(tw_tensor tensor, const char *expected)
{
    char text[256] = "";
    for (size_t i = 0; i < tw_operation_control_input_count(tensor.op); i++) {
        strcat(text, i ? " " : "");
        strcat(text, tw_operation_name(tw_operation_control_input(tensor.op, i)));
    }
    assert_string_equal(text, expected);
}

/* "loc:@a loc:@b": the groups of an operation. */
static void assert_groups(tw_tensor tensor, const char *expected)
{
    char text[256] = "";
    const tw_attr *attr = tw_operation_attr(tensor.op, "_class");
    const tw_bytes *items = attr ? attr->value.items : NULL;
    for (size_t i = 0; attr && i < attr->count; i++) {
        strcat(text, i ? " " : "");
        strncat(text, items[i].data, items[i].length);
    }
    assert_string_equal(text, expected);
}

static int reset(void **state)
{
    (void)state;
    tw_reset_default_graph();
    return 0;
}

static void control_scopes_add_up_and_can_be_forgotten(void **state)
{
    (void)state;
    tw_tensor a = no_op("a"), b = no_op("b"), in_both, forgotten, again;
    TW_CONTROL_DEPENDENCIES(a) {
        TW_CONTROL_DEPENDENCIES(b, a)
            in_both = no_op("c");
        must(tw_scope_push_control((tw_tensors){NULL, 0}));
        forgotten = no_op("d");
        TW_CONTROL_DEPENDENCIES(b)
            again = no_op("e");
        tw_scope_pop();
    }
    assert_controls(in_both, "a b");
    assert_controls(forgotten, "");
    assert_controls(again, "b");
    assert_controls(no_op("f"), "");
}

static void an_input_from_inside_implies_the_control_scope(void **state)
{
    (void)state;
    tw_tensor x = add_placeholder(tw_default_graph(), "x", TW_FLOAT32, TW_SHAPE()), a = no_op("a");
    tw_tensor first, second, of_outer;
    TW_CONTROL_DEPENDENCIES(a) {
        first = neg(x);
        second = neg(first);
        of_outer = neg(x);
    }
    assert_controls(first, "a");
    assert_controls(second, "");
    assert_controls(of_outer, "a");
    TW_CONTROL_DEPENDENCIES(x) /* already an input */
        assert_controls(neg(x), "");
}

static void control_scopes_of_another_graph_do_not_count(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    tw_tensor a = no_op("a"), inner, outer;
    TW_CONTROL_DEPENDENCIES(a)
        TW_NAME_SCOPE("s")
            TW_GRAPH(other) {
                inner = no_op("i");
                TW_NAME_SCOPE("t") {
                    TW_GRAPH(a.op->graph)
                        outer = no_op("o");
                }
                MUST_FAIL(tw_scope_push_control(TW_LIST(a)), TW_INVALID_ARGUMENT, "'a'",
                          "another graph");
            }
    assert_controls(inner, "");
    assert_string_equal(name_of(inner), "i");
    assert_ptr_equal(inner.op->graph, other);
    assert_controls(outer, "a");
    assert_string_equal(name_of(outer), "s/o");
    tw_graph_unref(other);
}

static void control_inputs_of_a_call_come_first(void **state)
{
    (void)state;
    tw_tensor a = no_op("a"), b = no_op("b");
    tw_operation *op = NULL;
    tw_graph_add_args args = {
        .size = sizeof args, .type = "NoOp", .control_inputs = &b, .control_input_count = 1};
    TW_CONTROL_DEPENDENCIES(a)
        must(tw_graph_add(tw_default_graph(), &args, &op));
    assert_controls((tw_tensor){op, -1}, "b a");
}

static void devices_are_merged_from_the_inside_out(void **state)
{
    (void)state;
    tw_tensor cpu, both, none, given;
    TW_DEVICE("/job:ps/cpu:0") {
        cpu = no_op(NULL);
        TW_DEVICE("/task:3/device:GPU:*")
            both = no_op(NULL);
        TW_DEVICE(NULL)
            none = no_op(NULL);
        tw_operation *op = NULL;
        tw_graph_add_args args = {.size = sizeof args, .type = "NoOp", .device = "/gpu:1"};
        must(tw_graph_add(tw_default_graph(), &args, &op));
        given = (tw_tensor){op, -1};
    }
    assert_string_equal(tw_operation_device(cpu.op), "/job:ps/device:CPU:0");
    assert_string_equal(tw_operation_device(both.op), "/job:ps/task:3/device:GPU:0");
    assert_string_equal(tw_operation_device(none.op), "");
    assert_string_equal(tw_operation_device(given.op), "/job:ps/device:GPU:1");
    MUST_FAIL(tw_scope_push_device("/what:1"), TW_INVALID_ARGUMENT, "Unknown attribute: 'what:1'");
    MUST_FAIL(tw_scope_push_device("/task:x"), TW_INVALID_ARGUMENT, "Unknown attribute: 'task:x'");
}

static void colocated_operations_share_group_and_device(void **state)
{
    (void)state;
    tw_tensor a, b, x, y, z;
    TW_DEVICE("/cpu:0")
        a = no_op("a");
    b = no_op("b");
    TW_DEVICE("/gpu:0")
        TW_COLOCATE_WITH(b) {
            x = no_op("x");
            TW_COLOCATE_WITH(a)
                y = no_op("y");
            TW_COLOCATE_WITH(((tw_tensor){NULL, 0}))
                z = no_op("z");
        }
    assert_groups(x, "loc:@b");
    assert_string_equal(tw_operation_device(x.op), "");
    assert_groups(y, "loc:@a loc:@b");
    assert_string_equal(tw_operation_device(y.op), "/device:CPU:0");
    assert_groups(z, "");
    TW_COLOCATE_WITH(y) /* what is in groups leads none of its own */
        assert_groups(no_op("w"), "loc:@a loc:@b");
}

static void who_changes_a_variable_stands_with_it(void **state)
{
    (void)state;
    tw_tensor v;
    TW_DEVICE("/cpu:0")
        v = tw_variable(1.0, .name = "v");
    TW_DEVICE("/gpu:0") {
        tw_tensor update = tw_assign(v, 2.0);
        assert_groups(update, "loc:@v");
        assert_string_equal(tw_operation_device(update.op), "/device:CPU:0");
    }
}

static void a_gradient_override_names_the_gradient_of_one_type(void **state)
{
    (void)state;
    tw_tensor x = add_placeholder(tw_default_graph(), "x", TW_FLOAT32, TW_SHAPE()), inner, outer;
    TW_GRADIENT_OVERRIDE("Neg", "Mine") {
        outer = neg(x);
        TW_GRADIENT_OVERRIDE("Neg", "Other")
            inner = neg(x);
        assert_null(tw_operation_attr(no_op(NULL).op, "_gradient_op_type"));
    }
    const tw_attr *a = tw_operation_attr(outer.op, "_gradient_op_type");
    const tw_attr *b = tw_operation_attr(inner.op, "_gradient_op_type");
    assert_memory_equal(a->value.s.data, "Mine", 4);
    assert_memory_equal(b->value.s.data, "Other", 5);
    assert_null(tw_operation_attr(neg(x).op, "_gradient_op_type"));
}

static tw_tensor leave_early(int how)
{
    TW_NAME_SCOPE("a") {
        TW_NAME_SCOPE("b") {
            if (how == 0)
                return no_op("x");
            if (how == 1)
                goto out;
            continue;
        }
        if (how == 2)
            break;
    }
out:
    return no_op("x");
}

static void a_block_closes_however_it_is_left(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        leave_early(how);
        assert_string_equal(tw_scope_name(), "");
    }
}

static void a_block_that_cannot_open_reports_to_the_graph(void **state)
{
    (void)state;
    TW_NAME_SCOPE("no good")
        no_op("x");
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "'no good' is not a valid scope name");
    TW_GRAPH(NULL)
        no_op("y");
    GRAPH_MUST_HAVE_FAILED(TW_INVALID_ARGUMENT, "NULL");
    assert_string_equal(tw_scope_name(), "");
}

static void reset_drops_scopes_and_the_graph_lives_while_held(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_ref(tw_default_graph());
    must(tw_scope_push_name("s"));
    tw_tensor a = no_op("a");
    tw_reset_default_graph();
    assert_string_equal(tw_scope_name(), "");
    assert_ptr_not_equal(tw_default_graph(), graph);
    assert_string_equal(name_of(a), "s/a");
    tw_graph_unref(graph);
    tw_scope_pop(); /* more pops than pushes do no harm */
}

static int resets;
static void count_reset(void)
{
    resets++;
}

static void reset_calls_what_asked_for_it_once(void **state)
{
    (void)state;
    resets = 0;
    tw_on_reset(count_reset);
    tw_reset_default_graph();
    tw_reset_default_graph();
    assert_int_equal(resets, 1);
}

static void in_a_branch_sources_wait_for_the_pivot(void **state)
{
    (void)state;
    tw_graph *graph = tw_default_graph();
    tw_region *branch;
    tw_tensor pivot = add_placeholder(graph, "pivot", TW_BOOL, TW_SHAPE());
    must(tw_region_new(graph, TW_REGION_BRANCH, NULL, "cond", &branch));
    branch->pivot = pivot;
    int depth = tw_scope_push_region(branch);
    assert_ptr_equal(tw_current_region(), branch);
    tw_tensor a = no_op("a"), b;
    TW_CONTROL_DEPENDENCIES(a)
        b = no_op("b");
    must(tw_scope_push_control((tw_tensors){NULL, 0}));
    assert_null(tw_current_region());
    tw_tensor outside = no_op("o");
    tw_scope_pop();
    tw_scope_pop_to(depth);
    assert_controls(a, "pivot");
    assert_controls(b, "a");
    assert_controls(outside, "");
    assert_ptr_equal(a.op->region, branch);
    assert_null(outside.op->region);
    assert_null(no_op("p").op->region);
}

static void a_tensor_of_a_loop_is_not_seen_outside(void **state)
{
    (void)state;
    tw_graph *graph = tw_default_graph();
    tw_region *loop;
    must(tw_region_new(graph, TW_REGION_LOOP, NULL, "while", &loop));
    int depth = tw_scope_push_region(loop);
    tw_tensor inside = add_placeholder(graph, "i", TW_FLOAT32, TW_SHAPE());
    tw_tensor next = neg(inside);
    tw_scope_pop_to(depth);
    assert_ptr_equal(next.op->region, loop);
    tw_operation *op = NULL;
    tw_graph_add_args args = {
        .size = sizeof args, .type = "Neg", .inputs = &next, .input_count = 1};
    MUST_FAIL(tw_graph_add(graph, &args, &op), TW_INVALID_ARGUMENT, "'Neg", "while loop");
}

static void scopes_of_a_graph_that_is_not_the_current_one(void **state)
{
    (void)state;
    tw_graph *other = tw_graph_new();
    must(tw_graph_push_name(other, "n"));
    assert_string_equal(tw_graph_scope_name(other), "n/");
    assert_string_equal(tw_scope_name(), "");
    tw_tensor a = add_named(other, "NoOp", "a", NULL, 0);
    must(tw_graph_push_control(other, TW_LIST(a)));
    must(tw_graph_push_device(other, "/cpu:1"));
    must(tw_graph_push_colocate(other, a));
    must(tw_graph_push_gradient_override(other, "Neg", "mine"));
    assert_controls(no_op("b"), "");
    tw_tensor c = add_named(other, "NoOp", "c", NULL, 0);
    assert_string_equal(tw_operation_name(c.op), "n/c");
    assert_controls(c, "n/a");
    assert_groups(c, "loc:@n/a");
    assert_ptr_equal(tw_default_graph() == other, false);
    tw_graph_unref(other);
}

static void a_scope_is_closed_by_its_number_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(tw_scope_mark(), 0);
    tw_tensor a = no_op("a");
    must(tw_scope_push_name("n"));
    uint64_t name = tw_scope_mark();
    must(tw_scope_push_control(TW_LIST(a)));
    uint64_t control = tw_scope_mark();
    assert_true(tw_scope_close(name));
    assert_false(tw_scope_close(name));
    tw_tensor b = no_op("b");
    assert_string_equal(tw_operation_name(b.op), "b");
    assert_controls(b, "a");
    assert_true(tw_scope_close(control));
    assert_controls(no_op("c"), "");
    must(tw_scope_push_name("m"));
    assert_false(tw_scope_close(control));
    assert_true(tw_scope_mark() > control);
}

static void a_graph_keeps_a_front_ends_pointer_and_forgets_its_seed(void **state)
{
    (void)state;
    tw_graph *graph = tw_default_graph();
    int64_t seed;
    assert_null(tw_graph_user(graph));
    tw_graph_set_user(graph, state);
    assert_ptr_equal(tw_graph_user(graph), state);
    assert_null(tw_graph_user(NULL));
    tw_graph_set_seed(graph, 3);
    assert_true(tw_graph_seed(graph, &seed));
    tw_graph_clear_seed(graph);
    assert_false(tw_graph_seed(graph, &seed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(control_scopes_add_up_and_can_be_forgotten, reset),
        cmocka_unit_test_teardown(an_input_from_inside_implies_the_control_scope, reset),
        cmocka_unit_test_teardown(control_scopes_of_another_graph_do_not_count, reset),
        cmocka_unit_test_teardown(control_inputs_of_a_call_come_first, reset),
        cmocka_unit_test_teardown(devices_are_merged_from_the_inside_out, reset),
        cmocka_unit_test_teardown(colocated_operations_share_group_and_device, reset),
        cmocka_unit_test_teardown(who_changes_a_variable_stands_with_it, reset),
        cmocka_unit_test_teardown(a_gradient_override_names_the_gradient_of_one_type, reset),
        cmocka_unit_test_teardown(a_block_closes_however_it_is_left, reset),
        cmocka_unit_test_teardown(a_block_that_cannot_open_reports_to_the_graph, reset),
        cmocka_unit_test_teardown(reset_drops_scopes_and_the_graph_lives_while_held, reset),
        cmocka_unit_test_teardown(scopes_of_a_graph_that_is_not_the_current_one, reset),
        cmocka_unit_test_teardown(a_scope_is_closed_by_its_number_in_any_order, reset),
        cmocka_unit_test_teardown(a_graph_keeps_a_front_ends_pointer_and_forgets_its_seed, reset),
        cmocka_unit_test_teardown(reset_calls_what_asked_for_it_once, reset),
        cmocka_unit_test_teardown(in_a_branch_sources_wait_for_the_pivot, reset),
        cmocka_unit_test_teardown(a_tensor_of_a_loop_is_not_seen_outside, reset),
    };
    return cmocka_run_group_tests_name("scopes", tests, NULL, NULL);
}
