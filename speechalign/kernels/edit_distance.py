"""Edit distance between two sequences of symbols, and which of them stand opposite each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.errors import InputError

_PAIR, _DELETE, _INSERT = 0, 1, 2


@dataclass(frozen=True)
class EditAlignment:
    """The cheapest way to turn one sequence into another.

    Parameters
    ----------
    distance : int
        Insertions, deletions and substitutions.
    pairs : ndarray, shape (K, 2), int64
        Positions of the symbols that stand opposite each other, equal or substituted, ascending
        in both columns. A reference symbol that is in no pair was deleted, a hypothesis symbol
        inserted.
    """

    distance: int
    pairs: np.ndarray


def edit_distance(reference: np.ndarray, hypothesis: np.ndarray) -> EditAlignment:
    """Align two sequences of symbols at the least number of edits.

    Parameters
    ----------
    reference : ndarray, shape (N,), signed integer
        Symbols by number.
    hypothesis : ndarray, shape (M,), signed integer
        Symbols by the same numbers.

    Returns
    -------
    EditAlignment
        Of the alignments with the least distance, one with the most equal pairs. Where several
        are left, the choice is made from the end of both sequences: a pair before a deletion, a
        deletion before an insertion.

    Raises
    ------
    InputError
        An argument is no row of integers.

    Notes
    -----
    ``c[i, j] = min(c[i-1, j-1] + s, c[i-1, j] + w, c[i, j-1] + w)``, with s = -1 for equal symbols
    and w for others, w = min(N, M) + 1, so that no number of equal pairs outweighs an edit. The
    distance is c[N, M] / w, rounded up. O(NM) time, NM bytes.

    References
    ----------
    .. [1] R. A. Wagner and M. J. Fischer, "The string-to-string correction problem",
       J. ACM 21(1), 1974, algorithm X and Y.

    Examples
    --------
    >>> found = edit_distance(np.array([1, 2, 3]), np.array([2, 9, 3, 4]))
    >>> found.distance, found.pairs.tolist()
    (3, [[1, 0], [2, 2]])
    """
    for name, symbols in (("reference", reference), ("hypothesis", hypothesis)):
        if symbols.ndim != 1 or symbols.dtype.kind != "i":
            raise InputError(
                f"{name}: expected shape (N,), signed integer; got {symbols.shape} {symbols.dtype}"
            )
    distance, pairs = edit_pairs(
        *(np.ascontiguousarray(symbols, dtype=np.int64) for symbols in (reference, hypothesis))
    )
    return EditAlignment(int(distance), pairs)


@njit(cache=True, nogil=True)
def edit_pairs(reference: np.ndarray, hypothesis: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the distance and the pairs of `edit_distance`: its compiled part, for other kernels.

    Fill the table row by row, keeping one row of costs and every choice; then walk back.
    """
    n, m = len(reference), len(hypothesis)
    edit = min(n, m) + 1
    choices = np.empty((n + 1, m + 1), dtype=np.int8)
    choices[:, 0] = _DELETE
    choices[0, :] = _INSERT
    costs = np.arange(m + 1) * edit
    for i in range(1, n + 1):
        diagonal = costs[0]
        costs[0] = i * edit
        for j in range(1, m + 1):
            best = diagonal + (-1 if reference[i - 1] == hypothesis[j - 1] else edit)
            choice = _PAIR
            if costs[j] + edit < best:
                best = costs[j] + edit
                choice = _DELETE
            if costs[j - 1] + edit < best:
                best = costs[j - 1] + edit
                choice = _INSERT
            diagonal = costs[j]
            costs[j] = best
            choices[i, j] = choice
    pairs = np.empty((min(n, m), 2), dtype=np.int64)
    i, j, k = n, m, len(pairs)
    while i > 0 or j > 0:
        choice = choices[i, j]
        if choice != _INSERT:
            i -= 1
        if choice != _DELETE:
            j -= 1
        if choice == _PAIR:
            k -= 1
            pairs[k, 0] = i
            pairs[k, 1] = j
    return -(-costs[m] // edit), pairs[k:].copy()
