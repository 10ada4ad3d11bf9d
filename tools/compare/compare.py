#!/usr/bin/env python3
"""Trains the same networks with PyTorch (torch_train.py) and with gleam, in turn, and compares time and memory.

Both get the same data set, batch, weights' shapes, losses, optimiser, steps and number of threads; compared is the time of a
step without loading. First a network that gleam trained for some steps reconstructs in both, which shows that it is the same.
Memory: `resident` is the peak of the process above its size at the start (PyTorch: after import); `live` is the peak of what was
allocated and not freed, counted by the same preloaded library in both (heap.c); `arenas` is what gleam plans itself.
With --device cuda both run on the GPU, and memory is the GPU's: what PyTorch's allocator had given out, and reserved, at most,
beside gleam's arenas, which are all it takes there but for the libraries' own.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

import common

CONSISTENCY = "model.data_consistency."
PGD = ["model.regularizer.type=resnet", "model.regularizer.blocks=2"]
MODL = [
    "model.regularizer.type=revnet",
    "model.regularizer.layers=5",
    CONSISTENCY + "type=conjugate_gradient",
    CONSISTENCY + "lambda=0.1",
    CONSISTENCY + "learned=true",
]


def case(data, network, unrolls, features, *more):
    return data, [*network, f"model.unrolls={unrolls}", f"model.regularizer.features={features}", *more]


SLICES = ["--slices", "2", "--size", "128"]
LARGE = ["--slices", "2", "--size", "256"]
VOLUMES = ["--physics", "3d", "--slices", "2", "--depth", "24", "--size", "64"]
CASES = {  # name: data, configuration
    "pgd-2d": case(SLICES, PGD, 6, 32),
    "modl-2d": case(SLICES, MODL, 6, 32),
    "pgd-3d": case(VOLUMES, PGD, 4, 16),
    "modl-3d": case(VOLUMES, MODL, 4, 16),
    "pgd-published": case(SLICES, PGD, 8, 100),
    "modl-published": case(SLICES, MODL, 8, 70),
    "pgd-published-256": case(LARGE, PGD, 8, 100),
    "modl-published-256": case(LARGE, MODL, 8, 70),
}
DEFAULT_CASES = ["pgd-2d", "modl-2d", "pgd-3d", "modl-3d"]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--cases", default=",".join(DEFAULT_CASES), help=f"of {', '.join(CASES)} (default: %(default)s)")
    p.add_argument("--strategies", default="end_to_end,greedy,checkpoint", help="default: %(default)s")
    p.add_argument("--pairs", type=int, default=5, help="runs of each program, in turn (default: %(default)s)")
    p.add_argument("--steps", type=int, default=10, help="steps of each run; the first two do not count (default: %(default)s)")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both (default: %(default)s)")
    p.add_argument("--device", default="cpu", help="of both: cpu or cuda[:N] (default: %(default)s)")
    p.add_argument("--python", default=sys.executable, help="a Python with torch and h5py (default: this one)")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of every case")
    p.add_argument("--torch-set", action="append", default=[], metavar="KEY=VALUE", help="change it for PyTorch alone")
    p.add_argument("--out", help="folder to keep data and runs in (default: a temporary one)")
    p.add_argument("--json", metavar="FILE", help="write the table there, too")
    p.add_argument("--no-results", action="store_true", help="print only, do not write docs/benchmarks/compare.md")
    return p.parse_args()


def on_gpu(options):
    return options.device.startswith("cuda")


def require_torch(options):
    python = options.python
    try:
        probe = subprocess.run(
            [python, "-c", "import torch, h5py, numpy; print(torch.__version__)"], capture_output=True, text=True
        )
    except OSError as error:
        common.stop(f"--python: {error}")
    if probe.returncode:
        last = (probe.stderr.strip().splitlines() or [""])[-1]
        common.stop(
            f"{python} has no PyTorch, or no h5py ({last}). Install Debian's python3-torch and python3-h5py and give\n"
            "--python /usr/bin/python3, or `pip install torch h5py`. Nothing else of GLEAM needs them."
        )
    if on_gpu(options):
        sees = subprocess.run([python, "-c", "import torch; torch.zeros(1, device='cuda')"], capture_output=True, text=True)
        if sees.returncode:
            common.stop(f"the PyTorch of {python} cannot use the GPU: {(sees.stderr.strip().splitlines() or [''])[-1]}")
    try:
        import h5py  # noqa: F401
    except ImportError:
        os.execv(python, [python, *sys.argv])
    return probe.stdout.strip()


def make_data(folder, name, options):
    """A simulated data set with one mask stored in it, so that both programs see the same samples."""
    import h5py
    import numpy as np

    path = os.path.join(folder, f"{name}.h5")
    common.run([common.GLEAM, "simulate", "--out", path, "--coils", "8", "--seed", "1", *options])
    with h5py.File(path, "r+") as f:
        shape = f["target"].shape[1:]
        first, second = (0, 1)  # the phase encodings: z, y of volumes, y, x of slices
        random = np.random.default_rng(1)
        plane = shape[first], shape[second]
        distance = np.hypot(*np.meshgrid(*[np.abs(np.arange(n) - n // 2) / (n / 2) for n in plane], indexing="ij"))
        density = np.maximum(1 - distance, 0) ** 2
        sampled = random.random(plane) < np.minimum(1, density / density.mean() / 6)
        sampled |= distance < 0.15
        mask = np.broadcast_to(sampled.reshape(plane + (1,) * (len(shape) - 2)), shape).astype(np.float32)
        f["mask"] = mask
        f["kspace"][...] = f["kspace"][:] * mask
    return path


class Comparison:
    def __init__(self, options, folder, name):
        self.options, self.folder, self.name = options, folder, name
        simulate, keys = CASES[name]
        self.keys = [*keys, *options.set, f"threads={options.threads}"]
        # A device that only gleam has, such as its emulated GPU, is compared with PyTorch on the CPU.
        self.devices = options.device, options.device if on_gpu(options) else "cpu"
        self.data = make_data(folder, name, simulate)
        self.three_dimensional = "3d" in simulate
        self.environment = {"OMP_NUM_THREADS": str(options.threads)}
        self.runs = 0

    def gleam(self, keys, environment=None):
        """-> summary.json of a training run, and the folder of the run"""
        self.runs += 1
        out = os.path.join(self.folder, f"{self.name}-gleam{self.runs}")
        shutil.rmtree(out, ignore_errors=True)  # of an earlier comparison in the same --out
        settings = [
            *self.keys,
            *keys,
            f"device={self.devices[0]}",
            f"data.train.file={self.data}",
            "data.mask.type=file",
            "training.validate_every=0",
            "training.checkpoint_every=0",
            f"model.physics={'3d' if self.three_dimensional else '2d'}",
        ]
        sets = [argument for setting in settings for argument in ("--set", setting)]
        empty = os.path.join(self.folder, "empty.yaml")
        with open(empty, "w") as f:
            f.write("seed: 1\n")
        common.run([common.GLEAM, "train", empty, *sets, "--out", out], {**self.environment, **(environment or {})})
        with open(os.path.join(out, "summary.json")) as f:
            return json.load(f), out

    def torch(self, keys, environment=None, check=()):
        out = os.path.join(self.folder, f"{self.name}-torch.json")
        script = os.path.join(common.ROOT, "tools/compare/torch_train.py")
        more = ["--check", *check] if check else []
        chosen = [*self.options.torch_set, f"device={self.devices[1]}"]
        common.run(
            [self.options.python, script, self.data, out, *self.keys, *keys, *chosen, *more],
            {**self.environment, **(environment or {})},
        )
        with open(out) as f:
            return json.load(f)

    def same_network(self):
        """Relative difference of the images that PyTorch and gleam reconstruct with the same trained weights."""
        keys = ["training.steps=20", "training.optimizer.learning_rate=1e-3"]
        _, run = self.gleam(keys)
        weights, images = os.path.join(run, "last.h5"), os.path.join(run, "images.h5")
        place = ["--device", self.devices[0]]
        common.run([common.GLEAM, "reconstruct", "--weights", weights, "--input", self.data, "--out", images, *place])
        return self.torch(keys, check=(weights, images))["difference"]

    def live(self, keys, heap):
        """Peak of live heap bytes of both programs."""
        if not heap:
            return float("nan"), float("nan")
        peak = os.path.join(self.folder, "peak")
        self.gleam(keys, {"LD_PRELOAD": heap, "HEAP_PEAK_FILE": peak})
        with open(peak) as f:
            ours = int(f.read())
        return self.torch(keys, {"LD_PRELOAD": heap})["memory"]["heap"], ours

    def row(self, strategy, heap):
        keys = [f"training.strategy={strategy}", "training.modules=0", f"training.steps={self.options.steps}"]
        theirs, ours = common.alternate(self.options.pairs, lambda: self.torch(keys), lambda: self.gleam(keys)[0])
        memory = [r["memory"] for r in ours]
        row = {
            "strategy": strategy,
            "ms": ([r["step_median"] for r in theirs], [r["seconds"]["step_median"] for r in ours]),
            "arenas": sum(entry["planned"] for name, entry in memory[0].items() if name != "process"),
        }
        if on_gpu(self.options):
            return {**row, **{kind: [r["memory"][kind] for r in theirs] for kind in ("allocated", "reserved")}}
        resident = [m["process"]["peak"] - m["process"]["start"] for m in memory]
        return {**row, "live": self.live(keys, heap), "resident": ([r["memory"]["resident"] for r in theirs], resident)}


def offered(strategy):
    help_text = subprocess.run([common.GLEAM, "info", "--config-keys"], capture_output=True, text=True).stdout
    return strategy in next((line for line in help_text.splitlines() if "`strategy`" in line), "")


def heap_library(folder):
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        print("no C compiler (cc): live bytes are not counted", file=sys.stderr)
        return None
    library = os.path.join(folder, "heap.so")
    common.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, os.path.join(common.ROOT, "tools/compare/heap.c")])
    return library


TIMES = ["Case", "Strategy", "PyTorch [ms]", "gleam [ms]", "Time ratio"]
HEADER = [
    *TIMES,
    "PyTorch live / resident [MiB]",
    "gleam live / resident [MiB]",
    "gleam arenas [MiB]",
    "Live ratio",
]
GPU_HEADER = [*TIMES, "PyTorch allocated / reserved [MiB]", "gleam arenas [MiB]", "Memory ratio"]


def cells(name, row):
    times = [name, row["strategy"], *map(common.milliseconds, row["ms"]), common.ratio(*row["ms"])]
    arenas = f"{row['arenas'] / 2**20:.0f}"
    if "allocated" in row:
        allocated = statistics.median(row["allocated"])
        kept = f"{allocated / 2**20:.0f} / {common.mebibytes(row['reserved'])}"
        return [*times, kept, arenas, f"{allocated / row['arenas']:.2f}"]
    live = row["live"]
    return [
        *times,
        f"{live[0] / 2**20:.0f} / {common.mebibytes(row['resident'][0])}",
        f"{live[1] / 2**20:.0f} / {common.mebibytes(row['resident'][1])}",
        arenas,
        f"{live[0] / live[1]:.2f}",
    ]


MEMORY_TEXT = """`live`: peak of allocated and not yet
freed bytes, counted alike in both (`heap.c`), for PyTorch above what was live after import, for gleam above nothing, and with
the batches that its loader prepares ahead. `resident`: peak of the process above its size after import, or at the start of
training. PyTorch runs as installed, in eager mode."""
GPU_MEMORY_TEXT = """A step begins with
the copy of its batch to the GPU and ends when the GPU is done. Memory is the GPU's: the most that PyTorch's allocator had given out
and reserved, and gleam's arenas; neither counts what the libraries take for themselves. PyTorch runs as installed, in eager mode."""


