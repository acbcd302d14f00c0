#!/usr/bin/env python3
"""Validation while training: the curve in metrics.jsonl, the best step and its checkpoint, patience, continued runs.

    test_validation.py --program build/cpu-release/recpo [--mpiexec mpirun] [Validation]
"""
import json
import shutil

from program_case import USAGE, Program, main

CURVE = ("eval_ranked_hr@1", "eval_mrr", "eval_loss")
# A rate at which a small model gets worse again within a few steps, so that the best step is not the last.
STAGE = ["optimizer.lr=0.05", "optimizer.schedule=constant", "optimizer.warmup_fraction=0", "sft.global_batch=8",
         "align.global_batch=8", "sft.steps=7", "align.steps=3", "data.max_train_rows=32", "data.max_eval_rows=8",
         "checkpoint.every_steps=0", "checkpoint.keep=1"]
VALIDATE = ["validate.every_steps=2", "validate.rows=12", "validate.metric=loss"]


class Validation(Program):
    def train(self, folder, *more, stages="prepare,sft", ranks=0):
        return self.succeed(f"run.dir={folder}", f"run.stages={stages}", *STAGE, *more, ranks=ranks)

    def lines(self, folder, stage="sft"):
        text = (self.folder / folder / "metrics.jsonl").read_text()
        return [line for line in map(json.loads, text.splitlines()) if line["stage"] == stage]

    def curve(self, folder, stage="sft"):
        return {line["step"]: [line[name] for name in CURVE] for line in self.lines(folder, stage) if CURVE[0] in line}

    def best(self, folder, stage="sft"):
        return (self.folder / folder / "checkpoints" / stage / "best").read_text()

    def steps_kept(self, folder, stage="sft"):
        return {path.name for path in (self.folder / folder / "checkpoints" / stage).glob("step_*")}

    def weights(self, folder, step, stage="sft"):
        path = self.folder / folder / f"checkpoints/{stage}/step_{step}/manifest.json"
        return json.loads(path.read_text())["weights_hash"]

    def best_by_loss(self, folder):
        curve = self.curve(folder)
        return min(curve, key=lambda step: (curve[step][2], step))

    def best_by_hit_rate(self, folder):
        curve = self.curve(folder)
        return max(curve, key=lambda step: (curve[step][0], -step))  # of equals the earlier

    def test_curve_of_both_stages_and_weights_as_without(self):
        stages = "prepare,sft,align"
        self.train("plain", "sft.micro_batch_tokens=512", stages=stages)
        self.train("out", "sft.micro_batch_tokens=512", *VALIDATE, "log.every_steps=5", "log.tensorboard=true",
                   stages=stages)
        self.assertEqual(list(self.curve("out")), [2, 4, 6, 7])
        self.assertEqual(list(self.curve("out", "align")), [2, 3])
        self.assertEqual([line["step"] for line in self.lines("out")], [1, 2, 4, 5, 6, 7])
        self.assertEqual(self.curve("plain"), {})
        for stage, step in (("sft", 7), ("align", 3)):
            self.assertEqual(self.weights("out", step, stage), self.weights("plain", step, stage))
        self.assertEqual(self.best("out"), f"step_{self.best_by_loss('out')}\n")
        self.assertEqual(self.steps_kept("out"), {"step_7"})  # the best is only named
        events = next((self.folder / "out/tensorboard/sft").iterdir()).read_bytes()
        for name in CURVE:
            self.assertIn(b"\n" + bytes([len(name)]) + name.encode(), events)
        # What selects nothing changes no identity.
        self.assertIn("sft: done (step 7), skipped", self.train("plain", "sft.micro_batch_tokens=512", *VALIDATE).stderr)
        for values in self.curve("out").values():
            self.assertTrue(0 <= values[0] <= values[1] <= 1 and values[2] > 0, values)

    def test_ranks_agree(self):
        self.train("one", *VALIDATE)
        self.train("two", *VALIDATE, ranks=2)
        self.assertEqual(self.curve("two"), self.curve("one"))
        self.assertEqual(self.best("two"), self.best("one"))
        gentle = ["optimizer.lr=1e-3", "sft.steps=3"]
        self.train("whole", *VALIDATE, *gentle)
        self.train("sharded", *VALIDATE, *gentle, "parallel.tp=2", "parallel.sequence_parallel=true", ranks=2)
        for step, values in self.curve("whole").items():
            for own, other in zip(values, self.curve("sharded")[step]):
                self.assertAlmostEqual(own, other, delta=1e-4)

    def test_best_is_kept_and_used(self):
        still = "optimizer.lr=0"  # weights that stand still: of equal validations the earliest is the best
        keep = [*VALIDATE, "validate.metric=ranked_hr@1", "validate.keep_best=true", still]
        done = self.train("out", *keep, stages="prepare,sft,evaluate-sft,align")
        best = self.best_by_hit_rate("out")
        self.assertEqual(best, 2, self.curve("out"))
        self.assertEqual(self.best("out"), f"step_{best}\n")
        self.assertEqual(self.steps_kept("out"), {f"step_{best}", "step_7"})
        folder = f"out/checkpoints/sft/step_{best}"
        for use in ("evaluate sft:", "align: starts from"):
            self.assertRegex(done.stderr, f"{use} [^\\n]*{folder}\\b")
        for model, name in (("out/checkpoints/sft", "stage"), (folder, "best")):
            self.succeed("export", "--model", model, "--output", name)
        self.assertEqual((self.folder / "stage/model.safetensors").read_bytes(),
                         (self.folder / "best/model.safetensors").read_bytes())
        self.assertIn(f"best       step {best} by validation, kept",
                      self.succeed("inspect", "out/checkpoints/sft").stdout)
        # Another identity than without: nothing of a finished stage is replaced.
        self.fail_with(USAGE, ["checkpoints/sft", "run.dir"], "run.dir=out", "run.stages=prepare,sft", *STAGE, still)

    def test_continued_run_is_the_same(self):
        keep = [*VALIDATE, "validate.keep_best=true", "checkpoint.every_steps=1", "checkpoint.keep=9"]
        self.train("out", *keep)
        for last in (1, 3, 5):  # killed after its checkpoint, while a later line was written
            shutil.copytree(self.folder / "out", self.folder / "killed", dirs_exist_ok=True)
            for step in range(last + 1, 8):
                shutil.rmtree(self.folder / f"killed/checkpoints/sft/step_{step}")
            metrics = self.folder / "killed/metrics.jsonl"
            metrics.write_text("".join(f"{line}\n" for line in metrics.read_text().splitlines()[:last + 1]) + '{"st')
            self.assertIn(f"continues after step {last}", self.train("killed", *keep, ranks=2 if last == 3 else 0).stderr)
            self.assertEqual(self.curve("killed"), self.curve("out"))
            self.assertEqual([line["loss"] for line in self.lines("killed")],
                             [line["loss"] for line in self.lines("out")])
            self.assertEqual(self.best("killed"), self.best("out"))
            for step in (self.best_by_loss("out"), 7):
                self.assertEqual(self.weights("killed", step), self.weights("out", step))

    def test_patience_ends_a_stage(self):
        patience = [*VALIDATE, "validate.every_steps=1", "validate.patience=2", "sft.steps=40",
                    "checkpoint.every_steps=1", "checkpoint.keep=40"]
        ended = self.train("out", *patience)
        curve = self.curve("out")
        last = self.best_by_loss("out") + 2
        self.assertLess(last, 40)
        self.assertEqual(list(curve), list(range(1, last + 1)))
        self.assertEqual(self.steps_kept("out"), {f"step_{step}" for step in curve})
        shutil.rmtree(self.folder / f"out/checkpoints/sft/step_{last}")  # killed before its last checkpoint
        continued = self.train("out", *patience)
        for done in (ended, continued):
            self.assertIn(f"ends after step {last} of 40", done.stderr)
        self.assertEqual(self.curve("out"), curve)
        self.assertIn(f"sft: done (step {last}), skipped", self.train("out", *patience).stderr)

    def test_mistakes(self):
        for key in ("validate.keep_best=true", "validate.patience=2"):
            self.fail_with(USAGE, [key.split("=")[0], "validate.every_steps"], "sft", "run.dir=out", *STAGE, key)
        self.fail_with(USAGE, ["validate.metric", "ranked_hr@1", "loss"], "sft", "validate.metric=accuracy")
        self.write("rows.jsonl", json.dumps({"prompt": "Q:", "chosen": " a", "rejected": [" b"]}) + "\n")
        self.fail_with(USAGE, ["validate.every_steps", "data.valid"], "sft", "run.dir=own", "data.dataset=rows",
                       "data.train=rows.jsonl", "tokenizer.train_vocab=300", *STAGE, *VALIDATE)


if __name__ == "__main__":
    main()
