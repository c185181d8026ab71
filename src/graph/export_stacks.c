/* SPDX-License-Identifier: Apache-2.0
 * LoopValues as TensorFlow has them, for a graph that is written. A loop pushes what somebody reads
 * of it on a stack in every iteration, and the gradient loop, which counts back, pops it:
 *
 *     Const -> StackV2 -+-> Enter -> StackPushV2(value, ^counting)     NextIteration(^push)
 *                       +-> Enter -> StackPopV2(^counting back)        NextIteration(^pop)
 *
 * What is dead in an iteration is not pushed then, and so its pop goes through a Switch by the
 * predicate that the loop had. The pop has the LoopValue's name, so that its readers stay as they
 * are; nothing in the graph itself changes. */
#include "graph/export_stacks.h"

#include <string.h>

#include "base/status.h"
#include "graph/export_nodes.h"

enum { MOST_LOOPS = 32, MOST_GUARDS = 8 };

typedef struct value value;

/* A Switch output that a value needs alive. */
typedef struct guard {
    const value *pred;
    int32_t side;
} guard;

typedef struct guards {
    guard items[MOST_GUARDS];
    size_t count;
} guards;

/* A tensor of the graph, or one that stands only in the file, of which the guards are known. */
struct value {
    const char *name;
    tw_dtype dtype;
    tw_tensor tensor; /* invalid: of the file */
    guards guards;
};

/* What was read for a loop already. */
typedef struct reading {
    const tw_region *reader;
    const char *name; /* of what was read */
    const value *as;
    struct reading *next;
} reading;

/* The loops between a value and its reader, the outermost first: [0] is what is around both. */
typedef struct levels {
    tw_region *home[MOST_LOOPS + 1], *reader[MOST_LOOPS + 1];
    size_t count;
} levels;

typedef struct exporter {
    tw_export_nodes nodes;
    reading *readings;
    bool *awaited;  /* by operation id: ends of loops that others wait for */
    uint32_t *seen; /* by operation id: by which walk */
    uint32_t walks;
} exporter;

/* Literals only: the attribute borrows its name. */
static tw_attr type_attr(const char *name, tw_dtype dtype)
{
    tw_attr attr = {.name = name, .kind = TW_ATTR_TYPE};
    attr.value.type = dtype;
    return attr;
}

/* ---- loops ---- */

/* The variable that counts a loop's iterations. */
static tw_status *find_counter(const tw_region *loop, const tw_loop_var **out)
{
    *out = NULL;
    for (size_t i = 0; i < loop->vars.count && !*out; i++) {
        const tw_loop_var *var = &loop->vars.items[i];
        if (loop->forward ? i == 0 : var->exit && var->exit == loop->trips.op)
            *out = var;
    }
    if (*out && (*out)->next)
        return TW_OK;
    return tw_status_new(TW_INTERNAL, "the loop '%s' counts no iterations", loop->name);
}

/* What computes the next count: whoever waits for it runs once in an iteration. */
static tw_status *ticks(exporter *e, const tw_region *loop, const char **out)
{
    const tw_loop_var *counter;
    TW_TRY(find_counter(loop, &counter));
    *out = tw_export_control(&e->nodes, counter->next->inputs[0].op->spec.name);
    return *out ? TW_OK : tw_no_memory();
}

/* The same of any loop, counted or not; NULL outside of all. */
static tw_status *once_in(exporter *e, const tw_region *loop, const char **out)
{
    *out = NULL;
    if (!loop)
        return TW_OK;
    const tw_operation *pivot = loop->pivot_body.op;
    if (!pivot && loop->vars.count)
        pivot = loop->vars.items[0].switch_;
    *out = pivot ? tw_export_control(&e->nodes, pivot->spec.name) : NULL;
    return *out ? TW_OK : tw_status_new(TW_INTERNAL, "the loop '%s' has no body", loop->name);
}

