/* SPDX-License-Identifier: Apache-2.0
 * What a thread has open: a stack of scopes, the innermost build context and its default graph. A
 * scope touches operations of one graph only; what holds for a graph is said by its scopes, from
 * the innermost outwards. */
#ifndef TW_GRAPH_SCOPE_H
#define TW_GRAPH_SCOPE_H

#include "graph/graph.h"
#include "thalweg/variables.h"

enum { /* what a scope says; a variable scope opens a name scope too */
       TW_SCOPE_GRAPH = 1,
       TW_SCOPE_NAME = 2,
       TW_SCOPE_CONTROL = 4,
       TW_SCOPE_DEVICE = 8,
       TW_SCOPE_COLOCATE = 16,
       TW_SCOPE_OVERRIDE = 32,
       TW_SCOPE_REGION = 64,
       TW_SCOPE_VARIABLE = 128
};

/* One record for all kinds of scopes: `kinds` says which members count, as one block may open
 * several at once. */
typedef struct tw_scope {
    unsigned kinds;
    uint64_t mark;
    tw_graph *graph;         /* a reference is held */
    const char *name;        /* NAME: "a/b/", "" the root; the graph's */
    tw_operation **controls; /* CONTROL */
    size_t control_count;
    bool forgets;    /* CONTROL: nothing around counts, the region neither */
    tw_int_map seen; /* CONTROL: operations made inside, which imply it */
    char *device;    /* DEVICE: merged with those around; "" none */
    tw_operation
        *colocated; /* COLOCATE: with this one, or with `group`, or (both NULL) none around */
    char *group;    /* COLOCATE: "loc:@name" */
    char *type, *gradient; /* OVERRIDE */
    tw_region *region;     /* REGION */
    char *variable_name;   /* VARIABLE: "foo/bar" */
    tw_reuse reuse;
    tw_initializer initializer;
    tw_dtype dtype;
} tw_scope;

/* Each thread has its own stack, so that threads may build into different graphs without a lock
 * between them. */
typedef struct tw_thread_state {
    TW_VEC(tw_scope *) scopes;
    unsigned kinds; /* of all of them together: most operations stand in scopes of names alone */
    uint64_t marks; /* given to scopes so far */
    tw_build_context *context;
    tw_graph *graph; /* the default graph; NULL: not made yet */
    void (*on_reset)(void);
    bool cleans_up; /* the end of the thread is arranged for */
} tw_thread_state;

tw_thread_state *tw_thread_here(void);

/* Takes the scope, whose kinds and members are set, with all it holds; frees it on failure. */
tw_status *tw_scope_push(tw_scope *scope);
/* A scope for `graph`; NULL: no memory. */
tw_scope *tw_scope_new(unsigned kinds, tw_graph *graph);
void tw_scope_free(tw_scope *scope);
/* The innermost scope for `graph` that says one of `kinds`; NULL: none. */
tw_scope *tw_scope_find(const tw_graph *graph, unsigned kinds);

/* What the scopes say of an operation to be made in `graph`. */
const char *tw_scope_prefix(const tw_graph *graph); /* "a/b/" */
tw_region *tw_scope_region(const tw_graph *graph);
/* The full name of a new name scope: "a/b/", unique and marked unless `name` ends in a slash. The
 * graph's. */
tw_status *tw_scope_open_name(tw_graph *graph, const char *name, const char **out);
tw_status *tw_scope_push_group(tw_graph *graph, const char *operation); /* colocated by name */

/* scope_apply.c: what scopes add to an operation. Lists and texts are the arena's. */
typedef struct tw_scope_effect {
    tw_operation **controls;
    size_t control_count;
    const char *device;
    const char *gradient; /* of _gradient_op_type; NULL: none */
    tw_bytes *groups;     /* of _class, sorted; NULL: none */
    size_t group_count;
} tw_scope_effect;
/* `refs` are inputs that the operation changes: it is colocated with them. */
tw_status *tw_scope_apply(const tw_graph_add_args *args, tw_graph *graph, const tw_op *op,
                          const tw_tensor *inputs, size_t input_count, tw_arena *arena,
                          tw_scope_effect *out);
/* Notes that `op` was made under the control scopes that are open. */
void tw_scope_saw(const tw_operation *op);

/* device.c: `inner` over `outer`, both specs or ""; the text is the caller's to tw_free. */
tw_status *tw_device_merge(const char *inner, const char *outer, char **out);

/* region.c: inputs as they are seen inside, and the control inputs of what has to wait for the
 * region's pivot. `inputs` and the controls (from the arena) are replaced. What has to be made for
 * that is named under the operation's full name (`exact`: it is unique as it is). */
tw_status *tw_region_enter(tw_region *region, const char *type, const char *name, bool exact,
                           tw_tensor *inputs, size_t input_count);
tw_status *tw_region_controls(tw_region *region, const char *type, const tw_tensor *inputs,
                              size_t input_count, tw_scope_effect *effect, tw_arena *arena);

#endif
