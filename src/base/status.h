/* SPDX-License-Identifier: Apache-2.0
 * Making statuses inside the library: the public face plus the fields that say where and what. */
#ifndef TW_BASE_STATUS_H
#define TW_BASE_STATUS_H

#include <stdarg.h>

#include "thalweg/status.h"

/* The one static status for a failed allocation. */
tw_status *tw_no_memory(void);
tw_status *tw_status_format(tw_code code, const char *format, va_list args) TW_COLD;

/* Each returns its argument, changed; NULL and the static status pass through unharmed. Texts are
 * copied. */
tw_status *tw_status_with_kind(tw_status *status, tw_kind kind) TW_COLD;
tw_status *tw_status_with_phase(tw_status *status, tw_phase phase) TW_COLD;
tw_status *tw_status_with_input(tw_status *status, int input) TW_COLD;
/* Names the operation: the message becomes "TYPE 'NAME': message", unless an operation is named
 * already. */
tw_status *tw_status_with_operation(tw_status *status, const char *type, const char *name) TW_COLD;
/* Adds a line about an operand: one-line form " | TEXT", report form "\n    TEXT". What follows a
 * tab stands in the report only. */
tw_status *tw_status_with_note(tw_status *status, const char *format, ...) TW_PRINTF(2, 3) TW_COLD;
/* "made at FILE:LINE", once; the file's directories are kept as given. */
tw_status *tw_status_with_where(tw_status *status, tw_where where);

/* Shorthands: code and kind together. */
/* INVALID_ARGUMENT, value */
tw_status *tw_value_error(const char *format, ...) TW_PRINTF(1, 2) TW_COLD;
/* INVALID_ARGUMENT, type */
tw_status *tw_type_error(const char *format, ...) TW_PRINTF(1, 2) TW_COLD;

#endif
