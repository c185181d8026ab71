/* SPDX-License-Identifier: Apache-2.0
 * The engine behind every typed builder: a table says where the members of an args struct lie, and
 * from them come inputs, constants and attributes for tw_graph_add. As in TensorFlow, the constants
 * stand in a name scope that the operation itself is named by: `Mul/y` and then `Mul`. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "graph/operand.h"
#include "graph/scope.h"

enum { ROOM = 1024 }; /* for inputs and attributes of nearly every operation */

/* What every args struct begins with. */
typedef struct args_head {
    size_t size;
    tw_where where;
} args_head;

/* One call of a builder. Inputs and attributes lie in its arena, so that a failure at any point
 * is cleaned up in one place. */
typedef struct building {
    const tw_builder *builder;
    const char *args; /* of the builder's size, whatever the caller's */
    const tw_op *op;
    tw_graph *graph;
    tw_where where;
    tw_arena arena;
    tw_tensor *inputs;
    size_t *counts; /* by argument of the signature */
    size_t input_count;
    tw_attr *attrs;
    size_t attr_count;
    const char *scope; /* "a/Mul/" once a constant was made */
} building;

/* ---- the struct ---- */

/* A caller that was compiled against a smaller struct gets the defaults of what it lacks. */
static tw_status *take_args(building *b, const void *args)
{
    const args_head *head = args;
    size_t whole = b->builder->args_size;
    b->where = tw_current_where(head->where);
    if (head->size < sizeof *head)
        return tw_value_error("the size of a builder's arguments is %zu, less than their head",
                              head->size);
    b->args = args;
    if (head->size >= whole)
        return TW_OK;
    b->args = NULL;
    char *copy = tw_arena_copy(&b->arena, b->builder->defaults, whole);
    if (!copy)
        return tw_no_memory();
    memcpy(copy, args, head->size);
    b->args = copy;
    return TW_OK;
}

/* Members are read through memcpy by whoever uses this: the table gives only an offset. */
static const void *member(const building *b, const tw_field *field)
{
    return b->args + field->offset;
}

/* In generated tables inputs come first and in the order of the signature; of the handful of fields
 * of others each is looked at. */
static const tw_field *find_field(const building *b, size_t input)
{
    const tw_builder *builder = b->builder;
    const char *name = b->op->inputs[input].name;
    if (builder->place && input < builder->field_count &&
        builder->fields[input].kind <= TW_FIELD_INPUTS)
        return &builder->fields[input];
    for (size_t i = 0; i < builder->field_count; i++) {
        if (strcmp(builder->fields[i].name, name) == 0)
            return &builder->fields[i];
    }
    return NULL;
}

/* What a generated table says need not be looked for. */
static const tw_op_attr *find_attr(const building *b, const tw_field *field)
{
    if (field->place && field->place <= b->op->attr_count)
        return &b->op->attrs[field->place - 1];
    return tw_op_find_attr(b->op, field->name);
}

/* An empty name counts as none, as it does for the core. */
static const char *name_of(const building *b)
{
    const char *name;
    memcpy(&name, b->args + b->builder->name_offset, sizeof name);
    return name && *name ? name : b->builder->type;
}

/* Builders that were generated before there was a device option say so by offset 0. */
static const char *device_of(const building *b)
{
    const char *device = NULL;
    if (b->builder->device_offset)
        memcpy(&device, b->args + b->builder->device_offset, sizeof device);
    return device;
}

/* The operands that stand for an argument of the signature: one, or a list of tensors. */
typedef struct operands {
    const tw_operand *one;
    tw_tensors list;
} operands;

/* An invalid tensor is an error of its own: what it was to be made of has been reported, if it was
 * an error, and only the first error stays. */
static tw_status *find_operands(const building *b, size_t input, operands *out)
{
    const tw_op_arg *arg = &b->op->inputs[input];
    const tw_field *field = find_field(b, input);
    *out = (operands){NULL, {NULL, 0}};
    if (field && field->kind == TW_FIELD_INPUT) {
        out->one = member(b, field);
        if (out->one->kind == TW_OPERAND_NONE)
            return tw_value_error("the input '%s' is missing", arg->name);
        if (out->one->kind == TW_OPERAND_TENSOR && !tw_tensor_valid(out->one->tensor))
            return tw_value_error("the input '%s' is an invalid tensor: it was never built",
                                  arg->name);
        return TW_OK;
    }
    if (!field || field->kind != TW_FIELD_INPUTS)
        return tw_value_error("the builder knows no input '%s'", arg->name);
    memcpy(&out->list, member(b, field), sizeof out->list);
    if (out->list.count && !out->list.items)
        return tw_value_error("the input '%s' is a NULL list of %zu", arg->name, out->list.count);
    for (size_t i = 0; i < out->list.count; i++) {
        if (!tw_tensor_valid(out->list.items[i]))
            return tw_value_error("the input '%s[%zu]' is an invalid tensor: it was never built",
                                  arg->name, i);
    }
    return TW_OK;
}

