"""Targets of a network of attributes: the articulations that each frame may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from speechalign.errors import InputError
from speechalign.text.articulation import ATTRIBUTES, COLUMNS, SILENCE, Target, articulation

GROUPS = tuple(len(values) for values in ATTRIBUTES.values())
"""Sizes of the groups of columns, as `speechalign.training.phone_net.FitOptions` has them."""

ANYTHING = np.uint64((1 << len(COLUMNS)) - 1)
"""Bits of a frame that may have any articulation."""


def target_bits(target: Target) -> np.uint64:
    """Return the columns that a target allows, as bits."""
    bits = 0
    for number, (attribute, value) in enumerate(COLUMNS):
        if value in target[attribute]:
            bits |= 1 << number
    return np.uint64(bits)


def phone_bits(
    phone: str,
    *,
    silences: Sequence[str],
    noises: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> tuple[np.uint64, ...]:
    """Return the columns of each target of a phone.

    Parameters
    ----------
    phone : str
        A phone of IPA, or of a phone set that ``names`` translates.
    silences : Sequence[str]
        Phones that are pauses.
    noises : Sequence[str]
        Phones that may have any articulation.
    names : Mapping[str, str] or None
        IPA of the phones that have other names.

    Returns
    -------
    tuple of uint64
        One to three in order of time; (ANYTHING,) for noises and what is not IPA.
    """
    if phone in silences:
        return (target_bits(SILENCE.targets[0]),)
    if phone in noises:
        return (ANYTHING,)
    try:
        found = articulation((names or {}).get(phone, phone))
    except InputError:
        return (ANYTHING,)
    return tuple(target_bits(target) for target in found.targets)


def articulated(labels: np.ndarray, bits: Sequence[Sequence[np.uint64]]) -> np.ndarray:
    """Return the columns of each frame.

    Parameters
    ----------
    labels : ndarray, shape (T,), int
        Number of the phone of each frame.
    bits : Sequence of sequences of uint64
        Of each phone, as `phone_bits` returns them.

    Returns
    -------
    ndarray, shape (T,), uint64
        The targets of a phone share its frames equally.
    """
    rows = np.empty(len(labels), np.uint64)
    edges = np.flatnonzero(np.diff(labels)) + 1
    for start, end in zip([0, *edges], [*edges, len(labels)]):
        targets = bits[labels[start]]
        cuts = [start + (end - start) * n // len(targets) for n in range(len(targets) + 1)]
        for target, first, last in zip(targets, cuts, cuts[1:]):
            rows[first:last] = target
    return rows
