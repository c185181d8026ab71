/* SPDX-License-Identifier: Apache-2.0
 * Random numbers that are proposed until one is accepted: RandomGamma (Marsaglia, Tsang 2000),
 * RandomPoisson and its V2 (Knuth; Hörmann 1993), ParameterizedTruncatedNormal (Robert 1995).
 *
 * Seeded ones are TensorFlow's: every number of the first two begins at a place of the stream that
 * follows from its index, 256 blocks apart, and takes the numbers of a block from the last to the
 * first; those of the last op go on from one to the next. */
#include <math.h>

#include "kernels/distributions.h"
#include "ops/arrays.h"
#include "ops/random.h"

enum { BLOCKS_FOR_EACH = 256, MOST_TRIES = 1000, BATCH = 100, GROUP = 4 };

double tw_special_lgamma(double x);

/* Numbers of one kind out of a stream which others take from too. */
typedef struct source {
    tw_distribution kind;
    size_t left;
    double numbers[2];
} source;

/* The next one; a block makes two. */
static double draw(tw_philox *stream, source *s)
{
    if (!s->left) {
        s->left = 2;
        tw_random_fill(*stream, s->kind, TW_FLOAT64, s->numbers, s->left, 1);
        tw_philox_skip(stream, 1);
    }
    return s->numbers[--s->left];
}

/* ---- shapes ---- */

/* So many numbers for each parameter: the shape that input 0 says, and input 1's own behind it. */
static void infer_each(tw_infer *in)
{
    tw_infer_vector(in, 0);
    tw_infer_output(in, 0, tw_infer_concat(in, tw_infer_size_value(in, 0), tw_infer_input(in, 1)));
}

/* Calls for each number of each parameter, at its own place of the stream. */
static tw_status *fill_each(tw_compute *c, double (*one)(double parameter, tw_philox stream))
{
    const tw_array *parameters = tw_input(c, 1);
    tw_array *out = tw_output(c, 0);
    size_t kinds = parameters->count, each = kinds ? out->count / kinds : 0;
    tw_philox stream;
    if (!out->count)
        return TW_OK;
    TW_TRY(tw_random_take(c, (uint64_t)out->count * BLOCKS_FOR_EACH, &stream));
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < each; i++) {
            tw_philox own = stream;
            tw_philox_skip(&own, (k * each + i) * BLOCKS_FOR_EACH);
            tw_number_put(out, i * kinds + k, one(tw_number_at(parameters, k), own));
        }
    }
    return TW_OK;
}

/* ---- RandomGamma ---- */

/* Below 1 a number for alpha + 1 is made smaller by a power of a uniform one; 1 is the exponential
 * distribution. */
static double gamma_of(double alpha, tw_philox stream)
{
    source uniform = {.kind = TW_DISTRIBUTION_UNIFORM}, normal = {.kind = TW_DISTRIBUTION_NORMAL};
    if (alpha == 1)
        return -log1p(-draw(&stream, &uniform));
    if (!(alpha > 0))
        return NAN;
    bool less = alpha < 1;
    double d = alpha + (less ? 2.0 / 3 : -1.0 / 3), c = 1 / 3.0 / sqrt(d);
    for (;;) {
        double x = draw(&stream, &normal), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = draw(&stream, &uniform);
        if (!(u < 1 - 0.0331 * (x * x) * (x * x)) &&
            !(log(u) < 0.5 * x * x + d * (1 - v + log(v))) && isfinite(d))
            continue;
        return d * v * (less ? pow(draw(&stream, &uniform), 1 / alpha) : 1);
    }
}

static tw_status *compute_gamma(tw_compute *c)
{
    return fill_each(c, gamma_of);
}

/* Each number's share, summed over the numbers of one parameter. */
static tw_status *gradient_of_gamma(tw_gradient *g)
{
    tw_tensor alpha = g->inputs[1], y = g->outputs[0], dy = tw_gradient_dy(g, 0);
    tw_tensor share = tw_random_gamma_grad(alpha, y), axes = tw_range(0, tw_size(g->inputs[0]), 1);
    g->dx[1] = tw_grad_of(tw_sum(tw_mul(dy, share), axes));
    return TW_OK;
}

const tw_op_definition tw_op_RandomGamma = {
    .signature = "shape: S, alpha: T -> output: T; seed: int = 0; seed2: int = 0; "
                 "S: {int32, int64}; T: {half, float, double}",
    .doc = "Numbers of the gamma distribution: for each `alpha` so many as `shape` says, which "
           "comes first in the result's shape.",
    .builder = "raw_random_gamma",
    .since = "RandomGamma: 0.9",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_each,
    .gradient = gradient_of_gamma,
    .compute = compute_gamma,
};

