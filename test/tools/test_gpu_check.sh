#!/usr/bin/env bash
# gpu_check.sh on this machine, whatever it has, and with scripts in the place of NVIDIA's programs.
#   test_gpu_check.sh ROOT BUILD FOLDER
set -euo pipefail

check=$1/tools/gpu_check.sh modules=$1/tools/gpu build=$2 folder=$3
rm -rf "$folder"
mkdir -p "$folder/fake"
cd "$folder"
unset GLEAM_CHECK_DEVICE GLEAM_REQUIRE_GPU
export PYTHONDONTWRITEBYTECODE=1

expect() { # expect STATUS TEXT ARGUMENT...: the exit status of gpu_check.sh and a part of what it prints
    local status=0 output expected=$1 text=$2
    shift 2
    output=$("$check" --build "$build" "$@" 2>&1) || status=$?
    if (( status != expected )) || [[ $output != *"$text"* ]]; then
        printf 'expected status %d and "%s", got status %d and:\n%s\n' "$expected" "$text" "$status" "$output"
        exit 1
    fi
}
report() { # report OUT EXPRESSION: a value of gpu_check.json, with `parts` for its parts
    python3 -c 'import json, sys; parts = json.load(open(sys.argv[1] + "/gpu_check.json"))["parts"]; print(eval(sys.argv[2]))' "$@"
}
same() { [[ $1 == "$2" ]] || { printf 'expected "%s", got "%s"\n' "$2" "$1"; exit 1; }; }

# This machine: with a GPU the part passes, without one the programs say so.
expect 0 "Everything that was asked for passed." --part device --out real
grep -q "^| device | " real/gpu_check.md
if [[ $(report real 'parts["device"]["status"]') == passed ]]; then
    echo "there is a GPU here: what is said without one was not tried"
    exit 0
fi
same "$(report real 'parts["fallback"]["status"]')" passed
expect 1 "1 of 2 parts passed" --part device --require-gpu --out real
expect 1 "run the part 'build'" --part device --build "$folder/none" --out none

# A GPU that gleam cannot use is a failure. What was found of other parts stays, and what cannot be run replaces nothing.
printf '#!/bin/sh\necho "GPU 0: NVIDIA H200 (UUID: none)"\n' > fake/nvidia-smi
chmod +x fake/nvidia-smi
PATH=$folder/fake:$PATH expect 1 "gleam cannot use the GPU" --part device --out real
same "$(report real '[(name, part["status"]) for name, part in parts.items()]')" "[('device', 'failed'), ('fallback', 'passed')]"
expect 0 "There is no GPU here" --part device --out real
same "$(report real 'parts["device"]["status"]')" failed

# The sanitizer's reports, and a program that never ends.
cat > fake/compute-sanitizer <<'TEXT'
#!/bin/bash
# Trains as it is told to, runs no tests, and reports what each tool could.
for word; do case $word in memcheck|racecheck|synccheck|initcheck) tool=$word ;; esac; done
while (( $# > 0 )) && [[ $1 != */bin/* ]]; do shift; done
if [[ ${1:-} == */gleam ]]; then "$@" 2>&1; fi
say() { printf '========= %s\n' "$@"; }
say COMPUTE-SANITIZER
case $tool in
    memcheck) say "ERROR SUMMARY: 0 errors" ;;
    racecheck)
        say "Error: Race reported between Write access at void gleam::kernels::cu::sum<float>(float*)+0x70 in sum.cu:12" \
            "    and Read access at void gleam::kernels::cu::sum<float>(float*)+0x90 in sum.cu:14 [8 hazards]" "" \
            "RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)"
        exit 86 ;;
    initcheck)
        say "Uninitialized __global__ memory read of size 4 bytes" "    at cudnn::convolution(float*)+0x70" "" "ERROR SUMMARY: 1 error"
        exit 86 ;;
esac
TEXT
chmod +x fake/compute-sanitizer
if [[ -x $build/bin/test_cuda && -e $build/bin/libgleam_emu.so ]]; then
    GLEAM_CHECK_DEVICE=emu PATH=$folder/fake:$PATH expect 1 "sanitizer: failed" --part sanitizer --out sanitizer
    found='{row["Tool"]: row["Result"].split(":")[0] for row in parts["sanitizer"]["figures"]["what was found"] if row["On"] == "training"}'
    same "$(report sanitizer "$found")" \
        "{'memcheck': 'clean', 'racecheck': 'Error', 'synccheck': 'exit code 0', 'initcheck': 'clean; in libraries'}"
fi
python3 - "$modules" "$build" <<'TEXT'
import argparse, sys, time

sys.path.insert(0, sys.argv[1])
import session

s = session.Session(argparse.Namespace(build=sys.argv[2], out="limits", deps=None, python=sys.executable))
s.begin("limits", 1.0)
start = time.monotonic()
result = s.run(["sh", "-c", "echo begun; sleep 100 & sleep 100"])
assert result.timed_out and result.out == "begun\n" and "stopped after" in result.why(), result.why()
assert s.run(["true"]).timed_out, "no time is left for a second program"
assert time.monotonic() - start < 10
TEXT
