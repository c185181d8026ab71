/* SPDX-License-Identifier: Apache-2.0
 * GraphDefs in and out: TensorFlow's own files come back as they were, what is damaged gives a
 * status and adds nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/graph_def.h"
#include "graphs.h"
#include "support/failing_allocator.h"
#include "support/golden_files.h"
#include "thalweg/thalweg.h"
#include "wire/text_format.h"

static void comes_back(const char *path, void *arg)
{
    (void)arg;
    size_t size, written_size;
    char *bytes = golden_read(path, &size), *written;
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_graph_import(graph, bytes, size, NULL);
    if (status)
        fail_msg("%s: %s", path, tw_status_message(status));
    must(tw_graph_export(graph, &written, &written_size));
    if (written_size != size || memcmp(written, bytes, size) != 0)
        fail_msg("%s: other bytes came back", path);
    tw_free(written);
    tw_graph_unref(graph);
    free(bytes);
}

static void golden_graphs_come_back_byte_for_byte(void **state)
{
    (void)state;
    assert_int_equal(golden_each("files/tf-0.12.1/graphs", ".pb", comes_back, NULL), 9);
    assert_int_equal(golden_each("files/tf-1.15.5/graphs", ".pb", comes_back, NULL), 9);
}

static void comes_back_as_text(const char *path, void *arg)
{
    (void)arg;
    size_t size;
    char *text = golden_read(path, &size), *written;
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_graph_import_text(graph, text, NULL);
    if (status)
        fail_msg("%s: %s", path, tw_status_message(status));
    must(tw_graph_export_text(graph, &written));
    tw_arena arena = {0};
    tw_message *before, *after;
    must(tw_text_read(&arena, &tw_pb_GraphDef, text, size, &before));
    must(tw_text_read(&arena, &tw_pb_GraphDef, written, strlen(written), &after));
    if (!tw_message_equal(before, after))
        fail_msg("%s: another graph came back", path);
    assert_string_equal(text, written);
    tw_arena_clear(&arena);
    tw_free(written);
    tw_graph_unref(graph);
    free(text);
}

static void golden_texts_come_back(void **state)
{
    (void)state;
    size_t count = golden_each("files/tf-0.12.1/graphs", ".pbtxt", comes_back_as_text, NULL);
    count += golden_each("files/tf-1.15.5/graphs", ".pbtxt", comes_back_as_text, NULL);
    assert_int_equal(count, 16);
}

/* What TensorFlow refuses of these is refused here, but for ops that we only keep. */
static void damage_is_a_status(const char *path, void *arg)
{
    size_t *refused = arg, size;
    char *bytes = golden_read(path, &size);
    bool binary = !strstr(path, ".pbtxt");
    tw_graph *graph = tw_graph_new();
    tw_status *status = binary ? tw_graph_import(graph, bytes, size, NULL)
                               : tw_graph_import_text(graph, bytes, NULL);
    *refused += status != NULL;
    if (status)
        assert_int_equal(tw_graph_operation_count(graph), 0);
    tw_status_free(status);
    tw_graph_unref(graph);
    free(bytes);
}

static void damaged_graphs_are_refused(void **state)
{
    (void)state;
    size_t refused = 0;
    size_t binary = golden_each("files/tf-1.15.5/damaged", ".pb", damage_is_a_status, &refused);
    assert_int_equal(binary, 9);
    assert_int_equal(refused, 7); /* an empty file is an empty graph, an unknown op is kept */
}

static void every_cut_of_a_graph_gives_a_status_or_a_graph(void **state)
{
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/while.pb", &size);
    for (size_t length = 0; length < size; length++) {
        char *copy = malloc(length + 1);
        memcpy(copy, bytes, length);
        tw_graph *graph = tw_graph_new();
        tw_status_free(tw_graph_import(graph, copy, length, NULL));
        tw_graph_unref(graph);
        free(copy);
    }
    free(bytes);
}

