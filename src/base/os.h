/* SPDX-License-Identifier: Apache-2.0
 * What differs by system (os_posix.c, os_windows.c): time, threads, locks, files, dynamic
 * libraries. */
#ifndef TW_BASE_OS_H
#define TW_BASE_OS_H

#include "thalweg/status.h"

#if defined(_WIN32)
typedef struct tw_mutex {
    void *srw;
} tw_mutex;
typedef struct tw_cond {
    void *cv;
} tw_cond;
typedef struct tw_thread {
    void *handle;
} tw_thread;
/* clang-format off */
#define TW_MUTEX_INIT {0}
#define TW_COND_INIT {0}
/* clang-format on */
#else
#include <pthread.h>
typedef struct tw_mutex {
    pthread_mutex_t m;
} tw_mutex;
typedef struct tw_cond {
    pthread_cond_t c;
} tw_cond;
typedef struct tw_thread {
    pthread_t t;
} tw_thread;
/* clang-format off */
#define TW_MUTEX_INIT {PTHREAD_MUTEX_INITIALIZER}
#define TW_COND_INIT {PTHREAD_COND_INITIALIZER}
/* clang-format on */
#endif

/* Locks are not recursive. Those made by TW_MUTEX_INIT and TW_COND_INIT need no init or free. */
void tw_mutex_init(tw_mutex *mutex);
void tw_mutex_free(tw_mutex *mutex);
void tw_mutex_lock(tw_mutex *mutex);
void tw_mutex_unlock(tw_mutex *mutex);
void tw_cond_init(tw_cond *cond);
void tw_cond_free(tw_cond *cond);
/* The mutex is held before and after; it may wake for no reason, so wait in a loop. */
void tw_cond_wait(tw_cond *cond, tw_mutex *mutex);
/* Until `deadline` of tw_os_now (nanoseconds); false: it passed. */
bool tw_cond_wait_until(tw_cond *cond, tw_mutex *mutex, int64_t deadline);
void tw_cond_signal(tw_cond *cond);
void tw_cond_broadcast(tw_cond *cond);
/* False: no memory or no thread to be had. Signals from outside go to the program's own threads. */
bool tw_thread_start(tw_thread *thread, void (*run)(void *arg), void *arg);
void tw_thread_join(tw_thread *thread);
void tw_thread_yield(void);
uint64_t tw_thread_id(void); /* of the calling thread, never 0 */
uint64_t tw_process_id(void);
/* Runs `fn` on the calling thread when that ends (the main thread never does: the process ends). */
bool tw_os_on_thread_exit(void (*fn)(void));

int64_t tw_os_now(void);       /* monotonic nanoseconds */
int64_t tw_os_wall_time(void); /* microseconds since 1970 */
int tw_os_cores(void);         /* that this process may use */
/* Sleeps while *word == expected, at most until woken; may also return for no reason. */
void tw_os_wait_word(uint32_t *word, uint32_t expected);
void tw_os_wake_word(uint32_t *word, int count);
/* `prepare` before a fork, `parent` and `child` after; false: not on this system. */
bool tw_os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
/* The first of a NULL-terminated list of names that opens; NULL: none did. */
void *tw_os_library_open(const char *const *names);
void *tw_os_library_symbol(void *library, const char *name);
/* Random bytes from the system. */
/* Not for keys: where the system has no generator the clock stands in. */
void tw_os_entropy(void *out, size_t size);

/* Whole files. `bytes` is the caller's to tw_free and has a NUL after its end; at most `limit`
 * bytes (0: no limit). */
tw_status *tw_os_read_file(const char *path, size_t limit, char **bytes, size_t *size);
/* Written beside the path, synced and renamed over it, so that a reader sees the old or the new
 * file. */
tw_status *tw_os_write_file(const char *path, const void *bytes, size_t size);

/* Memory that is about to be filled: huge pages where the system gives them to who asks. */
void tw_os_advise_huge(void *memory, size_t size);

/* The mode of runs in this thread, whatever the program rounds and traps by: denormals to zero, to
 * nearest, no traps. Returns the old mode for tw_os_float_restore. */
uint64_t tw_os_float_enter(void);
void tw_os_float_restore(uint64_t mode);

#endif
