/* SPDX-License-Identifier: Apache-2.0
 * The slot of a variable in a session: a small lock and an array that is written in place while
 * nobody else holds it. A reader holds a reference to the array for the time of one step; a writer
 * holds the lock for its own step. */
#ifndef TW_RUNTIME_VARIABLE_H
#define TW_RUNTIME_VARIABLE_H

#include "op/compute.h"

/* A lock that costs one atomic exchange when it is free, and sleeps when it is held for long. */
typedef struct tw_light_lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
} tw_light_lock;
void tw_light_lock_slow(tw_light_lock *lock);
void tw_light_unlock_slow(tw_light_lock *lock);
static inline void tw_light_acquire(tw_light_lock *lock)
{
    uint32_t free_ = 0;
    if (!atomic_compare_exchange_strong_explicit(&lock->word, &free_, 1, memory_order_acquire,
                                                 memory_order_relaxed))
        tw_light_lock_slow(lock);
}
static inline void tw_light_release(tw_light_lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        tw_light_unlock_slow(lock);
}

/* A copy of a variable's value as kernels of one kind read it. It counts while the variable's
 * version is the one that it was made of. */
typedef struct tw_packed {
    struct tw_packed *next;
    atomic_int refs; /* the variable's and those of steps that read it */
    const struct tw_packing *by;
    tw_pack_form form;
    uint64_t version;
    size_t bytes;
    void *data;
} tw_packed;

typedef struct tw_variable {
    tw_light_lock lock;
    tw_dtype dtype;
    tw_array *value;   /* NULL: not initialised; under the lock */
    uint64_t version;  /* one more at each write */
    tw_packed *packed; /* one of each form; under the lock */
    char *key;
} tw_variable;

/* The value to read, with a reference that the caller gives back by tw_array_unref; NULL: not
 * initialised. */
static inline tw_array *tw_variable_hold(tw_variable *variable)
{
    tw_light_acquire(&variable->lock);
    tw_array *value = variable->value;
    if (value)
        atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    tw_light_release(&variable->lock);
    return value;
}

/* Neither the array nor its storage is held by anybody else, so writing disturbs nobody. */
static inline bool tw_variable_is_sole(const tw_array *array)
{
    tw_array *mutable = (tw_array *)(uintptr_t)array; /* C11's atomic_load takes no const */
    return atomic_load_explicit(&mutable->refs, memory_order_acquire) == 1 && array->storage &&
           tw_storage_unique(array->storage);
}

/* Both need the lock. Makes the value one that nobody else holds: copy on write, which only readers
 * that still hold the array cause. */
tw_status *tw_variable_copy(tw_variable *variable);
static inline tw_status *tw_variable_own(tw_variable *variable)
{
    if (!variable->value || tw_variable_is_sole(variable->value))
        return TW_OK;
    return tw_variable_copy(variable);
}
/* Memory of that shape, contents undefined; the old one is reused if nobody else holds it and it
 * fits. */
tw_status *tw_variable_renew(tw_variable *variable, tw_shape shape);

/* Of `held`, an array of the variable that the caller holds; false: the variable has been written
 * since. */
static inline bool tw_variable_is_current(tw_variable *variable, const tw_array *held,
                                          uint64_t *version)
{
    tw_light_acquire(&variable->lock);
    bool current = variable->value == held;
    *version = variable->version;
    tw_light_release(&variable->lock);
    return current;
}

/* The packed copy of `held`, an array of the variable that the caller holds; made by `c`'s kernel
 * if there is none of this version. NULL: the variable has been written since, or no memory; the
 * kernel then packs by itself. The caller gives it back by tw_packed_unref. */
tw_packed *tw_variable_packed(tw_variable *variable, const tw_array *held,
                              const struct tw_packing *by, tw_pack_form form, size_t bytes,
                              const tw_compute *c);
void tw_packed_unref(tw_packed *packed);
void tw_variable_drop_packed(tw_variable *variable);

#endif
