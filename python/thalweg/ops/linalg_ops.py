# SPDX-License-Identifier: Apache-2.0
"""Functions of linear algebra; matrices are the last two dims."""
from thalweg.framework import ops
from thalweg.ops import gen_linalg_ops
from thalweg.ops.gen_linalg_ops import (  # noqa: F401 - names of this module too
    cholesky, matrix_determinant, matrix_inverse, matrix_solve, matrix_triangular_solve, qr)


def cholesky_solve(chol, rhs, name=None):
    """x with a x = rhs, from the factor that cholesky(a) gave."""
    with ops.name_scope(name, "cholesky_solve", [chol, rhs]):
        half = gen_linalg_ops.matrix_triangular_solve(chol, rhs, adjoint=False, lower=True)
        return gen_linalg_ops.matrix_triangular_solve(chol, half, adjoint=True, lower=True)


def matrix_solve_ls(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """The x of the least |matrix x - rhs|^2 + l2_regularizer |x|^2."""
    return gen_linalg_ops.matrix_solve_ls(matrix, rhs, l2_regularizer, fast=fast, name=name)


def self_adjoint_eig(tensor, name=None):
    """The eigenvalues of symmetric matrices, ascending, and the eigenvectors in columns."""
    return gen_linalg_ops.self_adjoint_eig_v2(tensor, compute_v=True, name=name)


def self_adjoint_eigvals(tensor, name=None):
    """The eigenvalues of symmetric matrices, ascending."""
    return gen_linalg_ops.self_adjoint_eig_v2(tensor, compute_v=False, name=name)[0]


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """Singular values s, descending, and u, v with u diag(s) v^* = tensor; s alone without
    compute_uv."""
    s, u, v = gen_linalg_ops.svd(tensor, compute_uv=compute_uv, full_matrices=full_matrices,
                                 name=name)
    return (s, u, v) if compute_uv else s


def slogdet(input, name=None):  # noqa: A002
    """The sign of the determinant, and the logarithm of its absolute value."""
    return gen_linalg_ops.log_matrix_determinant(input, name=name)
