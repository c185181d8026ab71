/* SPDX-License-Identifier: Apache-2.0
 * What one can ask of an operation and its tensors, and the changes to finished ones. What changes
 * is replaced as a whole under the graph's lock: who read the old array may go on with it. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/graph.h"

/* NULL for NULL: accessors never crash a front end that lost its operation. */
const char *tw_operation_name(const tw_operation *op)
{
    return op ? op->spec.name : NULL;
}

const char *tw_operation_type(const tw_operation *op)
{
    return op ? op->spec.type : NULL;
}

/* The text may be replaced, but stays valid: all texts of a graph do. */
const char *tw_operation_device(const tw_operation *op)
{
    if (!op)
        return "";
    tw_graph_lock(op->graph);
    const char *device = op->device;
    tw_graph_unlock(op->graph);
    return device;
}

tw_graph *tw_operation_graph(const tw_operation *op)
{
    return op ? op->graph : NULL;
}

/* Ids go up in the order of making, so an operation's id is greater than those of its inputs,
 * but for back edges. */
size_t tw_operation_id(const tw_operation *op)
{
    return op ? op->id : 0;
}

/* The caller's line if the macro face made it; without a file where it did not. */
tw_where tw_operation_where(const tw_operation *op)
{
    return op ? op->spec.where : (tw_where){NULL, 0};
}

/* Fixed when the operation is made, hence without a lock. */
size_t tw_operation_input_count(const tw_operation *op)
{
    return op ? op->input_count : 0;
}

/* Read under the lock, as it may be set from another thread. */
tw_tensor tw_operation_input(const tw_operation *op, size_t index)
{
    tw_tensor tensor = {NULL, 0};
    if (!op || index >= op->input_count)
        return tensor;
    tw_graph_lock(op->graph);
    tensor = op->inputs[index];
    tw_graph_unlock(op->graph);
    return tensor;
}

size_t tw_operation_output_count(const tw_operation *op)
{
    return op ? op->output_count : 0;
}

/* The number of outputs is fixed when an operation is made. */
tw_tensor tw_operation_output(tw_operation *op, size_t index)
{
    if (!op || index >= op->output_count)
        return (tw_tensor){NULL, 0};
    return (tw_tensor){op, (int32_t)index};
}

/* May grow after the operation was made, unlike the number of data inputs. */
size_t tw_operation_control_input_count(const tw_operation *op)
{
    if (!op)
        return 0;
    tw_graph_lock(op->graph);
    size_t count = op->control_count;
    tw_graph_unlock(op->graph);
    return count;
}

/* Control inputs may be added later, by another thread, so that both count and array are read
 * under one lock. */
tw_operation *tw_operation_control_input(const tw_operation *op, size_t index)
{
    if (!op)
        return NULL;
    tw_graph_lock(op->graph);
    tw_operation *input = index < op->control_count ? op->controls[index] : NULL;
    tw_graph_unlock(op->graph);
    return input;
}

/* Defaults count too, as they are filled in when an operation is made. */
size_t tw_operation_attr_count(const tw_operation *op)
{
    if (!op)
        return 0;
    tw_graph_lock(op->graph);
    size_t count = op->spec.attr_count;
    tw_graph_unlock(op->graph);
    return count;
}

/* Attributes with their defaults come last. */
const tw_attr *tw_operation_attr_at(const tw_operation *op, size_t index)
{
    if (!op)
        return NULL;
    tw_graph_lock(op->graph);
    const tw_attr *attr = index < op->spec.attr_count ? &op->spec.attrs[index] : NULL;
    tw_graph_unlock(op->graph);
    return attr;
}

/* What is given stays valid even if the attribute is set anew: the old one retires. */
const tw_attr *tw_operation_attr(const tw_operation *op, const char *name)
{
    if (!op || !name)
        return NULL;
    tw_graph_lock(op->graph);
    const tw_attr *attr = tw_spec_attr(&op->spec, name);
    tw_graph_unlock(op->graph);
    return attr;
}

/* ---- changes ----
 * Raw loops and front ends need to change what is finished. A cycle, a wrong value or a missing
 * back edge is seen when the graph is planned, not here: between two changes a graph may be in
 * any state. */

