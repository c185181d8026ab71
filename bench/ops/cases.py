# SPDX-License-Identifier: Apache-2.0
"""Which NumPy expression does what an op of the registry does, and on what numbers both are timed;
and why the rest has no match. A case is (op, what is special about it, inputs, attributes, NumPy's
way as a function of the inputs); a Const input is part of the graph, as sizes and axes mostly are.
Where the special words hold "any", the two may differ: random numbers, order, signs of columns."""
import numpy as np

SMALL, LARGE = 10000, 1000000
F, D, I, L = np.float32, np.float64, np.int32, np.int64
rng = np.random.default_rng(1)


class Const:
    def __init__(self, value, dtype=I):
        self.value = np.asarray(value, dtype)


def numbers(shape, dtype=F, low=-2, high=2):
    """Random ones; whole numbers of the dtype's range where it has no others."""
    if np.issubdtype(dtype, np.complexfloating):
        return (rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.uniform(low, high, shape).astype(dtype)
    return rng.integers(low, high + 1, shape).astype(dtype)


def positive(shape, dtype=F):
    return numbers(shape, dtype, 0.25 if np.issubdtype(dtype, np.floating) else 1, 9)


CASES = []


def add(op, inputs, numpy_way, special="", **attrs):
    CASES.append((op, special, inputs, attrs, numpy_way))


# ---- elementwise ----
UNARY = {  # op: NumPy's function, where its argument may lie
    "Abs": (np.abs, -2, 2), "Neg": (np.negative, -2, 2), "Sign": (np.sign, -2, 2),
    "Square": (np.square, -2, 2), "Sqrt": (np.sqrt, 0.1, 9), "Exp": (np.exp, -8, 8),
    "Log": (np.log, 0.01, 9), "Expm1": (np.expm1, -2, 2), "Log1p": (np.log1p, -0.9, 9),
    "Sin": (np.sin, -9, 9), "Cos": (np.cos, -9, 9), "Tan": (np.tan, -1.5, 1.5),
    "Asin": (np.arcsin, -1, 1), "Acos": (np.arccos, -1, 1), "Atan": (np.arctan, -9, 9),
    "Sinh": (np.sinh, -5, 5), "Cosh": (np.cosh, -5, 5), "Tanh": (np.tanh, -5, 5),
    "Asinh": (np.arcsinh, -9, 9), "Acosh": (np.arccosh, 1, 9), "Atanh": (np.arctanh, -0.9, 0.9),
    "Floor": (np.floor, -9, 9), "Ceil": (np.ceil, -9, 9), "Rint": (np.rint, -9, 9),
    "Round": (np.rint, -9, 9), "Reciprocal": (np.reciprocal, 0.1, 9),
    "Inv": (np.reciprocal, 0.1, 9),
    "Rsqrt": (lambda x: 1 / np.sqrt(x), 0.1, 9),
    "Sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -8, 8),
    "Relu": (lambda x: np.maximum(x, 0), -2, 2), "Relu6": (lambda x: np.clip(x, 0, 6), -2, 9),
    "LeakyRelu": (lambda x: np.maximum(x, x.dtype.type(0.2) * x), -2, 2),
    "Elu": (lambda x: np.where(x < 0, np.expm1(x), x), -2, 2),
    "Softplus": (lambda x: np.log1p(np.exp(x)), -8, 8),
    "Softsign": (lambda x: x / (1 + np.abs(x)), -8, 8),
}
BINARY = {
    "Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply,
    "Maximum": np.maximum, "Minimum": np.minimum,
    "SquaredDifference": lambda x, y: np.square(x - y)}
COMPARE = {"Less": np.less, "LessEqual": np.less_equal, "Greater": np.greater,
           "GreaterEqual": np.greater_equal, "Equal": np.equal, "NotEqual": np.not_equal}
for n in (SMALL, LARGE):
    for name, (way, low, high) in UNARY.items():
        for dtype in (F, D):
            add(name, [numbers(n, dtype, low, high)], way)
    for name, way in BINARY.items():
        for dtype in (F, D, I, L):
            add(name, [numbers(n, dtype, -9, 9), numbers(n, dtype, -9, 9)], way)
    for name, way in COMPARE.items():
        for dtype in (F, I):
            add(name, [numbers(n, dtype, -9, 9), numbers(n, dtype, -9, 9)], way)
    for dtype in (F, D):
        for name in ("Div", "RealDiv"):
            add(name, [numbers(n, dtype), positive(n, dtype)], np.divide)
        add("Pow", [positive(n, dtype), numbers(n, dtype)], np.power)
        add("Atan2", [numbers(n, dtype), numbers(n, dtype)], np.arctan2)
        add("FloorDiv", [numbers(n, dtype, -99, 99), positive(n, dtype)],
            lambda x, y: np.floor(x / y))
        add("FloorMod", [numbers(n, dtype, -99, 99), positive(n, dtype)], np.mod)
        add("Mod", [numbers(n, dtype, -99, 99), positive(n, dtype)], np.fmod)
    for dtype in (I, L):
        add("FloorDiv", [numbers(n, dtype, -99, 99), positive(n, dtype)], np.floor_divide)
        add("FloorMod", [numbers(n, dtype, -99, 99), positive(n, dtype)], np.mod)
        add("TruncateMod", [numbers(n, dtype, -99, 99), positive(n, dtype)], np.fmod)
        for name, way in (("BitwiseAnd", np.bitwise_and), ("BitwiseOr", np.bitwise_or),
                          ("BitwiseXor", np.bitwise_xor), ("LeftShift", np.left_shift),
                          ("RightShift", np.right_shift)):
            add(name, [positive(n, dtype), positive(n, dtype)], way)
        add("Invert", [positive(n, dtype)], np.invert)
    for name, way in (("IsNan", np.isnan), ("IsInf", np.isinf), ("IsFinite", np.isfinite)):
        add(name, [numbers(n)], way)
    flags = numbers(n) > 0, numbers(n) > 0
    add("LogicalAnd", list(flags), np.logical_and, T=None)
    add("LogicalOr", list(flags), np.logical_or, T=None)
    add("LogicalNot", [flags[0]], np.logical_not, T=None)
    for dtype in (F, D, I):
        add("Select", [flags[0], numbers(n, dtype), numbers(n, dtype)], np.where, T=dtype)
        add("ClipByValue", [numbers(n, dtype), Const(-1, dtype), Const(1, dtype)],
            lambda x: np.clip(x, -1, 1), T=dtype)
        add("AddN", [numbers(n, dtype) for _ in range(4)], lambda a, b, c, d: a + b + c + d, N=4)
    for source, target in ((F, D), (D, F), (F, I), (I, F), (I, L), (L, I), (np.uint8, F),
                           (F, np.uint8), (F, np.float16), (np.float16, F), (I, D), (L, F)):
        add("Cast", [numbers(n, source, 0, 9)], lambda x, t=target: x.astype(t),
            "to " + np.dtype(target).name, T=None, SrcT=source, DstT=target)
    for dtype in (np.complex64, np.complex128):
        real = dtype().real.dtype.type
        add("Mul", [numbers(n, dtype), numbers(n, dtype)], np.multiply)
        add("Add", [numbers(n, dtype), numbers(n, dtype)], np.add)
        add("Conj", [numbers(n, dtype)], np.conj)
        add("Real", [numbers(n, dtype)], lambda x: np.real(x).copy(), Tout=real)
        add("Imag", [numbers(n, dtype)], lambda x: np.imag(x).copy(), Tout=real)
        add("ComplexAbs", [numbers(n, dtype)], np.abs, Tout=real)
        add("Angle", [numbers(n, dtype)], np.angle, Tout=real)
        add("Complex", [numbers(n, real), numbers(n, real)], lambda x, y: x + 1j * y, Tout=dtype)
    add("Fill", [Const([n]), Const(2, F)], lambda n=n: np.full(n, F(2)), T=F, index_type=I)
    add("ZerosLike", [numbers(n)], np.zeros_like)
    add("OnesLike", [numbers(n)], np.ones_like)
    add("Range", [Const(0), Const(n), Const(1)], lambda n=n: np.arange(n, dtype=I), T=None, Tidx=I)
    add("LinSpace", [Const(0, F), Const(1, F), Const(n)],
        lambda n=n: np.linspace(F(0), F(1), n, dtype=F), T=F)

# ---- reductions ----
SHAPES = {SMALL: (100, 100), LARGE: (1000, 1000)}
for n, shape in SHAPES.items():
    for axis in ([0], [1], [0, 1]):
        where = "axes %s" % axis
        for name, way in (("Sum", np.sum), ("Mean", np.mean), ("Max", np.max), ("Min", np.min),
                          ("Prod", np.prod)):
            for dtype in (F, D, I) if name != "Mean" else (F, D):
                add(name, [numbers(shape, dtype), Const(axis)],
                    lambda x, w=way, a=tuple(axis): w(x, axis=a, **(
                        {"dtype": I} if x.dtype == I and w in (np.sum, np.prod) else {})), where)
        add("All", [numbers(shape) > -3, Const(axis)],
            lambda x, a=tuple(axis): np.all(x, axis=a), where, T=None)
        add("Any", [numbers(shape) > 3, Const(axis)],
            lambda x, a=tuple(axis): np.any(x, axis=a), where, T=None)
    for axis in (0, 1):
        for dtype in (F, D, I):
            add("ArgMax", [numbers(shape, dtype, -9, 9), Const(axis)],
                lambda x, a=axis: np.argmax(x, a), "axis %d" % axis)
            add("ArgMin", [numbers(shape, dtype, -9, 9), Const(axis)],
                lambda x, a=axis: np.argmin(x, a), "axis %d" % axis)
            add("Cumsum", [numbers(shape, dtype), Const(axis)],
                lambda x, a=axis: np.cumsum(x, a, dtype=x.dtype), "axis %d" % axis)
            add("Cumprod", [numbers(shape, dtype, *((1, 9) if dtype == I else (0.9, 1.1))),
                            Const(axis)],
                lambda x, a=axis: np.cumprod(x, a, dtype=x.dtype), "axis %d" % axis)
    add("L2Loss", [numbers(shape)], lambda x: np.vdot(x, x) / 2)
    add("EuclideanNorm", [numbers(shape), Const([1])], lambda x: np.linalg.norm(x, axis=1))
    add("Softmax", [numbers(shape)],
        lambda x: (e := np.exp(x - x.max(1, keepdims=True))) / e.sum(1, keepdims=True))
    add("LogSoftmax", [numbers(shape)], lambda x: (
        d := x - x.max(1, keepdims=True)) - np.log(np.exp(d).sum(1, keepdims=True)))
    add("BiasAdd", [numbers(shape), numbers(shape[1])], np.add)
    add("BiasAddGrad", [numbers(shape)], lambda x: x.sum(0))
    add("Add", [numbers(shape), numbers(shape[1])], np.add, "a row to all")
    add("Mul", [numbers(shape), numbers((shape[0], 1))], np.multiply, "a column to all")

# ---- moving ----
for n, (rows, columns) in SHAPES.items():
    for dtype in (F, D, np.uint8):
        x = numbers((rows, columns), dtype, 0, 9)
        add("Transpose", [x, Const([1, 0])], lambda x: x.T.copy())
        add("ConcatV2", [x, x, Const(1)], lambda a, b: np.concatenate([a, b], 1), "axis 1", N=2)
        add("ConcatV2", [x, x, Const(0)], lambda a, b: np.concatenate([a, b], 0), "axis 0", N=2)
        add("Concat", [Const(1), x, x], lambda a, b: np.concatenate([a, b], 1), "axis 1", T=dtype,
            N=2)
        add("Pack", [x, x], lambda a, b: np.stack([a, b], 2), "axis 2", N=2, axis=2)
        add("Tile", [x, Const([2, 1])], lambda x: np.tile(x, (2, 1)))
        add("Pad", [x, Const([[1, 2], [3, 4]])], lambda x: np.pad(x, ((1, 2), (3, 4))))
        add("MirrorPad", [x, Const([[1, 2], [3, 4]])],
            lambda x: np.pad(x, ((1, 2), (3, 4)), "reflect"), mode="REFLECT")
        add("ReverseV2", [x, Const([1])], lambda x: x[:, ::-1].copy(), "axis 1")
        add("ReverseV2", [x, Const([0])], lambda x: x[::-1].copy(), "axis 0")
        add("Slice", [x, Const([1, 1]), Const([rows - 2, columns - 2])],
            lambda x: x[1:-1, 1:-1].copy(), Index=I)
        add("StridedSlice", [x, Const([0, 0]), Const([rows, columns]), Const([1, 2])],
            lambda x: x[:, ::2].copy(), "every other column", Index=I)
        add("MatrixBandPart", [x, Const(-1, L), Const(0, L)], np.tril)
        add("BroadcastTo", [x[0], Const([rows, columns])],
            lambda x, r=rows: np.broadcast_to(x, (r, len(x))).copy())
        index = rng.integers(0, rows, rows).astype(I)
        add("Gather", [x, index], lambda x, i: np.take(x, i, 0), T=None, Tparams=dtype, Tindices=I)
        add("GatherV2", [x, index, Const(0)], lambda x, i: np.take(x, i, 0), "axis 0", T=None,
            Tparams=dtype, Tindices=I, Taxis=I)
        add("GatherV2", [x, index, Const(1)], lambda x, i: np.take(x, i, 1), "axis 1", T=None,
            Tparams=dtype, Tindices=I, Taxis=I)
        add("GatherNd", [x, np.stack([index, index], 1)], lambda x, i: x[i[:, 0], i[:, 1]], T=None,
            Tparams=dtype, Tindices=I)
        add("Split", [Const(1), x], lambda x: [p.copy() for p in np.split(x, 2, 1)], T=dtype,
            num_split=2)
        add("Unpack", [x[:10]], lambda x: [r.copy() for r in x], num=10, axis=0)
    x = numbers((rows, columns))
    add("DiagPart", [x], lambda x: np.diagonal(x).copy())
    add("Where", [numbers(n) > 0], lambda x: np.argwhere(x), T=np.bool_)
    add("OneHot", [rng.integers(0, columns, rows).astype(I), Const(columns), Const(1, F),
                   Const(0, F)], lambda i, c=columns: np.eye(c, dtype=F)[i], T=F, TI=I, axis=-1)
    add("TopKV2", [numbers(n), Const(10)], lambda x: np.sort(
        np.partition(x, len(x) - 10)[-10:])[::-1], "10 of all")
    add("TopKV2", [x, Const(columns)], lambda x: -np.sort(-x, axis=1, kind="stable"),
        "all of each row")
    for dtype in (I, L, F):
        add("Unique", [numbers(n, dtype, 0, 99).round()], lambda x: np.unique(x), "any", out_idx=I)
        add("ListDiff", [numbers(n, dtype, 0, n).round(), numbers(n, dtype, 0, n).round()],
            lambda x, y: x[~np.isin(x, y)], out_idx=I)
    add("InvertPermutation", [rng.permutation(n).astype(I)], np.argsort)
    segments = np.sort(rng.integers(0, 50, rows)).astype(I)
    starts = lambda s: np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
    for name, way in (("SegmentSum", np.add), ("SegmentMax", np.maximum),
                      ("SegmentMin", np.minimum), ("SegmentProd", np.multiply)):
        if len(set(segments)) == segments[-1] + 1:
            add(name, [x, segments], lambda x, s, w=way: w.reduceat(x, starts(s)), Tindices=I)
    def add_at(x, s):
        out = np.zeros((50, x.shape[1]), F)
        np.add.at(out, s, x)
        return out
    add("UnsortedSegmentSum", [x, segments, Const(50)], add_at, Tindices=I, Tnumsegments=I)
    add("ScatterNd", [segments[:, None].copy(), x, Const([50, columns])],
        lambda s, x: add_at(x, s[:, 0]), T=F, Tindices=I)
    add("DynamicPartition", [x, (segments % 2).astype(I)], lambda x, p: [x[p == 0], x[p == 1]],
        num_partitions=2)
    order = rng.permutation(rows).astype(I)
    def stitch(i, x):
        out = np.empty_like(x)
        out[i] = x
        return out
    add("DynamicStitch", [order, x], stitch, T=F, N=1)
    add("Bitcast", [x], lambda x: x.view(I), type=I)
    add("Reshape", [x, Const([n])], lambda x: x.reshape(-1))
    add("ExpandDims", [x, Const(0)], lambda x: x[None])
    add("Squeeze", [x[None]], lambda x: x.squeeze(0))
    add("Identity", [x], lambda x: x)
    add("Shape", [x], lambda x: np.array(x.shape, I))
    add("Size", [x], lambda x: I(x.size))
    add("Rank", [x], lambda x: I(x.ndim))
    add("Cross", [numbers((n // 3, 3)), numbers((n // 3, 3))], np.cross)
    for name, way in (("RandomUniform", "random"), ("RandomStandardNormal", "standard_normal")):
        add(name, [Const([n])], lambda n=n, w=way: getattr(rng, w)(n, dtype=F), "any", dtype=F, T=I)
    add("RandomUniformInt", [Const([n]), Const(0), Const(100)],
        lambda n=n: rng.integers(0, 100, n, dtype=I), "any", T=I, Tout=I)
    add("Roll", [x, Const(3), Const(1)], lambda x: np.roll(x, 3, 1), "axis 1", T=F, Tshift=I,
        Taxis=I)
    add("Bincount", [rng.integers(0, 100, n).astype(I), Const(100), np.zeros(0, F)],
        lambda i, w: np.bincount(i, minlength=100).astype(F), T=F)
    add("RandomShuffle", [x], lambda x: rng.permutation(x), "any")

# ---- linear algebra ----
for m, k, n in ((32, 32, 32), (100, 784, 10), (1, 1000, 1000), (256, 256, 256), (20, 400, 800)):
    for dtype in (F, D):
        add("MatMul", [numbers((m, k), dtype), numbers((k, n), dtype)], np.matmul,
            "%d x %d x %d" % (m, k, n))
add("MatMul", [numbers((100, 64), I), numbers((64, 64), I)], np.matmul, "100 x 64 x 64")
add("MatMul", [numbers((64, 64), np.complex64), numbers((64, 64), np.complex64)], np.matmul)
add("BatchMatMul", [numbers((64, 16, 16)), numbers((64, 16, 16))], np.matmul)
add("BatchMatMulV2", [numbers((64, 16, 16)), numbers((16, 16))], np.matmul)


def definite(shape, dtype):
    a = numbers(shape, dtype)
    return (a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])).astype(dtype)


for shape in ((40, 40), (200, 200), (50, 8, 8)):
    for dtype in (F, D):
        a = definite(shape, dtype)
        where = "x".join(map(str, shape))
        add("Cholesky", [a], np.linalg.cholesky, where)
        add("MatrixInverse", [a], np.linalg.inv, where)
        add("MatrixSolve", [a, numbers(shape, dtype)], np.linalg.solve, where)
        add("MatrixDeterminant", [a * dtype(0.01)], np.linalg.det, where)
        add("SelfAdjointEigV2", [a], lambda x: np.linalg.eigh(x)[0], where)
        add("Svd", [a], lambda x: np.linalg.svd(x)[1], where)
        add("Qr", [a], lambda x: np.linalg.qr(x), where + ", any")
for shape, name in (((1024,), "FFT"), ((100, 1000), "FFT"), ((128, 128), "FFT2D"),
                    ((16, 32, 32), "FFT3D")):
    z = numbers(shape, np.complex64)
    axes = {"FFT": (-1,), "FFT2D": (-2, -1), "FFT3D": (-3, -2, -1)}[name]
    where = "x".join(map(str, shape))
    add(name, [z], lambda x, a=axes: np.fft.fftn(x, axes=a), where, T=None)
    add("I" + name, [z], lambda x, a=axes: np.fft.ifftn(x, axes=a), where, T=None)
for shape in ((1024,), (100, 1000)):
    x = numbers(shape)
    where = "x".join(map(str, shape))
    add("RFFT", [x, Const([shape[-1]])], np.fft.rfft, where, T=None)
    z = np.fft.rfft(x).astype(np.complex64)
    add("IRFFT", [z, Const([shape[-1]])], lambda x, n=shape[-1]: np.fft.irfft(x, n), where, T=None)

# ---- what NumPy has no match for ----
# First those that begin so; then the reason.
WITHOUT = [
    ("state of a session", r"Variable|Temporary|DestroyTemp|Assign|_Assign|IsVariable|"
     r"Scatter(?!Nd$)|CountUpTo|Stack|TensorArray|StridedSliceAssign|Placeholder|Const$"),
    ("one pass over a variable and its slots", r"Apply|SparseApply"),
    ("control flow", r"Enter|Exit|NextIteration|Merge|Switch|LoopCond|LoopValue|Ref|ControlTrigger|"
     r"NoOp|Assert|Print|CheckNumerics|PreventGradient|StopGradient|Snapshot|DeepCopy"),
    ("NumPy has no gradients", r".*Grad"),
    ("no images and no convolutions in NumPy", r".*Conv2[dD]|MaxPool|AvgPool|Resize|LRN|"
     r"SpaceTo|BatchTo|DepthTo|FusedBatchNorm|BatchNorm"),
    ("no sparse tensors in NumPy", r"Sparse"),
    ("strings", r"String|Substr|DecodeRaw"),
    ("no such function in NumPy", r"Erf|Lgamma|Digamma|Polygamma|Zeta|InTopK|.*Sampler|"
     r"ComputeAccidental|Multinomial|Truncated|Stateless|SoftmaxCross|ReverseSequence|Selu|"
     r"MatrixTriangular|MatrixSolveLs|Xlogy|Xdivy|DivNoNan|MulNoNan|ApproximateEqual"),
    ("no such function in NumPy", r"Bessel|Betainc|Igamma|MatrixLogarithm|Fact|RandomGamma|"
     r"RandomPoisson|ParameterizedTruncated|RandomCrop|IFFT|I?RFFT"),
    ("images, boxes and volumes", r"Adjust|CropAndResize|DrawBounding|Extract|HSV|RGB|NonMax|"
     r"SampleDistorted|Conv3D|Dilation"),
    ("whole cells, decoders and lists of text", r"BlockLSTM|LSTMBlock|GRUBlock|CTC|EditDistance|"
     r"GatherTree|.*Base64|DecodeCSV|AsString|ReduceJoin|.*Regex|Deserialize|Serialize"),
    ("a few numbers at most", r"Shape|ConcatOffset|BroadcastArgs|IdentityN"),
    ("another name or another shape of an op above", r"Batch|BiasAddV1|TopK|Unique|Reverse|SplitV|"
     r"Unsorted|Segment|ParallelDynamic|PadV2|SelectV2|Accumulate|TruncateDiv|ConjugateTranspose|"
     r"Diag|MatrixDiag|MatrixSetDiag|LogMatrix|SelfAdjoint|_Fused"),
]
