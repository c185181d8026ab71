/* SPDX-License-Identifier: Apache-2.0
 * The gradient of every op against central differences in float64, for every input that has one.
 * Numbers come from the samples, and from two quiet ranges where these have kinks, poles or nothing
 * to say; where the slopes of both sides differ is a kink and is not compared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <thalweg/thalweg.h>

#include "op/attr.h"
#include "support/samples.h"
#include "tensor/array.h"

/* What ops say that TensorFlow has no gradient for either (ops/arrays.h). */
tw_status *tw_gradient_undefined(tw_gradient *g);

/* Ops whose gradient cannot be asked for by one operation and numbers. */
static const struct {
    const char *op, *why;
} elsewhere[] = {
    {"Enter", "tests/control"},
    {"Exit", "tests/control"},
    {"NextIteration", "tests/control"},
    {"LoopValue", "tests/control"},
    {"Merge", "tests/control"},
    {"Switch", "tests/control"},
    {"RefEnter", "tests/control"},
    {"RefExit", "tests/control"},
    {"RefMerge", "tests/control"},
    {"RefNextIteration", "tests/control"},
    {"RefSwitch", "tests/control"},
    {"TensorArray*", "tests/control"}, /* all whose names begin so */
    {"PreventGradient", "refuses, which tests/ops/test_state_ops.c checks"},
    {"RefIdentity", "its operand is a variable: tests/autodiff"},
    {"RandomGamma", "moves as a distribution does: python/tests/test_random_and_clip.py"},
    {"LSTMBlockCell", "float, and only for two outputs: python/tests/test_rnn_blocks.py"},
    {"BlockLSTM", "as LSTMBlockCell"},
    {"GRUBlockCell", "as LSTMBlockCell"},
    {"FakeQuant*", "has steps, and the gradient of clipping: tests/golden"},
    {"ResizeBi*", "its result is float, too coarse for differences: tests/golden"},
    {"CropAndResize", "as ResizeBilinear"},
    {"CropAndResizeGradImage", "as ResizeBilinear"},
    {"Print", "prints; its gradient is Identity's, which tests/ops/test_state_ops.c checks"},
};

/* Inputs for which TensorFlow has no gradient, or another than the derivative. */
static const struct {
    const char *op;
    size_t input;
    const char *why;
    int order; /* 0: any */
} not_asked[] = {
    {"PadV2", 2, "TensorFlow gives none for the value", 0},
    {"Zeta", 0, "TensorFlow gives none for x", 0},
    {"Betainc", 0, "TensorFlow gives none for a", 0},
    {"Betainc", 1, "TensorFlow gives none for b", 0},
    {"DynamicStitch", 2, "a row that another covers gets that one's gradient, as in TensorFlow", 0},
    {"ParallelDynamicStitch", 2, "as DynamicStitch", 0},
    {"Cholesky", 0, "TensorFlow shares what the lower triangle gets with the upper one", 0},
    {"BatchCholesky", 0, "as Cholesky", 0},
    {"MatrixSolveLs", 2, "TensorFlow gives none for the regularizer", 0},
    {"FusedBatchNorm", 3, "moments that come in are constants, as in TensorFlow", 0},
    {"FusedBatchNorm", 4, "as input 3", 0},
    {"FusedBatchNormV2", 3, "as FusedBatchNorm", 0},
    {"FusedBatchNormV2", 4, "as FusedBatchNorm", 0},
    {"FusedBatchNormV3", 3, "as FusedBatchNorm", 0},
    {"FusedBatchNormV3", 4, "as FusedBatchNorm", 0},
    {"SoftmaxCrossEntropyWithLogits", 1, "TensorFlow's backprop is not differentiated by labels",
     2},
};

/* Ops of several outputs of which TensorFlow differentiates the first alone. */
static const char *const only_first[] = {"SparseSoftmaxCrossEntropyWithLogits",
                                         "SoftmaxCrossEntropyWithLogits",
                                         "FusedBatchNorm",
                                         "FusedBatchNormV2",
                                         "FusedBatchNormV3",
                                         "CTCLoss"};

