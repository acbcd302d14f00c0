#!/usr/bin/env python3
"""Reports of the program's own runs: what a reader sees first, runs of several kinds, a report while a run goes on; and
progress on a terminal.

    test_report.py --program build/cpu-release/recpo [--mpiexec mpirun] [Reports | Watching | Terminal]
"""
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import time

from program_case import SMALL, STOPPED, USAGE, Program, environment, main, options

QUESTIONS = ["Are the answers valid?", "Does it rank better than chance, popularity and SASRec?",
             "Does alignment add anything to as much more SFT?", "What can this not show?"]


ALL = [*SMALL, "run.stages=prepare,evaluate-base,sft,evaluate-sft,align,evaluate,report"]


class Reports(Program):
    def page(self, folder):
        return (self.folder / folder / "index.html").read_text()

    def test_what_a_reader_sees_first(self):
        done = self.succeed("run.dir=out", *ALL, "report.note=It shows the <way>.")
        page = self.page("out/report")
        places = [page.index(f"<dt>{question}</dt>") for question in QUESTIONS] + \
            [page.index(f">{heading}</h2>") for heading in ("Table 1: all systems", "Training", "Example questions",
                                                             "Comparisons in pairs", "Settings")]
        self.assertEqual(places, sorted(places))
        self.assertIn('<p class="note">It shows the &lt;way&gt;.</p>', page)
        for question in QUESTIONS:
            self.assertIn(f"- **{question}** ", done.stdout)
        for path in ("report/index.html", "predictions.jsonl", "evaluation.json", "checkpoints/sft", "checkpoints/align"):
            self.assertIn(str(self.folder / "out" / path), done.stderr)
        # Without the note, no stage is done again; the report follows the deck.
        done = self.succeed("run.dir=out", *ALL)
        self.assertNotIn("starts from", done.stderr)
        self.assertNotIn("shows the", self.page("out/report"))

    def test_example_questions_are_those_of_the_answers(self):
        self.succeed("run.dir=out", *ALL)
        lines = [json.loads(line) for line in (self.folder / "out/examples.jsonl").read_text().splitlines()]
        answers = [json.loads(line) for line in (self.folder / "out/predictions.jsonl").read_text().splitlines()]
        asked = {line["row"]: line for line in answers if line["split"] == "test" and line["model"] == "sft"}
        self.assertEqual({line["row"] for line in lines}, set(asked))  # 8 of at most 20
        page = self.page("out/report")
        for line in lines:
            self.assertEqual(line["chosen"], asked[line["row"]]["chosen"])
            self.assertIn(line["chosen"], line["candidates"])
            self.assertTrue(line["history"])
        for line in lines[:5]:
            self.assertIn(f'<th class="text">row {line["row"]}</th>', page)
        self.assertEqual(page.count('<th class="text">row '), 5)

    def test_kinds_of_runs_are_parts_of_one_page(self):
        self.succeed("run.dir=a", *SMALL, "run.stages=prepare,evaluate-base", "report.note=The first.")
        self.succeed("run.dir=b", *SMALL, "run.stages=prepare,evaluate-base", "model.hidden_size=32",
                     "model.intermediate_size=64", "tokenizer.train_vocab=340", "report.note=The second.")
        done = self.succeed("report", "--runs", "a", "b", "--output", "both")
        page = self.page("both")
        self.assertEqual(page.count('class="part"'), 2)
        self.assertLess(page.index("The first."), page.index("The second."))
        self.assertEqual(done.stdout.count("Zero-shot; base"), 2)
        for name in ("results.csv", "2-results.csv"):
            self.assertIn(",base,", (self.folder / "both" / name).read_text())

    def test_before_the_first_evaluation(self):
        self.succeed("run.dir=out", *SMALL, "run.stages=prepare,sft")
        self.succeed("report", "run.dir=out")
        page = self.page("out/report")
        self.assertIn("Not evaluated yet: out.", page)
        self.assertIn("Loss, supervised fine-tuning", page)
        self.assertNotIn("Table 1", page)


class Watching(Program):
    """The test holds run.dir/.lock, as a run does."""

    def setUp(self):
        super().setUp()
        self.succeed("run.dir=out", *SMALL, "run.stages=prepare,sft")
        self.lock = (self.folder / "out/.lock").open("w")
        self.addCleanup(self.lock.close)
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        self.page = self.folder / "out/report/index.html"

    def watch(self, *more):
        process = subprocess.Popen([options.program, "report", "--watch", *more, "--runs", "out"], cwd=self.folder,
                                   env=environment(0), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.wait_for(lambda: self.page.exists() and "http-equiv" in self.page.read_text(), process)
        return process

    def wait_for(self, condition, process):
        deadline = time.monotonic() + 120
        while not condition():
            self.assertIsNone(process.poll(), process.stderr.read() if process.poll() is not None else "")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_ends_with_the_run(self):
        process = self.watch("0.5")
        self.assertIn("Not evaluated yet", self.page.read_text())
        first = self.page.stat().st_mtime_ns
        self.wait_for(lambda: self.page.exists() and self.page.stat().st_mtime_ns != first, process)
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        messages = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, messages)
        self.assertNotIn("http-equiv", self.page.read_text())

    def test_a_folder_deeper_down_goes_on(self):
        deeper = self.folder / "out/compared/other"
        deeper.mkdir(parents=True)
        with (deeper / ".lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_SH)
            process = self.watch("0.5")
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            for _ in range(3):  # written again, without the run's own lock
                last = self.page.stat().st_mtime_ns
                self.wait_for(lambda: self.page.exists() and self.page.stat().st_mtime_ns != last, process)
        self.assertEqual(process.wait(timeout=120), 0)

    def test_ends_when_it_is_interrupted(self):
        process = self.watch()
        self.assertIn('content="10"', self.page.read_text())
        process.send_signal(signal.SIGINT)
        messages = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, messages)
        self.assertNotIn("http-equiv", self.page.read_text())

    def test_seconds_are_a_positive_number(self):
        for bad in ("0", "-1", "x"):
            self.fail_with(USAGE, ["--watch"], "report", "--watch", bad, "--runs", "out")


class Terminal(Program):
    def test_lines_of_progress_fit(self):
        columns = 52
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([options.program, "run.dir=out", *SMALL, "run.stages=prepare,sft", "sft.steps=1000000",
                                    "checkpoint.every_steps=0"], cwd=self.folder, env=environment(0),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        written = b""
        while written.count(b"steps  ") < 3:  # the bar of sft, written again
            written += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while more := os.read(ours, 4096):
                written += more
        except OSError:  # how a terminal ends
            pass
        os.close(ours)
        self.assertEqual(process.wait(timeout=120), STOPPED, written[-2000:])
        lines = [line.removeprefix("\x1b[K") for line in written.decode().replace("\n", "\r").split("\r")]
        bars = [line for line in lines if line.startswith("stage ")]
        self.assertTrue(any(bar.startswith("stage 2 of 2, sft") for bar in bars), written)
        for bar in bars:
            self.assertLess(len(bar), columns, bar)


if __name__ == "__main__":
    main()
