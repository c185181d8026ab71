/* SPDX-License-Identifier: Apache-2.0
 * Samplers of classes whose distribution is a formula: UniformCandidateSampler,
 * LogUniformCandidateSampler, AllCandidateSampler; and ComputeAccidentalHits. The numbers drawn are
 * TensorFlow's for the same seeds. */
#include "ops/candidate_sampler.h"

#include <float.h>
#include <math.h>

enum { BLOCKS_FOR_EACH = 512 }; /* of the stream, for each class that is asked for */

/* ---- draws ---- */

/* Words below the remainder would make small numbers likelier, and are drawn again. */
uint64_t tw_random_below(tw_random_words *words, uint64_t range, bool wide)
{
    uint64_t low = (wide ? UINT64_MAX : UINT32_MAX) % range + 1, word;
    bool power_of_two = (range & (range - 1)) == 0;
    do {
        word = tw_random_word(words);
        if (wide)
            word |= (uint64_t)tw_random_word(words) << 32;
    } while (!power_of_two && word < low);
    return word % range;
}

/* Always of two words, as TensorFlow does for a range of 64 bits. */
static int64_t draw_uniform(const tw_sampler *s, tw_random_words *words)
{
    return (int64_t)tw_random_below(words, (uint64_t)s->range, true);
}

/* The same for every class, so the class is not looked at. */
static float uniform_probability(const tw_sampler *s, int64_t class)
{
    (void)class;
    return (float)(1.0 / (double)s->range);
}

/* P(k) = log((k + 2) / (k + 1)) / log(range + 1), by inversion of its sum. */
static int64_t draw_log_uniform(const tw_sampler *s, tw_random_words *words)
{
    double top = log1p((double)s->range);
    int64_t class = (int64_t)exp(tw_random_double(words) * top) - 1;
    return class % s->range; /* rounding may give the range itself */
}

/* In double: near the end of a large range the quotient is hardly more than 1, and its
 * logarithm would have no digits left in float. */
static float log_uniform_probability(const tw_sampler *s, int64_t class)
{
    double k = (double)class;
    return (float)(log((k + 2) / (k + 1)) / log1p((double)s->range));
}

/* ---- a set of classes ---- */

/* The classes drawn so far: open addressing, a slot holds class + 1. */
typedef struct class_set {
    uint64_t *slots;
    size_t mask;
} class_set;

/* false: it was there already. At least half of the slots are free, so a search ends. */
static bool insert(const class_set *set, int64_t class)
{
    uint64_t key = (uint64_t) class + 1, hash = key * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t at = (size_t)(hash >> 32) & set->mask;; at = (at + 1) & set->mask) {
        if (set->slots[at] == key)
            return false;
        if (set->slots[at] == 0) {
            set->slots[at] = key;
            return true;
        }
    }
}

/* Classes until there are `count` different ones. Gives how many draws that took. */
static tw_status *draw_different(const tw_sampler *s, tw_random_words *words, int64_t *out,
                                 size_t count, double *draws)
{
    class_set set = {NULL, 15};
    while (set.mask < 2 * count)
        set.mask = 2 * set.mask + 1;
    set.slots = tw_alloc_zero(set.mask + 1, sizeof *set.slots);
    if (!set.slots)
        return tw_no_memory();
    for (size_t n = 0; n < count; *draws += 1) {
        out[n] = s->draw(s, words);
        n += insert(&set, out[n]);
    }
    tw_free(set.slots);
    return TW_OK;
}

/* ---- the ops ---- */

/* All samplers have the same inputs and outputs. */
void tw_infer_sampler(tw_infer *in)
{
    tw_shape classes = tw_infer_matrix(in, 0);
    int64_t rows = tw_infer_dim(classes, 0), width = tw_infer_dim(classes, 1);
    int64_t num_true = tw_infer_int(in, "num_true"), sampled = tw_infer_int(in, "num_sampled");
    if (!tw_dims_agree(width, num_true))
        tw_infer_fail(in, "true_classes must have num_true columns, %" PRId64 ", not %" PRId64,
                      num_true, width);
    tw_infer_output(in, 0, TW_SHAPE(sampled));
    tw_infer_output(in, 1, TW_SHAPE(rows, num_true));
    tw_infer_output(in, 2, TW_SHAPE(sampled));
}

/* How often a class of probability p is among `count` draws, or, where draws went on until all
 * were different, how likely it is to have come in so many of them. */
static float expected_count(float p, int64_t count, double draws)
{
    if (draws == (double)count)
        return p * (float)count;
    return (float)-expm1(draws * log1p((double)-p));
}

/* Outputs 1 and 2 differ only in the classes that they are about. */
static void expect(const tw_sampler *s, const tw_array *classes, double draws, int64_t count,
                   float *out)
{
    const int64_t *class = classes->data;
    for (size_t i = 0; i < classes->count; i++)
        out[i] = expected_count(s->probability(s, class[i]), count, draws);
}

