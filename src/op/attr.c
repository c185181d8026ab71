/* SPDX-License-Identifier: Apache-2.0
 * Attribute values: copying, comparing, hashing, text. One row of functions for each kind; a scalar
 * is handled as a list of one, because every member of the union starts at its address. */
#include "op/attr.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/status.h"
#include "base/text.h"
#include "tensor/array.h"

/* Copies end in NUL, so that a text can be handed out as a C string; the length says how much of
 * it is the value, which may hold NULs of its own. */
static bool copy_bytes(tw_arena *arena, const void *from, void *to)
{
    const tw_bytes *bytes = from;
    char *data = tw_arena_strndup(arena, bytes->data, bytes->length);
    *(tw_bytes *)to = (tw_bytes){data, data ? bytes->length : 0};
    return data != NULL;
}

/* A shape of unknown rank has no dims to copy, and a scalar's dims are not NULL: the two stay
 * apart. */
static bool copy_shape(tw_arena *arena, const void *from, void *to)
{
    tw_shape shape = *(const tw_shape *)from;
    if (shape.dims) {
        shape.dims = tw_arena_copy(arena, shape.dims, shape.rank * sizeof *shape.dims);
        if (!shape.dims)
            return false;
    }
    *(tw_shape *)to = shape;
    return true;
}

/* Arrays in attributes are never written to, so that a reference is a copy. */
static bool copy_tensor(tw_arena *arena, const void *from, void *to)
{
    (void)arena;
    tw_array *const *array = from;
    *(tw_array **)to = *array ? tw_array_ref(*array) : NULL;
    return true;
}

/* `attr_count` grows with what was copied: a failure in the middle leaves a function that can be
 * released. */
static bool copy_func(tw_arena *arena, const void *from, void *to)
{
    const tw_func *func = from;
    tw_attr *attrs = tw_arena_array(arena, func->attr_count, sizeof *attrs);
    tw_func copy = {tw_arena_strdup(arena, func->name ? func->name : ""), attrs, 0};
    bool good = attrs && copy.name;
    while (good && copy.attr_count < func->attr_count) {
        tw_status *status = tw_attr_copy(arena, &func->attrs[copy.attr_count],
                                         &attrs[copy.attr_count]);
        good = !status;
        copy.attr_count += good;
        tw_status_free(status);
    }
    *(tw_func *)to = copy;
    return good;
}

/* Of all that an attribute points at only arrays are not the arena's. */
static void release_tensor(const void *item)
{
    tw_array_unref(*(tw_array *const *)item);
}

/* Only attributes that hold references need it; names belong to an arena. */
static void release_func(const void *item)
{
    const tw_func *func = item;
    for (size_t i = 0; i < func->attr_count; i++)
        tw_attr_release(&func->attrs[i]);
}

/* Empty bytes may have a NULL pointer, which memcmp must not be given. */
static bool equal_bytes(const void *a, const void *b)
{
    const tw_bytes *x = a, *y = b;
    return x->length == y->length && (x->length == 0 || memcmp(x->data, y->data, x->length) == 0);
}

/* An unknown shape equals only another unknown one, for two attributes that allow different
 * values are different attributes. */
static bool equal_shape(const void *a, const void *b)
{
    return tw_shape_equal(*(const tw_shape *)a, *(const tw_shape *)b);
}

/* By value: two constants that were made apart and hold the same numbers are the same, down to
 * the bits, so that -0 and NaN are told apart as their bytes are. */
static bool equal_tensor(const void *a, const void *b)
{
    const tw_array *x = *(tw_array *const *)a, *y = *(tw_array *const *)b;
    if (x == y || !x || !y)
        return x == y;
    if (x->dtype != y->dtype || !tw_shape_equal(tw_array_shape(x), tw_array_shape(y)))
        return false;
    if (x->dtype != TW_STRING)
        return x->count == 0 || memcmp(x->data, y->data, tw_array_bytes(x)) == 0;
    /* A string element may point at its bytes: these are compared, not the pointers. */
    const tw_string *s = x->data, *t = y->data;
    for (size_t i = 0; i < x->count; i++)
        if (!tw_string_equal(&s[i], &t[i]))
            return false;
    return true;
}

