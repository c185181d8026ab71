# SPDX-License-Identifier: Apache-2.0
"""python -m thalweg [--api LEVEL] [--py2] PROGRAM [ARGUMENTS]

Runs a program written for TensorFlow, unchanged: `import tensorflow` gives it this package as
version LEVEL ("0.7" to "1.15") had it; without --api, the newest. --py2: the program, and what it
imports from its own folder, is in Python 2. PROGRAM may be a notebook (.ipynb)."""
import os
import sys
import types

from thalweg.compat import old_python, programs


def usage(out):
    out.write(__doc__ + "\n")


def parse(arguments):
    """(level or None, whether Python 2, program, its arguments), or None if they make no sense."""
    level, py2 = None, False
    arguments = list(arguments)
    while arguments and arguments[0].startswith("-"):
        word = arguments.pop(0)
        if word == "--py2":
            py2 = True
        elif word == "--api" and arguments:
            level = arguments.pop(0)
        elif word.startswith("--api="):
            level = word[len("--api="):]
        else:
            return None
    return (level, py2, arguments[0], arguments[1:]) if arguments else None


def run(path, arguments, py2):
    """Runs a program or notebook as __main__."""
    path = os.path.abspath(path)
    module = types.ModuleType("__main__")
    module.__file__, module.__builtins__ = path, __builtins__
    sys.argv = [path] + arguments
    sys.path[0] = os.path.dirname(path)
    if py2:
        programs.convert_imports(os.path.dirname(path))
    old_python.restore()
    parts = programs.load(path, py2)
    sys.modules["__main__"] = module
    for code, shows in parts:
        if shows:
            programs.display(eval(code, module.__dict__))
        else:
            exec(code, module.__dict__)


def main(arguments=None):
    """The command; its exit status."""
    words = parse(sys.argv[1:] if arguments is None else arguments)
    if words is None:
        usage(sys.stderr)
        return 2
    level, py2, program, rest = words
    from thalweg import compat
    try:
        compat.install(api=level)
        if not os.path.isfile(program):
            raise ValueError("there is no file %s" % program)
        if py2:
            programs.converter()
    except (ValueError, ImportError) as error:
        sys.stderr.write("thalweg: %s\n" % error)
        return 2
    run(program, rest, py2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
