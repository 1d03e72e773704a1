"""Train a speech LLM: the adapter, and the parts of encoder and language model in the settings.

    python -m recipes.steps.train_speech_llm conf/matching.yaml data/train.jsonl data/dev.jsonl \
        exp/matching --encoder exp/encoder --lm exp/lm

The YAML file holds the keywords of `Training`, and under ``model`` those of `SpeechLlmConfig`.
Manifests are as speech_manifest.py reads them. The program writes to OUT: model/; checkpoint.pt,
from which an interrupted run continues as if it had never stopped; log.jsonl; and tensorboard/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.encoded_recordings import EncodedRecordings, StoredRecordings
from recipes.trainer.settings import Settings, make_settings, override_options, read_yaml
from recipes.trainer.speech_manifest import Recording, read_manifest
from recipes.trainer.trainer import Trainer, start
from speechalign.audio.sound_file import sound_info
from speechalign.errors import InputError
from speechalign.losses import best_alignment_loss, ctc_loss, matching_loss
from speechalign.metrics import word_errors
from speechalign.metrics.word_errors import WordErrorStatistics
from speechalign.models.speech_llm.config import SpeechLlmConfig
from speechalign.models.speech_llm.ctc_support import spelled
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.encoders import Encoded
from speechalign.models.speech_llm.folder import join, load, save
from speechalign.models.speech_llm.model import SpeechLlm
from speechalign.models.speech_llm.output import Heard
from speechalign.training.phone_net import has_fast_bfloat16


@dataclass(frozen=True)
class Training(Settings):
    """Settings of a run, beside those of `Settings`.

    Parameters
    ----------
    batch : int
        Recordings of speech in a batch.
    pool : int
        Batches whose recordings are drawn together and cut by duration, so that there is less
        padding; 1 for batches of any durations.
    matching, best_alignment : float
        Weights of the matching loss, and of the best-alignment loss by cosines, beside the
        cross-entropy.
    adapter_steps : int
        Number of first steps that train the adapter with these two alone: the language model,
        beyond its embeddings, is not computed.
    matched_steps : int or None
        Number of first steps that have these two at all; None for every step.
    ctc : float
        Weight of a CTC loss on the encoder's letters, where the encoder is trained too.
    nonspeech : float
        Recordings with an empty transcript that are added to a batch, as a share of ``batch``; 0
        leaves them out.
    tokens : {"all", "train"}
        Which tokens the language model keeps: all of it, or those of the transcripts of train and
        of other texts (and of their characters), whose scores are much cheaper.
    dev_recordings : int
        Number of recordings of dev, from the first one on, that an evaluation transcribes.
    model : SpeechLlmConfig
        How encoder and language model are joined, and what of them is trained.
    """

    warmup: int = 50
    validate_every: int = 100
    batch: int = 16
    pool: int = 1
    matching: float = 0.0
    best_alignment: float = 0.0
    adapter_steps: int = 0
    matched_steps: int | None = None
    ctc: float = 0.0
    nonspeech: float = 0.0
    tokens: Literal["all", "train"] = "all"
    dev_recordings: int = 50
    model: SpeechLlmConfig = field(default_factory=SpeechLlmConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adapter_steps and not (self.matching or self.best_alignment):
            raise InputError("adapter_steps: expected matching or best_alignment, both are 0")
        if self.matched_steps is not None and self.matched_steps < self.adapter_steps:
            raise InputError(
                f"matched_steps: expected at least the {self.adapter_steps} of adapter_steps, got "
                f"{self.matched_steps}"
            )
        if self.tokens not in ("all", "train"):
            raise InputError(f"tokens: expected 'all' or 'train', got {self.tokens!r}")


def read_training(path: Path, **changes: object) -> Training:
    """Read a YAML file; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    model = data.get("model", {})
    data["model"] = SpeechLlmConfig.from_keywords(model, source=f"{path}: model")
    return make_settings(Training, data, source=str(path))


