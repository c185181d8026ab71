# SPDX-License-Identifier: Apache-2.0
"""THE table of what differs between the versions of TensorFlow that a program may be written for.

A row holds for levels *below* the version that it begins with. Nothing else in the package asks for
the level; what a row cannot say by a name it says by a switch of BEHAVIOUR."""

import re

from thalweg.compat import levels_nn, levels_orders, levels_rnn

OLDEST, NEWEST = (0, 5), (1, 15)
VERSIONS = {(0, 7): "0.7.1", (0, 12): "0.12.1", (1, 15): "1.15.5"}  # else MAJOR.MINOR.0

# Names that programs had and that are gone, in this package as well as in what programs see.
# until | module that has it | public namespaces ("tf", "nn", "-") | old=new, old=module:attribute
NAMES = """
0.12 | framework.dtypes      | tf | float32_ref float64_ref double_ref half_ref float16_ref
                                    int32_ref uint8_ref int16_ref int8_ref string_ref
                                    complex64_ref int64_ref complex128_ref bool_ref qint8_ref
                                    quint8_ref qint32_ref bfloat16_ref qint16_ref quint16_ref
                                    uint16_ref
0.12 | framework.device      | -  | Device=DeviceSpec
0.8  | protos.types_pb2      | -  | DataType=compat.old_protos:DataType_0_7
0.8  | ops.control_flow_ops  | -  | foldl=ops.functional_ops:foldl
                                    foldr=ops.functional_ops:foldr
                                    map=ops.functional_ops:map_fn
0.8  | framework.dtypes      | -  | _TYPE_TO_STRING=compat.old_framework:TYPE_TO_STRING_0_7
1.9  | ops.gradients         | -  | _MarkReachedOps=compat.old_gradients:mark_reached_ops
                                    _GatherInputs=compat.old_gradients:gather_inputs
0.12 | ops.init_ops          | -  | _random_walk=compat.old_variables:random_walk
1.0  | util.compat           | tf | bytes=compat.old_framework:bytes
1.0  | ops.math_ops          | tf | mul=multiply sub=subtract neg=negative complex_abs=abs
                                    inv=compat.old_ops:inv
                                    batch_matmul=compat.old_ops:batch_matmul
1.0  | ops.array_ops         | tf | pack=compat.old_ops:pack unpack=compat.old_ops:unpack
                                    listdiff=compat.old_ops:listdiff
                                    concat_v2=compat.old_ops:concat_v2
                                    split_v=compat.old_ops:split_v
                                    select=compat.old_ops:select batch_matrix_diag=matrix_diag
                                    batch_matrix_diag_part=matrix_diag_part
                                    batch_matrix_set_diag=matrix_set_diag
                                    batch_matrix_band_part=matrix_band_part
                                    batch_matrix_transpose=matrix_transpose
1.0  | ops.linalg_ops        | tf | batch_cholesky=cholesky batch_cholesky_solve=cholesky_solve
                                    batch_matrix_determinant=matrix_determinant
                                    batch_matrix_inverse=matrix_inverse
                                    batch_matrix_solve=matrix_solve
                                    batch_matrix_solve_ls=matrix_solve_ls
                                    batch_matrix_triangular_solve=matrix_triangular_solve
                                    batch_self_adjoint_eig=self_adjoint_eig batch_svd=svd
1.0  | ops.spectral_ops      | tf | batch_fft=fft batch_ifft=ifft batch_fft2d=fft2d
                                    batch_ifft2d=ifft2d batch_fft3d=fft3d batch_ifft3d=ifft3d
"""
NAMES += levels_rnn.NAMES + levels_nn.NAMES

