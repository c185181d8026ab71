/* SPDX-License-Identifier: Apache-2.0
 * Changes to finished operations. */
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

typedef struct fixture {
    tw_graph *graph;
    tw_tensor x, y, z;
} fixture;

static fixture make(void)
{
    fixture f = {.graph = tw_graph_new()};
    f.x = add_placeholder(f.graph, "x", TW_FLOAT32, TW_SHAPE(-1, 2));
    f.y = add_placeholder(f.graph, "y", TW_FLOAT32, TW_SHAPE(3, 2));
    f.z = add_named(f.graph, "Neg", "z", &f.x, 1);
    return f;
}

static void an_input_can_be_replaced_by_one_of_its_dtype(void **state)
{
    (void)state;
    fixture f = make();
    tw_graph *other = tw_graph_new();
    tw_tensor i = add_placeholder(f.graph, "i", TW_INT32, TW_SHAPE());
    tw_tensor foreign = add_placeholder(other, "o", TW_FLOAT32, TW_SHAPE());
    uint64_t version = tw_graph_version(f.graph);
    must(tw_operation_set_input(f.z.op, 0, f.y));
    assert_true(tw_same(tw_operation_input(f.z.op, 0), f.y));
    assert_true(tw_graph_version(f.graph) > version);
    tw_status *status = tw_operation_set_input(f.z.op, 0, i);
    assert_int_equal(tw_status_kind(status), TW_KIND_TYPE);
    MUST_FAIL(status, TW_INVALID_ARGUMENT, "Neg 'z'", "float32", "'i' is int32");
    MUST_FAIL(tw_operation_set_input(f.z.op, 1, f.x), TW_INVALID_ARGUMENT, "has 1 inputs");
    MUST_FAIL(tw_operation_set_input(f.z.op, 0, foreign), TW_INVALID_ARGUMENT, "another graph");
    MUST_FAIL(tw_operation_set_input(f.z.op, 0, (tw_tensor){f.x.op, -1}), TW_INVALID_ARGUMENT,
              "no tensor");
    MUST_FAIL(tw_operation_set_input(NULL, 0, f.x), TW_INVALID_ARGUMENT, "NULL");
    assert_true(tw_same(tw_operation_input(f.z.op, 0), f.y));
    tw_graph_unref(f.graph);
    tw_graph_unref(other);
}

static void control_inputs_are_added_once_and_cleared(void **state)
{
    (void)state;
    fixture f = make();
    must(tw_operation_add_control_input(f.z.op, f.y.op));
    must(tw_operation_add_control_input(f.z.op, f.x.op));
    must(tw_operation_add_control_input(f.z.op, f.y.op));
    assert_int_equal(tw_operation_control_input_count(f.z.op), 2);
    assert_ptr_equal(tw_operation_control_input(f.z.op, 1), f.x.op);
    assert_null(tw_operation_control_input(f.z.op, 2));
    must(tw_operation_clear_control_inputs(f.z.op));
    assert_int_equal(tw_operation_control_input_count(f.z.op), 0);
    MUST_FAIL(tw_operation_add_control_input(f.z.op, NULL), TW_INVALID_ARGUMENT, "Neg 'z'");
    tw_graph_unref(f.graph);
}

static void attributes_are_replaced_or_added(void **state)
{
    (void)state;
    fixture f = make();
    size_t count = tw_operation_attr_count(f.z.op);
    tw_attr attr = {.name = "_mine", .kind = TW_ATTR_STRING};
    attr.value.s = (tw_bytes){"one", 3};
    must(tw_operation_set_attr(f.z.op, &attr));
    const tw_attr *before = tw_operation_attr(f.z.op, "_mine");
    attr.value.s = (tw_bytes){"four", 4};
    must(tw_operation_set_attr(f.z.op, &attr));
    assert_int_equal(tw_operation_attr_count(f.z.op), count + 1);
    assert_memory_equal(before->value.s.data, "one", 3); /* still to be read */
    assert_memory_equal(tw_operation_attr(f.z.op, "_mine")->value.s.data, "four", 4);
    assert_string_equal(tw_operation_attr_at(f.z.op, count)->name, "_mine");
    assert_null(tw_operation_attr_at(f.z.op, count + 1));
    MUST_FAIL(tw_operation_set_attr(f.z.op, &(tw_attr){.name = ""}), TW_INVALID_ARGUMENT, "name");
    tw_graph_unref(f.graph);
}

