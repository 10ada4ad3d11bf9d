"""Claims 1 and 4: memory against the number of unrolls, and by strategy at one unroll per module."""

import json
import os
import subprocess
import sys

import common
from laboratory import note
from networks import SIZES, mebibytes

UNROLLS = (1, 2, 4, 8, 16)


def unrolls_section(laboratory):
    rows, commands = [], ""
    for name, keys, size, simulate in SIZES:
        plans = [laboratory.plan([*keys, f"model.unrolls={n}"], size) for n in UNROLLS]
        for strategy in ("greedy", "end_to_end"):
            activations = [plan[strategy]["arenas"]["activations"] for plan in plans]
            steps = [(b - a) / (m - n) for a, b, n, m in zip(activations[1:], activations[2:], UNROLLS[1:], UNROLLS[2:])]
            rows.append([name, strategy, *map(mebibytes, activations), f"{mebibytes(min(steps))} - {mebibytes(max(steps))}"])
        note(f"memory: {name} planned")
    measured = []
    for name, keys, size, simulate in SIZES[:1] + SIZES[2:3]:
        file = laboratory.data("memory-" + name.replace(" ", "-"), "--slices", 2, "--seed", 1, *simulate)
        for strategy in ("greedy", "end_to_end"):
            growth, exact = [], True
            for n in UNROLLS:
                run = laboratory.train(
                    f"memory-{name.replace(' ', '-')}-{strategy}-{n}",
                    [
                        *keys,
                        f"model.unrolls={n}",
                        f"training.strategy={strategy}",
                        "training.steps=2",
                        "training.validate_every=0",
                        f"data.train.file={file}",
                        "data.mask.calibration=8",
                    ],
                )
                memory = run["memory"]
                exact &= all(m["planned"] == m["measured"] for key, m in memory.items() if key != "process")
                growth.append(memory["process"]["peak"] - memory["process"]["start"])
            measured.append([name, strategy, *map(mebibytes, growth), "yes" if exact else "NO"])
            note(f"memory: {name} {strategy} measured")
    header = [f"N = {n}" for n in UNROLLS]
    return f"""## 1. Memory against the number of unrolls

Activations [MiB] of one training step of N unrolls, one per greedy module; 8 coils, batch 1, {', '.join(
        f"{name} {size}" for name, _, size, _ in SIZES)}. Planned by a dry run (`gleam plan`), which books every tensor.

{common.table(["Network", "Strategy", *header, "Per further unroll, from N = 2 on"], rows)}

The whole process [MiB], weights, optimiser, loader and libraries included: largest resident size above that at the start, of two
steps that were really made. Last column: did every arena measure what was planned, to the byte?

{common.table(["Network", "Strategy", *header, "As planned"], measured)}
"""


def torch_rows(laboratory, unrolls):
    """[rows of live bytes of PyTorch and gleam with the same networks, why there are none]"""
    python = next(
        (
            p
            for p in (sys.executable, "/usr/bin/python3")
            if subprocess.run([p, "-c", "import torch, h5py"], capture_output=True).returncode == 0
        ),
        None,
    )
    if not python:
        return [[], "there is no PyTorch, or no h5py"]
    result = laboratory.path("torch", "rows.json")
    common.run(
        [
            python,
            os.path.join(common.ROOT, "tools/compare/compare.py"),
            "--cases",
            "pgd-2d,modl-3d",
            "--pairs",
            "1",
            "--steps",
            "3",
            "--set",
            f"model.unrolls={unrolls}",
            "--threads",
            str(laboratory.options.threads),
            "--python",
            python,
            "--out",
            laboratory.path("torch", "runs"),
            "--json",
            result,
            "--no-results",
        ]
    )
    with open(result) as f:
        rows = json.load(f)
    keys = (
        "Case",
        "Strategy",
        "PyTorch live / resident [MiB]",
        "gleam live / resident [MiB]",
        "gleam arenas [MiB]",
        "Live ratio",
    )
    return [[[row[key] for key in keys] for row in rows], ""]


def equal_section(laboratory):
    n = 8
    rows = []
    for name, keys, size, _ in SIZES:
        plan = laboratory.plan([*keys, f"model.unrolls={n}"], size)
        for strategy, entry in plan.items():
            arenas = entry["arenas"]
            rows.append(
                [
                    name,
                    strategy,
                    mebibytes(arenas["activations"]),
                    mebibytes(arenas["activations"] + arenas["workspace"] + arenas["handoff"]),
                    mebibytes(entry["arena_bytes"]),
                    f"{entry['arenas']['activations'] / plan['greedy']['arenas']['activations']:.2f}",
                ]
            )
    torch, missing = (
        laboratory.remembered("torch", [n, laboratory.options.threads], lambda: torch_rows(laboratory, n))
        if not laboratory.options.quick
        else ([], "this was a quick run")
    )
    beside = (
        f"Not measured: {missing}."
        if not torch
        else common.table(
            [
                "Network",
                "Strategy",
                "PyTorch, live / resident",
                "gleam, live / resident",
                "gleam, arenas",
                "Live, PyTorch / gleam",
            ],
            torch,
        )
    )
    note("equal: done")
    return f"""## 4. Greedy, checkpointing and invertible training at one unroll per module

{n} unrolls. **With one unroll per module greedy learning has no advantage in memory over checkpointing or invertible
training**: all three keep the activations of one unroll at a time (and checkpointing an image per unroll). Its advantage over
them is time (section 3).

{common.table(["Network", "Strategy", "Activations [MiB]", "and workspace, images", "and weights, optimiser, batch",
               "Activations / greedy"], rows)}

What sharing buffers and keeping less for the backward pass add: peak of the live heap bytes and of the resident size [MiB] of
training {n} unrolls, counted alike in PyTorch's and gleam's process (`tools/compare`; PyTorch above what there was after import,
gleam with the batches its loader prepares ahead).

{beside}
"""
