/* SPDX-License-Identifier: Apache-2.0
 * Temporary variables go by their names within a run: two of one name are an error, and so is the
 * end of one that is not there, or a second time. A plan holds all that a run does, so these are
 * found while it is made. What a Switch chooses is not looked at: of two branches one runs. */
#include <string.h>

#include "base/map.h"
#include "base/status.h"
#include "plan/plan.h"

/* The operation's own name where no other is given. */
static const char *name_of(const tw_plan_node *node)
{
    const tw_attr *name = tw_spec_attr(&node->spec, "var_name");
    bool given = name && name->kind == TW_ATTR_STRING && name->value.s.length;
    return given ? name->value.s.data : node->spec.name;
}

/* With the operation at fault, as a kernel would say it. */
static tw_status *refuse(const tw_plan_node *node, tw_code code, const char *text)
{
    tw_status *status = tw_status_new(code, "Resource __per_step__/%s/%s", name_of(node), text);
    status = tw_status_with_phase(tw_status_with_kind(status, TW_KIND_STATE), TW_PHASE_RUN);
    status = tw_status_with_operation(status, node->spec.type, node->spec.name);
    return tw_status_with_where(status, node->origin->spec.where);
}

/* Guarded nodes are those that a Switch chooses: whether they run is not known here. Nodes that
 * were removed do not run at all. */
static bool is(const tw_plan_node *node, const char *type)
{
    return node->kind == TW_NODE_OP && !node->gone && !node->guarded &&
           tw_name_is(node->spec.type, type);
}

/* Those that live are in the map; an end takes one out. The variables come first: an end needs not
 * stand behind its variable in the plan's list. */
tw_status *tw_plan_temporaries(tw_plan *plan)
{
    tw_map living = {0};
    tw_status *status = TW_OK;
    for (size_t i = 0; i < plan->nodes.count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[i];
        if (!is(node, "TemporaryVariable"))
            continue;
        if (tw_map_has(&living, name_of(node)))
            status = refuse(node, TW_ALREADY_EXISTS, "exists already");
        else if (!tw_map_set(&living, name_of(node), node))
            status = tw_no_memory();
    }
    for (size_t i = 0; i < plan->nodes.count && !status; i++) {
        tw_plan_node *node = &plan->nodes.items[i];
        if (is(node, "DestroyTemporaryVariable") && !tw_map_remove(&living, name_of(node)))
            status = refuse(node, TW_NOT_FOUND, "does not exist");
    }
    tw_map_clear(&living);
    return status;
}
