/* SPDX-License-Identifier: Apache-2.0
 * Plans kept by signature and, for each, variants kept by sizes; both the most recently used first,
 * bounded in bytes. What is in use when it is evicted lives on until its run is over. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "runtime/frame.h"
#include "runtime/run.h"

enum { VALUE_VARIANTS = 16, VARIANTS = 64, KEY_BYTES = 512 };

/* ---- variants of one skeleton ---- */

/* Long vectors are never part of a key, whatever shape rules would like to know. */
static bool wants_value(const tw_skeleton *s, size_t feed, const tw_array *array)
{
    return s->value_variants < VALUE_VARIANTS &&
           s->plan->values.items[s->plan->feeds[feed]].wanted && array->count <= 64;
}

/* Must agree with write_key to the byte. */
static size_t key_size(const tw_skeleton *s, tw_array *const *feeds)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->feed_count; i++) {
        bytes += (1 + feeds[i]->rank) * sizeof(int64_t);
        if (wants_value(s, i, feeds[i]))
            bytes += tw_array_bytes(feeds[i]);
    }
    return bytes;
}

/* Ranks stand before dims, so that different shapes cannot give the same bytes. */
static void write_key(const tw_skeleton *s, tw_array *const *feeds, unsigned char *key)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        int64_t rank = (int64_t)feeds[i]->rank;
        memcpy(key, &rank, sizeof rank);
        key += sizeof rank;
        memcpy(key, feeds[i]->dims, feeds[i]->rank * sizeof *feeds[i]->dims);
        key += feeds[i]->rank * sizeof *feeds[i]->dims;
        if (wants_value(s, i, feeds[i])) {
            memcpy(key, feeds[i]->data, tw_array_bytes(feeds[i]));
            key += tw_array_bytes(feeds[i]);
        }
    }
}

/* A run that still uses the variant keeps it alive beyond this. */
void tw_sizes_free(tw_sizes *sizes)
{
    tw_variant_unref(sizes->variant);
    tw_free(sizes);
}

/* Takes the last ones off where there are too many. */
static void trim_variants(tw_session *session, tw_skeleton *s)
{
    size_t count = 0;
    for (tw_sizes **at = &s->sizes; *at; at = &(*at)->next) {
        while (++count > VARIANTS && *at) {
            tw_sizes *old = *at;
            *at = old->next;
            tw_sizes_free(old);
            atomic_fetch_add(&session->evicted, 1);
        }
        if (!*at)
            break;
    }
}

tw_status *tw_session_build_variant(tw_session *session, tw_plan *plan, const tw_feed_size *feeds,
                                    tw_variant **out)
{
    TW_TRY(tw_variant_build(plan, feeds, out));
    tw_status *status = session->verifies ? tw_variant_verify(*out) : TW_OK;
    if (status)
        tw_variant_unref(*out);
    return status;
}

/* Variants made for fed numbers are counted: too many, and such numbers are left to the run. */
static tw_status *make_variant(tw_session *session, tw_skeleton *s, tw_array *const *feeds,
                               tw_sizes *sizes)
{
    tw_feed_size *list = tw_alloc_array(s->feed_count + 1, sizeof *list);
    if (!list)
        return tw_no_memory();
    bool by_value = false;
    for (size_t i = 0; i < s->feed_count; i++) {
        bool wanted = wants_value(s, i, feeds[i]);
        list[i] = (tw_feed_size){tw_array_shape(feeds[i]), wanted ? feeds[i] : NULL};
        by_value = by_value || wanted;
    }
    tw_status *status = tw_session_build_variant(session, s->plan, list, &sizes->variant);
    tw_free(list);
    if (!status) {
        sizes->variant->free_frames = tw_variant_free_frames;
        sizes->variant_bytes = tw_variant_bytes(sizes->variant);
        atomic_fetch_add(&session->variants_made, 1);
        atomic_store_explicit(&session->grown, true, memory_order_relaxed);
        s->value_variants += by_value;
    }
    return status;
}

/* Moves the entry for a key to the front; NULL: there is none. */
static tw_sizes *find_sizes(tw_skeleton *s, const unsigned char *key, size_t bytes)
{
    for (tw_sizes **at = &s->sizes; *at; at = &(*at)->next) {
        tw_sizes *found = *at;
        if (found->bytes != bytes || memcmp(found->key, key, bytes))
            continue;
        *at = found->next;
        found->next = s->sizes;
        s->sizes = found;
        return found;
    }
    return NULL;
}

