/* SPDX-License-Identifier: Apache-2.0
 * The text of a shape in brackets, once for all kernels. */
#include "ops/brackets.h"

#include <stdio.h>

/* An initializer would be 256 bytes to copy. */
tw_text tw_brackets(const tw_array *array)
{
    tw_text text;
    size_t at = 1;
    text.s[0] = '[';
    for (size_t i = 0; i < array->rank && at + 24 < sizeof text.s; i++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, i ? ",%" PRId64 : "%" PRId64,
                               array->dims[i]);
    snprintf(text.s + at, sizeof text.s - at, "]");
    return text;
}
