/* SPDX-License-Identifier: Apache-2.0
 * The gaps are a tree, ordered by size and offset, whose shape is that of one into which they were
 * put in an order by chance (a treap): a stretch's own number, scattered, says how high it goes. */
#include "plan/gaps.h"

static bool is_before(const tw_stretch *a, const tw_stretch *b)
{
    return a->bytes != b->bytes ? a->bytes < b->bytes : a->offset < b->offset;
}

/* A product alone would leave what is evenly spaced in order. */
static uint32_t scattered(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

static bool is_above(uint32_t a, uint32_t b)
{
    return scattered(a) > scattered(b);
}

/* Where the tree names the gap, or, if it is not there yet, where something lower begins. */
static uint32_t *find(tw_gaps *gaps, uint32_t gap, bool there)
{
    tw_stretch *all = gaps->all.items;
    uint32_t *at = &gaps->root;
    while (*at && (there ? *at != gap : is_above(*at, gap)))
        at = is_before(&all[gap], &all[*at]) ? &all[*at].smaller : &all[*at].larger;
    return at;
}

/* What lies below its place is parted into what is before it and what is behind it. */
static void insert(tw_gaps *gaps, uint32_t gap)
{
    tw_stretch *all = gaps->all.items;
    uint32_t *at = find(gaps, gap, false), below = *at;
    uint32_t *smaller = &all[gap].smaller, *larger = &all[gap].larger;
    *at = gap;
    while (below) {
        if (is_before(&all[below], &all[gap])) {
            *smaller = below;
            smaller = &all[below].larger;
            below = *smaller;
        } else {
            *larger = below;
            larger = &all[below].smaller;
            below = *larger;
        }
    }
    *smaller = *larger = TW_NO_STRETCH;
}

/* The two trees below it become one, in its place. */
static void remove_gap(tw_gaps *gaps, uint32_t gap)
{
    tw_stretch *all = gaps->all.items;
    uint32_t *at = find(gaps, gap, true), smaller = all[gap].smaller, larger = all[gap].larger;
    while (smaller && larger) {
        if (is_above(smaller, larger)) {
            *at = smaller;
            at = &all[smaller].larger;
            smaller = *at;
        } else {
            *at = larger;
            at = &all[larger].smaller;
            larger = *at;
        }
    }
    *at = smaller ? smaller : larger;
}

/* Behind `before`, or first of all. */
static uint32_t add(tw_gaps *gaps, uint32_t before, tw_stretch stretch)
{
    uint32_t made = gaps->spare;
    if (made) {
        gaps->spare = gaps->all.items[made].after;
    } else {
        tw_stretch none = {.used = true};
        if (!gaps->all.count && !tw_vec_push(&gaps->all, none))
            return TW_NO_STRETCH;
        if (!tw_vec_push(&gaps->all, none))
            return TW_NO_STRETCH;
        made = (uint32_t)gaps->all.count - 1;
    }
    tw_stretch *all = gaps->all.items;
    stretch.before = before;
    stretch.after = before ? all[before].after : TW_NO_STRETCH;
    all[made] = stretch;
    if (before)
        all[before].after = made;
    if (stretch.after)
        all[stretch.after].before = made;
    else
        gaps->last = made;
    return made;
}

/* Its memory is somebody else's now. */
static void drop(tw_gaps *gaps, uint32_t stretch)
{
    tw_stretch *all = gaps->all.items, *own = &all[stretch];
    if (own->before)
        all[own->before].after = own->after;
    if (own->after)
        all[own->after].before = own->before;
    else
        gaps->last = own->before;
    own->after = gaps->spare;
    gaps->spare = stretch;
}

uint32_t tw_gaps_take(tw_gaps *gaps, size_t bytes)
{
    uint32_t best = TW_NO_STRETCH;
    for (uint32_t at = gaps->root; at;) {
        const tw_stretch *gap = &gaps->all.items[at];
        best = gap->bytes >= bytes ? at : best;
        at = gap->bytes >= bytes ? gap->smaller : gap->larger;
    }
    if (!best) {
        const tw_stretch *last = gaps->last ? &gaps->all.items[gaps->last] : NULL;
        size_t offset = last ? last->offset + last->bytes : 0;
        return add(gaps, gaps->last, (tw_stretch){.offset = offset, .bytes = bytes, .used = true});
    }
    tw_stretch gap = gaps->all.items[best];
    if (gap.bytes > bytes) {
        tw_stretch rest = {.offset = gap.offset + bytes, .bytes = gap.bytes - bytes};
        uint32_t made = add(gaps, best, rest);
        if (!made)
            return TW_NO_STRETCH;
        remove_gap(gaps, best);
        insert(gaps, made);
    } else {
        remove_gap(gaps, best);
    }
    gaps->all.items[best].bytes = bytes;
    gaps->all.items[best].used = true;
    return best;
}

void tw_gaps_give(tw_gaps *gaps, uint32_t stretch)
{
    tw_stretch *all = gaps->all.items, *own = &all[stretch];
    uint32_t before = own->before, after = own->after;
    own->used = false;
    if (after && !all[after].used) {
        remove_gap(gaps, after);
        own->bytes += all[after].bytes;
        drop(gaps, after);
    }
    if (before && !all[before].used) {
        remove_gap(gaps, before);
        own->bytes += all[before].bytes;
        own->offset = all[before].offset;
        drop(gaps, before);
    }
    if (own->after)
        insert(gaps, stretch);
    else
        drop(gaps, stretch);
}

void tw_gaps_clear(tw_gaps *gaps)
{
    tw_vec_clear(&gaps->all);
    *gaps = (tw_gaps){.root = TW_NO_STRETCH};
}
