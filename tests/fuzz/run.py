#!/usr/bin/env python3
"""Runs a fuzz target in a temporary folder, from the committed seeds and the corpus of earlier runs, into which it
merges what it found: $RECPO_CACHE/fuzz/NAME. Every run takes a new seed and prints it; --seed (or RECPO_FUZZ_SEED) takes
one again, with the same inputs while the corpus is the same. A run that fails leaves the corpus as it was.

    tests/fuzz/run.py build/fuzz/tests/fuzz/fuzz_config [--seed N] [--runs N] [--seconds N] [libFuzzer's options]
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=os.environ.get("RECPO_FUZZ_SEED") or random.randrange(1, 1 << 31))
    parser.add_argument("--runs", type=int, default=1000000, help="inputs to try at most")
    parser.add_argument("--seconds", type=int, default=0, help="time to try them at most (0: no limit)")
    options, more = parser.parse_known_args()
    target = options.target.resolve()
    name = target.name.removeprefix("fuzz_")
    corpus = pathlib.Path(os.environ.get("RECPO_CACHE") or pathlib.Path.home() / ".cache/recpo") / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    dictionary = HERE / f"{name}.dict"
    words = [f"-dict={dictionary}"] if dictionary.exists() else []
    print(f"fuzz {name}: seed {options.seed}, corpus of {len(list(corpus.iterdir()))} inputs", flush=True)
    memory = "/dev/shm"  # readers of files read thousands a second
    with tempfile.TemporaryDirectory(prefix="recpo-fuzz-", dir=memory if os.path.isdir(memory) else None) as folder:
        found = pathlib.Path(folder) / "found"
        found.mkdir()
        status = subprocess.run(
            [target, f"-seed={options.seed}", f"-runs={options.runs}", f"-max_total_time={options.seconds}",
             f"-artifact_prefix={target.parent / name}-", *words, *more, found, corpus, HERE / "seeds" / name],
            cwd=folder, stdin=subprocess.DEVNULL).returncode
        if status == 0:
            subprocess.run([target, "-merge=1", *more, corpus, found], cwd=folder, check=True, stdin=subprocess.DEVNULL)
            print(f"fuzz {name}: corpus of {len(list(corpus.iterdir()))} inputs in {corpus}")
    return status


if __name__ == "__main__":
    sys.exit(main())
