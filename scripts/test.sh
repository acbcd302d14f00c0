#!/usr/bin/env bash
# Installs what is missing, builds and tests. Ends with the number of tests passed, failed and skipped.
#   scripts/test.sh                   what a change needs: the optimised build; unit tests, tests on up to 4 ranks and of
#                                     the program; structure, format and scripts
#   scripts/test.sh --all [--seed N]  what continuous integration runs: also 8 ranks, Slurm, benchmarks, the sanitizers'
#                                     build and its tests, fuzzing (from a new seed, or N), the GPU builds where nvcc is
#                                     and what can be said of them without a GPU. A skipped test is a failure here.
# Results (JUnit) and the slowest parts of each build are kept in build/log.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"
# shellcheck source-path=SCRIPTDIR source=wheels.sh
source "$root/scripts/wheels.sh"

all=false
export RECPO_FUZZ_SEED=$((RANDOM << 15 | RANDOM))
while [ $# -gt 0 ]; do
  case $1 in
    --all) all=true ;;
    --seed) RECPO_FUZZ_SEED=${2:?a number} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument $1; see --help" ;;
  esac
  shift
done
passed=0
failed=0
skipped=0

build() {  # PRESET [TARGET...]
  local preset=$1
  shift
  step "$preset: configure" cmake -S "$root" --preset "$preset"
  step "$preset: build" cmake --build "$root/build/$preset" --target "${@:-all}" -j "$(nproc)"
  "$root/scripts/build_times.py" "$root/build/$preset/.ninja_log" >"$root/build/log/build-$preset.txt"
}

run_tests() {  # PRESET [CTEST-OPTION...]
  local preset=$1 results=$root/build/log/ctest-$1.xml line counts begin=$SECONDS
  shift
  rm -f "$results"
  say "$preset: tests"
  ctest --test-dir "$root/build/$preset" --output-junit "$results" --test-output-size-passed 1000000 \
    --output-on-failure --no-tests=error -j "$(nproc)" --timeout 1200 "$@" | tee "$root/build/log/ctest-$preset.log" || true
  [ -s "$results" ] || fail "$preset: ctest did not finish"
  line=$("$root/scripts/count_tests.py" "$results")
  read -r -a counts <<<"$line"
  passed=$((passed + counts[0]))
  failed=$((failed + counts[1]))
  skipped=$((skipped + counts[2]))
  say "$preset: tests done in $((SECONDS - begin)) s"
}

# What can be said of the GPU program without a GPU: its device code for each architecture, and cuDNN's word on attention.
check_device_code() {
  local lister architecture
  lister=$(find_cuobjdump)
  for architecture in 86 90; do
    if "$root/scripts/device_code.py" --cuobjdump "$lister" --architecture "$architecture" "$root/build/cuda/recpo"; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
    fi
  done
}

"$root/scripts/setup.sh"
"$root/scripts/fetch.sh" data || say "no data: tests on MovieLens-100K are skipped"
"$root/scripts/fetch.sh" tokenizer || say "no tokenizer: tests on Llama-3's are skipped"
if $all; then "$root/scripts/fetch.sh" model || say "no model: tests on SmolLM2's tokenizer are skipped"; fi
start_log
if ! $all; then
  build cpu-release
  run_tests cpu-release --label-exclude long
else
  build cpu-release all benchmarks
  run_tests cpu-release --label-exclude nested  # more ranks run these cases, too
  build cpu-asan
  run_tests cpu-asan
  build fuzz
  say "fuzz: seed $RECPO_FUZZ_SEED; the same inputs again: scripts/test.sh --all --seed $RECPO_FUZZ_SEED"
  run_tests fuzz
  if command -v nvcc >/dev/null; then
    "$root/scripts/setup.sh" --cuda 86
    build cuda recpo test_cudnn
    run_tests cuda --tests-regex '^test_cudnn$'
    check_device_code
  else
    say "cuda: not compiled, because nvcc is not on PATH"
  fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && { ! $all || [ "$skipped" -eq 0 ]; }
