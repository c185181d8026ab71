/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of LoopValues. The gradient of a loop reads values of that loop; differentiated
 * again, it sends something back to each of them, in every iteration. Such terms are noted here, by
 * the thread, from the outermost call of tw_gradients to its end, and taken up when the loop that
 * the values are of is differentiated itself. */
#ifndef TW_AUTODIFF_LOOP_TERMS_H
#define TW_AUTODIFF_LOOP_TERMS_H

#include "autodiff/gradients.h"

typedef struct tw_loop_term {
    tw_tensor forward; /* a value of a loop */
    tw_tensor grad;    /* its derivative, inside of another loop of as many iterations */
    struct tw_loop_term *next;
} tw_loop_term;

/* Around a call of tw_gradients; calls may be nested. */
tw_status *tw_loop_terms_enter(void);
void tw_loop_terms_leave(void);

/* Values of `loop`, and of what it holds, are wanted: the call differentiates the loop. */
tw_status *tw_loop_terms_want(const tw_region *loop);
bool tw_loop_terms_wanted(const tw_operation *loop_value);
tw_status *tw_loop_terms_add(tw_tensor forward, tw_tensor grad);
const tw_loop_term *tw_loop_terms_first(void); /* NULL: there is none */
/* A value of `loop` itself, or (`inner`) of a loop that it holds too. */
bool tw_loop_term_is_of(const tw_loop_term *term, const tw_region *loop, bool inner);
bool tw_loop_terms_has(const tw_region *loop);

#endif
