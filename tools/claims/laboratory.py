"""Data sets and training runs of the claims in one folder. What is finished is not done again when the same is asked for."""

import json
import os
import shutil
import sys
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/compare"))
import common  # noqa: E402

BEGIN = time.monotonic()


def note(text):
    seconds = time.monotonic() - BEGIN
    print(f"[{int(seconds // 60):3d}:{int(seconds % 60):02d}] {text}", flush=True)


def settings(keys):
    return [argument for key in keys for argument in ("--set", key)]


class Laboratory:
    def __init__(self, options):
        self.options, self.folder = options, options.out
        os.makedirs(self.folder, exist_ok=True)
        self.empty = os.path.join(self.folder, "empty.yaml")
        with open(self.empty, "w") as f:
            f.write("seed: 1\n")

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def gleam(self, *command):
        environment = {"OMP_NUM_THREADS": str(self.options.threads)}
        return common.run([common.GLEAM, *map(str, command)], environment)[2]

    def done(self, mark, command):
        """Was this very command finished before? `mark` holds the command of the finished one."""
        if not os.path.exists(mark):
            return False
        with open(mark) as f:
            return f.read() == " ".join(map(str, command))

    def finish(self, mark, command):
        with open(mark + ".part", "w") as f:
            f.write(" ".join(map(str, command)))
        os.replace(mark + ".part", mark)

    def data(self, name, *options):
        number = zlib.crc32(
            " ".join(map(str, options)).encode()
        )  # other options, other name: runs on other data are other runs
        file = self.path("data", f"{name}-{number:08x}.h5")
        command = ["simulate", "--out", file, "--coils", 8, *options]
        if not (os.path.exists(file) and self.done(file + ".done", command)):
            self.gleam(*command)
            self.finish(file + ".done", command)
        return file

    def train(self, name, keys, *more):
        """-> summary.json of the run in folder `name`, with `folder` and the last validation PSNR as `validation` added"""
        out = self.path("runs", name)
        keys = ["training.checkpoint_every=0", f"threads={self.options.threads}", *keys]
        command = ["train", self.empty, *settings(keys), *more, "--out", out]
        if not self.done(out + ".done", command):
            shutil.rmtree(out, ignore_errors=True)
            self.gleam(*command)
            self.finish(out + ".done", command)
        with open(os.path.join(out, "summary.json")) as f:
            summary = json.load(f)
        with open(os.path.join(out, "metrics.jsonl")) as f:
            lines = [json.loads(line) for line in f]
        scores = [line["psnr"] for line in lines if line["kind"] == "validation"]
        return {**summary, "folder": out, "validation": scores[-1] if scores else None}

    def evaluate(self, name, data, mask, weights):
        """-> {method: (PSNR, SSIM)}, means over the samples of `data`"""
        out = self.path("evaluations", name)
        command = [
            "evaluate",
            data,
            *mask,
            "--method",
            "zero_filled",
            "--method",
            "cg_sense",
            "--method",
            "l1_wavelet",
            "--threads",
            self.options.threads,
            "--show",
            0,
            *[a for k, run in weights.items() for a in ("--weights", f"{k}={os.path.join(run, 'last.h5')}")],
            "--out",
            out,
        ]
        # The runs may be new although their names are not.
        stamps = [str(os.path.getmtime(os.path.join(run, "last.h5"))) for run in weights.values()]
        if not self.done(out + ".done", command + stamps):
            shutil.rmtree(out, ignore_errors=True)
            self.gleam(*command)
            self.finish(out + ".done", command + stamps)
        with open(os.path.join(out, "evaluation.json")) as f:
            methods = json.load(f)["methods"]

        def mean(method, score):
            return sum(s[score] for s in method["slices"]) / len(method["slices"])

        return {m["name"]: (mean(m, "psnr"), mean(m, "ssim")) for m in methods}

    def plan(self, keys, size, coils=8):
        """-> {strategy: its entry of `gleam plan --json`}, of those that apply"""
        output = self.gleam(
            "plan",
            self.empty,
            *settings([f"threads={self.options.threads}", *keys]),
            "--size",
            size,
            "--coils",
            coils,
            "--json",
        )
        return {entry["strategy"]: entry for entry in json.loads(output[output.index("{") :])["strategies"] if entry["applies"]}

    def remembered(self, name, conditions, measure):
        """The result of measure(), from the file `name` when it was measured before under the same conditions (any text)."""
        file, conditions = self.path("measured", name + ".json"), str(conditions)
        if not (os.path.exists(file) and self.done(file + ".done", [conditions])):
            result = measure()
            with open(file + ".part", "w") as f:
                json.dump(result, f)
            os.replace(file + ".part", file)
            self.finish(file + ".done", [conditions])
        with open(file) as f:
            return json.load(f)
