/* SPDX-License-Identifier: Apache-2.0
 * Sessions: made, closed, freed; the slots and objects that they own. The inside lives until the
 * last callable and run have let go of it, so that freeing a session while another thread runs it
 * is safe. */
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/status.h"
#include "base/text.h"
#include "runtime/run.h"

/* borrowed: a session takes itself out when it is freed */
static _Thread_local tw_session *default_session;

/* Tests set it; somebody who looks for a mistake of the planner may. */
static bool wants_verifier(void)
{
    const char *text = getenv("THALWEG_VERIFY_PLANS");
    return text && *text && strcmp(text, "0");
}

/* The graph is held until the session is gone. */
static tw_session *session_new(tw_graph *graph, int threads, size_t cache_bytes)
{
    tw_session *session = TW_NEW(tw_session);
    if (!session)
        return NULL;
    atomic_init(&session->refs, 1);
    tw_mutex_init(&session->lock);
    tw_cond_init(&session->idle);
    tw_mutex_init(&session->arena_lock);
    session->graph = tw_graph_ref(graph);
    session->threads = threads;
    session->verifies = wants_verifier();
    session->cache_limit = cache_bytes ? cache_bytes : (size_t)256 << 20;
    return session;
}

/* A graph with an error in it is no reason to refuse: only runs that need the broken part are. */
tw_session *tw_session_new(const struct tw_session_options *options)
{
    tw_graph *graph = options && options->graph ? options->graph : tw_default_graph();
    if (!graph)
        return NULL;
    return session_new(graph, options ? options->threads : 0,
                       options ? options->plan_cache_bytes : 0);
}

/* It stays the default until another takes its place or it is freed. */
tw_session *tw_interactive_session(void)
{
    tw_session *session = tw_session_new(NULL);
    if (session)
        default_session = session;
    return session;
}

/* Of this thread only: threads do not disturb each other. */
tw_session *tw_default_session(void)
{
    return default_session;
}

/* Borrowed; the caller takes it away before the session is freed, or frees it in this thread. */
void tw_set_default_session(tw_session *session)
{
    default_session = session;
}

/* Borrowed. */
tw_graph *tw_session_graph(const tw_session *session)
{
    return session ? session->graph : NULL;
}

/* For callables and runs. */
tw_session *tw_session_ref(tw_session *session)
{
    atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
    return session;
}

/* No run is left that could hold one. */
static void free_variables(tw_session *session)
{
    const char *key;
    void *item;
    for (size_t i = 0; tw_map_next(&session->variables, &i, &key, &item);) {
        tw_variable *variable = item;
        tw_array_unref(variable->value);
        tw_variable_drop_packed(variable);
        tw_free(variable->key);
        tw_free(variable);
    }
    tw_map_clear(&session->variables);
    tw_resources_clear(&session->resources);
    tw_resources_free(session->retired);
    tw_session_drop_restored(session);
}

/* The last one to let go frees, on whichever thread that is. */
void tw_session_unref(tw_session *session)
{
    if (!session || atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) != 1)
        return;
    tw_session_clear_cache(session);
    tw_arenas_free(session);
    free_variables(session);
    tw_mutex_free(&session->arena_lock);
    tw_mutex_free(&session->lock);
    tw_cond_free(&session->idle);
    tw_graph_unref(session->graph);
    tw_free(session);
}

/* Returns when the last run is over, so that what runs borrowed may be freed; but a caller's
 * function that closes the session in whose run it is does not wait for itself. */
tw_status *tw_session_close(tw_session *session)
{
    if (!session)
        return tw_value_error("the session is NULL");
    bool own = tw_run_depth(session) > 0;
    tw_mutex_lock(&session->lock);
    atomic_store(&session->closed, true);
    tw_runs_wake(session);
    while (!own && atomic_load(&session->running) > 0)
        tw_cond_wait(&session->idle, &session->lock);
    tw_mutex_unlock(&session->lock);
    return TW_OK;
}

