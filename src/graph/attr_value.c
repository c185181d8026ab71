/* SPDX-License-Identifier: Apache-2.0
 * AttrValue: the attributes of nodes as they stand in files. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/graph_def.h"
#include "op/attr.h"

/* ---- reading ----
 * One table says where each kind stands, alone and in a list; reading and writing walk the same
 * rows. */

/* Texts get a NUL after their end, which values that are names rely on. */
static tw_status *copy_text(tw_span span, tw_arena *arena, tw_bytes *out)
{
    char *text = tw_arena_strndup(arena, span.data ? span.data : "", span.size);
    *out = (tw_bytes){text, span.size};
    return text ? TW_OK : tw_no_memory();
}

/* A function by name, with attributes of its own: this nests as deep as the reader of messages
 * lets it. */
static tw_status *read_func(const tw_message *proto, tw_arena *arena, int64_t *budget, tw_func *out)
{
    size_t count;
    tw_bytes name;
    tw_message *const *entries = tw_message_children(proto, TW_PB_NameAttrList_attr, &count);
    tw_attr *attrs = tw_arena_array(arena, count, sizeof *attrs);
    TW_TRY(copy_text(tw_message_span(proto, TW_PB_NameAttrList_name), arena, &name));
    if (!attrs)
        return tw_no_memory();
    *out = (tw_func){name.data, attrs, 0};
    for (size_t i = 0; i < count; i++) {
        tw_bytes key;
        TW_TRY(copy_text(tw_message_span(entries[i], TW_PB_AttrEntry_key), arena, &key));
        out->attr_count++;
        TW_TRY(tw_attr_from_value(tw_message_child(entries[i], TW_PB_AttrEntry_value), arena,
                                  budget, &attrs[i]));
        attrs[i].name = key.data;
    }
    return TW_OK;
}

/* One row for each kind: its field in AttrValue and in ListValue. */
static const struct {
    int scalar, list;
    tw_attr_kind kind;
} fields[] = {
    {TW_PB_AttrValue_s, TW_PB_ListValue_s, TW_ATTR_STRING},
    {TW_PB_AttrValue_i, TW_PB_ListValue_i, TW_ATTR_INT},
    {TW_PB_AttrValue_f, TW_PB_ListValue_f, TW_ATTR_FLOAT},
    {TW_PB_AttrValue_b, TW_PB_ListValue_b, TW_ATTR_BOOL},
    {TW_PB_AttrValue_type, TW_PB_ListValue_type, TW_ATTR_TYPE},
    {TW_PB_AttrValue_shape, TW_PB_ListValue_shape, TW_ATTR_SHAPE},
    {TW_PB_AttrValue_tensor, TW_PB_ListValue_tensor, TW_ATTR_TENSOR},
    {TW_PB_AttrValue_func, TW_PB_ListValue_func, TW_ATTR_FUNC},
    {TW_PB_AttrValue_placeholder, 0, TW_ATTR_PLACEHOLDER},
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Element `i` of a field, as the kind's C type. */
static tw_status *read_item(const tw_message *m, int field, size_t i, tw_attr_kind kind,
                            tw_arena *arena, int64_t *budget, void *out)
{
    switch (kind) {
    case TW_ATTR_INT: *(int64_t *)out = tw_message_int_at(m, field, i); break;
    case TW_ATTR_FLOAT: *(float *)out = (float)tw_message_number_at(m, field, i); break;
    case TW_ATTR_BOOL: *(bool *)out = tw_message_int_at(m, field, i) != 0; break;
    case TW_ATTR_TYPE: *(tw_dtype *)out = (tw_dtype)tw_message_int_at(m, field, i); break;
    case TW_ATTR_SHAPE: return tw_shape_from_proto(tw_message_child_at(m, field, i), arena, out);
    case TW_ATTR_TENSOR: return tw_tensor_from_proto(tw_message_child_at(m, field, i), budget, out);
    case TW_ATTR_FUNC: return read_func(tw_message_child_at(m, field, i), arena, budget, out);
    default: return copy_text(tw_message_span_at(m, field, i), arena, out);
    }
    return TW_OK;
}

/* A list's kind is that of the one field that has values; a file may not mix them. */
static tw_status *read_list(const tw_message *list, tw_arena *arena, int64_t *budget, tw_attr *out)
{
    size_t row = FIELDS;
    out->list = true;
    for (size_t i = 0; list && i < FIELDS; i++) {
        if (!fields[i].list || !tw_message_count(list, fields[i].list))
            continue;
        if (row != FIELDS)
            return tw_value_error("a list attribute holds values of two kinds");
        row = i;
    }
    if (row == FIELDS)
        return TW_OK;
    size_t count = tw_message_count(list, fields[row].list);
    size_t size = tw_attr_item_size(fields[row].kind);
    char *items = tw_arena_array(arena, count, size);
    if (!items)
        return tw_no_memory();
    out->kind = fields[row].kind;
    out->value.items = items;
    for (size_t i = 0; i < count; i++) {
        out->count++;
        TW_TRY(read_item(list, fields[row].list, i, out->kind, arena, budget, items + i * size));
    }
    return TW_OK;
}

/* A value of which nothing is set is kept as kind none, so that it can be written back. */
tw_status *tw_attr_from_value(const tw_message *value, tw_arena *arena, int64_t *budget,
                              tw_attr *out)
{
    *out = (tw_attr){.kind = TW_ATTR_NONE};
    int which = value ? tw_message_which(value, 1) : 0;
    if (which == TW_PB_AttrValue_list)
        return read_list(tw_message_child(value, which), arena, budget, out);
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].scalar != which)
            continue;
        out->kind = fields[i].kind;
        return read_item(value, which, 0, out->kind, arena, budget, &out->value);
    }
    return TW_OK;
}

