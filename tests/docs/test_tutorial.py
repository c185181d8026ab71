#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles and runs every block of C in docs/*.md and README.md that has a main; the ```text block
after it is what it must print. Uses the installed library (THALWEG_PREFIX)."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"```c\n(.*?)```(?:\s*```text\n(.*?)```)?", re.S)


def flags():
    prefix = os.environ.get("THALWEG_PREFIX")
    env = dict(os.environ)
    if prefix:
        env["PKG_CONFIG_PATH"] = os.path.join(prefix, "lib", "pkgconfig")
    words = subprocess.check_output(["pkg-config", "--cflags", "--libs", "thalweg"], env=env,
                                    text=True).split()
    return words + (["-Wl,-rpath," + os.path.join(prefix, "lib")] if prefix else [])


def check(name, code, expected, options):
    with tempfile.TemporaryDirectory() as work:
        source, program = os.path.join(work, "block.c"), os.path.join(work, "block")
        with open(source, "w") as file:
            file.write(code)
        strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        built = subprocess.run(["gcc", *strict, source, "-o", program, *options, "-lm"],
                               capture_output=True, text=True)
        if built.returncode:
            return "does not compile:\n" + built.stderr[:1500]
        ran = subprocess.run([program], capture_output=True, text=True, timeout=60)
        if ran.returncode:
            return "exit %d: %s" % (ran.returncode, ran.stderr[-400:])
        if expected is not None and ran.stdout.rstrip() != expected.rstrip():
            return "printed\n%s\nexpected\n%s" % (ran.stdout, expected)
    return None


def main():
    passed = failed = 0
    options = flags()
    for page in ["README.md", "docs/tutorial.md"]:
        with open(os.path.join(ROOT, page)) as file:
            text = file.read()
        for number, match in enumerate(BLOCK.finditer(text), 1):
            if "int main" not in match.group(1):
                continue
            why = check(page, match.group(1), match.group(2), options)
            passed, failed = passed + (not why), failed + bool(why)
            print("%s block %d: %s" % (page, number, "FAIL " + why if why else "ok"))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
