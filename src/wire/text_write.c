/* SPDX-License-Identifier: Apache-2.0
 * A message tree to text, to the byte what Python's text_format printed in the years of TensorFlow
 * 0.x and 1.x: a float is widened to double first and shown with that type's shortest digits (0.1f
 * is 0.10000000149011612). */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "wire/text_format.h"

/* Two spaces a level, as Python's printer has it; the depth is bounded by that of the tree,
 * which the readers bound. */
static void add_indent(tw_buffer *b, int depth)
{
    for (int i = 0; i < depth; i++)
        tw_buffer_add(b, "  ", 2);
}

/* Runs of plain characters are added at once; the rest as C escapes, three octal digits where there
 * is no letter. */
static void add_quoted(tw_buffer *b, tw_span span)
{
    tw_buffer_add_char(b, '"');
    size_t plain = 0;
    for (size_t i = 0; i < span.size; i++) {
        unsigned char c = (unsigned char)span.data[i];
        const char *escape = c == '\n'   ? "\\n"
                             : c == '\r' ? "\\r"
                             : c == '\t' ? "\\t"
                             : c == '"'  ? "\\\""
                             : c == '\'' ? "\\'"
                             : c == '\\' ? "\\\\"
                                         : NULL;
        if (!escape && c >= 0x20 && c < 0x7F)
            continue;
        tw_buffer_add(b, span.data + plain, i - plain);
        plain = i + 1;
        if (escape)
            tw_buffer_add(b, escape, 2);
        else
            tw_buffer_printf(b, "\\%03o", (unsigned)c);
    }
    tw_buffer_add(b, span.data + plain, span.size - plain);
    tw_buffer_add_char(b, '"');
}

/* Forty bytes hold the longest text of any double; the locale has no say in it, so files read
 * back everywhere. */
static void add_double(tw_buffer *b, double value)
{
    char text[40];
    tw_buffer_add(b, text, tw_double_text(text, value));
}

/* A number that the enum does not name is written as a number. */
static void add_integer(tw_buffer *b, const tw_pb_field *field, int64_t value)
{
    const char *name = field->kind == TW_PB_ENUM ? tw_pb_choice_name(field->choices, value) : NULL;
    if (name)
        tw_buffer_add_text(b, name);
    else if (field->kind == TW_PB_BOOL)
        tw_buffer_add_text(b, value ? "true" : "false");
    else if (field->kind == TW_PB_UINT64)
        tw_buffer_printf(b, "%" PRIu64, (uint64_t)value);
    else
        tw_buffer_printf(b, "%" PRId64, value);
}

/* One line of a field that is no message. */
static void add_scalar(tw_buffer *b, const tw_slot *slot, size_t i, int depth)
{
    const tw_pb_field *field = slot->field;
    add_indent(b, depth);
    tw_buffer_add_text(b, field->name);
    tw_buffer_add(b, ": ", 2);
    if (field->kind == TW_PB_STRING || field->kind == TW_PB_BYTES)
        add_quoted(b, ((const tw_span *)slot->items)[i]);
    else if (field->kind == TW_PB_FLOAT)
        add_double(b, (double)((const float *)slot->items)[i]);
    else if (field->kind == TW_PB_DOUBLE)
        add_double(b, ((const double *)slot->items)[i]);
    else
        add_integer(b, field, ((const int64_t *)slot->items)[i]);
    tw_buffer_add_char(b, '\n');
}

static tw_status *add_message(tw_buffer *b, const tw_message *m, bool entry, int depth);

/* Each child has its name repeated, for the text format prints a list of messages as separate
 * fields, without brackets. */
static tw_status *add_children(tw_buffer *b, const tw_slot *slot, tw_message *const *children,
                               int depth)
{
    for (size_t i = 0; i < slot->count; i++) {
        add_indent(b, depth);
        tw_buffer_add_text(b, slot->field->name);
        tw_buffer_add(b, " {\n", 3);
        TW_TRY(add_message(b, children[i], slot->field->label == TW_PB_MAP, depth + 1));
        add_indent(b, depth);
        tw_buffer_add(b, "}\n", 2);
    }
    return TW_OK;
}

/* Python sorts by key, whatever the order of the bytes was. */
static tw_status *add_map(tw_buffer *b, const tw_slot *slot, int depth)
{
    tw_message **sorted = tw_message_sorted(slot);
    if (!sorted)
        return tw_no_memory();
    tw_status *status = add_children(b, slot, sorted, depth);
    tw_free(sorted);
    return status;
}

/* Python leaves the default of a key or value out of a map's `entry`, though its bytes are always
 * written. */
static tw_status *add_message(tw_buffer *b, const tw_message *m, bool entry, int depth)
{
    if (depth > TW_PB_MAX_DEPTH)
        return tw_value_error("%s: nested in more than %d levels", m->type->name, TW_PB_MAX_DEPTH);
    for (uint32_t i = 0; i < m->slot_count; i++) {
        const tw_slot *slot = &m->slots[i];
        if (entry ? tw_slot_is_zero(slot) : tw_slot_is_default(slot))
            continue;
        if (slot->field->label == TW_PB_MAP)
            TW_TRY(add_map(b, slot, depth));
        else if (slot->field->kind == TW_PB_MESSAGE)
            TW_TRY(add_children(b, slot, slot->items, depth));
        else
            for (size_t k = 0; k < slot->count; k++)
                add_scalar(b, slot, k, depth);
    }
    return b->failed ? tw_no_memory() : TW_OK;
}

/* After a failure text is NULL and length 0; on success the text ends in a NUL that the length
 * does not count. */
tw_status *tw_text_write(const tw_message *m, char **text, size_t *length)
{
    tw_buffer b = {0};
    *text = NULL;
    *length = 0;
    tw_status *status = add_message(&b, m, false, 0);
    if (status) {
        tw_buffer_clear(&b);
        return status;
    }
    size_t written = b.length;
    *text = tw_buffer_take(&b);
    if (!*text)
        return tw_no_memory();
    *length = written;
    return TW_OK;
}
