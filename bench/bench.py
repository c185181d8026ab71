#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [WORKLOAD ...]: ours and every installed peer on the same numbers, in turns.

Each engine is a process for each number of threads that waits for its turn (bench/engine/main.c and
bench/peers/common.py say what it is told). All make a workload; then, round by round, each runs it
for a moment, so that whatever else the machine does meets all of them. What counts is the median of
the rounds, with the spread from the lowest to the highest quarter; and the ratio to the best peer's
median. One thread is pinned to one core and its time is the processor's, which others on the
machine change least; of two threads it is the clock's. A limit is the time that the step's
multiply-adds, or a copy of as many bytes, would take at the best rate that the same program
measures between the rounds."""
import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(os.environ.get("THALWEG_PEERS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "thalweg/peers")
PROGRAMS = {"tf1": "peer_tf.py", "tf2": "peer_tf.py", "torch": "peer_torch.py",
            "jax": "peer_jax.py"}
MLP = 784 * 256 + 256 * 256 + 2560
LAYERS = 784 * 32 * 25 + 196 * 64 * 800 + 3136 * 1024 + 10240  # of the CNN
MB = 1e6

# name: (what it is, goal on one thread, on two, float operations, bytes moved, bytes touched)
WORKLOADS = {
    "const2": ("constant * 2 (folded)", 50, 50, 0, 0, 0),
    "feed2": ("placeholder * 2, scalar", 40, 40, 0, 0, 0),
    "var2": ("variable * 2, scalar", 40, 40, 0, 0, 0),
    "feed2_10x10": ("placeholder * 2, 10x10", 40, 40, 0, 0, 0),
    "var2_10x10": ("variable * 2, 10x10", 40, 40, 0, 0, 0),
    "linreg": ("linear regression, Adam, batch 100", 60, 60, 0, 0, 0),
    "softreg": ("softmax regression, SGD", 3.5, 4, 4 * 100 * 7840, 0, 0),
    "mlp_sgd": ("MLP, SGD", 1.5, 1.9, 200 * (3 * MLP - 784 * 256), 0, 0),
    "mlp_adam": ("MLP, Adam", 1.5, 1.9, 200 * (3 * MLP - 784 * 256), 0, 0),
    "lstm": ("LSTM language model, SGD", 1.6, 1.9, 6 * (20 * 400 * 800 * 40 + 400 * 200 * 10000),
             0, 0),
    "cnn": ("CNN, Adam, batch 50", 1.1, 1.3, 100 * (3 * LAYERS - 784 * 32 * 25), 0, 0),
    "infer1": ("CNN inference, batch 1", 1.5, 1.3, 2 * LAYERS, 0, 0),
    "infer64": ("CNN inference, batch 64", 1.5, 1.3, 128 * LAYERS, 0, 0),
    "chain": ("tanh(a*x+b)*c+d, 1e7, into a variable", 2, 2.5, 0, 80 * MB, 80 * MB),
    "softmax": ("softmax over rows, 1e4 x 1e3", 1.5, 1.5, 0, 80 * MB, 80 * MB),
    "layernorm": ("layer norm over rows, 1e4 x 1e3", 1.5, 1.5, 0, 80 * MB, 80 * MB),
    "reduce": ("sum over rows, 1e4 x 1e3", 1.5, 1.5, 0, 40 * MB, 40 * MB),
    "adam": ("Adam update, 1e6", 1.7, 2.5, 0, 28 * MB, 16 * MB),
    "rmsprop": ("RMSProp update, 1e6", 1.7, 2.5, 0, 28 * MB, 16 * MB),
    "momentum": ("Momentum update, 1e6", 1.7, 2.5, 0, 20 * MB, 12 * MB),
    "tanh1000": ("1000 tanh on 10x10", 2.5, 2.5, 0, 0, 0),
    "add10000": ("10,000 scalar adds in a chain", 2.5, 2.5, 0, 0, 0),
    "embedding": ("embedding 1e6 x 64: gather 1e4, Adagrad", 2, 2, 0, 0, 0),
    "while10000": ("while_loop, 10,000 x 2x2 matmul", 2, 2, 0, 0, 0),
    "trees": ("50 trees built, planned, run once each", 20, 20, 0, 0, 0),
    "lstm_start": ("LSTM model: build to first step", 20, 20, 0, 0, 0),
}
# Bytes of parameters, optimizer state, feeds and fetches, where they are not next to nothing.
PARAMETERS = {"mlp": 4 * (784 * 256 + 256 * 256 + 2560 + 522), "lstm": 4 * 4651600,
              "cnn": 4 * (800 + 51200 + 3136 * 1024 + 10240 + 1130)}
DATA = {"softreg": 0.35 * MB, "mlp_sgd": PARAMETERS["mlp"] + 0.31 * MB,
        "mlp_adam": 3 * PARAMETERS["mlp"] + 0.31 * MB, "lstm": PARAMETERS["lstm"],
        "lstm_start": PARAMETERS["lstm"], "cnn": 3 * PARAMETERS["cnn"] + 0.16 * MB,
        "infer1": PARAMETERS["cnn"], "infer64": PARAMETERS["cnn"] + 0.2 * MB,
        "chain": 80 * MB, "softmax": 80 * MB, "layernorm": 80 * MB, "reduce": 40 * MB,
        "adam": 16 * MB, "rmsprop": 16 * MB, "momentum": 12 * MB, "embedding": 512 * MB}
LONG = 2.0  # seconds: an engine whose step takes longer sits out all rounds but the first two
# Where the goal is against TensorFlow 1.15 alone, whatever another peer takes.
AGAINST_TF1 = ("trees", "lstm_start")


class Engine:
    """One worker; ask() is one line there and one back. A dead worker stays out."""

    def __init__(self, name, command, threads, log, **settings):
        self.name, self.threads = name, threads
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), TF_CPP_MIN_LOG_LEVEL="3",
                           OPENBLAS_NUM_THREADS=str(threads), PYTHONWARNINGS="ignore", **settings)
        log = None if name == "ours" else log  # what the library warns of is to be seen
        cores = sorted(os.sched_getaffinity(0))[-threads:]
        self.process = subprocess.Popen(
            command + [str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            text=True, env=environment, preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def ask(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        return json.loads(line) if line else {"none": "the worker ended"}

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def checked(command):
    """The engine's path; a clear word where it is not built."""
    if not os.access(command, os.X_OK):
        sys.exit("%s is not there: `make bench` builds it" % command)
    return command


