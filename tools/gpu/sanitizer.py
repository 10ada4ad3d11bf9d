"""compute-sanitizer on the small rows of the table of operations and on two steps of training."""

import concurrent.futures
import os
import re
import shutil

import training
from session import Skipped

# Errors count wherever they are, except that reads of memory that nothing has written are judged in our own kernels only: to know
# them, the tool has to watch NVIDIA's kernels as well, which load whole tiles and leave out what was not written.
OWN = "gleam"
TOOLS = {
    "memcheck": [],
    "racecheck": ["--kernel-name", f"kernel_substring={OWN}"],
    "synccheck": ["--kernel-name", f"kernel_substring={OWN}"],
    "initcheck": [],
}
ERROR_CODE = 86
REPORTS = r"invalid|uninit|race|hazard|barrier|error|warning|out of bounds|leaked"  # how the first line of one begins


def find(session):
    path = shutil.which("compute-sanitizer", path=session.env.get("PATH"))
    for folder in (session.env.get("CUDA_PATH"), session.env.get("CUDA_HOME"), "/usr/local/cuda"):
        beside = os.path.join(folder or "", "bin", "compute-sanitizer")
        if not path and folder and os.access(beside, os.X_OK):
            path = beside
    return path


def errors_in(text):
    """-> errors by the summary (None: it never came), errors in our kernels, the first lines of one of them"""
    summaries = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (\d+) (?:error|hazard)", text)
    reports = [[]]
    for line in text.splitlines():
        if not line.startswith("========="):
            continue  # the program's own
        body = line.lstrip("=").strip()
        if not body:
            reports.append([])
        elif body != "COMPUTE-SANITIZER" and "SUMMARY" not in body:
            reports[-1].append(body)
    reports = [r for r in reports if r and re.search(REPORTS, r[0], re.IGNORECASE)]
    own = [r for r in reports if any(OWN + "::" in line for line in r)]
    example = " / ".join((own or reports or [[]])[0][:3])
    return (int(summaries[-1]) if summaries else None), len(own), example


def judge(tool, what, result):
    """-> row of the table, problem or None"""
    total, own, example = errors_in(result.out + result.errors)
    errors = "no summary" if total is None else total
    row = {"Tool": tool, "On": what, "Errors": errors, "in our kernels": own, "Seconds": result.seconds}
    counts = own if tool == "initcheck" else total
    if total is None or result.timed_out:
        row["Result"] = result.why()
    elif counts:
        row["Result"] = example or "errors"
    elif result.code not in (0, ERROR_CODE):
        row["Result"] = f"the program failed: {result.why()}"
    else:
        row["Result"] = "clean" if not total else f"clean; in libraries: {example}"
        return row, None
    return row, f"{tool} on {what}: {row['Result']}"


def run(session):
    program = find(session)
    if not program:
        raise Skipped("there is no compute-sanitizer here: it is part of the CUDA toolkit")
    session.folder()
    training.dataset(session)
    rows = {}

    def checked(tool):
        command = [program, "--tool", tool, "--error-exitcode", str(ERROR_CODE), "--print-limit", "20", *TOOLS[tool]]
        table = session.program("test_cuda")
        tiny = {"model.unrolls": "1", "model.regularizer.features": "4"}
        found = [
            ("kernels", session.run([*command, table, "[kernels]"])),
            ("training", training.train(session, tool, session.device, "fp32", 2, prefix=command, keys=tiny).result),
            ("libraries", session.run([*command, table, "[libraries]"])),
        ]
        rows[tool] = [judge(tool, what, result) for what, result in found]

    with concurrent.futures.ThreadPoolExecutor(min(len(TOOLS), max(1, session.jobs // 2))) as pool:
        for done in [pool.submit(checked, tool) for tool in TOOLS]:
            done.result()
    judged = [pair for tool in TOOLS for pair in rows[tool]]
    version = session.run([program, "--version"]).out
    return {
        "compute-sanitizer": next((line.strip() for line in version.splitlines() if "ersion" in line), "unknown"),
        "what was found": [row for row, _ in judged],
        "problems": [problem for _, problem in judged if problem],
    }
