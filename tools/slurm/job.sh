#!/usr/bin/env bash
# What the job scripts beside this file do on the first node of their job: start the processes, hand signals on, and decide
# whether the job starts again.
#
# It starts again, and continues from its checkpoint, when a signal stopped the training (the end of its time is near) or when a
# process was lost; not when the configuration or the data are at fault, and not when Slurm itself has ended the job, be it
# because somebody wants so (scancel) or because it will start it again anyway (preemption, scontrol requeue, a broken node).
set -uo pipefail

readonly stopped=143 lost=6 killed=137 fault=200

root=${GLEAM_ROOT:-$SLURM_SUBMIT_DIR}
gleam=${GLEAM:-$root/build/release/bin/gleam}
restarts=${SLURM_RESTART_COUNT:-0} most_restarts=${GLEAM_MAX_RESTARTS:-10}
mpi=none
if [[ ${1:-} == --mpi ]]; then mpi=${2:?job.sh: --mpi needs a name; see srun --mpi=list}; shift 2; fi
arguments=("$@")
(( restarts == 0 )) || arguments+=(--resume)

say() { printf 'job %s: %s\n' "$SLURM_JOB_ID" "$*"; }

# The address by which Slurm reaches the first node, where rank 0 is, and a port that follows from the number of the job.
rendezvous() {
    local node address
    node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
    address=$(scontrol show node "$node" | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p')
    echo "${address:-$node}:$((20000 + SLURM_JOB_ID % 10000))"
}

# What srun runs once per rank. srun returns the largest exit code of all: so this makes the cause of an end (a fault of the
# configuration) larger than what follows from it (a lost rank). An MPI that ends a job by killing the others hides the code of a
# crash from srun; the code that a rank gave MPI to end all with (MPI_Abort) is the one srun returns.
# shellcheck disable=SC2016
readonly rank='trap : INT TERM  # for the training, not for this shell
"$@"
code=$?
case $code in
    0|6|130|143) ;;
    137) code=6 ;;  # killed from outside: this is the lost rank
    *) (( code > 127 )) || code=$((200 + code)) ;;
esac
exit "$code"'

start_again() { # start_again WHY: unless Slurm has ended the job, or is about to start it again
    local state
    state=$(squeue --noheader --job "$SLURM_JOB_ID" --format %T)
    if [[ $state != RUNNING ]]; then
        say "$1; Slurm decides what follows"
    elif scontrol requeue "$SLURM_JOB_ID"; then
        say "$1; queued again"
    else
        say "$1, and cannot be queued again: submit it with --requeue, or once more with --resume"
    fi
}

trap 'say "the time is almost over"; scancel --signal=TERM "$SLURM_JOB_ID"' USR1  # the signal goes to the ranks
trap : TERM                                                                       # which have got this one themselves

if [[ $mpi == none ]] && (( SLURM_NTASKS > 1 )); then
    GLEAM_RENDEZVOUS=$(rendezvous)
    export GLEAM_RENDEZVOUS
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
say "start $((restarts + 1)), $SLURM_NTASKS ranks on $SLURM_JOB_NODELIST, MPI: $mpi," \
    "rendezvous: ${GLEAM_RENDEZVOUS:-none}"

# Ranks end together. One that does not is given a minute.
srun --mpi="$mpi" --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0 --wait=60 \
    bash -c "$rank" rank "$gleam" train "${arguments[@]}" &
step=$!
while kill -0 "$step" 2>/dev/null; do wait "$step"; done  # a signal interrupts wait
wait "$step"
code=$?

case $code in
    0) say "done" ;;
    "$stopped") start_again "stopped, the checkpoint is written" ;;
    "$lost"|"$killed")
        code=$lost
        if (( restarts < most_restarts )); then
            start_again "a rank is lost"
        else
            say "a rank is lost, after $restarts restarts (GLEAM_MAX_RESTARTS): look for the cause, then submit with --resume"
        fi ;;
    *)
        (( code <= fault )) || code=$((code - fault))
        say "failed with exit code $code" ;;
esac
exit "$code"
