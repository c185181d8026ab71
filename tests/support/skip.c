/* SPDX-License-Identifier: Apache-2.0
 * Asks by a child of its own, so that one that is ended by the emulator harms nobody. Without the
 * library: what is broken there must not pass for a fault of the system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/skip.h"

#if defined(_WIN32)

bool forked_children_start_threads(void)
{
    return false;
}

#else

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_the_end(void *arg)
{
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
    return arg;
}

static void *return_at_once(void *arg)
{
    return arg;
}

bool forked_children_start_threads(void)
{
    enum { SECONDS = 20 }; /* then it hangs */
    pthread_t beside, own;
    int ended = -1;
    pthread_mutex_lock(&held);
    assert_int_equal(pthread_create(&beside, NULL, wait_for_the_end, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        _exit(pthread_create(&own, NULL, return_at_once, NULL) || pthread_join(own, NULL));
    }
    assert_true(child > 0 && waitpid(child, &ended, 0) == child);
    pthread_mutex_unlock(&held);
    pthread_join(beside, NULL);
    return WIFEXITED(ended) && WEXITSTATUS(ended) == 0;
}

#endif
