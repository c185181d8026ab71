/* SPDX-License-Identifier: Apache-2.0
 * Messages as text: golden .pbtxt files mean their .pb files and come back byte for byte; what
 * Python's parser allows is allowed, and its errors are told with its places and words. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/golden_files.h"
#include "support/skip.h"
#include "wire/binary.h"
#include "wire/text_format.h"

static tw_message *must_read_n(tw_arena *arena, const tw_pb_type *type, const char *text,
                               size_t length)
{
    tw_message *m;
    tw_status *status = tw_text_read(arena, type, text, length, &m);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return m;
}

static tw_message *must_read(tw_arena *arena, const tw_pb_type *type, const char *text)
{
    return must_read_n(arena, type, text, strlen(text));
}

static void assert_writes(const tw_message *m, const char *expected)
{
    char *text;
    size_t length;
    assert_null(tw_text_write(m, &text, &length));
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    tw_free(text);
}

static void assert_refuses(const tw_pb_type *type, const char *text, const char *message)
{
    tw_arena arena = {0};
    tw_message *m;
    tw_status *status = tw_text_read(&arena, type, text, strlen(text), &m);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_string_equal(tw_status_message(status), message);
    assert_null(m);
    tw_status_free(status);
    tw_arena_clear(&arena);
}

static void text_is_its_binary(const char *path, void *type)
{
    tw_arena arena = {0};
    size_t length, size;
    char *text = golden_read(path, &length), binary_path[256];
    snprintf(binary_path, sizeof(binary_path), "%.*s", (int)(strlen(path) - 3), path);
    char *bytes = golden_read(binary_path, &size);
    tw_message *from_text = must_read_n(&arena, type, text, length), *from_bytes;
    assert_null(tw_binary_read(&arena, type, bytes, size, NULL, &from_bytes));
    assert_true(tw_message_equal(from_text, from_bytes));
    assert_true(tw_message_equal(from_bytes, from_text));
    assert_writes(from_text, text);
    assert_writes(from_bytes, text);
    tw_arena_clear(&arena);
    free(text);
    free(bytes);
}

static void golden_text_is_its_binary_and_comes_back_byte_for_byte(void **state)
{
    (void)state;
    tw_pb_type type = tw_pb_GraphDef;
    assert_int_equal(golden_each("files/tf-0.12.1/graphs", ".pbtxt", text_is_its_binary, &type), 8);
    assert_int_equal(golden_each("files/tf-1.15.5/graphs", ".pbtxt", text_is_its_binary, &type), 8);
}

static void the_text_of_a_saved_model_comes_back_byte_for_byte(void **state)
{
    (void)state;
    tw_arena arena = {0};
    size_t length;
    char *text = golden_read("files/tf-1.15.5/saved_model_text/saved_model.pbtxt", &length);
    assert_writes(must_read_n(&arena, &tw_pb_SavedModel, text, length), text);
    tw_arena_clear(&arena);
    free(text);
}

static void every_liberty_of_the_format_is_taken(void **state)
{
    (void)state;
    tw_arena arena = {0};
    size_t length;
    char *text = golden_read("files/tf-1.15.5/damaged/comments.pbtxt", &length);
    assert_writes(
        must_read_n(&arena, &tw_pb_GraphDef, text, length),
        "node {\n  name: \"x\"\n  op: \"NoOp\"\n}\nnode {\n  name: \"y\"\n  op: \"NoOp\"\n}\n");
    free(text);
    const char *list = "\r\nint_val: [1, -2, 0x1F, 017, - 5] # of many\nint_val: [] "
                       "tensor_shape: < dim [ {size: -1}, <> ] >,"
                       "bool_val:[t,f,1,0,true,false] dtype: 3;";
    assert_writes(must_read(&arena, &tw_pb_TensorProto, list),
                  "dtype: DT_INT32\ntensor_shape {\n  dim {\n    size: -1\n  }\n  dim {\n  }\n}\n"
                  "int_val: 1\nint_val: -2\nint_val: 31\nint_val: 15\nint_val: -5\n"
                  "bool_val: true\nbool_val: false\nbool_val: true\nbool_val: false\n"
                  "bool_val: true\nbool_val: false\n");
    assert_writes(must_read(&arena, &tw_pb_NodeDef, "name: 'a' name: 'b' # no line end"),
                  "name: \"b\"\n");
    assert_writes(must_read(&arena, &tw_pb_NodeDef, ""), "");
    tw_arena_clear(&arena);
}

static void numbers_are_read_and_written_as_python_does(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m = must_read(
        &arena, &tw_pb_TensorProto,
        "float_val: 0.1 float_val: 1e-8 float_val: 16777216 float_val: 1.5f float_val: inf "
        "float_val: -Infinity float_val: nan float_val: -.5 float_val: 1e+30 float_val: -0.0 "
        "float_val: - 2 float_val: 1e400 float_val: -inff float_val: 3.");
    assert_writes(
        m,
        "float_val: 0.10000000149011612\nfloat_val: 9.99999993922529e-09\nfloat_val: 16777216.0\n"
        "float_val: 1.5\nfloat_val: inf\nfloat_val: -inf\nfloat_val: nan\nfloat_val: -0.5\n"
        "float_val: 1.0000000150474662e+30\nfloat_val: -0.0\nfloat_val: -2.0\nfloat_val: inf\n"
        "float_val: -inf\nfloat_val: 3.0\n");
    m = must_read(&arena, &tw_pb_TensorProto,
                  "double_val: 0.1 double_val: 1e16 double_val: 123456789.125 "
                  "double_val: 4.9406564584124654e-324");
    assert_writes(
        m, "double_val: 0.1\ndouble_val: 1e+16\ndouble_val: 123456789.125\ndouble_val: 5e-324\n");
    m = must_read(
        &arena, &tw_pb_TensorProto,
        "int64_val: -9223372036854775808 uint64_val: 18446744073709551615 uint32_val: 4294967295 "
        "int64_val: 9223372036854775807 int_val: -2147483648");
    assert_writes(
        m, "int_val: -2147483648\nint64_val: -9223372036854775808\nint64_val: 9223372036854775807\n"
           "uint32_val: 4294967295\nuint64_val: 18446744073709551615\n");
    tw_arena_clear(&arena);
}

static void strings_are_escaped_and_joined(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m = must_read(&arena, &tw_pb_TensorProto,
                              "string_val: 'a\\n\\r\\t\\\"\\'\\\\' \"\\a\\b\\f\\v\\?\"\n "
                              "'\\0011\\x41g\\xff\\7' string_val: '\x80'");
    assert_true(tw_span_equal(tw_message_span_at(m, TW_PB_TensorProto_string_val, 0),
                              (tw_span){"a\n\r\t\"'\\\a\b\f\v?\0011Ag\xff\7", 18}));
    assert_writes(m, "string_val: \"a\\n\\r\\t\\\"\\'\\\\"
                     "\\007\\010\\014\\013?\\0011Ag\\377\\007\"\nstring_val: \"\\200\"\n");
    m = must_read(&arena, &tw_pb_NodeDef, "name: '\xc3\xa9' op: '\\303\\251'");
    assert_writes(m, "name: \"\\303\\251\"\nop: \"\\303\\251\"\n");
    tw_arena_clear(&arena);
}

static void maps_are_written_in_order_of_their_keys(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m = must_read(
        &arena, &tw_pb_FunctionDef,
        "ret { key: 'b' value: '1' } ret { key: 'a' value: '2' } ret { key: 'b' value: '3' } "
        "arg_attr { key: 10 value { } } arg_attr { key: 9 }");
    assert_writes(
        m, "ret {\n  key: \"a\"\n  value: \"2\"\n}\nret {\n  key: \"b\"\n  value: \"3\"\n}\n"
           "arg_attr {\n  key: 9\n  value {\n  }\n}\narg_attr {\n  key: 10\n  value {\n  }\n}\n");
    tw_arena_clear(&arena);
}

static void enums_are_open(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_message *m = must_read(&arena, &tw_pb_ListValue,
                              "type: DT_FLOAT_REF type: 77 type: DT_HALF type: 23");
    assert_writes(m, "type: DT_FLOAT_REF\ntype: 77\ntype: DT_HALF\ntype: DT_UINT64\n");
    tw_arena_clear(&arena);
}

static void errors_say_the_line_the_column_and_what_is_wrong(void **state)
{
    (void)state;
    const tw_pb_type *graph = &tw_pb_GraphDef, *tensor = &tw_pb_TensorProto, *node = &tw_pb_NodeDef;
    assert_refuses(graph, "node {\n  name 'x'\n}", "2:8 : Expected \":\".");
    assert_refuses(graph, "node: 3", "1:7 : Expected \"{\".");
    assert_refuses(graph, "node { name: 'x'", "1:14 : Expected \"}\".");
    assert_refuses(graph, "node < name: 'x' }", "1:18 : Expected identifier, got }.");
    assert_refuses(graph, "node [ {} ", "1:11 : Expected \"]\".");
    assert_refuses(graph, "[a.b] { }", "1:1 : Expected identifier, got [.");
    assert_refuses(tensor, "int_val: 2147483648", "1:10 : Value out of range: 2147483648");
    assert_refuses(tensor, "int_val: -2147483649", "1:10 : Value out of range: -2147483649");
    assert_refuses(tensor, "uint32_val: -1", "1:13 : Value out of range: -1");
    assert_refuses(tensor, "int64_val: 18446744073709551616",
                   "1:12 : Value out of range: 18446744073709551616");
    assert_refuses(tensor, "int_val: 1.5", "1:10 : Couldn't parse integer: 1.5");
    assert_refuses(tensor, "int_val: 089", "1:10 : Couldn't parse integer: 089");
    assert_refuses(tensor, "int_val: 0x", "1:10 : Couldn't parse integer: 0x");
    assert_refuses(tensor, "int_val: - -1", "1:12 : Couldn't parse integer: --1");
    assert_refuses(tensor, "int_val: x", "1:10 : Couldn't parse integer: x");
    assert_refuses(tensor, "float_val: 1.2.3", "1:12 : Couldn't parse float: 1.2.3");
    assert_refuses(tensor, "float_val: 0x10", "1:12 : Couldn't parse float: 0x10");
    assert_refuses(tensor, "float_val: 1e", "1:12 : Couldn't parse float: 1e");
    assert_refuses(tensor, "float_val: 'x'", "1:12 : Couldn't parse float: 'x'");
    assert_refuses(tensor, "bool_val: 2", "1:11 : Expected \"true\" or \"false\", found \"2\".");
    assert_refuses(tensor, "bool_val:", "1:10 : Expected \"true\" or \"false\", found \"\".");
    assert_refuses(node, "name: x", "1:7 : Expected string but found: x");
    assert_refuses(node, "name: 'a\\q'", "1:9 : Invalid escape sequence in string.");
    assert_refuses(node, "name: 'a\\400'", "1:9 : Invalid escape sequence in string.");
    assert_refuses(node, "name: '\\x'", "1:8 : Invalid escape sequence in string.");
    assert_refuses(node, "name: 'a\nb'", "1:7 : String missing ending quote: 'a");
    assert_refuses(node, "name: 'a\\", "1:7 : String missing ending quote: 'a\\");
    assert_refuses(node, "name: '\\377'", "1:7 : The text of field \"name\" is not UTF-8.");
    assert_refuses(node, "\x01", "1:1 : Expected identifier, got ?.");
    assert_refuses(node, "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee: 1",
                   "1:1 : Message type \"tensorflow.NodeDef\" has no field named "
                   "\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...\".");
}

/* The words after "L:C : " that TensorFlow's parser and this one share, cut off where Python shows
 * the line. */
