/* SPDX-License-Identifier: Apache-2.0
 * Device specs: "/job:ps/replica:0/task:1/device:CPU:0", any part of which may be missing. They are
 * kept for export and placement; merging fills what the inner one leaves open from the outer
 * one. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/scope.h"

/* A piece of a text that outlives it. */
typedef struct part {
    const char *text;
    size_t length;
} part;

/* A spec cut up, without copies: the parts point into the text that was given. */
typedef struct device_spec {
    part job, replica, task, type, index; /* text NULL: not said */
} device_spec;

/* Splits "key:value" or "key:value:more" at its colons; gives their number plus one. */
static int split(part whole, part out[3])
{
    int n = 0;
    while (n < 3) {
        const char *colon = n < 2 ? memchr(whole.text, ':', whole.length) : NULL;
        size_t length = colon ? (size_t)(colon - whole.text) : whole.length;
        out[n++] = (part){whole.text, length};
        if (!colon)
            break;
        whole = (part){colon + 1, whole.length - length - 1};
    }
    return n;
}

/* Parts are no terminated strings, hence the length first. */
static bool is(part p, const char *text)
{
    return p.length == strlen(text) && strncmp(p.text, text, p.length) == 0;
}

/* "cpu" and "gpu" may stand alone and in any case, as TensorFlow takes them. */
static bool is_processor(part p)
{
    char text[4] = "";
    if (p.length != 3)
        return false;
    memcpy(text, p.text, 3);
    return tw_text_equal_nocase(text, "cpu") || tw_text_equal_nocase(text, "gpu");
}

/* An empty part is no number, so that "/task:" is refused. */
static bool is_number(part p)
{
    for (size_t i = 0; i < p.length; i++) {
        if (p.text[i] < '0' || p.text[i] > '9')
            return false;
    }
    return p.length > 0;
}

/* "*" leaves an index open. */
static bool set_index(part *slot, part value)
{
    if (is(value, "*"))
        return true;
    *slot = value;
    return is_number(value);
}

/* One part between slashes. A second device type is refused, as the two would contradict. */
static bool take_part(device_spec *spec, part whole)
{
    part p[3];
    int n = split(whole, p);
    if (n == 2 && is(p[0], "job")) {
        spec->job = p[1];
        return true;
    }
    if (n == 2 && is(p[0], "replica"))
        return set_index(&spec->replica, p[1]);
    if (n == 2 && is(p[0], "task"))
        return set_index(&spec->task, p[1]);
    bool short_form = n <= 2 && is_processor(p[0]), long_form = n == 3 && is(p[0], "device");
    if ((!short_form && !long_form) || spec->type.text)
        return false;
    spec->type = p[long_form ? 1 : 0];
    return n == 1 || set_index(&spec->index, p[n - 1]);
}

/* Empty parts are skipped: a spec may begin with one slash, several or none. */
static tw_status *parse(const char *text, device_spec *spec)
{
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "/");
        if (length && !take_part(spec, (part){at, length}))
            return tw_value_error("Unknown attribute: '%.*s' in '%s'", (int)length, at, text);
        at += length + (at[length] == '/');
    }
    return TW_OK;
}

/* Parts that are open are left out. */
static void add_part(tw_buffer *b, const char *key, part value)
{
    if (value.text)
        tw_buffer_printf(b, "/%s:%.*s", key, (int)value.length, value.text);
}

/* What the inner spec leaves open is filled. */
static void prefer(part *inner, part outer)
{
    if (!inner->text)
        *inner = outer;
}

/* The text is TensorFlow's canonical form, whatever short form came in, so that equal devices are
 * equal texts. */
tw_status *tw_device_merge(const char *inner, const char *outer, char **out)
{
    device_spec a = {0}, b = {0};
    TW_TRY(parse(inner, &a));
    TW_TRY(parse(outer, &b));
    prefer(&a.job, b.job);
    prefer(&a.replica, b.replica);
    prefer(&a.task, b.task);
    prefer(&a.type, b.type);
    prefer(&a.index, b.index);
    tw_buffer text = {0};
    add_part(&text, "job", a.job);
    add_part(&text, "replica", a.replica);
    add_part(&text, "task", a.task);
    if (a.type.text) {
        tw_buffer_add_text(&text, "/device:");
        for (size_t i = 0; i < a.type.length; i++) {
            char c = a.type.text[i];
            tw_buffer_add_char(&text, is_processor(a.type) && c >= 'a' ? (char)(c - 'a' + 'A') : c);
        }
        a.index = a.index.text ? a.index : (part){"*", 1};
        tw_buffer_printf(&text, ":%.*s", (int)a.index.length, a.index.text);
    }
    *out = tw_buffer_take(&text);
    return *out ? TW_OK : tw_no_memory();
}
