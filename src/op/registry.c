/* SPDX-License-Identifier: Apache-2.0
 * The registry of ops: the table that the build generates, sorted by name, and what callers add.
 * A built-in op is parsed when it is first asked for, so that a process starts fast. Entries are
 * made under the lock, published by an atomic pointer and never freed. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/os.h"
#include "base/status.h"
#include "base/text.h"
#include "base/vec.h"
#include "op/attr.h"
#include "thalweg/operand.h"

/* An entry of the table, NULL until somebody asked for it. Readers need no lock: they see NULL
 * or a finished op. */
typedef struct tw_op *_Atomic slot;

enum { RECENT = 64 };

/* The lock guards the arena and what is added; a lookup of a built-in op that was asked for
 * before does not take it. */
static struct {
    tw_mutex lock;
    bool ready;            /* everything below is set up; guarded by the lock */
    slot *_Atomic builtin; /* one for each row of tw_builtin_ops */
    size_t builtin_count;
    tw_arena arena;
    tw_map added;        /* name -> struct tw_op * */
    slot recent[RECENT]; /* by a hash of the name: what was looked up last */
    TW_VEC(struct tw_op *) in_order;
} registry = {.lock = TW_MUTEX_INIT};

/* As functions, because fork wants them so. */
static void lock(void)
{
    tw_mutex_lock(&registry.lock);
}

static void unlock(void)
{
    tw_mutex_unlock(&registry.lock);
}

/* With the lock held. */
static tw_status *set_up(void)
{
    if (registry.ready)
        return TW_OK;
    size_t count = 0;
    while (tw_builtin_ops[count].name)
        count++;
    slot *slots = tw_arena_array(&registry.arena, count, sizeof *slots);
    if (!slots)
        return tw_no_memory();
    registry.builtin_count = count;
    atomic_store(&registry.builtin, slots);
    /* A child of fork must not find the lock held by a thread that it does not have. */
    tw_os_on_fork(lock, unlock, unlock);
    registry.ready = true;
    return TW_OK;
}

/* ---- making an entry, with the lock held ---- */

/* "T: {float}" is parsed as the attributes of an op without inputs, so that there is one
 * language. */
static struct tw_op *parse_constraints(const char *dtypes, const char *name, tw_status **status)
{
    struct tw_op *constraints = TW_ARENA_NEW(&registry.arena, struct tw_op);
    char *text = tw_arena_printf(&registry.arena, "; %s", dtypes);
    *status = tw_no_memory();
    if (!constraints || !text)
        return NULL;
    constraints->name = name;
    *status = tw_signature_parse(text, &registry.arena, constraints);
    return *status ? NULL : constraints;
}

/* The list is read without the lock: an entry is complete before it is linked. */
static tw_status *add_kernel(struct tw_op *op, const tw_kernel *kernel)
{
    tw_kernel_entry *entry = TW_ARENA_NEW(&registry.arena, tw_kernel_entry);
    tw_status *status = TW_OK;
    if (!entry)
        return tw_no_memory();
    if (!kernel->compute)
        return tw_value_error("a kernel of '%s' Op has no compute function", op->name);
    entry->kernel = *kernel;
    if (kernel->dtypes)
        entry->constraints = parse_constraints(kernel->dtypes, op->name, &status);
    if (status)
        return status;
    entry->next = atomic_load(&op->kernels);
    atomic_store(&op->kernels, entry);
    return TW_OK;
}

/* The definition's kernels from the last to the first, so that the first is found first. */
static tw_status *add_kernels(struct tw_op *op)
{
    const tw_op_definition *d = &op->definition;
    /* The shorthand comes last in the list, after all kernels that say more. */
    if (d->compute) {
        tw_kernel only = {.compute = d->compute,
                          .in_place = d->in_place,
                          .in_place_output = d->in_place_output,
                          .workspace = d->workspace,
                          .state_size = d->state_size,
                          .prepare = d->prepare};
        TW_TRY(add_kernel(op, &only));
    }
    for (size_t i = d->kernel_count; i-- > 0;)
        TW_TRY(add_kernel(op, &d->kernels[i]));
    return TW_OK;
}

