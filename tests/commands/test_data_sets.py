#!/usr/bin/env python3
"""Raw files of every published kind through `recpo prepare --export`: what users get for a folder of their own. Python
writes the records itself (repr of a dict, json.dumps), so that they are spelled as the published ones are.

    test_data_sets.py --program build/cpu-release/recpo [DataSets]
"""
import calendar
import collections
import gzip
import json
import math
import random

from program_case import BAD_INPUT, Program, main

TITLES = ["Café Müller", "Tom's Diary", 'Say "hi"', "Tom's \"Diary\"", "back\\slash", "two\nlines", "AT&amp;T",
          "日本語 😀", "Usual Suspects, The", "Trick | Rating: 5", "<|endoftext|>", "\u202eright to left", "x" * 10000]
CLEANED = ["Café Müller", "Tom's Diary", 'Say "hi"', "Tom's \"Diary\"", "back\\slash", "two lines", "AT&T",
           "日本語 😀", "The Usual Suspects", "Trick \\| Rating: 5", "<|endoftext|>", "right to left", "x" * 197 + "..."]
USERS, EACH, ITEMS, DAY = 24, 12, 40, 86400
FIELDS = "user item value time"
Review = collections.namedtuple("Review", FIELDS)


def title(item):
    return TITLES[item] if item < len(TITLES) else f"Item {item}"


def cleaned(item):
    return CLEANED[item] if item < len(CLEANED) else f"Item {item}"