/* `outer`, of what is around the loop, inside of it; once `after`, if not NULL, has run. */
static tw_status *add_enter(exporter *e, const char *name, const tw_region *loop, tw_dtype dtype,
                            const char *outer, const char *after)
{
    tw_attr attrs[4] = {type_attr("T", dtype),
                        {.name = "frame_name", .kind = TW_ATTR_STRING},
                        {.name = "is_constant", .kind = TW_ATTR_BOOL},
                        {.name = "parallel_iterations", .kind = TW_ATTR_INT}};
    attrs[1].value.s = (tw_bytes){loop->name, strlen(loop->name)};
    attrs[2].value.b = true;
    attrs[3].value.i = loop->parallel_iterations;
    return tw_export_node(&e->nodes, "Enter", name,
                          (const char *const[TW_EXPORT_INPUTS]){outer, after}, attrs, 4);
}

/* The loop in which an operation's outputs can be read. */
static tw_region *loop_of(const tw_operation *op)
{
    bool leaves = op->region && tw_type_is(op->spec.type, "Exit");
    return tw_region_loop(leaves ? op->region->outer : op->region);
}

/* As many loops as the LoopValue has indices, of both sides. */
static tw_status *find_levels(const tw_operation *op, levels *out)
{
    tw_region *home = loop_of(op->forward.op), *reader = tw_region_loop(op->region);
    out->count = op->input_count;
    for (size_t k = out->count; k > 0 && out->count <= MOST_LOOPS; k--) {
        if (!home || !reader)
            break;
        out->home[k] = home;
        out->reader[k] = reader;
        home = tw_region_loop(home->outer);
        reader = tw_region_loop(reader->outer);
        if (k > 1)
            continue;
        out->home[0] = home;
        if (home == reader)
            return TW_OK;
        return tw_status_new(TW_UNIMPLEMENTED,
                             "'%s', in the loop '%s', reads a loop that is not in there: "
                             "TensorFlow has no graph for that",
                             op->spec.name, (reader ? reader : home)->name);
    }
    return tw_status_new(TW_INTERNAL, "'%s' reads a loop that it is not beside", op->spec.name);
}

/* ---- what may be dead ---- */

/* The constant Enter that a value plainly is. The lock is held, so inputs are read as they are. */
static const tw_operation *constant_enter(tw_tensor tensor)
{
    const tw_operation *op = tensor.op;
    while (tw_type_is(op->spec.type, "Identity") || tw_type_is(op->spec.type, "Switch"))
        op = op->inputs[0].op;
    const tw_attr *attr = tw_type_is(op->spec.type, "Enter")
                              ? tw_spec_attr(&op->spec, "is_constant")
                              : NULL;
    return attr && attr->value.b ? op : NULL;
}

/* A Switch of a loop's variable is alive in all of the body. */
static bool goes_on(const tw_operation *switch_)
{
    const tw_operation *pred = switch_->inputs[1].op;
    while (tw_type_is(pred->spec.type, "Identity"))
        pred = pred->inputs[0].op;
    return !strcmp(pred->spec.type, "LoopCond");
}

/* A loop inside of the loop is dead with what comes into it: Exit <- Switch <- Merge <- Enter. */
static tw_tensor before_loop(const tw_operation *exit)
{
    const tw_operation *op = exit;
    while (!tw_type_is(op->spec.type, "Enter"))
        op = op->inputs[0].op;
    return op->inputs[0];
}

/* As inputs of a GraphDef name it: the first output without its index. */
static const char *output_name(exporter *e, tw_tensor tensor)
{
    const char *name = tensor.op->spec.name;
    return tensor.index ? tw_arena_printf(e->nodes.arena, "%s:%d", name, (int)tensor.index) : name;
}

/* In the arena, since guards and readings point at values until the file is written. */
static tw_status *make_value(exporter *e, const char *name, tw_dtype dtype, tw_tensor tensor,
                             value **out)
{
    value *made = *out = TW_ARENA_NEW(e->nodes.arena, value);
    if (!made || !name)
        return tw_no_memory();
    made->name = name;
    made->dtype = dtype;
    made->tensor = tensor;
    return TW_OK;
}

