/* SPDX-License-Identifier: Apache-2.0
 * A status keeps its parts and the two texts made of them; every change makes both texts anew. When
 * memory is short the change is dropped and the texts stay as they were: a status is never lost to
 * its own decoration. */
#include "base/status.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

struct tw_status {
    tw_code code;
    tw_kind kind;
    tw_phase phase;
    int input, line;
    char *text;             /* as made */
    char *type, *operation; /* NULL: no operation named */
    char *notes;            /* one a line, NULL: none */
    char *file;
    char *message, *report;
    void *payload;
    void (*release)(void *payload);
};

/* Never written to: every function that changes a status asks is_shared first. */
static const tw_status no_memory = {.code = TW_RESOURCE_EXHAUSTED,
                                    .kind = TW_KIND_MEMORY,
                                    .input = -1,
                                    .text = "out of memory",
                                    .message = "out of memory",
                                    .report = "out of memory"};

/* The status for short memory is one constant for all, since making it must not need memory;
 * nothing may change it. */
static bool is_shared(const tw_status *status)
{
    return !status || status == &no_memory;
}

/* One constant for all: to report that memory is short must not need memory. It is never changed
 * or freed, whoever holds it. */
tw_status *tw_no_memory(void)
{
    return (tw_status *)&no_memory;
}

/* A log wants one line, whatever a text brought along. */
static void newlines_to_spaces(char *text)
{
    for (; text && *text; text++) {
        if (*text == '\n' || *text == '\r')
            *text = ' ';
    }
}

/* The message with " | " before each part, or the report with a new line and four spaces. */
/* NULL: no memory. */
static char *compose(const tw_status *s, bool lines)
{
    const char *between = lines ? "\n    " : " | ";
    tw_buffer b = {0};
    if (s->operation)
        tw_buffer_printf(&b, "%s '%s': ", s->type, s->operation);
    tw_buffer_add_text(&b, s->text);
    for (const char *note = s->notes; note && *note;) {
        size_t length = strcspn(note, "\n"), brief = strcspn(note, "\n\t");
        tw_buffer_add_text(&b, between);
        tw_buffer_add(&b, note, brief);
        if (lines && brief < length)
            tw_buffer_add(&b, note + brief + 1, length - brief - 1);
        note += length + (note[length] == '\n');
    }
    if (s->file)
        tw_buffer_printf(&b, "%smade at %s:%d", between, s->file, s->line);
    char *text = tw_buffer_take(&b);
    if (!lines)
        newlines_to_spaces(text);
    return text;
}

/* False: no memory, and both texts are the old ones. */
static bool retell(tw_status *s)
{
    char *message = compose(s, false), *report = compose(s, true);
    if (!message || !report) {
        tw_free(message);
        tw_free(report);
        return false;
    }
    tw_free(s->message);
    tw_free(s->report);
    s->message = message;
    s->report = report;
    return true;
}

/* Always gives a status: where memory is too short for the one asked for, the answer is that
 * memory is short. */
tw_status *tw_status_format(tw_code code, const char *format, va_list args)
{
    tw_buffer text = {0};
    tw_buffer_vprintf(&text, format, args);
    tw_status *s = TW_NEW(tw_status);
    char *taken = tw_buffer_take(&text);
    if (!s || !taken) {
        tw_free(taken);
        tw_free(s);
        return tw_no_memory();
    }
    s->code = code;
    s->input = -1;
    s->text = taken;
    if (retell(s))
        return s;
    tw_status_free(s);
    return tw_no_memory();
}

tw_status *tw_status_new(tw_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *s = tw_status_format(code, format, args);
    va_end(args);
    return s;
}

tw_status *tw_value_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *s = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    return tw_status_with_kind(s, TW_KIND_VALUE);
}

/* The code is that of TensorFlow for both sorts; the kind is what lets a binding raise TypeError
 * here and ValueError there. */
tw_status *tw_type_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *s = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    return tw_status_with_kind(s, TW_KIND_TYPE);
}

/* A status of the library itself, as the one for no memory, is left as it is. */
tw_status *tw_status_with_kind(tw_status *status, tw_kind kind)
{
    if (!is_shared(status))
        status->kind = kind;
    return status;
}

/* Likewise. */
tw_status *tw_status_with_phase(tw_status *status, tw_phase phase)
{
    if (!is_shared(status))
        status->phase = phase;
    return status;
}

/* Gives back the status it got, as its siblings do, so that decorations can be chained in the
 * return of a failing function. */
tw_status *tw_status_with_input(tw_status *status, int input)
{
    if (!is_shared(status))
        status->input = input;
    return status;
}

/* The first operation named stays: it is the innermost and the one at fault. */
tw_status *tw_status_with_operation(tw_status *status, const char *type, const char *name)
{
    if (is_shared(status) || status->operation || !name)
        return status;
    status->type = tw_strdup(type ? type : "");
    status->operation = tw_strdup(name);
    if (status->type && status->operation && retell(status))
        return status;
    tw_free(status->type);
    tw_free(status->operation);
    status->type = status->operation = NULL;
    return status;
}

