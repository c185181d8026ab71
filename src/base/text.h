/* SPDX-License-Identifier: Apache-2.0
 * A text that grows. After a failed allocation it stays as it is and `failed` is set, so that a
 * writer checks once. */
#ifndef TW_BASE_TEXT_H
#define TW_BASE_TEXT_H

#include <stdarg.h>
#include <string.h>

#include "thalweg/base.h"

/* Who takes the text by tw_buffer_take owns it; until then tw_buffer_clear frees it, also after
 * a failure. */
typedef struct tw_buffer {
    char *data; /* NUL-terminated once anything was added */
    size_t length, capacity;
    bool failed;
} tw_buffer; /* all zero is empty */

/* All of these do nothing once `failed` is set. */
void tw_buffer_add(tw_buffer *b, const void *data, size_t size);
void tw_buffer_add_text(tw_buffer *b, const char *text);
void tw_buffer_add_char(tw_buffer *b, char c);
void tw_buffer_printf(tw_buffer *b, const char *format, ...) TW_PRINTF(2, 3);
void tw_buffer_vprintf(tw_buffer *b, const char *format, va_list args);
/* Moves the text out, the caller's to tw_free ("" if empty); NULL if failed. b is empty then. */
char *tw_buffer_take(tw_buffer *b);
void tw_buffer_clear(tw_buffer *b);

bool tw_text_starts(const char *text, const char *prefix);
/* For names that mostly differ at once: no call then. */
static inline bool tw_text_equal(const char *a, const char *b)
{
    return *a == *b && strcmp(a, b) == 0;
}
/* Letters of ASCII only. */
bool tw_text_equal_nocase(const char *a, const char *b);
/* Shortest decimal text that reads back as the same float / double, as Python's repr: "0.1",
 * "1e-05", "inf", "nan". */
size_t tw_double_text(char out[40], double value);
size_t tw_float_text(char out[40], float value);

#endif
