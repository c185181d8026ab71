/* SPDX-License-Identifier: Apache-2.0
 * All state of a session in one file: a head, then a record for each variable and object, each with
 * its own CRC-32C, then a foot with the number of records. Little endian. Nothing is changed before
 * every byte was checked.
 *     file    "TWSTATE1", records, foot
 *     record  kind u8 (1 variable, 2 object), dtype u8, rank u8, 0, key length u32, bytes u64, dims
 * i64[rank], key, bytes, crc u32
 *     foot    kind 0, three 0, records u32, crc u32 (of all crcs) */
#include <string.h>

#include "base/crc32c.h"
#include "base/os.h"
#include "base/status.h"
#include "base/text.h"
#include "runtime/run.h"

static const char magic[8] = {'T', 'W', 'S', 'T', 'A', 'T', 'E', '1'};
enum { RECORD_HEAD = 16, KIND_FOOT = 0, KIND_VARIABLE = 1, KIND_OBJECT = 2 };

/* ---- writing ---- */

/* The file while it is made in memory: it is written in one piece and renamed. */
typedef struct tw_saver {
    tw_buffer out;
    uint32_t records, crc_of_crcs;
} tw_saver;

/* Little endian, whatever the machine is. */
static void put(tw_buffer *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        tw_buffer_add_char(out, (char)(value >> 8 * i));
}

/* Everything from `start` on is covered by the record's checksum. */
static void finish_record(tw_saver *s, size_t start)
{
    if (s->out.failed)
        return;
    uint32_t crc = tw_crc32c_mask(tw_crc32c(0, s->out.data + start, s->out.length - start));
    put(&s->out, crc, 4);
    s->crc_of_crcs = tw_crc32c(s->crc_of_crcs, &crc, sizeof crc);
    s->records++;
}

/* The same 16 bytes for every kind, so that a reader can skip what it does not know. */
static void put_head(tw_saver *s, int kind, int dtype, size_t rank, const char *key, uint64_t bytes)
{
    put(&s->out, (uint64_t)kind, 1);
    put(&s->out, (uint64_t)dtype, 1);
    put(&s->out, rank, 2);
    put(&s->out, strlen(key), 4);
    put(&s->out, bytes, 8);
}

/* Strings are written as length and bytes, everything else as it lies in memory. */
static void save_array(tw_saver *s, const char *key, const tw_array *array)
{
    size_t start = s->out.length, bytes = tw_array_bytes(array);
    if (array->dtype == TW_STRING) {
        bytes = 0;
        for (size_t i = 0; i < array->count; i++)
            bytes += 4 + ((const tw_string *)array->data)[i].length;
    }
    put_head(s, KIND_VARIABLE, (int)array->dtype, array->rank, key, bytes);
    for (size_t i = 0; i < array->rank; i++)
        put(&s->out, (uint64_t)array->dims[i], 8);
    tw_buffer_add(&s->out, key, strlen(key));
    for (size_t i = 0; array->dtype == TW_STRING && i < array->count; i++) {
        size_t length;
        const char *text = tw_string_get((const tw_string *)array->data + i, &length);
        put(&s->out, length, 4);
        tw_buffer_add(&s->out, text, length);
    }
    if (array->dtype != TW_STRING)
        tw_buffer_add(&s->out, array->data, bytes);
    finish_record(s, start);
}

static void save_bytes(tw_saver *s, const char *key, const void *bytes, size_t size)
{
    size_t start = s->out.length;
    put_head(s, KIND_OBJECT, 0, 0, key, size);
    tw_buffer_add(&s->out, key, strlen(key));
    tw_buffer_add(&s->out, bytes, size);
    finish_record(s, start);
}

/* Asked for its size first, so that the record can be written in one piece. */
static tw_status *save_object(tw_saver *s, const char *key, const tw_resource *resource)
{
    size_t size = resource->type->save(resource->object, NULL);
    void *bytes = tw_alloc(size);
    if (!bytes)
        return tw_no_memory();
    resource->type->save(resource->object, bytes);
    save_bytes(s, key, bytes, size);
    tw_free(bytes);
    return TW_OK;
}

/* Uninitialised variables have nothing to save and stay as they are when restored. Objects that
 * were restored and that no run has asked for yet have their state all the same. */
