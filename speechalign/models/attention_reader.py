"""Read times off attention: a filter, fitted to speech, of the heads that follow the audio.

Each head of a decoder's cross-attention runs ahead of the sound it stands for or behind it, by up
to 0.15 s, and none marks where a word begins or ends. A weighted sum of the log attention of
several heads, each at several lags, does: it scores which token is said in which frame.
``tools/tune_attention.py`` fits the weights; those of some sizes of Whisper come with the package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from speechalign.errors import InputError
from speechalign.vocabulary import Piece

FILE = "attention_reader.json"
"""Name of the file of a reader in the folder of a model, which goes before the package's own."""

_FLOOR = 1e-4  # added to attention before the log is taken
_LEAST_RANGE = 10.0  # dB between quiet and loud, at least


@dataclass(frozen=True)
class AttentionReader:
    """Weights that turn the attention of a decoder into log-posteriors of its tokens.

    Parameters
    ----------
    decoder : tuple[int, int, int, int]
        Layers, heads a layer, width and tokens of the model that it was fitted to.
    heads : tuple[tuple[int, int], ...]
        Layer and number of each head that is read.
    lags : tuple[tuple[int, ...], ...]
        For each of them, how many frames after a moment it is read; negative for before.
    weights : tuple[tuple[float, ...], ...]
        For each of them, the weight at each lag.
    pause : tuple[float, float]
        Score of a frame without speech, and what its loudness, from 0 to 1, adds.
    confidence : tuple[float, float, float]
        Logistic of the confidence of a word: offset, and factors of the mean log-probability of its
        tokens and of their mean log-posterior in the frames of the word.
    """

    decoder: tuple[int, int, int, int]
    heads: tuple[tuple[int, int], ...]
    lags: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    pause: tuple[float, float]
    confidence: tuple[float, float, float]

    def read(self, attention: np.ndarray, samples: np.ndarray, *, stride: int) -> np.ndarray:
        """Score which token is said in each frame.

        Parameters
        ----------
        attention : ndarray, shape (H, L, T), floating
            For each of the heads, the attention of each token to each frame.
        samples : ndarray, shape (N,), floating
            The recording.
        stride : int
            Samples from frame to frame.

        Returns
        -------
        ndarray, shape (L + 1, T), float64
            Natural-log posteriors of the tokens and, last, of a pause; each column sums to one.
        """
        _, tokens, frames = attention.shape
        scores = np.zeros((tokens + 1, frames))
        for head, lags, weights in zip(attention, self.lags, self.weights):
            for row, weight in zip(lagged(head, lags), weights):
                scores[:-1] += weight * row
        offset, slope = self.pause
        scores[-1] = offset + slope * loudness(samples, frames, stride=stride)
        scores -= scores.max(axis=0)
        normalised: np.ndarray = scores - np.log(np.exp(scores).sum(axis=0))
        return normalised

    def write(self, path: Path) -> None:
        """Write the reader to a JSON file."""
        path.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def read_reader(path: Path) -> AttentionReader:
    """Read a reader from a JSON file.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return AttentionReader(
            decoder=tuple(told["decoder"]),
            heads=tuple((int(layer), int(head)) for layer, head in told["heads"]),
            lags=tuple(tuple(map(int, lags)) for lags in told["lags"]),
            weights=tuple(tuple(map(float, weights)) for weights in told["weights"]),
            pause=tuple(told["pause"]),
            confidence=tuple(told["confidence"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: not a reader of attention; make it again with tools/tune_attention.py"
        ) from None


def find_reader(folder: Path, decoder: tuple[int, int, int, int]) -> AttentionReader | None:
    """Return the reader in a model's folder, or the package's for a decoder of that size, or None.

    Raises
    ------
    InputError
        That in the folder is damaged, or was fitted to a decoder of another size.
    """
    own = folder / FILE
    if own.is_file():
        reader = read_reader(own)
        if reader.decoder != decoder:
            raise InputError(
                f"{own}: was fitted to a decoder of layers, heads, width and tokens "
                f"{reader.decoder}, this one has {decoder}; make it again, or remove it"
            )
        return reader
    shipped = Path(__file__).with_name("data") / "whisper"
    readers = (read_reader(path) for path in sorted(shipped.glob("*.json")))
    return next((reader for reader in readers if reader.decoder == decoder), None)


def lagged(attention: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """Return the log of attention of one head, shape (L, T), at some lags, shape (K, L, T).

    Examples
    --------
    >>> np.exp(lagged(np.array([[0.2, 0.8]]), [-1, 0, 1])).round(1)[:, 0].tolist()
    [[0.0, 0.2], [0.2, 0.8], [0.8, 0.0]]
    """
    frames = attention.shape[1]
    logs = np.log(attention.astype(np.float64) + _FLOOR)
    found = np.full((len(lags), *logs.shape), np.log(_FLOOR))
    for row, lag in zip(found, lags):
        low, high = min(frames, max(0, -lag)), max(0, min(frames, frames - lag))
        row[:, low:high] = logs[:, low + lag : high + lag]
    return found


def loudness(samples: np.ndarray, frames: int, *, stride: int) -> np.ndarray:
    """Return how loud each frame is, from 0, quiet, to 1, loud, for this recording; shape (T,)."""
    padded = np.zeros(frames * stride + stride)
    count = min(len(samples), len(padded) - stride // 2)
    padded[stride // 2 : stride // 2 + count] = samples[:count]  # a frame lies around its moment
    energy = (padded[: frames * stride].reshape(frames, stride) ** 2).mean(axis=1)
    levels = 10 * np.log10(energy + 1e-10)
    low, high = np.quantile(levels, [0.05, 0.9])
    relative: np.ndarray = np.clip((levels - low) / max(high - low, _LEAST_RANGE), 0.0, 1.0)
    return relative


def said(words: Sequence[str], pieces: Sequence[tuple[Piece, ...]]) -> list[bool]:
    """Tell of each token whether it is said: punctuation is not, but where a word is nothing else.

    Examples
    --------
    >>> said(["tea,"], [(Piece(5, 0, 3), Piece(6, 3, 4))])
    [True, False]
    """
    found = []
    for word, own in zip(words, pieces):
        sounds = [any(map(str.isalnum, word[piece.start : piece.end])) for piece in own]
        found += [sound or not any(sounds) for sound in sounds]
    return found


def joined(word: str, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return the tokens of a word that are said, each with the punctuation around it."""
    own = [piece for piece, is_said in zip(pieces, said([word], [pieces])) if is_said]
    starts = [0 if k == 0 else piece.start for k, piece in enumerate(own)]
    ends = [max(piece.end, after) for piece, after in zip(own, [*starts[1:], len(word)])]
    return tuple(Piece(p.label, start, end) for p, start, end in zip(own, starts, ends))
