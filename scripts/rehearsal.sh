#!/usr/bin/env bash
# Rehearses Llama-3.1-8B on one host: a model with its shapes and two layers (random bf16 weights) is imported, trained
# for two SFT and two RecPO steps, checkpointed and exported; peak memory stands beside the plan's at the end.
#   scripts/rehearsal.sh          all weights are trained: 24 GB of memory, 65 GB of disk, about ten minutes on 2 cores
#   scripts/rehearsal.sh --lora   adapters of rank 8: 4 GB of memory, 15 GB of disk
# RECPO_PROGRAM names another program than build/cpu-release/recpo.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"

overrides=()
case ${1:-} in
  "") ;;
  --lora) overrides=(model.lora.rank=8 "run.dir=$root/runs/rehearsal_lora") ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) fail "unknown argument $1; see --help" ;;
esac
recpo=${RECPO_PROGRAM:-$root/build/cpu-release/recpo}
deck=$root/inputs/llama31_8b_rehearsal.toml
model=$root/models/llama-3.1-8b-2-layers
run=$root/runs/rehearsal${1:+_lora}

# measured WHAT COMMAND ..: runs it and says how much memory it had resident at most.
measured() {
  say "$1"
  python3 - "${@:2}" <<'PYTHON'
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(f"  {time.monotonic() - start:.1f} s, at most {peak / 1e9:.2f} GB of memory resident", flush=True)
sys.exit(code)
PYTHON
}

start_log
"$root/scripts/fetch.sh" data
"$root/scripts/fetch.sh" tokenizer
[ -x "$recpo" ] || fail "$recpo is not there: build it first (README), or name one in RECPO_PROGRAM"
if [ ! -f "$model/model.safetensors.index.json" ]; then
  rm -rf "$model"
  step "a model with Llama-3.1-8B's shapes in $model" \
    python3 "$root/scripts/random_model.py" --tokenizer "$root/models/llama-3-hf" "$model"
fi
rm -rf "$run"
mkdir -p "$run"
measured "plan" "$recpo" run -i "$deck" --dry-run "${overrides[@]}" | tee "$run/plan.txt"
measured "import" "$recpo" import --model "$model" --output "$run/imported"
rm -rf "$run/imported"
measured "training" "$recpo" run -i "$deck" "${overrides[@]}" 2>&1 | tee "$run/training.txt"
measured "export" "$recpo" export --model "$run/checkpoints/align" --output "$run/exported"
say "planned, total of a rank: $(sed -n 's/^ *total *//p' "$run/plan.txt" | sort -h | tail -n 1)"
say "measured: $(sed -n 's/.*: the program had \(.*\) of host memory.*/\1/p' "$run/training.txt" | tail -n 1)"
