#!/usr/bin/env python3
"""Runs BART (Debian: bart) and gleam in turn on the same data: coil maps, classical reconstruction and training.

Data are simulated by gleam and handed to both, to BART in its own format (.cfl). Iterations are timed by the difference of two
runs with different numbers of them, so that starting the program, reading and writing do not count; `whole` is the time of a
command with all of this. Peak memory is that of the whole process, as the system saw it.
"""

import argparse
import functools
import json
import os
import re
import shlex
import shutil
import statistics
import sys
import tempfile

import common
import exact_espirit

LAMBDA = 0.01  # of both classical methods, for images of order one


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--pairs", type=int, default=5, help="runs of each program, in turn (default: %(default)s)")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both (default: %(default)s)")
    p.add_argument("--size", type=int, default=256, help="matrix of maps and classical methods (default: %(default)s)")
    p.add_argument("--training-size", type=int, default=128, help="matrix of training (default: %(default)s)")
    p.add_argument("--training-unrolls", default="1,5", help="unrolls to train with (default: %(default)s)")
    p.add_argument(
        "--map-sizes", default="", help="more sizes for maps alone, with BART's own parameters, such as 320,160x160x160"
    )
    p.add_argument(
        "--tuned-bart", action="store_true", help="set the environment in which BART is fastest: it keeps the memory it has had"
    )
    p.add_argument("--parts", default="maps,classical,training", help="default: %(default)s")
    p.add_argument("--out", help="folder to keep data and runs in (default: a temporary one)")
    p.add_argument("--no-results", action="store_true", help="print only, do not write docs/benchmarks/compare.md")
    return p.parse_args()


def require_bart():
    if not shutil.which("bart"):
        common.stop(
            "there is no `bart`; install Debian's or Ubuntu's package bart, or build it from https://mrirecon.github.io/bart.\n"
            "Nothing else of GLEAM needs it."
        )
    return common.version_of(["bart", "version"])


def numpy():
    try:
        import h5py
        import numpy as np
    except ImportError as error:
        common.stop(
            f"this Python has no {error.name}; install python3-numpy and python3-h5py (Debian) or `pip install numpy h5py`"
        )
    return np, h5py


def write_cfl(name, array, dimensions):
    """`array`, slowest axis first, whose axes are these BART dimensions, fastest last."""
    np, _ = numpy()
    shape = [1] * 16
    for dimension, length in zip(dimensions, array.shape):
        shape[dimension] = length
    order = sorted(range(array.ndim), key=lambda axis: -dimensions[axis])
    with open(name + ".hdr", "w") as f:
        f.write("# Dimensions\n" + " ".join(map(str, shape)) + "\n")
    np.ascontiguousarray(array.transpose(order), np.complex64).tofile(name + ".cfl")


def read_cfl(name):
    """[coil, y, x] or [y, x] of a two-dimensional file"""
    np, _ = numpy()
    with open(name + ".hdr") as f:
        shape = [int(n) for n in f.read().split("\n")[1].split()]
    return np.squeeze(np.fromfile(name + ".cfl", np.complex64).reshape(shape[::-1]))


