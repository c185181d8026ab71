# SPDX-License-Identifier: Apache-2.0
"""What TensorFlow's Python layer answers: every snippet of golden/python.txt at the levels of the
versions that answered. One process runs all snippets of a level.

A snippet that cannot pass stands in EXCUSED with the reason. Texts of exceptions may be our own:
the class must agree, and each number and quoted name that TensorFlow's text has must be in ours."""
import json
import os
import re
import subprocess
import sys

import numpy
import pytest

import thalweg

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "golden", "python.txt")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(thalweg.__file__)))
LEVELS = {"0.12.1": "0.12", "1.15.5": "1.15"}
# (number, level or None): why
_FEWER = "gradients are built of fewer nodes here"
EXCUSED = {
    (14, None): _FEWER, (15, "0.12"): "transpose is built of fewer nodes since 1.0",
    (16, "0.12"): _FEWER, (17, None): _FEWER, (19, None): _FEWER,
    (169, "0.12"): "a closed session is refused, as before and after 0.12",
    (198, None): "a loop variable that changes its dtype is refused while building, not when run",
    (182, "0.12"): "ArgMax is said to have no gradient, as since 1.0",
}
if int(numpy.__version__.split(".")[0]) >= 2:
    EXCUSED[205, None] = "float32 plus a Python number stays float32 since NumPy 2"
# Snippets whose error is told in words of our own: only the class is compared.
OWN_WORDS = {
    151: "the dimension is counted with all others",
    152: "the dimension is counted with all others",
    158: "the index is named, not the op's attribute",
}


def unquote(text):
    out = re.sub(r'\\(x[0-9a-f]{2}|.)', lambda m: {
        "n": "\n", "r": "\r", "t": "\t"}.get(m.group(1)) or (
            chr(int(m.group(1)[1:], 16)) if m.group(1)[0] == "x" and len(m.group(1)) == 3
            else m.group(1)), text[1:-1])
    return out.encode("latin-1", "ignore").decode("utf-8", "ignore") \
        if all(ord(c) < 256 for c in out) else out


def snippets():
    """[(number, levels, code, kind, class or None, text)]"""
    out = []
    with open(GOLDEN, encoding="utf-8") as file:
        for record in file.read().split("\n\n"):
            lines = dict(line.partition(" ")[::2] for line in record.splitlines()
                         if line and line[0] != "#")
            if "code" not in lines:
                continue
            levels = [LEVELS[v] for v in lines["tf"].split()]
            if "gives" in lines:
                kind, name, text = "gives", None, lines["gives"]
            else:
                kind = "raises"
                name, _, text = lines["raises"].partition(" ")
            out.append((int(lines["python"]), levels, unquote(lines["code"]), kind, name,
                        unquote(text)))
    return out


RUNNER = r'''
import json, re, sys, warnings
warnings.simplefilter("ignore")
import thalweg.compat
thalweg.compat.install(api=sys.argv[1])
import numpy as np
import tensorflow as tf

def split(code):
    lines = code.strip("\n").split("\n")
    last = lines[-1]
    if ";" in last:
        head, _, tail = last.rpartition(";")
        return "\n".join(lines[:-1] + [head]), tail.strip()
    return "\n".join(lines[:-1]), last

def answer(code):
    with tf.Graph().as_default():
        space = {"tf": tf, "np": np, "s": tf.Session()}
        body, last = split(code)
        try:
            exec(body, space)
            text = str(eval(last, space))
            return "gives", None, re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)
        except Exception as error:
            text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", str(error))
            return "raises", type(error).__name__, text
        finally:
            space["s"].close()

for number, code in json.load(sys.stdin):
    print(json.dumps([number] + list(answer(code))), flush=True)
'''


@pytest.fixture(scope="module")
def answers():
    """{level: {number: (kind, class, text)}}"""
    found = {}
    for level in LEVELS.values():
        wanted = [(n, code) for n, levels, code, *_ in snippets() if level in levels]
        env = dict(os.environ, PYTHONPATH=ROOT + os.pathsep + os.environ.get("PYTHONPATH", ""))
        done = subprocess.run([sys.executable, "-c", RUNNER, level], input=json.dumps(wanted),
                              capture_output=True, text=True, env=env, timeout=300)
        found[level] = {row[0]: tuple(row[1:]) for row in map(json.loads,
                                                              done.stdout.splitlines())}
        found[level]["log"] = done.stderr[-2000:]
    return found


def facts(text):
    """The numbers and the quoted names in what a text says first. What follows on the operation is
    told in another form here; its name and type are facts too."""
    said, _, operation = text.partition(" for '")
    names = re.match(r"([\w/]+)' \(op: '(\w+)'\)", operation)
    return set(re.findall(r"(?<![\w.])\d+(?![\w.])", said)) | \
        set(re.findall(r"'([\w/:]+)'", said)) | set(names.groups() if names else ())


def plain(text):
    """A value's text without what NumPy's versions write differently."""
    text = re.sub(r"\bnp\.(\w+)\(((?:[^()]|\([^()]*\))*)\)", r"\2", text)
    text = re.sub(r"\bnp\.(True|False)_", r"\1", text)
    return re.sub(r"(\[|\s)\s+", r"\1", text)


def cases():
    return [pytest.param(level, *snippet, id="%d-%s" % (snippet[0], level))
            for snippet in snippets() for level in snippet[1]]


@pytest.mark.parametrize("level, number, levels, code, kind, name, text", cases())
def test_snippet(answers, level, number, levels, code, kind, name, text):
    why = EXCUSED.get((number, level)) or EXCUSED.get((number, None))
    if why:
        pytest.skip(why)
    assert number in answers[level], answers[level]["log"]
    got_kind, got_name, got = answers[level][number]
    if got_name == "AttributeError" != name and re.match(r"module 'tensorflow[\w.]*' has no", got):
        pytest.skip(got)
    assert (got_kind, got_name) == (kind, name), (code, got, text)
    if kind == "gives":
        assert plain(got) == plain(text), code
    else:
        missing = [fact for fact in facts(text) if fact not in got]
        assert not missing or number in OWN_WORDS, (code, missing, got, text)
