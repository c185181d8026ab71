/* SPDX-License-Identifier: Apache-2.0
 * The signature language: what parses and to what, and what the errors say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "op/attr.h"
#include "support/failing_allocator.h"
#include "tensor/array.h"

static tw_arena arena;

static struct tw_op parse(const char *text)
{
    struct tw_op op = {.name = "Test"};
    tw_status *status = tw_signature_parse(text, &arena, &op);
    if (status)
        fail_msg("%s: %s", text, tw_status_message(status));
    return op;
}

static int clear(void **state)
{
    (void)state;
    tw_arena_clear(&arena);
    return 0;
}

static void inputs_outputs_and_attributes_are_linked(void **state)
{
    (void)state;
    struct tw_op op = parse("concat_dim: int32, values: N * T, rest: Ref(T), all: Tall -> out: T, "
                            "outs: N * T, flow: Ref(float); N: int >= 2; T: type; "
                            "Tall: list(type) >= 1; k: int = -3");
    assert_int_equal(op.input_count, 4);
    assert_int_equal(op.output_count, 3);
    assert_int_equal(op.attr_count, 4);
    assert_int_equal(op.inputs[0].type, TW_INT32);
    assert_null(op.inputs[0].type_attr);
    assert_string_equal(op.inputs[1].number_attr, "N");
    assert_string_equal(op.inputs[1].type_attr, "T");
    assert_true(op.inputs[2].is_ref);
    assert_string_equal(op.inputs[3].type_list_attr, "Tall");
    assert_null(op.inputs[3].type_attr);
    assert_true(op.outputs[2].is_ref && op.outputs[2].type == TW_FLOAT32);
    assert_true(op.attrs[0].inferred && op.attrs[1].inferred && op.attrs[2].inferred);
    assert_false(op.attrs[3].inferred);
    assert_true(op.attrs[0].has_minimum && op.attrs[0].minimum == 2);
    assert_int_equal(op.attrs[3].default_value.value.i, -3);
}

static void defaults_of_every_kind_are_read(void **state)
{
    (void)state;
    struct tw_op op = parse(
        "-> ; i: int >= -1 = 7; f: float = -2.5e-3; b: bool = true; s: string = \"a\\n\\\"b\"; "
        "t: type = double; h: shape = [2, -1]; u: shape = ?; "
        "v: tensor = uint8 [4] (255, 0, 0, 255); "
        "li: list(int) = [1, -2]; lf: list(float) = [0.75, 1.33]; ls: list(string) = [\"x\", 'y']; "
        "lt: list({int32, float}) >= 0 = [float]; lh: list(shape) = [[], [3]]; e: list(int) = []; "
        "inf: float = -inf");
    const tw_op_attr *a = op.attrs;
    assert_int_equal(op.attr_count, 15);
    assert_int_equal(a[0].default_value.value.i, 7);
    assert_true(a[1].default_value.value.f == -2.5e-3f);
    assert_true(a[2].default_value.value.b);
    assert_memory_equal(a[3].default_value.value.s.data, "a\n\"b", 4);
    assert_int_equal(a[3].default_value.value.s.length, 4);
    assert_int_equal(a[4].default_value.value.type, TW_FLOAT64);
    assert_true(tw_shape_equal(a[5].default_value.value.shape, TW_SHAPE(2, -1)));
    assert_false(tw_shape_known_rank(a[6].default_value.value.shape));
    assert_true(tw_array_get(a[7].default_value.value.tensor, 3) == 255);
    assert_string_equal(tw_attr_text(&a[8].default_value).s, "[1, -2]");
    assert_string_equal(tw_attr_text(&a[9].default_value).s, "[0.75, 1.33]");
    assert_string_equal(tw_attr_text(&a[10].default_value).s, "['x', 'y']");
    assert_string_equal(tw_attr_text(&a[11].default_value).s, "[float32]");
    assert_string_equal(tw_attr_text(&a[12].default_value).s, "[(), (3,)]");
    assert_true(a[13].has_default && a[13].default_value.list && a[13].default_value.count == 0);
    assert_string_equal(tw_attr_text(&a[14].default_value).s, "-inf");
    tw_attr_release(&a[7].default_value);
}

static void sets_of_types_and_strings_limit_an_attribute(void **state)
{
    (void)state;
    struct tw_op op = parse("x: T -> y: T; T: {realnumber, string, float}; U: number = int32; "
                            "p: {\"SAME\", \"VALID\"} = \"VALID\"");
    assert_int_equal(op.attrs[0].kind, TW_ATTR_TYPE);
    assert_int_equal(op.attrs[0].allowed_type_count, 13);
    assert_int_equal(op.attrs[0].allowed_types[12], TW_STRING);
    assert_int_equal(op.attrs[1].allowed_type_count, 17);
    assert_int_equal(op.attrs[2].kind, TW_ATTR_STRING);
    assert_int_equal(op.attrs[2].allowed_string_count, 2);
    assert_string_equal(op.attrs[2].allowed_strings[1], "VALID");
}

static void nothing_at_all_is_a_signature(void **state)
{
    (void)state;
    assert_int_equal(parse("->").attr_count, 0);
    assert_int_equal(parse("").attr_count, 0);
    assert_int_equal(parse(" -> x: float").output_count, 1);
    assert_int_equal(parse("; k: int").attr_count, 1);
}

static void errors_name_the_op_and_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"x: T", "expected \"->\""},
        {"x float -> ", "expected \":\""},
        {"x: -> y: T", "expected a name"},
        {"x: T -> y: T", "x: T is neither a dtype nor an attribute"},
        {"x: N * float -> ", "x: N is no int attribute"},
        {"x: k -> ; k: int", "x: k is no type attribute"},
        {"-> ; k: integer", "expected the kind of an attribute"},
        {"-> ; k: int = x", "expected an integer"},
        {"-> ; k: int = 99999999999999999999", "expected an integer"},
        {"-> ; k: float = .", "expected a number"},
        {"-> ; k: float = 1e40", "expected an exponent"},
        {"-> ; k: bool = 1", "expected true or false"},
        {"-> ; k: string = \"a", "a text without an end"},
        {"-> ; k: string = a", "expected a text in quotes"},
        {"-> ; k: type = floot", "floot is no dtype"},
        {"-> ; k: list(int) = [1 2]", "expected \",\""},
        {"-> ; k: func = f", "a func has no default"},
        {"-> ; k: float >= 1", "a minimum is for int and list"},
        {"-> ; k: int; k: int", "attribute k stands twice"},
        {"-> ; k: {float} = int32", "not in list of allowed values: float32"},
        {"-> ; k: {\"a\"} = \"b\"", "passed string 'b' not in: \"a\""},
        {"-> ; k: int >= 3 = 2", "passed 2 less than minimum 3"},
        {"-> ; k: tensor = float [2] (1)", "expected \",\""},
        {"-> ; k: tensor = string [1] (1)", "a tensor of numbers"},
        {"-> ; k: shape = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "at most 16 dimensions"},
        {"->; k: int x", "expected \";\" or the end"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tw_op op = {.name = "Test"};
        tw_status *status = tw_signature_parse(bad[i].text, &arena, &op);
        if (!status || !strstr(tw_status_message(status), bad[i].error))
            fail_msg("%s: %s", bad[i].text, tw_status_message(status));
        assert_int_equal(tw_status_kind(status),
                         strstr(bad[i].error, "allowed values") ? TW_KIND_TYPE : TW_KIND_VALUE);
        tw_status_free(status);
    }
    struct tw_op op = {.name = "Test"};
    tw_status *status = tw_signature_parse("x: float ->; k: intx", &arena, &op);
    assert_non_null(strstr(tw_status_message(status), "op Test"));
    assert_non_null(strstr(tw_status_message(status), "before \"intx\""));
    tw_status_free(status);
}

/* ---- all ops of TensorFlow 0.7.1 ---- */

