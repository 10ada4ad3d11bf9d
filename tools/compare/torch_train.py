"""Trains the networks of torch_networks.py: end to end, greedily, or end to end with gradient checkpointing.

    python3 torch_train.py DATA.h5 OUT.json [KEY=VALUE ...]        keys and defaults as in docs/config.md, those listed below
    python3 torch_train.py DATA.h5 OUT.json [KEY=VALUE ...] --check CHECKPOINT.h5 IMAGES.h5
                                     compares with the images that gleam reconstructed with a checkpoint, and trains nothing

OUT.json gets step times [s], memory [bytes] (resident and, under heap.so, live on the heap, both above what there was after
import) and losses. On a GPU (device=cuda) a step begins with the copy of its batch to the GPU and ends when the GPU is done; memory
is what PyTorch's allocator there had given out, and had reserved, at most. `precision` is that of gleam: fp32 without TF32, tf32, or
bf16, which is autocast around the regularizer.
"""

import contextlib
import ctypes
import json
import os
import resource
import statistics
import sys
import time

import h5py
import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

import torch_networks as networks

DEFAULTS = {
    "threads": 1,
    "device": "cpu",
    "precision": "fp32",
    "model.unrolls": 8,
    "model.data_consistency.type": "gradient",
    "model.data_consistency.step": 2.0,
    "model.data_consistency.lambda": 0.05,
    "model.data_consistency.learned": False,
    "model.data_consistency.iterations": 10,
    "model.regularizer.type": "resnet",
    "model.regularizer.features": 32,
    "model.regularizer.blocks": 2,
    "model.regularizer.layers": 5,
    "training.strategy": "greedy",
    "training.modules": 0,
    "training.batch": 1,
    "training.steps": 10,
    "training.optimizer.learning_rate": 1e-4,
    "training.optimizer.weight_decay": 1e-4,
}


def options_of(arguments):
    options = dict(DEFAULTS)
    for argument in arguments:
        key, _, text = argument.partition("=")
        if key not in options:
            raise SystemExit(f"torch_train.py: unknown key {key} (known: {', '.join(DEFAULTS)})")
        kind = type(DEFAULTS[key])
        options[key] = text == "true" if kind is bool else kind(text)
    return options


def network_of(o, physics):
    unroll = {"consistency": o["model.data_consistency.type"]}
    for section in ("model.data_consistency.", "model.regularizer."):
        for key, value in o.items():
            if key.startswith(section) and key != "model.data_consistency.type":
                unroll[key[len(section) :]] = value
    return torch.nn.ModuleList([networks.Unroll(unroll, physics) for _ in range(o["model.unrolls"])])


def choose_precision(o):
    """Arithmetic of products -> a context to compute regularizers in."""
    if o["precision"] not in ("fp32", "tf32", "bf16"):
        raise SystemExit(f"torch_train.py: unknown precision {o['precision']}")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o["precision"] == "tf32"
    if o["precision"] != "bf16":
        return contextlib.nullcontext
    return lambda: torch.autocast(torch.device(o["device"]).type, torch.bfloat16)


