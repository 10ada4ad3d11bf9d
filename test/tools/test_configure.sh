#!/usr/bin/env bash
# test_configure.sh SOURCE SCRATCH: GLEAM_CUDA in each of its states, with a toolkit and without one, says what it does.
set -euo pipefail
source_folder=$1 scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch"

failures=0
check() { # check NAME WANTED(0|1) TEXT OPTION...: configures; exits so, and says so
    local name=$1 wanted=$2 text=$3 status=0
    shift 3
    cmake -S "$source_folder" -B "$scratch/$name" -G Ninja -DGLEAM_TESTS=OFF "$@" >"$scratch/$name.log" 2>&1 || status=1
    if (( status != wanted )) || ! tr '\n' ' ' <"$scratch/$name.log" | tr -s ' ' | grep -qF "$text"; then
        echo "$name: exit $status, expected $wanted and '$text':"
        tail -20 "$scratch/$name.log"
        failures=$((failures + 1))
    fi
}

check off 0 "CUDA: not compiled (GLEAM_CUDA is OFF" -DGLEAM_CUDA=OFF
# A folder without libraries hides the system's from find_library, a program that is none from find_program.
printf '#!/bin/sh\nexit 1\n' >"$scratch/nvcc"
chmod +x "$scratch/nvcc"
no_toolkit=("-DGLEAM_NVCC_PROGRAM=$scratch/nvcc")
check auto_without 0 "CUDA: not compiled (GLEAM_CUDA is AUTO, no nvcc)" -DGLEAM_CUDA=AUTO "${no_toolkit[@]}"
check on_without 1 "GLEAM_CUDA is ON, but there is no nvcc" -DGLEAM_CUDA=ON "${no_toolkit[@]}"
printf '#!/bin/sh\necho "Cuda compilation tools, release 13.0, V13.0.88"\n' >"$scratch/nvcc"
check on_without_libraries 1 "GLEAM_CUDA is ON, but there is no cu" -DGLEAM_CUDA=ON "${no_toolkit[@]}" \
    -DGLEAM_CUDNN_LIBRARY=NOTFOUND -DGLEAM_CUFFT_LIBRARY=NOTFOUND -DGLEAM_CUBLAS_LIBRARY=NOTFOUND \
    -DGLEAM_CUDART_STATIC_LIBRARY=NOTFOUND
exit $(( failures > 0 ))
