/* SPDX-License-Identifier: Apache-2.0
 * Fourier transforms: lengths taken apart, lines brought into planes and back. */
#include "kernels/fft.h"

#include <math.h>
#include <string.h>

#include "kernels/fft_loops.h"

enum {
    LARGEST_PRIME = 61, /* beyond it a convolution is faster than the definition */
    FEW_LINES = 4,
    SPLIT_LENGTH = 64,
    LEAST_COLUMNS = 4,
    STRIP = 8192, /* numbers of a strip of lines, which should stay in the second cache */
    MOST_LINES = 32,
    ROOTS_APART = 64
};

/* The next factor of n: 4 where it can be. */
static size_t factor_of(size_t n)
{
    if (n % 4 == 0)
        return 4;
    for (size_t p = 2; p * p <= n; p++) {
        if (n % p == 0)
            return p;
    }
    return n;
}

static size_t largest_prime(size_t n)
{
    size_t largest = 1;
    for (size_t p; n > 1; n /= p) {
        p = factor_of(n);
        largest = p > largest ? p : largest;
    }
    return largest;
}

/* Columns of the matrix that a line of n numbers is: the factor next below the root. */
static size_t columns_of(size_t n)
{
    size_t best = 1;
    for (size_t c = 2; c * c <= n; c++)
        best = n % c == 0 ? c : best;
    return best < LEAST_COLUMNS ? 0 : best;
}

/* How many lines go side by side, in whole groups. */
static size_t width_of(size_t n, size_t lines)
{
    size_t most = STRIP / (n ? n : 1) / TW_FFT_GROUP * TW_FFT_GROUP;
    most = most < TW_FFT_GROUP ? TW_FFT_GROUP : most > MOST_LINES ? MOST_LINES : most;
    size_t wanted = (lines + TW_FFT_GROUP - 1) / TW_FFT_GROUP * TW_FFT_GROUP;
    return wanted < most ? wanted : most;
}

static bool is_split(size_t n, size_t lines)
{
    return lines < FEW_LINES && n >= SPLIT_LENGTH && columns_of(n);
}

/* A length of small factors that holds the convolution of n numbers with 2 n - 1. */
static size_t longer_of(size_t n)
{
    size_t longer = 2 * n - 1;
    longer += (16 - longer % 16) % 16;
    while (largest_prime(longer) > 5)
        longer += 16;
    return longer;
}

/* Doubles from one plane to the next: not a power of two, which would have all that a pass reads
 * share a few places of the cache. */
static size_t plane_of(size_t n, size_t width)
{
    return n * width + 8 * TW_FFT_GROUP;
}

/* Doubles in both planes of both buffers. */
static size_t planes_of(size_t n, size_t lines)
{
    if (!is_split(n, lines))
        return 4 * plane_of(n, width_of(n, lines));
    size_t columns = columns_of(n), rows = n / columns;
    size_t one = plane_of(rows, width_of(rows, columns));
    size_t two = plane_of(columns, width_of(columns, rows));
    return 4 * (one > two ? one : two);
}

/* The order in which tw_fft_init hands it out. */
size_t tw_fft_work(size_t n, size_t lines)
{
    if (n > SIZE_MAX / 2048)
        return SIZE_MAX;
    if (largest_prime(n) <= LARGEST_PRIME)
        return 6 * n + planes_of(n, lines);
    size_t longer = longer_of(n);
    return 2 * n + 8 * longer + planes_of(longer, 1);
}

/* exp(-2 pi i k / n) as products of two that are computed by their own angles: the error is that of
 * one product. */
