/* SPDX-License-Identifier: Apache-2.0
 * Variables with TensorFlow 1.15's nodes: NAME/Initializer/..., NAME, NAME/Assign, NAME/read; the
 * scopes that name and share them; and the operations that initialize them. A variable is made
 * outside of every branch and loop, and waits for nothing. */
#include "graph/variables.h"

#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/scope.h"

/* ---- scopes ----
 * A variable scope says three things: a prefix for the names of variables, whether they are
 * shared, and defaults for those that are made. It opens a name scope too, which may get a suffix
 * where the prefix does not. */

/* Variable scopes belong to a graph, as all scopes. */
static tw_scope *current_scope(const tw_graph *graph)
{
    return tw_scope_find(graph, TW_SCOPE_VARIABLE);
}

/* "foo/bar" and "v" make "foo/bar/v"; the caller's to tw_free. */
static char *full_name(const tw_graph *graph, const char *name)
{
    const tw_scope *scope = current_scope(graph);
    tw_buffer b = {0};
    if (scope && *scope->variable_name)
        tw_buffer_printf(&b, "%s%s", scope->variable_name, *name ? "/" : "");
    tw_buffer_add_text(&b, name);
    return tw_buffer_take(&b);
}

/* What is not said is inherited. */
static void inherit(tw_scope *scope, const tw_scope *outer)
{
    if (!outer) {
        scope->dtype = scope->dtype ? scope->dtype : TW_FLOAT32;
        scope->reuse = !scope->reuse && scope->graph->reuse_at_root ? TW_REUSE : scope->reuse;
        return;
    }
    scope->dtype = scope->dtype ? scope->dtype : outer->dtype;
    scope->reuse = scope->reuse ? scope->reuse : outer->reuse;
    if (!scope->initializer.make)
        scope->initializer = outer->initializer;
}

/* Reads the scope around before this one is pushed. An array that the initializer holds is kept
 * for as long as the scope is open. */
static tw_status *fill_scope(tw_scope *scope, const struct tw_variable_scope_args *args)
{
    scope->variable_name = full_name(scope->graph, args->name);
    if (!scope->variable_name)
        return tw_no_memory();
    scope->reuse = args->reuse;
    scope->dtype = tw_dtype_base(args->dtype);
    scope->initializer = args->initializer;
    inherit(scope, current_scope(scope->graph));
    if (scope->initializer.constant.kind == TW_OPERAND_ARRAY)
        tw_array_ref(scope->initializer.constant.value.array);
    if (!*args->name)
        return TW_OK;
    scope->kinds |= TW_SCOPE_NAME;
    return tw_scope_open_name(scope->graph, args->name, &scope->name);
}

/* One scope for both the names of variables and those of operations, so that one pop closes
 * them. */
tw_status *tw_scope_push_variable(const struct tw_variable_scope_args *given)
{
    struct tw_variable_scope_args args = {0};
    if (!given || given->size < offsetof(struct tw_variable_scope_args, reuse) || !given->name)
        return tw_value_error("a variable scope needs a name");
    memcpy(&args, given, given->size < sizeof args ? given->size : sizeof args);
    tw_graph *graph = tw_default_graph();
    tw_scope *scope = graph ? tw_scope_new(TW_SCOPE_VARIABLE, graph) : NULL;
    if (!scope)
        return tw_no_memory();
    tw_status *status = fill_scope(scope, &args);
    if (!status)
        return tw_scope_push(scope);
    tw_scope_free(scope);
    return tw_status_with_where(status, tw_current_where(args.where));
}

/* The guard knows the depth even if nothing was pushed. */
tw_scope_guard tw_scope_enter_variable_(const struct tw_variable_scope_args *args)
{
    tw_scope_guard guard = {(int)tw_thread_here()->scopes.count};
    tw_status *status = tw_scope_push_variable(args);
    if (status)
        tw_build_fail(status);
    return guard;
}

/* Without the slash at the end, unlike a name scope, and empty at the root. */
const char *tw_variable_scope_name(void)
{
    const tw_scope *scope = current_scope(tw_default_graph());
    return scope ? scope->variable_name : "";
}

/* Outside of every scope the graph itself remembers it. */
void tw_reuse_variables(void)
{
    tw_graph *graph = tw_default_graph();
    tw_scope *scope = current_scope(graph);
    if (scope) {
        scope->reuse = TW_REUSE;
    } else if (graph) {
        atomic_store(&graph->reuse_at_root, true);
    }
}

/* ---- the nodes of a variable ----
 * NAME is the variable itself, NAME/Assign puts its first value in, NAME/read is how others see
 * it. The first value is made before all of them. */

