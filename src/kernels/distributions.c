/* SPDX-License-Identifier: Apache-2.0
 * Distributions over Philox streams. Work is cut at numbers of elements that are whole groups of
 * blocks; a cell skips to its place in the stream. */
#include "kernels/distributions.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kernels/distributions_inside.h"
#include "tensor/array.h"

enum {
    WORDS = 4,
    BATCH_WORDS = TW_RANDOM_BATCH * WORDS,
    CELL = 4 * BATCH_WORDS, /* elements that a cell makes, of most kinds */
    RESERVED = 256          /* words of the stream kept for each truncated number */
};

/* What a cell needs to know; low and range are for integers. */
typedef struct fill {
    tw_philox stream;
    tw_dtype dtype;
    uint64_t low, range;
    char *out;
    size_t count;
    const tw_random_loops *loops;
} fill;

/* ---- numbers from words ---- */

/* 52 random bits in the mantissa of a number in [1, 2), less 1. */
static double double_of(uint32_t high, uint32_t low)
{
    uint64_t bits = (UINT64_C(1023) << 52) | (uint64_t)(high & 0xfffffu) << 32 | low;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value - 1;
}

/* 23 random bits, likewise. */
static float float_of(uint32_t word)
{
    uint32_t bits = 0x3f800000u | (word & 0x7fffffu);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value - 1;
}

/* Two normal doubles of four words, by the C library's functions: to the bit what TensorFlow
 * gives. */
static void normal_doubles(const uint32_t words[4], double out[2])
{
    double u = double_of(words[0], words[1]), v = double_of(words[2], words[3]);
    double radius = sqrt(-2 * log(u < 1.0e-7 ? 1.0e-7 : u)), angle = 2 * 3.14159265358979323846 * v;
    out[0] = sin(angle) * radius;
    out[1] = cos(angle) * radius;
}

/* 10 random bits of the low end of the word: the rest is not used. */
static uint16_t half_of(uint32_t word)
{
    return tw_float_to_half(tw_half_to_float((uint16_t)(0x3c00 | (word & 0x3ff))) - 1);
}

/* 7 random bits. */
static uint16_t bfloat16_of(uint32_t word)
{
    return tw_float_to_bfloat16(tw_bfloat16_to_float((uint16_t)(0x3f80 | (word & 0x7f))) - 1);
}

/* Rounds a float to the 16-bit dtype. */
static uint16_t narrow(tw_dtype dtype, float value)
{
    return dtype == TW_FLOAT16 ? tw_float_to_half(value) : tw_float_to_bfloat16(value);
}

/* ---- a batch of words becomes numbers ---- */

typedef void (*batch_fn)(const fill *f, const uint32_t words[BATCH_WORDS], void *out);

/* The instruction set's own loop; it takes whole batches, so that vectors need no remainder. */
static void uniform_floats(const fill *f, const uint32_t *words, void *out)
{
    f->loops->uniform_f32(BATCH_WORDS, out, words);
}

/* Box-Muller takes two words and gives two numbers, so a batch of words gives exactly as many
 * floats and no word is left over. */
static void normal_floats(const fill *f, const uint32_t *words, void *out)
{
    f->loops->normal_f32(BATCH_WORDS, out, words);
}

/* A word for each number, as for float. */
static void uniform_shorts(const fill *f, const uint32_t *words, void *out)
{
    uint16_t *z = out;
    for (size_t i = 0; i < BATCH_WORDS; i++)
        z[i] = f->dtype == TW_FLOAT16 ? half_of(words[i]) : bfloat16_of(words[i]);
}

/* Normal numbers are made in float, then rounded. */
static void normal_shorts(const fill *f, const uint32_t *words, void *out)
{
    float values[BATCH_WORDS];
    uint16_t *z = out;
    normal_floats(f, words, values);
    for (size_t i = 0; i < BATCH_WORDS; i++)
        z[i] = narrow(f->dtype, values[i]);
}

/* Two words for each number. */
static void uniform_doubles(const fill *f, const uint32_t *words, void *out)
{
    double *z = out;
    (void)f;
    for (size_t i = 0; i < BATCH_WORDS / 2; i++)
        z[i] = double_of(words[2 * i], words[2 * i + 1]);
}

