/* SPDX-License-Identifier: Apache-2.0
 * CTCGreedyDecoder and CTCBeamSearchDecoder: the most probable labels of sequences of logits (time,
 * batch, classes), whose last class is the blank, as sparse matrices (batch, labels).
 *
 * The beam search follows prefixes of labels, a node of a tree each, through time (Graves, Jaitly,
 * ICML 2014). Of a prefix two probabilities are kept, as logarithms: that it ended in a blank, and
 * that it ended in its last label. */
#include <math.h>
#include <string.h>

#include "ops/arrays.h"

/* ---- what was decoded ---- */

/* Labels of all sequences of a batch, one behind the other; ends[b]: where those of b end. */
typedef struct path {
    int64_t *labels;
    size_t *ends, count, room;
} path;

/* The list doubles, so that labels are copied a bounded number of times. */
static tw_status *add_label(path *p, int64_t label)
{
    if (p->count == p->room) {
        size_t room = 2 * p->room + 64;
        int64_t *labels = tw_alloc_array(room, sizeof *labels);
        if (!labels)
            return tw_no_memory();
        if (p->count)
            memcpy(labels, p->labels, p->count * sizeof *labels);
        tw_free(p->labels);
        p->labels = labels;
        p->room = room;
    }
    p->labels[p->count++] = label;
    return TW_OK;
}

/* The three arrays of path k of `paths`: indices, values, sizes. */
static tw_status *give(tw_compute *c, const path *p, size_t k, size_t paths)
{
    size_t batches = (size_t)tw_input(c, 0)->dims[1], first = 0, longest = 0;
    tw_array *indices, *values;
    TW_TRY(tw_compute_allocate(c, k, TW_SHAPE((int64_t)p->count, 2), &indices));
    TW_TRY(tw_compute_allocate(c, paths + k, TW_SHAPE((int64_t)p->count), &values));
    for (size_t b = 0; b < batches; first = p->ends[b++]) {
        for (size_t i = first; i < p->ends[b]; i++) {
            ((int64_t *)indices->data)[2 * i] = (int64_t)b;
            ((int64_t *)indices->data)[2 * i + 1] = (int64_t)(i - first);
            ((int64_t *)values->data)[i] = p->labels[i];
        }
        longest = p->ends[b] - first > longest ? p->ends[b] - first : longest;
    }
    ((int64_t *)tw_output_data(c, 2 * paths + k))[0] = (int64_t)batches;
    ((int64_t *)tw_output_data(c, 2 * paths + k))[1] = (int64_t)longest;
    return TW_OK;
}

/* Lengths are used as places in memory; a class must be there for the blank. */
static tw_status *check(const tw_compute *c)
{
    const tw_array *x = tw_input(c, 0), *times = tw_input(c, 1);
    for (size_t b = 0; b < times->count; b++)
        if (tw_index_at(times, b) < 0 || tw_index_at(times, b) > x->dims[0])
            return tw_compute_fail(c, "sequence_length(%zu) must be in 0 .. %" PRId64, b,
                                   x->dims[0]);
    if (x->dims[2] == 0 || x->dims[2] > INT32_MAX)
        return tw_compute_fail(c, "num_classes must be in 1 .. 2^31 - 1, not %" PRId64, x->dims[2]);
    return TW_OK;
}

/* Outputs: lists of `paths` indices, values and sizes, then a probability for each. */
static void infer(tw_infer *in, size_t paths)
{
    tw_shape x = tw_infer_rank(in, 0, 3);
    int64_t batch = tw_infer_dim(tw_infer_vector(in, 1), 0), of_x = tw_infer_dim(x, 1);
    if (!tw_dims_agree(batch, of_x))
        tw_infer_fail(in, "Dimensions must be equal, but are %" PRId64 " and %" PRId64, of_x,
                      batch);
    for (size_t k = 0; k < paths; k++) {
        tw_infer_output(in, k, TW_SHAPE(-1, 2));
        tw_infer_output(in, paths + k, TW_SHAPE(-1));
        tw_infer_output(in, 2 * paths + k, TW_SHAPE(2));
    }
    tw_infer_output(in, 3 * paths, TW_SHAPE(batch < 0 ? of_x : batch, (int64_t)paths));
}

/* ---- CTCGreedyDecoder ---- */

/* Its lists are of one. */
static void infer_greedy(tw_infer *in)
{
    infer(in, 1);
}

