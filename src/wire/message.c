/* SPDX-License-Identifier: Apache-2.0
 * The message tree: slots sorted by field number, each with a growing array of values of one C
 * type. Growth leaves the old array behind in the arena, so that at most half of the memory is
 * waste. */
#include "wire/message.h"

#include <string.h>

/* What a kind is held as. */
typedef enum storage { AS_INT, AS_FLOAT, AS_DOUBLE, AS_SPAN, AS_MESSAGE } storage;

/* All integers, booleans and choices of enums share one C type, so that the tree has five sorts
 * of arrays and not fifteen. */
static storage storage_of(const tw_pb_field *field)
{
    switch (field->kind) {
    case TW_PB_FLOAT: return AS_FLOAT;
    case TW_PB_DOUBLE: return AS_DOUBLE;
    case TW_PB_STRING:
    case TW_PB_BYTES: return AS_SPAN;
    case TW_PB_MESSAGE: return AS_MESSAGE;
    default: return AS_INT;
    }
}

/* Bytes of one value in a slot's array. */
static size_t item_size(const tw_pb_field *field)
{
    static const size_t sizes[] = {
        [AS_INT] = sizeof(int64_t),          [AS_FLOAT] = sizeof(float),
        [AS_DOUBLE] = sizeof(double),        [AS_SPAN] = sizeof(tw_span),
        [AS_MESSAGE] = sizeof(tw_message *),
    };
    return sizes[storage_of(field)];
}

/* NULL passes through all adders as a failure, so the result need not be checked before they are
 * called. */
tw_message *tw_message_new(tw_arena *arena, const tw_pb_type *type)
{
    tw_message *m = TW_ARENA_NEW(arena, tw_message);
    if (m) {
        m->type = type;
        m->arena = arena;
    }
    return m;
}

/* Messages have few fields set at a time, so that a walk is faster than any index. */
tw_slot *tw_message_find(const tw_message *m, int field)
{
    for (uint32_t i = 0; m && i < m->slot_count; i++)
        if (m->slots[i].field->number == field)
            return &m->slots[i];
    return NULL;
}

/* The values stay behind in the arena. */
static void remove_slot(tw_message *m, uint32_t i)
{
    m->slot_count--;
    memmove(&m->slots[i], &m->slots[i + 1], (m->slot_count - i) * sizeof(tw_slot));
}

/* What makes a oneof: its other fields go before one is set. */
static void drop_siblings(tw_message *m, const tw_pb_field *field)
{
    for (uint32_t i = 0; field->oneof && i < m->slot_count;) {
        if (m->slots[i].field->oneof == field->oneof)
            remove_slot(m, i);
        else
            i++;
    }
}

/* Doubles an array of the arena. Counts stay below 2^31, as much as a message can hold on the wire.
 */
static bool grow(tw_arena *arena, void **items, uint32_t count, uint32_t *capacity, size_t more,
                 size_t size)
{
    if (more <= (size_t)(*capacity - count))
        return true;
    if (more > (size_t)INT32_MAX - count)
        return false;
    size_t doubled = (size_t)*capacity * 2, need = count + more;
    size_t fresh = doubled > need ? doubled : need;
    void *array = tw_arena_array(arena, fresh, size);
    if (!array)
        return false;
    if (count)
        memcpy(array, *items, count * size);
    *items = array;
    *capacity = (uint32_t)fresh;
    return true;
}

/* Setting one field of a oneof drops the others first, as in protobuf. */
tw_slot *tw_message_slot(tw_message *m, const tw_pb_field *field)
{
    tw_slot *found = tw_message_find(m, field->number);
    if (found)
        return found;
    drop_siblings(m, field);
    /* Two slots at first: the value of an attribute has one field, a node several. */
    void *slots = m->slots;
    size_t more = m->slot_count == m->slot_capacity && m->slot_count == 0 ? 2 : 1;
    if (!grow(m->arena, &slots, m->slot_count, &m->slot_capacity, more, sizeof(tw_slot)))
        return NULL;
    m->slots = slots;
    /* Fields mostly come in order, and then nothing moves. */
    uint32_t at = m->slot_count++;
    for (; at > 0 && m->slots[at - 1].field->number > field->number; at--)
        m->slots[at] = m->slots[at - 1];
    m->slots[at] = (tw_slot){.field = field};
    return &m->slots[at];
}

/* Room only, the count stays: a reader that knows how many values follow saves the doublings,
 * which the arena would keep. */
bool tw_message_reserve(tw_message *m, tw_slot *slot, size_t more)
{
    return grow(m->arena, &slot->items, slot->count, &slot->capacity, more, item_size(slot->field));
}