static struct {
    const tw_op *op;
    size_t compared[GOLDEN_MANY], samples; /* by input */
    bool differentiable[GOLDEN_MANY];
    size_t bad, all, flat;        /* flat: compared where there is no gradient */
    tw_dtype real, complex;       /* the dtypes to differentiate in */
    double step, tolerance, kink; /* kink: slopes that differ by so much are of two sides */
    int order;
} now;

enum { POINTS = 5, SAMPLES = 40, OWN = 0, VALUES = 3 };

/* One way of running a sample: sum(w * y) and its gradient as one callable. */
typedef struct setup {
    const sample *one;
    tw_graph *graph;
    tw_session *session;
    tw_callable *callable;
    tw_tensor in[GOLDEN_MANY], feeds[GOLDEN_MANY], fetches[GOLDEN_MANY];
    size_t fed[GOLDEN_MANY], feed_count; /* the inputs that are fed */
    size_t fetch_of[GOLDEN_MANY], fetch_count;
    bool has_gradient[GOLDEN_MANY];
} setup;

static uint64_t dice;

static double uniform(void)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (double)(dice >> 11) * 0x1p-53;
}

static bool is_wide(tw_dtype dtype)
{
    return dtype == now.real || dtype == now.complex;
}

static bool is_among(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}
#define AMONG(list, name) is_among(list, sizeof(list) / sizeof *(list), name)

/* Numbers of an array, parts of complex ones by themselves. */
static size_t numbers(const tw_array *array)
{
    return array->count * (array->dtype == now.complex ? 2 : 1);
}

static double get(const tw_array *array, size_t i)
{
    return now.real == TW_FLOAT64 ? ((const double *)array->data)[i]
                                  : (double)((const float *)array->data)[i];
}

static void set(tw_array *array, size_t i, double value)
{
    if (now.real == TW_FLOAT64)
        ((double *)array->data)[i] = value;
    else
        ((float *)array->data)[i] = (float)value;
}

static void complain(const setup *s, size_t input, const char *what, double got, double want)
{
    now.bad++;
    printf("    %s input %zu: %s %.9g, but %.9g expected (%s)\n", s->one->op->name, input, what,
           got, want, s->one->name);
}

/* ---- building ---- */

static bool make_inputs(setup *s)
{
    for (size_t i = 0; i < s->one->input_count; i++) {
        tw_array *array = s->one->inputs[i];
        if (!array || tw_dtype_is_ref(s->one->dtypes[i]))
            return false;
        if (is_wide(array->dtype)) {
            s->in[i] = tw_placeholder(array->dtype, .shape = tw_array_shape(array));
            s->fed[s->feed_count] = i;
            s->feeds[s->feed_count++] = s->in[i];
        } else {
            s->in[i] = tw_operand_tensor(tw_of_array(array), array->dtype, "in");
        }
    }
    return s->feed_count > 0;
}

/* Real(conj(w) y), summed: of real tensors w y. */
static tw_tensor weighted(tw_tensor y, tw_tensor w)
{
    if (tw_tensor_dtype(y) == now.complex) {
        tw_tensor part = tw_real(tw_mul(y, tw_conj(w)), .Tout = now.real);
        return tw_reduce_sum(part);
    }
    return tw_reduce_sum(tw_mul(y, w));
}

static tw_tensor weights_like(const tw_array *shape_of)
{
    tw_array *w = tw_array_new(shape_of->dtype, tw_array_shape(shape_of));
    for (size_t i = 0; i < numbers(w); i++)
        set(w, i, 0.5 + uniform());
    tw_tensor out = tw_operand_tensor(tw_of_array(w), w->dtype, "w");
    tw_array_unref(w);
    return out;
}

