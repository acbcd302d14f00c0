#!/usr/bin/env python3
"""Counts what ctest ran: prints `PASSED FAILED SKIPPED` of a JUnit file (ctest --output-junit), and on stderr every
skip with its reason. A case that GoogleTest or unittest skips inside a test that passes counts, too.

    scripts/count_tests.py build/log/ctest-cpu-release.xml
"""
import re
import sys
import xml.etree.ElementTree

GOOGLETEST = re.compile(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)$", re.MULTILINE)
UNITTEST = re.compile(r"^(.+?) \.\.\. skipped (.+)$", re.MULTILINE)


def skipped_cases(output):
    return GOOGLETEST.findall(output) + [f"{case}: {why}" for case, why in UNITTEST.findall(output)]


def was_left_out(test):
    """Of a test that was not run: whether on purpose. Without its program it was not."""
    reason = test.find("skipped")
    return test.get("status") == "disabled" or (reason is not None and reason.get("message", "").startswith("SKIP_"))


def count(root):
    """Passed, failed, and a line for each skip."""
    passed = failed = 0
    skipped = []
    for test in root.iter("testcase"):
        name, status = test.get("name"), test.get("status")
        output = test.findtext("system-out") or ""
        if status == "run":
            passed += 1
            skipped += [f"{name}: {case}" for case in skipped_cases(output)]
        elif status == "fail" or not was_left_out(test):
            failed += 1
        else:
            skipped.append(f"{name}: {output.strip() or status}")
    return passed, failed, skipped


def main():
    passed, failed, skipped = count(xml.etree.ElementTree.parse(sys.argv[1]).getroot())
    for line in skipped:
        print(f"skipped: {line}", file=sys.stderr)
    print(passed, failed, len(skipped))


if __name__ == "__main__":
    main()
