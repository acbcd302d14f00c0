#!/usr/bin/env python3
"""Log-probs that Transformers computes for tiny Llama models in every combination of: tied head or not, grouped heads or
not, Llama-3.1 rotary scaling or not, weights stored as float32, bfloat16 or float16.

Writes tests/golden/combinations/logp.json: the prompts and completions, and for each combination config.json as
Transformers writes it and the log-probs in fp64, with the largest distance of an fp32 run from them. No weights are
kept: element i of a tensor is a function of its name and i (below, and in tests/oracle/formula_weights.hpp), so that a
test makes the files itself.

Needs torch, transformers and tokenizers; takes a minute.
"""
import argparse
import itertools
import json
import pathlib
import random
import shutil
import tempfile

import model_golden
import numpy
import torch
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SHAPE = dict(vocab_size=284, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=512, rms_norm_eps=1e-5, eos_token_id=0, bos_token_id=None)
# Wavelengths 6.3, 40, 251, 1,589 against 64 / 4 = 16 and 64 / 1 = 64: one frequency kept, one between, two divided.
SCALED = {"rope_type": "llama3", "rope_theta": 1600.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}


def uniform(name, size):
    """[-1, 1) in steps of 2^-15: FNV-1a of the name, then SplitMix64 of the index."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(seed) + numpy.arange(1, size + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ x >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ x >> numpy.uint64(31)
    return (x >> numpy.uint64(48)).astype(numpy.float64) * 2.0**-15 - 1


def weight(name, shape):
    values = uniform(name, int(numpy.prod(shape)))
    values = 1 + values / 4 if "norm" in name else values / (2 if "embed" in name else 4)
    return torch.from_numpy(values.reshape(shape).astype(numpy.float32))


def make_model(tied, grouped, scaled, dtype):
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, num_key_value_heads=2 if grouped else 4, tie_word_embeddings=tied,
                                         rope_parameters=dict(SCALED if scaled else PLAIN)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weight(name, parameter.shape).to(dtype))
    return model


def make_rows():
    rng = random.Random(8)
    return [{"prompt": model_golden.make_prompt(rng), "completions": [" " + model_golden.title(rng) for _ in range(2)]}
            for _ in range(3)]


def golden(model, rows):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        model.save_pretrained(folder)
        shutil.copy(ROOT / "tests/golden/model/tied/tokenizer.json", folder)
        single, double = model_golden.Model(folder), model_golden.Model(folder, torch.float64)
        config = json.loads((folder / "config.json").read_text())
    pairs = [(row["prompt"], completion) for row in rows for completion in row["completions"]]
    with torch.no_grad():
        exact = [float(double.logp(*pair)[0]) for pair in pairs]
        rounded = [float(single.logp(*pair)[0]) for pair in pairs]
    config.pop("transformers_version", None)
    return {"config": config, "logp": exact,
            "fp32_difference": float(f"{max(abs(a - b) for a, b in zip(exact, rounded)):.3g}")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "tests/golden/combinations/logp.json")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    rows, cases = make_rows(), {}
    for tied, grouped, scaled in itertools.product((True, False), repeat=3):
        for name, dtype in DTYPES.items():
            key = " ".join(["tied" if tied else "untied", "grouped" if grouped else "full",
                            "scaled" if scaled else "plain", name])
            cases[key] = golden(make_model(tied, grouped, scaled, dtype), rows)
            cases[key]["config"]["dtype"] = name
            print(f"{key}: {cases[key]['logp'][0]:.6f}, fp32 within {cases[key]['fp32_difference']:.1e}")
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(case)}" for key, case in cases.items())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f'{{"rows": {json.dumps(rows, ensure_ascii=False)},\n"cases": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
