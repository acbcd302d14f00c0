#!/usr/bin/env python3
"""metrics.jsonl and TensorBoard event files: which steps are in them, the same values in both, and a stage that
continues. The event files are read here by the format's definition, not by the program's code.

    test_logging.py --program build/cpu-release/recpo [--mpiexec mpirun] [Logging]
"""
import json
import shutil
import struct

from program_case import SMALL, USAGE, Program, main

STEPS = 7
RUN = ["run.dir=out", "run.stages=prepare,sft", *SMALL, f"sft.steps={STEPS}", "checkpoint.every_steps=3",
       "checkpoint.keep=9"]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    while data:
        length, = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked(data[:8])
        payload = data[12:12 + length]
        assert struct.unpack("<I", data[12 + length:16 + length])[0] == masked(payload)
        yield payload
        data = data[16 + length:]


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            size, form = {1: (8, "<d"), 5: (4, "<f")}[kind]
            value, at = struct.unpack(form, data[at:at + size])[0], at + size
        yield tag >> 3, value


def read_events(folder):
    """[(step, wall time, {tag: value})] of the only event file."""
    file, = folder.glob("events.out.tfevents.*")
    events = [dict(fields(payload)) for payload in records(file.read_bytes())]
    assert events[0][3] == b"brain.Event:2"
    return [(event[2], event[1], dict((value[1].decode(), value[2]) for value in
                                      (dict(fields(inner)) for _, inner in fields(event[5]))))
            for event in events[1:]]


class Logging(Program):
    def lines(self):
        return [json.loads(line) for line in (self.folder / "out/metrics.jsonl").read_text().splitlines()]

    def check_events(self, steps):
        lines = self.lines()
        events = read_events(self.folder / "out/tensorboard/sft")
        self.assertEqual([line["step"] for line in lines], steps)
        self.assertEqual([step for step, _, _ in events], steps)
        self.assertEqual(sorted(time for _, time, _ in events), [time for _, time, _ in events])
        for line, (_, _, scalars) in zip(lines, events):
            expected = {f"train/{name}": struct.unpack("<f", struct.pack("<f", value))[0]
                        for name, value in line.items() if isinstance(value, (int, float)) and name != "step"}
            self.assertEqual(scalars, expected)
            self.assertIn("train/loss", scalars)
        return {line["step"]: line["loss"] for line in lines}

    def test_every_step(self):
        self.succeed(*RUN, "log.tensorboard=true")
        losses = self.check_events(list(range(1, STEPS + 1)))
        # Another number of lines, the same steps.
        self.succeed(*RUN, "run.dir=other", "log.every_steps=3")
        lines = [json.loads(line) for line in (self.folder / "other/metrics.jsonl").read_text().splitlines()]
        self.assertEqual({line["step"]: line["loss"] for line in lines}, {step: losses[step] for step in (1, 3, 6, 7)})
        self.assertFalse((self.folder / "other/tensorboard").exists())

    def test_a_continued_stage_has_every_step_once(self):
        self.succeed(*RUN, "log.tensorboard=true", "log.every_steps=2")
        losses = self.check_events([1, 2, 4, 6, 7])
        file, = (self.folder / "out/tensorboard/sft").iterdir()
        with file.open("ab") as events:
            events.write(b"\x20\x00\x00")  # of a program that was killed while it wrote
        for step in (6, 7):
            shutil.rmtree(self.folder / f"out/checkpoints/sft/step_{step}")
        done = self.succeed(*RUN, "log.tensorboard=true", "log.every_steps=2")
        self.assertIn("continues after step 3", done.stderr)
        self.assertEqual(self.check_events([1, 2, 4, 6, 7]), losses)

    def test_through_a_store(self):
        self.succeed(*RUN, "log.tensorboard=true", "run.store=store")
        self.check_events(list(range(1, STEPS + 1)))

    def test_steps_between_lines_are_at_least_one(self):
        self.fail_with(USAGE, ["log.every_steps", "at least 1"], "log.every_steps=0")


if __name__ == "__main__":
    main()
