/* SPDX-License-Identifier: Apache-2.0
 * Attribute values: copies are deep and equal, hashes agree with equality, texts are for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "op/attr.h"
#include "support/failing_allocator.h"
#include "tensor/array.h"

enum { KINDS = 12 };

static const int64_t ints[] = {1, 2};
static const int64_t dims[] = {2, -1};
static const tw_bytes strings[] = {{"a", 1}, {"", 0}};
static const tw_shape shapes[] = {{dims, 2}, {NULL, 0}};
static const tw_dtype types[] = {TW_FLOAT32, TW_INT32};
static const tw_attr inner[] = {{.name = "T", .kind = TW_ATTR_TYPE, .value.type = TW_INT64}};

/* One of each kind, and lists; the tensors belong to the caller. */
static void make(tw_attr *attrs, tw_array *number, tw_array *text)
{
    tw_attr made[KINDS] = {
        {.name = "i", .kind = TW_ATTR_INT, .value.i = -5},
        {.name = "f", .kind = TW_ATTR_FLOAT, .value.f = 0.1f},
        {.name = "b", .kind = TW_ATTR_BOOL, .value.b = true},
        {.name = "s", .kind = TW_ATTR_STRING, .value.s = {"SAME", 4}},
        {.name = "t", .kind = TW_ATTR_TYPE, .value.type = TW_FLOAT16},
        {.name = "h", .kind = TW_ATTR_SHAPE, .value.shape = {dims, 2}},
        {.name = "a", .kind = TW_ATTR_TENSOR, .value.tensor = number},
        {.name = "a", .kind = TW_ATTR_TENSOR, .value.tensor = text},
        {.name = "g", .kind = TW_ATTR_FUNC, .value.func = {"body", inner, 1}},
        {.name = "li", .kind = TW_ATTR_INT, .list = true, .count = 2, .value.items = ints},
        {.name = "ls", .kind = TW_ATTR_STRING, .list = true, .count = 2, .value.items = strings},
        {.name = "lh", .kind = TW_ATTR_SHAPE, .list = true, .count = 2, .value.items = shapes},
    };
    memcpy(attrs, made, sizeof made);
}

static void copies_are_equal_and_of_their_own(void **state)
{
    (void)state;
    tw_array *number = tw_array_scalar(TW_FLOAT32, 2);
    tw_array *text = tw_array_strings(TW_SHAPE(1), (const char *[]){"abc"}, NULL);
    tw_attr attrs[KINDS], copies[KINDS];
    make(attrs, number, text);
    tw_arena arena = {0};
    for (size_t i = 0; i < KINDS; i++) {
        assert_null(tw_attr_copy(&arena, &attrs[i], &copies[i]));
        assert_true(tw_attr_equal(&attrs[i], &copies[i]));
        assert_int_equal(tw_attr_hash(&attrs[i], 1), tw_attr_hash(&copies[i], 1));
        for (size_t k = 0; k < i; k++)
            assert_false(tw_attr_equal(&attrs[k], &copies[i]));
    }
    assert_ptr_not_equal(copies[3].value.s.data, attrs[3].value.s.data);
    assert_ptr_not_equal(copies[5].value.shape.dims, dims);
    assert_ptr_not_equal(copies[8].value.func.attrs, inner);
    assert_ptr_equal(copies[6].value.tensor, number);
    for (size_t i = 0; i < KINDS; i++)
        tw_attr_release(&copies[i]);
    tw_arena_clear(&arena);
    tw_array_unref(number);
    tw_array_unref(text);
}

static void tensors_are_compared_by_value_and_floats_by_bits(void **state)
{
    (void)state;
    tw_array *a = tw_array_scalar(TW_FLOAT32, 2), *b = tw_array_scalar(TW_FLOAT32, 2);
    tw_array *c = tw_array_scalar(TW_FLOAT64, 2);
    tw_attr x = {.kind = TW_ATTR_TENSOR, .value.tensor = a};
    tw_attr y = {.kind = TW_ATTR_TENSOR, .value.tensor = b};
    tw_attr z = {.kind = TW_ATTR_TENSOR, .value.tensor = c};
    assert_true(tw_attr_equal(&x, &y));
    assert_int_equal(tw_attr_hash(&x, 0), tw_attr_hash(&y, 0));
    assert_false(tw_attr_equal(&x, &z));
    tw_attr zero = {.kind = TW_ATTR_FLOAT, .value.f = 0.0f};
    tw_attr minus = {.kind = TW_ATTR_FLOAT, .value.f = -0.0f};
    assert_false(tw_attr_equal(&zero, &minus));
    tw_array_unref(a);
    tw_array_unref(b);
    tw_array_unref(c);
}

static void texts_are_for_people(void **state)
{
    (void)state;
    tw_array *number = tw_array_new(TW_FLOAT32, TW_SHAPE(2, 3));
    tw_attr attrs[KINDS];
    make(attrs, number, number);
    static const char *const wanted[KINDS] = {
        "-5",      "0.1",    "true",           "'SAME'",
        "float16", "(2, ?)", "float32 (2, 3)", "float32 (2, 3)",
        "body",    "[1, 2]", "['a', '']",      "[(2, ?), <unknown>]"};
    for (size_t i = 0; i < KINDS; i++)
        assert_string_equal(tw_attr_text(&attrs[i]).s, wanted[i]);
    tw_attr list = {.kind = TW_ATTR_TYPE, .list = true, .count = 2, .value.items = types};
    assert_string_equal(tw_attr_text(&list).s, "[float32, int32]");
    int64_t many[200] = {0};
    tw_attr long_list = {.kind = TW_ATTR_INT, .list = true, .count = 200, .value.items = many};
    tw_text text = tw_attr_text(&long_list);
    assert_int_equal(strlen(text.s), sizeof text.s - 1);
    assert_string_equal(text.s + sizeof text.s - 4, "...");
    tw_array_unref(number);
}

static void short_memory_is_a_status_and_leaks_nothing(void **state)
{
    (void)state;
    tw_array *number = tw_array_scalar(TW_FLOAT32, 2);
    tw_attr attrs[KINDS];
    make(attrs, number, number);
    tw_attr nested = {.name = "f", .kind = TW_ATTR_FUNC, .value.func = {"g", attrs, KINDS}};
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_arena arena = {0};
        tw_attr copy;
        tw_status *status = tw_attr_copy(&arena, &nested, &copy);
        if (!status)
            tw_attr_release(&copy);
        tw_status_free(status);
        tw_arena_clear(&arena);
        assert_int_equal(failing_allocator_live(), live);
    }
    tw_array_unref(number);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_equal_and_of_their_own),
        cmocka_unit_test(tensors_are_compared_by_value_and_floats_by_bits),
        cmocka_unit_test(texts_are_for_people),
        cmocka_unit_test(short_memory_is_a_status_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
