#!/usr/bin/env bash
# From nothing to a table: installs what is missing, builds, fetches MovieLens-100K and SmolLM2-135M-Instruct, and runs
# the main job: zero-shot, supervised fine-tuning, RecPO alignment, evaluation, report. A second run continues or only
# shows the table.
#   scripts/quickstart.sh                     the real model, under 25 minutes on two cores
#   scripts/quickstart.sh --tiny              a small random model, minutes
#   scripts/quickstart.sh [--tiny] KEY=VALUE  with keys of the deck changed
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"

deck=quickstart
overrides=()
folder=
for argument in "$@"; do
  case $argument in
    --tiny) deck=quickstart_tiny ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    run.dir=*) folder=$(realpath -m "${argument#*=}") && overrides+=("run.dir=$folder") ;;
    *=*) overrides+=("$argument") ;;
    *) fail "unknown argument $argument; see --help" ;;
  esac
done

say "1/4 installing what is missing"
"$root/scripts/setup.sh"
say "2/4 building"
start_log
step "configure" cmake -S "$root" --preset cpu-release
step "build" cmake --build "$root/build/cpu-release" --target recpo
say "3/4 fetching data and model"
"$root/scripts/fetch.sh" data
[ -z "${RECPO_DATA:-}" ] || overrides+=("data.path=$(realpath "$RECPO_DATA")/ml-100k")
if [ "$deck" = quickstart ]; then
  "$root/scripts/fetch.sh" model
  [ -z "${RECPO_MODELS:-}" ] || overrides+=("model.path=$(realpath "$RECPO_MODELS")/SmolLM2-135M-Instruct")
fi
say "4/4 running inputs/$deck.toml on ${OMP_NUM_THREADS:-$(nproc)} cores"
"$root/build/cpu-release/recpo" run -i "$root/inputs/$deck.toml" "${overrides[@]}"

say "done. The table and the figures: ${folder:-$root/runs/$deck}/report/table.md"
say "next: copy inputs/$deck.toml, name your own data in [data], and run build/cpu-release/recpo -i YOUR.toml"
