/* SPDX-License-Identifier: Apache-2.0
 * CheckNumerics: passes its input on unless it holds NaN or inf. */
#include <stdio.h>

#include "op/define.h"

enum { HAS_INF = 1, HAS_NAN = 2 };

/* The message stays the attribute's; a node's attributes outlive its runs. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(const char **)state = tw_compute_string(c, "message");
    return TW_OK;
}

/* `inf` is the bits of infinity: all ones where the exponent stands. */
static int scan16(const uint16_t *x, size_t n, unsigned inf)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned magnitude = x[i] & 0x7fffu;
        found |= (magnitude == inf) | (magnitude > inf) << 1;
    }
    return found;
}

/* Compares bit patterns: all exponents set is Inf, and anything above it NaN. No branch, so that
 * the compiler vectorizes it. */
static int scan32(const uint32_t *x, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t magnitude = x[i] & 0x7fffffffu;
        found |= (magnitude == 0x7f800000u) | (magnitude > 0x7f800000u) << 1;
    }
    return found;
}

/* As scan32 for doubles. Comparing bits also keeps signalling NaNs from raising a floating point
 * exception. */
static int scan64(const uint64_t *x, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t magnitude = x[i] & UINT64_C(0x7fffffffffffffff);
        found |= (magnitude == UINT64_C(0x7ff0000000000000)) |
                 (magnitude > UINT64_C(0x7ff0000000000000)) << 1;
    }
    return found;
}

/* The whole array is looked at before anything is decided, so that both NaN and Inf are reported
 * where both are there. */
static int scan(const tw_array *x)
{
    if (x->dtype == TW_FLOAT32)
        return scan32(x->data, x->count);
    if (x->dtype == TW_FLOAT64)
        return scan64(x->data, x->count);
    return scan16(x->data, x->count, x->dtype == TW_FLOAT16 ? 0x7c00u : 0x7f80u);
}

/* The input itself is passed on, not a copy. The words are TensorFlow's: which of NaN and Inf
 * was found, after the user's message. */
static tw_status *compute(tw_compute *c)
{
    static const char *const what[] = {
        [HAS_INF] = "Inf", [HAS_NAN] = "NaN", [HAS_INF | HAS_NAN] = "Inf and NaN"};
    int found = scan(tw_input(c, 0));
    if (found)
        return tw_compute_fail(c, "%s : Tensor had %s values",
                               *(const char *const *)tw_compute_state(c), what[found]);
    return tw_compute_forward(c, 0, c->inputs[0]);
}

/* Derivatives are checked too, with a message of their own that says it was there. Longer
 * messages are cut, which harms nobody. */
static tw_status *gradient(tw_gradient *g)
{
    char message[512];
    snprintf(message, sizeof message,
             "Not a number (NaN) or infinity (Inf) values detected in gradient. %s",
             tw_gradient_string(g, "message"));
    g->dx[0] = tw_grad_of(tw_check_numerics(tw_gradient_dy(g, 0), .message = message));
    return TW_OK;
}

const tw_op_definition tw_op_CheckNumerics = {
    .signature = "tensor: T -> output: T; T: {bfloat16, half, float, double}; message: string",
    .doc = "Gives `tensor`; an error that begins with `message` if NaN or inf is among its "
           "elements.",
    .since = "half: 0.8; bfloat16: 1.4",
    .examples = {"check_numerics([1., 2.], message=\"m\") -> [1., 2.]"},
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_same,
    .gradient = gradient,
    .compute = compute,
    .in_place = 1,
    .state_size = sizeof(const char *),
    .prepare = prepare,
};
