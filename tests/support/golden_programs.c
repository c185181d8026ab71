/* SPDX-License-Identifier: Apache-2.0
 * Golden programs: the nodes become a GraphDef in text form, which is imported; every run is
 * compared with what TensorFlow gave or refused. */
#include "support/golden_programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "support/golden_cases.h"
#include "support/golden_files.h"
#include "tensor/array.h"
#include "thalweg/thalweg.h"

enum { MOST_LINES = 512, MOST_WORDS = 512, MOST_TENSORS = 32 };

typedef struct program {
    char *lines[MOST_LINES];
    size_t count;
    char name[128]; /* with "@VERSION" where another record has the same name */
    const golden_program_exception *exceptions;
    size_t exception_count, runs;
} program;

/* ---- words ---- */

typedef struct words {
    char *text; /* a copy of the line */
    char *items[MOST_WORDS];
    size_t lengths[MOST_WORDS];
    size_t count;
} words;

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static char *unquote(char *from, char **to_end)
{
    char *to = from;
    for (from++; *from != '"'; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        if (*from == 'x') {
            *to++ = (char)(hex(from[1]) * 16 + hex(from[2]));
            from += 2;
        } else {
            *to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from == 'r' ? '\r' : *from;
        }
    }
    *to_end = to;
    return from + 1;
}

static words split(const char *line)
{
    words w = {.text = tw_strdup(line)};
    char *at = w.text;
    while (*at) {
        assert_true(w.count < MOST_WORDS);
        char *end, *start = at;
        if (*at == '"')
            at = unquote(at, &end);
        else
            end = at = at + strcspn(at, " ");
        w.items[w.count] = start;
        w.lengths[w.count++] = (size_t)(end - start);
        bool more = *at != '\0';
        *end = '\0';
        at += more;
    }
    return w;
}

static bool is(const words *w, const char *key)
{
    return w->count && !strcmp(w->items[0], key);
}

/* ---- tensors ---- */

static size_t read_dims(const char *text, int64_t *dims)
{
    size_t rank = 0;
    for (text++; *text && *text != ']'; text += *text == ',') {
        char *end;
        dims[rank++] = *text == '?' ? -1 : strtoll(text, &end, 10);
        text = *text == '?' ? text + 1 : end;
    }
    return rank;
}

static void set_element(tw_array *array, size_t i, const words *w, size_t word)
{
    char *element = (char *)tw_array_data(array) + i * tw_dtype_size(array->dtype);
    const char *text = w->items[word];
    if (array->dtype == TW_STRING)
        assert_null(tw_array_set_string(array, i, text, w->lengths[word]));
    else if (tw_dtype_is_floating(array->dtype))
        tw_element_set(array->dtype, element, strtod(text, NULL));
    else
        tw_element_set(array->dtype, element, (double)strtoll(text, NULL, 10));
}

/* DTYPE [dims] values from word `at` on. */
static tw_array *read_tensor(const words *w, size_t at)
{
    int64_t dims[TW_MAX_RANK];
    size_t rank = read_dims(w->items[at + 1], dims);
    tw_array *array = tw_array_new(tw_dtype_from_name(w->items[at]), (tw_shape){dims, rank});
    assert_non_null(array);
    assert_int_equal(tw_array_count(array), w->count - at - 2);
    for (size_t i = 0; i < tw_array_count(array); i++)
        set_element(array, i, w, at + 2 + i);
    return array;
}

/* ---- the GraphDef ---- */

static void put_bytes(tw_buffer *b, const char *bytes, size_t length)
{
    tw_buffer_add_char(b, '"');
    for (size_t i = 0; i < length; i++)
        tw_buffer_printf(b, "\\%03o", (unsigned char)bytes[i]);
    tw_buffer_add_char(b, '"');
}

static void put_type(tw_buffer *b, const char *name)
{
    tw_buffer_add_text(b, "DT_");
    for (; *name; name++)
        tw_buffer_add_char(b, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name);
}