/* A variable to be made: `where`, and what its nodes need. */
typedef struct making {
    tw_graph *graph;
    tw_where where;
    const char *name; /* of its name scope, which is open: "a/w/" */
    tw_shape shape;
    tw_dtype dtype;
    bool validate_shape, trainable;
    const char *collection;
    tw_tensor initial, variable;
} making;

/* Variables are made of few kinds of operation: no builder is needed, nor any of a higher layer. */
static tw_status *add(const making *m, const char *type, const char *name, const tw_tensor *inputs,
                      size_t input_count, const tw_attr *attrs, size_t attr_count, tw_tensor *out)
{
    tw_graph_add_args args = {.size = sizeof args,
                              .where = m->where,
                              .type = type,
                              .name = name,
                              .inputs = inputs,
                              .input_count = input_count,
                              .attrs = attrs,
                              .attr_count = attr_count};
    tw_operation *op = NULL;
    TW_TRY(tw_graph_add(m->graph, &args, &op));
    *out = tw_build_result(op);
    return TW_OK;
}

/* Named by its scope, as every operation that has a scope for its parts. */
static tw_status *add_variable(making *m)
{
    tw_attr attrs[2] = {{.name = "shape", .kind = TW_ATTR_SHAPE},
                        {.name = "dtype", .kind = TW_ATTR_TYPE}};
    attrs[0].value.shape = m->shape;
    attrs[1].value.type = m->dtype;
    return add(m, "VariableV2", m->name, NULL, 0, attrs, 2, &m->variable);
}

/* The read stands with the variable, the assignment does so because it changes it. */
static tw_status *add_assign_and_read(making *m)
{
    tw_tensor inputs[2] = {m->variable, m->initial}, unused;
    tw_attr attrs[2] = {{.name = "use_locking", .kind = TW_ATTR_BOOL},
                        {.name = "validate_shape", .kind = TW_ATTR_BOOL}};
    attrs[0].value.b = true;
    attrs[1].value.b = m->validate_shape;
    TW_TRY(add(m, "Assign", "Assign", inputs, 2, attrs, 2, &unused));
    TW_TRY(tw_scope_push_colocate(m->variable));
    tw_status *status = add(m, "Identity", "read", &m->variable, 1, NULL, 0, &unused);
    tw_scope_pop();
    return status;
}

/* The names that TensorFlow gives these collections. */
static tw_status *collect(const making *m)
{
    TW_TRY(tw_graph_collect(m->graph, "variables", m->variable));
    if (m->trainable)
        TW_TRY(tw_graph_collect(m->graph, "trainable_variables", m->variable));
    return m->collection ? tw_graph_collect(m->graph, m->collection, m->variable) : TW_OK;
}

/* The scopes of a variable on `graph`: no control inputs, no region, its own name scope. With
 * `root` its name does not depend on the name scopes around. */
static tw_status *open_scopes(making *m, const char *name, bool root)
{
    TW_TRY(tw_scope_push_graph(m->graph));
    TW_TRY(tw_scope_push_control((tw_tensors){NULL, 0}));
    if (root)
        TW_TRY(tw_scope_push_name(""));
    TW_TRY(tw_scope_push_name(name));
    m->name = tw_scope_prefix(m->graph);
    return TW_OK;
}

/* ---- tw_get_variable ----
 * Shared by full name, in a table of the graph. The table knows only what this function made: a
 * tw_variable of the same name is another one. */

/* An initializer is the caller's function: what it gives is checked like any input. */
static tw_status *check_initial(const making *m)
{
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(m->initial));
    tw_shape shape = tw_tensor_shape(m->initial);
    if (dtype != m->dtype)
        return tw_type_error("the initializer gives %s, the variable is %s", tw_dtype_name(dtype),
                             tw_dtype_name(m->dtype));
    if (!tw_shape_compatible(shape, m->shape))
        return tw_value_error("the initializer gives shape %s, the variable's is %s",
                              tw_shape_text(shape).s, tw_shape_text(m->shape).s);
    return TW_OK;
}

/* Calls the initializer inside NAME/Initializer, as part of this call of the user's. */
static tw_status *make_initial(making *m, const tw_initializer *initializer)
{
    tw_build_context ctx;
    if (!initializer->make)
        return tw_default_initializer(m->graph, m->shape, m->dtype, m->where, &m->initial);
    tw_build_enter(&ctx, m->graph, m->where);
    m->initial = initializer->make(initializer, m->shape, m->dtype);
    tw_status *status = tw_build_leave(&ctx);
    if (!status && !tw_tensor_dtype(m->initial))
        status = tw_value_error("the initializer gives no tensor");
    return status ? status : check_initial(m);
}

