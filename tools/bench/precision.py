#!/usr/bin/env python3
"""Trains the same network with precision fp32 and bf16, step by step in turn, and prints losses, scores and times side by side."""

import argparse
import json
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../compare"))
import common  # noqa: E402

PRECISIONS = ["fp32", "bf16"]
MODELS = {
    "pgd": ["model.regularizer.features=64", "model.unrolls=4"],
    "modl": ["model.regularizer.type=revnet", "model.data_consistency.type=conjugate_gradient",
             "model.regularizer.features=64", "model.unrolls=4"],
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--arch", choices=MODELS, default="pgd", help="default: %(default)s")
    p.add_argument("--steps", type=int, default=300, help="default: %(default)s")
    p.add_argument("--out", help="folder to keep data and runs in (default: a temporary one)")
    return p.parse_args()


def train(folder, a, precision):
    """-> losses of the last module by step, validation scores, median time of a step [s]"""
    run = os.path.join(folder, f"{a.arch}-{precision}")
    keys = MODELS[a.arch] + [f"precision={precision}", f"training.steps={a.steps}", "training.log_every=1", f"training.validate_every={a.steps}",
                             f"data.train.file={folder}/train.h5", f"data.validation.file={folder}/validation.h5"]
    common.run([common.GLEAM, "train", os.path.join(common.ROOT, "tools/configs/quickstart.yaml"), "--out", run,
                *(word for key in keys for word in ("--set", key))])
    with open(os.path.join(run, "metrics.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    with open(os.path.join(run, "summary.json")) as f:
        summary = json.load(f)
    losses = {line["step"]: line["loss"][-1] for line in lines if line["kind"] == "train"}
    scores = [line for line in lines if line["kind"] == "validation"][-1]
    return losses, scores, summary


def main():
    a = arguments()
    common.require_gleam()
    with tempfile.TemporaryDirectory() as temporary:
        folder = a.out or temporary
        os.makedirs(folder, exist_ok=True)
        for name, slices, seed in (("train", 40, 1), ("validation", 8, 2)):
            common.run([common.GLEAM, "simulate", "--out", f"{folder}/{name}.h5", "--slices", str(slices), "--size", "128",
                        "--coils", "8", "--seed", str(seed)])
        results = [train(folder, a, p) for p in PRECISIONS]
    print(f"| {a.arch}, loss of the last module | fp32 | bf16 |\n|---|---|---|")
    tenth = max(1, a.steps // 10)
    for first in range(1, a.steps + 1, tenth):
        means = [statistics.mean(v for s, v in losses.items() if first <= s < first + tenth) for losses, _, _ in results]
        print(f"| steps {first} to {min(first + tenth - 1, a.steps)} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    print("| after them: PSNR, SSIM | " + " | ".join(f"{s['psnr']:.2f} dB, {s['ssim']:.4f}" for _, s, _ in results) + " |")
    print("| median step | " + " | ".join(f"{1e3 * s['seconds']['step_median']:.0f} ms" for _, _, s in results) + " |")


if __name__ == "__main__":
    main()
