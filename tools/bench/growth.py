#!/usr/bin/env python3
"""Prints how the time and memory of a greedy training step grow with the sizes of data and network, as Markdown tables."""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../compare"))
import common  # noqa: E402

NETWORKS = {"PGD": ["--arch", "pgd", "--features", "64"], "MoDL": ["--arch", "modl", "--features", "64"]}
SWEEPS = {  # what grows: options and their values
    "Matrix": [(f"{n} x {n}", ["--height", str(n), "--width", str(n)]) for n in (64, 128, 256, 512)],
    "Coils": [(str(n), ["--coils", str(n)]) for n in (1, 4, 8, 16, 32)],
    "Features": [(str(n), ["--features", str(n)]) for n in (16, 32, 64, 100, 128)],
    "Unrolls": [(str(n), ["--unrolls", str(n)]) for n in (1, 2, 4, 8, 16)],
    "Batch": [(str(n), ["--batch", str(n)]) for n in (1, 2, 4)],
    "Threads": [(str(n), ["--threads", str(n)]) for n in range(1, len(os.sched_getaffinity(0)) + 1)],
    "Precision": [(p, ["--precision", p]) for p in ("fp32", "bf16")],
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--programs", default=os.path.join(common.ROOT, "build/release/bin"), help="folder (default: %(default)s)")
    p.add_argument("--repeats", type=int, default=5, help="steps timed (default: %(default)s)")
    p.add_argument("--only", default="", help=f"one of {', '.join(SWEEPS)}")
    return p.parse_args()


def step(a, options):
    """-> 'time, activations, all arenas' of a greedy step; what comes last in `options` holds."""
    merged = {"--unrolls": "4", "--repeats": str(a.repeats), "--strategy": "greedy"}
    merged.update(zip(options[::2], options[1::2]))
    command = [os.path.join(a.programs, "gleam-bench-training"), "--json", *(word for item in merged.items() for word in item)]
    text = common.run(command)[2]
    result = json.loads(text[text.index("{") :])["results"][0]
    mib = [f"{result['memory'][key] / 2**20:.1f}" for key in ("activations", "planned")]
    return f"{1e3 * result['median']:.0f} ms, {mib[0]} / {mib[1]} MiB"


def main():
    a = arguments()
    for what, values in SWEEPS.items():
        if a.only and what != a.only:
            continue
        print(f"| {what} | " + " | ".join(name for name, _ in values) + " |")
        print("|---" * (len(values) + 1) + "|")
        for name, network in NETWORKS.items():
            print(f"| {name} | " + " | ".join(step(a, [*network, *options]) for _, options in values) + " |", flush=True)
        print()


if __name__ == "__main__":
    main()
