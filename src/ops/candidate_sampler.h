/* SPDX-License-Identifier: Apache-2.0
 * What all samplers of classes share: how classes are drawn until there are enough, how often each
 * is to be expected, and what the ops give. */
#ifndef TW_OPS_CANDIDATE_SAMPLER_H
#define TW_OPS_CANDIDATE_SAMPLER_H

#include "kernels/distributions.h"
#include "ops/random.h"

/* A distribution over the classes 0 .. range - 1. */
typedef struct tw_sampler {
    int64_t range;
    int64_t (*draw)(const struct tw_sampler *s, tw_random_words *words);
    float (*probability)(const struct tw_sampler *s, int64_t class);
    const void *data; /* of the distribution */
} tw_sampler;

/* Fills the three outputs: sampled classes, and the expected counts of the true classes and of the
 * sampled ones. */
tw_status *tw_sample_candidates(tw_compute *c, const tw_sampler *sampler);
/* 0 .. range - 1, each as likely: from single words, or from two together if `wide`. */
uint64_t tw_random_below(tw_random_words *words, uint64_t range, bool wide);
void tw_infer_sampler(tw_infer *in);

#define TW_SAMPLER_INPUTS                                         \
    "true_classes: int64 -> sampled_candidates: int64, "          \
    "true_expected_count: float, sampled_expected_count: float; " \
    "num_true: int >= 1; num_sampled: int >= 1; unique: bool; "
#define TW_SAMPLER_SEEDS "seed: int = 0; seed2: int = 0"

#endif
