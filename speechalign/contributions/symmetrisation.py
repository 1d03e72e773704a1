"""One set of links out of two directions."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Literal, get_args

from speechalign.errors import InputError

Pair = tuple[int, int]
Heuristic = Literal["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"]
HEURISTICS: tuple[Heuristic, ...] = get_args(Heuristic)

_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def symmetrise(
    forward: AbstractSet[Pair], backward: AbstractSet[Pair], heuristic: Heuristic
) -> frozenset[Pair]:
    """Combine the links found from source to target and from target to source.

    Parameters
    ----------
    forward, backward : Set[tuple[int, int]]
        Pairs (source, target).
    heuristic : Heuristic
        ``intersection`` has the highest precision, ``union`` the highest recall. ``grow-diag``
        begins with the former and adds links of the latter that touch one already there, at a side
        or a corner, and have a word that has no link yet. ``grow-diag-final`` adds the links of
        either direction that still have such a word, and ``-final-and`` those with two.

    Returns
    -------
    frozenset[tuple[int, int]]
        Pairs (source, target).

    Raises
    ------
    InputError
        There is no such heuristic.

    Notes
    -----
    Growing goes through the links in order of source and target, again and again until nothing
    changes.

    References
    ----------
    .. [1] P. Koehn, F. J. Och and D. Marcu, "Statistical phrase-based translation", NAACL 2003.
    .. [2] P. Koehn et al., "Edinburgh system description for the 2005 IWSLT speech translation
       evaluation", IWSLT 2005 (final-and).

    Examples
    --------
    >>> sorted(symmetrise({(0, 0), (1, 1), (2, 1)}, {(0, 0), (1, 1), (3, 3)}, "grow-diag"))
    [(0, 0), (1, 1), (2, 1)]
    """
    if heuristic not in HEURISTICS:
        raise InputError(f"heuristic: expected one of {', '.join(HEURISTICS)}, got {heuristic!r}")
    either, both = forward | backward, forward & backward
    if heuristic == "union":
        return frozenset(either)
    if heuristic == "intersection":
        return frozenset(both)
    found = _grow(set(both), either)
    if heuristic != "grow-diag":
        enough = 2 if heuristic == "grow-diag-final-and" else 1
        for direction in (forward, backward):
            for link in sorted(direction):
                if _unlinked(link, found) >= enough:
                    found.add(link)
    return frozenset(found)


def _grow(found: set[Pair], either: AbstractSet[Pair]) -> set[Pair]:
    """Add links next to those that are there, until there is none to add."""
    grown = True
    while grown:
        grown = False
        for i, j in sorted(found):
            for di, dj in _NEIGHBOURS:
                link = i + di, j + dj
                if link in either and link not in found and _unlinked(link, found):
                    found.add(link)
                    grown = True
    return found


def _unlinked(link: Pair, found: AbstractSet[Pair]) -> int:
    """Return how many words of a link have none."""
    sources, targets = {i for i, _ in found}, {j for _, j in found}
    return (link[0] not in sources) + (link[1] not in targets)