static void find_roots(size_t n, double *roots)
{
    const double whole = -6.283185307179586476925286766559 / (double)n;
    double low[2 * ROOTS_APART];
    for (size_t k = 0; k < n && k < ROOTS_APART; k++) {
        low[2 * k] = cos(whole * (double)k);
        low[2 * k + 1] = sin(whole * (double)k);
    }
    for (size_t first = 0; first < n; first += ROOTS_APART) {
        double c = cos(whole * (double)first), s = sin(whole * (double)first);
        double *to = roots + 2 * first;
        for (size_t k = 0; k < ROOTS_APART && first + k < n; k++) {
            to[2 * k] = c * low[2 * k] - s * low[2 * k + 1];
            to[2 * k + 1] = c * low[2 * k + 1] + s * low[2 * k];
        }
    }
}

/* ---- between arrays and planes ---- */

/* Rows of `lines` numbers. An inverse is a transform with its planes swapped, before and after. */
typedef struct planes {
    double *re, *im;
    size_t width;
} planes;

/* Neither of the sides that levels have loops for. */
static void read_any(const tw_fft_side *in, size_t from, size_t first, size_t lines, double *re,
                     double *im)
{
    const float *f = in->data;
    const double *d = in->data;
    for (size_t l = 0, at = from * in->step + first * in->line; l < lines; l++, at += in->line) {
        switch (in->dtype) {
        case TW_FLOAT32: re[l] = f[at], im[l] = 0; break;
        case TW_COMPLEX64: re[l] = f[2 * at], im[l] = f[2 * at + 1]; break;
        default: re[l] = d[2 * at], im[l] = d[2 * at + 1];
        }
    }
}

static void write_any(const tw_fft_side *out, size_t i, size_t first, size_t lines, double scale,
                      const double *re, const double *im)
{
    float *f = out->data;
    double *d = out->data;
    for (size_t l = 0, at = i * out->step + first * out->line; l < lines; l++, at += out->line) {
        switch (out->dtype) {
        case TW_FLOAT32: f[at] = (float)(re[l] * scale); break;
        case TW_COMPLEX64:
            f[2 * at] = (float)(re[l] * scale);
            f[2 * at + 1] = (float)(im[l] * scale);
            break;
        default: d[2 * at] = re[l] * scale, d[2 * at + 1] = im[l] * scale;
        }
    }
}

/* What a level's loops can move of it, which they then do: so many lines of so many numbers. */
static void move(const tw_fft_side *side, size_t first, double scale, const planes *p, bool takes,
                 size_t *n, size_t *lines)
{
    const tw_fft_loops *loops = TW_ISA_TABLE(tw_fft_loops);
    if (side->dtype != TW_COMPLEX64 || (side->step != 1 && side->line != 1))
        *lines = 0;
    *n -= side->line == 1 ? 0 : *n % 2;
    *lines -= *lines % 4;
    (takes ? loops->take
           : loops->give)(&(tw_fft_move){(float *)side->data + 2 * first * side->line, p->re, p->im,
                                         *n, *lines, side->step, side->line, p->width, scale});
}

/* What is not there is the mirrored conjugate of what is. */
static void read_lines(const tw_fft_side *in, size_t n, size_t first, size_t lines,
                       const planes *to)
{
    size_t moved = in->count < n ? in->count : n, moved_lines = lines;
    move(in, first, 1, to, true, &moved, &moved_lines);
    for (size_t i = 0; i < n; i++) {
        double *re = to->re + i * to->width, *im = to->im + i * to->width;
        size_t done = i < moved ? moved_lines : 0;
        read_any(in, i < in->count ? i : n - i, first + done, lines - done, re + done, im + done);
        for (size_t l = 0; l < lines && i >= in->count; l++)
            im[l] = -im[l];
        for (size_t l = lines; l < to->width; l++)
            re[l] = im[l] = 0;
    }
}

static void write_lines(const tw_fft_side *out, size_t n, size_t first, size_t lines, double scale,
                        const planes *from)
{
    n = out->count < n ? out->count : n;
    size_t moved = n, moved_lines = lines;
    move(out, first, scale, from, false, &moved, &moved_lines);
    for (size_t i = moved_lines < lines ? 0 : moved; i < n; i++) {
        size_t done = i < moved ? moved_lines : 0;
        write_any(out, i, first + done, lines - done, scale, from->re + i * from->width + done,
                  from->im + i * from->width + done);
    }
}

