#!/usr/bin/env python3
"""The second half of scripts/gpu_check.sh: runs a pack's tests, sanitizers, benchmarks and training steps, each under a
time limit, and writes gpu_check.json and gpu_check.md. Ends with 1 when a test failed, 2 when nothing can be run.
Standard library only.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import libraries
import report

PARTS = ["tests", "program", "sanitizer", "benchmarks", "step", "torch"]
TEST_LIMIT, PROGRAM_LIMIT, SANITIZER_LIMIT, BENCHMARK_LIMIT, STEP_LIMIT, TORCH_LIMIT = 120, 60, 60, 60, 120, 120  # s
# Kernels with shared memory, atomics or hand-made synchronisation; one small test each.
SANITIZED = "RmsNorm.*InFloat:Attention.TreesEqualTheReferenceInBfloat16:SequenceLogp.*InFloat:Embedding.*InBfloat16:" \
            "SwiGlu.*InBfloat16:Rope.*InBfloat16:Reductions.*:VocabularyShards.GradientsInBfloat16EqualTheWhole"
FAILED = ("failed", "crashed", "timed out")


def say(text):
    print(f"gpu_check: {text}", flush=True)


class Check:
    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.pack = pathlib.Path(options.pack)
        self.about = json.loads((self.pack / "pack.json").read_text())
        self.on_device = self.about["preset"].startswith("cuda")
        self.environment, self.not_found = libraries.environment_of(self.pack)
        self.end = time.monotonic() + options.limit
        self.parts = []

    def add(self, part, name, state, seconds, **figures):
        self.parts.append({"part": part, "name": name, "state": state, "seconds": round(seconds, 1), **figures})
        counts = f", {figures['tests']} tests, {figures['failed']} failed" if "tests" in figures else ""
        cases = f", {len(figures['cases'])} cases" if "cases" in figures else ""
        note = f": {figures['note']}" if figures.get("note") else ""
        say(f"{part}: {name}: {state}{counts}{cases}{note} ({seconds:.0f} s)")

    def execute(self, command, limit, environment=None):
        """(state, seconds, output) of a command; its output also goes to a file beside the report."""
        begin = time.monotonic()
        limit = min(limit, self.end - begin)
        if limit <= 1:
            return "skipped", 0.0, "no time is left: give more with --limit"
        try:
            done = subprocess.run([str(word) for word in command], env=environment or self.environment, text=True,
                                  errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                                  cwd=self.scratch, check=False)
            state = "passed" if done.returncode == 0 else "crashed" if done.returncode < 0 else "failed"
            output = done.stdout
        except subprocess.TimeoutExpired as expired:
            state, output = "timed out", (expired.stdout or b"").decode(errors="replace")
        return state, time.monotonic() - begin, output

    def log(self, name, output):
        (self.options.out / f"{name}.log").write_text(output)

    def tests(self):
        """Every suite is a process of its own, several at once: they are mostly the host's references, and a crash ends
        one suite only."""
        suites = [(name, suite) for name in self.about["tests"].split() for suite in self.suites(name)]
        threads = 4
        environment = {**self.environment, "OMP_NUM_THREADS": str(threads)}

        def run(case):
            name, suite = case
            figures_file = self.scratch / f"{name}.{suite.replace('/', '_')}.json"
            command = [self.pack / "bin" / name, f"--gtest_filter={suite}.*", f"--gtest_output=json:{figures_file}"]
            return name, suite, self.execute(command, TEST_LIMIT, environment), report.gtest_figures(figures_file)
        with concurrent.futures.ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) // threads)) as pool:
            for name, suite, (state, seconds, output), figures in pool.map(run, suites):
                self.log(f"{name}.{suite.replace('/', '_')}", output)
                figures = figures or {"note": last_line(output)}
                self.add("tests", f"{name} {suite}", state, seconds, **figures)

    def suites(self, name):
        state, seconds, output = self.execute([self.pack / "bin" / name, "--gtest_list_tests"], TEST_LIMIT)
        if state != "passed":
            self.add("tests", name, state, seconds, note=last_line(output))
            return []
        return [line.split("#")[0].strip().rstrip(".") for line in output.splitlines()
                if line and not line.startswith(" ") and line.split("#")[0].strip().endswith(".")]

    def program(self):
        """The built-in tiny pipeline, from raw ratings to a report."""
        for name, arguments in (("version", ["--version"]), ("pipeline", [f"run.dir={self.scratch / 'run'}"])):
            state, seconds, output = self.execute([self.pack / "bin/recpo", *arguments], PROGRAM_LIMIT)
            self.log(f"recpo_{name}", output)
            self.add("program", name, state, seconds, note="" if state == "passed" else last_line(output))

    def sanitizer(self):
        places = [os.environ.get("PATH", ""), "/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer",
                  *glob.glob("/usr/local/cuda-*/compute-sanitizer"), *glob.glob("/opt/nvidia/*/compute-sanitizer")]
        tool = shutil.which("compute-sanitizer", path=":".join(places))
        if not self.on_device or not tool:
            return self.add("sanitizer", "compute-sanitizer", "skipped", 0,
                            note="a pack for the CPU" if not self.on_device else "it is not on this machine")
        for kind in ("memcheck", "racecheck"):
            command = [tool, "--tool", kind, "--error-exitcode", "9", self.pack / "bin/test_kernels",
                       f"--gtest_filter={SANITIZED}"]
            state, seconds, output = self.execute(command, SANITIZER_LIMIT)
            self.log(kind, output)
            summary = [line for line in output.splitlines() if "SUMMARY" in line]
            self.add("sanitizer", kind, state, seconds, note=summary[-1].strip("= ") if summary else last_line(output))
        return None

    def benchmark(self, part, name, limit):
        figures_file = self.scratch / f"{name}.json"
        # On a GPU: the cases made for it, and attention's of Llama-3.1-8B; elsewhere a few, to try the way.
        chosen = "device|Bfloat16>/32/" if self.on_device else "tiny|Bfloat16|logp"
        command = [self.pack / "bin" / name, f"--benchmark_filter={chosen}", f"--benchmark_out={figures_file}",
                   "--benchmark_out_format=json", f"--benchmark_min_time={0.02 if self.options.quick else 0.1}"]
        state, seconds, output = self.execute(command, limit)
        self.log(name, output)
        figures = report.benchmark_figures(figures_file) or {"note": last_line(output)}
        self.add(part, name, state, seconds, **figures)

    def benchmarks(self):
        for name in self.about["benchmarks"].split():
            if name != "bench_step":
                self.benchmark("benchmarks", name, BENCHMARK_LIMIT)

    def step(self):
        self.benchmark("step", "bench_step", STEP_LIMIT)

    def torch(self):
        script = pathlib.Path(__file__).resolve().parent / "step_references.py"
        if not script.exists():  # in a checkout
            script = script.parents[2] / "benchmarks/step_references.py"
        found, _, _ = self.execute([sys.executable, "-c", "import torch"], 60, dict(os.environ))
        if found != "passed":
            return self.add("torch", "step_references", "skipped", 0, note=f"{sys.executable} has no torch")
        size = [] if self.on_device else ["--tiny"]
        command = [sys.executable, script, *size, *(["--quick"] if self.options.quick else [])]
        peaks = [part["context"]["peak_bf16"] for part in self.parts if "peak_bf16" in part.get("context", {})]
        command += ["--peak", peaks[0].split()[0]] if peaks else []
        state, seconds, output = self.execute(command, TORCH_LIMIT, dict(os.environ))
        self.log("step_references", output)
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return self.add("torch", "step_references", state, seconds, references=lines,
                        note="" if lines and state == "passed" else last_line(output))


def last_line(output):
    return (output.strip().splitlines() or ["it said nothing"])[-1][:300]


def machine():
    found = {"gpu": "", "driver": "", "memory": "", "clock": "", "processor": platform.processor() or platform.machine(),
             "cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "python": platform.python_version()}
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
        text = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
        values = [value.strip() for value in text[0].split(",")] if text else []
        found.update(zip(("gpu", "driver", "memory", "clock"), values))
    return found


def parse_options():
    parser = argparse.ArgumentParser(prog="gpu_check.sh run [PACK]")
    parser.add_argument("--pack", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("gpu_check"), help="folder of the report")
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ",".join(PARTS))
    parser.add_argument("--limit", type=float, default=360, help="seconds for everything; what is left is skipped")
    parser.add_argument("--quick", action="store_true", help="shorter timings")
    options = parser.parse_args()
    unknown = [part for part in options.parts.split(",") if part not in PARTS]
    if unknown:
        parser.error(f"--parts {','.join(unknown)} is not known; known: {','.join(PARTS)}")
    return options


def advice(check):
    """Why the programs cannot start, and what to do."""
    if any("libcuda.so" in name for name in check.not_found):
        return "libcuda.so.1 is missing: this machine has no NVIDIA driver. Run a pack of --preset cpu-release here"
    if any("GLIBC_" in name for name in check.not_found):
        return f"glibc {check.about['glibc']} is needed, this machine has {platform.libc_ver()[1]}: build on an older one"
    return (f"not on this machine: {', '.join(check.not_found)}. Install CUDA's libraries of that version (toolkit or "
            "pip wheels), or name their folder in LD_LIBRARY_PATH")


def main():
    options = parse_options()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recpo_gpu_check.") as scratch:
        check = Check(options, pathlib.Path(scratch))
        about = machine()
        say(f"{about['gpu'] or 'no GPU'}, {about['cores']} cores; recpo {check.about['git']} for {check.about['preset']}")
        if check.not_found:
            say(advice(check))
            return 2
        for part in PARTS:
            if part in options.parts.split(","):
                getattr(check, part)()
        failed = [p for p in check.parts if p["part"] in ("tests", "program", "sanitizer") and p["state"] in FAILED]
        cuda = [folder for folder in check.environment["LD_LIBRARY_PATH"].split(":") if not folder.startswith(options.pack)]
        result = {"machine": about, "pack": check.about, "cuda_folders": cuda, "passed": not failed, "parts": check.parts}
        report.write(result, options.out)
    say(f"{'a test failed' if failed else 'every test passed'}; {options.out}/gpu_check.md, gpu_check.json")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
