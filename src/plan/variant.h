/* SPDX-License-Identifier: Apache-2.0
 * A variant: a plan with sizes. It has the shape of every value, where its memory is, and the flat
 * list of steps that a run walks. What cannot be known before the run (after Where, Unique ...) is
 * marked dynamic and sized by its step. Made once for each set of feed sizes, then only read;
 * frames (runtime/frame.h) hold what a run writes. */
#ifndef TW_PLAN_VARIANT_H
#define TW_PLAN_VARIANT_H

#include "op/compute.h"
#include "plan/plan.h"
#include "tensor/array.h"

typedef enum tw_place {
    TW_PLACE_NONE,     /* nobody reads it, or an operation without numbers */
    TW_PLACE_ARENA,    /* at `offset` of the frame's arena */
    TW_PLACE_FEED,     /* where the caller's array is */
    TW_PLACE_CONSTANT, /* the plan's or this variant's own array */
    TW_PLACE_VARIABLE, /* the variable's buffer when the step runs */
    TW_PLACE_TARGET,   /* in the variable that the value is assigned to: into.c */
    TW_PLACE_HEAP      /* storage of its own: sizes known at run time, strings, handles */
} tw_place;

typedef struct tw_sized {
    tw_shape shape; /* fully known unless dynamic */
    bool dynamic;
    bool needed; /* some step or fetch reads its numbers */
    tw_place place;
    uint32_t root; /* the value whose memory this is; itself mostly */
    size_t offset, bytes;
    tw_array *constant;  /* its value where it is known for these sizes; a reference is held */
    uint32_t born, dies; /* steps: of a root, over all that share its memory */
} tw_sized;

enum {
    TW_STEP_GUARDED = 1, /* skipped when an input or control is dead */
    TW_STEP_READS = 2,   /* reads variables */
    TW_STEP_WRITES = 4,  /* has reference inputs */
    TW_STEP_DYNAMIC = 8, /* sizes of outputs are found when it runs */
    TW_STEP_HEAP = 16,   /* has outputs with storage of their own */
    TW_STEP_SWITCH = 32,
    TW_STEP_MERGE = 64,
    TW_STEP_LOOP = 128,
    TW_STEP_WAITS = 256,
    TW_STEP_ALIAS = 512,    /* dynamic and an alias: shares its input's storage */
    TW_STEP_FOREIGN = 1024, /* a caller's kernel: runs in the caller's floating-point mode */
    /* reads what a loop kept; `state` lists the values that view it, then TW_NO_INDEX */
    TW_STEP_VALUE = 2048,
    TW_STEP_SELECT = 4096, /* RefSelect: the reference that an index chooses */
    TW_STEP_INTO = 8192    /* writes its output into the variable `into` */
};

typedef struct tw_step {
    uint32_t node; /* of a fused step: the last node of the group */
    uint32_t flags;
    tw_status *(*compute)(tw_compute *c);
    const tw_kernel *kernel;          /* NULL for fused and control steps */
    const tw_plan_group *group;       /* of a fused step, else NULL */
    const uint32_t *inputs, *outputs; /* values */
    uint32_t input_count, output_count;
    void *state;       /* prepared; NULL where it is dynamic */
    uint32_t into;     /* TW_STEP_INTO: the reference of the variable */
    bool cannot_fail;  /* of a fused step: nothing in it is checked while it runs */
    bool again;        /* again.c: makes what the pass of its group does not store */
    uint32_t in_place; /* inputs that its first output may overwrite, beside the kernel's */
    size_t workspace, workspace_bytes; /* in the arena */
    struct tw_variant *body;           /* of a loop */
    const struct tw_packing *packing;  /* packs.c: of a step that reads a packed copy of a */
    tw_pack_form pack_form;            /* variable, in this form, */
    size_t pack_bytes;                 /* of so many bytes; */
    bool packs;                        /* whether it does */
    /* of a loop's body: the copy is of what stays the same in the loop; it is made when the loop
     * begins, at this offset among the others */
    bool packs_feed;
    /* or it is in the arena, where step pack_first made it in this run */
    bool packs_here;
    uint32_t pack_first;
    size_t pack_offset;
    /* loop_sums.c: adds up so many iterations at once; its workspace lasts as long as the loop */
    const struct tw_batching *batching;
    size_t rounds;
    double flops; /* an estimate, for traces and plans shown */
} tw_step;

