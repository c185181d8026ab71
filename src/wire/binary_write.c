/* SPDX-License-Identifier: Apache-2.0
 * A message tree to bytes, in two walks: the first notes the length of every message and packed
 * field in the order in which the second, which writes into memory of just the right size, will ask
 * for it. */
#include <string.h>

#include "base/status.h"
#include "base/vec.h"
#include "wire/binary.h"
#include "wire/wire_type.h"

/* The second walk takes the lengths in the order in which the first noted them, so both must
 * visit fields alike. */
typedef struct writer {
    TW_VEC(uint32_t) lengths;
    size_t taken;        /* lengths that the second walk has used */
    unsigned char *next; /* where the second walk writes */
} writer;

/* Seven bits a byte, and one byte for 0. */
static size_t varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

/* The wire type has the low three bits and cannot change the length, so it is left out of the
 * measure. */
static size_t tag_size(const tw_pb_field *field)
{
    return varint_size((uint64_t)field->number << 3);
}

/* 32-bit integers are written sign-extended to 64 bits. */
static uint64_t varint_of(const tw_slot *slot, size_t i)
{
    int64_t value = ((const int64_t *)slot->items)[i];
    return slot->field->kind == TW_PB_UINT32 ? (uint32_t)value : (uint64_t)value;
}

/* Bytes of a field's numbers without tags. */
static uint64_t numbers_size(const tw_slot *slot)
{
    uint32_t wire = tw_wire_type(slot->field->kind);
    if (wire != TW_WIRE_VARINT)
        return (uint64_t)slot->count * (wire == TW_WIRE_FIXED32 ? 4 : 8);
    uint64_t size = 0;
    for (size_t i = 0; i < slot->count; i++)
        size += varint_size(varint_of(slot, i));
    return size;
}

/* Protocol buffers keep sizes in a signed 32-bit number; a longer message would be written well
 * and read by nobody. */
static tw_status *too_large(const tw_pb_type *type)
{
    return tw_value_error("%s: 2^31 bytes or more, which protocol buffers cannot hold", type->name);
}

static tw_status *measure(writer *w, const tw_message *m, int depth, uint64_t *size);

/* Notes a length at its place `at` in the list, which was made before those inside it. */
static tw_status *note_length(writer *w, const tw_pb_type *type, size_t at, uint64_t size)
{
    if (size > INT32_MAX)
        return too_large(type);
    w->lengths.items[at] = (uint32_t)size;
    return TW_OK;
}

/* The place of a child's length comes before those of its own children, as the second walk asks. */
static tw_status *measure_children(writer *w, const tw_message *m, const tw_slot *slot, int depth,
                                   uint64_t *size)
{
    for (size_t i = 0; i < slot->count; i++) {
        size_t at = w->lengths.count;
        uint64_t length;
        if (!tw_vec_push(&w->lengths, 0))
            return tw_no_memory();
        TW_TRY(measure(w, ((tw_message **)slot->items)[i], depth + 1, &length));
        TW_TRY(note_length(w, m->type, at, length));
        *size += tag_size(slot->field) + varint_size(length) + length;
    }
    return TW_OK;
}

/* Adds the bytes of one field, tags included, to *size. */
static tw_status *measure_slot(writer *w, const tw_message *m, const tw_slot *slot, int depth,
                               uint64_t *size)
{
    const tw_span *spans = slot->items;
    switch (slot->field->kind) {
    case TW_PB_MESSAGE: return measure_children(w, m, slot, depth, size);
    case TW_PB_STRING:
    case TW_PB_BYTES:
        for (size_t i = 0; i < slot->count; i++) {
            if (spans[i].size > INT32_MAX)
                return too_large(m->type);
            *size += tag_size(slot->field) + varint_size(spans[i].size) + spans[i].size;
        }
        return TW_OK;
    default: break;
    }
    uint64_t numbers = numbers_size(slot);
    if (slot->field->label != TW_PB_PACKED) {
        *size += slot->count * tag_size(slot->field) + numbers;
        return TW_OK;
    }
    *size += tag_size(slot->field) + varint_size(numbers) + numbers;
    return tw_vec_push(&w->lengths, 0) ? note_length(w, m->type, w->lengths.count - 1, numbers)
                                       : tw_no_memory();
}

