/* SPDX-License-Identifier: Apache-2.0
 * The names in use in a graph, of operations and of scopes: one entry each, found by text, with or
 * without regard to case. Texts are the graph's and are not copied. */
#ifndef TW_GRAPH_NAME_TABLE_H
#define TW_GRAPH_NAME_TABLE_H

#include "thalweg/graph.h"

typedef struct tw_name {
    /* lives with the graph; what follows is NUL, or the slash of a scope and NUL */
    const char *text;
    uint32_t length;
    uint32_t times;   /* that it was asked for in any case; 0: it does not make a name taken */
    tw_operation *op; /* whose name is exactly this one; NULL: none */
} tw_name;

/* Of what the index holds; a position is counted from one, and 0 is a free place. */
typedef struct tw_name_place {
    uint32_t hash, position;
} tw_name_place;

typedef struct tw_name_table {
    tw_name *items;
    tw_name_place *index;
    uint32_t count, capacity; /* the index has twice as many places, a power of two */
} tw_name_table;              /* all zero is an empty table */

/* Equal for texts that differ only in case. */
uint32_t tw_name_hash(const char *text, size_t length);
/* NULL: there is none. What is found moves when room is made. */
tw_name *tw_name_table_find(const tw_name_table *table, uint32_t hash, const char *text,
                            size_t length);
/* The entry that makes a name taken (`exact`: only of the same case), and its own, if there is one:
 * the same, or one that does not make it taken. */
tw_name *tw_name_table_taken(const tw_name_table *table, uint32_t hash, const char *text,
                             size_t length, bool exact, tw_name **own);
/* Room for `more` entries; false: no memory, and nothing has changed. */
bool tw_name_table_reserve(tw_name_table *table, size_t more);
/* A new entry that was not asked for yet; there is room for it. */
tw_name *tw_name_table_add(tw_name_table *table, uint32_t hash, const char *text, size_t length);
void tw_name_table_clear(tw_name_table *table);

#endif
