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

static void WINAPI run(void *list)
{
    for (task *t = list; t;) {
        task *next = t->next;
        t->fn();
        tw_free(t);
        t = next;
    }
}

static BOOL CALLBACK make_slot(PINIT_ONCE o, PVOID parameter, PVOID *context)
{
    (void)o, (void)parameter, (void)context;
    slot = FlsAlloc(run);
    return TRUE;
}

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
