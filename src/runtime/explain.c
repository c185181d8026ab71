/* SPDX-License-Identifier: Apache-2.0
 * A plan as a table that a person likes to read: what runs in which order, over which shapes, where
 * results lie, what was fused, folded and shared, and why a step is none of it. With declared
 * shapes where feeds have none yet. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "ops/update.h"
#include "plan/fuse.h"
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

/* Every operation of a fused step: "Mul+Add+Tanh". */
static tw_text kind_text(const tw_variant *v, const tw_step *step)
{
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    tw_text text = {""};
    if (!step->group) {
        snprintf(text.s, sizeof text.s, "%s",
                 step->body      ? "While"
                 : node->spec.op ? node->spec.op->name
                                 : "?");
        return text;
    }
    const tw_plan_group *group = step->group;
    size_t at = 0;
    for (uint32_t m = 0; m < group->count && at < 60; m++)
        at += (size_t)snprintf(text.s + at, sizeof text.s - at, "%s%s", m ? "+" : "",
                               v->plan->nodes.items[group->nodes[m]].spec.op->name);
    if (at >= 60)
        snprintf(text.s + 56, sizeof text.s - 56, "... (%u)", group->count);
    return text;
}

/* Says "in place" where a result takes over the memory of an input that dies, "or output" where it
 * may be made where the caller wants it. */
static tw_text place_text(const tw_variant *v, const tw_step *step, uint32_t s)
{
    tw_text text = {"-"};
    if (!step->output_count)
        return text;
    const tw_sized *out = &v->values[step->outputs[0]];
    if (out->place == TW_PLACE_VARIABLE || out->place == TW_PLACE_TARGET)
        snprintf(text.s, sizeof text.s, "variable");
    else if (out->place == TW_PLACE_HEAP)
        snprintf(text.s, sizeof text.s, "own");
    else if (out->place == TW_PLACE_ARENA)
        snprintf(text.s, sizeof text.s, "@%zu", v->values[out->root].offset);
    for (uint32_t i = 0; i < step->input_count && out->place == TW_PLACE_ARENA; i++) {
        const tw_sized *in = &v->values[v->values[step->inputs[i]].root];
        if (in->place == TW_PLACE_ARENA && in->offset == out->offset && in->dies == s &&
            step->inputs[i] != step->outputs[0])
            strncat(text.s, " in place", sizeof text.s - strlen(text.s) - 1);
    }
    for (uint32_t k = 0; k < v->direct_count; k++) {
        if (v->directs[k].value == step->outputs[0])
            strncat(text.s, " or output", sizeof text.s - strlen(text.s) - 1);
    }
    return text;
}

/* An operand whose pass it might have ended was made before for somebody else. */
static bool reads_what_others_read(const tw_plan *plan, const tw_plan_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        const tw_plan_value *value = &plan->values.items[node->inputs[i]];
        if (value->uses > 1 && tw_fuse_is_elementwise(&plan->nodes.items[value->node]))
            return true;
    }
    return false;
}

/* Why what might have been part of a pass has a step of its own; "" where nothing was near. */
static const char *why_alone(const tw_variant *v, const tw_step *step)
{
    const tw_plan *plan = v->plan;
    const tw_plan_node *node = &plan->nodes.items[step->node];
    if (step->group || !(tw_fuse_is_elementwise(node) || tw_fuse_reduction(node)))
        return "";
    if (step->flags & TW_STEP_DYNAMIC)
        return "  (not fused: sizes known at run time)";
    if (node->group != TW_NO_INDEX || node->row_group != TW_NO_INDEX)
        return "  (not fused: another size)";
    if (plan->values.items[node->first_value].uses > 1)
        return "  (not fused: read in several places)";
    if (reads_what_others_read(plan, node))
        return "  (not fused: reads what others read before)";
    return "";
}

/* A copy that is packed would be old before it was read again. */
static const char *why_unpacked(const tw_step *step)
{
    bool wants = step->packing && step->pack_bytes;
    return !wants                            ? ""
           : step->packs || step->packs_feed ? "  (packed copy)"
                                             : "  (no packed copy: written in each run)";
}

/* What a loop that counts need not compute in each iteration. */
static bool is_counted(const tw_variant *v, uint32_t s)
{
    const tw_counter *counter = &v->counter;
    return counter->known && (s < v->test_steps || (counter->alone && s == counter->next_step));
}

static tw_text at_once(const tw_step *step)
{
    tw_text text;
    snprintf(text.s, sizeof text.s, "  (%zu iterations at once)", step->rounds);
    return text;
}

/* A loop's body stands indented below it. */
static void add_step(tw_buffer *out, const tw_variant *v, uint32_t s, int depth)
{
    const tw_step *step = &v->steps.items[s];
    const tw_plan_node *node = &v->plan->nodes.items[step->node];
    tw_text shape = {"-"};
    size_t bytes = 0;
    if (step->output_count) {
        const tw_sized *sized = &v->values[step->outputs[0]];
        tw_text dims = sized->dynamic ? (tw_text){"at run time"} : tw_shape_text(sized->shape);
        snprintf(shape.s, sizeof shape.s, "%s %.200s",
                 tw_dtype_name(v->plan->values.items[step->outputs[0]].dtype), dims.s);
        bytes = sized->bytes;
    }
    tw_buffer_printf(out, "%*s%4u  %-28s %-24s %10s  %-16s %s%s%s%s%s%s%s\n", depth * 4, "", s,
                     kind_text(v, step).s, shape.s, bytes_text(bytes).s, place_text(v, step, s).s,
                     node->origin->spec.name, why_unpacked(step), why_alone(v, step),
                     step->batching ? at_once(step).s : "",
                     step->flags & TW_STEP_GUARDED ? "  (if alive)" : "",
                     is_counted(v, s) ? "  (counted)" : "",
                     tw_spec_attr(&node->spec, TW_UPDATE_SUMS) ? "  (sums equal rows)" : "");
    for (uint32_t b = 0; step->body && b < step->body->steps.count; b++)
        add_step(out, step->body, b, depth + 1);
}

/* Counts first, then a line for each step in the order in which they run. */
tw_status *tw_explain(tw_session *session, tw_tensors fetch, tw_tensors target, tw_tensors feed,
                      char **out)
{
    tw_variant *v;
    if (!session || !out)
        return tw_value_error("explaining needs a session and a place for the text");
    TW_TRY(get_variant(session, fetch, target, feed, &v));
    tw_buffer text = {0};
    tw_buffer_printf(&text, "%zu steps (%u fused)   arena %s, largest live set %s, workspace %s\n",
                     v->steps.count, v->fused_steps, bytes_text(v->arena_bytes).s,
                     bytes_text(v->live_bytes).s, bytes_text(v->workspace_bytes).s);
    tw_buffer_printf(&text, "nodes: %u folded, %u shared, %u rewritten, %u fused into others\n\n",
                     v->plan->counts.folded, v->plan->counts.shared, v->plan->counts.simplified,
                     v->plan->counts.fused);
    tw_buffer_printf(&text, "step  %-28s %-24s %10s  %-16s %s\n", "what", "result", "bytes",
                     "where", "operation");
    for (uint32_t s = 0; s < v->steps.count; s++)
        add_step(&text, v, s, 0);
    tw_variant_unref(v);
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
