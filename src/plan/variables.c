/* SPDX-License-Identifier: Apache-2.0
 * Within one run, accesses to one variable that no edge orders happen in the order in which their
 * operations were added. A plain read (Identity of a reference) is an alias: its consumers are the
 * accesses, each before every later write that it does not depend on; a consumer that was added
 * after such a write makes the read a copy (value->reads is taken back). All edges go from a
 * smaller to a larger place in one topological order, so they never close a cycle. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"

/* One operation that touches a slot, directly or through a plain read. */
typedef struct tw_access {
    uint32_t variable; /* the node that stands for the slot */
    uint32_t place;    /* in the topological order */
    uint32_t node;
    bool writes;
    uint32_t read; /* the plain read that it goes through, or TW_NO_INDEX */
} tw_access;

/* Tables for the time of the pass. */
typedef struct tw_orderer {
    tw_plan *plan;
    uint32_t *order, *place; /* place: by node */
    uint32_t count;
    TW_VEC(tw_access) accesses;
} tw_orderer;

/* What the session will look the slot up by, without the container, which two nodes of one plan
 * share. */
static const char *slot_key(const tw_plan_node *node)
{
    const tw_attr *shared = tw_spec_attr(&node->spec, "shared_name");
    return shared && shared->kind == TW_ATTR_STRING && shared->value.s.length ? shared->value.s.data
                                                                              : node->spec.name;
}

/* Two Variable nodes may name the same slot: the first one stands for it. */
static tw_status *name_variables(tw_orderer *o)
{
    tw_plan *plan = o->plan;
    tw_map slots = {0};
    tw_status *status = TW_OK;
    for (uint32_t i = 0; i < o->count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[o->order[i]];
        for (uint32_t k = 0; k < node->output_count && !status; k++) {
            tw_plan_value *value = &plan->values.items[node->first_value + k];
            if (value->is_ref && node->input_count == 0 && node->kind == TW_NODE_OP) {
                const char *key = slot_key(node);
                if (!tw_map_has(&slots, key) &&
                    !tw_map_set(&slots, key, (void *)((uintptr_t)o->order[i] + 1)))
                    status = tw_no_memory();
                else
                    value->variable = (uint32_t)((uintptr_t)tw_map_get(&slots, key) - 1);
                continue;
            }
            /* an Exit of a reference: what went in */
            if (value->is_ref && node->kind == TW_NODE_LOOP) {
                value->variable = plan->values.items[node->inputs[node->loop->exits[k]]].variable;
                continue;
            }
            for (uint32_t j = 0;
                 value->is_ref && j < node->input_count && value->variable == TW_NO_INDEX; j++) {
                if (j < 32 && node->ref_inputs >> j & 1)
                    value->variable = plan->values.items[node->inputs[j]].variable;
            }
        }
    }
    tw_map_clear(&slots);
    return status;
}

/* NAME/read of a variable: an alias of the slot rather than a copy of it. */
static bool is_plain_read(const tw_plan *plan, const tw_plan_node *node)
{
    return node->kind == TW_NODE_OP && node->input_count == 1 && !node->ref_inputs &&
           node->output_count == 1 && plan->values.items[node->inputs[0]].is_ref &&
           !strcmp(node->spec.op->name, "Identity");
}

/* What a loop carries on or keeps is the value that was read, whatever is written later. */
static bool is_kept(const tw_plan *plan, uint32_t value)
{
    return plan->loop &&
           (plan->values.items[value].fetched || plan->values.items[value].saved != TW_NO_INDEX);
}

/* Does reading this value mean reading the slot at that time? */
static bool is_reading(const tw_plan_value *value)
{
    return value->variable != TW_NO_INDEX && (value->is_ref || value->reads);
}

/* In topological order, so that a slot's accesses come out sorted by place within it. */
static tw_status *gather(tw_orderer *o)
{
    tw_plan *plan = o->plan;
    for (uint32_t i = 0; i < o->count; i++) {
        tw_plan_node *node = &plan->nodes.items[o->order[i]];
        if (is_plain_read(plan, node) && !is_kept(plan, node->first_value)) {
            tw_plan_value *read = &plan->values.items[node->first_value];
            read->reads = true;
            read->variable = plan->values.items[node->inputs[0]].variable;
            continue;
        }
        for (uint32_t j = 0; j < node->input_count; j++) {
            const tw_plan_value *value = &plan->values.items[node->inputs[j]];
            if (!is_reading(value))
                continue;
            bool ref = node->kind == TW_NODE_LOOP ? node->loop->vars[j].writes
                                                  : j < 32 && node->ref_inputs >> j & 1;
            tw_access access = {
                .variable = value->variable, .place = i, .node = o->order[i], .writes = ref};
            plan->nodes.items[value->variable].written =
                plan->nodes.items[value->variable].written || ref;
            access.read = value->reads ? node->inputs[j] : TW_NO_INDEX;
            if (!tw_vec_push(&o->accesses, access))
                return tw_no_memory();
        }
    }
    return TW_OK;
}

/* A write sorts after the reads of its own node, which happen before it. */
static int by_variable_then_place(const void *a, const void *b)
{
    const tw_access *x = a, *y = b;
    if (x->variable != y->variable)
        return x->variable < y->variable ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (int)x->writes - (int)y->writes;
}

