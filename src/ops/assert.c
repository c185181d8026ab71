/* SPDX-License-Identifier: Apache-2.0
 * Assert: fails, showing its data, unless the condition holds. */
#include "ops/brackets.h"
#include "ops/summarize.h"

/* There is no output: only the condition's rank can be wrong, the data may be of any shapes and
 * dtypes. */
static void infer(tw_infer *in)
{
    tw_infer_scalar(in, 0);
}

/* How many elements of each array a failure shows; read from the attribute once, since the check
 * itself runs in every step. */
static tw_status *prepare(tw_compute *c, void *state)
{
    *(int64_t *)state = tw_compute_int(c, "summarize");
    return TW_OK;
}

/* The wording is TensorFlow's, "assertion failed: [a] [b]", which tests of user programs look
 * for. Memory is given back in both outcomes. */
static tw_status *fail(const tw_compute *c, int64_t limit)
{
    tw_buffer text = {0};
    tw_buffer_add_text(&text, "assertion failed:");
    for (size_t i = 1; i < c->input_count; i++) {
        tw_buffer_add_text(&text, " [");
        tw_summarize(&text, tw_input(c, i), limit);
        tw_buffer_add_char(&text, ']');
    }
    char *message = tw_buffer_take(&text);
    tw_status *status = message ? tw_compute_fail(c, "%s", message) : tw_no_memory();
    tw_free(message);
    return status;
}

/* The common case returns before anything is made of the data; the text of a failure may be long
 * and is built only then. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *condition = tw_input(c, 0);
    if (condition->rank != 0)
        return tw_compute_fail(c, "In[0] should be a scalar: %s", tw_brackets(condition).s);
    if (*(const bool *)condition->data)
        return TW_OK;
    return fail(c, *(const int64_t *)tw_compute_state(c));
}

const tw_op_definition tw_op_Assert = {
    .signature = "condition: bool, data: T -> ; T: list(type) >= 1; summarize: int = 3",
    .doc = "An error that shows the first `summarize` elements of each tensor of `data`, unless "
           "the scalar `condition` is true.",
    .flags = TW_OP_STATEFUL | TW_OP_SIDE_EFFECT,
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
    .state_size = sizeof(int64_t),
    .prepare = prepare,
};
