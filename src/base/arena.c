/* SPDX-License-Identifier: Apache-2.0
 * Blocks grow from 1 KiB to 64 KiB; what is larger than a quarter of a block gets a block of its
 * own, put behind the newest, so that the room left in that one stays in use. Memory of a caller is
 * used up first, as if it were the newest block. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { ALIGNMENT = TW_ARENA_ALIGNMENT, SMALLEST_BLOCK = 1024 };

/* The bytes stand right behind this head, so that one allocation makes a block and one walk over
 * `older` frees the whole arena. */
struct tw_arena_block {
    tw_arena_block *older;
    size_t size; /* bytes after the head */
};

/* The room of a block of the largest size, which the allocator keeps some of. */
static const size_t LARGEST_BLOCK = TW_ALLOC_BLOCK - sizeof(tw_arena_block) - ALIGNMENT + 1;

/* The head need not be a multiple of the alignment, nor the block that malloc gave; so the start
 * is computed from the address each time. */
static char *aligned_start(tw_arena_block *block)
{
    char *start = (char *)(block + 1);
    return start + (size_t)(-(uintptr_t)start & (ALIGNMENT - 1));
}

static char *aligned_end(char *end)
{
    return end - ((uintptr_t)end & (ALIGNMENT - 1));
}

/* A block with room for `size` bytes from its aligned start on, not yet linked. */
static tw_arena_block *block_new(tw_arena *arena, size_t size)
{
    size_t bytes;
    if (!tw_size_add(size, sizeof(tw_arena_block) + ALIGNMENT - 1, &bytes))
        return NULL;
    tw_arena_block *block = bytes == TW_ALLOC_BLOCK ? tw_alloc_block() : tw_alloc(bytes);
    if (!block)
        return NULL;
    block->size = bytes - sizeof(tw_arena_block);
    arena->bytes += bytes;
    return block;
}

/* As large as all blocks so far: few allocations for a large arena, little waste in a small. */
static size_t block_size_for(const tw_arena *arena)
{
    size_t size = arena->bytes;
    if (size < SMALLEST_BLOCK)
        return SMALLEST_BLOCK;
    return size < LARGEST_BLOCK ? size : LARGEST_BLOCK;
}

/* Behind the newest block, whose room stays open; alone in an empty arena it is the newest. */
static char *alloc_own_block(tw_arena *arena, size_t size)
{
    tw_arena_block *block = block_new(arena, size);
    if (!block)
        return NULL;
    if (arena->blocks) {
        block->older = arena->blocks->older;
        arena->blocks->older = block;
    } else {
        block->older = NULL;
        arena->blocks = block;
    }
    return aligned_start(block);
}

/* What was left of the block before is given up; only small requests get here, so that little is
 * lost. */
static bool add_block(tw_arena *arena, size_t size)
{
    tw_arena_block *block = block_new(arena, size);
    if (!block)
        return false;
    block->older = arena->blocks;
    arena->blocks = block;
    arena->next = aligned_start(block);
    arena->end = aligned_end((char *)(block + 1) + block->size);
    return true;
}

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Also where there is no open room. Nothing takes some of it, to have an address of its own. */
void *tw_arena_more(tw_arena *arena, size_t size)
{
    size_t room = round_up(size ? size : 1), block_size = block_size_for(arena);
    if (room < size)
        return NULL;
    if (!size && arena->next != arena->end) {
        arena->next += room;
        return arena->next - room;
    }
    if (room > block_size / 4)
        return alloc_own_block(arena, room);
    if (!add_block(arena, block_size))
        return NULL;
    char *memory = arena->next;
    arena->next += room;
    return memory;
}

/* `size` bytes, not zeroed. Open room has whole multiples of the alignment, so that what fits still
 * does when it is rounded up. */
static inline char *take(tw_arena *arena, size_t size)
{
    return tw_arena_room(arena, 1, size);
}

/* What is small is cleared in whole multiples of the alignment, which was taken. */
static inline void *take_cleared(tw_arena *arena, size_t size)
{
    char *memory = take(arena, size);
    if (!memory)
        return NULL;
    if (size > 4 * ALIGNMENT)
        return memset(memory, 0, size);
    memset(memory, 0, ALIGNMENT);
    if (size > ALIGNMENT)
        memset(memory + ALIGNMENT, 0, ALIGNMENT);
    if (size > 2 * ALIGNMENT)
        memset(memory + 2 * ALIGNMENT, 0, ALIGNMENT);
    if (size > 3 * ALIGNMENT)
        memset(memory + 3 * ALIGNMENT, 0, ALIGNMENT);
    return memory;
}

/* Aligned here, so that any array of bytes will do. */
void tw_arena_begin(tw_arena *arena, void *memory, size_t size)
{
    size_t skipped = (size_t)(-(uintptr_t)memory & (ALIGNMENT - 1));
    *arena = (tw_arena){0};
    if (size < skipped)
        return;
    arena->next = (char *)memory + skipped;
    arena->end = aligned_end((char *)memory + size);
}

/* Zeroed, so that records can be filled in part; a size of 0 has an address of its own. */
void *tw_arena_alloc(tw_arena *arena, size_t size)
{
    return take_cleared(arena, size);
}

/* What has a block of its own keeps it. */
void tw_arena_shorten(tw_arena *arena, void *memory, size_t size, size_t used)
{
    if (size && arena->next == (char *)memory + round_up(size))
        arena->next = (char *)memory + round_up(used);
}

/* A product that would wrap is answered as short memory is: either way the array cannot be had,
 * and callers check for one NULL. As tw_size_mul, without a call: nothing is asked for as often. */
void *tw_arena_array(tw_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : take_cleared(arena, bytes);
}

/* Not zeroed first, since every byte is written anyway. */
void *tw_arena_copy(tw_arena *arena, const void *data, size_t size)
{
    char *memory = take(arena, size);
    if (memory && size)
        memcpy(memory, data, size);
    return memory;
}

/* Room for the final NUL is added here with a check, and the copy has one even where the source
 * is a piece of a longer text. */
char *tw_arena_strndup(tw_arena *arena, const char *text, size_t length)
{
    size_t room;
    char *copy = tw_size_add(length, 1, &room) ? take(arena, room) : NULL;
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* NULL passes through, so that a field without a text can be copied like any other; only the
 * caller can tell it from short memory. */
char *tw_arena_strdup(tw_arena *arena, const char *text)
{
    return text ? tw_arena_strndup(arena, text, strlen(text)) : NULL;
}

/* The length is measured first, so that the text takes just its room in the arena. */
char *tw_arena_printf(tw_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char *text = NULL;
    int length = vsnprintf(NULL, 0, format, args);
    if (length >= 0)
        text = take(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

static void free_blocks(tw_arena_block *block)
{
    while (block) {
        tw_arena_block *older = block->older;
        if (sizeof *block + block->size == TW_ALLOC_BLOCK)
            tw_free_block(block);
        else
            tw_free(block);
        block = older;
    }
}

/* The block with the open room is the newest and the largest of its kind. */
void tw_arena_rewind(tw_arena *arena)
{
    tw_arena_block *kept = arena->blocks;
    if (!arena->next) {
        tw_arena_clear(arena);
        return;
    }
    free_blocks(kept->older);
    kept->older = NULL;
    arena->next = aligned_start(kept);
    arena->bytes = kept->size + sizeof *kept;
}

/* Leaves an empty arena that may be used again at once. */
void tw_arena_clear(tw_arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (tw_arena){0};
}
