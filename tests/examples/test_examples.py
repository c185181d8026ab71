#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples: what they print, the picture they draw, and that a training killed in the
middle and started again ends with the same bits. The programs are those of THALWEG_BUILD."""
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("THALWEG_BUILD", os.path.join(ROOT, "build"))


def program(name):
    return os.path.join(BUILD, "examples", "example_" + name)


def run(*words, cwd=ROOT):
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, "exit %d: %s" % (done.returncode, done.stderr[-500:])
    return done.stdout


def unpack(folder):
    source = os.path.join(ROOT, "data", "mnist10k")
    for name in os.listdir(source):
        if name.endswith(".gz"):
            with gzip.open(os.path.join(source, name)) as packed:
                with open(os.path.join(folder, name[:-3]), "wb") as out:
                    out.write(packed.read())


def linear_regression_fits_and_draws(work):
    picture = os.path.join(work, "fit.svg")
    text = run(program("linear_regression"), picture)
    losses = [float(x) for x in re.findall(r"loss ([0-9.]+)", text)]
    assert losses[-1] < 250 and losses[-1] < losses[0] / 2, losses
    root = xml.etree.ElementTree.parse(picture).getroot()
    assert len([e for e in root if e.tag.endswith("circle")]) == 250


def a_frozen_graph_gives_the_numbers_of_tensorflow(work):
    text = run(program("frozen_graph"))
    assert "0.399135" in text and "0.44110" in text, text


def an_op_from_outside_works(work):
    text = run(program("custom_op"))
    assert "[-1.5  0.   1.   1.6]" in text and "[0.125 2.    0.5   0.08 ]" in text, text


def marks(text):
    return re.findall(r"accuracy on .* ([0-9.]+) %   weights ([0-9a-f]+)", text)[-1]


def a_killed_training_goes_on_with_the_same_bits(work):
    unpack(work)
    options = ["--data", work]
    whole = marks(run(program("digits"), *options, "--state", os.path.join(work, "whole")))
    state = os.path.join(work, "parts")
    child = subprocess.Popen([program("digits"), *options, "--state", state],
                             stdout=subprocess.DEVNULL)
    limit = time.time() + 60
    while not os.path.exists(state) and time.time() < limit:
        time.sleep(0.01)
    time.sleep(0.05)
    child.kill()
    child.wait()
    text = run(program("digits"), *options, "--state", state, "--resume")
    assert "going on after epoch" in text
    assert marks(text) == whole, (marks(text), whole)
    assert float(whole[0]) >= 96
    run(program("digits"), *options, "--state", state, "--epochs", "0")
    assert not os.path.exists(state), "a new training leaves what an old one saved"


def main():
    passed = failed = 0
    for test in (linear_regression_fits_and_draws, a_frozen_graph_gives_the_numbers_of_tensorflow,
                 an_op_from_outside_works, a_killed_training_goes_on_with_the_same_bits):
        with tempfile.TemporaryDirectory() as work:
            try:
                test(work)
                passed += 1
                print("%s: ok" % test.__name__)
            except Exception as error:
                failed += 1
                print("%s: FAIL %s" % (test.__name__, error))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
