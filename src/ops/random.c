/* SPDX-License-Identifier: Apache-2.0
 * Random operations: RandomUniform, RandomUniformInt, RandomStandardNormal, TruncatedNormal,
 * RandomShuffle and Multinomial, and the stateless ones. The generator belongs to the node and the
 * session: each run takes its part of the stream, whose length follows from the result's size, so
 * seeded numbers do not depend on threads. Seeds 0, 0 mean any. */
#include <string.h>

#include "base/os.h"
#include "kernels/distributions.h"
#include "ops/random.h"

enum { BLOCKS_FOR_EACH = 256 }; /* that a run uses up for each number, whatever it needs */

/* ---- the generator of a node ---- */

/* One for each node and session; the lock makes runs in parallel take separate parts of the
 * stream. */
typedef struct generator {
    tw_mutex lock;
    tw_philox stream;
} generator;

/* When the node first runs in a session. */
static tw_status *make_generator(tw_compute *c, void **out)
{
    uint64_t seeds[] = {(uint64_t)tw_compute_int(c, "seed"), (uint64_t)tw_compute_int(c, "seed2")};
    generator *g = TW_NEW(generator);
    if (!g)
        return tw_no_memory();
    if (seeds[0] == 0 && seeds[1] == 0)
        tw_os_entropy(seeds, sizeof seeds);
    tw_mutex_init(&g->lock);
    g->stream = tw_philox_seeded(seeds[0], seeds[1]);
    *out = g;
    return TW_OK;
}

/* The resource's destructor: the lock is freed with its owner, so no run may hold it any more. */
static void free_generator(void *object)
{
    generator *g = object;
    tw_mutex_free(&g->lock);
    tw_free(g);
}

/* Counter and key, so that a restored session goes on where the saved one was. */
static size_t save_generator(const void *object, void *out)
{
    generator *g = (generator *)object;
    if (out) {
        tw_mutex_lock(&g->lock);
        memcpy(out, &g->stream, sizeof g->stream);
        tw_mutex_unlock(&g->lock);
    }
    return sizeof g->stream;
}

/* Restores a saved state. The size is checked, since the bytes may come from a file that was cut
 * short. */
static tw_status *load_generator(void *object, const void *bytes, size_t size)
{
    generator *g = object;
    if (size != sizeof g->stream)
        return tw_status_new(TW_DATA_LOSS, "a generator's state has %zu bytes, not %zu", size,
                             sizeof g->stream);
    tw_mutex_lock(&g->lock);
    memcpy(&g->stream, bytes, size);
    tw_mutex_unlock(&g->lock);
    return TW_OK;
}

static const tw_state_class generator_class = {.size = sizeof(tw_state_class),
                                               .name = "random generator",
                                               .make = make_generator,
                                               .free = free_generator,
                                               .save = save_generator,
                                               .load = load_generator};

/* The stream as it is now; the generator goes on by `blocks`. */
tw_status *tw_random_take(tw_compute *c, uint64_t blocks, tw_philox *out)
{
    void *object;
    TW_TRY(tw_compute_resource(c, &generator_class, NULL, &object));
    generator *g = object;
    tw_mutex_lock(&g->lock);
    *out = g->stream;
    tw_philox_skip(&g->stream, blocks);
    tw_mutex_unlock(&g->lock);
    return TW_OK;
}

/* ---- numbers of a given shape ---- */

/* The first input is the shape; any after the second one are scalars. */
static void infer_shape(tw_infer *in)
{
    tw_infer_vector(in, 0);
    for (size_t i = 2; i < tw_infer_input_count(in); i++)
        tw_infer_scalar(in, i);
    tw_infer_output(in, 0, tw_infer_size_value(in, 0));
}

/* minval is the second input here. */
static void infer_ints(tw_infer *in)
{
    tw_infer_scalar(in, 1);
    infer_shape(in);
}

/* Two seeds, always. */
static void infer_stateless(tw_infer *in)
{
    tw_shape seed = tw_infer_vector(in, 1);
    if (seed.dims && seed.dims[0] >= 0 && seed.dims[0] != 2)
        tw_infer_fail(in, "seed must have shape [2], not [%" PRId64 "]", seed.dims[0]);
    infer_shape(in);
}