# Settings that weight a loss of rows and embeddings. A row may be aligned with several tokens: with
# few rows a second, a text can be longer than its speech.
_MATCHED: dict[str, Callable[..., Tensor]] = {
    "matching": matching_loss,
    "best_alignment": partial(best_alignment_loss, distance="cosine", moves="dtw"),
}


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
    texts : Sequence[str]
        Texts whose tokens are kept with those of train.
    initial : Path or None
        A model of these two that is trained further, with the tokens that it has; None for a new
        adapter and new updates.
    states : Callable[[SpeechLlm], StoredRecordings] or None
        Opens the states of the recordings; None to encode them.
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
        texts: Sequence[str] = (),
        initial: Path | None = None,
        states: Callable[[SpeechLlm], StoredRecordings] | None = None,
    ) -> None:
        self.speech = [r for r in train if r.text]
        self.others = [r for r in train if not r.text] if training.nonspeech else []
        if training.nonspeech and not self.others:
            raise InputError("nonspeech: no recording of train has an empty transcript; add some")
        pooled = self.speech if training.pool > 1 else []
        self._seconds = {r.audio: sound_info(r.audio).duration for r in pooled}
        torch.manual_seed(training.seed)
        if texts and (initial is not None or training.tokens != "train"):
            raise InputError(
                "--text: expected tokens: train in the settings, and no --init, whose model has "
                "its tokens; leave the texts out"
            )
        if initial is None:
            kept = [*(r.text for r in self.speech), *texts] if training.tokens == "train" else []
            self.model = join(encoder, lm, training.model, texts=kept)
        else:
            self.model = load(initial, device="cpu")
            if replace(self.model.config, tokens=()) != replace(training.model, tokens=()):
                raise InputError(f"{initial}: expected a model of {training.model}")
        if training.ctc and self.model.encoder.vocabulary is None:
            raise InputError("ctc: the encoder has no CTC layer; leave the weight out")
        given = {
            name: value
            for name, value in self.model.named_parameters()
            if initial is not None or not value.requires_grad
        }
        super().__init__(training, self.model, out, given=given)
        self.training = training
        self.dev = dev[: training.dev_recordings]
        self._sources = {"encoder": str(encoder), "lm": str(lm)}
        self._encoded = (EncodedRecordings if states is None else states)(self.model)
        # On other CPUs bfloat16 is emulated.
        self._half = training.model.lm_dtype == "bfloat16" and (
            self.device.type == "cuda" or has_fast_bfloat16()
        )

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
        training, size = self.training, self.training.batch
        empty = round(size * training.nonspeech) if self.others else 0
        pool, place = divmod(number, training.pool)
        count = training.pool * size
        drawn = self._drawn(0, self.speech, range(pool * count, (pool + 1) * count))
        if training.pool > 1:
            drawn.sort(key=lambda recording: self._seconds[recording.audio])
            rng = np.random.default_rng((training.seed, 2, pool))
            place = int(rng.permutation(training.pool)[place])
        speech = drawn[place * size : (place + 1) * size]
        return speech + self._drawn(1, self.others, range(number * empty, (number + 1) * empty))

    def _drawn(self, kind: int, recordings: Sequence[Recording], numbers: range) -> list[Recording]:
        """Return every recording once, then every one again in another order."""
        orders: dict[int, np.ndarray] = {}
        found = []
        for number in numbers:
            epoch, place = divmod(number, len(recordings))
            if epoch not in orders:
                key = (self.training.seed, kind, epoch)
                orders[epoch] = np.random.default_rng(key).permutation(len(recordings))
            found.append(recordings[orders[epoch][place]])
        return found

    def names(self, batch: list[Recording]) -> str:
        """Return the sound files of a batch."""
        return f"recordings: {' '.join(str(r.audio) for r in batch)}"

    def losses(self, batch: list[Recording]) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum of the losses of a batch, and each."""
        training = self.training
        encoded = self._encoded(batch)
        total, values = torch.zeros((), device=self.device), {}
        if self.step_count < training.adapter_steps:
            adapted = self.model.adapt(encoded)
            targets, counts = self._tokens(batch)
            text = self.model.lm.get_input_embeddings()(targets).float()
            speech, speech_lengths = adapted.rows, adapted.lengths
        else:
            heard, counts = self._read(encoded, batch)
            text, speech, speech_lengths = heard.text, heard.speech, heard.speech_lengths
            # Recordings without speech come on top: those with speech count as without them.
            total = heard.cross_entropy.sum() / training.batch
            values["cross_entropy"] = total.item()
        until = training.matched_steps
        drawn = until is None or self.step_count < until
        for name, loss in _MATCHED.items():
            weight: float = getattr(training, name)
            if weight and drawn:
                # A text without any speech has an infinite loss: nothing can be learnt from it.
                each = loss(speech, text.detach(), speech_lengths, counts, reduction="none")
                matched = each.where(each.isfinite(), 0.0).sum() / training.batch
                values[name] = matched.item()
                total = total + weight * matched
        if training.ctc and self.step_count >= training.adapter_steps:
            spoken = self._ctc(heard, [r.text for r in batch])
            values["ctc"] = spoken.item()
            total = total + training.ctc * spoken
        return total, values

    def _tokens(self, batch: Sequence[Recording]) -> tuple[Tensor, Tensor]:
        """Return the tokens of the transcripts, (B, M), and their numbers."""
        said = [torch.tensor(self.model.tokens(r.text), dtype=torch.int64) for r in batch]
        counts = torch.tensor([len(tokens) for tokens in said], device=self.device)
        return pad_sequence(said, batch_first=True).to(self.device), counts

    def _read(self, encoded: Encoded, batch: Sequence[Recording]) -> tuple[Heard, Tensor]:
        """Return what the model says of speech and transcripts, and their numbers of tokens."""
        targets, counts = self._tokens(batch)
        with torch.autocast(self.device.type, torch.bfloat16, self._half):
            return self.model.read(encoded, targets, counts), counts

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
        """Return the word error rates of dev, transcribed greedily, and the cross-entropy."""
        if self.step_count < self.training.adapter_steps:
            return {}  # Nothing is written yet that could be scored.
        self.model.eval()
        total, entropy = WordErrorStatistics(), 0.0
        size = self.training.batch
        for first in range(0, len(self.dev), size):
            recordings = self.dev[first : first + size]
            encoded = self._encoded(recordings)
            entropy += self._read(encoded, recordings)[0].cross_entropy.sum().item()
            written = self.model.write(encoded, Decoding(most_tokens=60))
            for recording, text in zip(recordings, written):
                total += word_errors.statistics(recording.text.split(), text.split())
        rates = word_errors.figures(total.counts).items()
        found = {name: float(value) for name, value in rates if not np.isnan(value)}
        return found | {"cross_entropy": entropy / len(self.dev)}

    def write_model(self) -> None:
        """Write model/."""
        save(self.model.cpu(), self.out / "model", **self._sources)


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("train", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("dev", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--encoder", required=True, help="Folder, or org/name on the Hugging Face hub.")
@click.option("--lm", required=True, help="Folder, GGUF file, or org/name on the hub.")
@click.option(
    "--states",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Store of encode_states.py with the encoder's last layer (default: encode here).",
)
@click.option(
    "--text",
    "text_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines of text whose tokens the language model keeps with those of train; repeatable.",
)
@click.option(
    "--init",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Model of the same parts and settings that is trained further (default: a new one).",
)
@override_options
def main(
    config: Path,
    train: Path,
    dev: Path,
    out: Path,
    encoder: str,
    lm: str,
    states: Path | None,
    text_files: Sequence[Path],
    init: Path | None,
    seed: int | None,
    steps: int | None,
) -> None:
    """Read the settings, train."""
    training = read_training(config, seed=seed, steps=steps)
    out.mkdir(parents=True, exist_ok=True)
    manifests = read_manifest(train), read_manifest(dev)
    opened = None
    if states is not None:
        opened = partial(StoredRecordings, encoder=encoder, folder=states, manifests=(train, dev))
    texts = [line for path in text_files for line in path.read_text("utf-8").splitlines()]
    SpeechLlmTrainer(
        training, *manifests, out, encoder=encoder, lm=lm, texts=texts, initial=init, states=opened
    ).run()


if __name__ == "__main__":
    start(main)
