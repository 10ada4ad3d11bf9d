#!/usr/bin/env python3
"""Compares the speed of two builds of gleam on one machine: runs their benchmarks in turn and tells what became slower."""

import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../compare"))
import common  # noqa: E402

TRAINING = ["training", "--height", "96", "--width", "96", "--strategy", "greedy", "--unrolls", "2"]
BENCHMARKS = {  # name: program and its arguments
    "convolution 100-100": ["conv", "--in", "100", "--out", "100"],
    "convolution 32-32": ["conv", "--in", "32", "--out", "32"],
    "convolution 2-70": ["conv", "--in", "2", "--out", "70"],
    "convolution 70-2": ["conv", "--in", "70", "--out", "2"],
    "convolution 3D 32-32": ["conv", "--depth", "8", "--height", "48", "--width", "48", "--in", "32", "--out", "32"],
    "operator": ["operator"],
    "operator 3D": ["operator", "--depth", "24", "--height", "48", "--width", "48"],
    "step of PGD": [*TRAINING, "--arch", "pgd", "--features", "100"],
    "step of MoDL": [*TRAINING, "--arch", "modl", "--features", "70"],
}
CEILINGS = ("multiply-adds in registers", "copy of memory")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("base", help="folder of the benchmark programs of one build, such as ../base/build/release/bin")
    p.add_argument("new", help="the same of the other")
    p.add_argument("--only", default="", help=f"benchmarks whose names contain this; there are: {', '.join(BENCHMARKS)}")
    p.add_argument("--pairs", type=int, default=5, help="runs of each build, in turn (default: %(default)s)")
    p.add_argument("--repeats", type=int, default=20, help="of each measurement in a run (default: %(default)s)")
    p.add_argument("--allow", type=float, default=1.05, help="ratio from which on something counts as slower (default: %(default)s)")
    p.add_argument("--clock", action="store_true", help="compare times by the clock, not processor times")
    return p.parse_args()


def times(folder, command, repeats, clock):
    """One run -> {name: seconds}"""
    program = os.path.join(folder, "gleam-bench-" + command[0])
    if not os.access(program, os.X_OK):
        common.stop(f"there is no {program}; build the target gleam-bench-{command[0]}")
    text = common.run([program, *command[1:], "--repeats", str(repeats), "--json"])[2]
    results = json.loads(text[text.index("{") :])["results"]
    key = "median" if clock else "processor_median"
    return {r.get("name", r.get("strategy")): r[key] for r in results if r.get("name") not in CEILINGS}


def main():
    a = arguments()
    slower = []
    print(f"{'':46}{'base':>12}{'new':>12}  new / base (range)")
    for name, command in BENCHMARKS.items():
        if a.only not in name:
            continue
        base, new = common.alternate(a.pairs, *(lambda f=f: times(f, command, a.repeats, a.clock) for f in (a.base, a.new)))
        for what in base[0]:
            pair = [r[what] for r in base], [r[what] for r in new]
            label = f"{name}: {what}"
            print(f"{label:46}{common.milliseconds(pair[0]):>9} ms{common.milliseconds(pair[1]):>9} ms  {common.ratio(pair[1], pair[0])}")
            if statistics.median(n / b for b, n in zip(*pair)) > a.allow:
                slower.append(label)
    if slower:
        common.stop(f"slower than {a.allow} times: " + "; ".join(slower))


if __name__ == "__main__":
    main()
