#!/usr/bin/env bash
# Runs the tutorial's five decks in order (inputs/tutorial/README.md) and checks what its text says of them.
#   scripts/tutorial.sh [--program RECPO] [KEY=VALUE ..] [FOLDER]    outputs go below FOLDER, by default runs/tutorial
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"

recpo=$root/build/cpu-release/recpo
folder=$root/runs/tutorial
overrides=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --program) recpo=${2:?a path} && shift ;;
    *=*) overrides+=("$1") ;;
    *) folder=$(realpath -m "$1") ;;
  esac
  shift
done
decks=$root/inputs/tutorial

# The figures of each step that must not depend on ranks.
losses() { sed -n 's/.*\("stage":"[a-z]*"\).*\("step":[0-9]*\).*\("loss":[^,}]*\).*/\1 \2 \3/p' "$1/metrics.jsonl"; }

say "1/5 own ratings"
"$recpo" -i "$decks/1_own_ratings.toml" "run.dir=$folder/1" "${overrides[@]}"
say "2/5 ready rows"
"$recpo" -i "$decks/2_ready_rows.toml" "run.dir=$folder/2" "${overrides[@]}"
say "3/5 objectives compared"
"$recpo" sweep -i "$decks/3_compare.toml" "run.dir=$folder/3" "${overrides[@]}"
say "4/5 the report"
"$recpo" sweep -i "$decks/4_report.toml" "run.dir=$folder/4" "${overrides[@]}"
say "5/5 two ranks"
mpirun --bind-to none -np 2 "$recpo" -i "$decks/5_two_ranks.toml" "run.dir=$folder/5" "${overrides[@]}"

for number in 1 2 3 4 5; do
  [ -s "$folder/$number/report/index.html" ] || fail "step $number has no report"
done
[ -n "$(losses "$folder/1")" ] || fail "step 1 has no losses"
[ "$(losses "$folder/1")" = "$(losses "$folder/5")" ] || fail "two ranks gave other losses than one"
say "done: open $folder/3/report/index.html"