static void replace(char *text, size_t size, const char *from, const char *to)
{
    char copy[4096];
    for (char *at = strstr(text, from); at; at = strstr(at + strlen(to), from)) {
        snprintf(copy, sizeof copy, "%s", at + strlen(from));
        snprintf(at, size - (size_t)(at - text), "%s%s", to, copy);
    }
}

static size_t parts(const char *text)
{
    size_t count = *text != '\0';
    for (; *text; text++)
        count += *text == '|';
    return count;
}

static void every_op_of_the_first_version_can_be_written(void **state)
{
    (void)state;
    FILE *file = fopen(TW_SOURCE_ROOT "/tests/golden/tf-0.7.1-ops.tsv", "r");
    char line[4096], text[4096], *columns[5];
    size_t ops = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (*line == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        char *at = line;
        for (size_t i = 0; i < 5; i++) {
            columns[i] = at;
            at += strcspn(at, "\t");
            if (*at)
                *at++ = '\0';
        }
        size_t inputs = parts(columns[1]), outputs = parts(columns[2]), attrs = parts(columns[3]);
        replace(columns[3], 2000, "tensor = tensor", "tensor = uint8 [4] (255, 0, 0, 255)");
        snprintf(text, sizeof text, "%s -> %s; ", columns[1], columns[2]);
        replace(text, sizeof text, " |", ",");
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s", columns[3]);
        replace(text, sizeof text, " |", ";");
        struct tw_op op = parse(text);
        assert_int_equal(op.input_count, inputs);
        assert_int_equal(op.output_count, outputs);
        assert_int_equal(op.attr_count, attrs);
        for (size_t i = 0; i < op.attr_count; i++)
            tw_attr_release(&op.attrs[i].default_value);
        ops++;
    }
    fclose(file);
    assert_int_equal(ops, 289);
}

static void short_memory_is_a_status_and_leaks_nothing(void **state)
{
    (void)state;
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_arena small = {0};
        struct tw_op op = {.name = "Test"};
        tw_status *status = tw_signature_parse(
            "a: T, b: N * T -> c: T; T: {float, int32}; N: int; p: {\"x\", \"y\"} = \"x\"; "
            "v: tensor = float [2] (1, 2); l: list(int) = [1, 2]",
            &small, &op);
        if (status)
            assert_int_equal(tw_status_kind(status), TW_KIND_MEMORY);
        for (size_t i = 0; !status && i < op.attr_count; i++)
            tw_attr_release(&op.attrs[i].default_value);
        tw_status_free(status);
        tw_arena_clear(&small);
        assert_int_equal(failing_allocator_live(), live);
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(inputs_outputs_and_attributes_are_linked, clear),
        cmocka_unit_test_teardown(defaults_of_every_kind_are_read, clear),
        cmocka_unit_test_teardown(sets_of_types_and_strings_limit_an_attribute, clear),
        cmocka_unit_test_teardown(nothing_at_all_is_a_signature, clear),
        cmocka_unit_test_teardown(errors_name_the_op_and_the_place, clear),
        cmocka_unit_test_teardown(every_op_of_the_first_version_can_be_written, clear),
        cmocka_unit_test(short_memory_is_a_status_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
