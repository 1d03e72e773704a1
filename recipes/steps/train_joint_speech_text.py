"""Train CTC heads of letters on the states of a frozen encoder and on text without speech.

    python -m recipes.steps.train_joint_speech_text exp/states data exp/1 \
        conf/{speech,none,uniform,best_alignment}.yaml --seed 1 --init exp/1/start/model

STORE is what encode_states.py wrote; DATA has train.jsonl, dev.jsonl and text.txt, a sentence in
each line. A YAML file holds the keywords of `Training`. The run of each goes to a folder of OUT
with the name of the file, as in train_state_ctc.py; decode_states.py reads its model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.ctc_trainer import CtcTrainer, CtcTraining
from recipes.trainer.feature_store import Batch
from recipes.trainer.head_runs import head_arguments, read_head_training
from recipes.trainer.joint_head import CONSISTENCIES, JointHead, consistency, stretch_batch
from recipes.trainer.letters import labels_of, letter_vocabulary, words_of
from recipes.trainer.state_head import HeadConfig, StateCtc, load_head
from recipes.trainer.state_split import StateSplit
from recipes.trainer.trainer import start
from speechalign.errors import InputError
from speechalign.losses import ctc_loss
from speechalign.training.phone_net import has_fast_bfloat16


@dataclass(frozen=True)
class Training(CtcTraining):
    """Settings of a run, beside those of `CtcTraining`.

    Parameters
    ----------
    text : float
        Weight of the CTC loss of text.
    sentences : int
        Sentences of text without speech in a batch.
    masked : float
        Share of the rows of stretched text that are hidden, so that the blocks learn to spell.
    consistency : {"none", "uniform", "best_alignment"}
        What draws the rows of a transcript to those of its speech, as `consistency` has it.
    weight : float
        Weight of that.
    network : HeadConfig
        Sizes of the head.
    """

    name: str = "joint-ctc"
    text: float = 0.0
    sentences: int = 16
    masked: float = 0.3
    consistency: str = "none"
    weight: float = 1.0
    network: HeadConfig = field(default_factory=HeadConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.consistency not in CONSISTENCIES:
            raise InputError(
                f"consistency: expected one of {', '.join(CONSISTENCIES)}, got {self.consistency!r}"
            )


def read_sentences(path: Path) -> list[list[str]]:
    """Return the letters of each sentence of a file; InputError where there are none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; write a sentence in each line") from None
    found = [[label for word in labels_of(words_of(line)) for label in word] for line in lines]
    found = [labels for labels in found if labels]
    if not found:
        raise InputError(f"{path}: expected sentences, one a line, found none")
    return found


class JointTrainer(CtcTrainer):
    """A training run of a head on speech and text.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : StateSplit
        Speech to train on, and to evaluate on.
    sentences : Sequence[Sequence[str]]
        Letters of the text without speech.
    out : Path
        Folder of the run.
    initial : StateCtc or None
        A model whose weights the part that hears speech begins with, and whose sizes the head has;
        None for random weights and the sizes of ``training``.
    """

    criterion = "ler"

    def __init__(
        self,
        training: Training,
        train: StateSplit,
        dev: StateSplit,
        sentences: list[list[str]],
        out: Path,
        *,
        initial: StateCtc | None = None,
    ) -> None:
        torch.manual_seed(training.seed)
        vocabulary = letter_vocabulary()
        sizes = training.network if initial is None else initial.net.config
        if sizes.blocks < 2:
            raise InputError(f"network: blocks: expected at least 2, got {sizes.blocks}")
        self.net = JointHead(sizes, train.width, len(vocabulary))
        given = None if initial is None else initial.net.state_dict()
        self.net.load_state_dict(self.net.state_dict() | (given or {}))
        self.joint = StateCtc(self.net, vocabulary, train.encoder.content, train.encoder.grid)
        super().__init__(training, self.joint, train, dev, out, given=given)
        self.settings: Training = training
        self.half = self.half or has_fast_bfloat16()
        self.sentences = [torch.tensor(vocabulary.ids(labels)) for labels in sentences]
        assert vocabulary.blank is not None
        self.blank = vocabulary.blank

    def losses(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, and each; in bfloat16 where ``half`` is set."""
        settings, net, device = self.settings, self.net, self.device
        lengths, targets = batch.lengths.to(device), batch.targets.to(device)
        rng = np.random.default_rng((settings.seed, self.step_count))
        found = {}
        with torch.autocast(device.type, torch.bfloat16, self.half):
            features = net.normalise(batch.features.to(device), lengths)
            heard = net.stack(self.objective.augmentation(features, lengths), lengths)
            found["ctc"] = self._ctc(heard, lengths, targets, batch.target_lengths.to(device))
            if settings.text:
                chosen = rng.integers(0, len(self.sentences), settings.sentences)
                unpaired = [self.sentences[index] for index in chosen]
                counts = torch.tensor([len(labels) for labels in unpaired], device=device)
                said = pad_sequence(unpaired, batch_first=True).to(device)
                rows, rows_lengths = self._read(said, counts, rng)
                found["text"] = settings.text * self._ctc(rows, 2 * rows_lengths, said, counts)
            if settings.consistency != "none":
                rows, rows_lengths = self._read(targets, batch.target_lengths, rng)
                apart = consistency(
                    settings.consistency, heard, rows, (lengths + 1) // 2, rows_lengths
                )
                found["consistency"] = settings.weight * apart
        values = {name: float(value.detach()) for name, value in found.items()}
        return torch.stack(list(found.values())).sum(), values

    def _ctc(self, rows: Tensor, lengths: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """Return the mean CTC loss of a letter, without texts that are longer than the rows."""
        each = ctc_loss(
            self.net.score(rows), targets, lengths, counts, blank=self.blank, reduction="none"
        )
        self.infeasible += int(each.isinf().sum())
        return (each.where(each.isfinite(), 0.0) / counts.clamp(min=1)).mean()

    def _read(
        self, targets: Tensor, counts: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the rows of texts that are stretched and partly hidden, and their lengths."""
        labels, lengths = stretch_batch(
            targets, counts, self.joint.vocabulary.symbols, blank=self.blank,
            seed=int(rng.integers(2**31)),
        )  # fmt: skip
        labels = labels.masked_fill(torch.rand(labels.shape) < self.settings.masked, self.blank)
        labels, lengths = labels.to(self.device), lengths.to(self.device)
        return self.net.read(labels, lengths), lengths

    def write_model(self) -> None:
        """Write model/, the part that hears speech."""
        speech = self.net.for_speech().eval()
        StateCtc(speech, self.joint.vocabulary, self.joint.encoder, self.joint.grid).save(
            self.out / "model"
        )


@click.command(help=__doc__)
@head_arguments
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model of train_state_ctc.py or of this program to begin with (default: none).",
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
    sentences = read_sentences(data / "text.txt")
    for config in configs:
        training = read_head_training(Training, config, seed=seed, steps=steps)
        folder = out / config.stem
        folder.mkdir(parents=True, exist_ok=True)
        train = StateSplit(store, data / "train.jsonl")
        dev = StateSplit(store, data / "dev.jsonl")
        initial = None if init is None else load_head(init, encoder=train.encoder.content)
        JointTrainer(training, train, dev, sentences, folder, initial=initial).run()


if __name__ == "__main__":
    start(main)
