"""Measures what GLEAM claims and writes docs/benchmarks/claims.md; started by tools/claims.sh, whose --help tells more."""

import argparse
import os
import shlex
import sys
import traceback

from laboratory import ROOT, Laboratory, common, note
import memory
import quality
import speed

PARTS = {"memory": memory.unrolls_section, "equal": memory.equal_section, "time": speed.section, "quality": quality.section}
ORDER = ("memory", "quality", "time", "equal")  # on the page


def arguments():
    p = argparse.ArgumentParser(prog="claims.sh")
    p.add_argument("--image")
    p.add_argument("--out")
    p.add_argument("--parts", default=",".join(PARTS))
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--quick", action="store_true")
    options = p.parse_args()
    options.out = options.out or os.path.join(ROOT, "runs/claims" + ("-quick" if options.quick else ""))
    options.seeds = 1 if options.quick else 3
    for part in options.parts.split(","):
        if part not in PARTS:
            common.stop(f"--parts: there is no {part!r}; choose of {', '.join(PARTS)}")
    return options


def page(options, sections):
    shown = [a if not a.startswith(os.sep) else os.path.basename(a) for a in sys.argv[1:]]
    quick = "**This was a quick run to try the script: its figures mean nothing.**\n\n" if options.quick else ""
    image = f" Real anatomy is a magnitude volume (`{os.path.basename(options.image)}`)." if options.image else ""
    body = "\n".join(sections[part] for part in ORDER if part in sections)
    return f"""# What GLEAM claims, measured

Written by

    {shlex.join(['tools/claims.sh', *shown])}

on {common.machine(options.threads)}.{image} Coils, phase and noise are simulated.

{quick}{body}"""


def main():
    options = arguments()
    common.require_gleam()
    laboratory, sections, failed = Laboratory(options), {}, []
    for part in options.parts.split(","):
        note(f"part {part}")
        kept = laboratory.path("sections", part + ".md")
        try:
            text = PARTS[part](laboratory)
            with open(kept, "w") as f:
                f.write(text)
        except (SystemExit, Exception) as error:  # the other parts are worth having
            traceback.print_exc()
            failed.append(part)
            note(f"part {part} FAILED: {error}")
    for part in PARTS:
        kept = laboratory.path("sections", part + ".md")
        if os.path.exists(kept):
            with open(kept) as f:
                sections[part] = f.read()
    results = os.path.join(options.out, "claims.md") if options.quick else os.path.join(ROOT, "docs/benchmarks/claims.md")
    with open(results + ".part", "w") as f:
        f.write(page(options, sections))
    os.replace(results + ".part", results)
    note(f"written to {results}")
    return 1 if failed else 0


sys.exit(main())
