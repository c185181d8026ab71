/* SPDX-License-Identifier: Apache-2.0
 * Arenas: what they hand out stays, is aligned, zeroed and apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum { PIECES = 400 };

static void pieces_of_every_size_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    tw_arena arena = {0};
    unsigned char *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = i * i % 3001;
        pieces[i] = tw_arena_alloc(&arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 255), size);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < i * i % 3001; k++)
            assert_int_equal(pieces[i][k], i & 255);
    }
    assert_true(arena.bytes > PIECES * 1000);
    tw_arena_clear(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void texts_and_data_are_copied_in(void **state)
{
    (void)state;
    tw_arena arena = {0};
    char source[] = "river";
    char *whole = tw_arena_strdup(&arena, source), *part = tw_arena_strndup(&arena, source, 2);
    char *printed = tw_arena_printf(&arena, "%s %d", source, 7);
    int numbers[] = {1, 2, 3}, *copied = tw_arena_copy(&arena, numbers, sizeof numbers);
    memset(source, 'x', 5);
    numbers[2] = 0;
    assert_string_equal(whole, "river");
    assert_string_equal(part, "ri");
    assert_string_equal(printed, "river 7");
    assert_int_equal(copied[2], 3);
    assert_null(tw_arena_strdup(&arena, NULL));
    assert_non_null(tw_arena_copy(&arena, NULL, 0));
    tw_arena_clear(&arena);
}

static void a_large_piece_leaves_the_room_of_the_block_in_use(void **state)
{
    (void)state;
    tw_arena arena = {0};
    char *before = tw_arena_alloc(&arena, 16);
    assert_non_null(tw_arena_alloc(&arena, 100000));
    char *after = tw_arena_alloc(&arena, 16);
    assert_ptr_equal(after, before + 16);
    tw_arena_clear(&arena);
}

static void a_size_that_overflows_gives_null_and_the_arena_goes_on(void **state)
{
    (void)state;
    tw_arena arena = {0};
    assert_null(tw_arena_alloc(&arena, SIZE_MAX));
    assert_null(tw_arena_alloc(&arena, SIZE_MAX - 20));
    assert_null(tw_arena_array(&arena, SIZE_MAX / 2, 4));
    assert_null(tw_arena_strndup(&arena, "", SIZE_MAX));
    int *numbers = tw_arena_array(&arena, 5, sizeof *numbers);
    assert_non_null(numbers);
    assert_int_equal(numbers[4], 0);
    tw_arena_clear(&arena);
    tw_arena_clear(&arena);
    assert_non_null(tw_arena_alloc(&arena, 0));
    tw_arena_clear(&arena);
}

static void memory_of_the_caller_is_used_first_and_never_freed(void **state)
{
    (void)state;
    char room[256];
    for (size_t from = 0; from < 20; from++) {
        tw_arena arena;
        tw_arena_begin(&arena, room + from, sizeof room - from);
        char *first = tw_arena_alloc(&arena, 100), *second = tw_arena_alloc(&arena, 64);
        assert_int_equal((uintptr_t)first % 16, 0);
        assert_true(first >= room + from && second + 64 <= room + sizeof room);
        assert_int_equal(arena.bytes, 0);
        char *third = tw_arena_alloc(&arena, 100);
        assert_true(third < room || third >= room + sizeof room);
        char *large = tw_arena_alloc(&arena, 5000);
        memset(third, 1, 100);
        memset(large, 2, 5000);
        tw_arena_clear(&arena);
        assert_non_null(tw_arena_alloc(&arena, 1));
        tw_arena_clear(&arena);
    }
    for (size_t size = 0; size < 20; size++) {
        tw_arena arena;
        tw_arena_begin(&arena, room + 1, size);
        assert_non_null(tw_arena_alloc(&arena, 1));
        tw_arena_clear(&arena);
    }
}

/* Of an arena of any blocks one is left at most, and what comes next is zeroed as ever. */
static void scratch_memory_is_used_again(void **state)
{
    (void)state;
    tw_arena arena = {0};
    tw_arena_rewind(&arena); /* an empty one */
    assert_non_null(tw_arena_alloc(&arena, 5000));
    tw_arena_rewind(&arena); /* a block of its own alone: it goes */
    assert_int_equal(arena.bytes, 0);
    char *first = tw_arena_alloc(&arena, 100);
    assert_non_null(first);
    size_t bytes = arena.bytes;
    for (int round = 0; round < 3; round++) {
        memset(first, 1, 100);
        assert_non_null(tw_arena_alloc(&arena, 900)); /* a block of its own behind it */
        tw_arena_rewind(&arena);
        assert_int_equal(arena.bytes, bytes);
        assert_ptr_equal(tw_arena_alloc(&arena, 100), first);
        for (int i = 0; i < 100; i++)
            assert_int_equal(first[i], 0);
    }
    for (int i = 0; i < 1000; i++)
        assert_non_null(tw_arena_alloc(&arena, 200)); /* several blocks; the newest is kept */
    tw_arena_rewind(&arena);
    assert_true(arena.bytes <= 66 * 1024 && arena.bytes > bytes);
    assert_non_null(tw_arena_alloc(&arena, 200));
    tw_arena_clear(&arena);
}

