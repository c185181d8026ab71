/* SPDX-License-Identifier: Apache-2.0
 * CTCLoss (Graves et al., ICML 2006): minus the logarithm of the probability of a sequence of
 * labels, summed over all ways to spread it over time with blanks between, and its derivative.
 *
 * States are the labels with a blank before, between and behind them. All probabilities are kept as
 * logarithms in double; -inf is an impossible one. The last class is the blank. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"

/* One sequence of a batch. */
typedef struct sequence {
    size_t batch, time, classes;
    size_t count;          /* states: 2 labels + 1 */
    int32_t *labels;       /* of the states; blanks are classes - 1 */
    double *log_y, *a, *b; /* (time, classes); (time, count) each */
    bool merge;            /* equal labels in a row are one */
} sequence;

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    double high = fmax(a, b), low = fmin(a, b);
    return high == -INFINITY ? high : high + log1p(exp(low - high));
}

/* What state u gives at a time. */
static double log_y(const sequence *s, size_t t, size_t u)
{
    return s->log_y[t * s->classes + (size_t)s->labels[u]];
}

/* What a state may go on with besides the next one: itself, and the label after a blank. */
static bool may_stay(const sequence *s, size_t u)
{
    return s->merge || u % 2 == 0;
}
static bool may_skip_to(const sequence *s, size_t u)
{
    return u % 2 && u > 1 && !(s->merge && s->labels[u] == s->labels[u - 2]);
}

/* The logarithms of a softmax of the inputs, which are (time, batch, classes). */
static void read_inputs(const tw_array *x, sequence *s)
{
    for (size_t t = 0; t < s->time; t++) {
        size_t from = (t * (size_t)x->dims[1] + s->batch) * s->classes;
        double *y = s->log_y + t * s->classes, most = -INFINITY, sum = 0;
        /* The largest is taken away first, so that no exponential overflows. */
        for (size_t k = 0; k < s->classes; k++)
            most = fmax(most, y[k] = tw_number_at(x, from + k));
        for (size_t k = 0; k < s->classes; k++)
            sum += exp(y[k] - most);
        for (size_t k = 0; k < s->classes; k++)
            y[k] -= most + log(sum);
    }
}

/* a: of all ways to a state up to a time, that time's output included; b: of all ways from there to
 * the end, without it. The logarithm of the whole. */
static double walk(const sequence *s)
{
    size_t n = s->count, last = s->time - 1;
    for (size_t t = 0; t <= last; t++) {
        double *now = s->a + t * n, *before = now - n;
        for (size_t u = 0; u < n; u++) {
            /* A sequence begins with a blank or its first label. */
            double sum = t == 0 && u < 2 ? 0 : -INFINITY;
            if (t && may_stay(s, u))
                sum = before[u];
            if (t && u)
                sum = log_add(sum, before[u - 1]);
            if (t && may_skip_to(s, u))
                sum = log_add(sum, before[u - 2]);
            now[u] = sum + log_y(s, t, u);
        }
    }
    /* The same from the end back; the two tables meet at every time. */
    for (size_t t = last + 1; t-- > 0;) {
        double *now = s->b + t * n, *after = now + n;
        for (size_t u = 0; u < n; u++) {
            double sum = t == last && u + 2 >= n ? 0 : -INFINITY;
            if (t < last && may_stay(s, u))
                sum = after[u] + log_y(s, t + 1, u);
            if (t < last && u + 1 < n)
                sum = log_add(sum, after[u + 1] + log_y(s, t + 1, u + 1));
            if (t < last && u + 2 < n && may_skip_to(s, u + 2))
                sum = log_add(sum, after[u + 2] + log_y(s, t + 1, u + 2));
            now[u] = sum;
        }
    }
    /* A sequence ends in its last label or in the blank behind it. */
    double whole = s->a[last * n + n - 1];
    return n > 1 ? log_add(whole, s->a[last * n + n - 2]) : whole;
}

