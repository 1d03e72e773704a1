import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.models.speech_llm.matching_map import matching_map  # noqa: E402


def beta_binomial(drawn, most, alpha, beta):
    """The probability, by drawing balls from an urn that gives back one more."""
    ways = 1.0
    for k in range(drawn):
        ways *= alpha + k
    for k in range(most - drawn):
        ways *= beta + k
    for k in range(most):
        ways /= alpha + beta + k
    return math.comb(most, drawn) * ways


def test_by_loops():
    generator = torch.Generator().manual_seed(0)
    speech, text = torch.randn(4, 3, generator=generator), torch.randn(2, 3, generator=generator)
    spans = torch.tensor([[0, 1], [1, 3], [4, 5], [5, 7]])
    found = matching_map(speech, text, spans, 8).numpy()
    assert found.shape == (3, 8)
    for token in range(3):
        if token < 2:
            cosines = [float(torch.cosine_similarity(s, text[token], 0)) for s in speech]
            weights = np.exp(np.array(cosines) / 0.1)
        else:
            weights = np.ones(4)
        weights /= weights.sum()
        for row, (begin, end) in enumerate(spans.tolist()):
            prior = beta_binomial(token, 2, (row + 1) / 2, (4 - row) / 2)
            wanted = math.log(weights[row] * prior)
            np.testing.assert_allclose(found[token, begin:end], wanted, rtol=1e-5)
    # No row is of frames 3 and 7.
    np.testing.assert_allclose(found[:, [3, 7]], -math.log(4))


def test_tokens_that_are_alike_keep_their_order():
    speech, text = torch.ones(6, 2), torch.ones(2, 2)
    places = torch.arange(6)
    found = matching_map(speech, text, torch.stack([places, places + 1], 1), 6)
    assert (found[0].diff() < 0).all()
    assert (found[2].diff() > 0).all()