# The same name, another meaning: the function or class that a program then gets.
# until | as defined in this package | what it was | how an old call is told from its arguments, for
# programs without a level ("-": it cannot be told)
CHANGED = """
0.8 | ops.tensor_array_ops.TensorArray | ops.tensor_array_old:TensorArray | -
0.10 | ops.variable_scope.variable_scope | compat.old_variables:variable_scope | reuse_second
0.8 | ops.variable_scope.get_variable  | compat.old_variables:get_variable | boolean_fifth
1.0 | ops.init_ops.Zeros               | compat.old_variables:zeros_initializer | shape_first
0.12 | ops.init_ops.Ones               | compat.old_variables:ones_initializer  | shape_first
0.12 | training.moving_averages.assign_moving_average
     | compat.old_variables:assign_moving_average | -
1.5 | ops.array_slicing.gather         | compat.old_ops:gather   | -
1.0 | ops.array_joining.concat         | compat.old_ops:concat   | axis_first
1.0 | ops.array_joining.split          | compat.old_ops:split    | axis_first
1.0 | ops.array_moving.reverse         | compat.old_ops:reverse  | boolean_second
1.0 | ops.math_elementwise.div         | compat.old_ops:div      | -
1.0 | ops.math_elementwise.floormod    | compat.old_ops:mod      | -
1.0 | ops.math_elementwise.floordiv    | compat.old_ops:floordiv | -
"""
CHANGED += levels_nn.CHANGED + levels_rnn.CHANGED

# Modules of tensorflow.python that were elsewhere, or that were several: path = homes in this
# package, the first that has a name wins.
MODULES = {
    "client.graph_util": "framework.graph_util",
    "ops.constant_op": "framework.constant_op ops.array_ops ops.math_ops",
    "ops.common_shapes": "framework.common_shapes",
    "ops.op_def_library": "framework.op_def_library",
    "framework.types": "framework.dtypes",
    "training.training": "train",
    "platform.default._app": "platform.app",
    "platform.default._flags": "platform.flags",
    "platform.default._gfile": "platform.gfile",
    "platform.default._googletest": "platform.googletest",
    "platform.default._logging": "platform.tf_logging",
    "platform.default._resource_loader": "platform.resource_loader",
    "lib.io.python_io": "python_io",
    "lib.io.tf_record": "python_io",
    "lib.io.file_io": "platform.gfile",
    "platform.self_check": "platform.app",
    "user_ops.user_ops": "user_ops",
    "eager.context": "framework.graph_only",
    "framework.graph_util_impl": "framework.graph_util",
    "framework.indexed_slices": "framework.composite_tensors framework.ops",
    "framework.smart_cond": "layers.utils",
    "ops.bitwise_ops": "bitwise",
    "ops.gradients_util": "ops.gradients",
    "ops.image_ops_impl": "ops.image_ops",
    "ops.linalg": "linalg",
    "ops.linalg.linalg": "linalg",
    "ops.linalg.linalg_impl": "linalg",
}
MODULES.update(("ops.distributions." + name, "distributions") for name in (
    "bernoulli beta categorical dirichlet dirichlet_multinomial exponential gamma kullback_leibler "
    "laplace multinomial normal student_t uniform").split())

# The same below `tensorflow` itself.
OUTER_MODULES = {
    "examples.tutorials.mnist": "contrib.learn.datasets.mnist",
    "examples.tutorials.mnist.input_data": "contrib.learn.datasets.mnist",
    "contrib.learn.python.learn.datasets.mnist": "contrib.learn.datasets.mnist",
    "contrib.learn.python.learn.datasets": "contrib.learn.datasets",
    "contrib.distributions": "distributions",
    "contrib.rnn.python.ops.core_rnn": "contrib.rnn ops.rnn",
    "contrib.rnn.python.ops.core_rnn_cell": "contrib.rnn ops.rnn_cell",
    "contrib.rnn.python.ops.core_rnn_cell_impl": "contrib.rnn ops.rnn_cell",
    "contrib.rnn.python.ops.rnn_cell": "contrib.rnn ops.rnn_cell",
    "models.rnn.rnn": "ops.rnn",
    "models.rnn.rnn_cell": "ops.rnn_cell",
    "models.rnn.seq2seq": "ops.seq2seq",
    "models.rnn.linear": "ops.rnn_cell",
}