/* Four words for two numbers. */
static void normal_wide(const fill *f, const uint32_t *words, void *out)
{
    double *z = out;
    (void)f;
    for (size_t i = 0; i < BATCH_WORDS / 2; i += 2)
        normal_doubles(words + 2 * i, z + i);
}

/* The remainder is TensorFlow's: with a range that is no power of two, small numbers are more
 * likely by range / 2^32. */
static void ints_32(const fill *f, const uint32_t *words, void *out)
{
    uint32_t *z = out, low = (uint32_t)f->low, range = (uint32_t)f->range;
    if (f->range && f->range <= UINT32_C(1) << 31) {
        f->loops->remainders_32(BATCH_WORDS, z, words, low, range);
        return;
    }
    for (size_t i = 0; i < BATCH_WORDS; i++)
        z[i] = low + (range ? words[i] % range : words[i]);
}

/* Two words for each number, the low one first. */
static void ints_64(const fill *f, const uint32_t *words, void *out)
{
    uint64_t *z = out;
    for (size_t i = 0; i < BATCH_WORDS / 2; i++) {
        uint64_t word = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
        z[i] = f->low + (f->range ? word % f->range : word);
    }
}

/* The function that turns 256 words into numbers of the dtype. */
static batch_fn batch_of(const fill *f, tw_distribution kind)
{
    bool normal = kind != TW_DISTRIBUTION_UNIFORM;
    switch (f->dtype) {
    case TW_FLOAT32: return normal ? normal_floats : uniform_floats;
    case TW_FLOAT64: return normal ? normal_wide : uniform_doubles;
    case TW_INT32: return ints_32;
    case TW_INT64: return ints_64;
    default: return normal ? normal_shorts : uniform_shorts;
    }
}

/* ---- cells ---- */

/* `count` blocks (a multiple of 16), each `step` after the one before, the first where the stream
 * stands. */
static void take_blocks(const fill *f, const tw_philox *stream, uint64_t step, size_t count,
                        uint32_t *words)
{
    uint64_t low = (uint64_t)stream->counter[1] << 32 | stream->counter[0];
    if (low <= UINT64_MAX - step * count) {
        f->loops->blocks(stream, step, count, words);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        tw_philox one = *stream;
        tw_philox_skip(&one, i * step);
        tw_philox_next(&one, words + i * WORDS);
    }
}

/* Numbers that take a fixed number of words. */
typedef struct plain_job {
    fill f;
    batch_fn batch;
} plain_job;

/* A batch makes 256 elements of up to 4 bytes or 128 of 8: at most 1 KiB. */
static void plain_cell(size_t cell, void *arg)
{
    const plain_job *job = arg;
    const fill *f = &job->f;
    size_t size = tw_dtype_size(f->dtype), each = size == 8 ? BATCH_WORDS / 2 : BATCH_WORDS;
    size_t start = cell * CELL, end = f->count - start > CELL ? start + CELL : f->count;
    tw_philox stream = f->stream;
    uint32_t words[BATCH_WORDS];
    _Alignas(8) char last[BATCH_WORDS * 4];
    tw_philox_skip(&stream, start / each * TW_RANDOM_BATCH);
    for (size_t at = start; at < end; at += each) {
        take_blocks(f, &stream, 1, TW_RANDOM_BATCH, words);
        tw_philox_skip(&stream, TW_RANDOM_BATCH);
        if (end - at >= each) {
            job->batch(f, words, f->out + at * size);
        } else {
            job->batch(f, words, last);
            memcpy(f->out + at * size, last, (end - at) * size);
        }
    }
}

/* ---- truncated normal numbers ---- */

/* Two normal floats of two words, as the level's loop gives them: few at a time cost less so. */
static void normal_pair(const uint32_t words[2], float out[2])
{
    float u = float_of(words[0]), v = float_of(words[1]);
    float radius = sqrtf(-2 * logf(u < 1.0e-7F ? 1.0e-7F : u));
    float angle = (float)(2 * 3.14159265358979323846 * (double)v);
    out[0] = sinf(angle) * radius;
    out[1] = cosf(angle) * radius;
}