/* Changes have no place of their own, so the operation's stands for it. */
static tw_status *explain(const tw_operation *op, tw_status *status)
{
    status = tw_status_with_phase(status, TW_PHASE_BUILD);
    status = tw_status_with_operation(status, op->spec.type, op->spec.name);
    return tw_status_with_where(status, op->spec.where);
}

/* Functions that change something refuse NULL in words; those that only ask answer with 0 or
 * NULL. */
static tw_status *null_operation(void)
{
    return tw_value_error("the operation to change is NULL");
}

/* Only the dtype must fit. Cycles are found when the graph is planned, as raw loops are built step
 * by step. A value may replace a value whatever reference it comes from, but not a variable. */
tw_status *tw_operation_set_input(tw_operation *op, size_t index, tw_tensor tensor)
{
    if (!op)
        return null_operation();
    if (index >= op->input_count)
        return explain(op, tw_value_error("it has %u inputs, not %zu", op->input_count, index + 1));
    if (!tw_tensor_valid(tensor) || tensor.index < 0)
        return explain(op, tw_value_error("the new input %zu is no tensor", index));
    if (tensor.op->graph != op->graph)
        return explain(op, tw_value_error("'%s' belongs to another graph", tensor.op->spec.name));
    tw_graph_lock(op->graph);
    tw_tensor old = op->inputs[index];
    tw_dtype before = old.op ? tw_tensor_dtype(old) : TW_INVALID_DTYPE;
    tw_dtype after = tw_tensor_dtype(tensor);
    bool fits = !old.op || before == after ||
                (before == tw_dtype_base(before) && before == tw_dtype_base(after));
    tw_tensor *inputs = NULL;
    if (fits)
        inputs = tw_arena_copy(&op->graph->arena, op->inputs, op->input_count * sizeof *inputs);
    if (inputs) {
        inputs[index] = tensor;
        op->inputs = inputs;
        tw_graph_changed_locked(op->graph);
    }
    tw_graph_unlock(op->graph);
    if (!fits)
        return explain(op, tw_type_error("input %zu is %s, the new one '%s' is %s", index,
                                         tw_dtype_name(before), tensor.op->spec.name,
                                         tw_dtype_name(after)));
    return inputs ? TW_OK : tw_no_memory();
}

/* Lists are short: one after the other is fast enough. */
static bool has_control(const tw_operation *op, const tw_operation *input)
{
    for (uint32_t i = 0; i < op->control_count; i++) {
        if (op->controls[i] == input)
            return true;
    }
    return false;
}

/* A new list each time, since a reader may hold the old one. */
tw_status *tw_operation_add_control_input(tw_operation *op, tw_operation *input)
{
    if (!op)
        return null_operation();
    if (!input || input->graph != op->graph)
        return explain(op, tw_value_error("a control input must be an operation of its graph"));
    tw_graph_lock(op->graph);
    bool there = has_control(op, input);
    tw_operation **controls = NULL;
    if (!there)
        controls = tw_arena_array(&op->graph->arena, op->control_count + 1u, sizeof *controls);
    if (controls) {
        if (op->control_count)
            memcpy(controls, op->controls, op->control_count * sizeof *controls);
        controls[op->control_count++] = input;
        op->controls = controls;
        tw_graph_changed_locked(op->graph);
    }
    tw_graph_unlock(op->graph);
    return there || controls ? TW_OK : tw_no_memory();
}

/* The list itself stays for those who read it. */
tw_status *tw_operation_clear_control_inputs(tw_operation *op)
{
    if (!op)
        return null_operation();
    tw_graph_lock(op->graph);
    op->control_count = 0;
    tw_graph_changed_locked(op->graph);
    tw_graph_unlock(op->graph);
    return TW_OK;
}

/* With room for `count` attributes, none filled in; NULL: no memory, or nothing to copy. */
static tw_import_rest *copy_import_locked(const tw_operation *op, size_t count)
{
    if (!op->import)
        return NULL;
    tw_arena *arena = &op->graph->arena;
    tw_import_rest *import = tw_arena_copy(arena, op->import, sizeof *import);
    tw_bytes *attrs = tw_arena_array(arena, count, sizeof *attrs);
    if (!import || !attrs)
        return NULL;
    import->attrs = attrs;
    import->attr_count = count;
    return import;
}

