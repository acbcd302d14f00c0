"""What a check found, as one JSON file and one Markdown file of tables."""
import json
import pathlib

RATES = ["GB/s", "of_bandwidth", "GFLOP/s", "of_gemm", "of_cublas_best", "MFU", "tokens/s", "sets/s", "planned_GB",
         "used_GB"]
TO_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def gtest_figures(path):
    """Counts and failures of a test program's JSON output; None where it wrote none."""
    try:
        result = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError):
        return None
    failures = [f"{suite['name']}.{test['name']}: {test['failures'][0]['failure'].splitlines()[0]}"
                for suite in result["testsuites"] for test in suite["testsuite"] if test.get("failures")]
    skipped = [f"{suite['name']}.{test['name']}: skipped: {test['skipped'][0]['message'].strip().splitlines()[-1]}"
               for suite in result["testsuites"] for test in suite["testsuite"] if test.get("skipped")]
    return {"tests": result["tests"], "failed": len(failures), "failures": failures + skipped}


def benchmark_figures(path):
    try:
        result = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError):
        return None
    kept = {key: result["context"][key] for key in ("recpo", "device", "backend", "gemm", "gemm_bf16", "peak_bf16", "bandwidth")
            if key in result["context"]}
    cases = []
    for case in result["benchmarks"]:
        figures = {key: case[key] for key in RATES if key in case}
        if case.get("error_occurred"):
            figures["error"] = case["error_message"]
        cases.append({"name": case["name"].removesuffix("/real_time"),
                      "seconds": case["real_time"] * TO_SECONDS[case["time_unit"]], **figures})
    return {"context": kept, "cases": cases}


def number(value):
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows] + [""]


def case_table(cases):
    columns = [key for key in RATES if any(key in case for case in cases)]
    rows = [[case["name"], 1e3 * case["seconds"], *(case.get(key) for key in columns)] for case in cases]
    return table(["case", "ms", *columns], rows)


def markdown(result):
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items() if value)
    lines = ["# recpo on " + (result["machine"].get("gpu") or "a machine without a GPU"), "", machine, "",
             f"recpo {result['pack'].get('git')}, built as {result['pack'].get('preset')}.", ""]
    lines += table(["part", "program", "state", "tests", "failed", "s"],
                   [[p["part"], p["name"], p["state"], p.get("tests"), p.get("failed"), p["seconds"]]
                    for p in result["parts"]])
    for part in result["parts"]:
        lines += [f"- {part['name']}: {failure}" for failure in part.get("failures", [])]
        if part.get("note"):
            lines.append(f"- {part['name']}: {part['note']}")
    cases = [case for part in result["parts"] for case in part.get("cases", [])]
    kernels = [case for case in cases if not case["name"].startswith(("training_step", "forward_pass"))]
    steps = [case for case in cases if case not in kernels]
    references = [line for part in result["parts"] for line in part.get("references", [])]
    for title, group in (("Kernels", kernels), ("Training steps", steps)):
        lines += ["", f"## {title}", "", *case_table(group)] if group else []
    if references:
        columns = list(dict.fromkeys(key for line in references for key in line))
        lines += ["", "## The same steps in PyTorch", ""]
        lines += table(columns, [[line.get(key) for key in columns] for line in references])
    return "\n".join(lines) + "\n"


def write(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu_check.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "gpu_check.md").write_text(markdown(result))
