/* SPDX-License-Identifier: Apache-2.0
 * A protocol buffer message in memory: a tree of values laid out by a descriptor of schema.h.
 * Everything lives in the arena given to tw_message_new or to a reader and goes with it; nothing is
 * freed one by one. The tree always keeps protobuf's rules: a singular field has at most one value
 * (the last one wins, messages are merged), setting a field of a oneof drops its siblings, the keys
 * of a map differ. Fields that the descriptor lacks are kept and written back.
 *
 * Reading a graph (binary.h and text_format.h have the readers; TW_PB_... come from schema.def):
 *
 *     tw_arena arena = {0};
 *     tw_message *graph;
 *     size_t n;
 *     // `bytes` must outlive the tree
 *     TW_TRY(tw_binary_read(&arena, &tw_pb_GraphDef, bytes, size, NULL, &graph));
 *     for (size_t i = 0; i < tw_message_count(graph, TW_PB_GraphDef_node); i++) {
 *         const tw_message *node = tw_message_child_at(graph, TW_PB_GraphDef_node, i);
 *         tw_span name = tw_message_span(node, TW_PB_NodeDef_name);  // "" if absent
 *         // one attribute, NULL if there is no such key; 1 is the oneof of AttrValue
 *         const tw_message *value = tw_message_entry(node, TW_PB_NodeDef_attr, "T", 1);
 *         if (tw_message_which(value, 1) == TW_PB_AttrValue_type)
 *             dtype = tw_message_int(value, TW_PB_AttrValue_type);
 *         // every attribute
 *         tw_message *const *attrs = tw_message_children(node, TW_PB_NodeDef_attr, &n);
 *         for (size_t k = 0; k < n; k++) {
 *             tw_span key = tw_message_span(attrs[k], TW_PB_AttrEntry_key);
 *             const tw_message *of_key = tw_message_child(attrs[k], TW_PB_AttrEntry_value);
 *     }   }
 *     // all numbers of a repeated field
 *     const float *values = tw_message_floats(tensor, TW_PB_TensorProto_float_val, &n);
 *
 * Writing one (each adder gives false or NULL when memory is short, and takes a NULL message):
 *
 *     tw_message *graph = tw_message_new(&arena, &tw_pb_GraphDef);
 *     tw_message *node = tw_message_add_child(graph, TW_PB_GraphDef_node);
 *     bool ok = tw_message_add_text(node, TW_PB_NodeDef_name, "x");
 *     ok = ok && tw_message_add_text(node, TW_PB_NodeDef_op, "Neg");
 *     tw_message *value = tw_message_add_entry(node, TW_PB_NodeDef_attr, "T", 1);  // the AttrValue
 *     ok = ok && tw_message_add_int(value, TW_PB_AttrValue_type, TW_FLOAT32);
 *     if (!ok)
 *         return tw_no_memory();
 *     TW_TRY(tw_binary_write(graph, &bytes, &size));  // tw_free(bytes) afterwards
 *
 * Every adder takes a NULL message and then gives false or NULL. A field number that the type
 * lacks, or an accessor of another kind than the field's, gives the default (0, "", NULL) when
 * reading and false or NULL when adding. */
#ifndef TW_WIRE_MESSAGE_H
#define TW_WIRE_MESSAGE_H

#include "base/arena.h"
#include "wire/schema.h"

/* Messages inside messages: what protobuf allows, and what readers and writers here do. */
#define TW_PB_MAX_DEPTH 100

/* Bytes that something else owns; not NUL-terminated. */
typedef struct tw_span {
    const char *data;
    size_t size;
} tw_span;

typedef struct tw_message tw_message;

/* One field that is there: `count` values in an array of int64_t, float, double, tw_span or
 * tw_message *. */
typedef struct tw_slot {
    const tw_pb_field *field;
    uint32_t count, capacity;
    void *items;
} tw_slot;

/* To be read through the functions below; the members are for this folder's files. */
struct tw_message {
    const tw_pb_type *type;
    tw_arena *arena;
    tw_slot *slots; /* going up by field number */
    uint32_t slot_count, slot_capacity;
    tw_span *unknown; /* tags and values of fields that the type lacks, as they came */
    uint32_t unknown_count, unknown_capacity;
};

/* NULL: no memory. */
tw_message *tw_message_new(tw_arena *arena, const tw_pb_type *type);

/* Reading. A singular field has count 0 or 1; the accessors without index give its value (of a
 * repeated field the last one). `tw_message_has` is false for a number or text outside a oneof that
 * has its default value. */
bool tw_message_has(const tw_message *m, int field);
size_t tw_message_count(const tw_message *m, int field);
int tw_message_which(const tw_message *m,
                     int oneof); /* the number of the field set in this oneof, or 0 */
