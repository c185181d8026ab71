/* SPDX-License-Identifier: Apache-2.0
 * A graph: made, shared by reference count, asked for its operations, and freed at once. All that
 * operations consist of lies in its arena; besides it there are the maps, the arrays that
 * attributes refer to and what regions noted. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/collection.h"

/* The lock guards the graph from itself, so a reader's const graph is locked too. */
void tw_graph_lock(const tw_graph *graph)
{
    tw_mutex_lock(&((tw_graph *)(uintptr_t)graph)->lock);
}

/* Takes a const graph, as locking changes nothing that a reader can see. */
void tw_graph_unlock(const tw_graph *graph)
{
    tw_mutex_unlock(&((tw_graph *)(uintptr_t)graph)->lock);
}

/* Maps and lists begin empty: a new graph costs one allocation. */
tw_graph *tw_graph_new(void)
{
    tw_graph *graph = TW_NEW(tw_graph);
    if (!graph)
        return NULL;
    atomic_init(&graph->refs, 1);
    tw_mutex_init(&graph->lock);
    graph->producer = TW_GRAPH_PRODUCER;
    return graph;
}

/* The count alone orders nothing: whoever passes a graph on has means for that. */
tw_graph *tw_graph_ref(tw_graph *graph)
{
    if (graph)
        atomic_fetch_add_explicit(&graph->refs, 1, memory_order_relaxed);
    return graph;
}

/* Atomic, because a front end's threads may ask while another one sets it. */
void tw_graph_set_user(tw_graph *graph, void *user)
{
    if (graph)
        atomic_store(&graph->user, user);
}

void *tw_graph_user(const tw_graph *graph)
{
    return graph ? atomic_load(&graph->user) : NULL;
}

/* The arrays that lie outside of the arena. */
static void release_operations(tw_graph *graph)
{
    for (size_t i = 0; i < graph->operations.count; i++) {
        const tw_operation *op = graph->operations.items[i];
        for (size_t k = 0; k < op->spec.attr_count; k++)
            tw_attr_release(&op->spec.attrs[k]);
        tw_array_unref(op->constant);
    }
    for (size_t i = 0; i < graph->retired.count; i++)
        tw_attr_release(&graph->retired.items[i]);
    tw_vec_clear(&graph->retired);
    tw_vec_clear(&graph->operations);
}

/* Their records lie in the arena, what they noted does not. */
static void release_regions(tw_graph *graph)
{
    for (size_t i = 0; i < graph->regions.count; i++) {
        tw_vec_clear(&graph->regions.items[i]->vars);
        tw_vec_clear(&graph->regions.items[i]->mirrors);
        tw_int_map_clear(&graph->regions.items[i]->captured);
    }
    tw_vec_clear(&graph->regions);
}

/* Nobody holds a reference, so nothing is locked. */
static void free_graph(tw_graph *graph)
{
    release_operations(graph);
    release_regions(graph);
    tw_collections_clear(graph);
    tw_name_table_clear(&graph->names);
    tw_map *const maps[] = {&graph->files, &graph->variables, &graph->gradients, &graph->shapes,
                            &graph->worked_out};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        tw_map_clear(maps[i]);
    tw_status_free(atomic_load(&graph->status));
    for (size_t i = 0; i < graph->imports.count; i++)
        tw_arena_clear(&graph->imports.items[i]);
    tw_vec_clear(&graph->imports);
    tw_arena_clear(&graph->arena);
    tw_mutex_free(&graph->lock);
    tw_free(graph);
}

/* Release and acquire, so that whoever frees sees what all others wrote. */
void tw_graph_unref(tw_graph *graph)
{
    if (graph && atomic_fetch_sub_explicit(&graph->refs, 1, memory_order_acq_rel) == 1)
        free_graph(graph);
}

/* ---- the first error ----
 * Builders of the macro face return tensors, so their errors have nowhere to go but here. */

