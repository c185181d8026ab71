# SPDX-License-Identifier: Apache-2.0
"""Decorators that say under which public names TensorFlow's own code is to be found; code outside
of it uses them too, to no effect."""


class api_export:  # noqa: N801
    """A decorator that gives back what it gets."""

    def __init__(self, *names, **options):
        self.names, self.options = names, options

    def __call__(self, thing):
        return thing

    def export_constant(self, module_name, name):
        """Nothing to do: `name` stays in its module."""
        del module_name, name


tf_export = keras_export = estimator_export = api_export