def same_enough(options):
    """How much images may differ for the networks to count as the same: by rounding, which the number format decides."""
    precision = next((text.split("=", 1)[1] for text in reversed(options.set) if text.startswith("precision=")), "fp32")
    return precision, {"tf32": 1e-2, "bf16": 5e-2}.get(precision, 1e-3)


def report(options, torch_version, rows, differences, skipped):
    described = "\n".join(
        f"- `{name}`: `gleam simulate {shlex.join(CASES[name][0])} --coils 8`; "
        f"{', '.join(CASES[name][1] + options.set)}. The same trained weights give images that differ by "
        f"{difference:.1e} of their norm"
        for name, difference in differences.items()
    )
    missing = f"\n\nNot compared, since this gleam does not have them: {', '.join(skipped)}." if skipped else ""
    gpu = on_gpu(options)
    return f"""## PyTorch{" on a GPU" if gpu else ""}

    {shlex.join(['tools/compare/compare.py', *sys.argv[1:]])}

{common.machine(options.threads)}{", " + common.gpu() if gpu else ""}; PyTorch {torch_version}.
{options.pairs} pairs of runs in turn, {options.steps} steps each; {same_enough(options)[0]}, batch 1. Times are medians of a step without loading;
ratios are PyTorch / gleam (above 1: gleam takes less), the median of the pairs and their range. {GPU_MEMORY_TEXT if gpu else MEMORY_TEXT}

{common.table(GPU_HEADER if gpu else HEADER, rows)}{missing}

{described}
"""


