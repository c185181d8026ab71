/* SPDX-License-Identifier: Apache-2.0
 * tw_array: an n-d array of numbers or strings in row-major order, what NumPy calls ndarray.
 * Shared by reference count (atomic); the memory is 64-byte aligned when the library allocated it.
 * Reading from many threads is safe. */
#ifndef THALWEG_ARRAY_H
#define THALWEG_ARRAY_H

#include "dtype.h"
#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_array tw_array;

/* Zeros (or empty strings). NULL if memory is short, the shape is not fully known or its size
 * overflows: a NULL array handed to any function of the library is an error status, never a
 * crash. */
TW_API tw_array *tw_array_new(tw_dtype dtype, tw_shape shape);
/* The same with a status that says why. */
TW_API tw_status *tw_array_create(tw_dtype dtype, tw_shape shape, tw_array **out);
/* A copy of a caller's row-major numbers (not for strings). */
TW_API tw_array *tw_array_copy_of(tw_dtype dtype, tw_shape shape, const void *data);
/* Lends a caller's memory (not for strings), aligned for the dtype: it must stay until the array is
 * gone. */
TW_API tw_array *tw_array_borrow(tw_dtype dtype, tw_shape shape, void *data);
/* The same; release(data, user) is called once nothing refers to it. NULL array: release was not
 * called. */
TW_API tw_array *tw_array_lend(tw_dtype dtype, tw_shape shape, void *data,
                               void (*release)(void *data, void *user), void *user);
/* A scalar of that dtype, converted as Cast does. */
TW_API tw_array *tw_array_scalar(tw_dtype dtype, double value);
/* Strings, NUL-terminated; or with lengths (NULL: strlen). */
TW_API tw_array *tw_array_strings(tw_shape shape, const char *const *items, const size_t *lengths);
TW_API tw_array *tw_array_copy(const tw_array *array);
/* Another shape over the same memory (shared). NULL if the element counts differ. */
TW_API tw_array *tw_array_reshape(tw_array *array, tw_shape shape);
TW_API tw_array *tw_array_ref(tw_array *array);
TW_API void tw_array_unref(tw_array *array); /* NULL is allowed */

TW_API tw_dtype tw_array_dtype(const tw_array *array);
TW_API tw_shape tw_array_shape(const tw_array *array); /* borrowed from the array */
TW_API size_t tw_array_count(const tw_array *array);   /* elements */
TW_API size_t tw_array_bytes(const tw_array *array);
TW_API void *tw_array_data(tw_array *array); /* host memory; NULL for size 0 is allowed */
TW_API const void *tw_array_const_data(const tw_array *array);

/* The first element as a double (a complex number's real part); NaN for strings, empty and NULL
 * arrays. */
TW_API double tw_array_item(const tw_array *array);
/* Element `index` in row-major order, likewise. */
TW_API double tw_array_get(const tw_array *array, size_t index);
/* Sets every element to `value`, converted as Cast does. */
TW_API void tw_array_set(tw_array *array, double value);
/* Element `index` of a string array; borrowed, not NUL-terminated; its length in *length (may be
 * NULL). NULL if it is none. */
TW_API const char *tw_array_string(const tw_array *array, size_t index, size_t *length);
TW_API tw_status *tw_array_set_string(tw_array *array, size_t index, const char *bytes,
                                      size_t length);

/* NumPy's str(): aligned columns, shortest digits, "..." above 1000 elements. The text is the
 * caller's to tw_free; NULL: no memory, or a NULL array. */
TW_API char *tw_array_text(const tw_array *array);
TW_API void tw_array_print(const tw_array *array, FILE *file); /* the same and a newline */

/* NumPy's .npy files (format 1.0 to 3.0, C and Fortran order read, C order written). */
TW_API tw_status *tw_array_save_npy(const tw_array *array, const char *path);
TW_API tw_status *tw_array_load_npy(const char *path, tw_array **out);

#ifdef __cplusplus
}
#endif
#endif