/* The inside lives on while callables or runs hold it; only the handle is gone. */
void tw_session_free(tw_session *session)
{
    if (!session)
        return;
    tw_status_free(tw_session_close(session));
    if (default_session == session)
        default_session = NULL;
    tw_session_unref(session);
}

/* ---- variables ---- */

/* Two slashes cannot occur in a name, so that containers and names do not mix. */
const char *tw_variable_key(const tw_spec *spec, tw_arena *arena)
{
    const tw_attr *container = tw_spec_attr(spec, "container"),
                  *shared = tw_spec_attr(spec, "shared_name");
    const char *name = shared && shared->kind == TW_ATTR_STRING && shared->value.s.length
                           ? shared->value.s.data
                           : spec->name;
    if (!container || container->kind != TW_ATTR_STRING || !container->value.s.length)
        return tw_arena_strdup(arena, name);
    return tw_arena_printf(arena, "%s//%s", container->value.s.data, name);
}

/* Without a value: that is what "uninitialized" means. */
static tw_status *make_variable(tw_session *session, const char *key, tw_dtype dtype,
                                tw_variable **out)
{
    tw_variable *variable = TW_NEW(tw_variable);
    if (!variable)
        return tw_no_memory();
    variable->dtype = dtype;
    variable->key = tw_strdup(key);
    if (!variable->key || !tw_map_set(&session->variables, key, variable)) {
        tw_free(variable->key);
        tw_free(variable);
        return tw_no_memory();
    }
    *out = variable;
    return TW_OK;
}

/* Two graphs' worth of nodes may name one slot; they must agree on its dtype. */
tw_status *tw_session_variable(tw_session *session, const char *key, tw_dtype dtype,
                               tw_variable **out)
{
    tw_status *status = TW_OK;
    tw_mutex_lock(&session->lock);
    *out = tw_map_get(&session->variables, key);
    if (!*out)
        status = make_variable(session, key, dtype, out);
    else if ((*out)->dtype != dtype)
        status = tw_type_error("the variable '%s' of this session is %s, not %s", key,
                               tw_dtype_name((*out)->dtype), tw_dtype_name(dtype));
    tw_mutex_unlock(&session->lock);
    return status;
}

/* Slots are never taken out, so the pointer stays good while the session lives. */
tw_variable *tw_session_find_variable(tw_session *session, const char *key)
{
    tw_mutex_lock(&session->lock);
    tw_variable *variable = tw_map_get(&session->variables, key);
    tw_mutex_unlock(&session->lock);
    return variable;
}

/* The operation behind a tensor that means a variable: its own, or that of a plain read. */
static const tw_operation *variable_operation(tw_tensor tensor)
{
    const tw_operation *op = tensor.op;
    while (op && op->input_count && tw_dtype_is_ref(tw_tensor_dtype(op->inputs[0])))
        op = op->inputs[0].op;
    return op && op->output_count == 1 && tw_dtype_is_ref(op->outputs[0].dtype) ? op : NULL;
}

/* A tensor may be the variable itself or any chain of reads of it. */
static tw_status *find_slot(tw_session *session, tw_tensor tensor, bool make, tw_variable **out,
                            tw_shape *declared)
{
    if (!session || !tensor.op)
        return tw_value_error("%s", session ? "the variable is an invalid tensor"
                                            : "the session is NULL");
    if (tensor.op->graph != session->graph)
        return tw_value_error("the variable %s belongs to another graph than the session's",
                              tw_tensor_name(tensor).s);
    const tw_operation *op = variable_operation(tensor);
    if (!op)
        return tw_value_error("%s is not a variable", tw_tensor_name(tensor).s);
    tw_arena arena = {0};
    const char *key = tw_variable_key(&op->spec, &arena);
    *declared = op->outputs[0].shape;
    tw_status *status = key ? TW_OK : tw_no_memory();
    if (!status && make)
        status = tw_session_variable(session, key, tw_dtype_base(op->outputs[0].dtype), out);
    else if (!status)
        *out = tw_session_find_variable(session, key);
    tw_arena_clear(&arena);
    return status;
}

