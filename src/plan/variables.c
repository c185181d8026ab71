/* SPDX-License-Identifier: Apache-2.0
 * Within one run, accesses to one variable that no edge orders happen in the order in which their
 * operations were added. A plain read (Identity of a reference) is an alias: its consumers are the
 * accesses, each before every later write that it does not depend on. A consumer that was added
 * after such a write reads a copy, made after the last write that it does depend on: the read
 * itself where all its consumers want the value of that time (value->reads is taken back), else
 * another read beside it. All edges go from a smaller to a larger place in one topological order,
 * so they never close a cycle. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "plan/plan.h"

/* One operation that touches a slot, directly or through a plain read. */
typedef struct tw_access {
    uint32_t variable; /* the node that stands for the slot */
    uint32_t place;    /* twice that in the topological order; copies stand in between */
    uint32_t node;
    bool writes;
    uint32_t read; /* the plain read that it goes through, or TW_NO_INDEX */
    bool copied;   /* it reads a copy, */
    uint32_t seen; /* made after this write; TW_NO_INDEX: where the read is */
} tw_access;

/* A read beside `read`, for those that see `seen` and nothing later. */
typedef struct tw_copy {
    uint32_t read, seen, node;
} tw_copy;

/* Tables for the time of the pass. */
typedef struct tw_orderer {
    tw_plan *plan;
    const uint32_t *order;
    uint32_t *place; /* by node */
    uint32_t count;
    TW_VEC(tw_access) accesses;
    TW_VEC(tw_copy) copies;
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
    return tw_node_is_type(node, "Identity") && node->input_count == 1 && !node->ref_inputs &&
           node->output_count == 1 && plan->values.items[node->inputs[0]].is_ref;
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
            bool ref = tw_node_writes(node, j);
            tw_access access = {.variable = value->variable,
                                .place = 2 * i,
                                .node = o->order[i],
                                .writes = ref,
                                .seen = TW_NO_INDEX};
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

static void sort(tw_orderer *o)
{
    if (o->accesses.count)
        qsort(o->accesses.items, o->accesses.count, sizeof *o->accesses.items,
              by_variable_then_place);
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

/* What the access sees of the slot's writes before it, which come in order of place: those up to
 * the last one that it depends on. Is there one after that which it must not see? */
static void decide(tw_orderer *o, tw_access *accesses, size_t index, uint32_t *stack, bool *seen)
{
    tw_access *access = &accesses[index];
    if (access->read == TW_NO_INDEX)
        return;
    uint32_t read_place = 2 * o->place[o->plan->values.items[access->read].node];
    for (size_t j = 0; j < index; j++) {
        const tw_access *write = &accesses[j];
        if (!write->writes || write->node == access->node || write->place < read_place)
            continue;
        access->copied = !depends(o, access->node, write->node, stack, seen);
        if (!access->copied)
            access->seen = write->node;
    }
}

/* Only where all want it the read itself becomes the copy. */
static void take_back(tw_orderer *o)
{
    tw_plan_value *values = o->plan->values.items;
    for (size_t i = 0; i < o->accesses.count; i++) {
        const tw_access *a = &o->accesses.items[i];
        if (a->copied && a->seen == TW_NO_INDEX)
            values[a->read].reads = false;
    }
    for (size_t i = 0; i < o->accesses.count; i++) {
        const tw_access *a = &o->accesses.items[i];
        if (a->read != TW_NO_INDEX && !(a->copied && a->seen == TW_NO_INDEX))
            values[a->read].reads = true;
    }
}

/* The write's deadness is no other's; but where it lives, nothing may drop the edge from it. */
static tw_status *make_copy(tw_orderer *o, uint32_t read, uint32_t seen, uint32_t *out)
{
    tw_plan *plan = o->plan;
    uint32_t from = plan->values.items[read].node;
    TW_TRY(tw_plan_add_node(plan, TW_NODE_OP, plan->nodes.items[from].origin, out));
    TW_TRY(tw_plan_add_outputs(plan, *out, 1));
    tw_plan_node *node = &plan->nodes.items[*out];
    const tw_plan_node *old = &plan->nodes.items[from];
    node->spec = old->spec;
    node->guarded = old->guarded;
    node->inputs = old->inputs;
    node->input_dtypes = old->input_dtypes;
    node->input_count = old->input_count;
    for (uint32_t k = 0; k < old->real_controls; k++)
        TW_TRY(tw_plan_add_control(plan, *out, old->controls[k]));
    if (seen != TW_NO_INDEX && !plan->nodes.items[seen].guarded)
        TW_TRY(tw_plan_add_control(plan, *out, seen));
    node->real_controls = node->control_count;
    tw_plan_value *value = &plan->values.items[node->first_value];
    value->dtype = plan->values.items[read].dtype;
    value->shape = plan->values.items[read].shape;
    value->variable = plan->values.items[read].variable;
    return TW_OK;
}

/* One for all that see the same. */
static tw_status *find_copy(tw_orderer *o, uint32_t read, uint32_t seen, uint32_t *out)
{
    for (size_t i = o->copies.count; i--;) {
        const tw_copy *c = &o->copies.items[i];
        if (c->read == read && c->seen == seen) {
            *out = c->node;
            return TW_OK;
        }
    }
    TW_TRY(make_copy(o, read, seen, out));
    return tw_vec_push(&o->copies, ((tw_copy){read, seen, *out})) ? TW_OK : tw_no_memory();
}

static bool any_is_copied(const tw_orderer *o)
{
    bool any = false;
    for (size_t i = 0; !any && i < o->accesses.count; i++)
        any = o->accesses.items[i].copied;
    return any;
}

/* The copy is the access then, and reads before what comes after it; it has another place than the
 * accesses are sorted by. */
static tw_status *make_copies(tw_orderer *o)
{
    if (!any_is_copied(o))
        return TW_OK;
    take_back(o);
    for (size_t i = 0; i < o->accesses.count; i++) {
        tw_access *a = &o->accesses.items[i];
        if (!a->copied)
            continue;
        uint32_t copy = o->plan->values.items[a->read].node;
        a->place = 2 * o->place[copy];
        if (o->plan->values.items[a->read].reads) {
            TW_TRY(find_copy(o, a->read, a->seen, &copy));
            const tw_plan_node *reader = &o->plan->nodes.items[a->node];
            for (uint32_t k = 0; k < reader->input_count; k++) {
                if (reader->inputs[k] == a->read)
                    reader->inputs[k] = o->plan->nodes.items[copy].first_value;
            }
            a->place = a->seen == TW_NO_INDEX ? a->place : 2 * o->place[a->seen] + 1;
        }
        a->node = copy;
        a->read = TW_NO_INDEX;
        a->writes = false;
    }
    sort(o);
    return TW_OK;
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

/* Slots that nobody writes need no order: reads do not disturb each other. Returns where the slot's
 * accesses end. */
static size_t slot_end(const tw_orderer *o, size_t begin, bool *writes)
{
    const tw_access *items = o->accesses.items;
    size_t end = begin;
    for (*writes = false; end < o->accesses.count && items[end].variable == items[begin].variable;
         end++)
        *writes = *writes || items[end].writes;
    return end;
}

/* Who sees what is decided before any edge is added: an edge that only orders shows nobody
 * anything. */
static tw_status *order_all(tw_orderer *o)
{
    size_t n = o->plan->nodes.count;
    uint32_t *stack = tw_alloc_array(n + 1, sizeof *stack);
    bool *seen = tw_alloc_zero(n + 1, sizeof *seen), writes;
    tw_status *status = stack && seen ? TW_OK : tw_no_memory();
    sort(o);
    for (size_t i = 0, end; i < o->accesses.count && !status; i = end) {
        end = slot_end(o, i, &writes);
        for (size_t k = i; writes && k < end; k++)
            decide(o, o->accesses.items + i, k - i, stack, seen);
    }
    tw_free(stack);
    tw_free(seen);
    if (!status)
        status = make_copies(o);
    for (size_t i = 0, end; i < o->accesses.count && !status; i = end) {
        end = slot_end(o, i, &writes);
        if (writes)
            status = order_slot(o, o->accesses.items + i, end - i);
    }
    if (o->copies.count)
        tw_plan_count_uses(o->plan);
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
    /* edges that all go the same way as the order leave it as it is */
    plan->sorted.good = !status && !o.copies.count;
    tw_vec_clear(&o.accesses);
    tw_vec_clear(&o.copies);
    tw_free(o.place);
    return status;
}