/* Its guards are found when somebody asks for them. */
static tw_status *value_of(exporter *e, tw_tensor tensor, value **out)
{
    tw_dtype dtype = tw_dtype_base(tensor.op->outputs[tensor.index].dtype);
    return make_value(e, output_name(e, tensor), dtype, tensor, out);
}

/* Each predicate once. */
static tw_status *add_guard(guards *out, const value *pred, int32_t side)
{
    for (size_t i = 0; i < out->count; i++) {
        if (!strcmp(out->items[i].pred->name, pred->name) && out->items[i].side == side)
            return TW_OK;
    }
    if (out->count == MOST_GUARDS)
        return tw_status_new(TW_UNIMPLEMENTED,
                             "a value of a loop depends on more than %d "
                             "conditions",
                             MOST_GUARDS);
    out->items[out->count++] = (guard){pred, side};
    return TW_OK;
}

static tw_status *guards_of(exporter *e, const value *v, guards *out);
static tw_status *find_guards(exporter *e, tw_tensor from, uint32_t walk, guards *out);
static tw_status *read_value(exporter *e, const char *base, const levels *l, const value *v,
                             const char *pop, const value **out);

/* A value that was read is dead when it was dead where it comes from. */
static tw_status *guards_of_read(exporter *e, const char *base, const levels *l, const value *from,
                                 guards *out)
{
    guards there = {.count = 0};
    TW_TRY(guards_of(e, from, &there));
    for (size_t i = 0; i < there.count; i++) {
        const value *pred;
        TW_TRY(read_value(e, base, l, there.items[i].pred, NULL, &pred));
        TW_TRY(add_guard(out, pred, there.items[i].side));
    }
    return TW_OK;
}

/* Derivatives of higher order read what a gradient loop has read itself: what was dead in the loop
 * there is dead here. */
static tw_status *guards_of_loop_value(exporter *e, const tw_operation *op, guards *out)
{
    levels l;
    value *forward;
    TW_TRY(find_levels(op, &l));
    TW_TRY(value_of(e, op->forward, &forward));
    return guards_of_read(e, op->spec.name, &l, forward, out);
}

/* One side of its condition has come to a Merge wherever the branch around both is taken. */
static tw_status *guards_around(exporter *e, const tw_region *region, guards *out)
{
    for (; region && region->kind == TW_REGION_BRANCH; region = region->outer) {
        value *pred;
        TW_TRY(value_of(e, region->pred, &pred));
        TW_TRY(add_guard(out, pred, region->branch));
    }
    return TW_OK;
}

/* What the predicate needs comes first: read for another loop it may be a constant, and alive. */
static tw_status *guards_of_switch(exporter *e, const tw_operation *op, int32_t side, uint32_t walk,
                                   guards *out)
{
    value *pred;
    TW_TRY(find_guards(e, op->inputs[1], walk, out));
    TW_TRY(value_of(e, op->inputs[1], &pred));
    return add_guard(out, pred, side);
}

/* Back to the Switches that decide; what comes into the loop is alive. */
static tw_status *find_guards(exporter *e, tw_tensor from, uint32_t walk, guards *out)
{
    const tw_operation *op = from.op;
    const char *type = op->spec.type;
    if (e->seen[op->id] == walk || tw_type_is(type, "Enter"))
        return TW_OK;
    if (tw_type_is(type, "Merge"))
        return guards_around(e, op->region, out);
    if (tw_type_is(type, "Switch")) {
        return goes_on(op) ? TW_OK : guards_of_switch(e, op, from.index, walk, out);
    }
    e->seen[op->id] = walk;
    if (op->forward.op)
        return guards_of_loop_value(e, op, out);
    if (tw_type_is(type, "Exit"))
        return find_guards(e, before_loop(op), walk, out);
    for (uint32_t i = 0; i < op->input_count; i++)
        TW_TRY(find_guards(e, op->inputs[i], walk, out));
    for (uint32_t i = 0; i < op->control_count; i++)
        TW_TRY(find_guards(e, (tw_tensor){op->controls[i], 0}, walk, out));
    return TW_OK;
}

