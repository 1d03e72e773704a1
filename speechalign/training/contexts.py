"""Context-dependent states: a decision tree grown where frames differ with the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import AlignmentError
from speechalign.kernels import viterbi
from speechalign.kernels.gaussian_mixture import DIMS, STATES
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.models.hmm_gmm.state_tree import LEFT, RIGHT, StateTree
from speechalign.training.material import Material, Spoken, in_order

# A leaf has at least so many frames.
_LEAST_FRAMES = 200.0
_VALUES = 3 * DIMS

_Context = tuple[int, int, int]  # phone, left and right neighbour; P for none


@dataclass(frozen=True)
class ContextStatistics:
    """Frames of phones by their neighbours.

    Parameters
    ----------
    contexts : ndarray, shape (N, 3), int64
        Phone, left neighbour, right neighbour; P for the edge of the word.
    sums : ndarray, shape (N, 3, 79), float64
        For each of its states the number of frames, their sum, and the sum of their squares.
    """

    contexts: np.ndarray
    sums: np.ndarray


def collect(
    model: HmmGmm, material: Material, chosen: Sequence[Spoken], *, jobs: int
) -> ContextStatistics:
    """Add up the frames of each state in each context, along the best paths.

    Parameters
    ----------
    model : HmmGmm
        Has no tree.
    material : Material
        Where the features are.
    chosen : Sequence[Spoken]
        The utterances; those that the model cannot explain are passed over.
    jobs : int
        Threads; no bit of the result depends on it.
    """
    states = np.arange(model.mixtures.num_states)
    number = {phone: p for p, phone in enumerate(model.phones)}
    edge = len(model.phones)

    def sums(chunk: Sequence[Spoken]) -> dict[_Context, np.ndarray]:
        found: dict[_Context, np.ndarray] = {}
        for utterance in chunk:
            features = feature_streams(material.cepstra(utterance))
            graph = model.graph(utterance.words)
            try:
                arcs = viterbi(model.mixtures.log_likelihoods(features, states), graph).arcs
            except AlignmentError:
                continue
            frames = features.reshape(_VALUES, -1).T.astype(np.float64)
            rows = np.hstack([np.ones((len(frames), 1)), frames, frames**2])
            spans = model.spans(graph, arcs)
            for i, span in enumerate(spans):
                left, right = (
                    number[spans[j].phone]
                    if 0 <= j < len(spans) and spans[j].position == span.position
                    else edge
                    for j in (i - 1, i + 1)
                )
                context = number[span.phone], left, right
                own = found.setdefault(context, np.zeros((STATES, 1 + 2 * _VALUES)))
                part = slice(span.begin, span.end)
                np.add.at(own, graph.labels[arcs[part]] % STATES, rows[part])
        return found

    total: dict[_Context, np.ndarray] = {}
    for part in in_order(sums, material.chunks(chosen), jobs):
        for context, own in part.items():
            total[context] = total[context] + own if context in total else own
    contexts = sorted(total)
    return ContextStatistics(
        np.array(contexts, np.int64).reshape(-1, 3), np.array([total[c] for c in contexts])
    )


def likelihood(sums: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of frames under the Gaussian that fits them best.

    Parameters
    ----------
    sums : ndarray, shape (..., 79)
        As `ContextStatistics` has them.
    floor : ndarray, shape (39,)
        No variance is below it.
    """
    frames = sums[..., :1]
    safe = np.maximum(frames, 1.0)
    mean, square = sums[..., 1 : 1 + _VALUES] / safe, sums[..., 1 + _VALUES :] / safe
    variances = np.maximum(square - mean**2, floor)
    terms = np.log(2 * np.pi * variances) + np.minimum((square - mean**2) / variances, 1.0)
    found: np.ndarray = -0.5 * frames[..., 0] * terms.sum(axis=-1)
    return found


def questions_of(statistics: ContextStatistics, phones: int, floor: np.ndarray) -> np.ndarray:
    """Make sets of phones that sound alike, for a tree to ask about.

    Parameters
    ----------
    statistics : ContextStatistics
        Of the corpus.
    phones : int
        How many there are, P.
    floor : ndarray, shape (39,)
        As `likelihood` has it.

    Returns
    -------
    ndarray, shape (Q, P + 1), bool
        Each phone that was heard, the edge of a word, and every set that comes of joining the two
        sets whose middle states lose the least likelihood by sharing a Gaussian, until two are
        left.
    """
    middle = np.zeros((phones, 1 + 2 * _VALUES))
    np.add.at(middle, statistics.contexts[:, 0], statistics.sums[:, 1])
    heard = np.flatnonzero(middle[:, 0] > 0)
    sets = [frozenset([int(p)]) for p in heard]
    asked = [*sets, frozenset([phones])]
    pooled = [middle[p] for p in heard]
    while len(sets) > 2:
        joined = np.array(pooled)
        own = likelihood(joined, floor)
        first, second = np.triu_indices(len(sets), 1)
        loss = own[first] + own[second] - likelihood(joined[first] + joined[second], floor)
        best = int(loss.argmin())
        i, j = int(first[best]), int(second[best])
        sets.append(sets[i] | sets[j])
        pooled.append(pooled[i] + pooled[j])
        asked.append(sets[-1])
        for k in (j, i):
            del sets[k], pooled[k]
    found = np.zeros((len(asked), phones + 1), np.bool_)
    for row, members in zip(found, asked):
        row[list(members)] = True
    return found


