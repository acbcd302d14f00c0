#!/usr/bin/env python3
"""Where a build's time goes: the slowest outputs of a Ninja log, each as when it was last made.

    scripts/build_times.py build/cpu-release/.ninja_log [--top 20]
"""
import argparse


def durations(lines):
    """(seconds, output), slowest first; a command that makes several outputs counts once."""
    last = {}
    for line in lines:
        if line.startswith("#"):
            continue
        begin_ms, end_ms, _, output, command = line.rstrip("\n").split("\t")
        last[output] = ((int(end_ms) - int(begin_ms)) / 1000, command)
    commands = {command: (seconds, output) for output, (seconds, command) in last.items()}
    return sorted(commands.values(), reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--top", type=int, default=20)
    options = parser.parse_args()
    with open(options.log) as file:
        found = durations(file)
    print(f"{sum(seconds for seconds, _ in found):9.1f} s  {len(found)} outputs, added up over all cores")
    for seconds, output in found[:options.top]:
        print(f"{seconds:9.1f} s  {output}")


if __name__ == "__main__":
    main()
