/* SPDX-License-Identifier: Apache-2.0
 * A graph as a GraphDef. What was imported comes back as it stood; what was built here is written
 * as TensorFlow 1.15 would write it: a LoopValue is a stack there (export_stacks.c). */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/export_stacks.h"
#include "wire/binary.h"
#include "wire/text_format.h"

/* ---- one node ---- */

/* A NodeDef of what ours does not hold, to which the rest is added. */
static tw_status *start_node(const tw_operation *op, tw_message *node)
{
    tw_message *rest;
    if (!op->import || !op->import->node)
        return TW_OK;
    TW_TRY(tw_binary_read(node->arena, &tw_pb_NodeDef, op->import->node, op->import->node_size,
                          NULL, &rest));
    return tw_message_merge(node, rest) ? TW_OK : tw_no_memory();
}

/* Output 0 is written without its index, as TensorFlow does. Control inputs stand last in the
 * order in which they were added, those of the file alone behind them. */
static bool write_inputs(const tw_operation *op, const tw_added_control *added, tw_message *node)
{
    bool good = true;
    for (uint32_t i = 0; i < op->input_count && good; i++) {
        const char *name = op->inputs[i].op->spec.name;
        if (op->inputs[i].index)
            name = tw_arena_printf(node->arena, "%s:%d", name, (int)op->inputs[i].index);
        good = name && tw_message_add_borrowed(node, TW_PB_NodeDef_input, name, strlen(name));
    }
    for (uint32_t i = 0; i < op->control_count && good; i++) {
        const char *name = tw_arena_printf(node->arena, "^%s", op->controls[i]->spec.name);
        good = name && tw_message_add_borrowed(node, TW_PB_NodeDef_input, name, strlen(name));
    }
    for (; added && good; added = added->next)
        good = tw_message_add_borrowed(node, TW_PB_NodeDef_input, added->name, strlen(added->name));
    return good;
}

/* Bytes that were kept from an import go before what we would write: the file may have said the
 * same in another way. */
static tw_status *write_attr(const tw_operation *op, size_t i, tw_message *node)
{
    const tw_attr *attr = &op->spec.attrs[i];
    tw_message *value = tw_message_add_entry(node, TW_PB_NodeDef_attr, attr->name,
                                             strlen(attr->name)),
               *raw;
    if (!value)
        return tw_no_memory();
    if (!op->import || i >= op->import->attr_count || !op->import->attrs[i].data)
        return tw_attr_to_value(attr, value) ? TW_OK : tw_no_memory();
    TW_TRY(tw_binary_read(node->arena, &tw_pb_AttrValue, op->import->attrs[i].data,
                          op->import->attrs[i].length, NULL, &raw));
    return tw_message_merge(value, raw) ? TW_OK : tw_no_memory();
}

/* Attributes that the file left to their defaults are left out again. */
static tw_status *write_node(const tw_operation *op, const tw_added_control *added,
                             tw_message *node)
{
    TW_TRY(start_node(op, node));
    if (!tw_message_add_borrowed(node, TW_PB_NodeDef_name, op->spec.name, strlen(op->spec.name)) ||
        !tw_message_add_borrowed(node, TW_PB_NodeDef_op, op->spec.type, strlen(op->spec.type)) ||
        !write_inputs(op, added, node) ||
        !tw_message_add_borrowed(node, TW_PB_NodeDef_device, op->device, strlen(op->device)))
        return tw_no_memory();
    for (size_t i = 0; i < op->exported_attrs; i++)
        TW_TRY(write_attr(op, i, node));
    return TW_OK;
}

/* ---- the graph ---- */

/* Version, library and unknown fields of an import, or the version that we write. */
static tw_status *start_graph(const tw_graph *graph, tw_arena *arena, tw_message **out)
{
    if (graph->rest)
        return tw_binary_read(arena, &tw_pb_GraphDef, graph->rest, graph->rest_size, NULL, out);
    tw_message *def = tw_message_new(arena, &tw_pb_GraphDef);
    tw_message *versions = def ? tw_message_add_child(def, TW_PB_GraphDef_versions) : NULL;
    if (!versions || !tw_message_add_int(versions, TW_PB_VersionDef_producer, graph->producer))
        return tw_no_memory();
    *out = def;
    return TW_OK;
}

/* The tree borrows from the graph, so it is written before the lock is given back. */
static tw_status *write_locked(const tw_graph *graph, bool text, tw_arena *arena, char **out,
                               size_t *size)
{
    tw_message *def, *stacks = tw_message_new(arena, &tw_pb_GraphDef);
    tw_added_control **added;
    TW_TRY(start_graph(graph, arena, &def));
    TW_TRY(stacks ? tw_export_stacks(graph, arena, stacks, &added) : tw_no_memory());
    for (size_t i = 0; i < graph->operations.count; i++) {
        const tw_operation *op = graph->operations.items[i];
        if (op->forward.op) /* its name is a StackPopV2's */
            continue;
        tw_message *node = tw_message_add_child(def, TW_PB_GraphDef_node);
        if (!node)
            return tw_no_memory();
        TW_TRY(write_node(op, added ? added[op->id] : NULL, node));
    }
    if (added && !tw_message_merge(def, stacks))
        return tw_no_memory();
    return text ? tw_text_write(def, out, size) : tw_binary_write(def, out, size);
}

