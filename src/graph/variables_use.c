/* SPDX-License-Identifier: Apache-2.0
 * What belongs to a variable that is there: its read, its initializer and first value, by their
 * names, so that imported variables have them too; and operations that initialize many. */
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/variables.h"

/* The collection keeps its old name, "variables". */
tw_tensors tw_global_variables(void)
{
    return tw_graph_collection(tw_default_graph(), "variables");
}

/* In the order of making; a variable made with trainable false is not in this collection. */
tw_tensors tw_trainable_variables(void)
{
    return tw_graph_collection(tw_default_graph(), "trainable_variables");
}

/* The operation NAME/`part` of `type` whose first input is the variable; NULL: there is none, or
 * memory is short, which was reported then. */
static tw_operation *part_of(tw_tensor variable, const char *part, const char *type, bool *told)
{
    tw_buffer b = {0};
    *told = false;
    if (!tw_tensor_valid(variable))
        return NULL;
    tw_buffer_printf(&b, "%s/%s", variable.op->spec.name, part);
    char *name = tw_buffer_take(&b);
    *told = !name;
    if (!name) {
        tw_build_fail(tw_no_memory());
        return NULL;
    }
    tw_operation *op = tw_graph_operation(variable.op->graph, name);
    tw_free(name);
    bool fits = op && strcmp(op->spec.type, type) == 0;
    return fits && tw_same(tw_operation_input(op, 0), variable) ? op : NULL;
}

/* Reported like a builder's error: these functions stand among builders. */
static tw_tensor no_part(tw_tensor variable, const char *what, bool told)
{
    if (told)
        return (tw_tensor){NULL, 0};
    return tw_build_fail(
        tw_value_error("%s is no variable with %s", tw_tensor_text(variable).s, what));
}

/* What readers of a variable use in TensorFlow, where a variable stands for it. */
tw_tensor tw_variable_read(tw_tensor variable)
{
    bool told;
    tw_operation *op = part_of(variable, "read", "Identity", &told);
    return op ? (tw_tensor){op, 0} : no_part(variable, "an operation 'read'", told);
}

/* An operation to run, although Assign has an output. */
tw_tensor tw_variable_initializer(tw_tensor variable)
{
    bool told;
    tw_operation *op = part_of(variable, "Assign", "Assign", &told);
    return op ? (tw_tensor){op, -1} : no_part(variable, "an initializer", told);
}

/* Found through the node NAME/Assign and not a record of ours, so that it works on imported
 * graphs. */
tw_tensor tw_variable_initial_value(tw_tensor variable)
{
    bool told;
    tw_operation *op = part_of(variable, "Assign", "Assign", &told);
    return op ? tw_operation_input(op, 1) : no_part(variable, "an initial value", told);
}

/* Without variables it is an operation that does nothing, as in TensorFlow. */
tw_tensor tw_variables_initializer(tw_tensors variables, const char *name)
{
    tw_graph *graph = variables.count && tw_tensor_valid(variables.items[0])
                          ? variables.items[0].op->graph
                          : tw_default_graph();
    tw_tensor *assigns = tw_alloc_array(variables.count, sizeof *assigns);
    if (!graph || !assigns) {
        tw_free(assigns);
        return tw_build_fail(tw_no_memory());
    }
    for (size_t i = 0; i < variables.count; i++) {
        assigns[i] = tw_variable_initializer(variables.items[i]);
        if (!assigns[i].op) { /* said already */
            tw_free(assigns);
            return (tw_tensor){NULL, 0};
        }
    }
    tw_graph_add_args args = {.size = sizeof args,
                              .where = tw_current_where((tw_where){NULL, 0}),
                              .type = "NoOp",
                              .name = name && *name ? name : "init",
                              .control_inputs = assigns,
                              .control_input_count = variables.count};
    tw_operation *op = NULL;
    tw_status *status = tw_graph_add(graph, &args, &op);
    tw_free(assigns);
    tw_build_report(graph, status);
    return tw_build_result(op);
}

/* What stands in the collection when it is called; variables made later need another
 * initializer. */
tw_tensor tw_global_variables_initializer(void)
{
    return tw_variables_initializer(tw_global_variables(), "init");
}
