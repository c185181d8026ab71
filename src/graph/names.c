/* SPDX-License-Identifier: Apache-2.0
 * Names as TensorFlow 1.15 gives them. Two names that differ only in case count as one, unless the
 * graph is told otherwise. The first to ask for "x" gets it, the second "x_1"; the table holds for
 * each name how often it was asked for, so that a suffix is mostly found at once. A name is put
 * together in a text with room for its suffix, chosen, and only then entered, which cannot fail. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/scope.h"

/* ASCII only, whatever the locale says of letters: digits, letters and "." may stand anywhere (1),
 * "-", "/" and "_" behind another (2). */
static const unsigned char places[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
};

/* Scopes inside another may begin with what an operation's name may not. */
bool tw_name_is_valid(const char *name, bool root)
{
    if (!*name || (root && places[(unsigned char)*name] == 2))
        return false;
    while (places[(unsigned char)*name])
        name++;
    return !*name;
}

/* ---- a name that is wanted ---- */

enum { SUFFIX = 24 }; /* "_" and digits, or the slash of a scope, and NUL */

/* The small room is enough for most; positions in a table bound the length. */
bool tw_name_begin(tw_name_text *t, const char *prefix, const char *name, size_t length)
{
    size_t before = strlen(prefix), room;
    t->prefix = before;
    t->text = NULL;
    if (tw_size_add(before, length, &t->length) && t->length < UINT32_MAX &&
        tw_size_add(t->length, SUFFIX, &room))
        t->text = room <= sizeof t->small ? t->small : tw_alloc(room);
    if (!t->text)
        return false;
    memcpy(t->text, prefix, before);
    memcpy(t->text + before, name, length);
    t->text[t->length] = '\0';
    return true;
}

/* What was never begun is all zero. */
void tw_name_end(tw_name_text *t)
{
    if (t->text != t->small)
        tw_free(t->text);
    t->text = NULL;
}

/* As it was wanted: without a suffix. */
void tw_name_restore(tw_name_text *t)
{
    t->text[t->length] = '\0';
}

/* Puts "_12" behind the wanted name; the length of the whole. Written by hand: this is done for
 * most operations. */
static size_t set_suffix(tw_name_text *t, uint32_t suffix)
{
    char digits[SUFFIX];
    size_t n = sizeof digits;
    for (digits[--n] = '\0'; suffix > 0 || digits[n] == '\0'; suffix /= 10)
        digits[--n] = (char)('0' + suffix % 10);
    digits[--n] = '_';
    memcpy(t->text + t->length, digits + n, sizeof digits - n);
    return t->length + sizeof digits - n - 1;
}

/* ---- unique names ---- */

static uint32_t position_of(const tw_name_table *table, const tw_name *name)
{
    return name ? (uint32_t)(name - table->items) + 1 : 0;
}

/* TensorFlow's rule to the letter: the first suffix tried is the number of times that the name was
 * asked for, though a lower one may be free. */
bool tw_name_choose_locked(tw_graph *graph, tw_name_text *t, tw_name_claim *claim)
{
    tw_name_table *table = &graph->names;
    bool exact = graph->exact_names;
    *claim = (tw_name_claim){.length = t->length};
    if (!tw_name_table_reserve(table, 1))
        return false;
    claim->hash = tw_name_hash(t->text, t->length);
    tw_name *own;
    const tw_name *taken = tw_name_table_taken(table, claim->hash, t->text, t->length, exact, &own);
    claim->asked = position_of(table, taken);
    /* A name that looks like one with a suffix may have been asked for by itself. */
    for (uint32_t suffix = taken ? taken->times : 0; taken; suffix++) {
        claim->length = set_suffix(t, suffix);
        claim->hash = tw_name_hash(t->text, claim->length);
        taken = tw_name_table_taken(table, claim->hash, t->text, claim->length, exact, &own);
    }
    claim->own = position_of(table, own);
    return true;
}

/* A name that is taken as it is may have been marked by the scope that it is the name of, but must
 * not be an operation's. */