/* The variant is made before it is listed, so that a failure leaves the list as it was. */
static tw_status *add_sizes(tw_session *session, tw_skeleton *s, tw_array *const *feeds,
                            const unsigned char *key, size_t bytes)
{
    tw_sizes *sizes = tw_alloc(sizeof *sizes + bytes);
    if (!sizes)
        return tw_no_memory();
    *sizes = (tw_sizes){.bytes = bytes};
    memcpy(sizes->key, key, bytes);
    tw_status *status = make_variant(session, s, feeds, sizes);
    if (status) {
        tw_free(sizes);
        return status;
    }
    sizes->next = s->sizes;
    s->sizes = sizes;
    trim_variants(session, s);
    return TW_OK;
}

/* The key is made on the stack where it fits, so that a run which finds its variant allocates
 * nothing. */
static tw_status *find_or_make(tw_session *session, tw_skeleton *s, tw_array *const *feeds,
                               tw_variant **out)
{
    unsigned char small[KEY_BYTES], *key = small;
    size_t bytes = key_size(s, feeds);
    if (bytes > sizeof small)
        key = tw_alloc(bytes);
    if (!key)
        return tw_no_memory();
    write_key(s, feeds, key);
    tw_status *status = find_sizes(s, key, bytes) ? TW_OK
                                                  : add_sizes(session, s, feeds, key, bytes);
    if (!status)
        *out = tw_variant_ref(s->sizes->variant);
    if (key != small)
        tw_free(key);
    return status;
}

/* One lock for each signature: runs of other signatures are not held up while sizes are worked
 * out. */
tw_status *tw_skeleton_variant(tw_session *session, tw_skeleton *s, tw_array *const *feeds,
                               tw_variant **out)
{
    tw_mutex_lock(&s->lock);
    tw_status *status = find_or_make(session, s, feeds, out);
    tw_mutex_unlock(&s->lock);
    return status;
}

/* For looking at plans: the variant that the user's last run had. */
tw_variant *tw_skeleton_last(tw_skeleton *s)
{
    tw_mutex_lock(&s->lock);
    tw_variant *variant = s->sizes ? tw_variant_ref(s->sizes->variant) : NULL;
    tw_mutex_unlock(&s->lock);
    return variant;
}

/* ---- skeletons of a session ---- */

/* The length goes in too, so that fetches and targets of one tensor differ. */
static uint64_t hash_list(tw_tensors list, uint64_t hash)
{
    hash = tw_hash_bytes(&list.count, sizeof list.count, hash);
    for (size_t i = 0; i < list.count; i++) {
        uintptr_t pair[2] = {(uintptr_t)list.items[i].op, (uintptr_t)list.items[i].index};
        hash = tw_hash_bytes(pair, sizeof pair, hash);
    }
    return hash;
}

/* The caller has compared the lengths. */
static bool same_list(tw_tensors list, const tw_tensor *items)
{
    for (size_t i = 0; i < list.count; i++) {
        if (!tw_same(list.items[i], items[i]))
            return false;
    }
    return true;
}

/* Equal hashes are not enough: the lists themselves are compared. */
static bool is_for(const tw_skeleton *s, const tw_signature *signature, uint64_t version)
{
    return s->graph_version == version && s->fetch_count == signature->fetches.count &&
           s->target_count == signature->targets.count && s->feed_count == signature->feeds.count &&
           same_list(signature->fetches, s->tensors) &&
           same_list(signature->targets, s->tensors + s->fetch_count) &&
           same_list(signature->feeds, s->tensors + s->fetch_count + s->target_count);
}

/* Callables hold a skeleton beyond its time in the cache. */
void tw_skeleton_unref(tw_skeleton *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    while (s->sizes) {
        tw_sizes *sizes = s->sizes;
        s->sizes = sizes->next;
        tw_sizes_free(sizes);
    }
    tw_plan_unref(s->plan);
    tw_mutex_free(&s->lock);
    tw_free(s->tensors);
    tw_free(s);
}

/* Planning happens without the session's lock: other runs go on. The version is read before the
 * graph is, so that a change in between makes the plan stale at once. */
