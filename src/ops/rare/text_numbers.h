/* SPDX-License-Identifier: Apache-2.0
 * Numbers out of texts, for all ops that read them. */
#ifndef TW_OPS_TEXT_NUMBERS_H
#define TW_OPS_TEXT_NUMBERS_H

#include "ops/arrays.h"

/* Element i of a float, double, int32 or int64 array from a text; false: it is no number, or one
 * that an integer cannot hold. Blanks around it do not count. */
bool tw_text_to_number(const char *bytes, size_t length, tw_array *out, size_t i);

#endif
