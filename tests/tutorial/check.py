#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py [FILE.c ...]: compiles each program (without arguments the tutorial's here, and the
examples that say what they print) against the installed library and compares its output.

A comment `//= TEXT` in a program is the next line that it must print, `//~ REGEX` a line that must
match. Flags come from pkg-config, and each of gcc and clang that is here has its turn. Last line:
N passed, N failed."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
STRICT = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def expected_lines(source):
    return re.findall(r"//([=~]) (.*)", source.read_text(encoding="utf-8"))


def programs():
    if sys.argv[1:]:
        return [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    examples = sorted((HERE.parent.parent / "examples").glob("*.c"))
    return sorted(HERE.glob("*.c")) + [path for path in examples if expected_lines(path)]


def difference(printed, expected):
    """What is wrong with the printed lines; None if nothing is."""
    if len(printed) != len(expected):
        return "printed %d lines, %d expected:\n%s" % (len(printed), len(expected),
                                                       "\n".join(printed))
    for line, (kind, text) in zip(printed, expected):
        if line != text if kind == "=" else not re.search(text, line):
            return "printed  %s\n    expected %s" % (line, text)
    return None


def fault(source, compiler, flags):
    """Why the program does not do what it says; None if it does."""
    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work) / "program"
        built = subprocess.run([compiler, *STRICT, source.name, "-o", program, *flags, "-lm"],
                               cwd=source.parent, capture_output=True, text=True)
        if built.returncode:
            return built.stderr[:1500]
        done = subprocess.run([program], cwd=work, capture_output=True, text=True, timeout=60)
    if done.returncode:
        return "exit %d %s" % (done.returncode, done.stderr[-600:])
    return difference(done.stdout.rstrip("\n").split("\n"), expected_lines(source))


def main():
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "thalweg"], text=True)
    passed = failed = 0
    for source in programs():
        for compiler in filter(shutil.which, ("gcc", "clang")):
            why = fault(source, compiler, flags.split())
            passed, failed = passed + (not why), failed + bool(why)
            print("%s %s %s" % (source.name, compiler, "fail: " + why if why else "pass"))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


sys.exit(main())
