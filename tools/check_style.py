#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_style.py: the limits of docs/conventions.md on every source file of the tree: files of at
most 600 lines, functions of at most 80, lines of at most 100 columns, a licence line at the top, no
leftovers. The library's own C also has a median function of at most 12 lines and between 0.15 and
0.30 lines of comment for each line of code. Prints each breach and one line of numbers."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, COLUMNS, MEDIAN, COMMENTS = 600, 80, 100, 12, (0.15, 0.30)
C_LIKE = (".c", ".h", ".def")
SCRIPTS = (".py", ".sh")
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
NOT_OURS = ("tests/", "bench/", "examples/")  # no part of the library's own numbers


def tree_files():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        names = [p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*")
                 if "build" not in p.relative_to(ROOT).parts]
    return sorted(n for n in set(names)
                  if n.endswith(C_LIKE + SCRIPTS) and (ROOT / n).is_file())


def comment_counts(text):
    """(lines of code, lines of comment); a line that holds both counts as code."""
    code = comment = 0
    inside = False
    for line in map(str.strip, text.split("\n")):
        if not line:
            continue
        if inside or line.startswith(("//", "/*", "*")):
            comment += 1
        else:
            code += 1
        if "/*" in line and "*/" not in line[line.rindex("/*"):]:
            inside = True
        elif "*/" in line:
            inside = False
    return code, comment


def functions(names):
    """(lines, file, function) of every C function."""
    out = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f",
                          "--language-force=C", "-L", "-", "-f", "-"],
                         input="\n".join(names), cwd=ROOT, capture_output=True, text=True,
                         check=True)
    for tag in map(json.loads, out.stdout.splitlines()):
        if "end" in tag:
            yield tag["end"] - tag["line"] + 1, tag["path"], tag["name"]


def check_text(name, text):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES:
        yield "%s: %d lines, at most %d" % (name, len(lines) - 1, FILE_LINES)
    if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:3]):
        yield "%s:1: no line \"SPDX-License-Identifier: Apache-2.0\"" % name
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield "%s:%d: %d columns, at most %d" % (name, number, len(line), COLUMNS)
        if LEFTOVER.search(line):
            yield "%s:%d: a leftover: %s" % (name, number, line.strip()[:60])
        if line != line.rstrip() or "\t" in line:
            yield "%s:%d: a tab, or blanks at the end" % (name, number)


def check_numbers(code, comment, lengths):
    ratio = comment / max(code, 1)
    median = statistics.median(lengths) if lengths else 0
    if not COMMENTS[0] <= ratio <= COMMENTS[1]:
        yield "comments: %.3f per line of code, not within %.2f to %.2f" % (ratio, *COMMENTS)
    if median > MEDIAN:
        yield "functions: median %.0f lines, at most %d" % (median, MEDIAN)
    print("style: %d lines of code, comments %.2f; %d functions, median %.0f, longest %d"
          % (code, ratio, len(lengths), median, max(lengths, default=0)))


def main():
    os.chdir(ROOT)
    breaches, code, comment = [], 0, 0
    names = tree_files()
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        breaches += check_text(name, text)
        if name.endswith((".c", ".h")) and not name.startswith(NOT_OURS):
            counts = comment_counts(text)
            code, comment = code + counts[0], comment + counts[1]
    lengths = []
    for length, path, function in functions([n for n in names if n.endswith((".c", ".h"))]):
        if length > FUNCTION_LINES:
            breaches.append("%s: %s has %d lines, at most %d"
                            % (path, function, length, FUNCTION_LINES))
        if not path.startswith(NOT_OURS):
            lengths.append(length)
    breaches += check_numbers(code, comment, lengths)
    print("\n".join(breaches), end="\n" if breaches else "")
    return bool(breaches)


sys.exit(main())
