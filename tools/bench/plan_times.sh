#!/bin/sh
# Times of greedy training steps as `gleam plan` estimates them and as they are, as a Markdown table. Needs the ceilings that
# gleam-bench-ceilings stores.
#   tools/bench/plan_times.sh build/release/bin
set -eu
programs=$1
job=$(mktemp)
trap 'rm -f "$job"' EXIT

# number KEY: the first number under a key of the JSON on standard input
number() { awk -v key="\"$1\":" 'index($0, key) { gsub(/[^0-9.e+-]/, "", $2); print $2; exit }'; }

printf '| Training | GFLOP | Estimate [ms] | Measured [ms] | Ratio |\n|---|---|---|---|---|\n'
# row NAME ARCH FEATURES COILS DEPTH SIDE
row() {
    printf 'model:\n  unrolls: 4\n  physics: %s\n  regularizer: {features: %s, type: %s}\n' "$([ "$5" = 1 ] && echo 2d || echo 3d)" "$3" \
        "$([ "$2" = pgd ] && echo resnet || echo revnet)" > "$job"
    [ "$2" = pgd ] || printf '  data_consistency: {type: conjugate_gradient}\n' >> "$job"
    size=$6x$6
    [ "$5" = 1 ] || size=$5x$size
    plan=$("$programs/gleam" plan "$job" --size "$size" --coils "$4" --strategy greedy --json)
    estimate=$(printf '%s' "$plan" | number seconds) flops=$(printf '%s' "$plan" | number flops)
    measured=$("$programs/gleam-bench-training" --arch "$2" --features "$3" --coils "$4" --depth "$5" --height "$6" --width "$6" \
        --strategy greedy --json | number median)
    awk -v name="$1" -v f="$flops" -v e="$estimate" -v m="$measured" \
        'BEGIN { printf "| %s | %.3g | %.3g | %.3g | %.2f |\n", name, f / 1e9, 1e3 * e, 1e3 * m, m / e }'
}
row 'PGD, 192 x 192, 8 coils, 32 features' pgd 32 8 1 192
row 'PGD, 128 x 128, 12 coils, 96 features' pgd 96 12 1 128
row 'PGD, 128 x 128, 12 coils, 8 features' pgd 8 12 1 128
row 'MoDL, 128 x 128, 12 coils, 32 features' modl 32 12 1 128
row 'PGD, volumes of 24 x 64 x 64, 6 coils, 16 features' pgd 16 6 24 64
