#!/usr/bin/env python3
"""The program as a user meets it: mistakes give one line and a code, commands do what they say.

    test_program.py --program build/cpu-release/recpo [--mpiexec mpirun] [Usage | BadInput | ...]
"""
import array
import json
import math
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

from program_case import BAD_INPUT, CANNOT_WRITE, SMALL, STOPPED, USAGE, Program, environment, main, options


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
        self.fail_with(USAGE, ["parallel.tp", "ranks"], "parallel.tp=2")
        self.fail_with(USAGE, ["--prompt", "--input"], "generate", "--model", "m")

    def test_random_weights_without_tokenizer(self):
        self.fail_with(USAGE, ["tokenizer.path", "tokenizer.train_vocab"], "tokenizer.train_vocab=0")

    def test_more_memory_than_can_be_had(self):
        self.succeed("run.dir=out", "run.stages=prepare", *SMALL)
        before = self.files()
        for ranks in (0, 2):
            self.fail_with(USAGE, ["sft: a rank needs", "recpo plan", "sft.micro_batch_tokens"], "run.dir=out",
                           "run.stages=sft", *SMALL, "model.hidden_size=1048576", "model.intermediate_size=1048576",
                           "model.num_hidden_layers=1000", ranks=ranks)
        self.assertEqual(self.files(), before)

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

    def test_checkpoints_that_cannot_be_listed(self):
        """Training must not begin afresh, nor alignment with weights that nobody trained."""
        run = ["run.dir=out", *SMALL]
        self.succeed(*run, "run.stages=prepare,sft")
        stage = self.folder / "out/checkpoints/sft"
        stage.rename(self.folder / "elsewhere")
        stage.write_text("a file in its place")
        before = self.files()
        for stages in ("prepare,sft", "prepare,align", "prepare,evaluate-sft"):
            for ranks in (0, 2):
                self.fail_with(BAD_INPUT, ["checkpoints/sft", "Not a directory"], *run, f"run.stages={stages}",
                               ranks=ranks)
        self.assertEqual(self.files(), before)

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
        limit = 1_000_000  # rows fit, a checkpoint does not
        self.assertLess((self.folder / "out/rows.h5").stat().st_size, limit)
        done = self.run_program("run.dir=out", "run.stages=prepare,sft", *SMALL,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assert_one_error(done, CANNOT_WRITE, "step_1")
        self.succeed("run.dir=out", "run.stages=prepare,sft", *SMALL)


class Output(Program):
    """A stream that is full, closed or without a reader takes nothing away from a run, nor its exit status."""

    def arguments(self, streams, *arguments, ranks=0):
        """By a shell, which is replaced by the program."""
        launcher = [options.mpiexec, "--oversubscribe", "-np", str(ranks)] if ranks else []
        return ["bash", "-c", f'exec "$@" {streams}', "bash", *launcher, options.program, *map(str, arguments)]

    def run_with(self, streams, *arguments, ranks=0):
        return subprocess.run(self.arguments(streams, *arguments, ranks=ranks), cwd=self.folder, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(ranks))

    def test_an_answer_that_cannot_be_written(self):
        deck = self.data_deck()
        self.succeed("prepare", "-i", deck)
        sweep = self.write("sweep.toml", '[sweep]\naxes = ["optimizer.lr = 1e-3 | 1e-4"]\n')
        plan = pathlib.Path(__file__).resolve().parents[2] / "inputs/llama31_8b_plan.toml"
        before = self.files()
        for arguments in (["--help"], ["plan", "--help"], ["--version"], ["--print-deck"], ["--print-reference"],
                          ["--dry-run", "-i", deck], ["plan", "-i", plan], ["init", "data", "--output", "own.toml"],
                          ["inspect", "out"], ["sweep", "-i", sweep, "--list"]):
            with self.subTest(arguments=arguments):
                self.assert_one_error(self.run_with(">/dev/full", *arguments), CANNOT_WRITE, "standard output",
                                      "No space left")
        self.assert_one_error(self.run_with(">&-", "--help"), CANNOT_WRITE, "standard output", "Bad file descriptor")
        self.assertEqual(self.files(), before)

    def test_a_run_goes_on(self):
        run = ["run.stages=prepare,evaluate-base,sft", *SMALL]
        self.succeed("run.dir=whole", *run)
        weights = self.weights("whole")
        for number, streams in enumerate((">/dev/full", "2>/dev/full", "2> >(true)", ">&- 2>&- <&-")):
            with self.subTest(streams=streams):
                done = self.run_with(streams, f"run.dir=out{number}", *run)
                self.assertEqual(done.returncode, 0, done.stderr[-3000:])
                self.assertEqual(done.stderr.count("cannot write to standard output"), int(streams == ">/dev/full"))
                self.assertEqual(self.weights(f"out{number}"), weights)
                self.succeed("inspect", f"out{number}")
        self.assertEqual(self.run_with("2>/dev/full", "run.dir=ranks", *run, ranks=2).returncode, 0)

    def weights(self, run):
        return json.loads((self.folder / run / "checkpoints/sft/step_2/manifest.json").read_text())["weights_hash"]

    def test_the_code_stays(self):
        self.write("file", "")
        for streams in ("2>/dev/full", ">&- 2>&-"):
            for code, arguments in ((USAGE, ["sft.stps=3"]), (BAD_INPUT, ["evaluate", "model.path=missing"]),
                                    (CANNOT_WRITE, ["run.dir=file/out"])):
                self.assertEqual(self.run_with(streams, *arguments).returncode, code)

    def test_a_stop_in_order(self):
        process = subprocess.Popen(
            self.arguments("2>/dev/full", "run.dir=out", "run.stages=prepare,sft", *SMALL, "sft.steps=1000000",
                           "checkpoint.every_steps=0"),
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(0))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        metrics, deadline = self.folder / "out/metrics.jsonl", time.monotonic() + 120
        while not metrics.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(2.5)  # until progress is shown
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.wait(timeout=120), STOPPED)
        self.succeed("inspect", "out/checkpoints/sft")


