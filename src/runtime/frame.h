/* SPDX-License-Identifier: Apache-2.0
 * A frame: the memory of one run at one set of sizes - arena, slots, kernels' contexts with all
 * pointers set. Frames are kept with their variant and used again, so that a run allocates nothing.
 * One thread uses a frame at a time. */
#ifndef TW_RUNTIME_FRAME_H
#define TW_RUNTIME_FRAME_H

#include "runtime/session.h"
#include "thalweg/callable.h"

/* One call of the user's. */
typedef struct tw_run {
    tw_session *session;
    int threads;
    tw_cancel *cancel;
    int64_t deadline; /* tw_os_now's; 0: none */
    tw_trace *trace;
    uint64_t float_mode;  /* the caller's */
    struct tw_run *outer; /* the run of this thread in whose kernel or hook this one began */
    const struct tw_call_options *options; /* of a call by views: where values go; or NULL */
    bool is_long, polls;                   /* its long_run was called, its poll is to be called */
    uint64_t work;                         /* done since the clock was looked at, roughly */
    int64_t next_poll;
    tw_map resources;           /* key -> tw_resource *: TensorArrays, stacks */
    struct tw_wait_state *wait; /* while steps of it may wait */
    bool grew;                  /* its frame is new, or holds more than before */
} tw_run;

/* Nothing but its session. Member by member: clearing all of it by the machine's instruction for
 * that takes as long as a small step. */
static inline void tw_run_init(tw_run *run, tw_session *session)
{
    run->session = session;
    run->threads = 0;
    run->cancel = NULL;
    run->deadline = 0;
    run->trace = NULL;
    run->float_mode = 0;
    run->outer = NULL;
    run->options = NULL;
    run->is_long = run->polls = run->grew = false;
    run->work = 0;
    run->next_poll = 0;
    run->resources = (tw_map){0};
    run->wait = NULL;
}

/* The variables of one step (step_variables.c). */
typedef struct tw_access tw_access;

typedef struct tw_frame {
    struct tw_frame *next; /* idle ones of a variant */
    tw_variant *variant;
    tw_session *session;
    tw_run *run;            /* while it is used */
    struct tw_frame *outer; /* of a loop's body: the frame around, */
    uint32_t outer_step;    /* and the loop's step there */
    void *arena;
    /* The arena is the session's: there only while the frame is used; arena is where it was last,
     * which is where all pointers still point. */
    bool lends;
    tw_lent_arena lent;
    size_t bytes;           /* all that it holds while it is idle */
    uint64_t graph_version; /* of a callable's: which its plan was made of */
    /* Written by whoever uses the frame, read by anybody: no read-modify-write, which is dear. */
    _Atomic uint64_t runs, steps;
    struct tw_frame *older, *newer; /* of the session; NULL both in a body */
    size_t heap_bytes;          /* of values with storage of their own, the most that there was */
    tw_array *slots;            /* by value */
    tw_compute *contexts;       /* by step */
    tw_array **pointers;        /* inputs and outputs of all contexts */
    tw_variable **refs;         /* by value: the variable that a reference or plain read means */
    uint8_t *dead, *dead_nodes; /* by value, by node; only for plans with guards */
    tw_access **accesses;       /* by step; NULL: it has none, or they are chosen in the run */
    tw_array **held;            /* variables' arrays held for the step that runs */
    uint32_t held_count;
    struct tw_frame **bodies; /* by step: of loops */
    tw_array **made; /* during a run, by the variant's directs: new arrays for the caller */
    void *loop;      /* of a body: its tw_loop_store */
    /* by step: state and workspace of dynamic steps, freed with the frame */
    void **dynamic_state;
    size_t *dynamic_bytes;
    tw_arena parts; /* what is made once with the frame */
} tw_frame;

tw_status *tw_frame_new(tw_session *session, tw_variant *variant, tw_frame **out);
void tw_frame_free(tw_frame *frame);
/* An idle frame of the variant for this session, or a new one; and back. */
tw_status *tw_frame_take(tw_session *session, tw_variant *variant, tw_run *run, tw_frame **out);
void tw_frame_put(tw_frame *frame);
/* What is to be done before and after each run in a frame that stays with somebody meanwhile. */
tw_status *tw_frame_begin(tw_frame *frame, tw_run *run);
void tw_frame_end(tw_frame *frame);
/* One more run, of so many steps. */
void tw_frame_count(tw_frame *frame, size_t steps);
/* Adds up what the frames of a session have run. */
void tw_frame_counts(tw_session *session, uint64_t *runs, uint64_t *steps);
/* Of the idle ones of a variant: one or NULL, and back. */
tw_frame *tw_frame_pop(tw_variant *variant);
void tw_frame_push(tw_frame *frame);
size_t tw_frame_bytes(const tw_frame *frame); /* without an arena that is lent (memory.c) */

/* Points the slots of feed `index`, and all views of it, at the array's memory. */
void tw_frame_feed(tw_frame *frame, size_t index, const tw_array *array);
/* Runs all steps, or those from `first` to `last` - 1. */
tw_status *tw_frame_run(tw_frame *frame);
tw_status *tw_frame_run_range(tw_frame *frame, uint32_t first, uint32_t last);
/* One step that has flags (step.c). */
tw_status *tw_frame_step(tw_frame *frame, uint32_t step);
tw_status *tw_frame_compute(tw_frame *frame, uint32_t step, tw_compute *c);
/* step_variables.c: writes down which variables the steps mean; a step with its variables held or
 * locked; one variable held until the step lets go. */
tw_status *tw_frame_fix_variables(tw_frame *frame);
tw_status *tw_frame_with_variables(tw_frame *frame, uint32_t step, tw_compute *c);
tw_status *tw_frame_hold(tw_frame *frame, uint32_t value);
void tw_frame_let_go(tw_frame *frame);
tw_status *tw_frame_loop(tw_frame *frame, uint32_t step);       /* loop.c */
tw_status *tw_frame_loop_value(tw_frame *frame, uint32_t step); /* loop_store.c */
/* Drops the storage of values that have one of their own. */
void tw_frame_drop_heap(tw_frame *frame);
/* direct.c. Before the steps: those of fetched values write into the caller's arrays or new ones
 * (outputs NULL: new ones, for the options' `take`). */
tw_status *tw_frame_aim(tw_frame *frame, tw_array *const *feeds, tw_array *const *outputs);
/* After them: new arrays become outputs, or are taken one by one (NULL: there is none). */
void tw_frame_hand(tw_frame *frame, tw_array **outputs);
tw_array *tw_frame_take_made(tw_frame *frame, size_t fetch);
/* In the end steps write into the arena again; what is new goes where the run has failed. */
void tw_frame_aim_back(tw_frame *frame, tw_array **outputs, bool failed);
/* The value after the run into *out: NULL there gets a new array; another is written into. out
 * NULL: only whether there is one. */
tw_status *tw_frame_fetch(tw_frame *frame, size_t fetch, tw_array **out);
/* The same into the function that the run's options name; nothing for an operation. */
tw_status *tw_frame_show(tw_frame *frame, size_t fetch);
/* A step's failure with the operation, its inputs and the user's line. */
tw_status *tw_frame_explain(tw_frame *frame, uint32_t step, tw_status *status);

extern const tw_engine tw_frame_engine;

/* Makes `slot` hold storage of `shape` of its own (kept if it fits). */
tw_status *tw_slot_allocate(tw_array *slot, tw_shape shape);
/* Makes `slot` share what `from` holds under `shape`; a borrowed array is copied. */
tw_status *tw_slot_share(tw_array *slot, const tw_array *from, tw_shape shape);

#endif