/* A copy: what the caller does with it never reaches the variable. */
tw_status *tw_session_get(tw_session *session, tw_tensor tensor, tw_array **out)
{
    tw_variable *variable = NULL;
    tw_shape declared;
    if (!out)
        return tw_value_error("the place for the value is NULL");
    TW_TRY(find_slot(session, tensor, false, &variable, &declared));
    tw_array *held = variable ? tw_variable_hold(variable) : NULL;
    if (!held)
        return tw_status_new(TW_FAILED_PRECONDITION, "Attempting to use uninitialized value %s",
                             tensor.op->spec.name);
    tw_array *copy = tw_array_copy(held);
    tw_array_unref(held);
    if (!copy)
        return tw_no_memory();
    *out = copy;
    return TW_OK;
}

/* Refused before anything is copied or taken. */
static tw_status *check_value(tw_session *session, tw_tensor tensor, const tw_array *value,
                              tw_variable **out)
{
    tw_shape declared;
    if (!value)
        return tw_value_error("the value is NULL");
    TW_TRY(find_slot(session, tensor, true, out, &declared));
    if (tw_array_dtype(value) != (*out)->dtype)
        return tw_type_error("the variable %s is %s, the value is %s", tw_tensor_name(tensor).s,
                             tw_dtype_name((*out)->dtype), tw_dtype_name(tw_array_dtype(value)));
    if (!tw_shape_compatible(declared, tw_array_shape(value)))
        return tw_value_error("the variable %s has shape %s, the value %s",
                              tw_tensor_name(tensor).s, tw_shape_text(declared).s,
                              tw_shape_text(tw_array_shape(value)).s);
    return TW_OK;
}

/* Runs that read the old value at this moment keep it to the end of their step. */
static void put_value(tw_variable *variable, tw_array *value)
{
    tw_light_acquire(&variable->lock);
    tw_array *old = variable->value;
    variable->value = value;
    variable->version++;
    tw_light_release(&variable->lock);
    tw_array_unref(old);
}

tw_status *tw_session_set(tw_session *session, tw_tensor tensor, const tw_array *value)
{
    tw_variable *variable = NULL;
    TW_TRY(check_value(session, tensor, value, &variable));
    tw_array *copy = tw_array_copy(value);
    if (!copy)
        return tw_no_memory();
    put_value(variable, copy);
    return TW_OK;
}

/* Only memory of our own that nobody else can reach may be written in place by later steps: what
 * is lent may be a file that can only be read. */
static bool can_take(const tw_array *value)
{
    return tw_variable_is_sole(value) && !value->storage->release &&
           value->storage->count == value->count;
}

tw_status *tw_session_give(tw_session *session, tw_tensor tensor, tw_array *value)
{
    tw_variable *variable = NULL;
    tw_status *status = check_value(session, tensor, value, &variable);
    if (!status && !can_take(value)) {
        tw_array *copy = tw_array_copy(value);
        tw_array_unref(value);
        value = copy;
        status = copy ? TW_OK : tw_no_memory();
    }
    if (status)
        tw_array_unref(value);
    else
        put_value(variable, value);
    return status;
}

/* ---- other state ---- */

/* The map owns it from here on. */
static tw_status *keep_resource(tw_map *map, const char *name, const tw_state_class *type,
                                void *object)
{
    tw_resource *resource = TW_NEW(tw_resource);
    if (!resource)
        return tw_no_memory();
    *resource = (tw_resource){.type = type, .object = object};
    if (tw_map_set(map, name, resource))
        return TW_OK;
    tw_free(resource);
    return tw_no_memory();
}

/* The caller holds the lock, or is the only one who knows the map. */
static void *find_resource(tw_map *map, const char *name)
{
    tw_resource *resource = tw_map_get(map, name);
    return resource ? resource->object : NULL;
}

/* "TYPE/KEY", on the stack where it fits: a step asks in every run, and should allocate in none. */
typedef struct resource_name {
    const char *text; /* NULL: no memory */
    tw_buffer heap;
    char stack[240];
} resource_name;

