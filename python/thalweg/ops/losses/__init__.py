# SPDX-License-Identifier: Apache-2.0
"""Losses of predictions beside what they should be, weighted and summed up."""