/* Attributes of a function are compared in their order, as they were written. */
static bool equal_func(const void *a, const void *b)
{
    const tw_func *x = a, *y = b;
    if (strcmp(x->name, y->name) != 0 || x->attr_count != y->attr_count)
        return false;
    for (size_t i = 0; i < x->attr_count; i++)
        if (!tw_attr_equal(&x->attrs[i], &y->attrs[i]))
            return false;
    return true;
}

/* The length goes into the hash, so that lists of texts which only differ in where one ends do
 * not collide. */
static uint64_t hash_bytes(const void *item, uint64_t seed)
{
    const tw_bytes *bytes = item;
    return tw_hash_bytes(bytes->data, bytes->length, seed);
}

/* Equal shapes give equal hashes: the rank is in the number of bytes. */
static uint64_t hash_shape(const void *item, uint64_t seed)
{
    const tw_shape *shape = item;
    if (!shape->dims)
        return tw_hash_bytes("?", 1, seed);
    return tw_hash_bytes(shape->dims, shape->rank * sizeof *shape->dims, seed);
}

/* Goes through what equal_tensor compares. */
static uint64_t hash_tensor(const void *item, uint64_t seed)
{
    const tw_array *array = *(tw_array *const *)item;
    if (!array)
        return seed;
    tw_shape shape = tw_array_shape(array);
    seed = hash_shape(&shape, tw_hash_bytes(&array->dtype, sizeof array->dtype, seed));
    if (array->dtype != TW_STRING)
        return tw_hash_bytes(array->data, tw_array_bytes(array), seed);
    for (size_t i = 0; i < array->count; i++) {
        tw_bytes bytes;
        bytes.data = tw_string_get((const tw_string *)array->data + i, &bytes.length);
        seed = hash_bytes(&bytes, seed);
    }
    return seed;
}

/* Name and attributes; a function's body is found by its name. */
static uint64_t hash_func(const void *item, uint64_t seed)
{
    const tw_func *func = item;
    seed = tw_hash_bytes(func->name, strlen(func->name), seed);
    for (size_t i = 0; i < func->attr_count; i++)
        seed = tw_attr_hash(&func->attrs[i], seed);
    return seed;
}

static void text_int(tw_buffer *b, const void *item)
{
    tw_buffer_printf(b, "%" PRId64, *(const int64_t *)item);
}

/* The shortest digits that read back, as Python shows it. */
static void text_float(tw_buffer *b, const void *item)
{
    char digits[40];
    tw_float_text(digits, *(const float *)item);
    tw_buffer_add_text(b, digits);
}

/* The words are those of protobuf's text format and of TensorFlow's messages, not Python's,
 * whatever front end is in use. */
static void text_bool(tw_buffer *b, const void *item)
{
    tw_buffer_add_text(b, *(const bool *)item ? "true" : "false");
}

/* Bytes are added by their length, so that a zero inside does not end them. */
static void text_bytes(tw_buffer *b, const void *item)
{
    const tw_bytes *bytes = item;
    tw_buffer_add_char(b, '\'');
    tw_buffer_add(b, bytes->data, bytes->length);
    tw_buffer_add_char(b, '\'');
}

/* NumPy's name and not DT_FLOAT, as users write it; messages that must follow TensorFlow's
 * wording use the other one. */
static void text_type(tw_buffer *b, const void *item)
{
    tw_buffer_add_text(b, tw_dtype_name(*(const tw_dtype *)item));
}

static void text_shape(tw_buffer *b, const void *item)
{
    tw_buffer_add_text(b, tw_shape_text(*(const tw_shape *)item).s);
}

/* What it is, not what it holds: a constant may be large. */
static void text_tensor(tw_buffer *b, const void *item)
{
    const tw_array *array = *(tw_array *const *)item;
    if (array)
        tw_buffer_printf(b, "%s %s", tw_dtype_name(array->dtype),
                         tw_shape_text(tw_array_shape(array)).s);
    else
        tw_buffer_add_text(b, "none");
}

/* The name alone, without the function's own attributes: the text is for messages, and two
 * functions of a name are rare there. */
static void text_func(tw_buffer *b, const void *item)
{
    tw_buffer_add_text(b, ((const tw_func *)item)->name);
}

