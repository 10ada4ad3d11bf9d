"""What the parts of tools/gpu_check.sh share: folders, environment, and running programs with logs and limits of time."""

import importlib.util
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEVICE = "cuda"


class Failed(Exception):
    """Ends a part: it did not do what it should. `figures` are reported all the same."""

    def __init__(self, reason, figures=None):
        super().__init__(reason)
        self.figures = figures or {}


class Skipped(Exception):
    """Ends a part that cannot be run here."""


class Result:
    def __init__(self, command, code, out, errors, seconds, timed_out):
        self.command, self.code, self.out, self.errors = command, code, out, errors
        self.seconds, self.timed_out = seconds, timed_out

    def why(self):
        """A line about how it ended."""
        if self.timed_out:
            return f"stopped after {self.seconds:.0f} s, its limit"
        lines = [line for line in (self.out + "\n" + self.errors).splitlines() if line.strip()]
        return f"exit code {self.code}: {lines[-1].strip()[:300] if lines else 'no output'}"

    def require(self, what):
        if self.code != 0 or self.timed_out:
            raise Failed(f"{what}: {self.why()}")
        return self

    def json(self, what):
        self.require(what)
        try:
            return json.loads(self.out[self.out.index("{") :])
        except ValueError as error:
            raise Failed(f"{what}: printed no JSON ({error})") from error


class Session:
    def __init__(self, options):
        self.options = options
        self.build = os.path.abspath(options.build)
        self.out = os.path.abspath(options.out)
        # Not in the help: another device in the GPU's place, to try the parts where there is no GPU (emu, which tests build).
        self.device = os.environ.get("GLEAM_CHECK_DEVICE") or DEVICE
        self.jobs = len(os.sched_getaffinity(0))
        self.env = dict(os.environ)
        self.part, self.deadline = "setup", None
        self.lock = threading.Lock()
        os.makedirs(self.out, exist_ok=True)
        if options.deps:
            self.adopt(os.path.abspath(options.deps))
        self.find_cudnn()

    # ---- environment ---------------------------------------------------------------------------------------------------------

    def adopt(self, folder):
        """Takes over what the environment.sh of tools/offline_deps.sh sets."""
        script = os.path.join(folder, "environment.sh")
        if not os.path.exists(script):
            raise SystemExit(f"gpu_check: --deps: there is no {script}; tools/offline_deps.sh DIR makes such a folder")
        shown = subprocess.run(["bash", "-euc", f". {shlex.quote(script)} && env -0"], stdout=subprocess.PIPE)
        if shown.returncode:
            raise SystemExit(f"gpu_check: --deps: {script} failed; its message is above")
        self.env = dict(entry.split("=", 1) for entry in shown.stdout.decode().split("\0") if "=" in entry)

    def find_cudnn(self):
        """cuDNN may be a package of the Python that runs this, which CMake does not look into by itself."""
        usual = ("/usr/local/cuda/include", "/usr/include", f"/usr/include/{platform.machine()}-linux-gnu")
        if "CUDNN_ROOT" in self.env or any(os.path.exists(os.path.join(folder, "cudnn.h")) for folder in usual):
            return
        try:
            found = importlib.util.find_spec("nvidia.cudnn")
        except ModuleNotFoundError:
            found = None
        for folder in found.submodule_search_locations if found else []:
            if os.path.exists(os.path.join(folder, "include", "cudnn.h")):
                self.env["CUDNN_ROOT"] = folder

    def program(self, name):
        path = os.path.join(self.build, "bin", name)
        if not os.access(path, os.X_OK):
            raise Failed(f"there is no {path}: run the part 'build' first, or name a build with --build")
        return path

    def has(self, name):
        return os.access(os.path.join(self.build, "bin", name), os.X_OK)

    def folder(self, *names):
        """An empty folder of the part at hand."""
        path = os.path.join(self.out, self.part, *names)
        subprocess.run(["rm", "-rf", path], check=True)
        os.makedirs(path)
        return path

    # ---- running programs ----------------------------------------------------------------------------------------------------

    def begin(self, part, seconds):
        self.part, self.deadline = part, time.monotonic() + seconds
        open(self.log(), "w").close()

    def log(self):
        return os.path.join(self.out, self.part + ".log")

    def left(self):
        return max(0.0, self.deadline - time.monotonic()) if self.deadline else 60.0

    def run(self, command, limit=None, cwd=None, **environment):
        """Runs to the end, or to the end of the part's time, or of `limit` seconds; output goes to the part's log."""
        limit = min(limit or self.left(), self.left())
        start, timed_out = time.monotonic(), False
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            if limit <= 0:
                return Result(command, -1, "", "no time was left for it", 0.0, True)
            try:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=cwd or ROOT,
                                           env={**self.env, **environment}, start_new_session=True)
            except OSError as error:
                return Result(command, 127, "", str(error), 0.0, False)
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                timed_out = True
                end_group(process)
            except BaseException:  # Ctrl-C: nothing stays behind
                end_group(process)
                raise
            texts = [read(f) for f in (out, errors)]
        result = Result(command, process.returncode, *texts, time.monotonic() - start, timed_out)
        self.note(result, environment)
        return result

    def note(self, result, environment):
        ended = f"stopped after {result.seconds:.1f} s" if result.timed_out else f"exit code {result.code}, {result.seconds:.1f} s"
        settings = "".join(f"{key}={shlex.quote(value)} " for key, value in environment.items())
        with self.lock, open(self.log(), "a") as f:
            f.write(f"$ {settings}{shlex.join(result.command)}\n{result.out}{result.errors}[{ended}]\n\n")

    def gleam(self, *arguments, **keywords):
        return self.run([self.program("gleam"), *arguments], **keywords)


def read(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def end_group(process):
    """Ends a process and those it started, first kindly."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(5)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            pass


def say(text):
    print(text, flush=True)
    sys.stdout.flush()
