# SPDX-License-Identifier: Apache-2.0
"""What all peers share: the same numbers as bench/engine/workload.c, and the worker's side of the
lines that bench/bench.py sends (see bench/engine/main.c).

A peer gives {workload: function}; the function builds everything and returns its step, or several
steps in a dictionary {way: step}, of which the fastest counts. A step gives what it computed (a
number, an array, a list that begins with one) or None and is over only when its results are
there."""
import contextlib
import json
import os
import resource
import sys
import time

import numpy as np

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
CLASSES = 10
clock = time.process_time if THREADS == 1 else time.perf_counter
aside = 0.0  # seconds of the clock that belong to no figure


def mixed(x):
    x = x.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85ebca6b)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xc2b2ae35)
    return x ^ (x >> np.uint32(16))


def hashes(shape, seed):
    count = int(np.prod(shape))
    start = mixed(np.array([seed], np.uint32))
    return mixed(np.arange(count, dtype=np.uint32) + start).reshape(shape)


def floats(shape, seed, low, high):
    u = (hashes(shape, seed) >> np.uint32(8)).astype(np.float64) / 16777216.0
    return (low + (high - low) * u).astype(np.float32)


def ints(shape, seed, below):
    return (hashes(shape, seed) % np.uint32(below)).astype(np.int64)


def labels(batch, classes=CLASSES):
    return ints((batch,), 77, classes)


class Weights:
    """First values of a net's parameters: each call takes the next seed, as in nets.c."""

    def __init__(self):
        self.count = 0

    def __call__(self, *shape):
        self.count += 1
        return floats(shape, self.count, -0.05, 0.05)


def linear_data():
    x = np.arange(100, dtype=np.float64)
    y = x + 20 * np.sin(x / 10.0)
    return x.astype(np.float32).reshape(100, 1), y.astype(np.float32).reshape(100, 1)


def embedding_ids():
    return (np.arange(10000, dtype=np.int64) * 99991 + 7) % 1000000


def megabytes64():
    return np.ones((1 << 24,), np.float32)


def copied64():
    """What NumPy takes to copy as much: the least that a fetch of fresh memory can cost."""
    return megabytes64().copy


def rotation():
    return np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)


def tree_values():
    """Words, W, b, U, c of the recursive net."""
    shapes = (1000, 35), (70, 35), (1, 35), (35, 5), (1, 5)
    return [floats(shape, i + 1, -(.1 if i else .5), .1 if i else .5)
            for i, shape in enumerate(shapes)]


class Random:
    """Numerical Recipes' generator, as in graphs.c."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, below):
        self.state = (self.state * 1664525 + 1013904223) & 0xffffffff
        return (self.state >> 16) % below


def timed(step, seconds):
    """(Seconds of one step, of them the processor's), means over about so many seconds. A step that
    takes longer than a turn is not run twice for it."""
    start, first = time.perf_counter(), time.process_time()
    step()
    passed = time.perf_counter() - start
    if passed > 4 * seconds:
        return passed, time.process_time() - first
    calls, wanted, passed, since, cpu = 0, 1, 0.0, time.perf_counter(), time.process_time()
    while passed < seconds:
        for _ in range(wanted):
            step()
        calls += wanted
        passed = time.perf_counter() - since
        if passed < seconds / 16:
            wanted *= 2
    return passed / calls, (time.process_time() - cpu) / calls


@contextlib.contextmanager
def apart():
    """What opens a session is neither of building nor of the first step."""
    global aside
    since = clock()
    yield
    aside += clock() - since


def number(value):
    """What a step computed, as one number; None if it was nothing."""
    while isinstance(value, (list, tuple)):
        value = value[0]
    return None if value is None else float(np.ravel(value)[0])


def memory():
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "now": now}


class Worker:
    def __init__(self, workloads):
        self.workloads = workloads
        self.ways = {}
        self.best = None

    def make(self, name):
        if name not in self.workloads:
            return {"none": "no such workload here"}
        start, opening = clock(), aside
        steps = self.workloads[name]()
        built = clock() - start - (aside - opening)
        self.ways = steps if isinstance(steps, dict) else {"": steps}
        values, first, failed = {}, {}, {}
        for way, step in list(self.ways.items()):
            began = clock()
            try:
                values[way] = step()
            except Exception as error:
                failed[way] = "%s: %s" % (type(error).__name__, str(error).split("\n")[0][:200])
                del self.ways[way]
            first[way] = clock() - began
        if not self.ways:
            return {"none": str(failed)}
        self.best = min(self.ways, key=lambda way: min(timed(self.ways[way], 0.02)[THREADS == 1]
                                                       for _ in range(3)))
        return {"build": built, "first": first[self.best], "way": self.best,
                "value": number(next(iter(values.values()))), "failed": failed}

    def answer(self, command, argument=""):
        if command == "make":
            return self.make(argument)
        if command == "time":
            step, cpu = timed(self.ways[self.best], float(argument))
            return {"step": step, "cpu": cpu}
        if command == "value":
            value = None
            for _ in range(int(argument)):
                value = self.ways[self.best]()
            return {"value": number(value)}
        if command == "memory":
            return memory()
        if command == "drop":
            self.ways, self.best = {}, None
            return {}
        return {"none": command}


def serve(workloads):
    """Standard output carries answers alone: whatever else a library prints goes elsewhere."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(workloads)
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            answer = worker.answer(*words)
        except Exception as error:
            answer = {"none": "%s: %s" % (type(error).__name__, str(error)[:300])}
        channel.write(json.dumps(answer, default=float) + "\n")
        channel.flush()