/* A single field that is set again gives its old place, so that the last value wins, as for any
 * protobuf reader. */
void *tw_message_place(tw_message *m, const tw_pb_field *field)
{
    tw_slot *slot = tw_message_slot(m, field);
    if (!slot)
        return NULL;
    if (field->label == TW_PB_SINGLE && slot->count == 1)
        return slot->items;
    if (!tw_message_reserve(m, slot, 1)) {
        if (!slot->count) /* an empty slot would read as a value */
            remove_slot(m, (uint32_t)(slot - m->slots));
        return NULL;
    }
    return (char *)slot->items + item_size(field) * slot->count++;
}

/* Neighbours in the input become one span. */
bool tw_message_keep_unknown(tw_message *m, tw_span bytes)
{
    tw_span *last = m->unknown_count ? &m->unknown[m->unknown_count - 1] : NULL;
    if (last && last->data + last->size == bytes.data) {
        last->size += bytes.size;
        return true;
    }
    void *items = m->unknown;
    if (!grow(m->arena, &items, m->unknown_count, &m->unknown_capacity, 1, sizeof(tw_span)))
        return false;
    m->unknown = items;
    m->unknown[m->unknown_count++] = bytes;
    return true;
}

/* The slot if it holds values of this storage. */
static const tw_slot *holding(const tw_message *m, int field, storage as)
{
    const tw_slot *slot = tw_message_find(m, field);
    return slot && slot->count && storage_of(slot->field) == as ? slot : NULL;
}

/* A member of a oneof is never left out, even when zero, because its presence is what says which
 * member is chosen. */
bool tw_slot_is_default(const tw_slot *slot)
{
    return !slot->field->oneof && tw_slot_is_zero(slot);
}

/* A negative zero counts as zero here, as it compares equal; a message that is present is never
 * zero, however empty. */
bool tw_slot_is_zero(const tw_slot *slot)
{
    if (slot->field->label != TW_PB_SINGLE)
        return slot->count == 0;
    switch (storage_of(slot->field)) {
    case AS_INT: return *(const int64_t *)slot->items == 0;
    case AS_FLOAT: return *(const float *)slot->items == 0;
    case AS_DOUBLE: return *(const double *)slot->items == 0;
    case AS_SPAN: return ((const tw_span *)slot->items)->size == 0;
    default: return false;
    }
}

/* A field with its default value is not written, so that it counts as not there, except in a
 * oneof. */
bool tw_message_has(const tw_message *m, int field)
{
    const tw_slot *slot = tw_message_find(m, field);
    return slot && !tw_slot_is_default(slot);
}

/* A single field counts as one once it is set, also to its default: what is there and what is
 * shown differ. */
size_t tw_message_count(const tw_message *m, int field)
{
    const tw_slot *slot = tw_message_find(m, field);
    return slot ? slot->count : 0;
}

/* At most one member of a oneof is ever set, since setting one removes the others, so the first
 * that is found is it. */
int tw_message_which(const tw_message *m, int oneof)
{
    for (uint32_t i = 0; m && i < m->slot_count; i++)
        if (oneof && m->slots[i].field->oneof == oneof)
            return m->slots[i].field->number;
    return 0;
}

/* The whole array of a field, behind every typed accessor. */
static const void *all_of(const tw_message *m, int field, storage as, size_t *count)
{
    const tw_slot *slot = holding(m, field, as);
    *count = slot ? slot->count : 0;
    return slot ? slot->items : NULL;
}

const int64_t *tw_message_ints(const tw_message *m, int field, size_t *count)
{
    return all_of(m, field, AS_INT, count);
}

const float *tw_message_floats(const tw_message *m, int field, size_t *count)
{
    return all_of(m, field, AS_FLOAT, count);
}

const double *tw_message_doubles(const tw_message *m, int field, size_t *count)
{
    return all_of(m, field, AS_DOUBLE, count);
}

const tw_span *tw_message_spans(const tw_message *m, int field, size_t *count)
{
    return all_of(m, field, AS_SPAN, count);
}

/* The array is the tree's own and moves when a child is added, so it must not be kept over a
 * change. */
tw_message *const *tw_message_children(const tw_message *m, int field, size_t *count)
{
    return all_of(m, field, AS_MESSAGE, count);
}

/* What is not there reads as 0, which is the default of every number in proto3. */
int64_t tw_message_int_at(const tw_message *m, int field, size_t i)
{
    size_t n;
    const int64_t *values = tw_message_ints(m, field, &n);
    return i < n ? values[i] : 0;
}

/* A field of the other width has no array here, so asking for floats first and doubles next
 * finds whichever exists. */
