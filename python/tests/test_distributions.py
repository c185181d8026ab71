# SPDX-License-Identifier: Apache-2.0
"""tf.distributions: densities against sums and differences, what is drawn against the moments, and
numbers of TensorFlow 1.15."""
import numpy as np
import pytest

import thalweg as tf

D = tf.distributions

KINDS = [
    (lambda: D.Normal(1., 2.), -9., 11.), (lambda: D.Laplace(1., .5), -7., 9.),
    (lambda: D.Uniform(-1., 3.), -2., 4.), (lambda: D.Gamma(2.5, 1.5), 1e-6, 16.),
    (lambda: D.Exponential(2.), 1e-6, 12.), (lambda: D.Beta(2., 1.5), 1e-6, 1 - 1e-6),
    (lambda: D.StudentT(9., 1., .5), -9., 11.)]


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def near(session, tensor, value, within=2e-3):
    found = session.run(tensor)
    assert np.allclose(found, value, rtol=within, atol=within), found


@pytest.mark.parametrize("make, low, high", KINDS)
def test_densities_and_moments_agree(session, make, low, high):
    x = np.linspace(low, high, 20001)
    d = make()
    density, below, log = session.run([d.prob(x.astype("f")), d.cdf(x.astype("f")),
                                       d.log_prob(x.astype("f"))])
    density = density.astype("d")
    step = x[1] - x[0]
    assert abs(density.sum() * step - 1) < 4e-3
    assert np.allclose(np.cumsum(density) * step, below, atol=4e-3)
    mean, variance, entropy = session.run([d.mean(), d.variance(), d.entropy()])
    assert abs((x * density).sum() * step - mean) < 1e-2
    assert abs(((x - mean) ** 2 * density).sum() * step - variance) < 2e-2
    known = np.isfinite(log)
    assert abs(-(density[known] * log[known]).sum() * step - entropy) < 1e-2
    drawn = session.run(d.sample(4000, seed=3))
    assert abs(drawn.mean() - mean) < .1 and abs(drawn.var() - variance) < .1 * (1 + variance)


@pytest.mark.parametrize("make, low, high", KINDS)
def test_derivatives_flow_through_what_is_drawn(session, make, low, high):
    d = make()
    parameter = d._batch_parameters()[-1]
    assert d.reparameterization_type is D.FULLY_REPARAMETERIZED
    assert tf.gradients(d.sample([3], seed=1), parameter)[0] is not None


def test_tensorflows_numbers(session):
    near(session, D.Normal(0., 1.).log_cdf([-30., -12., 0., 3.]),
         [-454.3212, -75.4107, -.6931, -.0014])
    near(session, D.Bernoulli(probs=[.2, .9]).log_prob([[0, 1], [1, 0]]),
         [[-.2231, -.1054], [-1.6094, -2.3026]])
    near(session, D.Categorical(probs=[[.2, .3, .5], [.6, .1, .3]]).entropy(), [1.0297, .8979])
    near(session, D.Dirichlet([1.5, 2., 3.]).log_prob([.2, .3, .5]), 1.6952)
    near(session, D.Multinomial(4., probs=[.2, .3, .5]).prob([1., 1., 2.]), .18)
    near(session, D.DirichletMultinomial(4., [.2, .3, .5]).covariance(),
         [[1.6, -.6, -1.], [-.6, 2.1, -1.5], [-1., -1.5, 2.5]])


def test_divergences(session):
    near(session, D.kl_divergence(D.Normal([0., 1.], 1.), D.Normal(1., [2., .5])), [.4431, .8069])
    near(session, D.Gamma([2., .5], 3.).kl_divergence(D.Gamma(1., [2., .5])), [.1622, 1.7843])
    near(session, D.Exponential(2.).kl_divergence(D.Gamma(2., 3.)), .2663)
    near(session, D.Beta([2., .5], 3.).kl_divergence(D.Beta(1., [2., .5])), [.1253, 1.7108])
    near(session, D.Bernoulli(probs=[.1, .7]).kl_divergence(D.Bernoulli(logits=.2)), [.4533, .0469])
    near(session, D.Categorical(probs=[.1, .9]).cross_entropy(D.Categorical(probs=[.4, .6])),
         .5514)
    near(session, D.Dirichlet([.1, .9]).kl_divergence(D.Dirichlet([4., 6.])), 30.7659)
    with pytest.raises(NotImplementedError, match="No KL"):
        D.kl_divergence(D.Normal(0., 1.), D.Beta(1., 1.))

    class Mine(D.Normal):
        pass

    @D.RegisterKL(Mine, D.Uniform)
    def _mine(a, b, name=None):
        return a.loc - b.low

    near(session, Mine(3., 1.).kl_divergence(D.Uniform(1., 2.)), 2.)
    with pytest.raises(ValueError, match="already been registered"):
        D.RegisterKL(Mine, D.Uniform)(_mine)


def test_shapes_and_copies(session):
    d = D.Normal([[1.], [2.]], [1., 2., 3.])
    assert d.batch_shape == (2, 3) and d.event_shape == () and d.dtype == tf.float32
    assert d.sample([4, 5]).shape == (4, 5, 2, 3)
    assert session.run(D.Categorical(logits=tf.zeros([2, 3])).sample(6)).shape == (6, 2)
    assert d.copy(scale=1.).batch_shape == (2, 1)
    assert set(d.parameters) == {"loc", "scale", "validate_args", "allow_nan_stats", "name"}
    unknown = D.Dirichlet(tf.placeholder(tf.float32, [None, 3]))
    assert unknown.sample(2).shape.as_list() == [2, None, 3]


def test_arguments_that_are_no_parameters(session):
    with pytest.raises(ValueError, match="probs or logits"):
        D.Bernoulli()
    with pytest.raises(tf.errors.InvalidArgumentError):
        session.run(D.Normal(0., tf.placeholder_with_default(-1., []), validate_args=True).mean())
    assert np.isnan(session.run(D.Gamma(.5, 1.).mode()))
    with pytest.raises(tf.errors.InvalidArgumentError, match="mode is not defined"):
        session.run(D.Gamma(.5, 1., allow_nan_stats=False).mode())
    with pytest.raises(NotImplementedError, match="quantile"):
        D.Gamma(1., 1.).quantile(.5)
