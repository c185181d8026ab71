/* SPDX-License-Identifier: Apache-2.0
 * The allocator table and what is built on it. The default aligned allocation is made of malloc
 * alone, so that it is the same on every system: the pointer that malloc gave is kept just before
 * the aligned bytes. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

enum { ALIGNMENT = TW_ALLOC_LINE, PAGE = 4096, HUGE_PAGE = 2 << 20, TURNS = 8 };

/* The three libc functions stand behind the same table as a caller's own, so that no allocation
 * path has to ask which of the two is in force. */
static void *libc_allocate(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *libc_resize(void *memory, size_t size, void *user)
{
    (void)user;
    return realloc(memory, size);
}

static void libc_release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* Large memory lies on whole huge pages: a fault for each 4 KiB costs more than filling them, and a
 * processor remembers too few small ones. A last one of which an eighth or more would be empty is
 * small ones instead. */
static size_t on_huge_pages(size_t size)
{
    size_t last = size % HUGE_PAGE;
    return last > HUGE_PAGE / 8 * 7 ? size - last + HUGE_PAGE : size;
}

/* AMD's processors know lines of one place in a page by a hash of the rest of the address, of which
 * these are three bits, and take two lines of one hash for each other (M. Lipp et al., Take A Way,
 * 2020). */
static unsigned tag_of(uint64_t address)
{
    unsigned tag = 0;
    for (unsigned i = 0; i < 3; i++)
        tag |= (unsigned)((address >> (12 + i) ^ address >> (27 - i)) & 1) << i;
    return tag;
}

/* From `page` on, the first one whose tag is the next in turn. */
static uintptr_t next_in_turn(uintptr_t page)
{
    static atomic_uint turn;
    unsigned wanted = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % TURNS;
    while (tag_of(page) != wanted)
        page += PAGE;
    return page;
}

/* Room for the pointer comes before the alignment step, so that it never lies outside of what
 * malloc gave. Of a large block the second line begins a page (alloc.h). */
static void *libc_aligned(size_t size, size_t alignment, void *user)
{
    (void)user;
    size_t room, ahead = 0, spare = 0;
    bool paged = size >= TW_ALLOC_PAGED, huge = size >= HUGE_PAGE;
    if (huge && size < SIZE_MAX - HUGE_PAGE)
        size = on_huge_pages(size - ALIGNMENT) + ALIGNMENT;
    if (paged) {
        alignment = huge ? HUGE_PAGE : PAGE;
        ahead = ALIGNMENT;
        spare = huge ? 0 : 2 * TURNS * PAGE;
    }
    if (!tw_size_add(size, alignment + sizeof(void *) + ahead + spare, &room))
        return NULL;
    char *whole = malloc(room);
    if (!whole)
        return NULL;
    /* At most alignment - 1 bytes are skipped, after room for the pointer, and what is spare. */
    uintptr_t first = (uintptr_t)whole + sizeof(void *) + ahead;
    uintptr_t start = first + ((alignment - (first & (alignment - 1))) & (alignment - 1));
    start = spare ? next_in_turn(start) : start;
    char *aligned = whole + (start - (uintptr_t)whole) - ahead;
    memcpy(aligned - sizeof(void *), &whole, sizeof(void *));
    if (huge)
        tw_os_advise_huge(aligned + ahead, size - ahead);
    return aligned;
}

/* The pointer is read by memcpy, as it was written: nothing says that its place suits a pointer. */
static void libc_aligned_release(void *memory, void *user)
{
    (void)user;
    if (!memory)
        return;
    void *whole;
    memcpy(&whole, (char *)memory - sizeof(void *), sizeof(void *));
    free(whole);
}

static const tw_allocator libc_allocator = {libc_allocate, libc_resize,          libc_release,
                                            libc_aligned,  libc_aligned_release, NULL};
/* A pointer to a table, so that a given one is copied: the caller's may be on a stack. */
static const tw_allocator *table = &libc_allocator;
static tw_allocator given;

/* Copied, so that the caller's table need not live on; to be called before anything is
 * allocated. */
void tw_set_allocator(const tw_allocator *allocator)
{
    if (allocator)
        given = *allocator;
    table = allocator ? &given : &libc_allocator;
}

/* Objects beyond PTRDIFF_MAX have no valid pointer differences; no system gives them. */
static bool size_is_sane(size_t size)
{
    return size <= (size_t)PTRDIFF_MAX;
}

/* A size of 0 becomes 1, so that NULL always means a failure, whatever the system's malloc does. */
void *tw_alloc(size_t size)
{
    return size_is_sane(size) ? table->allocate(size ? size : 1, table->user) : NULL;
}

/* A product that overflows is refused like any allocation that failed, so callers have one case
 * to handle. */
void *tw_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    return tw_size_mul(count, size, &bytes) ? tw_alloc(bytes) : NULL;
}