/* What is done for a variable at the end of a loop's iteration. A copy; TW_NO_INDEX: the place in
 * the arena that is there for swaps. Or `swapped`: the values where `to` is, TW_NO_INDEX, those
 * where `from` is, TW_NO_INDEX: the two places are exchanged, and nothing is copied. */
typedef struct tw_move {
    uint32_t from, to; /* values of the body */
    size_t bytes;
    const uint32_t *swapped; /* NULL: a copy */
} tw_move;

/* Of a loop that counts: `var` goes on by `by` while it is less than `limit`, all three times
 * `sign`. */
typedef struct tw_counter {
    bool known, equal;  /* equal: or as much as `limit` */
    bool alone;         /* nothing else reads `var` or `next` */
    int8_t sign;        /* 1 or -1 */
    uint32_t var, next; /* values of the body; `next` is made by step `next_step` */
    uint32_t limit, by; /* values that stay the same */
    uint32_t next_step;
} tw_counter;

/* A fetched value that its step makes where the caller wants it. */
typedef struct tw_direct {
    uint32_t fetch, value;
    bool over; /* also over an array that the caller gives: once it is touched nothing fails */
} tw_direct;

typedef struct tw_variant {
    atomic_int refs;
    tw_plan *plan;
    struct tw_variant *outer; /* of a loop's body: the variant around */
    tw_arena arena;
    tw_sized *values; /* by value of the plan */
    /* those of the first frame, which kernels see, without memory, while steps are made; NULL when
     * it has taken them */
    tw_array *_Atomic slots;
    TW_VEC(tw_step) steps;
    size_t arena_bytes, live_bytes, workspace_bytes;
    uint32_t **feed_views;      /* by feed: the values that view its memory, then TW_NO_INDEX */
    struct tw_variant **bodies; /* by node: of loops */
    /* of a loop's body: so many steps come before its condition is known, */
    uint32_t test_steps;
    tw_counter counter;
    TW_VEC(tw_move) moves; /* how variables in the arena go on to the next iteration, */
    size_t swap_offset;    /* and a place in the arena that this needs */
    size_t pack_total;     /* bytes of packed copies that are made when the loop begins */
    bool batches;          /* some step of the loop adds up several iterations at once */
    bool *again;           /* by value, or NULL: again.c has still to make it */
    bool *wanted;          /* by slot of the loop's store: somebody reads its numbers */
    uint32_t fused_steps;
    tw_direct *directs; /* into.c */
    uint32_t direct_count;
    double cost;   /* see tw_variant_cost */
    bool has_heap; /* some step has outputs with storage of their own */
    /* inputs and outputs of all steps: how many pointers a frame needs */
    uint32_t input_total;
    struct tw_variant *next; /* of one plan, see runtime/cache.c */
    /* Idle frames, the runtime's, and how they are freed with the variant. The one that was used
     * last waits in `idle`, where it is taken without a lock. */
    _Atomic(void *) idle;
    void *frames;
    void (*free_frames)(struct tw_variant *variant);
    uint64_t last_used;
    tw_mutex lock; /* of `frames` */
} tw_variant;

/* What is known of a fed value (or of what comes into a loop's body). */
typedef struct tw_feed_size {
    tw_shape shape; /* unknown dims: dynamic */
    /* where the plan wants its numbers (tw_plan_wants_value), or NULL */
    const tw_array *value;
} tw_feed_size;

/* feeds: one for each of plan->feeds. Errors are those of shape rules, explained. */
tw_status *tw_variant_build(tw_plan *plan, const tw_feed_size *feeds, tw_variant **out);
tw_variant *tw_variant_ref(tw_variant *variant);
void tw_variant_unref(tw_variant *variant);

/* Which steps read kept copies of variables. pointers: room for those of a step. */
void tw_variant_packs(tw_variant *variant, tw_array **pointers);
/* Once the order of the steps is settled: which of these copies are made in the arena. */
void tw_variant_packs_here(tw_variant *variant);
/* Which sums of a loop are added to for several iterations at once. */
void tw_variant_batch_sums(tw_variant *variant, tw_array **pointers);
/* Gradients that only an update reads may be made later, where that saves memory. */
tw_status *tw_variant_delay(tw_variant *variant);
/* When each value is made and read last: `born` and `dies` of the roots. */
void tw_variant_lives(tw_variant *variant);
/* Offsets for everything with place ARENA. */
tw_status *tw_variant_place(tw_variant *variant);
/* Sizes of a loop node and of the plan of its body, which becomes the variant `bodies[node]`. */
tw_status *tw_variant_size_loop(tw_variant *variant, uint32_t node);
/* The variant of the body of a loop that is around `variant` or beside it; what it keeps in `slot`
 * for a LoopValue. */