/* Everything here belongs where the variable will be. */
static tw_status *initial_and_variable(making *m, const tw_initializer *initializer)
{
    char *own = tw_strndup(m->name, strlen(m->name) - 1);
    tw_status *status = own ? tw_scope_push_group(m->graph, own) : tw_no_memory();
    tw_free(own);
    if (status)
        return status;
    int depth = (int)tw_thread_here()->scopes.count;
    status = tw_scope_push_name("Initializer");
    if (!status)
        status = make_initial(m, initializer);
    tw_scope_pop_to(depth);
    if (!status)
        status = add_variable(m);
    tw_scope_pop();
    return status;
}

/* By the name that was asked for; the operation may have got another one. */
static tw_status *keep_record(const making *m, const char *full)
{
    tw_graph *graph = m->graph;
    tw_graph_lock(graph);
    tw_variable_record *record = TW_ARENA_NEW(&graph->arena, tw_variable_record);
    if (record) {
        record->tensor = m->variable;
        record->where = m->variable.op->spec.where;
    }
    bool good = record && tw_map_set(&graph->variables, full, record);
    tw_graph_unlock(graph);
    return good ? TW_OK : tw_no_memory();
}

/* A failure in the middle leaves the nodes that were made, unused, as in TensorFlow; the name can
 * be asked for again. */
static tw_status *make_variable(making *m, const char *full, const tw_initializer *initializer)
{
    if (!tw_shape_fully_known(m->shape))
        return tw_value_error("Variable '%s': the shape of a new variable must be fully defined, "
                              "but instead was %s",
                              full, tw_shape_text(m->shape).s);
    int depth = (int)tw_thread_here()->scopes.count;
    tw_status *status = open_scopes(m, full, true);
    if (!status)
        status = initial_and_variable(m, initializer);
    if (!status)
        status = add_assign_and_read(m);
    if (!status)
        status = collect(m);
    tw_scope_pop_to(depth);
    return status ? status : keep_record(m, full);
}

/* What is there must be what was asked for, as far as that was said. */
static tw_status *share(const making *m, const char *full, const tw_variable_record *record)
{
    tw_shape shape = tw_tensor_shape(record->tensor);
    tw_dtype dtype = tw_dtype_base(tw_tensor_dtype(record->tensor));
    if (!tw_shape_compatible(m->shape, shape))
        return tw_value_error("Trying to share variable %s, but specified shape %s and found shape "
                              "%s.",
                              full, tw_shape_text(m->shape).s, tw_shape_text(shape).s);
    if (dtype != m->dtype)
        return tw_value_error("Trying to share variable %s, but specified dtype %s and found dtype "
                              "%s.",
                              full, tw_dtype_name(m->dtype), tw_dtype_name(dtype));
    return TW_OK;
}

/* Says both places: the one that made it, and (by the caller) the one that asked again. */
static tw_status *already_there(const char *full, const tw_variable_record *record)
{
    tw_status *status = tw_value_error("Variable %s already exists, disallowed. Did you mean to "
                                       "set reuse=True or reuse=tf.AUTO_REUSE in VarScope?",
                                       full);
    if (!record->where.file)
        return status;
    return tw_status_with_note(status, "first made at %s:%d", record->where.file,
                               record->where.line);
}

/* TensorFlow's table: there or not, by whether sharing is asked for. */
static tw_status *get_or_make(making *m, const char *full, const tw_initializer *initializer,
                              tw_reuse reuse)
{
    tw_graph_lock(m->graph);
    const tw_variable_record *record = tw_map_get(&m->graph->variables, full);
    tw_graph_unlock(m->graph);
    if (record && reuse == TW_REUSE_INHERIT)
        return already_there(full, record);
    if (record) {
        m->variable = record->tensor;
        return share(m, full, record);
    }
    if (reuse == TW_REUSE)
        return tw_value_error("Variable %s does not exist, or was not created with "
                              "tf.get_variable(). Did you mean to set reuse=tf.AUTO_REUSE in "
                              "VarScope?",
                              full);
    return make_variable(m, full, initializer);
}

