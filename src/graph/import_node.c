/* SPDX-License-Identifier: Apache-2.0
 * One node of a GraphDef becomes an operation. What the file says is kept as it stands: the order
 * of attributes, values that ours would not read back to the same bytes, fields we do not know. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/draft.h"
#include "graph/graph_def.h"
#include "wire/binary.h"

/* Beside each attribute stand its bytes if writing our value would not give them again. */
typedef struct node_maker {
    tw_importer *im;
    tw_import_node *node;
    tw_draft draft;
    tw_attr *attrs; /* in the file's order */
    size_t attr_count;
    tw_bytes *raw; /* beside each: its bytes where they are kept */
    bool keeps_raw;
} node_maker;

/* ---- attributes ----
 * Each attribute is read into a tw_attr, which the draft completes and copies. Beside it stand
 * its bytes as the file has them, where writing ours again would give others: a shape with named
 * dimensions, a tensor with its values in another form. */

/* A copy of the message's bytes that lasts. */
static tw_status *keep_bytes(node_maker *m, const tw_message *message, tw_bytes *out)
{
    char *bytes;
    size_t size;
    TW_TRY(tw_binary_write(message, &bytes, &size));
    out->data = tw_arena_copy(&m->im->kept, bytes, size);
    out->length = size;
    tw_free(bytes);
    return out->data ? TW_OK : tw_no_memory();
}

/* Numbers and texts come back as they were; other values may have been written in several ways. */
static tw_status *keep_raw(node_maker *m, const tw_message *value, size_t i)
{
    const tw_attr *attr = &m->attrs[i];
    bool simple = !attr->list && attr->kind >= TW_ATTR_INT && attr->kind <= TW_ATTR_TYPE;
    if (!value || (simple && !value->unknown_count))
        return TW_OK;
    tw_arena arena = {0};
    tw_message *ours = tw_message_new(&arena, &tw_pb_AttrValue);
    bool good = ours && tw_attr_to_value(attr, ours), equal = good && tw_message_equal(ours, value);
    tw_arena_clear(&arena);
    if (!good)
        return tw_no_memory();
    m->keeps_raw = m->keeps_raw || !equal;
    return equal ? TW_OK : keep_bytes(m, value, &m->raw[i]);
}

/* An empty list does not say of what: the signature does. */
static void settle_kind(const node_maker *m, tw_attr *attr)
{
    const tw_op_attr *known = m->draft.op ? tw_op_find_attr(m->draft.op, attr->name) : NULL;
    if (known && attr->list && attr->kind == TW_ATTR_NONE)
        attr->kind = known->kind;
}

/* Files of TensorFlow before 1.0 write a scalar where nothing is known of a placeholder's shape. */
static void settle_placeholder(const node_maker *m, tw_attr *attr)
{
    enum { LAST_SUCH_PRODUCER = 21 };
    const tw_message *versions = tw_message_child(m->im->def, TW_PB_GraphDef_versions);
    int64_t producer = versions ? tw_message_int(versions, TW_PB_VersionDef_producer) : 0;
    if (attr->kind == TW_ATTR_SHAPE && !attr->list && attr->value.shape.rank == 0 &&
        producer <= LAST_SUCH_PRODUCER && strcmp(m->node->type, "Placeholder") == 0)
        attr->value.shape = TW_UNKNOWN_SHAPE;
}

/* Colocation is by name, and names got a prefix. */
static tw_status *prefix_class(node_maker *m, size_t i)
{
    tw_attr *attr = &m->attrs[i];
    bool texts = attr->kind == TW_ATTR_STRING && attr->list;
    if (!*m->im->prefix || !texts || strcmp(attr->name, "_class") != 0)
        return TW_OK;
    tw_bytes *items = tw_arena_copy(&m->draft.arena, attr->value.items,
                                    attr->count * sizeof *items);
    if (!items)
        return tw_no_memory();
    attr->value.items = items;
    m->raw[i] = (tw_bytes){NULL, 0};
    for (size_t k = 0; k < attr->count; k++) {
        if (items[k].length < 5 || memcmp(items[k].data, "loc:@", 5) != 0)
            continue;
        char *text = tw_arena_printf(&m->draft.arena, "loc:@%s%.*s", m->im->prefix,
                                     (int)items[k].length - 5, items[k].data + 5);
        if (!text)
            return tw_no_memory();
        items[k] = (tw_bytes){text, strlen(text)};
    }
    return TW_OK;
}

