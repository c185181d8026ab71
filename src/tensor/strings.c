/* SPDX-License-Identifier: Apache-2.0
 * String elements: 16 bytes each, up to 12 bytes of text inline behind the length, longer ones in
 * memory of their own (the first four bytes stand in `head` as well, so that unequal texts differ
 * early). All zero is the empty string. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "tensor/array.h"

enum { INLINE_MAX = 12 };

_Static_assert(offsetof(tw_string, rest) == offsetof(tw_string, head) + 4, "one run of bytes");

/* The 12 inline bytes, which run over head and tail. */
static char *inline_bytes(const tw_string *s)
{
    return (char *)(uintptr_t)s + offsetof(tw_string, head);
}

/* A failure leaves the old text in place; the new one is made in full before the element is
 * touched at all. */
tw_status *tw_string_set(tw_string *s, const char *bytes, size_t length)
{
    tw_string fresh = {0};
    fresh.length = (uint32_t)length;
    if (fresh.length != length)
        return tw_status_with_kind(
            tw_status_new(TW_RESOURCE_EXHAUSTED, "a string of %zu bytes is too long", length),
            TW_KIND_MEMORY);
    if (!bytes && length > 0)
        return tw_value_error("a string of %zu bytes has no bytes", length);
    if (length <= INLINE_MAX) {
        if (length > 0)
            memcpy(inline_bytes(&fresh), bytes, length);
    } else {
        fresh.rest.bytes = tw_alloc(length);
        if (!fresh.rest.bytes)
            return tw_no_memory();
        memcpy(fresh.rest.bytes, bytes, length);
        memcpy(fresh.head, bytes, sizeof fresh.head);
    }
    /* Only now may the old text go: `bytes` may point into it. */
    tw_string_drop(s);
    *s = fresh;
    return TW_OK;
}

/* Valid until the element is set or dropped, or moves: short texts lie in the element itself. */
const char *tw_string_get(const tw_string *s, size_t *length)
{
    if (length)
        *length = s->length;
    return s->length <= INLINE_MAX ? inline_bytes(s) : s->rest.bytes;
}

/* Leaves the empty string, so that dropping twice does no harm. */
void tw_string_drop(tw_string *s)
{
    if (s->length > INLINE_MAX)
        tw_free(s->rest.bytes);
    memset(s, 0, sizeof *s);
}

/* Length and head settle nearly all unequal pairs without a look at the memory of longer texts,
 * which would miss the cache. */
bool tw_string_equal(const tw_string *a, const tw_string *b)
{
    /* Unused inline bytes are zero, so that length and head compare whole. */
    if (a->length != b->length || memcmp(a->head, b->head, sizeof a->head) != 0)
        return false;
    return memcmp(tw_string_get(a, NULL), tw_string_get(b, NULL), a->length) == 0;
}