# Switches read by the package: name: (newest value, ((until, older value), ...)), oldest row first.
BEHAVIOUR = {
    # bool(tensor): refused, or True as for any object
    "bool_of_tensor": ("refused", (("0.8", "true"),)),
    # an op type of which only Python knows: refused, or added with unknown shapes
    "unknown_ops": ("refused", (("0.9", "unknown shape"),)),
    # feeds are checked against the static shape of: any tensor, or placeholders only
    "checked_feeds": ("all", (("0.9", "placeholders"),)),
    # the error of a run in which a Python function raised something: by its class, or one for all
    "python_function_errors": ("by class", (("1.0", "internal"),)),
    # the type of a complex constant
    "complex_constant": ("complex128", (("0.8", "complex64"),)),
    # a // b and a % b: rounded down, or as C does for integers
    "integer_division": ("floor", (("1.0", "truncate"),)),
    # the second operand of an operator: converted as it likes, or to the first one's type
    "operand_type": ("own", (("1.0", "first"),)),
    # the type of a + b
    "add_op": ("AddV2", (("1.14", "Add"),)),
    # zeros() and ones() of a list with tensors in it multiply the sizes, or not
    "product_of_sizes": ("built", (("1.0", "not built"),)),
    # names that differ only by case: told apart by a number, or not
    "name_case": ("ignored", (("1.7", "counts"),)),
    # a reduction's axes below 0: counted from the end, or refused
    "negative_axes": ("from the end", (("0.10", "refused"),)),
    # the shapes of a tensor and of the gradient given for it: the same, or as many elements
    "gradient_shapes": ("same", (("0.9", "same size"),)),
    # derivatives by whole numbers: none, or as by any numbers
    "integer_gradients": ("none", (("0.9", "flow"),)),
    # a placeholder of a reference type: of its base type, or as it says
    "placeholder_type": ("base", (("1.0", "reference"),)),
    # with_dependencies() is placed with what it hands on, or on the device of that
    "dependent_place": ("colocated", (("0.8", "device"),)),
    # repr() of an Operation: says its name and type, or where it is in memory
    "operation_repr": ("name", (("1.0", "address"),)),
    # iter(tensor): its rows, or refused
    "tensor_iteration": ("rows", (("1.0", "refused"),)),
    # numpy.array(tensor): refused, or an array of one object
    "array_of_tensor": ("refused", (("1.0", "object"),)),
    # a list with tensors in it where one tensor is wanted: packed into one, or refused
    "list_of_tensors": ("packed", (("0.8", "refused"),)),
    # tensors of one type in a list that is to have another: cast, or refused
    "list_types": ("cast", (("1.0", "refused"),)),
    # SparseTensor.shape: the static shape, or the tensor dense_shape
    "sparse_shape": ("static", (("1.0", "tensor"),)),
    # Variable(value, trainable, collections, validate_shape, X): caching_device, or name
    "variable_arguments": ("caching_device fifth", (("0.8", "name fifth"),)),
    # the type of a variable's operation
    "variable_op": ("VariableV2", (("0.12", "Variable"),)),
    # a function that gives a first value: is called before the variable is made, or has to have
    # its dtype said, and is called after the variable is made
    "callable_initial_value": ("first", (("1.0", "needs dtype"),)),
    # get_variable() calls an initializer: late, as a function that Variable() is given, or at once
    "initializers": ("late", (("0.10", "at once"),)),
    # first values made of other variables: of those that have a value, or as they are written
    "initial_values": ("of initialized variables", (("1.2", "as written"),)),
    # Variable.initialized_value(): the first value where there is none yet, or it initializes
    "initialized_value": ("chosen", (("1.0", "initializes"),)),
    # variable[...]: may be assigned to, or is a slice of the value
    "slices_of_variables": ("assignable", (("0.12", "values"),)),
    # str(variable): its own, or that of the tensor of its value
    "variable_text": ("own", (("1.0", "tensor"),)),
    # Variable.ref(): a key for dictionaries, or the reference
    "variable_ref": ("key", (("1.0", "tensor"),)),
    # how get_variable() gives first values to floating variables without an initializer
    "default_initializer": ("glorot", (("1.0", "unit scaling"),)),
    # the types that optimizers take: all floating ones, or fewer
    "optimizer_types": ("float32 float64 float16 bfloat16", (
        ("0.8", "float32"), ("1.4", "float32 float64 float16"))),
    # rows that stand twice in a gradient: summed before an optimizer sees them, or not
    "repeated_rows": ("summed", (("1.0", "one by one"),)),
    # an optimizer's slots are filled: within them, or by tensors that are made before
    "slot_values": ("made within", (("1.0", "made before"),)),
    # ExponentialMovingAverage.apply() of a variable twice: updates it again, or is refused
    "moving_averages": ("again", (("1.0", "once"),)),
    # what is said of variables that are there, or not, against what `reuse` says
    "sharing_errors": ("newest", (("0.11", "sharing"), ("1.4", "None"),)),
}
BEHAVIOUR.update(levels_rnn.BEHAVIOUR)