/* ---- RandomPoisson ---- */

/* Small rates: uniform numbers are multiplied until the product is small. Large ones: a number out
 * of a curve that is above the distribution, taken as often as the two agree there. */
static double poisson_of(double rate, tw_philox stream)
{
    source uniform = {.kind = TW_DISTRIBUTION_UNIFORM};
    if (!(rate >= 0) || isinf(rate))
        return NAN;
    if (rate < 10) {
        double product = 1, least = exp(-rate), x = 0;
        while ((product *= draw(&stream, &uniform)) > least)
            x++;
        return x;
    }
    double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    double inverse = 1.1239 + 1.1328 / (b - 3.4);
    for (;;) {
        double u = draw(&stream, &uniform) - 0.5, v = draw(&stream, &uniform);
        double inside = 0.5 - fabs(u), k = floor((2 * a / inside + b) * u + rate + 0.43);
        if (inside >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2))
            return k;
        if (k < 0 || (inside < 0.013 && v > inside))
            continue;
        if (log(v * inverse / (a / (inside * inside) + b)) <=
            -rate + k * log(rate) - tw_special_lgamma(k + 1))
            return k;
    }
}

/* A whole number that the result cannot hold, or none at all, is 0. */
static double whole_poisson_of(double rate, tw_philox stream)
{
    double k = rate <= 0x1p30 ? poisson_of(rate, stream) : NAN;
    return k == k ? k : 0;
}

static tw_status *compute_poisson(tw_compute *c)
{
    bool whole = tw_dtype_is_integer(tw_output(c, 0)->dtype);
    return fill_each(c, whole ? whole_poisson_of : poisson_of);
}

#define POISSON                                                      \
    .flags = TW_OP_STATEFUL, .shape_inputs = 1, .infer = infer_each, \
    .gradient = tw_gradient_undefined, .compute = compute_poisson

const tw_op_definition tw_op_RandomPoisson = {
    .signature = "shape: S, rate: dtype -> output: dtype; seed: int = 0; seed2: int = 0; "
                 "S: {int32, int64}; dtype: {half, float, double}",
    .doc = "RandomPoissonV2 in its older form, whose result has the dtype of the rates.",
    .builder = "raw_random_poisson",
    .since = "RandomPoisson: 1.1",
    POISSON,
};

const tw_op_definition tw_op_RandomPoissonV2 = {
    .signature = "shape: S, rate: R -> output: dtype; seed: int = 0; seed2: int = 0; "
                 "S: {int32, int64}; R: {half, float, double, int32, int64} = double; "
                 "dtype: {half, float, double, int32, int64} = int64",
    .doc = "Numbers of the Poisson distribution: for each `rate` so many as `shape` says, which "
           "comes first in the result's shape.",
    .builder = "raw_random_poisson_v2",
    .since = "RandomPoissonV2: 1.4",
    POISSON,
};

/* ---- ParameterizedTruncatedNormal ---- */

/* Parameters are one for all or one for each row of the result. */
static void infer_truncated(tw_infer *in)
{
    tw_infer_vector(in, 0);
    for (size_t i = 1; i < tw_infer_input_count(in); i++) {
        tw_shape one = tw_infer_input(in, i);
        if (one.dims && one.rank > 1)
            tw_infer_fail(in, "Shape must be at most rank 1 but is rank %zu", one.rank);
    }
    tw_infer_output(in, 0, tw_infer_size_value(in, 0));
}

/* Numbers first .. end - 1 of the result, between the bounds low and high of a normal distribution,
 * counted from the mean in deviations. */
typedef struct range {
    size_t first, end;
    double mean, deviation, low, high;
    int tries; /* in vain, one after the other; at last any number is taken, as in TensorFlow */
} range;

/* A number is taken, or was tried in vain. False: that was the last. */
static bool offer(range *r, tw_array *out, double z, bool good)
{
    if (!good && ++r->tries < MOST_TRIES)
        return true;
    r->tries = 0;
    tw_number_put(out, r->first++, z * r->deviation + r->mean);
    return r->first < r->end;
}

/* The next group of numbers as the dtype's own generator makes them. */
static size_t group(tw_philox *stream, tw_distribution kind, tw_dtype dtype, double *numbers)
{
    double room[GROUP];
    tw_array made = {.dtype = dtype, .data = room};
    size_t count = dtype == TW_FLOAT64 ? 2 : GROUP;
    tw_random_fill(*stream, kind, dtype, room, count, 1);
    tw_philox_skip(stream, 1);
    for (size_t i = 0; i < count; i++)
        numbers[i] = tw_number_at(&made, i);
    return count;
}

