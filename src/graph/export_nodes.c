/* SPDX-License-Identifier: Apache-2.0
 * Nodes that stand only in a file, and control inputs that only the file's operations have. */
#include "graph/export_nodes.h"

#include <string.h>

#include "base/status.h"

/* Under the LoopValue's name, and in the graph and here only once. */
const char *tw_export_name(tw_export_nodes *e, const char *base, const char *what)
{
    const char *name = tw_arena_printf(e->arena, "%s/%s", base, what);
    for (int i = 1; name && (tw_name_operation_locked(e->graph, name, strlen(name)) ||
                             tw_map_has(&e->names, name));
         i++)
        name = tw_arena_printf(e->arena, "%s/%s_%d", base, what, i);
    return name && tw_map_set(&e->names, name, NULL) ? name : NULL;
}

/* As an input: what has run before. NULL where there is no memory, here or before. */
const char *tw_export_control(tw_export_nodes *e, const char *node)
{
    return node ? tw_arena_printf(e->arena, "^%s", node) : NULL;
}

/* Inputs end at the first NULL. */
tw_status *tw_export_node(tw_export_nodes *e, const char *type, const char *name,
                          const char *const inputs[TW_EXPORT_INPUTS], const tw_attr *attrs,
                          size_t attr_count)
{
    tw_message *node = tw_message_add_child(e->def, TW_PB_GraphDef_node);
    bool good = name && tw_message_add_borrowed(node, TW_PB_NodeDef_name, name, strlen(name)) &&
                tw_message_add_borrowed(node, TW_PB_NodeDef_op, type, strlen(type));
    for (size_t i = 0; good && i < TW_EXPORT_INPUTS && inputs[i]; i++)
        good = tw_message_add_borrowed(node, TW_PB_NodeDef_input, inputs[i], strlen(inputs[i]));
    for (size_t i = 0; good && i < attr_count; i++) {
        tw_message *attr = tw_message_add_entry(node, TW_PB_NodeDef_attr, attrs[i].name,
                                                strlen(attrs[i].name));
        good = attr && tw_attr_to_value(&attrs[i], attr);
    }
    return good ? TW_OK : tw_no_memory();
}

/* A control input more of an operation of the graph. */
tw_status *tw_export_add_control(tw_export_nodes *e, const tw_operation *op, const char *from)
{
    tw_added_control *made = TW_ARENA_NEW(e->arena, tw_added_control);
    tw_added_control **at = &e->added[op->id];
    if (!made || !from)
        return tw_no_memory();
    while (*at)
        at = &(*at)->next;
    made->name = from;
    *at = made;
    return TW_OK;
}
