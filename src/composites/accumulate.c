/* SPDX-License-Identifier: Apache-2.0
 * accumulate_n: a sum that says the shape of what it sums. */
#include "composites/composite.h"

/* What is known of the shapes of all inputs, put together in `dims`; false: two contradict. */
static bool merge(tw_tensors inputs, tw_shape *known, int64_t dims[TW_MAX_RANK])
{
    for (size_t i = 0; i < inputs.count; i++) {
        tw_shape shape = tw_tensor_shape(inputs.items[i]);
        if (!tw_shape_known_rank(shape))
            continue;
        if (!tw_shape_compatible(*known, shape))
            return false;
        for (size_t k = 0; k < shape.rank; k++) {
            if (!tw_shape_known_rank(*known) || known->dims[k] < 0)
                dims[k] = shape.dims[k];
            else
                dims[k] = known->dims[k];
        }
        *known = (tw_shape){dims, shape.rank};
    }
    return true;
}

/* Unlike add_n the result knows the declared shape. One input needs no sum: it comes back
 * itself, or under the asked name. */
tw_tensor tw_accumulate_n_build(const struct tw_accumulate_n_args *args)
{
    tw_composite_scope scope;
    int64_t dims[TW_MAX_RANK];
    tw_shape shape = args->shape;
    tw_tensor result = {NULL, 0};
    bool none = !args->inputs.count || !args->inputs.items;
    tw_operand first = tw_of_tensor(none ? result : args->inputs.items[0]);
    tw_place_enter(&scope, args->where, &first);
    if (none)
        tw_refuse("accumulate_n: inputs must be a list of at least one Tensor with the same dtype "
                  "and shape");
    else if (!merge(args->inputs, &shape, dims))
        tw_refuse("accumulate_n: the inputs' shapes differ, or are not %s",
                  tw_shape_text(args->shape).s);
    else if (args->inputs.count == 1 && !args->name)
        result = args->inputs.items[0];
    else if (args->inputs.count == 1)
        result = tw_identity(args->inputs.items[0], .name = args->name);
    else
        result = tw_accumulate_nv2(args->inputs, shape, .name = args->name);
    tw_composite_leave(&scope);
    return result;
}

const tw_composite tw_composite_accumulate_n = {
    .signature = "inputs: tensors; shape: shape -> output: tensor",
    .doc = "The sum of all `inputs`, which have one shape; `shape` says it where they do not.",
};