static void put_shape(tw_buffer *b, const char *text)
{
    int64_t dims[TW_MAX_RANK];
    if (*text != '[') {
        tw_buffer_add_text(b, "{ unknown_rank: true }");
        return;
    }
    size_t rank = read_dims(text, dims);
    tw_buffer_add_text(b, "{");
    for (size_t d = 0; d < rank; d++)
        tw_buffer_printf(b, " dim { size: %lld }", (long long)dims[d]);
    tw_buffer_add_text(b, " }");
}

static void put_tensor(tw_buffer *b, const words *w, size_t at)
{
    tw_array *array = read_tensor(w, at);
    tw_buffer_add_text(b, "tensor { dtype: ");
    put_type(b, w->items[at]);
    tw_buffer_add_text(b, " tensor_shape ");
    put_shape(b, w->items[at + 1]);
    if (array->dtype == TW_STRING) {
        for (size_t i = 0; i < array->count; i++) {
            tw_buffer_add_text(b, " string_val: ");
            put_bytes(b, w->items[at + 2 + i], w->lengths[at + 2 + i]);
        }
    } else {
        tw_buffer_add_text(b, " tensor_content: ");
        put_bytes(b, tw_array_data(array), tw_array_bytes(array));
    }
    tw_buffer_add_text(b, " }");
    tw_array_unref(array);
}

static void put_one(tw_buffer *b, const char *kind, const words *w, size_t at)
{
    if (!strcmp(kind, "int"))
        tw_buffer_printf(b, "i: %s", w->items[at]);
    else if (!strcmp(kind, "float"))
        tw_buffer_printf(b, "f: %.9g", strtod(w->items[at], NULL));
    else if (!strcmp(kind, "bool"))
        tw_buffer_printf(b, "b: %s", w->items[at]);
    else if (!strcmp(kind, "string"))
        tw_buffer_add_text(b, "s: "), put_bytes(b, w->items[at], w->lengths[at]);
    else if (!strcmp(kind, "type"))
        tw_buffer_add_text(b, "type: "), put_type(b, w->items[at]);
    else if (!strcmp(kind, "shape"))
        tw_buffer_add_text(b, "shape "), put_shape(b, w->items[at]);
    else
        fail_msg("no attribute kind '%s'", kind);
}

/* attr NAME KIND v... */
static void put_attr(tw_buffer *b, const words *w)
{
    char kind[32];
    size_t length = strlen(w->items[2]);
    tw_buffer_printf(b, "  attr { key: \"%s\" value { ", w->items[1]);
    if (!strcmp(w->items[2], "tensor")) {
        put_tensor(b, w, 3);
    } else if (w->items[2][length - 1] == 's') {
        snprintf(kind, sizeof kind, "%.*s", (int)length - 1, w->items[2]);
        tw_buffer_add_text(b, "list {");
        for (size_t i = 3; i < w->count; i++) {
            tw_buffer_add_char(b, ' ');
            put_one(b, kind, w, i);
        }
        tw_buffer_add_text(b, " }");
    } else {
        put_one(b, w->items[2], w, 3);
    }
    tw_buffer_add_text(b, " } }\n");
}

static void put_node(tw_buffer *b, const words *w)
{
    tw_buffer_printf(b, "node {\n  name: \"%s\"\n  op: \"%s\"\n", w->items[1], w->items[2]);
    for (size_t i = 3; i < w->count; i++)
        tw_buffer_printf(b, "  input: \"%s\"\n", w->items[i]);
}

/* The nodes up to the first run; *at is moved there. */
static char *graph_text(const program *p, size_t *at)
{
    tw_buffer b = {0};
    bool open = false;
    const char *producer = "134";
    for (; *at < p->count; ++*at) {
        words w = split(p->lines[*at]);
        bool ends = is(&w, "run") || is(&w, "error");
        if (is(&w, "producer"))
            producer = p->lines[*at] + strlen("producer ");
        if (open && (ends || is(&w, "node")))
            tw_buffer_add_text(&b, "}\n"), open = false;
        if (is(&w, "node"))
            put_node(&b, &w), open = true;
        else if (is(&w, "attr"))
            put_attr(&b, &w);
        tw_free(w.text);
        if (ends)
            break;
    }
    tw_buffer_printf(&b, "%sversions { producer: %s }\n", open ? "}\n" : "", producer);
    char *text = tw_buffer_take(&b);
    assert_non_null(text);
    return text;
}