/* The attributes with `attr` in the place of the one of its name, or behind those that are
 * written. */
static tw_status *replace_attr_locked(tw_operation *op, const tw_attr *attr)
{
    tw_graph *graph = op->graph;
    const tw_attr *old = tw_spec_attr(&op->spec, attr->name);
    size_t at = old ? (size_t)(old - op->spec.attrs) : op->spec.attr_count;
    size_t count = op->spec.attr_count + !old, target = at;
    tw_attr *attrs = tw_arena_array(&graph->arena, count, sizeof *attrs), copy;
    tw_import_rest *import = copy_import_locked(op, count);
    if (!attrs || (op->import && !import) ||
        (old && !tw_vec_reserve(&graph->retired, graph->retired.count + 1)))
        return tw_no_memory();
    TW_TRY(tw_attr_copy(&graph->arena, attr, &copy));
    if (at >= op->exported_attrs)
        target = op->exported_attrs++;
    for (size_t i = 0, k = 0; k < count; k++) {
        i += i == at && old != NULL;
        if (k == target) {
            attrs[k] = copy;
            continue;
        }
        if (import && i < op->import->attr_count)
            import->attrs[k] = op->import->attrs[i];
        attrs[k] = op->spec.attrs[i++];
    }
    if (old)
        tw_vec_push(&graph->retired, *old);
    op->spec.attrs = attrs;
    op->spec.attr_count = count;
    op->import = import;
    return TW_OK;
}

/* A Const is what its attribute says. */
static void take_constant_locked(tw_operation *op, const tw_attr *attr)
{
    bool constant = strcmp(op->spec.type, "Const") == 0 && strcmp(attr->name, "value") == 0;
    if (!constant || attr->kind != TW_ATTR_TENSOR || attr->list)
        return;
    tw_array_unref(op->constant);
    op->constant = attr->value.tensor ? tw_array_ref(attr->value.tensor) : NULL;
}

/* The value is not checked against the signature, as in TensorFlow: front ends set what they know
 * better. */
tw_status *tw_operation_set_attr(tw_operation *op, const tw_attr *attr)
{
    if (!op)
        return null_operation();
    if (!attr || !attr->name || !*attr->name)
        return explain(op, tw_value_error("an attribute needs a name"));
    tw_graph_lock(op->graph);
    tw_status *status = replace_attr_locked(op, attr);
    if (!status) {
        take_constant_locked(op, attr);
        tw_graph_changed_locked(op->graph);
    }
    tw_graph_unlock(op->graph);
    return status;
}

/* As it is given: scopes merge devices, this replaces. */
tw_status *tw_operation_set_device(tw_operation *op, const char *device)
{
    if (!op)
        return null_operation();
    tw_graph_lock(op->graph);
    const char *kept = device && *device ? tw_arena_strdup(&op->graph->arena, device) : "";
    if (kept) {
        op->device = kept;
        tw_graph_changed_locked(op->graph);
    }
    tw_graph_unlock(op->graph);
    return kept ? TW_OK : tw_no_memory();
}

/* Both are compatible; what one leaves open the other says. */
static tw_status *merge_shape_locked(tw_output_info *output, tw_arena *arena, tw_shape shape)
{
    tw_shape old = output->shape;
    size_t rank = shape.rank;
    int64_t *dims = tw_arena_copy(arena, shape.dims, rank * sizeof *dims);
    if (!dims)
        return tw_no_memory();
    for (size_t i = 0; i < rank; i++)
        dims[i] = shape.dims[i] < 0 && old.dims ? old.dims[i] : shape.dims[i];
    output->shape = (tw_shape){dims, rank};
    return TW_OK;
}