/* ---- lines side by side ---- */

/* One way of lines of n numbers: their roots are every `apart`-th of the table. */
typedef struct way {
    size_t n, apart;
    const double *roots;
    double *planes; /* two buffers of two planes */
    double scale;
    bool swap_in, swap_out;
    bool turn; /* element i of line l is multiplied by root i * l of the table at the end */
    /* the numbers are pairs of real ones: their spectrum is made of the pairs' at the end, or the
     * pairs' of it before */
    bool splits, joins;
    size_t width; /* lines side by side; 0: as many as suits n */
} way;

/* From buffer to buffer; the last one written is returned. */
static double *transform(const way *w, double *from, double *to, size_t width)
{
    size_t s = width, left = w->n, plane = plane_of(w->n, width);
    const tw_fft_loops *loops = TW_ISA_TABLE(tw_fft_loops);
    while (left > 1) {
        size_t p = factor_of(left);
        tw_fft_pass pass = {.p = p,
                            .s = s,
                            .m = left / p,
                            .plane = plane,
                            .x = from,
                            .y = to,
                            .roots = w->roots,
                            .step = w->apart * (w->n / left),
                            .turn = w->apart * (w->n / p)};
        loops->pass(&pass);
        s *= p;
        left /= p;
        double *kept = from;
        from = to;
        to = kept;
    }
    return from;
}

static void turn(const way *w, size_t first, size_t lines, const planes *x)
{
    for (size_t i = 1; i < w->n; i++) {
        double *re = x->re + i * x->width, *im = x->im + i * x->width;
        const double *root = w->roots + 2 * i * first;
        for (size_t l = 0; l < lines; l++, root += 2 * i) {
            double kept = re[l];
            re[l] = kept * root[0] - im[l] * root[1];
            im[l] = kept * root[1] + im[l] * root[0];
        }
    }
}

static void run_lines(const way *w, const tw_fft_side *in, const tw_fft_side *out, size_t lines)
{
    size_t width = w->width ? w->width : width_of(w->n, lines), plane = plane_of(w->n, width);
    const tw_fft_loops *loops = TW_ISA_TABLE(tw_fft_loops);
    for (size_t first = 0; first < lines; first += width) {
        size_t count = lines - first < width ? lines - first : width;
        double *from = w->planes, *to = from + 2 * plane;
        planes x = {from + (w->swap_in ? plane : 0), from + (w->swap_in ? 0 : plane), width};
        read_lines(in, w->n + w->joins, first, count, &x);
        if (w->joins)
            loops->join(&(tw_fft_half){x.re, x.im, 2 * w->n, width, w->roots});
        double *done = transform(w, from, to, width);
        x = (planes){done, done + plane, width};
        if (w->turn)
            turn(w, first, count, &x);
        if (w->splits)
            loops->split(&(tw_fft_half){x.re, x.im, 2 * w->n, width, w->roots});
        if (w->swap_out)
            x = (planes){x.im, x.re, width};
        write_lines(out, w->n + w->splits, first, count, w->scale, &x);
    }
}

/* ---- single lines ---- */

/* Element (row, column) of the line's matrix is number row * columns + column of it; of the result
 * it is column * rows + row. */
static void run_split(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out, size_t n,
                      bool inverse, double scale)
{
    size_t columns = fft->columns, rows = n / columns;
    tw_fft_side from = *in, to = *out, between = {TW_COMPLEX128, fft->turned, 1, rows, rows};
    way w = {.n = rows,
             .apart = columns,
             .roots = fft->roots,
             .planes = fft->planes,
             .scale = 1,
             .swap_in = inverse,
             .turn = true};
    from.line = in->step;
    from.step = in->step * columns;
    from.count = rows;
    run_lines(&w, &from, &between, columns);
    w.n = columns;
    w.apart = rows;
    w.scale = scale;
    w.swap_in = w.turn = false;
    w.swap_out = inverse;
    between.step = rows;
    between.line = 1;
    between.count = columns;
    to.line = out->step;
    to.step = out->step * rows;
    to.count = columns;
    run_lines(&w, &between, &to, rows);
}

