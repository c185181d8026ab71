/* SPDX-License-Identifier: Apache-2.0
 * Adding operations one by one: what is inferred, what is refused and with which words. */
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

static tw_status *add_status(tw_graph *graph, const char *type, const char *name,
                             const tw_tensor *inputs, size_t count, tw_operation **out)
{
    tw_graph_add_args args = {.size = sizeof args,
                              .where = {"user.c", 7},
                              .type = type,
                              .name = name,
                              .inputs = inputs,
                              .input_count = count};
    return tw_graph_add(graph, &args, out);
}

static void shapes_and_dtypes_are_inferred(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_tensor a = add_placeholder(graph, "a", TW_FLOAT64, TW_SHAPE(-1, 3));
    tw_tensor b = add_placeholder(graph, "b", TW_FLOAT64, TW_SHAPE(3, 4));
    tw_tensor c = add_named(graph, "MatMul", NULL, (tw_tensor[]){a, b}, 2);
    assert_int_equal(tw_tensor_dtype(c), TW_FLOAT64);
    assert_shape(c, "(?, 4)");
    assert_int_equal(tw_operation_attr(c.op, "T")->value.type, TW_FLOAT64);
    assert_false(tw_operation_attr(c.op, "transpose_a")->value.b);
    assert_null(tw_operation_attr(c.op, "U"));
    assert_int_equal(tw_operation_id(c.op), 2);
    assert_non_null(strstr(tw_operation_where(c.op).file, "graphs.h"));
    assert_string_equal(tw_tensor_text(c).s, "Tensor(\"MatMul:0\", shape=(?, 4), dtype=float64)");
    tw_tensor unknown = add_placeholder(graph, "u", TW_INT32, TW_UNKNOWN_SHAPE);
    assert_string_equal(tw_tensor_text(unknown).s, "Tensor(\"u:0\", dtype=int32)");
    assert_string_equal(tw_tensor_text((tw_tensor){c.op, -1}).s,
                        "Operation(\"MatMul\", type=MatMul)");
    assert_string_equal(tw_tensor_name((tw_tensor){c.op, -1}).s, "MatMul");
    assert_string_equal(tw_tensor_name((tw_tensor){NULL, 0}).s, "");
    tw_graph_unref(graph);
}

static void an_error_shows_operands_in_one_line_and_their_makers_in_the_report(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_tensor a = add_placeholder(graph, "net/flat", TW_FLOAT32, TW_SHAPE(64, 784));
    tw_tensor b = add_placeholder(graph, "w", TW_FLOAT32, TW_SHAPE(512, 10));
    tw_status *status = add_status(graph, "MatMul", "net/mul", (tw_tensor[]){a, b}, 2, &op);
    assert_string_equal(tw_status_operation(status), "net/mul");
    assert_int_equal(tw_status_phase(status), TW_PHASE_BUILD);
    assert_int_equal(tw_status_kind(status), TW_KIND_VALUE);
    assert_int_equal(tw_status_where(status).line, 7);
    const char *report = tw_status_report(status);
    assert_non_null(strstr(report, "a: float32 (64, 784)   from Placeholder 'net/flat'   "));
    assert_non_null(strstr(report, "b: float32 (512, 10)   from Placeholder 'w'   "));
    assert_non_null(strstr(report, "\n    made at user.c:7"));
    assert_null(strstr(tw_status_message(status), "from"));
    MUST_FAIL(status, TW_INVALID_ARGUMENT, "MatMul 'net/mul': ", "784", "512",
              " | a: float32 (64, 784) | b: float32 (512, 10) | made at user.c:7");
    assert_int_equal(tw_graph_operation_count(graph), 2);
    tw_graph_unref(graph);
}

static void each_tensor_of_a_list_is_called_by_its_place_there(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_tensor inputs[] = {add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE(2, 2)),
                          add_placeholder(graph, "y", TW_FLOAT32, TW_SHAPE(2)),
                          add_placeholder(graph, "d", TW_INT32, TW_SHAPE())};
    MUST_FAIL(add_status(graph, "ConcatV2", NULL, inputs, 3, &op), TW_INVALID_ARGUMENT,
              "| values[0]: float32 (2, 2) | values[1]: float32 (2,) | axis: int32 ()");
    tw_graph_unref(graph);
}