static void every_flipped_byte_gives_a_status_or_a_graph(void **state)
{
    (void)state;
    size_t size;
    char *bytes = golden_read("files/tf-0.12.1/graphs/cond.pb", &size);
    for (size_t i = 0; i < size; i++) {
        char before = bytes[i];
        bytes[i] = (char)(before ^ (1 << i % 8));
        tw_graph *graph = tw_graph_new();
        tw_status_free(tw_graph_import(graph, bytes, size, NULL));
        tw_graph_unref(graph);
        bytes[i] = before;
    }
    free(bytes);
}

static tw_graph *from_text(const char *text)
{
    tw_graph *graph = tw_graph_new();
    must(tw_graph_import_text(graph, text, NULL));
    return graph;
}

static tw_status *refusal_of(const char *text)
{
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_graph_import_text(graph, text, NULL);
    assert_int_equal(tw_graph_operation_count(graph), 0);
    tw_graph_unref(graph);
    return status;
}

static void nodes_may_come_in_any_order_and_keep_it(void **state)
{
    (void)state;
    tw_graph *graph = from_text("node { name: 'b' op: 'Neg' input: 'a' "
                                "  attr { key: 'T' value { type: DT_FLOAT } } }"
                                "node { name: 'a' op: 'Placeholder' "
                                "  attr { key: 'dtype' value { type: DT_FLOAT } } }");
    assert_string_equal(tw_operation_name(tw_graph_operation_at(graph, 0)), "b");
    assert_ptr_equal(tw_operation_input(tw_graph_operation_at(graph, 0), 0).op,
                     tw_graph_operation(graph, "a"));
    tw_graph_unref(graph);
}

static void a_cycle_names_its_nodes(void **state)
{
    (void)state;
    MUST_FAIL(refusal_of("node { name: 'a' op: 'Neg' input: 'b' "
                         "  attr { key: 'T' value { type: DT_FLOAT } } }"
                         "node { name: 'b' op: 'Neg' input: 'a' "
                         "  attr { key: 'T' value { type: DT_FLOAT } } }"),
              TW_INVALID_ARGUMENT, "cycle", "'a'", "'b'");
    MUST_FAIL(refusal_of("node { name: 'a' op: 'NoOp' input: '^a' }"), TW_INVALID_ARGUMENT,
              "cycle");
}

static void bad_inputs_and_names_are_named(void **state)
{
    (void)state;
    MUST_FAIL(refusal_of("node { name: 'a' op: 'NoOp' input: '^x' }"), TW_INVALID_ARGUMENT,
              "NoOp 'a'", "Unknown input node '^x'");
    MUST_FAIL(refusal_of("node { name: 'a' op: 'NoOp' } node { name: 'a' op: 'NoOp' }"),
              TW_INVALID_ARGUMENT, "not unique");
    MUST_FAIL(refusal_of("node { name: 'a b' op: 'NoOp' }"), TW_INVALID_ARGUMENT,
              "invalid characters");
    MUST_FAIL(refusal_of("node { name: 'a' }"), TW_INVALID_ARGUMENT, "does not say its op");
    MUST_FAIL(refusal_of("node { name: 'a' op: 'NoOp' }"
                         "node { name: 'b' op: 'Neg' input: 'a' "
                         "  attr { key: 'T' value { type: DT_FLOAT } } }"),
              TW_INVALID_ARGUMENT, "Neg 'b'", "invalid output 0", "a");
    MUST_FAIL(
        refusal_of("node { name: 'a' op: 'NoOp' } node { name: 'b' op: 'NoOp' input: 'a:x' }"),
        TW_INVALID_ARGUMENT, "Malformed input 'a:x'");
}

static void defaults_that_the_file_lacks_are_known_but_not_written(void **state)
{
    (void)state;
    static const char text[] = "node {\n  name: \"a\"\n  op: \"Placeholder\"\n  attr {\n    key: "
                               "\"dtype\"\n    value {\n      type: DT_FLOAT\n    }\n  }\n}\n";
    tw_graph *graph = from_text(text);
    assert_non_null(tw_operation_attr(tw_graph_operation(graph, "a"), "shape"));
    char *written;
    must(tw_graph_export_text(graph, &written));
    assert_string_equal(written, text);
    tw_free(written);
    tw_graph_unref(graph);
}

