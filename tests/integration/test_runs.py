#!/usr/bin/env python3
"""Whole runs of the program on its built-in data: the same bits on 1, 2, 4 and 8 ranks, after kills and after signals;
the same to rounding on grids of tensor-parallel ranks, and from one grid to another. And one on made-up data: it learns.

    test_runs.py --program build/cpu-release/recpo [--mpiexec mpirun] [EqualBits | Interrupted | Grids | SecondRun | Learns]
"""
import argparse
import json
import math
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

STEPS = 6
DECK = [
    "run.stages=prepare,sft,align",
    "data.max_train_rows=64",
    f"sft.steps={STEPS}",
    f"align.steps={STEPS}",
    "sft.global_batch=8",
    "align.global_batch=8",
    "sft.micro_batch_tokens=120",
    "align.micro_batch_tokens=120",
    "checkpoint.every_steps=1",
    "checkpoint.keep=3",
]
STOPPED = 75
options = argparse.Namespace()


def command(folder, ranks=1, extra=()):
    launcher = [] if ranks == 0 else [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks)]
    return launcher + [options.program, f"run.dir={folder}", *DECK, *extra]


def environment(ranks):
    # MPI's plugins keep memory that a sanitized program would call leaks.
    leaks = {"ASAN_OPTIONS": "detect_leaks=0"} if ranks > 0 else {}
    return dict(os.environ, OMP_NUM_THREADS="2" if ranks <= 1 else "1", **leaks)


def run(folder, ranks=1, extra=()):
    """ranks = 0: started without mpirun. Returns the finished process."""
    return subprocess.run(command(folder, ranks, extra), env=environment(ranks), cwd=folder.parent,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)


def metrics(folder, stage):
    """Step -> the figures that must not depend on ranks, threads or interruptions, as they stand in the file."""
    names = ("loss", "grad_norm", "learning_rate", "rewards/chosen", "rewards/margins", "logps/chosen", "num_tokens")
    lines = {}
    for text in (folder / "metrics.jsonl").read_text().splitlines():
        line = json.loads(text)
        if line["stage"] == stage:
            assert line["step"] not in lines, f"{stage} step {line['step']} is there twice"
            lines[line["step"]] = [line.get(name) for name in names]
    return lines


def weights(folder, stage):
    manifest = folder / "checkpoints" / stage / f"step_{STEPS}" / "manifest.json"
    return json.loads(manifest.read_text())["weights_hash"]


class Runs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="recpo-runs-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def finish(self, name, ranks=1, extra=()):
        """Runs to the end in a folder of its own."""
        folder = self.folder / name
        done = run(folder, ranks, extra)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return folder

    def assert_same_run(self, folder, expected):
        for stage in ("sft", "align"):
            self.assertEqual(len(metrics(expected, stage)), STEPS)
            self.assertEqual(metrics(folder, stage), metrics(expected, stage), stage)
            self.assertEqual(weights(folder, stage), weights(expected, stage), stage)


class EqualBits(Runs):
    def test_ranks(self):
        alone = self.finish("alone", ranks=0)
        for ranks in (1, 2, 4, 8):
            with self.subTest(ranks=ranks):
                self.assert_same_run(self.finish(f"np{ranks}", ranks), alone)

    def test_lambda_zero_is_s_dpo(self):
        s_dpo = self.finish("s-dpo", 0, ["align.objective=s-dpo"])
        recpo = self.finish("recpo", 0, ["align.objective=recpo", "align.lambda=0"])
        self.assert_same_run(recpo, s_dpo)
        other = self.finish("margin", 0, ["align.objective=recpo", "align.lambda=2"])
        self.assertNotEqual(weights(other, "align"), weights(s_dpo, "align"))


class Interruptible(Runs):
    def wait_for_lines(self, process, folder, count):
        """Until metrics.jsonl has `count` lines, or the process has ended."""
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            file = folder / "metrics.jsonl"
            if file.exists() and file.read_bytes().count(b"\n") >= count:
                return
            time.sleep(0.005)

    def interrupt(self, folder, lines, delay, how, ranks, extra=()):
        process = subprocess.Popen(command(folder, ranks, extra), env=environment(ranks), cwd=folder.parent,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True)
        self.wait_for_lines(process, folder, lines)
        time.sleep(delay)
        if how == signal.SIGKILL:
            os.killpg(process.pid, how)
        elif process.poll() is None:
            process.send_signal(how)
        messages = process.communicate(timeout=300)[1]
        return process.returncode, messages


