#!/usr/bin/env python3
"""The prompts of bench_tokenizer.cpp through Hugging Face's tokenizers and tiktoken, on one thread.

    benchmarks/bench_tokenizer_references.py models/llama-3-hf/tokenizer.json
    benchmarks/bench_tokenizer_references.py models/llama-3/tokenizer.model

Needs the package tokenizers or tiktoken. Says the fastest and the median of the repetitions in MB/s, and the hash of
the prompts, which must be the one bench_tokenizer says.
"""
import os
import pathlib
import statistics
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread, also for batches
os.environ["RAYON_NUM_THREADS"] = "1"
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "scripts"), str(ROOT / "scripts/golden")]
from unicode_texts import FNV_START, Random, fnv  # noqa: E402

FIRST = ["Silent", "Paper", "Golden", "Hidden", "Crimson", "Extraordinary", "Électric", "Last"]
SECOND = ["Harbor", "Lantern", "Orchestra", "Café", "Mountain", "Correspondence", "Winter"]
REPETITIONS = 30


def title(random):
    first = FIRST[random.below(len(FIRST))]
    second = SECOND[random.below(len(SECOND))]
    return f"The {first} {second} ({1930 + random.below(90)})"


def prompt(index):
    random = Random(1, "prompt", index)
    lines = ["Below is what a user watched, oldest first, with the ratings they gave."]
    lines += [f"{title(random)} | Rating: {1 + random.below(5)}" for _ in range(20)]
    lines += ["Which of these would the user like best?"] + [title(random) for _ in range(20)]
    return "\n".join(lines) + "\nAnswer:"


def encoders(path):
    """name -> function of the list of prompts that gives their number of tokens."""
    if path.suffix == ".json":
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        tokenizer.encode_special_tokens = True

        def batch(texts):
            return sum(len(line.ids) for line in tokenizer.encode_batch_fast(texts, add_special_tokens=False))

        def single(texts):
            return sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)
        version = f"tokenizers {tokenizers.__version__}"
        return {f"{version} encode_batch_fast": batch, f"{version} encode": single}
    import tiktoken
    import tokenizer_model_to_hf as meta
    encoding = tiktoken.Encoding("llama-3", pat_str=meta.PATTERN, mergeable_ranks=meta.read_ranks(path),
                                 special_tokens={})
    return {f"tiktoken {tiktoken.__version__} encode_ordinary":
            lambda texts: sum(len(encoding.encode_ordinary(text)) for text in texts)}


def main():
    texts = [prompt(index) for index in range(200)]
    size = sum(len(text.encode()) for text in texts)
    print(f"prompts: {fnv(FNV_START, ''.join(texts).encode()):016x}, {size} bytes")
    for name, encode in encoders(pathlib.Path(sys.argv[1])).items():
        rates = []
        for _ in range(REPETITIONS):
            start = time.process_time()
            tokens = encode(texts)
            rates.append(size * 1e-6 / (time.process_time() - start))
        print(f"{name}: {max(rates):.1f} MB/s at best, {statistics.median(rates):.1f} median, {tokens} tokens")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
