/* SPDX-License-Identifier: Apache-2.0
 * Stacks of arrays that live for one run: what TensorFlow's gradients of loops keep their values
 * in. A handle is a shared reference (StackV2) or a name that the run knows (Stack). */
#include <string.h>

#include "base/map.h"
#include "base/os.h"
#include "base/vec.h"
#include "op/define.h"
#include "tensor/array.h"

typedef struct stack {
    atomic_int refs;
    tw_mutex lock;
    char *name;
    tw_dtype dtype;
    int64_t max_size; /* negative: none */
    bool closed;
    TW_VEC(tw_array *) arrays;
} stack;

/* ---- life ---- */

/* Under the lock or when nobody else knows the stack; arrays may live on elsewhere. */
static void drop_arrays(stack *s)
{
    for (size_t i = 0; i < s->arrays.count; i++)
        tw_array_unref(s->arrays.items[i]);
    tw_vec_clear(&s->arrays);
}

/* Relaxed is enough, since whoever copies a handle holds a reference already. */
static void stack_ref(void *object)
{
    atomic_fetch_add_explicit(&((stack *)object)->refs, 1, memory_order_relaxed);
}

/* The last reference drops what is still on the stack; nobody else can know it by then, so no
 * lock is taken. */
static void stack_unref(void *object)
{
    stack *s = object;
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    drop_arrays(s);
    tw_mutex_free(&s->lock);
    tw_free(s->name);
    tw_free(s);
}

static const tw_handle_class handle_class = {"Stack", stack_ref, stack_unref};

/* The stacks of one run that are known by name. */
typedef struct registry {
    tw_map stacks;
    uint64_t made;
} registry;

/* One for each run, when its first stack is made. */
static tw_status *registry_make(tw_compute *c, void **out)
{
    (void)c;
    *out = TW_NEW(registry);
    return *out ? TW_OK : tw_no_memory();
}

/* At the end of the run: each name held one reference. */
static void registry_free(void *object)
{
    registry *known = object;
    size_t position = 0;
    const char *key;
    void *value;
    while (tw_map_next(&known->stacks, &position, &key, &value))
        stack_unref(value);
    tw_map_clear(&known->stacks);
    tw_free(known);
}

static const tw_state_class registry_class = {.size = sizeof(registry),
                                              .name = "Stacks",
                                              .make = registry_make,
                                              .free = registry_free,
                                              .per_run = true};

/* One table for each run, made when the first stack of the older form is. */
static tw_status *registry_of(tw_compute *c, registry **out)
{
    void *object;
    TW_TRY(tw_compute_resource(c, &registry_class, "_stacks", &object));
    *out = object;
    return TW_OK;
}

/* ---- handles ---- */

/* Borrowed: the handle or the run's table keeps the stack while the kernel works. */
static tw_status *stack_of(tw_compute *c, stack **out)
{
    const tw_array *handle = tw_input(c, 0);
    if (handle->dtype == TW_RESOURCE) {
        const tw_handle *h = handle->count == 1 ? handle->data : NULL;
        if (!h || h->type != &handle_class)
            return tw_value_error("the handle is not that of a Stack");
        *out = h->object;
        return TW_OK;
    }
    if (handle->count != 2)
        return tw_value_error("Stack handle must have two elements, but had shape: %s",
                              tw_shape_tf_text(tw_shape_of(handle)).s);
    size_t length;
    const char *name = tw_string_get((const tw_string *)handle->data + 1, &length);
    registry *known;
    TW_TRY(registry_of(c, &known));
    *out = tw_map_get_n(&known->stacks, name, length);
    if (!*out)
        return tw_status_new(TW_NOT_FOUND, "there is no Stack '%.*s' in this run",
                             (int)(length < 200 ? length : 200), name);
    return TW_OK;
}

/* Output 0 becomes the handle; a name is noted in the run. */
static tw_status *hand_out(tw_compute *c, registry *known, stack *s)
{
    tw_array *out = tw_output(c, 0);
    if (out->dtype == TW_RESOURCE) {
        stack_ref(s);
        tw_elements_drop(TW_RESOURCE, out->data, 1);
        *(tw_handle *)out->data = (tw_handle){.type = &handle_class, .object = s};
        return TW_OK;
    }
    tw_string *words = out->data;
    TW_TRY(tw_string_set(&words[0], "_stacks", strlen("_stacks")));
    TW_TRY(tw_string_set(&words[1], s->name, strlen(s->name)));
    if (!tw_map_set(&known->stacks, s->name, s))
        return tw_no_memory();
    stack_ref(s);
    return TW_OK;
}

/* Names are unique in the run, so that a node in a loop makes a stack for each iteration. */
static tw_status *make(tw_compute *c)
{
    const char *base = tw_compute_string(c, "stack_name");
    registry *known;
    TW_TRY(registry_of(c, &known));
    stack *s = TW_NEW(stack);
    if (!s)
        return tw_no_memory();
    atomic_init(&s->refs, 1);
    tw_mutex_init(&s->lock);
    s->dtype = tw_compute_type(c, "elem_type");
    s->max_size = c->input_count ? tw_index_at(tw_input(c, 0), 0) : -1;
    tw_text name;
    snprintf(name.s, sizeof name.s, "%.200s_%llu", base && *base ? base : tw_compute_name(c),
             (unsigned long long)known->made++);
    s->name = tw_strdup(name.s);
    tw_status *status = s->name ? hand_out(c, known, s) : tw_no_memory();
    stack_unref(s);
    return status;
}

/* ---- push and pop ---- */