class RunFolder(Program):
    """It belongs to one program at a time."""

    def start(self, *arguments):
        process = subprocess.Popen([options.program, *map(str, arguments)], cwd=self.folder, env=environment(0),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, path):
        deadline = time.monotonic() + 120
        while not path.exists():
            self.assertLess(time.monotonic(), deadline, path)
            time.sleep(0.01)

    def test_second_program_names_the_holder(self):
        deck = ["run.dir=out", *SMALL, "run.stages=prepare,sft"]
        first = self.start(*deck, "sft.steps=100000", "checkpoint.every_steps=0")
        self.wait_for(self.folder / "out/metrics.jsonl")
        for command in ("run", "sft", "prepare"):
            self.fail_with(CANNOT_WRITE, ["out", f"process {first.pid} on", "run.lock_wait"], command, *deck,
                           "run.lock_wait=0.3")
        self.succeed("run.dir=other", *SMALL, "run.stages=prepare")
        first.kill()
        first.wait()
        self.succeed(*deck, "run.lock_wait=0")

    def test_started_at_once(self):
        programs = [self.start("run.dir=out", *SMALL, "run.lock_wait=300") for _ in range(5)]
        for program in programs:
            messages = program.communicate(timeout=300)[1]
            self.assertEqual(program.returncode, 0, messages[-3000:])
        steps = [(line["stage"], line["step"])
                 for line in map(json.loads, (self.folder / "out/metrics.jsonl").read_text().splitlines())]
        self.assertEqual(steps, [("sft", 1), ("sft", 2), ("align", 1), ("align", 2)])


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
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      env=environment(2))
                self.assert_one_error(done, USAGE, "sft.stps")

    def test_a_file_is_missing_for_one_rank(self):
        """The other one waits for it in a collective of the command."""
        self.succeed("run.dir=first", "run.stages=prepare", *SMALL)
        run = ["-np", "1", options.program, "run.dir=out", "run.stages=prepare", *SMALL]
        good, bad = ([*run, f"tokenizer.path={name}.json"] for name in ("first/tokenizer", "missing"))
        for pair in ([*good, ":", *bad], [*bad, ":", *good]):
            done = subprocess.run([options.mpiexec, "--oversubscribe", *pair], cwd=self.folder, timeout=120,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(2))
            self.assert_one_error(done, BAD_INPUT, "missing.json")

    def test_answers_once(self):
        self.assertEqual(self.succeed("--version", ranks=2).stdout.count("recpo "), 1)


