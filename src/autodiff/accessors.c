/* SPDX-License-Identifier: Apache-2.0
 * What a gradient function asks of its operation. A wrong name or kind gives zero: definitions are
 * checked by the tests of every op, callers' by what they then see. */
#include "autodiff/gradients.h"
#include "base/status.h"
#include "thalweg/ops.h"

/* NULL where there is no such attribute, as with those that a later version of the operation
 * added. */
const tw_attr *tw_gradient_attr(const tw_gradient *g, const char *name)
{
    return tw_operation_attr(g->op, name);
}

/* The attribute, if it is of that kind: what is asked for as something else is not there. */
static const tw_attr *find(const tw_gradient *g, const char *name, tw_attr_kind kind, bool list)
{
    const tw_attr *attr = tw_operation_attr(g->op, name);
    return attr && attr->kind == kind && attr->list == list ? attr : NULL;
}

/* False, the default of most flags, where it is missing or of another kind. */
bool tw_gradient_bool(const tw_gradient *g, const char *name)
{
    const tw_attr *attr = find(g, name, TW_ATTR_BOOL, false);
    return attr && attr->value.b;
}

/* Zero where it is missing: masks and axes of operations from before the attribute mean just
 * that. */
int64_t tw_gradient_int(const tw_gradient *g, const char *name)
{
    const tw_attr *attr = find(g, name, TW_ATTR_INT, false);
    return attr ? attr->value.i : 0;
}

/* An invalid dtype where it is missing, which the builder that gets it refuses. */
tw_dtype tw_gradient_type(const tw_gradient *g, const char *name)
{
    const tw_attr *attr = find(g, name, TW_ATTR_TYPE, false);
    return attr ? attr->value.type : TW_INVALID_DTYPE;
}

/* Never NULL, so that it can be compared at once. */
const char *tw_gradient_string(const tw_gradient *g, const char *name)
{
    const tw_attr *attr = find(g, name, TW_ATTR_STRING, false);
    return attr && attr->value.s.data ? attr->value.s.data : "";
}

/* Borrowed from the operation; an attribute that is changed later keeps its old memory. */
tw_ints tw_gradient_ints(const tw_gradient *g, const char *name)
{
    const tw_attr *attr = find(g, name, TW_ATTR_INT, true);
    return attr ? (tw_ints){attr->value.items, attr->count} : (tw_ints){NULL, 0};
}

/* Derivatives of complex functions are conjugated (Wirtinger's calculus, as TensorFlow has it
 * since 1.0); for real numbers nothing is made. */
tw_tensor tw_gradient_conj(tw_gradient *g, tw_tensor tensor)
{
    (void)g;
    return tw_dtype_is_complex(tw_dtype_base(tw_tensor_dtype(tensor))) ? tw_conj(tensor) : tensor;
}

/* Most functions need a tensor: where nothing flows, zeros stand for it, and slices are spread
 * out. */
tw_tensor tw_gradient_dy(tw_gradient *g, size_t output)
{
    if (output >= g->output_count)
        return tw_build_fail(tw_gradient_fail(g, "there is no output %zu", output));
    if (g->dy[output].kind == TW_GRAD_NONE)
        return tw_zeros_like(g->outputs[output]);
    return tw_grad_tensor(g->dy[output]);
}

/* The words of a shape error while building, so that front ends treat both alike: the forward
 * operation, its place, and the user's line. */
tw_status *tw_gradient_fail(tw_gradient *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tw_status *status = tw_status_format(TW_INVALID_ARGUMENT, format, args);
    va_end(args);
    status = tw_status_with_kind(status, TW_KIND_VALUE);
    status = tw_status_with_phase(status, TW_PHASE_BUILD);
    status = tw_status_with_operation(status, g->op->spec.type, g->op->spec.name);
    status = tw_status_with_note(status, "in the gradient of '%s'", g->op->spec.name);
    return tw_status_with_where(status, g->op->spec.where);
}
