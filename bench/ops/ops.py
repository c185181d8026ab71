#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ops.py --engine BENCH_OPS [--seconds S] [--rounds N] [--all] [--json FILE] [OP ...]: every op of
the registry over more than 1,000 elements beside NumPy with its own BLAS, on one thread.

Both take turns on one core, a moment each; what counts is the median of the rounds, in time of the
processor. Ours goes through a callable and looks at its results where they are; NumPy's is what
cases.py says, into fresh arrays. What both compute must agree. Cases in which ours takes more than
1.1 times as long are named at the end (with --all every case is shown), and then the ops for which
NumPy has no match, with the reason."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[name + "_NUM_THREADS"] = "1"

try:
    import numpy as np  # noqa: E402: after the number of threads
except ImportError:
    sys.exit("bench/ops needs NumPy: bench/peers/setup.sh installs it")

import cases  # noqa: E402

SLOWER = 1.1
TYPES = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "int32": "DT_INT32", "int64": "DT_INT64",
         "uint8": "DT_UINT8", "bool": "DT_BOOL", "float16": "DT_HALF",
         "complex64": "DT_COMPLEX64", "complex128": "DT_COMPLEX128"}
FIELDS = {"float32": "float_val", "float64": "double_val", "int32": "int_val",
          "int64": "int64_val", "uint8": "int_val"}


def type_of(dtype):
    return TYPES[np.dtype(dtype).name]


def attr(name, value):
    if isinstance(value, bool):
        text = "b: %s" % str(value).lower()
    elif isinstance(value, int):
        text = "i: %d" % value
    elif isinstance(value, str):
        text = 's: "%s"' % value
    else:
        text = "type: " + type_of(value)
    return ' attr { key: "%s" value { %s } }' % (name, text)


def constant(name, value):
    shape = "".join(" dim { size: %d }" % n for n in value.shape)
    numbers = " ".join("%s: %r" % (FIELDS[value.dtype.name], n) for n in value.ravel().tolist())
    tensor = "tensor { dtype: %s tensor_shape {%s } %s }" % (type_of(value.dtype), shape, numbers)
    return 'node { name: "%s" op: "Const"%s attr { key: "value" value { %s } } }' % (
        name, attr("dtype", value.dtype), tensor)


def graph_of(op, inputs, attrs, folder):
    """Writes the GraphDef and the feeds."""
    for file in os.listdir(folder):
        os.unlink(os.path.join(folder, file))
    nodes, names, fed = [], [], 0
    for i, value in enumerate(inputs):
        if isinstance(value, cases.Const):
            names.append("c%d" % i)
            nodes.append(constant(names[-1], value.value))
            continue
        names.append("x%d" % fed)
        nodes.append('node { name: "%s" op: "Placeholder"%s }' % (names[-1],
                                                                 attr("dtype", value.dtype)))
        np.save(os.path.join(folder, names[-1] + ".npy"), value)
        fed += 1
    if "T" not in attrs:
        attrs = dict(attrs, T=next(x for x in inputs if not isinstance(x, cases.Const)).dtype)
    nodes.append('node { name: "op" op: "%s"%s%s }' % (
        op, "".join(' input: "%s"' % n for n in names),
        "".join(attr(k, v) for k, v in attrs.items() if v is not None)))
    with open(os.path.join(folder, "graph.pbtxt"), "w", encoding="utf-8") as file:
        file.write("\n".join(nodes))


class Ours:
    def __init__(self, engine):
        self.process = subprocess.Popen([engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, THALWEG_THREADS="1"))

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def numpy_time(way, feeds, seconds):
    way(*feeds)
    calls, wanted, passed, start = 0, 1, 0, time.process_time()
    while passed < seconds or not calls:
        for _ in range(wanted):
            way(*feeds)
        calls += wanted
        passed = time.process_time() - start
        if passed < seconds / 16:
            wanted *= 2
    return 1e9 * passed / calls


