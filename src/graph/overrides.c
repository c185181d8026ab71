/* SPDX-License-Identifier: Apache-2.0
 * Gradient and shape functions of the caller: for one graph they are kept with it, for all graphs
 * in the registry. The graph's go first. */
#include "base/alloc.h"
#include "base/status.h"
#include "graph/graph.h"

/* Records are replaced as a whole and live with the graph. */
static tw_status *set(tw_graph *graph, tw_map *map, const char *name, tw_override value)
{
    if (!name || !*name)
        return tw_value_error("an override needs the name of an op");
    tw_graph_lock(graph);
    tw_override *record = tw_map_get(map, name);
    if (!record) {
        record = TW_ARENA_NEW(&graph->arena, tw_override);
        if (record && !tw_map_set(map, name, record))
            record = NULL;
    }
    if (record) {
        *record = value;
        tw_graph_changed_locked(graph);
    }
    tw_graph_unlock(graph);
    return record ? TW_OK : tw_no_memory();
}

/* By value: the record may be replaced while its function runs. */
static tw_override get(const tw_graph *graph, const tw_map *map, const char *name)
{
    tw_graph_lock(graph);
    const tw_override *record = map->count ? tw_map_get(map, name) : NULL;
    tw_override value = record ? *record : (tw_override){0};
    tw_graph_unlock(graph);
    return value;
}

/* The registry keeps those for all graphs. */
tw_status *tw_override_gradient(tw_graph *graph, const char *name, tw_gradient_fn fn, void *user)
{
    if (!graph)
        return tw_set_global_gradient(name, fn, user);
    return set(graph, &graph->gradients, name, (tw_override){.gradient = fn, .user = user});
}

/* Without a graph the rule holds for all graphs, except those that have one of their own under
 * that name. */
tw_status *tw_override_shape(tw_graph *graph, const char *name, tw_infer_fn fn, void *user)
{
    if (!graph)
        return tw_set_global_shape(name, fn, user);
    return set(graph, &graph->shapes, name, (tw_override){.shape = fn, .user = user});
}

/* Its own graph's first, so that one graph can differ from the others. */
tw_infer_fn tw_operation_shape_rule(const tw_graph *graph, const char *type, void **user)
{
    tw_override own = get(graph, &graph->shapes, type);
    *user = own.user;
    return own.shape ? own.shape : tw_global_shape(type, user);
}

/* `user` belongs to the function that is given, so both come from the same place. */
static tw_gradient_fn by_name(const tw_graph *graph, const char *name, void **user)
{
    tw_override own = get(graph, &graph->gradients, name);
    *user = own.user;
    return own.gradient ? own.gradient : tw_global_gradient(name, user);
}

/* What the graph says of an operation's gradient, read at once. */
static tw_gradient_fn own_gradient(const tw_operation *op, const tw_attr **named, void **user)
{
    tw_graph *graph = op->graph;
    tw_graph_lock(graph);
    *named = tw_spec_attr(&op->spec, "_gradient_op_type");
    const tw_override *record = graph->gradients.count
                                    ? tw_map_get(&graph->gradients, op->spec.type)
                                    : NULL;
    tw_override value = record ? *record : (tw_override){0};
    tw_graph_unlock(graph);
    *user = value.user;
    return value.gradient;
}

/* An attribute that names a gradient which nobody knows gives none, not that of the type: the
 * caller asked for another. */
tw_gradient_fn tw_operation_gradient(const tw_operation *op, void **user)
{
    const tw_attr *named;
    tw_gradient_fn own = own_gradient(op, &named, user);
    if (named && named->kind == TW_ATTR_STRING && !named->list) {
        char *name = tw_strndup(named->value.s.data, named->value.s.length);
        tw_gradient_fn fn = name ? by_name(op->graph, name, user) : NULL;
        /* The name of another op means that one's own gradient. */
        const tw_op *other = name && !fn ? tw_op_find(name) : NULL;
        tw_free(name);
        return fn ? fn : other ? other->definition.gradient : NULL;
    }
    if (!own)
        own = tw_global_gradient(op->spec.type, user);
    if (own)
        return own;
    *user = NULL;
    return op->spec.op ? op->spec.op->definition.gradient : NULL;
}
