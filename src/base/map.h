/* SPDX-License-Identifier: Apache-2.0
 * Hash maps: from text (copied) to a pointer, and from 64-bit integers to 64-bit integers. Order of
 * iteration is the order of insertion (removals keep it). Not thread-safe. */
#ifndef TW_BASE_MAP_H
#define TW_BASE_MAP_H

#include "thalweg/base.h"

/* The hash is kept so that a rebuild need not read the keys again and a probe compares texts
 * only where hashes agree. */
typedef struct tw_map_entry {
    char *key;
    void *value;
    uint64_t hash;
} tw_map_entry; /* key NULL: removed */
typedef struct tw_map {
    tw_map_entry *entries;
    size_t count, used, capacity; /* live entries, used slots of `entries`, allocated ones */
    uint32_t *index;
    size_t index_size;
} tw_map; /* all zero is an empty map */

void *tw_map_get(const tw_map *map, const char *key); /* NULL: not there */
/* A key that is the first `length` bytes of a longer text. */
void *tw_map_get_n(const tw_map *map, const char *key, size_t length);
/* Tells a NULL value from a key that is not there. */
bool tw_map_has(const tw_map *map, const char *key);
bool tw_map_set(tw_map *map, const char *key, void *value); /* replaces; false: no memory */
void *tw_map_remove(tw_map *map, const char *key);          /* the value that was there, or NULL */
/* for (size_t i = 0; tw_map_next(map, &i, &key, &value);) ... */
bool tw_map_next(const tw_map *map, size_t *position, const char **key, void **value);
void tw_map_clear(tw_map *map); /* values are the caller's */

/* Keys may be any 64-bit value, zero included, hence the array of its own that says which slots
 * are in use. */
typedef struct tw_int_map {
    uint64_t *keys, *values;
    uint8_t *used;
    size_t count, capacity;
} tw_int_map;

/* `value` may be NULL, to ask only whether the key is there; it is untouched if it is not. */
bool tw_int_map_get(const tw_int_map *map, uint64_t key, uint64_t *value);
/* Adds or replaces. False: no memory, and the map is as it was. */
bool tw_int_map_set(tw_int_map *map, uint64_t key, uint64_t value);
void tw_int_map_clear(tw_int_map *map);

/* For tables in memory, not for files: it differs by byte order and may change. */
uint64_t tw_hash_bytes(const void *data, size_t size, uint64_t seed);

#endif
