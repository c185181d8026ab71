/* SPDX-License-Identifier: Apache-2.0
 * What is to be done when a thread ends: a list under one fiber-local slot, whose callback the
 * system calls on that thread. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "base/alloc.h"
#include "base/os.h"

typedef struct task {
    void (*fn)(void);
    struct task *next;
} task;

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static DWORD slot = FLS_OUT_OF_INDEXES;

/* The link is read before the task is freed, and the function is called first, for it may itself
 * still allocate on this thread. */
static void WINAPI run(void *list)
{
    for (task *t = list; t;) {
        task *next = t->next;
        t->fn();
        tw_free(t);
        t = next;
    }
}

/* Always answers TRUE, so that a failure is not tried again; the slot's own value tells later
 * callers that there is none. */
static BOOL CALLBACK make_slot(PINIT_ONCE o, PVOID parameter, PVOID *context)
{
    (void)o, (void)parameter, (void)context;
    slot = FlsAlloc(run);
    return TRUE;
}

/* False means that nothing was registered, so the caller has to release what it wanted released
 * in some other way or do without. */
bool tw_os_on_thread_exit(void (*fn)(void))
{
    InitOnceExecuteOnce(&once, make_slot, NULL, NULL);
    task *t = slot != FLS_OUT_OF_INDEXES ? TW_NEW(task) : NULL;
    if (!t)
        return false;
    *t = (task){fn, FlsGetValue(slot)};
    if (FlsSetValue(slot, t))
        return true;
    tw_free(t);
    return false;
}