static tw_status *save_all(tw_session *session, tw_saver *s)
{
    const char *key;
    void *item;
    for (size_t i = 0; tw_map_next(&session->variables, &i, &key, &item);) {
        tw_array *held = tw_variable_hold(item);
        bool can = held && (tw_dtype_is_plain(held->dtype) || held->dtype == TW_STRING);
        if (can)
            save_array(s, key, held);
        tw_array_unref(held);
    }
    for (size_t i = 0; tw_map_next(&session->resources, &i, &key, &item);) {
        const tw_resource *resource = item;
        if (resource->type->save)
            TW_TRY(save_object(s, key, resource));
    }
    for (size_t i = 0; tw_map_next(&session->restored, &i, &key, &item);) {
        const tw_saved *saved = item;
        save_bytes(s, key, saved->bytes, saved->size);
    }
    put(&s->out, KIND_FOOT, 4);
    put(&s->out, s->records, 4);
    put(&s->out, tw_crc32c_mask(tw_crc32c(s->crc_of_crcs, &s->records, sizeof s->records)), 4);
    return s->out.failed ? tw_no_memory() : TW_OK;
}

/* Taken while no other thread changes the session's maps; variables are consistent one by one. */
tw_status *tw_save(tw_session *session, const char *path)
{
    if (!session || !path)
        return tw_value_error("saving needs a session and a path");
    TW_TRY(tw_run_begin(session));
    tw_saver saver = {0};
    tw_buffer_add(&saver.out, magic, sizeof magic);
    tw_mutex_lock(&session->lock);
    tw_status *status = save_all(session, &saver);
    tw_mutex_unlock(&session->lock);
    if (!status)
        status = tw_os_write_file(path, saver.out.data, saver.out.length);
    tw_buffer_clear(&saver.out);
    tw_run_end(session);
    return status;
}

/* ---- reading ---- */

/* A record as it stands in the file; the pointers are into its bytes. */
typedef struct tw_record {
    int kind;
    tw_dtype dtype;
    size_t rank, key_length, bytes;
    int64_t dims[TW_MAX_RANK];
    const char *key;
    const unsigned char *data;
} tw_record;

/* A file's bytes and how far they have been read. */
typedef struct tw_loader {
    const char *path;
    const unsigned char *bytes;
    size_t size, at;
    uint32_t records, crc_of_crcs;
} tw_loader;

/* Byte by byte: the file reads the same on every machine. */
static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

/* The place helps whoever has to find out which program wrote the file. */
static tw_status *damaged(const tw_loader *l, const char *what)
{
    return tw_status_new(TW_DATA_LOSS,
                         "%s: %s at byte %zu: the file is damaged, nothing was restored", l->path,
                         what, l->at);
}

/* One record, checked; *end at the foot. */
static tw_status *next_record(tw_loader *l, tw_record *r, bool *end)
{
    const unsigned char *head = l->bytes + l->at;
    size_t left = l->size - l->at;
    *end = left >= 12 && head[0] == KIND_FOOT;
    if (*end) {
        uint32_t count = (uint32_t)get(head + 4, 4);
        uint32_t crc = tw_crc32c_mask(tw_crc32c(l->crc_of_crcs, &count, sizeof count));
        if (left != 12 || get(head, 4) != KIND_FOOT || count != l->records ||
            crc != (uint32_t)get(head + 8, 4))
            return damaged(l, "the foot does not agree with the records");
        return TW_OK;
    }
    if (left < RECORD_HEAD)
        return damaged(l, "the file ends inside a record");
    *r = (tw_record){.kind = head[0],
                     .dtype = (tw_dtype)head[1],
                     .rank = (size_t)get(head + 2, 2),
                     .key_length = (size_t)get(head + 4, 4),
                     .bytes = (size_t)get(head + 8, 8)};
    if (r->rank > TW_MAX_RANK || r->key_length > left || r->bytes > left ||
        RECORD_HEAD + 8 * r->rank + r->key_length + 4 > left - r->bytes)
        return damaged(l, "a record is longer than the file");
    size_t length = RECORD_HEAD + 8 * r->rank + r->key_length + r->bytes;
    uint32_t crc = tw_crc32c_mask(tw_crc32c(0, head, length));
    if (crc != (uint32_t)get(head + length, 4))
        return damaged(l, "a checksum does not agree");
    for (size_t i = 0; i < r->rank; i++)
        r->dims[i] = (int64_t)get(head + RECORD_HEAD + 8 * i, 8);
    r->key = (const char *)head + RECORD_HEAD + 8 * r->rank;
    r->data = (const unsigned char *)r->key + r->key_length;
    l->crc_of_crcs = tw_crc32c(l->crc_of_crcs, &crc, sizeof crc);
    l->records++;
    l->at += length + 4;
    return TW_OK;
}

/* Lengths are checked against what is left of the record. */
static tw_status *read_strings(const tw_record *r, tw_array *array)
{
    size_t at = 0;
    for (size_t i = 0; i < array->count; i++) {
        if (r->bytes - at < 4 || get(r->data + at, 4) > r->bytes - at - 4)
            return tw_status_new(TW_DATA_LOSS, "a text is longer than its record");
        size_t length = (size_t)get(r->data + at, 4);
        TW_TRY(tw_array_set_string(array, i, (const char *)r->data + at + 4, length));
        at += 4 + length;
    }
    return TW_OK;
}