/* The first operand that is a tensor says where the operation goes, even if another graph is the
 * current one; a source goes to the current one. */
static tw_status *find_graph(building *b)
{
    for (size_t i = 0; i < b->op->input_count && !b->graph; i++) {
        operands in;
        TW_TRY(find_operands(b, i, &in));
        if (in.one && in.one->kind == TW_OPERAND_TENSOR)
            b->graph = in.one->tensor.op->graph;
        else if (in.list.count)
            b->graph = in.list.items[0].op->graph;
    }
    b->graph = b->graph ? b->graph : tw_default_graph();
    return b->graph ? TW_OK : tw_no_memory();
}

/* ---- attributes ----
 * Every member that is an attribute and was given goes to tw_graph_add, its default included: a
 * NodeDef of TensorFlow has them all. */

/* Lists whose C type is not the attribute's are converted. */
static tw_status *convert_list(building *b, const tw_field *field, tw_attr *attr)
{
    tw_ints ints;
    tw_doubles doubles;
    tw_strings strings;
    memcpy(&ints, member(b, field), sizeof ints);
    memcpy(&doubles, member(b, field), sizeof doubles);
    memcpy(&strings, member(b, field), sizeof strings);
    float *floats = NULL;
    bool *bools = NULL;
    tw_bytes *bytes = NULL;
    size_t count = ints.count;
    if (field->kind == TW_FIELD_FLOATS)
        attr->value.items = floats = tw_arena_array(&b->arena, count, sizeof *floats);
    else if (field->kind == TW_FIELD_BOOLS)
        attr->value.items = bools = tw_arena_array(&b->arena, count, sizeof *bools);
    else
        attr->value.items = bytes = tw_arena_array(&b->arena, count, sizeof *bytes);
    if (!attr->value.items)
        return tw_no_memory();
    for (size_t i = 0; i < count; i++) {
        if (floats)
            floats[i] = (float)doubles.items[i];
        else if (bools)
            bools[i] = ints.items[i] != 0;
        else if (bytes && strings.items[i])
            bytes[i] = (tw_bytes){strings.items[i], strlen(strings.items[i])};
    }
    return TW_OK;
}

/* A list member {items, count}; not given if items is NULL. */
static tw_status *read_list(building *b, const tw_field *field, tw_attr *attr, bool *given)
{
    tw_ints any; /* all list structs are a pointer and a count */
    memcpy(&any, member(b, field), sizeof any);
    *given = any.items != NULL;
    attr->list = true;
    attr->count = any.count;
    attr->value.items = any.items;
    bool converted = field->kind == TW_FIELD_FLOATS || field->kind == TW_FIELD_BOOLS ||
                     field->kind == TW_FIELD_STRINGS;
    return *given && converted ? convert_list(b, field, attr) : TW_OK;
}

/* Whether a scalar is given at all: texts, dtypes, arrays and functions have a value that says
 * "not given", and for these the signature's default or the inputs decide. */
static tw_status *read_scalar(building *b, const tw_field *field, const tw_op_attr *known,
                              tw_attr *attr, bool *given)
{
    const void *at = member(b, field);
    double number;
    const char *text;
    const tw_func *func;
    *given = true;
    switch (field->kind) {
    case TW_FIELD_INT: memcpy(&attr->value.i, at, sizeof attr->value.i); break;
    case TW_FIELD_BOOL: memcpy(&attr->value.b, at, sizeof attr->value.b); break;
    case TW_FIELD_FLOAT:
        memcpy(&number, at, sizeof number);
        attr->value.f = (float)number;
        break;
    case TW_FIELD_STRING:
        memcpy(&text, at, sizeof text);
        *given = text != NULL;
        attr->value.s = (tw_bytes){text, text ? strlen(text) : 0};
        break;
    case TW_FIELD_TYPE:
        memcpy(&attr->value.type, at, sizeof attr->value.type);
        *given = attr->value.type != TW_INVALID_DTYPE;
        break;
    case TW_FIELD_SHAPE:
        memcpy(&attr->value.shape, at, sizeof attr->value.shape);
        *given = attr->value.shape.dims || !known->has_default;
        break;
    case TW_FIELD_TENSOR:
        memcpy(&attr->value.tensor, at, sizeof attr->value.tensor);
        *given = attr->value.tensor != NULL;
        break;
    default:
        memcpy(&func, at, sizeof func);
        *given = func != NULL;
        if (func)
            attr->value.func = *func;
    }
    return TW_OK;
}