/* The softmax, less how probable each class is at each time given the labels. */
static void differentiate(const sequence *s, double whole, tw_array *dx)
{
    double *expected = s->a; /* of one time; what it takes the place of was read before */
    for (size_t t = s->time; t-- > 0;) {
        size_t to = (t * (size_t)dx->dims[1] + s->batch) * s->classes;
        for (size_t k = 0; k < s->classes; k++)
            tw_number_put(dx, to + k, exp(s->log_y[t * s->classes + k]));
        for (size_t u = 0; u < s->count && whole > -INFINITY; u++) {
            /* How often this state is met at this time, of all ways to spell the labels. */
            double part = exp(expected[t * s->count + u] + s->b[t * s->count + u] - whole);
            size_t at = to + (size_t)s->labels[u];
            tw_number_put(dx, at, tw_number_at(dx, at) - part);
        }
    }
}

/* The labels [from, to) of one sequence, between blanks. A blank may only fill up the end. */
static tw_status *read_labels(const tw_compute *c, size_t from, size_t to, bool collapse,
                              sequence *s)
{
    const int32_t *values = tw_input_data(c, 2), blank = (int32_t)s->classes - 1;
    s->count = 0;
    s->labels[s->count++] = blank;
    for (size_t i = from; i < to; i++) {
        if (values[i] < 0 || values[i] > blank)
            return tw_compute_fail(c, "label %d of batch %zu is not in 0 .. %d", (int)values[i],
                                   s->batch, (int)blank - 1);
        if (i > from && values[i - 1] == blank && values[i] != blank)
            return tw_compute_fail(c,
                                   "Saw a non-null label (index >= num_classes - 1) following a "
                                   "null label, batch: %zu",
                                   s->batch);
        /* Equal labels that are not collapsed need a blank between, which takes time of its own:
         * where there is none the loss is infinite. */
        if (values[i] == blank || (collapse && i > from && values[i] == values[i - 1]))
            continue;
        s->labels[s->count++] = values[i];
        s->labels[s->count++] = blank;
    }
    return TW_OK;
}

/* Memory for one sequence of at most `labels` labels over all of the time. */
static tw_status *make(sequence *s, size_t time, size_t labels)
{
    size_t table, states = 2 * labels + 1, bytes;
    /* One block: the outputs' logarithms and both tables. */
    if (!tw_size_mul(time, 2 * states + s->classes, &table) ||
        !tw_size_mul(table + 1, sizeof(double), &bytes))
        return tw_no_memory();
    s->log_y = tw_alloc(bytes);
    s->labels = tw_alloc_array(states, sizeof *s->labels);
    s->a = s->log_y ? s->log_y + time * s->classes : NULL;
    s->b = s->a ? s->a + time * states : NULL;
    return s->log_y && s->labels ? TW_OK : tw_no_memory();
}

/* Rows of labels are in order of their batch; those of one end where the next begins. */
static tw_status *solve(tw_compute *c, sequence *s)
{
    const int64_t *rows = tw_input_data(c, 1);
    const int32_t *times = tw_input_data(c, 3);
    /* What is behind the last sequence was out of order, or of no sequence. */
    size_t batches = (size_t)tw_input(c, 0)->dims[1], count = tw_input(c, 2)->count, end = 0;
    bool collapse = tw_compute_bool(c, "preprocess_collapse_repeated");
    bool ignore = tw_compute_bool(c, "ignore_longer_outputs_than_inputs");
    for (s->batch = 0; s->batch < batches; s->batch++) {
        size_t first = end;
        while (end < count && rows[2 * end] == (int64_t)s->batch)
            end++;
        s->time = (size_t)times[s->batch];
        TW_TRY(read_labels(c, first, end, collapse, s));
        size_t labels = s->count / 2;
        /* Its derivative stays 0 as well. */
        if (!s->time || (labels > s->time && ignore))
            continue; /* its loss is 0 */
        if (labels > s->time)
            return tw_compute_fail(c,
                                   "Not enough time for target transition sequence (required: "
                                   "%zu, available: %zu) batch %zu. You can turn this error "
                                   "into a warning by using the flag "
                                   "ignore_longer_outputs_than_inputs",
                                   labels, s->time, s->batch);
        read_inputs(tw_input(c, 0), s);
        double whole = walk(s);
        tw_number_put(tw_output(c, 0), s->batch, -whole);
        differentiate(s, whole, tw_output(c, 1));
    }
    if (end < count)
        return tw_compute_fail(c,
                               "labels_indices must be in order of their batch, 0 .. %zu; row "
                               "%zu is not",
                               batches ? batches - 1 : 0, end);
    return TW_OK;
}