/* The bytes must agree with the shape before memory is asked for: a text takes four or more. */
static tw_status *check_size(const tw_record *r, tw_shape shape)
{
    size_t count;
    TW_TRY(tw_shape_check(r->dtype, shape, &count));
    bool good = r->dtype == TW_STRING ? count <= r->bytes / 4
                                      : count * tw_dtype_size(r->dtype) == r->bytes;
    return good ? TW_OK
                : tw_status_new(TW_DATA_LOSS, "a record's size does not agree with its shape");
}

static tw_status *read_array(const tw_record *r, tw_array **out)
{
    if (!tw_dtype_is_plain(r->dtype) && r->dtype != TW_STRING)
        return tw_status_new(TW_DATA_LOSS, "a record has the unknown dtype %d", (int)r->dtype);
    tw_array *array;
    tw_shape shape = {r->dims, r->rank};
    TW_TRY(check_size(r, shape));
    TW_TRY(tw_array_create_for(r->dtype, shape, &array));
    tw_status *status = TW_OK;
    if (r->dtype == TW_STRING)
        status = read_strings(r, array);
    else if (r->bytes)
        memcpy(array->data, r->data, r->bytes);
    if (status) {
        tw_array_unref(array);
        return status;
    }
    *out = array;
    return TW_OK;
}

/* ---- restoring: everything is made first, then put in place, which cannot fail ---- */

/* A value for a variable, to be put in place once the whole file is known to be good. */
typedef struct tw_restored {
    tw_variable *variable;
    tw_array *array;
} tw_restored;

/* What a file holds, made; and what this session says of it. */
typedef struct tw_restoring {
    tw_session *session;
    tw_arena arena;
    tw_map declared; /* key -> const tw_shape *: of the graph's variables */
    TW_VEC(tw_restored) variables;
    tw_map objects; /* class/key -> tw_saved * */
} tw_restoring;

/* The shapes that plans count on. */
static tw_status *find_declared(tw_restoring *r)
{
    tw_graph *graph = r->session->graph;
    bool good = true;
    tw_mutex_lock(&graph->lock);
    for (size_t i = 0; i < graph->operations.count && good; i++) {
        const tw_operation *op = graph->operations.items[i];
        if (op->input_count || op->output_count != 1 || !tw_dtype_is_ref(op->outputs[0].dtype))
            continue;
        const char *key = tw_variable_key(&op->spec, &r->arena);
        tw_shape *shape = TW_ARENA_NEW(&r->arena, tw_shape);
        good = key && shape;
        if (!good)
            break;
        *shape = op->outputs[0].shape;
        good = tw_map_set(&r->declared, key, shape);
    }
    tw_mutex_unlock(&graph->lock);
    return good ? TW_OK : tw_no_memory();
}

/* A value of another shape than the variable's would be refused by every run. */
static tw_status *make_variable(tw_restoring *r, const tw_record *record, const char *key)
{
    tw_restored restored = {0};
    const tw_shape *declared = tw_map_get(&r->declared, key);
    tw_shape shape = {record->dims, record->rank};
    if (declared && !tw_shape_compatible(*declared, shape))
        return tw_value_error("the variable %s has shape %s, in the file %s: nothing was restored",
                              key, tw_shape_text(*declared).s, tw_shape_text(shape).s);
    TW_TRY(read_array(record, &restored.array));
    tw_status *status = tw_session_variable(r->session, key, record->dtype, &restored.variable);
    if (!status && !tw_vec_push(&r->variables, restored))
        status = tw_no_memory();
    if (status)
        tw_array_unref(restored.array);
    return status;
}

/* Of two records with one key the later holds. */
static tw_status *make_object(tw_restoring *r, const tw_record *record, const char *key)
{
    tw_saved *saved = tw_alloc(sizeof *saved + record->bytes);
    if (!saved)
        return tw_no_memory();
    saved->size = record->bytes;
    memcpy(saved->bytes, record->data, record->bytes);
    tw_saved *old = tw_map_get(&r->objects, key);
    if (!tw_map_set(&r->objects, key, saved)) {
        tw_free(saved);
        return tw_no_memory();
    }
    tw_free(old);
    return TW_OK;
}

