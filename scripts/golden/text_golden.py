#!/usr/bin/env python3
"""Token ids of reference tokenizers, for tests/text.

Writes tests/golden/text/*.json. Needs the packages tokenizers and tiktoken; with --models DIR (a folder holding
SmolLM2-135M-Instruct/tokenizer.json and llama-3/tokenizer.model) also the ids of these two, otherwise their files stay
as they are. All texts are this script's own; random ones have a fixed seed.
"""
import argparse
import base64
import json
import pathlib
import random
import re
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())

TEXTS = [
    "", " ", "  ", "\n", "a", "Hello world!", "Hello  world", "The Silent Harbor (1987) | Rating: 4\n",
    "Toy Story (1995) | Rating: 5\n", "Answer: The Paper Lantern (2003)", "Answer:", " Toy Story", "Answer: ",
    "Léon: The Long Road (1994)", "naïve café 日本 1234567  x", "東京物語 (1953)", "Амели (2001)", "فيلم ١٢٣",
    "हिन्दी १२३ फ़िल्म", "한국 영화 2019", "ไทย ๑๒๓", "👍🏽 👨‍👩‍👧 🇩🇪 emoji", "½ ² Ⅻ ① 3.14159 1,000,000 007",
    "don't I'm we'll they've SHE'S IT'LL you'd 'tis", "DON'T I'M WE'LL it'ſ", "tabs\tand\t\ttabs",
    "line\nbreaks\r\n\r\nand  \n  spaces   \n\n\n", "   leading", "trailing   ", "a" * 70, "ab" * 40,
    "!!!???...---", "(([[{{<<>>}}]]))", "x=1;y+=2 // comment", "https://example.org/a?b=c&d=%20e", "<|endoftext|>",
    "<|begin_of_text|>hi<|end_of_text|>", "<|im_start|>user\nhi<|im_end|>", "<|eot_id|>", "</s><s><unk>", "<item>",
    "an <item>s or <item>", "<item><item>s<|im_start|><item", "a\u00a0b\u2003c\u3000d\u2028e\u0085f\u180eg\u200bh",
    "e\u0301 \u0301x", "\ufeffbom", "\x00\x01\x1f\x7f control", "\U0001d54f \U00020000 \U0010fffd", "ß ẞ ﬁ Ǆ ŉ",
    "a MiXeD CaSe wOrDs", "snake_case_and_CamelCase", "1st 2nd 3rd 4th", "12345678901234567890", "9 99 999 9999",
    "\n \n \t \n", "word" + " " * 300 + "word", "Answer: The Paper Lantern\nThe Hidden Garden\n",
]


def random_texts(count, seed):
    """Half over all assigned characters of Unicode 14, half over a small mixed alphabet that makes pieces meet."""
    rng = random.Random(seed)
    assigned = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    small = list("aAsStTlLvVeEdDmM'  \n\r\t1239.,!?-_é日½²\u0301\u00a0\u3000")
    texts = []
    for i in range(count):
        alphabet = assigned if i % 2 else small
        texts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))))
    return texts


def corpus():
    """A few hundred lines in the manner of rating histories."""
    rng = random.Random(7)
    first = ["Silent", "Paper", "Golden", "Last", "Hidden", "Northern", "Broken", "Électric", "Little", "Crimson"]
    second = ["Harbor", "Lantern", "Summer", "Garden", "Highway", "Orchestra", "Winter", "Café", "Mountain", "Letters"]
    lines = []
    for _ in range(300):
        title = f"The {rng.choice(first)} {rng.choice(second)} ({rng.randint(1930, 2020)})"
        lines.append(f"{title} | Rating: {rng.randint(1, 5)}\n")
        if rng.random() < 0.2:
            lines.append(f"It's what we've watched before, and they'll recommend {title} again. Answer: {title}\n")
    return lines


def gpt2_style():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>", "<|im_start|>"],
                                  initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken("<item", normalized=False), AddedToken("<item>", normalized=False),
                          AddedToken("<item>s", normalized=True),
                          AddedToken("é日", normalized=True)])
    return tokenizer