static void damaged_text_gets_tensorflows_verdict(const char *path, void *arg)
{
    (void)arg;
    char verdict_path[256], expected[16] = "";
    tw_arena arena = {0};
    size_t length, unused;
    snprintf(verdict_path, sizeof(verdict_path), "%s.txt", path);
    char *text = golden_read(path, &length), *verdict = golden_read(verdict_path, &unused);
    tw_message *m;
    tw_status *status = tw_text_read(&arena, &tw_pb_GraphDef, text, length, &m);
    const char *error = strstr(verdict, "error ParseError \"");
    assert_true((status != NULL) == (error != NULL));
    if (error) {
        error += strlen("error ParseError \"");
        memcpy(expected, error, strcspn(error, " ") + 3);
        /* 0.12.1 and 1.15.5 see different halves of a file, hence the place; the field and enum are
         * named too. */
        if (strncmp(tw_status_message(status), expected, strlen(expected)) != 0)
            fail_msg("%s: %s, not %s", path, tw_status_message(status), expected);
        const char *words = strstr(error, "Enum type")      ? "Enum type"
                            : strstr(error, "Message type") ? "Message type"
                            : strstr(error, "Expected")     ? "Expected"
                                                            : "String missing ending quote";
        assert_non_null(strstr(tw_status_message(status), words));
    } else {
        assert_non_null(strstr(verdict, "answer \"nodes 2\""));
        assert_int_equal(tw_message_count(m, TW_PB_GraphDef_node), 2);
    }
    tw_status_free(status);
    tw_arena_clear(&arena);
    free(text);
    free(verdict);
}

