/* SPDX-License-Identifier: Apache-2.0
 * Ops that rearrange arrays, at the ends of what they take: nothing at all, scalars, indices
 * outside, sizes that overflow, and memory that runs short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "op/op.h"
#include "support/examples.h"
#include "support/failing_allocator.h"
#include "support/golden_cases.h"
#include "tensor/array.h"

/* ---- calls as text ---- */

/* Evaluates "op(inputs, attr=value)"; outputs are the caller's. */
static tw_status *call(const char *type, const char *text, example_call *k, tw_array **outputs,
                       size_t *count)
{
    static char full[500]; /* the call's results are read from it */
    const tw_op *op = tw_op_find(type);
    tw_dtype dtypes[EXAMPLE_MANY];
    tw_resolved resolved;
    *count = 0;
    if (!op)
        return tw_status_new(TW_NOT_FOUND, "no op %s", type);
    snprintf(full, sizeof full, "%s%s", text, strstr(text, "->") ? "" : " -> 0");
    const char *wrong = example_read(op, full, k);
    if (wrong)
        return tw_status_new(TW_UNKNOWN, "%s", wrong);
    for (size_t i = 0; i < k->input_count; i++)
        dtypes[i] = tw_array_dtype(k->inputs[i]);
    TW_TRY(tw_op_resolve(op, dtypes, k->input_count, NULL, k->attrs, k->attr_count, &k->arena,
                         &resolved));
    *count = resolved.output_count;
    return tw_op_evaluate(type, resolved.attrs, resolved.attr_count, k->inputs, k->input_count,
                          outputs, resolved.output_count);
}

/* The call gives what stands behind its arrow. */
static void gives(const char *type, const char *text)
{
    example_call k;
    tw_array *outputs[EXAMPLE_MANY] = {NULL};
    size_t count;
    tw_status *status = call(type, text, &k, outputs, &count);
    if (status)
        fail_msg("%s: %s", text, tw_status_message(status));
    const char *at = k.results;
    for (size_t i = 0; i < count; i++) {
        tw_text why = {"it cannot be read"};
        tw_array *want = example_result(&k.arena, &at, tw_array_dtype(outputs[i]));
        if (!want || !golden_same(outputs[i], want, (golden_tolerance){.relative = 1e-6}, &why))
            fail_msg("%s, result %zu: %s", text, i, why.s);
        tw_array_unref(want);
        tw_array_unref(outputs[i]);
    }
    example_clear(&k);
}

/* The call is refused as an invalid argument, with these words. */
static void refuses(const char *type, const char *text, const char *words)
{
    example_call k;
    tw_array *outputs[EXAMPLE_MANY] = {NULL};
    size_t count;
    tw_status *status = call(type, text, &k, outputs, &count);
    assert_non_null(status);
    if (tw_status_code(status) != TW_INVALID_ARGUMENT || !strstr(tw_status_message(status), words))
        fail_msg("%s: %s", text, tw_status_message(status));
    tw_status_free(status);
    example_clear(&k);
}

/* ---- calls with arrays of any size ---- */

static tw_array *int64s(tw_shape shape, const int64_t *values)
{
    tw_array *array = tw_array_copy_of(TW_INT64, shape, values);
    assert_non_null(array);
    return array;
}

/* Takes the inputs; the op has one output, which must be refused (with any status). */
static void too_large(const char *type, tw_array *a, tw_array *b, tw_array *c)
{
    tw_array *inputs[] = {a, b, c}, *out = NULL;
    tw_status *status = tw_op_evaluate(type, NULL, 0, inputs, c ? 3 : 2, &out, 1);
    assert_non_null(status);
    assert_null(out);
    tw_status_free(status);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(inputs[i]);
}

