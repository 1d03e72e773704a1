"""BackoffModel: a compact n-gram model over small integer symbols."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import FormatError, InputError

_STEP = 1 / 16  # nats between two stored values
_IMPOSSIBLE = 255  # stored in place of a log-probability: never predicted


@dataclass
class _Level:
    """All n-grams of one order, as met in the training data: sorted by (parent, symbol)."""

    symbol: np.ndarray  # last symbol
    parent: np.ndarray  # index, one level down, of the n-gram without its last symbol
    suffix: np.ndarray  # index, one level down, of the n-gram without its first symbol
    raw: np.ndarray  # occurrences
    count: np.ndarray  # Kneser-Ney count
    probability: np.ndarray
    kept: np.ndarray


class BackoffModel:
    """An n-gram model in back-off form, stored as a trie of quantised log-probabilities.

    A state is a node of the trie: the longest remembered end of what has been seen. Node 0 is the
    root (nothing remembered), nodes 1 to V are the unigrams in the order of their symbols.

    Parameters
    ----------
    symbols : ndarray, shape (N,), uint16
        Last symbol of each n-gram; level by level, within a level sorted by parent, then symbol.
    n_children : ndarray, shape (N + 1,), uint16
        Number of n-grams one symbol longer, the root first.
    log_probs : ndarray, shape (N,), uint8
        Minus the log-probability of the last symbol given the others, in 1/16 nats; 255 for a
        symbol that is never predicted.
    log_backoffs : ndarray, shape (C,), int8
        Back-off weight of the nodes that have children, in 1/16 nats, in node order.

    Raises
    ------
    FormatError
        The arrays do not fit together.

    Notes
    -----
    For a state h and a symbol w, with h' the longest remembered proper end of h::

        log p(w | h) = log_prob(hw)                       if hw is in the trie
                     = log_backoff(h) + log p(w | h')     otherwise

    Quantisation moves each value by at most 1/32 nat, so the probabilities after a state sum to
    one only within a few per cent.
    """

    def __init__(
        self,
        symbols: np.ndarray,
        n_children: np.ndarray,
        log_probs: np.ndarray,
        log_backoffs: np.ndarray,
    ) -> None:
        n = symbols.size
        parents = np.flatnonzero(n_children)
        if not (
            n_children.size == n + 1
            and int(n_children.sum(dtype=np.int64)) == n
            and log_probs.size == n
            and log_backoffs.size == parents.size
        ):
            raise FormatError(
                f"n-gram model: {n} symbols, {n_children.size} child counts that sum to "
                f"{int(n_children.sum(dtype=np.int64))}, {log_probs.size} log_probs and "
                f"{log_backoffs.size} log_backoffs do not describe one trie; train it again"
            )
        self.symbols = symbols.astype(np.uint16)
        self.n_children = n_children.astype(np.uint16)
        self.log_probs = log_probs.astype(np.uint8)
        self.log_backoffs = log_backoffs.astype(np.int8)
        ends = 1 + np.cumsum(self.n_children, dtype=np.int64)
        first = np.concatenate([[1], ends]).astype(np.int32)
        backoff = np.zeros(n + 1, np.int8)
        backoff[parents] = self.log_backoffs
        parent = np.append(0, np.repeat(np.arange(n + 1), self.n_children)).astype(np.int32)
        # memoryviews, because reading one element of an ndarray is several times slower
        self._symbol = np.append(np.uint16(0), self.symbols).data
        self._first = first.data
        self._parent = parent.data
        self._code = np.append(np.uint8(0), self.log_probs).data
        self._backoff = backoff.data
        self._links: dict[int, int] = {}

    def __len__(self) -> int:
        return int(self.symbols.size)

    def _child(self, node: int, symbol: int) -> int:
        """Return the node one symbol on, or 0."""
        low, high = self._first[node], self._first[node + 1]
        found = bisect_left(self._symbol, symbol, low, high)
        return found if found < high and self._symbol[found] == symbol else 0

    def _link(self, node: int) -> int:
        """Return the node of the longest remembered proper end of a node other than the root."""
        link = self._links.get(node)
        if link is None:
            link = 0
            parent = self._parent[node]
            while parent and not link:
                parent = self._link(parent)
                link = self._child(parent, self._symbol[node])
            self._links[node] = link
        return link

    def step(self, state: int, symbol: int) -> tuple[float, int]:
        """Predict one symbol.

        Parameters
        ----------
        state : int
            0 to begin with nothing remembered, or a state that ``step`` returned.
        symbol : int
            In [0, V).

        Returns
        -------
        tuple[float, int]
            Natural-log probability of the symbol in that state, and the next state. No record,
            because this is the inner loop of every search.
        """
        total = 0
        while True:
            node = self._child(state, symbol)
            if node or not state:
                break
            total += self._backoff[state]
            state = self._link(state)
        code = self._code[node]
        while node and self._first[node] == self._first[node + 1]:
            node = self._link(node)  # nothing follows this end, so a shorter one will do
        return (-math.inf if code == _IMPOSSIBLE else (total - code) * _STEP), node


def train_backoff_model(
    sequences: Iterable[Sequence[int]], n_symbols: int, *, order: int, threshold: float = 0.0
) -> BackoffModel:
    """Estimate an n-gram model with interpolated, modified Kneser-Ney smoothing, and prune it.

    Parameters
    ----------
    sequences : Iterable[Sequence[int]]
        Each begins with a symbol that occurs nowhere else (and is never predicted), and ends with
        one that says where it ends; all symbols in [0, n_symbols).
    n_symbols : int
        V. Symbols that never occur get a small probability.
    order : int
        Longest n-gram, >= 1.
    threshold : float
        An n-gram goes where dropping it changes the model by a relative entropy below this, in
        nats a symbol; 0 keeps all.

    Returns
    -------
    BackoffModel

    Raises
    ------
    InputError
        There is nothing to train on, or ``order`` or ``n_symbols`` cannot be used.

    Notes
    -----
    Discounts are those of [1]_, eq. 26, at each order; where a count-of-counts they need is zero,
    all three are 1/2. Pruning is that of [2]_, with the observed frequency of a history in place
    of the model's, since Kneser-Ney's lower orders are no marginals.

    References
    ----------
    .. [1] S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
       modeling", Computer Speech and Language 13(4), 1999.
    .. [2] A. Stolcke, "Entropy-based pruning of backoff language models", Proc. DARPA Broadcast
       News Transcription and Understanding Workshop, 1998.
    """
    rows = [np.asarray(sequence, np.int64) for sequence in sequences]
    if not rows:
        raise InputError("sequences: expected at least one to train on, got none")
    if order < 1:
        raise InputError(f"order: expected >= 1, got {order}")
    if not 1 <= n_symbols <= 65535:
        raise InputError(f"n_symbols: expected 1 to 65535, got {n_symbols}")
    levels = _count(rows, n_symbols, order)
    _smooth(levels)
    if threshold > 0:
        _prune(levels, threshold)
    return _pack(levels)


def _count(rows: list[np.ndarray], n_symbols: int, order: int) -> list[_Level]:
    """Count the n-grams of each order, and what Kneser-Ney counts in their place."""
    stream = np.concatenate(rows)
    lengths = np.array([row.size for row in rows])
    ends = np.repeat(np.cumsum(lengths), lengths)
    firsts = np.unique(stream[np.cumsum(lengths) - lengths])
    positions = np.arange(stream.size)
    raw = np.bincount(stream, minlength=n_symbols)
    zeros = np.zeros(n_symbols, np.int64)
    node = stream  # index of the n-gram that starts at each position
    starts = np.isin(np.arange(n_symbols), firsts)  # n-grams nothing can stand before
    levels = [_level(np.arange(n_symbols), zeros, zeros, raw)]
    for k in range(2, order + 1):
        here = positions[positions + k <= ends]
        if not here.size:
            break
        keys, index = np.unique(node[here] * n_symbols + stream[here + k - 1], return_inverse=True)
        parent, symbol = np.divmod(keys, n_symbols)
        suffix = np.empty(keys.size, np.int64)
        suffix[index] = node[here + 1]
        followed = np.bincount(suffix, minlength=levels[-1].symbol.size)
        levels[-1].count = np.where(starts, levels[-1].raw, followed)
        levels.append(_level(symbol, parent, suffix, np.bincount(index)))
        starts = starts[parent]
        node = np.full(stream.size, -1)
        node[here] = index
    levels[0].count[firsts] = 0
    return levels


def _level(symbol: np.ndarray, parent: np.ndarray, suffix: np.ndarray, raw: np.ndarray) -> _Level:
    probability, kept = np.zeros(symbol.size), np.ones(symbol.size, bool)
    return _Level(symbol, parent, suffix, raw, raw.copy(), probability, kept)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return what to take off a count of 0, 1, 2, and 3 or more."""
    n1, n2, n3, n4 = (int(np.sum(counts == n)) for n in (1, 2, 3, 4))
    if 0 in (n1, n2, n3, n4):
        return np.array([0, 0.5, 0.5, 0.5])
    y = n1 / (n1 + 2 * n2)
    raw = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    clipped: np.ndarray = np.clip(raw, [0, 0.1, 0.1, 0.1], [0, 0.9, 1.9, 2.9])
    return clipped


def _smooth(levels: list[_Level]) -> None:
    """Set the interpolated probability of every n-gram."""
    for k, level in enumerate(levels):
        n_parents = levels[k - 1].symbol.size if k else 1
        discount = _discounts(level.count)[np.minimum(level.count, 3)]
        total = np.bincount(level.parent, level.count, n_parents)[level.parent]
        freed = np.bincount(level.parent, discount, n_parents)[level.parent]
        if k:
            lower = levels[k - 1].probability[level.suffix]
        else:
            predicted = (level.count > 0) | (level.raw == 0)
            lower = predicted / predicted.sum()
        level.probability = (level.count - discount + freed * lower) / total


def _prune(levels: list[_Level], threshold: float) -> None:
    """Unset ``kept`` where the loss is small, longest n-grams first."""
    n_tokens = levels[0].raw.sum()
    for k in range(len(levels) - 1, 0, -1):
        level, below = levels[k], levels[k - 1]
        p, lower = level.probability, below.probability[level.suffix]
        # what the history leaves to lower orders, and what they give to the symbols it knows not
        left = 1 - np.bincount(level.parent, p, below.symbol.size)[level.parent]
        rest = 1 - np.bincount(level.parent, lower, below.symbol.size)[level.parent]
        left, rest = np.maximum(left, 1e-12), np.maximum(rest, 1e-12)
        history = below.raw[level.parent] / n_tokens
        change = np.log((left + p) / (rest + lower)) - np.log(left / rest)
        loss = -history * (p * (np.log((left + p) / (rest + lower) * lower / p)) + change * left)
        needed = np.zeros(level.symbol.size, bool)
        if k + 1 < len(levels):
            longer = levels[k + 1]
            needed[longer.parent[longer.kept]] = True
            needed[longer.suffix[longer.kept]] = True
        level.kept = needed | (loss >= threshold)


def _pack(levels: list[_Level]) -> BackoffModel:
    """Compute the back-off weights of what is kept, and quantise."""
    symbols, children, log_probs, backoffs = [], [], [], []
    children.append(np.array([levels[0].symbol.size]))
    backoffs.append(np.zeros(1))
    lower = levels[0].probability  # of each n-gram of the level, by the model that is kept
    for k, level in enumerate(levels):
        with np.errstate(divide="ignore"):
            log_probs.append(np.log(level.probability[level.kept]))
        symbols.append(level.symbol[level.kept])
        if k + 1 == len(levels):
            children.append(np.zeros(int(level.kept.sum()), np.int64))
            break
        longer = levels[k + 1]
        n, kept = level.symbol.size, longer.kept
        left = 1 - np.bincount(longer.parent[kept], longer.probability[kept], n)
        rest = 1 - np.bincount(longer.parent[kept], lower[longer.suffix[kept]], n)
        known = np.bincount(longer.parent[kept], minlength=n)
        weight = np.where(known > 0, np.maximum(left, 1e-12) / np.maximum(rest, 1e-12), 1.0)
        lower = np.where(kept, longer.probability, weight[longer.parent] * lower[longer.suffix])
        children.append(known[level.kept])
        backoffs.append(np.log(weight[level.kept & (known > 0)]))
    codes = np.minimum(np.rint(-np.concatenate(log_probs) / _STEP), _IMPOSSIBLE)
    steps = np.clip(np.rint(np.concatenate(backoffs) / _STEP), -128, 127)
    return BackoffModel(np.concatenate(symbols), np.concatenate(children), codes, steps)
