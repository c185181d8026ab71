/* SPDX-License-Identifier: Apache-2.0
 * What the runtime's files share beside sessions and frames. */
#ifndef TW_RUNTIME_RUN_H
#define TW_RUNTIME_RUN_H

#include "runtime/frame.h"

struct tw_cancel {
    atomic_int refs;
    _Atomic bool cancelled;
};

/* From a run's start to its end: refuses closed sessions, counts, sets the floating mode. */
tw_status *tw_run_begin(tw_session *session);
void tw_run_end(tw_session *session);
/* Wakes every waiting run of the session (its lock is held). */
void tw_runs_wake(tw_session *session);
/* CANCELLED, DEADLINE_EXCEEDED, or NULL: go on. */
tw_status *tw_run_check(const tw_run *run);

/* One run of a skeleton: feeds are checked already. */
tw_status *tw_run_skeleton(tw_run *run, tw_skeleton *skeleton, tw_array *const *feeds, tw_array **outputs);
tw_status *tw_run_variant(tw_run *run, tw_variant *variant, tw_array *const *feeds, tw_array **outputs);
/* Lets go of a variant: its idle frames go with the last reference. */
void tw_variant_release(tw_variant *variant);
/* dtype and shape of what is fed for `feed`, against what the graph declares. */
tw_status *tw_run_check_feed(tw_tensor tensor, const tw_array *array);

/* A plan that holds steps that wait (wait.c). */
tw_status *tw_frame_run_waiting(tw_frame *frame);

tw_status *tw_frame_waker(tw_compute *c, tw_waker **out);
/* What a loop's body keeps of every iteration (loop.c). */
void tw_loop_store_free(void *store);

/* Traces (trace.c). */
void tw_trace_step(tw_trace *trace, const tw_frame *frame, uint32_t step, int64_t start, int64_t end);

/* Objects by class and key in a map (session.c). */
tw_status *tw_resources_find(tw_map *map, const tw_state_class *type, const char *key, tw_compute *c, void **out);
void tw_resources_clear(tw_map *map);

void tw_session_clear_cache(tw_session *session);
void tw_session_index_skeletons(tw_session *session);
void tw_variant_release_frames(tw_variant *variant);
/* Grows when a finished operation was changed; additions do not touch it: plans stay good. */
uint64_t tw_graph_plan_version(const tw_graph *graph);

#endif