/* The stream moves on by the same number of blocks however many draws were needed. */
tw_status *tw_sample_candidates(tw_compute *c, const tw_sampler *sampler)
{
    tw_array *sampled = tw_output(c, 0);
    size_t count = sampled->count;
    double draws = 0;
    tw_philox stream;
    bool unique = tw_compute_bool(c, "unique");
    if (unique && (int64_t)count > sampler->range)
        return tw_compute_fail(c, "Sampler's range is too small.");
    TW_TRY(tw_random_take(c, (uint64_t)count * BLOCKS_FOR_EACH, &stream));
    tw_random_words words = tw_random_words_of(stream);
    int64_t *out = sampled->data;
    if (unique)
        TW_TRY(draw_different(sampler, &words, out, count, &draws));
    for (; !unique && draws < (double)count; draws += 1)
        out[(size_t)draws] = sampler->draw(sampler, &words);
    expect(sampler, tw_input(c, 0), draws, (int64_t)count, tw_output_data(c, 1));
    expect(sampler, sampled, draws, (int64_t)count, tw_output_data(c, 2));
    return TW_OK;
}

/* The distribution is nothing but its range. */
static tw_status *compute_uniform(tw_compute *c)
{
    tw_sampler sampler = {tw_compute_int(c, "range_max"), draw_uniform, uniform_probability, NULL};
    return tw_sample_candidates(c, &sampler);
}

/* Nothing is kept between runs but the generator. */
static tw_status *compute_log_uniform(tw_compute *c)
{
    tw_sampler sampler = {tw_compute_int(c, "range_max"), draw_log_uniform, log_uniform_probability,
                          NULL};
    return tw_sample_candidates(c, &sampler);
}

/* There is no choice: num_sampled is how many classes there are. */
static tw_status *compute_all(tw_compute *c)
{
    tw_array *sampled = tw_output(c, 0), *true_count = tw_output(c, 1);
    float *sampled_count = tw_output_data(c, 2);
    for (size_t i = 0; i < sampled->count; i++) {
        ((int64_t *)sampled->data)[i] = (int64_t)i;
        sampled_count[i] = 1;
    }
    for (size_t i = 0; i < true_count->count; i++)
        ((float *)true_count->data)[i] = 1;
    return TW_OK;
}

const tw_op_definition tw_op_UniformCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS "range_max: int >= 1; " TW_SAMPLER_SEEDS,
    .doc = "Draws `num_sampled` classes below `range_max`, all as likely; different ones if "
           "`unique`. Gives them, and how often each true class and each sampled one is to be "
           "expected.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_uniform,
};

const tw_op_definition tw_op_LogUniformCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS "range_max: int >= 1; " TW_SAMPLER_SEEDS,
    .doc = "Draws `num_sampled` classes, class k with probability log((k + 2) / (k + 1)) / "
           "log(range_max + 1), as words are that are numbered by how frequent they are. Outputs "
           "as of UniformCandidateSampler.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_log_uniform,
};

const tw_op_definition tw_op_AllCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS TW_SAMPLER_SEEDS,
    .doc = "All classes, of which there are `num_sampled`, each expected once: for tests of what "
           "uses samplers.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_all,
};

/* ---- ComputeAccidentalHits ---- */

/* How many hits there are, only the classes say. */
static void infer_hits(tw_infer *in)
{
    tw_shape classes = tw_infer_matrix(in, 0);
    tw_infer_vector(in, 1);
    int64_t num_true = tw_infer_int(in, "num_true"), width = tw_infer_dim(classes, 1);
    if (!tw_dims_agree(width, num_true))
        tw_infer_fail(in, "Dimension must be %" PRId64 " but is %" PRId64, num_true, width);
    for (size_t i = 0; i < 3; i++)
        tw_infer_output(in, i, TW_SHAPE(-1));
}

/* Where among the samples a class stands; the last place if it does so twice. -1: nowhere. */
static int64_t place_of(const tw_array *sampled, int64_t class)
{
    const int64_t *classes = sampled->data;
    for (size_t i = sampled->count; i-- > 0;)
        if (classes[i] == class)
            return (int64_t)i;
    return -1;
}

/* Counted first, since the outputs have as many elements as there are hits. */
static tw_status *compute_hits(tw_compute *c)
{
    const tw_array *classes = tw_input(c, 0), *sampled = tw_input(c, 1);
    const int64_t *class = classes->data;
    size_t hits = 0, width = (size_t)classes->dims[1];
    tw_array *out[3];
    for (size_t i = 0; i < classes->count; i++)
        hits += place_of(sampled, class[i]) >= 0;
    for (size_t i = 0; i < 3; i++)
        TW_TRY(tw_compute_allocate(c, i, TW_SHAPE((int64_t)hits), &out[i]));
    for (size_t i = 0, n = 0; i < classes->count; i++) {
        int64_t place = place_of(sampled, class[i]);
        if (place < 0)
            continue;
        ((int32_t *)out[0]->data)[n] = (int32_t)(i / width);
        ((int64_t *)out[1]->data)[n] = place;
        ((float *)out[2]->data)[n++] = -FLT_MAX;
    }
    return TW_OK;
}

const tw_op_definition tw_op_ComputeAccidentalHits = {
    .signature = "true_classes: int64, sampled_candidates: int64 -> indices: int32, ids: int64, "
                 "weights: float; num_true: int; " TW_SAMPLER_SEEDS,
    .doc = "Where sampled classes are true ones: the row, the place among the samples, and the "
           "weight -FLT_MAX, which takes them out of play when it is added to their logits.",
    .examples = {"compute_accidental_hits([[1, 2], [3, 4]], [4, 2, 9], 2) -> [0, 1], [1, 0], "
                 "[-3.4028235e38, -3.4028235e38]"},
    .infer = infer_hits,
    .gradient = tw_not_differentiable,
    .compute = compute_hits,
};
