# What the job scripts share; they source it. It finds the repository, starts the program under mpirun, passes the
# scheduler's warning on, and turns the program's ending into the job's.
#   RECPO_DECK          another deck
#   RECPO_PROGRAM       another binary; left out: the first build there is of cuda-h100, cuda-a6000, cpu-release
#   RECPO_OVERRIDES     section.key=value ..., before the deck's
#   RECPO_RANKS         ranks, left out: Slurm's tasks
#   RECPO_MAX_REQUEUE   how often a job that stopped in order is put back into the queue (default 20)
# shellcheck shell=bash
set -euo pipefail

# Slurm runs a copy of the script: the repository is where sbatch was called.
root=${SLURM_SUBMIT_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
readonly stopped=75  # the program's exit code for: a complete checkpoint, submit again

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

# Puts this job back into the queue; Slurm then ends this run of it.
requeue() {
  local limit=${RECPO_MAX_REQUEUE:-20} times=${SLURM_RESTART_COUNT:-0}
  [ -n "${SLURM_JOB_ID:-}" ] || return 0
  if [ "$times" -ge "$limit" ]; then
    printf 'not queued again: that was done %s times (RECPO_MAX_REQUEUE)\n' "$times" >&2
    return 0
  fi
  scontrol requeue "$SLURM_JOB_ID"
}

# Runs the program on all ranks; ends the job with its exit code, after 75 queued again.
launch() {  # COMMAND ARGUMENT...
  local program child code=0
  program=$(find_program)
  command -v mpirun >/dev/null || fail 64 "mpirun is not on PATH: load your MPI module"
  local -a overrides=() start=(mpirun -np "${RECPO_RANKS:-${SLURM_NTASKS:-1}}")
  read -r -a overrides <<<"${RECPO_OVERRIDES:-}"
  [ -n "${SLURM_JOB_ID:-}" ] || start+=(--oversubscribe --bind-to none)  # a user's machine may have fewer cores
  "${start[@]}" "$program" "$@" "${overrides[@]}" &
  child=$!
  # mpirun ends ranks a second after SIGTERM but hands SIGUSR1 on: the program saves and stops in order.
  trap 'kill -USR1 "$child" 2>/dev/null || true' USR1 TERM
  while :; do
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break  # wait also ends for a signal; the program is then still running
  done
  [ "$code" -ne "$stopped" ] || requeue
  exit "$code"
}