def undersampled(np, height, width, acceleration=5):
    random = np.random.default_rng(2)
    y, x = np.meshgrid(*[np.abs(np.arange(n) - n // 2) / (n / 2) for n in (height, width)], indexing="ij")
    distance = np.hypot(y, x)
    density = np.maximum(1 - distance, 0) ** 2
    mask = random.random((height, width)) < np.minimum(1, density / density.mean() / acceleration)
    mask[height // 2 - 12 : height // 2 + 12, width // 2 - 12 : width // 2 + 12] = True
    return mask.astype(np.float32)


class Data:
    """Slices with one mask, as GLEAM data set and as .cfl: kspace, maps, pattern, target; images of order one."""

    def __init__(self, folder, name, size, slices):
        np, h5py = numpy()
        self.base, self.slices = os.path.join(folder, name), slices
        self.file = self.base + ".h5"
        common.run([common.GLEAM, "simulate", "--out", self.file, "--slices", str(slices), "--size", str(size), "--coils", "8"])
        with h5py.File(self.file, "r+") as f:
            mask = undersampled(np, size, size)
            f["mask"] = mask
            full, maps, target = f["kspace"][:], f["maps"][:], f["target"][:]
            scale = np.quantile(np.abs(target), 0.95)
            f["kspace"][...] = full * mask / scale
            f["target"][...] = target / scale
            self.target = target / scale
            write_cfl(self.base + "_full", full / scale, (15, 3, 1, 0))
            write_cfl(self.base + "_kspace", full * mask / scale, (15, 3, 1, 0))
            write_cfl(self.base + "_maps", maps, (15, 3, 1, 0))
            write_cfl(self.base + "_target", target / scale, (15, 1, 0))
            write_cfl(self.base + "_pattern", np.broadcast_to(mask, (slices, size, size)), (15, 1, 0))


TUNED = {  # for BART: no returning of memory to the system and fetching it again, no threads that wait busily
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
    "OMP_WAIT_POLICY": "passive",
    "BART_USE_FFTW_WISDOM": "1",
}


class Programs:
    def __init__(self, options):
        self.options = options
        self.environment = {"OMP_NUM_THREADS": str(options.threads), "OPENBLAS_NUM_THREADS": str(options.threads)}
        self.of_bart = {**self.environment, **(TUNED if options.tuned_bart else {})}

    def bart(self, *command):
        return common.run(["bart", *map(str, command)], self.of_bart)

    def gleam(self, *command):
        return common.run([common.GLEAM, *map(str, command)], self.environment)

    def in_turn(self, first, second):
        """-> times and peak memories of both: ((seconds, bytes), (seconds, bytes)), each a list over the pairs"""
        runs = common.alternate(self.options.pairs, first, second)
        return [([r[0] for r in program], [r[1] for r in program]) for program in runs]


HEADER = ["Task", "BART", "gleam", "Time ratio", "BART peak [MiB]", "gleam peak [MiB]", "Memory ratio", "Agreement"]


@functools.cache
def peaks_of_starting():
    """[bytes] of BART and gleam when they only say their version"""
    commands = ["bart", "version"], [common.GLEAM, "--version"]
    return [max(common.run(command, pause=0)[1] for _ in range(40)) for command in commands]


def memory_ratio(bart, gleam):
    """Of the peaks above those of starting: gleam / BART"""
    theirs, ours = [statistics.median(peaks) - start for peaks, start in zip((bart, gleam), peaks_of_starting())]
    return f"{ours / theirs:.2f}"


def row(name, bart, gleam, agreement, note=""):
    return [
        name,
        common.milliseconds(bart[0]) + " ms",
        common.milliseconds(gleam[0]) + " ms" + note,
        common.ratio(bart[0], gleam[0]),
        common.mebibytes(bart[1]),
        common.mebibytes(gleam[1]),
        memory_ratio(bart[1], gleam[1]),
        agreement,
    ]


def prepare(programs, source, out, threshold, crop, *more):
    if os.path.exists(out):
        os.remove(out)
    parameters = ["--calibration", 24, "--kernel", 6, "--threshold", threshold, "--crop", crop, "--mask", "full", *more]
    return programs.gleam("prepare", source + ".cfl", "--out", out, *parameters, "--threads", programs.options.threads)


def agreement_of_maps(a, b):
    """a, b: [coil, ...]. Distance of the vectors of all coils, each of norm 1, once their phases are the same."""
    np, _ = numpy()
    in_a, in_b = np.abs(a).sum(0) > 0, np.abs(b).sum(0) > 0
    both = in_a & in_b
    a, b = a[:, both].astype(np.complex128), b[:, both].astype(np.complex128)
    product = (np.conj(b) * a).sum(0)
    distance = np.sqrt((np.abs(a - b * (product / np.abs(product))) ** 2).sum(0))
    near = 100 * (distance < 1e-3).mean()
    return (
        f"mean of inner products {np.abs(product).mean():.6f}; distance: median {np.median(distance):.1e}, "
        f"99 % below {np.quantile(distance, 0.99):.1e}, largest {distance.max():.1e}, {near:.1f} % below 1e-3; "
        f"points in both {both.sum()}, in one only {(in_a ^ in_b).sum()}"
    )


def with_the_block_of_bart(programs, name, kspace):
    """k-space [coil, (z,) y, x] of the file `name` -> name of a file for gleam, and its k-space.

    BART takes the calibration block from around the centre of what it finds sampled, which may be a point beside gleam's.
    Turning k-space until both blocks hold the same points gives images a phase, the same for all coils, and leaves maps alone.
    """
    np, _ = numpy()
    text = programs.bart("ecalib", "-d4", "-m1", "-r24", name, name + "_bart")[2]
    found = re.search(r"Calibration region\.\.\..*pos: (\d+)x(\d+)x(\d+)", text)
    if not found:
        common.stop(f"`bart ecalib -d4` does not say where its calibration region is:\n{text[:1000]}")
    axes = tuple(range(1, kspace.ndim))
    begin = [int(at) for at in found.groups()][: len(axes)][::-1]
    shifts = tuple((n - 24 + 1) // 2 - at for n, at in zip(kspace.shape[1:], begin))
    turned = np.roll(kspace, shifts, axes)
    write_cfl(name + "_turned", turned, (3, 2, 1, 0) if kspace.ndim == 4 else (3, 1, 0))
    return name + "_turned", turned


def maps_row(programs, data, folder):
    np, h5py = numpy()
    theirs, ours = os.path.join(folder, "ecalib"), os.path.join(folder, "prepared.h5")
    # BART compares squares of singular values with its threshold.
    flags = ["-m", 1, "-r", 24, "-k", 6, "-t", 0.02**2, "-c", 0.9]
    source, _ = with_the_block_of_bart(programs, data.base + "_full", read_cfl(data.base + "_full"))
    bart, mine = programs.in_turn(
        lambda: programs.bart("ecalib", *flags, data.base + "_full", theirs),
        lambda: prepare(programs, source, ours, 0.02, 0.9),
    )
    with h5py.File(ours) as f:
        a, b = f["maps"][0].transpose(0, 2, 1), read_cfl(theirs)  # gleam calls BART's first axis y
    return row("ESPIRiT maps: `ecalib`; `gleam prepare`, which also writes images", bart, mine, agreement_of_maps(a, b))


def simulated_kspace(folder, size):
    """One slice or volume -> name of .cfl; [coil, y, x] or [coil, z, y, x]. Images of order one."""
    np, h5py = numpy()
    name = os.path.join(folder, "maps" + "x".join(map(str, size)))
    shape = ["--size", str(size[-1])] + (["--physics", "3d", "--depth", str(size[0])] if len(size) == 3 else [])
    common.run([common.GLEAM, "simulate", "--out", name + ".h5", "--slices", "1", "--coils", "8", *shape])
    with h5py.File(name + ".h5") as f:
        kspace = f["kspace"][0] / np.quantile(np.abs(f["target"][0]), 0.95)
    write_cfl(name, kspace, (3, 2, 1, 0) if len(size) == 3 else (3, 1, 0))
    return name, kspace


def large_maps_rows(programs, folder, sizes):
    """`ecalib -m1 -r24`, whose threshold is 0.001 of the squares of singular values and crop 0.8, and gleam with these."""
    np, h5py = numpy()
    threshold, crop = 0.001**0.5, 0.8
    rows = []
    for size in [[int(n) for n in text.split("x")] for text in sizes.split(",") if text]:
        name, kspace = simulated_kspace(folder, size)
        theirs, ours, volume = name + "_bart", name + "_gleam.h5", len(size) == 3
        more = ["--physics", "3d"] if volume else []
        source, turned = with_the_block_of_bart(programs, name, kspace)
        bart, mine = programs.in_turn(
            lambda: programs.bart("ecalib", "-m1", "-r24", name, theirs),
            lambda: prepare(programs, source, ours, threshold, crop, *more),
        )
        with h5py.File(ours) as f:
            a = f["maps"][0] if volume else f["maps"][0].transpose(0, 2, 1)
        # BART's first axis is y of gleam's slices, x of its volumes
        b = read_cfl(theirs)
        text = agreement_of_maps(a, b)
        section = size[2] // 2 if volume else None
        exact = exact_espirit.maps(np, turned, threshold, crop, section)
        where = " in the middle section across x" if volume else ""
        for program, found in (("BART", b), ("gleam", a)):
            part = found[..., section] if volume else found
            text += f". {program} and the exact eigenvectors{where}: {agreement_of_maps(part, exact)}"
        label = " x ".join(map(str, size if volume else 2 * size))
        rows.append(row(f"ESPIRiT maps, {label} x 8: `ecalib -m1 -r24`; `gleam prepare`, images too", bart, mine, text))
    return rows


def classical_rows(programs, data, folder):
    np, h5py = numpy()
    n, threads = (10, 60), programs.options.threads
    rows = []
    target = data.target[0]

    def psnr(image):
        return 20 * np.log10(np.abs(target).max() / np.sqrt(np.mean(np.abs(image - target) ** 2)))

    cases = [
        ("CG-SENSE", ["-l2", "-r", LAMBDA], ["--method", "cg_sense", "--lambda", LAMBDA], "--iterations"),
        (
            "l1-wavelet (FISTA)",
            ["-l1", "-r", LAMBDA],
            ["--method", "l1_wavelet", "--wavelet-lambda", LAMBDA],
            "--wavelet-iterations",
        ),
    ]
    for name, pics, method, iterations in cases:
        theirs, ours = os.path.join(folder, "pics"), os.path.join(folder, "reconstructed.h5")

        def bart(count):
            return programs.bart(
                "pics",
                *pics,
                "-i",
                count,
                "-w",
                1,
                "-p",
                data.base + "_pattern",
                data.base + "_kspace",
                data.base + "_maps",
                theirs,
            )

        def gleam(count):
            return programs.gleam(
                "reconstruct", "--input", data.file, "--out", ours, *method, iterations, count, "--threads", threads
            )

        def per_iteration(program):
            short, long = program(n[0]), program(n[1])
            return (long[0] - short[0]) / (n[1] - n[0]), long[1], long[0]

        runs = common.alternate(programs.options.pairs, lambda: per_iteration(bart), lambda: per_iteration(gleam))
        with h5py.File(ours) as f:
            scores = [psnr(read_cfl(theirs)), psnr(f["reconstruction"][0])]
        agreement = f"PSNR after {n[1]} iterations: BART {scores[0]:.2f} dB, gleam {scores[1]:.2f} dB"
        for label, part, words in (("one iteration", 0, agreement), (f"whole, {n[1]} iterations", 2, "")):
            rows.append(
                row(
                    f"{name}, {label}: `pics`, `gleam reconstruct`",
                    *[([r[part] for r in p], [r[1] for r in p]) for p in runs],
                    words,
                )
            )
    return rows


def training_rows(programs, data, folder, unrolls):
    """Time per slice of a training step, by the difference of 1 and 3 epochs."""
    batch, features = 4, 32
    files = [data.base + "_" + name for name in ("kspace", "maps")]
    count = [0]

    def reconet(extra):
        def bart(epochs):
            return programs.bart(
                "reconet",
                "--network=modl",
                f"-I{unrolls}",
                f"--resnet-block=layers=5,filters={features},no-batch-normalization",
                "--data-consistency=max-cg-iter=10",
                "-t",
                f"-b{batch}",
                "-T",
                f"e={epochs}",
                "-n",
                *extra,
                f"--pattern={data.base}_pattern",
                *files,
                os.path.join(folder, "weights"),
                data.base + "_target",
            )

        def one():
            short, long = bart(1), bart(3)
            return (long[0] - short[0]) / (2 * data.slices), long[1]

        return one

    def gleam(strategy):
        def one():
            count[0] += 1
            out = os.path.join(folder, f"train{unrolls}-{count[0]}")
            shutil.rmtree(out, ignore_errors=True)  # of an earlier comparison in the same --out
            empty = os.path.join(folder, "empty.yaml")
            with open(empty, "w") as f:
                f.write("seed: 1\n")
            keys = [
                f"model.unrolls={unrolls}",
                "model.regularizer.type=revnet",
                "model.regularizer.layers=5",
                f"model.regularizer.features={2 * features}",
                "model.data_consistency.type=conjugate_gradient",
                "model.data_consistency.iterations=10",
                "model.data_consistency.learned=true",
                f"training.strategy={strategy}",
                f"model.share_weights={'true' if strategy == 'end_to_end' else 'false'}",
                f"training.batch={batch}",
                f"training.steps={3 * data.slices // batch}",
                f"data.train.file={data.file}",
                "data.mask.type=file",
                "training.checkpoint_every=0",
                f"threads={programs.options.threads}",
            ]
            _, peak, _ = programs.gleam("train", empty, *[a for key in keys for a in ("--set", key)], "--out", out)
            with open(os.path.join(out, "summary.json")) as f:
                return json.load(f)["seconds"]["step_median"] / batch, peak

        return one

    pairs = [("", [], "end_to_end"), ("`--lowmem`", ["--lowmem"], "greedy")]
    rows = []
    for label, extra, strategy in pairs:
        runs = programs.in_turn(reconet(extra), gleam(strategy))
        rows.append(
            row(
                f"MoDL, {unrolls} unroll{'s' if unrolls > 1 else ''}, a training step, per slice: `reconet` {label}; {strategy}",
                *runs,
                "",
            )
        )
    return rows


def report(options, version, rows):
    tuned = " in the environment of --tuned-bart" if options.tuned_bart else ""
    return f"""## BART

    {shlex.join(['tools/compare/compare_bart.py', *sys.argv[1:]])}

{common.machine(options.threads)}, compiled for this processor; BART {version}, as installed{tuned}.
{options.pairs} pairs of runs in turn. Times are medians, ratios BART / gleam (above 1: gleam takes less), the median of the
pairs and their range; peaks are those of the whole process, and the memory ratio is gleam / BART of what is above the
{" and ".join(f"{bytes / 2**20:.1f}" for bytes in peaks_of_starting()[::-1])} MiB that gleam and BART have when they only say their version.

{common.table(HEADER, rows)}

Maps and classical methods: one slice of {options.size} x {options.size}, 8 coils. Maps are compared as vectors of all coils, of
norm 1 and up to their phase. The exact eigenvectors are those of numpy's full solvers in double precision, from the same block of
k-space, kernel and thresholds (`tools/compare/exact_espirit.py`). BART says where it takes its calibration block from; where that is a
point beside the centre, gleam gets k-space turned by as much, so that both have the same block. `pics` stops CG by its own rule or at the
number of iterations given, and its wavelet is Daubechies' with 4 taps; gleam's has 8. Training: {options.training_size} x
{options.training_size}, 8 coils, batch 4. BART's MoDL has complex convolutions, 5 layers of 32 features, here without batch
normalisation; gleam's has real ones, 5 layers of 64 features: both have the same number of real multiplications and of hidden
numbers, and 10 iterations of CG. BART shares the weights among the unrolls, and so does gleam end to end; greedy modules have
weights of their own. `--lowmem` is BART's checkpointing. Time of a step is what further steps cost: in BART by the difference of
three epochs and one, loading included; in gleam by its own clock, loading apart. VarNet is not compared: gleam has no network
like it.
"""


def main():
    options = arguments()
    parts = [part for part in options.parts.split(",") if part]
    for part in parts:
        if part not in ("maps", "classical", "training"):
            common.stop(f"--parts: there is no {part!r}; choose of maps, classical, training")
    common.require_gleam()
    version = require_bart()
    numpy()
    folder = options.out or tempfile.mkdtemp(prefix="gleam-bart-")
    os.makedirs(folder, exist_ok=True)
    programs, rows = Programs(options), []

    def show(new):
        rows.extend(new)
        for cells in new:
            print("  ".join(f"{h}: {c}" for h, c in zip(HEADER, cells)), flush=True)

    if "maps" in parts or "classical" in parts:
        data = Data(folder, "slice", options.size, 1)
        if "maps" in parts:
            show([maps_row(programs, data, folder)])
        if "classical" in parts:
            show(classical_rows(programs, data, folder))
    if options.map_sizes:
        show(large_maps_rows(programs, folder, options.map_sizes))
    if "training" in parts:
        data = Data(folder, "training", options.training_size, 8)
        for unrolls in options.training_unrolls.split(","):
            show(training_rows(programs, data, folder, int(unrolls)))
    if not options.no_results:
        common.write_section("bart", report(options, version, rows))
        print(f"written to {common.RESULTS}")
    if not options.out:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
