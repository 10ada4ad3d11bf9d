#!/usr/bin/env python3
"""Checks GLEAM on a GPU, part by part, and writes one report; started by tools/gpu_check.sh."""

import argparse
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import benchmarks  # noqa: E402
import machine  # noqa: E402
import programs  # noqa: E402
import sanitizer  # noqa: E402
import training  # noqa: E402
from report import Report  # noqa: E402
from session import ROOT, Failed, Session, Skipped, say  # noqa: E402

PARTS = {  # name: function, seconds it may take, what it does
    "device": (machine.device, 120, "what the GPU, its driver and its libraries are, cuDNN's description of it, rates of copies"),
    "build": (programs.build, 590, "configure and build what the other parts need"),
    "tests": (programs.tests, 590, "every test with the label cuda"),
    "sanitizer": (sanitizer.run, 590, "compute-sanitizer's memcheck, racecheck, synccheck and initcheck on the small rows"),
    "parity": (programs.parity, 590, "every number of training steps against float64 references, in fp64, fp32 and tf32"),
    "trajectory": (training.trajectory, 590, "60 steps on the CPU and on the GPU, in fp32, tf32 and bf16: the same losses"),
    "determinism": (training.determinism, 590, "every training twice: the same bits"),
    "benchmarks": (benchmarks.run, 590, "single operations timed; training beside PyTorch"),
}


def arguments():
    p = argparse.ArgumentParser(
        prog="tools/gpu_check.sh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Checks GLEAM on a machine with a GPU, fetching nothing, and writes gpu_check.md and gpu_check.json.",
        epilog="parts (each at most ten minutes):\n"
        + "\n".join(f"  {name:<12}{about}" for name, (_, _, about) in PARTS.items())
        + "\n\nAll but 'build' use an existing build. A part that is run again replaces its entry in the report. Where there is"
        "\nno GPU, it is said so, parts that need one are skipped, and what a program does without one is checked instead."
        "\n\nExit codes: 0 every part asked for passed, or there is no GPU and what can be checked without one is right; 1 else.",
    )
    p.add_argument("--part", action="append", choices=PARTS, metavar="NAME", help="only this part; repeatable (default: all)")
    p.add_argument("--deps", metavar="DIR", help="packages to build with, from tools/offline_deps.sh")
    p.add_argument("--build", metavar="DIR", default=os.path.join(ROOT, "build/release"), help="default: build/release")
    p.add_argument("--out", metavar="DIR", default=os.path.join(ROOT, "runs/gpu_check"), help="default: runs/gpu_check")
    p.add_argument("--python", default=sys.executable, help="one with torch, numpy and h5py (default: this one)")
    p.add_argument("--require-gpu", action="store_true", help="fail where there is no GPU")
    return p.parse_args()


def entry_of(session, function, seconds):
    """Runs one part -> its entry of the report."""
    start, when = time.monotonic(), time.strftime("%Y-%m-%d %H:%M:%S")
    status, reason, figures = "passed", "", {}
    try:
        figures = function(session) or {}
        problems = figures.pop("problems", [])
        if problems:
            status, reason = "failed", "; ".join(problems)
    except Failed as error:
        status, reason, figures = "failed", str(error), error.figures
    except Skipped as error:
        status, reason = "skipped", str(error)
    except Exception as error:  # a defect of the check itself must not stop the other parts
        status, reason = "failed", f"the check itself failed: {error!r}"
        with open(session.log(), "a") as f:
            f.write(traceback.format_exc())
    return {
        "status": status,
        "reason": reason,
        "seconds": round(time.monotonic() - start, 1),
        "limit": seconds,
        "when": when,
        "commit": machine.commit(session),
        "device": session.device,
        "log": os.path.basename(session.log()),
        "figures": figures,
    }


def run_part(session, report, name, function, seconds):
    say(f"=== {name}")
    session.begin(name, seconds)
    entry = entry_of(session, function, seconds)
    report.add(name, entry)
    say(f"{name}: {entry['status']}, {entry['seconds']} s{': ' if entry['reason'] else ''}{entry['reason']}")
    return entry["status"]


def without_gpu(session, report, parts, why):
    """No GPU: builds if that is asked for, and checks what programs do then."""
    say(f"There is no GPU here ({why}). Parts that need one are skipped.")
    session.device = "cpu"
    statuses = []
    for name in parts:
        if name == "build":
            statuses.append(run_part(session, report, name, *PARTS[name][:2]))
        else:
            report.add(name, {"status": "skipped", "reason": f"no GPU: {why}", "seconds": 0, "limit": 0, "figures": {},
                              "when": time.strftime("%Y-%m-%d %H:%M:%S"), "commit": machine.commit(session), "device": "none",
                              "log": ""})
    statuses.append(run_part(session, report, "fallback", machine.fallback, 120))
    return statuses


def main():
    options = arguments()
    session = Session(options)
    report = Report(session.out)
    parts = [name for name in PARTS if name in (options.part or PARTS)]
    report.set_machine(machine.describe(session))
    why_not = machine.why_no_gpu(session)
    if why_not:
        statuses = without_gpu(session, report, parts, why_not)
        if options.require_gpu:
            statuses.append("failed")
    else:
        # Tests that find no GPU, where there is one, fail; and plans of convolutions are chosen here, not taken from elsewhere.
        session.env.update(GLEAM_REQUIRE_GPU="1", GLEAM_CUDNN_PLANS=os.path.join(session.out, "cudnn-plans.json"))
        statuses = [run_part(session, report, name, *PARTS[name][:2]) for name in parts]
    report.set_machine(machine.describe(session))
    report.write()
    say(f"\nThe report: {report.markdown}")
    failed = statuses.count("failed") + (0 if why_not else statuses.count("skipped"))
    say(f"{len(statuses) - failed} of {len(statuses)} parts passed" if failed else "Everything that was asked for passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
