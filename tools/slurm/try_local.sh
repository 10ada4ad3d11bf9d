#!/usr/bin/env bash
# Tries the job scripts beside it against a real Slurm that exists for this purpose only: three nodes that are all this machine,
# with a configuration, a key and sockets in a temporary folder. Stops all of it at the end, also after a failure or Ctrl-C.
set -uo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/slurm/try_local.sh [--install] [--gleam FILE] [--only WORD] [--long]

  --install     install Slurm and munge first, if they are missing (Debian, Ubuntu; needs root or sudo)
  --gleam FILE  the program to try (default: build/release/bin/gleam)
  --only WORD   only the trials whose name contains this word
  --long        also let a rank hang, and a job run into the end of its time, which takes minutes

Exit codes: 0 all trials passed, 1 some failed, 2 it could not begin.
TEXT
}

stop() { printf 'try_local: %s\n' "$@" >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
gleam=$root/build/release/bin/gleam only="" install=no long=no
while (( $# > 0 )); do
    case $1 in
        --install) install=yes; shift ;;
        --gleam) [[ -n ${2:-} ]] || stop "--gleam needs a file"; gleam=$(realpath -m -- "$2"); shift 2 ;;
        --only) [[ -n ${2:-} ]] || stop "--only needs a word"; only=$2; shift 2 ;;
        --long) long=yes; shift ;;
        --help|-h) usage; exit 0 ;;
        *) stop "unknown argument '$1' (--help lists the options)" ;;
    esac
done

# ---- programs ----------------------------------------------------------------------------------------------------------------

PATH=$PATH:/usr/sbin:/sbin
unset "${!SLURM_@}" "${!SBATCH_@}" "${!SRUN_@}" "${!GLEAM_@}"  # of a job that this may run in
programs_there() {
    local program
    for program in munged munge slurmctld slurmd sbatch; do command -v "$program" >/dev/null || return 1; done
}
install_programs() {
    local as_root=(env DEBIAN_FRONTEND=noninteractive apt-get)
    (( EUID == 0 )) || as_root=(sudo "${as_root[@]}")
    "${as_root[@]}" update -qq && "${as_root[@]}" install -y -qq --no-install-recommends munge slurmctld slurmd slurm-client
}
if ! programs_there && [[ $install == yes ]]; then install_programs || stop "the installation failed"; fi
programs_there || stop "munge, slurmctld, slurmd or slurm-client is missing; --install installs them"
[[ -x $gleam ]] || stop "$gleam is not there: build it, or name another with --gleam"

# ---- an end to all that was started ------------------------------------------------------------------------------------------

work=$(mktemp -d /tmp/gleam-slurm.XXXXXX) || stop "no temporary folder can be made"
chmod 755 "$work"
export GLEAM_TRY_LOCAL=$work  # every process of ours has it in its environment, down to the ranks
daemons=()                    # in the order of their start

