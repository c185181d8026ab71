/* SPDX-License-Identifier: Apache-2.0
 * Binary messages: the golden graphs come back byte for byte, and the rules of the encoding hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_files.h"
#include "wire/binary.h"

/* Bytes of a string literal with escapes, NULs included. */
#define BYTES(literal) (literal), (sizeof(literal) - 1)

static tw_message *must_read(tw_arena *arena, const tw_pb_type *type, const char *bytes,
                             size_t size)
{
    tw_message *m;
    tw_status *status = tw_binary_read(arena, type, bytes, size, NULL, &m);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return m;
}

static void assert_writes(const tw_message *m, const char *expected, size_t expected_size)
{
    char *bytes;
    size_t size;
    assert_null(tw_binary_write(m, &bytes, &size));
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    tw_free(bytes);
}

static void comes_back(const char *path, void *type)
{
    tw_arena arena = {0};
    size_t size;
    char *bytes = golden_read(path, &size);
    assert_writes(must_read(&arena, type, bytes, size), bytes, size);
    tw_arena_clear(&arena);
    free(bytes);
}

static void golden_graphs_come_back_byte_for_byte(void **state)
{
    (void)state;
    tw_pb_type type = tw_pb_GraphDef;
    assert_int_equal(golden_each("files/tf-0.12.1/graphs", ".pb", comes_back, &type), 9);
    assert_int_equal(golden_each("files/tf-1.15.5/graphs", ".pb", comes_back, &type), 9);
}

static void a_saved_model_comes_back_byte_for_byte(void **state)
{
    (void)state;
    tw_pb_type type = tw_pb_SavedModel;
    comes_back("files/tf-1.15.5/saved_model/saved_model.pb", &type);
}

static void the_tree_of_a_graph_has_its_nodes_and_attributes(void **state)
{
    (void)state;
    tw_arena arena = {0};
    size_t size;
    char *bytes = golden_read("files/tf-1.15.5/graphs/function.pb", &size);
    tw_message *graph = must_read(&arena, &tw_pb_GraphDef, bytes, size);
    const tw_message *x = tw_message_child_at(graph, TW_PB_GraphDef_node, 0);
    assert_true(tw_span_is(tw_message_span(x, TW_PB_NodeDef_name), "x"));
    assert_true(tw_span_is(tw_message_span(x, TW_PB_NodeDef_op), "Placeholder"));
    const tw_message *dtype = tw_message_entry(x, TW_PB_NodeDef_attr, "dtype", 5);
    assert_int_equal(tw_message_which(dtype, 1), TW_PB_AttrValue_type);
    assert_int_equal(tw_message_int(dtype, TW_PB_AttrValue_type), 1);
    const tw_message *shape = tw_message_entry(x, TW_PB_NodeDef_attr, "shape", 5);
    shape = tw_message_child(shape, TW_PB_AttrValue_shape);
    const tw_message *dim = tw_message_child_at(shape, TW_PB_TensorShapeProto_dim, 0);
    assert_int_equal(tw_message_int(dim, TW_PB_Dim_size), 2);
    assert_null(tw_message_entry(x, TW_PB_NodeDef_attr, "none", 4));
    const tw_message *library = tw_message_child(graph, TW_PB_GraphDef_library);
    assert_true(tw_message_count(library, TW_PB_FunctionDefLibrary_function) > 0);
    tw_arena_clear(&arena);
    free(bytes);
}

static void packed_and_single_numbers_are_read_alike(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *packed = must_read(&arena, &tw_pb_TensorProto, BYTES("\x3a\x04\x01\xac\x02\x03"));
    tw_message *single = must_read(&arena, &tw_pb_TensorProto,
                                   BYTES("\x38\x01\x3a\x02\xac\x02\x38\x03"));
    size_t n;
    const int64_t *values = tw_message_ints(single, TW_PB_TensorProto_int_val, &n);
    assert_int_equal(n, 3);
    assert_int_equal(values[1], 300);
    assert_true(tw_message_equal(packed, single));
    assert_writes(single, BYTES("\x3a\x04\x01\xac\x02\x03"));
    /* string_val is not packed, and [packed] of a text is no such thing. */
    tw_message *floats = must_read(&arena, &tw_pb_TensorProto,
                                   BYTES("\x2d\x00\x00\x80\x3f\x2a\x04\x00\x00\x00\x40"));
    assert_writes(floats, BYTES("\x2a\x08\x00\x00\x80\x3f\x00\x00\x00\x40"));
    tw_arena_clear(&arena);
}

