"""scripts/plot_scaling.py: what it draws is a well-formed picture whose marks lie where the figures say."""
import argparse
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

parser = argparse.ArgumentParser()
parser.add_argument("--script", type=pathlib.Path, required=True)
options, rest = parser.parse_known_args()
spec = importlib.util.spec_from_file_location("plot_scaling", options.script)
plot_scaling = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plot_scaling)

SVG = "{http://www.w3.org/2000/svg}"


def step(ranks, tp, efficiency, compute=6, comm_tp=2, comm_dp=1, optimizer=1):
    return {"model": "tiny", "objective": "recpo", "scaling": "strong", "ranks": float(ranks), "tp": float(tp),
            "dp": float(ranks // tp), "zero": 1.0, "global_batch": 16.0, "efficiency": efficiency,
            "compute_ms": float(compute), "comm_tp_ms": float(comm_tp), "comm_dp_ms": float(comm_dp),
            "optimizer_ms": float(optimizer)}


def collective(ranks, size, rate, axis="tp"):
    return {"collective": "all_reduce", "axis": axis, "ranks": float(ranks), "bytes": float(size), "bus_gb_per_s": rate}


def parts(text, tag):
    return list(ElementTree.fromstring(text).iter(SVG + tag))


def words(text):
    return [part.text for part in parts(text, "text")]


class Steps(unittest.TestCase):
    def test_marks_fall_with_the_efficiency(self):
        text = plot_scaling.draw([step(1, 1, 1.0), step(2, 1, 0.9), step(4, 1, 0.5), step(4, 2, 0.7)])
        marks = [(float(mark.get("cx")), float(mark.get("cy"))) for mark in parts(text, "circle")]
        self.assertEqual(len(marks), 4)
        (x1, y1), (x2, y2), (x4, y4), (other_x4, other_y4) = marks
        self.assertAlmostEqual(x4 - x2, x2 - x1, delta=0.2)  # equal steps from 1 to 2 and from 2 to 4
        self.assertEqual(x4, other_x4)
        self.assertAlmostEqual((y4 - y1) / (y2 - y1), 5, delta=0.2)  # 50 % lost against 10 %
        self.assertLess(other_y4, y4)
        for label in ["tp 1, ZeRO 1", "tp 2, ZeRO 1", "ranks", "compute", "dp communication"]:
            self.assertIn(label, words(text))

    def test_phases_fill_the_bar_in_their_proportions(self):
        text = plot_scaling.draw([step(1, 1, 1.0, compute=6, comm_tp=2, comm_dp=1, optimizer=1)])
        heights = [float(box.get("height")) for box in parts(text, "rect")[1:]]  # the first is the ground
        self.assertEqual(len(heights), 4)
        for height, share in zip(heights, [0.6, 0.2, 0.1, 0.1]):
            self.assertAlmostEqual(height / plot_scaling.HEIGHT, share, delta=1e-3)

    def test_words_are_escaped(self):
        row = step(1, 1, 1.0)
        row["model"] = "a<b&c"
        self.assertTrue(any("a<b&c" in text for text in words(plot_scaling.draw([row]))))


class Collectives(unittest.TestCase):
    def test_both_axes_are_logarithmic(self):
        text = plot_scaling.draw([collective(2, 2**12, 0.1), collective(2, 2**16, 1.0), collective(2, 2**20, 10.0)])
        marks = [(float(mark.get("cx")), float(mark.get("cy"))) for mark in parts(text, "circle")]
        self.assertAlmostEqual(marks[2][0] - marks[1][0], marks[1][0] - marks[0][0], delta=0.2)
        self.assertAlmostEqual(marks[2][1] - marks[1][1], marks[1][1] - marks[0][1], delta=0.2)
        self.assertLess(marks[2][1], marks[0][1])
        for label in ["4 KiB", "64 KiB", "1 MiB", "2 ranks, neighbours (tp)"]:
            self.assertIn(label, words(text))

    def test_every_mark_lies_in_the_frame(self):
        for rates in [(1.0, 1.0), (0.003, 450.0), (2.1, 9.9)]:
            text = plot_scaling.draw([collective(2, 4096, rates[0]), collective(4, 8192, rates[1], "dp")])
            for mark in parts(text, "circle"):
                self.assertGreaterEqual(float(mark.get("cy")), plot_scaling.TOP)
                self.assertLessEqual(float(mark.get("cy")), plot_scaling.TOP + plot_scaling.HEIGHT)


class Mistakes(unittest.TestCase):
    def run_script(self, text, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "figures.csv"
            file.write_text(text)
            return subprocess.run([sys.executable, "-B", options.script, file, *arguments], capture_output=True,
                                  text=True)

    def test_each_is_named(self):
        header = ",".join(plot_scaling.COLLECTIVE_COLUMNS)
        for text, complaint in [("a,b\n1,2\n", "neither the header"), ("", "no line"),
                                (header + "\nall_reduce,tp,2,many,1\n", "line 2: bytes"),
                                (header + "\nall_reduce,tp,2\n", "line 2: bytes"),
                                (header + "\nall_reduce,tp,2,4096,nan\n", "line 2: bus_gb_per_s")]:
            done = self.run_script(text)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (65, 1), done.stderr)
            self.assertIn(complaint, done.stderr)

    def test_a_picture_that_cannot_be_written(self):
        line = ",".join(plot_scaling.COLLECTIVE_COLUMNS) + "\nall_reduce,tp,2,4096,1.5\n"
        self.assertEqual(self.run_script(line, "-o", "/nowhere/picture.svg").returncode, 73)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