static const tw_attr_kind kind_of_field[] = {
    [TW_FIELD_INT] = TW_ATTR_INT,        [TW_FIELD_FLOAT] = TW_ATTR_FLOAT,
    [TW_FIELD_BOOL] = TW_ATTR_BOOL,      [TW_FIELD_STRING] = TW_ATTR_STRING,
    [TW_FIELD_TYPE] = TW_ATTR_TYPE,      [TW_FIELD_SHAPE] = TW_ATTR_SHAPE,
    [TW_FIELD_TENSOR] = TW_ATTR_TENSOR,  [TW_FIELD_FUNC] = TW_ATTR_FUNC,
    [TW_FIELD_INTS] = TW_ATTR_INT,       [TW_FIELD_FLOATS] = TW_ATTR_FLOAT,
    [TW_FIELD_TYPES] = TW_ATTR_TYPE,     [TW_FIELD_SHAPES] = TW_ATTR_SHAPE,
    [TW_FIELD_STRINGS] = TW_ATTR_STRING, [TW_FIELD_BOOLS] = TW_ATTR_BOOL,
};

/* Both attributes come from the graph's seed and the op's, as they are before the operation's own
 * constants are made: TensorFlow counts the nodes at that time. */
static void put_seeds(building *b, const tw_field *field)
{
    const int64_t *op_seed;
    memcpy(&op_seed, member(b, field), sizeof op_seed);
    tw_attr *attrs = b->attrs + b->attr_count;
    attrs[0] = (tw_attr){.name = "seed", .kind = TW_ATTR_INT};
    attrs[1] = (tw_attr){.name = "seed2", .kind = TW_ATTR_INT};
    tw_graph_seeds(b->graph, op_seed, &attrs[0].value.i, &attrs[1].value.i);
    b->attr_count += 2;
}

/* The constant must not change with the caller's array. */
static tw_status *own_tensor(tw_attr *attr)
{
    attr->value.tensor = tw_array_copy(attr->value.tensor);
    return attr->value.tensor ? TW_OK : tw_no_memory();
}

/* Members that the signature lacks (the name, the device) are read elsewhere. */
static tw_status *read_attrs(building *b)
{
    b->attrs = tw_arena_room(&b->arena, b->builder->field_count + 1u, sizeof *b->attrs);
    if (!b->attrs)
        return tw_no_memory();
    for (size_t i = 0; i < b->builder->field_count; i++) {
        const tw_field *field = &b->builder->fields[i];
        bool given = false;
        if (field->kind == TW_FIELD_SEED) {
            put_seeds(b, field);
            continue;
        }
        const tw_op_attr *known = field->kind > TW_FIELD_INPUTS ? find_attr(b, field) : NULL;
        if (!known)
            continue;
        tw_attr attr = {.name = known->name, .kind = kind_of_field[field->kind]};
        if (field->kind >= TW_FIELD_INTS)
            TW_TRY(read_list(b, field, &attr, &given));
        else
            TW_TRY(read_scalar(b, field, known, &attr, &given));
        if (!given)
            continue;
        if (field->kind == TW_FIELD_TENSOR)
            TW_TRY(own_tensor(&attr));
        b->attrs[b->attr_count++] = attr;
    }
    return TW_OK;
}

/* Only the copies that own_tensor made are ours. */
static void release_attrs(building *b)
{
    for (size_t i = 0; i < b->attr_count; i++) {
        if (b->attrs[i].kind == TW_ATTR_TENSOR && !b->attrs[i].list)
            tw_array_unref(b->attrs[i].value.tensor);
    }
}

