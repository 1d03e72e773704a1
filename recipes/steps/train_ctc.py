"""Train a convolutional CTC model of phones, or fine-tune one with other losses.

    python -m recipes.steps.train_ctc conf/train.yaml data/features exp/baseline
    python -m recipes.steps.train_ctc conf/latency.yaml data/features exp/latency \
        --init exp/baseline/model
    torchrun --nproc-per-node 4 -m recipes.steps.train_ctc conf/train.yaml data/features exp/x

The YAML file holds the keywords of `Training`, and under ``network`` those of `ConvCTCConfig`.
FEATURES has train/ and dev/, as compute_features.py writes them. The program writes to OUT: model/,
which `speechalign align` takes; checkpoint.pt, from which an interrupted run continues as if it had
never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, distributed

from recipes.trainer.decoding import error_rate
from recipes.trainer.feature_store import Batch, FeatureStore
from recipes.trainer.objective import Augmentation, Objective
from recipes.trainer.settings import Settings, make_settings, override_options, read_yaml
from recipes.trainer.trainer import Epochs, Trainer, start
from speechalign.errors import InputError
from speechalign.models.ctc.conv_ctc import BLANK, ConvCTC, load
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet, with_context
from speechalign.vocabulary import Vocabulary


@dataclass(frozen=True)
class Training(Settings):
    """Settings of a run, beside those of `Settings`.

    Parameters
    ----------
    name : str
        Name of the model.
    losses : Mapping[str, Mapping[str, float]]
        Losses by name, each with its weight and keywords; see `Objective`.
    batch_seconds : float
        Seconds of padded speech in a batch.
    network : ConvCTCConfig or None
        Sizes and context; None for those of the model that is fine-tuned, or the defaults. A model
        that is fine-tuned may get another ``right_context``, nothing else.
    augmentation : Augmentation
        Masks of the features.
    """

    learning_rate: float = 2e-3
    warmup: int = 300
    name: str = "conv-ctc"
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {"ctc": {}})
    batch_seconds: float = 60.0
    network: ConvCTCConfig | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    if "network" in data:
        data["network"] = ConvCTCConfig.from_keywords(data["network"], source=f"{path}: network")
    masks = data.get("augmentation", {})
    data["augmentation"] = make_settings(Augmentation, masks, source=f"{path}: augmentation")
    return make_settings(Training, data, source=str(path))


class PhoneTrainer(Trainer[Batch]):
    """A training run of a CTC model of phones.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : FeatureStore
        Speech to train on, and to evaluate on.
    out : Path
        Folder of the run.
    initial : ConvCTC or None
        The model that is fine-tuned; None for a new one.
    """

    criterion = "per"

    def __init__(
        self,
        training: Training,
        train: FeatureStore,
        dev: FeatureStore,
        out: Path,
        *,
        initial: ConvCTC | None,
    ) -> None:
        torch.manual_seed(training.seed)
        given = None if initial is None else initial.net.state_dict()
        if initial is None:
            phones = sorted({phone for entry in train.entries for phone in entry.phones})
            vocabulary = Vocabulary([BLANK, *phones], blank=BLANK)
            net = ConvCTCNet(training.network or ConvCTCConfig(), len(vocabulary))
            mean, deviation = train.moments()
            net.mean.copy_(torch.from_numpy(mean))
            net.deviation.copy_(torch.from_numpy(deviation))
        else:
            net, vocabulary = initial.net, initial.vocabulary
            if training.network is not None:
                net = with_context(net, training.network.right_context)
                if net.config != training.network:
                    raise InputError(
                        f"network: expected the initial model's, but for right_context, "
                        f"{net.config}, got {training.network}"
                    )
        assert vocabulary.blank is not None
        self.objective = Objective(
            net, training.losses, augmentation=training.augmentation, blank=vocabulary.blank
        )
        super().__init__(training, self.objective, out, given=given)
        self.training = training
        self.train_store, self.dev_store = train, dev
        self.symbols = {symbol: i for i, symbol in enumerate(vocabulary.symbols)}
        self.model = ConvCTC(
            net,
            vocabulary,
            name=training.name,
            language="en",
            licence="see the data it was trained on",
        )
        self.infeasible = 0
        self._epochs = Epochs(
            lambda epoch: train.batches(training.batch_seconds, seed=training.seed, epoch=epoch)
        )

    def batch(self, number: int) -> Batch:
        """Return a batch, counted from 0."""
        return self.train_store.batch(self._epochs[number], self.symbols)

    def names(self, batch: Batch) -> str:
        """Return the utterances of a batch."""
        return f"utterances: {' '.join(batch.ids)}"

    def losses(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, and each; in bfloat16 where a GPU may."""
        device = self.device
        with torch.autocast(device.type, torch.bfloat16, device.type == "cuda"):
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
        """Return the phone error rate of dev, decoded greedily."""
        seconds = self.training.batch_seconds
        return {"per": error_rate(self.model, self.dev_store, batch_seconds=seconds)}

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
                f"{int(infeasible)} times an utterance had more phones than frames and was left "
                "out of its batch",
                err=True,
            )

    def write_model(self) -> None:
        """Write model/."""
        self.model.net.eval()
        self.model.save(self.out / "model")


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model to fine-tune (default: a new one).",
)
@override_options
def main(
    config: Path, features: Path, out: Path, init: Path | None, seed: int | None, steps: int | None
) -> None:
    """Read the settings, train."""
    training = read_training(config, seed=seed, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    initial = None if init is None else load(init)
    network = initial.net.config if initial else training.network or ConvCTCConfig()
    train, dev = (FeatureStore(features / name, mels=network.mels) for name in ("train", "dev"))
    PhoneTrainer(training, train, dev, out, initial=initial).run()


if __name__ == "__main__":
    start(main)
