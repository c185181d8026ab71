/* SPDX-License-Identifier: Apache-2.0
 * Completing what a builder gives: inference from inputs, defaults, refusals with the words that
 * TensorFlow's own tests look for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "op/attr.h"
#include "support/failing_allocator.h"

static tw_arena arena;

static int clear(void **state)
{
    (void)state;
    tw_arena_clear(&arena);
    return 0;
}

typedef struct request {
    const char *signature;
    tw_dtype inputs[8];
    size_t input_count;
    const size_t *counts;
    tw_attr attrs[4];
    size_t attr_count;
} request;

static struct tw_op op; /* of the last request */

static tw_status *resolve(const request *r, tw_resolved *out)
{
    op = (struct tw_op){.name = "Test"};
    tw_status *status = tw_signature_parse(r->signature, &arena, &op);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return tw_op_resolve(&op, r->inputs, r->input_count, r->counts, r->attrs, r->attr_count, &arena,
                         out);
}

static tw_resolved accept(request r)
{
    tw_resolved out;
    tw_status *status = resolve(&r, &out);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return out;
}

static void refuse(request r, tw_kind kind, const char *message)
{
    tw_resolved out;
    tw_status *status = resolve(&r, &out);
    assert_non_null(status);
    assert_string_equal(tw_status_message(status), message);
    assert_int_equal(tw_status_kind(status), kind);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_int_equal(out.attr_count, 0);
    tw_status_free(status);
}

#define ADD "x: T, y: T -> z: T; T: {float, double, int32}"
#define ADD_N "inputs: N * T -> sum: T; N: int >= 2; T: {float, int32}"
#define INT(n, v)                                    \
    {                                                \
        .name = n, .kind = TW_ATTR_INT, .value.i = v \
    }
#define TYPE(n, v)                                       \
    {                                                    \
        .name = n, .kind = TW_ATTR_TYPE, .value.type = v \
    }

static void inputs_say_types_and_numbers(void **state)
{
    (void)state;
    tw_resolved r = accept((request){.signature = ADD, {TW_FLOAT64, TW_FLOAT64}, 2});
    assert_int_equal(r.attr_count, 1);
    assert_int_equal(r.attrs[0].value.type, TW_FLOAT64);
    assert_int_equal(r.output_count, 1);
    assert_int_equal(r.outputs[0], TW_FLOAT64);
    r = accept((request){.signature = ADD_N, {TW_INT32, TW_INT32, TW_INT32}, 3});
    assert_int_equal(r.attrs[0].value.i, 3);
    assert_int_equal(r.input_counts[0], 3);
}

static void a_reference_stands_for_a_plain_input_and_outputs_may_be_references(void **state)
{
    (void)state;
    tw_resolved r = accept((request){.signature = ADD, {TW_REF + TW_FLOAT32, TW_FLOAT32}, 2});
    assert_int_equal(r.attrs[0].value.type, TW_FLOAT32);
    assert_int_equal(r.outputs[0], TW_FLOAT32);
    r = accept(
        (request){.signature = "ref: Ref(T) -> out: Ref(T); T: type", {TW_REF + TW_STRING}, 1});
    assert_int_equal(r.outputs[0], TW_REF + TW_STRING);
    refuse((request){.signature = "ref: Ref(T) -> out: Ref(T); T: type", {TW_FLOAT32}, 1},
           TW_KIND_TYPE,
           "'Test' Op requires that input 'ref' be a mutable tensor (e.g.: a tf.Variable)");
}

static void lists_have_the_length_that_is_given_or_left(void **state)
{
    (void)state;
    const char *text = "dim: int32, values: N * T, last: int32 -> output: N * T; N: int; T: type";
    request r = {.signature = text, {TW_INT32, TW_FLOAT32, TW_FLOAT32, TW_INT32}, 4};
    tw_resolved out = accept(r);
    assert_int_equal(out.input_counts[1], 2);
    assert_int_equal(out.output_count, 2);
    r = (request){.signature = "a: N * float, b: N * int32, c: T -> ; N: int; T: list(type)",
                  {TW_FLOAT32, TW_INT32, TW_STRING, TW_BOOL},
                  4,
                  (const size_t[]){1, 1, 2}};
    out = accept(r);
    assert_int_equal(out.attrs[1].count, 2);
    r.counts = NULL;
    refuse(r, TW_KIND_VALUE, "'Test' Op has several lists of inputs: their lengths must be given");
    r.attrs[0] = (tw_attr)INT("N", 1);
    r.attr_count = 1;
    assert_int_equal(accept(r).input_counts[2], 2);
    r.counts = (const size_t[]){2, 1, 1};
    refuse(r, TW_KIND_VALUE,
           "List argument 'a' to 'Test' Op with length 2 must match length 1 of argument 'N'.");
}