static tw_status *add_op(setup *s, tw_operation **op)
{
    tw_graph_add_args args = {.size = sizeof args,
                              .where = TW_HERE,
                              .type = s->one->op->name,
                              .inputs = s->in,
                              .input_count = s->one->input_count,
                              .input_counts = s->one->counts,
                              .attrs = s->one->attrs,
                              .attr_count = s->one->attr_count};
    return tw_graph_add(s->graph, &args, op);
}

/* What is differentiated: the sum of weights * ys. */
typedef struct objective {
    tw_tensor ys[GOLDEN_MANY], ws[GOLDEN_MANY], loss;
    size_t count;
} objective;

static void add_term(objective *o, tw_tensor y, const tw_array *like)
{
    o->ys[o->count] = y;
    o->ws[o->count] = weights_like(like);
    tw_tensor part = weighted(y, o->ws[o->count++]);
    o->loss = o->loss.op ? tw_add(o->loss, part) : part;
}

/* false: there is no gradient with these attributes, which some other sample has. */
static bool differentiate(setup *s, const objective *o, tw_grads *out)
{
    struct tw_gradients_args args = {.size = sizeof args,
                                     .ys = {o->ys, o->count},
                                     .xs = {s->feeds, s->feed_count},
                                     .grad_ys = {o->ws, o->count}};
    tw_status *status = tw_gradients_add(&args, out);
    bool good = !status;
    if (status && getenv("TW_TEST_GRADIENT_OP"))
        printf("    %s: %s\n", s->one->name, tw_status_message(status));
    tw_status_free(status);
    return good;
}

/* The loss is fetch 0, the gradient by each fed input one of those behind it. Of order 2: the loss
 * is made of the gradients, which have the shapes of the inputs. */
static bool make_fetches(setup *s, tw_operation *op, tw_array **outputs, int order)
{
    objective o = {.count = 0};
    tw_grads grads;
    for (size_t k = 0; k < tw_operation_output_count(op); k++)
        if (is_wide(outputs[k]->dtype) && !(k && AMONG(only_first, now.op->name)))
            add_term(&o, tw_operation_output(op, k), outputs[k]);
    if (!o.count || !differentiate(s, &o, &grads))
        return false;
    if (order == 2) {
        objective next = {.count = 0};
        for (size_t i = 0; i < s->feed_count; i++)
            if (grads.grads[i].kind != TW_GRAD_NONE)
                add_term(&next, tw_grad_tensor(grads.grads[i]), s->one->inputs[s->fed[i]]);
        o = next;
        if (!o.count || !differentiate(s, &o, &grads))
            return false;
    }
    s->fetches[s->fetch_count++] = o.loss;
    for (size_t i = 0; i < s->feed_count; i++) {
        s->has_gradient[i] = grads.grads[i].kind != TW_GRAD_NONE;
        s->fetch_of[i] = s->fetch_count;
        if (s->has_gradient[i])
            s->fetches[s->fetch_count++] = tw_grad_tensor(grads.grads[i]);
    }
    return true;
}

/* false: the sample is refused, or has no floats in and out. */
static bool set_up(setup *s, const sample *one)
{
    tw_array *outputs[GOLDEN_MANY];
    tw_operation *op = NULL;
    size_t count = 0;
    *s = (setup){.one = one, .graph = tw_graph_new()};
    tw_status *status = sample_evaluate(one, 1, outputs, &count);
    bool good = !status, there = !status;
    TW_GRAPH(s->graph) {
        good = good && make_inputs(s);
        if (good)
            status = add_op(s, &op);
        good = good && !status && make_fetches(s, op, outputs, now.order);
    }
    tw_status_free(status);
    for (size_t k = 0; there && k < count; k++)
        tw_array_unref(outputs[k]);
    if (!good)
        return false;
    struct tw_session_options options = {.size = sizeof options, .graph = s->graph, .threads = 1};
    s->session = tw_session_new(&options);
    TW_CHECK(tw_make_callable(.session = s->session, .fetch = {s->fetches, s->fetch_count},
                              .feed = {s->feeds, s->feed_count}, .callable = &s->callable));
    return true;
}

