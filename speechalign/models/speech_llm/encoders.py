"""Encoders of speech that a language model can be given: ours, and those of Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models import DESCRIPTION, MODELS, load_model
from speechalign.models.ctc.conv_ctc import KIND, STRIDE, ConvCTC
from speechalign.models.ctc.conv_ctc import load as load_conv_ctc
from speechalign.models.ctc.conv_net import HOP, SAMPLE_RATE, ConvCTCNet
from speechalign.models.ctc.hf_ctc import read_vocabulary
from speechalign.models.hf_encoder import SAMPLED, encoder_grid, load_pretrained, whisper_states
from speechalign.models.hf_folder import model_type, read_json
from speechalign.vocabulary import Vocabulary

try:
    import torch
    from torch import Tensor, nn
    from torch.nn.utils.rnn import pad_sequence
except ImportError as missing:
    raise BackendError(f"speech-llm: {missing}; pip install 'speechalign[torch]'") from None

if TYPE_CHECKING:
    from transformers import PreTrainedModel, SequenceFeatureExtractor

_LEAST = 800  # samples that Whisper hears; shorter recordings are followed by silence


@dataclass(frozen=True)
class Encoded:
    """Output of an encoder for a batch of recordings.

    Parameters
    ----------
    states : Tensor, shape (B, T, w), floating
        One row a frame of the encoder's grid.
    lengths : Tensor, shape (B,), int64
        Frames of each recording.
    log_probs : Tensor or None, shape (B, T, V), floating
        What its CTC layer says; None without one.
    """

    states: Tensor
    lengths: Tensor
    log_probs: Tensor | None


class SpeechEncoder(nn.Module):
    """Base class of encoders: (B, N) samples of (B,) lengths in, `Encoded` out.

    Samples beyond a length are not read. ``width`` is that of the states; ``vocabulary`` is of the
    CTC layer, None without one; ``longest`` is the most seconds that can be encoded at once, None
    for any.
    """

    width: int
    sample_rate: int
    grid: FrameGrid
    vocabulary: Vocabulary | None
    longest: float | None


def load_encoder(source: str | Path) -> SpeechEncoder:
    """Load an encoder from a folder, or one that comes with the package.

    Parameters
    ----------
    source : str or Path
        The folder of a ``conv-ctc`` model of ours, or the name of one in ``MODELS``; or the folder
        of Wav2Vec2, HuBERT, WavLM or Whisper as Hugging Face has them. A CTC layer is used where
        there is one.

    Raises
    ------
    InputError
        There is no such folder, a file is missing or damaged, or it is another kind of model.
    BackendError
        transformers is missing.
    """
    if str(source) in MODELS:
        shipped = load_model(source)
        if not isinstance(shipped, ConvCTC):
            raise InputError(
                f"{source}: expected an encoder of speech, got a model without one; of those that "
                "come with the package, take english-ctc-small"
            )
        return ConvEncoder(shipped.net, shipped.vocabulary)
    folder = Path(source)
    if (folder / DESCRIPTION).is_file():
        kind = read_json(folder / DESCRIPTION).get("kind")
        if kind != KIND:
            raise InputError(f"{folder}: expected an encoder of speech, got a {kind} model")
        loaded = load_conv_ctc(folder, device="cpu")
        return ConvEncoder(loaded.net, loaded.vocabulary)
    family = model_type(folder)
    if family is None:
        raise InputError(
            f"{folder}: expected an encoder of speech, but it has no {DESCRIPTION} and no "
            "config.json; name the folder that holds the files of the model"
        )
    if family not in (*SAMPLED, "whisper"):
        raise InputError(
            f"{folder}: expected an encoder of speech, one of {', '.join(SAMPLED)} or whisper, "
            f"got {family!r}"
        )
    return _pretrained(folder, whisper=family == "whisper")


class ConvEncoder(SpeechEncoder):
    """The stack of a `ConvCTCNet`: every state stands for two frames of 20 ms.

    Parameters
    ----------
    net : ConvCTCNet
        The network.
    vocabulary : Vocabulary
        Its symbols.
    """

    sample_rate = SAMPLE_RATE
    longest = None

    def __init__(self, net: ConvCTCNet, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.net = net
        self.width = net.config.channels
        self.grid = FrameGrid(SAMPLE_RATE, STRIDE)
        self.vocabulary = vocabulary

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, N) samples of (B,) lengths."""
        frames = (lengths + HOP - 1) // HOP
        inside = torch.arange(waveforms.shape[1], device=waveforms.device) < lengths[:, None]
        features = self.net.features(waveforms.where(inside, 0.0))
        states = self.net.stack(self.net.normalise(features, frames), frames)
        log_probs = self.net.score(states)
        return Encoded(states.repeat_interleave(2, dim=1), (frames + 1) // 2, log_probs)


class PretrainedEncoder(SpeechEncoder):
    """An encoder of transformers, with the feature extractor before it.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        A model of samples, with or without a CTC layer, or Whisper's encoder.
    extractor : transformers.SequenceFeatureExtractor
        Of the same model.
    vocabulary : Vocabulary or None
        Of its CTC layer.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        extractor: SequenceFeatureExtractor,
        vocabulary: Vocabulary | None,
    ) -> None:
        super().__init__()
        self.network = network
        self._extractor = extractor
        self.vocabulary = vocabulary
        self.sample_rate = int(extractor.sampling_rate)
        config = network.config
        self.width = int(config.hidden_size)
        self._whisper = config.model_type == "whisper"
        self.longest = extractor.n_samples / self.sample_rate if self._whisper else None
        self.grid = encoder_grid(network, extractor)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, N) samples of (B,) lengths."""
        rows = [row[:n].cpu().numpy() for row, n in zip(waveforms, lengths.tolist())]
        if self._whisper:
            return self._hear_alone(rows, waveforms.device)
        # Too little for one frame is heard as none.
        least = 2 * self.grid.offset + self.grid.stride
        rows = [np.pad(row, (0, max(0, least - len(row)))) for row in rows]
        inputs = self._extractor(
            rows, sampling_rate=self.sample_rate, return_tensors="pt", padding=True
        )
        found = self.network(
            **{name: value.to(waveforms.device) for name, value in inputs.items()},
            output_hidden_states=True,
        )
        states = found.hidden_states[-1]
        # The last frame is the last that is whole.
        frames = (lengths - 2 * self.grid.offset) // self.grid.stride
        log_probs = None
        if self.vocabulary is not None:
            log_probs = found.logits.log_softmax(-1)
        return Encoded(states, frames.clamp(0, states.shape[1]), log_probs)

    def _hear_alone(self, rows: Sequence[np.ndarray], device: torch.device) -> Encoded:
        """Encode recordings one by one, without Whisper's padding to 30 s."""
        found = []
        for row in rows:
            inputs = self._extractor(
                np.pad(row, (0, max(0, _LEAST - len(row)))), sampling_rate=self.sample_rate,
                return_tensors="pt", padding="do_not_pad",
            )  # fmt: skip
            features = inputs["input_features"].to(device)
            states = whisper_states(self.network, features, [len(self.network.layers)])[0][0]
            frames = -(-len(row) // self.grid.stride)
            # The features end at whole hops: a last frame that they leave out is as the one before.
            found.append(states[torch.arange(frames, device=device).clamp(max=len(states) - 1)])
        lengths = torch.tensor([len(states) for states in found], device=device)
        return Encoded(pad_sequence(found, batch_first=True), lengths, None)


def _pretrained(folder: Path, *, whisper: bool) -> PretrainedEncoder:
    config = read_json(folder / "config.json")
    ctc = "ForCTC" in json.dumps(config.get("architectures"))
    vocabulary = read_vocabulary(folder, config)[0] if ctc else None
    network, extractor = load_pretrained(folder, ctc=ctc)
    return PretrainedEncoder(network.encoder if whisper else network, extractor, vocabulary)
