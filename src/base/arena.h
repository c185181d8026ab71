/* SPDX-License-Identifier: Apache-2.0
 * An arena: memory that grows block by block and is freed at once. What it hands out never moves.
 * Not thread-safe. */
#ifndef TW_BASE_ARENA_H
#define TW_BASE_ARENA_H

#include "thalweg/base.h"

/* Open room begins at a multiple of it and is one. */
enum { TW_ARENA_ALIGNMENT = 16 };

typedef struct tw_arena_block tw_arena_block;
typedef struct tw_arena {
    tw_arena_block *blocks; /* newest first */
    char *next, *end;
    size_t bytes; /* allocated in all, for statistics and bounds */
} tw_arena;       /* all zero is an empty arena */

/* An arena that begins with the caller's memory, which outlives it: most of what is done on a stack
 * needs no other. */
void tw_arena_begin(tw_arena *arena, void *memory, size_t size);
/* What these give is the arena's: valid until tw_arena_clear, never freed alone. */
void *tw_arena_alloc(tw_arena *arena, size_t size); /* 16-byte aligned, zeroed; NULL: no memory */
void *tw_arena_array(tw_arena *arena, size_t count, size_t size); /* checked product, zeroed */
void *tw_arena_copy(tw_arena *arena, const void *data, size_t size);
/* Of what was given last, `size` bytes, only the first `used` are needed. */
void tw_arena_shorten(tw_arena *arena, void *memory, size_t size, size_t used);
/* Not zeroed: for what is written at once. tw_arena_more: where the open room is too small. */
void *tw_arena_more(tw_arena *arena, size_t size);
static inline void *tw_arena_room(tw_arena *arena, size_t count, size_t size)
{
    size_t bytes, open = (uintptr_t)arena->end - (uintptr_t)arena->next;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    if (bytes - 1 >= open) /* nothing is rare, and has an address of its own */
        return tw_arena_more(arena, bytes);
    char *memory = arena->next;
    arena->next = memory + ((bytes + TW_ARENA_ALIGNMENT - 1) & ~(size_t)(TW_ARENA_ALIGNMENT - 1));
    return memory;
}
char *tw_arena_strdup(tw_arena *arena, const char *text); /* NULL text gives NULL */
char *tw_arena_strndup(tw_arena *arena, const char *text, size_t length);
char *tw_arena_printf(tw_arena *arena, const char *format, ...) TW_PRINTF(2, 3);
/* frees everything; usable again, without memory of a caller */
void tw_arena_clear(tw_arena *arena);
/* The same, but for one block, which serves what comes next: for scratch memory, step by step. Not
 * of an arena that began in memory of a caller. */
void tw_arena_rewind(tw_arena *arena);
#define TW_ARENA_NEW(arena, type) ((type *)tw_arena_alloc((arena), sizeof(type)))

#endif
