/* SPDX-License-Identifier: Apache-2.0
 * What looks at whole trees: merging, equality, and the keys of maps. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "wire/message.h"

static bool merge(tw_message *to, const tw_message *from, int depth);

/* Entries of maps are appended like any other; settling then drops the earlier ones. */
static bool merge_children(tw_message *to, const tw_slot *slot, int depth)
{
    tw_message *const *children = slot->items;
    for (size_t i = 0; i < slot->count; i++) {
        tw_message *child = tw_message_add_child(to, slot->field->number);
        if (!child || !merge(child, children[i], depth + 1))
            return false;
    }
    return true;
}

/* Copied into the target's arena, because the source's may be cleared first; a failure leaves
 * those that were already added. */
static bool merge_spans(tw_message *to, const tw_slot *slot)
{
    const tw_span *spans = slot->items;
    for (size_t i = 0; i < slot->count; i++)
        if (!tw_message_add_span(to, slot->field->number, spans[i].data, spans[i].size))
            return false;
    return true;
}

/* An implicit default in `from` says nothing, so it must not overwrite. */
static bool merge_slot(tw_message *to, const tw_slot *slot, int depth)
{
    int number = slot->field->number;
    bool single = slot->field->label == TW_PB_SINGLE;
    if (tw_slot_is_default(slot))
        return true;
    switch (slot->field->kind) {
    case TW_PB_MESSAGE: return merge_children(to, slot, depth);
    case TW_PB_STRING:
    case TW_PB_BYTES: return merge_spans(to, slot);
    case TW_PB_FLOAT:
        return single ? tw_message_add_number(to, number, (double)*(const float *)slot->items)
                      : tw_message_add_floats(to, number, slot->items, slot->count);
    case TW_PB_DOUBLE:
        return single ? tw_message_add_number(to, number, *(const double *)slot->items)
                      : tw_message_add_doubles(to, number, slot->items, slot->count);
    default:
        return single ? tw_message_add_int(to, number, *(const int64_t *)slot->items)
                      : tw_message_add_ints(to, number, slot->items, slot->count);
    }
}

/* Unknown fields are appended: what they mean, whether repeated or not, is not known. */
static bool merge(tw_message *to, const tw_message *from, int depth)
{
    if (depth > TW_PB_MAX_DEPTH)
        return false;
    for (uint32_t i = 0; i < from->slot_count; i++)
        if (!merge_slot(to, &from->slots[i], depth))
            return false;
    for (uint32_t i = 0; i < from->unknown_count; i++) {
        void *copy = tw_arena_copy(to->arena, from->unknown[i].data, from->unknown[i].size);
        if (!copy || !tw_message_keep_unknown(to, (tw_span){copy, from->unknown[i].size}))
            return false;
    }
    return tw_message_settle(to);
}

/* A message is not merged into itself, for its lists would grow while they are read; other types
 * have other fields. */
bool tw_message_merge(tw_message *m, const tw_message *from)
{
    if (!m || !from || m == from || m->type != from->type)
        return false;
    return merge(m, from, 0);
}

