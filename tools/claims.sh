#!/usr/bin/env bash
# Measures what GLEAM claims: flat memory, better images at the same memory, faster steps than recomputation. Writes
# docs/benchmarks/claims.md. A run that was stopped goes on where it was.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/claims.sh --image FILE [--out DIR] [--parts LIST] [--threads N] [--quick] [--skip-build]

  --image FILE  real anatomy: a magnitude volume (.nii, .nii.gz), such as a T1-weighted head. Without it, phantoms only
  --out DIR     folder of data and runs (default: runs/claims). What is finished there is not done again
  --parts LIST  of memory,equal,time,quality (default: all, in this order)
  --threads N   threads (default: those this process may use)
  --quick       the same with few steps and one seed, in about two minutes, to try the script; results in DIR/claims.md
  --skip-build  use build/release/bin/gleam as it is

All parts take about 35 minutes on two free cores. Needs Python 3.9 or later; with PyTorch and h5py it compares memory with
PyTorch, too.
TEXT
}

refuse() { echo "claims.sh: $1 (tools/claims.sh --help lists the options)" >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=yes arguments=()
while (( $# > 0 )); do
    case $1 in
        --image) [[ -r ${2:-} ]] || refuse "--image needs a readable file"; arguments+=(--image "$(realpath -- "$2")"); shift 2 ;;
        --out) [[ -n ${2:-} ]] || refuse "--out needs a folder"; arguments+=(--out "$(realpath -m -- "$2")"); shift 2 ;;
        --parts) [[ -n ${2:-} ]] || refuse "--parts needs a list"; arguments+=(--parts "$2"); shift 2 ;;
        --threads) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "--threads needs a number of at least 1"
                   arguments+=(--threads "$2"); shift 2 ;;
        --quick) arguments+=(--quick); shift ;;
        --skip-build) build=no; shift ;;
        --help|-h) usage; exit 0 ;;
        *) refuse "unknown argument '$1'" ;;
    esac
done
python=${PYTHON:-python3}
command -v "$python" > /dev/null || refuse "there is no $python; install Python 3.9 or later, or name it in the variable PYTHON"

cd "$root"
if [[ $build == yes ]]; then
    cmake --preset release > /dev/null
    cmake --build --preset release --target gleam
fi
exec "$python" tools/claims/claims.py "${arguments[@]}"
