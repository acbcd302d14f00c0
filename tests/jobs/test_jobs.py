#!/usr/bin/env python3
"""The job scripts under a real Slurm of one pretended node with eight GPUs (slurm_node.py), on a tiny deck for the CPU:
they finish once and only once whatever warns them, fail with the program's code, and sweeps go through arrays.

    test_jobs.py --program build/cpu-release/recpo [Jobs]
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/commands"))
import program_case  # noqa: E402
import slurm_node  # noqa: E402
from program_case import BAD_INPUT, STOPPED, USAGE, Program  # noqa: E402

STEPS = 120  # seconds of work: a warning must not come after the end


def program_variables():
    """What every job is told of the program under test."""
    return {"RECPO_PROGRAM": program_case.options.program, "OMP_NUM_THREADS": "1", "ASAN_OPTIONS": "detect_leaks=0"}


@unittest.skipIf(slurm_node.missing(), slurm_node.missing())
class Jobs(Program):
    @classmethod
    def setUpClass(cls):
        cls.cluster_folder = tempfile.mkdtemp(prefix="recpo-slurm-")
        cls.cluster = slurm_node.SlurmNode(cls.cluster_folder)
        try:
            cls.cluster.start()
        except Exception:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()
        shutil.rmtree(cls.cluster_folder, ignore_errors=True)

    def setUp(self):
        super().setUp()
        deck = self.data_deck()
        text = deck.read_text().replace("[prompt]", "max_eval_rows = 8\n[prompt]")
        deck.write_text(text + f"\n[model]\nmax_tokens = 200\n[sft]\nsteps = 2\nglobal_batch = 8\n"
                        f"[align]\nsteps = {STEPS}\nglobal_batch = 16\n[checkpoint]\nevery_steps = 10\n")

    def submit(self, script, *options, overrides="", ranks=2, **variables):
        """The job's number. Slurm copies the script and starts it in the repository, as for a user."""
        variables = {"RECPO_DECK": str(self.folder / "deck.toml"), "RECPO_OVERRIDES": overrides, **program_variables(),
                     **variables}
        return self.cluster.run("sbatch", "--parsable", f"--ntasks-per-node={ranks}", f"--output={self.log}", *options,
                                str(ROOT / "jobs" / script), cwd=ROOT, variables=variables).strip()

    @property
    def log(self):
        return self.folder / "job.log"

    def steps(self, folder):
        lines = map(json.loads, (self.folder / folder / "metrics.jsonl").read_text().splitlines())
        return [line["step"] for line in lines if line["stage"] == "align"]

    def weights(self, folder):
        manifest = self.folder / folder / f"checkpoints/align/step_{STEPS}/manifest.json"
        return json.loads(manifest.read_text())["weights_hash"]

    def wait_for_steps(self, number, folder, count):
        path = self.folder / folder / "metrics.jsonl"

        def made():
            self.assertNotEqual(self.cluster.job(number)["JobState"], "FAILED", f"job {number}")
            return path.exists() and len(self.steps(folder)) >= count
        self.cluster.wait_for(made, f"{count} steps", 120)

    def start_again(self, number):
        """Slurm lets a job that was queued again wait for minutes; a test need not. Two seconds it must: a node takes a
        start in the whole second in which it ended the job for one of the run that is over, and the job fails."""
        self.cluster.wait_for(lambda: self.cluster.job(number)["JobState"] == "PENDING", "the requeue", 60)
        self.cluster.run("scontrol", "update", f"JobId={number}", "StartTime=now+2")

    def ended(self, number, state, code):
        job = self.cluster.wait_for_end(number)
        self.assertEqual((job["JobState"], job["ExitCode"]), (state, f"{code}:0"), self.log.read_text()[-3000:])
        return int(job["Restarts"])

    def test_warned_jobs_finish_once(self):
        """A user's warning, a preemption, then none: each is followed by a place in the queue, and every step is
        made once; the weights are those of a job that nobody warned."""
        number = self.submit("recpo_align.slurm", ranks=2)
        made = 0
        for warning in ("USR1", "TERM"):
            self.wait_for_steps(number, "out", made + 3)  # of this run: a job that waits takes no signal
            self.cluster.run("scancel", "--batch", f"--signal={warning}", number)
            self.start_again(number)
            made = len(self.steps("out"))
        self.assertEqual(self.ended(number, "COMPLETED", 0), 2)
        self.assertEqual(self.steps("out"), list(range(1, STEPS + 1)))
        alone = self.submit("recpo_align.slurm", overrides=f"run.dir={self.folder}/alone", ranks=8)
        self.assertEqual(self.ended(alone, "COMPLETED", 0), 0)
        self.assertEqual(self.weights("out"), self.weights("alone"))
        evaluated = self.submit("recpo_evaluate.slurm")
        self.assertEqual(self.ended(evaluated, "COMPLETED", 0), 0)
        self.assertIn("recpo", json.loads((self.folder / "out/evaluation.json").read_text()))

    def test_warned_at_the_start(self):
        """A warning that comes before the program listens ends it; the job still goes back into the queue."""
        started = self.folder / "started"
        slow = self.write("slow.sh", f"#!/bin/sh\n[ -e {started} ] || {{ touch {started}; exec sleep 100; }}\n"
                          f'exec {program_case.options.program} "$@"\n')
        slow.chmod(0o755)
        number = self.submit("recpo_prepare.slurm", ranks=1, RECPO_PROGRAM=str(slow))
        self.cluster.wait_for(started.exists, "the start", 60)
        self.cluster.run("scancel", "--batch", "--signal=USR1", number)
        self.start_again(number)
        self.assertEqual(self.ended(number, "COMPLETED", 0), 1)
        self.assertTrue((self.folder / "out/rows.h5").exists())

    def test_time_limit(self):
        """Slurm's own warning before the limit, again and again until the work is done."""
        number = self.submit("recpo_align.slurm", "--time=1", "--signal=B:USR1@50", overrides="align.steps=100000")
        self.cluster.wait_for(lambda: int(self.cluster.job(number)["Restarts"]) == 1, "the warning", 120)
        made = len(self.steps("out"))
        self.assertGreater(made, 0)
        self.assertEqual(self.steps("out"), list(range(1, made + 1)))
        self.cluster.run("scancel", number)

    def test_endings(self):
        wrong = self.submit("recpo_sft.slurm", overrides="sft.stepps=3")
        self.assertEqual(self.ended(wrong, "FAILED", USAGE), 0)
        self.assertIn("sft.steps", self.log.read_text())
        missing = self.submit("recpo_prepare.slurm", overrides="data.path=/nowhere/at/all")
        self.assertEqual(self.ended(missing, "FAILED", BAD_INPUT), 0)
        prepared = self.submit("recpo_prepare.slurm", ranks=1)
        self.assertEqual(self.ended(prepared, "COMPLETED", 0), 0)
        self.assertTrue((self.folder / "out/rows.h5").exists())
        no_program = self.submit("recpo_sft.slurm", RECPO_MAX_REQUEUE="0", overrides="sft.steps=100000")
        self.cluster.wait_for(lambda: (self.folder / "out/metrics.jsonl").exists(), "the first step", 120)
        self.cluster.run("scancel", "--batch", "--signal=USR1", no_program)
        self.assertEqual(self.ended(no_program, "FAILED", STOPPED), 0)
        self.assertIn("RECPO_MAX_REQUEUE", self.log.read_text())

    def test_sweep(self):
        self.write("sweep.toml", 'include = ["deck.toml"]\n[run]\nstages = ["prepare", "sft", "align", "evaluate"]\n'
                   '[align]\nsteps = 2\n[sweep]\naxes = ["align.lambda = 0 | 2"]\n')
        variables = {"RECPO_SBATCH": f"--ntasks-per-node=1 --output={self.log}", **program_variables()}
        answer = self.cluster.run("bash", str(ROOT / "jobs/submit_sweep.sh"), str(self.folder / "sweep.toml"),
                                  variables=variables)
        last = answer.split()[-2]
        self.assertEqual(self.ended(last, "COMPLETED", 0), 0)
        for value in (0, 2):
            self.assertTrue((self.folder / f"out/cells/align.lambda={value}/evaluation.json").exists())


if __name__ == "__main__":
    os.chdir(ROOT)
    program_case.main()
