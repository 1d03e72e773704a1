import math

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.models.speech_llm.ctc_compression import ctc_compress  # noqa: E402

LABELS = [[1, 1, 0, 0, 2, 1, 1, 1], [0, 0, 2, 2, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]]
LENGTHS = torch.tensor([8, 5, 3])


def batch():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 8, 2, generator=generator, dtype=torch.float64)
    noise = torch.rand(3, 8, 3, generator=generator, dtype=torch.float64)
    log_probs = (noise + 3 * torch.eye(3, dtype=torch.float64)[torch.tensor(LABELS)]).log_softmax(2)
    features[1, 5:], log_probs[1, 5:] = math.nan, math.nan
    return features, log_probs


def runs(b, keep_blanks):
    """Label, first frame and end of each run, by going along."""
    found = []
    for t, label in enumerate(LABELS[b][: LENGTHS[b]]):
        if found and found[-1][0] == label and found[-1][2] == t:
            found[-1][2] = t + 1
        else:
            found.append([label, t, t + 1])
    return [run for run in found if keep_blanks or run[0] != 0]


@pytest.mark.parametrize("keep_blanks", [False, True])
@pytest.mark.parametrize("weights", ["even", "probability"])
def test_runs_are_averaged(keep_blanks, weights):
    features, log_probs = batch()
    found = ctc_compress(features, log_probs, LENGTHS, blank=0, weights=weights,
                         keep_blanks=keep_blanks)  # fmt: skip
    assert found.lengths.tolist() == [len(runs(b, keep_blanks)) for b in range(3)]
    assert found.rows.shape[1] == found.lengths.max()
    for b in range(3):
        for r, (label, begin, end) in enumerate(runs(b, keep_blanks)):
            assert found.spans[b, r].tolist() == [begin, end]
            assert found.labels[b, r] == label
            weight = log_probs[b, begin:end, label].exp() if weights == "probability" else None
            wanted = features[b, begin:end]
            wanted = wanted.mean(0) if weight is None else weight @ wanted / weight.sum()
            torch.testing.assert_close(found.rows[b, r], wanted)
        assert not found.rows[b, found.lengths[b] :].any()


def test_gradient_goes_to_features_and_probabilities():
    features, log_probs = (x.nan_to_num(0.0).requires_grad_() for x in batch())

    def rows(features, log_probs):
        return ctc_compress(features, log_probs, LENGTHS, blank=0, weights="probability").rows

    assert torch.autograd.gradcheck(rows, (features, log_probs))
    by_features, by_probs = torch.autograd.grad(
        rows(features, log_probs).sum(), (features, log_probs)
    )
    assert not by_features[1, 5:].any()
    assert by_probs.any()


def test_renamed_labels_and_order():
    features, log_probs = batch()
    moved = log_probs[:, :, [1, 2, 0]]  # The blank is the last column.
    a = ctc_compress(features, log_probs, LENGTHS, blank=0, keep_blanks=False)
    b = ctc_compress(features, moved, LENGTHS, blank=2, keep_blanks=False)
    torch.testing.assert_close(a.rows, b.rows)
    order = torch.tensor([2, 0, 1])
    c = ctc_compress(features[order], log_probs[order], LENGTHS[order], blank=0, keep_blanks=False)
    torch.testing.assert_close(c.rows, a.rows[order])


def test_nothing_but_blanks():
    features, log_probs = batch()
    found = ctc_compress(features[2:], log_probs[2:], LENGTHS[2:], blank=0, keep_blanks=False)
    assert found.rows.shape == (1, 0, 2)
    assert found.lengths.tolist() == [0]


def test_half_precision_is_averaged_as_it_is():
    features, log_probs = batch()
    found = ctc_compress(features.half(), log_probs, LENGTHS, blank=0)
    assert found.rows.dtype == torch.float16


def test_errors():
    features, log_probs = batch()
    with pytest.raises(InputError, match=r"features, log_probs: expected shapes"):
        ctc_compress(features[:, :4], log_probs, LENGTHS, blank=0)
    with pytest.raises(InputError, match=r"blank: expected a column in \[0, 3\), got 3"):
        ctc_compress(features, log_probs, LENGTHS, blank=3)
    with pytest.raises(InputError, match=r"input_lengths\[0\]: expected a value in \[0, 8\]"):
        ctc_compress(features, log_probs, LENGTHS + 1, blank=0)
    with pytest.raises(InputError, match="weights: expected 'even' or 'probability', got 'sum'"):
        ctc_compress(features, log_probs, LENGTHS, blank=0, weights="sum")
    with pytest.raises(InputError, match=r"log_probs\[1, 5, 0\]: expected a number, got nan"):
        ctc_compress(features, log_probs, torch.tensor([8, 6, 3]), blank=0)
