#!/usr/bin/env bash
# check_registers.sh on small reports that it must accept or refuse.   test_check_registers.sh SCRIPT FOLDER
set -euo pipefail

script=$1 folder=$2
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

report() { # report NAME REGISTERS SPILLED_BYTES
    printf "ptxas info    : Compiling entry function '%s' for 'sm_90'\n" "$1"
    printf 'ptxas info    : Function properties for %s\n' "$1"
    printf '    0 bytes stack frame, %d bytes spill stores, 0 bytes spill loads\n' "$3"
    printf 'ptxas info    : Used %d registers, used 1 barriers\n' "$2"
}

expect() { # expect STATUS TEXT REPORT: the script's exit status and a part of what it prints
    local status=0 output
    output=$("$script" budgets.txt "$3") || status=$?
    if (( status != $1 )) || [[ $output != *"$2"* ]]; then
        echo "expected status $1 and '$2', got status $status and:"
        echo "$output"
        exit 1
    fi
}

# void gleam::kernels::cu::(anonymous namespace)::sum_kernel<float>(float*), and the same of double
float=_ZN5gleam7kernels2cu12_GLOBAL__N_110sum_kernelIfEEvPT_
double=_ZN5gleam7kernels2cu12_GLOBAL__N_110sum_kernelIdEEvPT_
printf '# a comment\nsum_kernel 40 reason\nsum_kernel<double> 64 another\n' > budgets.txt

{ report "$float" 40 0; report "$double" 64 0; } > good.txt
expect 0 "2 kernels, 0 complaints" good.txt
{ report "$float" 41 0; report "$double" 64 0; } > over.txt
expect 1 "sum_kernel<float> (sm_90) uses 41 registers, its budget is 40" over.txt
{ report "$float" 30 8; report "$double" 64 0; } > spills.txt
expect 1 "sum_kernel<float> (sm_90) spills" spills.txt
{ report "$float" 30 0; report "$double" 64 0; report "${float/sum/max}" 30 0; } > unknown.txt
expect 1 "max_kernel<float> (sm_90) uses 30 registers and has no budget" unknown.txt
report "$float" 30 0 > absent.txt
expect 1 "sum_kernel<double> has a budget" absent.txt
: > empty.txt
expect 1 "name no kernel" empty.txt