tw_status *tw_name_choose_exact_locked(tw_graph *graph, const char *name, size_t length,
                                       tw_name_claim *claim)
{
    tw_name_table *table = &graph->names;
    *claim = (tw_name_claim){.length = length, .hash = tw_name_hash(name, length)};
    if (!tw_name_table_reserve(table, 1))
        return tw_no_memory();
    tw_name *own;
    claim->marked = tw_name_table_taken(table, claim->hash, name, length, graph->exact_names, &own);
    if (own && own->op)
        return tw_value_error("Duplicate node name in graph: '%s'", name);
    claim->own = position_of(table, own);
    return TW_OK;
}

/* Room was made when it was chosen. An entry of another case counts for both, as it did before. */
void tw_name_enter_locked(tw_graph *graph, const tw_name_claim *claim, const char *text,
                          tw_operation *op)
{
    tw_name_table *table = &graph->names;
    tw_name *own = claim->own ? &table->items[claim->own - 1]
                              : tw_name_table_add(table, claim->hash, text, claim->length);
    own->times += !claim->marked;
    own->op = op ? op : own->op;
    if (claim->asked)
        table->items[claim->asked - 1].times++;
}

tw_operation *tw_name_operation_locked(const tw_graph *graph, const char *name, size_t length)
{
    const tw_name *found = tw_name_table_find(&graph->names, tw_name_hash(name, length), name,
                                              length);
    return found ? found->op : NULL;
}

/* As TensorFlow's Graph.unique_name: name scopes of this thread stand before it. */
const char *tw_graph_unique_name(tw_graph *graph, const char *name, bool mark)
{
    tw_name_text text;
    tw_name_claim claim;
    const char *kept = NULL;
    if (!graph || !name || !tw_name_begin(&text, tw_scope_prefix(graph), name, strlen(name)))
        return NULL;
    tw_graph_lock(graph);
    if (tw_name_choose_locked(graph, &text, &claim))
        kept = tw_arena_strndup(&graph->arena, text.text, claim.length);
    if (kept && mark)
        tw_name_enter_locked(graph, &claim, kept, NULL);
    tw_graph_unlock(graph);
    tw_name_end(&text);
    return kept;
}

/* ---- the names of scopes ----
 * They live with the graph, slash included, as the table's own text: to open a scope costs no
 * memory but that. */

static tw_status *take_scope_name(tw_graph *graph, const char *name, size_t length,
                                  const char **out)
{
    tw_name_text text;
    tw_name_claim claim;
    char *kept = NULL;
    const char *prefix = tw_scope_prefix(graph);
    if (!tw_name_is_valid(name, !*prefix))
        return tw_value_error("'%s' is not a valid scope name", name);
    if (!tw_name_begin(&text, prefix, name, length))
        return tw_no_memory();
    tw_graph_lock(graph);
    if (tw_name_choose_locked(graph, &text, &claim)) {
        memcpy(text.text + claim.length, "/", 2);
        kept = tw_arena_strndup(&graph->arena, text.text, claim.length + 1);
    }
    if (kept)
        tw_name_enter_locked(graph, &claim, kept, NULL);
    tw_graph_unlock(graph);
    tw_name_end(&text);
    *out = kept;
    return kept ? TW_OK : tw_no_memory();
}

/* Whoever goes back into a scope again and again gets one and the same text. */
static const char *scope_text_locked(tw_graph *graph, const char *name, size_t length)
{
    tw_name_table *table = &graph->names;
    uint32_t hash = tw_name_hash(name, length);
    if (!tw_name_table_reserve(table, 1))
        return NULL;
    tw_name *found = tw_name_table_find(table, hash, name, length);
    if (found && found->text[length] == '/')
        return found->text;
    char *kept = tw_arena_strndup(&graph->arena, name, length + 1);
    if (kept && found)
        found->text = kept;
    else if (kept)
        tw_name_table_add(table, hash, kept, length);
    return kept;
}

/* Nothing is made unique where the caller says the whole name: "a/" goes back into a scope, and ""
 * leaves all. */
tw_status *tw_scope_open_name(tw_graph *graph, const char *name, const char **out)
{
    size_t length = strlen(name);
    *out = "";
    if (!length)
        return TW_OK;
    if (name[length - 1] != '/')
        return take_scope_name(graph, name, length, out);
    if (!tw_name_is_valid(name, true))
        return tw_value_error("'%s' is not a valid scope name", name);
    tw_graph_lock(graph);
    *out = scope_text_locked(graph, name, length - 1);
    tw_graph_unlock(graph);
    return *out ? TW_OK : tw_no_memory();
}
