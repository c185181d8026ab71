/* SPDX-License-Identifier: Apache-2.0
 * Variables beside variables: what an optimizer or an average remembers of each one. They are found
 * again by a collection of the graph that holds pairs: the variable, its slot. */
#include <stdio.h>
#include <string.h>

#include "train/train.h"

/* A linear search: it runs while building, over the variables of one optimizer. */
tw_tensor tw_slot_get(tw_graph *graph, const char *key, tw_tensor variable)
{
    tw_tensors pairs = tw_graph_collection(graph, key);
    for (size_t i = 0; i + 1 < pairs.count; i += 2) {
        if (tw_same(pairs.items[i], variable))
            return pairs.items[i + 1];
    }
    return (tw_tensor){NULL, 0};
}

/* A slot that could not be made was reported already and is not kept. */
void tw_slot_set(tw_graph *graph, const char *key, tw_tensor variable, tw_tensor slot)
{
    if (!tw_tensor_valid(slot))
        return;
    tw_status *status = tw_graph_collect(graph, key, variable);
    if (!status)
        status = tw_graph_collect(graph, key, slot);
    if (status)
        tw_build_fail(status);
}

/* Shape and dtype were checked by who called for the initializer. */
static tw_tensor give(const tw_initializer *initializer, tw_shape shape, tw_dtype dtype)
{
    (void)shape;
    (void)dtype;
    return initializer->constant.tensor;
}

/* An initializer that gives this tensor whatever is asked for: slots that start from a
 * variable's first value need it. */
tw_initializer tw_initializer_of(tw_tensor value)
{
    return (tw_initializer){.make = give, .constant = tw_of_tensor(value)};
}

/* The name under the open variable scope that is not taken yet: "v/Adam", then "v/Adam_1". NULL:
 * there is none, which was reported. */
static const char *free_name(tw_tensor primary, const char *name, char *text, size_t room)
{
    const char *scope = tw_variable_scope_name();
    size_t prefix = *scope ? strlen(scope) + 1 : 0;
    int length = snprintf(text, room, "%s%s%s/%s", scope, *scope ? "/" : "",
                          tw_operation_name(primary.op), name);
    if (length < 0 || (size_t)length >= room) {
        tw_train_refuse("the name of '%s' is too long for a slot", tw_operation_name(primary.op));
        return NULL;
    }
    const char *unique = tw_graph_unique_name(tw_operation_graph(primary.op), text, false);
    if (!unique)
        tw_build_fail(tw_status_new(TW_RESOURCE_EXHAUSTED, "out of memory"));
    return unique ? unique + prefix : NULL;
}

/* The scope around may want to share variables; a slot is new in any case, so it is asked for in
 * a scope of its own that does not change its name. */
tw_tensor tw_slot_new(tw_tensor primary, const char *name, tw_shape shape,
                      tw_initializer initializer)
{
    char text[1024];
    struct tw_variable_scope_args fresh = {
        .size = sizeof fresh, .name = "", .reuse = TW_REUSE_AUTO};
    tw_tensor slot = {NULL, 0};
    const char *unique = free_name(primary, name, text, sizeof text);
    if (!unique)
        return slot;
    tw_status *status = tw_scope_push_variable(&fresh);
    if (status)
        return tw_build_fail(status);
    status = tw_scope_push_colocate(primary);
    if (!status) {
        slot = tw_get_variable(unique, shape, .dtype = tw_dtype_base(tw_tensor_dtype(primary)),
                               .initializer = initializer, .trainable = false);
        tw_scope_pop();
    }
    tw_scope_pop();
    return status ? tw_build_fail(status) : slot;
}