/* ---- writing ----
 * Whatever can be read can be written. A tensor that no array can hold comes back from its kept
 * bytes. */

/* Entries in the order in which they were read. */
static bool write_func(const tw_func *func, tw_message *proto)
{
    bool good = tw_message_add_text(proto, TW_PB_NameAttrList_name, func->name);
    for (size_t i = 0; i < func->attr_count && good; i++) {
        const char *key = func->attrs[i].name;
        tw_message *value = tw_message_add_entry(proto, TW_PB_NameAttrList_attr, key, strlen(key));
        good = value && tw_attr_to_value(&func->attrs[i], value);
    }
    return good;
}

/* Texts are borrowed: the graph keeps them longer than the message lives. */
static bool write_item(const void *item, tw_attr_kind kind, tw_message *m, int field)
{
    const tw_bytes *text = item;
    tw_array *const *array = item;
    tw_message *child = NULL;
    if (kind == TW_ATTR_SHAPE || kind == TW_ATTR_TENSOR || kind == TW_ATTR_FUNC) {
        child = tw_message_add_child(m, field);
        if (!child)
            return false;
    }
    switch (kind) {
    case TW_ATTR_INT: return tw_message_add_int(m, field, *(const int64_t *)item);
    case TW_ATTR_FLOAT: return tw_message_add_number(m, field, *(const float *)item);
    case TW_ATTR_BOOL: return tw_message_add_int(m, field, *(const bool *)item);
    case TW_ATTR_TYPE: return tw_message_add_int(m, field, *(const tw_dtype *)item);
    case TW_ATTR_SHAPE: return tw_shape_to_proto(*(const tw_shape *)item, child);
    case TW_ATTR_TENSOR: return !*array || tw_tensor_to_proto(*array, child);
    case TW_ATTR_FUNC: return write_func(item, child);
    default: return tw_message_add_borrowed(m, field, text->data ? text->data : "", text->length);
    }
}

/* An empty list is written as such, whatever its kind. */
bool tw_attr_to_value(const tw_attr *attr, tw_message *value)
{
    tw_message *m = attr->list ? tw_message_add_child(value, TW_PB_AttrValue_list) : value;
    bool good = m != NULL;
    for (size_t row = 0; row < FIELDS; row++) {
        if (fields[row].kind != attr->kind)
            continue;
        size_t count = attr->list ? attr->count : 1;
        for (size_t i = 0; i < count && good; i++)
            good = write_item(tw_attr_item(attr, i), attr->kind, m,
                              attr->list ? fields[row].list : fields[row].scalar);
    }
    return good;
}
