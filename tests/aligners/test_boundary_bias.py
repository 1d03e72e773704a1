"""The bias of boundaries by kinds of phones: estimated, shrunk, taken off."""

from dataclasses import replace

import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.boundary_bias import BoundaryBias, read_boundary_bias
from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError


@pytest.fixture(scope="module")
def tea(aligner, examples):
    return aligner.align(examples / "slt/tea.flac", (examples / "slt/tea.lab").read_text())


def moved(result, seconds):
    """Return the tiers with every boundary at another time."""
    tiers = {
        name: [replace(i, start=i.start + seconds, end=i.end + seconds) for i in intervals]
        for name, intervals in result.alignment.tiers.items()
    }
    return Alignment(tiers, result.duration + 1)


def test_what_is_late_everywhere_is_shrunk_and_taken_off(tea, aligner, examples):
    corrections = [(tea, moved(tea, -0.01))] * 50
    bias = BoundaryBias.of("english-sphinx", corrections)
    total = sum(bias.counts.values())
    assert total == 50 * 2 * len(tea.alignment.tiers["phones"])
    assert bias.overall == pytest.approx(0.01 * total / (total + 20))
    for pair, n in bias.counts.items():
        assert bias.seconds[pair] == pytest.approx((n * 0.01 + 20 * bias.overall) / (n + 20))
    found = Aligner(aligner.model, corrections=bias).align(
        examples / "slt/tea.flac", (examples / "slt/tea.lab").read_text()
    )
    for before, after in zip(tea.alignment.tiers["phones"], found.alignment.tiers["phones"]):
        assert after.label == before.label
        assert after.start == pytest.approx(before.start - 0.01, abs=1e-3)
    for before, after in zip(found.words, found.words[1:]):
        assert before.end <= after.start


def test_nothing_known_changes_nothing(tea):
    assert BoundaryBias.of("m", []).taken_off(tea).alignment == tea.alignment
    other = Alignment({"words": [Interval(0, 1, "else")]}, tea.duration)
    assert BoundaryBias.of("m", [(tea, other)]).seconds == {}


def test_words_alone_say_nothing_of_phones_inside(tea):
    words = Alignment({"words": moved(tea, 0.02).tiers["words"]}, tea.duration + 1)
    bias = BoundaryBias.of("m", [(tea, words)])
    assert sum(bias.counts.values()) == 2 * len(tea.words)
    assert bias.overall < 0


def test_gross_mistakes_are_no_bias(tea):
    bias = BoundaryBias.of("m", [(tea, moved(tea, 0.9))])
    assert bias.overall >= -0.1


def test_a_file_is_of_its_model(tea, tmp_path, aligner):
    bias = BoundaryBias.of("another", [(tea, moved(tea, -0.01))])
    bias.write(tmp_path / "b.json")
    assert read_boundary_bias(tmp_path / "b.json") == bias
    with pytest.raises(InputError, match="were made on 'another', not on 'english-sphinx'"):
        Aligner(aligner.model, corrections=tmp_path / "b.json")
    assert Aligner(aligner.model).settings()["corrections"] == "none"
    own = replace(bias, model="english-sphinx")
    assert Aligner(aligner.model, corrections=own).settings()["corrections"] != "none"
    for content in ("{", "[]", '{"model": "m", "overall": 9, "pairs": []}'):
        (tmp_path / "b.json").write_text(content)
        with pytest.raises(InputError, match=r"b\.json: expected"):
            read_boundary_bias(tmp_path / "b.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_boundary_bias(tmp_path / "nowhere")
