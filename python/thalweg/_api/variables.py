# SPDX-License-Identifier: Apache-2.0
"""Public names of variables, their scopes and first values, and of random numbers."""
_RANDOM = "multinomial parameterized_truncated_normal random_crop random_gamma random_normal " \
          "random_poisson random_shuffle random_uniform truncated_normal"
_INITIALIZERS = "constant glorot_normal glorot_uniform orthogonal ones random_normal " \
                "random_uniform truncated_normal uniform_unit_scaling variance_scaling zeros"
_SCATTERS = "scatter_add scatter_div scatter_max scatter_min scatter_mul scatter_nd_add " \
            "scatter_nd_sub scatter_nd_update scatter_sub scatter_update"

NAMES = {
    "": {
        "ops.variables": "Variable VariableAggregation VariableSynchronization all_variables "
                         "assert_variables_initialized global_variables "
                         "global_variables_initializer initialize_all_variables "
                         "initialize_local_variables initialize_variables "
                         "is_variable_initialized local_variables local_variables_initializer "
                         "model_variables moving_average_variables "
                         "report_uninitialized_variables trainable_variables "
                         "variables_initializer",
        "ops.variable_scope": "AUTO_REUSE VariableScope disable_resource_variables "
                              "enable_resource_variables get_local_variable get_variable "
                              "get_variable_scope no_regularizer resource_variables_enabled "
                              "variable_creator_scope variable_op_scope variable_scope",
        "ops.template": "make_template",
        "ops.partitioned_variables": "create_partitioned_variables fixed_size_partitioner "
                                     "min_max_variable_partitioner variable_axis_size_partitioner",
        "ops.state_ops": "assign assign_add assign_sub count_up_to " + _SCATTERS,
        "ops.init_ops": " ".join(n + "_initializer" for n in _INITIALIZERS.split()),
        "ops.random_ops": _RANDOM,
        "ops.clip_ops": "clip_by_average_norm clip_by_global_norm clip_by_norm clip_by_value "
                        "global_norm",
    },
    "initializers": {
        "ops.init_ops":
        " ".join("%s=%s_initializer" % (n, n) for n in _INITIALIZERS.split())
        + " identity=identity_initializer he_normal he_uniform lecun_normal lecun_uniform",
        "ops.variables": "global_variables=global_variables_initializer "
                         "local_variables=local_variables_initializer "
                         "variables=variables_initializer",
    },
    "random": {"ops.random_ops": "categorical gamma=random_gamma multinomial normal=random_normal "
                                 "poisson=random_poisson "
                                 "shuffle=random_shuffle truncated_normal "
                                 "uniform=random_uniform"},
}
