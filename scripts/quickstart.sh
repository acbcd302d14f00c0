#!/usr/bin/env bash
# From nothing to a table: installs what is missing, builds, fetches MovieLens-100K and SmolLM2-135M-Instruct, and runs
# two legs. A small Llama, trained here from random weights, shows what training and alignment add; a language model
# shows its way: import, zero-shot, SFT, RecPO, export. One report of both. A second run continues or only shows it.
#   scripts/quickstart.sh                        both legs, about a quarter of an hour of running on two cores
#   scripts/quickstart.sh --small | --language   one of them
#   scripts/quickstart.sh --tiny                 a tiny random model, a minute: the way only
#   scripts/quickstart.sh [..] KEY=VALUE         with keys of the decks changed; run.dir=FOLDER instead of runs/...
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"

legs=(small language)
overrides=()
folder=
for argument in "$@"; do
  case $argument in
    --tiny | --small | --language) legs=("${argument#--}") ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    run.dir=*) folder=$(realpath -m "${argument#*=}") ;;
    *=*) overrides+=("$argument") ;;
    *) fail "unknown argument $argument; see --help" ;;
  esac
done
recpo=$root/build/cpu-release/recpo

# Two legs have a folder each below the named one.
if [ ${#legs[@]} -gt 1 ]; then
  small=${folder:-$root/runs}/quickstart language=${folder:-$root/runs}/quickstart_language
else
  small=${folder:-$root/runs/quickstart} language=${folder:-$root/runs/quickstart_language}
fi
tiny=${folder:-$root/runs/quickstart_tiny}

has_leg() { [[ " ${legs[*]} " == *" $1 "* ]]; }

# expect SECONDS WHAT: measured where products run at 230 GFLOP/s in all, scaled by this machine's measured rate.
expect() {
  local rate
  rate=$("$recpo" run --dry-run -i "$root/inputs/quickstart_tiny.toml" "${data[@]}" 2>>"$log" |
    sed -n 's/.* of the peak of \([0-9]*\) x \([0-9.e+-]*\) TFLOP.*/\1 \2/p' | head -n 1 | awk '{print 1000 * $1 * $2}')
  awk -v seconds="$1" -v rate="${rate:-230}" -v what="$2" -v program="$program" 'BEGIN {
    printf "%s: %s: about %.0f min here (products at %.0f GFLOP/s)\n", program, what, seconds * 230 / rate / 60 + 0.5, rate }'
}

say "1/4 installing what is missing"
"$root/scripts/setup.sh"
say "2/4 building"
start_log
step "configure" cmake -S "$root" --preset cpu-release
step "build" cmake --build "$root/build/cpu-release" --target recpo
say "3/4 fetching data and model"
"$root/scripts/fetch.sh" data
data=() models=()
[ -z "${RECPO_DATA:-}" ] || data=("data.path=$(realpath "$RECPO_DATA")/ml-100k")
if has_leg language; then
  "$root/scripts/fetch.sh" model
  [ -z "${RECPO_MODELS:-}" ] || models=("model.path=$(realpath "$RECPO_MODELS")/SmolLM2-135M-Instruct")
fi

say "4/4 running on ${OMP_NUM_THREADS:-$(nproc)} cores"
if has_leg tiny; then
  "$recpo" run -i "$root/inputs/quickstart_tiny.toml" "run.dir=$tiny" "${data[@]}" "${overrides[@]}"
  report=$tiny/report
fi
if has_leg small; then
  expect 280 "the small model"
  "$recpo" sweep -i "$root/inputs/quickstart.toml" "run.dir=$small" "${data[@]}" "${overrides[@]}"
  report=$small/report
fi
if has_leg language; then
  expect 500 "the language model"
  "$recpo" run -i "$root/inputs/quickstart_language.toml" "run.dir=$language" "${data[@]}" "${models[@]}" "${overrides[@]}"
  [ -e "$language/model" ] || "$recpo" export --model "$language/checkpoints/align" --output "$language/model"
  report=$language/report
fi
if has_leg small && has_leg language; then
  report=$small/report
  "$recpo" report --runs "$small/cells" "$language" --output "$report" >/dev/null
fi

say "done. Open $report/index.html; the table is $report/table.md"
say "next: recpo init FOLDER writes a deck for your own ratings (recpo is build/cpu-release/recpo)"
