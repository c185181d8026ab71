/* SPDX-License-Identifier: Apache-2.0
 * The allocator, its checked sizes, the log and the version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/os.h"

static void sizes_that_overflow_give_no_memory_and_false(void **state)
{
    (void)state;
    size_t size;
    int64_t wide;
    assert_null(tw_alloc_array(SIZE_MAX / 2, 3));
    assert_null(tw_alloc_zero(SIZE_MAX, SIZE_MAX));
    assert_null(tw_alloc(SIZE_MAX));
    assert_null(tw_alloc_aligned(SIZE_MAX));
    assert_null(tw_realloc_array(NULL, SIZE_MAX / 4, 5));
    assert_false(tw_size_mul(SIZE_MAX / 2, 3, &size));
    assert_false(tw_size_add(SIZE_MAX, 1, &size));
    assert_false(tw_int64_mul(INT64_MAX / 2, 3, &wide));
    assert_false(tw_int64_mul(INT64_MIN, -1, &wide));
    assert_true(tw_size_mul(6, 7, &size) && size == 42);
    assert_true(tw_size_add(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    assert_true(tw_int64_mul(-6, 7, &wide) && wide == -42);
}

static void nothing_is_a_valid_size(void **state)
{
    (void)state;
    void *plain = tw_alloc(0), *zero = tw_alloc_zero(0, 8), *aligned = tw_alloc_aligned(0);
    assert_non_null(plain);
    assert_non_null(zero);
    assert_non_null(aligned);
    plain = tw_realloc_array(plain, 0, 8);
    assert_non_null(plain);
    tw_free(plain);
    tw_free(zero);
    tw_free_aligned(aligned);
    tw_free(NULL);
    tw_free_aligned(NULL);
}

static void aligned_memory_begins_at_a_multiple_of_64(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300; size += 7) {
        unsigned char *memory = tw_alloc_aligned(size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        memset(memory, 0xab, size);
        tw_free_aligned(memory);
    }
}

/* Three bits of the hash by which AMD's first cache knows lines of one place in a page. */
static unsigned tag_of(const void *memory)
{
    uint64_t at = (uintptr_t)memory;
    unsigned tag = 0;
    for (int i = 0; i < 3; i++)
        tag |= (unsigned)((at >> (12 + i) ^ at >> (27 - i)) & 1) << i;
    return tag;
}

static void large_memory_has_its_second_line_at_a_page(void **state)
{
    (void)state;
    enum { BLOCKS = 8, BYTES = 1 << 17, HUGE_PAGE = 2 << 20 };
    char *memory[BLOCKS];
    unsigned tags = 0;
    for (int i = 0; i < BLOCKS; i++) {
        memory[i] = tw_alloc_aligned(BYTES);
        assert_non_null(memory[i]);
        assert_int_equal((uintptr_t)(memory[i] + TW_ALLOC_LINE) % 4096, 0);
        memset(memory[i], i, BYTES);
        tags |= 1u << tag_of(memory[i] + TW_ALLOC_LINE);
    }
    assert_int_equal(tags, 0xff); /* each of them once */
    for (int i = 0; i < BLOCKS; i++) {
        assert_int_equal(memory[i][0], i);
        assert_int_equal(memory[i][BYTES - 1], i);
        tw_free_aligned(memory[i]);
    }
    const size_t sizes[] = {TW_ALLOC_PAGED, HUGE_PAGE - 1, HUGE_PAGE, HUGE_PAGE + 64, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *one = tw_alloc_aligned(sizes[i]);
        assert_non_null(one);
        assert_int_equal(
            (uintptr_t)(one + TW_ALLOC_LINE) % (sizes[i] < HUGE_PAGE ? 4096 : HUGE_PAGE), 0);
        memset(one, 1, sizes[i]);
        tw_free_aligned(one);
    }
}

static void zeroed_memory_is_zero_and_copies_of_texts_are_equal(void **state)
{
    (void)state;
    unsigned char *memory = tw_alloc_zero(33, 3);
    for (int i = 0; i < 99; i++)
        assert_int_equal(memory[i], 0);
    tw_free(memory);
    char *whole = tw_strdup("valley"), *part = tw_strndup("valley", 3);
    assert_string_equal(whole, "valley");
    assert_string_equal(part, "val");
    tw_free(whole);
    tw_free(part);
}

typedef struct counts {
    int allocated, resized, released, aligned, aligned_released;
} counts;

/* Distances at which long runs go another way, others, and such by which both overlap. */
static void copied_bytes_are_as_they_were_wherever_they_lie(void **state)
{
    (void)state;
    enum { WHOLE = 16384, FROM = 4200 };
    static const ptrdiff_t apart[] = {-4111, -4096, -4095, -4081, -64,  -15,  -1,   1,
                                      7,     15,    16,    64,    4095, 4097, 4103, 4111};
    static const size_t sizes[] = {0, 1, 63, 2048, 2049, 2111, 2112, 4000, 5000};
    unsigned char *before = tw_alloc(WHOLE), *after = tw_alloc(WHOLE);
    for (size_t i = 0; i < WHOLE; i++)
        before[i] = (unsigned char)(i * 37 ^ i >> 8);
    for (size_t a = 0; a < sizeof apart / sizeof *apart; a++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t to = (size_t)(FROM + apart[a]), bytes = sizes[s];
            memcpy(after, before, WHOLE);
            tw_copy_bytes(after + to, after + FROM, bytes);
            assert_memory_equal(after, before, to);
            assert_memory_equal(after + to, before + FROM, bytes);
            assert_memory_equal(after + to + bytes, before + to + bytes, WHOLE - to - bytes);
        }
    }
    tw_free(before);
    tw_free(after);
}

