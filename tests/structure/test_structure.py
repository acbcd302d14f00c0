#!/usr/bin/env python3
"""Holds the sources to the rules of rules.py, and each rule to an example it must refuse."""
import os
import sys
import unittest

import rules

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ["src", "kernels", "tests", "benchmarks", "scripts", "inputs", "jobs", ".ci"]
TEXT_ENDINGS = (".cpp", ".hpp", ".in", ".txt", ".cmake", ".py", ".sh", ".slurm", ".toml", ".md", ".json", ".supp", "run")
# These name the very things they refuse.
EXEMPT = {"tests/structure/rules.py", "tests/structure/test_structure.py"}


def repository_files():
    names = [name for name in os.listdir(ROOT) if os.path.isfile(os.path.join(ROOT, name))]
    for folder in FOLDERS:
        for parent, _, files in os.walk(os.path.join(ROOT, folder)):
            names += [os.path.relpath(os.path.join(parent, name), ROOT) for name in files]
    return sorted(name for name in names if name.endswith(TEXT_ENDINGS) and name not in EXEMPT
                  and not name.startswith("tests/golden/"))


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as file:
        return file.read()


class Repository(unittest.TestCase):
    def test_every_rule_holds(self):
        files = repository_files()
        self.assertGreater(len(files), 50, "the sources were not found")
        reference = read("inputs/reference.toml")
        broken = []
        for name in files:
            text = read(name)
            for rule in rules.RULES:
                broken += rule(name, text)
            broken += rules.deck_keys_are_known(name, text, reference)
        self.assertFalse(broken, "\n" + "\n".join(broken))

    def test_quoted_includes_exist(self):
        for name in filter(rules.is_source, repository_files()):
            for line in read(name).splitlines():
                if line.startswith('#include "') and not line.endswith(f'{rules.GENERATED}"'):
                    target = line.split('"')[1]
                    self.assertTrue(os.path.exists(os.path.join(ROOT, target)), f"{name}: no {target} in the repository")


class Rules(unittest.TestCase):
    def refuses(self, rule, path, text, *more):
        self.assertTrue(list(rule(path, text, *more)), f"{rule.__name__} accepted {text!r} in {path}")

    def accepts(self, rule, path, text, *more):
        self.assertEqual(list(rule(path, text, *more)), [])

    def test_includes(self):
        rule = rules.includes_point_down
        self.refuses(rule, "kernels/rope.cpp", '#include "src/model/llama.hpp"\n')
        self.refuses(rule, "src/data/rows.cpp", '#include "rows.hpp"\n')
        self.refuses(rule, "src/model/llama.cpp", '#include "kernels/reference/rope.hpp"\n')
        self.accepts(rule, "src/model/llama.cpp", '#include "kernels/rope.hpp"\n#include <vector>\n')
        self.accepts(rule, "src/data/rows.cpp", '#include "src/text/tokenizer.hpp"\n')
        self.accepts(rule, "tests/kernels/test_rope.cpp", '#include "kernels/reference/rope.hpp"\n')

    def test_backend(self):
        rule = rules.backend_is_chosen_once
        self.refuses(rule, "kernels/rope.cpp", "#ifdef KOKKOS_ENABLE_CUDA\n")
        self.refuses(rule, "src/app/run.cpp", "  # if defined(__CUDACC__)\n")
        self.accepts(rule, "src/support/views.hpp", "#ifdef KOKKOS_ENABLE_CUDA\n")
        self.accepts(rule, "kernels/gemm_cblas.cpp", "#if defined(__x86_64__)\n")

    def test_machine_paths(self):
        rule = rules.no_machine_paths
        self.refuses(rule, "README.md", "see /home/someone/x\n")
        self.refuses(rule, "tests/a.cpp", 'open("/tmp/x")\n')
        self.accepts(rule, "README.md", "data/work/x and ~/.cache and $TMP/work/x\n")

    def test_size(self):
        rule = rules.sources_are_small
        self.refuses(rule, "src/a.cpp", "int x;\n" * 451)
        self.accepts(rule, "src/a.cpp", "int x;\n" * 450)
        self.refuses(rule, "src/a.cpp", "//" + "x" * 119 + "\n")
        self.accepts(rule, "src/a.cpp", "//" + "x" * 118 + "\n")

    def test_header_guard(self):
        self.refuses(rules.headers_are_guarded, "src/a.hpp", "int x;\n")
        self.accepts(rules.headers_are_guarded, "src/a.hpp", "#pragma once\n")

    def test_decks(self):
        self.refuses(rules.deck_lines_are_explained, "inputs/a.toml", "[run]\nseed = 1\n")
        self.accepts(rules.deck_lines_are_explained, "inputs/a.toml", "[run]\nseed = 1  # of every draw\n")
        reference = "[run]\nseed = 1\n"
        self.refuses(rules.deck_keys_are_known, "inputs/a.toml", "[run]\nsead = 1\n", reference)
        self.accepts(rules.deck_keys_are_known, "inputs/a.toml", "[run]\nseed = 2\n[model]\nhidden_size = 8\n", reference)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
