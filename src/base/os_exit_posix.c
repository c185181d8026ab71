/* SPDX-License-Identifier: Apache-2.0
 * What is to be done when a thread ends: a list under one thread-specific key, whose destructor
 * the system calls on that thread. */
#include "base/alloc.h"
#include "base/os.h"

/* The newest stands first, so tasks run in the reverse order of their registration, as atexit
 * has it: later ones may use earlier ones. */
typedef struct task {
    void (*fn)(void);
    struct task *next;
} task;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

/* A task may ask for further ones; these get a list of their own, which the system runs next. */
static void run(void *list)
{
    for (task *t = list; t;) {
        task *next = t->next;
        t->fn();
        tw_free(t);
        t = next;
    }
}

/* A failure is remembered and not reported here, for pthread_once has no result; who asks for an
 * exit task looks at have_key. */
static void make_key(void)
{
    have_key = pthread_key_create(&key, run) == 0;
}

/* The newest goes first, as with atexit; false says that nothing will be called. */
bool tw_os_on_thread_exit(void (*fn)(void))
{
    pthread_once(&once, make_key);
    task *t = have_key ? TW_NEW(task) : NULL;
    if (!t)
        return false;
    *t = (task){fn, pthread_getspecific(key)};
    if (pthread_setspecific(key, t) == 0)
        return true;
    tw_free(t);
    return false;
}
