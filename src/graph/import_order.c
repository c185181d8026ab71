/* SPDX-License-Identifier: Apache-2.0
 * Reading a GraphDef's nodes: names, inputs, and an order in which each comes after what it reads.
 * The file may have them in any order. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/graph_def.h"

/* By hand, since a node that cannot be read has no draft to explain. */
tw_status *tw_import_fail(const tw_import_node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *status = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    status = tw_status_with_phase(tw_status_with_kind(status, TW_KIND_VALUE), TW_PHASE_BUILD);
    return tw_status_with_operation(status, node->type, node->name);
}

/* A NUL inside a name would make two names of one: such a file is refused. */
static tw_status *read_name(tw_importer *im, tw_import_node *node)
{
    tw_span name = tw_message_span(node->def, TW_PB_NodeDef_name);
    tw_span type = tw_message_span(node->def, TW_PB_NodeDef_op);
    char *own = tw_arena_strndup(&im->scratch, name.data, name.size);
    node->type = tw_arena_strndup(&im->scratch, type.data, type.size);
    node->name = tw_arena_printf(&im->scratch, "%s%s", im->prefix, own ? own : "");
    if (!own || !node->type || !node->name)
        return tw_no_memory();
    if (strlen(own) != name.size || !tw_name_is_valid(own, true) ||
        !tw_name_is_valid(node->name, true))
        return tw_import_fail(node, "Node name contains invalid characters");
    if (!type.size || strlen(node->type) != type.size)
        return tw_import_fail(node, "the node does not say its op");
    if (tw_map_has(&im->by_name, own))
        return tw_import_fail(node, "Node name is not unique: another node has it too");
    return tw_map_set(&im->by_name, own, node) ? TW_OK : tw_no_memory();
}

/* "name:3" into name and index; -1: no valid index. */
static int32_t split_input(tw_span *text)
{
    const char *colon = text->size ? memchr(text->data, ':', text->size) : NULL;
    if (!colon)
        return 0;
    size_t digits = text->size - (size_t)(colon - text->data) - 1;
    int32_t index = digits && digits <= 5 ? 0 : -1;
    for (size_t i = 1; i <= digits && index >= 0; i++)
        index = colon[i] >= '0' && colon[i] <= '9' ? index * 10 + (colon[i] - '0') : -1;
    text->size = (size_t)(colon - text->data);
    return index <= UINT16_MAX ? index : -1;
}

/* Data inputs come first in every GraphDef that TensorFlow writes and takes. */
static tw_status *read_input(tw_importer *im, tw_import_node *node, tw_span text)
{
    tw_span whole = text;
    bool control = text.size && text.data[0] == '^';
    if (control) {
        text.data++;
        text.size--;
    } else if (node->control_count) {
        return tw_import_fail(node, "a data input stands after a control input: '%.*s'",
                              (int)whole.size, whole.data);
    }
    int32_t index = control ? -1 : split_input(&text);
    if (!control && index < 0)
        return tw_import_fail(node, "Malformed input '%.*s'", (int)whole.size, whole.data);
    tw_import_node *from = text.size ? tw_map_get_n(&im->by_name, text.data, text.size) : NULL;
    if (!from)
        return tw_import_fail(node, "Unknown input node '%.*s'", (int)whole.size, whole.data);
    if (from->used_outputs <= index)
        from->used_outputs = index + 1;
    size_t at = node->input_count + node->control_count;
    node->inputs[at] = (tw_import_input){(size_t)(from - im->nodes), index};
    node->input_count += !control;
    node->control_count += control;
    return TW_OK;
}

/* All names are known by now, so inputs may point forward. */
static tw_status *read_inputs(tw_importer *im, tw_import_node *node)
{
    size_t count;
    const tw_span *texts = tw_message_spans(node->def, TW_PB_NodeDef_input, &count);
    node->inputs = tw_arena_array(&im->scratch, count, sizeof *node->inputs);
    if (!node->inputs)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        TW_TRY(read_input(im, node, texts[i]));
    return TW_OK;
}