/* x[i] *= y[i] for pairs. */
static void multiply(size_t n, double *x, const double *y)
{
    for (size_t i = 0; i < 2 * n; i += 2) {
        double re = x[i];
        x[i] = re * y[i] - x[i + 1] * y[i + 1];
        x[i + 1] = re * y[i + 1] + x[i + 1] * y[i];
    }
}

static void run_long(const tw_fft *fft, double *x, bool inverse)
{
    tw_fft_side side = {TW_COMPLEX128, x, 1, 1, fft->longer};
    run_split(fft, &side, &side, fft->longer, inverse, inverse ? 1 / (double)fft->longer : 1);
}

/* One line as pairs of double, by way of `turned`, since planes may be shorter than a line; parts
 * change places where the inverse is meant. For the loops its numbers are as many lines of one. */
static void read_line(const tw_fft *fft, const tw_fft_side *in, bool swap, double *x)
{
    size_t n = fft->n, there = in->count < n ? in->count : n;
    double *re = fft->turned, *im = re + n;
    tw_fft_side across = {in->dtype, in->data, 1, in->step, 1};
    read_lines(&across, 1, 0, there, &(planes){re, im, there});
    for (size_t i = 0; i < n; i++) {
        size_t from = i < there ? i : n - i;
        x[2 * i + swap] = re[from];
        x[2 * i + !swap] = i < there ? im[from] : -im[from];
    }
}

static void write_line(const tw_fft *fft, const tw_fft_side *out, bool swap, double scale,
                       const double *x)
{
    size_t wanted = out->count < fft->n ? out->count : fft->n;
    double *re = fft->turned, *im = re + wanted;
    tw_fft_side across = {out->dtype, out->data, 1, out->step, 1};
    for (size_t i = 0; i < wanted; i++) {
        re[i] = x[2 * i + swap];
        im[i] = x[2 * i + !swap];
    }
    write_lines(&across, 1, 0, wanted, scale, &(planes){re, im, wanted});
}

/* With i k = (i^2 + k^2 - (k - i)^2) / 2 the transform is a convolution between two products. */
static void run_chirp(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out,
                      bool inverse, double scale)
{
    double *x = fft->numbers;
    size_t n = fft->n;
    read_line(fft, in, inverse, x);
    multiply(n, x, fft->chirp);
    memset(x + 2 * n, 0, 2 * (fft->longer - n) * sizeof *x);
    run_long(fft, x, false);
    multiply(fft->longer, x, fft->filter);
    run_long(fft, x, true);
    multiply(n, x, fft->chirp);
    write_line(fft, out, inverse, scale, x);
}

/* A line of which one side has but half is made whole beside it. */
static void run_line(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out, bool inverse,
                     double scale)
{
    tw_fft_side whole = {TW_COMPLEX128, fft->numbers, 1, 1, fft->n};
    bool half_in = in->count < fft->n, half_out = out->count < fft->n;
    if (half_in)
        read_line(fft, in, false, fft->numbers);
    run_split(fft, half_in ? &whole : in, half_out ? &whole : out, fft->n, inverse, scale);
    if (half_out)
        write_line(fft, out, false, 1, fft->numbers);
}

/* exp(-pi i k^2 / n), by the remainder of k^2, which is exact; and the transform of the filter, its
 * conjugate to both sides of 0. */
