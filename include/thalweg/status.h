/* SPDX-License-Identifier: Apache-2.0
 * tw_status: how every function that can fail says so. NULL is success; anything else is owned by
 * whoever receives it (tw_status_free), but for out of memory, which is one static status that may
 * be freed any number of times. */
#ifndef THALWEG_STATUS_H
#define THALWEG_STATUS_H

#include <stdio.h>
#include <stdlib.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_status tw_status;
#define TW_OK ((tw_status *)NULL)

/* TensorFlow's codes, with its numbers. */
typedef enum tw_code {
    TW_CODE_OK = 0,
    TW_CANCELLED = 1,
    TW_UNKNOWN = 2,
    TW_INVALID_ARGUMENT = 3,
    TW_DEADLINE_EXCEEDED = 4,
    TW_NOT_FOUND = 5,
    TW_ALREADY_EXISTS = 6,
    TW_PERMISSION_DENIED = 7,
    TW_RESOURCE_EXHAUSTED = 8,
    TW_FAILED_PRECONDITION = 9,
    TW_ABORTED = 10,
    TW_OUT_OF_RANGE = 11,
    TW_UNIMPLEMENTED = 12,
    TW_INTERNAL = 13,
    TW_UNAVAILABLE = 14,
    TW_DATA_LOSS = 15,
    TW_UNAUTHENTICATED = 16
} tw_code;

/* What a front end chooses an exception class by, beside the code. */
typedef enum tw_kind {
    TW_KIND_NONE,
    TW_KIND_VALUE,
    TW_KIND_TYPE,
    TW_KIND_NAME,
    TW_KIND_INDEX,
    TW_KIND_STATE,
    TW_KIND_MEMORY
} tw_kind;
typedef enum tw_phase { TW_PHASE_NONE, TW_PHASE_BUILD, TW_PHASE_RUN } tw_phase;

/* A new status with a printf-style text of one line. Never fails: out of memory gives the static
 * status. */
TW_API tw_status *tw_status_new(tw_code code, const char *format, ...) TW_PRINTF(2, 3) TW_COLD;

TW_API tw_code tw_status_code(const tw_status *status); /* TW_CODE_OK for NULL */
TW_API const char *tw_code_name(tw_code code);          /* "INVALID_ARGUMENT" */
/* One line: what is wrong | inputs | made at FILE:LINE. Borrowed from the status; "OK" for NULL. */
TW_API const char *tw_status_message(const tw_status *status);
/* The same over several lines, for a person. Borrowed from the status. */
TW_API const char *tw_status_report(const tw_status *status);
TW_API tw_kind tw_status_kind(const tw_status *status);
TW_API tw_phase tw_status_phase(const tw_status *status);
/* The operation's name, or NULL; borrowed. */
TW_API const char *tw_status_operation(const tw_status *status);
/* The input of the operation that is at fault, or -1. */
TW_API int tw_status_input(const tw_status *status);
/* The user's line that made the operation; file NULL if unknown. Borrowed. */
TW_API tw_where tw_status_where(const tw_status *status);
/* A caller's payload (a front end's exception) that comes back unchanged; `release` runs when the
 * status is freed. */
TW_API void tw_status_set_payload(tw_status *status, void *payload, void (*release)(void *payload));
TW_API void *tw_status_payload(const tw_status *status);
/* A copy to own; the payload stays with the original. */
TW_API tw_status *tw_status_copy(const tw_status *status);
TW_API void tw_status_free(tw_status *status);

#define TW_TRY(call)                        \
    do {                                    \
        tw_status *tw_try_status_ = (call); \
        if (tw_try_status_)                 \
            return tw_try_status_;          \
    } while (0)

/* For programs; the library never uses it: prints the report of a status and exits with 1. */
static inline void tw_check_(tw_status *status, const char *file, int line)
{
    if (!status)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, tw_status_report(status));
    tw_status_free(status);
    exit(1);
}
#define TW_CHECK(call) tw_check_((call), __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
