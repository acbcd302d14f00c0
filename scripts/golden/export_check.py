#!/usr/bin/env python3
"""Checks that Transformers loads what `recpo export` wrote, as the model that was meant.

    export_check.py FOLDER [--program build/cpu-release/recpo] [--text "..."]
    export_check.py MODEL --program build/cpu-release/recpo --every-form


1. No tensor is missing or unexpected, and every weight equals the file's bytes, which are read here without the
   safetensors library.
2. The tokenizer gives back the text it encoded.
3. The index, where there is one, names every tensor and the size of all; the companions a source had are there.
4. With --program: `recpo score` gives the log-probabilities that Transformers gives, within float rounding: each is a
   sum over tokens of a log-softmax whose logits are sums of hidden_size products, through every layer.
With --every-form the program exports MODEL (anything `--model` takes) in each element type, whole and in small shards,
and each folder is checked. Needs torch and transformers, so it is no part of the tests.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def read_tensors(folder):
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        content = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", content[:8])
        for name, entry in json.loads(content[8 : 8 + length]).items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            flat = torch.frombuffer(content[begin:end], dtype=DTYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def check_weights(folder):
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", output_loading_info=True)
    wrong = {key: value for key, value in info.items() if value and key != "error_msgs"}
    assert not wrong, f"loading: {wrong}"
    state, tensors = model.state_dict(), read_tensors(folder)
    for name, tensor in tensors.items():
        assert torch.equal(state[name], tensor) and state[name].dtype == tensor.dtype, f"{name} differs"
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    assert set(state) - set(tensors) == tied, set(state) ^ set(tensors)
    print(f"{folder}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values())} weights equal")
    return model


def check_index(folder):
    path = folder / "model.safetensors.index.json"
    if not path.exists():
        assert [file.name for file in folder.glob("*.safetensors")] == ["model.safetensors"]
        return
    index, tensors = json.loads(path.read_text()), read_tensors(folder)
    assert set(index["weight_map"]) == set(tensors)
    assert set(index["weight_map"].values()) == {file.name for file in folder.glob("*.safetensors")}
    assert index["metadata"]["total_size"] == sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    print(f"index: {len(set(index['weight_map'].values()))} shards")


def check_companions(folder, source):
    for name in ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
        if (source / name).exists():
            assert (folder / name).read_bytes() == (source / name).read_bytes(), name


def check_rotary(model, folder):
    """The scaling of config.json reached the frequencies (a wrong key would be ignored in silence)."""
    config = json.loads((folder / "config.json").read_text())
    plain = config["rope_theta"] ** (-torch.arange(0, config["head_dim"], 2, dtype=torch.float64) / config["head_dim"])
    scaled = not torch.allclose(model.model.rotary_emb.inv_freq.double(), plain, rtol=1e-5)
    assert scaled == bool(config["rope_scaling"]), "rope_scaling was not understood"


def check_tokenizer(folder, text):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text, (ids, tokenizer.decode(ids))
    print(f"tokenizer: {len(ids)} tokens give the text back")
    return tokenizer


@torch.no_grad()
def reference_logp(model, tokenizer, end_id, prompt, completion):
    head = tokenizer.encode(prompt)
    tail = tokenizer.encode(completion, add_special_tokens=False) + [end_id]
    logp = model(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
    return sum(logp[len(head) + i - 1, token].item() for i, token in enumerate(tail)), len(tail)


def check_scores(folder, program, model, tokenizer, text):
    model = model.float()
    rows = [{"prompt": text[: len(text) // 2], "completions": [text[len(text) // 2 :], " the", " of the film"]}]
    end_id = model.config.eos_token_id
    end_id = end_id[0] if isinstance(end_id, list) else end_id
    with tempfile.TemporaryDirectory() as scratch:
        source, target = pathlib.Path(scratch, "in.jsonl"), pathlib.Path(scratch, "out.jsonl")
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run([program, "score", "--model", folder, "--input", source, "--output", target], check=True)
        scored = [json.loads(line) for line in target.read_text().splitlines()]
    for row, ours in zip(rows, scored, strict=True):
        for completion, logp, tokens in zip(row["completions"], ours["logp"], ours["tokens"], strict=True):
            expected, count = reference_logp(model, tokenizer, end_id, row["prompt"], completion)
            # float epsilon x terms of a dot product x layers, for each token's log-probability
            bound = 2**-23 * model.config.hidden_size * model.config.num_hidden_layers * count
            print(f"{completion!r}: {logp:.7f}, Transformers {expected:.7f}, bound {bound:.1e}")
            assert tokens == count and abs(logp - expected) <= bound


def check_folder(folder, program, text):
    model = check_weights(folder)
    check_index(folder)
    check_rotary(model, folder)
    tokenizer = check_tokenizer(folder, text)
    if program:
        check_scores(folder, program, model, tokenizer, text)


def check_every_form(source, program, text):
    with tempfile.TemporaryDirectory() as scratch:
        for dtype in ("auto", "float32", "bfloat16", "float16"):
            for shard_bytes in (5_000_000_000, 100_000):
                folder = pathlib.Path(scratch, f"{dtype}-{shard_bytes}")
                subprocess.run([program, "export", "--model", source, "--output", folder, "--dtype", dtype,
                                "--max-shard-bytes", str(shard_bytes)], check=True)
                check_folder(folder, program, text)
                check_companions(folder, source)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", help="recpo, to compare log-probabilities too")
    parser.add_argument("--text", default="the cat sat on the mat of the film, rating 5")
    parser.add_argument("--every-form", action="store_true", help="export the model in every form and check each")
    arguments = parser.parse_args()
    if arguments.every_form:
        check_every_form(arguments.folder, arguments.program, arguments.text)
    else:
        check_folder(arguments.folder, arguments.program, arguments.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