static void defaults_are_filled_in_and_given_values_kept(void **state)
{
    (void)state;
    const char *text = "x: T -> y: out; T: type; out: {int32, int64} = int32; k: int >= 1 = 3; "
                       "l: list(int) = [1]";
    tw_resolved r = accept((request){.signature = text, {TW_FLOAT32}, 1});
    assert_int_equal(r.attr_count, 4);
    assert_int_equal(r.outputs[0], TW_INT32);
    assert_int_equal(r.attrs[2].value.i, 3);
    request given = {
        .signature = text, {TW_FLOAT32}, 1, NULL, {TYPE("out", TW_INT64), INT("k", 9)}, 2};
    given.attrs[2] = (tw_attr){.name = "_class", .kind = TW_ATTR_BOOL, .value.b = true};
    given.attr_count = 3;
    r = accept(given);
    assert_int_equal(r.attr_count, 5);
    assert_int_equal(r.outputs[0], TW_INT64);
    assert_int_equal(r.attrs[2].value.i, 9);
    assert_string_equal(r.attrs[4].name, "_class");
    given.attrs[2] = (tw_attr){.name = "l", .kind = TW_ATTR_NONE, .list = true};
    r = accept(given);
    assert_int_equal(r.attrs[3].kind, TW_ATTR_INT);
    assert_int_equal(r.attrs[3].count, 0);
}

static void wrong_types_are_refused_as_tensorflow_says_it(void **state)
{
    (void)state;
    refuse((request){.signature = ADD, {TW_FLOAT32, TW_INT32}, 2}, TW_KIND_TYPE,
           "Input 'y' of 'Test' Op has type int32 that does not match type float32 of argument "
           "'x'.");
    refuse((request){.signature = ADD, {TW_STRING, TW_STRING}, 2}, TW_KIND_TYPE,
           "Value passed to parameter 'x' has DataType string not in list of allowed values: "
           "float32, float64, int32");
    refuse((request){.signature = "x: int32 ->", {TW_INT64}, 1}, TW_KIND_TYPE,
           "Input 'x' of 'Test' Op has type int64 that does not match expected type of int32.");
    refuse((request){.signature = ADD_N, {TW_FLOAT32, TW_INT32}, 2}, TW_KIND_TYPE,
           "Tensors in list passed to 'inputs' of 'Test' Op have types [float32, int32] that don't "
           "all match.");
    refuse((request){.signature = "x: T, l: N * T -> ; N: int; T: type", {TW_FLOAT32, TW_INT32}, 2},
           TW_KIND_TYPE,
           "Tensors in list passed to 'l' of 'Test' Op have types [int32] that do not match type "
           "float32 inferred from earlier arguments.");
    refuse((request){.signature = ADD, {TW_INT32, TW_INT32}, 2, NULL, {TYPE("T", TW_FLOAT32)}, 1},
           TW_KIND_TYPE,
           "Input 'x' of 'Test' Op has type int32 that does not match expected type of float32.");
    refuse((request){.signature = "x: T -> ; T: list({float})", {TW_INT32}, 1}, TW_KIND_TYPE,
           "Value passed to parameter 'x' has DataType int32 not in list of allowed values: "
           "float32");
    refuse((request){.signature = "x: T -> ; T: list(type) >= 2", {TW_INT32}, 1}, TW_KIND_VALUE,
           "List argument 'x' to 'Test' Op with length 1 shorter than minimum length 2.");
    refuse((request){.signature = ADD_N, {TW_FLOAT32}, 1}, TW_KIND_VALUE,
           "List argument 'inputs' to 'Test' Op with length 1 shorter than minimum length 2.");
}

static void the_input_at_fault_is_told(void **state)
{
    (void)state;
    tw_resolved out;
    request r = {.signature = ADD, {TW_FLOAT32, TW_INT32}, 2};
    tw_status *status = resolve(&r, &out);
    assert_int_equal(tw_status_input(status), 1);
    tw_status_free(status);
}

