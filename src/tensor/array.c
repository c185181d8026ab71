/* SPDX-License-Identifier: Apache-2.0
 * tw_array: making, sharing and reading arrays. Each is a small record over a storage; every
 * function takes NULL for an array and answers with NULL, NaN, 0 or a status, so that a failed
 * allocation surfaces once, at the end. */
#include "tensor/array.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

/* A record over a valid shape; takes a reference of its own to the storage (which may be NULL). */
static tw_array *array_over(tw_storage *storage, tw_dtype dtype, tw_shape shape, size_t count,
                            void *data)
{
    tw_array *array = TW_NEW(tw_array);
    if (!array)
        return NULL;
    atomic_init(&array->refs, 1);
    array->dtype = dtype;
    array->rank = shape.rank;
    array->count = count;
    array->data = data;
    array->storage = tw_storage_ref(storage);
    for (size_t i = 0; i < shape.rank; i++)
        array->dims[i] = shape.dims[i];
    return array;
}

/* As array_over, but takes the caller's reference to the storage, also where it fails. */
static tw_array *array_taking(tw_storage *storage, tw_dtype dtype, tw_shape shape, size_t count)
{
    tw_array *array = storage ? array_over(storage, dtype, shape, count, storage->data) : NULL;
    tw_storage_unref(storage);
    return array;
}

/* The element count of a valid dtype and shape; false (the reason is dropped) otherwise. */
static bool shape_valid(tw_dtype dtype, tw_shape shape, size_t *count)
{
    tw_status *status = tw_shape_check(dtype, shape, count);
    bool valid = status == TW_OK;
    tw_status_free(status);
    return valid;
}

/* The one place where a new array's shape is checked; `out` is NULL after a failure. */
static tw_status *create(tw_dtype dtype, tw_shape shape,
                         tw_storage *(*make)(tw_dtype dtype, size_t count), tw_array **out)
{
    size_t count;
    if (!out)
        return tw_value_error("tw_array_create needs a place for the array");
    *out = NULL;
    TW_TRY(tw_shape_check(dtype, shape, &count));
    *out = array_taking(make(dtype, count), dtype, shape, count);
    return *out ? TW_OK : tw_no_memory();
}

tw_status *tw_array_create(tw_dtype dtype, tw_shape shape, tw_array **out)
{
    return create(dtype, shape, tw_storage_new, out);
}

tw_status *tw_array_create_for(tw_dtype dtype, tw_shape shape, tw_array **out)
{
    return create(dtype, shape, tw_storage_for, out);
}

/* For callers to whom the reason does not matter: a bad dtype, a bad shape and short memory all
 * give NULL. */
tw_array *tw_array_new(tw_dtype dtype, tw_shape shape)
{
    tw_array *array;
    tw_status_free(tw_array_create(dtype, shape, &array));
    return array;
}

/* The caller vouches for `data`: that count elements from there on lie inside the storage. */
tw_array *tw_array_view(tw_storage *storage, tw_dtype dtype, tw_shape shape, void *data)
{
    size_t count;
    if (!shape_valid(dtype, shape, &count))
        return NULL;
    return array_over(storage, dtype, shape, count, data);
}

/* Strings and handles are refused, since their bytes hold pointers and a plain copy would have
 * two owners for each. */
tw_array *tw_array_copy_of(tw_dtype dtype, tw_shape shape, const void *data)
{
    if (!tw_dtype_is_plain(dtype))
        return NULL;
    tw_array *array;
    tw_status_free(tw_array_create_for(dtype, shape, &array));
    if (!array || array->count == 0)
        return array;
    if (!data) {
        tw_array_unref(array);
        return NULL;
    }
    memcpy(array->data, data, tw_array_bytes(array));
    return array;
}

/* A release that does nothing: it marks the memory as not ours. */
static void keep_memory(void *data, void *user)
{
    (void)data;
    (void)user;
}

/* Kernels read whole elements, so that the lent memory must be aligned for one. */
static bool aligned_for(tw_dtype dtype, const void *data)
{
    size_t size = tw_dtype_size(dtype);
    return (uintptr_t)data % (tw_dtype_is_complex(dtype) ? size / 2 : size) == 0;
}

/* Strings and handles cannot be lent: their elements would be dropped as if they were ours. What
 * fails must not call the caller's release, so that it is set last. */
tw_array *tw_array_lend(tw_dtype dtype, tw_shape shape, void *data,
                        void (*release)(void *data, void *user), void *user)
{
    size_t count;
    if (!tw_dtype_is_plain(dtype) || !shape_valid(dtype, shape, &count))
        return NULL;
    if ((!data && count > 0) || !aligned_for(dtype, data))
        return NULL;
    tw_storage *storage = TW_NEW(tw_storage);
    if (!storage)
        return NULL;
    atomic_init(&storage->refs, 1);
    storage->dtype = dtype;
    storage->data = data;
    storage->count = count;
    storage->release = keep_memory;
    tw_array *array = array_taking(storage, dtype, shape, count);
    if (array && release) {
        storage->release = release;
        storage->user = user;
    }
    return array;
}

/* Without a release callback the caller's memory has to outlive every reference, also those that
 * a session took. */
tw_array *tw_array_borrow(tw_dtype dtype, tw_shape shape, void *data)
{
    return tw_array_lend(dtype, shape, data, NULL, NULL);
}

/* Converted as a Cast from double would be; strings and handles have no number that could stand
 * for them and give NULL. */
tw_array *tw_array_scalar(tw_dtype dtype, double value)
{
    if (!tw_dtype_is_plain(dtype))
        return NULL;
    tw_array *array = tw_array_new(dtype, TW_SHAPE());
    if (array)
        tw_element_set(dtype, array->data, value);
    return array;
}

