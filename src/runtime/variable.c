/* SPDX-License-Identifier: Apache-2.0
 * Variables' slots: the slow sides of the lock, and copy on write. */
#include "runtime/variable.h"

#include <string.h>

#include "base/os.h"
#include "base/status.h"

/* A short spin catches holders that are nearly done; after that the thread sleeps. */
void tw_light_lock_slow(tw_light_lock *lock)
{
    for (int i = 0; i < 100; i++) {
        uint32_t free_ = 0;
        if (atomic_compare_exchange_weak_explicit(&lock->word, &free_, 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        tw_os_wait_word((uint32_t *)&lock->word, 2);
}

/* One sleeper is enough: it marks the word as waited for again. */
void tw_light_unlock_slow(tw_light_lock *lock)
{
    tw_os_wake_word((uint32_t *)&lock->word, 1);
}

/* Neither the array nor its storage is held by anybody else, so writing disturbs nobody. */
static bool is_sole(const tw_array *array)
{
    return atomic_load_explicit(&array->refs, memory_order_acquire) == 1 && array->storage &&
           tw_storage_unique(array->storage);
}

/* Copy on write: only readers that still hold the array cause the copy. */
tw_status *tw_variable_own(tw_variable *variable)
{
    if (!variable->value || is_sole(variable->value))
        return TW_OK;
    tw_array *copy = tw_array_copy(variable->value);
    if (!copy)
        return tw_no_memory();
    tw_array_unref(variable->value);
    variable->value = copy;
    return TW_OK;
}

/* An optimizer's assignment each step thus allocates once and never again. */
tw_status *tw_variable_renew(tw_variable *variable, tw_shape shape)
{
    tw_array *value = variable->value;
    size_t count;
    TW_TRY(tw_shape_check(variable->dtype, shape, &count));
    if (value && is_sole(value) && value->count == count && value->storage->count == count) {
        value->rank = shape.rank;
        if (shape.rank)
            memmove(value->dims, shape.dims, shape.rank * sizeof *shape.dims);
        return TW_OK;
    }
    tw_array *fresh;
    TW_TRY(tw_array_create(variable->dtype, shape, &fresh));
    tw_array_unref(value);
    variable->value = fresh;
    return TW_OK;
}