class Interrupted(Interruptible):
    def test_killed_at_random(self):
        expected = self.finish("whole", ranks=0)
        choose = random.Random(20)
        for attempt, ranks in enumerate((0, 0, 2)):
            folder = self.folder / f"killed{attempt}"
            for lines in (1, choose.randrange(2, STEPS), choose.randrange(STEPS, 2 * STEPS)):
                self.interrupt(folder, lines, choose.random() * 0.05, signal.SIGKILL, ranks)
            done = run(folder, ranks)
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
            self.assert_same_run(folder, expected)

    def test_signal_stops_in_order(self):
        expected = self.finish("whole", ranks=0)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                folder = self.folder / f"signalled{ranks}"
                code, messages = self.interrupt(folder, 2, 0.0, signal.SIGUSR1, ranks)
                self.assertEqual(code, STOPPED, messages[-2000:])
                self.assertEqual(messages.count("recpo: stopped"), 1, messages[-2000:])
                done = run(folder, ranks)
                self.assertEqual(done.returncode, 0, done.stderr[-3000:])
                self.assert_same_run(folder, expected)

    def test_bfloat16(self):
        """Master weights and moments in bfloat16 come back too: what is lost of them shows in the steps that follow."""
        extra = ["model.precision=bf16", "optimizer.moments=bf16"]
        expected = self.finish("whole", 0, extra)
        self.assertNotEqual(weights(self.finish("fp32", 0), "align"), weights(expected, "align"))
        folder = self.folder / "interrupted"
        code, messages = self.interrupt(folder, 2, 0.0, signal.SIGUSR1, 2, extra)
        self.assertEqual(code, STOPPED, messages[-2000:])
        self.interrupt(folder, STEPS + 2, 0.0, signal.SIGKILL, 0, extra)
        done = run(folder, 2, extra)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assert_same_run(folder, expected)


    def test_adapters(self):
        """With dropout, whose masks must come back too; alignment goes on with the adapters of SFT."""
        extra = ["model.lora.rank=4", "model.lora.dropout=0.2", "sft.lr=1e-3"]
        expected = self.finish("whole", 0, extra)
        without = self.finish("without", 0, [*extra, "model.lora.dropout=0"])
        self.assertNotEqual(weights(without, "sft"), weights(expected, "sft"))
        folder = self.folder / "interrupted"
        code, messages = self.interrupt(folder, 2, 0.0, signal.SIGUSR1, 2, extra)
        self.assertEqual(code, STOPPED, messages[-2000:])
        self.interrupt(folder, STEPS + 2, 0.0, signal.SIGKILL, 0, [*extra, "parallel.zero=2"])
        done = run(folder, 4, extra)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assert_same_run(folder, expected)


