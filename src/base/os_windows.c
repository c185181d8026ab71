/* SPDX-License-Identifier: Apache-2.0
 * Windows: threads, locks, time, libraries. Files are in os_file_windows.c, waiting on a word in
 * os_wait.c. Locks are slim reader-writer locks, which need no release. */
#define _CRT_RAND_S /* makes stdlib.h declare rand_s */
#define WIN32_LEAN_AND_MEAN
#include <process.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "base/alloc.h"
#include "base/os.h"

static const int64_t SECOND = 1000000000, MILLISECOND = 1000000;

_Static_assert(sizeof(tw_mutex) == sizeof(SRWLOCK), "a tw_mutex is a lock");
_Static_assert(sizeof(tw_cond) == sizeof(CONDITION_VARIABLE), "a tw_cond is a condition");

/* The header names no Windows type, so that windows.h stays out of the rest. */
static SRWLOCK *lock_of(tw_mutex *mutex)
{
    return (SRWLOCK *)(void *)mutex;
}

/* The header keeps windows.h out of every file by declaring one pointer, which is the size of
 * what the system's type holds. */
static CONDITION_VARIABLE *condition_of(tw_cond *cond)
{
    return (CONDITION_VARIABLE *)(void *)cond;
}

/* An exclusive slim lock is not recursive, as the POSIX one is not, so an error of that kind
 * shows on both systems. */
void tw_mutex_init(tw_mutex *mutex)
{
    InitializeSRWLock(lock_of(mutex));
}

void tw_mutex_free(tw_mutex *mutex)
{
    (void)mutex;
}

void tw_mutex_lock(tw_mutex *mutex)
{
    AcquireSRWLockExclusive(lock_of(mutex));
}

void tw_mutex_unlock(tw_mutex *mutex)
{
    ReleaseSRWLockExclusive(lock_of(mutex));
}

void tw_cond_init(tw_cond *cond)
{
    InitializeConditionVariable(condition_of(cond));
}

/* Nothing to do: the system's condition variables hold no resources, but the call stays so that
 * users are written alike everywhere. */
void tw_cond_free(tw_cond *cond)
{
    (void)cond;
}

/* May return without a wake, as on POSIX, so every caller stands in a loop over the condition
 * that it waits for. */
void tw_cond_wait(tw_cond *cond, tw_mutex *mutex)
{
    SleepConditionVariableSRW(condition_of(cond), lock_of(mutex), INFINITE, 0);
}

/* False only once the deadline has passed: a wait that was cut to an hour counts as woken and is
 * taken up again. */
bool tw_cond_wait_until(tw_cond *cond, tw_mutex *mutex, int64_t deadline)
{
    int64_t left = deadline - tw_os_now();
    if (left <= 0)
        return false;
    /* The wait is in 32 bits of milliseconds; who wakes early waits again. */
    left = left < 3600 * SECOND ? left : 3600 * SECOND;
    DWORD wait = (DWORD)((left + MILLISECOND - 1) / MILLISECOND);
    return SleepConditionVariableSRW(condition_of(cond), lock_of(mutex), wait, 0) ||
           tw_os_now() < deadline;
}

void tw_cond_signal(tw_cond *cond)
{
    WakeConditionVariable(condition_of(cond));
}

void tw_cond_broadcast(tw_cond *cond)
{
    WakeAllConditionVariable(condition_of(cond));
}

/* Lives on the heap, since the new thread may begin only after the call that started it has
 * returned; the thread frees it. */
typedef struct start {
    void (*run)(void *arg);
    void *arg;
} start;

/* Copies the record and frees it before it runs, so that a thread which never returns does not
 * hold on to it. */
static unsigned __stdcall thread_main(void *arg)
{
    start begin = *(start *)arg;
    tw_free(arg);
    begin.run(begin.arg);
    return 0;
}

/* By _beginthreadex and not CreateThread, for the C library keeps records of each thread that
 * only the former sets up and frees. */
bool tw_thread_start(tw_thread *thread, void (*run)(void *arg), void *arg)
{
    start *begin = TW_NEW(start);
    if (!begin)
        return false;
    *begin = (start){run, arg};
    thread->handle = (void *)_beginthreadex(NULL, 0, thread_main, begin, 0, NULL);
    if (!thread->handle)
        tw_free(begin);
    return thread->handle != NULL;
}

/* The handle is closed as well, so a thread is joined once and only once; not to join it would
 * leak the handle. */
void tw_thread_join(tw_thread *thread)
{
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}

void tw_thread_yield(void)
{
    SwitchToThread();
}

uint64_t tw_thread_id(void)
{
    return GetCurrentThreadId();
}

uint64_t tw_process_id(void)
{
    return GetCurrentProcessId();
}

/* From the performance counter, which never goes back, so that differences are good for
 * deadlines; its zero means nothing. */
int64_t tw_os_now(void)
{
    LARGE_INTEGER frequency, count;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    /* Whole seconds apart, for the product of all ticks would overflow in days. */
    int64_t per_second = frequency.QuadPart, ticks = count.QuadPart;
    return ticks / per_second * SECOND + ticks % per_second * SECOND / per_second;
}

/* The system counts steps of 100 ns since 1601. */
int64_t tw_os_wall_time(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    int64_t steps = (int64_t)((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime);
    return steps / 10 - INT64_C(11644473600000000);
}

/* Of the processor group that the process runs in. */
int tw_os_cores(void)
{
    DWORD_PTR process, system;
    if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process)
        return __builtin_popcountll(process);
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 1 ? (int)info.dwNumberOfProcessors : 1;
}

/* There is no fork. */
bool tw_os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    (void)prepare;
    (void)parent;
    (void)child;
    return false;
}

/* The names go from the most to the least specific, and the first that loads is taken; that none
 * does is an ordinary answer. */
void *tw_os_library_open(const char *const *names)
{
    for (; *names; names++) {
        HMODULE library = LoadLibraryA(*names);
        if (library)
            return (void *)library;
    }
    return NULL;
}

void *tw_os_library_symbol(void *library, const char *name)
{
    return (void *)(uintptr_t)GetProcAddress((HMODULE)library, name);
}

/* Never fails, since callers need a seed in any case; it is for seeds and names of files, not
 * for secrets. */
void tw_os_entropy(void *out, size_t size)
{
    unsigned char *bytes = out;
    while (size) {
        unsigned random = 0;
        if (rand_s(&random) != 0) /* no generator: the clock is what is left */
            random = (unsigned)((uint64_t)tw_os_now() * UINT64_C(0x9e3779b97f4a7c15) >> 32);
        size_t part = size < sizeof random ? size : sizeof random;
        memcpy(bytes, &random, part);
        bytes += part;
        size -= part;
    }
}

/* Large pages need a privilege here that programs do not have. */
void tw_os_advise_huge(void *memory, size_t size)
{
    (void)memory, (void)size;
}