class WallLimit(Program):
    def steps(self):
        metrics = self.folder / "out/metrics.jsonl"
        return [json.loads(line)["step"] for line in metrics.read_text().splitlines()] if metrics.exists() else []

    def stopped_after(self, seconds):
        done = self.run_program("-t", f"00:{seconds // 60:02}:{seconds % 60:02}", "run.dir=out",
                                "run.stages=prepare,sft", *SMALL, "sft.steps=1000000", "checkpoint.every_steps=0")
        self.assertEqual(done.returncode, STOPPED, done.stderr[-3000:])
        self.assertEqual(done.stderr.count("recpo: stopped"), 1)
        self.assertIn("start the same command again", done.stderr)
        return done

    def test_stops_with_a_checkpoint(self):
        seconds = 6
        self.stopped_after(seconds)
        while not self.steps():  # a slow build stops before its first step
            seconds *= 2
            self.assertLess(seconds, 200, "no step within minutes")
            self.stopped_after(seconds)
        self.assertIn("continues after step", self.stopped_after(2 * seconds).stderr)
        self.succeed("inspect", "out/checkpoints/sft")
        self.assertEqual(self.steps(), list(range(1, len(self.steps()) + 1)))


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
        self.assertIn("</html>", (out / "report/index.html").read_text())
        self.assertIn("RecPO", self.succeed("report", "--runs", "out", "--output", "study").stdout)
        self.assertIn("</html>", (self.folder / "study/index.html").read_text())
        self.fail_with(BAD_INPUT, ["nowhere"], "report", "--runs", "nowhere")
        self.succeed("prepare", "-i", deck, "--export", "rows.jsonl", *small)
        exported = [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]
        self.assertEqual([row["row"] for row in exported], list(range(len(exported))))
        for path in ("out", "out/rows.h5", "out/reference.h5", "out/metrics.jsonl", "out/evaluation.json"):
            self.assertIn("whole", self.succeed("inspect", path).stdout)


    def test_names_in_files_cannot_steer_a_terminal(self):
        self.write("foreign.json", '{"\\u001b[2J\\u009bm\\nforged": {"\\u0007": 1}}')
        shown = self.succeed("inspect", "foreign.json").stdout
        self.assertEqual(shown.splitlines()[1:], ["  \\x1b[2J\\xc2\\x9bm\\x0aforged"])
        self.write("own.jsonl", '{"prompt": "Q", "chosen": " a", "rejected": " b", "\\u001b]0;x": 1, "\\u001b]0;x": 2}\n')
        self.fail_with(BAD_INPUT, ["own.jsonl:1", "u001b"], "prepare", "data.dataset=rows", "data.train=own.jsonl",
                       "tokenizer.train_vocab=300", "run.dir=own")
        done = self.run_program("inspect", "no\x1b[31msuch.json")
        self.assert_one_error(done, BAD_INPUT, "no\\x1b[31msuch.json")

    def test_sft_with_the_budget_of_an_aligned_model(self):
        deck = ["run.stages=prepare,sft", *SMALL, "align.global_batch=12", "sft.longer=true"]  # 2 x 8 and 2 x 12 rows
        self.assertIn("5 steps of 8 rows", self.succeed("--dry-run", "run.dir=out", *deck).stdout)
        self.succeed("run.dir=out", *deck)
        lines = map(json.loads, (self.folder / "out/metrics.jsonl").read_text().splitlines())
        self.assertEqual([line["step"] for line in lines], [1, 2, 3, 4, 5])
        self.fail_with(USAGE, ["checkpoints/sft"], "run.dir=out", *deck, "align.steps=4")


class Bfloat16(Program):
    def test_another_precision_in_the_same_folder(self):
        stage = ["run.dir=out", "run.stages=prepare,sft", *SMALL]
        self.succeed(*stage, "model.precision=bf16")
        before = self.files()
        self.fail_with(USAGE, ["checkpoints/sft", "run.dir"], *stage, "model.precision=fp32")
        self.assertEqual(self.files(), before)
        self.assertIn("skipped", self.succeed(*stage, "model.precision=bf16").stderr)

    def scores(self, model, precision):
        self.succeed("score", "--model", model, "--input", "q.jsonl", "--output", "s.jsonl",
                     f"model.precision={precision}")
        lines = (self.folder / "s.jsonl").read_text().splitlines()
        return [logp for line in lines for logp in json.loads(line)["logp"]]

    def moved(self, draw):
        """The model of folder hf with every weight moved by 2^-8 of itself, up or down at random."""
        folder = self.folder / f"moved{draw}"
        shutil.copytree(self.folder / "hf", folder)
        content = (folder / "model.safetensors").read_bytes()
        begin = 8 + int.from_bytes(content[:8], "little")
        choose, values = random.Random(draw), array.array("f", content[begin:])
        for i, value in enumerate(values):
            values[i] = value * (1 + choose.choice((-1, 1)) / 256)
        (folder / "model.safetensors").write_bytes(content[:begin] + values.tobytes())
        return folder

    def test_scores_follow_fp32(self):
        """Within the response of fp32 to moved weights, as tests/model/test_bfloat16_model.cpp derives it: a forward
        pass stores ten tensors for the four products of a block. The weights were trained in bf16, which holds them."""
        self.succeed("run.dir=trained", "run.stages=prepare,sft", *SMALL, "model.precision=bf16")
        self.succeed("export", "--model", "trained/checkpoints/sft", "--output", "hf", "--dtype", "float32")
        questions = [{"prompt": f"Liked: {i}", "completions": [" a", " Comet Space", "", " the 3rd"]} for i in range(8)]
        self.write("q.jsonl", "".join(json.dumps(question) + "\n" for question in questions))
        exact, found = self.scores("hf", "fp32"), self.scores("hf", "bf16")
        self.assertEqual(found, self.scores("trained/checkpoints/sft", "bf16"))
        bound = math.sqrt(10 / 4) * max(math.dist(self.scores(self.moved(draw), "fp32"), exact) for draw in range(3))
        self.assertLess(bound, 0.01 * math.hypot(*exact))  # so that it sees anything
        self.assertLessEqual(math.dist(found, exact), bound)
        self.assertNotEqual(found, exact)