/* Does `node` need `from`, by any way? Walks back through nodes at or after from's place. */
static bool depends(tw_orderer *o, uint32_t node, uint32_t from, uint32_t *stack, bool *seen)
{
    uint32_t depth = 0, limit = o->place[from];
    bool found = false;
    memset(seen, 0, o->plan->nodes.count * sizeof *seen);
    stack[depth++] = node;
    while (depth && !found) {
        const tw_plan_node *n = &o->plan->nodes.items[stack[--depth]];
        for (uint32_t k = 0; k < n->input_count + n->control_count; k++) {
            uint32_t up = k < n->input_count ? o->plan->values.items[n->inputs[k]].node
                                             : n->controls[k - n->input_count];
            found = found || up == from;
            if (o->place[up] > limit && !seen[up])
                seen[up] = true, stack[depth++] = up;
        }
    }
    return found;
}

/* The read's own place is where the access happens when it becomes a copy. */
static bool must_copy(tw_orderer *o, const tw_access *access, const tw_access *write,
                      uint32_t *stack, bool *seen)
{
    uint32_t read_node = o->plan->values.items[access->read].node;
    return o->place[read_node] < write->place &&
           !depends(o, access->node, write->node, stack, seen);
}

/* Reads that would have to wait for a write that they must not see become copies, accesses at the
 * read's own place. */
static void make_copies(tw_orderer *o, tw_access *accesses, size_t count, uint32_t *stack,
                        bool *seen)
{
    tw_plan_value *values = o->plan->values.items;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0;
             j < i && accesses[i].read != TW_NO_INDEX && values[accesses[i].read].reads; j++) {
            if (accesses[j].writes && accesses[j].node != accesses[i].node &&
                must_copy(o, &accesses[i], &accesses[j], stack, seen))
                values[accesses[i].read].reads = false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (accesses[i].read == TW_NO_INDEX || values[accesses[i].read].reads)
            continue;
        accesses[i].node = values[accesses[i].read].node;
        accesses[i].place = o->place[accesses[i].node];
        accesses[i].read = TW_NO_INDEX;
        accesses[i].writes = false;
    }
    qsort(accesses, count, sizeof *accesses, by_variable_then_place);
}

/* Every write waits for the accesses before it, every access for the write before it; reads in
 * between stay free. */
static tw_status *order_slot(tw_orderer *o, const tw_access *accesses, size_t count)
{
    uint32_t last_write = TW_NO_INDEX;
    size_t since = 0;
    for (size_t i = 0; i < count; i++) {
        const tw_access *a = &accesses[i];
        if (last_write != TW_NO_INDEX && last_write != a->node)
            TW_TRY(tw_plan_add_control(o->plan, a->node, last_write));
        if (!a->writes)
            continue;
        for (size_t j = since; j < i; j++) {
            if (accesses[j].node != a->node)
                TW_TRY(tw_plan_add_control(o->plan, a->node, accesses[j].node));
        }
        last_write = a->node;
        since = i;
    }
    return TW_OK;
}

/* Slots that nobody writes need no order: reads do not disturb each other. */
static tw_status *order_all(tw_orderer *o)
{
    size_t n = o->plan->nodes.count;
    uint32_t *stack = tw_alloc_array(n + 1, sizeof *stack);
    bool *seen = tw_alloc_zero(n + 1, sizeof *seen);
    tw_status *status = stack && seen ? TW_OK : tw_no_memory();
    if (o->accesses.count)
        qsort(o->accesses.items, o->accesses.count, sizeof *o->accesses.items,
              by_variable_then_place);
    for (size_t i = 0, end; i < o->accesses.count && !status; i = end) {
        bool writes = false;
        for (end = i; end < o->accesses.count &&
                      o->accesses.items[end].variable == o->accesses.items[i].variable;
             end++)
            writes = writes || o->accesses.items[end].writes;
        if (!writes)
            continue;
        make_copies(o, o->accesses.items + i, end - i, stack, seen);
        status = order_slot(o, o->accesses.items + i, end - i);
    }
    tw_free(stack);
    tw_free(seen);
    return status;
}

/* The graph's own controls are counted first: the edges added here only order, they never carry
 * deadness. */
tw_status *tw_plan_variables(tw_plan *plan)
{
    tw_orderer o = {.plan = plan};
    for (size_t i = 0; i < plan->nodes.count; i++) {
        tw_plan_node *node = &plan->nodes.items[i];
        node->real_controls = node->control_count;
        for (uint32_t k = 0; !node->gone && k < node->control_count; k++)
            plan->nodes.items[node->controls[k]].waited_for = true;
    }
    TW_TRY(tw_plan_topological(plan, &o.order, &o.count));
    o.place = tw_alloc_zero(plan->nodes.count + 1, sizeof *o.place);
    tw_status *status = o.place ? TW_OK : tw_no_memory();
    for (uint32_t i = 0; !status && i < o.count; i++)
        o.place[o.order[i]] = i;
    if (!status)
        status = name_variables(&o);
    if (!status)
        status = gather(&o);
    if (!status)
        status = order_all(&o);
    tw_vec_clear(&o.accesses);
    tw_free(o.order);
    tw_free(o.place);
    return status;
}
