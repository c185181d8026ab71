/* SPDX-License-Identifier: Apache-2.0
 * Ref-counted memory. What the library allocates is one block, the record in the first 64 bytes
 * and the elements behind it, both aligned; lent memory has a record of its own and goes back
 * through its release callback. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "tensor/array.h"

enum { HEADER = TW_ALLOC_LINE };

_Static_assert(sizeof(tw_storage) <= HEADER, "the record fits in front of the elements");

/* Where the elements are if they share the block with the record. */
static void *inline_data(tw_storage *storage)
{
    return (char *)storage + HEADER;
}

/* One allocation for record and elements: a small array costs two in all. It is filled up to whole
 * vectors. */
static tw_storage *new_storage(tw_dtype dtype, size_t count, bool cleared)
{
    size_t bytes, total;
    size_t size = tw_dtype_size(dtype);
    if (size == 0 || !tw_size_mul(count, size, &bytes) ||
        !tw_size_add(bytes, 2 * HEADER - 1, &total))
        return NULL;
    total -= total % HEADER;
    tw_storage *storage = tw_alloc_aligned(total);
    if (!storage)
        return NULL;
    memset(storage, 0, cleared ? total : HEADER);
    atomic_init(&storage->refs, 1);
    storage->dtype = dtype;
    storage->data = inline_data(storage);
    storage->count = count;
    return storage;
}

tw_storage *tw_storage_new(tw_dtype dtype, size_t count)
{
    return new_storage(dtype, count, true);
}

tw_storage *tw_storage_for(tw_dtype dtype, size_t count)
{
    return new_storage(dtype, count, !tw_dtype_is_plain(dtype));
}

/* Relaxed is enough on the way up, since who takes a reference has one already; only the last
 * release must order memory. */
tw_storage *tw_storage_ref(tw_storage *storage)
{
    if (storage)
        atomic_fetch_add_explicit(&storage->refs, 1, memory_order_relaxed);
    return storage;
}

/* The last holder drops elements that own memory, then the memory itself. */
void tw_storage_unref(tw_storage *storage)
{
    if (!storage || atomic_fetch_sub_explicit(&storage->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (storage->release) {
        storage->release(storage->data, storage->user);
        tw_free(storage);
        return;
    }
    tw_elements_drop(storage->dtype, storage->data, storage->count);
    if (storage->data == inline_data(storage)) {
        tw_free_aligned(storage);
    } else {
        tw_free_aligned(storage->data);
        tw_free(storage);
    }
}