/* The four numbers of a group, of which `first` are the first that are drawn: more are drawn from
 * the group's part of the stream until four of them are near enough to 0. */
static void truncated_floats(const fill *f, size_t group, const float first[WORDS],
                             float out[WORDS])
{
    tw_philox stream = f->stream;
    uint32_t words[WORDS];
    float drawn[WORDS];
    size_t found = 0;
    tw_philox_skip(&stream, (uint64_t)group * RESERVED + 1);
    for (const float *x = first;; x = drawn) {
        for (size_t i = 0; i < WORDS && found < WORDS; i++) {
            if (fabsf(x[i]) < 2)
                out[found++] = x[i];
        }
        if (found == WORDS)
            return;
        tw_philox_next(&stream, words);
        normal_pair(words, drawn);
        normal_pair(words + 2, drawn + 2);
    }
}

/* A batch of groups: what most of them need is drawn at once. */
static void truncated_batch(const fill *f, size_t group, float *out)
{
    uint32_t words[BATCH_WORDS];
    float drawn[BATCH_WORDS];
    tw_philox stream = f->stream;
    tw_philox_skip(&stream, (uint64_t)group * RESERVED);
    take_blocks(f, &stream, RESERVED, TW_RANDOM_BATCH, words);
    f->loops->normal_f32(BATCH_WORDS, drawn, words);
    for (size_t i = 0; i < TW_RANDOM_BATCH; i++)
        truncated_floats(f, group + i, drawn + i * WORDS, out + i * WORDS);
}

/* Likewise two numbers, four words for each pair. */
static void truncated_doubles(const fill *f, size_t group, double out[2])
{
    tw_philox stream = f->stream;
    size_t found = 0;
    tw_philox_skip(&stream, (uint64_t)group * (RESERVED / 2));
    while (found < 2) {
        uint32_t words[WORDS];
        double pair[2];
        tw_philox_next(&stream, words);
        normal_doubles(words, pair);
        for (size_t i = 0; i < 2 && found < 2; i++) {
            if (fabs(pair[i]) < 2)
                out[found++] = pair[i];
        }
    }
}

/* Batches stand on their own in the stream, so the last may be cut off. */
static void truncated_cell(size_t cell, void *arg)
{
    const fill *f = arg;
    size_t start = cell * CELL, end = f->count - start > CELL ? start + CELL : f->count;
    float values[BATCH_WORDS];
    for (size_t at = start; at < end; at += BATCH_WORDS) {
        size_t n = end - at < BATCH_WORDS ? end - at : BATCH_WORDS;
        truncated_batch(f, at / WORDS, values);
        if (f->dtype == TW_FLOAT32)
            memcpy((float *)(void *)f->out + at, values, n * sizeof *values);
        for (size_t i = 0; i < n && f->dtype != TW_FLOAT32; i++)
            ((uint16_t *)(void *)f->out)[at + i] = narrow(f->dtype, values[i]);
    }
}

/* Pairs are groups of their own. */
static void truncated_cell_of_doubles(size_t cell, void *arg)
{
    const fill *f = arg;
    size_t start = cell * CELL, end = f->count - start > CELL ? start + CELL : f->count;
    for (size_t at = start; at < end; at += 2) {
        double values[2];
        truncated_doubles(f, at / 2, values);
        memcpy((double *)(void *)f->out + at, values, (end - at < 2 ? 1 : 2) * sizeof *values);
    }
}

/* Cells of a fixed number of elements, whatever the number of threads. */
static void run_cells(int threads, size_t count, void (*body)(size_t cell, void *arg), void *arg)
{
    size_t cells = (count + CELL - 1) / CELL;
    if (cells > 1 && threads != 1) {
        tw_pool_run(threads, cells, body, arg);
        return;
    }
    for (size_t cell = 0; cell < cells; cell++)
        body(cell, arg);
}

/* The truncated normal rejects numbers and so needs cells of its own; every other kind uses a
 * fixed number of words an element and can be cut anywhere. */
