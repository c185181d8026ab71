/* SPDX-License-Identifier: Apache-2.0
 * Protocol buffers as bytes (https://protobuf.dev/programming-guides/encoding). */
#ifndef TW_WIRE_BINARY_H
#define TW_WIRE_BINARY_H

#include "thalweg/status.h"
#include "wire/message.h"

/* Reads a message. Texts and bytes of the tree point into `bytes`, which must outlive it. Whatever
 * is not a message of this type gives DATA_LOSS with the offset of the byte at fault; 2^31 bytes or
 * more INVALID_ARGUMENT. A tag 0 or an end of a group at the top ends a message for Python's
 * ParseFromString, which then takes what came before, while C++ refuses the whole. `consumed` NULL
 * refuses; otherwise it gets the number of bytes that were used. */
tw_status *tw_binary_read(tw_arena *arena, const tw_pb_type *type, const void *bytes, size_t size,
                          size_t *consumed, tw_message **out);

/* Writes what protobuf writes: fields by number, values and map entries in the order in which they
 * came, implicit defaults left out, unknown fields last. *bytes is the caller's to tw_free. A
 * message of 2^31 bytes or more, or nested in more than TW_PB_MAX_DEPTH levels, gives
 * INVALID_ARGUMENT. */
tw_status *tw_binary_write(const tw_message *m, char **bytes, size_t *size);

#endif