/* Counted before anything can fail, so that what was read of it is released. */
static tw_status *read_attr(node_maker *m, const tw_message *entry, size_t i)
{
    tw_span key = tw_message_span(entry, TW_PB_AttrEntry_key);
    const tw_message *value = tw_message_child(entry, TW_PB_AttrEntry_value);
    const char *name = tw_arena_strndup(&m->draft.arena, key.data, key.size);
    if (!name)
        return tw_no_memory();
    m->attr_count++;
    tw_status *status = tw_attr_from_value(value, &m->draft.arena, &m->im->budget, &m->attrs[i]);
    m->attrs[i].name = name;
    if (status)
        return tw_status_with_note(status, "attribute '%s'", name);
    if (!*name || strlen(name) != key.size)
        return tw_value_error("an attribute has no valid name");
    settle_kind(m, &m->attrs[i]);
    settle_placeholder(m, &m->attrs[i]);
    TW_TRY(keep_raw(m, value, i));
    return prefix_class(m, i);
}

/* Raw values stand beside the attributes by number, in memory that lasts, since a few of them may
 * be kept. */
static tw_status *read_attrs(node_maker *m)
{
    size_t count;
    tw_message *const *entries = tw_message_children(m->node->def, TW_PB_NodeDef_attr, &count);
    m->attrs = tw_arena_array(&m->draft.arena, count, sizeof *m->attrs);
    m->raw = tw_arena_array(&m->im->kept, count, sizeof *m->raw);
    if (!m->attrs || !m->raw)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        TW_TRY(read_attr(m, entries[i], i));
    m->draft.attrs = m->attrs;
    m->draft.attr_count = count;
    return TW_OK;
}

/* By name among what the file says, defaults not included. */
static const tw_attr *find_attr(const node_maker *m, const char *name)
{
    for (size_t i = 0; name && i < m->attr_count; i++) {
        if (strcmp(m->attrs[i].name, name) == 0)
            return &m->attrs[i];
    }
    return NULL;
}

/* Invalid where it is missing or no single dtype. */
static tw_dtype type_attr(const node_maker *m, const char *name)
{
    const tw_attr *attr = find_attr(m, name);
    return attr && attr->kind == TW_ATTR_TYPE && !attr->list ? attr->value.type : TW_INVALID_DTYPE;
}

/* ---- outputs of types that the registry does not know ----
 * TensorFlow refuses such files. Here they can be loaded, looked at, changed and saved; a run
 * says that it cannot do them. Their consumers must still find outputs to read. */

/* So many outputs of a function's argument, and their dtype. */
static size_t count_of_arg(const node_maker *m, const tw_message *arg, const tw_attr **list)
{
    tw_span number = tw_message_span(arg, TW_PB_ArgDef_number_attr);
    tw_span types = tw_message_span(arg, TW_PB_ArgDef_type_list_attr);
    *list = NULL;
    for (size_t i = 0; i < m->attr_count; i++) {
        const tw_attr *attr = &m->attrs[i];
        if (types.size && tw_span_is(types, attr->name) && attr->list &&
            attr->kind == TW_ATTR_TYPE) {
            *list = attr;
            return attr->count;
        }
        if (number.size && tw_span_is(number, attr->name) && attr->kind == TW_ATTR_INT)
            return attr->value.i >= 0 && attr->value.i < UINT16_MAX ? (size_t)attr->value.i : 0;
    }
    return 1;
}

/* In the order in which TensorFlow reads an argument: list, attribute, fixed dtype. */
static tw_dtype dtype_of_arg(const node_maker *m, const tw_message *arg, const tw_attr *list,
                             size_t i)
{
    tw_span name = tw_message_span(arg, TW_PB_ArgDef_type_attr);
    if (list)
        return ((const tw_dtype *)list->value.items)[i];
    for (size_t k = 0; name.size && k < m->attr_count; k++) {
        if (tw_span_is(name, m->attrs[k].name) && m->attrs[k].kind == TW_ATTR_TYPE)
            return m->attrs[k].value.type;
    }
    return (tw_dtype)tw_message_int(arg, TW_PB_ArgDef_type);
}

/* The signature of a function of the file's library; NULL: the type is none. */
static const tw_message *find_function(const node_maker *m)
{
    const tw_message *library = tw_message_child(m->im->def, TW_PB_GraphDef_library);
    size_t count = library ? tw_message_count(library, TW_PB_FunctionDefLibrary_function) : 0;
    for (size_t i = 0; i < count; i++) {
        const tw_message *function = tw_message_child_at(library, TW_PB_FunctionDefLibrary_function,
                                                         i);
        const tw_message *signature = tw_message_child(function, TW_PB_FunctionDef_signature);
        if (signature && tw_span_is(tw_message_span(signature, TW_PB_OpDef_name), m->node->type))
            return signature;
    }
    return NULL;
}

/* A call of a library's function has the outputs of its signature; attributes of the node fill in
 * its types and numbers. The total is bounded, as numbers in a file are anything. */
