/* SPDX-License-Identifier: Apache-2.0
 * Steps that read or write variables. What is read is held for the time of the step, what may be
 * written is locked. Which variables these are is fixed for nearly all steps and written down once
 * for a frame; where a Switch, Merge or RefSelect chooses among references it is found out anew in
 * every run. */
#include <string.h>

#include "base/status.h"
#include "runtime/run.h"

enum {
    STEP_REFS = 32,
    PLAIN_FLAGS = TW_STEP_GUARDED | TW_STEP_READS | TW_STEP_WRITES | TW_STEP_WAITS,
    BRIEF = 4096, /* bytes, and operations, of a step that may run under a lock */
    SMALL = 64    /* bytes: what is copied rather than held */
};

/* The slot's name is what the user gave the variable. */
static tw_status *uninitialized(const tw_variable *variable)
{
    tw_status *status = tw_status_new(TW_FAILED_PRECONDITION,
                                      "Attempting to use uninitialized value %s", variable->key);
    return tw_status_with_kind(status, TW_KIND_STATE);
}

/* A variable may get another shape by an Assign that does not check it. */
TW_COLD static tw_status *declared_otherwise(const tw_variable *variable, const tw_array *value,
                                             const tw_array *slot)
{
    return tw_value_error("the variable %s has shape %s where %s was declared", variable->key,
                          tw_shape_text(tw_array_shape(value)).s,
                          tw_shape_text(tw_array_shape(slot)).s);
}

/* Points a slot at the variable's array; a dynamic one takes its sizes too. */
static tw_status *point_at(const tw_variable *variable, const tw_array *array, bool dynamic,
                           tw_array *slot)
{
    slot->data = array->data;
    if (dynamic) {
        slot->rank = array->rank;
        slot->count = array->count;
        memcpy(slot->dims, array->dims, array->rank * sizeof *array->dims);
        return TW_OK;
    }
    return slot->count == array->count ? TW_OK : declared_otherwise(variable, array, slot);
}

/* ---- found out in the run ---- */

/* Points the slot of `value`, which is or views a variable, at the variable's memory; the array is
 * held. */
tw_status *tw_frame_hold(tw_frame *frame, uint32_t value)
{
    const tw_sized *sized = &frame->variant->values[value];
    tw_variable *variable = frame->refs[sized->root];
    tw_array *array = variable ? tw_variable_hold(variable) : NULL;
    if (!array)
        return variable ? uninitialized(variable)
                        : tw_status_new(TW_INTERNAL, "a reference that means no variable");
    frame->held[frame->held_count++] = array;
    return point_at(variable, array, sized->dynamic, &frame->slots[value]);
}

/* A reference input is not held but locked, since its kernel may write. */
static tw_status *hold_variables(tw_frame *frame, const tw_step *step)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    for (uint32_t i = 0; i < step->input_count; i++) {
        bool ref = i < 32 && node->ref_inputs >> i & 1;
        if (step->flags & TW_STEP_LOOP)
            ref = node->loop->vars[i].is_ref; /* the body finds it itself */
        if (!ref && frame->refs[frame->variant->values[step->inputs[i]].root])
            TW_TRY(tw_frame_hold(frame, step->inputs[i]));
    }
    return TW_OK;
}

/* At the end of the step, so that a later writer finds the array free and writes in place. */
void tw_frame_let_go(tw_frame *frame)
{
    while (frame->held_count)
        tw_array_unref(frame->held[--frame->held_count]);
}

/* The variables of reference inputs, each once, in the order in which all threads lock them. */
static size_t sorted_refs(tw_frame *frame, const tw_step *step, tw_variable **out)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    size_t count = 0;
    for (uint32_t i = 0; i < step->input_count && i < STEP_REFS; i++) {
        tw_variable *variable = node->ref_inputs >> i & 1 ? frame->refs[step->inputs[i]] : NULL;
        size_t at = count;
        while (at && (uintptr_t)out[at - 1] > (uintptr_t)variable)
            at--;
        if (!variable || (at && out[at - 1] == variable))
            continue;
        for (size_t k = count++; k > at; k--)
            out[k] = out[k - 1];
        out[at] = variable;
    }
    return count;
}

/* The contexts' inputs of reference arguments are the variables' own arrays while the locks are
 * held. */
