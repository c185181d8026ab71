/* SPDX-License-Identifier: Apache-2.0
 * Derivatives through Merge, the Switch of a loop and LoopValue: what no gradient function of one
 * operation can say, as it asks for the branch or loop that the operation belongs to. */
#include <string.h>

#include "autodiff/gradients.h"
#include "autodiff/loop_terms.h"
#include "base/status.h"
#include "thalweg/ops.h"

/* The branch just inside of `around` that an operation is in; NULL: none. */
static tw_region *branch_below(const tw_operation *op, const tw_region *around)
{
    tw_region *region = op->region;
    while (region && region->outer != around)
        region = region->outer;
    return region && region->kind == TW_REGION_BRANCH ? region : NULL;
}

/* Both results of one cond come together: the derivative goes where the predicate says. */
static bool merge_of_cond(tw_gradient *g)
{
    tw_region *sides[2];
    if (g->input_count != 2 || g->dy[0].kind == TW_GRAD_NONE)
        return false;
    for (size_t i = 0; i < 2; i++)
        sides[i] = branch_below(g->inputs[i].op, g->op->region);
    if (!sides[0] || sides[0]->branch || sides[0]->other != sides[1])
        return false;
    struct tw_switch_result back = tw_switch(tw_grad_tensor(g->dy[0]), sides[0]->pred,
                                             .name = "cond_grad");
    g->dx[0] = tw_grad_of(back.output_false);
    g->dx[1] = tw_grad_of(back.output_true);
    return true;
}

/* Inside of its loop the Switch of a variable always gives its true side. */
static bool switch_of_loop(tw_gradient *g)
{
    const tw_region *loop = g->op->region;
    for (size_t i = 0; loop && i < loop->vars.count; i++) {
        if (loop->vars.items[i].switch_ != g->op)
            continue;
        g->dx[0] = g->dy[1];
        return true;
    }
    return false;
}

tw_status *tw_gradients_control(tw_gradient *g, bool *handled)
{
    const char *type = g->op->spec.type;
    *handled = false;
    if (!strcmp(type, "Merge"))
        *handled = merge_of_cond(g);
    else if (!strcmp(type, "Switch") || !strcmp(type, "RefSwitch"))
        *handled = switch_of_loop(g);
    else if (strcmp(type, "LoopValue") || !g->op->forward.op)
        return TW_OK;
    else
        *handled = true;
    if (!*handled || !g->op->forward.op || g->dy[0].kind == TW_GRAD_NONE)
        return TW_OK;
    tw_tensor dy = tw_grad_tensor(g->dy[0]);
    return dy.op ? tw_loop_terms_add(g->op->forward, dy) : TW_OK;
}
