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
    layer norm and a linear map; then a GELU. Each residual block is a depthwise convolution over
    time, a layer norm, and two linear maps with a GELU between. A linear map gives the phones,
    after a layer norm where there is no encoder.

    Where frames are stacked, the convolution leads to the stem, and after its GELU, so many frames
    side by side go through a linear map to the channels, and another GELU. The last map gives the
    phones of as many frames, to which a linear map of the stem is added: blocks at half the frame
    rate cost half, and the stem still places a change to the frame.

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
        outputs = len(weights["output.bias"]) if "output.bias" in weights else 0
        self.phones = outputs // config.stack
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
            self.weights["front.weight"].transpose(0, 2, 1).reshape(-1, FRONT * config.bands)
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
        config = self.config
        heard = None if states is None else self._encoded(states)
        stacked = -(-len(mels) // config.stack)
        side, reach, size = FRONT // 2, config.block_reach, _BLOCK // config.stack
        before = np.pad(mels, ((side, side + stacked * config.stack - len(mels)), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(before, FRONT, axis=0)
        found = np.empty((stacked * config.stack, self.phones), np.float32)
        for first in range(0, stacked, size):
            last = min(first + size, stacked)
            low, high = max(0, first - reach), min(stacked, last + reach)
            rows = slice(low * config.stack, high * config.stack)
            unrolled = windows[rows].transpose(0, 2, 1).reshape(rows.stop - rows.start, -1)
            x = np.zeros((len(unrolled), len(self.weights["front.bias"])), np.float32)
            if heard is not None and cells is not None:
                x[:] = heard[cells[rows]]
            add_affine(np.ascontiguousarray(unrolled), self._front, self.weights["front.bias"], x)
            gelu(x)
            inner = slice((first - low) * config.stack, (last - low) * config.stack)
            found[first * config.stack : last * config.stack] = self._scored(x)[inner]
        return found[: len(mels)]

    def _encoded(self, states: np.ndarray) -> np.ndarray:
        """Map the states of the encoder to the channels."""
        out = np.zeros((len(states), self.config.channels), np.float32)
        for first in range(0, len(states), _BLOCK):
            rows = states[first : first + _BLOCK].astype(np.float32)  # a copy
            self._norm("encoder_norm", rows)
            self._add("encoder", rows, out[first : first + _BLOCK])
        return out

    def _scored(self, stem: np.ndarray) -> np.ndarray:
        """Turn what comes out of the first convolution into (T, P) log posteriors."""
        config = self.config
        x = stem
        scores = np.zeros((len(stem), self.phones), np.float32)
        if config.stack > 1:
            self._add("fine", stem, scores)
            x = np.zeros((len(stem) // config.stack, config.channels), np.float32)
            self._add("join", stem.reshape(len(x), -1), x)
            gelu(x)
        for i, dilation in enumerate(config.dilations):
            name = f"blocks.{i}"
            y = depthwise(x, self._taps[i], self.weights[f"{name}.over_time.bias"], dilation)
            self._norm(f"{name}.norm", y)
            wide = np.zeros((len(y), config.hidden), np.float32)
            self._add(f"{name}.widen", y, wide)
            gelu(wide)
            self._add(f"{name}.narrow", wide, x)
        if not config.encoder_width:
            self._norm("norm", x)
        self._add("output", x, scores.reshape(len(x), -1))
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

    stem = config.stem or channels
    found.update({"front.weight": (stem, config.bands, FRONT), "front.bias": (stem,)})
    if config.stack > 1:
        linear("join", config.stack * stem, channels)
        linear("fine", stem, phones)
    if config.encoder_width:
        norm("encoder_norm", config.encoder_width)
        linear("encoder", config.encoder_width, channels)
    for i in range(len(config.dilations)):
        found[f"blocks.{i}.over_time.weight"] = (channels, 1, config.kernel)
        found[f"blocks.{i}.over_time.bias"] = (channels,)
        norm(f"blocks.{i}.norm", channels)
        linear(f"blocks.{i}.widen", channels, hidden)
        linear(f"blocks.{i}.narrow", hidden, channels)
    if not config.encoder_width:
        norm("norm", channels)
    linear("output", channels, config.stack * phones)
    return found


def _turned(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.T)


def _told(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else f"shape {shape}"
