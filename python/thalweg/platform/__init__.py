# SPDX-License-Identifier: Apache-2.0
"""Programs around the graph: files, flags, logging, the main function, tests."""