/* Two passes, since nodes may come in any order. */
tw_status *tw_import_read(tw_importer *im)
{
    size_t count = tw_message_count(im->def, TW_PB_GraphDef_node);
    im->nodes = tw_arena_array(&im->scratch, count, sizeof *im->nodes);
    if (!im->nodes)
        return tw_no_memory();
    im->count = count;
    for (size_t i = 0; i < im->count; i++) {
        im->nodes[i].def = tw_message_child_at(im->def, TW_PB_GraphDef_node, i);
        TW_TRY(read_name(im, &im->nodes[i]));
    }
    for (size_t i = 0; i < im->count; i++)
        TW_TRY(read_inputs(im, &im->nodes[i]));
    return TW_OK;
}

/* ---- order ----
 * The order in which nodes are made is not the order in which they will stand: that one is the
 * file's. */

/* TensorFlow's importer allows the same: every cycle leads through such an edge. */
bool tw_import_is_back_edge(const tw_import_node *from, const tw_import_node *to)
{
    return tw_type_is(from->type, "NextIteration") && tw_type_is(to->type, "Merge");
}

/* Depth first with a stack of its own: a file may be as deep as it likes. */
typedef struct walk {
    tw_importer *im;
    size_t *stack, *next; /* nodes on the way, and which input of each is to be looked at */
    size_t depth, made;
} walk;

enum { UNSEEN, ON_THE_WAY, DONE };

/* The nodes from the one that was met again to the top of the stack. */
static tw_status *refuse_cycle(const walk *w, size_t again)
{
    tw_buffer b = {0};
    size_t from = w->depth;
    while (from > 0 && w->stack[from - 1] != again)
        from--;
    for (size_t i = from ? from - 1 : 0; i < w->depth && b.length < 400; i++)
        tw_buffer_printf(&b, "'%s' reads ", w->im->nodes[w->stack[i]].name);
    tw_buffer_printf(&b, "'%s'", w->im->nodes[again].name);
    char *text = tw_buffer_take(&b);
    tw_status *status = tw_import_fail(&w->im->nodes[again], "the graph has a cycle: %s",
                                       text ? text : "");
    tw_free(text);
    return status;
}

/* Looks at one more input of the node on top, or finishes it. A node is on the stack once at most,
 * so the stack needs no more room than there are nodes. */
static tw_status *step(walk *w)
{
    size_t index = w->stack[w->depth - 1];
    tw_import_node *node = &w->im->nodes[index];
    size_t at = w->next[w->depth - 1]++;
    if (at == node->input_count + node->control_count) {
        node->state = DONE;
        w->im->order[w->made++] = index;
        w->depth--;
        return TW_OK;
    }
    size_t input = node->inputs[at].node;
    tw_import_node *from = &w->im->nodes[input];
    bool back = at < node->input_count && tw_import_is_back_edge(from, node);
    if (back || from->state == DONE)
        return TW_OK;
    if (from->state == ON_THE_WAY)
        return refuse_cycle(w, input);
    from->state = ON_THE_WAY;
    w->stack[w->depth] = input;
    w->next[w->depth++] = 0;
    return TW_OK;
}

/* Starting from each node in turn keeps the file's order wherever it can be kept. */
tw_status *tw_import_sort(tw_importer *im)
{
    walk w = {.im = im};
    im->order = tw_arena_array(&im->scratch, im->count, sizeof *im->order);
    w.stack = tw_arena_array(&im->scratch, im->count, sizeof *w.stack);
    w.next = tw_arena_array(&im->scratch, im->count, sizeof *w.next);
    if (!im->order || !w.stack || !w.next)
        return tw_no_memory();
    for (size_t i = 0; i < im->count; i++) {
        if (im->nodes[i].state != UNSEEN)
            continue;
        im->nodes[i].state = ON_THE_WAY;
        w.stack[0] = i;
        w.next[0] = 0;
        w.depth = 1;
        while (w.depth)
            TW_TRY(step(&w));
    }
    return TW_OK;
}