void tw_random_fill(tw_philox stream, tw_distribution kind, tw_dtype dtype, void *out, size_t count,
                    int threads)
{
    fill f = {.stream = stream,
              .dtype = dtype,
              .out = out,
              .count = count,
              .loops = TW_ISA_TABLE(tw_random_loops)};
    if (kind == TW_DISTRIBUTION_TRUNCATED) {
        run_cells(threads, count, dtype == TW_FLOAT64 ? truncated_cell_of_doubles : truncated_cell,
                  &f);
        return;
    }
    plain_job job = {.f = f, .batch = batch_of(&f, kind)};
    run_cells(threads, count, plain_cell, &job);
}

/* An integer is low plus the drawn number modulo the range, as in TensorFlow: the slight bias of
 * the remainder is part of its stream. */
void tw_random_fill_ints(tw_philox stream, tw_dtype dtype, int64_t low, uint64_t range, void *out,
                         size_t count, int threads)
{
    fill f = {.stream = stream,
              .dtype = dtype,
              .low = (uint64_t)low,
              .range = range,
              .out = out,
              .count = count,
              .loops = TW_ISA_TABLE(tw_random_loops)};
    plain_job job = {.f = f, .batch = batch_of(&f, TW_DISTRIBUTION_UNIFORM)};
    run_cells(threads, count, plain_cell, &job);
}

/* ---- one word after the other ---- */

/* The first word is not made before it is asked for. */
tw_random_words tw_random_words_of(tw_philox stream)
{
    return (tw_random_words){.stream = stream, .used = WORDS};
}

/* Blocks are made only when a word is asked for, so a caller who draws nothing leaves the stream
 * where it was. */
uint32_t tw_random_word(tw_random_words *words)
{
    if (words->used == WORDS) {
        tw_philox_next(&words->stream, words->words);
        words->used = 0;
    }
    return words->words[words->used++];
}

/* The 23 low bits of a word are the digits. */
float tw_random_float(tw_random_words *words)
{
    return float_of(tw_random_word(words));
}

/* Two words make one double, the high one first; the order of evaluation is made plain here, as
 * C leaves that of arguments open. */
double tw_random_double(tw_random_words *words)
{
    uint32_t high = tw_random_word(words);
    return double_of(high, tw_random_word(words));
}

/* Fisher-Yates from the front, one word for each place but the last: the same stream gives the
 * same order on every machine. */
void tw_random_permutation(tw_random_words *words, int64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (int64_t)i;
    for (size_t i = 0; i + 1 < count; i++) {
        size_t other = i + tw_random_word(words) % (uint32_t)(count - i);
        int64_t kept = out[i];
        out[i] = out[other];
        out[other] = kept;
    }
}

/* Running sums of exp(logit - largest) over the classes whose logit is finite. */
static double sum_classes(tw_dtype dtype, const char *logits, size_t classes, double *sums)
{
    size_t size = tw_dtype_size(dtype);
    double most = -INFINITY, total = 0;
    for (size_t k = 0; k < classes; k++) {
        sums[k] = tw_element_get(dtype, logits + k * size);
        most = isfinite(sums[k]) && sums[k] > most ? sums[k] : most;
    }
    for (size_t k = 0; k < classes; k++) {
        total += isfinite(sums[k]) ? exp(sums[k] - most) : 0;
        sums[k] = total;
    }
    return total;
}

/* The first class whose sum is above `x`. */
static size_t find_class(const double *sums, size_t classes, double x)
{
    size_t low = 0, high = classes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sums[middle] > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* All rows draw from one stream in turn, row by row, hence on one thread. `sums` is the caller's
 * room for a row's running totals. */
void tw_random_multinomial(tw_philox stream, tw_dtype dtype, const void *logits, size_t rows,
                           size_t classes, size_t samples, tw_dtype out_dtype, void *out,
                           double *sums)
{
    tw_random_words words = tw_random_words_of(stream);
    for (size_t row = 0; row < rows; row++) {
        const char *from = (const char *)logits + row * classes * tw_dtype_size(dtype);
        double total = sum_classes(dtype, from, classes, sums);
        for (size_t i = 0; i < samples; i++) {
            size_t found = find_class(sums, classes, tw_random_double(&words) * total);
            if (out_dtype == TW_INT64)
                ((int64_t *)out)[row * samples + i] = (int64_t)found;
            else
                ((int32_t *)out)[row * samples + i] = (int32_t)found;
        }
    }
}