/* Atomic, so that it can be asked under the lock as well as without it. */
const tw_status *tw_graph_status(const tw_graph *graph)
{
    return graph ? atomic_load(&graph->status) : NULL;
}

/* What was borrowed of it is gone then; only one thread should mind a graph's errors. */
void tw_graph_clear_status(tw_graph *graph)
{
    if (graph)
        tw_status_free(atomic_exchange(&graph->status, NULL));
}

/* Without a lock: a failed builder may be called from anywhere. */
void tw_graph_fail(tw_graph *graph, tw_status *status)
{
    tw_status *none = NULL;
    if (!graph || !status || !atomic_compare_exchange_strong(&graph->status, &none, status))
        tw_status_free(status);
}

/* ---- its operations ---- */

/* Operations are never removed, so that every index below the answer stays valid. */
size_t tw_graph_operation_count(const tw_graph *graph)
{
    if (!graph)
        return 0;
    tw_graph_lock(graph);
    size_t count = graph->operations.count;
    tw_graph_unlock(graph);
    return count;
}

/* The list may move while it grows, its operations never do. */
tw_operation *tw_graph_operation_at(const tw_graph *graph, size_t id)
{
    if (!graph)
        return NULL;
    tw_graph_lock(graph);
    tw_operation *op = id < graph->operations.count ? graph->operations.items[id] : NULL;
    tw_graph_unlock(graph);
    return op;
}

/* Exact, unlike the check for names in use: "Foo" and "foo" cannot both be there, but only one of
 * them is. */
tw_operation *tw_graph_operation(const tw_graph *graph, const char *name)
{
    if (!graph || !name)
        return NULL;
    tw_graph_lock(graph);
    tw_operation *op = tw_name_operation_locked(graph, name, strlen(name));
    tw_graph_unlock(graph);
    return op;
}

/* A name that is not there is a KeyError in TensorFlow's Python; the kind lets a caller tell it
 * from other failures. */
static TW_PRINTF(1, 2) tw_status *no_tensor(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *status = tw_status_format(TW_NOT_FOUND, format, args);
    va_end(args);
    return tw_status_with_kind(status, TW_KIND_NAME);
}

/* Digits after the last colon; -1: none, or too large. */
static int32_t output_index(const char *text)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -1;
    long index = strtol(text, &end, 10);
    return *end || index > UINT16_MAX ? -1 : (int32_t)index;
}

/* Each way to be wrong has TensorFlow's words, which its tests look for. */
tw_status *tw_graph_tensor(const tw_graph *graph, const char *name, tw_tensor *out)
{
    static const char form[] = "Tensor names must be of the form \"<op_name>:<output_index>\".";
    if (!graph || !name || !out)
        return tw_value_error("a tensor is looked up by graph and name, got NULL");
    *out = (tw_tensor){NULL, 0};
    const char *colon = strrchr(name, ':');
    if (!colon && tw_graph_operation(graph, name))
        return tw_value_error("The name '%s' refers to an Operation, not a Tensor. %s", name, form);
    if (!colon)
        return tw_value_error("The name '%s' looks like an (invalid) Operation name, not a Tensor. "
                              "%s",
                              name, form);
    int32_t index = output_index(colon + 1);
    if (index < 0)
        return tw_value_error("The name '%s' looks a like a Tensor name, but is not a valid one. "
                              "%s",
                              name, form);
    tw_graph_lock(graph);
    tw_operation *op = tw_name_operation_locked(graph, name, (size_t)(colon - name));
    tw_graph_unlock(graph);
    int length = (int)(colon - name);
    if (!op)
        return no_tensor("The name '%s' refers to a Tensor which does not exist. The operation, "
                         "'%.*s', does not exist in the graph.",
                         name, length, name);
    if ((uint32_t)index >= op->output_count)
        return no_tensor("The name '%s' refers to a Tensor which does not exist. The operation, "
                         "'%.*s', exists but only has %u outputs.",
                         name, length, name, op->output_count);
    *out = (tw_tensor){op, index};
    return TW_OK;
}