static void a_type_that_nobody_knows_is_kept_with_its_dtypes(void **state)
{
    (void)state;
    tw_graph *graph = from_text("node { name: 'a' op: 'Strange' device: '/job:x' "
                                "  attr { key: 'T' value { type: DT_INT32 } }"
                                "  attr { key: 'why' value { s: 'because' } } }"
                                "node { name: 'b' op: 'Neg' input: 'a:1' "
                                "  attr { key: 'T' value { type: DT_INT32 } } }"
                                "node { name: 'c' op: 'Stranger' input: '^a' }"
                                "node { name: 'd' op: 'Odd' }"
                                "node { name: 'e' op: 'Neg' input: 'd' "
                                "  attr { key: 'T' value { type: DT_DOUBLE } } }");
    tw_operation *a = tw_graph_operation(graph, "a");
    assert_int_equal(tw_operation_output_count(a), 2);
    assert_int_equal(tw_tensor_dtype(tw_operation_output(a, 1)), TW_INT32);
    assert_shape(tw_operation_output(a, 0), "<unknown>");
    assert_string_equal(tw_operation_device(a), "/job:x");
    assert_int_equal(tw_operation_output_count(tw_graph_operation(graph, "c")), 0);
    tw_tensor d = tw_operation_output(tw_graph_operation(graph, "d"), 0);
    assert_int_equal(tw_tensor_dtype(d), TW_FLOAT64);
    tw_graph_unref(graph);
}

static void a_function_of_the_library_gives_the_outputs_of_its_calls(void **state)
{
    (void)state;
    tw_graph *graph = from_text(
        "node { name: 'a' op: 'F' attr { key: 'S' value { type: DT_INT64 } } }"
        "library { function { signature { name: 'F' "
        "  output_arg { name: 'x' type: DT_HALF } "
        "  output_arg { name: 'y' type_attr: 'S' } } } }");
    tw_operation *a = tw_graph_operation(graph, "a");
    assert_int_equal(tw_operation_output_count(a), 2);
    assert_int_equal(tw_tensor_dtype(tw_operation_output(a, 0)), TW_FLOAT16);
    assert_int_equal(tw_tensor_dtype(tw_operation_output(a, 1)), TW_INT64);
    tw_graph_unref(graph);
}

static void a_prefix_stands_before_names_inputs_and_groups(void **state)
{
    (void)state;
    static const char text[] = "node { name: 'a' op: 'NoOp' }"
                               "node { name: 'b' op: 'NoOp' input: '^a' attr { key: '_class' "
                               "  value { list { s: 'loc:@a' } } } }";
    tw_graph *graph = tw_graph_new();
    must(tw_graph_import_text(graph, text, "p/q"));
    must(tw_graph_import_text(graph, text, NULL));
    tw_operation *b = tw_graph_operation(graph, "p/q/b");
    assert_ptr_equal(tw_operation_control_input(b, 0), tw_graph_operation(graph, "p/q/a"));
    const tw_bytes *group = tw_operation_attr(b, "_class")->value.items;
    assert_int_equal(group->length, strlen("loc:@p/q/a"));
    assert_memory_equal(group->data, "loc:@p/q/a", group->length);
    MUST_FAIL(tw_graph_import_text(graph, text, "p/q/"), TW_INVALID_ARGUMENT, "already exists");
    MUST_FAIL(tw_graph_import_text(graph, text, "p q"), TW_INVALID_ARGUMENT, "'p q'");
    assert_int_equal(tw_graph_operation_count(graph), 4);
    tw_graph_unref(graph);
}

static void imported_names_are_taken(void **state)
{
    (void)state;
    tw_graph *graph = from_text("node { name: 'Do' op: 'NoOp' }");
    assert_string_equal(name_of(add_named(graph, "NoOp", "do", NULL, 0)), "do_1");
    tw_graph_unref(graph);
}

