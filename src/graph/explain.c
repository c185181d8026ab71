/* SPDX-License-Identifier: Apache-2.0
 * An error about an operation says what its operands are: dtype and shape in the message, and in
 * the report also which operation made each and where. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/graph.h"

enum { OPERANDS_SHOWN = 8 };

/* What is wrong with the inputs may be that one of them is no tensor. */
static bool can_be_shown(tw_tensor tensor)
{
    return tw_tensor_valid(tensor) && tensor.index >= 0;
}

/* "a: float32 (64, 784)"; the caller's to tw_free. */
static char *describe(tw_tensor tensor, const char *name, size_t i)
{
    tw_buffer b = {0};
    if (name)
        tw_buffer_printf(&b, "%s: ", name);
    else
        tw_buffer_printf(&b, "input %zu: ", i);
    if (can_be_shown(tensor))
        tw_buffer_printf(&b, "%s %s", tw_dtype_name(tw_tensor_dtype(tensor)),
                         tw_shape_text(tw_tensor_shape(tensor)).s);
    else
        tw_buffer_add_text(&b, tensor.op ? "an operation" : "not known yet");
    return tw_buffer_take(&b);
}

/* What only the report says, after a tab. */
static tw_status *note_operand(tw_status *status, const char *text, size_t width, tw_tensor tensor)
{
    if (!can_be_shown(tensor))
        return tw_status_with_note(status, "%s", text);
    const tw_spec *spec = &tensor.op->spec;
    if (!spec->where.file)
        return tw_status_with_note(status, "%s\t%*s   from %s '%s'", text,
                                   (int)(width - strlen(text)), "", spec->type, spec->name);
    return tw_status_with_note(status, "%s\t%*s   from %s '%s'   %s:%d", text,
                               (int)(width - strlen(text)), "", spec->type, spec->name,
                               spec->where.file, spec->where.line);
}

/* A status that names an operation already is only given its place: it comes from inside, where
 * more was known. */
tw_status *tw_graph_explain(tw_status *status, const char *type, const char *name,
                            const tw_tensor *inputs, size_t input_count,
                            const char *const *input_names, tw_where where)
{
    char *texts[OPERANDS_SHOWN] = {NULL};
    size_t shown = input_count < OPERANDS_SHOWN ? input_count : OPERANDS_SHOWN, width = 0;
    if (!status || !type || tw_status_operation(status))
        return tw_status_with_where(status, where);
    status = tw_status_with_phase(status, TW_PHASE_BUILD);
    status = tw_status_with_operation(status, type, name ? name : type);
    for (size_t i = 0; inputs && i < shown; i++) {
        texts[i] = describe(inputs[i], input_names ? input_names[i] : NULL, i);
        size_t length = texts[i] ? strlen(texts[i]) : 0;
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < shown; i++) {
        if (texts[i])
            status = note_operand(status, texts[i], width, inputs[i]);
        tw_free(texts[i]);
    }
    if (shown < input_count)
        status = tw_status_with_note(status, "and %zu more", input_count - shown);
    return tw_status_with_where(status, where);
}