def agree(folder, want):
    """The first output; where NumPy gives several, the first too."""
    path = os.path.join(folder, "y0.npy")
    got = np.load(path) if os.path.exists(path) else None
    want = np.asarray(want[0] if isinstance(want, (list, tuple)) else want)
    if got is None or got.shape != want.shape:
        return False
    close = 1e-3 if got.dtype in (np.float32, np.complex64, np.float16) else 1e-6
    return bool(np.allclose(got, want, close, close * max(1, np.abs(want).max(initial=0)),
                            equal_nan=True))


def measure(ours, folder, case, options):
    """{"ours": ns, "numpy": ns, "ratio": of the two} or {"error": text}."""
    op, special, inputs, attrs, way = case
    graph_of(op, inputs, attrs, folder)
    answer = ours.ask("make " + folder)
    if answer != "ok":
        return {"error": answer or "the worker ended"}
    feeds = [x for x in inputs if not isinstance(x, cases.Const)]
    with np.errstate(all="ignore"):
        wanted = way(*feeds)
        if "any" not in special and not agree(folder, wanted):
            return {"error": "NumPy computes something else"}
        rounds = [(float(ours.ask("time %g" % options.seconds)),
                   numpy_time(way, feeds, options.seconds)) for _ in range(options.rounds)]
    mine, theirs = (statistics.median(column) for column in zip(*rounds))
    return {"ours": mine, "numpy": theirs, "ratio": mine / theirs}


def describe(case):
    op, special, inputs, _, _ = case
    arrays = [x for x in inputs if not isinstance(x, cases.Const)]
    shapes = " ".join("%s%s" % (np.dtype(x.dtype).name, list(x.shape)) for x in arrays[:2])
    return "%-18s %-44s %s" % (op, shapes, special)


def without_match(registry):
    timed = {case[0] for case in cases.CASES}
    for op in sorted(set(registry) - timed):
        yield op, next((why for why, names in cases.WITHOUT if re.match("(?:%s)" % names, op)), "?")


def show_rest(registry):
    reasons = {}
    for op, why in without_match(registry):
        reasons.setdefault(why, []).append(op)
    for why, ops in reasons.items():
        print("no match in NumPy (%s): %s" % (why, " ".join(ops)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--seconds", type=float, default=0.02)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("ops", nargs="*")
    options = parser.parse_args()
    unknown = set(options.ops) - {case[0] for case in cases.CASES}
    if unknown:
        parser.error("no case of %s" % ", ".join(sorted(unknown)))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ours, results, slow, failed = Ours(options.engine), [], [], 0
    registry = ours.ask("list").split()
    print("NumPy %s; nanoseconds of the processor a call" % np.__version__)
    print("%-90s %12s %12s %7s" % ("", "ours", "NumPy", "ratio"))
    with tempfile.TemporaryDirectory() as folder:
        for case in cases.CASES:
            if options.ops and case[0] not in options.ops:
                continue
            result = measure(ours, folder, case, options)
            results.append({"case": describe(case), **result})
            if "error" in result:
                failed += 1
                print("%-90s %s" % (describe(case), result["error"]))
                continue
            line = "%-90s %12.0f %12.0f %7.2f" % (describe(case), result["ours"], result["numpy"],
                                                  result["ratio"])
            if result["ratio"] > SLOWER:
                slow.append((result["ratio"], line))
            if options.all:
                print(line, flush=True)
            elif len(results) % 100 == 0:
                print("(%d of %d cases, %d slow)" % (len(results), len(cases.CASES), len(slow)),
                      file=sys.stderr)
    print("\n%d cases of %d ops, %d slower than NumPy by more than %.1f" % (
        len(results) - failed, len({c[0] for c in cases.CASES}), len(slow), SLOWER))
    for _, line in sorted(slow, reverse=True):
        print(line)
    if not options.ops:
        show_rest(registry)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return failed > 0


sys.exit(main())
