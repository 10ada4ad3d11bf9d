#!/bin/sh
# Planned against measured memory of twelve short trainings, as a Markdown table.
#   tools/bench/memory_table.sh build/release/bin/gleam FOLDER
# FOLDER is made for data and runs. Fails when an arena is not as large as planned, or a process is further from its plan than
# 10 % and 20 MiB, or when `gleam plan` and `gleam train` do not plan the same.
set -eu
gleam=$(realpath "$1") work=$2
mkdir -p "$work"
cd "$work"
export OMP_NUM_THREADS=2

printf 'training: {steps: 2, log_every: 1}\n' > job.yaml
simulate() { "$gleam" simulate --out "$@" 2> /dev/null; }
simulate slices.h5 --slices 6 --size 192 --coils 8
simulate small.h5 --slices 6 --size 128 --coils 12
simulate sets.h5 --slices 6 --size 128 --coils 8 --sets 2
simulate volume.h5 --physics 3d --slices 2 --size 64 --depth 24 --coils 6
simulate cine.h5 --physics 2d+t --slices 3 --size 96 --frames 8 --coils 6

# field KEY … : the number under nested keys of the JSON on standard input, whose keys have lines of their own
field() {
    awk -v path="$*" 'BEGIN { n = split(path, key, " "); at = 1 }
        index($0, "\"" key[at] "\":") { if (at == n) { gsub(/[^0-9]/, "", $2); print $2; exit } at++ }'
}

failed=0
printf '| Training | Data | Arenas [MiB] | Process, planned [MiB] | Process, measured [MiB] |\n|---|---|---|---|---|\n'
# row NAME DATA STRATEGY KEY=VALUE …
row() {
    name=$1 data=$2 strategy=$3
    shift 3
    set -- training.strategy="$strategy" data.train.file="$data.h5" data.validation.file="$data.h5" data.validation.slices=0:1 \
        threads=2 data.mask.type=random_1d data.mask.acceleration=2 data.mask.calibration=8 "$@"
    for key; do
        shift
        set -- "$@" --set "$key"
    done
    rm -rf run
    "$gleam" train job.yaml --out run "$@" 2> log || { cat log; exit 1; }
    "$gleam" plan job.yaml --json --strategy "$strategy" "$@" > plan.json
    planned=0
    for arena in params activations workspace handoff batch; do
        bytes=$(field memory $arena planned < run/summary.json)
        planned=$((planned + bytes))
        for other in "$(field memory $arena measured < run/summary.json)" "$(field arenas $arena < plan.json)"; do
            [ "$bytes" -eq "$other" ] || { echo "$name: $arena planned $bytes, not $other"; failed=1; }
        done
    done
    start=$(field memory process start < run/summary.json)
    growth=$(($(field memory process planned < run/summary.json) - start)) peak=$(($(field memory process peak < run/summary.json) - start))
    [ "$growth" -eq "$(field process_growth < plan.json)" ] || { echo "$name: gleam plan and gleam train differ"; failed=1; }
    awk -v name="$name" -v data="$data" -v arenas="$planned" -v planned="$growth" -v peak="$peak" 'BEGIN {
        m = 1048576
        printf "| %s | %s | %.1f | %.1f | %.1f |\n", name, data, arenas / m, planned / m, peak / m
        off = planned > peak ? planned - peak : peak - planned
        exit(off > 0.1 * peak + 20 * m)
    }' || failed=1
}

modl="model.data_consistency.type=conjugate_gradient model.regularizer.type=revnet"
spatial="model.unrolls=2 model.regularizer.features=12 model.regularizer.blocks=1"
row 'PGD, greedy' slices greedy model.unrolls=3
row 'PGD, end to end' slices end_to_end model.unrolls=3
row 'PGD, checkpoint' slices checkpoint model.unrolls=6
row 'PGD, batch 3, 16 features' slices greedy model.unrolls=2 training.batch=3 model.regularizer.features=16
row 'PGD, 96 features' small greedy model.unrolls=2 model.regularizer.features=96
row 'PGD, 2 modules, batch 2, average' small greedy model.unrolls=4 training.modules=2 training.batch=2 training.ema=0.9
# shellcheck disable=SC2086  # several words
{
    row 'MoDL, end to end' small end_to_end model.unrolls=3 $modl
    row 'MoDL, invertible' small invertible model.unrolls=4 $modl
    row 'MoDL, gradient unrolled' slices end_to_end model.unrolls=2 $modl model.data_consistency.solver_gradient=unrolled
    row 'PGD, two map sets, 2 x batch 2' sets greedy model.unrolls=2 model.map_sets=2 training.accumulate=2 training.batch=2
    row 'PGD, volumes' volume greedy model.physics=3d $spatial
    row 'PGD, cine, end to end' cine end_to_end model.physics=2d+t $spatial
}
exit $failed