/* What the call leaves open the scope says, and what that leaves open the defaults. */
static tw_status *get_variable(const struct tw_get_variable_args *args, tw_tensor *out)
{
    making m = {.graph = tw_default_graph(),
                .where = tw_current_where(args->where),
                .shape = args->shape,
                .validate_shape = true,
                .trainable = args->trainable,
                .collection = args->collection};
    if (!args->variable_name || !*args->variable_name)
        return tw_value_error("a variable needs a name");
    char *full = m.graph ? full_name(m.graph, args->variable_name) : NULL;
    if (!full)
        return tw_no_memory();
    const tw_scope *scope = current_scope(m.graph);
    tw_initializer initializer = args->initializer;
    if (!initializer.make && scope)
        initializer = scope->initializer;
    m.dtype = args->dtype ? tw_dtype_base(args->dtype) : scope ? scope->dtype : TW_FLOAT32;
    tw_reuse reuse = scope ? scope->reuse : m.graph->reuse_at_root ? TW_REUSE : TW_REUSE_INHERIT;
    tw_status *status = get_or_make(&m, full, &initializer, reuse);
    tw_free(full);
    *out = m.variable;
    return status;
}

/* The error of a call at `where`, which goes where those of builders go. */
static tw_tensor fail_at(tw_status *status, tw_where where)
{
    status = tw_status_with_phase(status, TW_PHASE_BUILD);
    return tw_build_fail(tw_status_with_where(status, tw_current_where(where)));
}

/* The struct's first member is an option, so that the size is not where other builders have it. */
tw_tensor tw_get_variable_(const struct tw_get_variable_args *given)
{
    struct tw_get_variable_args args = {.trainable = true};
    tw_tensor out;
    if (!given || given->size < offsetof(struct tw_get_variable_args, shape))
        return tw_build_fail(tw_value_error("tw_get_variable was called without arguments"));
    memcpy(&args, given, given->size < sizeof args ? given->size : sizeof args);
    tw_status *status = get_variable(&args, &out);
    return status ? fail_at(status, args.where) : out;
}

/* ---- tw_variable ----
 * A variable of a value: never shared, named within the name scopes around. */

/* The value decides dtype and shape. From inside a branch or loop it would not be there when the
 * variable is initialized. */
static tw_status *set_initial(making *m, const struct tw_variable_args *args)
{
    const tw_operand *value = &args->initial_value;
    TW_TRY(tw_operand_add(m->graph, NULL, value, tw_dtype_base(args->dtype), "initial_value",
                          m->where, &m->initial));
    m->dtype = tw_dtype_base(tw_tensor_dtype(m->initial));
    if (m->initial.op->region)
        return tw_value_error("Initializer for variable %.*s is from inside a control-flow "
                              "construct, such as a loop or conditional.",
                              (int)strlen(m->name) - 1, m->name);
    m->shape = m->validate_shape ? tw_tensor_shape(m->initial) : TW_UNKNOWN_SHAPE;
    if (m->validate_shape && !tw_shape_fully_known(m->shape))
        return tw_value_error("initial_value must have a shape specified: %s",
                              tw_tensor_text(m->initial).s);
    return TW_OK;
}

/* The value's graph, as for every builder. */
static tw_status *variable(const struct tw_variable_args *args, tw_tensor *out)
{
    const tw_operand *value = &args->initial_value;
    bool tensor = value->kind == TW_OPERAND_TENSOR;
    if (tensor && !tw_tensor_valid(value->tensor))
        return tw_value_error("the initial value is an invalid tensor: it was never built");
    making m = {.graph = tensor ? value->tensor.op->graph : tw_default_graph(),
                .where = tw_current_where(args->where),
                .validate_shape = args->validate_shape,
                .trainable = args->trainable,
                .collection = args->collection};
    int depth = (int)tw_thread_here()->scopes.count;
    if (!m.graph)
        return tw_no_memory();
    bool named = args->name && *args->name;
    tw_status *status = open_scopes(&m, named ? args->name : "Variable", false);
    if (!status)
        status = set_initial(&m, args);
    if (!status)
        status = add_variable(&m);
    if (!status)
        status = add_assign_and_read(&m);
    if (!status)
        status = collect(&m);
    tw_scope_pop_to(depth);
    *out = m.variable;
    return status;
}

/* As for tw_get_variable_, options that are true by default come before the size. */
tw_tensor tw_variable_(const struct tw_variable_args *given)
{
    struct tw_variable_args args = {.trainable = true, .validate_shape = true};
    tw_tensor out;
    if (!given || given->size < offsetof(struct tw_variable_args, name))
        return tw_build_fail(tw_value_error("tw_variable was called without arguments"));
    memcpy(&args, given, given->size < sizeof args ? given->size : sizeof args);
    tw_status *status = variable(&args, &out);
    return status ? fail_at(status, args.where) : out;
}
