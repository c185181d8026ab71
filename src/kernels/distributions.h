/* SPDX-License-Identifier: Apache-2.0
 * Random numbers from Philox streams, in TensorFlow's layout: which block of the stream becomes
 * which element follows from the element's number alone, so that the same seeds give TensorFlow's
 * numbers at any number of threads. A block is four 32-bit words; it makes four numbers of up to 32
 * bits, or two of 64. */
#ifndef TW_KERNELS_DISTRIBUTIONS_H
#define TW_KERNELS_DISTRIBUTIONS_H

#include "base/philox.h"
#include "thalweg/dtype.h"

typedef enum tw_distribution {
    TW_DISTRIBUTION_UNIFORM,  /* in [0, 1): 23 random bits of a float, 52 of a double */
    TW_DISTRIBUTION_NORMAL,   /* Box and Muller */
    TW_DISTRIBUTION_TRUNCATED /* normal, drawn again where it is 2 or more from 0 */
} tw_distribution;

/* Fills `out` with `count` numbers of a floating dtype. threads: at most so many, 0: all. */
void tw_random_fill(tw_philox stream, tw_distribution kind, tw_dtype dtype, void *out, size_t count,
                    int threads);
/* int32 or int64 numbers in low .. low + range - 1; range 0 stands for all of them. */
void tw_random_fill_ints(tw_philox stream, tw_dtype dtype, int64_t low, uint64_t range, void *out,
                         size_t count, int threads);

/* One word after the other. */
typedef struct tw_random_words {
    tw_philox stream;
    uint32_t words[4];
    int used;
} tw_random_words;
tw_random_words tw_random_words_of(tw_philox stream);
uint32_t tw_random_word(tw_random_words *words);
float tw_random_float(tw_random_words *words);   /* in [0, 1), of one word */
double tw_random_double(tw_random_words *words); /* in [0, 1), of two words */
/* 0 .. count - 1 in random order, by count - 1 words. */
void tw_random_permutation(tw_random_words *words, int64_t *out, size_t count);

/* Classes drawn with probabilities proportional to exp(logits): for each of `rows` rows of
 * `classes` logits (of `dtype`, real) `samples` of them, as int32 or int64. sums: classes doubles
 * to work in. */
void tw_random_multinomial(tw_philox stream, tw_dtype dtype, const void *logits, size_t rows,
                           size_t classes, size_t samples, tw_dtype out_dtype, void *out,
                           double *sums);

#endif