def grow(
    statistics: ContextStatistics, phones: int, *, whole: Sequence[int], variance: np.ndarray
) -> tuple[StateTree, np.ndarray]:
    """Grow the tree of every state of every phone.

    Parameters
    ----------
    statistics : ContextStatistics
        Of the corpus.
    phones : int
        How many there are, P.
    whole : Sequence[int]
        Phones that are not split: silence and noise.
    variance : ndarray, shape (3, 13)
        Of all speech; a hundredth of it is the least variance.

    Returns
    -------
    tree : StateTree
        With V leaves.
    sums : ndarray, shape (V, 79), float64
        The frames of each leaf, as `ContextStatistics` has them.

    Notes
    -----
    A node asks the question about one of the neighbours that gains the most likelihood, one
    Gaussian for each answer instead of one for both, as long as both have 200 frames and the gain
    is more than the description of another Gaussian costs, 39 log N for N frames in all [2]_.

    References
    ----------
    .. [1] S. J. Young, J. J. Odell and P. C. Woodland, "Tree-based state tying for high accuracy
       acoustic modelling", Proc. ARPA Human Language Technology Workshop, 1994.
    .. [2] K. Shinoda and T. Watanabe, "MDL-based context-dependent subword modeling for speech
       recognition", J. Acoust. Soc. Jpn. (E) 21(2), 2000.
    """
    floor = 0.01 * variance.reshape(-1)
    questions = questions_of(statistics, phones, floor)
    least_gain = _VALUES * np.log(max(statistics.sums[..., 0].sum(), 2.0))
    nodes: list[list[int]] = []
    leaves: list[np.ndarray] = []
    roots = np.zeros((phones, STATES), np.int64)

    def add(own: np.ndarray, sums: np.ndarray, split: bool) -> int:
        """Append the node of some contexts (n, 3) with sums (n, 79), and those below it."""
        number = len(nodes)
        nodes.append([])
        best = _best_question(own, sums, questions, floor) if split and len(own) > 1 else None
        if best is None or best[0] <= least_gain:
            nodes[number] = [len(leaves), -1, -1, -1]
            leaves.append(sums.sum(axis=0))
            return number
        _, side, question = best
        yes = questions[question, own[:, 1 + side]]
        nodes[number] = [
            side, question, add(own[yes], sums[yes], True), add(own[~yes], sums[~yes], True)
        ]  # fmt: skip
        return number

    for phone in range(phones):
        own = statistics.contexts[:, 0] == phone
        for state in range(STATES):
            sums = statistics.sums[own, state]
            roots[phone, state] = add(statistics.contexts[own], sums, phone not in whole)
    return StateTree(questions, roots, np.array(nodes, np.int64)), np.array(leaves)


def _best_question(
    contexts: np.ndarray, sums: np.ndarray, questions: np.ndarray, floor: np.ndarray
) -> tuple[float, int, int] | None:
    """Return gain, side and number of the best question; None if none has frames enough."""
    total = sums.sum(axis=0)
    best: tuple[float, int, int] | None = None
    for side in (LEFT, RIGHT):
        # Contexts with the same neighbour get the same answers.
        by_neighbour = np.zeros((questions.shape[1], sums.shape[1]))
        np.add.at(by_neighbour, contexts[:, 1 + side], sums)
        yes = np.array([by_neighbour[members].sum(axis=0) for members in questions])
        no = total - yes
        enough = (yes[:, 0] >= _LEAST_FRAMES) & (no[:, 0] >= _LEAST_FRAMES)
        if not enough.any():
            continue
        gains = likelihood(yes, floor) + likelihood(no, floor) - likelihood(total, floor)
        gains = np.where(enough, gains, -np.inf)
        question = int(gains.argmax())
        if best is None or gains[question] > best[0]:
            best = float(gains[question]), side, question
    return best


def in_context(model: HmmGmm, tree: StateTree, sums: np.ndarray, variance: np.ndarray) -> HmmGmm:
    """Return a model whose states are the leaves of a tree, with one Gaussian each.

    Parameters
    ----------
    model : HmmGmm
        Without a tree.
    tree, sums : StateTree, ndarray
        What `grow` returned.
    variance : ndarray, shape (3, 13)
        Of all speech: what a leaf without frames has, and the floor as for `grow`.
    """
    frames = sums[:, :1]
    safe = np.maximum(frames, 1.0)
    means = sums[:, 1 : 1 + _VALUES] / safe
    spread = sums[:, 1 + _VALUES :] / safe - means**2
    whole = variance.reshape(-1)
    variances = np.where(frames > 1, np.maximum(spread, 0.01 * whole), whole)
    # A leaf without frames keeps the heaviest Gaussian that its phone had.
    heaviest = model.mixtures.weights[:, 0, :, 0].argmax(axis=1)
    before = model.mixtures.means[np.arange(len(heaviest)), :, heaviest].reshape(-1, _VALUES)
    means = np.where(frames > 0, means, before[tree.home])
    shape = (tree.num_leaves, 3, 1, DIMS)
    mixtures = Mixtures(
        means.reshape(shape).astype(np.float32),
        variances.reshape(shape).astype(np.float32),
        np.ones((tree.num_leaves, 1, 1, 1), np.float32),
        model.mixtures.stream_weights,
    )
    return model.estimated(mixtures=mixtures, tree=tree)
