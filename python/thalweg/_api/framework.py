# SPDX-License-Identifier: Apache-2.0
"""Public names of graphs, types, shapes, errors, and of what is around a program."""
_DTYPES = ("bfloat16 bool complex64 complex128 double float16 float32 float64 half int8 int16 "
           "int32 int64 qint8 qint16 qint32 quint8 quint16 resource string uint8 uint16 uint32 "
           "uint64 variant DType as_dtype QUANTIZED_DTYPES")
_PROTOS = ("AttrValue ConfigProto Event GPUOptions GraphDef GraphOptions HistogramProto LogMessage "
           "MetaGraphDef NameAttrList NodeDef OptimizerOptions RunMetadata RunOptions SessionLog "
           "Summary SummaryMetadata TensorInfo")
_VERSIONS = ("COMPILER_VERSION GIT_VERSION GRAPH_DEF_VERSION GRAPH_DEF_VERSION_MIN_CONSUMER "
             "GRAPH_DEF_VERSION_MIN_PRODUCER VERSION")

NAMES = {
    "": {
        "modules": "app=platform.app compat=compat errors=framework.errors "
                   "flags=platform.flags gfile=platform.gfile logging=platform.tf_logging "
                   "resource_loader=platform.resource_loader test=platform.test",
        "framework.errors": "OpError",
        "framework.dtypes": _DTYPES,
        "framework.tensor_shape": "Dimension TensorShape",
        "framework.device": "DeviceSpec",
        "ops.custom_gradient": "custom_gradient grad_pass_through",
        "framework.ops": "no_gradient=NoGradient Graph GraphKeys "
                         "IndexedSlices NoGradient NotDifferentiable Operation "
                         "RegisterGradient RegisterShape Tensor add_to_collection "
                         "add_to_collections colocate_with container control_dependencies "
                         "convert_to_tensor convert_to_tensor_or_indexed_slices device "
                         "get_collection get_collection_ref get_default_graph get_default_session "
                         "SparseTensor SparseTensorValue "
                         "name_scope op_scope register_tensor_conversion_function "
                         "reset_default_graph",
        "framework.constant_op": "constant",
        "framework.random_seed": "get_seed set_random_seed",
        "framework.graph_only": "control_flow_v2_enabled dimension_at_index dimension_value "
                                "disable_control_flow_v2 disable_eager_execution "
                                "disable_tensor_equality disable_v2_behavior "
                                "disable_v2_tensorshape enable_eager_execution enable_v2_behavior "
                                "executing_eagerly init_scope initialize_all_tables "
                                "tables_initializer",
        "framework.tensor_util": "get_static_value=constant_value make_ndarray make_tensor_proto",
        "framework.sparse_tensor": "convert_to_tensor_or_sparse_tensor",
        "framework.importer": "import_graph_def",
        "framework.load_library": "load_op_library load_file_system_library load_library",
        "framework.tensor_spec": "TensorSpec",
        "framework.versions": "CXX11_ABI_FLAG MONOLITHIC_BUILD " + _VERSIONS,
        "protos": _PROTOS,
    },
    "train": {
        "protos": "BytesList ClusterDef Example Feature FeatureList FeatureLists Features "
                  "FloatList Int64List JobDef NamedTensorProto SaverDef SequenceExample ServerDef",
        "framework.graph_io": "write_graph",
    },
    "summary": {"protos": "Event SessionLog Summary SummaryDescription TaggedRunMetadata"},
    "dtypes": {"framework.dtypes": _DTYPES,
               "ops.math_ops": "cast complex saturate_cast", "ops.array_ops": "bitcast"},
    "io": {"modules": "gfile=platform.gfile", "framework.graph_io": "write_graph"},
    "graph_util": {"framework.graph_util": "convert_variables_to_constants extract_sub_graph "
                                           "must_run_on_cpu remove_training_nodes "
                                           "tensor_shape_from_node_def_name",
                   "framework.importer": "import_graph_def"},
    "contrib.util": {"framework.tensor_util": "constant_value make_ndarray make_tensor_proto"},
    "nest": {"util.nest": "assert_same_structure flatten is_nested=is_sequence map_structure "
                          "pack_sequence_as"},
    "version": {"framework.versions": _VERSIONS},
    "initializers": {"framework.graph_only": "tables_initializer"},
    "random": {"framework.random_seed": "get_seed set_random_seed"},
}
