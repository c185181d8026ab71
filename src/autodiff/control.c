/* SPDX-License-Identifier: Apache-2.0
 * Derivatives through control flow: what the path hands over here because no gradient function of
 * one operation can say it. */
#include "autodiff/gradients.h"
#include "base/status.h"

tw_status *tw_gradients_control(tw_gradient *g, bool *handled)
{
    (void)g;
    *handled = false;
    return TW_OK;
}

tw_status *tw_gradients_loop(tw_path_node *loop, const tw_grad *dy, tw_grad *dx, bool colocate)
{
    (void)dy;
    (void)dx;
    (void)colocate;
    return tw_status_new(TW_UNIMPLEMENTED, "the while loop '%s' cannot be differentiated",
                         loop->loop->name);
}
