/* SPDX-License-Identifier: Apache-2.0
 * What a loop's body frame has beside its memory: where the loop stands, and the store of values
 * that it keeps of every iteration for its gradient. An entry of the store is one iteration; the
 * entries of one run of the loop follow each other from `base` on. */
#ifndef TW_RUNTIME_LOOP_H
#define TW_RUNTIME_LOOP_H

#include "runtime/run.h"

typedef struct tw_kept {
    char *data;       /* of planned sizes: one after the other */
    tw_array *arrays; /* of others */
    uint8_t *dead;    /* the value was dead */
} tw_kept;

typedef struct tw_loop_store {
    uint64_t epoch;      /* how often the loop was started */
    uint64_t kept_epoch; /* of the outermost loop around that values are kept for */
    size_t base, iteration, count, capacity;
    size_t *bases; /* by entry of the loop around: where the entries of its iteration begin */
    size_t base_capacity;
    tw_kept *slots;
    tw_array *aside;     /* by variable: next values on their way */
    char *packed;        /* packed copies of what stays the same */
    uint32_t at;         /* the next step of this iteration */
    bool active, tested; /* a run is in the middle of it; the condition holds */
} tw_loop_store;

/* The store of a body's frame, made if need be. */
tw_status *tw_loop_store_of(tw_frame *body, tw_loop_store **out);
/* A new run of the loop. */
tw_status *tw_loop_store_start(tw_frame *body);
/* Keeps what the iteration that ends has made. */
tw_status *tw_loop_store_keep(tw_frame *body);
/* Planned values; all others have storage of their own. */
static inline bool tw_loop_in_arena(const tw_frame *body, uint32_t value)
{
    return body->variant->values[value].place == TW_PLACE_ARENA;
}

/* The memory that a move reads or writes. */
static inline char *tw_loop_move_end(const tw_frame *body, uint32_t value)
{
    if (value == TW_NO_INDEX)
        return (char *)body->arena + body->variant->swap_offset;
    return body->slots[value].data;
}

/* Makes the packed copies of what stays the same; without memory for them there are none. */
void tw_loop_store_pack(tw_frame *body);
/* The places of two values are exchanged, with all others that lie there. */
static inline void tw_loop_swap(const tw_frame *body, const tw_move *move)
{
    void *here = body->slots[move->to].data, *there = body->slots[move->from].data;
    const uint32_t *value = move->swapped;
    for (; *value != TW_NO_INDEX; value++)
        body->slots[*value].data = there;
    for (value++; *value != TW_NO_INDEX; value++)
        body->slots[*value].data = here;
}

/* loop_straight.c: iterations with nothing to decide, until the condition fails. */
bool tw_loop_is_straight(const tw_frame *body);
tw_status *tw_loop_iterate(tw_frame *body);

/* A value of a body as an array; *held, where it is not NULL, must be unreferenced afterwards. */
tw_status *tw_loop_view(tw_frame *body, uint32_t value, const tw_array **out, tw_array **held);

#endif
