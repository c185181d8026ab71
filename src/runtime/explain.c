/* SPDX-License-Identifier: Apache-2.0
 * A plan as a table that a person likes to read: what runs in which order, over which shapes, where
 * results lie, what was fused, folded and shared, and why a step is none of it. With declared
 * shapes where feeds have none yet. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "ops/update.h"
#include "runtime/explain.h"
#include "runtime/run.h"

/* The variant used last; where none was made yet, one for the declared shapes of the feeds. */
static tw_status *get_variant(tw_session *session, tw_tensors fetch, tw_tensors target,
                              tw_tensors feed, tw_variant **out)
{
    tw_signature signature = {.fetches = fetch, .targets = target, .feeds = feed};
    tw_skeleton *skeleton;
    TW_TRY(tw_session_skeleton(session, &signature, &skeleton));
    *out = tw_skeleton_last(skeleton);
    tw_status *status = TW_OK;
    if (!*out) {
        tw_feed_size *sizes = tw_alloc_zero(feed.count + 1, sizeof *sizes);
        status = sizes ? TW_OK : tw_no_memory();
        for (size_t i = 0; !status && i < feed.count; i++)
            sizes[i].shape = tw_tensor_shape(feed.items[i]);
        if (!status)
            status = tw_session_build_variant(session, skeleton->plan, sizes, out);
        tw_free(sizes);
    }
    tw_skeleton_unref(skeleton);
    return status;
}

