#!/usr/bin/env python3
"""Turns a Llama-architecture GGUF file into a Hugging Face folder: config.json, model.safetensors, tokenizer.json.

    gguf_to_hf.py MODEL.gguf FOLDER

Quantized tensors become the fp32 values they stand for, exactly. The folder appears only when it is complete.
Needs the packages gguf, numpy and safetensors.
"""
import json
import os
import re
import shutil
import sys

import gguf
import numpy
from safetensors.numpy import save_file

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
GLOBAL_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


class Header:
    """The file's key-value pairs."""

    def __init__(self, reader):
        self.fields = reader.fields

    def get(self, key, default=None):
        field = self.fields.get(key)
        return default if field is None else field.contents()

    def require(self, key):
        value = self.get(key)
        if value is None:
            sys.exit(f"the file has no key {key}")
        return value


def hugging_face_name(name):
    if name in GLOBAL_NAMES:
        return GLOBAL_NAMES[name]
    match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if match is None or match[2] not in LAYER_NAMES:
        sys.exit(f"tensor {name} is not part of a Llama model")
    return f"model.layers.{match[1]}.{LAYER_NAMES[match[2]]}.weight"


def split_halves(weight, heads):
    """Undoes GGUF's order of the rows of q and k, where each head's rotary halves are interleaved."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def read_tensors(reader, heads, kv_heads):
    tensors = {}
    for tensor in reader.tensors:
        if tensor.name == "rope_freqs.weight":  # Llama-3.1's frequency scaling, which config.json must say instead
            sys.exit("the file scales its rotary frequencies, which this script does not translate")
        # numpy's shape is the reverse of the file's: rows first, as Hugging Face has it
        shape = [int(size) for size in reversed(tensor.shape)]
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32).reshape(shape)
        if tensor.name.endswith("attn_q.weight"):
            weight = split_halves(weight, heads)
        elif tensor.name.endswith("attn_k.weight"):
            weight = split_halves(weight, kv_heads)
        tensors[hugging_face_name(tensor.name)] = numpy.ascontiguousarray(weight)
    return tensors


def make_config(header, tensors):
    heads = int(header.require("llama.attention.head_count"))
    hidden = int(header.require("llama.embedding_length"))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": int(header.require("llama.feed_forward_length")),
        "num_hidden_layers": int(header.require("llama.block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(header.get("llama.attention.head_count_kv", heads)),
        "head_dim": hidden // heads,
        "max_position_embeddings": int(header.require("llama.context_length")),
        "rms_norm_eps": short_float(header.require("llama.attention.layer_norm_rms_epsilon")),
        "rope_theta": float(header.get("llama.rope.freq_base", 10000.0)),
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "vocab_size": int(tensors["model.embed_tokens.weight"].shape[0]),
        "tie_word_embeddings": "lm_head.weight" not in tensors,
        "bos_token_id": int(header.require("tokenizer.ggml.bos_token_id")),
        "eos_token_id": int(header.require("tokenizer.ggml.eos_token_id")),
        "torch_dtype": "float32",
    }


def short_float(value):
    """1e-05 instead of the 9.999999747378752e-06 that a float32 of it reads as."""
    return float(numpy.format_float_positional(numpy.float32(value), unique=True))


def make_tokenizer(header):
    if header.require("tokenizer.ggml.model") != "gpt2" or header.require("tokenizer.ggml.pre") != "smollm":
        sys.exit("only the tokenizer of the SmolLM family (digits alone, then byte level) is translated")
    tokens = header.require("tokenizer.ggml.tokens")
    types = header.require("tokenizer.ggml.token_type")
    special = [i for i, kind in enumerate(types) if kind in (gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED)]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": tokens[i], **flags} for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": header.require("tokenizer.ggml.merges"),
        },
    }


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = sys.argv[1], sys.argv[2]
    reader = gguf.GGUFReader(source)
    header = Header(reader)
    if header.require("general.architecture") != "llama":
        sys.exit(f"{source} is not a Llama-architecture file")
    heads = int(header.require("llama.attention.head_count"))
    tensors = read_tensors(reader, heads, int(header.get("llama.attention.head_count_kv", heads)))
    config = make_config(header, tensors)

    partial = folder.rstrip("/") + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    save_file(tensors, os.path.join(partial, "model.safetensors"), metadata={"format": "pt"})
    write_json(partial, "config.json", config)
    write_json(partial, "generation_config.json", {key: config[key] for key in ("bos_token_id", "eos_token_id")})
    tokenizer = make_tokenizer(header)
    write_json(partial, "tokenizer.json", tokenizer)
    tokens = header.require("tokenizer.ggml.tokens")
    write_json(partial, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "model_max_length": config["max_position_embeddings"],
    })
    os.rename(partial, folder)
    print(f"{folder}: {len(tensors)} tensors, {sum(t.size for t in tensors.values()):,} parameters, {len(tokens)} tokens")


if __name__ == "__main__":
    main()