enum { QUARTER = 62 }; /* 2^62 elements of any size do not fit in memory */

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    const int64_t big = INT64_C(1) << QUARTER, most = INT64_MAX;
    too_large("Tile", tw_array_scalar(TW_FLOAT32, 1), int64s(TW_SHAPE(1), &big), NULL);
    too_large("Tile", tw_array_new(TW_FLOAT32, TW_SHAPE(4)), int64s(TW_SHAPE(1), &big), NULL);
    too_large("Pad", tw_array_new(TW_FLOAT32, TW_SHAPE(4)),
              int64s(TW_SHAPE(1, 2), (int64_t[]){big, big}), NULL);
    too_large("Pad", tw_array_new(TW_FLOAT32, TW_SHAPE(4)),
              int64s(TW_SHAPE(1, 2), (int64_t[]){most, most}), NULL);
    too_large("Slice", tw_array_new(TW_FLOAT32, TW_SHAPE(4)), int64s(TW_SHAPE(1), &most),
              int64s(TW_SHAPE(1), &most));
    too_large("Slice", tw_array_new(TW_FLOAT32, TW_SHAPE(4)), int64s(TW_SHAPE(1), (int64_t[]){1}),
              int64s(TW_SHAPE(1), &most));
    too_large("ScatterNd", int64s(TW_SHAPE(1, 1), (int64_t[]){0}),
              tw_array_new(TW_FLOAT32, TW_SHAPE(1)), int64s(TW_SHAPE(1), &big));
    too_large("SegmentSum", tw_array_new(TW_FLOAT32, TW_SHAPE(1)), int64s(TW_SHAPE(1), &big), NULL);
    too_large("SegmentSum", tw_array_new(TW_FLOAT32, TW_SHAPE(1)), int64s(TW_SHAPE(1), &most),
              NULL);
    too_large("UnsortedSegmentSum", tw_array_new(TW_FLOAT32, TW_SHAPE(1)),
              int64s(TW_SHAPE(1), (int64_t[]){0}), int64s(TW_SHAPE(), &big));
    too_large("Range", int64s(TW_SHAPE(), (int64_t[]){INT64_MIN}), int64s(TW_SHAPE(), &most),
              int64s(TW_SHAPE(), (int64_t[]){1}));
    too_large("Range", int64s(TW_SHAPE(), (int64_t[]){0}), int64s(TW_SHAPE(), &big),
              int64s(TW_SHAPE(), (int64_t[]){1}));
    too_large("SpaceToBatchND", tw_array_new(TW_FLOAT32, TW_SHAPE(2, 2)), int64s(TW_SHAPE(1), &big),
              int64s(TW_SHAPE(1, 2), (int64_t[]){0, 0}));
    too_large("SpaceToBatchND", tw_array_new(TW_FLOAT32, TW_SHAPE(2, 2)),
              int64s(TW_SHAPE(1), (int64_t[]){2}), int64s(TW_SHAPE(1, 2), (int64_t[]){most, most}));
}

static void ranges_count_right_at_the_ends_of_their_type(void **state)
{
    (void)state;
    tw_array *inputs[] = {int64s(TW_SHAPE(), (int64_t[]){INT64_MIN}),
                          int64s(TW_SHAPE(), (int64_t[]){INT64_MAX}),
                          int64s(TW_SHAPE(), (int64_t[]){INT64_MAX})};
    tw_array *out;
    TW_CHECK(tw_op_evaluate("Range", NULL, 0, inputs, 3, &out, 1));
    assert_int_equal(out->count, 3);
    assert_true(((int64_t *)out->data)[2] == INT64_MAX - 1);
    tw_array_unref(out);
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(inputs[i]);
    gives("Range", "range(0, 0, -1) -> []");
    gives("Range", "range(2, -3, -2) -> [2, 0, -2]");
    refuses("Range", "range(0, 3, 0)", "Requires delta != 0");
    refuses("Range", "range(0., 1., 1e-30)", "finite number");
}

/* ---- nothing, and scalars ---- */