tw_variant *tw_variant_of_loop(tw_variant *variant, const tw_plan_loop *loop);
tw_status *tw_variant_size_value(tw_variant *variant, uint32_t node);
/* elements.c: of what a loop reads from a TensorArray; unknown for all other nodes. */
tw_shape tw_variant_element_shape(const tw_variant *variant, const tw_plan_node *node);
/* Where feed `feed` lies: a loop's variable has memory of its own. */
tw_place tw_variant_feed_place(const tw_variant *variant, size_t feed);
/* Whether the loop counts. */
void tw_variant_count_loop(tw_variant *variant);
/* After placing: the moves at the end of an iteration. */
tw_status *tw_variant_plan_moves(tw_variant *variant);
/* With the node's operation, its inputs and where it was made. */
tw_status *tw_variant_explain(const tw_variant *variant, const tw_plan_node *node,
                              tw_status *status);
tw_status *tw_variant_set_shape(tw_variant *variant, uint32_t value, tw_shape shape);
/* tw_variant_build for a loop's body inside `outer`. */
tw_status *tw_variant_build_inside(tw_variant *outer, tw_plan *plan, const tw_feed_size *feeds,
                                   tw_variant **out);
/* Steps from the plan's order, given the sizes. */
tw_status *tw_variant_steps(tw_variant *variant);
/* Of a new frame: an array for each value of the plan, without memory. Freed by tw_free; NULL:
 * there is no memory. */
tw_array *tw_variant_new_slots(const tw_variant *variant);
/* Does another value have its memory, under a shape of its own? */
bool tw_value_is_viewed(const tw_variant *variant, uint32_t value);
/* Values that are only assigned are made where the variable is. */
void tw_variant_into(tw_variant *variant);
/* Finds the fetched values that are made where the caller wants them. */
tw_status *tw_variant_direct(tw_variant *variant);
/* What the rule of the node finds of the sizes that the variant has; `outputs` is by output. */
tw_status *tw_variant_infer(const tw_variant *v, const tw_plan_node *node, tw_arena *scratch,
                            tw_shape *outputs);
/* Sizes of everything in order. */
tw_status *tw_variant_size(tw_variant *variant, const tw_feed_size *feeds);
/* No two live values share memory, every step's inputs were made before it ...: an INTERNAL status
 * says what is wrong. */
tw_status *tw_variant_verify(const tw_variant *variant);
/* The context of a step over the variant's prototypes: shapes and attributes, no memory. pointers:
 * room for all arrays. */
void tw_variant_context(const tw_variant *variant, const tw_step *step, tw_array **pointers,
                        tw_compute *c);

/* Do two stretches of the arena have a byte in common? */
static inline bool tw_bytes_meet(size_t a, size_t a_bytes, size_t b, size_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* The inputs, a bit each, over which the step may write its output k. */
static inline uint32_t tw_step_in_place(const tw_step *step, uint32_t k)
{
    uint32_t allowed = k == 0 ? step->in_place : 0;
    if (step->kernel && k == step->kernel->in_place_output)
        allowed |= step->kernel->in_place;
    return allowed;
}

/* Fused groups (fuse.c): a step for the group if its sizes agree; *made says so. */
tw_status *tw_variant_fuse(tw_variant *variant, uint32_t group, bool *made);
/* The same for a group of rows; where it is not made, its groups and nodes have steps of their
 * own. */
tw_status *tw_variant_fuse_rows(tw_variant *variant, uint32_t group, bool *made);
tw_status *tw_variant_add_step(tw_variant *variant, tw_step step);
tw_status *tw_variant_node_step(tw_variant *variant, uint32_t node); /* if it must run */
/* Which values passes do not store, as they are made again before they are read (again.c), and the
 * steps that do so. */
tw_status *tw_variant_find_again(tw_variant *variant);
tw_status *tw_variant_make_again(tw_variant *variant, const tw_step *step);
double tw_step_flops(const tw_variant *variant, const tw_step *step);
/* Nanoseconds that a run of all steps takes, roughly; infinite where steps may wait or loop. */
double tw_variant_cost(const tw_variant *variant);
bool tw_variant_must_run(const tw_variant *variant, const tw_plan_node *node);

#endif