static const char tensor_text[] = "node { name: 'c' op: 'Const' "
                                  "attr { key: 'dtype' value { type: %s } } "
                                  "attr { key: 'value' value { tensor { dtype: %s "
                                  "tensor_shape { dim { size: %s } } %s } } } }";

static tw_status *import_tensor(tw_graph *graph, const char *dtype, const char *size,
                                const char *values)
{
    char text[512];
    snprintf(text, sizeof text, tensor_text, dtype, dtype, size, values);
    return tw_graph_import_text(graph, text, NULL);
}

static void assert_tensor(const char *dtype, const char *values, const char *printed)
{
    tw_graph *graph = tw_graph_new();
    must(import_tensor(graph, dtype, "3", values));
    tw_array *array = tw_tensor_constant_value(
        tw_operation_output(tw_graph_operation(graph, "c"), 0));
    char *text = tw_array_text(array);
    assert_string_equal(text, printed);
    tw_free(text);
    tw_array_unref(array);
    tw_graph_unref(graph);
}

static void the_last_value_of_a_tensor_stands_for_the_rest(void **state)
{
    (void)state;
    assert_tensor("DT_FLOAT", "float_val: 1 float_val: 2", "[1. 2. 2.]");
    assert_tensor("DT_INT32", "int_val: 7", "[7 7 7]");
    assert_tensor("DT_INT64", "int64_val: -9223372036854775808",
                  "[-9223372036854775808 "
                  "-9223372036854775808 "
                  "-9223372036854775808]");
    assert_tensor("DT_BOOL", "bool_val: true bool_val: false", "[ True False False]");
    assert_tensor("DT_STRING", "string_val: 'a' string_val: 'bc'", "[b'a' b'bc' b'bc']");
    assert_tensor("DT_HALF", "half_val: 15360", "[1. 1. 1.]");
    assert_tensor("DT_UINT8", "int_val: 255", "[255 255 255]");
    assert_tensor("DT_DOUBLE", "", "[0. 0. 0.]");
    assert_tensor("DT_COMPLEX64", "scomplex_val: 1 scomplex_val: 2", "[1.+2.j 1.+2.j 1.+2.j]");
    assert_tensor("DT_INT16", "tensor_content: '\\001\\000\\002\\000\\003\\000'", "[1 2 3]");
}

static void tensors_that_cannot_be_are_refused(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    MUST_FAIL(import_tensor(graph, "DT_FLOAT", "-1", ""), TW_INVALID_ARGUMENT, "Const 'c'");
    MUST_FAIL(import_tensor(graph, "DT_FLOAT", "-2", ""), TW_INVALID_ARGUMENT, "Const 'c'");
    MUST_FAIL(import_tensor(graph, "DT_FLOAT", "4611686018427387904", "float_val: 1"),
              TW_RESOURCE_EXHAUSTED, "Const 'c'");
    MUST_FAIL(import_tensor(graph, "DT_FLOAT", "1099511627776", "float_val: 1"),
              TW_RESOURCE_EXHAUSTED, SIZE_MAX > UINT32_MAX ? "memory" : "too large");
    MUST_FAIL(import_tensor(graph, "DT_FLOAT", "3", "tensor_content: 'abc'"), TW_INVALID_ARGUMENT,
              "3 bytes");
    assert_int_equal(tw_graph_operation_count(graph), 0);
    tw_graph_unref(graph);
}

static void a_second_import_joins_the_libraries(void **state)
{
    (void)state;
    static const char f[] = "library { function { signature { name: 'F' } } }";
    static const char g[] = "library { function { signature { name: 'G' } } } "
                            "versions { producer: 17 }";
    static const char other[] =
        "library { function { signature { name: 'F' is_stateful: true } } }";
    tw_graph *graph = from_text(f);
    add_named(graph, "NoOp", NULL, NULL, 0);
    must(tw_graph_import_text(graph, g, NULL));
    must(tw_graph_import_text(graph, f, NULL));
    MUST_FAIL(tw_graph_import_text(graph, other, NULL), TW_ALREADY_EXISTS, "'F'");
    char *text;
    must(tw_graph_export_text(graph, &text));
    assert_non_null(strstr(text, "name: \"F\""));
    assert_non_null(strstr(text, "name: \"G\""));
    assert_null(strstr(strstr(text, "name: \"F\"") + 1, "name: \"F\""));
    tw_free(text);
    tw_graph_unref(graph);
}