static void tear_down(setup *s)
{
    tw_callable_free(s->callable);
    tw_session_free(s->session);
    tw_graph_unref(s->graph);
}

/* ---- comparing ---- */

/* The loss, and the gradients if `out` has room for them; NAN where the run was refused. */
static double run(setup *s, tw_array **feeds, tw_array **out)
{
    tw_array *all[GOLDEN_MANY] = {NULL};
    tw_status *status = tw_call(s->callable, feeds, all);
    double loss = status ? NAN : tw_array_item(all[0]);
    tw_status_free(status);
    for (size_t k = 0; k < s->fetch_count; k++) {
        if (out && !status)
            out[k] = all[k];
        else
            tw_array_unref(all[k]);
    }
    return loss;
}

/* Values of a quiet range: all of one sign, none near another. */
static void fill(tw_array *array, int range)
{
    for (size_t i = 0; range != OWN && i < numbers(array); i++)
        set(array, i, (range == 1 ? 0.2 : 1.2) + 0.6 * uniform());
}

/* What the derivative is written for: labels are probabilities, each row of sum 1. */
static void fill_inputs(setup *s, tw_array **feeds, int range)
{
    for (size_t i = 0; i < s->feed_count; i++) {
        fill(feeds[i], range);
        if (strcmp(now.op->name, "SoftmaxCrossEntropyWithLogits") || s->fed[i] != 1)
            continue;
        size_t classes = (size_t)feeds[i]->dims[feeds[i]->rank - 1];
        for (size_t row = 0; row < feeds[i]->count; row += classes) {
            double sum = 0;
            for (size_t k = 0; k < classes; k++)
                sum += get(feeds[i], row + k);
            for (size_t k = 0; k < classes; k++)
                set(feeds[i], row + k, get(feeds[i], row + k) / sum);
        }
    }
}

/* Large numbers leave a difference no digits. */
static bool are_calm(setup *s, tw_array **feeds)
{
    for (size_t i = 0; i < s->feed_count; i++)
        for (size_t k = 0; k < numbers(feeds[i]); k++)
            if (!(fabs(get(feeds[i], k)) < 1e4))
                return false;
    return true;
}

/* The slopes on both sides; false: they differ, or are none. */
static bool slopes(setup *s, tw_array **feeds, size_t input, size_t i, double step, double *out)
{
    double at = get(feeds[input], i), middle = run(s, feeds, NULL);
    set(feeds[input], i, at + step);
    double above = run(s, feeds, NULL), up = get(feeds[input], i) - at;
    set(feeds[input], i, at - step);
    double below = run(s, feeds, NULL), down = at - get(feeds[input], i);
    set(feeds[input], i, at);
    double right = (above - middle) / up, left = (middle - below) / down;
    double size = fmax(fabs(right), fabs(left)) + now.tolerance;
    *out = (above - below) / (up + down);
    return fabs(right - left) <= now.kink * size;
}

/* The derivative of the loss by one number; NAN where it has none or cannot be found: at a jump
 * slopes grow as steps shrink. Zero itself is a special case of many gradients. */
static double slope(setup *s, tw_array **feeds, size_t input, size_t i)
{
    double at = get(feeds[input], i), step = now.step * fmax(1, fabs(at)), wide, narrow;
    if (!isfinite(at) || fabs(at) > 1e3 || at == 0)
        return NAN;
    if (!slopes(s, feeds, input, i, step, &wide) || !slopes(s, feeds, input, i, step / 2, &narrow))
        return NAN;
    double size = fmax(fabs(wide), fabs(narrow)) + now.tolerance;
    return fabs(wide - narrow) <= now.kink * size ? narrow : NAN;
}

static bool asked(size_t input)
{
    for (size_t i = 0; i < sizeof not_asked / sizeof *not_asked; i++)
        if (!strcmp(not_asked[i].op, now.op->name) && not_asked[i].input == input &&
            (!not_asked[i].order || not_asked[i].order == now.order))
            return false;
    return true;
}

