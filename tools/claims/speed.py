"""Claim 3: time per step of the strategies, measured in turn."""

import statistics

import common
from laboratory import note
from networks import SIZES, mebibytes

STRATEGIES = ("greedy", "checkpoint", "invertible", "end_to_end")
UNROLLS = 6


def measure(laboratory, name, keys, size, simulate):
    rounds, steps = (2, 5) if laboratory.options.quick else (5, 12)
    file = laboratory.data("time-" + name.replace(" ", "-"), "--slices", 2, "--seed", 1, *simulate)
    keys = [
        *keys,
        f"model.unrolls={UNROLLS}",
        f"training.steps={steps}",
        "training.validate_every=0",
        f"data.train.file={file}",
        "data.mask.calibration=8",
    ]
    strategies = [s for s in STRATEGIES if s in laboratory.plan(keys, size)]
    seconds, activations = {s: [] for s in strategies}, {}
    for i in range(rounds):
        for s in strategies:
            run = laboratory.train(f"time-{name.replace(' ', '-')}-{s}-{i}", [*keys, f"training.strategy={s}"])
            seconds[s].append(run["seconds"]["step_median"])
            activations[s] = run["memory"]["activations"]["planned"]
    note(f"time: {name}")
    return {"seconds": seconds, "activations": activations}


def section(laboratory):
    rows = []
    for name, keys, size, simulate in SIZES:
        result = laboratory.remembered(
            "time-" + name.replace(" ", "-"),
            [keys, size, simulate, laboratory.options.threads, laboratory.options.quick],
            lambda: measure(laboratory, name, keys, size, simulate),
        )  # noqa: B023
        for strategy, seconds in result["seconds"].items():
            rows.append(
                [
                    name,
                    strategy,
                    mebibytes(result["activations"][strategy]),
                    common.milliseconds(seconds),
                    "" if strategy == "greedy" else common.ratio(seconds, result["seconds"]["greedy"]),
                ]
            )
    ratios = [float(row[4].split()[0]) for row in rows if row[1] == "checkpoint"]
    verdict = "met" if ratios and statistics.median(ratios) >= 1.3 else "not met"
    return f"""## 3. Time of a step at the same memory

{UNROLLS} unrolls, one per module or recomputed one by one; runs of all strategies in turn, several times. Times are medians of a
step without loading, ratios the median over the rounds with their range. Target: checkpointing takes at least 1.3 times as long as greedy
learning: {verdict} (median over the networks {statistics.median(ratios) if ratios else float('nan'):.2f}).

{common.table(["Network", "Strategy", "Activations [MiB]", "Step [ms]", "Time / greedy"], rows)}
"""
