"""Claims 1 and 4: memory against the number of unrolls, and by strategy at one unroll per module."""
import argparse
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
                run = laboratory.train(f"memory-{name.replace(' ', '-')}-{strategy}-{n}",
                                       [*keys, f"model.unrolls={n}", f"training.strategy={strategy}", "training.steps=2",
                                        "training.validate_every=0", f"data.train.file={file}", "data.mask.calibration=8"])
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

The whole process [MiB], weights, optimiser, loader and libraries included: largest resident size above that at the start, of two steps
that were really made. Last column: did every arena measure what was planned, to the byte?

{common.table(["Network", "Strategy", *header, "As planned"], measured)}
"""


def torch_rows(laboratory, unrolls):
    """Live bytes of PyTorch and gleam with the same network, and why not when there is no PyTorch."""
    python = next((p for p in (sys.executable, "/usr/bin/python3")
                   if os.access(p, os.X_OK) and subprocess.run([p, "-c", "import torch, h5py"], capture_output=True).returncode == 0), None)
    if not python:
        return None, "there was no PyTorch (with h5py) on this machine"
    try:
        import compare
    except ImportError as error:
        return None, str(error)
    if python != sys.executable and subprocess.run([sys.executable, "-c", "import h5py"], capture_output=True).returncode != 0:
        return None, f"run the script with PYTHON={python}"
    options = argparse.Namespace(threads=laboratory.options.threads, python=python, set=[f"model.unrolls={unrolls}"], pairs=1)
    heap = compare.heap_library(laboratory.folder)
    if not heap:
        return None, "there is no C compiler for the library that counts"
    rows = []
    for name in ("pgd-2d", "modl-2d", "pgd-3d", "modl-3d"):
        comparison = compare.Comparison(options, laboratory.path("torch", ""), name)
        for strategy in ("end_to_end", "checkpoint", "greedy"):
            live = comparison.live([f"training.strategy={strategy}", "training.steps=3"], heap)
            rows.append([name, strategy, mebibytes(live[0]), mebibytes(live[1]), f"{live[0] / live[1]:.2f}"])
        note(f"equal: {name} beside PyTorch")
    return rows, ""


def equal_section(laboratory):
    n = 8
    rows = []
    for name, keys, size, _ in SIZES:
        plan = laboratory.plan([*keys, f"model.unrolls={n}"], size)
        for strategy, entry in plan.items():
            arenas = entry["arenas"]
            rows.append([name, strategy, mebibytes(arenas["activations"]), mebibytes(arenas["activations"] + arenas["workspace"] + arenas["handoff"]),
                         mebibytes(entry["arena_bytes"]), f"{entry['arenas']['activations'] / plan['greedy']['arenas']['activations']:.2f}"])
    torch, missing = laboratory.remembered("torch", lambda: torch_rows(laboratory, n)) if not laboratory.options.quick else (None, "--quick")
    beside = f"Not measured: {missing}." if not torch else common.table(
        ["Network", "Strategy", "PyTorch [MiB]", "gleam [MiB]", "PyTorch / gleam"], torch)
    note("equal: done")
    return f"""## 4. Greedy, checkpointing and invertible training at one unroll per module

{n} unrolls. **With one unroll per module greedy learning has no advantage in memory over checkpointing or invertible training**: all three
keep the activations of one unroll at a time (checkpointing and invertible training also keep an image per unroll, or a few). The
advantage is time (section 3), and that modules can be larger or smaller than the whole network needs them.

{common.table(["Network", "Strategy", "Activations [MiB]", "with workspace and images between modules", "with weights, optimiser, batch",
               "Activations / greedy"], rows)}

What sharing buffers and the smaller tape add: peak of live heap bytes of a whole training of {n} unrolls, counted alike in PyTorch's and
gleam's process (`tools/compare`; PyTorch above what was live after import, gleam above nothing and with the batches its loader
prepares ahead).

{beside}
"""