/* Everything that can fail happens here, before anything is changed. */
static tw_status *make_restored(tw_restoring *r, const tw_record *record)
{
    const char *key = tw_arena_strndup(&r->arena, record->key, record->key_length);
    if (!key)
        return tw_no_memory();
    if (record->kind == KIND_OBJECT)
        return make_object(r, record, key);
    if (record->kind != KIND_VARIABLE)
        return tw_status_new(TW_DATA_LOSS, "a record of the unknown kind %d", record->kind);
    return make_variable(r, record, key);
}

/* The foot is part of the check: a file that was cut at a record is noticed. */
static tw_status *read_all(tw_restoring *r, tw_loader *l)
{
    if (l->size < sizeof magic || memcmp(l->bytes, magic, sizeof magic))
        return tw_status_new(TW_DATA_LOSS, "%s is no file of a session's state", l->path);
    l->at = sizeof magic;
    TW_TRY(find_declared(r));
    for (;;) {
        tw_record record;
        bool end;
        TW_TRY(next_record(l, &record, &end));
        if (end)
            return TW_OK;
        TW_TRY(make_restored(r, &record));
    }
}

/* Objects are taken away and made anew by the run that asks for them next, with the file's state
 * or, where the file does not name them, as at first: a generator that had not run yet begins
 * again. A run that goes on beside this one keeps its object until the session is gone. */
static void put_objects(tw_restoring *r)
{
    tw_session *session = r->session;
    tw_map old = session->restored;
    const char *key;
    void *item;
    session->restored = r->objects;
    r->objects = old;
    for (size_t i = 0; tw_map_next(&session->resources, &i, &key, &item);) {
        tw_resource *resource = item;
        if (!resource->type->load)
            continue;
        tw_map_remove(&session->resources, key);
        resource->next = session->retired;
        session->retired = resource;
    }
}

/* Under the session's lock, so that no run makes an object in between. Gives the objects that
 * nobody can hold any more. */
static tw_resource *put_all(tw_restoring *r)
{
    tw_resource *free_now = NULL;
    tw_mutex_lock(&r->session->lock);
    for (size_t i = 0; i < r->variables.count; i++) {
        tw_restored *restored = &r->variables.items[i];
        tw_light_acquire(&restored->variable->lock);
        tw_array *old = restored->variable->value;
        restored->variable->value = restored->array;
        restored->variable->version++;
        tw_light_release(&restored->variable->lock);
        restored->array = old;
    }
    put_objects(r);
    if (atomic_load(&r->session->running) == 1) { /* this call alone */
        free_now = r->session->retired;
        r->session->retired = NULL;
    }
    tw_mutex_unlock(&r->session->lock);
    return free_now;
}

/* Of all saved bytes; the map is empty then. */
static void drop_saved(tw_map *map)
{
    const char *key;
    void *item;
    for (size_t i = 0; tw_map_next(map, &i, &key, &item);)
        tw_free(item);
    tw_map_clear(map);
}

static void clear(tw_restoring *r)
{
    for (size_t i = 0; i < r->variables.count; i++)
        tw_array_unref(r->variables.items[i].array);
    tw_vec_clear(&r->variables);
    drop_saved(&r->objects);
    tw_map_clear(&r->declared);
    tw_arena_clear(&r->arena);
}

/* Variables that the file does not name keep their values. */
tw_status *tw_restore(tw_session *session, const char *path)
{
    if (!session || !path)
        return tw_value_error("restoring needs a session and a path");
    TW_TRY(tw_run_begin(session));
    char *bytes = NULL;
    tw_restoring restoring = {.session = session};
    tw_loader loader = {.path = path};
    tw_status *status = tw_os_read_file(path, 0, &bytes, &loader.size);
    loader.bytes = (const unsigned char *)bytes;
    if (!status)
        status = read_all(&restoring, &loader);
    if (!status)
        tw_resources_free(put_all(&restoring));
    clear(&restoring);
    tw_free(bytes);
    tw_run_end(session);
    return status;
}

/* A copy, as another thread may make the same object at the same time; NULL: there is none. */
tw_status *tw_session_copy_restored(tw_session *session, const char *name, tw_saved **out)
{
    tw_status *status = TW_OK;
    tw_mutex_lock(&session->lock);
    const tw_saved *saved = tw_map_get(&session->restored, name);
    *out = saved ? tw_alloc(sizeof *saved + saved->size) : NULL;
    if (*out)
        memcpy(*out, saved, sizeof *saved + saved->size);
    else if (saved)
        status = tw_no_memory();
    tw_mutex_unlock(&session->lock);
    return status;
}

/* A list of what a restore took away. */
void tw_resources_free(tw_resource *list)
{
    for (tw_resource *next; list; list = next) {
        next = list->next;
        list->type->free(list->object);
        tw_free(list);
    }
}

/* What no run asked for. */
void tw_session_drop_restored(tw_session *session)
{
    drop_saved(&session->restored);
}
