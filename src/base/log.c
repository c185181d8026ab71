/* SPDX-License-Identifier: Apache-2.0
 * The log: one callback for the process, set before use; without it nothing is formatted. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    tw_log_fn fn;
    void *user;
} target;

/* Without a lock, as the header says: it is set before the first use, and a lock would stand in
 * the way of every message. */
void tw_set_log(tw_log_fn fn, void *user)
{
    target.fn = fn;
    target.user = user;
}

/* Formatted on the stack, so that the log works when memory is short; longer texts are cut. */
void tw_log(tw_log_level level, const char *format, ...)
{
    if (!target.fn)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length >= 0)
        target.fn(level, text, target.user);
}
