#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_python.py WORK [PYTHON [TEST ...]]: the Python package as its users get it. Makes an
environment in WORK, builds the wheel, installs it there and runs python/tests, all or the files
named; with TW_TF_TREE=DIR, a work tree of TensorFlow at v0.7.1, and without PYTHON also
TensorFlow's own tests. The last line is "N passed, N failed"; what cannot run here is said in a
line that begins with "note: "."""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFORMANCE = ROOT.parent / "shared/conformance"
NEEDED = ["pip>=23.1", "meson-python>=0.13", "meson>=1.3", "numpy", "pytest", "six"]
WHEEL_LIMIT = 5e6  # bytes
# Shares of TensorFlow's own tests that must pass, wave by wave of the list; those of wave 7
# (queues, files, summaries) are counted and shown.
SHARES = {1: 0.98, 2: 0.98, 3: 0.95, 4: 0.9, 5: 0.98, 6: 0.9, 7: 0}

passed, failed = 0, 0


def check(ok, what, output=""):
    """Counts one check; a failure is shown with the end of what was printed."""
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED %s" % what, *output.splitlines()[-30:], sep="\n  ")
    return ok


def run(*words, cwd=ROOT, **env):
    """(exit status, output) of a command."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    inside = pathlib.Path(words[0]).parent  # an environment's own meson and ninja come first
    clean["PATH"] = os.pathsep.join((str(inside), clean["PATH"]))
    done = subprocess.run([str(w) for w in words], cwd=cwd, env={**clean, **env}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def environment(work, python):
    """The Python of an environment with what the tests need; None, and why, if there is none."""
    inside = work / "env/bin/python"
    if not inside.exists():
        code, output = run(python, "-m", "venv", work / "env")
        if code:
            return None, "no environment: " + " ".join(output.split()[-20:])
    present = "import numpy, pytest, six, mesonpy, mesonbuild"
    if run(inside, "-c", present)[0]:
        code, output = run(inside, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                           *NEEDED)
        if code:
            return None, "pip cannot get %s: %s" % (", ".join(NEEDED), output.split("\n")[0][:200])
    return inside, ""


def install(work, python):
    """Builds the wheel and installs it; False if that failed."""
    wheels = work / "wheel"
    for old in wheels.glob("*.whl"):
        old.unlink()
    code, output = run(python, "-m", "pip", "wheel", "-q", "--disable-pip-version-check",
                       "--no-build-isolation", "--no-deps", "-w", wheels,
                       "-Cbuild-dir=%s" % (work / "build"), ROOT)
    if not check(code == 0, "pip wheel .", output):
        return False
    wheel = next(wheels.glob("*.whl"))
    size = wheel.stat().st_size
    check(size < WHEEL_LIMIT, "the wheel has %d bytes" % size)
    code, output = run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                       "--force-reinstall", "--no-deps", wheel)
    return check(code == 0, "pip install", output)


def own_tests(work, python, files):
    """python/tests, or some files of it, counted one by one."""
    global passed, failed
    code, output = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", "--tb=short",
                       *(ROOT / "python/tests" / name for name in files or ["."]), cwd=work)
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)\b",
                                                     output.strip().split("\n")[-1])}
    wrong = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    passed += counts.get("passed", 0)
    if counts.get("skipped"):
        print("note: %d tests skipped" % counts["skipped"])
    if code or wrong or not counts.get("passed"):
        failed += max(wrong, 1)
        print("FAILED pytest", *output.splitlines()[-60:], sep="\n  ")


def waves(listing):
    """{file: wave} and {file: methods} of the list of TensorFlow's tests."""
    wave, of, methods = 0, {}, {}
    for line in listing.read_text().splitlines():
        heading = re.match(r"# wave (\d+)", line)
        words = line.split("#")[0].split()
        if heading:
            wave = int(heading[1])
        elif words:
            of[words[0]], methods[words[0]] = wave, int(words[1])
    return of, methods


def tensorflow_tests(work, python):
    """TensorFlow's own tests; each wave is one check."""
    tree = os.environ.get("TW_TF_TREE")
    if not tree or not (CONFORMANCE / "run_tf_suite.py").exists():
        return print("note: TensorFlow's own tests skipped: %s" % (
            "no ../shared/conformance" if tree else "TW_TF_TREE names no tree of v0.7.1"))
    listing = CONFORMANCE / "tf-0.7.1-first60.txt"
    found = work / "suite.json"
    _, output = run(python, CONFORMANCE / "run_tf_suite.py", "--tree", tree, "--list", listing,
                    "--api", "0.7", "--python", python, "--json", found, "-v")
    if not check(found.exists(), "run_tf_suite.py", output):
        return None
    reports = json.loads(found.read_text())
    (work / "suite.log").write_text(output)
    of, methods = waves(listing)
    for wave, share in SHARES.items():
        files = [name for name in of if of[name] == wave]
        good = sum(r[0] == "pass" for f in files for r in reports[f]["results"].values())
        all_of = sum(methods[f] for f in files)
        print("note: TensorFlow's tests, wave %d: %d of %d" % (wave, good, all_of))
        check(good >= share * all_of, "wave %d: %d of %d pass, %g %% must" % (
            wave, good, all_of, 100 * share), output)
    return None


def main():
    work = pathlib.Path(sys.argv[1]).resolve()
    work.mkdir(parents=True, exist_ok=True)
    python, why = environment(work, sys.argv[2] if len(sys.argv) > 2 else sys.executable)
    if python is None:
        print("note: skipped: " + why)
    elif install(work, python):
        own_tests(work, python, sys.argv[3:])
        if len(sys.argv) < 3:
            tensorflow_tests(work, python)
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
