"""Train a speech-to-text translation model whose attention is to be read as word alignment.

    python -m recipes.steps.train_speech_translation conf/train.yaml exp/model \
        exp/features/train exp/features/scored

The YAML file holds the keywords of `Training`, and under ``network`` those of `TranslatorConfig`.
FEATURES are folders that speak_features.py wrote. Word alignment is found without knowing any link,
so the sentences to be scored may be among them, as for statistical word aligners. OUT gets
model.pt; log.jsonl; and checkpoint.pt, from which an interrupted run goes on. A model that is there
is not trained again.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recipes.trainer.checkpoint import Checkpoint, read_yaml, settings
from recipes.trainer.feature_store import FeatureStore
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
from speechalign.errors import InputError
from speechalign.losses.ctc import ctc_loss


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Parameters
    ----------
    epochs : int
        How often every sentence is seen.
    batch_seconds : float
        Padded speech in a batch.
    learning_rate : float
        The highest; it rises over a tenth of the steps, then falls to nothing as half a cosine.
    ctc_weight : float
        Of the CTC loss of the source's phones, which teaches the encoder to hear; that of the next
        token counts once.
    label_smoothing : float
        Share of the target that all tokens have alike.
    word_dropout : float
        Share of the previous tokens that the decoder is not told: what it cannot guess from them
        it must hear.
    min_count : int
        Words that occur less often are spelled.
    clip : float
        Largest norm of the gradient.
    seed : int
        Of everything that is drawn.
    network : TranslatorConfig
        The model.
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
    """Read the YAML file; InputError for a key that nobody reads."""
    content = read_yaml(path)
    sizes = cast("dict[str, object]", content.pop("network", {}))
    network = settings(TranslatorConfig, sizes, source=f"{path}: network")
    return settings(Training, {**content, "network": network}, source=str(path))


def targets(
    stores: Sequence[FeatureStore], batch: Sequence[tuple[int, int]], tokens: Tokens
) -> Tensor:
    """Return (B, L + 2) tokens between begin and end, padded."""
    rows = [[BOS, *tokens.encode(stores[s].entries[i].text), EOS] for s, i in batch]
    padded = torch.full((len(rows), max(map(len, rows))), PAD)
    for b, row in enumerate(rows):
        padded[b, : len(row)] = torch.tensor(row)
    return padded


class Trainer:
    """A model, what it is trained on, and how far it has come.

    Parameters
    ----------
    training : Training
        How it is trained.
    stores : Sequence[FeatureStore]
        What on.
    out : Path
        Folder of the checkpoint, from which the training goes on where there is one.

    Raises
    ------
    InputError
        The checkpoint is damaged, or was written with other settings.
    """

    def __init__(self, training: Training, stores: Sequence[FeatureStore], out: Path) -> None:
        self.training = training
        self.stores = stores
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
        self.optimizer = torch.optim.AdamW(self.model.parameters(), training.learning_rate)
        self.epoch = 0
        self._checkpoint = Checkpoint(out, training)
        self._checkpoint.resume(torch.device("cpu"), self._restore)

    def batches(self, epoch: int) -> list[tuple[int, list[int]]]:
        """Cut the epoch of every store, and shuffle them together."""
        options = {"seed": self.training.seed, "epoch": epoch}
        found = [
            (s, batch)
            for s, store in enumerate(self.stores)
            for batch in store.batches(self.training.batch_seconds, **options)
        ]
        order = np.random.default_rng([self.training.seed, epoch, 1]).permutation(len(found))
        return [found[i] for i in order]

    def run_epoch(self) -> dict[str, float]:
        """Go through all batches; return the mean losses of a token and of a phone."""
        training = self.training
        self.model.train()
        torch.manual_seed(training.seed + 1000 * (self.epoch + 1))
        batches = self.batches(self.epoch)
        sums = {"token loss": 0.0, "token accuracy": 0.0, "phone loss": 0.0}
        begin, used = time.perf_counter(), time.process_time()
        for number, (s, indices) in enumerate(batches):
            progress = (self.epoch + number / len(batches)) / training.epochs
            rate = min(1.0, 10 * progress + 1e-3) * (1 + math.cos(math.pi * progress)) / 2
            for group in self.optimizer.param_groups:
                group["lr"] = training.learning_rate * rate
            for name, value in self.step(s, indices).items():
                sums[name] += value / len(batches)
        self.epoch += 1
        seconds = {
            "seconds": round(time.perf_counter() - begin, 1),
            "cpu seconds": round(time.process_time() - used, 1),
        }
        return {**sums, **seconds}

    def step(self, s: int, indices: list[int]) -> dict[str, float]:
        """Learn from one batch."""
        training, model = self.training, self.model
        batch = self.stores[s].batch(indices, self.numbers)
        words = targets(self.stores, [(s, i) for i in indices], self.tokens)
        previous, following = words[:, :-1], words[:, 1:]
        hidden = (torch.rand(previous.shape) < training.word_dropout) & (previous != BOS)
        encoded, lengths = model.encode(batch.features, batch.lengths)
        decoded = model.decode(previous.masked_fill(hidden, UNKNOWN), encoded, lengths)
        token_loss = functional.cross_entropy(
            decoded.logits.transpose(1, 2),
            following,
            ignore_index=PAD,
            label_smoothing=training.label_smoothing,
        )
        phone_losses = ctc_loss(
            model.phones(encoded).log_softmax(-1),
            batch.targets,
            lengths,
            batch.target_lengths,
            blank=0,
            reduction="none",
        )
        # Infinite where there are more phones than frames, which nothing can be learnt from.
        possible = phone_losses.where(phone_losses.isfinite(), 0.0)
        phone_loss = (possible / batch.target_lengths.clamp(min=1)).mean()
        loss = token_loss + training.ctc_weight * phone_loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        self.optimizer.step()
        real = following != PAD
        right = (decoded.logits.argmax(-1) == following) & real
        return {
            "token loss": float(token_loss.detach()),
            "token accuracy": float(right.sum() / real.sum()),
            "phone loss": float(phone_loss.detach()),
        }

    def save(self) -> None:
        """Write everything that the next epoch depends on."""
        self._checkpoint.save(
            {
                "epoch": self.epoch,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            }
        )

    def _restore(self, content: Mapping[str, Any]) -> None:
        self.epoch = content["epoch"]
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("features", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--threads", default=1, show_default=True)
def main(config: Path, out: Path, features: tuple[Path, ...], threads: int) -> None:
    """Train, and keep the log."""
    torch.set_num_threads(threads)
    model = out / "model.pt"
    if model.exists():
        click.echo(f"{model}: kept; remove it to train it again")
        return
    out.mkdir(parents=True, exist_ok=True)
    training = read_training(config)
    stores = [FeatureStore(folder, mels=training.network.mels) for folder in features]
    trainer = Trainer(training, stores, out)
    log = out / "log.jsonl"
    lines = log.read_text().splitlines(True)[: trainer.epoch] if log.exists() else []
    parameters = sum(p.numel() for p in trainer.model.parameters())
    click.echo(
        f"{parameters} parameters, {len(trainer.tokens)} tokens, {len(trainer.phones)} phones"
    )
    while trainer.epoch < training.epochs:
        figures = {"epoch": trainer.epoch + 1, **trainer.run_epoch()}
        trainer.save()
        lines.append(json.dumps(figures) + "\n")
        log.write_text("".join(lines))
        click.echo(" ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    save(model, trainer.model, trainer.phones, trainer.tokens)
    (out / "checkpoint.pt").unlink()


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"train_speech_translation.py: {error}")
