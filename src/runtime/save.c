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

/* Asked for its size first, so that the record can be written in one piece. */
static tw_status *save_object(tw_saver *s, const char *key, const tw_resource *resource)
{
    size_t start = s->out.length, size = resource->type->save(resource->object, NULL);
    void *bytes = tw_alloc(size);
    if (!bytes)
        return tw_no_memory();
    resource->type->save(resource->object, bytes);
    put_head(s, KIND_OBJECT, 0, 0, key, size);
    tw_buffer_add(&s->out, key, strlen(key));
    tw_buffer_add(&s->out, bytes, size);
    tw_free(bytes);
    finish_record(s, start);
    return TW_OK;
}

/* Uninitialised variables have nothing to save and stay as they are when restored. */
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
        if (left != 12 || count != l->records || crc != (uint32_t)get(head + 8, 4))
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

/* The size of the bytes must agree with the shape before they are copied. */
static tw_status *read_array(const tw_record *r, tw_array **out)
{
    if (!tw_dtype_is_plain(r->dtype) && r->dtype != TW_STRING)
        return tw_status_new(TW_DATA_LOSS, "a record has the unknown dtype %d", (int)r->dtype);
    tw_array *array;
    TW_TRY(tw_array_create(r->dtype, (tw_shape){r->dims, r->rank}, &array));
    tw_status *status = TW_OK;
    if (r->dtype == TW_STRING)
        status = read_strings(r, array);
    else if (tw_array_bytes(array) != r->bytes)
        status = tw_status_new(TW_DATA_LOSS, "a record's size does not agree with its shape");
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

/* What will be put in place once the whole file is known to be good. */
typedef struct tw_restored {
    tw_variable *variable;
    tw_array *array; /* or */
    char *key;
    tw_saved *saved;
} tw_restored;
typedef TW_VEC(tw_restored) tw_restored_list;

/* Everything that can fail happens here, before anything is changed. */
static tw_status *make_restored(tw_session *session, const tw_record *r, tw_restored *out)
{
    out->key = tw_strndup(r->key, r->key_length);
    if (!out->key)
        return tw_no_memory();
    if (r->kind == KIND_OBJECT) {
        out->saved = tw_alloc(sizeof *out->saved + r->bytes);
        if (!out->saved)
            return tw_no_memory();
        out->saved->size = r->bytes;
        memcpy(out->saved->bytes, r->data, r->bytes);
        return TW_OK;
    }
    if (r->kind != KIND_VARIABLE)
        return tw_status_new(TW_DATA_LOSS, "a record of the unknown kind %d", r->kind);
    TW_TRY(read_array(r, &out->array));
    return tw_session_variable(session, out->key, r->dtype, &out->variable);
}

/* The foot is part of the check: a file that was cut at a record is noticed. */
static tw_status *read_all(tw_session *session, tw_loader *l, tw_restored_list *list)
{
    if (l->size < sizeof magic || memcmp(l->bytes, magic, sizeof magic))
        return tw_status_new(TW_DATA_LOSS, "%s is no file of a session's state", l->path);
    l->at = sizeof magic;
    for (;;) {
        tw_record record;
        tw_restored restored = {0};
        bool end;
        TW_TRY(next_record(l, &record, &end));
        if (end)
            return TW_OK;
        tw_status *status = make_restored(session, &record, &restored);
        if (!tw_vec_push(list, restored)) {
            tw_array_unref(restored.array);
            tw_free(restored.key);
            tw_free(restored.saved);
            return status ? status : tw_no_memory();
        }
        TW_TRY(status);
    }
}

/* Objects that exist take their state now, others when a run makes them. */
static tw_status *put_object(tw_session *session, tw_restored *r)
{
    tw_resource *resource = tw_map_get(&session->resources, r->key);
    if (resource && resource->type->load)
        return resource->type->load(resource->object, r->saved->bytes, r->saved->size);
    tw_free(tw_map_get(&session->restored, r->key));
    if (!tw_map_set(&session->restored, r->key, r->saved))
        return tw_no_memory();
    r->saved = NULL;
    atomic_store(&session->has_restored, true);
    return TW_OK;
}

/* Under the session's lock, so that no run makes an object in between. */
static tw_status *put_all(tw_session *session, tw_restored_list *list)
{
    tw_status *status = TW_OK;
    tw_mutex_lock(&session->lock);
    for (size_t i = 0; i < list->count && !status; i++) {
        tw_restored *r = &list->items[i];
        if (!r->variable) {
            status = put_object(session, r);
            continue;
        }
        tw_light_acquire(&r->variable->lock);
        tw_array *old = r->variable->value;
        r->variable->value = r->array;
        r->variable->version++;
        tw_light_release(&r->variable->lock);
        r->array = old;
    }
    tw_mutex_unlock(&session->lock);
    return status;
}

/* Variables that the file does not name keep their values. */
tw_status *tw_restore(tw_session *session, const char *path)
{
    if (!session || !path)
        return tw_value_error("restoring needs a session and a path");
    TW_TRY(tw_run_begin(session));
    char *bytes = NULL;
    tw_restored_list list = {0};
    tw_loader loader = {.path = path};
    tw_status *status = tw_os_read_file(path, 0, &bytes, &loader.size);
    loader.bytes = (const unsigned char *)bytes;
    if (!status)
        status = read_all(session, &loader, &list);
    if (!status)
        status = put_all(session, &list);
    for (size_t i = 0; i < list.count; i++) {
        tw_array_unref(list.items[i].array);
        tw_free(list.items[i].key);
        tw_free(list.items[i].saved);
    }
    tw_vec_clear(&list);
    tw_free(bytes);
    tw_run_end(session);
    return status;
}

/* Each is used once: after that the object's own state counts. */
tw_status *tw_session_load_restored(tw_session *session, const tw_state_class *type,
                                    const char *key, void *object)
{
    tw_buffer name = {0};
    tw_buffer_printf(&name, "%s/%s", type->name, key);
    tw_saved *saved = name.failed ? NULL : tw_map_remove(&session->restored, name.data);
    tw_buffer_clear(&name);
    tw_status *status = saved ? type->load(object, saved->bytes, saved->size) : TW_OK;
    tw_free(saved);
    return status;
}

/* What no run asked for. */
void tw_session_drop_restored(tw_session *session)
{
    const char *key;
    void *item;
    for (size_t i = 0; tw_map_next(&session->restored, &i, &key, &item);)
        tw_free(item);
    tw_map_clear(&session->restored);
}
