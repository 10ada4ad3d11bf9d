"""Building, and the test programs."""

import os
import re
import xml.etree.ElementTree

from session import Failed, Skipped

TARGETS = ["gleam", "gleam-bench-kernels"]
CUDA_TARGETS = ["gleam_plugin_cuda", "test_cuda", "test_greedy_cuda", "describe_gpu"]


def build(session):
    cuda = "ON" if session.device == "cuda" else "AUTO"  # elsewhere what there is of a toolkit is compiled with all the same
    configure = ["cmake", "--preset", "release", "-B", session.build, "-DGLEAM_TESTS=ON", f"-DGLEAM_CUDA={cuda}"]
    configured = session.run(configure).require("cmake")
    said = re.findall(r"^-- (CUDA: .*)$", configured.out, re.MULTILINE)
    with_cuda = bool(said) and "not compiled" not in said[-1]
    with_nccl = re.search(r"^-- NCCL: (?!not there)", configured.out, re.MULTILINE)
    targets = TARGETS + (CUDA_TARGETS if with_cuda else []) + (["gleam_plugin_nccl", "test_nccl"] if with_nccl else [])
    targets += ["gleam_plugin_emu"] if session.device == "emu" else []
    result = session.run(["cmake", "--build", session.build, "--parallel", str(session.jobs), "--target", *targets])
    figures = {"CUDA": said[-1] if said else "not mentioned", "processes": session.jobs, "seconds": round(result.seconds, 1)}
    if result.code != 0 or result.timed_out:
        errors = [line for line in (result.out + result.errors).splitlines() if re.search(r"error|FAILED|undefined", line)]
        raise Failed(f"the build: {result.why()}", {**figures, "messages": errors[:10]})
    return figures


def tests(session):
    report = os.path.join(session.out, "tests.xml")
    if os.path.exists(report):
        os.remove(report)
    at_once = str(max(1, min(4, session.jobs // 2)))
    command = ["ctest", "--test-dir", session.build, "-L", "^cuda$", "--no-tests=error", "--output-on-failure", "--timeout", "300",
               "--parallel", at_once, "--output-junit", report]
    result = session.run(command, OMP_NUM_THREADS="2")
    try:
        cases = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        raise Failed(f"ctest: {result.why()} ({error})") from error
    failed = [case for case in cases if case.get("status") in ("fail", "notrun", "disabled")]
    figures = {
        "tests": len(cases),
        "failed": len(failed),
        "the slowest": [{"Test": c.get("name"), "Seconds": float(c.get("time", 0))}
                        for c in sorted(cases, key=lambda c: -float(c.get("time", 0)))[:5]],
    }
    if failed:
        figures["what failed"] = [{"Test": case.get("name"), "Message": message_of(case)} for case in failed]
    problems = [f"{row['Test']}: {row['Message']}" for row in figures.get("what failed", [])]
    if len(problems) > 3:
        problems[3:] = [f"and {len(problems) - 3} more"]
    if not cases or (result.code != 0 and not failed):
        problems.append(f"ctest: {result.why()}")
    return {**figures, "problems": problems}


def message_of(case):
    """The first assertion that did not hold, from what the test printed."""
    text = "".join(element.text or "" for element in case.iter("system-out"))
    lines = [line.strip() for line in text.splitlines()]
    for i, line in enumerate(lines):
        if "FAILED" in line or "error:" in line:
            return " ".join(part for part in lines[i : i + 6] if part.strip("=-."))[:300]
    return case.get("status", "failed")


def parity(session):
    if not session.has("test_greedy_cuda"):
        raise Skipped("this build has no test_greedy_cuda: it was made without CUDA, or without tests")
    result = session.run([session.program("test_greedy_cuda")])
    rows = [
        {"Precision": precision, "Of": kind, "Largest difference": float(difference), "Limit": float(limit), "Where": where}
        for precision, kind, difference, limit, where in re.findall(
            r"^parity (\S+) (\S+) (\S+) of (\S+) (.*)$", result.out, re.MULTILINE
        )
    ]
    problems = [f"{r['Precision']}: {r['Of']} differ by {r['Largest difference']:.1e} ({r['Where']}), more than {r['Limit']:g}"
                for r in rows if not r["Largest difference"] <= r["Limit"]]
    if result.code != 0 and not problems:
        problems.append(f"test_greedy_cuda: {result.why()}")
    if len(rows) != 9 and not problems:
        problems.append(f"figures of {len(rows)} kinds of arrays came, not of 9")
    return {"relative differences from the float64 reference": rows, "problems": problems}
