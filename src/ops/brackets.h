/* SPDX-License-Identifier: Apache-2.0
 * Shapes in a kernel's failure look as TensorFlow writes them, "[2,3]": programs and their tests
 * look for that wording. */
#ifndef TW_OPS_BRACKETS_H
#define TW_OPS_BRACKETS_H

#include "op/define.h"

/* TW_MAX_RANK dims of up to 20 characters may not fit; what does not is left out. */
tw_text tw_brackets(const tw_array *array) TW_COLD;

#endif
