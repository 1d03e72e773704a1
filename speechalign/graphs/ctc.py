"""Connectionist temporal classification: labels in order, with blanks where nothing is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.errors import InputError
from speechalign.graphs.graph import Graph


def ctc_graph(targets: np.ndarray | Sequence[int], *, blank: int) -> Graph:
    """Build the graph of the CTC alignments of a label sequence, each of them one path.

    Parameters
    ----------
    targets : ndarray, shape (L,), or Sequence[int]
        Labels in order, blanks left out. Of none, the only alignment is blank throughout.
    blank : int
        Emission column of the blank.

    Returns
    -------
    Graph
        State ``2l + 1`` is label l and state ``2l`` the blank before it; the path begins in state
        0 and ends in one of the last two. An arc's position is the state that it enters. All
        weights are 0.

    Raises
    ------
    InputError
        A label is the blank, negative or not an integer.

    Notes
    -----
    Arcs are listed by the state they enter, from left to right, and for each state as *stay*
    (s -> s), *step* (s - 1 -> s), *skip* (s - 2 -> s, from one label to a different one). As the
    arc listed first and the final state of lowest number win among equal scores, the best path
    found is the one that, read backwards, stays in each state as long as it can, and the last frame
    belongs to the last label rather than to the blank after it.

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal
       classification", Proc. ICML, 2006, section 4.1.

    Examples
    --------
    >>> graph = ctc_graph([3, 3, 1], blank=0)
    >>> into_last_label = graph.targets == 5
    >>> graph.sources[into_last_label].tolist(), graph.labels[into_last_label].tolist()
    ([5, 4, 3], [1, 1, 1])
    >>> graph.sources[graph.targets == 3].tolist()
    [3, 2]
    """
    targets = check_targets(targets, blank=blank)
    states = np.arange(2 * len(targets) + 1)
    labels = np.full(len(states), blank, np.int64)
    labels[1::2] = targets
    sources = states[:, None] - np.arange(3)
    allowed = sources >= 0
    allowed[::2, 2] = False
    allowed[3::2, 2] = targets[1:] != targets[:-1]
    entered = np.repeat(states, allowed.sum(axis=1))
    start = np.full(len(states), -np.inf)
    start[0] = 0.0
    final = np.full(len(states), -np.inf)
    final[-2:] = 0.0
    return Graph(
        sources[allowed], entered, labels[entered], np.zeros(len(entered)), entered, start, final
    )


def check_targets(
    targets: np.ndarray | Sequence[int], *, blank: int, name: str = "targets"
) -> np.ndarray:
    """Return labels as (L,) int64; refuse the blank, and anything but a row of integers >= 0."""
    found = np.asarray(targets)
    if found.ndim != 1 or (found.size and not np.issubdtype(found.dtype, np.integer)):
        raise InputError(f"{name}: expected shape (L,), integer; got {found.shape} {found.dtype}")
    if blank < 0:
        raise InputError(f"blank: expected a column >= 0, got {blank}")
    for wrong, reason in ((found == blank, "the blank"), (found < 0, "negative")):
        if wrong.any():
            place = int(np.argmax(wrong))
            raise InputError(
                f"{name}[{place}]: label {found[place]} is {reason}; leave it out of the text"
            )
    return found.astype(np.int64)
