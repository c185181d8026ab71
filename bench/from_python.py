#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""from_python.py [ROW ...]: what a program in Python pays: ours beside every installed peer, in
turns, on the same numbers, with the goals of each row.

Workers and turns are bench.py's, and its words on medians and clocks hold here. `ours in C` is the
same step through tw_call; a row that asks how much more Python takes compares each round with the C
round right beside it. Rows of building are of fresh processes, one for each round, after the
imports and without opening the session; ours loads modules when they are first used, which counts.

A goal in seconds is met by the median. What Python adds is told best beside a short step; of steps
that take milliseconds no clock tells 3 us, and the row says `unclear` where the distance is within
the noise."""
import argparse
import json
import os
import pathlib
import statistics
import sys

from bench import Engine, ROOT, close, in_words, installed, machine, printed, spread

US = 1e-6
MORE = 3 * US  # what Python may add to a step in C
LUCK = 0.1  # of a step: as far are two processes apart whose memory lies elsewhere

# row: (what, what sessions are asked for, what others are, goal in seconds, ratio to TensorFlow)
STEPS = {
    "const2": ("run(constant * 2)", "run_const2", "const2", 1 * US, 50),
    "step": ("tutorial's training step, 2 feeds, 1 fetch", "run_linreg", "linreg", 3 * US, 50),
    "callable": ("the same, make_callable", "linreg", "linreg", 1.5 * US, None),
}
# row: (what, what sessions are asked for, what others and C are)
MORE_THAN_C = {
    "softreg": ("softmax regression, SGD, fed", "run_softreg", "softreg"),
    "mlp": ("MLP, SGD, fed from NumPy", "run_mlp_sgd", "mlp_sgd"),
    "lstm": ("LSTM language model, SGD, fed", "run_lstm", "lstm"),
    "cnn": ("CNN, Adam, batch 50, fed", "run_cnn", "cnn"),
}
# row: (what, what is asked for, goal in copies by NumPy, which ours measures in the same rounds)
COPIES = {
    "fed64": ("a feed of 64 MB, its first numbers read", "fed64", 0.02),
    "fetched64": ("the same fed and fetched", "fetched64", 1.25),
}
# row: (what, key of the answer, goal in seconds)
STARTS = {
    "built": ("LSTM model built, gradients and all", "build", 0.15),
    "first": ("its first run", "first", 0.1),
}
ROWS = [*STEPS, *MORE_THAN_C, *COPIES, *STARTS]
C, OURS = "ours in C", "ours"


def make(engine, wanted, other):
    """Asks a worker for what sessions do; one that has no such thing for the other."""
    answer = {"none": ""}
    if engine.name not in (C, "torch", "jax"):
        answer = engine.ask("make", wanted)
    return engine.ask("make", other) if "none" in answer else answer


def turns(engines, wanted, other, args):
    """{engine's name: seconds of a step in each round}, and whose value is not ours."""
    made = {e.name: make(e, wanted, other) for e in engines}
    able = [e for e in engines if "none" not in made[e.name]]
    times = {e.name: [] for e in able}
    for turn in range(args.rounds):
        for i in range(len(able)):
            engine = able[(i + turn) % len(able)]
            answer = engine.ask("time", args.seconds)
            if "cpu" in answer:
                times[engine.name].append(answer["cpu"])
    for engine in able:
        engine.ask("drop")
    ours = made.get(OURS, {}).get("value")
    differs = [n for n in times if not close(made[n].get("value"), ours)]
    return {name: t for name, t in times.items() if t}, differs


def verdict(good):
    return "met" if good else "below"


def measure_step(row, engines, args):
    what, wanted, other, goal, ratio = STEPS[row]
    times, differs = turns(engines, wanted, other, args)
    middle = {name: statistics.median(t) for name, t in times.items()}
    words, good = in_words(goal), middle[OURS] <= goal
    if ratio:
        words += ", %d x TF 1.15" % ratio
        good = good and middle.get("tf1", float("inf")) >= ratio * middle[OURS]
    return what, times, words, verdict(good), differs


def measure_more(row, engines, args):
    what, wanted, other = MORE_THAN_C[row]
    times, differs = turns(engines, wanted, other, args)
    more = [a - b for a, b in zip(times[OURS], times[C])]
    middle = statistics.median(more)
    low, _, high = statistics.quantiles(more, n=4) if len(more) > 1 else (middle,) * 3
    noise = (high - low) / 2
    lucky = max(noise, LUCK * statistics.median(times[C]))
    state = "unclear" if MORE < middle <= lucky else verdict(middle <= MORE)
    words = "C + %s; is C %+.1f us +-%.0f" % (in_words(MORE), middle / US, noise / US)
    return what, times, words, state, differs


def measure_copy(row, engines, args):
    what, wanted, goal = COPIES[row]
    times, differs = turns(engines, wanted, wanted, args)
    copies, _ = turns([e for e in engines if e.name == OURS], "copied64", "copied64", args)
    share = statistics.median(times[OURS]) / statistics.median(copies[OURS])
    return what, times, "%g copies; is %.3g" % (goal, share), verdict(share <= goal), differs


def measure_starts(rows, commands, log, args):
    """Fresh processes in turns; each answers for both rows."""
    times = {row: {} for row in rows}
    for _ in range(min(args.rounds, args.starts)):
        for name, command in commands.items():
            if name == C:
                continue
            engine = Engine(name, command, 1, log)
            answer = make(engine, "lstm_cells", "lstm")
            engine.end()
            for row in rows if "none" not in answer else ():
                times[row].setdefault(name, []).append(answer[STARTS[row][1]])
    for row in rows:
        what, _, goal = STARTS[row]
        good = statistics.median(times[row][OURS]) <= goal
        yield what, times[row], in_words(goal), verdict(good), []


def commands_of(args):
    """{name: command}: ours from Python and in C, and the peers that are there."""
    found = {OURS: [args.python, "-W", "ignore", str(ROOT / "bench/python/ours.py")]}
    if os.path.exists(args.engine):
        found[C] = [args.engine]
    peers = installed()
    wanted = peers if args.peers is None else [p for p in args.peers.split(",") if p]
    found.update((name, peers[name]) for name in wanted if name in peers)
    for name in set(wanted) - set(peers):
        print("%s is not installed (bench/peers/setup.sh)" % name, file=sys.stderr)
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=" ".join(ROWS))
    parser.add_argument("--python", default=sys.executable, help="that ours is built for")
    parser.add_argument("--engine", default=str(ROOT / "build/bench-release/bench/bench_engine"))
    parser.add_argument("--peers", help="names, with commas; default: all that are installed")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--starts", type=int, default=3, help="fresh processes of each engine")
    parser.add_argument("--seconds", type=float, default=0.1, help="of one engine's turn")
    parser.add_argument("--json", metavar="FILE", help="everything, with all rounds")
    parser.add_argument("--log", metavar="FILE", help="where peers' own messages go")
    args = parser.parse_args()
    unknown = set(args.rows) - set(ROWS)
    if unknown:
        parser.error("no row %s" % ", ".join(sorted(unknown)))
    return args


