/* SPDX-License-Identifier: Apache-2.0
 * Slides 26 to 32 of the tutorial: a line is fitted to y = x + 20 sin(x / 10) with Adam on batches
 * of 100, and data and fit are shown as a picture of characters and as an SVG file.
 *     linear_regression [SVG FILE [STEPS]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/thalweg.h>

enum { N_SAMPLES = 1000, BATCH = 100, COLUMNS = 72, ROWS = 20 };

static float x_data[N_SAMPLES], y_data[N_SAMPLES];

static void make_data(void)
{
    for (int i = 0; i < N_SAMPLES; i++) {
        double x = 0.1 * i;
        x_data[i] = (float)x;
        y_data[i] = (float)(x + 20 * sin(x / 10));
    }
}

/* A batch of samples drawn with replacement; a small generator of our own keeps every run the
 * same. */
static void draw_batch(float *x, float *y)
{
    static uint32_t state = 2463534242u;
    for (int i = 0; i < BATCH; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        uint32_t sample = state % N_SAMPLES;
        x[i] = x_data[sample];
        y[i] = y_data[sample];
    }
}

static int clamp(double value, int limit)
{
    return value < 0 ? 0 : value > limit ? limit : (int)value;
}

static void show_in_terminal(double w, double b)
{
    char picture[ROWS][COLUMNS + 1];
    memset(picture, ' ', sizeof picture);
    for (int i = 0; i < N_SAMPLES; i++) {
        int column = clamp(x_data[i] / 100 * COLUMNS, COLUMNS - 1);
        picture[ROWS - 1 - clamp((y_data[i] + 5) / 110 * ROWS, ROWS - 1)][column] = '.';
    }
    for (int column = 0; column < COLUMNS; column++) {
        double y = w * (column + 0.5) * 100 / COLUMNS + b;
        picture[ROWS - 1 - clamp((y + 5) / 110 * ROWS, ROWS - 1)][column] = '#';
    }
    for (int row = 0; row < ROWS; row++) {
        picture[row][COLUMNS] = 0;
        printf("%5.0f |%s\n", (ROWS - row - 0.5) * 110 / ROWS - 5, picture[row]);
    }
    printf("      +");
    for (int column = 0; column < COLUMNS; column++)
        putchar('-');
    printf("\n       0%*s\n       . data   # fit: y = %.4f x + %.4f\n", COLUMNS - 1, "x = 100", w,
           b);
}

static int write_svg(const char *path, double w, double b)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 1;
    }
    fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"420\" "
          "viewBox=\"0 0 640 420\" font-family=\"sans-serif\" font-size=\"12\">\n"
          "<rect width=\"640\" height=\"420\" fill=\"white\"/>\n",
          file);
    for (int y = 0; y <= 100; y += 20)
        fprintf(file,
                "<line x1=\"50\" x2=\"620\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<text x=\"42\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n",
                380 - 3.4 * y, 380 - 3.4 * y, 384 - 3.4 * y, y);
    for (int x = 0; x <= 100; x += 20)
        fprintf(file, "<text x=\"%.1f\" y=\"400\" text-anchor=\"middle\">%d</text>\n", 50 + 5.7 * x,
                x);
    for (int i = 0; i < N_SAMPLES; i += 4)
        fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.6\" fill=\"#1f77b4\"/>\n",
                50 + 5.7 * x_data[i], 380 - 3.4 * y_data[i]);
    fprintf(file,
            "<line x1=\"50\" y1=\"%.1f\" x2=\"620\" y2=\"%.1f\" stroke=\"#d62728\" "
            "stroke-width=\"2.5\"/>\n",
            380 - 3.4 * b, 380 - 3.4 * (100 * w + b));
    fprintf(file,
            "<text x=\"70\" y=\"40\" fill=\"#1f77b4\">data: x + 20 sin(x / 10)</text>"
            "<text x=\"70\" y=\"58\" fill=\"#d62728\">fit: %.4f x + %.4f</text>\n</svg>\n",
            w, b);
    return fclose(file) != 0;
}

int main(int argc, char **argv)
{
    const char *svg = argc > 1 ? argv[1] : "linear_regression.svg";
    int steps = argc > 2 ? atoi(argv[2]) : 5000;
    make_data();

    tw_tensor X = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1), .name = "X");
    tw_tensor y = tw_placeholder(TW_FLOAT32, .shape = TW_SHAPE(BATCH, 1), .name = "y");
    tw_tensor W, b, loss;
    TW_VARIABLE_SCOPE("linear-regression") {
        W = tw_get_variable("weights", TW_SHAPE(1, 1),
                            .initializer = tw_random_normal_initializer(.seed = TW_SEED(1)));
        b = tw_get_variable("bias", TW_SHAPE(1), .initializer = tw_constant_initializer(0.0));
        tw_tensor y_pred = tw_add(tw_matmul(X, W), b);
        loss = tw_reduce_sum(tw_div(tw_square(tw_sub(y, y_pred)), N_SAMPLES));
    }
    tw_tensor train = tw_minimize(tw_adam(.learning_rate = 0.01), loss);

    tw_session *session = tw_session_new(NULL);
    TW_CHECK(tw_run(session, TW_FETCH(tw_global_variables_initializer())));
    tw_callable *step = NULL;
    TW_CHECK(tw_make_callable(session, TW_FETCH(loss), .target = TW_FETCH(train),
                              .feed = TW_FETCH(X, y), .callable = &step));
    float x_batch[BATCH], y_batch[BATCH];
    tw_array *feeds[2] = {tw_array_borrow(TW_FLOAT32, TW_SHAPE(BATCH, 1), x_batch),
                          tw_array_borrow(TW_FLOAT32, TW_SHAPE(BATCH, 1), y_batch)};
    tw_array *out[1] = {tw_array_scalar(TW_FLOAT32, 0)};
    for (int i = 0; i < steps; i++) {
        draw_batch(x_batch, y_batch);
        TW_CHECK(tw_call(step, feeds, out));
        if (i == 0 || (i + 1) % (steps / 5 > 0 ? steps / 5 : 1) == 0)
            printf("step %5d   loss %.4f\n", i + 1, tw_array_item(out[0]));
    }
    tw_array *w_value = NULL, *b_value = NULL;
    TW_CHECK(tw_session_get(session, W, &w_value));
    TW_CHECK(tw_session_get(session, b, &b_value));
    show_in_terminal(tw_array_item(w_value), tw_array_item(b_value));
    int failed = write_svg(svg, tw_array_item(w_value), tw_array_item(b_value));
    printf("picture: %s\n", svg);
    tw_array_unref(w_value);
    tw_array_unref(b_value);
    for (int i = 0; i < 2; i++)
        tw_array_unref(feeds[i]);
    tw_array_unref(out[0]);
    tw_callable_free(step);
    tw_session_free(session);
    return failed;
}
