/* SPDX-License-Identifier: Apache-2.0
 * tw_map keeps its entries in a dense array in the order of insertion; a table of open addressing
 * with linear probing holds their positions plus one (0: free). A removed entry stays in both, with
 * a NULL key, until the next rebuild. The table is at most half full, so every probe ends.
 * tw_int_map is open addressing without removal. */
#include "base/map.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAPACITY = 8 };

/* Every bit of the input reaches every bit of the result, for the mask takes the low ones. */
static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

/* Reads words in the machine's own order, so the hash differs between machines; it is for tables
 * in memory and must never be written to a file. */
uint64_t tw_hash_bytes(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *bytes = data;
    uint64_t h = seed ^ (UINT64_C(0x9e3779b97f4a7c15) + size);
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        h ^= word * UINT64_C(0xff51afd7ed558ccd);
        h = (h << 29 | h >> 35) * UINT64_C(0xc4ceb9fe1a85ec53);
    }
    /* The length is in the start value, so a tail of zeros differs from no tail. */
    uint64_t tail = 0;
    for (size_t i = 0; i < size; i++)
        tail |= (uint64_t)bytes[i] << (8 * i);
    return mix(h ^ tail * UINT64_C(0xff51afd7ed558ccd));
}

/* The hash goes first, so that texts are compared only when they are almost certainly equal. */
static bool key_is(const tw_map_entry *entry, uint64_t hash, const char *key, size_t length)
{
    return entry->key && entry->hash == hash && strncmp(entry->key, key, length) == 0 &&
           entry->key[length] == '\0';
}

/* Ends at the first free place, which there always is, since the index is never full. */
static tw_map_entry *find(const tw_map *map, const char *key, size_t length)
{
    if (!map->count)
        return NULL;
    uint64_t hash = tw_hash_bytes(key, length, 0);
    size_t mask = map->index_size - 1;
    for (size_t i = (size_t)hash & mask; map->index[i]; i = (i + 1) & mask) {
        tw_map_entry *entry = &map->entries[map->index[i] - 1];
        if (key_is(entry, hash, key, length))
            return entry;
    }
    return NULL;
}

/* The table is never full, so the probe ends; the caller has made room and knows the key to be
 * absent, so no key is compared. */
static void index_add(tw_map *map, size_t position)
{
    size_t mask = map->index_size - 1;
    size_t i = (size_t)map->entries[position].hash & mask;
    while (map->index[i])
        i = (i + 1) & mask;
    map->index[i] = (uint32_t)(position + 1);
}

/* Closes the gaps that removals left and makes the table of positions anew. */
static void drop_removed(tw_map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->used; i++) {
        if (map->entries[i].key)
            map->entries[kept++] = map->entries[i];
    }
    map->used = kept;
    memset(map->index, 0, map->index_size * sizeof *map->index);
    for (size_t i = 0; i < kept; i++)
        index_add(map, i);
}

/* Twice the room, in one step: on failure the map is as it was. */
static bool grow(tw_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY;
    /* Positions are 32 bits wide. */
    if (capacity > UINT32_MAX / 2)
        return false;
    uint32_t *index = tw_alloc_array(capacity * 2, sizeof *index);
    tw_map_entry *entries = tw_realloc_array(map->entries, capacity, sizeof *entries);
    if (entries)
        map->entries = entries; /* moved, whether or not the index came */
    if (!index || !entries) {
        tw_free(index);
        return false;
    }
    tw_free(map->index);
    map->index = index;
    map->index_size = capacity * 2;
    map->capacity = capacity;
    drop_removed(map);
    return true;
}

/* A map that is half removed entries is tidied and not grown. */
static bool make_room(tw_map *map)
{
    if (map->used < map->capacity)
        return true;
    if (map->count <= map->used / 2 && map->capacity) {
        drop_removed(map);
        return true;
    }
    return grow(map);
}

/* Takes a length so that a piece of a longer text, such as a node's name before its colon, is
 * found without a copy. */
void *tw_map_get_n(const tw_map *map, const char *key, size_t length)
{
    tw_map_entry *entry = find(map, key, length);
    return entry ? entry->value : NULL;
}

/* A value of NULL cannot be told from a missing key here; who stores NULL asks tw_map_has for
 * the difference. */
void *tw_map_get(const tw_map *map, const char *key)
{
    return tw_map_get_n(map, key, strlen(key));
}

/* Tells an entry whose value is NULL from no entry, so that a map can serve as a plain set of
 * names. */
