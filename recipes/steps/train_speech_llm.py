"""Train what joins a speech encoder and a language model, and as much of them as the settings say.

    python -m recipes.steps.train_speech_llm conf/matching.yaml data/train.jsonl data/dev.jsonl \
        exp/matching --encoder exp/encoder --lm exp/lm

The YAML file holds the keywords of `Training`, and under ``model`` those of `SpeechLlmConfig`.
Manifests are as speech_manifest.py reads them. OUT gets model/; checkpoint.pt, from which an
interrupted run goes on as if it had never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.checkpoint import Checkpoint, read_yaml, settings
from recipes.trainer.encoded_recordings import EncodedRecordings
from recipes.trainer.progress import Progress, Writer
from recipes.trainer.speech_manifest import Recording, read_manifest
from speechalign.errors import InputError, SpeechAlignError
from speechalign.losses import ctc_loss, matching_loss
from speechalign.metrics import word_errors
from speechalign.metrics.word_errors import WordErrorStatistics
from speechalign.models.speech_llm.config import SpeechLlmConfig
from speechalign.models.speech_llm.ctc_support import spelled
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.folder import join, save
from speechalign.models.speech_llm.model import SpeechLlm
from speechalign.models.speech_llm.output import Heard


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Parameters
    ----------
    steps : int
        Updates of the weights.
    batch : int
        Recordings of speech in a batch.
    matching : float
        Weight of the matching loss beside the cross-entropy.
    ctc : float
        Weight of a CTC loss on the encoder's letters, where the encoder is trained too.
    nonspeech : float
        Recordings with an empty transcript that are heard besides, as a share of ``batch``; 0
        leaves them out.
    learning_rate : float
        The highest; it rises over ``warmup`` steps, then falls to 0 like a cosine.
    weight_decay : float
        Of AdamW.
    clip : float
        Largest norm of the gradient.
    validate_every : int
        Steps between two measurements of dev, each with a checkpoint.
    dev_recordings : int
        How many recordings of dev are transcribed then, from the first one on.
    seed : int
        Of weights, batches and dropout. Step n draws the same numbers whether or not the run was
        interrupted before.
    model : Mapping[str, object]
        Keywords of `SpeechLlmConfig`.
    """

    steps: int
    batch: int = 16
    matching: float = 0.0
    ctc: float = 0.0
    nonspeech: float = 0.0
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.01
    clip: float = 1.0
    validate_every: int = 100
    dev_recordings: int = 50
    seed: int = 1
    model: Mapping[str, object] = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    if "steps" not in data:
        raise InputError(f"{path}: expected a value for steps, found none")
    return settings(Training, data, source=str(path))


