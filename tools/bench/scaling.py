#!/usr/bin/env python3
"""Trains the same network by 1, 2 and 4 ranks in turn, one thread each, and prints how many times as quick the steps are, beside what
`gleam plan --ranks --measure` predicts. Wants as many free cores as ranks; loaders need a little of them too."""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../compare"))
import common  # noqa: E402

RESULTS = os.path.join(common.ROOT, "docs/benchmarks/scaling.md")
# As the tests run it: also for root, in a container, with more processes than cores.
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_plm": "isolated",
       "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_hwloc_base_binding_policy": "none"}


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--ranks", default="1,2,4", help="the first is what others are compared with (default: %(default)s)")
    p.add_argument("--rounds", type=int, default=5, help="of all of them in turn (default: %(default)s)")
    p.add_argument("--steps", type=int, default=60, help="of a training (default: %(default)s)")
    p.add_argument("--modules", type=int, default=8, help="default: %(default)s")
    p.add_argument("--features", type=int, default=48, help="default: %(default)s")
    p.add_argument("--size", type=int, default=128, help="of the matrix (default: %(default)s)")
    p.add_argument("--coils", type=int, default=8, help="default: %(default)s")
    p.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="that are free (default: all, %(default)s)")
    p.add_argument("--mpirun", action="store_true", help="ranks as processes under mpirun, not as threads of one")
    p.add_argument("--out", nargs="?", const=RESULTS, help=f"write the table into this file too ({RESULTS} if none is named)")
    a = p.parse_args()
    a.ranks = [int(n) for n in a.ranks.split(",")]
    return a


def prepare(folder, a):
    """Data and configuration. Few slices and a mask of lines, so that loaders have little to do; no validation."""
    common.run([common.GLEAM, "simulate", "--out", f"{folder}/train.h5", "--slices", "4", "--size", str(a.size),
                "--coils", str(a.coils), "--seed", "1"])
    with open(f"{folder}/job.yaml", "w") as f:
        f.write(f"""device: cpu
model: {{unrolls: {a.modules}, regularizer: {{features: {a.features}}}}}
parallel: {{placement: equal}}  # modules are alike; what is measured beside other work is not
training: {{steps: {a.steps}, log_every: {a.steps}, validate_every: 0, checkpoint_every: 0}}
data: {{train: {{file: {folder}/train.h5}}, mask: {{type: random_1d, acceleration: 4, calibration: 16}}}}
""")


def train(folder, a, ranks):
    """-> seconds of a step: the median, and the mean over the run, filling the pipeline included"""
    out = f"{folder}/run"
    shutil.rmtree(out, ignore_errors=True)
    command = [common.GLEAM, "train", f"{folder}/job.yaml", "--out", out]
    if a.mpirun:
        command = ["mpirun", "--oversubscribe", "--mca", "btl", "self,vader", "-n", str(ranks), *command, "--set", "threads=1"]
        common.run(command, MPI)
    else:
        common.run([*command, "--set", f"parallel.ranks={ranks}", "--set", f"threads={ranks}"])
    with open(f"{out}/summary.json") as f:
        summary = json.load(f)
    seconds = summary["seconds"]
    return seconds["step_median"], (seconds["training"] + seconds["waiting_for_data"]) / summary["steps"]


def predict(folder, a):
    """-> {ranks: the plan}, every module measured anew on one thread"""
    text = common.run([common.GLEAM, "plan", f"{folder}/job.yaml", "--strategy", "greedy", "--set", "threads=1", "--measure",
                       "--ranks", ",".join(map(str, a.ranks)), "--cores", str(a.cores), "--json"])[2]
    plans = json.loads(text[text.index("{\n"):])["parallel"]["plans"]
    return {p["workers"]: p for p in plans}


def median(values):
    return statistics.median(list(values))


def table(a, medians, means, plans):
    rows = []
    for n in a.ranks:
        of = lambda key: [p[n]["seconds"][key] for p in plans]  # noqa: E731
        efficiency = median(s / t for s, t in zip(of("slowest"), means[n]))
        rows.append([n, max(part["modules"] for part in plans[0][n]["parts"]), common.milliseconds(means[n]),
                     common.ratio(means[a.ranks[0]], means[n]), f"{100 * efficiency:.0f} %",
                     f"{1e3 * median(of('run')) / a.steps:.0f}",
                     f"{median(p[a.ranks[0]]['seconds']['run'] / p[n]['seconds']['run'] for p in plans):.2f}",
                     common.milliseconds(medians[n])])
    return common.table(["Ranks", "Modules each, at most", "Time per step [ms]", f"Ratio {a.ranks[0]} rank : ranks", "Of the slowest stage",
                         "Predicted [ms]", "Predicted ratio", "Median step [ms]"], rows)


def main():
    a = arguments()
    common.require_gleam()
    load = os.getloadavg()[0]
    medians, means, plans = {n: [] for n in a.ranks}, {n: [] for n in a.ranks}, []
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder, a)
        for number in range(a.rounds):
            plans.append(predict(folder, a))
            for n in a.ranks:
                step, mean = train(folder, a, n)
                medians[n].append(step)
                means[n].append(mean)
                print(f"round {number + 1}, {n} ranks: {1e3 * mean:.0f} ms, predicted "
                      f"{1e3 * plans[-1][n]['seconds']['run'] / a.steps:.0f} ms", file=sys.stderr, flush=True)
    gain = ""
    if a.ranks[0] == 1 and 2 in means:
        gain = f"Two ranks: {common.ratio(means[1], means[2])} times as quick as one; 1.9 is wanted where two cores are free.\n\n"
    kind = "processes" if a.mpirun else "threads"
    text = (f"Ranks as {kind}, one thread each, {a.cores} cores: {a.modules} modules of {a.features} features, {a.size} x {a.size}, "
            f"{a.coils} coils, batch 1; {a.rounds} round{'s' if a.rounds > 1 else ''} of {a.steps} steps in turn.\n\n"
            f"{table(a, medians, means, plans)}\n\n{gain}"
            f"{common.machine(1).replace(', 1 threads', '')}; load before: {load:.1f}.")
    print(text)
    if a.out:
        common.write_section(f"scaling {kind}", text, a.out)


if __name__ == "__main__":
    main()
