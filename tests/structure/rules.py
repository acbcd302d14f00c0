"""Rules on the sources that no compiler checks. A rule takes a file's path and text and yields what is wrong, one line
each, as `path:line: what`. Standard library only."""
import os.path
import re
import tomllib

# Low to high. A file includes its own layer and lower ones.
LAYERS = [
    ["src/support"],
    ["kernels"],
    ["src/parallel"],
    ["src/process"],
    ["src/data", "src/text"],
    ["src/model"],
    ["src/objective"],
    ["src/optim"],
    ["src/checkpoint"],
    ["src/train", "src/baselines", "src/evaluation"],
    ["src/deck"],
    ["src/plan"],
    ["src/report"],
    ["src/commands"],
    ["src/main.cpp"],
]
# The backend is chosen in these places and nowhere else.
BACKEND_FILES = {"src/support/views.hpp", "scripts/cmake/cuda13_compat.hpp"}
BACKEND_MACRO = re.compile(r"CUDA|NVCC|NCCL|CUBLAS|KOKKOS_ENABLE", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.$}~*-])/(?:root|home|tmp|work|farm|Users|mnt|scratch)/\w")
MAX_LINES, MAX_COLUMNS = 450, 120
LABEL = re.compile(r'"(recpo::[^"]*)"')
UNLABELLED = re.compile(r'Kokkos::parallel_(?:for|reduce|scan)\(\s*(?!"|label\b|Kokkos::Team|Kokkos::Thread)\S|\bfence\(\s*\)')
LOOK = re.compile(r"\b(?:fs|filesystem)::(?:exists|is_\w+|(?:recursive_)?directory_iterator)\b")
LOOKS = {"src/support/folder.cpp", "src/support/file.cpp"}
GENERATED = ".inc"  # ending of files that the build writes


def layer_of(path):
    for level, folders in enumerate(LAYERS):
        if any(path == folder or path.startswith(folder + "/") for folder in folders):
            return level
    return None


def is_source(path):
    return path.endswith((".cpp", ".hpp"))


def numbered(text):
    return enumerate(text.splitlines(), 1)


def includes(text):
    """(line, file) of every include of a file in the repository."""
    for line, content in numbered(text):
        match = re.match(r'\s*#\s*include\s*"([^"]+)"', content)
        if match and not match[1].endswith(GENERATED):
            yield line, match[1]


def component_of(path):
    """kernels or a direct child of src; None for files that belong to none."""
    parts = path.split("/")
    if parts[0] == "kernels":
        return "kernels"
    return "/".join(parts[:2]) if parts[0] == "src" and len(parts) > 2 else None


def circles(sources, part_of):
    """Includes that close a circle between parts: of `sources`, pairs of a path and a text, grouped by part_of(path)."""
    edges = {}
    for path, text in sources:
        for line, target in includes(text):
            source_part, target_part = part_of(path), part_of(target)
            if source_part and target_part and source_part != target_part:
                edges.setdefault(source_part, {}).setdefault(target_part, f"{path}:{line}: include of {target}")
    reached = {part: reachable(edges, part) for part in edges}
    for part, targets in sorted(edges.items()):
        for target, example in sorted(targets.items()):
            if part in reached.get(target, ()):
                yield f"{example} closes a circle of {part} and {target}"


def reachable(edges, start):
    found, waiting = set(), [start]
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def folder_circles(sources):
    """Between folders at any depth."""
    return circles(sources, os.path.dirname)


def component_circles(sources):
    return circles(sources, component_of)


def includes_point_down(path, text):
    level = layer_of(path)
    if not is_source(path) or level is None:
        return
    for line, target in includes(text):
        target_level = layer_of(target)
        if target_level is None:
            yield f"{path}:{line}: include of {target} is not of the program, or not repository-relative"
        elif target_level > level:
            yield f"{path}:{line}: include of {target} points up the layers"


def backend_is_chosen_once(path, text):
    if not is_source(path) or path in BACKEND_FILES:
        return
    for line, content in numbered(text):
        if re.match(r"\s*#\s*(if|ifdef|ifndef|elif)\b", content) and BACKEND_MACRO.search(content):
            yield f"{path}:{line}: a conditional on the backend; choose it in CMake or in src/support/views.hpp"


def no_machine_paths(path, text):
    for line, content in numbered(text):
        match = MACHINE_PATH.search(content)
        if match and not (line == 1 and content.startswith("#!")):
            yield f"{path}:{line}: a path of one machine: {match[0]}"


def sources_are_small(path, text):
    if not is_source(path):
        return
    count = text.count("\n")
    if count > MAX_LINES:
        yield f"{path}:{count}: more than {MAX_LINES} lines; give each idea its own file"
    for line, content in numbered(text):
        if len(content) > MAX_COLUMNS:
            yield f"{path}:{line}: more than {MAX_COLUMNS} columns; clang-format breaks them"


def labels_name_their_file(path, text):
    """Kernels, fences and memory are `recpo::file::what` in profiles; a family of files shares the beginning of its
    names (attention for attention_softmax.cpp)."""
    if not is_source(path) or layer_of(path) is None:
        return
    code = re.sub(r"//.*", "", text)
    stem = os.path.splitext(os.path.basename(path))[0]
    for line, content in numbered(code):
        for label in LABEL.findall(content):
            file, _, what = label.removeprefix("recpo::").partition("::")
            if not re.fullmatch(r"[a-z0-9_]+", what) or not f"{stem}_".startswith(f"{file}_"):
                yield f"{path}:{line}: label {label} is not recpo::file::what of this file"
    for match in UNLABELLED.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: a kernel or fence without a label recpo::file::what"


def headers_are_guarded(path, text):
    if path.endswith(".hpp") and "#pragma once" not in text:
        yield f"{path}:1: no #pragma once"


def looks_are_told_apart(path, text):
    """std::filesystem's questions answer no where they cannot know."""
    if not path.startswith("src/") or not is_source(path) or path in LOOKS:
        return
    for line, content in numbered(text):
        match = LOOK.search(content)
        if match:
            yield f"{path}:{line}: {match[0]} does not tell missing from unreadable; see src/support/folder.hpp"


def keys_of(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def deck_lines_are_explained(path, text):
    if not (path.startswith("inputs/") and path.endswith(".toml")):
        return
    for line, content in numbered(text):
        if re.match(r"[\w.-]+\s*=", content) and not re.search(r"\s# \S", content):
            yield f"{path}:{line}: a key without a comment"


def deck_keys_are_known(path, text, reference):
    """`reference` is the text of inputs/reference.toml, which holds every key."""
    if not (path.startswith("inputs/") and path.endswith(".toml")) or path.startswith("inputs/nodes/"):
        return  # the program holds node descriptions to their own keys
    known = set(keys_of(tomllib.loads(reference))) | {"include"}
    for key in keys_of(tomllib.loads(text)):
        # random weights may also be described by the keys of a Hugging Face config.json; parts of a deck have a name
        if known.isdisjoint({key, key.partition(".")[2]}) and not re.fullmatch(r"model\.(\w+_size|num_\w+|rope_\w+|rms_\w+|tie_\w+|head_dim|initializer_range)", key):
            yield f"{path}:1: key {key} is not in inputs/reference.toml"


RULES = [
    includes_point_down,
    backend_is_chosen_once,
    no_machine_paths,
    sources_are_small,
    labels_name_their_file,
    headers_are_guarded,
    looks_are_told_apart,
    deck_lines_are_explained,
]