static void the_name_in_an_error_is_the_one_it_would_have_got(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_tensor x = add_placeholder(graph, "Neg", TW_STRING, TW_SHAPE());
    MUST_FAIL(add_status(graph, "Neg", NULL, &x, 1, &op), TW_INVALID_ARGUMENT, "Neg 'Neg_1'",
              "string");
    tw_graph_unref(graph);
}

static void wrong_arguments_are_statuses(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new(), *other = tw_graph_new();
    tw_operation *op = NULL;
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE());
    tw_tensor y = add_placeholder(other, "y", TW_FLOAT32, TW_SHAPE());
    tw_tensor target = add_named(graph, "NoOp", NULL, NULL, 0), far = {x.op, 3};
    MUST_FAIL(add_status(graph, "Frob", NULL, NULL, 0, &op), TW_NOT_FOUND,
              "Op type not registered 'Frob'", "user.c:7");
    MUST_FAIL(add_status(graph, "Neg", NULL, &y, 1, &op), TW_INVALID_ARGUMENT, "'y'", "same graph");
    MUST_FAIL(add_status(graph, "Neg", NULL, &target, 1, &op), TW_INVALID_ARGUMENT,
              "the operation 'NoOp', not a tensor");
    MUST_FAIL(add_status(graph, "Neg", NULL, &far, 1, &op), TW_INVALID_ARGUMENT, "'x'");
    MUST_FAIL(add_status(graph, "Neg", NULL, (tw_tensor[]){{NULL, 0}}, 1, &op), TW_INVALID_ARGUMENT,
              "input 0 is an invalid tensor");
    MUST_FAIL(add_status(graph, "Neg", NULL, NULL, 1, &op), TW_INVALID_ARGUMENT, "NULL");
    MUST_FAIL(add_status(graph, "", NULL, NULL, 0, &op), TW_INVALID_ARGUMENT, "type");
    MUST_FAIL(add_status(NULL, "NoOp", NULL, NULL, 0, &op), TW_INVALID_ARGUMENT, "graph");
    MUST_FAIL(tw_graph_add(graph, NULL, &op), TW_INVALID_ARGUMENT, "arguments");
    MUST_FAIL(add_status(graph, "NoOp", NULL, NULL, 0, NULL), TW_INVALID_ARGUMENT, "place");
    assert_int_equal(tw_graph_operation_count(graph), 2);
    tw_graph_unref(graph);
    tw_graph_unref(other);
}

static void inputs_of_two_dtypes_name_both(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE(2));
    tw_tensor y = add_placeholder(graph, "y", TW_INT32, TW_SHAPE(2));
    tw_status *status = add_status(graph, "Add", NULL, (tw_tensor[]){x, y}, 2, &op);
    assert_int_equal(tw_status_kind(status), TW_KIND_TYPE);
    assert_int_equal(tw_status_input(status), 1);
    MUST_FAIL(status, TW_INVALID_ARGUMENT, "Add", "x: float32 (2,) | y: int32 (2,)");
    tw_graph_unref(graph);
}

static void a_smaller_struct_of_an_older_caller_will_do(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = offsetof(tw_graph_add_args, attrs), .type = "NoOp"};
    args.attr_count = 99; /* not seen */
    args.is_import = true;
    must(tw_graph_add(graph, &args, &op));
    assert_non_null(op);
    tw_graph_unref(graph);
}

static void a_type_that_nobody_knows_is_kept(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    tw_dtype dtypes[] = {TW_FLOAT32, TW_INT64};
    tw_attr attr = {.name = "k", .kind = TW_ATTR_INT, .value.i = 3};
    tw_graph_add_args args = {.size = sizeof args,
                              .type = "MyOwn",
                              .attrs = &attr,
                              .attr_count = 1,
                              .output_dtypes = dtypes,
                              .output_count = 2};
    must(tw_graph_add(graph, &args, &op));
    assert_int_equal(tw_operation_output_count(op), 2);
    assert_int_equal(tw_tensor_dtype(tw_operation_output(op, 1)), TW_INT64);
    assert_shape(tw_operation_output(op, 0), "<unknown>");
    assert_int_equal(tw_operation_attr(op, "k")->value.i, 3);
    tw_tensor next = add_named(graph, "Neg", NULL, (tw_tensor[]){{op, 1}}, 1);
    assert_int_equal(tw_tensor_dtype(next), TW_INT64);
    tw_graph_unref(graph);
}

