/* SPDX-License-Identifier: Apache-2.0
 * Linux, macOS and other POSIX systems: threads, locks, time, waiting on a word, libraries, fork.
 * Files are in os_file_posix.c. Waiting on a word is a futex on Linux; elsewhere os_wait.c does it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/os.h"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/random.h>
#endif

static const int64_t SECOND = 1000000000;

/* Default attributes: not recursive, so a second lock by the same thread hangs, which keeps lock
 * orders honest in tests. */
void tw_mutex_init(tw_mutex *mutex)
{
    pthread_mutex_init(&mutex->m, NULL);
}

void tw_mutex_free(tw_mutex *mutex)
{
    pthread_mutex_destroy(&mutex->m);
}

void tw_mutex_lock(tw_mutex *mutex)
{
    pthread_mutex_lock(&mutex->m);
}

void tw_mutex_unlock(tw_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->m);
}

void tw_cond_init(tw_cond *cond)
{
    pthread_cond_init(&cond->c, NULL);
}

void tw_cond_free(tw_cond *cond)
{
    pthread_cond_destroy(&cond->c);
}

/* May return without a wake, as POSIX allows, so every caller stands in a loop over the
 * condition that it waits for. */
void tw_cond_wait(tw_cond *cond, tw_mutex *mutex)
{
    pthread_cond_wait(&cond->c, &mutex->m);
}

/* Conditions made by the static initialiser wait on the wall clock, which may be set back; short
 * waits and the monotonic clock between them bound the harm. */
bool tw_cond_wait_until(tw_cond *cond, tw_mutex *mutex, int64_t deadline)
{
    int64_t left = deadline - tw_os_now();
    if (left <= 0)
        return false;
    left = left < SECOND ? left : SECOND;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t nanoseconds = until.tv_nsec + left;
    until.tv_sec += (time_t)(nanoseconds / SECOND);
    until.tv_nsec = (long)(nanoseconds % SECOND);
    int rc = pthread_cond_timedwait(&cond->c, &mutex->m, &until);
    return rc != ETIMEDOUT || tw_os_now() < deadline;
}

void tw_cond_signal(tw_cond *cond)
{
    pthread_cond_signal(&cond->c);
}

/* Wakes are hints: a waiter looks at its condition again under the lock, so a wake too many
 * costs time and nothing else. */
void tw_cond_broadcast(tw_cond *cond)
{
    pthread_cond_broadcast(&cond->c);
}

/* Lives on the heap, since the new thread may begin only after the call that started it has
 * returned; the thread frees it. */
typedef struct start {
    void (*run)(void *arg);
    void *arg;
} start;

/* The block is freed before the run, which may never return. */
static void *thread_main(void *arg)
{
    start begin = *(start *)arg;
    tw_free(arg);
    begin.run(begin.arg);
    return NULL;
}

/* Signals that tell of something outside are left to the program's own threads. */
static void block_signals(sigset_t *old)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, old);
}

/* Signals are blocked while the thread starts, so that the program's handlers never run on a
 * worker. */
bool tw_thread_start(tw_thread *thread, void (*run)(void *arg), void *arg)
{
    start *begin = TW_NEW(start);
    if (!begin)
        return false;
    *begin = (start){run, arg};
    sigset_t old;
    block_signals(&old);
    int rc = pthread_create(&thread->t, NULL, thread_main, begin);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc)
        tw_free(begin);
    return rc == 0;
}

/* Joins once and only once: the handle is gone afterwards, and what the thread wrote is seen by
 * the caller from here on. */
void tw_thread_join(tw_thread *thread)
{
    pthread_join(thread->t, NULL);
}

void tw_thread_yield(void)
{
    sched_yield();
}

/* The address of a thread's own variable: no system call, and right in the child of a fork. */
uint64_t tw_thread_id(void)
{
    static _Thread_local char own;
    return (uint64_t)(uintptr_t)&own;
}

/* Asked anew each time and not kept, because a fork changes it and a kept number would then be
 * the parent's. */
uint64_t tw_process_id(void)
{
    return (uint64_t)getpid();
}

/* Monotonic, for deadlines and durations must not jump when the clock is set. */
int64_t tw_os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* Microseconds since 1970, and it may jump when the clock is set; spans of time are measured
 * with tw_os_now instead. */
int64_t tw_os_wall_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#if defined(__linux__)

/* "QUOTA PERIOD" in microseconds, rounded up to cores; INT_MAX without a limit. */
static int cores_of_control_group(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return INT_MAX;
    long quota = 0, period = 0;
    int got = fscanf(file, "%ld %ld", &quota, &period);
    fclose(file);
    if (got != 2 || quota <= 0 || period <= 0 || quota / period >= INT_MAX)
        return INT_MAX;
    return (int)(quota / period + (quota % period != 0));
}

/* A set holds 1024 processors; on larger machines the call fails and all that are online count. */
static int cores_of_affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* What this process may use and not what the machine has: containers often allow far less. */
int tw_os_cores(void)
{
    int cores = cores_of_affinity(), limit = cores_of_control_group();
    cores = cores < limit ? cores : limit;
    return cores > 1 ? cores : 1;
}

/* May wake without cause, so that callers look at the word again in a loop. */
void tw_os_wait_word(uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

/* A private futex: the word is never shared between processes, and the kernel then need not look
 * up the page behind it. */
void tw_os_wake_word(uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

#else

int tw_os_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 1 ? (int)cores : 1;
}

#endif

/* There is no way to take the handlers back, so only what lives as long as the process may be
 * registered here. */
bool tw_os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(prepare, parent, child) == 0;
}

/* The names go from the most to the least specific, and the first that loads is taken; that none
 * does is an ordinary answer. */
void *tw_os_library_open(const char *const *names)
{
    for (; *names; names++) {
        /* Local: the library's names must not answer for those of the program. */
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
    }
    return NULL;
}

/* NULL for a symbol that is not there, which callers take as a library too old for them and not
 * as a failure of the program. */
void *tw_os_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

/* Never fails, since callers need a seed in any case; it is for seeds and names of files, not
 * for secrets. */
void tw_os_entropy(void *out, size_t size)
{
    unsigned char *bytes = out;
    for (size_t done = 0; done < size;) {
        /* The most that getentropy gives at once. */
        size_t part = size - done < 256 ? size - done : 256;
        if (getentropy(bytes + done, part) == 0) {
            done += part;
            continue;
        }
        /* A kernel without random numbers: time, process and place are what is left. */
        uint64_t mixed = (uint64_t)tw_os_now() ^ (tw_process_id() << 40) ^ (uintptr_t)&mixed;
        mixed = (mixed ^ mixed >> 31) * UINT64_C(0x9e3779b97f4a7c15);
        bytes[done++] = (unsigned char)(mixed >> 56);
    }
}

/* Only whole pages can be named; what the system answers makes no difference to what is right. */
void tw_os_advise_huge(void *memory, size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    enum { PAGE = 4096 };
    uintptr_t first = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
    uintptr_t end = ((uintptr_t)memory + size) / PAGE * PAGE;
    if (first < end)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)memory, (void)size;
#endif
}
