/* SPDX-License-Identifier: Apache-2.0
 * Protocol buffers as text (.pbtxt), read and written as Python's google.protobuf.text_format of
 * TensorFlow 0.x and 1.x does (https://protobuf.dev/reference/protobuf/textformat-spec). */
#ifndef TW_WIRE_TEXT_FORMAT_H
#define TW_WIRE_TEXT_FORMAT_H

#include "thalweg/status.h"
#include "wire/message.h"

/* Reads a message; nothing of `text` is kept. What is not one gives INVALID_ARGUMENT with
 * "LINE:COLUMN : " first, both counted from 1, columns in bytes. */
tw_status *tw_text_read(tw_arena *arena, const tw_pb_type *type, const char *text, size_t length,
                        tw_message **out);

/* Writes a message: fields by number, maps by key, two spaces of indent, numbers as Python's repr.
 * Unknown fields are left out. *text is NUL-terminated and the caller's to tw_free. Nesting beyond
 * TW_PB_MAX_DEPTH gives INVALID_ARGUMENT. */
tw_status *tw_text_write(const tw_message *m, char **text, size_t *length);

#endif
