/* SPDX-License-Identifier: Apache-2.0
 * Entries in the order in which they came, and an index of open addressing with linear probing,
 * at most half full. Nothing is ever removed, and room is made before anything is changed, so that
 * who adds has nothing to undo. */
#include "graph/name_table.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAPACITY = 64 };

/* One bit makes letters of both cases alike; that it makes some other characters alike too costs a
 * comparison at most. The last eight bytes are read once more where the length is no multiple. */
uint32_t tw_name_hash(const char *text, size_t length)
{
    const uint64_t alike = UINT64_C(0x2020202020202020), factor = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15) * (length + 1), word = 0;
    if (length < sizeof word) {
        for (size_t i = 0; i < length; i++)
            word = word << 8 | (unsigned char)text[i];
    } else {
        for (size_t i = 0; i + sizeof word < length; i += sizeof word) {
            memcpy(&word, text + i, sizeof word);
            h = (h ^ (word | alike)) * factor;
            h ^= h >> 32;
        }
        memcpy(&word, text + length - sizeof word, sizeof word);
    }
    h = (h ^ (word | alike)) * factor;
    h ^= h >> 32;
    return (uint32_t)(h * factor >> 32);
}

/* ASCII only, whatever the locale says of letters. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool differs_in_case(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

/* All that are alike stand between the hash's place and the next free one. */
tw_name *tw_name_table_taken(const tw_name_table *table, uint32_t hash, const char *text,
                             size_t length, bool exact, tw_name **own)
{
    tw_name *taken = NULL;
    size_t mask = 2 * (size_t)table->capacity - 1;
    *own = NULL;
    for (size_t i = hash & mask; table->count && table->index[i].position; i = (i + 1) & mask) {
        if (table->index[i].hash != hash)
            continue;
        tw_name *name = &table->items[table->index[i].position - 1];
        if (name->length != length)
            continue;
        bool same = memcmp(name->text, text, length) == 0;
        if (same)
            *own = name;
        if (!taken && name->times &&
            (same || (!exact && differs_in_case(name->text, text, length))))
            taken = name;
    }
    return taken;
}

tw_name *tw_name_table_find(const tw_name_table *table, uint32_t hash, const char *text,
                            size_t length)
{
    tw_name *own;
    tw_name_table_taken(table, hash, text, length, true, &own);
    return own;
}

/* The first free place from where the hash says. */
static void put(tw_name_place *index, size_t mask, tw_name_place place)
{
    size_t i = place.hash & mask;
    while (index[i].position)
        i = (i + 1) & mask;
    index[i] = place;
}

/* Positions are 32 bits wide. Entries that were moved are as good as before, whether or not the new
 * index came. */
static bool grow(tw_name_table *table, size_t need)
{
    size_t capacity = table->capacity ? table->capacity : FIRST_CAPACITY;
    while (capacity < need && capacity <= UINT32_MAX / 4)
        capacity *= 2;
    if (capacity < need)
        return false;
    tw_name *items = tw_realloc_array(table->items, capacity, sizeof *items);
    if (!items)
        return false;
    table->items = items;
    tw_name_place *index = tw_alloc_zero(2 * capacity, sizeof *index);
    if (!index)
        return false;
    for (size_t i = 0; i < 2 * (size_t)table->capacity; i++) {
        if (table->index[i].position)
            put(index, 2 * capacity - 1, table->index[i]);
    }
    tw_free(table->index);
    table->index = index;
    table->capacity = (uint32_t)capacity;
    return true;
}

bool tw_name_table_reserve(tw_name_table *table, size_t more)
{
    size_t need;
    if (!tw_size_add(table->count, more, &need))
        return false;
    return need <= table->capacity || grow(table, need);
}

tw_name *tw_name_table_add(tw_name_table *table, uint32_t hash, const char *text, size_t length)
{
    tw_name *name = &table->items[table->count++];
    *name = (tw_name){.text = text, .length = (uint32_t)length};
    put(table->index, 2 * (size_t)table->capacity - 1, (tw_name_place){hash, table->count});
    return name;
}

/* The texts go with the graph. */
void tw_name_table_clear(tw_name_table *table)
{
    tw_free(table->items);
    tw_free(table->index);
    *table = (tw_name_table){0};
}
