#!/usr/bin/env python3
"""Rows of the real MovieLens-100K, recomputed from the raw files by the written rules alone: every count, split,
history, latency, preferred item, candidate, negative and prompt line that `recpo prepare --export` writes, for every
input tier and both rules of the preferred item. Nothing of the program's own reading is used.

    test_ml_100k_independent.py --program build/cpu-release/recpo

The data may not be committed: they are looked for in $RECPO_DATA and in data/ above, and the test says so when it is
skipped.
"""
import argparse
import collections
import html
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIERS = ["filtered", "full", "filtered+rating", "full+rating"]
RULES = ["best-utility", "next-liked"]
SHOWN, WINDOW, CANDIDATES, NEGATIVES, LIKED = 20, 10, 20, 3, 4
ARTICLE = re.compile(r"(.+), (The|A|An)")
options = argparse.Namespace()
Rating = collections.namedtuple("Rating", "item stars time")


def data_folder():
    root = pathlib.Path(os.environ.get("RECPO_DATA", ROOT / "data"))
    found = [folder for folder in (root / "ml-100k", root) if (folder / "ml-100k.inter").exists()]
    return found[0] if found else None


def table(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    names = [column.split(":")[0] for column in lines[0].split("\t")]
    return [dict(zip(names, line.split("\t"))) for line in lines[1:] if line]


def clean_title(text, year):
    text = " ".join(html.unescape(text).split())
    ends = re.fullmatch(r"(.+) \((\d{4})\)", text)
    if ends:
        text, year = ends.groups()
    moved = ARTICLE.fullmatch(text)
    if moved:
        text = f"{moved[2]} {moved[1]}"
    return text + (f" ({year})" if re.fullmatch(r"\d{4}", year) else "")


def read_log(folder):
    """Sequences of Rating by user, in time order; equal times keep the file's."""
    log = collections.defaultdict(list)
    for line in table(folder / "ml-100k.inter"):
        log[line["user_id"]].append(Rating(line["item_id"], float(line["rating"]), int(float(line["timestamp"]))))
    return {user: sorted(ratings, key=lambda rating: rating.time) for user, ratings in log.items()}


def k_core(log, users, items):
    while True:
        degree = collections.Counter(rating.item for ratings in log.values() for rating in ratings)
        kept = {user: [r for r in ratings if degree[r.item] >= items] for user, ratings in log.items()
                if len(ratings) >= users}
        if kept == log:
            return log
        log = {user: ratings for user, ratings in kept.items() if ratings}


def templates():
    text = (ROOT / "inputs/prompts/movies.txt").read_text()
    lines = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))
    return [block.strip("\n") for block in lines.split("---\n") if block.strip()]


class Rules:
    """What rows there must be, from a filtered log."""

    def __init__(self, log, titles, positive, min_history):
        self.log, self.titles, self.positive, self.min_history = log, titles, positive, min_history
        self.pool = {rating.item for ratings in log.values() for rating in ratings}

    def preferred(self, user, position):
        """Index of the training question's preferred rating, None when there is none."""
        ratings = self.log[user]
        window = range(position, min(position + WINDOW, len(ratings) - 2))
        if self.positive == "next-liked":
            return next((i for i in window if ratings[i].stars >= LIKED), None)
        best = max(window, key=lambda i: (ratings[i].stars / math.sqrt(i - position + 1), -i))
        return best if ratings[best].stars >= LIKED else None

    def questions(self):
        """split -> {(user, position): preferred index}; and why others are not asked."""
        asked, refused = collections.defaultdict(dict), collections.Counter()
        for user, ratings in self.log.items():
            n = len(ratings)
            for position in range(1, n - 2):
                preferred = self.preferred(user, position)
                if position < self.min_history:
                    refused["train: history shorter than data.min_history"] += 1
                elif preferred is None:
                    refused["train: preferred item not liked"] += 1
                else:
                    asked["train"][user, position] = preferred
            second, last = ratings[-2:]
            if second.stars >= LIKED:
                asked["valid"][user, n - 2] = n - 2
            if last.stars >= LIKED:
                asked["test"][user, n - 1] = n - 1
            if second.stars >= LIKED and last.stars >= LIKED:
                if self.titles[second.item] == self.titles[last.item]:
                    refused["adherence: liked items at the end share a title"] += 1
                else:
                    asked["adherence"][user, n - 2] = n - 2
            if last.stars <= 2:
                asked["avoidance"][user, n - 1] = n - 1
        return asked, refused

    def feedback(self, split, user, position, preferred):
        """item -> (rating, latency) of the candidates that the user met; no two under one title."""
        ratings = self.log[user]
        end = {"train": min(position + WINDOW, len(ratings) - 2), "adherence": len(ratings)}.get(split, preferred + 1)
        met, seen = {}, set()
        for i in [preferred] + [i for i in range(position, end) if i != preferred]:
            title = self.titles[ratings[i].item]
            if title not in seen:
                seen.add(title)
                met[ratings[i].item] = (ratings[i].stars, i - position + 1)
        return met


