#!/usr/bin/env python3
"""What PEFT's low-rank adapters learn beside the tiny models of model_golden.py, which runs first.

Writes tests/golden/model/:
  lora.json                 for each deck: loss, grad_norm and rate of six steps; of each adapter's A and B the norm of
                            its update and final values at `samples` (indices into the row-major tensor)
  decks/lora_*.toml         the same runs as decks of recpo

Adapters of rank 4 stand beside all seven projections, or beside three of them. No weights are kept: A begins with the
formula of combinations_golden.py (element i is a function of the tensor's name and i), B with zero. Figures are fp64,
with the distance of an fp32 run beside each, as in model_golden.py.

Needs torch, transformers, tokenizers and peft; takes half a minute.
"""
import argparse
import json
import pathlib

import combinations_golden
import model_golden
import peft
import torch

PROJECTIONS = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj", "gate": "gate_proj", "up": "up_proj",
               "down": "down_proj"}
ALL = {"rank": 4, "alpha": 8.0, "dropout": 0.0, "targets": list(PROJECTIONS)}
SOME = {"rank": 3, "alpha": 4.5, "dropout": 0.0, "targets": ["v", "o", "up"]}
SAMPLES_PER_TENSOR = 4


class AdaptedModel(model_golden.Model):
    def __init__(self, folder, dtype, lora):
        super().__init__(folder, dtype)
        config = peft.LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=lora["dropout"], bias="none",
                                 target_modules=[PROJECTIONS[name] for name in lora["targets"]])
        peft.inject_adapter_in_model(config, self.llama)
        self.llama.to(dtype)
        with torch.no_grad():
            for name, parameter in self.llama.named_parameters():
                if "lora_A" in name:
                    parameter.copy_(combinations_golden.weight(plain_name(name), tuple(parameter.shape)))
                assert "lora_B" not in name or not parameter.any()
                assert parameter.requires_grad == ("lora_" in name)


def plain_name(name):
    """As recpo and PEFT's files have it."""
    return name.replace(".default.", ".")


def runs():
    sft = {"stage": "sft", "rows": "pairs.jsonl"}
    recpo = {"stage": "align", "rows": "sets.jsonl", "align": {"objective": "recpo"}}
    for model in ("tied", "grouped"):
        yield f"lora_sft_{model}", {**sft, "model": model, "lora": ALL}
        yield f"lora_recpo_{model}", {**recpo, "model": model, "lora": ALL}
    yield "lora_some", {**recpo, "model": "grouped", "lora": SOME}


def sample_indices(model):
    generator = torch.Generator().manual_seed(12)
    return {name: torch.randint(parameter.numel(), (SAMPLES_PER_TENSOR,), generator=generator).tolist()
            for name, parameter in model.llama.named_parameters() if parameter.requires_grad}


def golden_run(run, output):
    def make(folder, dtype):
        return AdaptedModel(folder, dtype, run["lora"])

    samples = sample_indices(make(output / run["model"], torch.float32))
    result = model_golden.golden_run(run, output, samples, make)
    for name, weight in result["weights"].items():
        weight["samples"] = samples[name]
    result["weights"] = {plain_name(name): weight for name, weight in result["weights"].items()}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model")
    output = parser.parse_args().output
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    golden = {}
    for name, run in runs():
        (output / "decks" / f"{name}.toml").write_text(model_golden.deck(name, run, "lora_golden.py", "lora.json"))
        golden[name] = golden_run(run, output)
        first, last = golden[name]["steps"][0], golden[name]["steps"][-1]
        distance = max(weight["fp32_difference"] for weight in golden[name]["weights"].values())
        print(f"{name}: loss {first['loss']:.4f} -> {last['loss']:.4f}, fp32 within {distance:.1e} of fp64 weights")
    (output / "lora.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
