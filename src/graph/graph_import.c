/* SPDX-License-Identifier: Apache-2.0
 * A GraphDef into a graph. All operations are made beside the graph, in memory of their own, and
 * then join it at once under its lock: other threads see all of them or none. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/draft.h"
#include "graph/graph_def.h"
#include "graph/scope.h"
#include "wire/binary.h"
#include "wire/text_format.h"

/* Memory of operations for each byte of the file, and what any file may have. */
enum { MEMORY_PER_BYTE = 256, MEMORY_AT_LEAST = 1 << 20 };

/* ---- making ----
 * Import works in three steps: read all names and inputs, make every operation in an order of
 * dependence, join. Only the last one touches the graph. */

/* Once all are made, what a loop leads back can be connected. */
static tw_status *close_back_edges(tw_importer *im)
{
    for (size_t i = 0; i < im->count; i++) {
        tw_import_node *node = &im->nodes[i];
        for (size_t k = 0; k < node->input_count; k++) {
            const tw_import_input *input = &node->inputs[k];
            const tw_import_node *from = &im->nodes[input->node];
            if (node->op->inputs[k].op)
                continue;
            if ((uint32_t)input->index >= from->op->output_count)
                return tw_import_fail(node, "Connecting to invalid output %d of source node %s",
                                      (int)input->index, from->name);
            node->op->inputs[k] = (tw_tensor){from->op, input->index};
        }
    }
    return TW_OK;
}

/* What the GraphDef has besides its nodes, as bytes. The tree's nodes are not needed any more. */
static tw_status *keep_rest(tw_importer *im)
{
    char *bytes;
    tw_message_clear(im->def, TW_PB_GraphDef_node);
    TW_TRY(tw_binary_write(im->def, &bytes, &im->rest_size));
    im->rest = tw_arena_copy(&im->kept, bytes, im->rest_size);
    tw_free(bytes);
    return im->rest ? TW_OK : tw_no_memory();
}

/* Nothing of this is seen by other threads, and nothing needs the graph's lock for long. */
static tw_status *make_all(tw_importer *im)
{
    TW_TRY(tw_import_read(im));
    TW_TRY(tw_import_sort(im));
    for (size_t i = 0; i < im->count; i++)
        TW_TRY(tw_import_make(im, &im->nodes[im->order[i]]));
    TW_TRY(close_back_edges(im));
    return keep_rest(im);
}

/* ---- libraries ----
 * Functions are kept as bytes: nothing here runs them, but calls of them need their signatures,
 * and an export needs them whole. */

/* A function without a signature has no name and is equal to others of that kind only. */
static tw_span name_of(const tw_message *function)
{
    const tw_message *signature = tw_message_child(function, TW_PB_FunctionDef_signature);
    return signature ? tw_message_span(signature, TW_PB_OpDef_name) : (tw_span){"", 0};
}

/* Adds what is not there; two different functions of one name are an error. */
static tw_status *merge_library(tw_message *to, const tw_message *from)
{
    int field = TW_PB_FunctionDefLibrary_function;
    size_t count = tw_message_count(from, field);
    for (size_t i = 0; i < count; i++) {
        const tw_message *function = tw_message_child_at(from, field, i), *same = NULL;
        for (size_t k = 0; k < tw_message_count(to, field) && !same; k++) {
            const tw_message *other = tw_message_child_at(to, field, k);
            same = tw_span_equal(name_of(other), name_of(function)) ? other : NULL;
        }
        if (same && !tw_message_equal(same, function))
            return tw_status_new(TW_ALREADY_EXISTS,
                                 "the graph's library has another function '%.*s'",
                                 (int)name_of(function).size, name_of(function).data);
        tw_message *copy = same ? NULL : tw_message_add_child(to, field);
        if (!same && (!copy || !tw_message_merge(copy, function)))
            return tw_no_memory();
    }
    field = TW_PB_FunctionDefLibrary_gradient;
    for (size_t i = 0; i < tw_message_count(from, field); i++) {
        tw_message *copy = tw_message_add_child(to, field);
        if (!copy || !tw_message_merge(copy, tw_message_child_at(from, field, i)))
            return tw_no_memory();
    }
    return TW_OK;
}

/* 0 where the file does not say. */
static int64_t producer_of(const tw_message *def)
{
    const tw_message *versions = tw_message_child(def, TW_PB_GraphDef_versions);
    return versions ? tw_message_int(versions, TW_PB_VersionDef_producer) : 0;
}

/* The graph is then as old as the older of the two. */
static tw_status *merge_rest(const tw_graph *graph, tw_importer *im, tw_message *old)
{
    const tw_message *library = tw_message_child(im->def, TW_PB_GraphDef_library);
    if (library && tw_message_count(library, TW_PB_FunctionDefLibrary_function)) {
        tw_message *to = tw_message_add_child(old, TW_PB_GraphDef_library);
        TW_TRY(to ? merge_library(to, library) : tw_no_memory());
    }
    int64_t mine = graph->rest ? producer_of(old) : graph->producer, its = producer_of(im->def);
    tw_message *versions = tw_message_add_child(old, TW_PB_GraphDef_versions);
    if (!versions ||
        !tw_message_add_int(versions, TW_PB_VersionDef_producer, mine < its ? mine : its))
        return tw_no_memory();
    char *bytes;
    TW_TRY(tw_binary_write(old, &bytes, &im->rest_size));
    im->rest = tw_arena_copy(&im->kept, bytes, im->rest_size);
    tw_free(bytes);
    return im->rest ? TW_OK : tw_no_memory();
}