class Trainer:
    def __init__(self, options, physics):
        self.strategy, self.physics = options["training.strategy"], physics
        if self.strategy not in ("greedy", "end_to_end", "checkpoint"):
            raise SystemExit(f"torch_train.py: unknown strategy {self.strategy}")
        networks.Unroll.arithmetic = staticmethod(choose_precision(options))
        self.device = torch.device(options["device"])
        self.unrolls = network_of(options, physics).to(self.device)
        n = len(self.unrolls)
        modules = (options["training.modules"] or n) if self.strategy == "greedy" else 1
        self.modules = [list(self.unrolls)[n // modules * m : n // modules * (m + 1)] for m in range(modules)]
        self.optimizers = [
            torch.optim.Adam(
                [p for u in m for p in u.parameters()],
                lr=options["training.optimizer.learning_rate"],
                weight_decay=options["training.optimizer.weight_decay"],
            )
            for m in self.modules
        ]

    def forward(self, module, x, sense, zero_filled):
        for unroll in module:
            if self.strategy == "checkpoint":
                x = checkpoint(unroll, x, sense, zero_filled, use_reentrant=False)
            else:
                x = unroll(x, sense, zero_filled)
        return x

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def step(self, *batch):
        maps, mask, zero_filled, target = (t.to(self.device) for t in batch)
        sense, x, losses = networks.Sense(maps, mask, self.physics), zero_filled, []
        for module, optimizer in zip(self.modules, self.optimizers):
            optimizer.zero_grad(set_to_none=False)
            x = self.forward(module, x.detach(), sense, zero_filled)
            loss = (x - target).abs().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    @torch.no_grad()
    def reconstruct(self, *batch):
        maps, mask, zero_filled, _ = (t.to(self.device) for t in batch)
        x, sense = zero_filled, networks.Sense(maps, mask, self.physics)
        for unroll in self.unrolls:
            x = unroll(x, sense, zero_filled)
        return x


class Memory:
    """Resident bytes and, when heap.so is preloaded, live bytes of the heap, above what there was at mark(); on a GPU, bytes there."""

    def __init__(self, device):
        self.gpu = torch.device(device) if device.startswith("cuda") else None
        self.heap = ctypes.CDLL(None) if "heap.so" in os.environ.get("LD_PRELOAD", "") else None

    @staticmethod
    def status(key):
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key))

    def mark(self):
        self.start = self.status("VmRSS")
        if self.heap:
            self.heap.heap_mark()

    def forget_peak(self):
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
        if self.heap:
            self.heap.heap_forget_peak()
        if self.gpu:
            torch.cuda.reset_peak_memory_stats(self.gpu)

    def above_mark(self):
        result = {"resident": self.status("VmHWM") - self.start}
        if self.heap:
            self.heap.heap_peak_above_mark.restype = ctypes.c_long
            result["heap"] = self.heap.heap_peak_above_mark()
        if self.gpu:
            result["allocated"] = torch.cuda.max_memory_allocated(self.gpu)
            result["reserved"] = torch.cuda.max_memory_reserved(self.gpu)
        return result


def check(trainer, data, weights, images):
    networks.load_checkpoint(trainer.unrolls, weights)
    with h5py.File(images) as f:
        theirs = f["reconstruction"][-1]
    batch = tuple(t[None] for t in data.samples[-1])
    ours = trainer.reconstruct(*batch)[0].cpu().numpy().reshape(theirs.shape) * data.scale
    return {"difference": float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))}


def main():
    arguments, images = sys.argv[1:], None
    if "--check" in arguments:
        at = arguments.index("--check")
        images, arguments = arguments[at + 1 : at + 3], arguments[:at]
    data_file, out = arguments[:2]
    options = options_of(arguments[2:])
    torch.set_num_threads(options["threads"])
    torch.manual_seed(1)
    ones = torch.ones(1, 1, 4, 4, device=options["device"])
    torch.nn.functional.conv2d(ones, ones[..., :3, :3])  # libraries load lazily
    memory = Memory(options["device"])
    memory.mark()
    data = networks.Data(data_file)
    trainer = Trainer(options, data.physics)
    if images:
        result = check(trainer, data, *images)
    else:
        # Of the file only one batch stays: the rest is the loader's, which the comparison leaves out.
        batches = [data.batch(i, options["training.batch"]) for i in range(2)]
        del data
        memory.forget_peak()
        seconds, losses = [], []
        for step in range(options["training.steps"]):
            trainer.wait()
            start = time.perf_counter()
            losses.append(trainer.step(*batches[step % 2]))
            trainer.wait()
            seconds.append(time.perf_counter() - start)
        result = {
            "step_median": statistics.median(seconds[2:] or seconds),
            "losses": losses,
            "memory": memory.above_mark(),
            "parameters": sum(p.numel() for p in trainer.unrolls.parameters()),
            "version": torch.__version__,
            "cpu": resource.getrusage(resource.RUSAGE_SELF).ru_utime,
        }
    with open(out, "w") as f:
        json.dump(result, f)


if __name__ == "__main__":
    main()
