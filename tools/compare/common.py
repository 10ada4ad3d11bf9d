"""What the comparisons share: running programs and measuring them from outside, medians of pairs, tables of docs/benchmarks."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GLEAM = os.environ.get("GLEAM", os.path.join(ROOT, "build/release/bin/gleam"))
RESULTS = os.path.join(ROOT, "docs/benchmarks/compare.md")


def stop(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def require_gleam():
    if not os.access(GLEAM, os.X_OK):
        stop(f"there is no {GLEAM}; build it (tools/quickstart.sh does) or name it in the variable GLEAM")


def run(command, environment=None, pause=0.01):
    """Runs a program to its end -> (wall time [s], peak resident size [bytes], what it printed). Stops when it fails.

    The peak is read while the program runs, every `pause` seconds: what the system tells afterwards (ru_maxrss) begins with the size
    of its parent.
    """
    with tempfile.TemporaryFile() as output:
        start, peak = time.perf_counter(), 0
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        while True:
            peak = max(peak, resident_peak(process.pid))
            try:
                process.wait(pause)
                break
            except subprocess.TimeoutExpired:
                pass
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        stop(f"this command failed with exit code {process.returncode}:\n  {' '.join(command)}\n{text[-2000:]}")
    return seconds, peak, text


def resident_peak(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def alternate(pairs, first, second):
    """first(), second(), first(), ... -> two lists. Programs in turn meet the same disturbances."""
    results = [], []
    for _ in range(pairs):
        results[0].append(first())
        results[1].append(second())
    return results


def ratio(numerators, denominators):
    """Median of the ratios of pairs, with the smallest and largest: '1.52 (1.48-1.60)'."""
    ratios = [a / b for a, b in zip(numerators, denominators)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def milliseconds(seconds):
    value = 1e3 * statistics.median(seconds)
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def mebibytes(numbers):
    return f"{statistics.median(numbers) / 2**20:.0f}"


def version_of(command):
    program = shutil.which(command[0])
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() if program else "absent"


def machine(threads):
    model = platform.machine()
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), model)
    gleam = version_of([GLEAM, "info"]).splitlines()
    libraries = " ".join(" ".join(line.split()) + "," for line in gleam if line.split()[:1] in (["FFTW"], ["oneDNN"]))
    return f"{model}, {os.cpu_count()} processors, {threads} threads; {gleam[0]}, {libraries.rstrip(',')}"


def gpu():
    """What gleam says of the GPU."""
    lines = version_of([GLEAM, "info"]).splitlines()
    return next((" ".join(line.split()[2:]) for line in lines if line.split()[:1] == ["cuda"]), "no GPU")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def write_section(name, text, path=RESULTS):
    """Replaces what lies between the marks of `name` in the results, or adds it; the rest stays."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, after = "# Beside PyTorch and BART\n\n", ""
    if os.path.exists(path):
        with open(path) as f:
            before, after = f.read(), ""
        if begin in before:
            before, rest = before.split(begin, 1)
            after = rest.split(end, 1)[1]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w") as f:
        f.write(f"{before.rstrip()}\n\n{begin}\n{text.strip()}\n{end}\n{after.lstrip()}")
    os.replace(path + ".part", path)