static void empty_arrays_go_through(void **state)
{
    (void)state;
    gives("ConcatV2", "concat_v2([[], [1, 2], []], 0) -> [1, 2]");
    gives("Transpose", "transpose([[], []], [0, 1]) -> [[], []]");
    gives("Slice", "slice([], [0], [-1]) -> []");
    gives("Reverse", "reverse_v1([], [True]) -> []");
    gives("Unique", "unique([]) -> [], []");
    gives("Cumsum", "cumsum([], 0) -> []");
    gives("Cumsum", "cumsum([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], 1) -> "
                    "[[1, 3], [3, 7], [5, 11], [7, 15], [9, 19]]");
    gives("Cumprod", "cumprod([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], 1) -> "
                     "[[1, 2], [3, 12], [5, 30], [7, 56], [9, 90]]");
    gives("Roll", "roll([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 1, 1) -> "
                  "[[[3, 4], [1, 2]], [[7, 8], [5, 6]]]");
    gives("Roll", "roll([[1, 2, 3], [4, 5, 6]], [1, 2], [0, 1]) -> [[5, 6, 4], [2, 3, 1]]");
    gives("Roll", "roll([[1, 2, 3], [4, 5, 6]], [3, -1], [1, 0]) -> [[4, 5, 6], [1, 2, 3]]");
    gives("Roll", "roll([\"a\", \"b\", \"c\"], 1, 0) -> [\"c\", \"a\", \"b\"]");
    gives("SegmentSum", "segment_sum([], []) -> []");
    gives("TopKV2", "top_k([3, 1], 0) -> [], []");
    gives("Gather", "gather([1, 2], []) -> []");
    gives("Tile", "tile([1, 2], [0]) -> []");
    gives("OneHot", "one_hot([1], 0, 1, 0) -> [[]]");
    gives("Pad", "pad([], [[1, 2]]) -> [0, 0, 0]");
    gives("DynamicPartition", "dynamic_partition([], [], 2) -> [], []");
    gives("InvertPermutation", "invert_permutation([]) -> []");
}

static void scalars_are_refused_where_they_have_no_dimension(void **state)
{
    (void)state;
    refuses("ConcatV2", "concat_v2([1, 2], 0)", "Can't concatenate scalars");
    refuses("Gather", "gather(1, [0])", "at least 1 dimensional");
    refuses("TopKV2", "top_k(1, 1)", "input must be >= 1-D");
    refuses("Diag", "diag(1)", "at least rank 1");
    refuses("MatrixDiagPart", "matrix_diag_part([1])", "at least rank 2");
    refuses("Where", "where(True)", "Unhandled input dimensions: 0");
    refuses("Cumsum", "cumsum(1, 0)", "scan axis in the range [0, 0)");
    refuses("Unpack", "unpack(1, 1)", "Invalid axis: 0; must be in [0,0)");
    gives("Tile", "tile(7, []) -> 7");
    gives("Transpose", "transpose(7, []) -> 7");
    gives("Slice", "slice(7, [], []) -> 7");
}

static void a_result_of_too_many_dimensions_is_refused(void **state)
{
    (void)state;
    int64_t dims[TW_MAX_RANK];
    for (size_t i = 0; i < TW_MAX_RANK; i++)
        dims[i] = 1;
    tw_array *x = tw_array_new(TW_FLOAT32, (tw_shape){dims, TW_MAX_RANK}), *out = NULL;
    tw_attr attrs[] = {{.name = "N", .kind = TW_ATTR_INT, .value.i = 1}};
    tw_status *status = tw_op_evaluate("Pack", attrs, 1, &x, 1, &out, 1);
    assert_non_null(status);
    tw_status_free(status);
    status = tw_op_evaluate("MatrixDiag", NULL, 0, &x, 1, &out, 1);
    assert_non_null(status);
    tw_status_free(status);
    tw_array_unref(x);
}

/* ---- indices ---- */

static void an_index_outside_says_which_and_where(void **state)
{
    (void)state;
    refuses("Gather", "gather([1, 2, 3], [0, 1, 2, 3])", "indices[3] = 3 is not in [0, 3)");
    refuses("Gather", "gather([1, 2, 3], [-1])", "indices[0] = -1 is not in [0, 3)");
    refuses("GatherNd", "gather_nd([[1, 2]], [[0, 0], [0, 2]])",
            "indices[1] = [0, 2] does not index into param shape [1,2]");
    refuses("ScatterNd", "scatter_nd([[5]], [1], [3])", "indices[0] = [5] does not index");
    refuses("DynamicPartition", "dynamic_partition([1, 2], [0, 2], 2)",
            "partitions[1] = 2 is not in [0, 2)");
    refuses("UnsortedSegmentSum", "unsorted_segment_sum([1], [4], 4)",
            "segment_ids[0] = 4 is out of range [0, 4)");
    refuses("SegmentSum", "segment_sum([1, 2], [1, 0])", "Segment id 1 out of range [0, 1)");
    refuses("SegmentSum", "segment_sum([1, 2, 3], [0, 2, 1])", "egment id");
    refuses("Slice", "slice([1, 2], [1], [2])", "Expected size[0] in [0, 1], but got 2");
    refuses("InvertPermutation", "invert_permutation([0, 0])", "0 is duplicated");
    refuses("Transpose", "transpose([[1]], [0, 0])", "occurs twice");
    refuses("Reshape", "reshape([[[1, 2]]], [4, -1])", "evenly divisible by 4 but is 2");
    refuses("Reshape", "reshape([[], [], []], [0, -1, 2])", "cannot infer the missing input size");
    refuses("ReverseSequence", "reverse_sequence([[1, 2]], [3], 1)", "seq_lens(0) > input.dims(1)");
    refuses("ConcatOffset", "concat_offset(0, [[[1, 2]], [[1, 2]]])", "0 should be a vector");
    refuses("ConcatOffset", "concat_offset(0, [[2, 5], [2, 7]])", "(mismatch: 5 vs. 7)");
    gives("OneHot", "one_hot([2, -9], 2, 1, 0) -> [[0, 0], [0, 0]]");
    gives("UnsortedSegmentSum", "unsorted_segment_sum([1, 2], [-7, 0], 1) -> [2]");
}

