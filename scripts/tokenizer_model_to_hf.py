#!/usr/bin/env python3
"""Writes Llama-3's tokenizer.model (Meta's form: base64 and rank) as Hugging Face's tokenizer.json.

    scripts/tokenizer_model_to_hf.py tokenizer.model tokenizer.json

The result equals what the converter of Transformers makes (scripts/golden/llama3_golden.py compares the two), without
its packages: every way in which two tokens make a third is a merge, by rank of the third, then of the two.
"""
import base64
import json
import pathlib
import sys

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
NAMED = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
         "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
         "<|eot_id|>", "<|python_tag|>", "<|image|>"]
SPECIAL_TOKENS = NAMED + [f"<|reserved_special_token_{2 + i}|>" for i in range(256 - len(NAMED))]


def read_ranks(path):
    ranks = {}
    for line in pathlib.Path(path).read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


def byte_characters():
    """The printable character that stands for each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in characters:
            characters[byte] = chr(0x100 + len(characters) - len(printable))
    return characters


def find_merges(ranks):
    merges = []
    for token, rank in ranks.items():
        cuts = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        merges += sorted((rank, ranks[left], ranks[right], left, right) for left, right in cuts)
    return [(left, right) for _, _, _, left, right in sorted(merges)]


def byte_level(add_prefix_space, use_regex):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": use_regex}


def convert(path):
    ranks, characters = read_ranks(path), byte_characters()

    def spell(token):
        return "".join(characters[byte] for byte in token)

    added = [{"id": len(ranks) + i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, name in enumerate(SPECIAL_TOKENS)]
    begin = {"SpecialToken": {"id": NAMED[0], "type_id": 0}}
    template = {
        "type": "TemplateProcessing",
        "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": NAMED[0], "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {NAMED[0]: {"id": NAMED[0], "ids": [len(ranks)], "tokens": [NAMED[0]]}}}
    split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level(False, False)]},
        "post_processor": {"type": "Sequence", "processors": [byte_level(True, True), template]},
        "decoder": byte_level(True, True),
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": {spell(token): rank for token, rank in ranks.items()},
                  "merges": [[spell(left), spell(right)] for left, right in find_merges(ranks)]}}


def write(path, output):
    output = pathlib.Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(convert(path), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2])
