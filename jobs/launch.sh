# What the job scripts share; they source it. It finds the repository, starts the program under mpirun, passes the
# scheduler's warning on, and turns the program's ending into the job's.
#   RECPO_DECK          another deck
#   RECPO_PROGRAM       another binary; left out: the first build there is of cuda-h100, cuda-a6000, cpu-release
#   RECPO_OVERRIDES     section.key=value ..., before the deck's
#   RECPO_RANKS         ranks; left out: Slurm's tasks
#   RECPO_MAX_REQUEUE   how often a job that stopped in order is put back into the queue (default 20)
# shellcheck shell=bash
set -euo pipefail

# Slurm runs a copy of the script: the repository is where sbatch was called.
root=${SLURM_SUBMIT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
readonly stopped=75  # the program's exit code for: a complete checkpoint, submit again
# shellcheck source-path=SCRIPTDIR source=environment.sh
source "$root/jobs/environment.sh"

fail() {  # CODE MESSAGE
  printf '%s: %s\n' "${SLURM_JOB_NAME:-recpo}" "$2" >&2
  exit "$1"
}

find_program() {
  local preset
  if [ -n "${RECPO_PROGRAM:-}" ]; then
    [ -x "$RECPO_PROGRAM" ] || fail 64 "RECPO_PROGRAM=$RECPO_PROGRAM is no program"
    printf '%s\n' "$RECPO_PROGRAM"
    return
  fi
  for preset in cuda-h100 cuda-a6000 cpu-release; do
    [ -x "$root/build/$preset/recpo" ] || continue
    printf '%s\n' "$root/build/$preset/recpo"
    return
  done
  fail 64 "no program in $root/build: build one (cmake --build --preset cuda-a6000), or set RECPO_PROGRAM"
}

# Each rank gets neighbouring cores, so that ranks 0, 1, .. sit on the sockets of GPUs 0, 1, ..; where there are fewer
# cores than ranks (a laptop, a test), nothing is bound.
placement() {  # RANKS-OF-A-NODE
  local cores
  cores=$(nproc)
  if [ -n "${SLURM_JOB_ID:-}" ] && [ "$cores" -ge "$1" ]; then
    printf '%s\n' --map-by "slot:PE=$((cores / $1))" --bind-to core
  else
    printf '%s\n' --oversubscribe --bind-to none
  fi
}

# Puts this job back into the queue; Slurm then ends this run of it.
requeue() {
  local limit=${RECPO_MAX_REQUEUE:-20} times=${SLURM_RESTART_COUNT:-0}
  [ -n "${SLURM_JOB_ID:-}" ] || return 0
  if [ "$times" -ge "$limit" ]; then
    printf 'stopped in order, but not queued again: that was done %s times (RECPO_MAX_REQUEUE)\n' "$times" >&2
    return 0
  fi
  printf 'stopped in order: job %s goes back into the queue\n' "$SLURM_JOB_ID"
  scontrol requeue "$SLURM_JOB_ID"
}

# Runs the program on all ranks and ends the job with its exit code; after 75 the job is queued again.
launch() {  # COMMAND ARGUMENT...
  local program child code ranks=${RECPO_RANKS:-${SLURM_NTASKS:-1}}
  local -a overrides start
  program=$(find_program)
  command -v mpirun >/dev/null || fail 64 "mpirun is not on PATH: name your MPI in jobs/environment.sh"
  read -r -a overrides <<<"${RECPO_OVERRIDES:-}"
  mapfile -t start < <(placement "${SLURM_NTASKS_PER_NODE:-$ranks}")
  printf 'mpirun -np %s %s %s %s\n' "$ranks" "$program" "$*" "${overrides[*]}"
  mpirun -np "$ranks" "${start[@]}" "$program" "$@" "${overrides[@]}" &
  child=$!
  # mpirun ends ranks a second after SIGTERM but hands SIGUSR1 on: the program saves and stops in order.
  trap 'kill -USR1 "$child" 2>/dev/null || true' USR1 TERM
  while :; do
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break  # wait also ends for a signal; the program is then still running
  done
  # SIGUSR1 ends only ranks that are so new that they do not listen yet: nothing was begun, which is in order, too.
  if [ "$code" -eq $((128 + $(kill -l USR1))) ]; then code=$stopped; fi
  [ "$code" -ne "$stopped" ] || requeue
  exit "$code"
}
