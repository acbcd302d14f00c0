#!/usr/bin/env python3
"""Checks that PEFT loads the adapters that `recpo export --adapters` wrote, and that they and the merged export are one
model: the checkpoint's, as `recpo score` has it.

    adapter_export_check.py CHECKPOINT --base FOLDER --program build/cpu-release/recpo [--text "..."]

CHECKPOINT holds adapters (a step of checkpoints/sft or checkpoints/align of a run with model.lora.rank > 0) in fp32,
FOLDER is the Hugging Face folder they stand beside. Every tensor of the file must reach a parameter of PEFT's model,
and log-probabilities agree within float rounding. Needs torch, transformers and peft, so it is no part of the tests.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from export_check import check_scores, read_tensors, reference_logp


def export(program, checkpoint, folder, *more):
    subprocess.run([program, "export", "--model", checkpoint, "--output", folder, *more], check=True)
    return folder


def load_with_peft(base, adapters):
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapters).float()
    state = {name.replace(".default.", "."): value for name, value in model.state_dict().items()}
    tensors = read_tensors(adapters)
    assert tensors and set(tensors) == {name for name in state if ".lora_" in name}, "PEFT has other adapters"
    for name, tensor in tensors.items():
        assert torch.equal(state[name], tensor), f"{name} differs"
    assert any(tensor.abs().max() > 0 for name, tensor in tensors.items() if ".lora_B." in name), "nothing was trained"
    print(f"{adapters}: {len(tensors)} tensors, each in PEFT's model")
    return model.eval()


def check_same(base, with_adapters, merged, tokenizer, text):
    frozen = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    ends = frozen.config.eos_token_id
    end_id = ends[0] if isinstance(ends, list) else ends
    for completion in (" the", " of the film", text[len(text) // 2:]):
        question = (tokenizer, end_id, text[: len(text) // 2], completion)
        (ours, count), (whole, _), (without, _) = (reference_logp(model, *question)
                                                   for model in (with_adapters, merged, frozen))
        bound = 2**-23 * frozen.config.hidden_size * frozen.config.num_hidden_layers * count
        print(f"{completion!r}: PEFT {ours:.7f}, merged {whole:.7f}, without adapters {without:.7f}, bound {bound:.1e}")
        assert abs(ours - whole) <= bound < abs(ours - without)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--base", type=pathlib.Path, required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--text", default="the cat sat on the mat of the film, rating 5")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        adapters = export(options.program, options.checkpoint, pathlib.Path(scratch, "adapters"), "--adapters")
        whole = export(options.program, options.checkpoint, pathlib.Path(scratch, "merged"))
        tokenizer = AutoTokenizer.from_pretrained(whole)
        with_adapters = load_with_peft(options.base, adapters)
        print(json.loads((adapters / "adapter_config.json").read_text()))
        merged = AutoModelForCausalLM.from_pretrained(whole, dtype=torch.float32)
        check_same(options.base, with_adapters, merged, tokenizer, options.text)
        check_scores(options.checkpoint, options.program, merged, tokenizer, options.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