/* The largest logit at each time, the first of several; minus their sum is what TensorFlow calls
 * the logarithm of the probability. */
static tw_status *decode_greedy(tw_compute *c, path *p)
{
    const tw_array *x = tw_input(c, 0);
    size_t batches = (size_t)x->dims[1], classes = (size_t)x->dims[2];
    bool merge = tw_compute_bool(c, "merge_repeated");
    for (size_t b = 0; b < batches; b++) {
        size_t before = classes - 1;
        double sum = 0;
        for (size_t t = 0; t < (size_t)tw_index_at(tw_input(c, 1), b); t++) {
            size_t at = (t * batches + b) * classes, best = 0;
            for (size_t k = 1; k < classes; k++)
                best = tw_number_at(x, at + k) > tw_number_at(x, at + best) ? k : best;
            sum += tw_number_at(x, at + best);
            if (best != classes - 1 && !(merge && best == before))
                TW_TRY(add_label(p, (int64_t)best));
            before = best;
        }
        tw_number_put(tw_output(c, 3), b, -sum);
        p->ends[b] = p->count;
    }
    return TW_OK;
}

/* Lists grow while they are made; the sequences' ends are as many as the batch. */
static tw_status *compute_greedy(tw_compute *c)
{
    path p = {.ends = tw_alloc_array((size_t)tw_input(c, 0)->dims[1] + 1, sizeof *p.ends)};
    tw_status *status = p.ends ? check(c) : tw_no_memory();
    status = status ? status : decode_greedy(c, &p);
    status = status ? status : give(c, &p, 0, 1);
    tw_free(p.labels);
    tw_free(p.ends);
    return status;
}

const tw_op_definition tw_op_CTCGreedyDecoder = {
    .signature = "inputs: T, sequence_length: int32 -> decoded_indices: int64, decoded_values: "
                 "int64, decoded_shape: int64, log_probability: T; merge_repeated: bool = false; "
                 "T: {float, double} = float",
    .doc =
        "The best class at each time of logits (time, batch, classes), without blanks, which are "
        "the last class, and with `merge_repeated` once where it repeats; a sparse matrix, and "
        "minus the sum of the logits.",
    .builder = "ctc_greedy_decoder",
    .since = "CTCGreedyDecoder: 0.8; double: 1.15",
    .examples = {"ctc_greedy_decoder([[[1., 2.]], [[3., 0.]]], [2]) -> [[0, 0]], [0], [1, 1], "
                 "[[-5.]]"},
    .infer = infer_greedy,
    .gradient = tw_not_differentiable,
    .compute = compute_greedy,
};

/* ---- CTCBeamSearchDecoder ---- */

/* Logarithms; -inf is none. */
typedef struct chance {
    double total, blank, label;
} chance;
static const chance none = {-INFINITY, -INFINITY, -INFINITY};

/* A prefix: its last label, and the prefix without it. `now` is of the time that is looked at;
 * a prefix is in the beam while its total is above none. */
typedef struct node {
    struct node *parent, *child, *sibling, *made; /* made: the one that was made before */
    int32_t label;                                /* -1: the empty prefix */
    chance before, now;
} node;

/* Prefixes in the beam, at most `width` of them. */
typedef struct beam {
    node **nodes, **old, *made;
    size_t count, width, classes;
    double *log_y;
} beam;

/* log(exp(a) + exp(b)); two impossible ones stay impossible. */
static double log_add(double a, double b)
{
    double high = fmax(a, b), low = fmin(a, b);
    return high == -INFINITY ? high : high + log1p(exp(low - high));
}

/* The child of a prefix by a label; NULL: it was not made yet. */
static node *find_child(const node *parent, int32_t label)
{
    node *child = parent->child;
    while (child && child->label != label)
        child = child->sibling;
    return child;
}

/* A new prefix, the child of a parent if it has one; NULL: no memory. */
static node *make_node(beam *m, node *parent, int32_t label)
{
    node *one = TW_NEW(node);
    if (!one)
        return NULL;
    *one = (node){parent, NULL, parent ? parent->child : NULL, m->made, label, none, none};
    m->made = one;
    if (parent)
        parent->child = one;
    return one;
}

/* The place of the least probable prefix. */
static size_t bottom(const beam *m)
{
    size_t at = 0;
    for (size_t i = 1; i < m->count; i++)
        at = m->nodes[i]->now.total < m->nodes[at]->now.total ? i : at;
    return at;
}