static tw_status *outputs_of_function(node_maker *m, const tw_message *signature)
{
    size_t args = tw_message_count(signature, TW_PB_OpDef_output_arg), total = 0;
    const tw_attr *list;
    for (size_t i = 0; i < args; i++)
        total += count_of_arg(m, tw_message_child_at(signature, TW_PB_OpDef_output_arg, i), &list);
    if (total > UINT16_MAX)
        return tw_value_error("a function has %zu outputs", total);
    tw_dtype *dtypes = tw_arena_array(&m->draft.arena, total, sizeof *dtypes);
    if (!dtypes)
        return tw_no_memory();
    for (size_t i = 0; i < args; i++) {
        const tw_message *arg = tw_message_child_at(signature, TW_PB_OpDef_output_arg, i);
        size_t count = count_of_arg(m, arg, &list);
        for (size_t k = 0; k < count; k++)
            dtypes[m->draft.output_count++] = dtype_of_arg(m, arg, list, k);
    }
    m->draft.output_dtypes = dtypes;
    return TW_OK;
}

/* By the names that TensorFlow's ops give such attributes, and by who reads the outputs. */
static tw_status *guess_outputs(node_maker *m)
{
    static const char *const lists[] = {"Tout",      "output_types", "output_dtypes",
                                        "out_types", "dtypes",       "component_types"};
    static const char *const single[] = {"dtype",       "T",    "Tout",   "out_type",
                                         "output_type", "DstT", "Tparams"};
    size_t used = (size_t)m->node->used_outputs;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const tw_attr *attr = find_attr(m, lists[i]);
        if (!attr || !attr->list || attr->kind != TW_ATTR_TYPE || attr->count < used)
            continue;
        m->draft.output_dtypes = attr->value.items;
        m->draft.output_count = attr->count;
        return TW_OK;
    }
    tw_dtype dtype = TW_INVALID_DTYPE;
    for (size_t i = 0; i < sizeof single / sizeof *single && !dtype; i++)
        dtype = type_attr(m, single[i]);
    size_t count = dtype && !used ? 1 : used;
    tw_dtype *dtypes = tw_arena_array(&m->draft.arena, count, sizeof *dtypes);
    for (size_t i = 0; dtypes && i < count; i++)
        dtypes[i] = dtype;
    m->draft.output_dtypes = dtypes;
    m->draft.output_count = count;
    return dtypes ? TW_OK : tw_no_memory();
}

/* ---- inputs ----
 * Three cases: an input that is made, with the dtype that it has; one of an unknown type, whose
 * dtype its consumer's attributes say; one that leads back in a loop, which is connected later. */

/* What the signature and the attributes say of the dtype of input `index`. */
static tw_dtype expected_dtype(const node_maker *m, size_t index)
{
    const tw_op *op = m->draft.op;
    for (size_t i = 0, first = 0; op && i < op->input_count; i++) {
        const tw_op_arg *arg = &op->inputs[i];
        const tw_attr *number = find_attr(m, arg->number_attr);
        const tw_attr *types = find_attr(m, arg->type_list_attr);
        size_t count = number ? (size_t)number->value.i : types ? types->count : 1;
        if (index - first < count) {
            tw_dtype dtype = arg->type_attr ? type_attr(m, arg->type_attr) : arg->type;
            if (types && types->list && types->kind == TW_ATTR_TYPE)
                dtype = ((const tw_dtype *)types->value.items)[index - first];
            return arg->is_ref ? tw_dtype_ref(dtype) : dtype;
        }
        first += count;
    }
    return TW_INVALID_DTYPE;
}

/* The order of making has all inputs there but those that lead back. */
static tw_status *set_input(node_maker *m, size_t i)
{
    const tw_import_input *input = &m->node->inputs[i];
    tw_import_node *from = &m->im->nodes[input->node];
    if (!from->op) { /* a back edge */
        m->draft.dtypes[i] = expected_dtype(m, i);
        return TW_OK;
    }
    if ((uint32_t)input->index >= from->op->output_count)
        return tw_value_error("Connecting to invalid output %d of source node %s which has %u "
                              "outputs",
                              (int)input->index, from->name, from->op->output_count);
    tw_output_info *output = &from->op->outputs[input->index];
    if (!output->dtype) /* of an unknown type: who reads it knows */
        output->dtype = expected_dtype(m, i);
    m->draft.inputs[i] = (tw_tensor){from->op, input->index};
    return TW_OK;
}

/* Control inputs need no draft: they are set when the operation is finished. */
static tw_status *set_inputs(node_maker *m)
{
    size_t count = m->node->input_count;
    m->draft.inputs = tw_arena_array(&m->draft.arena, count, sizeof *m->draft.inputs);
    m->draft.dtypes = tw_arena_array(&m->draft.arena, count, sizeof *m->draft.dtypes);
    if (!m->draft.inputs || !m->draft.dtypes)
        return tw_no_memory();
    m->draft.input_count = count;
    for (size_t i = 0; i < count; i++)
        TW_TRY(set_input(m, i));
    return TW_OK;
}

