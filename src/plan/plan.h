/* SPDX-License-Identifier: Apache-2.0
 * A plan: what is left of a graph for one signature (fetches, targets, fed tensors) after the
 * passes, in the order in which it runs. Nothing in it depends on the sizes of feeds;
 * plan/variant.h adds these. A plan is made by one thread, then only read. Passes work on the same
 * structure (a node that a pass removes is marked gone), so each can be read, tested and printed by
 * itself:  prune -> fold -> share -> compact -> simplify -> fuse -> schedule. */
#ifndef TW_PLAN_PLAN_H
#define TW_PLAN_PLAN_H

#include <string.h>

#include "base/arena.h"
#include "base/vec.h"
#include "graph/graph.h"
#include "kernels/tile.h"
#include "op/op.h"

#define TW_NO_INDEX UINT32_MAX

typedef struct tw_plan tw_plan;

typedef enum tw_node_kind {
    TW_NODE_OP,
    TW_NODE_FEED,     /* a fed tensor, or a value that comes into a loop's body */
    TW_NODE_CONSTANT, /* its value is `constant` */
    TW_NODE_LOOP      /* a whole frame: `body` is its plan */
} tw_node_kind;

typedef struct tw_plan_node {
    tw_node_kind kind;
    bool gone;                  /* removed by a pass */
    bool guarded;               /* may be dead: depends on a Switch */
    bool target;                /* must run though nobody reads it */
    bool waited_for;            /* some node has it among its real controls */
    bool is_variable;           /* a source of a reference: the session's slot */
    bool loose_shape;           /* a variable that may be given any shape */
    bool written;               /* a variable that some node of the plan writes */
    const tw_operation *origin; /* what names it in errors; never NULL */
    tw_spec spec;
    tw_dtype *input_dtypes; /* without references */
    uint32_t *inputs;       /* values */
    uint32_t *controls;     /* nodes that must run before: control and order edges */
    uint32_t input_count, control_count, control_capacity, output_count;
    /* so many of them are the graph's; those after only order accesses and carry no deadness */
    uint32_t real_controls;
    uint32_t ref_inputs;  /* bit i: input i is a variable itself */
    uint32_t first_value; /* outputs are the values first_value .. + output_count - 1 */
    tw_array *constant;
    /* what tw_plan_fuse found it to be: a member of groups, which gives its result a larger shape
     * and does nothing else, or which reduces (a tw_tile_reduce) */
    bool elementwise, broadcast;
    uint8_t reduction;
    uint32_t group;               /* fused group, or TW_NO_INDEX */
    uint32_t row_group;           /* group of rows, or TW_NO_INDEX */
    uint32_t added;               /* its turn in the order of adding, perhaps another node's */
    uint32_t position;            /* in the schedule */
    struct tw_plan_loop *loop;    /* of TW_NODE_LOOP */
    struct tw_plan_loop *forward; /* of a LoopValue: the loop that it reads, */
    uint32_t slot;                /* and which of the values kept there */
    bool before_test;             /* in a loop's body: runs whether the loop goes on or not */
} tw_plan_node;

typedef struct tw_plan_value {
    uint32_t node, output;
    tw_dtype dtype; /* without reference */
    bool is_ref;    /* it is a variable, not a number */
    /* the node of the variable that this refers to or plainly reads, or TW_NO_INDEX */
    uint32_t variable;
    /* a plain read (Identity of a reference) that stands for the variable itself */
    bool reads;
    bool fetched;
    /* a fed value whose numbers shape rules read: part of what a variant is made for */
    bool wanted;
    /* inputs that read its numbers (not only its size), fetches included */
    uint32_t uses;
    tw_shape shape; /* what is known of it whatever is fed: see shapes.c */
    /* the value that its readers are to read instead, or TW_NO_INDEX: see tw_plan_settle */
    uint32_t moved;
    /* slot of the loop's store where its value in each iteration is kept, or TW_NO_INDEX */
    uint32_t saved;
} tw_plan_value;

/* Elementwise nodes (and perhaps a reduction at the end) that run as one pass when their sizes
 * agree. Or a group of rows: such groups and single nodes one after the other, which reduce rows
 * and go on with the same rows, and run as one pass if rows are short enough. */
typedef struct tw_plan_group {
    uint32_t *nodes; /* in order; the last one gives the result */
    uint32_t count;
    bool reduces; /* the last one is a reduction */
} tw_plan_group;

/* Variable i of a loop: input i of its node. Those that change come first, then what is the same in
 * all iterations, then references to variables of the session. */
typedef struct tw_plan_loop_var {
    /* value in the body: a feed (feeds[i]), or the session's variable */
    uint32_t inside;
    bool is_ref, writes; /* of a session's variable */
} tw_plan_loop_var;

/* A frame. `body` holds the condition's nodes and the body's. Its fetches are the condition (0) and
 * what each variable that changes is in the next iteration. */
