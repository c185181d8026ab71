/* SPDX-License-Identifier: Apache-2.0
 * Bytes to a message tree. The reader trusts nothing: every length is held against the end of the
 * message around it, depth is bounded, and every refusal names the offset of the byte where the
 * element at fault begins. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "wire/binary.h"
#include "wire/wire_type.h"

/* One `end` serves all levels: on entry to a message it is drawn in, on leaving it is put back,
 * so no check can look too far. */
typedef struct reader {
    const unsigned char *start, *next, *end; /* `end` of the innermost message or packed field */
    tw_arena *arena;
    bool ends_early; /* at the top, a tag 0 or an end of a group ends the message */
} reader;

/* The offset counts from the start of the whole input, also in nested messages, so that it can
 * be looked up in a dump. */
static tw_status *refuse(const reader *r, const tw_pb_type *type, const unsigned char *at,
                         const char *what)
{
    return tw_status_new(TW_DATA_LOSS, "%s: %s at byte %zu", type->name, what,
                         (size_t)(at - r->start));
}

/* At most ten bytes; bits above the 64th are dropped, as protobuf does. */
static tw_status *read_varint(reader *r, const tw_pb_type *type, uint64_t *out)
{
    const unsigned char *at = r->next;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->next == r->end)
            return refuse(r, type, at, "a number is cut off");
        unsigned char byte = *r->next++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = value;
            return TW_OK;
        }
    }
    return refuse(r, type, at, "a number of more than ten bytes");
}

/* A length is held against what is left here, so that nobody after can read too far. */
static tw_status *read_length(reader *r, const tw_pb_type *type, size_t *out)
{
    const unsigned char *at = r->next;
    uint64_t length;
    TW_TRY(read_varint(r, type, &length));
    if (length > (uint64_t)(r->end - r->next))
        return tw_status_new(
            TW_DATA_LOSS, "%s: a length of %" PRIu64 " where %zu bytes are left at byte %zu",
            type->name, length, (size_t)(r->end - r->next), (size_t)(at - r->start));
    *out = (size_t)length;
    return TW_OK;
}

/* Little-endian on every machine. */
static tw_status *read_fixed(reader *r, const tw_pb_type *type, size_t size, uint64_t *out)
{
    if ((size_t)(r->end - r->next) < size)
        return refuse(r, type, r->next, "a number is cut off");
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)r->next[i] << (8 * i);
    r->next += size;
    *out = value;
    return TW_OK;
}

/* A tag is 32 bits: a field number from 1 on and a wire type. A tag 0 is left to the caller. */
static tw_status *read_tag(reader *r, const tw_pb_type *type, uint32_t *tag)
{
    const unsigned char *at = r->next;
    uint64_t value;
    TW_TRY(read_varint(r, type, &value));
    if (value > UINT32_MAX || (value < 8 && value != 0))
        return refuse(r, type, at, "a field number out of range");
    if (value % 8 > TW_WIRE_FIXED32)
        return refuse(r, type, at, "an unknown wire type");
    *tag = (uint32_t)value;
    return TW_OK;
}

static tw_status *skip(reader *r, const tw_pb_type *type, uint32_t tag, int depth);

/* What stands between a group's start and its end. */
static tw_status *skip_group(reader *r, const tw_pb_type *type, uint32_t number, int depth)
{
    if (depth > TW_PB_MAX_DEPTH)
        return refuse(r, type, r->next, "nested in more than 100 levels");
    while (r->next < r->end) {
        const unsigned char *at = r->next;
        uint32_t tag;
        TW_TRY(read_tag(r, type, &tag));
        if (tag == 0)
            return refuse(r, type, at, "field number 0");
        if (tag % 8 != TW_WIRE_GROUP_END)
            TW_TRY(skip(r, type, tag, depth));
        else if (tag / 8 == number)
            return TW_OK;
        else
            return refuse(r, type, at, "the end of another group");
    }
    return refuse(r, type, r->next, "a group without an end");
}