/* What a definition of an older size lacks is zero. A failure wastes arena memory, no more. */
static tw_status *make_op(const char *name, const tw_op_definition *definition, size_t size,
                          struct tw_op **out)
{
    struct tw_op *op = TW_ARENA_NEW(&registry.arena, struct tw_op);
    if (!op)
        return tw_no_memory();
    op->name = tw_arena_strdup(&registry.arena, name);
    if (!op->name)
        return tw_no_memory();
    memcpy(&op->definition, definition, size < sizeof *definition ? size : sizeof *definition);
    op->definition.name = op->name;
    op->definition.size = sizeof *definition;
    TW_TRY(tw_signature_parse(definition->signature, &registry.arena, op));
    TW_TRY(add_kernels(op));
    *out = op;
    return TW_OK;
}

/* ---- finding ---- */

/* For bsearch: the key is a name, the element a row. */
static int compare_name(const void *name, const void *row)
{
    return strcmp(name, ((const tw_builtin_op *)row)->name);
}

/* The entry is looked at again under the lock, because another thread may have made it
 * meanwhile. */
static tw_status *make_builtin(size_t index, const tw_op **out)
{
    slot *entry = &atomic_load(&registry.builtin)[index];
    struct tw_op *op = atomic_load(entry);
    tw_status *status = TW_OK;
    if (!op) {
        const tw_builtin_op *row = &tw_builtin_ops[index];
        lock();
        op = atomic_load(entry);
        if (!op)
            status = make_op(row->name, row->definition, sizeof *row->definition, &op);
        if (!status)
            atomic_store(entry, op);
        unlock();
    }
    *out = status ? NULL : op;
    return status;
}

/* Cheap once done: the pointer is published after all else is there. */
static tw_status *ensure_set_up(void)
{
    if (atomic_load(&registry.builtin))
        return TW_OK;
    lock();
    tw_status *status = set_up();
    unlock();
    return status;
}

/* Built-in ops are found without the lock; only added ones, whose map may grow, need it. */
static tw_status *search(const char *name, const tw_op **out)
{
    TW_TRY(ensure_set_up());
    const tw_builtin_op *row = bsearch(name, tw_builtin_ops, registry.builtin_count,
                                       sizeof *tw_builtin_ops, compare_name);
    if (row)
        return make_builtin((size_t)(row - tw_builtin_ops), out);
    lock();
    *out = tw_map_get(&registry.added, name);
    unlock();
    if (*out)
        return TW_OK;
    return tw_status_with_kind(tw_status_new(TW_NOT_FOUND, "Op type not registered '%s'", name),
                               TW_KIND_NAME);
}

/* A graph has operations of few types. Names never come to mean another op. */
tw_status *tw_op_lookup(const char *name, const tw_op **out)
{
    unsigned hash = 0;
    *out = NULL;
    if (!name)
        return tw_value_error("an op's type is missing");
    for (const char *c = name; *c; c++)
        hash = hash * 31 + (unsigned char)*c;
    slot *recent = &registry.recent[(hash ^ hash >> 6) % RECENT];
    struct tw_op *op = atomic_load_explicit(recent, memory_order_acquire);
    if (op && strcmp(op->name, name) == 0) {
        *out = op;
        return TW_OK;
    }
    TW_TRY(search(name, out));
    atomic_store_explicit(recent, (struct tw_op *)(uintptr_t)*out, memory_order_release);
    return TW_OK;
}

/* Who counted the built-in ops may have counted others. */
tw_status *tw_op_lookup_at(size_t place, const char *name, const tw_op **out)
{
    const slot *slots = atomic_load(&registry.builtin);
    bool there = slots && place && place <= registry.builtin_count;
    *out = there ? atomic_load(&slots[place - 1]) : NULL;
    if (*out && strcmp((*out)->name, name) == 0)
        return TW_OK;
    return tw_op_lookup(name, out);
}

/* An op that could not be made for want of memory is not found either; who must tell the two
 * apart asks tw_op_lookup. */
const tw_op *tw_op_find(const char *name)
{
    const tw_op *op;
    tw_status_free(tw_op_lookup(name, &op));
    return op;
}

