#!/usr/bin/env python3
"""What can be said of GPU code without a GPU. Lists the kernels that a program or library holds for an architecture and
fails where one has none, keeps registers in memory (spills), or moves single elements where 16 bytes at a time are
meant.

    scripts/device_code.py --cuobjdump cuobjdump --architecture 90 build/cuda/recpo
"""
import argparse
import re
import subprocess
import sys

# Kernels bound by memory: they take rows in packs (kernels/lanes.hpp).
PACKED = ["add", "adamw_step", "convert", "embedding_forward", "embedding_backward", "fold_chunks", "gather_rows",
          "rms_norm_forward", "backward_chunks", "rotate", "scatter_add_rows", "sequence_logp_forward",
          "sequence_logp_backward", "square_sum_chunks", "swiglu_forward", "swiglu_backward"]
# Bytes of a thread's own memory that are no spills: sine and cosine of large angles; Kokkos' exchange of pairs.
STACK = {"rope_tables": 40, "sequence_logp_forward": 16}
WIDE = re.compile(r"\b(?:ld|st)\.global(?:\.\w+)*?\.(?:v4\.[bfus]32|v2\.[bfus]64)\b")


def output_of(cuobjdump, option, file):
    return subprocess.run([cuobjdump, option, file], check=True, capture_output=True, text=True).stdout


def resources(text, architecture):
    """Mangled name -> bytes of stack, of the kernels in machine code for the architecture."""
    found = {}
    for image in text.split("Fatbin elf code:")[1:]:
        if f"arch = sm_{architecture}\n" not in image:
            continue
        found.update((name, int(stack)) for name, stack in
                     re.findall(r"Function ([^:\s]+):\s*\n\s*REG:\d+ STACK:(\d+)", image))
    return found


def wide_accesses(text, architecture):
    """Mangled name -> number of global loads and stores of 16 bytes, of the kernels in intermediate code."""
    images = [image for image in text.split("Fatbin ptx code:")[1:] if f"arch = sm_{architecture}\n" in image]
    return {kernel.split("(", 1)[0].strip(): len(WIDE.findall(kernel.split("\n}", 1)[0]))
            for image in images for kernel in image.split(".entry ")[1:]}


def function_of(mangled):
    """The functions of recpo::kernels that a kernel's name holds: "10add" in it is add."""
    return {name for name in PACKED + list(STACK) if re.search(rf"{len(name)}{name}(?=[IERPv])", mangled)}


def problems(stacks, wide, architecture):
    if not stacks:
        yield f"no machine code for sm_{architecture}"
        return
    for mangled, stack in stacks.items():
        functions = function_of(mangled)
        if stack > max((STACK.get(name, 0) for name in functions), default=0):
            yield f"{mangled}: {stack} bytes a thread in memory instead of registers"
    for name in PACKED:
        counts = [count for mangled, count in wide.items() if name in function_of(mangled)]
        if not counts:
            yield f"{name}: no such kernel"
        elif min(counts) == 0:
            yield f"{name}: a kernel without an access of 16 bytes"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuobjdump", default="cuobjdump")
    parser.add_argument("--architecture", required=True, help="86, 90, ..")
    parser.add_argument("file")
    options = parser.parse_args()
    stacks = resources(output_of(options.cuobjdump, "-res-usage", options.file), options.architecture)
    wide = wide_accesses(output_of(options.cuobjdump, "-ptx", options.file), options.architecture)
    found = list(problems(stacks, wide, options.architecture))
    for line in found:
        print(f"{options.file}: {line}")
    if not found:
        packed = sum(1 for mangled, count in wide.items() if count > 0)
        print(f"{options.file}: {len(stacks)} kernels for sm_{options.architecture}, {packed} with accesses of 16 bytes, "
              "no spilled registers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