static void axes_count_from_either_end_and_no_further(void **state)
{
    (void)state;
    gives("ConcatV2", "concat_v2([[[1]], [[2]]], -2) -> [[1], [2]]");
    gives("Split", "split(-1, [[1, 2]], 2) -> [[1]], [[2]]");
    gives("Cumprod", "cumprod([[2, 3]], -1) -> [[2, 6]]");
    gives("GatherV2", "gather_v2([[1, 2]], [1], -1) -> [[2]]");
    refuses("ConcatV2", "concat_v2([[1], [2]], 1)", "[-1, 1), but got 1");
    refuses("Split", "split(2, [[1, 2]], 1)", "must be in range [-2, 2)");
    refuses("GatherV2", "gather_v2([1], [0], -2)", "[-1, 1), but got -2");
    refuses("ReverseV2", "reverse([1], [1])", "out of valid range");
}

/* In a shape -1 means "unknown"; as a size that somebody asks for it is none. */
static void negative_sizes_are_refused(void **state)
{
    (void)state;
    refuses("Fill", "fill([2, -1], 0)", "Dimension -1 must be >= 0");
    refuses("BroadcastTo", "broadcast_to([1, 2], [-1, 2])", "Dimension -1 must be >= 0");
    refuses("ScatterNd", "scatter_nd([[0]], [1], [-1])", "Dimension -1 must be >= 0");
    refuses("StatelessRandomUniform", "stateless_random_uniform([-1], [1, 2])",
            "Dimension -1 must be >= 0");
    refuses("ExpandDims", "expand_dims([1], [0, 1])", "a single value, not 2");
    refuses("LRN", "lrn([[[[1.]]]], depth_radius=-1)", "depth_radius must not be negative");
}

/* ---- strided slices against Python's rule ---- */

enum { LENGTH = 5 };

/* Python's range(*slice(begin, end, stride).indices(LENGTH)), step by step. */
static size_t python_slice(int64_t begin, int64_t end, int64_t stride, bool no_begin, bool no_end,
                           int64_t *out)
{
    int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? LENGTH : LENGTH - 1;
    int64_t from = begin < 0 ? begin + LENGTH : begin, to = end < 0 ? end + LENGTH : end;
    from = no_begin ? (stride > 0 ? low : high) : from < low ? low : from > high ? high : from;
    to = no_end ? (stride > 0 ? high : low) : to < low ? low : to > high ? high : to;
    size_t count = 0;
    for (int64_t at = from; stride > 0 ? at < to : at > to; at += stride)
        out[count++] = at;
    return count;
}

static void check_slice(int64_t begin, int64_t end, int64_t stride, int64_t begin_mask,
                        int64_t end_mask)
{
    int64_t values[LENGTH] = {0, 1, 2, 3, 4}, want[LENGTH];
    tw_attr attrs[] = {{.name = "begin_mask", .kind = TW_ATTR_INT, .value.i = begin_mask},
                       {.name = "end_mask", .kind = TW_ATTR_INT, .value.i = end_mask}};
    tw_array *inputs[] = {int64s(TW_SHAPE(LENGTH), values), int64s(TW_SHAPE(1), &begin),
                          int64s(TW_SHAPE(1), &end), int64s(TW_SHAPE(1), &stride)};
    tw_array *out;
    size_t count = python_slice(begin, end, stride, begin_mask, end_mask, want);
    TW_CHECK(tw_op_evaluate("StridedSlice", attrs, 2, inputs, 4, &out, 1));
    assert_int_equal(out->count, count);
    if (count)
        assert_memory_equal(out->data, want, count * sizeof *want);
    tw_array_unref(out);
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(inputs[i]);
}

