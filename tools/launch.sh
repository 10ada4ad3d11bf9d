#!/usr/bin/env bash
# Training in several processes on this machine, without MPI: starts a command N times, which meet at a free port.
#   tools/launch.sh 4 build/release/bin/gleam train job.yaml --out runs/a
# SIGTERM and SIGINT (Ctrl-C) go to all of them. The exit code is that of the first that failed, else 0. When one has failed,
# the others have 10 seconds to end by themselves.
set -uo pipefail
set -m  # every process leads a group of its own, so that Ctrl-C comes once: from here

readonly grace=10
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '2,5s/^# //p' "$0"
    exit 0
elif [[ ! ${1:-} =~ ^[1-9][0-9]{0,3}$ ]] || (( $# < 2 )); then
    echo "launch: usage: tools/launch.sh N COMMAND... (N from 1 to 9999)" >&2
    exit 2
fi
count=$1
shift

free_port() { # of those that the system gives to nobody by itself
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (: 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

declare -A running=()  # process: rank
pass_on() { for process in "${!running[@]}"; do kill -"$1" -- "-$process" 2>/dev/null; done; }
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT

GLEAM_RENDEZVOUS=127.0.0.1:$(free_port)
export GLEAM_RENDEZVOUS GLEAM_RANKS=$count GLEAM_JOB=launch-$$
for (( rank = 0; rank < count; ++rank )); do
    GLEAM_RANK=$rank GLEAM_LOCAL_RANK=$rank "$@" </dev/null &
    running[$!]=$rank
done

result=0 killer=""
while (( ${#running[@]} > 0 )); do
    wait -n -p ended "${!running[@]}"
    code=$?
    [[ -n ${ended:-} ]] || continue  # a signal came, and was passed on
    rank=${running[$ended]}
    unset "running[$ended]"
    (( code != 0 && result == 0 )) || continue
    result=$code
    echo "launch: rank $rank ended with exit code $code" >&2
    (sleep "$grace"; pass_on KILL) &
    killer=$!
    disown "$killer"  # its end is no news
done
[[ -z $killer ]] || kill -- "-$killer" 2>/dev/null
exit "$result"