static void a_finalized_graph_takes_nothing_more(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_operation *op = NULL;
    must(tw_graph_finalize(graph));
    tw_status *status = add_status(graph, "NoOp", NULL, NULL, 0, &op);
    assert_int_equal(tw_status_kind(status), TW_KIND_STATE);
    MUST_FAIL(status, TW_FAILED_PRECONDITION, "finalized");
    MUST_FAIL(tw_graph_import_text(graph, "node { name: 'a' op: 'NoOp' }", NULL),
              TW_FAILED_PRECONDITION, "finalized");
    MUST_FAIL(tw_graph_finalize(NULL), TW_INVALID_ARGUMENT, "NULL");
    tw_graph_unref(graph);
}

static void tensors_are_looked_up_by_name(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_tensor x = add_placeholder(graph, "a/x", TW_FLOAT32, TW_SHAPE()), found;
    must(tw_graph_tensor(graph, "a/x:0", &found));
    assert_true(tw_same(found, x));
    MUST_FAIL(tw_graph_tensor(graph, "a/x", &found), TW_INVALID_ARGUMENT,
              "refers to an Operation, not a Tensor");
    MUST_FAIL(tw_graph_tensor(graph, "b", &found), TW_INVALID_ARGUMENT,
              "looks like an (invalid) Operation name");
    MUST_FAIL(tw_graph_tensor(graph, "a/x:one", &found), TW_INVALID_ARGUMENT, "is not a valid one");
    MUST_FAIL(tw_graph_tensor(graph, "a/x:1", &found), TW_NOT_FOUND, "only has 1 outputs");
    tw_status *status = tw_graph_tensor(graph, "b:0", &found);
    assert_int_equal(tw_status_kind(status), TW_KIND_NAME);
    MUST_FAIL(status, TW_NOT_FOUND, "The operation, 'b', does not exist in the graph");
    MUST_FAIL(tw_graph_tensor(graph, NULL, &found), TW_INVALID_ARGUMENT, "NULL");
    tw_graph_unref(graph);
}

static void collections_keep_tensors_in_order(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new(), *other = tw_graph_new();
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE());
    tw_tensor y = add_placeholder(graph, "y", TW_FLOAT32, TW_SHAPE());
    must(tw_graph_collect(graph, "losses", y));
    must(tw_graph_collect(graph, "losses", x));
    must(tw_graph_collect(graph, "more", x));
    tw_tensors losses = tw_graph_collection(graph, "losses");
    assert_int_equal(losses.count, 2);
    assert_true(tw_same(losses.items[0], y));
    assert_int_equal(tw_graph_collection(graph, "none").count, 0);
    assert_int_equal(tw_graph_collection_count(graph), 2);
    assert_string_equal(tw_graph_collection_name(graph, 1), "more");
    assert_null(tw_graph_collection_name(graph, 2));
    MUST_FAIL(tw_graph_collect(other, "losses", x), TW_INVALID_ARGUMENT, "another graph");
    MUST_FAIL(tw_graph_collect(graph, "losses", (tw_tensor){NULL, 0}), TW_INVALID_ARGUMENT,
              "valid tensor");
    tw_graph_unref(graph);
    tw_graph_unref(other);
}

static void forget_shape(tw_infer *in, void *user)
{
    ++*(int *)user;
    if (tw_infer_dtype(in, 0) == TW_INT32)
        tw_infer_fail(in, "my own rule says no");
    else
        tw_infer_output(in, 0, TW_SHAPE(7, -1));
}

static void a_shape_rule_of_the_caller_holds_for_its_graph(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new(), *other = tw_graph_new();
    tw_operation *op = NULL;
    int calls = 0;
    must(tw_override_shape(graph, "Neg", forget_shape, &calls));
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE(2));
    tw_tensor i = add_placeholder(graph, "i", TW_INT32, TW_SHAPE(2));
    tw_tensor z = add_placeholder(other, "z", TW_FLOAT32, TW_SHAPE(2));
    assert_shape(add_named(graph, "Neg", NULL, &x, 1), "(7, ?)");
    assert_shape(add_named(other, "Neg", NULL, &z, 1), "(2,)");
    MUST_FAIL(add_status(graph, "Neg", NULL, &i, 1, &op), TW_INVALID_ARGUMENT, "Neg 'Neg_1'",
              "my own rule says no");
    must(tw_override_shape(NULL, "Neg", forget_shape, &calls));
    assert_shape(add_named(other, "Neg", NULL, &z, 1), "(7, ?)");
    must(tw_override_shape(NULL, "Neg", NULL, NULL));
    must(tw_override_shape(graph, "Neg", NULL, NULL));
    assert_shape(add_named(graph, "Neg", NULL, &x, 1), "(2,)");
    assert_int_equal(calls, 3);
    MUST_FAIL(tw_override_shape(graph, NULL, forget_shape, NULL), TW_INVALID_ARGUMENT, "name");
    tw_graph_unref(graph);
    tw_graph_unref(other);
}

