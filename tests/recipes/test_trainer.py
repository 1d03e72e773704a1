"""The loop of all training programs, on a line that is fitted: what it draws, keeps and resumes."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
for package in ("tensorboard", "yaml"):
    pytest.importorskip(package, reason=f"needs {package}")
import click  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from torch import nn  # noqa: E402

from recipes.trainer.settings import (  # noqa: E402
    Settings,
    make_settings,
    override_options,
    read_yaml,
)
from recipes.trainer.trainer import Epochs, Trainer, joined_processes  # noqa: E402
from speechalign.errors import InputError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"steps": 9, "learning_rate": 0.1, "warmup": 2, "validate_every": 3, "clip": 5.0}


def test_a_run_may_end_before_its_learning_rate_does():
    whole, part = Settings(9, warmup=2), Settings(4, rate_steps=9, warmup=2)
    assert [part.rate(step) for step in range(4)] == [whole.rate(step) for step in range(4)]
    assert whole.rate(9) == 0 < part.rate(4)


class Line(Trainer):
    """Fit y = 3 x with noise on the weights that torch's generator draws."""

    criterion = "error"

    def __init__(self, out, *, errors=None, given=None, **settings):
        torch.manual_seed(3)
        out.mkdir(exist_ok=True)
        super().__init__(Settings(**SETTINGS | settings), nn.Linear(2, 1), out, given=given)
        self.errors = errors
        self.seen = []
        self.drawn = []

    def batch(self, number):
        self.seen.append(number)
        x = np.random.default_rng((self.settings.seed, number)).normal(size=(4, 2))
        return torch.tensor(x, dtype=torch.float32)

    def names(self, batch):
        return f"points: {len(batch)}"

    def losses(self, batch):
        noise = torch.randn(())
        self.drawn.append(float(noise))
        loss = ((self.module(batch) - 3 * batch[:, :1] + 0.1 * noise) ** 2).mean()
        return loss, {"loss": loss.item()}

    def evaluate(self):
        if self.errors is None:
            return {
                "error": float(
                    (self.module.weight.detach() - torch.tensor([[3.0, 0.0]])).abs().sum()
                )
            }
        return {"error": self.errors[self.step_count // self.settings.validate_every - 1]}

    def write_model(self):
        torch.save(self.module.state_dict(), self.out / "model.pt")


def weights(trainer):
    return {name: value.clone() for name, value in trainer.module.state_dict().items()}


def same(one, two):
    return all(torch.equal(value, two[name]) for name, value in one.items())


def log(trainer, split):
    lines = [json.loads(line) for line in (trainer.out / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["split"] == split]


@pytest.mark.parametrize(
    "settings", [{}, {"accumulate": 2}, {"average": 2}, {"patience": 5}, {"seed": 0}]
)
@pytest.mark.parametrize("last", [3, 5])
def test_a_killed_and_resumed_run_equals_an_undisturbed_one(tmp_path, settings, last):
    whole = Line(tmp_path / "whole", **settings)
    whole.run()
    killed = Line(tmp_path / "killed", **settings)
    losses = killed.losses

    def fail(batch):
        if killed.step_count == last:
            raise KeyboardInterrupt
        return losses(batch)

    killed.losses = fail
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    torch.manual_seed(99)
    resumed = Line(tmp_path / "killed", **settings)
    resumed.resume()
    assert resumed.step_count == 3
    resumed.run()
    assert same(weights(whole), weights(resumed))
    assert log(whole, "train") == log(resumed, "train")


def test_the_loss_falls_and_the_model_is_written(tmp_path):
    line = Line(tmp_path, steps=60, validate_every=20, learning_rate=0.3)
    line.run()
    errors = [entry["error"] for entry in log(line, "dev")]
    assert len(errors) == 3
    assert errors[-1] < 0.2 < errors[0]
    assert same(torch.load(tmp_path / "model.pt"), weights(line))


def test_seeds_decide_batches_and_draws(tmp_path):
    runs = [Line(tmp_path / str(n), seed=seed, steps=2) for n, seed in enumerate((0, 0, 1))]
    for run in runs:
        run.run()
    assert runs[0].drawn == runs[1].drawn != runs[2].drawn
    assert runs[0].drawn[0] != runs[0].drawn[1]


def test_accumulated_batches_count_as_one(tmp_path):
    """The gradient is the mean over the batches of a step."""
    line = Line(tmp_path, accumulate=2, clip=1e9, steps=1)
    other = Line(tmp_path, clip=1e9, steps=1)
    line.step()
    assert line.seen == [0, 1]
    total = 0
    for batch, noise in zip([other.batch(0), other.batch(1)], line.drawn):
        points = (other.module(batch) - 3 * batch[:, :1] + 0.1 * noise) ** 2
        total = total + points.mean() / 2
    total.backward()
    for name, parameter in other.trained.items():
        torch.testing.assert_close(line.trained[name].grad, parameter.grad)
    line.step()
    assert line.seen[2:] == [2, 3]


def test_a_long_gradient_is_scaled_to_clip(tmp_path):
    line = Line(tmp_path, clip=0.5)
    assert line.step()["norm"] > 0.5
    gradient = torch.cat([p.grad.flatten() for p in line.trained.values()])
    assert float(gradient.norm()) == pytest.approx(0.5, rel=1e-4)


def test_patience_ends_the_run_with_the_best_weights(tmp_path):
    kept = {}
    line = Line(tmp_path, errors=[0.5, 0.4, 0.6, 0.45, 0.1], steps=30, patience=2)
    choose = line._choose

    def spy(found):
        kept[line.step_count] = weights(line)
        choose(found)

    line._choose = spy
    line.run()
    assert line.step_count == 12
    assert same(torch.load(tmp_path / "model.pt"), kept[6])
    # Started again, it has nothing to do.
    again = Line(tmp_path, errors=[0.0] * 9, steps=30, patience=2)
    again.run()
    assert again.step_count == 12
    assert same(torch.load(tmp_path / "model.pt"), kept[6])


def test_patience_needs_a_figure(tmp_path):
    line = Line(tmp_path, errors=[float("nan")], patience=2)
    with pytest.raises(InputError, match="patience: dev has no error; look at its data"):
        line.run()


def test_the_model_is_the_mean_of_the_last_evaluations(tmp_path):
    kept = []
    line = Line(tmp_path, average=2)
    choose = line._choose

    def spy(found):
        kept.append(weights(line))
        choose(found)

    line._choose = spy
    line.run()
    assert len(kept) == 3
    for name, value in torch.load(tmp_path / "model.pt").items():
        torch.testing.assert_close(value, (kept[1][name] + kept[2][name]) / 2)


def test_no_steps_write_the_model_as_it_was(tmp_path):
    line = Line(tmp_path, steps=0, average=3)
    before = weights(line)
    line.run()
    assert same(torch.load(tmp_path / "model.pt"), before)


def test_a_run_may_be_made_longer_but_not_shorter(tmp_path):
    Line(tmp_path).run()
    longer = Line(tmp_path, steps=12)
    longer.run()
    assert longer.step_count == 12
    with pytest.raises(InputError, match=r"trained for 12 steps, more than the 9 of the settings"):
        Line(tmp_path).run()


def test_a_checkpoint_of_other_settings_or_damaged_is_refused(tmp_path):
    Line(tmp_path).run()
    with pytest.raises(InputError, match=r"checkpoint\.pt: written with other settings"):
        Line(tmp_path, clip=2.0).run()
    with pytest.raises(InputError, match=r"checkpoint\.pt: written by a run that began from anoth"):
        Line(tmp_path, given={"x": torch.zeros((), dtype=torch.bfloat16)}).run()
    (tmp_path / "checkpoint.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"checkpoint\.pt: damaged checkpoint"):
        Line(tmp_path).run()


def test_a_gradient_that_is_not_finite_ends_the_run_and_names_the_batch(tmp_path):
    line = Line(tmp_path)
    before = weights(line)
    line.module.weight.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(InputError, match=r"step 0: the gradient is nan; points: 4; look at them"):
        line.step()
    assert same(weights(line), before)


def test_epochs_follow_each_other_and_may_be_entered_anywhere():
    epochs = Epochs(lambda epoch: [(epoch, i) for i in range(2 + epoch % 2)])
    expected = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0)]
    assert [epochs[n] for n in range(6)] == expected
    assert [epochs[n] for n in (5, 2, 0)] == [expected[n] for n in (5, 2, 0)]
    with pytest.raises(InputError, match="no batches: the data to train on is empty"):
        Epochs(lambda _: [])[0]


def two(rank, folder):
    """Train as one of two processes."""
    rendezvous = f"file://{folder}/rendezvous"
    with joined_processes(init_method=rendezvous, rank=rank, world_size=2):
        # Of the figures, those of the first process decide.
        line = Line(folder / "two", errors=[[0.5, 0.4, 0.6, 0.7], [0.1, 0.2, 0.3, 0.4]][rank],
                    steps=30, patience=2, accumulate=2)  # fmt: skip
        line.run()
        torch.save((line.seen, line.drawn, line.step_count, weights(line)), folder / f"{rank}.pt")
    threads = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    assert not [name for name in threads if "gloo" in name], threads


def test_two_processes_share_the_batches_and_end_with_the_same_weights(tmp_path):
    torch.multiprocessing.spawn(two, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in (0, 1))
    assert first[0] == list(range(0, 48, 2))
    assert second[0] == list(range(1, 48, 2))
    assert not set(first[1]) & set(second[1])
    assert first[2] == second[2] == 12
    assert same(first[3], second[3])
    assert same(torch.load(tmp_path / "two" / "model.pt"), first[3])


PROGRAM = """
import click, os
from torch import distributed
from recipes.trainer.trainer import start
from speechalign.errors import InputError

@click.command()
def main():
    if distributed.get_rank() == 0:
        raise InputError("dev: empty")

start(main)
"""


def test_a_program_joins_torchrun_and_ends_in_one_line(tmp_path):
    program = tmp_path / "train_x.py"
    program.write_text(PROGRAM)
    found = {}
    for rank in "01":
        environment = os.environ | {
            "RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29517",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        found[rank] = subprocess.Popen(
            [sys.executable, program], env=environment, stderr=subprocess.PIPE, text=True
        )
    errors = {rank: process.communicate(timeout=100)[1] for rank, process in found.items()}
    assert found["0"].returncode == 1
    assert errors["0"].splitlines()[-1] == "train_x.py: dev: empty"
    assert found["1"].returncode == 0, errors["1"]


@dataclass(frozen=True)
class Named(Settings):
    """Settings with one of a program's own."""

    name: str = "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 3\nepochs: 2\n", r"s\.yaml: unknown key 'epochs'; expected steps, learning_rate"),
        ("seed: 3\n", r"s\.yaml: expected a value for steps, found none"),
        ("", r"s\.yaml: expected a value for steps, found none"),
        ("steps: 3\nlearning_rate: 1e-3\n", r"learning_rate: expected a number, got the text '1e-"),
        ("steps: 3\nseed: -1\n", r"s\.yaml: seed: expected at least 0, got -1"),
        ("steps: 3\nrate_steps: 2\n", r"rate_steps: expected at least 3, the steps; got 2"),
        ("steps: 3\naccumulate: 0\n", r"s\.yaml: accumulate: expected at least 1, got 0"),
        ("steps: 3\naverage: 2\npatience: 1\n", r"s\.yaml: patience and average: .* give one"),
        ("- 3\n", r"s\.yaml: expected keys with values, got \[3\]"),
        ("steps: [\n", r"s\.yaml: expected YAML"),
    ],
)
def test_settings_that_are_refused(tmp_path, text, message):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        make_settings(Named, read_yaml(path), source=str(path))


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], (7, 5)), (["--seed", "0"], (7, 0)), (["--steps", "0", "--seed", "4"], (0, 4))],
)
def test_options_replace_the_values_of_the_file_and_0_is_a_value(tmp_path, options, expected):
    path = tmp_path / "s.yaml"
    path.write_text("steps: 7\nseed: 5\n")
    found = []

    @click.command()
    @override_options
    def main(seed, steps):
        found.append(make_settings(Named, read_yaml(path, seed=seed, steps=steps), source="s"))

    assert CliRunner().invoke(main, options).exit_code == 0
    assert (found[0].steps, found[0].seed) == expected
    assert CliRunner().invoke(main, ["--seed", "-1"]).exit_code == 2
