#!/usr/bin/env bash
# Submits a sweep to Slurm: one array makes what cells share (rows, SFT), a second runs the cells, a last job writes the
# report. Cells that are done are left out, so the same line continues an interrupted sweep.
#   jobs/submit_sweep.sh DECK.toml [section.key=value ...]
#   RECPO_PARALLEL=4 RECPO_SBATCH="--partition=gpu --time=12:00:00" jobs/submit_sweep.sh DECK.toml
#   --print shows the sbatch lines instead
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=launch.sh
SLURM_SUBMIT_DIR=$PWD source jobs/launch.sh

print=false
words=()
for word in "$@"; do
  case $word in
    --print) print=true ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) words+=("$word") ;;
  esac
done
[ ${#words[@]} -gt 0 ] || fail 64 "name the sweep's deck; see --help"
deck=$(realpath "${words[0]}")
overrides=("${words[@]:1}")
parallel=${RECPO_PARALLEL:+%$RECPO_PARALLEL}  # tasks of an array at a time
read -r -a options <<<"${RECPO_SBATCH:-}"     # for every sbatch

program=$(find_program)
list=$("$program" sweep -i "$deck" --list "${overrides[@]}" 2>/dev/null) ||
  "$program" sweep -i "$deck" --list "${overrides[@]}"  # once more, for its message
# Lines: number, "group", its number, state, name.
cells=$(awk '$2 == "group" && $4 != "done" {printf "%s%s", sep, $1; sep = ","}' <<<"$list")
groups=$(awk '$2 == "group" && $4 != "done" && !seen[$3]++ {printf "%s%s", sep, $3; sep = ","}' <<<"$list")

submit() {  # PART SBATCH-OPTION...: prints the job's number
  local part=$1
  shift
  local line=(sbatch --parsable "${options[@]}" "$@" jobs/recpo_sweep.slurm)
  if $print; then
    printf 'RECPO_SWEEP_PART=%s RECPO_DECK=%s %s\n' "$part" "$deck" "${line[*]}" >&2
    printf 'JOB\n'
  else
    RECPO_SWEEP_PART=$part RECPO_DECK=$deck RECPO_OVERRIDES="${overrides[*]}" "${line[@]}"
  fi
}

if [ -z "$cells" ]; then
  printf 'every cell is done: recpo sweep -i %s writes the report\n' "$deck"
  exit 0
fi
shared=$(submit shared --array="$groups$parallel")
run=$(submit cell --array="$cells$parallel" --dependency="afterok:$shared" --kill-on-invalid-dep=yes)
last=$(submit all --dependency="afterok:$run" --kill-on-invalid-dep=yes)
printf 'jobs: %s (shared), %s (cells), %s (report)\n' "$shared" "$run" "$last"
