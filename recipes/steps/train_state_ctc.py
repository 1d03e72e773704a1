"""Train CTC heads of letters on the states of a frozen encoder, or fine-tune one.

    python -m recipes.steps.train_state_ctc exp/states data exp/1 conf/base.yaml
    python -m recipes.steps.train_state_ctc exp/states data exp/1/base conf/continued.yaml \
        conf/min_wer.yaml --init exp/1/base/model

STORE is what encode_states.py wrote; DATA has train.jsonl and dev.jsonl. A YAML file holds the
keywords of `Training`, and under ``network`` those of `HeadConfig`. The run of each goes to a
folder of OUT with the name of the file: model/, checkpoint.pt, from which an interrupted run
continues as if it had never stopped, log.jsonl and tensorboard/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import click
import torch

from recipes.trainer.ctc_trainer import CtcTrainer, CtcTraining
from recipes.trainer.letters import letter_vocabulary
from recipes.trainer.objective import Augmentation
from recipes.trainer.settings import make_settings, override_options, read_yaml
from recipes.trainer.state_head import HeadConfig, StateCtc, StateHead, load_head
from recipes.trainer.state_split import StateSplit
from recipes.trainer.trainer import start
from speechalign.training.phone_net import has_fast_bfloat16


@dataclass(frozen=True)
class Training(CtcTraining):
    """Settings of a run, beside those of `CtcTraining`.

    Parameters
    ----------
    copies : int
        Copies of each recording that are heard: the clean one, and corrupted ones.
    network : HeadConfig
        Sizes of a new head.
    """

    name: str = "state-ctc"
    copies: int = 1
    network: HeadConfig = field(default_factory=HeadConfig)


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    for key, kind in (("network", HeadConfig), ("augmentation", Augmentation)):
        data[key] = make_settings(kind, data.get(key, {}), source=f"{path}: {key}")
    return make_settings(Training, data, source=str(path))


class StateTrainer(CtcTrainer):
    """A training run of a head.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : StateSplit
        Speech to train on, and to evaluate on.
    out : Path
        Folder of the run.
    initial : StateCtc or None
        The model that is fine-tuned; None for a new one.
    """

    criterion = "ler"

    def __init__(
        self,
        training: Training,
        train: StateSplit,
        dev: StateSplit,
        out: Path,
        *,
        initial: StateCtc | None,
    ) -> None:
        torch.manual_seed(training.seed)
        vocabulary = letter_vocabulary()
        model = initial or StateCtc(
            StateHead(training.network, train.width, len(vocabulary)),
            vocabulary,
            train.encoder.content,
            train.encoder.grid,
        )
        given = None if initial is None else initial.net.state_dict()
        super().__init__(training, model, train, dev, out, given=given)
        self.half = self.half or has_fast_bfloat16()


@click.command(help=__doc__)
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument(
    "configs",
    metavar="CONFIG...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model to fine-tune (default: a new one).",
)
@override_options
def main(
    store: Path,
    data: Path,
    out: Path,
    configs: tuple[Path, ...],
    init: Path | None,
    seed: int | None,
    steps: int | None,
) -> None:
    """Read the settings, train one head after the other."""
    for config in configs:
        training = read_training(config, seed=seed, steps=steps)
        folder = out / config.stem
        folder.mkdir(parents=True, exist_ok=True)
        train = StateSplit(store, data / "train.jsonl", copies=training.copies)
        dev = StateSplit(store, data / "dev.jsonl")
        initial = None if init is None else load_head(init, encoder=train.encoder.content)
        StateTrainer(training, train, dev, folder, initial=initial).run()


if __name__ == "__main__":
    start(main)