tw_status *tw_skeleton_new(tw_session *session, const tw_signature *signature, tw_skeleton **out)
{
    uint64_t version = tw_graph_changes(session->graph);
    tw_skeleton *s = TW_NEW(tw_skeleton);
    if (!s)
        return tw_no_memory();
    atomic_init(&s->refs, 1);
    tw_mutex_init(&s->lock);
    s->graph_version = version;
    s->fetch_count = signature->fetches.count;
    s->target_count = signature->targets.count;
    s->feed_count = signature->feeds.count;
    s->tensors = tw_alloc_array(s->fetch_count + s->target_count + s->feed_count + 1,
                                sizeof *s->tensors);
    tw_status *status = s->tensors ? tw_plan_build(session->graph, signature, &s->plan)
                                   : tw_no_memory();
    if (status) {
        tw_skeleton_unref(s);
        return status;
    }
    const tw_tensors lists[3] = {signature->fetches, signature->targets, signature->feeds};
    tw_tensor *at = s->tensors;
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < lists[k].count; i++)
            *at++ = lists[k].items[i];
    }
    s->bytes = tw_skeleton_bytes(s);
    atomic_fetch_add(&session->skeletons_made, 1);
    *out = s;
    return TW_OK;
}

/* The chains by hash, made anew after something was taken out. */
void tw_session_index_skeletons(tw_session *session)
{
    tw_int_map_clear(&session->skeletons);
    for (size_t i = 0; i < session->all_skeletons.count; i++) {
        tw_skeleton *s = session->all_skeletons.items[i];
        uint64_t chain = 0;
        (void)tw_int_map_get(&session->skeletons, s->hash, &chain);
        s->next = (tw_skeleton *)(uintptr_t)chain;
        (void)tw_int_map_set(&session->skeletons, s->hash, (uint64_t)(uintptr_t)s);
    }
}

/* The session's lock is held. The clock marks the use for the bounded cache. */
static tw_skeleton *find_skeleton(tw_session *session, const tw_signature *signature, uint64_t hash,
                                  uint64_t version)
{
    uint64_t chain = 0;
    (void)tw_int_map_get(&session->skeletons, hash, &chain);
    for (tw_skeleton *s = (tw_skeleton *)(uintptr_t)chain; s; s = s->next) {
        if (is_for(s, signature, version)) {
            atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
            atomic_store_explicit(&s->last_used, ++session->clock, memory_order_relaxed);
            return s;
        }
    }
    return NULL;
}

/* Two threads may have made the same plan at once; both are kept and the older one ages away. */
static tw_status *keep_skeleton(tw_session *session, tw_skeleton *s, uint64_t hash)
{
    uint64_t chain = 0;
    s->hash = hash;
    (void)tw_int_map_get(&session->skeletons, hash, &chain);
    if (!tw_vec_push(&session->all_skeletons, s))
        return tw_no_memory();
    s->next = (tw_skeleton *)(uintptr_t)chain;
    if (!tw_int_map_set(&session->skeletons, hash, (uint64_t)(uintptr_t)s)) {
        session->all_skeletons.count--;
        return tw_no_memory();
    }
    atomic_store(&s->last_used, ++session->clock);
    atomic_fetch_add(&s->refs, 1);
    atomic_store_explicit(&session->grown, true, memory_order_relaxed);
    return TW_OK;
}

tw_status *tw_signature_check(const tw_signature *signature)
{
    const struct {
        tw_tensors list;
        const char *what;
    } all[] = {{signature->fetches, "fetches"},
               {signature->targets, "targets"},
               {signature->feeds, "feeds"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].list.count && !all[i].list.items)
            return tw_value_error("the list of %zu %s is NULL", all[i].list.count, all[i].what);
    return TW_OK;
}

/* Changes of finished operations make old plans unfit; additions do not, since a plan copied
 * what it needs. */
tw_status *tw_session_skeleton(tw_session *session, const tw_signature *signature,
                               tw_skeleton **out)
{
    TW_TRY(tw_signature_check(signature));
    uint64_t hash = hash_list(signature->feeds,
                              hash_list(signature->targets, hash_list(signature->fetches, 7)));
    uint64_t version = tw_graph_changes(session->graph);
    tw_mutex_lock(&session->lock);
    *out = find_skeleton(session, signature, hash, version);
    tw_mutex_unlock(&session->lock);
    if (*out)
        return TW_OK;
    tw_skeleton *made = NULL;
    TW_TRY(tw_skeleton_new(session, signature, &made));
    tw_mutex_lock(&session->lock);
    tw_status *status = keep_skeleton(session, made, hash);
    tw_mutex_unlock(&session->lock);
    if (status) {
        tw_skeleton_unref(made);
        return status;
    }
    *out = made;
    return TW_OK;
}

/* The session is going away: nobody can look anything up any more. */
void tw_session_clear_cache(tw_session *session)
{
    for (size_t i = 0; i < session->all_skeletons.count; i++)
        tw_skeleton_unref(session->all_skeletons.items[i]);
    tw_vec_clear(&session->all_skeletons);
    tw_int_map_clear(&session->skeletons);
}
