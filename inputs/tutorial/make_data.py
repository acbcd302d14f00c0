#!/usr/bin/env python3
"""Makes the tutorial's files: ratings.csv and films.csv (a film club's log) and preferences_*.jsonl (TRL's form).

    inputs/tutorial/make_data.py        writes beside itself; the same files each time

Members love one kind of film and like another; they watch what they like more, sooner, and their stars are noisy.
"""
import csv
import datetime
import json
import math
import pathlib
import random

HERE = pathlib.Path(__file__).parent
MEMBERS, SHORTEST, LONGEST = 400, 9, 16
KINDS = ["Harbour", "Orchard", "Railway", "Castle", "Comet", "Circus"]  # a film's kind is the noun of its title
FIRST = ["Quiet", "Second", "Golden", "Lost", "Winter", "Paper", "Blue", "Last"]
FILMS = [f"The {first} {kind}" for kind in KINDS for first in FIRST]
TEAS = {"smoky": "Lapsang", "flowery": "Jasmine", "fresh": "Sencha", "malty": "Assam", "fruity": "Rooibos",
        "spicy": "Chai"}


def kind_of(film):
    return film // len(FIRST)


def write_ratings(draw):
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    lines = []
    for member in range(1, MEMBERS + 1):
        loved, liked = draw.sample(range(len(KINDS)), 2)
        taste = [5.0 if kind == loved else 4.0 if kind == liked else draw.choice([1.5, 2.0, 3.0])
                 for kind in range(len(KINDS))]
        left, time = list(range(len(FILMS))), begin + datetime.timedelta(minutes=draw.randrange(500_000))
        for _ in range(draw.randint(SHORTEST, LONGEST)):
            film = draw.choices(left, [math.exp(taste[kind_of(f)]) for f in left])[0]
            left.remove(film)
            stars = min(5, max(1, round(draw.gauss(taste[kind_of(film)], 0.6))))
            lines.append((time, f"m{member:03}", film, stars))
            time += datetime.timedelta(minutes=draw.randint(600, 9000))
    lines.sort()
    with open(HERE / "ratings.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["member", "film", "stars", "watched_at"])
        writer.writerows((m, f"f{film:02}", stars, time.strftime("%Y-%m-%dT%H:%M:%SZ"))
                         for time, m, film, stars in lines)
    with open(HERE / "films.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["film", "name"])
        writer.writerows((f"f{film:02}", name) for film, name in enumerate(FILMS))


def write_preferences(draw):
    for name, count in (("train", 400), ("valid", 50), ("test", 50)):
        with open(HERE / f"preferences_{name}.jsonl", "w") as file:
            for _ in range(count):
                likes, dislikes = draw.sample(sorted(TEAS), 2)
                opening = draw.choice(["A guest asks for something {0}, nothing {1}.", "Not {1} please, rather {0}."])
                row = {"prompt": opening.format(likes, dislikes) + " We pour", "chosen": f" {TEAS[likes]}.",
                       "rejected": f" {TEAS[dislikes]}."}
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    write_ratings(random.Random(1))
    write_preferences(random.Random(2))
