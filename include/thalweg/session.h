/* SPDX-License-Identifier: Apache-2.0
 * Sessions run parts of a graph and own its variables' values. A session may be used by many
 * threads at once. */
#ifndef THALWEG_SESSION_H
#define THALWEG_SESSION_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_session tw_session;
typedef struct tw_callable tw_callable;

typedef struct tw_feed {
    tw_tensor tensor;
    tw_array *array; /* borrowed until the run returns, and not written to */
} tw_feed;
typedef struct tw_feeds {
    const tw_feed *items;
    size_t count;
} tw_feeds;
#define TW_FEED(...)                                                   \
    ((tw_feeds){(const tw_feed[]){{{NULL, 0}, NULL}, __VA_ARGS__} + 1, \
                sizeof((const tw_feed[]){{{NULL, 0}, NULL}, __VA_ARGS__}) / sizeof(tw_feed) - 1})

/* What a trace of runs gathers: one entry a step. See tw_trace_save. */
typedef struct tw_trace tw_trace;
TW_API tw_trace *tw_trace_new(void);
TW_API void tw_trace_free(tw_trace *trace);
TW_API size_t tw_trace_count(const tw_trace *trace);
/* Chrome's trace format: name, operation type, start and time in us, bytes, flops. */
TW_API char *tw_trace_json(const tw_trace *trace); /* the caller's to tw_free */
TW_API tw_status *tw_trace_save(const tw_trace *trace, const char *path);

/* Lets another thread stop a run: it returns CANCELLED at the next step. Ref-counted by new/free
 * and the runs that hold it. */
typedef struct tw_cancel tw_cancel;
TW_API tw_cancel *tw_cancel_new(void);
TW_API void tw_cancel_free(tw_cancel *cancel);
TW_API void tw_cancel_now(tw_cancel *cancel);

struct tw_session_options {
    size_t size;
    tw_where where;
    tw_graph *graph;         /* NULL: the current default graph */
    int threads;             /* at most so many in one step; 0: the machine's */
    size_t plan_cache_bytes; /* 0: 256 MiB */
};
/* options may be NULL. Succeeds unless memory is short (NULL). */
TW_API tw_session *tw_session_new(const struct tw_session_options *options);
/* The same, and it becomes this thread's default session. */
TW_API tw_session *tw_interactive_session(void);
/* Ends every waiting run with CANCELLED; later runs are FAILED_PRECONDITION errors. Waits for runs
 * in progress. */
TW_API tw_status *tw_session_close(tw_session *session);
TW_API void tw_session_free(tw_session *session); /* closes it first */
TW_API tw_session *tw_default_session(void);      /* of this thread; NULL: none */
TW_API void tw_set_default_session(tw_session *session);
TW_API tw_graph *tw_session_graph(const tw_session *session);

struct tw_run_args {
    size_t size;
    tw_where where;
    tw_session *session;
    tw_tensors fetch;  /* tensors, or operations (index -1), which give NULL */
    tw_tensors target; /* run, not fetched */
    tw_feeds feed;
    /* one for each fetch, the caller's to unref; NULL where fetches are only run */
    tw_array **out;
    int threads; /* 0: the session's */
    /* 0: none; after it DEADLINE_EXCEEDED, at the next step or while steps wait */
    int64_t timeout_ms;
    tw_cancel *cancel;
    tw_trace *trace;
};
/* On an error *out is untouched, and the session goes on working. */
TW_API tw_status *tw_run_(const struct tw_run_args *args);
#define tw_run(...) \
    tw_run_(        \
        &(struct tw_run_args){.size = sizeof(struct tw_run_args), .where = TW_HERE, __VA_ARGS__})

struct tw_callable_args {
    size_t size;
    tw_where where;
    tw_session *session;
    tw_tensors fetch;
    tw_tensors target;
    tw_tensors feed; /* the tensors that each call gives arrays for, in this order */
    tw_callable **callable;
    int threads;
    bool any_shapes; /* feeds need not agree with the shapes that the graph declares */
};
/* Prepared once, run many times, from several threads at once if one likes. It keeps the session's
 * insides alive, and follows later changes of the graph's operations. */
TW_API tw_status *tw_make_callable_(const struct tw_callable_args *args);
#define tw_make_callable(...)                     \
    tw_make_callable_(&(struct tw_callable_args){ \
        .size = sizeof(struct tw_callable_args), .where = TW_HERE, __VA_ARGS__})
/* feeds[i]: borrowed; outputs[i]: NULL gets a new array; an array of the right dtype and shape is
 * written into, another is an error. It may be one of the feeds, unless a later output is that very
 * feed. On an error none is made, and given ones may have been written to. Once warm it allocates
 * nothing if all outputs are given, 64 at most. */
TW_API tw_status *tw_call(tw_callable *callable, tw_array *const *feeds, tw_array **outputs);
TW_API void tw_callable_free(tw_callable *callable);

/* A variable's value: a copy to own; and set to a copy of `value` (dtype and, where the variable
 * has one, shape must agree). */
TW_API tw_status *tw_session_get(tw_session *session, tw_tensor variable, tw_array **out);
TW_API tw_status *tw_session_set(tw_session *session, tw_tensor variable, const tw_array *value);
/* As tw_session_set, for values that are large: takes the caller's reference, also if it fails, and
 * makes the array itself the variable's value where nobody else holds it and its memory is not
 * lent; else a copy. A variable that gets its value so needs no initializer before. */
TW_API tw_status *tw_session_give(tw_session *session, tw_tensor variable, tw_array *value);

/* All state of a session (variables, generators) to one file, written beside and renamed; and back.
 * Restoring checks every byte (crc32c), and the variables' dtypes and shapes, before anything is
 * changed. Variables that the file does not name keep their values, generators begin again. */
TW_API tw_status *tw_save(tw_session *session, const char *path);
TW_API tw_status *tw_restore(tw_session *session, const char *path);

/* The plan of a signature as a table to read; the caller's to tw_free. */
TW_API tw_status *tw_explain(tw_session *session, tw_tensors fetch, tw_tensors target,
                             tw_tensors feed, char **out);

/* What the engine counted since the session was made (tests and curious people). */
typedef struct tw_session_counts {
    uint64_t skeletons, variants, runs, steps, plan_bytes, arena_bytes, evicted;
} tw_session_counts;
TW_API tw_session_counts tw_session_get_counts(tw_session *session);
/* Of the plan of a signature once it has run: steps, bytes of its arena, bytes of its largest live
 * set, bytes of workspace. */
typedef struct tw_plan_counts {
    size_t steps, fused, folded, shared, arena_bytes, live_bytes, workspace_bytes, update_steps;
} tw_plan_counts;
TW_API tw_status *tw_session_plan_counts(tw_session *session, tw_tensors fetch, tw_tensors target,
                                         tw_tensors feed, tw_plan_counts *out);

/* Evaluates in the default session and prints as NumPy would; an error is printed too. */
TW_API void tw_show(tw_tensor tensor);

#ifdef __cplusplus
}
#endif
#endif
