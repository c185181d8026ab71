/* SPDX-License-Identifier: Apache-2.0
 * The list behind a TensorArray. An element is written once (those of a gradient add up) and, if
 * the list says so, forgotten when it has been read. All functions lock the list: a handle may be
 * fed to several runs. */
#include "ops/tensor_array.h"

#include <string.h>

#include "base/map.h"
#include "base/os.h"
#include "base/text.h"
#include "base/vec.h"
#include "tensor/array.h"

/* What is known of one place: its value, or the shape that it had, from which zeros for an
 * unwritten gradient are made. */
typedef struct element {
    tw_array *value;     /* NULL: not written, or read and forgotten */
    const int64_t *dims; /* of a gradient's element that was not written; NULL: not known */
    size_t rank;
    bool written, read, owned; /* owned: nobody else sees the value */
} element;

/* One list of gradients for each call of tw_gradients, told apart by its source name. */
typedef struct gradient_list {
    char *source;
    tw_array_list *list;
} gradient_list;

/* Shared by handles, by the run's names and, for a list of gradients, by the list that it
 * belongs to. */
struct tw_array_list {
    atomic_int refs;
    tw_mutex lock;
    char *name;
    tw_array_list_options options;
    int64_t dims[TW_MAX_RANK]; /* of options.element_shape */
    bool closed;
    TW_VEC(element) elements;
    TW_VEC(gradient_list) gradients;
    tw_arena shapes; /* dims of unwritten elements */
};

/* ---- life ---- */

/* The dims are copied: the shape that comes in belongs to an attribute or to a value that may
 * go. */
static void set_element_shape(tw_array_list *list, tw_shape shape)
{
    list->options.element_shape = TW_UNKNOWN_SHAPE;
    if (!shape.dims)
        return;
    if (shape.rank)
        memcpy(list->dims, shape.dims, shape.rank * sizeof *shape.dims);
    list->options.element_shape = (tw_shape){list->dims, shape.rank};
}

/* The first size is reserved also for lists that may not grow later, hence the option is put off
 * for that moment. */
tw_status *tw_array_list_new(const char *name, int64_t size, const tw_array_list_options *options,
                             tw_array_list **out)
{
    if (size < 0)
        return tw_value_error("Size should be >= 0.");
    if (options->element_shape.dims && options->element_shape.rank > TW_MAX_RANK)
        return tw_value_error("element_shape has more than %d dimensions", TW_MAX_RANK);
    tw_array_list *list = TW_NEW(tw_array_list);
    if (!list)
        return tw_no_memory();
    atomic_init(&list->refs, 1);
    tw_mutex_init(&list->lock);
    list->name = tw_strdup(name);
    list->options = *options;
    set_element_shape(list, options->element_shape);
    bool grown;
    tw_status *status = list->name ? TW_OK : tw_no_memory();
    list->options.dynamic_size = true;
    if (!status)
        status = tw_array_list_reserve(list, size, &grown);
    list->options.dynamic_size = options->dynamic_size;
    if (status) {
        tw_array_list_unref(list);
        return status;
    }
    *out = list;
    return TW_OK;
}

/* Arrays may be shared with results of the run, so only this list's references go. */
static void drop_elements(tw_array_list *list)
{
    for (size_t i = 0; i < list->elements.count; i++)
        tw_array_unref(list->elements.items[i].value);
    tw_vec_clear(&list->elements);
}

/* Whoever takes the last reference frees the list without the lock, as nobody else can know it. */
void tw_array_list_unref(tw_array_list *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    drop_elements(list);
    for (size_t i = 0; i < list->gradients.count; i++) {
        tw_free(list->gradients.items[i].source);
        tw_array_list_unref(list->gradients.items[i].list);
    }
    tw_vec_clear(&list->gradients);
    tw_arena_clear(&list->shapes);
    tw_mutex_free(&list->lock);
    tw_free(list->name);
    tw_free(list);
}

