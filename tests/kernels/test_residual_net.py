"""Layers of the small network against their formulas, in double precision."""

import math

import numpy as np
import pytest

from speechalign.kernels.residual_net import add_affine, depthwise, gelu, layer_norm


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("rows", "inner", "columns"), [(9, 6, 5), (4, 4, 3), (3, 9, 1), (0, 4, 2)])
def test_affine(rows, inner, columns):
    x, weight, bias = draw(rows, inner), draw(inner, columns, seed=1), draw(columns, seed=2)
    out = draw(rows, columns, seed=3)
    expected = out + x.astype(np.float64) @ weight + bias
    add_affine(x, weight, bias, out)
    assert out == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_depthwise_convolution(dilation):
    x, taps, bias = draw(8, 3), draw(5, 3, seed=1), draw(3, seed=2)
    expected = np.tile(bias.astype(np.float64), (8, 1))
    for t in range(8):
        for k in range(5):
            if 0 <= t + (k - 2) * dilation < 8:
                expected[t] += x[t + (k - 2) * dilation] * taps[k]
    assert depthwise(x, taps, bias, dilation) == pytest.approx(expected, abs=1e-5)


def test_layer_norm():
    x, gain, bias = draw(6, 8) * 3 + 2, draw(8, seed=1), draw(8, seed=2)
    wide = x.astype(np.float64)
    normal = wide - wide.mean(axis=1, keepdims=True)
    normal /= np.sqrt(wide.var(axis=1, keepdims=True) + 1e-5)
    layer_norm(x, gain, bias, 1e-5)
    assert x == pytest.approx(normal * gain + bias, abs=1e-5)


def test_gelu_over_its_whole_range():
    x = np.linspace(-12, 12, 1200, dtype=np.float32).reshape(3, -1)
    expected = [[v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in row] for row in x.tolist()]
    gelu(x)
    assert x == pytest.approx(np.array(expected), abs=2e-6)