/* One draw: the same number of blocks is used up for every kind of number. */
static tw_status *fill(tw_compute *c, tw_distribution kind)
{
    tw_array *out = tw_output(c, 0);
    tw_philox stream;
    TW_TRY(tw_random_take(c, (uint64_t)out->count * BLOCKS_FOR_EACH, &stream));
    tw_random_fill(stream, kind, out->dtype, out->data, out->count, c->threads);
    return TW_OK;
}

/* Numbers in [0, 1) of the output's dtype: one itself never comes, so that log(1 - u) is safe. */
static tw_status *compute_uniform(tw_compute *c)
{
    return fill(c, TW_DISTRIBUTION_UNIFORM);
}

/* How far the stream moves depends on the count of numbers alone, so later draws do not depend
 * on what these were. */
static tw_status *compute_normal(tw_compute *c)
{
    return fill(c, TW_DISTRIBUTION_NORMAL);
}

/* As for the stateless ones, with the node's own stream, which moves on from run to run. */
static tw_status *compute_truncated(tw_compute *c)
{
    return fill(c, TW_DISTRIBUTION_TRUNCATED);
}

/* Fills `low` and `range` from the inputs `first` and the one after it. */
static tw_status *int_range(const tw_compute *c, size_t first, int64_t *low, uint64_t *range)
{
    int64_t minval = tw_index_at(tw_input(c, first), 0);
    int64_t maxval = tw_index_at(tw_input(c, first + 1), 0);
    if (minval >= maxval)
        return tw_compute_fail(c, "Need minval < maxval, got %" PRId64 " >= %" PRId64, minval,
                               maxval);
    *low = minval;
    *range = (uint64_t)maxval - (uint64_t)minval;
    return TW_OK;
}

/* Nothing is checked, or drawn, for no numbers at all. */
static tw_status *compute_ints(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    tw_philox stream;
    int64_t low = 0;
    uint64_t range = 0;
    if (out->count == 0)
        return TW_OK;
    TW_TRY(int_range(c, 1, &low, &range));
    TW_TRY(tw_random_take(c, (uint64_t)out->count * BLOCKS_FOR_EACH, &stream));
    tw_random_fill_ints(stream, out->dtype, low, range, out->data, out->count, c->threads);
    return TW_OK;
}

const tw_op_definition tw_op_RandomUniform = {
    .signature = "shape: T -> output: dtype; seed: int = 0; seed2: int = 0; "
                 "dtype: {half, bfloat16, float, double}; T: {int32, int64}",
    .doc = "Numbers in [0, 1), all equally likely.",
    .builder = "raw_random_uniform",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_shape,
    .gradient = tw_not_differentiable,
    .compute = compute_uniform,
};

const tw_op_definition tw_op_RandomUniformInt = {
    .signature = "shape: T, minval: Tout, maxval: Tout -> output: Tout; seed: int = 0; "
                 "seed2: int = 0; Tout: {int32, int64}; T: {int32, int64}",
    .doc = "Integers in `minval` .. `maxval` - 1, all equally likely where the range is small "
           "against 2^32 or 2^64.",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_ints,
    .gradient = tw_not_differentiable,
    .compute = compute_ints,
};

const tw_op_definition tw_op_RandomStandardNormal = {
    .signature = "shape: T -> output: dtype; seed: int = 0; seed2: int = 0; "
                 "dtype: {half, bfloat16, float, double}; T: {int32, int64}",
    .doc = "Normally distributed numbers of mean 0 and standard deviation 1.",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_shape,
    .gradient = tw_not_differentiable,
    .compute = compute_normal,
};

const tw_op_definition tw_op_TruncatedNormal = {
    .signature = "shape: T -> output: dtype; seed: int = 0; seed2: int = 0; "
                 "dtype: {half, bfloat16, float, double}; T: {int32, int64}",
    .doc = "Normally distributed numbers; those of 2 and more, or -2 and less, are drawn again.",
    .builder = "raw_truncated_normal",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_shape,
    .gradient = tw_not_differentiable,
    .compute = compute_truncated,
};

/* ---- RandomShuffle ---- */

/* Only the words that the permutation needs are used up, in whole blocks. What cannot be
 * shuffled uses none. */
