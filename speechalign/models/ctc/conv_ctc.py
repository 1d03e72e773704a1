"""A compact convolutional CTC model of phones, for whole recordings or for a stream."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models import DESCRIPTION
from speechalign.models.ctc.conv_net import HOP, SAMPLE_RATE, ConvCTCConfig, ConvCTCNet, LogMel
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.models.device import batch_seconds, choose_device, log_probs_on
from speechalign.models.folders import replacing_folder
from speechalign.vocabulary import Vocabulary

try:
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


class ConvCTC(NetworkCtc):
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

    def __init__(
        self, net: ConvCTCNet, vocabulary: Vocabulary, *, name: str, language: str, licence: str
    ) -> None:
        if vocabulary.blank is None or len(vocabulary) != net.symbols:
            raise InputError(
                f"{name}: expected a vocabulary of {net.symbols} symbols with a blank, got "
                f"{len(vocabulary)} symbols, blank {vocabulary.blank}"
            )
        self.net = net.eval()
        device = net.mean.device
        # In single precision: energies of features overflow in half.
        score = log_probs_on(device, net)
        right = net.config.right_context
        super().__init__(
            score,
            vocabulary,
            FrameGrid(SAMPLE_RATE, STRIDE),
            reach=0,
            name=name,
            language=language,
            licence=licence,
            unit="phones",
            pronunciation="english",
            facts={
                "parameters": str(sum(p.numel() for p in net.parameters())),
                "hears ahead": "everything"
                if right is None
                else f"{right * STRIDE / SAMPLE_RATE} s",
            },
            network=net,
            batch_seconds=batch_seconds(device),
            exact=score,
            weights=[net],
        )

    def frames(self, samples: int) -> int:
        """Return how many frames of 20 ms there are of so many samples; the last may be partial."""
        return -(-samples // STRIDE)

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
    net.to(choose_device(device))
    vocabulary = Vocabulary(symbols, blank=BLANK)
    return ConvCTC(net, vocabulary, name=name, language=language, licence=licence)


def english_ctc_small(*, device: str | None = None) -> ConvCTC:
    """Load the model of US English that comes with the package; see its MODEL_CARD.md."""
    return load(Path(__file__).parents[1] / "data" / "english_ctc_small", device=device)


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
