# SPDX-License-Identifier: Apache-2.0
"""The programs of docs/python.md print what stands below them."""
import os
import re
import subprocess
import sys

import pytest

import thalweg

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "python.md")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))


def programs():
    """[(first line of the program in the page, program, output)]"""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    return [(page.count("\n", 0, m.start()) + 2, m.group(1), m.group(2)) for m in
            re.finditer(r"```python\n(.*?)```\n+```text\n(.*?)```", page, re.S)]


@pytest.mark.parametrize("line, program, output", programs(), ids=lambda v: str(v)[:20])
def test_prints_what_it_says(line, program, output, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program)
    env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
    done = subprocess.run([sys.executable, str(path)], cwd=str(tmp_path), env=env,
                          capture_output=True, text=True, timeout=120)
    assert not done.stderr and not done.returncode, done.stderr

    def plain(text):
        return [row.rstrip() for row in text.rstrip().split("\n")]
    assert plain(done.stdout) == plain(output), "docs/python.md:%d" % line


def test_each_program_has_its_output():
    with open(PAGE, encoding="utf-8") as file:
        assert file.read().count("```python") == len(programs()) > 4
