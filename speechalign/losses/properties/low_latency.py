"""Low latency: say the rest of the sentence a frame earlier."""

from __future__ import annotations

import numpy as np
from numba import njit

import speechalign.kernels  # noqa: F401 (chooses numba's cache folder where none is writable)
from speechalign.errors import InputError
from speechalign.losses.properties import Context


def low_latency(
    paths: np.ndarray,
    lengths: np.ndarray,
    context: Context,
    *,
    shifts: int = 1,
    earliest: bool = False,
) -> np.ndarray:
    """Leave out a frame that says nothing new, so that all later labels come a frame earlier.

    Parameters
    ----------
    paths : ndarray, shape (P, T), int64
        One label a frame.
    lengths : ndarray, shape (P,), int64
        Frames of each path.
    context : Context
        Its ``blank`` and ``generator`` are read.
    shifts : int
        How many frames are left out, one after the other, as long as there are any; at least 1.
    earliest : bool
        Leave out the first frame that can be, so that all labels after it come earlier alike;
        default: a random one, so that later labels are shifted more often.

    Returns
    -------
    ndarray, shape (P, T), int64
        The edited paths. They collapse to what they did, no label starts later, and in an edited
        path at least one starts earlier.

    Raises
    ------
    InputError
        ``shifts`` is less than 1.

    Notes
    -----
    Frame j can be left out if it repeats frame j - 1, blank or not, or if it is frame 0 and blank.
    One such frame is chosen, each as likely, or the first; the frames after it move to the left,
    and a blank takes the place of the last. The released code of [1]_ chooses among frames up to
    the end of the padding, never the last of them, and fails where there is only one. Here the
    frames end where the utterance does. Those after the start of the last label are not chosen,
    since no label would come earlier.

    References
    ----------
    .. [1] E. Segev et al., "Align With Purpose: Optimize Desired Properties in CTC Models with a
       General Plug-and-Play Framework", ICLR 2024.

    Examples
    --------
    >>> context = Context(0, np.random.default_rng(1), np.array([0]))
    >>> low_latency(np.array([[3, 3, 4, 0, 0]]), np.array([5]), context)
    array([[3, 4, 0, 0, 0]])
    """
    if shifts < 1:
        raise InputError(f"shifts: expected at least 1, got {shifts}")
    improved = paths.copy()
    uniforms = context.generator.random((len(paths), shifts))
    if earliest:
        uniforms[:] = 0
    _shift(improved, lengths, context.blank, uniforms)
    return improved


@njit(cache=True, nogil=True)
def _shift(paths: np.ndarray, lengths: np.ndarray, blank: int, uniforms: np.ndarray) -> None:
    """Leave out as many frames of each path as it has random numbers."""
    for p in range(len(paths)):
        path = paths[p, : lengths[p]]
        for uniform in uniforms[p]:
            found = chosen_from = 0  # Repeats, and those of them before the last label starts.
            before = blank
            for t in range(len(path)):
                if path[t] == before:
                    found += 1
                elif path[t] != blank:
                    chosen_from = found
                before = path[t]
            if chosen_from == 0:
                break
            wanted = int(uniform * chosen_from)
            before = blank
            t = 0
            while True:
                if path[t] == before:
                    if wanted == 0:
                        break
                    wanted -= 1
                before = path[t]
                t += 1
            for later in range(t + 1, len(path)):
                path[later - 1] = path[later]
            path[-1] = blank