typedef struct tw_plan_loop {
    tw_plan *body, *owner; /* owner: the plan that holds the loop's node */
    uint32_t node;
    const char *name;
    tw_plan_loop_var *vars;
    uint32_t var_count;
    uint32_t carried;     /* so many of them change */
    uint32_t *exits;      /* by output of the node: whose last value it is */
    uint32_t saved_count; /* values kept for every iteration, */
    uint32_t *saved;      /* which: values of the body */
    /* loops around that values are kept for, this one included; 0: nothing is kept */
    uint32_t levels;
} tw_plan_loop;

typedef struct tw_plan_fetch {
    uint32_t value;   /* TW_NO_INDEX: an operation, nothing to give */
    tw_tensor tensor; /* for errors */
} tw_plan_fetch;

struct tw_plan {
    atomic_int refs;
    tw_graph *graph; /* a reference is held by the outermost plan */
    tw_plan *outer;
    tw_plan_loop *loop; /* of a body: what it is the body of; NULL: the outermost plan */
    tw_arena arena;
    TW_VEC(tw_plan_node) nodes;
    TW_VEC(tw_plan_value) values;
    TW_VEC(tw_plan_group) groups;
    TW_VEC(tw_plan_group) row_groups;
    uint32_t *feeds; /* values, in the signature's order */
    tw_tensor *feed_tensors;
    size_t feed_count;
    tw_plan_fetch *fetches;
    size_t fetch_count;
    /* nodes as they run; those of a group stand together, the last one last */
    uint32_t *order;
    uint32_t order_count;
    uint32_t test_count; /* of a body: so many of them come before the condition is known */
    bool has_guards, has_waits, has_loops;
    bool moved;     /* a value was replaced since the last sweep: inputs may name it still */
    uint32_t turns; /* of nodes: so many were added */
    /* what tw_plan_topological found last, and whether it is still so */
    struct tw_plan_sorted_internal {
        uint32_t *nodes, count;
        bool good;
    } sorted;
    struct tw_plan_counts_internal {
        uint32_t folded, shared, simplified, fused;
    } counts;
};

typedef struct tw_signature {
    tw_tensors fetches, targets, feeds;
    /* by operation id, `done_count` of them: has run in an earlier part, waiting for it is over */
    const bool *done;
    size_t done_count;
} tw_signature;

/* Plans for a signature. Takes the graph's lock while it reads the graph. */
tw_status *tw_plan_build(tw_graph *graph, const tw_signature *signature, tw_plan **out);
/* Its beginning: what the signature needs, with each loop as one node; the passes are to come. */
tw_status *tw_plan_begin(tw_graph *graph, const tw_signature *signature, tw_plan **out);
tw_plan *tw_plan_ref(tw_plan *plan);
void tw_plan_unref(tw_plan *plan);

/* The passes. */
tw_status *tw_plan_prune(tw_plan *plan, const tw_signature *signature);
tw_status *tw_plan_loops(tw_plan *plan);     /* frames become loop nodes; marks what may be dead */
tw_status *tw_plan_guard(tw_plan *plan);     /* marks what may be dead */
tw_status *tw_plan_variables(tw_plan *plan); /* orders the accesses to each variable */
/* Refuses temporary variables of one name, and ends of such that are not there. */
tw_status *tw_plan_temporaries(tw_plan *plan);
/* what is known of every shape without the feeds' sizes */
tw_status *tw_plan_shapes(tw_plan *plan);
tw_status *tw_plan_fold(tw_plan *plan);
tw_status *tw_plan_fold_number(tw_plan *plan, uint32_t node);    /* a rule of simplify's */
tw_status *tw_plan_batch_products(tw_plan *plan, uint32_t node); /* another: batch.c */
tw_status *tw_plan_take_factor(tw_plan *plan, uint32_t node);    /* factor.c */
tw_status *tw_plan_sum_derivative(tw_plan *plan, uint32_t node); /* factor.c */
tw_status *tw_plan_absorb_pool(tw_plan *plan, uint32_t node);    /* absorb_pool.c */
tw_status *tw_plan_sum_equal_rows(tw_plan *plan, uint32_t node); /* equal_rows.c */
tw_status *tw_plan_chain_slices(tw_plan *plan, uint32_t node);   /* the last: slices.c */
tw_status *tw_plan_share(tw_plan *plan);
tw_status *tw_plan_compact(tw_plan *plan);
tw_status *tw_plan_simplify(tw_plan *plan);
tw_status *tw_plan_fuse(tw_plan *plan);
tw_status *tw_plan_schedule(tw_plan *plan);
/* Checks what must hold of every plan; an INTERNAL status says what does not. */
tw_status *tw_plan_verify(const tw_plan *plan);

/* The node becomes one of `type` whose only attribute, T, is what it had as `attr`. */
tw_status *tw_plan_retype(tw_plan *plan, tw_plan_node *node, const char *type, const char *attr);