def llama3_style():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    # A token that no merges reach: only ignore_merges finds it, and only as a whole piece.
    state = json.loads(tokenizer.to_str())
    state["model"]["vocab"]["ĠMiXeD"] = len(state["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    begin = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                                      special_tokens=[("<|begin_of_text|>", begin)])])
    return tokenizer


def pre_tokenizer_variants():
    digits, byte_level = pre_tokenizers.Digits, pre_tokenizers.ByteLevel
    split = pre_tokenizers.Split
    last = byte_level(add_prefix_space=False, use_regex=False)
    variants = {
        "digits individual": [digits(individual_digits=True), byte_level(add_prefix_space=False)],
        "digits together": [digits(individual_digits=False), byte_level(add_prefix_space=False)],
        "prefix space": [byte_level(add_prefix_space=True)],
        "digits, prefix space": [digits(individual_digits=True), byte_level(add_prefix_space=True)],
        "lines": [split(Regex(r"^\w|\w$"), "isolated"), last],
        "literal, invert": [split("ab", "isolated", invert=True), last],
        "posix class": [split(Regex(r"[[:alpha:]\s]+"), "isolated"), last],
        "three digits from the right": [split(Regex(r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))"), "isolated"), last],
        "empty matches": [split(Regex(r"x*"), "isolated"), last],
        "white space": [split(Regex(r"\s"), "removed"), split(Regex(r"[^\S]|\S"), "isolated"), last],
    }
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            variants[f"{behavior}, invert {invert}"] = [split(Regex(r"\s|e|r"), behavior, invert=invert), last]
    return {name: pre_tokenizers.Sequence(steps) for name, steps in variants.items()}


def trained_like_recpo(texts, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=2, special_tokens=["<|endoftext|>"],
                                  initial_alphabet=ALPHABET, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


TITLES = [
    "Alien³", "Alien", "Aliens", "Amélie", "Léon: The Professional", "Toy Story (1995)", "Toy Story 2 (1999)", "Toy", "M",
    "8½", "'Til There Was You (1997)", "Big", "Star", "Star Wars (1977)", "東京物語", "Æon", "(500) Days of Summer",
    "What? ^No$ [x] {y} a|b.c*d+e\\f", "À", "½", "Wall·E", "Crème brûlée", "The", "Summer of '42", "<|endoftext|>", "É",
    "ﬁn", "Ⓐ", "two  spaces", "Amélie\u00a0", "-", "...", "Ġthe",
]


TITLE_CORPUS = ["Taken these, choose from those; answer: and rating: 4"] * 3  # none of the titles as a word of its own


def title_texts(seed):
    """Titles between everything that may stand next to them."""
    rng = random.Random(seed)
    around = ["", " ", "\n", "  ", " \n ", "\t", "\u00a0", "\u2003", "\u180e", "x", "é", "_", "9", "-", "'", "(", ")", ".",
              " | Rating: 4\n", "Answer:", "\u0301", "\u200d", "Ⓐ", "\u203f", "Ⅻ", "²", "日", "s", " and "]
    texts = [before + title + after for title in TITLES for before, after in (("", ""), (" ", ""), ("\n", "\n"), ("x", ""))]
    for _ in range(300):
        texts.append("".join(rng.choice(around) + rng.choice(TITLES) for _ in range(rng.randint(1, 6))) + rng.choice(around))
    return texts


def with_titles(tokenizer):
    """Each title one token, as recpo's learned tokenizers have them; what reads as bytes is spelled in bytes first."""
    vocabulary = tokenizer.get_vocab()
    spelled = {chr(c): b for b, c in byte_characters().items()}

    def is_latin(title):
        return not title.isascii() and all(c in spelled for c in title)

    titles = [t for t in TITLES if t != "<|endoftext|>" and not (t in vocabulary and not t.isascii())]
    tokenizer.add_tokens([AddedToken(t, single_word=True, lstrip=True, normalized=False) for t in titles])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(Regex("^" + re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", t) + "$"),
                         "".join(chr(byte_characters()[b]) for b in t.encode())) for t in titles if is_latin(t)
    ] + [decoders.ByteLevel()])
    tokenizer.encode_special_tokens = True
    return tokenizer


def byte_characters():
    """Code point of each byte in a byte-level vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: b for b in printable}, **{b: 256 + i for i, b in enumerate(others)}}


def encode_all(tokenizer, texts):
    tokenizer.encode_special_tokens = True
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return {"vocab_size": tokenizer.get_vocab_size(with_added_tokens=True), "ids": ids,
            "decoded": [tokenizer.decode(line) for line in ids]}


def encode_all_meta(path, texts):
    import tiktoken
    ranks = {}
    for line in path.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    encoding = tiktoken.Encoding("llama-3", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    ids = [encoding.encode_ordinary(text) for text in texts]
    return {"vocab_size": len(ranks) + 256, "ids": ids, "decoded": [encoding.decode(line) for line in ids]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/text")
    arguments = parser.parse_args()
    texts = TEXTS + random_texts(60, seed=1)

    def write(name, value):
        (arguments.output / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")

    write("texts.json", texts)
    for name, tokenizer in (("gpt2_style", gpt2_style()), ("llama3_style", llama3_style())):
        write(f"{name}.tokenizer.json", json.loads(tokenizer.to_str()))
        write(f"{name}.ids.json", encode_all(tokenizer, texts))
    tokenizer = gpt2_style()
    variants = []
    for name, pre_tokenizer in pre_tokenizer_variants().items():
        tokenizer.pre_tokenizer = pre_tokenizer
        state = json.loads(tokenizer.to_str())["pre_tokenizer"]
        variants.append({"name": name, "pre_tokenizer": state, "ids": encode_all(tokenizer, TEXTS)["ids"]})
    write("pre_tokenizers.json", variants)
    lines = corpus()[:120] + TEXTS
    merges = json.loads(trained_like_recpo(lines, 450).to_str())["model"]["merges"]
    write("train.json", {"texts": lines, "vocab_size": 450, "merges": merges})
    tokenizer = with_titles(trained_like_recpo(TITLE_CORPUS, 320))
    texts = title_texts(seed=2)
    ids = [tokenizer.encode(text).ids for text in texts]
    write("titles.json", {"corpus": TITLE_CORPUS, "vocab_size": 320, "titles": TITLES, "texts": texts, "ids": ids,
                          "decoded": [tokenizer.decode(line) for line in ids], "vocabulary": tokenizer.get_vocab_size()})
    if arguments.models:
        path = arguments.models / "SmolLM2-135M-Instruct/tokenizer.json"
        write("smollm2.ids.json", encode_all(Tokenizer.from_file(str(path)), texts))
        write("llama3.ids.json", encode_all_meta(arguments.models / "llama-3/tokenizer.model", texts))


if __name__ == "__main__":
    main()