def results(args, commands, log):
    """Row by row: (what, {engine: times}, the goal in words, whether it is met, who differs)."""
    rows = args.rows or ROWS
    if any(row not in STARTS for row in rows):
        engines = [Engine(name, command, 1, log) for name, command in commands.items()]
        for names, function in ((STEPS, measure_step), (MORE_THAN_C, measure_more),
                                (COPIES, measure_copy)):
            for row in rows:
                if row in names and (names is not MORE_THAN_C or C in commands):
                    yield function(row, engines, args)
        for engine in engines:
            engine.end()
    starts = [row for row in rows if row in STARTS]
    if starts:
        yield from measure_starts(starts, commands, log, args)


def main():
    args = arguments()
    # What is measured is an installed package, whose modules were compiled when it was installed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["THALWEG_PEERS_COMPILE"] = "0"  # minutes, for what no row here is about
    commands, about = commands_of(args), machine()
    print("%(cpu)s, %(cores)d cores, %(instructions)s, %(system)s, load %(load).2f" % about)
    widths = [42, *[16] * len(commands), 30, 8]
    print(printed(["from Python, one thread", *commands, "goal", ""], widths))
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    found = []
    with open(args.log or os.devnull, "w") as log:
        for what, times, goal, state, differs in results(args, commands, log):
            cells = ["%s +-%.0f%%" % (in_words(m), 100 * s) if times.get(name) else "-"
                     for name in commands for m, s in [spread(times.get(name) or [1, 1])]]
            state += " differs: " + ",".join(differs) if differs else ""
            print(printed([what, *cells, goal, state], widths), flush=True)
            found.append({"row": what, "times": times, "goal": goal, "state": state})
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"machine": about, "rows": found}, indent=1))


if __name__ == "__main__":
    main()