def reviews(values):
    """Users with accents and quotes in their names; equal times; items without repetition."""
    draw = random.Random(1)
    return [Review(f"us\u00e9r '{user}'", (user * 7 + i) % ITEMS, draw.choice(values), (i // 2) * DAY)
            for user in range(USERS) for i in range(EACH)]


class DataSets(Program):
    def write_lines(self, name, lines, zipped):
        content = "".join(line + "\n" for line in lines).encode()
        path = self.folder / "raw" / (name + (".gz" if zipped else ""))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(content, 1) if zipped else content)

    def prepare(self, name, *more):
        return self.run_program(
            "prepare", "--export", "rows.jsonl", f"data.dataset={name}", "data.path=raw", "run.dir=out",
            "data.min_history=3", "data.k_core_users=0", "data.k_core_items=0", "tokenizer.train_vocab=300",
            "model.max_tokens=8000", "data.title_year=true", *more)

    def check(self, name, expected, level=lambda value: value, text=cleaned, dropped=()):
        """Every shown history is the end of the user's true sequence; counts are exact."""
        done = self.prepare(name)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        summary = json.loads((self.folder / "out/prepare.json").read_text())
        self.assertEqual(summary["dataset"], name)
        self.assertEqual(summary["counts"]["imported"], {"users": USERS, "items": ITEMS, "interactions": len(expected)})
        self.assertEqual(summary["import"]["bad_lines"], 0)
        for reason, number in dict(dropped).items():
            self.assertEqual(summary["dropped"][reason], number, reason)
        sequences = collections.defaultdict(list)
        for review in expected:
            sequences[review.user].append(review)
        for sequence in sequences.values():
            sequence.sort(key=lambda review: review.time)  # stable
        rows = [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]
        self.assertEqual(sum(summary["rows"].values()), len(rows))
        self.assertGreater(len(rows), USERS)
        for row in rows:
            sequence = sequences[row["user"]]
            times = [(item["item"], item["title"], item["rating"], item["time"]) for item in row["history"]]
            truth = [(str(r.item), text(r.item), r.value, r.time) for r in sequence]
            self.assertEqual(times, truth[:len(times)])
            followed = truth[len(times):]
            for candidate in row["candidates"]:
                if candidate["rating"] is None:
                    self.assertNotIn(candidate["item"], [r[0] for r in truth])
                else:
                    item = followed[int(candidate["latency"]) - 1]
                    self.assertEqual((candidate["item"], candidate["title"]), item[:2])
                    self.assertEqual(candidate["rating"], level(item[2]))
            lines = row["prompt"].split("\n")
            self.assertTrue(set(c["title"] for c in row["candidates"]) <= set(lines))
            self.assertEqual(sum(" | Rating: " in line for line in lines), len(row["history"]))
        held_out = [sequence[-1] for sequence in sequences.values()]
        self.assertEqual(summary["rows"]["test"], sum(level(review.value) >= 4 for review in held_out))
        self.assertEqual(summary["rows"]["avoidance"], sum(level(review.value) <= 2 for review in held_out))

    def check_bad_lines(self, name, file, good, bad):
        """One bad line of two thousand is named and left out; a second one ends the import, and nothing is written."""
        lines = (good * (2000 // len(good) + 1))[:1998] + [bad]
        self.write_lines(file, lines + good[:1], True)
        done = self.prepare(name, "data.max_bad_lines=0.0005", "run.dir=below")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        named = json.loads((self.folder / "below/prepare.json").read_text())["import"]["first_bad_lines"]
        self.assertEqual(len(named), 1)
        self.assertTrue(named[0].startswith(f"{file}.gz:1999: "), named)
        self.write_lines(file, lines + [bad], True)
        before = self.files()
        self.assert_one_error(self.prepare(name, "data.max_bad_lines=0.0005", "run.dir=above"), BAD_INPUT, file,
                              f"{file}.gz:1999: ", "2 of 2000")
        self.assertEqual(self.files(), before)

    def test_amazon_2014(self):
        log = reviews([1.0, 2.0, 3.0, 4.0, 5.0])
        self.write_lines("meta_Books.json", [repr({"asin": str(item), "title": title(item), "related": {"a": ["x'y"]}})
                                             for item in range(ITEMS)], True)
        ratings = [f"{r.user},{r.item},{r.value},{r.time}" for r in log]
        self.write_lines("ratings_Books.csv", ratings, False)
        self.check("amazon-books", log)
        (self.folder / "raw/ratings_Books.csv").unlink()
        self.check_bad_lines("amazon-books", "ratings_Books.csv", ratings, "user,1,5.0")

    def test_amazon_2018(self):
        log = reviews([1.0, 2.0, 3.0, 4.0, 5.0])
        meta = [json.dumps({"category": [], "title": title(item), "also_buy": ["1"], "asin": str(item)})
                for item in range(ITEMS)]
        self.write_lines("meta_Books.json", meta + meta[:3], True)
        lines = [json.dumps({"overall": r.value, "verified": True, "reviewerID": r.user, "asin": str(r.item),
                             "reviewText": "so \"so\"\n", "unixReviewTime": r.time}) for r in log]
        self.write_lines("Books.json", lines, True)
        self.check("amazon-books", log, dropped={"lines of items that were there already": 3})
        self.check_bad_lines("amazon-books", "Books.json", lines, lines[0][:-5])

    def test_steam(self):
        def line(review, hours):
            days = review.time // DAY
            date = f"{1970 + days // 365}-01-{1 + days % 365:02d}"
            return "{u'username': u" + ascii(review.user) + ", " + \
                (f"u'hours': {hours}, " if hours is not None else "") + \
                f"u'product_id': u'{review.item}', u'date': u'{date}', u'text': u" + ascii("it's \"fun\"\n") + "}"

        hours = [None, 0.1, 0.1, 2.5, 7.0, 20.0, 300.0, 1000.5]
        log = reviews(hours)
        self.assertEqual(calendar.timegm((1970, 1, 6, 0, 0, 0)), 5 * DAY)
        lines = [line(review, 999) for review in log[:10]] + [line(review, review.value) for review in log]
        players = collections.defaultdict(list)
        for review in log:
            players[review.item].append(-1 if review.value is None else review.value)
        rated = []
        for review in log:
            own = -1 if review.value is None else review.value
            others = players[review.item]
            rated.append(review._replace(value=1 + 5 * sum(h < own for h in others) // len(others)))
        self.write_lines("steam_games.json", [repr({"id": str(item), "app_name": title(item), "genres": ["A"]})
                                              for item in range(ITEMS)], False)
        self.write_lines("steam_reviews.json", lines, True)
        self.check("steam", rated, dropped={"reviews of a user and game that came again": 10})
        self.check_bad_lines("steam", "steam_reviews.json", lines, lines[0].replace("1970", "197x"))

    def test_beeradvocate(self):
        def line(review):
            return repr({"beer/name": title(review.item), "beer/beerId": str(review.item), "beer/ABV": "5.00",
                         "beer/style": "Kölsch", "review/overall": str(review.value), "review/time": str(review.time),
                         "review/profileName": review.user, "review/text": "it's \"nice\""})

        def text(item):  # the title is no longer at the end
            kept = {"The Usual Suspects": "Usual Suspects, The"}.get(cleaned(item), cleaned(item))
            return kept if kept.startswith("xxx") else kept + ", 5.00% ABV, Kölsch"

        log = reviews([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0])
        lines = [line(review) for review in log]
        self.write_lines("beeradvocate.json", lines, False)
        self.check("beeradvocate", log, level=lambda value: max(1, math.floor(value + 0.5)), text=text)
        (self.folder / "raw/beeradvocate.json").unlink()
        self.check_bad_lines("beeradvocate", "beeradvocate.json", lines, lines[0].replace("review/time", "time"))


if __name__ == "__main__":
    main()
