#!/usr/bin/env bash
# Checks GLEAM on a machine with a GPU, without fetching anything: builds, tests, looks for races and bad accesses, compares with
# references and with the CPU, measures; one report. Where there is no GPU it says so and checks what can be checked.
# tools/gpu_check.sh --help lists parts and options.
set -euo pipefail
command -v python3 >/dev/null || { echo "gpu_check: python3 is missing" >&2; exit 1; }
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$(dirname "${BASH_SOURCE[0]}")/gpu/check.py" "$@"