static void find_chirp(tw_fft *fft)
{
    size_t n = fft->n, longer = fft->longer, square = 0;
    memset(fft->filter, 0, 2 * longer * sizeof *fft->filter);
    for (size_t k = 0; k < n; k++) {
        double angle = 3.1415926535897932384626433832795 * (double)square / (double)n;
        double c = cos(angle), s = sin(angle);
        fft->chirp[2 * k] = c;
        fft->chirp[2 * k + 1] = -s;
        double *before = fft->filter + 2 * ((longer - k) % longer);
        before[0] = fft->filter[2 * k] = c;
        before[1] = fft->filter[2 * k + 1] = s;
        square = (square + 2 * k + 1) % (2 * n);
    }
    run_long(fft, fft->filter, false);
}

void tw_fft_init(tw_fft *fft, size_t n, size_t lines, double *work)
{
    *fft = (tw_fft){.n = n, .roots = work};
    if (largest_prime(n) <= LARGEST_PRIME) {
        fft->turned = work + 2 * n;
        fft->numbers = work + 4 * n;
        fft->planes = work + 6 * n;
        fft->columns = is_split(n, lines) ? columns_of(n) : 0;
        find_roots(n, fft->roots);
        return;
    }
    size_t longer = fft->longer = longer_of(n);
    fft->columns = columns_of(longer);
    fft->turned = work + 2 * longer;
    fft->filter = fft->turned + 2 * longer;
    fft->numbers = fft->filter + 2 * longer;
    fft->chirp = fft->numbers + 2 * longer;
    fft->planes = fft->chirp + 2 * n;
    find_roots(longer, fft->roots);
    find_chirp(fft);
}

/* Real numbers whose neighbours can be taken for pairs, so that half of the length is enough. */
static bool is_pairs(const tw_fft_side *real, const tw_fft_side *half, size_t n)
{
    return real->dtype == TW_FLOAT32 && real->step == 1 && real->line % 2 == 0 && n % 2 == 0 &&
           real->count == n && half->count == n / 2 + 1;
}

static tw_fft_side pairs_of(const tw_fft_side *real)
{
    return (tw_fft_side){TW_COMPLEX64, real->data, 1, real->line / 2, real->count / 2};
}

/* As many lines side by side as of the whole length, which is what there is work for. */
static bool run_pairs(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out,
                      size_t lines, bool inverse)
{
    way w = {.n = fft->n / 2,
             .apart = 2,
             .roots = fft->roots,
             .planes = fft->planes,
             .scale = inverse ? 1 / (double)fft->n : 1,
             .swap_in = inverse,
             .swap_out = inverse,
             .splits = !inverse,
             .joins = inverse,
             .width = width_of(fft->n, lines)};
    if (!is_pairs(inverse ? out : in, inverse ? in : out, fft->n))
        return false;
    tw_fft_side pairs = pairs_of(inverse ? out : in);
    run_lines(&w, inverse ? in : &pairs, inverse ? &pairs : out, lines);
    return true;
}

void tw_fft_run(const tw_fft *fft, const tw_fft_side *in, const tw_fft_side *out, size_t lines,
                bool inverse)
{
    size_t n = fft->n;
    double scale = inverse ? 1 / (double)n : 1;
    bool by_lines = !fft->longer && !fft->columns;
    if (by_lines && run_pairs(fft, in, out, lines, inverse))
        return;
    if (by_lines) {
        way w = {.n = n,
                 .apart = 1,
                 .roots = fft->roots,
                 .planes = fft->planes,
                 .scale = scale,
                 .swap_in = inverse,
                 .swap_out = inverse};
        run_lines(&w, in, out, lines);
        return;
    }
    for (size_t l = 0; l < lines; l++) {
        tw_fft_side from = *in, to = *out;
        from.data = (char *)in->data + l * in->line * tw_dtype_size(in->dtype);
        to.data = (char *)out->data + l * out->line * tw_dtype_size(out->dtype);
        if (fft->longer)
            run_chirp(fft, &from, &to, inverse, scale);
        else
            run_line(fft, &from, &to, inverse, scale);
    }
}
