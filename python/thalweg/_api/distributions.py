# SPDX-License-Identifier: Apache-2.0
"""Public names of probability distributions."""
NAMES = {
    "distributions": {
        "ops.distributions.distribution": "Distribution FULLY_REPARAMETERIZED NOT_REPARAMETERIZED "
                                          "RegisterKL ReparameterizationType kl_divergence",
        "ops.distributions.continuous": "Beta Exponential Gamma Laplace Normal StudentT Uniform",
        "ops.distributions.discrete": "Bernoulli Categorical Dirichlet DirichletMultinomial "
                                      "Multinomial",
    },
}
