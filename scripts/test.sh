#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: optimised, then under the address and undefined-behaviour
# sanitizers, then a million inputs for every fuzz target; then compiles both CUDA presets where nvcc is, and asks cuDNN
# whether it takes attention on their GPUs. Ends with the number of tests passed and failed.
#   scripts/test.sh           everything
#   scripts/test.sh --quick   the optimised build only
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"
# shellcheck source-path=SCRIPTDIR source=wheels.sh
source "$root/scripts/wheels.sh"

quick=false
case ${1:-} in
  "") ;;
  --quick) quick=true ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) fail "unknown argument $1; see --help" ;;
esac
passed=0
failed=0

build() {  # PRESET [TARGET...]
  local preset=$1
  shift
  step "$preset: configure" cmake -S "$root" --preset "$preset"
  step "$preset: build" cmake --build "$root/build/$preset" --target "${@:-all}" -j "$(nproc)"
}

run_tests() {  # PRESET [NAME]
  local output=$root/build/log/ctest-$1.log summary
  say "$1: tests"
  ctest --test-dir "$root/build/$1" ${2:+-R "^$2\$"} --output-on-failure --no-tests=error -j "$(nproc)" --timeout 1200 |
    tee "$output" || true
  summary=$(grep -E 'tests passed, [0-9]+ tests failed out of [0-9]+' "$output") || fail "$1: ctest did not finish"
  [[ $summary =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]
  failed=$((failed + BASH_REMATCH[1]))
  passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
}

# The program, further targets of a CUDA preset, and what can be said of the program's device code.
build_cuda() {  # PRESET ARCHITECTURE [TARGET...]
  local preset=$1 architecture=$2 lister
  shift 2
  "$root/scripts/setup.sh" --cuda "$architecture"
  build "$preset" recpo "$@"
  lister=$(find_cuobjdump)
  if "$root/scripts/device_code.py" --cuobjdump "$lister" --architecture "$architecture" "$root/build/$preset/recpo"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

"$root/scripts/setup.sh"
"$root/scripts/fetch.sh" data || say "no data: tests on MovieLens-100K will say that they are skipped"
"$root/scripts/fetch.sh" tokenizer || say "no tokenizer: tests on Llama-3's will say that they are skipped"
start_log
build cpu-release
run_tests cpu-release
if ! $quick; then
  build cpu-asan
  run_tests cpu-asan
  build fuzz
  run_tests fuzz
  if command -v nvcc >/dev/null; then
    # Tests and benchmarks are for machines with a GPU, except cuDNN's word on attention.
    build_cuda cuda-a6000 86 test_cudnn
    run_tests cuda-a6000 test_cudnn
    build_cuda cuda-h100 90
  else
    say "cuda-a6000, cuda-h100: not compiled, because nvcc is not on PATH"
  fi
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
