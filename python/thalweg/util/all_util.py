# SPDX-License-Identifier: Apache-2.0
"""What modules say of their own names."""
import sys


def make_all(module_name, doc_string_modules=None):
    """The names of a module that are public, as for `__all__`."""
    del doc_string_modules
    return sorted(n for n in vars(sys.modules[module_name]) if not n.startswith("_"))


def remove_undocumented(module_name, allowed_exception_list=None, doc_string_modules=None):
    """Names are left where they are."""
    del module_name, allowed_exception_list, doc_string_modules


reveal_undocumented = remove_undocumented
