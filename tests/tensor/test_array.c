/* SPDX-License-Identifier: Apache-2.0
 * Arrays: memory and who holds it, strings, handles, conversions, NULL everywhere, and every
 * allocation failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "tensor/array.h"

static void a_new_array_is_zero_and_aligned(void **state)
{
    (void)state;
    for (int i = 1; i < TW_DTYPE_COUNT; i++) {
        tw_array *array = tw_array_new((tw_dtype)i, TW_SHAPE(2, 3));
        assert_non_null(array);
        assert_int_equal(tw_array_dtype(array), i);
        assert_int_equal(tw_array_count(array), 6);
        assert_int_equal(tw_array_bytes(array), 6 * tw_dtype_size((tw_dtype)i));
        assert_true(tw_shape_equal(tw_array_shape(array), TW_SHAPE(2, 3)));
        assert_int_equal((uintptr_t)tw_array_data(array) % 64, 0);
        const unsigned char *bytes = tw_array_const_data(array);
        for (size_t j = 0; j < tw_array_bytes(array); j++)
            assert_int_equal(bytes[j], 0);
        tw_array_unref(array);
    }
}

static void scalars_and_empty_arrays(void **state)
{
    (void)state;
    tw_array *scalar = tw_array_scalar(TW_FLOAT32, 2.5);
    assert_int_equal(tw_array_shape(scalar).rank, 0);
    assert_non_null(tw_array_shape(scalar).dims);
    assert_int_equal(tw_array_count(scalar), 1);
    assert_true(tw_array_item(scalar) == 2.5);
    assert_true(isnan(tw_array_get(scalar, 1)));
    tw_array *empty = tw_array_new(TW_INT32, TW_SHAPE(3, 0));
    assert_int_equal(tw_array_count(empty), 0);
    assert_int_equal(tw_array_bytes(empty), 0);
    assert_true(isnan(tw_array_item(empty)));
    tw_array_set(empty, 1);
    tw_array_unref(empty);
    tw_array_unref(scalar);
}

static void create_says_why(void **state)
{
    (void)state;
    tw_array *array = NULL;
    tw_status *status = tw_array_create(TW_FLOAT32, TW_SHAPE(2, -1), &array);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    assert_non_null(strstr(tw_status_message(status), "(2, ?)"));
    assert_null(array);
    tw_status_free(status);
    status = tw_array_create(TW_FLOAT32, TW_SHAPE(1), NULL);
    assert_int_equal(tw_status_code(status), TW_INVALID_ARGUMENT);
    tw_status_free(status);
    status = tw_array_create(TW_FLOAT32, TW_SHAPE(INT64_MAX / 2, 3), &array);
    assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
    tw_status_free(status);
    failing_allocator_limit(1000);
    status = tw_array_create(TW_FLOAT32, TW_SHAPE(1000), &array);
    failing_allocator_limit(0);
    assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
    assert_int_equal(tw_status_kind(status), TW_KIND_MEMORY);
    tw_status_free(status);
    assert_null(tw_array_new(TW_INT8, TW_UNKNOWN_SHAPE));
}

static void a_copy_is_apart_and_a_reshape_shares(void **state)
{
    (void)state;
    float numbers[] = {1, 2, 3, 4, 5, 6};
    tw_array *array = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2, 3), numbers);
    tw_array *copy = tw_array_copy(array);
    tw_array *view = tw_array_reshape(array, TW_SHAPE(3, 2));
    assert_null(tw_array_reshape(array, TW_SHAPE(4, 2)));
    assert_null(tw_array_reshape(array, TW_SHAPE(-1)));
    assert_false(tw_storage_unique(array->storage));
    assert_true(tw_storage_unique(copy->storage));
    tw_array_set(array, 9);
    assert_true(tw_array_get(copy, 5) == 6);
    assert_ptr_equal(tw_array_data(view), tw_array_data(array));
    tw_array_unref(array);
    assert_true(tw_array_get(view, 5) == 9);
    assert_true(tw_shape_equal(tw_array_shape(view), TW_SHAPE(3, 2)));
    assert_true(tw_storage_unique(view->storage));
    tw_array_unref(view);
    tw_array_unref(copy);
}

static void a_view_of_a_frame_is_copied_when_reshaped(void **state)
{
    (void)state;
    float numbers[] = {1, 2};
    tw_array frame = {.dtype = TW_FLOAT32, .rank = 1, .count = 2, .data = numbers, .dims = {2}};
    atomic_init(&frame.refs, 1);
    tw_array *shaped = tw_array_reshape(&frame, TW_SHAPE(2, 1));
    numbers[0] = 7;
    assert_true(tw_array_get(shaped, 0) == 1);
    assert_true(tw_shape_equal(tw_array_shape(shaped), TW_SHAPE(2, 1)));
    tw_array_unref(shaped);
}

static void a_view_of_a_storage_holds_it(void **state)
{
    (void)state;
    tw_storage *storage = tw_storage_new(TW_INT32, 4);
    tw_array *tail = tw_array_view(storage, TW_INT32, TW_SHAPE(2), (int32_t *)storage->data + 2);
    assert_null(tw_array_view(storage, TW_INT32, TW_SHAPE(-1), storage->data));
    assert_false(tw_storage_unique(storage));
    tw_storage_unref(storage);
    tw_array_set(tail, -3);
    assert_true(tw_array_get(tail, 1) == -3);
    tw_array_unref(tail);
    assert_null(tw_storage_new(TW_INT32, SIZE_MAX / 2));
    assert_null(tw_storage_new(TW_INVALID_DTYPE, 1));
    assert_null(tw_storage_ref(NULL));
    assert_false(tw_storage_unique(NULL));
    tw_storage_unref(NULL);
}

static void count_release(void *data, void *user)
{
    assert_non_null(data);
    ++*(int *)user;
}

static void lent_memory_comes_back_once_nothing_refers_to_it(void **state)
{
    (void)state;
    double numbers[] = {1, 2};
    int released = 0;
    tw_array *array = tw_array_lend(TW_FLOAT64, TW_SHAPE(2), numbers, count_release, &released);
    tw_array *view = tw_array_reshape(array, TW_SHAPE(2, 1));
    assert_ptr_equal(tw_array_data(array), numbers);
    tw_array_unref(array);
    assert_int_equal(released, 0);
    assert_false(tw_storage_unique(view->storage)); /* never written in place */
    assert_ptr_equal(tw_array_ref(view), view);
    tw_array_unref(view);
    assert_int_equal(released, 0);
    tw_array_unref(view);
    assert_int_equal(released, 1);
    array = tw_array_borrow(TW_FLOAT64, TW_SHAPE(2), numbers);
    tw_array_set(array, 5);
    assert_true(numbers[1] == 5);
    tw_array_unref(array);
}