/* Made by the array allocation, whose check of the product comes first, so that count times size
 * cannot wrap in the fill below. */
void *tw_alloc_zero(size_t count, size_t size)
{
    void *memory = tw_alloc_array(count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

/* After a failure the old memory stands as it was and still is the caller's. */
void *tw_realloc_array(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (!tw_size_mul(count, size, &bytes) || !size_is_sane(bytes))
        return NULL;
    return table->resize(memory, bytes ? bytes : 1, table->user);
}

/* NULL is stopped here and never reaches the table, so that a caller's release callback need not
 * know what free(NULL) means. */
void tw_free(void *memory)
{
    if (memory)
        table->release(memory, table->user);
}

/* A size of zero is asked for as one byte: NULL then always means that memory is short, and
 * never that nothing was wanted. */
void *tw_alloc_aligned(size_t size)
{
    return size_is_sane(size) ? table->aligned(size ? size : 1, ALIGNMENT, table->user) : NULL;
}

/* Aligned memory must come back here and not to tw_free: the default keeps malloc's own pointer
 * before the bytes, and a table may differ as well. */
void tw_free_aligned(void *memory)
{
    if (memory)
        table->aligned_release(memory, table->user);
}

/* NULL, or a block that nobody uses. Not where a caller's table is in force, which counts on all
 * coming back, nor where a sanitizer looks for uses of what was freed. */
static void *_Atomic kept_blocks[16];

static bool keeps_blocks(void)
{
#if defined(TW_SANITIZED)
    return false;
#else
    return table == &libc_allocator;
#endif
}

/* glibc gives what is free at the end of its heap back to the system beyond a bound, of 128 KB
 * first, which it raises to twice the size of the largest block that came from the system by itself
 * and was freed. Without such a one, what graphs that come and go have beside blocks would be new
 * pages each time. */
static void let_more_be_kept(void)
{
    enum { LARGE = 1 << 21 };
    static atomic_flag done = ATOMIC_FLAG_INIT;
    if (keeps_blocks() && !atomic_flag_test_and_set(&done))
        tw_free(tw_alloc(LARGE));
}

void *tw_alloc_block(void)
{
    void *block = NULL;
    let_more_be_kept();
    for (size_t i = 0; keeps_blocks() && i < sizeof kept_blocks / sizeof *kept_blocks; i++) {
        if (atomic_load_explicit(&kept_blocks[i], memory_order_relaxed))
            block = atomic_exchange(&kept_blocks[i], NULL);
        if (block)
            return block; /* else another thread was faster */
    }
    return tw_alloc(TW_ALLOC_BLOCK);
}

void tw_free_block(void *memory)
{
    for (size_t i = 0; keeps_blocks() && i < sizeof kept_blocks / sizeof *kept_blocks; i++) {
        void *none = NULL;
        if (!atomic_load_explicit(&kept_blocks[i], memory_order_relaxed) &&
            atomic_compare_exchange_strong(&kept_blocks[i], &none, memory))
            return;
    }
    tw_free(memory);
}

/* The text need not end in a zero, and may be NULL if its length is 0. */
char *tw_strndup(const char *text, size_t length)
{
    size_t room;
    char *copy = tw_size_add(length, 1, &room) ? tw_alloc(room) : NULL;
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* The copy is the caller's, to be released by tw_free; it is NULL only when memory is short, for
 * the text itself must not be. */
char *tw_strdup(const char *text)
{
    return tw_strndup(text, strlen(text));
}

bool tw_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Every size that comes from a file or a caller goes through these two before it reaches an
 * allocation, so that it cannot wrap to a small one. */
bool tw_size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* On overflow *out holds the wrapped product, which nobody may use; callers give up the size or
 * the dimension it stood for. */
bool tw_int64_mul(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Libraries copy at least this many bytes by loads and stores of their own. */
enum { LONG_RUN = 2048 };

void tw_copy_bytes(void *to, const void *from, size_t bytes)
{
    size_t behind = (size_t)((uintptr_t)to - (uintptr_t)from);
    if (bytes <= LONG_RUN || behind % PAGE - 1 >= 15 || behind < bytes) {
        memmove(to, from, bytes);
        return;
    }
    char block[64], *z = to;
    const char *x = from;
    for (; bytes >= sizeof block; bytes -= sizeof block, x += sizeof block, z += sizeof block) {
        memcpy(block, x, sizeof block);
        memcpy(z, block, sizeof block);
    }
    memcpy(z, x, bytes);
}