/* ---- runs ---- */

typedef struct one_run {
    tw_feed feeds[MOST_TENSORS];
    tw_tensor fetches[MOST_TENSORS], targets[MOST_TENSORS];
    tw_array *want[MOST_TENSORS], *got[MOST_TENSORS];
    size_t feed_count, fetch_count, target_count;
    int codes[4]; /* that an error may have */
    size_t code_count;
} one_run;

static int code_of(const char *name)
{
    for (int code = 0; code <= 16; code++) {
        if (!strcmp(tw_code_name((tw_code)code), name))
            return code;
    }
    fail_msg("no code %s", name);
    return 0;
}

static tw_tensor find_tensor(tw_graph *graph, const char *name)
{
    tw_tensor tensor = {NULL, 0};
    char full[256];
    snprintf(full, sizeof full, "%s%s", name, strchr(name, ':') ? "" : ":0");
    tw_status *status = tw_graph_tensor(graph, full, &tensor);
    if (status)
        fail_msg("%s", tw_status_message(status));
    return tensor;
}

static size_t read_run(const program *p, tw_graph *graph, size_t at, one_run *run)
{
    memset(run, 0, sizeof *run);
    for (; at < p->count && strcmp(p->lines[at], "run"); at++) {
        words w = split(p->lines[at]);
        if (is(&w, "feed")) {
            tw_feed feed = {find_tensor(graph, w.items[1]), read_tensor(&w, 2)};
            run->feeds[run->feed_count++] = feed;
        } else if (is(&w, "fetch")) {
            run->want[run->fetch_count] = w.count > 2 ? read_tensor(&w, 2) : NULL;
            run->fetches[run->fetch_count++] = find_tensor(graph, w.items[1]);
        } else if (is(&w, "target")) {
            run->targets[run->target_count++] = (tw_tensor){tw_graph_operation(graph, w.items[1]),
                                                            -1};
        } else if (is(&w, "error")) {
            run->codes[run->code_count++] = code_of(w.items[2]);
        }
        tw_free(w.text);
    }
    return at;
}

/* What is not as TensorFlow answered, in `why`; "" if all is. */
static void compare_run(one_run *run, tw_status *status, tw_text *why)
{
    why->s[0] = '\0';
    bool expected = false;
    for (size_t i = 0; i < run->code_count; i++)
        expected = expected || (status && (int)tw_status_code(status) == run->codes[i]);
    if (status ? !expected : run->code_count > 0) {
        snprintf(why->s, sizeof why->s, "%.250s", tw_status_message(status));
        return;
    }
    for (size_t i = 0; !status && i < run->fetch_count && !why->s[0]; i++) {
        golden_tolerance tolerance = {.relative = 1e-6};
        if (run->want[i] && !golden_same(run->got[i], run->want[i], tolerance, why) && !why->s[0])
            snprintf(why->s, sizeof why->s, "differs");
    }
}

static const golden_program_exception *exception_of(const program *p, int run)
{
    for (size_t i = 0; i < p->exception_count; i++) {
        if (!strcmp(p->exceptions[i].program, p->name) && p->exceptions[i].run == run)
            return &p->exceptions[i];
    }
    return NULL;
}

static void judge(program *p, int run, const tw_text *why)
{
    const golden_program_exception *exception = exception_of(p, run);
    if (why->s[0] && !exception)
        fail_msg("%s, run %d: %s", p->name, run, why->s);
    if (!why->s[0] && exception)
        fail_msg("%s, run %d agrees, but is listed as an exception", p->name, run);
    p->runs++;
}

static void run_all(program *p, tw_graph *graph, size_t at)
{
    struct tw_session_options options = {.size = sizeof options, .graph = graph};
    tw_session *session = tw_session_new(&options);
    assert_non_null(session);
    one_run run;
    for (int number = 0; at < p->count; number++) {
        at = read_run(p, graph, at + 1, &run);
        struct tw_run_args args = {.size = sizeof args,
                                   .session = session,
                                   .timeout_ms = 3000,
                                   .fetch = {run.fetches, run.fetch_count},
                                   .target = {run.targets, run.target_count},
                                   .feed = {run.feeds, run.feed_count},
                                   .out = run.got};
        tw_text why;
        tw_status *status = tw_run_(&args);
        compare_run(&run, status, &why);
        judge(p, number, &why);
        tw_status_free(status);
        for (size_t i = 0; i < run.feed_count; i++)
            tw_array_unref(run.feeds[i].array);
        for (size_t i = 0; i < run.fetch_count; i++) {
            tw_array_unref(run.want[i]);
            tw_array_unref(run.got[i]);
        }
    }
    tw_session_free(session);
}

