/* SPDX-License-Identifier: Apache-2.0
 * All memory comes from here, so that tests can make any allocation fail. NULL means that memory is
 * short; every caller turns that into tw_no_memory(). Sizes are multiplied only by tw_size_mul. */
#ifndef TW_BASE_ALLOC_H
#define TW_BASE_ALLOC_H

#include "thalweg/base.h"

/* The caller owns what each of these gives, and releases it with tw_free. */
void *tw_alloc(size_t size);                     /* uninitialised; size 0 gives a valid pointer */
void *tw_alloc_zero(size_t count, size_t size);  /* count * size, checked */
void *tw_alloc_array(size_t count, size_t size); /* the same, uninitialised */
/* NULL `memory` allocates. On failure `memory` is still valid and still the caller's. */
void *tw_realloc_array(void *memory, size_t count, size_t size);
/* 64-byte aligned; release with tw_free_aligned. From TW_ALLOC_PAGED bytes on, what comes
 * TW_ALLOC_LINE bytes later begins a page: elements of arrays behind their record, and values in an
 * arena. Processors compare no more than the last twelve bits of addresses at first: where a pass
 * reads some lines ahead of what it writes by these, reads wait for writes, and it takes up to
 * twice as long. Pages that are allocated one after the other differ in bits by which the first
 * cache tells them apart. */
enum { TW_ALLOC_LINE = 64, TW_ALLOC_PAGED = 1 << 16 };
void *tw_alloc_aligned(size_t size);
void tw_free_aligned(void *memory);
/* TW_ALLOC_BLOCK bytes of an arena; release with tw_free_block. A few that were freed are kept for
 * who comes next: malloc gives what is free at the end of its heap back to the system, and each new
 * graph would have its pages made and cleared again. */
enum { TW_ALLOC_BLOCK = 1 << 16 };
void *tw_alloc_block(void);
void tw_free_block(void *memory);
/* The text and a NUL; `length` bytes of `text` are read, whatever they are. */
char *tw_strdup(const char *text);
char *tw_strndup(const char *text, size_t length);
/* On overflow *out holds the wrapped result, which nobody should use. */
bool tw_size_mul(size_t a, size_t b, size_t *out); /* false on overflow */
bool tw_size_add(size_t a, size_t b, size_t *out);
bool tw_int64_mul(int64_t a, int64_t b, int64_t *out); /* false on overflow */
/* memmove, for runs that may be long and lie anywhere. The instruction by which libraries copy long
 * runs takes twelve times as long on AMD's processors where `to` lies 1 to 15 bytes behind `from`,
 * pages apart or not, and does not overlap it: a row that moves by one float. */
void tw_copy_bytes(void *to, const void *from, size_t bytes);

#define TW_NEW(type) ((type *)tw_alloc_zero(1, sizeof(type)))

#endif