/* No caller's function runs meanwhile, so that the lock may be held for so long; builders wait. */
static tw_status *write(const tw_graph *graph, bool text, char **out, size_t *size)
{
    tw_arena arena = {0};
    if (!graph || !out)
        return tw_value_error("an export needs a graph and a place for the result");
    tw_graph_lock(graph);
    tw_status *status = write_locked(graph, text, &arena, out, size);
    tw_graph_unlock(graph);
    tw_arena_clear(&arena);
    return status;
}

/* The size may be NULL where the caller has no use for it, though bytes may contain zeros. */
tw_status *tw_graph_export(const tw_graph *graph, char **bytes, size_t *size)
{
    size_t unused;
    return write(graph, false, bytes, size ? size : &unused);
}

/* A text ends in a zero, so that its size need not be given back. */
tw_status *tw_graph_export_text(const tw_graph *graph, char **text)
{
    size_t unused;
    return write(graph, true, text, &unused);
}

/* ---- one operation ---- */

/* What a front end shows of a node; the tree borrows from the graph as above. */
static tw_status *write_one(const tw_operation *op, const char *attr, char **bytes, size_t *size)
{
    tw_arena arena = {0};
    tw_status *status = TW_OK;
    tw_graph_lock(op->graph);
    tw_message *node = tw_message_new(&arena, &tw_pb_NodeDef);
    const tw_message *message = node;
    if (!node)
        status = tw_no_memory();
    size_t i = 0;
    while (attr && i < op->spec.attr_count && strcmp(op->spec.attrs[i].name, attr) != 0)
        i++;
    if (!status && attr && i == op->spec.attr_count)
        status = tw_status_with_kind(tw_status_new(TW_NOT_FOUND,
                                                   "Operation '%s' has no attr named '%s'.",
                                                   op->spec.name, attr),
                                     TW_KIND_NAME);
    if (!status)
        status = attr ? write_attr(op, i, node) : write_node(op, NULL, node);
    if (!status && attr)
        message = tw_message_child(tw_message_children(node, TW_PB_NodeDef_attr, &i)[0],
                                   TW_PB_AttrEntry_value);
    if (!status)
        status = tw_binary_write(message, bytes, size);
    tw_graph_unlock(op->graph);
    tw_arena_clear(&arena);
    return status;
}

/* As it stands in the graph: a LoopValue is one here. */
tw_status *tw_operation_export(const tw_operation *op, char **bytes, size_t *size)
{
    if (!op || !bytes || !size)
        return tw_value_error("an export needs an operation and a place for the result");
    return write_one(op, NULL, bytes, size);
}

/* The AttrValue alone, for front ends that show or read one. */
tw_status *tw_operation_export_attr(const tw_operation *op, const char *name, char **bytes,
                                    size_t *size)
{
    if (!op || !name || !bytes || !size)
        return tw_value_error("an export needs an operation, a name and a place for the result");
    return write_one(op, name, bytes, size);
}

/* ---- files ---- */

/* The suffix decides how to write; how to read is decided by content, as files get renamed. */
static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Written beside and renamed, so that a crash leaves the old file or the new one. */
tw_status *tw_graph_save(const tw_graph *graph, const char *path)
{
    char *bytes;
    size_t size;
    if (!path)
        return tw_value_error("the path to save a graph at is NULL");
    TW_TRY(write(graph, ends_with(path, ".pbtxt"), &bytes, &size));
    tw_status *status = tw_os_write_file(path, bytes, size);
    tw_free(bytes);
    return status;
}

/* A node of a binary file has the tag of its op, 18, within its first bytes; a text has nothing
 * below a space but tabs and line ends. */
static bool is_text(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < ' ' && c != '\n' && c != '\r' && c != '\t')
            return false;
    }
    return size > 0;
}

/* The graph is new, so that a file that cannot be read leaves nothing behind. */
tw_status *tw_graph_load(const char *path, tw_graph **out)
{
    char *bytes;
    size_t size;
    if (!path || !out)
        return tw_value_error("a graph is loaded from a path");
    *out = NULL;
    TW_TRY(tw_os_read_file(path, 0, &bytes, &size));
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_no_memory();
    if (graph && is_text(bytes, size))
        status = tw_graph_import_text(graph, bytes, NULL);
    else if (graph)
        status = tw_graph_import(graph, bytes, size, NULL);
    tw_free(bytes);
    if (status)
        tw_graph_unref(graph);
    else
        *out = graph;
    return tw_status_with_note(status, "in %s", path);
}
