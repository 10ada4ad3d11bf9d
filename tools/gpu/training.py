"""The same small training on two devices, or twice on one: loss curves, and bits."""

import json
import math
import os

import checkpoints
from session import ROOT

# tools/configs/quickstart.yaml, scaled down.
JOB = {
    "model.unrolls": "3",
    "model.regularizer.features": "16",
    "training.log_every": "1",
    "training.validate_every": "0",
    "training.checkpoint_every": "0",
}
# Largest relative difference of a loss from the CPU's in the same number format (tf32: from fp32), as first stated, before any GPU
# had run them.
LIMITS = {"fp32": 1e-3, "tf32": 2e-2, "bf16": 5e-2}
ON_THE_CPU = {"fp32": "fp32", "tf32": "fp32", "bf16": "bf16"}
STEPS = 60


class Run:
    """A training that was tried."""

    def __init__(self, folder, result):
        self.folder, self.result = folder, result
        self.losses, self.summary = [], {}
        if result.code == 0:
            with open(self.file("metrics.jsonl")) as f:
                self.losses = [line["loss"] for line in map(json.loads, f) if line["kind"] == "train"]
            with open(self.file("summary.json")) as f:
                self.summary = json.load(f)

    def file(self, name):
        return os.path.join(self.folder, "run", name)

    def step_ms(self):
        return 1e3 * self.summary.get("seconds", {}).get("step_median", math.nan)


def dataset(session):
    """Simulated once per part."""
    path = os.path.join(session.out, session.part, "train.h5")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        size = ["--slices", "8", "--size", "48", "--coils", "4", "--seed", "1"]
        session.gleam("simulate", "--out", path, *size).require("gleam simulate")
    return path


def train(session, name, device, precision, steps, prefix=(), keys=None, environment=None):
    """Trains in a folder of its own; under `prefix`, if that is given. All runs have the same relative paths, so that files can be
    compared bit by bit."""
    data = os.path.relpath(dataset(session), os.path.join(session.out, session.part, name))
    folder = session.folder(name)
    settings = {
        **JOB,
        "device": device,
        "precision": precision,
        "training.steps": str(steps),
        "data.train.file": data,
        **(keys or {}),
    }
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    job = os.path.join(ROOT, "tools/configs/quickstart.yaml")
    command = [*prefix, session.program("gleam"), "train", job, "--out", "run", *sets]
    result = session.run(command, cwd=folder, **(environment or {}))
    return Run(folder, result)


def largest_difference(curve, reference):
    """-> relative difference, step and module where it was"""
    worst = 0.0, 0, 0
    for step, (losses, expected) in enumerate(zip(curve, reference), 1):
        for module, (a, b) in enumerate(zip(losses, expected), 1):
            difference = abs(a - b) / abs(b) if b else abs(a)
            if not difference <= worst[0]:
                worst = difference, step, module
    return worst


def compare(precision, run, reference):
    """-> row of the table, problem or None"""
    row = {"Precision": precision, "Limit": LIMITS[precision]}
    if run.result.code != 0:
        return {**row, "Result": run.result.why()}, f"{precision}: gleam train: {run.result.why()}"
    if reference.result.code != 0:
        return {**row, "Result": reference.result.why()}, f"{precision}, on the CPU: {reference.result.why()}"
    difference, step, module = largest_difference(run.losses, reference.losses)
    row.update({
        "Largest difference": difference,
        "at step, module": f"{step}, {module}",
        "Last losses": " ".join(f"{v:.5f}" for v in run.losses[-1]),
        "On the CPU": " ".join(f"{v:.5f}" for v in reference.losses[-1]),
        "Step [ms]": run.step_ms(),
        "On the CPU [ms]": reference.step_ms(),
    })
    finite = all(math.isfinite(v) for losses in run.losses for v in losses)
    if not finite or len(run.losses) != STEPS or len(reference.losses) != STEPS:
        return {**row, "Result": "not finite, or not all steps"}, f"{precision}: losses are not finite, or not of {STEPS} steps"
    if not difference <= LIMITS[precision]:
        return {**row, "Result": "too large"}, f"{precision}: a loss differs by {difference:.2e}, more than {LIMITS[precision]:g}"
    return {**row, "Result": "agrees"}, None


def trajectory(session):
    session.folder()
    rows, problems, references = [], [], {}
    for precision, limit in LIMITS.items():
        on_cpu = ON_THE_CPU[precision]
        if on_cpu not in references:
            references[on_cpu] = train(session, f"cpu-{on_cpu}", "cpu", on_cpu, STEPS)
        run = train(session, f"gpu-{precision}", session.device, precision, STEPS)
        row, problem = compare(precision, run, references[on_cpu])
        rows.append(row)
        problems += [problem] if problem else []
    return {f"losses of {STEPS} steps, {session.device} beside cpu": rows, "problems": problems}


def determinism(session):
    """Every training twice; the second finds the plans of convolutions that the first has chosen."""
    session.folder()
    rows, problems = [], []
    for precision in ("fp32", "tf32", "bf16", "fp64"):
        plans = {"GLEAM_CUDNN_PLANS": os.path.join(session.out, session.part, f"plans-{precision}.json")}
        names = [f"{precision}-first", f"{precision}-second"]
        pair = [train(session, name, session.device, precision, 20, environment=plans) for name in names]
        row = {"Precision": precision}
        failed = next((run for run in pair if run.result.code != 0), None)
        if failed:
            row["Result"] = failed.result.why()
            problems.append(f"{precision}: gleam train: {failed.result.why()}")
        else:
            for name in ("metrics.jsonl", "last.h5"):
                bytes_that_differ = checkpoints.differences(*(run.file(name) for run in pair))
                row[name] = f"{bytes_that_differ} bytes differ" if bytes_that_differ else "same bits"
                if bytes_that_differ:
                    problems.append(f"{precision}: {bytes_that_differ} bytes of {name} of the two runs differ")
            row["Last losses"] = " ".join(f"{v:.9g}" for v in pair[0].losses[-1])
        rows.append(row)
    return {"20 steps, twice": rows, "problems": problems}
