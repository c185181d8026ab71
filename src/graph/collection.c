/* SPDX-License-Identifier: Apache-2.0
 * Collections: lists of tensors by name, which builders and savers leave for each other. */
#include "graph/collection.h"

#include "base/alloc.h"
#include "base/status.h"

/* Called when the graph goes; tensors need no release. */
void tw_collections_clear(tw_graph *graph)
{
    const char *name;
    void *value;
    for (size_t i = 0; tw_map_next(&graph->collections, &i, &name, &value);) {
        tw_collection *collection = value;
        tw_vec_clear(collection);
        tw_free(collection);
    }
    tw_map_clear(&graph->collections);
}

/* A collection begins when something is first added to it. */
static tw_collection *find_or_make(tw_graph *graph, const char *name)
{
    tw_collection *collection = tw_map_get(&graph->collections, name);
    if (collection)
        return collection;
    collection = TW_NEW(tw_collection);
    if (collection && tw_map_set(&graph->collections, name, collection))
        return collection;
    tw_free(collection);
    return NULL;
}

/* The list may move when it grows, which is why readers borrow it only until then. */
tw_status *tw_graph_collect(tw_graph *graph, const char *collection, tw_tensor tensor)
{
    if (!graph || !collection || !tensor.op)
        return tw_value_error("a collection needs a graph, a name and a valid tensor");
    if (tensor.op->graph != graph)
        return tw_value_error("%s belongs to another graph than the collection '%s'",
                              tw_tensor_name(tensor).s, collection);
    tw_graph_lock(graph);
    tw_collection *list = find_or_make(graph, collection);
    bool good = list && tw_vec_push(list, tensor);
    tw_graph_unlock(graph);
    return good ? TW_OK : tw_no_memory();
}

/* A name that nobody used is an empty list, as in TensorFlow. */
tw_tensors tw_graph_collection(const tw_graph *graph, const char *collection)
{
    tw_tensors tensors = {NULL, 0};
    if (!graph || !collection)
        return tensors;
    tw_graph_lock(graph);
    const tw_collection *list = tw_map_get(&graph->collections, collection);
    if (list)
        tensors = (tw_tensors){list->items, list->count};
    tw_graph_unlock(graph);
    return tensors;
}

/* Counted under the lock, since another thread may be building; a NULL graph has no collections. */
size_t tw_graph_collection_count(const tw_graph *graph)
{
    if (!graph)
        return 0;
    tw_graph_lock(graph);
    size_t count = graph->collections.count;
    tw_graph_unlock(graph);
    return count;
}

/* In the order in which the collections began. */
const char *tw_graph_collection_name(const tw_graph *graph, size_t index)
{
    const char *name = NULL;
    void *value;
    if (!graph)
        return NULL;
    tw_graph_lock(graph);
    bool found = true;
    for (size_t i = 0, n = 0; found && n <= index; n++)
        found = tw_map_next(&graph->collections, &i, &name, &value);
    tw_graph_unlock(graph);
    return found ? name : NULL;
}