static tw_status *show_refs(tw_frame *frame, const tw_step *step, tw_compute *c)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    bool takes_empty = node->spec.op->definition.flags & TW_OP_READS_UNINITIALIZED;
    for (uint32_t i = 0; i < step->input_count && i < STEP_REFS; i++) {
        if (!(node->ref_inputs >> i & 1))
            continue;
        tw_variable *variable = frame->refs[step->inputs[i]];
        if (!variable)
            return tw_status_new(TW_INTERNAL, "input %u is a reference that means no variable", i);
        if (!variable->value && !takes_empty)
            return uninitialized(variable);
        tw_array *slot = &frame->slots[step->inputs[i]];
        if (variable->value && !frame->variant->values[step->inputs[i]].dynamic &&
            variable->value->count != slot->count)
            return declared_otherwise(variable, variable->value, slot);
        c->inputs[i] = variable->value ? variable->value : slot;
    }
    return TW_OK;
}

/* A reference that comes out means the variable of the first reference that went in. */
static void pass_refs(tw_frame *frame, const tw_step *step)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    for (uint32_t k = 0; k < step->output_count; k++) {
        uint32_t out = step->outputs[k];
        for (uint32_t i = 0; i < step->input_count && i < STEP_REFS && !frame->refs[out]; i++) {
            if (frame->variant->plan->values.items[out].is_ref && node->ref_inputs >> i & 1)
                frame->refs[out] = frame->refs[step->inputs[i]];
        }
    }
}

/* Locks are taken in the order of addresses and given back in reverse, whatever happened in
 * between. */
static tw_status *find_and_compute(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    tw_variable *locked[STEP_REFS];
    size_t count = 0;
    tw_status *status = step->flags & TW_STEP_READS ? hold_variables(frame, step) : TW_OK;
    if (step->flags & TW_STEP_WRITES) {
        count = sorted_refs(frame, step, locked);
        for (size_t i = 0; i < count; i++)
            tw_light_acquire(&locked[i]->lock);
        if (!status)
            status = show_refs(frame, step, c);
    }
    if (!status)
        status = tw_frame_compute(frame, s, c);
    for (size_t i = count; i-- > 0;)
        tw_light_release(&locked[i]->lock);
    if (step->flags & TW_STEP_WRITES)
        pass_refs(frame, step);
    tw_frame_let_go(frame);
    return status;
}

/* ---- fixed for the frame ---- */

/* A variable's value that a step reads. A small one is copied under the lock, which is cheaper than
 * a reference to it and back, and leaves writers alone. */
typedef struct tw_held {
    tw_variable *variable;
    tw_array *slot;
    void *copy;     /* room for a small one; NULL: it is held */
    uint32_t bytes; /* of a small one */
    bool dynamic;
} tw_held;

/* A reference input of a step. */
typedef struct tw_shown {
    tw_variable *variable;
    tw_array *slot; /* what the kernel sees while there is no value */
    uint32_t input;
    bool dynamic, takes_empty;
} tw_shown;

struct tw_access {
    tw_held *held;
    tw_shown *shown;
    tw_variable **locked; /* each once, in the order in which all threads lock them */
    uint32_t held_count, shown_count, locked_count;
    bool plain;           /* nothing but a kernel, once the variables are there */
    const tw_held *only;  /* all that a short step reads, under its lock; NULL: not so */
    const tw_held *packs; /* of which the kernel reads a packed copy; NULL: of none */
    uint64_t packed;      /* the version of which this step, or a later one, made it in the arena */
};

/* References that a step chooses are another variable in every run. */
static bool are_fixed(const tw_variant *v)
{
    bool chosen = v->plan->has_guards;
    for (size_t s = 0; s < v->steps.count; s++)
        chosen = chosen || v->steps.items[s].flags & TW_STEP_SELECT;
    return !chosen;
}

/* Masks have a bit for each of the first inputs; no operation has more references. */
static bool is_ref_input(const tw_plan_node *node, uint32_t i)
{
    return i < STEP_REFS && node->ref_inputs >> i & 1;
}

/* What a step reads by value, through whichever view. */
static tw_status *fix_held(tw_frame *frame, const tw_step *step, tw_access *a)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    a->held = tw_arena_array(&frame->parts, step->input_count + 1u, sizeof *a->held);
    if (!a->held)
        return tw_no_memory();
    for (uint32_t i = 0; i < step->input_count; i++) {
        uint32_t value = step->inputs[i];
        const tw_sized *sized = &frame->variant->values[value];
        tw_variable *variable = is_ref_input(node, i) ? NULL : frame->refs[sized->root];
        if (!variable)
            continue;
        tw_held *held = &a->held[a->held_count++];
        *held = (tw_held){variable, &frame->slots[value], NULL, 0, sized->dynamic};
        if (step->packs && i == step->packing->input)
            a->packs = held;
        if (sized->dynamic || sized->bytes > SMALL || !tw_dtype_is_plain(held->slot->dtype))
            continue;
        char *room = tw_arena_alloc(&frame->parts, SMALL + 63);
        if (!room)
            return tw_no_memory();
        held->bytes = (uint32_t)sized->bytes;
        held->copy = room + (-(uintptr_t)room & 63);
    }
    return TW_OK;
}