static void damaged_files_get_tensorflows_verdict_and_place(void **state)
{
    (void)state;
    assert_int_equal(golden_each("files/tf-0.12.1/damaged", ".pbtxt",
                                 damaged_text_gets_tensorflows_verdict, NULL),
                     5);
    assert_int_equal(golden_each("files/tf-1.15.5/damaged", ".pbtxt",
                                 damaged_text_gets_tensorflows_verdict, NULL),
                     5);
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "German"};
    bool found = false;
    for (size_t i = 0; i < sizeof(locales) / sizeof(*locales) && !found; i++)
        found = setlocale(LC_NUMERIC, locales[i]) != NULL;
    if (!found)
        skip_because("no German or French locale is installed");
    tw_arena arena = {0};
    assert_writes(must_read(&arena, &tw_pb_TensorProto, "float_val: 1.5"), "float_val: 1.5\n");
    tw_arena_clear(&arena);
    setlocale(LC_NUMERIC, "C");
}

static void text_deeper_than_100_levels_is_refused_both_ways(void **state)
{
    (void)state;
    char text[8192];
    for (int levels = 24; levels <= 26; levels++) {
        tw_arena arena = {0};
        size_t n = 0;
        /* Four levels a turn: attr, value, list and func; the first turn's `attr` is level 1. */
        for (int i = 0; i < levels; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "attr{value{list{func{");
        for (int i = 0; i < levels; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "}}}}");
        tw_message *m;
        tw_status *status = tw_text_read(&arena, &tw_pb_NameAttrList, text, n, &m);
        assert_int_equal(tw_status_code(status), levels <= 25 ? TW_CODE_OK : TW_INVALID_ARGUMENT);
        tw_status_free(status);
        tw_message *top = tw_message_new(&arena, &tw_pb_NameAttrList), *at = top;
        for (int i = 0; i < levels; i++) {
            at = tw_message_add_child(tw_message_add_entry(at, TW_PB_NameAttrList_attr, "", 0),
                                      TW_PB_AttrValue_list);
            at = tw_message_add_child(at, TW_PB_ListValue_func);
        }
        char *out;
        size_t size;
        status = tw_text_write(top, &out, &size);
        assert_int_equal(tw_status_code(status), levels <= 25 ? TW_CODE_OK : TW_INVALID_ARGUMENT);
        tw_status_free(status);
        tw_free(out);
        status = tw_binary_write(top, &out, &size);
        assert_int_equal(tw_status_code(status), levels <= 25 ? TW_CODE_OK : TW_INVALID_ARGUMENT);
        tw_status_free(status);
        tw_free(out);
        tw_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_text_is_its_binary_and_comes_back_byte_for_byte),
        cmocka_unit_test(the_text_of_a_saved_model_comes_back_byte_for_byte),
        cmocka_unit_test(every_liberty_of_the_format_is_taken),
        cmocka_unit_test(numbers_are_read_and_written_as_python_does),
        cmocka_unit_test(strings_are_escaped_and_joined),
        cmocka_unit_test(maps_are_written_in_order_of_their_keys),
        cmocka_unit_test(enums_are_open),
        cmocka_unit_test(errors_say_the_line_the_column_and_what_is_wrong),
        cmocka_unit_test(damaged_files_get_tensorflows_verdict_and_place),
        cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
        cmocka_unit_test(text_deeper_than_100_levels_is_refused_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
