"""Expected risk over lattices of k2: known values, k2's own loss, gradients."""

import math
from itertools import product

import pytest

pytest.importorskip("k2.version", reason="no k2 here; tools/k2_env.sh makes a place for it")
k2 = pytest.importorskip("k2")
torch = pytest.importorskip("torch")
from speechalign.errors import InputError  # noqa: E402
from speechalign.losses.expected_risk_k2 import expected_risk_k2_loss  # noqa: E402

FIRST, SECOND, LAST = (
    [0.1, 0.2],
    [0.3, 0.4],
    0.5,
)  # Two words 10 or 20, then 30 or 40, then the end.
TOY = """
0 1 1 10 0
0 1 2 20 0
1 2 3 30 0
1 2 4 40 0
2 3 -1 -1 0
3
"""
TWIN = TOY.replace("0 1 2 20 0\n", "0 1 2 20 0\n0 1 5 10 0\n")
DEAD = "0 1 1 1 0\n2 3 -1 -1 0\n3"


def lattices(text, probabilities, copies=1):
    """Return a vector of lattices and the probabilities of its arcs, which have a gradient."""
    one = k2.Fsa.from_str(text, acceptor=False)
    vector = k2.create_fsa_vec([one] * copies)
    given = torch.tensor(probabilities * copies).requires_grad_()
    vector.scores = given.log()
    return vector, given


def toy(copies=1):
    return lattices(TOY, [*FIRST, *SECOND, LAST], copies)


def padded(*transcripts):
    targets = torch.full((len(transcripts), 4), 99)
    for row, transcript in zip(targets, transcripts):
        row[: len(transcript)] = torch.tensor(transcript, dtype=torch.int64)
    return targets, torch.tensor([len(transcript) for transcript in transcripts])


def test_known_values():
    lattice, _ = toy(2)
    risk = expected_risk_k2_loss(lattice, *padded([10], [50]), reduction="none")
    assert risk.tolist() == pytest.approx([5 / 3, 2.0], rel=1e-6)
    lattice, _ = toy(2)
    total = expected_risk_k2_loss(lattice, *padded([10], [50]), reduction="sum")
    assert total.item() == pytest.approx(11 / 3, rel=1e-6)
    mean = expected_risk_k2_loss(lattice, *padded([10], [50]))
    assert mean.item() == pytest.approx(11 / 6, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_agrees_with_k2(scale, temperature):
    ours, given = toy(2)
    theirs, other = toy(2)
    risk = expected_risk_k2_loss(
        ours, *padded([10, 40], [20]), scale=scale, temperature=temperature, reduction="sum"
    )
    expected = k2.mwer_loss(
        theirs, [[10, 40], [20]], nbest_scale=1 / temperature, temperature=1 / scale
    )
    torch.testing.assert_close(risk, expected)
    risk.backward()
    expected.backward()
    torch.testing.assert_close(given.grad, other.grad)
    assert given.grad.abs().max() > 0.1


def test_every_path_counts():
    lattice, given = lattices(TWIN, [0.1, 0.2, 0.5, *SECOND, LAST])
    risk = expected_risk_k2_loss(lattice, *padded([10]), samples=400)
    weights = {(0.1, 10): 1, (0.2, 20): 2, (0.5, 10): 1}
    total = sum(p * q for (p, _), q in product(weights, SECOND))
    exact = sum(p * q * errors for ((p, _), errors), q in product(weights.items(), SECOND)) / total
    assert risk.item() == pytest.approx(exact, rel=1e-6)
    risk.backward()
    # By p: d risk / d p = (W - risk) / sum of p.
    expected = [(errors - exact) / 0.8 for errors in (1, 2, 1)]
    assert given.grad[:3].tolist() == pytest.approx(expected, rel=1e-4)
    assert given.grad[3:].tolist() == pytest.approx([0.0] * 3, abs=1e-6)


def test_words_without_aux_labels_and_several_on_an_arc():
    one = k2.Fsa.from_str("0 1 7 0\n1 2 8 0\n2 3 -1 0\n3")
    risk = expected_risk_k2_loss(k2.create_fsa_vec([one]), *padded([7, 9]))
    assert risk.item() == 1.0
    one.aux_labels = k2.RaggedTensor([[7, 0, 9], [], [-1]])
    risk = expected_risk_k2_loss(k2.create_fsa_vec([one]), *padded([7, 9]))
    assert risk.item() == 0.0


def test_the_lattice_stays_as_it_is():
    lattice, _ = toy()
    before = lattice.scores.clone()
    expected_risk_k2_loss(lattice, *padded([10]), temperature=4.0)
    assert torch.equal(lattice.scores, before)
    assert torch.equal(k2.Fsa(lattice.arcs).scores, before)


def test_no_path():
    good = k2.Fsa.from_str(TOY, acceptor=False)
    dead = k2.connect(k2.Fsa.from_str(DEAD, acceptor=False))
    vector = k2.create_fsa_vec([good, dead])
    scores = torch.tensor([*FIRST, *SECOND, LAST]).log().requires_grad_()
    vector.scores = scores * 1.0
    risk = expected_risk_k2_loss(vector, *padded([10], [10]), reduction="none")
    assert risk[0].item() == pytest.approx(5 / 3)
    assert risk[1].item() == math.inf
    risk.sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 0}, "samples: expected at least 1, got 0"),
        ({"temperature": 0.0}, "temperature: expected a finite number above 0, got 0.0"),
        ({"scale": -1.0}, "scale: expected a finite number above 0, got -1.0"),
        ({"reduction": "max"}, "reduction: expected 'mean', 'sum' or 'none', got 'max'"),
        ({"targets": torch.zeros(2, 3)}, "targets: expected int32 or int64, got float32"),
        (
            {"targets": torch.zeros(2, 3, dtype=torch.int64)},
            r"targets: expected shape \(1, L\), got \(2, 3\)",
        ),
        ({"target_lengths": torch.tensor([5])}, r"target_lengths\[0\]: .* \[0, 4\], got 5"),
        (
            {"target_lengths": torch.tensor([1, 1])},
            r"target_lengths: expected shape \(1,\), .* got \(2,\)",
        ),
        ({"lattice": k2.Fsa.from_str(TOY, acceptor=False)}, "lattice: expected a vector"),
    ],
)
def test_bad_arguments(changes, message):
    given = dict(zip(("lattice", "targets", "target_lengths"), (toy()[0], *padded([10]))))
    with pytest.raises(InputError, match=message):
        expected_risk_k2_loss(**{**given, **changes})
