/* SPDX-License-Identifier: Apache-2.0
 * What the runtime's files share beside sessions and frames. */
#ifndef TW_RUNTIME_RUN_H
#define TW_RUNTIME_RUN_H

#include "runtime/frame.h"

typedef struct tw_wait_state tw_wait_state;

struct tw_cancel {
    atomic_int refs;
    _Atomic bool cancelled;
    tw_mutex lock;
    tw_wait_state *waiting; /* runs that sleep under it */
};

/* From a run's start to its end: refuses closed sessions, counts, sets the floating mode. */
tw_status *tw_run_begin(tw_session *session);
void tw_run_end(tw_session *session);
/* Wakes every waiting run of the session, whose lock is held. */
void tw_runs_wake(tw_session *session);
/* Somebody may end it, or sees its steps. */
bool tw_run_is_watched(const tw_run *run);
/* CANCELLED, or NULL: go on. */
tw_status *tw_run_check(const tw_run *run);
/* Looks at the clock: DEADLINE_EXCEEDED, or what the caller's poll says when its time has come. */
tw_status *tw_run_look(tw_run *run);
/* So much was done: looks at the clock now and then. */
tw_status *tw_run_worked(tw_run *run, uint32_t steps, uint64_t flops);
/* Before something that may take long: from here on the run polls. */
void tw_run_takes_long(tw_run *run);
/* Runs of this thread that are in the middle of `session`. */
int tw_run_depth(const tw_session *session);

/* One run of a skeleton: feeds are checked already. */
tw_status *tw_run_skeleton(tw_run *run, tw_skeleton *skeleton, tw_array *const *feeds,
                           tw_array **outputs);
/* The same in a frame that the caller has for the time of the run; then what may be too much is let
 * go, once the frame is at rest. */
tw_status *tw_run_in_frame(tw_run *run, tw_frame *frame, tw_array *const *feeds,
                           tw_array **outputs);
void tw_run_trim(const tw_run *run);
/* dtype and (unless any will do) shape of what is fed for `tensor`, against what the graph
 * declares. */
tw_status *tw_run_check_feed(tw_tensor tensor, const tw_array *array, bool any_shape);

/* A plan that holds steps that wait (wait.c). */
tw_status *tw_frame_run_waiting(tw_frame *frame);

tw_status *tw_frame_waker(tw_compute *c, tw_waker **out);
/* What a loop's body keeps of every iteration (loop_store.c): its end, and the end of a run in a
 * frame with loops. */
void tw_loop_store_free(tw_frame *body);
void tw_loop_store_rest(tw_frame *frame);

/* Traces (trace.c). */
void tw_trace_step(tw_trace *trace, const tw_frame *frame, uint32_t step, int64_t start,
                   int64_t end);

/* Objects by class and key in a map (session.c). */
tw_status *tw_run_resource(tw_map *map, const tw_state_class *type, const char *key, tw_compute *c,
                           void **out);
void tw_resources_clear(tw_map *map);

/* What tw_restore keeps for objects that a run makes later (save.c). */
tw_status *tw_session_copy_restored(tw_session *session, const char *name, tw_saved **out);
void tw_session_drop_restored(tw_session *session);
void tw_resources_free(tw_resource *list);

void tw_session_clear_cache(tw_session *session);
void tw_session_index_skeletons(tw_session *session);
void tw_variant_free_frames(tw_variant *variant);

#endif