class MovieLens100K(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = data_folder()
        if cls.folder is None:
            raise unittest.SkipTest("no MovieLens-100K: set RECPO_DATA to the folder that holds ml-100k/")
        cls.whole = read_log(cls.folder)
        cls.titles = {line["item_id"]: clean_title(line["movie_title"], line["release_year"])
                      for line in table(cls.folder / "ml-100k.item")}
        cls.templates = templates()

    def prepare(self, tier, positive, **more):
        keys = {"data.dataset": "ml-100k", "data.path": self.folder, "run.seed": 3, "data.tier": tier,
                "data.positive": positive, "tokenizer.train_vocab": 300, "model.size": "tiny",
                "model.max_tokens": 8000, **more}
        with tempfile.TemporaryDirectory(prefix="recpo-ml-") as run:
            command = [options.program, "prepare", "--export", f"{run}/rows.jsonl", f"run.dir={run}/out"]
            done = subprocess.run(command + [f"{key}={value}" for key, value in keys.items()], cwd=run, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            summary = json.loads(pathlib.Path(run, "out/prepare.json").read_text())
            with open(f"{run}/rows.jsonl", encoding="utf-8") as lines:
                return [json.loads(line) for line in lines], summary

    def check_summary(self, summary, rows, rules, asked, refused, max_train_rows):
        def counts(log):
            return {"users": len(log), "items": len({r.item for ratings in log.values() for r in ratings}),
                    "interactions": sum(map(len, log.values()))}
        self.assertEqual(summary["counts"]["imported"], counts(self.whole))
        k_core_counts = dict(summary["counts"]["k_core"])
        del k_core_counts["passes"]
        self.assertEqual(k_core_counts, counts(rules.log))
        most = max_train_rows or len(asked["train"])
        written = {split: len(asked[split]) for split in ("train", "valid", "test", "adherence", "avoidance")}
        written["train"] = min(most, written["train"])
        self.assertEqual(summary["rows"], written)
        self.assertEqual(collections.Counter(row["split"] for row in rows), collections.Counter(written))
        over = summary["dropped"].get("train: over data.max_train_rows", 0)
        self.assertEqual(over, len(asked["train"]) - written["train"])
        for reason, number in refused.items():
            self.assertEqual(summary["dropped"][reason], number, reason)
        self.assertEqual(summary["dropped"]["items without title"], 0)
        self.assertEqual(summary["import"]["bad_lines"], 0)
        self.assertEqual(summary["tokens"]["history_lines_dropped"], 0)
        self.assertEqual([row["row"] for row in rows], list(range(len(rows))))

    def position_of(self, row, rules):
        """From the preferred item's place in the user's sequence and its latency."""
        candidate = row["candidates"][row["preferred"]]
        index = [rating.item for rating in rules.log[row["user"]]].index(candidate["item"])
        return index - int(candidate["latency"]) + 1

    def check_history(self, row, before, tier):
        shown = [r for r in before if r.stars >= LIKED or not tier.startswith("filtered")][-SHOWN:]
        expected = [{"item": r.item, "title": self.titles[r.item], "rating": r.stars, "time": r.time} for r in shown]
        self.assertEqual(row["history"], expected)

    def check_candidates(self, row, rules, position, preferred):
        user, candidates = row["user"], row["candidates"]
        met = rules.feedback(row["split"], user, position, preferred)
        self.assertEqual(len(candidates), CANDIDATES)
        self.assertEqual(len({candidate["title"] for candidate in candidates}), CANDIDATES)
        self.assertEqual(candidates[row["preferred"]]["item"], rules.log[user][preferred].item)
        whole = {rating.item for rating in self.whole[user]}
        found = {}
        for candidate in candidates:
            self.assertEqual(candidate["title"], self.titles[candidate["item"]])
            if candidate["rating"] is None:
                self.assertIsNone(candidate["latency"])
                self.assertIn(candidate["item"], rules.pool)
                self.assertNotIn(candidate["item"], whole)
            else:
                found[candidate["item"]] = (candidate["rating"], candidate["latency"])
        self.assertEqual(found, met)

    def check_answers(self, row):
        candidates, negatives = row["candidates"], row["negatives"]
        self.assertEqual(len(set(negatives)), NEGATIVES)
        self.assertTrue(set(negatives) <= set(range(CANDIDATES)) - {row["preferred"]})
        chosen, rejected = candidates[row["preferred"]], [candidates[index] for index in negatives]
        self.assertEqual(row["chosen"], " " + chosen["title"])
        self.assertEqual((row["chosen_rating"], row["chosen_latency"]), (chosen["rating"], chosen["latency"]))
        self.assertEqual(row["rejected"], [" " + candidate["title"] for candidate in rejected])
        self.assertEqual(row["rejected_rating"], [candidate["rating"] for candidate in rejected])
        self.assertEqual(row["rejected_latency"], [candidate["latency"] for candidate in rejected])

    def check_prompt(self, row, tier, used):
        history = "".join(f"{item['title']} | Rating: {item['rating']:g}\n" if tier.endswith("+rating")
                          else f"{item['title']}\n" for item in row["history"])
        candidates = "\n".join(candidate["title"] for candidate in row["candidates"])
        texts = [text.replace("{history}\n", history).replace("{candidates}", candidates) for text in self.templates]
        self.assertIn(row["prompt"], texts)
        self.assertTrue(row["prompt"].endswith("\nAnswer:"))
        used[texts.index(row["prompt"])] += 1

    def check(self, tier, positive, core=5, min_history=5, max_train_rows=200):
        rows, summary = self.prepare(tier, positive, **{
            "data.k_core_users": core, "data.k_core_items": core, "data.min_history": min_history,
            "data.max_train_rows": max_train_rows})
        rules = Rules(k_core(self.whole, core, core), self.titles, positive, min_history)
        asked, refused = rules.questions()
        self.check_summary(summary, rows, rules, asked, refused, max_train_rows)
        used, found = collections.Counter(), collections.defaultdict(list)
        for row in rows:
            with self.subTest(tier=tier, positive=positive, row=row["row"]):
                position = self.position_of(row, rules)
                found[row["split"]].append((row["user"], position))
                self.assertIn((row["user"], position), asked[row["split"]])
                self.check_history(row, rules.log[row["user"]][:position], tier)
                self.check_candidates(row, rules, position, asked[row["split"]][row["user"], position])
                self.check_answers(row)
                self.check_prompt(row, tier, used)
        for split, questions in found.items():
            self.assertEqual(len(set(questions)), len(questions), split)
            if split != "train" or max_train_rows == 0:
                self.assertEqual(set(questions), set(asked[split]), split)
        self.assertGreaterEqual(len(self.templates), 5)
        self.assertEqual(set(used), set(range(len(self.templates))))
        return [(row["split"], row["user"], row["candidates"], row["preferred"], row["negatives"]) for row in rows]

    def test_every_tier_with_the_item_of_best_utility(self):
        drawn = [self.check(tier, RULES[0]) for tier in TIERS]
        for other in drawn[1:]:
            self.assertEqual(other, drawn[0])  # tiers change what is shown, never what is asked

    def test_every_tier_with_the_next_liked_item(self):
        drawn = [self.check(tier, RULES[1]) for tier in TIERS]
        for other in drawn[1:]:
            self.assertEqual(other, drawn[0])

    def test_all_training_rows_of_long_histories_in_the_20_core(self):
        self.check("full+rating", RULES[0], core=20, min_history=300, max_train_rows=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("cases", nargs="*")
    parser.parse_args(namespace=options)
    options.program = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *options.cases], verbosity=2)
