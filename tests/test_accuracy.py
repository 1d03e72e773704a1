"""Boundary errors that must not grow: on the shipped examples, and on boundaries set by hand.

The recordings are measured on, never trained on. Each limit is the figure that was reached, and at
most 5 % more, for other processors.
"""

import pytest

from speechalign import read_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.metrics import report


def aligned(aligner, corpus, gold):
    """Pair the gold alignment of each recording of a corpus with the one that an aligner finds."""
    pairs = {}
    for audio in sorted(corpus.glob("*/*.flac")):
        name = audio.relative_to(corpus).with_suffix("").as_posix()
        waveform = read_waveform(audio, sample_rate=aligner.model.sample_rate)
        text = audio.with_suffix(".lab").read_text(encoding="utf-8")
        truth = read_alignment(gold / f"{name}.TextGrid")
        pairs[name] = truth, aligner.align(waveform, text).alignment
    return pairs


EXAMPLES = [
    # model, tier, boundaries, then mean, median and size of the bias in ms, share within 10 ms
    ("english-sphinx", "words", 64, 6.4, 3.8, 3.0, 0.82),
    ("english-sphinx", "phones", 248, 6.8, 4.5, 0.7, 0.83),
    ("english-gmm", "words", 64, 9.5, 6.1, 5.0, 0.79),
    ("english-gmm", "phones", 244, 7.7, 4.8, 2.0, 0.76),
    ("english-ctc-small", "words", 64, 23.0, 15.5, 18.9, 0.40),
]


@pytest.fixture(scope="module")
def of_examples(aligner, examples):
    """Return a function: the pairs of alignments of the examples with a model."""
    made = {}

    def get(model):
        if model not in made:
            chosen = aligner if model == aligner.model.name else Aligner(model)
            made[model] = aligned(chosen, examples, examples.parent / "gold")
        return made[model]

    return get


@pytest.mark.parametrize(("model", "tier", "count", "mean", "median", "bias", "within"), EXAMPLES)
def test_examples(of_examples, model, tier, count, mean, median, bias, within):
    if model == "english-ctc-small":
        pytest.importorskip("torch", reason="needs torch")
    total = report(of_examples(model), tier=tier).pooled
    assert (total.reference_recordings, total.hypothesis_recordings) == (3, 3)
    errors = total.both
    assert errors.n == count
    assert 1000 * errors.mean <= mean
    assert 1000 * errors.median <= median
    assert 1000 * abs(errors.bias) <= bias
    assert errors.within[0.010] >= within


def test_words_of_timit(shared, aligner):
    corpus = shared / "data" / "timit-dev"
    if not corpus.is_dir():
        pytest.skip(f"no recordings at {corpus}")
    pairs = aligned(aligner, corpus / "corpus", corpus / "gold")
    assert len(pairs) == 80
    total = report(pairs, tier="words").pooled
    assert (total.reference_recordings, total.hypothesis_recordings) == (80, 80)
    assert total.matched_labels == total.reference_labels
    both = total.both
    assert both.mean <= 0.0152
    assert both.median <= 0.0085
    assert len(both.within) == 4
    for limit, share in {0.010: 0.56, 0.025: 0.815, 0.050: 0.94, 0.100: 0.99}.items():
        assert both.within[limit] >= share