/* NULL copy and equal: by bytes; NULL release: nothing to release. */
static const struct {
    const char *name;
    size_t size;
    bool (*copy)(tw_arena *arena, const void *from, void *to);
    void (*release)(const void *item);
    bool (*equal)(const void *a, const void *b);
    uint64_t (*hash)(const void *item, uint64_t seed);
    void (*text)(tw_buffer *b, const void *item);
} kinds[] = {
    [TW_ATTR_NONE] = {.name = "none"},
    [TW_ATTR_INT] = {.name = "int", .size = sizeof(int64_t), .text = text_int},
    [TW_ATTR_FLOAT] = {.name = "float", .size = sizeof(float), .text = text_float},
    [TW_ATTR_BOOL] = {.name = "bool", .size = sizeof(bool), .text = text_bool},
    [TW_ATTR_STRING] = {"string", sizeof(tw_bytes), copy_bytes, NULL, equal_bytes, hash_bytes,
                        text_bytes},
    [TW_ATTR_TYPE] = {.name = "type", .size = sizeof(tw_dtype), .text = text_type},
    [TW_ATTR_SHAPE] = {"shape", sizeof(tw_shape), copy_shape, NULL, equal_shape, hash_shape,
                       text_shape},
    [TW_ATTR_TENSOR] = {"tensor", sizeof(tw_array *), copy_tensor, release_tensor, equal_tensor,
                        hash_tensor, text_tensor},
    [TW_ATTR_FUNC] = {"func", sizeof(tw_func), copy_func, release_func, equal_func, hash_func,
                      text_func},
    [TW_ATTR_PLACEHOLDER] = {"placeholder", sizeof(tw_bytes), copy_bytes, NULL, equal_bytes,
                             hash_bytes, text_bytes},
};

const char *tw_attr_kind_name(tw_attr_kind kind)
{
    return kinds[kind].name;
}

/* The size within the union for a scalar and of an element for a list, which is how both are
 * handled by one loop. */
size_t tw_attr_item_size(tw_attr_kind kind)
{
    return kinds[kind].size;
}

/* A scalar's item is the value itself, as every member of the union starts at its address. */
const void *tw_attr_item(const tw_attr *attr, size_t index)
{
    if (!attr->list)
        return &attr->value;
    return (const char *)attr->value.items + index * kinds[attr->kind].size;
}

/* An attribute without a kind has no value; an empty list none either. */
static size_t item_count(const tw_attr *attr)
{
    return attr->list ? attr->count : kinds[attr->kind].size ? 1 : 0;
}

/* What holds no memory of its own is copied as it is. */
tw_status *tw_attr_copy_value(tw_arena *arena, const tw_attr *from, tw_attr *to)
{
    if (!from->list && !kinds[from->kind].copy) {
        *to = *from;
        return TW_OK;
    }
    size_t size = kinds[from->kind].size, count = item_count(from);
    tw_attr copy = {.name = from->name, .kind = from->kind, .list = from->list};
    char *items = from->list ? tw_arena_array(arena, count, size) : (char *)&copy.value;
    if (!items)
        return tw_no_memory();
    if (from->list)
        copy.value.items = items;
    /* `count` follows the elements that are done, and a scalar is one from the start, so that what
     * a failure leaves can be released. */
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        const void *item = tw_attr_item(from, i);
        if (kinds[from->kind].copy)
            good = kinds[from->kind].copy(arena, item, items + i * size);
        else
            memcpy(items + i * size, item, size);
        copy.count += from->list;
    }
    if (!good) {
        tw_attr_release(&copy);
        return tw_no_memory();
    }
    *to = copy;
    return TW_OK;
}

/* `to` may be `from`: it is written last, and only when everything is there. */
tw_status *tw_attr_copy(tw_arena *arena, const tw_attr *from, tw_attr *to)
{
    char *name = tw_arena_strdup(arena, from->name);
    if (from->name && !name)
        return tw_no_memory();
    TW_TRY(tw_attr_copy_value(arena, from, to));
    to->name = name;
    return TW_OK;
}

