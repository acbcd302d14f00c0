#!/usr/bin/env python3
"""Draws the figures of the scaling benchmarks as SVG; Python's standard library only.
  plot_scaling.py steps.csv [-o steps.svg]              efficiency against ranks, and the phases of each step
  plot_scaling.py collectives.csv [-o collectives.svg]  bus bandwidth against the size of the buffer
Which of the two a file holds is read from its header."""
import argparse
import csv
import math
import pathlib
import sys
from xml.sax.saxutils import escape

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#7a5c99", "#444444"]
PHASES = [("compute_ms", "compute", "#0072b2"), ("comm_tp_ms", "tp communication", "#d55e00"),
          ("comm_dp_ms", "dp communication", "#e69f00"), ("optimizer_ms", "optimizer", "#009e73")]
STEP_COLUMNS = ["model", "objective", "scaling", "ranks", "tp", "dp", "zero", "global_batch", "efficiency",
                *(column for column, _, _ in PHASES)]
COLLECTIVE_COLUMNS = ["collective", "axis", "ranks", "bytes", "bus_gb_per_s"]
LEFT, TOP, HEIGHT, BOTTOM = 70, 60, 300, 84  # of a panel's frame
LINE = 18  # of a legend


class BadInput(Exception):
    pass


class Picture:
    def __init__(self):
        self.content = []

    def line(self, x1, y1, x2, y2, colour="#444444", width=1.0, dashes=""):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.content.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
                            f'stroke-width="{width}"{dashed}/>')

    def curve(self, points, colour, dashes=""):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.content.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
        for x, y in points:
            self.content.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def box(self, x, y, width, height, fill):
        self.content.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def words(self, x, y, text, anchor="start", size=12, bold=False, turn=0):
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
        weight = ' font-weight="bold"' if bold else ""
        self.content.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}{turned}>'
                            f'{escape(text)}</text>')

    def text(self, width, height):
        return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
                          f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" fill="#111111">',
                          f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>', *self.content,
                          "</svg>", ""])


class Panel:
    """A frame with axes. `x` and `y` turn a number into a fraction of the frame."""

    def __init__(self, picture, left, width, title, x=None, y=None):
        self.picture, self.left, self.width, self.x, self.y = picture, left, width, x, y
        picture.words(left, TOP - 16, title, size=14, bold=True)

    def place(self, x, y):
        return self.left + self.x(x) * self.width, TOP + (1 - self.y(y)) * HEIGHT

    def y_axis(self, ticks, title):
        for value, label in ticks:
            y = TOP + (1 - self.y(value)) * HEIGHT
            self.picture.line(self.left, y, self.left + self.width, y, "#dddddd")
            self.picture.words(self.left - 8, y + 4, label, "end")
        self.picture.line(self.left, TOP, self.left, TOP + HEIGHT)
        self.picture.words(self.left - 50, TOP + HEIGHT / 2, title, "middle", 13, turn=-90)

    def x_axis(self, ticks, title):
        self.picture.line(self.left, TOP + HEIGHT, self.left + self.width, TOP + HEIGHT)
        for value, label in ticks:
            x = self.left + self.x(value) * self.width
            self.picture.line(x, TOP + HEIGHT, x, TOP + HEIGHT + 5)
            self.picture.words(x, TOP + HEIGHT + 20, label, "middle")
        self.picture.words(self.left + self.width / 2, TOP + HEIGHT + 44, title, "middle", 13)

    def curve(self, points, colour, dashes=""):
        self.picture.curve([self.place(x, y) for x, y in points], colour, dashes)


def legend(picture, x, y, entries):
    for index, (label, colour, dashes) in enumerate(entries):
        picture.line(x, y + LINE * index - 4, x + 22, y + LINE * index - 4, colour, 3, dashes)
        picture.words(x + 28, y + LINE * index, label)


def log_scale(low, high):
    """Logarithmic position between two numbers, with a margin so that no mark lies on the frame."""
    first, last = math.log2(low), math.log2(high)
    if first == last:
        return lambda value: 0.5
    return lambda value: 0.05 + 0.9 * (math.log2(value) - first) / (last - first)


