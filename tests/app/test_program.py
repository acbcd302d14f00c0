#!/usr/bin/env python3
"""The program as a user meets it: mistakes give one line and a code, commands do what they say.

    test_program.py --program build/cpu-release/recpo [--mpiexec mpirun] [Usage | BadInput | ...]
"""
import argparse
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

USAGE, BAD_INPUT, CANNOT_WRITE, STOPPED, WATCHDOG = 64, 65, 73, 75, 86
SMALL = ["data.max_train_rows=32", "data.max_eval_rows=8", "sft.steps=2", "align.steps=2", "sft.global_batch=8",
         "align.global_batch=8", "checkpoint.every_steps=1"]
options = argparse.Namespace()


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="recpo-app-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_program(self, *arguments, ranks=0, **more):
        launcher = [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks)] if ranks else []
        return subprocess.run([*launcher, options.program, *map(str, arguments)], cwd=self.folder, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=dict(os.environ, OMP_NUM_THREADS="1"), **more)

    def succeed(self, *arguments, **more):
        done = self.run_program(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return done

    def assert_one_error(self, done, code, *parts):
        self.assertEqual(done.returncode, code, done.stderr[-3000:])
        lines = [line for line in done.stderr.splitlines() if line.startswith("recpo: error: ")]
        self.assertEqual(len(lines), 1, done.stderr[-3000:])
        for part in parts:
            self.assertIn(str(part), lines[0])
        self.assertEqual(done.stdout, "")

    def fail_with(self, code, parts, *arguments, **more):
        self.assert_one_error(self.run_program(*arguments, **more), code, *parts)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def data_deck(self):
        """The built-in ratings as a user's own data, and a deck for them."""
        self.succeed("run.dir=made", "run.stages=prepare", *SMALL)
        shutil.copytree(self.folder / "made/data", self.folder / "data")
        return self.write("deck.toml", "\n".join([
            "[run]", 'dir = "out"', "[data]", 'dataset = "recbole"', 'path = "data"', "k_core_users = 0",
            "k_core_items = 0", "min_history = 2", "max_history = 2", "candidates = 8", "window = 2",
            "max_train_rows = 32", "[prompt]", 'templates = "data/templates.txt"', "[tokenizer]", "train_vocab = 400"]))

    def model(self):
        """A Hugging Face folder with random weights, trained for two steps."""
        self.succeed("run.dir=trained", "run.stages=prepare,sft", *SMALL)
        self.succeed("export", "--model", "trained/checkpoints/sft", "--output", "hf")
        return self.folder / "hf"

    def files(self):
        return {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}


class Usage(Program):
    def test_deck(self):
        self.fail_with(USAGE, ["nowhere.toml"], "run", "-i", "nowhere.toml")
        deck = self.write("deck.toml", "[data]\n\nnegativs = 3\n")
        self.fail_with(USAGE, ["deck.toml:3", "data.negativs", "data.negatives"], "prepare", "-i", deck)
        deck = self.write("deck.toml", "[data]\nnegatives = 20\n")
        self.fail_with(USAGE, ["data.negatives", "data.candidates"], "prepare", "-i", deck)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["deck.toml"])

    def test_command_line(self):
        self.fail_with(USAGE, ["sft.stps", "sft.steps"], "sft", "sft.stps=3")
        self.fail_with(USAGE, ["evalute", "evaluate"], "evalute")
        self.fail_with(USAGE, ["parallel.tp", "not available in this version"], "parallel.tp=2")
        self.fail_with(USAGE, ["baseline", "not available in this version"], "baseline")
        self.fail_with(USAGE, ["plan", "not available in this version"], "plan")
        self.fail_with(USAGE, ["--prompt", "--input"], "generate", "--model", "m")

    def test_random_weights_without_tokenizer(self):
        self.fail_with(USAGE, ["tokenizer.path", "tokenizer.train_vocab"], "tokenizer.train_vocab=0")

    def test_another_deck_in_the_same_folder(self):
        self.succeed("run.dir=out", "run.stages=prepare,sft", *SMALL)
        before = self.files()
        self.fail_with(USAGE, ["checkpoints/sft", "run.dir"], "run.dir=out", "run.stages=prepare,sft", *SMALL,
                       "optimizer.lr=1e-5")
        self.assertEqual(self.files(), before)


