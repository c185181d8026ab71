/* SPDX-License-Identifier: Apache-2.0
 * Variables' slots: the slow sides of the lock, and copy on write. */
#include "runtime/variable.h"

#include <string.h>

#include "base/alloc.h"
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

/* The old array lives on with those who hold it. */
tw_status *tw_variable_copy(tw_variable *variable)
{
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
    if (value && tw_variable_is_sole(value) && value->count == count &&
        value->storage->count == count) {
        value->rank = shape.rank;
        if (shape.rank)
            memmove(value->dims, shape.dims, shape.rank * sizeof *shape.dims);
        return TW_OK;
    }
    tw_array *fresh;
    TW_TRY(tw_array_create_for(variable->dtype, shape, &fresh));
    tw_array_unref(value);
    variable->value = fresh;
    return TW_OK;
}

/* ---- packed copies ---- */

void tw_packed_unref(tw_packed *packed)
{
    if (!packed || atomic_fetch_sub_explicit(&packed->refs, 1, memory_order_acq_rel) > 1)
        return;
    tw_free_aligned(packed->data);
    tw_free(packed);
}

/* Where the copy of that form hangs, or the end of the list. */
static tw_packed **find_packed(tw_variable *variable, const struct tw_packing *by,
                               tw_pack_form form)
{
    tw_packed **at = &variable->packed;
    while (*at &&
           ((*at)->by != by || (*at)->form.kind != form.kind || (*at)->form.rows != form.rows))
        at = &(*at)->next;
    return at;
}

/* An old copy that nobody reads any more is filled anew. */
static tw_packed *room_for(tw_packed *old, size_t bytes)
{
    if (old && old->bytes == bytes && atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
        return old;
    tw_packed_unref(old);
    tw_packed *made = TW_NEW(tw_packed);
    void *data = made ? tw_alloc_aligned(bytes) : NULL;
    if (!data) {
        tw_free(made);
        return NULL;
    }
    made->data = data;
    made->bytes = bytes;
    return made;
}

/* It is made outside the lock: other steps go on, and two that make the same one do no harm. That
 * the variable still has the held array says that the version is the array's, since nobody writes
 * to an array that is held. */
tw_packed *tw_variable_packed(tw_variable *variable, const tw_array *held,
                              const struct tw_packing *by, tw_pack_form form, size_t bytes,
                              const tw_compute *c)
{
    tw_light_acquire(&variable->lock);
    tw_packed **at = find_packed(variable, by, form), *found = *at;
    uint64_t version = variable->version;
    bool current = variable->value == held, good = found && found->version == version;
    if (current && good)
        atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
    else if (current && found)
        *at = found->next;
    tw_light_release(&variable->lock);
    if (!current || good)
        return current ? found : NULL;
    tw_packed *made = room_for(found, bytes);
    if (!made)
        return NULL;
    made->by = by;
    made->form = form;
    made->version = version;
    by->pack(c, made->data);
    atomic_store_explicit(&made->refs, 2, memory_order_relaxed);
    tw_light_acquire(&variable->lock);
    at = find_packed(variable, by, form);
    found = *at;
    made->next = found ? found->next : NULL;
    *at = made;
    tw_light_release(&variable->lock);
    tw_packed_unref(found);
    return made;
}

/* With the variable: no step is left that could read one. */
void tw_variable_drop_packed(tw_variable *variable)
{
    while (variable->packed) {
        tw_packed *packed = variable->packed;
        variable->packed = packed->next;
        tw_packed_unref(packed);
    }
}