static void make_name(resource_name *name, const tw_state_class *type, const char *key)
{
    int length = snprintf(name->stack, sizeof name->stack, "%s/%s", type->name, key);
    name->heap = (tw_buffer){0};
    name->text = name->stack;
    if (length >= 0 && (size_t)length < sizeof name->stack)
        return;
    tw_buffer_printf(&name->heap, "%s/%s", type->name, key);
    name->text = name->heap.failed ? NULL : name->heap.data;
}

/* What lives for one run needs no lock. */
tw_status *tw_run_resource(tw_map *map, const tw_state_class *type, const char *key, tw_compute *c,
                           void **out)
{
    resource_name name;
    void *made = NULL;
    make_name(&name, type, key);
    if (!name.text)
        return tw_no_memory();
    *out = find_resource(map, name.text);
    tw_status *status = *out ? TW_OK : type->make(c, &made);
    if (made) {
        status = keep_resource(map, name.text, type, made);
        *out = status ? NULL : made;
    }
    if (made && *out != made)
        type->free(made);
    tw_buffer_clear(&name.heap);
    return status;
}

/* Each object is freed by its own class. */
void tw_resources_clear(tw_map *map)
{
    const char *key;
    void *item;
    for (size_t i = 0; tw_map_next(map, &i, &key, &item);) {
        tw_resource *resource = item;
        resource->type->free(resource->object);
        tw_free(resource);
    }
    tw_map_clear(map);
}

/* A new object gets the state that was restored for it, before anybody else sees it. */
static tw_status *make_object(tw_session *session, const tw_state_class *type, const char *name,
                              tw_compute *c, void **out)
{
    tw_saved *saved = NULL;
    TW_TRY(type->make(c, out));
    tw_status *status = type->load ? tw_session_copy_restored(session, name, &saved) : TW_OK;
    if (!status && saved)
        status = type->load(*out, saved->bytes, saved->size);
    tw_free(saved);
    if (status) {
        type->free(*out);
        *out = NULL;
    }
    return status;
}

/* The first that was made is kept. */
static tw_status *keep_object(tw_session *session, const tw_state_class *type, const char *name,
                              void *made, void **out)
{
    tw_status *status = TW_OK;
    tw_mutex_lock(&session->lock);
    *out = find_resource(&session->resources, name);
    if (!*out) {
        status = keep_resource(&session->resources, name, type, made);
        *out = status ? NULL : made;
        if (!status)
            tw_free(tw_map_remove(&session->restored, name));
    }
    tw_mutex_unlock(&session->lock);
    if (*out != made)
        type->free(made);
    return status;
}

/* Looks under the lock, and makes without it: that is a caller's function. */
tw_status *tw_session_resource(tw_session *session, const tw_state_class *type, const char *key,
                               tw_compute *c, void **out)
{
    resource_name name;
    void *made = NULL;
    make_name(&name, type, key);
    if (!name.text)
        return tw_no_memory();
    tw_mutex_lock(&session->lock);
    *out = find_resource(&session->resources, name.text);
    tw_mutex_unlock(&session->lock);
    tw_status *status = *out ? TW_OK : make_object(session, type, name.text, c, &made);
    if (made)
        status = keep_object(session, type, name.text, made, out);
    tw_buffer_clear(&name.heap);
    return status;
}

/* Read one by one: exact when nothing runs. */
tw_session_counts tw_session_get_counts(tw_session *session)
{
    tw_session_counts counts = {0};
    if (!session)
        return counts;
    tw_memory memory = tw_session_memory(session);
    counts.plan_bytes = memory.plans;
    counts.arena_bytes = memory.frames;
    counts.skeletons = atomic_load(&session->skeletons_made);
    counts.variants = atomic_load(&session->variants_made);
    tw_frame_counts(session, &counts.runs, &counts.steps);
    counts.evicted = atomic_load(&session->evicted);
    return counts;
}