static void memory_that_cannot_be_lent_is_refused_and_not_released(void **state)
{
    (void)state;
    double numbers[] = {1, 2};
    tw_string strings[1];
    int released = 0;
    void *odd = (char *)numbers + 1;
    assert_null(tw_array_lend(TW_FLOAT64, TW_SHAPE(-1), numbers, count_release, &released));
    assert_null(tw_array_lend(TW_FLOAT64, TW_SHAPE(1), odd, count_release, &released));
    assert_null(tw_array_lend(TW_FLOAT64, TW_SHAPE(1), NULL, count_release, &released));
    assert_null(tw_array_lend(TW_STRING, TW_SHAPE(1), strings, count_release, &released));
    assert_null(tw_array_copy_of(TW_FLOAT64, TW_SHAPE(1), NULL));
    assert_null(tw_array_copy_of(TW_STRING, TW_SHAPE(1), strings));
    assert_int_equal(released, 0);
    tw_array *bytes = tw_array_borrow(TW_UINT8, TW_SHAPE(3), odd);
    tw_array *nothing = tw_array_borrow(TW_FLOAT32, TW_SHAPE(0), NULL);
    assert_non_null(bytes);
    assert_non_null(nothing);
    tw_array_unref(bytes);
    tw_array_unref(nothing);
}

