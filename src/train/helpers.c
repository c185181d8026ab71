/* SPDX-License-Identifier: Apache-2.0
 * Places, constants and groups for what this folder builds. */
#include <stdarg.h>
#include <string.h>

#include "train/train.h"

/* A place without a scope of its own, in the graph of that tensor; builders in between report to
 * it. */
void tw_train_enter(tw_composite_scope *scope, tw_where where, tw_tensor graph_of)
{
    tw_operand operand = tw_of_tensor(graph_of);
    tw_graph *graph = graph_of.op ? tw_operation_graph(graph_of.op) : NULL;
    /* The scope that is open, once more: as a name that ends in a slash it is taken as it is. */
    const char *open = !graph || graph == tw_default_graph() ? tw_scope_name() : "";
    tw_composite_enter(scope, where, &operand, open, "");
}

/* Reported to the open context; the invalid tensor lets callers return it at once. */
tw_tensor tw_train_refuse(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tw_build_fail(tw_status_new(TW_INVALID_ARGUMENT, "%s", text));
}

/* float32, as TensorFlow makes settings; it is cast where a variable has another dtype. */
tw_tensor tw_train_number(double value, const char *name)
{
    return tw_operand_tensor(tw_of_float(value), TW_FLOAT32, name);
}

/* No node where nothing would change, as TensorFlow's cast. */
tw_tensor tw_train_cast(tw_tensor tensor, tw_dtype dtype)
{
    return tw_dtype_base(tw_tensor_dtype(tensor)) == dtype ? tensor : tw_cast(tensor, dtype);
}

/* Control edges alone: the values are not kept alive for it. */
tw_tensor tw_train_group(tw_tensors operations, const char *name)
{
    tw_status *status = tw_scope_push_control(operations);
    if (status)
        return tw_build_fail(status);
    tw_tensor group = tw_no_op(.name = name);
    tw_scope_pop();
    return group;
}

/* Both spellings of TensorFlow's reference variables. */
bool tw_train_is_variable(tw_tensor tensor)
{
    const char *type = tw_tensor_valid(tensor) ? tw_operation_type(tensor.op) : "";
    return strcmp(type, "VariableV2") == 0 || strcmp(type, "Variable") == 0;
}

/* Only floating numbers can take small steps; complex variables have no update rules. */
bool tw_train_is_trainable(tw_dtype dtype)
{
    return tw_dtype_is_floating(tw_dtype_base(dtype));
}