/* Passes over the value after `tag`, in a message `depth` levels down. */
static tw_status *skip(reader *r, const tw_pb_type *type, uint32_t tag, int depth)
{
    uint64_t value;
    size_t length;
    switch (tag % 8) {
    case TW_WIRE_VARINT: return read_varint(r, type, &value);
    case TW_WIRE_FIXED64: return read_fixed(r, type, 8, &value);
    case TW_WIRE_FIXED32: return read_fixed(r, type, 4, &value);
    case TW_WIRE_BYTES:
        TW_TRY(read_length(r, type, &length));
        r->next += length;
        return TW_OK;
    case TW_WIRE_GROUP: return skip_group(r, type, tag / 8, depth + 1);
    default: return refuse(r, type, r->next, "the end of a group that did not begin");
    }
}

/* The tag at `at` with its value, as they stand. */
static tw_status *keep_unknown(reader *r, tw_message *m, const unsigned char *at, uint32_t tag,
                               int depth)
{
    TW_TRY(skip(r, m->type, tag, depth));
    tw_span bytes = {(const char *)at, (size_t)(r->next - at)};
    return tw_message_keep_unknown(m, bytes) ? TW_OK : tw_no_memory();
}

/* The bits of a varint as an integer of the field's kind: 32-bit kinds take the low half. */
static int64_t to_integer(uint64_t bits, uint8_t kind)
{
    switch (kind) {
    case TW_PB_INT32:
    case TW_PB_ENUM: return (int64_t)(int32_t)(uint32_t)bits;
    case TW_PB_UINT32: return (int64_t)(uint32_t)bits;
    case TW_PB_BOOL: return bits != 0;
    default: return (int64_t)bits;
    }
}

/* Reads one number into its place. */
static tw_status *read_number(reader *r, const tw_pb_type *type, const tw_pb_field *field,
                              void *place)
{
    uint64_t bits = 0;
    uint32_t low;
    switch (field->kind) {
    case TW_PB_FLOAT:
        TW_TRY(read_fixed(r, type, 4, &bits));
        low = (uint32_t)bits;
        memcpy(place, &low, sizeof(low));
        return TW_OK;
    case TW_PB_DOUBLE:
        TW_TRY(read_fixed(r, type, 8, &bits));
        memcpy(place, &bits, sizeof(bits));
        return TW_OK;
    case TW_PB_FIXED32:
        TW_TRY(read_fixed(r, type, 4, &bits));
        *(int64_t *)place = (int64_t)bits;
        return TW_OK;
    default:
        TW_TRY(read_varint(r, type, &bits));
        *(int64_t *)place = to_integer(bits, field->kind);
        return TW_OK;
    }
}

/* How many numbers stand in the `length` bytes of a packed field: a varint ends in a byte below
 * 0x80. */
static size_t count_packed(const reader *r, uint8_t kind, size_t length)
{
    uint32_t wire = tw_wire_type(kind);
    if (wire != TW_WIRE_VARINT)
        return length / (wire == TW_WIRE_FIXED32 ? 4 : 8);
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += r->next[i] < 0x80;
    return n;
}

/* Room is made at once: growing bit by bit would leave as much again behind in the arena. */
static tw_status *read_packed(reader *r, tw_message *m, const tw_pb_field *field)
{
    size_t length;
    TW_TRY(read_length(r, m->type, &length));
    if (!length)
        return TW_OK;
    const unsigned char *outer_end = r->end;
    tw_slot *slot = tw_message_slot(m, field);
    if (!slot || !tw_message_reserve(m, slot, count_packed(r, field->kind, length)))
        return tw_no_memory();
    r->end = r->next + length;
    while (r->next < r->end) {
        void *place = tw_message_place(m, field);
        if (!place)
            return tw_no_memory();
        TW_TRY(read_number(r, m->type, field, place));
    }
    r->end = outer_end;
    return TW_OK;
}