/* Lengths are checked before the first sequence, so that no loss is made of half a batch. */
static tw_status *compute(tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *times = tw_input(c, 3);
    sequence s = {.classes = (size_t)x->dims[2], .merge = tw_compute_bool(c, "ctc_merge_repeated")};
    for (size_t i = 0; i < times->count; i++)
        if (tw_index_at(times, i) < 0 || tw_index_at(times, i) > x->dims[0])
            return tw_compute_fail(c, "sequence_length(%zu) must be in 0 .. %" PRId64, i,
                                   x->dims[0]);
    if (s.classes == 0 || s.classes > INT32_MAX)
        return tw_compute_fail(c, "num_classes must be in 1 .. 2^31 - 1, not %zu", s.classes);
    tw_zero_array(tw_output(c, 0));
    tw_zero_array(tw_output(c, 1));
    tw_status *status = make(&s, (size_t)x->dims[0], tw_input(c, 2)->count);
    status = status ? status : solve(c, &s);
    tw_free(s.log_y);
    tw_free(s.labels);
    return status;
}

/* Losses are as many as sequences; the derivative is as large as what came in. */
static void infer(tw_infer *in)
{
    tw_shape x = tw_infer_rank(in, 0, 3), rows = tw_infer_matrix(in, 1);
    int64_t count = tw_infer_dim(tw_infer_vector(in, 2), 0), pair = tw_infer_dim(rows, 1);
    int64_t batch = tw_infer_dim(tw_infer_vector(in, 3), 0), of_x = tw_infer_dim(x, 1);
    if (!tw_dims_agree(count, tw_infer_dim(rows, 0)) || !tw_dims_agree(pair, 2))
        tw_infer_fail(in, "labels_indices must be a row of 2 for each of %" PRId64 " labels",
                      count);
    if (!tw_dims_agree(batch, of_x))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, of_x,
                      batch);
    batch = batch < 0 ? of_x : batch;
    tw_infer_output(in, 0, TW_SHAPE(batch));
    tw_infer_output(in, 1, TW_SHAPE(tw_infer_dim(x, 0), batch, tw_infer_dim(x, 2)));
}

/* The second output is the derivative already; what flows into it does not count. */
static tw_status *gradient(tw_gradient *g)
{
    tw_tensor derivative = tw_prevent_gradient(
        g->outputs[1], .message = "Currently there is no way to take the second derivative of "
                                  "ctc_loss due to the fused implementation's interaction with "
                                  "tf.gradients()");
    g->dx[0] = tw_grad_of(tw_mul(tw_expand_dims(tw_gradient_dy(g, 0), -1), derivative));
    return TW_OK;
}

const tw_op_definition tw_op_CTCLoss = {
    .signature = "inputs: T, labels_indices: int64, labels_values: int32, sequence_length: int32 "
                 "-> loss: T, gradient: T; preprocess_collapse_repeated: bool = false; "
                 "ctc_merge_repeated: bool = true; "
                 "ignore_longer_outputs_than_inputs: bool = false; T: {float, double} = float",
    .doc = "The loss of sequences of labels, a sparse (batch, labels) matrix, under logits "
           "(time, batch, classes) whose last class is the blank, and its derivative for the "
           "logits.",
    .builder = "ctc_loss",
    .since = "CTCLoss: 0.8; ignore_longer_outputs_than_inputs: 1.1; double: 1.15",
    .examples = {"ctc_loss([[[0., 0.]]], [[0, 0]], [0], [1]) -> [0.69314718], [[[-0.5, 0.5]]]"},
    .infer = infer,
    .gradient = gradient,
    .compute = compute,
};
