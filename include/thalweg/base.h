/* SPDX-License-Identifier: Apache-2.0
 * What every other public header needs: export marks, the caller's place, the allocator and log. */
#ifndef THALWEG_BASE_H
#define THALWEG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(TW_BUILDING_SHARED)
#define TW_API __declspec(dllexport)
#elif defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#else
#define TW_API
#endif

#if defined(__MINGW32__) && !defined(__clang__)
#define TW_PRINTF(text, first) __attribute__((format(gnu_printf, text, first)))
#elif defined(__GNUC__)
#define TW_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TW_PRINTF(text, first)
#endif

/* Of what is called when something fails only: the code around such a call is laid out apart from
 * what runs. */
#if defined(__GNUC__)
#define TW_COLD __attribute__((cold))
#else
#define TW_COLD
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The place in the user's program that made something; `file` is borrowed for ever (a string
 * literal) or copied by whatever keeps it. */
typedef struct tw_where {
    const char *file;
    int line;
} tw_where;

#define TW_HERE ((tw_where){__FILE__, __LINE__})

/* The functions through which the library gets all of its memory. `resize` behaves as realloc.
 * `aligned` gives `size` bytes at a multiple of `alignment` (a power of two) and is released by
 * `aligned_free`. */
typedef struct tw_allocator {
    void *(*allocate)(size_t size, void *user);
    void *(*resize)(void *memory, size_t size, void *user);
    void (*release)(void *memory, void *user);
    void *(*aligned)(size_t size, size_t alignment, void *user);
    void (*aligned_release)(void *memory, void *user);
    void *user;
} tw_allocator;

/* Replaces the allocator. Call before any other function of the library, from one thread. NULL: the
 * C library's. */
TW_API void tw_set_allocator(const tw_allocator *allocator);

/* Releases what a function of the library says is the caller's to tw_free. NULL is allowed. */
TW_API void tw_free(void *memory);

typedef enum tw_log_level { TW_LOG_DEBUG, TW_LOG_INFO, TW_LOG_WARNING, TW_LOG_ERROR } tw_log_level;
typedef void (*tw_log_fn)(tw_log_level level, const char *text, void *user);

/* Messages of the library go to `fn` (NULL: nowhere, which is the default: only what is asked to
 * print prints). */
TW_API void tw_set_log(tw_log_fn fn, void *user);

/* "0.1.0". */
TW_API const char *tw_version(void);

#ifdef __cplusplus
}
#endif
#endif