double tw_message_number_at(const tw_message *m, int field, size_t i)
{
    size_t n;
    const float *floats = tw_message_floats(m, field, &n);
    if (i < n)
        return (double)floats[i];
    const double *doubles = tw_message_doubles(m, field, &n);
    return i < n ? doubles[i] : 0;
}

/* Never gives a NULL address, so that the bytes of an absent field can be handed to memcpy and
 * the like. */
tw_span tw_message_span_at(const tw_message *m, int field, size_t i)
{
    size_t n;
    const tw_span *values = tw_message_spans(m, field, &n);
    return i < n ? values[i] : (tw_span){"", 0};
}

/* NULL beyond the end, and all readers take NULL for an empty message, so that paths are
 * followed without checks. */
const tw_message *tw_message_child_at(const tw_message *m, int field, size_t i)
{
    size_t n;
    tw_message *const *values = tw_message_children(m, field, &n);
    return i < n ? values[i] : NULL;
}

/* The index of the last value; SIZE_MAX, which no accessor takes, if there is none. */
static size_t last_of(const tw_message *m, int field)
{
    return tw_message_count(m, field) - 1;
}

/* The default of proto3, zero, where the field is absent; who must tell the two apart asks for
 * the count. */
int64_t tw_message_int(const tw_message *m, int field)
{
    return tw_message_int_at(m, field, last_of(m, field));
}

double tw_message_number(const tw_message *m, int field)
{
    return tw_message_number_at(m, field, last_of(m, field));
}

tw_span tw_message_span(const tw_message *m, int field)
{
    return tw_message_span_at(m, field, last_of(m, field));
}

/* The last one counts where several stand, as the format demands of a reader that meets a single
 * field twice. */
const tw_message *tw_message_child(const tw_message *m, int field)
{
    return tw_message_child_at(m, field, last_of(m, field));
}

/* From the end: of equal keys that were not settled yet the last counts. */
static tw_message *find_entry(const tw_message *m, int field, const char *key, size_t length)
{
    size_t n;
    tw_message *const *entries = tw_message_children(m, field, &n);
    while (n-- > 0) {
        tw_span have = tw_message_span(entries[n], 1);
        if (have.size == length && memcmp(have.data, key, length) == 0)
            return entries[n];
    }
    return NULL;
}

/* NULL where the key is missing, which reads as a message with all defaults, just as a lookup in
 * a map of protobuf does. */
const tw_message *tw_message_entry(const tw_message *m, int field, const char *key, size_t length)
{
    return tw_message_child(find_entry(m, field, key, length), 2);
}

/* The result tells a key with an empty text from none at all, which the span by itself could
 * not. */
bool tw_message_text_entry(const tw_message *m, int field, const char *key, size_t length,
                           tw_span *value)
{
    const tw_message *entry = find_entry(m, field, key, length);
    *value = tw_message_span(entry, 2);
    return entry != NULL;
}

/* The place for a new value of this storage; NULL: no memory or misuse. */
static void *place_for(tw_message *m, int field, storage as)
{
    const tw_pb_field *def = m ? tw_pb_field_by_number(m->type, field) : NULL;
    return def && storage_of(def) == as ? tw_message_place(m, def) : NULL;
}

/* False both for short memory and for a field of another type, and for NULL, so that a chain of
 * calls is checked once. */
bool tw_message_add_int(tw_message *m, int field, int64_t value)
{
    int64_t *place = place_for(m, field, AS_INT);
    if (place)
        *place = value;
    return place != NULL;
}

/* Serves both float fields and double ones, narrowing where needed, so that a caller need not
 * know which the schema has. */
bool tw_message_add_number(tw_message *m, int field, double value)
{
    double *place = place_for(m, field, AS_DOUBLE); /* NULL for a float field as well */
    if (place) {
        *place = value;
        return true;
    }
    float *narrow = place_for(m, field, AS_FLOAT);
    if (narrow)
        *narrow = (float)value;
    return narrow != NULL;
}

/* The bytes must outlive the tree; meant for file contents and constants that are too large to
 * be copied for nothing. */
bool tw_message_add_borrowed(tw_message *m, int field, const void *data, size_t size)
{
    tw_span *place = place_for(m, field, AS_SPAN);
    if (place)
        *place = (tw_span){size ? data : "", size};
    return place != NULL;
}

/* An empty span needs no memory and gets a constant address, since a NULL would read as a failed
 * copy. */
bool tw_message_add_span(tw_message *m, int field, const void *data, size_t size)
{
    const void *copy = m && size ? tw_arena_copy(m->arena, data, size) : "";
    return copy && tw_message_add_borrowed(m, field, copy, size);
}