/* The memory itself goes with its arena. */
void tw_attr_release(const tw_attr *attr)
{
    if (!kinds[attr->kind].release)
        return;
    for (size_t i = 0; i < item_count(attr); i++)
        kinds[attr->kind].release(tw_attr_item(attr, i));
}

/* Attributes without a name (elements of a request) compare by value alone. */
bool tw_attr_equal(const tw_attr *a, const tw_attr *b)
{
    if (a->kind != b->kind || a->list != b->list || item_count(a) != item_count(b))
        return false;
    if (!a->name != !b->name || (a->name && strcmp(a->name, b->name) != 0))
        return false;
    for (size_t i = 0; i < item_count(a); i++) {
        const void *x = tw_attr_item(a, i), *y = tw_attr_item(b, i);
        bool (*equal)(const void *, const void *) = kinds[a->kind].equal;
        if (equal ? !equal(x, y) : memcmp(x, y, kinds[a->kind].size) != 0)
            return false;
    }
    return true;
}

/* For tables of nodes: agrees with tw_attr_equal. */
uint64_t tw_attr_hash(const tw_attr *attr, uint64_t seed)
{
    if (attr->name)
        seed = tw_hash_bytes(attr->name, strlen(attr->name), seed);
    for (size_t i = 0; i < item_count(attr); i++) {
        const void *item = tw_attr_item(attr, i);
        seed = kinds[attr->kind].hash ? kinds[attr->kind].hash(item, seed)
                                      : tw_hash_bytes(item, kinds[attr->kind].size, seed);
    }
    return seed;
}

/* For messages, so of bounded length: a text that would not fit ends in three dots. */
tw_text tw_attr_text(const tw_attr *attr)
{
    tw_text text = {""};
    tw_buffer b = {0};
    if (attr->list)
        tw_buffer_add_char(&b, '[');
    for (size_t i = 0; i < item_count(attr); i++) {
        if (i)
            tw_buffer_add_text(&b, ", ");
        kinds[attr->kind].text(&b, tw_attr_item(attr, i));
    }
    if (attr->list)
        tw_buffer_add_char(&b, ']');
    /* A text that is too long for its place ends in three dots. */
    char *whole = tw_buffer_take(&b);
    if (whole) {
        size_t length = strlen(whole), room = sizeof text.s - 1;
        memcpy(text.s, whole, length < room ? length : room);
        if (length > room)
            memcpy(text.s + room - 3, "...", 3);
    }
    tw_free(whole);
    return text;
}

/* The accessors below answer for any attribute, so that a rule or kernel reads what its
 * signature promises without a check of its own. */
static bool is_scalar(const tw_attr *attr, tw_attr_kind kind)
{
    return attr && attr->kind == kind && !attr->list;
}

/* An attribute that is missing or of another kind reads as false, so kernels need no check after
 * the signature's. */
bool tw_attr_as_bool(const tw_attr *attr)
{
    return is_scalar(attr, TW_ATTR_BOOL) && attr->value.b;
}

int64_t tw_attr_as_int(const tw_attr *attr)
{
    return is_scalar(attr, TW_ATTR_INT) ? attr->value.i : 0;
}

/* NULL and other kinds give 0: the signature has fixed the kind before any kernel or rule asks,
 * so this happens to no checked node. */
double tw_attr_as_float(const tw_attr *attr)
{
    return is_scalar(attr, TW_ATTR_FLOAT) ? (double)attr->value.f : 0;
}

/* A missing attribute gives the invalid type, which no kernel supports, so a slip shows up as a
 * refusal and not as a crash. */
tw_dtype tw_attr_as_type(const tw_attr *attr)
{
    return is_scalar(attr, TW_ATTR_TYPE) ? attr->value.type : TW_INVALID_DTYPE;
}

/* Never NULL, so that a kernel may compare it at once. */
const char *tw_attr_as_string(const tw_attr *attr)
{
    return is_scalar(attr, TW_ATTR_STRING) && attr->value.s.data ? attr->value.s.data : "";
}

/* Borrowed from the attribute; a scalar is no list and gives an empty one. */
tw_ints tw_attr_as_ints(const tw_attr *attr)
{
    if (!attr || attr->kind != TW_ATTR_INT || !attr->list)
        return (tw_ints){NULL, 0};
    return (tw_ints){attr->value.items, attr->count};
}
