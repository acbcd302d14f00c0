#!/usr/bin/env python3
"""What scripts/count_tests.py counts: skips of GoogleTest and unittest inside tests that pass, and tests not run."""
import os
import sys
import unittest
import xml.etree.ElementTree as tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import count_tests  # noqa: E402

GOOGLETEST = """[ RUN      ] Data.IsThere
data.cpp:8: Skipped
no data

[  SKIPPED ] Data.IsThere (0 ms)
[ RUN      ] Data.IsRead
[       OK ] Data.IsRead (1 ms)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Data.IsThere
"""
UNITTEST = """test_one (__main__.Jobs.test_one) ... ok
setUpClass (__main__.Data) ... skipped 'no data'
test_two (__main__.Jobs.test_two)
Under Slurm. ... skipped 'no slurmd'

Ran 2 tests in 0.100s

OK (skipped=2)
"""


def result(name, status, output="", skipped=""):
    case = tree.Element("testcase", name=name, status=status)
    if skipped:
        tree.SubElement(case, "skipped", message=skipped)
    tree.SubElement(case, "system-out").text = output
    return case


class CountTests(unittest.TestCase):
    def test_skips_and_failures(self):
        suite = tree.Element("testsuite")
        suite.extend([result("a", "run", GOOGLETEST), result("b", "run", UNITTEST), result("c", "run"), result("d", "fail"),
                      result("e", "notrun", "its tool is missing", "SKIP_REGULAR_EXPRESSION_MATCHED"),
                      result("f", "fail", GOOGLETEST), result("g", "notrun", "", "Unable to find executable")])
        passed, failed, skipped = count_tests.count(suite)
        self.assertEqual((passed, failed), (3, 3))
        self.assertEqual(skipped, ["a: Data.IsThere", "b: setUpClass (__main__.Data): 'no data'",
                                   "b: Under Slurm.: 'no slurmd'", "e: its tool is missing"])


if __name__ == "__main__":
    unittest.main()
