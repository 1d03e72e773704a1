"""Plots: everything is drawn, whatever the labels are made of, and nothing warns."""

import sys

import numpy as np
import pytest

from speechalign import Alignment, Interval
from speechalign.alignment import Margins
from speechalign.audio.waveform import Waveform
from speechalign.errors import BackendError
from speechalign.viz import plot_alignment
from speechalign.viz.fonts import lettering

FigureCanvasAgg = pytest.importorskip("matplotlib.backends.backend_agg").FigureCanvasAgg
pytest.importorskip("librosa")

RATE = 16000


def waveform(seconds):
    noise = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * RATE))
    return Waveform(noise.astype(np.float32), RATE, 1, None, RATE)


def words(*labels, seconds=0.4, confidence=None):
    return [
        Interval(number * seconds, (number + 1) * seconds, label, confidence)
        for number, label in enumerate(labels)
    ]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_each_tier_has_its_row_under_waveform_and_spectrogram(tmp_path):
    tiers = {"words": words("one", "two"), "phones": words("W", "AH", "N", "T", "UW", seconds=0.2)}
    figure = plot_alignment(Alignment(tiers, 1.25), waveform(1.25))
    wave, spectrogram, *rows = figure.axes
    assert [row.get_ylabel() for row in rows] == ["words", "phones"]
    assert texts(rows[0]) == ["one", "two"]
    assert texts(rows[1]) == ["W", "AH", "N", "T", "UW"]
    assert wave.get_xlim() == (0, 1.25)
    for axes in (wave, spectrogram):  # one line for a boundary that two words share
        drawn = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert drawn == [0.0, 0.4, 0.8]
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_credible_intervals_are_bands_and_a_shared_bound_has_them_once():
    margins = Margins(-0.03, -0.01, 0.02, 0.05)
    one = Interval(0.1, 0.4, "one", None, None, margins)
    two = Interval(0.4, 0.8, "two", None, margins, margins)
    figure = plot_alignment(Alignment({"words": [one, two]}, 1.0), waveform(1.0))
    bands = [patch for patch in figure.axes[2].patches if patch.get_height() == 0.2]
    found = sorted((round(b.get_x(), 3), round(b.get_width(), 3)) for b in bands)
    assert found == [(0.37, 0.08), (0.39, 0.03), (0.77, 0.08), (0.79, 0.03)]


def test_doubtful_words_have_another_colour():
    low, high, none = (
        plot_alignment(Alignment({"words": words("a", confidence=c)}, 0.5), waveform(0.5))
        .axes[2]
        .patches[0]
        .get_facecolor()
        for c in (0.49, 0.5, None)
    )
    assert len({low, high, none}) == 3


@pytest.mark.parametrize("tiers", [{}, {"words": []}])
def test_nothing_to_draw(tiers, tmp_path):
    figure = plot_alignment(Alignment(tiers, 0.5), waveform(0.5))
    figure.savefig(tmp_path / "plot.png")
    assert len(figure.axes) == 2 + len(tiers)


@pytest.mark.parametrize("samples", [1, 100, 1000])
def test_recordings_of_milliseconds(samples, tmp_path):
    tiers = {"words": [Interval(0, samples / RATE, "a")]}
    sound = waveform(samples / RATE)
    plot_alignment(Alignment(tiers, sound.duration), sound).savefig(tmp_path / "plot.png")


def test_digital_silence(tmp_path):
    sound = Waveform(np.zeros(RATE, np.float32), RATE, 1, None, RATE)
    plot_alignment(Alignment({"words": words("a")}, 1.0), sound).savefig(tmp_path / "plot.png")


# Warnings are errors: a glyph that no font has would raise here.
@pytest.mark.parametrize(
    ("label", "drawn"),
    [
        ("$5.50,", "$5.50,"),
        ("$x_1$", "$x_1$"),
        (r"\frac{", r"\frac{"),
        ("café", "café"),
        ("Москва", "Москва"),
        ("\U000f0000", "□"),  # no font has a character for private use
        ("a\U000f0000b", "a□b"),
        ("a\U000e0041b", "ab"),  # a tag, which is not seen
        ("ok\ufe0f", None),
        ("👩\u200d👩", None),
        ("猫が", None),
        ("مرحبا", None),
        ("e\u0301", None),
    ],
)
def test_labels_of_any_script_are_drawn_without_warning(label, drawn, tmp_path, caplog):
    tiers = {f"{label} - words": words(label, "a")}
    figure = plot_alignment(Alignment(tiers, 1.0), waveform(1.0))
    figure.savefig(tmp_path / "plot.png")
    row = figure.axes[2]
    if drawn is not None:
        assert texts(row) == [drawn, "a"]
        assert row.get_ylabel() == f"{drawn} - words"
    assert not any(text.get_parse_math() for text in [*row.texts, row.yaxis.label])
    assert not caplog.records


def test_long_words_are_shortened_to_their_interval(tmp_path):
    long = "Pneumonoultramicroscopicsilicovolcanoconiosis"
    spans = [
        Interval(0.0, 0.5, long),
        Interval(0.5, 0.51, long),
        Interval(0.6, 0.65, "it"),
        Interval(1, 3, long),
    ]
    figure = plot_alignment(Alignment({"words": spans}, 3.0), waveform(3.0))
    figure.savefig(tmp_path / "plot.png")
    row = figure.axes[2]
    some, none, two, whole = texts(row)
    assert (none, two, whole) == ("", "it", long)
    assert long.startswith(some[:-1])
    assert some.endswith("…")
    assert 4 <= len(some) < len(long)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for text, span in zip(row.texts, spans):
        begin, end = row.transData.transform([(span.start, 0), (span.end, 0)])[:, 0]
        if text.get_text():
            box = text.get_window_extent(renderer)
            assert begin - 1 <= box.x0
            assert box.x1 <= end + 1


def test_other_fonts_are_used_only_where_the_default_lacks_a_character(tmp_path):
    default = lettering(["plain", "Ünïcödé"])
    assert default.families == lettering([]).families
    letter = "\N{LATIN SMALL LETTER D WITH PALATAL HOOK}"  # in STIX, which matplotlib brings along
    chosen = lettering([letter])
    assert len(chosen.families) == len(default.families) + 1
    assert chosen.drawable(letter) == letter
    figure = plot_alignment(Alignment({"words": words(letter)}, 1.0), waveform(1.0))
    figure.savefig(tmp_path / "plot.png")
    assert figure.axes[2].texts[0].get_fontfamily() == chosen.families


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(BackendError, match=r"needs librosa; pip install 'speechalign\[plot\]'"):
        plot_alignment(Alignment({}, 1.0), waveform(1.0))
