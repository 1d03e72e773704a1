"""CTC over words, where text and audio may differ: wildcards, words left out, words said again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speechalign.checks import check_log_probs
from speechalign.errors import InputError
from speechalign.graphs.ctc import check_targets
from speechalign.graphs.graph import Graph

Status = Literal["aligned", "skipped", "repeated", "star"]


@dataclass(frozen=True)
class WordSpan:
    """Times and status of a word, or of a stretch of audio without text.

    Parameters
    ----------
    word : int or None
        Number of the word; None for audio that is not in the text.
    start, end : int or None
        Frames ``[start, end)`` of its labels, the blanks around them excluded; None for a word
        that was not found.
    status : {"aligned", "skipped", "repeated", "star"}
        ``aligned``: the first reading of the word. ``repeated``: a later one. ``skipped``: no
        reading was found. ``star``: the wildcard, in place of the word or between words.
    """

    word: int | None
    start: int | None
    end: int | None
    status: Status


def ctc_word_graph(
    words: Sequence[Sequence[int]],
    *,
    blank: int,
    star: int | None = None,
    star_at: Literal["edges", "gaps"] = "gaps",
    skip_weight: float | Sequence[float] = -math.inf,
    repeat_weight: float = -math.inf,
    max_jump: int = 20,
) -> Graph:
    """Build the CTC graph of a word sequence that a recording follows more or less closely.

    Parameters
    ----------
    words : Sequence[Sequence[int]]
        Labels of each word. ``star`` may be one of them: the word ``[star]`` is a wildcard, for
        a word that cannot be spelled in labels.
    blank : int
        Emission column of the blank.
    star : int or None
        Emission column of the wildcard, as `with_star` appends it; it reads audio that is not
        in the text. None forbids such audio.
    star_at : {"edges", "gaps"}
        Whether such audio may come before and after the text only, or between words too.
    skip_weight : float or Sequence[float]
        Natural-log weight of leaving out a word, of any or of each; -inf where it must be spoken.
        A stretch left out has the sum of its words.
    repeat_weight : float
        Natural-log weight of going back in the text, to read on from there; -inf forbids it.
    max_jump : int
        Words that a jump passes over, forwards or back, at most; the number of arcs grows with it.

    Returns
    -------
    Graph
        Positions ``2i + 1`` inside word i, from its first label to its last, and ``2i`` in the gap
        before it; `word_spans` reads them. They fall where the reader goes back, and only there.

    Raises
    ------
    InputError
        A word has no labels or holds the blank; a weight is positive, or there is not one a word;
        ``star`` is the blank; ``max_jump`` is negative.

    Notes
    -----
    Without the options this is `ctc_graph` of all labels in a row, word by word in positions. The
    rule of CTC holds throughout: equal labels do not follow each other without another column
    between them, so that a path is known from the columns it reads and the positions they belong
    to. A gap is any row of blanks and wildcards, or empty. What is said between two words around
    others that were left out lies in the gap after the first; after the last word, in the last gap.

    A word that is replaced is left out where the wildcard is heard, so substitutions need ``star``
    and ``skip_weight``. Weights are log priors: with -7, one word in a thousand is left out.

    The arcs into a state are listed as: stay, from the gap before, from the word before it, jumps
    forwards, jumps back, the shortest first.

    Examples
    --------
    >>> graph = ctc_word_graph([[1, 2], [3]], blank=0, star=4, skip_weight=-7.0)
    >>> graph.num_states, sorted(set(graph.positions.tolist()))
    (10, [0, 1, 2, 3, 4])
    """
    if star == blank:
        raise InputError(f"star: column {star} is the blank; append one with with_star")
    if star_at not in ("edges", "gaps"):
        raise InputError(f"star_at: expected 'edges' or 'gaps', got {star_at!r}")
    count = len(words)
    jumps = _jumps(skip_weight, repeat_weight, max_jump, count)
    rows = _Rows([], [], [])
    gaps: list[range] = []
    spoken: list[range] = []
    for i in range(count + 1):
        starred = star is not None and (star_at == "gaps" or i in (0, count))
        gaps.append(rows.append([blank, star] if star is not None and starred else [blank], 2 * i))
        if i < count:
            word = check_targets(words[i], blank=blank, name=f"words[{i}]").tolist()
            if not word:
                raise InputError(f"words[{i}]: expected at least one label; [star] for any sound")
            columns = [blank] * (2 * len(word) - 1)
            columns[::2] = word
            spoken.append(rows.append(columns, 2 * i + 1))

    def ends(gap: int) -> list[int]:
        """Return the last state of the word before a gap, if there is one."""
        return [spoken[gap - 1][-1]] if gap else []

    for i in range(count + 1):
        for state in gaps[i]:
            rows.stay(state)
            rows.enter(state, [*gaps[i], *ends(i)])
            if i == count:
                for left, weight in jumps.into(count):
                    rows.enter(state, ends(left), weight)
        if i < count:
            first = spoken[i][0]
            rows.stay(first)
            rows.enter(first, [*gaps[i], *ends(i)])
            for left, weight in jumps.into(i):
                rows.enter(first, [*gaps[left], *ends(left)], weight)
            for state in spoken[i][1:]:
                rows.stay(state)
                rows.enter(state, range(state - 1, max(first, state - 2) - 1, -1))
    start = np.full(len(rows.labels), -np.inf)
    start[0] = 0.0
    final = np.full(len(rows.labels), -np.inf)
    final[[*gaps[count], *ends(count)]] = 0.0
    for left, weight in jumps.into(count):
        final[ends(left) or [*gaps[0]]] = weight
    return rows.graph(start, final)


def word_spans(graph: Graph, arcs: np.ndarray, *, star: int | None = None) -> list[WordSpan]:
    """Return the times and status of each word on a path, and of audio without text.

    Parameters
    ----------
    graph : Graph
        What `ctc_word_graph` returned.
    arcs : ndarray, shape (T,), int64
        Arc taken at each frame.
    star : int or None
        The same as in `ctc_word_graph`.

    Returns
    -------
    list[WordSpan]
        In the order of the audio; a word that was left out stands where the path passes over it.
        Every word occurs exactly once as ``aligned``, ``skipped`` or a wildcard, and any number of
        times as ``repeated``. Blanks between two wildcards in a gap belong to their span.

    Examples
    --------
    >>> from speechalign.kernels.lattice import viterbi
    >>> graph = ctc_word_graph([[1], [2]], blank=0, star=3, skip_weight=-3.0)
    >>> log_probs = np.log(np.full((3, 4), 0.01) + 0.96 * np.eye(4)[[0, 3, 2]])
    >>> for span in word_spans(graph, viterbi(log_probs, graph).arcs, star=3):
    ...     print(span.word, span.start, span.end, span.status)
    None 1 2 star
    0 None None skipped
    1 2 3 aligned
    """
    visits = list(_visits(graph, arcs))
    found = {position // 2 for _, _, position in visits if position % 2}
    seen: set[int] = set()
    passed = 0
    spans: list[WordSpan] = []

    def pass_over(word: int) -> None:
        """Add the words before this one that the path has not come by and will not come by."""
        nonlocal passed
        missing = (i for i in range(passed, word) if i not in found)
        spans.extend(WordSpan(i, None, None, "skipped") for i in missing)
        passed = max(passed, word)

    for start, end, position in visits:
        starred = np.flatnonzero(graph.labels[arcs[start:end]] == star)
        word = position // 2
        if position % 2 == 0:
            if starred.size:
                spans.append(
                    WordSpan(None, start + int(starred[0]), start + int(starred[-1]) + 1, "star")
                )
            continue
        pass_over(word)
        if word in seen:
            status: Status = "repeated"
        else:
            status = "star" if starred.size == end - start else "aligned"
        seen.add(word)
        spans.append(WordSpan(word, start, end, status))
    pass_over(int(graph.positions.max()) // 2)
    return spans


def with_star(log_probs: np.ndarray, *, blank: int, weight: float = 0.0) -> np.ndarray:
    """Append the column of a wildcard to an emission.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    blank : int
        Emission column of the blank.
    weight : float
        Natural log, added to each frame of the wildcard: below 0 it gives way to the text sooner.

    Returns
    -------
    ndarray, shape (T, V + 1), of the same dtype
        The wildcard is column V.

    Raises
    ------
    InputError
        ``log_probs`` has the wrong shape or dtype, holds NaN, or has no column beside the blank.

    Notes
    -----
    star[t] = weight + log( sum over v != blank of exp(log_probs[t, v]) / (V - 1) ),  the mean
    probability of the labels: what a label drawn at random would have [1]_. A label that is heard
    beats it by up to log(V - 1) a frame and one that is not loses to it, so that no penalty has to
    be tuned; in silence it loses to the blank. Other tools take the highest probability of a label
    (WhisperX), which no label of the text can beat, or 1 (MMS), which nothing can: with those, the
    text has to be penalised for being left out.

    References
    ----------
    .. [1] D. Gao, H. Xu, D. Raj, L. P. Garcia Perera, D. Povey and S. Khudanpur, "Learning from
       flawed data: weakly supervised automatic speech recognition", Proc. ASRU, 2023.

    Examples
    --------
    >>> np.exp(with_star(np.log([[0.4, 0.5, 0.1]]), blank=0)).round(3).tolist()
    [[0.4, 0.5, 0.1, 0.3]]
    """
    check_log_probs(log_probs)
    columns = log_probs.shape[1]
    if not 0 <= blank < columns or columns < 2:
        raise InputError(
            f"log_probs: expected a label beside the blank {blank}, got {columns} columns"
        )
    spoken = np.delete(log_probs, blank, axis=1).astype(np.float64)
    mean = np.logaddexp.reduce(spoken, axis=1) - math.log(columns - 1) + weight
    return np.column_stack([log_probs, mean.astype(log_probs.dtype)])


@dataclass(frozen=True)
class _Rows:
    """States and arcs as they are added; an arc reads what the state that it enters stands for."""

    labels: list[int]
    positions: list[int]
    arcs: list[tuple[int, int, float]]

    def append(self, labels: Sequence[int], position: int) -> range:
        """Add states, one for each label; return their numbers."""
        self.labels.extend(labels)
        self.positions.extend([position] * len(labels))
        return range(len(self.labels) - len(labels), len(self.labels))

    def stay(self, state: int) -> None:
        """Add the arc that reads a state's label again."""
        self.arcs.append((state, state, 0.0))

    def enter(self, state: int, sources: Iterable[int], weight: float = 0.0) -> None:
        """Add arcs into a state from those of other labels."""
        label = self.labels[state]
        self.arcs.extend((s, state, weight) for s in sources if self.labels[s] != label)

    def graph(self, start: np.ndarray, final: np.ndarray) -> Graph:
        """Return the graph with these weights of beginning and ending."""
        sources, targets, weights = zip(*self.arcs)
        entered = np.array(targets, np.int64)
        return Graph(
            np.array(sources, np.int64),
            entered,
            np.array(self.labels, np.int64)[entered],
            np.array(weights, np.float64),
            np.array(self.positions, np.int64)[entered],
            start,
            final,
        )