static void a_changed_attribute_of_an_imported_node_is_written_as_changed(void **state)
{
    (void)state;
    tw_graph *graph = from_text("node { name: 'a' op: 'Strange' "
                                "  attr { key: 'x' value { shape { dim { size: 2 name: 'n' } } } }"
                                "  attr { key: 'y' value { i: 1 } } }");
    tw_attr y = {.name = "y", .kind = TW_ATTR_INT}, z = {.name = "z", .kind = TW_ATTR_BOOL};
    y.value.i = 5;
    must(tw_operation_set_attr(tw_graph_operation(graph, "a"), &y));
    must(tw_operation_set_attr(tw_graph_operation(graph, "a"), &z));
    char *text;
    must(tw_graph_export_text(graph, &text));
    assert_non_null(strstr(text, "name: \"n\""));
    assert_non_null(strstr(text, "i: 5"));
    assert_non_null(strstr(text, "key: \"z\""));
    assert_null(strstr(text, "i: 1"));
    tw_free(text);
    tw_graph_unref(graph);
}

static void what_is_built_here_is_read_back(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new(), *copy = NULL;
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE(-1, 3));
    add_named(graph, "MatMul", "y", (tw_tensor[]){x, x}, 2);
    const char *paths[] = {"graph_def_test.pb", "graph_def_test.pbtxt"};
    for (int i = 0; i < 2; i++) {
        must(tw_graph_save(graph, paths[i]));
        must(tw_graph_load(paths[i], &copy));
        assert_int_equal(tw_graph_operation_count(copy), 2);
        assert_shape(tw_operation_output(tw_graph_operation(copy, "x"), 0), "(?, 3)");
        char *a, *b;
        must(tw_graph_export_text(graph, &a));
        must(tw_graph_export_text(copy, &b));
        assert_string_equal(a, b);
        tw_free(a);
        tw_free(b);
        tw_graph_unref(copy);
        remove(paths[i]);
    }
    MUST_FAIL(tw_graph_load("graph_def_test.pb", &copy), TW_NOT_FOUND, "graph_def_test.pb");
    tw_graph_unref(graph);
}

