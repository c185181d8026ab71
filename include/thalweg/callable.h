/* SPDX-License-Identifier: Apache-2.0
 * Calls for front ends: numbers go in and come out as borrowed memory instead of as arrays, a run
 * that takes long says so and can be asked to stop, and a run can be made in parts. */
#ifndef THALWEG_CALLABLE_H
#define THALWEG_CALLABLE_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array's row-major elements in somebody's memory, aligned for the dtype; strings are tw_string
 * elements. */
typedef struct tw_view {
    tw_dtype dtype;
    tw_shape shape;
    const void *data;
} tw_view;

/* All functions are called on the thread of the call, with no lock of the library held and in the
 * caller's floating-point mode; each may be NULL. */
struct tw_call_options {
    size_t size;
    int64_t timeout_ms; /* 0: none; DEADLINE_EXCEEDED at the next step, or while steps wait */
    tw_cancel *cancel;
    tw_trace *trace;
    /* At most once, before work that may wait (for other runs, for a caller's own kernels) or is
     * estimated to take more than 20 us, planning included. */
    void (*long_run)(void *user);
    /* Every now and then (about 20 ms) after long_run, between steps and while steps wait. A status
     * ends the run and is what the call returns. */
    tw_status *(*poll)(void *user);
    /* Once for each fetched tensor after all steps, in order; none for operations. The value is
     * borrowed until the function returns; a status ends the call with it. */
    tw_status *(*fetch)(size_t index, const tw_view *value, void *user);
    void *user; /* what all these functions are given */
    /* Where it is not NULL, instead of fetch for values of 32 KB and more that a step could make in
     * an array of their own, which nobody else holds: the array is the function's to unref, also
     * where it answers a status. Which values these are is the plan's affair: fetch is needed
     * too. */
    tw_status *(*take)(size_t index, tw_array *array, void *user);
};

/* As tw_call, without an array object anywhere: feeds[i] is borrowed for the call, and results go
 * to options->fetch and options->take. */
TW_API tw_status *tw_call_views(tw_callable *callable, const tw_view *feeds,
                                const struct tw_call_options *options);
/* What long_run goes by, of the sizes of the last call: microseconds; infinite for a run that may
 * wait; negative before the first call. */
TW_API double tw_callable_estimate(tw_callable *callable);

/* ---- a run in parts ---- */

/* One run whose feeds come, and whose results are taken, a few at a time. Each operation runs at
 * most once; what later parts need of earlier ones is kept. Not for two threads at a time. */
typedef struct tw_partial tw_partial;
/* All that the parts together will fetch, run and feed. */
TW_API tw_status *tw_partial_new(tw_session *session, tw_tensors fetch, tw_tensors target,
                                 tw_tensors feed, tw_partial **out);
TW_API void tw_partial_free(tw_partial *partial); /* NULL is allowed */

struct tw_partial_args {
    size_t size;
    tw_where where;
    tw_partial *partial;
    tw_tensors fetch;
    tw_tensors target;
    tw_feeds feed;
    tw_array **out; /* one for each fetch (NULL for an operation), the caller's to unref */
    /* its poll and long_run as in a call, its fetch and take are not used; NULL: none */
    const struct tw_call_options *options;
};
/* Runs what these fetches and targets need and has not run. INVALID_ARGUMENT where that takes a
 * feed which has not come, names something that tw_partial_new was not told, or feeds or fetches
 * one tensor for a second time. After an error the whole run is over. */
TW_API tw_status *tw_partial_run_(const struct tw_partial_args *args);
#define tw_partial_run(...)                    \
    tw_partial_run_(&(struct tw_partial_args){ \
        .size = sizeof(struct tw_partial_args), .where = TW_HERE, __VA_ARGS__})

#ifdef __cplusplus
}
#endif
#endif