static tw_status *gradient_a(tw_gradient *g)
{
    (void)g;
    return TW_OK;
}

static tw_status *gradient_b(tw_gradient *g)
{
    (void)g;
    return TW_OK;
}

static void the_gradient_is_by_attribute_then_graph_then_all_graphs(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    int mark;
    void *user = NULL;
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE());
    tw_operation *neg = add_named(graph, "Neg", NULL, &x, 1).op;
    tw_gradient_fn own = tw_operation_gradient(neg, &user);
    assert_ptr_equal(own, tw_op_get_definition(tw_op_find("Neg"))->gradient);
    must(tw_override_gradient(NULL, "Neg", gradient_a, NULL));
    assert_ptr_equal(tw_operation_gradient(neg, &user), gradient_a);
    must(tw_override_gradient(graph, "Neg", gradient_b, &mark));
    assert_ptr_equal(tw_operation_gradient(neg, &user), gradient_b);
    assert_ptr_equal(user, &mark);
    must(tw_override_gradient(NULL, "Neg", NULL, NULL));
    tw_attr attr = {.name = "_gradient_op_type", .kind = TW_ATTR_STRING};
    attr.value.s = (tw_bytes){"Mine", 4};
    must(tw_operation_set_attr(neg, &attr));
    assert_null(tw_operation_gradient(neg, &user));
    must(tw_override_gradient(graph, "Mine", gradient_a, NULL));
    assert_ptr_equal(tw_operation_gradient(neg, &user), gradient_a);
    tw_graph_unref(graph);
}

static void an_allocation_that_fails_leaves_the_graph_as_it_was(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_tensor a = add_placeholder(graph, "a", TW_FLOAT32, TW_SHAPE(-1, 3));
    tw_tensor b = add_placeholder(graph, "b", TW_FLOAT32, TW_SHAPE(3, 4));
    add_named(graph, "MatMul", NULL, (tw_tensor[]){a, b}, 2);
    size_t count = 3;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_operation *op = NULL;
        TW_GRAPH(graph)
            TW_CONTROL_DEPENDENCIES(a)
                TW_COLOCATE_WITH(b) {
                    tw_status *status = add_status(graph, "MatMul", NULL, (tw_tensor[]){a, b}, 2,
                                                   &op);
                    count += !status;
                    tw_status_free(status);
                }
        tw_graph_clear_status(graph);
        assert_int_equal(tw_graph_operation_count(graph), count);
    }
    assert_true(count >= 4);
    tw_graph_unref(graph);
    tw_reset_default_graph();
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_dtypes_are_inferred),
        cmocka_unit_test(an_error_shows_operands_in_one_line_and_their_makers_in_the_report),
        cmocka_unit_test(each_tensor_of_a_list_is_called_by_its_place_there),
        cmocka_unit_test(the_name_in_an_error_is_the_one_it_would_have_got),
        cmocka_unit_test(wrong_arguments_are_statuses),
        cmocka_unit_test(inputs_of_two_dtypes_name_both),
        cmocka_unit_test(a_smaller_struct_of_an_older_caller_will_do),
        cmocka_unit_test(a_type_that_nobody_knows_is_kept),
        cmocka_unit_test(a_finalized_graph_takes_nothing_more),
        cmocka_unit_test(tensors_are_looked_up_by_name),
        cmocka_unit_test(collections_keep_tensors_in_order),
        cmocka_unit_test(a_shape_rule_of_the_caller_holds_for_its_graph),
        cmocka_unit_test(the_gradient_is_by_attribute_then_graph_then_all_graphs),
        cmocka_unit_test(an_allocation_that_fails_leaves_the_graph_as_it_was),
    };
    return cmocka_run_group_tests_name("adding operations", tests, NULL, NULL);
}
