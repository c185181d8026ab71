# SPDX-License-Identifier: Apache-2.0
"""Random numbers. Each operation has the seeds that the graph's seed and its own give it."""
import numpy as np

from thalweg.framework import dtypes, op_def_library, ops, random_seed
from thalweg.ops import array_ops, control_flow_ops, gen_math_ops, math_ops


def _shape_tensor(shape):
    """A list of sizes as a tensor; an empty one is whole too."""
    dtype = dtypes.int32 if isinstance(shape, (tuple, list)) and not shape else None
    return ops.convert_to_tensor(shape, dtype=dtype, name="shape")


_ShapeTensor = _shape_tensor


def _draw(op_name, name, inputs, seed, **attrs):
    seed1, seed2 = random_seed.get_seed(seed)
    return op_def_library.apply_op(op_name, name=name, seed=seed1 or 0, seed2=seed2 or 0,
                                   **inputs, **attrs)


def _normal(op_name, scope_name, shape, mean, stddev, dtype, seed, name):
    """mean + stddev * draws"""
    dtype = dtypes.as_dtype(dtype)
    with ops.name_scope(name, scope_name, [shape, mean, stddev]) as scope:
        shape = _shape_tensor(shape)
        mean = ops.convert_to_tensor(mean, dtype=dtype, name="mean")
        stddev = ops.convert_to_tensor(stddev, dtype=dtype, name="stddev")
        draws = _draw(op_name, None, {"shape": shape}, seed, dtype=dtype)
        return gen_math_ops.add(gen_math_ops.mul(draws, stddev, name="mul"), mean, name=scope)


def random_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Numbers of a normal distribution."""
    return _normal("RandomStandardNormal", "random_normal", shape, mean, stddev, dtype, seed, name)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Numbers of a normal distribution; those more than two standard deviations from the mean are
    drawn again."""
    return _normal("TruncatedNormal", "truncated_normal", shape, mean, stddev, dtype, seed, name)


def random_uniform(shape, minval=0, maxval=None, dtype=dtypes.float32, seed=None, name=None):
    """Numbers from `minval` up to but not including `maxval` (1 for floats), equally likely."""
    dtype = dtypes.as_dtype(dtype)
    allowed = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64, dtypes.int32,
               dtypes.int64)
    if dtype not in allowed:
        raise ValueError("Invalid dtype %r" % dtype)
    if maxval is None:
        if dtype.is_integer:
            raise ValueError("Must specify maxval for integer dtype %r" % dtype)
        maxval = 1
    with ops.name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        shape = _shape_tensor(shape)
        low = ops.convert_to_tensor(minval, dtype=dtype, name="min")
        high = ops.convert_to_tensor(maxval, dtype=dtype, name="max")
        if dtype.is_integer:
            return _draw("RandomUniformInt", scope,
                         {"shape": shape, "minval": low, "maxval": high}, seed)
        draws = _draw("RandomUniform", None, {"shape": shape}, seed, dtype=dtype)
        scaled = gen_math_ops.mul(draws, gen_math_ops.sub(high, low, name="sub"), name="mul")
        return gen_math_ops.add(scaled, low, name=scope)


def random_gamma(shape, alpha, beta=None, dtype=dtypes.float32, seed=None, name=None):
    """Numbers of gamma distributions: so many for each alpha and beta."""
    with ops.name_scope(name, "random_gamma", [shape, alpha, beta]):
        shape = ops.convert_to_tensor(shape, dtype=dtypes.int32, name="shape")
        alpha = ops.convert_to_tensor(alpha, dtype=dtype, name="alpha")
        beta = ops.convert_to_tensor(1 if beta is None else beta, dtype=dtype, name="beta")
        alpha = alpha + array_ops.zeros_like(beta)
        draws = _draw("RandomGamma", None, {"shape": shape, "alpha": alpha}, seed)
        return gen_math_ops.maximum(np.finfo(alpha.dtype.as_numpy_dtype).tiny, draws / beta)


def random_poisson(lam, shape, dtype=dtypes.float32, seed=None, name=None):
    """Numbers of Poisson distributions: so many for each rate."""
    with ops.name_scope(name, "random_poisson", [lam, shape]):
        shape = ops.convert_to_tensor(shape, dtype=dtypes.int32, name="shape")
        return _draw("RandomPoissonV2", None, {"shape": shape, "rate": lam}, seed, dtype=dtype)


def parameterized_truncated_normal(shape, means=0.0, stddevs=1.0, minvals=-2.0, maxvals=2.0,
                                   dtype=dtypes.float32, seed=None, name=None):
    """Numbers of normal distributions between bounds, which may differ from row to row."""
    with ops.name_scope(name, "parameterized_truncated_normal",
                        [shape, means, stddevs, minvals, maxvals]) as scope:
        given = {"means": means, "stdevs": stddevs, "minvals": minvals, "maxvals": maxvals}
        inputs = {key: ops.convert_to_tensor(value, dtype=dtype, name=key)
                  for key, value in given.items()}
        inputs["shape"] = _shape_tensor(shape)
        return _draw("ParameterizedTruncatedNormal", scope, inputs, seed)


def random_shuffle(value, seed=None, name=None):
    """The rows of a tensor in a random order."""
    return _draw("RandomShuffle", name, {"value": value}, seed)


def random_crop(value, size, seed=None, name=None):
    """A part of a tensor of the given size, anywhere in it."""
    with ops.name_scope(name, "random_crop", [value, size]) as scope:
        value = ops.convert_to_tensor(value, name="value")
        size = ops.convert_to_tensor(size, dtype=dtypes.int32, name="size")
        shape = array_ops.shape(value)
        check = control_flow_ops.Assert(
            math_ops.reduce_all(shape >= size),
            ["Need value.shape >= size, got ", shape, size], summarize=1000)
        shape = control_flow_ops.with_dependencies([check], shape)
        limit = shape - size + 1
        offset = random_uniform(array_ops.shape(shape), dtype=size.dtype, maxval=size.dtype.max,
                                seed=seed) % limit
        return array_ops.slice(value, offset, size, name=scope)


def _classes(logits, num_samples, dtype, seed):
    attrs = {} if dtype is None else {"output_dtype": dtypes.as_dtype(dtype)}
    logits = ops.convert_to_tensor(logits, name="logits")
    return _draw("Multinomial", None, {"logits": logits, "num_samples": num_samples}, seed, **attrs)


def multinomial(logits, num_samples, seed=None, name=None, output_dtype=None):
    """Numbers of classes drawn by unnormalized log probabilities, a row for each row."""
    with ops.name_scope(name, "multinomial", [logits]):
        return _classes(logits, num_samples, output_dtype, seed)


def categorical(logits, num_samples, dtype=None, seed=None, name=None):
    """As multinomial()."""
    with ops.name_scope(name, "categorical", [logits]):
        return _classes(logits, num_samples, dtype, seed)


set_random_seed = random_seed.set_random_seed
