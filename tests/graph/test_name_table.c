/* SPDX-License-Identifier: Apache-2.0
 * The table of names in use: found by text, in one case or any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/name_table.h"
#include "support/failing_allocator.h"

enum { MANY = 3000 };

static tw_name *put(tw_name_table *table, const char *text, uint32_t times)
{
    size_t length = strlen(text);
    assert_true(tw_name_table_reserve(table, 1));
    tw_name *name = tw_name_table_add(table, tw_name_hash(text, length), text, length);
    name->times = times;
    return name;
}

static const char *found(const tw_name_table *table, const char *text)
{
    size_t length = strlen(text);
    tw_name *name = tw_name_table_find(table, tw_name_hash(text, length), text, length);
    return name ? name->text : NULL;
}

static const char *taken(const tw_name_table *table, const char *text, bool exact)
{
    size_t length = strlen(text);
    tw_name *own;
    tw_name *name = tw_name_table_taken(table, tw_name_hash(text, length), text, length, exact,
                                        &own);
    const char *found_text = found(table, text);
    assert_ptr_equal(own ? own->text : NULL, found_text);
    return name ? name->text : NULL;
}

/* Lengths around eight are those that are hashed in other ways. */
static void every_name_is_found_whatever_its_length(void **state)
{
    (void)state;
    tw_name_table table = {0};
    char texts[40][41];
    assert_null(found(&table, "x"));
    for (size_t i = 0; i < 40; i++) {
        memset(texts[i], 'b', i);
        texts[i][i] = '\0';
        put(&table, texts[i], 1);
    }
    for (size_t i = 0; i < 40; i++) {
        assert_ptr_equal(found(&table, texts[i]), texts[i]);
        for (size_t k = 0; k < i; k++) { /* each character counts */
            char other[41];
            memcpy(other, texts[i], sizeof other);
            other[k] = 'c';
            assert_null(found(&table, other));
        }
    }
    tw_name_table_clear(&table);
    assert_null(found(&table, "b"));
}

static void names_that_differ_in_case_are_told_apart_where_it_is_asked(void **state)
{
    (void)state;
    tw_name_table table = {0};
    put(&table, "Scope/MatMul_10", 1);
    assert_null(found(&table, "scope/matmul_10"));
    assert_string_equal(taken(&table, "sCOPE/MATMUL_10", false), "Scope/MatMul_10");
    assert_null(taken(&table, "scope/matmul_10", true));
    assert_string_equal(taken(&table, "Scope/MatMul_10", true), "Scope/MatMul_10");
    /* One bit is all by which "_" and DEL, "@" and "`" differ as cases do. */
    put(&table, "a_b", 1);
    assert_null(taken(&table,
                      "a\x7f"
                      "b",
                      false));
    put(&table, "a[b", 1);
    assert_null(taken(&table, "a{b", false));
    tw_name_table_clear(&table);
}

static void what_was_not_asked_for_is_found_and_does_not_count_as_taken(void **state)
{
    (void)state;
    tw_name_table table = {0};
    put(&table, "foo", 0);
    put(&table, "Foo", 2);
    assert_string_equal(found(&table, "foo"), "foo");
    assert_string_equal(taken(&table, "foo", false), "Foo");
    assert_null(taken(&table, "foo", true));
    tw_name_table_clear(&table);
}

static void a_table_that_grows_keeps_its_names(void **state)
{
    (void)state;
    static char texts[MANY][16];
    tw_name_table table = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i], "name_%u", i);
        put(&table, texts[i], i + 1);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        size_t length = strlen(texts[i]);
        uint32_t hash = tw_name_hash(texts[i], length);
        assert_int_equal(tw_name_table_find(&table, hash, texts[i], length)->times, i + 1);
    }
    assert_null(found(&table, "name_3000"));
    assert_false(tw_name_table_reserve(&table, SIZE_MAX));
    assert_false(tw_name_table_reserve(&table, UINT32_MAX));
    assert_string_equal(found(&table, "name_0"), "name_0");
    tw_name_table_clear(&table);
}

static void without_memory_a_table_stays_as_it_is(void **state)
{
    (void)state;
    size_t live = failing_allocator_live();
    for (size_t n = 1; failing_allocator_next(n); n++) {
        tw_name_table table = {0};
        if (tw_name_table_reserve(&table, 1)) {
            put(&table, "a", 1);
            if (!tw_name_table_reserve(&table, 1000)) {
                assert_int_equal(table.count, 1);
                assert_string_equal(found(&table, "a"), "a");
            }
            assert_true(tw_name_table_reserve(&table, 1000));
            assert_string_equal(found(&table, "a"), "a");
        }
        tw_name_table_clear(&table);
        assert_int_equal(failing_allocator_live(), live);
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_whatever_its_length),
        cmocka_unit_test(names_that_differ_in_case_are_told_apart_where_it_is_asked),
        cmocka_unit_test(what_was_not_asked_for_is_found_and_does_not_count_as_taken),
        cmocka_unit_test(a_table_that_grows_keeps_its_names),
        cmocka_unit_test(without_memory_a_table_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("name_table", tests, NULL, NULL);
}
