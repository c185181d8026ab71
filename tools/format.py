#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""format.py FILE ...: brings C files into the project's form: comments that pass the last column
are moved above their line or wrapped anew, then clang-format does the rest."""
import pathlib
import re
import subprocess
import sys
import textwrap

COLUMNS = 100
TRAILING = re.compile(r"^(\s*)(\S.*?)\s*/\* (.*?) \*/$")
KEPT = re.compile(r"^(SPDX-|- |\d+\. |\s{2,}|$)")  # begins a paragraph, or is one


def commented(text, indent):
    """Comment lines for paragraphs of text."""
    width = COLUMNS - len(indent) - 3
    lines = []
    for paragraph in text:
        lines += textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False,
                               drop_whitespace=True) or [""]
    if len(lines[-1]) + len(indent) + 6 > COLUMNS:
        lines[-1:] = textwrap.wrap(lines[-1], width - 3, break_long_words=False)
    out = [(indent + (" * " if n else "/* ") + line).rstrip() for n, line in enumerate(lines)]
    return out[:-1] + [out[-1] + " */"]


def rewrapped(block):
    """A block comment whose lines are too long, in paragraphs of the right width."""
    indent = re.match(r"\s*", block[0]).group()
    text = [re.sub(r"^\s*(/\*|\*) ?", "", line) for line in block]
    text[-1] = re.sub(r"\s*\*/$", "", text[-1])
    if text[-1] == "*/" or not text[-1].strip():
        text.pop()
    paragraphs = []
    for line in text:
        if not paragraphs or KEPT.match(line) or not paragraphs[-1] or \
                paragraphs[-1].startswith("SPDX-"):
            paragraphs.append(line)
        else:
            paragraphs[-1] += " " + line.strip()
    return commented(paragraphs, indent)


def moved_comment(line):
    """The line with its trailing comment before it, if that is what makes it too long."""
    found = TRAILING.match(line)
    if len(line) <= COLUMNS or not found or line.lstrip().startswith(("/*", "*", "}")):
        return [line]
    indent, code, comment = found.groups()
    return commented([comment], indent) + [indent + code]


def with_short_comments(text):
    lines, out, n = text.split("\n"), [], 0
    while n < len(lines):
        if not re.match(r"\s*/\*", lines[n]):
            out += moved_comment(lines[n])
            n += 1
            continue
        end = n
        while "*/" not in lines[end] and end + 1 < len(lines):
            end += 1
        block = lines[n:end + 1]
        whole = block[-1].rstrip().endswith("*/") and not any(b.endswith("\\") for b in block)
        too_long = max(map(len, block)) > COLUMNS
        out += rewrapped(block) if whole and too_long else block
        n = end + 1
    return "\n".join(out)


def formatted(path):
    """Through clang-format, told that headers are C: it cannot always guess."""
    before = path.read_bytes()
    after = subprocess.run(["clang-format", "--assume-filename=%s.c" % path.with_suffix("")],
                           input=before, stdout=subprocess.PIPE, check=True).stdout
    if after != before:
        path.write_bytes(after)


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        before = path.read_text(encoding="utf-8")
        after = with_short_comments(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
    for _ in range(2):  # it may need a second look at macros
        for name in sys.argv[1:]:
            formatted(pathlib.Path(name))


main()