bool tw_message_add_text(tw_message *m, int field, const char *text)
{
    return tw_message_add_span(m, field, text, strlen(text));
}

/* Appends raw values of the right storage to a repeated field. */
static bool add_all(tw_message *m, int field, storage as, const void *values, size_t count)
{
    const tw_pb_field *def = m ? tw_pb_field_by_number(m->type, field) : NULL;
    if (!def || storage_of(def) != as || def->label == TW_PB_SINGLE)
        return false;
    if (!count)
        return true;
    tw_slot *slot = tw_message_slot(m, def);
    if (!slot || !tw_message_reserve(m, slot, count))
        return false;
    memcpy((char *)slot->items + slot->count * item_size(def), values, count * item_size(def));
    slot->count += (uint32_t)count;
    return true;
}

bool tw_message_add_ints(tw_message *m, int field, const int64_t *values, size_t count)
{
    return add_all(m, field, AS_INT, values, count);
}

bool tw_message_add_floats(tw_message *m, int field, const float *values, size_t count)
{
    return add_all(m, field, AS_FLOAT, values, count);
}

bool tw_message_add_doubles(tw_message *m, int field, const double *values, size_t count)
{
    return add_all(m, field, AS_DOUBLE, values, count);
}

/* A singular field that is there is given back as it is, so that a second part of it merges. */
tw_message *tw_message_add_child(tw_message *m, int field)
{
    const tw_pb_field *def = m ? tw_pb_field_by_number(m->type, field) : NULL;
    if (!def || def->kind != TW_PB_MESSAGE)
        return NULL;
    tw_slot *slot = tw_message_find(m, field);
    if (slot && def->label == TW_PB_SINGLE)
        return *(tw_message **)slot->items;
    tw_message *child = tw_message_new(m->arena, def->type);
    tw_message **place = child ? tw_message_place(m, def) : NULL;
    if (!place)
        return NULL;
    *place = child;
    return child;
}

/* The entry of a map with this key, new if need be: keys must not come twice. */
static tw_message *ensure_entry(tw_message *m, int field, const char *key, size_t length)
{
    tw_message *entry = find_entry(m, field, key, length);
    if (entry)
        return entry;
    entry = tw_message_add_child(m, field);
    return tw_message_add_span(entry, 1, key, length) ? entry : NULL;
}

/* A key that is there already gets its old entry, so the map never holds a key twice while it is
 * built. */
tw_message *tw_message_add_entry(tw_message *m, int field, const char *key, size_t length)
{
    return tw_message_add_child(ensure_entry(m, field, key, length), 2);
}

/* Replaces the value of a key that is there already, for the field of a value is single and its
 * last one counts. */
bool tw_message_set_text_entry(tw_message *m, int field, const char *key, const char *value)
{
    return tw_message_add_text(ensure_entry(m, field, key, strlen(key)), 2, value);
}

/* The memory stays with the arena, and other holders of the values still see them; only the
 * field reads as absent. */
void tw_message_clear(tw_message *m, int field)
{
    const tw_slot *slot = tw_message_find(m, field);
    if (slot)
        remove_slot(m, (uint32_t)(slot - m->slots));
}

/* Empty spans are equal whatever their addresses, which keeps memcmp from seeing the NULL that
 * some of them have. */
bool tw_span_equal(tw_span a, tw_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool tw_span_is(tw_span span, const char *text)
{
    return tw_span_equal(span, (tw_span){text, strlen(text)});
}

/* The length of the UTF-8 sequence at p, of at most `left` bytes; 0: none (overlong, a surrogate,
 * above U+10FFFF). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    /* Of the second byte after a first one that allows only a part: E0, F0 and ED, F4. */
    static const unsigned char low[] = {0, 0, 0x80, 0xA0, 0x90}, high[] = {0, 0, 0xBF, 0x9F, 0x8F};
    size_t n = p[0] < 0x80   ? 1
               : p[0] < 0xC2 ? 0
               : p[0] < 0xE0 ? 2
               : p[0] < 0xF0 ? 3
               : p[0] < 0xF5 ? 4
                             : 0;
    if (n < 2 || n > left)
        return n > left ? 0 : n;
    if ((p[0] == 0xE0 || p[0] == 0xF0) && p[1] < low[n])
        return 0;
    if ((p[0] == 0xED || p[0] == 0xF4) && p[1] > high[n])
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* Strings of the format must be UTF-8, so writers and readers of text ask this before they pass
 * bytes on as such. */
bool tw_span_is_utf8(tw_span span)
{
    const unsigned char *p = (const unsigned char *)span.data;
    for (size_t i = 0; i < span.size;) {
        size_t n = utf8_length(p + i, span.size - i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}