/* Memory that is shared is only referenced; what the step may write over again is copied. */
static tw_status *push_locked(stack *s, const tw_array *value)
{
    if (s->closed)
        return tw_value_error("Stack[%s] has already been closed.", s->name);
    if (value->dtype != s->dtype)
        return tw_value_error("Must have type %s but got %s", tw_dtype_tf_name(s->dtype),
                              tw_dtype_tf_name(value->dtype));
    if (s->max_size >= 0 && (int64_t)s->arrays.count >= s->max_size)
        return tw_value_error("Stack[%s] overflowed its max_size (%lld)", s->name,
                              (long long)s->max_size);
    bool shared = value->storage && !value->storage->release;
    tw_array *kept = shared ? tw_array_view(value->storage, value->dtype, tw_shape_of(value),
                                            value->data)
                            : tw_array_copy(value);
    if (kept && tw_vec_push(&s->arrays, kept))
        return TW_OK;
    tw_array_unref(kept);
    return tw_no_memory();
}

/* The value is also the output, so that what follows can be ordered behind the push. */
static tw_status *push(tw_compute *c)
{
    stack *s;
    TW_TRY(stack_of(c, &s));
    tw_mutex_lock(&s->lock);
    tw_status *status = push_locked(s, tw_input(c, 1));
    tw_mutex_unlock(&s->lock);
    return status ? status : tw_compute_forward(c, 0, (tw_array *)tw_input(c, 1));
}

/* The stack's reference goes over to the caller. */
static tw_status *pop_locked(stack *s, tw_dtype dtype, tw_array **out)
{
    if (s->closed)
        return tw_value_error("Stack[%s] has already been closed.", s->name);
    if (!s->arrays.count)
        return tw_value_error("Stack[%s] is empty when calling Pop().", s->name);
    if (dtype != s->dtype)
        return tw_value_error("Must have type %s but got %s", tw_dtype_tf_name(s->dtype),
                              tw_dtype_tf_name(dtype));
    *out = s->arrays.items[--s->arrays.count];
    return TW_OK;
}

/* The lock is given back before the value is passed on, which may allocate. */
static tw_status *pop(tw_compute *c)
{
    stack *s;
    tw_array *value = NULL;
    TW_TRY(stack_of(c, &s));
    tw_mutex_lock(&s->lock);
    tw_status *status = pop_locked(s, tw_compute_type(c, "elem_type"), &value);
    tw_mutex_unlock(&s->lock);
    TW_TRY(status);
    status = tw_compute_forward(c, 0, value);
    tw_array_unref(value);
    return status;
}

/* The arrays go at once; later pushes and pops are refused, while handles may live on. */
static tw_status *close_stack(tw_compute *c)
{
    stack *s;
    TW_TRY(stack_of(c, &s));
    tw_mutex_lock(&s->lock);
    drop_arrays(s);
    s->closed = true;
    tw_mutex_unlock(&s->lock);
    return TW_OK;
}

/* ---- definitions ---- */

/* The old handle is two words. */
static void infer_name(tw_infer *in)
{
    tw_infer_output(in, 0, TW_SHAPE(2));
}

/* The handle of the new form is one element. */
static void infer_make(tw_infer *in)
{
    tw_infer_scalar(in, 0);
    tw_infer_output(in, 0, TW_SHAPE());
}

/* What is pushed comes out again, in its shape. */
static void infer_push(tw_infer *in)
{
    tw_infer_output(in, 0, tw_infer_input(in, 1));
}

#define MAKE_DOC "A stack of arrays of dtype `elem_type`, which lives for one run."
#define PUSH_DOC "Puts `elem` on top of the stack, and gives it."
#define POP_DOC "Takes the array on top of the stack."
#define CLOSE_DOC "Forgets all arrays; the stack cannot be used any more."

const tw_op_definition tw_op_Stack = {
    .signature = "-> handle: Ref(string); elem_type: type; stack_name: string = \"\"",
    .doc = MAKE_DOC,
    .builder = "stack_v1",
    .flags = TW_OP_STATEFUL,
    .infer = infer_name,
    .gradient = tw_not_differentiable,
    .compute = make,
};

const tw_op_definition tw_op_StackV2 = {
    .signature = "max_size: int32 -> handle: resource; elem_type: type; stack_name: string = \"\"",
    .doc = MAKE_DOC " It holds at most `max_size` of them (negative: any number).",
    .since = "1.3",
    .flags = TW_OP_STATEFUL,
    .infer = infer_make,
    .gradient = tw_not_differentiable,
    .compute = make,
};

const tw_op_definition tw_op_StackPush = {
    .signature = "handle: Ref(string), elem: T -> output: T; T: type; swap_memory: bool = false",
    .doc = PUSH_DOC,
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = infer_push,
    .gradient = tw_not_differentiable,
    .compute = push,
};

const tw_op_definition tw_op_StackPushV2 = {
    .signature = "handle: resource, elem: T -> output: T; T: type; swap_memory: bool = false",
    .doc = PUSH_DOC,
    .since = "1.3",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = infer_push,
    .gradient = tw_not_differentiable,
    .compute = push,
};

const tw_op_definition tw_op_StackPop = {
    .signature = "handle: Ref(string) -> elem: elem_type; elem_type: type",
    .doc = POP_DOC,
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = pop,
};

const tw_op_definition tw_op_StackPopV2 = {
    .signature = "handle: resource -> elem: elem_type; elem_type: type",
    .doc = POP_DOC,
    .since = "1.3",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = pop,
};

const tw_op_definition tw_op_StackClose = {
    .signature = "handle: Ref(string) ->",
    .doc = CLOSE_DOC,
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = close_stack,
};

const tw_op_definition tw_op_StackCloseV2 = {
    .signature = "handle: resource ->",
    .doc = CLOSE_DOC,
    .since = "1.3",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .gradient = tw_not_differentiable,
    .compute = close_stack,
};
