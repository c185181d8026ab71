/* SPDX-License-Identifier: Apache-2.0
 * What finding frames (frames.c) and making plans of them (loops.c) share: the flat plan that prune
 * made, with what each of its nodes means for a loop. "Home" of a value is the frame where it can
 * be read: of an Exit that is the frame around. */
#ifndef TW_PLAN_LOOPS_H
#define TW_PLAN_LOOPS_H

#include "plan/plan.h"

typedef enum tw_loop_role {
    TW_ROLE_PLAIN,
    TW_ROLE_ENTER,
    TW_ROLE_EXIT,
    TW_ROLE_NEXT,
    TW_ROLE_MERGE,  /* of a loop variable */
    TW_ROLE_SWITCH, /* by the loop's condition */
    TW_ROLE_COND,
    TW_ROLE_ALIAS /* stands for another value: `alias` */
} tw_loop_role;

typedef struct tw_frame_var {
    uint32_t merge, enter, next; /* flat nodes */
    bool constant;               /* goes on as it came */
    uint32_t value;              /* in the body's plan, of one that changes */
} tw_frame_var;

typedef struct tw_frame_constant {
    uint32_t outside, inside; /* values of the plan around and of the body */
    bool is_ref, writes;
    uint32_t variable; /* of a reference: its node in the flat plan */
} tw_frame_constant;

typedef struct tw_loop_frame {
    struct tw_loop_frame *parent; /* NULL: the root, all that is in no loop */
    const char *name;
    uint32_t depth;
    uint32_t cond;   /* flat node */
    bool after_test; /* the loop as a whole waits for the condition of the one around */
    bool effects;    /* something in it changes what others see */
    tw_plan *plan;
    tw_plan_loop *loop;
    uint32_t node; /* the loop's in the parent's plan */
    TW_VEC(tw_frame_var) vars;
    TW_VEC(uint32_t) exits; /* flat nodes */
    TW_VEC(tw_frame_constant) constants;
    tw_int_map brought; /* value of the plan around << 1 | as a reference -> value of the body */
} tw_loop_frame;

typedef struct tw_framer {
    tw_plan *plan;
    uint32_t count;      /* flat nodes */
    uint8_t *roles;      /* by flat node, as all of these */
    uint8_t *after_test; /* depends on the condition of its loop */
    tw_loop_frame **frames;
    uint32_t *order;             /* nodes after what they need, back edges left out */
    uint32_t *var;               /* of a Merge or a variable's Enter: its place in frame->vars */
    uint32_t *at;                /* index in its frame's plan */
    uint32_t *placed;            /* by flat value: index in its frame's plan */
    uint32_t *alias;             /* by flat value */
    TW_VEC(tw_loop_frame *) all; /* the root first, then outer ones before inner ones */
} tw_framer;

/* Roles, frames and their variables; a frame that is no loop is refused. */
tw_status *tw_frames_find(tw_framer *f);
tw_status *tw_frame_refuse(const tw_plan_node *node, const char *format, ...) TW_PRINTF(2, 3);
/* straight.c: frames that are left but never gone round become part of the frame around. */
void tw_frames_dissolve(tw_framer *f);
/* What the value stands for: past the Switch of a loop, LoopCond and aliases. */
uint32_t tw_frame_resolve(const tw_framer *f, uint32_t value);
tw_loop_frame *tw_frame_home(const tw_framer *f, uint32_t node);
bool tw_frame_is_around(const tw_loop_frame *outer, const tw_loop_frame *inner);
/* Flat value `value` in the plan of `frame`, for `reader` (errors). */
tw_status *tw_frame_value_in(tw_framer *f, tw_loop_frame *frame, const tw_plan_node *reader,
                             uint32_t value, uint32_t *out);

/* loop_ends.c: in this order, each for inner frames first (they bring values into outer ones). */
tw_status *tw_frame_prepare_ends(tw_framer *f, tw_loop_frame *frame);
void tw_frames_note_writes(tw_framer *f); /* of all frames */
tw_status *tw_frame_finish(tw_framer *f, tw_loop_frame *frame);

/* loop_values.c: values of other loops. Those that are the same in every iteration are aliases of
 * what is outside; the rest get slots, and the loop that reads them waits for theirs. */
void tw_loop_values_alias(tw_framer *f);
tw_status *tw_loop_values_link(tw_framer *f);
/* Marks what may be dead in the plan and all bodies, through LoopValues too. */
tw_status *tw_loop_values_guard(tw_plan *plan);

/* The flat node of the variable that a flat reference means; TW_NO_INDEX: none. */
uint32_t tw_frame_variable(const tw_framer *f, uint32_t value);

static inline tw_plan_node *tw_frame_node(const tw_framer *f, uint32_t node)
{
    return &f->plan->nodes.items[node];
}
static inline uint32_t tw_frame_source(const tw_framer *f, uint32_t value)
{
    return f->plan->values.items[value].node;
}

#endif
