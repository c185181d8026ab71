/* SPDX-License-Identifier: Apache-2.0
 * Cross: the cross product of vectors of three elements, the last axis. */
#include "ops/brackets.h"

/* A last dim that is known must be 3; the rest of both shapes is merged. */
static void infer(tw_infer *in)
{
    tw_shape a = tw_infer_merge(in, tw_infer_input(in, 0), tw_infer_input(in, 1));
    if (a.dims && a.rank == 0)
        tw_infer_fail(in, "Shape must be at least rank 1 but is rank 0");
    else if (a.dims && !tw_dims_agree(tw_infer_dim(a, -1), 3))
        tw_infer_fail(in, "Dimension must be 3 but is %" PRId64, tw_infer_dim(a, -1));
    tw_infer_output(in, 0, a);
}

/* With c = a x b:  da = b x dc,  db = dc x a. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor dc = tw_gradient_dy(g, 0);
    g->dx[0] = tw_grad_of(tw_cross(g->inputs[1], dc));
    g->dx[1] = tw_grad_of(tw_cross(dc, g->inputs[0]));
    return TW_OK;
}

/* Computed in double for all widths: the products of narrow floats are then exact and only the
 * result is rounded. */
static void cross_floating(tw_dtype dtype, const char *a, const char *b, char *out)
{
    double u[3], v[3];
    size_t size = tw_dtype_size(dtype);
    for (size_t k = 0; k < 3; k++)
        u[k] = tw_element_get(dtype, a + k * size), v[k] = tw_element_get(dtype, b + k * size);
    for (size_t k = 0; k < 3; k++) {
        size_t i = (k + 1) % 3, j = (k + 2) % 3;
        tw_element_set(dtype, out + k * size, u[i] * v[j] - u[j] * v[i]);
    }
}

/* Products are made in unsigned 64 bits and cut here, which wraps as the narrow type would. */
static void set_integer(void *to, size_t size, uint64_t value)
{
    if (size == 1)
        *(uint8_t *)to = (uint8_t)value;
    else if (size == 2)
        *(uint16_t *)to = (uint16_t)value;
    else if (size == 4)
        *(uint32_t *)to = (uint32_t)value;
    else
        *(uint64_t *)to = value;
}

/* In 64 unsigned bits, whose low ones wrap as those of any integer do. */
static void cross_integer(tw_dtype dtype, const char *a, const char *b, char *out)
{
    uint64_t u[3], v[3];
    size_t size = tw_dtype_size(dtype);
    for (size_t k = 0; k < 3; k++) {
        u[k] = (uint64_t)tw_element_get_int(dtype, a + k * size);
        v[k] = (uint64_t)tw_element_get_int(dtype, b + k * size);
    }
    for (size_t k = 0; k < 3; k++) {
        size_t i = (k + 1) % 3, j = (k + 2) % 3;
        set_integer(out + k * size, size, u[i] * v[j] - u[j] * v[i]);
    }
}

/* The common dtypes, many vectors at a time. */
static void cross_floats(size_t n, const float *a, const float *b, float *out)
{
    for (size_t i = 0; i < n; i++, a += 3, b += 3, out += 3) {
        double u[3] = {a[0], a[1], a[2]}, v[3] = {b[0], b[1], b[2]};
        out[0] = (float)(u[1] * v[2] - u[2] * v[1]);
        out[1] = (float)(u[2] * v[0] - u[0] * v[2]);
        out[2] = (float)(u[0] * v[1] - u[1] * v[0]);
    }
}

static void cross_doubles(size_t n, const double *a, const double *b, double *out)
{
    for (size_t i = 0; i < n; i++, a += 3, b += 3, out += 3) {
        double u[3] = {a[0], a[1], a[2]}, v[3] = {b[0], b[1], b[2]};
        out[0] = u[1] * v[2] - u[2] * v[1];
        out[1] = u[2] * v[0] - u[0] * v[2];
        out[2] = u[0] * v[1] - u[1] * v[0];
    }
}

/* A wrong last dim is FAILED_PRECONDITION in TensorFlow, other shapes INVALID_ARGUMENT; both are
 * kept. Vectors are independent and follow each other in memory. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *a = tw_input(c, 0), *b = tw_input(c, 1);
    if (!tw_same_shape(a, b))
        return tw_compute_fail(c, "Both inputs must be of same shape: %s vs. %s", tw_brackets(a).s,
                               tw_brackets(b).s);
    if (a->rank == 0 || a->dims[a->rank - 1] != 3)
        return tw_status_new(TW_FAILED_PRECONDITION,
                             "Cross-products are only defined for 3-element vectors.");
    if (a->dtype == TW_FLOAT32)
        cross_floats(a->count / 3, a->data, b->data, tw_output_data(c, 0));
    else if (a->dtype == TW_FLOAT64)
        cross_doubles(a->count / 3, a->data, b->data, tw_output_data(c, 0));
    if (a->dtype == TW_FLOAT32 || a->dtype == TW_FLOAT64)
        return TW_OK;
    size_t vector = 3 * tw_dtype_size(a->dtype);
    bool floating = tw_dtype_is_floating(a->dtype);
    for (size_t at = 0; at < a->count / 3 * vector; at += vector)
        (floating ? cross_floating : cross_integer)(a->dtype, (const char *)a->data + at,
                                                    (const char *)b->data + at,
                                                    (char *)tw_output_data(c, 0) + at);
    return TW_OK;
}

const tw_op_definition tw_op_Cross = {
    .signature = "a: T, b: T -> product: T; T: realnumbertype",
    .doc = "The cross product of `a` and `b`, whose last axis has three elements.",
    .examples = {"cross([1., 0., 0.], [0., 1., 0.]) -> [0., 0., 1.]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
    .in_place = 3,
};