/* Plans compare it with the version that they were made for; it needs no lock. */
uint64_t tw_graph_version(const tw_graph *graph)
{
    return graph ? atomic_load(&graph->version) : 0;
}

/* Changes to finished operations are still allowed, as in TensorFlow. */
tw_status *tw_graph_finalize(tw_graph *graph)
{
    if (!graph)
        return tw_value_error("the graph to finalize is NULL");
    tw_graph_lock(graph);
    graph->finalized = true;
    tw_graph_unlock(graph);
    return TW_OK;
}

/* For front ends that restore a graph's state around work of their own. */
void tw_graph_unfinalize(tw_graph *graph)
{
    if (!graph)
        return;
    tw_graph_lock(graph);
    graph->finalized = false;
    tw_graph_unlock(graph);
}

/* Additions do not come here: they make nothing stale. */
void tw_graph_changed_locked(tw_graph *graph)
{
    graph->changes++;
    atomic_fetch_add(&graph->version, 1);
}

/* ---- seeds ----
 * A seed for the graph and one for the op make the two attributes that random ops have; with them
 * TensorFlow's numbers come out. */

enum { DEFAULT_SEED = 87654321, SEED_RANGE = 2147483647 };

/* Python's remainder, which is never negative. */
static int64_t truncate_seed(int64_t seed)
{
    int64_t rest = seed % SEED_RANGE;
    return rest < 0 ? rest + SEED_RANGE : rest;
}

/* The names in use were noted in the other form, so it comes before the first of them. */
void tw_graph_set_exact_names(tw_graph *graph, bool exact)
{
    if (!graph)
        return;
    tw_graph_lock(graph);
    graph->exact_names = exact;
    tw_graph_unlock(graph);
}

/* Only operations made afterwards follow it: op seeds are settled while building. */
void tw_graph_set_seed(tw_graph *graph, int64_t seed)
{
    if (!graph)
        return;
    tw_graph_lock(graph);
    graph->has_seed = true;
    graph->seed = seed;
    tw_graph_unlock(graph);
}

/* As if no seed had ever been set. */
void tw_graph_clear_seed(tw_graph *graph)
{
    if (!graph)
        return;
    tw_graph_lock(graph);
    graph->has_seed = false;
    tw_graph_unlock(graph);
}

/* Without a graph seed the answer is false and `seed` stays as it was, since 0 is a seed as
 * well. */
bool tw_graph_seed(const tw_graph *graph, int64_t *seed)
{
    if (!graph)
        return false;
    tw_graph_lock(graph);
    bool has = graph->has_seed;
    if (has && seed)
        *seed = graph->seed;
    tw_graph_unlock(graph);
    return has;
}

int64_t tw_graph_count_nodes(tw_graph *graph, int64_t more)
{
    if (!graph)
        return 0;
    tw_graph_lock(graph);
    graph->extra_nodes += more;
    int64_t count = (int64_t)graph->operations.count + graph->extra_nodes;
    tw_graph_unlock(graph);
    return count;
}

/* TensorFlow 1.15's rule; (0, 0) would mean "random", so a given seed of that kind is moved. */
void tw_graph_seeds(tw_graph *graph, const int64_t *op_seed, int64_t *seed, int64_t *seed2)
{
    int64_t of_graph = DEFAULT_SEED, unused[2];
    seed = seed ? seed : &unused[0];
    seed2 = seed2 ? seed2 : &unused[1];
    *seed = *seed2 = 0;
    bool has = tw_graph_seed(graph, &of_graph);
    if (!has && !op_seed)
        return;
    *seed = has ? truncate_seed(of_graph) : DEFAULT_SEED;
    if (op_seed) {
        *seed2 = truncate_seed(*op_seed);
    } else {
        *seed2 = truncate_seed(tw_graph_count_nodes(graph, 0));
    }
    if (*seed == 0 && *seed2 == 0)
        *seed2 = SEED_RANGE;
}