def log_ticks(low, high):
    """1, 2, 5, 10, .. around two numbers; powers of ten only where these would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    first = max(index for index, tick in enumerate(ticks) if tick <= low)
    last = min(index for index, tick in enumerate(ticks) if tick >= high)
    few = ticks[first:max(last, first + 1) + 1]
    return few if len(few) <= 8 else [10.0**power for power in powers]


def grouped(rows, key):
    groups = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def draw_efficiency(picture, left, rows):
    ranks = sorted({row["ranks"] for row in rows})
    top = max(1.1, 1.05 * max(row["efficiency"] for row in rows))
    panel = Panel(picture, left, 360, "Efficiency", log_scale(ranks[0], ranks[-1]), lambda value: value / top)
    panel.y_axis([(tick / 5, f"{20 * tick} %") for tick in range(int(5 * top) + 1)],
                 "tokens/s and rank, of the first grid's")
    panel.x_axis([(count, f"{count:.0f}") for count in ranks], "ranks")
    ideal = TOP + (1 - 1 / top) * HEIGHT
    picture.line(left, ideal, left + 360, ideal, "#444444", 1, "5 4")
    series = grouped(rows, lambda row: (row["tp"], row["zero"]))
    entries = []
    for index, ((tp, zero), line) in enumerate(series.items()):
        dashes = ["", "7 3", "2 3"][int(zero) % 3]
        colour = COLOURS[index % len(COLOURS)]
        panel.curve([(row["ranks"], row["efficiency"]) for row in line], colour, dashes)
        entries.append((f"tp {tp:.0f}, ZeRO {zero:.0f}", colour, dashes))
    entries.append(("ideal", "#444444", "5 4"))
    legend(picture, left + 376, TOP + 10, entries)
    return left + 376 + 120, LINE * len(entries)


def draw_phases(picture, left, rows):
    width = max(160, 44 * len(rows))
    panel = Panel(picture, left, width, "Phases of the median step", y=lambda value: value)
    panel.y_axis([(tick / 5, f"{20 * tick} %") for tick in range(6)], "part of the step's time")
    slot = width / len(rows)
    for index, row in enumerate(rows):
        x, y = left + (index + 0.15) * slot, TOP + HEIGHT
        whole = sum(row[column] for column, _, _ in PHASES)
        for column, _, colour in PHASES:
            height = HEIGHT * row[column] / whole if whole > 0 else 0
            y -= height
            picture.box(x, y, 0.7 * slot, height, colour)
        grid = [f"{row['ranks']:.0f}", f"{row['tp']:.0f} x {row['dp']:.0f}", f"{row['zero']:.0f}"]
        for line, text in enumerate(grid):
            picture.words(x + 0.35 * slot, TOP + HEIGHT + 18 + 16 * line, text, "middle", 11)
    picture.line(left, TOP + HEIGHT, left + width, TOP + HEIGHT)
    for line, text in enumerate(["ranks", "tp x dp", "ZeRO"]):
        picture.words(left - 8, TOP + HEIGHT + 18 + 16 * line, text, "end", 11)
    legend(picture, left + width + 16, TOP + 10, [(label, colour, "") for _, label, colour in PHASES])
    return left + width + 16 + 160


def draw_steps(rows):
    picture = Picture()
    first = rows[0]
    batch = "rows a step" if first["scaling"] == "strong" else "rows a step on the first grid"
    picture.words(LEFT, 22, f"{first['scaling']} scaling of a training step: {first['model']}, {first['objective']}, "
                  f"{first['global_batch']:.0f} {batch}", size=15, bold=True)
    right, legend_height = draw_efficiency(picture, LEFT, rows)
    width = draw_phases(picture, right + LEFT + 10, rows)
    return picture.text(width, max(TOP + HEIGHT + BOTTOM, TOP + legend_height + 20))


def bytes_label(size):
    for unit, name in [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")]:
        if size >= unit:
            return f"{size / unit:.0f} {name}"
    return f"{size:.0f} B"


def draw_collectives(rows):
    rows = [row for row in rows if row["bus_gb_per_s"] > 0]
    if not rows:
        raise BadInput("no line with a bandwidth above 0")
    picture = Picture()
    picture.words(LEFT, 22, "Bus bandwidth of collectives", size=15, bold=True)
    sizes = [row["bytes"] for row in rows]
    rates = [row["bus_gb_per_s"] for row in rows]
    ticks = log_ticks(min(rates), max(rates))
    y = log_scale(ticks[0], ticks[-1])
    kinds = sorted({(row["axis"], row["ranks"]) for row in rows}, key=lambda kind: (kind[0] != "tp", kind[1]))
    style = {kind: (COLOURS[i % len(COLOURS)], "" if kind[0] == "tp" else "7 3") for i, kind in enumerate(kinds)}
    left = LEFT
    for collective, group in grouped(rows, lambda row: row["collective"]).items():
        panel = Panel(picture, left, 330, collective.replace("_", "-"), log_scale(min(sizes), max(sizes)), y)
        panel.y_axis([(tick, f"{tick:g}") for tick in ticks], "bus bandwidth, GB/s")
        powers = [2**power for power in range(12, 40, 4) if min(sizes) <= 2**power <= max(sizes)]
        panel.x_axis([(size, bytes_label(size)) for size in powers], "bytes of the buffer")
        for kind, line in grouped(group, lambda row: (row["axis"], row["ranks"])).items():
            points = sorted((row["bytes"], row["bus_gb_per_s"]) for row in line)
            panel.curve(points, *style[kind])
        left += 330 + LEFT + 16
    names = {"tp": "neighbours (tp)", "dp": "strided (dp)"}
    entries = [(f"{ranks:.0f} ranks, {names.get(axis, axis)}", *style[axis, ranks]) for axis, ranks in kinds]
    legend(picture, left - LEFT, TOP + 10, entries)
    return picture.text(left + 140, max(TOP + HEIGHT + BOTTOM, TOP + LINE * len(entries) + 20))


def read(path):
    """Rows of a CSV file; numbers where a value is one."""
    def value(text):
        try:
            return float(text)
        except (TypeError, ValueError):
            return text

    with open(path, newline="", encoding="utf-8") as file:
        return [{column: value(text) for column, text in row.items()} for row in csv.DictReader(file)]


def check(rows, columns):
    words = {"model", "objective", "scaling", "collective", "axis"}
    for line, row in enumerate(rows, 2):
        for column in columns:
            number = row.get(column)
            if column not in words and not (isinstance(number, float) and math.isfinite(number)):
                raise BadInput(f"line {line}: {column} is {number!r}, not a number")


def draw(rows):
    if not rows:
        raise BadInput("no line of figures")
    for columns, function in [(STEP_COLUMNS, draw_steps), (COLLECTIVE_COLUMNS, draw_collectives)]:
        if all(column in rows[0] for column in columns):
            check(rows, columns)
            return function(rows)
    raise BadInput("neither the header of scaling_step nor that of scaling_collectives")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, help="the picture; left out: beside the file, as .svg")
    options = parser.parse_args()
    output = options.output or options.csv.with_suffix(".svg")
    try:
        text = draw(read(options.csv))
    except (BadInput, OSError, UnicodeDecodeError) as error:
        print(f"plot_scaling: error: {options.csv}: {error}", file=sys.stderr)
        return 65
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"plot_scaling: error: {output}: {error}", file=sys.stderr)
        return 73
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