def installed():
    """{peer: command} of the environments that setup.sh made."""
    found = {}
    for name, program in PROGRAMS.items():
        python = PEERS / name / "bin/python"
        if python.exists():
            found[name] = [str(python), "-W", "ignore", str(ROOT / "bench/peers" / program)]
    return found


def close(a, b):
    """Do two engines' values agree, as far as sums in another order let them?"""
    return a is None or b is None or abs(a - b) <= 1e-3 * max(1e-3, abs(a), abs(b))


def spread(times):
    """(Median, half of the distance between the quarters over the median.)"""
    middle = statistics.median(times)
    if len(times) < 4:
        return middle, (max(times) - min(times)) / 2 / middle
    low, _, high = statistics.quantiles(times, n=4)
    return middle, (high - low) / 2 / middle


def limit_of(workload, limits):
    _, _, _, flops, moved, _ = WORKLOADS[workload]
    if flops:
        return flops / max(l["flops"] for l in limits)
    return moved / max(l["copy"] for l in limits) if moved else None


def measure(workload, engines, rounds, seconds):
    """One row for each number of threads: {threads, engine: {...}, limit, ratio, share}."""
    made = {engine: engine.ask("make", workload) for engine in engines}
    able = [engine for engine in engines if "none" not in made[engine]]
    times, limits = {engine: [] for engine in able}, {engine: [] for engine in able}
    bytes_touched = WORKLOADS[workload][5] or 1 << 24
    for turn in range(rounds):
        for i in range(len(able)):
            engine = able[(i + turn) % len(able)]
            if turn > 1 and times[engine] and min(times[engine]) > LONG:
                continue
            answer = engine.ask("time", seconds)
            if "step" in answer:
                times[engine].append(answer["cpu" if engine.threads == 1 else "step"])
            if engine.name == "ours":
                limits[engine].append(engine.ask("limits", bytes_touched))
    for engine in able:
        engine.ask("drop")
    rows = []
    for threads in sorted({engine.threads for engine in engines}):
        row = {"workload": workload, "threads": threads, "engines": {}}
        for engine in engines:
            if engine.threads != threads:
                continue
            entry = {key: made[engine].get(key) for key in ("build", "first", "value", "way",
                                                            "failed", "none")
                     if made[engine].get(key)}
            if times.get(engine):
                entry["median"], entry["spread"] = spread(times[engine])
                entry["rounds"] = times[engine]
            row["engines"][engine.name] = entry
            if engine.name == "ours" and limits.get(engine):
                row["limit"] = limit_of(workload, limits[engine])
        rows.append(judged(row))
    return rows


