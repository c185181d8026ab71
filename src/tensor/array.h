/* SPDX-License-Identifier: Apache-2.0
 * The inside of tw_array: a view {dtype, dims, data} over a ref-counted storage. The engine embeds
 * such views in its frames (storage NULL: the memory is the arena's) and points them at new memory
 * from run to run. */
#ifndef TW_TENSOR_ARRAY_H
#define TW_TENSOR_ARRAY_H

#include <stdatomic.h>

#include "thalweg/array.h"

/* Ref-counted memory of one dtype. Elements of strings and handles are dropped with it. */
typedef struct tw_storage {
    atomic_int refs;
    tw_dtype dtype;
    int device; /* 0: the CPU */
    void *data;
    size_t count;                            /* elements */
    void (*release)(void *data, void *user); /* NULL: data is ours, whole 64 bytes */
    void *user;
} tw_storage;

struct tw_array {
    atomic_int refs;
    tw_dtype dtype;
    size_t rank;
    size_t count;        /* the product of dims */
    void *data;          /* the first element; inside storage->data where there is one */
    tw_storage *storage; /* a reference is held; NULL: borrowed from a frame */
    int64_t dims[TW_MAX_RANK];
};

/* A handle element (TW_RESOURCE, TW_VARIANT): 16 bytes, shared by reference count. */
typedef struct tw_handle_class {
    const char *name;
    void (*ref)(void *object);
    void (*unref)(void *object);
} tw_handle_class;
/* Sixteen bytes on every system, also where pointers have four, so that an element's size in the
 * dtype table is one constant. */
typedef struct tw_handle {
    union {
        const tw_handle_class *type; /* NULL: empty */
        uint64_t pad_type_;
    };
    union {
        void *object;
        uint64_t pad_object_;
    };
} tw_handle;

/* New storage of zeroed (plain) or empty elements; refs 1. NULL: no memory or count too large. */
tw_storage *tw_storage_new(tw_dtype dtype, size_t count);
/* The same for what is written before anybody reads it: plain elements are whatever was there. */
tw_storage *tw_storage_for(tw_dtype dtype, size_t count);
tw_storage *tw_storage_ref(tw_storage *storage);
void tw_storage_unref(tw_storage *storage);
/* The library's own memory, held by nobody else: may be written in place. Lent memory is the
 * lender's, who may look at it again. Acquire, so that what other threads did before they let go is
 * seen before anything is overwritten. */
static inline bool tw_storage_unique(const tw_storage *storage)
{
    tw_storage *mutable = (tw_storage *)(uintptr_t)storage; /* C11's atomic_load takes no const */
    return storage && !storage->release &&
           atomic_load_explicit(&mutable->refs, memory_order_acquire) == 1;
}

/* Of arrays all dims are known: equal means equal, there is no unknown to agree with. */
static inline bool tw_has_shape(const tw_array *array, tw_shape shape)
{
    bool same = array->rank == shape.rank;
    for (size_t i = 0; same && i < shape.rank; i++)
        same = array->dims[i] == shape.dims[i];
    return same;
}

static inline bool tw_same_shape(const tw_array *a, const tw_array *b)
{
    return tw_has_shape(a, (tw_shape){b->dims, b->rank});
}

/* tw_array_create over tw_storage_for. */
tw_status *tw_array_create_for(tw_dtype dtype, tw_shape shape, tw_array **out);
/* A view over storage (a reference is taken); NULL: no memory. data: inside the storage. */
tw_array *tw_array_view(tw_storage *storage, tw_dtype dtype, tw_shape shape, void *data);
/* Fully known, rank at most TW_MAX_RANK, no negative dim, bytes (zero dims left out of the product)
 * fit in ptrdiff_t; elements in *count. */
tw_status *tw_shape_check(tw_dtype dtype, tw_shape shape, size_t *count);

/* Elements of any dtype: set to zero / empty, copy into initialised ones (the old ones dropped),
 * drop (they are empty then). */
void tw_elements_init(tw_dtype dtype, void *data, size_t count);
tw_status *tw_elements_copy(tw_dtype dtype, void *to, const void *from, size_t count);
void tw_elements_drop(tw_dtype dtype, void *data, size_t count);
tw_status *tw_string_set(tw_string *s, const char *bytes, size_t length);
const char *tw_string_get(const tw_string *s, size_t *length); /* borrowed; not NUL-terminated */
void tw_string_drop(tw_string *s);
bool tw_string_equal(const tw_string *a, const tw_string *b);

/* One element to and from double / int64, for every plain real dtype (half and bfloat16 too). */
double tw_element_get(tw_dtype dtype, const void *element);
void tw_element_set(tw_dtype dtype, void *element, double value);
int64_t tw_element_get_int(tw_dtype dtype, const void *element);

float tw_half_to_float(uint16_t half);
uint16_t tw_float_to_half(float value); /* round to nearest even */
float tw_bfloat16_to_float(uint16_t value);
uint16_t tw_float_to_bfloat16(float value); /* round to nearest even */

#endif