static void strided_slices_are_pythons(void **state)
{
    (void)state;
    static const int64_t strides[] = {1, 2, 3, 7, -1, -2, -7};
    for (int64_t begin = -7; begin <= 7; begin++)
        for (int64_t end = -7; end <= 7; end++)
            for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
                for (int64_t mask = 0; mask < 4; mask++)
                    check_slice(begin, end, strides[i], mask & 1, mask >> 1);
    check_slice(0, 5, INT64_MAX, 0, 0);
    check_slice(0, 5, INT64_MAX - 1, 1, 1);
    check_slice(4, -6, -INT64_MAX, 0, 0);
}

static void strided_slices_take_places_at_the_ends_of_int64(void **state)
{
    (void)state;
    int64_t values[LENGTH] = {0, 1, 2, 3, 4};
    tw_array *inputs[] = {
        int64s(TW_SHAPE(LENGTH), values), int64s(TW_SHAPE(1), (int64_t[]){INT64_MAX}),
        int64s(TW_SHAPE(1), (int64_t[]){INT64_MIN}), int64s(TW_SHAPE(1), (int64_t[]){INT64_MIN})};
    tw_array *out;
    TW_CHECK(tw_op_evaluate("StridedSlice", NULL, 0, inputs, 4, &out, 1));
    assert_int_equal(out->count, 1);
    assert_int_equal(tw_array_get(out, 0), 4);
    tw_array_unref(out);
    for (size_t i = 0; i < 4; i++)
        tw_array_unref(inputs[i]);
}

static void masks_of_a_strided_slice_work_together(void **state)
{
    (void)state;
    /* x[..., newaxis, 1] */
    gives("StridedSlice", "strided_slice([[1, 2], [3, 4]], [0, 0, 1], [0, 0, 2], [1, 1, 1], "
                          "ellipsis_mask=1, new_axis_mask=2, shrink_axis_mask=4) -> [[2], [4]]");
    /* x[newaxis, ::-1, 0] */
    gives("StridedSlice", "strided_slice([[1, 2], [3, 4]], [0, 0, 0], [0, 0, 1], [1, -1, 1], "
                          "begin_mask=2, end_mask=2, new_axis_mask=1, shrink_axis_mask=4) -> "
                          "[[3, 1]]");
    /* x[-1] keeps the other dimensions */
    gives("StridedSlice",
          "strided_slice([[1, 2], [3, 4]], [-1], [0], [1], shrink_axis_mask=1) -> [3, 4]");
    refuses("StridedSlice", "strided_slice([1, 2], [2], [3], [1], shrink_axis_mask=1)",
            "slice index 2 of dimension 0 out of bounds.");
    refuses("StridedSlice", "strided_slice([1, 2], [0, 0], [1, 1], [1, 1])",
            "Index out of range using input dim 1; input has only 1 dims");
    refuses("StridedSlice", "strided_slice([1, 2], [0], [1], [0])", "strides[0] must be non-zero");
    refuses("StridedSliceGrad", "strided_slice_grad([3], [0], [2], [1], [1., 2., 3.])",
            "shape of dy was [3] instead of [2]");
}

static void an_assigned_slice_leaves_the_rest_of_the_variable(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3, 4, 5}, part[] = {7, 8};
    const int32_t begin[] = {4}, end[] = {0}, strides[] = {-2};
    tw_array *inputs[] = {tw_array_copy_of(TW_FLOAT32, TW_SHAPE(5), values),
                          tw_array_copy_of(TW_INT32, TW_SHAPE(1), begin),
                          tw_array_copy_of(TW_INT32, TW_SHAPE(1), end),
                          tw_array_copy_of(TW_INT32, TW_SHAPE(1), strides),
                          tw_array_copy_of(TW_FLOAT32, TW_SHAPE(2), part)};
    const float want[] = {1, 2, 8, 4, 7};
    tw_array *out;
    TW_CHECK(tw_op_evaluate("StridedSliceAssign", NULL, 0, inputs, 5, &out, 1));
    assert_memory_equal(out->data, want, sizeof want);
    tw_array_unref(out);
    for (size_t i = 0; i < 5; i++)
        tw_array_unref(inputs[i]);
}

