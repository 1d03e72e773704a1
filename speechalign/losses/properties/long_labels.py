"""Long labels: let a label last where the model falls back to the blank."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import collapse
from speechalign.losses.properties import Context


def long_labels(
    paths: np.ndarray, lengths: np.ndarray, context: Context, *, longest: int = 4
) -> np.ndarray:
    """Turn a blank beside a label into that label.

    A CTC model says most labels in one frame, so that nothing tells where they begin and end. This
    asks for labels that last, for the sake of alignments.

    Parameters
    ----------
    paths : ndarray, shape (P, T), int64
        One label a frame.
    lengths : ndarray, shape (P,), int64
        Frames of each path.
    context : Context
        Its ``blank`` and ``generator`` are read.
    longest : int
        Frames beyond which a label is not made longer; at least 2. Without this, labels would
        grow over the pauses.

    Returns
    -------
    ndarray, shape (P, T), int64
        The edited paths. They collapse to what they did; one label lasts a frame longer, no other
        label changes.

    Raises
    ------
    InputError
        ``longest`` is less than 2.

    Notes
    -----
    One blank frame is chosen, each as likely, of those that follow or precede a run of fewer than
    ``longest`` frames of a label, unless the label is on both of its sides: the two would merge.
    A blank between two labels counts once for each that it can turn into.

    Examples
    --------
    >>> context = Context(0, np.random.default_rng(1), np.array([0]))
    >>> long_labels(np.array([[0, 3, 0, 3, 0, 0]]), np.array([6]), context)
    array([[0, 3, 0, 3, 3, 0]])
    """
    if longest < 2:
        raise InputError(f"longest: expected at least 2 frames, got {longest}")
    improved = paths.copy()
    _extend(improved, lengths, context.blank, longest, context.generator.random(len(paths)))
    return improved


@njit(cache=True, nogil=True)
def _extend(
    paths: np.ndarray, lengths: np.ndarray, blank: int, longest: int, uniforms: np.ndarray
) -> None:
    """Make one label of each path a frame longer, where there is one that can be."""
    frames = paths.shape[1]
    labels, starts, ends = np.empty((3, frames), dtype=np.int64)
    choices = np.empty((2 * frames, 2), dtype=np.int64)  # A frame, and the label it may become.
    for p in range(len(paths)):
        path = paths[p, : lengths[p]]
        count = collapse(path, blank, labels, starts, ends)
        found = 0
        for k in range(count):
            if ends[k] - starts[k] < longest:
                for t, beyond in ((starts[k] - 1, starts[k] - 2), (ends[k], ends[k] + 1)):
                    free = 0 <= t < len(path) and path[t] == blank
                    if free and not (0 <= beyond < len(path) and path[beyond] == labels[k]):
                        choices[found] = t, labels[k]
                        found += 1
        if found > 0:
            t, label = choices[int(uniforms[p] * found)]
            path[t] = label