/* Both bounds far out on their sides: normal numbers. A narrow range: uniform ones, by the height
 * of the curve. Else exponential ones beyond the lower bound. */
static void fill_range(tw_philox *stream, range *r, tw_array *out)
{
    double low = r->low, high = r->high, root = sqrt(low * low + 4), x[GROUP], u[GROUP];
    double cutoff = 2 * exp(0.5 + low * (low - root) / 4) / (low + root), alpha = (low + root) / 2;
    bool wide = (low < -1.3 && high >= 0) || (high > 1.3 && low <= 0), more = r->first < r->end;
    bool narrow = !wide && high - low < cutoff;
    while (more) {
        size_t n = group(stream, wide ? TW_DISTRIBUTION_NORMAL : TW_DISTRIBUTION_UNIFORM,
                         out->dtype, x);
        if (narrow)
            group(stream, TW_DISTRIBUTION_UNIFORM, out->dtype, u);
        for (size_t i = 0; i < n && more; i++) {
            double z = x[i], height;
            if (wide) {
                more = offer(r, out, z, z >= low && z <= high);
            } else if (narrow) {
                z = z * (high - low) + low;
                height = exp(((low < 0 ? 0 : low * low) - z * z) / 2);
                more = offer(r, out, z, u[i] <= height);
            } else {
                z = -log(z) / alpha + low;
                height = low < alpha ? alpha - z : low - alpha;
                i++; /* the next one decides */
                more = offer(r, out, z, x[i] <= exp(-height * height / 2) && z < high);
            }
        }
    }
}

/* The parameters of a row. What is on one side only is turned so that the bound is below. */
static tw_status *read_range(const tw_compute *c, size_t row, range *r)
{
    double p[4];
    for (size_t i = 0; i < 4; i++) {
        const tw_array *x = tw_input(c, i + 1);
        p[i] = tw_number_at(x, x->count == 1 ? 0 : row);
    }
    if (!(p[1] > 0 && p[2] < p[3] && (isfinite(p[2]) || isfinite(p[3]))) || !isfinite(p[0]))
        return tw_compute_fail(c, "Invalid parameters");
    bool turn = p[2] == -INFINITY || p[3] < p[0];
    r->mean = p[0];
    r->deviation = turn ? -p[1] : p[1];
    r->low = (p[turn ? 3 : 2] - p[0]) / r->deviation;
    r->high = (p[turn ? 2 : 3] - p[0]) / r->deviation;
    return TW_OK;
}

/* Each row begins with a group of its own; where all parameters are scalars rows are 100 numbers
 * long, whatever the shape. */
static tw_status *compute_truncated(tw_compute *c)
{
    tw_array *out = tw_output(c, 0);
    size_t rows = out->rank ? (size_t)out->dims[0] : 1, each = rows ? out->count / rows : 0;
    bool same = true;
    tw_philox stream;
    for (size_t i = 1; i < 5; i++) {
        size_t count = tw_input(c, i)->count;
        if (count != 1 && count != rows)
            return tw_compute_fail(c, "Input %zu should have length 1 or shape[0] (%zu), not %zu",
                                   i, rows, count);
        same = same && tw_input(c, i)->rank == 0;
    }
    if (!out->count)
        return TW_OK;
    if (same) {
        each = BATCH;
        rows = (out->count + BATCH - 1) / BATCH;
    }
    uint64_t blocks = (uint64_t)2 * MOST_TRIES * (each + 3);
    TW_TRY(tw_random_take(c, rows * blocks / 4, &stream));
    for (size_t row = 0; row < rows; row++) {
        range r = {.first = row * each, .end = (row + 1) * each};
        r.end = r.end < out->count ? r.end : out->count;
        TW_TRY(read_range(c, same ? 0 : row, &r));
        fill_range(&stream, &r, out);
    }
    return TW_OK;
}

const tw_op_definition tw_op_ParameterizedTruncatedNormal = {
    .signature = "shape: T, means: dtype, stdevs: dtype, minvals: dtype, maxvals: dtype -> "
                 "output: dtype; seed: int = 0; seed2: int = 0; "
                 "dtype: {half, bfloat16, float, double}; T: {int32, int64}",
    .doc =
        "Normal numbers between two bounds; mean, deviation and bounds are one for all or one for "
        "each row of the result.",
    .builder = "raw_parameterized_truncated_normal",
    .since = "ParameterizedTruncatedNormal: 0.8",
    .flags = TW_OP_STATEFUL,
    .shape_inputs = 1,
    .infer = infer_truncated,
    .gradient = tw_gradient_undefined,
    .compute = compute_truncated,
};
