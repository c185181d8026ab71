/* SPDX-License-Identifier: Apache-2.0
 * The thread's notes of what LoopValues send back. */
#include "autodiff/loop_terms.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

struct tw_loop_terms {
    int depth; /* of calls */
    TW_VEC(const tw_region *) wanted;
    tw_loop_term *first, **last;
    tw_arena arena;
};

static _Thread_local struct tw_loop_terms *terms;

/* Calls of tw_gradients nest where loops do; the outermost one makes the notes. */
tw_status *tw_loop_terms_enter(void)
{
    if (!terms) {
        terms = TW_NEW(struct tw_loop_terms);
        if (!terms)
            return tw_no_memory();
        terms->last = &terms->first;
    }
    terms->depth++;
    return TW_OK;
}

/* The last one out takes them away. */
void tw_loop_terms_leave(void)
{
    if (!terms || --terms->depth)
        return;
    tw_vec_clear(&terms->wanted);
    tw_arena_clear(&terms->arena);
    tw_free(terms);
    terms = NULL;
}

/* From now on LoopValues that read this loop send their derivatives back. */
tw_status *tw_loop_terms_want(const tw_region *loop)
{
    return tw_vec_push(&terms->wanted, loop) ? TW_OK : tw_no_memory();
}

/* A region is inside of itself. */
static bool is_inside(const tw_region *region, const tw_region *outer)
{
    while (region && region != outer)
        region = region->outer;
    return region == outer;
}

bool tw_loop_terms_wanted(const tw_operation *loop_value)
{
    tw_tensor forward = loop_value->forward;
    if (!terms || !forward.op || !tw_dtype_is_trainable(forward.op->outputs[forward.index].dtype))
        return false;
    for (size_t i = 0; i < terms->wanted.count; i++) {
        if (is_inside(forward.op->region, terms->wanted.items[i]))
            return true;
    }
    return false;
}

/* In the order in which they came. */
tw_status *tw_loop_terms_add(tw_tensor forward, tw_tensor grad)
{
    tw_loop_term *term = TW_ARENA_NEW(&terms->arena, tw_loop_term);
    if (!term)
        return tw_no_memory();
    *term = (tw_loop_term){forward, grad, NULL};
    *terms->last = term;
    terms->last = &term->next;
    return TW_OK;
}

/* NULL outside of every call. */
const tw_loop_term *tw_loop_terms_first(void)
{
    return terms ? terms->first : NULL;
}

bool tw_loop_term_is_of(const tw_loop_term *term, const tw_region *loop, bool inner)
{
    const tw_operation *op = term->forward.op;
    bool leaves = !strcmp(op->spec.type, "Exit") || !strcmp(op->spec.type, "RefExit");
    tw_region *home = leaves ? op->region->outer
                             : op->region; /* an Exit's value is one of the loop around */
    return inner ? is_inside(home, loop) : tw_region_loop(home) == loop;
}

/* Whether somebody inside has something for this loop. */
bool tw_loop_terms_has(const tw_region *loop)
{
    for (const tw_loop_term *term = tw_loop_terms_first(); term; term = term->next) {
        if (tw_loop_term_is_of(term, loop, true))
            return true;
    }
    return false;
}
