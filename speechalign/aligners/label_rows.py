"""The text of a CTC model as a row of labels, and where the best path has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.graphs import Graph
from speechalign.kernels.ctc import CtcPath
from speechalign.text.word import Reading


@dataclass(frozen=True)
class Item:
    """A spoken word, or what stands between two.

    Parameters
    ----------
    word : int or None
        Number of its word; None for a separator.
    readings : tuple[Reading, ...]
        Rows of pieces, one of which is said.
    is_noise : bool
        Whether it is what the text does not explain.
    """

    word: int | None
    readings: tuple[Reading, ...]
    is_noise: bool = False


@dataclass(frozen=True)
class LabelRow:
    """One reading of each of I items in a row of L labels, with the frames of a path.

    Parameters
    ----------
    items : Sequence[Item]
        In order.
    readings : Sequence[Reading]
        The one of each item that is said.
    labels : ndarray, shape (L,), int64
        Columns of their pieces.
    spans : ndarray, shape (L, 2), int64
        Frames ``[begin, end)`` of each label.
    """

    items: Sequence[Item]
    readings: Sequence[Reading]
    labels: np.ndarray
    spans: np.ndarray

    @property
    def item_spans(self) -> np.ndarray:
        """Frames ``[begin, end)`` of each item, shape (I, 2), int64."""
        return joined_spans(self.spans, self._sizes)

    @property
    def is_spoken(self) -> np.ndarray:
        """Whether each label belongs to a word, shape (L,), bool."""
        return np.repeat([item.word is not None for item in self.items], self._sizes)

    @property
    def is_noise(self) -> np.ndarray:
        """Whether each label is that of noise, shape (L,), bool."""
        return np.repeat([item.is_noise for item in self.items], self._sizes)

    @property
    def is_first(self) -> np.ndarray:
        """Whether each label is the first of its item, shape (L,), bool."""
        first = np.zeros(len(self.labels), np.bool_)
        first[np.append(0, np.cumsum(self._sizes))[:-1]] = True
        return first

    @property
    def rows(self) -> list[list[int]]:
        """Labels of each item."""
        edges = np.cumsum(self._sizes)[:-1]
        return [own.tolist() for own in np.split(self.labels, edges)]

    @property
    def _sizes(self) -> list[int]:
        return [len(reading) for reading in self.readings]


def spans_of_path(path: CtcPath, count: int) -> np.ndarray:
    """Return the frames ``[begin, end)`` of each of so many labels, shape (L, 2), int64."""
    frames = np.flatnonzero(path.positions % 2 == 1)
    return _spans(frames, path.positions[frames] // 2, count)


def spans_of_arcs(graph: Graph, arcs: np.ndarray, *, blank: int) -> np.ndarray:
    """Return the frames of each label that a path through a CTC graph reads, shape (L, 2)."""
    spoken = graph.labels[arcs] != blank
    entered = spoken & (np.diff(graph.targets[arcs], prepend=-1) != 0)
    frames = np.flatnonzero(spoken)
    return _spans(frames, np.cumsum(entered)[frames] - 1, int(entered.sum()))


def _spans(frames: np.ndarray, owners: np.ndarray, count: int) -> np.ndarray:
    """Return where labels begin and end, given the frames that belong to any, and to which."""
    labels = np.arange(count)
    begins = frames[np.searchsorted(owners, labels)]
    ends = frames[np.searchsorted(owners, labels, side="right") - 1] + 1
    return np.stack([begins, ends], axis=1)


def joined_spans(spans: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the frames ``[begin, end)`` of rows of labels, of so many each, shape (I, 2)."""
    edges = np.append(0, np.cumsum(sizes))
    return np.stack([spans[edges[:-1], 0], spans[edges[1:] - 1, 1]], axis=1)
