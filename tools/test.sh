#!/usr/bin/env bash
# Installs what is missing, then configures, builds and tests: optimised (preset release), with the address and
# undefined-behaviour sanitizers (preset asan), and emulated kernels and parallel ranks with the thread sanitizer (preset tsan). Needs
# neither git nor a writable home folder.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/test.sh [--preset NAME]... [--jobs N] [--skip-deps]

  --preset NAME  only this preset of CMakePresets.json (release, asan, tsan, debug); may be given again. Default: the first three
  --jobs N       compile and test with N processes (default: the number of processors)
  --skip-deps    do not look for or install system packages

CXX chooses the compiler and CMAKE_CXX_COMPILER_LAUNCHER=ccache a compiler cache, both read when a build folder is new.
TEXT
}

refuse() { echo "test.sh: $1 (tools/test.sh --help lists the options)" >&2; exit 2; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
presets=() jobs=$(nproc) install=yes
while (( $# > 0 )); do
    case $1 in
        --preset) [[ -n ${2:-} ]] || refuse "--preset needs a name"; presets+=("$2"); shift 2 ;;
        --jobs) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "--jobs needs a number of at least 1"; jobs=$2; shift 2 ;;
        --skip-deps) install=no; shift ;;
        --help|-h) usage; exit 0 ;;
        *) refuse "unknown argument '$1'" ;;
    esac
done
(( ${#presets[@]} > 0 )) || presets=(release asan tsan)

summary=()
phase() { # phase NAME COMMAND...: runs the command, notes its time, stops the script when it fails
    local name=$1 start=$SECONDS status=0
    shift
    printf '\n=== %s\n' "$name"
    "$@" || status=$?
    summary+=("$(printf '%-22s %4d s' "$name" $((SECONDS - start)))")
    if (( status != 0 )); then
        printf '\n'; printf '%s\n' "${summary[@]}"
        echo "FAILED: $name (exit code $status)"
        exit "$status"
    fi
}

# The leak check stops the program it checks, which some containers forbid; then it cannot run and is switched off.
leak_check() { # prints 1 where it works, else 0
    local folder works=0
    folder=$(mktemp -d)
    echo 'int main() {}' > "$folder/empty.cpp"
    if "${CXX:-g++}" -fsanitize=address "$folder/empty.cpp" -o "$folder/empty" 2>/dev/null &&
        ASAN_OPTIONS=detect_leaks=1 "$folder/empty" 2>/dev/null; then works=1; fi
    rm -r "$folder"
    echo "$works"
}

run_tests() { # run_tests PRESET
    # Two threads a test: enough for parallel regions to be parallel, few enough for several tests at once.
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} OMP_WAIT_POLICY=passive
    if [[ $1 == asan ]]; then
        local leaks
        leaks=$(leak_check)
        (( leaks )) || echo "The leak check is off: this container does not let a program trace itself (ptrace)."
        # A huge allocation returns null, as it does without the sanitizer, so that its handling can be tested.
        # Of damaged files HDF5 itself does not give back all that it has read.
        echo "leak:libhdf5" > build/asan/leaks.txt
        export LSAN_OPTIONS=suppressions=$PWD/build/asan/leaks.txt:print_suppressions=0
        export ASAN_OPTIONS=halt_on_error=1:detect_leaks=$leaks:allocator_may_return_null=1:detect_stack_use_after_return=1
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    fi
    local -a fixed=()
    if [[ $1 == tsan ]]; then
        export OMP_NUM_THREADS=1  # the sanitizer does not know how OpenMP's threads wait for one another
        # Some versions of it cannot live with addresses as random as new kernels make them.
        if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi
    fi
    "${fixed[@]}" ctest --preset "$1" --parallel "$jobs"
}

if [[ $install == yes ]]; then phase "dependencies" tools/install_deps.sh; fi
for preset in "${presets[@]}"; do
    phase "$preset: configure" cmake --preset "$preset" -DGLEAM_TESTS=ON
    phase "$preset: build" cmake --build --preset "$preset" --parallel "$jobs"
    phase "$preset: test" run_tests "$preset"
done

printf '\n'; printf '%s\n' "${summary[@]}"
printf '%-22s %4d s\nAll tests passed (%s).\n' "total" "$SECONDS" "${presets[*]}"
