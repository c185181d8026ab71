/* SPDX-License-Identifier: Apache-2.0
 * Element types: TensorFlow's numbers, both names, sizes, classes and references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "thalweg/array.h"

static void the_numbers_are_tensorflows(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name, *tf_name;
        size_t size;
    } expected[] = {
        {1, "float32", "float", 4},     {2, "float64", "double", 8},
        {3, "int32", "int32", 4},       {4, "uint8", "uint8", 1},
        {5, "int16", "int16", 2},       {6, "int8", "int8", 1},
        {7, "string", "string", 16},    {8, "complex64", "complex64", 8},
        {9, "int64", "int64", 8},       {10, "bool", "bool", 1},
        {11, "qint8", "qint8", 1},      {12, "quint8", "quint8", 1},
        {13, "qint32", "qint32", 4},    {14, "bfloat16", "bfloat16", 2},
        {15, "qint16", "qint16", 2},    {16, "quint16", "quint16", 2},
        {17, "uint16", "uint16", 2},    {18, "complex128", "complex128", 16},
        {19, "float16", "half", 2},     {20, "resource", "resource", 16},
        {21, "variant", "variant", 16}, {22, "uint32", "uint32", 4},
        {23, "uint64", "uint64", 8},
    };
    assert_int_equal(sizeof expected / sizeof expected[0], TW_DTYPE_COUNT - 1);
    for (size_t i = 0; i < TW_DTYPE_COUNT - 1; i++) {
        tw_dtype dtype = (tw_dtype)expected[i].number;
        assert_int_equal(dtype, i + 1);
        assert_string_equal(tw_dtype_name(dtype), expected[i].name);
        assert_string_equal(tw_dtype_tf_name(dtype), expected[i].tf_name);
        assert_int_equal(tw_dtype_size(dtype), expected[i].size);
        assert_int_equal(tw_dtype_from_name(expected[i].name), dtype);
        assert_int_equal(tw_dtype_from_name(expected[i].tf_name), dtype);
    }
}

static void a_reference_has_a_name_and_the_size_of_its_base(void **state)
{
    (void)state;
    tw_dtype ref = tw_dtype_ref(TW_FLOAT32);
    assert_int_equal(ref, 101);
    assert_true(tw_dtype_is_ref(ref));
    assert_false(tw_dtype_is_ref(TW_FLOAT32));
    assert_string_equal(tw_dtype_name(ref), "float32_ref");
    assert_string_equal(tw_dtype_tf_name(ref), "float_ref");
    assert_int_equal(tw_dtype_size(ref), 4);
    assert_int_equal(tw_dtype_base(ref), TW_FLOAT32);
    assert_int_equal(tw_dtype_base(TW_FLOAT32), TW_FLOAT32);
    assert_int_equal(tw_dtype_ref(ref), ref);
    assert_int_equal(tw_dtype_from_name("float32_ref"), ref);
    assert_int_equal(tw_dtype_from_name("float_ref"), ref);
    assert_true(tw_dtype_is_floating(ref));
}

static void what_is_no_dtype_is_unknown_of_size_0(void **state)
{
    (void)state;
    static const int numbers[] = {0, 24, 99, 100, 124, -1, 1000000};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        tw_dtype dtype = (tw_dtype)numbers[i];
        assert_string_equal(tw_dtype_name(dtype), "unknown");
        assert_string_equal(tw_dtype_tf_name(dtype), "unknown");
        assert_int_equal(tw_dtype_size(dtype), 0);
        assert_false(tw_dtype_is_plain(dtype));
        assert_false(tw_dtype_is_ref(dtype));
        assert_int_equal(tw_dtype_ref(dtype), dtype);
    }
    assert_int_equal(tw_dtype_from_name("float33"), TW_INVALID_DTYPE);
    assert_int_equal(tw_dtype_from_name(""), TW_INVALID_DTYPE);
    assert_int_equal(tw_dtype_from_name(NULL), TW_INVALID_DTYPE);
}

/* One letter a dtype, from number 1 on: f floating, i integer, c complex, p other plain, - none. */
static void the_classes_are_tensorflows(void **state)
{
    (void)state;
    static const char classes[] = "ffiiii-cippppfppicf--ii";
    assert_int_equal(strlen(classes), TW_DTYPE_COUNT - 1);
    for (int i = 1; i < TW_DTYPE_COUNT; i++) {
        tw_dtype dtype = (tw_dtype)i;
        char class = classes[i - 1];
        assert_int_equal(tw_dtype_is_floating(dtype), class == 'f');
        assert_int_equal(tw_dtype_is_integer(dtype), class == 'i');
        assert_int_equal(tw_dtype_is_complex(dtype), class == 'c');
        assert_int_equal(tw_dtype_is_plain(dtype), class != '-');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_tensorflows),
        cmocka_unit_test(a_reference_has_a_name_and_the_size_of_its_base),
        cmocka_unit_test(what_is_no_dtype_is_unknown_of_size_0),
        cmocka_unit_test(the_classes_are_tensorflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
