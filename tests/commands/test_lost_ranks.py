#!/usr/bin/env python3
"""A rank that is stopped, hangs or is killed in any phase ends the job with one line that names it and the phase.

    test_lost_ranks.py --program build/cpu-release/recpo [--mpiexec mpirun] [StoppedRank | KilledRank]
"""
import os
import pathlib
import random
import re
import signal
import subprocess
import time

from program_case import SMALL, STOPPED, WATCHDOG, Program, environment, main, options

ENDLESS = [*SMALL, "run.stages=prepare,sft", "sft.steps=100000", "checkpoint.every_steps=0"]


class Job:
    """A run of several ranks whose ranks can be stopped and killed at will; its messages go to a file."""

    def __init__(self, folder, ranks, *arguments):
        self.folder, self.errors = folder, folder / "messages"
        with open(self.errors, "w") as errors:
            self.launcher = subprocess.Popen(
                [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks), options.program,
                 *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, env=environment(ranks))

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


def state_of(pid):
    """R, S, D, T (stopped) or Z of proc(5); nothing for a process that is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_running(pid):
    return state_of(pid) not in ("", "Z", "X")


class LostRank:
    """A rank that is stopped or killed in any phase ends the job with one line that names it and the phase."""

    limit = 600

    def lose(self, pid):
        raise NotImplementedError

    def assert_named(self, done, rank, phases):
        raise NotImplementedError

    def start(self, ranks, *arguments):
        job = Job(self.folder, ranks, *arguments, "run.dir=out", f"run.watchdog_seconds={self.limit}")
        self.addCleanup(job.launcher.wait)
        self.addCleanup(job.launcher.kill)
        return job

    def deck_with_a_pipe(self):
        """A deck whose templates the first rank reads for ever, and the pipe they are."""
        deck, pipe = self.data_deck(), self.folder / "data/templates.txt"
        pipe.unlink()
        os.mkfifo(pipe)
        return deck, pipe

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
        job = self.start(4, *ENDLESS)
        job.wait_until((self.folder / "out/metrics.jsonl").exists)
        time.sleep(random.uniform(0, 0.2))
        # The names of a step's parts are the trainer's own; that it is not a phase before or after counts.
        self.lose_rank(job, random.randrange(4),
                       "(?!beginning|starting|after|load|save|saving|evaluat|prepare|ending).+")

    def test_in_evaluating(self):
        job = self.start(2, *SMALL, "run.stages=prepare,evaluate-base", "data.max_eval_rows=0",
                         "evaluate.batch_tokens=200", "model.hidden_size=256", "model.intermediate_size=1024")
        job.wait_for_message("evaluate base: ")
        time.sleep(0.5)
        # A slow build is still before its first row: in the stage, or in loading the model.
        self.lose_rank(job, random.randrange(2), "evaluate[ -]base|load .+")

    def test_in_saving(self):
        job = self.start(2, *ENDLESS, "checkpoint.every_steps=1", "model.vocab_size=20000")
        checkpoints = self.folder / "out/checkpoints/sft"
        job.wait_until(lambda: any(checkpoints.glob("step_*[0-9]")))
        first = job.pids()[0]

        def stopped_while_saving():
            os.kill(first, signal.SIGSTOP)
            job.wait_until(lambda: state_of(first) == "T")
            if any(checkpoints.glob("step_*[0-9].tmp")):  # from the first file to the last
                return True
            os.kill(first, signal.SIGCONT)
            return False

        job.wait_until(stopped_while_saving)
        self.lose_rank(job, 0, r"saving a checkpoint|save step_\d+")

    def test_in_waiting_for_the_first_rank(self):
        deck, pipe = self.deck_with_a_pipe()
        job = self.start(2, "prepare", "-i", deck)
        writers = []

        def is_read():
            try:
                writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # refused as long as nobody reads
                self.addCleanup(os.close, writers[0])
            except OSError:
                pass
            return writers

        job.wait_until(is_read)
        time.sleep(0.5)  # for the other rank to come as far
        self.lose_rank(job, 1, "waiting for rank 0: hashing data")


class StoppedRank(LostRank, Program):
    limit = 4

    def lose(self, pid):
        os.kill(pid, signal.SIGSTOP)

    def assert_named(self, done, rank, phases):
        self.assert_one_error(done, WATCHDOG, f"rank {rank} hangs: no progress for", "(run.watchdog_seconds)",
                              "it is stopped")

    def test_a_read_that_never_ends(self):
        """Nobody is stopped: the first rank waits for the writer of a pipe, and the others for the first rank."""
        deck, _ = self.deck_with_a_pipe()
        parts = ["rank 0 hangs: no progress for", "in phase 'hashing data'", "it sleeps"]
        for ranks in (0, 3):
            with self.subTest(ranks=ranks):
                self.fail_with(WATCHDOG, parts, "prepare", "-i", deck, "run.watchdog_seconds=2", ranks=ranks)

    def test_a_job_that_was_suspended_goes_on(self):
        """As a batch system does: longer than the limit, all ranks together."""
        job = self.start(2, *ENDLESS)
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


if __name__ == "__main__":
    main()
