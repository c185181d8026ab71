/* SPDX-License-Identifier: Apache-2.0
 * Shapes in a kernel's failure look as TensorFlow writes them, "[2,3]": programs and their tests
 * look for that wording. */
#ifndef TW_OPS_BRACKETS_H
#define TW_OPS_BRACKETS_H

#include <stdio.h>

#include "op/define.h"

/* TW_MAX_RANK dims of up to 20 characters may not fit; what does not is left out. */
static inline tw_text tw_brackets(const tw_array *array)
{
    tw_text text = {"["};
    size_t at = 1;
    for (size_t i = 0; i < array->rank && at + 24 < sizeof text.s; i++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, i ? ",%" PRId64 : "%" PRId64,
                               array->dims[i]);
    snprintf(text.s + at, sizeof text.s - at, "]");
    return text;
}

#endif
