#!/usr/bin/env python3
"""Watchdog and exit status of a small program that does nothing else: one line explains each end, on one to four ranks.

    test_supervision.py --program build/cpu-release/tests/process/supervised [--mpiexec mpirun]
"""
import argparse
import os
import subprocess
import sys
import unittest

USAGE, BAD_INPUT, WATCHDOG = 64, 65, 86


def run(*scripts, watchdog=60):
    command = [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(len(scripts)), options.program,
               str(watchdog), *scripts]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"))


class Supervision(unittest.TestCase):
    def assert_ends(self, done, code, *parts):
        """With this code, and exactly one line of the program's own, which has all parts."""
        self.assertEqual(done.returncode, code, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("recpo: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for part in parts:
            self.assertIn(part, lines[0])

    def test_success_is_silent(self):
        done = run("work:50 wait", "wait", "wait work:100")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(done.stdout.split("\n"))[1:], ["rank 0 done", "rank 1 done", "rank 2 done"])

    def test_the_lowest_failure_is_everyones(self):
        self.assert_ends(run("", f"sleep:300 fail:{BAD_INPUT}", f"fail:{USAGE}"), BAD_INPUT, "as told, with code 65")

    def test_a_failure_that_others_do_not_come_to_ends_the_job(self):
        self.assert_ends(run("wait", f"fail:{BAD_INPUT}"), BAD_INPUT, "as told, with code 65")

    def test_a_failure_is_not_taken_for_the_collective_that_others_wait_in(self):
        for scripts in (("try:", f"fail:{BAD_INPUT}"), (f"fail:{BAD_INPUT}", "try:"),
                        ("try:", "try:", f"fail:{BAD_INPUT}", "try:")):
            self.assert_ends(run(*scripts), BAD_INPUT, "as told, with code 65")

    def test_heartbeats_keep_a_rank_alive(self):
        self.assertEqual(run("work:2500", "work:2500", watchdog=1).returncode, 0)

    def test_ranks_that_wait_for_one_at_work_are_alive(self):
        self.assertEqual(run("try:", "try:work:2500", "try:", watchdog=1).returncode, 0)
        self.assert_ends(run("beat:waiting try:", "beat:saving try:sleep:60000", "try:", watchdog=1), WATCHDOG,
                         "rank 1 hangs", "'saving'")

    def test_a_hanging_rank_is_named(self):
        self.assert_ends(run("beat:reading sleep:60000", watchdog=1), WATCHDOG, "rank 0 hangs", "'reading'")
        self.assert_ends(run("work:300 wait", "beat:reading sleep:60000", watchdog=1), WATCHDOG, "rank 1 hangs",
                         "'reading'")

    def test_a_stopped_rank_is_named(self):
        self.assert_ends(run("wait", "beat:saving stop", "work:200 wait", watchdog=1), WATCHDOG, "rank 1 hangs",
                         "'saving'", "it is stopped")

    def test_a_killed_rank_ends_the_job(self):
        done = run("wait", "wait", "beat:saving kill", "wait")
        self.assertNotEqual(done.returncode, 0)
        own = [line for line in done.stderr.splitlines() if line.startswith("recpo: ")]
        # The launcher may end the job before a rank of the node has seen it.
        self.assertTrue(not own or (len(own) == 1 and "rank 2 died in phase 'saving'" in own[0]), done.stderr)


parser = argparse.ArgumentParser()
parser.add_argument("--program", required=True)
parser.add_argument("--mpiexec", default="mpirun")
options, rest = parser.parse_known_args()
unittest.main(argv=sys.argv[:1] + rest)
