#!/bin/bash
# Makes the cases of test_trace.cpp anew: data, configuration and weights by the generator of the float64 reference (a PyTorch
# program with the commands gen_data.py and gleam_oracle), and what it computes from them.
#
#   test/greedy/parity/make_cases.sh FOLDER_OF_THE_REFERENCE
set -euo pipefail
reference=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$reference"

# name, arguments of gen_data.py, fields of the configuration
make() {
    local name=$1 data=$2 fields=$3
    echo "$name"
    # shellcheck disable=SC2086  # lists of words
    python3 gen_data.py "$work/case.h5" $data >/dev/null
    # shellcheck disable=SC2086
    python3 -m gleam_oracle init "$work/case.h5" --set $fields >/dev/null
    python3 -m gleam_oracle run "$work/case.h5" "$work/ref.h5" --dtype f64 --dump last >/dev/null
    python3 "$here/pack.py" "$work/case.h5" "$here/$name.case.h5"
    python3 "$here/pack.py" "$work/ref.h5" "$here/$name.ref.h5"
    rm -f "$work"/*.h5
}

small="features=3 lr=1e-3 steps=2 cg_iters=5 lamda=0.5"
make single_row "--shape 1 17 --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd num_unrolls=3 kernel_size=1 mode=e2e batch_size=2 learn_step=true"
make primes_five_modules "--shape 13 7 --n 3 --coils 5 --accel 2 --calib 2 --mask random" \
    "$small arch=modl num_unrolls=5 num_layers=3 mode=greedy batch_size=3 learn_lambda=true cg_per_sample=true"
make uncentred_learned_step "--shape 10 12 --n 2 --coils 3 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd num_unrolls=4 num_modules=2 num_resblocks=1 mode=greedy learn_step=true fft_centered=false"
make two_modules_whole_batch "--shape 11 13 --n 4 --coils 3 --accel 2 --calib 2 --mask random" \
    "$small arch=modl num_unrolls=4 num_modules=2 num_layers=3 mode=greedy batch_size=2 learn_lambda=true"
make single_coil "--shape 8 7 --n 1 --coils 1 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd num_unrolls=5 num_resblocks=1 mode=e2e"
make kernel_five "--shape 7 9 --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd num_unrolls=2 num_resblocks=1 kernel_size=5 mode=greedy batch_size=2"
make lines_pgd "--shape 12 11 --n 2 --coils 3 --accel 2 --calib 2 --mask lines" \
    "$small arch=pgd num_unrolls=2 mode=greedy batch_size=2"
make lines_modl "--shape 9 10 --n 2 --coils 3 --accel 2 --calib 2 --mask lines" \
    "$small arch=modl num_unrolls=2 num_layers=2 mode=adgl batch_size=2 lamda=0.05"
make volume_modl "--shape 3 7 6 --kind 3d --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=modl ndim=3 num_unrolls=2 num_layers=3 mode=greedy batch_size=2"
make series_of_one_frame "--shape 1 7 6 --kind 2dt --n 2 --coils 3 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd ndim=3 fft_axes=hw num_unrolls=2 num_resblocks=1 mode=e2e batch_size=2 learn_step=true"
make series_modl "--shape 4 7 6 --kind 2dt --n 2 --coils 3 --accel 2 --calib 2 --mask random" \
    "$small arch=modl ndim=3 fft_axes=hw num_unrolls=2 num_layers=3 mode=e2e learn_lambda=true cg_per_sample=true batch_size=2"
make mel_learned_lambda "--shape 9 8 --n 3 --coils 3 --accel 2 --calib 2 --mask random" \
    "$small arch=modl num_unrolls=4 num_layers=3 mode=mel mel_checkpoints=1 batch_size=2 learn_lambda=true cg_iters=8 cg_per_sample=true"
make mel_volume "--shape 3 7 6 --kind 3d --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=modl ndim=3 num_unrolls=3 num_layers=2 mode=mel mel_reverse_iters=3 lamda=1"
make gradcp_pgd "--shape 8 11 --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd num_unrolls=4 num_resblocks=1 mode=gradcp batch_size=2"
make series_pgd "--shape 3 8 7 --kind 2dt --n 2 --coils 2 --accel 2 --calib 2 --mask random" \
    "$small arch=pgd ndim=3 fft_axes=hw num_unrolls=4 num_modules=2 num_resblocks=1 mode=greedy"