class Trainer:
    """A training run.

    Parameters
    ----------
    training : Training
        How.
    train, dev : Sequence[Recording]
        On what, and what is measured.
    out : Path
        Where checkpoint and log go.
    model : SpeechLlm
        What is trained.
    """

    def __init__(
        self,
        training: Training,
        train: Sequence[Recording],
        dev: Sequence[Recording],
        out: Path,
        model: SpeechLlm,
    ) -> None:
        self.training, self.out = training, out
        self._checkpoint = Checkpoint(out, training)
        self.speech = [r for r in train if r.text]
        self.others = [r for r in train if not r.text] if training.nonspeech else []
        if training.nonspeech and not self.others:
            raise InputError("nonspeech: no recording of train has an empty transcript; add some")
        self.dev = dev[: training.dev_recordings]
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device)
        self.trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.trained.values(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        self.step_count = 0
        self._encoded = EncodedRecordings(self.model)

    def save(self) -> None:
        """Write the checkpoint."""
        self._checkpoint.save(
            {
                "step": self.step_count,
                "trained": {name: value.detach() for name, value in self.trained.items()},
                "optimizer": self.optimizer.state_dict(),
            }
        )

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one."""
        self._checkpoint.resume(self.device, self._restore)

    def _restore(self, content: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for name, value in self.trained.items():
                value.copy_(content["trained"][name])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step_count = content["step"]

    def batch(self, step: int) -> list[Recording]:
        """Return the recordings of a step; they depend on the seed and the step only."""
        size = self.training.batch
        empty = round(size * self.training.nonspeech) if self.others else 0
        chosen = []
        for kind, (recordings, count) in enumerate(((self.speech, size), (self.others, empty))):
            # Every recording once, then every one again in another order.
            for k in range(step * count, (step + 1) * count):
                epoch, place = divmod(k, len(recordings))
                key = (self.training.seed, kind, epoch)
                order = np.random.default_rng(key).permutation(len(recordings))
                chosen.append(recordings[order[place]])
        return chosen

    def losses(self, recordings: Sequence[Recording]) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses of a batch, and each."""
        training = self.training
        said = [torch.tensor(self.model.tokens(r.text), dtype=torch.int64) for r in recordings]
        counts = torch.tensor([len(tokens) for tokens in said], device=self.device)
        heard: Heard = self.model.read(
            self._encoded(recordings), pad_sequence(said, batch_first=True).to(self.device), counts
        )
        # Recordings without speech come on top: those with speech count as much as without them.
        total = heard.cross_entropy.sum() / training.batch
        values = {"cross_entropy": total.item()}
        if training.matching:
            # Text of which nothing is heard has an infinite loss, from which nothing is learnt.
            each = matching_loss(
                heard.speech, heard.text.detach(), heard.speech_lengths, counts, reduction="none"
            )
            matched = each.where(each.isfinite(), 0.0).sum() / training.batch
            values["matching"] = matched.item()
            total = total + training.matching * matched
        if training.ctc:
            spoken = self._ctc(heard, [r.text for r in recordings])
            values["ctc"] = spoken.item()
            total = total + training.ctc * spoken
        return total, values

    def _ctc(self, heard: Heard, texts: Sequence[str]) -> Tensor:
        """Return the CTC loss of the encoder's letters, a letter; infinite ones are left out."""
        vocabulary, log_probs = self.model.encoder.vocabulary, heard.encoded.log_probs
        if vocabulary is None or log_probs is None:
            raise InputError("ctc: the encoder has no CTC layer; leave the weight out")
        separator = [i for s in ("|", " ") if s in vocabulary for i in vocabulary.ids([s])][:1]
        letters = []
        for text in texts:
            words = [spelled(word, vocabulary) for word in text.split()]
            joined = [label for word in words for label in [*word, *separator]]
            letters.append(torch.tensor(joined[: len(joined) - len(separator)], dtype=torch.int64))
        counts = torch.tensor([len(row) for row in letters], device=self.device)
        each = ctc_loss(
            log_probs,
            pad_sequence(letters, batch_first=True).to(self.device),
            heard.encoded.lengths,
            counts,
            blank=vocabulary.blank,
            reduction="none",
        )
        each = each.where(each.isfinite(), 0.0) / counts.clamp(min=1)
        return each.sum() / self.training.batch

    def step(self) -> dict[str, float]:
        """Update the weights once."""
        training = self.training
        seed = np.random.SeedSequence((training.seed, self.step_count)).generate_state(1)
        torch.manual_seed(int(seed[0]))
        rate = training.rate(self.step_count)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        for part in ("encoder", "lm"):
            # What is frozen is used as it was made, without dropout.
            if not any(name.startswith(f"{part}.") for name in self.trained):
                getattr(self.model, part).eval()
        self.optimizer.zero_grad(set_to_none=True)
        recordings = self.batch(self.step_count)
        total, values = self.losses(recordings)
        total.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained.values(), training.clip))
        if not math.isfinite(norm):
            raise InputError(
                f"step {self.step_count}: the gradient is {norm}; recordings: "
                f"{' '.join(str(r.audio) for r in recordings)}; look at them, or lower "
                "learning_rate"
            )
        self.optimizer.step()
        self.step_count += 1
        return {**values, "norm": norm, "rate": rate}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Transcribe dev with the most probable token each time, and count word errors."""
        self.model.eval()
        total = WordErrorStatistics()
        size = self.training.batch
        for first in range(0, len(self.dev), size):
            recordings = self.dev[first : first + size]
            written = self.model.write(self._encoded(recordings), Decoding(most_tokens=60))
            for recording, text in zip(recordings, written):
                total += word_errors.statistics(recording.text.split(), text.split())
        rates = word_errors.figures(total.counts).items()
        return {name: float(value) for name, value in rates if not np.isnan(value)}

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
                        f"step {self.step_count}: dev WER "
                        f"{100 * found.get('error_rate', math.nan):.1f} %, {found['seconds']:.0f} s"
                    )
                    self.save()


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("train", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("dev", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--encoder", required=True, help="Folder, or org/name on the Hugging Face hub.")
@click.option("--lm", required=True, help="Folder, or org/name on the Hugging Face hub.")
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option("--steps", type=int, help="Instead of the file's.")
def main(
    config: Path,
    train: Path,
    dev: Path,
    out: Path,
    encoder: str,
    lm: str,
    seed: int | None,
    steps: int | None,
) -> None:
    """Read the settings, train."""
    changes = {name: value for name, value in (("seed", seed), ("steps", steps)) if value}
    training = read_training(config, **changes)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(training.seed)
    sizes = SpeechLlmConfig.from_keywords(training.model, source=str(config))
    model = join(encoder, lm, sizes)
    trainer = Trainer(training, read_manifest(train), read_manifest(dev), out, model)
    trainer.resume()
    trainer.run()
    save(model.cpu(), out / "model", encoder=encoder, lm=lm)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"train_speech_llm.py: {error}")
