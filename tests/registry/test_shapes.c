/* SPDX-License-Identifier: Apache-2.0
 * The shape rule of every op against its kernel: with everything known it says the result's shape
 * (or the op is one whose result only its numbers tell), and with less known it may know less, but
 * nothing else. So too where some axis has no elements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "op/infer.h"
#include "support/samples.h"
#include "tensor/array.h"

/* How long their outputs are is found while computing. */
static const char *const of_numbers[] = {"Where",
                                         "Unique",
                                         "ComputeAccidentalHits",
                                         "UniqueV2",
                                         "UniqueWithCounts",
                                         "UniqueWithCountsV2",
                                         "ListDiff",
                                         "DynamicPartition",
                                         "BroadcastGradientArgs",
                                         "SegmentSum",
                                         "SegmentMean",
                                         "SegmentProd",
                                         "SegmentMax",
                                         "SegmentMin",
                                         "SparseSegmentSum",
                                         "SparseSegmentMean",
                                         "SparseSegmentSqrtN",
                                         "SparseAdd",
                                         "SparseFillEmptyRows",
                                         "CTCBeamSearchDecoder",
                                         "CTCGreedyDecoder",
                                         "DeserializeManySparse",
                                         "NonMaxSuppression",
                                         "NonMaxSuppressionV5",
                                         "NonMaxSuppressionWithOverlaps",
                                         "NonMaxSuppressionV2",
                                         "NonMaxSuppressionV3",
                                         "SparseSlice",
                                         "SparseReduceMaxSparse",
                                         "SparseReduceSumSparse",
                                         "SparseSparseMaximum",
                                         "SparseSparseMinimum",
                                         "SparseSplit",
                                         "DecodeRaw",
                                         "StringSplit"};

static struct {
    const tw_op *op;
    size_t samples, checked, empty, bad;
} now;

/* What is told to the rule. */
typedef struct knowledge {
    uint32_t hidden;   /* dims, a bit for each */
    uint32_t rankless; /* inputs of unknown rank, a bit for each */
    bool values;       /* numbers too */
} knowledge;

static void complain(const sample *one, const char *what, tw_shape got, tw_shape want)
{
    now.bad++;
    printf("    %s: %s: %.80s for %.80s (%s)\n", now.op->name, what, tw_shape_text(got).s,
           tw_shape_text(want).s, one->name);
}

static bool known_beforehand(void)
{
    for (size_t i = 0; i < sizeof of_numbers / sizeof *of_numbers; i++)
        if (!strcmp(of_numbers[i], now.op->name))
            return false;
    return true;
}

static void check(const sample *one, const tw_resolved *r, tw_array **results, knowledge told)
{
    tw_shape shapes[GOLDEN_MANY], outputs[GOLDEN_MANY] = {{0}};
    tw_spec spec = {one->op, one->op->name, one->op->name, r->attrs, r->attr_count, TW_HERE};
    bool all = !told.hidden && !told.rankless && told.values;
    for (size_t i = 0; i < one->input_count; i++) {
        tw_shape shape = one->inputs[i] ? tw_array_shape(one->inputs[i]) : TW_UNKNOWN_SHAPE;
        int64_t *dims = tw_arena_array(one->arena, shape.rank + 1, sizeof *dims);
        for (size_t d = 0; d < shape.rank; d++)
            dims[d] = told.hidden >> (d & 31) & 1 ? -1 : shape.dims[d];
        bool hidden = !shape.dims || (told.rankless >> (i & 31) & 1);
        shapes[i] = hidden ? TW_UNKNOWN_SHAPE : (tw_shape){dims, shape.rank};
    }
    tw_infer in = {.spec = &spec,
                   .arena = one->arena,
                   .input_count = one->input_count,
                   .output_count = r->output_count,
                   .dtypes = one->dtypes,
                   .shapes = shapes,
                   .values = told.values ? (const tw_array *const *)one->inputs : NULL,
                   .outputs = outputs};
    tw_status *status = tw_infer_run(&in, NULL, NULL);
    now.checked++;
    for (size_t k = 0; k < r->output_count && !status; k++) {
        tw_shape want = tw_array_shape(results[k]);
        if (!tw_shape_compatible(outputs[k], want))
            complain(one, "the rule contradicts the result", outputs[k], want);
        else if (all && known_beforehand() && !tw_shape_fully_known(outputs[k]))
            complain(one, "the rule does not know the result's shape", outputs[k], want);
    }
    if (status) {
        now.bad++;
        printf("    %s: %s (%s)\n", now.op->name, tw_status_message(status), one->name);
    }
    tw_status_free(status);
}