/* The answers of TensorFlow's Cast on x86. */
static void numbers_are_converted_as_cast_does(void **state)
{
    (void)state;
    static const struct {
        tw_dtype dtype;
        double value, expected;
    } cases[] = {
        {TW_INT32, 2.9, 2},
        {TW_INT32, -2.9, -2},
        {TW_INT32, 3e9, -2147483648.0},
        {TW_INT32, NAN, -2147483648.0},
        {TW_INT32, -2147483648.5, -2147483648.0},
        {TW_INT64, 1e19, -0x1p63},
        {TW_INT64, -1e15, -1e15},
        {TW_UINT8, 300, 44},
        {TW_UINT8, -1, 255},
        {TW_UINT8, INFINITY, 0},
        {TW_INT8, 200, -56},
        {TW_INT16, 40000, -25536},
        {TW_UINT16, -1, 65535},
        {TW_UINT32, -1, 4294967295.0},
        {TW_UINT32, 3e9, 3e9},
        {TW_UINT64, 1.5e19, 1.5e19},
        {TW_UINT64, 1e30, 0},
        {TW_BOOL, 0.1, 1},
        {TW_BOOL, NAN, 1},
        {TW_BOOL, -0.0, 0},
        {TW_FLOAT32, 0.1, 0.1F},
        {TW_FLOAT16, 1e6, INFINITY},
        {TW_BFLOAT16, 1.00390625, 1},
        {TW_COMPLEX64, 2.5, 2.5},
        {TW_COMPLEX128, -1e300, -1e300},
        {TW_QINT8, 130, -126},
        {TW_QUINT8, 7, 7},
        {TW_QINT32, -9, -9},
        {TW_QINT16, -2, -2},
        {TW_QUINT16, 65535, 65535},
        {TW_FLOAT64, 0.1, 0.1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tw_array *array = tw_array_scalar(cases[i].dtype, cases[i].value);
        assert_true(tw_array_item(array) == cases[i].expected);
        tw_array_unref(array);
        array = tw_array_new(cases[i].dtype, TW_SHAPE(7));
        tw_array_set(array, cases[i].value);
        for (size_t j = 0; j < 7; j++)
            assert_true(tw_array_get(array, j) == cases[i].expected);
        tw_array_unref(array);
    }
}

static void integers_are_read_without_a_detour(void **state)
{
    (void)state;
    int64_t large = INT64_MAX - 1;
    uint64_t larger = UINT64_MAX - 1;
    float third = -10.75F;
    uint16_t half = 0x4500;
    assert_true(tw_element_get_int(TW_INT64, &large) == large);
    assert_true(tw_element_get_int(TW_UINT64, &larger) == -2);
    assert_int_equal(tw_element_get_int(TW_FLOAT32, &third), -10);
    assert_int_equal(tw_element_get_int(TW_FLOAT16, &half), 5);
    assert_int_equal(tw_element_get_int(TW_STRING, &large), 0);
}

static void strings_short_and_long(void **state)
{
    (void)state;
    char text[40] = "0123456789abcdefghijklmnopqrstuvwxyz";
    tw_array *array = tw_array_new(TW_STRING, TW_SHAPE(40));
    for (size_t i = 0; i < 40; i++)
        assert_null(tw_array_set_string(array, i, text, i));
    tw_array *copy = tw_array_copy(array);
    for (size_t i = 0; i < 40; i++) {
        size_t length;
        const char *bytes = tw_array_string(copy, i, &length);
        assert_int_equal(length, i);
        assert_memory_equal(bytes, text, i);
        const tw_string *a = (tw_string *)array->data + i, *b = (tw_string *)copy->data + i;
        assert_true(tw_string_equal(a, b));
        assert_false(tw_string_equal(a, (tw_string *)copy->data + (i + 1) % 40));
    }
    /* A part of itself, long and short. */
    tw_string *s = (tw_string *)array->data + 39;
    assert_null(tw_string_set(s, tw_string_get(s, NULL) + 1, 20));
    assert_null(tw_string_set(s, tw_string_get(s, NULL) + 1, 5));
    assert_memory_equal(tw_string_get(s, NULL), "23456", 5);
    tw_array_unref(array);
    tw_array_unref(copy);
}

static void strings_with_zeros_and_without_lengths(void **state)
{
    (void)state;
    static const char *const items[] = {"a\0b", "second", NULL};
    static const size_t lengths[] = {3, 6, 0};
    size_t length;
    tw_array *array = tw_array_strings(TW_SHAPE(3), items, lengths);
    assert_memory_equal(tw_array_string(array, 0, &length), "a\0b", 3);
    assert_int_equal(length, 3);
    tw_array_unref(array);
    array = tw_array_strings(TW_SHAPE(3), items, NULL);
    tw_array_string(array, 0, &length);
    assert_int_equal(length, 1);
    assert_non_null(tw_array_string(array, 2, &length));
    assert_int_equal(length, 0);
    assert_null(tw_array_string(array, 3, &length));
    assert_true(isnan(tw_array_item(array)));
    tw_array_set(array, 1);
    tw_array_unref(array);
    assert_null(tw_array_strings(TW_SHAPE(1), NULL, NULL));
    assert_null(tw_array_strings(TW_SHAPE(1), items + 2, lengths));
    assert_null(tw_array_scalar(TW_STRING, 1));
}

static void setting_a_string_where_there_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        tw_dtype dtype;
        size_t index, length;
        const char *bytes;
        tw_code code;
    } cases[] = {
        {TW_STRING, 2, 1, "x", TW_OUT_OF_RANGE},
        {TW_STRING, 0, 1, NULL, TW_INVALID_ARGUMENT},
        {TW_INT32, 0, 1, "x", TW_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tw_array *array = tw_array_new(cases[i].dtype, TW_SHAPE(2));
        tw_status *status = tw_array_set_string(array, cases[i].index, cases[i].bytes,
                                                cases[i].length);
        assert_int_equal(tw_status_code(status), cases[i].code);
        tw_status_free(status);
        tw_array_unref(array);
    }
}