static void nothing_has_an_address_of_its_own_and_takes_little(void **state)
{
    (void)state;
    tw_arena arena = {0};
    char *last = tw_arena_alloc(&arena, 8);
    size_t bytes = arena.bytes;
    for (int i = 0; i < 30; i++) {
        char *next = i % 2 ? tw_arena_room(&arena, 0, 8) : tw_arena_alloc(&arena, 0);
        assert_true(next != NULL && next != last);
        last = next;
    }
    assert_int_equal(arena.bytes, bytes);
    assert_null(tw_arena_room(&arena, SIZE_MAX / 2, 4));
    assert_null(tw_arena_room(&arena, 1, SIZE_MAX));
    for (int i = 0; i < 200; i++) { /* also where a block ends */
        assert_int_equal((uintptr_t)tw_arena_room(&arena, 0, 8) % 16, 0);
        memset(tw_arena_room(&arena, 3, 5), 1, 15);
    }
    tw_arena_clear(&arena);
}

/* The rest serves what comes next, cleared anew; what is not the last one, or has a block of its
 * own, stays as it is. */
static void of_the_last_piece_the_end_can_be_given_back(void **state)
{
    (void)state;
    tw_arena arena = {0};
    char *first = tw_arena_alloc(&arena, 200), *last = tw_arena_alloc(&arena, 200);
    memset(first, 1, 200);
    memset(last, 1, 200);
    tw_arena_shorten(&arena, first, 200, 10);
    tw_arena_shorten(&arena, last, 200, 17);
    char *next = tw_arena_alloc(&arena, 100);
    assert_ptr_equal(next, last + 32);
    for (int i = 0; i < 100; i++)
        assert_int_equal(next[i], 0);
    assert_int_equal(last[16], 1);
    char *large = tw_arena_alloc(&arena, 100000);
    tw_arena_shorten(&arena, large, 100000, 1);
    assert_ptr_equal(tw_arena_alloc(&arena, 16), next + 112);
    tw_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_every_size_are_aligned_zeroed_and_apart),
        cmocka_unit_test(texts_and_data_are_copied_in),
        cmocka_unit_test(a_large_piece_leaves_the_room_of_the_block_in_use),
        cmocka_unit_test(a_size_that_overflows_gives_null_and_the_arena_goes_on),
        cmocka_unit_test(memory_of_the_caller_is_used_first_and_never_freed),
        cmocka_unit_test(nothing_has_an_address_of_its_own_and_takes_little),
        cmocka_unit_test(scratch_memory_is_used_again),
        cmocka_unit_test(of_the_last_piece_the_end_can_be_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
