#!/usr/bin/env bash
# Gives tools/check_tree.sh small trees with one thing wrong each, and expects it to name that thing.
#   test_check_tree.sh CHECK_TREE SCRATCH_FOLDER
set -euo pipefail
check=$1 scratch=$2
failures=0

expect() { # expect MODE STATUS TEXT: the check's exit code and a part of what it prints
    local status=0 output
    output=$("$check" "$1" "$scratch" 2>&1) || status=$?
    if [[ $status != "$2" || $output != *"$3"* ]]; then
        printf 'FAILED: wanted exit code %s and "%s", got %s and:\n%s\n' "$2" "$3" "$status" "$output"
        failures=$((failures + 1))
    fi
}

write() { # write FILE LINE...: a fresh tree that is right, and this file in it
    rm -rf "$scratch"
    mkdir -p "$scratch"/{core,kernels/cpu,modules,data,greedy,tools,test/core}
    printf '#include <vector>\n#include "core/shape.hpp"\n' | tee "$scratch"/{core,kernels,modules,data,greedy,tools,test}/ok.cpp >/dev/null
    local file=$scratch/$1
    shift
    printf '%s\n' "$@" > "$file"
}

write greedy/a.cpp '#include "data/set.hpp"' '#include "modules/sense.hpp"' '#include <yaml-cpp/yaml.h>'
expect includes 0 "0 of them wrong"
write test/core/a.cpp '#include "test/support/catch.hpp"' '#include "tools/args.hpp"'
expect includes 0 "0 of them wrong"
write core/a.hpp '#pragma once' '#include "kernels/fft.hpp"'
expect includes 1 'core/a.hpp:2: "kernels/fft.hpp" is not for core/'
write data/a.cpp '  #  include "modules/sense.hpp"'
expect includes 1 'data/a.cpp:1: "modules/sense.hpp" is not for data/'
write modules/a.hpp '#include "data/set.hpp"'
expect includes 1 'modules/a.hpp:1: "data/set.hpp" is not for modules/'
write kernels/cpu/a.cpp '#include "greedy/stage.hpp"'
expect includes 1 'kernels/cpu/a.cpp:1: "greedy/stage.hpp" is not for kernels/'
write greedy/a.cpp '' '' '#include "tools/args.hpp"'
expect includes 1 'greedy/a.cpp:3: "tools/args.hpp" is not for greedy/'
write tools/a.cpp '#include "test/support/catch.hpp"'
expect includes 1 'tools/a.cpp:1: "test/support/catch.hpp" is not for tools/'
write kernels/cpu/a.cpp '#include "../../greedy/stage.hpp"'
expect includes 1 'kernels/cpu/a.cpp:1: "../../greedy/stage.hpp" does not start with a folder of the top level'
write core/a.cpp '#include "shape.hpp"'
expect includes 1 'core/a.cpp:1: "shape.hpp" does not start with a folder of the top level'
write core/a.cpp '#include <kernels/fft.hpp>'
expect includes 1 'core/a.cpp:1: <kernels/fft.hpp> is ours'

write core/a.cpp
expect top-level 0 ""
write notes.txt
expect top-level 1 "notes.txt: not one of the entries of the top level"
rm -rf "$scratch" && mkdir -p "$scratch"
expect includes 1 "no include was found"

(( failures == 0 )) && echo "all expectations met"