/* ---- texts, and numbers that are none ---- */

static void texts_move_like_numbers(void **state)
{
    (void)state;
    gives("Transpose", "transpose([[\"a\", \"a text longer than twelve bytes\"]], [1, 0]) -> "
                       "[[\"a\"], [\"a text longer than twelve bytes\"]]");
    gives("Unique", "unique([\"b\", \"a\", \"b\"]) -> [\"b\", \"a\"], [0, 1, 0]");
    gives("Gather", "gather([\"b\", \"a\"], [1, 1]) -> [\"a\", \"a\"]");
    gives("Pad", "pad([\"b\"], [[1, 0]]) -> [\"\", \"b\"]");
    gives("ScatterNd", "scatter_nd([[1], [1]], [\"x\", \"y\"], [2]) -> [\"\", \"xy\"]");
    gives("ListDiff", "setdiff1d([\"b\", \"a\"], [\"b\"]) -> [\"a\"], [1]");
    gives("DynamicStitch", "dynamic_stitch([[1], [0]], [[\"x\"], [\"y\"]]) -> [\"y\", \"x\"]");
}

/* As many as 32-bit systems count: nothing is kept, or done, for each of them. */
static void rows_of_nothing_are_stitched_at_once(void **state)
{
    (void)state;
    const int32_t last = 1 << 28;
    tw_array *inputs[2] = {tw_array_copy_of(TW_INT32, TW_SHAPE(1), &last),
                           tw_array_new(TW_FLOAT32, TW_SHAPE(1, 0))};
    tw_array *out = NULL;
    failing_allocator_limit(1 << 20);
    TW_CHECK(tw_op_evaluate("DynamicStitch", NULL, 0, inputs, 2, &out, 1));
    failing_allocator_limit(0);
    assert_true(tw_shape_equal(tw_array_shape(out), TW_SHAPE((int64_t)last + 1, 0)));
    tw_array_unref(out);
    tw_array_unref(inputs[0]);
    tw_array_unref(inputs[1]);
}

static void nan_equals_nothing_and_minus_zero_equals_zero(void **state)
{
    (void)state;
    const float values[] = {-0.0F, 0.0F, __builtin_nanf(""), __builtin_nanf("")};
    tw_array *x = tw_array_copy_of(TW_FLOAT32, TW_SHAPE(4), values), *out[2];
    const int32_t want[] = {0, 0, 1, 2}, places[] = {0, 1};
    TW_CHECK(tw_op_evaluate("Unique", NULL, 0, &x, 1, out, 2));
    assert_memory_equal(out[1]->data, want, sizeof want);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array *k = tw_array_scalar(TW_INT32, 2), *inputs[] = {x, k};
    TW_CHECK(tw_op_evaluate("TopKV2", NULL, 0, inputs, 2, out, 2));
    assert_memory_equal(out[1]->data, places, sizeof places);
    tw_array_unref(out[0]);
    tw_array_unref(out[1]);
    tw_array_unref(x);
    tw_array_unref(k);
}

static void many_elements_stay_apart(void **state)
{
    (void)state;
    enum { MANY = 20000, KINDS = 777 };
    tw_array *x = tw_array_new(TW_INT64, TW_SHAPE(MANY)), *out[3];
    for (int64_t i = 0; i < MANY; i++)
        ((int64_t *)x->data)[i] = i % KINDS << 32;
    TW_CHECK(tw_op_evaluate("UniqueWithCounts", NULL, 0, &x, 1, out, 3));
    assert_int_equal(out[0]->count, KINDS);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(tw_array_get(out[1], i), i % KINDS);
    assert_int_equal(tw_array_get(out[2], 0), MANY / KINDS + 1);
    tw_array *k = tw_array_scalar(TW_INT32, MANY), *inputs[] = {x, k}, *best[2];
    TW_CHECK(tw_op_evaluate("TopKV2", NULL, 0, inputs, 2, best, 2));
    for (size_t i = 1; i < MANY; i++)
        assert_true(tw_array_get(best[0], i - 1) >= tw_array_get(best[0], i));
    for (size_t i = 0; i < 3; i++)
        tw_array_unref(out[i]);
    tw_array_unref(best[0]);
    tw_array_unref(best[1]);
    tw_array_unref(x);
    tw_array_unref(k);
}