class BadInput(Program):
    def test_ratings(self):
        deck = self.data_deck()
        self.succeed("prepare", "-i", deck)
        rows = (self.folder / "out/rows.h5").read_bytes()
        ratings = self.folder / "data/tiny.inter"
        lines = ratings.read_text().splitlines()
        lines[4] = "1\t7\tfour\t3"
        ratings.write_text("\n".join(lines) + "\n")
        self.fail_with(BAD_INPUT, ["tiny.inter", "5"], "prepare", "-i", deck, "data.max_bad_lines=0")
        self.assertEqual((self.folder / "out/rows.h5").read_bytes(), rows)
        ratings.unlink()
        self.fail_with(BAD_INPUT, [self.folder / "data"], "prepare", "-i", deck)

    def test_rows(self):
        deck = self.data_deck()
        self.fail_with(BAD_INPUT, ["max_tokens"], "prepare", "-i", deck, "model.max_tokens=20")
        self.assertFalse((self.folder / "out/rows.h5").exists())
        self.write("data/templates.txt", "History:\n{history}\nAnswer:\n")
        self.fail_with(BAD_INPUT, ["templates.txt", "{candidates}"], "prepare", "-i", deck)
        self.write("own.jsonl", '{"prompt": "Q", "chosen": " a", "rejected": " b"}\n{"prompt": "Q"}\n')
        self.fail_with(BAD_INPUT, ["own.jsonl:2", "chosen"], "prepare", "data.dataset=rows", "data.train=own.jsonl",
                       "tokenizer.train_vocab=300", "run.dir=own")

    def test_models(self):
        self.fail_with(BAD_INPUT, ["missing"], "evaluate", "model.path=missing")
        folder = self.model()
        tensors = folder / "model.safetensors"
        tensors.write_bytes(tensors.read_bytes()[:-100])
        for command in (["generate", "--prompt", "a"], ["inspect"]):
            named = ["hf"] if command == ["inspect"] else ["--model", "hf"]
            self.fail_with(BAD_INPUT, ["model.safetensors"], *command, *named)
        self.fail_with(BAD_INPUT, ["model.safetensors"], "--dry-run", "model.path=hf")

    def test_questions(self):
        self.model()
        self.write("q.jsonl", '{"prompt": "a", "completions": [" b"]}\n{"prompt": "a"}\n')
        self.fail_with(BAD_INPUT, ["q.jsonl:2", "completions"], "score", "--model", "hf", "--input", "q.jsonl",
                       "--output", "a.jsonl")
        self.assertFalse((self.folder / "a.jsonl").exists())

    def test_every_checkpoint_broken(self):
        stop = ["run.dir=out", "run.stages=prepare,sft", *SMALL]
        self.succeed(*stop)
        for shard in (self.folder / "out/checkpoints/sft").glob("step_*/*.h5"):
            content = bytearray(shard.read_bytes())
            content[len(content) // 2] ^= 1
            shard.write_bytes(content)
        self.fail_with(BAD_INPUT, ["checkpoints/sft"], *stop)
        self.fail_with(BAD_INPUT, ["checkpoints/sft"], "inspect", "out/checkpoints/sft")


class CannotWrite(Program):
    def test_folder_below_a_file(self):
        self.write("file", "")
        self.fail_with(CANNOT_WRITE, ["file"], "run.dir=file/out")
        self.fail_with(CANNOT_WRITE, ["file"], "--dry-run", "run.dir=file/out")

    def test_file_size_limit(self):
        self.succeed("run.dir=out", "run.stages=prepare", *SMALL)
        limit = 300_000  # rows fit, a checkpoint does not
        self.assertLess((self.folder / "out/data/tiny.inter").stat().st_size, limit)
        done = self.run_program("run.dir=out", "run.stages=prepare,sft", *SMALL,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assert_one_error(done, CANNOT_WRITE, "step_1")
        self.succeed("run.dir=out", "run.stages=prepare,sft", *SMALL)


class Ranks(Program):
    def test_all_ranks_fail(self):
        self.fail_with(USAGE, ["sft.stps"], "sft", "sft.stps=3", ranks=2)
        self.fail_with(BAD_INPUT, ["missing"], "evaluate", "model.path=missing", ranks=2)

    def test_first_rank_works_alone(self):
        self.fail_with(BAD_INPUT, ["data/ml-100k"], "prepare", "tokenizer.train_vocab=300", ranks=2)

    def test_one_rank_fails(self):
        """The other rank waits in a collective; the job must end all the same, with the message of the one that failed."""
        for mistaken in (0, 1):
            with self.subTest(mistaken=mistaken):
                good = ["-np", "1", options.program, "run.dir=out", "run.stages=prepare", *SMALL]
                bad = good + ["sft.stps=1"]
                pair = [*bad, ":", *good] if mistaken == 0 else [*good, ":", *bad]
                done = subprocess.run([options.mpiexec, "--oversubscribe", *pair], cwd=self.folder, timeout=120,
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assert_one_error(done, USAGE, "sft.stps")

    def test_answers_once(self):
        self.assertEqual(self.succeed("--version", ranks=2).stdout.count("recpo "), 1)


class Job:
    """A run of several ranks whose ranks can be stopped and killed at will; its messages go to a file."""

    def __init__(self, folder, ranks, *arguments):
        self.folder, self.errors = folder, folder / "messages"
        with open(self.errors, "w") as errors:
            self.launcher = subprocess.Popen(
                [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks), options.program,
                 *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))

    def wait_until(self, happens, seconds=120):
        deadline = time.monotonic() + seconds
        while not happens():
            if time.monotonic() > deadline or self.launcher.poll() is not None:
                raise AssertionError(f"did not come so far:\n{self.errors.read_text()[-3000:]}")
            time.sleep(0.002)

    def wait_for_message(self, text):
        self.wait_until(lambda: text in self.errors.read_text())

    def pids(self):
        """The processes of the ranks, in their order."""
        threads = pathlib.Path(f"/proc/{self.launcher.pid}/task").iterdir()
        children = [child for thread in threads for child in (thread / "children").read_text().split()]
        found = {}
        for child in children:
            variables = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            rank = [v.split(b"=")[1] for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")]
            if rank:
                found[int(rank[0])] = int(child)
        return [found[rank] for rank in sorted(found)]

    def end(self):
        stdout, _ = self.launcher.communicate(timeout=120)
        return subprocess.CompletedProcess([], self.launcher.returncode, stdout, self.errors.read_text())


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class LostRank:
    """A rank that is stopped or killed in any phase ends the job with one line that names it and the phase."""

    limit = 600

    def lose(self, pid):
        raise NotImplementedError

    def assert_named(self, done, rank, phases):
        raise NotImplementedError

    def start(self, ranks, *arguments):
        job = Job(self.folder, ranks, "run.dir=out", *SMALL, "checkpoint.every_steps=0",
                  f"run.watchdog_seconds={self.limit}", *arguments)
        self.addCleanup(job.launcher.wait)
        self.addCleanup(job.launcher.kill)
        return job

    def lose_rank(self, job, rank, phases):
        pids = job.pids()
        self.lose(pids[rank])
        done = job.end()
        self.assert_named(done, rank, phases)
        phase = re.search(r"in phase '([^']*)'", done.stderr).group(1)
        self.assertRegex(phase, f"^({phases})$")
        deadline = time.monotonic() + 20  # the launcher does not wait for the last ones to be gone
        while any(map(is_running, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(list(filter(is_running, pids)))
        self.assertFalse([f for f in os.listdir("/dev/shm") if "recpo" in f or any(f".{pid}." in f for pid in pids)])

    def test_in_training(self):
        for ranks in (2, 4):
            rank = random.randrange(ranks)
            with self.subTest(ranks=ranks, rank=rank):
                job = self.start(ranks, "run.stages=prepare,sft", "sft.steps=100000", f"run.dir=out{ranks}")
                metrics = self.folder / f"out{ranks}/metrics.jsonl"
                job.wait_until(metrics.exists)
                time.sleep(random.uniform(0, 0.2))
                # The names of a step's parts are the trainer's own; that it is not a phase before or after counts.
                self.lose_rank(job, rank, r"(?!beginning|starting|after|load|save|saving|evaluat|prepare|ending).+")

    def test_in_evaluating(self):
        job = self.start(2, "run.stages=prepare,evaluate-base", "data.max_eval_rows=0", "evaluate.batch_tokens=200",
                         "model.hidden_size=256", "model.intermediate_size=1024")
        job.wait_for_message("evaluate base: ")
        time.sleep(0.5)
        self.lose_rank(job, random.randrange(2), "evaluate base")

    def test_in_saving(self):
        job = self.start(2, "run.stages=prepare,sft", "sft.steps=100000", "checkpoint.every_steps=1",
                         "model.vocab_size=20000")
        checkpoints = self.folder / "out/checkpoints/sft"
        job.wait_until(lambda: any(checkpoints.glob("step_*[0-9]")))
        first = job.pids()[0]

        def stopped_while_saving():
            os.kill(first, signal.SIGSTOP)
            if any(checkpoints.glob("step_*[0-9].tmp")):  # from the first file to the last
                return True
            os.kill(first, signal.SIGCONT)
            return False

        job.wait_until(stopped_while_saving)
        self.lose_rank(job, 0, r"saving a checkpoint|save step_\d+")

    def test_in_waiting_for_the_first_rank(self):
        job = self.start(2, "run.stages=prepare")
        job.wait_until(lambda: len(job.pids()) == 2)
        first, second = job.pids()
        job.wait_for_message("importing recbole")
        os.kill(first, signal.SIGSTOP)  # until the other one is lost
        self.assertFalse((self.folder / "out/rows.h5").exists(), "the first rank was too fast")
        time.sleep(0.2)
        os.kill(second, signal.SIGSTOP)
        os.kill(first, signal.SIGCONT)
        self.lose_rank(job, 1, "waiting for rank 0: preparing rows")


class StoppedRank(LostRank, Program):
    limit = 3

    def lose(self, pid):
        os.kill(pid, signal.SIGSTOP)

    def assert_named(self, done, rank, phases):
        self.assert_one_error(done, WATCHDOG, f"rank {rank} hangs: no progress for", "(run.watchdog_seconds)",
                              "it is stopped")

    def test_a_job_that_was_suspended_goes_on(self):
        """As a batch system does: longer than the limit, all ranks together."""
        job = self.start(2, "run.stages=prepare,sft", "sft.steps=100000")
        metrics = self.folder / "out/metrics.jsonl"
        job.wait_until(metrics.exists)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in job.pids():
                os.kill(pid, number)
            if number == signal.SIGSTOP:
                time.sleep(self.limit + 1)
        size = metrics.stat().st_size
        job.wait_until(lambda: metrics.stat().st_size > size + 1000)
        time.sleep(1.5)  # past the time in which nobody is judged
        for pid in job.pids():
            os.kill(pid, signal.SIGUSR1)
        done = job.end()
        self.assertEqual(done.returncode, STOPPED, done.stderr[-3000:])
        self.assertNotIn("recpo: error", done.stderr)


class KilledRank(LostRank, Program):
    def lose(self, pid):
        os.kill(pid, signal.SIGKILL)

    def assert_named(self, done, rank, phases):
        self.assertNotEqual(done.returncode, 0)
        self.assert_one_error(done, done.returncode, f"rank {rank} died in phase", "start the same command again")


class WallLimit(Program):
    def test_stops_with_a_checkpoint(self):
        endless = ["run.dir=out", "run.stages=prepare,sft", *SMALL, "sft.steps=1000000", "checkpoint.every_steps=0"]
        for _ in range(2):  # the second run goes on where the first one stopped
            done = self.run_program("-t", "00:00:06", *endless)
            self.assertEqual(done.returncode, STOPPED, done.stderr[-3000:])
            self.assertEqual(done.stderr.count("recpo: stopped"), 1)
            self.assertIn("start the same command again", done.stderr)
        self.assertIn("continues after step", done.stderr)
        self.succeed("inspect", "out/checkpoints/sft")
        steps = [json.loads(line)["step"] for line in (self.folder / "out/metrics.jsonl").read_text().splitlines()]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))


class Commands(Program):
    def test_model_keeps_its_answers_through_export_and_import(self):
        self.model()
        self.succeed("import", "--model", "hf", "--output", "native")
        self.write("q.jsonl", json.dumps({"prompt": "Liked:", "completions": [" a", " Comet Space", ""]}) + "\n")
        answers, scores = set(), set()
        for number, model in enumerate(("trained/checkpoints/sft/step_2", "hf", "native", "native/step_0")):
            done = self.succeed("generate", "--model", model, "--prompt", "Liked:\nComet", "--max-new-tokens", "6")
            answers.add(done.stdout)
            self.succeed("score", "--model", model, "--input", "q.jsonl", "--output", f"{number}.jsonl")
            scores.add((self.folder / f"{number}.jsonl").read_text())
        self.assertEqual(len(answers), 1, answers)
        self.assertEqual(len(scores), 1, scores)
        line = json.loads(scores.pop())
        self.assertEqual(line["tokens"][2], 1)  # the end token alone
        self.assertTrue(all(logp < 0 for logp in line["logp"]))

    def test_run_makes_what_is_lacking(self):
        deck = self.data_deck()
        small = [*SMALL, "evaluate.batch_tokens=2000"]
        self.succeed("align", "-i", deck, *small)  # without sft: from the base model
        out = self.folder / "out"
        self.assertTrue((out / "rows.h5").exists() and (out / "reference.h5").exists())
        self.assertFalse((out / "checkpoints/sft").exists())
        self.succeed("evaluate", "-i", deck, *small)
        self.assertEqual(list(json.loads((out / "evaluation.json").read_text())), ["recpo"])
        lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
        self.assertEqual({line["model"] for line in lines}, {"recpo"})
        self.assertEqual(len(lines), 8)
        self.assertIn("recpo", self.succeed("report", "-i", deck).stdout)
        self.succeed("prepare", "-i", deck, "--export", "rows.jsonl", *small)
        exported = [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]
        self.assertEqual([row["row"] for row in exported], list(range(len(exported))))
        for path in ("out", "out/rows.h5", "out/reference.h5", "out/metrics.jsonl", "out/evaluation.json"):
            self.assertIn("whole", self.succeed("inspect", path).stdout)


class DryRun(Program):
    def test_touches_nothing(self):
        deck = self.data_deck()
        before = self.files()
        plan = self.succeed("--dry-run", "-i", deck).stdout
        for part in ("rows", "steps", "weights", "gradients", "moments", "activations", "comm_bytes_dp"):
            self.assertIn(part, plan)
        self.assertIn("train 32", plan)
        self.assertEqual(self.files(), before)

    def test_without_a_deck(self):
        self.assertIn("train", self.succeed("--dry-run").stdout)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertIn("recpo", self.succeed("--version").stdout)
        self.assertIn("evaluate", self.succeed("--help").stdout)

    def test_printed_deck_reads_back(self):
        printed = self.succeed("--print-deck", "sft.steps=7").stdout
        deck = self.write("printed.toml", printed)
        again = self.succeed("--print-deck", "-i", deck).stdout
        values = [line.split("  # ")[0].strip() for line in again.splitlines()]
        self.assertIn("steps = 7", values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--mpiexec", default="mpirun")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *options.cases], verbosity=2)