/* Walks of nested calls mark the operations that they saw by their own numbers. */
static tw_status *guards_of(exporter *e, const value *v, guards *out)
{
    if (v->tensor.op)
        return find_guards(e, v->tensor, ++e->walks, out);
    *out = v->guards;
    return TW_OK;
}

/* ---- stacks ---- */

/* The stack itself, around all of the loops: what a nested loop pushed in one iteration of the loop
 * around lies on what it pushed in the one before, and comes off in the reverse order. */
static tw_status *add_stack(exporter *e, const char *base, const levels *l, tw_dtype dtype,
                            const char **out)
{
    const char *once, *size = tw_export_name(&e->nodes, base, "Const");
    *out = tw_export_name(&e->nodes, base, "f_acc");
    TW_TRY(once_in(e, l->home[0], &once));
    tw_array *unbounded = tw_array_scalar(TW_INT32, -1);
    if (!unbounded)
        return tw_no_memory();
    tw_attr attrs[2] = {type_attr("dtype", TW_INT32), {.name = "value", .kind = TW_ATTR_TENSOR}};
    attrs[1].value.tensor = unbounded;
    const char *const inputs[TW_EXPORT_INPUTS] = {once}, *const sizes[TW_EXPORT_INPUTS] = {size};
    tw_status *status = tw_export_node(&e->nodes, "Const", size, inputs, attrs, 2);
    tw_array_unref(unbounded);
    TW_TRY(status);
    tw_attr kinds[2] = {type_attr("elem_type", dtype),
                        {.name = "stack_name", .kind = TW_ATTR_STRING}};
    kinds[1].value.s = (tw_bytes){"", 0};
    return tw_export_node(&e->nodes, "StackV2", *out, sizes, kinds, 2);
}

/* The handle in the innermost of the loops, from the outside in; *name is what it is there. */
static tw_status *enter_loops(exporter *e, const char *base, tw_region *const *loops, size_t count,
                              const char *after, const char **name)
{
    for (size_t k = 1; k <= count; k++) {
        const char *enter = tw_export_name(&e->nodes, base, "Enter");
        TW_TRY(add_enter(e, enter, loops[k], TW_RESOURCE, *name, k == 1 ? after : NULL));
        *name = enter;
    }
    return TW_OK;
}

/* The next iteration of a loop waits for `node` of this one, which may be dead. */
static tw_status *wait_for(exporter *e, const char *base, const char *what, const tw_region *loop,
                           const char *node)
{
    const tw_loop_var *counter;
    const char *sync = tw_export_name(&e->nodes, base, what);
    const char *const inputs[TW_EXPORT_INPUTS] = {tw_export_control(&e->nodes, node)};
    TW_TRY(find_counter(loop, &counter));
    TW_TRY(inputs[0] ? tw_export_node(&e->nodes, "ControlTrigger", sync, inputs, NULL, 0)
                     : tw_no_memory());
    return tw_export_add_control(&e->nodes, counter->next, tw_export_control(&e->nodes, sync));
}

/* What nested loops push and pop in one iteration of the loop around comes before what they do in
 * the next: the loop around waits for their ends, and they begin to count once it has counted (the
 * count of a gradient's is popped, which happens in order). */
static tw_status *keep_order(exporter *e, const char *base, const char *what,
                             tw_region *const *loops, size_t count)
{
    for (size_t k = 2; k <= count; k++) {
        const tw_loop_var *counter;
        const char *tick;
        TW_TRY(find_counter(loops[k], &counter));
        if (!counter->exit)
            return tw_status_new(TW_INTERNAL, "the loop '%s' has no end", loops[k]->name);
        if (e->awaited[counter->exit->id])
            continue;
        e->awaited[counter->exit->id] = true;
        TW_TRY(wait_for(e, base, what, loops[k - 1], counter->exit->spec.name));
        if (loops[k]->forward)
            continue;
        TW_TRY(ticks(e, loops[k - 1], &tick));
        TW_TRY(tw_export_add_control(&e->nodes, counter->enter->inputs[0].op, tick));
    }
    return TW_OK;
}