/* The first import into an empty graph sets the rest, later ones add to it. */
static tw_status *join_rest_locked(tw_graph *graph, tw_importer *im)
{
    tw_message *old;
    if (!graph->rest && !graph->operations.count)
        return TW_OK;
    TW_TRY(tw_binary_read(&im->scratch, &tw_pb_GraphDef, graph->rest ? graph->rest : "",
                          graph->rest_size, NULL, &old));
    return merge_rest(graph, im, old);
}

/* ---- joining ----
 * The order of operations is that of the file, whatever order they were made in: what is exported
 * again has its nodes where they were. */

/* Before anything is taken, so that the usual mistake needs no undoing. */
static tw_status *check_names_locked(const tw_graph *graph, const tw_importer *im)
{
    for (size_t i = 0; i < im->count; i++) {
        if (tw_name_operation_locked(graph, im->nodes[i].name, strlen(im->nodes[i].name)))
            return tw_import_fail(&im->nodes[i], "Node name already exists in the Graph");
    }
    return TW_OK;
}

/* There is room, and no operation has one of these names: the importer knows those of the file. */
static void take_names_locked(tw_graph *graph, const tw_importer *im)
{
    tw_name_claim claim;
    for (size_t i = 0; i < im->count; i++) {
        const char *name = im->nodes[i].op->spec.name;
        tw_status *refused = tw_name_choose_exact_locked(graph, name, strlen(name), &claim);
        if (!refused)
            tw_name_enter_locked(graph, &claim, name, im->nodes[i].op);
        tw_status_free(refused);
    }
}

/* All that can fail comes before the first operation is put in. The operations' memory goes over
 * to the graph as it is. */
static tw_status *join_locked(tw_graph *graph, tw_importer *im)
{
    size_t first = graph->operations.count;
    if (graph->finalized)
        return tw_status_with_kind(
            tw_status_new(TW_FAILED_PRECONDITION, "Graph is finalized and cannot be modified."),
            TW_KIND_STATE);
    TW_TRY(check_names_locked(graph, im));
    TW_TRY(join_rest_locked(graph, im));
    if (!tw_vec_reserve(&graph->operations, first + im->count) ||
        !tw_vec_reserve(&graph->imports, graph->imports.count + 1) ||
        !tw_name_table_reserve(&graph->names, im->count))
        return tw_no_memory();
    take_names_locked(graph, im);
    for (size_t i = 0; i < im->count; i++) {
        im->nodes[i].op->id = first + i;
        graph->operations.items[first + i] = im->nodes[i].op;
    }
    graph->operations.count += im->count;
    graph->rest = im->rest;
    graph->rest_size = im->rest_size;
    tw_vec_push(&graph->imports, im->kept);
    im->kept = (tw_arena){0};
    atomic_fetch_add(&graph->version, 1);
    return TW_OK;
}

/* The arrays of what did not come into the graph; the rest goes with the arena. */
static void drop_operations(tw_importer *im)
{
    for (size_t i = 0; i < im->count; i++) {
        if (im->nodes[i].op)
            tw_draft_unmake(im->nodes[i].op);
    }
}

/* With or without the slash; the nodes stand under exactly this prefix, and a second import under
 * it meets taken names. */
static tw_status *set_prefix(tw_importer *im, const char *prefix)
{
    size_t length = prefix ? strlen(prefix) : 0;
    im->prefix = "";
    if (!length)
        return TW_OK;
    if (!tw_name_is_valid(prefix, true))
        return tw_value_error("'%s' is not a valid scope name", prefix);
    length -= prefix[length - 1] == '/';
    im->prefix = tw_arena_printf(&im->scratch, "%.*s/", (int)length, prefix);
    return im->prefix ? TW_OK : tw_no_memory();
}

/* Takes over im->scratch, where the message lies. `size` is that of the file. */
static tw_status *import(tw_importer *im, const char *prefix, size_t size)
{
    im->budget = TW_IMPORT_BUDGET;
    im->memory_limit = size > (SIZE_MAX - MEMORY_AT_LEAST) / MEMORY_PER_BYTE
                           ? SIZE_MAX
                           : size * MEMORY_PER_BYTE + MEMORY_AT_LEAST;
    tw_status *status = set_prefix(im, prefix);
    if (!status)
        status = make_all(im);
    if (!status) {
        tw_graph_lock(im->graph);
        status = join_locked(im->graph, im);
        tw_graph_unlock(im->graph);
    }
    if (status)
        drop_operations(im);
    tw_map_clear(&im->by_name);
    tw_arena_clear(&im->kept);
    return status;
}

/* The message borrows the caller's bytes; what stays of it was copied by then. */
tw_status *tw_graph_import(tw_graph *graph, const void *bytes, size_t size, const char *prefix)
{
    tw_importer im = {.graph = graph};
    if (!graph || (!bytes && size))
        return tw_value_error("an import needs a graph and the bytes of a GraphDef");
    tw_status *status = tw_binary_read(&im.scratch, &tw_pb_GraphDef, size ? bytes : "", size, NULL,
                                       &im.def);
    if (!status)
        status = import(&im, prefix, size);
    tw_arena_clear(&im.scratch);
    return status;
}

/* As for bytes: the text may go after the call. */
tw_status *tw_graph_import_text(tw_graph *graph, const char *text, const char *prefix)
{
    tw_importer im = {.graph = graph};
    if (!graph || !text)
        return tw_value_error("an import needs a graph and the text of a GraphDef");
    size_t length = strlen(text);
    tw_status *status = tw_text_read(&im.scratch, &tw_pb_GraphDef, text, length, &im.def);
    if (!status)
        status = import(&im, prefix, length);
    tw_arena_clear(&im.scratch);
    return status;
}
