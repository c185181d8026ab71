/* SPDX-License-Identifier: Apache-2.0
 * Counts live blocks with an atomic, so that threads of the library may allocate too. */
#include "support/failing_allocator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "thalweg/base.h"

static atomic_size_t live, countdown, size_limit;
static atomic_bool failed;

static bool refused(size_t size)
{
    size_t limit = atomic_load(&size_limit), left = atomic_load(&countdown);
    bool now = limit > 0 && size >= limit;
    if (left > 0 && atomic_compare_exchange_strong(&countdown, &left, left - 1))
        now = now || left == 1;
    if (now)
        atomic_store(&failed, true);
    return now;
}

static void *counted(void *memory)
{
    if (memory)
        atomic_fetch_add(&live, 1);
    return memory;
}

static void *allocate(size_t size, void *user)
{
    (void)user;
    return refused(size) ? NULL : counted(malloc(size ? size : 1));
}

static void *resize(void *memory, size_t size, void *user)
{
    (void)user;
    if (refused(size))
        return NULL;
    void *fresh = realloc(memory, size ? size : 1);
    return memory ? fresh : counted(fresh);
}

static void release(void *memory, void *user)
{
    (void)user;
    if (memory)
        atomic_fetch_sub(&live, 1);
    free(memory);
}

/* The block malloc gave stands in front of the aligned one. */
static void *aligned(size_t size, size_t alignment, void *user)
{
    (void)user;
    if (size > SIZE_MAX - alignment - sizeof(void *) || refused(size))
        return NULL;
    char *block = counted(malloc(size + alignment + sizeof(void *)));
    if (!block)
        return NULL;
    uintptr_t start = (uintptr_t)block + sizeof(void *);
    size_t gap = (alignment - start % alignment) % alignment;
    void **memory = (void **)(void *)(block + sizeof(void *) + gap);
    memory[-1] = block;
    return memory;
}

static void aligned_release(void *memory, void *user)
{
    if (memory)
        release(((void **)memory)[-1], user);
}

void failing_allocator_install(void)
{
    static const tw_allocator allocator = {allocate, resize,          release,
                                           aligned,  aligned_release, NULL};
    tw_set_allocator(&allocator);
}

bool failing_allocator_next(size_t n)
{
    bool again = n == 1 || atomic_load(&failed);
    atomic_store(&failed, false);
    atomic_store(&countdown, again ? n : 0);
    return again;
}

void failing_allocator_limit(size_t size)
{
    atomic_store(&size_limit, size);
}

bool failing_allocator_failed(void)
{
    return atomic_load(&failed);
}

size_t failing_allocator_live(void)
{
    return atomic_load(&live);
}