static tw_status *compute_shuffle(tw_compute *c)
{
    const tw_array *value = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    size_t rows = value->rank ? (size_t)value->dims[0] : 1;
    size_t row = rows ? value->count / rows : 0, size = tw_dtype_size(value->dtype);
    if (value->count <= 1 || rows <= 1)
        return tw_elements_copy(value->dtype, out->data, value->data, value->count);
    int64_t *order = tw_alloc_array(rows, sizeof *order);
    if (!order)
        return tw_no_memory();
    tw_philox stream;
    tw_status *status = tw_random_take(c, (rows - 1 + 3) / 4, &stream);
    if (!status) {
        tw_random_words words = tw_random_words_of(stream);
        tw_random_permutation(&words, order, rows);
    }
    for (size_t i = 0; i < rows && !status; i++)
        status = tw_elements_copy(value->dtype, (char *)out->data + i * row * size,
                                  (const char *)value->data + (size_t)order[i] * row * size, row);
    tw_free(order);
    return status;
}

/* The elements go where they came from; the way is drawn anew, so there is no derivative. */
const tw_op_definition tw_op_RandomShuffle = {
    .signature = "value: T -> output: T; seed: int = 0; seed2: int = 0; T: type",
    .doc = "`value` with its rows (along the first dimension) in random order.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_same,
    .gradient = tw_not_differentiable,
    .compute = compute_shuffle,
};

/* ---- Multinomial ---- */

/* (rows, classes) logits give (rows, samples) classes. */
static void infer_multinomial(tw_infer *in)
{
    tw_shape logits = tw_infer_matrix(in, 0);
    int64_t *dims = tw_infer_dims(in, 2);
    tw_infer_scalar(in, 1);
    dims[0] = tw_infer_dim(logits, 0);
    if (tw_infer_int_value(in, 1, &dims[1]) && dims[1] < 0)
        tw_infer_fail(in, "num_samples should be nonnegative, got %" PRId64, dims[1]);
    tw_infer_output(in, 0, (tw_shape){dims, 2});
}

/* On one thread: a row begins where the one before it ended in the stream. */
static tw_status *compute_multinomial(tw_compute *c)
{
    const tw_array *logits = tw_input(c, 0);
    tw_array *out = tw_output(c, 0);
    size_t rows = (size_t)logits->dims[0], classes = (size_t)logits->dims[1];
    size_t samples = (size_t)out->dims[1], reserved;
    tw_philox stream;
    if (out->count == 0)
        return TW_OK;
    if (classes == 0)
        return tw_compute_fail(c, "num_classes should be positive, got 0");
    reserved = rows * ((samples + 3) / 4 * 4) * 2; /* two words make a double */
    TW_TRY(tw_random_take(c, (uint64_t)reserved * BLOCKS_FOR_EACH, &stream));
    tw_random_multinomial(stream, logits->dtype, logits->data, rows, classes, samples, out->dtype,
                          out->data, c->workspace);
    return TW_OK;
}

/* The running sums of one row. */
static size_t multinomial_workspace(const tw_compute *c)
{
    return (size_t)tw_input(c, 0)->dims[1] * sizeof(double);
}

const tw_op_definition tw_op_Multinomial = {
    .signature = "logits: T, num_samples: int32 -> output: output_dtype; seed: int = 0; "
                 "seed2: int = 0; T: realnumbertype; output_dtype: {int32, int64} = int64",
    .doc = "For each row of `logits`, `num_samples` classes with probabilities proportional to "
           "exp(logits).",
    .since = "output_dtype: 1.5",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 2,
    .infer = infer_multinomial,
    .gradient = tw_not_differentiable,
    .compute = compute_multinomial,
    .workspace = multinomial_workspace,
};

/* ---- stateless ---- */

/* Two seeds become a key and a counter by way of one block, so that near seeds give unlike
 * streams. */
static tw_philox stateless_stream(const tw_array *seed)
{
    uint64_t low = (uint64_t)tw_index_at(seed, 0), high = (uint64_t)tw_index_at(seed, 1);
    tw_philox mixer = {
        .counter = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)},
        .key = {0x3ec8f720, 0x02461e29}};
    uint32_t mixed[4];
    tw_philox_next(&mixer, mixed);
    return (tw_philox){.counter = {0, 0, mixed[2], mixed[3]}, .key = {mixed[0], mixed[1]}};
}

