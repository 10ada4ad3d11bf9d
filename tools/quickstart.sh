#!/usr/bin/env bash
# From nothing to a report: installs what is missing, builds gleam, simulates data, trains the same network module by module
# (greedy) and end to end in the same memory, compares both on test data and writes an HTML report.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/quickstart.sh [--out DIR] [--image FILE] [--seed N] [--steps N] [--jobs N] [--skip-deps]

  --out DIR     folder of the results (default: runs/quickstart in the source tree). Results of an earlier quickstart
                there are kept: their folder gets the time it was made appended to its name
  --image FILE  simulate from this volume (.nii or .nii.gz) instead of from drawn phantoms
  --seed N      seed of everything random (default: 1)
  --steps N     training steps, instead of those in tools/configs/quickstart.yaml
  --jobs N      compile with N processes (default: the number of processors)
  --skip-deps   do not look for or install system packages
TEXT
}

stop() { printf 'quickstart: %s\n' "$@" >&2; exit 2; }
number() { [[ ${2:-} =~ ^[0-9]+$ ]] || stop "$1 needs a whole number"; echo $((10#$2)); }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/runs/quickstart image="" seed=1 steps="" jobs=$(nproc) install=yes
while (( $# > 0 )); do
    case $1 in
        --out) [[ -n ${2:-} ]] || stop "--out needs a folder"; out=$(realpath -m -- "$2"); shift 2 ;;
        --image) [[ -n ${2:-} ]] || stop "--image needs a file"; image=$(realpath -m -- "$2"); shift 2 ;;
        --seed) seed=$(number --seed "${2:-}"); shift 2 ;;
        --steps) steps=$(number --steps "${2:-}"); shift 2 ;;
        --jobs) jobs=$(number --jobs "${2:-}"); shift 2 ;;
        --skip-deps) install=no; shift ;;
        --help|-h) usage; exit 0 ;;
        *) stop "unknown argument '$1' (tools/quickstart.sh --help lists the options)" ;;
    esac
done
[[ -z $image || -r $image ]] || stop "--image: there is no readable file $image"
cd "$root"

# A folder that an earlier quickstart made is moved aside; one that holds anything else is left alone.
if [[ -e $out/quickstart.txt ]]; then
    aside=$out.$(date -r "$out/quickstart.txt" +%Y%m%d-%H%M%S)
    mv -T -- "$out" "$aside"
    echo "quickstart: the earlier results are now in $aside"
elif [[ -e $out && ! -d $out ]]; then
    stop "--out: $out is not a folder"
elif [[ -d $out && -n $(ls -A -- "$out") ]]; then
    stop "--out: $out is not empty and not of an earlier quickstart; name another folder"
fi
mkdir -p -- "$out"
echo "seed $seed, steps ${steps:-as configured}, image ${image:-none (phantoms)}" > "$out/quickstart.txt"

summary=()
step() { # step NAME COMMAND...: prints the command, runs it, notes its time; says what failed and stops when it does
    local name=$1 start=$SECONDS status=0 command
    shift
    command=$(printf '%q ' "$@")
    printf '\n=== %s\n    %s\n' "$name" "$command"
    "$@" || status=$?
    summary+=("$(printf '%-28s %4d s' "$name" $((SECONDS - start)))")
    if (( status != 0 )); then
        printf '\nquickstart: "%s" failed (exit code %d); its message is above. The command was\n  %s\n' "$name" "$status" "$command" >&2
        exit "$status"
    fi
}

if [[ $install == yes ]]; then step "install" tools/install_deps.sh; fi
step "configure" cmake --preset release
step "build" cmake --build --preset release --target gleam --parallel "$jobs"

gleam=build/release/bin/gleam
yaml_text() { printf "'%s'" "${1//\'/\'\'}"; } # any path as a YAML value
train=(tools/configs/quickstart.yaml --set seed="$seed" ${steps:+--set training.steps="$steps"}
       --set data.train.file="$(yaml_text "$out/train.h5")" --set data.validation.file="$(yaml_text "$out/validation.h5")")
simulate=(--size 128 --coils 8)
if [[ -n $image ]]; then   # one volume, three parts of its slices
    train_slices=(--image "$image" --part 0:0.7)
    validation_slices=(--image "$image" --part 0.7:0.85)
    test_slices=(--image "$image" --part 0.85:1)
else                       # phantoms, as many as asked for
    train_slices=(--slices 80) validation_slices=(--slices 10) test_slices=(--slices 20)
fi

step "simulate training data" "$gleam" simulate --out "$out/train.h5" "${train_slices[@]}" "${simulate[@]}" --seed $((3 * seed))
step "simulate validation data" \
    "$gleam" simulate --out "$out/validation.h5" "${validation_slices[@]}" "${simulate[@]}" --seed $((3 * seed + 1))
step "simulate test data" "$gleam" simulate --out "$out/test.h5" "${test_slices[@]}" "${simulate[@]}" --seed $((3 * seed + 2))
step "train greedily" "$gleam" train "${train[@]}" --out "$out/greedy"
step "train end to end" \
    "$gleam" train "${train[@]}" --set training.strategy=end_to_end --set training.modules=0 \
    --same-memory-as "$out/greedy" --out "$out/end_to_end"
step "evaluate" "$gleam" evaluate "$out/test.h5" --method zero_filled --method cg_sense \
    --weights end_to_end="$out/end_to_end/best.h5" --weights greedy="$out/greedy/best.h5" --out "$out/evaluation"
step "report" "$gleam" report --run greedy="$out/greedy" --run end_to_end="$out/end_to_end" \
    --evaluation "$out/evaluation" --out "$out/report.html"

printf '\n'; printf '%s\n' "${summary[@]}"
printf '%-28s %4d s\n\nThe report: %s\n' "total" "$SECONDS" "$out/report.html"
