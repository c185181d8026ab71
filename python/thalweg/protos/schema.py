# SPDX-License-Identifier: Apache-2.0
"""The fields of the protocol buffers that programs meet: names, numbers and types.

A line "file" gives the module where a program finds what follows, and the proto package if it is
not "tensorflow". "message NAME: field number type, ..." has `*` for repeated fields, `<key,value>`
for maps and `oneof { field, field }`; "enum NAME: value number, ...". A line that begins with
blanks goes on with the one before. The union of all versions from 0.7 to 1.15."""

SCHEMA = """\
file core.framework.types_pb2
enum DataType: DT_INVALID 0, DT_FLOAT 1, DT_DOUBLE 2, DT_INT32 3, DT_UINT8 4, DT_INT16 5, DT_INT8
    6, DT_STRING 7, DT_COMPLEX64 8, DT_INT64 9, DT_BOOL 10, DT_QINT8 11, DT_QUINT8 12, DT_QINT32
    13, DT_BFLOAT16 14, DT_QINT16 15, DT_QUINT16 16, DT_UINT16 17, DT_COMPLEX128 18, DT_HALF 19,
    DT_RESOURCE 20, DT_VARIANT 21, DT_UINT32 22, DT_UINT64 23, DT_FLOAT_REF 101, DT_DOUBLE_REF
    102, DT_INT32_REF 103, DT_UINT8_REF 104, DT_INT16_REF 105, DT_INT8_REF 106, DT_STRING_REF 107,
    DT_COMPLEX64_REF 108, DT_INT64_REF 109, DT_BOOL_REF 110, DT_QINT8_REF 111, DT_QUINT8_REF 112,
    DT_QINT32_REF 113, DT_BFLOAT16_REF 114, DT_QINT16_REF 115, DT_QUINT16_REF 116, DT_UINT16_REF
    117, DT_COMPLEX128_REF 118, DT_HALF_REF 119, DT_RESOURCE_REF 120, DT_VARIANT_REF 121,
    DT_UINT32_REF 122, DT_UINT64_REF 123

file core.lib.core.error_codes_pb2 tensorflow.error
enum error.Code: OK 0, CANCELLED 1, UNKNOWN 2, INVALID_ARGUMENT 3, DEADLINE_EXCEEDED 4, NOT_FOUND
    5, ALREADY_EXISTS 6, PERMISSION_DENIED 7, UNAUTHENTICATED 16, RESOURCE_EXHAUSTED 8,
    FAILED_PRECONDITION 9, ABORTED 10, OUT_OF_RANGE 11, UNIMPLEMENTED 12, INTERNAL 13, UNAVAILABLE
    14, DATA_LOSS 15, DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_ 20

file core.framework.versions_pb2
message VersionDef: producer 1 int32, min_consumer 2 int32, bad_consumers 3 *int32

file core.framework.tensor_shape_pb2
message TensorShapeProto: dim 2 *TensorShapeProto.Dim, unknown_rank 3 bool
message TensorShapeProto.Dim: size 1 int64, name 2 string

file core.framework.resource_handle_pb2
message ResourceHandleProto: device 1 string, container 2 string, name 3 string, hash_code 4
    uint64, maybe_type_name 5 string, dtypes_and_shapes 6 *ResourceHandleProto.DtypeAndShape
message ResourceHandleProto.DtypeAndShape: dtype 1 DataType, shape 2 TensorShapeProto

file core.framework.tensor_pb2
message TensorProto: dtype 1 DataType, tensor_shape 2 TensorShapeProto, version_number 3 int32,
    tensor_content 4 bytes, float_val 5 *float, double_val 6 *double, int_val 7 *int32, string_val
    8 *bytes, scomplex_val 9 *float, int64_val 10 *int64, bool_val 11 *bool, dcomplex_val 12
    *double, half_val 13 *int32, resource_handle_val 14 *ResourceHandleProto, variant_val 15
    *VariantTensorDataProto, uint32_val 16 *uint32, uint64_val 17 *uint64
message VariantTensorDataProto: type_name 1 string, metadata 2 bytes, tensors 3 *TensorProto

file core.framework.attr_value_pb2
message AttrValue: value { list 1 AttrValue.ListValue, s 2 bytes, i 3 int64, f 4 float, b 5 bool,
    type 6 DataType, shape 7 TensorShapeProto, tensor 8 TensorProto, placeholder 9 string, func 10
    NameAttrList }
message AttrValue.ListValue: s 2 *bytes, i 3 *int64, f 4 *float, b 5 *bool, type 6 *DataType,
    shape 7 *TensorShapeProto, tensor 8 *TensorProto, func 9 *NameAttrList
message NameAttrList: name 1 string, attr 2 <string,AttrValue>

file core.framework.node_def_pb2
message NodeDef: name 1 string, op 2 string, input 3 *string, device 4 string, attr 5
    <string,AttrValue>, experimental_debug_info 6 NodeDef.ExperimentalDebugInfo
message NodeDef.ExperimentalDebugInfo: original_node_names 1 *string, original_func_names 2
    *string

file core.framework.op_def_pb2
message OpDef: name 1 string, input_arg 2 *OpDef.ArgDef, output_arg 3 *OpDef.ArgDef, attr 4
    *OpDef.AttrDef, summary 5 string, description 6 string, deprecation 8 OpDeprecation,
    is_aggregate 16 bool, is_stateful 17 bool, is_commutative 18 bool, allows_uninitialized_input
    19 bool, control_output 20 *string
message OpDef.ArgDef: name 1 string, description 2 string, type 3 DataType, type_attr 4 string,
    number_attr 5 string, type_list_attr 6 string, is_ref 16 bool
message OpDef.AttrDef: name 1 string, type 2 string, default_value 3 AttrValue, description 4
    string, has_minimum 5 bool, minimum 6 int64, allowed_values 7 AttrValue
message OpDeprecation: version 1 int32, explanation 2 string
message OpList: op 1 *OpDef

file core.framework.function_pb2
message FunctionDefLibrary: function 1 *FunctionDef, gradient 2 *GradientDef
message FunctionDef: signature 1 OpDef, node 2 *FunctionDef.Node, node_def 3 *NodeDef, ret 4
    <string,string>, attr 5 <string,AttrValue>, control_ret 6 <string,string>, arg_attr 7
    <uint32,FunctionDef.ArgAttrs>
message FunctionDef.Node: ret 1 *string, op 2 string, arg 3 *string, dep 4 *string, attr 5
    <string,AttrValue>
message FunctionDef.ArgAttrs: attr 1 <string,AttrValue>
message GradientDef: function_name 1 string, gradient_func 2 string

file core.framework.graph_pb2
message GraphDef: node 1 *NodeDef, library 2 FunctionDefLibrary, version 3 int32, versions 4
    VersionDef

file core.framework.kernel_def_pb2
message KernelDef: op 1 string, device_type 2 string, constraint 3 *KernelDef.AttrConstraint,
    host_memory_arg 4 *string, label 5 string, priority 6 int32
message KernelDef.AttrConstraint: name 1 string, allowed_values 2 AttrValue
message KernelList: kernel 1 *KernelDef

file core.framework.tensor_slice_pb2
message TensorSliceProto: extent 1 *TensorSliceProto.Extent
message TensorSliceProto.Extent: start 1 int64, has_length { length 2 int64 }

file core.framework.variable_pb2
enum VariableSynchronization: VARIABLE_SYNCHRONIZATION_AUTO 0, VARIABLE_SYNCHRONIZATION_NONE 1,
    VARIABLE_SYNCHRONIZATION_ON_WRITE 2, VARIABLE_SYNCHRONIZATION_ON_READ 3
enum VariableAggregation: VARIABLE_AGGREGATION_NONE 0, VARIABLE_AGGREGATION_SUM 1,
    VARIABLE_AGGREGATION_MEAN 2, VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA 3
message VariableDef: variable_name 1 string, initializer_name 2 string, snapshot_name 3 string,
    save_slice_info_def 4 SaveSliceInfoDef, is_resource 5 bool, initial_value_name 6 string,
    trainable 7 bool, synchronization 8 VariableSynchronization, aggregation 9 VariableAggregation
message SaveSliceInfoDef: full_name 1 string, full_shape 2 *int64, var_offset 3 *int64, var_shape
    4 *int64

file core.framework.reader_base_pb2
message ReaderBaseState: work_started 1 int64, work_finished 2 int64, num_records_produced 3
    int64, current_work 4 bytes

file core.framework.allocation_description_pb2
message AllocationDescription: requested_bytes 1 int64, allocated_bytes 2 int64, allocator_name 3
    string, allocation_id 4 int64, has_single_reference 5 bool, ptr 6 uint64

file core.framework.tensor_description_pb2
message TensorDescription: dtype 1 DataType, shape 2 TensorShapeProto, allocation_description 4
    AllocationDescription

file core.framework.device_attributes_pb2
message InterconnectLink: device_id 1 int32, type 2 string, strength 3 int32
message LocalLinks: link 1 *InterconnectLink
message DeviceLocality: bus_id 1 int32, numa_node 2 int32, links 3 LocalLinks
message DeviceAttributes: name 1 string, device_type 2 string, memory_limit 4 int64, locality 5
    DeviceLocality, incarnation 6 fixed64, physical_device_desc 7 string

file core.framework.step_stats_pb2
message AllocationRecord: alloc_micros 1 int64, alloc_bytes 2 int64
message AllocatorMemoryUsed: allocator_name 1 string, total_bytes 2 int64, peak_bytes 3 int64,
    live_bytes 4 int64, allocator_bytes_in_use 5 int64, allocation_records 6 *AllocationRecord
message NodeOutput: slot 1 int32, tensor_description 3 TensorDescription
message MemoryStats: temp_memory_size 1 int64, device_temp_memory_size 2 int64,
    persistent_memory_size 3 int64, device_persistent_memory_size 4 int64,
    persistent_tensor_alloc_ids 5 *int64, device_persistent_tensor_alloc_ids 6 *int64
message NodeExecStats: node_name 1 string, all_start_micros 2 int64, op_start_rel_micros 3 int64,
    op_end_rel_micros 4 int64, all_end_rel_micros 5 int64, memory 6 *AllocatorMemoryUsed, output 7
    *NodeOutput, timeline_label 8 string, scheduled_micros 9 int64, thread_id 10 uint32,
    referenced_tensor 11 *AllocationDescription, memory_stats 12 MemoryStats, all_start_nanos 13
    int64, op_start_rel_nanos 14 int64, op_end_rel_nanos 15 int64, all_end_rel_nanos 16 int64,
    scheduled_nanos 17 int64
message DeviceStepStats: device 1 string, node_stats 2 *NodeExecStats, thread_names 3
    <uint32,string>
message StepStats: dev_stats 1 *DeviceStepStats

file core.framework.cost_graph_pb2
message CostGraphDef: node 1 *CostGraphDef.Node
message CostGraphDef.Node: name 1 string, device 2 string, id 3 int32, input_info 4
    *CostGraphDef.Node.InputInfo, output_info 5 *CostGraphDef.Node.OutputInfo,
    temporary_memory_size 6 int64, is_final 7 bool, control_input 8 *int32, compute_cost 9 int64,
    host_temp_memory_size 10 int64, device_temp_memory_size 11 int64, persistent_memory_size 12
    int64, compute_time 14 int64, memory_time 15 int64, device_persistent_memory_size 16 int64,
    inaccurate 17 bool
message CostGraphDef.Node.InputInfo: preceding_node 1 int32, preceding_port 2 int32
message CostGraphDef.Node.OutputInfo: size 1 int64, alias_input_port 2 int64, shape 3
    TensorShapeProto, dtype 4 DataType

file core.framework.summary_pb2
message SummaryDescription: type_hint 1 string
message HistogramProto: min 1 double, max 2 double, num 3 double, sum 4 double, sum_squares 5
    double, bucket_limit 6 *double, bucket 7 *double
message SummaryMetadata: plugin_data 1 SummaryMetadata.PluginData, display_name 2 string,
    summary_description 3 string
message SummaryMetadata.PluginData: plugin_name 1 string, content 2 bytes
message Summary: value 1 *Summary.Value
message Summary.Image: height 1 int32, width 2 int32, colorspace 3 int32, encoded_image_string 4
    bytes
message Summary.Audio: sample_rate 1 float, num_channels 2 int64, length_frames 3 int64,
    encoded_audio_string 4 bytes, content_type 5 string
message Summary.Value: tag 1 string, value { simple_value 2 float, obsolete_old_style_histogram 3
    bytes, image 4 Summary.Image, histo 5 HistogramProto, audio 6 Summary.Audio, tensor 8
    TensorProto }, node_name 7 string, metadata 9 SummaryMetadata

file core.example.feature_pb2
message BytesList: value 1 *bytes
message FloatList: value 1 *float
message Int64List: value 1 *int64
message Feature: kind { bytes_list 1 BytesList, float_list 2 FloatList, int64_list 3 Int64List }
message Features: feature 1 <string,Feature>
message FeatureList: feature 1 *Feature
message FeatureLists: feature_list 1 <string,FeatureList>

file core.example.example_pb2
message Example: features 1 Features
message SequenceExample: context 1 Features, feature_lists 2 FeatureLists

file core.example.example_parser_configuration_pb2
message VarLenFeatureProto: dtype 1 DataType, values_output_tensor_name 2 string,
    indices_output_tensor_name 3 string, shapes_output_tensor_name 4 string
message FixedLenFeatureProto: dtype 1 DataType, shape 2 TensorShapeProto, default_value 3
    TensorProto, values_output_tensor_name 4 string
message FeatureConfiguration: config { fixed_len_feature 1 FixedLenFeatureProto, var_len_feature 2
    VarLenFeatureProto }
message ExampleParserConfiguration: feature_map 1 <string,FeatureConfiguration>

file core.protobuf.cluster_pb2
message JobDef: name 1 string, tasks 2 <int32,string>
message ClusterDef: job 1 *JobDef

file core.protobuf.verifier_config_pb2
message VerifierConfig: verification_timeout_in_ms 1 int64, structure_verifier 2
    VerifierConfig.Toggle
enum VerifierConfig.Toggle: DEFAULT 0, ON 1, OFF 2

file core.protobuf.rewriter_config_pb2
message AutoParallelOptions: enable 1 bool, num_replicas 2 int32
message ScopedAllocatorOptions: enable_op 1 *string
message RewriterConfig: layout_optimizer 1 RewriterConfig.Toggle, disable_model_pruning 2 bool,
    constant_folding 3 RewriterConfig.Toggle, memory_optimization 4 RewriterConfig.MemOptType,
    auto_parallel 5 AutoParallelOptions, memory_optimizer_target_node_name_scope 6 string,
    arithmetic_optimization 7 RewriterConfig.Toggle, dependency_optimization 8
    RewriterConfig.Toggle, loop_optimization 9 RewriterConfig.Toggle, function_optimization 10
    RewriterConfig.Toggle, debug_stripper 11 RewriterConfig.Toggle, meta_optimizer_iterations 12
    RewriterConfig.NumIterationsType, shape_optimization 13 RewriterConfig.Toggle, remapping 14
    RewriterConfig.Toggle, scoped_allocator_optimization 15 RewriterConfig.Toggle,
    scoped_allocator_opts 16 ScopedAllocatorOptions, min_graph_nodes 17 int32,
    pin_to_host_optimization 18 RewriterConfig.Toggle, disable_meta_optimizer 19 bool,
    meta_optimizer_timeout_ms 20 int64, fail_on_optimizer_errors 21 bool, implementation_selector
    22 RewriterConfig.Toggle, auto_mixed_precision 23 RewriterConfig.Toggle, optimizers 100
    *string, custom_optimizers 200 *RewriterConfig.CustomGraphOptimizer,
    inter_optimizer_verifier_config 300 VerifierConfig, post_optimization_verifier_config 301
    VerifierConfig
enum RewriterConfig.Toggle: DEFAULT 0, ON 1, OFF 2, AGGRESSIVE 3
enum RewriterConfig.NumIterationsType: DEFAULT_NUM_ITERS 0, ONE 1, TWO 2
enum RewriterConfig.MemOptType: DEFAULT_MEM_OPT 0, NO_MEM_OPT 1, MANUAL 2, SWAPPING_HEURISTICS 4,
    RECOMPUTATION_HEURISTICS 5, SCHEDULING_HEURISTICS 6, HEURISTICS 3
message RewriterConfig.CustomGraphOptimizer: name 1 string, parameter_map 2 <string,AttrValue>

file core.protobuf.debug_pb2
message DebugTensorWatch: node_name 1 string, output_slot 2 int32, debug_ops 3 *string, debug_urls
    4 *string, tolerate_debug_op_creation_failures 5 bool
message DebugOptions: debug_tensor_watch_opts 4 *DebugTensorWatch, global_step 10 int64,
    reset_disk_byte_usage 11 bool
message DebuggedSourceFile: host 1 string, file_path 2 string, last_modified 3 int64, bytes 4
    int64, lines 5 *string
message DebuggedSourceFiles: source_files 1 *DebuggedSourceFile

file core.protobuf.config_pb2
message GPUOptions: per_process_gpu_memory_fraction 1 double, allocator_type 2 string,
    deferred_deletion_bytes 3 int64, allow_growth 4 bool, visible_device_list 5 string,
    polling_active_delay_usecs 6 int32, polling_inactive_delay_msecs 7 int32, force_gpu_compatible
    8 bool, experimental 9 GPUOptions.Experimental
message GPUOptions.Experimental: virtual_devices 1 *GPUOptions.Experimental.VirtualDevices,
    use_unified_memory 2 bool, num_dev_to_dev_copy_streams 3 int32, collective_ring_order 4
    string, timestamped_allocator 5 bool, kernel_tracker_max_interval 7 int32,
    kernel_tracker_max_bytes 8 int32, kernel_tracker_max_pending 9 int32
message GPUOptions.Experimental.VirtualDevices: memory_limit_mb 1 *float
message OptimizerOptions: do_common_subexpression_elimination 1 bool, do_constant_folding 2 bool,
    opt_level 3 OptimizerOptions.Level, do_function_inlining 4 bool, global_jit_level 5
    OptimizerOptions.GlobalJitLevel, max_folded_constant_in_bytes 6 int64
enum OptimizerOptions.Level: L1 0, L0 -1
enum OptimizerOptions.GlobalJitLevel: DEFAULT 0, OFF -1, ON_1 1, ON_2 2
message GraphOptions: enable_recv_scheduling 2 bool, optimizer_options 3 OptimizerOptions,
    build_cost_model 4 int64, infer_shapes 5 bool, place_pruned_graph 6 bool,
    enable_bfloat16_sendrecv 7 bool, timeline_step 8 int32, build_cost_model_after 9 int64,
    rewrite_options 10 RewriterConfig
message ThreadPoolOptionProto: num_threads 1 int32, global_name 2 string
message RPCOptions: use_rpc_for_inprocess_master 1 bool, compression_algorithm 2 string,
    compression_level 3 int32, cache_rpc_response 4 bool, disable_session_connection_sharing 5
    bool
message SessionMetadata: name 1 string, version 2 int64
message ConfigProto: device_count 1 <string,int32>, intra_op_parallelism_threads 2 int32,
    placement_period 3 int32, device_filters 4 *string, inter_op_parallelism_threads 5 int32,
    gpu_options 6 GPUOptions, allow_soft_placement 7 bool, log_device_placement 8 bool,
    use_per_session_threads 9 bool, graph_options 10 GraphOptions, operation_timeout_in_ms 11
    int64, session_inter_op_thread_pool 12 *ThreadPoolOptionProto, rpc_options 13 RPCOptions,
    cluster_def 14 ClusterDef, isolate_session_state 15 bool, experimental 16
    ConfigProto.Experimental
message ConfigProto.Experimental: collective_group_leader 1 string, executor_type 3 string,
    recv_buf_max_chunk 4 int32, use_numa_affinity 5 bool,
    collective_deterministic_sequential_execution 6 bool, collective_nccl 7 bool,
    share_session_state_in_clusterspec_propagation 8 bool, disable_thread_spinning 9 bool,
    share_cluster_devices_in_session 10 bool, session_metadata 11 SessionMetadata,
    optimize_for_static_graph 12 bool
message RunOptions: trace_level 1 RunOptions.TraceLevel, timeout_in_ms 2 int64,
    inter_op_thread_pool 3 int32, output_partition_graphs 5 bool, debug_options 6 DebugOptions,
    report_tensor_allocations_upon_oom 7 bool, experimental 8 RunOptions.Experimental
enum RunOptions.TraceLevel: NO_TRACE 0, SOFTWARE_TRACE 1, HARDWARE_TRACE 2, FULL_TRACE 3
message RunOptions.Experimental: collective_graph_key 1 int64, use_run_handler_pool 2 bool
message RunMetadata: step_stats 1 StepStats, cost_graph 2 CostGraphDef, partition_graphs 3
    *GraphDef, function_graphs 4 *RunMetadata.FunctionGraphs
message RunMetadata.FunctionGraphs: partition_graphs 1 *GraphDef, pre_optimization_graph 2
    GraphDef, post_optimization_graph 3 GraphDef
message TensorConnection: from_tensor 1 string, to_tensor 2 string
message CallableOptions: feed 1 *string, fetch 2 *string, target 3 *string, run_options 4
    RunOptions, tensor_connection 5 *TensorConnection, feed_devices 6 <string,string>,
    fetch_devices 7 <string,string>, fetch_skip_sync 8 bool

file core.protobuf.control_flow_pb2
message ValuesDef: values 1 *string, external_values 2 <string,string>
message ControlFlowContextDef: ctxt { cond_ctxt 1 CondContextDef, while_ctxt 2 WhileContextDef }
message CondContextDef: context_name 1 string, pred_name 2 string, pivot_name 3 string, branch 4
    int32, values_def 5 ValuesDef, nested_contexts 6 *ControlFlowContextDef
message WhileContextDef: context_name 1 string, parallel_iterations 2 int32, back_prop 3 bool,
    swap_memory 4 bool, pivot_name 5 string, pivot_for_pred_name 6 string, pivot_for_body_name 7
    string, loop_exit_names 8 *string, values_def 9 ValuesDef, loop_enter_names 10 *string,
    maximum_iterations_name 11 string, nested_contexts 12 *ControlFlowContextDef

file core.protobuf.saver_pb2
message SaverDef: filename_tensor_name 1 string, save_tensor_name 2 string, restore_op_name 3
    string, max_to_keep 4 int32, sharded 5 bool, keep_checkpoint_every_n_hours 6 float, version 7
    SaverDef.CheckpointFormatVersion
enum SaverDef.CheckpointFormatVersion: LEGACY 0, V1 1, V2 2

file core.protobuf.struct_pb2
message StructuredValue: kind { none_value 1 NoneValue, float64_value 11 double, int64_value 12
    sint64, string_value 13 string, bool_value 14 bool, tensor_shape_value 31 TensorShapeProto,
    tensor_dtype_value 32 DataType, tensor_spec_value 33 TensorSpecProto, type_spec_value 34
    TypeSpecProto, list_value 51 ListValue, tuple_value 52 TupleValue, dict_value 53 DictValue,
    named_tuple_value 54 NamedTupleValue }
message NoneValue:
message ListValue: values 1 *StructuredValue
message TupleValue: values 1 *StructuredValue
message DictValue: fields 1 <string,StructuredValue>
message PairValue: key 1 string, value 2 StructuredValue
message NamedTupleValue: name 1 string, values 2 *PairValue
message TensorSpecProto: name 1 string, shape 2 TensorShapeProto, dtype 3 DataType
message TypeSpecProto: type_spec_class 1 TypeSpecProto.TypeSpecClass, type_state 2
    StructuredValue, type_spec_class_name 3 string
enum TypeSpecProto.TypeSpecClass: UNKNOWN 0, SPARSE_TENSOR_SPEC 1, INDEXED_SLICES_SPEC 2,
    RAGGED_TENSOR_SPEC 3, TENSOR_ARRAY_SPEC 4, DATA_DATASET_SPEC 5, DATA_ITERATOR_SPEC 6,
    OPTIONAL_SPEC 7, PER_REPLICA_SPEC 8

file core.protobuf.trackable_object_graph_pb2
message TrackableObjectGraph: nodes 1 *TrackableObjectGraph.TrackableObject
message TrackableObjectGraph.TrackableObject: children 1
    *TrackableObjectGraph.TrackableObject.ObjectReference, attributes 2
    *TrackableObjectGraph.TrackableObject.SerializedTensor, slot_variables 3
    *TrackableObjectGraph.TrackableObject.SlotVariableReference
message TrackableObjectGraph.TrackableObject.ObjectReference: node_id 1 int32, local_name 2 string
message TrackableObjectGraph.TrackableObject.SerializedTensor: name 1 string, full_name 2 string,
    checkpoint_key 3 string, optional_restore 4 bool
message TrackableObjectGraph.TrackableObject.SlotVariableReference: original_variable_node_id 1
    int32, slot_name 2 string, slot_variable_node_id 3 int32

file core.protobuf.saved_object_graph_pb2
message SavedObjectGraph: nodes 1 *SavedObject, concrete_functions 2
    <string,SavedConcreteFunction>
message SavedObject: children 1 *TrackableObjectGraph.TrackableObject.ObjectReference,
    slot_variables 3 *TrackableObjectGraph.TrackableObject.SlotVariableReference, kind {
    user_object 4 SavedUserObject, asset 5 SavedAsset, function 6 SavedFunction, variable 7
    SavedVariable, bare_concrete_function 8 SavedBareConcreteFunction, constant 9 SavedConstant,
    resource 10 SavedResource }
message SavedUserObject: identifier 1 string, version 2 VersionDef, metadata 3 string
message SavedAsset: asset_file_def_index 1 int32
message SavedFunction: concrete_functions 1 *string, function_spec 2 FunctionSpec
message SavedConcreteFunction: bound_inputs 2 *int32, canonicalized_input_signature 3
    StructuredValue, output_signature 4 StructuredValue
message SavedBareConcreteFunction: concrete_function_name 1 string, argument_keywords 2 *string,
    allowed_positional_arguments 3 int64
message SavedConstant: operation 1 string
message SavedVariable: dtype 1 DataType, shape 2 TensorShapeProto, trainable 3 bool,
    synchronization 4 VariableSynchronization, aggregation 5 VariableAggregation, name 6 string
message FunctionSpec: fullargspec 1 StructuredValue, is_method 2 bool, input_signature 5
    StructuredValue
message SavedResource: device 1 string

file protobuf.any_pb2 google.protobuf
message google.protobuf.Any: type_url 1 string, value 2 bytes

file core.protobuf.meta_graph_pb2
message MetaGraphDef: meta_info_def 1 MetaGraphDef.MetaInfoDef, graph_def 2 GraphDef, saver_def 3
    SaverDef, collection_def 4 <string,CollectionDef>, signature_def 5 <string,SignatureDef>,
    asset_file_def 6 *AssetFileDef, object_graph_def 7 SavedObjectGraph
message MetaGraphDef.MetaInfoDef: meta_graph_version 1 string, stripped_op_list 2 OpList, any_info
    3 google.protobuf.Any, tags 4 *string, tensorflow_version 5 string, tensorflow_git_version 6
    string, stripped_default_attrs 7 bool
message CollectionDef: kind { node_list 1 CollectionDef.NodeList, bytes_list 2
    CollectionDef.BytesList, int64_list 3 CollectionDef.Int64List, float_list 4
    CollectionDef.FloatList, any_list 5 CollectionDef.AnyList }
message CollectionDef.NodeList: value 1 *string
message CollectionDef.BytesList: value 1 *bytes
message CollectionDef.Int64List: value 1 *int64
message CollectionDef.FloatList: value 1 *float
message CollectionDef.AnyList: value 1 *google.protobuf.Any
message TensorInfo: encoding { name 1 string, coo_sparse 4 TensorInfo.CooSparse, composite_tensor
    5 TensorInfo.CompositeTensor }, dtype 2 DataType, tensor_shape 3 TensorShapeProto
message TensorInfo.CooSparse: values_tensor_name 1 string, indices_tensor_name 2 string,
    dense_shape_tensor_name 3 string
message TensorInfo.CompositeTensor: type_spec 1 TypeSpecProto, components 2 *TensorInfo
message SignatureDef: inputs 1 <string,TensorInfo>, outputs 2 <string,TensorInfo>, method_name 3
    string
message AssetFileDef: tensor_info 1 TensorInfo, filename 2 string

file core.protobuf.named_tensor_pb2
message NamedTensorProto: name 1 string, tensor 2 TensorProto

file core.protobuf.queue_runner_pb2
message QueueRunnerDef: queue_name 1 string, enqueue_op_name 2 *string, close_op_name 3 string,
    cancel_op_name 4 string, queue_closed_exception_types 5 *error.Code

file core.protobuf.saved_model_pb2
message SavedModel: saved_model_schema_version 1 int64, meta_graphs 2 *MetaGraphDef

file core.protobuf.tensor_bundle_pb2
message BundleHeaderProto: num_shards 1 int32, endianness 2 BundleHeaderProto.Endianness, version
    3 VersionDef
enum BundleHeaderProto.Endianness: LITTLE 0, BIG 1
message BundleEntryProto: dtype 1 DataType, shape 2 TensorShapeProto, shard_id 3 int32, offset 4
    int64, size 5 int64, crc32c 6 fixed32, slices 7 *TensorSliceProto

file core.protobuf.tensorflow_server_pb2
message ServerDef: cluster 1 ClusterDef, job_name 2 string, task_index 3 int32,
    default_session_config 4 ConfigProto, protocol 5 string

file core.util.event_pb2
enum WorkerHealth: OK 0, RECEIVED_SHUTDOWN_SIGNAL 1, INTERNAL_ERROR 2, SHUTTING_DOWN 3
enum WorkerShutdownMode: DEFAULT 0, NOT_CONFIGURED 1, WAIT_FOR_COORDINATOR 2,
    SHUTDOWN_AFTER_TIMEOUT 3
message Event: wall_time 1 double, step 2 int64, what { file_version 3 string, graph_def 4 bytes,
    summary 5 Summary, log_message 6 LogMessage, session_log 7 SessionLog, tagged_run_metadata 8
    TaggedRunMetadata, meta_graph_def 9 bytes }
message LogMessage: level 1 LogMessage.Level, message 2 string
enum LogMessage.Level: UNKNOWN 0, DEBUGGING 10, INFO 20, WARN 30, ERROR 40, FATAL 50
message SessionLog: status 1 SessionLog.SessionStatus, checkpoint_path 2 string, msg 3 string
enum SessionLog.SessionStatus: STATUS_UNSPECIFIED 0, START 1, STOP 2, CHECKPOINT 3
message TaggedRunMetadata: tag 1 string, run_metadata 2 bytes
message WatchdogConfig: timeout_ms 1 int64
message WorkerHeartbeatRequest: shutdown_mode 1 WorkerShutdownMode, watchdog_config 2
    WatchdogConfig
message WorkerHeartbeatResponse: health_status 1 WorkerHealth, worker_log 2 *Event, hostname 3
    string

file core.util.saved_tensor_slice_pb2
message SavedSliceMeta: name 1 string, shape 2 TensorShapeProto, type 3 DataType, slice 4
    *TensorSliceProto
message SavedTensorSliceMeta: tensor 1 *SavedSliceMeta, versions 2 VersionDef
message SavedSlice: name 1 string, slice 2 TensorSliceProto, data 3 TensorProto
message SavedTensorSlices: meta 1 SavedTensorSliceMeta, data 2 SavedSlice

file python.training.checkpoint_state_pb2
message CheckpointState: model_checkpoint_path 1 string, all_model_checkpoint_paths 2 *string,
    all_model_checkpoint_timestamps 3 *double, last_preserved_timestamp 4 double

file contrib.tensorboard.plugins.projector.projector_config_pb2
message SpriteMetadata: image_path 1 string, single_image_dim 2 *uint32
message EmbeddingInfo: tensor_name 1 string, metadata_path 2 string, bookmarks_path 3 string,
    tensor_shape 4 *uint32, sprite 5 SpriteMetadata, tensor_path 6 string
message ProjectorConfig: model_checkpoint_path 1 string, embeddings 2 *EmbeddingInfo,
    model_checkpoint_dir 3 string
"""