static void attributes_of_every_kind_come_back(void **state)
{
    (void)state;
    int64_t ints[] = {1, -2};
    float floats[] = {0.5f, -0.0f};
    bool bools[] = {true, false};
    tw_bytes texts[] = {{"a\0b", 3}, {"", 0}};
    tw_dtype types[] = {TW_INT8, TW_REF + TW_FLOAT32};
    tw_shape shapes[] = {TW_SHAPE(2, -1), TW_UNKNOWN_SHAPE, TW_SHAPE()};
    tw_attr inner = {.name = "T", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT16};
    tw_func funcs[] = {{"f", &inner, 1}, {"g", NULL, 0}};
    tw_array *arrays[] = {tw_array_scalar(TW_INT64, -5), tw_array_new(TW_STRING, TW_SHAPE(2))};
    tw_attr attrs[] = {
        {"i", TW_ATTR_INT, false, 0, {.i = INT64_MIN}},
        {"f", TW_ATTR_FLOAT, false, 0, {.f = 1e-30f}},
        {"b", TW_ATTR_BOOL, false, 0, {.b = true}},
        {"s", TW_ATTR_STRING, false, 0, {.s = {"x\0y", 3}}},
        {"type", TW_ATTR_TYPE, false, 0, {.type = TW_COMPLEX128}},
        {"shape", TW_ATTR_SHAPE, false, 0, {.shape = {NULL, 0}}},
        {"tensor", TW_ATTR_TENSOR, false, 0, {.tensor = arrays[0]}},
        {"func", TW_ATTR_FUNC, false, 0, {.func = {"h", &inner, 1}}},
        {"hole", TW_ATTR_PLACEHOLDER, false, 0, {.s = {"N", 1}}},
        {"none", TW_ATTR_NONE, false, 0, {.i = 0}},
        {"li", TW_ATTR_INT, true, 2, {.items = ints}},
        {"lf", TW_ATTR_FLOAT, true, 2, {.items = floats}},
        {"lb", TW_ATTR_BOOL, true, 2, {.items = bools}},
        {"ls", TW_ATTR_STRING, true, 2, {.items = texts}},
        {"lt", TW_ATTR_TYPE, true, 2, {.items = types}},
        {"lsh", TW_ATTR_SHAPE, true, 3, {.items = shapes}},
        {"lte", TW_ATTR_TENSOR, true, 2, {.items = arrays}},
        {"lfu", TW_ATTR_FUNC, true, 2, {.items = funcs}},
    };
    enum { COUNT = sizeof attrs / sizeof *attrs };
    tw_graph *graph = tw_graph_new(), *copy = tw_graph_new();
    tw_operation *op = NULL, *back;
    tw_dtype none[1];
    tw_graph_add_args args = {.size = sizeof args,
                              .type = "Strange",
                              .attrs = attrs,
                              .attr_count = COUNT,
                              .output_dtypes = none};
    must(tw_graph_add(graph, &args, &op));
    char *bytes;
    size_t size;
    must(tw_graph_export(graph, &bytes, &size));
    must(tw_graph_import(copy, bytes, size, NULL));
    back = tw_graph_operation(copy, "Strange");
    assert_int_equal(tw_operation_attr_count(back), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        if (!tw_attr_equal(tw_operation_attr_at(back, i), &attrs[i]))
            fail_msg("%s is %s", attrs[i].name, tw_attr_text(tw_operation_attr_at(back, i)).s);
    }
    tw_free(bytes);
    tw_array_unref(arrays[0]);
    tw_array_unref(arrays[1]);
    tw_graph_unref(graph);
    tw_graph_unref(copy);
}

static void constants_of_every_dtype_come_back(void **state)
{
    (void)state;
    for (int dtype = TW_FLOAT32; dtype < TW_DTYPE_COUNT; dtype++) {
        if (dtype == TW_RESOURCE || dtype == TW_VARIANT)
            continue;
        for (int64_t count = 0; count < 4; count++) {
            tw_array *array = tw_array_new((tw_dtype)dtype, (tw_shape){&count, 1});
            assert_non_null(array);
            unsigned char *data = tw_array_data(array);
            for (size_t i = 0; dtype != TW_STRING && i < tw_array_bytes(array); i++)
                data[i] = dtype == TW_BOOL ? i % 2 : (unsigned char)(17 * i + 3);
            if (dtype == TW_STRING && count)
                must(tw_array_set_string(array, 0, "a longer text than twelve", 25));
            tw_graph *graph = tw_graph_new(), *copy = tw_graph_new();
            tw_attr attrs[2] = {{.name = "value", .kind = TW_ATTR_TENSOR},
                                {.name = "dtype", .kind = TW_ATTR_TYPE}};
            attrs[0].value.tensor = array;
            attrs[1].value.type = (tw_dtype)dtype;
            tw_operation *op = NULL;
            tw_graph_add_args args = {
                .size = sizeof args, .type = "Const", .attrs = attrs, .attr_count = 2};
            must(tw_graph_add(graph, &args, &op));
            char *text;
            must(tw_graph_export_text(graph, &text));
            must(tw_graph_import_text(copy, text, NULL));
            const tw_attr *back = tw_operation_attr(tw_graph_operation(copy, "Const"), "value");
            if (!tw_attr_equal(back, &attrs[0]))
                fail_msg("%s: %s", tw_dtype_name((tw_dtype)dtype), text);
            tw_free(text);
            tw_array_unref(array);
            tw_graph_unref(graph);
            tw_graph_unref(copy);
        }
    }
}

