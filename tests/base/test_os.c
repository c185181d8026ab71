/* SPDX-License-Identifier: Apache-2.0
 * Threads, waiting, time and libraries as every system must give them. */
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "support/skip.h"

static const int64_t MILLISECOND = 1000000;

typedef struct shared {
    tw_mutex lock;
    tw_cond changed;
    int count;
    uint64_t id;
} shared;

static void add_often(void *arg)
{
    shared *s = arg;
    for (int i = 0; i < 5000; i++) {
        tw_mutex_lock(&s->lock);
        s->count++;
        tw_mutex_unlock(&s->lock);
        if (i % 1000 == 0)
            tw_thread_yield();
    }
}

static void a_lock_lets_one_thread_in(void **state)
{
    (void)state;
    shared s = {.lock = TW_MUTEX_INIT};
    tw_thread threads[4];
    for (int i = 0; i < 4; i++)
        assert_true(tw_thread_start(&threads[i], add_often, &s));
    for (int i = 0; i < 4; i++)
        tw_thread_join(&threads[i]);
    assert_int_equal(s.count, 20000);
}

static void answer(void *arg)
{
    shared *s = arg;
    tw_mutex_lock(&s->lock);
    s->id = tw_thread_id();
    s->count = 1;
    tw_cond_broadcast(&s->changed);
    while (s->count != 2)
        tw_cond_wait(&s->changed, &s->lock);
    s->count = 3;
    tw_cond_signal(&s->changed);
    tw_mutex_unlock(&s->lock);
}

static void conditions_carry_word_both_ways(void **state)
{
    (void)state;
    shared s = {0};
    tw_thread thread;
    tw_mutex_init(&s.lock);
    tw_cond_init(&s.changed);
    assert_true(tw_thread_start(&thread, answer, &s));
    tw_mutex_lock(&s.lock);
    while (s.count != 1)
        tw_cond_wait(&s.changed, &s.lock);
    s.count = 2;
    tw_cond_signal(&s.changed);
    int64_t deadline = tw_os_now() + 20000 * MILLISECOND;
    while (s.count != 3)
        assert_true(tw_cond_wait_until(&s.changed, &s.lock, deadline));
    tw_mutex_unlock(&s.lock);
    tw_thread_join(&thread);
    assert_true(s.id != 0 && s.id != tw_thread_id());
    tw_cond_free(&s.changed);
    tw_mutex_free(&s.lock);
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    shared s = {.lock = TW_MUTEX_INIT, .changed = TW_COND_INIT};
    tw_mutex_lock(&s.lock);
    int64_t deadline = tw_os_now() + 30 * MILLISECOND;
    while (tw_cond_wait_until(&s.changed, &s.lock, deadline))
        assert_true(tw_os_now() < deadline + 20000 * MILLISECOND);
    assert_true(tw_os_now() >= deadline);
    assert_false(tw_cond_wait_until(&s.changed, &s.lock, deadline));
    tw_mutex_unlock(&s.lock);
}

typedef struct word {
    _Atomic uint32_t value, done;
} word;

static void sleep_on_word(void *arg)
{
    word *w = arg;
    while (atomic_load(&w->value) == 7)
        tw_os_wait_word((uint32_t *)&w->value, 7);
    atomic_fetch_add(&w->done, 1);
}

static void sleepers_on_a_word_wake_when_it_changes(void **state)
{
    (void)state;
    word w = {7, 0};
    tw_thread threads[3];
    for (int i = 0; i < 3; i++)
        assert_true(tw_thread_start(&threads[i], sleep_on_word, &w));
    for (int i = 0; i < 100; i++)
        tw_thread_yield();
    assert_int_equal(atomic_load(&w.done), 0);
    atomic_store(&w.value, 8);
    tw_os_wake_word((uint32_t *)&w.value, 3);
    for (int i = 0; i < 3; i++)
        tw_thread_join(&threads[i]);
    assert_int_equal(atomic_load(&w.done), 3);
    tw_os_wait_word((uint32_t *)&w.value, 7); /* another value: no sleep */
}

static void clocks_go_on_and_tell_this_century(void **state)
{
    (void)state;
    int64_t before = tw_os_now();
    for (int i = 0; i < 1000; i++) {
        int64_t now = tw_os_now();
        assert_true(now >= before);
        before = now;
    }
    const int64_t year = INT64_C(31556952000000);
    assert_true(tw_os_wall_time() > 54 * year && tw_os_wall_time() < 130 * year);
}

static void the_process_has_cores_an_id_and_entropy(void **state)
{
    (void)state;
    unsigned char a[600] = {0}, b[600] = {0};
    assert_true(tw_os_cores() >= 1);
    assert_true(tw_process_id() != 0);
    assert_true(tw_thread_id() != 0 && tw_thread_id() == tw_thread_id());
    tw_os_entropy(a, sizeof a);
    tw_os_entropy(b, sizeof b);
    assert_memory_not_equal(a, b, 16);
    assert_memory_not_equal(a + 584, b + 584, 16);
}

static void the_first_library_that_opens_is_taken(void **state)
{
    (void)state;
    const char *const none[] = {"libthalweg-no-such.so", NULL};
    const char *const some[] = {"libthalweg-no-such.so", "libc.so.6", "libSystem.B.dylib",
                                "kernel32.dll", NULL};
    assert_null(tw_os_library_open(none));
    void *library = tw_os_library_open(some);
    if (!library)
        skip_because("the C library has another name here");
    assert_null(tw_os_library_symbol(library, "thalweg_no_such_symbol"));
    void *known = tw_os_library_symbol(library, "qsort");
    assert_non_null(known ? known : tw_os_library_symbol(library, "Sleep"));
}

static void denormals_vanish_only_between_enter_and_restore(void **state)
{
    (void)state;
    volatile float small = 1e-38f, result;
    uint64_t mode = tw_os_float_enter(), again = tw_os_float_enter();
    result = small / 8;
#if defined(__SSE__) || defined(__aarch64__)
    assert_true(result == 0);
#endif
    tw_os_float_restore(again);
    tw_os_float_restore(mode);
    result = small / 8;
    assert_true(result > 0);
}

/* Else what a worker computes and what the program's thread does would differ. */
static void a_run_rounds_to_nearest_whatever_the_program_does(void **state)
{
    (void)state;
#if defined(__SSE2_MATH__) || defined(__aarch64__)
    volatile float one = 1, little = 1e-10f;
    if (fesetround(FE_UPWARD))
        skip_because("there is no other rounding here");
    volatile float upwards = one + little;
    uint64_t mode = tw_os_float_enter();
    volatile float nearest = one + little;
    tw_os_float_restore(mode);
    volatile float again = one + little;
    fesetround(FE_TONEAREST);
    assert_true(upwards > 1 && again == upwards);
    assert_true(nearest == 1);
#else
    skip_because("floats are not rounded by the mode that is set");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_lets_one_thread_in),
        cmocka_unit_test(conditions_carry_word_both_ways),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(sleepers_on_a_word_wake_when_it_changes),
        cmocka_unit_test(clocks_go_on_and_tell_this_century),
        cmocka_unit_test(the_process_has_cores_an_id_and_entropy),
        cmocka_unit_test(the_first_library_that_opens_is_taken),
        cmocka_unit_test(denormals_vanish_only_between_enter_and_restore),
        cmocka_unit_test(a_run_rounds_to_nearest_whatever_the_program_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
