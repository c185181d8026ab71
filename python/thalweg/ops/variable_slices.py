# SPDX-License-Identifier: Apache-2.0
"""SaveSliceInfo: of which larger variable one is a part, as files of variables say it."""


class SaveSliceInfo:
    """A part of a larger variable: the whole's name and shape, where the part begins, its shape."""

    def __init__(self, full_name=None, full_shape=None, var_offset=None, var_shape=None,
                 save_slice_info_def=None, import_scope=None):
        if save_slice_info_def:
            from thalweg.framework import ops
            definition = save_slice_info_def
            self.full_name = ops.prepend_name_scope(definition.full_name, import_scope)
            self.full_shape = list(definition.full_shape)
            self.var_offset = list(definition.var_offset)
            self.var_shape = list(definition.var_shape)
        else:
            self.full_name, self.full_shape = full_name, full_shape
            self.var_offset, self.var_shape = var_offset, var_shape

    @property
    def spec(self):
        """"4 5 0,2:0,5": the whole's shape, then for each dimension begin and length."""
        whole = "".join("%d " % size for size in self.full_shape)
        return whole + ":".join("%d,%d" % pair for pair in zip(self.var_offset, self.var_shape))

    def to_proto(self, export_scope=None):
        """A SaveSliceInfoDef; None for a variable outside of `export_scope`."""
        from thalweg import protos
        from thalweg.framework import ops
        if export_scope is not None and not self.full_name.startswith(export_scope):
            return None
        return protos.variable_pb2.SaveSliceInfoDef(
            full_name=ops.strip_name_scope(self.full_name, export_scope),
            full_shape=self.full_shape, var_offset=self.var_offset, var_shape=self.var_shape)
