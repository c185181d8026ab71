/* SPDX-License-Identifier: Apache-2.0
 * GatherTree: the sequences that a beam search found, read back from their ends.
 *
 * A step's row of a beam says which word came and which row of the step before it went on; only
 * from the end is it known which rows were gone on with. */
#include "op/define.h"

enum { STEPS, PARENTS, LENGTHS, END };

/* All of (time, batch, beams). */
static void infer(tw_infer *in)
{
    tw_shape steps = tw_infer_rank(in, STEPS, 3), parents = tw_infer_rank(in, PARENTS, 3);
    int64_t dims[3];
    for (int k = 0; k < 3; k++) {
        int64_t a = tw_infer_dim(steps, k), b = tw_infer_dim(parents, k);
        if (!tw_dims_agree(a, b))
            tw_infer_fail(in, "step_ids and parent_ids have %" PRId64 " and %" PRId64 " as size %d",
                          a, b, k);
        dims[k] = a < 0 ? b : a;
    }
    tw_shape lengths = tw_infer_vector(in, LENGTHS);
    int64_t batch = tw_infer_dim(lengths, 0);
    if (!tw_dims_agree(dims[1], batch))
        tw_infer_fail(in, "max_sequence_lengths has %" PRId64 " elements for a batch of %" PRId64,
                      batch, dims[1]);
    dims[1] = dims[1] < 0 ? batch : dims[1];
    tw_infer_scalar(in, END);
    tw_infer_output(in, 0, (tw_shape){dims, 3});
}

/* One sequence: `at` is the element of its last step, `step` elements lie between two steps. What
 * comes after the first end token is end tokens too. */
static tw_status *follow(tw_compute *c, int64_t length, size_t at, size_t step, int64_t beams)
{
    const int32_t *words = tw_input_data(c, STEPS), *parents = tw_input_data(c, PARENTS);
    int32_t *out = tw_output_data(c, 0), end = *(const int32_t *)tw_input_data(c, END);
    size_t first = at % step, row = first - first % (size_t)beams;
    int64_t beam = (int64_t)(first - row);
    for (int64_t t = length - 1; t >= 0; t--) {
        if (beam < 0 || beam >= beams)
            return tw_compute_fail(c,
                                   "Saw invalid parent id %" PRId64 " at (batch, time, beam) == "
                                   "(%zu, %" PRId64 ", %zu)",
                                   beam, row / (size_t)beams, t, first - row);
        size_t from = (size_t)t * step + row + (size_t)beam;
        out[(size_t)t * step + first] = words[from];
        beam = parents[from];
    }
    bool ended = false;
    for (int64_t t = 0; t < length; t++) {
        int32_t *word = &out[(size_t)t * step + first];
        *word = ended ? end : *word;
        ended = *word == end;
    }
    return TW_OK;
}

/* Beyond a sequence's greatest length there are end tokens. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *steps = tw_input(c, STEPS);
    const int32_t *lengths = tw_input_data(c, LENGTHS);
    int32_t *out = tw_output_data(c, 0), end = *(const int32_t *)tw_input_data(c, END);
    int64_t time = steps->dims[0], batch = steps->dims[1], beams = steps->dims[2];
    size_t step = (size_t)(batch * beams);
    for (size_t i = 0; i < steps->count; i++)
        out[i] = end;
    for (size_t i = 0; time && i < step; i++) {
        int64_t length = lengths[i / (size_t)beams] < time ? lengths[i / (size_t)beams] : time;
        TW_TRY(follow(c, length, i, step, beams));
    }
    return TW_OK;
}

const tw_op_definition tw_op_GatherTree = {
    .signature = "step_ids: T, parent_ids: T, max_sequence_lengths: int32, end_token: T -> "
                 "beams: T; T: {int32}",
    .doc = "The sequences of a beam search. Step by step `step_ids` (time, batch, beams) holds a "
           "word for each beam and `parent_ids` the beam of the step before that it went on with. "
           "Each sequence is followed back from step `max_sequence_lengths` - 1 of its batch "
           "entry; behind that, and behind the first `end_token`, there are end tokens.",
    .examples = {"gather_tree([[[1, 2]], [[3, 4]]], [[[0, 0]], [[1, 0]]], [2], 9) -> "
                 "[[[2, 1]], [[3, 4]]]",
                 "gather_tree([[[1, 2]], [[3, 4]]], [[[0, 0]], [[1, 0]]], [1], 9) -> "
                 "[[[1, 2]], [[9, 9]]]"},
    .since = "GatherTree: 1.2",
    .infer = infer,
    .gradient = tw_not_differentiable,
    .compute = compute,
};
