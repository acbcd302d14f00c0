#!/usr/bin/env python3
"""Sweeps: cells from decks and axes, what they share is made once, a second start makes nothing again, and a cell's
weights and figures are those of the same run alone.

    test_sweep.py --program build/cpu-release/recpo [--mpiexec mpirun] [Sweeps | RepositorySweeps | Submission]
"""
import json
import os
import pathlib
import re
import subprocess
import tomllib

import program_case
from program_case import BAD_INPUT, STOPPED, USAGE, Program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STAGES = 'stages = ["prepare", "evaluate-base", "sft", "evaluate-sft", "align", "evaluate"]'


class SweepCase(Program):
    def setUp(self):
        super().setUp()
        deck = self.data_deck()
        deck.write_text(deck.read_text().replace("[prompt]", "max_eval_rows = 12\n[prompt]") + "\n[model]\nmax_tokens = 200\n[evaluate]\nbatch_tokens = 4096\n" + "".join(
            f"[{stage}]\nsteps = 2\nglobal_batch = 8\n" for stage in ("sft", "align")))
        for objective in ("s-dpo", "recpo"):
            self.write(f"systems/{objective}.toml",
                       f'include = ["../deck.toml"]\n[run]\n{STAGES}\n[align]\nobjective = "{objective}"\n')
        self.write("systems/sft.toml", 'include = ["../deck.toml"]\n[run]\nstages = ["prepare", "sft", "evaluate-sft"]\n')

    def sweep_deck(self, decks=("sft", "s-dpo", "recpo"), axes=("data.negatives = 1 | 3",), name="sweep.toml", more=""):
        lists = (f"{key} = {json.dumps(values)}" for key, values in
                 (("decks", [d if d.endswith(".toml") else f"systems/{d}.toml" for d in decks]), ("axes", axes)))
        return self.write(name, "\n".join(['[run]', 'dir = "swept"', "[sweep]", *lists, more]))

    def cells(self, deck="sweep.toml", *more):
        lines = self.succeed("sweep", "-i", deck, "--list", *more).stdout.splitlines()
        rows = [re.fullmatch(r" *(\d+)  group (\d+) +(\w+) +(.*)", line).groups() for line in lines[1:]]
        self.assertRegex(lines[0], rf"^{len(rows)} cells, {len({row[1] for row in rows})} groups$")
        self.assertEqual([int(row[0]) for row in rows], list(range(len(rows))))
        return {row[3]: (int(row[1]), row[2]) for row in rows}

    def deck_values(self, *arguments):
        return tomllib.loads(self.succeed(*arguments).stdout)

    def trained(self, stderr):
        """Stages that were trained, not found: [sft, align, align]."""
        return re.findall(r"(sft|align): starts from", stderr)

    def evaluation(self, cell):
        return json.loads((self.folder / "swept/cells" / cell / "evaluation.json").read_text())

    def weights(self, folder, stage):
        return json.loads((folder / "checkpoints" / stage / "step_2/manifest.json").read_text())["weights_hash"]