/* Order of map entries: text keys by bytes, integer keys by value. */
static int compare_keys(const tw_message *a, const tw_message *b)
{
    if (a->type->fields[0].kind != TW_PB_STRING) {
        int64_t x = tw_message_int(a, 1), y = tw_message_int(b, 1);
        return (x > y) - (x < y);
    }
    tw_span x = tw_message_span(a, 1), y = tw_message_span(b, 1);
    size_t n = x.size < y.size ? x.size : y.size;
    int order = n ? memcmp(x.data, y.data, n) : 0;
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

/* The shape that qsort wants: the entries themselves are pointers, so the arguments are pointers
 * to them and need one more step. */
static int compare_entries(const void *a, const void *b)
{
    return compare_keys(*(tw_message *const *)a, *(tw_message *const *)b);
}

/* Sorted by key, so that equal maps give equal bytes; the caller frees the array. */
tw_message **tw_message_sorted(const tw_slot *slot)
{
    tw_message **sorted = tw_alloc_array(slot->count, sizeof(*sorted));
    if (sorted && slot->count) {
        memcpy(sorted, slot->items, slot->count * sizeof(*sorted));
        qsort(sorted, slot->count, sizeof(*sorted), compare_entries);
    }
    return sorted;
}

/* An entry and where it came, since qsort forgets the order of equals. */
typedef struct arrival {
    tw_message *entry;
    uint32_t at;
} arrival;

/* Equal keys keep the order in which they came, so that the last one can be told. */
static int compare_arrivals(const void *a, const void *b)
{
    const arrival *x = a, *y = b;
    int order = compare_keys(x->entry, y->entry);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Marks all but the last of equal keys by NULL, for many entries. */
static bool mark_by_sorting(tw_message **entries, uint32_t n)
{
    arrival *order = tw_alloc_array(n, sizeof(*order));
    if (!order)
        return false;
    for (uint32_t i = 0; i < n; i++)
        order[i] = (arrival){entries[i], i};
    qsort(order, n, sizeof(*order), compare_arrivals);
    for (uint32_t i = 0; i + 1 < n; i++)
        if (compare_keys(order[i].entry, order[i + 1].entry) == 0)
            entries[order[i].at] = NULL;
    tw_free(order);
    return true;
}

/* The same for few, as nearly all nodes have, without memory. */
static void mark_by_pairs(tw_message **entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = i + 1; k < n && entries[i]; k++)
            if (compare_keys(entries[i], entries[k]) == 0)
                entries[i] = NULL;
}

/* A file may hold a million entries of one map, so pairs are compared only where there are few. */
static bool drop_repeated_keys(tw_slot *slot)
{
    tw_message **entries = slot->items;
    uint32_t n = slot->count, kept = 0;
    if (n <= 16)
        mark_by_pairs(entries, n);
    else if (!mark_by_sorting(entries, n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (entries[i])
            entries[kept++] = entries[i];
    slot->count = kept;
    return true;
}

/* An entry without key or value means the default of it. */
static bool fill_entry(tw_message *entry)
{
    for (size_t i = 0; i < entry->type->count; i++) {
        const tw_pb_field *field = &entry->type->fields[i];
        if (tw_message_find(entry, field->number))
            continue;
        bool ok;
        if (field->kind == TW_PB_MESSAGE)
            ok = tw_message_add_child(entry, field->number) != NULL;
        else if (field->kind == TW_PB_STRING || field->kind == TW_PB_BYTES)
            ok = tw_message_add_borrowed(entry, field->number, "", 0);
        else
            ok = tw_message_add_int(entry, field->number, 0);
        if (!ok)
            return false;
    }
    return true;
}

/* Called when reading is done: until then entries may lack a key or repeat one, and the last of
 * equals has to win. */
bool tw_message_settle(tw_message *m)
{
    for (uint32_t i = 0; i < m->slot_count; i++) {
        tw_slot *slot = &m->slots[i];
        if (slot->field->label != TW_PB_MAP)
            continue;
        for (uint32_t k = 0; k < slot->count; k++)
            if (!fill_entry(((tw_message **)slot->items)[k]))
                return false;
        if (slot->count > 1 && !drop_repeated_keys(slot))
            return false;
    }
    return true;
}

/* Two NaNs are the same number in a file, unlike in arithmetic. */
static bool same_number(double a, double b)
{
    return a == b || (a != a && b != b);
}

/* Numbers compare by same_number, which has its say on NaN and zeros, so that a tree equals its
 * own copy. */
static bool equal_values(const tw_slot *a, const tw_slot *b, size_t i)
{
    switch (a->field->kind) {
    case TW_PB_MESSAGE:
        return tw_message_equal(((tw_message **)a->items)[i], ((tw_message **)b->items)[i]);
    case TW_PB_STRING:
    case TW_PB_BYTES:
        return tw_span_equal(((const tw_span *)a->items)[i], ((const tw_span *)b->items)[i]);
    case TW_PB_FLOAT:
        return same_number((double)((const float *)a->items)[i],
                           (double)((const float *)b->items)[i]);
    case TW_PB_DOUBLE:
        return same_number(((const double *)a->items)[i], ((const double *)b->items)[i]);
    default: return ((const int64_t *)a->items)[i] == ((const int64_t *)b->items)[i];
    }
}

/* Keys differ within a map, so equal counts and every entry of `a` in `b` make them equal. The
 * search starts where the last one ended: maps mostly come in one order. */
static bool equal_maps(const tw_slot *a, const tw_slot *b)
{
    tw_message *const *x = a->items, *const *y = b->items;
    size_t n = a->count, next = 0;
    for (size_t i = 0; i < n; i++, next++) {
        size_t tries = 0;
        for (; tries < n && compare_keys(x[i], y[next % n]) != 0; tries++)
            next++;
        if (tries == n || !tw_message_equal(x[i], y[next % n]))
            return false;
    }
    return true;
}

/* Maps compare without regard to order and lists element by element, as the two have different
 * meanings in the format. */
static bool equal_slots(const tw_slot *a, const tw_slot *b)
{
    if (a->count != b->count)
        return false;
    if (a->field->label == TW_PB_MAP)
        return equal_maps(a, b);
    for (size_t i = 0; i < a->count; i++)
        if (!equal_values(a, b, i))
            return false;
    return true;
}

/* Unknown fields as one text, wherever the spans are cut. */
static bool equal_unknown(const tw_message *a, const tw_message *b)
{
    uint32_t i = 0, k = 0;
    size_t at = 0, bt = 0;
    while (i < a->unknown_count && k < b->unknown_count) {
        tw_span x = a->unknown[i], y = b->unknown[k];
        size_t n = x.size - at < y.size - bt ? x.size - at : y.size - bt;
        if (memcmp(x.data + at, y.data + bt, n) != 0)
            return false;
        at += n;
        bt += n;
        if (at == x.size)
            i++, at = 0;
        if (bt == y.size)
            k++, bt = 0;
    }
    return i == a->unknown_count && k == b->unknown_count;
}

/* Passes over implicit defaults, which are the same as nothing. */
static const tw_slot *next_set(const tw_message *m, uint32_t *i)
{
    while (*i < m->slot_count && tw_slot_is_default(&m->slots[*i]))
        (*i)++;
    return *i < m->slot_count ? &m->slots[(*i)++] : NULL;
}

/* Slots are sorted by number, so two walks side by side meet the same fields. */
bool tw_message_equal(const tw_message *a, const tw_message *b)
{
    if (!a || !b || a->type != b->type)
        return a == b;
    uint32_t i = 0, k = 0;
    for (;;) {
        const tw_slot *x = next_set(a, &i), *y = next_set(b, &k);
        if (!x || !y)
            return !x && !y && equal_unknown(a, b);
        if (x->field != y->field || !equal_slots(x, y))
            return false;
    }
}
