/* SPDX-License-Identifier: Apache-2.0
 * Every function of base when its 1st, 2nd, ... allocation fails: what it says, that it leaks
 * nothing, and that what it was to change is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/text.h"
#include "base/vec.h"
#include "support/failing_allocator.h"

/* Runs `attempt` under every failure; at least `least` must have come to pass. */
static void under_every_failure(void (*attempt)(void), size_t least)
{
    size_t live = failing_allocator_live(), n = 1;
    for (; failing_allocator_next(n); n++) {
        attempt();
        if (failing_allocator_live() != live)
            fail_msg("allocation %zu failing leaves %zu blocks more", n,
                     failing_allocator_live() - live);
    }
    assert_true(n > least);
}

static void try_statuses(void)
{
    tw_status *s = tw_value_error("inner sizes differ, %d and %d", 784, 512);
    if (s == tw_no_memory()) {
        assert_true(failing_allocator_failed());
        return;
    }
    s = tw_status_with_operation(s, "MatMul", "mul");
    s = tw_status_with_note(s, "a note");
    s = tw_status_with_where(s, (tw_where){"train.c", 3});
    s = tw_status_with_note(s, "a second note");
    assert_non_null(strstr(tw_status_message(s), "inner sizes differ, 784 and 512"));
    assert_non_null(strstr(tw_status_report(s), "inner sizes differ, 784 and 512"));
    assert_int_equal(tw_status_code(s), TW_INVALID_ARGUMENT);
    if (tw_status_operation(s))
        assert_true(tw_text_starts(tw_status_message(s), "MatMul 'mul': "));
    if (tw_status_where(s).file)
        assert_non_null(strstr(tw_status_report(s), "\n    made at train.c:3"));
    tw_status *copy = tw_status_copy(s);
    if (copy != tw_no_memory())
        assert_string_equal(tw_status_report(copy), tw_status_report(s));
    tw_status_free(copy);
    tw_status_free(s);
}

static void a_status_outlives_any_failure_of_its_decoration(void **state)
{
    (void)state;
    under_every_failure(try_statuses, 15);
}

static void try_arenas(void)
{
    tw_arena arena = {0};
    char *text = tw_arena_strdup(&arena, "kept");
    void *large = tw_arena_alloc(&arena, 100000);
    char *printed = tw_arena_printf(&arena, "%05000d", 1);
    if (!failing_allocator_failed())
        assert_true(text && large && printed);
    if (text)
        assert_string_equal(text, "kept");
    tw_arena_clear(&arena);
}

static void an_arena_without_memory_gives_null(void **state)
{
    (void)state;
    under_every_failure(try_arenas, 3);
}

static void try_maps(void)
{
    tw_map map = {0};
    size_t set = 0;
    char key[16];
    for (size_t i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "key%zu", i);
        bool done = tw_map_set(&map, key, &map);
        assert_true(done == tw_map_has(&map, key));
        set += done;
    }
    assert_int_equal(map.count, set);
    assert_int_equal(set, failing_allocator_failed() ? 49 : 50);
    tw_map_clear(&map);
}

static void a_map_without_memory_keeps_what_it_has(void **state)
{
    (void)state;
    under_every_failure(try_maps, 50);
}

static void try_int_maps(void)
{
    tw_int_map map = {0};
    uint64_t value, set = 0;
    for (uint64_t i = 0; i < 50; i++) {
        bool done = tw_int_map_set(&map, i, i + 1);
        assert_true(done == tw_int_map_get(&map, i, &value));
        set += done;
    }
    assert_int_equal(map.count, set);
    tw_int_map_clear(&map);
}

static void an_integer_map_without_memory_keeps_what_it_has(void **state)
{
    (void)state;
    under_every_failure(try_int_maps, 9);
}

static void try_vectors(void)
{
    TW_VEC(size_t) v = {0};
    for (size_t i = 0; i < 100; i++) {
        size_t before = v.count;
        if (!tw_vec_push(&v, i))
            assert_int_equal(v.count, before);
        else
            assert_int_equal(v.items[before], i);
    }
    tw_vec_clear(&v);
}

static void a_vector_without_memory_is_as_it_was(void **state)
{
    (void)state;
    under_every_failure(try_vectors, 4);
}

static void try_buffers(void)
{
    tw_buffer b = {0};
    for (int i = 0; i < 100; i++)
        tw_buffer_printf(&b, "%04d", i);
    assert_true(b.failed == failing_allocator_failed());
    char *text = tw_buffer_take(&b);
    if (text)
        assert_int_equal(strlen(text), 400);
    assert_true((text == NULL) == failing_allocator_failed());
    tw_free(text);
    char *copy = tw_strdup("copied");
    tw_free(copy);
    void *aligned = tw_alloc_aligned(100);
    tw_free_aligned(aligned);
}

static void a_buffer_without_memory_says_so_when_taken(void **state)
{
    (void)state;
    under_every_failure(try_buffers, 3);
}

static void expect_no_memory_only_after_a_failure(tw_status *status)
{
    assert_true((status == tw_no_memory()) == (status && failing_allocator_failed()));
    assert_true(!status || failing_allocator_failed());
    tw_status_free(status);
}

static void try_files(void)
{
    static char data[9000];
    char path[64], *bytes;
    size_t size;
    snprintf(path, sizeof path, "base_memory_test_%llu", (unsigned long long)tw_process_id());
    expect_no_memory_only_after_a_failure(tw_os_write_file(path, data, sizeof data));
    tw_status *status = tw_os_read_file(path, 0, &bytes, &size);
    if (tw_status_code(status) == TW_NOT_FOUND) {
        assert_true(failing_allocator_failed());
        tw_status_free(status);
    } else {
        expect_no_memory_only_after_a_failure(status);
    }
    tw_free(bytes);
    remove(path);
}

static void a_file_without_memory_gives_the_status_of_memory(void **state)
{
    (void)state;
    under_every_failure(try_files, 2);
}

static void count_cell(size_t cell, void *arg)
{
    ((int *)arg)[cell]++;
}

/* Threads that could not be started are done without. Those that were free what they were given
 * a little later, so this one asks for results and not for blocks. */
static void a_pool_without_memory_still_runs_every_cell(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 4; n++) {
        int counts[100] = {0};
        tw_pool_set_threads((int)n + 1);
        failing_allocator_next(1);
        tw_pool_run(0, 100, count_cell, counts);
        for (int i = 0; i < 100; i++)
            assert_int_equal(counts[i], 1);
    }
}

int main(void)
{
    failing_allocator_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_outlives_any_failure_of_its_decoration),
        cmocka_unit_test(an_arena_without_memory_gives_null),
        cmocka_unit_test(a_map_without_memory_keeps_what_it_has),
        cmocka_unit_test(an_integer_map_without_memory_keeps_what_it_has),
        cmocka_unit_test(a_vector_without_memory_is_as_it_was),
        cmocka_unit_test(a_buffer_without_memory_says_so_when_taken),
        cmocka_unit_test(a_file_without_memory_gives_the_status_of_memory),
        cmocka_unit_test(a_pool_without_memory_still_runs_every_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
