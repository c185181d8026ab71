# SPDX-License-Identifier: Apache-2.0
"""Public names of sessions."""
NAMES = {"": {"client.session": "InteractiveSession Session"}}