processes_of_ours() { # but this script and its children; with LINE... only those that have these lines in their environment, too
    local line files=(/proc/[0-9]*/environ)
    for line in "GLEAM_TRY_LOCAL=$work" "$@"; do
        mapfile -t files < <((( ${#files[@]} == 0 )) || grep -lsxzF -- "$line" "${files[@]}")
    done
    printf '%s\n' "${files[@]}" | grep -oE '[0-9]+' | grep -vxE "$$|$BASHPID"
}

end_all() {
    local code=$? i pid
    trap '' INT TERM
    if (( ${#daemons[@]} == 5 )); then
        scancel --me --quiet 2>/dev/null
        for (( i = 0; i < 100; ++i )); do [[ -n $(squeue --noheader 2>/dev/null) ]] || break; sleep 0.1; done
    fi
    for (( i = ${#daemons[@]} - 1; i >= 0; --i )); do kill "${daemons[i]}" 2>/dev/null; done
    for pid in "${daemons[@]}"; do wait "$pid" 2>/dev/null; done
    for pid in $(processes_of_ours); do kill -KILL "$pid" 2>/dev/null; done
    rm -rf "$work"
    exit "$code"
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- a Slurm of our own ------------------------------------------------------------------------------------------------------

free_ports() { # free_ports N: the first of N consecutive ones
    local first port
    while :; do
        first=$((20000 + RANDOM % 9000))
        for (( port = first; port < first + $1; ++port )); do
            ! (: 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue 2
        done
        echo "$first"
        return
    done
}

# Nodes count GPUs that they do not have, so that the scripts are tried as they are. A job that was requeued may start again
# after cred_expire seconds (120 by default).
configure() {
    local port user node
    port=$(free_ports 4) user=$(id -un)
    mkdir -p "$work"/{run,state,log,tmp,client}
    (umask 077; head -c 1024 /dev/urandom > "$work/munge.key")
    cat > "$work/client/slurm.conf" <<TEXT
ClusterName=gleam
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$work/run/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/run/slurmctld.pid
SlurmdPidFile=$work/run/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
MpiDefault=none
GresTypes=gpu
NodeName=n[1-3] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 3))] CPUs=16 Gres=gpu:8
PartitionName=normal Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
TEXT
    touch "$work"/gpu{0..7}
    echo "NodeName=n[1-3] Name=gpu File=$work/gpu[0-7]" > "$work/client/gres.conf"
    for node in n1 n2 n3; do  # PMIx takes its folder for that of another node unless each has its own
        mkdir -p "$work/conf-$node" "$work/spool-$node" "$work/tmp/$node"
        cp "$work"/client/*.conf "$work/conf-$node/"
        echo "PMIxCliTmpDirBase=$work/tmp/$node" > "$work/conf-$node/mpi.conf"
    done
    export SLURM_CONF=$work/client/slurm.conf TMPDIR=$work/tmp GLEAM_ROOT=$root GLEAM=$gleam OMP_NUM_THREADS=1
}

daemon() { # daemon NAME COMMAND...: not of our process group, so that Ctrl-C leaves it to end_all
    local name=$1
    shift
    setsid "$@" >"$work/log/$name" 2>&1 </dev/null &
    daemons+=($!)
}

eventually() { # eventually SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        (( SECONDS < end )) || return 1
        sleep 0.1
    done
}

answers() { munge -S "$work/run/munge.socket" -n >/dev/null 2>&1; }
all_idle() { [[ $(sinfo --noheader --Node --partition normal --format %t 2>/dev/null | sort | uniq -c | xargs) == "3 idle" ]]; }

start() {
    local node
    daemon munged munged --foreground --key-file="$work/munge.key" --socket="$work/run/munge.socket" \
        --pid-file="$work/run/munged.pid" --seed-file="$work/munge.seed"
    eventually 10 answers || fail_to_start munged
    daemon slurmctld slurmctld -D -f "$SLURM_CONF"
    for node in n1 n2 n3; do daemon "slurmd-$node" slurmd -D -f "$work/conf-$node/slurm.conf" -N "$node"; done
    eventually 30 all_idle || fail_to_start slurmctld slurmd-n1
}

fail_to_start() { # fail_to_start LOG...
    local log
    for log in "$@"; do echo "--- $log" >&2; tail -n 20 "$work/log/$log" >&2; done
    stop "Slurm does not start; the ends of its logs are above"
}

# ---- trials ------------------------------------------------------------------------------------------------------------------

failures=0 job="" log="" reference=reference
ok() { printf '  %-4s %s\n' "ok" "$1"; }
bad() { printf '  %-4s %s\n' "BAD" "$1"; failures=$((failures + 1)); }
require() { # require TEXT COMMAND...
    local text=$1
    shift
    if "$@"; then ok "$text"; else bad "$text"; fi
}
trial() { # trial NAME: whether it is wanted; says so
    [[ $1 == *"$only"* ]] || return 1
    printf '%s\n' "$1"
}

submit() { # submit OUT SCRIPT OPTION-OF-SBATCH... -- ARGUMENT...
    local out=$work/runs/$1 script=$2 options=()
    shift 2
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    shift
    log=$out.log
    job=$(sbatch --parsable --cpus-per-task=1 --output="$log" "${options[@]}" "$root/tools/slurm/$script.sbatch" \
        "$@" "$work/job.yaml" --out "$out") || bad "sbatch refuses the job"
}
one_node() { submit "$1" one_node --ntasks-per-node=2 --gpus-per-node=2 -- "${@:2}"; }
three_nodes() { submit "$1" several_nodes --nodes=3 --ntasks-per-node=1 --gpus-per-node=1 -- "${@:2}"; }

field() { scontrol --oneliner show job "$job" | grep -oP "(?<=[ ^]$1=)[^ ]*"; } # field NAME: of the job
state_is() { [[ $(field JobState) == "$1" ]]; }
over() { [[ $(field JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|PREEMPTED)$ ]]; }
says() { grep -q -- "$1" "$log" 2>/dev/null; } # says TEXT: the log of the job
has_checkpoint() { [[ -e ${log%.log}/last.h5 ]]; }
same_bits() { cmp -s "$work/runs/$reference/metrics.jsonl" "${log%.log}/metrics.jsonl"; }
equals() { [[ $1 == "$2" ]]; }

ends_well() { # ends_well STARTS: the job, after so many starts, with the bits of one process
    eventually 120 over || bad "the job does not end"
    require "state $(field JobState), exit code $(field ExitCode), $(field Restarts) restarts" \
        equals "$(field JobState) $(field ExitCode) $(field Restarts)" "COMPLETED 0:0 $(($1 - 1))"
    (( $1 == 1 )) ||
        require "it went on from step $(sed -n 's/.*resuming at step //p' "$log" | sort -nu | xargs)" says "resuming at step"
    require "metrics.jsonl is that of one process, byte for byte" same_bits
    (( failures == shown )) || show_log
}

fails() { # fails CODE: the job, and does not start again
    eventually 120 over || bad "the job does not end"
    require "state $(field JobState), exit code $(field ExitCode), $(field Restarts) restarts" \
        equals "$(field JobState) $(field ExitCode) $(field Restarts)" "FAILED $1:0 0"
    (( failures == shown )) || show_log
}

show_log() { # once per failed trial
    shown=$failures
    sed 's/^/       | /' "$log" | tail -n 40
}
shown=0

rank_process() { # rank_process NUMBER: of the job's
    local pid
    for pid in $(processes_of_ours "SLURM_JOB_ID=$job" "SLURM_PROCID=$1"); do
        [[ $(readlink "/proc/$pid/exe") != "$(realpath "$gleam")" ]] || echo "$pid"
    done
}

interrupted() { # interrupted NAME [WORD...] -- HOW...: a job of two ranks, interrupted by HOW when it has a checkpoint
    local name=$1 words=() began
    shift
    while [[ $1 != -- ]]; do words+=("$1"); shift; done
    shift
    one_node "$name" "${words[@]}"
    eventually 60 has_checkpoint || bad "there is no checkpoint after a minute"
    began=$(milliseconds)
    "$@" || bad "$* fails"
    if eventually 60 state_is PENDING; then
        ok "stopped and queued again after $(($(milliseconds) - began)) ms"
    else
        bad "it is not queued again"
    fi
    require "the checkpoint is written" says "the checkpoint is written"
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
signal_batch() { scancel --batch --signal="$1" "$job"; }  # as #SBATCH --signal=B:... does
signal_ranks() { scancel --signal="$1" "$job"; }
requeue() { scontrol requeue "$job"; }
preempt() {
    sbatch --quiet --partition=urgent --exclusive --nodes=3 --cpus-per-task=1 --output=/dev/null --wrap "sleep 2"
}

lost_rank() { # lost_rank NUMBER SIGNAL: of the job, when it has a checkpoint
    local began process
    eventually 60 has_checkpoint || bad "there is no checkpoint after a minute"
    process=$(rank_process "$1")
    began=$(milliseconds)
    kill -"$2" "$process" || bad "rank $1 is not there"
    if eventually 90 says "a rank is lost; queued again"; then
        ok "ended by the loss and queued again after $(($(milliseconds) - began)) ms"
    else
        bad "the loss does not end it"
    fi
    ends_well 2
}

replicas() { # replicas NAME [WORD...]
    local reference=two_replicas
    local -x OMPI_MCA_btl=self,tcp  # not shared memory, which takes the nodes for one, but ranks of either for the same
    [[ -e $work/runs/$reference ]] || train_here "$reference" --set parallel.ranks=2 --set parallel.replicas=2
    submit "$1" several_nodes --nodes=2 --ntasks-per-node=2 --gpus-per-node=2 -- "${@:2}" --set parallel.replicas=2
    ends_well 1
}

cancelled() {
    one_node "cancelled"
    eventually 60 has_checkpoint || bad "there is no checkpoint after a minute"
    scancel "$job"
    eventually 60 over || bad "it does not end"
    require "state $(field JobState), $(field Restarts) restarts" equals "$(field JobState) $(field Restarts)" "CANCELLED 0"
    require "the checkpoint is written" says "the checkpoint is written"
    mv "$log" "$log.first"
    one_node "cancelled" --resume
    ends_well 1
}

# Slurm sends the signal of --signal up to half a minute earlier than asked for.
over_time() {
    local reference=over_time steps=(--set training.steps=3000)
    submit "time_limit" one_node --ntasks-per-node=2 --gpus-per-node=2 --time=1 --signal=B:USR1@40 -- "${steps[@]}"
    eventually 400 over || bad "it does not end"
    require "the time was almost over $(grep -c "the time is almost over" "$log") times" says "the time is almost over"
    train_here "$reference" "${steps[@]}"
    ends_well $(($(field Restarts) + 1))
}

crashed() {
    one_node "crashed"
    eventually 60 has_checkpoint || bad "there is no checkpoint after a minute"
    kill -SEGV "$(rank_process 0)" || bad "rank 0 is not there"
    fails 139
}

prepare() {
    local seed=1 set
    for set in train validation; do
        "$gleam" simulate --out "$work/$set.h5" --slices 4 --size 64 --coils 4 --seed $((seed++)) >"$work/log/$set" 2>&1 ||
            stop "gleam simulate failed: $(tail -n 3 "$work/log/$set")"
    done
    cat > "$work/job.yaml" <<TEXT
device: cpu
model: {unrolls: 6, regularizer: {features: 16, blocks: 1}}
training: {batch: 1, steps: 400, log_every: 1, validate_every: 50, checkpoint_every: 50, optimizer: {learning_rate: 1.0e-3}}
parallel: {deadline: 10}
data:
  train: {file: $work/train.h5}
  validation: {file: $work/validation.h5}
  mask: {type: poisson, acceleration: 4, calibration: 12}
TEXT
    mkdir -p "$work/runs"
    train_here reference
}
train_here() { # train_here NAME ARGUMENT...: in one process, without Slurm
    "$gleam" train "$work/job.yaml" --out "$work/runs/$1" "${@:2}" >"$work/log/$1" 2>&1 ||
        stop "gleam train failed: $(tail -n 3 "$work/log/$1")"
}

mpi_there() {
    if [[ ! -e $(dirname "$gleam")/libgleam_mpi.so ]]; then
        echo "skipped: trials with MPI, because gleam was built without"
    elif ! srun --mpi=list 2>&1 | grep -qw pmix; then
        echo "skipped: trials with MPI, because this Slurm has no PMIx"
    else
        return 0
    fi
    return 1
}

trials() {
    local mpi=("") name
    if mpi_there; then mpi+=(pmix); fi
    for name in "${mpi[@]}"; do
        local words=(${name:+--mpi "$name"}) how="${name:+MPI ($name)}"
        how=${how:-no MPI}
        if trial "one node, 2 ranks, $how"; then one_node "one$name" "${words[@]}"; ends_well 1; fi
        if trial "three nodes, 3 ranks, $how"; then three_nodes "three$name" "${words[@]}"; ends_well 1; fi
        if trial "its time is almost over, $how"; then
            interrupted "time$name" "${words[@]}" -- signal_batch USR1
            ends_well 2
        fi
        if [[ $long == yes ]] && trial "rank 1 hangs, $how"; then one_node "hung$name" "${words[@]}"; lost_rank 1 STOP; fi
        if trial "two nodes, 2 replicas of 2 ranks, $how"; then replicas "replicas$name" "${words[@]}"; fi
        if trial "a run is there already, $how"; then one_node "reference" "${words[@]}"; fails 4; fi
        if trial "rank 0 is killed, $how"; then one_node "lost0$name" "${words[@]}"; lost_rank 0 KILL; fi
        if trial "rank 1 is killed, $how"; then one_node "lost1$name" "${words[@]}"; lost_rank 1 KILL; fi
    done
    if trial "scancel --signal=TERM"; then interrupted "term" -- signal_ranks TERM; ends_well 2; fi
    if [[ $long == yes ]] && trial "a time limit of one minute"; then over_time; fi
    if trial "scontrol requeue"; then interrupted "requeue" -- requeue; ends_well 2; fi
    if trial "preemption by an urgent job"; then interrupted "preempted" -- preempt; ends_well 2; fi
    if trial "scancel, then submitted again with --resume"; then cancelled; fi
    if trial "a rank crashes"; then crashed; fi
    if trial "a fault of the configuration"; then one_node "faulty" --set training.batch=-1; fails 2; fi
}

configure
start
printf '%s\n' "$(sinfo --version), $("$gleam" --version 2>/dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) processors"
prepare
trials
printf '%s\n' "$failures failures, $SECONDS s"
(( failures == 0 )) || exit 1
