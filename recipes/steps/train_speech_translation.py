"""Train a speech-to-text translation model whose attention is to be read as word alignment.

    python -m recipes.steps.train_speech_translation conf/train.yaml exp/model \
        exp/features/train exp/features/scored

The YAML file holds the keywords of `Training`, and under ``network`` those of `TranslatorConfig`.
FEATURES are folders that speak_features.py wrote. Word alignment is found without knowing any link,
so the sentences to be scored may be among them, as for statistical word aligners. The program
writes to OUT: model.pt; log.jsonl; tensorboard/; and checkpoint.pt, from which an interrupted run
continues as if it had never stopped. A model that exists is not trained again.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recipes.trainer.feature_store import Batch, FeatureStore
from recipes.trainer.settings import Settings, make_settings, read_yaml
from recipes.trainer.speech_translation import (
    BOS,
    EOS,
    PAD,
    UNKNOWN,
    Tokens,
    Translator,
    TranslatorConfig,
    save,
)
from recipes.trainer.trainer import Epochs, Trainer, mean_figures, start
from speechalign.errors import InputError
from speechalign.losses.ctc import ctc_loss


@dataclass(frozen=True)
class Training:
    """Settings of a run.

    Parameters
    ----------
    epochs : int
        Number of epochs.
    batch_seconds : float
        Seconds of padded speech in a batch.
    learning_rate : float
        Highest learning rate; it rises over a tenth of the epochs, then falls to zero as half a
        cosine.
    ctc_weight : float
        Weight of the CTC loss of the source's phones, which trains the encoder to recognise speech;
        the loss of the next token has weight 1.
    label_smoothing : float
        Share of the target that is spread over all tokens.
    word_dropout : float
        Share of the previous tokens that are hidden from the decoder, so that it must use the
        speech.
    min_count : int
        Fewest occurrences of a word that is a token; rarer words are spelled.
    clip : float
        Largest norm of the gradient.
    seed : int
        Seed of weights, batches, dropout and hidden tokens.
    network : TranslatorConfig
        Sizes of the model.
    """

    epochs: int = 10
    batch_seconds: float = 120.0
    learning_rate: float = 2e-3
    ctc_weight: float = 0.5
    label_smoothing: float = 0.1
    word_dropout: float = 0.3
    min_count: int = 1
    clip: float = 1.0
    seed: int = 0
    network: TranslatorConfig = field(default_factory=TranslatorConfig)


def read_training(path: Path) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path)
    network = data.get("network", {})
    data["network"] = make_settings(TranslatorConfig, network, source=f"{path}: network")
    return make_settings(Training, data, source=str(path))


def targets(
    stores: Sequence[FeatureStore], batch: Sequence[tuple[int, int]], tokens: Tokens
) -> Tensor:
    """Return the tokens of a batch, (B, L + 2), between begin and end, padded."""
    rows = [[BOS, *tokens.encode(stores[s].entries[i].text), EOS] for s, i in batch]
    padded = torch.full((len(rows), max(map(len, rows))), PAD)
    for b, row in enumerate(rows):
        padded[b, : len(row)] = torch.tensor(row)
    return padded


class Sentences(NamedTuple):
    """A batch of sentences: speech with phones, and (B, L + 2) tokens of the translations."""

    speech: Batch
    tokens: Tensor


class TranslationTrainer(Trainer[Sentences]):
    """A training run of a speech translation model; it is measured in epochs.

    Parameters
    ----------
    training : Training
        Settings of the run.
    stores : Sequence[FeatureStore]
        Speech to train on.
    out : Path
        Folder of the run.
    """

    split = "epoch"

    def __init__(self, training: Training, stores: Sequence[FeatureStore], out: Path) -> None:
        self.training, self.stores = training, stores
        entries = [entry for store in stores for entry in store.entries]
        phones = sorted({phone for entry in entries for phone in entry.phones})
        self.phones = ("<blank>", *phones)
        self.numbers = {phone: number for number, phone in enumerate(self.phones)}
        self.tokens = Tokens.count((e.text for e in entries), min_count=training.min_count)
        torch.manual_seed(training.seed)
        self.model = Translator(training.network, len(self.phones), len(self.tokens))
        mean, deviation = stores[0].moments()
        self.model.mean.copy_(torch.tensor(mean))
        self.model.scale.copy_(torch.tensor(1 / np.maximum(deviation, 1e-3)))
        self._ends = list(accumulate(len(self.batches(e)) for e in range(training.epochs)))
        settings = Settings(
            steps=self._ends[-1] if self._ends else 0,
            learning_rate=training.learning_rate,
            clip=training.clip,
            seed=training.seed,
        )
        # The model makes its masks on the CPU.
        super().__init__(settings, self.model, out, device=torch.device("cpu"), identity=training)
        if self.world > 1:
            raise InputError("torchrun: this program trains in one process; start it without")
        self._epochs = Epochs(self.batches)
        self._values: list[dict[str, float]] = []
        self._used = time.process_time()

    def batches(self, epoch: int) -> list[tuple[int, list[int]]]:
        """Return the batches of an epoch: the number of a store, and indices of its sentences."""
        options = {"seed": self.training.seed, "epoch": epoch}
        found = [
            (s, batch)
            for s, store in enumerate(self.stores)
            for batch in store.batches(self.training.batch_seconds, **options)
        ]
        order = np.random.default_rng([self.training.seed, epoch, 1]).permutation(len(found))
        return [found[i] for i in order]

    def batch(self, number: int) -> Sentences:
        """Return a batch, counted from 0."""
        s, indices = self._epochs[number]
        tokens = targets(self.stores, [(s, i) for i in indices], self.tokens)
        return Sentences(self.stores[s].batch(indices, self.numbers), tokens)

    def names(self, batch: Sentences) -> str:
        """Return the utterances of a batch."""
        return f"utterances: {' '.join(batch.speech.ids)}"

    def place(self, step: int) -> tuple[int, int, int]:
        """Return the epoch of a step, its number in the epoch, and the epoch's number of steps."""
        epoch = bisect_right(self._ends, step)
        begin = self._ends[epoch - 1] if epoch else 0
        return epoch, step - begin, self._ends[epoch] - begin

    def rate(self, step: int) -> float:
        """Return the learning rate: a rise over a tenth of the epochs, then half a cosine."""
        epoch, number, count = self.place(step)
        progress = (epoch + number / count) / self.training.epochs
        share = min(1.0, 10 * progress + 1e-3) * (1 + math.cos(math.pi * progress)) / 2
        return self.training.learning_rate * share

    def is_due(self, step: int) -> bool:
        """Return whether an epoch ends after ``step`` steps."""
        return step in self._ends

    def seed_step(self) -> None:
        """Seed torch's generator at the beginning of an epoch; checkpoints are written there."""
        epoch, number, _ = self.place(self.step_count)
        if number == 0:
            torch.manual_seed(self.training.seed + 1000 * (epoch + 1))

    def losses(self, batch: Sentences) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, each, and the share of tokens that are right."""
        training, model = self.training, self.model
        speech, previous, following = batch.speech, batch.tokens[:, :-1], batch.tokens[:, 1:]
        hidden = (torch.rand(previous.shape) < training.word_dropout) & (previous != BOS)
        encoded, lengths = model.encode(speech.features, speech.lengths)
        decoded = model.decode(previous.masked_fill(hidden, UNKNOWN), encoded, lengths)
        token_loss = functional.cross_entropy(
            decoded.logits.transpose(1, 2),
            following,
            ignore_index=PAD,
            label_smoothing=training.label_smoothing,
        )
        phone_losses = ctc_loss(
            model.phones(encoded).log_softmax(-1),
            speech.targets,
            lengths,
            speech.target_lengths,
            blank=0,
            reduction="none",
        )
        # Infinite where there are more phones than frames, from which nothing can be learnt.
        possible = phone_losses.where(phone_losses.isfinite(), 0.0)
        phone_loss = (possible / speech.target_lengths.clamp(min=1)).mean()
        real = following != PAD
        right = (decoded.logits.argmax(-1) == following) & real
        values = {
            "token loss": float(token_loss.detach()),
            "token accuracy": float(right.sum() / real.sum()),
            "phone loss": float(phone_loss.detach()),
        }
        self._values.append(values)
        return token_loss + training.ctc_weight * phone_loss, values

    def evaluate(self) -> dict[str, float]:
        """Return the mean figures of the epoch that ends, and the processor time it took."""
        mean = mean_figures(self._values)
        self._values.clear()
        before, self._used = self._used, time.process_time()
        return {**mean, "cpu seconds": round(self._used - before, 1)}

    def write_model(self) -> None:
        """Write model.pt; the checkpoint is of no more use."""
        save(self.out / "model.pt", self.model, self.phones, self.tokens)
        (self.out / "checkpoint.pt").unlink(missing_ok=True)


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("features", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--threads", default=1, show_default=True, help="Number of threads.")
def main(config: Path, out: Path, features: tuple[Path, ...], threads: int) -> None:
    """Read the settings, train."""
    torch.set_num_threads(threads)
    model = out / "model.pt"
    if model.exists():
        click.echo(f"{model}: kept; remove it to train it again")
        return
    out.mkdir(parents=True, exist_ok=True)
    training = read_training(config)
    stores = [FeatureStore(folder, mels=training.network.mels) for folder in features]
    trainer = TranslationTrainer(training, stores, out)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    click.echo(
        f"{parameters} parameters, {len(trainer.tokens)} tokens, {len(trainer.phones)} phones",
        err=True,
    )
    trainer.run()


if __name__ == "__main__":
    start(main)