def main():
    options = arguments()
    names, strategies = options.cases.split(","), options.strategies.split(",")
    for name in names:
        if name not in CASES:
            common.stop(f"--cases: there is no {name!r}; choose of {', '.join(CASES)}")
    if options.pairs < 1 or options.steps < 3:
        common.stop("--pairs has to be at least 1, --steps at least 3")
    common.require_gleam()
    torch_version = require_torch(options)
    skipped = [s for s in strategies if not offered(s)]
    folder = options.out or tempfile.mkdtemp(prefix="gleam-compare-")
    os.makedirs(folder, exist_ok=True)
    rows, differences = [], {}
    heap = None if on_gpu(options) else heap_library(folder)
    header, limit = GPU_HEADER if on_gpu(options) else HEADER, same_enough(options)[1]
    for name in names:
        comparison = Comparison(options, folder, name)
        differences[name] = comparison.same_network()
        print(f"{name}: same weights, images differ by {differences[name]:.1e}", flush=True)
        if not differences[name] < limit:
            common.stop(f"{name}: the two programs do not compute the same network")
        for strategy in strategies:
            if strategy in skipped:
                continue
            row = comparison.row(strategy, heap)
            rows.append(cells(name, row))
            print("  ".join(f"{h}: {c}" for h, c in zip(header, rows[-1])), flush=True)
    if options.json:
        with open(options.json, "w") as f:
            json.dump([dict(zip(header, cells_)) for cells_ in rows], f)
    if not options.no_results:
        common.write_section("pytorch-gpu" if on_gpu(options) else "pytorch", report(options, torch_version, rows, differences, skipped))
        print(f"written to {common.RESULTS}")
    if not options.out:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
