/* SPDX-License-Identifier: Apache-2.0
 * The pool: every cell once whatever the number of threads, jobs in jobs, many callers, a fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/os.h"
#include "base/pool.h"
#include "support/environment.h"
#include "support/skip.h"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { MOST_CELLS = 1000, CALLERS = 12, JOBS_OF_A_CALLER = 100 };
static const int64_t PATIENCE = INT64_C(20000000000); /* 20 s: then a wait has hung */

/* Runs first, since the variable is read once. */
static void the_environment_says_how_many_threads_unless_the_program_does(void **state)
{
    (void)state;
    set_environment("THALWEG_NUM_THREADS", "3");
    assert_int_equal(tw_pool_threads(), 3);
    tw_pool_set_threads(5);
    assert_int_equal(tw_pool_threads(), 5);
    tw_pool_set_threads(100000);
    assert_int_equal(tw_pool_threads(), 256);
    tw_pool_set_threads(-4);
    assert_int_equal(tw_pool_threads(), 3);
}

static void count_cell(size_t cell, void *arg)
{
    atomic_fetch_add(&((atomic_int *)arg)[cell], 1);
}

static void every_cell_runs_once_on_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 7, 40};
    static const size_t cells[] = {0, 1, 2, 5, 41, MOST_CELLS};
    static atomic_int counts[MOST_CELLS + 1];
    int times = 0;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        tw_pool_set_threads(threads[t]);
        for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
            for (size_t i = 0; i <= MOST_CELLS; i++)
                atomic_store(&counts[i], 0);
            for (times = 0; times < 5; times++)
                tw_pool_run(0, cells[c], count_cell, counts);
            for (size_t i = 0; i <= MOST_CELLS; i++)
                assert_int_equal(atomic_load(&counts[i]), i < cells[c] ? times : 0);
        }
    }
}

static void accumulate_cell(size_t cell, void *arg)
{
    volatile float sum = 0, step = 1e-38f; /* its halves are denormal */
    for (size_t i = 0; i < 50; i++)
        sum = sum + step / (float)(cell + i + 1);
    ((float *)arg)[cell] = sum;
}

static void results_are_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static float alone[MOST_CELLS], many[MOST_CELLS];
    tw_pool_set_threads(4);
    tw_pool_run(1, MOST_CELLS, accumulate_cell, alone);
    for (int threads = 2; threads <= 4; threads++) {
        memset(many, 0, sizeof many);
        tw_pool_run(threads, MOST_CELLS, accumulate_cell, many);
        assert_memory_equal(alone, many, sizeof alone);
    }
}

typedef struct meeting {
    int expected;
    atomic_int here;
    atomic_bool met;
} meeting;

static void meet(size_t cell, void *arg)
{
    (void)cell;
    meeting *m = arg;
    int64_t until = tw_os_now() + PATIENCE;
    atomic_fetch_add(&m->here, 1);
    while (atomic_load(&m->here) < m->expected && tw_os_now() < until)
        tw_thread_yield();
    if (atomic_load(&m->here) == m->expected)
        atomic_store(&m->met, true);
}

static void cells_run_at_the_same_time(void **state)
{
    (void)state;
    meeting m = {.expected = 2};
    tw_pool_set_threads(2);
    tw_pool_run(2, 2, meet, &m);
    assert_true(atomic_load(&m.met));
}

typedef struct nest {
    atomic_int cells, strangers;
} nest;

typedef struct inner {
    nest *outer;
    uint64_t thread;
} inner;

static void inner_cell(size_t cell, void *arg)
{
    (void)cell;
    inner *in = arg;
    atomic_fetch_add(&in->outer->cells, 1);
    atomic_fetch_add(&in->outer->strangers, tw_thread_id() != in->thread);
}

static void outer_cell(size_t cell, void *arg)
{
    (void)cell;
    inner in = {arg, tw_thread_id()};
    tw_pool_run(0, 20, inner_cell, &in);
}

static void a_job_inside_a_job_stays_on_its_thread(void **state)
{
    (void)state;
    nest n = {0};
    tw_pool_set_threads(3);
    tw_pool_run(0, 30, outer_cell, &n);
    assert_int_equal(atomic_load(&n.cells), 600);
    assert_int_equal(atomic_load(&n.strangers), 0);
}

typedef struct caller {
    tw_thread thread;
    bool right;
} caller;

static void add_cell(size_t cell, void *arg)
{
    ((size_t *)arg)[cell] += cell + 1;
}

static void call_often(void *arg)
{
    caller *c = arg;
    c->right = true;
    for (int i = 0; i < JOBS_OF_A_CALLER; i++) {
        size_t sums[37] = {0};
        tw_pool_run(0, 37, add_cell, sums);
        for (size_t k = 0; k < 37; k++)
            c->right = c->right && sums[k] == k + 1;
    }
}