class Grids(Interruptible):
    """Tensor-parallel ranks, every ZeRO level, recomputation: one rank's run to rounding; checkpoints change grids."""

    def assert_close_run(self, folder, expected):
        for stage in ("sft", "align"):
            found, wanted = metrics(folder, stage), metrics(expected, stage)
            self.assertEqual(sorted(found), sorted(wanted))
            for step, figures in wanted.items():
                for a, b in zip(found[step], figures):
                    if b is not None:
                        self.assertLessEqual(abs(a - b), 1e-5 * max(1.0, abs(b)), f"{stage} step {step}")

    def test_grids(self):
        alone = self.finish("alone", ranks=0)
        for ranks, extra in ((2, ["parallel.tp=2", "parallel.sequence_parallel=true", "model.recompute=selective"]),
                             (4, ["parallel.tp=2", "parallel.zero=2", "model.recompute=block"])):
            with self.subTest(ranks=ranks):
                self.assert_close_run(self.finish(f"grid{ranks}", ranks, extra), alone)

    def test_adapters(self):
        extra = ["model.lora.rank=4", "model.lora.dropout=0.2", "sft.lr=1e-3"]
        alone = self.finish("alone", 0, extra)
        grid = self.finish("grid", 4, [*extra, "parallel.tp=2", "parallel.zero=2", "model.recompute=selective"])
        self.assert_close_run(grid, alone)

    def test_checkpoints_change_grids(self):
        alone = self.finish("alone", ranks=0)
        folder = self.folder / "moving"
        grids = ((4, ["parallel.tp=2"]), (2, ["parallel.zero=2"]), (2, ["parallel.tp=2", "parallel.zero=0"]))
        for lines, (ranks, extra) in zip((2, 5, 8), grids):
            code, messages = self.interrupt(folder, lines, 0.0, signal.SIGUSR1, ranks, extra)
            self.assertEqual(code, STOPPED, messages[-2000:])
        done = run(folder, 0)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assert_close_run(folder, alone)

    def test_scores_and_texts(self):
        alone = self.finish("alone", ranks=0)
        questions = self.folder / "questions.jsonl"
        lines = [{"prompt": f"Question {i}", "completions": [" yes", " no", " a longer answer"]} for i in range(5)]
        questions.write_text("".join(json.dumps(line) + "\n" for line in lines))
        model = alone / "checkpoints" / "align"
        scores, texts = [], []
        for ranks, extra in ((0, []), (2, ["parallel.tp=2"]), (4, ["parallel.tp=2"])):
            launcher = command(alone, ranks)[:-len(DECK) - 2] + [options.program]
            output = self.folder / f"scores{ranks}.jsonl"
            for arguments in (["score", "--model", model, "--input", questions, "--output", output],
                              ["generate", "--model", model, "--input", questions, "--max-new-tokens", "8"]):
                done = subprocess.run([*launcher, *map(str, arguments), *extra], env=environment(ranks),
                                      cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=300)
                self.assertEqual(done.returncode, 0, done.stderr[-3000:])
            texts.append(done.stdout)
            scores.append([json.loads(line)["logp"] for line in output.read_text().splitlines()])
        self.assertEqual(len(scores[0]), len(lines))
        for other in scores[1:]:
            for line, wanted in zip(other, scores[0]):
                for a, b in zip(line, wanted):
                    self.assertLessEqual(abs(a - b), 1e-5 * max(1.0, abs(b)))
        self.assertEqual(texts, [texts[0]] * len(texts))


class SecondRun(Runs):
    def test_skips_what_is_done(self):
        extra = ["run.stages=prepare,evaluate-base,sft,evaluate-sft,align,evaluate,report", "data.max_eval_rows=8"]
        folder = self.finish("twice", 0, extra)
        written = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file() and p.suffix == ".h5"}
        figures = (folder / "evaluation.json").read_bytes()
        again = run(folder, 0, extra)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("skipped", again.stderr)
        self.assertEqual(written, {p: p.stat().st_mtime_ns for p in written})
        self.assertEqual(figures, (folder / "evaluation.json").read_bytes())
        self.assertIn("recpo", again.stdout)  # the table is shown again


class Learns(Runs):
    DECK = """
        run = {dir = "out", stages = ["prepare", "sft", "evaluate-sft"]}
        data = {dataset = "synthetic", k_core_users = 0, k_core_items = 0, min_history = 3, candidates = 5}
        synthetic = {users = 2000, types = 3, genres = 4, titles = 6, shortest = 5, longest = 8, eagerness = 1.5}
        tokenizer = {train_vocab = 330}
        model = {size = "tiny", initializer_range = 0.1, rope_theta = 100, max_tokens = 256}
        optimizer = {lr = 2.5e-3}
        sft = {steps = 700, global_batch = 16}
        """

    def test_above_chance_and_popularity(self):
        """And, by luck apart, not above what is best: of a sum of N independent numbers in [-1, 1] whose means are at
        most 0 the chance to pass sqrt(2 N log 1e9) is below 1e-9 (Hoeffding)."""
        (self.folder / "deck.toml").write_text("\n".join(line.strip() for line in self.DECK.splitlines()))
        for arguments in (["run"], ["baseline", "baseline.model=popularity"], ["baseline", "baseline.model=bayes"]):
            done = subprocess.run([options.program, *arguments[:1], "-i", "deck.toml", *arguments[1:]],
                                  env=environment(0), cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=600)
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        systems = json.loads((self.folder / "out/evaluation.json").read_text())
        sft, popularity, bayes = (systems[name]["main"] for name in ("sft", "popularity", "bayes"))
        self.assertGreater(sft["hr@1_ci95"][0], 1 / 5)
        self.assertGreater(sft["hr@1_ci95"][0], popularity["hr@1_ci95"][1])
        self.assertLess(sft["hr@1"] - bayes["hr@1"], math.sqrt(2 * math.log(1e9) / sft["rows"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--mpiexec", default="mpirun")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *options.cases], verbosity=2)
