"""A compact convolutional CTC model of phones, for whole recordings or for a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np

from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models import DESCRIPTION
from speechalign.models.conv_net import HOP, SAMPLE_RATE, ConvCTCConfig, ConvCTCNet, LogMel
from speechalign.models.folders import replacing_folder
from speechalign.vocabulary import Vocabulary

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from safetensors.torch import save as to_bytes
    from torch import nn
except ImportError as missing:
    raise BackendError(f"conv-ctc: {missing}; pip install 'speechalign[torch]'") from None

KIND = "conv-ctc"
WEIGHTS = "model.safetensors"
STRIDE = 2 * HOP
BLANK = "<blank>"


class ConvCTC:
    """A convolutional CTC model of phones.

    Parameters
    ----------
    net : ConvCTCNet
        The network, with its weights.
    vocabulary : Vocabulary
        Its phones, as the dictionary of the language names them, and a blank.
    name, language, licence : str
        What people and the text normaliser need to know.

    Raises
    ------
    InputError
        The network has not one output a symbol, or the vocabulary no blank.
    """

    aligner = "ctc"
    sample_rate = SAMPLE_RATE
    normalised = True
    unit = "phones"
    noise = "<noise>"
    pronunciation = "english"

    def __init__(
        self, net: ConvCTCNet, vocabulary: Vocabulary, *, name: str, language: str, licence: str
    ) -> None:
        if vocabulary.blank is None or len(vocabulary) != net.symbols:
            raise InputError(
                f"{name}: expected a vocabulary of {net.symbols} symbols with a blank, got "
                f"{len(vocabulary)} symbols, blank {vocabulary.blank}"
            )
        self.net = net.eval()
        self.vocabulary = vocabulary
        self.grid = FrameGrid(SAMPLE_RATE, STRIDE)
        self.name = name
        self.language = language
        self.licence = licence

    @property
    def phones(self) -> tuple[str, ...]:
        """The symbols but the blank."""
        return tuple(s for s in self.vocabulary.symbols if s != BLANK)

    def describe(self) -> Mapping[str, str]:
        """Return size, context and symbols."""
        right = self.net.config.right_context
        return {
            "parameters": str(sum(p.numel() for p in self.net.parameters())),
            "hears ahead": "everything" if right is None else f"{right * STRIDE / SAMPLE_RATE} s",
            "phones": " ".join(self.phones),
        }

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every symbol on every frame of 20 ms.

        Parameters
        ----------
        waveforms : ndarray, shape (B, N), float32
            Samples in [-1, 1] at ``sample_rate``; those beyond a length are not read.
        lengths : ndarray, shape (B,), int64
            Samples of each recording.

        Returns
        -------
        Emissions
            Log-probabilities, shape (B, T, V), float32; ceil(length / 320) frames.

        Raises
        ------
        InputError
            A recording is empty or holds NaN, or there is not one length for each.
        """
        check_waveforms(waveforms, lengths)
        clean = np.zeros(waveforms.shape, np.float32)  # NaN beyond a length times zero is NaN.
        for b, length in enumerate(lengths):
            clean[b, :length] = waveforms[b, :length]
        device = self.net.mean.device
        with torch.inference_mode():
            log_probs = self.net(
                torch.from_numpy(clean).to(device), torch.from_numpy(lengths).to(device)
            )
        frames = -(-lengths // STRIDE)
        return Emissions(log_probs.cpu().numpy(), frames, self.grid, self.vocabulary)

    @cached_property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case English word, those of the embedded English model."""
        from speechalign.models.english_sphinx import EnglishSphinx

        return EnglishSphinx().dictionary

    def save(self, folder: str | Path, *, half: bool = False) -> None:
        """Write ``model.json`` and ``model.safetensors`` to a folder.

        Parameters
        ----------
        folder : str or Path
            A new folder, or that of a model, which is replaced whole.
        half : bool
            Keep weights at half precision: half the size, error rates the same to two digits.

        Raises
        ------
        InputError
            ``folder`` holds something other than a model.
        """
        description = {
            "kind": KIND,
            "name": self.name,
            "language": self.language,
            "licence": self.licence,
            "symbols": list(self.vocabulary.symbols),
            "network": asdict(self.net.config),
        }
        text = json.dumps(description, ensure_ascii=False, indent=1) + "\n"
        weights = {k: v.half() if half else v for k, v in self.net.state_dict().items()}
        with replacing_folder(Path(folder)) as temporary:
            (temporary / DESCRIPTION).write_text(text, encoding="utf-8")
            (temporary / WEIGHTS).write_bytes(to_bytes(weights))


def load(folder: str | Path, *, device: str | None = None) -> ConvCTC:
    """Load what `ConvCTC.save` wrote.

    Parameters
    ----------
    folder : str or Path
        With ``model.json`` and ``model.safetensors``.
    device : str or None
        Where the network runs: ``cpu``, ``cuda``, ``cuda:1`` ...; None for the GPU where there is
        one.

    Raises
    ------
    InputError
        A file is missing or damaged, a key is unknown, or the weights do not fit the sizes.
    BackendError
        There is no such device.
    """
    path = Path(folder) / DESCRIPTION
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        symbols, network = data.pop("symbols"), data.pop("network")
        kind, name = data.pop("kind"), data.pop("name")
        language, licence = data.pop("language"), data.pop("licence")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: not the description of a {KIND} model: {error!r}") from None
    if data or kind != KIND:
        raise InputError(
            f"{path}: expected kind {KIND!r} and no further key, got {kind!r} and {list(data)}"
        )
    net = ConvCTCNet(ConvCTCConfig.from_keywords(network, source=str(path)), len(symbols))
    _load_weights(net, path.with_name(WEIGHTS))
    try:
        net.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except (RuntimeError, AssertionError) as error:
        raise BackendError(f"device {device!r}: {error}") from None
    vocabulary = Vocabulary(symbols, blank=BLANK)
    return ConvCTC(net, vocabulary, name=name, language=language, licence=licence)


def english_ctc_small(*, device: str | None = None) -> ConvCTC:
    """Load the model of US English that comes with the package; see its MODEL_CARD.md."""
    return load(Path(__file__).parent / "data" / "english_ctc_small", device=device)


def _load_weights(net: nn.Module, path: Path) -> None:
    """Fill a network from a safetensors file; InputError names a file that does not fit."""
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: damaged or missing: {error}; copy the model again") from None
    try:
        net.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise InputError(f"{path}: these weights do not fit the model: {error}") from None
    for name, value in net.state_dict().items():
        if not value.isfinite().all():
            raise InputError(f"{path}: {name} holds values that are not finite; copy it again")


__all__ = ["BLANK", "ConvCTC", "ConvCTCConfig", "ConvCTCNet", "LogMel", "english_ctc_small", "load"]