class Sweeps(SweepCase):
    def test_what_cells_share_is_made_once(self):
        self.sweep_deck()
        names = ["systems_sft,data.negatives=1", "systems_sft,data.negatives=3", "systems_s-dpo,data.negatives=1",
                 "systems_s-dpo,data.negatives=3", "systems_recpo,data.negatives=1", "systems_recpo,data.negatives=3"]
        self.assertEqual(self.cells(), {name: (0, "new") for name in names})
        done = self.succeed("sweep", "-i", "sweep.toml")
        self.assertEqual(self.trained(done.stderr), ["sft"] + 4 * ["align"])
        self.assertEqual(done.stderr.count("rows written to"), 1)
        self.assertEqual(done.stderr.count("evaluate base: random weights"), 1)
        self.assertEqual(len(re.findall("evaluate sft: .*/sft/step_2", done.stderr)), 1)
        self.assertEqual(set(state for _, state in self.cells().values()), {"done"})
        self.assertIn("RecPO", done.stdout)
        page = (self.folder / "swept/report/index.html").read_text()
        for label in ("S-DPO", "RecPO", "data.negatives"):
            self.assertIn(label, page)
        self.assertEqual(self.succeed("report", "-i", "sweep.toml").stdout, done.stdout)
        for name in names:
            objective = name.split("_")[1].split(",")[0]
            expected = {"sft"} if objective == "sft" else {"base", "sft", objective}
            self.assertEqual(set(self.evaluation(name)), expected)
            self.assertTrue((self.folder / "swept/cells" / name / "prepare.json").exists())
        settings = self.evaluation("systems_recpo,data.negatives=3")["recpo"]["settings"]
        for key, value in {"align.objective": "recpo", "data.negatives": 3, "run.seed": 1, "align.lambda": 2.0,
                           "data.tier": "full+rating", "sft.steps": 2}.items():
            self.assertEqual(settings[key], value)
        stages = [json.loads(line)["stage"] for line in
                  (self.folder / "swept/cells" / names[-1] / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual(stages, ["sft", "sft", "align", "align"])

        again = self.succeed("sweep", "-i", "sweep.toml")
        self.assertEqual(self.trained(again.stderr), [])
        self.assertNotIn("rows written", again.stderr)

        # The same run alone, without a store, has the same weights and figures.
        self.succeed("run", "-i", "systems/recpo.toml", "run.dir=alone")
        stored = {self.weights(folder, stage) for stage in ("sft", "align")
                  for folder in (self.folder / "swept/store").glob(f"{stage}-*") if folder.is_dir()}
        for stage in ("sft", "align"):
            self.assertIn(self.weights(self.folder / "alone", stage), stored)
        alone = json.loads((self.folder / "alone/evaluation.json").read_text())
        for model, figures in self.evaluation("systems_recpo,data.negatives=3").items():
            self.assertEqual(figures["main"], alone[model]["main"], model)

        # Another sweep over the same store finds what is there: only the new value is trained.
        self.sweep_deck(decks=["recpo"], axes=["data.negatives = 2 | 3"], name="other.toml")
        other = self.succeed("sweep", "-i", "other.toml")
        self.assertEqual(self.trained(other.stderr), ["align"])

    def test_parts_and_ranks(self):
        self.sweep_deck(decks=["s-dpo", "recpo"], axes=["run.seed = 1 | 2"])
        self.assertEqual([group for group, _ in self.cells().values()], [0, 1, 0, 1])
        shared = self.succeed("sweep", "-i", "sweep.toml", "--shared", "1", ranks=2)
        self.assertEqual(self.trained(shared.stderr), ["sft"])
        cell = self.succeed("sweep", "-i", "sweep.toml", "--cell", "1", ranks=2)
        self.assertEqual(self.trained(cell.stderr), ["align"])
        self.assertEqual([state for _, state in self.cells().values()], ["new", "done", "new", "new"])
        limited = self.run_program("sweep", "-i", "sweep.toml", "-t", "00:00:01", ranks=2)
        self.assertIn(limited.returncode, (0, STOPPED), limited.stderr[-3000:])
        rest = self.succeed("sweep", "-i", "sweep.toml", ranks=2)
        self.assertEqual(self.trained(limited.stderr + rest.stderr).count("align") >= 3, True)
        # One rank finds what two ranks made: the same bits have the same identity.
        self.assertEqual(self.trained(self.succeed("sweep", "-i", "sweep.toml").stderr), [])

    def test_two_programs_share_a_store(self):
        self.sweep_deck(decks=["s-dpo", "recpo"], axes=[])
        command = [program_case.options.program, "sweep", "-i", "sweep.toml"]
        running = [subprocess.Popen([*command, "--cell", str(cell)], cwd=self.folder, stderr=subprocess.PIPE, text=True,
                                    env=program_case.environment(0)) for cell in (0, 1)]
        output = [process.communicate(timeout=300)[1] for process in running]
        self.assertEqual([process.returncode for process in running], [0, 0], output)
        self.assertEqual(sorted(self.trained(output[0] + output[1])), ["align", "align", "sft"])

    def test_cells(self):
        self.sweep_deck(decks=["recpo", "recpo"], axes=["align.lambda = 2 | 1", "run.seed = 1 | 1"])
        self.assertEqual(list(self.cells()), ["systems_recpo,align.lambda=2,run.seed=1",
                                              "systems_recpo,align.lambda=1,run.seed=1"])
        inner = self.write("inner.toml", 'include = ["systems/recpo.toml"]\n[sweep]\naxes = ["align.lambda = 2 | 0"]\n')
        self.assertEqual(list(self.cells(inner)), ["align.lambda=2", "align.lambda=0"])
        self.sweep_deck(decks=["inner.toml", "s-dpo"], axes=["run.seed = 1 | 2"])
        self.assertEqual(list(self.cells()), [f"{deck},run.seed={seed}" for deck, seed in [
            ("inner,align.lambda=2", 1), ("inner,align.lambda=0", 1), ("inner,align.lambda=2", 2),
            ("inner,align.lambda=0", 2), ("systems_s-dpo", 1), ("systems_s-dpo", 2)]])
        self.assertEqual(len(self.cells("sweep.toml", "run.seed=7")), 3)  # the command line holds for all

    def test_parts(self):
        self.write("parts/sizes.toml", '[small]\ndata.path = "here"\nsft.steps = 1\n[large]\nsft.steps = 9\n')
        self.write("sweep.toml", 'include = ["deck.toml"]\n[run]\ndir = "swept"\nseed = 4\n[sft]\nsteps = 5\n[sweep]\n'
                   'name = "x"\naxes = ["parts/sizes.toml = small | large", "run.seed = 1 | 2"]\n')
        self.assertEqual(list(self.cells()), ["x_small,run.seed=1", "x_small,run.seed=2", "x_large,run.seed=1",
                                              "x_large,run.seed=2"])
        self.write("outer.toml", '[run]\ndir = "swept"\n[sweep]\ndecks = ["sweep.toml"]\naxes = ["align.steps = 3"]\n')
        self.assertEqual(list(self.cells("outer.toml"))[0], "x_small,run.seed=1,align.steps=3")
        values = self.deck_values("sweep", "-i", "sweep.toml", "--cell", "1", "--print-deck")
        self.assertEqual(values, self.deck_values("sweep", "-i", "sweep.toml", "--cell", "x_small,run.seed=2",
                                                  "--print-deck"))
        expected = {("run", "seed"): 2, ("run", "dir"): str(self.folder / "swept/cells/x_small,run.seed=2"),
                    ("run", "store"): str(self.folder / "swept/store"), ("sft", "steps"): 1,
                    ("data", "path"): str(self.folder / "parts/here"), ("data", "dataset"): "recbole",
                    ("sweep", "axes"): []}
        for (section, key), value in expected.items():
            self.assertEqual(values[section][key], value, key)
        # The printed deck is an ordinary one, and the same again.
        self.write("cell.toml", self.succeed("sweep", "-i", "sweep.toml", "--cell", "1", "--print-deck").stdout)
        self.assertEqual(self.deck_values("-i", "cell.toml", "--print-deck"), values)

    def test_listing_and_printing_need_no_ranks(self):
        self.sweep_deck()
        for arguments in (["--list"], ["--cell", "0", "--print-deck"]):
            alone = self.succeed("sweep", "-i", "sweep.toml", *arguments)
            self.assertEqual(alone.stderr, "")
            self.assertEqual(self.succeed("sweep", "-i", "sweep.toml", *arguments, ranks=2).stdout, alone.stdout)

    def test_mistakes(self):
        self.sweep_deck(axes=["align.lambd = 1 | 2"])
        self.fail_with(USAGE, ["sweep.toml", "align.lambd", "align.lambda"], "sweep", "-i", "sweep.toml")
        self.sweep_deck(axes=["align.lambda = 1 |"])
        self.fail_with(USAGE, ["sweep.toml", "sweep.axes", "empty value"], "sweep", "-i", "sweep.toml")
        self.sweep_deck(axes=["align.lambda"])
        self.fail_with(USAGE, ["sweep.toml", "sweep.axes"], "sweep", "-i", "sweep.toml")
        self.write("parts.toml", "[small]\nsft.steps = 1\n[wrong]\nsft.step = 1\n")
        for axis, parts in {"parts.toml = small | big": ["sweep.axes", "[big]", "small, wrong"],
                            "gone.toml = small": ["sweep.axes", "gone.toml"],
                            "parts.toml = small | wrong": ["parts.toml:4", "sft.step", "sft.steps"]}.items():
            self.sweep_deck(axes=[axis])
            self.fail_with(USAGE, parts, "sweep", "-i", "sweep.toml")
        self.sweep_deck(decks=["gone"])
        self.fail_with(USAGE, ["gone.toml"], "sweep", "-i", "sweep.toml")
        self.fail_with(USAGE, ["systems/sft.toml", "no sweep"], "sweep", "-i", "systems/sft.toml")
        self.fail_with(USAGE, ["-i DECK.toml"], "sweep")
        self.sweep_deck()
        for more in ([], ["--print-deck"]):
            self.fail_with(USAGE, ["--cell 6", "counted from 0"], "sweep", "-i", "sweep.toml", "--cell", "6", *more)
        self.fail_with(USAGE, ["--cell systems_stf", "systems_sft"], "sweep", "-i", "sweep.toml", "--cell", "systems_stf")
        self.fail_with(USAGE, ["recpo sweep -i sweep.toml"], "run", "-i", "sweep.toml")
        self.fail_with(BAD_INPUT, ["cell systems_sft,data.negatives=1", "nowhere"], "sweep", "-i", "sweep.toml",
                       "data.path=nowhere")
        self.write("cut.toml", 'include = ["systems/s-dpo.toml"]\n[parallel]\ntp = 2\n')
        self.sweep_deck(decks=["recpo", "cut.toml"], axes=[])
        self.fail_with(USAGE, ["cut.toml:3", "parallel.tp", "one grid"], "sweep", "-i", "sweep.toml")

    def test_a_dry_run_touches_nothing(self):
        self.sweep_deck(decks=["s-dpo", "recpo"], axes=["run.seed = 1 | 2"])
        before = self.files()
        done = self.succeed("sweep", "-i", "sweep.toml", "--dry-run")
        self.assertEqual(self.files(), before)
        self.assertIn("4 cells, 2 groups", done.stdout)
        self.assertEqual(done.stdout.count("outputs "), 2)


class RepositorySweeps(Program):
    """The sweeps of inputs/ list the cells of sweep_cells.txt, and each cell's deck is what its name says."""

    def expected(self):
        sweeps = {}
        for line in (pathlib.Path(__file__).parent / "sweep_cells.txt").read_text().splitlines():
            if line.startswith("["):
                cells = sweeps.setdefault(line[1:-1], [])
            elif line and not line.startswith("#"):
                cells.append(line)
        return sweeps

    def deck(self, sweep, cell):
        printed = self.succeed("sweep", "-i", ROOT / "inputs" / sweep, "--cell", cell, "--print-deck").stdout
        return tomllib.loads(printed)

    def test_cells(self):
        for sweep, expected in self.expected().items():
            lines = self.succeed("sweep", "-i", ROOT / "inputs" / sweep, "--list").stdout.splitlines()
            cells = [re.sub(r" *\d+  group (\d+) +\w+ +(.*)", r"\1 \2", line) for line in lines[1:]]
            self.assertEqual(cells, expected, sweep)
        counts = {sweep: len(cells) for sweep, cells in self.expected().items()}
        for sweep, count in {"all": 62, "table1": 36, "table2": 12, "figure2": 8, "figure4": 12, "figure6": 14,
                             "more": 21}.items():
            self.assertEqual(counts[f"paper/{sweep}.toml"], count)
        self.assertEqual(counts["synthetic_study.toml"], 27)

    def test_decks_of_cells(self):
        deck = self.deck("paper/all.toml", "table1_beeradvocate_s-dpo")
        self.assertEqual(deck["data"]["path"], str(ROOT / "data/beeradvocate"))
        for section, key, value in [("data", "dataset", "beeradvocate"), ("data", "min_history", 3),
                                    ("model", "max_tokens", 1024), ("align", "objective", "s-dpo"),
                                    ("evaluate", "rank_candidates", True), ("optimizer", "clip", 0.3)]:
            self.assertEqual(deck[section][key], value, key)
        self.assertEqual(deck["run"]["stages"], ["prepare", "sft", "evaluate-sft", "align", "evaluate"])
        self.assertEqual(deck["run"]["dir"], str(ROOT / "runs/paper/cells/table1_beeradvocate_s-dpo"))
        deck = self.deck("paper/table1.toml", "table1_steam_caser")
        self.assertEqual((deck["run"]["stages"], deck["baseline"]["model"], deck["baseline"]["patience"]),
                         (["prepare", "baseline"], "caser", 20))
        self.assertEqual(self.deck("paper/table2.toml", "table2_steam_log-diff")["align"]["margin"], "log-diff")
        self.assertEqual(self.deck("paper/figure2.toml", "table1_ml-1m_sft,data.tier=full")["data"]["tier"], "full")
        deck = self.deck("synthetic_study.toml", "synthetic_sft_longer,run.seed=3")
        self.assertEqual((deck["sft"]["longer"], deck["run"]["seed"], deck["data"]["dataset"]), (True, 3, "synthetic"))


class Submission(SweepCase):
    def submit(self, *arguments, **more):
        """jobs/submit_sweep.sh with an sbatch that writes down what it was told, and runs the tasks of the array."""
        bin_folder = self.folder / "bin"
        script = self.write("bin/sbatch", "#!/usr/bin/env bash\nset -eu\n"
                   'printf "%s %s\\n" "$RECPO_SWEEP_PART" "$*" >>"$LOG"\ntasks=none\n'
                   'for word in "$@"; do case $word in --array=*) tasks=${word#--array=};; esac; done\n'
                   "for task in ${tasks//,/ }; do SLURM_ARRAY_TASK_ID=$task bash jobs/recpo_sweep.slurm"
                   ' </dev/null >>"$LOG.out" 2>&1; done\necho "job-$RECPO_SWEEP_PART"\n')
        script.chmod(0o755)
        environment = dict(os.environ, PATH=f"{bin_folder}:{os.environ['PATH']}", LOG=str(self.folder / "log"),
                           RECPO_PROGRAM=program_case.options.program, OMP_NUM_THREADS="1",
                           ASAN_OPTIONS="detect_leaks=0")
        environment.pop("SLURM_SUBMIT_DIR", None)
        return subprocess.run(["bash", str(ROOT / "jobs/submit_sweep.sh"), *map(str, arguments)], cwd=self.folder,
                              env=environment, capture_output=True, text=True, timeout=300, **more)

    def test_arrays(self):
        deck = self.sweep_deck(decks=["s-dpo", "recpo"], axes=["run.seed = 1 | 2"])
        self.succeed("sweep", "-i", "sweep.toml", "--cell", "2")
        done = self.submit(deck)
        self.assertEqual(done.returncode, 0, done.stderr)
        log = (self.folder / "log").read_text().splitlines()
        self.assertEqual(log, [
            "shared --parsable --array=0,1 jobs/recpo_sweep.slurm",
            "cell --parsable --array=0,1,3 --dependency=afterok:job-shared --kill-on-invalid-dep=yes jobs/recpo_sweep.slurm",
            "all --parsable --dependency=afterok:job-cell --kill-on-invalid-dep=yes jobs/recpo_sweep.slurm"])
        self.assertEqual({state for _, state in self.cells().values()}, {"done"},
                         (self.folder / "log.out").read_text()[-3000:])
        again = self.submit(deck)
        self.assertIn("every cell is done", again.stdout)
        self.assertEqual((self.folder / "log").read_text().splitlines(), log)

    def test_mistakes(self):
        self.assertEqual(self.submit().returncode, USAGE)
        wrong = self.submit(self.write("no.toml", "[run]\nseed = 1\n"))
        self.assertEqual(wrong.returncode, USAGE)
        self.assertIn("no sweep", wrong.stderr)


if __name__ == "__main__":
    program_case.main()