/* What a node takes over from another, `reader`, it reads where it stands itself. Is a variable
 * that the reader's inputs or the value `more` refer to written between the two? Of a plain read
 * variables.c keeps what was read, of a reference it cannot. */
bool tw_plan_is_written_between(const tw_plan *plan, const tw_plan_node *reader, uint32_t more,
                                uint32_t node);

/* Does input j of the node write the variable that it refers to? */
static inline bool tw_node_writes(const tw_plan_node *node, uint32_t j)
{
    if (node->kind == TW_NODE_LOOP)
        return node->loop->vars[j].writes;
    return j < 32 && node->ref_inputs >> j & 1;
}

/* Read by one input, and by nobody after the run or in a loop's gradient. */
static inline bool tw_value_is_private(const tw_plan *plan, uint32_t value)
{
    const tw_plan_value *v = &plan->values.items[value];
    return v->uses == 1 && !v->fetched && v->saved == TW_NO_INDEX;
}

/* Of a loop's body: a variable that only one node reads, and whose next value is what this gives,
 * as in a sum over the iterations. */
static inline bool tw_value_is_summed(const tw_plan *plan, uint32_t value, uint32_t next)
{
    for (uint32_t i = 0; plan->loop && i < plan->loop->carried; i++) {
        if (plan->feeds[i] == value && plan->fetches[i + 1].value == next)
            return plan->values.items[value].uses == 1;
    }
    return false;
}

/* Of a loop's body: which feed the value is, if it comes in and stays the same; else feed_count. */
static inline size_t tw_plan_staying_feed(const tw_plan *plan, uint32_t value)
{
    size_t i = plan->loop ? plan->loop->carried : plan->feed_count;
    while (i < plan->feed_count && plan->feeds[i] != value)
        i++;
    return i;
}

/* The node's shape rule, asked about inputs of these shapes and, where they are not NULL, of these
 * values; `outputs` has room for all of the node's. */
tw_status *tw_node_infer(const tw_plan_node *node, const tw_shape *shapes, const tw_array **values,
                         tw_arena *scratch, tw_shape *outputs);
/* For passes. */
tw_status *tw_plan_add_node(tw_plan *plan, tw_node_kind kind, const tw_operation *origin,
                            uint32_t *out);
/* values of unknown dtype */
tw_status *tw_plan_add_outputs(tw_plan *plan, uint32_t node, uint32_t count);
/* once; `before` runs first */
tw_status *tw_plan_add_control(tw_plan *plan, uint32_t node, uint32_t before);
/* Every use of `from` shall read `to`: noted only. A pass settles each node when it comes to it,
 * and a sweep the rest. */
void tw_plan_replace_value(tw_plan *plan, uint32_t from, uint32_t to);
void tw_plan_settle(tw_plan *plan, tw_plan_node *node);
void tw_plan_count_uses(tw_plan *plan);
/* drops nodes that nobody needs */
tw_status *tw_plan_sweep(tw_plan *plan);
/* Live nodes so that each stands after what it needs, ties by turn, then by number; a cycle is an
 * error that names its nodes. The list is the plan's: it stays until this is asked again, and what
 * was found is the answer again as long as no node, value or edge was changed by the functions here
 * and no sweep changed anything. */
tw_status *tw_plan_topological(tw_plan *plan, const uint32_t **order, uint32_t *count);
/* Frees the list. */
void tw_plan_forget_order(tw_plan *plan);
/* For each live node, those that have it among their controls: offsets[n] .. offsets[n + 1] - 1 in
 * `nodes`. */
typedef struct tw_plan_dependents {
    uint32_t *offsets, *nodes;
} tw_plan_dependents;
tw_status *tw_plan_control_dependents(const tw_plan *plan, tw_plan_dependents *out);
void tw_plan_dependents_clear(tw_plan_dependents *d);
/* may be folded, shared, dropped */
bool tw_node_is_pure(const tw_plan_node *node);
/* By name: rules are few and speak of TensorFlow's operations. Most names differ in their first
 * letters, of which a type has two at least: these are no reason for a call. */
static inline bool tw_name_is(const char *name, const char *type)
{
    return name[0] == type[0] && name[1] == type[1] && name[2] == type[2] && !strcmp(name, type);
}
static inline bool tw_node_is_type(const tw_plan_node *node, const char *type)
{
    return node->kind == TW_NODE_OP && tw_name_is(node->spec.op->name, type);
}
/* Shape, Rank, ZerosLike ... Such a reader needs no memory behind its input, and does not keep a
 * value from being fused away. */
static inline bool tw_node_reads_sizes_only(const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->spec.op &&
           node->spec.op->definition.flags & TW_OP_SHAPE_ONLY;
}
/* Its shape rule is a caller's: for building and error texts, its sizes are known when it has
 * run. */
bool tw_plan_shape_is_foreign(const tw_plan_node *node);
static inline tw_plan_node *tw_plan_producer(const tw_plan *plan, uint32_t value)
{
    return &plan->nodes.items[plan->values.items[value].node];
}

#endif
