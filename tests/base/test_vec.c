/* SPDX-License-Identifier: Apache-2.0
 * TW_VEC: pushing, reserving, sizes out of bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/vec.h"

typedef TW_VEC(int) int_vec;

static void pushed_elements_stay_in_order(void **state)
{
    (void)state;
    int_vec v = {0};
    for (int i = 0; i < 1000; i++)
        assert_true(tw_vec_push(&v, i * 3));
    assert_int_equal(v.count, 1000);
    assert_true(v.capacity >= v.count);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.items[i], i * 3);
    tw_vec_clear(&v);
    assert_null(v.items);
    assert_int_equal(v.count + v.capacity, 0);
}

static void reserving_keeps_the_elements_and_never_shrinks(void **state)
{
    (void)state;
    int_vec v = {0};
    assert_true(tw_vec_push(&v, 5));
    assert_true(tw_vec_reserve(&v, 77));
    assert_true(v.capacity >= 77);
    size_t capacity = v.capacity;
    assert_true(tw_vec_reserve(&v, 3));
    assert_int_equal(v.capacity, capacity);
    assert_int_equal(v.items[0], 5);
    tw_vec_clear(&v);
}

static void what_is_too_much_room_can_be_given_back(void **state)
{
    (void)state;
    int_vec v = {0};
    tw_vec_fit(&v);
    assert_null(v.items);
    for (int i = 0; i < 5; i++)
        assert_true(tw_vec_push(&v, i));
    assert_true(v.capacity > 5);
    tw_vec_fit(&v);
    assert_int_equal(v.capacity, 5);
    assert_true(tw_vec_push(&v, 5));
    for (int i = 0; i < 6; i++)
        assert_int_equal(v.items[i], i);
    tw_vec_clear(&v);
}

static void a_size_that_overflows_leaves_the_vector_as_it_was(void **state)
{
    (void)state;
    int_vec v = {0};
    assert_true(tw_vec_push(&v, 9));
    assert_false(tw_vec_reserve(&v, SIZE_MAX));
    assert_false(tw_vec_reserve(&v, SIZE_MAX / 2));
    assert_int_equal(v.count, 1);
    assert_int_equal(v.items[0], 9);
    tw_vec_clear(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushed_elements_stay_in_order),
        cmocka_unit_test(reserving_keeps_the_elements_and_never_shrinks),
        cmocka_unit_test(what_is_too_much_room_can_be_given_back),
        cmocka_unit_test(a_size_that_overflows_leaves_the_vector_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