def measure_memory(workload, commands, log):
    """{engine: (bytes at the peak of a fresh process beyond the step's own data, the same beyond
    what it had when it had started)}. Compilers that a peer may do without stay out."""
    found = {}
    for name, command in commands.items():
        engine = Engine(name, command, 1, log, THALWEG_PEERS_COMPILE="0")
        before = engine.ask("memory")["now"]
        if "none" not in engine.ask("make", workload):
            engine.ask("value", 3)
            peak = engine.ask("memory")["peak"] - DATA.get(workload, 0)
            found[name] = max(0, peak), max(0, peak - before)
        engine.end()
    return found


def share_of_best(found, which):
    """Ours in the smallest peer's."""
    peers = [both[which] for name, both in found.items() if name not in ("ours", "before")]
    if "ours" not in found or not peers or not min(peers):
        return "-"
    return "%.2f" % (found["ours"][which] / min(peers))


def print_memory(workloads, commands, log):
    """A table in MB; the goal is a fifth of the best peer's."""
    widths = [40, *[14] * len(commands), 6, 12]
    print("peak memory beyond the step's own data, MB; in brackets, beyond the process's start too")
    print(printed(["workload", *commands, "share", "beyond start"], widths))
    tables = {}
    for workload in workloads:
        found = tables[workload] = measure_memory(workload, commands, log)
        cells = ["%.1f (%.1f)" % tuple(b / MB for b in found[name]) if name in found else "-"
                 for name in commands]
        print(printed([WORKLOADS[workload][0], *cells, share_of_best(found, 0),
                       share_of_best(found, 1)], widths), flush=True)
    return tables


def judged(row):
    """Adds the ratio to the best peer, the share of the limit, and whose values differ."""
    ours = row["engines"].get("ours", {})
    peers = {name: e for name, e in row["engines"].items() if name != "ours" and "median" in e}
    row["goal"] = WORKLOADS[row["workload"]][row["threads"] if row["threads"] <= 2 else 2]
    if row["workload"] in AGAINST_TF1 and "tf1" in peers:
        peers = {"tf1": peers["tf1"]}
    if "median" in ours and peers:
        row["best"] = min(peers, key=lambda name: peers[name]["median"])
        row["ratio"] = peers[row["best"]]["median"] / ours["median"]
    if "median" in ours and row.get("limit"):
        row["share"] = row["limit"] / ours["median"]
    row["differs"] = [name for name, e in row["engines"].items()
                      if not close(e.get("value"), ours.get("value"))]
    return row


def in_words(seconds):
    """Three digits and a unit."""
    for unit, size in (("s ", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.3g ns" % (seconds * 1e9)


def cell(entry):
    if not entry or "median" not in entry:
        return "-"
    return "%s +-%.0f%%" % (in_words(entry["median"]), 100 * entry["spread"])


def line(row, names):
    ratio = "%.2f %s" % (row["ratio"], row["best"]) if "ratio" in row else "-"
    met = "" if "ratio" not in row else "met" if row["ratio"] >= row["goal"] else "below"
    if row["workload"] in AGAINST_TF1 and row.get("best") != "tf1":
        met = "of tf1"  # which was not measured: the ratio says nothing of the goal
    limit = in_words(row["limit"]) if row.get("limit") else "-"
    share = "%.2f" % row["share"] if "share" in row else "-"
    notes = " differs: " + ",".join(row["differs"]) if row["differs"] else ""
    return [WORKLOADS[row["workload"]][0], str(row["threads"]),
            *[cell(row["engines"].get(name)) for name in names], ratio, "%g" % row["goal"],
            met + notes, limit, share]


def heading(names):
    return ["workload", "threads", *names, "ratio to the best", "goal", "", "limit", "share"]


def printed(cells, widths):
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths)) + " |"


