/* SPDX-License-Identifier: Apache-2.0
 * .npy files: headers as NumPy writes them, every version and byte order, column-major order, and
 * files that lie about themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "tensor/array.h"

static const char path[] = "test_npy.tmp.npy";

static void write_file(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A file of that version with that dict, followed by the data. Gives its size. */
static size_t make_file(char *out, int major, const char *dict, const void *data, size_t size)
{
    size_t length = strlen(dict), prefix = major > 1 ? 12 : 10;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (char)major;
    out[7] = 0;
    for (size_t i = 8; i < prefix; i++)
        out[i] = (char)(length >> (8 * (i - 8)) & 0xff);
    memcpy(out + prefix, dict, length);
    if (size > 0)
        memcpy(out + prefix + length, data, size);
    return prefix + length + size;
}

static tw_array *load(int major, const char *dict, const void *data, size_t size)
{
    char bytes[1024];
    tw_array *array = NULL;
    write_file(bytes, make_file(bytes, major, dict, data, size));
    tw_status *status = tw_array_load_npy(path, &array);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return array;
}

static void check_refused(int major, const char *dict, size_t size, tw_code code, const char *text)
{
    static const char zeros[512];
    char bytes[1024];
    tw_array *array = NULL;
    write_file(bytes, make_file(bytes, major, dict, zeros, size));
    tw_status *status = tw_array_load_npy(path, &array);
    assert_null(array);
    assert_int_equal(tw_status_code(status), code);
    assert_non_null(strstr(tw_status_message(status), path));
    if (!strstr(tw_status_message(status), text))
        assert_string_equal(tw_status_message(status), text);
    tw_status_free(status);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const int64_t dims[] = {2, 3, 4};
    for (int i = 1; i < TW_DTYPE_COUNT; i++) {
        tw_dtype dtype = (tw_dtype)i;
        if (!tw_dtype_is_plain(dtype) || dtype == TW_BFLOAT16)
            continue;
        for (size_t rank = 0; rank <= 3; rank++) {
            tw_array *array = tw_array_new(dtype, (tw_shape){dims, rank}), *back = NULL;
            for (size_t j = 0; j < array->count; j++)
                tw_element_set(dtype, (char *)array->data + j * tw_dtype_size(dtype), (double)j);
            assert_null(tw_array_save_npy(array, path));
            assert_null(tw_array_load_npy(path, &back));
            assert_true(tw_shape_equal(tw_array_shape(back), tw_array_shape(array)));
            assert_int_equal(tw_array_bytes(back), tw_array_bytes(array));
            assert_memory_equal(back->data, array->data, tw_array_bytes(array));
            if (tw_dtype_name(dtype)[0] != 'q')
                assert_int_equal(tw_array_dtype(back), dtype);
            tw_array_unref(array);
            tw_array_unref(back);
        }
    }
}

static void the_header_is_numpys(void **state)
{
    (void)state;
    char bytes[256] = {0};
    static const char dict[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    tw_array *array = tw_array_new(TW_FLOAT32, TW_SHAPE(3));
    tw_array_set(array, 1);
    assert_null(tw_array_save_npy(array, path));
    tw_array_unref(array);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 128 + 12);
    fclose(file);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(bytes + 10, dict, sizeof dict - 1);
    assert_int_equal(bytes[127], '\n');
    for (size_t i = 10 + sizeof dict - 1; i < 127; i++)
        assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + 128, "\0\0\x80\x3f", 4);
}

static void every_version_and_spelling_is_read(void **state)
{
    (void)state;
    static const char *const dicts[] = {
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }          \n",
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}\n",
        " { \"shape\" : ( 2 , ) , \"fortran_order\" : True , \"descr\" : \"<i2\" } ",
        "{'descr':'<i2','fortran_order':False,'shape':(2L,)}",
    };
    for (size_t i = 0; i < 4; i++)
        for (int major = 1; major <= 3; major++) {
            tw_array *array = load(major, dicts[i], "\x01\x02\xff\xff", 4);
            assert_int_equal(tw_array_dtype(array), TW_INT16);
            assert_true(tw_shape_equal(tw_array_shape(array), TW_SHAPE(2)));
            assert_true(tw_array_get(array, 0) == 0x201);
            assert_true(tw_array_get(array, 1) == -1);
            tw_array_unref(array);
        }
}