static void *count_allocate(size_t size, void *user)
{
    ((counts *)user)->allocated++;
    return malloc(size);
}

static void *count_resize(void *memory, size_t size, void *user)
{
    ((counts *)user)->resized++;
    return realloc(memory, size);
}

static void count_release(void *memory, void *user)
{
    ((counts *)user)->released++;
    free(memory);
}

static void *count_aligned(size_t size, size_t alignment, void *user)
{
    ((counts *)user)->aligned++;
    assert_int_equal(alignment, 64);
    return malloc(size);
}

static void count_aligned_release(void *memory, void *user)
{
    ((counts *)user)->aligned_released++;
    free(memory);
}

static void a_given_allocator_serves_every_kind_of_request(void **state)
{
    (void)state;
    counts n = {0};
    tw_allocator allocator = {count_allocate, count_resize,          count_release,
                              count_aligned,  count_aligned_release, &n};
    tw_set_allocator(&allocator);
    tw_free(tw_realloc_array(tw_alloc(4), 3, 3));
    tw_free_aligned(tw_alloc_aligned(5));
    tw_free_block(tw_alloc_block()); /* though the test before left some of malloc's */
    tw_set_allocator(NULL);
    tw_free(tw_alloc(1));
    assert_int_equal(n.allocated, 2);
    assert_int_equal(n.resized, 1);
    assert_int_equal(n.released, 2);
    assert_int_equal(n.aligned, 1);
    assert_int_equal(n.aligned_released, 1);
}

enum { HELD = 24, TURNS = 200 };

/* Who holds blocks marks them, and counts the marks that are not its own. */
typedef struct holder {
    int mark, wrong;
} holder;

static void hold_blocks(void *arg)
{
    holder *h = arg;
    unsigned char *held[HELD];
    int mark = h->mark;
    for (int turn = 0; turn < TURNS; turn++) {
        int count = 1 + (turn * 7 + mark) % HELD;
        for (int i = 0; i < count; i++) {
            held[i] = tw_alloc_block();
            if (!held[i])
                abort();
            memset(held[i], mark + i, TW_ALLOC_BLOCK);
        }
        for (int i = 0; i < count; i++) {
            for (size_t k = 0; k < TW_ALLOC_BLOCK; k += 501)
                h->wrong += held[i][k] != mark + i;
            tw_free_block(held[i]);
        }
    }
}

static void a_block_has_one_holder_at_a_time(void **state)
{
    (void)state;
    tw_thread threads[3];
    holder holders[3] = {{1, 0}, {60, 0}, {120, 0}};
    for (size_t i = 0; i < 3; i++)
        assert_true(tw_thread_start(&threads[i], hold_blocks, &holders[i]));
    for (size_t i = 0; i < 3; i++) {
        tw_thread_join(&threads[i]);
        assert_int_equal(holders[i].wrong, 0);
    }
    void *one = tw_alloc_block(), *other = tw_alloc_block();
    assert_true(one && other && one != other);
    tw_free_block(one);
    tw_free_block(other);
}

typedef struct heard {
    tw_log_level level;
    int times;
    char text[2000];
} heard;

static void hear(tw_log_level level, const char *text, void *user)
{
    heard *h = user;
    h->level = level;
    h->times++;
    strncpy(h->text, text, sizeof h->text - 1);
}

static void the_log_goes_where_it_is_told_and_long_texts_are_cut(void **state)
{
    (void)state;
    heard h = {0};
    tw_log(TW_LOG_ERROR, "nobody hears this");
    tw_set_log(hear, &h);
    tw_log(TW_LOG_WARNING, "%d of %s", 3, "four");
    assert_int_equal(h.times, 1);
    assert_int_equal(h.level, TW_LOG_WARNING);
    assert_string_equal(h.text, "3 of four");
    tw_log(TW_LOG_INFO, "%01500d", 1);
    assert_int_equal(strlen(h.text), 1023);
    tw_set_log(NULL, NULL);
    tw_log(TW_LOG_INFO, "nor this");
    assert_int_equal(h.times, 2);
}

static void the_version_is_three_numbers(void **state)
{
    (void)state;
    char *end;
    strtol(tw_version(), &end, 10);
    assert_int_equal(*end, '.');
    strtol(end + 1, &end, 10);
    assert_int_equal(*end, '.');
    strtol(end + 1, &end, 10);
    assert_int_equal(*end, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_give_no_memory_and_false),
        cmocka_unit_test(nothing_is_a_valid_size),
        cmocka_unit_test(aligned_memory_begins_at_a_multiple_of_64),
        cmocka_unit_test(large_memory_has_its_second_line_at_a_page),
        cmocka_unit_test(zeroed_memory_is_zero_and_copies_of_texts_are_equal),
        cmocka_unit_test(copied_bytes_are_as_they_were_wherever_they_lie),
        cmocka_unit_test(a_block_has_one_holder_at_a_time),
        cmocka_unit_test(a_given_allocator_serves_every_kind_of_request),
        cmocka_unit_test(the_log_goes_where_it_is_told_and_long_texts_are_cut),
        cmocka_unit_test(the_version_is_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