/* All or nothing: strings that were set before one fails go with the array. */
tw_array *tw_array_strings(tw_shape shape, const char *const *items, const size_t *lengths)
{
    tw_array *array = tw_array_new(TW_STRING, shape);
    if (!array || array->count == 0)
        return array;
    tw_status *status = items ? TW_OK : tw_value_error("no strings are given");
    for (size_t i = 0; i < array->count && !status; i++) {
        size_t length = lengths ? lengths[i] : items[i] ? strlen(items[i]) : 0;
        status = tw_string_set((tw_string *)array->data + i, items[i], length);
    }
    if (status) {
        tw_status_free(status);
        tw_array_unref(array);
        return NULL;
    }
    return array;
}

/* Always memory of our own, also where the original is lent. */
tw_array *tw_array_copy(const tw_array *array)
{
    tw_array *copy = NULL;
    if (array)
        tw_status_free(tw_array_create_for(array->dtype, tw_array_shape(array), &copy));
    if (!copy)
        return NULL;
    tw_status *status = tw_elements_copy(array->dtype, copy->data, array->data, array->count);
    if (status) {
        tw_status_free(status);
        tw_array_unref(copy);
        return NULL;
    }
    return copy;
}

/* A view of the same memory where that is shared, so that a change of one is seen in the other. */
tw_array *tw_array_reshape(tw_array *array, tw_shape shape)
{
    size_t count;
    if (!array || !shape_valid(array->dtype, shape, &count) || count != array->count)
        return NULL;
    if (array->storage)
        return array_over(array->storage, array->dtype, shape, count, array->data);
    /* Memory of a frame goes away under a view that outlives the run. */
    tw_array *copy = tw_array_copy(array);
    if (copy) {
        copy->rank = shape.rank;
        for (size_t i = 0; i < shape.rank; i++)
            copy->dims[i] = shape.dims[i];
    }
    return copy;
}

/* Relaxed, for who adds a reference has one already and needs to see nothing new. */
tw_array *tw_array_ref(tw_array *array)
{
    if (array)
        atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
    return array;
}

/* The last reference must see what other threads wrote before they let go: acquire and release. */
void tw_array_unref(tw_array *array)
{
    if (!array || atomic_fetch_sub_explicit(&array->refs, 1, memory_order_acq_rel) != 1)
        return;
    tw_storage_unref(array->storage);
    tw_free(array);
}

/* Answers for NULL as well, so that an array which could not be made runs into a refusal and not
 * into a crash. */
tw_dtype tw_array_dtype(const tw_array *array)
{
    return array ? array->dtype : TW_INVALID_DTYPE;
}

/* Borrows the array's dims; unknown for NULL, which every rule and check already has to deal
 * with. */
tw_shape tw_array_shape(const tw_array *array)
{
    return array ? (tw_shape){array->dims, array->rank} : TW_UNKNOWN_SHAPE;
}

size_t tw_array_count(const tw_array *array)
{
    return array ? array->count : 0;
}

/* Cannot wrap: an array is only made after this product was checked against the largest size
 * that an object may have. */
size_t tw_array_bytes(const tw_array *array)
{
    return array ? array->count * tw_dtype_size(array->dtype) : 0;
}

/* NULL for an array without elements may or may not be given, so callers look at the count and
 * not at this. */
void *tw_array_data(tw_array *array)
{
    return array ? array->data : NULL;
}

const void *tw_array_const_data(const tw_array *array)
{
    return array ? array->data : NULL;
}

/* Meant for scalars; of a larger array it is the first element, and of an empty one what
 * tw_array_get says beyond the end. */
double tw_array_item(const tw_array *array)
{
    return tw_array_get(array, 0);
}

/* NaN rather than a status: for programs that look at a result; the library never reads this
 * way. */
double tw_array_get(const tw_array *array, size_t index)
{
    if (!array || index >= array->count)
        return (double)NAN;
    return tw_element_get(array->dtype,
                          (const char *)array->data + index * tw_dtype_size(array->dtype));
}

void tw_array_set(tw_array *array, double value)
{
    if (!array || array->count == 0 || !tw_dtype_is_plain(array->dtype))
        return;
    char *data = array->data;
    size_t size = tw_dtype_size(array->dtype), bytes = tw_array_bytes(array);
    tw_element_set(array->dtype, data, value);
    /* What is filled doubles with every copy. */
    for (size_t done = size; done < bytes;) {
        size_t step = done < bytes - done ? done : bytes - done;
        memcpy(data + done, data, step);
        done += step;
    }
}

/* Not always NUL-terminated, for short texts stand in the element itself; the length is what
 * says where it ends. */
const char *tw_array_string(const tw_array *array, size_t index, size_t *length)
{
    if (length)
        *length = 0;
    if (!array || array->dtype != TW_STRING || index >= array->count)
        return NULL;
    return tw_string_get((const tw_string *)array->data + index, length);
}

/* The bytes are copied, and after a failure the element keeps its old text, so that a caller may
 * go on. */
tw_status *tw_array_set_string(tw_array *array, size_t index, const char *bytes, size_t length)
{
    if (!array)
        return tw_value_error("a string cannot be set in an array that is NULL");
    if (array->dtype != TW_STRING)
        return tw_type_error("a string cannot be set in an array of %s",
                             tw_dtype_name(array->dtype));
    if (index >= array->count)
        return tw_status_with_kind(tw_status_new(TW_OUT_OF_RANGE,
                                                 "element %zu of an array of %zu strings", index,
                                                 array->count),
                                   TW_KIND_INDEX);
    return tw_string_set((tw_string *)array->data + index, bytes, length);
}
