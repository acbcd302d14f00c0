"""Rules on the documents: the files they name exist, and README.md leads to the answers of a newcomer's questions.
Standard library only."""
import glob
import os
import re

# A path from the top of the repository; NAME and * stand for any text. Not: parts of longer paths, such as build/src.
PATH = re.compile(r"(?<![\w./-])((?:src|kernels|tests|benchmarks|scripts|inputs|jobs)/[\w./*-]*\w)")
SOURCE = re.compile(r"`([\w-]+\.(?:cpp|hpp|py|sh|slurm))`")  # a file's name alone
LINK = re.compile(r"\]\(([^)#: ]+)\)")  # not a lambda of C++ with its parameters

README_LINES = 150
# The question, the file that README.md names for it, and words of the answer in that file.
QUESTIONS = [
    ("What is the loss of S-DPO?", "src/objective/objectives/s_dpo.cpp", "exp(h_k - h_0)"),
    ("Where do gradients meet the network?", "src/train/data_parallel.hpp", "reduce-scatter"),
    ("How does a title get into a prompt?", "src/data/prompts.cpp", "history_line"),
    ("What is a deck key's default?", "inputs/reference.toml", "micro_batch_tokens = 4096"),
    ("How do I run one test?", "CONTRIBUTING.md", "--gtest_filter"),
]


def named_files_exist(root, document, text, file_names):
    """`file_names`: of all files of the repository, without folders."""
    folder = os.path.join(root, os.path.dirname(document))
    for line, content in enumerate(text.splitlines(), 1):
        for path in PATH.findall(content):
            if not any(glob.glob(os.path.join(place, path.replace("NAME", "*"))) for place in (root, folder)):
                yield f"{document}:{line}: no {path} in the repository"
        for path in LINK.findall(content):
            if not os.path.exists(os.path.join(folder, path)):
                yield f"{document}:{line}: the link to {path} leads nowhere"
        for name in SOURCE.findall(content):
            if name not in file_names and "NAME" not in name:
                yield f"{document}:{line}: no file {name} in the repository"


def questions_are_answered(readme, read):
    """`read` gives a file's text."""
    for question, file, answer in QUESTIONS:
        if file not in readme:
            yield f"README.md: {question} It does not name {file}"
        elif answer not in read(file):
            yield f"{file}: {question} It says nothing of '{answer}'"
