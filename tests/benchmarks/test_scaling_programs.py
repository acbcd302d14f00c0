"""scaling_step and scaling_collectives on two ranks: which grids and sizes they measure, and what must hold between
their figures on any machine."""
import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

parser = argparse.ArgumentParser()
for name in ["--mpiexec", "--step", "--collectives"]:
    parser.add_argument(name, required=True)
options, rest = parser.parse_known_args()


def run(program, *arguments, ranks=2):
    launcher = [options.mpiexec, "--oversubscribe", "--bind-to", "none", "-np", str(ranks)]
    return subprocess.run([*launcher, program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=200, env=os.environ)


def figures(case, program, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "figures.csv"
        done = run(program, *arguments, "--csv", str(file))
        case.assertEqual(done.returncode, 0, done.stderr[-3000:])
        with open(file, newline="", encoding="utf-8") as text:
            return list(csv.DictReader(text))


class Step(unittest.TestCase):
    small = ["--prompt", "16", "--answer", "4", "--steps", "2", "--warmup", "1"]

    def test_every_grid_is_measured(self):
        rows = figures(self, options.step, "--tp", "1,2", "--zero", "0,2", "--batch", "4", *self.small)
        grids = [(row["ranks"], row["tp"], row["dp"], row["zero"]) for row in rows]
        self.assertEqual(grids, [("1", "1", "1", "0"), ("1", "1", "1", "2"), ("2", "1", "2", "0"), ("2", "1", "2", "2"),
                                 ("2", "2", "1", "0"), ("2", "2", "1", "2")])
        self.assertEqual({row["global_batch"] for row in rows}, {"4"})
        for row in rows:
            self.assertLessEqual(float(row["step_ms_min"]), float(row["step_ms_median"]))
            self.assertEqual(int(row["sent_tp_bytes"]) > 0, row["tp"] == "2")
            self.assertEqual(int(row["sent_dp_bytes"]) > 0, row["dp"] == "2")
        first, last = rows[0], rows[-1]
        self.assertEqual(float(first["efficiency"]), 1)
        expected = float(last["tokens_per_second"]) / 2 / float(first["tokens_per_second"])
        self.assertAlmostEqual(float(last["efficiency"]), expected, delta=1e-4)

    def test_weak_scaling_gives_each_rank_the_same(self):
        rows = figures(self, options.step, "--objective", "sft", "--batch-per-rank", "3", *self.small)
        self.assertEqual([(row["ranks"], row["global_batch"], row["scaling"]) for row in rows],
                         [("1", "3", "weak"), ("2", "6", "weak")])

    def test_mistakes_are_named_once(self):
        for arguments, complaint in [([], "--batch (strong)"), (["--batch", "4", "--model", "huge"], "huge"),
                                     (["--batch", "1"], "2 data-parallel ranks"),
                                     (["--batch", "4", "--csv", "/nowhere/figures.csv"], "/nowhere/figures.csv")]:
            done = run(options.step, *arguments, *self.small)
            lines = [line for line in done.stderr.splitlines() if "error: " in line]
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertIn(complaint, lines[0])
            self.assertEqual(done.returncode, 73 if "/nowhere" in complaint else 64)


class Collectives(unittest.TestCase):
    def test_sizes_and_bandwidths(self):
        rows = figures(self, options.collectives, "--max-bytes", "65536", "--seconds", "0.001")
        self.assertEqual(len(rows), 2 * 3 * 3)  # axes, collectives, sizes
        self.assertEqual({row["bytes"] for row in rows}, {"4096", "16384", "65536"})
        for row in rows:
            algorithm, bus = float(row["algorithm_gb_per_s"]), float(row["bus_gb_per_s"])
            expected = 1e-3 * int(row["bytes"]) / float(row["median_us"])
            self.assertAlmostEqual(algorithm, expected, delta=1e-4 * expected)  # figures have six digits
            factor = 1 if row["collective"] == "all_reduce" else 0.5
            self.assertAlmostEqual(bus, factor * expected, delta=1e-4 * expected)

    def test_one_rank_is_refused(self):
        self.assertEqual(run(options.collectives, ranks=1).returncode, 64)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
