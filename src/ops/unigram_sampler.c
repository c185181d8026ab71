/* SPDX-License-Identifier: Apache-2.0
 * Samplers of classes by counts: FixedUnigramCandidateSampler, whose weights are given and drawn
 * from by the alias method (Walker 1977), and LearnedUnigramCandidateSampler, which counts the true
 * classes that it sees. ThreadUnsafeUnigramCandidateSampler is the latter by another name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/vec.h"
#include "ops/candidate_sampler.h"

enum { MAX_FILE = 1 << 30 }; /* bytes of a vocabulary */

/* ---- the weights of a fixed sampler ---- */

/* A cell is drawn with equal chance; it gives its own class with `share`, else the `other` one. */
typedef struct cell {
    float share;
    int64_t other;
} cell;

/* What the attributes say, read once for each session: the weights, and the cells made of
 * them. */
typedef struct fixed {
    float *weights;
    cell *cells;
    size_t count;
    float total;
} fixed;

/* The destructor of the session's object. */
static void free_fixed(void *object)
{
    fixed *f = object;
    tw_free(f->weights);
    tw_free(f->cells);
    tw_free(f);
}

/* Each cell that is too small is filled up by one that is too large. */
static tw_status *make_cells(fixed *f)
{
    size_t n = f->count, low = 0, high = n;
    double *parts = tw_alloc_array(n, sizeof *parts), sum = 0;
    size_t *order = tw_alloc_array(n, sizeof *order); /* small ones from below, large from above */
    f->cells = tw_alloc_array(n, sizeof *f->cells);
    bool good = parts && order && f->cells;
    for (size_t i = 0; good && i < n; i++)
        sum += (double)f->weights[i];
    for (size_t i = 0; good && i < n; i++) {
        parts[i] = (double)f->weights[i] * (double)n / sum;
        f->cells[i].other = (int64_t)i;
        order[parts[i] < 1 ? low++ : --high] = i;
    }
    /* The large ones in order of their number, the last on top, as the small ones are. */
    for (size_t i = high, k = n; good && i + 1 < k; i++) {
        size_t kept = order[i];
        order[i] = order[--k];
        order[k] = kept;
    }
    for (size_t top = n; good && low > 0 && top > high;) {
        size_t small = order[--low], large = order[--top];
        f->cells[small].other = (int64_t)large;
        parts[large] -= 1 - parts[small];
        order[parts[large] < 1 ? low++ : top++] = large;
    }
    for (size_t i = 0; good && i < n; i++)
        f->cells[i].share = f->cells[i].other == (int64_t)i ? 1 : (float)parts[i];
    tw_free(parts);
    tw_free(order);
    return good ? TW_OK : tw_no_memory();
}

typedef TW_VEC(float) weights;

/* Every `num_shards`th class belongs to this sampler. */
static tw_status *push_of_shard(tw_compute *c, weights *w, size_t class, float count)
{
    int64_t shards = tw_compute_int(c, "num_shards"), shard = tw_compute_int(c, "shard");
    if ((int64_t) class % shards != shard)
        return TW_OK;
    float weight = powf(count, (float)tw_compute_float(c, "distortion"));
    return tw_vec_push(w, weight) ? TW_OK : tw_no_memory();
}

/* The number behind the last comma of each line. */
static tw_status *read_vocabulary(tw_compute *c, weights *w, size_t class)
{
    const char *path = tw_compute_string(c, "vocab_file");
    char *text;
    size_t size;
    TW_TRY(tw_os_read_file(path, MAX_FILE, &text, &size));
    tw_status *status = TW_OK;
    for (char *line = text, *end; !status && line < text + size; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end)
            end = text + size;
        char number[64];
        char *comma = end;
        while (comma > line && comma[-1] != ',')
            comma--;
        snprintf(number, sizeof number, "%.*s", (int)(end - comma), comma);
        char *rest;
        float count = strtof(number, &rest);
        if (rest == number)
            status = tw_compute_fail(c, "%s: a line without a count", path);
        else
            status = push_of_shard(c, w, class ++, count);
    }
    tw_free(text);
    return status;
}

/* Classes that are reserved have no weight; the others follow from the attributes. */
static tw_status *read_weights(tw_compute *c, weights *w)
{
    const tw_attr *unigrams = tw_compute_attr(c, "unigrams");
    int64_t reserved = tw_compute_int(c, "num_reserved_ids");
    for (int64_t i = 0; i < reserved; i++)
        if (!tw_vec_push(w, 0))
            return tw_no_memory();
    if (*tw_compute_string(c, "vocab_file"))
        return read_vocabulary(c, w, (size_t)reserved);
    const float *counts = unigrams->value.items;
    for (size_t i = 0; i < unigrams->count; i++)
        TW_TRY(push_of_shard(c, w, (size_t)reserved + i, counts[i]));
    return TW_OK;
}