/* Borrowed from the input. TensorFlow refuses a text that is not UTF-8, too. */
static tw_status *read_span(reader *r, tw_message *m, const tw_pb_field *field)
{
    const unsigned char *at = r->next;
    size_t length;
    TW_TRY(read_length(r, m->type, &length));
    tw_span span = {(const char *)r->next, length};
    r->next += length;
    if (field->kind == TW_PB_STRING && !tw_span_is_utf8(span))
        return tw_status_new(TW_DATA_LOSS, "%s: the text of field \"%s\" at byte %zu is not UTF-8",
                             m->type->name, field->name, (size_t)(at - r->start));
    tw_span *place = tw_message_place(m, field);
    if (!place)
        return tw_no_memory();
    *place = span;
    return TW_OK;
}

static tw_status *read_message(reader *r, tw_message *m, int depth);

/* A singular message that came before is read on into, which merges them. */
static tw_status *read_child(reader *r, tw_message *m, const tw_pb_field *field, int depth)
{
    const unsigned char *at = r->next, *outer_end = r->end;
    size_t length;
    TW_TRY(read_length(r, m->type, &length));
    if (depth >= TW_PB_MAX_DEPTH)
        return refuse(r, m->type, at, "nested in more than 100 levels");
    tw_message *child = tw_message_add_child(m, field->number);
    if (!child)
        return tw_no_memory();
    r->end = r->next + length;
    TW_TRY(read_message(r, child, depth + 1));
    r->end = outer_end;
    return TW_OK;
}

/* A value of another wire type than the descriptor's is an unknown field, as in protobuf. */
static tw_status *read_field(reader *r, tw_message *m, const unsigned char *at, uint32_t tag,
                             int depth)
{
    const tw_pb_field *field = tw_pb_field_by_number(m->type, (int)(tag / 8));
    uint32_t wire = tag % 8;
    if (!field)
        return keep_unknown(r, m, at, tag, depth);
    uint32_t native = tw_wire_type(field->kind);
    if (wire == native) {
        if (field->kind == TW_PB_MESSAGE)
            return read_child(r, m, field, depth);
        if (native == TW_WIRE_BYTES)
            return read_span(r, m, field);
        void *place = tw_message_place(m, field);
        return place ? read_number(r, m->type, field, place) : tw_no_memory();
    }
    /* A repeated number may come packed or one by one, whatever the descriptor says. */
    if (wire == TW_WIRE_BYTES && field->label != TW_PB_SINGLE)
        return read_packed(r, m, field);
    return keep_unknown(r, m, at, tag, depth);
}

/* An end that nothing began is an error but at the top, where a message may stand in the middle
 * of other bytes. */
static tw_status *read_message(reader *r, tw_message *m, int depth)
{
    while (r->next < r->end) {
        const unsigned char *at = r->next;
        uint32_t tag;
        TW_TRY(read_tag(r, m->type, &tag));
        if (tag == 0 || tag % 8 == TW_WIRE_GROUP_END) {
            if (depth == 0 && r->ends_early)
                break;
            return refuse(r, m->type, at,
                          tag ? "the end of a group that did not begin" : "field number 0");
        }
        TW_TRY(read_field(r, m, at, tag, depth));
    }
    return tw_message_settle(m) ? TW_OK : tw_no_memory();
}

/* A message has less than 2^31 bytes by definition, so lengths fit 32 bits; `out` stays NULL
 * after a failure. */
tw_status *tw_binary_read(tw_arena *arena, const tw_pb_type *type, const void *bytes, size_t size,
                          size_t *consumed, tw_message **out)
{
    *out = NULL;
    if (size > INT32_MAX)
        return tw_value_error("%s: %zu bytes, where a message has less than 2^31", type->name,
                              size);
    const unsigned char *start = size ? bytes : (const void *)"";
    reader r = {start, start, start + size, arena, consumed != NULL};
    tw_message *m = tw_message_new(arena, type);
    if (!m)
        return tw_no_memory();
    TW_TRY(read_message(&r, m, 0));
    if (consumed)
        *consumed = (size_t)(r.next - start);
    *out = m;
    return TW_OK;
}
