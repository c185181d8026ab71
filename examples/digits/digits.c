/* SPDX-License-Identifier: Apache-2.0
 * A classifier of handwritten digits: 784-256-256-10, ReLU, Adam on batches of 100. After every
 * epoch all state is saved; killed at any moment and started again with --resume it ends with the
 * same bits, since the order of the samples follows from the number of the epoch alone.
 *     digits [--data DIR] [--state FILE] [--epochs N] [--resume]
 * Without options it uses what `make demo` unpacks and saves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <thalweg/thalweg.h>

#include "mnist.h"

enum { BATCH = 100, HIDDEN = 256 };

typedef struct options {
    const char *data, *state;
    int epochs;
    bool resume;
} options;

typedef struct model {
    tw_tensor images, labels, logits, loss, train, epoch;
    tw_session *session;
} model;

static tw_tensor dense(tw_tensor x, int64_t n_in, int64_t n_out, const char *name, int64_t seed)
{
    tw_tensor y = {NULL, 0};
    TW_VARIABLE_SCOPE(name) {
        tw_tensor w = tw_get_variable("weights", TW_SHAPE(n_in, n_out),
                                      .initializer = tw_xavier_initializer(.seed = &seed));
        tw_tensor b = tw_get_variable("bias", TW_SHAPE(n_out),
                                      .initializer = tw_zeros_initializer());
        y = tw_add(tw_matmul(x, w), b);
    }
    return y;
}

static model make_model(void)
{
    model m = {.session = NULL};
    m.images = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(-1, PIXELS), .name = "images");
    m.labels = tw_placeholder(TW_INT32, .shape = TW_SHAPE(-1), .name = "labels");
    tw_tensor h1 = tw_relu(dense(m.images, PIXELS, HIDDEN, "hidden1", 1));
    tw_tensor h2 = tw_relu(dense(h1, HIDDEN, HIDDEN, "hidden2", 2));
    m.logits = dense(h2, HIDDEN, CLASSES, "output", 3);
    m.loss = tw_reduce_mean(
        tw_sparse_softmax_cross_entropy_with_logits(.labels = m.labels, .logits = m.logits));
    m.train = tw_minimize(tw_adam(.learning_rate = 0.001), m.loss);
    m.epoch = tw_variable(0, .name = "epoch", .trainable = false);
    m.session = tw_session_new(NULL);
    TW_CHECK(tw_run(m.session, TW_FETCH(tw_global_variables_initializer())));
    return m;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The order of the samples in an epoch: Fisher-Yates with a generator seeded by the epoch. */
static void shuffle(size_t *order, size_t count, int epoch)
{
    uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)(epoch + 1);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count - 1; i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t k = (size_t)((state >> 33) % (i + 1)), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

/* What the model says of each image: the classes into `said`. */
static void classify(const model *m, const digits *d, int *said)
{
    tw_array *images = tw_array_borrow(TW_FLOAT32, TW_SHAPE((int64_t)d->count, PIXELS), d->images),
             *logits = NULL;
    TW_CHECK(tw_run(m->session, TW_FETCH(m->logits), .feed = TW_FEED({m->images, images}),
                    .out = &logits));
    const float *row = tw_array_const_data(logits);
    for (size_t i = 0; i < d->count; i++, row += CLASSES) {
        said[i] = 0;
        for (int k = 1; k < CLASSES; k++)
            said[i] = row[k] > row[said[i]] ? k : said[i];
    }
    tw_array_unref(logits);
    tw_array_unref(images);
}

static double accuracy(const digits *d, const int *said)
{
    size_t right = 0;
    for (size_t i = 0; i < d->count; i++)
        right += said[i] == d->labels[i];
    return (double)right / (double)d->count;
}

/* One epoch; gives the mean loss. The progress line is rewritten in a terminal and written once an
 * epoch elsewhere. */
static double train_epoch(const model *m, tw_callable *step, const digits *d, int epoch, int epochs,
                          double started, int first)
{
    static float x[BATCH * PIXELS];
    static int32_t y[BATCH];
    size_t *order = malloc(d->count * sizeof *order), batches = d->count / BATCH;
    tw_array *feeds[2] = {tw_array_borrow(TW_FLOAT32, TW_SHAPE(BATCH, PIXELS), x),
                          tw_array_borrow(TW_INT32, TW_SHAPE(BATCH), y)};
    tw_array *out[1] = {tw_array_scalar(TW_FLOAT32, 0)};
    double sum = 0;
    if (!order)
        exit(1);
    shuffle(order, d->count, epoch);
    for (size_t b = 0; b < batches; b++) {
        for (size_t i = 0; i < BATCH; i++) {
            size_t sample = order[b * BATCH + i];
            memcpy(x + i * PIXELS, d->images + sample * PIXELS, PIXELS * sizeof *x);
            y[i] = d->labels[sample];
        }
        TW_CHECK(tw_call(step, feeds, out));
        sum += tw_array_item(out[0]);
        double passed = seconds() - started,
               done = (double)(epoch - first) + (double)(b + 1) / (double)batches;
        if (isatty(1) && b % 16 == 0)
            printf("\repoch %2d/%d  loss %.4f  %8.0f samples/s  %4.1f s left   ", epoch + 1, epochs,
                   sum / (double)(b + 1), done * (double)d->count / passed,
                   passed / done * (epochs - first - done));
    }
    tw_array_unref(feeds[0]);
    tw_array_unref(feeds[1]);
    tw_array_unref(out[0]);
    free(order);
    (void)m;
    return sum / (double)batches;
}

static void set_epoch(const model *m, int epoch)
{
    tw_array *value = tw_array_scalar(TW_INT32, epoch);
    TW_CHECK(tw_session_set(m->session, m->epoch, value));
    tw_array_unref(value);
}