/* Notes go from the inside out, one a line; if memory is short the status stays as it was. */
tw_status *tw_status_with_note(tw_status *status, const char *format, ...)
{
    if (is_shared(status))
        return status;
    tw_buffer note = {0}, all = {0};
    va_list args;
    va_start(args, format);
    tw_buffer_vprintf(&note, format, args);
    va_end(args);
    newlines_to_spaces(note.data);
    if (status->notes)
        tw_buffer_printf(&all, "%s\n", status->notes);
    if (note.failed)
        all.failed = true;
    else
        tw_buffer_add(&all, note.data, note.length);
    tw_buffer_clear(&note);
    /* The old notes are kept until both texts hold the new one. */
    char *before = status->notes, *notes = tw_buffer_take(&all);
    if (!notes)
        return status;
    status->notes = notes;
    if (retell(status)) {
        tw_free(before);
    } else {
        status->notes = before;
        tw_free(notes);
    }
    return status;
}

/* The first place stays, for the same reason as the first operation. */
tw_status *tw_status_with_where(tw_status *status, tw_where where)
{
    if (is_shared(status) || status->file || !where.file)
        return status;
    status->file = tw_strdup(where.file);
    status->line = where.line;
    if (status->file && retell(status))
        return status;
    tw_free(status->file);
    status->file = NULL;
    status->line = 0;
    return status;
}

/* NULL is the status of success throughout, so all readers here take it and answer as a status
 * OK would. */
tw_code tw_status_code(const tw_status *status)
{
    return status ? status->code : TW_CODE_OK;
}

/* The names are those of the gRPC codes, which users of TensorFlow know from its messages; an
 * unheard-of code is not an error here. */
const char *tw_code_name(tw_code code)
{
    static const char *const names[] = {
        [TW_CODE_OK] = "OK",
        [TW_CANCELLED] = "CANCELLED",
        [TW_UNKNOWN] = "UNKNOWN",
        [TW_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [TW_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [TW_NOT_FOUND] = "NOT_FOUND",
        [TW_ALREADY_EXISTS] = "ALREADY_EXISTS",
        [TW_PERMISSION_DENIED] = "PERMISSION_DENIED",
        [TW_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [TW_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
        [TW_ABORTED] = "ABORTED",
        [TW_OUT_OF_RANGE] = "OUT_OF_RANGE",
        [TW_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [TW_INTERNAL] = "INTERNAL",
        [TW_UNAVAILABLE] = "UNAVAILABLE",
        [TW_DATA_LOSS] = "DATA_LOSS",
        [TW_UNAUTHENTICATED] = "UNAUTHENTICATED",
    };
    /* A code below zero becomes a large index and is refused with those above. */
    size_t i = (size_t)code;
    return i < sizeof names / sizeof *names ? names[i] : "UNKNOWN";
}

/* The text lives as long as the status and until its next change, for each change makes both
 * texts anew. */
const char *tw_status_message(const tw_status *status)
{
    return status ? status->message : "OK";
}

const char *tw_status_report(const tw_status *status)
{
    return status ? status->report : "OK";
}

tw_kind tw_status_kind(const tw_status *status)
{
    return status ? status->kind : TW_KIND_NONE;
}

tw_phase tw_status_phase(const tw_status *status)
{
    return status ? status->phase : TW_PHASE_NONE;
}

const char *tw_status_operation(const tw_status *status)
{
    return status ? status->operation : NULL;
}

/* An input is counted from 0, so that -1 says none; inputs are known only where a shape rule or
 * kernel named one. */
int tw_status_input(const tw_status *status)
{
    return status ? status->input : -1;
}

tw_where tw_status_where(const tw_status *status)
{
    return status ? (tw_where){status->file, status->line} : (tw_where){NULL, 0};
}

/* Both members are cleared, so that a status can be given a new payload later and is never
 * released twice. */
static void drop_payload(tw_status *status)
{
    if (status->release)
        status->release(status->payload);
    status->payload = NULL;
    status->release = NULL;
}

/* The status owns the payload from here on in every case, so that the caller has nothing to undo
 * when it is refused. */
void tw_status_set_payload(tw_status *status, void *payload, void (*release)(void *payload))
{
    if (is_shared(status)) { /* it cannot keep the payload, so it is let go at once */
        if (release)
            release(payload);
        return;
    }
    drop_payload(status);
    status->payload = payload;
    status->release = release;
}

void *tw_status_payload(const tw_status *status)
{
    return status ? status->payload : NULL;
}

/* Copies a text that may be NULL; *ok turns false when memory is short. */
static char *copy_text(const char *text, bool *ok)
{
    char *copy = text ? tw_strdup(text) : NULL;
    *ok = *ok && (copy || !text);
    return copy;
}

/* Without the payload, which has one owner. */
tw_status *tw_status_copy(const tw_status *status)
{
    if (is_shared(status))
        return (tw_status *)status;
    tw_status *s = TW_NEW(tw_status);
    if (!s)
        return tw_no_memory();
    *s = (tw_status){.code = status->code,
                     .kind = status->kind,
                     .phase = status->phase,
                     .input = status->input,
                     .line = status->line};
    bool ok = true;
    s->text = copy_text(status->text, &ok);
    s->type = copy_text(status->type, &ok);
    s->operation = copy_text(status->operation, &ok);
    s->notes = copy_text(status->notes, &ok);
    s->file = copy_text(status->file, &ok);
    s->message = copy_text(status->message, &ok);
    s->report = copy_text(status->report, &ok);
    if (ok)
        return s;
    tw_status_free(s);
    return tw_no_memory();
}

/* The shared constant and NULL are passed over, so that every holder may free what it got
 * without a look at it. */
void tw_status_free(tw_status *status)
{
    if (is_shared(status))
        return;
    drop_payload(status);
    char *const texts[] = {status->text, status->type,    status->operation, status->notes,
                           status->file, status->message, status->report};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        tw_free(texts[i]);
    tw_free(status);
}