/* No generator: the same seeds give the same numbers at every run. */
static tw_status *fill_stateless(tw_compute *c, tw_distribution kind)
{
    tw_array *out = tw_output(c, 0);
    tw_random_fill(stateless_stream(tw_input(c, 1)), kind, out->dtype, out->data, out->count,
                   c->threads);
    return TW_OK;
}

/* Numbers in [0, 1): one itself never comes, so that log(1 - u) is safe. */
static tw_status *compute_stateless_uniform(tw_compute *c)
{
    return fill_stateless(c, TW_DISTRIBUTION_UNIFORM);
}

/* The seed is an input, so equal seeds give equal numbers in every run. */
static tw_status *compute_stateless_normal(tw_compute *c)
{
    return fill_stateless(c, TW_DISTRIBUTION_NORMAL);
}

/* The same numbers for the same seed in every run, without those beyond two standard deviations. */
static tw_status *compute_stateless_truncated(tw_compute *c)
{
    return fill_stateless(c, TW_DISTRIBUTION_TRUNCATED);
}

/* The range is checked before the first number is drawn: maxval must be above minval. */
static tw_status *compute_stateless_ints(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    int64_t low = 0;
    uint64_t range = 0;
    TW_TRY(int_range(c, 2, &low, &range));
    tw_random_fill_ints(stateless_stream(tw_input(c, 1)), out->dtype, low, range, out->data,
                        out->count, c->threads);
    return TW_OK;
}

const tw_op_definition tw_op_StatelessRandomUniform = {
    .signature = "shape: T, seed: Tseed -> output: dtype; dtype: {half, bfloat16, float, double} = "
                 "float; T: {int32, int64} = int32; Tseed: {int32, int64} = int64",
    .doc = "Numbers in [0, 1) that depend on the two numbers of `seed` alone.",
    .examples = {"stateless_random_uniform([2], [42, 7]) -> [0.61238885, 0.9290638]"},
    .since = "1.4",
    .shape_inputs = 1,
    .infer = infer_stateless,
    .gradient = tw_not_differentiable,
    .compute = compute_stateless_uniform,
};

const tw_op_definition tw_op_StatelessRandomNormal = {
    .signature = "shape: T, seed: Tseed -> output: dtype; dtype: {half, bfloat16, float, double} = "
                 "float; T: {int32, int64} = int32; Tseed: {int32, int64} = int64",
    .doc = "Normally distributed numbers that depend on the two numbers of `seed` alone.",
    .examples = {"stateless_random_normal([2], [42, 7]) -> [-0.4269305, 0.8935916]"},
    .since = "1.4",
    .shape_inputs = 1,
    .infer = infer_stateless,
    .gradient = tw_not_differentiable,
    .compute = compute_stateless_normal,
};

const tw_op_definition tw_op_StatelessTruncatedNormal = {
    .signature = "shape: T, seed: Tseed -> output: dtype; dtype: {half, bfloat16, float, double} = "
                 "float; T: {int32, int64} = int32; Tseed: {int32, int64} = int64",
    .doc = "Truncated normal numbers that depend on the two numbers of `seed` alone.",
    .examples = {"stateless_truncated_normal([2], [42, 7]) -> [-0.4269305, 0.8935916]"},
    .since = "1.4",
    .shape_inputs = 1,
    .infer = infer_stateless,
    .gradient = tw_not_differentiable,
    .compute = compute_stateless_truncated,
};

const tw_op_definition tw_op_StatelessRandomUniformInt = {
    .signature = "shape: T, seed: Tseed, minval: dtype, maxval: dtype -> output: dtype; "
                 "dtype: {int32, int64}; T: {int32, int64}; Tseed: {int32, int64} = int64",
    .doc = "Integers in `minval` .. `maxval` - 1 that depend on the two numbers of `seed` alone.",
    .examples = {"stateless_random_uniform_int([3], [42, 7], 0, 100) -> [10, 80, 4]"},
    .since = "1.12",
    .shape_inputs = 1,
    .infer = infer_stateless,
    .gradient = tw_not_differentiable,
    .compute = compute_stateless_ints,
};
