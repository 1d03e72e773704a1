"""What training runs of CTC models share: settings, batches, losses, evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, distributed

from recipes.trainer.decoding import CtcModel, error_rate
from recipes.trainer.feature_store import Batch, Split
from recipes.trainer.objective import Augmentation, Objective
from recipes.trainer.settings import Settings
from recipes.trainer.trainer import Epochs, Trainer


@dataclass(frozen=True)
class CtcTraining(Settings):
    """Settings of a run, beside those of `Settings`.

    Parameters
    ----------
    name : str
        Name of the model.
    losses : Mapping[str, Mapping[str, float]]
        Losses by name, each with its weight and keywords; see `Objective`.
    batch_seconds : float
        Seconds of padded speech in a batch.
    augmentation : Augmentation
        Masks of the features.
    """

    learning_rate: float = 2e-3
    warmup: int = 300
    name: str = "ctc"
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {"ctc": {}})
    batch_seconds: float = 60.0
    augmentation: Augmentation = field(default_factory=Augmentation)


class CtcTrainer(Trainer[Batch]):
    """A training run of a CTC model.

    Parameters
    ----------
    training : CtcTraining
        Settings of the run.
    model : CtcModel
        The model, whose network is trained.
    train, dev : Split
        Speech to train on, and to evaluate on.
    out : Path
        Folder of the run.
    given : Mapping[str, Tensor] or None
        Weights that the model was given; None where it is new.
    """

    criterion = "per"

    def __init__(
        self,
        training: CtcTraining,
        model: CtcModel,
        train: Split,
        dev: Split,
        out: Path,
        *,
        given: Mapping[str, Tensor] | None,
    ) -> None:
        vocabulary = model.vocabulary
        assert vocabulary.blank is not None
        self.objective = Objective(
            model.net, training.losses, augmentation=training.augmentation, blank=vocabulary.blank
        )
        super().__init__(training, self.objective, out, given=given)
        self.training = training
        self.model = model
        self.train_split, self.dev_split = train, dev
        self.symbols = {symbol: i for i, symbol in enumerate(vocabulary.symbols)}
        self.half = self.device.type == "cuda"
        self.infeasible = 0
        self._epochs = Epochs(
            lambda epoch: train.batches(training.batch_seconds, seed=training.seed, epoch=epoch)
        )

    def batch(self, number: int) -> Batch:
        """Return a batch, counted from 0."""
        return self.train_split.batch(self._epochs[number], self.symbols)

    def names(self, batch: Batch) -> str:
        """Return the utterances of a batch."""
        return f"utterances: {' '.join(batch.ids)}"

    def losses(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, and each; in bfloat16 where ``half`` is set."""
        device = self.device
        with torch.autocast(device.type, torch.bfloat16, self.half):
            found = self.objective(
                batch.features.to(device),
                batch.lengths.to(device),
                batch.targets.to(device),
                batch.target_lengths.to(device),
                batch.words.to(device),
                self.step_count / self.training.steps,
            )
        self.infeasible += found.infeasible
        return found.total, found.values

    def step(self) -> dict[str, float]:
        """Update the weights once, then the label priors."""
        values = super().step()
        self.objective.after(self.step_count)
        return values

    def evaluate(self) -> dict[str, float]:
        """Return the label error rate of dev, decoded greedily."""
        seconds = self.training.batch_seconds
        return {self.criterion: error_rate(self.model, self.dev_split, batch_seconds=seconds)}

    def state(self) -> dict[str, object]:
        """Return everything that the next step depends on, and the count of `infeasible`."""
        return super().state() | {"infeasible": self.infeasible}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        super().restore(state)
        self.infeasible = state["infeasible"]

    def run(self) -> None:
        """Train to the end, and report the utterances that had too few frames."""
        super().run()
        infeasible = torch.tensor(self.infeasible, device=self.device)
        if self.world > 1:
            distributed.all_reduce(infeasible)
        if infeasible and self.rank == 0:
            click.echo(
                f"{int(infeasible)} times an utterance had more labels than frames and was left "
                "out of its batch",
                err=True,
            )

    def write_model(self) -> None:
        """Write model/."""
        self.model.net.eval()
        self.model.save(self.out / "model")
