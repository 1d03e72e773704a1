"""Matching by attention, optimal transport, and contrast of words."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import matching_loss, ot_loss, word_contrastive_loss  # noqa: E402
from speechalign.losses.embeddings import pairwise  # noqa: E402
from speechalign.losses.matching import soft_matching  # noqa: E402


def pair(frames, tokens, seed=0, width=4):
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(1, frames, width, generator=generator, dtype=torch.float64)
    text = torch.randn(1, tokens, width, generator=generator, dtype=torch.float64)
    return speech, text, torch.tensor([frames]), torch.tensor([tokens])


def test_matching_by_loops():
    speech, text, *lengths = pair(5, 3)
    for distance in ("squared", "cosine"):
        found = soft_matching(speech, text, *lengths, distance=distance)
        total = 0.0
        rows = speech[0].numpy()
        if distance == "cosine":
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for j, e in enumerate(text[0].numpy()):
            scores = rows @ e / 2 if distance == "squared" else rows @ e / np.linalg.norm(e) / 0.1
            weights = np.exp(scores)
            weights /= weights.sum()
            np.testing.assert_allclose(found.attention[0, j], weights)
            z = weights @ rows
            if distance == "squared":
                total += ((z - e) ** 2).mean()
            else:
                total += 1 - z @ e / np.linalg.norm(z) / np.linalg.norm(e)
        assert found.losses.item() == pytest.approx(total / 3)
        assert matching_loss(speech, text, *lengths, distance=distance).item() == pytest.approx(
            total / 3
        )


def test_speech_that_has_the_text_matches_where_attention_is_sharp():
    text = torch.nn.functional.normalize(pair(1, 4)[1], dim=2)
    speech = text[:, [2, 0, 1, 3, 3]]
    lengths = torch.tensor([5]), torch.tensor([4])
    for distance in ("squared", "cosine"):
        sharp = soft_matching(speech, text, *lengths, distance=distance, temperature=1e-3)
        assert sharp.losses.item() == pytest.approx(0, abs=1e-9)
        assert sharp.attention[0, :3].argmax(1).tolist() == [1, 2, 0]
        blurred = matching_loss(speech, text, *lengths, distance=distance, temperature=1.0)
        assert blurred > 1e-3


def test_cosines_do_not_mind_how_large_embeddings_are():
    speech, text, *lengths = pair(5, 3)
    found = matching_loss(speech, text, *lengths)
    assert matching_loss(40 * speech, text / 90, *lengths).item() == pytest.approx(found.item())
    assert soft_matching(speech / 90, text / 90, *lengths).attention.max() > 0.5


def test_matching_attention_is_masked():
    speech, text, *_ = pair(5, 3)
    found = soft_matching(
        speech.expand(2, 5, 4), text.expand(2, 3, 4), torch.tensor([5, 2]), torch.tensor([3, 1])
    )
    torch.testing.assert_close(found.attention.sum(2).round(), torch.tensor(
        [[1.0, 1, 1], [1, 0, 0]], dtype=torch.float64))  # fmt: skip
    assert not found.attention[1, :, 2:].any()
    with pytest.raises(InputError, match="temperature: expected a finite number above 0, got 0"):
        matching_loss(*pair(5, 3), temperature=0.0)


def plans(costs, epsilon, iterations=3000):
    """The plan of balanced transport, by scaling the kernel in turns."""
    n, m = costs.shape
    kernel = np.exp(-costs / epsilon) / (n * m)
    a, b = np.ones(n), np.ones(m)
    for _ in range(iterations):
        a = 1 / n / (kernel @ b)
        b = 1 / m / (a @ kernel)
    return a[:, None] * kernel * b


def test_transport_is_the_primal_value_of_the_plan():
    speech, text, *lengths = pair(5, 3)
    costs = pairwise(speech, text, "squared")[0].numpy()
    plan = plans(costs, 1.5)
    wanted = (plan * costs).sum() + 1.5 * (plan * np.log(plan * 15)).sum()
    found = ot_loss(speech, text, *lengths, distance="squared", epsilon=1.5, divergence=False,
                    iterations=500)  # fmt: skip
    assert found.item() == pytest.approx(wanted)


def test_transport_of_few_rows_is_the_best_assignment():
    """With little entropy: the cheapest of the six one-to-one assignments of three rows."""
    from itertools import permutations

    speech, text, *lengths = pair(3, 3)
    costs = pairwise(speech, text, "squared")[0].numpy()
    wanted = min(sum(costs[i, j] for i, j in enumerate(p)) / 3 for p in permutations(range(3)))
    found = ot_loss(speech, text, *lengths, distance="squared", epsilon=0.01, divergence=False,
                    iterations=2000)  # fmt: skip
    # What entropy there is costs no more than epsilon log 3.
    assert wanted - 1e-9 <= found.item() + 1e-9 <= wanted + 0.012


def test_transport_of_equal_sets_and_of_stray_rows():
    speech, _, frames, _ = pair(5, 3)
    shuffled = speech[:, [3, 1, 4, 0, 2]]
    same = (speech, shuffled, frames, frames)
    assert ot_loss(*same, epsilon=0.2).item() == pytest.approx(0, abs=1e-6)
    assert ot_loss(*same, epsilon=0.2, position=1.0) > 0.05
    stray = torch.cat([speech, 30 + torch.zeros(1, 1, 4, dtype=torch.float64)], 1)
    lengths = torch.tensor([6]), frames
    balanced, unbalanced = (
        ot_loss(stray, speech, *lengths, distance="squared", epsilon=1.0, mass_penalty=penalty)
        for penalty in (None, 1.0)
    )
    assert 0 < 50 * unbalanced < balanced
    near = ot_loss(speech, speech + 0.3, frames, frames, distance="squared", epsilon=1.0)
    held = ot_loss(speech, speech + 0.3, frames, frames, distance="squared", epsilon=1.0,
                   mass_penalty=1e6, iterations=300)  # fmt: skip
    assert held.item() == pytest.approx(near.item(), rel=1e-3)


def test_transport_options_are_checked():
    for option, value in [("epsilon", 0), ("mass_penalty", -1), ("iterations", 0),
                          ("position", -1)]:  # fmt: skip
        with pytest.raises(InputError, match=f"{option}: expected"):
            ot_loss(*pair(3, 2), **{option: value})


def word_batch():
    """Two utterances of three and one words, the first and the last of them the same."""
    speech, text, *_ = pair(8, 4)
    speech, text = speech.reshape(2, 4, 4), text.reshape(2, 2, 4)
    text = torch.cat([text, text + 1], 1)
    spans = torch.tensor([[[0, 1], [1, 3], [3, 4]], [[1, 2], [9, 9], [9, 9]]])
    tokens = torch.tensor([[[0, 1], [1, 2], [2, 4]], [[0, 2], [9, 9], [9, 9]]])
    words = torch.tensor([[7, 8, 9], [7, -1, -1]])
    four = torch.tensor([4, 4])
    return [speech, text, four, four, spans, tokens, words, torch.tensor([3, 1])]


def test_words_are_told_apart_by_all_but_their_duplicates():
    arguments = word_batch()
    speech, text, _, _, spans, tokens, *_ = arguments
    places = [(0, 0), (0, 1), (0, 2), (1, 0)]
    heard, read = (
        [
            rows[b, slice(*where[b, w].tolist())].mean(0) for b, w in places
        ]
        for rows, where in ((speech, spans), (text, tokens))
    )  # fmt: skip
    names, totals = [7, 8, 9, 7], {"speech": 0.0, "text": 0.0}
    for w in range(4):
        others = [x for x in range(4) if x == w or names[x] != names[w]]
        for direction in totals:
            near, far = (heard, read) if direction == "speech" else (read, heard)
            scores = [torch.cosine_similarity(near[w], far[x], dim=0).item() / 0.2 for x in others]
            totals[direction] -= scores[others.index(w)] - math.log(sum(map(math.exp, scores)))
    for direction, total in totals.items():
        found = word_contrastive_loss(*arguments, direction=direction)
        assert found.item() == pytest.approx(total / 4)
    both = word_contrastive_loss(*arguments, direction="both")
    assert both.item() == pytest.approx(sum(totals.values()) / 8)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_orthonormal_words(count):
    rows, lengths = torch.eye(5)[None], torch.tensor([5])
    places = torch.arange(5)
    spans = torch.stack([places, places + 1], 1)[None]
    found = word_contrastive_loss(rows, rows, lengths, lengths, spans, spans, places[None],
                                  torch.tensor([count]))  # fmt: skip
    assert found.item() == pytest.approx(math.log(1 + (count - 1) * math.exp(-1 / 0.2)), abs=1e-6)


def test_word_contrast_derivative_padding_and_order():
    arguments = word_batch()
    arguments[2], arguments[3] = torch.tensor([4, 2]), torch.tensor([4, 2])
    for rows in arguments[:2]:
        rows[1, 2:] = math.nan
    found = word_contrastive_loss(*arguments)
    assert found.isfinite()
    turned = word_contrastive_loss(*(x.flip(0) for x in arguments))
    assert turned.item() == pytest.approx(found.item())
    leaves = [x.nan_to_num(0.0).requires_grad_() for x in arguments[:2]]
    assert torch.autograd.gradcheck(word_contrastive_loss, (*leaves, *arguments[2:]))
    none = word_contrastive_loss(*arguments[:7], torch.tensor([0, 0]))
    assert none.item() == 0


def test_word_contrast_takes_int32():
    arguments = word_batch()
    halves = [x if x.is_floating_point() else x.int() for x in arguments]
    assert word_contrastive_loss(*halves) == word_contrastive_loss(*arguments)


def test_word_contrast_errors():
    arguments = word_batch()
    arguments[4][0, 1] = torch.tensor([2, 2])
    with pytest.raises(InputError, match=r"speech_spans\[0, 1\]: expected a span of at least one"):
        word_contrastive_loss(*arguments)
    arguments = word_batch()
    with pytest.raises(InputError, match=r"text_spans: expected shape \(2, 3, 2\), got"):
        word_contrastive_loss(*arguments[:5], arguments[5][:, :2], *arguments[6:])
    with pytest.raises(InputError, match="words: expected int32 or int64, got float64"):
        word_contrastive_loss(*arguments[:6], arguments[6].double(), arguments[7])
    with pytest.raises(InputError, match=r"words: expected shape \(2, W\), got \(1, 3\)"):
        word_contrastive_loss(*arguments[:6], arguments[6][:1], arguments[7])
    with pytest.raises(InputError, match="direction: expected"):
        word_contrastive_loss(*arguments, direction="up")
