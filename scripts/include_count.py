#!/usr/bin/env python3
"""How many sources (.cpp) of src and kernels include a header, directly or not: what is compiled again after a change.

    scripts/include_count.py                     the headers with a limit; status 1 when one is exceeded
    scripts/include_count.py src/deck/deck.hpp   the sources that include a header
    scripts/include_count.py --top 20            the most included headers

Standard library only."""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A header that changes often or pulls Kokkos in, and how many sources may wait for it.
LIMITS = {"kernels/rope.hpp": 30, "src/deck/deck.hpp": 25}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def files(suffix):
    return sorted(path.relative_to(ROOT).as_posix() for folder in ("src", "kernels")
                  for path in (ROOT / folder).rglob("*" + suffix))


def reached(path, known):
    """Every header of the repository that a file includes, directly or not."""
    if path not in known:
        known[path] = set()  # for a circle
        for header in INCLUDE.findall((ROOT / path).read_text()):
            if (ROOT / header).is_file():
                known[path] |= {header} | reached(header, known)
    return known[path]


def includers():
    """{header: its sources}"""
    known, result = {}, {header: [] for header in files(".hpp")}
    for source in files(".cpp"):
        for header in reached(source, known):
            result[header].append(source)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("header", nargs="?")
    parser.add_argument("--top", type=int, metavar="N")
    arguments = parser.parse_args()
    counts = includers()
    if arguments.header:
        print("\n".join(counts[arguments.header]))
    elif arguments.top:
        for header in sorted(counts, key=lambda name: -len(counts[name]))[:arguments.top]:
            print(f"{len(counts[header]):4} {header}")
    else:
        for header, limit in LIMITS.items():
            print(f"{header}: {len(counts[header])} sources, at most {limit}")
        return int(any(len(counts[header]) > limit for header, limit in LIMITS.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
