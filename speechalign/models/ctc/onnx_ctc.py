"""CTC models in ONNX: one input, samples (B, N); first output, scores (B, T, V).

A folder that ``speechalign model export`` wrote says all in its ``model.json``. Any other ``.onnx``
file needs its vocabulary beside it:

=============================  ==================================================================
``vocab.json``                 symbol to column
``tokens.txt`` ``vocab.txt``   a symbol a line, with its column after a space, or in order
``preprocessor_config.json``   optional: ``sampling_rate``, ``do_normalize``; else 16 kHz samples
                               as they are
=============================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.models import DESCRIPTION
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.models.device import Score
from speechalign.models.frame_timing import measured_grid
from speechalign.models.hf_folder import card, read_json
from speechalign.vocabulary import Vocabulary

NAMES = ()
KIND = "onnx-ctc"
NETWORK = "model.onnx"

_VOCABULARIES = ("vocab.json", "tokens.txt", "vocab.txt")
_BLANKS = ("<pad>", "[PAD]", "<blank>", "<blk>", "<b>", "<eps>", "ε", "<ctc_blank>")
_PIECE = "▁"
_SAMPLE_RATE = 16000


def recognises(source: str) -> bool:
    """Tell whether the source is an ``.onnx`` file, or a folder with one and no other model."""
    path = Path(source)
    if path.is_dir():
        return any(path.glob("*.onnx")) and not (path / "config.json").exists()
    return path.suffix == ".onnx" and path.is_file()


def load(source: str | Path, *, device: str | None = None) -> NetworkCtc:
    """Load a CTC model from an ``.onnx`` file or its folder.

    Parameters
    ----------
    source : str or Path
        File, or folder with one.
    device : str or None
        ``cpu``, or ``cuda`` where onnxruntime-gpu is installed; None for the CPU.

    Returns
    -------
    NetworkCtc
        Of characters, or of pieces of words where a symbol begins with ``▁``.

    Raises
    ------
    InputError
        A file is missing or damaged, the network hears something else than samples, or the
        vocabulary does not fit it or has no blank.
    BackendError
        onnxruntime or the device is missing.
    """
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        path = _only(path)
    score = open_network(path, device=device)
    settings_path = folder / "preprocessor_config.json"
    settings = read_json(settings_path) if settings_path.is_file() else {}
    if settings.get("do_normalize"):
        score = _normalising(score)
    rate = int(cast(int, settings.get("sampling_rate", _SAMPLE_RATE)))
    symbols = _read_symbols(folder)
    blanks = [symbol for symbol in _BLANKS if symbol in symbols]
    if not blanks:
        raise InputError(
            f"{folder}: the vocabulary has no blank; expected one of {', '.join(_BLANKS)}"
        )
    width = score(np.zeros((1, 2 * rate), np.float32)).shape[2]
    if width != len(symbols):
        raise InputError(
            f"{folder}: the vocabulary has {len(symbols)} symbols, the network scores {width}; "
            "copy the files of one model"
        )
    told = card(folder)
    grid = measured_grid(_counting(score), sample_rate=rate)
    return NetworkCtc(
        score,
        Vocabulary(symbols, blank=blanks[0]),
        grid,
        reach=2 * grid.offset + grid.stride,
        name=folder.resolve().name if path.name == NETWORK else path.stem,
        language=told.get("language", "und"),
        licence=told.get("license") or "not told by the model card",
        unit="tokens" if any(s.startswith(_PIECE) for s in symbols) else "characters",
        facts={"runs in": "onnxruntime"},
        weights=_files(path),
    )


def load_exported(folder: str | Path, *, device: str | None = None) -> NetworkCtc:
    """Load a folder that `speechalign.models.ctc.onnx_export.export` wrote.

    Raises
    ------
    InputError, BackendError
        As `load`.
    """
    folder = Path(folder)
    told = read_json(folder / DESCRIPTION)
    try:
        vocabulary = Vocabulary(cast("list[str]", told["symbols"]), blank=str(told["blank"]))
        grid = FrameGrid(*(int(cast(int, told[k])) for k in ("sample_rate", "stride", "offset")))
        reach = int(cast(int, told["reach"]))
        name, language, licence, unit, pronunciation = (
            str(told[key]) for key in ("name", "language", "licence", "unit", "pronunciation")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / DESCRIPTION}: damaged: {error!r}; export again") from None
    return NetworkCtc(
        open_network(folder / NETWORK, device=device),
        vocabulary,
        grid,
        reach=reach,
        name=name,
        language=language,
        licence=licence,
        unit=unit,
        pronunciation=pronunciation,
        facts={"runs in": "onnxruntime"},
        weights=_files(folder / NETWORK),
    )


def open_network(path: Path, *, device: str | None) -> Score:
    """Return a function from (B, N) float32 samples to (B, T, V) float32 log-probabilities.

    Raises
    ------
    InputError, BackendError
        As `load`.
    """
    try:
        import onnxruntime
    except ImportError:
        raise BackendError(
            f"{path}: reading it needs onnxruntime; pip install 'speechalign[onnx]'"
        ) from None
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; export or copy the model again")
    wanted = "CPUExecutionProvider"
    if device not in (None, "cpu"):
        wanted = "CUDAExecutionProvider"
        there = onnxruntime.get_available_providers()
        if not str(device).startswith("cuda") or wanted not in there:
            raise BackendError(
                f"device: {device!r} is not there for onnxruntime; use cpu, or pip install "
                "onnxruntime-gpu"
            )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[wanted])
    except Exception as error:  # its classes are private
        raise InputError(
            f"{path}: onnxruntime cannot read it: {str(error).splitlines()[0]}; export it again"
        ) from None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        heard = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        raise InputError(
            f"{path}: expected one input, samples (batch, samples) in float32, got {heard}; export "
            "the network together with its features"
        )
    name = inputs[0].name

    def score(samples: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        assert lengths is None  # The network hears samples only.
        found = np.asarray(session.run(None, {name: samples})[0], np.float32)
        if found.ndim != 3:
            raise InputError(f"{path}: expected scores (batch, frames, symbols), got {found.shape}")
        shifted = found - found.max(axis=-1, keepdims=True)
        log_probs: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return log_probs

    return score


def _files(path: Path) -> list[Path]:
    """Return the files of a network: large ones keep weights in ``model.onnx.data`` or the like."""
    return sorted(path.parent.glob(f"{path.name}*"))


def _only(folder: Path) -> Path:
    networks = sorted(folder.glob("*.onnx"))
    if len(networks) > 1 and folder / NETWORK not in networks:
        names = ", ".join(network.name for network in networks)
        raise InputError(f"{folder}: has several networks, {names}; name the file")
    return folder / NETWORK if folder / NETWORK in networks else networks[0]


def _normalising(score: Score) -> Score:
    """Give each recording mean 0 and variance 1, as Hugging Face's feature extractor does."""

    def normalised(samples: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        mean = samples.mean(axis=1, keepdims=True)
        deviation = np.sqrt(samples.var(axis=1, keepdims=True) + 1e-7)
        return score(((samples - mean) / deviation).astype(np.float32), lengths)

    return normalised


def _counting(score: Score) -> Callable[[int], int]:
    """Return how many frames the network makes of so many samples; 0 where it refuses them."""

    def count(samples: int) -> int:
        noise = np.random.default_rng(0).normal(size=(1, samples)).astype(np.float32)
        try:
            return int(score(noise).shape[1])
        except Exception:  # onnxruntime's classes are private
            return 0

    return count


def _read_symbols(folder: Path) -> list[str]:
    """Read the vocabulary beside a network."""
    for name in _VOCABULARIES:
        path = folder / name
        if path.is_file():
            columns = read_json(path) if path.suffix == ".json" else _read_lines(path)
            break
    else:
        raise InputError(f"{folder}: has no vocabulary beside the network; expected one of "
                         f"{', '.join(_VOCABULARIES)}")  # fmt: skip
    symbols: list[str | None] = [None] * len(columns)
    for symbol, column in columns.items():
        if type(column) is not int or not 0 <= column < len(symbols) or symbols[column] is not None:
            raise InputError(
                f"{path}: {symbol!r}: expected a column of its own in [0, {len(symbols)}), got "
                f"{column!r}"
            )
        symbols[column] = symbol
    return cast("list[str]", symbols)


def _read_lines(path: Path) -> Mapping[str, object]:
    """Read ``symbol column`` a line, or a symbol a line in order."""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    if lines[-1] == "":
        lines.pop()
    columns: dict[str, object] = {}
    for number, line in enumerate(lines):
        symbol, space, column = line.rpartition(" ")
        told = space and column.isdigit()
        columns[symbol if told else line] = int(column) if told else number
    return columns
