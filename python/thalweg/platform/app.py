# SPDX-License-Identifier: Apache-2.0
"""The main function of a program with flags."""
import sys

from thalweg.platform import flags  # noqa: F401


def run(main=None, argv=None):
    """Reads the flags, calls main(what is left of the command line) and ends the program with what
    it gives. Without `main` it is the program's own."""
    rest = flags.FLAGS(sys.argv if argv is None else argv, known_only=True)
    main = main or sys.modules["__main__"].main
    sys.exit(main(rest))


__all__ = ["flags", "run"]