static int get_epoch(const model *m)
{
    tw_array *value = NULL;
    TW_CHECK(tw_session_get(m->session, m->epoch, &value));
    int epoch = (int)tw_array_item(value);
    tw_array_unref(value);
    return epoch;
}

static void train(const model *m, const options *o, const digits *data, const digits *held_out,
                  int *said)
{
    tw_callable *step = NULL;
    int first = get_epoch(m);
    TW_CHECK(tw_make_callable(m->session, TW_FETCH(m->loss), .target = TW_FETCH(m->train),
                              .feed = TW_FETCH(m->images, m->labels), .callable = &step));
    double started = seconds();
    for (int epoch = first; epoch < o->epochs; epoch++) {
        double loss = train_epoch(m, step, data, epoch, o->epochs, started, first);
        set_epoch(m, epoch + 1);
        TW_CHECK(tw_save(m->session, o->state));
        classify(m, held_out, said);
        double passed = seconds() - started, each = passed / (epoch + 1 - first);
        printf("%sepoch %2d/%d  loss %.4f  accuracy %.2f %%  %8.0f samples/s  %4.1f s left\n",
               isatty(1) ? "\r" : "", epoch + 1, o->epochs, loss, 100 * accuracy(held_out, said),
               (double)data->count / each, each * (o->epochs - epoch - 1));
        fflush(stdout);
    }
    printf("trained for %.1f s\n", seconds() - started);
    tw_callable_free(step);
}

/* `count` digits side by side, two rows of pixels a line, and below each what it is and what the
 * model says. */
static void show_digits(const digits *d, const int *said, const size_t *which, int count)
{
    static const char shades[] = " .:-=+*#%@";
    for (int row = 2; row < SIDE - 2; row += 2) {
        for (int k = 0; k < count; k++) {
            const float *image = d->images + which[k] * PIXELS + row * SIDE;
            for (int column = 3; column < SIDE - 3; column++)
                putchar(shades[(int)((image[column] + image[column + SIDE]) / 2 * 9.99f)]);
            putchar(' ');
        }
        putchar('\n');
    }
    for (int k = 0; k < count; k++)
        printf("  %d, model says %d%s    ", d->labels[which[k]], said[which[k]],
               said[which[k]] == d->labels[which[k]] ? " " : "!");
    printf("\n");
}

static void show_results(const digits *d, const int *said)
{
    int table[CLASSES][CLASSES] = {{0}};
    size_t right[3] = {0, 1, 2}, wrong[3], wrongs = 0;
    for (size_t i = 0; i < d->count; i++) {
        table[d->labels[i]][said[i]]++;
        if (said[i] != d->labels[i] && wrongs < 3)
            wrong[wrongs++] = i;
    }
    show_digits(d, said, right, 3);
    if (wrongs)
        show_digits(d, said, wrong, (int)wrongs);
    printf("\ndigit |  what the model says of it\n      |");
    for (int k = 0; k < CLASSES; k++)
        printf("%5d", k);
    printf("\n");
    for (int k = 0; k < CLASSES; k++) {
        printf("%5d |", k);
        for (int j = 0; j < CLASSES; j++)
            table[k][j] ? printf("%5d", table[k][j]) : printf("    .");
        printf("\n");
    }
}

/* A number that two runs share only if all their weights do, bit for bit (FNV-1a). */
static unsigned long long weights_mark(const model *m)
{
    unsigned long long mark = 14695981039346656037u;
    tw_tensors variables = tw_trainable_variables();
    for (size_t i = 0; i < variables.count; i++) {
        tw_array *value = NULL;
        TW_CHECK(tw_session_get(m->session, variables.items[i], &value));
        const unsigned char *bytes = tw_array_const_data(value);
        for (size_t k = 0; k < tw_array_bytes(value); k++)
            mark = (mark ^ bytes[k]) * 1099511628211u;
        tw_array_unref(value);
    }
    return mark;
}

static bool read_options(int argc, char **argv, options *o)
{
    *o = (options){.data = "build/demo/mnist10k", .state = "build/demo/digits.state", .epochs = 12};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--resume"))
            o->resume = true;
        else if (!strcmp(argv[i], "--data") && i + 1 < argc)
            o->data = argv[++i];
        else if (!strcmp(argv[i], "--state") && i + 1 < argc)
            o->state = argv[++i];
        else if (!strcmp(argv[i], "--epochs") && i + 1 < argc)
            o->epochs = atoi(argv[++i]);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    options o;
    digits data, held_out;
    if (!read_options(argc, argv, &o)) {
        fprintf(stderr, "usage: %s [--data DIR] [--state FILE] [--epochs N] [--resume]\n", argv[0]);
        return 2;
    }
    if (!digits_read(o.data, "train", &data))
        return 1;
    if (!digits_read(o.data, "t10k", &held_out)) {
        digits_free(&data);
        return 1;
    }
    model m = make_model();
    if (!o.resume) {
        remove(o.state); /* nobody shall resume what an earlier training left */
    } else if (access(o.state, F_OK) == 0) {
        TW_CHECK(tw_restore(m.session, o.state));
        printf("going on after epoch %d\n", get_epoch(&m));
    }
    int *said = calloc(held_out.count, sizeof *said);
    if (!said)
        return 1;
    train(&m, &o, &data, &held_out, said);
    classify(&m, &held_out, said);
    show_results(&held_out, said);
    printf("\naccuracy on %zu held-out digits: %.2f %%   weights %016llx\n", held_out.count,
           100 * accuracy(&held_out, said), weights_mark(&m));
    free(said);
    tw_session_free(m.session);
    digits_free(&data);
    digits_free(&held_out);
    return 0;
}
