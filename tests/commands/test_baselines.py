#!/usr/bin/env python3
"""Traditional recommenders as a user runs them: trained, evaluated, killed, continued, refused.

    test_baselines.py --program build/cpu-release/recpo [--mpiexec mpirun] [Baselines | StoppedBaselines]
"""
import json
import os
import random
import re
import signal
import subprocess
import time

from program_case import BAD_INPUT, STOPPED, USAGE, Program, environment, main, options

NUMERICS = 76
TRAINED = ("caser", "gru4rec", "sasrec")
SMALL = ["data.max_train_rows=300", "data.max_eval_rows=40", "baseline.epochs=4", "baseline.batch=64",
         "baseline.hidden=16", "baseline.lr=1e-2", "checkpoint.every_steps=2"]


class Case(Program):
    """Users who walk through a circle of items, now and then by two: the next item follows from the last, mostly."""
    ITEMS, USERS, STEPS = 24, 200, 9

    def setUp(self):
        super().setUp()
        draw = random.Random(11)
        items = "".join(f"{i}\tTitle {i}\n" for i in range(self.ITEMS))
        self.write("data/walk.item", "item_id:token\tmovie_title:token_seq\n" + items)
        ratings = ""
        for user in range(self.USERS):
            item = draw.randrange(self.ITEMS)
            for step in range(self.STEPS):
                ratings += f"{user}\t{item}\t5\t{step}\n"
                item = (item + (1 if draw.random() < 0.8 else 2)) % self.ITEMS
        self.write("data/walk.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + ratings)
        self.write("templates.txt", "Liked:\n{history}\nChoose from:\n{candidates}\nAnswer:\n")
        self.deck = self.write("deck.toml", "\n".join([
            "[data]", 'dataset = "recbole"', 'path = "data"', "k_core_users = 0", "k_core_items = 0", "min_history = 2",
            "max_history = 5", "candidates = 8", "window = 1", "[prompt]", 'templates = "templates.txt"', "[tokenizer]",
            "train_vocab = 300"]))

    def arguments(self, model, folder="out", more=()):
        return ["baseline", "-i", self.deck, f"run.dir={folder}", f"baseline.model={model}", *SMALL, *more]

    def inspect(self, model, folder="out"):
        """What training left: epochs, the best of them, the hash of its weights, losses and hits of all."""
        text = self.succeed("inspect", f"{folder}/checkpoints/baseline-{model}").stdout
        best, weights = re.search(r"best epoch (\d+), weights hash (\w+)", text).groups()
        epochs = re.findall(r"epoch \d+ +loss (\S+), validation hits (\d+)", text)
        return {"best": int(best), "weights": weights, "epochs": epochs, "complete": "not complete" not in text}

    def evaluation(self, folder="out"):
        return json.loads((self.folder / folder / "evaluation.json").read_text())


class Baselines(Case):
    def test_trains_evaluates_and_skips(self):
        for model in (*TRAINED, "popularity", "random"):
            self.succeed(*self.arguments(model, more=["evaluate.rank_candidates=true"]))
        figures = self.evaluation()
        self.assertEqual(sorted(figures), ["caser", "gru4rec", "popularity", "random", "sasrec"])
        lines = [json.loads(line) for line in (self.folder / "out/predictions.jsonl").read_text().splitlines()]
        for model, tests in figures.items():
            self.assertEqual(tests["main"]["valid_ratio"], 1, model)
            self.assertEqual(tests["main"]["ranked"]["hr@1"], tests["main"]["hr@1"], model)
            hits = [line["hit"] for line in lines if line["model"] == model]
            self.assertEqual(len(hits), tests["main"]["rows"])
            self.assertEqual(sum(hits) / len(hits), tests["main"]["hr@1"])
        before = self.files()
        for model in figures:
            done = self.succeed(*self.arguments(model, more=["evaluate.rank_candidates=true"]))
            self.assertEqual(done.stderr.count("skipped"), 2 if model in TRAINED else 1, model)
        self.assertEqual(self.files(), before)

    def test_early_stopping(self):
        more = ["baseline.epochs=100", "baseline.patience=2"]
        self.succeed(*self.arguments("sasrec", more=more))
        found = self.inspect("sasrec")
        hits = [int(count) for _, count in found["epochs"]]
        self.assertLess(len(hits), 100)
        self.assertEqual(len(hits), found["best"] + 2)
        self.assertEqual(hits.index(max(hits)) + 1, found["best"])

    def test_stage_of_a_run(self):
        stages = "run.stages=[\"prepare\", \"baseline\", \"report\"]"
        done = self.succeed("run", "-i", self.deck, stages, "run.dir=out", *SMALL)
        self.assertIn("sasrec", done.stdout)
        self.assertEqual(list(self.evaluation()), ["sasrec"])

    def test_dry_run(self):
        before = self.files()
        plan = self.succeed("--dry-run", *self.arguments("gru4rec")).stdout
        self.assertRegex(plan, r"baseline +gru4rec, .* weights, \d+ items; at most 4 epochs of 5 steps of 64 rows")
        self.assertEqual(self.files(), before)

    def test_refusals(self):
        self.fail_with(USAGE, ["sasrek", "sasrec", "gru4rec"], *self.arguments("sasrek"))
        self.write("own.jsonl", '{"prompt": "Q", "chosen": " a", "rejected": " b"}\n')
        own = ["data.dataset=rows", "data.train=own.jsonl", "tokenizer.train_vocab=300", "run.dir=own"]
        self.fail_with(USAGE, ["data.dataset", "rating log"], "baseline", *own)
        self.fail_with(NUMERICS, ["baseline.lr"], *self.arguments("caser", "wild", ["baseline.lr=1e38"]))
        self.succeed(*self.arguments("caser"))
        self.fail_with(USAGE, ["checkpoints/baseline-caser", "run.dir"],
                       *self.arguments("caser", more=["baseline.hidden=8"]))
        for file in (self.folder / "out/checkpoints/baseline-caser").iterdir():
            file.write_bytes(file.read_bytes()[:-50])
        self.fail_with(BAD_INPUT, ["checkpoints/baseline-caser"], *self.arguments("caser"))


class StoppedBaselines(Case):
    """Whatever stops it, and on any number of ranks, training ends with the same bits."""

    def interrupt(self, model, folder, how, ranks, delay, more=()):
        launcher = [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks)] if ranks else []
        process = subprocess.Popen([*launcher, options.program, *map(str, self.arguments(model, folder, more))],
                                   cwd=self.folder, env=environment(ranks), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        checkpoints = self.folder / folder / "checkpoints" / f"baseline-{model}"
        deadline = time.monotonic() + 200
        while process.poll() is None and not list(checkpoints.glob("step_*.h5")) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(delay)
        if how == signal.SIGKILL:
            os.killpg(process.pid, how)
        elif process.poll() is None:
            process.send_signal(how)
        return process.communicate(timeout=200)[1], process.returncode

    def test_ranks_and_kills(self):
        choose = random.Random(5)
        for model in TRAINED:
            self.succeed(*self.arguments(model, "whole"))
            expected = self.inspect(model, "whole")
            self.assertTrue(expected["complete"])
            for ranks in (2, 4) if model == "sasrec" else (2,):
                self.succeed(*self.arguments(model, f"np{ranks}"), ranks=ranks)
                self.assertEqual(self.inspect(model, f"np{ranks}"), expected, f"{model} on {ranks} ranks")
            for ranks in (0, 2):
                self.interrupt(model, "killed", signal.SIGKILL, ranks, choose.random() * 0.05)
            self.succeed(*self.arguments(model, "killed"))
            self.assertEqual(self.inspect(model, "killed"), expected, f"{model}, killed")
        self.assertEqual(self.evaluation("np2"), self.evaluation("whole"))
        self.assertEqual(self.evaluation("killed"), self.evaluation("whole"))

    def test_signal_stops_in_order(self):
        more = ["baseline.epochs=100000", "baseline.patience=100000"]
        messages, code = self.interrupt("sasrec", "out", signal.SIGUSR1, 0, 0.0, more)
        self.assertEqual(code, STOPPED, messages[-2000:])
        self.assertEqual(messages.count("recpo: stopped"), 1)
        self.assertFalse(self.inspect("sasrec")["complete"])


if __name__ == "__main__":
    main()
