"""link_corpus: a folder of maps linked from Python, sentence by sentence."""

import numpy as np
import pytest

from speechalign import Alignment, Interval, write_alignment
from speechalign.contributions import TimeAxis, TokenAxis, link_corpus
from speechalign.errors import InputError
from speechalign.links import Links


@pytest.fixture
def corpus(tmp_path):
    """Write two sentences of two words in ten frames each, and return keywords."""
    for folder in ("maps", "said"):
        (tmp_path / folder).mkdir()
    for number in (1, 2):
        words = [Interval(0, 0.5, "ja"), Interval(0.5, 1, "gut")]
        write_alignment(Alignment({"words": words}, 1.0), tmp_path / f"said/{number}.TextGrid")
        values = np.full((2, 10), 0.1)
        values[0, 7] = values[1, 2] = 2
        np.save(tmp_path / f"maps/{number}.npy", values)
    (tmp_path / "tokens").write_text("▁good ▁yes\n▁good ▁yes\n")
    return tmp_path


def linked(corpus, **options):
    axes = {"source": TimeAxis(corpus / "said"), "target": TokenAxis(corpus / "tokens")}
    return link_corpus(corpus / "maps", **{**axes, **options})


def test_sentences_come_one_by_one_with_their_maps(corpus):
    first = next(linked(corpus))
    assert (first.name, first.links, first.problem) == ("1", Links([(1, 0), (0, 1)]), None)
    assert first.units == ((0, 1), (1, 0))
    assert first.contributions.shape == (2, 10)
    assert first.words.values.shape == (2, 2)
    assert [sentence.name for sentence in linked(corpus)] == ["1", "2"]


def test_the_length_of_a_frame_and_the_scheme_may_be_given(corpus):
    short = TimeAxis(str(corpus / "said"), frame=0.2)  # the map covers two seconds: word 2 in it
    assert next(linked(corpus, source=short)).links == Links([(0, 0), (0, 1)])
    whole = TokenAxis(corpus / "tokens", scheme="words")
    assert next(linked(corpus, target=whole)).words.target.labels == ("▁good", "▁yes")


def test_a_fault_is_raised_or_yielded(corpus):
    (corpus / "maps/1.npy").write_text("x")
    with pytest.raises(InputError, match=r"sentence 1: .*1\.npy: .*; --skip-bad \(skip_bad=True\)"):
        next(linked(corpus))
    bad, good = linked(corpus, skip_bad=True)
    assert bad.problem.startswith("sentence 1: ")
    assert (bad.links, bad.words) == (Links([]), None)
    assert good.links == Links([(1, 0), (0, 1)])
    (corpus / "maps/2.npy").write_text("x")
    with pytest.raises(InputError, match="none of 2 sentences could be linked"):
        list(linked(corpus, skip_bad=True))