static void an_allocation_that_fails_adds_nothing(void **state)
{
    (void)state;
    size_t size, written_size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/while.pb", &size), *written;
    tw_graph *warm = tw_graph_new(); /* the registry keeps what it makes */
    must(tw_graph_import(warm, bytes, size, NULL));
    tw_graph_unref(warm);
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_graph *graph = tw_graph_new();
        if (!graph)
            continue;
        tw_status *status = tw_graph_import(graph, bytes, size, NULL);
        if (status)
            assert_int_equal(tw_graph_operation_count(graph), 0);
        else if (!tw_graph_export(graph, &written, &written_size))
            tw_free(written);
        tw_status_free(status);
        tw_graph_unref(graph);
        assert_int_equal(failing_allocator_live(), live);
    }
    free(bytes);
}

static void one_operation_and_one_attribute_can_be_written(void **state)
{
    (void)state;
    tw_graph *graph = tw_graph_new();
    tw_tensor x = add_placeholder(graph, "x", TW_FLOAT32, TW_SHAPE(2));
    tw_tensor y = add_named(graph, "Neg", "y", &x, 1);
    char *bytes, *whole;
    size_t size, whole_size;
    must(tw_operation_export(y.op, &bytes, &size));
    must(tw_graph_export(graph, &whole, &whole_size));
    bool found = false; /* the node stands in the graph as it stands alone */
    for (size_t i = 0; i + size <= whole_size; i++)
        found = found || memcmp(whole + i, bytes, size) == 0;
    assert_true(found);
    tw_free(bytes);
    tw_free(whole);
    must(tw_operation_export_attr(x.op, "dtype", &bytes, &size));
    assert_int_equal(size, 2); /* field 6, a number: 1 */
    assert_memory_equal(bytes, "\x30\x01", 2);
    tw_free(bytes);
    MUST_FAIL(tw_operation_export_attr(x.op, "nothing", &bytes, &size), TW_NOT_FOUND, "'x'",
              "nothing");
    MUST_FAIL(tw_operation_export(NULL, &bytes, &size), TW_INVALID_ARGUMENT, "operation", "");
    must(tw_graph_finalize(graph));
    tw_operation *op = NULL;
    tw_graph_add_args args = {.size = sizeof args, .type = "NoOp"};
    MUST_FAIL(tw_graph_add(graph, &args, &op), TW_FAILED_PRECONDITION, "finalized", "");
    tw_graph_unfinalize(graph);
    must(tw_graph_add(graph, &args, &op));
    tw_graph_unref(graph);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_graphs_come_back_byte_for_byte),
        cmocka_unit_test(golden_texts_come_back),
        cmocka_unit_test(one_operation_and_one_attribute_can_be_written),
        cmocka_unit_test(damaged_graphs_are_refused),
        cmocka_unit_test(every_cut_of_a_graph_gives_a_status_or_a_graph),
        cmocka_unit_test(every_flipped_byte_gives_a_status_or_a_graph),
        cmocka_unit_test(nodes_may_come_in_any_order_and_keep_it),
        cmocka_unit_test(a_cycle_names_its_nodes),
        cmocka_unit_test(bad_inputs_and_names_are_named),
        cmocka_unit_test(defaults_that_the_file_lacks_are_known_but_not_written),
        cmocka_unit_test(a_type_that_nobody_knows_is_kept_with_its_dtypes),
        cmocka_unit_test(a_function_of_the_library_gives_the_outputs_of_its_calls),
        cmocka_unit_test(a_prefix_stands_before_names_inputs_and_groups),
        cmocka_unit_test(imported_names_are_taken),
        cmocka_unit_test(the_last_value_of_a_tensor_stands_for_the_rest),
        cmocka_unit_test(tensors_that_cannot_be_are_refused),
        cmocka_unit_test(a_second_import_joins_the_libraries),
        cmocka_unit_test(a_changed_attribute_of_an_imported_node_is_written_as_changed),
        cmocka_unit_test(what_is_built_here_is_read_back),
        cmocka_unit_test(attributes_of_every_kind_come_back),
        cmocka_unit_test(constants_of_every_dtype_come_back),
        cmocka_unit_test(an_allocation_that_fails_adds_nothing),
    };
    return cmocka_run_group_tests_name("GraphDef", tests, NULL, NULL);
}
