/* SPDX-License-Identifier: Apache-2.0
 * The low three bits of a tag: how long the value after it is. */
#ifndef TW_WIRE_WIRE_TYPE_H
#define TW_WIRE_WIRE_TYPE_H

#include "wire/schema.h"

enum {
    TW_WIRE_VARINT = 0,
    TW_WIRE_FIXED64 = 1,
    TW_WIRE_BYTES = 2,
    TW_WIRE_GROUP = 3,
    TW_WIRE_GROUP_END = 4,
    TW_WIRE_FIXED32 = 5
};

/* How a value of a kind is written outside a packed field. */
static inline uint32_t tw_wire_type(uint8_t kind)
{
    switch (kind) {
    case TW_PB_FLOAT:
    case TW_PB_FIXED32: return TW_WIRE_FIXED32;
    case TW_PB_DOUBLE: return TW_WIRE_FIXED64;
    case TW_PB_STRING:
    case TW_PB_BYTES:
    case TW_PB_MESSAGE: return TW_WIRE_BYTES;
    default: return TW_WIRE_VARINT;
    }
}

#endif
