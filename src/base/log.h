/* SPDX-License-Identifier: Apache-2.0
 * The library's side of tw_set_log. A text longer than the line of 1023 bytes is cut. */
#ifndef TW_BASE_LOG_H
#define TW_BASE_LOG_H

#include "thalweg/base.h"

void tw_log(tw_log_level level, const char *format, ...) TW_PRINTF(2, 3);

#endif