/* ---- the dtypes of constants ----
 * C has no overloads: x * 2 is a tensor and an int. What the int becomes must be known before the
 * constant is made, and the constant before the operation. */

/* What ranks higher decides: tensors, then arrays, then numbers from wide to narrow. */
static int rank_of(const tw_operand *operand)
{
    static const int ranks[] = {
        [TW_OPERAND_TENSOR] = 6, [TW_OPERAND_ARRAY] = 5, [TW_OPERAND_FLOAT] = 4,
        [TW_OPERAND_INT64] = 3,  [TW_OPERAND_INTS] = 2,  [TW_OPERAND_INT] = 1,
    };
    if (operand->kind == TW_OPERAND_INTS && tw_operand_dtype(operand) == TW_INT64)
        return 3;
    return operand->kind <= TW_OPERAND_ARRAY ? ranks[operand->kind] : 4;
}

/* Attributes that the caller set decide the dtype of constants beside the operation. They have the
 * registry's names. */
static const tw_attr *given_attr(const building *b, const tw_op_attr *attr)
{
    for (size_t i = 0; i < b->attr_count; i++) {
        if (b->attrs[i].name == attr->name)
            return &b->attrs[i];
    }
    return NULL;
}

/* Integers, and numbers with a point for a floating default, follow the attribute's default. */
static bool follows_default(int rank, tw_dtype own, tw_dtype fallback)
{
    if (rank <= 2)
        return tw_dtype_is_integer(fallback) || tw_dtype_is_floating(fallback);
    return rank == 4 && own == TW_FLOAT32 && tw_dtype_is_floating(fallback);
}

/* The dtype that all inputs sharing a type attribute have: said outright, by tensors among them,
 * or by what numbers would be alone. So 2 * x and x * 2 are alike, which Python has from operators
 * that convert. */
static tw_dtype dtype_of_attr(const building *b, int16_t place)
{
    const tw_op_attr *attr = &b->op->attrs[place];
    const tw_attr *given = given_attr(b, attr);
    tw_dtype best = TW_INVALID_DTYPE;
    int best_rank = 0;
    if (given)
        return given->value.type;
    for (size_t i = 0; i < b->op->input_count; i++) {
        operands in;
        if (b->op->input_attrs[i].type != place)
            continue;
        tw_status_free(find_operands(b, i, &in));
        tw_operand first = in.list.count ? tw_of_tensor(in.list.items[0]) : (tw_operand){0};
        const tw_operand *operand = in.one ? in.one : &first;
        if (rank_of(operand) > best_rank) {
            best_rank = rank_of(operand);
            best = tw_operand_dtype(operand);
        }
    }
    if (best_rank < 5 && attr->has_default &&
        follows_default(best_rank, best, attr->default_value.value.type))
        return attr->default_value.value.type;
    return best;
}

/* ---- inputs ----
 * Constants are operations of their own, under the same scopes of control inputs, device and
 * region as the operation that reads them. */

/* The name scope of the operation, for its constants. */
static tw_status *open_scope(building *b)
{
    if (b->scope)
        return TW_OK;
    return tw_scope_open_name(b->graph, name_of(b), &b->scope);
}

/* A constant stands in the scope of its operation under the name of the argument. */
static tw_status *add_constant(building *b, size_t input, const tw_operand *operand, tw_tensor *out)
{
    const tw_op_arg *arg = &b->op->inputs[input];
    tw_dtype dtype = arg->type_attr ? dtype_of_attr(b, b->op->input_attrs[input].type) : arg->type;
    if (!dtype)
        return tw_value_error("the input '%s' is no value", arg->name);
    TW_TRY(open_scope(b));
    if (!(tw_thread_here()->kinds & (TW_SCOPE_REGION | TW_SCOPE_CONTROL)))
        return tw_operand_add(b->graph, b->scope, operand, dtype, arg->name, b->where, out);
    /* What is captured for the constant stands in the scope too. */
    tw_scope *scope = tw_scope_new(TW_SCOPE_NAME, b->graph);
    if (!scope)
        return tw_no_memory();
    scope->name = b->scope;
    TW_TRY(tw_scope_push(scope));
    tw_status *status = tw_operand_add(b->graph, NULL, operand, dtype, arg->name, b->where, out);
    tw_scope_pop();
    return status;
}

/* Inputs are gathered flat. Room grows by what a list needs, so that most operations need one
 * array. */