static int handles_alive;

static void handle_ref(void *object)
{
    handles_alive++;
    ++*(int *)object;
}

static void handle_unref(void *object)
{
    handles_alive--;
    --*(int *)object;
}

static void handles_are_counted_with_their_arrays(void **state)
{
    (void)state;
    static const tw_handle_class class = {"thing", handle_ref, handle_unref};
    int object = 0;
    tw_array *array = tw_array_new(TW_RESOURCE, TW_SHAPE(3));
    tw_handle *handles = tw_array_data(array);
    for (size_t i = 0; i < 2; i++) {
        handles[i].type = &class;
        handles[i].object = &object;
        handle_ref(&object);
    }
    tw_array *copy = tw_array_copy(array);
    assert_int_equal(object, 4);
    assert_null(tw_elements_copy(TW_RESOURCE, copy->data, array->data, 3));
    assert_int_equal(object, 4);
    tw_array_unref(copy);
    assert_int_equal(object, 2);
    char *text = tw_array_text(array);
    assert_string_equal(text, "[<thing> <thing> <empty>]");
    tw_free(text);
    tw_array_unref(array);
    assert_int_equal(handles_alive, 0);
}

static void null_is_survived_everywhere(void **state)
{
    (void)state;
    size_t length = 5;
    tw_array *out;
    assert_null(tw_array_copy(NULL));
    assert_null(tw_array_reshape(NULL, TW_SHAPE(1)));
    assert_null(tw_array_ref(NULL));
    tw_array_unref(NULL);
    assert_int_equal(tw_array_dtype(NULL), TW_INVALID_DTYPE);
    assert_null(tw_array_shape(NULL).dims);
    assert_int_equal(tw_array_count(NULL), 0);
    assert_int_equal(tw_array_bytes(NULL), 0);
    assert_null(tw_array_data(NULL));
    assert_null(tw_array_const_data(NULL));
    assert_true(isnan(tw_array_item(NULL)));
    assert_true(isnan(tw_array_get(NULL, 3)));
    tw_array_set(NULL, 1);
    assert_null(tw_array_string(NULL, 0, &length));
    assert_int_equal(length, 0);
    assert_null(tw_array_text(NULL));
    tw_array_print(NULL, NULL);
    tw_status *statuses[] = {tw_array_set_string(NULL, 0, "", 0), tw_array_save_npy(NULL, "x"),
                             tw_array_load_npy(NULL, &out), tw_array_load_npy("x", NULL)};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_int_equal(tw_status_code(statuses[i]), TW_INVALID_ARGUMENT);
        tw_status_free(statuses[i]);
    }
}

