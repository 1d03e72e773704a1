"""Train a non-autoregressive CTC translation model, or fine-tune one with other losses.

    python -m recipes.steps.train_translation conf/ctc.yaml data/bpe exp/ctc
    python -m recipes.steps.train_translation conf/nmla2.yaml data/bpe exp/x --init exp/ctc/model

The YAML file holds the keywords of `Training`, and under ``network`` those of
`CtcTranslationConfig`. DATA has train.src, train.tgt, dev.src and dev.tgt: lines of ids, as
encode_text.py writes them; where `mels` says that the source is speech, train.speech and dev.speech
instead of the sources, as speak_features.py writes them. OUT gets model/; checkpoint.pt, from which
an interrupted run goes on as if it had never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from recipes.trainer.checkpoint import Checkpoint, read_yaml, settings
from recipes.trainer.ctc_translation import BLANK, CtcTranslation, load, read_config
from recipes.trainer.progress import Progress, Writer
from recipes.trainer.sentence_pairs import Batch, SentencePairs
from speechalign.errors import InputError, SpeechAlignError
from speechalign.losses import ctc_loss, nmla_loss
from speechalign.losses.nmla import ngram_matches


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Parameters
    ----------
    steps : int
        Updates of the weights.
    losses : Mapping[str, float]
        Weights of ``ctc``, ``nmla1``, ``nmla2``, ...: the number is that of the n-grams' length.
    batch_tokens : int
        Source tokens, or frames of speech, in a batch, padding included.
    learning_rate : float
        The highest; it rises over ``warmup`` steps, then falls as one over the square root.
    weight_decay : float
        Of AdamW.
    clip : float
        Largest norm of the gradient.
    validate_every : int
        Steps between two measurements of dev, each with a checkpoint.
    average : int
        How many of the last measurements' weights the model is the mean of.
    seed : int
        Of weights, batches and dropout. Step n draws the same numbers whether or not the run was
        interrupted before.
    network : Mapping[str, int | float]
        Sizes; ignored where a model is fine-tuned.
    """

    steps: int
    losses: Mapping[str, float] = field(default_factory=lambda: {"ctc": 1.0})
    batch_tokens: int = 1100
    learning_rate: float = 2e-3
    warmup: int = 1000
    weight_decay: float = 0.01
    clip: float = 1.0
    validate_every: int = 500
    average: int = 1
    seed: int = 1
    network: Mapping[str, int | float] = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        done = (step + 1) / self.warmup
        return self.learning_rate * min(done, 1 / math.sqrt(done))


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key or loss."""
    data = read_yaml(path, **changes)
    if "steps" not in data:
        raise InputError(f"{path}: expected a value for steps, found none")
    training = settings(Training, data, source=str(path))
    for name in training.losses:
        if name != "ctc" and not (name.startswith("nmla") and name[4:].isdigit()):
            raise InputError(f"{path}: unknown loss {name!r}; expected ctc, nmla1, nmla2 ...")
    return training


class Trainer:
    """A training run.

    Parameters
    ----------
    training : Training
        How.
    train, dev : SentencePairs
        On what, and what is measured.
    out : Path
        Where checkpoint, log and model go.
    initial : CtcTranslation or None
        The model that is fine-tuned; None for a new one.
    """

    def __init__(
        self,
        training: Training,
        train: SentencePairs,
        dev: SentencePairs,
        out: Path,
        *,
        initial: CtcTranslation | None,
    ) -> None:
        self.training, self.train, self.dev, self.out = training, train, dev, out
        torch.manual_seed(training.seed)
        if initial is None:
            sizes = {"pieces": train.pieces, **training.network}
            initial = CtcTranslation(read_config(sizes, source="network"))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = initial.to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            betas=(0.9, 0.98),
        )
        self._checkpoint = Checkpoint(out, training)
        self.step_count = 0
        self.recent: list[dict[str, torch.Tensor]] = []
        self._epoch: list[list[int]] = []
        self._first, self._number = 0, -1

    def save(self) -> None:
        """Write the checkpoint."""
        self._checkpoint.save(
            {
                "step": self.step_count,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "recent": self.recent,
            }
        )

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one."""
        self._checkpoint.resume(self.device, self._restore)

    def _restore(self, content: Mapping[str, Any]) -> None:
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step_count, self.recent = content["step"], content["recent"]

    def batch(self, step: int) -> Batch:
        """Return the batch of a step; it depends on the seed and the step only."""
        while step >= self._first + len(self._epoch):
            self._first += len(self._epoch)
            self._number += 1
            self._epoch = self.train.batches(
                self.training.batch_tokens, seed=self.training.seed, epoch=self._number
            )
        return self.train.batch(self._epoch[step - self._first])

    def losses(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the weighted sum of the losses, and each; CTC's infinite ones are left out."""
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

    def step(self) -> dict[str, float]:
        """Update the weights once."""
        training = self.training
        batch = self.batch(self.step_count)
        seed = np.random.SeedSequence((training.seed, self.step_count)).generate_state(1)
        torch.manual_seed(int(seed[0]))
        rate = training.rate(self.step_count)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        total, values = self.losses(batch)
        total.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), training.clip))
        if not math.isfinite(norm):
            raise InputError(
                f"step {self.step_count}: the gradient is {norm}; sentences: "
                f"{' '.join(map(str, batch.lines))}; look at them, or lower learning_rate"
            )
        self.optimizer.step()
        self.step_count += 1
        return {**values, "norm": norm, "rate": rate}

    def validate(self) -> dict[str, float]:
        """Measure CTC a token and the F1 of bigrams on dev."""
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

    def run(self) -> None:
        """Train from the checkpoint, or from the start, to the end."""
        training = self.training
        with (
            Progress(training.steps, self.step_count, 0) as bar,
            Writer(self.out, self.step_count, 0) as log,
        ):
            began = time.monotonic()
            while self.step_count < training.steps:
                values = self.step()
                bar.advance(values)
                log.write("train", self.step_count, values)
                last = self.step_count == training.steps
                if self.step_count % training.validate_every == 0 or last:
                    found = self.validate() | {"seconds": time.monotonic() - began}
                    log.write("dev", self.step_count, found)
                    bar.tell(
                        f"step {self.step_count}: dev CTC {found['ctc']:.3f}, bigram F1 "
                        f"{found['f1']:.3f}, {found['seconds']:.0f} s"
                    )
                    weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
                    self.recent = [*self.recent, weights][-training.average :]
                    self.save()
        mean = {
            name: torch.stack([weights[name] for weights in self.recent]).mean(0)
            for name in self.recent[0]
        }
        self.model.load_state_dict(mean)
        self.model.cpu().save(self.out / "model")


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--init", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option("--steps", type=int, help="Instead of the file's.")
def main(
    config: Path, data: Path, out: Path, init: Path | None, seed: int | None, steps: int | None
) -> None:
    """Read the settings, train."""
    changes = {name: value for name, value in (("seed", seed), ("steps", steps)) if value}
    training = read_training(config, **changes)
    out.mkdir(parents=True, exist_ok=True)
    pieces = json.loads((data / "vocabulary.json").read_text(encoding="utf-8"))
    initial = None if init is None else load(init)
    mels = int(training.network.get("mels", 0)) if initial is None else initial.config.mels
    train, dev = (
        SentencePairs(data, name, pieces=len(pieces), mels=mels) for name in ("train", "dev")
    )
    trainer = Trainer(training, train, dev, out, initial=initial)
    trainer.resume()
    trainer.run()


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"train_translation.py: {error}")
