"""Train a speech LLM: the adapter, and the parts of encoder and language model in the settings.

    python -m recipes.steps.train_speech_llm conf/matching.yaml data/train.jsonl data/dev.jsonl \
        exp/matching --encoder exp/encoder --lm exp/lm

The YAML file holds the keywords of `Training`, and under ``model`` those of `SpeechLlmConfig`.
Manifests are as speech_manifest.py reads them. The program writes to OUT: model/; checkpoint.pt,
from which an interrupted run continues as if it had never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.encoded_recordings import EncodedRecordings
from recipes.trainer.settings import Settings, make_settings, override_options, read_yaml
from recipes.trainer.speech_manifest import Recording, read_manifest
from recipes.trainer.trainer import Trainer, start
from speechalign.errors import InputError
from speechalign.losses import ctc_loss, matching_loss
from speechalign.metrics import word_errors
from speechalign.metrics.word_errors import WordErrorStatistics
from speechalign.models.speech_llm.config import SpeechLlmConfig
from speechalign.models.speech_llm.ctc_support import spelled
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.folder import join, save
from speechalign.models.speech_llm.output import Heard


@dataclass(frozen=True)
class Training(Settings):
    """Settings of a run, beside those of `Settings`.

    Parameters
    ----------
    batch : int
        Recordings of speech in a batch.
    matching : float
        Weight of the matching loss beside the cross-entropy.
    ctc : float
        Weight of a CTC loss on the encoder's letters, where the encoder is trained too.
    nonspeech : float
        Recordings with an empty transcript that are added to a batch, as a share of ``batch``; 0
        leaves them out.
    dev_recordings : int
        Number of recordings of dev, from the first one on, that an evaluation transcribes.
    model : SpeechLlmConfig
        How encoder and language model are joined, and what of them is trained.
    """

    warmup: int = 50
    validate_every: int = 100
    batch: int = 16
    matching: float = 0.0
    ctc: float = 0.0
    nonspeech: float = 0.0
    dev_recordings: int = 50
    model: SpeechLlmConfig = field(default_factory=SpeechLlmConfig)


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    model = data.get("model", {})
    data["model"] = SpeechLlmConfig.from_keywords(model, source=f"{path}: model")
    return make_settings(Training, data, source=str(path))


class SpeechLlmTrainer(Trainer[list[Recording]]):
    """A training run of a speech LLM.

    Parameters
    ----------
    training : Training
        Settings of the run.
    train, dev : Sequence[Recording]
        Recordings to train on, and to evaluate on.
    out : Path
        Folder of the run.
    encoder, lm : str or Path
        The models that are joined; see `join`.
    """

    criterion = "error_rate"

    def __init__(
        self,
        training: Training,
        train: Sequence[Recording],
        dev: Sequence[Recording],
        out: Path,
        *,
        encoder: str | Path,
        lm: str | Path,
    ) -> None:
        self.speech = [r for r in train if r.text]
        self.others = [r for r in train if not r.text] if training.nonspeech else []
        if training.nonspeech and not self.others:
            raise InputError("nonspeech: no recording of train has an empty transcript; add some")
        torch.manual_seed(training.seed)
        self.model = join(encoder, lm, training.model)
        if training.ctc and self.model.encoder.vocabulary is None:
            raise InputError("ctc: the encoder has no CTC layer; leave the weight out")
        frozen = {n: p for n, p in self.model.named_parameters() if not p.requires_grad}
        super().__init__(training, self.model, out, given=frozen)
        self.training = training
        self.dev = dev[: training.dev_recordings]
        self._sources = {"encoder": str(encoder), "lm": str(lm)}
        self._encoded = EncodedRecordings(self.model)

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters that are trained."""
        return {name: value.detach() for name, value in self.trained.items()}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the parameters that are trained."""
        with torch.no_grad():
            for name, value in self.trained.items():
                value.copy_(weights[name])

    def set_training_mode(self) -> None:
        """Turn dropout on, but not in a frozen encoder or language model."""
        self.model.train()
        for part in ("encoder", "lm"):
            if not any(name.startswith(f"{part}.") for name in self.trained):
                getattr(self.model, part).eval()

    def batch(self, number: int) -> list[Recording]:
        """Return the recordings of a batch, counted from 0."""
        size = self.training.batch
        empty = round(size * self.training.nonspeech) if self.others else 0
        chosen = []
        for kind, (recordings, count) in enumerate(((self.speech, size), (self.others, empty))):
            # Every recording once, then every one again in another order.
            for k in range(number * count, (number + 1) * count):
                epoch, place = divmod(k, len(recordings))
                key = (self.training.seed, kind, epoch)
                order = np.random.default_rng(key).permutation(len(recordings))
                chosen.append(recordings[order[place]])
        return chosen

    def names(self, batch: list[Recording]) -> str:
        """Return the sound files of a batch."""
        return f"recordings: {' '.join(str(r.audio) for r in batch)}"

    def losses(self, batch: list[Recording]) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses of a batch, and each."""
        training = self.training
        said = [torch.tensor(self.model.tokens(r.text), dtype=torch.int64) for r in batch]
        counts = torch.tensor([len(tokens) for tokens in said], device=self.device)
        heard: Heard = self.model.read(
            self._encoded(batch), pad_sequence(said, batch_first=True).to(self.device), counts
        )
        # Recordings without speech come on top: those with speech count as much as without them.
        total = heard.cross_entropy.sum() / training.batch
        values = {"cross_entropy": total.item()}
        if training.matching:
            # A text without any speech has an infinite loss, from which nothing can be learnt.
            each = matching_loss(
                heard.speech, heard.text.detach(), heard.speech_lengths, counts, reduction="none"
            )
            matched = each.where(each.isfinite(), 0.0).sum() / training.batch
            values["matching"] = matched.item()
            total = total + training.matching * matched
        if training.ctc:
            spoken = self._ctc(heard, [r.text for r in batch])
            values["ctc"] = spoken.item()
            total = total + training.ctc * spoken
        return total, values

    def _ctc(self, heard: Heard, texts: Sequence[str]) -> Tensor:
        """Return the CTC loss of the encoder for each letter, without infinite losses."""
        vocabulary, log_probs = self.model.encoder.vocabulary, heard.encoded.log_probs
        assert vocabulary is not None
        assert vocabulary.blank is not None  # as of every CTC layer
        assert log_probs is not None
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

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return the word error rates of dev, transcribed greedily."""
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

    def write_model(self) -> None:
        """Write model/."""
        save(self.model.cpu(), self.out / "model", **self._sources)


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("train", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("dev", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--encoder", required=True, help="Folder, or org/name on the Hugging Face hub.")
@click.option("--lm", required=True, help="Folder, or org/name on the Hugging Face hub.")
@override_options
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
    training = read_training(config, seed=seed, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    manifests = read_manifest(train), read_manifest(dev)
    SpeechLlmTrainer(training, *manifests, out, encoder=encoder, lm=lm).run()


if __name__ == "__main__":
    start(main)
