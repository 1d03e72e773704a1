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
from recipes.trainer.head_runs import head_arguments, read_head_training
from recipes.trainer.letters import letter_vocabulary
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
@head_arguments
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model to fine-tune (default: a new one).",
)
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
        training = read_head_training(Training, config, seed=seed, steps=steps)
        folder = out / config.stem
        folder.mkdir(parents=True, exist_ok=True)
        train = StateSplit(store, data / "train.jsonl", copies=training.copies)
        dev = StateSplit(store, data / "dev.jsonl")
        initial = None if init is None else load_head(init, encoder=train.encoder.content)
        StateTrainer(training, train, dev, folder, initial=initial).run()


if __name__ == "__main__":
    start(main)