/* "1.2 KiB". */
static tw_text bytes_text(size_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    double n = (double)bytes;
    int unit = 0;
    tw_text text;
    while (n >= 1024 && unit < 3)
        n /= 1024, unit++;
    snprintf(text.s, sizeof text.s, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return text;
}

/* ---- what a step holds ---- */

static bool is_set(const tw_plan_node *node, const char *flag)
{
    const tw_attr *attr = tw_spec_attr(&node->spec, flag);
    return attr && attr->kind == TW_ATTR_BOOL && attr->value.b;
}

/* "MatMul(A^T B)+bias+Relu": with a sum of products that became one product, the sum. */
static tw_text operation_text(const tw_plan_node *node)
{
    static const char forms[][12] = {"", "(A B^T)", "(A^T B)", "(A^T B^T)"};
    tw_text text;
    const char *name = node->kind == TW_NODE_LOOP ? "While" : node->spec.op->name,
               *made = tw_explain_made_of(name);
    const char *shown = made ? made : name;
    int head = (int)strcspn(shown, "+");
    const tw_attr *activation = made ? tw_spec_attr(&node->spec, "activation") : NULL;
    int length = activation ? (int)activation->value.s.length : 0;
    bool sum = !made && tw_node_is_type(node, "MatMul") && strcmp(node->origin->spec.type, name);
    snprintf(text.s, sizeof text.s, "%.*s%s%s%s%.*s%s%s", head, shown,
             forms[2 * is_set(node, "transpose_a") + is_set(node, "transpose_b")], shown + head,
             length ? "+" : "", length, length ? activation->value.s.data : "",
             made && tw_spec_attr(&node->spec, "pool_ksize") ? "+MaxPool" : "", sum ? "+AddN" : "");
    return text;
}

static uint32_t pluses(const char *text)
{
    uint32_t count = 0;
    for (; *text; text++)
        count += *text == '+';
    return count;
}

/* One variant while it is shown: of the outermost plan, or of a loop's body. */
typedef struct shown {
    const tw_variant *v;
    bool *own;        /* by node: it has a step of its own */
    uint32_t *reader; /* by value: a node that it might have been fused with, + 1 */
} shown;

/* Is member m of the group part of the pass? Not at these sizes perhaps. */
static bool takes_part(const shown *w, const tw_step *step, uint32_t m)
{
    uint32_t node = step->group->nodes[m];
    return !w->own[node] && !w->v->values[w->v->plan->nodes.items[node].first_value].constant;
}

/* So many operations of the graph as the step holds beside one. */
static uint32_t held(const shown *w, const tw_step *step)
{
    uint32_t count = 0;
    if (!step->group)
        return pluses(operation_text(&w->v->plan->nodes.items[step->node]).s);
    for (uint32_t m = 0; m < step->group->count; m++)
        count += takes_part(w, step, m);
    return count - (count > 0);
}

/* Every operation of a fused step: "Mul+Add+Tanh". */
static tw_text kind_text(const shown *w, const tw_step *step, int width)
{
    const tw_plan_node *nodes = w->v->plan->nodes.items;
    tw_text text;
    size_t at = 0, most = (size_t)width;
    text.s[0] = 0;
    if (!step->group) {
        text = operation_text(&nodes[step->node]);
        at = strlen(text.s);
    }
    for (uint32_t m = 0; step->group && m < step->group->count && at <= most; m++) {
        if (takes_part(w, step, m))
            at += (size_t)snprintf(text.s + at, sizeof text.s - at, "%s%s", at ? "+" : "",
                                   nodes[step->group->nodes[m]].spec.op->name);
    }
    if (at > most)
        snprintf(text.s + most - 8, 10, "... (%u)", held(w, step) + 1);
    return text;
}

/* ---- where it lies ---- */

/* The result that the step is named after; others are stored on the way. */
static uint32_t main_output(const tw_variant *v, const tw_step *step)
{
    uint32_t last = step->outputs[step->output_count - 1];
    return step->group && last == v->plan->nodes.items[step->node].first_value ? last
                                                                               : step->outputs[0];
}

/* Says "in place" where a result takes over the memory of an input that dies, "or output" where it
 * may be made where the caller wants it. */
static tw_text place_text(const tw_variant *v, const tw_step *step, uint32_t s, uint32_t value)
{
    tw_text text;
    const tw_sized *out = &v->values[value];
    text.s[0] = 0;
    if (out->place == TW_PLACE_VARIABLE || out->place == TW_PLACE_TARGET)
        snprintf(text.s, sizeof text.s, "variable");
    else if (out->place == TW_PLACE_ARENA)
        snprintf(text.s, sizeof text.s, "@%zu", v->values[out->root].offset);
    else
        snprintf(text.s, sizeof text.s, out->place == TW_PLACE_HEAP ? "own" : "-");
    for (uint32_t i = 0; i < step->input_count && out->place == TW_PLACE_ARENA; i++) {
        const tw_sized *in = &v->values[v->values[step->inputs[i]].root];
        if (in->place == TW_PLACE_ARENA && in->offset == out->offset && in->dies == s &&
            step->inputs[i] != value) {
            strcat(text.s, " in place");
            break;
        }
    }
    for (uint32_t k = 0; k < v->direct_count; k++) {
        if (v->directs[k].value == value) {
            strcat(text.s, " or output");
            break;
        }
    }
    return text;
}

/* What a loop that counts need not compute in each iteration. */
static bool is_counted(const tw_variant *v, uint32_t s)
{
    const tw_counter *counter = &v->counter;
    return counter->known && (s < v->test_steps || (counter->alone && s == counter->next_step));
}

/* ---- the table ---- */

enum { KIND_WIDTH = 44, NAME_WIDTH = 40, MOST_STORED = 2 };

/* Of a pass, what it stores on the way; of others, how many results they have. */
static void add_stored(tw_buffer *out, const tw_variant *v, uint32_t s)
{
    const tw_step *step = &v->steps.items[s];
    uint32_t named = main_output(v, step), count = 0;
    if (!step->group)
        tw_buffer_printf(out, "  (%u results)", step->output_count);
    for (uint32_t k = 0; step->group && k < step->output_count; k++) {
        if (step->outputs[k] == named)
            continue;
        if (count++ < MOST_STORED)
            tw_buffer_printf(out, "%s%s %s", count > 1 ? ", " : "  (also stores ",
                             tw_plan_producer(v->plan, step->outputs[k])->origin->spec.name,
                             place_text(v, step, s, step->outputs[k]).s);
    }
    if (count > MOST_STORED)
        tw_buffer_printf(out, " and %u more", count - MOST_STORED);
    if (count)
        tw_buffer_add_char(out, ')');
}

/* All that is to be said of a step, each in brackets. */
static void add_notes(tw_buffer *out, const shown *w, uint32_t s)
{
    const tw_variant *v = w->v;
    const tw_step *step = &v->steps.items[s];
    const char *unpacked = tw_explain_unpacked(v, step),
               *alone = tw_explain_alone(v, step, w->reader);
    if (step->packs || step->packs_feed)
        tw_buffer_add_text(out, "  (packed copy)");
    else if (unpacked)
        tw_buffer_printf(out, "  (no packed copy: %s)", unpacked);
    if (alone)
        tw_buffer_printf(out, "  (not fused: %s)", alone);
    if (step->batching)
        tw_buffer_printf(out, "  (%zu iterations at once)", step->rounds);
    if (step->flags & TW_STEP_GUARDED)
        tw_buffer_add_text(out, "  (if alive)");
    if (is_counted(v, s))
        tw_buffer_add_text(out, "  (counted)");
    if (tw_spec_attr(&v->plan->nodes.items[step->node].spec, TW_UPDATE_SUMS))
        tw_buffer_add_text(out, "  (sums equal rows)");
    if (step->output_count > 1)
        add_stored(out, v, s);
}

/* Columns stay where they are in a loop's body, but for the first two. Of a long name the end is
 * shown, which tells it from others. */
static void add_line(tw_buffer *out, const shown *w, uint32_t s, int depth)
{
    const tw_variant *v = w->v;
    const tw_step *step = &v->steps.items[s];
    tw_text shape, place, bytes = bytes_text(0);
    int width = depth < 5 ? KIND_WIDTH - 4 * depth : KIND_WIDTH / 2;
    memcpy(shape.s, "-", 2);
    place = shape;
    if (step->output_count) {
        uint32_t value = main_output(v, step);
        const tw_sized *sized = &v->values[value];
        tw_text dims = tw_shape_text(sized->shape);
        snprintf(shape.s, sizeof shape.s, "%s %.200s",
                 tw_dtype_name(v->plan->values.items[value].dtype),
                 sized->dynamic ? "at run time" : dims.s);
        if (sized->dynamic)
            memcpy(bytes.s, "?", 2);
        else
            bytes = bytes_text(sized->bytes);
        place = place_text(v, step, s, value);
    }
    const char *name = v->plan->nodes.items[step->node].origin->spec.name;
    size_t length = strlen(name);
    bool cut = length > NAME_WIDTH;
    tw_buffer notes = {0};
    add_notes(&notes, w, s);
    tw_buffer_printf(out, "%*s%4u  %-*s %-26s %10s  %-23s %s%-*s%s\n", depth * 4, "", s, width,
                     kind_text(w, step, width).s, shape.s, bytes.s, place.s, cut ? "..." : "",
                     notes.length ? NAME_WIDTH - 3 * cut : 0,
                     cut ? name + length - NAME_WIDTH + 3 : name, notes.length ? notes.data : "");
    out->failed = out->failed || notes.failed;
    tw_buffer_clear(&notes);
}

/* ---- what left the plan before it had steps ---- */

enum { MOST_NAMES = 12, LINE_WIDTH = 100 };

typedef struct names {
    tw_buffer text;
    size_t count, column;
} names;

/* "a", or "a = b". */
static void add_name(names *n, const char *name, const char *same)
{
    size_t length = strlen(name) + (same ? strlen(same) + 3 : 0);
    bool first = n->count == 0, wraps = !first && n->column + length + 10 > LINE_WIDTH;
    if (n->count++ >= MOST_NAMES)
        return;
    tw_buffer_printf(&n->text, "%s%s%s%s",
                     first   ? ""
                     : wraps ? ",\n        "
                             : ", ",
                     name, same ? " = " : "", same ? same : "");
    n->column = wraps ? length : n->column + length + 2;
}

static void show_names(tw_buffer *out, const char *what, names *n, uint32_t constants)
{
    if (n->count || constants)
        tw_buffer_printf(out, "%s: %s", what, n->text.length ? n->text.data : "");
    if (n->count > MOST_NAMES)
        tw_buffer_printf(out, " ... and %zu more", n->count - MOST_NAMES);
    if (constants)
        tw_buffer_printf(out, "%s%u constant%s with the value of another", n->count ? ", " : "",
                         constants, constants == 1 ? "" : "s");
    if (n->count || constants)
        tw_buffer_add_char(out, '\n');
    out->failed = out->failed || n->text.failed;
    tw_buffer_clear(&n->text);
}

/* What the text says above its table: sums over the plan and the bodies of its loops. */
typedef struct totals {
    size_t steps;
    uint32_t fused, into, folded, shared, simplified;
    uint32_t constants; /* that are another one */
    names folds, twins;
} totals;

/* A plan keeps no list of what it lost, so its first passes are made again. What was folded is a
 * constant in the name of the same operation now, a twin has become another one's value. */
static tw_status *find_lost(tw_plan *plan, totals *t)
{
    TW_TRY(tw_plan_fold(plan));
    TW_TRY(tw_plan_share(plan));
    for (size_t i = 0; i < plan->values.count; i++) {
        const tw_plan_value *value = &plan->values.items[i];
        if (value->moved == TW_NO_INDEX || value->output)
            continue;
        const tw_operation *from = plan->nodes.items[value->node].origin;
        const tw_plan_node *to = tw_plan_producer(plan, value->moved);
        if (to->origin == from)
            add_name(&t->folds, from->spec.name, NULL);
        else if (to->kind == TW_NODE_CONSTANT)
            t->constants++;
        else if (to->kind != TW_NODE_LOOP)
            add_name(&t->twins, from->spec.name, to->origin->spec.name);
    }
    for (size_t i = 0; i < plan->nodes.count; i++) {
        if (!plan->nodes.items[i].gone && plan->nodes.items[i].kind == TW_NODE_LOOP)
            TW_TRY(find_lost(plan->nodes.items[i].loop->body, t));
    }
    return TW_OK;
}

/* A number that became another one's broadcast was folded too: fold.c's other rule. */
static void add_counts(const tw_plan *plan, totals *t)
{
    t->folded += plan->counts.folded;
    t->shared += plan->counts.shared;
    t->simplified += plan->counts.simplified;
    for (size_t i = 0; i < plan->nodes.count; i++) {
        const tw_plan_node *node = &plan->nodes.items[i];
        if (tw_node_is_type(node, "BroadcastTo") &&
            strcmp(node->origin->spec.type, node->spec.op->name) != 0)
            add_name(&t->folds, node->origin->spec.name, NULL);
    }
}

/* ---- all together ---- */

static tw_status *shown_init(shown *w, const tw_variant *v)
{
    const tw_plan *plan = v->plan;
    *w = (shown){.v = v,
                 .own = tw_alloc_zero(plan->nodes.count + 1, sizeof *w->own),
                 .reader = tw_alloc_zero(plan->values.count + 1, sizeof *w->reader)};
    if (!w->own || !w->reader)
        return tw_no_memory();
    for (size_t s = 0; s < v->steps.count; s++)
        w->own[v->steps.items[s].node] |= !v->steps.items[s].group;
    tw_explain_readers(plan, w->reader);
    return TW_OK;
}

/* A loop's body stands indented below it. */
static tw_status *add_steps(tw_buffer *out, const tw_variant *v, int depth, totals *t)
{
    shown w;
    tw_status *status = shown_init(&w, v);
    add_counts(v->plan, t);
    t->steps += v->steps.count;
    for (uint32_t s = 0; !status && s < v->steps.count; s++) {
        const tw_step *step = &v->steps.items[s];
        add_line(out, &w, s, depth);
        t->into += held(&w, step);
        t->fused += held(&w, step) > 0;
        if (step->body)
            status = add_steps(out, step->body, depth + 1, t);
    }
    tw_free(w.own);
    tw_free(w.reader);
    return status;
}

/* Counts and lists first, then a line for each step in the order in which they run. */
tw_status *tw_explain(tw_session *session, tw_tensors fetch, tw_tensors target, tw_tensors feed,
                      char **out)
{
    tw_variant *v;
    tw_plan *again = NULL;
    totals t = {0};
    tw_buffer text = {0}, lines = {0};
    if (!session || !out)
        return tw_value_error("explaining needs a session and a place for the text");
    TW_TRY(get_variant(session, fetch, target, feed, &v));
    tw_signature signature = {.fetches = fetch, .targets = target, .feeds = feed};
    tw_status *status = tw_plan_begin(session->graph, &signature, &again);
    if (!status)
        status = find_lost(again, &t);
    if (!status)
        status = add_steps(&lines, v, 0, &t);
    tw_buffer_printf(&text,
                     "%zu step%s (%u fused)   arena %s, largest live set %s, workspace %s\n"
                     "nodes: %u folded, %u shared, %u rewritten, %u fused into others\n",
                     t.steps, t.steps == 1 ? "" : "s", t.fused, bytes_text(v->arena_bytes).s,
                     bytes_text(v->live_bytes).s, bytes_text(v->workspace_bytes).s, t.folded,
                     t.shared, t.simplified, t.into);
    show_names(&text, "folded", &t.folds, 0);
    show_names(&text, "shared", &t.twins, t.constants);
    tw_buffer_printf(&text, "\nstep  %-*s %-26s %10s  %-23s %s\n%s", KIND_WIDTH, "what", "result",
                     "bytes", "where", "operation", lines.length ? lines.data : "");
    text.failed = text.failed || lines.failed;
    tw_buffer_clear(&lines);
    tw_plan_unref(again);
    tw_variant_unref(v);
    if (status) {
        tw_buffer_clear(&text);
        return status;
    }
    *out = tw_buffer_take(&text);
    return *out ? TW_OK : tw_no_memory();
}

/* Counts of the plan that a run of this signature would use. */
tw_status *tw_session_plan_counts(tw_session *session, tw_tensors fetch, tw_tensors target,
                                  tw_tensors feed, tw_plan_counts *out)
{
    tw_variant *v;
    if (!session || !out)
        return tw_value_error("counting needs a session and a place for the counts");
    TW_TRY(get_variant(session, fetch, target, feed, &v));
    *out = (tw_plan_counts){.steps = v->steps.count,
                            .fused = v->fused_steps,
                            .folded = v->plan->counts.folded,
                            .shared = v->plan->counts.shared,
                            .arena_bytes = v->arena_bytes,
                            .live_bytes = v->live_bytes,
                            .workspace_bytes = v->workspace_bytes};
    for (size_t s = 0; s < v->steps.count; s++)
        out->update_steps += (v->steps.items[s].flags & TW_STEP_WRITES) != 0;
    tw_variant_unref(v);
    return TW_OK;
}