/* Some numbers of one fed input; `gradient` NULL: there is none, and the slope should be zero. */
static void compare_input(setup *s, tw_array **feeds, size_t i, const tw_array *gradient,
                          double loss)
{
    size_t total = numbers(feeds[i]), input = s->fed[i];
    for (size_t n = 0; n < POINTS && n < total && asked(input); n++) {
        size_t at = total <= POINTS ? n : (size_t)(uniform() * (double)total);
        double want = slope(s, feeds, i, at), got = gradient ? get(gradient, at) : 0;
        double roundoff = now.tolerance * 1e-4 * fabs(loss);
        if (isnan(want) || !isfinite(got))
            continue;
        if (fabs(got - want) > now.tolerance * fmax(1, fabs(want)) + roundoff)
            complain(s, input, gradient ? "gradient" : "no gradient, taken as", got, want);
        *(gradient ? &now.compared[input] : &now.flat) += 1;
        now.all++;
    }
    now.differentiable[input] |= gradient != NULL;
}

static void compare_all(setup *s, int range)
{
    tw_array *feeds[GOLDEN_MANY], *out[GOLDEN_MANY] = {NULL};
    for (size_t i = 0; i < s->feed_count; i++)
        feeds[i] = tw_array_copy(s->one->inputs[s->fed[i]]);
    fill_inputs(s, feeds, range);
    double loss = run(s, feeds, out);
    bool calm = isfinite(loss) && fabs(loss) < 1e6 && are_calm(s, feeds);
    for (size_t i = 0; i < s->feed_count && calm; i++) {
        const tw_array *gradient = s->has_gradient[i] ? out[s->fetch_of[i]] : NULL;
        if (gradient && gradient->count != feeds[i]->count)
            complain(s, s->fed[i], "elements of the gradient:", (double)gradient->count,
                     (double)feeds[i]->count);
        else
            compare_input(s, feeds, i, gradient, loss);
    }
    for (size_t k = 0; k < s->fetch_count; k++)
        tw_array_unref(out[k]);
    for (size_t i = 0; i < s->feed_count; i++)
        tw_array_unref(feeds[i]);
}

static void use_wide(const sample *one)
{
    setup s;
    if (now.samples >= SAMPLES)
        return;
    if (set_up(&s, one)) {
        now.samples++;
        for (int range = 0; range < VALUES; range++)
            compare_all(&s, range);
    }
    tear_down(&s);
}

/* What an attribute's inputs hold, or the attribute itself says. */
static tw_dtype dtype_of(const sample *one, const tw_op_attr *attr)
{
    for (size_t k = 0; k < one->input_count; k++) {
        const tw_op_arg *arg = sample_arg(one, k);
        const char *by = arg ? attr->list ? arg->type_list_attr : arg->type_attr : NULL;
        if (by && !strcmp(by, attr->name))
            return tw_dtype_base(one->dtypes[k]);
    }
    for (size_t k = 0; k < one->attr_count; k++)
        if (!strcmp(one->attrs[k].name, attr->name))
            return one->attrs[k].value.type;
    return attr->has_default ? attr->default_value.value.type : TW_FLOAT32;
}

/* The dtype to differentiate in, where the attribute allows one. */
static tw_dtype wide_dtype(const tw_op_attr *attr)
{
    return tw_op_allows_type(attr, now.real)      ? now.real
           : tw_op_allows_type(attr, now.complex) ? now.complex
                                                  : TW_INVALID_DTYPE;
}

/* Each type attribute that holds numbers and allows floats becomes wide. */
static void use_sample(const sample *one, void *user)
{
    sample wide = *one, next;
    (void)user;
    wide.owned = false;
    if (strstr(one->name, "@0.12.1"))
        return;
    for (size_t i = 0; i < one->op->attr_count; i++) {
        const tw_op_attr *attr = &one->op->attrs[i];
        if (attr->kind != TW_ATTR_TYPE || !wide_dtype(attr) || dtype_of(&wide, attr) == TW_BOOL ||
            dtype_of(&wide, attr) == TW_STRING)
            continue;
        if (!sample_convert(&wide, attr->name, wide_dtype(attr), &next))
            continue;
        sample_clear(&wide);
        wide = next;
    }
    use_wide(&wide);
    sample_clear(&wide);
}

