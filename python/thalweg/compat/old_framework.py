# SPDX-License-Identifier: Apache-2.0
"""Names of the older framework modules."""
import builtins

from thalweg.compat import old_protos
from thalweg.framework import dtypes

bytes = builtins.bytes  # noqa: A001
TYPE_TO_STRING_0_7 = {number: name for number, name in dtypes._TYPE_TO_STRING.items()
                      if number in old_protos.DataType_0_7.values()}
