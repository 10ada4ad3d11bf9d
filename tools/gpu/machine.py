"""The machine: what it is, its GPU, and what programs do where there is none."""

import os
import platform
import re
import subprocess

import training
from session import ROOT, Failed

QUERY = ("name", "driver_version", "memory.total", "compute_cap", "clocks.max.sm", "clocks.max.mem", "power.limit", "uuid")


def output_of(session, command):
    """What a program prints, or nothing where there is no such program or it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=session.env, cwd=ROOT, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def first_line(text):
    return next((line.strip() for line in text.splitlines() if line.strip()), "none")


def commit(session):
    known = output_of(session, ["git", "rev-parse", "--short", "HEAD"]).strip()
    changed = output_of(session, ["git", "status", "--porcelain", "--untracked-files=no"]).strip()
    return (known or "unknown") + (" and changes" if known and changed else "")


def describe(session):
    with open("/proc/cpuinfo") as f:
        processor = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    system = "unknown"
    if os.path.exists("/etc/os-release"):
        with open("/etc/os-release") as f:
            system = next((line.split("=", 1)[1].strip().strip('"') for line in f if line.startswith("PRETTY_NAME=")), system)
    nvcc = output_of(session, ["nvcc", "--version"]) or output_of(session, ["/usr/local/cuda/bin/nvcc", "--version"])
    release = re.search(r"release ([0-9.]+), V([0-9.]+)", nvcc)
    return {
        "GPU": gpu_line(session),
        "Processor": f"{processor}, {session.jobs} usable",
        "Memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "System": f"{system}, kernel {platform.release()}",
        "nvcc": release.group(2) if release else "none",
        "Compiler": first_line(output_of(session, [session.env.get("CXX", "c++"), "--version"])),
        "CMake": first_line(output_of(session, ["cmake", "--version"])),
        "Python": platform.python_version(),
    }


def gpu_line(session):
    shown = output_of(session, ["nvidia-smi", f"--query-gpu={','.join(QUERY[:4])}", "--format=csv,noheader"]).strip()
    return shown.replace("\n", "; ") or "none that nvidia-smi shows"


def why_no_gpu(session):
    """None where there is one: what the driver says counts, so that a GPU that gleam cannot use is a failure, not an absence."""
    if session.device != "cuda":
        return None
    if "GPU" in output_of(session, ["nvidia-smi", "-L"]):
        return None
    if not session.has("gleam"):
        return "nvidia-smi shows none"
    try:
        cuda = cuda_of(session.gleam("info", "--json").json("gleam info"))
    except Failed as error:
        return str(error)
    return None if cuda["available"] else cuda["detail"]


def cuda_of(info):
    return next((d for d in info["devices"] if d["name"] == "cuda"), {"available": False, "detail": "gleam info names none"})


# ---- parts ---------------------------------------------------------------------------------------------------------------------


def device(session):
    problems, figures = [], {}
    info = session.gleam("info", "--json").json("gleam info --json")
    cuda = cuda_of(info)
    figures["gleam"] = f"{info['version']}, {info['compiler']}, {info['build_type']}"
    figures["cuda"] = cuda["detail"]
    for name, number in {**info.get("libraries", {}), **cuda.get("libraries", {})}.items():
        figures[name] = number
    if session.device != "cuda":
        return {**figures, "in its place": session.device}
    if not cuda["available"]:
        raise Failed(f"gleam cannot use the GPU: {cuda['detail']}", figures)
    session.run(["nvidia-smi"])
    asked = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader", "-i", "0"]
    values = session.run(asked).out.strip().split(", ")
    if len(values) == len(QUERY):
        figures.update(zip((f"nvidia-smi {name}" for name in QUERY), values))
    said = session.run([session.program("describe_gpu")]).json("describe_gpu")
    figures.update({name.replace("_gbytes_per_s", " [GB/s]"): rate for name, rate in said["rates"].items()})
    figures["differences from the models that plans are made for"] = model_differences(said)
    figures["cuDNN's description, for kernels/cuda/device_models.hpp"] = said["description"]
    return {**figures, "problems": problems}


def model_differences(said):
    """Rows for the model of this name: what kernels/cuda/device_models.hpp assumes and what the device says."""
    rows = []
    for name, model in said.get("models", {}).items():
        if model.get("deviceName") != said["description"].get("deviceName"):
            continue
        for key in sorted({*model, *said["description"]}):
            assumed, found = model.get(key, "absent"), said["description"].get(key, "absent")
            if assumed != found:
                rows.append({"Model": name, "Key": key, "Assumed": assumed, "Found": found})
    return rows


def fallback(session):
    """Without a GPU: info says why, device cuda is refused with exit code 3, device auto trains on the CPU."""
    problems, figures = [], {}
    if not session.has("gleam"):
        raise Failed(f"there is no build in {session.build}: run the part 'build', or name one with --build")
    cuda = cuda_of(session.gleam("info", "--json").json("gleam info --json"))
    figures["gleam info says"] = cuda["detail"]
    plugin = os.path.join(session.build, "bin", "libgleam_cuda.so")
    figures["CUDA compiled"] = os.path.exists(plugin)
    if cuda["available"]:
        problems.append("gleam info says that there is a GPU")
    elif len(cuda["detail"]) < 20:
        problems.append("gleam info does not say why there is none")
    if os.path.exists(plugin) and "cannot be loaded" in cuda["detail"]:
        problems.append("the plug-in lacks a library")
    refused = training.train(session, "refused", "cuda", "fp32", steps=2)
    figures["device: cuda"] = refused.result.why()
    if refused.result.code != 3:
        problems.append(f"device: cuda ended with exit code {refused.result.code}, not 3")
    auto = training.train(session, "auto", "auto", "fp32", steps=2)
    chosen = next((line for line in auto.result.errors.splitlines() if "device:" in line), "no line about the device")
    figures["device: auto"] = chosen.strip()
    if auto.result.code != 0 or "cpu" not in chosen or len(auto.losses) != 2:
        problems.append(f"device: auto did not train two steps on the CPU ({auto.result.why()})")
    return {**figures, "problems": problems}
