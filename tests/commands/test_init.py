#!/usr/bin/env python3
"""recpo init on folders of every kind: what it says of them, and that its deck runs as it is.

    test_init.py --program build/cpu-release/recpo [Init]
"""
import gzip
import json
import random
import tomllib

from program_case import BAD_INPUT, CANNOT_WRITE, USAGE, Program, main

USERS, ITEMS, EACH = 40, 30, 12
QUICK = ["sft.steps=2", "align.steps=2", "data.max_train_rows=32", "data.max_eval_rows=8"]


def log(values=(1, 2, 3, 4, 5)):
    """(user, item, rating, time) of users with different items."""
    draw = random.Random(1)
    return [(f"u{user}", item, draw.choice(values), 1000000000 + 86400 * place)
            for user in range(USERS) for place, item in enumerate(draw.sample(range(ITEMS), EACH))]


def table(header, rows, delimiter=","):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in [header, *rows])


def pairs(number):
    return "".join(json.dumps({"prompt": f"Question {i}:", "chosen": f" answer {i % 7}",
                               "rejected": [" no", " never"]}) + "\n" for i in range(number))


class Init(Program):
    def init(self, *more, folder="mine"):
        return self.succeed("init", folder, *more).stdout

    def deck(self, name="deck.toml"):
        text = (self.folder / name).read_text()
        for line in text.splitlines():
            self.assertTrue(line.startswith(("#", "[")) or not line or "  # " in line, f"no comment: {line}")
        return tomllib.loads(text)

    def check(self, *parts, runs=False, folder="mine"):
        """init says `parts`, and its deck is accepted or run to the end. Gives the deck."""
        said = self.init(folder=folder)
        for part in parts:
            self.assertIn(part, said)
        deck = self.deck()
        plan = self.succeed("-i", "deck.toml", "--dry-run").stdout
        self.assertIn("align", plan)
        if runs:
            self.succeed("-i", "deck.toml", *QUICK)
            evaluation = json.loads((self.folder / deck["run"]["dir"] / "evaluation.json").read_text())
            self.assertIn("recpo", evaluation)
        return deck

    def test_csv_with_items(self):
        self.write("mine/ratings.csv", table(["userId", "movieId", "rating", "timestamp"], log((0.5, 3, 4.5, 5))))
        self.write("mine/movies.csv", table(["movieId", "title", "genres"],
                                            [(item, f'"Film {item}, The (1999)"', "A|B") for item in range(ITEMS)]))
        deck = self.check("userId is the user", "movieId is the item", "timestamp is the time (seconds)",
                          "title is the title; not used: genres", f"{USERS} users, {ITEMS} items, {USERS * EACH} inter",
                          "0.5 to 5, liked from 4", runs=True)
        self.assertEqual(deck["data"]["columns"], {"user": "userId", "item": "movieId", "rating": "rating",
                                                   "time": "timestamp", "title": "title"})
        summary = json.loads((self.folder / "runs/mine/prepare.json").read_text())
        self.assertEqual(summary["counts"]["with_title"]["interactions"], USERS * EACH)

    def test_csv_of_milliseconds_on_a_scale_of_ten(self):
        self.write("mine/reviews.tsv", table(["user_id", "product_id", "stars", "date"],
                                             [(u, i, 2 * r, t * 1000) for u, i, r, t in log()], "\t"))
        deck = self.check("separated by tab", "date is the time (milliseconds)", "1 to 10, liked from 8",
                          "identifiers of the items stand in for them")
        self.assertEqual(deck["data"]["liked_rating"], 8)
        self.assertEqual(deck["data"]["default_rating"], 5.5)

    def test_csv_of_clicks(self):
        self.write("mine/clicks.csv", table(["uid", "iid"], [entry[:2] for entry in log()]))
        deck = self.check("uid is the user", "iid is the item", "every interaction is liked", "the order is the file's",
                          runs=True)
        self.assertEqual(deck["data"]["tier"], "full")

    def test_csv_in_german(self):
        self.write("mine/log.csv", table(["Benutzer", "Artikel", "Bewertung", "Datum", "Titel"],
                                         [(u, i, f"{r},5", "2020-01-02T03:04:05Z", f"Ding {i}") for u, i, r, _ in
                                          log((1, 2, 3, 4))], ";"))
        deck = self.check("separated by semicolon", "Bewertung is the rating", "Datum is the time (ISO 8601)",
                          "Titel is the title of the item", "1 to 4.5, liked from 4")
        self.assertEqual(deck["data"]["columns"]["title"], "Titel")

    def test_csv_that_cannot_be_guessed(self):
        self.write("mine/log.csv", "who,what\nu,1\n")
        self.fail_with(BAD_INPUT, ["log.csv", "columns separated by comma: who, what", "data.columns.user"],
                       "init", "mine")
        self.write("mine/log.csv", "user,item,date\n" + "u,1,31.12.2017\n" * 9)
        self.fail_with(BAD_INPUT, ["log.csv:2: column 3 (date): time '31.12.2017'"], "init", "mine")
        self.write("mine/log.csv", "user,item\nu,1\nu,2\n")
        self.fail_with(BAD_INPUT, ["1 users, 2 items and 2 interactions are too few"], "init", "mine")
        self.assertFalse((self.folder / "deck.toml").exists())

    def test_titles_of_reviews_are_not_those_of_items(self):
        self.write("mine/log.csv", table(["user", "item", "rating", "title"],
                                         [(u, i, r, f"opinion of {u}") for u, i, r, _ in log()]))
        deck = self.check("whether title is the item's title")
        self.assertNotIn("title", deck["data"]["columns"])

    def test_recbole(self):
        self.write("mine/x.inter", table(["user_id:token", "item_id:token", "rating:float", "timestamp:float"], log(),
                                         "\t"))
        self.write("mine/x.item", table(["item_id:token", "name:token_seq"], [(i, f"Item {i}") for i in range(ITEMS)],
                                        "\t"))
        self.assertEqual(self.check("name is the title")["data"]["dataset"], "recbole")

    def test_movielens(self):
        self.write("mine/ratings.dat", "".join(f"{u}::{i}::{r}::{t}\n" for u, i, r, t in log()))
        self.write("mine/movies.dat", "".join(f"{i}::Film {i} (1990)::Drama\n" for i in range(ITEMS)))
        self.assertEqual(self.check("MovieLens-1M")["data"]["dataset"], "ml-1m")

    def test_amazon(self):
        self.write("mine/ratings_Books.csv", "".join(f"{u},{i},{r}.0,{t}\n" for u, i, r, t in log()))
        meta = "".join(repr({"asin": str(i), "title": f"Book {i}"}) + "\n" for i in range(ITEMS))
        (self.folder / "mine/meta_Books.json.gz").write_bytes(gzip.compress(meta.encode()))
        self.assertEqual(self.check("Amazon-Books")["data"]["dataset"], "amazon-books")

    def test_steam(self):
        self.write("mine/steam_games.json", "".join(repr({"id": str(i), "app_name": f"Game {i}"}) + "\n"
                                                    for i in range(ITEMS)))
        self.write("mine/steam_reviews.json", "".join(
            repr({"username": u, "product_id": str(i), "hours": float(r),
                  "date": f"2017-01-{1 + t // 86400 % 28:02d}"}) + "\n" for u, i, r, t in log()))
        self.assertEqual(self.check("Steam", "liked from 4")["data"]["dataset"], "steam")

    def test_beer(self):
        self.write("mine/beeradvocate.json", "".join(
            repr({"beer/name": f"Beer {i}", "beer/beerId": str(i), "review/overall": str(r), "review/time": str(t),
                  "review/profileName": u}) + "\n" for u, i, r, t in log()))
        self.assertEqual(self.check("BeerAdvocate")["data"]["dataset"], "beeradvocate")

    def test_one_file_of_rows_is_divided(self):
        self.write("mine/pairs.jsonl", pairs(60))
        deck = self.check("60 rows, 60 prompts", "pairs.jsonl, divided by prompts", runs=True)
        self.assertEqual({deck["data"][split] for split in ("train", "valid", "test")}, {"mine/pairs.jsonl"})
        rows = json.loads((self.folder / "runs/mine/prepare.json").read_text())["rows"]
        self.assertEqual([rows[split] for split in ("train", "valid", "test")], [48, 6, 6])
        self.succeed("prepare", "-i", "deck.toml", "--export", "rows.jsonl")
        prompts = [json.loads(line)["prompt"] for line in (self.folder / "rows.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(prompts), sorted(f"Question {i}:" for i in range(60)))

    def test_rows_with_files_for_their_splits(self):
        for split, number in (("train", 20), ("val", 5), ("test", 6)):
            self.write(f"mine/{split}.jsonl", pairs(number))
        deck = self.check("31 rows")
        self.assertEqual(deck["data"]["valid"], "mine/val.jsonl")

    def test_a_deck_that_exists_stays(self):
        self.write("mine/pairs.jsonl", pairs(20))
        self.write("deck.toml", "my own")
        self.fail_with(CANNOT_WRITE, ["deck.toml is there already", "--output"], "init", "mine")
        self.assertEqual((self.folder / "deck.toml").read_text(), "my own")
        (self.folder / "decks").mkdir()
        self.init("--output", "decks/other.toml")
        self.assertEqual(self.deck("decks/other.toml")["data"]["train"], "../mine/pairs.jsonl")
        self.succeed("-i", "decks/other.toml", "--dry-run")
        before = self.files()
        self.assertIn("[sft]", self.init("--dry-run", "--output", "third.toml"))
        self.assertEqual(self.files(), before)

    def test_what_is_not_known_is_refused(self):
        self.fail_with(BAD_INPUT, ["nowhere is not a folder"], "init", "nowhere")
        (self.folder / "empty").mkdir()
        self.fail_with(BAD_INPUT, ["empty holds no data set that is known", "ratings.dat", "u.data", "*.inter", "*.csv",
                                   "steam_games.json", "meta_Books.json", "beeradvocate.json", "JSON lines"],
                       "init", "empty")
        self.fail_with(USAGE, ["init takes a folder"], "init", "empty", "sft.steps=3")
        self.fail_with(USAGE, ["folder"], "init")
        self.write("llara/x-train.json",
                   json.dumps([{"historyList": "A::B", "itemList": "C::D", "trueSelection": "C"}]))
        self.fail_with(BAD_INPUT, ["x-train.json", "LLaRA"], "init", "llara")


if __name__ == "__main__":
    main()
