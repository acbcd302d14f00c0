#!/usr/bin/env python3
"""Llama-3's tokenizers on random Unicode texts and on all MovieLens-100K titles, for tests/text.

    scripts/golden/llama3_golden.py --models models --data data

Needs the packages tokenizers, tiktoken and transformers, models/llama-3/tokenizer.model and data/ml-100k. Writes
tests/golden/text/unicode.json, which holds one FNV-1a hash of the ids for every 100 texts and the ids of a few texts,
and tests/golden/text/meta_style.tokenizer.model, a small vocabulary in Meta's form. Every text is encoded by
Hugging Face and by tiktoken where both know the form, and the two must agree. To find a text behind a hash:

    scripts/golden/llama3_golden.py --models models --data data --print NAME FIRST     ids of FIRST .. FIRST + 99
"""
import argparse
import base64
import hashlib
import json
import pathlib
import struct
import sys

import tiktoken
from tokenizers import Tokenizer, processors
from transformers.convert_slow_tokenizer import TikTokenConverter

import unicode_texts
from unicode_texts import BLOCK, COUNT, FNV_START, fnv

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/text"
sys.path.append(str(ROOT / "scripts"))
import tokenizer_model_to_hf as meta  # noqa: E402

EXAMPLES = range(0, COUNT, 833)


def meta_encoder(path):
    ranks = meta.read_ranks(path)
    special = {name: len(ranks) + i for i, name in enumerate(meta.SPECIAL_TOKENS)}
    return tiktoken.Encoding("llama-3", pat_str=meta.PATTERN, mergeable_ranks=ranks, special_tokens=special)


def transformers_encoder(path):
    """What Transformers converts tokenizer.model to, with the post-processor of Llama-3's own tokenizer.json."""
    encoder = TikTokenConverter(vocab_file=str(path), extra_special_tokens=meta.SPECIAL_TOKENS).converted()
    begin = meta.NAMED[0]
    encoder.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single=f"{begin}:0 $A:0", pair=f"{begin}:0 $A:0 {begin}:1 $B:1",
                                      special_tokens=[(begin, encoder.token_to_id(begin))])])
    return encoder


def encode_hf(encoder, texts):
    encoder.encode_special_tokens = True
    lines = [encoding.ids for encoding in encoder.encode_batch_fast(texts, add_special_tokens=False)]
    assert all(encoder.decode(ids, skip_special_tokens=False) == text for ids, text in zip(lines, texts))
    return lines


def encode_meta(encoder, texts):
    lines = [encoder.encode_ordinary(text) for text in texts]
    assert all(encoder.decode(ids) == text for ids, text in zip(lines, texts))
    return lines


def block_hashes(lines):
    hashes = []
    for begin in range(0, len(lines), BLOCK):
        value = FNV_START
        for ids in lines[begin:begin + BLOCK]:
            value = fnv(value, struct.pack(f"<{len(ids) + 1}i", *ids, -1))
        hashes.append(f"{value:016x}")
    return hashes


def whole_pieces(encoder):
    """Ids whose own bytes encode to the id alone. Bytes that are no valid UTF-8 are read as U+FFFD, as recpo does."""
    found = []
    for token in range(encoder.n_vocab - len(meta.SPECIAL_TOKENS)):
        text = encoder.decode_single_token_bytes(token).decode(errors="replace")
        if encoder.encode_ordinary(text) == [token]:
            found.append(token)
    return found


def write_meta_style():
    """The ordinary tokens of llama3_style.tokenizer.json in Meta's form: bytes first, then merges by rank."""
    file = json.loads((GOLDEN / "llama3_style.tokenizer.json").read_text())
    byte_of = {character: byte for byte, character in meta.byte_characters().items()}
    added = {token["content"] for token in file["added_tokens"]}
    lines = []
    for name, _ in sorted(file["model"]["vocab"].items(), key=lambda item: item[1]):
        if name not in added:
            token = bytes(byte_of[character] for character in name)
            lines.append(f"{base64.b64encode(token).decode()} {len(lines)}\n")
    path = GOLDEN / "meta_style.tokenizer.model"
    path.write_text("".join(lines))
    return path


def all_ids(arguments, texts):
    """name -> ids of every text; `llama3` stands for both forms of Llama-3."""
    model = arguments.models / "llama-3/tokenizer.model"
    converted = transformers_encoder(model)
    assert json.loads(converted.to_str()) == meta.convert(model), "scripts/tokenizer_model_to_hf.py differs"
    meta_style = write_meta_style()
    result = {"llama3": encode_meta(meta_encoder(model), texts),
              "meta_style": encode_meta(meta_encoder(meta_style), texts)}
    assert result["llama3"] == encode_hf(converted, texts), "Hugging Face and tiktoken differ"
    assert result["meta_style"] == encode_hf(transformers_encoder(meta_style), texts)
    for style in ("gpt2_style", "llama3_style"):
        result[style] = encode_hf(Tokenizer.from_file(str(GOLDEN / f"{style}.tokenizer.json")), texts)
    return result


def read_titles(data):
    lines = (data / "ml-100k/ml-100k.item").read_text(encoding="utf-8").split("\n")[1:]
    return [line.split("\t")[1] for line in lines if line]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "data")
    parser.add_argument("--print", nargs=2, metavar=("NAME", "FIRST"))
    arguments = parser.parse_args()
    texts = [unicode_texts.text(i) for i in range(COUNT)]
    titles = read_titles(arguments.data)
    ids = all_ids(arguments, texts + titles)
    if arguments.print:
        name, first = arguments.print[0], int(arguments.print[1])
        for index in range(first, first + BLOCK):
            print(json.dumps({"index": index, "text": texts[index], "ids": ids[name][index]}))
        return
    text_hash = FNV_START
    for text in texts:
        text_hash = fnv(text_hash, text.encode())
    golden = {"texts": f"{text_hash:016x}", "num_titles": len(titles), "tokenizers": {
        name: {"blocks": block_hashes(lines[:COUNT]), "titles": block_hashes(lines[COUNT:]),
               "examples": {str(i): lines[i] for i in EXAMPLES}} for name, lines in ids.items()}}
    found = whole_pieces(meta_encoder(arguments.models / "llama-3/tokenizer.model"))
    golden["whole_pieces"] = len(found)
    golden["whole_pieces_fnv"] = f"{fnv(FNV_START, struct.pack(f'<{len(found) + 1}i', *found, -1)):016x}"
    output = ROOT / "build/llama3.tokenizer.json"
    meta.write(arguments.models / "llama-3/tokenizer.model", output)
    golden["llama3_json_sha256"] = hashlib.sha256(output.read_bytes()).hexdigest()
    (GOLDEN / "unicode.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
