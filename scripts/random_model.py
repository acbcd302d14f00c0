#!/usr/bin/env python3
"""Makes a Hugging Face folder with Llama-3.1-8B's shapes, a few layers and random bfloat16 weights, to rehearse with.

    scripts/random_model.py [--layers 2] [--seed 1] [--shard-bytes 1500000000] --tokenizer FOLDER OUTPUT

Two layers are 1.5 billion weights, 3 GB. Matrices get magnitudes from 2^-7 to 2^-5 with random sign (their root mean
square, 0.02, is that of Llama's initialisation), norms 1. Only the standard library is needed; the same seed gives the
same bytes.
"""
import argparse
import json
import pathlib
import random
import shutil

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 4096,
    "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
    "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 8192, "rope_type": "llama3"},
    "tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False, "initializer_range": 0.02,
    "bos_token_id": 128000, "eos_token_id": 128001, "torch_dtype": "bfloat16"}
PIECE = 1 << 24  # weights made at a time
SIGNED = bytes(0x3C if byte < 128 else 0xBC for byte in range(256))  # the upper half of +-2^-7 .. 2^-5
ONE = b"\x80\x3f"


def parameters(layers):
    hidden, ffn, vocabulary = (CONFIG[key] for key in ("hidden_size", "intermediate_size", "vocab_size"))
    key_value = CONFIG["num_key_value_heads"] * hidden // CONFIG["num_attention_heads"]
    yield "model.embed_tokens.weight", [vocabulary, hidden]
    for layer in range(layers):
        for name, shape in {"self_attn.q_proj": [hidden, hidden], "self_attn.k_proj": [key_value, hidden],
                            "self_attn.v_proj": [key_value, hidden], "self_attn.o_proj": [hidden, hidden],
                            "mlp.gate_proj": [ffn, hidden], "mlp.up_proj": [ffn, hidden],
                            "mlp.down_proj": [hidden, ffn], "input_layernorm": [hidden],
                            "post_attention_layernorm": [hidden]}.items():
            yield f"model.layers.{layer}.{name}.weight", shape
    yield "model.norm.weight", [hidden]
    yield "lm_head.weight", [vocabulary, hidden]


def size(shape):
    return shape[0] * (shape[1] if len(shape) == 2 else 1)


def write_weights(file, shape, rng):
    count = size(shape)
    if len(shape) == 1:
        file.write(ONE * count)
        return
    for begin in range(0, count, PIECE):
        n = min(PIECE, count - begin)
        piece = bytearray(2 * n)
        piece[0::2] = rng.randbytes(n)
        piece[1::2] = rng.randbytes(n).translate(SIGNED)
        file.write(piece)


def write_shard(path, tensors, rng):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + 2 * size(shape)]}
        end += 2 * size(shape)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, shape in tensors:
            write_weights(file, shape, rng)
    return end


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard-bytes", type=int, default=1_500_000_000)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True)
    shutil.copy(options.tokenizer / "tokenizer.json", options.output)
    (options.output / "config.json").write_text(
        json.dumps({**CONFIG, "num_hidden_layers": options.layers}, indent=2) + "\n")
    shards, taken = [[]], 0
    for name, shape in parameters(options.layers):
        if shards[-1] and taken + 2 * size(shape) > options.shard_bytes:
            shards.append([])
            taken = 0
        shards[-1].append((name, shape))
        taken += 2 * size(shape)
    rng, total, index = random.Random(options.seed), 0, {}
    for number, tensors in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        total += write_shard(options.output / name, tensors, rng)
        index.update((tensor, name) for tensor, _ in tensors)
        print(f"{options.output / name}: {len(tensors)} tensors", flush=True)
    (options.output / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=2) + "\n")


if __name__ == "__main__":
    main()