/* One of everything that allocates; what comes back is NULL or whole. */
static void make_everything(void)
{
    static const char *const items[] = {"short", "a string that needs memory", "x",
                                        "another such one"};
    float numbers[] = {1, 2, 3, 4};
    int released = 0;
    tw_array *array = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(4), numbers);
    tw_array *lent = tw_array_lend(TW_FLOAT32, TW_SHAPE(4), numbers, count_release, &released);
    bool got_lent = lent != NULL;
    tw_array *strings = tw_array_strings(TW_SHAPE(4), items, NULL);
    tw_array *made[] = {tw_array_copy(array),
                        tw_array_reshape(array, TW_SHAPE(2, 2)),
                        tw_array_scalar(TW_INT8, 1),
                        tw_array_copy(strings),
                        array,
                        lent,
                        strings};
    char *texts[] = {tw_array_text(array), tw_array_text(strings)};
    tw_status *status = tw_array_set_string(strings, 0, items[1], 26);
    if (status && strings)
        assert_int_equal(tw_status_code(status), TW_RESOURCE_EXHAUSTED);
    tw_status_free(status);
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        tw_array_unref(made[i]);
    for (size_t i = 0; i < 2; i++)
        tw_free(texts[i]);
    assert_int_equal(released, got_lent);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    size_t live = failing_allocator_live(), tried = 0;
    for (size_t n = 1; failing_allocator_next(n); n++) {
        make_everything();
        assert_int_equal(failing_allocator_live(), live);
        tried = n;
    }
    assert_true(tried > 15);
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_array_is_zero_and_aligned),
        cmocka_unit_test(scalars_and_empty_arrays),
        cmocka_unit_test(create_says_why),
        cmocka_unit_test(a_copy_is_apart_and_a_reshape_shares),
        cmocka_unit_test(a_view_of_a_frame_is_copied_when_reshaped),
        cmocka_unit_test(a_view_of_a_storage_holds_it),
        cmocka_unit_test(lent_memory_comes_back_once_nothing_refers_to_it),
        cmocka_unit_test(memory_that_cannot_be_lent_is_refused_and_not_released),
        cmocka_unit_test(numbers_are_converted_as_cast_does),
        cmocka_unit_test(integers_are_read_without_a_detour),
        cmocka_unit_test(strings_short_and_long),
        cmocka_unit_test(strings_with_zeros_and_without_lengths),
        cmocka_unit_test(setting_a_string_where_there_is_none_is_refused),
        cmocka_unit_test(handles_are_counted_with_their_arrays),
        cmocka_unit_test(null_is_survived_everywhere),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