static void a_constant_is_what_its_attribute_says(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    TW_GRAPH(graph) {
        tw_tensor c = tw_operand_tensor(tw_of_int(1), TW_INVALID_DTYPE, "c");
        tw_attr attr = {.name = "value", .kind = TW_ATTR_TENSOR};
        attr.value.tensor = tw_array_scalar(TW_INT32, 2);
        must(tw_operation_set_attr(c.op, &attr));
        tw_array_unref(attr.value.tensor);
        tw_array *value = tw_tensor_constant_value(c);
        assert_true(tw_array_item(value) == 2);
        tw_array_unref(value);
    }
    tw_graph_unref(graph);
}

static void a_device_is_set_as_it_is(void **state)
{
    (void)state;
    fixture f = make();
    must(tw_operation_set_device(f.z.op, "/job:x"));
    assert_string_equal(tw_operation_device(f.z.op), "/job:x");
    must(tw_operation_set_device(f.z.op, NULL));
    assert_string_equal(tw_operation_device(f.z.op), "");
    MUST_FAIL(tw_operation_set_device(NULL, ""), TW_INVALID_ARGUMENT, "NULL");
    tw_graph_unref(f.graph);
}

static void a_shape_is_merged_with_what_is_known(void **state)
{
    (void)state;
    fixture f = make();
    must(tw_tensor_set_shape(f.x, TW_SHAPE(5, -1)));
    assert_shape(f.x, "(5, 2)");
    must(tw_tensor_set_shape(f.x, TW_UNKNOWN_SHAPE));
    assert_shape(f.x, "(5, 2)");
    MUST_FAIL(tw_tensor_set_shape(f.x, TW_SHAPE(6, 2)), TW_INVALID_ARGUMENT, "Placeholder 'x'",
              "Shapes (5, 2) and (6, 2) are not compatible");
    MUST_FAIL(tw_tensor_set_shape(f.x, TW_SHAPE(5)), TW_INVALID_ARGUMENT, "not compatible");
    MUST_FAIL(tw_tensor_set_shape(f.x, TW_SHAPE(-2, 2)), TW_INVALID_ARGUMENT, "-2");
    MUST_FAIL(tw_tensor_set_shape((tw_tensor){NULL, 0}, TW_SHAPE()), TW_INVALID_ARGUMENT,
              "invalid tensor");
    assert_shape(f.x, "(5, 2)");
    tw_graph_unref(f.graph);
}

static void what_was_folded_before_a_change_is_found_anew(void **state)
{
    (void)state;
    fixture f = make();
    tw_tensor shape = add_named(f.graph, "Shape", NULL, &f.x, 1);
    assert_null(tw_tensor_constant_value(shape));
    must(tw_tensor_set_shape(f.x, TW_SHAPE(5, -1)));
    tw_array *value = tw_tensor_constant_value(shape);
    assert_true(tw_array_get(value, 0) == 5 && tw_array_get(value, 1) == 2);
    tw_array_unref(value);
    must(tw_operation_set_input(shape.op, 0, f.y));
    value = tw_tensor_constant_value(shape);
    assert_true(tw_array_get(value, 0) == 3);
    tw_array_unref(value);
    tw_graph_unref(f.graph);
}

static void changes_without_memory_change_nothing(void **state)
{
    (void)state;
    fixture f = make();
    tw_attr attr = {.name = "_mine", .kind = TW_ATTR_INT};
    for (size_t n = 1; failing_allocator_next(n); n++) {
        size_t controls = tw_operation_control_input_count(f.z.op);
        tw_status *status = tw_operation_add_control_input(f.z.op, f.y.op);
        if (status)
            assert_int_equal(tw_operation_control_input_count(f.z.op), controls);
        tw_status_free(status);
        tw_status_free(tw_operation_set_input(f.z.op, 0, f.y));
        tw_status_free(tw_operation_set_attr(f.z.op, &attr));
        tw_status_free(tw_operation_set_device(f.z.op, "/cpu:0"));
        tw_status_free(tw_tensor_set_shape(f.x, TW_SHAPE(5, 2)));
    }
    tw_graph_unref(f.graph);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_input_can_be_replaced_by_one_of_its_dtype),
        cmocka_unit_test(control_inputs_are_added_once_and_cleared),
        cmocka_unit_test(attributes_are_replaced_or_added),
        cmocka_unit_test(a_constant_is_what_its_attribute_says),
        cmocka_unit_test(a_device_is_set_as_it_is),
        cmocka_unit_test(a_shape_is_merged_with_what_is_known),
        cmocka_unit_test(what_was_folded_before_a_change_is_found_anew),
        cmocka_unit_test(changes_without_memory_change_nothing),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
