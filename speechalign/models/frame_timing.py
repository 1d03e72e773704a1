"""Infer a network's frame stride and offset from its output lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from speechalign.errors import InputError
from speechalign.frames import FrameGrid

_FIRST = 4  # frames, so that what is special about very short recordings does not matter
_LONGEST = 2**19


def convolution_grid(
    layers: Sequence[tuple[int, int]], *, sample_rate: int, padding: Sequence[int] | None = None
) -> FrameGrid:
    """Return the frame grid of a stack of convolutions over samples.

    Parameters
    ----------
    layers : Sequence[tuple[int, int]]
        Kernel and stride of each, the first one first.
    sample_rate : int
        Hz.
    padding : Sequence[int] or None
        Zeros that each puts on either side; None for none.

    Returns
    -------
    FrameGrid
        Frames as long as the stride, whose middles are those of the receptive fields.

    Notes
    -----
    With stride S = prod s_i and receptive field R = 1 + sum (k_i - 1) s_1 ... s_{i-1}, frame t
    hears samples ``[t S - P, t S - P + R)``, where P = sum p_i s_1 ... s_{i-1}; the middle of its
    cell is the middle of these, to half a sample: offset = (R - S) // 2 - P.

    Examples
    --------
    >>> wav2vec2 = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]
    >>> convolution_grid(wav2vec2, sample_rate=16000)
    FrameGrid(sample_rate=16000, stride=320, offset=40)
    """
    stride, field, padded = 1, 1, 0
    for number, (kernel, step) in enumerate(layers):
        field += (kernel - 1) * stride
        padded += (padding[number] if padding else 0) * stride
        stride *= step
    return FrameGrid(sample_rate, stride, (field - stride) // 2 - padded)


def measured_grid(count: Callable[[int], int], *, sample_rate: int) -> FrameGrid:
    """Find the frame grid of any network with equal padding on both sides, by trial.

    Parameters
    ----------
    count : callable
        Tells how many frames the network makes of so many samples; 0 for too few.
    sample_rate : int
        Hz.

    Returns
    -------
    FrameGrid
        Frames whose middles are those of the receptive fields.

    Raises
    ------
    InputError
        Frames are not evenly spaced, or there are hardly any.

    Notes
    -----
    A stack of windows and convolutions makes frame t as soon as there are t S + R' samples, where
    R' is the receptive field R without the padding P on either side. The field begins at t S - P,
    so that its middle is at t S + R' / 2 whatever P is. S and R' follow from the least numbers of
    samples that make 5, 6 and 7 frames, each found by bisection.

    Examples
    --------
    >>> measured_grid(lambda samples: max(0, (samples - 400) // 320 + 1), sample_rate=16000)
    FrameGrid(sample_rate=16000, stride=320, offset=40)
    """
    least = [_least_samples(count, frames) for frames in range(_FIRST + 1, _FIRST + 4)]
    stride = least[1] - least[0]
    if stride < 1 or least[2] - least[1] != stride:
        raise InputError(
            f"frames: expected a new frame every so many samples, got one after {least[0]}, "
            f"{least[1]} and {least[2]}; the model's times cannot be told"
        )
    return FrameGrid(sample_rate, stride, (least[0] - _FIRST * stride - stride) // 2)


def _least_samples(count: Callable[[int], int], frames: int) -> int:
    """Return the least number of samples that makes so many frames."""
    low, high = 0, 2048
    while count(high) < frames:
        low, high = high, 2 * high
        if high > _LONGEST:
            raise InputError(
                f"frames: expected {frames} of {_LONGEST} samples, got fewer; is it a CTC model?"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= frames else (middle, high)
    return high
