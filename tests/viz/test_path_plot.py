"""Pictures of paths: every word at its place in the text, and what does not fit."""

import pytest

from speechalign import Interval
from speechalign.text.word import Word
from speechalign.viz import plot_path

pytest.importorskip("matplotlib")


def word(start, status="aligned", confidence=0.5):
    span = None if start is None else Interval(start, start + 0.5, "w", confidence)
    return Word("w", ("w",), span=span, status=status)


def places(collection):
    return [line[:, 1].tolist() for line in collection.get_segments()]


def test_words_lie_at_their_place_in_the_text(tmp_path):
    words = [
        word(0.0, confidence=0.0),
        word(1.0, confidence=1.0),
        word(None, "skipped"),
        word(None, "skipped"),
        word(2.0, confidence=None),
        word(4.0, "repeated"),
        word(5.0),
    ]
    figure = plot_path(words, 90.0, untranscribed=[Interval(10, 40.5, "speech")])
    axes, _ = figure.axes
    unknown, known, repeated = axes.collections
    assert places(unknown) == [[4, 5]]
    assert places(known) == [[0, 1], [1, 2], [5, 6]]
    assert places(repeated) == [[4, 5]]
    assert known.get_array().tolist() == [0.0, 1.0, 0.5]
    assert axes.get_ylim() == (0, 6)
    assert axes.get_xlim() == (0, 90)
    audio, text = axes.patches
    assert (audio.get_x(), audio.get_width()) == (10, 30.5)
    assert (text.get_y(), text.get_height()) == (2, 2)
    assert [entry.get_text() for entry in axes.get_legend().get_texts()] == [
        "skipped: 2 words of the text",
        "repeated: 1 words",
        "untranscribed: 30.5 s",
    ]
    figure.savefig(tmp_path / "path.png")
    shown = [tick.get_text() for tick in axes.get_xticklabels() if tick.get_text()]
    assert "0:10" in shown
    assert (tmp_path / "path.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("words", [[], [word(None, "skipped")], [word(0.0)]])
def test_little_to_draw(words, tmp_path):
    figure = plot_path(words, 4000.0)
    assert figure.axes[0].get_xlabel() == "time (h:min:s)"
    assert (figure.axes[0].get_legend() is None) == all(w.status == "aligned" for w in words)
    figure.savefig(tmp_path / "path.png")