/* Serves building and error texts, never memory: what a run sees may differ, and says so then. */
tw_status *tw_tensor_set_shape(tw_tensor tensor, tw_shape shape)
{
    if (!tw_tensor_valid(tensor) || tensor.index < 0)
        return tw_value_error("the shape of an invalid tensor cannot be set");
    tw_operation *op = tensor.op;
    if (!shape.dims)
        return TW_OK;
    if (shape.rank > TW_MAX_RANK)
        return explain(op, tw_value_error("a shape has at most %d dimensions, got %zu", TW_MAX_RANK,
                                          shape.rank));
    for (size_t i = 0; i < shape.rank; i++) {
        if (shape.dims[i] < -1)
            return explain(op,
                           tw_value_error("Dimension %lld must be >= 0", (long long)shape.dims[i]));
    }
    tw_graph_lock(op->graph);
    tw_output_info *output = &op->outputs[tensor.index];
    tw_shape old = output->shape;
    tw_status *status = TW_OK;
    if (!tw_shape_compatible(old, shape))
        status = tw_value_error("Shapes %s and %s are not compatible", tw_shape_text(old).s,
                                tw_shape_text(shape).s);
    else
        status = merge_shape_locked(output, &op->graph->arena, shape);
    if (!status)
        tw_graph_changed_locked(op->graph);
    tw_graph_unlock(op->graph);
    return status ? explain(op, status) : TW_OK;
}

/* ---- tensors ----
 * A tensor is two words by value. An invalid one, which macros give after an error, is answered
 * by every function without a crash. */

/* Index -1, the operation itself, is valid too. */
bool tw_tensor_valid(tw_tensor tensor)
{
    return tensor.op && tensor.index >= -1 && tensor.index < (int32_t)tensor.op->output_count;
}

/* A tensor is a place in the graph: operation and index decide, whatever its value. */
bool tw_same(tw_tensor a, tw_tensor b)
{
    return a.op == b.op && a.index == b.index;
}

/* Never changes, so that no lock is needed. */
tw_dtype tw_tensor_dtype(tw_tensor tensor)
{
    if (!tw_tensor_valid(tensor) || tensor.index < 0)
        return TW_INVALID_DTYPE;
    return tensor.op->outputs[tensor.index].dtype;
}

/* Borrowed from the graph for as long as it lives, also after a change. */
tw_shape tw_tensor_shape(tw_tensor tensor)
{
    if (!tw_tensor_valid(tensor) || tensor.index < 0)
        return TW_UNKNOWN_SHAPE;
    tw_graph_lock(tensor.op->graph);
    tw_shape shape = tensor.op->outputs[tensor.index].shape;
    tw_graph_unlock(tensor.op->graph);
    return shape;
}

/* A text by value has a fixed size; a longer one says that it was cut. */
static void copy_text(tw_text *text, tw_buffer *b)
{
    size_t room = sizeof text->s - 1, length = b->length < room ? b->length : room;
    if (length)
        memcpy(text->s, b->data, length);
    text->s[length] = '\0';
    if (b->length > room)
        memcpy(text->s + room - 3, "...", 3);
    tw_buffer_clear(b);
}

/* No lock: also callable by those who hold it. */
tw_text tw_tensor_name(tw_tensor tensor)
{
    tw_text text = {""};
    tw_buffer b = {0};
    if (!tw_tensor_valid(tensor))
        return text;
    tw_buffer_add_text(&b, tensor.op->spec.name);
    if (tensor.index >= 0)
        tw_buffer_printf(&b, ":%d", (int)tensor.index);
    copy_text(&text, &b);
    return text;
}

/* As Python prints a tensor; an unknown shape is left out there too. */
tw_text tw_tensor_text(tw_tensor tensor)
{
    tw_text text = {""};
    tw_buffer b = {0};
    if (!tw_tensor_valid(tensor)) {
        tw_buffer_add_text(&b, "Tensor(invalid)");
    } else if (tensor.index < 0) {
        tw_buffer_printf(&b, "Operation(\"%s\", type=%s)", tensor.op->spec.name,
                         tensor.op->spec.type);
    } else {
        tw_shape shape = tw_tensor_shape(tensor);
        tw_buffer_printf(&b, "Tensor(\"%s:%d\"", tensor.op->spec.name, (int)tensor.index);
        if (shape.dims)
            tw_buffer_printf(&b, ", shape=%s", tw_shape_text(shape).s);
        tw_buffer_printf(&b, ", dtype=%s)", tw_dtype_name(tw_tensor_dtype(tensor)));
    }
    copy_text(&text, &b);
    return text;
}