class DryRun(Program):
    def test_touches_nothing(self):
        deck = self.data_deck()
        before = self.files()
        plan = self.succeed("--dry-run", "-i", deck).stdout
        for part in ("rows", "steps", "weights", "gradients", "moments", "activations", "comm_bytes_dp"):
            self.assertIn(part, plan)
        self.assertIn("train 32", plan)
        layouts = self.succeed("plan", "-i", deck).stdout  # of the same rows
        self.assertIn(re.search(r"longest (\d+)", plan[plan.rindex("align"):])[0], layouts)
        self.assertEqual(self.files(), before)

    def test_without_a_deck(self):
        self.assertIn("train", self.succeed("--dry-run").stdout)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertIn("recpo", self.succeed("--version").stdout)
        self.assertIn("evaluate", self.succeed("--help").stdout)

    def test_says_what_does_not_fit(self):
        deck = self.data_deck()
        cpu = (pathlib.Path(__file__).resolve().parents[2] / "inputs/nodes/cpu.toml").read_text()
        node = self.write("node.toml", re.sub(r"(?m)^memory_gib = \S+", "memory_gib = 0.001", re.sub(
            r"(?m)^reserve_gib = \S+", "reserve_gib = 0.0", cpu)))
        done = self.run_program("--dry-run", "-i", deck, "--node", node)
        self.assertEqual(done.returncode, USAGE, done.stderr[-3000:])
        self.assertRegex(done.stderr, r"error: memory: sft needs .* a rank, .* has .*: see recpo plan")
        self.assertIn("activations", done.stdout)  # the plan is shown all the same
        self.fail_with(CANNOT_WRITE, ["run.dir", "checkpoints need", "checkpoint.keep"], "--dry-run", "-i", deck,
                       "model.intermediate_size=1000000", "model.num_hidden_layers=4000")

    def test_plan_of_a_model_without_its_files(self):
        inputs = pathlib.Path(__file__).resolve().parents[2] / "inputs"
        deck = ["-i", inputs / "llama31_8b_plan.toml"]
        plan = self.succeed("plan", *deck, "--node", inputs / "nodes/a6000x8.toml").stdout
        self.assertRegex(plan, "choice: tp 2 x dp 4")
        small = self.succeed("plan", *deck, "--node", inputs / "nodes/cpu.toml", ranks=2).stdout
        self.assertIn("nothing fits", small)
        self.fail_with(USAGE, ["--node", "nowhere.toml"], "plan", *deck, "--node", "nowhere.toml")
        node = self.write("node.toml", (inputs / "nodes/cpu.toml").read_text().replace("\nranks =", "\nrank ="))
        self.fail_with(USAGE, ["node.toml:6", "node.rank"], "plan", *deck, "--node", node)
        self.fail_with(USAGE, ["run.stages", "sft or align"], "plan", "run.stages=prepare")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["node.toml"])

    def test_printed_deck_reads_back(self):
        printed = self.succeed("--print-deck", "sft.steps=7").stdout
        deck = self.write("printed.toml", printed)
        again = self.succeed("--print-deck", "-i", deck).stdout
        values = [line.split("  # ")[0].strip() for line in again.splitlines()]
        self.assertIn("steps = 7", values)


if __name__ == "__main__":
    main()
