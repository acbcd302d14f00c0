"""What the scripts that drive the program share: a folder of its own for each test, runs with and without ranks, and
what a mistake must look like."""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

USAGE, BAD_INPUT, CANNOT_WRITE, STOPPED, WATCHDOG = 64, 65, 73, 75, 86
SMALL = ["data.max_train_rows=32", "data.max_eval_rows=8", "sft.steps=2", "align.steps=2", "sft.global_batch=8",
         "align.global_batch=8", "checkpoint.every_steps=1"]
options = argparse.Namespace()


def environment(ranks):
    """Under mpirun a sanitized program looks for no leaks: MPI's plugins keep memory and cannot be told apart. Memory
    that cannot be had is the program's to speak of."""
    return dict(os.environ, OMP_NUM_THREADS="1",
                ASAN_OPTIONS="allocator_may_return_null=1" + (":detect_leaks=0" if ranks else ""))


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="recpo-app-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_program(self, *arguments, ranks=0, **more):
        launcher = [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks)] if ranks else []
        return subprocess.run([*launcher, options.program, *map(str, arguments)], cwd=self.folder, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              env=environment(ranks), **more)

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
        """A user's own rating log of 24 items, and a deck for it."""
        draw = random.Random(1)
        self.write("data/tiny.item", "item_id:token\tmovie_title:token_seq\n" +
                   "".join(f"{item}\tTitle {item}\n" for item in range(1, 25)))
        self.write("data/tiny.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" +
                   "".join(f"{user}\t{item}\t{1 + 3 * (time % 2) + draw.randrange(2)}\t{time}\n"
                           for user in range(1, 101) for time, item in enumerate(draw.sample(range(1, 25), 8))))
        self.write("data/templates.txt", "Liked:\n{history}\nChoose from:\n{candidates}\nAnswer:\n")
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
        """Contents, without the locks of run folders."""
        return {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file() and p.name != ".lock"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--mpiexec", default="mpirun")
    parser.add_argument("cases", nargs="*")
    parser.parse_args(namespace=options)
    options.program = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *options.cases], verbosity=2)