def machine():
    """What the figures depend on."""
    text = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    model = re.search("model name.*: (.*)", text)
    flags = re.search("flags.*: (.*)", text)
    wide = [f for f in ("avx2", "avx512f", "amx_tile") if flags and f in flags[1].split()]
    return {"cpu": model[1] if model else platform.processor(), "cores": os.cpu_count(),
            "instructions": wide, "system": platform.platform(),
            "load": os.getloadavg()[0]}


def positive(convert):
    """A type of arguments: numbers above 0."""
    def number(text):
        value = convert(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value
    number.__name__ = "number above 0"
    return number


def thread_counts(text):
    return [positive(int)(number) for number in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(WORKLOADS))
    parser.add_argument("--engine", default=str(ROOT / "build/bench-release/bench/bench_engine"))
    parser.add_argument("--before", metavar="ENGINE", help="another build of ours, to compare")
    parser.add_argument("--peers", help="names, with commas; default: all that are installed")
    parser.add_argument("--threads", type=thread_counts, default="1,2",
                        help="numbers of them, with commas (1,2)")
    parser.add_argument("--rounds", type=positive(int), default=7)
    parser.add_argument("--seconds", type=positive(float), default=0.1,
                        help="of one engine's turn")
    parser.add_argument("--json", metavar="FILE", help="everything, with all rounds")
    parser.add_argument("--memory", action="store_true", help="of fresh processes, instead of time")
    parser.add_argument("--log", metavar="FILE", help="where peers' own messages go")
    args = parser.parse_args()
    unknown = set(args.workloads) - set(WORKLOADS)
    if unknown:
        parser.error("no workload %s" % ", ".join(sorted(unknown)))
    for path in (args.json, args.log):
        if path and (os.path.isdir(path) or
                     not os.access(pathlib.Path(path).resolve().parent, os.W_OK)):
            parser.error("%s cannot be written" % path)
    return args


def commands_of(args):
    commands = {"ours": [checked(args.engine)]}
    if args.before:
        commands["before"] = [checked(args.before)]
    peers = installed()
    wanted = peers if args.peers is None else [name for name in args.peers.split(",") if name]
    for name in wanted:
        if name in peers:
            commands[name] = peers[name]
        else:
            print("%s is not installed (bench/peers/setup.sh)" % name, file=sys.stderr)
    if not peers:
        print("no peer is installed in %s: bench/peers/setup.sh does that" % PEERS,
              file=sys.stderr)
    return commands


def main():
    args = arguments()
    commands = commands_of(args)
    about = machine()
    print("%(cpu)s, %(cores)d cores, %(instructions)s, %(system)s, load %(load).2f" % about)
    log = open(args.log or os.devnull, "w")
    if args.memory:
        tables = print_memory(args.workloads or WORKLOADS, commands, log)
        if args.json:
            text = json.dumps({"machine": about, "memory": tables}, indent=1)
            pathlib.Path(args.json).write_text(text)
        return
    engines = [Engine(name, command, threads, log)
               for threads in args.threads
               for name, command in commands.items()]
    widths = [40, 7, *[16] * len(commands), 18, 5, 6, 8, 5]
    print(printed(heading(commands), widths))
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    rows = []
    for workload in args.workloads or WORKLOADS:
        for row in measure(workload, engines, args.rounds, args.seconds):
            rows.append(row)
            print(printed(line(row, list(commands)), widths), flush=True)
        if args.json:  # after each, so that a run that is broken off leaves what it found
            whole = {"machine": about, "rows": rows}
            pathlib.Path(args.json).write_text(json.dumps(whole, indent=1))
    for engine in engines:
        engine.end()


if __name__ == "__main__":
    main()