static void wrong_attributes_are_refused(void **state)
{
    (void)state;
    const char *text = "-> ; k: int >= 1; p: {\"SAME\", \"VALID\"} = \"SAME\"; "
                       "l: list(int) >= 2 = [1, 2]; h: shape = ?";
    refuse((request){.signature = text}, TW_KIND_TYPE, "No argument for attr k of 'Test' Op");
    refuse((request){.signature = text, .attrs = {INT("k", 0)}, .attr_count = 1}, TW_KIND_VALUE,
           "Attr 'k' of 'Test' Op passed 0 less than minimum 1.");
    refuse((request){.signature = text,
                     .attrs = {{.name = "k", .kind = TW_ATTR_FLOAT, .value.f = 1.5f}},
                     .attr_count = 1},
           TW_KIND_TYPE, "Expected int for argument 'k' of 'Test' Op not 1.5.");
    refuse((request){.signature = text, .attrs = {INT("q", 0)}, .attr_count = 1}, TW_KIND_VALUE,
           "NodeDef mentions attr 'q' not in Op 'Test'");
    refuse((request){.signature = text,
                     .attrs = {{.name = "p", .kind = TW_ATTR_STRING, .value.s = {"same", 4}}},
                     .attr_count = 1},
           TW_KIND_VALUE,
           "Attr 'p' of 'Test' Op passed string 'same' not in: \"SAME\", \"VALID\".");
    static const int64_t one[] = {1}, negative[] = {-2};
    refuse(
        (request){
            text,
            .attrs =
                {{.name = "l", .kind = TW_ATTR_INT, .list = true, .count = 1, .value.items = one}},
            .attr_count = 1},
        TW_KIND_VALUE, "Attr 'l' of 'Test' Op passed list of length 1 less than minimum 2.");
    refuse((request){.signature = text,
                     .attrs = {{.name = "h", .kind = TW_ATTR_SHAPE, .value.shape = {negative, 1}}},
                     .attr_count = 1},
           TW_KIND_VALUE, "Attr 'h' of 'Test' Op passed shape (-2,) with a negative dimension.");
    refuse(
        (request){.signature = "-> ; t: type", .attrs = {TYPE("t", (tw_dtype)77)}, .attr_count = 1},
        TW_KIND_TYPE, "Attr 't' of 'Test' Op passed 77, which is no DataType.");
    refuse((request){.signature = "-> ; t: tensor",
                     .attrs = {{.name = "t", .kind = TW_ATTR_TENSOR}},
                     .attr_count = 1},
           TW_KIND_TYPE, "Attr 't' of 'Test' Op passed no tensor.");
    refuse((request){.signature = "-> ; h: shape",
                     .attrs = {{.name = "h", .kind = TW_ATTR_SHAPE, .value.shape = {negative, 17}}},
                     .attr_count = 1},
           TW_KIND_VALUE,
           "Attr 'h' of 'Test' Op passed a shape of 17 dimensions, at most 16 are possible.");
}

static void wrong_numbers_of_inputs_are_refused(void **state)
{
    (void)state;
    refuse((request){.signature = ADD, {TW_FLOAT32}, 1}, TW_KIND_TYPE,
           "'Test' Op takes the inputs (x, y), got 1 of them");
    refuse((request){.signature = ADD, {TW_FLOAT32, TW_FLOAT32, TW_FLOAT32}, 3}, TW_KIND_TYPE,
           "'Test' Op takes the inputs (x, y), got 3 of them");
    refuse((request){.signature = "d: int32, v: N * T -> ; N: int; T: type", {TW_INT32}, 0},
           TW_KIND_TYPE, "'Test' Op takes the inputs (d, v ...), got 0 of them");
    refuse((request){.signature = ADD, {TW_FLOAT32, (tw_dtype)0}, 2}, TW_KIND_TYPE,
           "Input 'y' of 'Test' Op has no type.");
    refuse((request){.signature = "-> o: N * float; N: int",
                     .attrs = {INT("N", 70000)},
                     .attr_count = 1},
           TW_KIND_VALUE, "output 'o' of 'Test' Op has no known or too large a length");
    refuse(
        (request){.signature = "-> o: N * float; N: int", .attrs = {INT("N", -1)}, .attr_count = 1},
        TW_KIND_VALUE, "output 'o' of 'Test' Op has no known or too large a length");
}