/* While the beam has room everything possible is good enough. */
static bool is_candidate(const beam *m, double total)
{
    return total > -INFINITY && (m->count < m->width || total > m->nodes[bottom(m)]->now.total);
}

/* From most to least probable, those that are alike as they came. */
static void sort(beam *m)
{
    for (size_t i = 1; i < m->count; i++) {
        node *one = m->nodes[i];
        size_t k = i;
        for (; k > 0 && m->nodes[k - 1]->now.total < one->now.total; k--)
            m->nodes[k] = m->nodes[k - 1];
        m->nodes[k] = one;
    }
}

/* A prefix stays: by a blank, by its last label again, or because its own prefix, which is in the
 * beam too, goes on by that label. */
static void stay(const beam *m, node *n)
{
    if (n->parent) {
        const chance *p = &n->parent->before;
        if (n->parent->now.total > -INFINITY)
            n->now.label = log_add(n->now.label,
                                   n->label == n->parent->label ? p->blank : p->total);
        n->now.label += m->log_y[n->label];
    }
    n->now.blank = n->before.total + m->log_y[m->classes - 1];
    n->now.total = log_add(n->now.blank, n->now.label);
}

/* A prefix goes on by each label that makes it probable enough; then the least probable one leaves
 * the beam. */
static tw_status *grow(beam *m, node *n)
{
    for (int32_t label = 0; label < (int32_t)m->classes - 1; label++) {
        double chance_of = m->log_y[label] +
                           (label == n->label ? n->before.blank : n->before.total);
        node *child = find_child(n, label);
        if (child && child->now.total > -INFINITY)
            continue; /* it is in the beam and had its turn */
        if (!is_candidate(m, chance_of)) {
            if (child)
                child->before = none; /* it left the beam just now, and does not go on either */
            continue;
        }
        child = child ? child : make_node(m, n, label);
        if (!child)
            return tw_no_memory();
        /* Only who is in the beam now can be driven out, be it older or new. */
        if (m->count == m->width) {
            size_t at = bottom(m);
            m->nodes[at]->now = none;
            m->nodes[at] = m->nodes[--m->count];
        }
        child->now = (chance){chance_of, -INFINITY, chance_of};
        m->nodes[m->count++] = child;
    }
    return TW_OK;
}

/* One time: what was in the beam stays or goes on, the most probable first. */
static tw_status *step(beam *m)
{
    /* The beam changes while its old members are gone through. */
    size_t count = m->count;
    sort(m);
    memcpy(m->old, m->nodes, count * sizeof *m->old);
    for (size_t i = 0; i < count; i++)
        m->old[i]->before = m->old[i]->now;
    for (size_t i = 0; i < count; i++)
        stay(m, m->old[i]);
    for (size_t i = 0; i < count; i++)
        if (is_candidate(m, m->old[i]->before.total))
            TW_TRY(grow(m, m->old[i]));
    return TW_OK;
}

/* The logarithms of a softmax over the classes at one time. */
static void read_time(const tw_array *x, size_t at, beam *m)
{
    double most = -INFINITY, sum = 0;
    for (size_t k = 0; k < m->classes; k++)
        most = fmax(most, m->log_y[k] = tw_number_at(x, at + k));
    for (size_t k = 0; k < m->classes; k++)
        sum += exp(m->log_y[k] - most);
    for (size_t k = 0; k < m->classes; k++)
        m->log_y[k] -= most + log(sum);
}

/* Labels from the last one back are turned round when all are there. */
static tw_status *spell(const tw_compute *c, const node *n, path *p)
{
    bool merge = tw_compute_bool(c, "merge_repeated");
    size_t first = p->count;
    int32_t before = -1;
    /* The empty prefix is the root, which has no label. */
    for (; n->parent; before = n->label, n = n->parent)
        if (!merge || n->label != before)
            TW_TRY(add_label(p, n->label));
    for (size_t i = first, k = p->count; i + 1 < k; i++) {
        int64_t label = p->labels[i];
        p->labels[i] = p->labels[--k];
        p->labels[k] = label;
    }
    return TW_OK;
}