/* ---- the operation ----
 * The draft lists attributes in the order of the signature. Files have an order of their own, in
 * which they are to be written again. */

/* The attributes as the file has them, then those that only have their default. */
static tw_status *reorder_attrs(node_maker *m, tw_operation *op)
{
    size_t count = op->spec.attr_count, next = 0;
    tw_attr *attrs = tw_arena_array(&m->im->kept, count, sizeof *attrs);
    if (!attrs)
        return tw_no_memory();
    for (size_t i = 0; i < m->attr_count; i++) {
        const tw_attr *made = tw_spec_attr(&op->spec, m->attrs[i].name);
        if (made)
            attrs[next++] = *made;
    }
    op->exported_attrs = (uint32_t)next;
    for (size_t i = 0; i < count; i++) {
        if (!find_attr(m, op->spec.attrs[i].name))
            attrs[next++] = op->spec.attrs[i];
    }
    op->spec.attrs = attrs;
    return TW_OK;
}

/* Most nodes have nothing left over, and cost nothing. The others keep a NodeDef of only that,
 * which export begins with. */
static tw_status *keep_rest(node_maker *m, tw_operation *op)
{
    static const int known[] = {TW_PB_NodeDef_name, TW_PB_NodeDef_op, TW_PB_NodeDef_input,
                                TW_PB_NodeDef_device, TW_PB_NodeDef_attr};
    const tw_message *def = m->node->def;
    bool more = def->unknown_count || tw_message_child(def, TW_PB_NodeDef_experimental_debug_info);
    if (!more && !m->keeps_raw)
        return TW_OK;
    tw_import_rest *rest = TW_ARENA_NEW(&m->im->kept, tw_import_rest);
    if (!rest)
        return tw_no_memory();
    rest->attrs = m->raw;
    rest->attr_count = m->attr_count;
    op->import = rest;
    if (!more)
        return TW_OK;
    tw_message *copy = tw_message_new(&m->draft.arena, &tw_pb_NodeDef);
    if (!copy || !tw_message_merge(copy, def))
        return tw_no_memory();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        tw_message_clear(copy, known[i]);
    tw_bytes bytes;
    TW_TRY(keep_bytes(m, copy, &bytes));
    rest->node = bytes.data;
    rest->node_size = bytes.length;
    return TW_OK;
}

/* What the draft does not know of a node in a file. */
static tw_status *finish(node_maker *m, tw_operation *op)
{
    tw_span device = tw_message_span(m->node->def, TW_PB_NodeDef_device);
    size_t first = m->node->input_count, count = m->node->control_count;
    op->device = tw_arena_strndup(&m->im->kept, device.data ? device.data : "", device.size);
    op->controls = tw_arena_array(&m->im->kept, count, sizeof *op->controls);
    if (!op->device || !op->controls)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++)
        op->controls[i] = m->im->nodes[m->node->inputs[first + i].node].op;
    op->control_count = (uint32_t)count;
    TW_TRY(reorder_attrs(m, op));
    return keep_rest(m, op);
}

/* A type that is not registered is kept; running it is refused later. */
static tw_status *look_up(node_maker *m)
{
    tw_status *status = tw_op_lookup(m->node->type, &m->draft.op);
    if (tw_status_code(status) != TW_NOT_FOUND)
        return status;
    tw_status_free(status);
    return TW_OK;
}

/* The memory of what comes out is bounded by the file's size: a few bytes may ask for thousands of
 * outputs. */
static tw_status *make(node_maker *m)
{
    TW_TRY(look_up(m));
    TW_TRY(read_attrs(m));
    TW_TRY(set_inputs(m));
    if (!m->draft.op) {
        const tw_message *function = find_function(m);
        TW_TRY(function ? outputs_of_function(m, function) : guess_outputs(m));
    }
    TW_TRY(tw_draft_complete(&m->draft));
    tw_operation *op;
    TW_TRY(tw_draft_make(&m->draft, &m->im->kept, &op));
    m->node->op = op;
    TW_TRY(finish(m, op));
    if (m->im->kept.bytes > m->im->memory_limit)
        return tw_status_new(TW_RESOURCE_EXHAUSTED, "the graph would need more memory than is "
                                                    "reasonable for its size");
    return TW_OK;
}

/* The draft is cleared whatever happens; what it made lies in other memory. */
tw_status *tw_import_make(tw_importer *im, tw_import_node *node)
{
    node_maker m = {.im = im, .node = node};
    m.draft.graph = im->graph;
    m.draft.type = node->type;
    m.draft.name = node->name;
    tw_status *status = make(&m);
    if (status)
        status = tw_draft_explain(&m.draft, status);
    for (size_t i = 0; i < m.attr_count; i++)
        tw_attr_release(&m.attrs[i]);
    tw_draft_clear(&m.draft);
    return status;
}
