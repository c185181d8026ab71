/* SPDX-License-Identifier: Apache-2.0
 * The attribute `activation` of products that the planner fuses. */
#ifndef TW_OPS_ACTIVATION_H
#define TW_OPS_ACTIVATION_H

#include <string.h>

#include "kernels/gemm.h"

#include "op/define.h"

/* The names are those that the planner writes into a fused node; one that is not known is
 * refused here, before any kernel indexes its table of activations with it. */
static inline tw_status *tw_activation_read(const tw_compute *c, tw_activation *out)
{
    static const char *const names[] = {[TW_ACTIVATION_NONE] = "",
                                        [TW_ACTIVATION_RELU] = "Relu",
                                        [TW_ACTIVATION_RELU6] = "Relu6",
                                        [TW_ACTIVATION_SIGMOID] = "Sigmoid",
                                        [TW_ACTIVATION_TANH] = "Tanh"};
    const char *name = tw_compute_string(c, "activation");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (tw_activation)i;
            return TW_OK;
        }
    }
    return tw_compute_fail(c, "unknown activation '%s'", name);
}

#endif