/* Relaxed is enough: who adds a reference has one already. */
static tw_array_list *list_ref(tw_array_list *list)
{
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

/* ---- handles ---- */

/* A handle that is copied, as into a loop's variable, keeps the list alive. */
static void handle_ref(void *object)
{
    list_ref(object);
}

/* The last handle frees the list, so that a list in a loop's body does not outlive its
 * iteration. */
static void handle_unref(void *object)
{
    tw_array_list_unref(object);
}

static const tw_handle_class handle_class = {"TensorArray", handle_ref, handle_unref};

/* The lists of one run that are known by name. */
typedef struct registry {
    tw_map lists;
    uint64_t made;
} registry;

/* One for each run, when the first list is made or named. */
static tw_status *registry_make(tw_compute *c, void **out)
{
    (void)c;
    *out = TW_NEW(registry);
    return *out ? TW_OK : tw_no_memory();
}

/* At the end of the run: names held one reference to each list. */
static void registry_free(void *object)
{
    registry *known = object;
    size_t position = 0;
    const char *key;
    void *list;
    while (tw_map_next(&known->lists, &position, &key, &list))
        tw_array_list_unref(list);
    tw_map_clear(&known->lists);
    tw_free(known);
}

static const tw_state_class registry_class = {.size = sizeof(registry),
                                              .name = "TensorArrays",
                                              .make = registry_make,
                                              .free = registry_free,
                                              .per_run = true};

/* The name of the resource is the first word of the older handles. */
static tw_status *registry_of(tw_compute *c, registry **out)
{
    void *object;
    TW_TRY(tw_compute_resource(c, &registry_class, "_tensor_arrays", &object));
    *out = object;
    return TW_OK;
}

/* A number that is unique in the run is added, so that a node in a loop makes lists of different
 * names; before 0.8 TensorFlow took names as they are. */
tw_status *tw_array_list_name(tw_compute *c, const char *base, bool exact, tw_text *out)
{
    registry *known;
    TW_TRY(registry_of(c, &known));
    if (!exact) {
        snprintf(out->s, sizeof out->s, "%.200s_%llu", base, (unsigned long long)known->made++);
        return TW_OK;
    }
    snprintf(out->s, sizeof out->s, "%.200s", base);
    if (tw_map_has(&known->lists, out->s))
        return tw_status_new(TW_ALREADY_EXISTS, "TensorArray %s exists already in this run",
                             out->s);
    return TW_OK;
}

/* Borrowed: the handle, or the run's table of names, keeps the list for as long as the kernel
 * works. */
tw_status *tw_array_list_of(tw_compute *c, size_t input, tw_array_list **out)
{
    const tw_array *handle = tw_input(c, input);
    if (handle->dtype == TW_RESOURCE) {
        const tw_handle *h = handle->count == 1 ? handle->data : NULL;
        if (!h || h->type != &handle_class)
            return tw_value_error("the handle is not that of a TensorArray");
        *out = h->object;
        return TW_OK;
    }
    if (handle->count != 2)
        return tw_value_error("Tensor array handle must be 2-element vector, but had shape: %s",
                              tw_shape_tf_text(tw_shape_of(handle)).s);
    size_t length;
    const char *name = tw_string_get((const tw_string *)handle->data + 1, &length);
    registry *known;
    TW_TRY(registry_of(c, &known));
    *out = tw_map_get_n(&known->lists, name, length);
    if (!*out)
        return tw_status_new(TW_NOT_FOUND, "there is no TensorArray '%.*s' in this run",
                             (int)(length < 200 ? length : 200), name);
    return TW_OK;
}

/* The older handles are two strings; the run keeps the list under the second one until it ends. */
static tw_status *hand_out_name(tw_compute *c, tw_array_list *list, tw_array *out)
{
    registry *known;
    TW_TRY(registry_of(c, &known));
    if (!tw_map_has(&known->lists, list->name)) {
        if (!tw_map_set(&known->lists, list->name, list))
            return tw_no_memory();
        list_ref(list);
    }
    tw_string *words = out->data;
    TW_TRY(tw_string_set(&words[0], "_tensor_arrays", strlen("_tensor_arrays")));
    return tw_string_set(&words[1], list->name, strlen(list->name));
}

/* Takes over the caller's reference, also after a failure, so that the caller has nothing to
 * clean up. */
tw_status *tw_array_list_hand_out(tw_compute *c, tw_array_list *list)
{
    tw_array *out = tw_output(c, 0);
    tw_status *status = TW_OK;
    if (out->dtype == TW_RESOURCE) {
        tw_elements_drop(TW_RESOURCE, out->data, 1);
        *(tw_handle *)out->data = (tw_handle){.type = &handle_class, .object = list_ref(list)};
    } else {
        status = hand_out_name(c, list, out);
    }
    tw_array_list_unref(list);
    return status;
}

/* ---- what the kernels do ---- */

/* Every use of the list asks first: after close the elements are gone, while handles may live
 * on. */
static tw_status *check_open(const tw_array_list *list)
{
    if (!list->closed)
        return TW_OK;
    return tw_value_error("TensorArray %s has already been closed.", list->name);
}

/* Reads and writes say different things in TensorFlow, hence `writes`. */
tw_status *tw_array_list_check(tw_array_list *list, tw_dtype dtype, bool writes)
{
    if (dtype == list->options.dtype)
        return TW_OK;
    return tw_value_error(writes ? "TensorArray dtype is %s but Op is trying to write dtype %s."
                                 : "TensorArray dtype is %s but Op requested dtype %s.",
                          tw_dtype_tf_name(list->options.dtype), tw_dtype_tf_name(dtype));
}

/* A closed list has no size: asking is an error, as in TensorFlow. */
tw_status *tw_array_list_size(tw_array_list *list, int64_t *out)
{
    tw_mutex_lock(&list->lock);
    tw_status *status = check_open(list);
    *out = (int64_t)list->elements.count;
    tw_mutex_unlock(&list->lock);
    return status;
}

/* New elements are all zero, which means not written, of unknown shape. The size is checked
 * before it is multiplied. */
static tw_status *reserve_locked(tw_array_list *list, int64_t size)
{
    size_t old = list->elements.count;
    if ((uint64_t)size <= old)
        return TW_OK;
    if ((uint64_t)size > SIZE_MAX / sizeof(element) ||
        !tw_vec_reserve(&list->elements, (size_t)size))
        return tw_no_memory();
    memset(list->elements.items + old, 0, ((size_t)size - old) * sizeof(element));
    list->elements.count = (size_t)size;
    return TW_OK;
}

/* Lists that may not grow are left as they are, and the caller sees from the size whether it is
 * enough. */
tw_status *tw_array_list_reserve(tw_array_list *list, int64_t size, bool *grown)
{
    tw_mutex_lock(&list->lock);
    *grown = list->options.dynamic_size && (uint64_t)size > list->elements.count;
    tw_status *status = check_open(list);
    if (!status && *grown)
        status = reserve_locked(list, size);
    tw_mutex_unlock(&list->lock);
    return status;
}

/* Borrowed from the list; it may become more exact with the first write. */
tw_shape tw_array_list_element_shape(const tw_array_list *list)
{
    return list->options.element_shape;
}

/* An array of its own with the value's numbers, or a reference where the value has storage. */
static tw_status *keep(const tw_array *value, tw_array **out, bool *owned)
{
    *owned = !value->storage || value->storage->release;
    if (*owned)
        *out = tw_array_copy(value);
    else
        *out = tw_array_view(value->storage, value->dtype, tw_shape_of(value), value->data);
    return *out ? TW_OK : tw_no_memory();
}

/* As add_doubles; kept free of aliasing with the value, since only an owned element is added to. */
static void add_floats(float *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* A loop of its own for the commonest sums, those of gradients; both arrays have the same shape
 * by then. */
static void add_doubles(double *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* The element's value becomes its sum with `value`; memory that others see is left alone. */
static tw_status *add_to(tw_array_list *list, element *e, int64_t index, const tw_array *value)
{
    if (!tw_shape_equal(tw_shape_of(e->value), tw_shape_of(value)))
        return tw_value_error("TensorArray %s: Could not aggregate to TensorArray index %lld "
                              "because the existing shape is %s but the new input shape is %s.",
                              list->name, (long long)index,
                              tw_shape_tf_text(tw_shape_of(e->value)).s,
                              tw_shape_tf_text(tw_shape_of(value)).s);
    size_t n = value->count;
    bool single = value->dtype == TW_FLOAT32 || value->dtype == TW_COMPLEX64;
    if (!single && value->dtype != TW_FLOAT64 && value->dtype != TW_COMPLEX128) {
        tw_array *inputs[2] = {e->value, (tw_array *)value}, *sum;
        TW_TRY(tw_op_evaluate("Add", NULL, 0, inputs, 2, &sum, 1));
        tw_array_unref(e->value);
        e->value = sum;
        e->owned = true;
        return TW_OK;
    }
    if (!e->owned) {
        tw_array *copy = tw_array_copy(e->value);
        if (!copy)
            return tw_no_memory();
        tw_array_unref(e->value);
        e->value = copy;
        e->owned = true;
    }
    n *= tw_dtype_is_complex(value->dtype) ? 2 : 1;
    if (single)
        add_floats(e->value->data, value->data, n);
    else
        add_doubles(e->value->data, value->data, n);
    return TW_OK;
}

/* Everything that can refuse a write, in TensorFlow's order and words. The list may have grown
 * afterwards, but no element was changed. */
static tw_status *check_write(tw_array_list *list, int64_t index, const tw_array *value)
{
    TW_TRY(check_open(list));
    if (index < 0 || (index >= (int64_t)list->elements.count && !list->options.dynamic_size))
        return tw_value_error("Tried to write to index %lld but array is not resizeable and size "
                              "is: %zu",
                              (long long)index, list->elements.count);
    if (!tw_shape_compatible(list->options.element_shape, tw_shape_of(value)))
        return tw_value_error("TensorArray %s: Could not write to TensorArray index %lld because "
                              "the value shape is %s which is incompatible with the TensorArray's "
                              "inferred element shape: %s (consider setting infer_shape=False).",
                              list->name, (long long)index, tw_shape_tf_text(tw_shape_of(value)).s,
                              tw_shape_tf_text(list->options.element_shape).s);
    TW_TRY(reserve_locked(list, index + 1));
    const element *e = &list->elements.items[index];
    if (e->read)
        return tw_value_error("TensorArray %s: Could not write to TensorArray index %lld because "
                              "it has already been read.",
                              list->name, (long long)index);
    if (e->written && !list->options.adds)
        return tw_value_error("TensorArray %s: Could not write to TensorArray index %lld because "
                              "it has already been written to.",
                              list->name, (long long)index);
    return TW_OK;
}

/* The first write keeps the value, without a copy where its memory is shared; with
 * identical_shapes it fixes the shape of all others. */
static tw_status *write_locked(tw_array_list *list, int64_t index, const tw_array *value)
{
    TW_TRY(check_write(list, index, value));
    element *e = &list->elements.items[index];
    if (e->value)
        return add_to(list, e, index, value);
    TW_TRY(keep(value, &e->value, &e->owned));
    e->written = true;
    if (list->options.identical_shapes && !tw_shape_fully_known(list->options.element_shape))
        set_element_shape(list, tw_shape_of(value));
    return TW_OK;
}

/* Under the lock. A failed write leaves the elements as they were. */
tw_status *tw_array_list_write(tw_array_list *list, int64_t index, const tw_array *value)
{
    tw_mutex_lock(&list->lock);
    tw_status *status = write_locked(list, index, value);
    tw_mutex_unlock(&list->lock);
    return status;
}

/* The shape that an unwritten element would have; not fully known: nobody knows. */
static tw_shape shape_of_unwritten(const tw_array_list *list, const element *e)
{
    return e->dims ? (tw_shape){e->dims, e->rank} : list->options.element_shape;
}

/* The words are TensorFlow's; they say what to do, which is to declare the shape of the
 * elements. */
static tw_status *not_written(const tw_array_list *list, int64_t index, tw_shape shape)
{
    return tw_value_error(
        "TensorArray %s: Could not read from TensorArray index %lld.  Furthermore, the element "
        "shape is not fully defined: %s.  It is possible you are working with a resizeable "
        "TensorArray and stop_gradients is not allowing the gradients to be written.  If you set "
        "the full element_shape property on the forward TensorArray, the proper all-zeros tensor "
        "will be returned instead of incurring this error.",
        list->name, (long long)index, tw_shape_tf_text(shape).s);
}

/* For a list of gradients, which may be made after the element is gone. */
static tw_status *note_shape(tw_array_list *list, element *e, tw_shape shape)
{
    int64_t *dims = tw_arena_array(&list->shapes, shape.rank + 1, sizeof *dims);
    if (!dims)
        return tw_no_memory();
    if (shape.rank)
        memcpy(dims, shape.dims, shape.rank * sizeof *dims);
    e->dims = dims;
    e->rank = shape.rank;
    return TW_OK;
}

/* An element that was never written is zeros, if its shape is known, as gradients need it. The
 * reference that comes out belongs to the caller. */
static tw_status *read_locked(tw_array_list *list, int64_t index, tw_array **out)
{
    TW_TRY(check_open(list));
    if (index < 0 || index >= (int64_t)list->elements.count)
        return tw_value_error("Tried to read from index %lld but array size is: %zu",
                              (long long)index, list->elements.count);
    element *e = &list->elements.items[index];
    if (!e->value && e->read)
        return tw_value_error("TensorArray %s: Could not read index %lld twice because it was "
                              "cleared after a previous read (perhaps try setting "
                              "clear_after_read = false?).",
                              list->name, (long long)index);
    if (!e->value) {
        tw_shape shape = shape_of_unwritten(list, e);
        if (!shape.dims || !tw_shape_fully_known(shape))
            return not_written(list, index, shape);
        return tw_array_create(list->options.dtype, shape, out);
    }
    if (list->options.clear_after_read)
        TW_TRY(note_shape(list, e, tw_shape_of(e->value)));
    e->read = true;
    *out = e->value;
    if (list->options.clear_after_read)
        e->value = NULL;
    else
        tw_array_ref(*out);
    return TW_OK;
}

/* Under the lock, since reading changes the element: it is marked, and perhaps forgotten. */
tw_status *tw_array_list_read(tw_array_list *list, int64_t index, tw_array **out)
{
    tw_mutex_lock(&list->lock);
    tw_status *status = read_locked(list, index, out);
    tw_mutex_unlock(&list->lock);
    return status;
}

/* The elements go at once; the list itself stays until the last handle does. Closing twice does
 * no harm. */
void tw_array_list_close(tw_array_list *list)
{
    tw_mutex_lock(&list->lock);
    drop_elements(list);
    list->closed = true;
    tw_mutex_unlock(&list->lock);
}

/* ---- gradients ---- */

/* What the forward list knows of its elements' shapes. */
static tw_status *copy_shapes(const tw_array_list *from, tw_array_list *to)
{
    for (size_t i = 0; i < from->elements.count; i++) {
        const element *e = &from->elements.items[i];
        tw_shape shape = e->value ? tw_shape_of(e->value) : (tw_shape){e->dims, e->rank};
        if (shape.dims)
            TW_TRY(note_shape(to, &to->elements.items[i], shape));
    }
    return TW_OK;
}

/* The same source gives the same list, so that all operations of one call add up in it. It adds,
 * does not grow, and forgets what was read. */
static tw_status *gradient_locked(tw_array_list *list, const char *source, tw_array_list **out)
{
    TW_TRY(check_open(list));
    for (size_t i = 0; i < list->gradients.count; i++) {
        if (strcmp(list->gradients.items[i].source, source))
            continue;
        *out = list_ref(list->gradients.items[i].list);
        return TW_OK;
    }
    tw_array_list_options options = list->options;
    options.dynamic_size = false;
    options.adds = options.clear_after_read = true;
    tw_buffer name = {0};
    tw_buffer_printf(&name, "%s@%s", list->name, source);
    gradient_list made = {.source = tw_strdup(source)};
    char *text = tw_buffer_take(&name);
    tw_status *status = made.source && text ? TW_OK : tw_no_memory();
    if (!status)
        status = tw_array_list_new(text, (int64_t)list->elements.count, &options, &made.list);
    if (!status)
        status = copy_shapes(list, made.list);
    if (!status && !tw_vec_push(&list->gradients, made))
        status = tw_no_memory();
    tw_free(text);
    if (status) {
        tw_free(made.source);
        tw_array_list_unref(made.list);
        return status;
    }
    *out = list_ref(made.list);
    return TW_OK;
}

/* The caller gets its own reference to the list, which is made when a source first asks for
 * it. */
tw_status *tw_array_list_gradient(tw_array_list *list, const char *source, tw_array_list **out)
{
    tw_mutex_lock(&list->lock);
    tw_status *status = gradient_locked(list, source, out);
    tw_mutex_unlock(&list->lock);
    return status;
}