@dataclass(frozen=True)
class _Jumps:
    """Jumps between words out of order, with their weights."""

    skip_weights: Sequence[float]
    repeat_weight: float
    max_jump: int

    def into(self, word: int) -> Iterator[tuple[int, float]]:
        """Yield the gaps from which a word is entered by a jump, and the weight of that."""
        count = len(self.skip_weights)
        weight = 0.0
        for gap in range(word - 1, max(-1, word - 1 - self.max_jump), -1):
            weight += self.skip_weights[gap]
            if weight == -math.inf:
                break
            yield gap, weight
        if word < count and self.repeat_weight > -math.inf:
            for gap in range(word + 1, min(count, word + self.max_jump) + 1):
                yield gap, self.repeat_weight


def _jumps(
    skip_weight: float | Sequence[float], repeat_weight: float, max_jump: int, count: int
) -> _Jumps:
    """Check the weights of jumps among so many words."""
    given = np.asarray(skip_weight, np.float64)
    skips = np.full(count, given).tolist() if given.ndim == 0 else given.tolist()
    if len(skips) != count:
        raise InputError(f"skip_weight: expected one for each of {count} words, got {len(skips)}")
    for name, weight in [("repeat_weight", repeat_weight), *(("skip_weight", w) for w in skips)]:
        if not weight <= 0:
            raise InputError(f"{name}: expected the log of a probability, at most 0, got {weight}")
    if max_jump < 0:
        raise InputError(f"max_jump: expected a number of words >= 0, got {max_jump}")
    return _Jumps(skips, repeat_weight, max_jump)


def _visits(graph: Graph, arcs: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, position) of each reading of a word and of each gap on a path."""
    positions = graph.positions[arcs]
    back = (graph.sources[arcs] > graph.targets[arcs]) & (positions % 2 == 1)
    begins = np.flatnonzero((np.diff(positions, prepend=-1) != 0) | back).tolist()
    for start, end in zip(begins, [*begins[1:], len(arcs)]):
        yield start, end, int(positions[start])
