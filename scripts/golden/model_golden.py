#!/usr/bin/env python3
"""Two tiny Llama models and what Transformers computes with them, for tests of import, score, generate and training.

Writes tests/golden/model/:
  tied/, tied_bf16/, grouped/   Hugging Face folders: tied head and as many kv heads as heads (fp32; the same in bf16);
                                untied head, 2 kv heads of 4, Llama-3.1 rotary scaling, two shards, a begin token
  score.json                    for each folder: rows of {prompt, completions, logp, tokens}, end token included
  generate.json                 for each folder: greedy continuations, ids and text
  pairs.jsonl, sets.jsonl       ready rows: one rejected answer; one to three, with ratings and latencies
  training.json                 for each deck: loss, grad_norm and rate of six steps; of each final weight tensor the
                                norm of its update and the values at `samples` (indices into the row-major tensor)
  decks/*.toml                  the same runs as decks of recpo

Needs torch, transformers and tokenizers; takes half a minute; deterministic on one machine. Every sequence is
computed on its own, unpadded. Training runs twice: in fp32 as Transformers is, and in fp64 with rotary angles and
norms in fp64 too. The fp64 figures are the reference; beside each stands how far the fp32 run is from it, which is
the scale of what rounding may do.
"""
import argparse
import json
import math
import pathlib
import random
import shutil

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup
from transformers.models.llama import modeling_llama

STEPS, BATCH, NEW_TOKENS = 6, 4, 12
OPTIMIZER = {"lr": 3e-4, "eps": 1e-6, "weight_decay": 0.05, "warmup_fraction": 0.3, "clip": 1.0}
FLOOR = 1e-6
DEFAULT_RATING, DEFAULT_LATENCY, ALPHA = 3.0, 11.0, 0.5
SAMPLES_PER_TENSOR = 8

FIRST = ["Silent", "Paper", "Golden", "Last", "Hidden", "Northern"]
SECOND = ["Harbor", "Lantern", "Summer", "Garden", "Highway", "Café"]


def title(rng):
    return f"The {rng.choice(FIRST)} {rng.choice(SECOND)} ({rng.randint(1950, 2010)})"


def make_prompt(rng):
    lines = [f"{title(rng)} | Rating: {rng.randint(1, 5)}" for _ in range(rng.randint(1, 3))]
    return "\n".join(lines) + "\nAnswer:"


# Models.

def make_tokenizer(begin):
    rng = random.Random(3)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>"] + (["<|begin_of_text|>", "<|eot_id|>"] if begin else [])
    trainer = trainers.BpeTrainer(vocab_size=284, special_tokens=specials, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator([make_prompt(rng) for _ in range(100)], trainer)
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 1)])
    return tokenizer


