#!/usr/bin/env bash
# Reads what ptxas -v says of the CUDA kernels and fails where one spills, has more registers than its budget, or has no budget.
#   check_registers.sh BUDGETS REPORT...
# BUDGETS has a line for every kernel: its name, alone or with its first template argument, and the most registers it may use; the
# longer name counts. A budget that no kernel has is an error as well.
set -euo pipefail

(( $# >= 2 )) || { echo "usage: check_registers.sh BUDGETS REPORT..." >&2; exit 2; }
budgets=$1
shift
command -v c++filt >/dev/null || { echo "check_registers.sh: c++filt is missing (package binutils)" >&2; exit 2; }

cat "$@" | c++filt | awk -v budgets="$budgets" '
    function fail(text) { print text; bad++ }
    BEGIN {
        while ((getline line < budgets) > 0) {
            if (line ~ /^[ \t]*(#|$)/) continue
            split(line, field, /[ \t]+/)
            limit[field[1]] = field[2]
        }
    }
    /Compiling entry function/ {
        # ... entry function \x27void gleam::kernels::cu::(anonymous namespace)::name<float>(arguments)\x27 for \x27sm_90\x27
        match($0, /sm_[0-9]+/); arch = substr($0, RSTART, RLENGTH)
        name = $0
        sub(/.*entry function ./, "", name)
        gsub(/gleam::|kernels::|cu::|device::|\(anonymous namespace\)::|_GLOBAL__N__[0-9a-zA-Z_]*::/, "", name)
        gsub(/, /, ",", name)
        sub(/\(.*/, "", name); sub(/^void /, "", name); gsub(/ /, "", name)
        kernels++
    }
    /bytes stack frame/ {
        if ($0 !~ / 0 bytes spill stores, 0 bytes spill loads/) fail(name " (" arch ") spills: " $0)
    }
    /Used [0-9]+ registers/ {
        match($0, /Used [0-9]+/); used = substr($0, RSTART + 5, RLENGTH - 5) + 0
        base = name; sub(/<.*/, "", base)
        key = name
        if (match(name, /<[^,>]*/)) key = base substr(name, RSTART, RLENGTH) ">"
        if (!(key in limit)) key = base
        if (!(key in limit)) fail(name " (" arch ") uses " used " registers and has no budget: give it a line in " budgets)
        else if (used > limit[key]) fail(name " (" arch ") uses " used " registers, its budget is " limit[key])
        met[key] = 1
        if (used > most[key]) most[key] = used
    }
    END {
        if (!kernels) fail("the reports name no kernel: was ptxas run with -v?")
        for (key in limit) if (!(key in met)) fail(key " has a budget in " budgets ", but there is no such kernel")
        print kernels + 0 " kernels, " bad + 0 " complaints"
        exit bad > 0
    }'