/* In every iteration in which the value is there. */
static tw_status *add_push(exporter *e, const char *base, const levels *l, const char *stack,
                           const value *v)
{
    const tw_region *home = l->home[l->count];
    const char *push = tw_export_name(&e->nodes, base, "StackPushV2"), *handle = stack, *tick;
    TW_TRY(enter_loops(e, base, l->home, l->count, NULL, &handle));
    TW_TRY(ticks(e, home, &tick));
    tw_attr attrs[2] = {type_attr("T", v->dtype), {.name = "swap_memory", .kind = TW_ATTR_BOOL}};
    const char *const inputs[TW_EXPORT_INPUTS] = {handle, v->name, tick};
    TW_TRY(tw_export_node(&e->nodes, "StackPushV2", push, inputs, attrs, 2));
    TW_TRY(keep_order(e, base, "f_sync", l->home, l->count));
    return wait_for(e, base, "f_sync", home, push);
}

/* The handle for an iteration in which the value was pushed: dead in all others. */
static tw_status *guard_handle(exporter *e, const char *base, const guards *alive,
                               const char **handle)
{
    tw_attr attr = type_attr("T", TW_RESOURCE);
    for (size_t i = 0; i < alive->count; i++) {
        const char *name = tw_export_name(&e->nodes, base, "Switch");
        const char *const inputs[TW_EXPORT_INPUTS] = {*handle, alive->items[i].pred->name};
        TW_TRY(tw_export_node(&e->nodes, "Switch", name, inputs, &attr, 1));
        *handle = alive->items[i].side ? tw_arena_printf(e->nodes.arena, "%s:1", name) : name;
        if (!*handle)
            return tw_no_memory();
    }
    return TW_OK;
}

/* The gradient of a loop waits for the number of its iterations, which is known before where the
 * loop is itself a gradient; that one, and another loop's (for derivatives of higher order), must
 * be told to wait. */
static tw_status *pushed_before(exporter *e, const levels *l, const char **out)
{
    const tw_loop_var *counter;
    *out = NULL;
    if (l->reader[1]->forward == l->home[1] && !l->home[1]->forward)
        return TW_OK;
    TW_TRY(find_counter(l->home[1], &counter));
    if (!counter->exit)
        return tw_status_new(TW_INTERNAL, "the loop '%s' has no end", l->home[1]->name);
    *out = tw_export_control(&e->nodes, counter->exit->spec.name);
    return *out ? TW_OK : tw_no_memory();
}

/* In every iteration that counts back over one in which it was pushed. */
static tw_status *add_pop(exporter *e, const char *base, const levels *l, const char *stack,
                          const value *pop)
{
    const tw_region *reader = l->reader[l->count];
    const char *handle = stack, *after, *tick;
    TW_TRY(pushed_before(e, l, &after));
    TW_TRY(enter_loops(e, base, l->reader, l->count, after, &handle));
    TW_TRY(guard_handle(e, base, &pop->guards, &handle));
    TW_TRY(ticks(e, reader, &tick));
    tw_attr attr = type_attr("elem_type", pop->dtype);
    const char *const inputs[TW_EXPORT_INPUTS] = {handle, tick};
    TW_TRY(tw_export_node(&e->nodes, "StackPopV2", pop->name, inputs, &attr, 1));
    TW_TRY(keep_order(e, base, "b_sync", l->reader, l->count));
    return wait_for(e, base, "b_sync", reader, pop->name);
}

/* What was read for the same loop before, by us or by a LoopValue; NULL: nothing. */
static tw_status *known_value(exporter *e, const tw_region *reader, const value *v,
                              const value **out)
{
    *out = NULL;
    for (const reading *r = e->readings; r && !*out; r = r->next) {
        if (r->reader == reader && !strcmp(r->name, v->name))
            *out = r->as;
    }
    for (size_t i = 0; v->tensor.op && i < e->nodes.graph->operations.count && !*out; i++) {
        tw_operation *op = e->nodes.graph->operations.items[i];
        value *made;
        if (!op->forward.op || !tw_same(op->forward, v->tensor) ||
            tw_region_loop(op->region) != reader)
            continue;
        TW_TRY(value_of(e, (tw_tensor){op, 0}, &made));
        *out = made;
    }
    return TW_OK;
}

