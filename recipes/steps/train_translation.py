"""Train a non-autoregressive CTC translation model, or fine-tune one with other losses.

    python -m recipes.steps.train_translation conf/ctc.yaml data/bpe exp/ctc
    python -m recipes.steps.train_translation conf/nmla2.yaml data/bpe exp/x --init exp/ctc/model

The YAML file holds the keywords of `Training`, and under ``network`` those of
`CtcTranslationConfig`. DATA has train.src, train.tgt, dev.src and dev.tgt: lines of ids, as
encode_text.py writes them. With `mels` above 0 the source is speech: train.speech and dev.speech
take the place of the sources, as speak_features.py writes them. The program writes to OUT: model/;
checkpoint.pt, from which an interrupted run continues as if it had never stopped; log.jsonl; and
tensorboard/.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch

from recipes.trainer.ctc_translation import BLANK, CtcTranslation, load, read_config
from recipes.trainer.sentence_pairs import Batch, SentencePairs
from recipes.trainer.settings import Settings, make_settings, override_options, read_yaml
from recipes.trainer.trainer import Epochs, Trainer, start
from speechalign.errors import InputError
from speechalign.losses import ctc_loss, nmla_loss
from speechalign.losses.nmla import ngram_matches


@dataclass(frozen=True)
class Training(Settings):
    """Settings of a run, beside those of `Settings`.

    Parameters
    ----------
    losses : Mapping[str, float]
        Weights of ``ctc``, ``nmla1``, ``nmla2``, ...; the number is the length of the n-grams.
    batch_tokens : int
        Source tokens, or frames of speech, in a batch, padding included.
    network : Mapping[str, int | float]
        Sizes; ignored where a model is fine-tuned.
    """

    learning_rate: float = 2e-3
    warmup: int = 1000
    losses: Mapping[str, float] = field(default_factory=lambda: {"ctc": 1.0})
    batch_tokens: int = 1100
    network: Mapping[str, int | float] = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: a linear rise, then one over the square root."""
        done = (step + 1) / max(1, self.warmup)
        return self.learning_rate * min(done, 1 / math.sqrt(done))


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key or loss."""
    training = make_settings(Training, read_yaml(path, **changes), source=str(path))
    for name in training.losses:
        if name != "ctc" and not (name.startswith("nmla") and name[4:].isdigit()):
            raise InputError(f"{path}: unknown loss {name!r}; expected ctc, nmla1, nmla2 ...")
    return training


class TranslationTrainer(Trainer[Batch]):
    """A training run of a CTC translation model.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : SentencePairs
        Sentences to train on, and to evaluate on.
    out : Path
        Folder of the run.
    initial : CtcTranslation or None
        The model that is fine-tuned; None for a new one.
    """

    criterion = "ctc"

    def __init__(
        self,
        training: Training,
        train: SentencePairs,
        dev: SentencePairs,
        out: Path,
        *,
        initial: CtcTranslation | None,
    ) -> None:
        torch.manual_seed(training.seed)
        given = None if initial is None else initial.state_dict()
        if initial is None:
            sizes = {"pieces": train.pieces, **training.network}
            initial = CtcTranslation(read_config(sizes, source="network"))
        super().__init__(training, initial, out, betas=(0.9, 0.98), given=given)
        self.training, self.train, self.dev, self.model = training, train, dev, initial
        self._epochs = Epochs(
            lambda epoch: train.batches(training.batch_tokens, seed=training.seed, epoch=epoch)
        )

    def batch(self, number: int) -> Batch:
        """Return a batch, counted from 0."""
        return self.train.batch(self._epochs[number])

    def names(self, batch: Batch) -> str:
        """Return the line numbers of a batch."""
        return f"sentences: {' '.join(map(str, batch.lines))}"

    def losses(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, and each, without infinite losses of CTC."""
        log_probs, frames = self.model(
            batch.source.to(self.device), batch.source_lengths.to(self.device)
        )
        arguments = batch.target.to(self.device), frames, batch.target_lengths.to(self.device)
        total = log_probs.new_zeros(())
        values = {}
        for name, weight in self.training.losses.items():
            if name == "ctc":
                each = ctc_loss(log_probs, *arguments, blank=BLANK, reduction="none")
                feasible = each.isfinite()
                values["infeasible"] = float((~feasible).sum())
                each = each / arguments[2]
                loss = each.where(feasible, 0.0).sum() / feasible.sum().clamp(min=1)
            else:
                loss = nmla_loss(log_probs, *arguments, n=int(name[4:]), blank=BLANK)
            values[name] = loss.item()
            total = total + weight * loss
        return total, values

    def evaluate(self) -> dict[str, float]:
        """Return CTC for each token and the F1 of bigrams, on dev."""
        self.model.eval()
        ctc = tokens = matched = both = 0.0
        with torch.inference_mode():
            for indices in self.dev.batches(self.training.batch_tokens, seed=0, epoch=0):
                batch = self.dev.batch(indices)
                log_probs, frames = self.model(
                    batch.source.to(self.device), batch.source_lengths.to(self.device)
                )
                log_probs, frames = log_probs.cpu(), frames.cpu()
                arguments = batch.target, frames, batch.target_lengths
                each = ctc_loss(log_probs, *arguments, blank=BLANK, reduction="none")
                ctc += float(each[each.isfinite()].sum())
                tokens += float(batch.target_lengths[each.isfinite()].sum())
                found = ngram_matches(log_probs, *arguments, n=2, blank=BLANK)
                matched += float(found.matched.sum())
                both += float((found.expected + found.wanted).sum())
        return {"ctc": ctc / max(1.0, tokens), "f1": 2 * matched / max(1.0, both)}

    def write_model(self) -> None:
        """Write model/."""
        self.model.cpu().save(self.out / "model")


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model to fine-tune (default: a new one).",
)
@override_options
def main(
    config: Path, data: Path, out: Path, init: Path | None, seed: int | None, steps: int | None
) -> None:
    """Read the settings, train."""
    training = read_training(config, seed=seed, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    pieces = json.loads((data / "vocabulary.json").read_text(encoding="utf-8"))
    initial = None if init is None else load(init)
    mels = int(training.network.get("mels", 0)) if initial is None else initial.config.mels
    train, dev = (
        SentencePairs(data, name, pieces=len(pieces), mels=mels) for name in ("train", "dev")
    )
    TranslationTrainer(training, train, dev, out, initial=initial).run()


if __name__ == "__main__":
    start(main)
