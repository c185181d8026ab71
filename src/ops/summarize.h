/* SPDX-License-Identifier: Apache-2.0
 * An array's first elements as TensorFlow's Print and Assert show them: "1 2 3...", rows in
 * brackets. */
#ifndef TW_OPS_SUMMARIZE_H
#define TW_OPS_SUMMARIZE_H

#include "base/text.h"

#include "op/define.h"

/* At most `limit` elements; negative: all. */
void tw_summarize(tw_buffer *out, const tw_array *array, int64_t limit);

#endif