int64_t tw_message_int(const tw_message *m, int field);   /* integers, bool, enum */
double tw_message_number(const tw_message *m, int field); /* float and double */
tw_span tw_message_span(const tw_message *m, int field);
const tw_message *tw_message_child(const tw_message *m, int field); /* NULL: absent */
int64_t tw_message_int_at(const tw_message *m, int field, size_t i);
double tw_message_number_at(const tw_message *m, int field, size_t i);
tw_span tw_message_span_at(const tw_message *m, int field, size_t i);
const tw_message *tw_message_child_at(const tw_message *m, int field, size_t i);
/* All values of a field, borrowed from the tree; NULL and *count 0 if there are none. Adding moves
 * the array. */
const int64_t *tw_message_ints(const tw_message *m, int field, size_t *count);
const float *tw_message_floats(const tw_message *m, int field, size_t *count);
const double *tw_message_doubles(const tw_message *m, int field, size_t *count);
const tw_span *tw_message_spans(const tw_message *m, int field, size_t *count);
tw_message *const *tw_message_children(const tw_message *m, int field, size_t *count);
/* The value of a map entry with this text key, where values are messages; NULL: there is none. */
const tw_message *tw_message_entry(const tw_message *m, int field, const char *key, size_t length);
/* The same where values are texts; false: there is none, and *value is "". */
bool tw_message_text_entry(const tw_message *m, int field, const char *key, size_t length,
                           tw_span *value);

/* Building: appends to a repeated field, replaces a singular one. false or NULL: no memory (or
 * misuse, see above). Integers must lie in the field's range. Text must be UTF-8. */
bool tw_message_add_int(tw_message *m, int field, int64_t value);
bool tw_message_add_number(tw_message *m, int field, double value); /* a float field rounds it */
bool tw_message_add_span(tw_message *m, int field, const void *data,
                         size_t size); /* copied into the arena */
bool tw_message_add_borrowed(tw_message *m, int field, const void *data,
                             size_t size);                            /* must outlive the tree */
bool tw_message_add_text(tw_message *m, int field, const char *text); /* copied */
/* Whole arrays, appended at once and copied. */
bool tw_message_add_ints(tw_message *m, int field, const int64_t *values, size_t count);
bool tw_message_add_floats(tw_message *m, int field, const float *values, size_t count);
bool tw_message_add_doubles(tw_message *m, int field, const double *values, size_t count);
/* A new message in a repeated field; in a singular one that which is there, or a new one. */
tw_message *tw_message_add_child(tw_message *m, int field);
/* The value message of the entry with this text key, which is made if it is not there. */
tw_message *tw_message_add_entry(tw_message *m, int field, const char *key, size_t length);
/* For a map from text to text: sets it. */
bool tw_message_set_text_entry(tw_message *m, int field, const char *key, const char *value);
void tw_message_clear(tw_message *m, int field);
/* Merges a deep copy of `from`, of the same type, as protobuf does: repeated fields are appended,
 * singular ones and map entries replaced, messages merged. Spans are copied too. False: no memory,
 * nested too deeply or another type. */
bool tw_message_merge(tw_message *m, const tw_message *from);

/* Equal in meaning: maps in any order, an implicit default the same as absent, NaN equal to NaN, -0
 * equal to 0, spans of unknown fields equal as bytes. */
bool tw_message_equal(const tw_message *a, const tw_message *b);

bool tw_span_equal(tw_span a, tw_span b);
bool tw_span_is(tw_span span, const char *text);
bool tw_span_is_utf8(tw_span span);

/* For this folder: a slot of an absent field is NULL; tw_message_slot makes it and drops its
 * siblings in a oneof. */
tw_slot *tw_message_find(const tw_message *m, int field);
tw_slot *tw_message_slot(tw_message *m, const tw_pb_field *field);
/* Room for one more value, or the one value of a singular field; NULL: no memory. */
void *tw_message_place(tw_message *m, const tw_pb_field *field);
bool tw_message_reserve(tw_message *m, tw_slot *slot, size_t more);
bool tw_message_keep_unknown(tw_message *m, tw_span bytes);
/* After reading: entries of maps get their missing key or value, and of equal keys the last stays.
 */
bool tw_message_settle(tw_message *m);
/* The entries of a map sorted by key, the caller's to tw_free; NULL: no memory. */
tw_message **tw_message_sorted(const tw_slot *slot);
/* An implicit default, which is not written; and a default value whether it is implicit or not. */
bool tw_slot_is_default(const tw_slot *slot);
bool tw_slot_is_zero(const tw_slot *slot);

#endif
