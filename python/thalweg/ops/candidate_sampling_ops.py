# SPDX-License-Identifier: Apache-2.0
"""Draws of classes other than the true ones."""
from thalweg.framework import random_seed
from thalweg.ops import gen_candidate_sampling_ops as gen


def uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None,
                              name=None):
    """Draws classes, all equally likely. Gives (sampled classes, expected counts of the true
    classes, expected counts of the sampled ones)."""
    one, two = random_seed.get_seed(seed)
    return gen.uniform_candidate_sampler(
        true_classes, num_true=num_true, num_sampled=num_sampled, unique=unique,
        range_max=range_max, seed=one or 0, seed2=two or 0, name=name)


def log_uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None,
                                  name=None):
    """Draws classes, class k with probability log((k + 2) / (k + 1)) / log(range_max + 1), as words
    that are numbered by how frequent they are. Results as of uniform_candidate_sampler()."""
    one, two = random_seed.get_seed(seed)
    return gen.log_uniform_candidate_sampler(
        true_classes, num_true=num_true, num_sampled=num_sampled, unique=unique,
        range_max=range_max, seed=one or 0, seed2=two or 0, name=name)


def learned_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max,
                                      seed=None, name=None):
    """Draws classes as often as they were true ones so far. Results as of
    uniform_candidate_sampler()."""
    one, two = random_seed.get_seed(seed)
    return gen.learned_unigram_candidate_sampler(
        true_classes, num_true=num_true, num_sampled=num_sampled, unique=unique,
        range_max=range_max, seed=one or 0, seed2=two or 0, name=name)


def fixed_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max,
                                    vocab_file="", distortion=1.0, num_reserved_ids=0, num_shards=1,
                                    shard=0, unigrams=(), seed=None, name=None):
    """Draws classes by given weights (or those in a file), each raised to the power `distortion`.
    Results as of uniform_candidate_sampler()."""
    one, two = random_seed.get_seed(seed)
    return gen.fixed_unigram_candidate_sampler(
        true_classes, num_true=num_true, num_sampled=num_sampled, unique=unique,
        range_max=range_max, vocab_file=vocab_file, distortion=distortion,
        num_reserved_ids=num_reserved_ids, num_shards=num_shards, shard=shard,
        unigrams=list(unigrams), seed=one or 0, seed2=two or 0, name=name)


def all_candidate_sampler(true_classes, num_true, num_sampled, unique, seed=None, name=None):
    """All classes, for tests of what uses samplers."""
    one, two = random_seed.get_seed(seed)
    return gen.all_candidate_sampler(true_classes, num_true=num_true, num_sampled=num_sampled,
                                     unique=unique, seed=one or 0, seed2=two or 0, name=name)


def compute_accidental_hits(true_classes, sampled_candidates, num_true, seed=None, name=None):
    """(rows, places among the samples, a great negative weight) wherever a sampled class is a true
    one of the row."""
    one, two = random_seed.get_seed(seed)
    return gen.compute_accidental_hits(true_classes, sampled_candidates, num_true=num_true,
                                       seed=one or 0, seed2=two or 0, name=name)


__all__ = [n for n in globals() if n.endswith("_sampler") or n == "compute_accidental_hits"]