SHAPE = dict(vocab_size=284, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=512, rms_norm_eps=1e-5)
CONFIGS = {
    "tied": dict(num_key_value_heads=4, tie_word_embeddings=True, eos_token_id=0,
                 rope_parameters={"rope_type": "default", "rope_theta": 10000.0}),
    # Wavelengths 6.3, 40, 251, 1,589 against 64 / 4 = 16 and 64 / 1 = 64: one frequency kept, one between, two divided.
    "grouped": dict(num_key_value_heads=2, tie_word_embeddings=False, eos_token_id=[0, 2], bos_token_id=1,
                    rope_parameters={"rope_type": "llama3", "rope_theta": 1600.0, "factor": 8.0, "low_freq_factor": 1.0,
                                     "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
}


def make_model(name, seed):
    """Random weights, large enough that attention and rotary angles matter."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, **CONFIGS[name], attn_implementation="sdpa"))
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * (0.3 if "embed" in parameter_name else 0.2))
    return model


def write_models(output):
    tokenizers = {"tied": make_tokenizer(False), "grouped": make_tokenizer(True)}
    tied, grouped = make_model("tied", 1), make_model("grouped", 2)
    tied.save_pretrained(output / "tied")
    tied.to(torch.bfloat16).save_pretrained(output / "tied_bf16")
    grouped.save_pretrained(output / "grouped", max_shard_size="70KB")
    for name in ("tied", "tied_bf16", "grouped"):
        tokenizers[name.split("_")[0]].save(str(output / name / "tokenizer.json"), pretty=False)
        restore_published_rope(output / name / "config.json")
        (output / name / "generation_config.json").unlink(missing_ok=True)


def restore_published_rope(path):
    """The keys of published Llama checkpoints (rope_theta, rope_scaling) instead of the newer rope_parameters."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters", None)
    if rope:
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    path.write_text(json.dumps(config, indent=2) + "\n")


class Model:
    """A folder as Transformers reads it, with its tokenizer and end token."""

    def __init__(self, folder, dtype=torch.float32):
        self.llama = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").to(dtype)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        end = json.loads((folder / "config.json").read_text())["eos_token_id"]
        self.end_id = end[0] if isinstance(end, list) else end
        if dtype == torch.float64:
            use_double(self.llama)

    def tokens(self, prompt, completion):
        """Prompt ids and completion ids of the two as one text; the end token closes the completion."""
        prompt_ids, ids = self.tokenizer.encode(prompt).ids, self.tokenizer.encode(prompt + completion).ids
        assert ids[:len(prompt_ids)] == prompt_ids, "a token spans the boundary"
        return prompt_ids, ids[len(prompt_ids):] + [self.end_id]

    def logp(self, prompt, completion):
        prompt_ids, ids = self.tokens(prompt, completion)
        sequence = torch.tensor([prompt_ids + ids])
        logits = self.llama(input_ids=sequence[:, :-1]).logits[0, len(prompt_ids) - 1:]
        logp = torch.log_softmax(logits, dim=-1).gather(1, sequence[0, len(prompt_ids):, None]).sum()
        return logp, len(ids)


# Transformers computes norms and rotary angles in fp32 whatever the model's type; these take their place in fp64.

def double_norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def double_frequencies(config):
    dim, rope = config.hidden_size // config.num_attention_heads, config.rope_parameters
    frequencies = 1.0 / rope["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    if rope["rope_type"] == "default":
        return frequencies
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    turns = rope["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return frequencies * (kept + (1 - kept) / factor)


def use_double(llama):
    rotary, frequencies = llama.model.rotary_emb, double_frequencies(llama.config)
    torch.testing.assert_close(rotary.inv_freq.double(), frequencies, rtol=1e-6, atol=0)

    def double_rotary(x, position_ids):
        angles = position_ids[:, :, None].double() * frequencies
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    rotary.forward = double_rotary
    for module in llama.modules():
        if isinstance(module, modeling_llama.LlamaRMSNorm):
            module.forward = double_norm.__get__(module)


# Scores and continuations.

def score(folder, rng):
    """log-probs in fp64, and how far fp32 is from them."""
    single, double = Model(folder), Model(folder, torch.float64)
    rows = []
    with torch.no_grad():
        for _ in range(6):
            prompt = make_prompt(rng)
            completions = [" " + title(rng) for _ in range(rng.randint(1, 4))] + ["\n", ""][:rng.randint(0, 2)]
            exact = [double.logp(prompt, completion) for completion in completions]
            rounded = [single.logp(prompt, completion)[0] for completion in completions]
            rows.append({"prompt": prompt, "completions": completions, "logp": [float(logp) for logp, _ in exact],
                         "tokens": [count for _, count in exact],
                         "fp32_difference": max(abs(float(a) - float(b[0])) for a, b in zip(rounded, exact))})
    return rows


def generate(folder, rng):
    """Greedy continuations whose every choice is clear: the best logit leads by far more than rounding can move."""
    model, rows = Model(folder, torch.float64), []
    while len(rows) < 4:
        prompt = make_prompt(rng)
        ids, clear = model.tokenizer.encode(prompt).ids, True
        begin = len(ids)
        with torch.no_grad():
            while len(ids) < begin + NEW_TOKENS and (len(ids) == begin or ids[-1] != model.end_id):
                best = model.llama(input_ids=torch.tensor([ids])).logits[0, -1].topk(2)
                clear = clear and float(best.values[0] - best.values[1]) > 0.02
                ids.append(int(best.indices[0]))
        if clear:
            rows.append({"prompt": prompt, "max_new_tokens": NEW_TOKENS, "ids": ids[begin:],
                         "text": model.tokenizer.decode(ids[begin:])})
    return rows


# Training.

def make_rows(rng):
    pairs, sets = [], []
    for i in range(16):
        prompt, answers = make_prompt(rng), [" " + title(rng) for _ in range(4)]
        pairs.append({"prompt": prompt, "chosen": answers[0], "rejected": answers[1]})
        negatives = 1 + i % 3
        row = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1:1 + negatives]}
        if i % 5 != 4:  # every fifth row takes all defaults
            row["chosen_rating"], row["chosen_latency"] = rng.choice([4, 5]), rng.randint(1, 10)
            row["rejected_rating"] = [rng.choice([None, 1, 2, 4, 5]) for _ in range(negatives)]
            row["rejected_latency"] = [r and rng.randint(1, 10) for r in row["rejected_rating"]]
        sets.append(row)
    return pairs, sets


def utility(rating, latency):
    rating = DEFAULT_RATING if rating is None else rating
    latency = DEFAULT_LATENCY if latency is None else latency
    return rating / latency ** ALPHA


def margins(row, name, strength):
    preferred = utility(row.get("chosen_rating"), row.get("chosen_latency"))
    result = []
    for k in range(len(row["rejected"])):
        other = utility(row.get("rejected_rating", [None] * 3)[k], row.get("rejected_latency", [None] * 3)[k])
        result.append(strength * {
            "ratio": lambda: preferred / other,
            "log-ratio": lambda: math.log(preferred) - math.log(other),
            "log-diff": lambda: math.log(max(1 + preferred - other, FLOOR)),
            "log-diff-printed": lambda: math.log(max(preferred - other, FLOOR)),
        }[name]())
    return result


def set_loss(align, row, logp, reference, lengths):
    """Loss of one preference set; completion 0 is the preferred one."""
    beta, objective = align.get("beta", 1.0), align["objective"]
    if objective == "simpo":
        reward = [beta * value / length for value, length in zip(logp, lengths)]
        return torch.nn.functional.softplus(reward[1] - reward[0] + align.get("simpo_margin", 2.0))
    reward = [beta * (value - ref) for value, ref in zip(logp, reference)]
    added = [0.0] * (len(reward) - 1)
    if objective == "recpo":
        added = margins(row, align.get("margin", "ratio"), align.get("lambda", 2.0))
        form = align.get("margin_form", "pairwise")
        if form == "printed-eq8":
            added = [-value for value in added]
        elif form == "listwise-eq15":
            added = [sum(added)] * len(added)
    terms = [torch.zeros_like(reward[0])] + [value - reward[0] + extra for value, extra in zip(reward[1:], added)]
    return torch.logsumexp(torch.stack(terms), dim=0)


def answers(row):
    rejected = row["rejected"]
    return [row["chosen"]] + ([rejected] if isinstance(rejected, str) else rejected)


def batch_loss(run, model, rows, reference):
    if run["stage"] == "sft":
        scored = [model.logp(row["prompt"], row["chosen"]) for row in rows]
        return -sum(logp for logp, _ in scored) / sum(count for _, count in scored)
    losses = []
    for row in rows:
        scored = [model.logp(row["prompt"], answer) for answer in answers(row)]
        losses.append(set_loss(run["align"], row, [logp for logp, _ in scored], reference[row["prompt"]],
                               [count for _, count in scored]))
    return sum(losses) / len(losses)


def train(run, model, rows):
    """What requires a gradient is trained."""
    with torch.no_grad():
        reference = {row["prompt"]: [model.logp(row["prompt"], answer)[0] for answer in answers(row)] for row in rows}
    assert len(reference) == len(rows)
    named = [(name, parameter) for name, parameter in model.llama.named_parameters() if parameter.requires_grad]
    groups = [{"params": [p for _, p in named if p.dim() == 2], "weight_decay": OPTIMIZER["weight_decay"]},
              {"params": [p for _, p in named if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=OPTIMIZER["lr"], betas=(0.9, 0.999), eps=OPTIMIZER["eps"])
    schedule = get_cosine_schedule_with_warmup(optimizer, math.ceil(OPTIMIZER["warmup_fraction"] * STEPS), STEPS)
    initial = {name: parameter.detach().clone() for name, parameter in named}
    steps = []
    for step in range(STEPS):
        rate = schedule.get_last_lr()[0]
        begin = step * BATCH % len(rows)
        loss = batch_loss(run, model, rows[begin:begin + BATCH], reference)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for _, p in named], OPTIMIZER["clip"])
        optimizer.step()
        schedule.step()
        steps.append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": rate})
    return steps, {name: parameter.detach() for name, parameter in named}, initial


def runs():
    recpo = {"objective": "recpo"}
    yield "sft", {"stage": "sft", "model": "tied", "rows": "pairs.jsonl"}
    yield "sft_grouped", {"stage": "sft", "model": "grouped", "rows": "pairs.jsonl"}
    align = {
        "dpo": ("tied", "pairs.jsonl", {"objective": "dpo", "beta": 0.5}),
        "simpo": ("tied", "pairs.jsonl", {"objective": "simpo", "beta": 2.0, "simpo_margin": 1.5}),
        "s-dpo": ("tied", "sets.jsonl", {"objective": "s-dpo"}),
        "recpo_ratio": ("tied", "sets.jsonl", {**recpo, "margin": "ratio"}),
        "recpo_log-ratio": ("tied", "sets.jsonl", {**recpo, "margin": "log-ratio", "lambda": 1.5}),
        "recpo_log-diff": ("tied", "sets.jsonl", {**recpo, "margin": "log-diff"}),
        "recpo_log-diff-printed": ("tied", "sets.jsonl", {**recpo, "margin": "log-diff-printed"}),
        "recpo_printed-eq8": ("tied", "sets.jsonl", {**recpo, "margin_form": "printed-eq8"}),
        "recpo_listwise-eq15": ("tied", "sets.jsonl", {**recpo, "margin_form": "listwise-eq15"}),
        "recpo_grouped": ("grouped", "sets.jsonl", {**recpo, "beta": 0.7}),
    }
    for name, (model, rows, options) in align.items():
        yield name, {"stage": "align", "model": model, "rows": rows, "align": options}


def deck(name, run, script="model_golden.py", expected="training.json"):
    def section(title, values):
        return f"[{title}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"

    stage = {"steps": STEPS, "global_batch": BATCH, "order": "file", **run.get("align", {})}
    if run["stage"] == "align":
        stage["reference"] = "base"
    lora = section("model.lora", run["lora"]) if "lora" in run else ""
    return (f"# Made by scripts/golden/{script}; expected figures in ../{expected}.\n"
            + section("run", {"dir": f"../../../../runs/golden/{name}", "stages": ["prepare", run["stage"]]})
            + section("data", {"dataset": "rows", "train": f"../{run['rows']}"})
            + section("model", {"path": f"../{run['model']}", "max_tokens": 256, "precision": "fp32"})
            + lora + section("optimizer", OPTIMIZER) + section(run["stage"], stage)).rstrip() + "\n"


def difference(a, b):
    return float((a.double() - b.double()).abs().max())


def sample_indices(folder):
    """Places at which final weights are kept, the same for all runs of a model."""
    generator = torch.Generator().manual_seed(11)
    return {name: torch.randint(parameter.numel(), (SAMPLES_PER_TENSOR,), generator=generator).tolist()
            for name, parameter in Model(folder).llama.named_parameters()}


def golden_run(run, output, samples, make=Model):
    """Trains make(folder, dtype) in both types; `samples` maps names of parameters to indices."""
    folder = output / run["model"]
    rows = [json.loads(line) for line in (output / run["rows"]).read_text().splitlines()]
    rounded_steps, rounded, _ = train(run, make(folder, torch.float32), rows)
    steps, final, initial = train(run, make(folder, torch.float64), rows)
    for step, other in zip(steps, rounded_steps):
        for name in ("loss", "grad_norm"):
            step[f"{name}_fp32_difference"] = float(f"{abs(step[name] - other[name]):.3g}")
    weights = {}
    for name, tensor in final.items():
        values = tensor.flatten()[samples[name]].tolist()
        weights[name] = {"update_norm": float(f"{float((tensor - initial[name]).norm()):.12g}"),
                         "values": [float(f"{value:.12g}") for value in values],
                         "fp32_difference": float(f"{difference(tensor, rounded[name]):.3g}")}
    return {**run, "steps": steps, "weights": weights}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model")
    output = parser.parse_args().output
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    shutil.rmtree(output, ignore_errors=True)
    (output / "decks").mkdir(parents=True)
    write_models(output)

    def write(name, value):
        (output / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")

    folders = ("tied", "tied_bf16", "grouped")
    write("score.json", {name: score(output / name, random.Random(4)) for name in folders})
    write("generate.json", {name: generate(output / name, random.Random(5)) for name in folders})
    for name, rows in zip(("pairs.jsonl", "sets.jsonl"), make_rows(random.Random(6))):
        (output / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    samples = {name: sample_indices(output / name) for name in CONFIGS}
    training = {}
    for name, run in runs():
        (output / "decks" / f"{name}.toml").write_text(deck(name, run))
        training[name] = golden_run(run, output, samples[run["model"]])
        first, last = training[name]["steps"][0], training[name]["steps"][-1]
        distance = max(weight["fp32_difference"] for weight in training[name]["weights"].values())
        print(f"{name}: loss {first['loss']:.4f} -> {last['loss']:.4f}, fp32 within {distance:.1e} of fp64 weights")
    write("training.json", {"samples": samples, "runs": training})


if __name__ == "__main__":
    main()