/* Sums cannot overflow: each is held against 2^31 before the next is added. */
static tw_status *measure(writer *w, const tw_message *m, int depth, uint64_t *size)
{
    *size = 0;
    if (depth > TW_PB_MAX_DEPTH)
        return tw_value_error("%s: nested in more than %d levels", m->type->name, TW_PB_MAX_DEPTH);
    for (uint32_t i = 0; i < m->slot_count; i++) {
        if (!tw_slot_is_default(&m->slots[i]))
            TW_TRY(measure_slot(w, m, &m->slots[i], depth, size));
        if (*size > INT32_MAX)
            return too_large(m->type);
    }
    for (uint32_t i = 0; i < m->unknown_count; i++) {
        if (m->unknown[i].size > INT32_MAX - *size)
            return too_large(m->type);
        *size += m->unknown[i].size;
    }
    return TW_OK;
}

/* Seven bits a byte, lowest first, the top bit set on all but the last; the first walk counted
 * in the same way. */
static void put_varint(writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *w->next++ = (unsigned char)(value | 0x80);
    *w->next++ = (unsigned char)value;
}

static void put_tag(writer *w, const tw_pb_field *field, uint32_t wire)
{
    put_varint(w, (uint64_t)field->number << 3 | wire);
}

/* No check for room: the first walk has measured every byte, and memcpy must not see the NULL of
 * an empty span. */
static void put_bytes(writer *w, const char *data, size_t size)
{
    if (size)
        memcpy(w->next, data, size);
    w->next += size;
}

/* Written byte by byte with the lowest first, as the format has it, whatever the order of this
 * machine. */
static void put_fixed(writer *w, uint64_t bits, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *w->next++ = (unsigned char)(bits >> (8 * i));
}

/* Floats go as their bits, so that NaN payloads and negative zero come back as they were; all
 * else is a varint. */
static void put_number(writer *w, const tw_slot *slot, size_t i)
{
    uint32_t low;
    uint64_t bits;
    switch (slot->field->kind) {
    case TW_PB_FLOAT:
        memcpy(&low, (const float *)slot->items + i, sizeof(low));
        put_fixed(w, low, 4);
        break;
    case TW_PB_DOUBLE:
        memcpy(&bits, (const double *)slot->items + i, sizeof(bits));
        put_fixed(w, bits, 8);
        break;
    case TW_PB_FIXED32: put_fixed(w, (uint64_t)((const int64_t *)slot->items)[i], 4); break;
    default: put_varint(w, varint_of(slot, i));
    }
}

static void put_message(writer *w, const tw_message *m);

/* The second walk needs no checks: it goes where the first one went. */
static void put_slot(writer *w, const tw_slot *slot)
{
    const tw_pb_field *field = slot->field;
    bool packed = field->label == TW_PB_PACKED;
    if (packed) {
        put_tag(w, field, TW_WIRE_BYTES);
        put_varint(w, w->lengths.items[w->taken++]);
    }
    for (size_t i = 0; i < slot->count; i++) {
        if (!packed)
            put_tag(w, field, tw_wire_type(field->kind));
        if (field->kind == TW_PB_MESSAGE) {
            put_varint(w, w->lengths.items[w->taken++]);
            put_message(w, ((tw_message **)slot->items)[i]);
        } else if (field->kind == TW_PB_STRING || field->kind == TW_PB_BYTES) {
            const tw_span *span = (const tw_span *)slot->items + i;
            put_varint(w, span->size);
            put_bytes(w, span->data, span->size);
        } else {
            put_number(w, slot, i);
        }
    }
}

/* Known fields by number and unknown ones behind them, as protobuf's own writers do. */
static void put_message(writer *w, const tw_message *m)
{
    for (uint32_t i = 0; i < m->slot_count; i++)
        if (!tw_slot_is_default(&m->slots[i]))
            put_slot(w, &m->slots[i]);
    for (uint32_t i = 0; i < m->unknown_count; i++)
        put_bytes(w, m->unknown[i].data, m->unknown[i].size);
}

/* Measured first, so that the bytes take one allocation of just their size. */
tw_status *tw_binary_write(const tw_message *m, char **bytes, size_t *size)
{
    writer w = {.taken = 0};
    uint64_t length = 0;
    *bytes = NULL;
    *size = 0;
    tw_status *status = measure(&w, m, 0, &length);
    if (!status && !(*bytes = tw_alloc((size_t)length)))
        status = tw_no_memory();
    if (!status) {
        w.next = (unsigned char *)*bytes;
        put_message(&w, m);
        *size = (size_t)length;
    }
    tw_vec_clear(&w.lengths);
    return status;
}
