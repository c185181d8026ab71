# SPDX-License-Identifier: Apache-2.0
"""Public names of functions on sparse tensors."""
_FUNCTIONS = ("add concat expand_dims fill_empty_rows maximum merge minimum reduce_max "
              "reduce_max_sparse reduce_sum reduce_sum_sparse reorder reset_shape reshape retain "
              "slice softmax split to_indicator transpose mask").split()

NAMES = {
    "": {
        "ops.sparse_ops": " ".join("sparse_" + n for n in _FUNCTIONS) +
                          " edit_distance sparse_to_dense sparse_tensor_to_dense "
                          "sparse_tensor_dense_matmul "
                          "deserialize_many_sparse serialize_many_sparse serialize_sparse",
    },
    "io": {"ops.sparse_ops": "deserialize_many_sparse serialize_many_sparse serialize_sparse"},
    "sparse": {
        "ops.sparse_ops": " ".join("%s=sparse_%s" % (n, n) for n in _FUNCTIONS) +
                          " to_dense=sparse_tensor_to_dense from_dense "
                          "matmul=sparse_tensor_dense_matmul "
                          "sparse_dense_matmul=sparse_tensor_dense_matmul SparseTensor",
        "ops.array_ops": "placeholder=sparse_placeholder",
    },
}