/* Built-in ops first and then those that callers added, so that an index stays valid while ops
 * are added. */
size_t tw_op_count(void)
{
    tw_status_free(ensure_set_up());
    lock();
    size_t count = registry.builtin_count + registry.in_order.count;
    unlock();
    return count;
}

/* Built-in ops come first in the order of their names, then those of callers as they were added,
 * so an index stays good. */
const tw_op *tw_op_at(size_t index)
{
    const tw_op *op = NULL;
    tw_status_free(ensure_set_up());
    if (index < registry.builtin_count) {
        tw_status_free(make_builtin(index, &op));
        return op;
    }
    index -= registry.builtin_count;
    lock();
    if (index < registry.in_order.count)
        op = registry.in_order.items[index];
    unlock();
    return op;
}

const char *tw_op_name(const tw_op *op)
{
    return op ? op->name : NULL;
}

const tw_op_definition *tw_op_get_definition(const tw_op *op)
{
    return op ? &op->definition : NULL;
}

/* Walked by index until NULL, so that a front end needs no count of its own. */
const tw_op_arg *tw_op_input(const tw_op *op, size_t index)
{
    return op && index < op->input_count ? &op->inputs[index] : NULL;
}

const tw_op_arg *tw_op_output(const tw_op *op, size_t index)
{
    return op && index < op->output_count ? &op->outputs[index] : NULL;
}

const tw_op_attr *tw_op_attribute(const tw_op *op, size_t index)
{
    return op && index < op->attr_count ? &op->attrs[index] : NULL;
}

/* Counted each time, for the table is short, constant and asked for only by listings and by the
 * tests. */
size_t tw_composite_count(void)
{
    size_t count = 0;
    while (tw_builtin_composites[count])
        count++;
    return count;
}

/* Beyond the end both results are NULL, so that a loop may run until it meets the first NULL. */
const tw_composite *tw_composite_at(size_t index, const char **name)
{
    bool there = index < tw_composite_count();
    if (name)
        *name = there ? tw_builtin_composite_names[index] : NULL;
    return there ? tw_builtin_composites[index] : NULL;
}

/* Few and looked up once by each caller, so that no search tree is worth it. */
const tw_composite_face *tw_composite_find(const char *name)
{
    const tw_composite_face *const *face = tw_builtin_composite_faces;
    while (name && *face && strcmp((*face)->name, name) != 0)
        face++;
    return name ? *face : NULL;
}

/* ---- registering ---- */

/* TensorFlow's rule for names of ops, less ">", and a small letter may begin one. */
static bool valid_name(const char *name)
{
    if (!name || !((*name >= 'A' && *name <= 'Z') || (*name >= 'a' && *name <= 'z')))
        return false;
    for (; *name; name++) {
        bool letter = (*name >= 'A' && *name <= 'Z') || (*name >= 'a' && *name <= 'z');
        if (!letter && !(*name >= '0' && *name <= '9') && *name != '_')
            return false;
    }
    return true;
}

/* Room in both lists is taken before either is changed. */
static tw_status *register_locked(const tw_op_definition *definition)
{
    struct tw_op *op;
    TW_TRY(set_up());
    if (tw_map_has(&registry.added, definition->name) ||
        bsearch(definition->name, tw_builtin_ops, registry.builtin_count, sizeof *tw_builtin_ops,
                compare_name))
        return tw_status_new(TW_ALREADY_EXISTS, "an op named '%s' is registered already",
                             definition->name);
    TW_TRY(make_op(definition->name, definition, definition->size, &op));
    atomic_store(&op->foreign, true);
    if (!tw_vec_reserve(&registry.in_order, registry.in_order.count + 1) ||
        !tw_map_set(&registry.added, op->name, op))
        return tw_no_memory();
    tw_vec_push(&registry.in_order, op);
    return TW_OK;
}

