/* SPDX-License-Identifier: Apache-2.0
 * Traces: one entry for each step that ran, in Chrome's trace event format (chrome://tracing,
 * Perfetto). */
#include <string.h>

#include "base/os.h"
#include "base/status.h"
#include "base/text.h"
#include "runtime/run.h"

/* One step that ran. */
typedef struct tw_trace_entry {
    char *name;
    const char *type;   /* the registry's: lives for ever */
    int64_t start, end; /* tw_os_now's nanoseconds */
    uint64_t thread, bytes;
    double flops;
} tw_trace_entry;

/* Filled by runs of any number of threads. */
struct tw_trace {
    tw_mutex lock;
    TW_VEC(tw_trace_entry) entries;
    int64_t origin;
};

/* NULL: no memory. */
tw_trace *tw_trace_new(void)
{
    tw_trace *trace = TW_NEW(tw_trace);
    if (!trace)
        return NULL;
    tw_mutex_init(&trace->lock);
    trace->origin = tw_os_now();
    return trace;
}

/* No run may be using it. */
void tw_trace_free(tw_trace *trace)
{
    if (!trace)
        return;
    for (size_t i = 0; i < trace->entries.count; i++)
        tw_free(trace->entries.items[i].name);
    tw_vec_clear(&trace->entries);
    tw_mutex_free(&trace->lock);
    tw_free(trace);
}

/* Exact when no run is writing to it. */
size_t tw_trace_count(const tw_trace *trace)
{
    return trace ? trace->entries.count : 0;
}

/* Called between two steps: what it costs is not part of either. */
void tw_trace_step(tw_trace *trace, const tw_frame *frame, uint32_t s, int64_t start, int64_t end)
{
    const tw_step *step = &frame->variant->steps.items[s];
    const tw_plan_node *node = &frame->variant->plan->nodes.items[step->node];
    tw_trace_entry entry = {
        .start = start, .end = end, .thread = tw_thread_id(), .flops = step->flops};
    entry.type = step->kernel && node->spec.op ? node->spec.op->name
                 : step->body                  ? "While"
                                               : "Fused";
    entry.name = tw_strdup(node->origin->spec.name);
    for (uint32_t i = 0; i < step->input_count; i++)
        entry.bytes += tw_array_bytes(frame->contexts[s].inputs[i]);
    for (uint32_t k = 0; k < step->output_count; k++)
        entry.bytes += tw_array_bytes(frame->contexts[s].outputs[k]);
    tw_mutex_lock(&trace->lock);
    if (!entry.name || !tw_vec_push(&trace->entries, entry))
        tw_free(entry.name); /* a trace with a gap is better than a run that fails for it */
    tw_mutex_unlock(&trace->lock);
}

/* Names come from users and files: quotes, backslashes and control characters are escaped. */
static void add_json_text(tw_buffer *out, const char *text)
{
    tw_buffer_add_char(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            tw_buffer_add_char(out, '\\');
        if ((unsigned char)*text < 0x20)
            tw_buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            tw_buffer_add_char(out, *text);
    }
    tw_buffer_add_char(out, '"');
}

/* Chrome counts in microseconds with fractions. */
static void add_micro(tw_buffer *out, int64_t nanoseconds)
{
    tw_buffer_printf(out, "%lld.%03d", (long long)(nanoseconds / 1000), (int)(nanoseconds % 1000));
}

/* Times count from the making of the trace. */
char *tw_trace_json(const tw_trace *trace)
{
    tw_buffer out = {0};
    if (!trace)
        return NULL;
    tw_buffer_add_text(&out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    tw_mutex_lock((tw_mutex *)&trace->lock);
    for (size_t i = 0; i < trace->entries.count; i++) {
        const tw_trace_entry *e = &trace->entries.items[i];
        tw_buffer_add_text(&out, i ? ",\n{\"name\":" : "\n{\"name\":");
        add_json_text(&out, e->name);
        tw_buffer_add_text(&out, ",\"cat\":");
        add_json_text(&out, e->type);
        tw_buffer_add_text(&out, ",\"ph\":\"X\",\"ts\":");
        add_micro(&out, e->start - trace->origin);
        tw_buffer_add_text(&out, ",\"dur\":");
        add_micro(&out, e->end - e->start);
        tw_buffer_printf(&out,
                         ",\"pid\":%llu,\"tid\":%llu,\"args\":{\"bytes\":%llu,\"flops\":%.0f}}",
                         (unsigned long long)tw_process_id(), (unsigned long long)e->thread,
                         (unsigned long long)e->bytes, e->flops);
    }
    tw_mutex_unlock((tw_mutex *)&trace->lock);
    tw_buffer_add_text(&out, "\n]}\n");
    return tw_buffer_take(&out);
}

/* Written beside and renamed, as all files are. */
tw_status *tw_trace_save(const tw_trace *trace, const char *path)
{
    if (!trace || !path)
        return tw_value_error("saving a trace needs a trace and a path");
    char *text = tw_trace_json(trace);
    if (!text)
        return tw_no_memory();
    tw_status *status = tw_os_write_file(path, text, strlen(text));
    tw_free(text);
    return status;
}
