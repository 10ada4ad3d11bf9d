#!/usr/bin/env bash
# What handing on an image costs between threads, between processes over TCP and, where there is mpirun, under MPI, as Markdown.
#   tools/bench/handoff.sh [PROGRAMS] > docs/benchmarks/handoff.md       (default: build/release/bin)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=${1:-$root/build/release/bin}
bench=("$programs/gleam-bench-handoff" --repeats 40)
export OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

section() { # section TITLE COMMAND...
    printf '\n## %s\n\n' "$1"
    shift
    "$@" 2>/dev/null | sed 's/^\(.\)/    \1/'
}

cat <<TEXT
# What handing on an image costs

    tools/bench/handoff.sh > docs/benchmarks/handoff.md

\`gleam-bench-handoff\` measures one edge of a pipeline: two ranks with a thread each. *Latency* is the time from handing on an image to
having it, at rest; *each* the time per image when images follow one another at once; *step* the time of computing alone, *with images*
that of computing and handing one on in every step, both by the slower rank, measured in turn; *seen* what the latter takes more.
Steps of real trainings are longer than these 10 ms, and an image of 320 × 256 in single precision has 640 KiB. Every image is written once
by the sender, which is part of what is seen. Between threads nothing is copied. Between processes of one machine the system copies, which
takes the cores that compute here; between GPUs NCCL would not (not measured: nobody had several).

Machine: $(nproc) processors ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)), load average $(cut -d' ' -f1 /proc/loadavg) before.
TEXT
section "Threads" "${bench[@]}"
section "Processes over TCP" "$root/tools/launch.sh" 2 "${bench[@]}"
if command -v mpirun >/dev/null; then
    section "Processes under mpirun" mpirun -n 2 "${bench[@]}"
    section "Processes under mpirun that may not read one another's memory" \
        env OMPI_MCA_btl_vader_single_copy_mechanism=none mpirun -n 2 "${bench[@]}"
fi
