"""Single operations timed, and training beside PyTorch where there is one for this GPU."""

import json
import os

from session import ROOT, Failed

FEW = {"emu": ["--filter", "linear_combination"]}  # the emulator takes minutes for what a GPU does in microseconds
COMPARISONS = {  # arguments of tools/compare/compare.py
    "cuda": [
        ["--cases", "pgd-published,modl-published,pgd-3d", "--strategies", "greedy,end_to_end", "--pairs", "2", "--steps", "20"],
        ["--cases", "pgd-published", "--strategies", "greedy", "--pairs", "2", "--steps", "20", "--set", "precision=tf32"],
        ["--cases", "pgd-published", "--strategies", "greedy", "--pairs", "2", "--steps", "20", "--set", "precision=bf16"],
    ],
    "emu": [["--cases", "pgd-2d", "--strategies", "greedy", "--pairs", "1", "--steps", "3", "--set", "model.unrolls=1",
             "--set", "model.regularizer.features=4"]],
}


def operations(session):
    program = session.program("gleam-bench-kernels")
    command = [program, "--device", session.device, "--json", *FEW.get(session.device, [])]
    timed = session.run(command).json("gleam-bench-kernels")
    return [
        {
            "Operation": row["name"],
            "µs": 1e6 * row["median"],
            "H200 at least [µs]": 1e6 * row["h200_bound"],
            "of that": f"{100 * row['h200_bound'] / row['median']:.0f} %",
            "GB/s": 1e-9 * row["bytes"] / row["median"],
            "GFLOP/s": 1e-9 * row["flops"] / row["median"],
        }
        for row in timed["results"]
    ]


def torch_of(session):
    """-> version of PyTorch, None; or None, why there is nothing to compare with"""
    python = session.options.python
    asked = "import torch, h5py, numpy; print(torch.__version__, torch.version.cuda, torch.cuda.is_available())"
    probe = session.run([python, "-c", asked])
    if probe.code != 0:
        return None, f"{python} has no torch, numpy and h5py: {probe.why()}"
    version, cuda, available = probe.out.split()[-3:]
    if available != "True" and session.device == "cuda":
        return None, f"PyTorch {version} of {python} sees no GPU"
    return f"{version}, CUDA {cuda}", None


def beside_torch(session):
    """-> rows, problems"""
    rows, problems = [], []
    folder = session.folder("compare")
    script = os.path.join(ROOT, "tools/compare/compare.py")
    for turn, options in enumerate(COMPARISONS[session.device]):
        table = os.path.join(folder, f"table{turn}.json")
        command = [session.options.python, script, "--device", session.device, "--python", session.options.python,
                   "--out", folder, "--json", table, "--no-results", *options]
        result = session.run(command, GLEAM=session.program("gleam"))
        name = " ".join(options)
        if result.code != 0 or result.timed_out:
            problems.append(f"compare.py {name}: {result.why()}")
            continue
        with open(table) as f:
            precision = next((o.split("=")[1] for o in options if o.startswith("precision=")), "fp32")
            rows += [{"Precision": precision, **row} for row in json.load(f)]
    return rows, problems


def run(session):
    figures, problems = {}, []
    try:
        figures["single operations"] = operations(session)
    except Failed as error:
        problems.append(str(error))
    version, why_not = torch_of(session)
    figures["PyTorch"] = version or why_not
    if version:
        rows, more = beside_torch(session)
        figures["training beside PyTorch"] = rows
        problems += more
    return {**figures, "problems": problems}