/* What a step may write: locked, and shown as it is. */
static tw_status *fix_shown(tw_frame *frame, const tw_step *step, tw_access *a)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    tw_variable *locked[STEP_REFS];
    a->locked_count = (uint32_t)sorted_refs(frame, step, locked);
    a->locked = tw_arena_copy(&frame->parts, locked, (a->locked_count + 1u) * sizeof *locked);
    a->shown = tw_arena_array(&frame->parts, step->input_count + 1u, sizeof *a->shown);
    if (!a->shown || !a->locked)
        return tw_no_memory();
    for (uint32_t i = 0; i < step->input_count; i++) {
        if (!is_ref_input(node, i))
            continue;
        uint32_t value = step->inputs[i];
        bool takes_empty = node->spec.op->definition.flags & TW_OP_READS_UNINITIALIZED;
        a->shown[a->shown_count++] = (tw_shown){frame->refs[value], &frame->slots[value], i,
                                                frame->variant->values[value].dynamic, takes_empty};
    }
    return TW_OK;
}

static bool is_small(const tw_frame *frame, uint32_t value)
{
    const tw_sized *sized = &frame->variant->values[value];
    return !sized->dynamic && sized->bytes <= BRIEF && tw_dtype_is_plain(frame->slots[value].dtype);
}

/* Whether a step that reads one variable, not by a copy, is over before a writer would mind: the
 * lock takes two locked instructions, a reference two more. Nothing that asks the caller or waits
 * is. */
static bool is_brief(const tw_frame *frame, const tw_step *step, const tw_access *a)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    bool brief = a->plain && !a->shown_count && !a->packs && a->held_count == 1 && !a->held->copy &&
                 step->flops <= BRIEF && !(step->flags & TW_STEP_WAITS) &&
                 !(node->spec.op->definition.flags & TW_OP_STATEFUL);
    for (uint32_t i = 0; brief && i < step->input_count; i++)
        brief = is_small(frame, step->inputs[i]);
    for (uint32_t i = 0; brief && i < step->output_count; i++)
        brief = is_small(frame, step->outputs[i]);
    return brief;
}

/* A reference that means nothing is told by the slow way. */
static bool all_known(const tw_frame *frame, const tw_step *step)
{
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    for (uint32_t i = 0; i < step->input_count; i++) {
        if (is_ref_input(node, i) && !frame->refs[step->inputs[i]])
            return false;
    }
    return !(step->flags & (TW_STEP_LOOP | TW_STEP_MERGE | TW_STEP_SWITCH));
}

/* In the order of the steps: what one gives as a reference the next may take. */
tw_status *tw_frame_fix_variables(tw_frame *frame)
{
    const tw_variant *v = frame->variant;
    if (!are_fixed(v))
        return TW_OK;
    for (size_t s = 0; s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        if (!(step->flags & (TW_STEP_READS | TW_STEP_WRITES | TW_STEP_INTO)))
            continue;
        pass_refs(frame, step);
        if (!all_known(frame, step))
            continue;
        tw_access *a = TW_ARENA_NEW(&frame->parts, tw_access);
        if (!a)
            return tw_no_memory();
        TW_TRY(fix_held(frame, step, a));
        TW_TRY(fix_shown(frame, step, a));
        a->plain = step->compute && !(step->flags & ~(uint32_t)PLAIN_FLAGS);
        if (is_brief(frame, step, a))
            a->only = a->held;
        frame->accesses[s] = a;
    }
    return TW_OK;
}

/* The lock is held. */
static tw_status *fits_slot(const tw_held *held)
{
    const tw_array *array = held->variable->value;
    if (!array)
        return uninitialized(held->variable);
    return array->count == held->slot->count
               ? TW_OK
               : declared_otherwise(held->variable, array, held->slot);
}

/* The values of a small variable as they are now. */
static tw_status *copy_small(const tw_held *held)
{
    tw_variable *variable = held->variable;
    tw_light_acquire(&variable->lock);
    const tw_array *array = variable->value;
    tw_status *status = fits_slot(held);
    if (!status && held->bytes == sizeof(float))
        memcpy(held->copy, array->data, sizeof(float));
    else if (!status)
        memcpy(held->copy, array->data, held->bytes);
    tw_light_release(&variable->lock);
    held->slot->data = held->copy;
    return status;
}