/* An operation of the program that is not there at all. */
static bool lacks_operation(const program *p, tw_text *why)
{
    for (size_t i = 0; i < p->count; i++) {
        words w = split(p->lines[i]);
        bool lacks = is(&w, "node") && !tw_op_find(w.items[2]);
        if (lacks)
            snprintf(why->s, sizeof why->s, "there is no operation %s", w.items[2]);
        tw_free(w.text);
        if (lacks)
            return true;
    }
    return false;
}

static void run_program(program *p)
{
    size_t at = 0;
    tw_text lack = {""};
    if (lacks_operation(p, &lack)) {
        judge(p, -1, &lack);
        return;
    }
    char *text = graph_text(p, &at);
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_graph_import_text(graph, text, NULL);
    bool refused = at < p->count && !strncmp(p->lines[at], "error build", strlen("error build"));
    tw_text why = {""};
    if (refused && !status)
        snprintf(why.s, sizeof why.s, "it was built");
    else if (status && !refused)
        snprintf(why.s, sizeof why.s, "%.250s", tw_status_message(status));
    if (refused || status)
        judge(p, -1, &why);
    else
        run_all(p, graph, at);
    tw_status_free(status);
    tw_graph_unref(graph);
    tw_free(text);
}

/* ---- the file ---- */

static bool has_twin(const char *whole, const char *name)
{
    char line[160];
    snprintf(line, sizeof line, "\nprogram %s\n", name);
    const char *first = strstr(whole, line);
    return first && strstr(first + 1, line);
}

static void name_program(program *p, const char *whole)
{
    const char *name = p->lines[0] + strlen("program ");
    const char *version = p->lines[1] + strlen("tf ");
    snprintf(p->name, sizeof p->name, "%s%s%s", name, has_twin(whole, name) ? "@" : "",
             has_twin(whole, name) ? version : "");
}

size_t golden_programs_run(const char *file, const golden_program_exception *exceptions,
                           size_t exception_count)
{
    char path[256];
    snprintf(path, sizeof path, "programs/%s", file);
    size_t size;
    char *text = golden_read(path, &size), *whole = tw_strdup(text);
    program *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->exceptions = exceptions;
    p->exception_count = exception_count;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#')
            continue;
        if (strcmp(line, "end") != 0) {
            assert_true(p->count < MOST_LINES);
            p->lines[p->count++] = line;
            continue;
        }
        name_program(p, whole);
        if (!exception_of(p, GOLDEN_NOT_RUN))
            run_program(p);
        p->count = 0;
    }
    size_t runs = p->runs;
    free(p);
    tw_free(whole);
    free(text);
    return runs;
}

/* ---- graphs in files ---- */

size_t golden_graph_run(const char *name)
{
    char path[256];
    size_t size, text_size, at = 0;
    snprintf(path, sizeof path, "files/%s.pb", name);
    char *bytes = golden_read(path, &size);
    snprintf(path, sizeof path, "files/%s.pb.txt", name);
    char *text = golden_read(path, &text_size);
    program *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->name, sizeof p->name, "%.120s", name);
    for (char *line = strtok(text, "\n"); line && strcmp(line, "end"); line = strtok(NULL, "\n")) {
        bool of_run = p->count || !strcmp(line, "run");
        assert_true(p->count < MOST_LINES);
        if (of_run)
            p->lines[p->count++] = line;
    }
    tw_graph *graph = tw_graph_new();
    tw_status *status = tw_graph_import(graph, bytes, size, NULL);
    if (status)
        fail_msg("%s: %s", name, tw_status_message(status));
    run_all(p, graph, at);
    size_t runs = p->runs;
    tw_graph_unref(graph);
    free(p);
    free(text);
    free(bytes);
    return runs;
}