static void a_functions_placeholder_stands_for_any_value(void **state)
{
    (void)state;
    request r = {.signature = ADD,
                 {TW_FLOAT32, TW_FLOAT32},
                 2,
                 NULL,
                 {{.name = "T", .kind = TW_ATTR_PLACEHOLDER, .value.s = {"U", 1}}},
                 1};
    tw_resolved out = accept(r);
    assert_int_equal(out.attrs[0].kind, TW_ATTR_PLACEHOLDER);
    assert_int_equal(out.outputs[0], TW_INVALID_DTYPE);
}

static void borrowed_values_are_those_of_the_caller_and_of_the_signature(void **state)
{
    (void)state;
    struct tw_op own = {.name = "Test"};
    assert_null(tw_signature_parse("x: T -> ; T: type; s: string = \"a\"; l: list(int) = [1, 2]; "
                                   "m: list(int) = []",
                                   &arena, &own));
    const tw_dtype type = TW_FLOAT32;
    const int64_t numbers[] = {7, 8, 9};
    tw_attr attrs[] = {
        {.name = "_class", .kind = TW_ATTR_STRING, .value.s = {"loc:@x", 6}},
        {.name = "m", .kind = TW_ATTR_INT, .list = true, .count = 3, .value.items = numbers},
    };
    tw_resolved out;
    assert_null(tw_op_resolve_borrowed(&own, &type, 1, NULL, attrs, 2, &arena, &out));
    assert_int_equal(out.attr_count, 5);
    for (size_t i = 0; i < 4; i++)
        assert_ptr_equal(out.attrs[i].name, own.attrs[i].name);
    assert_int_equal(out.attrs[0].value.type, TW_FLOAT32);
    assert_ptr_equal(out.attrs[1].value.s.data, own.attrs[1].default_value.value.s.data);
    assert_ptr_equal(out.attrs[2].value.items, own.attrs[2].default_value.value.items);
    assert_ptr_equal(out.attrs[3].value.items, numbers);
    assert_ptr_equal(out.attrs[4].value.s.data, attrs[0].value.s.data);
    /* The other way they are copies. */
    assert_null(tw_op_resolve(&own, &type, 1, NULL, attrs, 2, &arena, &out));
    assert_ptr_not_equal(out.attrs[3].value.items, numbers);
    assert_memory_equal(out.attrs[3].value.items, numbers, sizeof numbers);
    assert_ptr_not_equal(out.attrs[4].name, attrs[0].name);
    assert_string_equal(out.attrs[4].value.s.data, "loc:@x");
}

static void short_memory_is_a_status_and_leaks_nothing(void **state)
{
    (void)state;
    struct tw_op parsed = {.name = "Test"};
    assert_null(
        tw_signature_parse(ADD_N "; l: list(int) = [1]; s: string = \"a\"", &arena, &parsed));
    const tw_dtype types[] = {TW_FLOAT32, TW_FLOAT32};
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_arena small = {0};
        tw_resolved out;
        tw_status *status = tw_op_resolve(&parsed, types, 2, NULL, NULL, 0, &small, &out);
        if (status)
            assert_int_equal(tw_status_kind(status), TW_KIND_MEMORY);
        tw_status_free(status);
        tw_arena_clear(&small);
        assert_int_equal(failing_allocator_live(), live);
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(inputs_say_types_and_numbers, clear),
        cmocka_unit_test_teardown(
            a_reference_stands_for_a_plain_input_and_outputs_may_be_references, clear),
        cmocka_unit_test_teardown(lists_have_the_length_that_is_given_or_left, clear),
        cmocka_unit_test_teardown(defaults_are_filled_in_and_given_values_kept, clear),
        cmocka_unit_test_teardown(wrong_types_are_refused_as_tensorflow_says_it, clear),
        cmocka_unit_test_teardown(the_input_at_fault_is_told, clear),
        cmocka_unit_test_teardown(wrong_attributes_are_refused, clear),
        cmocka_unit_test_teardown(wrong_numbers_of_inputs_are_refused, clear),
        cmocka_unit_test_teardown(a_functions_placeholder_stands_for_any_value, clear),
        cmocka_unit_test_teardown(borrowed_values_are_those_of_the_caller_and_of_the_signature,
                                  clear),
        cmocka_unit_test_teardown(short_memory_is_a_status_and_leaks_nothing, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