/* One weight for each class, and something to draw. */
static tw_status *check_weights(tw_compute *c, fixed *f)
{
    int64_t range = tw_compute_int(c, "range_max");
    for (size_t i = 0; i < f->count; i++) {
        if (!(f->weights[i] >= 0) || isinf(f->weights[i]))
            return tw_compute_fail(c, "the weight of class %zu is %g", i, (double)f->weights[i]);
        f->total += f->weights[i];
    }
    if ((int64_t)f->count != range)
        return tw_compute_fail(c, "range_max is %" PRId64 ", but there are weights for %zu classes",
                               range, f->count);
    return f->total > 0 ? TW_OK : tw_compute_fail(c, "no class has a weight above 0");
}

/* When the node first runs in a session; the attributes never change. */
static tw_status *make_fixed(tw_compute *c, void **out)
{
    fixed *f = TW_NEW(fixed);
    weights w = {NULL, 0, 0};
    if (!f)
        return tw_no_memory();
    tw_status *status = read_weights(c, &w);
    f->weights = w.items;
    f->count = w.count;
    if (!status)
        status = check_weights(c, f);
    if (!status)
        status = make_cells(f);
    if (status)
        free_fixed(f);
    else
        *out = f;
    return status;
}

static const tw_state_class fixed_class = {
    .size = sizeof(tw_state_class), .name = "unigrams", .make = make_fixed, .free = free_fixed};

/* ---- the fixed sampler ---- */

/* Share first, then cell: the order of the words is TensorFlow's. */
static int64_t draw_fixed(const tw_sampler *s, tw_random_words *words)
{
    const fixed *f = s->data;
    float share = tw_random_float(words);
    size_t at = (size_t)tw_random_below(words, f->count, false);
    return share < f->cells[at].share ? (int64_t)at : f->cells[at].other;
}

/* Labels of classes that the sampler does not know are expected never. */
static float fixed_probability(const tw_sampler *s, int64_t class)
{
    const fixed *f = s->data;
    return class < 0 || class >= s->range ? 0 : f->weights[class] / f->total;
}

/* A key of its own beside the generator's. */
static tw_status *state_of(tw_compute *c, const tw_state_class *type, void **out)
{
    char key[256];
    snprintf(key, sizeof key, "%s/%s", tw_compute_name(c), type->name);
    return tw_compute_resource(c, type, key, out);
}

/* The weights are read once for each session. */
static tw_status *compute_fixed(tw_compute *c)
{
    void *object;
    TW_TRY(state_of(c, &fixed_class, &object));
    tw_sampler sampler = {tw_compute_int(c, "range_max"), draw_fixed, fixed_probability, object};
    return tw_sample_candidates(c, &sampler);
}

/* ---- counts that are learned ---- */

/* counts[i]: of classes i - (i & -i) .. i - 1, a Fenwick tree (1994). */
typedef struct learned {
    tw_mutex lock;
    size_t range;
    int32_t total;
    int32_t *counts;
} learned;

/* Every node of the tree that covers the class. */
static void add_one(learned *l, size_t class)
{
    for (size_t i = class + 1; i <= l->range; i += i & (~i + 1))
        l->counts[i]++;
    l->total++;
}

/* Of the classes below `end`. */
static int32_t count_before(const learned *l, size_t end)
{
    int32_t sum = 0;
    for (size_t i = end; i > 0; i -= i & (~i + 1))
        sum += l->counts[i];
    return sum;
}

/* The destructor of the session's object; no run holds the lock any more. */
static void free_learned(void *object)
{
    learned *l = object;
    tw_mutex_free(&l->lock);
    tw_free(l->counts);
    tw_free(l);
}

/* Every class begins with one. */
static tw_status *make_learned(tw_compute *c, void **out)
{
    int64_t range = tw_compute_int(c, "range_max");
    if (range >= INT32_MAX)
        return tw_compute_fail(c, "range_max %" PRId64 " is too large", range);
    learned *l = TW_NEW(learned);
    if (!l)
        return tw_no_memory();
    tw_mutex_init(&l->lock);
    l->range = (size_t)range;
    l->counts = tw_alloc_zero(l->range + 1, sizeof *l->counts);
    if (!l->counts) {
        free_learned(l);
        return tw_no_memory();
    }
    for (size_t i = 1; i <= l->range; i++)
        l->counts[i] = (int32_t)(i & (~i + 1));
    l->total = (int32_t)range;
    *out = l;
    return TW_OK;
}