/* Without memory for the note it would be read twice, which is no harm. */
static void note_reading(exporter *e, const tw_region *reader, const value *v, const value *as)
{
    reading *made = TW_ARENA_NEW(e->nodes.arena, reading);
    if (!made)
        return;
    *made = (reading){reader, v->name, as, e->readings};
    e->readings = made;
}

/* What an Enter brings into the home loop, in the reading one. */
static tw_status *enter_again(exporter *e, const char *base, const levels *l,
                              const tw_operation *enter, value *made)
{
    levels outer = *l;
    value *there;
    const value *from;
    outer.count--;
    TW_TRY(value_of(e, enter->inputs[0], &there));
    TW_TRY(read_value(e, base, &outer, there, NULL, &from));
    return add_enter(e, made->name, l->reader[l->count], made->dtype, from->name, NULL);
}

/* A value of the home loop in the reading one, under the name `pop` or, if that is NULL, whatever
 * name it has. */
static tw_status *read_value(exporter *e, const char *base, const levels *l, const value *v,
                             const char *pop, const value **out)
{
    const tw_region *reader = l->reader[l->count];
    const char *stack;
    value *made;
    *out = v;
    if (!l->count)
        return TW_OK;
    if (!pop) {
        TW_TRY(known_value(e, reader, v, out));
        if (*out)
            return TW_OK;
        base = tw_export_name(&e->nodes, base, "pred");
        pop = base ? tw_export_name(&e->nodes, base, "StackPopV2") : NULL;
        const tw_operation *enter = v->tensor.op ? constant_enter(v->tensor) : NULL;
        TW_TRY(make_value(e, pop, v->dtype, (tw_tensor){NULL, 0}, &made));
        *out = made;
        note_reading(e, reader, v, made);
        if (enter)
            return enter_again(e, base, l, enter, made);
    } else {
        TW_TRY(make_value(e, pop, v->dtype, (tw_tensor){NULL, 0}, &made));
        *out = made;
    }
    TW_TRY(guards_of_read(e, base, l, v, &made->guards));
    TW_TRY(add_stack(e, base, l, v->dtype, &stack));
    TW_TRY(add_push(e, base, l, stack, v));
    return add_pop(e, base, l, stack, made);
}

/* ---- all of them ---- */

/* Each LoopValue has a stack of its own, so that it does not matter who reads the same. */
static tw_status *add_all(exporter *e)
{
    for (size_t i = 0; i < e->nodes.graph->operations.count; i++) {
        const tw_operation *op = e->nodes.graph->operations.items[i];
        const value *read;
        value *forward;
        levels l;
        if (!op->forward.op)
            continue;
        TW_TRY(find_levels(op, &l));
        TW_TRY(value_of(e, op->forward, &forward));
        TW_TRY(read_value(e, op->spec.name, &l, forward, op->spec.name, &read));
    }
    return TW_OK;
}

/* A graph without gradients of loops pays one look at each operation. */
tw_status *tw_export_stacks(const tw_graph *graph, tw_arena *arena, tw_message *def,
                            tw_added_control ***added)
{
    size_t count = graph->operations.count, first = 0;
    *added = NULL;
    while (first < count && !graph->operations.items[first]->forward.op)
        first++;
    if (first == count)
        return TW_OK;
    exporter e = {.nodes = {.graph = graph, .arena = arena, .def = def}};
    e.nodes.added = tw_arena_array(arena, count, sizeof *e.nodes.added);
    e.seen = tw_arena_array(arena, count, sizeof *e.seen);
    e.awaited = tw_arena_array(arena, count, sizeof *e.awaited);
    tw_status *status = e.nodes.added && e.seen && e.awaited ? add_all(&e) : tw_no_memory();
    tw_map_clear(&e.nodes.names);
    *added = e.nodes.added;
    return status;
}
