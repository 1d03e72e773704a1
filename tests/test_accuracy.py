"""The figures to reach on boundaries set by hand. The data is measured on, never trained on."""

import pytest

from speechalign import read_alignment
from speechalign.audio.waveform import read_waveform
from speechalign.metrics import report


def test_words_of_timit(shared, aligner):
    corpus = shared / "data" / "timit-dev"
    if not corpus.is_dir():
        pytest.skip(f"no recordings at {corpus}")
    pairs = {}
    for audio in sorted((corpus / "corpus").glob("*/*.flac")):
        name = audio.relative_to(corpus / "corpus").with_suffix("").as_posix()
        waveform = read_waveform(audio, sample_rate=aligner.model.sample_rate)
        text = audio.with_suffix(".lab").read_text(encoding="utf-8")
        gold = read_alignment(corpus / "gold" / f"{name}.TextGrid")
        pairs[name] = gold, aligner.align(waveform, text).alignment
    assert len(pairs) == 80
    total = report(pairs, tier="words").pooled
    assert (total.reference_recordings, total.hypothesis_recordings) == (80, 80)
    assert total.matched_labels == total.reference_labels
    both = total.both
    assert both.mean <= 0.0160
    assert both.median <= 0.0085
    assert len(both.within) == 4
    for limit, share in {0.010: 0.55, 0.025: 0.79, 0.050: 0.925, 0.100: 0.985}.items():
        assert both.within[limit] >= share
