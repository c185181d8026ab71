/* SPDX-License-Identifier: Apache-2.0
 * The inside of a session: its variables and other state, its plans, and who is running. */
#ifndef TW_RUNTIME_SESSION_H
#define TW_RUNTIME_SESSION_H

#include "base/map.h"
#include "base/os.h"
#include "plan/variant.h"
#include "runtime/variable.h"
#include "thalweg/session.h"

/* An object of a kernel's class (a generator, a queue ...), kept by the session until it is
 * gone. */
typedef struct tw_resource {
    const tw_state_class *type;
    void *object;
    struct tw_resource *next; /* of those that a restore took away */
} tw_resource;

/* What a file holds for an object. */
typedef struct tw_saved {
    size_t size;
    unsigned char bytes[];
} tw_saved;

/* The variant for one set of feed sizes. The key: for each feed rank and dims, and the bytes of
 * wanted numbers. */
typedef struct tw_sizes {
    struct tw_sizes *next;
    tw_variant *variant;
    size_t variant_bytes; /* what it holds, and */
    size_t bytes;         /* the length of the key */
    unsigned char key[];
} tw_sizes;
void tw_sizes_free(tw_sizes *sizes);

/* Memory for the intermediates of a run that is large enough to be shared between plans. */
typedef struct tw_lent_arena {
    void *memory;
    size_t bytes;
} tw_lent_arena;
enum { TW_LENT_BYTES = 1 << 20, TW_IDLE_ARENAS = 8 }; /* lent from so many bytes on */

/* A plan of one signature with its variants. */
typedef struct tw_skeleton {
    struct tw_skeleton *next; /* of the same hash */
    uint64_t hash;
    uint64_t graph_version;
    tw_plan *plan;
    size_t bytes;       /* what it holds without variants */
    tw_tensor *tensors; /* fetches, targets, feeds one after the other: the key */
    size_t fetch_count, target_count, feed_count;
    tw_mutex lock;   /* of variants */
    tw_sizes *sizes; /* the one used last first */
    /* variants made for fed numbers; too many: such numbers are left to the run */
    uint32_t value_variants;
    _Atomic uint64_t last_used;
    atomic_int refs;
} tw_skeleton;

struct tw_session {
    atomic_int refs; /* the user's handle, callables and runs */
    tw_graph *graph;
    int threads;
    bool verifies; /* THALWEG_VERIFY_PLANS is set: each variant is checked once it is made */
    tw_mutex lock; /* of everything below */
    tw_cond idle;
    tw_map variables;     /* key -> tw_variable *; entries stay until the session is gone */
    tw_map resources;     /* class/key -> tw_resource * */
    tw_map restored;      /* class/key -> tw_saved *: of objects that are not made yet */
    tw_resource *retired; /* by a restore, while other runs may still hold them */
    tw_int_map skeletons; /* hash -> tw_skeleton * */
    TW_VEC(tw_skeleton *) all_skeletons;
    size_t cache_limit;
    tw_mutex arena_lock; /* of the next five */
    tw_lent_arena arenas[TW_IDLE_ARENAS];
    size_t arena_count;
    struct tw_frame *frames;        /* all, idle or not: each counts its own runs */
    uint64_t runs_gone, steps_gone; /* in frames that are gone */
    _Atomic bool grown;             /* a plan or variant was made: see memory.c */
    _Atomic uint64_t clock;
    _Atomic bool closed;
    atomic_int running;
    _Atomic uint64_t skeletons_made, variants_made, evicted;
    struct tw_wait_state *waiting; /* runs that sleep: close wakes them */
};

tw_session *tw_session_ref(tw_session *session);
void tw_session_unref(tw_session *session);

/* The slot under `key`, made if it is not there. */
tw_status *tw_session_variable(tw_session *session, const char *key, tw_dtype dtype,
                               tw_variable **out);
/* NULL: there is none. */
tw_variable *tw_session_find_variable(tw_session *session, const char *key);
/* The object under "TYPE/KEY", made by `make` if it is not there. */
tw_status *tw_session_resource(tw_session *session, const tw_state_class *type, const char *key,
                               tw_compute *c, void **out);
/* The key of a Variable operation's slot: container/shared_name or the name; in the arena. */
const char *tw_variable_key(const tw_spec *spec, tw_arena *arena);

/* ---- plans (cache.c) ---- */

/* Additions leave plans good; changes of finished operations do not. */
static inline uint64_t tw_graph_changes(tw_graph *graph)
{
    return atomic_load_explicit(&graph->changes, memory_order_acquire);
}

/* The skeleton of a signature, with a reference; made if need be. */
/* A length without a list is a caller's mistake. */
tw_status *tw_signature_check(const tw_signature *signature);
tw_status *tw_session_skeleton(tw_session *session, const tw_signature *signature,
                               tw_skeleton **out);
/* One that the cache does not know. */
tw_status *tw_skeleton_new(tw_session *session, const tw_signature *signature, tw_skeleton **out);
void tw_skeleton_unref(tw_skeleton *skeleton);
/* The variant used last, with a reference; NULL: none was made. */
tw_variant *tw_skeleton_last(tw_skeleton *skeleton);
/* The variant for the sizes (and, where wanted, the numbers) of these arrays, with a reference. */
tw_status *tw_skeleton_variant(tw_session *session, tw_skeleton *skeleton, tw_array *const *feeds,
                               tw_variant **out);
/* tw_variant_build, verified where the session was asked to. */
tw_status *tw_session_build_variant(tw_session *session, tw_plan *plan, const tw_feed_size *feeds,
                                    tw_variant **out);

/* ---- memory (memory.c) ---- */

/* Bytes of plans with their variants, and of idle frames and arenas. */
typedef struct tw_memory {
    size_t plans, frames;
} tw_memory;
tw_memory tw_session_memory(tw_session *session);
size_t tw_skeleton_bytes(const tw_skeleton *skeleton); /* without variants */
size_t tw_variant_bytes(const tw_variant *variant);
/* Lets go of plans until the bound is kept, as far as they are not in use. */
void tw_session_trim(tw_session *session);
tw_status *tw_arena_take(tw_session *session, size_t bytes, tw_lent_arena *out);
void tw_arena_give_back(tw_session *session, tw_lent_arena arena);
void tw_arenas_free(tw_session *session);

#endif