/* A reference to each array, so that a writer makes a new one meanwhile. */
static tw_status *hold_all(tw_frame *frame, const tw_access *a)
{
    for (uint32_t i = 0; i < a->held_count; i++) {
        const tw_held *held = &a->held[i];
        if (held->copy) {
            TW_TRY(copy_small(held));
            continue;
        }
        tw_array *array = tw_variable_hold(held->variable);
        if (!array)
            return uninitialized(held->variable);
        frame->held[frame->held_count++] = array;
        TW_TRY(point_at(held->variable, array, held->dynamic, held->slot));
    }
    return TW_OK;
}

/* The locks are held: what is seen here stays until the step is over. */
static tw_status *show_all(const tw_access *a, tw_compute *c)
{
    for (uint32_t i = 0; i < a->shown_count; i++) {
        const tw_shown *shown = &a->shown[i];
        tw_array *value = shown->variable->value;
        if (!value && !shown->takes_empty)
            return uninitialized(shown->variable);
        if (value && !shown->dynamic && value->count != shown->slot->count)
            return declared_otherwise(shown->variable, value, shown->slot);
        c->inputs[shown->input] = value ? value : shown->slot;
    }
    return TW_OK;
}

/* The output is the variable's own memory; whoever reads the variable holds the old one or
 * waits. */
static tw_status *compute_into(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    tw_variable *variable = frame->refs[step->into];
    tw_array *slot = &frame->slots[step->outputs[0]];
    tw_light_acquire(&variable->lock);
    tw_status *status = tw_variable_renew(variable, (tw_shape){slot->dims, slot->rank});
    if (!status) {
        variable->version++;
        slot->data = variable->value->data;
        status = tw_frame_compute(frame, s, c);
    }
    tw_light_release(&variable->lock);
    return status;
}

/* A copy in the arena is the run's: the step that is the first to read it makes it, and another
 * only if somebody has written the variable meanwhile. The kernel packs by itself where it reads an
 * array that is the variable's no more. */
static void pack_here(tw_frame *frame, uint32_t s, const tw_array *held, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    tw_access *first = frame->accesses[step->pack_first];
    void *to = (char *)frame->arena + step->pack_offset;
    uint64_t version;
    if (first && s == step->pack_first)
        first->packed = UINT64_MAX; /* what the last run left is of no use */
    if (!first || !tw_variable_is_current(frame->accesses[s]->packs->variable, held, &version))
        return;
    if (first->packed != version)
        step->packing->pack(c, to);
    first->packed = version;
    c->packed = to;
}

/* The array of `packs` is held: the last of its kind among those held, which are in the order of
 * `held`. */
static tw_packed *lend_packed(tw_frame *frame, uint32_t s, const tw_access *a, tw_compute *c)
{
    const tw_step *step = &frame->variant->steps.items[s];
    uint32_t at = 0;
    for (const tw_held *held = a->held; held != a->packs; held++)
        at += !held->copy;
    if (step->packs_here) {
        pack_here(frame, s, frame->held[at], c);
        return NULL;
    }
    tw_packed *packed = tw_variable_packed(a->packs->variable, frame->held[at], step->packing,
                                           step->pack_form, step->pack_bytes, c);
    c->packed = packed ? packed->data : NULL;
    return packed;
}

/* The kernel reads the variable's own array. */
static tw_status *compute_briefly(const tw_held *held, const tw_step *step, tw_compute *c)
{
    tw_light_acquire(&held->variable->lock);
    tw_status *status = fits_slot(held);
    if (!status) {
        held->slot->data = held->variable->value->data;
        status = step->compute(c);
    }
    tw_light_release(&held->variable->lock);
    return status;
}

/* The same acts as the slow way's, without any search. */
tw_status *tw_frame_with_variables(tw_frame *frame, uint32_t s, tw_compute *c)
{
    const tw_access *a = frame->accesses[s];
    if (!a)
        return find_and_compute(frame, s, c);
    const tw_step *step = &frame->variant->steps.items[s];
    if (a->only)
        return compute_briefly(a->only, step, c);
    tw_status *status = hold_all(frame, a);
    tw_packed *packed = a->packs && !status ? lend_packed(frame, s, a, c) : NULL;
    for (uint32_t i = 0; i < a->locked_count; i++)
        tw_light_acquire(&a->locked[i]->lock);
    if (!status)
        status = show_all(a, c);
    if (!status && a->plain)
        status = step->compute(c);
    else if (!status)
        status = step->flags & TW_STEP_INTO ? compute_into(frame, s, c)
                                            : tw_frame_compute(frame, s, c);
    for (uint32_t i = a->locked_count; i-- > 0;)
        tw_light_release(&a->locked[i]->lock);
    if (a->packs) {
        c->packed = NULL;
        tw_packed_unref(packed);
    }
    tw_frame_let_go(frame);
    return status;
}
