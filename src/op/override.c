/* SPDX-License-Identifier: Apache-2.0
 * Gradient and shape functions that replace those of the definitions in all graphs. (Those of one
 * graph are kept with the graph.) Records are replaced, never freed: readers may hold one. */
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/os.h"
#include "base/status.h"
#include "op/op.h"

/* One of the two functions, by the table that it stands in. */
typedef struct override {
    tw_gradient_fn gradient;
    tw_infer_fn shape;
    void *user;
} override;

static struct {
    tw_mutex lock;
    atomic_bool watched; /* a fork takes the lock */
    atomic_bool used;    /* something was set: until then nobody needs the lock to look it up */
    tw_map gradients, shapes; /* name -> override * */
} table = {.lock = TW_MUTEX_INIT};

/* Taken for look-ups too, once there is something to find. */
static void lock(void)
{
    tw_mutex_lock(&table.lock);
}

static void unlock(void)
{
    tw_mutex_unlock(&table.lock);
}

/* A record stays where it is once made, so that taking an override away needs no memory. */
static tw_status *set(tw_map *map, const char *name, override value)
{
    if (!name)
        return tw_value_error("an override needs the name of an op");
    tw_status *status = TW_OK;
    /* A child of fork must not find the lock held by a thread that it does not have. */
    if (!atomic_exchange(&table.watched, true) && !tw_os_on_fork(lock, unlock, unlock))
        atomic_store(&table.watched, false);
    lock();
    override *record = tw_map_get(map, name);
    if (!record) {
        record = TW_NEW(override);
        if (!record || !tw_map_set(map, name, record)) {
            tw_free(record);
            record = NULL;
            status = tw_no_memory();
        }
    }
    if (record)
        *record = value;
    atomic_store_explicit(&table.used, true, memory_order_release);
    unlock();
    return status;
}

/* A copy: the record may change as soon as the lock is free. */
static override get(const tw_map *map, const char *name)
{
    if (!atomic_load_explicit(&table.used, memory_order_acquire))
        return (override){0};
    lock();
    const override *record = tw_map_get(map, name);
    override value = record ? *record : (override){0};
    unlock();
    return value;
}

tw_status *tw_set_global_gradient(const char *name, tw_gradient_fn fn, void *user)
{
    return set(&table.gradients, name, (override){.gradient = fn, .user = user});
}

/* A NULL function takes the override back, after which the definition's own rule answers again
 * for graphs built from then on. */
tw_status *tw_set_global_shape(const char *name, tw_infer_fn fn, void *user)
{
    return set(&table.shapes, name, (override){.shape = fn, .user = user});
}

/* Function and user pointer are read together under the lock, so that one never comes with the
 * other's predecessor. */
tw_gradient_fn tw_global_gradient(const char *name, void **user)
{
    override value = get(&table.gradients, name);
    *user = value.user;
    return value.gradient;
}

tw_infer_fn tw_global_shape(const char *name, void **user)
{
    override value = get(&table.shapes, name);
    *user = value.user;
    return value.shape;
}

/* Gives no gradients and is no failure: the path simply ends here, as with TensorFlow's
 * NotDifferentiable. */
tw_status *tw_not_differentiable(tw_gradient *g)
{
    (void)g;
    return TW_OK;
}