/* Some ops compute in float32 alone: they get larger steps. */
static void choose_precision(const tw_op *op)
{
    bool wide = false, narrow = false;
    for (size_t i = 0; i < op->attr_count; i++) {
        const tw_op_attr *attr = &op->attrs[i];
        if (attr->kind != TW_ATTR_TYPE)
            continue;
        wide |= attr->list || tw_op_allows_type(attr, TW_FLOAT64) ||
                tw_op_allows_type(attr, TW_COMPLEX128);
        narrow |= !attr->list && tw_op_allows_type(attr, TW_FLOAT32) &&
                  !tw_op_allows_type(attr, TW_FLOAT64);
    }
    bool small = narrow || !wide;
    now.real = small ? TW_FLOAT32 : TW_FLOAT64;
    now.complex = small ? TW_COMPLEX64 : TW_COMPLEX128;
    now.step = small ? 1e-2 : 1e-6;
    now.tolerance = small ? 2e-2 : 1e-5;
    now.kink = small ? 2e-2 : 1e-4;
}

static const char *reason(const char *op)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        const char *known = elsewhere[i].op, *star = strchr(known, '*');
        if (star ? !strncmp(op, known, (size_t)(star - known)) : !strcmp(op, known))
            return elsewhere[i].why;
    }
    return NULL;
}

static bool has_gradient(const tw_op *op)
{
    tw_gradient_fn fn = op->definition.gradient;
    return fn && fn != tw_not_differentiable && fn != tw_gradient_undefined;
}

static bool takes_floats(const tw_op *op)
{
    for (size_t i = 0; i < op->input_count; i++) {
        const tw_op_arg *arg = &op->inputs[i];
        const tw_op_attr *attr = arg->type_attr ? tw_op_find_attr(op, arg->type_attr) : NULL;
        if (!attr || wide_dtype(attr))
            return true;
    }
    return false;
}

/* Every op in one order of derivatives; `needed`: an op that has none fails. */
static void check_order(int order, bool needed)
{
    const char *only = getenv("TW_TEST_GRADIENT_OP");
    size_t bad = 0, all = 0, ops = 0;
    for (size_t i = 0; i < tw_op_count(); i++) {
        const tw_op *op = tw_op_at(i);
        if (!has_gradient(op) || reason(op->name) || (only && strcmp(only, op->name)))
            continue;
        memset(&now, 0, sizeof now);
        now.op = op;
        now.order = order;
        dice = sample_seed(op);
        choose_precision(op);
        samples_each(op, use_sample, NULL);
        size_t differentiable = 0;
        for (size_t k = 0; k < GOLDEN_MANY; k++) {
            differentiable += now.differentiable[k];
            if (now.differentiable[k] && !now.compared[k] && asked(k)) {
                printf("    %s input %zu: no number of it was compared\n", op->name, k);
                now.bad++;
            }
        }
        if (!differentiable && !now.flat && needed && takes_floats(op)) {
            printf("    %s: no input was differentiated for\n", op->name);
            now.bad++;
        }
        ops += now.all > 0;
        all += now.all;
        bad += now.bad;
    }
    print_message("%zu numbers of %zu ops compared\n", all, ops);
    if (bad)
        fail_msg("%zu complaints", bad);
}

static void gradients_are_what_central_differences_are(void **state)
{
    (void)state;
    check_order(1, true);
}

/* Where the gradient's own ops can be differentiated. */
static void so_are_gradients_of_gradients(void **state)
{
    (void)state;
    check_order(2, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_what_central_differences_are),
        cmocka_unit_test(so_are_gradients_of_gradients),
    };
    return cmocka_run_group_tests_name("registry: gradients", tests, NULL, NULL);
}
