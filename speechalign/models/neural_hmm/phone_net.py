"""The network of a neural HMM in use: posteriors of phones, without torch, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechalign.errors import InputError
from speechalign.kernels.residual_net import add_affine, depthwise, gelu, layer_norm
from speechalign.models.neural_hmm.config import FRONT, NetConfig

NORM_FLOOR = 1e-5
_BLOCK = 512  # frames that go through all layers at once; they fit into the cache


class PhoneNet:
    """A convolutional network over mel bands, and over an encoder's states where it has one.

    A convolution of 5 frames leads to the channels, to which the encoder's states are added after a
    layer norm and a linear map. Each residual block is a depthwise convolution over time, a layer
    norm, and two linear maps with a GELU between. A layer norm and a linear map give the phones.
    `TorchPhoneNet` is the same network for training.

    Parameters
    ----------
    config : NetConfig
        Sizes.
    weights : Mapping[str, ndarray]
        Name to values, floating, as the ``state_dict`` of `TorchPhoneNet` has them.

    Raises
    ------
    InputError
        Weights are missing, too many, not finite, or of other shapes than the sizes say.
    """

    def __init__(self, config: NetConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.phones = len(weights["output.bias"]) if "output.bias" in weights else 0
        expected = shapes(config, self.phones)
        found = {name: values.shape for name, values in weights.items()}
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise InputError(
                    f"{name}: expected {_told(expected.get(name))}, got {_told(found.get(name))}"
                )
            if not np.isfinite(weights[name]).all():
                raise InputError(f"{name}: expected finite weights")
        self.weights = {
            name: np.ascontiguousarray(values, np.float32) for name, values in weights.items()
        }
        # Layers as the kernels take them: input by output.
        self._front = _turned(
            self.weights["front.weight"].transpose(0, 2, 1).reshape(config.channels, -1)
        )
        self._maps = {
            name: _turned(values)
            for name, values in self.weights.items()
            if name.endswith("weight") and values.ndim == 2
        }
        self._taps = [
            _turned(self.weights[f"blocks.{i}.over_time.weight"][:, 0])
            for i in range(len(config.dilations))
        ]

    def log_posteriors(
        self, mels: np.ndarray, states: np.ndarray | None = None, cells: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the natural-log posterior of each phone on each frame.

        Parameters
        ----------
        mels : ndarray, shape (T, bands), float32
            What `log_mel` returns.
        states : ndarray, shape (F, encoder_width), float32, or None
            What the encoder makes of the same recording; F is at least 1.
        cells : ndarray, shape (T,), int64, or None
            Which of the states belongs to each frame.

        Returns
        -------
        ndarray, shape (T, P), float32
            Each row sums to one after ``exp``. It does not depend on how long the recording is
            beyond the network's reach, to rounding.
        """
        frames = len(mels)
        heard = None if states is None else self._encoded(states)
        found = np.empty((frames, self.phones), np.float32)
        side, reach = FRONT // 2, self.config.reach
        for first in range(0, frames, _BLOCK):
            last = min(first + _BLOCK, frames)
            low, high = max(0, first - reach), min(frames, last + reach)
            rows = np.pad(
                mels[max(0, low - side) : high + side],
                ((max(0, side - low), max(0, high + side - frames)), (0, 0)),
            )
            windows = np.lib.stride_tricks.sliding_window_view(rows, FRONT, axis=0)
            unrolled = windows.transpose(0, 2, 1).reshape(high - low, -1)
            x = np.zeros((high - low, self.config.channels), np.float32)
            if heard is not None and cells is not None:
                x[:] = heard[cells[low:high]]
            add_affine(np.ascontiguousarray(unrolled), self._front, self.weights["front.bias"], x)
            found[first:last] = self._scored(x)[first - low : last - low]
        return found

    def _encoded(self, states: np.ndarray) -> np.ndarray:
        """Map the states of the encoder to the channels."""
        out = np.zeros((len(states), self.config.channels), np.float32)
        for first in range(0, len(states), _BLOCK):
            rows = states[first : first + _BLOCK].astype(np.float32)  # a copy
            self._norm("encoder_norm", rows)
            self._add("encoder", rows, out[first : first + _BLOCK])
        return out

    def _scored(self, x: np.ndarray) -> np.ndarray:
        """Turn (T, C) channels into (T, P) log posteriors; x is changed."""
        gelu(x)
        for i, dilation in enumerate(self.config.dilations):
            name = f"blocks.{i}"
            y = depthwise(x, self._taps[i], self.weights[f"{name}.over_time.bias"], dilation)
            self._norm(f"{name}.norm", y)
            wide = np.zeros((len(y), self.config.hidden), np.float32)
            self._add(f"{name}.widen", y, wide)
            gelu(wide)
            self._add(f"{name}.narrow", wide, x)
        self._norm("norm", x)
        scores = np.zeros((len(x), self.phones), np.float32)
        self._add("output", x, scores)
        scores -= scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores

    def _norm(self, name: str, x: np.ndarray) -> None:
        layer_norm(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], NORM_FLOOR)

    def _add(self, name: str, x: np.ndarray, out: np.ndarray) -> None:
        add_affine(x, self._maps[f"{name}.weight"], self.weights[f"{name}.bias"], out)


def shapes(config: NetConfig, phones: int) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each weight of a network of so many phones."""
    channels, hidden = config.channels, config.hidden
    found: dict[str, tuple[int, ...]] = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        found.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

    def norm(name: str, width: int) -> None:
        found.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    found["front.weight"] = (channels, config.bands, FRONT)
    found["front.bias"] = (channels,)
    if config.encoder_width:
        norm("encoder_norm", config.encoder_width)
        linear("encoder", config.encoder_width, channels)
    for i in range(len(config.dilations)):
        found[f"blocks.{i}.over_time.weight"] = (channels, 1, config.kernel)
        found[f"blocks.{i}.over_time.bias"] = (channels,)
        norm(f"blocks.{i}.norm", channels)
        linear(f"blocks.{i}.widen", channels, hidden)
        linear(f"blocks.{i}.narrow", hidden, channels)
    norm("norm", channels)
    linear("output", channels, phones)
    return found


def _turned(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.T)


def _told(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else f"shape {shape}"