/* The size tells how much of the struct the caller knows, so that older programs go on working. */
tw_status *tw_register_op(const tw_op_definition *definition)
{
    /* Everything before `infer` was there from the first version on. */
    if (!definition || definition->size < offsetof(tw_op_definition, infer))
        return tw_value_error("tw_register_op: size must be sizeof(tw_op_definition)");
    if (!valid_name(definition->name))
        return tw_value_error("'%s' is not a valid name of an op: letters and digits, a letter "
                              "first",
                              definition->name ? definition->name : "(null)");
    lock();
    tw_status *status = register_locked(definition);
    unlock();
    return status;
}

/* The op is marked foreign, for from now on it may have effects that folding must not
 * anticipate. */
tw_status *tw_register_kernel(const char *op, const tw_kernel *kernel)
{
    const tw_op *found;
    if (!kernel)
        return tw_value_error("tw_register_kernel: no kernel");
    TW_TRY(tw_op_lookup(op, &found));
    struct tw_op *changed = (struct tw_op *)(uintptr_t)found;
    lock();
    tw_status *status = add_kernel(changed, kernel);
    atomic_store(&changed->foreign, true);
    unlock();
    return status;
}

/* ---- choosing a kernel ---- */

/* Nodes have few attributes: a search costs less than a table. */
static const tw_attr *find_value(const tw_attr *attrs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (attrs[i].name && strcmp(attrs[i].name, name) == 0)
            return &attrs[i];
    return NULL;
}

/* A constraint on a list(type) holds for each of its elements; one on an attribute that the node
 * lacks does not hold. */
static bool suits(const tw_kernel_entry *entry, const tw_attr *attrs, size_t attr_count)
{
    const struct tw_op *constraints = entry->constraints;
    for (size_t i = 0; constraints && i < constraints->attr_count; i++) {
        const tw_attr *value = find_value(attrs, attr_count, constraints->attrs[i].name);
        if (!value || value->kind != TW_ATTR_TYPE)
            return false;
        for (size_t k = 0; k < (value->list ? value->count : 1); k++)
            if (!tw_op_allows_type(&constraints->attrs[i],
                                   *(const tw_dtype *)tw_attr_item(value, k)))
                return false;
    }
    return true;
}

/* A label must be asked for, and asking for none means one without. */
static bool has_label(const tw_kernel *kernel, const tw_attr *wanted)
{
    const char *label = kernel->label ? kernel->label : "";
    if (!wanted || wanted->kind != TW_ATTR_STRING)
        return *label == '\0';
    return wanted->value.s.length == strlen(label) &&
           memcmp(wanted->value.s.data, label, strlen(label)) == 0;
}

/* The newest kernel that suits goes first, so that a caller's own kernel replaces a built-in
 * one. */
const tw_kernel *tw_op_kernel(const tw_op *op, const char *device, const tw_attr *attrs,
                              size_t attr_count)
{
    /* TensorFlow's name for this attribute; the graph's kernel label map sets it. */
    const tw_attr *label = find_value(attrs, attr_count, "_kernel");
    const tw_kernel_entry *entry = atomic_load(&((struct tw_op *)(uintptr_t)op)->kernels);
    for (; entry; entry = entry->next) {
        const char *on = entry->kernel.device ? entry->kernel.device : "CPU";
        if (strcmp(on, device ? device : "CPU") == 0 && has_label(&entry->kernel, label) &&
            suits(entry, attrs, attr_count))
            return &entry->kernel;
    }
    return NULL;
}

/* Worded as TensorFlow words it, with the types of the node only: other attributes have no say
 * in the choice of a kernel. */
tw_status *tw_op_no_kernel(const tw_spec *spec, const char *device)
{
    tw_buffer text = {0};
    for (size_t i = 0; i < spec->attr_count; i++)
        if (spec->attrs[i].kind == TW_ATTR_TYPE)
            tw_buffer_printf(&text, "%s%s=%s", text.length ? ", " : "", spec->attrs[i].name,
                             tw_attr_text(&spec->attrs[i]).s);
    char *dtypes = tw_buffer_take(&text);
    tw_status *status = tw_status_new(
        TW_NOT_FOUND, "No registered '%s' OpKernel for %s devices compatible with the attrs [%s]",
        spec->type, device ? device : "CPU", dtypes ? dtypes : "");
    tw_free(dtypes);
    return status;
}
