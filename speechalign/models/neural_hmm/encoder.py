"""A pretrained encoder of speech as a source of features: some of its layers, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from speechalign.checks import check_samples
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models import hub
from speechalign.models.content import content_hash
from speechalign.models.device import choose_device, half_precision, import_torch
from speechalign.models.hf_encoder import (
    SAMPLED,
    encoder_grid,
    load_pretrained,
    whisper_states,
)
from speechalign.models.hf_folder import model_type
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, SequenceFeatureExtractor

# Seconds that are encoded at once, and of them how many at each end are context of the others.
_PIECE, _CONTEXT = 30.0, 2.0
_BATCH = 4  # pieces of one length that a GPU encodes at once
_LEAST = 800  # samples; shorter recordings are followed by silence
# The probe: so many frames of two noises, and how many columns are kept.
_PROBED, _COLUMNS = 50, 16
_TOLERANCE = 0.1  # of the deviation over columns; weights in bfloat16 differ by 0.06


@dataclass(frozen=True)
class EncoderFacts:
    """Facts about the encoder that a head was trained on.

    Parameters
    ----------
    source : str
        Where it came from: a folder, or ``org/name@revision`` on the Hugging Face hub.
    kind : str
        Kind of model, as its ``config.json`` has it.
    layers : tuple[int, ...]
        Numbers of the layers whose outputs are used, counted from 1.
    width : int
        Of all these outputs together.
    probe : tuple[float, ...]
        How some columns, averaged over time, differ between two sounds that are always the same: it
        tells an encoder from another of the same size.
    """

    source: str
    kind: str
    layers: tuple[int, ...]
    width: int
    probe: tuple[float, ...] = field(repr=False)

    def check(self, other: EncoderFacts, *, name: str) -> None:
        """Refuse an encoder that is not the one that the model ``name`` was trained on."""
        ours, theirs = np.array(self.probe), np.array(other.probe)
        alike = (self.kind, self.layers, self.width) == (other.kind, other.layers, other.width)
        if alike and np.abs(ours - theirs).max() <= _TOLERANCE * max(float(ours.std()), 1e-9):
            return
        found = f"{other.kind} with {other.width} values a frame" if not alike else "other weights"
        raise InputError(
            f"{name}: was trained on the encoder {self.source} ({self.kind}, {self.width} values a "
            f"frame), got {other.source} ({found}); name the folder of that encoder with --encoder"
        )


class Encoder:
    """An encoder whose weights do not change; safe to use from several threads, which take turns.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        Whisper's encoder, or a model of samples.
    extractor : transformers.SequenceFeatureExtractor
        Of the same model.
    source : str
        As `EncoderFacts` has it.
    layers : Sequence[int] or None
        As `EncoderFacts` has it; None for the last, and those at a third and at two thirds.
    device : torch.device
        Where it runs; on a GPU in half precision.

    Raises
    ------
    InputError
        There is no such layer, or the model hears another sample rate.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        extractor: SequenceFeatureExtractor,
        *,
        source: str,
        layers: Sequence[int] | None,
        device: torch.device,
    ) -> None:
        self._network = network.to(device).eval().requires_grad_(False)
        self._extractor = extractor
        self.device = device
        self._lock = Lock()
        self._whisper = network.config.model_type == "whisper"
        if int(extractor.sampling_rate) != SAMPLE_RATE:
            raise InputError(
                f"{source}: expected an encoder at {SAMPLE_RATE} Hz, got "
                f"{extractor.sampling_rate} Hz"
            )
        config = network.config
        count = int(config.encoder_layers if self._whisper else config.num_hidden_layers)
        if layers is None:
            layers = sorted({max(1, count // 3), max(1, 2 * count // 3), count})
        if not layers or not all(1 <= layer <= count for layer in layers):
            raise InputError(
                f"layers: expected numbers from 1 to {count} for {source}, got {list(layers)}"
            )
        self.grid: FrameGrid = encoder_grid(network, extractor)
        width = int(config.hidden_size) * len(layers)
        self.facts = EncoderFacts(
            source, str(config.model_type), tuple(layers), width, self._probe(tuple(layers))
        )

    @property
    def content_hash(self) -> str:
        """Hash of weights, layers and features."""
        return content_hash(self._network, self.facts.layers, self._extractor.to_dict())

    def describe(self) -> Mapping[str, str]:
        """Return source, kind, layers and size."""
        return {
            "encoder": f"{self.facts.source} ({self.facts.kind})",
            "layers of the encoder": " ".join(map(str, self.facts.layers)),
            "parameters of the encoder": str(sum(p.numel() for p in self._network.parameters())),
        }

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """Return what the layers make of a recording.

        Parameters
        ----------
        samples : ndarray, shape (N,), float32
            Samples in [-1, 1] at 16 kHz, finite.

        Returns
        -------
        ndarray, shape (F, width), float32
            A row for each frame of ``grid``, at least one. What is longer than 30 s is encoded in
            pieces of equal length, with 2 s of context.
        """
        check_samples(samples)
        stride, count = self.grid.stride, len(samples)
        samples = samples.astype(np.float32, copy=False)
        pieces, step = 1, count
        if count > _PIECE * SAMPLE_RATE:
            core = (_PIECE - 2 * _CONTEXT) * SAMPLE_RATE
            pieces = int(np.ceil(count / core))
            step = int(np.ceil(count / pieces / stride)) * stride
        context = 0 if pieces == 1 else int(_CONTEXT * SAMPLE_RATE) // stride * stride
        bounds = [
            (max(0, i * step - context), min(count, (i + 1) * step + context))
            for i in range(pieces)
        ]
        size = 1 if self.device.type == "cpu" else _BATCH
        waiting: list[tuple[int, int]] = []
        found: list[np.ndarray] = []
        for place, (begin, end) in enumerate(bounds):
            waiting.append((begin, end))
            following = bounds[place + 1] if place + 1 < pieces else (0, 0)
            if len(waiting) < size and following[1] - following[0] == end - begin:
                continue
            encoded = self._states(np.stack([samples[b:e] for b, e in waiting]), self.facts.layers)
            for (first, _), states in zip(waiting, encoded):
                number = len(found)
                own = number * step - first  # samples of context before
                last = None if number == pieces - 1 else (own + step) // stride
                found.append(states[own // stride : last])
            waiting = []
        return found[0] if pieces == 1 else np.concatenate(found)

    def _states(self, samples: np.ndarray, layers: Sequence[int]) -> np.ndarray:
        """Encode (B, N) samples: (B, F, width) float32."""
        import torch

        frames = -(-max(samples.shape[1] - max(self.grid.offset, 0), 1) // self.grid.stride)
        short = max(0, _LEAST - samples.shape[1])
        inputs = self._extractor(
            list(np.pad(samples, ((0, 0), (0, short)))),
            sampling_rate=SAMPLE_RATE,
            return_tensors="pt",
            padding="do_not_pad",
        )
        features = inputs["input_features" if self._whisper else "input_values"].to(self.device)
        half = half_precision(self.device)
        run = partial(whisper_states, self._network) if self._whisper else self._sampled_layers
        with self._lock, torch.inference_mode():
            with nullcontext() if half is None else torch.autocast(self.device.type, half):
                states = torch.cat([hidden.float() for hidden in run(features, layers)], -1)
            if half is not None and not states.isfinite().all():
                states = torch.cat(run(features, layers), -1)  # overflow: in single precision
            found: np.ndarray = states[:, :frames].cpu().numpy()
        return found

    def _sampled_layers(self, features: torch.Tensor, layers: Sequence[int]) -> list[torch.Tensor]:
        hidden = self._network(features, output_hidden_states=True).hidden_states
        return [hidden[layer] for layer in layers]

    def _probe(self, layers: tuple[int, ...]) -> tuple[float, ...]:
        """Return, for some columns, how the mean over time differs between two fixed noises."""
        white = np.random.default_rng(0).normal(0, 0.1, _PROBED * self.grid.stride)
        low = np.convolve(white, np.ones(16) / 4, "same")
        first, second = (self._states(x[None].astype(np.float32), layers)[0] for x in (white, low))
        means = (first - second).mean(axis=0)
        chosen = np.linspace(0, len(means) - 1, min(_COLUMNS, len(means))).astype(np.int64)
        return tuple(float(f"{value:.5g}") for value in means[chosen])


def load_encoder(
    source: str | Path,
    *,
    layers: Sequence[int] | None = None,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
) -> Encoder:
    """Load an encoder of speech.

    Parameters
    ----------
    source : str or Path
        The folder of Whisper, wav2vec 2.0, HuBERT or WavLM as Hugging Face has them, or
        ``org/name`` or ``org/name@revision`` on the hub.
    layers : Sequence[int] or None
        As `Encoder` has it.
    device, offline, allow_pickle
        As in `load_model`.

    Raises
    ------
    InputError
        There is no such folder, a file is missing or damaged, or it is another kind of model.
    BackendError
        A package is missing, or the hub cannot be reached, or may not be.
    """
    folder, name = Path(source), str(Path(source).absolute())
    if not folder.is_dir():
        if not hub.recognises(str(source)):
            raise InputError(
                f"encoder: {source}: there is no such folder; name the folder of a Hugging Face "
                "model, or org/name on the hub, openai/whisper-base for example"
            )
        folder = hub.fetch(str(source), offline=offline, allow_pickle=allow_pickle)
        name = str(source)
    kind = model_type(folder)
    if kind not in (*SAMPLED, "whisper"):
        found = "a folder without config.json" if kind is None else repr(kind)
        raise InputError(
            f"encoder: {source}: expected one of {', '.join(SAMPLED)} or whisper, got {found}"
        )
    import_torch("hf")
    network, extractor = load_pretrained(folder, ctc=False, allow_pickle=allow_pickle)
    return Encoder(
        network.encoder if kind == "whisper" else network,
        extractor,
        source=name,
        layers=layers,
        device=choose_device(device),
    )