/* The tree as it is; its sum is the total. */
static size_t save_learned(const void *object, void *out)
{
    learned *l = (learned *)object;
    size_t size = (l->range + 1) * sizeof *l->counts;
    if (out) {
        tw_mutex_lock(&l->lock);
        memcpy(out, l->counts, size);
        tw_mutex_unlock(&l->lock);
    }
    return size;
}

/* The bytes may come from a file, so their number is checked. */
static tw_status *load_learned(void *object, const void *bytes, size_t size)
{
    learned *l = object;
    if (size != (l->range + 1) * sizeof *l->counts)
        return tw_status_new(TW_DATA_LOSS, "counts of %zu bytes do not belong to %zu classes", size,
                             l->range);
    memcpy(l->counts, bytes, size);
    l->total = count_before(l, l->range);
    return TW_OK;
}

static const tw_state_class learned_class = {.size = sizeof(tw_state_class),
                                             .name = "learned unigrams",
                                             .make = make_learned,
                                             .free = free_learned,
                                             .save = save_learned,
                                             .load = load_learned};

/* The class in whose part of all counts a number falls: down the tree. */
static int64_t draw_learned(const tw_sampler *s, tw_random_words *words)
{
    const learned *l = s->data;
    int32_t left = (int32_t)tw_random_below(words, (uint64_t)l->total, false);
    size_t at = 0, step = 1;
    while (step * 2 <= l->range)
        step *= 2;
    for (; step > 0; step /= 2)
        if (at + step <= l->range && l->counts[at + step] <= left) {
            at += step;
            left -= l->counts[at];
        }
    return (int64_t)at;
}

/* Classes out of range, which labels may hold, are never drawn. */
static float learned_probability(const tw_sampler *s, int64_t class)
{
    const learned *l = s->data;
    if (class < 0 || class >= s->range)
        return 0;
    int32_t count = count_before(l, (size_t) class + 1) - count_before(l, (size_t) class);
    return (float)count / (float)l->total;
}

/* The true classes count for the draws to come. */
static tw_status *compute_learned(tw_compute *c)
{
    void *object;
    TW_TRY(state_of(c, &learned_class, &object));
    learned *l = object;
    const tw_array *classes = tw_input(c, 0);
    const int64_t *class = classes->data;
    tw_sampler sampler = {(int64_t)l->range, draw_learned, learned_probability, l};
    tw_mutex_lock(&l->lock);
    tw_status *status = tw_sample_candidates(c, &sampler);
    for (size_t i = 0; !status && i < classes->count && l->total < INT32_MAX; i++)
        if (class[i] >= 0 && class[i] < sampler.range)
            add_one(l, (size_t) class[i]);
    tw_mutex_unlock(&l->lock);
    return status;
}

const tw_op_definition tw_op_FixedUnigramCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS
    "range_max: int >= 1; vocab_file: string = \"\"; distortion: float = 1; "
    "num_reserved_ids: int = 0; num_shards: int >= 1 = 1; shard: int >= 0 = 0; "
    "unigrams: list(float) = []; " TW_SAMPLER_SEEDS,
    .doc = "Draws `num_sampled` classes by the weights `unigrams`, or those at the ends of the "
           "lines of `vocab_file`, raised to the power `distortion`; `num_reserved_ids` classes "
           "before them have none. Outputs as of UniformCandidateSampler.",
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_fixed,
};

#define LEARNED_DOC                                                                \
    "Draws `num_sampled` classes as often as they were true ones so far. Outputs " \
    "as of UniformCandidateSampler."

const tw_op_definition tw_op_LearnedUnigramCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS "range_max: int >= 1; " TW_SAMPLER_SEEDS,
    .doc = LEARNED_DOC,
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_learned,
};

const tw_op_definition tw_op_ThreadUnsafeUnigramCandidateSampler = {
    .signature = TW_SAMPLER_INPUTS "range_max: int >= 1; " TW_SAMPLER_SEEDS,
    .doc = LEARNED_DOC,
    .flags = TW_OP_STATEFUL,
    .infer = tw_infer_sampler,
    .gradient = tw_not_differentiable,
    .compute = compute_learned,
};