static void negative_numbers_take_ten_bytes_and_wide_ones_are_cut_to_the_kind(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m = tw_message_new(&arena, &tw_pb_VersionDef);
    assert_true(tw_message_add_int(m, TW_PB_VersionDef_producer, -1));
    assert_writes(m, BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    m = must_read(&arena, &tw_pb_VersionDef, BYTES("\x08\xff\xff\xff\xff\x0f"));
    assert_int_equal(tw_message_int(m, TW_PB_VersionDef_producer), -1);
    m = must_read(&arena, &tw_pb_TensorProto,
                  BYTES("\x5a\x02\x00\x05\x82\x01\x05\xff\xff\xff\xff\x1f"));
    assert_int_equal(tw_message_int_at(m, TW_PB_TensorProto_bool_val, 1), 1);
    assert_true(tw_message_int(m, TW_PB_TensorProto_uint32_val) == UINT32_MAX);
    tw_arena_clear(&arena);
}

static void a_singular_field_keeps_the_last_value_and_merges_messages(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *node = must_read(&arena, &tw_pb_NodeDef, BYTES("\x0a\x01x\x0a\x01y"));
    assert_writes(node, BYTES("\x0a\x01y"));
    tw_message *graph = must_read(&arena, &tw_pb_GraphDef,
                                  BYTES("\x22\x02\x08\x05\x22\x02\x10\x07"));
    assert_writes(graph, BYTES("\x22\x04\x08\x05\x10\x07"));
    /* A later member of a oneof drops the earlier. */
    tw_message *value = must_read(&arena, &tw_pb_AttrValue, BYTES("\x18\x05\x28\x00"));
    assert_int_equal(tw_message_which(value, 1), TW_PB_AttrValue_b);
    assert_writes(value, BYTES("\x28\x00"));
    tw_arena_clear(&arena);
}

static void of_equal_keys_of_a_map_the_last_stays(void **state)
{
    (void)state;
    tw_arena arena = {0};
    char bytes[40 * 9];
    size_t size = 0;
    for (int i = 0; i < 40; i++) {
        char entry[] = "\x2a\x07\x0a\x01k\x12\x02\x18\x01";
        entry[4] = (char)('a' + i % 20);
        entry[8] = (char)i;
        memcpy(bytes + size, entry, 9);
        size += 9;
    }
    tw_message *node = must_read(&arena, &tw_pb_NodeDef, bytes, size);
    assert_int_equal(tw_message_count(node, TW_PB_NodeDef_attr), 20);
    assert_int_equal(
        tw_message_int(tw_message_entry(node, TW_PB_NodeDef_attr, "c", 1), TW_PB_AttrValue_i), 22);
    node = must_read(&arena, &tw_pb_NodeDef, bytes, 9);
    tw_message *twice = must_read(
        &arena, &tw_pb_NodeDef,
        BYTES("\x2a\x07\x0a\x01\x61\x12\x02\x18\x05\x2a\x07\x0a\x01\x61\x12\x02\x18\x00"));
    assert_true(tw_message_equal(node, twice));
    /* Key and value of an entry are always written. */
    assert_writes(must_read(&arena, &tw_pb_NodeDef, BYTES("\x2a\x00")),
                  BYTES("\x2a\x04\x0a\x00\x12\x00"));
    tw_arena_clear(&arena);
}

static void unknown_fields_are_kept_and_written_last(void **state)
{
    (void)state;
    tw_arena arena = {0};
    /* Field 100 as a varint, field 101 as a group with a nested one, field 2 (a text) with the
     * wrong wire type. */
    tw_message *node = must_read(&arena, &tw_pb_NodeDef,
                                 BYTES("\xa0\x06\x05\x0a\x01x\xab\x06\x08\x01\x13\x0d"
                                       "abcd"
                                       "\x14\xac\x06\x10\x07"));
    assert_writes(node, BYTES("\x0a\x01x\xa0\x06\x05\xab\x06\x08\x01\x13\x0d"
                              "abcd"
                              "\x14\xac\x06\x10\x07"));
    tw_arena other = {0};
    tw_message *copy = tw_message_new(&other, &tw_pb_NodeDef);
    assert_true(tw_message_merge(copy, node));
    assert_true(tw_message_equal(copy, node));
    tw_arena_clear(&arena);
    assert_writes(copy, BYTES("\x0a\x01x\xa0\x06\x05\xab\x06\x08\x01\x13\x0d"
                              "abcd"
                              "\x14\xac\x06\x10\x07"));
    tw_arena_clear(&other);
}

static void implicit_defaults_are_not_written_but_those_of_a_oneof_are(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *dim = must_read(&arena, &tw_pb_Dim, BYTES("\x08\x00\x12\x00"));
    assert_false(tw_message_has(dim, TW_PB_Dim_size));
    assert_writes(dim, BYTES(""));
    assert_true(tw_message_equal(dim, tw_message_new(&arena, &tw_pb_Dim)));
    tw_message *value = must_read(&arena, &tw_pb_AttrValue, BYTES("\x25\x00\x00\x00\x00"));
    assert_true(tw_message_has(value, TW_PB_AttrValue_f));
    assert_writes(value, BYTES("\x25\x00\x00\x00\x00"));
    assert_false(tw_message_equal(value, tw_message_new(&arena, &tw_pb_AttrValue)));
    tw_arena_clear(&arena);
}

/* A NodeDef with every sort of adder, as graph export makes one. */
static tw_message *built_node(tw_arena *arena)
{
    tw_message *node = tw_message_new(arena, &tw_pb_NodeDef);
    assert_true(tw_message_add_text(node, TW_PB_NodeDef_op, "Const"));
    assert_true(tw_message_add_text(node, TW_PB_NodeDef_name, "c"));
    tw_message *value = tw_message_add_entry(node, TW_PB_NodeDef_attr, "value", 5);
    tw_message *tensor = tw_message_add_child(value, TW_PB_AttrValue_tensor);
    const float floats[] = {1.5f, -2};
    const double doubles[] = {0.25};
    const int64_t ints[] = {7, -7, INT64_MAX};
    assert_true(tw_message_add_int(tensor, TW_PB_TensorProto_dtype, 1));
    assert_true(tw_message_add_floats(tensor, TW_PB_TensorProto_float_val, floats, 2));
    assert_true(tw_message_add_number(tensor, TW_PB_TensorProto_float_val, 3));
    assert_true(tw_message_add_doubles(tensor, TW_PB_TensorProto_double_val, doubles, 1));
    assert_true(tw_message_add_number(tensor, TW_PB_TensorProto_double_val, -0.5));
    assert_true(tw_message_add_ints(tensor, TW_PB_TensorProto_int64_val, ints, 3));
    assert_true(tw_message_add_span(tensor, TW_PB_TensorProto_string_val, "a\0b", 3));
    assert_true(tw_message_add_borrowed(tensor, TW_PB_TensorProto_string_val, NULL, 0));
    return node;
}

static void what_is_built_is_what_is_read_back(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *node = built_node(&arena);
    char *bytes;
    size_t size, n;
    assert_null(tw_binary_write(node, &bytes, &size));
    tw_message *back = must_read(&arena, &tw_pb_NodeDef, bytes, size);
    assert_true(tw_message_equal(node, back));
    const tw_message *tensor = tw_message_child(
        tw_message_entry(back, TW_PB_NodeDef_attr, "value", 5), TW_PB_AttrValue_tensor);
    assert_true(tw_message_floats(tensor, TW_PB_TensorProto_float_val, &n)[2] == 3 && n == 3);
    assert_true(tw_message_doubles(tensor, TW_PB_TensorProto_double_val, &n)[1] == -0.5 && n == 2);
    assert_true(tw_message_number(tensor, TW_PB_TensorProto_double_val) == -0.5);
    assert_true(tw_message_ints(tensor, TW_PB_TensorProto_int64_val, &n)[2] == INT64_MAX && n == 3);
    assert_true(tw_span_equal(tw_message_span_at(tensor, TW_PB_TensorProto_string_val, 0),
                              (tw_span){"a\0b", 3}));
    tw_message_spans(tensor, TW_PB_TensorProto_string_val, &n);
    assert_int_equal(n, 2);
    /* The same entry, not a second one. */
    assert_ptr_equal(tw_message_add_entry(back, TW_PB_NodeDef_attr, "value", 5),
                     tw_message_entry(back, TW_PB_NodeDef_attr, "value", 5));
    tw_message_clear(back, TW_PB_NodeDef_attr);
    assert_int_equal(tw_message_count(back, TW_PB_NodeDef_attr), 0);
    assert_false(tw_message_equal(node, back));
    tw_arena_clear(&arena);
    tw_free(bytes);
}

static void misuse_gives_defaults_and_false(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *node = built_node(&arena);
    assert_false(tw_message_add_int(node, TW_PB_NodeDef_name, 1));
    assert_false(tw_message_add_text(node, 99, "x"));
    assert_false(tw_message_add_text(NULL, TW_PB_NodeDef_name, "x"));
    assert_null(tw_message_add_child(node, TW_PB_NodeDef_name));
    assert_null(tw_message_add_entry(NULL, TW_PB_NodeDef_attr, "x", 1));
    assert_int_equal(tw_message_int(node, TW_PB_NodeDef_name), 0);
    assert_int_equal(tw_message_span(node, TW_PB_NodeDef_attr).size, 0);
    assert_null(tw_message_child(NULL, TW_PB_NodeDef_attr));
    assert_int_equal(tw_message_span_at(node, TW_PB_NodeDef_input, 3).size, 0);
    assert_false(tw_message_merge(node, tw_message_new(&arena, &tw_pb_GraphDef)));
    tw_arena_clear(&arena);
}

static void merging_appends_replaces_and_merges(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *a = must_read(&arena, &tw_pb_NodeDef,
                              BYTES("\x0a\x01x\x1a\x01p\x2a\x07\x0a\x01k\x12\x02\x18\x05"));
    tw_message *b = must_read(&arena, &tw_pb_NodeDef,
                              BYTES("\x0a\x01y\x1a\x01q\x2a\x07\x0a\x01k\x12\x02\x28\x01"));
    assert_true(tw_message_merge(a, b));
    assert_writes(a, BYTES("\x0a\x01y\x1a\x01p\x1a\x01q\x2a\x07\x0a\x01k\x12\x02\x28\x01"));
    tw_arena_clear(&arena);
}

static void maps_are_equal_in_any_order(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *a = tw_message_new(&arena, &tw_pb_FunctionDef),
               *b = tw_message_new(&arena, &tw_pb_FunctionDef);
    static const char *const keys[] = {"p", "q", "r", "s"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(tw_message_set_text_entry(a, TW_PB_FunctionDef_ret, keys[i], keys[3 - i]));
        assert_true(tw_message_set_text_entry(b, TW_PB_FunctionDef_ret, keys[3 - i], keys[i]));
    }
    assert_true(tw_message_equal(a, b));
    tw_span value;
    assert_true(tw_message_text_entry(a, TW_PB_FunctionDef_ret, "p", 1, &value));
    assert_true(tw_span_is(value, "s"));
    assert_false(tw_message_text_entry(a, TW_PB_FunctionDef_ret, "t", 1, &value));
    assert_int_equal(value.size, 0);
    assert_true(tw_message_set_text_entry(b, TW_PB_FunctionDef_ret, "q", "other"));
    assert_int_equal(tw_message_count(b, TW_PB_FunctionDef_ret), 4);
    assert_false(tw_message_equal(a, b));
    tw_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_graphs_come_back_byte_for_byte),
        cmocka_unit_test(a_saved_model_comes_back_byte_for_byte),
        cmocka_unit_test(the_tree_of_a_graph_has_its_nodes_and_attributes),
        cmocka_unit_test(packed_and_single_numbers_are_read_alike),
        cmocka_unit_test(negative_numbers_take_ten_bytes_and_wide_ones_are_cut_to_the_kind),
        cmocka_unit_test(a_singular_field_keeps_the_last_value_and_merges_messages),
        cmocka_unit_test(of_equal_keys_of_a_map_the_last_stays),
        cmocka_unit_test(unknown_fields_are_kept_and_written_last),
        cmocka_unit_test(implicit_defaults_are_not_written_but_those_of_a_oneof_are),
        cmocka_unit_test(what_is_built_is_what_is_read_back),
        cmocka_unit_test(misuse_gives_defaults_and_false),
        cmocka_unit_test(merging_appends_replaces_and_merges),
        cmocka_unit_test(maps_are_equal_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