static tw_status *put_input(building *b, size_t at, size_t *room)
{
    operands in;
    TW_TRY(find_operands(b, at, &in));
    size_t count = in.one ? 1 : in.list.count;
    b->counts[at] = count;
    if (!count)
        return TW_OK;
    if (b->input_count + count > *room) {
        *room = b->input_count + count + b->op->input_count;
        tw_tensor *inputs = tw_arena_room(&b->arena, *room, sizeof *inputs);
        if (!inputs)
            return tw_no_memory();
        if (b->input_count)
            memcpy(inputs, b->inputs, b->input_count * sizeof *inputs);
        b->inputs = inputs;
    }
    tw_tensor *to = b->inputs + b->input_count;
    b->input_count += count;
    if (!in.one)
        memcpy(to, in.list.items, count * sizeof *to);
    else if (in.one->kind == TW_OPERAND_TENSOR)
        *to = in.one->tensor;
    else
        return add_constant(b, at, in.one, to);
    return TW_OK;
}

/* In the order of the signature, in which tw_graph_add expects them. */
static tw_status *put_inputs(building *b)
{
    size_t room = 0;
    b->counts = tw_arena_room(&b->arena, b->op->input_count, sizeof *b->counts);
    if (!b->counts)
        return tw_no_memory();
    for (size_t i = 0; i < b->op->input_count; i++) {
        tw_status *status = put_input(b, i, &room);
        if (status)
            return tw_status_with_input(status, (int)i);
    }
    return TW_OK;
}

/* Attributes before inputs: a dtype that was given decides what numbers become. */
static tw_status *build(building *b, const void *args, tw_operation **out)
{
    TW_TRY(take_args(b, args));
    TW_TRY(tw_op_lookup_at(b->builder->place, b->builder->type, &b->op));
    TW_TRY(find_graph(b));
    TW_TRY(read_attrs(b));
    TW_TRY(put_inputs(b));
    tw_graph_add_args add = {.size = sizeof add,
                             .where = b->where,
                             .type = b->op->name,
                             .name = b->scope ? NULL : name_of(b),
                             .inputs = b->inputs,
                             .input_count = b->input_count,
                             .input_counts = b->counts,
                             .attrs = b->attrs,
                             .attr_count = b->attr_count,
                             .device = device_of(b)};
    return tw_graph_add_known(b->graph, &add, b->op, b->scope, out);
}

/* A failed build has said so to the innermost context or the graph, and gives NULL, which every
 * builder after it takes for an invalid tensor. */
tw_operation *tw_build(const tw_builder *builder, const void *args)
{
    if (!builder || !args) {
        tw_build_fail(tw_value_error("a builder was called without arguments"));
        return NULL;
    }
    char room[ROOM];
    building b = {.builder = builder};
    tw_arena_begin(&b.arena, room, sizeof room);
    tw_operation *op = NULL;
    tw_status *status = build(&b, args, &op);
    if (status) {
        const char *name = b.args ? name_of(&b) : builder->type;
        status = tw_graph_explain(status, builder->type, name, NULL, 0, NULL, b.where);
        tw_build_report(b.graph ? b.graph : tw_default_graph(), status);
        op = NULL;
    }
    release_attrs(&b);
    tw_arena_clear(&b.arena);
    return op;
}

/* An operation without outputs is a target, which is an index of -1. */
tw_tensor tw_build_result(tw_operation *op)
{
    return (tw_tensor){op, op && op->output_count ? 0 : op ? -1 : 0};
}

/* What was never built has outputs too, invalid ones: who takes one gets no wild pointer. */
tw_tensors tw_build_results(tw_operation *op, size_t from, size_t count)
{
    static const tw_tensor none[256];
    if (!op)
        return (tw_tensors){none, count < 256 ? count : 256};
    if (from > op->output_count)
        from = op->output_count;
    if (count > op->output_count - from)
        count = op->output_count - from;
    tw_graph_lock(op->graph);
    tw_tensor *items = tw_arena_array(&op->graph->arena, count, sizeof *items);
    tw_graph_unlock(op->graph);
    for (size_t i = 0; items && i < count; i++)
        items[i] = (tw_tensor){op, (int32_t)(from + i)};
    if (!items)
        tw_build_report(op->graph, tw_no_memory());
    return (tw_tensors){items ? items : none, items || count < 256 ? count : 256};
}
