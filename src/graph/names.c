/* SPDX-License-Identifier: Apache-2.0
 * Names as TensorFlow 1.15 gives them. Two names that differ only in case count as one, unless the
 * graph is told otherwise. The first
 * to ask for "x" gets it, the second "x_1"; the map holds for each name how often it was asked for,
 * so that a suffix is mostly found at once. */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/scope.h"

/* ASCII only, whatever the locale says of letters. */
static bool is_name_char(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.')
        return true;
    return !first && (c == '_' || c == '-' || c == '/');
}

/* Scopes inside another may begin with what an operation's name may not. */
bool tw_name_is_valid(const char *name, bool root)
{
    if (!is_name_char(*name, root))
        return false;
    while (*name && is_name_char(*name, false))
        name++;
    return !*name;
}

/* A key of the map: short ones need no memory. */
typedef struct name_key {
    char *text;
    char small[96];
} name_key;

/* Lower case as ASCII has it, unless the graph tells cases apart. */
static bool key_make(const tw_graph *graph, name_key *key, const char *name)
{
    bool exact = graph->exact_names;
    size_t length = strlen(name);
    key->text = length < sizeof key->small ? key->small : tw_alloc(length + 1);
    for (size_t i = 0; key->text && i <= length; i++)
        key->text[i] = !exact && name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a')
                                                                  : name[i];
    return key->text != NULL;
}

/* The small form needs no release. */
static void key_clear(name_key *key)
{
    if (key->text != key->small)
        tw_free(key->text);
}

/* *failed is set where memory was short: then nothing is known. */
static bool is_taken(const tw_graph *graph, const char *name, bool *failed)
{
    name_key key;
    if (!key_make(graph, &key, name)) {
        *failed = true;
        return false;
    }
    bool taken = tw_map_has(&graph->names, key.text);
    key_clear(&key);
    return taken;
}

/* A failed allocation counts as not taken here: who goes on to claim the name meets it again and
 * reports it. */
bool tw_name_is_taken_locked(const tw_graph *graph, const char *full)
{
    bool failed = false;
    return is_taken(graph, full, &failed);
}

/* 0 for a name that is free. */
static intptr_t times_asked(const tw_graph *graph, const char *name, bool *failed)
{
    name_key key;
    if (!key_make(graph, &key, name)) {
        *failed = true;
        return 0;
    }
    intptr_t times = (intptr_t)tw_map_get(&graph->names, key.text);
    key_clear(&key);
    return times;
}

/* "full_12". Written by hand: this is done for most operations. */
static char *with_suffix(const char *full, intptr_t suffix)
{
    char digits[24];
    size_t n = sizeof digits, length = strlen(full);
    for (digits[--n] = '\0'; suffix > 0 || digits[n] == '\0'; suffix /= 10)
        digits[--n] = (char)('0' + suffix % 10);
    digits[--n] = '_';
    char *name = tw_alloc(length + sizeof digits - n);
    if (name) {
        memcpy(name, full, length);
        memcpy(name + length, digits + n, sizeof digits - n);
    }
    return name;
}

/* TensorFlow's rule to the letter: the first suffix tried is the number of times that the name was
 * asked for, though a lower one may be free. */
tw_status *tw_name_unique_locked(const tw_graph *graph, const char *full, char **out)
{
    bool failed = false;
    intptr_t suffix = times_asked(graph, full, &failed);
    char *name = NULL;
    if (!failed)
        name = suffix > 0 ? with_suffix(full, suffix) : tw_strdup(full);
    /* A name that looks like one with a suffix may have been asked for by itself. */
    while (name && suffix > 0 && is_taken(graph, name, &failed)) {
        tw_free(name);
        name = with_suffix(full, ++suffix);
    }
    if (!name || failed) {
        tw_free(name);
        return tw_no_memory();
    }
    *out = name;
    return TW_OK;
}

/* The count fits a pointer, so that the map needs no records. */
static bool set_times(tw_graph *graph, const char *name, intptr_t times)
{
    name_key key;
    if (!key_make(graph, &key, name))
        return false;
    bool good = tw_map_set(&graph->names, key.text, (void *)times);
    key_clear(&key);
    return good;
}

/* The unique form comes first: it is the only one that can need memory for an entry. */
bool tw_name_mark_locked(tw_graph *graph, const char *full, const char *unique)
{
    bool failed = false;
    if (!set_times(graph, unique, 1))
        return false;
    /* `full` is in the map if it is not `unique` itself: counting on needs no memory, but for the
     * key of a long name, and without that the next suffix is only looked for longer. */
    if (strcmp(full, unique) != 0)
        set_times(graph, full, times_asked(graph, full, &failed) + 1);
    return true;
}

/* For an import that could not be finished. */
void tw_name_forget_locked(tw_graph *graph, const char *full)
{
    name_key key;
    if (!key_make(graph, &key, full))
        return; /* it only stays taken */
    tw_map_remove(&graph->names, key.text);
    key_clear(&key);
}

/* `name` under the scopes of this thread; the caller's to tw_free. */
static char *under_scopes(const tw_graph *graph, const char *name)
{
    tw_buffer b = {0};
    tw_buffer_add_text(&b, tw_scope_prefix(graph));
    tw_buffer_add_text(&b, name);
    return tw_buffer_take(&b);
}

/* As TensorFlow's Graph.unique_name: name scopes of this thread stand before it. */
const char *tw_graph_unique_name(tw_graph *graph, const char *name, bool mark)
{
    if (!graph || !name)
        return NULL;
    char *full = under_scopes(graph, name), *unique = NULL;
    if (!full)
        return NULL;
    tw_graph_lock(graph);
    const char *kept = NULL;
    tw_status *status = tw_name_unique_locked(graph, full, &unique);
    if (!status)
        kept = tw_arena_strdup(&graph->arena, unique);
    if (kept && mark && !tw_name_mark_locked(graph, full, unique))
        kept = NULL;
    tw_graph_unlock(graph);
    tw_status_free(status);
    tw_free(unique);
    tw_free(full);
    return kept;
}

/* Checks, makes unique and marks the full name of a scope that is not given as it is. */
static tw_status *take_scope_name(tw_graph *graph, const char *prefix, const char *name,
                                  tw_buffer *out)
{
    if (!tw_name_is_valid(name, !*prefix))
        return tw_value_error("'%s' is not a valid scope name", name);
    char *full = under_scopes(graph, name), *unique = NULL;
    if (!full)
        return tw_no_memory();
    tw_graph_lock(graph);
    tw_status *status = tw_name_unique_locked(graph, full, &unique);
    if (!status && !tw_name_mark_locked(graph, full, unique))
        status = tw_no_memory();
    tw_graph_unlock(graph);
    if (!status)
        tw_buffer_printf(out, "%s/", unique);
    tw_free(unique);
    tw_free(full);
    return status;
}

/* Nothing is made unique where the caller says the whole name: "a/" goes back into a scope, and ""
 * leaves all. */
tw_status *tw_scope_open_name(tw_graph *graph, const char *name, char **out)
{
    tw_buffer b = {0};
    size_t length = strlen(name);
    if (length && name[length - 1] == '/') {
        if (!tw_name_is_valid(name, true))
            return tw_value_error("'%s' is not a valid scope name", name);
        tw_buffer_add_text(&b, name);
    } else if (length) {
        TW_TRY(take_scope_name(graph, tw_scope_prefix(graph), name, &b));
    }
    *out = tw_buffer_take(&b);
    return *out ? TW_OK : tw_no_memory();
}