bool tw_map_has(const tw_map *map, const char *key)
{
    return find(map, key, strlen(key)) != NULL;
}

/* False leaves the map just as it was; a key already there keeps its place in the order of
 * iteration when its value is replaced. */
bool tw_map_set(tw_map *map, const char *key, void *value)
{
    size_t length = strlen(key);
    tw_map_entry *entry = find(map, key, length);
    if (entry) {
        entry->value = value;
        return true;
    }
    /* Both allocations come before any change. */
    char *copy = tw_strndup(key, length);
    if (!copy || !make_room(map)) {
        tw_free(copy);
        return false;
    }
    map->entries[map->used] = (tw_map_entry){copy, value, tw_hash_bytes(key, length, 0)};
    index_add(map, map->used);
    map->used++;
    map->count++;
    return true;
}

/* The place in the index stays taken, or probes for keys behind it would end too early. */
void *tw_map_remove(tw_map *map, const char *key)
{
    tw_map_entry *entry = find(map, key, strlen(key));
    if (!entry)
        return NULL;
    void *value = entry->value;
    tw_free(entry->key);
    *entry = (tw_map_entry){0};
    map->count--;
    return value;
}

/* In the order of insertion; entries removed meanwhile are passed over. */
bool tw_map_next(const tw_map *map, size_t *position, const char **key, void **value)
{
    while (*position < map->used) {
        const tw_map_entry *entry = &map->entries[(*position)++];
        if (!entry->key)
            continue;
        if (key)
            *key = entry->key;
        if (value)
            *value = entry->value;
        return true;
    }
    return false;
}

/* The values belong to whoever put them in and are left alone; only the copies of the keys and
 * the tables themselves are freed. */
void tw_map_clear(tw_map *map)
{
    for (size_t i = 0; i < map->used; i++)
        tw_free(map->entries[i].key);
    tw_free(map->entries);
    tw_free(map->index);
    *map = (tw_map){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static size_t int_slot(const tw_int_map *map, uint64_t key)
{
    size_t mask = map->capacity - 1, i = (size_t)mix(key) & mask;
    while (map->used[i] && map->keys[i] != key)
        i = (i + 1) & mask;
    return i;
}

/* The count goes up only for a slot that was free, which lets one function serve both a new key
 * and a replaced value. */
static void int_put(tw_int_map *map, size_t slot, uint64_t key, uint64_t value)
{
    map->count += map->used[slot] == 0;
    map->used[slot] = 1;
    map->keys[slot] = key;
    map->values[slot] = value;
}

/* All three arrays are there before the old ones go, so that a failure leaves the map as it was. */
static bool int_grow(tw_int_map *map)
{
    size_t capacity;
    if (!tw_size_mul(map->capacity, 2, &capacity))
        return false;
    capacity = capacity ? capacity : FIRST_CAPACITY;
    tw_int_map grown = {.keys = tw_alloc_array(capacity, sizeof(uint64_t)),
                        .values = tw_alloc_array(capacity, sizeof(uint64_t)),
                        .used = tw_alloc_zero(capacity, 1),
                        .capacity = capacity};
    if (!grown.keys || !grown.values || !grown.used) {
        tw_int_map_clear(&grown);
        return false;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->used[i])
            int_put(&grown, int_slot(&grown, map->keys[i]), map->keys[i], map->values[i]);
    }
    tw_int_map_clear(map);
    *map = grown;
    return true;
}

/* An empty map has no slots to probe, which is why the count is looked at first; value may be
 * NULL where only presence matters. */
bool tw_int_map_get(const tw_int_map *map, uint64_t key, uint64_t *value)
{
    if (!map->count)
        return false;
    size_t slot = int_slot(map, key);
    if (!map->used[slot])
        return false;
    if (value)
        *value = map->values[slot];
    return true;
}

/* A key already there is replaced even in a full table, so that an update never allocates and
 * hence never fails. */
bool tw_int_map_set(tw_int_map *map, uint64_t key, uint64_t value)
{
    /* Three quarters at most, so that a probe for a missing key stays short. */
    bool full = map->count >= map->capacity - map->capacity / 4;
    if (full && !(map->capacity && map->used[int_slot(map, key)]) && !int_grow(map))
        return false;
    int_put(map, int_slot(map, key), key, value);
    return true;
}

/* Leaves the map all zero, which is an empty map that can be used again at once, and makes a
 * second clear harmless. */
void tw_int_map_clear(tw_int_map *map)
{
    tw_free(map->keys);
    tw_free(map->values);
    tw_free(map->used);
    *map = (tw_int_map){0};
}