static void both_byte_orders_are_read(void **state)
{
    (void)state;
    tw_array *array = load(1, "{'descr': '>f4', 'fortran_order': False, 'shape': ()}",
                           "\x40\x49\x0f\xdb", 4);
    assert_true(tw_array_item(array) == (double)3.14159274F);
    tw_array_unref(array);
    array = load(1, "{'descr': '>c8', 'fortran_order': False, 'shape': (1,)}",
                 "\x3f\x80\0\0\x40\0\0\0", 8);
    assert_true(((const float *)tw_array_const_data(array))[0] == 1);
    assert_true(((const float *)tw_array_const_data(array))[1] == 2);
    tw_array_unref(array);
    array = load(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", "\0\1\x80", 3);
    assert_memory_equal(tw_array_const_data(array), "\0\1\1", 3);
    tw_array_unref(array);
    array = load(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", "\0\x3c", 2);
    assert_true(tw_array_item(array) == 1);
    tw_array_unref(array);
}

static void column_major_order_is_read(void **state)
{
    (void)state;
    char data[24], expected[24];
    /* Element [i, j, k] of (2, 3, 4) holds 100i + 10j + k, at i + 2j + 6k of the file. */
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                data[i + 2 * j + 6 * k] = expected[12 * i + 4 * j + k] = (char)(100 * i + 10 * j +
                                                                                k);
    tw_array *array = load(1, "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3, 4)}", data,
                           24);
    assert_memory_equal(tw_array_const_data(array), expected, 24);
    tw_array_unref(array);
    array = load(1, "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 2)}", "\0\1\0\2\0\3\0\4",
                 8);
    assert_true(tw_array_get(array, 1) == 3);
    assert_true(tw_array_get(array, 2) == 2);
    tw_array_unref(array);
    array = load(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 0)}", NULL, 0);
    assert_true(tw_shape_equal(tw_array_shape(array), TW_SHAPE(2, 0)));
    tw_array_unref(array);
}

static void what_has_no_dtype_is_refused_clearly(void **state)
{
    (void)state;
    static const struct {
        const char *descr, *text;
    } cases[] = {
        {"'|S5'", "strings"},
        {"'<U3'", "strings"},
        {"'|O'", "Python objects"},
        {"[('a', '<f4')]", "records"},
        {"'<V2'", "<V2"},
        {"'<M8[ns]'", "<M8[ns]"},
        {"'<f16'", "<f16"},
        {"'<i3'", "<i3"},
        {"'<'", "'<'"},
        {"''", "''"},
        {"'<f4x'", "<f4x"},
        {"'f99999999999'", "f99999999999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char dict[128];
        snprintf(dict, sizeof dict, "{'descr': %s, 'fortran_order': False, 'shape': (1,)}",
                 cases[i].descr);
        check_refused(1, dict, 64, TW_UNIMPLEMENTED, cases[i].text);
    }
    tw_array *strings = tw_array_new(TW_STRING, TW_SHAPE(1));
    tw_status *status = tw_array_save_npy(strings, path);
    assert_int_equal(tw_status_code(status), TW_UNIMPLEMENTED);
    assert_non_null(strstr(tw_status_message(status), "string"));
    tw_status_free(status);
    tw_array_unref(strings);
}

static void a_header_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *text;
        tw_code code;
    } cases[] = {
        {"'shape': (3,)}", "needs 12 bytes, 8 are there", TW_DATA_LOSS},
        {"'shape': (4611686018427387904,)}", "too large", TW_RESOURCE_EXHAUSTED},
        {"'shape': (4294967296, 4294967296)}", "too large", TW_RESOURCE_EXHAUSTED},
        {"'shape': (300000000,)}", "ends early", TW_DATA_LOSS},
        {"'shape': (99999999999999999999,)}", "too large", TW_DATA_LOSS},
        {"'shape': (-1,)}", "no whole number", TW_DATA_LOSS},
        {"'shape': (2)}", "no tuple", TW_DATA_LOSS},
        {"'shape': 2}", "no tuple", TW_DATA_LOSS},
        {"'shape': (2 2)}", "does not end", TW_DATA_LOSS},
        {"'shape': (2,", "no whole number", TW_DATA_LOSS},
        {"'shape': (2,)", "does not end", TW_DATA_LOSS},
        {"'shape': (2,)} x", "something follows", TW_DATA_LOSS},
        {"'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}", "16", TW_UNIMPLEMENTED},
        {"'shape': (2,), 'shape': (2,)}", "twice", TW_DATA_LOSS},
        {"'more': 1, 'shape': (2,)}", "not known", TW_DATA_LOSS},
        {"'shape' (2,)}", "no value", TW_DATA_LOSS},
        {"shape: (2,)}", "no quoted text", TW_DATA_LOSS},
        {"'shape", "too long", TW_DATA_LOSS},
        {"}", "missing", TW_DATA_LOSS},
        {"", "no quoted text", TW_DATA_LOSS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char dict[256];
        snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, %s", cases[i].rest);
        check_refused(1 + (int)i % 3, dict, 8, cases[i].code, cases[i].text);
    }
    check_refused(1, "['descr']", 8, TW_DATA_LOSS, "no dict");
    check_refused(1, "{'fortran_order': 1}", 8, TW_DATA_LOSS, "neither True nor False");
    check_refused(4, "{}", 8, TW_UNIMPLEMENTED, "format 4.0");
    check_refused(0, "{}", 8, TW_UNIMPLEMENTED, "format 0.0");
}

static void every_file_cut_short_or_damaged_is_survived(void **state)
{
    (void)state;
    char bytes[256];
    static const char dict[] = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n";
    size_t size = make_file(bytes, 1, dict, "0123456789abcdef", 16), read = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        tw_array *array;
        write_file(bytes, cut);
        tw_status *status = tw_array_load_npy(path, &array);
        assert_true((cut < size) == (status != NULL) && (status != NULL) == (array == NULL));
        tw_status_free(status);
        tw_array_unref(array);
    }
    for (size_t i = 0; i < size; i++)
        for (int flip = 1; flip < 256; flip *= 2) {
            tw_array *array;
            bytes[i] = (char)(bytes[i] ^ flip);
            write_file(bytes, size);
            bytes[i] = (char)(bytes[i] ^ flip);
            tw_status *status = tw_array_load_npy(path, &array);
            assert_true((status != NULL) == (array == NULL));
            read += array != NULL;
            tw_status_free(status);
            tw_array_unref(array);
        }
    assert_true(read >= 16 * 8);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    tw_array *array;
    tw_status *status = tw_array_load_npy("no/such/file.npy", &array);
    assert_int_equal(tw_status_code(status), TW_NOT_FOUND);
    assert_non_null(strstr(tw_status_message(status), "no/such/file.npy"));
    tw_status_free(status);
    tw_array *scalar = tw_array_scalar(TW_INT8, 1);
    status = tw_array_save_npy(scalar, "no/such/file.npy");
    assert_non_null(status);
    tw_status_free(status);
    status = tw_array_save_npy(scalar, NULL);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    tw_array_unref(scalar);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    size_t live = failing_allocator_live(), tried = 0;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_array *array = tw_array_new(TW_FLOAT64, TW_SHAPE(20, 3)), *back = NULL;
        tw_status *status = tw_array_save_npy(array, path);
        if (!status)
            status = tw_array_load_npy(path, &back);
        assert_true((status != NULL) == failing_allocator_failed());
        assert_true((status != NULL) == (back == NULL));
        tw_status_free(status);
        tw_array_unref(array);
        tw_array_unref(back);
        assert_int_equal(failing_allocator_live(), live);
        tried = n;
    }
    assert_true(tried > 6);
}

static int remove_file(void **state)
{
    (void)state;
    remove(path);
    return 0;
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_header_is_numpys),
        cmocka_unit_test(every_version_and_spelling_is_read),
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(column_major_order_is_read),
        cmocka_unit_test(what_has_no_dtype_is_refused_clearly),
        cmocka_unit_test(a_header_that_lies_is_refused),
        cmocka_unit_test(every_file_cut_short_or_damaged_is_survived),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, remove_file);
}
