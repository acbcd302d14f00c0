#!/usr/bin/env python3
"""Holds the sources to the rules of rules.py, and each rule to an example it must refuse."""
import os
import sys
import unittest

import documents
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
            for line, target in rules.includes(read(name)):
                self.assertTrue(os.path.exists(os.path.join(ROOT, target)), f"{name}:{line}: no {target} in the repository")

    def test_includes_close_no_circle(self):
        product = [name for name in repository_files() if rules.is_source(name) and rules.layer_of(name) is not None]
        sources = [(name, read(name)) for name in product]
        closed = [*rules.component_circles(sources), *rules.folder_circles(sources)]
        self.assertFalse(closed, "\n" + "\n".join(closed))


    def test_documents(self):
        folders = (os.walk(os.path.join(ROOT, name)) for name in FOLDERS)
        names = {name for folder in folders for _, _, files in folder for name in files} | set(os.listdir(ROOT))
        broken = [*documents.questions_are_answered(read("README.md"), read)]
        for name in repository_files():
            if name.endswith(".md"):
                broken += documents.named_files_exist(ROOT, name, read(name), names)
        self.assertFalse(broken, "\n" + "\n".join(broken))
        self.assertLessEqual(read("README.md").count("\n"), documents.README_LINES)


class Rules(unittest.TestCase):
    def refuses(self, rule, *arguments):
        self.assertTrue(list(rule(*arguments)), f"{rule.__name__} accepted {arguments!r}")

    def accepts(self, rule, *arguments):
        self.assertEqual(list(rule(*arguments)), [])

    def test_includes(self):
        rule = rules.includes_point_down
        self.refuses(rule, "kernels/rope.cpp", '#include "src/model/llama.hpp"\n')
        self.refuses(rule, "src/data/rows.cpp", '#include "rows.hpp"\n')
        self.refuses(rule, "src/model/llama.cpp", '#include "tests/kernels/reference/rope.hpp"\n')
        self.accepts(rule, "src/model/llama.cpp", '#include "kernels/rope.hpp"\n#include <vector>\n')
        self.accepts(rule, "src/data/rows.cpp", '#include "src/text/tokenizer.hpp"\n')
        self.accepts(rule, "tests/kernels/test_rope.cpp", '#include "tests/kernels/reference/rope.hpp"\n')

    def test_circles(self):
        low, high = ("src/data/a.hpp", ""), ("src/data/deep/b.hpp", '#include "src/data/a.hpp"\n')
        back = ("src/data/c.cpp", '#include "src/data/deep/b.hpp"\n')
        self.accepts(rules.folder_circles, [low, high])
        self.refuses(rules.folder_circles, [low, high, back])
        self.accepts(rules.component_circles, [low, high, back])
        around = [("src/train/a.cpp", '#include "src/evaluation/b.hpp"\n'),
                  ("src/evaluation/b.hpp", '#include "src/baselines/c.hpp"\n'),
                  ("src/baselines/c.hpp", '#include "src/train/d.hpp"\n')]
        self.refuses(rules.component_circles, around)
        self.accepts(rules.component_circles, around[:2])

    def test_labels(self):
        rule = rules.labels_name_their_file
        self.refuses(rule, "kernels/rope.cpp", 'for_rows("recpo::swiglu::forward", n);\n')
        self.refuses(rule, "kernels/rope.cpp", 'for_rows("recpo::rope", n);\n')
        self.refuses(rule, "kernels/rope.cpp", 'for_rows("recpo::rop::forward", n);\n')
        self.refuses(rule, "kernels/rope.cpp", "Kokkos::parallel_for(\n    RangePolicy(exec, 0, n), f);\n")
        self.refuses(rule, "kernels/rope.cpp", "exec.fence();\n")
        self.accepts(rule, "kernels/attention_softmax.cpp", 'Kokkos::parallel_for("recpo::attention::softmax", policy, f);\n')
        self.accepts(rule, "kernels/rope.cpp", 'Kokkos::parallel_for(\n    "recpo::rope::forward", policy, f);  // "recpo::x"\n')
        self.accepts(rule, "kernels/team.hpp", "Kokkos::parallel_for(Kokkos::TeamVectorRange(member_, n), f);\n")

    def test_backend(self):
        rule = rules.backend_is_chosen_once
        self.refuses(rule, "kernels/rope.cpp", "#ifdef KOKKOS_ENABLE_CUDA\n")
        self.refuses(rule, "src/commands/run.cpp", "  # if defined(__CUDACC__)\n")
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

    def test_looks(self):
        rule = rules.looks_are_told_apart
        self.refuses(rule, "src/train/a.cpp", "if (fs::exists(path, ignored)) return;\n")
        self.refuses(rule, "src/train/a.cpp", "for (const auto& e : std::filesystem::directory_iterator(folder))\n")
        self.accepts(rule, "src/train/a.cpp", "if (is_there(path)) fs::remove(path);\n")
        self.accepts(rule, "tests/train/a.cpp", "EXPECT_TRUE(fs::exists(path));\n")

    def test_documents(self):
        rule = documents.named_files_exist
        for text in ("see src/nowhere/a.cpp.", "`unknown.cpp`", "[a](nowhere.md)", "`tests/nowhere`"):
            self.refuses(rule, ROOT, "README.md", text, {"known.cpp"})
        for text in ("see src/main.cpp, `known.cpp`, [a](CONTRIBUTING.md), build/src/x, kernels/NAME.hpp, mine.toml",
                     "[a](https://example.org/a.md)"):
            self.accepts(rule, ROOT, "README.md", text, {"known.cpp"})
        answers = {file: answer for _, file, answer in documents.QUESTIONS}
        self.accepts(documents.questions_are_answered, " ".join(answers), answers.get)
        self.refuses(documents.questions_are_answered, "", answers.get)
        self.refuses(documents.questions_are_answered, " ".join(answers), lambda file: "")

    def test_decks(self):
        self.refuses(rules.deck_lines_are_explained, "inputs/a.toml", "[run]\nseed = 1\n")
        self.accepts(rules.deck_lines_are_explained, "inputs/a.toml", "[run]\nseed = 1  # of every draw\n")
        reference = "[run]\nseed = 1\n"
        self.refuses(rules.deck_keys_are_known, "inputs/a.toml", "[run]\nsead = 1\n", reference)
        self.accepts(rules.deck_keys_are_known, "inputs/a.toml", "[run]\nseed = 2\n[model]\nhidden_size = 8\n", reference)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