/* One sequence, and the best paths of it. */
static tw_status *search(tw_compute *c, beam *m, size_t b, path *paths, size_t count)
{
    const tw_array *x = tw_input(c, 0);
    node *root = make_node(m, NULL, -1);
    if (!root)
        return tw_no_memory();
    root->now = (chance){0, 0, -INFINITY};
    m->nodes[0] = root;
    m->count = 1;
    for (size_t t = 0; t < (size_t)tw_index_at(tw_input(c, 1), b); t++) {
        read_time(x, (t * (size_t)x->dims[1] + b) * m->classes, m);
        TW_TRY(step(m));
    }
    sort(m);
    if (m->count < count)
        return tw_compute_fail(c, "Less leaves in the beam search than requested: %zu of %zu",
                               m->count, count);
    for (size_t k = 0; k < count; k++) {
        TW_TRY(spell(c, m->nodes[k], &paths[k]));
        paths[k].ends[b] = paths[k].count;
        tw_number_put(tw_output(c, 3 * count), b * count + k, m->nodes[k]->now.total);
    }
    return TW_OK;
}

/* The tree of a sequence is freed with it. */
static tw_status *search_all(tw_compute *c, beam *m, path *paths, size_t count)
{
    tw_status *status = TW_OK;
    for (size_t b = 0; b < (size_t)tw_input(c, 0)->dims[1] && !status; b++) {
        status = search(c, m, b, paths, count);
        /* Nodes are on a list of their own, which needs no walk of the tree. */
        for (node *one = m->made, *next; one; one = next) {
            next = one->made;
            tw_free(one);
        }
        m->made = NULL;
    }
    for (size_t k = 0; k < count && !status; k++)
        status = give(c, &paths[k], k, count);
    return status;
}

/* All lists; what the width says is refused before it is asked for. */
static tw_status *compute_beam(tw_compute *c)
{
    int64_t width = tw_compute_int(c, "beam_width"), count = tw_compute_int(c, "top_paths");
    size_t batches = (size_t)tw_input(c, 0)->dims[1], each = batches + 1;
    TW_TRY(check(c));
    if (count > width)
        return tw_compute_fail(c, "requested more paths than the beam width.");
    if (width > INT32_MAX)
        return tw_compute_fail(c, "a beam_width of %" PRId64 " is too large", width);
    beam m = {.width = (size_t)width, .classes = (size_t)tw_input(c, 0)->dims[2]};
    path *paths = tw_alloc_zero((size_t)count, sizeof *paths);
    size_t *ends = tw_alloc_array((size_t)count * each, sizeof *ends);
    m.nodes = tw_alloc_array(2 * m.width, sizeof(node *));
    m.log_y = tw_alloc_array(m.classes, sizeof *m.log_y);
    m.old = m.nodes ? m.nodes + m.width : NULL;
    tw_status *status = paths && ends && m.nodes && m.log_y ? TW_OK : tw_no_memory();
    for (size_t k = 0; k < (size_t)count && !status; k++)
        paths[k].ends = ends + k * each;
    status = status ? status : search_all(c, &m, paths, (size_t)count);
    for (size_t k = 0; k < (size_t)count && paths; k++)
        tw_free(paths[k].labels);
    tw_free(paths);
    tw_free(ends);
    tw_free(m.nodes);
    tw_free(m.log_y);
    return status;
}

/* Three lists and the probabilities: the number of paths shows in how many outputs there are. */
static void infer_beam(tw_infer *in)
{
    infer(in, (tw_infer_output_count(in) - 1) / 3);
}

const tw_op_definition tw_op_CTCBeamSearchDecoder = {
    .signature = "inputs: T, sequence_length: int32 -> decoded_indices: top_paths * int64, "
                 "decoded_values: top_paths * int64, decoded_shape: top_paths * int64, "
                 "log_probability: T; beam_width: int >= 1; top_paths: int >= 1; "
                 "merge_repeated: bool = true; T: {float, double} = float",
    .doc = "The `top_paths` most probable sequences of labels under logits (time, batch, classes), "
           "whose last class is the blank, found among `beam_width` at a time; with "
           "`merge_repeated` equal labels in a row of a result are one.",
    .builder = "ctc_beam_search_decoder",
    .since = "CTCBeamSearchDecoder: 0.8; double: 1.15",
    .examples = {"ctc_beam_search_decoder([[[1., 0.]]], [1], beam_width=2, top_paths=1) -> "
                 "[[0, 0]], [0], [1, 1], [[-0.31326169]]"},
    .infer = infer_beam,
    .gradient = tw_not_differentiable,
    .compute = compute_beam,
};
