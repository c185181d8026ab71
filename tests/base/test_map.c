/* SPDX-License-Identifier: Apache-2.0
 * Maps against what a plain array says, over many insertions and removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

enum { KEYS = 3000 };

static const char *key_text(size_t i)
{
    static char text[32];
    snprintf(text, sizeof text, "layer_%zu/weights", i);
    return text;
}

static void what_was_set_is_found_and_nothing_else(void **state)
{
    (void)state;
    static int values[KEYS];
    tw_map map = {0};
    assert_null(tw_map_get(&map, "a"));
    assert_null(tw_map_remove(&map, "a"));
    for (size_t i = 0; i < KEYS; i++)
        assert_true(tw_map_set(&map, key_text(i), &values[i]));
    assert_int_equal(map.count, KEYS);
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(tw_map_get(&map, key_text(i)), &values[i]);
    assert_null(tw_map_get(&map, "layer_1"));
    assert_null(tw_map_get(&map, "layer_1/weights/more"));
    assert_false(tw_map_has(&map, ""));
    assert_ptr_equal(tw_map_get_n(&map, "layer_1/weights/more", 15), &values[1]);
    tw_map_clear(&map);
    assert_false(tw_map_has(&map, key_text(1)));
}

static void setting_again_replaces_and_null_is_a_value(void **state)
{
    (void)state;
    int a, b;
    tw_map map = {0};
    assert_true(tw_map_set(&map, "", &a));
    assert_true(tw_map_set(&map, "", &b));
    assert_true(tw_map_set(&map, "none", NULL));
    assert_int_equal(map.count, 2);
    assert_ptr_equal(tw_map_get(&map, ""), &b);
    assert_true(tw_map_has(&map, "none"));
    assert_null(tw_map_get(&map, "none"));
    tw_map_clear(&map);
}

static void iteration_keeps_the_order_of_insertion_over_removals(void **state)
{
    (void)state;
    static int values[KEYS];
    tw_map map = {0};
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(tw_map_set(&map, key_text(i), &values[i]));
        if (i % 3 == 2)
            assert_ptr_equal(tw_map_remove(&map, key_text(i - 1)), &values[i - 1]);
    }
    assert_null(tw_map_remove(&map, key_text(1)));
    const char *key;
    void *value;
    size_t expected = 0, seen = 0;
    for (size_t i = 0; tw_map_next(&map, &i, &key, &value); seen++) {
        expected += expected % 3 == 1;
        assert_string_equal(key, key_text(expected));
        assert_ptr_equal(value, &values[expected]);
        expected++;
    }
    assert_int_equal(seen, map.count);
    assert_int_equal(seen, KEYS - KEYS / 3);
    tw_map_clear(&map);
}

static void a_map_that_comes_and_goes_does_not_grow(void **state)
{
    (void)state;
    int value;
    tw_map map = {0};
    for (size_t i = 0; i < 10 * KEYS; i++) {
        assert_true(tw_map_set(&map, key_text(i), &value));
        assert_ptr_equal(tw_map_remove(&map, key_text(i)), &value);
    }
    assert_int_equal(map.count, 0);
    assert_true(map.capacity <= 16);
    tw_map_clear(&map);
}

static void integers_map_to_integers(void **state)
{
    (void)state;
    tw_int_map map = {0};
    uint64_t value;
    assert_false(tw_int_map_get(&map, 0, &value));
    for (uint64_t i = 0; i < KEYS; i++)
        assert_true(tw_int_map_set(&map, i << 32, i));
    for (uint64_t i = 0; i < KEYS; i += 2)
        assert_true(tw_int_map_set(&map, i << 32, ~i));
    assert_true(tw_int_map_set(&map, UINT64_MAX, 7));
    assert_int_equal(map.count, KEYS + 1);
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_true(tw_int_map_get(&map, i << 32, &value));
        assert_true(value == (i % 2 ? i : ~i));
    }
    assert_true(tw_int_map_get(&map, UINT64_MAX, &value) && value == 7);
    assert_true(tw_int_map_get(&map, UINT64_MAX, NULL));
    assert_false(tw_int_map_get(&map, 1, &value));
    tw_int_map_clear(&map);
}

static void hashes_depend_on_every_byte_the_length_and_the_seed(void **state)
{
    (void)state;
    unsigned char data[40] = {0};
    uint64_t seen[2 * sizeof data + 2];
    size_t n = 0;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = 1;
        seen[n++] = tw_hash_bytes(data, sizeof data, 0);
        data[i] = 0;
        seen[n++] = tw_hash_bytes(data, i, 0);
    }
    seen[n++] = tw_hash_bytes(data, sizeof data, 0);
    seen[n++] = tw_hash_bytes(data, sizeof data, 1);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_set_is_found_and_nothing_else),
        cmocka_unit_test(setting_again_replaces_and_null_is_a_value),
        cmocka_unit_test(iteration_keeps_the_order_of_insertion_over_removals),
        cmocka_unit_test(a_map_that_comes_and_goes_does_not_grow),
        cmocka_unit_test(integers_map_to_integers),
        cmocka_unit_test(hashes_depend_on_every_byte_the_length_and_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