# Errors in other words, for programs that look at them: until | pattern | replacement.
MESSAGES = r"""
1.0 | use tf\.stack instead | use tf.pack instead
0.9 | inner sizes differ, (\d+) and (\d+)
    | Dimensions Dimension(\1) and Dimension(\2) are not compatible
0.9 | size must be evenly divisible by (\d+) but is (\d+) | size \2 isn't divisible by \1
0.10 | Could not read from TensorArray index (\d+)\. .*
     | Could not read from TensorArray index \1 because it has not yet been written to.
0.9 | Shape must be (?:broadcasted with )?rank (\d+),? but is rank \d+ | Shape must have rank \1
0.9 | (Scatter\w+ '[^']*': )indices\[\d+\] = (-?\d+) is not in
    | \1indices is out of range: \2 is not in
0.9 | input must have at least k columns\. Had \d+, needed (\d+) \x7c input: \w+ (\([\d, ]*\))
    | input.shape \2 must have last dimension >= k = \1
"""


def _rows(text, columns):
    """The rows of a table; a line that begins with blanks goes on with the one before."""
    for line in text.replace("\n  ", " ").strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != columns:
            raise ValueError("levels.py: %d columns in %r" % (len(cells), line))
        yield (tuple(map(int, cells[0].split("."))),) + tuple(cells[1:])


_names = {}


def names():
    """{module or namespace: {old name: [(until, path of module, attribute)]}}"""
    if not _names:
        for until, home, spaces, words in _rows(NAMES, 4):
            for word in words.split():
                old, _, new = word.partition("=")
                path, _, attribute = (new or old).rpartition(":")
                where = [home] + [s if s != "tf" else "" for s in spaces.split(",") if s != "-"]
                for place in where:
                    _names.setdefault(place, {}).setdefault(old, []).append(
                        (until, path or home, attribute))
    return _names


def old_name(place, name, level):
    """What a name that is gone stands for at a level: (path, attribute) or None. `place` is a
    module's path or a public namespace."""
    for until, path, attribute in names().get(place, {}).get(name, ()):
        if level is None or level < until:
            return path, attribute
    return None


def messages(level):
    """[(pattern, replacement)] of the errors that were worded otherwise at a level."""
    return [(re.compile(pattern), replacement) for until, pattern, replacement in
            _rows(MESSAGES, 3) if level is not None and level < until]


def changed():
    """{definition: [(until, path of module, attribute, recogniser)]}"""
    made = {}
    for until, definition, target, recogniser in _rows(CHANGED, 4):
        path, _, attribute = target.partition(":")
        made.setdefault(definition, []).append((until, path, attribute, recogniser))
    return made


def orders():
    """{definition: [(until, words of a row of levels_orders.py)]}"""
    made = {}
    for until, definition, words in _rows(levels_orders.ORDERS, 3):
        made.setdefault(definition, []).append((until, words))
    return made