static void many_callers_at_once_each_get_their_own_cells(void **state)
{
    (void)state;
    caller callers[CALLERS];
    tw_pool_set_threads(4);
    for (int i = 0; i < CALLERS; i++)
        assert_true(tw_thread_start(&callers[i].thread, call_often, &callers[i]));
    for (int i = 0; i < CALLERS; i++) {
        tw_thread_join(&callers[i].thread);
        assert_true(callers[i].right);
    }
}

typedef struct siege {
    atomic_int inside;
    atomic_bool over;
} siege;

static void hold_out(size_t cell, void *arg)
{
    (void)cell;
    siege *s = arg;
    atomic_fetch_add(&s->inside, 1);
    while (!atomic_load(&s->over))
        tw_thread_yield();
}

static void besiege(void *arg)
{
    tw_pool_run(0, 256, hold_out, arg);
}

/* All workers are held by another's job; a caller that waited for one would hang here. */
static void a_caller_does_not_wait_for_workers_that_have_not_begun(void **state)
{
    (void)state;
    siege s = {0};
    tw_thread thread;
    static atomic_int counts[8];
    tw_pool_set_threads(256);
    assert_true(tw_thread_start(&thread, besiege, &s));
    int64_t until = tw_os_now() + PATIENCE;
    while (atomic_load(&s.inside) < 2 && tw_os_now() < until)
        tw_thread_yield();
    tw_pool_run(2, 8, count_cell, counts);
    assert_true(atomic_load(&s.inside) >= 2);
    atomic_store(&s.over, true);
    tw_thread_join(&thread);
    for (int i = 0; i < 8; i++)
        assert_int_equal(atomic_load(&counts[i]), 1);
    assert_int_equal(atomic_load(&s.inside), 256);
    tw_pool_set_threads(3);
}

static void note_flushing(size_t cell, void *arg)
{
    volatile float small = 1e-38f;
    small = small / 16;
    ((float *)arg)[cell] = small;
}

static void cells_see_denormals_as_zero_and_the_caller_keeps_his_mode(void **state)
{
    (void)state;
    uint64_t mode = tw_os_float_enter();
    float flushed;
    note_flushing(0, &flushed);
    tw_os_float_restore(mode);
    float halves[64], after;
    tw_pool_run(0, 64, note_flushing, halves);
    note_flushing(0, &after);
    for (int i = 0; i < 64; i++)
        assert_true(halves[i] == flushed);
    assert_true(after > 0);
}

#if defined(_WIN32) || defined(__SANITIZE_THREAD__)

static void a_forked_child_has_a_pool_of_its_own(void **state)
{
    (void)state;
    skip_because("no fork here, or none whose children may start threads");
}

#else

static int child_main(void)
{
    meeting m = {.expected = 2};
    tw_pool_run(2, 2, meet, &m);
    static atomic_int counts[50];
    tw_pool_run(0, 50, count_cell, counts);
    for (int i = 0; i < 50; i++) {
        if (atomic_load(&counts[i]) != 1)
            return 1;
    }
    return atomic_load(&m.met) ? 0 : 2;
}

typedef struct background {
    atomic_int jobs;
    atomic_bool enough;
} background;

static void work_until_told(void *arg)
{
    static atomic_int counts[100];
    background *b = arg;
    while (!atomic_load(&b->enough)) {
        tw_pool_run(0, 100, count_cell, counts);
        atomic_fetch_add(&b->jobs, 1);
    }
}

static void a_forked_child_has_a_pool_of_its_own(void **state)
{
    (void)state;
    background b = {0};
    tw_thread thread;
    if (getenv("THALWEG_EMULATED") && !forked_children_start_threads())
        skip_because("the emulator's forked children cannot start threads");
    tw_pool_set_threads(3);
    assert_true(tw_thread_start(&thread, work_until_told, &b));
    meeting m = {.expected = 3}; /* no thread still starts, which may hold an allocator's lock */
    tw_pool_run(3, 3, meet, &m);
    while (atomic_load(&b.jobs) < 2)
        tw_thread_yield();
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(20); /* a child that hangs is a failure and no endless test */
            _exit(child_main());
        }
        int ended = -1;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFEXITED(ended));
        assert_int_equal(WEXITSTATUS(ended), 0);
    }
    atomic_store(&b.enough, true);
    tw_thread_join(&thread);
    assert_int_equal(child_main(), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_says_how_many_threads_unless_the_program_does),
        cmocka_unit_test(a_forked_child_has_a_pool_of_its_own),
        cmocka_unit_test(every_cell_runs_once_on_any_number_of_threads),
        cmocka_unit_test(results_are_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(cells_run_at_the_same_time),
        cmocka_unit_test(a_job_inside_a_job_stays_on_its_thread),
        cmocka_unit_test(many_callers_at_once_each_get_their_own_cells),
        cmocka_unit_test(a_caller_does_not_wait_for_workers_that_have_not_begun),
        cmocka_unit_test(cells_see_denormals_as_zero_and_the_caller_keeps_his_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