static void a_mean_of_small_integers_counts_beyond_their_range(void **state)
{
    (void)state;
    enum { ROWS = 300 };
    tw_array *data = tw_array_new(TW_UINT8, TW_SHAPE(ROWS, 1)), *out;
    tw_array *ids = tw_array_new(TW_INT32, TW_SHAPE(ROWS)), *inputs[] = {data, ids};
    TW_CHECK(tw_op_evaluate("SegmentMean", NULL, 0, inputs, 2, &out, 1));
    assert_int_equal(tw_array_get(out, 0), 0);
    tw_array_unref(out);
    tw_array_unref(data);
    tw_array_unref(ids);
}

/* ---- memory that runs short ---- */

static void a_failed_allocation_gives_a_status_and_leaks_nothing(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"Unique", "unique([\"a text longer than twelve bytes\", \"a\"])"},
        {"ListDiff", "setdiff1d([1, 2, 3], [2])"},
        {"TopKV2", "top_k([1, 3, 2], 2)"},
        {"Where", "where([True, False])"},
        {"DynamicPartition", "dynamic_partition([1, 2, 3], [0, 1, 0], 2)"},
        {"DynamicStitch", "dynamic_stitch([[1], [0]], [[1], [2]])"},
        {"ScatterNd", "scatter_nd([[1], [1]], [\"a text of thirteen\", \"y\"], [2])"},
        {"ConcatV2", "concat_v2([[\"a text longer than twelve bytes\"], [\"b\"]], 0)"},
        {"SegmentMean", "segment_mean([1., 3.], [0, 0])"},
        {"StridedSlice", "strided_slice([1, 2, 3], [2], [0], [-1])"},
        {"SpaceToBatch", "space_to_batch([[[[1], [2]], [[3], [4]]]], [[0, 0], [0, 0]], 2)"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        example_call k;
        tw_array *outputs[EXAMPLE_MANY] = {NULL};
        size_t count;
        /* What the registry keeps of an op comes with its first use. */
        tw_status_free(call(calls[i][0], calls[i][1], &k, outputs, &count));
        for (size_t j = 0; j < count; j++)
            tw_array_unref(outputs[j]);
        example_clear(&k);
        size_t live = failing_allocator_live();
        for (size_t n = 1; failing_allocator_next(n); n++) {
            tw_status *status = call(calls[i][0], calls[i][1], &k, outputs, &count);
            if (status && !failing_allocator_failed())
                fail_msg("%s: %s", calls[i][1], tw_status_message(status));
            tw_status_free(status);
            for (size_t j = 0; j < count; j++)
                tw_array_unref(outputs[j]);
            example_clear(&k);
            assert_int_equal(failing_allocator_live(), live);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(ranges_count_right_at_the_ends_of_their_type),
        cmocka_unit_test(empty_arrays_go_through),
        cmocka_unit_test(scalars_are_refused_where_they_have_no_dimension),
        cmocka_unit_test(a_result_of_too_many_dimensions_is_refused),
        cmocka_unit_test(an_index_outside_says_which_and_where),
        cmocka_unit_test(axes_count_from_either_end_and_no_further),
        cmocka_unit_test(negative_sizes_are_refused),
        cmocka_unit_test(strided_slices_are_pythons),
        cmocka_unit_test(strided_slices_take_places_at_the_ends_of_int64),
        cmocka_unit_test(masks_of_a_strided_slice_work_together),
        cmocka_unit_test(an_assigned_slice_leaves_the_rest_of_the_variable),
        cmocka_unit_test(texts_move_like_numbers),
        cmocka_unit_test(rows_of_nothing_are_stitched_at_once),
        cmocka_unit_test(nan_equals_nothing_and_minus_zero_equals_zero),
        cmocka_unit_test(many_elements_stay_apart),
        cmocka_unit_test(a_mean_of_small_integers_counts_beyond_their_range),
        cmocka_unit_test(a_failed_allocation_gives_a_status_and_leaks_nothing),
    };
    failing_allocator_install();
    return cmocka_run_group_tests_name("array ops", tests, NULL, NULL);
}