/* false: the sample is refused. */
static bool check_all(const sample *one)
{
    static const knowledge told[] = {
        {0, 0, true},  {0, 0, false}, {1, 0, true},          {2, 0, true},           {4, 0, false},
        {5, 0, false}, {10, 0, true}, {UINT32_MAX, 0, true}, {UINT32_MAX, 0, false}, {0, 1, true},
        {0, 2, true},  {0, 5, false}, {0, UINT32_MAX, true}, {0, UINT32_MAX, false}, {1, 2, false}};
    tw_array *results[GOLDEN_MANY];
    tw_resolved resolved;
    size_t count = 0;
    tw_status *status = sample_evaluate(one, 1, results, &count);
    bool good = !status;
    tw_status_free(status);
    if (!good)
        return false;
    assert_null(tw_op_resolve(one->op, one->dtypes, one->input_count, one->counts, one->attrs,
                              one->attr_count, one->arena, &resolved));
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        check(one, &resolved, results, told[i]);
    for (size_t i = 0; i < count; i++)
        tw_array_unref(results[i]);
    for (size_t i = 0; i < resolved.attr_count; i++)
        tw_attr_release(&resolved.attrs[i]);
    return true;
}

static void use_sample(const sample *one, void *user)
{
    static const struct {
        uint32_t inputs;
        int axis;
    } ways[] = {{UINT32_MAX, 0}, {UINT32_MAX, -1}, {UINT32_MAX, 1}, {1, 0},
                {1, -1},         {2, 0},           {3, 0}};
    (void)user;
    if (strstr(one->name, "@0.12.1"))
        return;
    now.samples += check_all(one);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        sample empty;
        if (!sample_repeat(one, ways[w].inputs, ways[w].axis, 0, &empty))
            continue;
        now.empty += check_all(&empty);
        sample_clear(&empty);
    }
}

/* Operations that a session alone runs have no result to compare with here. */
static bool needs_a_session(const tw_op *op)
{
    static const char *const prefixes[] = {"TensorArray", "Stack", "Ref", "Variable"};
    static const char *const names[] = {
        "Enter",     "Exit",           "Merge",  "NextIteration",           "Switch",
        "LoopValue", "Placeholder",    "Print",  "PlaceholderV2",           "TemporaryVariable",
        "NoOp",      "ControlTrigger", "Assert", "DestroyTemporaryVariable"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(op->name, prefixes[i], strlen(prefixes[i])))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(op->name, names[i]))
            return true;
    return false;
}

static void rules_agree_with_kernels_however_little_is_known(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    for (size_t i = 0; i < tw_op_count(); i++) {
        now.op = tw_op_at(i);
        now.samples = 0;
        if (strcmp(now.op->name, "Print") != 0)
            samples_each(now.op, use_sample, NULL);
        if (!now.samples && !needs_a_session(now.op)) {
            now.bad++;
            printf("    %s: no sample of it ran\n", now.op->name);
        }
    }
    print_message("%zu questions, %zu empty samples\n", now.checked, now.empty);
    if (now.bad)
        fail_msg("%zu complaints", now.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_agree_with_kernels_however_little_is_known),
    };
    return cmocka_run_group_tests_name("registry: shapes", tests, NULL, NULL);
}
