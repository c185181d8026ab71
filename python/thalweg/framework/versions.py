# SPDX-License-Identifier: Apache-2.0
"""Which GraphDefs are written and read."""
GRAPH_DEF_VERSION = 134
GRAPH_DEF_VERSION_MIN_CONSUMER = 0
GRAPH_DEF_VERSION_MIN_PRODUCER = 0
CXX11_ABI_FLAG = 0  # there is no C++ here
MONOLITHIC_BUILD = 1


def __getattr__(name):
    import thalweg
    names = {"VERSION": "__version__", "__version__": "__version__",
             "GIT_VERSION": "__git_version__", "__git_version__": "__git_version__",
             "COMPILER_VERSION": "__compiler_version__",
             "__compiler_version__": "__compiler_version__"}
    if name in names:
        return getattr(thalweg, names[name])
    raise AttributeError("module %r has no attribute %r" % (__name__, name))
